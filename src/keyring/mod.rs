//! Wrapped keys and tenants, kept in PostgreSQL beside the data that they seal.

pub mod admin;
mod schema;
mod tls;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dashmap::DashMap;
use tokio::sync::{Mutex, OnceCell, Semaphore};
use tokio_postgres::Client;
use tracing::{info, warn};

use crate::keys::{DataKey, KeyAnswers, KeyCache, KeyWants, Purpose, key_id};
use crate::kms::{KeyContext, Kms, KmsError};
use crate::model::{KeyId, Refusal, TenantId};

pub use schema::DDL;
pub use tls::{connect, verifying};

/// KMS calls at once.
const KMS_CALLS: usize = 20;
/// How long a no is remembered.
const NEGATIVE: Duration = Duration::from_secs(5);
/// How long the keyring's database may take.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(3);
/// How often ages are looked at.
const TICK: Duration = Duration::from_secs(1);

/// Why a key is not there.
#[derive(Debug, Clone)]
enum Failure {
    Database,
    Unknown(KeyId),
    Refused(TenantId),
    Disabled(TenantId),
    Denied(String),
    Unreachable(String),
    Mismatch(KeyId),
}

impl Failure {
    fn refusal(&self) -> Refusal {
        match self {
            Self::Database => Refusal::new(
                "SV005",
                "the keyring's database does not answer",
                "Look at the keyring setting and its database. See docs/errors.md#sv005.",
            ),
            Self::Unknown(kid) => Refusal::new(
                "SV003",
                format!("the key {kid} is not in the keyring"),
                "It was forgotten, or the keyring is of another backup than the data. See docs/errors.md#sv003.",
            ),
            Self::Refused(tenant) => Refusal::new(
                "SV006",
                format!("the tenant {tenant} is not known and on_new_tenant is \"refuse\""),
                "Register it with `pgseal tenant add`. See docs/errors.md#sv006.",
            ),
            Self::Disabled(tenant) => Refusal::new(
                "SV006",
                format!("the tenant {tenant} is disabled"),
                "`pgseal tenant enable` opens it again. See docs/errors.md#sv006.",
            ),
            Self::Denied(reason) => Refusal::new(
                "SV004",
                format!("KMS denies the tenant's key: {reason}"),
                "The key's owner revoked it, or the key policy lacks a permission. See docs/errors.md#sv004.",
            ),
            Self::Unreachable(reason) => Refusal::new(
                "SV005",
                format!("KMS does not answer: {reason}"),
                "Try again; look at the network and credentials of pgseal. See docs/errors.md#sv005.",
            ),
            Self::Mismatch(kid) => Refusal::new(
                "SV003",
                format!("the keyring's row {kid} holds another key"),
                "Restore the keyring from a backup. See docs/errors.md#sv003.",
            ),
        }
    }

    fn of_kms(error: KmsError) -> Self {
        match error {
            KmsError::Denied(reason) => Self::Denied(reason),
            KmsError::Unreachable(reason) => Self::Unreachable(reason),
        }
    }

    /// An outage is asked about again at once; a no is remembered a little.
    fn lasts(&self) -> bool {
        !matches!(self, Self::Database | Self::Unreachable(_))
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(_: tokio_postgres::Error) -> Self {
        Self::Database
    }
}

type Loaded = Result<Arc<DataKey>, Failure>;

/// What single flight is by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Want {
    Active(TenantId),
    Kid(KeyId),
}

/// One row of the key table.
struct Row {
    kid: KeyId,
    tenant: TenantId,
    active: bool,
    disabled: bool,
    key_arn: String,
    wrapped: Vec<u8>,
    context: KeyContext,
}

/// The keyring of one database.
pub struct Keyring {
    url: String,
    client: Mutex<Option<Arc<Client>>>,
    kms: Arc<dyn Kms>,
    cache: Arc<KeyCache>,
    create_tenants: bool,
    calls: Semaphore,
    flights: DashMap<Want, Arc<OnceCell<Loaded>>>,
    denied: DashMap<Want, (Failure, Instant)>,
    started: Instant,
}

/// A connection to a keyring whose schema is there; it is created if it is missing.
///
/// # Errors
/// What the database says, in words for the operator.
pub async fn connect_ready(url: &str) -> Result<Client, String> {
    let client = connect(url).await?;
    schema::ensure(&client).await.map_err(|cause| {
        format!(
            "the schema pgseal cannot be created: {}",
            tls::words(&cause)
        )
    })?;
    Ok(client)
}

impl Keyring {
    /// Connects, and creates the schema if it is missing.
    ///
    /// # Errors
    /// What the database says, in words for the operator.
    pub async fn open(
        url: &str,
        kms: Arc<dyn Kms>,
        cache: Arc<KeyCache>,
        create_tenants: bool,
    ) -> Result<Arc<Self>, String> {
        let keyring = Arc::new(Self {
            url: url.to_owned(),
            client: Mutex::new(None),
            kms,
            cache,
            create_tenants,
            calls: Semaphore::new(KMS_CALLS),
            flights: DashMap::new(),
            denied: DashMap::new(),
            started: Instant::now(),
        });
        let client = connect_ready(url).await?;
        *keyring.client.lock().await = Some(Arc::new(client));
        tokio::spawn(age(Arc::downgrade(&keyring)));
        Ok(keyring)
    }

