//! What slips through without each guard of the planner, and that it does not with it.

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use super::{single, slots, verdict};
use crate::plan::Verdict;
use crate::plan::mention::MentionFilter;

/// The relations that the parser alone finds, as it prints them.
fn parser_alone(sql: &str) -> Option<String> {
    let statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).ok()?;
    Some(format!("{statements:?}").to_lowercase())
}

fn forwarded(sql: &str) -> bool {
    matches!(verdict(sql), Verdict::Forward)
}

/// Guard 1: a name that is spelled in escapes stands nowhere in the text.
#[test]
fn an_escaped_name_is_found_though_the_text_does_not_hold_it() {
    let table = [
        r#"SELECT key FROM U&"virtual\005fkeys""#,
        r#"SELECT key FROM u&"\0076irtual_keys" v"#,
        r#"INSERT INTO U&"virtual!005fkeys" UESCAPE '!' (key) VALUES ('x')"#,
        r#"SELECT U&"ke\0079" FROM virtual_keys WHERE U&"ke\0079" = 'a'"#,
    ];
    let names_only = aho_corasick::AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(["virtual_keys"])
        .unwrap();
    for sql in &table[..3] {
        assert!(!names_only.is_match(sql), "{sql}");
    }
    for sql in table {
        assert!(!forwarded(sql), "{sql}");
    }
}

/// Guard 1: the filter looks at bytes, so no spelling of white space, case or comments keeps a name from it.
#[test]
fn the_filter_never_misses_a_plain_spelling() {
    let filter = MentionFilter::new(["virtual_keys", "Mixed \"Case\"", "schlüssel"]).unwrap();
    for sql in [
        "select*from VIRTUAL_KEYS",
        "select*from/**/virtual_keys--",
        "SELECT 1;TABLE\tvirtual_keys",
        "\"public\".\"virtual_keys\"",
        "SELECT * FROM \"Mixed \"\"Case\"\"\"",
        "SELECT * FROM SCHLÜSSEL",
        "\u{feff}TABLE virtual_keys",
        "SELECT '\0' FROM virtual_keys",
    ] {
        assert!(filter.hits(sql.as_bytes()), "{sql}");
    }
    assert!(!filter.hits(b"SELECT * FROM audit"));
}

/// Guard 2: the parser's own tokenizer takes `<>--` for an operator, and what stands behind it for a string.
#[test]
fn operators_do_not_swallow_comments() {
    let hidden = [
        "SELECT 1 <>--'\n 1, key FROM virtual_keys WHERE key = 'x' --'",
        "SELECT 1 +/*'*/ 1, key FROM virtual_keys --'",
        "SELECT 1 ~~--'\n 1, key FROM virtual_keys --'",
    ];
    let missed = hidden
        .iter()
        .filter(|sql| parser_alone(sql).is_none_or(|tree| !tree.contains("virtual_keys")));
    assert!(missed.count() > 0, "the parser alone misses none any more");
    for sql in hidden {
        assert!(!forwarded(sql), "{sql}");
    }
}

/// Guards 3 and 4: words and operators that the parser reads as something else.
#[test]
fn what_the_parser_misreads_is_never_forwarded() {
    for sql in [
        "SELECT key, interval FROM virtual_keys",
        "SELECT interval FROM virtual_keys WHERE key = 'x'",
        "SELECT key FROM virtual_keys WHERE a == b",
        "SELECT key &>x FROM virtual_keys",
        "SELECT 1>-1, key FROM virtual_keys",
        "SELECT key isnull, name notnull FROM virtual_keys",
        "SELECT name AS isnull, key FROM virtual_keys",
        "SELECT top, minus, sample, key FROM virtual_keys xor",
        "SELECT key FROM virtual_keys qualify",
        "SELECT key div FROM virtual_keys",
        "SELECT key FROM virtual_keys WHERE id = :id",
        "SELECT key FROM virtual_keys WHERE id = :'id'",
        "SELECT * FROM audit a anti JOIN virtual_keys ON true",
        "SELECT 1 FROM audit WHERE EXISTS (SELECT 1, interval FROM virtual_keys)",
        "SELECT key from only (virtual_keys)",
        "SELECT (SELECT key FROM virtual_keys LIMIT 1) interval",
    ] {
        assert!(!forwarded(sql), "{sql}");
    }
}

