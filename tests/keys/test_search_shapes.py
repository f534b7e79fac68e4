"""Equality search through views, by the tenant of a parent, and between the branches of set operations: what each query gives is
compared with what it gives on the same rows in plaintext."""
import os

import psycopg
import pytest
from replicas import Database, Replica
from search_grammar import Grammar

MARK = "canary-shapes"
RULES = """
[[seal]]
table = "public.people"
tenant = "org"
columns = [{ name = "email", search = "exact" }, "note"]

[[seal]]
table = "public.former"
tenant = "org"
columns = [{ name = "email", search = "exact", domain = "public.people.email" }]

[[seal]]
table = "public.papers"
tenant = { parent = "public.folders", on = "folder_id", column = "org" }
columns = [{ name = "title", search = "exact" }, { name = "author", search = "exact", domain = "public.people.email" }]
"""
TABLES = """
CREATE TABLE people (id int PRIMARY KEY, org int NOT NULL, email text, note text);
CREATE TABLE former (id int PRIMARY KEY, org int NOT NULL, email text);
CREATE TABLE folders (id int PRIMARY KEY, org int NOT NULL, name text);
CREATE TABLE papers (id int PRIMARY KEY, folder_id int, title text, author text);
CREATE TABLE orgs (id int PRIMARY KEY, parent int, name text);
CREATE VIEW contacts AS SELECT p.org AS owner, p.email AS mail, p.note FROM people p WHERE p.id <> 3;
CREATE VIEW contacts_of_one AS SELECT email FROM people WHERE org = 1;
CREATE VIEW everybody AS SELECT org, email FROM people UNION ALL SELECT org, email FROM former;
CREATE VIEW shelf AS SELECT f.org, f.name, p.folder_id, p.title, p.author FROM papers p JOIN folders f ON f.id = p.folder_id;
CREATE VIEW nested AS SELECT owner AS o, mail AS m FROM contacts;
CREATE VIEW written AS SELECT s.org, s.title, c.note FROM shelf s JOIN people c ON c.org = s.org AND c.email = s.author;
CREATE VIEW distinct_mails AS SELECT DISTINCT org, email FROM people;
"""
A, B, C = (f"{MARK} {name}@example.org" for name in "abc")
PEOPLE = [(1, 1, A, "n1"), (2, 1, B, "n2"), (3, 1, A, None), (4, 2, A, "n4"), (5, 2, C, "n5"), (6, 1, None, "n6"), (7, 2, A, "n7")]
ORGS = [(1, 2, "one"), (2, None, "two"), (3, 1, "three")]
FORMER = [(1, 1, A), (2, 1, C), (3, 2, C), (4, 2, None), (5, 1, C)]
FOLDERS = [(1, 1, "x"), (2, 2, "y"), (3, 1, "z"), (4, 2, "empty")]
PAPERS = [(1, 1, "t1", A), (2, 1, "t2", B), (3, 2, "t1", A), (4, 3, "t1", C), (5, 2, None, C), (6, 3, "t2", A), (7, 1, "t1", A)]

