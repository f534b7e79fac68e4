"""Prepared statements by name: what EXECUTE passes reaches the server only where it is known what for."""
import subprocess
import sys
import uuid

import psycopg
import pytest
from conftest import MARK, TENANTS, files_with
from psycopg import pq
from servers import ROOT

sys.path.append(str(ROOT / "tests/recorder"))
from wire import SYNC, bind, error_fields, execute, parse, query  # noqa: E402

from test_pipelines import Client  # noqa: E402

INSERT = f"INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES (gen_random_uuid(), '{TENANTS[0]}', $1, $2)"
REFUSED = "UPDATE virtual_keys SET key = upper($2) WHERE slug = $1"


def says(connection, sql):
    """The SQLSTATE, or the command's tag, of a text that goes by itself."""
    result = connection.pgconn.exec_(sql if isinstance(sql, bytes) else sql.encode())
    return result.error_field(pq.DiagnosticField.SQLSTATE) or result.command_status


def unseen(servers, text):
    """It stands in no file and no log."""
    return files_with(text, servers.folder) == []


@pytest.mark.parametrize("prepared", [
    f"PREPARE q AS {REFUSED}", f"SELECT 1; PREPARE q AS {REFUSED}", f"PREPARE q AS INSERT INTO virtual_keys (id, organisation_id, nothing, key) VALUES (gen_random_uuid(), '{TENANTS[0]}', $1, $2)",
    f"SELECT 1/0; PREPARE Q AS {INSERT}", f"BEGIN; PREPARE q AS {REFUSED}", f'PREPARE "q" AS {REFUSED}', f'PREPARE U&"\\0071" AS {REFUSED}', "SELECT 1", f"PREPARE q AS {INSERT}; DEALLOCATE q", f"PREPARE q AS {INSERT}; DEALLOCATE ALL",
], ids=range(10))
@pytest.mark.parametrize("executed", [
    "EXECUTE q('s', '{}')", 'EXPLAIN EXECUTE "q"(\'s\', \'{}\')', "EXPLAIN (ANALYZE) EXECUTE q('s', '{}')", "CREATE TEMP TABLE t AS EXECUTE q('s', '{}')",
    "SELECT 1; EXECUTE q('s', '{}')", "EXECUTE q '{}'", "EXECUTE q('it's', '{}')", "EXECUTE U&\"\\0071\"('s', E'{}')", "EXECUTE q('s', ('{}'))",
], ids=range(9))
def test_what_is_executed_after_its_prepare_has_failed_reaches_nobody(servers, through, prepared, executed):
    value = f"{MARK} {uuid.uuid4()}"
    says(through, prepared)
    said = says(through, executed.format(value))
    says(through, "ROLLBACK")
    assert said in (b"26000", b"0A000"), said
    assert unseen(servers, value)
    assert says(through, "SELECT 1") == b"SELECT 1"


def test_a_statement_that_is_not_there_is_missed_in_postgresqls_words(servers, through):
    value = f"{MARK} {uuid.uuid4()}"
    with pytest.raises(psycopg.errors.InvalidSqlStatementName, match='prepared statement "q" does not exist') as refused:
        through.execute(f"EXECUTE q('{value}')", prepare=False)
    assert (refused.value.diag.source_function, refused.value.diag.message_hint) == ("FetchPreparedStatement", None)
    through.execute("CREATE TEMP TABLE before (n int)")
    assert says(through, f"INSERT INTO before VALUES (1); COMMIT; EXPLAIN EXECUTE q('{value}')") == b"26000"
    assert through.execute("SELECT n FROM before").fetchall() == [(1,)], "what stands before it has run"
    says(through, f"PREPARE q AS {REFUSED}")
    with pytest.raises(psycopg.errors.InvalidSqlStatementName, match='prepared statement "q" does not exist') as refused:
        through.execute(f"EXECUTE q('{value}')", prepare=False)
    assert "docs/errors.md#statement-missing" in refused.value.diag.message_hint
    says(through, "SET client_encoding = 'LATIN1'")
    assert says(through, f"EXECUTE r('{value}\u00e9')".encode("latin1")) == b"26000"
    assert unseen(servers, value)


