//! `pgseal seal`: plaintext in protected columns, from before they were, is sealed where it stands. `pgseal verify`: all that
//! stands there is opened.
//!
//! A row is changed only while its version is the one that was read, so that writers need not stop, and plaintext stands
//! in no statement. A run that was interrupted is run again: what is sealed is not found any more.

use std::time::{Duration, Instant};

use tokio_postgres::{Client, Row};

use super::rotate::{Count, Wanted, batch, family, said, text, type_name, written};
use super::tenants::{bar, step};
use super::values::{kid, quoted};
use crate::keyring::Keyring;
use crate::keys::KeyWants;
use crate::model::{Format, Plain, TenantId, ValueKind};
use crate::rules::{ProtectedColumn, ProtectedTable, Protection, Scope, Tenant};
use crate::seal::{self, BTREE_LIMIT, Nonces, Parsed, SealedValue};

/// What others changed meanwhile is looked for again so often.
const PASSES: usize = 5;

/// One column of one table.
struct Column<'w> {
    reader: &'w mut Client,
    writer: &'w Client,
    keyring: &'w Keyring,
    table: &'w ProtectedTable,
    column: &'w ProtectedColumn,
    wanted: &'w Wanted<'w>,
}

/// A value in place of which another one is to stand.
struct Sealing {
    ctid: String,
    version: String,
    sealed: String,
}

/// Seals what is not sealed in a table and its partitions; gives what is to be printed, and whether nothing is left to do.
///
/// # Errors
/// Why not, in words for the operator.
pub async fn seal(
    (reader, writer): (&mut Client, &Client),
    keyring: &Keyring,
    protection: &Protection,
    wanted: &Wanted<'_>,
) -> Result<(String, bool), String> {
    let mut counts = Vec::new();
    for table in family(writer, protection, wanted.table).await? {
        for column in &table.columns {
            let mut work = Column {
                reader,
                writer,
                keyring,
                table,
                column,
                wanted,
            };
            counts.push(work.seal().await?);
        }
    }
    let done = counts.iter().all(|count| count.left == 0);
    Ok((text(&counts, "sealed", wanted.as_json), done))
}

/// Opens all values of a table and its partitions; gives what is to be printed, and whether each could be opened.
///
/// # Errors
/// Why not, in words for the operator.
pub async fn verify(
    (reader, writer): (&mut Client, &Client),
    keyring: &Keyring,
    protection: &Protection,
    wanted: &Wanted<'_>,
) -> Result<(String, bool), String> {
    let mut counts = Vec::new();
    for table in family(writer, protection, wanted.table).await? {
        for column in &table.columns {
            let mut work = Column {
                reader,
                writer,
                keyring,
                table,
                column,
                wanted,
            };
            counts.push(work.verify().await?);
        }
    }
    let done = counts.iter().all(|count| count.left == 0);
    Ok((text(&counts, "opened", wanted.as_json), done))
}