# Each with arguments, and what it gives on plaintext is what it must give.
FOUND = [
    ("SELECT note FROM contacts WHERE owner = %s AND mail = %s", (1, A)),
    ("SELECT note FROM contacts WHERE owner = %s AND mail <> %s", (2, A)),
    ("SELECT m FROM nested WHERE o = 2 AND m IN (%s, 'nobody')", (C,)),
    ("SELECT count(*) FROM contacts_of_one WHERE email = %s", (A,)),
    ("SELECT mail, count(*) FROM contacts WHERE owner = %s GROUP BY mail", (2,)),
    ("SELECT owner, mail, count(*) FROM contacts GROUP BY owner, mail", ()),
    ("SELECT DISTINCT mail FROM contacts WHERE owner = 1", ()),
    ("SELECT count(DISTINCT mail) FROM contacts WHERE owner = 2", ()),
    ("SELECT c.note, f.id FROM contacts c JOIN former f ON f.org = c.owner AND f.email = c.mail", ()),
    ("SELECT org, count(*) FROM everybody WHERE org = %s AND email = ANY(%s) GROUP BY org", (1, [A, C])),
    ("SELECT org, email, count(*) FROM everybody GROUP BY org, email", ()),
    ("SELECT e.email FROM everybody e JOIN people p ON p.org = e.org AND p.email = e.email WHERE e.org = 1", ()),
    ("SELECT title, note FROM written WHERE org = 1 AND title = %s", ("t1",)),
    ("SELECT email FROM distinct_mails WHERE org = 2 AND email = %s", (A,)),
    ("WITH w AS (SELECT * FROM contacts) SELECT a.note, b.note FROM w a JOIN w b USING (owner, mail) WHERE a.owner = %s AND b.mail = %s", (2, A)),
    ("SELECT x.mail FROM (SELECT mail, owner FROM contacts) x WHERE x.owner = 1 AND x.mail IN (SELECT email FROM former WHERE org = 1)", ()),
    # The tenant of a parent.
    ("SELECT id FROM papers WHERE folder_id = %s AND title = %s", (1, "t1")),
    ("SELECT id FROM papers WHERE folder_id = %s AND title = %s", (99, "t1")),
    ("SELECT id FROM papers WHERE folder_id = %s AND title <> %s", (4, "t1")),
    ("SELECT id FROM papers WHERE folder_id = %s AND title = %s", (None, "t1")),
    ("SELECT id FROM papers WHERE folder_id = 2 AND (title = 't1' OR author = ANY(%s))", ([C, None],)),
    ("SELECT p.id FROM papers p JOIN folders f ON f.id = p.folder_id WHERE f.org = %s AND p.title = %s", (1, "t1")),
    ("SELECT p.id FROM folders f, papers p WHERE p.folder_id = f.id AND f.id = %s AND p.title = %s", (3, "t1")),
    ("SELECT f.id FROM folders f WHERE f.org = %s AND EXISTS (SELECT 1 FROM papers p WHERE p.folder_id = f.id AND p.title = %s)", (1, "t2")),
    ("SELECT f.id FROM folders f WHERE f.org = %s AND NOT EXISTS (SELECT 1 FROM papers p WHERE p.folder_id = f.id AND p.title = %s)", (2, "t1")),
    ("SELECT f.id, (SELECT count(DISTINCT p.title) FROM papers p WHERE p.folder_id = f.id) FROM folders f", ()),
    ("SELECT folder_id, title, count(*) FROM papers GROUP BY folder_id, title", ()),
    ("SELECT f.org, p.title, count(*) FROM papers p JOIN folders f ON f.id = p.folder_id GROUP BY f.org, p.title", ()),
    ("SELECT f.org, count(DISTINCT p.title) FROM papers p, folders f WHERE f.id = p.folder_id GROUP BY f.org", ()),
    ("SELECT a.id, b.id FROM papers a JOIN papers b USING (folder_id, title) WHERE a.id < b.id", ()),
    ("SELECT p.id, c.id FROM papers p JOIN folders f ON f.id = p.folder_id JOIN people c ON c.org = f.org AND c.email = p.author", ()),
    ("SELECT name, title FROM shelf WHERE org = 1 AND title = %s AND author = %s", ("t1", A)),
    ("SELECT title FROM shelf WHERE folder_id = 1 AND author = %s", (A,)),
    ("SELECT org, title, count(*) FROM shelf GROUP BY org, title", ()),
    # LATERAL, and tables of tenants that no rule knows.
    ("SELECT f.id, x.id FROM folders f, LATERAL (SELECT p.id FROM papers p WHERE p.folder_id = f.id AND p.title = %s) x WHERE f.org = %s", ("t1", 1)),
    ("SELECT f.id, x.id FROM folders f LEFT JOIN LATERAL (SELECT p.id FROM papers p WHERE p.folder_id = f.id AND p.title = %s LIMIT 1) x ON true WHERE f.org = %s", ("t2", 1)),
    ("SELECT f.id, x.n FROM folders f CROSS JOIN LATERAL (SELECT count(DISTINCT p.title) AS n FROM papers p WHERE p.folder_id = f.id) x", ()),
    ("SELECT o.name, x.email FROM orgs o LEFT JOIN LATERAL (SELECT DISTINCT p.email FROM people p WHERE p.org = o.id) x ON true", ()),
    ("SELECT o.name, x.id FROM orgs o JOIN LATERAL (SELECT p.id FROM people p WHERE p.org = o.id AND p.email = %s) x ON true WHERE o.id = %s", (A, 2)),
    ("SELECT o.name, (SELECT count(DISTINCT p.email) FROM people p WHERE p.org = o.id) FROM orgs o", ()),
    ("SELECT p.id, f.id FROM orgs o JOIN people p ON p.org = o.id JOIN former f ON f.org = o.id AND f.email = p.email", ()),
    ("SELECT p.id FROM orgs o JOIN people p ON p.org = o.id WHERE o.id = %s AND p.email = %s", (1, A)),
    ("SELECT o.id, p.email, count(*) FROM orgs o JOIN people p ON p.org = o.id GROUP BY o.id, p.email", ()),
    ("SELECT o.name, count(DISTINCT p.email) FROM orgs o JOIN people p ON p.org = o.id GROUP BY o.id", ()),
    ("SELECT DISTINCT o.parent, p.email FROM orgs o, people p WHERE p.org = o.parent", ()),
    # Several tenants.
    ("SELECT id FROM people WHERE org IN (%s, %s) AND email = %s", (1, 2, A)),
    ("SELECT id FROM people WHERE org IN (%s, %s) AND %s::text <> email::text", (1, 2, A)),
    ("SELECT id FROM people WHERE org IN (1, 2, NULL) AND email IN ('nobody', %s, NULL)", (C,)),
    ("SELECT id FROM people WHERE org = ANY(%s) AND email = CAST((%s) AS varchar)", ([2, 1, 2], A)),
    ("SELECT id FROM people WHERE org = ANY(%s) AND email = %s", ([], A)),
    ("SELECT id FROM people WHERE org = ANY(%s) AND email = %s", (None, A)),
    ("SELECT id FROM people WHERE org = ANY(%s) AND email = %s", ([1, None, 77], A)),
    ("SELECT id FROM people WHERE org = ANY(%s) AND email IS NOT DISTINCT FROM %s", ([1, 2], A)),
    ("SELECT id, email IS DISTINCT FROM %s, email = %s, email <> %s FROM people WHERE org = ANY('{1,2}')", (A, A, C)),
    ("SELECT id, NOT (email IS NOT DISTINCT FROM %s), NOT (email IN (%s, 'x')), email NOT IN (%s, NULL) FROM people WHERE org = ANY(ARRAY[1, 2]::bigint[])", (A, A, C)),
    ("SELECT id FROM people WHERE org IN (1, 2) AND email = ANY(%s)", ([A, None, C],)),
    ("SELECT id FROM people WHERE org IN (1, 2) AND email <> ALL(%s)", ([A, C],)),
    ("SELECT id FROM people WHERE org IN (1, 2) AND email = ANY(ARRAY[%s, 'x']::text[])", (C,)),
    ("SELECT id FROM people WHERE org IN (1, 2) AND email = %s", (None,)),
    ("SELECT id FROM people WHERE org IN (1, 2) AND (email = %s OR email = %s)", (A, C)),
    ("SELECT id FROM papers WHERE folder_id IN (1, 2, 99) AND title = %s", ("t1",)),
    ("SELECT p.id FROM papers p JOIN folders f ON f.id = p.folder_id WHERE f.org = ANY(%s) AND p.title = %s", ([1, 2], "t1")),
    ("SELECT o.name FROM orgs o WHERE o.id IN (1, 2, 3) AND EXISTS (SELECT 1 FROM people p WHERE p.org = o.id AND p.email = %s)", (C,)),
    ("SELECT owner, note FROM contacts WHERE owner IN (1, 2) AND mail = %s", (A,)),
    ("SELECT p.id, f.id FROM people p JOIN former f ON f.org = p.org AND f.email = p.email WHERE p.org IN (1, 2) AND f.email = %s", (C,)),
    # Numbers and names in GROUP BY.
    ("SELECT org, count(DISTINCT email) FROM people GROUP BY 1", ()),
    ("SELECT count(DISTINCT email), org AS o FROM people GROUP BY o", ()),
    ("SELECT p.folder_id AS f, count(DISTINCT p.title) AS n FROM papers p GROUP BY 1 HAVING count(DISTINCT p.title) > 1", ()),
    # Set operations.
    ("SELECT email FROM people WHERE org = %s UNION SELECT email FROM former WHERE org = %s", (1, 1)),
    ("SELECT email FROM people WHERE org = 1 INTERSECT SELECT email FROM former WHERE org = 1", ()),
    # Two parameters that happen to be one tenant, as drivers with ? or %s send them; a NULL is no tenant, and finds nothing.
    ("SELECT p.id, f.id FROM people p JOIN former f ON f.email = p.email WHERE p.org = %s AND f.org = %s", (2, 2)),
    ("SELECT id FROM people WHERE org = %s AND email IN (SELECT email FROM former WHERE org = %s)", (1, 1)),
    ("SELECT id FROM people WHERE org = %s AND email NOT IN (SELECT email FROM former WHERE org = %s)", (1, None)),
    ("SELECT email FROM people WHERE org = %s UNION SELECT email FROM former WHERE org = %s", (1, None)),
    ("SELECT id FROM people WHERE org = %s AND email = %s", (None, A)),
    ("SELECT a.id, b.id FROM papers a JOIN papers b ON a.title = b.title WHERE a.folder_id = %s AND b.folder_id = %s", (1, 3)),
    ("SELECT a.id, b.id FROM papers a JOIN papers b ON a.title = b.title WHERE a.folder_id = %s AND b.folder_id = %s", (1, 99)),
    ("SELECT mail FROM contacts WHERE owner = %s EXCEPT SELECT author FROM shelf WHERE org = %s", (2, 2)),
    ("SELECT email FROM people WHERE org = 2 EXCEPT SELECT email FROM former WHERE org = 2", ()),
    ("SELECT email FROM people WHERE org = 2 EXCEPT ALL SELECT email FROM former WHERE org = 2", ()),
    ("SELECT org, email FROM people UNION SELECT org, email FROM former", ()),
    ("SELECT org, email FROM people INTERSECT SELECT org, email FROM former", ()),
    ("SELECT org, email FROM people EXCEPT SELECT org, email FROM former", ()),
    ("(SELECT org, email FROM people UNION SELECT org, email FROM former) EXCEPT SELECT f.org, p.author FROM papers p JOIN folders f ON f.id = p.folder_id", ()),
    ("SELECT mail FROM contacts WHERE owner = 1 UNION SELECT author FROM shelf WHERE org = 1 UNION SELECT email FROM former WHERE org = 1", ()),
    ("SELECT u.email FROM (SELECT email FROM people WHERE org = 1 UNION SELECT email FROM former WHERE org = 1) u WHERE u.email <> %s", (A,)),
    ("SELECT id FROM people WHERE org = 1 AND email IN (SELECT email FROM former WHERE org = 1 INTERSECT SELECT author FROM shelf WHERE org = 1)", ()),
    ("SELECT DISTINCT x.email FROM (SELECT org, email FROM people UNION ALL SELECT org, email FROM former) x WHERE x.org = 1", ()),
    ("SELECT f.id, (SELECT count(*) FROM (SELECT p.title FROM papers p WHERE p.folder_id = f.id UNION SELECT p.title FROM papers p WHERE p.folder_id = f.id) x) FROM folders f", ()),
]

