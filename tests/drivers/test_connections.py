"""TLS on both legs, relayed authentication, cancel, servers that go away."""
import os
import signal
import socket
import ssl
import struct
import subprocess
import time
import uuid

import psycopg
import pytest
from conftest import TENANTS
from servers import BIN, Servers, raw_login

SSL_REQUEST = struct.pack("!ii", 8, 80877103)
GSSENC_REQUEST = struct.pack("!ii", 8, 80877104)


def write_and_read(url, **options):
    """A sealed value goes in and comes back on this connection."""
    with psycopg.connect(url, autocommit=True, connect_timeout=10, **options) as connection:
        row = uuid.uuid4()
        connection.execute("INSERT INTO organisations VALUES (%s, 'o') ON CONFLICT DO NOTHING", (TENANTS[0],))
        connection.execute("INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES (%s, %s, %s, 'secret')", (row, TENANTS[0], str(row)))
        assert connection.execute("SELECT key FROM virtual_keys WHERE id = %s", (row,)).fetchone() == ("secret",)
        return connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()[0]


def without_sslmode(url):
    return url.replace("?sslmode=disable", "")


@pytest.fixture(scope="module", params=["plain upstream", "TLS upstream"])
def encrypted(request):
    with Servers(client_tls="allow", upstream_tls=request.param == "TLS upstream") as servers:
        yield servers, request.param == "TLS upstream"


@pytest.mark.parametrize("client", ["disable", "require", "verify-full"])
def test_each_leg_has_its_own_tls(encrypted, client):
    servers, upstream = encrypted
    options = {"sslrootcert": str(servers.certificate)} if client == "verify-full" else {}
    url = without_sslmode(servers.url).replace("127.0.0.1", "localhost")
    assert write_and_read(url, sslmode=client, **options) is upstream


def test_the_keyring_s_connection_is_encrypted_too(encrypted):
    servers, upstream = encrypted
    with psycopg.connect(servers.direct) as direct:
        rows = direct.execute("SELECT s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.application_name = 'pgseal'").fetchall()
    assert len(rows) >= 2 and all(row == (upstream,) for row in rows)


@pytest.mark.parametrize("method", ["md5", "scram-sha-256"])
@pytest.mark.parametrize("client", ["disable", "require"])
def test_passwords_are_relayed(encrypted, method, client):
    servers, upstream = encrypted
    role = f"r_{method[:3]}"
    with psycopg.connect(servers.direct, autocommit=True) as direct:
        direct.execute(f"SET password_encryption = '{method}'")
        direct.execute(f"DROP ROLE IF EXISTS {role}")
        direct.execute(f"CREATE ROLE {role} LOGIN SUPERUSER PASSWORD 'pass word'")
    servers.demand(method, role)
    url = without_sslmode(servers.url).replace("postgres@", f"{role}@")
    # TLS on both legs with two certificates: a client that would bind to the channel must be told not to.
    options = {"channel_binding": "disable"} if upstream and client == "require" else {}
    assert write_and_read(url, sslmode=client, password="pass word", **options) is upstream
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url, sslmode=client, password="wrong", connect_timeout=10, **options)


def test_a_client_that_must_bind_to_the_channel_without_tls_upstream_is_not_deceived(encrypted):
    servers, upstream = encrypted
    with psycopg.connect(servers.direct, autocommit=True) as direct:
        direct.execute("DROP ROLE IF EXISTS bound")
        direct.execute("SET password_encryption = 'scram-sha-256'")
        direct.execute("CREATE ROLE bound LOGIN PASSWORD 'x'")
    servers.demand("scram-sha-256", "bound")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(without_sslmode(servers.url).replace("postgres@", "bound@"), sslmode="require", password="x", channel_binding="require", connect_timeout=10)


def test_direct_tls_speaks_only_postgresql(encrypted):
    servers, _ = encrypted
    trust = ssl.create_default_context(cafile=servers.certificate)
    trust.set_alpn_protocols(["postgresql"])
    with socket.create_connection(("127.0.0.1", servers.listen), timeout=10) as plain, trust.wrap_socket(plain, server_hostname="localhost") as stream:
        assert stream.selected_alpn_protocol() == "postgresql"
        assert raw_login(stream) == b"Z"
    trust.set_alpn_protocols(["http/1.1"])
    with pytest.raises(ssl.SSLError), socket.create_connection(("127.0.0.1", servers.listen), timeout=10) as plain:
        trust.wrap_socket(plain, server_hostname="localhost")


