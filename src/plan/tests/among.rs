//! Searches among several tenants: what the text becomes, and for whom values are sealed.

use super::{Verdict, lookup, plan_with, searchable, single_with, slots};

/// The text as it goes, with `<n>` where the n-th found value stands.
fn rewritten(sql: &str) -> String {
    let plan = single_with(&searchable(), sql);
    let mut edits = plan.splices.clone();
    edits.extend(plan.guarded(|n| format!("<{n}>")));
    edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
    let (mut text, mut from) = (String::new(), 0);
    for edit in edits {
        text.push_str(&sql[from..edit.span.start]);
        text.push_str(&edit.text);
        from = edit.span.end;
    }
    text.push_str(&sql[from..]);
    text
}

#[test]
fn a_comparison_gets_the_values_of_the_other_tenants_beside_it() {
    let keys = "SELECT id FROM virtual_keys v WHERE v.organisation_id";
    for (condition, expected, sealed) in [
        (
            "IN ($1, $2) AND slug = $3",
            "IN ($1, $2) AND (slug = $3 OR slug = ANY (<0>::text[]))",
            "slug=$3@($1:2950|$2:2950)",
        ),
        (
            "= ANY ($1) AND NOT $2::text <> v.slug::text",
            "= ANY ($1) AND NOT ($2::text <> v.slug::text AND v.slug::text <> ALL (<0>::text[]))",
            "slug=$2@($1[]:2950)",
        ),
        (
            "= ANY ($1::uuid[]) AND v.slug IN ('a', $2)",
            "= ANY ($1::uuid[]) AND (v.slug IN ('a', $2) OR v.slug = ANY (<0>::text[]))",
            "slug='a'@($1[]:2950) slug=$2@($1[]:2950)",
        ),
        (
            "= ANY ('{}') AND (v.slug) NOT IN ($1)",
            "= ANY ('{}') AND ((v.slug) NOT IN ($1) AND (v.slug) <> ALL (<0>::text[]))",
            "slug=$1@({}[]:2950)",
        ),
        (
            "= ANY (ARRAY[$1, $2]::uuid[]) AND v.slug = ANY (ARRAY[$3]::text[])",
            "= ANY (ARRAY[$1, $2]::uuid[]) AND (v.slug = ANY (ARRAY[$3]::text[]) OR v.slug = ANY (<0>::text[]))",
            "slug=$3@($1:2950|$2:2950)",
        ),
        (
            "IN ($1, $2) AND v.slug IS NOT DISTINCT FROM CAST(($3) AS character varying)",
            "IN ($1, $2) AND (v.slug IS NOT DISTINCT FROM CAST(($3) AS character varying) OR (v.slug = ANY (<0>::text[])) IS TRUE)",
            "slug=$3@($1:2950|$2:2950)",
        ),
        (
            "IN ($1, $2) AND v.slug::pg_catalog.text IS DISTINCT FROM $3",
            "IN ($1, $2) AND (v.slug::pg_catalog.text IS DISTINCT FROM $3 AND (v.slug::pg_catalog.text = ANY (<0>::text[])) IS NOT TRUE)",
            "slug=$3@($1:2950|$2:2950)",
        ),
        // Each comparison has others of its own.
        (
            "IN ($1, $2) AND (slug = 'a' OR slug = $3)",
            "IN ($1, $2) AND ((slug = 'a' OR slug = ANY (<1>::text[])) OR (slug = $3 OR slug = ANY (<0>::text[])))",
            "slug='a'@($1:2950|$2:2950) slug=$3@($1:2950|$2:2950)",
        ),
        // An array takes them itself.
        (
            "IN ($1, $2) AND slug <> ALL ($3)",
            "IN ($1, $2) AND slug <> ALL ($3)",
            "slug=$3[]@($1:2950|$2:2950)",
        ),
        // One tenant is one.
        (
            "IN ($1, NULL) AND slug = $2",
            "IN ($1, NULL) AND slug = $2",
            "slug=$2@$1:2950",
        ),
    ] {
        let sql = format!("{keys} {condition}");
        assert_eq!(rewritten(&sql), format!("{keys} {expected}"));
        let plan = single_with(&searchable(), &sql);
        let mut found: Vec<String> = slots(&sql, &plan).split(' ').map(str::to_owned).collect();
        found.sort();
        let mut expected: Vec<&str> = sealed.split(' ').collect();
        expected.sort_unstable();
        assert_eq!(found, expected, "{sql}");
        assert_eq!(lookup(&plan), "", "{sql}");
    }
}

