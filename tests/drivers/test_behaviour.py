"""Refusals, tampering, outages."""
import asyncio
import itertools
import os
import socket
import subprocess
import time
import uuid
from urllib.parse import urlsplit

import asyncpg
import psycopg
import pytest
from conftest import MARK, TENANTS
from psycopg import pq
from servers import Servers


def new_key(connection, value="v", tenant=TENANTS[0]):
    row = uuid.uuid4()
    connection.execute("INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES (%s, %s, %s, %s)", (row, tenant, str(row), value))
    return row


@pytest.mark.parametrize("sql", [
    "SELECT * FROM virtual_keys WHERE key = 'x'", "SELECT upper(key) FROM virtual_keys", "SELECT key FROM virtual_keys ORDER BY key",
    "SELECT DISTINCT key FROM virtual_keys", "SELECT key FROM virtual_keys UNION SELECT slug FROM virtual_keys", "SELECT v::text FROM virtual_keys v",
    "UPDATE virtual_keys SET key = key || 'x'", "UPDATE virtual_keys SET key = slug",
    "COPY virtual_keys FROM '/dev/null'", "COPY (SELECT key FROM virtual_keys) TO PROGRAM 'cat'", "CREATE TABLE t AS SELECT upper(key) FROM virtual_keys",
    "INSERT INTO requests (note) SELECT key FROM virtual_keys", "DO $$BEGIN UPDATE virtual_keys SET key = 'x'; END$$",
    "INSERT INTO virtual_keys (id, slug, key) VALUES (gen_random_uuid(), 's', 'x')", 'SELECT U&"ke\\0079" FROM virtual_keys WHERE U&"ke\\0079" = \'a\'',
    "UPDATE active_virtual_keys SET key = 'x'", "SELECT 1; UPDATE virtual_keys SET key = lower('A')", "SELECT 1 <>--'\n 1, key FROM virtual_keys WHERE key = 'x' --'",
])
def test_what_cannot_work_on_ciphertext_is_refused_and_the_session_goes_on(through, sql):
    with pytest.raises(psycopg.errors.FeatureNotSupported) as refused:
        through.execute(sql)
    assert "docs/errors.md#" in refused.value.diag.message_hint
    assert through.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("sql", [
    "SELECT count(*), count(key) FROM virtual_keys", "SELECT slug FROM virtual_keys WHERE key IS NOT NULL ORDER BY slug", "SELECT 'virtual_keys' AS virtual_keys",
    "VACUUM virtual_keys", "ANALYZE virtual_keys", "EXPLAIN SELECT key FROM virtual_keys", "DELETE FROM virtual_keys WHERE slug = 'nobody' RETURNING key",
    "SELECT v.key, o.name FROM virtual_keys v JOIN organisations o ON o.id = v.organisation_id", "SELECT key FROM active_virtual_keys",
])
def test_what_works_goes_through(through, sql):
    through.execute(sql)


def test_a_planted_a_moved_and_a_tampered_value_are_errors(through, direct):
    row = new_key(through, "secret")
    read = lambda: through.execute("SELECT organisation_id, key FROM virtual_keys WHERE id = %s", (row,)).fetchone()[1]
    sealed = direct.execute("SELECT key FROM virtual_keys WHERE id = %s", (row,)).fetchone()[0]
    put = lambda value: direct.execute("UPDATE virtual_keys SET key = %s WHERE id = %s", (value, row))
    moved = direct.execute("SELECT template FROM prompts WHERE template IS NOT NULL LIMIT 1").fetchone()
    flipped = sealed[:-5] + ("A" if sealed[-5] != "A" else "B") + sealed[-4:]
    for value, state in [("planted", "SV002"), (flipped, "SV001"), (sealed[:40] + "~", "SV001"), (sealed[:-1], "SV001"), (moved[0] if moved else flipped, "SV001")]:
        put(value)
        with pytest.raises(psycopg.Error) as refused:
            read()
        assert refused.value.sqlstate in (state, "SV008"), value
    other = direct.execute("SELECT key FROM virtual_keys WHERE id = %s", (new_key(through, "b", TENANTS[1]),)).fetchone()[0]
    put(other)
    with pytest.raises(psycopg.Error) as refused:
        read()
    assert refused.value.sqlstate == "SV008"
    put(sealed)
    assert read() == "secret"


def test_a_value_that_cannot_be_opened_fails_the_transaction(servers, through, direct):
    row = new_key(through)
    direct.execute("UPDATE virtual_keys SET key = 'planted' WHERE id = %s", (row,))
    with psycopg.connect(servers.url) as connection:
        with pytest.raises(psycopg.Error):
            connection.execute("SELECT key FROM virtual_keys WHERE id = %s", (row,))
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            connection.execute("SELECT 1")
    direct.execute("DELETE FROM virtual_keys WHERE id = %s", (row,))


