use sqlparser::ast::{Expr, SelectItem, SetExpr, Statement, Value};

use super::reserved::RESERVED;
use super::*;
use crate::plan::lexer::{Limits, Token, lex};

/// One statement a line: what ORMs emit and what parsers misread, all of it valid for PostgreSQL.
const UNDERSTOOD: &str = include_str!("../../../tests/sql/understood.sql");

fn tokens(sql: &str) -> Vec<Token> {
    lex(sql, &Limits::default()).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

fn parsed(sql: &str) -> Result<Statement, ParseError> {
    parse(sql, &tokens(sql))
}

fn select(sql: &str) -> (Vec<SelectItem>, String) {
    let statement = parsed(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let Statement::Query(query) = statement else {
        panic!("{sql}")
    };
    let SetExpr::Select(select) = *query.body else {
        panic!("{sql}")
    };
    let from = select
        .from
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    (select.projection, from)
}

#[test]
fn the_corpus_parses_from_our_tokens() {
    let mut failed = Vec::new();
    let mut count = 0;
    for sql in UNDERSTOOD.lines() {
        let tokens = tokens(sql);
        for statement in split(sql, &tokens) {
            count += 1;
            if let Err(error) = parse(sql, &tokens[statement]) {
                failed.push(format!("{sql}: {error:?}"));
            }
        }
    }
    assert!(count >= 150, "{count}");
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn spans_are_the_tokens_bytes() {
    for sql in UNDERSTOOD.lines() {
        let tokens = tokens(sql);
        let converted = convert(sql, &tokens).unwrap();
        let mut spans = converted
            .iter()
            .map(|token| source_range(token.span).unwrap())
            .collect::<Vec<_>>();
        spans.dedup();
        let expected = tokens.iter().map(Token::span).collect::<Vec<_>>();
        assert_eq!(spans, expected, "{sql}");
    }
}

/// Where our reading and sqlparser's own agree, they agree on the whole tree. Statements in which its tokenizer is wrong are
/// the ones after the marker.
#[test]
fn the_parser_reads_ordinary_statements_as_it_would_by_itself() {
    let ordinary = UNDERSTOOD
        .lines()
        .take_while(|sql| !sql.contains("ssn, interval"));
    let mut differ = Vec::new();
    for sql in ordinary {
        let Ok(theirs) = Parser::parse_sql(&PostgreSqlDialect {}, sql) else {
            continue;
        };
        let ours = parsed(sql.trim_end_matches([';', ' '])).unwrap();
        let (ours, theirs) = (ours.to_string(), theirs[0].to_string());
        if !ours.eq_ignore_ascii_case(&theirs) {
            differ.push(format!("{ours}\n{theirs}"));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[test]
fn what_parsers_misread_is_read_as_the_server_reads_it() {
    let read = |sql: &str| {
        let (items, from) = select(sql);
        (
            items
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", "),
            from,
        )
    };
    for (sql, items, from) in [
        (
            "SELECT 1 <>--'\n 1, ssn FROM patients --'",
            "1 <> 1, ssn",
            "patients",
        ),
        ("SELECT U&\"ss\\006E\" FROM patients", "\"ssn\"", "patients"),
        (
            "SELECT U&\"ss!006E\" UESCAPE '!' AS x FROM patients",
            "\"ssn\" AS x",
            "patients",
        ),
        (
            "SELECT ssn, interval FROM patients",
            "ssn, interval",
            "patients",
        ),
        (
            "SELECT a == b, ssn FROM patients",
            "a == b, ssn",
            "patients",
        ),
        (
            "SELECT a <=> b, ssn FROM patients",
            "a <=> b, ssn",
            "patients",
        ),
        ("SELECT a &>x FROM patients", "a &> x", "patients"),
        ("SELECT 1>-1, ssn FROM patients", "1 > -1, ssn", "patients"),
        ("SELECT ssn isnull FROM patients", "ssn IS NULL", "patients"),
        (
            "SELECT ssn notnull FROM patients",
            "ssn IS NOT NULL",
            "patients",
        ),
        (
            "SELECT top, sample FROM patients minus",
            "top, sample",
            "patients minus",
        ),
        ("SELECT a div FROM patients", "a AS div", "patients"),
        (
            "SELECT 1 FROM a semi JOIN patients ON true",
            "1",
            "a semi JOIN patients ON true",
        ),
        ("SELECT SSN FROM Patients", "ssn", "patients"),
        ("SELECT 'a'\n'b' FROM patients", "'ab'", "patients"),
        ("SELECT x -- , ssn\n FROM patients", "x", "patients"),
        ("SELECT a ! b FROM patients", "a ! b", "patients"),
        ("SELECT @ssn FROM patients", "@ ssn", "patients"),
    ] {
        assert_eq!(read(sql), (items.to_owned(), from.to_owned()), "{sql}");
    }
    let (items, _) = select("SELECT @ssn FROM patients");
    assert!(
        matches!(&items[0], SelectItem::UnnamedExpr(Expr::UnaryOp { .. })),
        "no placeholder"
    );
}

#[test]
fn what_cannot_be_told_apart_is_refused() {
    for sql in [
        "SELECT :ssn FROM patients",
        "SELECT 1..2",
        "SELECT a || , b",
    ] {
        assert!(parsed(sql).is_err(), "{sql}");
    }
    assert_eq!(
        parsed("SELECT 1 .. 2"),
        Err(ParseError::Token(UnfaithfulToken {
            what: "\"..\"",
            at: 9
        }))
    );
    assert_eq!(parsed("SELECT a FROM , t").unwrap_err().at(), Some(14));
    assert_eq!(parsed("SELECT 1 SELECT 2").unwrap_err().at(), Some(9));
    let deep = format!("SELECT {}1{}", "(".repeat(99), ")".repeat(99));
    assert_eq!(parsed(&deep), Err(ParseError::TooDeep));
}

#[test]
fn literals_and_names_keep_value_and_place() {
    let sql = "SELECT  E'it\\'s'::text, \"Ssn\", $1 , $$é$$, 'x'\n'y', U&'\\00e9' FROM t";
    let (items, _) = select(sql);
    let texts = items.iter().map(|item| {
        let SelectItem::UnnamedExpr(expr) = item else {
            panic!("{item}")
        };
        let expr = if let Expr::Cast { expr, .. } = expr {
            expr
        } else {
            expr
        };
        match expr {
            Expr::Value(value) => {
                let text = match &value.value {
                    Value::EscapedStringLiteral(text)
                    | Value::SingleQuotedString(text)
                    | Value::UnicodeStringLiteral(text)
                    | Value::Placeholder(text) => text.clone(),
                    Value::DollarQuotedString(text) => text.value.clone(),
                    other => panic!("{other}"),
                };
                (text, sql[source_range(value.span).unwrap()].to_owned())
            }
            Expr::Identifier(name) => (
                name.value.clone(),
                sql[source_range(name.span).unwrap()].to_owned(),
            ),
            other => panic!("{other}"),
        }
    });
    let expected = [
        ("it's", r"E'it\'s'"),
        ("Ssn", "\"Ssn\""),
        ("$1", "$1"),
        ("é", "$$é$$"),
        ("xy", "'x'\n'y'"),
        ("é", r"U&'\00e9'"),
    ];
    assert_eq!(
        texts.collect::<Vec<_>>(),
        expected.map(|(text, at)| (text.to_owned(), at.to_owned()))
    );
}

fn statements(sql: &str) -> Vec<&str> {
    let tokens = tokens(sql);
    split(sql, &tokens)
        .into_iter()
        .map(|range| &sql[text_span(&tokens[range])])
        .collect()
}

#[test]
fn statements_end_at_outer_semicolons() {
    assert_eq!(
        statements(" ; SELECT ';' ; ; /* ; */ SELECT 2;"),
        ["SELECT ';'", "SELECT 2"]
    );
    assert_eq!(statements(""), Vec::<&str>::new());
    let rule = "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)";
    assert_eq!(statements(&format!("{rule}; SELECT 3")), [rule, "SELECT 3"]);
}

#[test]
fn atomic_bodies_stay_whole() {
    let body = "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN a THEN 1 END; SELECT 1 AS end; END";
    assert_eq!(statements(&format!("{body}; SELECT 2")), [body, "SELECT 2"]);
    let empty = "CREATE PROCEDURE p() BEGIN ATOMIC END";
    assert_eq!(
        statements(&format!("{empty}; SELECT 2")),
        [empty, "SELECT 2"]
    );
    let nested = "CREATE FUNCTION f() BEGIN ATOMIC CREATE FUNCTION g() BEGIN ATOMIC SELECT 1; END; SELECT begin atomic FROM x; END";
    assert_eq!(
        statements(&format!("{nested}; SELECT 2")),
        [nested, "SELECT 2"]
    );
    assert_eq!(
        statements("BEGIN; SELECT begin atomic FROM t; END"),
        ["BEGIN", "SELECT begin atomic FROM t", "END"]
    );
    assert_eq!(
        statements("CREATE FUNCTION begin() AS 'x'; SELECT 1").len(),
        2
    );
}

#[test]
fn statements_that_run_text() {
    let runs = |sql: &str| executes_text(sql, &tokens(sql));
    for sql in [
        "DO $$x$$",
        "prepare q AS SELECT 1",
        "EXECUTE q",
        "CREATE FUNCTION f() AS 'x'",
        "create or replace procedure p() AS 'x'",
        "CREATE CONSTRAINT TRIGGER t",
        "CREATE EVENT TRIGGER t",
        "CREATE OR REPLACE RULE r",
    ] {
        assert!(runs(sql), "{sql}");
    }
    for sql in [
        "",
        "SELECT 'do'",
        "CREATE TABLE function (x int)",
        "\"do\" $$x$$",
    ] {
        assert!(!runs(sql), "{sql}");
    }
}

#[test]
fn reserved_words_are_known() {
    assert!(is_reserved("from") && is_reserved("all") && is_reserved("with"));
    assert!(!is_reserved("interval") && !is_reserved("excluded") && !is_reserved("From"));
    assert!(RESERVED.is_sorted());
}
