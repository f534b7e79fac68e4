//! Our tokens for the parser (guard 3 of the planner): `sqlparser` never sees the text, only what [`lex`] found.
//!
//! [`lex`]: super::lexer::lex

mod clauses;
mod constructs;
mod convert;
mod reserved;
mod respell;
mod split;
#[cfg(test)]
mod tests;

use std::ops::Range;

use sqlparser::ast::{Expr, Statement};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Span, Token as ParserToken};
use thiserror::Error;

use super::lexer::Token;

pub use clauses::{Recursion, Tokens};
pub use constructs::Construct;
pub use convert::{UnfaithfulToken, convert};
pub use reserved::is_reserved;
pub use split::{executes_text, may_execute_text, split, text_span};

/// Why a statement could not be parsed. Holds no part of the text: the parser's own message quotes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ParseError {
    /// A token that the parser has no word for.
    #[error(transparent)]
    Token(#[from] UnfaithfulToken),
    /// The parser does not know this construct, or it is an error.
    #[error("syntax that is not understood")]
    Syntax {
        /// The byte where the parser stopped, if it said so.
        at: Option<usize>,
    },
    /// Nested deeper than the parser goes.
    #[error("the statement is nested too deeply")]
    TooDeep,
}

impl ParseError {
    /// The byte in question, if known.
    #[must_use]
    pub fn at(&self) -> Option<usize> {
        match self {
            Self::Token(token) => Some(token.at),
            Self::Syntax { at } => *at,
            Self::TooDeep => None,
        }
    }
}

/// Parses one statement, a range of `tokens` that [`split()`] gave.
///
/// In the result every unquoted identifier is already folded and every name cut to 63 bytes (`Ident::value`
/// is the catalog's spelling, quoted or not), string values are decoded, and spans give byte offsets through
/// [`source_range`].
///
/// # Errors
///
/// [`ParseError`], also when tokens are left over.
pub fn parse(sql: &str, tokens: &[Token]) -> Result<Statement, ParseError> {
    let converted = convert(sql, tokens)?;
    let mut parser = Parser::new(&PostgreSqlDialect {}).with_tokens_with_locations(converted);
    let statement = parser.parse_statement().map_err(|error| refused(&error))?;
    let rest = parser.peek_token();
    if rest.token == ParserToken::EOF {
        Ok(statement)
    } else {
        Err(ParseError::Syntax {
            at: source_range(rest.span).map(|range| range.start),
        })
    }
}

/// Parses one element of ON CONFLICT: a column or an expression. A collation is a part of it; an operator class behind it
/// is left out.
///
/// # Errors
///
/// [`ParseError`], also when more than names is left over.
pub fn parse_element(sql: &str, tokens: &[Token]) -> Result<Expr, ParseError> {
    let converted = convert(sql, tokens)?;
    let mut parser = Parser::new(&PostgreSqlDialect {}).with_tokens_with_locations(converted);
    let expr = parser.parse_expr().map_err(|error| refused(&error))?;
    loop {
        let rest = parser.next_token();
        match rest.token {
            ParserToken::EOF => return Ok(expr),
            ParserToken::Word(_) | ParserToken::Period => {}
            _ => {
                return Err(ParseError::Syntax {
                    at: source_range(rest.span).map(|range| range.start),
                });
            }
        }
    }
}

/// The bytes of the text that a node's span covers; `None` for an empty span, which sqlparser gives to what
/// it does not track. Exact for literals and identifiers only.
#[must_use]
pub fn source_range(span: Span) -> Option<Range<usize>> {
    let offset = |column: u64| usize::try_from(column).ok()?.checked_sub(1);
    Some(offset(span.start.column)?..offset(span.end.column)?)
}

fn refused(error: &ParserError) -> ParseError {
    let message = match error {
        ParserError::RecursionLimitExceeded => return ParseError::TooDeep,
        ParserError::ParserError(message) | ParserError::TokenizerError(message) => message,
    };
    let column = message.rsplit_once(", Column: ").map(|(_, column)| column);
    let column = column.and_then(|column| column.trim().parse::<usize>().ok());
    ParseError::Syntax {
        at: column.and_then(|column| column.checked_sub(1)),
    }
}
