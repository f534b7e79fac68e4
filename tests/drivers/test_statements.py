"""The same statements on a plain twin, directly, and on the sealed tables through pgseal: equal answers, equal content
when it is read back, and nothing in the raw tables but sealed values."""
import subprocess
import time
import uuid

import psycopg
import psycopg.types.json
import pytest
from conftest import TENANTS
from servers import MAJOR, ROOT

A, B = TENANTS
K1, K2, K3, K4, K5 = (uuid.UUID(int=0x51A7_0000 + number) for number in range(5))
SEALED = {
    "virtual_keys": (["key"], ["auth_config"]), "prompts": (["template"], []), "prompt_versions": (["template_text"], ["template"]),
    "integrations": ([], ["credentials"]),
}
START = [
    ("INSERT INTO virtual_keys (id, organisation_id, slug, name, key, auth_config) VALUES (%s, %s, 'st-1', 'one', 'sk-one', '{\"n\": 1}')", (K1, A)),
    ("INSERT INTO virtual_keys (id, organisation_id, slug, name, key) VALUES (%s, %s, 'st-2', 'two', 'sk-two')", (K2, A)),
    ("INSERT INTO virtual_keys (id, organisation_id, slug, name, key) VALUES (%s, %s, 'st-3', 'three', 'sk-three')", (K3, B)),
]


@pytest.fixture(scope="module")
def twin(servers):
    """A database of the same tables that no rule protects."""
    with psycopg.connect(servers.direct, autocommit=True) as direct:
        direct.execute("CREATE DATABASE twin")
    with psycopg.connect(servers.direct.replace("/app", "/twin"), autocommit=True) as connection:
        connection.execute((ROOT / "tests/schema/portkey.sql").read_text())
        for number, tenant in enumerate(TENANTS):
            connection.execute("INSERT INTO organisations VALUES (%s, %s)", (tenant, f"org{number}"))
            connection.execute("INSERT INTO prompts VALUES (%s, %s, 'parent')", (tenant, tenant))
        yield connection


@pytest.fixture(scope="module")
def sealed(servers):
    with psycopg.connect(servers.url, autocommit=True) as connection:
        yield connection


@pytest.fixture(autouse=True)
def start(twin, sealed):
    for connection in (twin, sealed):
        clear(connection)
        for sql, parameters in START:
            connection.execute(sql, parameters)
    yield
    for connection in (twin, sealed):
        connection.execute("ROLLBACK")
        clear(connection)


def clear(connection):
    connection.execute("DELETE FROM virtual_keys WHERE slug LIKE 'st-%'")
    connection.execute("DELETE FROM prompt_versions WHERE version > 1000")
    connection.execute("DELETE FROM prompts WHERE name LIKE 'st-%'")


def run(connection, sql, parameters=None, binary=False):
    """What a client sees: rows (in any order), count and tag, or the error's code."""
    with connection.cursor(binary=binary) as cursor:
        try:
            cursor.execute(sql, parameters)
        except psycopg.Error as error:
            return error.sqlstate
        rows = sorted(cursor.fetchall(), key=repr) if cursor.description else None
        return rows, cursor.rowcount, cursor.statusmessage


def content(connection):
    keys = connection.execute("SELECT id, organisation_id, slug, name, key, auth_config, status FROM virtual_keys WHERE slug LIKE 'st-%' ORDER BY slug").fetchall()
    versions = connection.execute("SELECT prompt_id, version, template, template_text FROM prompt_versions WHERE version > 1000 ORDER BY version").fetchall()
    prompts = connection.execute("SELECT organisation_id, name, template FROM prompts WHERE name LIKE 'st-%' ORDER BY name").fetchall()
    return keys, versions, prompts


def check_raw(direct):
    for table, (texts, documents) in SEALED.items():
        for column in texts + documents:
            loose = direct.execute(f"SELECT {column}::text FROM {table} WHERE {column} IS NOT NULL AND {column}::text !~ '^\"?~s[12][A-Za-z0-9_-]+~\"?$'").fetchall()
            assert loose == [], (table, column)


def same(twin, sealed, direct, *statements, binary=False):
    for sql, *parameters in statements:
        parameters = parameters[0] if parameters else None
        expected = run(twin, sql, parameters, binary)
        assert run(sealed, sql, parameters, binary) == expected, sql
        assert not isinstance(expected, str) or expected in ("23505", "23503", "42804"), (sql, expected)
    assert content(sealed) == content(twin), statements
    check_raw(direct)


