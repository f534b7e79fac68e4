//! Sequelize's findOrCreate: an INSERT in a temporary function.

use super::{Verdict, outputs, plan, slots, verdict};

const ORG: &str = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";

/// As Sequelize 6 writes it.
fn text(table: &str, insert: &str, columns: &str) -> String {
    format!(
        "CREATE OR REPLACE FUNCTION pg_temp.testfunc(OUT response \"{table}\", OUT sequelize_caught_exception text) RETURNS RECORD AS \
         $func_0ad9$ BEGIN {insert} RETURNING * INTO response; EXCEPTION WHEN unique_violation THEN GET STACKED DIAGNOSTICS \
         sequelize_caught_exception = PG_EXCEPTION_DETAIL; END $func_0ad9$ LANGUAGE plpgsql; SELECT {columns}, \
         testfunc.sequelize_caught_exception FROM pg_temp.testfunc(); DROP FUNCTION IF EXISTS pg_temp.testfunc();"
    )
}

fn of_keys(values: &str) -> String {
    let insert = format!(
        "INSERT INTO \"virtual_keys\" (\"organisation_id\",\"name\",\"key\") VALUES ('{ORG}','n',{values});"
    );
    text(
        "virtual_keys",
        insert.trim_end_matches(';'),
        "(testfunc.response).\"id\", (testfunc.response).\"key\"",
    )
}

#[test]
fn its_constants_are_sealed_inside_the_function_and_its_record_is_opened() {
    let sql = of_keys("E'it\\\\s '' $func_0ad8$ made'");
    let plan = plan(&sql);
    let [create, read, drop] = plan.statements.as_slice() else {
        panic!("{}", plan.statements.len());
    };
    assert_eq!(
        slots(&sql, create),
        format!("key=E'it\\\\s '' $func_0ad8$ made'@{ORG}")
    );
    assert_eq!([outputs(create), outputs(drop)], ["none", "none"]);
    assert_eq!(outputs(read), "- !key -");
    assert!(sql[create.span.clone()].ends_with("LANGUAGE plpgsql"));
    assert!(sql[drop.span.clone()].starts_with("DROP"));
}

#[test]
fn of_another_table_it_is_forwarded() {
    let sql = text(
        "audit",
        "INSERT INTO \"audit\" (\"id\",\"key\") VALUES (1,'virtual_keys')",
        "(testfunc.response).\"key\"",
    );
    assert!(matches!(verdict(&sql), Verdict::Forward));
}

#[test]
fn what_is_written_otherwise_is_not_read() {
    let sql = of_keys("'made'");
    let changes = [
        ("END $func", "PERFORM 1; END $func"),
        ("BEGIN INSERT", "BEGIN DELETE FROM audit; INSERT"),
        ("BEGIN INSERT", "DECLARE x text; BEGIN INSERT"),
        (
            "RETURNING * INTO response",
            "RETURNING * INTO STRICT response",
        ),
        ("'made')", "$1)"),
        (") VALUES (", ") SELECT ("),
        ("OUT response \"virtual_keys\"", "OUT response \"audit\""),
        ("LANGUAGE plpgsql", "LANGUAGE plpgsql SECURITY DEFINER"),
        ("LANGUAGE plpgsql", "LANGUAGE sql"),
        (
            "DROP FUNCTION IF EXISTS pg_temp.testfunc()",
            "DROP FUNCTION IF EXISTS pg_temp.other()",
        ),
        ("DROP FUNCTION IF EXISTS pg_temp.testfunc();", ""),
        (
            "FUNCTION pg_temp.testfunc(OUT",
            "FUNCTION public.testfunc(OUT",
        ),
        ("unique_violation", "others"),
        (
            "(testfunc.response).\"key\"",
            "upper((testfunc.response).\"key\")",
        ),
        ("'made')", "upper('made'))"),
    ];
    for (from, to) in changes {
        assert!(sql.contains(from), "{from}");
        let changed = sql.replace(from, to);
        assert!(matches!(verdict(&changed), Verdict::Refuse(_)), "{changed}");
    }
}
