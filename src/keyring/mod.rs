//! Wrapped keys and tenants, kept in PostgreSQL beside the data that they seal.

pub mod admin;
pub mod certificate;
mod failure;
mod make;
mod schema;
pub mod ssl;
mod tls;
mod watch;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use tracing::{info, warn};

use crate::keys::{DataKey, KeyAnswers, KeyCache, KeyWants, Purpose, key_id};
use crate::kms::{Flights, Gate, KeyContext, Kms};
use crate::model::{KeyId, Refusal, TenantId};
use failure::Failure;

pub use schema::DDL;
pub use tls::{connect, database_of, with_database, words};

/// How long a no is remembered.
const NEGATIVE: Duration = Duration::from_secs(5);
/// How long the keyring's database may take.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(3);
/// Notices that wait to be worked on; what is beyond is found by the poll.
const NOTICES: usize = 1024;
/// How often a key is made anew because its tenant changed meanwhile.
const TRIES: usize = 3;

type Loaded = Result<Arc<DataKey>, Failure>;

/// What a look-up is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Want {
    Active(TenantId, Purpose),
    Kid(KeyId),
}

/// One row of the key table.
struct Row {
    kid: KeyId,
    tenant: TenantId,
    purpose: Purpose,
    generation: i32,
    active: bool,
    /// It may seal no longer: it is to be rotated.
    expired: bool,
    closed: Option<Failure>,
    key_arn: String,
    wrapped: Vec<u8>,
    context: KeyContext,
}

/// How a keyring treats tenants and keys.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Habits {
    /// Whether an unknown tenant is made at its first write.
    pub create_tenants: bool,
    /// For how many seconds a data key seals before the next takes its place.
    pub seal_for: Option<f64>,
}

/// The keyring of one database.
pub struct Keyring {
    url: String,
    client: Mutex<Option<Arc<Client>>>,
    notices: mpsc::Sender<String>,
    kms: Arc<dyn Kms>,
    gate: Gate,
    cache: Arc<KeyCache>,
    habits: Habits,
    lookups: Flights<Want, Loaded>,
    flights: Flights<KeyId, Loaded>,
    denied: DashMap<Want, (Failure, Instant)>,
    started: Instant,
    /// Where it was opened, apart from the sessions.
    runtime: Handle,
}

/// A task that ends with whoever waits for it.
struct Held<T>(JoinHandle<T>);

