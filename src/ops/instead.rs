//! What is to stand in the place of the values of some rows: sealed, sealed anew, or in plaintext.

use tokio_postgres::Row;
use zeroize::Zeroizing;

use super::table::{Column, Count, Instead};
use crate::keys::KeyWants;
use crate::model::{Format, Plain, TenantId, ValueKind};
use crate::rules::{ColumnState, ProtectedTable, Scope, Tenant};
use crate::seal::{self, BTREE_LIMIT, Nonces, Parsed, Sealed, SealedValue};

/// A value and the row that it stands in.
struct Found<'r> {
    row: &'r Row,
    plain: Plain,
    /// Whose key sealed it, or is to.
    tenant: TenantId,
}

/// Seals what is plaintext among these rows; what cannot be sealed is counted by reason.
pub(super) async fn sealed(
    work: &Column<'_>,
    rows: &[Row],
    count: &mut Count,
) -> Result<Vec<Instead>, String> {
    let mut found: Vec<Found<'_>> = Vec::new();
    for row in rows {
        let stored: Vec<u8> = row.get(2);
        let tenant = match work.is_of_all() {
            true => Some(TenantId::deployment()),
            false => owner(work.table, row),
        };
        match (work.parsed(&stored), tenant) {
            (Ok(Parsed::NotSealed), Some(tenant)) => found.push(Found {
                row,
                plain: Plain::new(stored),
                tenant,
            }),
            (Ok(Parsed::NotSealed), None) => {
                count.fails("its row does not say its tenant: write it anew through pgseal");
            }
            // Somebody has sealed it meanwhile.
            (Ok(Parsed::Sealed(_)), _) => {}
            (Err(cause), _) => count.fails(&cause.to_string()),
        }
    }
    work.seal_all(found, count).await
}

/// Opens values and seals them as the column's rule asks for; what cannot be is counted by reason.
pub(super) async fn anew(
    work: &Column<'_>,
    rows: &[Row],
    count: &mut Count,
) -> Result<Vec<Instead>, String> {
    let mut found = Vec::new();
    for mut value in work.opened(rows, count).await {
        let sealed_for_all = value.tenant == TenantId::deployment();
        value.tenant = match (work.is_of_all(), owner(work.table, value.row)) {
            (true, _) => TenantId::deployment(),
            (false, Some(own)) => own,
            (false, None) if !sealed_for_all => value.tenant,
            (false, None) => {
                count.fails("its tenant does not stand in its row: write it anew through pgseal");
                continue;
            }
        };
        found.push(value);
    }
    work.seal_all(found, count).await
}

/// Opens values, for plaintext to stand in their places.
pub(super) async fn unsealed(work: &Column<'_>, rows: &[Row], count: &mut Count) -> Vec<Instead> {
    let mut all = Vec::new();
    for Found { row, plain, .. } in work.opened(rows, count).await {
        let text = seal::present(work.column.kind, Format::Text, plain);
        match String::from_utf8(text) {
            Ok(value) => all.push(instead(row, Zeroizing::new(value))),
            Err(cause) => {
                drop(Plain::new(cause.into_bytes()));
                count.fails("it is no text");
            }
        }
    }
    all
}

/// Opens values, and nothing else.
pub(super) async fn checked(
    work: &Column<'_>,
    rows: &[Row],
    count: &mut Count,
) -> Result<(), String> {
    let opened = work.opened(rows, count).await.len();
    count.done += u64::try_from(opened).unwrap_or(0);
    Ok(())
}

