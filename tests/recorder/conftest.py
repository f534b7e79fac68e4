import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "drivers"))
from generate import IDS  # noqa: E402
from recorder import play  # noqa: E402
from servers import ROOT, Servers  # noqa: E402
from wire import SYNC, query, run  # noqa: E402


class Pair:
    """The database `plain` directly, and `app`, whose columns are sealed, through pgseal."""

    def __init__(self, servers):
        self.servers = servers
        self.plain = (servers.port, "plain", self.tables("plain"))
        self.sealed = (servers.listen, "app", self.tables("app"))
        for side in (self.plain, self.sealed):
            port, database, _ = side
            assert "E" not in [tag for tag, _ in play(port, database, self.organisation())]

    def tables(self, database):
        url = self.servers.direct.replace("/app", f"/{database}")
        sql = "SELECT oid, relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        rows = subprocess.run(["psql", "-XqtAc", sql, url], check=True, capture_output=True, text=True).stdout
        return {int(oid): name for oid, name in (line.split("|") for line in rows.splitlines())}

    @staticmethod
    def organisation():
        return query(f"INSERT INTO organisations VALUES ('{IDS['org']}', 'o')")

    @staticmethod
    def reset():
        """The state in which each script begins; in one transaction, so that a replay is cheap."""
        keys = b"".join(
            run("INSERT INTO virtual_keys (id, organisation_id, slug, key, auth_config) VALUES ($1, $2, $3, $4, $5)", IDS[f"id{n}"].encode(), IDS["org"].encode(),
                f"k{n}".encode(), f"sëcret {n}".encode(), f'{{"n": {n}}}'.encode()) for n in range(1, 5))
        return (query("BEGIN; DELETE FROM virtual_keys; DELETE FROM rec_ref; DELETE FROM rec;"
                      "INSERT INTO rec SELECT n, 'row ' || n, n FROM generate_series(1, 6) n") + keys + SYNC + query("COMMIT"))

    def record(self, script, how="whole", seed=0, reset=True):
        """What both answer to the same bytes."""
        script = (self.reset() if reset else b"") + script
        return [play(port, database, script, how, seed, tables) for port, database, tables in (self.plain, self.sealed)]


@pytest.fixture(scope="session")
def pair():
    with Servers() as servers:
        direct = servers.direct
        psql = ["psql", "-Xq", "-v", "ON_ERROR_STOP=1"]
        subprocess.run([*psql, direct, "-c", "CREATE DATABASE plain"], check=True)
        for url in (direct.replace("/app", "/plain"), direct):
            files = [ROOT / "tests/schema/portkey.sql"] if "/plain" in url else []
            for file in [*files, HERE / "schema.sql"]:
                subprocess.run([*psql, url, "-f", str(file)], check=True)
        yield Pair(servers)
