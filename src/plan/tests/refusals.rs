use super::{Verdict, plan_with, tenants_below, verdict};

/// Statements and the anchors of their refusals.
pub(super) fn refused(table: &[(&str, &str)]) {
    let mut wrong = String::new();
    for (sql, anchor) in table {
        let found = match verdict(sql) {
            Verdict::Refuse(refusal) => {
                assert_eq!(refusal.sqlstate, "0A000", "{sql}");
                let hint = refusal.hint.unwrap();
                if hint.ends_with(&format!("See docs/errors.md#{anchor}.")) {
                    continue;
                }
                format!("{} {hint}", refusal.message)
            }
            Verdict::Protect(_) => "planned".to_owned(),
            Verdict::Forward => "forwarded".to_owned(),
            Verdict::Resolve(_) => "asks".to_owned(),
        };
        wrong.push_str(&format!("{sql}\n  {found}\n"));
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_ciphertext_does_not_allow_is_refused() {
    let table = [
        (
            "SELECT id FROM virtual_keys WHERE key = $1",
            "refused-comparison",
        ),
        (
            "SELECT id FROM virtual_keys WHERE key LIKE 'a%'",
            "refused-like",
        ),
        (
            "SELECT id FROM virtual_keys WHERE key IN ($1, $2)",
            "refused-comparison",
        ),
        (
            "SELECT id FROM virtual_keys WHERE $1 IN (SELECT key FROM virtual_keys)",
            "refused-comparison",
        ),
        (
            "SELECT id FROM virtual_keys WHERE key = ANY($1)",
            "refused-comparison",
        ),
        ("SELECT auth_config->>'a' FROM virtual_keys", "refused-part"),
        ("SELECT auth_config @> $1 FROM virtual_keys", "refused-part"),
        ("SELECT id FROM virtual_keys ORDER BY key", "refused-order"),
        (
            "SELECT key AS k FROM virtual_keys ORDER BY k",
            "refused-order",
        ),
        (
            "SELECT id, key FROM virtual_keys ORDER BY 2",
            "refused-order",
        ),
        ("SELECT DISTINCT key FROM virtual_keys", "refused-group"),
        (
            "SELECT DISTINCT id::text, key FROM virtual_keys",
            "refused-group",
        ),
        (
            "SELECT DISTINCT organisation_id, slug, key FROM virtual_keys",
            "refused-group",
        ),
        (
            "SELECT DISTINCT id, template FROM prompt_versions",
            "refused-group",
        ),
        (
            "SELECT DISTINCT a.id, b.key FROM virtual_keys a, virtual_keys b",
            "refused-group",
        ),
        (
            "SELECT a.id, b.key FROM virtual_keys a, virtual_keys b GROUP BY a.id, b.key",
            "refused-group",
        ),
        (
            "WITH x AS (SELECT id, key FROM virtual_keys) SELECT DISTINCT a.id, b.key FROM x a, x b",
            "refused-group",
        ),
        (
            "SELECT DISTINCT id, key FROM (SELECT id, key FROM virtual_keys UNION ALL SELECT id, key FROM virtual_keys) x",
            "refused-group",
        ),
        (
            "SELECT count(DISTINCT (name, key)) FROM virtual_keys",
            "refused-aggregate",
        ),
        (
            "SELECT key, count(*) FROM virtual_keys GROUP BY key",
            "refused-group",
        ),
        (
            "SELECT key, count(*) FROM virtual_keys GROUP BY 1",
            "refused-group",
        ),
        (
            "SELECT key FROM virtual_keys UNION SELECT note FROM audit",
            "refused-set-operation",
        ),
        (
            "SELECT key FROM virtual_keys EXCEPT SELECT note FROM audit",
            "refused-set-operation",
        ),
        (
            "SELECT row_number() OVER (ORDER BY key) FROM virtual_keys",
            "refused-order",
        ),
        (
            "SELECT v.id FROM virtual_keys v JOIN audit a USING (key)",
            "refused-join",
        ),
        (
            "SELECT v.id FROM virtual_keys v NATURAL JOIN audit a",
            "refused-join",
        ),
        (
            "SELECT v.id FROM virtual_keys v JOIN audit a ON a.key = v.key",
            "refused-comparison",
        ),
        ("SELECT lower(key) FROM virtual_keys", "refused-function"),
        (
            "SELECT count(DISTINCT key) FROM virtual_keys",
            "refused-aggregate",
        ),
        ("SELECT max(key) FROM virtual_keys", "refused-aggregate"),
        ("SELECT key::bytea FROM virtual_keys", "refused-cast"),
        ("SELECT h FROM key_hashes", "refused-view"),
        // Somebody may have stored a sealed value in the name.
        (
            "SELECT concat(name, key) FROM virtual_keys",
            "refused-function",
        ),
        (
            "SELECT string_agg(key, name) FROM virtual_keys",
            "refused-aggregate",
        ),
        (
            "SELECT format('%s', key, $1) FROM virtual_keys",
            "refused-function",
        ),
        (
            "SELECT COALESCE(key, 'a') || name FROM virtual_keys",
            "refused-operator",
        ),
        // What the plaintext would have given is not known.
        (
            "SELECT concat(auth_config, auth_config::json::jsonb) FROM virtual_keys",
            "refused-cast",
        ),
        (
            "SELECT format('%L', key) FROM virtual_keys",
            "refused-function",
        ),
        (
            "SELECT format('%10s', key) FROM virtual_keys",
            "refused-function",
        ),
        (
            "SELECT auth_config || '{}' FROM virtual_keys",
            "refused-operator",
        ),
        ("SELECT key::jsonb FROM virtual_keys", "refused-cast"),
        ("SELECT key::varchar(3) FROM virtual_keys", "refused-cast"),
        (
            "SELECT jsonb_build_object(key, 1) FROM virtual_keys",
            "refused-function",
        ),
        (
            "SELECT jsonb_build_object(name, key) FROM virtual_keys",
            "refused-function",
        ),
        (
            "SELECT jsonb_pretty(to_jsonb(v)) FROM virtual_keys v",
            "refused-function",
        ),
        ("SELECT NULLIF(key, '') FROM virtual_keys", "refused-nullif"),
        (
            "SELECT DISTINCT row_to_json(v)::text FROM virtual_keys v",
            "refused-group",
        ),
        (
            "SELECT array_agg(DISTINCT key) FROM virtual_keys",
            "refused-aggregate",
        ),
        ("SELECT v FROM virtual_keys v ORDER BY v", "refused-order"),
        (
            "SELECT CASE WHEN id = $1 THEN to_json(key) ELSE to_json(v) END FROM virtual_keys v",
            "refused-row",
        ),
        // The place of x in the result is not known.
        (
            "SELECT * FROM unknown_table, (SELECT COALESCE(key, '') AS x FROM virtual_keys) s",
            "refused-row",
        ),
        ("SELECT make_key('secret')", "refused-function-call"),
        ("SELECT * FROM make_key('secret')", "refused-function-call"),
        (
            "EXECUTE unknown(make_key('secret'))",
            "refused-function-call",
        ),
        (
            "SELECT key || 'x' AS k INTO copy FROM virtual_keys",
            "refused-create-table-as",
        ),
    ];
    refused(&table);
}

/// By its name, by an operator or by a cast.
#[test]
fn a_function_over_a_protected_table_runs_under_no_other_name() {
    for sql in [
        "SELECT 1 @@@ 2",
        "SELECT @@@ 2",
        "SELECT note FROM audit WHERE id OPERATOR(public.@@@) ANY (ARRAY[1])",
        "SELECT id FROM audit ORDER BY id USING @@@",
        "INSERT INTO audit (note) VALUES ('x'::made_key)",
        "SELECT CAST((SELECT note AS made_key FROM audit) AS public.\"made_key\")",
        "SELECT CASE WHEN true THEN note::text::Made_Key[] END FROM audit",
        "SELECT made_key(note) FROM audit",
        "COPY audit FROM STDIN WHERE id @@@ 1 > 0",
        "COPY (SELECT 1 @@@ 2) TO STDOUT",
        "CREATE VIEW v AS SELECT 1 @@@ 2",
        "CREATE TABLE t AS SELECT note::made_key FROM audit",
        "PREPARE p AS SELECT $1 @@@ 2",
        "DECLARE c CURSOR FOR SELECT 1 @@@ 2",
        "EXPLAIN ANALYZE SELECT 1 @@@ 2",
        "EXECUTE unknown(1 @@@ 2)",
        // `row.name` calls a function of the row.
        "SELECT a.newest_key FROM audit a",
        "SELECT (a).newest_key FROM audit a",
        "SELECT ((q.a)).newest_key FROM (SELECT a FROM audit a) q",
        "SELECT x.newest_key FROM unknown_table x",
        "SELECT (v).newest_key, v.id FROM (SELECT id, name FROM virtual_keys) v",
        "SELECT (w).newest_key FROM virtual_keys w (a, b)",
        "SELECT (a).made_key FROM audit a",
        "UPDATE audit a SET note = (a).newest_key",
        "DELETE FROM audit WHERE audit.newest_key IS NULL",
    ] {
        refused(&[(sql, "refused-function-call")]);
    }
    refused(&[
        ("DO $$ BEGIN PERFORM 1@@@2; END $$", "refused-code"),
        (
            "SELECT query_to_xml('SELECT 1 @@@ 2', true, true, '')",
            "refused-code",
        ),
    ]);
    for sql in [
        "SELECT 1 ### 2",
        "SELECT q.newest_key, (q).newest_key FROM (SELECT note AS newest_key FROM audit) q",
        "SELECT newest_key FROM unknown_table",
        "SELECT 1 = 2",
        "SELECT '@@@', 'made_key' -- @@@",
        "SELECT m.made_key, CAST((SELECT m.made_key AS made_key) AS text) FROM (SELECT note AS made_key FROM audit) m",
        "CREATE OPERATOR CLASS c FOR TYPE int USING btree AS OPERATOR 1 @@@",
        "COMMENT ON OPERATOR @@@ (int, int) IS 'x'",
        "ALTER OPERATOR @@@ (int, int) SET SCHEMA other",
        "DROP OPERATOR @@@ (int, int)",
        "DROP CAST (text AS made_key)",
        "CREATE CAST (int AS made_key) WITH INOUT",
        "ALTER TYPE made_key ADD VALUE 'x'",
        "CREATE TABLE t (a made_key)",
    ] {
        match verdict(sql) {
            Verdict::Refuse(refusal) => panic!("{sql}: {}", refusal.message),
            Verdict::Resolve(_) => panic!("{sql}"),
            // What is planned holds nothing sealed.
            Verdict::Forward | Verdict::Protect(_) => {}
        }
    }
}

#[test]
fn values_that_cannot_be_sealed_are_refused() {
    let table = [
        (
            "INSERT INTO virtual_keys (organisation_id, key) VALUES ($1, 12345)",
            "refused-number",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) VALUES ($1, 'a' || 'b')",
            "refused-stored-value",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) VALUES ($1, lower($2))",
            "refused-stored-value",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) VALUES ($1, md5('secret'))",
            "refused-stored-value",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) VALUES ($1, $2::varchar(10))",
            "refused-cast",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) VALUES ($1, $2::jsonb)",
            "refused-cast",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) VALUES ($1, (SELECT note FROM audit))",
            "refused-stored-value",
        ),
        (
            "INSERT INTO virtual_keys (key) VALUES ($1)",
            "refused-tenant",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) VALUES (DEFAULT, $1)",
            "refused-tenant",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) VALUES (NULL, $1)",
            "refused-tenant",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) SELECT id, name FROM organisations",
            "refused-stored-value",
        ),
        (
            "INSERT INTO virtual_keys (organisation_id, key) SELECT $1, note FROM audit",
            "refused-stored-value",
        ),
        (
            "INSERT INTO audit (note) SELECT key FROM virtual_keys",
            "refused-stored-value",
        ),
        (
            "UPDATE audit SET note = (SELECT key FROM virtual_keys)",
            "refused-stored-value",
        ),
        (
            "UPDATE virtual_keys SET key = name WHERE organisation_id = $1",
            "refused-stored-value",
        ),
        // As PostgREST writes: the values stand in one document.
        (
            r#"WITH pgrst_source AS (INSERT INTO "public"."virtual_keys"("key", "organisation_id") SELECT "pgrst_body"."key", "pgrst_body"."organisation_id" FROM (SELECT $1 AS json_data) pgrst_payload, LATERAL (SELECT "key", "organisation_id" FROM json_to_recordset(pgrst_payload.json_data) AS _("key" text, "organisation_id" uuid)) pgrst_body RETURNING 1) SELECT pg_catalog.count(_postgrest_t) AS page_total FROM (SELECT * FROM pgrst_source) _postgrest_t"#,
            "refused-stored-value",
        ),
        (
            "UPDATE virtual_keys v SET key = w.key FROM virtual_keys w WHERE v.organisation_id = $1",
            "refused-stored-value",
        ),
        ("UPDATE virtual_keys SET name = key", "refused-stored-value"),
        (
            "UPDATE virtual_keys SET key = concat($1, key) WHERE organisation_id = $2",
            "refused-stored-value",
        ),
        (
            "UPDATE virtual_keys SET organisation_id = (SELECT id FROM organisations LIMIT 1)",
            "refused-tenant-change",
        ),
        (
            "UPDATE virtual_keys SET organisation_id = id",
            "refused-tenant-change",
        ),
        (
            "UPDATE virtual_keys SET key = $1 WHERE random() < 0.5",
            "refused-lookup",
        ),
        (
            "UPDATE virtual_keys SET key = $1 WHERE id IN (SELECT id FROM organisations LIMIT 1)",
            "refused-lookup",
        ),
        (
            "INSERT INTO key_secrets (secret) VALUES ('x')",
            "refused-view",
        ),
        ("UPDATE key_names SET label = 'x'", "refused-view"),
        (
            "INSERT INTO virtual_keys (organisation_id, key) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET key = EXCLUDED.key",
            "refused-upsert",
        ),
        (
            "UPDATE audit SET note = 'a'; UPDATE virtual_keys SET key = 'x' WHERE name = 'y'",
            "refused-lookup",
        ),
    ];
    refused(&table);
}