    async fn client(&self) -> Result<Arc<Client>, Failure> {
        let mut held = self.client.lock().await;
        if let Some(client) = held.as_ref().filter(|client| !client.is_closed()) {
            return Ok(client.clone());
        }
        let connected = tokio::time::timeout(DATABASE_TIMEOUT, connect(&self.url)).await;
        let client = Arc::new(
            connected
                .map_err(|_| Failure::Database)?
                .map_err(|_| Failure::Database)?,
        );
        *held = Some(client.clone());
        Ok(client)
    }

    /// Gets what is wanted: each key, or what the client is to be told.
    pub async fn fetch(&self, wants: KeyWants) -> KeyAnswers {
        let mut flying = Vec::new();
        let all = wants
            .seal
            .into_iter()
            .map(Want::Active)
            .chain(wants.open.into_iter().map(Want::Kid));
        for want in all {
            flying.push(async {
                (
                    want.clone(),
                    self.load(want).await.map_err(|failure| failure.refusal()),
                )
            });
        }
        let mut answers = KeyAnswers::default();
        for (want, answer) in join_all(flying).await {
            match want {
                Want::Active(tenant) => drop(answers.active.insert(tenant, answer)),
                Want::Kid(kid) => drop(answers.by_kid.insert(kid, answer)),
            }
        }
        answers
    }

    /// One load per key at a time, however many sessions want it; a waiter that goes away takes nobody with it.
    async fn load(&self, want: Want) -> Loaded {
        let cached = match &want {
            Want::Active(tenant) => self.cache.active(tenant),
            Want::Kid(kid) => self.cache.by_kid(*kid),
        };
        if let Some(key) = cached {
            return Ok(key);
        }
        let denied = self
            .denied
            .get(&want)
            .filter(|denied| denied.1.elapsed() < NEGATIVE)
            .map(|denied| denied.0.clone());
        if let Some(failure) = denied {
            return Err(failure);
        }
        let flight = self.flights.entry(want.clone()).or_default().clone();
        let loaded = flight.get_or_init(|| self.load_now(&want)).await.clone();
        self.flights
            .remove_if(&want, |_, current| Arc::ptr_eq(current, &flight));
        match &loaded {
            Err(failure) if failure.lasts() => {
                drop(self.denied.insert(want, (failure.clone(), Instant::now())))
            }
            _ => drop(self.denied.remove(&want)),
        }
        loaded
    }

    async fn load_now(&self, want: &Want) -> Loaded {
        let row = tokio::time::timeout(DATABASE_TIMEOUT, self.find(want))
            .await
            .map_err(|_| Failure::Database)??;
        let row = match (row, want) {
            (Some(row), _) => row,
            (None, Want::Kid(kid)) => return Err(Failure::Unknown(*kid)),
            (None, Want::Active(tenant)) => self.publish(tenant).await?,
        };
        if row.disabled {
            return Err(Failure::Disabled(row.tenant));
        }
        let key = self.decrypt(&row).await?;
        self.cache.insert(key.clone(), row.active);
        Ok(key)
    }

    async fn find(&self, want: &Want) -> Result<Option<Row>, Failure> {
        let client = self.client().await?;
        let row = match want {
            Want::Active(tenant) => {
                client
                    .query_opt(schema::ACTIVE, &[&tenant.as_str()])
                    .await?
            }
            Want::Kid(kid) => {
                client
                    .query_opt(schema::BY_KID, &[&kid.0.as_slice()])
                    .await?
            }
        };
        row.map(|row| row_of(&row)).transpose()
    }

    /// A new key for a tenant that has none: wrapped first, then published by compare-and-set; whoever lost the race
    /// uses the winner's. What is used is what was read back and decrypted.
    async fn publish(&self, tenant: &TenantId) -> Result<Row, Failure> {
        let client = self.client().await?;
        let known = client
            .query_opt(schema::TENANT, &[&tenant.as_str()])
            .await?;
        let (arn, state): (Option<String>, Option<String>) =
            known.map_or((None, None), |row| (row.get(0), row.get(1)));
        if state.as_deref() == Some("disabled") {
            return Err(Failure::Disabled(tenant.clone()));
        }
        if state.is_none() && !self.create_tenants {
            return Err(Failure::Refused(tenant.clone()));
        }
        let arn = arn.unwrap_or_else(|| self.kms.default_key().to_owned());
        let context = admin::context_of(tenant.as_str(), 1);
        let permit = self.calls.acquire().await.map_err(|_| Failure::Database)?;
        let (secret, wrapped) = self
            .kms
            .generate(&arn, &context)
            .await
            .map_err(Failure::of_kms)?;
        drop(permit);
        let kid = key_id(&secret);
        let context_text = serde_json::to_string(&context).map_err(|_| Failure::Database)?;
        client
            .execute(schema::ADD_TENANT, &[&tenant.as_str(), &arn])
            .await?;
        let made = client
            .execute(
                schema::PUBLISH,
                &[
                    &kid.0.as_slice(),
                    &tenant.as_str(),
                    &arn,
                    &wrapped,
                    &context_text,
                ],
            )
            .await?;
        if made == 1 {
            info!(%tenant, %kid, "a data key was created");
        }
        self.find(&Want::Active(tenant.clone()))
            .await?
            .ok_or(Failure::Database)
    }

