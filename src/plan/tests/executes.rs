//! What EXECUTE passes, and to what.

use std::collections::HashMap;
use std::sync::Arc;

use super::{plan, plan_in, planner, verdict};
use crate::plan::{Env, StatementKind, StatementPlan, UNBOUND, Verdict, prepared_names};

const PREPARED: &str =
    "PREPARE p(uuid, text) AS INSERT INTO virtual_keys (organisation_id, key) VALUES ($1, $2)";
const TENANT: &str = "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'";

fn known() -> HashMap<String, Arc<StatementPlan>> {
    match &plan(PREPARED).statements[0].kind {
        StatementKind::Prepare { name, inner, .. } => {
            HashMap::from([(name.clone(), inner.clone())])
        }
        _ => panic!("not prepared"),
    }
}

fn code(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Refuse(refusal) => refusal.sqlstate,
        Verdict::Protect(_) => "planned",
        Verdict::Forward => "forwarded",
        Verdict::Resolve(_) => "asks",
    }
}

/// To which unknown statement each statement of a text passes something.
fn passes(sql: &str) -> Vec<Option<String>> {
    let plans = plan(sql);
    let passes = |plan: &Arc<StatementPlan>| Some(plan.passes.as_ref()?.to.clone());
    plans.statements.iter().map(passes).collect()
}

#[test]
fn what_is_passed_to_a_statement_that_is_not_known_is_told() {
    let to = |name: &str| Some(name.to_owned());
    for sql in [
        "EXECUTE q('x')",
        "EXECUTE Q(1)",
        "EXPLAIN (ANALYZE) EXECUTE \"q\"('x')",
        "CREATE TEMP TABLE t (a) AS EXECUTE q('x')",
        "EXPLAIN CREATE TABLE t AS EXECUTE q('x') WITH NO DATA",
        "PREPARE p AS EXECUTE q('x')",
        "EXECUTE q 'x'",
        "EXECUTE U&\"!0071\" UESCAPE '!' ($1)",
    ] {
        assert_eq!(passes(sql), [to("q")], "{sql}");
    }
    assert_eq!(passes("EXECUTE q; EXECUTE r(NULL)"), [None, to("r")]);
    let made = "PREPARE q AS SELECT $1::text; EXECUTE q('x'); PREPARE transaction AS SELECT $1; EXECUTE transaction(1)";
    assert_eq!(passes(made), [None, None, None, None]);
}

#[test]
fn what_is_passed_is_all_behind_the_name() {
    for (sql, all) in [
        ("SELECT 1; EXECUTE q ('x', 2) ; SELECT 2", " ('x', 2)"),
        ("EXPLAIN EXECUTE \"q\"('x')", "('x')"),
        (
            "CREATE TABLE t AS EXECUTE q('x') WITH NO DATA",
            "('x') WITH NO DATA",
        ),
    ] {
        let plans = plan(sql);
        let passed = plans.statements.iter().find_map(|plan| plan.passes.clone());
        assert_eq!(&sql[passed.unwrap().span], all);
    }
}

#[test]
fn a_statement_that_the_text_has_ended_gets_nothing() {
    for sql in [
        "DEALLOCATE q; EXECUTE q('x')".to_owned(),
        format!("{PREPARED}; DEALLOCATE PREPARE p; EXECUTE p({TENANT}, 'x')"),
    ] {
        assert_eq!(code(verdict(&sql)), "26000", "{sql}");
    }
}

#[test]
fn all_that_is_passed_to_a_protected_statement_has_a_place() {
    for (sql, expected) in [
        (format!("EXECUTE p({TENANT}, 'x')"), "planned"),
        (format!("EXECUTE p({TENANT}, 'x') 'y'"), "0A000"),
        (format!("EXECUTE p {TENANT}, 'x'"), "0A000"),
        (format!("EXECUTE 'p'({TENANT}, 'x')"), "0A000"),
    ] {
        assert_eq!(code(plan_in(&sql, &[], &known())), expected, "{sql}");
    }
}

