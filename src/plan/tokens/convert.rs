//! Token by token, without loss.

use sqlparser::ast::DollarQuotedString;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Span, Token as ParserToken, TokenWithSpan, Whitespace, Word};
use thiserror::Error;

use super::respell::Respelling;
use crate::plan::lexer::{StringKind, Token, TokenKind, dollar_tag, ident, string_value};

/// A token that the parser has no word for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{what} is not understood here")]
pub struct UnfaithfulToken {
    /// What it is.
    pub what: &'static str,
    /// Where it starts, in bytes.
    pub at: usize,
}

/// Words that sqlparser takes for syntax of other databases wherever they stand and that PostgreSQL does not know:
/// columns, aliases and functions of these names would be misread.
const FOREIGN: &[Keyword] = &[
    Keyword::ANTI,
    Keyword::APPLY,
    Keyword::ASOF,
    Keyword::CONNECT,
    Keyword::CONVERT,
    Keyword::DISTRIBUTE,
    Keyword::DIV,
    Keyword::FINAL,
    Keyword::GLOB,
    Keyword::MATCH_RECOGNIZE,
    Keyword::MEMBER,
    Keyword::MINUS,
    Keyword::PIVOT,
    Keyword::PREWHERE,
    Keyword::PRIOR,
    Keyword::QUALIFY,
    Keyword::REGEXP,
    Keyword::RLIKE,
    Keyword::SAFE_CAST,
    Keyword::SAMPLE,
    Keyword::SEMI,
    Keyword::SETTINGS,
    Keyword::SORT,
    Keyword::STRAIGHT_JOIN,
    Keyword::STRUCT,
    Keyword::TOP,
    Keyword::TRY_CAST,
    Keyword::TRY_CONVERT,
    Keyword::UNPIVOT,
    Keyword::XOR,
];

/// Turns tokens into the parser's, decoded, with their byte offsets (see [`source_range`]).
///
/// # Errors
///
/// [`UnfaithfulToken`] for the first token that would not arrive as what it is.
///
/// [`source_range`]: super::source_range
pub fn convert(sql: &str, tokens: &[Token]) -> Result<Vec<TokenWithSpan>, UnfaithfulToken> {
    let mut out = Vec::with_capacity(tokens.len() + 8);
    let mut respelling = Respelling::default();
    let mut spelled = 0;
    for (index, token) in tokens.iter().enumerate() {
        if index < spelled {
            continue;
        }
        if let Some(respelled) = respelling.at(sql, tokens, index) {
            spelled = index + respelled.count;
            for (at, same) in (index..).zip(respelled.as_tokens) {
                let instead_of = tokens.get(at).filter(|_| at < spelled).unwrap_or(token);
                out.push(TokenWithSpan {
                    token: same,
                    span: span(instead_of),
                });
            }
            continue;
        }
        let before = index.checked_sub(1).and_then(|index| tokens.get(index));
        let after = tokens.get(index + 1);
        let span = span(token);
        let mut push = |token| out.push(TokenWithSpan { token, span });
        if token.kind == TokenKind::Ident {
            word(sql, token, before, after, push);
            continue;
        }
        let converted = single(sql, token)?;
        // `:name` and `@name` would be placeholders if the name stood next to the sign.
        let sign = matches!(converted, ParserToken::Colon | ParserToken::AtSign);
        push(converted);
        if sign {
            push(ParserToken::Whitespace(Whitespace::Space));
        }
    }
    Ok(out)
}

/// Line 1, column = byte offset + 1: line 0 would mean "no position".
fn span(token: &Token) -> Span {
    let location = |offset: usize| {
        Location::new(
            1,
            u64::try_from(offset).map_or(u64::MAX, |at| at.saturating_add(1)),
        )
    };
    Span::new(location(token.start), location(token.end))
}

