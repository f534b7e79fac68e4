"""DDL past pgseal while the lease is in force: no statement that is sent after its commit is planned without it."""
import os
import signal
import subprocess
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from conftest import TENANTS, populate
from servers import Servers

A, _ = TENANTS
SECRET = "lease-secret"
COLUMNS = "(id, organisation_id, slug, key)"
ROW = "INSERT INTO {} " + COLUMNS + " VALUES (%s, %s, %s, %s)"
IN_FORCE, NOT_INSTALLED, LOST = "the lease is in force", "no lease is installed", "the lease is not held"


def said(servers, text, times=1):
    """Waits until the log has said it so often."""
    deadline = time.monotonic() + 30
    while servers.log.read_text().count(text) < times:
        assert time.monotonic() < deadline, servers.log.read_text()
        time.sleep(0.02)


def ddl():
    return subprocess.run([os.environ["PGSEAL_BIN"], "lease"], capture_output=True, text=True, check=True).stdout


def install(servers):
    with psycopg.connect(servers.direct, autocommit=True) as direct:
        direct.execute(ddl())
        direct.execute("CREATE ROLE lease_dba LOGIN; GRANT CREATE ON SCHEMA public TO lease_dba; GRANT ALL ON ALL TABLES IN SCHEMA public TO lease_dba")


@pytest.fixture(scope="module")
def servers():
    with Servers() as servers:
        populate(servers)
        with psycopg.connect(servers.direct, autocommit=True) as direct:
            direct.execute("ALTER SYSTEM SET max_prepared_transactions = 5")
        said(servers, NOT_INSTALLED)
        servers.stop_pgseal()
        servers.stop_postgres()
        servers.start_postgres()
        servers._pgseal()
        # Pgseal finds it while it runs.
        install(servers)
        said(servers, IN_FORCE)
        yield servers


@pytest.fixture
def client(servers):
    with psycopg.connect(servers.url, autocommit=True) as connection:
        yield connection


def held(servers):
    """Waits until the log's last word is that the lease is in force."""
    deadline = time.monotonic() + 60
    while (log := servers.log.read_text()).rfind(IN_FORCE) < max(log.rfind(LOST), log.rfind(NOT_INSTALLED)):
        assert time.monotonic() < deadline, log
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def tidy(servers, direct):
    held(servers)
    yield
    # Shown where the test has failed.
    print("\n".join(line for line in servers.log.read_text().splitlines()[-10:] if "lease" in line))
    held(servers)
    direct.execute("DROP VIEW IF EXISTS lease_view; DROP TABLE IF EXISTS lease_child, lease_plain; DELETE FROM virtual_keys WHERE slug LIKE 'lease-%'")


def row(key=SECRET):
    return (uuid.uuid4(), A, f"lease-{uuid.uuid4()}", key)


def raw(direct, table="virtual_keys"):
    return [key for key, in direct.execute(f"SELECT key FROM {table} WHERE slug LIKE 'lease-%'")]


def make_view(direct):
    direct.execute("CREATE VIEW lease_view AS SELECT id, organisation_id, slug, key FROM virtual_keys")
    return "lease_view", "DROP VIEW lease_view"


def make_view_on_commit(direct):
    direct.execute("BEGIN")
    direct.execute("CREATE TABLE lease_plain (id int)")
    name, undo = make_view(direct)
    direct.execute("COMMIT")
    return name, f"{undo}; DROP TABLE lease_plain"


def make_child(direct):
    direct.execute("ALTER TABLE lease_child INHERIT virtual_keys")
    return "lease_child", "ALTER TABLE lease_child NO INHERIT virtual_keys"


def rename(direct):
    direct.execute("ALTER TABLE virtual_keys RENAME TO lease_moved")
    return "lease_moved", "ALTER TABLE lease_moved RENAME TO virtual_keys"


def move(direct):
    direct.execute("CREATE SCHEMA lease_schema; ALTER TABLE virtual_keys SET SCHEMA lease_schema")
    return "lease_schema.virtual_keys", "ALTER TABLE lease_schema.virtual_keys SET SCHEMA public; DROP SCHEMA lease_schema"


CHANGES = [make_view, make_view_on_commit, make_child, rename, move]


