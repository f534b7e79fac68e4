//! The lease on a database's catalog, held while the proxy runs: DDL of others is committed only when this replica's
//! sessions wait for the catalog that comes after it (ADR 13).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::Protected;
use crate::keyring;
use crate::net::lease::{self, Lease};

/// How often it is looked whether somebody wants the lease: so long DDL may wait.
const LOOK: Duration = Duration::from_millis(100);
/// For some time after DDL it is looked more often, for it comes in trains, but sessions have half of that time at least.
const TRAIN: Duration = Duration::from_secs(1);
/// And so often at most.
const LOOK_IN_TRAIN: Duration = Duration::from_millis(5);
/// How often it is looked whether DDL waits for the lease at all.
const CHECK: Duration = Duration::from_secs(2);
/// How long the catalog may take to be read while sessions wait for it.
const READ: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_secs(1);

/// What the log was told last.
#[derive(PartialEq)]
enum Told {
    Nothing,
    InForce,
    NotInstalled,
    Lost,
}

struct Keeper {
    protected: Arc<Protected>,
    told: Told,
}

/// Takes the lease if it can be had, and keeps it from then on.
pub(super) async fn begin(protected: Arc<Protected>) {
    let mut keeper = Keeper {
        protected,
        told: Told::Nothing,
    };
    let lease = keeper.take().await;
    tokio::spawn(keeper.keep(lease));
}

impl Keeper {
    async fn keep(mut self, mut lease: Option<Lease>) {
        loop {
            if let Some(lease) = lease.take() {
                let ended = self.serve(&lease).await;
                drop(lease);
                self.protected.leased.store(false, Ordering::Release);
                match ended {
                    Ok(()) => self.not_installed(),
                    Err(cause) => self.lost(&cause),
                }
                // By now, and often from now on, only the poll knows of DDL.
                self.read().await.ok();
            }
            sleep(RETRY).await;
            lease = self.take().await;
        }
    }

    /// The lease, with a catalog in force that was read under it.
    async fn take(&mut self) -> Option<Lease> {
        let database = self.protected.name.as_str();
        match self.try_take().await {
            Ok(Some(lease)) => {
                self.protected.leased.store(true, Ordering::Release);
                if self.told != Told::InForce {
                    self.told = Told::InForce;
                    info!(
                        database,
                        "the lease is in force: DDL waits until it is known here"
                    );
                }
                Some(lease)
            }
            Ok(None) => {
                self.not_installed();
                None
            }
            Err(cause) => {
                self.lost(&cause);
                None
            }
        }
    }

    fn not_installed(&mut self) {
        if self.told != Told::NotInstalled {
            self.told = Told::NotInstalled;
            let database = self.protected.name.as_str();
            info!(
                database,
                "no lease is installed: DDL past this pgseal is found by a poll (see `pgseal lease`)"
            );
        }
    }

    fn lost(&mut self, cause: &str) {
        if self.told != Told::Lost {
            self.told = Told::Lost;
            let database = self.protected.name.as_str();
            warn!(
                database,
                cause, "the lease is not held: DDL past this pgseal is found by a poll until it is"
            );
        }
    }

    async fn try_take(&self) -> Result<Option<Lease>, String> {
        let url = &self.protected.url;
        let mut loaded = self.protected.loaded.lock().await;
        loaded.connect(url).await?;
        let installed = lease::is_installed(&loaded.client).await;
        loaded.lost = installed.is_err();
        drop(loaded);
        if !installed? {
            return Ok(None);
        }
        let client = keyring::connect(url).await?;
        let lease = Lease::take(client).await?;
        self.read().await?;
        Ok(Some(lease))
    }

    /// Hands the lease over to whoever wants it, until it is lost.
    async fn serve(&self, lease: &Lease) -> Result<(), String> {
        let (mut pause, mut train) = (LOOK, Instant::now());
        let mut checked = Instant::now();
        loop {
            sleep(pause).await;
            if lease.is_wanted().await? {
                let began = Instant::now();
                self.hand_over(lease).await?;
                train = Instant::now();
                pause = began.elapsed().clamp(LOOK_IN_TRAIN, TRAIN);
            } else if train.elapsed() >= TRAIN {
                pause = LOOK;
            }
            if checked.elapsed() >= CHECK {
                checked = Instant::now();
                if !lease.is_installed().await? {
                    return Ok(());
                }
            }
        }
    }

    async fn hand_over(&self, lease: &Lease) -> Result<(), String> {
        let _waiting = Changing::begin(&self.protected);
        lease.hand_over().await?;
        self.read().await
    }

    async fn read(&self) -> Result<(), String> {
        match timeout(READ, self.protected.database.catalog.safe()).await {
            Ok(true) => Ok(()),
            Ok(false) => Err("the rules do not fit the catalog".to_owned()),
            Err(_) => Err("the catalog cannot be read in time".to_owned()),
        }
    }
}

/// Sessions wait while this lives.
struct Changing<'a>(&'a Protected);

impl<'a> Changing<'a> {
    fn begin(protected: &'a Protected) -> Self {
        protected.database.set_changing(true);
        Self(protected)
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.0.database.set_changing(false);
    }
}
