//! Composition: configuration to a running proxy.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tracing::{error, info, warn};

use crate::catalog::Catalog;
use crate::config::{Config, KmsConfig, Listen, SslMode, Upstream};
use crate::keyring::{self, Keyring, verifying};
use crate::keys::KeyCache;
use crate::kms::{Kms, aws::AwsKms, local::LocalKms};
use crate::net::{Dial, Listener, Server, client_acceptor, metadata, serve};
use crate::plan::Planner;
use crate::rules::{self, Protection, Rule};
use crate::session::{Shared, TlsOffer};

/// How often the catalog is compared with the database's, for what others change.
const POLL: Duration = Duration::from_secs(2);

/// Reads all rule files.
///
/// # Errors
/// The first file that cannot be used.
pub fn read_rules(config: &Config) -> Result<Vec<Rule>, String> {
    let mut all: Vec<Rule> = Vec::new();
    for path in &config.rules {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|cause| format!("{name} cannot be read: {cause}"))?;
        let read = rules::parse(&name, &text).map_err(|error| error.to_string())?;
        for rule in read {
            if let Some(first) = all
                .iter()
                .find(|first| first.schema == rule.schema && first.table == rule.table)
            {
                return Err(format!(
                    "{name}:{}: {}.{} has a rule in {}:{} already",
                    rule.line, rule.schema, rule.table, first.file, first.line
                ));
            }
            all.push(rule);
        }
    }
    Ok(all)
}

async fn plan_catalog(
    client: &tokio_postgres::Client,
    rules: &[Rule],
    epoch: u64,
) -> Result<Planner, String> {
    let (catalog, protection) = apply(client, rules, epoch).await?;
    Ok(Planner::new(Arc::new(catalog), Arc::new(protection)))
}

async fn apply(
    client: &tokio_postgres::Client,
    rules: &[Rule],
    epoch: u64,
) -> Result<(Catalog, Protection), String> {
    let catalog = metadata::load_catalog(client, epoch)
        .await
        .map_err(|cause| format!("the catalog cannot be read: {cause}"))?;
    let protection = rules::resolve(rules, &catalog).map_err(|problems| {
        problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    })?;
    Ok((catalog, protection))
}

/// The rules applied to the database as it is now.
///
/// # Errors
/// Why they cannot be applied, in words for the operator.
pub async fn protection(config: &Config) -> Result<Protection, String> {
    let url = config
        .keyring
        .as_deref()
        .ok_or("no keyring is configured")?;
    let client = keyring::connect(url).await?;
    let (_, protection) = apply(&client, &read_rules(config)?, 1).await?;
    Ok(protection)
}

/// Keys are kept out of core dumps and of other processes' reach, and out of swap where the system allows it without
/// limit: below a limit, locking would let allocations fail.
pub fn keep_memory_private() {
    use rustix::mm::{MlockAllFlags, mlockall};
    use rustix::process::{DumpableBehavior, Resource, Rlimit};
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    if rustix::process::setrlimit(Resource::Core, none)
        .and_then(|()| rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable))
        .is_err()
    {
        warn!("core dumps cannot be switched off: a crash could write keys to disk");
    }
    let locked = rustix::process::getrlimit(Resource::Memlock)
        .current
        .is_none()
        && mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT)
            .is_ok();
    if !locked {
        info!("memory is not locked: allow it without limit (memlock) where there is swap");
    }
}

/// A planner for the database as it is now.
///
/// # Errors
/// Why the rules cannot be applied, in words for the operator.
pub async fn planner(config: &Config) -> Result<Planner, String> {
    let url = config
        .keyring
        .as_deref()
        .ok_or("no keyring is configured")?;
    let client = keyring::connect(url).await?;
    plan_catalog(&client, &read_rules(config)?, 1).await
}

/// A connection to the keyring, its schema in place, and the KMS that wraps its keys: for commands.
///
/// # Errors
/// Why not, in words for the operator.
pub async fn administration(
    config: &Config,
) -> Result<(tokio_postgres::Client, Arc<dyn Kms>), String> {
    let url = config
        .keyring
        .as_deref()
        .ok_or("no keyring is configured")?;
    let client = keyring::connect_ready(url).await?;
    Ok((client, kms(&config.kms).await?))
}

fn dial(config: &Config) -> Result<Dial, String> {
    Ok(match &config.upstream {
        Upstream::Unix(path) => Dial::Unix(path.clone()),
        Upstream::Tcp { host, port } => {
            let tls = match config.sslmode {
                SslMode::Disable => None,
                SslMode::Require => Some(Arc::new(crate::net::unverifying()?)),
                SslMode::VerifyFull => Some(Arc::new(verifying(config.sslrootcert.as_deref())?)),
            };
            Dial::Tcp {
                host: host.clone(),
                port: *port,
                tls,
            }
        }
    })
}

