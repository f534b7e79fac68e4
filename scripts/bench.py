#!/usr/bin/env python3
"""Runs pgbench directly, through PgBouncer (session pooling) and through pgseal with rules loaded, side by side.

A round runs each statement on the three in turn, so that whatever else the machine does falls on all. Printed are medians of
the rounds, throughput as ratios to the direct run, and the median, least and greatest of the rounds' own ratios of CPU: to
PgBouncer's, and of a sealed column to the same column unsealed, in PgBouncer's. The proxies' CPU time is read from /proc before
and after each run. All legs are plaintext (sslmode=disable).

BENCH_SECONDS (per run, default 5), BENCH_ROUNDS (default 5), BENCH_CLIENTS (default 8).
"""
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "drivers"))
from servers import BIN, Servers, free_port

SECONDS, ROUNDS, CLIENTS = (int(os.environ.get(f"BENCH_{name}", default)) for name, default in (("SECONDS", 5), ("ROUNDS", 5), ("CLIENTS", 8)))
ROWS = 10_000
ORG = "a0000000-0000-4000-8000-000000000001"
LOAD = f"""
INSERT INTO organisations VALUES ('{ORG}', 'bench');
INSERT INTO requests (note) SELECT repeat('n', 60) FROM generate_series(1, {ROWS});
INSERT INTO configs (id, organisation_id, slug) SELECT ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, '{ORG}', i FROM generate_series(1, {ROWS}) i;
INSERT INTO virtual_keys (id, organisation_id, slug) SELECT id, organisation_id, slug FROM configs;
-- What is written to, past pgseal too, is not what is read.
INSERT INTO configs (id, organisation_id, slug) SELECT ('00000000-0000-4000-9000-' || lpad(i::text, 12, '0'))::uuid, '{ORG}', 'w' || i FROM generate_series(1, {ROWS}) i;
"""
# The same table without a rule, with the same values in plaintext.
TWIN = """
CREATE TABLE settings_in_plaintext (LIKE configs INCLUDING ALL);
INSERT INTO settings_in_plaintext (id, organisation_id, slug, template)
    SELECT id, organisation_id, slug, jsonb_build_object('retry', slug::int, 'targets', ARRAY['openai', 'anthropic'], 'cache', jsonb_build_object('mode', 'semantic', 'max_age', 3600)) FROM configs WHERE slug NOT LIKE 'w%'
    UNION ALL SELECT id, organisation_id, slug, NULL FROM configs WHERE slug LIKE 'w%';
VACUUM ANALYZE;
"""
KEY = f"organisation_id = '{ORG}' AND slug = :id::text"
WRITTEN = f"organisation_id = '{ORG}' AND slug = 'w' || :id::text"
# what, protocol, statement, and which of these is the same where nothing is sealed
WORKLOADS = [
    ("untouched table, read by key", "simple", "SELECT note FROM requests WHERE id = :id;", None),
    ("untouched table, read by key", "extended", "SELECT note FROM requests WHERE id = :id;", None),
    ("untouched table, read by key", "prepared", "SELECT note FROM requests WHERE id = :id;", None),
    ("untouched table, 1,000 rows", "prepared", "SELECT id, note FROM requests WHERE id BETWEEN 1 AND 1000;", None),
    ("the same column, not sealed, read by key", "prepared", f"SELECT template FROM settings_in_plaintext WHERE {KEY};", None),
    ("sealed column, read by key", "extended", f"SELECT template FROM configs WHERE {KEY};", None),
    ("sealed column, read by key", "prepared", f"SELECT template FROM configs WHERE {KEY};", 4),
    ("sealed column, 1,000 rows", "prepared", "SELECT id, template FROM configs ORDER BY id LIMIT 1000;", None),
    ("the same column, not sealed, update", "prepared", f"UPDATE settings_in_plaintext SET template = :id WHERE {WRITTEN};", None),
    ("sealed column, update with tenant", "prepared", f"UPDATE configs SET template = :id WHERE {WRITTEN};", 8),
    ("sealed column, update, tenant looked up", "prepared", "UPDATE virtual_keys SET key = :id WHERE slug = :id::text;", None),
]


class PgBouncer:
    """Session pooling in front of the same server."""

    def __init__(self, servers):
        self.port = free_port()
        folder = servers.folder / "pgbouncer"
        folder.mkdir()
        (folder / "users.txt").write_text('"postgres" ""\n')
        (folder / "pgbouncer.ini").write_text(
            f"[databases]\napp = host=127.0.0.1 port={servers.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\n"
            f"unix_socket_dir =\nauth_type = trust\nauth_file = {folder}/users.txt\npool_mode = session\ndefault_pool_size = 64\n"
            "max_client_conn = 200\nlog_connections = 0\nlog_disconnections = 0\n")
        self.process = subprocess.Popen(
            [shutil.which("pgbouncer") or "/usr/sbin/pgbouncer", "-q", str(folder / "pgbouncer.ini")],
            user=servers.user, group=servers.user, extra_groups=[] if servers.user else None, stderr=subprocess.DEVNULL)
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/app?sslmode=disable"
        for _ in range(100):
            if subprocess.run(["psql", "-Xqc", "SELECT 1", self.url], capture_output=True).returncode == 0:
                return
            time.sleep(0.1)
        raise RuntimeError("PgBouncer did not start")

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)


