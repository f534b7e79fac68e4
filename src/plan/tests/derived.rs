//! Values that reach a sealed column through a derived table.

use super::{lookup, single, slots};

fn check(table: &[(&str, &str)]) {
    for (sql, expected) in table {
        assert_eq!(slots(sql, &single(sql)), *expected, "{sql}");
    }
}

#[test]
fn rows_of_values_are_sealed_where_they_are_stored() {
    check(&[
        (
            "UPDATE virtual_keys AS k SET key = v.key FROM (VALUES ($1::uuid, $2), ($3, $4)) AS v(id, key) WHERE v.id = k.id AND k.organisation_id = $5",
            "key=$2@$5:2950 key=$4@$5:2950",
        ),
        (
            "UPDATE virtual_keys AS k SET auth_config = v.c::jsonb, name = v.n FROM (VALUES ($1::uuid, $2, $3), ($4, $5, $6)) AS v(id, c, n) WHERE v.id = k.id AND k.organisation_id = $7",
            "auth_config=$2:Text@$7:2950 auth_config=$5:Text@$7:2950",
        ),
        (
            "UPDATE virtual_keys k SET key = v.key FROM (VALUES ($1::uuid, $2::uuid, $3), ($4, $5, $6)) AS v(id, org, key) WHERE v.id = k.id AND k.organisation_id = v.org",
            "key=$3@$2:2950 key=$6@$5:2950",
        ),
        (
            "WITH v(id, key) AS (VALUES ($1::uuid, $2::text)) UPDATE virtual_keys k SET key = v.key FROM v WHERE v.id = k.id",
            "key=$2@?1",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key, name) SELECT v.o, v.k, v.n FROM (VALUES ($1::uuid, $2, $3), ($4::uuid, $5, $6)) v(o, k, n) WHERE v.n <> ''",
            "key=$2@$1:2950 key=$5@$4:2950",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) SELECT * FROM (VALUES ($1::uuid, $2), ($3, $4)) v",
            "key=$2@$1:2950 key=$4@$3:2950",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) SELECT $1::uuid, $2 UNION ALL SELECT $3::uuid, $4",
            "key=$2@$1:2950 key=$4@$3:2950",
        ),
        (
            "WITH x AS (SELECT $1::uuid AS o, $2::text AS k) INSERT INTO virtual_keys (organisation_id, key) SELECT o, k FROM x",
            "key=$2@$1:2950",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) WITH x AS (SELECT $1::uuid AS o, $2::text AS k) SELECT o, k FROM x",
            "key=$2@$1:2950",
        ),
        (
            "UPDATE virtual_keys SET (key, name) = (SELECT $1, $2) WHERE organisation_id = $3",
            "key=$1@$3:2950",
        ),
        (
            "UPDATE virtual_keys SET key = (SELECT v.k FROM (VALUES ($1::uuid, $2)) v(id, k) WHERE v.id = virtual_keys.id) WHERE organisation_id = $3",
            "key=$2@$3:2950",
        ),
        (
            "UPDATE virtual_keys SET key = NULLIF($1, '') WHERE organisation_id = $2",
            "key=$1@$2:2950",
        ),
        (
            "UPDATE virtual_keys SET key = COALESCE(NULLIF($1, ''), key) WHERE organisation_id = $2",
            "key=$1@$2:2950",
        ),
        (
            "UPDATE virtual_keys SET (key, auth_config) = ROW($1, DEFAULT) WHERE organisation_id = $2",
            "key=$1@$2:2950",
        ),
    ]);
}