impl Column<'_> {
    fn count(&self) -> Count {
        let column = self.column;
        Count {
            column: format!("{}.{}.{}", column.schema, column.table, column.name),
            ..Count::default()
        }
    }

    fn rows(&self) -> String {
        format!(
            "FROM ONLY {}.{} v WHERE v.{} IS NOT NULL",
            quoted(&self.table.schema),
            quoted(&self.table.name),
            quoted(&self.column.name)
        )
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
        let tenant = match &self.table.tenant {
            Tenant::Column { name, .. } => format!("v.{}::text", quoted(name)),
            Tenant::Parent {
                schema,
                table_name,
                on,
                key,
                column,
                ..
            } => format!(
                "(SELECT p.{}::text FROM {}.{} p WHERE p.{} = v.{})",
                quoted(column),
                quoted(schema),
                quoted(table_name),
                quoted(key),
                quoted(on)
            ),
            Tenant::Setting(_) | Tenant::Constant(_) => "NULL::text".to_owned(),
        };
        format!("SELECT v.ctid::text, v.xmin::text, {value}, {tenant}")
    }

    async fn left(&self, rows: &str) -> Result<u64, String> {
        let counting = format!("SELECT count(*) {rows}");
        let row = self.writer.query_one(&counting, &[]).await.map_err(said)?;
        Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or(0))
    }

    async fn seal(&mut self) -> Result<Count, String> {
        let mut count = self.count();
        let rows = format!("{} AND {} IS NULL", self.rows(), kid(self.column));
        count.left = self.left(&rows).await?;
        if self.wanted.dry_run {
            return Ok(count);
        }
        let bar = bar("values");
        for _ in 0..PASSES {
            if count.left == 0 {
                break;
            }
            let before = count.done;
            count.reasons.clear();
            self.pass(&rows, &mut count, &bar).await?;
            count.left = self.left(&rows).await?;
            if count.done == before {
                break;
            }
        }
        bar.finish_and_clear();
        Ok(count)
    }

    /// Goes once through the plaintext that is there now.
    async fn pass(
        &mut self,
        rows: &str,
        count: &mut Count,
        bar: &indicatif::ProgressBar,
    ) -> Result<(), String> {
        let reading = format!("{} {rows}", self.reading());
        let (started, all) = (Instant::now(), count.left);
        let transaction = self.reader.transaction().await.map_err(said)?;
        let portal = transaction.bind(&reading, &[]).await.map_err(said)?;
        let mut seen = 0_u64;
        loop {
            let rows = batch(&transaction, &portal).await?;
            if rows.is_empty() {
                return Ok(());
            }
            seen += u64::try_from(rows.len()).unwrap_or(0);
            let sealed = sealed(self.keyring, self.table, self.column, &rows, count).await?;
            store(self.writer, self.column, &sealed, count).await?;
            step(bar, seen.min(all), all);
            if let Some(due) = (seen * 1000).checked_div(u64::from(self.wanted.pace)) {
                let ahead = Duration::from_millis(due).saturating_sub(started.elapsed());
                tokio::time::sleep(ahead).await;
            }
        }
    }

    async fn verify(&mut self) -> Result<Count, String> {
        let mut count = self.count();
        let rows = self.rows();
        count.left = self.left(&rows).await?;
        if self.wanted.dry_run {
            return Ok(count);
        }
        let (bar, all) = (bar("values"), count.left);
        let reading = format!("{} {rows}", self.reading());
        let started = Instant::now();
        let transaction = self.reader.transaction().await.map_err(said)?;
        let portal = transaction.bind(&reading, &[]).await.map_err(said)?;
        let mut seen = 0_u64;
        loop {
            let rows = batch(&transaction, &portal).await?;
            if rows.is_empty() {
                break;
            }
            seen += u64::try_from(rows.len()).unwrap_or(0);
            opened(self.keyring, self.table, self.column, &rows, &mut count).await;
            step(&bar, seen.min(all), all);
            if let Some(due) = (seen * 1000).checked_div(u64::from(self.wanted.pace)) {
                let ahead = Duration::from_millis(due).saturating_sub(started.elapsed());
                tokio::time::sleep(ahead).await;
            }
        }
        bar.finish_and_clear();
        count.left = count.reasons.values().sum();
        Ok(count)
    }
}

fn parsed(column: &ProtectedColumn, stored: &[u8]) -> Result<Parsed, seal::SealError> {
    let format = match column.kind {
        ValueKind::Bytea => Format::Binary,
        ValueKind::Text | ValueKind::Json | ValueKind::Jsonb => Format::Text,
    };
    seal::parse(column.kind, format, stored)
}

/// Whose row it is, as far as its table says it.
fn owner(table: &ProtectedTable, row: Option<&str>) -> Option<TenantId> {
    match &table.tenant {
        Tenant::Constant(tenant) => Some(tenant.clone()),
        Tenant::Column { .. } | Tenant::Parent { .. } => row.and_then(TenantId::new),
        Tenant::Setting(_) => None,
    }
}