CASES = {
    "bulk update by VALUES": [(
        "UPDATE virtual_keys AS t SET key = v.key, name = v.name FROM (VALUES (%s::uuid, %s, %s), (%s, %s, %s)) AS v(id, key, name) WHERE v.id = t.id",
        (K1, "sk-new-1", "n1", K2, "sk-new-2", "n2"))],
    "bulk update by VALUES, jsonb": [(
        "UPDATE virtual_keys AS t SET auth_config = v.c::jsonb FROM (VALUES (%s::uuid, %s), (%s, %s)) AS v(id, c) WHERE v.id = t.id RETURNING t.slug, t.auth_config",
        (K1, '{"b": [1, 2]}', K2, None))],
    "bulk update whose rows carry their tenants": [(
        "UPDATE virtual_keys AS t SET key = v.key FROM (VALUES (%s::uuid, %s::uuid, %s), (%s, %s, %s)) AS v(id, org, key) WHERE v.id = t.id AND t.organisation_id = v.org",
        (K1, A, "sk-of-a", K3, B, "sk-of-b"))],
    "bulk update by a CTE of VALUES": [(
        "WITH v(id, key) AS (VALUES (%s::uuid, %s::text), (%s, %s)) UPDATE virtual_keys t SET key = v.key FROM v WHERE v.id = t.id RETURNING t.key",
        (K1, "sk-cte", K2, "sk-cte"))],
    "bulk update of no row": [("UPDATE virtual_keys AS t SET key = v.key FROM (VALUES (%s::uuid, %s)) AS v(id, key) WHERE v.id = t.id", (K5, "sk-nobody"))],
    "bulk update by a correlated subquery": [(
        "UPDATE virtual_keys SET key = (SELECT v.k FROM (VALUES (%s::uuid, %s), (%s, %s)) v(id, k) WHERE v.id = virtual_keys.id) WHERE organisation_id = %s AND slug LIKE 'st-%%'",
        (K1, "sub-1", K2, "sub-2", A))],
    "bulk update by CASE": [(
        "UPDATE virtual_keys SET key = (CASE WHEN (id = %s) THEN %s WHEN (id = %s) THEN %s ELSE NULL END)::text WHERE id IN (%s, %s)",
        (K1, "case-1", K2, "case-2", K1, K2))],
    "bulk update by unnest": [(
        "UPDATE virtual_keys t SET key = u.key FROM unnest(%s::uuid[], %s::text[]) AS u(id, key) WHERE t.id = u.id",
        ([K1, K2], ["un-1", "un 'q' \"d\" \\ {,}"]))],
    "insert by unnest, tenants too": [(
        "INSERT INTO virtual_keys (id, organisation_id, slug, key) SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[]) RETURNING slug, key",
        ([K4, K5], [A, B], ["st-4", "st-5"], ["un-a", None]))],
    "insert by unnest, one tenant": [(
        "INSERT INTO virtual_keys (id, organisation_id, slug, key, auth_config) SELECT u.id, %s, u.slug, u.key, u.c::jsonb FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[]) AS u(id, slug, key, c)",
        (A, [K4, K5], ["st-4", "st-5"], ["äß日本", ""], ['{"a": {"b": "c"}}', '[]']))],
    "insert by unnest in the select list": [(
        "INSERT INTO virtual_keys (id, organisation_id, slug, key) SELECT unnest(%s::uuid[]), %s, unnest(%s::text[]), unnest(%s::text[])",
        ([K4, K5], B, ["st-4", "st-5"], ["sl-1", "sl-2"]))],
    "insert by unnest of jsonb": [(
        "INSERT INTO virtual_keys (id, organisation_id, slug, auth_config) SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::jsonb[])",
        ([K4], [A], ["st-4"], [psycopg.types.json.Jsonb({"z": 1, "a": "q\"uote"})]))],
    "insert of a select of parameters": [
        ("INSERT INTO virtual_keys (id, organisation_id, slug, key) SELECT %s, %s, 'st-4', %s WHERE NOT EXISTS (SELECT 1 FROM virtual_keys WHERE slug = 'st-4')", (K4, A, "sel-1")),
        ("INSERT INTO virtual_keys (id, organisation_id, slug, key) SELECT %s, %s, 'st-4', %s WHERE NOT EXISTS (SELECT 1 FROM virtual_keys WHERE slug = 'st-4')", (K5, A, "sel-2"))],
    "insert of a union": [(
        "INSERT INTO virtual_keys (id, organisation_id, slug, key) SELECT %s::uuid, %s::uuid, 'st-4', %s UNION ALL SELECT %s, %s, 'st-5', %s",
        (K4, A, "uni-1", K5, B, "uni-2"))],
    "insert of joined VALUES": [(
        "INSERT INTO virtual_keys (id, organisation_id, slug, key) SELECT v.id, v.o, v.s, v.k FROM (VALUES (%s::uuid, %s::uuid, 'st-4', %s), (%s, %s, 'st-5', %s)) v(id, o, s, k) JOIN organisations g ON g.id = v.o WHERE v.s <> ''",
        (K4, A, "jo-1", K5, B, "jo-2"))],
    "insert with DEFAULT among the values": [(
        "INSERT INTO virtual_keys (id, organisation_id, slug, key, status, created_at) VALUES (%s, %s, 'st-4', DEFAULT, DEFAULT, '2024-01-01'), (%s, %s, 'st-5', %s, 'off', '2024-01-01')",
        (K4, A, K5, B, "def-1"))],
    "insert without columns": [("INSERT INTO prompts VALUES (%s, %s, 'st-p', %s)", (K4, A, "whole row"))],
    "insert with a CTE that writes": [(
        "WITH p AS (INSERT INTO prompts (id, organisation_id, name, template) VALUES (%s, %s, 'st-p', %s) RETURNING id, template) SELECT template FROM p",
        (K4, B, "from a cte"))],
    "two writes in one statement": [(
        "WITH a AS (UPDATE virtual_keys SET key = %s WHERE id = %s AND organisation_id = %s RETURNING slug, key), b AS (DELETE FROM virtual_keys WHERE id = %s RETURNING slug, key) SELECT * FROM a UNION ALL SELECT * FROM b",
        ("both-1", K1, A, K2))],
    "a row is cloned": [(
        "INSERT INTO virtual_keys (id, organisation_id, slug, name, key, auth_config) SELECT %s, organisation_id, 'st-4', name, key, auth_config FROM virtual_keys WHERE id = %s RETURNING key, auth_config",
        (K4, K1))],
    "tuple assignment": [
        ("UPDATE virtual_keys SET (key, name) = (%s, %s) WHERE id = %s", ("tu-1", "n", K1)),
        ("UPDATE virtual_keys SET (key, auth_config) = ROW(%s, %s) WHERE id = %s", ("tu-2", '{"t": 2}', K2)),
        ("UPDATE virtual_keys SET (key, name) = (SELECT %s, %s) WHERE id = %s", ("tu-3", "m", K3))],
    "COALESCE, CASE and NULLIF": [
        ("UPDATE virtual_keys SET key = COALESCE(%s, key) WHERE id = %s", (None, K1)),
        ("UPDATE virtual_keys SET key = COALESCE(%s, key) WHERE id = %s", ("co-2", K2)),
        ("UPDATE virtual_keys SET key = NULLIF(%s, '') WHERE id = %s", ("", K1)),
        ("UPDATE virtual_keys SET key = COALESCE(NULLIF(%s, ''), key) WHERE id = %s", ("", K2)),
        ("UPDATE virtual_keys SET key = CASE WHEN name = 'three' THEN %s ELSE key END WHERE id = %s", ("ca-3", K3))],
    "a SELECT of values": [
        ("INSERT INTO virtual_keys (id, organisation_id, slug, key) SELECT %s, %s, 'st-4', %s ON CONFLICT DO NOTHING", (K4, A, "se-1")),
        ("INSERT INTO virtual_keys (id, organisation_id, slug, key) SELECT %s, %s, 'st-1', %s ON CONFLICT (slug) DO UPDATE SET key = EXCLUDED.key RETURNING key", (K5, A, "se-2"))],
    "upserts": [
        ("INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES (%s, %s, 'st-1', %s) ON CONFLICT (slug) DO UPDATE SET key = EXCLUDED.key RETURNING id, key", (K4, A, "up-1")),
        ("INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES (%s, %s, 'st-4', %s) ON CONFLICT (slug) DO UPDATE SET key = COALESCE(EXCLUDED.key, virtual_keys.key)", (K4, A, "up-2")),
        ("INSERT INTO virtual_keys (id, organisation_id, slug, key) SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[]) ON CONFLICT DO NOTHING", ([K1, K5], [A, A], ["st-9", "st-5"], ["up-3", "up-4"]))],
    "upserts of several columns at once": [
        ("INSERT INTO virtual_keys (id, organisation_id, slug, name, key) VALUES (%s, %s, 'st-1', 'n', %s), (%s, %s, 'st-6', 'n', %s) ON CONFLICT (slug) DO UPDATE SET (key, name) = (EXCLUDED.key, EXCLUDED.name) RETURNING slug, key", (K4, A, "upt-1", K5, B, "upt-2")),
        ("INSERT INTO virtual_keys (id, organisation_id, slug, name, key) VALUES (%s, %s, 'st-1', 'm', %s) ON CONFLICT (slug) DO UPDATE SET (name, key) = ROW(EXCLUDED.name, EXCLUDED.key) WHERE virtual_keys.name = 'n'", (K4, A, "upt-3")),
        ("WITH w AS (INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES (%s, %s, 'st-1', %s) ON CONFLICT (slug) DO UPDATE SET status = 'x', (key, name) = (EXCLUDED.key, 'o')) SELECT 1", (K4, A, "upt-4"))],
    "MERGE": [
        ("MERGE INTO virtual_keys t USING (VALUES (%s::uuid, %s::uuid, 'st-1', %s), (%s, %s, 'st-4', %s)) s(id, org, slug, key) ON t.id = s.id WHEN MATCHED THEN UPDATE SET key = s.key WHEN NOT MATCHED THEN INSERT (id, organisation_id, slug, key) VALUES (s.id, s.org, s.slug, s.key)",
         (K1, A, "me-1", K4, A, "me-2")),
        ("MERGE INTO virtual_keys t USING (SELECT %s::uuid AS id) s ON t.id = s.id WHEN MATCHED AND t.name = 'x' OR t.name IS NULL THEN UPDATE SET key = %s WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (s.id, %s, 'st-5', 'n', %s)",
         (K5, "me-3", B, "me-4")),
        ("MERGE INTO virtual_keys t USING (SELECT %s::uuid AS id) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET key = %s, auth_config = %s", (K2, "me-5", '{"m": 5}')),
        ("MERGE INTO virtual_keys t USING (SELECT %s::uuid AS id) s ON t.id = s.id WHEN MATCHED THEN DELETE", (K3,))],
    "children take their parent's tenant": [
        ("INSERT INTO prompt_versions (id, prompt_id, version, template, template_text) VALUES (%s, %s, 1001, %s, %s)", (K4, A, '{"c": 1}', "child")),
        ("INSERT INTO prompt_versions (id, prompt_id, version, template_text) SELECT v.i, v.p, v.n, v.t FROM (VALUES (%s::uuid, %s::uuid, 1002, %s), (%s, %s, 1003, %s)) v(i, p, n, t)", (K1, A, "c-1", K2, B, "c-2")),
        ("UPDATE prompt_versions v SET template_text = x.t FROM (VALUES (%s::uuid, %s)) x(i, t) WHERE x.i = v.id", (K1, "c-3"))],
}


