//! Plaintext to sealed value and back: format SV1, suites 1 and 2 (docs/format.md).
//!
//! [`Sealed`] comes only from [`seal`]: what is to be stored in a protected column is made of nothing else.

mod json;
mod siv;
#[cfg(test)]
mod tests;
mod value;
mod xaes;

pub use value::{canonical, present};

use std::ops::Range;

use base64_simd::URL_SAFE_NO_PAD as BASE64;

use crate::keys::DataKey;
use crate::model::{Format, KeyId, Plain, ValueKind};
use siv::SIV_LEN;
use xaes::{NONCE_LEN, TAG_LEN};

/// What a b-tree entry may hold of a searchable value (PostgreSQL manual, 67.1): a third of a page. Beyond it the server would
/// say so in words that show the sealed value.
pub const BTREE_LIMIT: usize = 2_704 - 16;
const MAGIC: [u8; 3] = [0xF8, 0x73, 0x76];
const SUITE_RANDOMISED: u8 = 1;
const SUITE_DETERMINISTIC: u8 = 2;
const TOKEN_START: &str = "~s1";
const TOKEN_START_DETERMINISTIC: &str = "~s2";
const TOKEN_END: u8 = b'~';
const KID_LEN: usize = 8;
/// Nonce, kid, flags and tag: the least that stands behind magic and suite.
const LEAST: usize = NONCE_LEN + KID_LEN + 1 + TAG_LEN;
/// No compression, no padding, canonical text form, not bound to a row.
const FLAGS: u8 = 0;

/// How many characters a sealed value of so many bytes of plaintext has in a text column.
#[must_use]
pub fn text_len(plain: usize, searchable: bool) -> usize {
    let bytes = overhead(searchable).saturating_add(plain);
    // Base64 without padding.
    let coded = bytes.saturating_mul(4).div_ceil(3);
    coded.saturating_add(TOKEN_START.len() + 1)
}

/// The longest plaintext, in bytes, whose sealed value has no more characters than this; `None`: not even the empty one's.
#[must_use]
pub fn longest_plaintext(chars: usize, searchable: bool) -> Option<usize> {
    let coded = chars.checked_sub(TOKEN_START.len() + 1)?;
    (coded / 4 * 3 + coded % 4 * 3 / 4).checked_sub(overhead(searchable))
}

/// What stands behind magic and suite besides the ciphertext.
fn overhead(searchable: bool) -> usize {
    match searchable {
        true => SIV_LEN + KID_LEN + 1,
        false => LEAST,
    }
}

/// Why a value was not sealed or not opened. It says nothing of the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The value has the form of a sealed one but is cut short or malformed.
    #[error("the sealed value is malformed")]
    Malformed,
    /// Its suite or flags are of a version that this program does not know.
    #[error("the sealed value is of an unknown suite or version")]
    Unknown,
    /// It does not authenticate under this key, tenant and label.
    #[error("the sealed value does not authenticate")]
    Forged,
    /// A search key was to seal what is not searched for, or the other way round.
    #[error("the key is for another purpose")]
    WrongPurpose,
    /// The label is longer than its length field allows, or the value than the cipher.
    #[error("the value or its label is too long to seal")]
    TooLong,
    /// The operating system gave no random bytes.
    #[error("no random bytes")]
    NoRandomness,
}

