"""What comes out of statements over sealed columns: each query runs on a plain twin database directly and through pgseal
on the sealed one, and gives the same bytes in text and binary. A sealed value that somebody stored in an unprotected
column (`name` of the last row) stays as it is in every shape."""
import asyncio
import re
import subprocess

import asyncpg
import psycopg
import pytest
from servers import Servers

RULES = """
[[seal]]
table = "public.out_keys"
tenant = "org"
columns = ["secret", "doc", "note", "raw", "short"]
[[seal]]
table = "public.out_parts"
tenant = "org"
columns = ["secret"]
[[seal]]
table = "public.out_base"
tenant = "org"
columns = ["secret"]
"""
SCHEMA = """
CREATE TABLE out_orgs (id text PRIMARY KEY, title text);
CREATE TABLE out_keys (id int PRIMARY KEY, org text NOT NULL, name text, secret text, doc jsonb, note json, raw bytea, short varchar, at date DEFAULT '2024-02-29');
CREATE TABLE out_parts (id int, org text NOT NULL, secret text, PRIMARY KEY (id, org)) PARTITION BY LIST (org);
CREATE TABLE out_parts_a PARTITION OF out_parts FOR VALUES IN ('a');
CREATE TABLE out_parts_b (secret text, org text NOT NULL, id int NOT NULL);
ALTER TABLE out_parts ATTACH PARTITION out_parts_b FOR VALUES IN ('b');
CREATE TABLE out_base (id int, org text NOT NULL, secret text);
CREATE TABLE out_child (extra int) INHERITS (out_base);
CREATE VIEW out_plain_view AS SELECT id, secret AS hidden, doc FROM out_keys;
CREATE VIEW out_json_view AS SELECT k.id, row_to_json(k.*) AS whole, 'Bearer ' || k.secret AS header, ARRAY[k.name, k.secret] AS pair FROM out_keys k;
CREATE VIEW out_view_on_view AS SELECT v.id, jsonb_build_object('h', v.hidden, 'd', v.doc) AS both FROM out_plain_view v;
INSERT INTO out_orgs VALUES ('a', 'A'), ('b', 'B');
"""
TEXTS = ["plain", "", None, "with space, comma", 'quo"te', "back\\slash", "{brace}", "(paren)", "NULL", "new\nline\ttab", "äß日本語😀", "'single'", "\x01", "a" * 5000, "stolen"]
DOCS = ['{"b": 1, "a": [1, 2.50, "x\\"y", null, {"k": "v,w"}]}', '"text"', "null", "[]", "17", None, '{"deep": {"er": {"est": [[["z"]]]}}}', '  {"b" :2,"a":1, "a":3}', '"\\u00e9\\\\"', '{"a": "{b}"}', '[{"a": 1}, {"a": "(x,\\"y\\")"}]', "true", '{"~": "~s1"}', "-1.5e3", '{"z": ""}']

