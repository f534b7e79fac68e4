//! SQL text to tokens, as PostgreSQL cuts it (`src/backend/parser/scan.l`, versions 14 to 18).
//!
//! The planner trusts no other reading of the text: a statement is understood from these tokens and from nothing
//! else. UTF-8 text is assumed; the caller refuses a protected statement where that does not hold. Where the versions differ (digits with underscores, `0x1F`) the newest
//! reading is taken: what it accepts, older servers refuse or read as an alias.

mod blank;
mod decode;
mod number;
mod scan;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

use thiserror::Error;

use scan::Scanner;

/// PostgreSQL's `NAMEDATALEN - 1`: names are cut to this many bytes, at a character's boundary.
pub const MAX_NAME_BYTES: usize = 63;

/// One token. Comments and white space are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Offset of its first byte in the text.
    pub start: usize,
    /// Offset of the byte after its last.
    pub end: usize,
}

/// The kinds of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// An unquoted identifier or a keyword.
    Ident,
    /// `"name"`.
    QuotedIdent,
    /// `U&"name"`, its `UESCAPE` clause included.
    UnicodeIdent,
    /// A string constant, its continuations on later lines included.
    String(StringKind),
    /// Digits only, or `0x`, `0o`, `0b` with digits.
    Integer,
    /// A number with a point or an exponent.
    Number,
    /// `$n`.
    Param(u32),
    /// An operator, also `+ - * / % ^ < > =`, `<=`, `>=`, `<>`, `!=` and `=>`.
    Operator,
    /// One of `, ( ) [ ] . ; :`.
    Special(u8),
    /// `:=`
    ColonEquals,
    /// `::`
    TypeCast,
    /// `..`
    DotDot,
}

/// How a string constant is written, or read where the session's settings decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StringKind {
    /// `'…'`
    Plain,
    /// `'…'` or `N'…'` while `standard_conforming_strings` is off: with the escapes of `E'…'`.
    Escaping,
    /// `E'…'`
    Escape,
    /// `U&'…'`, its `UESCAPE` clause included.
    Unicode,
    /// `$tag$…$tag$`
    Dollar,
    /// `B'…'`
    Bit,
    /// `X'…'`
    Hex,
    /// `N'…'`: to PostgreSQL a constant of type `bpchar`.
    National,
}

impl Token {
    /// The token as it stands in the text.
    #[must_use]
    pub fn text<'a>(&self, sql: &'a str) -> &'a str {
        sql.get(self.start..self.end).unwrap_or_default()
    }

    /// Its bytes in the text.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.start..self.end
    }

    /// Whether it is an identifier of any spelling.
    #[must_use]
    pub fn is_ident(&self) -> bool {
        matches!(
            self.kind,
            TokenKind::Ident | TokenKind::QuotedIdent | TokenKind::UnicodeIdent
        )
    }

    /// Whether it is this keyword, unquoted, in any case.
    #[must_use]
    pub fn is_word(&self, sql: &str, word: &str) -> bool {
        self.kind == TokenKind::Ident && self.text(sql).eq_ignore_ascii_case(word)
    }

    /// Whether it is this punctuation.
    #[must_use]
    pub fn is_special(&self, byte: u8) -> bool {
        self.kind == TokenKind::Special(byte)
    }

    /// Whether it is this operator.
    #[must_use]
    pub fn is_operator(&self, sql: &str, operator: &str) -> bool {
        self.kind == TokenKind::Operator && self.text(sql) == operator
    }
}

/// How much text is taken apart at all. What exceeds a cap is an error, so that nobody can make the planner spend
/// unbounded memory or stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text.
    pub bytes: usize,
    /// Tokens.
    pub tokens: usize,
    /// Depth of `(` and `[`.
    pub nesting: usize,
    /// Links of one operator chain (`a OR b OR c …`): each is a level of the syntax tree. See [`Limits::default`].
    pub chain: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 << 20,
            tokens: 500_000,
            nesting: 100,
            chain: 1000,
        }
    }
}

