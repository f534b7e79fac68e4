"""Whose a row is, however its statement spells it, and what comes of statements whose rows are not there."""
import psycopg
import pytest
from replicas import Database, Replica

RULES = """
[[seal]]
table = "public.accounts"
tenant = "org"
columns = ["key"]

[[seal]]
table = "public.shops"
tenant = "code"
columns = ["key"]

[[seal]]
table = "public.crates"
tenant = "code"
columns = ["key"]
"""
TABLES = """
CREATE TABLE accounts (id int PRIMARY KEY, org int NOT NULL, key text);
CREATE TABLE shops (id int PRIMARY KEY, code varchar(4) NOT NULL, key text);
CREATE TABLE crates (id int PRIMARY KEY, code char(4) NOT NULL, key text);
"""


@pytest.fixture(scope="module")
def database():
    with Database() as database:
        yield database


@pytest.fixture(scope="module")
def replica(database, tmp_path_factory):
    rules = tmp_path_factory.mktemp("rules") / "tenants.toml"
    rules.write_text(RULES)
    with database.connect() as direct:
        direct.execute(TABLES)
    with Replica(database, PGSEAL_RULES=str(rules)) as replica:
        yield replica


@pytest.fixture
def sealed(replica):
    with replica.connect() as connection:
        yield connection
        for table in ("accounts", "shops", "crates"):
            connection.execute(f"TRUNCATE {table}")


def stored(database, table):
    """Every value of the table's, as it is stored; none is plaintext."""
    with database.connect() as direct:
        values = [value for value, in direct.execute(f"SELECT key FROM {table} WHERE key IS NOT NULL")]
    assert all(value.startswith("~s1") for value in values)
    return values


def tenants(database):
    with database.connect() as direct:
        return {tenant for tenant, in direct.execute("SELECT tenant FROM pgseal.key")}


def test_a_tenant_may_be_a_negative_number(sealed, database):
    sealed.execute("INSERT INTO accounts VALUES (1, -1, 'one'), (2, - 2, 'two'), (3, 3, 'three')")
    sealed.execute("INSERT INTO accounts SELECT * FROM (VALUES (4, -1, 'four'), (5, 5, 'five')) v")
    sealed.execute("UPDATE accounts SET key = 'new' WHERE org = -1 AND id = 1")
    sealed.execute("INSERT INTO accounts VALUES (%s, %s, %s)", (6, -6, "six"))
    sealed.execute("PREPARE put (int, int, text) AS INSERT INTO accounts VALUES ($1, $2, $3)")
    sealed.execute("EXECUTE put (7, -7, 'seven')")
    assert sealed.execute("SELECT id, org, key FROM accounts ORDER BY id").fetchall() == [
        (1, -1, "new"), (2, -2, "two"), (3, 3, "three"), (4, -1, "four"), (5, 5, "five"), (6, -6, "six"), (7, -7, "seven")]
    assert len(stored(database, "accounts")) == 7 and tenants(database) >= {"-1", "-2", "3", "5", "-6", "-7"}


