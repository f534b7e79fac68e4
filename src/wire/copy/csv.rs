//! The CSV format: quotes around what would be misread, line ends inside them included.

use std::borrow::Cow;
use std::ops::Range;

use bytes::{BufMut, BytesMut};
use memchr::{memchr2, memchr3};

use super::text::to_end;
use super::{CopyFault, Field, Line, Marker, Rows, Scan, line_end, marker};
use crate::model::CopyFormat;

/// The line at the front (`CopyReadLineText` in CSV mode).
pub(super) fn line(
    rows: &Rows,
    data: &[u8],
    scan: &mut Scan,
    whole: bool,
) -> Result<Option<Line>, CopyFault> {
    let quote = rows.format.quote;
    // An escape that is the quote itself needs no care: each of the two toggles.
    let escape = Some(rows.format.escape).filter(|escape| *escape != quote);
    let mut at = scan.at + scan.seen;
    loop {
        let rest = data.get(at..).unwrap_or_default();
        let first = at == scan.at && rest.first() == Some(&b'\\');
        let found = match (first, scan.in_quote) {
            (true, _) => Some(0),
            (_, true) => memchr2(quote, escape.unwrap_or(quote), rest),
            (_, false) => memchr3(quote, b'\n', b'\r', rest),
        };
        let Some(found) = found else {
            scan.escaped &= rest.is_empty();
            scan.seen = data.len() - scan.at;
            return Ok(whole.then(|| to_end(data, scan)));
        };
        at += found;
        scan.escaped &= found == 0;
        let Some(&byte) = data.get(at) else {
            return Ok(None);
        };
        if first && rows.csv_marker {
            match marker(data, at, scan.eol, whole, false)? {
                Marker::Unknown => return Ok(None),
                Marker::No => {}
                Marker::Yes(len) => {
                    scan.ended = true;
                    return Ok(Some(Line {
                        text: at..at,
                        eol: at..at + len,
                        marker: true,
                    }));
                }
            }
        }
        if !scan.in_quote && matches!(byte, b'\n' | b'\r') {
            let Some(len) = line_end(data, at, scan, whole, CopyFault::Unquoted)? else {
                scan.seen = at - scan.at;
                return Ok(None);
            };
            return Ok(Some(Line {
                text: scan.at..at,
                eol: at..at + len,
                marker: false,
            }));
        }
        let escapes = Some(byte) == escape;
        if scan.in_quote && escapes {
            scan.escaped = !scan.escaped;
        }
        if byte == quote && !scan.escaped {
            scan.in_quote = !scan.in_quote;
        }
        scan.escaped &= escapes;
        at += 1;
        scan.seen = at - scan.at;
    }
}

/// A line's fields (`CopyReadAttributesCSV`).
pub(super) fn fields(
    format: &CopyFormat,
    data: &[u8],
    line: &Range<usize>,
    fields: &mut Vec<Field>,
) -> Result<(), CopyFault> {
    let mut at = line.start;
    loop {
        let start = at;
        let mut quoted = false;
        let delimited = loop {
            let rest = data.get(at..line.end).unwrap_or_default();
            match memchr2(format.delimiter, format.quote, rest) {
                None => {
                    at = line.end;
                    break false;
                }
                Some(found) => {
                    at += found;
                    if data.get(at) == Some(&format.delimiter) {
                        break true;
                    }
                    quoted = true;
                    at = quoted_end(format, data, at + 1, line.end)?;
                }
            }
        };
        fields.push(Field {
            span: start..at,
            quoted,
            null: false,
        });
        if !delimited {
            return Ok(());
        }
        at += 1;
    }
}

/// Where the part in quotes that begins at `at` is over, its closing quote included.
fn quoted_end(
    format: &CopyFormat,
    data: &[u8],
    mut at: usize,
    end: usize,
) -> Result<usize, CopyFault> {
    loop {
        let rest = data.get(at..end).unwrap_or_default();
        let found = memchr2(format.escape, format.quote, rest).ok_or(CopyFault::Quote)?;
        at += found;
        match (rest.get(found), rest.get(found + 1)) {
            (Some(byte), Some(next))
                if *byte == format.escape && (*next == format.escape || *next == format.quote) =>
            {
                at += 2;
            }
            (Some(byte), _) if *byte == format.quote => return Ok(at + 1),
            _ => at += 1,
        }
    }
}

/// A field's value, quotes and escapes undone.
pub(super) fn decode<'a>(format: &CopyFormat, raw: &'a [u8]) -> Cow<'a, [u8]> {
    if !raw.contains(&format.quote) {
        return Cow::Borrowed(raw);
    }
    let mut value = Vec::with_capacity(raw.len());
    let mut rest = raw;
    let mut inside = false;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match rest.first() {
            Some(&next)
                if inside
                    && byte == format.escape
                    && (next == format.escape || next == format.quote) =>
            {
                value.push(next);
                rest = rest.get(1..).unwrap_or_default();
            }
            _ if byte == format.quote => inside = !inside,
            _ => value.push(byte),
        }
    }
    Cow::Owned(value)
}

/// A value as PostgreSQL writes it (`CopyAttributeOutCSV`). `alone`: it is the row's only field.
pub(super) fn write(
    format: &CopyFormat,
    value: &[u8],
    force_quote: bool,
    alone: bool,
    out: &mut BytesMut,
) {
    let special = |byte: &u8| {
        *byte == format.delimiter || *byte == format.quote || matches!(byte, b'\n' | b'\r')
    };
    let quotes = force_quote
        || value == format.null
        || (alone && value == b"\\.")
        || value.iter().any(special);
    if !quotes {
        out.put_slice(value);
        return;
    }
    out.reserve(value.len() + 2);
    out.put_u8(format.quote);
    for &byte in value {
        if byte == format.quote || byte == format.escape {
            out.put_u8(format.escape);
        }
        out.put_u8(byte);
    }
    out.put_u8(format.quote);
}