impl Column<'_> {
    /// Whether its values are sealed by the key of the deployment.
    fn is_of_all(&self) -> bool {
        matches!(&self.column.search, Some(search) if search.scope == Scope::Deployment)
    }

    fn parsed(&self, stored: &[u8]) -> Result<Parsed, seal::SealError> {
        let format = match self.column.kind {
            ValueKind::Bytea => Format::Binary,
            ValueKind::Text | ValueKind::Json | ValueKind::Jsonb => Format::Text,
        };
        seal::parse(self.column.kind, format, stored)
    }

    /// The values of these rows with the tenants whose keys sealed them; what cannot be opened is counted by reason.
    async fn opened<'r>(&self, rows: &'r [Row], count: &mut Count) -> Vec<Found<'r>> {
        let mut sealed: Vec<(&Row, SealedValue)> = Vec::new();
        for row in rows {
            match self.parsed(row.get(2)) {
                Ok(Parsed::Sealed(value)) => sealed.push((row, value)),
                Ok(Parsed::NotSealed) if self.column.state == ColumnState::Unsealing => {}
                Ok(Parsed::NotSealed) => count.fails("it is not sealed"),
                Err(cause) => count.fails(&cause.to_string()),
            }
        }
        let wants = KeyWants {
            open: sealed.iter().map(|(_, value)| value.kid()).collect(),
            ..KeyWants::default()
        };
        let keys = self.keyring.fetch(wants).await.by_kid;
        let mut found = Vec::new();
        for (row, value) in sealed {
            let key = match keys.get(&value.kid()) {
                Some(Ok(key)) => key,
                Some(Err(refusal)) => {
                    count.fails(&refusal.message);
                    continue;
                }
                None => continue,
            };
            let own = owner(self.table, row);
            let theirs =
                key.tenant != TenantId::deployment() && own.is_some_and(|own| own != key.tenant);
            match seal::open(key, &self.column.label, self.column.domain(), &value) {
                Ok(_) if theirs => count.fails("it belongs to another tenant than its row"),
                Ok(plain) => found.push(Found {
                    row,
                    plain,
                    tenant: key.tenant.clone(),
                }),
                Err(cause) => count.fails(&cause.to_string()),
            }
        }
        found
    }

    /// Seals values as the column's rule asks for, each for its tenant.
    async fn seal_all(
        &self,
        found: Vec<Found<'_>>,
        count: &mut Count,
    ) -> Result<Vec<Instead>, String> {
        let column = self.column;
        let tenants = found.iter().map(|value| value.tenant.clone()).collect();
        let mut wants = KeyWants::default();
        match column.search {
            None => wants.seal = tenants,
            Some(_) => wants.search = tenants,
        }
        let answers = self.keyring.fetch(wants).await;
        let keys = match column.search {
            None => answers.active,
            Some(_) => answers.search,
        };
        let mut nonces = Nonces::from_os().map_err(|cause| cause.to_string())?;
        let mut all = Vec::new();
        for Found { row, plain, tenant } in found {
            let sealed = match (keys.get(&tenant), &column.search) {
                (Some(Ok(key)), None) => seal::seal(key, &column.label, &plain, &mut nonces),
                (Some(Ok(key)), Some(search)) => seal::seal_searchable(key, &search.domain, &plain),
                (Some(Err(refusal)), _) => {
                    count.fails(&refusal.message);
                    continue;
                }
                (None, _) => continue,
            };
            match sealed.map(|sealed| written(&sealed, column.kind)) {
                Ok(sealed) if column.search.is_some() && sealed.len() > BTREE_LIMIT => {
                    count.fails("it is too long to be searched");
                }
                Ok(sealed) => all.push(instead(row, Zeroizing::new(sealed))),
                Err(cause) => count.fails(&cause.to_string()),
            }
        }
        Ok(all)
    }
}

fn instead(row: &Row, value: Zeroizing<String>) -> Instead {
    Instead {
        ctid: row.get(0),
        version: row.get(1),
        value,
    }
}

/// Whose row it is, as far as its table says it.
fn owner(table: &ProtectedTable, row: &Row) -> Option<TenantId> {
    match &table.tenant {
        Tenant::Constant(tenant) => Some(tenant.clone()),
        Tenant::Column { .. } | Tenant::Parent { .. } => {
            row.get::<_, Option<&str>>(3).and_then(TenantId::new)
        }
        Tenant::Setting(_) => None,
    }
}

/// As PostgreSQL's text form of the column's type.
fn written(sealed: &Sealed, kind: ValueKind) -> String {
    String::from_utf8_lossy(&sealed.to_wire(kind, Format::Text)).into_owned()
}
