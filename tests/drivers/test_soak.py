"""What pgseal keeps in memory: nothing of statements and sessions that are over, and little for a client that does not read."""
import socket
import sys
import time
import uuid
from pathlib import Path

import psycopg
import pytest
from conftest import MARK, TENANTS, populate
from servers import ROOT, Servers

sys.path.append(str(ROOT / "tests/recorder"))
from recorder import login  # noqa: E402
from wire import COPY_DONE, SYNC, Frames, bind, close, copy_data, describe, error_fields, execute, parse, query, run  # noqa: E402

ROW = str(uuid.UUID(int=0x50A4)).encode()
# So many of each kind at once, so often; then as often again: a kilobyte for each would be 2 MiB.
AT_ONCE, TIMES = 100, 20
MOST = 1024 * 1024

BY_KEY = "SELECT key, auth_config FROM virtual_keys WHERE id = $1"
UPDATE = "UPDATE virtual_keys SET key = $1 WHERE id = $2 RETURNING key"
# Each gives one ReadyForQuery for each number it says, and is answered without an error where none is meant.
KINDS = {
    "forwarded": (1, lambda n: query("SELECT 1")),
    "read": (1, lambda n: run(BY_KEY, ROW) + SYNC),
    "read, in texts that differ": (1, lambda n: query(f"SELECT key, {n} FROM virtual_keys WHERE id = '{ROW.decode()}'")),
    "changed, after a look-up": (1, lambda n: run(UPDATE, f"{MARK} {n}".encode(), ROW) + SYNC),
    "changed, with its tenant": (1, lambda n: query(f"UPDATE virtual_keys SET key = '{MARK} {n}' WHERE organisation_id = '{TENANTS[0]}' AND id = '{ROW.decode()}'")),
    "named, and closed": (1, lambda n: parse(BY_KEY, f"s{n}") + describe(b"S", f"s{n}") + bind(f"s{n}", f"p{n}", [ROW]) + execute(f"p{n}") + close(b"P", f"p{n}") + close(b"S", f"s{n}") + SYNC),
    "named, and ended by SQL": (2, lambda n: parse(f"SELECT {n}", f"e{n}") + SYNC + query(f"DEALLOCATE e{n}")),
    "refused": (1, lambda n: run("SELECT upper(key) FROM virtual_keys WHERE id = $1", ROW) + SYNC),
    "failed": (1, lambda n: run(UPDATE, f"{MARK} {n}".encode(), b"no uuid") + SYNC),
    "failed, with more behind": (1, lambda n: parse("SELEC", f"f{n}") + run(BY_KEY, ROW, statement=f"g{n}") + SYNC),
    "prepared by SQL": (3, lambda n: query(f"PREPARE q{n} AS {UPDATE}") + query(f"EXECUTE q{n}('{MARK} {n}', '{ROW.decode()}')") + query(f"DEALLOCATE q{n}")),
    "refused to be prepared by SQL": (1, lambda n: query("PREPARE refused AS UPDATE virtual_keys SET key = upper($1)")),
    "cursors": (1, lambda n: query(f"BEGIN; DECLARE c{n} CURSOR FOR SELECT key FROM virtual_keys; FETCH ALL FROM c{n}; COMMIT")),
    "suspended portals": (1, lambda n: parse("SELECT key FROM virtual_keys", "") + bind("", f"p{n}") + execute(f"p{n}", 1) + SYNC),
    "transactions": (3, lambda n: query("BEGIN") + run(UPDATE, f"{MARK} {n}".encode(), ROW) + SYNC + query("ROLLBACK")),
    "several in one text": (1, lambda n: query(f"SELECT 1; SELECT key FROM virtual_keys; UPDATE virtual_keys SET key = '{MARK} {n}' WHERE organisation_id = '{TENANTS[0]}' AND id = '{ROW.decode()}'")),
    "COPY": (2, lambda n: query("COPY (SELECT key FROM virtual_keys) TO STDOUT") + query("COPY virtual_keys (id, organisation_id, slug, key) FROM STDIN WHERE false")
             + copy_data(f"{uuid.uuid4()}\t{TENANTS[0]}\tsoak\t{MARK}\n".encode()) + COPY_DONE),
    "settings": (2, lambda n: query(f"SET application_name = 'soak{n}'") + query("RESET ALL")),
}
FAILING = ["refused", "failed", "failed, with more behind", "refused to be prepared by SQL"]


