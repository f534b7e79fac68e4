use std::collections::HashMap;

use super::refusals::refused;
use super::{Env, Verdict, planner, searchable, single, verdict};
use crate::plan::{Planner, StatementKind};

fn passes(sql: &str) {
    let defines = |plan: &crate::plan::Plan| {
        plan.statements.iter().all(|statement| {
            matches!(
                statement.kind,
                StatementKind::Define | StatementKind::Forward
            ) && statement.slots.is_empty()
        })
    };
    match verdict(sql) {
        Verdict::Forward => {}
        Verdict::Protect(plan) if defines(&plan) => {}
        Verdict::Protect(_) => panic!("planned: {sql}"),
        Verdict::Refuse(refusal) => panic!("{sql}: {}", refusal.message),
        Verdict::Resolve(_) => panic!("asks: {sql}"),
    }
}

#[test]
fn ddl_that_changes_no_value_of_a_sealed_column_passes() {
    for action in [
        "DROP COLUMN key",
        "DROP COLUMN IF EXISTS \"key\" CASCADE",
        "DROP auth_config RESTRICT, DROP name",
        "DROP CONSTRAINT key",
        "ALTER COLUMN key SET NOT NULL",
        "ALTER key DROP NOT NULL, ALTER COLUMN name SET DEFAULT 'x'",
        "ALTER COLUMN \"key\" DROP DEFAULT",
        "ALTER key SET STATISTICS 100",
        "ALTER key SET STORAGE external",
        "ALTER key SET COMPRESSION lz4",
        "ALTER key SET (n_distinct = 5)",
        "ALTER key RESET (n_distinct)",
        "ALTER COLUMN key TYPE text",
        "ALTER COLUMN \"key\" SET DATA TYPE varchar USING \"key\"::varchar",
        "ALTER key TYPE character varying USING key",
        "ALTER auth_config TYPE jsonb USING auth_config::jsonb",
        "ADD CHECK (key IS NOT NULL OR name = 'none')",
        "ADD CONSTRAINT c CHECK (virtual_keys.key IS NULL)",
        "ALTER organisation_id DROP NOT NULL",
        "ALTER COLUMN \"organisation_id\" TYPE UUID",
        "ALTER organisation_id SET DATA TYPE uuid USING organisation_id::uuid",
    ] {
        for table in [
            "virtual_keys",
            "IF EXISTS ONLY public.virtual_keys",
            "virtual_keys *",
        ] {
            passes(&format!("ALTER TABLE {table} {action}"));
        }
    }
    for sql in [
        "CREATE INDEX ON virtual_keys (name) WHERE key IS NOT NULL",
        "CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a + 1) STORED, k uuid REFERENCES virtual_keys (id))",
        "CREATE UNIQUE INDEX CONCURRENTLY i ON virtual_keys (name) WHERE (key IS NULL) AND name <> ''",
        "CREATE POLICY p ON virtual_keys USING (key IS NOT NULL) WITH CHECK (name = 'x')",
        "CREATE PUBLICATION p FOR TABLE virtual_keys (id, key) WHERE (name = 'x' AND key IS NOT NULL)",
        "ALTER PUBLICATION p SET TABLE virtual_keys (id, key), audit WHERE (note <> 'x')",
        "CREATE PUBLICATION p FOR TABLE virtual_keys",
        "ALTER POLICY p ON virtual_keys RENAME TO q",
        "ALTER TRIGGER t ON virtual_keys RENAME TO u",
        "CREATE VIEW v AS SELECT id, key FROM virtual_keys WITH CHECK OPTION",
        "CREATE VIEW v AS SELECT id, name FROM virtual_keys WHERE name > '' WITH LOCAL CHECK OPTION",
        "CREATE OR REPLACE VIEW v AS TABLE virtual_keys WITH CASCADED CHECK OPTION",
    ] {
        passes(sql);
    }
}

/// A role, a schema, an argument of a function may be called as a protected table is.
#[test]
fn what_only_bears_the_name_of_a_table_passes() {
    for sql in [
        "CREATE ROLE virtual_keys LOGIN",
        "CREATE USER MAPPING FOR virtual_keys SERVER s",
        "CREATE DATABASE virtual_keys",
        "CREATE SCHEMA IF NOT EXISTS virtual_keys",
        "CREATE EXTENSION virtual_keys",
        "ALTER ROLE virtual_keys RENAME TO other",
        "ALTER DATABASE virtual_keys RENAME TO other",
        "SELECT f(virtual_keys => 1), g(1, \"virtual_keys\" := 'x') FROM audit",
        "SELECT * FROM f(virtual_keys => 1)",
    ] {
        passes(sql);
    }
    refused(&[
        (
            "CREATE SCHEMA s CREATE TABLE t (n int) CREATE VIEW v AS SELECT 1 FROM virtual_keys WHERE key = 'sk'",
            "refused-comparison",
        ),
        (
            "SELECT json_build_object('k', virtual_keys) - f(v => key) FROM virtual_keys",
            "refused-function",
        ),
    ]);
}

