"""Sizes: rows of hundreds of megabytes, long pipelines and COPY of many rows pass in constant memory. What pgseal took is printed.

Run by `make sizes`; PGSEAL_TEST_ROW is the large row's bytes."""
import os
import random
import socket
import struct
import sys
import uuid
from pathlib import Path

import psycopg
import pytest
from conftest import MARK, TENANTS, populate
from servers import Servers

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "recorder"))
from recorder import login  # noqa: E402
from wire import SYNC, error_fields, execute, parse, query, run, text  # noqa: E402

# A field of PostgreSQL holds a gigabyte; the server then takes several for it.
BIG = int(os.environ.get("PGSEAL_TEST_ROW", 300_000_000))
PIECE = b"x" * (1 << 20)
ROWS = 100_000


class Peak:
    """How much pgseal's largest resident size grows in a block."""

    def __init__(self, servers, capsys):
        self.pid, self.capsys = servers.pgseal.pid, capsys

    def now(self):
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

    def __call__(self, what, most):
        self.what, self.most = what, most
        return self

    def __enter__(self):
        self.before = self.now()

    def __exit__(self, kind, *_):
        after = self.now()
        with self.capsys.disabled():
            print(f"\nsizes: {self.what}: {after:.0f} MiB, {after - self.before:.0f} MiB more than before")
        assert kind or after - self.before < self.most


@pytest.fixture(scope="module")
def servers():
    with Servers() as servers:
        populate(servers)
        yield servers


@pytest.fixture
def peak(servers, capsys):
    return Peak(servers, capsys)


@pytest.fixture
def stream(servers):
    """A session that has a protected statement already: not everything in it is forwarded unread."""
    stream, _ = login(servers.listen, "app")
    stream.sendall(query("SET log_statement = none") + run("SELECT key FROM virtual_keys LIMIT 0") + SYNC)
    assert [answers(stream)[-1] for _ in "QS"] == [("Z", b"I")] * 2
    yield stream
    stream.close()


def read(stream, length):
    """So many bytes, and how many there were if they are too many to keep."""
    kept = bytearray()
    while length:
        data = stream.recv(min(length, 1 << 20))
        assert data, "the connection ended"
        length -= len(data)
        if len(kept) < 1 << 20:
            kept += data
    return bytes(kept)


def answers(stream):
    """Frames up to ReadyForQuery; of a row that is big, its length."""
    frames = []
    while not frames or frames[-1][0] != "Z":
        tag, length = struct.unpack("!cI", read(stream, 5))
        body = read(stream, length - 4)
        frames.append((tag.decode(), body if length < 1 << 20 else length))
    return frames


def send_big_parameter(stream, size):
    """Bind of one parameter, piece by piece."""
    before = text("") + text("large") + struct.pack("!hhi", 0, 1, size)
    after = struct.pack("!h", 0)
    stream.sendall(b"B" + struct.pack("!I", 4 + len(before) + size + len(after)) + before)
    for at in range(0, size, len(PIECE)):
        stream.sendall(PIECE[:size - at])
    stream.sendall(after)


def test_a_row_as_large_as_it_may_be_streams_each_way(stream, peak):
    with peak(f"a row of {BIG} bytes to the server", 32):
        stream.sendall(parse("INSERT INTO requests (note) VALUES ($1) RETURNING length(note)", "large"))
        send_big_parameter(stream, BIG)
        stream.sendall(execute() + SYNC)
        found = answers(stream)
        assert ("D", struct.pack("!hi", 1, len(str(BIG))) + str(BIG).encode()) in found, found
    with peak(f"a row of {BIG} bytes from the server", 32):
        stream.sendall(query(f"SELECT note FROM requests WHERE length(note) = {BIG}"))
        assert ("D", BIG + 10) in answers(stream)
        stream.sendall(run(f"SELECT note FROM requests WHERE length(note) = {BIG}") + SYNC)
        assert ("D", BIG + 10) in answers(stream)
    stream.sendall(query("TRUNCATE requests"))
    answers(stream)


