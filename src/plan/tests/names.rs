//! Names that mean something else to PostgreSQL than they seem to.

use super::refusals::refused;
use super::{Verdict, outputs, single, verdict};

#[test]
fn a_table_to_be_changed_is_never_a_query_of_with() {
    let with = "WITH virtual_keys AS (SELECT 'b' AS id)";
    let update = format!("{with} UPDATE virtual_keys SET key = 'x' WHERE id = 'b'");
    let merge = format!(
        "{with} MERGE INTO virtual_keys v USING organisations o ON v.id = o.id WHEN MATCHED THEN UPDATE SET key = 'x'"
    );
    let compared = format!("{with} DELETE FROM virtual_keys WHERE key = 'x'");
    refused(&[
        (&update, "refused-syntax"),
        (&merge, "refused-syntax"),
        (&compared, "refused-comparison"),
    ]);
    let deleted = format!("{with} DELETE FROM virtual_keys WHERE id = 'b' RETURNING key");
    assert_eq!(outputs(&single(&deleted)), "!key");
}

#[test]
fn a_column_of_an_outer_query_goes_before_a_row_of_its_name() {
    let opened = "SELECT (SELECT key FROM organisations key LIMIT 1) FROM virtual_keys";
    assert_eq!(outputs(&single(opened)), "!key");
    refused(&[(
        "SELECT id FROM virtual_keys WHERE EXISTS (SELECT FROM organisations key WHERE key = 'x')",
        "refused-comparison",
    )]);
}

#[test]
fn a_query_of_with_recursive_may_be_used_before_it_is_written() {
    refused(&[
        (
            "WITH RECURSIVE a AS (SELECT coalesce(k, 'x') FROM b), b AS (SELECT key AS k FROM virtual_keys) SELECT * FROM a",
            "refused-syntax",
        ),
        (
            "WITH RECURSIVE a AS (SELECT k FROM b WHERE k = 'x'), b AS (SELECT key AS k FROM virtual_keys) SELECT * FROM a",
            "refused-syntax",
        ),
    ]);
    let behind = "WITH RECURSIVE b AS (SELECT key AS k FROM virtual_keys), a AS (SELECT coalesce(k, 'x') AS k FROM b) SELECT k FROM a";
    assert_eq!(outputs(&single(behind)), "?key");
}

#[test]
fn a_function_of_a_row_may_be_written_as_its_column() {
    refused(&[
        ("SELECT v.hint FROM virtual_keys v", "refused-syntax"),
        ("SELECT (v).hint FROM virtual_keys v", "refused-function"),
        (
            "SELECT x.hint FROM (SELECT key FROM virtual_keys) x",
            "refused-syntax",
        ),
        (
            "SELECT id FROM virtual_keys v WHERE v.hint = 'x'",
            "refused-syntax",
        ),
        (
            "UPDATE virtual_keys v SET key = 'x' WHERE v.size > 3",
            "refused-syntax",
        ),
    ]);
    let plain = "SELECT x.hint, v.key FROM virtual_keys v, (SELECT id FROM virtual_keys) x";
    assert_eq!(outputs(&single(plain)), "- !key");
}

#[test]
fn a_cast_that_cuts_a_value_off_makes_another_tenant() {
    refused(&[
        (
            "INSERT INTO virtual_keys (organisation_id, key) VALUES ('redder'::varchar(3), 'x')",
            "refused-tenant",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) VALUES (name 'red', 'x')",
            "refused-tenant",
        ),
        (
            "UPDATE virtual_keys SET auth_config = NULLIF('{\"a\":1}', '{\"a\": 1}')::jsonb WHERE id = 'b'",
            "refused-stored-value",
        ),
        (
            "UPDATE virtual_keys SET key = NULLIF('a ', 'a'::char(2)) WHERE id = 'b'",
            "refused-stored-value",
        ),
    ]);
}

/// Of a name that is surely no column, and no function of the row, PostgreSQL says that it does not exist.
#[test]
fn a_misspelt_column_does_not_exist() {
    let table = [
        ("SELECT v.nme, v.key FROM virtual_keys v", "v.nme", 8),
        (
            "SELECT key /* ü */ FROM virtual_keys WHERE public.virtual_keys.\"Nme\" = $1",
            "virtual_keys.Nme",
            44,
        ),
        (
            "UPDATE virtual_keys v SET key = 'sk' WHERE organisation_id = $1 RETURNING V.secret",
            "v.secret",
            75,
        ),
        // The name of a sealed column of another table.
        (
            "SELECT v.template, p.template FROM virtual_keys v, prompts p",
            "v.template",
            8,
        ),
    ];
    for (sql, column, position) in table {
        let Verdict::Refuse(refusal) = verdict(sql) else {
            panic!("{sql}")
        };
        assert_eq!(refusal.sqlstate, "42703", "{sql}");
        assert_eq!(refusal.message, format!("column {column} does not exist"));
        assert_eq!(refusal.position, Some(position), "{sql}");
    }
    refused(&[
        ("SELECT v.to_jsonb FROM virtual_keys v", "refused-syntax"),
        ("SELECT a.id FROM virtual_keys AS a (b)", "refused-syntax"),
    ]);
}
