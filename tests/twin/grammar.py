"""Random statements over the twin schema. The same seed gives the same statements."""
from dataclasses import dataclass, field

from values import OIDS, TENANTS, Value, value


@dataclass
class Column:
    name: str
    kind: str
    sealed: bool = False


@dataclass
class Table:
    name: str
    columns: list
    key: str = "id"
    tenant: str | None = "org"
    unique: str = "id"

    @property
    def needed(self):
        """The columns that no row can be without."""
        return {self.key, self.tenant, "person", "kind", *self.unique.split(", ")}

    def of(self, sealed):
        return [column for column in self.columns if column.sealed == sealed]


def columns(text):
    """`name:kind`, with `*` behind the sealed ones."""
    return [Column(*part.rstrip("*").rsplit(":", 1), part.endswith("*")) for part in text.split("|")]


PEOPLE = columns("id:int|org:tenant|name:text|n:int|secret:text*|code:varchar*|doc:jsonb*|raw:json*|blob:bytea*")
TABLES = {
    "people": Table("people", PEOPLE),
    "notes": Table("notes", columns("id:int|person:int|title:text|body:text*|meta:jsonb*"), tenant=None),
    "tokens": Table("tokens", columns("id:int|label:text|n:int|token:text*|extra:jsonb*"), tenant=None),
    "events": Table("events", columns("id:int|org:tenant|kind:part|payload:text*|n:int"), unique="id, kind"),
    "events_b": Table("events_b", columns("n:int|payload:text*|kind:partb|org:tenant|id:int"), unique="id, kind"),
    "staff": Table("staff", [*PEOPLE, Column("grade", "int")]),
    "odd": Table('"Odd Table"', columns('"Id":int|"Org":tenant|"Secret ""Value""":text*|"n":int'), key='"Id"', tenant='"Org"', unique='"Id"'),
    "parts": Table("parts", columns("id:int|org:tenant|n:int|body:text*|meta:jsonb*"), unique="id, n"),
    "constants": Table("constants", columns("id:int|label:text|value:bytea*|body:json*"), tenant=None),
    "logs": Table("logs", columns("id:int|note:text|ref:int|n:int|secret:text"), tenant=None),
    "other": Table("other.people", columns("id:int|org:tenant|name:text|n:int|secret:text"), tenant=None),
}
PROTECTED = [name for name in TABLES if name not in ("logs", "other")]
VIEWS = {
    "active_people": columns("id:int|org:tenant|name:text|hidden:text*|doc:jsonb*"),
    "people_names": columns("id:int|org:tenant|name:text|n:int"),
    "deep": columns("id:int|hidden:text*|d:jsonb*|j:other*|loud:other*"),
    "all_texts": columns("id:int|words:text*"),
    "deeper": columns("id:int|hidden:text*|words:text*|token:text*"),
    "notes_and_people": columns("id:int|title:text|body:text*|name:text|secret:text*"),
}


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


