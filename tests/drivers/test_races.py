"""A row becomes another tenant's between the question whose it is and the statement: never is its value sealed for the former one."""
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from conftest import MARK, TENANTS
from servers import Servers

A, B = TENANTS
ROW, OTHER = uuid.UUID(int=0x4ACE_0001), uuid.UUID(int=0x4ACE_0002)
VALUE = f"{MARK} race"
RETURNED = "INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES (%s, %s, 'race', %s) ON CONFLICT (id) DO UPDATE SET key = excluded.key"
CHANGES = {
    "by key": ("UPDATE virtual_keys SET key = %s WHERE id = %s", (VALUE, ROW)),
    "a constant": (f"UPDATE virtual_keys SET key = '{VALUE}' WHERE id = '{ROW}' AND name IS NULL RETURNING slug", None),
    "by an alias, in a CTE": ("WITH u AS (UPDATE virtual_keys AS v SET key = %s WHERE v.id = %s RETURNING v.slug) SELECT count(*) FROM u", (VALUE, ROW)),
    "beside another table": ("UPDATE virtual_keys v SET key = %s FROM organisations o WHERE v.id = %s AND o.id = %s", (VALUE, ROW, A)),
    "without a condition": ("UPDATE virtual_keys SET key = %s", (VALUE,)),
    "with its tenant": ("UPDATE virtual_keys SET organisation_id = %s, key = %s WHERE id = %s", (A, VALUE, ROW)),
    "its tenant alone": ("UPDATE virtual_keys SET organisation_id = %s WHERE id = %s", (A, ROW)),
    "upsert": (RETURNED, (ROW, A, VALUE)),
    "upsert with a condition": (RETURNED + " WHERE virtual_keys.name IS NULL RETURNING slug", (ROW, A, VALUE)),
    "MERGE": ("MERGE INTO virtual_keys v USING (SELECT %s::uuid AS id) s ON v.id = s.id WHEN MATCHED AND v.name IS NULL THEN UPDATE SET key = %s", (ROW, VALUE)),
    "MERGE, always": ("MERGE INTO virtual_keys v USING (SELECT %s::uuid AS id) s ON v.id = s.id WHEN MATCHED THEN UPDATE SET key = %s", (ROW, VALUE)),
    "EXECUTE": (f"EXECUTE race('{VALUE}', '{ROW}')", None),
}


@pytest.fixture
def sealed(servers):
    with psycopg.connect(servers.url, autocommit=True) as connection:
        if connection.info.server_version < 150000:
            pytest.skip("MERGE, and a look-up's own snapshot")
        connection.execute("DELETE FROM virtual_keys")
        for row, tenant in ((ROW, A), (OTHER, A)):
            connection.execute("INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES (%s, %s, %s, %s)", (row, tenant, str(row), f"{MARK} before"))
        connection.execute("PREPARE race (text) AS UPDATE virtual_keys SET key = $1 WHERE id = $2::uuid")
        yield connection
        connection.execute("DELETE FROM virtual_keys")


