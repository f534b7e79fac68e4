use crate::model::Oid;
use std::collections::HashMap;
use std::sync::Arc;

use super::{Env, StatementPlan, Verdict, lookup, outputs, plan, plan_in, planner, slots, verdict};
use crate::plan::{Defined, StatementKind};

#[test]
fn what_touches_nothing_protected_is_forwarded() {
    let table = [
        "SELECT 1",
        "SELECT * FROM audit WHERE key = 'x' ORDER BY key",
        "INSERT INTO audit (note) VALUES ('virtual_keys')",
        "SELECT 1 -- virtual_keys",
        "SELECT 1 /* virtual_keys */",
        "SELECT 'virtual_keys'::regclass",
        "this is not SQL at all",
        "SELECT $$ unterminated",
        "SELECT * FROM other.settings",
        "RESET ALL",
        "TRUNCATE virtual_keys",
        "LOCK TABLE virtual_keys IN EXCLUSIVE MODE",
        "VACUUM ANALYZE virtual_keys",
        "CREATE INDEX ON virtual_keys (name)",
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON virtual_keys USING btree (organisation_id, slug)",
        "ALTER TABLE virtual_keys ADD COLUMN note text DEFAULT 'x'",
        "ALTER TABLE audit ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES virtual_keys (id)",
        "CREATE TABLE IF NOT EXISTS virtual_keys (id uuid PRIMARY KEY, key text)",
        "GRANT SELECT ON virtual_keys TO reader",
        "COMMENT ON TABLE virtual_keys IS 'secrets'",
        "DROP TABLE virtual_keys",
        "CREATE VIEW v AS SELECT id, name FROM virtual_keys",
        "SELECT * FROM pg_catalog.pg_class c WHERE c.relname = 'virtual_keys'",
        "DEALLOCATE unknown",
        "COPY audit FROM STDIN",
    ];
    for sql in table {
        let forwarded = match verdict(sql) {
            Verdict::Forward => true,
            Verdict::Refuse(refusal) => panic!("{sql}: {refusal:?}"),
            // It passes as it stands; the names that it makes or ends are remembered.
            Verdict::Protect(plan) => matches!(
                plan.statements[0].kind,
                StatementKind::Define | StatementKind::Deallocate { .. }
            ),
            Verdict::Resolve(_) => false,
        };
        assert!(forwarded, "{sql}");
    }
}

#[test]
fn every_statement_of_a_text_is_planned() {
    let sql = "BEGIN; SELECT set_config('app.tenant', 'a', true);; INSERT INTO settings (secret) VALUES ('a'); ";
    assert!(
        matches!(verdict(sql), Verdict::Refuse(_)),
        "a SELECT may set the tenant"
    );
    let sql = "BEGIN; SELECT 1;; INSERT INTO settings (secret) VALUES ('a'); ";
    assert_eq!(plan(sql).statements.len(), 3);
    let sql = "BEGIN; UPDATE virtual_keys SET key = 'a' WHERE id = 'b'; COMMIT";
    let plan = plan(sql);
    assert_eq!(plan.statements.len(), 3);
    assert!(matches!(plan.statements[0].kind, StatementKind::Forward));
    assert_eq!(slots(sql, &plan.statements[1]), "key='a'@?1");
    assert_eq!(&sql[plan.statements[2].span.clone()], "COMMIT");
}

#[test]
fn several_relations_of_a_name_are_asked_for() {
    let known = |_: &str| None;
    let resolved = HashMap::new();
    let env = Env {
        statements: &known,
        cursors: &known,
        resolved: &resolved,
        ..Env::of_new_session()
    };
    let Verdict::Resolve(names) = planner().plan(b"SELECT * FROM settings", &env) else {
        panic!()
    };
    assert_eq!(names, ["\"settings\""]);
    let latin = Env { utf8: false, ..env };
    assert!(matches!(
        planner().plan(b"SELECT * FROM virtual_keys", &latin),
        Verdict::Refuse(_)
    ));
    assert!(matches!(
        planner().plan(b"SELECT * FROM audit", &latin),
        Verdict::Forward
    ));
    let old = Env {
        utf8: true,
        standard_conforming_strings: false,
        ..latin
    };
    assert!(matches!(
        planner().plan(b"SELECT * FROM virtual_keys WHERE name = 'a\\'", &old),
        Verdict::Refuse(_)
    ));
    assert!(matches!(
        planner().plan(b"SELECT * FROM virtual_keys \xff", &old),
        Verdict::Refuse(_)
    ));
}

