//! Several UPDATEs of one text, and one UPDATE of several tenants' rows.

use super::refusals::refused;
use super::{lookup, plan, single, slots};

#[test]
fn a_look_up_that_earlier_updates_cannot_change_is_made_before_all() {
    let sql = "UPDATE virtual_keys SET key = 'a', auth_config = '{}' WHERE id = 'b'; UPDATE virtual_keys v SET key = 'c' WHERE v.id = 'd' AND name IS NOT NULL";
    let plan = plan(sql);
    assert!(
        plan.statements
            .iter()
            .all(|statement| statement.lookup.is_some())
    );
}

#[test]
fn queries_before_it_change_nothing_that_is_asked() {
    let asks = "UPDATE virtual_keys SET key = 'x' WHERE name = 'y'";
    for first in [
        "SELECT 1",
        "SELECT count(*), max(v.name) FROM virtual_keys v, organisations o WHERE v.key IS NULL",
        "WITH o AS (SELECT id FROM organisations) SELECT v.key FROM virtual_keys v JOIN o USING (id)",
        "TABLE virtual_keys",
    ] {
        let sql = format!("{first}; {asks}");
        assert!(plan(&sql).statements[1].lookup.is_some(), "{sql}");
    }
    for first in [
        "SELECT set_config('app.tenant', 'x', false)",
        "SELECT 1 <-> 2",
        "SELECT label FROM key_names",
        "SELECT id FROM organisations FOR UPDATE",
        "WITH d AS (DELETE FROM organisations) SELECT 1",
        "SET app.tenant = 'x'",
    ] {
        refused(&[(&format!("{first}; {asks}"), "refused-lookup")]);
    }
}

#[test]
fn a_look_up_that_they_could_change_is_refused() {
    let asks = "UPDATE virtual_keys SET key = 'x' WHERE name = 'y'";
    let earlier = [
        // What the condition reads, what a foreign key passes on, or the row's tenant.
        "UPDATE virtual_keys SET key = 'a', name = 'b' WHERE id = 'b'",
        "UPDATE virtual_keys SET key = 'a', slug = 'c' WHERE id = 'b'",
        "UPDATE virtual_keys SET organisation_id = 'c', key = 'a' WHERE id = 'b'",
        // Whose effects are not known.
        "UPDATE virtual_keys SET key = 'a' WHERE organisation_id = 'c' AND touch(id)",
        "UPDATE virtual_keys SET auth_config = DEFAULT WHERE id = 'b'",
        "WITH d AS (DELETE FROM organisations) UPDATE virtual_keys SET key = 'a' WHERE organisation_id = 'c'",
        "UPDATE virtual_keys SET key = 'a' WHERE organisation_id = 'c' RETURNING touch(id)",
        "INSERT INTO virtual_keys (organisation_id, key) VALUES ('a', 'b')",
        "DELETE FROM virtual_keys WHERE id = 'b'",
    ];
    let first = earlier.map(|first| format!("{first}; {asks}"));
    let set = "UPDATE virtual_keys SET key = 'a' WHERE id = 'b'";
    let later = [
        // What reads more than it names.
        "UPDATE virtual_keys v SET key = 'x' WHERE v IS NOT NULL",
        "UPDATE virtual_keys SET key = 'x' WHERE ctid = '(0,1)'",
        "UPDATE virtual_keys SET key = 'x' WHERE key IS NULL",
        "UPDATE virtual_keys SET id = 'd' WHERE id = 'b'; UPDATE virtual_keys SET key = 'x' WHERE id = 'd'",
        "UPDATE virtual_keys SET key = 'x' WHERE id IN (SELECT id FROM organisations)",
        "UPDATE virtual_keys v SET key = 'x' FROM organisations o WHERE o.id = v.id",
        "UPDATE virtual_keys SET key = CASE WHEN key IS NULL THEN 'x' END WHERE id = 'b'",
    ];
    let second = later.map(|second| format!("{set}; {second}"));
    for sql in first.iter().chain(&second) {
        refused(&[(sql.as_str(), "refused-lookup")]);
    }
}

#[test]
fn each_branch_of_a_case_is_sealed_for_the_rows_that_take_it() {
    let sql = "UPDATE virtual_keys SET key = (CASE WHEN (virtual_keys.id = $1) THEN $2 WHEN id = $3 THEN $4 ELSE 'e' END)::text, auth_config = '{}' WHERE id IN ($1, $3)";
    let statement = single(sql);
    assert_eq!(
        slots(sql, &statement),
        "key=$2:Text@?0/1 key=$4:Text@?0/2 key='e'@?0/0 auth_config='{}'@?4".replace(":Text", "")
    );
    let asked = lookup(&statement);
    assert!(
        asked.starts_with("SELECT 1::int4 + q.n AS term, q.t::text AS tenant FROM (SELECT DISTINCT CASE WHEN (virtual_keys.id = $1) THEN 1 WHEN id = $2 THEN 2 ELSE 0 END, \"virtual_keys\".\"organisation_id\"::text FROM virtual_keys WHERE id IN ($1, $2)) AS q(n, t) UNION ALL SELECT 4::int4"),
        "{asked}"
    );
    let cases = &statement.lookup.as_ref().unwrap().cases;
    assert_eq!(
        cases[0].number,
        "CASE WHEN (virtual_keys.id = $1) THEN 1 WHEN id = $3 THEN 2 ELSE 0 END"
    );
    let simple = "UPDATE virtual_keys SET key = CASE id WHEN 'a' THEN CASE WHEN slug = 'x' THEN 'b' ELSE 'c' END END";
    assert_eq!(
        slots(simple, &single(simple)),
        "key='b'@?0/1 key='c'@?0/1",
        "an inner CASE belongs to its branch"
    );
}

#[test]
fn a_case_that_cannot_be_asked_for_has_the_tenant_of_all_rows() {
    let table = [
        (
            "UPDATE virtual_keys SET key = CASE WHEN random() < 0.5 THEN 'a' ELSE 'b' END WHERE id = $1",
            "key='a'@?1 key='b'@?1",
        ),
        (
            "UPDATE virtual_keys SET key = COALESCE(key, CASE WHEN id = $1 THEN 'a' END) WHERE id = $2",
            "key='a'@?1",
        ),
        (
            "UPDATE virtual_keys SET key = CASE WHEN id = $1 THEN 'a' ELSE 'b' END WHERE organisation_id = $2",
            "key='a'@$2:2950 key='b'@$2:2950",
        ),
    ];
    for (sql, expected) in table {
        assert_eq!(slots(sql, &single(sql)), expected, "{sql}");
    }
}
