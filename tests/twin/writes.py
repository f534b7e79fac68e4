"""Random INSERT, UPDATE, DELETE and MERGE, also in WITH."""
from phrases import Phrases, Source, Statement
from tables import FIXED, PROTECTED, TABLES, Column
from values import Value, array, value


class Writes(Phrases):
    def returning(self, table):
        if self.chance(0.55):
            return ""
        source = Source("", [Column(c.name, c.kind, c.sealed) for c in table.columns], [table.name], [])
        if "." in table.name:
            return " RETURNING *"
        items = ["*"] if self.chance(0.3) else [self.item(source, 2)[0] for _ in range(self.rng.randint(1, 3))]
        return f" RETURNING {', '.join(items)}"

    def row(self, table, chosen):
        cells = []
        for column in chosen:
            if column.name == table.key:
                cells.append(self.key(table))
            elif column.kind in FIXED:
                cells.append(self.slot(column, null=self.chance(0.02)))
            elif self.chance(0.05):
                cells.append("DEFAULT")
            else:
                cells.append(self.slot(column))
        return cells

    def chosen(self, table):
        needed = [c for c in table.columns if c.name in table.needed]
        rest = [c for c in table.columns if c not in needed and self.chance(0.6)]
        chosen = needed + rest
        self.rng.shuffle(chosen)
        return chosen

    def insert(self):
        table = TABLES[self.rng.choice([*PROTECTED, "people", "people", "notes", "tokens", "logs", "other"])]
        chosen = table.columns if self.chance(0.2) else self.chosen(table)
        listed = "" if chosen is table.columns and self.chance(0.7) else f" ({', '.join(c.name for c in chosen)})"
        alias = " AS x" if self.chance(0.1) else ""
        conflict = self.conflict(table, "x" if alias else table.name)
        returning = self.returning(table) if not alias else self.rng.choice(["", " RETURNING x.*", f" RETURNING x.{table.key}"])
        head = f"INSERT INTO {table.name}{alias}{listed} "
        roll = self.rng.random()
        if roll < 0.7:
            rows = [self.row(table, chosen) for _ in range(self.rng.choice([1, 1, 1, 1, 2, 3, 5]))]
            return Statement(head + "VALUES " + ", ".join(f"({', '.join(cells)})" for cells in rows) + conflict + returning)
        if roll < 0.82:
            cells = [self.slot(c, null=c.sealed) if cell == "DEFAULT" else cell for c, cell in zip(chosen, self.row(table, chosen))]
            guard = self.rng.choice(["", f" WHERE NOT EXISTS (SELECT 1 FROM {table.name} e WHERE e.{table.key} = {self.integer()})", " WHERE true"])
            return Statement(f"{head}SELECT {', '.join(cells)}{guard}{conflict}{returning}")
        if roll < 0.9:
            names = [f"v{at}" for at in range(len(chosen))]
            rows = []
            for _ in range(self.rng.randint(1, 3)):
                rows.append([f"{self.slot(c, null=False)}" if cell == "DEFAULT" or cell.startswith("NULL") else cell for c, cell in zip(chosen, self.row(table, chosen))])
            cast = lambda c, name: f"{name}::{c.type}"
            return Statement(f"{head}SELECT {', '.join(cast(c, name) for c, name in zip(chosen, names))} FROM (VALUES {', '.join('(' + ', '.join(cells) + ')' for cells in rows)}) v({', '.join(names)}){conflict}{returning}")
        if roll < 0.92:
            return self.unnested(table, conflict)
        if roll < 0.95:
            return Statement(self.rng.choice([
                f"INSERT INTO logs (id, note, ref) SELECT id + 1000 + {self.integer(1, 5)}, name, n FROM people WHERE id < {self.integer()} ON CONFLICT DO NOTHING",
                f"INSERT INTO logs (id, note) SELECT id + 2000, secret FROM people ON CONFLICT DO NOTHING",
                f"INSERT INTO people (id, org, name) SELECT id + 300, org, name FROM people WHERE id < {self.integer(1, 5)} ON CONFLICT DO NOTHING RETURNING id",
                f"INSERT INTO people (id, org, secret) SELECT id + 400, org, secret FROM people WHERE id < {self.integer(1, 5)} ON CONFLICT DO NOTHING",
                f"INSERT INTO tokens (id, label) SELECT id + 50, name FROM people ON CONFLICT (id) DO UPDATE SET label = EXCLUDED.label",
            ]))
        return Statement(f"INSERT INTO {self.rng.choice(['tokens', 'logs', 'constants'])} (id) VALUES ({self.integer()}){self.rng.choice(['', ' ON CONFLICT DO NOTHING'])}")

    def unnested(self, table, conflict):
        """Rows by arrays, of tenants too, each a constant or written out."""
        chosen = [c for c in table.columns if c.name in table.needed or c.sealed and c.type in ("text", "varchar", "jsonb")]
        count = self.rng.randint(1, 3)
        arrays = []
        for column in chosen:
            kind = column.type
            cells = [value(self.rng, column.kind, column.sealed) for _ in range(count)]
            if column.name == table.key:
                cells = [Value("int", str(self.rng.randint(1, 30) + (100 if table.name == "staff" else 0))) for _ in range(count)]
            if self.how != "literals" and self.chance(0.5):
                arrays.append(f"{self.written(array(kind, cells), cast_too=False)}::{kind}[]")
            elif self.chance(0.5):
                arrays.append(f"ARRAY[{', '.join(cell.literal(self.rng) for cell in cells)}]::{kind}[]")
            else:
                arrays.append("'" + array(kind, cells).text.replace("'", "''") + f"'::{kind}[]")
        return Statement(f"INSERT INTO {table.name} ({', '.join(c.name for c in chosen)}) SELECT * FROM unnest({', '.join(arrays)}){conflict}")

    def conflict(self, table, name):
        if self.chance(0.55):
            return ""
        target = self.rng.choice([f"({table.unique})", f"({table.unique})", *table.others, ""])
        if not target:
            return " ON CONFLICT DO NOTHING"
        if self.chance(0.2):
            return f" ON CONFLICT {target} DO NOTHING"
        plain = [c for c in table.settable if not c.sealed]
        sets = []
        for column in self.rng.sample(table.of(True), min(len(table.of(True)), self.rng.randint(1, 2))) if table.of(True) else []:
            sets.append(f"{column.name} = " + self.rng.choice([f"EXCLUDED.{column.name}", f"EXCLUDED.{column.name}", self.slot(column), f"{name}.{column.name}", f"coalesce(EXCLUDED.{column.name}, {name}.{column.name})", "NULL"]))
        if plain and (not sets or self.chance(0.5)):
            column = self.rng.choice(plain)
            sets.append(f"{column.name} = EXCLUDED.{column.name}")
        where = f" WHERE {name}.{table.key} > {self.integer(1, 10)}" if self.chance(0.2) else ""
        return f" ON CONFLICT {target} DO UPDATE SET {', '.join(sets)}{where}"

    def assignment(self, table, column, name):
        rng = self.rng
        if not column.sealed:
            if column.type == "int":
                return rng.choice([self.integer(), f"{name}.n + 1" if any(c.name == "n" for c in table.columns) else self.integer(), "DEFAULT"])
            return rng.choice([self.slot(column), f"coalesce({self.slot(column)}, 'x')" if column.kind == "text" else self.slot(column)])
        roll = rng.random()
        if roll < 0.6:
            return self.slot(column)
        if roll < 0.7:
            return self.stored(table, column, name, self.rng.randint(1, 3))
        return rng.choice([
            lambda: f"coalesce({self.slot(column)}, {name}.{column.name})", lambda: f"CASE WHEN {name}.{table.key} > {self.integer()} THEN {self.slot(column)} ELSE {name}.{column.name} END", lambda: "NULL", lambda: "DEFAULT",
            lambda: f"{name}.{column.name}", lambda: f"({self.slot(column)})", lambda: f"(SELECT {self.slot(column)})", lambda: f"CASE {name}.{table.key} WHEN 1 THEN {self.slot(column)} WHEN 2 THEN {self.slot(column)} ELSE {name}.{column.name} END",
            lambda: f"nullif({self.slot(column)}, NULL)", lambda: f"{name}.{column.name}::text || 'x'", lambda: f"(SELECT s.secret FROM people s WHERE s.id = {self.integer()})", lambda: "upper('x')",
        ])()

    def where(self, table, name):
        rng = self.rng
        tenant = f"{name}.{table.tenant} = {self.whose(table)}" if table.tenant else None
        key = f"{name}.{table.key}"
        source = Source("", [Column(f"{name}.{c.name}", c.kind, c.sealed) for c in table.columns], [name], [])
        roll = rng.random()
        if roll < 0.45:
            return f"{key} = {self.key(table)}"
        if tenant and roll < 0.7:
            return f"{tenant} AND {key} {rng.choice(['=', '>', '<'])} {self.key(table)}"
        if tenant and roll < 0.75:
            return tenant
        if roll < 0.82:
            return f"{key} IN ({self.key(table)}, {self.key(table)})"
        return self.condition(source)

    def update(self):
        table = TABLES[self.rng.choice([*PROTECTED, "people", "people", "notes", "tokens", "logs", "other"])]
        if self.chance(0.02):
            return Statement(f"UPDATE people SET org = {self.tenant()}, name = 'm' WHERE id = {self.integer()}")
        name = table.name if "." not in table.name and self.chance(0.6) else "u"
        target = table.name + (f" {self.rng.choice(['AS ', ''])}u" if name == "u" else "")
        settable = table.settable + [c for c in table.columns if c.kind in ("ref", "noteref") and self.chance(0.1)]
        chosen = self.rng.sample(settable, min(len(settable), self.rng.choice([1, 1, 2, 2, 3])))
        if len(chosen) > 1 and self.chance(0.12):
            tail = ", ".join(self.slot(c) for c in chosen)
            sets = f"({', '.join(c.name for c in chosen)}) = {self.rng.choice([f'({tail})', f'ROW({tail})', f'(SELECT {tail})'])}"
        else:
            sets = ", ".join(f"{c.name} = {self.assignment(table, c, name)}" for c in chosen)
        origin = ""
        if self.chance(0.1):
            origin, where = " FROM logs f", f"f.id = {name}.{table.key} AND {self.where(table, name)}"
        elif self.chance(0.06) and table.of(True):
            column = self.rng.choice(table.of(True))
            sets = f"{column.name} = f.v"
            kind = column.type
            rows = ", ".join(f"({key}::int, {self.slot(column, null=False)}::{kind})" for key in self.rng.sample(range(1, 31), self.rng.randint(1, 3)))
            origin, where = f" FROM (VALUES {rows}) f(k, v)", f"f.k = {name}.{table.key}" + (f" AND {name}.{table.tenant} = {self.whose(table)}" if table.tenant and self.chance(0.7) else "")
        else:
            where = self.where(table, name)
        returning = self.returning(table) if name != "u" and not origin else self.rng.choice(["", f" RETURNING {name}.*", f" RETURNING {name}.{chosen[0].name}"])
        return Statement(f"UPDATE {target} SET {sets}{origin} WHERE {where}{returning}")

    def delete(self):
        table = TABLES[self.rng.choice([*PROTECTED, "logs"])]
        name = table.name if self.chance(0.6) else "u"
        target = table.name + (" u" if name == "u" else "")
        using = " USING logs f" if self.chance(0.1) else ""
        where = f"f.id = {name}.{table.key}" if using else self.where(table, name) if self.chance(0.3) else f"{name}.{table.key} = {self.key(table)}"
        returning = self.returning(table) if name != "u" and not using else self.rng.choice(["", f" RETURNING {name}.*"])
        return Statement(f"DELETE FROM {target}{using} WHERE {where}{returning}")

    def merge(self):
        if self.version < 15:
            return self.update()
        table = TABLES[self.rng.choice(["people", "tokens", "constants", "notes", "events", "ledgers", "accounts", "replies"])]
        sealed = self.rng.choice(table.of(True))
        needed = [c for c in table.columns if c.name in table.needed]
        source = self.rng.choice(["logs s", "people s", f"(SELECT {self.integer()} AS id) s", "(VALUES (1), (2), (3)) s(id)"])
        tenant = f" AND m.{table.tenant} = {self.whose(table)}" if table.tenant and self.chance(0.6) else ""
        cells = [f"s.id" if c.name == table.key else self.slot(c, null=False) for c in needed]
        arms = [
            f"WHEN MATCHED AND s.id > {self.integer()} THEN UPDATE SET {sealed.name} = {self.slot(sealed)}", f"WHEN MATCHED THEN UPDATE SET {sealed.name} = {self.slot(sealed)}",
            "WHEN MATCHED AND s.id = 3 THEN DELETE", f"WHEN NOT MATCHED THEN INSERT ({', '.join(c.name for c in needed)}, {sealed.name}) VALUES ({', '.join(cells)}, {self.slot(sealed)})", "WHEN NOT MATCHED THEN DO NOTHING",
        ]
        if self.version >= 17:
            held = self.rng.choice([f"m.{table.tenant} = {self.whose(table)}" if table.tenant else f"m.{table.key} = {self.integer()}", f"m.{table.key} = {self.integer()}"])
            arms += 2 * [f"WHEN NOT MATCHED BY SOURCE AND {held} THEN UPDATE SET {sealed.name} = {self.slot(sealed)}", f"WHEN NOT MATCHED BY SOURCE AND m.{table.key} > {self.integer(20, 30)} THEN DELETE"]
        return Statement(f"MERGE INTO {table.name} m USING {source} ON m.{table.key} = s.id{tenant} {' '.join(self.rng.sample(arms, 2))}")

    def chained(self):
        """Writes that feed each other or move rows between partitions."""
        key, limit = self.integer(), self.integer(1, 9)
        secret, body, meta = (Column(name, kind, True) for name, kind in (("secret", "text"), ("body", "text"), ("meta", "jsonb")))
        return Statement(self.rng.choice([
            f"WITH gone AS (DELETE FROM notes WHERE id = {key} RETURNING id, person, body) SELECT g.id, g.body, p.secret FROM gone g JOIN people p ON p.id = g.person",
            f"WITH made AS (INSERT INTO people (id, org, secret) VALUES ({key}, {self.tenant()}, {self.slot(secret)}) ON CONFLICT (id) DO NOTHING RETURNING id) INSERT INTO logs (id, ref) SELECT id + 5000, id FROM made ON CONFLICT DO NOTHING",
            f"WITH done AS (UPDATE people SET secret = {self.slot(secret)} WHERE id = {key} AND org = {self.tenant()} RETURNING id, secret, name) SELECT to_jsonb(done), secret FROM done",
            f"WITH one AS (UPDATE notes SET body = {self.slot(body)} WHERE id = {key} RETURNING *), two AS (UPDATE logs SET n = n + 1 WHERE id = {limit} RETURNING id) SELECT one.body, one.meta, two.id FROM one FULL JOIN two ON true",
            f"WITH src AS (SELECT {key}::int AS id, {self.slot(secret, null=False)} AS s) UPDATE tokens SET token = src.s FROM src WHERE tokens.id = src.id",
            f"UPDATE parts SET n = {self.integer(1, 99)} WHERE id = {key} RETURNING *", f"UPDATE parts SET n = n + 40, body = {self.slot(body)} WHERE id = {key} AND org = {self.tenant()} RETURNING body, n, tableoid::regclass",
            f"UPDATE events SET kind = 'b', payload = {self.slot(body)} WHERE id = {key} AND kind = 'a' RETURNING *", f"DELETE FROM parts USING people p WHERE p.id = parts.id AND parts.id = {key} RETURNING parts.body, p.secret",
            f"INSERT INTO parts_low (id, org, n, body) VALUES ({key}, {self.tenant()}, {self.rng.choice(['1', '7', '60'])}, {self.slot(body)}) ON CONFLICT DO NOTHING RETURNING *",
            f"INSERT INTO notes (id, person, body) SELECT {key}, p.id, {self.slot(body)} FROM people p WHERE p.id = {limit} ON CONFLICT (id) DO UPDATE SET body = EXCLUDED.body, title = 'again' WHERE notes.title IS NULL RETURNING id, body",
            f"INSERT INTO people AS p (id, org, secret, n) VALUES ({key}, {self.tenant()}, {self.slot(secret)}, 7) ON CONFLICT (id) DO UPDATE SET secret = CASE WHEN p.n > 10 THEN EXCLUDED.secret ELSE p.secret END, n = p.n + 1 RETURNING p.secret, p.n",
            f"INSERT INTO tokens (id, token, extra) VALUES ({key}, nullif({self.slot(secret)}, 'x'), nullif({self.slot(meta)}, '{{}}')) ON CONFLICT (id) DO UPDATE SET (token, extra) = (EXCLUDED.token, EXCLUDED.extra) RETURNING token, extra",
            f"UPDATE people SET secret = CASE id WHEN {key} THEN {self.slot(secret)} WHEN {limit} THEN {self.slot(secret)} ELSE secret END WHERE id IN ({self.integer()}, {limit})", f"UPDATE notes SET body = coalesce({self.slot(body)}, body), meta = {self.slot(meta)} WHERE person = {limit}",
            f"UPDATE tokens SET token = {self.slot(secret)}, label = (SELECT name FROM people WHERE id = {limit}) WHERE id = {key} RETURNING token, label", f"INSERT INTO constants (id, body) SELECT {key}, {self.slot(Column('body', 'json', True))} UNION ALL SELECT {limit} + 100, NULL ON CONFLICT DO NOTHING",
        ]))

    def with_write(self):
        write = self.rng.choice([self.insert, self.update, self.delete])()
        if " RETURNING " not in write.sql:
            return write
        name = self.alias("w")
        return Statement(f"WITH {name} AS ({write.sql}) SELECT * FROM {name}")

    def write(self):
        roll = self.rng.random()
        if self.chance(0.15):
            return self.chained()
        if self.chance(0.18):
            return self.rng.choice([self.several_writes, self.old_and_new, self.old_and_new, self.by_query, self.by_query, self.by_arrays, lambda: self.merge_returning(self.merge())])()
        kind = self.insert if roll < 0.42 else self.update if roll < 0.76 else self.delete if roll < 0.82 else self.merge if roll < 0.88 else self.with_write
        return kind()
