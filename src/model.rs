//! Shared nouns: column and type ids, tenants, key ids, secrets, and what a client is told when something is refused.

mod copy;
mod tenant;

use std::fmt;
use std::sync::Arc;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

pub use copy::{CopyFormat, CopyHeader, CopyStyle};
pub use tenant::tenant_text;

/// A PostgreSQL object id. `Oid(0)` means "none", as in RowDescription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Oid(pub u32);

/// One column of one relation, as RowDescription names it (table OID, attnum).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ColumnRef {
    /// `pg_class.oid`.
    pub table: Oid,
    /// `pg_attribute.attnum`, from 1 for user columns.
    pub attnum: i16,
}

/// A value's wire format (PostgreSQL manual 55.7, "format codes").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// Format code 0.
    #[default]
    Text,
    /// Format code 1.
    Binary,
}

/// Which end of a session a byte came from or goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// The application.
    Client,
    /// PostgreSQL.
    Server,
}

/// A tenant's name: the text form of the row's tenant column, of the session's setting, or a constant of the rules.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// The longest tenant name, in bytes: its length is a `u16` in the AAD and it is a key of the keyring.
    pub const MAX_LEN: usize = 255;

    /// The keyring's name for the keys that all tenants share.
    const DEPLOYMENT: &str = "<deployment>";

    /// A tenant name of 1 to [`Self::MAX_LEN`] bytes without NUL; `None` for any other text, and for the name that
    /// [`Self::deployment`] bears.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        Self::of_keyring(name).filter(|tenant| *tenant != Self::deployment())
    }

    /// The same for a name in the keyring, where the deployment's stands beside the tenants'.
    #[must_use]
    pub fn of_keyring(name: &str) -> Option<Self> {
        let fits = !name.is_empty() && name.len() <= Self::MAX_LEN && !name.contains('\0');
        fits.then(|| Self(name.into()))
    }

    /// Whose the search keys are that serve all tenants (`scope = "deployment"`).
    #[must_use]
    pub fn deployment() -> Self {
        Self(Self::DEPLOYMENT.into())
    }

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key's id: the first 8 bytes of its key check value (docs/format.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A plaintext value. It is wiped when dropped and cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Plain(Zeroizing<Vec<u8>>);

impl Plain {
    /// Takes the bytes over.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The plaintext, for sealing or for the client's frame only.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The plaintext for the client's frame, taken over as it is: it is not wiped any more.
    #[must_use]
    pub fn into_exposed(mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

/// 32 bytes of key material. Wiped when dropped, cannot be printed or compared. They stay where they are when it is moved:
/// what a move leaves behind is not wiped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret(Box<[u8; 32]>);

impl Secret {
    /// Copies the bytes, which the caller wipes.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        let mut secret = Self(Box::new([0; 32]));
        secret.0.copy_from_slice(bytes);
        secret
    }

    /// The key material, for ciphers and key derivation only.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

/// What the client is told when we say no: the fields of an ErrorResponse (PostgreSQL manual 55.8).
///
/// It never holds a value, a literal or a parameter: names, types and lengths only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// SQLSTATE, five characters (PostgreSQL manual, appendix A; our own are in `docs/errors.md`).
    pub sqlstate: &'static str,
    /// What happened and where.
    pub message: String,
    /// More of the why, if there is more.
    pub detail: Option<String>,
    /// What to do, ending in the error book's anchor.
    pub hint: Option<String>,
    /// 1-based position in the client's statement, in characters.
    pub position: Option<u32>,
    /// PostgreSQL's routine that raises the same error, where drivers look at it.
    pub routine: Option<&'static str>,
    /// Where the server may say better what is wrong with a name.
    pub hollow: Option<Box<Hollow>>,
}

/// A statement without its constants and comments, each character in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hollow(pub String);

impl Refusal {
    /// A refusal with a message and the hint that every refusal must carry.
    #[must_use]
    pub fn new(
        sqlstate: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            sqlstate,
            message: message.into(),
            detail: None,
            hint: Some(hint.into()),
            position: None,
            routine: None,
            hollow: None,
        }
    }

    /// Adds the DETAIL field.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds the 1-based character position.
    #[must_use]
    pub fn at(mut self, position: u32) -> Self {
        self.position = Some(position);
        self
    }
}

/// How a protected column's values are written: the base type under domains, `varchar` counting as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueKind {
    /// `text` and `varchar`.
    Text,
    /// `json`.
    Json,
    /// `jsonb`.
    Jsonb,
    /// `bytea`.
    Bytea,
}

impl ValueKind {
    /// What PostgreSQL calls the type.
    #[must_use]
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Jsonb => "jsonb",
            Self::Bytea => "bytea",
        }
    }
}
