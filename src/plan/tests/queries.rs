use super::{outputs, single};

#[test]
fn a_comparison_with_null_asks_only_whether_there_is_a_value() {
    for sql in [
        "SELECT id FROM virtual_keys WHERE key IS DISTINCT FROM NULL",
        "SELECT id FROM virtual_keys WHERE NULL::text IS NOT DISTINCT FROM key",
    ] {
        assert_eq!(outputs(&single(sql)), "-", "{sql}");
    }
}

#[test]
fn tables_rows_and_locks_under_postgresqls_own_spellings() {
    let table = [
        ("TABLE virtual_keys", "- - - !key !auth_config -"),
        (
            "TABLE ONLY public.virtual_keys ORDER BY id LIMIT 1",
            "- - - !key !auth_config -",
        ),
        (
            "WITH c AS (TABLE virtual_keys) TABLE c",
            "- - - !key !auth_config -",
        ),
        (
            "TABLE virtual_keys UNION ALL (TABLE virtual_keys)",
            "- - - !key !auth_config -",
        ),
        ("SELECT 1 AS table, key FROM virtual_keys", "- !key"),
        (
            "SELECT (v).* FROM virtual_keys v",
            "- - - !key !auth_config -",
        ),
        (
            "SELECT id, (s.r).* FROM (SELECT id, v AS r FROM virtual_keys v) s",
            "- - - - !key !auth_config -",
        ),
        (
            "SELECT (virtual_keys).* FROM (SELECT name AS virtual_keys, key FROM virtual_keys) s",
            "unknown",
        ),
        (
            "SELECT key FROM virtual_keys WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED",
            "!key",
        ),
        (
            "SELECT v.key FROM virtual_keys v, audit a, prompts p FOR KEY SHARE OF v, \"a\" NOWAIT FOR NO KEY UPDATE OF p",
            "!key",
        ),
        (
            "SELECT k, a.id FROM (SELECT key AS k FROM virtual_keys v FOR UPDATE OF v) s, audit a",
            "!key -",
        ),
        (
            "SELECT to_jsonb(v) || '{\"x\": 1, \"key\": \"***\"}' FROM virtual_keys v",
            "Jsonb({auth_config:!auth_config})",
        ),
        (
            "SELECT to_jsonb(v) || jsonb_build_object('name', key, 'auth_config', 1) FROM virtual_keys v",
            "Jsonb({key:!key,name:!key})",
        ),
        (
            "SELECT to_jsonb(v) - 'key' - ARRAY['name'] - '{slug,auth_config}'::text[] || jsonb_build_object('k', v.key) FROM virtual_keys v",
            "Jsonb({k:!key})",
        ),
        (
            "MERGE INTO virtual_keys t USING audit a ON a.note = t.name WHEN MATCHED THEN UPDATE SET name = 'x' RETURNING merge_action(), old.key, new.name, t.*",
            "- !key - - - - !key !auth_config -",
        ),
    ];
    for (sql, expected) in table {
        assert_eq!(outputs(&single(sql)), expected, "{sql}");
    }
}

