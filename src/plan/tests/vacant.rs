use std::sync::Arc;

use super::{Verdict, plan_with, planner, relation, with_vacancies};
use crate::catalog::{Catalog, Function, Relation, RelationKind};
use crate::model::Oid;
use crate::plan::{Defined, Planner, StatementKind};
use crate::rules::Protection;

fn refusal(sql: &str) -> (&'static str, String) {
    match plan_with(&with_vacancies(), sql) {
        Verdict::Refuse(refusal) => {
            let hint = refusal.hint.unwrap();
            let anchor = hint.rsplit_once('#').unwrap().1;
            (refusal.sqlstate, anchor.trim_end_matches('.').to_owned())
        }
        Verdict::Protect(_) => panic!("planned: {sql}"),
        Verdict::Forward => panic!("forwarded: {sql}"),
        Verdict::Resolve(_) => panic!("asks: {sql}"),
    }
}

/// What a text makes that is not known before it is committed.
fn makes(sql: &str) -> Vec<String> {
    match plan_with(&with_vacancies(), sql) {
        Verdict::Forward => Vec::new(),
        Verdict::Protect(plan) => {
            let [statement] = plan.statements.as_slice() else {
                panic!("{sql}");
            };
            assert!(matches!(statement.kind, StatementKind::Define), "{sql}");
            let relations = statement.defines.iter().filter_map(Defined::relation);
            relations.cloned().collect()
        }
        Verdict::Refuse(refusal) => panic!("{sql}: {}", refusal.message),
        Verdict::Resolve(_) => panic!("asks: {sql}"),
    }
}

#[test]
fn a_table_that_a_rule_waits_for_is_known_when_it_is_committed() {
    for sql in [
        "CREATE TABLE vault (id int, key text)",
        "CREATE UNLOGGED TABLE IF NOT EXISTS public.\"vault\" (id int DEFAULT 1, key text DEFAULT NULL)",
        "CREATE TABLE vault (LIKE audit)",
    ] {
        assert_eq!(makes(sql), ["vault"], "{sql}");
    }
    for sql in [
        "ALTER TABLE virtual_keys ADD COLUMN pin text",
        "ALTER TABLE ONLY public.virtual_keys ADD note text DEFAULT 'x', ADD IF NOT EXISTS \"pin\" text NOT NULL",
        "ALTER TABLE virtual_keys ADD COLUMN pin text DEFAULT NULL",
        "ALTER TABLE virtual_keys RENAME COLUMN name TO pin",
    ] {
        assert_eq!(makes(sql), ["virtual_keys"], "{sql}");
    }
    assert_eq!(makes("ALTER TABLE audit ADD pin text"), ["audit"]);
    for sql in [
        "ALTER TABLE organisations RENAME TO vault",
        "ALTER TABLE other.vault SET SCHEMA public",
    ] {
        assert!(makes(sql).contains(&"vault".to_owned()), "{sql}");
    }
    let partition = "CREATE TABLE vault PARTITION OF all_vaults FOR VALUES IN ('key')";
    assert_eq!(makes(partition), ["vault", "all_vaults"]);
    for sql in [
        "CREATE TABLE other.safe (key text DEFAULT 'x')",
        "CREATE INDEX ON vault (id)",
        "DROP TABLE IF EXISTS vault",
        "ALTER TABLE virtual_keys ADD COLUMN pins text DEFAULT 'x'",
        "ALTER TABLE virtual_keys ADD CONSTRAINT pin CHECK (name <> 'x')",
        "ALTER TABLE organisations ADD COLUMN pin text DEFAULT 'x'",
    ] {
        assert!(makes(sql).is_empty(), "{sql}");
    }
}

#[test]
fn what_a_rule_waits_for_is_not_filled_by_the_server() {
    for sql in [
        "CREATE TABLE vault (id int, key text DEFAULT 'sk-1')",
        "CREATE TABLE IF NOT EXISTS public.vault (\"Pin\" text GENERATED ALWAYS AS ('x') STORED)",
        "CREATE TABLE vault PARTITION OF all_vaults (key WITH OPTIONS DEFAULT 'x') DEFAULT",
        "ALTER TABLE virtual_keys ADD COLUMN IF NOT EXISTS pin text NOT NULL DEFAULT 'x'",
        "ALTER TABLE virtual_keys ADD note text, ADD pin text DEFAULT 'x'",
        "ALTER TABLE audit ADD pin text DEFAULT 'x'",
    ] {
        assert_eq!(refusal(sql), ("0A000", "refused-ddl".to_owned()), "{sql}");
    }
    for sql in [
        "CREATE TABLE vault AS SELECT 'sk-1' AS key",
        "CREATE TABLE IF NOT EXISTS vault (key) AS VALUES ('sk-1')",
        "SELECT 'sk-1' AS key INTO vault",
        "EXPLAIN ANALYZE CREATE TABLE vault AS SELECT 'sk-1' AS key",
        // One that the transaction may have dropped.
        "DROP TABLE virtual_keys; CREATE TABLE virtual_keys AS SELECT 'sk-1' AS key",
        "CREATE UNLOGGED TABLE IF NOT EXISTS public.virtual_keys AS SELECT 'sk-1' AS key",
        "SELECT 'sk-1' AS key INTO public.virtual_keys",
    ] {
        let told = ("0A000", "refused-create-table-as".to_owned());
        assert_eq!(refusal(sql), told, "{sql}");
    }
    for sql in [
        "CREATE TABLE vault (key text); INSERT INTO vault VALUES ('sk-1')",
        "ALTER TABLE virtual_keys ADD pin text; UPDATE virtual_keys SET pin = 'x'",
        "ALTER TABLE audit ADD pin text; COPY audit FROM STDIN",
    ] {
        let told = ("0A000", "refused-new-relation".to_owned());
        assert_eq!(refusal(sql), told, "{sql}");
    }
}

