//! Searchable columns: `virtual_keys.slug` per tenant, `audit.key` in the whole deployment.

use super::{Verdict, plan_with, searchable, single_with, slots};

fn refused(sql: &str, anchor: &str) {
    match plan_with(&searchable(), sql) {
        Verdict::Refuse(refusal) => {
            let hint = refusal.hint.unwrap();
            assert!(
                hint.ends_with(&format!("See docs/errors.md#{anchor}.")),
                "{sql}: {} {hint}",
                refusal.message
            );
        }
        Verdict::Protect(_) => panic!("planned: {sql}"),
        Verdict::Forward | Verdict::Resolve(_) => panic!("forwarded or asks: {sql}"),
    }
}

#[test]
fn what_is_compared_is_sealed_under_the_tenant_that_the_query_names() {
    let table = [
        (
            "SELECT id FROM virtual_keys WHERE organisation_id = $1 AND slug = $2",
            "slug=$2@$1:2950",
        ),
        (
            "SELECT id FROM virtual_keys v WHERE ('x' = v.slug OR v.slug <> $2::text) AND (v.organisation_id = $1)",
            "slug=$2@$1:2950 slug='x'@$1:2950",
        ),
        (
            "SELECT id FROM virtual_keys WHERE slug IN ('a', $2, NULL) AND organisation_id = $1",
            "slug=$2@$1:2950 slug='a'@$1:2950",
        ),
        (
            "SELECT id FROM virtual_keys WHERE slug = ANY(ARRAY['a', $2]::text[]) AND $1 = organisation_id",
            "slug=$2@$1:2950 slug='a'@$1:2950",
        ),
        (
            "SELECT 1 FROM virtual_keys a JOIN virtual_keys b ON a.slug = b.slug AND a.slug IS DISTINCT FROM $2 WHERE a.organisation_id = $1 AND b.organisation_id = $1",
            "slug=$2@$1:2950",
        ),
        (
            "DELETE FROM virtual_keys WHERE organisation_id = $1 AND slug = $2",
            "slug=$2@$1:2950",
        ),
        (
            "UPDATE virtual_keys SET name = 'n' WHERE organisation_id = $1 AND slug = $2",
            "slug=$2@$1:2950",
        ),
        (
            "UPDATE virtual_keys SET slug = $3 WHERE organisation_id = $1 AND slug = $2",
            "slug=$2@$1:2950 slug=$3@$1:2950",
        ),
        ("SELECT id FROM audit WHERE key = $1", "key=$1@<deployment>"),
        (
            "SELECT id FROM virtual_keys WHERE slug = ANY($2) AND organisation_id = $1",
            "slug=$2[]@$1:2950",
        ),
        (
            "SELECT id FROM audit WHERE key <> ALL($1::text[]) OR key = $2",
            "key=$1[]@<deployment> key=$2@<deployment>",
        ),
        (
            "SELECT count(*) FROM audit a JOIN audit b ON a.key = b.key WHERE a.key <> 'x' GROUP BY a.key",
            "key='x'@<deployment>",
        ),
    ];
    for (sql, expected) in table {
        let plan = single_with(&searchable(), sql);
        let mut found: Vec<String> = slots(sql, &plan).split(' ').map(str::to_owned).collect();
        found.sort();
        assert_eq!(found.join(" "), expected, "{sql}");
    }
}

#[test]
fn equal_values_may_be_grouped_where_they_are_equal() {
    for sql in [
        "SELECT DISTINCT slug FROM virtual_keys WHERE organisation_id = $1",
        "SELECT slug, count(*) FROM virtual_keys WHERE organisation_id = $1 GROUP BY slug",
        "SELECT slug AS s, count(*) FROM virtual_keys WHERE organisation_id = $1 GROUP BY s",
        "SELECT DISTINCT key FROM audit",
        "SELECT key FROM audit UNION SELECT key FROM audit",
        "INSERT INTO audit (id, note, key) VALUES (1, $2, $1) ON CONFLICT (key) DO NOTHING",
    ] {
        single_with(&searchable(), sql);
    }
}

