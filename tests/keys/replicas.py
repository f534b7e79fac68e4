"""One private PostgreSQL, and as many pgseal processes in front of it as a test wants."""
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psycopg
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "drivers"))
from servers import ROOT, Servers  # noqa: E402

# What a starved machine may take beyond a bound that is promised, in seconds.
MARGIN = 4

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-central-1", "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}


class Database(Servers):
    """PostgreSQL alone."""

    def _pgseal(self):
        pass

    def connect(self):
        return psycopg.connect(self.direct, autocommit=True)

    def settings(self, **more):
        """The environment of a pgseal of this database."""
        env = {key: value for key, value in os.environ.items() if not key.startswith(("PGSEAL_", "AWS_"))}
        env.update(
            CREDENTIALS,
            PGSEAL_LISTEN="127.0.0.1:0",
            PGSEAL_UPSTREAM=f"postgres://127.0.0.1:{self.port}",
            PGSEAL_RULES=str(ROOT / "rules/portkey.toml"),
            PGSEAL_KEYRING=f"postgres://postgres@127.0.0.1:{self.port}/app",
            PGSEAL_KMS_FILE=str(self.folder / "local.key"),
            NO_COLOR="1",
        )
        env.update(more)
        return env

    def command(self, *words, input=None, timeout=60, **more):
        """Runs a command of pgseal to its end."""
        return subprocess.run(
            [os.environ["PGSEAL_BIN"], *words], env=self.settings(**more), cwd=self.folder, input=input, capture_output=True, text=True, timeout=timeout)


class Replica:
    """A running pgseal; gone when the block ends."""

    def __init__(self, database, **env):
        self.database, self.env = database, env

    def __enter__(self):
        self.log = self.database.folder / f"pgseal-{uuid.uuid4().hex[:8]}.log"
        with open(self.log, "w") as log:
            self.process = self.started(log)
        deadline = time.monotonic() + 30
        while not (ready := re.search(r"ready.*listen=127\.0\.0\.1:(\d+)", self.log.read_text())):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(self.log.read_text())
            time.sleep(0.05)
        self.url = f"postgres://postgres@127.0.0.1:{ready[1]}/app?sslmode=disable"
        return self

    def started(self, log):
        return subprocess.Popen([os.environ["PGSEAL_BIN"], "run"], env=self.database.settings(**self.env), stderr=log, cwd=self.database.folder)

    def connect(self):
        return psycopg.connect(self.url, autocommit=True)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=40)
            finally:
                self.kill()


def new_tenant(database):
    """An organisation of its own for a test."""
    tenant = uuid.uuid4()
    with database.connect() as direct:
        direct.execute("INSERT INTO organisations VALUES (%s, 'org')", (tenant,))
    return tenant


def write(connection, tenant, value):
    """Stores a value through pgseal; gives the row's id."""
    row = uuid.uuid4()
    connection.execute("INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES (%s, %s, %s, %s)", (row, tenant, str(row), value))
    return row


def read(connection, row):
    return connection.execute("SELECT key FROM virtual_keys WHERE id = %s", (row,)).fetchone()[0]


def eventually(check, timeout=20):
    """Tries until `check` raises neither AssertionError, nor a database error, nor misses one that it waits for (pytest.raises);
    gives its answer."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return check()
        except (AssertionError, psycopg.Error, pytest.fail.Exception):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
