"""COPY of sealed columns by clients of all kinds; a dump through pgseal and its reload; the raw table is looked at."""
import asyncio
import subprocess
import uuid

import asyncpg
import psycopg
import pytest
from conftest import MARK, TENANTS
from servers import Servers
from test_columns import check_raw

VALUES = ["", f"{MARK} plain", f"{MARK}\ttab\nline \\ back", f"{MARK} \"quoted\", 'single'", f"{MARK} é😀", None]
COLUMNS = "id, organisation_id, template"


def psql(url, script):
    return subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", url], input=script, capture_output=True, text=True, check=True, timeout=300).stdout


def new_rows():
    return [(uuid.uuid4(), TENANTS[number % 2], value) for number, value in enumerate(VALUES)]


def check_rows(through, direct, rows):
    for row, tenant, value in rows:
        assert check_raw(direct, "prompts", "template", "text", row, tenant) == (value is not None)
        assert through.execute("SELECT template FROM prompts WHERE id = %s", (row,)).fetchone() == (value,)


@pytest.mark.parametrize("options", ["", "CSV", "(FORMAT csv, HEADER, DELIMITER ';', QUOTE '|', ESCAPE '!', NULL 'none', FORCE_QUOTE (template))", "(DELIMITER ',', NULL 'none')"])
def test_psql_copies_files_both_ways(servers, through, direct, tmp_path, options):
    rows = new_rows()
    with through.cursor().copy(f"COPY prompts ({COLUMNS}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    wanted = ", ".join(f"'{row}'" for row, *_ in rows)
    psql(servers.url, f"\\copy (SELECT {COLUMNS} FROM prompts WHERE id IN ({wanted})) TO '{tmp_path}/rows' {options}\n")
    assert MARK in (tmp_path / "rows").read_text()
    through.execute("DELETE FROM prompts WHERE id = ANY(%s)", ([row for row, *_ in rows],))
    back = options.replace(", FORCE_QUOTE (template)", "")
    psql(servers.url, f"\\copy prompts ({COLUMNS}) FROM '{tmp_path}/rows' {back}\n")
    check_rows(through, direct, rows)


def test_asyncpg_copies_records_and_queries(servers, through, direct):
    rows = new_rows()

    async def copied():
        connection = await asyncpg.connect(servers.url)
        assert await connection.copy_records_to_table("prompts", records=rows, columns=COLUMNS.split(", ")) == f"COPY {len(rows)}"
        pieces = []

        async def take(data):
            pieces.append(data)

        await connection.copy_from_query("SELECT template FROM prompts WHERE id = $1", rows[1][0], output=take)
        await connection.copy_from_query("SELECT template FROM prompts WHERE id = ANY($1)", [row for row, *_ in rows], output=take, format="csv")
        await connection.close()
        return b"".join(pieces).decode()

    text = asyncio.run(copied())
    assert text.startswith(f"{MARK} plain\n") and text.count(MARK) == len(rows) - 1
    check_rows(through, direct, rows)


def test_copy_over_the_extended_protocol(servers, through, direct):
    row = uuid.uuid4()
    wire = through.pgconn
    wire.prepare(b"in", f"COPY prompts ({COLUMNS}) FROM STDIN".encode())
    assert wire.exec_prepared(b"in", []).status == psycopg.pq.ExecStatus.COPY_IN
    wire.put_copy_data(f"{row}\t{TENANTS[0]}\t{MARK} extended\n".encode())
    wire.put_copy_end()
    assert wire.get_result().command_status == b"COPY 1" and wire.get_result() is None
    check_rows(through, direct, [(row, TENANTS[0], f"{MARK} extended")])
    wire.prepare(b"out", f"COPY (SELECT template FROM prompts WHERE id = '{row}') TO STDOUT".encode())
    assert wire.exec_prepared(b"out", []).status == psycopg.pq.ExecStatus.COPY_OUT
    assert bytes(wire.get_copy_data(0)[1]) == f"{MARK} extended\n".encode()
    assert wire.get_copy_data(0)[0] == -1 and wire.get_result().command_status == b"COPY 1" and wire.get_result() is None


RULES = """
[[seal]]
table = "public.copy_notes"
tenant = { setting = "app.tenant" }
columns = ["note"]
"""


@pytest.fixture(scope="module")
def noted(servers, tmp_path_factory):
    """A table whose tenant is a setting of the session."""
    rules = tmp_path_factory.mktemp("rules") / "rules.toml"
    rules.write_text(RULES)
    psql(servers.direct, "CREATE TABLE copy_notes (id int PRIMARY KEY, note text);\n")
    with Servers(port=servers.port, env={"PGSEAL_RULES": str(rules), "PGSEAL_KMS_FILE": f"{servers.folder}/local.key"}) as noted:
        yield noted
    psql(servers.direct, "DROP TABLE copy_notes;\n")


def test_copy_with_the_tenant_from_a_setting(noted, direct):
    with psycopg.connect(noted.url, autocommit=True) as connection:
        with pytest.raises(psycopg.Error) as refused:
            with connection.cursor().copy("COPY copy_notes FROM STDIN") as copy:
                copy.write_row((1, f"{MARK} nobody's"))
        assert refused.value.sqlstate in ("SV006", "SV007")
        connection.execute("SET app.tenant = 'red'")
        with connection.cursor().copy("COPY copy_notes FROM STDIN") as copy:
            copy.write_row((1, f"{MARK} red"))
        assert connection.execute("SELECT note FROM copy_notes").fetchall() == [(f"{MARK} red",)]
    assert direct.execute("SELECT note LIKE '~s1%' FROM copy_notes").fetchall() == [(True,)]


def test_a_dump_through_pgseal_is_plaintext_and_its_reload_seals(servers, through, direct, tmp_path):
    rows = new_rows()
    with through.cursor().copy(f"COPY prompts ({COLUMNS}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    dump = tmp_path / "dump.sql"
    subprocess.run(["pg_dump", "--data-only", "--table=prompts", "-f", str(dump), servers.url], check=True, timeout=300)
    assert MARK in dump.read_text() and "~s1" not in dump.read_text()
    through.execute("DELETE FROM prompts WHERE id = ANY(%s)", ([row for row, *_ in rows],))
    # Rows of the suite that were there before the dump are there still: only those that are gone come back.
    lines = dump.read_text().splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("COPY "))
    gone = {str(row) for row, *_ in rows}
    kept = [line for at, line in enumerate(lines) if at <= start or not line.count("\t") or line.split("\t")[0] in gone]
    psql(servers.url, "\n".join(kept) + "\n")
    check_rows(through, direct, rows)
