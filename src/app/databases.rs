//! The protected databases: rules, catalog and keyring of each, and how they change while the proxy runs.

mod findings;
mod lease;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, OnceCell};
use tokio::time::timeout;
use tokio_postgres::Client;
use tracing::{error, warn};

use super::{Problem, keyring_url, kms, plan_again, plan_catalog};
use crate::config::Config;
use crate::keyring::{self, Keyring};
use crate::keys::KeyCache;
use crate::kms::Kms;
use crate::net::{CatalogWatch, Database, Read, Server, metadata};
use crate::plan::Planner;
use crate::rules::{self, Rule};
use crate::session::Shared;
use findings::Findings;

/// How often the catalog is compared with the database's, for what others change.
const POLL: Duration = Duration::from_secs(2);
/// The same where nothing has changed the last time: each new catalog costs every session something, a look does not.
const QUIET: Duration = Duration::from_millis(200);
/// A look takes at most this part of one backend's time.
const SHARE: u32 = 20;
/// How long it may take.
const LOOK: Duration = Duration::from_secs(10);
/// The same of reading the whole catalog.
const LOAD: Duration = Duration::from_secs(60);

/// The databases that rules protect.
pub(super) struct Databases {
    config: Arc<Config>,
    kms: OnceCell<Arc<dyn Kms>>,
    open: Mutex<Vec<Arc<Protected>>>,
}

/// One of them.
struct Protected {
    name: String,
    url: String,
    database: Arc<Database>,
    loaded: Mutex<Loaded>,
    /// Others' DDL waits for the lease: the poll finds what the lease does not care for.
    leased: AtomicBool,
}

/// What its planner was made of. Locked while one is made and stored, so that none of older rules can follow.
struct Loaded {
    client: Client,
    /// No answer came over its connection, and perhaps none ever will.
    lost: bool,
    rules: Vec<Rule>,
    epoch: u64,
    fingerprint: Option<String>,
    findings: Findings,
}

/// Rules by the name of their database; `own` is the keyring's.
///
/// # Errors
/// A table that has two rules, one of them without naming its database.
pub(super) fn by_database(
    rules: Vec<Rule>,
    own: &str,
) -> Result<BTreeMap<String, Vec<Rule>>, Problem> {
    let mut groups: BTreeMap<String, Vec<Rule>> = BTreeMap::new();
    for rule in rules {
        let name = rule.database.clone().unwrap_or_else(|| own.to_owned());
        let group = groups.entry(name).or_default();
        if let Some(first) = group
            .iter()
            .find(|first| first.schema == rule.schema && first.table == rule.table)
        {
            return Err(super::second_rule(first, &rule));
        }
        group.push(rule);
    }
    Ok(groups)
}

impl Databases {
    /// Opens all that the rules name.
    ///
    /// # Errors
    /// Why one of them cannot be protected, in words for the operator.
    pub(super) async fn open(config: Arc<Config>, rules: Vec<Rule>) -> Result<Self, Problem> {
        let databases = Self {
            config,
            kms: OnceCell::new(),
            open: Mutex::new(Vec::new()),
        };
        for (name, rules) in databases.grouped(rules)? {
            let protected = databases.protect(name, rules).await?;
            databases.open.lock().await.push(protected);
        }
        Ok(databases)
    }

    /// The databases and how many columns are protected in all of them.
    pub(super) async fn all(&self) -> (Vec<Arc<Database>>, usize) {
        let open = self.open.lock().await;
        let databases: Vec<Arc<Database>> = open.iter().map(|one| one.database.clone()).collect();
        let planners = databases.iter().map(|one| one.shared.planner.load_full());
        let columns = planners
            .flatten()
            .map(|planner| planner.protected_columns());
        let columns = columns.sum();
        (databases, columns)
    }

    fn grouped(&self, rules: Vec<Rule>) -> Result<BTreeMap<String, Vec<Rule>>, Problem> {
        if rules.is_empty() {
            return Ok(BTreeMap::new());
        }
        let own = keyring::database_of(keyring_url(&self.config)?)?;
        by_database(rules, &own)
    }

