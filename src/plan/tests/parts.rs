//! Documents and arrays with sealed values in them: how they are made, and taken apart again.

use super::refusals::refused;
use super::{outputs, single};

#[test]
fn documents_and_arrays_are_followed_into_their_parts() {
    let table = [
        (
            "SELECT to_jsonb(v) -> 'key', to_json(v) ->> 'key', to_jsonb(v) ->> 'name' FROM virtual_keys v",
            "Jsonb(!key) !key -",
        ),
        (
            "SELECT to_jsonb(v) ->> 'name' || '!' FROM virtual_keys v WHERE row_to_json(v) ->> 'slug' = $1",
            "-",
        ),
        (
            "SELECT jsonb_agg(v) -> 0 ->> 'key', json_build_array(name, key) -> 1, json_build_array(name, key) -> 0 FROM virtual_keys v",
            "!key Json(!key) -",
        ),
        (
            "SELECT json_build_object('v', v) ->> 'v' FROM virtual_keys v",
            "Text(Json({key:!key,auth_config:!auth_config}))",
        ),
        (
            "SELECT unnest(array_agg(key)), (array_agg(key))[1], (ARRAY[key, name])[1], (ARRAY[key, name])[2] FROM virtual_keys",
            "!key !key !key -",
        ),
        (
            "SELECT u, u.k, u.i FROM (SELECT array_agg(key) ks FROM virtual_keys) x, unnest(x.ks) WITH ORDINALITY u(k, i)",
            "{k:!key} !key -",
        ),
        (
            "SELECT u, u.u, ordinality FROM (SELECT array_agg(key) ks FROM virtual_keys) x, unnest(x.ks) WITH ORDINALITY u",
            "!key !key -",
        ),
        (
            "SELECT u.key, (u).name, u.* FROM (SELECT array_agg(v) vs FROM virtual_keys v) x, unnest(x.vs) u",
            "!key - - - - !key !auth_config -",
        ),
        (
            "SELECT k, i FROM (SELECT array_agg(key) ks, array_agg(id) ids FROM virtual_keys) x, unnest(x.ks, x.ids) AS u(k, i)",
            "!key -",
        ),
        // The rows of a table keep their fields' names under an alias with names of columns.
        (
            "SELECT to_jsonb(v) ->> 'key', to_jsonb(v) ->> 'x4', (v).x4, upper((v).x3), row_to_json(v) FROM virtual_keys v (x1, x2, x3, x4)",
            "!key - !key - Json({key:!key,auth_config:!auth_config})",
        ),
        (
            "SELECT to_jsonb(d) ->> 'k' FROM (SELECT key FROM virtual_keys) d (k)",
            "!key",
        ),
        (
            "SELECT e.value, e FROM (SELECT json_agg(key) j FROM virtual_keys) x, json_array_elements_text(x.j) e",
            "!key !key",
        ),
        (
            "SELECT e.value ->> 'key' FROM (SELECT jsonb_agg(v) j FROM virtual_keys v) x, jsonb_array_elements(x.j) WITH ORDINALITY e",
            "!key",
        ),
        (
            "SELECT cardinality(array_agg(key)), array_length(ARRAY[key], 1), num_nonnulls(key, auth_config), pg_typeof(key), jsonb_object_keys(to_jsonb(v)) FROM virtual_keys v GROUP BY v.id",
            "- - - - -",
        ),
        // In JSON an array of arrays is a list of lists; in PostgreSQL's form it has elements only.
        (
            "SELECT jsonb_agg(ARRAY(SELECT auth_config)), json_agg(ARRAY[key, name]), json_agg(ARRAY[key]) -> 0 -> 0, json_agg(ARRAY[key]) -> 0 ->> 0 FROM virtual_keys",
            "Jsonb([[!auth_config..]..]) Json([[!key,-]..]) Json(!key) !key",
        ),
        (
            "SELECT array_agg(ARRAY(SELECT key)), (array_agg(ARRAY(SELECT key)))[1:1], to_jsonb(array_agg(ARRAY(SELECT key))), to_jsonb(array_agg(ARRAY(SELECT key))) -> 0, unnest(array_agg(ARRAY(SELECT key))), array_agg(ARRAY(SELECT key))::varchar[], ROW(array_agg(ARRAY(SELECT key))) FROM virtual_keys",
            "[!key..] [!key..] Jsonb([[!key..]..]) Jsonb([!key..]) !key [?key..] {f1:[!key..]}",
        ),
        (
            "SELECT json_array_elements_text(json_agg(ARRAY(SELECT key))), array_to_string(array_agg(ARRAY(SELECT key)), ',') FROM virtual_keys",
            "Text(Json([!key..])) text(!key)",
        ),
        (
            "SELECT array_cat(array_agg(key), array_agg(key)), array_append(array_agg(key), 'none') FROM virtual_keys",
            "[!key..] [?key..]",
        ),
        (
            "SELECT array_agg(key) || array_agg(key), array_agg(key) || 'none', array_agg(key) || ARRAY['x'], '{a}'::text[] || array_agg(key), ARRAY[key] || key, 'a' || key || 'b' FROM virtual_keys",
            "[!key..] [?key..] [?key..] [?key..] [!key..] text(!key)",
        ),
        (
            "SELECT e.value, e.key, e FROM (SELECT jsonb_object_agg(id, key) j FROM virtual_keys) x, jsonb_each_text(x.j) e",
            "?key - {value:?key}",
        ),
        (
            "SELECT k, v FROM virtual_keys, json_each(json_build_object('a', key, 'b', key)) AS e(k, v)",
            "- Json(!key)",
        ),
        (
            "SELECT (jsonb_each(jsonb_object_agg(id, auth_config))).value FROM virtual_keys",
            "Jsonb(?auth_config)",
        ),
        (
            "SELECT k FROM virtual_keys v, jsonb_object_keys(to_jsonb(v)) k ORDER BY k",
            "-",
        ),
        (
            "SELECT k, n, i, key FROM virtual_keys, ROWS FROM (unnest(ARRAY[key, key]), unnest(ARRAY[1, 2])) WITH ORDINALITY AS u(k, n, i)",
            "!key - - !key",
        ),
        (
            "SELECT k, i FROM virtual_keys v LEFT JOIN LATERAL ROWS FROM (unnest(ARRAY[v.key])) WITH ORDINALITY AS u(k, i) ON true",
            "!key -",
        ),
        (
            "SELECT k, n, u.more, u.k FROM virtual_keys, ROWS FROM (unnest(ARRAY[key, name], ARRAY[key]), made(1, 2)) AS u(x, k, n)",
            "!key - - !key",
        ),
        (
            "SELECT k, i FROM virtual_keys, ROWS FROM (json_array_elements_text(json_build_array(key)), regexp_matches(name, '.', 'g'), unnest(ARRAY[id])) WITH ORDINALITY AS u(k, n, i)",
            "!key -",
        ),
        (
            "SELECT n.b, key FROM virtual_keys, ROWS FROM (json_array_elements('[1]'), pg_catalog.unnest('{a}'::text[])) AS n(a, b)",
            "- !key",
        ),
        (
            "SELECT json_strip_nulls(json_build_object('k', key)) FROM virtual_keys",
            "Json({k:?key})",
        ),
        (
            "SELECT NULLIF(key, NULL), key COLLATE \"C\" FROM virtual_keys",
            "!key !key",
        ),
        (
            "SELECT v.id, max(v.key), count(*) FROM virtual_keys v JOIN prompts p USING (organisation_id) GROUP BY v.id",
            "- !key -",
        ),
        (
            "SELECT min(key) FROM virtual_keys WHERE id = $1 AND name IS NOT NULL",
            "!key",
        ),
        (
            "SELECT JSON_ARRAY(key, key), JSON_ARRAY(key, name NULL ON NULL), JSON_ARRAY(key, 1, 'x' RETURNING text), JSON_ARRAY(auth_config) FROM virtual_keys",
            "Json([!key..]) Json([!key,-]) Text(Json([?key..])) Jsonb([!auth_config..])",
        ),
        (
            "SELECT JSON_ARRAY(SELECT key FROM virtual_keys WHERE id IN (SELECT id FROM organisations) RETURNING jsonb), JSON_ARRAY(WITH x AS (SELECT 1) SELECT 2 FROM x)",
            "Jsonb([!key..]) -",
        ),
        (
            "SELECT JSON_OBJECT('k': key, 'n' VALUE name), JSON_OBJECT('k': key, 'n': name ABSENT ON NULL WITH UNIQUE KEYS RETURNING jsonb) FROM virtual_keys",
            "Json({k:!key}) Jsonb({k:?key})",
        ),
        (
            "SELECT JSON_OBJECTAGG(id: key), JSON_ARRAYAGG(auth_config ORDER BY id NULL ON NULL) FROM virtual_keys",
            "Json({*:!key}) Jsonb([!auth_config..])",
        ),
        ("SELECT JSON_SCALAR(key) FROM virtual_keys", "Json(!key)"),
    ];
    for (sql, expected) in table {
        assert_eq!(outputs(&single(sql)), expected, "{sql}");
    }
}

