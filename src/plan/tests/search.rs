//! Searchable columns: `virtual_keys.slug` per tenant, `audit.key` in the whole deployment.

use super::{Verdict, lookup, outputs, plan_with, searchable, single_with, slots};

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
            "SELECT NULLIF(slug, $2), NULLIF('x', slug) FROM virtual_keys WHERE organisation_id = $1",
            "slug=$2@$1:2950 slug='x'@$1:2950",
        ),
        (
            "SELECT 1 FROM virtual_keys a LEFT JOIN virtual_keys b ON b.organisation_id = $1 AND b.slug = $2",
            "slug=$2@$1:2950",
        ),
        (
            "SELECT 1 FROM virtual_keys a JOIN virtual_keys b ON b.organisation_id = a.organisation_id AND b.slug = $2 WHERE a.organisation_id = $1",
            "slug=$2@$1:2950",
        ),
        (
            "WITH v AS (SELECT * FROM virtual_keys WHERE organisation_id = $1) SELECT 1 FROM v a JOIN v b USING (slug) WHERE a.slug <> $2",
            "slug=$2@$1:2950",
        ),
        (
            "SELECT 1 FROM (SELECT slug, organisation_id AS o FROM virtual_keys) d WHERE d.o = $1 AND d.slug = $2",
            "slug=$2@$1:2950",
        ),
        (
            "SELECT slug FROM virtual_keys a JOIN virtual_keys b USING (organisation_id, slug) WHERE organisation_id = $1 AND slug = $2",
            "slug=$2@$1:2950",
        ),
        (
            "SELECT 1 FROM virtual_keys a WHERE a.organisation_id = $1 AND EXISTS (SELECT 1 FROM virtual_keys b WHERE b.organisation_id = a.organisation_id AND b.slug = $2)",
            "slug=$2@$1:2950",
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
fn nullif_gives_the_columns_own_values() {
    let sql = "SELECT NULLIF(v.slug, $2), NULLIF('x', slug), COALESCE(NULLIF(slug, ''), 'none') FROM virtual_keys v WHERE organisation_id = $1";
    assert_eq!(
        outputs(&single_with(&searchable(), sql)),
        "!slug !slug ?slug"
    );
    refused(
        "SELECT NULLIF(slug, 'x') FROM virtual_keys",
        "refused-search",
    );
    refused(
        "SELECT NULLIF(slug, name) FROM virtual_keys WHERE organisation_id = $1",
        "refused-nullif",
    );
}

#[test]
fn a_view_is_searched_as_its_table_is() {
    for (sql, expected) in [
        (
            "SELECT slug FROM slugs WHERE owner = $1 AND slug = $2",
            "slug=$2@$1:2950",
        ),
        (
            "SELECT 1 FROM slugs_again a JOIN virtual_keys v ON v.organisation_id = a.o AND v.slug = a.s WHERE a.s = $2 AND a.o = $1",
            "slug=$2@$1:2950",
        ),
        (
            "SELECT 1 FROM slugs_of_one WHERE slug = $1",
            "slug=$1@00000000-0000-0000-0000-000000000007",
        ),
        (
            "SELECT 1 FROM all_slugs WHERE organisation_id = $1 AND slug IN ($2, 'x')",
            "slug=$2@$1:2950 slug='x'@$1:2950",
        ),
        (
            "SELECT 1 FROM note_tags WHERE organisation_id = $1 AND tag = $2",
            "tag=$2@$1:2950",
        ),
        (
            "WITH t AS (SELECT * FROM note_tags) SELECT 1 FROM t WHERE organisation_id = $1 AND tag = $2",
            "tag=$2@$1:2950",
        ),
    ] {
        let plan = single_with(&searchable(), sql);
        let mut found: Vec<String> = slots(sql, &plan).split(' ').map(str::to_owned).collect();
        found.sort();
        assert_eq!(found.join(" "), expected, "{sql}");
        assert_eq!(lookup(&plan), "", "{sql}");
    }
    for sql in [
        "SELECT owner, slug, count(*) FROM slugs GROUP BY owner, slug",
        "SELECT DISTINCT slug FROM slugs WHERE owner = $1",
        "SELECT DISTINCT slug FROM slugs_of_one",
        "SELECT 1 FROM slugs a JOIN slugs b USING (owner, slug)",
        "SELECT organisation_id, slug FROM all_slugs GROUP BY organisation_id, slug",
        "SELECT tag, count(*) FROM note_tags GROUP BY organisation_id, tag",
    ] {
        single_with(&searchable(), sql);
    }
    for sql in [
        "SELECT 1 FROM slugs WHERE slug = $1",
        "SELECT 1 FROM slugs a JOIN slugs b USING (slug)",
        "SELECT 1 FROM slugs a, slugs b WHERE a.owner = $1 AND b.slug = $2",
        "SELECT 1 FROM slugs a JOIN slugs_of_one b ON a.slug = b.slug",
        "SELECT DISTINCT slug FROM all_slugs",
        "SELECT DISTINCT tag FROM note_tags",
    ] {
        refused(sql, "refused-search");
    }
}

#[test]
fn the_tenant_of_a_parent_is_found_too() {
    let parent = "SELECT DISTINCT p.\"organisation_id\"::text FROM \"public\".\"prompts\" AS p WHERE p.\"id\" = $1::\"int4\"";
    let gone = format!(
        "UNION ALL (SELECT NULL::text FROM \"public\".\"notes\" AS c WHERE c.\"prompt_id\" = $1::\"int4\" AND NOT EXISTS (SELECT 1 {}) LIMIT 1)",
        parent.split_at(parent.find("FROM").unwrap()).1
    );
    let asked = |query: &str, param: u16| {
        format!("SELECT 1::int4 AS term, q.t::text AS tenant FROM ({query}) AS q(t) [{param}]")
    };
    let by_child = asked(&format!("{parent} {gone}"), 2);
    let by_parent = asked(parent, 2);
    for (sql, expected, question) in [
        (
            "SELECT id FROM notes WHERE tag = $1 AND prompt_id = $2",
            "tag=$1@?1",
            by_child.as_str(),
        ),
        (
            "UPDATE notes SET tag = $3 WHERE tag = $1 AND prompt_id = $2",
            "tag=$1@?1 tag=$3@?1",
            by_child.as_str(),
        ),
        (
            "SELECT 1 FROM notes n JOIN prompts p ON n.prompt_id = p.id WHERE n.tag = $1 AND p.id = $2",
            "tag=$1@?1",
            by_parent.as_str(),
        ),
        (
            "SELECT 1 FROM prompts p JOIN notes n ON p.id = n.prompt_id WHERE n.tag = $1 AND p.organisation_id = $2",
            "tag=$1@$2:2950",
            "",
        ),
        (
            "SELECT 1 FROM prompts p WHERE p.organisation_id = $2 AND EXISTS (SELECT 1 FROM notes n WHERE n.prompt_id = p.id AND n.tag = $1)",
            "tag=$1@$2:2950",
            "",
        ),
    ] {
        let plan = single_with(&searchable(), sql);
        assert_eq!(slots(sql, &plan), expected, "{sql}");
        assert_eq!(lookup(&plan), question, "{sql}");
    }
    for sql in [
        "SELECT tag, count(*) FROM notes GROUP BY prompt_id, tag",
        "SELECT DISTINCT prompt_id, tag FROM notes",
        "SELECT DISTINCT tag FROM notes WHERE prompt_id = $1",
        "SELECT p.organisation_id, n.tag, count(*) FROM notes n JOIN prompts p ON p.id = n.prompt_id GROUP BY p.organisation_id, n.tag",
        "SELECT p.organisation_id, n.tag, count(*) FROM notes n, prompts p WHERE p.id = n.prompt_id GROUP BY 1, 2",
        "SELECT 1 FROM notes a JOIN notes b USING (prompt_id, tag)",
        "SELECT 1 FROM notes a JOIN prompts p ON p.id = a.prompt_id JOIN prompts q ON q.organisation_id = p.organisation_id JOIN notes b ON b.prompt_id = q.id AND a.tag = b.tag",
        "SELECT p.id, (SELECT count(DISTINCT n.tag) FROM notes n WHERE n.prompt_id = p.id) FROM prompts p",
    ] {
        let plan = single_with(&searchable(), sql);
        assert_eq!(lookup(&plan), "", "{sql}");
    }
    for sql in [
        "SELECT 1 FROM notes WHERE tag = $1",
        "SELECT 1 FROM notes WHERE tag = $1 AND id = $2",
        "SELECT DISTINCT tag FROM notes",
        "SELECT 1 FROM notes a JOIN notes b USING (tag)",
        "SELECT 1 FROM notes n LEFT JOIN prompts p ON p.id = n.prompt_id AND p.organisation_id = $1 WHERE n.tag = $2",
        "SELECT 1 FROM notes n, prompts p WHERE p.organisation_id = $1 AND n.tag = $2",
        "SELECT 1 FROM notes n JOIN prompts p ON p.id = n.id WHERE p.organisation_id = $1 AND n.tag = $2",
    ] {
        refused(sql, "refused-search");
    }
}

#[test]
fn set_operations_compare_within_one_tenant() {
    for sql in [
        "SELECT slug FROM virtual_keys WHERE organisation_id = $1 UNION SELECT slug FROM old_keys WHERE organisation_id = $1",
        "SELECT slug FROM virtual_keys WHERE organisation_id = $1 EXCEPT SELECT slug FROM virtual_keys WHERE organisation_id = $1 AND name = $2",
        "SELECT slug FROM virtual_keys WHERE organisation_id = $1 INTERSECT ALL SELECT slug FROM old_keys WHERE organisation_id = $1",
        "(SELECT slug FROM virtual_keys WHERE organisation_id = $1 UNION SELECT slug FROM old_keys WHERE organisation_id = $1) EXCEPT SELECT slug FROM slugs WHERE owner = $1",
        "SELECT organisation_id, slug FROM virtual_keys UNION SELECT organisation_id, slug FROM old_keys",
        "SELECT organisation_id, slug FROM virtual_keys UNION SELECT organisation_id, slug FROM old_keys EXCEPT SELECT owner, slug FROM slugs",
        "SELECT prompt_id, tag FROM notes INTERSECT SELECT n.prompt_id, n.tag FROM notes n JOIN prompts p ON p.id = n.prompt_id WHERE p.name = $1",
        "SELECT id FROM virtual_keys v WHERE organisation_id = $1 AND slug IN (SELECT slug FROM old_keys WHERE organisation_id = $1 UNION SELECT slug FROM slugs WHERE owner = $1)",
        "SELECT name, (SELECT count(*) FROM (SELECT v.slug FROM virtual_keys v WHERE v.organisation_id = a.organisation_id UNION SELECT o.slug FROM old_keys o WHERE o.organisation_id = a.organisation_id) x) FROM virtual_keys a",
        "SELECT DISTINCT slug FROM (SELECT organisation_id, slug FROM virtual_keys UNION ALL SELECT organisation_id, slug FROM old_keys) x WHERE organisation_id = $1",
        "SELECT key FROM audit UNION SELECT key FROM audit WHERE note = $1",
    ] {
        single_with(&searchable(), sql);
    }
    let sql = "SELECT slug FROM (SELECT slug FROM virtual_keys WHERE organisation_id = $1 UNION SELECT slug FROM old_keys WHERE organisation_id = $1) x WHERE slug <> $2";
    let plan = single_with(&searchable(), sql);
    assert_eq!(slots(sql, &plan), "slug=$2@$1:2950");
    assert_eq!(outputs(&plan), "!slug");
    for sql in [
        "SELECT slug FROM virtual_keys UNION SELECT slug FROM virtual_keys",
        "SELECT slug FROM virtual_keys WHERE organisation_id = $1 UNION SELECT slug FROM old_keys",
        "SELECT slug FROM virtual_keys WHERE organisation_id = '00000000-0000-0000-0000-000000000001' INTERSECT SELECT slug FROM old_keys WHERE organisation_id = '00000000-0000-0000-0000-000000000002'",
        "SELECT organisation_id, slug FROM virtual_keys EXCEPT SELECT v.organisation_id, o.slug FROM old_keys o, virtual_keys v",
        "SELECT prompt_id, slug FROM notes, virtual_keys WHERE organisation_id = $1 UNION SELECT prompt_id, slug FROM notes, old_keys",
        "SELECT slug FROM slugs_of_one UNION SELECT slug FROM slugs WHERE owner = '00000000-0000-0000-0000-000000000001'",
        "SELECT 1 FROM (SELECT slug FROM virtual_keys WHERE organisation_id = $1 UNION ALL SELECT slug FROM old_keys) x WHERE slug = $2",
        "SELECT a.id FROM virtual_keys a, virtual_keys b WHERE EXISTS (SELECT slug FROM virtual_keys v WHERE v.organisation_id = a.organisation_id INTERSECT SELECT slug FROM old_keys o WHERE o.organisation_id = b.organisation_id)",
    ] {
        refused(sql, "refused-search");
    }
    for sql in [
        "SELECT slug FROM virtual_keys WHERE organisation_id = $1 UNION SELECT name FROM virtual_keys",
        "SELECT slug FROM virtual_keys WHERE organisation_id = $1 UNION SELECT 'x'",
        "SELECT slug FROM virtual_keys WHERE organisation_id = $1 UNION SELECT n.tag FROM notes n WHERE prompt_id = $2",
        "SELECT slug FROM virtual_keys WHERE organisation_id = $1 UNION SELECT slug || '' FROM virtual_keys WHERE organisation_id = $1",
    ] {
        refused(sql, "refused-set-operation");
    }
}

#[test]
fn that_two_parameters_are_one_tenant_is_seen_when_it_runs() {
    for sql in [
        "SELECT 1 FROM virtual_keys WHERE organisation_id = $1 AND slug IN (SELECT slug FROM virtual_keys WHERE organisation_id = $2)",
        "SELECT 1 FROM virtual_keys a, virtual_keys b WHERE a.slug = b.slug AND a.organisation_id = $1 AND b.organisation_id = $2",
        "SELECT 1 FROM notes a JOIN notes b ON a.tag = b.tag WHERE a.prompt_id = $1 AND b.prompt_id = $2",
        "SELECT slug FROM virtual_keys WHERE organisation_id = $1 INTERSECT SELECT slug FROM old_keys WHERE organisation_id = $2",
        "SELECT slug FROM slugs_of_one UNION SELECT slug FROM slugs WHERE owner = $1",
        "SELECT slug FROM (SELECT slug FROM virtual_keys WHERE organisation_id = $1 UNION SELECT slug FROM old_keys WHERE organisation_id = $2) x UNION SELECT slug FROM slugs WHERE owner = $1",
    ] {
        let plan = single_with(&searchable(), sql);
        assert_eq!(plan.agree.len(), 1, "{sql}");
    }
    let sql = "SELECT slug FROM (SELECT slug FROM virtual_keys WHERE organisation_id = $1 UNION ALL SELECT slug FROM old_keys WHERE organisation_id = $2) x WHERE slug = $3";
    refused(sql, "refused-search");
}

#[test]
fn equal_tenants_are_written_alike() {
    let planner = super::numbered_tenants();
    for sql in [
        "SELECT price, slug FROM old_keys GROUP BY price, slug",
        "SELECT 1 FROM old_keys WHERE price = $1 AND slug = $2",
    ] {
        assert!(
            matches!(plan_with(&planner, sql), Verdict::Refuse(_)),
            "{sql}"
        );
    }
}

#[test]
fn equal_values_may_be_grouped_where_they_are_equal() {
    for sql in [
        "SELECT DISTINCT slug FROM virtual_keys WHERE organisation_id = $1",
        "SELECT slug, count(*) FROM virtual_keys WHERE organisation_id = $1 GROUP BY slug",
        "SELECT slug AS s, count(*) FROM virtual_keys WHERE organisation_id = $1 GROUP BY s",
        "SELECT DISTINCT key FROM audit",
        "SELECT count(DISTINCT key) FROM audit",
        "SELECT count(DISTINCT slug) FROM virtual_keys WHERE organisation_id = $1",
        "SELECT organisation_id, count(DISTINCT slug) FROM virtual_keys GROUP BY organisation_id",
        "SELECT organisation_id, slug, count(*) FROM virtual_keys GROUP BY organisation_id, slug",
        "SELECT organisation_id AS o, slug AS s, count(*) FROM virtual_keys GROUP BY 1, 2",
        "SELECT DISTINCT organisation_id, slug FROM virtual_keys",
        "SELECT DISTINCT ON (organisation_id, slug) name FROM virtual_keys",
        "SELECT row_number() OVER (PARTITION BY organisation_id, slug ORDER BY id) FROM virtual_keys",
        "SELECT key FROM audit UNION SELECT key FROM audit",
        "INSERT INTO audit (id, note, key) VALUES (1, $2, $1) ON CONFLICT (key) DO NOTHING",
    ] {
        single_with(&searchable(), sql);
    }
}

#[test]
fn columns_are_compared_where_their_tenants_are_equal() {
    for sql in [
        "SELECT 1 FROM virtual_keys a JOIN virtual_keys b ON a.organisation_id = b.organisation_id AND a.slug = b.slug",
        "SELECT 1 FROM virtual_keys a JOIN virtual_keys b ON (a.organisation_id, a.slug) = (b.organisation_id, b.slug)",
        "SELECT 1 FROM virtual_keys a LEFT JOIN virtual_keys b ON a.organisation_id = b.organisation_id AND (a.slug = b.slug OR a.slug <> b.slug)",
        "SELECT a.slug, b.slug FROM virtual_keys a JOIN virtual_keys b USING (organisation_id, slug)",
        "SELECT a.slug FROM virtual_keys a FULL JOIN virtual_keys b USING (slug, organisation_id)",
        "SELECT slug FROM (SELECT organisation_id, slug FROM virtual_keys) a NATURAL LEFT JOIN (SELECT organisation_id, slug FROM virtual_keys) b",
        "SELECT 1 FROM virtual_keys a, virtual_keys b WHERE a.slug = b.slug AND a.organisation_id = b.organisation_id",
        "SELECT 1 FROM virtual_keys a WHERE EXISTS (SELECT 1 FROM virtual_keys b WHERE b.organisation_id = a.organisation_id AND b.slug = a.slug AND b.id <> a.id)",
        "SELECT 1 FROM virtual_keys a WHERE a.slug IN (SELECT b.slug FROM virtual_keys b WHERE b.organisation_id = a.organisation_id)",
        "SELECT 1 FROM virtual_keys WHERE organisation_id = $1 AND slug NOT IN (SELECT slug FROM virtual_keys WHERE organisation_id = $1)",
        "SELECT 1 FROM virtual_keys WHERE organisation_id = $1 AND slug = ANY (SELECT slug FROM virtual_keys WHERE organisation_id = $1)",
        "SELECT 1 FROM virtual_keys WHERE organisation_id = $1 AND slug = (SELECT slug FROM virtual_keys WHERE organisation_id = $1 AND id = $2)",
        "SELECT 1 FROM audit WHERE key IN (SELECT key FROM audit WHERE note IS NULL)",
        "SELECT 1 FROM audit JOIN audit b USING (key)",
        "MERGE INTO virtual_keys a USING virtual_keys b ON a.organisation_id = b.organisation_id AND a.slug = b.slug WHEN MATCHED THEN UPDATE SET name = 'n'",
        "DELETE FROM virtual_keys a USING virtual_keys b WHERE a.organisation_id = b.organisation_id AND a.slug = b.slug AND a.id > b.id",
    ] {
        single_with(&searchable(), sql);
    }
}

#[test]
fn columns_that_no_rule_knows_may_hold_a_tenant() {
    for (sql, expected) in [
        (
            "SELECT o.id, x.slug FROM organisations o JOIN LATERAL (SELECT v.slug FROM virtual_keys v WHERE v.organisation_id = o.id AND v.slug = $1) x ON true WHERE o.id = $2",
            "slug=$1@$2:2950",
        ),
        (
            "SELECT v.id FROM organisations o JOIN virtual_keys v ON v.organisation_id = o.id WHERE o.id = $2 AND v.slug = $1",
            "slug=$1@$2:2950",
        ),
        (
            "SELECT v.id FROM organisations o, virtual_keys v WHERE v.organisation_id = o.id AND o.id = '00000000-0000-0000-0000-000000000007' AND v.slug = $1",
            "slug=$1@00000000-0000-0000-0000-000000000007",
        ),
    ] {
        let plan = single_with(&searchable(), sql);
        assert_eq!(slots(sql, &plan), expected, "{sql}");
        assert_eq!(lookup(&plan), "", "{sql}");
    }
    for sql in [
        "SELECT o.id, x.slug FROM organisations o LEFT JOIN LATERAL (SELECT DISTINCT v.slug FROM virtual_keys v WHERE v.organisation_id = o.id) x ON true",
        "SELECT o.id, (SELECT count(DISTINCT v.slug) FROM virtual_keys v WHERE v.organisation_id = o.id) FROM organisations o",
        "SELECT 1 FROM organisations o JOIN virtual_keys a ON a.organisation_id = o.id JOIN old_keys b ON b.organisation_id = o.id AND b.slug = a.slug",
        "SELECT o.id, v.slug, count(*) FROM organisations o JOIN virtual_keys v ON v.organisation_id = o.id GROUP BY o.id, v.slug",
        "SELECT o.name, count(DISTINCT v.slug) FROM organisations o JOIN virtual_keys v ON v.organisation_id = o.id GROUP BY o.id",
        "SELECT DISTINCT o.id, v.slug FROM organisations o JOIN virtual_keys v ON v.organisation_id = o.id",
        "SELECT p.id, x.n FROM prompts p LEFT JOIN LATERAL (SELECT count(DISTINCT n.tag) AS n FROM notes n WHERE n.prompt_id = p.id) x ON true",
    ] {
        single_with(&searchable(), sql);
    }
    for sql in [
        // Another column of the same row is another tenant.
        "SELECT 1 FROM prompts p JOIN notes n ON n.prompt_id = p.id JOIN audit u ON u.id = p.id, virtual_keys v WHERE v.organisation_id = u.note::uuid AND v.slug = $1",
        "SELECT o.name, count(DISTINCT v.slug) FROM organisations o JOIN virtual_keys v ON v.organisation_id = o.id GROUP BY o.name",
        "SELECT o.name, count(DISTINCT v.slug) FROM organisations o JOIN virtual_keys v ON v.organisation_id = o.id GROUP BY 1",
        "SELECT v.id FROM organisations o, virtual_keys v WHERE v.organisation_id = o.id AND v.slug = $1",
        "SELECT count(DISTINCT x.slug) FROM organisations o, LATERAL (SELECT v.slug FROM virtual_keys v WHERE v.organisation_id = o.id) x",
        // A sealed column holds no tenant.
        "SELECT 1 FROM audit a JOIN audit b ON a.key = b.key JOIN virtual_keys v ON v.slug = $1",
    ] {
        refused(sql, "refused-search");
    }
}

#[test]
fn a_number_or_a_name_in_group_by_means_what_the_select_list_says() {
    for sql in [
        "SELECT organisation_id, count(DISTINCT slug) FROM virtual_keys GROUP BY 1",
        "SELECT count(DISTINCT slug), organisation_id FROM virtual_keys GROUP BY 2",
        "SELECT organisation_id AS o, count(DISTINCT slug) FROM virtual_keys GROUP BY o",
        "SELECT p.organisation_id AS o, count(DISTINCT n.tag) FROM notes n JOIN prompts p ON p.id = n.prompt_id GROUP BY 1 HAVING count(DISTINCT n.tag) > 1",
    ] {
        single_with(&searchable(), sql);
    }
    for sql in [
        "SELECT name, count(DISTINCT slug) FROM virtual_keys GROUP BY 1",
        // An input column's name comes first.
        "SELECT organisation_id AS name, count(DISTINCT slug) FROM virtual_keys GROUP BY name",
        "SELECT name, organisation_id, count(DISTINCT slug) FROM virtual_keys GROUP BY 1",
    ] {
        refused(sql, "refused-search");
    }
}

#[test]
fn a_search_without_its_tenant_is_refused() {
    for sql in [
        // A tenant that only the condition of an outer join names, or only a subquery that may give no row.
        "SELECT 1 FROM virtual_keys a LEFT JOIN virtual_keys b ON a.organisation_id = b.organisation_id WHERE a.slug = b.slug",
        "SELECT 1 FROM virtual_keys a LEFT JOIN virtual_keys b ON b.organisation_id = $1 WHERE a.organisation_id = $1 AND a.slug = b.slug",
        "SELECT 1 FROM virtual_keys a, virtual_keys b WHERE a.slug = b.slug AND NOT EXISTS (SELECT 1 FROM virtual_keys c WHERE c.organisation_id = a.organisation_id AND c.organisation_id = b.organisation_id)",
        "SELECT 1 FROM virtual_keys a WHERE a.slug = $1 AND NOT EXISTS (SELECT 1 FROM virtual_keys b WHERE a.organisation_id = $2 AND b.organisation_id = a.organisation_id AND b.organisation_id = $2)",
        "MERGE INTO virtual_keys a USING virtual_keys b ON a.slug = b.slug WHEN MATCHED THEN DELETE",
        "MERGE INTO virtual_keys a USING virtual_keys b ON a.organisation_id = b.organisation_id WHEN MATCHED AND a.slug = b.slug THEN DELETE",
        // Rows of another scan than the one that is held.
        "SELECT DISTINCT d.slug FROM (SELECT slug FROM virtual_keys) d, virtual_keys v WHERE v.organisation_id = $1",
        "WITH v AS (SELECT slug, organisation_id FROM virtual_keys) SELECT 1 FROM v a JOIN v b ON a.slug = b.slug",
        "WITH v AS (SELECT slug, organisation_id FROM virtual_keys) SELECT 1 FROM v a JOIN v b ON a.slug = b.slug WHERE a.organisation_id = $1",
        "SELECT 1 FROM virtual_keys WHERE organisation_id = $1 AND slug IN (SELECT slug FROM virtual_keys)",
        "SELECT 1 FROM virtual_keys WHERE organisation_id = '00000000-0000-0000-0000-000000000001' AND slug IN (SELECT slug FROM virtual_keys WHERE organisation_id = '00000000-0000-0000-0000-000000000002')",
        "SELECT 1 FROM virtual_keys a JOIN virtual_keys b USING (slug)",
        "SELECT count(DISTINCT slug) FROM virtual_keys",
        "SELECT count(DISTINCT a.slug) FROM virtual_keys a, virtual_keys b GROUP BY b.organisation_id",
        "SELECT name AS organisation_id, slug FROM virtual_keys GROUP BY 1, 2",
        "SELECT slug, row_number() OVER (PARTITION BY slug) FROM virtual_keys",
        "SELECT id FROM virtual_keys WHERE slug = $1",
        "SELECT id FROM virtual_keys WHERE organisation_id = $1 OR slug = $2",
        "SELECT id FROM virtual_keys WHERE organisation_id <> $1 AND slug = $2",
        "SELECT 1 FROM virtual_keys a, virtual_keys b WHERE a.slug = b.slug AND a.organisation_id = $1",
        "SELECT 1 FROM virtual_keys a, virtual_keys b WHERE a.slug = b.slug AND a.organisation_id = '00000000-0000-0000-0000-000000000001' AND b.organisation_id = '00000000-0000-0000-0000-000000000002'",
        "SELECT 1 FROM virtual_keys a LEFT JOIN virtual_keys b ON a.organisation_id = $1 WHERE a.slug = $2",
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
            "refused-like",
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
            "SELECT id FROM virtual_keys WHERE organisation_id = $1 AND slug IN (SELECT name FROM virtual_keys)",
            "refused-comparison",
        ),
        (
            "SELECT id FROM virtual_keys WHERE organisation_id = $1 AND slug IN (SELECT $2::text)",
            "refused-comparison",
        ),
        (
            "SELECT id FROM virtual_keys WHERE organisation_id = $1 AND slug IN (VALUES ('x'))",
            "refused-comparison",
        ),
        (
            "SELECT id FROM virtual_keys v JOIN (VALUES ('x')) o (slug) USING (slug) WHERE organisation_id = $1",
            "refused-join",
        ),
        (
            "SELECT array_agg(DISTINCT slug) FROM virtual_keys WHERE organisation_id = $1",
            "refused-aggregate",
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
