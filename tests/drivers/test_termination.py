"""`auth = "terminate"`: pgseal asks clients for a SCRAM proof and logs in with what it proves."""
import asyncio
import base64
import hashlib
import hmac
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time

import asyncpg
import psycopg
import pytest
from authority import Encrypted
from conftest import TENANTS
from servers import free_port
from test_connections import SSL_REQUEST
from test_tls import round_trip, round_trip_of_asyncpg, secure
from way import Way

FAILED = 'password authentication failed for user "{}"'


def verifier(password, rounds, salt=b"a salt of its own"):
    """As PostgreSQL would make it."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
    key = lambda name: hmac.digest(salted, name, "sha256")  # noqa: E731
    text = lambda sum: base64.b64encode(sum).decode()  # noqa: E731
    return f"SCRAM-SHA-256${rounds}:{text(salt)}${text(hashlib.sha256(key(b'Client Key')).digest())}:{text(key(b'Server Key'))}"


@pytest.fixture(scope="module")
def servers():
    with Encrypted(env={"PGSEAL_LOG": "trace"}) as servers:
        with psycopg.connect(servers.direct, autocommit=True) as direct:
            direct.execute("INSERT INTO organisations VALUES (%s, 'o')", (TENANTS[0],))
            # The server has no setting for it before version 16.
            direct.execute(f"CREATE ROLE r_rounds LOGIN SUPERUSER PASSWORD '{verifier(servers.PASSWORD, 10000)}'")
        yield servers


def terminating(servers, query, **env):
    return servers.beside(query, env={"PGSEAL_AUTH": "terminate", "PGSEAL_LOG": "trace", **env})


@pytest.fixture(scope="module")
def legs(servers):
    """By what the upstream's leg is; verifiers are asked for."""
    with terminating(servers, "?sslmode=disable") as plain, terminating(servers, "?sslmode=require") as tls:
        yield {"plain": plain, "TLS": tls}
        for one in (plain, tls):
            log = one.log.read_text()
            assert one.PASSWORD not in log and "SCRAM-SHA-256$" not in log


@pytest.mark.parametrize("client,binding", [("plain", "disable"), ("plain", "prefer"), ("TLS", "disable"), ("TLS", "prefer"), ("TLS", "require")])
@pytest.mark.parametrize("role", ["r_scram", "r_rounds", "r_trust"])
@pytest.mark.parametrize("upstream", ["plain", "TLS"])
def test_psycopg_logs_in(servers, legs, client, upstream, role, binding):
    options = {"role": role, "channel_binding": binding, **secure(servers, client)}
    assert round_trip(legs[upstream], servers, **options) is (upstream == "TLS")


@pytest.mark.parametrize("upstream", ["plain", "TLS"])
@pytest.mark.parametrize("client", ["plain", "TLS"])
def test_asyncpg_logs_in(servers, legs, client, upstream):
    trust = ssl.create_default_context(cafile=servers.folder / "ca.crt") if client == "TLS" else None
    asyncio.run(round_trip_of_asyncpg(legs[upstream], "r_scram", trust))
    with pytest.raises(asyncpg.InvalidPasswordError):
        asyncio.run(asyncpg.connect(host="127.0.0.1", port=legs[upstream].listen, user="r_scram", password="wrong", database="app", ssl=trust or False, timeout=20))


@pytest.mark.parametrize("role,password", [("r_scram", "wrong"), ("r_trust", "wrong"), ("r_md5", Encrypted.PASSWORD), ("nobody", Encrypted.PASSWORD), ("no\"bo dy", "x")])
def test_who_cannot_prove_it_does_not_come_in(servers, legs, role, password):
    with pytest.raises(psycopg.OperationalError, match=re.escape(FAILED.format(role))):
        psycopg.connect(**legs["TLS"].as_role(role, password=password, sslmode="disable"))
    # PostgreSQL has not heard of it; only the log of pgseal tells a role that cannot from one that is not there.
    assert not [line for line in (servers.folder / "server.log").read_text().splitlines() if "FATAL" in line and f'"{role}"' in line]
    assert role != "r_md5" or "role=r_md5" in legs["TLS"].log.read_text()


