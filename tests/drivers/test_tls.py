"""Encryption of both legs in libpq's words, and which kinds of login it goes with."""
import signal
import time

import psycopg
import pytest
from authority import AUTHORITY, STRANGER, Encrypted
from cryptography import x509
from test_connections import write_and_read


@pytest.fixture(scope="module")
def servers():
    with Encrypted() as servers:
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
    # Of PostgreSQL 17, which this one is not.
    ("127.0.0.1", "sslmode=require&sslnegotiation=direct", "cannot be reached"),
])
def test_the_server_is_verified_as_libpq_would(servers, host, query, outcome):
    query = query.format(ca=servers.folder / "ca.crt", stranger=servers.folder / "stranger.crt")
    with servers.beside(env={"PGSEAL_UPSTREAM": f"postgres://{host}:{servers.port}?{query}"}) as one:
        if isinstance(outcome, bool):
            assert ask(one) == (outcome, None)
        else:
            with pytest.raises(psycopg.OperationalError, match=outcome):
                ask(one)


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
