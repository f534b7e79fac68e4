//! Data keys in memory, by id and by tenant.
//!
//! Sessions read it on the hot path; the keyring fills, refreshes and empties it. Time is a number of milliseconds that
//! the keyring sets: nothing here asks a clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use dashmap::DashMap;

use super::DataKey;
use crate::model::{KeyId, TenantId};

/// How long keys live in memory, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ages {
    /// From here on a key that is used is decrypted anew.
    pub soft: u64,
    /// From here on it is gone, even while KMS is unreachable.
    pub hard: u64,
    /// A key that nobody used for so long is dropped.
    pub idle: u64,
}

impl Default for Ages {
    fn default() -> Self {
        Self {
            soft: 300_000,
            hard: 1_800_000,
            idle: 900_000,
        }
    }
}

struct Entry {
    key: Arc<DataKey>,
    loaded: u64,
    used: AtomicU64,
    active: AtomicBool,
}

/// The cache. No guard of it is ever held over a call.
pub struct KeyCache {
    ages: Ages,
    now: AtomicU64,
    keys: DashMap<KeyId, Entry>,
    active: DashMap<TenantId, KeyId>,
}

impl KeyCache {
    /// An empty cache.
    #[must_use]
    pub fn new(ages: Ages) -> Self {
        Self {
            ages,
            now: AtomicU64::new(0),
            keys: DashMap::new(),
            active: DashMap::new(),
        }
    }

    /// Sets the time, in milliseconds since any fixed moment.
    pub fn set_now(&self, now: u64) {
        self.now.store(now, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    /// The tenant's active key, if it is here and not too old.
    #[must_use]
    pub fn active(&self, tenant: &TenantId) -> Option<Arc<DataKey>> {
        let kid = *self.active.get(tenant)?;
        self.by_kid(kid)
    }

    /// The key of this id, if it is here and not too old.
    #[must_use]
    pub fn by_kid(&self, kid: KeyId) -> Option<Arc<DataKey>> {
        let entry = self.keys.get(&kid)?;
        let now = self.now();
        if now.saturating_sub(entry.loaded) >= self.ages.hard {
            return None;
        }
        entry.used.store(now, Ordering::Relaxed);
        Some(entry.key.clone())
    }

    /// A key was decrypted just now.
    pub fn insert(&self, key: Arc<DataKey>, active: bool) {
        let now = self.now();
        let used = self
            .keys
            .get(&key.kid)
            .map_or(now, |entry| entry.used.load(Ordering::Relaxed));
        if active {
            self.active.insert(key.tenant.clone(), key.kid);
        } else {
            // It was retired since: the next write asks for the key that took its place.
            self.active
                .remove_if(&key.tenant, |_, current| *current == key.kid);
        }
        self.keys.insert(
            key.kid,
            Entry {
                key,
                loaded: now,
                used: AtomicU64::new(used),
                active: AtomicBool::new(active),
            },
        );
    }

    /// Drops one key.
    pub fn evict(&self, kid: KeyId) {
        if let Some((_, entry)) = self.keys.remove(&kid) {
            self.active
                .remove_if(&entry.key.tenant, |_, active| *active == kid);
        }
    }

    /// Drops all keys of a tenant.
    pub fn evict_tenant(&self, tenant: &TenantId) {
        self.active.remove(tenant);
        self.keys.retain(|_, entry| entry.key.tenant != *tenant);
    }

    /// Forgets which key of each tenant is the active one; they are asked for anew, while values still open.
    pub fn forget_active(&self) {
        self.active.clear();
    }

    /// Drops what is idle or beyond its hard age, and gives the keys that are due for a refresh: used since they were
    /// loaded, and older than their soft age less up to a tenth, by which keys loaded together drift apart.
    #[must_use]
    pub fn due(&self) -> Vec<(Arc<DataKey>, bool)> {
        let now = self.now();
        let mut due = Vec::new();
        self.keys.retain(|kid, entry| {
            let (age, used) = (
                now.saturating_sub(entry.loaded),
                entry.used.load(Ordering::Relaxed),
            );
            let jitter =
                self.ages.soft / 10 * u64::from(kid.0.first().copied().unwrap_or_default()) / 255;
            if age >= self.ages.soft - jitter && used > entry.loaded {
                due.push((entry.key.clone(), entry.active.load(Ordering::Relaxed)));
            }
            // A key past its soft age that nobody uses is not refreshed, so it must not be served either.
            let stale = age >= self.ages.soft && used <= entry.loaded;
            age < self.ages.hard && now.saturating_sub(used) < self.ages.idle && !stale
        });
        self.active.retain(|_, kid| self.keys.contains_key(kid));
        due
    }

    /// Keys in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Purpose;
    use crate::model::Secret;

    fn key(tenant: &str, byte: u8) -> Arc<DataKey> {
        Arc::new(DataKey::new(
            TenantId::new(tenant).unwrap(),
            Purpose::Dek,
            &Secret::new([byte; 32]),
        ))
    }

    #[test]
    fn a_key_beyond_its_hard_age_is_gone_and_one_in_use_is_due_at_its_soft_age() {
        let cache = KeyCache::new(Ages {
            soft: 100,
            hard: 1000,
            idle: 500,
        });
        let key = key("a", 1);
        cache.insert(key.clone(), true);
        cache.set_now(50);
        assert!(cache.active(&key.tenant).is_some());
        assert!(cache.due().is_empty());
        cache.set_now(100);
        assert_eq!(cache.due().len(), 1);
        assert!(cache.by_kid(key.kid).is_some());
        cache.set_now(1000);
        assert!(cache.by_kid(key.kid).is_none());
    }

    #[test]
    fn a_key_that_nobody_uses_is_dropped_at_its_soft_age_instead_of_refreshed() {
        let cache = KeyCache::new(Ages {
            soft: 100,
            hard: 1000,
            idle: 500,
        });
        cache.insert(key("a", 1), true);
        cache.set_now(100);
        assert!(cache.due().is_empty() && cache.is_empty());
    }

    #[test]
    fn a_key_that_comes_back_retired_still_opens_but_seals_no_more() {
        let cache = KeyCache::new(Ages::default());
        let key = key("a", 1);
        cache.insert(key.clone(), true);
        cache.insert(key.clone(), false);
        assert!(cache.active(&key.tenant).is_none() && cache.by_kid(key.kid).is_some());
    }

    #[test]
    fn evicting_a_tenant_leaves_the_others() {
        let cache = KeyCache::new(Ages::default());
        let (a, b) = (key("a", 1), key("b", 2));
        cache.insert(a.clone(), true);
        cache.insert(b.clone(), true);
        cache.evict_tenant(&a.tenant);
        assert!(cache.by_kid(a.kid).is_none() && cache.active(&a.tenant).is_none());
        assert!(cache.active(&b.tenant).is_some());
    }
}