#[test]
fn ddl_that_would_compute_with_a_sealed_column_is_refused() {
    for (action, anchor) in [
        ("ALTER key TYPE varchar(20)", "refused-ddl"),
        ("ALTER key TYPE citext", "refused-ddl"),
        ("ALTER key TYPE jsonb USING key::jsonb", "refused-ddl"),
        ("ALTER key TYPE text USING 'x'", "refused-ddl"),
        ("ALTER key TYPE text USING name", "refused-ddl"),
        ("ALTER key TYPE text USING upper(key)", "refused-ddl"),
        ("ALTER key TYPE text COLLATE \"C\"", "refused-ddl"),
        ("ALTER auth_config TYPE json", "refused-ddl"),
        (
            "ALTER key SET NOT NULL, ALTER key SET DEFAULT 'x'",
            "refused-ddl",
        ),
        (
            "DROP COLUMN key, ADD COLUMN key text DEFAULT 'x'",
            "refused-ddl",
        ),
        ("ALTER name TYPE text USING key", "refused-ddl"),
        (
            "ADD CHECK (key IS NOT NULL AND length(key) > 3)",
            "refused-ddl",
        ),
        ("ADD CHECK (('sk-1' = key) IS NOT NULL)", "refused-ddl"),
        ("ADD CHECK ('sk-1' = key IS NOT NULL)", "refused-ddl"),
        (
            "ADD CHECK (name BETWEEN 'a' AND key IS NULL)",
            "refused-ddl",
        ),
        ("ADD EXCLUDE USING gist (key WITH =)", "refused-ddl"),
        ("DROP COLUMN organisation_id", "refused-ddl"),
        ("ALTER organisation_id TYPE text", "refused-ddl"),
        ("ALTER organisation_id TYPE uuid USING id", "refused-ddl"),
        ("ALTER organisation_id TYPE uuid[]", "refused-ddl"),
        ("RENAME organisation_id TO o", "refused-ddl"),
        ("RENAME key TO k", "refused-rename"),
    ] {
        refused(&[(&format!("ALTER TABLE virtual_keys {action}"), anchor)]);
    }
    refused(&[
        (
            "CREATE INDEX ON virtual_keys (name) WHERE key = 'sk-1'",
            "refused-index",
        ),
        (
            "CREATE INDEX ON virtual_keys (name, key) WHERE key IS NOT NULL",
            "refused-index",
        ),
        (
            "CREATE INDEX ON virtual_keys (name) INCLUDE (key)",
            "refused-index",
        ),
        (
            "CREATE POLICY p ON virtual_keys USING (key = current_user)",
            "refused-index",
        ),
        (
            "ALTER POLICY p ON virtual_keys USING (key = 'sk-1')",
            "refused-ddl",
        ),
        (
            "CREATE STATISTICS s ON name, key FROM virtual_keys",
            "refused-index",
        ),
        (
            "CREATE PUBLICATION p FOR TABLE virtual_keys WHERE (key = 'sk-1')",
            "refused-index",
        ),
        (
            "CREATE PUBLICATION p FOR TABLE audit, TABLE virtual_keys (id) WHERE (name = 'a'), virtual_keys WHERE (\"key\" LIKE 'sk-%')",
            "refused-index",
        ),
        (
            "ALTER PUBLICATION p ADD TABLE virtual_keys WHERE (key <> 'sk-1')",
            "refused-index",
        ),
    ]);
}

/// Sealed as a query's constant would be, it would stand in the catalog and equal nothing after a rotation.
#[test]
fn a_definition_holds_no_constant_for_a_searchable_column() {
    for sql in [
        "CREATE INDEX ON audit (note) WHERE key = 'sk-1'",
        "CREATE PUBLICATION p FOR TABLE audit WHERE (key = 'sk-1')",
        "ALTER TABLE audit ADD CHECK (key <> 'sk-1')",
    ] {
        let Verdict::Refuse(_) = super::plan_with(&searchable(), sql) else {
            panic!("{sql}");
        };
    }
}

fn notice(sql: &str) -> &'static str {
    single(sql).notice.unwrap_or_default()
}