/// Why a text is not taken apart. Holds no part of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{kind} at byte {at}")]
pub struct LexError {
    /// Offset of the byte in question.
    pub at: usize,
    /// What is wrong there.
    pub kind: LexErrorKind,
}

/// The kinds of [`LexError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum LexErrorKind {
    /// `/*` without its end.
    #[error("unterminated comment")]
    UnterminatedComment,
    /// A string constant without its end.
    #[error("unterminated string constant")]
    UnterminatedString,
    /// `"` without its end.
    #[error("unterminated quoted identifier")]
    UnterminatedIdentifier,
    /// `""`.
    #[error("zero-length delimited identifier")]
    EmptyIdentifier,
    /// `1abc`, `1e+`.
    #[error("trailing junk after numeric literal")]
    JunkAfterNumber,
    /// `0x` without digits.
    #[error("invalid integer")]
    InvalidInteger,
    /// `$1abc`.
    #[error("trailing junk after parameter")]
    JunkAfterParameter,
    /// A parameter number beyond 65535, which the protocol cannot bind.
    #[error("parameter number too large")]
    ParameterTooLarge,
    /// A `\u`, `\U` or `U&` escape that names no character.
    #[error("invalid Unicode escape")]
    InvalidUnicodeEscape,
    /// Half a surrogate pair.
    #[error("invalid Unicode surrogate pair")]
    InvalidSurrogatePair,
    /// `U&'…'` while `standard_conforming_strings` is off.
    #[error("unsafe use of string constant with Unicode escapes")]
    UnsafeUnicodeString,
    /// `UESCAPE` without a usable character.
    #[error("invalid Unicode escape character")]
    InvalidEscapeCharacter,
    /// Byte escapes of an `E''` constant that are no UTF-8.
    #[error("string constant is not valid UTF-8")]
    InvalidUtf8,
    /// An operator as long as a name may not be.
    #[error("operator too long")]
    OperatorTooLong,
    /// A character that starts no token.
    #[error("unexpected character")]
    UnexpectedCharacter,
    /// A bracket without its partner.
    #[error("unbalanced bracket")]
    UnbalancedBracket,
    /// More bytes than [`Limits::bytes`].
    #[error("statement text too long")]
    TextTooLong,
    /// More tokens than [`Limits::tokens`].
    #[error("statement has too many tokens")]
    TooManyTokens,
    /// Deeper than [`Limits::nesting`].
    #[error("statement is nested too deeply")]
    TooDeep,
    /// Longer than [`Limits::chain`].
    #[error("expression has too many operators in a row")]
    ChainTooLong,
}

/// [`lex_as`] while `standard_conforming_strings` is on.
///
/// # Errors
///
/// As [`lex_as`].
pub fn lex(sql: &str, limits: &Limits) -> Result<Vec<Token>, LexError> {
    lex_as(sql, limits, true)
}

/// Cuts a text into its tokens, in order; `conforming` is the session's `standard_conforming_strings`.
///
/// Every byte between two tokens belongs to white space or a comment. All constants have been decoded once, so
/// that [`string_value`] cannot fail on a token from here.
///
/// # Errors
///
/// What PostgreSQL's scanner would refuse, brackets without partners, and texts beyond a cap.
pub fn lex_as(sql: &str, limits: &Limits, conforming: bool) -> Result<Vec<Token>, LexError> {
    if sql.len() > limits.bytes {
        return Err(LexError {
            at: limits.bytes,
            kind: LexErrorKind::TextTooLong,
        });
    }
    let mut scanner = Scanner::new(sql, conforming);
    let mut shape = Shape::new(limits);
    let mut tokens = Vec::with_capacity(sql.len() / 5);
    while let Some(token) = scanner.next_token()? {
        if tokens.len() >= limits.tokens {
            return Err(LexError {
                at: token.start,
                kind: LexErrorKind::TooManyTokens,
            });
        }
        shape.note(&token, sql)?;
        tokens.push(token);
    }
    shape.finish(sql.len())?;
    Ok(tokens)
}