REFUSED = [
    ("SELECT 1 FROM contacts WHERE mail = %s", (A,)),
    ("SELECT 1 FROM contacts a JOIN contacts b USING (mail)", ()),
    ("SELECT DISTINCT email FROM everybody", ()),
    ("SELECT 1 FROM papers WHERE title = %s", ("t1",)),
    ("SELECT 1 FROM papers WHERE id = 1 AND title = %s", ("t1",)),
    ("SELECT 1 FROM papers p LEFT JOIN folders f ON f.id = p.folder_id AND f.org = 1 WHERE p.title = %s", ("t1",)),
    ("SELECT count(DISTINCT email) FROM people WHERE org IN (1, 2)", ()),
    ("SELECT NULLIF(email, %s) FROM people WHERE org IN (1, 2)", (A,)),
    ("SELECT 1 FROM people WHERE org IN (1, 2) AND email <> ANY(%s)", ([A],)),
    ("SELECT 1 FROM people p JOIN former f USING (email) WHERE p.org IN (1, 2) AND f.org IN (1, 2)", ()),
    ("SELECT o.id FROM orgs o, people p, former f WHERE p.org = o.id AND f.org = o.parent AND p.email = f.email", ()),
    ("SELECT o.parent, count(DISTINCT p.email) FROM orgs o JOIN people p ON p.org = o.id GROUP BY 1", ()),
    ("SELECT o.name, count(DISTINCT p.email) FROM orgs o JOIN people p ON p.org = o.id GROUP BY 1", ()),
    ("SELECT x.id FROM orgs o, LATERAL (SELECT p.id FROM people p WHERE p.org = o.id AND p.email = %s) x WHERE o.parent = %s", (A, 1)),
    ("SELECT count(DISTINCT x.email) FROM orgs o, LATERAL (SELECT p.email FROM people p WHERE p.org = o.id) x", ()),
    ("SELECT email FROM people UNION SELECT email FROM former", ()),
    ("SELECT email FROM people WHERE org = 1 UNION SELECT email FROM former WHERE org = 2", ()),
    ("SELECT email FROM people WHERE org = %s UNION SELECT email FROM former WHERE org = %s", (1, 2)),
    ("SELECT 1 FROM people p JOIN former f ON f.email = p.email WHERE p.org = %s AND f.org = %s", (1, 2)),
    ("SELECT 1 FROM papers a JOIN papers b ON a.title = b.title WHERE a.folder_id = %s AND b.folder_id = %s", (1, 2)),
    ("SELECT email FROM people WHERE org = 1 INTERSECT SELECT note FROM people WHERE org = 1", ()),
    ("SELECT email FROM people WHERE org = 1 UNION SELECT %s", (A,)),
]