#[test]
fn what_is_not_protected_afterwards_is_told() {
    assert!(notice("CREATE TABLE x (LIKE virtual_keys)").contains("no rule names"));
    assert!(
        notice("CREATE TABLE x (a int, LIKE public.\"virtual_keys\" INCLUDING ALL)")
            .contains("no rule names")
    );
    assert!(
        notice("ALTER TABLE virtual_keys ALTER name DROP DEFAULT, DROP key")
            .contains("was dropped")
    );
    passes("CREATE TABLE x (virtual_keys text CHECK (virtual_keys LIKE 'a'))");
    passes("ALTER TABLE virtual_keys DROP COLUMN name");
}

fn asked_of(planner: &Planner, sql: &str, cursor: Option<&str>) -> Verdict {
    let plan = single("DECLARE c CURSOR FOR SELECT key FROM virtual_keys");
    let cursors = |name: &str| (Some(name) == cursor).then(|| plan.clone());
    let env = Env {
        declared: &[],
        utf8: true,
        standard_conforming_strings: true,
        statements: &|_| None,
        cursors: &cursors,
        resolved: &HashMap::new(),
        made: &[],
        executes: false,
    };
    planner.plan(sql.as_bytes(), &env)
}

/// The table that a refusal of code names.
fn told(sql: &str, cursor: Option<&str>) -> String {
    match asked_of(&planner(), sql, cursor) {
        Verdict::Refuse(refusal) => {
            let hint = refusal.hint.unwrap_or_default();
            assert!(
                hint.contains("`pgseal fence`") && hint.ends_with("#refused-code."),
                "{hint}"
            );
            let (_, named) = refusal.message.split_once("would work on ").unwrap();
            let at = refusal.position.unwrap();
            format!("{} {at}", named.split(',').next().unwrap_or_default())
        }
        Verdict::Forward => "forwarded".into(),
        Verdict::Protect(_) => "planned".into(),
        Verdict::Resolve(_) => "asks".into(),
    }
}

#[test]
fn a_function_runs_no_text_that_names_something_protected() {
    for (sql, found) in [
        (
            "SELECT query_to_xml('SELECT * FROM virtual_keys WHERE key = ''sk-1''', true, true, '')",
            "virtual_keys 8",
        ),
        (
            "SELECT pg_catalog.query_to_xml(query => $q$SELECT 1 FROM public.\"virtual_keys\"$q$, nulls => true)",
            "virtual_keys 19",
        ),
        (
            "SELECT * FROM ts_stat('SELECT to_tsvector(key) FROM virtual_keys')",
            "virtual_keys 15",
        ),
        (
            "SELECT ts_rewrite('a'::tsquery, 'SELECT key, key FROM virtual_keys')",
            "virtual_keys 8",
        ),
        (
            "INSERT INTO audit (note) SELECT dblink_exec('dbname=app', 'UPDATE virtual_keys SET key = ''x''')",
            "virtual_keys 33",
        ),
        (
            "EXPLAIN ANALYZE SELECT * FROM dblink('SELECT key FROM virtual_keys'::text) AS t(k text)",
            "virtual_keys 31",
        ),
        (
            "PREPARE p AS SELECT * FROM crosstab('SELECT id, name, key FROM virtual_keys', 'SELECT 1') AS t(a int)",
            "virtual_keys 28",
        ),
        (
            "SELECT table_to_xml('public.virtual_keys'::regclass, true, true, '')",
            "virtual_keys 8",
        ),
        (
            "SELECT xpath_table('id', 'doc', 'virtual_keys', '/a', 'true')",
            "virtual_keys 8",
        ),
        (
            "SELECT cron.schedule('nightly', '0 0 * * *', 'DELETE FROM virtual_keys')",
            "virtual_keys 13",
        ),
        (
            "CREATE VIEW v AS SELECT query_to_xml('TABLE key_secrets', true, true, '')",
            "key_secrets 25",
        ),
        (
            "SELECT query_to_xml('SELECT make_key(''x'')', true, true, '')",
            "make_key 8",
        ),
        // What is run may run more.
        (
            "SELECT * FROM dblink('', 'SELECT query_to_xml(''SELECT 1 FROM virtual_keys'', true, true, '''')') AS t(x xml)",
            "virtual_keys 15",
        ),
        (
            "SELECT dblink_exec('', 'DO $$ BEGIN UPDATE virtual_keys SET key = 1; END $$')",
            "virtual_keys 8",
        ),
        (
            "SELECT dblink_exec('', 'UPDATE virtual_keys SET name = ''')",
            "virtual_keys 8",
        ),
        // The text is made of what stands in the statement.
        (
            "SELECT query_to_xml(format('SELECT * FROM %I', 'virtual_keys'), true, true, '')",
            "virtual_keys 8",
        ),
        (
            "SELECT query_to_xml(q, true, true, '') FROM (VALUES ('SELECT 1 FROM virtual_keys')) v(q)",
            "virtual_keys 8",
        ),
        (
            "SELECT query_to_xml('SELECT 1 WHERE ' || $1, true, true, '') FROM virtual_keys",
            "virtual_keys 8",
        ),
        (
            "SELECT schema_to_xml('public', true, true, '')",
            "public.virtual_keys 8",
        ),
        (
            "SELECT database_to_xml(true, true, '')",
            "public.virtual_keys 8",
        ),
        (
            "SELECT cursor_to_xml('c', 10, true, true, '')",
            "cursor c 8",
        ),
    ] {
        let found_table = found.replace("public.virtual_keys", "public.");
        let told = told(sql, Some("c"));
        if found_table.starts_with("public.") {
            assert!(
                told.starts_with("public.") && told.ends_with(" 8"),
                "{sql}\n{told}"
            );
        } else {
            assert_eq!(told, found, "{sql}");
        }
    }
}

