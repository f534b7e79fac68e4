//! `pgseal rotate`: a table's values sealed anew, by the keys and in the suite that its rule asks for now.
//!
//! A value is replaced where it is still the one that was read, so that writers need not stop, and a run that was
//! interrupted is run again: what is done is not found any more.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio_postgres::{Client, Row, Transaction};

use super::tenants::{bar, step, table};
use super::values::{kid, quoted};
use crate::keyring::Keyring;
use crate::keys::KeyWants;
use crate::model::{Format, Oid, Plain, TenantId, ValueKind};
use crate::rules::{ProtectedColumn, ProtectedTable, Protection, Scope, Tenant};
use crate::seal::{self, BTREE_LIMIT, Nonces, Parsed, Sealed, SealedValue};

/// Values that are read, sealed and written together.
const BATCH: i32 = 500;
/// What was changed by others meanwhile is looked for again so often.
const PASSES: usize = 5;

const COMPARED: &str = "it is searchable: say state = \"rotating\" in its rule and reload every pgseal, so that nothing is compared meanwhile";

/// What is asked for.
pub struct Wanted<'w> {
    /// `schema.table`, or `table` of the schema public.
    pub table: &'w str,
    /// Only counts.
    pub dry_run: bool,
    /// At most so many values a second; 0: no limit.
    pub pace: u32,
    /// JSON lines instead of a table.
    pub as_json: bool,
}

/// What became of one column's values.
#[derive(Default)]
pub(super) struct Count {
    pub(super) column: String,
    pub(super) done: u64,
    pub(super) left: u64,
    pub(super) reasons: BTreeMap<String, u64>,
}

impl Count {
    pub(super) fn fails(&mut self, reason: &str) {
        *self.reasons.entry(reason.to_owned()).or_default() += 1;
    }
}

/// A value to be sealed anew.
struct Found {
    ctid: String,
    stored: String,
    tenant: Option<String>,
    value: SealedValue,
}

/// One column of one table.
struct Work<'w> {
    reader: &'w mut Client,
    writer: &'w Client,
    keyring: &'w Keyring,
    table: &'w ProtectedTable,
    column: &'w ProtectedColumn,
    wanted: &'w Wanted<'w>,
}

/// Rotates a table and its partitions; gives what is to be printed, and whether nothing is left to do.
///
/// # Errors
/// Why not, in words for the operator.
pub async fn rotate(
    (reader, writer): (&mut Client, &Client),
    keyring: &Keyring,
    protection: &Protection,
    wanted: &Wanted<'_>,
) -> Result<(String, bool), String> {
    let mut counts = Vec::new();
    for table in family(writer, protection, wanted.table).await? {
        for column in &table.columns {
            let mut work = Work {
                reader,
                writer,
                keyring,
                table,
                column,
                wanted,
            };
            counts.push(work.run().await?);
        }
    }
    let done = counts.iter().all(|count| count.left == 0);
    Ok((text(&counts, "rotated", wanted.as_json), done))
}

/// The protected tables of this name: itself, and what inherits from it.
pub(super) async fn family<'p>(
    client: &Client,
    protection: &'p Protection,
    name: &str,
) -> Result<Vec<&'p ProtectedTable>, String> {
    const FAMILY: &str = "WITH RECURSIVE family AS (SELECT $1::oid AS oid UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i \
        JOIN family f ON i.inhparent = f.oid) SELECT oid FROM family ORDER BY oid";
    let (schema, own) = name.split_once('.').unwrap_or(("public", name));
    let mut tables = protection.tables.values();
    let root = tables.find(|table| table.schema == schema && table.name == own);
    let root = root.ok_or_else(|| format!("{schema}.{own} has no rule"))?;
    let rows = client.query(FAMILY, &[&root.oid.0]).await.map_err(said)?;
    let oids = rows.iter().map(|row| Oid(row.get(0)));
    Ok(oids
        .filter_map(|oid| protection.tables.get(&oid).map(AsRef::as_ref))
        .collect())
}