/// Seals what is plaintext among these rows; what cannot be sealed is counted by reason.
async fn sealed(
    keyring: &Keyring,
    table: &ProtectedTable,
    column: &ProtectedColumn,
    rows: &[Row],
    count: &mut Count,
) -> Result<Vec<Sealing>, String> {
    let deployment = matches!(&column.search, Some(search) if search.scope == Scope::Deployment);
    let mut found: Vec<(&Row, Plain, TenantId)> = Vec::new();
    for row in rows {
        let stored: Vec<u8> = row.get(2);
        let tenant = match deployment {
            true => Some(TenantId::deployment()),
            false => owner(table, row.get(3)),
        };
        match (parsed(column, &stored), tenant) {
            (Ok(Parsed::NotSealed), Some(tenant)) => found.push((row, Plain::new(stored), tenant)),
            (Ok(Parsed::NotSealed), None) => {
                count.fails("its row does not say its tenant: write it anew through pgseal");
            }
            // Somebody has sealed it meanwhile.
            (Ok(Parsed::Sealed(_)), _) => {}
            (Err(cause), _) => count.fails(&cause.to_string()),
        }
    }
    let tenants = found.iter().map(|(_, _, tenant)| tenant.clone()).collect();
    let mut wants = KeyWants::default();
    match column.search {
        None => wants.seal = tenants,
        Some(_) => wants.search = tenants,
    }
    let answers = keyring.fetch(wants).await;
    let keys = match column.search {
        None => answers.active,
        Some(_) => answers.search,
    };
    let mut nonces = Nonces::from_os().map_err(|cause| cause.to_string())?;
    let mut all = Vec::new();
    for (row, plain, tenant) in found {
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
            Ok(sealed) if column.search.is_some() && sealed.len() > BTREE_LIMIT => {
                count.fails("it is too long to be searched");
            }
            Ok(sealed) => all.push(Sealing {
                ctid: row.get(0),
                version: row.get(1),
                sealed,
            }),
            Err(cause) => count.fails(&cause.to_string()),
        }
    }
    Ok(all)
}

/// Opens what stands in these rows; what cannot be opened is counted by reason.
async fn opened(
    keyring: &Keyring,
    table: &ProtectedTable,
    column: &ProtectedColumn,
    rows: &[Row],
    count: &mut Count,
) {
    let mut found: Vec<(&Row, SealedValue)> = Vec::new();
    for row in rows {
        match parsed(column, row.get(2)) {
            Ok(Parsed::Sealed(value)) => found.push((row, value)),
            Ok(Parsed::NotSealed) => count.fails("it is not sealed"),
            Err(cause) => count.fails(&cause.to_string()),
        }
    }
    let wants = KeyWants {
        open: found.iter().map(|(_, value)| value.kid()).collect(),
        ..KeyWants::default()
    };
    let keys = keyring.fetch(wants).await.by_kid;
    for (row, value) in found {
        let key = match keys.get(&value.kid()) {
            Some(Ok(key)) => key,
            Some(Err(refusal)) => {
                count.fails(&refusal.message);
                continue;
            }
            None => continue,
        };
        let own = owner(table, row.get(3));
        let theirs =
            key.tenant != TenantId::deployment() && own.is_some_and(|own| own != key.tenant);
        match seal::open(key, &column.label, column.domain(), &value) {
            Ok(_) if theirs => count.fails("it belongs to another tenant than its row"),
            Ok(_) => count.done += 1,
            Err(cause) => count.fails(&cause.to_string()),
        }
    }
}

/// Stores a batch; where one value of it cannot be stored, each by itself.
async fn store(
    client: &Client,
    column: &ProtectedColumn,
    batch: &[Sealing],
    count: &mut Count,
) -> Result<(), String> {
    match update(client, column, batch).await {
        Ok(stored) => count.done += stored,
        Err(cause) if client.is_closed() => return Err(said(cause)),
        Err(_) => {
            for one in batch {
                match update(client, column, std::slice::from_ref(one)).await {
                    Ok(stored) => count.done += stored,
                    Err(cause) if client.is_closed() => return Err(said(cause)),
                    Err(cause) => count.fails(&said(cause)),
                }
            }
        }
    }
    Ok(())
}

/// Replaces the values of rows whose version is still what was read. The reader's transaction keeps the table from being
/// rewritten meanwhile, so that a place and a version mean one row.
async fn update(
    client: &Client,
    column: &ProtectedColumn,
    batch: &[Sealing],
) -> Result<u64, tokio_postgres::Error> {
    let updating = format!(
        "UPDATE ONLY {}.{} v SET {} = n.sealed::{} FROM unnest($1::text[]::tid[], $2::text[]::xid[], $3::text[]) n (at, version, sealed) \
         WHERE v.ctid = n.at AND v.xmin = n.version",
        quoted(&column.schema),
        quoted(&column.table),
        quoted(&column.name),
        type_name(column.kind),
    );
    let list = |of: fn(&Sealing) -> &str| batch.iter().map(of).collect::<Vec<&str>>();
    let (at, version, sealed) = (
        list(|one| &one.ctid),
        list(|one| &one.version),
        list(|one| &one.sealed),
    );
    client.execute(&updating, &[&at, &version, &sealed]).await
}
