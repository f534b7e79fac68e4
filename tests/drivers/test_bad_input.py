"""Frames that no client should send: an error or a closed connection, never a panic, never another session harmed."""
import random
import socket
import struct
import uuid

import psycopg
import pytest
from conftest import TENANTS
from servers import Servers, raw_login

FRONTEND = b"QPBDECSFHXpdcf"


def frame(tag, body, length=None):
    return bytes([tag]) + struct.pack("!I", len(body) + 4 if length is None else length) + body


def logged_in(servers):
    stream = socket.create_connection(("127.0.0.1", servers.listen), timeout=10)
    assert raw_login(stream) == b"Z"
    return stream


def answer(stream):
    """All that comes until the connection closes, or until a ReadyForQuery."""
    got = b""
    try:
        while read := stream.recv(65536):
            got += read
            if got[-6:-1] == b"Z\0\0\0\x05":
                break
    except (ConnectionResetError, TimeoutError):
        pass
    return got


@pytest.fixture
def bystander(servers):
    """Another session: it must not notice; and pgseal must have said nothing of a panic."""
    with psycopg.connect(servers.url, autocommit=True) as connection:
        yield connection
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert servers.pgseal.poll() is None
    assert "panic" not in servers.log.read_text()


@pytest.mark.parametrize("tag", FRONTEND, ids=lambda tag: chr(tag))
@pytest.mark.parametrize("length", [0, 3, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF], ids=hex)
def test_lengths_that_cannot_be(servers, bystander, tag, length):
    with logged_in(servers) as stream:
        stream.sendall(frame(tag, b"x", length))
        stream.shutdown(socket.SHUT_WR)
        got = answer(stream)
    assert got == b"" or got[:1] in b"EN"


@pytest.mark.parametrize("tag", b"QPBDECF", ids=lambda tag: chr(tag))
@pytest.mark.parametrize("body", [b"", b"\0", b"no end", b"\xff" * 9, b"S", b"\0\0\xff\xff", b"\0\0\0\1\0\1\0\1\x7f\xff\xff\xff"], ids=lambda body: body.hex() or "empty")
def test_bodies_that_do_not_fit(servers, bystander, tag, body):
    with logged_in(servers) as stream:
        # A protected statement first: without one, extended messages pass to the server unread.
        stream.sendall(frame(ord("P"), b"p\0SELECT key FROM virtual_keys\0\0\0") + frame(tag, body) + frame(ord("S"), b""))
        assert answer(stream)[:1] in b"E1"
        stream.sendall(frame(ord("X"), b""))


@pytest.mark.parametrize("seed", range(40))
def test_random_frames(servers, bystander, seed):
    chance = random.Random(seed)
    with logged_in(servers) as stream:
        stream.settimeout(5)
        wire = b""
        for _ in range(chance.randrange(1, 30)):
            tag = chance.choice(FRONTEND + bytes([chance.randrange(256)]))
            body = chance.choice([b"SELECT key FROM virtual_keys\0", b"\0SELECT 1\0\0\0", b"\0\0\0\0\0\0\0\0", b"Sp\0", b"P\0", b"\0\0\0\0\0", chance.randbytes(chance.randrange(40))])
            wire += frame(tag, body)
        try:
            stream.sendall(wire)
            stream.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError, OSError):
            pass
        while True:
            try:
                if not stream.recv(65536):
                    break
            except (ConnectionResetError, TimeoutError):
                break


@pytest.mark.parametrize("code", [0, 2 << 16, 4 << 16, 80877105, 0xFFFFFFFF], ids=hex)
def test_unknown_startup_codes(servers, bystander, code):
    with socket.create_connection(("127.0.0.1", servers.listen), timeout=10) as stream:
        stream.sendall(struct.pack("!II", 8, code))
        got = answer(stream)
    assert got == b"" or got[:1] == b"E"


@pytest.mark.parametrize("length", [0, 4, 7, 10_001, 0x7FFFFFFF, 0xFFFFFFFF], ids=hex)
def test_startup_lengths(servers, bystander, length):
    with socket.create_connection(("127.0.0.1", servers.listen), timeout=10) as stream:
        stream.sendall(struct.pack("!I", length) + b"\0" * 20)
        got = answer(stream)
    assert got == b"" or got[:1] == b"E"


def test_a_probe_and_a_half_startup_cost_nothing(servers, bystander):
    for sent in (b"", b"\0", b"\0\0\0\x50\0\3\0\0user"):
        with socket.create_connection(("127.0.0.1", servers.listen), timeout=10) as stream:
            stream.sendall(sent)
            stream.shutdown(socket.SHUT_WR)
            assert answer(stream) == b""


def test_a_message_above_its_limit_is_refused_and_the_session_goes_on():
    with Servers(env={"PGSEAL_MESSAGE_LIMIT": "1"}) as servers, psycopg.connect(servers.url, autocommit=True) as through:
        through.execute("INSERT INTO organisations VALUES (%s, 'o')", (TENANTS[0],))
        put = "INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES (%s, %s, 's', %s)"
        fits, row = "x" * 700_000, uuid.uuid4()
        through.execute(put, (row, TENANTS[0], fits))
        assert through.execute("SELECT key FROM virtual_keys WHERE id = %s", (row,)).fetchone() == (fits,)
        with pytest.raises(psycopg.errors.ProgramLimitExceeded, match="too large to be read") as refused:
            through.execute(put, (uuid.uuid4(), TENANTS[0], "x" * 1_100_000))
        assert "message_limit" in refused.value.diag.message_hint
        assert through.execute("SELECT count(*) FROM virtual_keys").fetchone() == (1,)
        # What nothing protected is in passes at any size.
        assert through.execute("SELECT length(%s::text)", ("x" * 3_000_000,)).fetchone() == (3_000_000,)
