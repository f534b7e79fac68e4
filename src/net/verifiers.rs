//! Where the verifiers of roles come from: a file, or a query.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Mutex;
use tokio_postgres::Client;
use tokio_postgres::types::Type;
use tracing::warn;

use crate::keyring;
use crate::model::{Refusal, Secret};
use crate::wire::scram::Verifier;

/// How long the query may take.
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);

/// What is known of a role's password.
#[derive(Clone)]
enum Password {
    Verifier(Verifier),
    /// The hash of an older method, or a role without password: nobody can log in with it here.
    Unusable,
}

/// A file in the format of PgBouncer's `auth_file`: `"role" "verifier"`, one to a line.
#[derive(Default)]
pub struct VerifierFile {
    passwords: HashMap<Vec<u8>, Password>,
}

impl VerifierFile {
    /// Reads it.
    ///
    /// # Errors
    /// The first line that cannot be used; never what stands in it.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|cause| format!("auth_file {}: {cause}", path.display()))?;
        Self::parse(&text).map_err(|(line, words)| format!("{}:{line}: {words}", path.display()))
    }

    fn parse(text: &str) -> Result<Self, (usize, &'static str)> {
        let mut passwords = HashMap::new();
        for (number, line) in text.lines().enumerate() {
            let (number, line) = (number + 1, line.trim());
            if line.is_empty() || line.starts_with([';', '#']) {
                continue;
            }
            let fields = quoted(line).and_then(|(role, rest)| {
                let (password, _) = quoted(rest.trim_start())?;
                Some((role, password))
            });
            let (role, password) = fields.ok_or((
                number,
                "say \"role\" \"SCRAM-SHA-256$…\", both in double quotes",
            ))?;
            let password = read(&password).ok_or((
                number,
                "the second field is no SCRAM-SHA-256 verifier as in pg_authid: pgseal takes no plaintext passwords",
            ))?;
            if passwords.insert(role.into_bytes(), password).is_some() {
                return Err((number, "the role stands in the file twice"));
            }
        }
        Ok(Self { passwords })
    }
}

/// A text in double quotes, which are doubled inside, and what stands behind it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('"')?;
    let mut found = String::new();
    loop {
        let (part, behind) = rest.split_once('"')?;
        found.push_str(part);
        match behind.strip_prefix('"') {
            Some(more) => {
                found.push('"');
                rest = more;
            }
            None => return Some((found, behind)),
        }
    }
}

/// A password as PostgreSQL keeps it; `None`: it is none of its forms.
fn read(text: &str) -> Option<Password> {
    let is_md5 = |hash: &str| hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    match Verifier::read(text) {
        Some(verifier) => Some(Password::Verifier(verifier)),
        None if text.is_empty() || text.strip_prefix("md5").is_some_and(is_md5) => {
            Some(Password::Unusable)
        }
        None => None,
    }
}

struct Query {
    url: String,
    sql: String,
    client: Mutex<Option<Arc<Client>>>,
}

impl Query {
    async fn client(&self) -> Result<Arc<Client>, String> {
        let mut open = self.client.lock().await;
        match open.as_ref().filter(|client| !client.is_closed()) {
            Some(client) => Ok(client.clone()),
            None => {
                let client = Arc::new(keyring::connect(&self.url).await?);
                *open = Some(client.clone());
                Ok(client)
            }
        }
    }

    /// What it gives for this role. A connection over which nothing comes is given up.
    async fn look_up(&self, role: &str) -> Result<Option<Password>, String> {
        let asked = tokio::time::timeout(QUERY_TIMEOUT, self.ask(role)).await;
        asked.unwrap_or_else(|_| {
            if let Ok(mut open) = self.client.try_lock() {
                *open = None;
            }
            Err("no answer in time".to_owned())
        })
    }