def test_the_server_must_ask_for_scram_or_nothing(legs):
    with pytest.raises(psycopg.OperationalError, match="PostgreSQL asks for something else than SCRAM"):
        psycopg.connect(**legs["TLS"].as_role("r_clear", sslmode="disable"))


def test_errors_behind_the_login_are_the_server_s(legs):
    with pytest.raises(psycopg.OperationalError, match='database "nowhere" does not exist'):
        psycopg.connect(**legs["TLS"].as_role("r_scram", sslmode="disable", dbname="nowhere"))


@pytest.mark.skipif(psycopg.pq.version() < 180000, reason="libpq 18 has it")
def test_a_newer_protocol_is_negotiated_with_the_server(servers, legs):
    """Which it is says PostgreSQL, behind the proof."""
    assert round_trip(legs["TLS"], servers, role="r_scram", max_protocol_version="latest", channel_binding="require", **secure(servers, "TLS"))


def test_a_unix_socket_has_no_certificate_to_bind_to(servers):
    port = 7011
    with terminating(servers, "?sslmode=require", PGSEAL_LISTEN=f"127.0.0.1:0,{servers.folder}:{port}") as one:
        login = {"host": str(servers.folder), "hostaddr": None, "port": port}
        assert round_trip(one, servers, role="r_scram", **login)
        with pytest.raises(psycopg.OperationalError, match=FAILED.format("r_scram")):
            psycopg.connect(**one.as_role("r_scram", **{**login, "password": "wrong"}))
        # PostgreSQL would have logged it.
        assert "a login was refused" in one.log.read_text()


def reload(one, expected):
    before = one.log.read_text()
    one.pgseal.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 60
    while expected not in (said := one.log.read_text().removeprefix(before)):
        assert time.monotonic() < deadline, said
        time.sleep(0.05)


def test_verifiers_from_a_file_that_is_reloaded(servers):
    users = servers.folder / "users.txt"
    with psycopg.connect(servers.direct) as direct:
        scram = direct.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'r_scram'").fetchone()[0]
    users.write_text(f'; as PgBouncer has it\n"r_rounds" "{verifier(servers.PASSWORD, 10000)}"\n"r_trust" "{verifier(servers.PASSWORD, 10000)}"\n')
    with terminating(servers, "?sslmode=require", PGSEAL_AUTH_FILE=str(users)) as one:
        login = {"channel_binding": "require", **secure(servers, "TLS")}
        assert round_trip(one, servers, role="r_rounds", **login)
        # Without a query the file is all there is. r_trust's password is the file's.
        assert round_trip(one, servers, role="r_trust", **login)
        with pytest.raises(psycopg.OperationalError, match=FAILED.format("r_scram")):
            psycopg.connect(**one.as_role("r_scram", **login))
        users.write_text(f'"r_rounds" "{verifier(servers.PASSWORD, 10000, b"another salt")}"\n"r_scram" "{scram}"\n')
        reload(one, "pgseal was reloaded")
        assert round_trip(one, servers, role="r_scram", **login)
        with pytest.raises(psycopg.OperationalError, match='verifier of role "r_rounds" at pgseal is not the one at PostgreSQL'):
            psycopg.connect(**one.as_role("r_rounds", **login))
        # A bad file changes nothing, and what stands in it is not logged.
        users.write_text('"r_scram" "plain text"\n')
        reload(one, "users.txt:1")
        assert "plain text" not in one.log.read_text()
        assert round_trip(one, servers, role="r_scram", **login)


