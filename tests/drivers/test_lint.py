"""`pgseal lint` and `explain`: every format, the right database, and no all-clear for what was not judged."""
import json
import os
import subprocess

import psycopg
import pytest
from conftest import TENANTS
from servers import ROOT, Servers

CRM = """
[[seal]]
database = "crm"
table = "public.notes"
tenant = { constant = "crm" }
columns = ["body"]
"""
REFUSED = "SELECT id FROM prompts ORDER BY template"


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    rules = tmp_path_factory.mktemp("rules") / "rules.toml"
    rules.write_text((ROOT / "rules/portkey.toml").read_text())
    with Servers(rules=rules) as servers:
        with psycopg.connect(servers.direct, autocommit=True) as direct:
            direct.execute("CREATE DATABASE crm")
        with psycopg.connect(servers.direct.replace("/app", "/crm"), autocommit=True) as direct:
            direct.execute("CREATE TABLE notes (body text)")
        rules.write_text(rules.read_text() + CRM)
        yield servers


@pytest.fixture
def direct(servers):
    with psycopg.connect(servers.direct, autocommit=True) as connection:
        yield connection


@pytest.fixture
def run(servers, tmp_path):
    def run(*arguments, data=None, **env):
        if data is not None:
            file = tmp_path / "statements"
            file.write_bytes(data if isinstance(data, bytes) else data.encode())
            arguments = (*arguments, str(file))
        done = subprocess.run([os.environ["PGSEAL_BIN"], *arguments], env={**servers.environment(), **env}, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr
    return run


def csv(message, database="app"):
    quoted = message.replace('"', '""')
    return f'2024-01-01 00:00:00.000 UTC,"u","{database}",7,"[local]",x,1,"SELECT",2024-01-01 00:00:00 UTC,3/4,0,LOG,00000,"{quoted}",,,,,,,,,"psql","client backend",,0\n'


def line(message, database="app"):
    return json.dumps({"timestamp": "2024", "dbname": database, "error_severity": "LOG", "message": message}) + "\n"


FORMATS = {
    "script": lambda *sqls: "".join(f"{sql};\n" for sql in sqls),
    "log": lambda *sqls: "".join(f"2024-01-01 UTC [7] app LOG:  execute <unnamed>: {sql}\n2024-01-01 UTC [7] app DETAIL:  parameters: $1 = 'x'\n".replace("ORDER", "\n\tORDER") for sql in sqls),
    "csvlog": lambda *sqls: "".join(csv(f"statement: {sql}") for sql in sqls),
    "jsonlog": lambda *sqls: "".join(line(f"duration: 0.123 ms  statement: {sql}") for sql in sqls),
}


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_every_format_is_recognised(run, form):
    code, said = run("lint", data=form("SELECT 1", REFUSED, "SELECT template FROM prompts"))
    assert code == 1 and "3 statements: 1 planned, 1 refused, 1 forwarded untouched, 0 not judged" in said, said
    assert "docs/errors.md#refused-order" in said and REFUSED in said
    assert run("lint", data=form("SELECT 1", "SELECT template FROM prompts"))[0] == 0


def test_the_servers_own_log_is_read(servers, run, direct):
    """As the server under test writes it, `log_statement = 'all'`."""
    direct.execute("DEALLOCATE ALL")
    direct.execute(f"/* lint */\n{REFUSED}", prepare=False)
    direct.execute("SELECT id FROM prompts WHERE id = %s AND template IS NOT NULL", [TENANTS[0]], prepare=True)
    code, said = run("lint", "--format", "log", data=(servers.folder / "server.log").read_bytes())
    assert code == 1 and REFUSED in said and ", 0 forwarded" not in said, said


def test_statements_of_other_databases_are_left_out(run):
    for form in (csv, line):
        log = form(f"statement: {REFUSED}", "crm") + form("statement: SELECT body FROM notes ORDER BY body", "crm") + form("statement: SELECT 1")
        code, said = run("lint", data=log)
        assert code == 0 and "2 statements of other databases are left out" in said, said
        code, said = run("lint", "--database", "crm", data=log)
        assert code == 1 and "2 statements: 0 planned, 1 refused, 1 forwarded" in said, said


NOT_JUDGED = {
    "bytes": (b"SELECT '\xe9' FROM prompts;\nSELECT '\xe9';\n", "bytes that are not UTF-8"),
    "nothing": ("LOG:  checkpoint starting: time\n", "no statement was found"),
    "empty": ("", "no statement was found"),
    "included": ("SELECT 1;\n\\i other.sql\n", "another file"),
    "variable": ("SELECT * FROM :table ORDER BY template;\n", "variable"),
    "prepared": ("EXECUTE elsewhere('x');\n", "was prepared for"),
    "cut": (csv("statement: SELECT 1") + csv(f"statement: {REFUSED}")[:-40], "no whole record"),
    "prefix": (f"db-1 | LOG:  statement: {REFUSED[:14]}\ndb-1 | \t{REFUSED[14:]}\n", "does not go on"),
}


@pytest.mark.parametrize("text, why", NOT_JUDGED.values(), ids=NOT_JUDGED)
def test_what_cannot_be_judged_is_no_all_clear(run, text, why):
    code, said = run("lint", data=text)
    assert code == 3 and why in said, said


def test_what_is_no_text_or_could_be_two_formats(run):
    code, said = run("lint", data=b"\x1f\x8b\x08\x00")
    assert code == 1 and "no text in UTF-8" in said, said
    mixed = f"SELECT 'a\nLOG:  statement: SELECT 1\n';\n{REFUSED};\n"
    code, said = run("lint", data=mixed)
    assert code == 1 and "--format sql or --format log" in said, said
    assert "1 refused" in run("lint", "--format", "sql", data=mixed)[1]


def test_a_comment_or_a_quote_in_rows_swallows_no_statement(run):
    script = f"COPY requests (note) FROM stdin; -- rows\n1\tit's\n\\.\nSELECT 1 -- no end\n;\n{REFUSED};\nSELECT 'it''s';\n"
    code, said = run("lint", data=script)
    assert code == 1 and "line 6:" in said and "4 statements: 0 planned, 1 refused, 3 forwarded" in said, said


def test_a_name_in_two_schemas_is_judged_in_every_meaning(run, direct):
    direct.execute("CREATE SCHEMA lint_other; CREATE TABLE lint_other.prompts (id int, template text)")
    try:
        code, said = run("lint", data=f"{REFUSED};\n")
        assert code == 3 and '"prompts" is public.prompts' in said and "search_path decides" in said, said
        assert run("lint", data="SELECT id FROM prompts;\n")[0] == 0
        assert run("lint", data=f"{REFUSED.replace('prompts', 'public.prompts')};\n")[0] == 1
        code, said = run("explain", REFUSED)
        assert code == 1 and 'where "prompts" is lint_other.prompts:\nstatement 1: it touches nothing protected' in said and 'where "prompts" is public.prompts:\nrefused (0A000)' in said, said
    finally:
        direct.execute("DROP SCHEMA lint_other CASCADE")


def test_lint_of_nothing_names_what_it_reads(run):
    code, said = run("lint")
    assert code == 2 and "<FILE|--pg-stat-statements>" in said, said


def test_a_database_without_rules_is_an_error(run):
    for command in (["lint"], ["explain"]):
        data = "SELECT 1" if command == ["lint"] else None
        code, said = run(*command, "--database", "typo", *([] if data else ["SELECT 1"]), data=data)
        assert code == 1 and "no rule is of database typo" in said and "app, crm" in said, said


def test_explain_names_slots_of_prepare_copy_and_explain(run):
    insert = "INSERT INTO prompts (id, organisation_id, template) VALUES ($1, $2, $3)"
    slot = "$3 is sealed for public.prompts.template under the tenant in $2"
    for sql in (insert, f"PREPARE p AS {insert}", f"EXPLAIN {insert}"):
        assert slot in run("explain", sql)[1]
    code, said = run("explain", "COPY prompts (organisation_id, template) FROM STDIN")
    assert code == 0 and "field 2 of each row is sealed" in said and "in its row's organisation_id" in said, said
    constant = f"INSERT INTO prompts (organisation_id, template) VALUES ('{TENANTS[0]}', 'hello')"
    said = run("explain", constant)[1]
    assert f"the constant at character {constant.index(chr(39) + 'hello') + 1} is sealed" in said and "hello" not in said, said


@pytest.fixture(scope="module")
def remembering():
    """A server of its own, that loads pg_stat_statements."""
    with Servers() as servers:
        with open(servers.folder / "data" / "postgresql.conf", "a") as conf:
            conf.write("shared_preload_libraries = 'pg_stat_statements'\n")
        servers.stop_pgseal()
        servers.stop_postgres()
        servers.start_postgres()
        with psycopg.connect(servers.direct, autocommit=True) as direct:
            direct.execute("CREATE DATABASE crm")
            direct.execute("CREATE ROLE reader LOGIN; GRANT CONNECT ON DATABASE app TO reader")
        rules = servers.folder / "rules.toml"
        rules.write_text((ROOT / "rules/portkey.toml").read_text() + CRM)
        servers.rules = rules
        with psycopg.connect(servers.direct.replace("/app", "/crm"), autocommit=True) as direct:
            direct.execute("CREATE TABLE notes (body text)")
        yield servers


def test_what_the_database_remembers(remembering):
    def run(*arguments, user="postgres"):
        env = remembering.environment()
        env["PGSEAL_KEYRING"] = env["PGSEAL_KEYRING"].replace("postgres@", f"{user}@")
        done = subprocess.run([os.environ["PGSEAL_BIN"], *arguments, "lint", "--pg-stat-statements"], env=env, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    code, said = run()
    assert code == 1 and "CREATE EXTENSION pg_stat_statements" in said, said
    with psycopg.connect(remembering.direct, autocommit=True) as direct, psycopg.connect(remembering.direct.replace("/app", "/crm"), autocommit=True) as crm:
        direct.execute("CREATE SCHEMA extensions; CREATE EXTENSION pg_stat_statements SCHEMA extensions")
        direct.execute("SELECT extensions.pg_stat_statements_reset()")
        code, said = run()
        assert code == 0, said
        # Neither ends its text where another begins.
        direct.execute("SELECT count(*) FROM requests -- no end", prepare=False)
        direct.execute("SELECT id FROM prompts WHERE name <> 'sk-shown' ORDER BY template -- no end", prepare=False)
        crm.execute("SELECT body FROM notes ORDER BY body")
        code, said = run()
        assert code == 1 and ", 1 refused," in said and "notes" not in said and "sk-shown" not in said, said
        query, = direct.execute("SELECT queryid FROM extensions.pg_stat_statements WHERE query LIKE '%ORDER BY template%' AND query LIKE 'SELECT id%'").fetchone()
        assert f"queryid {query} (1 calls)" in said and "SELECT id FROM prompts WHERE name <> $1 ORDER BY template" in said, said
        # The extension is in the keyring's database only, which remembers the others' statements too.
        code, said = run("--database", "crm")
        assert code == 1 and "SELECT body FROM notes ORDER BY body" in said and "prompts" not in said, said
        # A constant of an interval is left out in a way that nobody can read.
        direct.execute("SELECT extensions.pg_stat_statements_reset()")
        direct.execute("SELECT id FROM prompts WHERE now() > now() - INTERVAL '1 day'")
        code, said = run()
        assert code == 3 and "without its constants" in said, said
        direct.execute("GRANT USAGE ON SCHEMA extensions TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
        code, said = run(user="reader")
        assert code == 3 and 'GRANT pg_read_all_stats TO "reader"' in said, said
