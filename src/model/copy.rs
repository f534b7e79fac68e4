//! How the rows of a COPY are written (PostgreSQL manual, COPY, "File Formats").

/// The three formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CopyStyle {
    /// One line per row, backslash escapes.
    Text,
    /// Comma separated values, quoted.
    Csv,
    /// Lengths and bytes.
    Binary,
}

/// What the first line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CopyHeader {
    /// A row like any other.
    None,
    /// Column names that nobody compares.
    Present,
    /// Column names that must be those of the table.
    Match,
}

/// A COPY's options as far as they say how a row is written. Characters are single bytes, as PostgreSQL demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyFormat {
    /// Text, CSV or binary.
    pub style: CopyStyle,
    /// Between fields.
    pub delimiter: u8,
    /// Around CSV fields.
    pub quote: u8,
    /// Before a quote or itself inside a quoted CSV field.
    pub escape: u8,
    /// What stands for NULL.
    pub null: Vec<u8>,
    /// What stands for the column's default, since PostgreSQL 16.
    pub default: Option<Vec<u8>>,
    /// What the first line is.
    pub header: CopyHeader,
}

impl CopyFormat {
    /// The format without options.
    #[must_use]
    pub fn new(style: CopyStyle) -> Self {
        let csv = style == CopyStyle::Csv;
        Self {
            style,
            delimiter: if csv { b',' } else { b'\t' },
            quote: b'"',
            escape: b'"',
            null: if csv { Vec::new() } else { b"\\N".to_vec() },
            default: None,
            header: CopyHeader::None,
        }
    }
}