# Whatever is asked of every row, in id's order.
KEYS = [
    # exact and maybe
    "SELECT * FROM out_keys ORDER BY id",
    "SELECT id, secret, doc, note, raw, short FROM out_keys ORDER BY id",
    "SELECT k.secret AS s FROM out_orgs o JOIN out_keys k ON k.org = o.id ORDER BY k.id",
    "SELECT * FROM out_orgs o JOIN out_keys k ON k.org = o.id ORDER BY k.id",
    "SELECT * FROM (SELECT id, COALESCE(secret, 'none') AS c FROM out_keys) a JOIN out_keys k USING (id) ORDER BY id",
    "SELECT * FROM out_keys NATURAL JOIN (SELECT id, COALESCE(secret, 'none') AS c, 1 AS one FROM out_keys) x ORDER BY id",
    "SELECT * FROM (SELECT id, secret FROM out_keys WHERE id < 5) a FULL JOIN (SELECT id, doc FROM out_keys WHERE id > 3) b USING (id) ORDER BY id",
    "SELECT j.* FROM (out_keys k JOIN out_orgs o ON o.id = k.org) AS j(i) ORDER BY i",
    "WITH x(a, b) AS (SELECT id, secret FROM out_keys) SELECT b FROM x ORDER BY a",
    "WITH RECURSIVE r AS (SELECT id, secret FROM out_keys WHERE id = 1 UNION ALL SELECT k.id, k.secret FROM r JOIN out_keys k ON k.id = r.id + 1) SELECT secret FROM r ORDER BY id",
    "WITH RECURSIVE r(id, a, b) AS (SELECT id, ''::text, secret FROM out_keys WHERE id < 9 UNION ALL SELECT id + 10, b, b FROM r WHERE id < 30) SELECT * FROM r ORDER BY id",
    "SELECT id, secret FROM out_keys UNION ALL SELECT id, hidden FROM out_plain_view ORDER BY id",
    "SELECT o.id, (SELECT secret FROM out_keys k WHERE k.org = o.id ORDER BY k.id LIMIT 1) FROM out_orgs o ORDER BY o.id",
    "SELECT o.id, l.secret, l.c FROM out_orgs o LEFT JOIN LATERAL (SELECT k.secret, COALESCE(k.secret, 'x') AS c FROM out_keys k WHERE k.org = o.id ORDER BY k.id LIMIT 2) l ON true ORDER BY o.id",
    "SELECT COALESCE(secret, 'none'), CASE WHEN id > 3 THEN secret END, CASE id WHEN 1 THEN 'one' ELSE secret END, COALESCE(doc, '{}') FROM out_keys ORDER BY id",
    "SELECT first_value(secret) OVER (ORDER BY id), lag(secret) OVER (ORDER BY id), lead(doc, 2) OVER (ORDER BY id) FROM out_keys ORDER BY id",
    "SELECT doc::text, note::text, raw::text, note::jsonb, doc::json, short::text, secret::varchar FROM out_keys ORDER BY id",
    "SELECT (k).secret, (k).doc, (k).name FROM out_keys k ORDER BY (k).id",
    "SELECT * FROM out_plain_view ORDER BY id",
    # views
    "SELECT * FROM out_json_view ORDER BY id",
    "SELECT whole, header FROM out_json_view ORDER BY id",
    "SELECT * FROM out_view_on_view ORDER BY id",
    "SELECT jsonb_agg(v ORDER BY id) FROM out_view_on_view v",
    "SELECT to_json(v) FROM out_json_view v ORDER BY id",
    # records
    "SELECT k FROM out_keys k ORDER BY id",
    "SELECT x FROM (SELECT id, secret, doc FROM out_keys) x ORDER BY x.id",
    "SELECT ROW(id, secret, doc, raw, name), (note, short) FROM out_keys ORDER BY id",
    "SELECT ROW(k.*, ROW(secret)) FROM out_keys k ORDER BY id",
    # arrays
    "SELECT array_agg(secret ORDER BY id), array_agg(doc ORDER BY id), array_agg(raw ORDER BY id), array_agg(note ORDER BY id), array_agg(short ORDER BY id) FROM out_keys",
    "SELECT ARRAY[secret, name, 'x'], ARRAY[doc, '1'] FROM out_keys ORDER BY id",
    "SELECT ARRAY(SELECT secret FROM out_keys ORDER BY id)",
    "SELECT array_agg(secret ORDER BY id) FILTER (WHERE id < 3) FROM out_keys",
    "SELECT (array_agg(secret ORDER BY id))[4], (array_agg(secret ORDER BY id))[1:3] FROM out_keys",
    "SELECT array_agg(ROW(secret, doc) ORDER BY id) FROM out_keys",
    "SELECT array_agg(secret ORDER BY id)::varchar[] FROM out_keys",
    "SELECT array_agg(secret ORDER BY id) || array_agg(short::text ORDER BY id), array_agg(secret ORDER BY id) || 'last'::text, 'first'::text || array_agg(secret ORDER BY id), array_agg(doc ORDER BY id) || ARRAY['{\"a\": 1}'::jsonb], array_cat(array_agg(raw ORDER BY id), array_agg(raw ORDER BY id)) FROM out_keys",
    "SELECT k.id, u.s, u.t, u.i FROM out_keys k, ROWS FROM (unnest(ARRAY[k.secret, k.short]), unnest(ARRAY[k.name])) WITH ORDINALITY AS u(s, t, i) ORDER BY k.id, u.i",
    "SELECT k.id, u.* FROM out_keys k CROSS JOIN LATERAL ROWS FROM (unnest(ARRAY[k.doc])) AS u(d) ORDER BY k.id",
    "SELECT k.id, k.secret, u.* FROM out_keys k, ROWS FROM (generate_series(1, 2), string_to_table(k.name, ' ')) u(n, w) ORDER BY k.id, u.n, u.w",
    "SELECT k.id, u.s, u.w, u.more FROM out_keys k, ROWS FROM (unnest(ARRAY[k.secret, k.short], ARRAY[k.short]), string_to_table(k.name, ' '), generate_series(1, 3)) AS u(s, t, w, more) ORDER BY k.id, u.more",
    "SELECT k.id, d, i FROM out_keys k, ROWS FROM (unnest(ARRAY[k.doc]), jsonb_each_text('{\"a\": 1, \"b\": 2}')) WITH ORDINALITY AS u(d, a, b, i) ORDER BY k.id, i",
    "SELECT row_to_json(k), to_jsonb(k) - 'at', (k).b, k FROM out_keys k (a, o, n, b) ORDER BY a",
    # arrays of arrays
    "SELECT jsonb_agg(ARRAY(SELECT k.doc) ORDER BY id), json_agg(ARRAY(SELECT k.note) ORDER BY id), json_agg(ARRAY(SELECT COALESCE(k.secret, 'none')) ORDER BY id), jsonb_agg(ARRAY(SELECT COALESCE(k.doc, '[]')) ORDER BY id), json_agg(ARRAY[k.secret, k.name] ORDER BY id) FROM out_keys k",
    "SELECT to_jsonb(array_agg(ARRAY(SELECT COALESCE(k.doc, '[]')) ORDER BY id)), to_jsonb(array_agg(ARRAY(SELECT COALESCE(k.secret, '')) ORDER BY id)) -> 1, json_agg(ARRAY(SELECT COALESCE(k.secret, '')) ORDER BY id) -> 0 ->> 0 FROM out_keys k",
    "SELECT json_array_elements_text(json_agg(ARRAY(SELECT COALESCE(k.secret, 'none')) ORDER BY id)), jsonb_array_elements(jsonb_agg(ARRAY(SELECT COALESCE(k.doc, '[]')) ORDER BY id)) FROM out_keys k",
    "SELECT array_agg(ARRAY(SELECT k.secret) ORDER BY id), ROW(array_agg(ARRAY(SELECT k.doc) ORDER BY id)), (array_agg(ARRAY(SELECT k.secret) ORDER BY id))[1:2], array_agg(ARRAY(SELECT k.secret) ORDER BY id)::varchar[], array_to_string(array_agg(ARRAY(SELECT k.secret) ORDER BY id), ',') FROM out_keys k",
    # members of objects
    "SELECT e.key, e.value FROM (SELECT jsonb_object_agg(id, secret) j FROM out_keys) x, jsonb_each_text(x.j) e ORDER BY e.key",
    "SELECT k.id, e FROM out_keys k, json_each(json_build_object('s', k.secret, 't', k.short::text)) AS e(name, v) ORDER BY k.id, e.name",
    "SELECT k.id, nm, v FROM out_keys k, jsonb_each(jsonb_build_object('d', k.doc)) WITH ORDINALITY AS e(nm, v, i) ORDER BY k.id, i",
    "SELECT (jsonb_each(jsonb_object_agg(id, doc))).value FROM out_keys GROUP BY id ORDER BY id",
    "SELECT k.id, n FROM out_keys k, jsonb_object_keys(to_jsonb(k)) n ORDER BY k.id, n",
    # objects with plain members beside
    "SELECT k.id, e.key, e.value FROM out_keys k, jsonb_each(to_jsonb(k)) e WHERE e.key IN ('name', 'org', 'at') ORDER BY k.id, e.key",
    "SELECT k.id, v FROM out_keys k, jsonb_each_text(to_jsonb(k)) e(n, v) WHERE n = 'secret' ORDER BY k.id",
    "SELECT k.id, e.value, e.key FROM out_keys k LEFT JOIN LATERAL json_each(row_to_json(k)) e ON k.id > 3 WHERE e.key = ANY ('{doc}') ORDER BY k.id",
    "SELECT e.key, count(*) FROM out_keys k, jsonb_each(to_jsonb(k)) e WHERE e.key <> 'doc' GROUP BY 1 ORDER BY 1",
    "SELECT k.id, r.* FROM out_keys k, jsonb_to_record(to_jsonb(k)) AS r(name text, secret text, short varchar, nothing int) ORDER BY k.id",
    "SELECT k.id, r.secret, r.docs, r.name FROM out_keys k, json_to_record(json_build_object('name', name, 'secret', secret, 'docs', ARRAY[doc])) AS r(name text, docs json, secret jsonb) ORDER BY k.id",
    "SELECT r.* FROM (SELECT jsonb_agg(k ORDER BY id) AS j FROM out_keys k) x, jsonb_to_recordset(x.j) AS r(id int, secret text, name text) ORDER BY r.id",
    "SELECT to_jsonb(k) #>> '{secret}', to_jsonb(k) #>> '{name}', to_jsonb(k) #> '{doc}', jsonb_extract_path_text(to_jsonb(k), 'short'), json_extract_path(row_to_json(k), 'secret') FROM out_keys k ORDER BY id",
    "SELECT json_agg(k ORDER BY id) #>> '{0,secret}', json_build_array(min(id), json_agg(k ORDER BY id)) #>> '{1,2,secret}' FROM out_keys k",
    # functions whose columns are known
    "SELECT * FROM generate_series(1, 2) g, out_keys k, unnest(ARRAY[k.secret, k.short]) WITH ORDINALITY u(s, i) ORDER BY k.id, g, i",
    "SELECT k.id, u.* FROM out_keys k, unnest(ARRAY[1, 2], ARRAY[k.name], ARRAY[k.secret]) u ORDER BY k.id, 2",
    "SELECT k.id, u.* FROM out_keys k, ROWS FROM (generate_series(1, 2), unnest(ARRAY[k.secret])) AS u(g, s) ORDER BY k.id, g",
    "SELECT * FROM json_to_record('{\"a\": 1}') AS r(a int, b text), json_each('{\"c\": 2}'), (SELECT array_agg(secret ORDER BY id) FROM out_keys) x",
    # JSON
    "SELECT row_to_json(k), to_json(k), to_jsonb(k) FROM out_keys k ORDER BY id",
    "SELECT row_to_json(k, true) FROM out_keys k ORDER BY id",
    "SELECT to_json(secret), to_jsonb(secret), to_json(doc), to_jsonb(note), to_json(raw), to_jsonb(raw) FROM out_keys ORDER BY id",
    "SELECT json_agg(k ORDER BY id), jsonb_agg(k ORDER BY id) FROM out_keys k",
    "SELECT json_agg(secret ORDER BY id), jsonb_agg(doc ORDER BY id), json_agg(doc ORDER BY id), jsonb_agg(note ORDER BY id), json_agg(note ORDER BY id) FROM out_keys",
    "SELECT json_build_object('s', secret, 'n', name, 'd', doc, 'j', note, 'r', raw, 't', doc::text, 'a', ARRAY[secret, name], 'i', id) FROM out_keys ORDER BY id",
    "SELECT jsonb_build_object('s', secret, 'n', name, 'd', doc, 'j', note, 'r', raw, 't', doc::text, 'a', ARRAY[secret, name], 'i', id) FROM out_keys ORDER BY id",
    "SELECT json_build_object('x', jsonb_build_object('j', note, 'zz', secret, 'b', name)) FROM out_keys ORDER BY id",
    "SELECT jsonb_build_object('h', 'Bearer ' || secret, 'row', ROW(secret, name, doc), 'doc', row_to_json(k)::text) FROM out_keys k ORDER BY id",
    "SELECT json_build_array(name, secret, doc), jsonb_build_array(id, note, name) FROM out_keys ORDER BY id",
    "SELECT json_object_agg(id, secret), jsonb_object_agg(id, doc), json_object_agg(id, k) FROM out_keys k",
    "SELECT array_to_json(array_agg(secret ORDER BY id)), to_jsonb(array_agg(k ORDER BY id)) FROM out_keys k",
    "SELECT row_to_json(x) FROM (SELECT a.id, a.secret, b.secret, b.name FROM out_keys a JOIN out_keys b ON b.id = a.id + 1 ORDER BY a.id) x",
    "SELECT to_jsonb(x) FROM (SELECT a.id, a.secret, b.secret, b.name FROM out_keys a JOIN out_keys b ON b.id = a.id + 1 ORDER BY a.id) x",
    "SELECT COALESCE(json_agg(k), '[]'), COALESCE(jsonb_agg(secret), '[]') FROM out_keys k WHERE id < 0",
    "SELECT array_agg(row_to_json(k) ORDER BY id) FROM out_keys k",
    "SELECT to_jsonb(k) - 'secret' - 'at' FROM out_keys k ORDER BY id",
    "SELECT array_remove(array_agg(secret ORDER BY id), NULL), array_to_string(array_agg(secret ORDER BY id), ', ', '*') FROM out_keys",
    # texts
    "SELECT 'Bearer ' || secret, secret || '.' || short, id || ': ' || secret || at FROM out_keys ORDER BY id",
    "SELECT name || '=' || secret FROM out_keys WHERE id < 15 ORDER BY id",
    "SELECT concat(id, secret, NULL, short), concat_ws(', ', secret, doc, short, id), format('%s: %s (%2$s) 100%%', id, secret) FROM out_keys ORDER BY id",
    "SELECT string_agg(secret, ', ' ORDER BY id), string_agg(id || secret, E'\\n' ORDER BY id) FROM out_keys",
    "SELECT concat('<', note, '|', doc, '>'), concat(note::jsonb, id) FROM out_keys ORDER BY id",
    # partitions and children
    "SELECT * FROM out_parts ORDER BY id, org",
    "SELECT * FROM out_parts_b ORDER BY id",
    "SELECT p FROM out_parts_b p ORDER BY id",
    "SELECT p, row_to_json(p) FROM out_parts p ORDER BY id, org",
    "SELECT secret FROM out_base ORDER BY id",
    "SELECT * FROM ONLY out_base ORDER BY id",
    "SELECT *, row_to_json(c) FROM out_child c ORDER BY id",
    # what ORMs and API servers emit: Prisma, Drizzle, PostgREST, Hasura
    """SELECT "t1"."id", "t1_keys"."__prisma_data__" AS "keys" FROM "public"."out_orgs" AS "t1" LEFT JOIN LATERAL (SELECT COALESCE(JSONB_AGG("__prisma_data__"), '[]') AS "__prisma_data__" FROM (SELECT "t3"."__prisma_data__" FROM (SELECT JSONB_BUILD_OBJECT('id', "t2"."id", 'name', "t2"."name", 'secret', "t2"."secret", 'doc', "t2"."doc") AS "__prisma_data__" FROM (SELECT "t2".* FROM "public"."out_keys" AS "t2" WHERE "t1"."id" = "t2"."org" /* root select */ ORDER BY "t2"."id") AS "t2" /* inner select */) AS "t3" /* middle select */) AS "t4" /* outer select */) AS "t1_keys" ON TRUE ORDER BY "t1"."id\"""",
    """select "o"."id", "o"."title", "o_keys"."data" as "keys" from "out_orgs" "o" left join lateral (select coalesce(json_agg(json_build_array("o_keys"."id", "o_keys"."name", "o_keys"."secret", "o_keys"."doc", "o_keys_org"."data") order by "o_keys"."id"), '[]'::json) as "data" from "out_keys" "o_keys" left join lateral (select json_build_array("x"."id", "x"."title") as "data" from (select * from "out_orgs" "x" where "x"."id" = "o_keys"."org" limit 1) "x") "o_keys_org" on true where "o_keys"."org" = "o"."id") "o_keys" on true order by "o"."id\"""",
    """WITH pgrst_source AS (SELECT "public"."out_keys".*, COALESCE("out_orgs_1"."out_orgs_1", '[]') AS "orgs" FROM "public"."out_keys" LEFT JOIN LATERAL (SELECT json_agg("out_orgs_1")::jsonb AS "out_orgs_1" FROM (SELECT "out_orgs_1".* FROM "public"."out_orgs" AS "out_orgs_1" WHERE "out_orgs_1"."id" = "public"."out_keys"."org") AS "out_orgs_1") AS "out_orgs_1" ON TRUE ORDER BY "public"."out_keys"."id" LIMIT 100 OFFSET 0) SELECT null::bigint AS total_result_set, pg_catalog.count(_postgrest_t) AS page_total, coalesce(json_agg(_postgrest_t), '[]')::text AS body, nullif(current_setting('response.headers', true), '') AS response_headers FROM (SELECT * FROM pgrst_source) _postgrest_t""",
    """SELECT coalesce(json_agg("root" ORDER BY "root.pg.id" ASC NULLS LAST), '[]') AS "root" FROM (SELECT row_to_json((SELECT "_e" FROM (SELECT "_root.base"."id" AS "id", "_root.base"."name" AS "name", "_root.base"."secret" AS "secret", "_root.base"."doc" AS "doc") AS "_e")) AS "root", "_root.base"."id" AS "root.pg.id" FROM (SELECT * FROM "public"."out_keys" WHERE ('true') ORDER BY "id" ASC NULLS LAST) AS "_root.base" ORDER BY "root.pg.id" ASC NULLS LAST) AS "_root\"""",
]