#[test]
fn commands_that_carry_or_lose_protection_are_refused() {
    let table = [
        (
            "MERGE INTO virtual_keys t USING audit a ON a.note = t.name WHEN MATCHED THEN UPDATE SET key = a.note",
            "refused-stored-value",
        ),
        (
            "UPDATE virtual_keys t SET key = v.k FROM (VALUES ($1, $2)) v(n, k) WHERE v.n = t.name AND v.k <> ''",
            "refused-two-uses",
        ),
        (
            "CREATE TABLE copy AS SELECT key || 'x' FROM virtual_keys",
            "refused-create-table-as",
        ),
        (
            "CREATE TABLE p PARTITION OF virtual_keys FOR VALUES IN ('a'); INSERT INTO p (key) VALUES ('x')",
            "refused-new-relation",
        ),
        (
            "DO $$ BEGIN UPDATE virtual_keys SET key = 'x'; END $$",
            "refused-code",
        ),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT count(*) FROM virtual_keys'",
            "refused-code",
        ),
        (
            "CREATE TRIGGER t BEFORE INSERT ON virtual_keys FOR EACH ROW EXECUTE FUNCTION f()",
            "refused-code",
        ),
        (
            "CREATE VIEW v AS SELECT upper(key) FROM virtual_keys",
            "refused-function",
        ),
        ("CREATE INDEX ON virtual_keys (key)", "refused-index"),
        ("CREATE INDEX ON virtual_keys (lower(key))", "refused-index"),
        (
            "ALTER TABLE virtual_keys ALTER COLUMN key TYPE varchar(10)",
            "refused-ddl",
        ),
        (
            "ALTER TABLE virtual_keys RENAME COLUMN key TO k",
            "refused-rename",
        ),
        ("ALTER TABLE virtual_keys RENAME TO keys", "refused-rename"),
        (
            "ALTER TABLE virtual_keys SET SCHEMA other",
            "refused-rename",
        ),
        (
            "ALTER TABLE virtual_keys DROP COLUMN organisation_id",
            "refused-ddl",
        ),
        (
            "SELECT 1 FROM virtual_keys WHERE /* unterminated",
            "refused-limits",
        ),
        ("SELECT virtual_keys.key FROM", "refused-syntax"),
    ];
    refused(&table);
}

