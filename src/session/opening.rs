//! Rows on their way to the client: which columns carry sealed values, and opening them.

use std::borrow::Cow;
use std::sync::Arc;

use crate::keys::{DataKey, KeyWants};
use crate::model::{ColumnRef, Format, KeyId, Oid, Refusal, ValueKind};
use crate::plan::{Lineage, Outputs, Planner, StatementPlan};
use crate::rules::{ColumnState, ProtectedColumn};
use crate::seal::{self, Parsed, SealedValue};
use crate::wire::message::{DataRow, Field, RowDescription};

use super::sealing::tenant_text;

/// One result column that may carry sealed values.
struct Column {
    index: usize,
    name: String,
    candidates: Vec<Arc<ProtectedColumn>>,
    strict: bool,
    kind: ValueKind,
    format: Format,
    /// The result column that holds the tenant of the same row, where exactly one does.
    tenant: Option<TenantField>,
}

#[derive(Clone, Copy)]
struct TenantField {
    index: usize,
    type_oid: Oid,
    format: Format,
}

/// What is to be opened in the rows of one result.
#[derive(Clone)]
pub(super) struct Opener {
    columns: Arc<[Column]>,
}

/// What became of a row.
pub(super) enum Row<'a> {
    /// Nothing in it is sealed.
    Unchanged,
    /// Its values, opened.
    Opened(Vec<Option<Cow<'a, [u8]>>>),
    /// It waits for these keys.
    Wants(KeyWants),
    /// It cannot be given to the client.
    Failed(Refusal),
}

/// A key as the session has it now: `None` when it must be asked for.
pub(super) type KeyOf<'a> = &'a dyn Fn(KeyId) -> Option<Result<Arc<DataKey>, Refusal>>;

impl Opener {
    /// From a result's RowDescription: its table OIDs are the first authority, the plan's lineage fills the zeros.
    ///
    /// # Errors
    /// When the plan's idea of an expression's columns does not fit what the server describes.
    pub(super) fn new(
        planner: &Planner,
        plan: &StatementPlan,
        row: &RowDescription<'_>,
    ) -> Result<Option<Self>, Refusal> {
        let Outputs::ByDescription { lineage } = &plan.outputs else {
            return Ok(None);
        };
        let mut columns = Vec::new();
        for (index, field) in row.fields.iter().enumerate() {
            let origin = match (field.table, lineage) {
                (Oid(0), Some(lineage)) if lineage.len() != row.fields.len() => {
                    return Err(changed(row.fields.len(), lineage.len()));
                }
                (Oid(0), Some(lineage)) => lineage.get(index).cloned(),
                (Oid(0), None) => None,
                (table, _) => planner.column(ColumnRef {
                    table,
                    attnum: field.attnum,
                }),
            };
            let (candidates, exact) = match origin {
                Some(Lineage::Exact(column)) => (vec![column], true),
                Some(Lineage::Maybe(columns)) => (columns, false),
                Some(Lineage::None) | None => continue,
            };
            let strict = exact
                && candidates
                    .iter()
                    .all(|column| column.state == ColumnState::Sealed);
            let Some(kind) = kind_of(field, &candidates) else {
                continue;
            };
            let tenant = tenant_field(planner, field, &row.fields);
            let name = String::from_utf8_lossy(field.name).into_owned();
            columns.push(Column {
                index,
                name,
                candidates,
                strict,
                kind,
                format: format_of(field.format),
                tenant,
            });
        }
        Ok((!columns.is_empty()).then(|| Self {
            columns: columns.into(),
        }))
    }

    /// Adds the keys of a row further on that are not here.
    pub(super) fn wants(
        &self,
        body: &[u8],
        row: &DataRow,
        key_of: KeyOf<'_>,
        wants: &mut KeyWants,
    ) {
        for column in self.columns.iter() {
            let range = row.values.get(column.index).cloned().flatten();
            // What is wrong with it is said when its turn comes.
            if let Some(Ok(Some(sealed))) = range
                .and_then(|range| body.get(range))
                .map(|bytes| column.parse(bytes))
                && key_of(sealed.kid()).is_none()
            {
                wants.open.insert(sealed.kid());
            }
        }
    }

