//! What the server is asked of names that mean nothing.

use super::verdict;
use crate::plan::Verdict;

fn hollow(sql: &str) -> Option<String> {
    match verdict(sql) {
        Verdict::Refuse(refusal) => refusal.hollow.map(|hollow| hollow.0),
        _ => panic!("{sql}"),
    }
}

#[test]
fn it_holds_no_constant_and_no_comment_and_each_character_in_its_place() {
    let table = [
        (
            "SELECT v.nme, 'sécret', 42 /* ü */ FROM virtual_keys v WHERE v.id = 'b' -- x",
            "SELECT v.nme, NULL    , 11         FROM virtual_keys v WHERE v.id = ' '     ",
        ),
        (
            "SELECT s.nme FROM (SELECT key, E'a\\'b' FROM virtual_keys LIMIT 1.5) s ;",
            "SELECT s.nme FROM (SELECT key, NULL    FROM virtual_keys LIMIT 111) s  ",
        ),
        (
            "SELECT (v).nme FROM virtual_keys v WHERE v.name LIKE'abcd'AND $1 > 7",
            "SELECT (v).nme FROM virtual_keys v WHERE v.name LIKE'    'AND $1 > 1",
        ),
        (
            "SELECT x.key FROM virtual_keys v",
            "SELECT x.key FROM virtual_keys v",
        ),
        (
            "UPDATE \"virtual_keys\" AS \"V\" SET key = 'sk-x' WHERE organisation_id = $1 AND \"V\".nme = 'a'",
            "UPDATE \"virtual_keys\" AS \"V\" SET key = NULL   WHERE organisation_id = $1 AND \"V\".nme = ' '",
        ),
        (
            "SELECT x.* , key FROM virtual_keys",
            "SELECT x.* , key FROM virtual_keys",
        ),
        (
            "UPDATE virtual_keys v SET name = lower(v.slug) WHERE v.nme = slug AND true = NOT false",
            "UPDATE virtual_keys v SET name = lower(v.slug) WHERE v.nme = slug AND true = NOT false",
        ),
        (
            "WITH c AS MATERIALIZED (SELECT 1 AS one), d AS (SELECT key FROM virtual_keys) SELECT d.key, x.* FROM d, c",
            "WITH c AS MATERIALIZED (SELECT 1 AS one), d AS (SELECT key FROM virtual_keys) SELECT d.key, x.* FROM d, c",
        ),
        (
            "SELECT v.nme FROM virtual_keys v JOIN (VALUES (1, 'a')) AS w (x, y) ON w.x = v.id::int4 AND lower(w.y) = v.slug",
            "SELECT v.nme FROM virtual_keys v JOIN (VALUES (1, ' ')) AS w (x, y) ON w.x = v.id::int4 AND lower(w.y) = v.slug",
        ),
        (
            "SELECT \"v\".\"nme\" FROM \"virtual_keys\" \"v\"",
            "SELECT \"v\".\"nme\" FROM \"virtual_keys\" \"v\"",
        ),
        (
            "SELECT \"v\".\"nme\" AS \"c0\" FROM \"virtual_keys\" AS \"v\"",
            "SELECT \"v\".\"nme\" AS \"c0\" FROM \"virtual_keys\" AS \"v\"",
        ),
    ];
    for (sql, expected) in table {
        assert_eq!(hollow(sql).as_deref(), Some(expected), "{sql}");
        assert_eq!(sql.chars().count(), expected.chars().count());
    }
}

#[test]
fn where_a_constant_cannot_be_left_out_nothing_is_asked() {
    for sql in [
        "SELECT v.nme FROM virtual_keys v WHERE v.at > date '2026-01-01'",
        "SELECT v.nme FROM virtual_keys v WHERE v.at > \"date\" '2026-01-01'",
        "SELECT 1; SELECT v.nme FROM virtual_keys v",
        // The value stands in the wrong quotes.
        "UPDATE virtual_keys v SET name = \"sk-secret\", key = NULL WHERE v.nme = 1",
        "SELECT v.nme FROM virtual_keys v WHERE v.slug = \"sk-secret\"",
        "UPDATE virtual_keys v SET name = \"sk-secret\", key = \"sk-secret\" WHERE v.nme = 1",
        "UPDATE virtual_keys v SET key = U&\"sk!002dsecret\" UESCAPE '!' WHERE v.nme = 1",
        // Without any.
        "UPDATE virtual_keys v SET key = sksecret WHERE v.nme = 1",
        "UPDATE virtual_keys v SET (name, key) = (sk.abc, secretive) WHERE v.nme = 1",
        "SELECT v.nme FROM virtual_keys v WHERE v.name IN ('a', sksecret)",
        "SELECT v.nme FROM virtual_keys v WHERE v.name LIKE sksecret",
        "SELECT v.nme FROM virtual_keys v WHERE v.name BETWEEN sksecret AND name",
        "SELECT v.nme FROM virtual_keys v WHERE v.name = CASE WHEN true THEN sksecret ELSE sk END",
        "SELECT v.nme, sksecret FROM virtual_keys v",
        "SELECT v.nme FROM virtual_keys v WHERE v.name IS DISTINCT FROM sksecret",
        "SELECT v.nme FROM virtual_keys v WHERE v.name = sk.sksecret",
        // Nothing is wrong with a name.
        "SELECT upper(key) FROM virtual_keys",
    ] {
        assert_eq!(hollow(sql), None, "{sql}");
    }
}
