use super::{
    Verdict, lookup, outputs, plan_in, plan_with, protected, relation, sealed, single, single_with,
    slots, unsealing,
};
use crate::catalog::Catalog;
use crate::model::ValueKind;
use crate::plan::Planner;
use crate::rules::{Protection, Tenant};
use std::collections::HashMap;
use std::sync::Arc;

const ORG: &str = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";

#[test]
fn what_is_stored_in_a_column_that_is_unsealed_goes_as_it_is() {
    for (sql, sealed) in [
        (
            "INSERT INTO virtual_keys (id, organisation_id, key, auth_config) VALUES ($1, $2, $3, $4), ($5, $2, 'x', NULL)",
            "auth_config=$4@$2:2950",
        ),
        (
            "INSERT INTO virtual_keys (id, key) SELECT * FROM (VALUES ($1::uuid, $2), ($3, $4)) v",
            "",
        ),
        (
            "UPDATE virtual_keys SET key = NULLIF($2, 'none') WHERE id = $1",
            "",
        ),
        (
            "UPDATE virtual_keys SET key = CASE WHEN id = $1 THEN $2 ELSE COALESCE(key, $2) END",
            "",
        ),
        (
            "INSERT INTO virtual_keys (id, key, name) VALUES ($1, $2, $2) ON CONFLICT (id) DO UPDATE SET key = EXCLUDED.key",
            "",
        ),
    ] {
        let plan = single_with(&unsealing(), sql);
        assert_eq!(slots(sql, &plan), sealed, "{sql}");
        assert_eq!(lookup(&plan), "", "{sql}");
        assert_eq!(plan.left_plain.len(), 1, "{sql}");
        assert!(plan.copies.is_empty(), "{sql}");
    }
    let sql = "UPDATE virtual_keys SET key = $2, auth_config = $3 WHERE id = $1";
    let plan = single_with(&unsealing(), sql);
    assert_eq!(slots(sql, &plan), "auth_config=$3@?1");
    // What the server would compute with may be ciphertext still.
    for sql in [
        "UPDATE virtual_keys SET key = key || 'x'",
        "UPDATE virtual_keys SET key = name",
        "SELECT id FROM virtual_keys WHERE key = 'x'",
    ] {
        assert!(
            matches!(plan_with(&unsealing(), sql), Verdict::Refuse(_)),
            "{sql}"
        );
    }
    let plan = single_with(&unsealing(), "SELECT key FROM virtual_keys");
    assert_eq!(outputs(&plan), "!key");
}