/// A sealed value, made by [`seal`].
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// The value as a column or parameter of this kind and format holds it.
    #[must_use]
    pub fn to_wire(&self, kind: ValueKind, format: Format) -> Vec<u8> {
        match (kind, format) {
            (ValueKind::Bytea, Format::Binary) => self.0.clone(),
            (ValueKind::Bytea, Format::Text) => value::hex(&self.0),
            (ValueKind::Text, _) => self.token(b"", b""),
            (ValueKind::Json, _) | (ValueKind::Jsonb, Format::Text) => self.token(b"\"", b"\""),
            (ValueKind::Jsonb, Format::Binary) => self.token(b"\x01\"", b"\""),
        }
    }

    fn token(&self, before: &[u8], after: &[u8]) -> Vec<u8> {
        let start = match self.0.get(MAGIC.len()) {
            Some(&SUITE_DETERMINISTIC) => TOKEN_START_DETERMINISTIC,
            _ => TOKEN_START,
        };
        let body = self.0.get(MAGIC.len() + 1..).unwrap_or_default();
        let around = before.len() + start.len() + 1 + after.len();
        let mut token = Vec::with_capacity(around + BASE64.encoded_length(body.len()));
        token.extend_from_slice(before);
        token.extend_from_slice(start.as_bytes());
        BASE64.encode_append(body, &mut token);
        token.push(TOKEN_END);
        token.extend_from_slice(after);
        token
    }
}

/// A stored value that has the form of a sealed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedValue {
    start: Start,
    kid: KeyId,
    flags: u8,
    /// All of it, and where the ciphertext begins.
    body: Vec<u8>,
    head: usize,
}

/// What a sealed value begins with, by suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    Nonce([u8; NONCE_LEN]),
    Siv([u8; SIV_LEN]),
}

impl SealedValue {
    /// The key that it claims to be sealed with.
    #[must_use]
    pub fn kid(&self) -> KeyId {
        self.kid
    }

    /// Whether it is of the suite of searchable columns.
    #[must_use]
    pub fn is_searchable(&self) -> bool {
        matches!(self.start, Start::Siv(_))
    }

    /// `body` is what stands behind magic and suite.
    fn read(body: Vec<u8>) -> Result<Self, SealError> {
        if body.len() < LEAST {
            return Err(SealError::Malformed);
        }
        let nonce = body.first_chunk::<NONCE_LEN>().copied();
        Self::behind(nonce.map(Start::Nonce), NONCE_LEN, body)
    }

    /// The same for suite 2.
    fn read_deterministic(body: Vec<u8>) -> Result<Self, SealError> {
        let siv = body.first_chunk::<SIV_LEN>().copied();
        Self::behind(siv.map(Start::Siv), SIV_LEN, body)
    }

    fn behind(start: Option<Start>, len: usize, body: Vec<u8>) -> Result<Self, SealError> {
        let start = start.ok_or(SealError::Malformed)?;
        let rest = body.get(len..).unwrap_or_default();
        let (kid, rest) = rest
            .split_first_chunk::<KID_LEN>()
            .ok_or(SealError::Malformed)?;
        let &flags = rest.first().ok_or(SealError::Malformed)?;
        if flags != FLAGS {
            return Err(SealError::Unknown);
        }
        Ok(Self {
            start,
            kid: KeyId(*kid),
            flags,
            head: len + KID_LEN + 1,
            body,
        })
    }

    fn ciphertext(&self) -> &[u8] {
        self.body.get(self.head..).unwrap_or_default()
    }
}

/// What a stored value turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// It has the form of a sealed value.
    Sealed(SealedValue),
    /// It has not: plaintext, planted or from before.
    NotSealed,
}

/// Nonces of one statement: random bytes of the operating system, then a counter, so that a cloned machine's userspace
/// state never repeats one.
pub struct Nonces {
    prefix: [u8; NONCE_LEN],
    counter: u64,
}

impl Nonces {
    /// Draws the prefix.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`].
    pub fn from_os() -> Result<Self, SealError> {
        let mut prefix = [0; NONCE_LEN];
        getrandom::fill(&mut prefix).map_err(|_| SealError::NoRandomness)?;
        Ok(Self { prefix, counter: 0 })
    }

    /// The prefix with the counter mixed into its last eight bytes.
    fn next(&mut self) -> [u8; NONCE_LEN] {
        let mut nonce = self.prefix;
        nonce
            .iter_mut()
            .rev()
            .zip(self.counter.to_le_bytes())
            .for_each(|(byte, count)| *byte ^= count);
        self.counter = self.counter.wrapping_add(1);
        nonce
    }
}