    /// The second column of the first row.
    async fn ask(&self, role: &str) -> Result<Option<Password>, String> {
        let client = self.client().await?;
        let rows = client.query_typed(&self.sql, &[(&role, Type::TEXT)]).await;
        let rows = rows.map_err(|cause| keyring::words(&cause))?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let password: Option<String> = row
            .try_get(1)
            .map_err(|_| "its second column is no text".to_owned())?;
        Ok(Some(
            read(&password.unwrap_or_default()).unwrap_or(Password::Unusable),
        ))
    }
}

/// Where verifiers are looked up.
pub struct Verifiers {
    /// The file, which SIGHUP replaces.
    pub file: ArcSwap<VerifierFile>,
    query: Option<Query>,
    /// Of what roles that do not exist are challenged with.
    mock: Secret,
}

impl Verifiers {
    /// `query` is a keyring's URL and the SQL that is run there for roles that the file does not name.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn new(file: VerifierFile, query: Option<(String, String)>) -> Result<Self, String> {
        let mut mock = [0; 32];
        getrandom::fill(&mut mock).map_err(|cause| cause.to_string())?;
        Ok(Self {
            file: ArcSwap::from_pointee(file),
            query: query.map(|(url, sql)| Query {
                url,
                sql,
                client: Mutex::new(None),
            }),
            mock: Secret::new(&mock),
        })
    }

    /// The role's verifier, or one that no password fits.
    pub(super) async fn look_up(&self, role: &[u8]) -> Result<Verifier, Refusal> {
        let found = self.file.load().passwords.get(role).cloned();
        let found = match (found, &self.query, std::str::from_utf8(role)) {
            (None, Some(query), Ok(name)) => {
                let asked = query.look_up(name).await;
                asked.map_err(|cause| {
                    warn!(cause, "auth_query failed");
                    unknown()
                })?
            }
            (found, ..) => found,
        };
        match found {
            Some(Password::Verifier(verifier)) => return Ok(verifier),
            Some(Password::Unusable) => warn!(
                role = %String::from_utf8_lossy(role).escape_debug(),
                "the role has no SCRAM-SHA-256 verifier, so nobody can log in with it"
            ),
            None => {}
        }
        Ok(Verifier::mock(&self.mock, role))
    }
}

fn unknown() -> Refusal {
    Refusal::new(
        "08006",
        "the verifiers of roles cannot be read now",
        "The log of pgseal says why; look at `auth_query` and `keyring`. See docs/errors.md#auth-query.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "SCRAM-SHA-256$4096:c2FsdHNhbHQ=$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    #[test]
    fn the_file_is_pgbouncer_s() {
        let text = format!(
            "; roles\n# more\n\n\"app\" \"{GOOD}\"\n  \"it \"\"is\"\"\"\t\"{GOOD}\" trailing\n\"old\" \"md5{}\"\n\"none\" \"\"\n",
            "0".repeat(32)
        );
        let Ok(file) = VerifierFile::parse(&text) else {
            panic!("it was not read");
        };
        let usable = |role: &str| match file.passwords.get(role.as_bytes()) {
            Some(Password::Verifier(_)) => Some(true),
            Some(Password::Unusable) => Some(false),
            None => None,
        };
        assert_eq!(usable("app"), Some(true));
        assert_eq!(usable("it \"is\""), Some(true));
        assert_eq!(
            (usable("old"), usable("none"), usable("x")),
            (Some(false), Some(false), None)
        );
    }

    #[test]
    fn a_line_that_is_wrong_is_named_and_not_shown() {
        let line = |text: &str| VerifierFile::parse(text).err().map(|(line, _)| line);
        assert_eq!(line("\"a\" \"secret\""), Some(1));
        assert_eq!(line("\n\"a\" \"md5short\""), Some(2));
        assert_eq!(line("a b"), Some(1));
        assert_eq!(line("\"a\""), Some(1));
        assert_eq!(line("\"a\" \"\"\n\"a\" \"\""), Some(2));
        assert_eq!(line("\"a"), Some(1));
    }
}
