"""What is not the same in all versions of PostgreSQL; PGSEAL_TEST_VERSION runs any file of the suite on another than the distribution's."""
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from conftest import TENANTS, canary, populate
from servers import MAJOR, Servers
from test_columns import MARK, check_raw


@pytest.fixture(scope="module")
def servers():
    with Servers(client_tls="allow", upstream_tls=True) as servers:
        populate(servers)
        yield servers
        canary(servers)


def test_the_server_has_the_version(servers, through):
    assert through.execute("SHOW server_version_num").fetchone()[0].startswith(str(MAJOR))
    assert through.info.parameter_status("server_version").startswith(f"{MAJOR}.")


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


def libpq(servers, **options):
    return psycopg.connect(servers.url.replace("127.0.0.1", "localhost").replace("?sslmode=disable", ""), autocommit=True, connect_timeout=20, **options)


@pytest.mark.parametrize("sslmode", ["disable", "require"])
def test_protocol_3_2(servers, sslmode):
    """18 speaks it, with cancel keys longer than four bytes; older ones negotiate down, as they do directly."""
    new = MAJOR >= 18
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
    if MAJOR < 18:
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
