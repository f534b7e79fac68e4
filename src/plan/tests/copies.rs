use std::sync::Arc;

use super::super::{CopyPlan, CopyTenant, Lineage, StatementKind, StatementPlan};
use super::{Verdict, lookup, refusals::refused, single, verdict};
use crate::model::{CopyFormat, CopyHeader, CopyStyle};

fn copy(statement: &StatementPlan) -> (bool, Arc<CopyPlan>) {
    match &statement.kind {
        StatementKind::CopyIn(plan) => (true, Arc::clone(plan)),
        StatementKind::CopyOut(plan) => (false, Arc::clone(plan)),
        _ => panic!("no COPY"),
    }
}

/// Columns in words: `!` sealed, `@` the tenant.
fn columns(sql: &str) -> String {
    let (from, plan) = copy(&single(sql));
    let tenant = match &plan.tenant {
        Some(CopyTenant::Column { index, .. }) => Some(*index),
        _ => None,
    };
    let words = plan.columns.iter().enumerate().map(|(index, column)| {
        let sealed = match &column.lineage {
            Lineage::Exact(_) => "!",
            Lineage::Maybe(_) => "?",
            Lineage::Within(_) => "~",
            Lineage::None if tenant == Some(index) => "@",
            Lineage::None => "",
        };
        format!("{sealed}{}", column.name)
    });
    let words: Vec<String> = words.collect();
    format!("{} {}", if from { "in" } else { "out" }, words.join(" "))
}

fn format(options: &str) -> CopyFormat {
    let sql = format!("COPY virtual_keys TO STDOUT {options}");
    copy(&single(&sql)).1.format.clone()
}

#[test]
fn columns_are_those_of_the_list_or_of_the_table() {
    let table = [
        (
            "COPY virtual_keys FROM STDIN",
            "in id @organisation_id name !key !auth_config slug",
        ),
        (
            "copy public.Virtual_Keys (key, \"organisation_id\") from stdin",
            "in !key @organisation_id",
        ),
        (
            "COPY virtual_keys TO STDOUT",
            "out id organisation_id name !key !auth_config slug",
        ),
        (
            "COPY virtual_keys(slug,key) TO STDOUT WITH CSV",
            "out slug !key",
        ),
        ("COPY key_secrets TO STDOUT", "out id !secret"),
        (
            "COPY (SELECT v.key AS k, 1 FROM virtual_keys v) TO STDOUT (FORMAT csv)",
            "out !k ?column?",
        ),
        (
            "COPY (DELETE FROM virtual_keys WHERE slug = 'x' RETURNING key) TO STDIN",
            "out !key",
        ),
        (
            "COPY virtual_keys (organisation_id, key) FROM STDIN WHERE slug > 'a' AND virtual_keys.name = 'b'",
            "in @organisation_id !key",
        ),
    ];
    for (sql, expected) in table {
        assert_eq!(columns(sql), expected, "{sql}");
    }
}

#[test]
fn a_list_is_spliced_in_where_none_is_given() {
    let sql = "COPY public.prompts FROM STDIN";
    let plan = single(sql);
    let [splice] = plan.splices.as_slice() else {
        panic!()
    };
    assert_eq!(
        (splice.span.clone(), splice.text.as_str()),
        (
            19..19,
            " (\"id\", \"organisation_id\", \"name\", \"template\")"
        )
    );
    assert!(
        single("COPY prompts (organisation_id, template) FROM STDIN")
            .splices
            .is_empty()
    );
}

#[test]
fn options_in_both_spellings() {
    let csv = CopyFormat::new(CopyStyle::Csv);
    let expected = CopyFormat {
        delimiter: b';',
        quote: b'\'',
        escape: b'\\',
        null: b"NUL".to_vec(),
        header: CopyHeader::Present,
        ..csv.clone()
    };
    assert_eq!(
        format(
            "WITH DELIMITER AS ';' NULL AS 'NUL' CSV HEADER QUOTE '''' ESCAPE AS '\\' FORCE QUOTE slug, key ENCODING 'utf-8'"
        ),
        expected
    );
    assert_eq!(
        format(
            "(format csv, delimiter ';', null 'NUL', header true, quote '''', escape '\\', force_quote (slug, key), encoding 'UTF8', freeze)"
        ),
        expected
    );
    assert_eq!(format(""), CopyFormat::new(CopyStyle::Text));
    assert_eq!(format("USING DELIMITERS '|' WITH NULL ''").delimiter, b'|');
    assert_eq!(format("DELIMITER E'\\t' CSV").delimiter, b'\t');
    assert_eq!(format("BINARY").style, CopyStyle::Binary);
    assert_eq!(format("(HEADER match)").header, CopyHeader::Match);
    assert_eq!(
        format("(HEADER off, FORMAT 'text', FREEZE false)"),
        CopyFormat::new(CopyStyle::Text)
    );
    assert_eq!(
        copy(&single("COPY BINARY virtual_keys TO STDOUT"))
            .1
            .format
            .style,
        CopyStyle::Binary
    );
    let forced = copy(&single("COPY virtual_keys FROM STDIN (FORMAT csv, FORCE_NULL (key), FORCE_NOT_NULL (slug), DEFAULT 'D')")).1;
    assert_eq!(forced.format.default.as_deref(), Some(&b"D"[..]));
    assert!(
        forced.columns[3].force_null
            && !forced.columns[2].force_null
            && forced.columns[5].force_not_null
    );
    assert!(
        copy(&single("COPY virtual_keys TO STDOUT CSV FORCE QUOTE *"))
            .1
            .columns[0]
            .force_quote
    );
}

