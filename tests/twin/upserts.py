"""Writes whose answers carry sealed values: several in one WITH, old and new rows, MERGE with RETURNING."""
from phrases import Phrases, Source, Statement
from tables import PROTECTED, TABLES, Column
from values import Value, array, value


class Upserts(Phrases):
    def several_writes(self):
        """Writes to different tables in one statement, whose rows are joined or made JSON."""
        texts, names = [], []
        for name in self.rng.sample(["tokens", "ledgers", "constants", "accounts", "logs", "contacts"], self.rng.randint(2, 3)):
            table, alias = TABLES[name], self.alias("w")
            column = self.rng.choice(table.of(True) or table.settable)
            where = f"{table.key} = {self.integer()}" + (f" AND {table.tenant} = {self.whose(table)}" if table.tenant else "")
            returned = self.rng.choice(["*", f"{table.key}, {column.name}"])
            write = self.rng.choice([f"UPDATE {table.name} SET {column.name} = {self.slot(column)} WHERE {where} RETURNING {returned}", f"DELETE FROM {table.name} WHERE {where} RETURNING {returned}", f"INSERT INTO {table.name} ({self.needed(table)}) VALUES ({self.needed_values(table)}, {self.slot(column)}) ON CONFLICT DO NOTHING RETURNING {returned}"])
            texts.append(f"{alias} AS ({write.replace('(' + self.needed(table) + ')', '(' + self.needed(table) + ', ' + column.name + ')')})")
            names.append((alias, table.key, column.name))
        (a, ka, ca), (b, kb, cb) = names[0], names[1]
        tail = self.rng.choice([f"SELECT {a}.{ca}, {b}.{cb} FROM {a} FULL JOIN {b} ON {a}.{ka} = {b}.{kb}", f"SELECT (SELECT count(*) FROM {a}), to_jsonb({b}) FROM {b}", f"SELECT json_build_object('a', {ca}) FROM {a} UNION ALL SELECT json_build_object('b', {cb}) FROM {b}", f"SELECT {ka} FROM {a} UNION ALL SELECT {kb} FROM {b}"])
        return Statement(f"WITH {', '.join(texts)} {tail}")

    def needed(self, table):
        return ", ".join(c.name for c in table.columns if c.name in table.needed)

    def needed_values(self, table):
        return ", ".join(self.key(table) if c.name == table.key else self.slot(c, null=False) for c in table.columns if c.name in table.needed)

    def old_and_new(self):
        """RETURNING of 18 names the row before and after."""
        if self.version < 18:
            return self.several_writes()
        table = TABLES[self.rng.choice([name for name in PROTECTED if name != "odd"])]
        column = self.rng.choice(table.of(True))
        renamed = self.chance(0.3)
        old, new = ("o", "nw") if renamed else ("old", "new")
        row = lambda: self.rng.choice([old, new])
        items = [self.rng.choice([f"{row()}.{column.name}", f"{row()}.*", f"to_jsonb({row()})", row(), f"coalesce({new}.{column.name}, {old}.{column.name})", f"json_build_array({old}.{column.name}, {new}.{column.name})", f"{old}.{table.key} IS NULL", column.name]) for _ in range(self.rng.randint(1, 3))]
        returning = f" RETURNING {'WITH (OLD AS o, NEW AS nw) ' if renamed else ''}{', '.join(items)}"
        where = f"{table.key} = {self.key(table)}" + (f" AND {table.tenant} = {self.whose(table)}" if table.tenant and self.chance(0.5) else "")
        value = self.slot(column)
        return Statement(self.rng.choice([
            f"UPDATE {table.name} SET {column.name} = {value} WHERE {where}", f"DELETE FROM {table.name} WHERE {where}",
            f"INSERT INTO {table.name} ({self.needed(table)}, {column.name}) VALUES ({self.needed_values(table)}, {value}) ON CONFLICT ({table.unique}) DO UPDATE SET {column.name} = EXCLUDED.{column.name}", f"INSERT INTO {table.name} ({self.needed(table)}, {column.name}) VALUES ({self.needed_values(table)}, {value}) ON CONFLICT DO NOTHING",
        ]) + returning)

    def merge_returning(self, merge):
        """What MERGE did, from 17 on."""
        if self.version < 17:
            return merge
        merge.sql += self.rng.choice([" RETURNING m.*", " RETURNING merge_action(), m.*", " RETURNING merge_action(), to_jsonb(m)", f" RETURNING s.id, m"])
        return merge

    def by_arrays(self):
        """Many rows changed at once, from arrays."""
        table = TABLES[self.rng.choice(["people", "tokens", "ledgers", "accounts", "constants", "notes"])]
        column = self.rng.choice([c for c in table.of(True) if c.type != "json"])
        count = self.rng.randint(1, 3)
        keys = array("int", [Value("int", str(key + table.first)) for key in self.rng.sample(range(1, 16), count)])
        cells = array(column.type, [value(self.rng, column.kind, True) for _ in range(count)])
        first, second = (self.written(made, cast_too=False) if self.how != "literals" else "'" + made.text.replace("'", "''") + "'" for made in (keys, cells))
        held = f" AND {table.name}.{table.tenant} = {self.whose(table)}" if table.tenant and self.chance(0.6) else ""
        return Statement(f"UPDATE {table.name} SET {column.name} = f.v FROM unnest({first}::int[], {second}::{column.type}[]) f(k, v) WHERE {table.name}.{table.key} = f.k{held}{self.rng.choice(['', f' RETURNING {table.name}.{column.name}'])}")

    def by_query(self):
        """Rows that come from a query, into plain columns and back into their own."""
        table = TABLES[self.rng.choice(["people", "tokens", "ledgers", "accounts", "constants", "replies"])]
        column = self.rng.choice(table.of(True))
        plain = [c for c in table.settable if not c.sealed] or [Column(table.key, "int")]
        target, low = self.rng.choice(plain), self.integer()
        guard = f" AND {table.tenant} = {self.whose(table)}" if table.tenant and self.chance(0.7) else ""
        return Statement(self.rng.choice([
            f"UPDATE {table.name} SET {column.name} = {column.name}, {target.name} = {self.slot(target)} WHERE {table.key} > {low}{guard}", f"UPDATE {table.name} t SET {column.name} = {self.slot(column)} FROM people p WHERE p.id = t.{table.key} AND t.{table.key} = {low} RETURNING t.{column.name}, p.secret",
            f"DELETE FROM {table.name} t USING tokens k WHERE k.id = t.{table.key} AND t.{table.key} = {low} RETURNING t.{column.name}, k.token", f"DELETE FROM {table.name} WHERE {table.key} IN (SELECT id FROM logs WHERE id < {low}) RETURNING {column.name}, row_to_json({table.name})",
            f"UPDATE {table.name} SET {column.name} = {self.slot(column)} WHERE {table.key} = (SELECT min(id) FROM tokens WHERE id > {low}){guard} RETURNING {table.key}, {column.name}", f"INSERT INTO {table.name} ({self.needed(table)}, {column.name}) SELECT {self.needed_values(table)}, {self.slot(column)} FROM logs WHERE id = {low} ON CONFLICT DO NOTHING RETURNING {column.name}",
            f"UPDATE {table.name} SET {column.name} = CASE WHEN {column.name} IS NULL THEN {self.slot(column)} ELSE {column.name} END WHERE {table.key} = {low}{guard} RETURNING *", f"UPDATE {table.name} SET {column.name} = coalesce({column.name}, {self.slot(column)}) WHERE {table.key} = {low}{guard} RETURNING {column.name}",
            f"INSERT INTO {table.name} DEFAULT VALUES", f"UPDATE ONLY {table.name} SET {column.name} = NULL WHERE {table.key} = {low} RETURNING {column.name} IS NULL",
        ]))
