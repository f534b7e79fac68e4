"""The ways in which a client sends a statement."""
import re

from grammar import Grammar
from phrases import Statement
from psycopg import pq
from tables import TABLES
from values import MARK, TENANTS, Value, value


class Ways:
    """`rng` decides, `step` runs it on both."""

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
        if self.rng.random() < 0.8:  # PREPARE must know which of both `people` is meant
            statement.sql = re.sub(r"\b(FROM|JOIN|INTO|UPDATE|USING|ONLY|TABLE) people\b", r"\1 public.people", statement.sql)
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
            self.step(lambda peer: [one[:2] if one[0] != "error" else one for one in peer.query(sql)], sql, blind=True)
        else:
            self.step(lambda peer: peer.query(sql), sql)

    def told(self, statement, binary=None):
        values = ", ".join(f"{p[0].text!r}:{p[0].kind}{'/declared' if p[1] else ''}{'/binary' if p[2] else ''}" for p in statement.parameters)
        return f"{statement.sql}  [{values}]{' -> binary' if binary else ''}"
