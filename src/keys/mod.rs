//! Key material in memory: data keys, the cache, and what a session wants of it.

mod cache;

pub use cache::{Ages, KeyCache};

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use aes::Aes256;
use aes::cipher::KeyInit;
use hkdf::Hkdf;
use sha2::Sha256;

use crate::model::{KeyId, Refusal, Secret, TenantId};

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Sealing values (suite 1).
    Dek,
    /// Searchable values (suite 2).
    Search,
}

impl Purpose {
    /// As it stands in the keyring table and in the encryption context.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dek => "dek",
            Self::Search => "search",
        }
    }
}

/// HKDF-SHA256 without salt of a 32-byte key, to 32 bytes (RFC 5869).
fn derive(secret: &Secret, label: &[u8]) -> Secret {
    let mut out = [0; 32];
    // 32 bytes are far below the limit of 255 hashes, so this cannot fail; all-zero output would fail the key check.
    let _ = Hkdf::<Sha256>::new(None, secret.expose()).expand(label, &mut out);
    Secret::new(out)
}

/// The key id of a data key: the first 8 bytes of HKDF(key, "sv1/kcv").
#[must_use]
pub fn key_id(secret: &Secret) -> KeyId {
    let check = derive(secret, b"sv1/kcv");
    let mut id = [0; 8];
    id.iter_mut()
        .zip(check.expose())
        .for_each(|(to, from)| *to = *from);
    KeyId(id)
}

/// A tenant's data key, ready for use. It cannot be printed.
pub struct DataKey {
    /// Its id.
    pub kid: KeyId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What it is for.
    pub purpose: Purpose,
    cipher: Aes256,
}

impl DataKey {
    /// Derives id and subkeys from 32 bytes of key material; the material itself is wiped.
    #[must_use]
    pub fn new(tenant: TenantId, purpose: Purpose, secret: &Secret) -> Self {
        let subkey = derive(secret, b"sv1/rnd/xaes256gcm");
        Self {
            kid: key_id(secret),
            tenant,
            purpose,
            cipher: Aes256::new(subkey.expose().into()),
        }
    }

    /// The expanded XAES-256-GCM key.
    pub(crate) fn cipher(&self) -> &Aes256 {
        &self.cipher
    }
}

/// Keys that a frame waits for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyWants {
    /// Tenants whose active key is needed.
    pub seal: BTreeSet<TenantId>,
    /// Keys that sealed values name.
    pub open: BTreeSet<KeyId>,
}

impl KeyWants {
    /// Whether nothing is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.seal.is_empty() && self.open.is_empty()
    }

    /// Adds what `other` wants.
    pub fn merge(&mut self, other: Self) {
        self.seal.extend(other.seal);
        self.open.extend(other.open);
    }
}

/// What became of wanted keys: each is there, or refused with what the client is to be told.
#[derive(Default)]
pub struct KeyAnswers {
    /// By tenant: the active key.
    pub active: HashMap<TenantId, Result<Arc<DataKey>, Refusal>>,
    /// By key id.
    pub by_kid: HashMap<KeyId, Result<Arc<DataKey>, Refusal>>,
}
