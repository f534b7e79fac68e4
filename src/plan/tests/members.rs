//! Objects whose members are plain or sealed, and functions in FROM whose columns are known.

use super::refusals::refused;
use super::{outputs, single};

#[test]
fn a_condition_says_which_members_a_row_may_be() {
    let of = |call: &str, test: &str| {
        let sql = format!(
            "SELECT k, val FROM virtual_keys v, {call}(to_jsonb(v)) AS e(k, val) WHERE {test}"
        );
        outputs(&single(&sql))
    };
    for test in [
        "k = 'name'",
        "'name' = e.k AND v.id = $1",
        "(k IN ('name', 'slug', 'nothing')) AND val IS NOT NULL",
        "k NOT IN ('key', 'auth_config')",
        "k <> 'key' AND k <> 'auth_config'",
        "e.k = ANY ('{name,slug}')",
        "e.k = ANY (ARRAY['name'])",
        "k <> ALL ('{key,auth_config}'::text[]) AND val = '1'",
    ] {
        assert_eq!(of("jsonb_each", test), "- -", "{test}");
    }
    assert_eq!(of("jsonb_each_text", "k = 'key'"), "- !key");
    assert_eq!(of("jsonb_each", "k IN ('key')"), "- Jsonb(!key)");
    assert_eq!(
        of("jsonb_each", "e.k = 'auth_config'"),
        "- Jsonb(!auth_config)"
    );
    let keys = "SELECT e.key, count(*) FROM virtual_keys v, json_each(row_to_json(v)) e GROUP BY 1";
    assert_eq!(outputs(&single(keys)), "- -");
    let joined = "SELECT e.value FROM virtual_keys v LEFT JOIN LATERAL jsonb_each_text(to_jsonb(v)) e ON true WHERE e.key = 'name'";
    assert_eq!(outputs(&single(joined)), "-");
}

#[test]
fn a_member_of_which_nobody_knows_whether_it_is_sealed_is_refused() {
    let of = |select: &str, rest: &str| {
        format!("SELECT {select} FROM virtual_keys v, jsonb_each(to_jsonb(v)) e {rest}")
    };
    refused(&[
        (&of("e.value", ""), "refused-row"),
        (&of("*", "WHERE true"), "refused-row"),
        (
            &of("e.value", "WHERE e.key = 'name' OR v.id = 'b'"),
            "refused-row",
        ),
        (
            &of("e.value", "WHERE e.key IN ('name', 'key')"),
            "refused-row",
        ),
        (&of("e.value", "WHERE e.key LIKE 'name'"), "refused-row"),
        (&of("e.value", "WHERE v.name = 'name'"), "refused-row"),
        (&of("v.id", "WHERE e.value = '1'"), "refused-comparison"),
        (
            &format!(
                "SELECT value FROM ({}) x WHERE x.k = 'name'",
                of("e.key AS k, e.value", "")
            ),
            "refused-row",
        ),
        // Another column has that name.
        (
            "SELECT val FROM prompts p, ROWS FROM (jsonb_each(to_jsonb(p)), string_to_table('name', ',')) AS u(k, val, key) WHERE key = 'name'",
            "refused-row",
        ),
        (
            "SELECT val FROM (virtual_keys v CROSS JOIN LATERAL jsonb_each(to_jsonb(v)) e) AS x(i, o, n, y, a, s, key, val) WHERE key = 'name'",
            "refused-row",
        ),
        (
            &of(
                "e.value",
                "WHERE e.key = (SELECT e.key FROM organisations WHERE e.key = 'name')",
            ),
            "refused-row",
        ),
    ]);
}