def test_gss_encryption_is_declined_and_the_client_goes_on(encrypted):
    servers, _ = encrypted
    trust = ssl.create_default_context(cafile=servers.certificate)
    with socket.create_connection(("127.0.0.1", servers.listen), timeout=10) as stream:
        stream.sendall(GSSENC_REQUEST)
        assert stream.recv(10) == b"N"
        assert raw_login(stream) == b"Z"
    with socket.create_connection(("127.0.0.1", servers.listen), timeout=10) as plain:
        plain.sendall(GSSENC_REQUEST)
        assert plain.recv(10) == b"N"
        plain.sendall(SSL_REQUEST)
        assert plain.recv(1) == b"S"
        with trust.wrap_socket(plain, server_hostname="localhost") as stream:
            assert raw_login(stream) == b"Z"


def test_bytes_before_the_handshake_end_the_connection(encrypted):
    servers, _ = encrypted
    with socket.create_connection(("127.0.0.1", servers.listen), timeout=10) as stream:
        stream.sendall(SSL_REQUEST + b"\0\0\0\x08\0\3\0\0")
        answer = stream.recv(1000)
        assert answer[:1] == b"E" and b"08P01" in answer
        assert stream.recv(10) == b""


def test_required_tls_is_required_before_any_password():
    with Servers(client_tls="require") as servers:
        assert write_and_read(without_sslmode(servers.url), sslmode="require") is False
        with pytest.raises(psycopg.OperationalError, match="encrypted connections only"):
            psycopg.connect(servers.url, connect_timeout=10)


def test_an_upstream_certificate_of_somebody_else_is_refused():
    with Servers(upstream_tls=True, upstream_root="other") as servers:
        with pytest.raises(psycopg.OperationalError, match="cannot be reached"):
            psycopg.connect(servers.url, connect_timeout=10)


def test_tls_is_never_given_up_upstream():
    with Servers() as servers, Servers(port=servers.port, upstream_query="?sslmode=require") as strict:
        with pytest.raises(psycopg.OperationalError, match="does not offer TLS"):
            psycopg.connect(strict.url, connect_timeout=10)


@pytest.mark.parametrize("client", ["disable", "require"])
def test_ctrl_c_in_psql_cancels(encrypted, client):
    servers, _ = encrypted
    env = dict(os.environ, PGSSLMODE=client)
    # The one that has TLS.
    psql = subprocess.Popen([f"{BIN}/psql", "-X", without_sslmode(servers.url), "-c", "SELECT pg_sleep(60)"], env=env, stderr=subprocess.PIPE, text=True)
    with psycopg.connect(servers.direct, autocommit=True) as direct:
        deadline = time.monotonic() + 20
        while not direct.execute("SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'").fetchone():
            assert time.monotonic() < deadline
            time.sleep(0.05)
    psql.send_signal(signal.SIGINT)
    assert "canceling statement due to user request" in psql.communicate(timeout=20)[1]


def test_a_backend_that_is_terminated_takes_only_its_own_session(encrypted):
    servers, _ = encrypted
    url = without_sslmode(servers.url)
    with psycopg.connect(url, autocommit=True) as victim, psycopg.connect(url, autocommit=True) as other:
        pid = victim.execute("SELECT pg_backend_pid()").fetchone()[0]
        other.execute("SELECT pg_terminate_backend(%s)", (pid,))
        with pytest.raises(psycopg.errors.AdminShutdown):
            victim.execute("SELECT 1")
            victim.execute("SELECT 1")
        assert other.execute("SELECT 1").fetchone() == (1,)


def test_a_restarted_server_is_found_again():
    with Servers() as servers:
        connection = psycopg.connect(servers.url, autocommit=True)
        servers.stop_postgres()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError, match="cannot be reached"):
            psycopg.connect(servers.url, connect_timeout=10)
        servers.start_postgres()
        deadline = time.monotonic() + 30
        while True:
            try:
                write_and_read(servers.url)
                return
            except psycopg.Error:
                # The server is up, but pgseal's own connection may still be on its way back.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
