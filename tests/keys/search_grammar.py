"""Random queries on the tables of test_search_shapes: joins, subqueries, groups and set operations over what says a tenant (keys) and
what can be searched (values)."""
import random

# Each source with the columns of its that say whose a row is, and those that can be searched.
SOURCES = {
    "people": (["org"], ["email"]), "former": (["org"], ["email"]), "papers": (["folder_id"], ["title", "author"]), "folders": (["org", "id"], []),
    "contacts": (["owner"], ["mail"]), "everybody": (["org"], ["email"]), "shelf": (["org", "folder_id"], ["title", "author"]),
    "distinct_mails": (["org"], ["email"]), "contacts_of_one": ([], ["email"]), "nested": (["o"], ["m"]), "orgs": (["id", "parent"], []),
}
JOINS = ["JOIN", "JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN"]
SEVERAL = ["IN (1, 2)", "IN (2)", "IN (1, 3, NULL)", "= ANY (ARRAY[2, 1])", "= ANY ('{1,2,9}')", "= ANY ('{}'::int[])"]
BEFORE_LATERAL = ["JOIN", "LEFT JOIN", "CROSS JOIN"]
SETS = ["UNION", "UNION", "UNION ALL", "INTERSECT", "EXCEPT", "EXCEPT ALL"]
TRIES = 30


class Grammar:
    """A level of a query is a list of (alias, keys, values); `outer` are those around it."""

    def __init__(self, seed, values):
        self.random, self.values, self.aliases = random.Random(seed), values, 0

    def query(self):
        return self.select(2, [])[0]

    def source(self, depth, before=()):
        """One of FROM; `before` are those that it may refer to."""
        self.aliases += 1
        alias = f"s{self.aliases}"
        if depth > 0 and self.random.random() < 0.2:
            lateral = bool(before) and self.random.random() < 0.5
            sql, keys, values = self.select(depth - 1, list(before) if lateral else [])
            return f"{'LATERAL ' if lateral else ''}({sql}) {alias}", (alias, keys, values)
        name = self.random.choice(list(SOURCES))
        return f"{name} {alias}", (alias, *SOURCES[name])

    def column(self, sources, kind):
        columns = [f"{alias}.{name}" for alias, *names in sources for name in names[kind == "value"]]
        return self.random.choice(columns) if columns else None

    def condition(self, sources, outer, depth):
        kind, around = self.random.random(), sources + outer
        key, value = self.column(sources, "key"), self.column(sources, "value")
        if kind < 0.45 and key:
            other = self.column(around, "key") if self.random.random() < 0.5 else str(self.random.choice([1, 1, 2, 3]))
            if self.random.random() < 0.25:
                return f"{key} {self.random.choice(SEVERAL)}"
            return f"{key} = {other}" if key != other else "true"
        if not value:
            return "true"
        if kind < 0.6:
            return f"{value} {self.random.choice(['=', '=', '<>', 'IS DISTINCT FROM', 'IS NOT DISTINCT FROM'])} '{self.random.choice(self.values)}'"
        if kind < 0.65:
            few = [f"'{value}'" for value in self.random.sample(self.values, 2)] + self.random.choice([[], ["NULL"]])
            return value + self.random.choice([" IN ({})", " NOT IN ({})", " = ANY (ARRAY[{}])", " <> ALL (ARRAY[{}]::text[])"]).format(", ".join(few))
        if kind < 0.8:
            return f"{value} = {self.column(around, 'value')}"
        if depth > 0 and kind < 0.92 and (inner := self.one_value(depth - 1, around)):
            return f"{value} {self.random.choice(['IN', 'NOT IN'])} ({inner})"
        if depth > 0:
            return f"{self.random.choice(['EXISTS', 'NOT EXISTS'])} ({self.select(depth - 1, around)[0]})"
        return f"{value} IS NOT NULL"

    def conditions(self, sources, outer, depth, count):
        found = [self.condition(sources, outer, depth) for _ in range(count)]
        return (" OR " if self.random.random() < 0.07 else " AND ").join(found) or "true"

    def rows(self, depth, outer):
        """FROM and WHERE, and the sources."""
        sql, first = self.source(depth)
        sources = [first]
        for _ in range(self.random.choice([0, 0, 1, 1, 2])):
            join = self.random.choice(JOINS)
            more, source = self.source(depth, sources if join in BEFORE_LATERAL else ())
            on = "" if join == "CROSS JOIN" else " ON " + self.conditions([source, *sources], [], 0, self.random.choice([1, 2, 2, 3]))
            sql += f" {join} {more}{on}"
            sources.append(source)
        return f"FROM {sql} WHERE {self.conditions(sources, outer, depth, self.random.choice([0, 1, 2, 2, 3]))}", sources

    def one_value(self, depth, outer):
        for _ in range(TRIES):
            rows, sources = self.rows(depth, outer)
            if value := self.column(sources, "value"):
                return f"SELECT {value} {rows}"
        return None

    def select(self, depth, outer):
        """A query, with its columns that are keys and those that are values."""
        for _ in range(TRIES):
            found = self.united(outer) if depth > 0 and self.random.random() < 0.25 else self.selected(depth, outer)
            if found:
                return found
        return "SELECT 1 FROM people", [], []

    def united(self, outer):
        kinds = [self.random.choice(["key", "value"]) for _ in range(self.random.choice([1, 2]))]
        branches = []
        for _ in range(self.random.choice([2, 2, 3])):
            rows, sources = self.rows(0, outer)
            columns = [self.column(sources, kind) for kind in kinds]
            if not all(columns):
                return None
            branches.append("SELECT " + ", ".join(f"{column} AS c{at}" for at, column in enumerate(columns)) + f" {rows}")
        sql = branches[0]
        for branch in branches[1:]:
            sql = f"({sql}) {self.random.choice(SETS)} ({branch})"
        named = [(f"c{at}", kind) for at, kind in enumerate(kinds)]
        return sql, [name for name, kind in named if kind == "key"], [name for name, kind in named if kind == "value"]

    def selected(self, depth, outer):
        rows, sources = self.rows(depth, outer)
        keys = sorted({key for key in (self.column(sources, "key"), self.column(sources, "key")) if key})
        values = [value for value in [self.column(sources, "value")] if value]
        if not keys + values:
            return None
        columns = [f"{column} AS c{at}" for at, column in enumerate(keys + values)]
        names = [f"c{at}" for at in range(len(columns))]
        listed, found = ", ".join(columns), (names[:len(keys)], names[len(keys):])
        kind = self.random.random()
        if kind < 0.6:
            return f"SELECT {listed} {rows}", *found
        if kind < 0.75:
            return f"SELECT DISTINCT {listed} {rows}", *found
        if kind < 0.9:
            return f"SELECT {listed}, count(*) AS n {rows} GROUP BY {', '.join(keys + values)}", *found
        if keys and values:
            key = self.random.choice([keys[0], "1", "c0"])
            return f"SELECT {keys[0]} AS c0, count(DISTINCT {values[0]}) AS n {rows} GROUP BY {key}", ["c0"], []
        return None