#[test]
fn tenants_of_the_session_are_asked_for() {
    let plan = single("COPY public.settings FROM STDIN");
    assert_eq!(
        lookup(&plan),
        "SELECT 1::int4 AS term, q.t::text AS tenant FROM (SELECT pg_catalog.current_setting('app.tenant', true)) AS q(t) []"
    );
}

#[test]
fn what_carries_no_sealed_value_goes_as_it_stands() {
    for sql in [
        "COPY audit (key) FROM STDIN WHERE note <> 'virtual_keys'",
        "COPY virtual_keys (id, organisation_id, slug) FROM STDIN",
        "COPY key_names TO STDOUT",
        "COPY (SELECT 'virtual_keys') TO '/tmp/x'",
        "COPY other.settings FROM '/tmp/x'",
    ] {
        assert!(matches!(verdict(sql), Verdict::Forward), "{sql}");
    }
    let plan = single("COPY (SELECT slug FROM virtual_keys WHERE key IS NULL) TO STDOUT");
    assert!(matches!(plan.kind, StatementKind::Run));
}

#[test]
fn what_cannot_be_copied_is_refused() {
    refused(&[
        ("COPY virtual_keys FROM '/tmp/keys'", "refused-copy"),
        ("COPY virtual_keys TO PROGRAM 'cat'", "refused-copy"),
        (
            "COPY (SELECT key FROM virtual_keys) TO '/tmp/keys'",
            "refused-copy",
        ),
        (
            "COPY virtual_keys TO STDOUT (ENCODING 'LATIN1')",
            "refused-copy",
        ),
        ("COPY virtual_keys TO STDOUT (FORMAT json)", "refused-copy"),
        ("COPY virtual_keys TO STDOUT (FROBNICATE)", "refused-copy"),
        (
            "COPY virtual_keys TO STDOUT (DELIMITER 'ab')",
            "refused-copy",
        ),
        (
            "COPY virtual_keys TO STDOUT (DELIMITER 'a')",
            "refused-copy",
        ),
        ("COPY virtual_keys TO STDOUT (QUOTE 'a')", "refused-copy"),
        (
            "COPY virtual_keys TO STDOUT (NULL 'a', NULL 'b')",
            "refused-copy",
        ),
        (
            "COPY virtual_keys FROM STDIN (ON_ERROR ignore)",
            "refused-copy",
        ),
        ("COPY virtual_keys (slug, key) FROM STDIN", "refused-tenant"),
        ("COPY prompt_versions FROM STDIN", "refused-copy"),
        (
            "COPY virtual_keys FROM STDIN WHERE key <> 'a'",
            "refused-comparison",
        ),
        (
            "COPY virtual_keys FROM STDIN WHERE U&\"ke\\0079\" <> 'a'",
            "refused-comparison",
        ),
        (
            "COPY virtual_keys FROM STDIN WHERE virtual_keys::text <> 'a'",
            "refused-row",
        ),
        (
            "COPY audit FROM STDIN WHERE make_key(note) > 0",
            "refused-function-call",
        ),
        ("COPY key_secrets FROM STDIN", "refused-view"),
        ("COPY key_hashes TO STDOUT", "refused-view"),
        ("COPY virtual_keys", "refused-syntax"),
        ("COPY virtual_keys FROM STDIN CSV CSV 1", "refused-copy"),
        ("COPY virtual_keys TO STDOUT nonsense", "refused-syntax"),
        (
            "COPY (SELECT upper(key) FROM virtual_keys) TO STDOUT",
            "refused-function",
        ),
        (
            "COPY (SELECT key FROM virtual_keys ORDER BY key) TO STDOUT",
            "refused-order",
        ),
    ]);
}