@pytest.mark.parametrize("case", [pytest.param(case, marks=pytest.mark.skipif(case == "MERGE" and MAJOR < 15, reason="PostgreSQL 15 has MERGE")) for case in CASES])
@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_same_as_the_twin(twin, sealed, direct, case, binary):
    statements = CASES[case]
    if binary:
        statements = [(sql.replace("%s", "%b"), *rest) for sql, *rest in statements]
    same(twin, sealed, direct, *statements, binary=binary)


@pytest.mark.parametrize("case", CASES)
def test_same_with_constants_in_the_text(servers, twin, sealed, direct, case):
    """The simple protocol: psycopg writes the parameters into the statement."""
    with psycopg.connect(servers.url, autocommit=True, cursor_factory=psycopg.ClientCursor) as inline:
        for sql, *rest in CASES[case]:
            before = content(sealed)
            got = run(inline, sql, *rest)
            if "unnest" in sql and got == "0A000":
                # Tenants in an array must come as a parameter.
                assert content(sealed) == before
                return
            assert got == run(twin, sql, *rest), sql
    assert content(sealed) == content(twin), case
    check_raw(direct)


def test_explain_analyze_runs_what_it_explains(sealed, twin, direct):
    for connection in (sealed, twin):
        connection.execute("EXPLAIN (ANALYZE, COSTS OFF) UPDATE virtual_keys t SET key = v.k FROM (VALUES (%s::uuid, %s)) v(id, k) WHERE v.id = t.id", (K1, "explained"))
    assert content(sealed) == content(twin)
    check_raw(direct)


