"""A core of the suite on the server versions that the distribution does not have, with TLS towards PostgreSQL."""
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import test_bad_input
import test_columns
import test_connections
import test_behaviour
from conftest import TENANTS, canary, populate
from servers import Servers
from test_bad_input import bystander  # noqa: F401
from test_columns import MARK, check_raw

VERSIONS = [14, 16, 17, 18]
# One column of each type.
COLUMNS = [("virtual_keys", "key", "text"), ("configs", "template", "jsonb"), ("integrations", "certificate", "bytea"), ("sso_providers", "client_secret", "varchar"), ("sso_providers", "auth_settings", "json")]
KINDS = pytest.mark.parametrize("table,column,kind", COLUMNS, ids=[kind for *_, kind in COLUMNS])


@pytest.fixture(scope="module", params=VERSIONS)
def servers(request):
    with Servers(version=request.param, client_tls="allow", upstream_tls=True) as servers:
        populate(servers)
        yield servers
        canary(servers)


@pytest.fixture
def encrypted(servers):
    return servers, True


@pytest.fixture
def through(servers):
    with psycopg.connect(servers.url, autocommit=True) as connection:
        yield connection


def test_the_server_has_the_version(servers, through):
    assert through.execute("SHOW server_version_num").fetchone()[0].startswith(str(servers.version))
    assert through.info.parameter_status("server_version").startswith(f"{servers.version}.")


@pytest.fixture
def shorter(monkeypatch):
    """What a megabyte costs does not depend on the server's version."""
    monkeypatch.setattr(test_columns, "TEXTS", [*test_columns.TEXTS[:-1], MARK + "x" * 5000])


@KINDS
@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_psycopg(servers, direct, shorter, table, column, kind, binary):
    test_columns.test_psycopg(servers, direct, table, column, kind, prepare=binary, binary=binary)


@KINDS
def test_asyncpg(servers, direct, shorter, table, column, kind):
    test_columns.test_asyncpg(servers, direct, table, column, kind)


def test_psql(servers, direct, shorter):
    test_columns.test_psql_literals(servers, direct, "virtual_keys", "key", "text")
    test_columns.test_sql_prepare_and_execute(servers, direct)


def test_copy_pipelines_and_portals(servers, direct, through):
    test_behaviour.test_pipelines_and_cursors(servers, direct)
    test_behaviour.test_copy_of_other_tables_streams(servers, through)


@pytest.mark.parametrize("sql", ["SELECT upper(key) FROM virtual_keys", "DO $$BEGIN UPDATE virtual_keys SET key = 'x'; END$$", "SELECT key FROM virtual_keys ORDER BY key"])
def test_refusals(through, sql):
    test_behaviour.test_what_cannot_work_on_ciphertext_is_refused_and_the_session_goes_on(through, sql)


def test_questions_leave_no_transaction_open(servers, through):
    """18 keeps one that extended-query messages have begun open behind a Query."""
    idle = psycopg.pq.TransactionStatus.IDLE
    through.execute(f"UPDATE virtual_keys SET key = '{MARK}' WHERE slug = 'nobody'", prepare=False)
    assert through.info.transaction_status == idle
    through.execute("CREATE TEMP TABLE virtual_keys (id int)")
    through.execute("INSERT INTO virtual_keys VALUES (1)", prepare=False)
    assert through.info.transaction_status == idle
    with through.transaction():
        through.execute("INSERT INTO virtual_keys VALUES (2)", prepare=False)
        assert through.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
    assert through.execute("SELECT count(*) FROM virtual_keys", prepare=False).fetchone() == (2,)


@pytest.mark.parametrize("seed", range(5))
def test_frames_that_no_client_should_send(servers, bystander, seed):  # noqa: F811
    test_bad_input.test_random_frames(servers, bystander, seed)
    test_bad_input.test_lengths_that_cannot_be(servers, bystander, b"QPBDE"[seed], 3)
    test_bad_input.test_bodies_that_do_not_fit(servers, bystander, b"QPBDE"[seed], b"no end")