#[test]
fn inserts_are_sealed_slot_by_slot() {
    let table = [
        (
            "INSERT INTO virtual_keys (id, organisation_id, key) VALUES ($1, $2, $3)",
            "key=$3@$2:2950",
        ),
        (
            "INSERT INTO public.virtual_keys (id, organisation_id, key) VALUES ($1, $2, $3)",
            "key=$3@$2:2950",
        ),
        (
            "INSERT INTO \"public\".\"virtual_keys\" (\"id\", \"organisation_id\", \"key\", \"auth_config\") VALUES ($1, $2, $3, $4) RETURNING \"public\".\"virtual_keys\".\"id\"",
            "key=$3@$2:2950 auth_config=$4@$2:2950",
        ),
        (
            "INSERT INTO virtual_keys VALUES ($1, $2, $3, $4, $5, $6)",
            "key=$4@$2:2950 auth_config=$5@$2:2950",
        ),
        (
            "insert into VIRTUAL_KEYS as k (organisation_id, KEY) values ($1, $2) returning k.*",
            "key=$2@$1:2950",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) VALUES ($1, $2), ($3, $4)",
            "key=$2@$1:2950 key=$4@$3:2950",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) VALUES ($1, NULL)",
            "",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) VALUES ($1, DEFAULT)",
            "",
        ),
        (
            "INSERT INTO virtual_keys (id, organisation_id, key) VALUES (DEFAULT, $1, $2) RETURNING *",
            "key=$2@$1:2950",
        ),
        ("INSERT INTO virtual_keys DEFAULT VALUES", ""),
        ("INSERT INTO virtual_keys (id, name) VALUES ($1, $2)", ""),
        (
            "INSERT INTO virtual_keys (organisation_id, auth_config) VALUES ($1::UUID, $2::JSONB) RETURNING virtual_keys.id",
            "auth_config=$2@$1:2950",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, auth_config) VALUES ($1, CAST($2 AS jsonb))",
            "auth_config=$2@$1:2950",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, auth_config) VALUES ($1, ($2::text)::jsonb)",
            "auth_config=$2:Text@$1:2950",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, auth_config) VALUES ($1, COALESCE($2, $3))",
            "auth_config=$2@$1:2950 auth_config=$3@$1:2950",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) OVERRIDING SYSTEM VALUE VALUES ($1, $2)",
            "key=$2@$1:2950",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) SELECT $1, $2",
            "key=$2@$1:2950",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM virtual_keys WHERE id = $3)",
            "key=$2@$1:2950",
        ),
        (
            "INSERT INTO settings (id, secret) VALUES (1, $1)",
            "secret=$1@?1",
        ),
        (
            "INSERT INTO prompt_versions (prompt_id, template) VALUES ($1, $2)",
            "template=$2@?1",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key, auth_config) SELECT p0::UUID, p1::VARCHAR, p2::JSONB FROM (VALUES ($1, $2, $3, 0), ($4, $5, $6, 1)) AS imp_sen(p0, p1, p2, sen_counter) ORDER BY sen_counter RETURNING virtual_keys.id, virtual_keys.id AS id__1",
            "key=$2@?1 key=$5@?2 auth_config=$3:Text@?1 auth_config=$6:Text@?2",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            "key=$2@$1:2950",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) SELECT $1, $2 ON CONFLICT DO NOTHING",
            "key=$2@$1:2950",
        ),
        (
            "WITH x AS (SELECT 1) INSERT INTO virtual_keys (organisation_id, key) SELECT $1::uuid, $2 UNION ALL SELECT $3, $4 ON CONFLICT (id) DO NOTHING RETURNING id",
            "key=$2@$1:2950 key=$4@$3:2950",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, slug, key) VALUES ($1, $2, $3) ON CONFLICT (organisation_id, slug) DO UPDATE SET key = EXCLUDED.key, name = 'x'",
            "key=$3@$1:2950",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, slug, key) VALUES ($1, $2, $3) ON CONFLICT ON CONSTRAINT virtual_keys_slug DO UPDATE SET key = $4",
            "key=$3@$1:2950 key=$4@$1:2950",
        ),
    ];
    for (sql, expected) in table {
        assert_eq!(slots(sql, &single(sql)), expected, "{sql}");
    }
}

#[test]
fn inlined_literals_are_sealed_where_they_stand() {
    let table = [
        (
            "INSERT INTO \"virtual_keys\" (\"organisation_id\", \"key\") VALUES ('ORG'::uuid, 'sk-1') RETURNING \"virtual_keys\".\"id\"",
            "key='sk-1'@ORG",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) VALUES ('ORG', E'a\\'b')",
            "key=E'a\\'b'@ORG",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) VALUES ('ORG', $q$it's$q$)",
            "key=$q$it's$q$@ORG",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) VALUES ('ORG', U&'\\0061')",
            "key=U&'\\0061'@ORG",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, auth_config) VALUES ('ORG', '{\"a\": 1}'::jsonb)",
            "auth_config='{\"a\": 1}'@ORG",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, auth_config) VALUES ('ORG', jsonb '{}')",
            "auth_config='{}'@ORG",
        ),
        (
            "UPDATE virtual_keys SET key = 'x' WHERE organisation_id = 'ORG' AND id = 'ORG'",
            "key='x'@ORG",
        ),
        (
            "/* c */ UPDATE virtual_keys SET key = /* -- */ 'x' -- tail\n WHERE (organisation_id = 'ORG')",
            "key='x'@ORG",
        ),
    ];
    for (sql, expected) in table {
        let (sql, expected) = (sql.replace("ORG", ORG), expected.replace("ORG", ORG));
        assert_eq!(slots(&sql, &single(&sql)), expected, "{sql}");
    }
}