def test_values_of_two_tenants_are_not_mixed(sealed, direct):
    """One look-up, rows of two tenants: nobody can say whose key each value gets."""
    before = content(sealed)
    sql = "UPDATE virtual_keys AS t SET key = v.key FROM (VALUES (%s::uuid, %s), (%s, %s)) AS v(id, key) WHERE v.id = t.id"
    assert run(sealed, sql, (K1, "x", K3, "y")) == "SV007"
    assert run(sealed, "UPDATE virtual_keys SET organisation_id = %s WHERE id = %s", (B, K1)) == "0A000"
    assert run(sealed, "INSERT INTO virtual_keys (id, organisation_id, slug, key) SELECT %s, %s, 'st-4', key FROM virtual_keys WHERE id = %s", (K4, B, K1)) == "0A000"
    assert content(sealed) == before
    check_raw(direct)


def test_names_mean_what_they_mean_to_postgresql(twin, sealed, direct):
    for connection in (twin, direct):
        connection.execute("CREATE OR REPLACE FUNCTION st_hint(r anyelement) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN r.key; END'")
    shadowed = "SELECT slug, (SELECT key FROM organisations AS key LIMIT 1) FROM virtual_keys WHERE slug LIKE 'st-%' ORDER BY slug"
    assert sealed.execute(shadowed).fetchall() == twin.execute(shadowed).fetchall()
    refused = [
        "WITH virtual_keys AS (SELECT 'st-1' AS slug) UPDATE virtual_keys SET key = 'sk-plain' WHERE slug = 'st-1'",
        "WITH virtual_keys AS (SELECT 1) MERGE INTO virtual_keys v USING organisations o ON v.organisation_id = o.id WHEN MATCHED THEN UPDATE SET key = 'sk-plain'",
        "WITH virtual_keys AS (SELECT 1) DELETE FROM virtual_keys WHERE key = 'sk-one'",
        "SELECT 1 FROM virtual_keys WHERE EXISTS (SELECT FROM organisations AS key WHERE key = 'sk-one')",
        "WITH RECURSIVE a AS (SELECT coalesce(k, '') FROM b), b AS (SELECT key AS k FROM virtual_keys) SELECT * FROM a",
        "SELECT v.st_hint FROM virtual_keys v",
        "SELECT (v).st_hint FROM virtual_keys v",
        "SELECT x.st_hint FROM (SELECT key FROM virtual_keys) x",
    ]
    for sql in refused:
        # That a function has just been made by another session may not be known yet.
        with pytest.raises((psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedColumn)):
            sealed.execute(sql)
    keys = "SELECT slug, key FROM virtual_keys WHERE slug LIKE 'st-%' ORDER BY slug"
    assert sealed.execute(keys).fetchall() == twin.execute(keys).fetchall()
    assert all(key.startswith("~s1") for _, key in direct.execute(keys))


def answers(connection, sql):
    """Of each statement of a simple Query: its command, its rows, or its error's code and position."""
    wire, found = connection.pgconn, []
    wire.send_query(sql.encode())
    while (result := wire.get_result()) is not None:
        rows = [[result.get_value(row, column) for column in range(result.nfields)] for row in range(result.ntuples)]
        found.append((result.command_status, rows, result.error_field(psycopg.pq.DiagnosticField.SQLSTATE), result.error_field(psycopg.pq.DiagnosticField.STATEMENT_POSITION)))
    return found


def test_statements_before_a_value_that_does_not_fit_are_answered(twin, sealed, direct):
    good = f"UPDATE virtual_keys SET key = 'before' WHERE organisation_id = '{A}' AND id = '{K1}' RETURNING key"
    bad = f"UPDATE virtual_keys SET auth_config = '{{bad' WHERE organisation_id = '{A}' AND id = '{K1}'"
    for sql in (
        f"SELECT 'one'; {bad}; SELECT 2", f"{good}; {bad}; SELECT 3", f"{good}; SELECT key FROM virtual_keys WHERE id = '{K1}' /* ; */ ; \n {bad}", f"BEGIN; SELECT 1; {bad}; COMMIT",
        f"UPDATE virtual_keys SET slug = 'st-2' WHERE id = '{K1}'; {bad}", "ROLLBACK", f"BEGIN; SELECT 1; COMMIT; SELECT 2; {bad}", f"SELECT 1/0; {bad}",
        f"BEGIN; {bad}; {good}; COMMIT", "ROLLBACK", f"BEGIN; {good}; {bad}; COMMIT", good, "ROLLBACK", f"{good}; COMMIT; {bad}; {good}", f"BEGIN; {good}; COMMIT; {bad}; {good}",
        f"{bad}; SELECT 1/0", f"{bad} AND nothing = 1", f"{bad}; SELEC", f"BEGIN; SAVEPOINT a; {bad}; ROLLBACK TO a; {good}; COMMIT", "ROLLBACK TO a", good, "COMMIT",
    ):
        got = answers(sealed, sql)
        assert got == answers(twin, sql), sql
        assert sealed.pgconn.transaction_status == twin.pgconn.transaction_status, sql
    assert content(sealed) == content(twin)
    check_raw(direct)