async fn kms(config: &KmsConfig) -> Result<Arc<dyn Kms>, String> {
    Ok(match config {
        KmsConfig::Local(path) => {
            warn!(
                "kms = \"local\": keys are wrapped with a file on this machine. This is not for production."
            );
            Arc::new(LocalKms::open(path)?)
        }
        KmsConfig::Aws {
            key,
            routes,
            only_routes,
        } => Arc::new(AwsKms::new(key.clone(), routes.clone(), *only_routes).await),
    })
}

async fn listeners(config: &Config) -> Result<Vec<Listener>, String> {
    let mut listeners = Vec::new();
    for listen in &config.listen {
        let (name, bound) = match listen {
            Listen::Tcp(address) => (address.clone(), Listener::tcp(address).await),
            Listen::Unix(path) => (
                path.display().to_string(),
                Listener::unix(path, config.socket_mode).await,
            ),
        };
        listeners.push(bound.map_err(|cause| format!("listen {name}: {cause}"))?);
    }
    Ok(listeners)
}

/// Runs the proxy until `stop`.
///
/// # Errors
/// Why it cannot start, in words for the operator.
pub async fn run(config: Config, stop: impl Future<Output = ()>) -> Result<(), String> {
    let rules = read_rules(&config)?;
    let cache = Arc::new(KeyCache::new(config.ages));
    let dial = dial(&config)?;
    let (acceptor, offer) = match &config.client_tls {
        None => (None, TlsOffer::Disabled),
        Some(tls) => (
            Some(client_acceptor(&tls.cert, &tls.key)?),
            if tls.required {
                TlsOffer::Required
            } else {
                TlsOffer::Allowed
            },
        ),
    };
    let protecting = match config.keyring.as_deref().filter(|_| !rules.is_empty()) {
        None => None,
        Some(url) => {
            let keyring = Keyring::open(url, kms(&config.kms).await?, cache.clone(), config.habits)
                .await
                .map_err(|cause| format!("keyring: {cause}"))?;
            let client = keyring::connect(url)
                .await
                .map_err(|cause| format!("keyring: {cause}"))?;
            let planner = plan_catalog(&client, &rules, 1).await?;
            let database = client
                .query_one("SELECT pg_catalog.current_database()::text", &[])
                .await
                .map_err(|cause| format!("keyring: {cause}"))?;
            Some((
                keyring,
                client,
                planner,
                database.get::<_, String>(0),
                url.to_owned(),
            ))
        }
    };
    let columns = protecting
        .as_ref()
        .map_or(0, |protecting| protecting.2.protected_columns());
    let (keyring, metadata, planner, database) = match protecting {
        None => (None, None, None, None),
        Some((keyring, client, planner, database, url)) => (
            Some(keyring),
            Some((client, url)),
            Some(Arc::new(planner)),
            Some(database),
        ),
    };
    let shared = Arc::new(Shared::new(planner, cache, database));
    let server = Arc::new(Server {
        shared,
        keyring,
        dial,
        acceptor,
        offer,
        stale: Notify::new(),
        loaded: watch::Sender::new(1),
        draining: watch::Sender::new(false),
    });
    if let Some((client, url)) = metadata {
        tokio::spawn(follow_catalog(client, url, rules, server.clone()));
    }
    let listeners = listeners(&config).await?;
    let names: Vec<String> = listeners.iter().map(Listener::name).collect();
    info!(listen = %names.join(","), protected_columns = columns, "pgseal is ready");
    serve(listeners, server, config.threads, stop)
        .await
        .map_err(|cause| format!("the session threads cannot be started: {cause}"))?;
    info!("pgseal has ended");
    Ok(())
}

/// Loads the catalog anew when a session saw DDL, or when the database's differs from ours.
async fn follow_catalog(
    mut client: tokio_postgres::Client,
    url: String,
    rules: Vec<Rule>,
    server: Arc<Server>,
) {
    let mut epoch = 1;
    let mut known = metadata::fingerprint(&client).await.ok();
    loop {
        let asked = tokio::time::timeout(POLL, server.stale.notified())
            .await
            .is_ok();
        if client.is_closed() {
            match keyring::connect(&url).await {
                Ok(connected) => client = connected,
                Err(cause) => {
                    warn!(cause, "the catalog cannot be followed");
                    tokio::time::sleep(POLL).await;
                    continue;
                }
            }
        }
        let Ok(now) = metadata::fingerprint(&client).await else {
            continue;
        };
        if known.as_ref() != Some(&now) {
            epoch += 1;
            match plan_catalog(&client, &rules, epoch).await {
                Ok(planner) => {
                    server.shared.planner.store(Some(Arc::new(planner)));
                    known = Some(now);
                }
                // The last good plan goes on protecting; a table that is gone cannot leak.
                Err(cause) => error!(
                    cause,
                    "the rules no longer fit the database: the last snapshot stays in force"
                ),
            }
        }
        if asked {
            server.loaded.send_replace(epoch);
        }
    }
}
