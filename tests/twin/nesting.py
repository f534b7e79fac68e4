"""Expressions in expressions: what carries sealed values out whole, and what brings new ones in."""
from phrases import Phrases

# A constant of each type that can be sealed.
CONSTANTS = {"text": "'none'", "varchar": "'none'::varchar", "json": "'[1]'::json", "jsonb": "'{\"none\": 1}'::jsonb", "bytea": "'\\x00'::bytea", "secret_text": "'none'"}


class Nesting(Phrases):
    """`source` gives the columns, `depth` how far it still goes."""

    # Out

    def nested_item(self, source):
        make = self.rng.choice([self.whole, self.whole, self.json, self.json, self.listed, self.record, self.joined])
        return make(source, self.rng.randint(1, 3))

    def test(self, source):
        ints = [c.name for c in source.of(False) if c.type == "int"] or ["1"]
        sealed = self.rng.choice(source.of(True)).name
        return self.rng.choice([f"{self.rng.choice(ints)} > {self.integer()}", f"{sealed} IS NULL", f"{sealed} IS NOT NULL", "true", f"{self.rng.choice(ints)} IN (1, 2, 3)"])

    def whole(self, source, depth, type=None):
        """A sealed value or another of its type, as it is."""
        columns = [c for c in source.of(True) if c.type in CONSTANTS and (type is None or c.type == type)]
        if not columns:
            return CONSTANTS[type or "text"]
        column = self.rng.choice(columns)
        if depth == 0:
            return column.name
        inner = lambda: self.whole(source, depth - 1, column.type)
        return self.rng.choice([
            lambda: f"coalesce({inner()}, {inner()})", lambda: f"CASE WHEN {self.test(source)} THEN {inner()} ELSE {inner()} END", lambda: f"CASE WHEN {self.test(source)} THEN {inner()} WHEN {self.test(source)} THEN {inner()} END", lambda: f"(SELECT {inner()})",
            lambda: f"nullif({inner()}, NULL)", lambda: f"({inner()})", lambda: f"{inner()}::{column.type}", lambda: f"(ARRAY[{inner()}, {inner()}])[{self.rng.randint(1, 3)}]", lambda: f"(SELECT x.v FROM (SELECT {inner()} AS v) x)", lambda: CONSTANTS[column.type],
            lambda: f"(SELECT v FROM unnest(ARRAY[{inner()}, {inner()}]) WITH ORDINALITY u(v, i) WHERE i = {self.rng.randint(1, 2)})", lambda: f"(SELECT v FROM (VALUES (1, {inner()}), (2, {inner()})) y(i, v) WHERE y.i = {self.rng.randint(1, 3)})",
            lambda: f"(SELECT z.v FROM (SELECT 1 AS i, {inner()} AS v UNION ALL SELECT 2, {inner()}) z WHERE z.i = {self.rng.randint(1, 2)})", lambda: f"CAST({inner()} AS {column.type})",
        ])()

    def json(self, source, depth):
        """A document that may hold sealed values, plain ones and other documents."""
        make = self.rng.choice(["json", "jsonb"])
        if depth == 0:
            return self.rng.choice([f"to_{make}({self.whole(source, 0)})", f"to_{make}({source.aliases[0]})" if source.aliases else f"to_{make}({self.whole(source, 0)})", f"{make}_build_array({self.whole(source, 0)})"])
        inner = lambda: self.rng.choice([self.json, self.whole, self.whole, self.listed, self.record])(source, depth - 1)
        built = lambda: f"{make}_build_object('a', {inner()}, 'b', {inner()}, 'n', {self.integer()})"
        part = self.rng.choice(["-> 'a'", "-> 'b'", "-> 'n'", "-> 'none'", "->> 'n'"])
        return self.rng.choice([
            built, built, lambda: f"{make}_build_array({inner()}, {inner()}, NULL)", lambda: f"({built()}) {part}", lambda: f"to_{make}({self.listed(source, depth - 1)})", lambda: f"to_{make}({self.record(source, depth - 1)})",
            lambda: f"CASE WHEN {self.test(source)} THEN {make}_build_object('a', {self.whole(source, depth - 1)}) END", lambda: f"(SELECT {make}_agg(q.v) FROM (SELECT {inner()} AS v) q)", lambda: f"({make}_build_array({inner()}, {inner()})) -> {self.rng.choice(['0', '1', '2', '-1'])}",
            lambda: f"(SELECT row_to_json(q) FROM (SELECT {self.whole(source, depth - 1)} AS v, {inner()} AS w) q)", lambda: f"jsonb_build_object('x', {inner()}) || jsonb_build_object('y', {inner()})", lambda: f"{make}_strip_nulls({built()})", lambda: f"({built()})::text",
            lambda: f"coalesce({built()}, NULL)", lambda: f"array_to_json({self.listed(source, depth - 1)})",
        ])()

    def listed(self, source, depth):
        """An array of sealed values."""
        column = self.rng.choice(source.of(True))
        type = column.type if column.type in CONSTANTS else "text"
        inner = lambda: self.whole(source, max(0, depth - 1), type)
        return self.rng.choice([lambda: f"ARRAY[{inner()}, {inner()}]", lambda: f"ARRAY[{inner()}]", lambda: f"ARRAY(SELECT {inner()})", lambda: f"ARRAY[{inner()}] || ARRAY[{inner()}]", lambda: f"array_append(ARRAY[{inner()}], {inner()})", lambda: f"ARRAY[ARRAY[{inner()}, {inner()}], ARRAY[{inner()}, {inner()}]]", lambda: f"array_cat(ARRAY[{inner()}], ARRAY[{inner()}])", lambda: f"(ARRAY[{inner()}, {inner()}, {inner()}])[1:2]"])()

    def record(self, source, depth):
        inner = lambda: self.rng.choice([self.whole, self.whole, self.listed])(source, max(0, depth - 1))
        row = f"ROW({inner()}, {self.integer()}, {inner()})"
        return self.rng.choice([row, row, f"(SELECT r FROM (SELECT {inner()} AS a, {inner()} AS b) r)", f"ROW({row}, {inner()})", f"ARRAY[{row}]"])

    def joined(self, source, depth):
        """A text with sealed texts in it."""
        texts = lambda: f"({self.whole(source, max(0, depth - 1))})::text"
        return self.rng.choice([f"{texts()} || '-' || {texts()}", f"'<' || {texts()} || '>'", f"concat({texts()}, '/', {texts()})", f"format('%s+%s', {texts()}, {texts()})", f"concat_ws(',', {texts()}, 'x', {texts()})", f"coalesce({texts()} || '!', 'none')"])

    # In

    def stored(self, table, column, name, depth):
        """What is given to a sealed column: new values and the old one."""
        if depth == 0:
            return self.slot(column)
        inner = lambda: self.stored(table, column, name, depth - 1)
        old, key = f"{name}.{column.name}", f"{name}.{table.key}"
        return self.rng.choice([
            lambda: f"coalesce({inner()}, {old})", lambda: f"coalesce({old}, {inner()})", lambda: f"CASE WHEN {key} > {self.integer()} THEN {inner()} ELSE {inner()} END", lambda: f"CASE {key} WHEN {self.rng.randint(1, 9)} THEN {inner()} WHEN {self.rng.randint(10, 20)} THEN {inner()} ELSE {old} END",
            lambda: f"CASE WHEN {old} IS NULL THEN {inner()} ELSE {old} END", lambda: f"nullif({inner()}, NULL)", lambda: f"(SELECT {inner()})", lambda: f"({inner()})", lambda: f"CAST({self.slot(column)} AS {column.type})", lambda: old, lambda: "NULL",
        ])()
