"""What the database's own catalog says: a schema per tenant, several parents, rewrite rules, and locks that others hold."""
import time

import psycopg
import pytest
from servers import Servers

SCHEMA = """
CREATE FUNCTION public.same(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE TABLE public.log (note text);
CREATE TABLE public.stamped (id int, secret text);
CREATE TABLE public.dated (id int, made int DEFAULT 1);
CREATE TABLE public.one (id int, org text, secret text);
CREATE TABLE public.two (id int, org text, other text);
CREATE TABLE public.three (id int, org text, secret text);
CREATE VIEW public.seen AS SELECT id, secret FROM public.one;
"""
RULES = """
[[seal]]
table = "ta.people"
tenant = { constant = "a" }
columns = ["email"]
[[seal]]
table = "tb.people"
tenant = { constant = "b" }
columns = ["email"]
[[seal]]
table = "public.one"
tenant = "org"
columns = ["secret"]
[[seal]]
table = "public.two"
tenant = "org"
columns = ["other"]
[[seal]]
table = "public.three"
tenant = "org"
columns = ["secret"]
"""
PEOPLE = """
CREATE SCHEMA {0};
CREATE TABLE {0}.people (id int PRIMARY KEY, email text);
SET search_path = {0};
CREATE VIEW mails AS SELECT id, email FROM people WHERE coalesce(id, 0) > 0;
CREATE VIEW again AS SELECT m.email, public.same('x') AS x FROM mails m JOIN people p USING (id);
RESET search_path;
"""


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("catalog")
    folder.chmod(0o755)
    (folder / "rules.toml").write_text(RULES)
    # The keyring's role finds ta's tables without their schema.
    schemas = PEOPLE.format("ta") + PEOPLE.format("tb") + "ALTER DATABASE app SET search_path = ta, public;"
    (folder / "schema.sql").write_text(SCHEMA + schemas)
    with Servers(rules=folder / "rules.toml", schema=folder / "schema.sql") as servers:
        yield servers


@pytest.fixture
def client(servers):
    with psycopg.connect(servers.url, autocommit=True) as connection:
        yield connection


def refused(client, sql):
    with pytest.raises(psycopg.errors.FeatureNotSupported) as raised:
        client.execute(sql)
    return raised.value.diag.message_hint


def attempted(client, sql):
    try:
        return client.execute(sql).fetchall()
    except psycopg.errors.FeatureNotSupported:
        return None