@pytest.fixture(scope="module")
def database():
    with Database() as database:
        yield database


@pytest.fixture(scope="module")
def pair(database, tmp_path_factory):
    """Through pgseal, and directly on the same tables in plaintext."""
    rules = tmp_path_factory.mktemp("rules") / "shapes.toml"
    rules.write_text(RULES)
    with database.connect() as direct:
        direct.execute(TABLES)
        direct.execute("CREATE DATABASE twin")
    with psycopg.connect(database.direct.replace("/app", "/twin"), autocommit=True) as plain, Replica(database, PGSEAL_RULES=str(rules)) as replica, \
            replica.connect() as sealed:
        plain.execute(TABLES)
        for table, rows in (("orgs", ORGS), ("folders", FOLDERS), ("people", PEOPLE), ("former", FORMER), ("papers", PAPERS)):
            marks = ", ".join(["%s"] * len(rows[0]))
            for row in rows:
                sealed.execute(f"INSERT INTO {table} VALUES ({marks})", row)
                plain.execute(f"INSERT INTO {table} VALUES ({marks})", row)
        yield sealed, plain


def rows(connection, sql, arguments):
    return sorted(connection.execute(sql, arguments or None).fetchall(), key=repr)


@pytest.mark.parametrize("sql,arguments", FOUND)
def test_what_is_found_is_what_plaintext_gives(pair, sql, arguments):
    sealed, plain = pair
    assert rows(sealed, sql, arguments) == rows(plain, sql, arguments)