def test_a_value_is_measured_where_a_row_takes_it(servers, twin, sealed, direct):
    """The column that measures it holds sealed values, which are longer."""
    long, rows = "x" * 400, "FROM (VALUES ('st-1', '{}'), ('none', '{}')) v(s, k) WHERE p.name = v.s"
    try:
        for connection in (twin, direct):
            connection.execute("DELETE FROM sso_providers")
            connection.execute("ALTER TABLE sso_providers ALTER client_secret TYPE varchar(300)")
        # What others change is known a little later.
        time.sleep(2.5)
        for connection in (twin, sealed):
            connection.execute("INSERT INTO sso_providers (id, organisation_id, name, client_secret) VALUES (%s, %s, 'st-1', 'short')", (K1, A))
        update = f"UPDATE sso_providers p SET client_secret = {{}} WHERE organisation_id = '{A}' AND name = 'st-1'"
        for sql in (
            f"UPDATE sso_providers p SET client_secret = v.k {rows.format('taken', long)} AND organisation_id = '{A}'", f"UPDATE sso_providers p SET client_secret = v.k {rows.format(long, 'free')} AND organisation_id = '{A}'",
            update.format(f"CASE id WHEN '{K2}' THEN '{long}' ELSE client_secret END"), update.format(f"CASE id WHEN '{K1}' THEN '{long}' ELSE client_secret END"), update.format(f"'{long}'"),
            f"UPDATE sso_providers SET client_secret = '{long}' WHERE id = '{K2}'", f"UPDATE sso_providers SET client_secret = '{'y' * 30}' WHERE id = '{K1}'",
            f"INSERT INTO sso_providers (id, organisation_id, name, client_secret) VALUES ('{K1}', '{A}', 'st-1', 'st') ON CONFLICT (id) DO UPDATE SET client_secret = '{long}' WHERE sso_providers.name = ''", f"BEGIN; {update.format(repr(long))}; COMMIT", "ROLLBACK",
        ):
            assert answers(sealed, sql) == answers(twin, sql), sql
        stored = "SELECT client_secret FROM sso_providers WHERE id = %s"
        assert sealed.execute(stored, (K1,)).fetchall() == twin.execute(stored, (K1,)).fetchall() == [("y" * 30,)]
        assert direct.execute("SELECT client_secret FROM sso_providers WHERE id = %s", (K1,)).fetchone()[0].startswith("~s1")
    finally:
        for connection in (twin, direct):
            connection.execute("DELETE FROM sso_providers WHERE name = 'st-1'")
            connection.execute("ALTER TABLE sso_providers ALTER client_secret TYPE varchar")
        time.sleep(2.5)


def test_numbers_in_jsonb_are_as_great_and_as_fine_as_postgresqls(twin, sealed):
    change = "UPDATE virtual_keys SET auth_config = %s WHERE organisation_id = %s AND id = %s RETURNING auth_config::text"
    for number in (
        "9" * 131072, "9" * 131073, "0.5e131072", "0.05e131074", "5e131072", "0.0005e131075", "-0e200000", "0.000e1", "0e1073741824", "1e-16383", "1e-16384", "0e-16384", "10.0e-16383",
        "0." + "0" * 16383, "0." + "1" * 16384, "1." + "1" * 16385 + "e2", "0." + "0" * 20000 + "1e20010", "1" + "0" * 140000 + "e-20000", "1E+5", "-1.50", "123.456e2", "0.0e5",
    ):
        got = []
        for connection in (sealed, twin):
            try:
                got.append(connection.execute(change, (f"[{number}]", A, K1)).fetchall())
            except psycopg.Error as error:
                got.append((error.sqlstate, error.diag.message_primary))
        assert got[0] == got[1], number[:30]


def test_clients_are_told_of_a_value_that_does_not_fit_when_postgresql_tells_them(servers, twin, sealed):
    urls = (servers.url, servers.direct.replace("/app", "/twin"))
    good, bad = f"UPDATE virtual_keys SET key = 'told' WHERE organisation_id = '{A}' AND id = '{K1}' RETURNING key", "UPDATE virtual_keys SET auth_config = {} WHERE organisation_id = '{}' AND id = '{}'"
    # psql shows the place, and goes on in the transaction that it is in.
    text = f"BEGIN; {good}; {bad.format(repr('{bad'), A, K1)}; COMMIT"
    shown = [subprocess.run(["psql", "-Xq", "-c", text, "-c", "SELECT 1", url], capture_output=True, text=True) for url in urls]
    through, plain = ([line for line in ran.stderr.splitlines() if line.startswith(("ERROR", "LINE", " "))] for ran in shown)
    assert through == plain and "LINE 1" in plain[1] and shown[0].stdout == shown[1].stdout
    told = []
    for connection in (sealed, twin):
        wire, codes = connection.pgconn, []
        for name, sql in ((b"", bad.format("'{bad'", A, K1)), (b"st_bad", bad.format("'[1,]'::jsonb", A, K1)), (b"st_good", bad.format("$1", A, K1))):
            prepared = wire.prepare(name, sql.encode())
            codes.append((prepared.error_field(psycopg.pq.DiagnosticField.SQLSTATE), prepared.error_field(psycopg.pq.DiagnosticField.STATEMENT_POSITION)))
        for value, form in ((b"{bad", 0), (b"\1{bad", 1), (b'"\\u0000"', 0), (b"[1e999999]", 0), (b"{}", 0)):
            codes.append(wire.exec_prepared(b"st_good", [value], [form]).error_field(psycopg.pq.DiagnosticField.SQLSTATE))
        connection.execute("DEALLOCATE st_good")
        with pytest.raises(psycopg.errors.InvalidTextRepresentation), connection.pipeline():
            connection.execute(f"UPDATE virtual_keys SET key = 'undone' WHERE organisation_id = '{A}' AND id = %s", (K2,))
            connection.execute(bad.format("%s", A, K1), ("{bad",))
            connection.execute(f"UPDATE virtual_keys SET key = 'skipped' WHERE organisation_id = '{A}' AND id = %s", (K2,))
        told.append(codes)
    assert told[0] == told[1] and told[0][3:] == [b"22P02", b"22P02", b"22P05", b"22003", None]
    assert content(sealed) == content(twin)


# Values that PostgreSQL takes for none of the column's type, or only just for one.
DOUBTFUL = {
    "configs.template": ['{bad', "", " ", '{"a": 1} x', '"\\u0000"', '"\\ud800"', '"\\ud83d\\ude00"', "1e400000", "1" * 140_000, "nul", '{"a": 1,}', '"\x01"', '"\t"', "01", "-", "NaN", '"\\x"', "[1, 2", "1e131072", "1e-20000", "1e-9223372036854775808", "0e99999999999999999999", '{"a": 1, "a": 2}', "\ufeff1"],
    "sso_providers.auth_settings": ['{bad', "", '"\\u0000"', '"\\ud800"', "1e400000", '{"a": 1,}', '"\\u12"', "[1] [2]", '  {"b" :1}  '],
    "integrations.certificate": ["\\x0", "\\xzz", "\\x00ff", "\\x00 ff", "a\\", "a\\0", "a\\001b", "\\\\", "plain", "\\x", "\\400", "\\X00"],
    "prompts.template": [b"\xff\xfe", b"a\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80", "é".encode()],
}