@pytest.fixture(scope="module")
def both(servers):
    """URLs of the sealed database through pgseal, of the same one directly, and of its plain twin."""
    twin = servers.direct.replace("/app", "/out_twin")
    psql(servers.direct, "CREATE DATABASE out_twin")
    for url in (servers.direct, twin):
        psql(url, SCHEMA)
    rules = servers.folder / "outputs.toml"
    rules.write_text(RULES)
    with Servers(port=servers.port, env={"PGSEAL_RULES": str(rules)}) as sealed:
        for url in (sealed.url, twin):
            with psycopg.connect(url, autocommit=True) as connection:
                for number, (text, doc) in enumerate(zip(TEXTS, DOCS), 1):
                    raw = None if text is None else text.encode() + bytes([0, 255])
                    row = (number, "ab"[number % 2], f"name {number}", text, doc, doc, raw, None if text is None else text[:80])
                    connection.execute("INSERT INTO out_keys (id, org, name, secret, doc, note, raw, short) VALUES (%s, %s, %s, %s, %s::jsonb, %s::json, %s, %s)", row)
                    connection.execute("INSERT INTO out_parts (id, org, secret) VALUES (%s, %s, %s)", row[:2] + (text,))
                    connection.execute("INSERT INTO out_base (id, org, secret) VALUES (%s, %s, %s)", row[:2] + (text,))
                    connection.execute("INSERT INTO out_child (id, org, secret, extra) VALUES (%s, %s, %s, 1)", (number + 100, row[1], text))
        stolen = one(servers.direct, "SELECT secret FROM out_keys WHERE id = 1")
        assert re.fullmatch(r"~s1[\w-]+~", stolen)
        for url in (servers.direct, twin):
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("UPDATE out_keys SET name = %s WHERE id = 15", (stolen,))
        yield sealed.url, servers.direct, twin


