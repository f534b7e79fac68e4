//! `pgseal seal`, `rotate`, `unseal` and `verify`: one walk over the values of a table's protected columns, which replaces
//! them where they stand or only opens them.
//!
//! A row is changed only while its version is the one that was read, so that writers need not stop, and no value stands in
//! a statement's text. A run that was interrupted is run again: what is done is not found any more.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use serde_json::json;
use tokio_postgres::{Client, Row};
use zeroize::Zeroizing;

use super::instead::{anew, checked, sealed, unsealed};
use super::tenants::{bar, step, table, typed};
use super::values::kid;
use crate::keyring::Keyring;
use crate::model::{Oid, TenantId, ValueKind};
use crate::plan::{quoted, row_tenant_sql};
use crate::rules::{ColumnState, ProtectedColumn, ProtectedTable, Protection, Scope};

/// Values that are read, changed and written together.
const BATCH: i32 = 500;
/// What was changed by others meanwhile is looked for again so often.
const PASSES: usize = 5;

const COMPARED: &str = "it is searchable: say state = \"rotating\" in its rule and reload every pgseal, so that nothing is compared meanwhile";

/// What is done with the values of a table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Plaintext is sealed.
    Seal,
    /// What is sealed is sealed anew, by the keys and in the suite that the rule asks for now.
    Rotate,
    /// What is sealed becomes plaintext.
    Unseal,
    /// Everything is opened, nothing is changed.
    Verify,
}

/// What is asked for.
pub struct Wanted<'w> {
    /// What is to be done.
    pub task: Task,
    /// `schema.table`, or `table` of the schema public.
    pub table: &'w str,
    /// Only counts.
    pub dry_run: bool,
    /// At most so many values a second; 0: no limit.
    pub pace: u32,
    /// JSON lines instead of a table.
    pub as_json: bool,
    /// The table's name once more, where it must be typed; otherwise it is asked for.
    pub confirmed: Option<&'w str>,
}

/// What became of one column's values.
#[derive(Default)]
pub(super) struct Count {
    column: String,
    pub(super) done: u64,
    left: u64,
    reasons: BTreeMap<String, u64>,
}

impl Count {
    pub(super) fn fails(&mut self, reason: &str) {
        *self.reasons.entry(reason.to_owned()).or_default() += 1;
    }
}

/// A value in place of which another one is to stand.
pub(super) struct Instead {
    pub(super) ctid: String,
    pub(super) version: String,
    /// In the text form of its type.
    pub(super) value: Zeroizing<String>,
}

/// One column of one table.
pub(super) struct Column<'w> {
    pub(super) keyring: &'w Keyring,
    pub(super) table: &'w ProtectedTable,
    pub(super) column: &'w ProtectedColumn,
    writer: &'w Client,
    wanted: &'w Wanted<'w>,
}

/// Does what is wanted with a table and its partitions; gives what is to be printed, and whether nothing is left to do.
///
/// # Errors
/// Why not, in words for the operator.
pub async fn work(
    (reader, writer): (&mut Client, &Client),
    keyring: &Keyring,
    protection: &Protection,
    wanted: &Wanted<'_>,
) -> Result<(String, bool), String> {
    let mut columns = Vec::new();
    for table in family(writer, protection, wanted.table).await? {
        let own = table.columns.iter();
        let own = own.filter(|column| wanted.task.concerns(column));
        columns.extend(own.map(|column| Column {
            keyring,
            table,
            column,
            writer,
            wanted,
        }));
    }
    if columns.is_empty() {
        return Err(wanted.task.idle(wanted.table));
    }
    if wanted.task == Task::Unseal && !wanted.dry_run {
        unfenced(&columns).await?;
        confirm(&columns).await?;
    }
    let mut counts = Vec::new();
    for column in &columns {
        counts.push(column.run(reader).await?);
    }
    let done = counts.iter().all(|count| count.left == 0);
    Ok((text(&counts, wanted), done))
}

