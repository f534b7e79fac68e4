//! Arrays and records, in text and binary format: where their parts stand, and how a new part is written
//! (PostgreSQL manual 8.15.6, 8.16.6; `array_send`, `record_send`).

use std::borrow::Cow;
use std::ops::Range;

use super::WireError;
use super::reader::Reader;
use crate::model::{Format, Oid};

/// An element or field.
pub struct Part<'a> {
    /// Its bytes in the whole: quotes included in text, the length word in binary.
    pub range: Range<usize>,
    /// Its value; `None` is NULL.
    pub value: Option<Cow<'a, [u8]>>,
    /// Its type; 0 where only the plan knows it.
    pub type_oid: Oid,
}

/// The elements of an array, those of inner dimensions one after the other.
///
/// # Errors
/// Bytes that are no array.
pub fn elements(format: Format, bytes: &[u8]) -> Result<Vec<Part<'_>>, WireError> {
    match format {
        Format::Text => text_elements(bytes),
        Format::Binary => binary_elements(bytes),
    }
}

/// The fields of a record.
///
/// # Errors
/// Bytes that are no record.
pub fn fields(format: Format, bytes: &[u8]) -> Result<Vec<Part<'_>>, WireError> {
    match format {
        Format::Text => text_fields(bytes),
        Format::Binary => binary_fields(bytes),
    }
}

/// A value as an element of an array.
///
/// # Errors
/// A value that does not fit its length field.
pub fn element(format: Format, value: Vec<u8>) -> Result<Vec<u8>, WireError> {
    match format {
        Format::Text => Ok(quoted_element(value)),
        Format::Binary => with_length(&value),
    }
}

/// A value as a field of a record.
///
/// # Errors
/// A value that does not fit its length field.
pub fn field(format: Format, value: Vec<u8>) -> Result<Vec<u8>, WireError> {
    match format {
        Format::Text => Ok(quoted_field(value)),
        Format::Binary => with_length(&value),
    }
}

/// The bytes with some ranges replaced. The ranges are in order and do not overlap.
#[must_use]
pub fn spliced(bytes: &[u8], edits: &[(Range<usize>, Vec<u8>)]) -> Vec<u8> {
    let added: usize = edits.iter().map(|(_, new)| new.len()).sum();
    let mut whole = Vec::with_capacity(bytes.len() + added);
    let mut from = 0;
    for (range, new) in edits {
        whole.extend_from_slice(bytes.get(from..range.start).unwrap_or_default());
        whole.extend_from_slice(new);
        from = range.end;
    }
    whole.extend_from_slice(bytes.get(from..).unwrap_or_default());
    whole
}

fn with_length(value: &[u8]) -> Result<Vec<u8>, WireError> {
    let len = i32::try_from(value.len()).map_err(|_| WireError::TooLong)?;
    Ok([&len.to_be_bytes(), value].concat())
}

fn text_elements(text: &[u8]) -> Result<Vec<Part<'_>>, WireError> {
    let malformed = || WireError::Value("array");
    // Bounds other than 1 stand before the braces: [0:1]={…}
    let mut at = match text.first() {
        Some(b'[') => memchr::memchr(b'{', text).ok_or_else(malformed)?,
        _ => 0,
    };
    let mut parts = Vec::new();
    let mut depth = 0usize;
    while let Some(byte) = text.get(at) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.checked_sub(1).ok_or_else(malformed)?,
            b',' => {}
            _ if depth == 0 => return Err(malformed()),
            b'"' => {
                let (value, end) = escaped(text, at).ok_or_else(malformed)?;
                parts.push(part(at..end, Some(Cow::Owned(value))));
                at = end;
                continue;
            }
            _ => {
                let rest = text.get(at..).unwrap_or_default();
                let len = rest
                    .iter()
                    .position(|byte| matches!(byte, b',' | b'}' | b'{' | b'"' | b'\\'));
                // A backslash outside quotes is never printed, but may be sent.
                let len = len.filter(|len| *len > 0).ok_or_else(malformed)?;
                let end = at + len;
                let value = text.get(at..end).unwrap_or_default();
                let value = (!value.eq_ignore_ascii_case(b"null")).then_some(Cow::Borrowed(value));
                parts.push(part(at..end, value));
                at = end;
                continue;
            }
        }
        at += 1;
    }
    if depth == 0 && !text.is_empty() {
        Ok(parts)
    } else {
        Err(malformed())
    }
}