@pytest.mark.parametrize("column", DOUBTFUL)
def test_what_is_no_value_of_the_type_has_postgresqls_code(twin, sealed, column):
    table, name = column.split(".")
    more = {"configs": "slug"}.get(table, "name")

    def stored(connection, value, how):
        """What it became, or the error's code."""
        wire, row = connection.pgconn, f"'{uuid.UUID(int=0xD0)}', '{A}', 'doubtful'"
        into = f"{table} (id, organisation_id, {more}, {name})"
        wire.exec_(b"BEGIN")
        if how == "constant":
            result = wire.exec_(f"INSERT INTO {into} VALUES ({row}, '".encode() + value.replace(b"'", b"''") + f"') RETURNING {name}".encode())
        elif how == "copied":
            wire.send_query(f"COPY {into} FROM STDIN".encode())
            assert wire.get_result().status == psycopg.pq.ExecStatus.COPY_IN
            wire.put_copy_data(f"{uuid.UUID(int=0xD0)}\t{A}\tdoubtful\t".encode() + value.replace(b"\\", b"\\\\").replace(b"\t", b"\\t") + b"\n")
            wire.put_copy_end()
            result = wire.get_result()
            while wire.get_result() is not None:
                pass
            if result.status == psycopg.pq.ExecStatus.COMMAND_OK:
                result = wire.exec_(f"SELECT {name} FROM {table} WHERE {more} = 'doubtful'".encode())
        else:
            result = wire.exec_params(f"INSERT INTO {into} VALUES ({row}, $1) RETURNING {name}".encode(), [(b"\x01" if table == "configs" and how == "binary" else b"") + value], param_formats=[how == "binary"])
        found = result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) or result.get_value(0, 0)
        wire.exec_(b"ROLLBACK")
        return found

    for value in DOUBTFUL[column]:
        value = value if isinstance(value, bytes) else value.encode()
        for how in ("constant", "text", "binary", "copied"):
            expected = stored(twin, value, how)
            # A text that is not in UTF-8 is not read at all.
            told = b"0A000" if expected == b"22021" and how == "constant" else expected
            assert stored(sealed, value, how) == told, (value[:40], how)


def test_an_untyped_constant_among_its_like_is_a_text(twin, sealed, direct):
    for sql in ("UPDATE virtual_keys SET key = %s, auth_config = CASE WHEN slug = '' THEN '[]' ELSE '{}' END WHERE id = %s", "UPDATE virtual_keys SET key = %s, auth_config = coalesce('[]', '{}') WHERE id = %s", "UPDATE virtual_keys SET key = %s, auth_config = coalesce(CASE WHEN slug = '' THEN '[]' END, auth_config) WHERE id = %s", "UPDATE virtual_keys SET key = %s, auth_config = coalesce('[]', '{}'::jsonb) WHERE id = %s", "UPDATE virtual_keys SET key = %s, auth_config = nullif('[]', '{}') WHERE id = %s", "UPDATE virtual_keys SET key = %s, auth_config = nullif('[]'::jsonb, '{}') WHERE id = %s", "UPDATE virtual_keys SET (key, auth_config) = (SELECT %s::text, '{}') WHERE id = %s", "UPDATE virtual_keys SET (key, auth_config) = (SELECT %s::text, '{}'::jsonb) WHERE id = %s", "UPDATE virtual_keys v SET key = x.k, auth_config = x.d FROM (VALUES (%s, '{}'::jsonb, %s::uuid), ('b', '[]', NULL)) x(k, d, i) WHERE x.i = v.id"):
        got = run(sealed, sql, ("derived", K1))
        assert got == run(twin, sql, ("derived", K1)), sql
    assert content(sealed) == content(twin)
    check_raw(direct)


def test_a_statement_of_which_only_the_names_are_looked_at_never_runs(servers, sealed, direct):
    """Whatever types and functions are called, which those may make who cannot change the table."""
    direct.execute("CREATE DOMAIN \"pgseal refused this statement\" AS text; CREATE DOMAIN \"pgseal\" AS text")
    direct.execute("CREATE FUNCTION nme(virtual_keys) RETURNS text LANGUAGE sql AS 'SELECT NULL::text'")
    before = content(sealed)
    try:
        with psycopg.connect(servers.url, autocommit=True) as client:
            for _ in range(2):
                for sql in ("DELETE FROM virtual_keys v WHERE v.nme = 'q' OR 5 = 6", "UPDATE virtual_keys v SET name = 'ran' WHERE (v).nme IS NULL", "SELECT v.nme FROM virtual_keys v"):
                    with pytest.raises(psycopg.errors.FeatureNotSupported):
                        client.execute(sql)
                    with pytest.raises(psycopg.errors.FeatureNotSupported):
                        client.execute(sql, prepare=True)
                # As long as the catalog may not know of it, and after that.
                time.sleep(2.5)
    finally:
        direct.execute("DROP FUNCTION nme(virtual_keys); DROP DOMAIN \"pgseal refused this statement\", \"pgseal\"")
    assert content(sealed) == before


def test_an_update_behind_a_query_is_kept_to_its_rows(twin, sealed, direct):
    """What keeps it from other tenants' rows stands behind the text's last byte."""
    first = f"SELECT key FROM virtual_keys WHERE organisation_id = '{A}' AND id = '{K1}'"
    last = f"UPDATE prompts SET template = 'last' WHERE id = '{A}'"
    for sql in (f"{first}; {last}", f"{first}; {last};", f"BEGIN; {first}; {last}; COMMIT", f"{first}; {last} "):
        assert answers(sealed, sql) == answers(twin, sql), sql
    check_raw(direct)


