//! The options of COPY, in both spellings (PostgreSQL manual, COPY, and `gram.y`, `copy_options`).

use std::ops::Range;

use crate::model::{CopyFormat, CopyHeader, CopyStyle};

use super::super::lexer::{self, TokenKind};
use super::super::refuse::{Stop, Walked};
use super::super::walk::Walk;

/// Columns that a FORCE option names.
#[derive(Default)]
pub(super) enum Columns {
    #[default]
    None,
    All,
    Named(Vec<String>),
}

impl Columns {
    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Named(names) => names.iter().any(|named| named == name),
        }
    }
}

/// What the options say.
#[derive(Default)]
pub(super) struct Options {
    style: Option<String>,
    delimiter: Option<String>,
    null: Option<String>,
    default: Option<String>,
    quote: Option<String>,
    escape: Option<String>,
    header: Option<CopyHeader>,
    pub force_quote: Columns,
    pub force_not_null: Columns,
    pub force_null: Columns,
    /// Rows that do not fit their columns' types are skipped.
    pub skips: bool,
    seen: Vec<String>,
}

/// Reads tokens from the front.
pub(super) struct Cursor<'w, 'a> {
    pub walk: &'w Walk<'a>,
    pub at: usize,
}

impl Cursor<'_, '_> {
    fn in_range(&self) -> bool {
        self.walk.range.contains(&self.at)
    }

    pub(super) fn is_over(&self) -> bool {
        !self.in_range()
    }

    pub(super) fn is(&self, word: &str) -> bool {
        let token = self.walk.token(self.at).filter(|_| self.in_range());
        token.is_some_and(|token| token.is_word(self.walk.sql, word))
    }

    pub(super) fn word(&mut self, word: &str) -> bool {
        let is = self.is(word);
        self.at += usize::from(is);
        is
    }

    pub(super) fn special(&mut self, byte: u8) -> bool {
        let token = self.walk.token(self.at).filter(|_| self.in_range());
        let is = token.is_some_and(|token| token.is_special(byte));
        self.at += usize::from(is);
        is
    }

    fn star(&mut self) -> bool {
        let token = self.walk.token(self.at).filter(|_| self.in_range());
        let is = token.is_some_and(|token| token.is_operator(self.walk.sql, "*"));
        self.at += usize::from(is);
        is
    }

    pub(super) fn name(&mut self) -> Option<String> {
        let token = self.walk.token(self.at).filter(|_| self.in_range())?;
        let name = lexer::ident(token, self.walk.sql)?.into_owned();
        self.at += 1;
        Some(name)
    }

    pub(super) fn string(&mut self) -> Option<String> {
        let token = self.walk.token(self.at).filter(|_| self.in_range())?;
        let text = match token.kind {
            TokenKind::String(_) => lexer::string_value(token, self.walk.sql).ok()?,
            _ => return None,
        };
        self.at += 1;
        Some(text.into_owned())
    }

    /// `(a, b)` or `a, b`.
    fn names(&mut self) -> Option<Vec<String>> {
        let bracket = self.special(b'(');
        let mut names = vec![self.name()?];
        while self.special(b',') {
            names.push(self.name()?);
        }
        (!bracket || self.special(b')')).then_some(names)
    }

    /// `(a, b)`.
    pub(super) fn list(&mut self) -> Option<Vec<String>> {
        let token = self.walk.token(self.at).filter(|_| self.in_range())?;
        if token.is_special(b'(') {
            self.names()
        } else {
            None
        }
    }

    fn columns(&mut self) -> Option<Columns> {
        if self.star() {
            return Some(Columns::All);
        }
        self.names().map(Columns::Named)
    }

    pub(super) fn unknown(&self) -> Stop {
        let at = self.at.min(self.walk.range.end.saturating_sub(1));
        self.walk.not_understood("this form of COPY", Some(at))
    }

    fn value_refused(&self, option: &str, why: &str) -> Stop {
        let message = format!(
            "COPY option {option} of protected table{} {why}",
            self.walk.protected_name()
        );
        let help = "Leave the option out, or give it a value that PostgreSQL's manual names.";
        let at = self.at.saturating_sub(1);
        self.walk.refuse(message, help, "refused-copy", Some(at))
    }

    /// A word, a string, a number, or nothing.
    fn argument(&mut self) -> Option<String> {
        if let Some(text) = self.string() {
            return Some(text);
        }
        let token = self.walk.token(self.at).filter(|_| self.in_range())?;
        if token.kind == TokenKind::Integer {
            self.at += 1;
            return Some(token.text(self.walk.sql).to_owned());
        }
        self.name()
    }
}