class Load:
    """Sessions that hardly rest, of which none fails. The replicas need some of the machine to answer in time."""

    def __init__(self, url, sessions=4):
        self.url, self.stop, self.count = url, threading.Event(), 0
        self.pool = ThreadPoolExecutor(sessions)
        self.runs = [self.pool.submit(self.run) for _ in range(sessions)]

    def run(self):
        with psycopg.connect(self.url, autocommit=True) as client:
            while not self.stop.is_set():
                client.execute("SELECT count(*) FROM configs")
                client.execute("SELECT name FROM organisations WHERE id = %s", [A], prepare=True)
                self.count += 1
                time.sleep(0.005)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop.set()
        for run in self.runs:
            run.result(timeout=60)
        self.pool.shutdown()
        assert self.count > 0


def until_noted(change, *arguments):
    """Runs a change of which a replica that starves may not take note in time: it is to be run again then, says its HINT."""
    for _ in range(4):
        try:
            return change(*arguments)
        except psycopg.errors.LockNotAvailable:
            time.sleep(0.5)
    return change(*arguments)


@pytest.mark.parametrize("change", CHANGES)
def test_what_others_change_is_known_when_they_have_committed(servers, client, direct, change):
    direct.execute("CREATE TABLE lease_child (LIKE virtual_keys INCLUDING ALL)")
    with Load(servers.url):
        for turn in range(60):
            name, undo = until_noted(change, direct)
            try:
                if "view" in name:
                    # Nothing is written through one: a refusal is what its being known comes to.
                    with pytest.raises(psycopg.errors.FeatureNotSupported, match="a view over a protected table"):
                        client.execute(ROW.format(name), row(), prepare=False)
                    assert raw(direct, name) == []
                else:
                    client.execute(ROW.format(name), row(), prepare=turn % 2 == 0)
                    assert client.execute(f"SELECT key FROM {name} WHERE slug LIKE 'lease-%'").fetchall() == [(SECRET,)]
                    assert [key[:3] for key in raw(direct, name)] == ["~s1"], (turn, servers.log.read_text()[-1000:])
            finally:
                direct.execute(f"DELETE FROM {name} WHERE slug LIKE 'lease-%'")
                until_noted(direct.execute, undo)
            if turn % 2 == 0:
                client.execute("DEALLOCATE ALL", prepare=False)


def test_without_the_lease_it_slips_through():
    with Servers() as servers:
        populate(servers)
        with psycopg.connect(servers.direct, autocommit=True) as direct, psycopg.connect(servers.url, autocommit=True) as client:
            # One change makes the next poll late.
            direct.execute("CREATE TABLE lease_plain (id int)")
            time.sleep(1)
            name, _ = make_view(direct)
            client.execute(ROW.format(name), row())
            assert raw(direct) == [SECRET]


@pytest.fixture
def second(servers):
    """Another replica."""
    with Servers(port=servers.port, env={"PGSEAL_KMS_FILE": f"{servers.folder}/local.key"}) as second:
        said(second, IN_FORCE)
        yield second
        second.pgseal.send_signal(signal.SIGCONT)


def seconds(run, *arguments):
    began = time.monotonic()
    run(*arguments)
    return time.monotonic() - began


def test_no_replica_is_left_behind(servers, second, direct, client):
    direct.execute("CREATE TABLE lease_child (LIKE virtual_keys INCLUDING ALL)")
    with Load(servers.url, 2), Load(second.url, 2), psycopg.connect(second.url, autocommit=True) as other:
        for turn in range(30):
            # Past both, or through one of them.
            name, undo = until_noted(make_child, [direct, client][turn % 2])
            for replica in (other, client):
                replica.execute(ROW.format(name), row(), prepare=False)
            assert [key[:3] for key in raw(direct, name)] == ["~s1", "~s1"], turn
            until_noted(direct.execute, f"DELETE FROM {name}; {undo}")


def test_a_replica_that_dies_keeps_nobody_waiting(servers, second, direct, client):
    second.pgseal.kill()
    assert seconds(make_view, direct) < 2
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="a view over a protected table"):
        client.execute(ROW.format("lease_view"), row())


UNCONCERNED = [
    "CREATE TEMP TABLE lease_temp (id serial PRIMARY KEY, n int)", "CREATE INDEX ON lease_temp (n)", "ALTER TABLE lease_temp ADD COLUMN t text DEFAULT 'x'",
    "CREATE TEMP VIEW lease_temp_view AS SELECT * FROM lease_temp", "CREATE RULE lease_rule AS ON INSERT TO lease_temp DO NOTHING",
    "CREATE TRIGGER lease_trigger BEFORE UPDATE ON lease_temp FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "DROP TRIGGER lease_trigger ON lease_temp", "ALTER TABLE lease_temp RENAME n TO m", "SELECT 1 AS id INTO TEMP lease_into", "CREATE TEMP TABLE lease_as AS SELECT 1 AS id",
    "CREATE FUNCTION pg_temp.lease_f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "DROP FUNCTION pg_temp.lease_f()", "DROP VIEW lease_temp_view", "ALTER TABLE lease_temp DROP COLUMN t",
    "DROP TABLE lease_temp, lease_into, lease_as", "CREATE INDEX lease_index ON requests (note)", "COMMENT ON TABLE requests IS 'x'", "GRANT SELECT ON requests TO PUBLIC",
    "REVOKE SELECT ON requests FROM PUBLIC", "TRUNCATE requests", "VACUUM requests", "ANALYZE requests", "REINDEX TABLE requests", "DISCARD ALL",
]