impl Task {
    fn concerns(self, column: &ProtectedColumn) -> bool {
        let unsealing = column.state == ColumnState::Unsealing;
        match self {
            Self::Seal | Self::Rotate => !unsealing,
            Self::Unseal => unsealing,
            Self::Verify => true,
        }
    }

    /// Why no column of a table is concerned.
    fn idle(self, table: &str) -> String {
        match self {
            Self::Unseal => format!(
                "no column of {table} has state = \"unsealing\": say it in the rule and reload every pgseal first, so that nothing is sealed meanwhile"
            ),
            Self::Seal | Self::Rotate | Self::Verify => {
                format!("the rule of {table} unseals all its columns")
            }
        }
    }

    /// What was done to the values.
    fn done(self) -> &'static str {
        match self {
            Self::Seal => "sealed",
            Self::Rotate => "rotated",
            Self::Unseal => "unsealed",
            Self::Verify => "opened",
        }
    }
}

/// The protected tables of this name: itself, and what inherits from it.
async fn family<'p>(
    client: &Client,
    protection: &'p Protection,
    name: &str,
) -> Result<Vec<&'p ProtectedTable>, String> {
    const FAMILY: &str = "WITH RECURSIVE family AS (SELECT $1::oid AS oid UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i \
        JOIN family f ON i.inhparent = f.oid) SELECT oid FROM family ORDER BY oid";
    let (schema, own) = name.split_once('.').unwrap_or(("public", name));
    let mut tables = protection.tables.values();
    let root = tables.find(|table| table.schema == schema && table.name == own);
    let root = root.ok_or_else(|| unruled(schema, own, protection))?;
    let rows = client.query(FAMILY, &[&root.oid.0]).await.map_err(said)?;
    let oids = rows.iter().map(|row| Oid(row.get(0)));
    Ok(oids
        .filter_map(|oid| protection.tables.get(&oid).map(AsRef::as_ref))
        .collect())
}

/// That a table has no rule, and which have one: the name may be a slip.
fn unruled(schema: &str, table: &str, protection: &Protection) -> String {
    let names = protection
        .tables
        .values()
        .map(|table| (&table.schema, &table.name));
    let ruled = names.filter(|(schema, name)| {
        let name = ((*schema).clone(), (*name).clone());
        protection.roots.contains_key(&name)
    });
    let mut ruled: Vec<String> = ruled
        .map(|(schema, name)| format!("{schema}.{name}"))
        .collect();
    ruled.sort();
    match ruled.as_slice() {
        [] => format!("{schema}.{table} has no rule, and no other table of this database has one"),
        ruled => format!(
            "{schema}.{table} has no rule: rules are of {}",
            ruled.join(", ")
        ),
    }
}