def test_one_value_for_rows_of_two_tenants_is_refused(through):
    rows = [new_key(through, "v", tenant) for tenant in TENANTS]
    with pytest.raises(psycopg.Error) as refused:
        through.execute("UPDATE virtual_keys SET key = 'x' WHERE id = ANY(%s)", (rows,))
    assert refused.value.sqlstate == "SV007"
    with pytest.raises(psycopg.Error):
        through.execute("UPDATE virtual_keys SET organisation_id = %s, key = 'x' WHERE id = %s", (TENANTS[1], rows[0]))
    assert through.execute("UPDATE virtual_keys SET organisation_id = %s, key = 'x' WHERE id = %s", (TENANTS[0], rows[0])).rowcount == 1


def test_invalid_values_are_refused_as_postgresql_does(through):
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        through.execute("INSERT INTO configs (id, organisation_id, slug, template) VALUES (%s, %s, 'x', '{bad')", (uuid.uuid4(), TENANTS[0]))


def test_pipelines_and_cursors(servers, direct):
    with psycopg.connect(servers.url, autocommit=True) as connection:
        rows = [new_key(connection, f"k{number}") for number in range(30)]
        with connection.pipeline():
            cursors = [connection.execute("SELECT key FROM virtual_keys WHERE id = %s", (row,)) for row in rows]
            for row in rows:
                connection.execute("UPDATE virtual_keys SET key = 'piped' WHERE id = %s", (row,))
        assert [cursor.fetchone()[0] for cursor in cursors] == [f"k{number}" for number in range(30)]

    async def portals():
        connection = await asyncpg.connect(servers.url)
        async with connection.transaction():
            seen = [record["key"] async for record in connection.cursor("SELECT key FROM virtual_keys WHERE id = ANY($1)", rows, prefetch=3)]
        assert seen == ["piped"] * 30
        await connection.close()

    asyncio.run(portals())


def test_a_value_for_two_columns_beside_a_parameter_that_the_text_does_not_use(servers, direct):
    """Copies of a parameter are numbered behind all that the client declared, not behind all that it used."""
    row = uuid.uuid4()
    direct.execute("INSERT INTO guardrails (id, organisation_id) VALUES (%s, %s)", (row, TENANTS[0]))
    with psycopg.connect(servers.url, autocommit=True) as connection:
        wire = connection.pgconn
        wire.prepare(b"two", b"UPDATE guardrails SET checks = $1, actions = $1 WHERE organisation_id = $2 AND id = $3", [3802, 2950, 2950, 25])
        done = wire.exec_prepared(b"two", [b'{"a": 1}', str(TENANTS[0]).encode(), str(row).encode(), b"unused"])
        assert done.command_tuples == 1, done.error_message
        assert connection.execute("SELECT checks, actions FROM guardrails WHERE id = %s", (row,)).fetchone() == ({"a": 1}, {"a": 1})
    one, two = direct.execute("SELECT checks, actions FROM guardrails WHERE id = %s", (row,)).fetchone()
    assert one.startswith("~s1") and two.startswith("~s1") and one != two


def test_copy_of_other_tables_streams(servers, through):
    with through.cursor().copy("COPY requests (note) FROM STDIN") as copy:
        for number in range(5000):
            copy.write_row([f"note {number}" * 20])
    with through.cursor().copy("COPY requests TO STDOUT") as copy:
        assert sum(1 for _ in copy.rows()) >= 5000


def test_cancel_reaches_the_server(servers):
    async def cancelled():
        connection = await asyncpg.connect(servers.url)
        with pytest.raises(asyncio.TimeoutError):
            await connection.fetch("SELECT pg_sleep(30)", timeout=0.5)
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()

    asyncio.run(cancelled())


@pytest.mark.parametrize("garbage", [b"\x00\x00\x00\x00", b"\x7f\xff\xff\xff\x00\x03\x00\x00", b"GET / HTTP/1.1\r\n\r\n", b"\x00\x00\x00\x08\x04\xd2\x16\x2f" + b"\x16\x03\x01", b"\x00\x00\x00\x09\x00\x03\x00\x00x", os.urandom(4096)])
def test_garbage_ends_its_own_connection_only(servers, through, garbage):
    port = urlsplit(servers.url).port
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        raw.sendall(garbage)
        raw.shutdown(socket.SHUT_WR)
        while raw.recv(4096):
            pass
    assert through.execute("SELECT 1").fetchone() == (1,)


def test_a_configuration_error_exits_64_and_names_the_setting():
    env = {"PATH": os.environ["PATH"], "PGSEAL_UPSTREAM": "postgres://h?sslmode=prefer"}
    ended = subprocess.run([os.environ["PGSEAL_BIN"], "run"], env=env, capture_output=True, text=True, cwd="/")
    assert ended.returncode == 64 and "PGSEAL_UPSTREAM" in ended.stderr and "verify-full" in ended.stderr