#[test]
fn a_text_is_read_by_the_sessions_standard_conforming_strings() {
    let verdict = |sql: &str, conforming| {
        let env = Env {
            standard_conforming_strings: conforming,
            ..Env::of_new_session()
        };
        planner().plan(sql.as_bytes(), &env)
    };
    for sql in [
        r"SELECT 'virtual_keys \' FROM virtual_keys' FROM requests",
        r"SELECT U&'wrong: \061'",
        r#"SELECT U&' \' UESCAPE '!' AS "tricky""#,
        r#"SELECT 'tricky' AS U&"\" UESCAPE '!'"#,
        r#"SELECT 'it\'s' AS U&"d\0061ta""#,
    ] {
        assert!(matches!(verdict(sql, false), Verdict::Forward), "{sql}");
    }
    for sql in [
        "SELECT U&'wrong: \\061'",
        "SELECT U&'wrong: +0061' UESCAPE +",
        r#"SELECT 'tricky' AS U&"\" UESCAPE '!'"#,
    ] {
        assert!(matches!(verdict(sql, true), Verdict::Forward), "{sql}");
    }
    let refusal = |sql: &str, conforming| match verdict(sql, conforming) {
        Verdict::Refuse(refusal) => refusal.hint.unwrap_or_default(),
        _ => panic!("{sql}"),
    };
    let hidden = r"SELECT '\'', key FROM virtual_keys --'";
    assert!(matches!(verdict(hidden, true), Verdict::Forward));
    for sql in [
        hidden,
        r"INSERT INTO virtual_keys (organisation_id, key) VALUES ($1, 'it\'s')",
        "SELECT key FROM virtual_keys",
    ] {
        assert!(
            refusal(sql, false).contains("standard_conforming_strings"),
            "{sql}"
        );
    }
    for sql in [
        r#"SELECT key FROM U&"virtual\005fkeys" WHERE slug = U&'\061'"#,
        r"DO U&'UPDATE virtual\005fkeys SET key = 1 \061'",
    ] {
        for conforming in [true, false] {
            assert!(
                refusal(sql, conforming).contains("docs/errors.md#"),
                "{sql}"
            );
        }
    }
}

fn prepared(sql: &str) -> HashMap<String, Arc<StatementPlan>> {
    let plan = plan(sql);
    match &plan.statements[0].kind {
        StatementKind::Prepare { name, inner, .. } => {
            HashMap::from([(name.clone(), Arc::clone(inner))])
        }
        _ => HashMap::from([("c".to_owned(), Arc::clone(&plan.statements[0]))]),
    }
}

#[test]
fn prepared_statements_of_sql_are_followed() {
    let known = prepared(
        "PREPARE p(uuid, text) AS INSERT INTO virtual_keys (organisation_id, key) VALUES ($1, $2) RETURNING key",
    );
    let sql = "EXECUTE p('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'secret')";
    let Verdict::Protect(plan) = plan_in(sql, &[], &known) else {
        panic!()
    };
    assert_eq!(
        slots(sql, &plan.statements[0]),
        "key='secret'@a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
    );
    assert_eq!(outputs(&plan.statements[0]), "!key");
    assert!(matches!(
        plan_in("EXECUTE p('a', lower('secret'))", &[], &known),
        Verdict::Refuse(_)
    ));
    assert!(matches!(
        plan_in("DEALLOCATE p", &[], &known),
        Verdict::Protect(_)
    ));
    assert!(matches!(
        plan_in("DEALLOCATE ALL", &[], &known),
        Verdict::Protect(_)
    ));
    let known = prepared("PREPARE u AS UPDATE virtual_keys SET key = $1 WHERE id = $2");
    let sql = "EXECUTE u('secret', 'b')";
    let Verdict::Protect(plan) = plan_in(sql, &[], &known) else {
        panic!()
    };
    assert!(
        lookup(&plan.statements[0]).contains("WHERE id = ('b')"),
        "{}",
        lookup(&plan.statements[0])
    );
    let known = prepared("DECLARE c CURSOR FOR SELECT key FROM virtual_keys");
    let Verdict::Protect(plan) = plan_in("FETCH 5 FROM c", &[], &known) else {
        panic!()
    };
    assert_eq!(outputs(&plan.statements[0]), "!key");
    assert!(matches!(
        plan_in("CLOSE c", &[], &known),
        Verdict::Protect(_)
    ));
}

