"""PgBouncer behind pgseal (between it and PostgreSQL) and in front of it, pooling sessions and transactions."""
import os
import pwd
import shutil
import signal
import subprocess
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from conftest import MARK, TENANTS, canary, populate
from servers import ROOT, Servers, free_port


class PgBouncer:
    """In front of `port`, which is PostgreSQL's or pgseal's."""

    def __init__(self, folder, user, port, mode, settings="default_pool_size = 3"):
        self.folder, self.user, self.target, self.mode, self.port, self.settings = folder, user, port, mode, free_port(), settings

    def __enter__(self):
        config = self.folder / f"pgbouncer-{self.port}.ini"
        config.write_text(
            f"[databases]\napp = host=127.0.0.1 port={self.target} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = any\npool_mode = {self.mode}\n{self.settings}\nserver_tls_sslmode = disable\nlogfile = {self.folder}/pgbouncer-{self.port}.log\n")
        if self.user:
            os.chown(self.folder, pwd.getpwnam(self.user).pw_uid, -1)
        program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
        self.process = subprocess.Popen([program, "-q", str(config)], user=self.user, group=self.user, extra_groups=[] if self.user else None, cwd="/", stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=10).close()
                return self
            except psycopg.OperationalError:
                assert time.monotonic() < deadline and self.process.poll() is None
                time.sleep(0.1)

    def url(self):
        return f"postgres://postgres@127.0.0.1:{self.port}/app?sslmode=disable"

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=30)


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    """The control plane's, and a table whose tenant is a setting of the session."""
    path = tmp_path_factory.mktemp("rules") / "rules.toml"
    path.write_text((ROOT / "rules/portkey.toml").read_text() + '[[seal]]\ntable = "requests"\ntenant = { setting = "app.tenant" }\ncolumns = ["note"]\n')
    return path


@pytest.fixture(scope="module")
def database(rules):
    with Servers(rules=rules) as servers:
        populate(servers)
        yield servers
        canary(servers)


@pytest.fixture(scope="module", params=["session", "transaction"])
def mode(request):
    return request.param


@pytest.fixture(scope="module", params=["behind", "in front"])
def url(request, database, rules, mode):
    if request.param == "in front":
        with PgBouncer(database.folder, database.user, database.listen, mode) as bouncer:
            yield bouncer.url()
    else:
        with PgBouncer(database.folder, database.user, database.port, mode) as bouncer:
            with Servers(port=database.port, rules=rules, env={"PGSEAL_UPSTREAM": f"postgres://127.0.0.1:{bouncer.port}", "PGSEAL_KMS_FILE": f"{database.folder}/local.key"}) as servers:
                yield servers.url


def connect(url, **options):
    # Prepared statements outlive a transaction, which PgBouncer of Debian 12 does not provide for.
    return psycopg.connect(url, prepare_threshold=None, autocommit=True, **options)


def new_key(connection, value, tenant=TENANTS[0]):
    row = uuid.uuid4()
    connection.execute("INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES (%s, %s, %s, %s)", (row, tenant, str(row), value))
    return row


def sealed(database, row):
    with psycopg.connect(database.direct) as direct:
        return direct.execute("SELECT key FROM virtual_keys WHERE id = %s", (row,)).fetchone()[0].startswith("~s1")