def test_a_query_of_the_operator_s_own(servers):
    with psycopg.connect(servers.direct, autocommit=True) as direct:
        direct.execute("CREATE FUNCTION public.verifier_of(role text, OUT name text, OUT password text) LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$ SELECT rolname::text, rolpassword FROM pg_authid WHERE rolname = role AND NOT rolreplication $$")
    with terminating(servers, "?sslmode=require", PGSEAL_AUTH_QUERY="SELECT * FROM public.verifier_of($1)") as one:
        login = {"channel_binding": "require", **secure(servers, "TLS")}
        assert round_trip(one, servers, role="r_scram", **login)
        with pytest.raises(psycopg.OperationalError, match=FAILED.format("nobody")):
            psycopg.connect(**one.as_role("nobody", **login))
    with terminating(servers, "?sslmode=require", PGSEAL_AUTH_QUERY="SELECT nothing($1)") as one:
        with pytest.raises(psycopg.OperationalError, match="verifiers of roles cannot be read now"):
            psycopg.connect(**one.as_role("r_scram", **login))
        assert "auth_query failed" in one.log.read_text() and "42883" in one.log.read_text()


def test_a_connection_for_the_query_that_goes_dead_is_given_up(servers):
    with Way(servers.port) as way, terminating(servers, "?sslmode=require", PGSEAL_KEYRING=f"postgres://postgres@127.0.0.1:{way.port}/app?sslmode=disable") as one:
        role = one.as_role("r_scram", channel_binding="disable", sslmode="disable")
        psycopg.connect(**role).close()
        way.die()
        # It has ten seconds.
        with pytest.raises(psycopg.OperationalError, match="verifiers of roles cannot be read now"):
            psycopg.connect(**role)
        psycopg.connect(**role).close()


class PgBouncer:
    """Asks for SCRAM, too, and logs in to `port` with what its client has proven."""

    def __init__(self, folder, user, port, verifiers):
        self.folder, self.user, self.target, self.verifiers, self.listen = folder, user, port, verifiers, free_port()

    def __enter__(self):
        config = self.folder / f"pgbouncer-{self.listen}.ini"
        config.write_text(
            f"[databases]\napp = host=127.0.0.1 port={self.target}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.listen}\nunix_socket_dir =\n"
            f"auth_type = scram-sha-256\nauth_file = {self.verifiers}\nserver_tls_sslmode = disable\nlogfile = {self.folder}/pgbouncer-{self.listen}.log\n")
        program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
        self.process = subprocess.Popen([program, "-q", str(config)], user=self.user, group=self.user, extra_groups=[] if self.user else None, cwd="/", stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.listen), timeout=10).close()
                return self
            except OSError:
                assert time.monotonic() < deadline and self.process.poll() is None
                time.sleep(0.1)

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=60)


@pytest.mark.parametrize("order", ["behind", "in front"])
def test_a_pooler_that_passes_proofs_on(servers, legs, order):
    verifiers = servers.folder / "pgbouncer.txt"
    with psycopg.connect(servers.direct) as direct:
        scram = direct.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'r_scram'").fetchone()[0]
    verifiers.write_text(f'"r_scram" "{scram}"\n')
    verifiers.chmod(0o644)
    if order == "in front":
        with PgBouncer(servers.folder, servers.user, legs["TLS"].listen, verifiers) as bouncer:
            login = servers.as_role("r_scram", sslmode="disable", port=bouncer.listen)
            with psycopg.connect(**login) as connection:
                assert connection.execute("SELECT current_user").fetchone() == ("r_scram",)
    else:
        with PgBouncer(servers.folder, servers.user, servers.port, verifiers) as bouncer:
            with terminating(servers, "", PGSEAL_UPSTREAM=f"postgres://127.0.0.1:{bouncer.listen}") as one:
                with psycopg.connect(**one.as_role("r_scram", channel_binding="require", **secure(servers, "TLS"))) as connection:
                    assert connection.execute("SELECT current_user").fetchone() == ("r_scram",)


