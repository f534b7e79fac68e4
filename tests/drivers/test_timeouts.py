"""Time limits, keepalive, probes, and a cancel that comes through another replica."""
import contextlib
import resource
import select
import socket
import struct
import time

import psycopg
import pytest
from servers import Servers

IDLE = 4
LIMITS = {"PGSEAL_LOGIN_TIMEOUT": "3", "PGSEAL_CLIENT_IDLE_TIMEOUT": str(IDLE), "PGSEAL_TCP_KEEPALIVES_IDLE": "77", "PGSEAL_TCP_KEEPALIVES_INTERVAL": "7", "PGSEAL_TCP_KEEPALIVES_COUNT": "3", "PGSEAL_TCP_USER_TIMEOUT": "50"}


@pytest.fixture(scope="module")
def database():
    with Servers() as servers:
        yield servers


@pytest.fixture(scope="module")
def limited(database):
    with Servers(port=database.port, env={**LIMITS, "PGSEAL_KMS_FILE": f"{database.folder}/local.key"}) as servers:
        yield servers


def raw(servers):
    return socket.create_connection(("127.0.0.1", servers.listen), timeout=60)


def test_a_login_that_does_not_come_ends(limited):
    for sent in (b"", b"\0\0\0\x50\0\3\0\0user"):
        with raw(limited) as stream:
            stream.sendall(sent)
            assert stream.recv(100) == b""


def test_probes_make_no_connection_to_postgresql(database):
    def backends():
        with psycopg.connect(database.direct) as direct:
            return direct.execute("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> 'pgseal'").fetchone()[0]

    before = backends()
    probes = [raw(database) for _ in range(20)]
    for probe in probes[10:]:
        probe.sendall(b"\0\0\0\x50\0\3\0\0user")
    time.sleep(1)
    assert backends() <= before
    for probe in probes:
        probe.close()


def test_an_idle_client_is_ended_but_never_a_running_statement_or_an_open_transaction(limited):
    with psycopg.connect(limited.url, autocommit=True) as connection:
        assert connection.execute(f"SELECT 1 FROM pg_sleep({IDLE + 2})").fetchone() == (1,)
        with connection.transaction():
            connection.execute("SELECT 1")
            time.sleep(IDLE + 2)
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert select.select([connection.fileno()], [], [], 90)[0], "nobody ended it"
        with pytest.raises(psycopg.errors.IdleSessionTimeout):
            connection.execute("SELECT 1")


def timers(local=None, remote=None):
    """Kind and rest in seconds of the kernel's timers of TCP connections with this local or remote port."""
    for line in open("/proc/net/tcp").read().splitlines()[1:]:
        fields = line.split()
        ports = [int(address.split(":")[1], 16) for address in fields[1:3]]
        if fields[3] == "01" and ports[0] == (local or ports[0]) and ports[1] == (remote or ports[1]):
            kind, rest = fields[5].split(":")
            yield int(kind, 16), int(rest, 16) / 100


def test_both_legs_are_kept_alive(limited):
    deadline = time.monotonic() + 60
    for leg in ({"local": limited.listen}, {"remote": limited.port}):
        while True:
            with psycopg.connect(limited.url, autocommit=True) as connection:
                connection.execute("SELECT 1")
                # Until the last bytes are acknowledged, another timer runs.
                time.sleep(0.5)
                found = list(timers(**leg))
            # 2 is keepalive; of connections that nobody set, it has two hours.
            if any(kind == 2 and 30 < rest <= 77 for kind, rest in found):
                break
            assert time.monotonic() < deadline, found


def test_cancel_through_another_replica(database, limited):
    def messages(stream):
        buffer = b""
        while True:
            while len(buffer) < 5 or len(buffer) < 1 + int.from_bytes(buffer[1:5], "big"):
                read = stream.recv(65536)
                assert read
                buffer += read
            end = 1 + int.from_bytes(buffer[1:5], "big")
            yield buffer[:1], buffer[5:end]
            buffer = buffer[end:]

    with raw(database) as stream:
        body = b"\0\3\0\0user\0postgres\0database\0app\0\0"
        stream.sendall(struct.pack("!I", len(body) + 4) + body)
        come, key = messages(stream), None
        for tag, body in come:
            key = body if tag == b"K" else key
            if tag == b"Z":
                break
        query = b"SELECT pg_sleep(60) AS elsewhere\0"
        stream.sendall(b"Q" + struct.pack("!I", len(query) + 4) + query)
        with psycopg.connect(database.direct, autocommit=True) as direct:
            deadline = time.monotonic() + 30
            while not direct.execute("SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60) AS elsewhere'").fetchone():
                assert time.monotonic() < deadline
                time.sleep(0.05)
        with raw(limited) as other:
            other.sendall(struct.pack("!II", 12 + len(key) - 4, 80877102) + key)
            assert other.recv(1) == b""
        tag, body = next((tag, body) for tag, body in come if tag in b"EC")
        assert tag == b"E" and b"57014" in body


def test_more_sessions_than_the_limit_of_open_files_that_pgseal_began_with(database):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
    try:
        late = Servers(port=database.port)
        late.__enter__()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with contextlib.ExitStack() as stack:
        stack.callback(late.__exit__)
        for _ in range(60):
            connection = stack.enter_context(psycopg.connect(late.url, autocommit=True))
        assert connection.execute("SELECT 1").fetchone() == (1,)