#[test]
fn arguments_that_are_too_many_or_too_few_are_counted_by_the_server_and_not_shown_to_it() {
    for (sql, shown) in [
        (format!("EXECUTE p({TENANT}, 'x', 'y')"), 3),
        (format!("EXECUTE p({TENANT})"), 1),
        ("EXECUTE p".to_owned(), 0),
    ] {
        let Verdict::Protect(plan) = plan_in(&sql, &[], &known()) else {
            panic!("{sql}");
        };
        let [statement] = plan.statements.as_slice() else {
            panic!("{sql}");
        };
        let hidden: Vec<&str> = statement
            .splices
            .iter()
            .map(|splice| &sql[splice.span.clone()])
            .collect();
        assert!(
            statement
                .splices
                .iter()
                .all(|splice| splice.text == UNBOUND)
        );
        assert_eq!(hidden, [TENANT, "'x'", "'y'"][..shown]);
    }
}

#[test]
fn a_statement_may_be_called_transaction() {
    let sql = "PREPARE transaction AS SELECT key FROM virtual_keys";
    assert!(matches!(
        &plan(sql).statements[0].kind,
        StatementKind::Prepare { name, .. } if name == "transaction"
    ));
    assert_eq!(
        code(verdict("PREPARE TRANSACTION 'virtual_keys'")),
        "forwarded"
    );
}

#[test]
fn only_queries_are_executed_by_name() {
    for sql in [
        "COPY virtual_keys FROM STDIN",
        "COPY virtual_keys TO STDOUT",
        PREPARED,
        "DECLARE c CURSOR FOR SELECT key FROM virtual_keys",
    ] {
        let made = HashMap::from([("s".to_owned(), plan(sql).statements[0].clone())]);
        assert_eq!(code(plan_in("EXECUTE s", &[], &made)), "0A000", "{sql}");
    }
    for sql in ["PREPARE q AS SELECT 1", "DEALLOCATE p", "DEALLOCATE ALL"] {
        let made = HashMap::from([("s".to_owned(), plan(sql).statements[0].clone())]);
        let Verdict::Protect(executed) = plan_in("EXECUTE s", &[], &made) else {
            panic!("{sql}")
        };
        let (as_it_is, executed) = (&made["s"].kind, &executed.statements[0].kind);
        assert_eq!(
            std::mem::discriminant(as_it_is),
            std::mem::discriminant(executed)
        );
    }
}

/// In a session with the statement `p`, if any.
fn read(sql: &[u8], utf8: bool, executes: bool) -> &'static str {
    let known = if executes { known() } else { HashMap::new() };
    let env = Env {
        utf8,
        statements: &|name| known.get(name).cloned(),
        executes,
        ..Env::of_new_session()
    };
    code(planner().plan(sql, &env))
}

#[test]
fn an_execute_is_read_in_any_encoding_and_at_any_depth() {
    let latin = format!("EXECUTE p({TENANT}, 'caf_')").replace('_', "\u{e9}");
    let latin: Vec<u8> = latin.chars().map(|letter| letter as u8).collect();
    let deep = format!(
        "EXECUTE p({TENANT}, {}'x'{})",
        "(".repeat(200),
        ")".repeat(200)
    );
    assert_eq!(read(&latin, false, true), "0A000");
    assert_eq!(read(deep.as_bytes(), true, true), "0A000");
    assert_eq!(read(&latin, false, false), "planned");
    assert_eq!(read(deep.as_bytes(), true, false), "planned");
    // A letter whose second byte is a backslash, or a letter and a backslash.
    let doubtful = b"EXECUTE p(E'\x83\\', 'x')";
    assert_eq!(read(doubtful, false, true), "0A000");
    assert_eq!(read(doubtful, false, false), "forwarded");
}

#[test]
fn an_execute_that_nobody_can_read_is_refused() {
    for sql in [
        "EXECUTE p('a', 'it's')",
        " execute q('x'",
        "EXECUTE q('x') /*",
    ] {
        assert_eq!(read(sql.as_bytes(), true, false), "0A000", "{sql}");
    }
    let behind = b"SELECT 1; EXECUTE p('a', 'b";
    assert_eq!(read(behind, true, true), "0A000");
    assert_eq!(read(behind, true, false), "forwarded");
    assert_eq!(
        read(b"GRANT EXECUTE ON FUNCTION \"f", true, false),
        "forwarded"
    );
    let large = format!(
        "INSERT INTO audit VALUES ('to execute'{})",
        ", 1".repeat(500_000)
    );
    assert_eq!(read(large.as_bytes(), true, false), "forwarded");
}