@pytest.mark.parametrize("binary", [False, True])
def test_a_tenant_is_spelt_as_its_column_stores_it(sealed, database, binary):
    """varchar(n) cuts blanks that do not fit, char(n) has none at the end."""
    mark = "%b" if binary else "%s"
    for table, kept in (("shops", "ab  "), ("crates", "ab")):
        insert = f"INSERT INTO {table} VALUES (%s, {mark}, {mark})"
        sealed.execute(insert, (1, "ab        ", "one"))
        sealed.execute(insert, (2, "abcd   ", "two"))
        sealed.execute(f"INSERT INTO {table} VALUES (3, 'ab        ', 'three')")
        sealed.execute(f"PREPARE put_{table} (int, text, text) AS INSERT INTO {table} VALUES ($1, $2, $3)")
        sealed.execute(f"EXECUTE put_{table} (4, 'ab       ', 'four')")
        sealed.execute(f"DEALLOCATE put_{table}")
        # The row's own tenant is among the outputs, so that it is compared with the value's.
        assert sealed.execute(f"SELECT id, key, code::text FROM {table} ORDER BY id").fetchall() == [
            (1, "one", kept), (2, "two", "abcd"), (3, "three", kept), (4, "four", kept)]
        assert sealed.execute(f"SELECT code, key FROM {table} WHERE id = 1").fetchone()[1] == "one"
        with pytest.raises(psycopg.errors.StringDataRightTruncation):
            sealed.execute(insert, (9, "abcde", "nine"))
        assert len(stored(database, table)) == 4
    sealed.execute(f"INSERT INTO shops SELECT * FROM unnest({mark}::int[], {mark}::text[], {mark}::text[])", ([5, 6], ["ab     ", "x"], ["five", "six"]))
    with sealed.cursor() as cursor, cursor.copy("COPY shops FROM STDIN") as copy:
        copy.write(b"7\tab         \tseven\n8\tab\teight\n")
    assert sealed.execute("SELECT code, key FROM shops WHERE id > 4 ORDER BY id").fetchall() == [
        ("ab  ", "five"), ("x", "six"), ("ab  ", "seven"), ("ab", "eight")]
    assert not [tenant for tenant in tenants(database) if len(tenant) > 4 and tenant.endswith(" ")]


UPDATE = "UPDATE accounts SET key = {} WHERE id = {}"


def test_an_update_of_no_row_ends_as_ever(sealed, database):
    sealed.execute("INSERT INTO accounts VALUES (1, 1, 'one'), (2, 2, 'two')")
    assert sealed.execute("UPDATE accounts SET key = 'x' WHERE id = 99").rowcount == 0
    assert sealed.execute(UPDATE.format("%s", "%s"), ("x", 99)).rowcount == 0
    assert sealed.execute(UPDATE.format("%s", "%s"), ("x", 99), prepare=True).rowcount == 0
    sealed.execute("PREPARE by_id (text, int) AS " + UPDATE.format("$1", "$2"))
    for _ in range(2):
        # In SQL, simple and extended, and bound by the protocol: the text of the statement is the server's already.
        assert sealed.execute("EXECUTE by_id ('x', 99)").rowcount == 0
        assert sealed.execute("EXECUTE by_id ('x', 99)", prepare=True).rowcount == 0
        bound = sealed.pgconn.exec_prepared(b"by_id", [b"x", b"99"])
        assert (bound.status, bound.command_status) == (psycopg.pq.ExecStatus.COMMAND_OK, b"UPDATE 0")
    for arguments, row in (("EXECUTE by_id ('new', 1)", 1), ("EXECUTE by_id (NULL, 99)", 0), ("EXECUTE by_id (NULL, 2)", 1)):
        assert sealed.execute(arguments).rowcount == row
    bound = sealed.pgconn.exec_prepared(b"by_id", [b"bound", b"1"])
    assert bound.command_status == b"UPDATE 1"
    assert sealed.execute("SELECT id, key FROM accounts ORDER BY id").fetchall() == [(1, "bound"), (2, None)]
    assert len(stored(database, "accounts")) == 1


def test_a_branch_that_no_row_takes_is_left_out_where_sql_prepared_it(sealed, database):
    sealed.execute("INSERT INTO accounts VALUES (1, 1, 'one'), (2, 2, 'two')")
    sealed.execute("PREPARE both_of (int, text, int, text) AS UPDATE accounts SET key = CASE id WHEN $1 THEN $2 WHEN $3 THEN $4 END WHERE id IN ($1, $3)")
    assert sealed.execute("EXECUTE both_of (1, 'a', 2, 'b')").rowcount == 2
    assert sealed.execute("EXECUTE both_of (1, 'c', 99, 'd')").rowcount == 1
    assert sealed.execute("EXECUTE both_of (98, 'c', 99, 'd')").rowcount == 0
    bound = sealed.pgconn.exec_prepared(b"both_of", [b"99", b"x", b"2", b"e"])
    assert bound.command_status == b"UPDATE 1"
    assert sealed.execute("SELECT id, org, key FROM accounts ORDER BY id").fetchall() == [(1, 1, "c"), (2, 2, "e")]
    stored(database, "accounts")