def test_branches_without_a_type_are_united_as_texts(twin, sealed, direct):
    """(text UNION text) UNION jsonb is a mistake; text or nothing UNION jsonb is none."""
    row = "SELECT %s::uuid, %s::uuid, 'st-{}', 'u', {}, {}"
    for first, second, third in (("%s", "'[]'", "'{}'::jsonb"), ("'{}'", "'[]'", "%s::jsonb"), ("'{}'::jsonb", "'[]'", "%s"), ("%s::jsonb", "%s::jsonb", "'1'"), ("'{}'", "'[]'", "%s")):
        documents = (first, second, third)
        rows = " UNION ALL ".join(row.format(number, "'sk-u'", document) for number, document in enumerate(documents, 7))
        parameters = [value for number, document in enumerate(documents) for value in (uuid.UUID(int=0x51A7_0100 + number), A, *["[1]"] * document.count("%s"))]
        sql = f"INSERT INTO virtual_keys (id, organisation_id, slug, name, key, auth_config) {rows}"
        got = run(sealed, sql, parameters)
        assert got == run(twin, sql, parameters), sql
        assert (got == "42804") == ("jsonb" not in "".join(documents[:2])), got
        assert content(sealed) == content(twin)
        check_raw(direct)
        for connection in (twin, sealed):
            connection.execute("DELETE FROM virtual_keys WHERE name = 'u'")


def test_what_is_asked_about_a_change_behind_queries(twin, sealed, direct):
    """A row's tenant is asked for before the text goes: what only reads changes nothing about it."""
    change = f"UPDATE virtual_keys SET key = 'behind {{}}', auth_config = '[1]' WHERE id = '{K1}' RETURNING key, auth_config"
    for at, first in enumerate(["SELECT 1", f"SELECT key, name FROM virtual_keys WHERE id = '{K1}'", "BEGIN; TABLE virtual_keys LIMIT 0; VALUES (1)", "WITH w AS (SELECT id FROM prompts WHERE id IS NULL) SELECT count(*) FROM w"]):
        sql = f"{first}; {change.format(at)}" + ("; COMMIT" if "BEGIN" in first else "")
        got = answers(sealed, sql)
        assert got == answers(twin, sql) and not isinstance(got[-1], str), sql
    assert content(sealed) == content(twin)
    check_raw(direct)
    # Each of these could move the row, or say another tenant.
    for first in ("SELECT set_config('app.tenant', 'x', false)", f"SELECT id FROM virtual_keys WHERE id = '{K1}' FOR UPDATE", "SET app.tenant = 'x'"):
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="earlier statement"):
            sealed.execute(f"{first}; {change.format(9)}")


def test_json_beside_an_untyped_constant_in_a_union(twin, sealed, direct):
    row = f"SELECT '{{}}'::uuid, '{A}'::uuid, 'sl-{{}}', 'u', 'sk-u', {{}}"
    forms = [("%s::json", "'[1]'"), ("'[1]'", "'[2]'::json"), ("json '[1]'", "'[2]'"), ("'[1]'", "%s::json"), ("%s::jsonb", "'[1]'"), ("'[1]'", "'[2]'::jsonb"), ("'[1]'::json", "'[2]'::jsonb"), ("'[1]'::json", "%s"), ("%s", "%s::json")]
    for documents in forms:
        for derived in (False, True):
            rows = " UNION ALL ".join(row.format(uuid.UUID(int=0x51A8_0100 + number), number, document) for number, document in enumerate(documents))
            rows = f"SELECT * FROM ({rows}) x" if derived else rows
            sql = f"INSERT INTO virtual_keys (id, organisation_id, slug, name, key, auth_config) {rows}"
            parameters = ['{"b": 1, "a": [2]}'] * sql.count("%s")
            got = run(sealed, sql, parameters)
            assert got == run(twin, sql, parameters), sql
            assert content(sealed) == content(twin), sql
            check_raw(direct)
            for connection in (twin, sealed):
                connection.execute("DELETE FROM virtual_keys WHERE name = 'u'")


def test_null_in_a_union_is_as_in_values(twin, sealed, direct):
    row = f"SELECT '{{}}'::uuid, '{A}'::uuid, 'sn-{{}}', 'u', {{}}, {{}}"
    keys = [("'sk-u'", "NULL"), ("NULL", "'sk-u'"), ("%s", "NULL"), ("NULL", "NULL", "'sk-u'"), ("'sk-u'", "NULL::text", "'sk-v'"), ("(NULL)", "CAST(%s AS text)"), ("'sk-u'::varchar", "NULL::varchar")]
    documents = [("'[1]'", "NULL"), ("NULL", "'[1]'::jsonb"), ("'[1]'", "NULL::jsonb"), ("NULL::json", "'[1]'"), ("%s::jsonb", "NULL"), ("NULL", "NULL", "'[1]'::jsonb"), ("NULL::jsonb", "NULL", "'[1]'"), ("NULL", "%s")]
    same = [(cells, ["NULL::jsonb"] * len(cells)) for cells in keys] + [(["'sk-u'"] * len(cells), cells) for cells in documents]
    served = 0
    for cells, texts in same:
        for derived in (False, True):
            rows = " UNION ALL ".join(row.format(uuid.UUID(int=0x51A9_0100 + number), number, *both) for number, both in enumerate(zip(cells, texts)))
            rows = f"SELECT * FROM ({rows}) x" if derived else rows
            sql = f"INSERT INTO virtual_keys (id, organisation_id, slug, name, key, auth_config) {rows} RETURNING key, auth_config"
            parameters = ['{"b": 1, "a": [2]}'] * sql.count("%s")
            got = run(sealed, sql, parameters)
            assert got == run(twin, sql, parameters), (sql, got)
            assert content(sealed) == content(twin), sql
            check_raw(direct)
            served += not isinstance(got, str)
            for connection in (twin, sealed):
                connection.execute("DELETE FROM virtual_keys WHERE name = 'u'")
    assert served > 20
    # It would be a number first.
    cast = f"INSERT INTO virtual_keys (id, organisation_id, slug, name, key) SELECT '{K1}'::uuid, '{A}'::uuid, 'sn', 'u', NULL::int UNION ALL SELECT '{K1}', '{A}', 'sn', 'u', '7'"
    assert run(sealed, cast) == "0A000"