def test_what_would_protect_nothing_by_mistake_does_not_start(tmp_path):
    """A mistyped variable, an emptied file, a file that was commented out."""
    rules = tmp_path / "rules.toml"
    env = {"PATH": os.environ["PATH"], "PGSEAL_UPSTREAM": "postgres://127.0.0.1:1", "PGSEAL_KEYRING": "postgres://postgres@127.0.0.1:1/app"}

    def started(**settings):
        return subprocess.run([os.environ["PGSEAL_BIN"], "run"], env=env | settings, capture_output=True, text=True, cwd="/", timeout=60)

    ended = started(PGSEAL_RULE=str(rules))
    assert (ended.returncode, ended.stderr) == (64, "pgseal: PGSEAL_RULE: is no setting: PGSEAL_RULES may be meant\n")
    for text in ("", "#[[seal]]\n"):
        rules.write_text(text)
        for setting in (rules, tmp_path):
            ended = started(PGSEAL_RULES=str(setting))
            assert ended.returncode == 64 and f"{rules}:1: holds no [[seal]]" in ended.stderr, ended.stderr


def test_without_rules_the_log_warns(servers):
    # No database is asked: nothing is protected.
    env = {"PATH": os.environ["PATH"], "PGSEAL_UPSTREAM": f"postgres://127.0.0.1:{servers.port}", "PGSEAL_KEYRING": "postgres://postgres@127.0.0.1:1/app", "PGSEAL_LISTEN": "127.0.0.1:0"}
    with subprocess.Popen([os.environ["PGSEAL_BIN"], "run"], env=env, stderr=subprocess.PIPE, text=True, cwd="/") as process:
        said = list(itertools.takewhile(lambda line: "pgseal is ready" not in line, iter(process.stderr.readline, "")))
        process.terminate()
    assert any("WARN" in line and "no rules are configured: nothing is protected" in line for line in said), said


def test_sigterm_drains_and_exits_0():
    with Servers() as own:
        with psycopg.connect(own.url) as connection:
            connection.execute("SELECT 1")
            connection.commit()
            assert own.stop_pgseal() == 0


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("database", ["app", "postgres"])
def test_a_session_that_sent_sync_among_copied_data_is_idle_again(database, fails):
    """libpq does, with PQexecParams: the server ignores it. pgseal ends an idle session at once."""
    with Servers() as own, psycopg.connect(own.url.replace("/app", f"/{database}"), autocommit=True) as connection:
        connection.execute("CREATE TEMP TABLE sync_copy (n int)")
        pg = connection.pgconn
        assert pg.exec_params(b"COPY sync_copy FROM STDIN", []).status == pq.ExecStatus.COPY_IN
        pg.put_copy_data(b"bad\n" if fails else b"1\n")
        pg.put_copy_end()
        assert pg.get_result().status == (pq.ExecStatus.FATAL_ERROR if fails else pq.ExecStatus.COMMAND_OK)
        assert pg.get_result() is None
        assert connection.execute("SELECT count(*) FROM sync_copy").fetchone() == (0 if fails else 1,)
        began = time.monotonic()
        assert own.stop_pgseal() == 0
        assert time.monotonic() - began < 5


def test_a_client_encoding_set_behind_a_prepared_statement(servers, direct):
    """Neither is a value read as other characters than were sent, nor given out as others."""
    one, two = uuid.uuid4(), uuid.uuid4()
    insert, select = "INSERT INTO prompts (id, organisation_id, template) VALUES (%s, %s, %s)", "SELECT template FROM prompts WHERE id = %s"
    with psycopg.connect(servers.url, autocommit=True) as client:
        client.execute(insert, (one, TENANTS[0], f"{MARK} é"), prepare=True)
        client.execute(select, [one], prepare=True)
        client.execute("BEGIN")
        client.execute(f"DECLARE c CURSOR WITH HOLD FOR SELECT template FROM prompts WHERE id = '{one}'")
        client.execute("COMMIT")
        client.execute("SET client_encoding = 'LATIN1'")
        for sql, values in ((insert, (two, TENANTS[0], f"{MARK} Ã©")), (select, [one]), ("FETCH ALL FROM c", None)):
            with pytest.raises(psycopg.errors.FeatureNotSupported, match="UTF-8"):
                client.execute(sql, values)
        client.execute("SET client_encoding = 'UTF8'")
        assert client.execute(select, [one], prepare=True).fetchall() == [(f"{MARK} é",)]
        assert direct.execute("DELETE FROM prompts WHERE id IN (%s, %s)", (one, two)).rowcount == 1