def psql(url, sql):
    subprocess.run(["psql", "-Xqv", "ON_ERROR_STOP=1", url, "-c", sql], check=True)


def one(url, sql):
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(sql).fetchone()[0]


def raw(connection, sql, binary):
    """The result's types and bytes."""
    result = connection.cursor(binary=binary).execute(sql).pgresult
    types = [result.ftype(column) for column in range(result.nfields)]
    return types, [[result.get_value(row, column) for column in range(result.nfields)] for row in range(result.ntuples)]


def test_every_shape_gives_the_bytes_of_the_plain_twin(both):
    through, _, twin = both
    with psycopg.connect(through, autocommit=True) as sealed, psycopg.connect(twin, autocommit=True) as plain:
        wrong = []
        for sql in KEYS:
            for binary in (False, True):
                types, expected = raw(plain, sql, binary)
                own = any(oid >= 16384 or oid == 2287 for oid in types)
                if binary and own:
                    # A table's row type and arrays of records hold type numbers of their own database.
                    continue
                try:
                    found_types, found = raw(sealed, sql, binary)
                except psycopg.Error as error:
                    wrong.append(f"{sql}\n  {error}")
                    continue
                assert len(expected) > 0, sql
                if len(found) != len(expected) or not own and found_types != types:
                    wrong.append(f"{sql}\n  another form")
                wrong += [f"{sql}\n  row {row}, {'binary' if binary else 'text'}\n  {a}\n  {b}" for row, (a, b) in enumerate(zip(found, expected), 1) if a != b][:1]
        assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("depth", [5, 6, 7, 500, 5000])