class Grammar:
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
        kind = {"part": "text", "partb": "text"}.get(column.kind, column.kind)
        made = value(self.rng, kind, column.sealed)
        while made.text is None and not null:
            made = value(self.rng, kind, column.sealed)
        if column.kind == "part":
            made = Value("text", self.rng.choice(["a", "b", "c"]))
        if column.kind == "partb":
            made = Value("text", "b")
        return self.written(made, column.sealed)

    def written(self, made, cast_too=True):
        if self.how == "literals" or self.chance(0.3):
            return made.literal(self.rng)
        binary = self.how == "parameters" and self.chance(0.4)
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
        return self.written(Value("text", self.rng.choice(TENANTS)), cast_too=False)

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
        keys = [] if name in ("all_texts", "deeper") else [f"{alias}.id"]
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
            sealed, plain = right.of(True), [c for c in right.columns if c.kind == "int"]
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
        ints = lambda side: [c.name for c in side.columns if c.kind == "int"]
        if not ints(right):
            return left
        both.sql = f"{left.sql} {kind} {right.sql} ON {self.rng.choice(ints(left))} = {self.rng.choice(ints(right))}"
        return both

    # Expressions

    def condition(self, source, depth=0):
        rng, ints = self.rng, [c.name for c in source.columns if c.kind == "int"]
        texts = [c.name for c in source.of(False) if c.kind in ("text", "tenant")]
        sealed = [c.name for c in source.of(True)]
        roll = rng.random()
        if depth < 2 and roll < 0.25:
            return f"({self.condition(source, depth + 1)} {rng.choice(['AND', 'OR'])} {self.condition(source, depth + 1)})"
        if depth < 2 and roll < 0.3:
            return f"NOT ({self.condition(source, depth + 1)})"
        if sealed and roll < 0.4:
            return f"{rng.choice(sealed)} IS {rng.choice(['', 'NOT '])}NULL"
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

    def item(self, source, depth):
        """An output and what it carries; `kind` None: nothing that another statement can go on with."""
        rng = self.rng
        plain, sealed = source.of(False), source.of(True)
        roll = rng.random()
        if not sealed or roll < 0.3:
            column = rng.choice(plain or source.columns)
            return column.name, column.kind, column.sealed
        column = rng.choice(sealed)
        if roll < 0.62 or column.kind == "other":
            return column.name, column.kind, True
        ints = [c.name for c in plain if c.kind == "int"] or ["1"]
        texts = [c.name for c in plain if c.kind == "text"] or ["'t'"]
        number, text = rng.choice(ints), rng.choice(texts)
        if roll < 0.72:
            return rng.choice([
                f"{number} + 1", f"upper({text})", f"{text} || 'x'", f"coalesce({text}, '-')", f"{column.name} IS NULL", f"({column.name} IS NOT NULL)::int", f"length({text})",
                f"CASE WHEN {number} > 5 THEN 'big' ELSE 'small' END", "42", "'constant'", f"{number}::text", "NULL", f"md5({text})", f"abs({number})",
            ]), None, False
        if roll < 0.82:
            constant = {"text": "'none'", "varchar": "'none'", "json": "'{}'", "jsonb": "'{\"none\": 1}'", "bytea": "'\\x00'"}[column.kind]
            same = rng.choice([c for c in sealed if c.kind == column.kind])
            return rng.choice([
                f"coalesce({column.name}, {constant})", f"CASE WHEN {number} > {self.integer()} THEN {column.name} END", f"CASE WHEN {number} > 10 THEN {column.name} ELSE {constant} END",
                f"coalesce({column.name}, {same.name})", f"CASE {number} WHEN 1 THEN {column.name} WHEN 2 THEN {same.name} ELSE NULL END", f"({column.name})", f"{column.name}::{column.kind}",
                f"(SELECT {column.name})", f"(SELECT secret FROM people s WHERE s.id = {number})", f"(SELECT body FROM notes s WHERE s.id = {number} LIMIT 1)", f"nullif({column.name}, NULL)",
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

    def select(self):
        roll = self.rng.random()
        if roll < 0.5:
            sql, _ = self.simple_select()
            keys = self.last.keys
            if keys and self.chance(0.6):
                order = ", ".join(f"{key} {self.rng.choice(['', 'DESC', 'ASC NULLS FIRST'])}".strip() for key in keys)
                tail = self.rng.choice(["", f" LIMIT {self.integer(0, 5)}", f" LIMIT {self.integer(1, 5)} OFFSET {self.integer(0, 3)}", " FETCH FIRST 3 ROWS ONLY"])
                return Statement(f"{sql} ORDER BY {order}{tail}", ordered=True)
            return Statement(sql + (self.rng.choice([" FOR UPDATE", " FOR NO KEY UPDATE", " FOR KEY SHARE"]) if self.chance(0.05) and "JOIN" not in sql and "(" not in sql and "notes_and_people" not in sql else ""))
        return Statement(self.rng.choice([self.grouped, self.union, self.with_query, self.with_query, self.distinct, self.window, self.recursive, self.relation_query, self.relation_query, self.parts, self.parts, self.arrays, self.nested, self.sets])())

    def grouped(self):
        table = self.rng.choice(["people", "events", "staff"])
        sealed = self.rng.choice(TABLES[table].of(True)).name
        aggregates = [
            "count(*)", f"count({sealed})", "max(n)", "sum(n)", "min(id)", f"json_agg({sealed} ORDER BY id)", f"array_agg({sealed} ORDER BY id)", f"string_agg({sealed}::text, ', ' ORDER BY id)",
            f"jsonb_agg({sealed} ORDER BY id)", f"json_object_agg(id, {sealed} ORDER BY id)", f"count(*) FILTER (WHERE {sealed} IS NULL)", "array_agg(id ORDER BY id)", "bool_and(n > 1)",
            f"count(DISTINCT n)", f"jsonb_object_agg(id, {sealed})", f"coalesce(json_agg({sealed} ORDER BY id), '[]'::json)", f"json_agg({table}.* ORDER BY id)" if table != "events" else "count(id)",
        ]
        if self.chance(0.04):
            aggregates = [f"max({sealed})", f"count(DISTINCT {sealed})"]
        chosen = ", ".join(self.rng.sample(aggregates, min(len(aggregates), self.rng.randint(1, 3))))
        group = self.rng.choice([" GROUP BY org", " GROUP BY org HAVING count(*) > 1", " GROUP BY 1", "", " GROUP BY DISTINCT ROLLUP (org), ROLLUP (org)"])
        lead = "org, " if group else ""
        return f"SELECT {lead}{chosen} FROM {table} WHERE id > {self.integer()}{group}"

    def union(self):
        # Texts with texts, documents with documents.
        sides = []
        for _ in range(self.rng.randint(2, 3)):
            table, column = self.rng.choice([("people", "secret"), ("people", "code"), ("notes", "body"), ("tokens", "token"), ("events", "payload"), ("logs", "note"), ("people", "name"), ("staff", "secret"), ("other.people", "secret"), ('"Odd Table"', '"Secret ""Value"""')])
            key = '"Id"' if "Odd" in table else "id"
            sides.append(f"SELECT {key}, {column} FROM {table} WHERE {key} < {self.integer(5, 30)}")
        operator = self.rng.choice([" UNION ALL ", " UNION ALL ", " UNION ALL ", " UNION ", " EXCEPT ", " INTERSECT "])
        if operator != " UNION ALL ":
            sides = [f"SELECT id, {self.rng.choice(['n', 'id'])} FROM {self.rng.choice(['people', 'tokens', 'logs', 'events'])} WHERE id < {self.integer(5, 30)}" for _ in range(2)] if self.chance(0.8) else sides
        return operator.join(sides)

    def with_query(self):
        inner, made = self.simple_select(1, names=True)
        name = self.alias("w")
        source = Source(name, [Column(f"{name}.{c.name}", c.kind, c.sealed) for c in made], [name], [])
        items = ", ".join(self.rng.choice(source.columns).name for _ in range(self.rng.randint(1, 3))) if self.chance(0.7) else "*"
        materialized = self.rng.choice(["", "", "MATERIALIZED ", "NOT MATERIALIZED "])
        where = f" WHERE {self.condition(source, 2)}" if self.chance(0.4) else ""
        return f"WITH {name} AS {materialized}({inner}) SELECT {items} FROM {name}{where}"

    def distinct(self):
        return self.rng.choice([
            "SELECT DISTINCT org FROM people", "SELECT DISTINCT ON (org) org, id, secret, doc FROM people ORDER BY org, id", f"SELECT DISTINCT n % 3, org FROM events WHERE id < {self.integer()}",
            "SELECT DISTINCT secret FROM people", "SELECT count(DISTINCT org) FROM people WHERE secret IS NOT NULL", "SELECT DISTINCT ON (id) id, payload FROM events ORDER BY id, kind",
        ])

    def window(self):
        call = self.rng.choice([
            "row_number() OVER (PARTITION BY org ORDER BY id)", "lag(secret) OVER (ORDER BY id)", "first_value(doc) OVER (PARTITION BY org ORDER BY id)", "count(secret) OVER ()",
            "sum(n) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)", "rank() OVER w", "array_agg(secret) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW)", "lead(blob, 1) OVER w",
        ])
        tail = " WINDOW w AS (ORDER BY id)" if " w" in call else ""
        return f"SELECT id, secret, {call} FROM people WHERE n > {self.integer()}{tail}"

    def recursive(self):
        ways = ["", "", " SEARCH DEPTH FIRST BY id SET o", " SEARCH BREADTH FIRST BY id SET o", " CYCLE id SET again USING path", " SEARCH DEPTH FIRST BY id SET o CYCLE id SET again TO 'y' DEFAULT 'n' USING path"]
        return self.rng.choice([
            f"WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < {self.integer(2, 6)}) SELECT r.i, p.secret FROM r LEFT JOIN people p ON p.id = r.i",
            f"WITH RECURSIVE r AS (SELECT id, secret FROM people WHERE id = {self.integer()} UNION ALL SELECT p.id, p.secret FROM people p JOIN r ON p.id = r.id + 1){self.rng.choice(ways)} SELECT * FROM r",
        ])

    def relation_query(self):
        """As Prisma, Drizzle and PostgREST write them."""
        limit = self.integer(1, 9)
        return self.rng.choice([
            f"SELECT p.id, p.secret, n.data FROM people p LEFT JOIN LATERAL (SELECT coalesce(json_agg(json_build_array(s.id, s.title, s.body) ORDER BY s.id), '[]'::json) AS data FROM notes s WHERE s.person = p.id) n ON true WHERE p.id < {limit}",
            f"SELECT row_to_json(x) FROM (SELECT p.id, p.name, p.doc FROM people p WHERE p.id < {limit} ORDER BY p.id) x",
            f"SELECT coalesce(jsonb_agg(x.o), '[]') FROM (SELECT jsonb_build_object('id', t.id, 'body', t.body, 'meta', t.meta) AS o FROM notes t WHERE t.id < {limit} ORDER BY t.id) x",
            f"SELECT to_jsonb(p) FROM people p WHERE p.id = {limit}", f"SELECT to_jsonb(p) - 'blob' - ARRAY['raw'] || '{{\"code\": \"***\"}}' FROM people p WHERE p.id = {limit}",
            f"SELECT to_jsonb(p) - '{{blob,raw}}'::text[] || jsonb_build_object('notes', (SELECT jsonb_agg(t ORDER BY t.id) FROM notes t WHERE t.person = p.id), 'name', p.secret) FROM people p WHERE p.id < {limit}",
            f"SELECT coalesce(p.doc, '{{}}') || jsonb_build_object('secret', p.secret) FROM people p WHERE p.id = {limit}", f"SELECT jsonb_build_object('id', t.id, 'm', t.meta) || jsonb_build_object('b', t.body, 'm', t.title) FROM notes t WHERE t.id = {limit}",
            f"SELECT (p).*, (t).body FROM people p JOIN notes t ON t.person = p.id WHERE p.id < {limit}", f"SELECT (s.r).* FROM (SELECT p AS r FROM people p WHERE p.id < {limit}) s", f"SELECT id, secret FROM people WHERE secret IS DISTINCT FROM NULL AND id < {limit}",
            "TABLE people", "TABLE ONLY tokens", "WITH w AS (TABLE notes) SELECT * FROM w", "(TABLE active_people) UNION ALL (TABLE active_people)", "SELECT body FROM (TABLE notes) q WHERE q.id > 3", f"SELECT * FROM people p, notes t WHERE t.person = p.id AND p.id = {limit} FOR UPDATE OF p, t", f"SELECT json_agg(t) FROM (SELECT id, token FROM tokens WHERE id < {limit} ORDER BY id) t",
            f"SELECT t0.id, t0.secret, (SELECT coalesce(jsonb_agg(t1.j), '[]') FROM (SELECT jsonb_build_object('b', t2.body) AS j FROM notes t2 WHERE t2.person = t0.id ORDER BY t2.id) t1) AS notes FROM people t0 WHERE t0.id = {limit}",
            f"SELECT json_build_object('people', (SELECT json_agg(json_build_object('s', p.secret, 'r', p.raw, 'b', p.blob) ORDER BY p.id) FROM people p WHERE p.id < {limit}))",
        ])

    def parts(self):
        """Documents and arrays with sealed values in them, taken apart again."""
        limit = self.integer(1, 9)
        forms = [
            f"SELECT to_jsonb(p) -> 'secret', to_jsonb(p) ->> 'secret', to_json(p) -> 'doc', to_jsonb(p) ->> 'n' FROM people p WHERE to_jsonb(p) ->> 'org' = {self.tenant()}",
            f"SELECT row_to_json(p) -> 'raw', row_to_json(p) ->> 'nothing', jsonb_build_object('a', p) -> 'a' ->> 'code' FROM people p WHERE id < {limit}",
            f"SELECT json_agg(t ORDER BY t.id) -> 0 ->> 'body', jsonb_agg(t.meta ORDER BY t.id) -> 1 FROM notes t WHERE id < {self.integer(1, 20)}",
            f"SELECT unnest(array_agg(secret ORDER BY id)) FROM people WHERE id < {self.integer()}",
            f"SELECT u.k, u.i FROM (SELECT array_agg(code ORDER BY id) AS ks FROM people) x, unnest(x.ks) WITH ORDINALITY u(k, i)",
            f"SELECT u, u.secret, u.id FROM (SELECT array_agg(p ORDER BY id) AS ps FROM people p WHERE id < {limit}) x, unnest(x.ps) u",
            f"SELECT p.id, u FROM people p, unnest(ARRAY[p.secret, p.code]) u WHERE p.id < {limit}",
            f"SELECT (ARRAY[secret, code])[1], (array_agg(secret) OVER (ORDER BY id))[2], cardinality(array_agg(doc) OVER (ORDER BY id)) FROM people WHERE id < {limit}",
            f"SELECT array_append(array_agg(secret ORDER BY id), 'x'), array_cat(array_agg(secret ORDER BY id), array_agg(code ORDER BY id)), array_length(array_agg(secret), 1) FROM people WHERE id < {limit}",
            f"SELECT e.value, e.value ->> 'body' FROM (SELECT jsonb_agg(t ORDER BY t.id) AS j FROM notes t) x, jsonb_array_elements(x.j) e",
            f"SELECT e FROM (SELECT json_agg(secret ORDER BY id) AS j FROM people WHERE id < {limit}) x, json_array_elements_text(x.j) e",
            f"SELECT jsonb_array_elements(jsonb_agg(doc ORDER BY id)), jsonb_array_length(jsonb_agg(doc)) FROM people WHERE id < {limit}",
            f"SELECT json_strip_nulls(json_build_object('s', t.token, 'n', t.n)), jsonb_strip_nulls(jsonb_build_object('s', t.token, 'n', t.n)), jsonb_object_keys(to_jsonb(t)) FROM tokens t WHERE id < {limit}",
            f"SELECT id, num_nonnulls(secret, code, name), num_nulls(doc), pg_typeof(raw), secret COLLATE \"C\" FROM people WHERE num_nonnulls(secret, doc) > 0",
            f"SELECT t.id, max(t.token), min(token), count(*) FROM tokens t LEFT JOIN notes o ON o.id > t.id GROUP BY t.id", f"SELECT max(token) FROM tokens WHERE id = {limit} AND n IS NOT NULL", f"SELECT max(payload) FROM events WHERE id = {limit} AND kind = 'a'",
            f"SELECT id, nullif(secret, NULL), nullif(doc, NULL) FROM people WHERE id < {limit}",
        ]
        if self.version >= 16:
            forms += 3 * [
                f"SELECT JSON_ARRAY(secret, code), JSON_ARRAY(secret, n, 'x'), JSON_ARRAY(secret, name, doc NULL ON NULL), JSON_ARRAY(doc, doc RETURNING jsonb) FROM people WHERE id < {limit}",
                f"SELECT JSON_ARRAY(SELECT secret FROM people WHERE id < {limit} ORDER BY id RETURNING text), JSON_ARRAY(SELECT raw FROM people WHERE id < {limit} ORDER BY id RETURNING jsonb)",
                f"SELECT JSON_OBJECT('s': secret, 'd' VALUE doc, 'n': name), JSON_OBJECT('s': secret, 'n': name ABSENT ON NULL WITH UNIQUE KEYS RETURNING jsonb), JSON_OBJECT('s': raw RETURNING text) FROM people WHERE id < {limit}",
                f"SELECT JSON_OBJECTAGG(id: body ABSENT ON NULL RETURNING jsonb), JSON_OBJECTAGG(id VALUE meta WITH UNIQUE KEYS), JSON_ARRAYAGG(body ORDER BY id NULL ON NULL), JSON_ARRAYAGG(meta ORDER BY id RETURNING jsonb) FROM notes WHERE id < {self.integer()}",
                f"SELECT any_value(token), jsonb_object_agg_unique(id, token), json_object_agg_strict(id, extra) FROM tokens WHERE id = {limit}",
            ]
        if self.version >= 17:
            forms += 2 * [f"SELECT JSON_SCALAR(secret), JSON_SERIALIZE(raw), JSON_SERIALIZE(raw RETURNING text) FROM people WHERE id < {limit}"]
        return self.rng.choice(forms)

    def arrays(self):
        """Arrays and members that are joined, and rows of several functions side by side."""
        limit = self.integer(1, 9)
        first, second = self.rng.choice([("secret", "secret"), ("secret", "code::text"), ("doc", "doc"), ("blob", "blob")])
        return self.rng.choice([
            f"SELECT array_agg({first} ORDER BY id) || array_agg({second} ORDER BY id) FROM people WHERE id < {limit}",
            f"SELECT array_agg(token ORDER BY id) || 'x'::text, 'y'::text || array_agg(token ORDER BY id), array_prepend('z', array_agg(token ORDER BY id)), ARRAY[max(n)] || ARRAY[1] FROM tokens WHERE id < {limit}",
            f"SELECT ARRAY[secret] || secret || ARRAY['a', NULL]::text[], ARRAY[secret] || '{{b,c}}'::text[] FROM people WHERE id < {limit}",
            f"SELECT array_agg(secret ORDER BY id) || array_agg(name ORDER BY id) FROM people WHERE id < {limit}",
            f"SELECT e.key, e.value FROM (SELECT jsonb_object_agg(id, body) j FROM notes WHERE id < {self.integer()}) x, jsonb_each_text(x.j) e",
            f"SELECT p.id, k, v FROM people p, json_each(json_build_object('s', p.secret, 'c', p.code::text)) AS e(k, v) WHERE p.id < {limit}",
            f"SELECT t.id, e.* FROM notes t, jsonb_each(jsonb_build_object('m', t.meta, 'n', t.meta)) WITH ORDINALITY e WHERE t.id < {self.integer()}",
            f"SELECT (jsonb_each(jsonb_object_agg(id, doc))).value FROM people WHERE id = {limit}", f"SELECT e.value FROM people p, jsonb_each(to_jsonb(p)) e WHERE p.id = {limit}",
            f"SELECT p.id, u.* FROM people p, ROWS FROM (unnest(ARRAY[p.secret, p.code]), unnest(ARRAY[p.n])) WITH ORDINALITY AS u(s, n, i) WHERE p.id < {limit}",
            f"SELECT p.id, p.secret, g, w FROM people p CROSS JOIN LATERAL ROWS FROM (generate_series(1, 2), json_array_elements_text('[\"q\"]')) AS f(g, w) WHERE p.id < {limit}",
            f"SELECT k, count(*) FROM people p, jsonb_object_keys(to_jsonb(p)) k WHERE p.id < {limit} GROUP BY k", f"SELECT nullif(secret, {self.written(Value('text', 'x'))}) FROM people WHERE id = {limit}",
            f"SELECT row_to_json(a), (a).x, to_jsonb(a) ->> 'body' FROM notes a (x, y, z) WHERE a.x < {self.integer()}",
        ])

    def nested(self):
        """Queries in queries: LATERAL, correlated subqueries, chains of WITH, EXISTS and IN, views on views."""
        limit, table = self.integer(1, 9), self.rng.choice(["people", "staff", "active_people"])
        column = "hidden" if table == "active_people" else "secret"
        return self.rng.choice([
            f"WITH a AS (SELECT id, {column} s FROM {table} WHERE id < {limit}), b AS (SELECT a.id, a.s, t.body FROM a LEFT JOIN notes t ON t.person = a.id), c AS (SELECT * FROM b UNION ALL SELECT id, s, s FROM a) SELECT c.*, (SELECT count(*) FROM b) FROM c",
            f"SELECT o.id, l.* FROM orgs o LEFT JOIN LATERAL (SELECT p.id AS pid, p.{column} AS s, m.* FROM {table} p CROSS JOIN LATERAL (SELECT p.{column} AS again, coalesce(p.{column}, 'none') AS maybe) m WHERE p.org = o.id ORDER BY p.id LIMIT 2) l ON true",
            f"SELECT p.id, (SELECT (SELECT p.{column}) WHERE p.id > 0), ARRAY(SELECT t.body FROM notes t WHERE t.person = p.id ORDER BY t.id), EXISTS (SELECT p.{column}) FROM {table} p WHERE p.id IN (SELECT person FROM notes WHERE body IS NOT NULL)",
            f"SELECT * FROM deeper WHERE id < {self.integer()}", f"SELECT d.j -> 'h', d.j ->> 'd', d.loud FROM deep d WHERE d.id < {self.integer()}", f"SELECT jsonb_agg(x ORDER BY x.id) FROM (SELECT id, words FROM all_texts WHERE id < {self.integer()}) x",
            f"SELECT y.* FROM (SELECT x.* FROM (SELECT id, {column}, row_number() OVER (ORDER BY id) AS r FROM {table}) x WHERE x.r < {limit}) y", f"SELECT q.r, (q.r).s FROM (SELECT ROW(p.id, p.{column}) AS r0, x AS r FROM {table} p, LATERAL (SELECT p.{column} AS s, p.id AS i) x WHERE p.id < {limit}) q",
            f"WITH RECURSIVE r(id, s, depth) AS (SELECT id, {column}, 0 FROM {table} WHERE id = {limit} UNION ALL SELECT p.id, coalesce(p.{column}, r.s), depth + 1 FROM r JOIN {table} p ON p.id = r.id + 1 WHERE depth < 4) SELECT depth, s FROM r",
            f"SELECT CASE WHEN p.n > 30 THEN (SELECT t.body FROM notes t WHERE t.person = p.id ORDER BY t.id LIMIT 1) ELSE p.{column} END FROM {table} p WHERE p.id < {limit}" if table != "active_people" else "SELECT count(hidden) FROM active_people",
            f"SELECT p.org, x.last FROM (SELECT DISTINCT org FROM {table}) p, LATERAL (SELECT q.{column} AS last FROM {table} q WHERE q.org = p.org ORDER BY q.id DESC LIMIT 1) x",
            f"SELECT org, count(*), json_agg({column} ORDER BY id) FILTER (WHERE id < {limit}) FROM {table} GROUP BY GROUPING SETS ((org), ())",
        ])

    def sets(self):
        """Set operations in set operations, and partitions of partitions."""
        limit = self.integer(1, 20)
        return self.rng.choice([
            f"(SELECT id, secret FROM people WHERE id < {limit} ORDER BY id LIMIT 2) UNION ALL (SELECT id, body FROM notes ORDER BY id LIMIT 2) UNION ALL SELECT id, token FROM tokens WHERE id = {limit}",
            f"SELECT s FROM (SELECT secret AS s FROM people WHERE id < {limit} UNION ALL SELECT NULL UNION ALL SELECT 'constant') x", f"SELECT id FROM people WHERE secret IS NULL EXCEPT ALL (SELECT id FROM notes INTERSECT SELECT id FROM tokens)",
            f"SELECT doc FROM people WHERE id < {limit} UNION ALL SELECT meta FROM notes UNION ALL SELECT d FROM deep", f"SELECT raw FROM people WHERE id < {limit} UNION ALL SELECT body FROM constants", "SELECT to_jsonb(p) ->> 'secret' FROM people p UNION ALL SELECT name FROM people",
            f"SELECT p, p.tableoid::regclass FROM parts p WHERE n < {self.integer(1, 99)}", "SELECT * FROM parts_low", "SELECT body, meta FROM parts_low_rest UNION ALL SELECT body, meta FROM parts_high", f"SELECT n, jsonb_agg(meta ORDER BY id) FROM parts GROUP BY n HAVING n > {limit}",
        ])

    # Writes

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
            elif column.name == table.tenant or column.name in ("person", '"Org"'):
                cells.append(self.slot(column, null=self.chance(0.02)))
            elif self.chance(0.05) and column.kind != "part":
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
            cast = lambda c, name: f"{name}::{ {'tenant': 'text', 'part': 'text', 'partb': 'text'}.get(c.kind, c.kind)}"
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
        chosen = [c for c in table.columns if c.name in table.needed or c.sealed and c.kind in ("text", "varchar", "jsonb")]
        count = self.rng.randint(1, 3)
        arrays = []
        for column in chosen:
            kind = {"tenant": "text", "part": "text", "partb": "text"}.get(column.kind, column.kind)
            cells = [value(self.rng, column.kind if column.kind == "tenant" else kind, column.sealed) for _ in range(count)]
            if column.name == table.key:
                cells = [Value("int", str(self.rng.randint(1, 30) + (100 if table.name == "staff" else 0))) for _ in range(count)]
            elif column.kind in ("part", "partb"):
                cells = [Value("text", "b")] * count
            if self.chance(0.5):
                arrays.append(f"ARRAY[{', '.join(cell.literal(self.rng) for cell in cells)}]::{kind}[]")
            else:
                quoted = lambda text: "NULL" if text is None else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
                text = "{" + ",".join(quoted(cell.text) for cell in cells) + "}"
                arrays.append("'" + text.replace("'", "''") + f"'::{kind}[]")
        return Statement(f"INSERT INTO {table.name} ({', '.join(c.name for c in chosen)}) SELECT * FROM unnest({', '.join(arrays)}){conflict}")

    def conflict(self, table, name):
        if self.chance(0.55):
            return ""
        target = self.rng.choice([f"({table.unique})", f"({table.unique})", ""])
        if not target:
            return " ON CONFLICT DO NOTHING"
        if self.chance(0.2):
            return f" ON CONFLICT {target} DO NOTHING"
        plain = [c for c in table.of(False) if c.name not in (table.key, table.tenant, "person", "kind", '"Org"')]
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
            if column.kind == "int":
                return rng.choice([self.integer(), f"{name}.n + 1" if any(c.name == "n" for c in table.columns) else self.integer(), "DEFAULT"])
            return rng.choice([self.slot(column), f"coalesce({self.slot(column)}, 'x')" if column.kind == "text" else self.slot(column)])
        roll = rng.random()
        if roll < 0.6:
            return self.slot(column)
        return rng.choice([
            lambda: f"coalesce({self.slot(column)}, {name}.{column.name})", lambda: f"CASE WHEN {name}.{table.key} > {self.integer()} THEN {self.slot(column)} ELSE {name}.{column.name} END", lambda: "NULL", lambda: "DEFAULT",
            lambda: f"{name}.{column.name}", lambda: f"({self.slot(column)})", lambda: f"(SELECT {self.slot(column)})", lambda: f"CASE {name}.{table.key} WHEN 1 THEN {self.slot(column)} WHEN 2 THEN {self.slot(column)} ELSE {name}.{column.name} END",
            lambda: f"nullif({self.slot(column)}, NULL)", lambda: f"{name}.{column.name}::text || 'x'", lambda: f"(SELECT s.secret FROM people s WHERE s.id = {self.integer()})", lambda: "upper('x')",
        ])()

    def where(self, table, name):
        rng = self.rng
        tenant = f"{name}.{table.tenant} = {self.tenant()}" if table.tenant else None
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
        settable = [c for c in table.columns if c.name not in (table.key, table.tenant, "kind", '"Org"') and (c.name != "person" or self.chance(0.1))]
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
            kind = column.kind
            rows = ", ".join(f"({self.integer()}::int, {self.slot(column, null=False)}::{kind})" for _ in range(self.rng.randint(1, 3)))
            origin, where = f" FROM (VALUES {rows}) f(k, v)", f"f.k = {name}.{table.key}" + (f" AND {name}.{table.tenant} = {self.tenant()}" if table.tenant and self.chance(0.7) else "")
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
        table = TABLES[self.rng.choice(["people", "tokens", "constants", "notes", "events"])]
        sealed = self.rng.choice(table.of(True))
        needed = [c for c in table.columns if c.name in table.needed]
        source = self.rng.choice(["logs s", "people s", f"(SELECT {self.integer()} AS id) s", "(VALUES (1), (2), (3)) s(id)"])
        tenant = f" AND m.{table.tenant} = {self.tenant()}" if table.tenant and self.chance(0.6) else ""
        cells = [f"s.id" if c.name == table.key else self.slot(c, null=False) for c in needed]
        arms = [
            f"WHEN MATCHED AND s.id > {self.integer()} THEN UPDATE SET {sealed.name} = {self.slot(sealed)}", f"WHEN MATCHED THEN UPDATE SET {sealed.name} = {self.slot(sealed)}",
            "WHEN MATCHED AND s.id = 3 THEN DELETE", f"WHEN NOT MATCHED THEN INSERT ({', '.join(c.name for c in needed)}, {sealed.name}) VALUES ({', '.join(cells)}, {self.slot(sealed)})", "WHEN NOT MATCHED THEN DO NOTHING",
        ]
        if self.version >= 17:
            held = self.rng.choice([f"m.{table.tenant} = {self.tenant()}" if table.tenant else f"m.{table.key} = {self.integer()}", f"m.{table.key} = {self.integer()}"])
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
        kind = self.insert if roll < 0.42 else self.update if roll < 0.76 else self.delete if roll < 0.82 else self.merge if roll < 0.88 else self.with_write
        return kind()

    def statement(self):
        made = self.select() if self.chance(0.45) else self.write()
        return self.numbered(made)

    def numbered(self, made):
        """Numbers the parameters that the statement uses, in the order of the text."""
        parts = made.sql.split("\0")
        made.parameters = [self.parameters[int(part)] for part in parts[1::2]]
        made.sql = "".join(f"${at // 2 + 1}" if at % 2 else part for at, part in enumerate(parts))
        return made