impl Options {
    /// `DELIMITERS` of old, then WITH and the options, up to the end or WHERE.
    pub(super) fn read(cursor: &mut Cursor<'_, '_>) -> Walked<Self> {
        let mut options = Self::default();
        let using = cursor.word("using");
        if cursor.word("delimiters") {
            options.delimiter = Some(cursor.string().ok_or_else(|| cursor.unknown())?);
            options.seen.push("delimiter".into());
        } else if using {
            return Err(cursor.unknown());
        }
        cursor.word("with");
        if cursor.special(b'(') {
            loop {
                options.generic(cursor)?;
                if cursor.special(b')') {
                    return Ok(options);
                }
                if !cursor.special(b',') {
                    return Err(cursor.unknown());
                }
            }
        }
        while !cursor.is_over() && !cursor.is("where") {
            options.old(cursor)?;
        }
        Ok(options)
    }

    fn once(&mut self, option: &str, cursor: &Cursor<'_, '_>) -> Walked<()> {
        if self.seen.iter().any(|seen| seen == option) {
            return Err(cursor.value_refused(option, "is given twice"));
        }
        self.seen.push(option.to_owned());
        Ok(())
    }

    /// An option of the list in brackets.
    fn generic(&mut self, cursor: &mut Cursor<'_, '_>) -> Walked<()> {
        let name = cursor.name().ok_or_else(|| cursor.unknown())?;
        self.once(&name, cursor)?;
        match name.as_str() {
            "force_quote" | "force_not_null" | "force_null" => {
                let columns = if cursor.star() {
                    Columns::All
                } else {
                    Columns::Named(cursor.list().ok_or_else(|| cursor.unknown())?)
                };
                *self.force(&name) = columns;
                Ok(())
            }
            _ => {
                let value = cursor.argument();
                self.set(&name, value, cursor)
            }
        }
    }

    fn force(&mut self, name: &str) -> &mut Columns {
        match name {
            "force_quote" => &mut self.force_quote,
            "force_not_null" => &mut self.force_not_null,
            _ => &mut self.force_null,
        }
    }

    /// An option of the spelling before version 9.0.
    fn old(&mut self, cursor: &mut Cursor<'_, '_>) -> Walked<()> {
        let name = cursor.name().ok_or_else(|| cursor.unknown())?;
        match name.as_str() {
            "binary" | "csv" => {
                self.once("format", cursor)?;
                self.set("format", Some(name), cursor)
            }
            "freeze" | "header" => {
                self.once(&name, cursor)?;
                self.set(&name, None, cursor)
            }
            "delimiter" | "null" | "quote" | "escape" => {
                self.once(&name, cursor)?;
                cursor.word("as");
                let value = cursor.string().ok_or_else(|| cursor.unknown())?;
                self.set(&name, Some(value), cursor)
            }
            "encoding" => {
                self.once(&name, cursor)?;
                let value = cursor.string().ok_or_else(|| cursor.unknown())?;
                self.set(&name, Some(value), cursor)
            }
            "force" => {
                let name = if cursor.word("quote") {
                    "force_quote"
                } else if cursor.word("not") {
                    "force_not_null"
                } else {
                    "force_null"
                };
                if name != "force_quote" && !cursor.word("null") {
                    return Err(cursor.unknown());
                }
                self.once(name, cursor)?;
                *self.force(name) = cursor.columns().ok_or_else(|| cursor.unknown())?;
                Ok(())
            }
            _ => Err(cursor.unknown()),
        }
    }

    fn set(&mut self, name: &str, value: Option<String>, cursor: &Cursor<'_, '_>) -> Walked<()> {
        let place = match name {
            "format" => &mut self.style,
            "delimiter" => &mut self.delimiter,
            "null" => &mut self.null,
            "default" => &mut self.default,
            "quote" => &mut self.quote,
            "escape" => &mut self.escape,
            "header" => {
                let header = match value.map(|value| value.to_ascii_lowercase()).as_deref() {
                    None | Some("true" | "on" | "1") => CopyHeader::Present,
                    Some("false" | "off" | "0") => CopyHeader::None,
                    Some("match") => CopyHeader::Match,
                    Some(_) => return Err(cursor.value_refused(name, "has an unknown value")),
                };
                self.header = Some(header);
                return Ok(());
            }
            "encoding" => {
                let value = value.unwrap_or_default().to_ascii_lowercase();
                let plain: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
                return if matches!(plain.as_str(), "utf8" | "unicode") {
                    Ok(())
                } else {
                    Err(cursor.value_refused(name, "must be UTF8"))
                };
            }
            "on_error" => {
                self.skips = match value.as_deref() {
                    Some("stop") => false,
                    Some("ignore") => true,
                    _ => return Err(cursor.value_refused(name, "has an unknown value")),
                };
                return Ok(());
            }
            // How rows are stored, and what is said of those that are skipped: not how they are written.
            "freeze" | "log_verbosity" | "reject_limit" => return Ok(()),
            _ => return Err(cursor.value_refused(name, "is not known")),
        };
        *place = Some(value.ok_or_else(|| cursor.unknown())?);
        Ok(())
    }