def test_a_document_of_the_client_s_may_be_nested_as_it_likes(both, depth):
    """It stands in the place of an aggregate, whose arrays have few dimensions."""
    nested = "[" * depth + "]" * depth
    with psycopg.connect(both[0], autocommit=True) as sealed, psycopg.connect(both[2], autocommit=True) as plain:
        for sql in (f"SELECT coalesce(json_agg(secret), '{nested}')::json FROM out_keys WHERE false", f"SELECT coalesce(json_agg(json_build_object('a', secret)), '{nested}') FROM out_keys WHERE false"):
            assert raw(sealed, sql, False) == raw(plain, sql, False)


def test_asyncpg_decodes_the_same(both):
    through, _, twin = both

    async def script():
        sealed, plain = await asyncpg.connect(through), await asyncpg.connect(twin)
        for sql in KEYS:
            assert repr(await sealed.fetch(sql)) == repr(await plain.fetch(sql)), sql
        await sealed.close()
        await plain.close()

    asyncio.run(script())


CHANGES = [
    "INSERT INTO out_keys (id, org, name, secret, doc) VALUES (201, 'a', 'n', 'new \"secret\"', '{\"b\": 1, \"a\": \"x\"}') RETURNING row_to_json(out_keys), 'Bearer ' || secret, ARRAY[secret], out_keys, *",
    "UPDATE out_keys SET secret = 'changed, twice' WHERE org = 'a' AND id = 201 RETURNING to_jsonb(out_keys.*), concat(id, secret)",
    "WITH u AS (UPDATE out_keys SET secret = 'third', doc = '[1]' WHERE org = 'a' AND id = 201 RETURNING id, secret, doc) SELECT json_agg(u), string_agg(u.secret, ',') FROM u",
    "WITH d AS (DELETE FROM out_keys WHERE id = 201 RETURNING *) SELECT d.secret, row_to_json(d), d FROM d",
]