/// A quoted element with backslash escapes, and the place behind it.
fn escaped(text: &[u8], start: usize) -> Option<(Vec<u8>, usize)> {
    let mut value = Vec::new();
    let mut at = start + 1;
    loop {
        match text.get(at)? {
            b'"' => return Some((value, at + 1)),
            b'\\' => {
                value.push(*text.get(at + 1)?);
                at += 2;
            }
            byte => {
                value.push(*byte);
                at += 1;
            }
        }
    }
}

fn part(range: Range<usize>, value: Option<Cow<'_, [u8]>>) -> Part<'_> {
    Part {
        range,
        value,
        type_oid: Oid(0),
    }
}

/// As `array_out` quotes.
fn quoted_element(value: Vec<u8>) -> Vec<u8> {
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | b'{' | b'}' | b',') || is_space(*byte);
    let bare =
        !value.is_empty() && !value.eq_ignore_ascii_case(b"null") && !value.iter().any(special);
    if bare {
        return value;
    }
    let mut quoted = Vec::with_capacity(value.len() + 2);
    quoted.push(b'"');
    for byte in value {
        if matches!(byte, b'"' | b'\\') {
            quoted.push(b'\\');
        }
        quoted.push(byte);
    }
    quoted.push(b'"');
    quoted
}

/// C's `isspace` for ASCII.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | 9..=13)
}

fn text_fields(text: &[u8]) -> Result<Vec<Part<'_>>, WireError> {
    let malformed = || WireError::Value("record");
    let last = text.len().checked_sub(1).ok_or_else(malformed)?;
    if text.first() != Some(&b'(') || text.get(last) != Some(&b')') || last == 0 {
        return Err(malformed());
    }
    let mut parts = Vec::new();
    let mut at = 1;
    loop {
        let (start, mut value, mut any) = (at, Vec::new(), false);
        let mut inside = false;
        while let Some(byte) = text.get(at).copied() {
            match byte {
                b'"' if inside && text.get(at + 1) == Some(&b'"') => {
                    value.push(b'"');
                    at += 1;
                }
                b'"' => {
                    inside = !inside;
                    any = true;
                }
                b'\\' => {
                    at += 1;
                    value.push(*text.get(at).ok_or_else(malformed)?);
                    any = true;
                }
                b',' | b')' if !inside => break,
                byte => {
                    value.push(byte);
                    any = true;
                }
            }
            at += 1;
        }
        parts.push(part(start..at, any.then_some(Cow::Owned(value))));
        match text.get(at) {
            Some(b')') if at == last && !inside => return Ok(parts),
            Some(b',') => at += 1,
            _ => return Err(malformed()),
        }
    }
}

/// As `record_out` quotes.
fn quoted_field(value: Vec<u8>) -> Vec<u8> {
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | b'(' | b')' | b',') || is_space(*byte);
    if !value.is_empty() && !value.iter().any(special) {
        return value;
    }
    let mut quoted = Vec::with_capacity(value.len() + 2);
    quoted.push(b'"');
    for byte in value {
        if matches!(byte, b'"' | b'\\') {
            quoted.push(byte);
        }
        quoted.push(byte);
    }
    quoted.push(b'"');
    quoted
}

fn binary_elements(bytes: &[u8]) -> Result<Vec<Part<'_>>, WireError> {
    let mut reader = Reader::new(bytes);
    let dimensions = reader.u32("array dimensions")?;
    reader.u32("array flags")?;
    let type_oid = Oid(reader.u32("array element type")?);
    for _ in 0..dimensions {
        reader.u32("array dimension")?;
        reader.u32("array lower bound")?;
    }
    let mut parts = Vec::new();
    while reader.remaining() > 0 {
        let start = bytes.len() - reader.remaining();
        let value = reader.value("array element")?;
        parts.push(Part {
            range: start..bytes.len() - reader.remaining(),
            value: value.map(Cow::Borrowed),
            type_oid,
        });
    }
    Ok(parts)
}