/// Guard 3: where the two tokenizers differ, the statement is refused or its outputs are right; they are not lost.
#[test]
fn a_lost_from_does_not_lose_the_table() {
    let sql = "SELECT key, interval FROM virtual_keys";
    assert!(
        parser_alone(sql)
            .is_none_or(|tree| !tree.contains("virtual_keys") || tree.contains("interval")),
        "the parser alone"
    );
    match verdict(sql) {
        Verdict::Protect(plan) => assert_eq!(super::outputs(&plan.statements[0]), "!key -"),
        Verdict::Refuse(_) => {}
        Verdict::Forward | Verdict::Resolve(_) => panic!("{sql}"),
    }
}

/// Guard 2: chains and nesting that would overflow the parser's stack are measured on tokens first.
#[test]
fn no_chain_and_no_nesting_overflows_the_stack() {
    let chain = |operator: &str, n: usize| vec!["1"; n].join(operator);
    let texts = [
        format!("SELECT key, {} FROM virtual_keys", chain(" + ", 30_000)),
        format!(
            "SELECT key FROM virtual_keys WHERE {}",
            chain(" = 1 OR 1 = ", 30_000)
        ),
        format!(
            "SELECT {}key{} FROM virtual_keys",
            "(".repeat(10_000),
            ")".repeat(10_000)
        ),
        format!("SELECT {}1 FROM virtual_keys", "- ".repeat(30_000)),
        format!("SELECT {}1 FROM virtual_keys", "NOT ".repeat(30_000)),
        format!(
            "SELECT key FROM virtual_keys {}",
            "UNION ALL SELECT key FROM virtual_keys ".repeat(10_000)
        ),
        format!("SELECT name{} FROM virtual_keys", "::text".repeat(30_000)),
        format!("SELECT name{} FROM virtual_keys", "[1]".repeat(30_000)),
        format!(
            "SELECT {}1{} FROM virtual_keys",
            "CASE WHEN true THEN ".repeat(5_000),
            " END".repeat(5_000)
        ),
        format!("SELECT {}key FROM virtual_keys", "/*".repeat(50_000)),
        format!(
            "SELECT * FROM {}virtual_keys{}",
            "(SELECT * FROM ".repeat(5_000),
            ") x".repeat(5_000)
        ),
        format!(
            "SELECT * FROM virtual_keys{}",
            " JOIN virtual_keys v USING (id)".repeat(5_000)
        ),
    ];
    // A session's task runs on a thread of this size.
    let small = std::thread::Builder::new().stack_size(8 << 20);
    let checked = small.spawn(move || {
        for sql in &texts {
            assert!(!forwarded(sql), "{}", &sql[..60]);
        }
    });
    checked.unwrap().join().unwrap();
    assert!(forwarded(&format!(
        "SELECT {} FROM audit",
        chain(" + ", 30_000)
    )));
}

/// Guard 4: a constant in a place that no rule of the analysis knows is not passed on.
#[test]
fn a_value_without_a_role_is_refused() {
    for sql in [
        "INSERT INTO virtual_keys (organisation_id, key) VALUES ('00000000-0000-0000-0000-000000000001', 'a' COLLATE \"C\")",
        "INSERT INTO virtual_keys (organisation_id, key) VALUES ('00000000-0000-0000-0000-000000000001', 'a'::char(3))",
        "UPDATE virtual_keys SET key = format('%s', 'secret') WHERE id = 'x'",
        "UPDATE virtual_keys SET key[1] = 'a' WHERE id = 'x'",
        "UPDATE virtual_keys SET auth_config['a'] = '\"secret\"' WHERE id = 'x'",
    ] {
        assert!(matches!(verdict(sql), Verdict::Refuse(_)), "{sql}");
    }
}

/// Guard 5: only the constant's own bytes are replaced, whatever stands before it.
#[test]
fn slots_are_exactly_the_constants() {
    let sql = "/* 日本 😀 */ INSERT INTO virtual_keys (name, key, organisation_id) VALUES ('ä''ö', E'it\\'s' /* x */, '00000000-0000-0000-0000-000000000001')";
    let found = slots(sql, &single(sql));
    assert!(found.starts_with("key=E'it\\'s'@"), "{found}");
}

/// `settings` is protected in one schema and plain in another.
#[test]
fn a_name_that_may_mean_another_table_by_then_is_refused() {
    super::refusals::refused(&[
        (
            "SET search_path = public; INSERT INTO settings VALUES (1, 'x')",
            "refused-ambiguous-name",
        ),
        (
            "SELECT set_config('search_path', 'public', false); SELECT * FROM settings",
            "refused-ambiguous-name",
        ),
        (
            "SET search_path = other; PREPARE p AS INSERT INTO settings VALUES (1, $1)",
            "refused-ambiguous-name",
        ),
    ]);
    let text = "SET search_path = other; INSERT INTO other.settings VALUES (1)";
    assert!(matches!(verdict(text), Verdict::Forward));
}