impl Work<'_> {
    async fn run(&mut self) -> Result<Count, String> {
        let column = self.column;
        let mut count = Count {
            column: format!("{}.{}.{}", column.schema, column.table, column.name),
            ..Count::default()
        };
        count.left = self.left().await?;
        if self.wanted.dry_run {
            return Ok(count);
        }
        if count.left > 0 && column.is_comparable() {
            count.fails(COMPARED);
            return Ok(count);
        }
        let bar = bar("values");
        for _ in 0..PASSES {
            if count.left == 0 {
                break;
            }
            let before = count.done;
            count.reasons.clear();
            self.pass(&mut count, &bar).await?;
            count.left = self.left().await?;
            if count.done == before {
                break;
            }
        }
        bar.finish_and_clear();
        Ok(count)
    }

    fn value(&self) -> String {
        format!("v.{}", quoted(&self.column.name))
    }

    /// Values that are not sealed as the rule asks for now; those that are not sealed at all count too.
    fn stale(&self) -> String {
        let (purpose, deployment) = match &self.column.search {
            None => ("dek", false),
            Some(search) => ("search", search.scope == Scope::Deployment),
        };
        format!(
            "FROM ONLY {}.{} v LEFT JOIN pgseal.key k ON k.kid = {} WHERE {} IS NOT NULL AND NOT coalesce(k.state = 'active' \
             AND k.purpose = '{purpose}' AND (k.tenant = '{}') = {deployment}, false)",
            quoted(&self.table.schema),
            quoted(&self.table.name),
            kid(self.column),
            self.value(),
            TenantId::deployment(),
        )
    }

    async fn left(&self) -> Result<u64, String> {
        let counting = format!("SELECT count(*) {}", self.stale());
        let row = self.writer.query_one(&counting, &[]).await.map_err(said)?;
        Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or(0))
    }

    /// Goes through the table once, as it is now.
    async fn pass(
        &mut self,
        count: &mut Count,
        bar: &indicatif::ProgressBar,
    ) -> Result<(), String> {
        let tenant = match &self.table.tenant {
            Tenant::Column { name, .. } => format!("v.{}::text", quoted(name)),
            Tenant::Setting(_) | Tenant::Constant(_) | Tenant::Parent { .. } => {
                "NULL::text".to_owned()
            }
        };
        let reading = format!(
            "SELECT v.ctid::text, {}::text, {tenant} {}",
            self.value(),
            self.stale()
        );
        let (started, all) = (Instant::now(), count.left);
        let (writer, keyring, table, column) = (self.writer, self.keyring, self.table, self.column);
        let transaction = self.reader.transaction().await.map_err(said)?;
        let portal = transaction.bind(&reading, &[]).await.map_err(said)?;
        let mut seen = 0_u64;
        loop {
            let rows = batch(&transaction, &portal).await?;
            if rows.is_empty() {
                return Ok(());
            }
            seen += u64::try_from(rows.len()).unwrap_or(0);
            let sealed = sealed_anew(keyring, table, column, &rows, count).await?;
            store(writer, column, &sealed, count).await?;
            step(bar, seen.min(all), all);
            if let Some(due) = (seen * 1000).checked_div(u64::from(self.wanted.pace)) {
                let ahead = Duration::from_millis(due).saturating_sub(started.elapsed());
                tokio::time::sleep(ahead).await;
            }
        }
    }
}

pub(super) async fn batch(
    transaction: &Transaction<'_>,
    portal: &tokio_postgres::Portal,
) -> Result<Vec<Row>, String> {
    transaction.query_portal(portal, BATCH).await.map_err(said)
}

/// A value's place, what stands there, and what is to stand there.
struct Anew {
    ctid: String,
    stored: String,
    sealed: String,
}

/// Opens values and seals them as the column's rule asks for; what cannot be is counted by reason.
async fn sealed_anew(
    keyring: &Keyring,
    table: &ProtectedTable,
    column: &ProtectedColumn,
    rows: &[Row],
    count: &mut Count,
) -> Result<Vec<Anew>, String> {
    let mut found = Vec::new();
    for row in rows {
        let stored: String = row.get(1);
        match seal::parse(column.kind, Format::Text, stored.as_bytes()) {
            Ok(Parsed::Sealed(value)) => found.push(Found {
                ctid: row.get(0),
                stored,
                tenant: row.get(2),
                value,
            }),
            Ok(Parsed::NotSealed) => count.fails("it is not sealed: write it through pgseal"),
            Err(cause) => count.fails(&cause.to_string()),
        }
    }
    let wants = KeyWants {
        open: found.iter().map(|found| found.value.kid()).collect(),
        ..KeyWants::default()
    };
    let keys = keyring.fetch(wants).await.by_kid;
    let mut opened: Vec<(Found, Plain, TenantId)> = Vec::new();
    for found in found {
        let key = match keys.get(&found.value.kid()) {
            Some(Ok(key)) => key,
            Some(Err(refusal)) => {
                count.fails(&refusal.message);
                continue;
            }
            None => continue,
        };
        let plain = seal::open(key, &column.label, column.domain(), &found.value);
        let tenant = owner(table, column, &key.tenant, found.tenant.as_deref());
        match (plain, tenant) {
            (Ok(plain), Ok(tenant)) => opened.push((found, plain, tenant)),
            (Err(cause), _) => count.fails(&cause.to_string()),
            (_, Err(reason)) => count.fails(reason),
        }
    }
    let tenants = opened.iter().map(|(_, _, tenant)| tenant.clone()).collect();
    let (wants, searchable) = match column.search {
        None => (
            KeyWants {
                seal: tenants,
                ..KeyWants::default()
            },
            false,
        ),
        Some(_) => (
            KeyWants {
                search: tenants,
                ..KeyWants::default()
            },
            true,
        ),
    };
    let answers = keyring.fetch(wants).await;
    let keys = match searchable {
        true => answers.search,
        false => answers.active,
    };
    let mut nonces = Nonces::from_os().map_err(|cause| cause.to_string())?;
    let mut anew = Vec::new();
    for (found, plain, tenant) in opened {
        let sealed = match (keys.get(&tenant), &column.search) {
            (Some(Ok(key)), None) => seal::seal(key, &column.label, &plain, &mut nonces),
            (Some(Ok(key)), Some(search)) => seal::seal_searchable(key, &search.domain, &plain),
            (Some(Err(refusal)), _) => {
                count.fails(&refusal.message);
                continue;
            }
            (None, _) => continue,
        };
        match sealed.map(|sealed| written(&sealed, column)) {
            Ok(sealed) if searchable && sealed.len() > BTREE_LIMIT => {
                count.fails("it is too long to be searched");
            }
            Ok(sealed) => anew.push(Anew {
                ctid: found.ctid,
                stored: found.stored,
                sealed,
            }),
            Err(cause) => count.fails(&cause.to_string()),
        }
    }
    Ok(anew)
}

