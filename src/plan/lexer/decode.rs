//! What a name or a constant stands for.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::scan::{closing, is_ident_start, segment_end};
use super::{LexError, LexErrorKind, MAX_NAME_BYTES, StringKind, blank};

/// `downcase_identifier` for a multi-byte encoding: only ASCII letters are folded.
pub(super) fn fold(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// `truncate_identifier`.
pub(super) fn truncate(name: Cow<'_, str>) -> Cow<'_, str> {
    if name.len() <= MAX_NAME_BYTES {
        return name;
    }
    let cut = (0..=MAX_NAME_BYTES)
        .rev()
        .find(|&at| name.is_char_boundary(at))
        .unwrap_or(0);
    match name {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(..cut).unwrap_or_default()),
        Cow::Owned(mut text) => {
            text.truncate(cut);
            Cow::Owned(text)
        }
    }
}

/// The name between the quotes of `"…"`.
pub(super) fn quoted_ident(text: &str) -> Cow<'_, str> {
    undouble(
        text.get(1..text.len().saturating_sub(1))
            .unwrap_or_default(),
        "\"\"",
        "\"",
    )
}

fn undouble<'a>(text: &'a str, doubled: &str, single: &str) -> Cow<'a, str> {
    if text.contains(doubled) {
        Cow::Owned(text.replace(doubled, single))
    } else {
        Cow::Borrowed(text)
    }
}

/// `{dolqdelim}` at the start of `text`.
pub(super) fn dollar_delimiter(text: &[u8]) -> Option<&[u8]> {
    let (&b'$', rest) = text.split_first()? else {
        return None;
    };
    let length = rest.iter().position(|&byte| byte == b'$')?;
    let tag = rest.get(..length)?;
    let first = tag.first().is_none_or(|&byte| is_ident_start(byte));
    let others = tag
        .iter()
        .skip(1)
        .all(|&byte| is_ident_start(byte) || byte.is_ascii_digit());
    if first && others {
        text.get(..length + 2)
    } else {
        None
    }
}

/// Tag and body of `$tag$…$tag$`.
pub(super) fn dollar_parts(text: &str) -> Option<(&str, &str)> {
    let length = dollar_delimiter(text.as_bytes())?.len();
    let body = text.get(length..text.len().checked_sub(length)?)?;
    Some((text.get(1..length - 1)?, body))
}

/// The value of a constant; `start` is where `text` stands, for errors.
pub(super) fn string(kind: StringKind, text: &str, start: usize) -> Result<Cow<'_, str>, LexError> {
    let quoted = |prefix: usize| joined(text.get(prefix..).unwrap_or_default(), kind);
    let plain = |body| undoubled(body, "''", "'");
    Ok(match kind {
        StringKind::Plain => plain(quoted(0)),
        StringKind::National => plain(quoted(1)),
        StringKind::Bit | StringKind::Hex => quoted(1),
        StringKind::Dollar => Cow::Borrowed(dollar_parts(text).map_or("", |(_, body)| body)),
        StringKind::Unicode => unicode(text, start)?,
        StringKind::Escape | StringKind::Escaping => {
            let quote = usize::from(!text.starts_with('\''));
            escaped(text.get(quote..).unwrap_or_default())
                .map_err(|kind| LexError { at: start, kind })?
        }
    })
}

fn undoubled<'a>(text: Cow<'a, str>, doubled: &str, single: &str) -> Cow<'a, str> {
    match text {
        Cow::Borrowed(text) => undouble(text, doubled, single),
        Cow::Owned(text) => Cow::Owned(undouble(&text, doubled, single).into_owned()),
    }
}

/// The insides of a constant's segments, joined but not decoded. `text` starts at the first quote; what follows
/// the constant is ignored.
fn joined(text: &str, kind: StringKind) -> Cow<'_, str> {
    let mut segments = segments(text, kind).map(|(segment, _)| segment);
    let first = segments.next().unwrap_or_default();
    let mut all = Cow::Borrowed(first);
    for segment in segments {
        all.to_mut().push_str(segment);
    }
    all
}

/// Each segment's inside and the offset after its closing quote.
fn segments(text: &str, kind: StringKind) -> impl Iterator<Item = (&str, usize)> {
    let bytes = text.as_bytes();
    let mut quote = Some(0);
    std::iter::from_fn(move || {
        let first = quote? + 1;
        let end = segment_end(bytes, first, kind)?;
        quote = blank::continuation(bytes, end);
        Some((text.get(first..end - 1)?, end))
    })
}