#[test]
fn a_search_without_its_tenant_is_refused() {
    for sql in [
        "SELECT id FROM virtual_keys WHERE slug = $1",
        "SELECT id FROM virtual_keys WHERE organisation_id = $1 OR slug = $2",
        "SELECT id FROM virtual_keys WHERE organisation_id <> $1 AND slug = $2",
        "SELECT 1 FROM virtual_keys a, virtual_keys b WHERE a.slug = b.slug AND a.organisation_id = $1",
        "SELECT 1 FROM virtual_keys a, virtual_keys b WHERE a.slug = b.slug AND a.organisation_id = $1 AND b.organisation_id = $2",
        "SELECT 1 FROM virtual_keys a LEFT JOIN virtual_keys b ON a.organisation_id = $1 AND a.slug = $2",
        "SELECT DISTINCT slug FROM virtual_keys",
        "SELECT slug FROM virtual_keys GROUP BY 1",
        "SELECT 1 FROM organisations o WHERE EXISTS (SELECT 1 FROM virtual_keys v WHERE v.slug = $1)",
        "DELETE FROM virtual_keys WHERE slug = 'x'",
    ] {
        refused(sql, "refused-search");
    }
}

#[test]
fn what_equality_does_not_give_stays_refused() {
    for (sql, anchor) in [
        (
            "SELECT id FROM virtual_keys WHERE organisation_id = $1 AND slug < $2",
            "refused-comparison",
        ),
        (
            "SELECT id FROM virtual_keys WHERE organisation_id = $1 AND slug = name",
            "refused-comparison",
        ),
        (
            "SELECT id FROM virtual_keys WHERE organisation_id = $1 AND slug = lower($2)",
            "refused-comparison",
        ),
        (
            "SELECT id FROM virtual_keys WHERE organisation_id = $1 AND slug LIKE 'a%'",
            "refused-comparison",
        ),
        (
            "SELECT 1 FROM virtual_keys v JOIN audit a ON a.key = v.slug WHERE v.organisation_id = $1",
            "refused-comparison",
        ),
        (
            "SELECT id FROM virtual_keys WHERE organisation_id = $1 ORDER BY slug",
            "refused-order",
        ),
        (
            "SELECT id FROM virtual_keys WHERE organisation_id = $1 AND slug = 5",
            "refused-number",
        ),
    ] {
        refused(sql, anchor);
    }
}

#[test]
fn a_definition_never_holds_what_is_searched_for() {
    for sql in [
        "CREATE VIEW v AS SELECT id FROM audit WHERE key = 'x'",
        "CREATE TABLE t AS SELECT id FROM audit WHERE key = 'x'",
        "CREATE MATERIALIZED VIEW v AS SELECT id FROM virtual_keys WHERE organisation_id = '00000000-0000-0000-0000-000000000001' AND slug IN ('x')",
        "CREATE VIEW v AS SELECT id FROM virtual_keys v WHERE EXISTS (SELECT 1 FROM audit WHERE key = 'x')",
    ] {
        refused(sql, "refused-search");
    }
    assert!(matches!(
        plan_with(
            &searchable(),
            "CREATE VIEW v AS SELECT a.id FROM audit a JOIN audit b ON a.key = b.key"
        ),
        Verdict::Protect(_) | Verdict::Forward
    ));
}

#[test]
fn a_look_up_never_repeats_what_is_searched_for() {
    // The tenant of the rows would be asked for with the client's own WHERE.
    refused(
        "UPDATE audit SET note = 'n', key = 'new' WHERE key = 'old'",
        "refused-lookup",
    );
    refused(
        "INSERT INTO virtual_keys (id, organisation_id, slug) VALUES ($1, $2, $3) ON CONFLICT (slug) DO UPDATE SET slug = $4",
        "refused-upsert",
    );
}