    /// The format of the rows. What PostgreSQL would refuse is refused here, before it could be read in two ways.
    pub(super) fn format(&self, binary: bool, cursor: &Cursor<'_, '_>) -> Walked<CopyFormat> {
        let style = match self.style.as_deref() {
            Some(_) if binary => return Err(cursor.value_refused("format", "is given twice")),
            _ if binary => CopyStyle::Binary,
            None | Some("text") => CopyStyle::Text,
            Some("csv") => CopyStyle::Csv,
            Some("binary") => CopyStyle::Binary,
            Some(_) => return Err(cursor.value_refused("format", "has an unknown value")),
        };
        let mut format = CopyFormat::new(style);
        let single = |option: &str, value: &Option<String>, otherwise: u8| {
            let Some(value) = value else {
                return Ok(otherwise);
            };
            match value.as_bytes() {
                [byte] if !matches!(byte, b'\n' | b'\r' | 0) && byte.is_ascii() => Ok(*byte),
                _ => Err(cursor.value_refused(option, "must be a single character")),
            }
        };
        format.delimiter = single("delimiter", &self.delimiter, format.delimiter)?;
        format.quote = single("quote", &self.quote, format.quote)?;
        format.escape = single("escape", &self.escape, format.quote)?;
        format.header = self.header.unwrap_or(CopyHeader::None);
        if let Some(null) = &self.null {
            format.null = null.clone().into_bytes();
        }
        format.default = self.default.clone().map(String::into_bytes);
        self.check(&format, cursor)?;
        Ok(format)
    }

    fn check(&self, format: &CopyFormat, cursor: &Cursor<'_, '_>) -> Walked<()> {
        let csv = format.style == CopyStyle::Csv;
        let binary = format.style == CopyStyle::Binary;
        let wrong = |option: &str| Err(cursor.value_refused(option, "has an unusable value"));
        let forced = |columns: &Columns| !matches!(columns, Columns::None);
        if !csv {
            let quoted = self.quote.is_some() || self.escape.is_some();
            if quoted
                || [&self.force_quote, &self.force_not_null, &self.force_null].map(forced)
                    != [false; 3]
            {
                return Err(cursor.value_refused("of CSV", "is given without CSV"));
            }
        }
        if binary {
            let texts = self.delimiter.is_some() || self.null.is_some() || self.default.is_some();
            return if texts || format.header != CopyHeader::None {
                Err(cursor.value_refused("of text or CSV", "is given with BINARY"))
            } else {
                Ok(())
            };
        }
        let reserved = b"\\.abcdefghijklmnopqrstuvwxyz0123456789";
        if (!csv && reserved.contains(&format.delimiter))
            || (csv && format.delimiter == format.quote)
        {
            return wrong("delimiter");
        }
        let markers: [Option<&[u8]>; 2] = [Some(&format.null), format.default.as_deref()];
        for marker in markers.into_iter().flatten() {
            let unusable = |byte: &u8| {
                matches!(byte, b'\n' | b'\r')
                    || *byte == format.delimiter
                    || (csv && *byte == format.quote)
            };
            if marker.iter().any(unusable) {
                return wrong("null or default");
            }
        }
        if format.default.as_ref() == Some(&format.null) {
            return wrong("default");
        }
        Ok(())
    }
}

/// Whether tokens name one of these, by any spelling.
pub(super) fn first_named(
    walk: &Walk<'_>,
    range: Range<usize>,
    named: impl Fn(&str) -> bool,
) -> Option<usize> {
    range.clone().find(|at| {
        let token = walk.token(*at).filter(|_| walk.range.contains(at));
        let name = token.and_then(|token| lexer::ident(token, walk.sql));
        name.is_some_and(|name| named(&name))
    })
}
