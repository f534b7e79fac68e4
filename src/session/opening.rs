//! Rows on their way to the client: which columns carry sealed values, and opening them.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::keys::{DataKey, KeyWants};
use crate::model::{ColumnRef, Format, KeyId, Oid, Refusal, tenant_text};
use crate::plan::{Lineage, Outputs, Planner, StatementPlan};
use crate::wire::WireError;
use crate::wire::message::{DataRow, Field, RowDescription};

use super::within::{Opening, Place, changed};

/// One result column that may carry sealed values.
struct Column {
    index: usize,
    name: String,
    lineage: Lineage,
    type_oid: Oid,
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

/// Openers of the results described last: a statement that runs again is described in the same bytes.
#[derive(Default)]
pub(super) struct Openers(VecDeque<Described>);

struct Described {
    plan: Arc<StatementPlan>,
    epoch: u64,
    description: Box<[u8]>,
    opener: Option<Opener>,
}

impl Openers {
    /// Results remembered.
    const CAPACITY: usize = 16;

    /// The opener of a result of `plan` with this RowDescription.
    ///
    /// # Errors
    /// As [`Opener::new`].
    pub(super) fn of(
        &mut self,
        planner: &Planner,
        plan: &Arc<StatementPlan>,
        description: &[u8],
    ) -> Result<Result<Option<Opener>, Refusal>, WireError> {
        let same = |known: &Described| {
            Arc::ptr_eq(&known.plan, plan)
                && known.epoch == planner.epoch()
                && *known.description == *description
        };
        if let Some(known) = self.0.iter().find(|known| same(known)) {
            return Ok(Ok(known.opener.clone()));
        }
        let opener = match Opener::new(planner, plan, &RowDescription::read(description)?) {
            Ok(opener) => opener,
            Err(refusal) => return Ok(Err(refusal)),
        };
        self.0.truncate(Self::CAPACITY - 1);
        self.0.push_front(Described {
            plan: plan.clone(),
            epoch: planner.epoch(),
            description: description.into(),
            opener: opener.clone(),
        });
        Ok(Ok(opener))
    }
}

/// What became of a row.
pub(super) enum Row {
    /// Nothing in it is sealed.
    Unchanged,
    /// Its opened values, each with its place, in order.
    Opened(Vec<(usize, Vec<u8>)>),
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
                    return Err(changed());
                }
                (Oid(0), Some(lineage)) => lineage.get(index).cloned(),
                (Oid(0), None) => None,
                // A whole row: its table is named, its fields are the plan's.
                (_, Some(lineage)) if field.attnum == 0 => lineage.get(index).cloned(),
                (table, _) => planner.column(ColumnRef {
                    table,
                    attnum: field.attnum,
                }),
            };
            let Some(lineage) = origin.filter(|lineage| *lineage != Lineage::None) else {
                continue;
            };
            columns.push(Column {
                index,
                name: String::from_utf8_lossy(field.name).into_owned(),
                lineage,
                type_oid: field.type_oid,
                format: format_of(field.format),
                tenant: tenant_field(planner, plan, field, &row.fields),
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
            let Some(bytes) = value(body, row, column.index) else {
                continue;
            };
            let mut opening = column.opening(None, key_of, wants, true);
            // What is wrong with it is said when its turn comes.
            let _ = opening.value(&column.lineage, column.type_oid, column.format, bytes);
        }
    }

    /// Opens one row's sealed values.
    pub(super) fn open(&self, body: &[u8], row: &DataRow, key_of: KeyOf<'_>) -> Row {
        let mut wants = KeyWants::default();
        let mut opened = Vec::new();
        for column in self.columns.iter() {
            let Some(bytes) = value(body, row, column.index) else {
                continue;
            };
            let tenant = column.tenant.and_then(|field| {
                value(body, row, field.index)
                    .and_then(|bytes| tenant_text(field.type_oid, field.format, bytes))
            });
            let mut opening = column.opening(tenant, key_of, &mut wants, false);
            match opening.value(&column.lineage, column.type_oid, column.format, bytes) {
                Ok(Some(plain)) => opened.push((column.index, plain)),
                Ok(None) => {}
                Err(refusal) => return Row::Failed(refusal),
            }
        }
        if !wants.is_empty() {
            Row::Wants(wants)
        } else if opened.is_empty() {
            Row::Unchanged
        } else {
            Row::Opened(opened)
        }
    }
}

impl Column {
    fn opening<'a, 'k>(
        &'a self,
        tenant: Option<String>,
        key_of: KeyOf<'k>,
        wants: &'a mut KeyWants,
        peek: bool,
    ) -> Opening<'a, 'k> {
        Opening {
            place: Place {
                name: &self.name,
                index: self.index,
            },
            tenant,
            key_of,
            wants,
            peek,
        }
    }
}

fn value<'a>(body: &'a [u8], row: &DataRow, index: usize) -> Option<&'a [u8]> {
    let range = row.values.get(index).cloned().flatten()?;
    body.get(range)
}

fn tenant_field(
    planner: &Planner,
    plan: &StatementPlan,
    field: &Field<'_>,
    fields: &[Field<'_>],
) -> Option<TenantField> {
    let attnum = planner.tenant_column(field.table)?;
    // A self-join shows two rows of one table: which tenant is whose cannot be told from the description.
    if !plan.once.contains(&field.table) {
        return None;
    }
    let mut found = fields
        .iter()
        .enumerate()
        .filter(|(_, other)| other.table == field.table && other.attnum == attnum);
    let (index, tenant) = found.next()?;
    found.next().is_none().then(|| TenantField {
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
