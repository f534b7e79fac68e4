"""Random SELECTs."""
from phrases import Phrases, Source, Statement
from tables import TABLES, Column
from values import Value


class Reads(Phrases):
    def select(self):
        roll = self.rng.random()
        if roll > 0.7:
            return Statement(self.rng.choice([self.group, self.windows, self.distinct_on, self.chain, self.recursion, self.lateral, self.lateral, self.tree, self.tree, self.combined, self.shapes, self.shapes])())
        if roll < 0.35:
            sql, _ = self.simple_select()
            keys = self.last.keys
            if keys and self.chance(0.6):
                order = ", ".join(f"{key} {self.rng.choice(['', 'DESC', 'ASC NULLS FIRST'])}".strip() for key in keys)
                tail = self.rng.choice(["", f" LIMIT {self.integer(0, 5)}", f" LIMIT {self.integer(1, 5)} OFFSET {self.integer(0, 3)}", " FETCH FIRST 3 ROWS ONLY"])
                return Statement(f"{sql} ORDER BY {order}{tail}", ordered=True)
            return Statement(sql + (self.rng.choice([" FOR UPDATE", " FOR NO KEY UPDATE", " FOR KEY SHARE"]) if self.chance(0.05) and "JOIN" not in sql and "(" not in sql and "notes_and_people" not in sql else ""))
        return Statement(self.rng.choice([self.grouped, self.union, self.with_query, self.with_query, self.distinct, self.window, self.recursive, self.relation_query, self.relation_query, self.parts, self.parts, self.arrays, self.members, self.nested, self.sets, *([self.nameless] if self.chance(0.2) else [])])())

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

    def members(self):
        """Objects whose members are plain or sealed, by their keys; and functions beside which sealed values have a place."""
        limit, text = self.integer(1, 9), self.rng.choice(["secret", "code"])
        some = self.rng.choice(["= 'name'", "IN ('name', 'n', 'org')", f"= '{text}'", "= ANY ('{n,id}')", "<> ALL (ARRAY['secret', 'code', 'doc', 'raw', 'blob'])", "NOT IN ('secret', 'code', 'doc', 'raw', 'blob')", "<> 'secret'", "IN ('name', 'secret')"])
        return self.rng.choice([
            f"SELECT p.id, e.key, e.value FROM people p, jsonb_each_text(to_jsonb(p)) e WHERE e.key {some} AND p.id < {limit}", f"SELECT p.id, v, k FROM people p CROSS JOIN LATERAL json_each(row_to_json(p)) AS e(k, v) WHERE k {some} AND e.v IS NOT NULL",
            f"SELECT e.key, count(*) FROM people p, jsonb_each(to_jsonb(p)) e WHERE p.id < {limit} GROUP BY e.key", f"SELECT t.id, e.* FROM tokens t LEFT JOIN jsonb_each(to_jsonb(t)) e ON e.key > 'l' WHERE e.key IN ('label', 'n')",
            f"SELECT p.id, r.* FROM people p, jsonb_to_record(to_jsonb(p)) AS r(name text, n int, {text} text) WHERE p.id < {limit}", f"SELECT r.{text}, r.name, r.raw FROM people p, json_to_record(row_to_json(p)) r({text} varchar, name text) WHERE p.id = {limit}",
            f"SELECT r.*, x.c FROM (SELECT jsonb_agg(t ORDER BY t.id) j, count(*) c FROM notes t) x, jsonb_to_recordset(x.j) AS r(id int, body text, title text)", f"SELECT p.id, r.secret FROM people p, jsonb_to_record(to_jsonb(p)) AS r(secret int)",
            f"SELECT to_jsonb(p) #>> '{{{text}}}', to_jsonb(p) #> '{{doc}}', row_to_json(p) #>> ARRAY['name'], jsonb_extract_path_text(to_jsonb(p), 'org'), json_extract_path(row_to_json(p), 'raw') FROM people p WHERE id < {limit}", f"SELECT json_agg(t ORDER BY t.id) #>> '{{1,body}}', json_build_object('a', json_agg(t.meta ORDER BY t.id)) #> '{{a,0}}' FROM notes t",
            f"SELECT * FROM generate_series(1, 2) g, people p, unnest(ARRAY[p.secret, p.code::text]) WITH ORDINALITY u(s, i) WHERE p.id < {limit}", f"SELECT p.id, u.* FROM people p, unnest(ARRAY[1, p.n], ARRAY[p.secret], ARRAY[p.doc]) u WHERE p.id < {limit}", f"SELECT l.id, u.* FROM ledgers l, unnest(l.tags, ARRAY[l.memo::text]) u",
            f"SELECT p.id, u.* FROM people p, ROWS FROM (generate_series(1, 3), unnest(ARRAY[p.secret, p.code])) WITH ORDINALITY AS u(g, s, i) WHERE p.id < {limit}", "SELECT * FROM json_to_record('{\"a\": 1}') AS r(a int, b text), json_each('{\"c\": 2}') e, (SELECT array_agg(body ORDER BY id) FROM notes) x",
        ])

    def nameless(self):
        """Names that mean nothing, beside constants."""
        value = Value("text", f"{self.rng.choice(['x', 'a b'])}").literal(self.rng)
        return self.rng.choice([
            f"SELECT p.nme, {value} FROM people p", f"SELECT (p).nme FROM people p WHERE p.secret IS NOT NULL AND p.name = {value}", f"SELECT s.nme, s.secret FROM (SELECT secret, name FROM people WHERE name <> {value}) s", f"SELECT q.secret FROM people p WHERE p.name = {value}", "SELECT q.*, p.secret FROM people p",
            f"WITH w AS (SELECT body FROM notes) SELECT w.bdy FROM w WHERE w.body IS NULL OR {value} = 'x'", f"UPDATE notes t SET body = {value} WHERE t.titel = 'x'", f"DELETE FROM tokens t WHERE t.token IS NULL AND t.lable = {value}", f"INSERT INTO tokens (id, token) SELECT p.id, {value} FROM people p WHERE p.nme IS NULL", f"SELECT (x.r).bdy FROM (SELECT t AS r FROM notes t) x WHERE {value} <> ''",
        ])

    def nested(self):
        """Queries in queries: LATERAL, correlated subqueries, chains of WITH, EXISTS and IN, views on views."""
        limit, table = self.integer(1, 9), self.rng.choice(["people", "staff", "active_people"])
        column = "hidden" if table == "active_people" else "secret"
        return self.rng.choice([
            f"WITH a AS (SELECT id, {column} s FROM {table} WHERE id < {limit}), b AS (SELECT a.id, a.s, t.body FROM a LEFT JOIN notes t ON t.person = a.id), c AS (SELECT * FROM b UNION ALL SELECT id, s, s FROM a) SELECT c.*, (SELECT count(*) FROM b) FROM c",
            f"SELECT o.id, l.* FROM orgs o LEFT JOIN LATERAL (SELECT p.id AS pid, p.{column} AS s, m.* FROM {table} p CROSS JOIN LATERAL (SELECT p.{column} AS again, coalesce(p.{column}, 'none') AS maybe) m WHERE p.org = o.id ORDER BY p.id LIMIT 2) l ON true",
            f"SELECT p.id, (SELECT (SELECT p.{column}) WHERE p.id > 0), ARRAY(SELECT t.body FROM notes t WHERE t.person = p.id ORDER BY t.id), EXISTS (SELECT p.{column}) FROM {table} p WHERE p.id IN (SELECT person FROM notes WHERE body IS NOT NULL)",
            f"SELECT * FROM deeper WHERE id < {self.integer()}", f"SELECT d.j -> 'h', d.j ->> 'd', d.loud FROM deep d WHERE d.id < {self.integer()}", f"SELECT jsonb_build_array(x, x.words) FROM (SELECT id, words FROM all_texts WHERE id < {self.integer()}) x",
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
