"""Which database a session is in says its startup packet: no way of writing it takes a session past the rules."""
import socket
import struct
import uuid

import psycopg
import pytest
from conftest import MARK, TENANTS

INSERT = "INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES ('{}', '{}', 'startup', '{}')"


@pytest.fixture(autouse=True)
def rows(direct):
    direct.execute("DROP ROLE IF EXISTS app; CREATE ROLE app SUPERUSER LOGIN")
    yield
    direct.execute("DELETE FROM virtual_keys WHERE slug = 'startup'; DROP ROLE app")


def frame(tag, body):
    return tag + struct.pack("!I", len(body) + 4) + body


def text(value):
    return value.encode() + b"\0"


class Raw:
    def __init__(self, servers, *pairs):
        self.stream = socket.create_connection(("127.0.0.1", servers.listen), timeout=20)
        self.buffer = b""
        body = b"\0\3\0\0" + b"".join(text(name) + text(value) for name, value in pairs) + b"\0"
        self.stream.sendall(struct.pack("!I", len(body) + 4) + body)
        self.end = self.until_idle()

    def until_idle(self):
        """The messages up to ReadyForQuery or the connection's end."""
        got = []
        while not (got and got[-1][0] == b"Z"):
            while len(self.buffer) < 5 or len(self.buffer) < 1 + int.from_bytes(self.buffer[1:5], "big"):
                read = self.stream.recv(65536)
                if not read:
                    return got
                self.buffer += read
            end = 1 + int.from_bytes(self.buffer[1:5], "big")
            got.append((self.buffer[:1], self.buffer[5:end]))
            self.buffer = self.buffer[end:]
        return got

    def query(self, sql):
        self.stream.sendall(frame(b"Q", text(sql)))
        return self.until_idle()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()


TWICE = [
    (("user", "postgres"), ("database", "postgres"), ("database", "app")),
    (("user", "postgres"), ("database", "app"), ("database", "postgres")),
    (("user", "postgres"), ("user", "app"), ("database", "app")),
    (("user", "postgres"), ("user", "app")),
]


@pytest.mark.parametrize("pairs", TWICE)
def test_a_database_or_role_that_is_said_twice_is_refused(servers, direct, pairs):
    with Raw(servers, *pairs) as raw:
        [(tag, body)] = raw.end
        assert tag == b"E" and b"C08P01\0" in body and b"more than once" in body
    with psycopg.connect(servers.url) as other:
        assert other.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("pairs", [(("user", "app"), ("database", "")), (("database", ""), ("user", "app")), (("user", "app"),)])
def test_without_a_database_it_is_the_role_s(servers, direct, pairs):
    with Raw(servers, *pairs) as raw:
        assert raw.end[-1][0] == b"Z"
        assert raw.query(INSERT.format(uuid.uuid4(), TENANTS[0], MARK))[0] == (b"C", b"INSERT 0 1\0")
        assert b"app" in raw.query("SELECT current_database()")[1][1]
        assert MARK.encode() in raw.query("SELECT key FROM virtual_keys WHERE slug = 'startup'")[1][1]
    [(key,)] = direct.execute("SELECT key FROM virtual_keys WHERE slug = 'startup'").fetchall()
    assert key.startswith("~s1")