/// Whose key is to seal a value that this key's tenant sealed.
fn owner(
    table: &ProtectedTable,
    column: &ProtectedColumn,
    sealed_by: &TenantId,
    row: Option<&str>,
) -> Result<TenantId, &'static str> {
    if matches!(&column.search, Some(search) if search.scope == Scope::Deployment) {
        return Ok(TenantId::deployment());
    }
    let own = match &table.tenant {
        Tenant::Constant(tenant) => Some(tenant.clone()),
        Tenant::Column { .. } => row.and_then(TenantId::new),
        Tenant::Setting(_) | Tenant::Parent { .. } => None,
    };
    match (own, *sealed_by == TenantId::deployment()) {
        (Some(own), true) => Ok(own),
        (Some(own), false) if own == *sealed_by => Ok(own),
        (Some(_), false) => Err("it belongs to another tenant than its row"),
        (None, false) => Ok(sealed_by.clone()),
        (None, true) => Err("its tenant does not stand in its row: write it anew through pgseal"),
    }
}

/// As PostgreSQL's text form of the column's type.
pub(super) fn written(sealed: &Sealed, column: &ProtectedColumn) -> String {
    String::from_utf8_lossy(&sealed.to_wire(column.kind, Format::Text)).into_owned()
}

/// Stores a batch; where one value of it cannot be stored, each by itself.
async fn store(
    client: &Client,
    column: &ProtectedColumn,
    batch: &[Anew],
    count: &mut Count,
) -> Result<(), String> {
    match update(client, column, batch).await {
        Ok(stored) => {
            count.done += stored;
            Ok(())
        }
        Err(cause) if client.is_closed() => Err(said(cause)),
        Err(_) => {
            for one in batch {
                match update(client, column, std::slice::from_ref(one)).await {
                    Ok(stored) => count.done += stored,
                    Err(cause) if client.is_closed() => return Err(said(cause)),
                    Err(cause) => count.fails(&said(cause)),
                }
            }
            Ok(())
        }
    }
}

/// Replaces values that are still what was read, at the place where they were.
async fn update(
    client: &Client,
    column: &ProtectedColumn,
    batch: &[Anew],
) -> Result<u64, tokio_postgres::Error> {
    let name = quoted(&column.name);
    let data_type = type_name(column.kind);
    let updating = format!(
        "UPDATE ONLY {}.{} v SET {name} = n.sealed::{data_type} FROM unnest($1::text[]::tid[], $2::text[], $3::text[]) n (at, stored, sealed) \
         WHERE v.ctid = n.at AND v.{name}::text = n.stored",
        quoted(&column.schema),
        quoted(&column.table),
    );
    let list = |of: fn(&Anew) -> &str| batch.iter().map(of).collect::<Vec<&str>>();
    let (at, stored, sealed) = (
        list(|one| &one.ctid),
        list(|one| &one.stored),
        list(|one| &one.sealed),
    );
    client.execute(&updating, &[&at, &stored, &sealed]).await
}

/// What PostgreSQL calls the type.
pub(super) fn type_name(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Text => "text",
        ValueKind::Json => "json",
        ValueKind::Jsonb => "jsonb",
        ValueKind::Bytea => "bytea",
    }
}

pub(super) fn said(cause: tokio_postgres::Error) -> String {
    // DETAIL may show values.
    cause
        .as_db_error()
        .map_or_else(|| cause.to_string(), |error| error.message().to_owned())
}

/// The counts, as JSON lines or a table; `done`: what was done to the values.
pub(super) fn text(counts: &[Count], done: &str, as_json: bool) -> String {
    if as_json {
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