@pytest.mark.parametrize("sql,arguments", REFUSED)
def test_what_would_compare_two_tenants_is_refused(pair, sql, arguments):
    sealed, _ = pair
    with pytest.raises(psycopg.errors.FeatureNotSupported) as refused:
        sealed.execute(sql, arguments or None)
    assert refused.value.diag.message_hint.rsplit("#", 1)[1].rstrip(".") in ("refused-search", "refused-set-operation")


def test_random_queries_give_what_plaintext_gives_or_are_refused(pair):
    """What is not refused is right: `PGSEAL_SOAK` looks at more."""
    sealed, plain = pair
    for connection in pair:
        connection.execute("SET statement_timeout = '5s'")
    answered = 0
    for seed in range(20_000 if "PGSEAL_SOAK" in os.environ else 1_000):
        sql = Grammar(seed, [A, B, C, "t1", "t2"]).query()
        try:
            wanted = rows(plain, sql, ())
        except psycopg.Error:
            continue
        try:
            found = rows(sealed, sql, ())
        except (psycopg.errors.FeatureNotSupported, psycopg.errors.QueryCanceled):
            continue
        assert found == wanted, sql
        answered += 1
    assert answered > 200


def test_the_table_holds_no_plaintext(pair, database):
    with database.connect() as direct:
        for table, column in (("people", "email"), ("former", "email"), ("papers", "title"), ("papers", "author")):
            assert direct.execute(f"SELECT count(*) FROM public.{table} WHERE {column} NOT LIKE '~s2%'").fetchone() == (0,)


def test_changes_by_a_search_under_a_parent(pair):
    for connection in pair:
        changed = connection.execute("UPDATE papers SET author = %s WHERE folder_id = %s AND title = %s", (B, 1, "t1"))
        assert changed.rowcount == 2
        assert connection.execute("UPDATE papers SET author = %s WHERE folder_id = %s AND title = %s", (B, 99, "t1")).rowcount == 0
        assert connection.execute("UPDATE papers SET author = %s WHERE title = 't2' AND folder_id = 4", (B,)).rowcount == 0
        assert connection.execute("DELETE FROM papers WHERE folder_id = 3 AND title = %s", ("t1",)).rowcount == 1
        assert rows(connection, "SELECT id, title, author FROM papers", ()) == sorted(
            [(1, "t1", B), (2, "t2", B), (3, "t1", A), (5, None, C), (6, "t2", A), (7, "t1", B)], key=repr)