#[test]
fn several_tenants_are_named_in_every_way_that_one_is() {
    for (sql, sealed) in [
        (
            "SELECT 1 FROM notes n JOIN prompts p ON p.id = n.prompt_id WHERE p.organisation_id = ANY ($1) AND n.tag = $2",
            "tag=$2@($1[]:2950)",
        ),
        (
            "SELECT 1 FROM organisations o JOIN virtual_keys v ON v.organisation_id = o.id WHERE o.id IN ($1, $2) AND v.slug = $3",
            "slug=$3@($1:2950|$2:2950)",
        ),
        (
            "SELECT 1 FROM organisations o WHERE o.id IN ($1, $2) AND EXISTS (SELECT 1 FROM virtual_keys v WHERE v.organisation_id = o.id AND v.slug = $3)",
            "slug=$3@($1:2950|$2:2950)",
        ),
        (
            "SELECT 1 FROM slugs WHERE owner IN ($1, $2) AND slug = $3",
            "slug=$3@($1:2950|$2:2950)",
        ),
        (
            "DELETE FROM virtual_keys WHERE organisation_id IN ($1, $2) AND slug = $3",
            "slug=$3@($1:2950|$2:2950)",
        ),
    ] {
        let plan = single_with(&searchable(), sql);
        assert_eq!(slots(sql, &plan), sealed, "{sql}");
        assert_eq!(lookup(&plan), "", "{sql}");
    }
    let sql = "SELECT 1 FROM notes WHERE prompt_id IN (1, $2) AND tag = $1";
    let plan = single_with(&searchable(), sql);
    assert_eq!(slots(sql, &plan), "tag=$1@(?1|?2)");
}

#[test]
fn what_two_values_cannot_stand_for_is_refused() {
    for (condition, anchor) in [
        ("slug <> ANY ($3)", "refused-search"),
        ("slug = ALL ($3)", "refused-search"),
        ("NULLIF(slug, $3) IS NULL", "refused-search"),
        ("(slug, name) = ($3, 'x')", "refused-search"),
        (
            "slug IN (SELECT slug FROM old_keys WHERE organisation_id IN ($1, $2))",
            "refused-search",
        ),
    ] {
        let sql =
            format!("SELECT 1 FROM virtual_keys WHERE organisation_id IN ($1, $2) AND {condition}");
        let Verdict::Refuse(refusal) = plan_with(&searchable(), &sql) else {
            panic!("planned: {sql}");
        };
        assert!(
            refusal.hint.unwrap().ends_with(&format!("#{anchor}.")),
            "{sql}"
        );
    }
    for sql in [
        "SELECT count(DISTINCT slug) FROM virtual_keys WHERE organisation_id IN ($1, $2)",
        "SELECT slug FROM virtual_keys WHERE organisation_id IN ($1, $2) GROUP BY slug",
        "SELECT 1 FROM virtual_keys v JOIN old_keys o USING (slug) WHERE v.organisation_id IN ($1, $2) AND o.organisation_id IN ($1, $2)",
        "SELECT 1 FROM virtual_keys WHERE NOT organisation_id IN ($1, $2) AND slug = $3",
        "SELECT 1 FROM notes WHERE prompt_id = ANY ($1) AND tag = $2",
        "SELECT 1 FROM notes WHERE prompt_id = ANY ('{1,2}') AND tag = $1",
        "SELECT 1 FROM virtual_keys WHERE organisation_id NOT IN ($1, $2) AND slug = $3",
        "SELECT 1 FROM virtual_keys WHERE (organisation_id IN ($1, $2) OR id = $4) AND slug = $3",
        "SELECT 1 FROM virtual_keys v LEFT JOIN old_keys o ON v.organisation_id IN ($1, $2) WHERE v.slug = $3",
    ] {
        assert!(
            matches!(plan_with(&searchable(), sql), Verdict::Refuse(_)),
            "{sql}"
        );
    }
}
