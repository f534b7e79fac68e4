//! Composition: configuration to a running proxy.

mod check;
mod databases;
mod lint;
mod problem;

pub use check::{Checked, check};
pub use lint::{Statements, lint};

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::config::{AuthConfig, Config, KmsConfig, Listen, Upstream};
use crate::keyring::{self, Keyring};
use crate::keys::KeyCache;
use crate::kms::{Kms, aws::AwsKms, local::LocalKms};
use crate::net::metadata::{self, Snapshot};
use crate::net::{Acceptor, Clock, Dial, Listener, Server, VerifierFile, Verifiers, serve};
use crate::plan::Planner;
use crate::rules::{self, Protection, Rule, RuleProblem};
use crate::session::{Auth, Shared, Terms, TlsOffer};
use databases::Databases;
pub use problem::Problem;

/// Reads all rule files.
///
/// # Errors
/// The first file that cannot be used.
pub fn read_rules(config: &Config) -> Result<Vec<Rule>, Problem> {
    let mut all: Vec<Rule> = Vec::new();
    for path in &config.rules {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|cause| Problem::Configuration(format!("{name} cannot be read: {cause}")))?;
        let read = rules::parse(&name, &text);
        let read = read.map_err(|error| Problem::Configuration(error.to_string()))?;
        for rule in read {
            let database = rule.database.as_deref();
            if let Some(first) = all
                .iter()
                .find(|first| first.is_of(database, &rule.schema, &rule.table))
            {
                return Err(second_rule(first, &rule));
            }
            all.push(rule);
        }
    }
    Ok(all)
}

fn second_rule(first: &Rule, second: &Rule) -> Problem {
    Problem::Configuration(format!(
        "{}:{}: {}.{} has a rule in {}:{} already",
        second.file, second.line, second.schema, second.table, first.file, first.line
    ))
}

/// The setting `keyring`, which all needs that is about rules.
fn keyring_url(config: &Config) -> Result<&str, Problem> {
    let none = || Problem::Configuration("no keyring is configured".to_owned());
    config.keyring.as_deref().ok_or_else(none)
}

/// The database that a command is for: `--database`, or the keyring's.
struct OneDatabase {
    name: String,
    url: String,
    /// Its rules; none where no rule names it.
    rules: Vec<Rule>,
    /// The databases that rules name.
    ruled: Vec<String>,
}

impl OneDatabase {
    fn of(config: &Config) -> Result<Self, Problem> {
        let url = keyring_url(config)?;
        let own = keyring::database_of(url)?;
        let name = config.database.clone().unwrap_or_else(|| own.clone());
        let mut groups = databases::by_database(read_rules(config)?, &own)?;
        let ruled = groups.keys().cloned().collect();
        Ok(Self {
            rules: groups.remove(&name).unwrap_or_default(),
            url: keyring::with_database(url, &name),
            name,
            ruled,
        })
    }

    /// The same, where what is said without a rule would mislead.
    fn with_rules(config: &Config) -> Result<Self, Problem> {
        let one = Self::of(config)?;
        match one.rules.is_empty() {
            true => Err(no_rules(&one.name, &one.ruled)),
            false => Ok(one),
        }
    }
}

/// That nothing is protected in a database, which may be a slip in its name.
fn no_rules(database: &str, ruled: &[String]) -> Problem {
    Problem::Other(match ruled {
        [] => "no rules are configured: nothing is protected".to_owned(),
        names => format!(
            "no rule is of database {database}: rules are of {} (--database)",
            names.join(", ")
        ),
    })
}

/// A planner for the database as it is now; whether all of it could be read.
async fn plan_catalog(
    client: &tokio_postgres::Client,
    rules: &[Rule],
    epoch: u64,
    former: Option<&Planner>,
) -> Result<(Planner, bool), Problem> {
    let (snapshot, protection) = apply(client, rules, epoch, former).await?;
    Ok(planned(snapshot, protection))
}

/// The same while the database changes, and in words which rules no longer name their tables.
async fn plan_again(
    client: &tokio_postgres::Client,
    rules: &[Rule],
    epoch: u64,
    former: &Planner,
) -> Result<(Planner, bool, String), String> {
    let snapshot = snapshot(client, rules, epoch, Some(former)).await?;
    let former = former.protection();
    let (protection, told) = rules::resolve_again(rules, &snapshot.catalog, former);
    let (planner, whole) = planned(snapshot, protection);
    Ok((planner, whole, in_words(&told)))
}

fn planned(snapshot: Snapshot, protection: Protection) -> (Planner, bool) {
    if snapshot.locked > 0 {
        warn!(
            views = snapshot.locked,
            "views cannot be read because of somebody's lock: they are refused until then"
        );
    }
    let catalog = Arc::new(snapshot.catalog);
    let planner = Planner::new(catalog, Arc::new(protection));
    (planner, snapshot.locked == 0)
}