/// An unquoted word, folded: keywords as the parser knows them, but for those that PostgreSQL reads otherwise.
fn word(
    sql: &str,
    token: &Token,
    before: Option<&Token>,
    after: Option<&Token>,
    mut push: impl FnMut(ParserToken),
) {
    let name = ident(token, sql).unwrap_or_default();
    let made = ParserToken::make_word(&name, None);
    let ParserToken::Word(made) = made else {
        return push(made);
    };
    let follows = |word: &str| before.is_some_and(|before| before.is_word(sql, word));
    let label = follows("as") || before.is_some_and(|before| before.is_special(b'.'));
    let call = after.is_some_and(|after| after.is_special(b'('));
    // `x ISNULL` would be an alias.
    let postfix = !label && !call;
    let spelled_out: &[&str] = match name.as_ref() {
        "isnull" if postfix => &["is", "null"],
        "notnull" if postfix => &["is", "not", "null"],
        _ => &[],
    };
    if !spelled_out.is_empty() {
        return spelled_out
            .iter()
            .for_each(|word| push(ParserToken::make_word(word, None)));
    }
    match made.keyword {
        // A column of this name would swallow what comes after it.
        Keyword::INTERVAL if !interval_is_type(before, after, sql) => push(plain(made)),
        keyword if FOREIGN.contains(&keyword) => push(plain(made)),
        _ => push(ParserToken::Word(made)),
    }
}

fn plain(word: Word) -> ParserToken {
    ParserToken::Word(Word {
        keyword: Keyword::NoKeyword,
        ..word
    })
}

fn interval_is_type(before: Option<&Token>, after: Option<&Token>, sql: &str) -> bool {
    before.is_some_and(|before| before.kind == TokenKind::TypeCast || before.is_word(sql, "as"))
        || after.is_some_and(|after| {
            matches!(after.kind, TokenKind::String(_) | TokenKind::Special(b'('))
        })
}

/// Every token but unquoted words.
fn single(sql: &str, token: &Token) -> Result<ParserToken, UnfaithfulToken> {
    let unfaithful = |what| UnfaithfulToken {
        what,
        at: token.start,
    };
    Ok(match token.kind {
        TokenKind::Ident | TokenKind::QuotedIdent | TokenKind::UnicodeIdent => {
            let value = ident(token, sql)
                .ok_or_else(|| unfaithful("this name"))?
                .into_owned();
            ParserToken::Word(Word {
                value,
                quote_style: Some('"'),
                keyword: Keyword::NoKeyword,
            })
        }
        TokenKind::String(kind) => {
            let value = string_value(token, sql).map_err(|_| unfaithful("this string constant"))?;
            string(kind, value.into_owned(), dollar_tag(token, sql))
        }
        TokenKind::Integer | TokenKind::Number => {
            ParserToken::Number(token.text(sql).to_owned(), false)
        }
        TokenKind::Param(_) => ParserToken::Placeholder(token.text(sql).to_owned()),
        TokenKind::Operator => operator(token.text(sql)),
        TokenKind::TypeCast => ParserToken::DoubleColon,
        TokenKind::ColonEquals => ParserToken::Assignment,
        TokenKind::DotDot => return Err(unfaithful("\"..\"")),
        TokenKind::Special(byte) => special(byte).ok_or_else(|| unfaithful("this character"))?,
    })
}

fn string(kind: StringKind, value: String, tag: Option<&str>) -> ParserToken {
    match kind {
        StringKind::Plain => ParserToken::SingleQuotedString(value),
        StringKind::Escape | StringKind::Escaping => ParserToken::EscapedStringLiteral(value),
        StringKind::Unicode => ParserToken::UnicodeStringLiteral(value),
        StringKind::Bit => ParserToken::SingleQuotedByteStringLiteral(value),
        StringKind::Hex => ParserToken::HexStringLiteral(value),
        StringKind::National => ParserToken::NationalStringLiteral(value),
        StringKind::Dollar => {
            let tag = tag.filter(|tag| !tag.is_empty()).map(str::to_owned);
            ParserToken::DollarQuotedString(DollarQuotedString { value, tag })
        }
    }
}

fn special(byte: u8) -> Option<ParserToken> {
    Some(match byte {
        b',' => ParserToken::Comma,
        b'(' => ParserToken::LParen,
        b')' => ParserToken::RParen,
        b'[' => ParserToken::LBracket,
        b']' => ParserToken::RBracket,
        b'.' => ParserToken::Period,
        b';' => ParserToken::SemiColon,
        b':' => ParserToken::Colon,
        _ => return None,
    })
}