def test_a_misspelt_column_does_not_exist(servers, twin, sealed, direct):
    for sql in (
        "SELECT v.kex, v.key FROM virtual_keys v", "SELECT key /* ü */ FROM virtual_keys v WHERE v.nme = 'ü'", "SELECT public.virtual_keys.nme, key FROM virtual_keys",
        f"UPDATE virtual_keys v SET key = 'sk-secret' WHERE v.nme = 'x' AND organisation_id = '{A}'", "UPDATE virtual_keys v SET key = 'sk-secret' WHERE v.nme = 'x'",
        "SELECT (v).kex, 'sk-secret' FROM virtual_keys v /* sk-secret */", "SELECT s.kex FROM (SELECT key, slug FROM virtual_keys WHERE slug <> 'sk-secret' LIMIT 9) s", "SELECT w.kex, 7 FROM (SELECT v AS r FROM virtual_keys v) w",
        "WITH w AS (SELECT key FROM virtual_keys) SELECT w.keyy FROM w -- sk-secret", "SELECT v.key, (SELECT p.nme FROM prompts p WHERE p.id = v.id AND p.name LIKE'sk-secret') FROM virtual_keys v",
        "SELECT (w.r).kex FROM (SELECT v AS r FROM virtual_keys v) w", "INSERT INTO virtual_keys (id, key) SELECT id, 'sk-secret' FROM prompts p WHERE p.nme = 'x' RETURNING virtual_keys.kex",
        "DELETE FROM virtual_keys USING prompts p WHERE virtual_keys.template = p.name", "UPDATE virtual_keys SET name = 'x' WHERE slug = 'st-1' RETURNING virtual_keys.kex",
    ):
        errors = []
        for connection in (sealed, twin):
            with pytest.raises(psycopg.errors.UndefinedColumn) as raised:
                connection.execute(sql)
            told = raised.value.diag
            errors.append((told.sqlstate, told.message_primary, told.statement_position, told.message_hint, told.message_detail))
        assert errors[0] == errors[1], sql
    for sql in ("SELECT x.key FROM virtual_keys v WHERE slug = 'sk-secret'", "SELECT x.*, key FROM virtual_keys v", "SELECT key FROM virtual_keys v WHERE virtual_keys.key IS NULL"):
        assert answers(sealed, sql) == answers(twin, sql), sql
        with pytest.raises(psycopg.errors.UndefinedTable):
            sealed.execute(sql, prepare=True)
    field = psycopg.pq.DiagnosticField
    said = [[failed.error_field(code) for code in (field.SQLSTATE, field.MESSAGE_HINT, field.STATEMENT_POSITION)] for failed in (connection.pgconn.prepare(b"", b"SELECT v.kez, $1::int FROM virtual_keys v", [20]) for connection in (sealed, twin))]
    assert said[0] == said[1] and b'"v.key"' in said[0][1]
    log = (servers.folder / "server.log").read_text()
    assert "sk-secret" not in "".join(line for line in log.splitlines() if "pgseal refused" in line)
    # What PostgreSQL would run.
    for sql in ("SELECT v.to_jsonb FROM virtual_keys v", "SELECT v.count FROM virtual_keys v", "DELETE FROM virtual_keys v WHERE v.to_jsonb IS NOT NULL"):
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            sealed.execute(sql)


def test_a_mistake_in_what_is_asked_has_its_place_in_the_statement(twin, sealed):
    """Where the server must be asked about the tenant first, it is the question that fails."""
    update = "UPDATE virtual_keys SET key = 'sk-secret' WHERE"
    for sql in (
        f"{update} organisaton_id = 'x'", f"/* ü */ {update} name = 'ü' AND nme = 'x'", f"{update} id IN (SELECT i FROM virtual_keys)", f"{update} id = 7 AND slug = 'x'", f"{update} id = 'no uuid'",
        f"UPDATE virtual_keys v SET (key, auth_config) = ('a', '{{}}') FROM prompts p WHERE p.id = v.id AND nme = 'sk-secret'", f"BEGIN; {update} id = '{A}'; {update} organisaton_id = 'x'; COMMIT",
        f"{update} id = '{A}'; {update} slug = 'ü' AND nme = 'x'", f"WITH w AS (SELECT nme FROM prompts) {update} id IN (SELECT id FROM w)",
        "UPDATE virtual_keys SET key = CASE idd WHEN '1' THEN 'a' ELSE 'b' END WHERE slug = 'x'", "UPDATE virtual_keys SET key = 'a' WHERE slug = lower(slug, 1)",
        "INSERT INTO prompt_versions (id, prompt_id, template) VALUES (gen_random_uuid(), 'none', '{}')",
    ):
        errors = []
        for connection in (sealed, twin):
            with pytest.raises(psycopg.Error) as raised:
                connection.execute(sql, prepare=False)
            told = raised.value.diag
            errors.append((told.sqlstate, told.message_primary, told.statement_position, told.message_hint))
            connection.execute("ROLLBACK")
        assert errors[0] == errors[1] and errors[0][2], sql


def test_what_nobody_can_read_is_the_servers_to_refuse_where_nothing_is_protected(twin, sealed):
    for sql in ("SELEC 1", "SELECT FORM requests", "TABEL requests", "INSRT INTO requests VALUES (1)"):
        assert answers(sealed, sql) == answers(twin, sql), sql
    assert answers(sealed, "TABLE virtual_keys LIMIT 0") == answers(twin, "TABLE virtual_keys LIMIT 0")
    with pytest.raises(psycopg.errors.FeatureNotSupported, match='cannot be read at or near "virtual_keys"') as raised:
        sealed.execute("SELECT key FORM virtual_keys")
    assert raised.value.diag.statement_position == "17"