    /// Opens one row's sealed values.
    pub(super) fn open<'a>(&self, body: &'a [u8], row: &DataRow, key_of: KeyOf<'_>) -> Row<'a> {
        let mut wants = KeyWants::default();
        let mut opened: Option<Vec<Option<Cow<'a, [u8]>>>> = None;
        let value = |index: usize| {
            row.values
                .get(index)
                .cloned()
                .flatten()
                .and_then(|range| body.get(range))
        };
        for column in self.columns.iter() {
            let Some(bytes) = value(column.index) else {
                continue;
            };
            let sealed = match column.parse(bytes) {
                Ok(Some(sealed)) => sealed,
                Ok(None) => continue,
                Err(refusal) => return Row::Failed(refusal),
            };
            let key = match key_of(sealed.kid()) {
                None => {
                    wants.open.insert(sealed.kid());
                    continue;
                }
                Some(Err(refusal)) => return Row::Failed(refusal),
                Some(Ok(key)) => key,
            };
            let tenant = column
                .tenant
                .and_then(|field| value(field.index).map(|bytes| (field, bytes)));
            let plain = match column.open(&key, &sealed, tenant) {
                Ok(plain) => plain,
                Err(refusal) => return Row::Failed(refusal),
            };
            let values = opened.get_or_insert_with(|| {
                (0..row.values.len())
                    .map(|index| value(index).map(Cow::Borrowed))
                    .collect()
            });
            if let Some(slot) = values.get_mut(column.index) {
                *slot = Some(Cow::Owned(plain));
            }
        }
        match opened {
            _ if !wants.is_empty() => Row::Wants(wants),
            Some(values) => Row::Opened(values),
            None => Row::Unchanged,
        }
    }
}

impl Column {
    fn parse(&self, bytes: &[u8]) -> Result<Option<SealedValue>, Refusal> {
        match seal::parse(self.kind, self.format, bytes) {
            Ok(Parsed::Sealed(value)) => Ok(Some(value)),
            Ok(Parsed::NotSealed) if self.strict => Err(self.refusal(
                "SV002",
                "is not sealed",
                "Somebody stored it past pgseal. Seal it, or set the column's state to \"migrating\". See docs/errors.md#sv002.",
            )),
            // Where other values may stand too, one that only begins like a sealed one is such a value.
            Ok(Parsed::NotSealed) => Ok(None),
            Err(_) if !self.strict => Ok(None),
            Err(_) => Err(self.damaged()),
        }
    }

    fn open(
        &self,
        key: &DataKey,
        sealed: &SealedValue,
        row_tenant: Option<(TenantField, &[u8])>,
    ) -> Result<Vec<u8>, Refusal> {
        if let Some((field, bytes)) = row_tenant
            && tenant_text(field.type_oid, field.format, bytes)
                .is_some_and(|tenant| tenant != key.tenant.as_str())
        {
            return Err(self.refusal(
                "SV008",
                "belongs to another tenant than its row",
                "The value was moved between rows. Restore it from where it belongs. See docs/errors.md#sv008.",
            ));
        }
        let plain = self
            .candidates
            .iter()
            .find_map(|column| seal::open(key, &column.label, sealed).ok());
        plain
            .map(|plain| seal::present(self.kind, self.format, &plain))
            .ok_or_else(|| self.damaged())
    }

    fn damaged(&self) -> Refusal {
        self.refusal(
            "SV001",
            "cannot be authenticated",
            "It was changed, cut short, or moved from another column. Restore the row from a backup. See docs/errors.md#sv001.",
        )
    }

    fn refusal(&self, sqlstate: &'static str, what: &str, hint: &str) -> Refusal {
        let named = self
            .candidates
            .first()
            .map(|c| format!("{}.{}.{}", c.schema, c.table, c.name))
            .unwrap_or_default();
        Refusal::new(sqlstate, format!("a value of {named} {what}"), hint).with_detail(format!(
            "It stands in result column \"{}\" (number {}).",
            self.name,
            self.index + 1
        ))
    }
}

fn changed(described: usize, planned: usize) -> Refusal {
    Refusal::new(
        "0A000",
        format!("the result has {described} columns where {planned} were planned"),
        "The table was changed meanwhile: run the statement again. See docs/errors.md#changed-meanwhile.",
    )
}

fn tenant_field(planner: &Planner, field: &Field<'_>, fields: &[Field<'_>]) -> Option<TenantField> {
    let attnum = planner.tenant_column(field.table)?;
    let mut found = fields
        .iter()
        .enumerate()
        .filter(|(_, other)| other.table == field.table && other.attnum == attnum);
    let (index, tenant) = found.next()?;
    // A self-join shows two rows of one table: which tenant is whose cannot be told from the description.
    let twice = fields
        .iter()
        .filter(|other| other.table == field.table && other.attnum == field.attnum)
        .count()
        > 1;
    (found.next().is_none() && !twice).then(|| TenantField {
        index,
        type_oid: tenant.type_oid,
        format: format_of(tenant.format),
    })
}

fn format_of(code: i16) -> Format {
    if code == 1 {
        Format::Binary
    } else {
        Format::Text
    }
}

/// By the type that the server describes: pg_type's `text`, `varchar`, `bpchar`, `unknown`, `json`, `jsonb`, `bytea`.
fn kind_of(field: &Field<'_>, candidates: &[Arc<ProtectedColumn>]) -> Option<ValueKind> {
    match field.type_oid {
        Oid(25 | 1043 | 1042 | 705) => Some(ValueKind::Text),
        Oid(114) => Some(ValueKind::Json),
        Oid(3802) => Some(ValueKind::Jsonb),
        Oid(17) => Some(ValueKind::Bytea),
        // A domain's own OID.
        _ => candidates.first().map(|column| column.kind),
    }
}
