//! Whose a row is, however its statement says it.

use super::{Verdict, lookup, plan_with, searchable, single_with, slots};

#[test]
fn numbers_may_be_negative() {
    let parent = |value: &str| {
        format!(
            "SELECT 1::int4 AS term, q.t::text AS tenant FROM (SELECT DISTINCT p.\"organisation_id\"::text FROM ONLY \"public\".\"prompts\" AS p WHERE p.\"id\" = {value}::\"int4\") AS q(t) []"
        )
    };
    for sql in [
        "INSERT INTO notes (id, prompt_id, tag) VALUES (1, -7, 'x')",
        "INSERT INTO notes (id, prompt_id, tag) VALUES (1, - 7::int4, 'x')",
        "INSERT INTO notes (id, prompt_id, tag) VALUES (1, CAST(-7 AS int), 'x')",
        "INSERT INTO notes (id, prompt_id, tag) SELECT 1, -7, 'x'",
        "INSERT INTO notes (id, prompt_id, tag) SELECT * FROM (VALUES (1, -7, 'x')) v (a, b, c)",
    ] {
        let plan = single_with(&searchable(), sql);
        assert_eq!(slots(sql, &plan), "tag='x'@?1", "{sql}");
        assert_eq!(lookup(&plan), parent("(-7)"), "{sql}");
    }
    let sql = "SELECT id FROM notes WHERE prompt_id = -7 AND tag = 'x'";
    assert!(
        lookup(&single_with(&searchable(), sql)).contains("p.\"id\" = (-7)::\"int4\""),
        "{sql}"
    );
}

#[test]
fn a_statement_may_hold_the_rows_that_it_changes_to_one_tenant() {
    let named = "SELECT 1::int4 AS term, q.t::text AS tenant FROM (SELECT DISTINCT p.\"organisation_id\"::text FROM \"public\".\"prompts\" AS p WHERE p.\"id\" = $1::\"int4\") AS q(t) [1]";
    for (sql, sealed, asked) in [
        (
            "UPDATE notes n SET tag = $3 FROM prompts p WHERE p.id = n.prompt_id AND p.organisation_id = $1 AND n.tag = $2",
            "tag=$3@$1:2950 tag=$2@$1:2950",
            "",
        ),
        (
            "UPDATE notes n SET tag = $3 FROM prompts p WHERE p.id = n.prompt_id AND p.organisation_id = $1",
            "tag=$3@$1:2950",
            "",
        ),
        (
            "UPDATE notes n SET tag = $3 FROM prompts p WHERE p.id = n.prompt_id AND p.id = $1 AND n.tag = $2",
            "tag=$3@?1 tag=$2@?1",
            named,
        ),
        (
            "UPDATE virtual_keys v SET slug = $3 FROM old_keys o WHERE o.organisation_id = v.organisation_id AND o.organisation_id = $1 AND v.slug = o.slug",
            "slug=$3@$1:2950",
            "",
        ),
        (
            "UPDATE virtual_keys v SET slug = $2 FROM organisations o WHERE o.id = v.organisation_id AND o.id = $1 AND random() < 0.5",
            "slug=$2@$1:2950",
            "",
        ),
    ] {
        let plan = single_with(&searchable(), sql);
        let mut found: Vec<String> = slots(sql, &plan).split(' ').map(str::to_owned).collect();
        let mut expected: Vec<&str> = sealed.split(' ').collect();
        found.sort();
        expected.sort_unstable();
        assert_eq!(found, expected, "{sql}");
        assert_eq!(lookup(&plan), asked, "{sql}");
        assert!(plan.guards.is_empty(), "{sql}");
        assert_eq!(plan.none_matched.is_empty(), asked.is_empty(), "{sql}");
    }
}

/// `audit.note` is a text, as which a value comes out of another type in that type's spelling.
#[test]
fn a_text_that_passes_through_another_type_names_no_tenant() {
    let planner = searchable();
    let insert = |value: &str| format!("INSERT INTO audit (note, key) VALUES ({value}, 'x')");
    let derived = |value: &str| {
        format!("INSERT INTO audit (note, key) SELECT * FROM (VALUES ({value}, 'x')) v (a, b)")
    };
    let wrong = [
        "'{\"a\":1}'::jsonb",
        "CAST('1.50' AS jsonb)",
        "'x'::bytea",
        "'{\"a\":1}'::text::jsonb",
        "'007'::text::int",
        "$1::text::jsonb",
        "$1::varchar::uuid::text",
    ];
    for value in wrong {
        for sql in [insert(value), derived(value)] {
            let Verdict::Refuse(refusal) = plan_with(&planner, &sql) else {
                panic!("{sql}")
            };
            assert!(refusal.hint.unwrap().contains("#refused-tenant"), "{sql}");
        }
    }
    for (value, owner) in [
        ("'a'", "a"),
        ("'a'::text", "a"),
        ("'a'::varchar::text", "a"),
        ("'12'::int", "12"),
        ("$1", "$1:25"),
        ("$1::text", "$1:25"),
    ] {
        let sql = insert(value);
        let plan = single_with(&planner, &sql);
        assert!(slots(&sql, &plan).ends_with(&format!("@{owner}")), "{sql}");
    }
    // A type that the server gives to the parameter: it says what it looks like as a text.
    let asked = single_with(&planner, &insert("$1::jsonb"));
    let printed = "SELECT ($1::\"text\")::text";
    assert!(lookup(&asked).contains(printed), "{}", lookup(&asked));
}
