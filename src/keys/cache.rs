//! Data keys in memory, by id and by tenant.
//!
//! Sessions read it on the hot path; the keyring fills, refreshes and empties it. Time is a number of milliseconds that
//! the keyring sets: nothing here asks a clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use dashmap::DashMap;
use foldhash::fast::RandomState;

use super::{DataKey, Purpose};
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
    /// Past its soft age without a word of KMS: given out only by [`KeyCache::fallback`].
    stale: AtomicBool,
}

/// The keys of one tenant.
#[derive(Default)]
struct Held {
    seal: Option<KeyId>,
    search: Option<KeyId>,
    kids: Vec<KeyId>,
}

impl Held {
    fn active(&mut self, purpose: Purpose) -> &mut Option<KeyId> {
        match purpose {
            Purpose::Dek => &mut self.seal,
            Purpose::Search => &mut self.search,
        }
    }
}

/// The cache. No guard of it is ever held over a call, and never two at a time.
pub struct KeyCache {
    ages: Ages,
    now: AtomicU64,
    keys: DashMap<KeyId, Entry, RandomState>,
    tenants: DashMap<TenantId, Held, RandomState>,
}

impl KeyCache {
    /// An empty cache.
    #[must_use]
    pub fn new(ages: Ages) -> Self {
        Self {
            ages,
            now: AtomicU64::new(0),
            keys: DashMap::default(),
            tenants: DashMap::default(),
        }
    }

