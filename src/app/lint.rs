//! Where `pgseal lint` finds statements.

use std::io::Read;
use std::path::{Path, PathBuf};

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

use super::{OneDatabase, Problem, plan_catalog};
use crate::config::Config;
use crate::keyring;
use crate::ops::lint::{self, Entries, Entry, Format, Linted, Unread};
use crate::plan::quoted;

const SCHEMA: &str = "SELECT n.nspname::text FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'";
/// What functions and triggers run inside of the server is not sent by anybody: `toplevel`, from version 1.9 of the extension.
const REMEMBERED: &str = "SELECT pg_catalog.min(s.queryid), s.query, pg_catalog.sum(s.calls)::bigint, pg_catalog.count(*) FROM {}.pg_stat_statements s \
    JOIN pg_catalog.pg_database d ON d.oid = s.dbid WHERE d.datname = $1 AND (pg_catalog.to_jsonb(s)->>'toplevel')::bool IS NOT FALSE \
    GROUP BY s.query ORDER BY 3 DESC, 1";
/// What the extension shows of other roles' statements.
const HIDDEN: &str = "<insufficient privilege>";

/// Where statements stand.
pub enum Statements {
    /// In a file; `-` is standard input.
    Written(PathBuf, Option<Format>),
    /// In `pg_stat_statements`.
    Remembered,
}

/// Says of statements what would happen to them in the command's database.
///
/// # Errors
/// Why not, in words for the operator.
pub async fn lint(config: &Config, from: Statements) -> Result<Linted, Problem> {
    let one = OneDatabase::with_rules(config)?;
    let client = keyring::connect(&one.url).await?;
    let entries = match from {
        Statements::Written(path, format) => written(&path, format, &one.name)?,
        Statements::Remembered => remembered(config, &client, &one.name).await?,
    };
    let (planner, _) = plan_catalog(&client, &one.rules, 1, None).await?;
    Ok(lint::lint(&planner, &entries))
}

fn written(path: &Path, format: Option<Format>, database: &str) -> Result<Entries, String> {
    let (name, bytes) = match path.as_os_str() == "-" {
        true => {
            let mut bytes = Vec::new();
            let read = std::io::stdin().read_to_end(&mut bytes);
            ("standard input".to_owned(), read.map(|_| bytes))
        }
        false => (path.display().to_string(), std::fs::read(path)),
    };
    let bytes = bytes.map_err(|cause| format!("{name} cannot be read: {cause}"))?;
    lint::entries(&bytes, format, database).map_err(|why| format!("{name}: {why}"))
}

/// What `pg_stat_statements` remembers of a database. The extension may be in the keyring's only: it knows of all.
async fn remembered(config: &Config, client: &Client, database: &str) -> Result<Entries, String> {
    if let Some(schema) = schema(client).await? {
        return read(client, &schema, database).await;
    }
    let keyring = config.keyring.as_deref().unwrap_or_default();
    let other = keyring::connect(keyring).await?;
    match schema(&other).await? {
        Some(schema) => read(&other, &schema, database).await,
        None => Err(format!(
            "database {database} has no extension pg_stat_statements: CREATE EXTENSION pg_stat_statements; it needs shared_preload_libraries = 'pg_stat_statements' and a restart, and knows what ran since"
        )),
    }
}

async fn schema(client: &Client) -> Result<Option<String>, String> {
    let found = client.query_opt(SCHEMA, &[]).await.map_err(unreadable)?;
    let schema = found.map(|row| row.try_get(0)).transpose();
    schema.map_err(unreadable)
}

async fn read(client: &Client, schema: &str, database: &str) -> Result<Entries, String> {
    let ask = REMEMBERED.replace("{}", &quoted(schema));
    let rows = client.query(&ask, &[&database]).await.map_err(unreadable)?;
    let role = client.query_one("SELECT session_user::text", &[]).await;
    let role: String = role.and_then(|row| row.try_get(0)).map_err(unreadable)?;
    let mut entries = Vec::new();
    for row in rows {
        let read = || -> Result<(Option<i64>, Option<String>, i64, i64), Error> {
            Ok((
                row.try_get(0)?,
                row.try_get(1)?,
                row.try_get(2)?,
                row.try_get(3)?,
            ))
        };
        let (id, query, calls, count) = read().map_err(unreadable)?;
        let place = id.map_or_else(|| "an entry".to_owned(), |id| format!("queryid {id}"));
        let text = match query {
            Some(query) if query == HIDDEN => {
                let why = format!(
                    "it is another role's: GRANT pg_read_all_stats TO {}",
                    quoted(&role)
                );
                let hidden = || Entry {
                    place: "an entry".to_owned(),
                    text: Err(Unread(why.clone())),
                };
                entries.extend((0..count).map(|_| hidden()));
                continue;
            }
            Some(query) => Ok(query),
            None => Err(Unread("pg_stat_statements has lost its text".to_owned())),
        };
        entries.push(Entry {
            place: format!("{place} ({calls} calls)"),
            text,
        });
    }
    Ok(Entries {
        read_as: "pg_stat_statements, whose texts have parameters in the place of constants",
        entries,
        elsewhere: 0,
        normalised: true,
    })
}

fn unreadable(cause: Error) -> String {
    let advice = match cause.code() {
        Some(&SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE) => {
            ": set shared_preload_libraries = 'pg_stat_statements' and restart the server"
        }
        Some(&SqlState::INSUFFICIENT_PRIVILEGE) => ": GRANT pg_read_all_stats to pgseal's role",
        _ => "",
    };
    format!(
        "pg_stat_statements cannot be read: {}{advice}",
        keyring::words(&cause)
    )
}