/// What the name of the setting ends in by which `'…'` constants are read.
pub const STRINGS: &str = "conforming_strings";

/// By these words a text sets the encoding of what the client is sent.
pub const ENCODINGS: [&str; 2] = ["client_encoding", "names"];

/// Whether a text that holds one of [`ENCODINGS`] may set the encoding.
#[must_use]
pub fn sets_encoding(sql: &[u8]) -> bool {
    let [setting, names] = ENCODINGS;
    let text = std::str::from_utf8(sql).ok();
    let tokens = text.and_then(|text| lex(text, &Limits::default()).ok());
    let (Some(text), Some(tokens)) = (text, tokens) else {
        return true;
    };
    // SET client_encoding, set_config('client_encoding', …), SET NAMES 'LATIN1'; not SET names = 'x'.
    let is_setting = |token: &Token| match token.kind {
        TokenKind::String(_) => {
            string_value(token, text).is_ok_and(|value| value.eq_ignore_ascii_case(setting))
        }
        _ => ident(token, text).is_some_and(|name| name.eq_ignore_ascii_case(setting)),
    };
    tokens.iter().any(is_setting)
        || tokens.iter().enumerate().any(|(at, token)| {
            let before = at.checked_sub(1).and_then(|before| tokens.get(before));
            let set = before.is_some_and(|before| {
                ["set", "local", "session"]
                    .iter()
                    .any(|word| before.is_word(text, word))
            });
            let assigned = tokens.get(at + 1).is_some_and(|next| {
                let next = next.text(text);
                ["=", ".", "["].contains(&next)
            });
            set && !assigned && token.is_word(text, names)
        })
}

/// Whether a text is read in another way while `standard_conforming_strings` is off: a backslash stands in a plain constant.
#[must_use]
pub fn depends_on_setting(sql: &[u8]) -> bool {
    if !sql.contains(&b'\\') {
        return false;
    }
    let text = std::str::from_utf8(sql).ok();
    let tokens = text.and_then(|text| lex_as(text, &Limits::default(), false).ok());
    let (Some(text), Some(tokens)) = (text, tokens) else {
        return true;
    };
    tokens.iter().any(|token| {
        token.kind == TokenKind::String(StringKind::Escaping) && token.text(text).contains('\\')
    })
}

/// The name an identifier token stands for: folded (ASCII letters only, where unquoted), unescaped and cut to
/// [`MAX_NAME_BYTES`]. `None` for other tokens.
#[must_use]
pub fn ident<'a>(token: &Token, sql: &'a str) -> Option<Cow<'a, str>> {
    let text = token.text(sql);
    let name = match token.kind {
        TokenKind::Ident => decode::fold(text),
        TokenKind::QuotedIdent => decode::quoted_ident(text),
        TokenKind::UnicodeIdent => decode::unicode(text, token.start).ok()?,
        _ => return None,
    };
    Some(decode::truncate(name))
}

/// What a token calls: the name of an identifier, or an operator.
#[must_use]
pub fn called<'a>(token: &Token, sql: &'a str) -> Option<Cow<'a, str>> {
    match token.kind {
        TokenKind::Operator => Some(token.text(sql).into()),
        _ => ident(token, sql),
    }
}

/// The value of a string constant: quotes undone, escapes decoded, continuations joined. For `B''` and `X''` the
/// digits as written.
///
/// # Errors
///
/// None for a token of [`lex`] that [is a string](TokenKind::String) and its own text; otherwise
/// [`LexErrorKind::UnexpectedCharacter`] or what decoding finds.
pub fn string_value<'a>(token: &Token, sql: &'a str) -> Result<Cow<'a, str>, LexError> {
    match token.kind {
        TokenKind::String(kind) => decode::string(kind, token.text(sql), token.start),
        _ => Err(LexError {
            at: token.start,
            kind: LexErrorKind::UnexpectedCharacter,
        }),
    }
}