#[test]
fn a_record_is_read_by_the_names_of_its_columns() {
    let table = [
        (
            "SELECT r.* FROM virtual_keys v, jsonb_to_record(to_jsonb(v)) AS r(name text, key text, nothing int)",
            "- !key -",
        ),
        (
            "SELECT r.b, r.name FROM virtual_keys v, LATERAL json_to_record(json_build_object('b', ARRAY[v.auth_config], 'name', v.name)) AS r(b json, name varchar)",
            "Json([!auth_config]) -",
        ),
        (
            "SELECT * FROM (SELECT jsonb_agg(v) AS all FROM virtual_keys v) x CROSS JOIN LATERAL jsonb_to_recordset(x.all) AS r(id uuid, key text)",
            "Jsonb([{key:!key,auth_config:!auth_config}..]) - !key",
        ),
        (
            "SELECT r.id, v.key FROM virtual_keys v, json_to_recordset('[]') AS r(id uuid, note text)",
            "- !key",
        ),
    ];
    for (sql, expected) in table {
        assert_eq!(outputs(&single(sql)), expected, "{sql}");
    }
    refused(&[
        (
            "SELECT r.key FROM virtual_keys v, jsonb_to_record(to_jsonb(v)) AS r(key int)",
            "refused-cast",
        ),
        (
            "SELECT r.key FROM virtual_keys v, jsonb_to_record(to_jsonb(v)) AS r(key varchar(9))",
            "refused-cast",
        ),
        (
            "SELECT r.auth_config FROM virtual_keys v, jsonb_to_record(to_jsonb(v)) AS r(auth_config jsonb)",
            "refused-part",
        ),
        (
            "SELECT r.key FROM virtual_keys v, other.jsonb_to_record(to_jsonb(v)) AS r(key text)",
            "refused-function",
        ),
        (
            "SELECT r.key FROM virtual_keys v, jsonb_to_record(v.auth_config) AS r(key text)",
            "refused-function",
        ),
        (
            "SELECT r.name FROM virtual_keys v, jsonb_populate_record(NULL::virtual_keys, to_jsonb(v)) r",
            "refused-function",
        ),
    ]);
}

#[test]
fn a_path_leads_into_a_document() {
    let table = [
        ("to_jsonb(v) #>> '{name}'", "-"),
        ("to_jsonb(v) #>> '{key}'", "!key"),
        (
            "row_to_json(v) #> ARRAY['auth_config']",
            "Json(!auth_config)",
        ),
        ("json_build_array(v.name, v) #>> '{1,key}'", "!key"),
        ("json_build_array(v.name, v) #> '{0}'::text[]", "-"),
        ("to_jsonb(v) -> 'nothing' #>> '{a}'", "-"),
        ("jsonb_extract_path_text(to_jsonb(v), 'key')", "!key"),
        (
            "json_extract_path(json_build_object('v', v), 'v', 'slug')",
            "-",
        ),
    ];
    for (expr, expected) in table {
        let sql = format!("SELECT {expr} FROM virtual_keys v");
        assert_eq!(outputs(&single(&sql)), expected, "{sql}");
    }
    let of = |expr: &str| format!("SELECT {expr} FROM virtual_keys v");
    refused(&[
        (&of("to_jsonb(v) #>> $1"), "refused-part"),
        (&of("to_jsonb(v) #>> '{auth_config,a}'"), "refused-part"),
        (
            &of("json_build_array(v.name, v.key) #>> '{-1}'"),
            "refused-part",
        ),
        (
            &of("jsonb_extract_path(to_jsonb(v), v.name)"),
            "refused-part",
        ),
        (&of("v.auth_config #> '{a}'"), "refused-part"),
    ]);
}

#[test]
fn the_columns_of_known_functions_have_their_places() {
    let table = [
        (
            "SELECT * FROM generate_series(1, 2) g, virtual_keys v, unnest(ARRAY[v.key]) u",
            "- - - - !key !auth_config - !key",
        ),
        (
            "SELECT k, n FROM virtual_keys, ROWS FROM (generate_series(1, 2), unnest(ARRAY[key])) AS u(n, k)",
            "!key -",
        ),
        (
            "SELECT u.* FROM virtual_keys v, unnest(ARRAY[1, 2], '{a}'::text[], ARRAY['a', 'b'], ARRAY['c', v.name], ARRAY[v.key]) AS u",
            "- - - - !key",
        ),
        (
            "SELECT u.* FROM virtual_keys v, unnest(ARRAY[v], ARRAY[v.key]) u",
            "- - - !key !auth_config - !key",
        ),
        (
            "SELECT u.* FROM virtual_keys v, unnest(ARRAY[v.id, NULL], ARRAY[v.key]) WITH ORDINALITY AS u(i, k, n)",
            "- !key -",
        ),
        (
            "SELECT * FROM json_each('{}') e, string_to_table('a b', ' ') WITH ORDINALITY s, (SELECT ARRAY[key] FROM virtual_keys) x",
            "- - - - [!key]",
        ),
        (
            "SELECT g, g.g + 1, s.value FROM virtual_keys, generate_series(1, 2) AS g, json_array_elements_text(json_build_array(key)) s",
            "- - !key",
        ),
    ];
    for (sql, expected) in table {
        assert_eq!(outputs(&single(sql)), expected, "{sql}");
    }
    refused(&[
        (
            "SELECT * FROM made(1) m, (SELECT ARRAY[key] FROM virtual_keys) x",
            "refused-row",
        ),
        (
            "SELECT u.* FROM virtual_keys v, organisations o, unnest(ARRAY['(1)', o], ARRAY[v.key]) u",
            "refused-function",
        ),
    ]);
}
