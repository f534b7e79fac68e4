"""Replication connections: WAL, base backups and logical decoding pass; SQL on such a connection is planned like any other."""
import subprocess
import uuid

import psycopg
import pytest
from conftest import MARK, TENANTS, canary, populate
from servers import Servers


@pytest.fixture(scope="module")
def servers():
    with Servers() as servers:
        populate(servers)
        with psycopg.connect(servers.direct, autocommit=True) as direct:
            direct.execute("ALTER SYSTEM SET wal_level = 'logical'")
        servers.stop_pgseal()
        servers.stop_postgres()
        servers.start_postgres()
        servers._pgseal()
        yield servers
        canary(servers)


def tool(servers, name, *arguments):
    done = subprocess.run([name, "-h", "127.0.0.1", "-p", str(servers.listen), "-U", "postgres", "-w", *arguments], capture_output=True, text=True, timeout=300, cwd=servers.folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def position(servers):
    with psycopg.connect(servers.direct, autocommit=True) as direct:
        return direct.execute("SELECT pg_current_wal_lsn()::text").fetchone()[0]


def new_key(servers, value):
    row = uuid.uuid4()
    with psycopg.connect(servers.url, autocommit=True) as connection:
        connection.execute("INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES (%s, %s, %s, %s)", (row, TENANTS[0], str(row), value))
    return row


def test_a_base_backup_holds_no_plaintext(servers):
    new_key(servers, f"{MARK} backed up")
    tool(servers, "pg_basebackup", "-D", "backup", "-X", "stream", "-c", "fast", "--no-sync")
    assert (servers.folder / "backup" / "PG_VERSION").exists()
    found = subprocess.run(["grep", "-rlaF", MARK, servers.folder / "backup"], capture_output=True, text=True)
    assert found.stdout == ""


def test_wal_is_received(servers):
    tool(servers, "pg_receivewal", "--slot", "wal", "--create-slot")
    new_key(servers, f"{MARK} in the log")
    with psycopg.connect(servers.direct, autocommit=True) as direct:
        direct.execute("SELECT pg_switch_wal()")
    (servers.folder / "wal").mkdir()
    tool(servers, "pg_receivewal", "-D", "wal", "--slot", "wal", "--endpos", position(servers), "-n", "--no-sync")
    assert any((servers.folder / "wal").iterdir())


def test_logical_decoding_gives_sealed_values(servers):
    tool(servers, "pg_recvlogical", "-d", "app", "--slot", "changes", "--create-slot", "-P", "test_decoding")
    row = new_key(servers, f"{MARK} decoded")
    said = tool(servers, "pg_recvlogical", "-d", "app", "--slot", "changes", "--start", "-f", "-", "--endpos", position(servers), "-n")
    assert str(row) in said and "'~s1" in said and MARK not in said


@pytest.mark.parametrize("replication", ["database", "f", "no"])
def test_sql_on_a_replication_connection_is_sealed(servers, replication):
    row = uuid.uuid4()
    insert = f"INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES ('{row}', '{TENANTS[0]}', '{row}', '{MARK} walsender') RETURNING key"
    url = f"{servers.url}&replication={replication}"
    done = subprocess.run(["psql", "-XAtqw", url, "-c", insert], capture_output=True, text=True, check=True)
    assert done.stdout == f"{MARK} walsender\n"
    with psycopg.connect(servers.direct, autocommit=True) as direct:
        assert direct.execute("SELECT key FROM virtual_keys WHERE id = %s", (row,)).fetchone()[0].startswith("~s1")
    refused = subprocess.run(["psql", "-XAtqw", url, "-c", "SELECT upper(key) FROM virtual_keys"], capture_output=True, text=True)
    assert "sealed" in refused.stderr or "0A000" in refused.stderr