/// An operator under the parser's own token, if that means in PostgreSQL what the parser takes it for.
/// Others (`==`, `<=>`, `!`, `//`, `|>`, those of extensions) become custom operators with their text.
fn operator(text: &str) -> ParserToken {
    arithmetic(text)
        .or_else(|| matching(text))
        .or_else(|| geometric(text))
        .unwrap_or_else(|| ParserToken::CustomBinaryOperator(text.to_owned()))
}

fn arithmetic(text: &str) -> Option<ParserToken> {
    Some(match text {
        "+" => ParserToken::Plus,
        "-" => ParserToken::Minus,
        "*" => ParserToken::Mul,
        "/" => ParserToken::Div,
        "%" => ParserToken::Mod,
        "^" => ParserToken::Caret,
        "=" => ParserToken::Eq,
        "<" => ParserToken::Lt,
        ">" => ParserToken::Gt,
        "<=" => ParserToken::LtEq,
        ">=" => ParserToken::GtEq,
        "<>" | "!=" => ParserToken::Neq,
        "=>" => ParserToken::RArrow,
        "||" => ParserToken::StringConcat,
        "|" => ParserToken::Pipe,
        "&" => ParserToken::Ampersand,
        "#" => ParserToken::Sharp,
        "<<" => ParserToken::ShiftLeft,
        ">>" => ParserToken::ShiftRight,
        "|/" => ParserToken::PGSquareRoot,
        "||/" => ParserToken::PGCubeRoot,
        "@" => ParserToken::AtSign,
        "!!" => ParserToken::DoubleExclamationMark,
        _ => return None,
    })
}

/// Patterns, JSON, arrays and text search.
fn matching(text: &str) -> Option<ParserToken> {
    Some(match text {
        "~" => ParserToken::Tilde,
        "~*" => ParserToken::TildeAsterisk,
        "!~" => ParserToken::ExclamationMarkTilde,
        "!~*" => ParserToken::ExclamationMarkTildeAsterisk,
        "~~" => ParserToken::DoubleTilde,
        "~~*" => ParserToken::DoubleTildeAsterisk,
        "!~~" => ParserToken::ExclamationMarkDoubleTilde,
        "!~~*" => ParserToken::ExclamationMarkDoubleTildeAsterisk,
        "->" => ParserToken::Arrow,
        "->>" => ParserToken::LongArrow,
        "#>" => ParserToken::HashArrow,
        "#>>" => ParserToken::HashLongArrow,
        "#-" => ParserToken::HashMinus,
        "@>" => ParserToken::AtArrow,
        "<@" => ParserToken::ArrowAt,
        "@?" => ParserToken::AtQuestion,
        "@@" => ParserToken::AtAt,
        "?" => ParserToken::Question,
        "?&" => ParserToken::QuestionAnd,
        "?|" => ParserToken::QuestionPipe,
        "&&" => ParserToken::Overlap,
        "^@" => ParserToken::CaretAt,
        _ => return None,
    })
}

fn geometric(text: &str) -> Option<ParserToken> {
    Some(match text {
        "##" => ParserToken::DoubleSharp,
        "@-@" => ParserToken::AtDashAt,
        "?-" => ParserToken::QuestionMarkDash,
        "?#" => ParserToken::QuestionMarkSharp,
        "?-|" => ParserToken::QuestionMarkDashVerticalBar,
        "?||" => ParserToken::QuestionMarkDoubleVerticalBar,
        "&<" => ParserToken::AmpersandLeftAngleBracket,
        "&>" => ParserToken::AmpersandRightAngleBracket,
        "&<|" => ParserToken::AmpersandLeftAngleBracketVerticalBar,
        "|&>" => ParserToken::VerticalBarAmpersandRightAngleBracket,
        "<->" => ParserToken::TwoWayArrow,
        "<^" => ParserToken::LeftAngleBracketCaret,
        ">^" => ParserToken::RightAngleBracketCaret,
        "~=" => ParserToken::TildeEqual,
        "<<|" => ParserToken::ShiftLeftVerticalBar,
        "|>>" => ParserToken::VerticalBarShiftRight,
        _ => return None,
    })
}