def test_the_protocols_statements_are_missed_too(servers):
    client = Client(servers)
    value = f"{MARK} {uuid.uuid4()}"
    code = lambda frames: next((error_fields(body)["C"] for tag, body in frames if tag == "E"), None)
    for name, sql in [(b"refused", REFUSED), (b"failed", INSERT.replace("slug", "nothing"))]:
        assert code(client.exchange(parse(sql, name) + SYNC)) in ("0A000", "42703")
        assert code(client.exchange(bind(statement=name, params=(b"s", value.encode())) + execute() + SYNC)) == "26000"
        assert code(client.exchange(parse(f"EXECUTE {name.decode()}('s', '{value}')") + bind() + execute() + SYNC)) == "26000"
        # Another statement of the name is known again, in the same pipeline too.
        assert code(client.exchange(parse("SELECT $1::text, $2::text", name) + bind(statement=name, params=(b"a", b"b")) + execute() + SYNC)) is None
    assert unseen(servers, value)


def test_a_refused_prepare_does_not_leave_its_arguments_to_an_older_statement(servers, through):
    value = f"{MARK} {uuid.uuid4()}"
    assert says(through, "PREPARE q AS SELECT $1::text, $2::text") == b"PREPARE"
    assert says(through, f"DEALLOCATE q; PREPARE q AS {REFUSED}") == b"0A000"
    assert says(through, f"EXECUTE q('s', '{value}')") == b"26000"
    assert says(through, "DEALLOCATE q") == b"DEALLOCATE"
    assert says(through, "PREPARE q AS SELECT $1::text, $2::text") == b"PREPARE"
    assert says(through, "EXECUTE q('a', 'b')") == b"SELECT 1"
    assert unseen(servers, value)


@pytest.mark.parametrize("forget", ["DEALLOCATE ALL", "DISCARD ALL", "PREPARE q AS SELECT $1::text, $2::text"])
def test_what_was_refused_is_forgotten(through, forget):
    says(through, f"PREPARE q AS {REFUSED}")
    says(through, forget)
    says(through, "DO $$ BEGIN EXECUTE 'PREPARE q AS SELECT $1::text, $2::text'; EXCEPTION WHEN duplicate_prepared_statement THEN END $$")
    assert says(through, "EXECUTE q('a', 'b')") == b"SELECT 1"


def test_plain_statements_are_executed_whoever_has_prepared_them(through):
    through.execute("CREATE TEMP TABLE notes (note text)")
    says(through, "PREPARE one AS INSERT INTO notes VALUES ($1)")
    through.pgconn.prepare(b"two", b"INSERT INTO notes VALUES ($1)")
    says(through, "DO $$ BEGIN EXECUTE 'PREPARE three AS INSERT INTO notes VALUES ($1)'; END $$")
    for name in ("one", "two", "three"):
        assert says(through, f"EXECUTE {name}('a')") == b"INSERT 0 1"
        assert says(through, f"EXPLAIN EXECUTE {name}('a')") == b"EXPLAIN"
    assert says(through, "PREPARE four AS INSERT INTO notes VALUES ($1); EXECUTE four('b'); EXECUTE one('c'); EXECUTE two('d')") == b"INSERT 0 1"
    assert says(through, "PREPARE five(text) AS SELECT note FROM notes WHERE note > $1 ORDER BY 1") == b"PREPARE"
    assert says(through, "CREATE TEMP TABLE copied AS EXECUTE five('a')") == b"SELECT 3"
    assert through.execute("EXECUTE five('a')", prepare=False).fetchall() == [("b",), ("c",), ("d",)]
    says(through, "BEGIN")
    says(through, "SELECT 1/0")
    assert says(through, "EXECUTE one('a')") == says(through, "EXECUTE nobody('a')") == b"25P02"
    assert says(through, "ROLLBACK") == b"ROLLBACK"
    says(through, "SET client_encoding = 'LATIN1'")
    assert says(through, b"EXECUTE one('caf\xe9')") == b"INSERT 0 1"
    says(through, "SET client_encoding = 'UTF8'")
    assert through.execute("SELECT count(*) FROM notes WHERE note = 'café'").fetchone() == (1,)