    async fn protect(&self, name: String, rules: Vec<Rule>) -> Result<Arc<Protected>, Problem> {
        let told = |cause: String| Problem::from(cause).of_database(&name);
        let url = keyring::with_database(keyring_url(&self.config)?, &name);
        let client = keyring::connect(&url).await.map_err(told)?;
        let fingerprint = metadata::fingerprint(&client).await.ok();
        let planned = plan_catalog(&client, &rules, 1, None).await;
        let (planner, whole) = planned.map_err(|problem| problem.of_database(&name))?;
        let kms = self.kms.get_or_try_init(|| kms(&self.config.kms)).await?;
        let cache = Arc::new(KeyCache::new(self.config.ages));
        let opened = Keyring::open(&url, kms.clone(), cache.clone(), self.config.habits);
        let keyring = opened.await.map_err(told)?;
        let shared = Shared::new(Some(Arc::new(planner)), cache, Some(name.clone()));
        let protected = Arc::new(Protected {
            name,
            url,
            database: Arc::new(Database {
                shared: Arc::new(shared),
                keyring,
                catalog: CatalogWatch::default(),
            }),
            loaded: Mutex::new(Loaded {
                client,
                lost: false,
                rules,
                epoch: 1,
                fingerprint: fingerprint.filter(|_| whole),
                findings: Findings::default(),
            }),
            leased: AtomicBool::new(false),
        });
        tokio::spawn(follow(protected.clone()));
        lease::begin(protected.clone()).await;
        Ok(protected)
    }

    /// Puts other rules in force, all or none of them. Gives how many columns are protected.
    ///
    /// # Errors
    /// Why they cannot be applied; the old ones stay in force.
    pub(super) async fn reload(&self, rules: Vec<Rule>, server: &Server) -> Result<usize, Problem> {
        let mut groups = self.grouped(rules)?;
        let mut open = self.open.lock().await;
        let mut staged = Vec::new();
        for protected in open.iter() {
            let mut loaded = protected.loaded.lock().await;
            let told = |problem: Problem| problem.of_database(&protected.name);
            let rules = groups.remove(&protected.name).unwrap_or_default();
            let connected = loaded.connect(&protected.url).await;
            connected.map_err(|cause| told(cause.into()))?;
            let epoch = loaded.epoch + 1;
            let former = protected.database.shared.planner.load_full();
            let Loaded { client, lost, .. } = &mut *loaded;
            let read = answered(LOAD, lost, async {
                let fingerprint = metadata::fingerprint(client).await.ok();
                let planned = plan_catalog(client, &rules, epoch, former.as_deref()).await;
                planned.map(|planned| (fingerprint, planned))
            });
            let (fingerprint, (planner, whole)) = read.await.map_err(told)?;
            if let Some(former) = &former {
                goes_on(&loaded.rules, former, &planner).map_err(told)?;
            }
            let fingerprint = fingerprint.filter(|_| whole);
            staged.push((protected, loaded, rules, fingerprint, planner));
        }
        let mut added = Vec::new();
        for (name, rules) in groups {
            added.push(self.protect(name, rules).await?);
        }
        for (protected, mut loaded, rules, fingerprint, planner) in staged {
            let changed = !same(&loaded.rules, &rules);
            loaded.epoch += 1;
            loaded.rules = rules;
            loaded.fingerprint = fingerprint;
            loaded.findings.changed();
            let shared = &protected.database.shared;
            shared.replace_planner(planner);
            if changed {
                // Only now: what was planned before this is old, what is planned after it is new.
                shared.rules.fetch_add(1, Ordering::AcqRel);
            }
        }
        let grown = !added.is_empty();
        open.extend(added);
        drop(open);
        let (all, columns) = self.all().await;
        if grown {
            server.databases.store(Arc::new(all));
            server.news.send_modify(|news| news.added += 1);
        }
        Ok(columns)
    }
}