async fn apply(
    client: &tokio_postgres::Client,
    rules: &[Rule],
    epoch: u64,
    former: Option<&Planner>,
) -> Result<(Snapshot, Protection), Problem> {
    let snapshot = snapshot(client, rules, epoch, former).await?;
    let protection = rules::resolve(rules, &snapshot.catalog);
    let unfit = |problems: Vec<RuleProblem>| Problem::Configuration(in_words(&problems));
    let protection = protection.map_err(unfit)?;
    Ok((snapshot, protection))
}

async fn snapshot(
    client: &tokio_postgres::Client,
    rules: &[Rule],
    epoch: u64,
    former: Option<&Planner>,
) -> Result<Snapshot, String> {
    let former = former.map(|former| (former.catalog(), former.protection()));
    let loaded = metadata::load_catalog(client, epoch, rules, former).await;
    loaded.map_err(|cause| format!("the catalog cannot be read: {}", keyring::words(&cause)))
}

fn in_words(problems: &[RuleProblem]) -> String {
    let words: Vec<String> = problems.iter().map(ToString::to_string).collect();
    words.join("; ")
}

/// The rules applied to the database as it is now.
///
/// # Errors
/// Why they cannot be applied, in words for the operator.
pub async fn protection(config: &Config) -> Result<Protection, Problem> {
    let one = OneDatabase::of(config)?;
    let client = keyring::connect(&one.url).await?;
    let (_, protection) = apply(&client, &one.rules, 1, None).await?;
    Ok(protection)
}

/// Keys are kept out of core dumps and of other processes' reach, and out of swap where the system allows it without
/// limit, or its limit does not bind this process: below a limit, locking would let allocations fail.
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
    let unlimited = rustix::process::getrlimit(Resource::Memlock)
        .current
        .is_none();
    let may_lock = |sets: rustix::thread::CapabilitySets| {
        sets.effective
            .contains(rustix::thread::CapabilitySet::IPC_LOCK)
    };
    let locked = (unlimited || rustix::thread::capabilities(None).is_ok_and(may_lock))
        && mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT)
            .is_ok();
    if !locked {
        info!(
            "memory is not locked: allow it without limit (memlock, or CAP_IPC_LOCK) where there is swap"
        );
    }
}

/// A session takes two open files, and the limit that a process begins with is often 1,024: it is raised as far as it may be.
pub fn allow_many_sessions() {
    use rustix::process::{Resource, Rlimit};
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if rustix::process::setrlimit(Resource::Nofile, raised).is_err() {
        warn!(files = ?limit.current, "the number of open files cannot be raised: a session takes two");
    }
}

/// A planner for the database as it is now.
///
/// # Errors
/// Why the rules cannot be applied, in words for the operator.
pub async fn planner(config: &Config) -> Result<Planner, Problem> {
    let one = OneDatabase::with_rules(config)?;
    let client = keyring::connect(&one.url).await?;
    let (planner, _) = plan_catalog(&client, &one.rules, 1, None).await?;
    Ok(planner)
}

/// A connection to the keyring, its schema in place, and the KMS that wraps its keys: for commands.
///
/// # Errors
/// Why not, in words for the operator.
pub async fn administration(
    config: &Config,
) -> Result<(tokio_postgres::Client, Arc<dyn Kms>), Problem> {
    let one = OneDatabase::of(config)?;
    let client = keyring::connect_ready(&one.url).await?;
    Ok((client, kms(&config.kms).await?))
}

/// What sealing a table's values anew needs: two connections, the keyring and the rules applied.
///
/// # Errors
/// Why not, in words for the operator.
pub async fn rotation(
    config: &Config,
) -> Result<
    (
        (tokio_postgres::Client, tokio_postgres::Client),
        Arc<Keyring>,
        Protection,
    ),
    Problem,
> {
    let OneDatabase { url, rules, .. } = OneDatabase::of(config)?;
    let reader = keyring::connect_ready(&url).await?;
    let writer = keyring::connect(&url).await?;
    let (_, protection) = apply(&reader, &rules, 1, None).await?;
    let cache = Arc::new(KeyCache::new(config.ages));
    let keyring = Keyring::open(&url, kms(&config.kms).await?, cache, config.habits).await?;
    Ok(((reader, writer), keyring, protection))
}

/// Searchable columns whose values are compared as things stand: their search keys cannot be rotated.
///
/// # Errors
/// The first file of rules that cannot be used.
pub fn compared_columns(config: &Config) -> Result<Vec<String>, Problem> {
    let one = OneDatabase::of(config)?;
    let compared = one.rules.iter().flat_map(|rule| {
        let columns = rule
            .columns
            .iter()
            .filter(|column| column.search.is_some() && column.state == rules::ColumnState::Sealed);
        columns.map(|column| format!("{}.{}.{}", rule.schema, rule.table, column.name))
    });
    Ok(compared.collect())
}

