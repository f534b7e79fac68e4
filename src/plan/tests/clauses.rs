//! Clauses that the parser does not know and that PostgreSQL's users write.

use super::refusals::refused;
use super::{outputs, single};

#[test]
fn clauses_of_postgresql_are_understood() {
    let graph = "WITH RECURSIVE r AS (SELECT id, key FROM virtual_keys UNION ALL SELECT v.id, v.key FROM virtual_keys v JOIN r ON v.id = r.id)";
    let table = [
        (
            "UPDATE virtual_keys SET key = $1 WHERE organisation_id = $2 RETURNING WITH (OLD AS o, NEW AS n) o.key, n.*, key, row_to_json(o)",
            "!key - - - !key !auth_config - !key Json({key:!key,auth_config:!auth_config})",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) VALUES ($1, $2) RETURNING WITH (NEW AS \"N\") \"N\".key, old.key",
            "!key !key",
        ),
        (
            "DELETE FROM virtual_keys WHERE id = $1 RETURNING WITH (OLD AS virtual) virtual.key",
            "!key",
        ),
        (
            "MERGE INTO virtual_keys t USING audit a ON a.note = t.name WHEN MATCHED THEN UPDATE SET name = 'x' RETURNING WITH (OLD AS o) o.key, merge_action(), t.key",
            "!key - !key",
        ),
        // What is called old besides is the table of that name.
        (
            "UPDATE virtual_keys SET name = 'x' FROM audit old WHERE old.note = slug RETURNING WITH (OLD AS o) o.key, old.key",
            "!key -",
        ),
        (
            "SELECT j.*, j.id, a.key, b.template FROM virtual_keys a JOIN prompts b USING (organisation_id) AS j",
            "- - !key !template",
        ),
        (
            "SELECT * FROM virtual_keys a JOIN prompts b USING (organisation_id) AS j",
            "- - - !key !auth_config - - - !template",
        ),
        (
            &format!("{graph} SEARCH DEPTH FIRST BY id SET o SELECT * FROM r ORDER BY o"),
            "- !key -",
        ),
        (
            &format!(
                "{graph} CYCLE id SET again USING path, x AS (SELECT 1) SELECT *, key FROM r WHERE NOT again"
            ),
            "- !key - - !key",
        ),
        (
            &format!(
                "{graph} SEARCH BREADTH FIRST BY id SET o CYCLE id SET again TO 'y' DEFAULT 'n' USING path SELECT * FROM r"
            ),
            "- !key - - -",
        ),
        // Aliases that are called like these clauses.
        (
            "SELECT cycle.key, search.key FROM (SELECT id, key FROM virtual_keys) cycle JOIN (TABLE audit) search USING (id)",
            "!key -",
        ),
        (
            "DELETE FROM virtual_keys WHERE CURRENT OF c RETURNING key",
            "!key",
        ),
        (
            "UPDATE virtual_keys SET name = 'x' WHERE CURRENT OF c RETURNING key",
            "!key",
        ),
        (
            "UPDATE settings SET secret = $1 WHERE CURRENT OF \"C\" RETURNING secret",
            "!secret",
        ),
        (
            "SELECT name, count(key) FROM virtual_keys GROUP BY DISTINCT ROLLUP (name, slug), CUBE (name)",
            "- -",
        ),
        (
            "SELECT name, count(key) FROM virtual_keys GROUP BY ALL name",
            "- -",
        ),
        (
            "SELECT key, sum(1) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE TIES), count(*) OVER (ORDER BY id GROUPS 1 PRECEDING EXCLUDE NO OTHERS) FROM virtual_keys",
            "!key - -",
        ),
        (
            "SELECT JSON_OBJECT('a': key WITHOUT UNIQUE KEYS) FROM virtual_keys",
            "Json({a:!key})",
        ),
        (
            "SELECT name::timestamptz AT LOCAL, key FROM virtual_keys",
            "- !key",
        ),
        (
            "SELECT concat_ws('-', VARIADIC ARRAY[name, slug]), key FROM virtual_keys",
            "- !key",
        ),
        (
            "SELECT key FROM virtual_keys v WHERE v.* IS NOT NULL",
            "!key",
        ),
    ];
    for (sql, expected) in table {
        let found = outputs(&single(sql));
        assert_eq!(found, expected, "{sql}");
    }
}

#[test]
fn nothing_slips_through_clauses_that_the_parser_is_not_told_of() {
    let graph = "WITH RECURSIVE r AS (SELECT id, key FROM virtual_keys UNION ALL SELECT v.id, v.key FROM virtual_keys v JOIN r ON v.id = r.id)";
    refused(&[
        // The row is known to the cursor only, so nobody can say whose it is.
        (
            "UPDATE virtual_keys SET key = $1 WHERE CURRENT OF c",
            "refused-lookup",
        ),
        (
            "UPDATE virtual_keys SET key = 'sk-1' WHERE CURRENT OF c",
            "refused-lookup",
        ),
        (
            "UPDATE virtual_keys SET name = 'x' WHERE CURRENT OF virtual_keys",
            "refused-syntax",
        ),
        (
            "UPDATE virtual_keys SET key = name WHERE CURRENT OF c",
            "refused-stored-value",
        ),
        // Sealed values would be compared.
        (
            &format!("{graph} SEARCH DEPTH FIRST BY id, key SET o SELECT id FROM r"),
            "refused-order",
        ),
        (
            &format!("{graph} CYCLE key SET again USING path SELECT id FROM r"),
            "refused-comparison",
        ),
        // No value hides where the parser does not look.
        (
            &format!("{graph} CYCLE id SET again TO $1 DEFAULT 'n' USING path SELECT id FROM r"),
            "refused-syntax",
        ),
        (
            &format!(
                "{graph} CYCLE id SET again TO (SELECT key FROM virtual_keys) DEFAULT 'n' USING path SELECT id FROM r"
            ),
            "refused-syntax",
        ),
        (
            "UPDATE virtual_keys SET name = 'x' WHERE id = $1 RETURNING WITH (OLD AS o, key AS n) o.key",
            "refused-syntax",
        ),
        (
            "UPDATE virtual_keys SET name = 'x' WHERE id = $1 RETURNING WITH (OLD AS o) upper(o.key)",
            "refused-function",
        ),
        (
            "UPDATE virtual_keys SET name = 'x' WHERE id = $1 RETURNING WITH (OLD AS o) o.key = $2",
            "refused-comparison",
        ),
        (
            "SELECT j.key FROM virtual_keys a JOIN virtual_keys b USING (key) AS j",
            "refused-join",
        ),
        (
            "SELECT concat(VARIADIC ARRAY[key, name]) FROM virtual_keys",
            "refused-function",
        ),
        (
            "SELECT jsonb_build_array(VARIADIC ARRAY[key, name]) FROM virtual_keys",
            "refused-function",
        ),
        (
            "SELECT json_build_object(VARIADIC ARRAY['a', key]) FROM virtual_keys",
            "refused-function",
        ),
        (
            "SELECT key FROM virtual_keys GROUP BY DISTINCT key",
            "refused-group",
        ),
        (
            "SELECT 1 FROM virtual_keys v WHERE (v.*, 1) = (v.*, 1)",
            "refused-syntax",
        ),
    ]);
}