def test_changes_of_what_a_join_holds_to_one_tenant(pair):
    for connection in pair:
        update = "UPDATE papers p SET author = %s FROM folders f WHERE f.id = p.folder_id AND f.org = %s AND p.title = %s"
        assert connection.execute(update, (C, 1, "t2")).rowcount == 2
        assert connection.execute(update, (C, 3, "t2")).rowcount == 0
        by_key = "UPDATE papers p SET author = %s FROM folders f WHERE f.id = p.folder_id AND f.id = %s AND p.title = %s"
        assert connection.execute(by_key, (B, 2, "t1")).rowcount == 1
        assert connection.execute(by_key, (B, 99, "t1")).rowcount == 0
        by_org = "UPDATE people p SET note = %s, email = %s FROM orgs o WHERE o.id = p.org AND o.id = %s AND p.email = %s"
        assert connection.execute(by_org, ("changed", C, 2, A)).rowcount == 2
        assert connection.execute("DELETE FROM former f USING orgs o WHERE o.id = f.org AND o.id = %s AND f.email = %s", (1, C)).rowcount == 2
        assert rows(connection, "SELECT id, author FROM papers WHERE author IS NOT NULL", ()) == sorted(
            [(1, B), (2, C), (3, B), (5, C), (6, C), (7, B)], key=repr)
        assert rows(connection, "SELECT id, email, note FROM people WHERE org = 2", ()) == [(4, C, "changed"), (5, C, "n5"), (7, C, "changed")]


def test_prepared_searches_among_several_tenants(pair):
    for connection in pair:
        connection.execute("PREPARE among (int, int, text) AS SELECT id FROM people WHERE org IN ($1, $2) AND email = $3")
    sealed, plain = pair
    for arguments in ("1, 2, '" + C + "'", "2, 2, '" + C + "'", "1, 77, NULL", "1, 3, '" + A + "'"):
        assert rows(sealed, f"EXECUTE among ({arguments})", ()) == rows(plain, f"EXECUTE among ({arguments})", ())
    for orgs in ([1, 2], [2], [], [1, 2, 3, 1]):
        found = []
        for connection in pair:
            with connection.cursor(binary=True) as cursor:
                cursor.execute("SELECT id FROM people WHERE org = ANY(%b) AND email = %b", (orgs, C), prepare=True)
                found.append(sorted(cursor.fetchall()))
        assert found[0] == found[1]
    for connection in pair:
        assert connection.execute("DELETE FROM people WHERE org = ANY(%s) AND email = %s AND id > 90", ([1, 2], A)).rowcount == 0
        assert connection.execute("UPDATE people SET id = id WHERE org IN (1, 2) AND email = %s", (A,)).rowcount == 2
    with pytest.raises(psycopg.errors.FeatureNotSupported) as refused:
        sealed.execute("UPDATE people SET email = 'x' WHERE org IN (1, 2) AND email = %s", (A,))
    assert refused.value.diag.message_hint.endswith("#refused-lookup.")


def test_rows_whose_parent_is_gone_are_an_error_not_a_miss(pair):
    sealed, _ = pair
    sealed.execute("INSERT INTO folders VALUES (50, 1, 'gone')")
    sealed.execute("INSERT INTO papers VALUES (50, 50, 't1', NULL)")
    sealed.execute("DELETE FROM folders WHERE id = 50")
    with pytest.raises(psycopg.Error) as refused:
        sealed.execute("SELECT id FROM papers WHERE folder_id = %s AND title = %s", (50, "t1"))
    assert refused.value.sqlstate == "SV007"
    sealed.execute("DELETE FROM papers WHERE id = 50")


def test_prepared_statements_ask_for_the_parent_each_time(pair):
    sealed, _ = pair
    sealed.execute("PREPARE by_title (int, text) AS SELECT id FROM papers WHERE folder_id = $1 AND title = $2")
    for folder, found in ((2, [(3,)]), (4, []), (99, []), (1, [(1,), (7,)])):
        assert rows(sealed, f"EXECUTE by_title ({folder}, 't1')", ()) == found
    with sealed.cursor() as cursor:
        for folder, found in ((2, [(3,)]), (99, []), (2, [(3,)])):
            cursor.execute("SELECT id FROM papers WHERE folder_id = %s AND title = %s", (folder, "t1"), prepare=True)
            assert cursor.fetchall() == found
