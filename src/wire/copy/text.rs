//! The text format: a line per row, fields between delimiters, backslash escapes.

use std::borrow::Cow;
use std::ops::Range;

use bytes::{BufMut, BytesMut};
use memchr::{memchr2, memchr3};

use super::{CopyFault, Field, Line, Marker, Scan, line_end, marker};

/// The line at the front (`CopyReadLineText`).
pub(super) fn line(data: &[u8], scan: &mut Scan, whole: bool) -> Result<Option<Line>, CopyFault> {
    let mut at = scan.at + scan.seen;
    loop {
        let rest = data.get(at..).unwrap_or_default();
        let Some(found) = memchr3(b'\n', b'\r', b'\\', rest) else {
            scan.seen = data.len() - scan.at;
            return Ok(whole.then(|| to_end(data, scan)));
        };
        at += found;
        let step = if data.get(at) == Some(&b'\\') {
            match marker(data, at, scan.eol, whole, true)? {
                Marker::Unknown => None,
                Marker::Yes(len) => {
                    scan.ended = true;
                    return Ok(Some(Line {
                        text: scan.at..at,
                        eol: at..at + len,
                        marker: true,
                    }));
                }
                // Whatever stands behind a backslash is data, a line's end too.
                Marker::No => {
                    at += 2;
                    continue;
                }
            }
        } else {
            line_end(data, at, scan, whole, CopyFault::Literal)?
        };
        let Some(len) = step else {
            scan.seen = at - scan.at;
            return Ok(None);
        };
        return Ok(Some(Line {
            text: scan.at..at,
            eol: at..at + len,
            marker: false,
        }));
    }
}

/// The last line, which has no end.
pub(super) fn to_end(data: &[u8], scan: &Scan) -> Line {
    Line {
        text: scan.at..data.len(),
        eol: data.len()..data.len(),
        marker: false,
    }
}

/// A line's fields (`CopyReadAttributesText`).
pub(super) fn fields(delimiter: u8, data: &[u8], line: &Range<usize>, fields: &mut Vec<Field>) {
    let (mut start, mut at) = (line.start, line.start);
    let mut push = |span: Range<usize>| {
        fields.push(Field {
            span,
            quoted: false,
            null: false,
        });
    };
    while let Some(found) = data
        .get(at..line.end)
        .and_then(|rest| memchr2(delimiter, b'\\', rest))
    {
        at += found;
        if data.get(at) == Some(&delimiter) {
            push(start..at);
            at += 1;
            start = at;
        } else {
            at += 2;
        }
    }
    push(start..line.end);
}

/// A field's value, escapes undone.
pub(super) fn decode(raw: &[u8]) -> Cow<'_, [u8]> {
    if !raw.contains(&b'\\') {
        return Cow::Borrowed(raw);
    }
    let mut value = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            value.push(byte);
            continue;
        }
        // A backslash at the very end stands for nothing.
        let Some((&escaped, after)) = rest.split_first() else {
            break;
        };
        rest = after;
        value.push(match escaped {
            b'0'..=b'7' => number(escaped - b'0', &mut rest, 8, 2),
            b'x' => match rest.first().copied().and_then(|byte| digit(byte, 16)) {
                Some(_) => number(0, &mut rest, 16, 2),
                None => b'x',
            },
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 0x0b,
            other => other,
        });
    }
    Cow::Owned(value)
}

fn digit(byte: u8, radix: u32) -> Option<u8> {
    char::from(byte)
        .to_digit(radix)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// Up to `more` further digits; what does not fit a byte is cut, as in PostgreSQL.
fn number(first: u8, rest: &mut &[u8], radix: u8, more: usize) -> u8 {
    let mut value = first;
    for _ in 0..more {
        let Some((&byte, after)) = rest.split_first() else {
            break;
        };
        let Some(digit) = digit(byte, u32::from(radix)) else {
            break;
        };
        value = value.wrapping_mul(radix).wrapping_add(digit);
        *rest = after;
    }
    value
}

/// A value as PostgreSQL writes it (`CopyAttributeOutText`).
pub(super) fn write(delimiter: u8, value: &[u8], out: &mut BytesMut) {
    out.reserve(value.len());
    for &byte in value {
        let escaped = match byte {
            0x08 => b'b',
            0x0c => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x0b => b'v',
            byte if byte == b'\\' || byte == delimiter => byte,
            plain => {
                out.put_u8(plain);
                continue;
            }
        };
        out.put_slice(&[b'\\', escaped]);
    }
}