#[test]
fn of_a_table_that_is_not_there_nothing_is_sent() {
    for sql in [
        "INSERT INTO vault (key) VALUES ('sk-1')",
        "INSERT INTO public.vault VALUES ($1, $2)",
        "UPDATE virtual_keys v SET name = 'x' FROM vault WHERE vault.id = v.id",
        "SELECT 1 FROM organisations JOIN vault USING (id) WHERE key = 'sk-1'",
        "WITH x AS (INSERT INTO vault VALUES ('x') RETURNING 1) SELECT 1 FROM x",
        "MERGE INTO vault USING audit ON false WHEN NOT MATCHED THEN INSERT (key) VALUES ('x')",
        "COPY vault FROM STDIN",
        "PREPARE p AS INSERT INTO vault (key) VALUES ('sk-1')",
        "EXPLAIN INSERT INTO vault (key) VALUES ('sk-1')",
        "DECLARE c CURSOR FOR SELECT 1 FROM vault WHERE key = 'sk-1'",
    ] {
        let Verdict::Protect(plan) = plan_with(&with_vacancies(), sql) else {
            panic!("{sql}");
        };
        let absent = plan.statements.iter().find_map(|plan| plan.absent());
        assert_eq!(absent.map(|told| told.sqlstate), Some("42P01"), "{sql}");
        assert!(plan.statements.iter().any(|plan| plan.absent().is_some()));
    }
    for sql in [
        "INSERT INTO virtual_keys (organisation_id, kye) VALUES ('acme', 'sk-1')",
        "UPDATE virtual_keys SET kye = 'sk-1' WHERE organisation_id = 'acme'",
        "UPDATE virtual_keys SET (name, pin) = ('x', 'sk-1') WHERE organisation_id = 'acme'",
        "INSERT INTO virtual_keys (organisation_id) VALUES ('acme') ON CONFLICT (id) DO UPDATE SET pin = 'sk-1'",
        "COPY virtual_keys (organisation_id, kye) FROM STDIN",
        "PREPARE p AS INSERT INTO virtual_keys (organisation_id, kye) VALUES ('acme', $1)",
    ] {
        let Verdict::Protect(plan) = plan_with(&with_vacancies(), sql) else {
            panic!("{sql}");
        };
        let absent = plan.statements.iter().find_map(|plan| plan.absent());
        let name = if sql.contains("kye") { "kye" } else { "pin" };
        let told = format!("column \"{name}\" of relation \"virtual_keys\" does not exist");
        assert_eq!(absent.map(|absent| &*absent.message), Some(&*told), "{sql}");
    }
    for sql in [
        "WITH vault AS (SELECT 'x' AS key) SELECT key FROM vault",
        "INSERT INTO other.vault (key) VALUES ('x')",
        "SELECT 'vault'",
        "SELECT vault.id FROM audit AS vault",
    ] {
        assert!(
            matches!(plan_with(&with_vacancies(), sql), Verdict::Forward),
            "{sql}"
        );
    }
}

#[test]
fn a_view_over_a_function_is_one_over_its_table() {
    let function = |oid, name: &str, body: &str| Function {
        oid: Oid(oid),
        schema: "public".into(),
        name: name.into(),
        body: body.into(),
    };
    let called = |oid, name, function| Relation {
        kind: RelationKind::View,
        calls: vec![Oid(function)],
        ..relation(oid, name, &[("k", "text", 25)], &[])
    };
    let all = planner();
    let relations = all.catalog().relations().cloned();
    let relations = relations.chain([called(60, "called", 900), called(61, "plain_called", 902)]);
    let functions = vec![
        function(900, "all_keys", "SELECT key FROM virtual_keys"),
        function(901, "joined", "public.all_keys -"),
        function(902, "plain", "SELECT 1"),
        function(903, "through", "SELECT k FROM called"),
    ];
    let protection = Protection {
        tables: all.protection().tables.clone(),
        ..Protection::default()
    };
    let catalog = Catalog::new(1, relations.collect(), functions);
    let planner = Planner::new(Arc::new(catalog), Arc::new(protection));
    for sql in [
        "SELECT * FROM called",
        "INSERT INTO called VALUES ('x')",
        "SELECT joined(name) FROM organisations",
        "SELECT through()",
    ] {
        assert!(
            matches!(plan_with(&planner, sql), Verdict::Refuse(_)),
            "{sql}"
        );
    }
    for sql in [
        "SELECT * FROM plain_called",
        "SELECT plain() FROM organisations",
    ] {
        assert!(
            matches!(plan_with(&planner, sql), Verdict::Forward),
            "{sql}"
        );
    }
}
