//! Key material in memory: data keys, the cache, and what a session wants of it.

mod cache;
mod xaes;

pub use cache::{Ages, KeyCache};
pub(crate) use xaes::XaesKey;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use aes::Aes256;
use aes::cipher::KeyInit;
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

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
    wiping_stack(|| {
        let mut out = Zeroizing::new([0; 32]);
        // 32 bytes are far below the limit of 255 hashes, so this cannot fail; all-zero output would fail the key check.
        let _ = Hkdf::<Sha256>::new(None, secret.expose()).expand(label, out.as_mut());
        Secret::new(&out)
    })
}

/// Works with key material, then overwrites the stack that was used: hashes and ciphers keep blocks of their input there.
fn wiping_stack<T>(work: impl FnOnce() -> T) -> T {
    /// More than what the ciphers take, in a debug build too.
    const USED: usize = 16 << 10;

    #[inline(never)]
    fn apart<T>(work: impl FnOnce() -> T) -> T {
        work()
    }
    #[inline(never)]
    fn overwrite() {
        let mut used = [0_u8; USED];
        used.zeroize();
    }
    let done = apart(work);
    overwrite();
    done
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
    material: Material,
}

/// What a key's purpose needs of it.
enum Material {
    /// The expanded XAES-256-GCM key, which stays where it is when this is moved.
    Randomised(Box<XaesKey>),
    /// A search key, of which each domain has two keys of its own.
    Deterministic(Secret),
}

impl DataKey {
    /// Derives id and subkeys from 32 bytes of key material; the material itself is wiped.
    #[must_use]
    pub fn new(tenant: TenantId, purpose: Purpose, secret: &Secret) -> Self {
        let material = match purpose {
            Purpose::Dek => {
                let subkey = derive(secret, b"sv1/rnd/xaes256gcm");
                let expanded = wiping_stack(|| Box::new(XaesKey::new(subkey.expose())));
                Material::Randomised(expanded)
            }
            Purpose::Search => Material::Deterministic(secret.clone()),
        };
        Self {
            kid: key_id(secret),
            tenant,
            purpose,
            material,
        }
    }

    /// The expanded XAES-256-GCM key; a search key has none.
    pub(crate) fn cipher(&self) -> Option<&XaesKey> {
        match &self.material {
            Material::Randomised(cipher) => Some(cipher),
            Material::Deterministic(_) => None,
        }
    }

    /// The two halves of a domain's AES-256-SIV key, for authentication and for encryption; only a search key has them.
    pub(crate) fn siv(&self, domain: &str) -> Option<(Aes256, Aes256)> {
        let Material::Deterministic(secret) = &self.material else {
            return None;
        };
        let label = [b"sv1/det/aes256siv\0", domain.as_bytes()].concat();
        let mut keys = Zeroizing::new([0; 64]);
        Hkdf::<Sha256>::new(None, secret.expose())
            .expand(&label, keys.as_mut())
            .ok()?;
        let (mac, enc) = keys.split_first_chunk::<32>()?;
        Some((Aes256::new(mac.into()), Aes256::new_from_slice(enc).ok()?))
    }
}

/// Keys that a frame waits for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyWants {
    /// Tenants whose active key is needed.
    pub seal: BTreeSet<TenantId>,
    /// Tenants whose search key is needed.
    pub search: BTreeSet<TenantId>,
    /// Keys that sealed values name.
    pub open: BTreeSet<KeyId>,
}

impl KeyWants {
    /// Whether nothing is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.seal.is_empty() && self.search.is_empty() && self.open.is_empty()
    }

    /// Adds the active key of this purpose.
    pub fn active(&mut self, owner: TenantId, purpose: Purpose) {
        match purpose {
            Purpose::Dek => self.seal.insert(owner),
            Purpose::Search => self.search.insert(owner),
        };
    }

    /// Adds what `other` wants.
    pub fn merge(&mut self, other: Self) {
        self.seal.extend(other.seal);
        self.search.extend(other.search);
        self.open.extend(other.open);
    }
}

/// What became of wanted keys: each is there, or refused with what the client is to be told.
#[derive(Default)]
pub struct KeyAnswers {
    /// By tenant: the key that seals.
    pub active: HashMap<TenantId, Result<Arc<DataKey>, Refusal>>,
    /// By tenant: the search key.
    pub search: HashMap<TenantId, Result<Arc<DataKey>, Refusal>>,
    /// By key id.
    pub by_kid: HashMap<KeyId, Result<Arc<DataKey>, Refusal>>,
}

impl KeyAnswers {
    /// The key of this id, as it was answered or as the cache has it; `None`: it must be asked for.
    #[must_use]
    pub fn key(&self, kid: KeyId, cache: &KeyCache) -> Option<Result<Arc<DataKey>, Refusal>> {
        let answer = self.by_kid.get(&kid).cloned();
        answer.or_else(|| cache.by_kid(kid).map(Ok))
    }
}