#[test]
fn names_made_by_an_earlier_statement_of_the_text_are_known_to_the_later_ones() {
    let sql = "PREPARE p(uuid, text) AS INSERT INTO virtual_keys (organisation_id, key) VALUES ($1, $2); \
               EXECUTE p('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'secret')";
    assert_eq!(
        slots(sql, &plan(sql).statements[1]),
        "key='secret'@a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
    );
    let sql = "DECLARE c CURSOR FOR SELECT key FROM virtual_keys; FETCH 1 FROM c; CLOSE c; FETCH 1 FROM c";
    let plan = plan(sql);
    assert_eq!(outputs(&plan.statements[1]), "!key");
    assert_eq!(outputs(&plan.statements[3]), "unknown");
}

#[test]
fn a_name_that_another_statement_takes_is_protected_no_longer() {
    let known = prepared("PREPARE p AS SELECT key FROM virtual_keys");
    let Verdict::Protect(plan) = plan_in("PREPARE p AS SELECT 1", &[], &known) else {
        panic!()
    };
    assert!(
        matches!(&plan.statements[0].kind, StatementKind::PreparePlain { name } if name == "p")
    );
    let known = prepared("DECLARE c CURSOR WITH HOLD FOR SELECT key FROM virtual_keys");
    assert!(matches!(
        &known["c"].kind,
        StatementKind::Declare { hold: true, .. }
    ));
    let Verdict::Protect(plan) = plan_in("DECLARE c CURSOR FOR SELECT 1", &[], &known) else {
        panic!()
    };
    assert!(
        matches!(&plan.statements[0].kind, StatementKind::CloseCursor { name: Some(name) } if name == "c")
    );
    assert!(matches!(
        verdict("DECLARE c CURSOR FOR SELECT 1"),
        Verdict::Forward
    ));
}

#[test]
fn a_name_that_means_nothing_yet_is_described_when_it_runs() {
    for sql in ["EXECUTE later('x')", "FETCH 10 FROM later"] {
        assert_eq!(outputs(&plan(sql).statements[0]), "unknown");
    }
}

#[test]
fn what_leads_to_a_relation_that_was_just_made_is_new_too() {
    let verdict = |sql: &str, made: &[Defined], conforming| {
        let env = Env {
            standard_conforming_strings: conforming,
            made,
            ..Env::of_new_session()
        };
        planner().plan(sql.as_bytes(), &env)
    };
    let names = [Defined::Relation("keys_2".to_owned())];
    for sql in [
        "INSERT INTO keys_2 VALUES ($1)",
        "SELECT 1; COPY Keys_2 FROM STDIN",
        "(SELECT * FROM public.\"keys_2\")",
        "SELECT 'unfinished",
        "DO $$ BEGIN INSERT INTO keys_2 VALUES ('x'); END $$",
        "CREATE FUNCTION f(x text) RETURNS void LANGUAGE sql AS 'INSERT INTO Keys_2 VALUES (x)'",
        "CREATE PROCEDURE p(x text) BEGIN ATOMIC INSERT INTO keys_2 VALUES (x); END",
        "CREATE RULE r AS ON INSERT TO audit DO ALSO INSERT INTO keys_2 VALUES (NEW.note)",
        "CREATE VIEW v AS SELECT * FROM keys_2; INSERT INTO v VALUES ('x')",
        "CREATE VIEW v AS TABLE keys_2; ALTER VIEW v RENAME TO w; INSERT INTO w VALUES ('x')",
        "ALTER TABLE whole ATTACH PARTITION keys_2 DEFAULT; INSERT INTO whole VALUES ('x')",
    ] {
        assert!(
            matches!(verdict(sql, &names, true), Verdict::Refuse(_)),
            "{sql}"
        );
    }
    for sql in [
        "CREATE INDEX ON keys_2 (id)",
        "SELECT 'keys_2' FROM keys_22",
        "ALTER TABLE keys_2 ADD CONSTRAINT c CHECK (id > 0); COMMIT",
        "CREATE TABLE refers (id int REFERENCES keys_2); INSERT INTO refers VALUES (1)",
        "DO $$ BEGIN PERFORM 1; END $$",
        "",
    ] {
        assert!(
            matches!(verdict(sql, &names, true), Verdict::Forward),
            "{sql}"
        );
    }
    let Verdict::Protect(plan) = verdict("CREATE VIEW v AS TABLE keys_2", &names, true) else {
        panic!()
    };
    assert_eq!(
        plan.statements[0].defines,
        [Defined::Relation("v".to_owned())]
    );
    let sql = r"SELECT '\'; COMMIT; --', id FROM keys_2 --'";
    assert!(matches!(verdict(sql, &names, true), Verdict::Forward));
    assert!(matches!(verdict(sql, &names, false), Verdict::Refuse(_)));
    let refers =
        "CREATE TABLE refers (k int REFERENCES virtual_keys); INSERT INTO refers VALUES (1)";
    assert!(matches!(verdict(refers, &[], true), Verdict::Forward));
}