#[test]
fn the_names_that_a_text_prepares_are_found_though_it_is_refused() {
    let sql = b"SELECT 1; PREPARE q AS SELECT upper(key) FROM virtual_keys; prepare \"Q x\" (text) AS TABLE t; EXECUTE r";
    assert_eq!(prepared_names(sql), ["q", "Q x"]);
    assert!(prepared_names(b"SELECT 'PREPARE q AS SELECT 1'").is_empty());
    assert!(prepared_names(b"PREPARE q AS SELECT '").is_empty());
}

#[test]
fn what_a_name_meant_is_kept_where_values_are_sealed_under_it() {
    let meant = |sql: &str| {
        let plan = plan(sql).statements[0].clone();
        let inner = match &plan.kind {
            StatementKind::Prepare { inner, .. } => inner.clone(),
            _ => plan,
        };
        let names = inner.meant.iter().map(|meant| meant.asked());
        names.collect::<Vec<_>>()
    };
    let update = "UPDATE virtual_keys SET key = $1 WHERE organisation_id = 'a'";
    assert_eq!(meant(update), ["\"virtual_keys\""]);
    assert_eq!(
        meant(&format!("PREPARE q AS {update}")),
        ["\"virtual_keys\""]
    );
    assert!(meant(&update.replace("virtual_keys", "public.virtual_keys")).is_empty());
    assert!(meant("SELECT key FROM virtual_keys").is_empty());
}

#[test]
fn no_function_stands_in_an_argument_that_a_tenant_hangs_on() {
    let sql = "PREPARE p(text, text) AS UPDATE virtual_keys SET key = $2 WHERE id = $1";
    let StatementKind::Prepare { inner, .. } = &plan(sql).statements[0].kind else {
        panic!("not prepared")
    };
    let known = HashMap::from([("p".to_owned(), inner.clone())]);
    for (argument, expected) in [
        ("'a'", "planned"),
        ("1 + 1", "planned"),
        ("'a'::uuid", "planned"),
        ("'a'::varchar(4)", "planned"),
        ("(1)", "planned"),
        ("gen_random_uuid()", "0A000"),
        ("pg_catalog.random ()", "0A000"),
        ("1 + (\"random\"())", "0A000"),
    ] {
        let sql = format!("EXECUTE p({argument}, 'x')");
        assert_eq!(code(plan_in(&sql, &[], &known)), expected, "{sql}");
    }
}

#[test]
fn code_uses_no_statement_or_cursor_on_a_protected_table() {
    let cursor = "DECLARE c CURSOR FOR SELECT key FROM virtual_keys";
    for sql in [
        format!("{PREPARED}; DO $$ BEGIN EXECUTE 'EXECUTE p(''x'')'; END $$"),
        format!("{PREPARED}; DO 'BEGIN EXECUTE ''eXecute \"p\"(1)''; END' LANGUAGE plpgsql"),
        format!("{PREPARED}; DO $a$ BEGIN EXECUTE $b$EXECUTE p('x')$b$; END $a$"),
        format!(
            "{PREPARED}; CREATE FUNCTION f(x text) RETURNS void LANGUAGE sql AS 'EXECUTE p (x)'"
        ),
        format!("{cursor}; DO $$ DECLARE r refcursor := 'c'; BEGIN FETCH r INTO k; END $$"),
        format!("{cursor}; DO $$ BEGIN EXECUTE 'FETCH ALL FROM c'; END $$"),
    ] {
        let Verdict::Refuse(refusal) = verdict(&sql) else {
            panic!("{sql}");
        };
        assert!(
            refusal.hint.unwrap().ends_with("#refused-code."),
            "{sql}: {}",
            refusal.message
        );
    }
    for sql in [
        format!("{PREPARED}; DO $$ BEGIN p := 'p'; EXECUTE 'EXECUTE q(''p'')'; END $$"),
        format!("{PREPARED}; DO $$ BEGIN EXECUTE 'SELECT 1'; EXECUTE p_sql; END $$"),
        format!("{cursor}; DO $$ BEGIN c := 'c'; PERFORM 'c'; END $$"),
        format!("{PREPARED}; SELECT 'EXECUTE p(1)'"),
    ] {
        assert_eq!(code(verdict(&sql)), "planned", "{sql}");
    }
}
