//! What happens besides answering sessions: time passes, keys grow old, tenants are changed by others.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior};
use tracing::{info, warn};

use super::failure::Failure;
use super::{Keyring, NEGATIVE, Want, join_all, schema};
use crate::keys::DataKey;
use crate::model::TenantId;

/// How exact the cache's time is.
const CLOCK: Duration = Duration::from_millis(250);
/// How often keys are looked at for a refresh.
const REFRESH: Duration = Duration::from_secs(1);
/// How often the keyring is asked for closed tenants, in case a notice was lost.
const POLL: Duration = Duration::from_secs(1);
/// What a poll looks back beyond the last one: a commit shows later than the time it carries.
const OVERLAP: Duration = Duration::from_secs(60);

/// Starts all of it; it ends with the keyring.
pub(super) fn watch(keyring: &Arc<Keyring>, notices: mpsc::Receiver<String>) {
    // Three tasks: neither a silent KMS nor a silent database may stop the clock that ends the life of keys.
    tokio::spawn(clock(Arc::downgrade(keyring)));
    tokio::spawn(refreshes(Arc::downgrade(keyring)));
    tokio::spawn(changes(Arc::downgrade(keyring), notices));
}

/// A tick that does not make up for those that were missed while something was waited for.
fn every(period: Duration) -> Interval {
    let mut tick = tokio::time::interval(period);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick
}

async fn clock(keyring: Weak<Keyring>) {
    let mut tick = every(CLOCK);
    loop {
        tick.tick().await;
        let Some(keyring) = keyring.upgrade() else {
            return;
        };
        keyring.cache.set_now(keyring.now());
        keyring
            .denied
            .retain(|_, denied| denied.1.elapsed() < NEGATIVE);
    }
}

async fn refreshes(keyring: Weak<Keyring>) {
    let mut tick = every(REFRESH);
    loop {
        tick.tick().await;
        let Some(keyring) = keyring.upgrade() else {
            return;
        };
        let due = keyring.cache.due();
        join_all(due.iter().map(|key| keyring.refresh(key))).await;
    }
}

async fn changes(keyring: Weak<Keyring>, mut notices: mpsc::Receiver<String>) {
    let mut tick = every(POLL);
    let mut polled = Instant::now();
    loop {
        let notice = tokio::select! {
            notice = notices.recv() => notice,
            _ = tick.tick() => None,
        };
        let Some(keyring) = keyring.upgrade() else {
            return;
        };
        match notice {
            Some(tenant) => {
                if let Some(tenant) = TenantId::of_keyring(&tenant) {
                    keyring.changed(&tenant).await;
                }
            }
            None => {
                let asked = Instant::now();
                let back = polled.elapsed() + OVERLAP;
                if keyring.evict_closed(back).await.is_ok() {
                    polled = asked;
                }
            }
        }
    }
}

impl Keyring {
    /// A key at its soft age is decrypted anew: KMS may say no by now. Only silence keeps it, up to its hard age.
    async fn refresh(&self, key: &DataKey) {
        match self.decrypt_anew(key.kid).await {
            Ok(_) => {}
            Err(failure) if failure.is_outage() => {
                warn!(kid = %key.kid, "a data key could not be refreshed: KMS or keyring is away")
            }
            Err(failure) => {
                warn!(kid = %key.kid, tenant = %key.tenant, reason = failure.refusal().message, "a data key was revoked");
                self.cache.evict(key.kid);
            }
        }
    }

    /// Somebody changed this tenant or its keys.
    async fn changed(&self, tenant: &TenantId) {
        self.denied
            .retain(|_, (failure, _)| !failure.concerns(tenant));
        self.cache.forget_active(tenant);
        let state = self.asked(|client| async move {
            let row = client.query_opt(schema::STATE, &[&tenant.as_str()]).await?;
            row.map(|row| row.try_get::<_, String>(0))
                .transpose()
                .map_err(Failure::from)
        });
        // If the database does not answer now, the next poll that it answers tells.
        if let Ok(state) = state.await
            && state.as_deref() != Some("enabled")
        {
            self.close(tenant, "notice");
        }
    }

    /// The keys of tenants that were closed since go at once, whoever closed them.
    async fn evict_closed(&self, back: Duration) -> Result<(), Failure> {
        let closed = self.asked(|client| async move {
            Ok(client.query(schema::CLOSED, &[&back.as_secs_f64()]).await?)
        });
        let rows = closed.await?;
        for row in &rows {
            if let Some(tenant) = TenantId::of_keyring(row.try_get(0)?) {
                self.close(&tenant, "poll");
            }
        }
        Ok(())
    }

    fn close(&self, tenant: &TenantId, by: &str) {
        if self.cache.evict_tenant(tenant) {
            info!(%tenant, by, "the tenant is closed: its keys are dropped");
        }
    }

    async fn decrypt_anew(&self, kid: crate::model::KeyId) -> super::Loaded {
        let row = self.find(&Want::Kid(kid)).await?;
        let row = row.ok_or(Failure::Unknown(kid))?;
        self.admit(&row)?;
        if !row.active || row.expired {
            // Whether KMS answers or not: it was retired, and the notice may have been lost.
            self.cache.list(row.tenant.clone(), row.purpose, kid, false);
        }
        self.flights.join(&kid, || self.decrypt(&row)).await
    }
}
