use proptest::prelude::*;

use super::LexErrorKind as Kind;
use super::*;

fn tokens(sql: &str) -> Vec<Token> {
    lex(sql, &Limits::default()).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

fn texts(sql: &str) -> Vec<&str> {
    tokens(sql).iter().map(|token| token.text(sql)).collect()
}

fn refused(sql: &str) -> (usize, Kind) {
    let error = lex(sql, &Limits::default()).expect_err(sql);
    (error.at, error.kind)
}

/// The value of the one string constant that the text is.
fn value(sql: &str) -> String {
    let tokens = tokens(sql);
    assert_eq!(tokens.len(), 1, "{sql}");
    string_value(&tokens[0], sql).unwrap().into_owned()
}

fn name(sql: &str) -> String {
    let tokens = tokens(sql);
    assert_eq!(tokens.len(), 1, "{sql}");
    ident(&tokens[0], sql).unwrap().into_owned()
}

#[test]
fn operators_stop_at_comments() {
    let sql = "SELECT 1 <>--'\n 1, ssn FROM patients --'";
    assert_eq!(
        texts(sql),
        ["SELECT", "1", "<>", "1", ",", "ssn", "FROM", "patients"]
    );
    assert_eq!(texts("1 */* x */2"), ["1", "*", "2"]);
    assert_eq!(texts("a @-- b\n c"), ["a", "@", "c"]);
    assert_eq!(texts("a +/**/- b"), ["a", "+", "-", "b"]);
}

#[test]
fn a_trailing_sign_belongs_to_the_next_number() {
    assert_eq!(texts("1>-2"), ["1", ">", "-", "2"]);
    assert_eq!(texts("1=-2"), ["1", "=", "-", "2"]);
    assert_eq!(
        texts("1*-+-2"),
        ["1", "*", "-", "+", "-", "2"].map(|part| part).to_vec()
    );
    assert_eq!(texts("1<=+2"), ["1", "<=", "+", "2"]);
    assert_eq!(texts("a @- b"), ["a", "@-", "b"]);
    assert_eq!(texts("a ?-+ b"), ["a", "?-+", "b"]);
    assert_eq!(texts("a->-1"), ["a", "->", "-", "1"]);
    assert_eq!(texts("a+-@b"), ["a", "+-@", "b"]);
}

#[test]
fn the_longest_operator_is_taken() {
    assert_eq!(texts("a==b"), ["a", "==", "b"]);
    assert_eq!(texts("a&>x"), ["a", "&>", "x"]);
    assert_eq!(texts("a#>>'{b}'"), ["a", "#>>", "'{b}'"]);
    assert_eq!(texts("a<=>b"), ["a", "<=>", "b"]);
    assert_eq!(
        texts("f(a=>1,b:=2)"),
        ["f", "(", "a", "=>", "1", ",", "b", ":=", "2", ")"]
    );
    assert_eq!(texts("a::int[]"), ["a", "::", "int", "[", "]"]);
    assert_eq!(texts("a[1:2]"), ["a", "[", "1", ":", "2", "]"]);
    assert_eq!(texts("1..2"), ["1", "..", "2"]);
    assert_eq!(tokens("a:=b::c..d")[1].kind, TokenKind::ColonEquals);
    assert_eq!(tokens("a:=b::c..d")[3].kind, TokenKind::TypeCast);
    assert_eq!(tokens("a:=b::c..d")[5].kind, TokenKind::DotDot);
    assert_eq!(
        refused(&format!("1 {} 2", "@".repeat(64))),
        (2, Kind::OperatorTooLong)
    );
}

#[test]
fn comments_nest_and_lines_end_at_either_newline() {
    assert_eq!(texts("a/* /* b */ ' */c"), ["a", "c"]);
    assert_eq!(texts("a--b\rc"), ["a", "c"]);
    assert_eq!(texts("a--b\nc--"), ["a", "c"]);
    assert_eq!(texts("a/**/b/***/c/*/*/**/*/*/d"), ["a", "b", "c", "d"]);
    assert_eq!(refused("a /* /* */"), (2, Kind::UnterminatedComment));
    assert_eq!(texts("a\u{b}\u{c}b"), ["a", "b"]);
}

#[test]
fn numbers() {
    for (sql, kind) in [
        ("1", TokenKind::Integer),
        ("1.", TokenKind::Number),
        (".5", TokenKind::Number),
        ("1.5e-10", TokenKind::Number),
        ("1e5", TokenKind::Number),
        ("1.e5", TokenKind::Number),
        ("0x1F", TokenKind::Integer),
        ("0X_1f", TokenKind::Integer),
        ("0o17", TokenKind::Integer),
        ("0b_10_1", TokenKind::Integer),
        ("1_000", TokenKind::Integer),
        ("1_0.0_1e1_0", TokenKind::Number),
    ] {
        assert_eq!(
            tokens(sql),
            [Token {
                kind,
                start: 0,
                end: sql.len()
            }],
            "{sql}"
        );
    }
    assert_eq!(texts("1.2.3"), ["1.2", ".3"]);
    assert_eq!(texts("t.1"), ["t", ".1"]);
    for sql in [
        "1a", "1_", "1__0", "1e", "1e+", "1.5x", "0x1G", "0b12", "1.a", "1é", "0x1_",
    ] {
        assert_eq!(refused(sql), (0, Kind::JunkAfterNumber), "{sql}");
    }
    for sql in ["0x", "0xg", "0o8", "0b_"] {
        assert_eq!(refused(sql), (0, Kind::InvalidInteger), "{sql}");
    }
}

#[test]
fn parameters() {
    assert_eq!(tokens("$12")[0].kind, TokenKind::Param(12));
    assert_eq!(
        texts("$1::int,$2+1"),
        ["$1", "::", "int", ",", "$2", "+", "1"]
    );
    assert_eq!(refused(" $1abc"), (1, Kind::JunkAfterParameter));
    assert_eq!(refused("$65536"), (0, Kind::ParameterTooLarge));
    assert_eq!(
        refused("$99999999999999999999"),
        (0, Kind::ParameterTooLarge)
    );
    assert_eq!(refused("a + $"), (4, Kind::UnexpectedCharacter));
    assert_eq!(refused("$a"), (0, Kind::UnexpectedCharacter));
}

#[test]
fn strings_while_standard_conforming_strings_is_off() {
    let read = |sql: &'static str| {
        let tokens = lex_as(sql, &Limits::default(), false).map_err(|error| error.kind)?;
        let strings = tokens
            .iter()
            .filter(|token| matches!(token.kind, TokenKind::String(_)));
        Ok::<_, Kind>(
            strings
                .map(|token| string_value(token, sql).unwrap().into_owned())
                .collect::<Vec<_>>(),
        )
    };
    for (sql, values) in [
        (r"'a\'b\\'", vec![r"a'b\"]),
        (r"'it''s', N'\x61', n'b'", vec!["it's", "a", "b"]),
        ("'a\\''\n'b\\''", vec!["a'b'"]),
        (r"E'\'' || $$\$$ || B'1' || X'f'", vec!["'", r"\", "1", "f"]),
        (r#"U&"\0061", 'x'"#, vec!["x"]),
        (r#"U&"!0061" UESCAPE '!', 'x'"#, vec!["x"]),
        (r"'\u00e9\n'", vec!["é\n"]),
    ] {
        assert_eq!(read(sql).unwrap(), values, "{sql}");
    }
    for (sql, kind) in [
        (r"'a\'", Kind::UnterminatedString),
        ("U&'a'", Kind::UnsafeUnicodeString),
        (r"'\u061'", Kind::InvalidUnicodeEscape),
        (r#"U&"x" UESCAPE '\\'"#, Kind::InvalidEscapeCharacter),
    ] {
        assert_eq!(read(sql).unwrap_err(), kind, "{sql}");
    }
}

#[test]
fn plain_strings_and_their_continuations() {
    assert_eq!(value("'it''s'"), "it's");
    assert_eq!(value(r"'a\'"), r"a\");
    assert_eq!(value("'a'\n'b'"), "ab");
    assert_eq!(value("'a'  -- note\n\t-- more\n 'b''c' \r 'd'"), "ab'cd");
    assert_eq!(value("'a'--x\n'b'"), "ab");
    assert_eq!(value("''"), "");
    assert_eq!(value("''''"), "'");
    assert_eq!(texts("'a' 'b'"), ["'a'", "'b'"]);
    assert_eq!(texts("'a'/**/\n'b'"), ["'a'", "'b'"]);
    assert_eq!(texts("'a'\n/**/'b'"), ["'a'", "'b'"]);
    assert_eq!(texts("'a'\n-b"), ["'a'", "-", "b"]);
    assert_eq!(texts("'a' -- x\n"), ["'a'"]);
    assert_eq!(refused("1 'a"), (2, Kind::UnterminatedString));
    assert_eq!(refused("'a'\n'b"), (0, Kind::UnterminatedString));
    assert_eq!(value("N'a'\n'b'"), "ab");
}

#[test]
fn bit_strings_have_no_doubled_quotes() {
    assert_eq!(texts("B'1''0'"), ["B'1'", "'0'"]);
    assert_eq!(value("x'1F'\n'2e'"), "1F2e");
    assert_eq!(tokens("b'1'")[0].kind, TokenKind::String(StringKind::Bit));
}

#[test]
fn escape_strings() {
    assert_eq!(value(r"E'a\'b\\c''d'"), r"a'b\c'd");
    assert_eq!(value(r"e'\b\f\n\r\t\v\q\/'"), "\u{8}\u{c}\n\r\t\u{b}q/");
    assert_eq!(value(r"E'\101\x41\x4\1z'"), "AA\u{4}\u{1}z");
    assert_eq!(value(r"E'\xC3\xA9\303\251\u00e9\U0001F600'"), "ééé😀");
    assert_eq!(value(r"E'\ud83d\ude00'"), "😀");
    assert_eq!(value(r"E'\xg\é'"), "xgé");
    assert_eq!(value("E'a\\\nb'"), "a\nb");
    assert_eq!(
        value("E'\\1'\n'2'"),
        "\u{1}2",
        "escapes do not reach over a continuation"
    );
    assert_eq!(value("E'\\xC3'\n'\\xA9'"), "é", "but a character may");
    assert_eq!(value("E'a'\n'\\n'"), "a\n");
    assert_eq!(texts(r"E'\\', 'x'"), [r"E'\\'", ",", "'x'"]);
    assert_eq!(refused(r"E'\'").1, Kind::UnterminatedString);
    assert_eq!(refused(r"E'\xC3'").1, Kind::InvalidUtf8);
    assert_eq!(refused(r"E'\0'").1, Kind::InvalidUtf8);
    assert_eq!(refused(r"E'\u12'").1, Kind::InvalidUnicodeEscape);
    assert_eq!(refused(r"E'\u0000'").1, Kind::InvalidUnicodeEscape);
    assert_eq!(refused(r"E'\U00110000'").1, Kind::InvalidUnicodeEscape);
    assert_eq!(refused(r"E'\ud83d'").1, Kind::InvalidSurrogatePair);
    assert_eq!(refused(r"E'\ud83dx'").1, Kind::InvalidSurrogatePair);
    assert_eq!(refused(r"E'\ude00'").1, Kind::InvalidSurrogatePair);
}

#[test]
fn unicode_strings_and_names() {
    assert_eq!(value(r"U&'d\0061t\+000061'"), "data");
    assert_eq!(value(r"U&'\\''\D83D\DE00'"), "\\'😀");
    assert_eq!(value("u&'d!0061!!' UESCAPE '!'"), "da!");
    assert_eq!(value("U&'d!0061' /* c */ uescape\n$$!$$"), "da");
    assert_eq!(value("U&'d!0061'\n'!0062' UESCAPE E'!'"), "dab");
    assert_eq!(value("U&'\\00'\n'61'"), "a", "decoded after joining");
    assert_eq!(name(r#"U&"ss\006E""#), "ssn");
    assert_eq!(name(r#"u&"ss!006E""" UESCAPE '!'"#), "ssn\"");
    assert_eq!(
        texts("U&\"a\" UESCAPE '!', b"),
        ["U&\"a\" UESCAPE '!'", ",", "b"]
    );
    assert_eq!(texts("u&x"), ["u", "&", "x"]);
    assert_eq!(texts("u & 'x'"), ["u", "&", "'x'"]);
    assert_eq!(texts("U&'a' uescaped"), ["U&'a'", "uescaped"]);
    for sql in [
        "U&'a' UESCAPE 'ab'",
        "U&'a' UESCAPE '+'",
        "U&'a' UESCAPE 'a'",
        "U&'a' UESCAPE ' '",
    ] {
        assert_eq!(refused(sql).1, Kind::InvalidEscapeCharacter, "{sql}");
    }
    assert_eq!(refused("U&'a' UESCAPE").1, Kind::InvalidEscapeCharacter);
    assert_eq!(refused("U&'a' UESCAPE x").1, Kind::InvalidEscapeCharacter);
    assert_eq!(refused(r"U&'\006'").1, Kind::InvalidUnicodeEscape);
    assert_eq!(refused(r"U&'\0000'").1, Kind::InvalidUnicodeEscape);
    assert_eq!(refused(r"U&'\D83Dx'").1, Kind::InvalidSurrogatePair);
    assert_eq!(refused(r#"U&"""#).1, Kind::EmptyIdentifier);
}

#[test]
fn dollar_strings() {
    assert_eq!(value("$$it's$$"), "it's");
    assert_eq!(value("$a$ $$ $b$ $a$"), " $$ $b$ ");
    assert_eq!(value("$é1$x$é1$"), "x");
    assert_eq!(value("$a$$b$a$"), "$b");
    assert_eq!(texts("a$$b$$"), ["a$$b$$"], "a dollar inside a name");
    assert_eq!(texts("$$a$$$$b$$"), ["$$a$$", "$$b$$"]);
    assert_eq!(refused("$a$ $A$"), (0, Kind::UnterminatedString));
    assert_eq!(refused("$1a$ $1a$"), (0, Kind::JunkAfterParameter));
    assert_eq!(
        dollar_tag(&tokens("$tag$x$tag$")[0], "$tag$x$tag$"),
        Some("tag")
    );
}

#[test]
fn names_fold_and_are_cut_as_the_server_does() {
    assert_eq!(name("SsN"), "ssn");
    assert_eq!(name("ÉTÉ"), "ÉtÉ");
    assert_eq!(name("\"SsN\"\"x\""), "SsN\"x");
    assert_eq!(name(&"A".repeat(70)), "a".repeat(63));
    assert_eq!(name(&format!("{}é", "a".repeat(62))), "a".repeat(62));
    assert_eq!(
        name(&format!("\"{}é\"", "a".repeat(61))),
        format!("{}é", "a".repeat(61))
    );
    assert_eq!(
        texts("a\u{a0}b"),
        ["a\u{a0}b"],
        "a no-break space is a letter"
    );
    assert_eq!(refused("\"\"").1, Kind::EmptyIdentifier);
    assert_eq!(refused("x \"a").1, Kind::UnterminatedIdentifier);
    assert_eq!(refused("a\0b").1, Kind::UnexpectedCharacter);
    assert_eq!(refused("{a}").1, Kind::UnexpectedCharacter);
    assert_eq!(refused("\\d").1, Kind::UnexpectedCharacter);
}

#[test]
fn caps() {
    let small = Limits {
        bytes: 20,
        tokens: 5,
        nesting: 2,
        chain: 3,
    };
    let kind = |sql: &str| lex(sql, &small).map_err(|error| error.kind);
    assert!(kind("a,b,c").is_ok());
    assert_eq!(kind("a,b,c,"), Err(Kind::TooManyTokens));
    assert_eq!(kind("                     "), Err(Kind::TextTooLong));
    assert!(kind("((1))").is_ok());
    assert_eq!(kind("((("), Err(Kind::TooDeep));
    assert_eq!(kind("(1"), Err(Kind::UnbalancedBracket));
    assert_eq!(kind("(1]"), Err(Kind::UnbalancedBracket));
    assert_eq!(kind("1)"), Err(Kind::UnbalancedBracket));
    let wide = Limits {
        tokens: 1000,
        bytes: 1000,
        ..small
    };
    let chained = |sql: &str| lex(sql, &wide).map_err(|error| error.kind);
    assert!(chained("a or b or c or d").is_ok());
    assert_eq!(chained("a or b or c or d or e"), Err(Kind::ChainTooLong));
    assert!(
        chained("case when a=1 then b when a=2 then c when a=3 then d when a=4 then e end").is_ok()
    );
    assert!(chained("(1+1),(1+1),(1+1),(1+1),(1+1)").is_ok());
    assert_eq!(chained("a[1][2][3][4]"), Err(Kind::ChainTooLong));
}

/// Text made of the pieces that scanners stumble over.
fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        proptest::sample::select(vec![
            "'", "''", "\"", "$$", "$a$", "$1", "--", "\n", "\r", "/*", "*/", "\\", "\\u", "\\x4",
            "E'", "U&'", "U&\"", "uescape", "B'", "x'", "N'", "0x", "1e", "1.", "..", "::", ":=",
            "=>", "<>", "+", "-", "@", "(", ")", "[", "]", ",", ";", " ", "é", "😀", "_", "ident",
            "D83D", "\\DE00", "!", "'!'", "\0",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn tokens_are_ordered_and_between_them_is_only_blank(sql in nasty()) {
        let Ok(tokens) = lex(&sql, &Limits::default()) else { return Ok(()) };
        let mut at = 0;
        for token in &tokens {
            prop_assert!(at <= token.start && token.start < token.end && token.end <= sql.len());
            prop_assert_eq!(blank::skip(sql.as_bytes(), at), Ok(token.start));
            prop_assert!(sql.is_char_boundary(token.start) && sql.is_char_boundary(token.end));
            match token.kind {
                TokenKind::String(_) => prop_assert!(string_value(token, &sql).is_ok()),
                _ => prop_assert_eq!(ident(token, &sql).is_some(), token.is_ident()),
            }
            if let Some(name) = ident(token, &sql) {
                prop_assert!(!name.is_empty() && name.len() <= MAX_NAME_BYTES);
            }
            at = token.end;
        }
        prop_assert_eq!(blank::skip(sql.as_bytes(), at), Ok(sql.len()));
    }

    #[test]
    fn any_value_survives_quoting(value in "[^\\x00]*") {
        let plain = format!("'{}'", value.replace('\'', "''"));
        let escape = format!("E'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"));
        let unicode = format!("U&'{}'", value.replace('\\', "\\\\").replace('\'', "''"));
        for sql in [plain, escape, unicode] {
            let tokens = lex(&sql, &Limits::default()).unwrap();
            prop_assert_eq!(tokens.len(), 1);
            prop_assert_eq!(string_value(&tokens[0], &sql).unwrap(), value.as_str());
        }
    }
}