def test_what_a_prepared_fetch_or_execute_names_may_change(through):
    """The values that come out are those of what it names when it runs."""
    row = new_key(through, f"{MARK} now")
    sealed, plain = f"SELECT coalesce(key, '') FROM public.virtual_keys WHERE id = '{row}'", "SELECT coalesce('plain', '')"
    for make, run, drop in (("DECLARE n CURSOR WITH HOLD FOR ", "FETCH ALL FROM n", "CLOSE n"), ("PREPARE n AS ", "EXECUTE n", "DEALLOCATE n")):
        for query, value in ((plain, "plain"), (sealed, f"{MARK} now"), (plain, "plain"), (sealed, f"{MARK} now")):
            through.execute(make + query)
            assert through.execute(run, prepare=True).fetchall() == [(value,)]
            through.execute(drop)


def test_sql_prepare_and_execute_through_the_extended_protocol(servers, through, direct):
    """Their constants cannot be parameters: each Bind sends a text of its own, and each stores a value of its own."""
    rows = [uuid.uuid4() for _ in range(3)]
    insert = f"INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES ($1, '{TENANTS[0]}', $1::text, $2)"
    run = lambda sql: through.execute(sql, prepare=True)
    run(f"PREPARE put (uuid, text) AS {insert}")
    run(f"PREPARE fixed (uuid) AS {insert.replace('$2', repr(f'{MARK} fixed'))}")
    run("PREPARE change (text, uuid) AS UPDATE virtual_keys SET key = $1 WHERE id = $2 RETURNING key")
    run(f"EXECUTE put('{rows[0]}', '{MARK} put')")
    run(f"EXECUTE put('{rows[1]}', NULL)")
    run(f"EXECUTE fixed('{rows[2]}')")
    read = lambda connection: connection.execute("SELECT key FROM virtual_keys WHERE id = ANY(%s) ORDER BY array_position(%s, id)", (rows, rows)).fetchall()
    assert read(through) == [(f"{MARK} put",), (None,), (f"{MARK} fixed",)]
    raw = set()
    for _ in range(3):
        assert run(f"EXECUTE change('{MARK} changed', '{rows[1]}')").fetchall() == [(f"{MARK} changed",)]
        raw.add(read(direct)[1])
    assert len(raw) == 3 and all(value.startswith("~s1") for value, in raw)
    with pytest.raises(psycopg.errors.UniqueViolation):
        run(f"EXECUTE put('{rows[0]}', '{MARK} again')")
    with psycopg.connect(servers.url, autocommit=True) as other, pytest.raises(psycopg.errors.InvalidSqlStatementName):
        other.execute(f"EXECUTE put('{rows[0]}', 'nothing')", prepare=True)
    direct.execute("DELETE FROM virtual_keys WHERE id = ANY(%s)", (rows,))


@pytest.mark.parametrize("sets", ["SET client_encoding = 'LATIN1'", "SET LOCAL client_encoding TO LATIN1", "SET NAMES 'LATIN1'", "SELECT set_config('client_encoding', 'LATIN1', false)",
                                  'SET "client_encoding" TO LATIN1', "set /* to */ names 'latin1'"])
def test_a_client_encoding_that_is_set_in_the_same_text_or_group(servers, direct, sets):
    """PostgreSQL writes by it at once, and tells of it at the end only: values would be given out as other characters."""
    row = uuid.uuid4()
    read = f"SELECT template FROM prompts WHERE id = '{row}'"
    with psycopg.connect(servers.url, autocommit=True) as client:
        client.execute("INSERT INTO prompts (id, organisation_id, template) VALUES (%s, %s, %s)", (row, TENANTS[0], f"{MARK} é"))
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="UTF-8|UTF8"):
            client.execute(f"{sets}; {read}")
    with psycopg.connect(servers.url, autocommit=True) as client:
        client.execute(read, prepare=True)
        with pytest.raises((psycopg.errors.FeatureNotSupported, psycopg.errors.PipelineAborted)), client.pipeline():
            client.execute(sets, prepare=True)
            client.execute(read, prepare=True)
            client.execute(f"INSERT INTO prompts (id, organisation_id, template) VALUES ('{uuid.uuid4()}', %s, %s)", (TENANTS[0], "Ã©"))
    with psycopg.connect(servers.url, autocommit=True) as client:
        # Neither a value that says so nor a column of that name is meant.
        client.execute(f"UPDATE prompts SET name = 'SET NAMES', template = '{MARK} client_encoding' WHERE id = '{row}'; {read}")
        assert client.execute(f"{read} AND name = 'SET NAMES'").fetchone() == (f"{MARK} client_encoding",)
    assert direct.execute("DELETE FROM prompts WHERE id = %s OR template NOT LIKE '~s1%%'", (row,)).rowcount == 1
