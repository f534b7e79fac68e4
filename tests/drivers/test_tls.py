"""Encryption of both legs in libpq's words, and which kinds of login it goes with."""
import asyncio
import signal
import socket
import ssl
import time
import uuid

import asyncpg
import psycopg
import pytest
from authority import AUTHORITY, STRANGER, Authority, Encrypted
from conftest import MARK, TENANTS
from cryptography import x509
from servers import MAJOR, raw_login
from test_connections import SSL_REQUEST, write_and_read


@pytest.fixture(scope="module")
def servers():
    with Encrypted() as servers:
        with psycopg.connect(servers.direct, autocommit=True) as direct:
            direct.execute("INSERT INTO organisations VALUES (%s, 'o')", (TENANTS[0],))
        yield servers


def ask(servers, role="r_trust", **options):
    """Whether the server's leg is encrypted, and how the server knows its peer."""
    with psycopg.connect(**servers.as_role(role, sslmode="disable", **options)) as connection:
        return connection.execute("SELECT ssl, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()


@pytest.mark.parametrize("host,query,outcome", [
    ("127.0.0.1", "sslmode=disable", False),
    ("127.0.0.1", "sslmode=require", True),
    ("127.0.0.1", "sslmode=verify-ca&sslrootcert={ca}", True),
    ("127.0.0.1", "sslmode=require&sslrootcert={stranger}", "cannot be reached.*certificate"),
    ("127.0.0.1", "sslmode=verify-ca&sslrootcert={stranger}", "cannot be reached.*certificate"),
    # PostgreSQL's certificate has the name, but not the address.
    ("127.0.0.1", "sslmode=verify-full&sslrootcert={ca}", "cannot be reached.*certificate"),
    ("localhost", "sslmode=verify-full&sslrootcert={ca}", True),
    # Of PostgreSQL 17.
    ("127.0.0.1", "sslmode=require&sslnegotiation=direct", MAJOR >= 17 or "cannot be reached"),
])
def test_the_server_is_verified_as_libpq_would(servers, host, query, outcome):
    query = query.format(ca=servers.folder / "ca.crt", stranger=servers.folder / "stranger.crt")
    with servers.beside(env={"PGSEAL_UPSTREAM": f"postgres://{host}:{servers.port}?{query}"}) as one:
        if isinstance(outcome, bool):
            assert ask(one) == (outcome, None)
        else:
            with pytest.raises(psycopg.OperationalError, match=outcome):
                ask(one)


def test_a_certificate_that_is_its_own_authority(servers):
    """As the manual recommends for trying out; the file that PostgreSQL has is the one that clients trust."""
    data, conf = servers.folder / "data", servers.folder / "data/postgresql.auto.conf"

    def serve(name):
        conf.write_text(f"ssl_cert_file = '{servers.folder}/{name}.crt'\nssl_key_file = '{servers.folder}/{name}.pem'\n" if name else "")
        servers._run(f"{servers.bin}/pg_ctl", "-D", str(data), "reload")
        expected = ssl.PEM_cert_to_DER_cert((servers.folder / f"{name or 'postgres'}.crt").read_text())
        deadline = time.monotonic() + 60
        while shown(servers.port) != expected:
            assert time.monotonic() < deadline, "the certificate was not reloaded"
            time.sleep(0.05)

    own, other = Authority("itself"), Authority("itself")
    own.issue_itself(servers.folder, "own")
    own.issue_itself(servers.folder, "expired", days=-1)
    other.issue_itself(servers.folder, "other")
    try:
        for name, trusted, outcome in [("own", "own", True), ("own", "other", False), ("expired", "expired", False)]:
            serve(name)
            for mode in ("verify-ca", "verify-full"):
                url = f"postgres://localhost:{servers.port}?sslmode={mode}&sslrootcert={servers.folder}/{trusted}.crt"
                with servers.beside(env={"PGSEAL_UPSTREAM": url}) as one:
                    if outcome:
                        assert ask(one) == (True, None)
                    else:
                        with pytest.raises(psycopg.OperationalError, match="cannot be reached.*certificate"):
                            ask(one)
    finally:
        serve(None)


def shown(port):
    """The certificate that PostgreSQL shows, in DER."""
    anyone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
        plain.sendall(SSL_REQUEST)
        assert plain.recv(1) == b"S"
        with anyone.wrap_socket(plain) as stream:
            return stream.getpeercert(binary_form=True)


def test_pgseal_introduces_itself_with_a_certificate_and_reloads_it(servers):
    folder = servers.folder
    AUTHORITY.issue(folder, "good", names=[x509.DNSName("r_cert")], common_name="r_cert")
    STRANGER.issue(folder, "ours", names=[x509.DNSName("r_cert")], common_name="r_cert")
    words = f"sslmode=verify-ca&sslrootcert={folder}/ca.crt&sslcert={folder}/ours.crt&sslkey={folder}/ours.pem"
    # The keyring's connection is of the same role by the end, which needs the certificate.
    with servers.beside(f"?{words}") as one:
        with pytest.raises(psycopg.OperationalError):
            ask(one, "r_cert")
        for kind in ("crt", "pem"):
            (folder / f"ours.{kind}").write_bytes((folder / f"good.{kind}").read_bytes())
        one.pgseal.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 60
        while "pgseal was reloaded" not in one.log.read_text():
            assert time.monotonic() < deadline, one.log.read_text()
            time.sleep(0.05)
        assert ask(one, "r_cert") == (True, "/CN=r_cert")
    keyring = f"postgres://r_cert@127.0.0.1:{servers.port}/app?{words}"
    with servers.beside(f"?{words}", env={"PGSEAL_KEYRING": keyring}) as one:
        write_and_read(one.url)
        with psycopg.connect(servers.direct) as direct:
            rows = direct.execute("SELECT s.client_dn FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.application_name = 'pgseal' AND a.usename = 'r_cert'").fetchall()
        assert rows and all(row == ("/CN=r_cert",) for row in rows)


def test_files_that_are_missing_are_named_at_the_start(servers):
    with pytest.raises(RuntimeError, match="nothing.pem"):
        servers.beside("?sslmode=require&sslcert={folder}/pgseal.crt&sslkey={folder}/nothing.pem").__enter__()


def secure(servers, how):
    """libpq's options for the client's leg."""
    return {"plain": {"sslmode": "disable"}, "TLS": {"sslmode": "verify-full", "sslrootcert": str(servers.folder / "ca.crt")}}[how]


def round_trip(servers, upstream, **options):
    """psycopg connects, and a value that it writes is sealed on its way; gives whether the server's leg is encrypted."""
    row = uuid.uuid4()
    with psycopg.connect(**servers.as_role(**options), autocommit=True) as connection:
        connection.execute("INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES (%s, %s, %s, %s)", (row, TENANTS[0], str(row), MARK))
        assert connection.execute("SELECT key FROM virtual_keys WHERE id = %s", (row,)).fetchone() == (MARK,)
        encrypted = connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()[0]
    with psycopg.connect(upstream.direct) as direct:
        assert direct.execute("SELECT key FROM virtual_keys WHERE id = %s", (row,)).fetchone()[0].startswith("~s1")
    return encrypted


async def round_trip_of_asyncpg(servers, role, trust=None):
    row = uuid.uuid4()
    connection = await asyncpg.connect(host="127.0.0.1", port=servers.listen, user=role, password=servers.PASSWORD, database="app", ssl=trust or False, timeout=20)
    try:
        await connection.execute("INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES ($1, $2, $3, $4)", row, TENANTS[0], str(row), MARK)
        assert await connection.fetchval("SELECT key FROM virtual_keys WHERE id = $1", row) == MARK
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def legs(servers):
    """By what the upstream's leg is: pgseal before one and the same PostgreSQL."""
    with servers.beside("?sslmode=disable") as plain:
        yield {"plain": plain, "TLS": servers}


# The table of docs/tls.md: (client's leg, upstream's leg, what is asked) to the error, if there is one.
KINDS = {"trust": ("r_trust", "prefer"), "md5": ("r_md5", "prefer"), "scram": ("r_scram", "disable"), "scram, prefer": ("r_scram", "prefer"), "scram, require": ("r_scram", "require")}
ERRORS = {
    ("plain", "plain", "scram, require"): "channel binding",
    ("plain", "TLS", "scram, require"): "channel binding",
    ("TLS", "plain", "scram, require"): "channel binding",
    ("TLS", "TLS", "scram, prefer"): "different certificates",
    ("TLS", "TLS", "scram, require"): "different certificates",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("upstream", ["plain", "TLS"])
@pytest.mark.parametrize("client", ["plain", "TLS"])
def test_psycopg_logs_in(servers, legs, client, upstream, kind):
    role, binding = KINDS[kind]
    options = {"role": role, "channel_binding": binding, **secure(servers, client)}
    if error := ERRORS.get((client, upstream, kind)):
        with pytest.raises(psycopg.OperationalError, match=error) as refused:
            round_trip(legs[upstream], servers, **options)
        if error == "different certificates":
            # The three ways out.
            assert all(way in str(refused.value) for way in ("same certificate", "channel_binding=disable", 'auth = "terminate"'))
    else:
        assert round_trip(legs[upstream], servers, **options) is (upstream == "TLS")


@pytest.mark.parametrize("role", ["r_trust", "r_md5", "r_scram"])
@pytest.mark.parametrize("upstream", ["plain", "TLS"])
@pytest.mark.parametrize("client", ["plain", "TLS"])
def test_asyncpg_logs_in(servers, legs, client, upstream, role):
    trust = ssl.create_default_context(cafile=servers.folder / "ca.crt") if client == "TLS" else None
    asyncio.run(round_trip_of_asyncpg(legs[upstream], role, trust))


@pytest.mark.parametrize("binding", ["prefer", "require"])
def test_one_certificate_on_both_legs_lets_binding_pass(servers, binding):
    with servers.beside("?sslmode=require", env={"PGSEAL_TLS_CERT": str(servers.folder / "postgres.crt"), "PGSEAL_TLS_KEY": str(servers.folder / "postgres.pem")}) as one:
        assert round_trip(one, servers, role="r_scram", channel_binding=binding, **secure(servers, "TLS")) is True


def test_a_wrong_password_is_the_server_s_to_refuse(legs):
    for one in legs.values():
        with pytest.raises(psycopg.OperationalError, match='password authentication failed for user "r_scram"'):
            psycopg.connect(**one.as_role("r_scram", password="wrong", sslmode="disable"))


def direct_tls(servers, protocols):
    """A TLS handshake without a request for it; gives the stream."""
    trust = ssl.create_default_context(cafile=servers.folder / "ca.crt")
    if protocols:
        trust.set_alpn_protocols(protocols)
    return trust.wrap_socket(socket.create_connection(("127.0.0.1", servers.listen), timeout=20), server_hostname="localhost")


def test_direct_tls_needs_the_protocol_s_name(servers):
    with direct_tls(servers, ["postgresql"]) as stream:
        assert stream.selected_alpn_protocol() == "postgresql" and raw_login(stream) == b"Z"
    with direct_tls(servers, ["h2", "postgresql"]) as stream:
        assert raw_login(stream) == b"Z"
    with direct_tls(servers, None) as stream:
        assert stream.recv(10) == b""
    with pytest.raises(ssl.SSLError):
        direct_tls(servers, ["http/1.1"])


@pytest.mark.skipif(psycopg.pq.version() < 170000, reason="libpq 17 has it")
def test_libpq_s_direct_negotiation(servers):
    round_trip(servers, servers, role="r_scram", channel_binding="disable", sslnegotiation="direct", **secure(servers, "TLS"))


def test_tls_to_a_listener_without_it(servers):
    with servers.beside("?sslmode=require", client_tls=None) as one:
        # Closed without a word, and not reset.
        with socket.create_connection(("127.0.0.1", one.listen), timeout=20) as stream:
            stream.sendall(bytes.fromhex("16030100a5010000a10303") + bytes(154))
            assert stream.recv(10) == b""
        with socket.create_connection(("127.0.0.1", one.listen), timeout=20) as stream:
            stream.sendall(SSL_REQUEST)
            assert stream.recv(10) == b"N" and raw_login(stream) == b"Z"
        with pytest.raises(psycopg.OperationalError, match="does not support SSL"):
            psycopg.connect(**one.as_role("r_trust", sslmode="require"))


@pytest.mark.skipif(MAJOR < 17, reason="PostgreSQL 17 has it")
def test_direct_tls_upstream(servers):
    query = f"sslmode=verify-ca&sslrootcert={servers.folder}/ca.crt&sslnegotiation=direct"
    with servers.beside(f"?{query}", env={"PGSEAL_KEYRING": f"postgres://postgres@127.0.0.1:{servers.port}/app?{query}"}) as one:
        assert write_and_read(one.url) is True