/// "SV1" ‖ suite ‖ flags ‖ kid ‖ len16(tenant) tenant ‖ len16(field) field ‖ len16(row) row.
fn aad(key: &DataKey, suite: u8, flags: u8, label: &str) -> Result<Vec<u8>, SealError> {
    let len = 3 + 2 + KID_LEN + 3 * 2 + key.tenant.as_str().len() + label.len();
    let mut aad = Vec::with_capacity(len);
    aad.extend_from_slice(b"SV1");
    aad.extend_from_slice(&[suite, flags]);
    aad.extend_from_slice(&key.kid.0);
    for part in [key.tenant.as_str(), label, ""] {
        let len = u16::try_from(part.len()).map_err(|_| SealError::TooLong)?;
        aad.extend_from_slice(&len.to_be_bytes());
        aad.extend_from_slice(part.as_bytes());
    }
    Ok(aad)
}

/// Seals a value for the column with this label.
///
/// # Errors
/// [`SealError::TooLong`].
pub fn seal(
    key: &DataKey,
    label: &str,
    plain: &Plain,
    nonces: &mut Nonces,
) -> Result<Sealed, SealError> {
    seal_with(key, label, plain, &nonces.next())
}

fn seal_with(
    key: &DataKey,
    label: &str,
    plain: &Plain,
    nonce: &[u8; NONCE_LEN],
) -> Result<Sealed, SealError> {
    let mut bytes = Vec::with_capacity(MAGIC.len() + 1 + LEAST + plain.expose().len());
    bytes.extend_from_slice(&MAGIC);
    bytes.push(SUITE_RANDOMISED);
    bytes.extend_from_slice(nonce);
    bytes.extend_from_slice(&key.kid.0);
    bytes.push(FLAGS);
    let cipher = key.cipher().ok_or(SealError::WrongPurpose)?;
    let aad = aad(key, SUITE_RANDOMISED, FLAGS, label)?;
    let sealed = xaes::seal(cipher, nonce, &aad, plain.expose(), &mut bytes);
    sealed.map(|()| Sealed(bytes)).ok_or(SealError::TooLong)
}