def test_changes_return_the_same(both):
    through, direct, twin = both
    with psycopg.connect(through, autocommit=True) as sealed, psycopg.connect(twin, autocommit=True) as plain:
        for sql in CHANGES:
            assert raw(sealed, sql, False)[1] == raw(plain, sql, False)[1], sql
    assert one(direct, "SELECT count(*) FROM out_keys WHERE secret NOT LIKE '~s1%~' OR doc #>> '{}' NOT LIKE '~s1%~' OR get_byte(raw, 0) <> 248") == 0


def test_cursors_and_prepared_statements_open_too(both):
    through, _, twin = both
    script = """BEGIN;
        DECLARE c CURSOR FOR SELECT row_to_json(k), ARRAY[k.secret], 'x' || k.secret FROM out_keys k ORDER BY id;
        FETCH 4 FROM c; FETCH ALL FROM c; CLOSE c; COMMIT;
        PREPARE p(int) AS SELECT json_build_object('s', secret) FROM out_keys WHERE id = $1;
        EXECUTE p(4); EXECUTE p(5);"""
    shown = [subprocess.run(["psql", "-XAtqv", "ON_ERROR_STOP=1", url], input=script, text=True, check=True, capture_output=True).stdout for url in (through, twin)]
    assert shown[0] == shown[1] and "quo" in shown[0]


