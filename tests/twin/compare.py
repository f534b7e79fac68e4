"""Runs the same steps on the sealed database through pgseal and on its plain twin, and compares all that a client sees."""
import base64
import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psycopg
from psycopg import pq

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "drivers"))
from grammar import TABLES, Grammar, Statement  # noqa: E402
from servers import Servers  # noqa: E402
from values import MARK, OIDS, TENANTS, Value, value  # noqa: E402

HERE = Path(__file__).resolve().parent
DONE = {pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK, pq.ExecStatus.EMPTY_QUERY}
# Nobody can say whose the value is: not a wrong answer, but counted apart.
NO_TENANT = {b"SV006", b"SV007"}
BAD_VALUE = {b"22P02", b"22001", b"22P05"}


class TwinServers(Servers):
    """`app` is sealed, `twin` its plain copy with the same OIDs; the twin's statements and errors are not logged."""

    def __init__(self, **options):
        env = {"PGSEAL_RULES": str(HERE / "rules.toml"), **options.pop("env", {})}
        super().__init__(env=env, **options)

    def _postgres(self):
        super()._postgres()
        subprocess.run(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", self.direct, "-f", str(HERE / "schema.sql")], check=True)
        with psycopg.connect(self.direct.replace("/app", "/postgres"), autocommit=True) as root:
            root.execute("CREATE DATABASE twin TEMPLATE app")
            for setting in ("log_statement = none", "log_min_messages = panic", "log_min_error_statement = panic"):
                root.execute(f"ALTER DATABASE twin SET {setting}")
        self.twin = self.direct.replace("/app", "/twin")


def answer(result):
    """What one result says, as comparable data."""
    status = pq.ExecStatus(result.status)
    if status == pq.ExecStatus.FATAL_ERROR:
        field = result.error_field
        return ("error", field(pq.DiagnosticField.SQLSTATE), field(pq.DiagnosticField.STATEMENT_POSITION), field(pq.DiagnosticField.MESSAGE_PRIMARY), field(pq.DiagnosticField.MESSAGE_HINT) or b"")
    columns = [(result.fname(at), result.ftype(at), result.fmod(at), result.fformat(at), result.ftable(at), result.ftablecol(at)) for at in range(result.nfields)]
    rows = [tuple(result.get_value(row, at) for at in range(result.nfields)) for row in range(result.ntuples)]
    return (status.name, result.command_status, columns, rows)


class Peer:
    """One connection, driven at the level of libpq."""

    def __init__(self, url):
        self.wire = pq.PGconn.connect(url.encode())
        assert self.wire.status == pq.ConnStatus.OK, self.wire.error_message
        self.wire.notice_handler = None

    def query(self, sql):
        """A simple Query; gives one answer per statement."""
        self.wire.send_query(sql.encode())
        return self._all()

    def execute(self, statement, binary):
        self.wire.send_query_params(statement.sql.encode(), [p[0].parameter(p[2]) for p in statement.parameters], [p[1] for p in statement.parameters], [int(p[2]) for p in statement.parameters], int(binary))
        return self._all()

    def fail(self):
        """An error that changes nothing but the transaction: a simple Query would end the unnamed statement."""
        self.wire.send_prepare(b"failing", b"SELECT nothing")
        self._all()

    def prepare(self, name, statement):
        self.wire.send_prepare(name, statement.sql.encode(), [p[1] for p in statement.parameters])
        return self._all()

    def describe(self, name):
        self.wire.send_describe_prepared(name)
        return self._all()

    def run(self, name, parameters, binary):
        self.wire.send_query_prepared(name, [p[0].parameter(p[2]) for p in parameters], [int(p[2]) for p in parameters], int(binary))
        return self._all()

    def copy_in(self, sql, chunks):
        self.wire.send_query(sql.encode())
        first = self.wire.get_result()
        if first.status != pq.ExecStatus.COPY_IN:
            return [answer(first), *self._all()]
        for chunk in chunks:
            self.wire.put_copy_data(chunk)
        self.wire.put_copy_end()
        return self._all()

    def copy_out(self, sql):
        self.wire.send_query(sql.encode())
        first = self.wire.get_result()
        if first.status != pq.ExecStatus.COPY_OUT:
            return [answer(first), *self._all()]
        rows = []
        while True:
            size, data = self.wire.get_copy_data(0)
            if size < 0:
                break
            rows.append((bytes(data),))
        return [("rows", b"", [], rows), *self._all()]

    def pipeline(self, statements, binary):
        self.wire.enter_pipeline_mode()
        for statement in statements:
            self.wire.send_query_params(statement.sql.encode(), [p[0].parameter(p[2]) for p in statement.parameters], [p[1] for p in statement.parameters], [int(p[2]) for p in statement.parameters], int(binary))
        self.wire.pipeline_sync()
        answers = []
        while True:
            result = self.wire.get_result()
            if result is None:
                continue
            if result.status == pq.ExecStatus.PIPELINE_SYNC:
                break
            answers.append(("skipped",) if result.status == pq.ExecStatus.PIPELINE_ABORTED else answer(result))
        self.wire.exit_pipeline_mode()
        return answers

    def _all(self):
        answers = []
        while (result := self.wire.get_result()) is not None:
            answers.append(answer(result))
        return answers


def refusal(answers):
    """`refused`, `no tenant` or None."""
    for one in answers:
        if one[0] == "error" and b"docs/errors.md#" in one[4]:
            if one[1] == b"0A000" and b"#refused-" in one[4]:
                return "refused"
            if one[1] in NO_TENANT:
                return "no tenant"
    return None


def anchor(answers):
    return next((one[4].rsplit(b"#", 1)[1].decode().rstrip(".") for one in answers if one[0] == "error" and b"#" in one[4]), "")


def differ(sealed, plain, ordered):
    """The first difference in words, or None."""
    if len(sealed) != len(plain):
        return f"{len(sealed)} answers, not {len(plain)}"
    for ours, theirs in zip(sealed, plain):
        if ours[0] != theirs[0] or ours[1:2] != theirs[1:2]:
            return "other outcome"
        if ours[0] == "error":
            if ours[2] and theirs[2] and ours[2] != theirs[2]:
                return f"position {ours[2]}, not {theirs[2]}"
        elif ours[0] != "skipped":
            if ours[2] != theirs[2]:
                return "other columns"
            mine, his = ours[3], theirs[3]
            if not ordered:
                key = lambda row: tuple(b"" if cell is None else b"x" + cell for cell in row)
                mine, his = sorted(mine, key=key), sorted(his, key=key)
            if mine != his:
                return "other rows"
    return None


def failure(answers):
    """The place of the first error, its code and what it points to."""
    return next(((at, *one[1:3]) for at, one in enumerate(answers) if one[0] == "error"), (len(answers), None, None))


def bad_value(sealed, plain, prepares, told):
    """A value that does not fit its type is told by pgseal when it seals it: before the server would meet another error of
    the same statement, and at Bind where the server tells it of a constant at Parse already. What was answered before it
    must be the same."""
    (ours, our_code, our_position), (theirs, their_code, their_position) = failure(sealed), failure(plain)
    other = our_code != their_code or our_position and their_position and our_position != their_position
    if our_code in BAD_VALUE and their_code and other and ours == theirs:
        return "earlier" if differ(sealed[:ours], plain[:theirs], False) is None else None
    # The length of a varchar in derived rows is looked at although its row may match none.
    if our_code == b"22001" and not their_code and told.startswith("UPDATE") and " FROM (VALUES " in told:
        return "measured"
    return "later" if prepares and not our_code and their_code in BAD_VALUE else None


class Difference(AssertionError):
    pass


class Ended(Exception):
    pass


class Comparison:
    """A seeded run of batches. `counts` says how it went."""

    def __init__(self, servers, seed):
        self.servers, self.seed = servers, seed
        self.counts, self.anchors, self.errors = Counter(), Counter(), Counter()
        self.examples = {}
        self.sealed, self.plain = Peer(servers.url), Peer(servers.twin)
        self.direct = psycopg.connect(servers.direct, autocommit=True)
        self.tenants = None
        Grammar.version = servers.version or 15

    def both(self, steps_sql):
        for peer in (self.sealed, self.plain):
            for sql in steps_sql:
                answers = peer.query(sql)
                if answers[-1][0] == "error":
                    raise Difference(f"cannot {sql[:60]}: {answers[-1]}")

    def batch(self, number, cases):
        """Fresh rows, then `cases` random steps, then every value is looked at."""
        self.rng = random.Random(f"{self.seed}/{number}")
        self.where = f"seed {self.seed} batch {number}"
        names = "notes, people, tokens, events, parts, staff, \"Odd Table\", constants, logs, other.people"
        self.both(["ROLLBACK", "DISCARD ALL", f"TRUNCATE {names} CASCADE", f"SET app.tenant = '{self.rng.choice(TENANTS)}'"])
        for table in ("people", "people", "notes", "tokens", "events", "events_b", "staff", "odd", "parts", "constants", "logs", "other"):
            self.fill(table)
        for step in range(cases):
            self.where = f"seed {self.seed} batch {number} step {step}"
            try:
                self.case()
            except Ended:
                break
        self.both(["ROLLBACK"])
        self.contents()
        self.raw()

    def fill(self, name):
        table = TABLES[name]
        for key in range(1, 11):
            cells = []
            for column in table.columns:
                made = Value("int", str(key + {"notes": 10, "staff": 100}.get(name, 0))) if column.name == table.key else None
                while made is None or made.text is None and column.kind == "tenant":
                    kind = {"part": "tenant", "partb": "tenant"}.get(column.kind, column.kind)
                    made = Value("text", "b") if column.kind == "partb" else Value("text", self.rng.choice("abc")) if column.kind == "part" else value(self.rng, kind, column.sealed)
                cells.append(made.literal(self.rng))
            self.step(lambda peer, sql=f"INSERT INTO {table.name} VALUES ({', '.join(cells)}) ON CONFLICT DO NOTHING": peer.query(sql), f"fill {table.name} {cells}")

    def case(self):
        if self.plain.wire.transaction_status == pq.TransactionStatus.INERROR and self.rng.random() < 0.6:
            end = self.rng.choice(["ROLLBACK", "ROLLBACK TO s", "COMMIT"])
            self.step(lambda peer: peer.query(end), end, count=False)
        roll = self.rng.random()
        kinds = [(0.34, self.simple), (0.62, self.extended), (0.72, self.prepared), (0.78, self.sql_prepared), (0.83, self.several), (0.87, self.cursor), (0.93, self.transaction), (0.96, self.copy), (0.985, self.piped)]
        kind = next((kind for limit, kind in kinds if roll < limit), self.utility)
        kind()

    # Ways to send a statement

    def simple(self):
        statement = Grammar(self.rng).statement()
        self.step(lambda peer: peer.query(statement.sql), statement.sql, statement.ordered)

    def extended(self):
        statement = Grammar(self.rng, "parameters").statement()
        binary = self.rng.random() < 0.5
        self.step(lambda peer: peer.execute(statement, binary), self.told(statement, binary), statement.ordered)

    def prepared(self):
        statement = Grammar(self.rng, "parameters").statement()
        name = self.rng.choice([b"one", b"two", b""])
        if name:
            self.step(lambda peer: peer.query(f"DEALLOCATE {name.decode()}"), "DEALLOCATE", count=False)
        if not self.step(lambda peer: peer.prepare(name, statement), self.told(statement), prepares=True):
            return
        if self.rng.random() < 0.6:
            self.step(lambda peer: peer.describe(name), f"describe {statement.sql}")
        for _ in range(self.rng.randint(1, 3)):
            binary = self.rng.random() < 0.5
            parameters = [(self.again(p[0]), p[1], p[2]) for p in statement.parameters]
            self.step(lambda peer: peer.run(name, parameters, binary), self.told(Statement(statement.sql, parameters), binary), statement.ordered)

    def again(self, old):
        """Another value of the same kind, with the mark if the old one had it."""
        if old.kind == "int" or old.text in TENANTS or old.text is None or len(old.text) < 2:
            return old
        marked = MARK in old.text or old.kind == "bytea"
        return value(self.rng, old.kind, marked) if marked else old

    def sql_prepared(self):
        statement = Grammar(self.rng, "prepared").statement()
        types = f" ({', '.join(p[0].kind for p in statement.parameters)})" if statement.parameters and self.rng.random() < 0.7 else ""
        if not self.step(lambda peer: peer.query(f"PREPARE q{types} AS {statement.sql}"), f"PREPARE q{types} AS {statement.sql}", count=False):
            return
        for _ in range(self.rng.randint(1, 2)):
            values = ", ".join(self.again(p[0]).literal(self.rng) for p in statement.parameters)
            sql = f"EXECUTE q ({values})" if values else "EXECUTE q"
            self.step(lambda peer, sql=sql: peer.query(sql), f"{statement.sql} / {sql}", statement.ordered)
        self.step(lambda peer: peer.query("DEALLOCATE q"), "DEALLOCATE q", count=False)

    def several(self):
        parts = [Grammar(self.rng).statement().sql for _ in range(self.rng.randint(2, 3))]
        if self.rng.random() < 0.25 and self.plain.wire.transaction_status == pq.TransactionStatus.IDLE:
            parts = ["BEGIN", *parts, self.rng.choice(["COMMIT", "ROLLBACK"])]
            if self.rng.random() < 0.3:
                parts[2:2] = ["SAVEPOINT t"]
                parts[4:4] = ["ROLLBACK TO t"]
        elif self.rng.random() < 0.2:
            parts.insert(self.rng.randint(0, len(parts)), self.rng.choice(["SELECT 1/0", "SELECT 1", "", "SHOW search_path"]))
        sql = self.rng.choice(["; ", ";\n", " ; /* ; */ "]).join(parts) + self.rng.choice(["", ";"])
        self.step(lambda peer: peer.query(sql), sql)
        if self.plain.wire.transaction_status == pq.TransactionStatus.INERROR and "BEGIN" in parts:
            self.step(lambda peer: peer.query("ROLLBACK"), "ROLLBACK", count=False)

    def cursor(self):
        statement = Grammar(self.rng).select()
        if not statement.ordered:
            return
        kind = self.rng.choice(["", "", "BINARY ", "NO SCROLL "])
        if self.plain.wire.transaction_status == pq.TransactionStatus.IDLE:
            self.step(lambda peer: peer.query("BEGIN"), "BEGIN", count=False)
        self.step(lambda peer: peer.query(f"DECLARE c {kind}CURSOR FOR {statement.sql}"), f"DECLARE c {kind}CURSOR FOR {statement.sql}", True)
        for _ in range(self.rng.randint(1, 3)):
            fetch = f"FETCH {self.rng.choice(['', '2', 'NEXT', 'FORWARD 3', 'ALL'])} FROM c"
            self.step(lambda peer: peer.query(fetch), f"{statement.sql} / {fetch}", True)
        if self.rng.random() < 0.3:
            self.current()
        self.step(lambda peer: peer.query("CLOSE c"), "CLOSE c", count=False)
        if self.rng.random() < 0.8:
            self.step(lambda peer: peer.query("COMMIT"), "COMMIT", count=False)

    def current(self):
        """What stands at a cursor is changed."""
        table = TABLES[self.rng.choice(["people", "tokens", "notes"])]
        column = self.rng.choice(table.of(self.rng.random() < 0.4))
        if column.name in (table.key, table.tenant, "person"):
            return
        new = value(self.rng, column.kind, column.sealed).literal(self.rng)
        change = self.rng.choice([f"UPDATE {table.name} SET {column.name} = {new}", f"DELETE FROM {table.name}"])
        steps = [f"DECLARE here CURSOR FOR SELECT * FROM {table.name} ORDER BY {table.unique}", "FETCH 2 FROM here", f"{change} WHERE CURRENT OF here RETURNING *", "CLOSE here"]
        for sql in steps:
            self.step(lambda peer, sql=sql: peer.query(sql), sql, True)

    def transaction(self):
        idle = self.plain.wire.transaction_status == pq.TransactionStatus.IDLE
        sql = self.rng.choice(["BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION"]) if idle else self.rng.choice(["COMMIT", "COMMIT", "ROLLBACK", "SAVEPOINT s", "ROLLBACK TO s", "RELEASE s", "COMMIT", "SAVEPOINT inner_one", "ROLLBACK TO inner_one", "COMMIT AND CHAIN", "ROLLBACK AND CHAIN", "SELECT 1/0"])
        if self.rng.random() < 0.15:
            sql = f"SET {self.rng.choice(['', 'LOCAL '])}app.tenant = '{self.rng.choice(TENANTS)}'"
        self.step(lambda peer: peer.query(sql), sql, count=False)

    def copy(self):
        table = TABLES[self.rng.choice(["people", "tokens", "events", "events_b", "odd", "constants", "logs", "staff", "notes"])]
        form = self.rng.choice(["", "", " WITH (FORMAT csv)", " WITH (FORMAT csv, HEADER, QUOTE '\"', FORCE_QUOTE *)", " WITH (FORMAT binary)", " (DELIMITER '|', NULL 'nil')"])
        if self.rng.random() < 0.5:
            source = table.name if self.rng.random() < 0.6 else f"(SELECT * FROM {table.name} ORDER BY {table.unique})"
            if table.name == "events" and source == "events":
                source = "(SELECT * FROM events)"
            sql = f"COPY {source} TO STDOUT{form}"
            self.step(lambda peer: peer.copy_out(sql), sql, "ORDER BY" in source)
            return
        if "binary" in form or "HEADER" in form:
            form = ""
        rows = []
        for _ in range(self.rng.randint(1, 4)):
            cells = []
            for column in table.columns:
                made = value(self.rng, {"part": "tenant", "partb": "tenant"}.get(column.kind, column.kind), column.sealed)
                if column.name == table.key:
                    made = Value("int", str(self.rng.randint(20, 60) + (100 if table.name == "staff" else 0)))
                elif column.kind in ("part", "partb"):
                    made = Value("text", "b")
                elif column.name == "n":
                    made = Value("int", str(self.rng.randint(100, 9999)))
                cells.append(made.text)
            if "csv" in form:
                rows.append(",".join("" if cell is None else '"' + cell.replace('"', '""') + '"' for cell in cells))
            else:
                delimiter, null = ("|", "nil") if "|" in form else ("\t", "\\N")
                escape = lambda cell: cell.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("|", "\\|" if delimiter == "|" else "|")
                rows.append(delimiter.join(null if cell is None else escape(cell) for cell in cells))
        data = ("\n".join(rows) + "\n").encode()
        cuts = sorted(self.rng.randrange(len(data)) for _ in range(self.rng.randint(0, 4)))
        chunks = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)])]
        sql = f"COPY {table.name} ({', '.join(c.name for c in table.columns)}) FROM STDIN{form}"
        self.step(lambda peer: peer.copy_in(sql, chunks), f"{sql} {data!r}")

    def piped(self):
        statements = [Grammar(self.rng, "parameters").statement() for _ in range(self.rng.randint(2, 5))]
        binary = self.rng.random() < 0.5
        self.step(lambda peer: peer.pipeline(statements, binary), " | ".join(self.told(statement, binary) for statement in statements))

    def utility(self):
        statement = Grammar(self.rng).statement()
        sql = self.rng.choice([
            f"EXPLAIN (COSTS OFF) {statement.sql}", "ANALYZE people", "LOCK people IN SHARE MODE" if self.plain.wire.transaction_status == pq.TransactionStatus.INTRANS else "TABLE orgs", "TABLE people", "SELECT 'people'::regclass",
            "COMMENT ON COLUMN people.secret IS 'x'", "TRUNCATE constants", "SHOW search_path", f"VALUES (1, {Value('text', 'x').literal(self.rng)})", "SELECT count(*) FROM pg_class WHERE relname = 'people'", "", ";",
        ])
        if sql.startswith("EXPLAIN"):
            self.step(lambda peer: [one[:2] for one in peer.query(sql)] if peer is self.plain else [one[:2] if one[0] != "error" else one for one in peer.query(sql)], sql, blind=True)
        else:
            self.step(lambda peer: peer.query(sql), sql)

    def told(self, statement, binary=None):
        values = ", ".join(f"{p[0].text!r}:{p[0].kind}{'/declared' if p[1] else ''}{'/binary' if p[2] else ''}" for p in statement.parameters)
        return f"{statement.sql}  [{values}]{' -> binary' if binary else ''}"

    # One step on both

    def step(self, act, told, ordered=False, count=True, blind=False, prepares=False):
        """Runs `act` on both; true if both did it."""
        self.counts["steps"] += 1
        ours = act(self.sealed)
        verdict = refusal(ours)
        if verdict:
            self.counts[verdict] += count
            self.anchors[anchor(ours)] += 1
            self.examples.setdefault(anchor(ours), []).append(told)
            if self.plain.wire.transaction_status != pq.TransactionStatus.IDLE:
                self.plain.fail()
            elif len(ours) > 1 and self.sealed.wire.transaction_status == pq.TransactionStatus.INERROR:
                # The text began a transaction, and the twin has seen nothing of it.
                self.sealed.query("ROLLBACK")
            self.standing(told)
            return False
        theirs = act(self.plain)
        if (early := bad_value(ours, theirs, prepares, told)):
            self.counts["bad values"] += 1
            if early != "earlier":
                # One has a statement or an open transaction that the other has not: the batch ends here.
                raise Ended
            self.standing(told)
            return False
        found = None if blind and ours[-1][0] == theirs[-1][0] else differ(ours, theirs, ordered)
        if found:
            self.failed(f"{found}\n  {told}\n  sealed: {ours}\n  plain:  {theirs}")
        self.counts["equal"] += count
        if theirs[-1][0] == "error":
            self.counts["errors"] += count
            self.errors[theirs[-1][1].decode()] += count
        self.standing(told)
        return theirs[-1][0] != "error"

    def standing(self, told):
        ours, theirs = self.sealed.wire.transaction_status, self.plain.wire.transaction_status
        if ours != theirs:
            self.failed(f"transaction {ours}, not {theirs}\n  {told}")

    def failed(self, what):
        self.counts["different"] += 1
        raise Difference(f"{self.where}: {what}")

    # What is stored

    def contents(self):
        for name, table in TABLES.items():
            sql = f"SELECT * FROM {table.name} ORDER BY {table.unique}, tableoid"
            ours, theirs = self.sealed.query(sql), self.plain.query(sql)
            if (found := differ(ours, theirs, False)):
                bad = [pair for pair in zip(ours[0][3], theirs[0][3]) if pair[0] != pair[1]][:2] if ours[0][0] != "error" else ours
                self.failed(f"{found} in the end in {name}: {bad}")

    def raw(self):
        """Every value of a sealed column is sealed, and under the key of its row's tenant."""
        self.direct.execute("SET client_min_messages = warning")
        owners = {bytes(kid): owner for kid, owner in self.direct.execute("SELECT kid, tenant FROM pgseal.key").fetchall()}
        for name, table in TABLES.items():
            for column in table.of(True):
                owner = table.tenant or {"notes": "(SELECT p.org FROM ONLY people p WHERE p.id = person)", "constants": "'main'"}.get(name, "NULL")
                stored = column.name if column.kind == "bytea" else f"{column.name}::text" if column.kind != "jsonb" else f"{column.name} #>> '{{}}'" if column.kind == "jsonb" else column.name
                for value, tenant in self.direct.execute(f"SELECT {stored}, {owner} FROM {table.name} WHERE {column.name} IS NOT NULL"):
                    self.counts["values"] += 1
                    body = self.token(value)
                    if body is None:
                        self.failed(f"not sealed: {name}.{column.name}: {str(value)[:80]}")
                    elif tenant is not None and owners.get(body[25:33]) != tenant:
                        self.failed(f"sealed for {owners.get(body[25:33])}, in a row of {tenant}: {name}.{column.name}")

    @staticmethod
    def token(value):
        """The sealed value's bytes from its suite on."""
        if isinstance(value, bytes):
            return value[3:] if value[:3] == b"\xf8sv" else None
        found = re.fullmatch(r'"?~s1([A-Za-z0-9_-]+)~"?', value)
        return b"\1" + base64.urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4)) if found else None

    def marks(self):
        """No byte of a marked value in the sealed database's files or in any log."""
        for url in (self.servers.direct,):
            with psycopg.connect(url, autocommit=True) as direct:
                direct.execute("CHECKPOINT")
                oid = direct.execute("SELECT oid FROM pg_database WHERE datname = 'app'").fetchone()[0]
        folder = self.servers.folder
        places = [folder / "data" / "base" / str(oid), folder / "server.log", folder / "pgseal.log"]
        found = subprocess.run(["grep", "-rlaF", MARK, *map(str, places)], capture_output=True, text=True).stdout
        hexed = subprocess.run(["grep", "-rlaF", MARK.encode().hex(), *map(str, places)], capture_output=True, text=True).stdout
        if found or hexed:
            lines = subprocess.run(["grep", "-haF", "-e", MARK, "-e", MARK.encode().hex(), str(folder / "server.log"), str(folder / "pgseal.log")], capture_output=True, text=True).stdout
            self.failed(f"plaintext in {found} {hexed}: {lines[:3000]}")
