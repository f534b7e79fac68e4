"""Runs the same steps on the sealed database through pgseal and on its plain twin, and compares all that a client sees."""
import random
import subprocess
import sys
from pathlib import Path

import psycopg
from psycopg import pq

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "drivers"))
from answers import anchor, allowed, differ, refusal, unread  # noqa: E402
from grammar import Grammar  # noqa: E402
from peer import Peer  # noqa: E402
from servers import VERSION, Servers, unpacked  # noqa: E402
from stored import Stored  # noqa: E402
from tables import TABLES  # noqa: E402
from tally import Tally  # noqa: E402
from values import TENANTS, Value, fitting  # noqa: E402
from ways import Ways  # noqa: E402

HERE = Path(__file__).resolve().parent
# Cases on the same rows: enough that they meet each other's, few enough that keys are still free.
BATCH = 300
# What the server does for rows that must survive, and the compiler that it starts for large joins, take most of its time.
SETTINGS = "\n".join(("", "synchronous_commit = off", "full_page_writes = off", "wal_level = minimal", "max_wal_senders = 0", "max_wal_size = 64MB", "jit = off", "autovacuum = off", ""))


class TwinServers(Servers):
    """`app` is sealed, `twin` its plain copy with the same OIDs; the twin's statements and errors are not logged."""

    def __init__(self, **options):
        env = {"PGSEAL_RULES": str(HERE / "rules.toml"), **options.pop("env", {})}
        super().__init__(env=env, **options)

    @staticmethod
    def unpack():
        """The server's programs, once for all workers."""
        if VERSION:
            unpacked(VERSION)

    def start_postgres(self):
        with open(self.folder / "data" / "postgresql.conf", "a") as conf:
            conf.write(SETTINGS)
        super().start_postgres()

    def _postgres(self):
        super()._postgres()
        subprocess.run(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", self.direct, "-f", str(HERE / "schema.sql")], check=True)
        with psycopg.connect(self.direct.replace("/app", "/postgres"), autocommit=True) as root:
            root.execute("CREATE DATABASE twin TEMPLATE app")
            for setting in ("log_statement = none", "log_min_messages = panic", "log_min_error_statement = panic"):
                root.execute(f"ALTER DATABASE twin SET {setting}")
        self.twin = self.direct.replace("/app", "/twin")


class Difference(AssertionError):
    pass


class Ended(Exception):
    """Both go on differently, for a reason that is known."""


class Comparison(Ways):
    """A seeded run of batches. `tally` says how it went."""

    def __init__(self, servers, seed):
        self.servers, self.seed = servers, seed
        self.tally, self.way = Tally(), ""
        self.sealed, self.plain = Peer(servers.url), Peer(servers.twin)
        self.stored = Stored(servers)
        Grammar.version = servers.version or 15

    def both(self, steps_sql):
        for peer in (self.sealed, self.plain):
            for sql in steps_sql:
                answers = peer.query(sql)
                if answers[-1][0] == "error":
                    self.failed(f"cannot {sql[:200]}: {answers[-1]}")

    def batch(self, number, cases=BATCH):
        """Fresh rows, then `cases` random ones, then every value is looked at."""
        self.rng = random.Random(f"{self.seed}/{number}")
        self.where = f"seed {self.seed} batch {number}"
        names = ", ".join(table.name for table in TABLES.values())
        self.both(["ROLLBACK", "DISCARD ALL", "DROP VIEW IF EXISTS made", f"TRUNCATE {names} CASCADE", f"SET app.tenant = '{self.rng.choice(TENANTS)}'"])
        self.both([self.rows(name) for name in TABLES])
        try:
            for step in range(cases):
                self.where = f"seed {self.seed} batch {number} step {step}"
                self.tally.counts["cases"] += 1
                self.case()
            self.both(["ROLLBACK"])
            self.contents()
        except Ended:
            self.both(["ROLLBACK"])
        self.tally.counts["values"] += self.stored.sealed(self.failed)
        self.stored.marks(self.failed)

    def rows(self, name):
        """Ten rows for a table to begin with."""
        table = TABLES[name]
        rows = []
        for key, number in enumerate(self.rng.sample(range(1, 31), 10), 1):
            cells = []
            for column in table.columns:
                made = Value("int", str(key + table.first)) if column.name == table.key else Value("int", str(number)) if column.name == "n" else fitting(self.rng, column)
                cells.append(made.literal(self.rng))
            rows.append(f"({', '.join(cells)})")
        return f"INSERT INTO {table.name} VALUES {', '.join(rows)} ON CONFLICT DO NOTHING"

    def case(self):
        if self.plain.wire.transaction_status == pq.TransactionStatus.INERROR and self.rng.random() < 0.6:
            end = self.rng.choice(["ROLLBACK", "ROLLBACK TO s", "COMMIT"])
            self.step(lambda peer: peer.query(end), end, count=False)
        roll = self.rng.random()
        kinds = [(0.34, self.simple), (0.62, self.extended), (0.72, self.prepared), (0.78, self.sql_prepared), (0.83, self.several), (0.87, self.cursor), (0.93, self.transaction), (0.96, self.copy), (0.98, self.piped), (0.99, self.viewed)]
        kind = next((kind for limit, kind in kinds if roll < limit), self.utility)
        self.way = kind.__name__
        kind()

    # One step on both

    def step(self, act, told, ordered=False, count=True, blind=False):
        """Runs `act` on both; true if both did it."""
        self.sealed.told(), self.plain.told()
        ours = act(self.sealed)
        if (verdict := refusal(ours)):
            self.refused(ours, verdict, told, count)
            return False
        theirs = act(self.plain)
        if (early := allowed(ours, theirs, told)):
            self.tally.counts["told at another time"] += 1
            if early != "earlier":
                # One has a statement, an open transaction or a change that the other has not: the batch ends here.
                raise Ended
            self.standing(told)
            return False
        if unread(ours, theirs) and self.agree_outside(act, theirs):
            self.tally.counts["unread"] += 1
            self.standing(told)
            return False
        found = None if blind and ours[-1][0] == theirs[-1][0] else differ(ours, theirs, ordered)
        mine, his = self.sealed.told(), self.plain.told()
        if not found and mine != his:
            found = f"notices {mine}, not {his}"
        if found:
            self.failed(f"{found}\n  {told}\n  sealed: {ours}\n  plain:  {theirs}")
        failed = theirs[-1][0] == "error"
        if count:
            self.tally.note(self.way, told, "error" if failed else "served")
        if failed:
            self.tally.errors[theirs[-1][1].decode()] += count
        self.standing(told)
        return not failed

    def agree_outside(self, act, theirs):
        """Whether in a transaction that has not failed pgseal refuses this too, or says what PostgreSQL says."""
        other = Peer(self.servers.url)
        other.query("BEGIN")
        ours = act(other)
        other.wire.finish()
        return bool(refusal(ours)) or not differ(ours, theirs, False)

    def refused(self, ours, verdict, told, count):
        """The twin does not see what pgseal refused, but a transaction ends in both."""
        if count:
            self.tally.note(self.way, told, verdict)
        self.tally.refused(anchor(ours), told)
        if self.plain.wire.transaction_status != pq.TransactionStatus.IDLE:
            self.plain.fail()
        elif len(ours) > 1 and self.sealed.wire.transaction_status == pq.TransactionStatus.INERROR:
            # The text began a transaction, and the twin has seen nothing of it.
            self.sealed.query("ROLLBACK")
        self.standing(told)

    def standing(self, told):
        ours, theirs = self.sealed.wire.transaction_status, self.plain.wire.transaction_status
        if ours != theirs:
            self.failed(f"transaction {ours}, not {theirs}\n  {told}")

    def failed(self, what):
        self.tally.counts["different"] += 1
        raise Difference(f"{self.where}: {what}")

    def contents(self):
        for name, table in TABLES.items():
            sql = f"SELECT * FROM {table.name} ORDER BY {table.unique}, tableoid"
            ours, theirs = self.sealed.query(sql), self.plain.query(sql)
            if (found := differ(ours, theirs, False)):
                bad = [pair for pair in zip(ours[0][3], theirs[0][3]) if pair[0] != pair[1]][:2] if ours[0][0] != "error" else ours
                self.failed(f"{found} in the end in {name}: {bad}")
