//! What all sessions of one database share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;

use super::names::NAME_LEN;
use crate::keys::KeyCache;
use crate::plan::{PlanCache, Planner};

/// What [`Shared::catalogs`] has besides its count while the catalog is changing.
pub(super) const CHANGING: u64 = 1;

/// What all sessions share.
pub struct Shared {
    /// The planner of the protected database; none when no rules are loaded: everything is forwarded.
    pub planner: ArcSwapOption<Planner>,
    /// The data keys in memory.
    pub keys: Arc<KeyCache>,
    /// The database that the rules protect; sessions of any other database are forwarded.
    pub database: Option<String>,
    /// Counts how often the rules were changed, each time after the new planner was stored.
    pub rules: AtomicU64,
    /// Twice the number of times that the catalog was loaded anew, each counted after the new planner was stored; one more
    /// while somebody's change of it is about to be committed.
    pub(super) catalogs: AtomicU64,
    pub(super) plans: PlanCache,
}

impl Shared {
    /// Whether sessions that ask for this database are its own. PostgreSQL cuts a name that is too long; from version 17 on
    /// it looks for one that ends before a letter of several bytes, too.
    #[must_use]
    pub fn is_of(&self, database: &[u8]) -> bool {
        const LONGEST: usize = NAME_LEN - 1;
        const LETTER: usize = 4;
        self.database.as_ref().is_none_or(|name| {
            let cut = database.len() > LONGEST
                && name.len() + LETTER > LONGEST
                && database.starts_with(name.as_bytes());
            cut || name.as_bytes() == database
        })
    }

    /// `planner` is none when there are no rules; `database` is the protected database's name.
    #[must_use]
    pub fn new(
        planner: Option<Arc<Planner>>,
        keys: Arc<KeyCache>,
        database: Option<String>,
    ) -> Self {
        Self {
            planner: ArcSwapOption::new(planner),
            keys,
            database,
            rules: AtomicU64::new(0),
            catalogs: AtomicU64::new(0),
            plans: PlanCache::new(),
        }
    }

    /// Puts a planner of a newer catalog in force.
    pub fn replace_planner(&self, planner: Planner) {
        self.planner.store(Some(Arc::new(planner)));
        self.catalogs.fetch_add(2, Ordering::AcqRel);
    }

    /// While the catalog is changing, what clients send waits at [`super::Progress::NeedCatalog`].
    pub fn set_changing(&self, changing: bool) {
        if changing {
            self.catalogs.fetch_or(CHANGING, Ordering::AcqRel);
        } else {
            self.catalogs.fetch_and(!CHANGING, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Ages;

    fn of(name: &str, asked: &str) -> bool {
        let keys = Arc::new(KeyCache::new(Ages::default()));
        Shared::new(None, keys, Some(name.to_owned())).is_of(asked.as_bytes())
    }

    #[test]
    fn a_database_is_known_by_a_name_that_the_server_cuts() {
        let longest = "d".repeat(63);
        assert!(of("app", "app") && of(&longest, &longest));
        assert!(!of("app", "ap") && !of("app", "apps") && !of(&longest, "d"));
        assert!(of(&longest, &"d".repeat(64)) && of(&longest, &"d".repeat(200)));
        // Of a letter of three bytes at the end, one byte would be left.
        assert!(of(&"d".repeat(62), &format!("{}\u{20ac}", "d".repeat(62))));
        assert!(!of(&"d".repeat(59), &"d".repeat(64)));
        assert!(!of(&longest, &"e".repeat(64)));
    }
}