fn binary_fields(bytes: &[u8]) -> Result<Vec<Part<'_>>, WireError> {
    let mut reader = Reader::new(bytes);
    let count = reader.u32("record fields")?;
    let mut parts = Vec::new();
    for _ in 0..count {
        let type_oid = Oid(reader.u32("record field type")?);
        let start = bytes.len() - reader.remaining();
        let value = reader.value("record field")?;
        parts.push(Part {
            range: start..bytes.len() - reader.remaining(),
            value: value.map(Cow::Borrowed),
            type_oid,
        });
    }
    reader.end()?;
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(parts: &[Part<'_>]) -> Vec<Option<String>> {
        let text = |value: &Cow<'_, [u8]>| String::from_utf8(value.to_vec()).unwrap();
        parts
            .iter()
            .map(|part| part.value.as_ref().map(text))
            .collect()
    }

    fn replaced(format: Format, bytes: &[u8], parts: &[Part<'_>], array: bool) -> Vec<u8> {
        let edits: Vec<_> = parts
            .iter()
            .filter_map(|part| {
                let value = part.value.as_ref()?.to_vec();
                let new = match array {
                    true => element(format, value),
                    false => field(format, value),
                };
                Some((part.range.clone(), new.unwrap()))
            })
            .collect();
        spliced(bytes, &edits)
    }

    /// As PostgreSQL 15 prints them; every part written anew gives the same bytes.
    #[test]
    fn text_forms_are_read_and_written_as_the_server_does() {
        let some = |text: &str| Some(text.to_owned());
        let array = br#"[0:1][1:3]={{a,"b c","d\"\\e"},{NULL,"null",""}}"#;
        let parts = elements(Format::Text, array).unwrap();
        let expected = [
            some("a"),
            some("b c"),
            some("d\"\\e"),
            None,
            some("null"),
            some(""),
        ];
        assert_eq!(values(&parts), expected);
        assert_eq!(replaced(Format::Text, array, &parts, true), array);
        assert!(elements(Format::Text, b"{}").unwrap().is_empty());

        let record = br#"(1,"a b",,"","x""y\\z","(2,""q r"")",~s1~)"#;
        let parts = fields(Format::Text, record).unwrap();
        let expected = [
            some("1"),
            some("a b"),
            None,
            some(""),
            some("x\"y\\z"),
            some("(2,\"q r\")"),
            some("~s1~"),
        ];
        assert_eq!(values(&parts), expected);
        assert_eq!(replaced(Format::Text, record, &parts, false), record);
        assert_eq!(values(&fields(Format::Text, b"()").unwrap()), [None]);
    }

    #[test]
    fn binary_forms_get_new_lengths() {
        let mut array = Vec::new();
        for word in [1u32, 1, 25, 3, 1, 2] {
            array.extend(word.to_be_bytes());
        }
        array.extend(b"ab");
        array.extend((-1i32).to_be_bytes());
        array.extend(0i32.to_be_bytes());
        let parts = elements(Format::Binary, &array).unwrap();
        assert_eq!(
            values(&parts),
            [Some("ab".into()), None, Some(String::new())]
        );
        assert_eq!(replaced(Format::Binary, &array, &parts, true), array);
        let new = element(Format::Binary, b"longer".to_vec()).unwrap();
        let longer = spliced(&array, &[(parts[0].range.clone(), new)]);
        let again = elements(Format::Binary, &longer).unwrap();
        assert_eq!(
            values(&again),
            [Some("longer".into()), None, Some(String::new())]
        );
        assert_eq!(again[0].type_oid, Oid(25));

        let mut record = Vec::new();
        for word in [2u32, 23, 4, 7, 3802] {
            record.extend(word.to_be_bytes());
        }
        record.extend((-1i32).to_be_bytes());
        let parts = fields(Format::Binary, &record).unwrap();
        assert_eq!(parts[1].type_oid, Oid(3802));
        assert_eq!(parts[1].value, None);
        assert_eq!(replaced(Format::Binary, &record, &parts, false), record);
    }

    #[test]
    fn malformed_bytes_are_errors() {
        for bad in ["", "a", "{", "{a", "{a}}", "{\"a}", "[0:1]=", "{a}b"] {
            assert!(elements(Format::Text, bad.as_bytes()).is_err(), "{bad}");
        }
        for bad in ["", "(", ")", "(a", "(a)b", "(\"a)", "a,b", "(a\\"] {
            assert!(fields(Format::Text, bad.as_bytes()).is_err(), "{bad}");
        }
        for cut in [
            &[0u8, 0, 0, 2][..],
            &[0, 0, 0, 1, 0, 0, 0, 25, 0, 0, 0, 9, 1],
        ] {
            assert!(fields(Format::Binary, cut).is_err());
            assert!(elements(Format::Binary, cut).is_err());
        }
    }
}