#[test]
fn arrays_are_sealed_element_by_element() {
    check(&[
        (
            "INSERT INTO virtual_keys (id, organisation_id, key) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[])",
            "key=$3[]@$2[]:2950",
        ),
        (
            "INSERT INTO virtual_keys (id, organisation_id, key, auth_config) SELECT u.id, $1, u.k, u.c::jsonb FROM unnest($2::uuid[], $3::text[], $4::text[]) AS u(id, k, c)",
            "key=$3[]@$1:2950 auth_config=$4:Text[]@$1:2950",
        ),
        (
            "INSERT INTO virtual_keys (id, organisation_id, key) SELECT unnest($1::uuid[]), $2, unnest($3::text[])",
            "key=$3[]@$2:2950",
        ),
        (
            "UPDATE virtual_keys k SET key = u.key FROM unnest($1::uuid[], $2::text[]) AS u(id, key) WHERE k.id = u.id AND k.organisation_id = $3",
            "key=$2[]@$3:2950",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) SELECT $1, u FROM unnest(ARRAY[$2, $3]) u",
            "key=$2@$1:2950 key=$3@$1:2950",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) SELECT * FROM unnest('{a,b}'::uuid[], $1::text[])",
            "key=$1[]@{a,b}[]:2950",
        ),
        // An array beside a list of tenants: each element is its own tenant's.
        (
            "INSERT INTO virtual_keys (organisation_id, key) SELECT * FROM unnest(ARRAY[$1, $2]::uuid[], $3::text[])",
            "key=$3[]@[?1,?2]",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) SELECT o, k FROM unnest(ARRAY[$1]::uuid[], '{x,y}'::text[]) u(o, k)",
            "key='{x,y}'[]@[?1]",
        ),
        (
            "UPDATE virtual_keys v SET key = u.k FROM unnest(ARRAY[$1, $2]::uuid[], $3::text[]) u(o, k) WHERE v.organisation_id = u.o",
            "key=$3[]@[?1,?2]",
        ),
        (
            "INSERT INTO prompt_versions (prompt_id, template) SELECT * FROM unnest(ARRAY[$1, $2]::int[], $3::jsonb[])",
            "template=$3[]@[?1,?2]",
        ),
    ]);
    super::refusals::refused(&[
        // More values than tenants.
        (
            "INSERT INTO virtual_keys (organisation_id, key) SELECT * FROM unnest(ARRAY[$1]::uuid[], ARRAY[$2, $3])",
            "refused-tenant",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) SELECT * FROM unnest('{a,b}'::uuid[], $1::text[]) ON CONFLICT (slug) DO UPDATE SET key = EXCLUDED.key",
            "refused-upsert",
        ),
    ]);
}

#[test]
fn a_lookup_never_repeats_what_is_to_be_sealed() {
    let sql = "UPDATE virtual_keys k SET key = v.key FROM (VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, 'sk-secret'), ($1, $2)) AS v(id, key) WHERE v.id = k.id";
    let statement = single(sql);
    let asked = lookup(&statement);
    assert!(asked.contains("(VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, 'null'), ($1, 'null')) AS v(id, key) WHERE v.id = k.id"), "{asked}");
    assert!(asked.ends_with(" [1]"), "{asked}");
    let sql = "WITH v(id, key) AS (VALUES ($1::uuid, $2::text)) UPDATE virtual_keys k SET key = v.key FROM v WHERE v.id = k.id";
    let asked = lookup(&single(sql));
    assert!(
        asked.contains("(WITH v(id, key) AS (VALUES ($1::uuid, 'null'::text)) SELECT DISTINCT"),
        "{asked}"
    );
}