    async fn decrypt(&self, row: &Row) -> Loaded {
        let _permit = self.calls.acquire().await.map_err(|_| Failure::Database)?;
        let secret = self
            .kms
            .unwrap(&row.key_arn, &row.wrapped, &row.context)
            .await
            .map_err(Failure::of_kms)?;
        if key_id(&secret) != row.kid {
            return Err(Failure::Mismatch(row.kid));
        }
        Ok(Arc::new(DataKey::new(
            row.tenant.clone(),
            Purpose::Dek,
            &secret,
        )))
    }

    /// A key at its soft age is decrypted anew: KMS may say no by now. Only silence keeps it, up to its hard age.
    async fn refresh(&self, key: &DataKey) {
        match self.load_now(&Want::Kid(key.kid)).await {
            Ok(_) => {}
            Err(Failure::Unreachable(_) | Failure::Database) => {
                warn!(kid = %key.kid, "a data key could not be refreshed: KMS or keyring is away")
            }
            Err(failure) => {
                warn!(kid = %key.kid, tenant = %key.tenant, reason = failure.refusal().message, "a data key was revoked");
                self.cache.evict(key.kid);
            }
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Looks after ages as long as the keyring lives.
async fn age(keyring: std::sync::Weak<Keyring>) {
    let mut tick = tokio::time::interval(TICK);
    let mut states: HashMap<TenantId, bool> = HashMap::new();
    loop {
        tick.tick().await;
        let Some(keyring) = keyring.upgrade() else {
            return;
        };
        keyring.cache.set_now(keyring.now());
        keyring
            .denied
            .retain(|_, denied| denied.1.elapsed() < NEGATIVE);
        let due = keyring.cache.due();
        join_all(due.iter().map(|(key, _)| keyring.refresh(key))).await;
        keyring.evict_disabled(&mut states).await;
    }
}

impl Keyring {
    /// A disabled tenant's keys go at once, whoever disabled it.
    async fn evict_disabled(&self, states: &mut HashMap<TenantId, bool>) {
        let Ok(client) = self.client().await else {
            return;
        };
        let Ok(Ok(rows)) =
            tokio::time::timeout(DATABASE_TIMEOUT, client.query(schema::DISABLED, &[])).await
        else {
            return;
        };
        let disabled: Vec<TenantId> = rows
            .iter()
            .filter_map(|row| {
                row.try_get::<_, String>(0)
                    .ok()
                    .and_then(|id| TenantId::new(&id))
            })
            .collect();
        for tenant in &disabled {
            if states.insert(tenant.clone(), true).is_none() {
                info!(%tenant, "the tenant is disabled: its keys are dropped");
            }
            self.cache.evict_tenant(tenant);
        }
        states.retain(|tenant, _| disabled.contains(tenant));
    }
}

fn row_of(row: &tokio_postgres::Row) -> Result<Row, Failure> {
    let kid: Vec<u8> = row.try_get("kid")?;
    let kid = KeyId(kid.as_slice().try_into().map_err(|_| Failure::Database)?);
    let tenant: String = row.try_get("tenant")?;
    let tenant = TenantId::new(&tenant).ok_or(Failure::Mismatch(kid))?;
    let (state, tenant_state): (String, Option<String>) =
        (row.try_get("state")?, row.try_get("tenant_state")?);
    let context: String = row.try_get("context")?;
    let context = serde_json::from_str(&context).map_err(|_| Failure::Mismatch(kid))?;
    let disabled = state == "disabled" || tenant_state.as_deref() == Some("disabled");
    Ok(Row {
        kid,
        tenant,
        active: state == "active",
        disabled,
        key_arn: row.try_get("key_arn")?,
        wrapped: row.try_get("wrapped")?,
        context,
    })
}

/// Runs futures together on this task.
async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|task| {
        let mut waiting = false;
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none() {
                match future.as_mut().poll(task) {
                    std::task::Poll::Ready(value) => *output = Some(value),
                    std::task::Poll::Pending => waiting = true,
                }
            }
        }
        if waiting {
            std::task::Poll::Pending
        } else {
            std::task::Poll::Ready(())
        }
    })
    .await;
    outputs.into_iter().flatten().collect()
}