def refused(connection, sql):
    with pytest.raises(psycopg.Error) as caught:
        connection.execute(sql)
    return caught.value.sqlstate, str(caught.value)


def test_what_others_stored_is_told_apart(both):
    through, direct, _ = both
    stolen = one(direct, "SELECT secret FROM out_keys WHERE id = 1")
    with psycopg.connect(through, autocommit=True) as sealed, psycopg.connect(direct, autocommit=True) as writer:
        # In a text the parts cannot be told apart: one sealed value too many is an error, and the parameter is a part too.
        assert refused(sealed, "SELECT name || '=' || secret FROM out_keys WHERE id = 15")[0] == "SV001"
        with pytest.raises(psycopg.errors.DatabaseError) as caught:
            sealed.execute("SELECT %s || secret FROM out_keys WHERE id = 1", (stolen,))
        assert caught.value.sqlstate == "SV001"
        assert sealed.execute("SELECT 'a' || name FROM out_keys WHERE id = 15").fetchone() == ("a" + stolen,)
        # A value of another column does not open in this one, nor does one that was changed.
        moved = one(direct, "SELECT short FROM out_keys WHERE id = 1")
        for planted, state in ((moved, "SV001"), (stolen[:-3] + ("A" if stolen[-3] != "A" else "B") + stolen[-2:], "SV001"), ("planted", "SV002")):
            writer.execute("INSERT INTO out_keys (id, org, secret) VALUES (300, 'b', %s)", (planted,))
            for shape in ("secret", "k", "ARRAY[secret]", "row_to_json(k)", "to_jsonb(secret)", "json_build_array(1, secret)", "COALESCE(json_agg(k), '[]')", "ROW(1, secret)", "jsonb_object_agg(id, secret)"):
                found, text = refused(sealed, f"SELECT {shape} FROM out_keys k WHERE id = 300")
                assert found == state and "public.out_keys.secret" in text, (shape, found, text)
            assert refused(sealed, "SELECT id || secret || COALESCE(name, '') FROM out_keys WHERE id = 300")[0] == "SV001"
            writer.execute("DELETE FROM out_keys WHERE id = 300")


