//! How many values each of a tenant's keys seals, counted in the tables themselves.

use tokio_postgres::Client;

use crate::model::ValueKind;
use crate::plan::quoted;
use crate::rules::{ProtectedColumn, Protection};

/// The values of one column under one key.
pub(super) struct Count {
    pub(super) table: String,
    pub(super) column: String,
    pub(super) kid: String,
    pub(super) values: i64,
}

/// Counts, column by column; `progress` is told how many columns are done, of how many.
///
/// # Errors
/// The column that cannot be read, and why.
pub(super) async fn count(
    client: &Client,
    protection: &Protection,
    tenant: &str,
    progress: &dyn Fn(u64, u64),
) -> Result<Vec<Count>, String> {
    let tables = protection.tables.values();
    let mut columns: Vec<&ProtectedColumn> = tables
        .flat_map(|table| table.columns.iter().map(AsRef::as_ref))
        .collect();
    columns.sort_by_key(|column| (&column.schema, &column.table, column.column.attnum));
    let all = u64::try_from(columns.len()).unwrap_or(u64::MAX);
    let mut counts = Vec::new();
    for (column, done) in columns.iter().zip(0..) {
        progress(done, all);
        let table = format!("{}.{}", column.schema, column.table);
        let rows = client
            .query(&statement(column), &[&tenant])
            .await
            .map_err(|cause| {
                let cause = cause
                    .as_db_error()
                    .map_or_else(|| cause.to_string(), |error| error.message().to_owned());
                format!(
                    "{table}.{} cannot be counted: {cause}; the keyring's role needs SELECT on it",
                    column.name
                )
            })?;
        counts.extend(rows.iter().map(|row| Count {
            table: table.clone(),
            column: column.name.clone(),
            kid: row.get(0),
            values: row.get(1),
        }));
    }
    progress(all, all);
    Ok(counts)
}

/// The key id of a column's value in `v`; NULL if it is not sealed. It stands at a fixed place (docs/format.md).
pub(super) fn kid(column: &ProtectedColumn) -> String {
    let value = format!("v.{}", quoted(&column.name));
    match column.kind {
        ValueKind::Bytea => kid_of_bytes(&value),
        ValueKind::Text => kid_of_token(&format!("{value}::text")),
        ValueKind::Json | ValueKind::Jsonb => kid_of_token(&format!("({value} #>> '{{}}')")),
    }
}

fn statement(column: &ProtectedColumn) -> String {
    let kid = kid(column);
    format!(
        "SELECT encode(k.kid, 'hex'), count(*) FROM ONLY {}.{} v JOIN pgseal.key k ON k.kid = {kid} \
         WHERE k.tenant = $1 GROUP BY k.kid ORDER BY k.kid",
        quoted(&column.schema),
        quoted(&column.table)
    )
}

fn kid_of_bytes(value: &str) -> String {
    format!(
        "(CASE substr({value}, 1, 4) WHEN '\\xf8737601'::bytea THEN substr({value}, 29, 8) \
         WHEN '\\xf8737602'::bytea THEN substr({value}, 21, 8) END)"
    )
}

fn kid_of_token(value: &str) -> String {
    let bytes =
        |chars: u8| format!("decode(translate(substr({value}, 4, {chars}), '-_', '+/'), 'base64')");
    format!(
        "(CASE WHEN {value} ~ '^~s1[A-Za-z0-9_-]{{44}}' THEN substr({}, 25, 8) \
         WHEN {value} ~ '^~s2[A-Za-z0-9_-]{{32}}' THEN substr({}, 17, 8) END)",
        bytes(44),
        bytes(32)
    )
}