def while_it_waits(servers, sealed, change, meanwhile):
    """Begins the change, which waits for the other session's lock; does `meanwhile` there, and commits."""
    pid = sealed.info.backend_pid
    with psycopg.connect(servers.direct) as other, psycopg.connect(servers.direct, autocommit=True) as watch, ThreadPoolExecutor() as pool:
        meanwhile(other)
        running = pool.submit(change)
        deadline = time.monotonic() + 20
        while not watch.execute("SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchone()[0]:
            assert time.monotonic() < deadline and not running.done(), "it does not wait"
            time.sleep(0.01)
        other.commit()
        return running.result()


def moves(connection):
    connection.execute("UPDATE virtual_keys SET organisation_id = %s, key = NULL WHERE id = %s", (B, ROW))


def comes_anew(connection):
    connection.execute("LOCK TABLE virtual_keys IN SHARE MODE")
    connection.execute("DELETE FROM virtual_keys WHERE id = %s", (ROW,))
    connection.execute("INSERT INTO virtual_keys (id, organisation_id, slug) VALUES (%s, %s, 'anew')", (ROW, B))


@pytest.mark.parametrize("meanwhile", [moves, comes_anew])
@pytest.mark.parametrize("prepare", [False, True])
@pytest.mark.parametrize("name", CHANGES)
def test_a_row_that_has_become_another_tenants_is_an_error(servers, sealed, direct, name, prepare, meanwhile):
    sql, values = CHANGES[name]
    change = lambda: sealed.execute(sql, values, prepare=prepare and values is not None)
    # What is prepared by now waits for the table's lock behind the question; else its Parse does, before.
    change()
    asked_first = meanwhile is moves or prepare or values is None
    try:
        while_it_waits(servers, sealed, change, meanwhile)
        assert not asked_first
    except psycopg.errors.SerializationFailure as moved:
        assert asked_first and "moved-meanwhile" in moved.diag.message_hint
        raw = direct.execute("SELECT organisation_id, key FROM virtual_keys WHERE id = %s", (ROW,)).fetchone()
        assert raw == (B, None)
    except psycopg.DatabaseError:
        assert not asked_first
    sealed.execute("SELECT organisation_id, key FROM virtual_keys").fetchall()
    direct.execute("UPDATE virtual_keys SET organisation_id = %s WHERE id = %s", (A, ROW))
    change()
    if "alone" not in name:
        assert sealed.execute("SELECT organisation_id, key FROM virtual_keys WHERE id = %s", (ROW,)).fetchone() == (A, VALUE)


@pytest.mark.parametrize("prepare", [False, True])
def test_rows_that_no_longer_meet_the_condition_are_left_alone(servers, sealed, direct, prepare):
    """As PostgreSQL does it; and another tenant's row that does not meet it is no matter."""
    direct.execute("UPDATE virtual_keys SET organisation_id = %s, key = NULL, name = 'other' WHERE id = %s", (B, OTHER))
    change = lambda: sealed.execute("UPDATE virtual_keys SET key = %s WHERE status = %s AND name IS NULL", (VALUE, "active"), prepare=prepare)
    meets = lambda connection: connection.execute("UPDATE virtual_keys SET name = 'x', organisation_id = %s, key = NULL WHERE id = %s", (B, ROW))
    assert while_it_waits(servers, sealed, change, meets).rowcount == 0
    assert direct.execute("SELECT count(key) FROM virtual_keys").fetchone() == (0,)


@pytest.mark.parametrize("prepare", [False, True])
def test_a_row_that_takes_another_branch_of_a_case(servers, sealed, direct, prepare):
    direct.execute("UPDATE virtual_keys SET organisation_id = %s, key = NULL WHERE id = %s", (B, OTHER))
    change = lambda: sealed.execute(
        "UPDATE virtual_keys SET key = CASE WHEN id = %s THEN %s WHEN id = %s THEN %s ELSE key END WHERE id IN (%s, %s)",
        (ROW, VALUE, OTHER, f"{VALUE} 2", ROW, OTHER), prepare=prepare)
    with pytest.raises(psycopg.errors.SerializationFailure):
        while_it_waits(servers, sealed, change, moves)
    direct.execute("UPDATE virtual_keys SET organisation_id = %s WHERE id = %s", (A, ROW))
    change()
    assert sealed.execute("SELECT organisation_id, key FROM virtual_keys ORDER BY id").fetchall() == [(A, VALUE), (B, f"{VALUE} 2")]


@pytest.mark.parametrize("prepare", [False, True])
def test_null_is_stored_whosever_the_rows_are(sealed, direct, prepare):
    direct.execute("UPDATE virtual_keys SET organisation_id = %s, key = NULL WHERE id = %s", (B, OTHER))
    assert sealed.execute("UPDATE virtual_keys SET key = %s WHERE id IN (%s, %s)", (None, ROW, OTHER), prepare=prepare).rowcount == 2


@pytest.mark.parametrize("prepare", [False, True])
def test_a_child_that_gets_another_parent(servers, sealed, direct, prepare):
    row = uuid.uuid4()
    sealed.execute("INSERT INTO prompt_versions (id, prompt_id, version, template) VALUES (%s, %s, 4711, %s)", (row, A, f'"{VALUE}"'))
    change = lambda: sealed.execute("UPDATE prompt_versions SET template = %s WHERE id = %s", (f'"{VALUE} 2"', row), prepare=prepare)
    with pytest.raises(psycopg.errors.SerializationFailure):
        while_it_waits(servers, sealed, change, lambda other: other.execute("UPDATE prompt_versions SET prompt_id = %s, template = NULL WHERE id = %s", (B, row)))
    change()
    assert sealed.execute("SELECT template FROM prompt_versions WHERE id = %s", (row,)).fetchone() == (f"{VALUE} 2",)
    direct.execute("DELETE FROM prompt_versions WHERE id = %s", (row,))


BAD = f"{MARK} is no JSON".encode()
UNFIT = {
    "a constant": ("jsonb", f"'{BAD.decode()}'", None),
    "a constant that only jsonb rejects": ("jsonb", "'[1e999999]'::json", None),
    "a constant of a document for json": ("json", "'[1e999999]'::jsonb", None),
    "no bytea": ("bytea", f"'\\x{MARK}'", None),
    "no bytea, with an escape": ("bytea", "'a\\9'", None),
    "a parameter": ("jsonb", "$1", (BAD, 0, 0)),
    "a parameter for json": ("json", "$1", (BAD, 0, 0)),
    "in binary": ("jsonb", "$1", (b"\1" + BAD, 1, 0)),
    "declared as jsonb": ("jsonb", "$1", (BAD, 0, 3802)),
    "declared as json": ("jsonb", "$1", (b"[1e999999]", 0, 114)),
    "declared as text": ("jsonb", "$1::jsonb", (BAD, 0, 25)),
    "a parameter for bytea": ("bytea", "$1", (b"\\x" + MARK.encode(), 0, 0)),
    "of an array": ("jsonb", "(SELECT * FROM unnest($1::jsonb[]))", (b'{"' + BAD + b'"}', 0, 0)),
    "of an array of texts": ("jsonb", "(SELECT u::jsonb FROM unnest($1::text[]) u)", (b'{"' + BAD + b'"}', 0, 0)),
    "a constant beside a parameter": ("jsonb", f"'{BAD.decode()}'", (b"beside", 0, 25)),
}


@pytest.fixture(scope="module")
def retyped(tmp_path_factory):
    """A table for each case: its column gets another type, and does not get the first one back."""
    folder = tmp_path_factory.mktemp("retyped")
    folder.chmod(0o755)
    rules, schema = folder / "rules.toml", folder / "schema.sql"
    tables = {(name, prepared): f"retyped_{number}_{int(prepared)}" for number, name in enumerate(UNFIT) for prepared in (False, True)}
    rules.write_text("".join(f'[[seal]]\ntable = "public.{table}"\ntenant = "org"\ncolumns = ["secret"]\n' for table in tables.values()))
    schema.write_text("".join(f"CREATE TABLE {table} (org text, note text, secret {UNFIT[name][0]});\n" for (name, _), table in tables.items()))
    with Servers(rules=rules, schema=schema) as servers:
        servers.tables = tables
        yield servers


@pytest.mark.parametrize("prepared", [False, True])
@pytest.mark.parametrize("name", UNFIT)
def test_nothing_is_stored_for_a_value_that_does_not_fit_where_its_column_becomes_text(retyped, name, prepared):
    """Another value stands in for it, which text takes."""
    kind, value, parameter = UNFIT[name]
    table = retyped.tables[name, prepared]
    columns, note = ("(org, secret)", "") if not parameter or "$1" in value else ("(org, note, secret)", "$1, ")
    insert = f"INSERT INTO {table} {columns} VALUES ('a', {note}{{}})"
    sql = insert.format(value)
    to_text = lambda connection: connection.execute(f"ALTER TABLE {table} ALTER secret TYPE text USING secret::text")
    with psycopg.connect(retyped.url, autocommit=True) as sealed, psycopg.connect(retyped.direct, autocommit=True) as direct:
        wire = sealed.pgconn
        if parameter:
            given, form, oid = parameter
            if prepared:
                ready = wire.prepare(b"waits", sql.encode(), [oid])
                # A constant is read where it is prepared.
                change = lambda: ready if "constant" in name else wire.exec_prepared(b"waits", [given], [form])
            else:
                change = lambda: wire.exec_params(sql.encode(), [given], [oid], [form])
        elif prepared:
            typed = value.partition("::")[2] or kind
            assert not wire.exec_(f"PREPARE waits AS {insert.format(f'$1::{typed}')}".encode()).error_message
            change = lambda: wire.exec_(f"EXECUTE waits({value.partition('::')[0]})".encode())
        else:
            change = lambda: wire.exec_(sql.encode())
        if prepared:
            # Its parameter's type is fixed, so what does not fit that type waits for no lock.
            to_text(direct)
        result = change() if prepared else while_it_waits(retyped, sealed, change, to_text)
        code = result.error_field(psycopg.pq.DiagnosticField.SQLSTATE)
        # pgseal may have seen already that the column is another.
        assert (code in (b"22P02", b"22023", b"22003") or prepared and code == b"0A000") and b"_pgseal" not in result.error_message
        assert direct.execute(f"SELECT secret FROM {table}").fetchall() == []