/// Refuses to write plaintext against constraints of `pgseal fence`: each row would fail, and stand in the server's log.
async fn unfenced(columns: &[Column<'_>]) -> Result<(), String> {
    const FENCED: &str =
        "SELECT 1 FROM pg_catalog.pg_constraint WHERE conrelid = $1::oid AND conname = $2";
    let mut drops = Vec::new();
    for work in columns {
        let (table, column) = (work.table, work.column);
        let name = format!("pgseal_fence_{}", column.name);
        let found = work.writer.query_opt(FENCED, &[&table.oid.0, &name]).await;
        if found.map_err(said)?.is_some() {
            drops.push(format!(
                "ALTER TABLE {}.{} DROP CONSTRAINT {};",
                quoted(&table.schema),
                quoted(&table.name),
                quoted(&name)
            ));
        }
    }
    match drops.as_slice() {
        [] => Ok(()),
        drops => Err(format!(
            "the fence keeps plaintext out; take it down first:\n{}",
            drops.join("\n")
        )),
    }
}

/// Lets the operator type the table's name before plaintext is written.
async fn confirm(columns: &[Column<'_>]) -> Result<(), String> {
    let mut all = 0;
    for column in columns {
        all += column.left().await?;
    }
    let Some(wanted) = columns
        .first()
        .map(|column| column.wanted)
        .filter(|_| all > 0)
    else {
        return Ok(());
    };
    let given = match wanted.confirmed {
        Some(given) => given.to_owned(),
        None => typed(
            &format!(
                "The plaintext of {all} values of {} will stand in the database, its WAL and its backups, for all who can read them.",
                wanted.table
            ),
            "Type the table's name to go on: ",
        )?,
    };
    match given == wanted.table {
        true => Ok(()),
        false => Err("not confirmed: nothing was unsealed".to_owned()),
    }
}

impl Column<'_> {
    async fn run(&self, reader: &mut Client) -> Result<Count, String> {
        let column = self.column;
        let mut count = Count {
            column: column.full_name(),
            left: self.left().await?,
            ..Count::default()
        };
        if self.wanted.dry_run || count.left == 0 {
            return Ok(count);
        }
        if self.wanted.task == Task::Rotate && column.is_comparable() {
            count.fails(COMPARED);
            return Ok(count);
        }
        let bar = bar("values");
        if self.wanted.task == Task::Verify {
            self.pass(reader, &mut count, &bar).await?;
            count.left = count.reasons.values().sum();
        } else {
            self.passes(reader, &mut count, &bar).await?;
        }
        bar.finish_and_clear();
        Ok(count)
    }

    async fn passes(
        &self,
        reader: &mut Client,
        count: &mut Count,
        bar: &ProgressBar,
    ) -> Result<(), String> {
        for _ in 0..PASSES {
            let before = count.done;
            count.reasons.clear();
            self.pass(reader, count, bar).await?;
            count.left = self.left().await?;
            if count.left == 0 || count.done == before {
                break;
            }
        }
        Ok(())
    }

    /// Goes once through the values that are there now.
    async fn pass(
        &self,
        reader: &mut Client,
        count: &mut Count,
        bar: &ProgressBar,
    ) -> Result<(), String> {
        let reading = format!("{} {}", self.reading(), self.concerned());
        let (started, all, mut seen) = (Instant::now(), count.left, 0_u64);
        let transaction = reader.transaction().await.map_err(said)?;
        let portal = transaction.bind(&reading, &[]).await.map_err(said)?;
        loop {
            let rows = transaction.query_portal(&portal, BATCH).await;
            let rows = rows.map_err(said)?;
            if rows.is_empty() {
                return Ok(());
            }
            seen += u64::try_from(rows.len()).unwrap_or(0);
            self.batch(&rows, count).await?;
            step(bar, seen.min(all), all);
            if let Some(due) = (seen * 1000).checked_div(u64::from(self.wanted.pace)) {
                let ahead = Duration::from_millis(due).saturating_sub(started.elapsed());
                tokio::time::sleep(ahead).await;
            }
        }
    }

    async fn batch(&self, rows: &[Row], count: &mut Count) -> Result<(), String> {
        let instead = match self.wanted.task {
            Task::Seal => sealed(self, rows, count).await?,
            Task::Rotate => anew(self, rows, count).await?,
            Task::Unseal => unsealed(self, rows, count).await,
            Task::Verify => return checked(self, rows, count).await,
        };
        self.store(&instead, count).await
    }

    /// The values that are to be looked at.
    fn concerned(&self) -> String {
        let table = format!(
            "{}.{}",
            quoted(&self.table.schema),
            quoted(&self.table.name)
        );
        let (value, kid) = (format!("v.{}", quoted(&self.column.name)), kid(self.column));
        match self.wanted.task {
            Task::Seal => {
                format!("FROM ONLY {table} v WHERE {value} IS NOT NULL AND {kid} IS NULL")
            }
            Task::Unseal => {
                format!("FROM ONLY {table} v WHERE {value} IS NOT NULL AND {kid} IS NOT NULL")
            }
            Task::Verify => format!("FROM ONLY {table} v WHERE {value} IS NOT NULL"),
            // What is not sealed at all counts too.
            Task::Rotate => {
                let (purpose, deployment) = match &self.column.search {
                    None => ("dek", false),
                    Some(search) => ("search", search.scope == Scope::Deployment),
                };
                format!(
                    "FROM ONLY {table} v LEFT JOIN pgseal.key k ON k.kid = {kid} WHERE {value} IS NOT NULL AND NOT coalesce(k.state = 'active' \
                     AND k.purpose = '{purpose}' AND (k.tenant = '{}') = {deployment}, false)",
                    TenantId::deployment(),
                )
            }
        }
    }

    /// Place and version of a row, its value's bytes, its tenant.
    fn reading(&self) -> String {
        let name = quoted(&self.column.name);
        let value = match self.column.kind {
            ValueKind::Bytea => format!("v.{name}"),
            ValueKind::Text | ValueKind::Json | ValueKind::Jsonb => {
                format!("convert_to(v.{name}::text, 'UTF8')")
            }
        };
        let tenant = row_tenant_sql(self.table, "v.");
        format!("SELECT v.ctid::text, v.xmin::text, {value}, {tenant}")
    }

    async fn left(&self) -> Result<u64, String> {
        let counting = format!("SELECT count(*) {}", self.concerned());
        let row = self.writer.query_one(&counting, &[]).await.map_err(said)?;
        Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or(0))
    }

    /// Stores a batch; where one value of it cannot be stored, each by itself.
    async fn store(&self, batch: &[Instead], count: &mut Count) -> Result<(), String> {
        match self.update(batch).await {
            Ok(stored) => count.done += stored,
            Err(cause) if self.writer.is_closed() => return Err(said(cause)),
            Err(_) => {
                for one in batch {
                    match self.update(std::slice::from_ref(one)).await {
                        Ok(stored) => count.done += stored,
                        Err(cause) if self.writer.is_closed() => return Err(said(cause)),
                        Err(cause) => count.fails(&said(cause)),
                    }
                }
            }
        }
        Ok(())
    }

    /// Replaces the values of rows whose version is still what was read. The reader's transaction keeps the table from
    /// being rewritten meanwhile, so that a place and a version mean one row.
    async fn update(&self, batch: &[Instead]) -> Result<u64, tokio_postgres::Error> {
        let column = self.column;
        let updating = format!(
            "UPDATE ONLY {}.{} v SET {} = n.value::{} FROM unnest($1::text[]::tid[], $2::text[]::xid[], $3::text[]) n (at, version, value) \
             WHERE v.ctid = n.at AND v.xmin = n.version",
            quoted(&self.table.schema),
            quoted(&self.table.name),
            quoted(&column.name),
            column.kind.type_name(),
        );
        let list = |of: fn(&Instead) -> &str| batch.iter().map(of).collect::<Vec<&str>>();
        let (at, version, value) = (
            list(|one| &one.ctid),
            list(|one| &one.version),
            list(|one| &one.value),
        );
        self.writer
            .execute(&updating, &[&at, &version, &value])
            .await
    }
}

fn said(cause: tokio_postgres::Error) -> String {
    // DETAIL may show values.
    cause
        .as_db_error()
        .map_or_else(|| cause.to_string(), |error| error.message().to_owned())
}

/// The counts, as JSON lines or a table.
fn text(counts: &[Count], wanted: &Wanted<'_>) -> String {
    let done = wanted.task.done();
    if wanted.as_json {
        let lines = counts.iter().map(|count| {
            json!({ "column": count.column, done: count.done, "left": count.left, "why": count.reasons }).to_string()
        });
        return lines.collect::<Vec<_>>().join("\n");
    }
    let rows = counts.iter().map(|count| {
        let reasons = count
            .reasons
            .iter()
            .map(|(reason, times)| format!("{times}: {reason}"));
        [
            count.column.clone(),
            count.done.to_string(),
            count.left.to_string(),
            reasons.collect::<Vec<_>>().join("; "),
        ]
    });
    table(["column", done, "left", "why"], rows)
}