fn dial(config: &Config) -> Result<Dial, Problem> {
    Ok(match &config.upstream {
        Upstream::Unix(path) => Dial::Unix(path.clone()),
        Upstream::Tcp { host, port, ssl } => Dial::Tcp {
            host: host.clone(),
            port: *port,
            tls: ssl
                .client()
                .map_err(|cause| Problem::Configuration(format!("upstream: {cause}")))?,
            direct: ssl.direct,
        },
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

fn acceptor(config: &Config) -> Result<Option<Arc<Acceptor>>, Problem> {
    let tls = config.client_tls.as_ref();
    let made = tls.map(|tls| Acceptor::read(&tls.cert, &tls.key).map(Arc::new));
    made.transpose().map_err(Problem::Configuration)
}

fn verifier_file(config: &Config) -> Result<VerifierFile, Problem> {
    match &config.auth {
        AuthConfig::Terminate {
            file: Some(path), ..
        } => VerifierFile::read(path).map_err(Problem::Configuration),
        AuthConfig::Terminate { file: None, .. } | AuthConfig::Relay => Ok(VerifierFile::default()),
    }
}

fn verifiers(config: &Config) -> Result<Verifiers, Problem> {
    let query = match &config.auth {
        AuthConfig::Terminate { query, .. } => query.clone(),
        AuthConfig::Relay => None,
    };
    let verifiers = Verifiers::new(verifier_file(config)?, config.keyring.clone().zip(query));
    Ok(verifiers?)
}

fn terms(config: &Config) -> Terms {
    Terms {
        tls: match &config.client_tls {
            None => TlsOffer::Disabled,
            Some(tls) if tls.required => TlsOffer::Required,
            Some(_) => TlsOffer::Allowed,
        },
        auth: match config.auth {
            AuthConfig::Relay => Auth::Relay,
            AuthConfig::Terminate { .. } => Auth::Terminate,
        },
        message_limit: config.message_limit,
    }
}

/// Runs the proxy until `stop`; `reread` reads the configuration anew when SIGHUP asks for it.
///
/// # Errors
/// Why it cannot start, in words for the operator.
pub async fn run(
    config: Config,
    reread: impl Fn() -> Result<Config, Problem>,
    stop: impl Future<Output = ()>,
) -> Result<(), Problem> {
    let mut asked = signal(SignalKind::hangup()).map_err(|cause| cause.to_string())?;
    let rules = read_rules(&config)?;
    if rules.is_empty() {
        warn!("no rules are configured: nothing is protected, everything is forwarded");
    }
    let (acceptor_now, dial) = (acceptor(&config)?, dial(&config)?);
    let (terms, verifiers) = (terms(&config), verifiers(&config)?);
    let other = Shared::new(None, Arc::new(KeyCache::new(config.ages)), None);
    let config = Arc::new(config);
    let databases = Databases::open(config.clone(), rules).await?;
    let (all, columns) = databases.all().await;
    let server = Arc::new(Server {
        databases: ArcSwap::from_pointee(all),
        other: Arc::new(other),
        dial: ArcSwap::from_pointee(dial),
        acceptor: ArcSwapOption::new(acceptor_now),
        terms,
        verifiers,
        timing: config.timing,
        clock: Clock::here(),
        news: watch::Sender::default(),
    });
    let listen = listeners(&config).await?;
    let names: Vec<String> = listen.iter().map(Listener::name).collect();
    info!(listen = %names.join(","), protected_columns = columns, "pgseal is ready");
    let reloads = async {
        while asked.recv().await.is_some() {
            match reload(&reread, &config, &databases, &server).await {
                Ok(columns) => info!(protected_columns = columns, "pgseal was reloaded"),
                Err(problem) => error!(
                    cause = problem.to_string(),
                    "nothing was reloaded: all stays as it was"
                ),
            }
        }
        std::future::pending::<()>().await;
    };
    let served = tokio::select! {
        served = serve(listen, server.clone(), config.threads, stop) => served,
        () = reloads => Ok(()),
    };
    served.map_err(|cause| format!("the session threads cannot be started: {cause}"))?;
    info!("pgseal has ended");
    Ok(())
}

/// Rules, the TLS certificate for clients, and the files of `begun`'s upstream and auth; everything is validated before anything
/// changes.
async fn reload(
    reread: &impl Fn() -> Result<Config, Problem>,
    begun: &Config,
    databases: &Databases,
    server: &Server,
) -> Result<usize, Problem> {
    let config = reread()?;
    let rules = read_rules(&config)?;
    let acceptor = acceptor(&config)?;
    // Where it is and how it is verified need a restart: open sessions are to be cancelled where they run.
    let dial = dial(begun)?;
    let file = verifier_file(begun)?;
    if acceptor.is_some() != server.acceptor.load().is_some() {
        let cause = "client_tls was switched on or off, which needs a restart";
        return Err(Problem::Other(cause.to_owned()));
    }
    let columns = databases.reload(rules, server).await?;
    server.acceptor.store(acceptor);
    server.dial.store(Arc::new(dial));
    server.verifiers.file.store(Arc::new(file));
    Ok(columns)
}