def patient(attempt, timeout=60):
    """Tries until pgseal knows what others have made."""
    deadline = time.monotonic() + timeout
    while not (found := attempt()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


@pytest.mark.parametrize("schema", ["ta", "tb"])
def test_views_of_a_schema_per_tenant(client, direct, schema):
    client.execute(f"SET search_path = {schema}, public")
    client.execute("INSERT INTO people VALUES (1, %s)", (f"one@{schema}",))
    for view in ("mails", "again", f"{schema}.again"):
        assert client.execute(f"SELECT email FROM {view}").fetchall() == [(f"one@{schema}",)], view
    assert refused(client, "INSERT INTO mails VALUES (2, 'leak')")
    assert [mail[:3] for mail, in direct.execute(f"SELECT email FROM {schema}.people")] == ["~s1"]


def test_a_protected_parent_that_is_not_the_first(client, direct):
    client.execute("CREATE TABLE child () INHERITS (dated, one)")
    client.execute("INSERT INTO child (id, org, secret) VALUES (1, 'a', 'of a child')")
    assert client.execute("SELECT secret FROM one").fetchall() == client.execute("SELECT secret FROM child").fetchall() == [("of a child",)]
    # What the other parent has of the child is not sealed.
    client.execute("UPDATE dated SET made = 2")
    assert client.execute("SELECT id, made FROM dated").fetchall() == [(1, 2)]
    assert [secret[:3] for secret, in direct.execute("SELECT secret FROM child")] == ["~s1"]
    client.execute("DROP TABLE child")


def test_an_unprotected_parent_that_shares_the_sealed_column(client, direct):
    client.execute("CREATE TABLE child () INHERITS (one, stamped)")
    client.execute("INSERT INTO child (id, org, secret) VALUES (1, 'a', 'of a child')")
    assert "refused-parent-table" in refused(client, "UPDATE stamped SET secret = 'leak'")
    assert [secret[:3] for secret, in direct.execute("SELECT secret FROM child")] == ["~s1"]
    client.execute("DROP TABLE child")


def test_children_of_two_protected_tables(client, direct):
    client.execute("CREATE TABLE child () INHERITS (one, two)")
    client.execute("INSERT INTO child VALUES (1, 'a', 'first', 'second')")
    assert client.execute("SELECT secret, other FROM child").fetchall() == [("first", "second")]
    assert client.execute("SELECT secret FROM one").fetchall() == [("first",)]
    assert client.execute("SELECT other FROM two").fetchall() == [("second",)]
    client.execute("CREATE TABLE grandchild () INHERITS (child, one)")
    client.execute("INSERT INTO grandchild VALUES (2, 'a', 'third', 'fourth')")
    assert client.execute("SELECT secret, other FROM child WHERE id = 2").fetchall() == [("third", "fourth")]
    for table in ("child", "grandchild"):
        assert all(a.startswith("~s1") and b.startswith("~s1") for a, b in direct.execute(f"SELECT secret, other FROM {table}"))
    client.execute("DROP TABLE grandchild, child")
    # One value cannot be sealed for two columns.
    client.execute("CREATE TABLE child () INHERITS (one, three)")
    for sql in ("INSERT INTO child VALUES (1, 'a', 'leak')", "SELECT secret FROM child", "COPY child TO STDOUT"):
        assert "refused-parent-table" in refused(client, sql)
    client.execute("DROP TABLE child")


def test_a_rewrite_rule_that_writes_to_a_protected_table(client, direct):
    direct.execute("CREATE RULE copied AS ON INSERT TO log DO ALSO INSERT INTO public.one (org, secret) VALUES ('a', NEW.note)")
    try:
        def attempt():
            try:
                client.execute("INSERT INTO log VALUES ('leak')")
            except psycopg.errors.FeatureNotSupported:
                return True
            direct.execute("DELETE FROM one; DELETE FROM log")
        patient(attempt)
        assert direct.execute("SELECT count(*) FROM one").fetchone() == (0,)
        assert client.execute("SELECT note FROM log").fetchall() == []
    finally:
        direct.execute("DROP RULE copied ON log")


def test_a_lock_of_somebody_keeps_nothing_else_back(servers, client, direct):
    with psycopg.connect(servers.direct) as locking:
        locking.execute("ALTER TABLE one ADD COLUMN later int")
        # A child of another table is known at once; the view over the locked one as well, as it was.
        client.execute("CREATE TABLE child () INHERITS (two)")
        client.execute("INSERT INTO child VALUES (1, 'a', 'of a child')")
        assert [other[:3] for other, in direct.execute("SELECT other FROM child")] == ["~s1"]
        direct.execute("CREATE VIEW two_seen AS SELECT other FROM two")
        patient(lambda: attempted(client, "SELECT other FROM two_seen") == [("of a child",)])
        locking.rollback()
    client.execute("INSERT INTO one VALUES (1, 'a', 'seen')")
    assert client.execute("SELECT secret FROM seen").fetchall() == [("seen",)]
    client.execute("DELETE FROM one")
    direct.execute("DROP VIEW two_seen; DROP TABLE child")


def test_pgseal_starts_while_a_view_is_locked(servers):
    with psycopg.connect(servers.direct) as locking:
        locking.execute("LOCK TABLE one")
        with Servers(port=servers.port, rules=servers.rules, env={"PGSEAL_KMS_FILE": str(servers.folder / "local.key")}) as late, psycopg.connect(late.url, autocommit=True) as client:
            client.execute("INSERT INTO two VALUES (1, 'a', 'meanwhile')")
            assert client.execute("SELECT other FROM two").fetchall() == [("meanwhile",)]
            assert "refused-view" in refused(client, "SELECT secret FROM seen")
            locking.rollback()
            patient(lambda: attempted(client, "SELECT secret FROM seen") == [])
            client.execute("DELETE FROM two")