def test_a_replication_connection_is_proven_like_any(servers, legs):
    login = {"channel_binding": "require", **secure(servers, "TLS")}
    with psycopg.connect(**legs["TLS"].as_role("r_scram", replication="database", **login), autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        assert connection.execute("IDENTIFY_SYSTEM").fetchone()[3] == "app"


# By hand.


def frame(tag, body):
    return tag + struct.pack("!i", len(body) + 4) + body


def startup(role):
    body = b"\0\3\0\0user\0" + role + b"\0database\0app\0\0"
    return struct.pack("!i", len(body) + 4) + body


def initial(data, mechanism=b"SCRAM-SHA-256"):
    return frame(b"p", mechanism + b"\0" + struct.pack("!i", len(data)) + data)


class Raw:
    def __init__(self, port, stream=None):
        self.stream = stream or socket.create_connection(("127.0.0.1", port), timeout=30)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()

    def read(self):
        """One message; `("", b"")` at the end."""
        while len(self.buffer) < 5 or len(self.buffer) < 1 + struct.unpack("!i", self.buffer[1:5])[0]:
            read = self.stream.recv(65536)
            if not read:
                return "", b""
            self.buffer += read
        end = 1 + struct.unpack("!i", self.buffer[1:5])[0]
        message, self.buffer = self.buffer[:end], self.buffer[end:]
        return chr(message[0]), message[5:]

    def until(self, tag):
        while (message := self.read())[0] not in (tag, ""):
            pass
        return message[1]


def fields(body):
    return {part[:1].decode(): part[1:].decode() for part in body.split(b"\0") if part}


def challenge(port, role):
    with Raw(port) as raw:
        raw.stream.sendall(startup(role))
        assert raw.read() == ("R", b"\0\0\0\x0aSCRAM-SHA-256\0\0")
        raw.stream.sendall(initial(b"n,,n=,r=abc"))
        kind, body = raw.read()
        assert kind == "R" and body[:4] == b"\0\0\0\x0b"
        return dict(part.split("=", 1) for part in body[4:].decode().split(","))


def test_nobody_learns_by_asking_which_roles_there_are(legs):
    port = legs["TLS"].listen
    first, again, other, real = (challenge(port, role) for role in (b"nobody", b"nobody", b"no one", b"r_scram"))
    assert first["s"] == again["s"] != other["s"] and first["r"] != again["r"]
    assert first["i"] == real["i"] and len(first["s"]) == len(real["s"])
    assert first["r"].startswith("abc")


PROOF = base64.b64encode(bytes(32))
# What a client sends after its startup packet, one answer after another; `%s` is the server's nonce.
MESSAGES = {
    "a wrong proof": [initial(b"n,,n=,r=abc"), b"c=biws,r=%s,p=" + PROOF],
    "another nonce": [initial(b"n,,n=,r=abc"), b"c=biws,r=abcdef,p=" + PROOF],
    "another header": [initial(b"n,,n=,r=abc"), b"c=eSws,r=%s,p=" + PROOF],
    "no proof": [initial(b"n,,n=,r=abc"), b"c=biws,r=%s"],
    "a short proof": [initial(b"n,,n=,r=abc"), b"c=biws,r=%s,p=AAAA"],
    "nothing at last": [initial(b"n,,n=,r=abc"), b""],
    "no such mechanism": [initial(b"n,,n=,r=abc", b"SCRAM-SHA-1")],
    "binding that was not offered": [initial(b"p=tls-server-end-point,,n=,r=abc", b"SCRAM-SHA-256-PLUS")],
    "binding data without binding": [initial(b"p=tls-server-end-point,,n=,r=abc")],
    "an identity": [initial(b"n,a=other,n=,r=abc")],
    "an extension": [initial(b"n,,m=x,n=,r=abc")],
    "no nonce": [initial(b"n,,n=")],
    "a nonce that cannot be printed": [initial(b"n,,n=,r=a\x07c")],
    "no flag": [initial(b"x,,n=,r=abc")],
    "nothing": [initial(b"")],
    "a query": [frame(b"Q", b"SELECT 1\0")],
    "left-over bytes": [frame(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", 3) + b"n,,n=,r=abc")],
    "a length beyond the end": [frame(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", 300) + b"n,,n=,r=abc")],
    "a message that is too large": [initial(b"n,,n=,r=" + b"a" * 3000)],
}


def answer(port, messages):
    """The error that ends it; `None` if the connection ends without one."""
    with Raw(port) as raw:
        raw.stream.sendall(startup(b"r_scram"))
        kind, body = raw.read()
        for message in messages:
            assert kind == "R"
            if not message.startswith((b"p", b"Q")):
                nonce = body[4:].split(b",")[0][2:]
                message = frame(b"p", message % nonce if b"%s" in message else message)
            raw.stream.sendall(message)
            kind, body = raw.read()
        assert kind in ("E", ""), (kind, body)
        return fields(body) if kind else None


@pytest.mark.parametrize("name", MESSAGES)
def test_bad_messages_are_answered_as_postgresql_does(servers, legs, name):
    theirs, ours = answer(servers.port, MESSAGES[name]), answer(legs["TLS"].listen, MESSAGES[name])
    if theirs is None:
        assert ours is None or ours["S"] == "FATAL"
    else:
        words = "SCM" if theirs["C"] != "08P01" or "SCRAM" in theirs["M"] else "SC"
        assert {key: ours[key] for key in words} == {key: theirs[key] for key in words}


@pytest.mark.parametrize("auth", ["relay", "terminate"])
def test_who_is_not_logged_in_cannot_fill_memory(servers, legs, auth):
    """A large message instead of an answer to the server's question, or behind a proof that is not complete."""
    with Raw((servers if auth == "relay" else legs["TLS"]).listen) as raw:
        raw.stream.sendall(startup(b"r_scram"))
        assert raw.read()[0] == "R"
        megabyte, sent = bytes(1 << 20), 0
        raw.stream.settimeout(3)
        try:
            raw.stream.sendall(b"Q\x3f\0\0\0")
            while sent < 200:
                raw.stream.sendall(megabyte)
                sent += 1
        except OSError:
            # Nobody reads any more, or the connection has ended.
            pass
        # What the kernel's buffers hold, and a little.
        assert sent < 100


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "TLS"])
def test_a_cancel_request_goes_through_another_replica(servers, legs, encrypted):
    """Encrypted as libpq 17 sends it: SSLRequest, a handshake, CancelRequest."""
    asked, other = legs["TLS"], legs["plain"]
    with psycopg.connect(**asked.as_role("r_scram", sslmode="disable"), autocommit=True) as witness, Raw(servers.listen) as raw:
        raw.stream.sendall(startup(b"postgres"))
        key = raw.until("K")
        raw.until("Z")
        raw.stream.sendall(frame(b"Q", b"SELECT pg_sleep(120)\0"))
        pid = struct.unpack("!i", key[:4])[0]
        deadline = time.monotonic() + 60
        while not witness.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s AND query LIKE '%%pg_sleep%%' AND state = 'active'", (pid,)).fetchone():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        stream = socket.create_connection(("127.0.0.1", other.listen), timeout=30)
        if encrypted:
            stream.sendall(SSL_REQUEST)
            assert stream.recv(1) == b"S"
            trust = ssl.create_default_context(cafile=servers.folder / "ca.crt")
            stream = trust.wrap_socket(stream, server_hostname="localhost")
        with stream:
            stream.sendall(struct.pack("!ii", 12 + len(key) - 4, 80877102) + key)
            assert stream.recv(10) == b""
        assert fields(raw.until("E"))["C"] == "57014"


@pytest.mark.skipif(not psycopg.capabilities.has_cancel_safe(), reason="libpq 17 has it")
@pytest.mark.parametrize("client", ["plain", "TLS"])
def test_libpq_cancels(servers, legs, client):
    with psycopg.connect(**legs["TLS"].as_role("r_scram", **secure(servers, client))) as connection:
        ended = threading.Event()

        def cancel():
            # A request that comes before the statement runs is in vain.
            while not ended.wait(0.5):
                connection.cancel_safe(timeout=60)

        thread = threading.Thread(target=cancel)
        thread.start()
        try:
            with pytest.raises(psycopg.errors.QueryCanceled):
                connection.execute("SELECT pg_sleep(120)")
        finally:
            ended.set()
            thread.join()
