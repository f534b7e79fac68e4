"""The ways in which a client sends a statement."""
import re

from grammar import Grammar
from peer import nameless
from phrases import Statement
from psycopg import pq
from tables import TABLES
from values import BINARY, ODD_CSV, TENANTS, Value, another, copied, value


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
        if not self.step(lambda peer: peer.prepare(name, statement), self.told(statement)):
            return
        if self.rng.random() < 0.6:
            self.step(lambda peer: peer.describe(name), f"describe {statement.sql}")
        for _ in range(self.rng.randint(1, 3)):
            binary = self.rng.random() < 0.5
            parameters = [(another(self.rng, p[0]), p[1], p[2]) for p in statement.parameters]
            self.step(lambda peer: peer.run(name, parameters, binary), self.told(Statement(statement.sql, parameters), binary), statement.ordered)

    def qualified(self, sql):
        """Often with the schema of `people`, of which there are two: behind a write in the same text it must be known which is meant."""
        return re.sub(r"\b(FROM|JOIN|INTO|UPDATE|USING|ONLY|TABLE) people\b", r"\1 public.people", sql) if self.rng.random() < 0.6 else sql

    def sql_prepared(self):
        statement = Grammar(self.rng, "prepared").statement()
        types = f" ({', '.join(p[0].kind for p in statement.parameters)})" if statement.parameters and self.rng.random() < 0.7 else ""
        if not self.step(lambda peer: peer.query(f"PREPARE q{types} AS {statement.sql}"), f"PREPARE q{types} AS {statement.sql}", count=False):
            return
        for _ in range(self.rng.randint(1, 2)):
            values = ", ".join(another(self.rng, p[0]).literal(self.rng) for p in statement.parameters)
            sql = f"EXECUTE q ({values})" if values else "EXECUTE q"
            self.step(lambda peer, sql=sql: peer.query(sql), f"{statement.sql} / {sql}", statement.ordered)
        self.step(lambda peer: peer.query("DEALLOCATE q"), "DEALLOCATE q", count=False)

    def several(self):
        parts = [self.qualified(Grammar(self.rng).statement().sql) for _ in range(self.rng.randint(2, 3))]
        if self.rng.random() < 0.3:
            parts = self.by_key()
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

    def by_key(self):
        """UPDATEs of one table, one row each, as drivers send them."""
        table = TABLES[self.rng.choice(["ledgers", "accounts", "constants", "replies", "odd", "tokens"])]
        made = Grammar(self.rng)
        parts = []
        for _ in range(self.rng.randint(2, 4)):
            chosen = self.rng.sample(table.settable, self.rng.randint(1, min(3, len(table.settable))))
            parts.append(f"UPDATE {table.name} SET {', '.join(f'{c.name} = {made.slot(c)}' for c in chosen)} WHERE {table.key} = {made.key(table)}")
        return parts

    def cursor(self):
        statement = Grammar(self.rng).select()
        if not statement.ordered:
            return
        kind = self.rng.choice(["", "", "BINARY ", "NO SCROLL ", "SCROLL ", "BINARY SCROLL "])
        hold = " WITH HOLD" if self.rng.random() < 0.15 else ""
        if self.plain.wire.transaction_status == pq.TransactionStatus.IDLE:
            self.step(lambda peer: peer.query("BEGIN"), "BEGIN", count=False)
        self.step(lambda peer: peer.query(f"DECLARE c {kind}CURSOR{hold} FOR {statement.sql}"), f"DECLARE c {kind}CURSOR{hold} FOR {statement.sql}", True)
        if hold and self.rng.random() < 0.6:
            self.step(lambda peer: peer.query("COMMIT"), "COMMIT", count=False)
        for _ in range(self.rng.randint(1, 3)):
            back = ["PRIOR", "BACKWARD 2", "FIRST", "LAST", "ABSOLUTE 2", "RELATIVE -1", "-1", "BACKWARD ALL"] if "SCROLL" in kind and "NO" not in kind else []
            fetch = f"{self.rng.choice(['FETCH', 'FETCH', 'FETCH', 'MOVE'])} {self.rng.choice(['', '2', 'NEXT', 'FORWARD 3', 'ALL', *back])} FROM c"
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
        if column not in table.settable:
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
        table = TABLES[self.rng.choice(list(TABLES))]
        if self.rng.random() < 0.5:
            self.copy_out(table)
        else:
            self.copy_in(table)

    def copy_out(self, table):
        form = self.rng.choice(["", "", " WITH (FORMAT csv)", " WITH (FORMAT csv, HEADER, QUOTE '\"', FORCE_QUOTE *)", " WITH (FORMAT binary)", " (DELIMITER '|', NULL 'nil')", ODD_CSV, " CSV HEADER", " (FORMAT text, HEADER)" if Grammar.version > 14 else ""])
        divided = table.name in ("events", "parts", "parts_low")
        roll = self.rng.random()
        if roll < 0.35:
            source = f"(SELECT * FROM {table.name})" if divided else table.name
        elif roll < 0.5:
            listed = ", ".join(c.name for c in self.rng.sample(table.columns, self.rng.randint(1, len(table.columns))))
            source = f"(SELECT {listed} FROM {table.name})" if divided else f"{table.name} ({listed})"
        elif roll < 0.7:
            source = f"(SELECT * FROM {table.name} ORDER BY {table.unique})"
        else:
            made = Grammar(self.rng)
            statement = made.numbered(made.select() if roll < 0.9 else made.write())
            if statement.sql.startswith("MERGE") and Grammar.version < 17:
                return
            source = f"({statement.sql})"
        sql = f"COPY {source} TO STDOUT{form}"
        self.step(lambda peer: peer.copy_out(sql), sql, "ORDER BY" in source and roll < 0.7)

    def copy_in(self, table):
        form = self.rng.choice(["", "", " WITH (FORMAT csv)", " WITH (FORMAT binary)", " (DELIMITER '|', NULL 'nil')", " (FORMAT csv, HEADER)", ODD_CSV])
        chosen = [c for c in table.columns if c.name in table.needed or self.rng.random() < 0.8]
        if "binary" in form:
            chosen = [c for c in chosen if c.type in BINARY]
        self.rng.shuffle(chosen)
        rows = []
        for _ in range(self.rng.randint(1, 4)):
            cells = []
            for column in chosen:
                made = value(self.rng, column.kind, column.sealed)
                if column.name == table.key:
                    made = Value("int", str(self.rng.randint(20, 60) + table.first))
                elif column.name == "n":
                    made = Value("int", str(self.rng.randint(100, 9999)))
                cells.append(made)
            rows.append(cells)
        data = copied(rows, form, [c.name for c in chosen])
        cuts = sorted(self.rng.randrange(len(data)) for _ in range(self.rng.randint(0, 4)))
        chunks = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)])]
        sql = f"COPY {table.name} ({', '.join(c.name for c in chosen)}) FROM STDIN{form}"
        self.step(lambda peer: peer.copy_in(sql, chunks), f"{sql} {data!r}")

    def piped(self):
        statements = [Grammar(self.rng, "parameters").statement() for _ in range(self.rng.randint(2, 5))]
        binary = self.rng.random() < 0.5
        self.step(lambda peer: peer.pipeline(statements, binary), " | ".join(self.told(statement, binary) for statement in statements))

    def viewed(self):
        """A view that is made for it, whose lineage comes from the server's spelling of it."""
        if self.plain.wire.transaction_status != pq.TransactionStatus.IDLE:
            return
        made = Grammar(self.rng)
        source = made.source() if self.rng.random() < 0.5 else made.one_table()
        if not source.of(True):
            return
        items = [made.nested_item(source), *(made.item(source, 2)[0] for _ in range(2))]
        body = f"SELECT {', '.join(f'{sql} AS c{at}' for at, sql in enumerate(items))} FROM {source.sql}{made.filtered(source)}"
        if not self.step(lambda peer: peer.query(f"CREATE VIEW made AS {body}"), f"CREATE VIEW made AS {body}"):
            return
        for sql in self.rng.sample(["SELECT * FROM made", "SELECT to_jsonb(m) FROM made m", "SELECT json_build_array(c0, c1) FROM made", "SELECT count(c0) FROM made", "SELECT c0, coalesce(m.c1, NULL) FROM made m WHERE c2 IS NOT NULL", "SELECT ROW(c0, c1) FROM made", "SELECT ARRAY(SELECT c0) FROM made", "TABLE made"], 2):
            # The two views are not each other's copies, so that their OIDs differ.
            self.step(lambda peer, sql=sql: [nameless(one) for one in peer.query(sql)], f"{body} / {sql}")
        self.step(lambda peer: peer.query("DROP VIEW made"), "DROP VIEW made", count=False)

    def utility(self):
        statement = Grammar(self.rng).statement()
        sql = self.rng.choice([
            f"EXPLAIN (COSTS OFF) {statement.sql}", f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) {statement.sql}", "ANALYZE people", "LOCK people IN SHARE MODE" if self.plain.wire.transaction_status == pq.TransactionStatus.INTRANS else "TABLE orgs", "TABLE people", "SELECT 'people'::regclass",
            "COMMENT ON COLUMN people.secret IS 'x'", "TRUNCATE constants", "SHOW search_path", f"VALUES (1, {Value('text', 'x').literal(self.rng)})", "SELECT count(*) FROM pg_class WHERE relname = 'people'", "", ";",
        ])
        if sql.startswith("EXPLAIN"):
            self.step(lambda peer: [one[:2] if one[0] != "error" else one for one in peer.query(sql)], sql, blind=True)
        else:
            self.step(lambda peer: peer.query(sql), sql)

    def told(self, statement, binary=None):
        values = ", ".join(f"{p[0].text!r}:{p[0].kind}{'/declared' if p[1] else ''}{'/binary' if p[2] else ''}" for p in statement.parameters)
        return f"{statement.sql}  [{values}]{' -> binary' if binary else ''}"
