//! How those who need a newer catalog get it from the one task that reads catalogs.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Notify, watch};

/// How many of those who asked have been served, each with what is above it too.
#[derive(Default)]
struct Told {
    /// A newer catalog was tried to be read.
    tried: u64,
    /// One is in force.
    in_force: u64,
    /// And all of it could be read.
    whole: u64,
}

/// What came of reading a catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// The former one stays in force.
    Unusable,
    /// It is in force; what could not be read of it is refused.
    Partly,
    /// It is in force.
    Whole,
}

/// Of one database.
#[derive(Default)]
pub struct CatalogWatch {
    /// How often somebody has asked.
    asked: AtomicU64,
    bell: Notify,
    told: watch::Sender<Told>,
    changing: watch::Sender<bool>,
}

impl CatalogWatch {
    /// Waits until a catalog is in force, and wholly, that was read after this call: whatever was committed before is in it.
    pub async fn fresh(&self) {
        self.ask(|told, number| told.whole >= number).await;
    }

    /// Waits until a catalog was read after this call; whether it is in force, though perhaps not wholly.
    pub async fn safe(&self) -> bool {
        let number = self.ask(|told, number| told.tried >= number).await;
        self.told.borrow().in_force >= number
    }

    async fn ask(&self, served: impl Fn(&Told, u64) -> bool) -> u64 {
        let number = self.asked.fetch_add(1, Ordering::AcqRel) + 1;
        let mut told = self.told.subscribe();
        self.bell.notify_one();
        // The sender lives as long as this.
        told.wait_for(|told| served(told, number)).await.ok();
        number
    }

    /// For whoever reads catalogs: waits until somebody asks.
    pub async fn asked(&self) {
        self.bell.notified().await;
    }

    /// Likewise: whom a catalog serves that is read from now on.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.asked.load(Ordering::Acquire)
    }

    /// Likewise: what came of it for them.
    pub fn tell(&self, waiting: u64, read: Read) {
        self.told.send_if_modified(|told| {
            let before = (told.tried, told.whole);
            told.tried = waiting;
            if read != Read::Unusable {
                told.in_force = waiting;
            }
            if read == Read::Whole {
                told.whole = waiting;
            }
            before != (told.tried, told.whole)
        });
    }

    pub(super) fn set_changing(&self, changing: bool) {
        self.changing.send_replace(changing);
    }

    /// Waits while the catalog is changing.
    pub(super) async fn settled(&self) {
        let mut changing = self.changing.subscribe();
        // The sender lives as long as this.
        changing.wait_for(|changing| !changing).await.ok();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_catalog_serves_those_only_who_asked_before_it_was_read() {
        let watch = CatalogWatch::default();
        let mut first = Box::pin(watch.fresh());
        let soon = Duration::from_millis(1);
        assert!(tokio::time::timeout(soon, &mut first).await.is_err());
        let waiting = watch.waiting();
        let mut second = Box::pin(watch.fresh());
        assert!(tokio::time::timeout(soon, &mut second).await.is_err());
        watch.tell(waiting, Read::Whole);
        first.await;
        assert!(tokio::time::timeout(soon, &mut second).await.is_err());
        watch.tell(watch.waiting(), Read::Whole);
        second.await;
    }

    #[tokio::test]
    async fn what_is_unknown_of_a_catalog_is_refused_and_so_it_is_safe() {
        for (read, safe) in [
            (Read::Whole, true),
            (Read::Partly, true),
            (Read::Unusable, false),
        ] {
            let watch = CatalogWatch::default();
            let (asked, ()) =
                tokio::join!(watch.safe(), async { watch.tell(watch.waiting(), read) });
            assert_eq!(asked, safe);
        }
    }
}
