"""Unix sockets on both legs, several listeners."""
import os
import signal
import stat
import subprocess

import psycopg
import pytest
from conftest import TENANTS
from servers import Servers, surroundings
from test_connections import write_and_read

PORT = 7001


@pytest.fixture(scope="module")
def sockets():
    env = {"PGSEAL_LISTEN": f"127.0.0.1:0, {{folder}}:{PORT}", "PGSEAL_SOCKET_MODE": "0700", "PGSEAL_UPSTREAM": "{folder}:{port}", "PGSEAL_KEYRING": "postgres://postgres@/app?host={folder}&port={port}"}
    with Servers(env=env) as servers:
        yield servers


def test_both_legs_are_unix_sockets(sockets):
    url = f"postgres://postgres@/app?host={sockets.folder}&port={PORT}"
    # libpq does not ask for TLS on a Unix socket; the server's view of its own peer shows the other leg.
    for target in (url, sockets.url):
        write_and_read(target)
        with psycopg.connect(target) as connection:
            assert connection.execute("SELECT inet_server_addr()").fetchone() == (None,)
    with psycopg.connect(sockets.direct) as direct:
        assert all(value.startswith("~s1") for value, in direct.execute("SELECT key FROM virtual_keys WHERE organisation_id = %s", (TENANTS[0],)))


def test_the_socket_has_its_mode_and_answers_the_health_check(sockets):
    path = sockets.folder / f".s.PGSQL.{PORT}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for listen in (f"{sockets.folder}:{PORT}", f"127.0.0.1:{sockets.listen}"):
        subprocess.run([os.environ["PGSEAL_BIN"], "healthcheck"], env=surroundings(PGSEAL_LISTEN=listen), check=True)
        subprocess.run([os.environ["PGSEAL_BIN"], "healthcheck", listen], env=surroundings(), check=True)


def test_the_health_check_asks_where_the_configuration_listens(sockets, tmp_path):
    """As in a container: all addresses by the environment, or a file; each of several places must answer."""
    def asked(listen, *words, **settings):
        (tmp_path / "pgseal.toml").write_text(f"listen = {listen}\n" if listen else "")
        return subprocess.run([os.environ["PGSEAL_BIN"], "healthcheck", *words], env=surroundings(**settings), cwd=tmp_path, capture_output=True, text=True, timeout=60)

    port, socket_folder = sockets.listen, f"{sockets.folder}:{PORT}"
    assert asked("", PGSEAL_LISTEN=f"0.0.0.0:{port}").returncode == 0
    assert asked(f'["127.0.0.1:{port}", "{socket_folder}"]').returncode == 0
    other = asked(f'["127.0.0.1:{port}", "127.0.0.1:1"]')
    assert other.returncode == 1 and "127.0.0.1:1: " in other.stderr
    (tmp_path / "other.toml").write_text(f'listen = "{socket_folder}"')
    assert asked('"127.0.0.1:1"', "--config", str(tmp_path / "other.toml")).returncode == 0
    assert asked('"nowhere"').returncode == 64


def test_the_socket_goes_with_its_process_and_a_stale_one_is_replaced(sockets):
    path = sockets.folder / f".s.PGSQL.{PORT}"
    assert sockets.stop_pgseal() == 0
    assert not path.exists()
    sockets._pgseal()
    sockets.pgseal.send_signal(signal.SIGKILL)
    sockets.pgseal.wait()
    assert path.exists()
    sockets._pgseal()
    write_and_read(f"postgres://postgres@/app?host={sockets.folder}&port={PORT}")


def test_a_socket_in_use_is_not_taken(sockets):
    env = surroundings(PGSEAL_LISTEN=f"{sockets.folder}:{PORT}", PGSEAL_UPSTREAM="postgres://127.0.0.1:1")
    ended = subprocess.run([os.environ["PGSEAL_BIN"], "run"], env=env, capture_output=True, text=True, cwd="/", timeout=60)
    assert ended.returncode == 1 and f".s.PGSQL.{PORT}" in ended.stderr
    write_and_read(f"postgres://postgres@/app?host={sockets.folder}&port={PORT}")
