"""Random SELECTs whose clauses are put together freely, over any table."""
from phrases import Phrases, Source
from tables import INTS, PROTECTED, TABLES, Column


class Clauses(Phrases):
    def one_table(self, needs_sealed=True):
        """A protected table under an alias, with its columns by their qualified names."""
        table = TABLES[self.rng.choice(PROTECTED)]
        alias = self.alias()
        made = [Column(f"{alias}.{c.name}", c.kind, c.sealed) for c in table.columns]
        keys = [f"{alias}.{key}" for key in table.unique.split(", ")]
        return Source(f"{table.name} {alias}", made, [alias], keys)

    def plain(self, source, kinds=("text", "tenant", *INTS)):
        found = [c.name for c in source.of(False) if c.kind in kinds]
        return self.rng.choice(found) if found else source.keys[0]

    def carried(self, source, avoid=()):
        """A sealed column, by its type where that matters."""
        found = [c for c in source.of(True) if c.type not in avoid]
        return self.rng.choice(found or source.of(True))

    def kind(self, source, name):
        return next(c.type for c in source.columns if c.name == name)

    def filtered(self, source):
        return f" WHERE {self.condition(source)}" if self.chance(0.5) else ""

    # Groups

    def group(self):
        """Aggregates by plain columns; GROUPING SETS, ROLLUP, CUBE, HAVING, FILTER."""
        source = self.one_table()
        order = ", ".join(source.keys)
        first, second = self.plain(source), self.plain(source)
        keys = [first] if first == second or self.chance(0.5) else [first, second]
        listed = ", ".join(keys)
        form = self.rng.choice([listed, listed, f"GROUPING SETS (({listed}), ())", f"ROLLUP ({listed})", f"CUBE ({listed})", f"GROUPING SETS ({', '.join(f'({key})' for key in keys)}, ({listed}))"])
        items = list(keys)
        if form != listed and self.chance(0.5):
            items.append(f"grouping({listed})")
        for _ in range(self.rng.randint(1, 3)):
            items.append(self.aggregate(source, order))
        having = self.rng.choice(["", "", f" HAVING count(*) > {self.integer(0, 2)}", f" HAVING count({self.carried(source).name}) > 0", f" HAVING bool_or({source.keys[0]} > {self.integer()})"])
        return f"SELECT {', '.join(items)} FROM {source.sql}{self.filtered(source)} GROUP BY {form}{having}"

    def aggregate(self, source, order):
        column, key, plain = self.carried(source).name, source.keys[0], self.plain(source)
        call = self.rng.choice([
            f"count({column})", f"count(*)", f"array_agg({column} ORDER BY {order})", f"json_agg({column} ORDER BY {order})", f"jsonb_agg({column} ORDER BY {order} DESC)", f"sum({key})", f"max({plain})", f"count(DISTINCT {plain})",
            f"json_agg(json_build_object('k', {key}, 'v', {column}) ORDER BY {order})", f"array_agg(ROW({key}, {column}) ORDER BY {order})", f"json_object_agg({key}, {column} ORDER BY {order})", f"string_agg({column}::text, ',' ORDER BY {order})",
            f"jsonb_agg({source.aliases[0]} ORDER BY {order})", f"array_agg({source.aliases[0]} ORDER BY {order})", f"json_agg(row_to_json({source.aliases[0]}) ORDER BY {order})", f"(array_agg({column} ORDER BY {order}))[1]",
        ])
        if self.chance(0.2) and call[0] != "(":
            call += f" FILTER (WHERE {self.rng.choice([f'{key} > {self.integer()}', f'{column} IS NOT NULL'])})"
        return f"coalesce({call}, '[]')" if call.startswith("json") and "FILTER" not in call and "object_agg(" not in call and self.chance(0.2) else call

    def windows(self):
        """Window functions with frames, over plain columns, carrying sealed ones."""
        source = self.one_table()
        column, order, plain = self.carried(source).name, ", ".join(source.keys), self.plain(source)
        over = self.rng.choice([f"(ORDER BY {order})", f"(PARTITION BY {plain} ORDER BY {order})", "w", f"(ORDER BY {order} ROWS BETWEEN {self.rng.randint(0, 2)} PRECEDING AND UNBOUNDED FOLLOWING)", f"(ORDER BY {order} GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING EXCLUDE TIES)", f"(w ROWS 2 PRECEDING)"])
        call = self.rng.choice([f"lag({column})", f"lead({column}, {self.rng.randint(1, 3)})", f"first_value({column})", f"last_value({column})", f"nth_value({column}, 2)", "row_number()", f"count({column})", f"ntile(2)", f"array_agg({column})", f"json_agg({column})", "cume_dist()", f"sum({source.keys[0]})"])
        tail = f" WINDOW w AS ({self.rng.choice(['', f'PARTITION BY {plain} '])}ORDER BY {order})" if over == "w" or "(w " in over else ""
        return f"SELECT {source.keys[0]}, {call} OVER {over}, {self.carried(source).name} FROM {source.sql}{self.filtered(source)}{tail}"

    def distinct_on(self):
        source = self.one_table()
        plain, order = self.plain(source), ", ".join(source.keys)
        items = ", ".join(self.item(source, 2)[0] for _ in range(self.rng.randint(1, 3)))
        return f"SELECT DISTINCT ON ({plain}) {plain} AS d, {items} FROM {source.sql}{self.filtered(source)} ORDER BY {plain}, {order}"

    # Queries in queries

    def chain(self):
        """WITH queries that read tables and each other."""
        known, texts = [], []
        for _ in range(self.rng.randint(2, 3)):
            source = self.rng.choice(known) if known and self.chance(0.6) else self.one_table()
            if known and self.chance(0.3):
                other = self.rng.choice(known)
                if other is not source and other.keys and source.keys:
                    source = Source(f"{source.sql} {self.rng.choice(['JOIN', 'LEFT JOIN', 'FULL JOIN'])} {other.sql} ON {source.keys[0]} = {other.keys[0]}", source.columns + other.columns, source.aliases + other.aliases, source.keys)
            name = self.alias("w")
            key = source.keys[0]
            picked = self.rng.sample(source.columns, min(len(source.columns), self.rng.randint(1, 3)))
            items = ", ".join([f"{key} AS k", *(f"{c.name} AS c{at}" for at, c in enumerate(picked))])
            body = f"SELECT {items} FROM {source.sql}{self.filtered(source)}"
            if self.chance(0.15):
                body += f" UNION ALL {body}"
            texts.append(f"{name} AS {self.rng.choice(['', '', 'MATERIALIZED ', 'NOT MATERIALIZED '])}({body})")
            known.append(Source(name, [Column(f"{name}.k", "int"), *(Column(f"{name}.c{at}", c.kind, c.sealed) for at, c in enumerate(picked))], [name], [f"{name}.k"]))
        last = known[-1]
        items = self.rng.choice(["*", ", ".join(c.name for c in last.columns), f"to_jsonb({last.aliases[0]})", f"count(*), json_agg({last.columns[-1].name} ORDER BY {last.keys[0]})"])
        if "ORDER" in items:  # two rows of a key come in any order
            items = f"count(*), count({last.columns[-1].name})"
        return f"WITH {', '.join(texts)} SELECT {items} FROM {last.sql}"

    def recursion(self):
        """Rows that follow each other by their keys."""
        table = TABLES[self.rng.choice(["people", "tokens", "constants", "ledgers", "notes", "replies", "accounts"])]
        column = self.rng.choice(table.of(True)).name
        start = f"SELECT t.{table.key} AS k, t.{column} AS s, 1 AS depth FROM {table.name} t WHERE t.{table.key} = {self.integer(1, 12)}"
        step = f"SELECT t.{table.key}, {self.rng.choice([f't.{column}', f't.{column}', 'r.s', f'coalesce(t.{column}, r.s)'])}, r.depth + 1 FROM {self.rng.choice([f'r JOIN {table.name} t ON t.{table.key} = r.k + 1', f'{table.name} t, r'])} WHERE r.depth < {self.integer(2, 4)} AND t.{table.key} = r.k + 1"
        ways = self.rng.choice(["", "", "", " SEARCH DEPTH FIRST BY k SET o", " CYCLE k SET again USING path"])
        items = self.rng.choice(["k, s, depth", "*", "to_jsonb(r) -> 's'", "count(s)"]) if not ways else "k, s"
        return f"WITH RECURSIVE r AS ({start} UNION ALL {step}){ways} SELECT {items} FROM r"

    def lateral(self):
        """Queries that hang on the rows beside them."""
        outer, inner = self.one_table(), self.one_table()
        left = self.rng.choice([c.name for c in outer.columns if c.kind in INTS])
        right = self.rng.choice([c.name for c in inner.columns if c.kind in INTS])
        order = ", ".join(inner.keys)
        carried, up = self.carried(inner).name, self.carried(outer).name
        body = self.rng.choice([
            f"SELECT {carried} AS v, {up} AS u FROM {inner.sql} WHERE {right} = {left} ORDER BY {order} LIMIT {self.integer(1, 2)}",
            f"SELECT json_agg({carried} ORDER BY {order}) AS v, count({up}) AS u FROM {inner.sql} WHERE {right} < {left}",
            f"SELECT coalesce({carried}, NULL) AS v, {left} AS u FROM {inner.sql} WHERE {right} = {left}",
        ])
        alias = self.alias("l")
        how = self.rng.choice([", LATERAL", " CROSS JOIN LATERAL", " LEFT JOIN LATERAL", " JOIN LATERAL"])
        on = " ON true" if how.endswith(" JOIN LATERAL") and "CROSS" not in how else ""
        return f"SELECT {self.rng.choice([f'{outer.keys[0]}, {alias}.*', f'{alias}.v, {alias}.u, {up}', f'to_json({alias})'])} FROM {outer.sql}{how} ({body}) {alias}{on}"

    def tree(self):
        """JSON of rows with JSON of their rows in it."""
        source = self.one_table()
        return f"SELECT {self.branch(source, 0)} FROM {source.sql}{self.filtered(source)}"

    def branch(self, source, depth):
        make = self.rng.choice(["json", "jsonb"])
        parts = []
        for at in range(self.rng.randint(1, 4)):
            roll = self.rng.random()
            column = self.carried(source)
            if roll < 0.45:
                part = column.name
            elif roll < 0.6:
                part = self.plain(source)
            elif roll < 0.7 and depth < 3:
                part = self.branch(source, depth + 1)
            elif roll < 0.8 and depth < 2:
                inner = self.one_table()
                part = f"(SELECT {make}_agg({self.branch(inner, depth + 2)} ORDER BY {', '.join(inner.keys)}) FROM {inner.sql} WHERE {inner.keys[0]} = {source.keys[0]})"
            elif roll < 0.9:
                part = self.rng.choice([source.aliases[0], f"ARRAY[{column.name}]", f"ROW({column.name}, {source.keys[0]})", f"to_json({column.name})"])
            else:
                part = self.rng.choice(["NULL", "'text'::text", "1.5", "now() IS NULL", f"coalesce({column.name}, NULL)"])
            parts.append(part)
        if self.chance(0.3):
            return f"{make}_build_array({', '.join(parts)})"
        return f"{make}_build_object({', '.join(f'{chr(39)}k{at}{chr(39)}, {part}' for at, part in enumerate(parts))})"

    def combined(self):
        """Set operations over columns of one type, in FROM, in WITH, in each other."""
        kind = self.rng.choice(["text", "text", "text", "jsonb"])
        columns = [(table, column) for table in TABLES.values() for column in table.columns if column.type == kind and column.kind not in ("tenant", "part", "partb")]
        sides = []
        for _ in range(self.rng.randint(2, 3)):
            table, column = self.rng.choice(columns)
            sides.append(f"SELECT {table.key} AS k, {column.name} AS v FROM {table.name} WHERE {table.key} < {self.integer(3, 20)}")
        if self.chance(0.2):
            sides.append(self.rng.choice(["SELECT 0, NULL", f"SELECT 1, NULL::{kind}", "VALUES (2, NULL)"]))
        whole = " UNION ALL ".join(sides)
        return self.rng.choice([
            whole, f"SELECT u.v, u.k FROM ({whole}) u WHERE u.k > {self.integer(1, 5)}", f"WITH u AS ({whole}) SELECT v FROM u", f"SELECT json_build_object('v', u.v) FROM ({whole}) u", f"SELECT count(v), count(DISTINCT k) FROM ({whole}) u",
            f"SELECT p.id, u.v FROM people p LEFT JOIN ({whole}) u ON u.k = p.id", f"SELECT k FROM ({whole}) u {self.rng.choice(['UNION', 'EXCEPT', 'INTERSECT', 'EXCEPT ALL'])} SELECT id FROM people",
        ])

    def shapes(self):
        """What has a place of its own in the grammar of SELECT."""
        a, b = self.one_table(), self.one_table()
        x, y = self.carried(a).name, self.carried(b).name
        key, other = a.keys[0], b.keys[0]
        limit = self.integer()
        return self.rng.choice([
            f"SELECT FROM {a.sql} WHERE {x} IS NULL", f"SELECT ALL {key}, {x} FROM {a.sql} ORDER BY 1 LIMIT ALL", f"SELECT {key} AS k, {x} FROM {a.sql} ORDER BY k FETCH FIRST {self.rng.randint(1, 3)} ROWS WITH TIES" if len(a.keys) == 1 else f"SELECT {x} FROM {a.sql}",
            f"SELECT {x}, {y} FROM ({a.sql} JOIN {b.sql} ON {key} = {other})", f"SELECT {x} FROM {a.sql} WHERE {key} NOT IN (SELECT {other} FROM {b.sql} WHERE {y} IS NOT NULL)", f"SELECT {x} FROM {a.sql} WHERE {key} = ANY (SELECT {other} FROM {b.sql})",
            f"SELECT {x} FROM {a.sql} WHERE {key} >= ALL (SELECT {other} FROM {b.sql} WHERE {other} < {limit})", f"SELECT {x} FROM {a.sql} WHERE ({key}, {key} + 1) IN (SELECT {other}, {other} + 1 FROM {b.sql})", f"SELECT g, {x} FROM generate_series(1, {limit}) g LEFT JOIN {a.sql} ON {key} = g",
            f"SELECT v.n, {x} FROM (VALUES (1, 'one'), ({limit}, 'two')) v (n, s) JOIN {a.sql} ON {key} = v.n", f"VALUES ({limit}, (SELECT {x} FROM {a.sql} WHERE {key} = {limit} LIMIT 1))" if len(a.keys) == 1 else f"SELECT {x} FROM {a.sql}",
            f"SELECT {a.aliases[0]} IS NULL, {a.aliases[0]} IS NOT NULL, count({a.aliases[0]}) FROM {a.sql} GROUP BY {', '.join(c.name for c in a.columns if not c.sealed and c.type != 'json')}, {a.aliases[0]}" if self.chance(0.1) else f"SELECT {a.aliases[0]} IS NULL, num_nulls({x}, {key}) FROM {a.sql}",
            f"SELECT EXISTS (SELECT {x} FROM {a.sql} WHERE {key} = {limit}), (SELECT count({y}) FROM {b.sql})", f"SELECT ({x}), (({key})) FROM {a.sql}, {b.sql} WHERE ({key} = {other}) AND NOT ({x} IS NULL OR {y} IS NULL)",
            f"SELECT {x} AS \"A b\", {key} AS select FROM {a.sql}", f"SELECT s.* FROM (SELECT {x} AS a, {key} AS b FROM {a.sql}) AS s (first, second) WHERE s.second > {limit}", f"SELECT {x} FROM {a.sql} WHERE CASE WHEN {key} > {limit} THEN {x} IS NULL ELSE {key} IS NOT NULL END",
            f"SELECT CASE WHEN {x} IS NULL THEN 'none' ELSE 'some' END, {x} FROM {a.sql}", f"SELECT {x}, {y} FROM {a.sql} LEFT JOIN {b.sql} ON {key} = {other} AND {y} IS NOT NULL AND {other} < {limit} WHERE {y} IS NULL", f"SELECT ARRAY(SELECT {x} FROM {a.sql} ORDER BY {', '.join(a.keys)} LIMIT {self.integer(1, 4)})",
            f"SELECT (SELECT ROW({x}, {key}) FROM {a.sql} ORDER BY {', '.join(a.keys)} LIMIT 1)", f"SELECT x.v FROM (SELECT {x} AS v, {key} AS k FROM {a.sql} ORDER BY {', '.join(a.keys)} LIMIT 3) x ORDER BY x.k DESC", f"SELECT {x} FROM {a.sql} TABLESAMPLE BERNOULLI (100)",
            f"SELECT {', '.join(a.keys)}, {x}, count({y}) FROM {a.sql} LEFT JOIN {b.sql} ON {key} = {other} GROUP BY {', '.join(a.keys)}, {x}" if "json" not in (self.kind(a, x), self.kind(b, y)) else f"SELECT {x} FROM {a.sql}",
            f"SELECT DISTINCT {', '.join(a.keys)}, {x} FROM {a.sql} LEFT JOIN {b.sql} ON {key} < {other}" if self.kind(a, x) != "json" else f"SELECT count(DISTINCT ({', '.join(a.keys)})) FROM {a.sql}", f"SELECT {key}, min({x}), max({x}) FROM {a.sql} GROUP BY {', '.join(a.keys)}" if len(a.keys) == 1 and self.kind(a, x) in ("text", "varchar") else f"SELECT {x} FROM {a.sql}",
            f"SELECT {a.aliases[0]}.*, {b.aliases[0]}.* FROM {a.sql} FULL JOIN {b.sql} ON {key} = {other}", f"SELECT count(*) FROM {a.sql} NATURAL JOIN {b.sql}" if self.chance(0.1) else f"SELECT to_jsonb({a.aliases[0]}) FROM {a.sql} WHERE {key} = {limit}", f"SELECT {a.aliases[0]} FROM {a.sql}", f"SELECT {x}, ctid IS NULL, {a.aliases[0]}.xmax IS NULL FROM {a.sql}",
        ])
