"""The parts that reads and writes are made of: values, what stands behind FROM, conditions and outputs."""
from dataclasses import dataclass, field

from tables import INTS, PROTECTED, TABLES, UNORDERED, VIEWS, Column
from values import BINARY, OIDS, TENANTS, Value, value


@dataclass
class Source:
    """What stands behind FROM: columns by their qualified names, the aliases, the keys that order its rows."""

    sql: str
    columns: list
    aliases: list
    keys: list

    def of(self, sealed):
        return [column for column in self.columns if column.sealed == sealed]


@dataclass
class Statement:
    sql: str
    parameters: list = field(default_factory=list)  # of (Value, declared OID, binary)
    ordered: bool = False
    rows: bool = True


class Phrases:
    """One statement at a time. `how` is `literals`, `parameters` (also `$n`) or `prepared` (SQL PREPARE)."""

    version = 15

    def __init__(self, rng, how="literals"):
        self.rng, self.how = rng, how
        self.parameters = []
        self.named = 0

    # Values

    def chance(self, share):
        return self.rng.random() < share

    def slot(self, column, null=True):
        """A value for this column, marked where it is sealed."""
        made = value(self.rng, column.kind, column.sealed)
        while made.text is None and not null:
            made = value(self.rng, column.kind, column.sealed)
        return self.written(made, column.sealed)

    def written(self, made, cast_too=True):
        if self.how == "literals" or self.chance(0.3):
            return made.literal(self.rng)
        binary = self.how == "parameters" and made.kind in BINARY and self.chance(0.4)
        declared = OIDS[made.kind] if binary or self.chance(0.4) else 0
        self.parameters.append((made, declared, binary))
        number = f"\0{len(self.parameters) - 1}\0"
        return f"{number}::{made.kind}" if cast_too and self.chance(0.25) or self.how == "prepared" and self.chance(0.2) else number

    def integer(self, low=1, high=30):
        return self.written(Value("int", str(self.rng.randint(low, high))), cast_too=False)

    def key(self, table):
        """Rows of staff are rows of people, so their keys must be others."""
        return self.integer(101, 130) if table.name == "staff" else self.integer()

    def tenant(self):
        made = Value("text", self.rng.choice(TENANTS))
        if self.chance(0.02):  # as another type's text it is another tenant, or none
            return self.rng.choice([f"'{{\"{made.text}\":1}}'::jsonb::text", f"'\"{made.text}\"'::json::varchar", f"'{made.text}'::bytea::text", f"'{made.text}'::varchar::text", f"varchar '{made.text}'"])
        return self.written(made, cast_too=False)

    def whose(self, table):
        """A tenant of this table."""
        return self.integer(1, 3) if any(c.kind == "owner" for c in table.columns) else self.tenant()

    def alias(self, letter="t"):
        self.named += 1
        return f"{letter}{self.named}"

    # Sources

    def source(self, depth=0):
        roll = self.rng.random()
        if depth < 2 and roll < 0.12:
            return self.derived(depth)
        if depth < 2 and roll < 0.34:
            return self.join(depth)
        if roll < 0.44:
            return self.view()
        return self.table()

    def table(self, name=None):
        table = TABLES[name or self.rng.choice([*PROTECTED, *PROTECTED, "people", "people", "notes", "logs", "other"])]
        only = "ONLY " if table.name in ("people", "events") and self.chance(0.1) else ""
        if self.chance(0.3) and "." not in table.name:
            return Source(only + table.name, [Column(f"{table.name}.{c.name}", c.kind, c.sealed) for c in table.columns], [table.name], [f"{table.name}.{key}" for key in table.unique.split(", ")])
        alias = self.alias()
        if self.chance(0.05):
            renamed = [f"x{at}" for at in range(len(table.columns))]
            keys = [f"{alias}.{renamed[at]}" for at, c in enumerate(table.columns) if c.name in table.unique.split(", ")]
            return Source(f"{only}{table.name} {alias} ({', '.join(renamed)})", [Column(f"{alias}.{renamed[at]}", c.kind, c.sealed) for at, c in enumerate(table.columns)], [alias], keys)
        word = self.rng.choice([" ", " AS "])
        return Source(f"{only}{table.name}{word}{alias}", [Column(f"{alias}.{c.name}", c.kind, c.sealed) for c in table.columns], [alias], [f"{alias}.{key}" for key in table.unique.split(", ")])

    def view(self):
        name = self.rng.choice(list(VIEWS))
        alias = self.alias("v")
        keys = [] if name in UNORDERED else [f"{alias}.id"]
        return Source(f"{name} {alias}", [Column(f"{alias}.{c.name}", c.kind, c.sealed) for c in VIEWS[name]], [alias], keys)

    def derived(self, depth):
        alias = self.alias("d")
        inner, made = self.simple_select(depth + 1, names=True)
        lateral = "LATERAL " if self.chance(0.1) else ""
        return Source(f"{lateral}({inner}) {alias}", [Column(f"{alias}.{c.name}", c.kind, c.sealed) for c in made], [alias], [])

    def join(self, depth):
        left, right = self.table(), self.source(depth + 1)
        kind = self.rng.choice(["JOIN", "LEFT JOIN", "INNER JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN", "LEFT JOIN LATERAL", "JOIN USING", ","])
        if kind == "JOIN USING":
            first, second = self.rng.choice([("people", "notes"), ("people", "tokens"), ("notes", "constants"), ("people", "people"), ("staff", "people"), ("logs", "people")])
            left, right = self.table(first), self.table(second)
            if "(" in left.sql + right.sql:
                return left
            # The merged column is named by both sides still.
            named = " AS j" if self.chance(0.3) else ""
            return Source(f"{left.sql} {self.rng.choice(['JOIN', 'LEFT JOIN', 'FULL JOIN'])} {right.sql} USING (id){named}", left.columns + right.columns, left.aliases + right.aliases, left.keys + right.keys) if left.aliases != right.aliases else left
        if set(left.aliases) & set(right.aliases):
            return left
        if kind == "LEFT JOIN LATERAL":
            sealed, plain = right.of(True), [c for c in right.columns if c.kind in INTS]
            if not plain or right.sql.startswith("LATERAL"):
                return left
            alias = self.alias("l")
            chosen = self.rng.sample(right.columns, min(2, len(right.columns)))
            items = ", ".join(f"{c.name} AS y{at}" for at, c in enumerate(chosen))
            inner = f"SELECT {items} FROM {right.sql} WHERE {plain[0].name} = {left.keys[0]}"
            made = [Column(f"{alias}.y{at}", c.kind, c.sealed) for at, c in enumerate(chosen)]
            return Source(f"{left.sql} LEFT JOIN LATERAL ({inner}) {alias} ON true", left.columns + made, [*left.aliases, alias], [])
        both = Source("", left.columns + right.columns, left.aliases + right.aliases, left.keys + right.keys if right.keys else [])
        if kind in ("CROSS JOIN", ","):
            both.sql = f"{left.sql} {kind} {right.sql}" if kind != "," else f"{left.sql}, {right.sql}"
            return both
        ints = lambda side: [c.name for c in side.columns if c.kind in INTS]
        if not ints(right):
            return left
        both.sql = f"{left.sql} {kind} {right.sql} ON {self.rng.choice(ints(left))} = {self.rng.choice(ints(right))}"
        return both

    # Expressions

    def condition(self, source, depth=0):
        rng, ints = self.rng, [c.name for c in source.columns if c.kind in INTS]
        texts = [c.name for c in source.of(False) if c.kind in ("text", "tenant")]
        sealed = [c.name for c in source.of(True)]
        roll = rng.random()
        if depth < 2 and roll < 0.25:
            return f"({self.condition(source, depth + 1)} {rng.choice(['AND', 'OR'])} {self.condition(source, depth + 1)})"
        if depth < 2 and roll < 0.3:
            return f"NOT ({self.condition(source, depth + 1)})"
        if sealed and roll < 0.4:
            return f"{rng.choice(sealed)} IS {rng.choice(['', 'NOT '])}NULL"
        found = [c.name for c in source.columns if c.searched]
        if found and roll < 0.5:
            return self.searched(source, rng.choice(found))
        if sealed and roll < 0.412:
            return rng.choice([f"{rng.choice(sealed)} = {Value('text', 'x').literal(rng)}", f"{rng.choice(sealed)} LIKE 'a%'", f"{rng.choice(sealed)} IN ('a', 'b')", f"length({rng.choice(sealed)}::text) > 3"])
        if texts and roll < 0.55:
            name = rng.choice(texts)
            return rng.choice([f"{name} = {self.tenant()}", f"{name} LIKE '%e%'", f"{name} <> ''", f"{name} IN ('red', {self.tenant()})", f"lower({name}) = 'red'", f"{name} ~ '^[a-g]'"])
        if ints:
            name = rng.choice(ints)
            inner = lambda: self.rng.choice(["people", "notes", "logs", "tokens"])
            return rng.choice([
                lambda: f"{name} = {self.integer()}", lambda: f"{name} > {self.integer()}", lambda: f"{name} BETWEEN {self.integer(1, 15)} AND {self.integer(15, 40)}",
                lambda: f"{name} IN ({self.integer()}, {self.integer()}, {self.integer()})", lambda: f"{name} % 2 = 0", lambda: f"{name} IS NOT NULL",
                lambda: f"{name} = ANY (ARRAY[1,2,3,{self.integer()}])", lambda: f"{name} IN (SELECT id FROM {inner()} WHERE id < {self.integer()})",
                lambda: f"EXISTS (SELECT 1 FROM {inner()} e WHERE e.id = {name})", lambda: f"{name} IS DISTINCT FROM {self.integer()}", lambda: f"({name}, 1) = ({self.integer()}, 1)",
            ])()
        return "true"

    def searched(self, source, name):
        """An equality on a searchable column, with its row's tenant or without."""
        prefix = name.rpartition(".")[0]
        tenants = [c.name for c in source.columns if c.kind == "tenant" and c.name.rpartition(".")[0] == prefix]
        one = lambda: self.slot(Column(name, next(c.kind for c in source.columns if c.name == name), True), null=False)
        test = self.rng.choice([
            lambda: f"{name} = {one()}", lambda: f"{name} = {one()}", lambda: f"{name} <> {one()}", lambda: f"{name} IN ({one()}, {one()})", lambda: f"{name} NOT IN ({one()})",
            lambda: f"{name} IS NOT DISTINCT FROM {one()}", lambda: f"{name} = ANY (ARRAY[{one()}, {one()}])", lambda: f"{one()} = {name}",
        ])()
        if not tenants or self.chance(0.15):
            return test
        return f"({tenants[0]} = {self.tenant()} AND {test})"

    def item(self, source, depth):
        """An output and what it carries; `kind` None: nothing that another statement can go on with."""
        rng = self.rng
        plain, sealed = source.of(False), source.of(True)
        roll = rng.random()
        if not sealed or roll < 0.3:
            column = rng.choice(plain or source.columns)
            return column.name, column.kind, column.sealed
        column = rng.choice(sealed)
        if roll < 0.5 or column.kind == "other":
            return column.name, column.kind, True
        if roll < 0.62 and source.aliases:
            return self.nested_item(source), None, True
        ints = [c.name for c in plain if c.kind in INTS] or ["1"]
        texts = [c.name for c in plain if c.kind == "text"] or ["'t'"]
        number, text = rng.choice(ints), rng.choice(texts)
        if roll < 0.72:
            return rng.choice([
                f"{number} + 1", f"upper({text})", f"{text} || 'x'", f"coalesce({text}, '-')", f"{column.name} IS NULL", f"({column.name} IS NOT NULL)::int", f"length({text})",
                f"CASE WHEN {number} > 5 THEN 'big' ELSE 'small' END", "42", "'constant'", f"{number}::text", "NULL", f"md5({text})", f"abs({number})",
            ]), None, False
        if roll < 0.82:
            constant = {"text": "'none'", "varchar": "'none'", "json": "'{}'", "jsonb": "'{\"none\": 1}'", "bytea": "'\\x00'"}[column.type]
            same = rng.choice([c for c in sealed if c.type == column.type])
            return rng.choice([
                f"coalesce({column.name}, {constant})", f"CASE WHEN {number} > {self.integer()} THEN {column.name} END", f"CASE WHEN {number} > 10 THEN {column.name} ELSE {constant} END",
                f"coalesce({column.name}, {same.name})", f"CASE {number} WHEN 1 THEN {column.name} WHEN 2 THEN {same.name} ELSE NULL END", f"({column.name})", f"{column.name}::{column.type}",
                f"(SELECT {column.name})", f"(SELECT secret FROM people s WHERE s.id = {number})", f"(SELECT body FROM notes s WHERE s.id = {number} ORDER BY s.id LIMIT 1)", f"nullif({column.name}, NULL)",
            ]), None, True
        if roll < 0.95:
            alias = rng.choice(source.aliases)
            return rng.choice([
                f"json_build_object('a', {column.name}, 'n', {number})", f"jsonb_build_object('a', {column.name}, 'b', {text})", f"json_build_array({column.name}, {number})",
                f"row_to_json({alias})", f"to_jsonb({alias})", f"to_json({column.name})", f"to_jsonb({column.name})", alias, f"ROW({column.name}, {number})", f"concat({text}, ':', {column.name})",
                f"ARRAY[{column.name}]", f"(SELECT json_agg(s.secret ORDER BY s.id) FROM people s WHERE s.n > {self.integer()})", f"concat_ws('-', {number}, {column.name}, {text})",
                f"format('%s/%s', {number}, {column.name})", f"{column.name}::text || '!'", f"{column.name}::text",
                f"(SELECT jsonb_agg(x) FROM (SELECT s.id, s.body FROM notes s WHERE s.person = {number} ORDER BY s.id) x)", f"jsonb_build_object('o', jsonb_build_array({column.name}, NULL), 'n', {number})",
            ]), None, True
        return rng.choice([
            f"upper({column.name}::text)", f"length({column.name}::text)", f"md5({column.name}::text)", f"{column.name} = {column.name}", f"greatest({column.name}::text, 'a')",
            f"{column.name}::text LIKE 'a%'", f"substr({column.name}::text, 1, 2)", f"doc->>'a'" if any(c.name.endswith("doc") for c in sealed) else f"reverse({column.name}::text)",
        ]), None, True

    def simple_select(self, depth=0, names=False):
        """SELECT … FROM … WHERE …; with the columns that it makes."""
        source = self.source(depth)
        made, items = [], []
        if not names and self.chance(0.12):
            items = [self.rng.choice(["*", f"{self.rng.choice(source.aliases)}.*"])]
        else:
            for at in range(self.rng.randint(1, 4)):
                sql, kind, sealed = self.item(source, depth)
                items.append(f"{sql} AS c{at}" if names or self.chance(0.3) else sql)
                made.append(Column(f"c{at}", kind or "other", sealed))
        where = f" WHERE {self.condition(source)}" if self.chance(0.75) else ""
        self.last = source
        return f"SELECT {', '.join(items)} FROM {source.sql}{where}", made

    def numbered(self, made):
        """Numbers the parameters that the statement uses, in the order of the text."""
        parts = made.sql.split("\0")
        made.parameters = [self.parameters[int(part)] for part in parts[1::2]]
        made.sql = "".join(f"${at // 2 + 1}" if at % 2 else part for at, part in enumerate(parts))
        return made