@pytest.mark.parametrize("client", ["disable", "require"])
def test_cancel(encrypted, client):
    test_connections.test_ctrl_c_in_psql_cancels(encrypted, client)
    test_behaviour.test_cancel_reaches_the_server(encrypted[0])


def test_a_backend_is_terminated(encrypted):
    test_connections.test_a_backend_that_is_terminated_takes_only_its_own_session(encrypted)


def test_passwords(encrypted):
    test_connections.test_passwords_are_relayed(encrypted, "scram-sha-256", "require")


def libpq(servers, **options):
    return psycopg.connect(servers.url.replace("127.0.0.1", "localhost").replace("?sslmode=disable", ""), autocommit=True, connect_timeout=20, **options)


def test_direct_tls(servers):
    with libpq(servers, sslmode="verify-full", sslrootcert=str(servers.certificate), sslnegotiation="direct") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("sslmode", ["disable", "require"])
def test_protocol_3_2(servers, sslmode):
    """18 speaks it, with cancel keys longer than four bytes; older ones negotiate down, as they do directly."""
    new = servers.version >= 18
    with libpq(servers, sslmode=sslmode, max_protocol_version="3.2") as connection, ThreadPoolExecutor() as pool:
        assert connection.pgconn.full_protocol_version == (30002 if new else 30000)
        sleeping = pool.submit(connection.execute, "SELECT pg_sleep(60) AS long_key")
        with psycopg.connect(servers.direct, autocommit=True) as direct:
            deadline = time.monotonic() + 20
            while not direct.execute("SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60) AS long_key'").fetchone():
                assert time.monotonic() < deadline
                time.sleep(0.05)
        connection.cancel_safe(timeout=20)
        with pytest.raises(psycopg.errors.QueryCanceled):
            sleeping.result(timeout=50)
        assert connection.execute("SELECT 1").fetchone() == (1,)
    if new:
        libpq(servers, sslmode=sslmode, min_protocol_version="3.2").close()
    else:
        with pytest.raises(psycopg.OperationalError, match="protocol version"):
            libpq(servers, sslmode=sslmode, min_protocol_version="3.2")


def test_returning_old_and_new(servers, direct):
    if servers.version < 18:
        with psycopg.connect(servers.url, autocommit=True) as through, pytest.raises(psycopg.errors.UndefinedTable):
            through.execute("UPDATE virtual_keys SET name = 'x' WHERE slug = 'nobody' RETURNING old.name")
        return
    row = uuid.uuid4()
    with psycopg.connect(servers.url, autocommit=True) as through:
        for prepare in (False, True):
            run = lambda sql, *params: through.execute(sql, params, prepare=prepare).fetchone()
            assert run("INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES (%s, %s, %s, %s) RETURNING old.key, new.key", row, TENANTS[0], str(row), f"{MARK} 1") == (None, f"{MARK} 1")
            assert run("UPDATE virtual_keys SET key = %s WHERE id = %s RETURNING old.key, new.key, key", f"{MARK} 2", row) == (f"{MARK} 1", f"{MARK} 2", f"{MARK} 2")
            assert check_raw(direct, "virtual_keys", "key", "text", row, TENANTS[0])
            assert run("UPDATE virtual_keys v SET key = %s WHERE id = %s RETURNING old.*, v.key AS now", f"{MARK} 3", row)[4::5] == (f"{MARK} 2", f"{MARK} 3")[:1]
            assert run("UPDATE virtual_keys SET key = %s WHERE id = %s RETURNING WITH (OLD AS o, NEW AS n) o.key, n.key", f"{MARK} 4", row) == (f"{MARK} 3", f"{MARK} 4")
            assert run("DELETE FROM virtual_keys WHERE id = %s RETURNING old.key, new.key", row) == (f"{MARK} 4", None)
