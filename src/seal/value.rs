//! The canonical plaintext of a value: what PostgreSQL's text form of the column's type would be.

use super::json;
use crate::model::{Format, Plain, Refusal, ValueKind};

/// A client's value, as it would stand in the column.
///
/// # Errors
/// What PostgreSQL itself would say: invalid JSON (`22P02`), invalid bytea (`22023`, `22P02`), too long for `varchar(n)` (`22001`),
/// invalid UTF-8 (`22021`).
pub fn canonical(
    kind: ValueKind,
    format: Format,
    max_chars: Option<u32>,
    bytes: &[u8],
) -> Result<Plain, Refusal> {
    match (kind, format) {
        (ValueKind::Bytea, Format::Binary) => Ok(Plain::new(bytes.to_vec())),
        (ValueKind::Bytea, Format::Text) => bytea_from_text(bytes)
            .map(Plain::new)
            .ok_or_else(|| invalid_bytea(bytes)),
        (ValueKind::Text, _) => fitting(utf8(bytes)?, max_chars),
        (ValueKind::Json, _) => {
            let text = utf8(bytes)?;
            json::validate(text)?;
            Ok(Plain::new(text.as_bytes().to_vec()))
        }
        (ValueKind::Jsonb, Format::Text) => {
            json::canonical_jsonb(utf8(bytes)?).map(|text| Plain::new(text.into_bytes()))
        }
        (ValueKind::Jsonb, Format::Binary) => match bytes.split_first() {
            Some((1, text)) => {
                json::canonical_jsonb(utf8(text)?).map(|text| Plain::new(text.into_bytes()))
            }
            _ => Err(Refusal::new(
                "XX000",
                "unsupported jsonb version number",
                "Send jsonb in version 1. See docs/errors.md#invalid-json.",
            )),
        },
    }
}

/// A canonical plaintext, as PostgreSQL would have sent it.
#[must_use]
pub fn present(kind: ValueKind, format: Format, plain: Plain) -> Vec<u8> {
    match (kind, format) {
        (ValueKind::Bytea, Format::Text) => hex(plain.expose()),
        (ValueKind::Jsonb, Format::Binary) => [&[1], plain.expose()].concat(),
        _ => plain.into_exposed(),
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Refusal> {
    let text = std::str::from_utf8(bytes)
        .ok()
        .filter(|text| !text.contains('\0'));
    text.ok_or_else(|| {
        Refusal::new(
            "22021",
            "invalid byte sequence for encoding \"UTF8\"",
            "Send valid UTF-8 without NUL. See docs/errors.md#invalid-utf8.",
        )
    })
}

/// `varchar(n)` cuts spaces at the end and takes nothing else away (manual 8.3).
fn fitting(text: &str, max_chars: Option<u32>) -> Result<Plain, Refusal> {
    let Some(max) = max_chars else {
        return Ok(Plain::new(text.as_bytes().to_vec()));
    };
    let limit = usize::try_from(max).unwrap_or(usize::MAX);
    match text.char_indices().nth(limit) {
        None => Ok(Plain::new(text.as_bytes().to_vec())),
        Some((end, _)) => match text.split_at_checked(end) {
            Some((kept, spaces)) if spaces.bytes().all(|byte| byte == b' ') => {
                Ok(Plain::new(kept.as_bytes().to_vec()))
            }
            _ => Err(Refusal::new(
                "22001",
                format!("value too long for type character varying({max})"),
                "Shorten the value. See docs/errors.md#value-too-long.",
            )),
        },
    }
}

/// `\x…`
pub(super) fn hex(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(2 + bytes.len() * 2);
    text.extend_from_slice(b"\\x");
    let digit = |value: u8| {
        if value < 10 {
            b'0' + value
        } else {
            b'a' + (value - 10)
        }
    };
    text.extend(
        bytes
            .iter()
            .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]),
    );
    text
}

/// The text forms of bytea: hex (white space between digits' pairs is allowed) and escape (manual 8.4).
pub(super) fn bytea_from_text(text: &[u8]) -> Option<Vec<u8>> {
    match text.strip_prefix(b"\\x") {
        Some(digits) => {
            let mut bytes = Vec::with_capacity(digits.len() / 2);
            let mut digits = digits.iter();
            while let Some(first) = digits.next() {
                if matches!(first, b' ' | b'\n' | b'\t' | b'\r') {
                    continue;
                }
                bytes.push(digit(*first)? << 4 | digit(*digits.next()?)?);
            }
            Some(bytes)
        }
        None => from_escape(text),
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

fn from_escape(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = match (first, after) {
            (b'\\', [b'\\', after @ ..]) => {
                bytes.push(b'\\');
                after
            }
            (
                b'\\',
                [
                    a @ b'0'..=b'3',
                    b @ b'0'..=b'7',
                    c @ b'0'..=b'7',
                    after @ ..,
                ],
            ) => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                after
            }
            (b'\\', _) => return None,
            (byte, after) => {
                bytes.push(*byte);
                after
            }
        };
    }
    Some(bytes)
}

fn invalid_bytea(text: &[u8]) -> Refusal {
    let (sqlstate, message) = match text {
        [b'\\', b'x', ..] => ("22023", "invalid hexadecimal data"),
        _ => ("22P02", "invalid input syntax for type bytea"),
    };
    Refusal::new(
        sqlstate,
        message,
        "Write it as '\\x…' in hexadecimal digits. See docs/errors.md#invalid-bytea.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varchar_counts_characters_and_cuts_only_spaces() {
        let fit = |text: &str| {
            canonical(ValueKind::Text, Format::Text, Some(3), text.as_bytes())
                .map(|plain| plain.expose().to_vec())
        };
        assert_eq!(fit("äöü").unwrap(), "äöü".as_bytes());
        assert_eq!(fit("abc   ").unwrap(), b"abc");
        assert_eq!(fit("abcd").unwrap_err().sqlstate, "22001");
    }

    #[test]
    fn bytea_has_two_text_forms() {
        assert_eq!(
            bytea_from_text(b"\\xDE ad\nbeEF").unwrap(),
            [0xde, 0xad, 0xbe, 0xef]
        );
        assert_eq!(bytea_from_text(b"a\\\\\\001z").unwrap(), b"a\\\x01z");
        assert!(bytea_from_text(b"\\xabc").is_none() && bytea_from_text(b"\\9").is_none());
    }
}