def cpu_seconds(process):
    """User and system time of the process so far."""
    if process is None:
        return 0.0
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(folder, url, process, protocol, script):
    """(transactions per second, median ms, 99th percentile ms, proxy CPU seconds per 100,000 transactions)"""
    logs = folder / "latencies"
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir()
    before = cpu_seconds(process)
    out = subprocess.run(
        [f"{BIN}/pgbench", "-n", "-M", protocol, "-c", str(CLIENTS), "-T", str(SECONDS), "-f", str(script), "-l", url],
        cwd=logs, capture_output=True, text=True)
    spent = cpu_seconds(process) - before
    if out.returncode != 0:
        sys.exit(f"{script.read_text()}{protocol}, port {url.rsplit(':', 1)[1]}: {out.stderr}")
    done = int(re.search(r"actually processed: (\d+)", out.stdout)[1])
    if (failed := re.search(r"failed transactions: (\d+)", out.stdout)) and int(failed[1]):
        sys.exit(out.stdout)
    tps = float(re.search(r"tps = ([\d.]+)", out.stdout)[1])
    times = sorted(int(line.split()[2]) / 1000 for file in logs.iterdir() for line in file.read_text().splitlines())
    return tps, times[len(times) // 2], times[len(times) * 99 // 100], spent / done * 100_000


def spread(values):
    """Median, and the least and the greatest."""
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def print_table(rounds):
    """`rounds`: of each round and statement, what `run` gave for each target."""
    print(f"{CLIENTS} clients, {SECONDS} s a run, medians of {ROUNDS} rounds; CPU: seconds of the proxy per 100,000 transactions\n")
    print("| statement | protocol | direct tps | PgBouncer | pgseal | p50 ms direct / PgBouncer / pgseal | p99 ms direct / PgBouncer / pgseal | CPU s PgBouncer / pgseal | pgseal's CPU in PgBouncer's | more than unsealed, in PgBouncer's |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for at, (what, protocol, _, unsealed) in enumerate(WORKLOADS):
        runs = [one[at] for one in rounds]
        direct, pooled, sealed = ([statistics.median(column) for column in zip(*(one[name] for one in runs))] for name in ("direct", "PgBouncer", "pgseal"))
        times = (" / ".join(f"{one[n]:.3f}" for one in (direct, pooled, sealed)) for n in (1, 2))
        in_pooled = spread([one["pgseal"][3] / one["PgBouncer"][3] for one in runs])
        more = "" if unsealed is None else spread([(one[at]["pgseal"][3] - one[unsealed]["pgseal"][3]) / one[unsealed]["PgBouncer"][3] for one in rounds])
        print(
            f"| {what} | {protocol} | {direct[0]:.0f} | {pooled[0] / direct[0]:.2f}× | {sealed[0] / direct[0]:.2f}× | {' | '.join(times)} | {pooled[3]:.2f} / {sealed[3]:.2f} | {in_pooled} | {more} |")


def main():
    os.environ["PGSSLMODE"] = "disable"
    # Logging each statement would be most of what the server does.
    with Servers() as servers:
        subprocess.run(["psql", "-Xqc", "ALTER SYSTEM SET log_statement = 'none'", "-c", "SELECT pg_reload_conf()", "-o", "/dev/null", servers.direct], check=True)
        subprocess.run(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", servers.direct, "-c", LOAD], check=True)
        fill = "\n".join(
            f"UPDATE configs SET template = '{{\"retry\": {i}, \"targets\": [\"openai\", \"anthropic\"], \"cache\": {{\"mode\": \"semantic\", \"max_age\": 3600}}}}' WHERE organisation_id = '{ORG}' AND slug = '{i}';"
            for i in range(1, ROWS + 1))
        subprocess.run(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", servers.url], input=fill, text=True, check=True)
        subprocess.run(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", servers.direct], input=TWIN, text=True, check=True)
        bouncer = PgBouncer(servers)
        try:
            targets = {"direct": (servers.direct, None), "PgBouncer": (bouncer.url, bouncer.process), "pgseal": (servers.url, servers.pgseal)}
            script = servers.folder / "script.sql"
            rounds = []
            for number in range(ROUNDS):
                print(f"round {number + 1} of {ROUNDS}", file=sys.stderr, flush=True)
                rounds.append([])
                for _, protocol, sql, _ in WORKLOADS:
                    script.write_text(f"\\set id random(1, {ROWS})\n{sql}\n")
                    rounds[-1].append({name: run(servers.folder, url, process, protocol, script) for name, (url, process) in targets.items()})
            print_table(rounds)
        finally:
            bouncer.stop()


if __name__ == "__main__":
    main()