#[test]
fn outputs_carry_what_their_lineage_says() {
    let table = [
        ("SELECT * FROM virtual_keys", "- - - !key !auth_config -"),
        ("SELECT key FROM virtual_keys WHERE id = $1", "!key"),
        ("SELECT k.key AS secret, k.id FROM virtual_keys k", "!key -"),
        (
            "SELECT \"virtual_keys\".\"key\" FROM \"public\".\"virtual_keys\" WHERE (\"public\".\"virtual_keys\".\"id\" = $1) LIMIT $2 OFFSET $3",
            "!key",
        ),
        (
            "SELECT o.name, k.* FROM organisations o JOIN virtual_keys k ON k.organisation_id = o.id ORDER BY o.name",
            "- - - - !key !auth_config -",
        ),
        (
            "SELECT x.secret FROM (SELECT key AS secret FROM virtual_keys) x",
            "!key",
        ),
        (
            "SELECT s FROM (SELECT key FROM virtual_keys) AS x(s)",
            "!key",
        ),
        (
            "WITH k AS (SELECT * FROM virtual_keys) SELECT key, name FROM k",
            "!key -",
        ),
        (
            "WITH k(a, b) AS (SELECT id, key FROM virtual_keys) SELECT b FROM k",
            "!key",
        ),
        (
            "SELECT key FROM virtual_keys UNION ALL SELECT template FROM prompts",
            "?key|template",
        ),
        (
            "SELECT key FROM virtual_keys UNION ALL SELECT key FROM virtual_keys",
            "!key",
        ),
        ("SELECT (SELECT key FROM virtual_keys LIMIT 1)", "!key"),
        ("SELECT COALESCE(key, 'none') FROM virtual_keys", "?key"),
        (
            "SELECT CASE WHEN id = $1 THEN key END FROM virtual_keys",
            "?key",
        ),
        ("SELECT key::text FROM virtual_keys", "?key"),
        (
            "SELECT key IS NULL, key IS NOT NULL, count(key) FROM virtual_keys",
            "- - -",
        ),
        (
            "SELECT count(*) FROM virtual_keys WHERE key IS NOT NULL",
            "-",
        ),
        ("SELECT id, key FROM virtual_keys GROUP BY id", "- !key"),
        (
            "SELECT DISTINCT ON (id) id, key FROM virtual_keys ORDER BY id",
            "- !key",
        ),
        ("SELECT DISTINCT key, id FROM virtual_keys", "!key -"),
        (
            "SELECT DISTINCT x.* FROM (SELECT id, key FROM virtual_keys) x LEFT JOIN audit ON audit.note = 'a'",
            "- !key",
        ),
        (
            "SELECT count(DISTINCT(\"v\".\"id\", \"v\".\"key\")) FROM virtual_keys v",
            "-",
        ),
        (
            "SELECT v.id, v.key, count(a.id) FROM virtual_keys v LEFT JOIN audit a ON a.note = v.name GROUP BY v.key, v.id",
            "- !key -",
        ),
        (
            "SELECT id AS a, key AS b, name FROM virtual_keys GROUP BY b, 1, name",
            "- !key -",
        ),
        ("SELECT id FROM virtual_keys FOR UPDATE", "-"),
        ("SELECT secret FROM key_secrets", "!key"),
        ("SELECT s FROM secrets_again", "!key"),
        ("SELECT label FROM key_names", "-"),
        (
            "INSERT INTO virtual_keys (organisation_id, key) VALUES ($1, $2) RETURNING *",
            "- - - !key !auth_config -",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) VALUES ($1, $2) RETURNING key AS k",
            "!key",
        ),
        (
            "UPDATE virtual_keys k SET name = $1 RETURNING k.key",
            "!key",
        ),
        (
            "DELETE FROM virtual_keys WHERE id = $1 RETURNING key",
            "!key",
        ),
        (
            "DELETE FROM virtual_keys USING organisations o WHERE o.id = organisation_id",
            "none",
        ),
        (
            "WITH d AS (DELETE FROM virtual_keys RETURNING key) SELECT key FROM d",
            "!key",
        ),
        (
            "SELECT k.name, row_number() OVER (PARTITION BY k.organisation_id ORDER BY k.name) FROM virtual_keys k",
            "- -",
        ),
        (
            "SELECT v.id, a.n FROM virtual_keys v LEFT JOIN LATERAL (SELECT count(*) AS n FROM audit WHERE audit.id = 1 AND v.name = note) a ON true",
            "- -",
        ),
        (
            "SELECT id FROM virtual_keys WHERE organisation_id = ANY($1) AND name ILIKE $2 AND id IN ($3, $4)",
            "-",
        ),
        (
            "SELECT id FROM virtual_keys WHERE id IN (SELECT id FROM organisations) AND EXISTS (SELECT 1 FROM prompts p WHERE p.organisation_id = virtual_keys.organisation_id)",
            "-",
        ),
        ("(SELECT key FROM virtual_keys)", "!key"),
        (
            "EXPLAIN (ANALYZE, VERBOSE) SELECT key FROM virtual_keys",
            "none",
        ),
        ("DECLARE c CURSOR FOR SELECT key FROM virtual_keys", "!key"),
        (
            "WITH RECURSIVE r AS (SELECT id, key FROM virtual_keys UNION ALL SELECT r.id, r.key FROM r) SELECT * FROM r",
            "- !key",
        ),
        (
            "SELECT virtual_keys.id, virtual_keys.key FROM virtual_keys NATURAL JOIN organisations",
            "- !key",
        ),
        (
            "SELECT key FROM virtual_keys JOIN organisations USING (id)",
            "!key",
        ),
        (
            "SELECT name::varchar(10), '5'::numeric(10, 2) FROM virtual_keys",
            "- -",
        ),
        (
            "SELECT \"key\" FROM virtual_keys FOR KEY SHARE SKIP LOCKED",
            "!key",
        ),
    ];
    for (sql, expected) in table {
        if sql.contains("KEY SHARE") && !matches!(super::verdict(sql), super::Verdict::Protect(_)) {
            continue;
        }
        assert_eq!(outputs(&single(sql)), expected, "{sql}");
    }
}

