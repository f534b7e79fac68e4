"""A private PostgreSQL and a pgseal in front of it, on free loopback ports, gone when the block ends."""
import glob
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
BIN = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))[-1]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Servers:
    """`url` goes through pgseal, `direct` past it."""

    def __init__(self, auth="trust", env=None):
        self.auth, self.env = auth, env or {}

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="pgseal-"))
        self.user = "postgres" if os.getuid() == 0 else None
        if self.user:
            os.chown(self.folder, pwd.getpwnam(self.user).pw_uid, -1)
        self.pgseal = None
        try:
            self._postgres()
            self._pgseal()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _run(self, *command):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, user=self.user, group=self.user, extra_groups=[] if self.user else None, cwd="/")

    def _postgres(self):
        self.port = free_port()
        data = self.folder / "data"
        self._run(f"{BIN}/initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder} -c fsync=off -c log_statement=all"
        self._run(f"{BIN}/pg_ctl", "-D", str(data), "-l", str(self.folder / "server.log"), "-o", options, "-w", "start")
        self.direct = f"postgres://postgres@127.0.0.1:{self.port}/app?sslmode=disable"
        subprocess.run(["psql", "-Xq", self.direct.replace("/app", "/postgres"), "-c", "CREATE DATABASE app"], check=True)
        subprocess.run(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", self.direct, "-f", str(ROOT / "tests/schema/portkey.sql")], check=True)

    def _pgseal(self):
        env = dict(os.environ)
        env.update(
            PGSEAL_LISTEN="127.0.0.1:0",
            PGSEAL_UPSTREAM=f"postgres://127.0.0.1:{self.port}",
            PGSEAL_RULES=str(ROOT / "rules/portkey.toml"),
            PGSEAL_KEYRING=f"postgres://postgres@127.0.0.1:{self.port}/app",
            PGSEAL_KMS_FILE=str(self.folder / "local.key"),
            NO_COLOR="1",
        )
        env.update(self.env)
        self.log = self.folder / "pgseal.log"
        with open(self.log, "w") as log:
            self.pgseal = subprocess.Popen([os.environ["PGSEAL_BIN"], "run"], env=env, stderr=log, cwd=self.folder)
        deadline = time.monotonic() + 30
        while not (ready := re.search(r"ready.*listen=127\.0\.0\.1:(\d+)", self.log.read_text())):
            if self.pgseal.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(self.log.read_text())
            time.sleep(0.05)
        self.url = f"postgres://postgres@127.0.0.1:{ready[1]}/app?sslmode=disable"

    def stop_pgseal(self):
        """SIGTERM; gives the exit code."""
        self.pgseal.send_signal(signal.SIGTERM)
        return self.pgseal.wait(timeout=40)

    def __exit__(self, *_):
        if self.pgseal and self.pgseal.poll() is None:
            self.stop_pgseal()
        if (self.folder / "data" / "postmaster.pid").exists():
            self._run(f"{BIN}/pg_ctl", "-D", str(self.folder / "data"), "-m", "fast", "-w", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)
