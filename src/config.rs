//! File and environment to a validated configuration; an error names the key, the file and the line.

mod auth;
mod kms;
mod listen;
mod names;
mod routes;
#[cfg(test)]
mod tests;
mod upstream;

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::keyring::ssl::Ssl;
use crate::keyring::{self, Habits};
use crate::keys::Ages;
use crate::net::{Keepalive, Timing};
use crate::session::MESSAGE_LIMIT;
pub use auth::AuthConfig;
pub use kms::KmsConfig;
pub use listen::{Listen, listen_at, socket_file};
use listen::{listen, socket_mode};
pub use names::environment;
use names::{all_known, variable};
use routes::RouteEntry;
use upstream::upstream_of;

/// A configuration that cannot be used; the program exits with 64.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct ConfigError {
    /// `file:line` or the variable's name.
    pub place: String,
    /// What is wrong, and what is allowed.
    pub message: String,
}

/// Where PostgreSQL is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upstream {
    /// A host and port.
    Tcp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
        /// Encryption.
        ssl: Ssl,
    },
    /// A socket file.
    Unix(PathBuf),
}

/// TLS towards clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientTls {
    /// Whether plaintext connections are refused.
    pub required: bool,
    /// PEM certificate chain.
    pub cert: PathBuf,
    /// PEM private key.
    pub key: PathBuf,
}

/// A validated configuration. The keyring's URL may hold a password, so there is no `Debug`.
pub struct Config {
    /// `listen`: where clients connect; at least one place.
    pub listen: Vec<Listen>,
    /// `socket_mode`: permissions of the Unix sockets' files.
    pub socket_mode: u32,
    /// `upstream`: PostgreSQL.
    pub upstream: Upstream,
    /// `tls_cert`, `tls_key`, `client_tls`.
    pub client_tls: Option<ClientTls>,
    /// `auth`, `auth_file`, `auth_query`: who makes sure who clients are.
    pub auth: AuthConfig,
    /// Rule files; empty: everything is forwarded.
    pub rules: Vec<PathBuf>,
    /// `keyring`: the protected database.
    pub keyring: Option<String>,
    /// The database that a command is for; none: the keyring's.
    pub database: Option<String>,
    /// `kms`.
    pub kms: KmsConfig,
    /// `on_new_tenant` and `key_rotate_after`.
    pub habits: Habits,
    /// `key_soft_age`, `key_hard_age`: how long keys live in memory.
    pub ages: Ages,
    /// `login_timeout`, `client_idle_timeout` and what begins with `tcp_`.
    pub timing: Timing,
    /// `threads`: event loops that sessions run on.
    pub threads: NonZeroUsize,
    /// `message_limit`: the largest message that is held whole, in bytes.
    pub message_limit: usize,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct File {
    listen: Option<OneOrMore>,
    socket_mode: Option<String>,
    upstream: Option<String>,
    rules: Option<String>,
    keyring: Option<String>,
    kms: Option<String>,
    kms_file: Option<String>,
    kms_key: Option<String>,
    on_new_tenant: Option<String>,
    kms_routes: Option<Vec<RouteEntry>>,
    kms_only_routes: Option<bool>,
    key_rotate_after: Option<u64>,
    key_soft_age: Option<u64>,
    key_hard_age: Option<u64>,
    client_tls: Option<String>,
    tls_cert: Option<String>,
    tls_key: Option<String>,
    auth: Option<String>,
    auth_file: Option<String>,
    auth_query: Option<String>,
    threads: Option<u64>,
    message_limit: Option<u64>,
    login_timeout: Option<u64>,
    client_idle_timeout: Option<u64>,
    tcp_keepalives_idle: Option<u64>,
    tcp_keepalives_interval: Option<u64>,
    tcp_keepalives_count: Option<u64>,
    tcp_user_timeout: Option<u64>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a string or a list of strings")]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    /// As it is written in the environment.
    fn joined(&self) -> String {
        match self {
            Self::One(one) => one.clone(),
            Self::More(more) => more.join(","),
        }
    }
}

struct Source<'a> {
    file: &'a str,
    text: &'a str,
    env: &'a HashMap<String, String>,
}

impl Source<'_> {
    /// The value of a key and where it came from; the environment wins.
    fn get(&self, key: &str, in_file: Option<&String>) -> Option<(String, String)> {
        let variable = variable(key);
        if let Some(value) = self.env.get(&variable).filter(|value| !value.is_empty()) {
            return Some((value.clone(), variable));
        }
        in_file.map(|value| {
            (
                value.clone(),
                format!("{}:{}: {key}", self.file, self.line(key)),
            )
        })
    }

    fn line(&self, key: &str) -> usize {
        let found = self.text.lines().position(|line| {
            line.trim_start()
                .strip_prefix(key)
                .is_some_and(|rest| rest.trim_start().starts_with('='))
        });
        found.map_or(1, |line| line + 1)
    }
}

fn missing(key: &str, what: &str) -> ConfigError {
    error(
        format!("{key} (or {})", variable(key)),
        format!("is missing: {what}"),
    )
}