def test_a_replica_that_hangs_stops_the_change_and_nothing_else(servers, second, direct, client):
    second.pgseal.send_signal(signal.SIGSTOP)

    def refused():
        with pytest.raises(psycopg.errors.LockNotAvailable, match="taken note") as raised:
            make_view(direct)
        assert "pgseal lease" in raised.value.diag.message_detail and "docs/errors.md#lease" in raised.value.diag.message_hint

    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(seconds, refused)
        # Those who wait with it wait no longer than it does.
        slowest = 0
        while not waiting.done():
            slowest = max(slowest, seconds(client.execute, "SELECT 1"))
        assert waiting.result() < 8 and slowest < 8
    assert direct.execute("SELECT to_regclass('lease_view')").fetchone() == (None,)
    for sql in UNCONCERNED:
        assert seconds(direct.execute, sql) < 1, sql
    direct.execute("DROP INDEX CONCURRENTLY IF EXISTS lease_nothing")
    second.pgseal.send_signal(signal.SIGCONT)
    assert seconds(make_view, direct) < 3
    said(second, IN_FORCE)
    direct.execute("DROP INDEX lease_index")


def test_until_it_is_committed_a_change_stops_nobody(direct, client):
    with direct.transaction():
        make_view(direct)
        direct.execute("CREATE TABLE lease_plain (id int)")
        for _ in range(50):
            assert seconds(client.execute, "SELECT 1") < 1
            client.execute(ROW.format("virtual_keys"), row())
    with direct.transaction(force_rollback=True):
        direct.execute("DROP VIEW lease_view")
    assert {key[:3] for key in raw(direct)} == {"~s1"}


def test_changes_through_pgseal(servers, direct, client):
    for prepare in (False, True):
        for _ in range(10):
            client.execute("CREATE TABLE lease_child () INHERITS (virtual_keys)", prepare=prepare)
            client.execute(ROW.format("lease_child"), row(), prepare=False)
            with client.transaction():
                client.execute("ALTER TABLE lease_child ADD COLUMN more text", prepare=prepare)
                client.execute(ROW.format("virtual_keys"), row(), prepare=prepare)
            client.execute("DROP TABLE lease_child; CREATE TABLE lease_plain (id int); DROP TABLE lease_plain", prepare=False)
    assert {key[:3] for key in raw(direct)} == {"~s1"}


def test_changes_in_pipelines(servers, direct, client):
    for _ in range(10):
        with client.pipeline() as pipeline:
            client.execute("CREATE TABLE lease_plain (id int)")
            client.execute("INSERT INTO requests (note) VALUES ('lease')")
            pipeline.sync()
            client.execute("DROP TABLE lease_plain")
            pipeline.sync()
            client.execute("CREATE TABLE lease_plain (id int)")
            client.execute(ROW.format("virtual_keys"), row())
            pipeline.sync()
            found = client.execute("SELECT count(*) FROM lease_plain")
            client.execute("DROP TABLE lease_plain")
        assert found.fetchone() == (0,)
    assert {key[:3] for key in raw(direct)} == {"~s1"}


def test_data_on_its_way_goes_on(direct, client):
    with client.cursor() as cursor, cursor.copy("COPY requests (note) FROM STDIN") as copy:
        copy.write_row(["lease"])
        make_view(direct)
        copy.write_row(["lease"])
    assert client.execute("SELECT count(*) FROM requests WHERE note = 'lease'").fetchone() >= (2,)


def test_constraints_that_are_checked_early(direct, client):
    for connection in (direct, client):
        with connection.transaction():
            connection.execute("CREATE TABLE lease_plain (id int)")
            connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            assert seconds(connection.execute, "SELECT 1") < 1
            assert direct.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'").fetchone() == (0,)
        direct.execute("DROP TABLE lease_plain")


