//! The rows of a COPY, cut out of CopyData and written back (PostgreSQL manual 55.2.6 and COPY, "File Formats").
//!
//! Rows and frames have nothing to do with each other: a row may stand in several frames and a frame may hold several
//! rows. [`Rows::next`] gives one item at a time of the bytes that are here and remembers in a [`Scan`] how far it has
//! looked, so that a row that arrives in pieces is looked at once. It reads exactly as `copyfromparse.c` does: a value
//! must not stand in another column for us than for the server.

mod binary;
mod csv;
#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;
use std::ops::Range;

use bytes::{BufMut, BytesMut};

use crate::model::{CopyFormat, CopyHeader, CopyStyle};

/// Data that is not in the format that the statement names; in PostgreSQL's words, SQLSTATE 22P04.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CopyFault {
    /// A line of a text file ends in another way than the first.
    #[error("literal {0} found in data")]
    Literal(&'static str),
    /// A line of a CSV file ends in another way than the first.
    #[error("unquoted {0} found in data")]
    Unquoted(&'static str),
    /// Something stands behind `\.`.
    #[error("end-of-copy marker corrupt")]
    Marker,
    /// The line of `\.` ends in another way than the first.
    #[error("end-of-copy marker does not match previous newline style")]
    MarkerStyle,
    /// A CSV field's quotes are not closed.
    #[error("unterminated CSV quoted field")]
    Quote,
    /// The binary header is none.
    #[error("COPY file signature not recognized")]
    Signature,
    /// Flags or length of the binary header are not known.
    #[error("invalid COPY file header")]
    Header,
    /// A binary field's length is negative.
    #[error("invalid field size")]
    FieldSize,
    /// The data ends inside a binary row.
    #[error("unexpected EOF in COPY data")]
    Short,
    /// Data follows the binary trailer.
    #[error("received copy data after EOF marker")]
    AfterEnd,
}

/// What an [`Item`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemKind {
    /// The header line, or the binary header, which has no fields.
    Header,
    /// A row.
    Row,
    /// The end marker: in text and CSV nothing behind it is data.
    End,
}

/// A row or what else stands between rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is.
    pub kind: ItemKind,
    /// Its bytes with the line's end.
    pub span: Range<usize>,
    /// The line's end.
    pub eol: Range<usize>,
}

/// A field of a row as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its bytes, escapes and quotes included; a binary field's without the length.
    pub span: Range<usize>,
    /// A CSV field with a quote in it.
    pub quoted: bool,
    /// A binary NULL.
    pub null: bool,
}

/// What a field says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldValue<'a> {
    /// NULL.
    Null,
    /// The column's default.
    Default,
    /// A value, escapes and quotes undone.
    Data(Cow<'a, [u8]>),
}

/// How lines end; the first line decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Eol {
    #[default]
    Unknown,
    Nl,
    Cr,
    CrNl,
}

/// How far a stream of rows has been looked at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scan {
    /// Where the next item begins.
    at: usize,
    /// Bytes of it that have been looked at in vain.
    seen: usize,
    in_quote: bool,
    escaped: bool,
    eol: Eol,
    started: bool,
    ended: bool,
    lines: u64,
}

impl Scan {
    /// Where the next item begins.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// Items so far: the number of the line, quoted line ends not counted.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The bytes before the next item are gone.
    pub fn rebase(&mut self) {
        self.at = 0;
    }

    fn item(&mut self, kind: ItemKind, end: usize, eol: Range<usize>) -> Item {
        let span = self.at..end;
        self.at = end;
        (self.seen, self.in_quote, self.escaped) = (0, false, false);
        self.started = true;
        self.lines += 1;
        Item { kind, span, eol }
    }
}

/// The rows of one COPY.
#[derive(Debug, Clone)]
pub struct Rows {
    format: CopyFormat,
    /// Whether a CSV line of `\.` ends the data, as before PostgreSQL 18.
    csv_marker: bool,
}

impl Rows {
    /// `csv_marker`: whether a CSV line of `\.` ends the data, as it does for COPY FROM before PostgreSQL 18.
    #[must_use]
    pub fn new(format: CopyFormat, csv_marker: bool) -> Self {
        Self { format, csv_marker }
    }

    /// The format.
    #[must_use]
    pub fn format(&self) -> &CopyFormat {
        &self.format
    }

    /// The item at the front of `data` and its fields; `None` when it has not wholly arrived. `whole`: nothing follows.
    ///
    /// # Errors
    /// Data that is not in the format.
    pub fn next(
        &self,
        data: &[u8],
        scan: &mut Scan,
        whole: bool,
        fields: &mut Vec<Field>,
    ) -> Result<Option<Item>, CopyFault> {
        fields.clear();
        if self.format.style == CopyStyle::Binary {
            return binary::next(data, scan, whole, fields);
        }
        if scan.at >= data.len() {
            return Ok(None);
        }
        let header = !scan.started && self.format.header != CopyHeader::None;
        let line = match self.format.style {
            CopyStyle::Csv => csv::line(self, data, scan, whole)?,
            _ => text::line(data, scan, whole)?,
        };
        let Some(line) = line else {
            return Ok(None);
        };
        // `\.` behind data on a line ends that row too (copyfromparse.c, before version 18).
        let kind = match line.marker {
            true if line.text.is_empty() => ItemKind::End,
            _ if header => ItemKind::Header,
            _ => ItemKind::Row,
        };
        if kind != ItemKind::End {
            match self.format.style {
                CopyStyle::Csv => csv::fields(&self.format, data, &line.text, fields)?,
                _ => text::fields(self.format.delimiter, data, &line.text, fields),
            }
        }
        let end = if line.marker && kind != ItemKind::End {
            line.text.end
        } else {
            line.eol.end
        };
        Ok(Some(scan.item(kind, end, line.text.end..end)))
    }