/// Refuses a planner that no longer protects what `rules` do: what is written from then on would be plaintext.
fn goes_on(rules: &[Rule], former: &Planner, planner: &Planner) -> Result<(), Problem> {
    let catalog = planner.catalog();
    let (before, _) = rules::resolve_again(rules, catalog, former.protection());
    let lost = rules::left_out(&before, planner.protection(), catalog);
    if lost.is_empty() {
        return Ok(());
    }
    let lost = lost.join(", ");
    Err(Problem::Configuration(format!(
        "the rules leave out {lost}, where new values would be stored as plaintext: say state = \"unsealing\" in the rule, reload, \
         run `pgseal unseal`, then take the rule out; a restart takes the rules as they are"
    )))
}

/// Whether rules say the same, wherever they stand.
fn same(left: &[Rule], right: &[Rule]) -> bool {
    let text = |rules: &[Rule]| -> Vec<Rule> {
        let nowhere = |rule: &Rule| Rule {
            file: String::new(),
            line: 0,
            ..rule.clone()
        };
        rules.iter().map(nowhere).collect()
    };
    text(left) == text(right)
}

impl Loaded {
    async fn connect(&mut self, url: &str) -> Result<(), String> {
        if self.lost || self.client.is_closed() {
            self.client = keyring::connect(url).await?;
            self.lost = false;
        }
        Ok(())
    }
}

/// What the database answers in this time; else its connection is lost.
async fn answered<T, E: From<String>>(
    limit: Duration,
    lost: &mut bool,
    asked: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let answer = timeout(limit, asked).await;
    *lost = answer.is_err();
    answer.unwrap_or_else(|_| Err("the database does not answer".to_owned().into()))
}

/// Loads the catalog anew when a session saw DDL, or when the database's differs from ours.
async fn follow(protected: Arc<Protected>) {
    let database = &protected.database;
    let mut pause = QUIET;
    loop {
        // Either way it is time to look.
        timeout(pause, database.catalog.asked()).await.ok();
        let mut guard = protected.loaded.lock().await;
        let loaded = &mut *guard;
        if let Err(cause) = loaded.connect(&protected.url).await {
            warn!(cause, "the catalog cannot be followed");
            drop(guard);
            tokio::time::sleep(POLL).await;
            continue;
        }
        let (began, waiting) = (Instant::now(), database.catalog.waiting());
        let now = answered(LOOK, &mut loaded.lost, async {
            let now = metadata::fingerprint(&loaded.client).await;
            now.map_err(|cause| keyring::words(&cause))
        });
        let now = now.await;
        pause = if protected.leased.load(Ordering::Acquire) {
            POLL
        } else {
            began.elapsed().saturating_mul(SHARE).clamp(QUIET, POLL)
        };
        let now = match now {
            Ok(now) => now,
            Err(cause) => {
                warn!(cause, "the catalog cannot be followed");
                continue;
            }
        };
        let mut read = Read::Whole;
        let changed = loaded.fingerprint.as_ref() != Some(&now);
        if changed {
            pause = POLL;
            loaded.findings.changed();
            loaded.epoch += 1;
            let Some(former) = database.shared.planner.load_full() else {
                continue;
            };
            let (client, epoch) = (&loaded.client, loaded.epoch);
            let planned = plan_again(client, &loaded.rules, epoch, &former);
            match answered(LOAD, &mut loaded.lost, planned).await {
                Ok((planner, whole, told)) => {
                    if !told.is_empty() {
                        error!(
                            cause = told,
                            "rules no longer name their tables and columns"
                        );
                    }
                    database.shared.replace_planner(planner);
                    loaded.fingerprint = whole.then_some(now);
                    read = if whole { Read::Whole } else { Read::Partly };
                }
                // The last good plan goes on protecting.
                Err(cause) => {
                    read = Read::Unusable;
                    error!(
                        cause,
                        "the catalog cannot be followed: the last snapshot stays in force"
                    );
                }
            }
        }
        // What a session has just made it may name only once the snapshot knows it.
        database.catalog.tell(waiting, read);
        if let Some(planner) = database.shared.planner.load_full().filter(|_| !changed) {
            let Loaded {
                client,
                findings,
                lost,
                ..
            } = loaded;
            let look = async {
                findings.look(client, &planner, &protected.name).await;
                Ok::<_, String>(())
            };
            answered(LOAD, lost, look).await.ok();
        }
    }
}