#[test]
fn updates_find_their_tenant() {
    let own = "SELECT 1::int4 AS term, q.t::text AS tenant FROM (SELECT DISTINCT \"virtual_keys\".\"organisation_id\"::text FROM ";
    let table = [
        ("UPDATE virtual_keys SET key = $1 WHERE id = $2 AND organisation_id = $3", "key=$1@$3:2950", String::new()),
        ("UPDATE virtual_keys SET key = $1 WHERE $3 = organisation_id AND id = $2", "key=$1@$3:2950", String::new()),
        ("UPDATE virtual_keys SET key = $1 WHERE id = $2", "key=$1@?1", format!("{own}virtual_keys WHERE id = $1) AS q(t) [2]")),
        ("UPDATE \"public\".\"virtual_keys\" SET \"key\" = $1 WHERE (\"public\".\"virtual_keys\".\"id\" = $2 AND 1=1) RETURNING \"id\"", "key=$1@?1", format!("{own}\"public\".\"virtual_keys\" WHERE (\"public\".\"virtual_keys\".\"id\" = $1 AND 1=1)) AS q(t) [2]")),
        ("UPDATE virtual_keys AS virtual_keys SET key = $1 FROM organisations o WHERE o.id = organisation_id AND o.name = $2", "key=$1@?1", format!("{own}virtual_keys AS virtual_keys, organisations o WHERE o.id = organisation_id AND o.name = $1) AS q(t) [2]")),
        ("UPDATE virtual_keys SET (key, auth_config) = ($1, $2) WHERE organisation_id = $3", "key=$1@$3:2950 auth_config=$2@$3:2950", String::new()),
        ("UPDATE virtual_keys SET key = COALESCE($1, key) WHERE organisation_id = $2", "key=$1@$2:2950", String::new()),
        ("UPDATE virtual_keys SET key = CASE WHEN id = $1 THEN $2 ELSE key END WHERE organisation_id = $3", "key=$2@$3:2950", String::new()),
        ("UPDATE virtual_keys SET key = key, name = $1 WHERE id = $2", "", String::new()),
        ("UPDATE virtual_keys SET name = $1 WHERE id = $2", "", String::new()),
        ("UPDATE virtual_keys SET key = NULL WHERE id = $1", "", String::new()),
        ("UPDATE settings SET secret = $1", "secret=$1@?1", "SELECT 1::int4 AS term, q.t::text AS tenant FROM (SELECT pg_catalog.current_setting('app.tenant', true)) AS q(t) []".to_owned()),
    ];
    for (sql, expected, asked) in table {
        let statement = single(sql);
        assert_eq!(slots(sql, &statement), expected, "{sql}");
        assert_eq!(lookup(&statement), asked, "{sql}");
    }
}

#[test]
fn a_child_row_asks_its_parent() {
    let sql = "UPDATE prompt_versions SET template = $1 WHERE id = $2";
    let statement = single(sql);
    assert_eq!(slots(sql, &statement), "template=$1@?1");
    let asked = lookup(&statement);
    assert!(
        asked.contains("pgseal_parent.\"id\" = \"prompt_versions\".\"prompt_id\""),
        "{asked}"
    );
    assert_eq!(statement.lookup.as_ref().unwrap().zero_rows_ok, [1]);
    assert_eq!(statement.none_matched.len(), 2);
    let sql = "INSERT INTO prompt_versions (prompt_id, template) VALUES ($1, $2)";
    assert_eq!(
        lookup(&single(sql)),
        "SELECT 1::int4 AS term, q.t::text AS tenant FROM (SELECT DISTINCT p.\"organisation_id\"::text FROM ONLY \"public\".\"prompts\" AS p WHERE p.\"id\" = $1::\"int4\") AS q(t) [1]"
    );
}

#[test]
fn saving_a_whole_row_keeps_its_tenant() {
    let sql = "UPDATE virtual_keys SET organisation_id = $1, key = $2 WHERE virtual_keys.id = $3";
    let statement = single(sql);
    assert_eq!(slots(sql, &statement), "key=$2@$1:2950");
    assert_eq!(statement.lookup.as_ref().unwrap().must_equal, [(0, 1)]);
    let sql = "INSERT INTO virtual_keys (id, organisation_id, key) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET organisation_id = EXCLUDED.organisation_id, key = EXCLUDED.key";
    let statement = single(sql);
    assert_eq!(slots(sql, &statement), "key=$3@$2:2950");
    assert_eq!(statement.lookup.as_ref().unwrap().must_equal, [(0, 1)]);
    assert!(lookup(&statement).contains("WHERE t.\"id\" = $1::\"uuid\""));
}