    /// What a field says. `force_not_null` and `force_null` are the column's, of CSV's options of these names.
    #[must_use]
    pub fn value<'a>(
        &self,
        data: &'a [u8],
        field: &Field,
        force_not_null: bool,
        force_null: bool,
    ) -> FieldValue<'a> {
        let raw = data.get(field.span.clone()).unwrap_or_default();
        let format = &self.format;
        match format.style {
            CopyStyle::Binary if field.null => FieldValue::Null,
            CopyStyle::Binary => FieldValue::Data(Cow::Borrowed(raw)),
            CopyStyle::Text if raw == format.null => FieldValue::Null,
            CopyStyle::Csv if !field.quoted && raw == format.null && !force_not_null => {
                FieldValue::Null
            }
            _ if format.default.as_deref() == Some(raw) => FieldValue::Default,
            CopyStyle::Text => FieldValue::Data(text::decode(raw)),
            CopyStyle::Csv => {
                let value = csv::decode(format, raw);
                if force_null && field.quoted && *value == *format.null {
                    FieldValue::Null
                } else {
                    FieldValue::Data(value)
                }
            }
        }
    }

    /// Writes a row with some of its fields replaced by new values, in the order of their numbers. `force_quote` says of
    /// which columns CSV values are always quoted.
    pub fn write(
        &self,
        data: &[u8],
        item: &Item,
        fields: &[Field],
        new: &[(usize, Cow<'_, [u8]>)],
        force_quote: impl Fn(usize) -> bool,
        out: &mut BytesMut,
    ) {
        let mut from = item.span.start;
        for (index, value) in new {
            let Some(field) = fields.get(*index) else {
                continue;
            };
            let start = match self.format.style {
                CopyStyle::Binary => field.span.start.saturating_sub(binary::LENGTH),
                _ => field.span.start,
            };
            out.put_slice(data.get(from..start).unwrap_or_default());
            match self.format.style {
                CopyStyle::Binary => binary::write(value, out),
                CopyStyle::Text => text::write(self.format.delimiter, value, out),
                CopyStyle::Csv => {
                    let alone = fields.len() == 1;
                    csv::write(&self.format, value, force_quote(*index), alone, out);
                }
            }
            from = field.span.end;
        }
        out.put_slice(data.get(from..item.span.end).unwrap_or_default());
    }
}

/// A line without its end, the end, and whether the end is that of all data.
struct Line {
    text: Range<usize>,
    eol: Range<usize>,
    marker: bool,
}

/// How a line ends at a `\r` or `\n`; `None` when the byte behind it must be known first.
fn line_end(
    data: &[u8],
    at: usize,
    scan: &mut Scan,
    whole: bool,
    fault: fn(&'static str) -> CopyFault,
) -> Result<Option<usize>, CopyFault> {
    if data.get(at) == Some(&b'\n') {
        return match scan.eol {
            Eol::Cr | Eol::CrNl => Err(fault("newline")),
            Eol::Unknown | Eol::Nl => {
                scan.eol = Eol::Nl;
                Ok(Some(1))
            }
        };
    }
    match (scan.eol, data.get(at + 1)) {
        (Eol::Nl, _) => Err(fault("carriage return")),
        (Eol::Cr, _) => Ok(Some(1)),
        (Eol::Unknown | Eol::CrNl, None) if !whole => Ok(None),
        (Eol::Unknown | Eol::CrNl, Some(b'\n')) => {
            scan.eol = Eol::CrNl;
            Ok(Some(2))
        }
        (Eol::CrNl, _) => Err(fault("carriage return")),
        (Eol::Unknown, _) => {
            scan.eol = Eol::Cr;
            Ok(Some(1))
        }
    }
}

/// What stands at a backslash that may begin the end marker.
enum Marker {
    /// The bytes behind it must be known first.
    Unknown,
    /// Something else.
    No,
    /// The marker; its length with the line's end.
    Yes(usize),
}

/// Looks for `\.` and the line's end at `at`. In text anything else behind `\.` is a fault, in CSV it is data.
fn marker(
    data: &[u8],
    at: usize,
    eol: Eol,
    whole: bool,
    strict: bool,
) -> Result<Marker, CopyFault> {
    let byte = |offset: usize| data.get(at + offset).copied();
    let wrong = |fault: CopyFault| {
        if strict { Err(fault) } else { Ok(Marker::No) }
    };
    match byte(1) {
        None if !whole => return Ok(Marker::Unknown),
        Some(b'.') => {}
        _ => return Ok(Marker::No),
    }
    let mut next = 2;
    if eol == Eol::CrNl {
        match byte(next) {
            None if !whole => return Ok(Marker::Unknown),
            Some(b'\r') => next += 1,
            Some(b'\n') => return wrong(CopyFault::MarkerStyle),
            _ => return wrong(CopyFault::Marker),
        }
    }
    match (byte(next), eol) {
        (None, _) if !whole => Ok(Marker::Unknown),
        (Some(b'\n'), Eol::Unknown | Eol::Nl | Eol::CrNl)
        | (Some(b'\r'), Eol::Unknown | Eol::Cr) => Ok(Marker::Yes(next + 1)),
        (Some(b'\n' | b'\r'), _) => Err(CopyFault::MarkerStyle),
        _ => wrong(CopyFault::Marker),
    }
}