/// Seals a value for a searchable column of this domain: equal values become equal. `key` is a search key.
///
/// # Errors
/// [`SealError::TooLong`], [`SealError::WrongPurpose`].
pub fn seal_searchable(key: &DataKey, domain: &str, plain: &Plain) -> Result<Sealed, SealError> {
    let (mac, enc) = key.siv(domain).ok_or(SealError::WrongPurpose)?;
    let aad = aad(key, SUITE_DETERMINISTIC, FLAGS, domain)?;
    let (siv, sealed) = siv::seal(&mac, &enc, &aad, plain.expose());
    let mut bytes = Vec::with_capacity(MAGIC.len() + 2 + SIV_LEN + KID_LEN + sealed.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.push(SUITE_DETERMINISTIC);
    bytes.extend_from_slice(&siv);
    bytes.extend_from_slice(&key.kid.0);
    bytes.push(FLAGS);
    bytes.extend_from_slice(&sealed);
    Ok(Sealed(bytes))
}

/// Opens a value that was sealed for the column with this label, or, if it is of suite 2, for this domain.
///
/// # Errors
/// [`SealError::Forged`] when key, tenant, label or a single bit is another.
pub fn open(
    key: &DataKey,
    label: &str,
    domain: Option<&str>,
    sealed: &SealedValue,
) -> Result<Plain, SealError> {
    if key.kid != sealed.kid {
        return Err(SealError::Forged);
    }
    let opened = match &sealed.start {
        Start::Nonce(nonce) => {
            let cipher = key.cipher().ok_or(SealError::Forged)?;
            let aad = aad(key, SUITE_RANDOMISED, sealed.flags, label)?;
            xaes::open(cipher, nonce, &aad, sealed.ciphertext())
        }
        Start::Siv(siv) => {
            let domain = domain.ok_or(SealError::Forged)?;
            let (mac, enc) = key.siv(domain).ok_or(SealError::Forged)?;
            let aad = aad(key, SUITE_DETERMINISTIC, sealed.flags, domain)?;
            siv::open(&mac, &enc, &aad, *siv, sealed.ciphertext())
        }
    };
    opened.map(Plain::new).ok_or(SealError::Forged)
}

/// Looks whether a stored value of this kind and format is a sealed one.
///
/// # Errors
/// A value that begins like a sealed one but is cut short, malformed, or of an unknown suite.
pub fn parse(kind: ValueKind, format: Format, bytes: &[u8]) -> Result<Parsed, SealError> {
    match (kind, format) {
        (ValueKind::Bytea, Format::Binary) => parse_bytes(bytes),
        (ValueKind::Bytea, Format::Text) => {
            value::bytea_from_text(bytes).map_or(Ok(Parsed::NotSealed), |bytes| parse_bytes(&bytes))
        }
        (ValueKind::Text, _) => parse_token(bytes),
        (ValueKind::Jsonb, Format::Binary) => parse_json(bytes.get(1..).unwrap_or_default()),
        (ValueKind::Json, _) | (ValueKind::Jsonb, Format::Text) => parse_json(bytes),
    }
}

/// The next part of a text that has the form of a sealed value's token, whole or not opening at all.
#[must_use]
pub fn find(text: &[u8], from: usize) -> Option<Range<usize>> {
    const PREFIX: &[u8] = b"~s";
    let mut at = from;
    loop {
        at += memchr::memmem::find(text.get(at..)?, PREFIX)?;
        let body = text.get(at + PREFIX.len()..)?;
        let len = body
            .iter()
            .position(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'-' | b'_'));
        if let Some(len) = len
            && body.get(len) == Some(&TOKEN_END)
            && len > 0
        {
            return Some(at..at + PREFIX.len() + len + 1);
        }
        at += PREFIX.len();
    }
}

fn parse_bytes(bytes: &[u8]) -> Result<Parsed, SealError> {
    let Some(rest) = bytes.strip_prefix(&MAGIC) else {
        return Ok(Parsed::NotSealed);
    };
    match rest.split_first() {
        Some((&SUITE_RANDOMISED, body)) => SealedValue::read(body.to_vec()).map(Parsed::Sealed),
        Some((&SUITE_DETERMINISTIC, body)) => {
            SealedValue::read_deterministic(body.to_vec()).map(Parsed::Sealed)
        }
        Some(_) => Err(SealError::Unknown),
        None => Err(SealError::Malformed),
    }
}

fn parse_json(bytes: &[u8]) -> Result<Parsed, SealError> {
    let inner = bytes.trim_ascii();
    match inner
        .strip_prefix(b"\"")
        .and_then(|inner| inner.strip_suffix(b"\""))
    {
        Some(inner) => parse_token(inner),
        None => Ok(Parsed::NotSealed),
    }
}

fn parse_token(bytes: &[u8]) -> Result<Parsed, SealError> {
    let randomised = bytes.strip_prefix(TOKEN_START.as_bytes());
    let Some(rest) =
        randomised.or_else(|| bytes.strip_prefix(TOKEN_START_DETERMINISTIC.as_bytes()))
    else {
        return Ok(Parsed::NotSealed);
    };
    let Some((&end, body)) = rest.split_last() else {
        return Err(SealError::Malformed);
    };
    if end != TOKEN_END {
        return Err(SealError::Malformed);
    }
    let body = BASE64
        .decode_to_vec(body)
        .map_err(|_| SealError::Malformed)?;
    let value = match randomised {
        Some(_) => SealedValue::read(body),
        None => SealedValue::read_deterministic(body),
    };
    value.map(Parsed::Sealed)
}