#[test]
fn a_parameter_in_two_roles_gets_a_copy() {
    let sql = "INSERT INTO virtual_keys (organisation_id, name, key, auth_config) VALUES ($1, $2, $2, $3)";
    let statement = single(sql);
    assert_eq!(
        slots(sql, &statement),
        "key=$4@$1:2950 auth_config=$3@$1:2950"
    );
    assert_eq!(statement.copies.len(), 1);
    assert_eq!(statement.copies[0].original, 2);
    assert_eq!(statement.splices[0].text, "$4");
    let sql = "INSERT INTO virtual_keys (organisation_id, key, auth_config) VALUES ($1, $2, $2)";
    assert_eq!(
        slots(sql, &single(sql)),
        "key=$2@$1:2950 auth_config=$3@$1:2950"
    );
}

#[test]
fn declared_types_say_how_a_value_is_written() {
    let sql = "INSERT INTO virtual_keys (organisation_id, auth_config) VALUES ($1, $2::jsonb)";
    let super::Verdict::Protect(plan) = plan_in(sql, &[2950, 1043], &HashMap::new()) else {
        panic!("{sql}")
    };
    assert_eq!(
        slots(sql, &plan.statements[0]),
        "auth_config=$2:Text@$1:2950"
    );
    assert!(matches!(
        plan_in(sql, &[2950, 23], &HashMap::new()),
        super::Verdict::Refuse(_)
    ));
    // A text column would hold the text form of a sealed document.
    let sql = "INSERT INTO virtual_keys (organisation_id, key) VALUES ($1, $2)";
    for declared in [114, 3802, 17] {
        assert!(matches!(
            plan_in(sql, &[2950, declared], &HashMap::new()),
            super::Verdict::Refuse(_)
        ));
    }
}

#[test]
fn a_long_condition_does_not_exhaust_the_stack() {
    let chain = (0..450)
        .map(|at| format!("name = '{at}'"))
        .collect::<Vec<_>>()
        .join(" OR ");
    let sql = format!("UPDATE virtual_keys SET key = $1 WHERE organisation_id = $2 AND ({chain})");
    let worker = std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(move || slots(&sql, &single(&sql)))
        .unwrap();
    assert_eq!(worker.join().unwrap(), "key=$1@$2:2950");
}

#[test]
fn a_tenant_that_equality_does_not_spell_is_asked_for() {
    let relations = [("money", 1700), ("padded", 1042)].map(|(name, of)| {
        let oid = u32::try_from(of).unwrap();
        let columns = [("id", "int4", 23), ("org", name, oid), ("pin", "text", 25)];
        relation(oid, name, &columns, &[])
    });
    let tables = relations.iter().map(|relation| {
        let (oid, name) = (relation.oid.0, relation.name.as_str());
        let tenant = Tenant::Column {
            name: "org".into(),
            attnum: 2,
        };
        protected(
            oid,
            name,
            tenant,
            vec![sealed(oid, name, 3, "pin", ValueKind::Text)],
        )
    });
    let protection = Protection {
        epoch: 1,
        tables: tables.collect(),
        ..Protection::default()
    };
    let catalog = Catalog::new(1, relations.clone().into(), Vec::new());
    let planner = Planner::new(Arc::new(catalog), Arc::new(protection));
    let asked = |table: &str| {
        let sql = format!("UPDATE {table} SET pin = 'x' WHERE org = '1.0'");
        single_with(&planner, &sql)
            .lookup
            .as_ref()
            .unwrap()
            .sql
            .clone()
    };
    // 1.0 and 1 are equal, and two tenants: the rows say which they are.
    assert!(asked("money").contains("FROM money WHERE org = '1.0'"));
    assert!(!asked("padded").contains("FROM padded"));
}