def test_values_are_sealed_and_opened(database, url):
    with connect(url) as connection:
        row = new_key(connection, f"{MARK} pooled")
        assert sealed(database, row)
        # The tenant is asked from the server here.
        assert connection.execute("UPDATE virtual_keys SET key = %s WHERE id = %s RETURNING key", (f"{MARK} again", row)).fetchone() == (f"{MARK} again",)
        assert connection.execute(f"UPDATE virtual_keys SET key = '{MARK} literal' WHERE id = '{row}'").rowcount == 1
        assert connection.execute("SELECT key FROM virtual_keys WHERE id = %s", (row,)).fetchone() == (f"{MARK} literal",)
        assert sealed(database, row)
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            connection.execute("SELECT upper(key) FROM virtual_keys")
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_transactions_cursors_and_pipelines(database, url):
    with connect(url) as connection:
        with connection.transaction(), connection.cursor(name="rows") as cursor:
            rows = [new_key(connection, f"{MARK} {number}") for number in range(10)]
            cursor.execute("SELECT key FROM virtual_keys WHERE id = ANY(%s) ORDER BY slug", (rows,))
            cursor.itersize = 3
            assert sorted(key for key, in cursor) == [f"{MARK} {number}" for number in range(10)]
        with connection.pipeline():
            cursors = [connection.execute("SELECT key FROM virtual_keys WHERE id = %s", (row,)) for row in rows]
        assert [cursor.fetchone()[0] for cursor in cursors] == [f"{MARK} {number}" for number in range(10)]
        with pytest.raises(psycopg.errors.UniqueViolation), connection.transaction():
            connection.execute("UPDATE virtual_keys SET key = %s WHERE id = %s", (f"{MARK} undone", rows[0]))
            new_key(connection, f"{MARK} lost")
            connection.execute("INSERT INTO virtual_keys (id, organisation_id, slug) VALUES (%s, %s, 'x')", (rows[0], TENANTS[0]))
        assert connection.execute("SELECT key FROM virtual_keys WHERE id = %s", (rows[0],)).fetchone() == (f"{MARK} 0",)


def test_a_tenant_is_set_for_a_transaction(database, url):
    with connect(url) as connection:
        for tenant in ("one", "two"):
            with connection.transaction():
                connection.execute(f"SET LOCAL app.tenant = '{tenant}'")
                row = connection.execute("INSERT INTO requests (note) VALUES (%s) RETURNING id, note", (f"{MARK} of {tenant}",)).fetchone()
            assert row[1] == f"{MARK} of {tenant}"
            with psycopg.connect(database.direct) as direct:
                assert direct.execute("SELECT note FROM requests WHERE id = %s", (row[0],)).fetchone()[0].startswith("~s1")
        # It ended with the transaction, whoever gets the server connection next.
        with pytest.raises(psycopg.Error) as refused:
            connection.execute("INSERT INTO requests (note) VALUES ('nobody')")
        assert refused.value.sqlstate == "SV007"


def test_prepared_statements_within_a_transaction(database, url):
    with psycopg.connect(url, prepare_threshold=None) as connection:
        with connection.transaction():
            wire, row = connection.pgconn, new_key(connection, f"{MARK} before")
            wire.prepare(b"", b"UPDATE virtual_keys SET key = $1 WHERE id = $2")
            done = wire.exec_prepared(b"", [f"{MARK} prepared".encode(), str(row).encode()])
            assert done.command_tuples == 1, done.error_message
        assert connection.execute("SELECT key FROM virtual_keys WHERE id = %s", (row,)).fetchone() == (f"{MARK} prepared",)
        assert sealed(database, row)


def test_more_clients_than_server_connections(database, url):
    """Sessions of two tenants take turns on three server connections; nobody sees another's plan, answer or transaction."""
    def client(number):
        # Pooled sessions would wait for each other here, three at a time.
        with connect(url) as connection:
            tenant, value = TENANTS[number % 2], f"{MARK} of {number}"
            row = new_key(connection, value, tenant)
            for turn in range(5):
                with connection.transaction():
                    assert connection.execute("SELECT organisation_id, key FROM virtual_keys WHERE id = %s", (row,)).fetchone() == (tenant, value)
                    value = f"{MARK} of {number} in turn {turn}"
                    connection.execute("UPDATE virtual_keys SET key = %s WHERE id = %s", (value, row))
            return row

    with ThreadPoolExecutor(max_workers=12) as pool:
        rows = list(pool.map(client, range(12)))
    assert all(sealed(database, row) for row in rows)


def test_cancel_passes_both(url):
    with connect(url) as connection, ThreadPoolExecutor() as pool:
        sleeping = pool.submit(connection.execute, "SELECT pg_sleep(60)")
        deadline = time.monotonic() + 30
        while not sleeping.done():
            assert time.monotonic() < deadline
            connection.cancel()
            time.sleep(0.2)
        with pytest.raises(psycopg.errors.QueryCanceled):
            sleeping.result()
        assert connection.execute("SELECT 1").fetchone() == (1,)