def test_a_change_in_two_phases(servers, direct, client):
    make_view(direct)
    direct.execute("DROP VIEW lease_view")
    times = servers.log.read_text().count(IN_FORCE)
    direct.execute("BEGIN")
    make_view(direct)
    direct.execute("PREPARE TRANSACTION 'lease'")
    try:
        # Nobody knows how long it stays: sessions go on with what they knew.
        assert seconds(client.execute, "SELECT 1") < 12
        said(servers, LOST)
        assert seconds(client.execute, "SELECT 1") < 1
        with psycopg.connect(servers.direct, autocommit=True) as other, pytest.raises(psycopg.errors.LockNotAvailable) as raised:
            other.execute("CREATE TABLE lease_plain (id int)")
        assert "a prepared transaction" in raised.value.diag.message_detail
    finally:
        direct.execute("COMMIT PREPARED 'lease'")
    said(servers, IN_FORCE, times + 1)
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="a view over a protected table"):
        client.execute(ROW.format("lease_view"), row())


def test_any_role_changes_what_it_may(servers, client):
    with psycopg.connect(servers.direct.replace("postgres@", "lease_dba@"), autocommit=True) as dba:
        for sql in ("CREATE TABLE lease_own (id int)", "CREATE VIEW lease_own_view AS SELECT * FROM virtual_keys", "ALTER TABLE lease_own ADD COLUMN n int"):
            dba.execute(sql)
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="a view over a protected table"):
            client.execute(ROW.format("lease_own_view"), row())
        dba.execute("DROP VIEW lease_own_view; DROP TABLE lease_own")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            dba.execute("INSERT INTO pgseal_lease.change DEFAULT VALUES")


def test_many_changes_at_once(servers, direct):
    def serializable(connection, sql):
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
            connection.execute(sql)

    def change(number):
        with psycopg.connect(servers.direct, autocommit=True) as connection:
            for turn in range(5):
                until_noted(serializable, connection, f"CREATE TABLE lease_many_{number} (id int)")
                until_noted(serializable, connection, f"DROP TABLE lease_many_{number}")

    # So small that a scan of the whole of it looks cheap.
    direct.execute("TRUNCATE pgseal_lease.change; UPDATE pg_class SET relpages = 1, reltuples = 1 WHERE oid = 'pgseal_lease.change'::regclass")
    with Load(servers.url), ThreadPoolExecutor(20) as pool:
        list(pool.map(change, range(20)))
    assert direct.execute("SELECT count(*) FROM pgseal_lease.change").fetchone() == (0,)


def test_the_lease_is_taken_again_when_it_was_lost(servers, direct, client):
    times = servers.log.read_text().count(IN_FORCE)
    direct.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgseal lease'")
    said(servers, LOST)
    said(servers, IN_FORCE, times + 1)
    make_view(direct)
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="a view over a protected table"):
        client.execute(ROW.format("lease_view"), row())


def test_a_dump_with_the_triggers_can_be_restored(servers, direct):
    dump = servers.folder / "lease.dump"
    subprocess.run(["pg_dump", "-Fc", "-f", str(dump), servers.direct], check=True)
    direct.execute("CREATE DATABASE lease_copy")
    copied = servers.direct.replace("/app", "/lease_copy")
    subprocess.run(["pg_restore", "-e", "-d", copied, str(dump)], check=True)
    with psycopg.connect(copied, autocommit=True) as copy:
        assert copy.execute("SELECT count(*) FROM pg_event_trigger WHERE evtname LIKE 'pgseal_lease%' AND evtenabled = 'A'").fetchone() == (2,)
        assert seconds(make_view, copy) < 1
        copy.execute("DROP VIEW lease_view")
    # With the triggers in place already, as in a database that lives on.
    subprocess.run(["pg_restore", "-e", "--clean", "--if-exists", "-d", copied, str(dump)], check=True)
    direct.execute("DROP DATABASE lease_copy")


def test_the_lease_can_be_taken_away(servers, direct):
    # Installed again over itself, it stays.
    direct.execute(ddl())
    make_view(direct)
    times = servers.log.read_text().count(NOT_INSTALLED)
    direct.execute("DROP SCHEMA pgseal_lease CASCADE")
    said(servers, NOT_INSTALLED, times + 1)
    direct.execute("DROP VIEW lease_view")
    deadline = time.monotonic() + 30
    while direct.execute("SELECT FROM pg_stat_activity WHERE application_name = 'pgseal lease'").fetchone():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert direct.execute("SELECT count(*) FROM pg_event_trigger").fetchone() == (0,)
    times = servers.log.read_text().count(IN_FORCE)
    direct.execute(ddl())
    said(servers, IN_FORCE, times + 1)