    /// Sets the time, in milliseconds since any fixed moment.
    pub fn set_now(&self, now: u64) {
        self.now.store(now, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    /// The tenant's active key that seals, if it is here and not too old.
    #[must_use]
    pub fn active(&self, tenant: &TenantId) -> Option<Arc<DataKey>> {
        let kid = self.tenants.get(tenant)?.seal?;
        self.by_kid(kid)
    }

    /// The tenant's active search key, if it is here and not too old.
    #[must_use]
    pub fn search(&self, tenant: &TenantId) -> Option<Arc<DataKey>> {
        let kid = self.tenants.get(tenant)?.search?;
        self.by_kid(kid)
    }

    /// The key of this id, if it is here and not too old.
    #[must_use]
    pub fn by_kid(&self, kid: KeyId) -> Option<Arc<DataKey>> {
        let entry = self.keys.get(&kid)?;
        if entry.stale.load(Ordering::Relaxed) {
            return None;
        }
        self.give(&entry)
    }

    /// A key that was to be decrypted anew, while KMS does not answer: it goes on until its hard age.
    #[must_use]
    pub fn fallback(&self, kid: KeyId) -> Option<Arc<DataKey>> {
        let entry = self.keys.get(&kid)?;
        let key = self.give(&entry)?;
        entry.stale.store(false, Ordering::Relaxed);
        Some(key)
    }

    fn give(&self, entry: &Entry) -> Option<Arc<DataKey>> {
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
        let (tenant, kid, purpose) = (key.tenant.clone(), key.kid, key.purpose);
        self.keys.insert(
            kid,
            Entry {
                key,
                loaded: now,
                used: AtomicU64::new(used),
                stale: AtomicBool::new(false),
            },
        );
        self.list(tenant, purpose, kid, active);
    }

    /// Whether the key of this id is its tenant's active one, as the keyring says now.
    pub fn list(&self, tenant: TenantId, purpose: Purpose, kid: KeyId, active: bool) {
        let mut held = self.tenants.entry(tenant).or_default();
        if !held.kids.contains(&kid) {
            held.kids.push(kid);
        }
        let current = held.active(purpose);
        if active {
            *current = Some(kid);
        } else if *current == Some(kid) {
            // It was retired since: the next write asks for the key that took its place.
            *current = None;
        }
    }

    /// Drops one key.
    pub fn evict(&self, kid: KeyId) {
        if let Some((_, entry)) = self.keys.remove(&kid) {
            self.unlist(&entry.key.tenant, kid);
        }
    }

    fn unlist(&self, tenant: &TenantId, kid: KeyId) {
        if let Some(mut held) = self.tenants.get_mut(tenant) {
            held.kids.retain(|listed| *listed != kid);
            held.seal = held.seal.filter(|active| *active != kid);
            held.search = held.search.filter(|active| *active != kid);
        }
        self.tenants
            .remove_if(tenant, |_, held| held.kids.is_empty());
    }

    /// Drops all keys of a tenant; says whether there were any.
    pub fn evict_tenant(&self, tenant: &TenantId) -> bool {
        let Some((_, held)) = self.tenants.remove(tenant) else {
            return false;
        };
        for kid in &held.kids {
            self.keys.remove(kid);
        }
        true
    }

    /// Forgets which keys of a tenant are the active ones: they are asked for anew, while values still open.
    pub fn forget_active(&self, tenant: &TenantId) {
        if let Some(mut held) = self.tenants.get_mut(tenant) {
            (held.seal, held.search) = (None, None);
        }
    }

    /// Drops what is idle or beyond its hard age, and gives the keys that are due for a refresh: used since they were
    /// loaded, and older than their soft age less up to a tenth, by which keys loaded together drift apart. A key past its
    /// soft age that nobody used is served no more until KMS was asked.
    #[must_use]
    pub fn due(&self) -> Vec<Arc<DataKey>> {
        let now = self.now();
        let (mut due, mut gone) = (Vec::new(), Vec::new());
        self.keys.retain(|kid, entry| {
            let (age, used) = (
                now.saturating_sub(entry.loaded),
                entry.used.load(Ordering::Relaxed),
            );
            let jitter =
                self.ages.soft / 10 * u64::from(kid.0.first().copied().unwrap_or_default()) / 255;
            if age >= self.ages.soft - jitter && used > entry.loaded {
                due.push(entry.key.clone());
            } else if age >= self.ages.soft {
                entry.stale.store(true, Ordering::Relaxed);
            }
            let kept = age < self.ages.hard && now.saturating_sub(used) < self.ages.idle;
            if !kept {
                gone.push((entry.key.tenant.clone(), *kid));
            }
            kept
        });
        for (tenant, kid) in gone {
            self.unlist(&tenant, kid);
        }
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
    use crate::keys::{Material, XaesKey};
    use crate::model::Secret;

    const SHORT: Ages = Ages {
        soft: 100,
        hard: 1000,
        idle: 500,
    };

    fn key(tenant: &str, byte: u8) -> Arc<DataKey> {
        Arc::new(DataKey::new(
            TenantId::new(tenant).unwrap(),
            Purpose::Dek,
            &Secret::new(&[byte; 32]),
        ))
    }

    #[test]
    fn a_key_beyond_its_hard_age_is_gone_and_one_in_use_is_due_at_its_soft_age() {
        let cache = KeyCache::new(SHORT);
        let key = key("a", 1);
        cache.insert(key.clone(), true);
        cache.set_now(50);
        assert!(cache.active(&key.tenant).is_some());
        assert!(cache.due().is_empty());
        cache.set_now(100);
        assert_eq!(cache.due().len(), 1);
        assert!(cache.by_kid(key.kid).is_some());
        cache.set_now(1000);
        assert!(cache.by_kid(key.kid).is_none() && cache.fallback(key.kid).is_none());
    }

    #[test]
    fn a_key_that_nobody_used_by_its_soft_age_is_served_only_while_kms_is_silent() {
        let cache = KeyCache::new(SHORT);
        let key = key("a", 1);
        cache.insert(key.clone(), true);
        cache.set_now(100);
        assert!(cache.due().is_empty());
        assert!(cache.by_kid(key.kid).is_none() && cache.active(&key.tenant).is_none());
        assert!(cache.fallback(key.kid).is_some());
        // It is in use again, so that it is asked for in the background and not by each statement.
        assert!(cache.active(&key.tenant).is_some());
        assert_eq!(cache.due().len(), 1);
    }

    #[test]
    fn an_idle_key_is_dropped() {
        let cache = KeyCache::new(SHORT);
        let key = key("a", 1);
        cache.insert(key.clone(), true);
        cache.set_now(500);
        assert!(cache.due().is_empty() && cache.is_empty() && cache.tenants.is_empty());
        assert!(cache.fallback(key.kid).is_none());
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
        let (a, older, b) = (key("a", 1), key("a", 3), key("b", 2));
        cache.insert(a.clone(), true);
        cache.insert(older.clone(), false);
        cache.insert(b.clone(), true);
        assert!(cache.evict_tenant(&a.tenant) && !cache.evict_tenant(&a.tenant));
        assert!(cache.by_kid(a.kid).is_none() && cache.active(&a.tenant).is_none());
        assert!(cache.by_kid(older.kid).is_none());
        assert!(cache.active(&b.tenant).is_some());
    }

    #[test]
    fn a_hundred_thousand_tenants_fit_and_are_found() {
        let cache = KeyCache::new(Ages::default());
        let resident = || {
            let status = std::fs::read_to_string("/proc/self/statm").unwrap();
            status.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
        };
        let before = resident();
        for number in 0..100_000_u32 {
            let mut kid = [0; 8];
            kid[..4].copy_from_slice(&number.to_be_bytes());
            // Its derivation is left out: it takes no memory, and long in a build for tests.
            let key = DataKey {
                kid: KeyId(kid),
                tenant: TenantId::new(&format!("{number:036}")).unwrap(),
                purpose: Purpose::Dek,
                material: Material::Randomised(Box::new(XaesKey::new(
                    kid.repeat(4)[..].try_into().unwrap(),
                ))),
            };
            cache.insert(Arc::new(key), true);
        }
        let bytes = (resident() - before) / 100_000;
        let tenants: Vec<TenantId> = (0..100_000)
            .map(|number| TenantId::new(&format!("{number:036}")).unwrap())
            .collect();
        let start = std::time::Instant::now();
        assert!(tenants.iter().all(|tenant| cache.active(tenant).is_some()));
        let each = start.elapsed() / 100_000;
        println!("{bytes} bytes a key, {each:?} a lookup");
        assert_eq!(cache.len(), 100_000);
        assert!(bytes < 4096, "{bytes} bytes a key");
    }
}