/// The value of an `E''` constant, from its first quote on. Escapes do not reach over a continuation
/// (`E'\\1'⏎'2'` is two bytes), the UTF-8 that they spell may.
fn escaped(text: &str) -> Result<Cow<'_, str>, LexErrorKind> {
    let body = joined(text, StringKind::Escape);
    if memchr::memchr2(b'\\', b'\'', body.as_bytes()).is_none() {
        return Ok(body);
    }
    let mut out = Vec::with_capacity(body.len());
    for (segment, _) in segments(text, StringKind::Escape) {
        escapes(segment, &mut out)?;
    }
    match String::from_utf8(out) {
        Ok(text) if !text.contains('\0') => Ok(Cow::Owned(text)),
        _ => Err(LexErrorKind::InvalidUtf8),
    }
}

/// The escapes of one segment (manual 4.1.2.2), doubled quotes among them.
fn escapes(body: &str, out: &mut Vec<u8>) -> Result<(), LexErrorKind> {
    let mut pair = Pair::default();
    let mut rest = body;
    while let Some(next) = rest.chars().next() {
        let after = rest.get(next.len_utf8()..).unwrap_or_default();
        if next == '\\' && after.starts_with(['u', 'U']) {
            let length = if after.starts_with('u') { 4 } else { 8 };
            let (unit, tail) = hex(after.get(1..).unwrap_or_default(), length)?;
            pair.push(unit, out)?;
            rest = tail;
            continue;
        }
        pair.rest()?;
        rest = match next {
            '\\' => byte_escape(after, out),
            '\'' => {
                out.push(b'\'');
                after.strip_prefix('\'').unwrap_or(after)
            }
            other => {
                out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes());
                after
            }
        };
    }
    pair.rest()
}

/// One escape other than a Unicode one, after its backslash: octal, hexadecimal, or a character. Gives the rest.
fn byte_escape<'a>(after: &'a str, out: &mut Vec<u8>) -> &'a str {
    if let Some((byte, tail)) = digits_byte(after, 3, 8) {
        out.push(byte);
        return tail;
    }
    if let Some((byte, tail)) = after
        .strip_prefix('x')
        .and_then(|digits| digits_byte(digits, 2, 16))
    {
        out.push(byte);
        return tail;
    }
    let Some(letter) = after.chars().next() else {
        out.push(b'\\');
        return after;
    };
    let meant = match letter {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        other => other,
    };
    out.extend_from_slice(meant.encode_utf8(&mut [0; 4]).as_bytes());
    after.get(letter.len_utf8()..).unwrap_or_default()
}

/// Up to `most` digits as a byte (`\777` wraps, as in C), and the rest; `None` without a digit.
fn digits_byte(text: &str, most: usize, radix: u32) -> Option<(u8, &str)> {
    let length = text
        .chars()
        .take(most)
        .take_while(|digit| digit.is_digit(radix))
        .count();
    let value = u32::from_str_radix(text.get(..length)?, radix).ok()?;
    Some((u8::try_from(value & 0xff).ok()?, text.get(length..)?))
}

/// Exactly `length` hexadecimal digits, and the rest.
fn hex(text: &str, length: usize) -> Result<(u32, &str), LexErrorKind> {
    let failed = LexErrorKind::InvalidUnicodeEscape;
    let digits = text
        .get(..length)
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let value = u32::from_str_radix(digits.ok_or(failed)?, 16).map_err(|_| failed)?;
    Ok((value, text.get(length..).unwrap_or_default()))
}

/// A surrogate pair in the making.
#[derive(Default)]
struct Pair(Option<u32>);

impl Pair {
    fn push(&mut self, unit: u32, out: &mut Vec<u8>) -> Result<(), LexErrorKind> {
        let code = match (self.0.take(), unit) {
            (Some(high), 0xdc00..=0xdfff) => 0x1_0000 + ((high - 0xd800) << 10) + (unit - 0xdc00),
            (Some(_), _) | (None, 0xdc00..=0xdfff) => {
                return Err(LexErrorKind::InvalidSurrogatePair);
            }
            (None, 0xd800..=0xdbff) => {
                self.0 = Some(unit);
                return Ok(());
            }
            (None, code) => code,
        };
        let letter = char::from_u32(code).filter(|&letter| letter != '\0');
        let letter = letter.ok_or(LexErrorKind::InvalidUnicodeEscape)?;
        out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    /// Anything but a second half comes, or nothing.
    fn rest(&self) -> Result<(), LexErrorKind> {
        if self.0.is_none() {
            Ok(())
        } else {
            Err(LexErrorKind::InvalidSurrogatePair)
        }
    }
}

/// `U&'…'` or `U&"…"`, with its `UESCAPE` clause if it has one. Names come out uncut.
pub(super) fn unicode(text: &str, start: usize) -> Result<Cow<'_, str>, LexError> {
    let failed = |kind| LexError { at: start, kind };
    let quoted = text.get(2..).unwrap_or_default();
    let (body, end) = if quoted.starts_with('"') {
        let end = name_end(quoted);
        (quoted_ident(quoted.get(..end).unwrap_or_default()), end)
    } else {
        let end = segments(quoted, StringKind::Unicode)
            .last()
            .map_or(quoted.len(), |(_, end)| end);
        (
            undoubled(joined(quoted, StringKind::Unicode), "''", "'"),
            end,
        )
    };
    let escape = escape_character(quoted.get(end..).unwrap_or_default()).map_err(failed)?;
    if !body.contains(escape) {
        return Ok(body);
    }
    unicode_escapes(&body, escape)
        .map(Cow::Owned)
        .map_err(failed)
}

