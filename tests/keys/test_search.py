"""`search = "exact"`: equality on sealed columns, in PostgreSQL itself, through psycopg and asyncpg."""
import asyncio
import uuid

import asyncpg
import psycopg
import pytest
from replicas import Replica, eventually
from servers import MAJOR

MARK = "canary-search"
RULES = """
[[seal]]
table = "public.people"
tenant = "org"
columns = [
  { name = "email", search = "exact" },
  { name = "badge", search = "exact" },
  "note",
]

[[seal]]
table = "public.visits"
tenant = "org"
columns = [{ name = "email", search = "exact", domain = "public.people.email" }]

[[seal]]
table = "public.api_keys"
tenant = "org"
columns = [{ name = "secret", search = "exact", scope = "deployment" }]
"""
TABLES = """
CREATE TABLE people (id serial PRIMARY KEY, org int NOT NULL, email text, badge bytea, note text, UNIQUE (org, email));
CREATE TABLE visits (id serial PRIMARY KEY, org int NOT NULL, email text, FOREIGN KEY (org, email) REFERENCES people (org, email));
CREATE TABLE api_keys (id serial PRIMARY KEY, org int NOT NULL, secret varchar(80) UNIQUE, seen int NOT NULL DEFAULT 0);
"""
A, B = f"{MARK} a@example.org", f"{MARK} b@example.org"


@pytest.fixture(scope="module")
def replica(database, tmp_path_factory):
    with database.connect() as direct:
        direct.execute(TABLES)
    rules = tmp_path_factory.mktemp("rules") / "search.toml"
    rules.write_text(RULES)
    with Replica(database, PGSEAL_RULES=str(rules)) as replica:
        yield replica


@pytest.fixture
def through(replica, database):
    with database.connect() as direct:
        direct.execute("TRUNCATE people, visits, api_keys")
    with replica.connect() as through:
        for org, email in ((1, A), (1, B), (2, A)):
            through.execute("INSERT INTO people (org, email, badge, note) VALUES (%s, %s, %s, 'n')", (org, email, b"\x00\x01" + bytes([org])))
        yield through


def values(connection, sql, *arguments):
    return sorted(row[0] if len(row) == 1 else row for row in connection.execute(sql, arguments or None).fetchall())


def test_equal_values_are_equal_in_the_table_within_a_tenant_only(through, direct):
    raw = direct.execute("SELECT org, email, badge, note FROM people ORDER BY id").fetchall()
    assert all(email.startswith("~s2") and badge.startswith(b"\xf8sv\x02") and note.startswith("~s1") for _, email, badge, note in raw)
    assert len({email for _, email, _, _ in raw}) == 3
    through.execute("INSERT INTO visits (org, email) VALUES (1, %s)", (A,))
    assert direct.execute("SELECT email FROM visits").fetchone()[0] == raw[0][1]
    assert direct.execute("SELECT purpose, count(*) FROM pgseal.key WHERE tenant IN ('1', '2') GROUP BY 1 ORDER BY 1").fetchall() == [("dek", 2), ("search", 2)]


@pytest.mark.parametrize("condition,expected", [
    ("email = %s", [A]), ("%s = email", [A]), ("email <> %s", [B]), ("email IN (%s, 'nobody')", [A]), ("email NOT IN (%s)", [B]),
    ("email = ANY (ARRAY[%s, 'nobody'])", [A]), ("email IS NOT DISTINCT FROM %s", [A]), ("(email)::text = %s OR email = 'nobody'", [A]),
    ("NOT (email = %s)", [B]), ("email = %s AND note IS NOT NULL", [A]),
])
def test_conditions(through, condition, expected):
    assert values(through, f"SELECT email FROM people WHERE org = 1 AND ({condition})", A) == expected
    # The same as a constant in the text.
    assert values(through, f"SELECT email FROM people WHERE org = 1 AND ({condition.replace('%s', chr(39) + A + chr(39))})") == expected


def test_arrays_in_text(through):
    for wanted, found in ([A, "x"], [A]), ([B, A, None], [A, B]), ([], []), (["a,b", 'c"d', "e\\f", " g ", "NULL", ""], []):
        assert values(through, "SELECT email FROM people WHERE org = 1 AND email = ANY(%s)", wanted) == found
    for text in ("{ " + A + " }", "{\\" + A + "}"):
        assert values(through, "SELECT email FROM people WHERE org = 1 AND email = ANY(%s::text[])", text) == [A]
    for text in ("{", "x"):
        with pytest.raises(psycopg.Error):
            through.execute("SELECT email FROM people WHERE org = 1 AND email = ANY(%s::text[])", (text,))


