SELECT 1
SELECT $1
SELECT $1::text
SELECT $1::jsonb, CAST($2 AS uuid)
SELECT * FROM virtual_keys
SELECT "virtual_keys"."id", "virtual_keys"."key" FROM "virtual_keys" WHERE "virtual_keys"."id" = $1 LIMIT 21
SELECT "virtual_keys"."id" FROM "virtual_keys" WHERE "virtual_keys"."id" = 1 LIMIT 21
SELECT virtual_keys.id AS virtual_keys_id FROM virtual_keys WHERE virtual_keys.id = $1::INTEGER
SELECT v.id, v.key FROM virtual_keys AS v JOIN organisations o ON o.id = v.organisation_id WHERE o.slug = $1 ORDER BY v.id DESC NULLS LAST LIMIT $2 OFFSET $3
SELECT "User"."id", "User"."name" FROM "Users" AS "User" WHERE "User"."name" = 'it''s' LIMIT 1
SELECT "t0"."id", "t0"."key" FROM "public"."virtual_keys" AS "t0" WHERE ("t0"."id" = $1 AND 1=1) LIMIT $2 OFFSET $3
SELECT "public"."virtual_keys"."id", "public"."virtual_keys"."key"::text FROM "public"."virtual_keys" WHERE "public"."virtual_keys"."id" IN ($1,$2,$3) OFFSET $4
SELECT id FROM configs WHERE template->>'name' = $1 AND template @> $2::jsonb
SELECT id FROM configs WHERE template #>> '{a,b}' = 'x' OR template ? 'a' OR template ?| array['a','b'] OR template ?& array['c']
SELECT count(*) FROM configs
SELECT count(*) AS "count" FROM "configs" WHERE "organisation_id" = $1
SELECT DISTINCT ON (organisation_id) id, name FROM configs ORDER BY organisation_id, created_at DESC
SELECT 1 AS "a" FROM "django_session" WHERE "django_session"."session_key" = 'abc' LIMIT 1
SELECT EXISTS (SELECT 1 FROM configs WHERE id = $1) AS "exists"
SELECT (SELECT template FROM configs WHERE id = $1)
SELECT a.* FROM (SELECT id, template FROM configs) a
WITH c AS (SELECT * FROM configs WHERE organisation_id = $1) SELECT * FROM c WHERE name = $2
WITH c AS MATERIALIZED (SELECT 1) SELECT * FROM c
WITH RECURSIVE r(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM r WHERE n < 10) SELECT * FROM r
WITH ins AS (INSERT INTO configs (id, template) VALUES ($1, $2) RETURNING *) SELECT * FROM ins
SELECT * FROM configs c LEFT OUTER JOIN prompts p ON (p.organisation_id = c.id) WHERE p.id IS NULL
SELECT * FROM configs c INNER JOIN prompts p USING (organisation_id)
SELECT * FROM configs NATURAL JOIN prompts
SELECT * FROM configs CROSS JOIN prompts
SELECT * FROM configs, prompts WHERE configs.id = prompts.organisation_id
SELECT * FROM configs c CROSS JOIN LATERAL (SELECT * FROM prompts p WHERE p.config_id = c.id LIMIT 1) x
SELECT c.id, p.name FROM configs c LEFT JOIN LATERAL (SELECT name FROM prompts WHERE config_id = c.id) p ON true
SELECT id FROM a UNION SELECT id FROM b UNION ALL SELECT id FROM c EXCEPT SELECT id FROM d INTERSECT SELECT id FROM e
SELECT COALESCE(template, $1), NULLIF(name, ''), GREATEST(1, 2) FROM configs
SELECT CASE WHEN id = 1 THEN 'a' WHEN id = 2 THEN 'b' ELSE 'c' END FROM configs
SELECT CASE id WHEN 1 THEN 'a' END FROM configs
SELECT id FROM configs WHERE created_at BETWEEN $1 AND $2
SELECT id FROM configs WHERE name LIKE 'a%' ESCAPE '!'
SELECT id FROM configs WHERE name ILIKE $1 AND name NOT LIKE $2 AND name !~ 'x' AND name ~* 'y'
SELECT id FROM configs WHERE id = ANY($1)
SELECT id FROM configs WHERE id = ANY($1::int[]) AND name <> ALL(ARRAY['a', 'b'])
SELECT id FROM configs WHERE id IN (SELECT config_id FROM prompts)
SELECT id FROM configs WHERE (id, name) = ($1, $2)
SELECT id FROM configs WHERE (id, name) IN (($1, $2), ($3, $4))
SELECT id FROM configs WHERE NOT (id = 1) AND deleted IS NOT TRUE AND x IS DISTINCT FROM y
SELECT id FROM configs WHERE x IS NULL OR y IS NOT NULL
SELECT id FROM configs FOR UPDATE
SELECT id FROM configs FOR UPDATE OF configs SKIP LOCKED
SELECT id FROM configs FOR SHARE NOWAIT
SELECT sum(x) OVER (PARTITION BY a ORDER BY b ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM t
SELECT sum(x) FILTER (WHERE x > 0), array_agg(y ORDER BY y) FROM t GROUP BY GROUPING SETS ((a), (b), ())
SELECT a, count(*) FROM t GROUP BY a HAVING count(*) > 1
SELECT now() - interval '1 day'
SELECT now() AT TIME ZONE 'UTC', current_timestamp, CURRENT_DATE
SELECT date '2020-01-01', timestamp with time zone '2020-01-01 00:00:00+00'
SELECT extract(epoch FROM now()), substring('abc' from 2 for 1), trim(both 'x' from 'xax'), position('a' in 'ba')
SELECT a[1], a[1:2], (b).c, ARRAY[1,2]::int[], ARRAY[[1],[2]] FROM t
SELECT E'a\nb', E'it\'s', e'\\'
SELECT $$it's$$, $tag$x$tag$
SELECT U&'d\0061t\+000061'
SELECT B'101', X'1F', N'abc'
SELECT 1e10, .5, 1., 1.5e-3, 0x1F, 1_000
SELECT -1, +1, - -1, 2 ^ 3, 5 % 2, 5 / 2, ~1, 1 | 2, 1 & 2, 1 # 2, 1 << 2, 8 >> 1
SELECT |/ 4, ||/ 27, @ -5, !! 'a'::tsquery
SELECT a || b || 'x' FROM t
SELECT a <-> b FROM t ORDER BY a <=> b
SELECT a && b, a @@ b, a <@ b, a ^@ 'x', a ~= b, a << b, a &< b, a &> b, a #- '{x}', a @? '$.x' FROM t
SELECT '{"a":1}'::jsonb -> 'a' ->> 'b'
SELECT pg_catalog.set_config('search_path', '', false)
SELECT current_setting('app.tenant', true)
SELECT f(a => 1, b => 'x')
SELECT f(a := 1)
SELECT x OPERATOR(pg_catalog.+) y FROM t
SELECT t FROM t
SELECT t.* FROM t
SELECT row(1, 2), (1, 2)
SELECT a collate "C" FROM t
SELECT * FROM generate_series(1, 3) AS g(n)
SELECT * FROM unnest($1::int[], $2::text[]) AS u(a, b)
SELECT * FROM json_to_recordset($1) AS x(a int, b text)
SELECT * FROM t TABLESAMPLE BERNOULLI (1)
SELECT * FROM ONLY t
SELECT x FROM t AS sub (x, y)
SELECT 1 ; 
SELECT id FROM configs ORDER BY id FETCH FIRST 5 ROWS ONLY
SELECT json_agg(row_to_json(t)) FROM (SELECT 1) t
SELECT coalesce(json_agg("data"), '[]'::json) AS "data" FROM (SELECT json_build_array("id", "key") AS "data" FROM "virtual_keys") "t"
VALUES (1, 'a'), (2, 'b')
INSERT INTO configs DEFAULT VALUES
INSERT INTO configs VALUES ($1, $2, $3)
INSERT INTO configs (id, template) VALUES ($1, $2)
INSERT INTO "configs" ("id", "template", "created_at") VALUES (DEFAULT, '{"a": "it''s"}', '2024-01-01T00:00:00.000Z'::timestamptz) RETURNING "configs"."id"
INSERT INTO "configs" ("id", "template") VALUES (1, 'a'), (2, 'b'), (3, DEFAULT) RETURNING "id"
INSERT INTO "Configs" ("id","template","createdAt","updatedAt") VALUES (DEFAULT,$1,$2,$3) RETURNING "id","template","createdAt","updatedAt"
INSERT INTO configs (id, template) VALUES ($1::INTEGER, $2::JSONB) RETURNING configs.id
INSERT INTO configs (id, template) SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM configs WHERE id = $1)
INSERT INTO configs (id, template) SELECT id, template FROM old_configs
INSERT INTO configs AS c (id, template) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET template = EXCLUDED.template WHERE c.id > 0 RETURNING *
INSERT INTO configs (id, template) VALUES ($1, $2) ON CONFLICT DO NOTHING
INSERT INTO configs (id, template) VALUES ($1, $2) ON CONFLICT ON CONSTRAINT configs_pkey DO UPDATE SET (id, template) = ROW(EXCLUDED.id, EXCLUDED.template)
INSERT INTO "public"."configs" ("id","template") VALUES ($1,$2) ON CONFLICT ("id") WHERE (1=1 AND 1=1) DO UPDATE SET "template" = $3 WHERE ("public"."configs"."id" = $4 AND 1=1) RETURNING "public"."configs"."id"
INSERT INTO configs (template) VALUES ($1::jsonb), (E'{"a": "\\n"}'), ($$x$$)
UPDATE configs SET template = $1 WHERE id = $2
UPDATE "configs" SET "template" = '{"a": 1}'::jsonb, "name" = 'x' WHERE "configs"."id" = 1
UPDATE "configs" SET "template"=$1,"updatedAt"=$2 WHERE "id" = $3 RETURNING "id"
UPDATE configs SET template=$1::JSONB WHERE configs.id = $2::INTEGER
UPDATE configs AS c SET template = $1 FROM organisations o WHERE o.id = c.organisation_id AND o.slug = $2
UPDATE configs SET (template, name) = ($1, $2) WHERE id = $3
UPDATE configs SET template = COALESCE($1, template), n = n + 1 WHERE id = $2
UPDATE configs SET template = CASE WHEN id = 1 THEN 'a'::jsonb WHEN id = 2 THEN $1 ELSE template END WHERE id IN (1, 2)
UPDATE ONLY configs SET template = DEFAULT WHERE id = $1
UPDATE configs SET template = (SELECT template FROM configs WHERE id = 1) WHERE id = 2
DELETE FROM configs WHERE id = $1
DELETE FROM "configs" WHERE "configs"."id" IN (1, 2)
DELETE FROM configs c USING organisations o WHERE o.id = c.organisation_id RETURNING c.*
MERGE INTO configs c USING staging s ON c.id = s.id WHEN MATCHED THEN UPDATE SET template = s.template WHEN NOT MATCHED THEN INSERT (id, template) VALUES (s.id, s.template)
BEGIN
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY
START TRANSACTION
COMMIT
ROLLBACK
SAVEPOINT "s1"
RELEASE SAVEPOINT s1
ROLLBACK TO SAVEPOINT s1
SET search_path TO public, app
SET LOCAL app.tenant = 'a'
SET TIME ZONE 'UTC'
SHOW search_path
RESET ALL
PREPARE q (int, text) AS INSERT INTO configs (id, template) VALUES ($1, $2)
EXECUTE q(1, 'a')
DEALLOCATE q
DECLARE c CURSOR FOR SELECT * FROM configs
FETCH 10 FROM c
CLOSE c
EXPLAIN SELECT * FROM configs
EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM configs
TRUNCATE TABLE configs
CREATE TABLE t (id serial PRIMARY KEY, a text NOT NULL DEFAULT 'x', b jsonb, c varchar(10))
CREATE TABLE t AS SELECT * FROM configs
CREATE INDEX i ON configs (organisation_id)
CREATE VIEW v AS SELECT id FROM configs
ALTER TABLE configs ADD COLUMN note text
DROP TABLE IF EXISTS t
COPY configs (id, template) FROM STDIN
COPY configs TO STDOUT
COPY (SELECT * FROM configs) TO STDOUT WITH (FORMAT csv, HEADER)
GRANT SELECT ON configs TO reader
ANALYZE configs
VACUUM configs
LISTEN pgseal
NOTIFY pgseal, 'x'
SELECT ssn, interval FROM patients
SELECT U&"ss\006E" FROM patients
SELECT U&"ss!006E" UESCAPE '!' FROM patients
SELECT ssn FROM patients WHERE a == b
SELECT ssn &>x FROM patients
SELECT 1>-1, ssn FROM patients
SELECT a isnull, b notnull FROM patients
SELECT x AS isnull FROM patients
SELECT top, minus, sample FROM patients xor
SELECT convert(a, 'UTF8', 'LATIN1') FROM patients
SELECT a div FROM patients
SELECT * FROM a anti JOIN b ON true
SELECT * FROM patients qualify
SELECT 1 FROM patients -- 'comment
SELECT /* 'a' /* nested */ */ 1 FROM patients
