//! Numbers and parameters, as scan.l of PostgreSQL 16 and later reads them.

use super::scan::{is_ident_part, is_ident_start};
use super::{LexErrorKind, TokenKind};

/// The highest parameter number that Bind can carry (its count is a `u16`).
const MAX_PARAM: u32 = 65_535;

fn at(bytes: &[u8], index: usize) -> Option<u8> {
    bytes.get(index).copied()
}

fn is_digit(bytes: &[u8], index: usize) -> bool {
    at(bytes, index).is_some_and(|byte| byte.is_ascii_digit())
}

/// `{digit}(_?{digit})*` from `start`: its end, or `start` if there is no digit.
fn digits(bytes: &[u8], start: usize, is: fn(&u8) -> bool) -> usize {
    let digit = |index| bytes.get(index).is_some_and(is);
    let mut end = start;
    while digit(end) || (end > start && at(bytes, end) == Some(b'_') && digit(end + 1)) {
        end += 1;
    }
    end
}

/// Reads the number at `start`, which is a digit, or a point before one. Gives its kind and end.
pub(super) fn number(bytes: &[u8], start: usize) -> Result<(TokenKind, usize), LexErrorKind> {
    if let Some(found) = radix(bytes, start) {
        return found;
    }
    let mut kind = TokenKind::Integer;
    let mut end = digits(bytes, start, u8::is_ascii_digit);
    // `1..2` is an integer and `..`, for PL/pgSQL's loops.
    if at(bytes, end) == Some(b'.') && at(bytes, end + 1) != Some(b'.') {
        kind = TokenKind::Number;
        end = digits(bytes, end + 1, u8::is_ascii_digit);
    } else if at(bytes, end) == Some(b'.') {
        return Ok((kind, end));
    }
    if matches!(at(bytes, end), Some(b'e' | b'E')) {
        let signed = matches!(at(bytes, end + 1), Some(b'+' | b'-'));
        let exponent = end + 1 + usize::from(signed);
        if !is_digit(bytes, exponent) {
            return Err(LexErrorKind::JunkAfterNumber);
        }
        kind = TokenKind::Number;
        end = digits(bytes, exponent, u8::is_ascii_digit);
    }
    if at(bytes, end).is_some_and(is_ident_start) {
        return Err(LexErrorKind::JunkAfterNumber);
    }
    Ok((kind, end))
}

/// `0x`, `0o` and `0b` integers; `None` for anything else.
fn radix(bytes: &[u8], start: usize) -> Option<Result<(TokenKind, usize), LexErrorKind>> {
    if at(bytes, start) != Some(b'0') {
        return None;
    }
    let is: fn(&u8) -> bool = match at(bytes, start + 1)? {
        b'x' | b'X' => u8::is_ascii_hexdigit,
        b'o' | b'O' => |byte| matches!(byte, b'0'..=b'7'),
        b'b' | b'B' => |byte| matches!(byte, b'0' | b'1'),
        _ => return None,
    };
    let skipped = usize::from(at(bytes, start + 2) == Some(b'_'));
    let first = start + 2 + skipped;
    let end = digits(bytes, first, is);
    if end == first {
        return Some(Err(LexErrorKind::InvalidInteger));
    }
    if at(bytes, end).is_some_and(is_ident_part) {
        return Some(Err(LexErrorKind::JunkAfterNumber));
    }
    Some(Ok((TokenKind::Integer, end)))
}

/// Reads the parameter at `start`, a dollar before a digit. Gives its number and end.
pub(super) fn param(bytes: &[u8], start: usize) -> Result<(TokenKind, usize), LexErrorKind> {
    let mut number = 0u32;
    let mut end = start + 1;
    while let Some(digit) = at(bytes, end).filter(u8::is_ascii_digit) {
        number = number
            .saturating_mul(10)
            .saturating_add(u32::from(digit - b'0'));
        end += 1;
    }
    if at(bytes, end).is_some_and(is_ident_start) {
        return Err(LexErrorKind::JunkAfterParameter);
    }
    if number > MAX_PARAM {
        return Err(LexErrorKind::ParameterTooLarge);
    }
    Ok((TokenKind::Param(number), end))
}