def test_null_finds_nothing_and_is_kept(through):
    through.execute("INSERT INTO people (org, email) VALUES (1, NULL)")
    assert values(through, "SELECT id FROM people WHERE org = 1 AND email = %s", None) == []
    assert len(values(through, "SELECT id FROM people WHERE org = 1 AND email IS NULL")) == 1


def test_bytea_in_binary_and_text(through):
    assert values(through, "SELECT email FROM people WHERE org = 2 AND badge = %b", b"\x00\x01\x02") == [A]
    assert values(through, "SELECT email FROM people WHERE org = 2 AND badge = '\\x000102'") == [A]
    assert values(through, "SELECT email FROM people WHERE org = %s AND badge = ANY (ARRAY['\\x00', '\\x000102'::bytea])", 2) == [A]
    with pytest.raises(psycopg.errors.UndefinedFunction, match="bytea = text"):  # an array of constants without a type is one of texts
        through.execute("SELECT email FROM people WHERE org = %s AND badge = ANY (ARRAY['\\x00', '\\x000102'])", (2,))


def test_nullif_compares_in_the_server(through, direct):
    assert values(through, "SELECT id, NULLIF(email, %s), COALESCE(NULLIF(email, %s), 'own') FROM people WHERE org = 1", A, B)[0][1:] == (None, A)
    assert [row[1] for row in values(through, "SELECT id, NULLIF('nobody', email) FROM people WHERE org = 1")] == ["nobody", "nobody"]
    with pytest.raises(psycopg.errors.FeatureNotSupported) as raised:
        through.execute("SELECT NULLIF(note, %s) FROM people", ("n",))
    assert "public.people.note" in raised.value.diag.message_primary and "refused-nullif" in raised.value.diag.message_hint


def test_grouping_joins_and_constraints_work_in_the_server(through):
    for email in (A, A, B):
        through.execute("INSERT INTO visits (org, email) VALUES (1, %s)", (email,))
    assert values(through, "SELECT email, count(*) FROM visits WHERE org = 1 GROUP BY email") == [(A, 2), (B, 1)]
    assert values(through, "SELECT DISTINCT email FROM visits WHERE org = 1") == [A, B]
    assert values(through, "SELECT p.note, v.email FROM people p JOIN visits v ON v.email = p.email WHERE p.org = 1 AND v.org = 1 AND p.email = %s", B) == [("n", B)]
    with pytest.raises(psycopg.errors.UniqueViolation):
        through.execute("INSERT INTO people (org, email) VALUES (1, %s)", (A,))
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        through.execute("INSERT INTO visits (org, email) VALUES (1, %s)", (f"{MARK} nobody",))
    through.execute("INSERT INTO people (org, email, note) VALUES (1, %s, 'twice') ON CONFLICT (org, email) DO UPDATE SET note = EXCLUDED.note", (A,))
    assert values(through, "SELECT note FROM people WHERE org = 1 AND email = %s", A) == ["twice"]
    through.execute("UPDATE people SET note = %s WHERE org = 1 AND email = %s", ("new", B))
    assert values(through, "SELECT note FROM people WHERE org = 1 AND email = %s", B) == ["new"]
    through.execute("DELETE FROM visits WHERE org = 1 AND email = %s", (A,))
    assert values(through, "SELECT email FROM visits") == [B]