/// As [`super::unicode_names`].
pub(super) fn unicode_names(text: &[u8]) -> Option<Vec<String>> {
    let Some(end) = closing(text, 1, b'"') else {
        return Some(Vec::new());
    };
    let name = text.get(..end).filter(|name| name.is_ascii())?;
    let body = quoted_ident(std::str::from_utf8(name).ok()?);
    let escapes: BTreeSet<char> = body.chars().filter(|&letter| may_escape(letter)).collect();
    let decoded = escapes
        .into_iter()
        .filter_map(|escape| unicode_escapes(&body, escape).ok());
    let whole = std::iter::once(body.clone().into_owned());
    Some(
        whole
            .chain(decoded)
            .map(|name| truncate(Cow::Owned(name)).into_owned())
            .collect(),
    )
}

/// `check_uescapechar` of PostgreSQL's scansup.c, for a character of ASCII.
fn may_escape(letter: char) -> bool {
    !letter.is_ascii_hexdigit()
        && !"+'\"".contains(letter)
        && !u8::try_from(letter).is_ok_and(blank::is_space)
}

/// The end of the quoted name at the start of `text`.
fn name_end(text: &str) -> usize {
    let mut bytes = text.bytes().enumerate().skip(1).peekable();
    while let Some((at, byte)) = bytes.next() {
        if byte == b'"' && bytes.next_if(|&(_, next)| next == b'"').is_none() {
            return at + 1;
        }
    }
    text.len()
}

/// The character of the `UESCAPE` clause in `clause`, a backslash where there is none.
fn escape_character(clause: &str) -> Result<char, LexErrorKind> {
    let failed = LexErrorKind::InvalidEscapeCharacter;
    let word = blank::skip(clause.as_bytes(), 0).map_err(|_| failed)?;
    if word == clause.len() {
        return Ok('\\');
    }
    let literal = blank::skip(clause.as_bytes(), word + "uescape".len()).map_err(|_| failed)?;
    let literal = clause.get(literal..).unwrap_or_default();
    let kind = match literal.bytes().next() {
        Some(b'$') => StringKind::Dollar,
        Some(b'e' | b'E') => StringKind::Escape,
        _ => StringKind::Plain,
    };
    let value = string(kind, literal, 0).map_err(|_| failed)?;
    match *value.as_bytes() {
        [byte] if byte.is_ascii() && may_escape(char::from(byte)) => Ok(char::from(byte)),
        _ => Err(failed),
    }
}

/// `str_udeescape` of PostgreSQL's parser.c.
fn unicode_escapes(body: &str, escape: char) -> Result<String, LexErrorKind> {
    let mut out = Vec::with_capacity(body.len());
    let mut pair = Pair::default();
    let mut rest = body;
    while let Some(next) = rest.chars().next() {
        let after = rest.get(next.len_utf8()..).unwrap_or_default();
        if next != escape {
            pair.rest()?;
            out.extend_from_slice(next.encode_utf8(&mut [0; 4]).as_bytes());
            rest = after;
        } else if let Some(tail) = after.strip_prefix(escape) {
            pair.rest()?;
            out.extend_from_slice(escape.encode_utf8(&mut [0; 4]).as_bytes());
            rest = tail;
        } else {
            let (unit, tail) = match after.strip_prefix('+') {
                Some(digits) => hex(digits, 6)?,
                None => hex(after, 4)?,
            };
            pair.push(unit, &mut out)?;
            rest = tail;
        }
    }
    pair.rest()?;
    String::from_utf8(out).map_err(|_| LexErrorKind::InvalidUtf8)
}