/// Sealed values inside JSON, arrays, records and texts, as ORMs and people ask for them.
#[test]
fn outputs_carry_sealed_values_inside() {
    let table = [
        (
            "SELECT row_to_json(v) FROM virtual_keys v",
            "Json({key:!key,auth_config:!auth_config})",
        ),
        (
            "SELECT to_jsonb(v.*) FROM virtual_keys v",
            "Jsonb({key:!key,auth_config:!auth_config})",
        ),
        (
            "SELECT v FROM virtual_keys v",
            "{key:!key,auth_config:!auth_config}",
        ),
        ("SELECT (v).key, (v).name FROM virtual_keys v", "!key -"),
        (
            "SELECT ROW(id, key), (key, 1), ROW(v.*) FROM virtual_keys v",
            "{f2:!key} {f1:!key} {f4:!key,f5:!auth_config}",
        ),
        (
            "SELECT ARRAY[key, name], array_agg(key ORDER BY id) FROM virtual_keys GROUP BY id",
            "[!key,-] [!key..]",
        ),
        (
            "SELECT ARRAY(SELECT key FROM virtual_keys), (array_agg(key))[1] FROM virtual_keys",
            "[!key..] !key",
        ),
        (
            "SELECT array_agg(v) FROM virtual_keys v",
            "[{key:!key,auth_config:!auth_config}..]",
        ),
        (
            "SELECT array_agg(key)::text[] FROM virtual_keys",
            "[?key..]",
        ),
        (
            "SELECT string_agg(key, ', ') FROM virtual_keys",
            "text(!key)",
        ),
        ("SELECT 'Bearer ' || key FROM virtual_keys", "text(!key)"),
        (
            "SELECT name || ': ' || key || $1 FROM virtual_keys",
            "text(!key=1)",
        ),
        (
            "SELECT id || key || '-' || id::text FROM virtual_keys",
            "text(!key)",
        ),
        (
            "SELECT concat(id, ' ', key), concat_ws(',', key, auth_config), format('%s %1$s', key) FROM virtual_keys",
            "text(!key) text(!key,!auth_config) text(!key)",
        ),
        (
            "SELECT auth_config::text, auth_config::json FROM virtual_keys",
            "!auth_config::Text !auth_config::Json",
        ),
        (
            "SELECT json_build_object('k', key, 'n', name, 'a', json_build_array(name, auth_config)) FROM virtual_keys",
            "Json({k:!key,a:Json([-,!auth_config])})",
        ),
        (
            "SELECT jsonb_object_agg(name, key) FROM virtual_keys",
            "Jsonb({*:!key})",
        ),
        (
            "SELECT first_value(key) OVER (ORDER BY id), lag(key) OVER (ORDER BY id) FROM virtual_keys",
            "?key ?key",
        ),
        (
            "SELECT CASE WHEN id = $1 THEN 'Bearer ' || key END FROM virtual_keys",
            "text(!key)",
        ),
        (
            "SELECT * FROM virtual_keys JOIN (SELECT id, COALESCE(key, '') AS k FROM virtual_keys) x USING (id)",
            "- - - !key !auth_config - ?key",
        ),
        (
            "SELECT * FROM organisations NATURAL JOIN (SELECT id, COALESCE(key, '') AS k FROM virtual_keys) x",
            "- - ?key",
        ),
        (
            "SELECT j.* FROM (virtual_keys v JOIN organisations o ON o.id = v.organisation_id) AS j",
            "- - - !key !auth_config - - -",
        ),
        (
            "SELECT to_json(r)::text FROM (SELECT key AS a, auth_config::text AS b FROM virtual_keys) r",
            "Text(Json({a:!key,b:!auth_config::Text}))",
        ),
        (
            "SELECT to_jsonb(v) - 'key' - 'name'::text FROM virtual_keys v",
            "Jsonb({auth_config:!auth_config})",
        ),
        (
            "SELECT to_jsonb(v) - 'key' - 'auth_config' FROM virtual_keys v",
            "-",
        ),
        (
            "SELECT array_remove(array_agg(key), NULL), array_to_string(array_agg(key), ', ', '*') FROM virtual_keys",
            "[!key..] text(!key)",
        ),
        (
            "UPDATE virtual_keys SET key = $1 WHERE organisation_id = $2 RETURNING old.key, new.*, id, row_to_json(old)",
            "!key - - - !key !auth_config - - Json({key:!key,auth_config:!auth_config})",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) VALUES ($1, $2) RETURNING *, new.key",
            "- - - !key !auth_config - !key",
        ),
        // A column that carries a sealed value from the second, another from the third round on.
        (
            "WITH RECURSIVE r(a, b, c, n) AS (SELECT ''::text, ''::text, key, 1 FROM virtual_keys UNION ALL SELECT b, c, c, n + 1 FROM r WHERE n < $1 AND '1' = $2) SELECT * FROM r",
            "?key ?key !key -",
        ),
        // Prisma's relations, one level.
        (
            "SELECT \"t1\".\"id\", \"o_keys\".\"__prisma_data__\" AS \"keys\" FROM \"public\".\"organisations\" AS \"t1\" LEFT JOIN LATERAL (SELECT COALESCE(JSONB_AGG(\"__prisma_data__\"), '[]') AS \"__prisma_data__\" FROM (SELECT \"t3\".\"__prisma_data__\" FROM (SELECT JSONB_BUILD_OBJECT('id', \"t2\".\"id\", 'key', \"t2\".\"key\", 'auth', \"t2\".\"auth_config\") AS \"__prisma_data__\" FROM (SELECT \"t2\".* FROM \"public\".\"virtual_keys\" AS \"t2\" WHERE \"t1\".\"id\" = \"t2\".\"organisation_id\" /* root select */) AS \"t2\" /* inner select */) AS \"t3\" /* middle select */) AS \"t4\" /* outer select */) AS \"o_keys\" ON TRUE",
            "- Jsonb([Jsonb({key:!key,auth:!auth_config})..])",
        ),
        // Drizzle's.
        (
            "select \"o\".\"id\", \"o_keys\".\"data\" as \"keys\" from \"organisations\" \"o\" left join lateral (select coalesce(json_agg(json_build_array(\"o_keys\".\"id\", \"o_keys\".\"key\", \"o_keys\".\"auth_config\")), '[]'::json) as \"data\" from \"virtual_keys\" \"o_keys\" where \"o_keys\".\"organisation_id\" = \"o\".\"id\") \"o_keys\" on true",
            "- Json([Json([-,!key,!auth_config])..])",
        ),
        // PostgREST's.
        (
            "WITH pgrst_source AS (SELECT \"public\".\"virtual_keys\".* FROM \"public\".\"virtual_keys\" LIMIT $1 OFFSET $2) SELECT null::bigint AS total_result_set, pg_catalog.count(_postgrest_t) AS page_total, coalesce(json_agg(_postgrest_t), '[]')::text AS body, nullif(current_setting('response.headers', true), '') AS response_headers FROM (SELECT * FROM pgrst_source) _postgrest_t",
            "- - Text(Json([{key:!key,auth_config:!auth_config}..])) -",
        ),
        // Hasura's.
        (
            "SELECT coalesce(json_agg(\"root\"), '[]') AS \"root\" FROM (SELECT row_to_json((SELECT \"_e\" FROM (SELECT \"_root.base\".\"id\" AS \"id\", \"_root.base\".\"key\" AS \"key\") AS \"_e\")) AS \"root\" FROM (SELECT * FROM \"public\".\"virtual_keys\" WHERE ('true')) AS \"_root.base\") AS \"_root\"",
            "Json([Json({key:!key})..])",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) VALUES ($1, $2) RETURNING row_to_json(virtual_keys)",
            "Json({key:!key,auth_config:!auth_config})",
        ),
        (
            "UPDATE virtual_keys SET name = $1 WHERE id = $2 RETURNING 'x' || key",
            "text(!key)",
        ),
    ];
    let mut wrong = String::new();
    for (sql, expected) in table {
        let found = match super::verdict(sql) {
            super::Verdict::Protect(plan) => outputs(&plan.statements[0]),
            super::Verdict::Refuse(refusal) => format!("{refusal:?}"),
            _ => "forwarded".to_owned(),
        };
        if found != expected {
            wrong.push_str(&format!("{sql}\n  {found}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