#[test]
fn positions_count_characters() {
    let Verdict::Refuse(refusal) = verdict("SELECT 'é', lower(key) FROM virtual_keys") else {
        panic!()
    };
    assert_eq!(refusal.position, Some(19));
    assert!(
        refusal.message.contains("public.virtual_keys.key"),
        "{}",
        refusal.message
    );
}

#[test]
fn a_misspelt_command_is_the_servers_error() {
    for (sql, word, position) in [
        ("SELCT key FROM virtual_keys", "SELCT", 1),
        (
            "SELECT 1; insrt INTO virtual_keys VALUES ('x')",
            "insrt",
            11,
        ),
    ] {
        let Verdict::Refuse(refusal) = verdict(sql) else {
            panic!("{sql}")
        };
        assert_eq!(refusal.sqlstate, "42601");
        assert_eq!(
            refusal.message,
            format!("syntax error at or near \"{word}\"")
        );
        assert_eq!(refusal.position, Some(position));
    }
    refused(&[("LOAD 'virtual_keys', virtual_keys", "refused-syntax")]);
}

/// The construct's own words where the parser has no grammar for it.
#[test]
fn what_cannot_be_read_is_named() {
    let table = [
        (
            "SELECT id, xmlelement(NAME k key) FROM virtual_keys",
            "sealed column public.virtual_keys.key cannot be used in XMLELEMENT",
            "refused-xml",
            12,
        ),
        (
            "SELECT * FROM virtual_keys, XMLTABLE('/a' PASSING name COLUMNS)",
            "XMLTABLE is not supported in a statement on a protected table public.virtual_keys",
            "refused-xml",
            29,
        ),
        (
            "SELECT JSON_VALUE(auth_config, '$.a' RETURNING int DEFAULT 1) FROM virtual_keys",
            "sealed column public.virtual_keys.auth_config cannot be used in JSON_VALUE",
            "refused-part",
            8,
        ),
        (
            "SELECT key FORMAT JSON FROM virtual_keys",
            "FORMAT JSON is not supported in a statement on a protected table public.virtual_keys",
            "refused-syntax",
            12,
        ),
        (
            "SELECT key FORM virtual_keys WHERE id = 1",
            "a statement on a protected table public.virtual_keys cannot be read at or near \"virtual_keys\": a syntax error, or grammar that pgseal does not have",
            "refused-syntax",
            17,
        ),
        (
            "SELECT key FROM virtual_keys WHERE name = 'a' 'sk-secret'",
            "a statement on a protected table public.virtual_keys cannot be read at or near a constant or name: a syntax error, or grammar that pgseal does not have",
            "refused-syntax",
            47,
        ),
        (
            "CREATE TABLE t AS EXECUTE q('virtual_keys', virtual_keys)",
            "CREATE TABLE AS EXECUTE of a statement on a protected table is not supported",
            "refused-create-table-as",
            19,
        ),
    ];
    for (sql, message, anchor, position) in table {
        let Verdict::Refuse(refusal) = verdict(sql) else {
            panic!("{sql}")
        };
        assert_eq!(refusal.message, message, "{sql}");
        assert_eq!(refusal.position, Some(position), "{sql}");
        assert!(refusal.detail.is_some(), "{sql}");
        refused(&[(sql, anchor)]);
    }
}