#[test]
fn execute_of_a_statement_whose_names_have_several_meanings_tells_what_they_meant() {
    for sql in [
        "INSERT INTO settings VALUES (1, $1)",
        "SELECT id FROM settings WHERE secret IS NULL AND $1 = 'secret'",
    ] {
        let Verdict::Protect(prepared) = plan_in(sql, &[], &HashMap::new()) else {
            panic!("{sql}");
        };
        let known = HashMap::from([("s".to_owned(), Arc::clone(&prepared.statements[0]))]);
        match plan_in("EXECUTE s('secret')", &[], &known) {
            Verdict::Protect(plan) => {
                let meant = [("\"settings\"".to_owned(), Some(Oid(13)))];
                assert_eq!(plan.statements[0].meanings, meant, "{sql}");
            }
            _ => panic!("{sql}"),
        }
    }
}

#[test]
fn a_protected_name_in_an_unknown_schema_is_asked_for() {
    let verdict = |sql: &str, answer: Option<Option<Oid>>| {
        let asked = answer.map(|oid| ("\"moved\".\"virtual_keys\"".to_owned(), oid));
        let env = Env {
            resolved: &asked.into_iter().collect(),
            ..Env::of_new_session()
        };
        planner().plan(sql.as_bytes(), &env)
    };
    let insert = "INSERT INTO moved.virtual_keys (id, organisation_id, key) VALUES ($1, $2, $3)";
    let Verdict::Resolve(names) = verdict(insert, None) else {
        panic!()
    };
    assert_eq!(names, ["\"moved\".\"virtual_keys\""]);
    let Verdict::Protect(plan) = verdict(insert, Some(Some(Oid(10)))) else {
        panic!()
    };
    assert_eq!(slots(insert, &plan.statements[0]), "key=$3@$2:2950");
    for other in [None, Some(Oid(999))] {
        let Verdict::Protect(plan) = verdict(insert, Some(other)) else {
            panic!()
        };
        assert!(matches!(plan.statements[0].kind, StatementKind::Forward));
    }
    let prepares = "PREPARE p AS INSERT INTO moved.virtual_keys (key) VALUES ($1)";
    assert!(matches!(verdict(prepares, None), Verdict::Resolve(_)));
    for set in [
        "ALTER SCHEMA public RENAME TO moved",
        "SELECT move()::text <-> ''",
    ] {
        for last in [
            "INSERT INTO moved.virtual_keys (key) VALUES ('x')",
            prepares,
        ] {
            let sql = format!("{set}; {last}");
            assert!(matches!(verdict(&sql, None), Verdict::Refuse(_)), "{sql}");
        }
    }
    let made = "CREATE SCHEMA moved; CREATE TABLE moved.virtual_keys (id int); ALTER TABLE ONLY moved.virtual_keys ADD PRIMARY KEY (id)";
    assert!(!matches!(
        verdict(made, None),
        Verdict::Refuse(_) | Verdict::Resolve(_)
    ));
}

#[test]
fn a_detached_partition_is_told_of() {
    let plan = plan("ALTER TABLE virtual_keys DETACH PARTITION old_keys CONCURRENTLY");
    let notice = plan.statements[0].notice.unwrap_or_default();
    assert!(notice.contains("is no partition"), "{notice}");
}

#[test]
fn a_publication_may_have_sealed_columns_and_filters_by_others() {
    let publication = |table: &str| format!("CREATE PUBLICATION p FOR TABLE audit, {table}");
    let forwarded = publication("virtual_keys (id, key) WHERE (name <> 'x')");
    assert!(matches!(verdict(&forwarded), Verdict::Forward));
    let filtered = publication("virtual_keys WHERE (name <> 'x' AND ((key) = 'y'))");
    assert!(matches!(verdict(&filtered), Verdict::Refuse(_)));
}