impl<T> Drop for Held<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A connection to a keyring whose schema is there; it is created if it is missing.
///
/// # Errors
/// What the database says, in words for the operator.
pub async fn connect_ready(url: &str) -> Result<Client, String> {
    let client = connect(url).await?;
    match schema::ensure(&client).await {
        Ok(()) => Ok(client),
        Err(cause) => {
            let advice = schema::advice(&client, &cause).await;
            let cause = tls::words(&cause);
            Err(format!(
                "the schema pgseal cannot be made or used: {cause}{advice}"
            ))
        }
    }
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
        habits: Habits,
    ) -> Result<Arc<Self>, String> {
        drop(connect_ready(url).await?);
        let (notices, receiver) = mpsc::channel(NOTICES);
        let keyring = Arc::new(Self {
            url: url.to_owned(),
            client: Mutex::new(None),
            notices,
            kms,
            gate: Gate::default(),
            cache,
            habits,
            lookups: Flights::default(),
            flights: Flights::default(),
            denied: DashMap::new(),
            started: Instant::now(),
            runtime: Handle::current(),
        });
        watch::watch(&keyring, receiver);
        Ok(keyring)
    }

    async fn client(&self) -> Result<Arc<Client>, Failure> {
        let mut held = self.client.lock().await;
        if let Some(client) = held.as_ref().filter(|client| !client.is_closed()) {
            return Ok(client.clone());
        }
        let connecting = async {
            let client = tls::connect_and_hear(&self.url, self.notices.clone()).await;
            let client = client.map_err(|cause| {
                warn!(cause, "the keyring's database cannot be reached");
                Failure::Database
            })?;
            client.batch_execute("LISTEN pgseal").await?;
            Ok::<_, Failure>(client)
        };
        let connected = tokio::time::timeout(DATABASE_TIMEOUT, connecting).await;
        let client = Arc::new(connected.map_err(|_| Failure::Database)??);
        *held = Some(client.clone());
        Ok(client)
    }

    /// What the database answers in [`DATABASE_TIMEOUT`]. A connection over which nothing comes is given up: all that is asked
    /// behind it would wait, too.
    async fn asked<T, F>(&self, ask: impl FnOnce(Arc<Client>) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let used = OnceLock::new();
        let asking = async {
            let client = self.client().await?;
            ask(used.get_or_init(|| client).clone()).await
        };
        let answer = tokio::time::timeout(DATABASE_TIMEOUT, asking).await;
        answer.unwrap_or_else(|_| {
            warn!("the keyring's database does not answer");
            // Whoever holds the lock now sees to a connection already.
            if let (Some(used), Ok(mut held)) = (used.get(), self.client.try_lock())
                && held.as_ref().is_some_and(|held| Arc::ptr_eq(held, used))
            {
                *held = None;
            }
            Err(Failure::Database)
        })
    }

    /// [`Keyring::fetch`] away from the event loop of the session that waits: under a crowd that loop is so busy that an
    /// answer of KMS would be read too late.
    pub async fn fetch_apart(self: Arc<Self>, wants: KeyWants) -> KeyAnswers {
        let (keyring, wanted) = (self.clone(), wants.clone());
        let mut task = Held(
            self.runtime
                .spawn(async move { keyring.fetch(wanted).await }),
        );
        (&mut task.0).await.unwrap_or_else(|_| {
            // The runtime ends.
            let none = || Err(Failure::Database.refusal());
            answers(each(wants).map(|want| (want, none())))
        })
    }

    /// Gets what is wanted: each key, or what the client is to be told.
    pub async fn fetch(&self, wants: KeyWants) -> KeyAnswers {
        let flying = each(wants).map(|want| async {
            let loaded = self.load(want.clone()).await;
            (want, loaded.map_err(|failure| failure.refusal()))
        });
        answers(join_all(flying).await)
    }

    fn cached(&self, want: &Want) -> Option<Arc<DataKey>> {
        match want {
            Want::Active(tenant, Purpose::Dek) => self.cache.active(tenant),
            Want::Active(tenant, Purpose::Search) => self.cache.search(tenant),
            Want::Kid(kid) => self.cache.by_kid(*kid),
        }
    }

    /// One load per key at a time, however many sessions want it; a waiter that goes away takes nobody with it.
    async fn load(&self, want: Want) -> Loaded {
        if let Some(key) = self.cached(&want) {
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
        let loaded = self
            .lookups
            .join(&want, async || match self.cached(&want) {
                // Whoever looked into the cache just before another's flight ended comes here.
                Some(key) => Ok(key),
                None => self.load_now(&want).await,
            })
            .await;
        match &loaded {
            Err(failure) if failure.lasts() => {
                drop(self.denied.insert(want, (failure.clone(), Instant::now())))
            }
            _ => drop(self.denied.remove(&want)),
        }
        loaded
    }

    async fn load_now(&self, want: &Want) -> Loaded {
        let row = match (self.find(want).await, want) {
            (Ok(Some(row)), _) => row,
            (Ok(None), Want::Kid(kid)) => return Err(Failure::Unknown(*kid)),
            (Ok(None), Want::Active(tenant, purpose)) => self.publish(tenant, *purpose).await?,
            (Err(failure), Want::Kid(kid)) if failure.is_outage() => {
                return self.cache.fallback(*kid).ok_or(failure);
            }
            (Err(failure), _) => return Err(failure),
        };
        self.admit(&row)?;
        let row = match want {
            Want::Active(..) if row.expired => self.succeed(row).await?,
            _ => row,
        };
        let loaded = self
            .flights
            .join(&row.kid, async || match self.cache.by_kid(row.kid) {
                Some(key) => Ok(key),
                None => self.decrypt(&row).await,
            })
            .await;
        match loaded {
            Ok(key) => {
                if row.active && matches!(want, Want::Active(..)) {
                    self.cache.list(row.tenant, row.purpose, row.kid, true);
                }
                Ok(key)
            }
            Err(failure) if failure.is_outage() => self.cache.fallback(row.kid).ok_or(failure),
            Err(failure) => Err(failure),
        }
    }

    async fn find(&self, want: &Want) -> Result<Option<Row>, Failure> {
        let seal_for = &self.habits.seal_for;
        self.asked(|client| async move {
            let row = match want {
                Want::Active(tenant, purpose) => {
                    let (tenant, purpose) = (tenant.as_str(), purpose.as_str());
                    client
                        .query_opt(schema::ACTIVE, &[&tenant, seal_for, &purpose])
                        .await?
                }
                Want::Kid(kid) => {
                    client
                        .query_opt(schema::BY_KID, &[&kid.0.as_slice(), seal_for])
                        .await?
                }
            };
            row.map(|row| row_of(&row)).transpose()
        })
        .await
    }

    /// Looks at a tenant.
    async fn owner(&self, tenant: &TenantId) -> Result<make::Owner, Failure> {
        self.asked(|client| async move {
            let owner = make::owner(&client, tenant.as_str(), self.habits.seal_for);
            owner.await.map_err(Failure::from)
        })
        .await
    }

    /// A closed tenant's key is not used, nor one that is disabled itself.
    fn admit(&self, row: &Row) -> Result<(), Failure> {
        row.closed.clone().map_or(Ok(()), Err)
    }

    /// A new key for a tenant that has none: wrapped first, then published by compare-and-set; whoever lost the race
    /// uses the winner's. What is used is what was read back and decrypted.
    async fn publish(&self, tenant: &TenantId, purpose: Purpose) -> Result<Row, Failure> {
        let id = tenant.as_str();
        for _ in 0..TRIES {
            let owner = self.owner(tenant).await?;
            let arn = match (owner.state.as_deref(), owner.key_arn) {
                (Some("enabled"), Some(arn)) => arn,
                (Some("forgotten"), _) => return Err(Failure::Forgotten(tenant.clone())),
                (Some(_), _) => return Err(Failure::Disabled(tenant.clone())),
                (None, _) if self.habits.create_tenants || *tenant == TenantId::deployment() => {
                    let arn = self.kms.default_key();
                    self.asked(|client| async move {
                        Ok(client.execute(schema::ADD_NEW_TENANT, &[&id, &arn]).await?)
                    })
                    .await?;
                    arn.to_owned()
                }
                (None, _) => return Err(Failure::Refused(tenant.clone())),
            };
            let seal_until = owner.seal_until.filter(|_| purpose == Purpose::Dek);
            let made = make::make(self.kms.as_ref(), id, purpose, 1, &arn, seal_until);
            let made = self.gate.pass(&arn, made).await;
            let made = made.map_err(|error| Failure::of_kms(tenant, error))?;
            let published = self.asked(|client| {
                let made = &made;
                async move { made.publish(&client, id).await.map_err(Failure::from) }
            });
            if published.await? {
                info!(%tenant, purpose = purpose.as_str(), kid = %made.kid, "a data key was created");
            }
            if let Some(row) = self.find(&Want::Active(tenant.clone(), purpose)).await? {
                return Ok(row);
            }
        }
        Err(Failure::Database)
    }

    /// The key that takes the place of one that has sealed long enough. While KMS is away the old one goes on: an
    /// outage of keys would be worse than an older key.
    async fn succeed(&self, row: Row) -> Result<Row, Failure> {
        match self.rotate(&row).await {
            Ok(next) => Ok(next),
            Err(failure) if failure.is_outage() => {
                warn!(tenant = %row.tenant, kid = %row.kid, "a data key is due for rotation: KMS is away");
                Ok(row)
            }
            Err(failure) => Err(failure),
        }
    }

    async fn rotate(&self, row: &Row) -> Result<Row, Failure> {
        let (tenant, id) = (&row.tenant, row.tenant.as_str());
        let owner = self.owner(tenant).await?;
        let arn = owner.key_arn.ok_or(Failure::Database)?;
        let generation = row.generation + 1;
        let kms = self.kms.as_ref();
        let made = make::make(kms, id, row.purpose, generation, &arn, owner.seal_until);
        let made = self.gate.pass(&arn, made).await;
        let made = made.map_err(|error| Failure::of_kms(tenant, error))?;
        let replaced = self.asked(|client| {
            let made = &made;
            async move {
                let replaced = made.replace(&client, id, row.kid);
                replaced.await.map_err(Failure::from)
            }
        });
        if replaced.await? {
            info!(%tenant, kid = %made.kid, generation, "a data key was rotated by age");
        }
        let next = self
            .find(&Want::Active(tenant.clone(), row.purpose))
            .await?;
        let next = next.ok_or(Failure::Database)?;
        self.admit(&next)?;
        Ok(next)
    }

    /// Unwraps a key by KMS and keeps it in memory.
    async fn decrypt(&self, row: &Row) -> Loaded {
        let unwrap = self.kms.unwrap(&row.key_arn, &row.wrapped, &row.context);
        let secret = self.gate.pass(&row.key_arn, unwrap).await;
        let secret = secret.map_err(|error| Failure::of_kms(&row.tenant, error))?;
        if key_id(&secret) != row.kid {
            return Err(Failure::Mismatch(row.kid));
        }
        let key = Arc::new(DataKey::new(row.tenant.clone(), row.purpose, &secret));
        self.cache.insert(key.clone(), row.active && !row.expired);
        Ok(key)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

fn row_of(row: &tokio_postgres::Row) -> Result<Row, Failure> {
    let kid: Vec<u8> = row.try_get("kid")?;
    let kid = KeyId(kid.as_slice().try_into().map_err(|_| Failure::Database)?);
    let tenant: String = row.try_get("tenant")?;
    let tenant = TenantId::of_keyring(&tenant).ok_or(Failure::Mismatch(kid))?;
    let purpose = match row.try_get("purpose")? {
        "dek" => Purpose::Dek,
        "search" => Purpose::Search,
        _ => return Err(Failure::Mismatch(kid)),
    };
    let (state, tenant_state): (String, Option<String>) =
        (row.try_get("state")?, row.try_get("tenant_state")?);
    let context: String = row.try_get("context")?;
    let context = serde_json::from_str(&context).map_err(|_| Failure::Mismatch(kid))?;
    let closed = match (state.as_str(), tenant_state.as_deref()) {
        (_, Some("forgotten")) => Some(Failure::Forgotten(tenant.clone())),
        ("disabled", _) | (_, Some("disabled")) => Some(Failure::Disabled(tenant.clone())),
        _ => None,
    };
    Ok(Row {
        kid,
        tenant,
        purpose,
        generation: row.try_get("generation")?,
        active: state == "active",
        expired: row.try_get("expired")?,
        closed,
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

/// One by one.
fn each(wants: KeyWants) -> impl Iterator<Item = Want> {
    let active = |purpose| move |tenant| Want::Active(tenant, purpose);
    let seal = wants.seal.into_iter().map(active(Purpose::Dek));
    let search = wants.search.into_iter().map(active(Purpose::Search));
    seal.chain(search)
        .chain(wants.open.into_iter().map(Want::Kid))
}

fn answers(each: impl IntoIterator<Item = (Want, Result<Arc<DataKey>, Refusal>)>) -> KeyAnswers {
    let mut answers = KeyAnswers::default();
    for (want, answer) in each {
        match want {
            Want::Active(tenant, Purpose::Dek) => drop(answers.active.insert(tenant, answer)),
            Want::Active(tenant, Purpose::Search) => drop(answers.search.insert(tenant, answer)),
            Want::Kid(kid) => drop(answers.by_kid.insert(kid, answer)),
        }
    }
    answers
}