def test_subqueries_joins_by_name_and_counts_of_distinct_values(through, direct):
    for org, email in ((1, A), (1, A), (1, B), (2, A)):
        through.execute("INSERT INTO visits (org, email) VALUES (%s, %s)", (org, email))
    through.execute("INSERT INTO people (org, email, note) VALUES (1, %s, 'no visit'), (1, NULL, 'none'), (2, NULL, 'none')", (f"{MARK} c@example.org",))
    rows = lambda sql, *arguments: values(through, sql, *arguments)  # noqa: E731
    within_one = "p.org = 1 AND p.email {} (SELECT v.email FROM visits v WHERE v.org = 1)"
    assert rows(f"SELECT p.email FROM people p WHERE {within_one.format('IN')}") == [A, B]
    assert rows(f"SELECT p.email FROM people p WHERE {within_one.format('NOT IN')}") == [f"{MARK} c@example.org"]
    assert rows(f"SELECT p.email FROM people p WHERE {within_one.format('= ANY')}") == [A, B]
    assert rows("SELECT email FROM people WHERE org = 1 AND email = (SELECT email FROM visits WHERE org = 1 GROUP BY org, email HAVING count(*) = 2)") == [A]
    # Each row's own tenant, without naming one.
    assert rows("SELECT p.org, p.email FROM people p WHERE EXISTS (SELECT 1 FROM visits v WHERE v.org = p.org AND v.email = p.email)") == [(1, A), (1, B), (2, A)]
    assert rows("SELECT p.note FROM people p WHERE p.email IS NOT NULL AND p.email NOT IN (SELECT v.email FROM visits v WHERE v.org = p.org)") == ["no visit"]
    assert rows("SELECT p.org, v.email FROM people p JOIN visits v ON (v.org, v.email) = (p.org, p.email)") == [(1, A), (1, A), (1, B), (2, A)]
    assert rows("SELECT org, email, note FROM people JOIN visits USING (org, email) WHERE org = %s AND email <> %s", 1, A) == [(1, B, "n")]
    assert rows("SELECT v.org, email FROM visits v RIGHT JOIN people p USING (org, email) WHERE v.id IS NULL AND email IS NOT NULL") == [(None, f"{MARK} c@example.org")]
    assert rows("SELECT count(email), count(*) FROM visits FULL JOIN people USING (org, email)") == [(5, 7)]
    assert rows("SELECT email FROM (SELECT org, email FROM people) p NATURAL JOIN (SELECT org, email FROM visits) v WHERE org = 2") == [A]
    assert rows("SELECT p.note FROM people p LEFT JOIN visits v ON v.org = p.org AND v.email = p.email WHERE v.id IS NULL AND p.email IS NOT NULL") == ["no visit"]
    assert rows("SELECT count(DISTINCT email) FROM visits WHERE org = 1") == [2]
    assert rows("SELECT org, count(DISTINCT email) FROM people GROUP BY org") == [(1, 3), (2, 1)]
    assert sorted(through.execute("SELECT org, email, count(*) FROM people GROUP BY org, email").fetchall(), key=str) == sorted(
        [(1, A, 1), (1, B, 1), (1, f"{MARK} c@example.org", 1), (1, None, 1), (2, A, 1), (2, None, 1)], key=str)
    assert rows("SELECT max(n) FROM (SELECT row_number() OVER (PARTITION BY org, email) AS n FROM visits) x") == [2]
    assert rows("WITH mine AS (SELECT * FROM people WHERE org = 1) SELECT a.email FROM mine a JOIN mine b USING (email) WHERE a.email <> %s AND b.badge IS NOT NULL", A) == [B]
    if MAJOR >= 15:
        through.execute("MERGE INTO people p USING visits v ON v.org = p.org AND v.email = p.email AND v.org = 2 WHEN MATCHED THEN UPDATE SET badge = NULL")
    else:
        through.execute("UPDATE people p SET badge = NULL FROM visits v WHERE v.org = p.org AND v.email = p.email AND v.org = 2")
    assert rows("SELECT org FROM people WHERE badge IS NULL AND email = %s AND org = 2", A) == [2]
    through.execute("DELETE FROM visits a USING visits b WHERE a.org = b.org AND a.email = b.email AND a.id > b.id")
    assert direct.execute("SELECT count(*) FROM visits").fetchone() == (3,)
    for org, secret in ((1, f"{MARK} k1"), (2, f"{MARK} k2")):
        through.execute("INSERT INTO api_keys (org, secret) VALUES (%s, %s)", (org, secret))
    assert rows("SELECT count(DISTINCT secret) FROM api_keys") == [2]
    assert rows("SELECT a.org FROM api_keys a WHERE a.secret IN (SELECT secret FROM api_keys WHERE org = 2)") == [2]


def test_a_column_that_is_looked_up_before_the_tenant_is_known(through, direct):
    for org, secret in ((1, f"{MARK} k1"), (2, f"{MARK} k2")):
        through.execute("INSERT INTO api_keys (org, secret) VALUES (%s, %s)", (org, secret))
    assert values(through, "SELECT org, secret FROM api_keys WHERE secret = %s", f"{MARK} k2") == [(2, f"{MARK} k2")]
    through.execute("UPDATE api_keys SET seen = seen + 1 WHERE secret = %s", (f"{MARK} k1",))
    assert values(through, "SELECT org FROM api_keys WHERE seen = 1") == [1]
    with pytest.raises(psycopg.errors.UniqueViolation):
        through.execute("INSERT INTO api_keys (org, secret) VALUES (3, %s)", (f"{MARK} k1",))
    through.execute("INSERT INTO api_keys (org, secret) VALUES (3, %s) ON CONFLICT (secret) DO NOTHING", (f"{MARK} k1",))
    # Longer than varchar(80) cannot be stored, but can be looked for.
    assert values(through, "SELECT org FROM api_keys WHERE secret = %s", "x" * 200) == []
    assert direct.execute("SELECT count(*) FROM pgseal.key WHERE tenant = '<deployment>' AND purpose = 'search'").fetchone() == (1,)