fn error(place: impl Into<String>, message: impl Into<String>) -> ConfigError {
    ConfigError {
        place: place.into(),
        message: message.into(),
    }
}

impl Config {
    /// Reads a file (none: only the environment) and `PGSEAL_…` variables.
    ///
    /// # Errors
    /// The first setting that is missing, unknown or not allowed.
    pub fn load(path: Option<&Path>, env: &HashMap<String, String>) -> Result<Self, ConfigError> {
        all_known(env)?;
        let (name, text) = read(path)?;
        let file = parse(&name, &text)?;
        let source = Source {
            file: &name,
            text: &text,
            env,
        };
        Self::validate(&file, &source)
    }

    /// Only where clients connect, from the same places.
    ///
    /// # Errors
    /// Why it cannot be known.
    pub fn listeners(
        path: Option<&Path>,
        env: &HashMap<String, String>,
    ) -> Result<Vec<Listen>, ConfigError> {
        let (name, text) = read(path)?;
        let file = parse(&name, &text)?;
        let source = Source {
            file: &name,
            text: &text,
            env,
        };
        listen(&file, &source)
    }

    fn validate(file: &File, source: &Source<'_>) -> Result<Self, ConfigError> {
        let get = |key: &str, value: &Option<String>| source.get(key, value.as_ref());
        let (upstream, place) = get("upstream", &file.upstream).ok_or_else(|| {
            missing(
                "upstream",
                "say postgres://host:port or a Unix socket directory",
            )
        })?;
        let upstream = upstream_of(&upstream, &place)?;
        let rules = match get("rules", &file.rules) {
            Some((path, place)) => rule_files(Path::new(&path), &place)?,
            None => Vec::new(),
        };
        let keyring = match get("keyring", &file.keyring) {
            None => None,
            Some((url, place)) => {
                keyring::database_of(&url).map_err(|words| error(place, words))?;
                Some(url)
            }
        };
        if !rules.is_empty() && keyring.is_none() {
            return Err(missing(
                "keyring",
                "rules need it; say postgres://user@host/database of the protected database",
            ));
        }
        let create_tenants = match get("on_new_tenant", &file.on_new_tenant) {
            None => true,
            Some((value, place)) => match value.as_str() {
                "create" => true,
                "refuse" => false,
                other => {
                    return Err(error(
                        place,
                        format!("\"{other}\" is not allowed: say \"create\" or \"refuse\""),
                    ));
                }
            },
        };
        let client_tls = client_tls(file, source)?;
        Ok(Self {
            listen: listen(file, source)?,
            socket_mode: socket_mode(file, source)?,
            upstream,
            client_tls,
            auth: auth::auth(file, source, keyring.is_some())?,
            rules,
            keyring,
            database: None,
            kms: kms::kms(file, source)?,
            habits: Habits {
                create_tenants,
                seal_for: rotate_after(file, source)?,
            },
            ages: ages(file, source)?,
            timing: timing(file, source)?,
            threads: threads(file, source)?,
            message_limit: message_limit(file, source)?,
        })
    }
}

/// A file's name and text.
fn read(path: Option<&Path>) -> Result<(String, String), ConfigError> {
    let Some(path) = path else {
        return Ok((String::new(), String::new()));
    };
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => Ok((name, text)),
        Err(cause) => Err(error(name, format!("cannot be read: {cause}"))),
    }
}

fn parse(name: &str, text: &str) -> Result<File, ConfigError> {
    toml::from_str(text).map_err(|cause| {
        let start = cause.span().map_or(0, |span| span.start);
        let before = text.bytes().take(start);
        let line = before.filter(|byte| *byte == b'\n').count() + 1;
        error(format!("{name}:{line}"), cause.message())
    })
}

/// One event loop per two cores, if nothing is said: one that is busy serves more bytes with each wake-up, and PostgreSQL
/// mostly runs beside it.
fn threads(file: &File, source: &Source<'_>) -> Result<NonZeroUsize, ConfigError> {
    let said = file.threads.map(|threads| threads.to_string());
    let Some((text, place)) = source.get("threads", said.as_ref()) else {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        return Ok(NonZeroUsize::new(cores / 2).unwrap_or(NonZeroUsize::MIN));
    };
    text.parse()
        .ok()
        .filter(|threads: &NonZeroUsize| threads.get() <= 256)
        .ok_or_else(|| error(place, "say a number of threads from 1 to 256"))
}

/// In bytes. PostgreSQL holds no value of more than a gigabyte.
fn message_limit(file: &File, source: &Source<'_>) -> Result<usize, ConfigError> {
    let said = file.message_limit.map(|mebibytes| mebibytes.to_string());
    let Some((text, place)) = source.get("message_limit", said.as_ref()) else {
        return Ok(MESSAGE_LIMIT);
    };
    text.parse()
        .ok()
        .filter(|mebibytes: &usize| (1..=1024).contains(mebibytes))
        .map(|mebibytes| mebibytes << 20)
        .ok_or_else(|| error(place, "say a number of MiB from 1 to 1024"))
}