#[test]
fn no_part_is_taken_for_another() {
    refused(&[
        ("SELECT NULLIF(key, '') FROM virtual_keys", "refused-nullif"),
        (
            "SELECT NULLIF(name, key) FROM virtual_keys",
            "refused-nullif",
        ),
        (
            "SELECT upper((v).x4) FROM virtual_keys v (x1, x2, x3, x4)",
            "refused-function",
        ),
        // Somebody may have stored a sealed value in the name.
        (
            "SELECT name || array_agg(key) FROM virtual_keys GROUP BY name",
            "refused-operator",
        ),
        (
            "SELECT array_append(array_agg(key), name) FROM virtual_keys GROUP BY name",
            "refused-function",
        ),
        (
            "SELECT ARRAY[key] || ARRAY[name] FROM virtual_keys",
            "refused-operator",
        ),
        (
            r#"SELECT array_agg(key) || '{"\~s1x~"}'::text[] FROM virtual_keys"#,
            "refused-operator",
        ),
        (
            r#"SELECT ARRAY[auth_config] || '"\u007es1x~"'::jsonb FROM virtual_keys"#,
            "refused-operator",
        ),
        // Which of its places is whose is not known.
        (
            "SELECT ARRAY[ARRAY(SELECT key), ARRAY(SELECT key)] FROM virtual_keys",
            "refused-row",
        ),
        (
            "SELECT array_agg(ARRAY[key, name]) FROM virtual_keys",
            "refused-row",
        ),
        (
            "SELECT array_agg(ARRAY(SELECT key)) || ARRAY['x'] FROM virtual_keys",
            "refused-operator",
        ),
        // What is joined first may be texts.
        (
            "SELECT name || key || array_agg(key) FROM virtual_keys GROUP BY id",
            "refused-operator",
        ),
        (
            "SELECT array_agg(key) || array_agg(to_jsonb(v)) FROM virtual_keys v",
            "refused-operator",
        ),
        // Somebody may have stored a sealed value in the name.
        (
            "SELECT e.value FROM virtual_keys v, jsonb_each(to_jsonb(v)) e",
            "refused-row",
        ),
        (
            "SELECT jsonb_each(auth_config) FROM virtual_keys",
            "refused-function",
        ),
        (
            "SELECT k FROM virtual_keys, jsonb_object_keys(auth_config) k",
            "refused-function",
        ),
        ("SELECT max(key) FROM virtual_keys", "refused-aggregate"),
        (
            "SELECT max(key) FROM virtual_keys WHERE id > $1",
            "refused-aggregate",
        ),
        (
            "SELECT max(key) FROM virtual_keys WHERE id = $1 OR name = $2",
            "refused-aggregate",
        ),
        (
            "SELECT max(key) FROM virtual_keys GROUP BY organisation_id",
            "refused-aggregate",
        ),
        (
            "SELECT max(key) FROM virtual_keys GROUP BY ROLLUP (id)",
            "refused-aggregate",
        ),
        // A window is over all groups.
        (
            "SELECT max(key) OVER () FROM virtual_keys GROUP BY id",
            "refused-aggregate",
        ),
        (
            "SELECT max(b.key) FROM virtual_keys a, virtual_keys b WHERE a.id = $1",
            "refused-aggregate",
        ),
        (
            "SELECT max(b.key) FROM virtual_keys a, virtual_keys b GROUP BY a.id",
            "refused-aggregate",
        ),
        (
            "SELECT max(x.key) FROM (SELECT id, key FROM virtual_keys UNION ALL SELECT id, key FROM virtual_keys) x GROUP BY x.id",
            "refused-aggregate",
        ),
        // What is left out moves the others.
        (
            "SELECT JSON_ARRAY(key, name) FROM virtual_keys",
            "refused-function",
        ),
        // A plain value that may be jsonb makes the result one.
        (
            "SELECT JSON_OBJECT('k': key, 'n': (SELECT a.note::jsonb FROM audit a)) FROM virtual_keys",
            "refused-function",
        ),
        (
            "SELECT JSON_OBJECT(name: key) FROM virtual_keys",
            "refused-function",
        ),
        (
            "SELECT JSON_OBJECTAGG(key: name) FROM virtual_keys",
            "refused-function",
        ),
        (
            "SELECT JSON_ARRAY(key RETURNING bytea) FROM virtual_keys",
            "refused-function",
        ),
        (
            "SELECT JSON_ARRAY(key RETURNING varchar(9)) FROM virtual_keys",
            "refused-function",
        ),
        (
            "SELECT JSON_SCALAR(auth_config), 1 FROM virtual_keys",
            "refused-function",
        ),
        (
            "SELECT JSON_SERIALIZE(auth_config) FROM virtual_keys",
            "refused-function",
        ),
        // The sealed document would have been looked into.
        (
            "SELECT jsonb_strip_nulls(to_jsonb(v)) FROM virtual_keys v",
            "refused-function",
        ),
        (
            "SELECT to_jsonb(v) ->> 'auth_config' FROM virtual_keys v",
            "refused-part",
        ),
        (
            "SELECT to_jsonb(v) -> 'auth_config' -> 'a' FROM virtual_keys v",
            "refused-part",
        ),
        (
            "SELECT to_jsonb(v) -> name FROM virtual_keys v",
            "refused-part",
        ),
        (
            "SELECT to_jsonb(v) -> $1 FROM virtual_keys v",
            "refused-part",
        ),
        (
            "SELECT auth_config -> 'a' FROM virtual_keys v",
            "refused-part",
        ),
        (
            "SELECT to_jsonb(v) ->> 'key' || '!' FROM virtual_keys v",
            "refused-operator",
        ),
        (
            "SELECT 1 FROM virtual_keys v WHERE to_jsonb(v) ->> 'key' = $1",
            "refused-comparison",
        ),
        (
            "SELECT u FROM (SELECT array_agg(key) ks FROM virtual_keys) x, unnest(x.ks) u ORDER BY u",
            "refused-order",
        ),
        (
            "SELECT upper(u) FROM (SELECT array_agg(key) ks FROM virtual_keys) x, unnest(x.ks) u",
            "refused-function",
        ),
        (
            "INSERT INTO audit (note) SELECT unnest(array_agg(key)) FROM virtual_keys",
            "refused-stored-value",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) SELECT $1, to_json(v) ->> 'key' FROM virtual_keys v",
            "refused-stored-value",
        ),
        (
            "INSERT INTO audit (note) SELECT e FROM (SELECT json_agg(key) j FROM virtual_keys) x, json_array_elements_text(x.j) e",
            "refused-stored-value",
        ),
        // How many columns the plain array gives is not known.
        (
            "SELECT k FROM (SELECT array_agg(key) ks, array_agg(id) ids FROM virtual_keys) x, unnest(x.ids, x.ks) u(i, k)",
            "refused-function",
        ),
        (
            "SELECT * FROM (SELECT array_agg(key) ks, array_agg(id) ids FROM virtual_keys) x, unnest(x.ks, x.ids) u",
            "refused-row",
        ),
        (
            "SELECT k FROM virtual_keys, ROWS FROM (made(1, 2), unnest(ARRAY[key])) AS u(n, k)",
            "refused-row",
        ),
        (
            "SELECT cardinality(auth_config) FROM virtual_keys",
            "refused-function",
        ),
        (
            "UPDATE virtual_keys SET auth_config = NULLIF($1, NULL) WHERE organisation_id = $2",
            "refused-stored-value",
        ),
    ]);
}
