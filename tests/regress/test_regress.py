"""PostgreSQL's own regression suite, directly and through pgseal with rules loaded: the results must be the same files.

The direct run is the oracle, not the suite's expected output. REGRESS is the folder that fetch.sh filled.
"""
import difflib
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "drivers"))
from servers import BIN, ROOT, Servers, free_port  # noqa: E402

SUITE = Path(os.environ.get("REGRESS", Path.home() / ".cache/pgseal/regress"))


class Cluster(Servers):
    """A server as pg_regress makes it for itself, whose database `regression` also holds the protected tables."""

    def _postgres(self):
        self.port = free_port()
        data = self.folder / "data"
        self._run(f"{BIN}/initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        with open(data / "postgresql.conf", "a") as conf:
            conf.write(f"port = {self.port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{self.folder}'\n"
                       "fsync = off\nmax_prepared_transactions = 2\nmax_connections = 60\n")
        self.start_postgres()
        self.direct = f"postgres://postgres@127.0.0.1:{self.port}/regression?sslmode=disable"
        psql = ["psql", "-Xq", "-v", "ON_ERROR_STOP=1"]
        subprocess.run([*psql, self.direct.replace("/regression", "/postgres"), "-c", "CREATE DATABASE regression TEMPLATE template0"], check=True)
        settings = {"lc_messages": "C", "lc_monetary": "C", "lc_numeric": "C", "lc_time": "C", "bytea_output": "hex", "timezone_abbreviations": "Default"}
        for name, value in settings.items():
            subprocess.run([*psql, self.direct, "-c", f"ALTER DATABASE regression SET {name} TO '{value}'"], check=True)
        # The protected tables have a schema of their own: none of the suite's names is taken.
        schema = (ROOT / "tests/schema/portkey.sql").read_text()
        subprocess.run([*psql, self.direct], input=f"CREATE SCHEMA vault; SET search_path = vault;\n{schema}", text=True, check=True)

    def _pgseal(self):
        rules = self.folder / "rules.toml"
        rules.write_text((ROOT / "rules/portkey.toml").read_text().replace("public.", "vault."))
        self.env |= {"PGSEAL_RULES": str(rules), "PGSEAL_KEYRING": f"postgres://postgres@localhost:{self.port}/regression"}
        super()._pgseal()

    def regress(self, port, results):
        """Runs the schedule through `port`; gives the exit code."""
        suite, run = self.folder / "suite", self.folder / "run"
        shutil.copytree(SUITE, suite)
        run.mkdir()
        for folder in (self.folder, suite, run):
            shutil.chown(folder, self.user or os.getuid())
        tests = os.environ.get("REGRESS_TESTS", f"--schedule={suite}/parallel_schedule").split()
        regress = f"{BIN}/../lib/pgxs/src/test/regress/pg_regress"
        command = [regress, "--use-existing", "--host=127.0.0.1", f"--port={port}", "--user=postgres", "--dbname=regression", f"--bindir={BIN}",
                   f"--inputdir={suite}", f"--outputdir={run}", f"--expecteddir={suite}", f"--dlpath={suite}/lib", "--max-concurrent-tests=20", *tests]
        supported = subprocess.run([regress, "--help"], capture_output=True, text=True).stdout
        command = [part for part in command if not part.startswith("--expecteddir") or "expecteddir" in supported]
        with open(self.folder / "regress.log", "w") as log:
            code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, cwd=run, env=os.environ | {"PGSSLMODE": "disable"},
                                  user=self.user, group=self.user, extra_groups=[] if self.user else None).returncode
        results.parent.mkdir(exist_ok=True, parents=True)
        shutil.copytree(run / "results", results)
        shutil.copy(self.folder / "regress.log", results / "regress.log")
        return code


def run(results, through):
    with Cluster() as cluster:
        cluster.regress(cluster.listen if through else cluster.port, results)


def both(root):
    """Both runs at the same time, on clusters of their own; gives the two folders of results."""
    folders = {through: root / ("through" if through else "direct") for through in (False, True)}
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(run, folder, through) for through, folder in folders.items()]:
            done.result()
    return folders[False], folders[True]


def read(file):
    text = file.read_text(errors="surrogateescape") if file.exists() else "no result\n"
    # The one thing that the two clusters cannot share is the place of their folders and ports.
    text = re.sub(r"/tmp/[\w./-]*pgseal-\w+", "/folder", text)
    return text.splitlines()


def differences(direct, through):
    """Of the result files, by name."""
    names = sorted(file.name for file in direct.glob("*.out"))
    schedule = re.findall(r"^test: (.*)$", (SUITE / "parallel_schedule").read_text(), re.M)
    if "REGRESS_TESTS" not in os.environ:
        assert {Path(name).stem for name in names} >= {test for group in schedule for test in group.split()}
    print(f"{len(names)} result files")
    compared = {name: list(difflib.unified_diff(read(direct / name), read(through / name), "direct", "through pgseal", lineterm="", n=2)) for name in names}
    return {name: "\n".join(lines[:60]) for name, lines in compared.items() if lines}


def test_every_result_file_is_the_same(tmp_path):
    root = Path(os.environ.get("REGRESS_OUT", tmp_path))
    found = differences(*both(root / "1"))
    if found:
        # The suite has races of its own, with autovacuum above all: they do not come twice, what pgseal does would.
        again = differences(*both(root / "2"))
        found = {name: text for name, text in found.items() if name in again}
    assert not found, "\n\n".join(found.values())