def test_a_value_of_another_tenant_is_not_opened_where_the_row_names_its_own(both):
    through, direct, _ = both
    with psycopg.connect(through, autocommit=True) as sealed, psycopg.connect(direct, autocommit=True) as writer:
        # Row 1 is of tenant b; its value is moved to a row of tenant a.
        writer.execute("INSERT INTO out_keys (id, org, secret) SELECT 301, 'a', secret FROM out_keys WHERE id = 1")
        for shape in ("k", "row_to_json(k)", "to_jsonb(k)", "json_agg(k)", "ROW(k)", "array_agg(k)"):
            assert refused(sealed, f"SELECT {shape} FROM out_keys k WHERE id = 301")[0] == "SV008", shape
            assert refused(sealed, f"WITH c AS (SELECT org, secret FROM out_keys WHERE id = 301) SELECT {shape} FROM (SELECT * FROM c) k")[0] == "SV008", shape
        # Two rows: each value is of its own row's tenant, or of one that is not shown.
        joined = "FROM out_keys a JOIN out_keys b ON b.id = a.id + 1 WHERE a.id < 5"
        for one_row in ("a.org, b.org AS other, a.secret, b.secret AS second", "a.org, b.org, b.secret", "a.org, b.secret"):
            assert len(sealed.execute(f"SELECT row_to_json(x) FROM (SELECT {one_row} {joined}) x").fetchall()) == 4
        assert len(sealed.execute("WITH c AS (SELECT * FROM out_keys WHERE id < 5) SELECT x FROM (SELECT a.org, b.secret FROM c a JOIN c b ON b.id = a.id + 1) x").fetchall()) == 3
        writer.execute("DELETE FROM out_keys WHERE id = 301")