def test_what_would_be_a_wrong_answer_is_refused(through):
    for sql, arguments in [
        ("SELECT id FROM people WHERE email = %s", (A,)), ("SELECT DISTINCT email FROM people", None),
        ("SELECT 1 FROM people p JOIN visits v ON v.email = p.email WHERE p.org = 1", None),
        ("SELECT id FROM people WHERE org = 1 AND email > %s", (A,)), ("SELECT id FROM people WHERE org = 1 AND email LIKE 'a%%'", ()),
        ("UPDATE people SET email = %s WHERE email = %s", (A, B)),
        ("SELECT count(DISTINCT email) FROM people", None), ("SELECT 1 FROM people JOIN visits USING (email)", None),
        ("SELECT 1 FROM people WHERE org = 1 AND email IN (SELECT email FROM visits)", None),
        ("SELECT 1 FROM people WHERE org = 1 AND email IN (SELECT note FROM people)", None),
        ("SELECT 1 FROM people WHERE org = 1 AND email IN (SELECT %s::text)", (A,)),
        ("SELECT 1 FROM people p JOIN (VALUES (1, %s)) v (org, email) USING (org, email)", (A,)),
    ]:
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            through.execute(sql, arguments)
    with pytest.raises(psycopg.errors.ProgramLimitExceeded) as refused:
        through.execute("INSERT INTO people (org, email) VALUES (1, %s)", ("x" * 3000,))
    assert "too-long-to-search" in refused.value.diag.message_hint


def test_asyncpg_sends_binary_and_names_its_statements(replica, through):
    async def run():
        connection = await asyncpg.connect(replica.url)
        try:
            for _ in range(2):
                assert await connection.fetchval("SELECT email FROM people WHERE org = $1 AND email = $2", 1, A) == A
                assert await connection.fetchval("SELECT email FROM people WHERE org = $1 AND badge = $2", 2, b"\x00\x01\x02") == A
                assert await connection.fetch("SELECT email FROM people WHERE org = $1 AND email = ANY($2)", 1, [B, "nobody", None]) == [(B,)]
                assert await connection.fetch("SELECT email FROM people WHERE org = $1 AND badge = ANY($2)", 2, [b"\x00\x01\x02"]) == [(A,)]
                assert await connection.fetch("SELECT email FROM people WHERE org = $1 AND email <> ALL($2::text[])", 1, [A]) == [(B,)]
                assert await connection.fetch("SELECT email FROM people WHERE org = $1 AND email = ANY($2)", 1, []) == []
                assert await connection.fetch("SELECT email FROM people WHERE org = $1 AND email IN ($2, $3) ORDER BY id", 1, B, "nobody") == [(B,)]
        finally:
            await connection.close()

    asyncio.run(run())


def test_a_forgotten_or_disabled_tenant_is_not_searched_either(database, through):
    assert database.command("tenant", "disable", "2").returncode == 0
    try:
        def closed():
            with pytest.raises(psycopg.Error) as refused:
                through.execute("SELECT id FROM people WHERE org = 2 AND email = %s", (A,))
            assert refused.value.sqlstate == "SV006"

        eventually(lambda: closed())
        # What is equal in the whole deployment is sealed by the deployment's key: the documents say so.
        through.execute("INSERT INTO api_keys (org, secret) VALUES (2, %s)", (f"{MARK} of all",))
        assert values(through, "SELECT org FROM api_keys WHERE secret = %s", f"{MARK} of all") == [2]
        assert values(through, "SELECT email FROM people WHERE org = 1 AND email = %s", A) == [A]
    finally:
        assert database.command("tenant", "enable", "2").returncode == 0


def test_no_value_reached_the_server(database, through):
    """What was searched for stands in no file of the server's: not in its log of statements, not in its data."""
    for file in [database.folder / "server.log", *(database.folder / "data").rglob("*")]:
        if file.is_file():
            assert MARK.encode() not in file.read_bytes(), file