@pytest.fixture(scope="module")
def servers():
    with Servers(env={"PGSEAL_THREADS": "1"}) as servers:
        populate(servers)
        with psycopg.connect(servers.url, autocommit=True) as through:
            through.execute("INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES (%s, %s, 'soak', %s)", (ROW.decode(), TENANTS[0], MARK))
        yield servers


def resident(servers):
    """Bytes of memory that are pgseal's own."""
    lines = Path(f"/proc/{servers.pgseal.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) * 1024


def exchange(stream, data, ready):
    """Sends all at once, and gives the frames up to so many ReadyForQuery."""
    stream.sendall(data)
    frames = Frames()
    while [tag for tag, _ in frames.frames].count("Z") < ready:
        read = stream.recv(1 << 20)
        assert read, frames.frames
        frames.feed(read)
    return frames.frames


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_kept_of_statements_that_are_over(servers, kind):
    ready, script = KINDS[kind]
    stream, _ = login(servers.listen, "app")
    exchange(stream, query("SET log_statement = 'none'"), 1)
    sizes, number = [], 0
    for _ in range(3):
        for _ in range(TIMES):
            data = b"".join(script(number + n) for n in range(AT_ONCE))
            number += AT_ONCE
            frames = exchange(stream, data, ready * AT_ONCE)
            errors = [error_fields(body)["M"] for tag, body in frames if tag == "E"]
            assert len(errors) == (AT_ONCE if kind in FAILING else 0), errors[:1]
        sizes.append(resident(servers))
    stream.close()
    # The first round also fills what is bounded: plans by their text, buffers.
    assert sizes[2] - sizes[1] < MOST, sizes


def test_nothing_is_kept_of_sessions_that_are_over(servers):
    def sessions(count):
        for _ in range(count):
            stream, _ = login(servers.listen, "app")
            exchange(stream, parse(BY_KEY, "left") + bind("left", "open", [ROW]) + execute("open") + SYNC + query("PREPARE sql AS SELECT key FROM virtual_keys"), 2)
            stream.close()
        deadline = time.monotonic() + 60
        with psycopg.connect(servers.direct, autocommit=True) as direct:
            while direct.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = 'app' AND application_name <> 'pgseal' AND pid <> pg_backend_pid()").fetchone() != (0,):
                assert time.monotonic() < deadline
                time.sleep(0.05)
        return resident(servers)

    sessions(100)
    before = sessions(100)
    assert sessions(200) - before < MOST


def test_nothing_is_kept_of_large_values_that_are_over(servers):
    """Sessions of a pool live long, and one after the other has one."""
    value, pool = MARK + "x" * 3_000_000, []
    for _ in range(8):
        stream, _ = login(servers.listen, "app")
        exchange(stream, query("SET log_statement = 'none'") + query("BEGIN") + run(UPDATE, value.encode(), ROW) + SYNC + run(BY_KEY, ROW) + SYNC + query("ROLLBACK"), 5)
        exchange(stream, query("SELECT 1"), 1)
        pool.append(stream)
    with_them = resident(servers)
    for stream in pool:
        stream.close()
    time.sleep(1)
    assert with_them - resident(servers) < 8 * MOST


@pytest.mark.parametrize("sql", ["SELECT key, n FROM virtual_keys, generate_series(1, 100000) n", "COPY (SELECT key, n FROM virtual_keys, generate_series(1, 100000) n) TO STDOUT", "SELECT repeat('x', 100), n FROM generate_series(1, 100000) n"], ids=["sealed", "copied", "forwarded"])
def test_a_client_that_does_not_read_is_waited_for(servers, sql):
    """The server is read no faster than the client reads: ten megabytes and more stay in the server meanwhile."""
    stream, _ = login(servers.listen, "app")
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    exchange(stream, query("SET log_statement = 'none'"), 1)
    before, most = resident(servers), 0
    stream.sendall(query(sql))
    for _ in range(20):
        time.sleep(0.1)
        most = max(most, resident(servers) - before)
    with psycopg.connect(servers.url, autocommit=True) as other:
        assert other.execute("SELECT count(*) FROM virtual_keys").fetchone() == (1,), "others are served meanwhile"
    rows, buffer = 0, bytearray()
    while not buffer.endswith(b"Z\0\0\0\5I"):
        read = stream.recv(1 << 16)
        assert read
        buffer += read
        most = max(most, resident(servers) - before) if rows % 64 == 0 else most
        rows += 1
        if len(buffer) > 1 << 20:
            del buffer[:-16]
    stream.close()
    assert most < 4 << 20, most