#[test]
fn merge_seals_all_its_arms() {
    check(&[
        (
            "MERGE INTO virtual_keys t USING (VALUES ($1::uuid, $2::uuid, $3)) s(id, org, key) ON t.id = s.id WHEN MATCHED THEN UPDATE SET key = s.key WHEN NOT MATCHED THEN INSERT (id, organisation_id, key) VALUES (s.id, s.org, s.key)",
            "key=$3@$2:2950",
        ),
        (
            "MERGE INTO virtual_keys t USING (SELECT $1::uuid AS id) s ON t.id = s.id WHEN MATCHED AND t.name = 'a' OR t.name = 'b' THEN UPDATE SET key = $2 WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (s.id, $3, 'n', $4)",
            "key=$2@?1 key=$4@$3:2950",
        ),
        (
            "MERGE INTO virtual_keys USING audit a ON a.note = name WHEN NOT MATCHED THEN DO NOTHING",
            "",
        ),
    ]);
    let source = "MERGE INTO virtual_keys t USING audit a ON a.note = t.name";
    check(&[
        // The condition names the tenant.
        (
            &format!("{source} AND t.organisation_id = $1 WHEN MATCHED THEN UPDATE SET key = $2"),
            "key=$2@$1:2950",
        ),
        (
            &format!(
                "{source} WHEN NOT MATCHED BY SOURCE AND t.organisation_id = $1 THEN UPDATE SET key = $2"
            ),
            "key=$2@$1:2950",
        ),
        (
            "MERGE INTO virtual_keys t USING (VALUES ($1, $2, $3), ($4, $5, $6)) s(id, org, key) ON t.slug = s.id AND t.organisation_id = s.org WHEN MATCHED THEN UPDATE SET key = s.key WHEN NOT MATCHED THEN INSERT (organisation_id, key) VALUES (s.org, s.key)",
            "key=$3@?1 key=$6@?2",
        ),
        // What holds where the source has a row does not where it has none.
        (
            &format!(
                "{source} AND t.organisation_id = $1 WHEN NOT MATCHED BY SOURCE THEN UPDATE SET key = $2"
            ),
            "key=$2@?1",
        ),
        (
            &format!(
                "{source} WHEN NOT MATCHED BY SOURCE AND (t.organisation_id = $1 OR t.name = 'x') THEN UPDATE SET key = $2"
            ),
            "key=$2@?1",
        ),
    ]);
    let by_source = single(&format!(
        "{source} WHEN MATCHED THEN UPDATE SET key = $1 WHEN NOT MATCHED BY SOURCE AND t.name = $2 OR t.slug = 'y' THEN UPDATE SET key = $3"
    ));
    assert_eq!(
        lookup(&by_source),
        "SELECT 1::int4 AS term, q.t::text AS tenant FROM (SELECT DISTINCT \"t\".\"organisation_id\"::text FROM virtual_keys t JOIN audit a ON a.note = t.name UNION SELECT DISTINCT \"t\".\"organisation_id\"::text FROM virtual_keys t WHERE NOT EXISTS (SELECT FROM audit a WHERE a.note = t.name) AND ((t.name = $1 OR t.slug = 'y'))) AS q(t) [2]"
    );
    // The server rejects this one, and shall be able to.
    let unreachable = single(&format!(
        "{source} WHEN MATCHED THEN UPDATE SET key = $1 WHEN MATCHED AND t.name = 'x' THEN DELETE"
    ));
    assert!(unreachable.none_matched.is_empty());
    super::refusals::refused(&[(
        &format!("{source} WHEN NOT MATCHED BY SOURCE AND random() < 0.5 THEN UPDATE SET key = $1"),
        "refused-lookup",
    )]);
    let sql = "MERGE INTO virtual_keys t USING (SELECT $1::uuid AS id) s ON t.id = s.id WHEN MATCHED AND t.name = 'a' OR t.name = 'b' THEN UPDATE SET key = $2";
    let statement = single(sql);
    let mut text = sql.to_owned();
    for splice in statement.none_matched.iter().rev() {
        text.replace_range(splice.span.clone(), &splice.text);
    }
    assert!(
        text.contains("WHEN MATCHED AND false AND ( t.name = 'a' OR t.name = 'b' ) THEN"),
        "{text}"
    );
    assert!(lookup(&statement).contains("SELECT DISTINCT \"t\".\"organisation_id\"::text FROM virtual_keys t JOIN (SELECT $1::uuid AS id) s ON t.id = s.id"));
}

#[test]
fn rows_are_cloned_with_their_tenant() {
    check(&[(
        "INSERT INTO virtual_keys (id, organisation_id, key) SELECT $1, organisation_id, key FROM virtual_keys WHERE id = $2",
        "",
    )]);
}

#[test]
fn an_insert_without_columns_names_them() {
    let statement = single("INSERT INTO virtual_keys AS k VALUES ($1, $2, $3, $4)");
    assert_eq!(
        statement.splices[0].text,
        " (\"id\", \"organisation_id\", \"name\", \"key\")"
    );
}