/// Whether a keyword stands somewhere in a text, between anything that is no part of a name: in every reading in which
/// it is a token, and in others.
#[must_use]
pub fn has_word(sql: &[u8], word: &str) -> bool {
    let part = |at: usize| sql.get(at).is_some_and(|&byte| scan::is_ident_part(byte));
    sql.windows(word.len()).enumerate().any(|(at, found)| {
        found.eq_ignore_ascii_case(word.as_bytes())
            && !part(at + word.len())
            && !at.checked_sub(1).is_some_and(part)
    })
}

/// The names that a `U&"…"`, whose opening quote `text` starts with, can stand for, one for each escape character that
/// a `UESCAPE` clause could choose. `None` where a letter beyond ASCII leaves that open.
#[must_use]
pub fn unicode_names(text: &[u8]) -> Option<Vec<String>> {
    decode::unicode_names(text)
}

/// The tag of a dollar-quoted constant, without its dollars; `None` for other tokens.
#[must_use]
pub fn dollar_tag<'a>(token: &Token, sql: &'a str) -> Option<&'a str> {
    match token.kind {
        TokenKind::String(StringKind::Dollar) => {
            decode::dollar_parts(token.text(sql)).map(|(tag, _)| tag)
        }
        _ => None,
    }
}

/// Bracket pairing and the caps on the tree that a parser would build.
struct Shape<'a> {
    limits: &'a Limits,
    /// The closing bracket and the chain length so far of each open level; the last is the innermost.
    open: Vec<(u8, usize)>,
    chain: usize,
}

/// Keywords that make the tree one level deeper without a bracket.
const LINKS: &[&str] = &[
    "and",
    "or",
    "not",
    "is",
    "isnull",
    "notnull",
    "in",
    "like",
    "ilike",
    "similar",
    "between",
    "collate",
    "at",
    "operator",
    "overlaps",
    "union",
    "except",
    "intersect",
    "join",
];

/// Keywords after which a new, sibling expression starts.
const BREAKS: &[&str] = &["when", "then", "else"];

impl<'a> Shape<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            open: Vec::new(),
            chain: 0,
        }
    }

    fn note(&mut self, token: &Token, sql: &str) -> Result<(), LexError> {
        let failed = |kind| {
            Err(LexError {
                at: token.start,
                kind,
            })
        };
        match token.kind {
            TokenKind::Special(opening @ (b'(' | b'[')) => {
                if self.open.len() >= self.limits.nesting {
                    return failed(LexErrorKind::TooDeep);
                }
                let closing = if opening == b'(' { b')' } else { b']' };
                // `a[1][2]…` and `f(1)(2)…` are chains too.
                self.open.push((closing, self.chain + 1));
                self.chain = 0;
            }
            TokenKind::Special(closing @ (b')' | b']')) => match self.open.pop() {
                Some((expected, outer)) if expected == closing => self.chain = outer,
                _ => return failed(LexErrorKind::UnbalancedBracket),
            },
            TokenKind::Special(b',' | b';') => self.chain = 0,
            TokenKind::Special(b'.') | TokenKind::Operator | TokenKind::TypeCast => self.chain += 1,
            TokenKind::Ident => {
                let is = |words: &[&str]| words.iter().any(|word| token.is_word(sql, word));
                if is(LINKS) {
                    self.chain += 1;
                } else if is(BREAKS) {
                    self.chain = 0;
                }
            }
            _ => {}
        }
        if self.chain > self.limits.chain {
            failed(LexErrorKind::ChainTooLong)
        } else {
            Ok(())
        }
    }

    fn finish(&self, at: usize) -> Result<(), LexError> {
        if self.open.is_empty() {
            Ok(())
        } else {
            Err(LexError {
                at,
                kind: LexErrorKind::UnbalancedBracket,
            })
        }
    }
}