@pytest.mark.parametrize("executed", [
    b"EXECUTE q('s', '%s\xe9')", b"EXECUTE q('s', " + b"(" * 150 + b"'%s'" + b")" * 150 + b")", b"EXECUTE q('s', '%s', '%s')", b"EXECUTE q('s', '%s'", b"EXECUTE q('s', '%s",
    b"EXECUTE q('s', '%s') 1a", b"EXECUTE q('s', '%s') q", b"SELECT 1; EXECUTE q('s', '%s') /*", b"EXECUTE 'q'('s', '%s')", b"EXECUTE q(" + b"1, " * 260000 + b"'%s')",
], ids=range(10))
@pytest.mark.parametrize("encoding", ["UTF8", "LATIN1"])
def test_an_execute_that_cannot_be_read_passes_nothing(servers, through, executed, encoding):
    value = f"{MARK} {uuid.uuid4()}"
    assert says(through, f"PREPARE q AS {INSERT}") == b"PREPARE"
    says(through, f"SET client_encoding = '{encoding}'")
    assert says(through, executed.replace(b"%s", value.encode())) in (b"0A000", b"42601", b"22021")
    assert unseen(servers, value)


def test_a_statement_may_be_called_transaction(servers, through):
    value = f"{MARK} {uuid.uuid4()}"
    assert says(through, f"PREPARE transaction AS {INSERT}") == b"PREPARE"
    assert says(through, f"EXECUTE transaction('{uuid.uuid4()}', '{value}')") == b"INSERT 0 1"
    assert says(through, f"PREPARE transaction2 AS {INSERT.replace('$2', f'''$${value}$$''')}") == b"PREPARE"
    assert unseen(servers, value)


@pytest.mark.parametrize("sql", [f"PREPARE q AS {INSERT}", "COPY virtual_keys (id, organisation_id, slug, key) FROM STDIN", "COPY virtual_keys (slug, key) TO STDOUT", "DECLARE c CURSOR WITH HOLD FOR SELECT key FROM virtual_keys"])
def test_a_command_that_the_protocol_prepared_is_not_executed_by_sql(through, sql):
    assert through.pgconn.prepare(b"s", sql.encode()).status == pq.ExecStatus.COMMAND_OK
    assert says(through, "EXECUTE s") == b"0A000"
    assert says(through, "SELECT 1") == b"SELECT 1"


def test_psql_goes_on_after_a_refused_prepare(servers):
    value = f"{MARK} {uuid.uuid4()}"
    script = f"PREPARE q AS {REFUSED};\nEXECUTE q('s', '{value}');\nEXECUTE q('s', '{value}');\nSELECT 'on';\n"
    done = subprocess.run(["psql", "-XAtq", servers.url], input=script, text=True, capture_output=True)
    assert done.stdout == "on\n" and done.stderr.count('prepared statement "q" does not exist') == 2
    assert unseen(servers, value)


def test_names_are_what_postgresql_keeps_of_them(servers, direct):
    client, slug = Client(servers), str(uuid.uuid4())
    name, kept, other = b"n" * 70, b"n" * 63, b"n" * 63 + b"other"
    code = lambda frames: next((error_fields(body)["C"] for tag, body in frames if tag == "E"), None)
    value = f"{MARK} {uuid.uuid4()}".encode()
    assert code(client.exchange(parse(INSERT, name) + SYNC)) is None
    for statement in (name, kept, other):
        assert code(client.exchange(bind(statement=statement, params=(statement + slug.encode(), value)) + execute() + SYNC)) is None
        assert code(client.exchange(query(f"EXECUTE {statement.decode()}('{statement.decode()} sql{slug}', '{value.decode()}')"))) is None
    client.exchange(query("BEGIN") + query(f"DECLARE {name.decode()} CURSOR FOR SELECT key FROM virtual_keys WHERE slug LIKE '%{slug}'"), 2)
    rows = client.exchange(query(f"FETCH 2 FROM {kept.decode()}")) + client.exchange(execute(other, 2) + execute(name, 2) + SYNC)
    assert [body[6:] for tag, body in rows if tag == "D"] == [value] * 6
    assert direct.execute("SELECT count(*) FROM virtual_keys WHERE slug LIKE %s AND key LIKE '~s1%%'", (f"%{slug}",)).fetchone() == (6,)
    assert unseen(servers, value.decode())