/// Seconds that a data key seals; at most ten years, so that every arithmetic with it is exact.
fn rotate_after(file: &File, source: &Source<'_>) -> Result<Option<f64>, ConfigError> {
    let in_file = file.key_rotate_after.map(|seconds| seconds.to_string());
    match source.get("key_rotate_after", in_file.as_ref()) {
        None => Ok(None),
        Some((text, place)) => match text.parse::<u32>() {
            Ok(0) => Ok(None),
            Ok(seconds @ 1..=315_360_000) => Ok(Some(f64::from(seconds))),
            _ => Err(error(
                place,
                "say a number of seconds up to 315360000, or 0 for never",
            )),
        },
    }
}

/// Ages in seconds: 1 ≤ soft ≤ hard ≤ a day, so that a revocation is always felt.
fn ages(file: &File, source: &Source<'_>) -> Result<Ages, ConfigError> {
    let mut ages = Ages::default();
    let seconds = |key: &str, value: Option<u64>, default: u64| match source
        .get(key, value.map(|seconds| seconds.to_string()).as_ref())
    {
        None => Ok((default, key.to_owned())),
        Some((text, place)) => match text.parse::<u64>() {
            Ok(seconds @ 1..=86_400) => Ok((seconds * 1000, place)),
            _ => Err(error(place, "say a number of seconds from 1 to 86400")),
        },
    };
    let (soft, soft_place) = seconds("key_soft_age", file.key_soft_age, ages.soft)?;
    let (hard, hard_place) = seconds("key_hard_age", file.key_hard_age, ages.hard.max(soft))?;
    if soft > hard {
        return Err(error(
            format!("{soft_place}, {hard_place}"),
            "key_soft_age must not be above key_hard_age",
        ));
    }
    (ages.soft, ages.hard) = (soft, hard);
    Ok(ages)
}

/// Timeouts in seconds; 0 is never, or what the system has.
fn timing(file: &File, source: &Source<'_>) -> Result<Timing, ConfigError> {
    const DAY: u32 = 86_400;
    let number = |key: &str, value: Option<u64>, default: u32, most: u32| {
        let in_file = value.map(|number| number.to_string());
        match source.get(key, in_file.as_ref()) {
            None => Ok(Some(default).filter(|number| *number > 0)),
            Some((text, place)) => match text.parse::<u32>() {
                Ok(0) => Ok(None),
                Ok(number) if number <= most => Ok(Some(number)),
                _ => Err(error(place, format!("say a number from 0 to {most}"))),
            },
        }
    };
    let seconds = |key: &str, value, default| {
        let number = number(key, value, default, DAY)?;
        Ok(number.map(|seconds| Duration::from_secs(u64::from(seconds))))
    };
    let login = seconds("login_timeout", file.login_timeout, 60)?;
    let key = "login_timeout (or PGSEAL_LOGIN_TIMEOUT)";
    Ok(Timing {
        login: login.ok_or_else(|| error(key, "must not be 0"))?,
        client_idle: seconds("client_idle_timeout", file.client_idle_timeout, 0)?,
        keepalive: Keepalive {
            idle: seconds("tcp_keepalives_idle", file.tcp_keepalives_idle, 60)?,
            interval: seconds("tcp_keepalives_interval", file.tcp_keepalives_interval, 0)?,
            count: number("tcp_keepalives_count", file.tcp_keepalives_count, 0, 127)?,
            user_timeout: seconds("tcp_user_timeout", file.tcp_user_timeout, 0)?,
        },
    })
}

fn client_tls(file: &File, source: &Source<'_>) -> Result<Option<ClientTls>, ConfigError> {
    let cert = source.get("tls_cert", file.tls_cert.as_ref());
    let key = source.get("tls_key", file.tls_key.as_ref());
    let (mode, place) = source
        .get("client_tls", file.client_tls.as_ref())
        .unwrap_or_else(|| {
            (
                if cert.is_some() { "allow" } else { "disable" }.to_owned(),
                "client_tls".to_owned(),
            )
        });
    let required = match mode.as_str() {
        "disable" => return Ok(None),
        "allow" => false,
        "require" => true,
        other => {
            return Err(error(
                place,
                format!("\"{other}\" is not allowed: say \"disable\", \"allow\" or \"require\""),
            ));
        }
    };
    match (cert, key) {
        (Some((cert, _)), Some((key, _))) => Ok(Some(ClientTls {
            required,
            cert: cert.into(),
            key: key.into(),
        })),
        _ => Err(error(place, "needs tls_cert and tls_key, both PEM files")),
    }
}

fn rule_files(path: &Path, place: &str) -> Result<Vec<PathBuf>, ConfigError> {
    if !path.is_dir() {
        return if path.is_file() {
            Ok(vec![path.to_owned()])
        } else {
            Err(error(
                place,
                format!("{} is no file and no folder", path.display()),
            ))
        };
    }
    let entries = std::fs::read_dir(path)
        .map_err(|cause| error(place, format!("{} cannot be read: {cause}", path.display())))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    files.sort();
    if files.is_empty() {
        Err(error(
            place,
            format!("{} holds no .toml file", path.display()),
        ))
    } else {
        Ok(files)
    }
}
