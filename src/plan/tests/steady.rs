//! Names that only the server knows the meaning of, behind other statements of one text. `settings` is in two schemas.

use std::collections::HashMap;
use std::sync::Arc;

use super::refusals::refused;
use super::{outputs, plan, plan_in, planner, slots};
use crate::model::Oid;
use crate::plan::{Env, StatementKind, StatementPlan, Verdict};

const QUERY: &str = "SELECT secret FROM settings WHERE id = 1";

#[test]
fn a_name_means_the_same_behind_what_changes_no_name() {
    for first in [
        "BEGIN",
        "START TRANSACTION READ ONLY",
        "SAVEPOINT s",
        "SHOW search_path",
        "SET statement_timeout = 0",
        "SET LOCAL app.tenant TO 'x'",
        "RESET SESSION statement_timeout",
        "SELECT 1",
        "VALUES (1), (2)",
        "TABLE organisations",
        "SELECT count(*), now(), 'into'::text FROM organisations o WHERE o.name ~* 'x' AND o.id <> 'b'",
        "WITH o AS (SELECT id FROM organisations) SELECT v.key FROM virtual_keys v JOIN o USING (id)",
        "INSERT INTO organisations VALUES ('a', 'b')",
        "INSERT INTO public.organisations SELECT id, name FROM virtual_keys RETURNING id",
        "UPDATE virtual_keys SET name = 'x' WHERE id = 'b'",
        QUERY,
    ] {
        let sql = format!("{first}; {QUERY}");
        let plan = plan(&sql);
        let last = plan.statements.last().unwrap();
        assert_eq!(outputs(last), "!secret", "{sql}");
        assert_eq!(last.meanings, [("\"settings\"".to_owned(), Some(Oid(13)))]);
    }
}

#[test]
fn it_may_mean_another_behind_what_could_change_it() {
    for first in [
        "SET search_path = other",
        "SET LOCAL \"Search_Path\" TO other",
        "SET SESSION AUTHORIZATION somebody",
        "SET ROLE somebody",
        "SET SCHEMA 'other'",
        "RESET ALL",
        "COMMIT",
        "END",
        "ROLLBACK",
        "DISCARD TEMP",
        "DO $$ BEGIN END $$",
        "CALL settle()",
        "CREATE TABLE x (a int)",
        "DELETE FROM organisations",
        "UPDATE organisations SET name = 'x'",
        "SELECT set_config('search_path', 'other', false)",
        "SELECT pg_catalog.set_config(name, name, true) FROM organisations",
        "SELECT 1 INTO x",
        "SELECT 1 <-> 2",
        "SELECT label FROM key_names",
        "WITH d AS (DELETE FROM organisations RETURNING 1) SELECT 1",
        "INSERT INTO organisations VALUES ('a', 'b') ON CONFLICT DO NOTHING",
        "INSERT INTO elsewhere VALUES ('a', 'b')",
    ] {
        refused(&[(&format!("{first}; {QUERY}"), "refused-ambiguous-name")]);
    }
}

#[test]
fn what_is_asked_about_a_tenant_does_not_outlast_a_transaction() {
    let asks = "UPDATE virtual_keys SET key = 'x' WHERE id = 'b'";
    assert!(
        plan(&format!("BEGIN; {asks}")).statements[1]
            .lookup
            .is_some()
    );
    for end in ["COMMIT", "END", "ROLLBACK"] {
        refused(&[(&format!("{end}; {asks}"), "refused-lookup")]);
    }
}

fn prepared(sql: &str) -> HashMap<String, Arc<StatementPlan>> {
    match &plan(sql).statements[0].kind {
        StatementKind::Prepare { name, inner, .. } => {
            HashMap::from([(name.clone(), inner.clone())])
        }
        _ => panic!("not prepared"),
    }
}

#[test]
fn execute_tells_what_the_names_meant() {
    let known = prepared("PREPARE p(bytea) AS INSERT INTO settings VALUES (1, $1)");
    let sql = "EXECUTE p('\\x00')";
    let Verdict::Protect(plan) = plan_in(sql, &[], &known) else {
        panic!("not planned")
    };
    let statement = &plan.statements[0];
    assert_eq!(slots(sql, statement), "secret='\\x00'@?1");
    assert_eq!(
        statement.meanings,
        [("\"settings\"".to_owned(), Some(Oid(13)))]
    );
    let behind = |first: &str| match plan_in(&format!("{first}; {sql}"), &[], &known) {
        Verdict::Protect(_) => String::new(),
        Verdict::Refuse(refusal) => refusal.hint.unwrap_or_default(),
        _ => panic!("{first}"),
    };
    assert_eq!(behind("BEGIN"), "");
    assert!(behind("SET search_path = other").contains("#refused-ambiguous-name"));
    assert!(behind("SELECT settle() <-> 1").contains("#refused-ambiguous-name"));
}

#[test]
fn so_it_does_where_they_meant_nothing_protected() {
    let resolved = HashMap::from([("\"settings\"".to_owned(), Some(Oid(16)))]);
    let planned = |sql: &str, known: &HashMap<String, Arc<StatementPlan>>| {
        let env = Env {
            statements: &|name| known.get(name).cloned(),
            executes: !known.is_empty(),
            resolved: &resolved,
            ..Env::of_new_session()
        };
        match planner().plan(sql.as_bytes(), &env) {
            Verdict::Protect(plan) => plan.statements[0].clone(),
            _ => panic!("{sql}"),
        }
    };
    let made = planned(
        "PREPARE p AS INSERT INTO settings VALUES ($1)",
        &HashMap::new(),
    );
    let StatementKind::Prepare { inner, .. } = &made.kind else {
        panic!("not kept")
    };
    let known = HashMap::from([("p".to_owned(), inner.clone())]);
    let executed = planned("EXECUTE p(1)", &known);
    assert_eq!(
        executed.meanings,
        [("\"settings\"".to_owned(), Some(Oid(16)))]
    );
    assert!(executed.slots.is_empty());
}

#[test]
fn a_table_that_the_text_makes_takes_over_no_name_of_what_is_executed() {
    let known =
        prepared("PREPARE p(text) AS UPDATE virtual_keys SET key = $1 WHERE organisation_id = 'a'");
    let sql = "CREATE TEMP TABLE virtual_keys (LIKE public.virtual_keys); EXECUTE p('x')";
    let Verdict::Refuse(refusal) = plan_in(sql, &[], &known) else {
        panic!("not refused")
    };
    assert!(refusal.hint.unwrap().contains("#refused-new-relation"));
}