/// What is put into an object under a name that a sealed column has must not be opened, and what a document holds is not
/// known may have any name.
#[test]
fn documents_of_unknown_members_are_not_joined() {
    refused(&[
        (
            "SELECT to_jsonb(v) || $1 FROM virtual_keys v",
            "refused-operator",
        ),
        (
            "SELECT to_jsonb(v) || to_jsonb(a.*) FROM virtual_keys v, audit a",
            "refused-operator",
        ),
        (
            "SELECT to_jsonb(v) || jsonb_build_object(name, key) FROM virtual_keys v",
            "refused-function",
        ),
        (
            "SELECT to_jsonb(v) || jsonb_build_object(name, name) FROM virtual_keys v",
            "refused-operator",
        ),
        (
            "SELECT to_jsonb(v) || '[1]' FROM virtual_keys v",
            "refused-operator",
        ),
        (
            "SELECT to_jsonb(v) - $1 FROM virtual_keys v",
            "refused-operator",
        ),
        (
            "SELECT to_jsonb(v) - '{\"key\"}'::text[] FROM virtual_keys v",
            "refused-operator",
        ),
        (
            "SELECT to_json(v) || '{}' FROM virtual_keys v",
            "refused-operator",
        ),
    ]);
}

/// A row whose own tenant stays may still be what says whose the rows below it are.
#[test]
fn what_rows_below_take_their_tenant_from_is_not_changed() {
    let planner = tenants_below();
    for sql in [
        "UPDATE prompts SET organisation_id = $1 WHERE id = $2",
        "UPDATE prompts SET template = $1, organisation_id = $2 WHERE id = $3",
        "INSERT INTO prompts VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET organisation_id = EXCLUDED.organisation_id",
    ] {
        let Verdict::Refuse(refusal) = plan_with(&planner, sql) else {
            panic!("{sql}");
        };
        let told = "the tenant of rows below it, public.prompts.organisation_id, cannot be changed";
        assert_eq!(refusal.message, told, "{sql}");
    }
    for sql in [
        "UPDATE prompts SET organisation_id = organisation_id, name = $1 WHERE id = $2",
        "UPDATE prompts SET template = $1 WHERE id = $2",
    ] {
        let verdict = plan_with(&planner, sql);
        assert!(!matches!(verdict, Verdict::Refuse(_)), "{sql}");
    }
}