def test_values_of_thirty_megabytes(through, direct, peak):
    value = "".join(random.Random(30).choices("0123456789abcdef", k=1 << 20)) * 30
    row = uuid.uuid4()
    for connection in (direct, through):
        connection.execute("SET log_statement = none")
    with peak("30 MB in an unprotected column", 100):
        for place in ("%t", "%b"):
            assert through.execute(f"INSERT INTO requests (note) VALUES ({place}) RETURNING note", (value,)).fetchone() == (value,)
    with peak("30 MB in a sealed column", 400):
        through.execute("INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES (%s, %s, %s, %s)", (row, TENANTS[0], str(row), MARK + value))
        assert through.execute("SELECT key FROM virtual_keys WHERE id = %s", (row,)).fetchone() == (MARK + value,)
    assert direct.execute("SELECT left(key, 3), length(key) > 30000000 FROM virtual_keys WHERE id = %s", (row,)).fetchone() == ("~s1", True)
    direct.execute("DELETE FROM virtual_keys WHERE id = %s", (row,))
    direct.execute("TRUNCATE requests")


def test_a_row_that_cannot_be_held_is_an_error_and_the_session_lives(stream, through):
    row = uuid.uuid4()
    through.execute("INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES (%s, %s, %s, 'v')", (row, TENANTS[0], str(row)))
    stream.sendall(query(f"SELECT key, repeat('x', 68000000) FROM virtual_keys WHERE id = '{row}'") + query("SELECT 7"))
    errors = [error_fields(body)["C"] for tag, body in answers(stream) if tag == "E"]
    assert errors == ["54000"] and ("C", b"SELECT 1\0") in answers(stream)
    through.execute("DELETE FROM virtual_keys WHERE id = %s", (row,))


@pytest.mark.parametrize("table,column,size", [("requests", "note", 100_000), ("virtual_keys", "key", 10_000)], ids=["unprotected", "sealed"])
def test_five_hundred_statements_at_once(stream, peak, table, column, size):
    """The client reads nothing before it has sent everything."""
    rows = [uuid.UUID(int=number) for number in range(500)]
    columns, owned, types = ("id, organisation_id, slug, key", "$1, $2, $3, $4", (2950, 2950, 25, 25)) if table == "virtual_keys" else ("note", "$4", (2950, 2950, 25, 25))
    with peak(f"500 statements at once, {table}", 64):
        insert = f"INSERT INTO {table} ({columns}) VALUES ({owned})"
        stream.sendall(b"".join(run(insert, str(row).encode(), str(TENANTS[0]).encode(), f"piped {row}".encode(), b"w" * size, types=types) for row in rows) + SYNC)
        assert [tag for tag, _ in answers(stream)].count("C") == 500
        stream.sendall(run(f"SELECT {column} FROM {table} LIMIT 1") * 500 + SYNC)
        assert [len(body) for tag, body in answers(stream) if tag == "D"] == [size + 6] * 500
    stream.sendall(query(f"DELETE FROM {table}"))
    answers(stream)


def rows_of(through):
    with through.cursor().copy("COPY prompts (id, template) TO STDOUT (FORMAT binary)") as copy:
        copy.set_types(["uuid", "text"])
        yield from copy.rows()


def test_copy_of_a_hundred_thousand_rows_takes_constant_memory(through, direct, peak):
    direct.execute("DELETE FROM prompts WHERE template IS NOT NULL")
    with peak(f"COPY of {ROWS} sealed rows to the server", 64):
        with through.cursor().copy("COPY prompts (id, organisation_id, template) FROM STDIN") as copy:
            for number in range(ROWS):
                copy.write(f"{uuid.UUID(int=number + 1000)}\t{TENANTS[number % 2]}\t{MARK} {number}\n")
    assert direct.execute("SELECT count(*) FROM prompts WHERE template LIKE '~s1%'").fetchone() == (ROWS,)
    with peak(f"COPY of {ROWS} sealed rows from the server", 64):
        found = {row.int - 1000: template for row, template in rows_of(through) if template}
    assert found == {number: f"{MARK} {number}" for number in range(ROWS)}
    direct.execute("DELETE FROM prompts WHERE template IS NOT NULL")