#[test]
fn a_function_runs_every_other_text() {
    for sql in [
        "SELECT query_to_xml('SELECT * FROM requests', true, true, ''), 'virtual_keys'",
        "SELECT query_to_xml('SELECT 1 WHERE note = ''virtual_keys''', true, true, '')",
        "SELECT query_to_xml('SELECT * FROM old_virtual_keys', true, true, '') -- virtual_keys",
        "SELECT query_to_xml($1, true, true, '')",
        "SELECT query_to_xml(note, true, true, '') FROM audit",
        "SELECT ts_rewrite('virtual_keys'::tsquery, 'a', 'b')",
        "SELECT schedule('virtual_keys')",
        "SELECT schema_to_xml('other', true, true, '')",
        "SELECT cursor_to_xml('d', 10, true, true, '')",
        "SELECT table_to_xmlschema('virtual_keys', true, true, '')",
    ] {
        assert_eq!(told(sql, Some("c")), "forwarded", "{sql}");
    }
    // The rest of its statement is planned as ever.
    assert_eq!(
        told(
            "SELECT key, query_to_xml('SELECT 1', true, true, '') FROM virtual_keys",
            None
        ),
        "planned"
    );
    assert_eq!(
        told(
            "SELECT key FROM virtual_keys WHERE q @@ ts_rewrite($1::tsquery, 'a', 'b')",
            None
        ),
        "planned"
    );
}

#[test]
fn refusals_name_their_table_column_and_place() {
    for (sql, named, position) in [
        (
            "ALTER TABLE virtual_keys ALTER key SET DEFAULT 'x'",
            "column public.virtual_keys.key",
            32,
        ),
        (
            "CREATE INDEX ON virtual_keys (name, lower(key))",
            "column public.virtual_keys.key",
            43,
        ),
        (
            "CREATE POLICY p ON virtual_keys USING (key = 'x')",
            "column public.virtual_keys.key",
            40,
        ),
        (
            "ALTER TABLE virtual_keys RENAME TO k",
            "table public.virtual_keys ",
            13,
        ),
        (
            "COPY virtual_keys TO '/tmp/x'",
            "table public.virtual_keys ",
            6,
        ),
        (
            "DO $$ BEGIN DELETE FROM virtual_keys; END $$",
            "table public.virtual_keys ",
            4,
        ),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1 FROM virtual_keys'",
            "table public.virtual_keys ",
            49,
        ),
        (
            "INSERT INTO audit SELECT * FROM virtual_keys",
            "column public.virtual_keys.key",
            26,
        ),
        (
            "INSERT INTO audit SELECT v.* FROM virtual_keys v",
            "column public.virtual_keys.key",
            26,
        ),
        (
            "SELECT 1 FROM virtual_keys a JOIN virtual_keys b USING (id, key)",
            "column public.virtual_keys.key",
            61,
        ),
        (
            "SELECT 1 FROM virtual_keys NATURAL JOIN virtual_keys AS b",
            "column public.virtual_keys.key",
            41,
        ),
        ("UPDATE key_names SET label = 'x'", "public.key_names", 8),
        (
            "UPDATE virtual_keys SET organisation_id = id",
            "public.virtual_keys.organisation_id",
            25,
        ),
    ] {
        let Verdict::Refuse(refusal) = verdict(sql) else {
            panic!("{sql}");
        };
        assert!(
            refusal.message.contains(named),
            "{sql}\n{}",
            refusal.message
        );
        assert_eq!(
            refusal.position,
            Some(position),
            "{sql}\n{}",
            refusal.message
        );
        assert!(refusal.detail.is_some(), "{sql}");
    }
}