def test_a_table_of_the_same_name_in_another_schema_gets_what_is_bound(servers, direct):
    client = Client(servers)
    client.exchange(query("CREATE SCHEMA names_other; CREATE TABLE names_other.virtual_keys (slug text, key text)"))
    try:
        client.exchange(query("SET search_path = names_other, public"))
        # No types are declared: node-postgres, pgx and others do not.
        client.exchange(parse("INSERT INTO virtual_keys (slug, key) VALUES ($1, $2)", b"put") + SYNC)
        for value in (b"one", b"two"):
            client.exchange(bind(statement=b"put", params=(value, b"plain " + value)) + execute() + SYNC)
        client.exchange(parse("UPDATE virtual_keys SET key = $2 WHERE slug = $1") + bind(params=(b"two", b"changed")) + execute() + SYNC)
        asked = client.exchange(parse("SELECT key FROM virtual_keys WHERE slug > $1") + bind(params=(b"one",)) + execute() + SYNC)
        assert [body[6:] for tag, body in asked if tag == "D"] == [b"changed"]
        assert direct.execute("SELECT * FROM names_other.virtual_keys ORDER BY 1").fetchall() == [("one", "plain one"), ("two", "changed")]
    finally:
        client.exchange(query("DROP SCHEMA names_other CASCADE"))


def test_a_table_that_takes_over_the_name_of_a_prepared_statement_gets_nothing_sealed(servers, direct, through):
    slug, value = str(uuid.uuid4()), f"{MARK} {uuid.uuid4()}"
    for make in ["CREATE TEMP TABLE virtual_keys (LIKE public.virtual_keys)", "CREATE TEMP TABLE virtual_keys (id uuid, organisation_id uuid, slug text, key text)"]:
        for transaction in (False, True):
            with psycopg.connect(servers.url, autocommit=True) as client:
                client.pgconn.prepare(b"s", INSERT.encode())
                put = lambda: client.pgconn.exec_prepared(b"s", [f"{uuid.uuid4()} {slug}".encode(), value.encode()]).error_field(pq.DiagnosticField.SQLSTATE)
                assert says(client, f"PREPARE p AS {INSERT}") == b"PREPARE"
                by_sql = f"EXECUTE p('{uuid.uuid4()} {slug}', '{value}')"
                assert put() is None
                if transaction:
                    says(client, "BEGIN")
                assert says(client, make) == b"CREATE TABLE"
                assert put() == b"0A000"
                says(client, "ROLLBACK")
                if not transaction:
                    assert says(client, by_sql) == b"0A000"
                    assert says(client, "SELECT count(*) FROM pg_temp.virtual_keys") == b"SELECT 1"
                    assert says(client, "DROP TABLE pg_temp.virtual_keys") == b"DROP TABLE"
                assert put() is None and says(client, by_sql) == b"INSERT 0 1"
    assert direct.execute("SELECT count(*) FROM virtual_keys WHERE slug LIKE %s AND key LIKE '~s1%%'", (f"%{slug}",)).fetchone() == (12,)
    assert unseen(servers, value)


def test_execute_changes_no_row_but_the_one_that_was_asked_about(servers, through):
    value = f"{MARK} {uuid.uuid4()}"
    assert says(through, "PREPARE u(text, text) AS UPDATE virtual_keys SET key = $2 WHERE slug = $1") == b"PREPARE"
    assert says(through, f"EXECUTE u('nobody ' || random(), '{value}')") == b"0A000"
    assert says(through, f"PREPARE put AS {INSERT}") == b"PREPARE" and says(through, f"EXECUTE put('slug {value[-9:]}', '{value}')") == b"INSERT 0 1"
    assert says(through, f"EXECUTE u('slug '::varchar(20) || '{value[-9:]}', '{value}')") == b"UPDATE 1"
    assert unseen(servers, value)
