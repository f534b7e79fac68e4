//! Values on their way to the server: from a plan's slots to sealed parameters and literals.

mod rewrite;
mod tenants;
mod texts;
mod unfit;

use std::sync::Arc;

use smallvec::SmallVec;

use crate::keys::{DataKey, KeyWants, Purpose};
use crate::model::{Format, Oid, Plain, Refusal, TenantId, ValueKind};
use crate::plan::{Slot, SlotSource, Splice, StatementKind, StatementPlan, TenantSource};
use crate::rules::{ProtectedColumn, Scope};
use crate::seal::{self, BTREE_LIMIT, Nonces};
use crate::wire::array;
use crate::wire::message::Bind;

use super::ask::Answer;
use tenants::{Others, Shut, Tenants};

pub(super) use rewrite::{Positions, Rewritten, rewrite};
pub(super) use texts::{bound_params, constant_edits, edits, unread};
pub(super) use unfit::{is_named, unname};

/// The active key of a tenant and purpose as the session has it now: `None` when it must be asked for.
pub(super) type ActiveKey<'a> =
    &'a dyn Fn(&TenantId, Purpose) -> Option<Result<Arc<DataKey>, Refusal>>;

/// Why a statement's values are not sealed yet.
pub(super) enum Unsealed {
    /// These keys are needed first.
    Wants(KeyWants),
    /// They will not be.
    Refused(Refusal),
}

impl From<Refusal> for Unsealed {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A bound parameter: its bytes and format; `None` is NULL.
type Bound<'a> = Option<(&'a [u8], Format)>;

/// The parameters of a Bind in the numbering of the rewritten statement.
struct Params<'a, 'b> {
    bind: Option<&'a Bind<'b>>,
    plan: &'a StatementPlan,
}

impl<'b> Params<'_, 'b> {
    fn get(&self, number: u16) -> Result<Bound<'b>, Refusal> {
        let bind = self.bind.ok_or_else(no_parameter)?;
        let count = bind.params.len();
        let index = usize::from(number)
            .checked_sub(1)
            .ok_or_else(no_parameter)?;
        let index = match index.checked_sub(count) {
            None => index,
            Some(copy) => self
                .plan
                .copies
                .get(copy)
                .and_then(|copy| usize::from(copy.original).checked_sub(1))
                .ok_or_else(no_parameter)?,
        };
        let value = bind.params.get(index).ok_or_else(no_parameter)?;
        Ok(value.map(|bytes| (bytes, format_at(&bind.formats, index))))
    }
}

/// Parameter format codes: none given means text, one is for all (manual 55.7, Bind).
pub(super) fn code_at(formats: &[i16], index: usize) -> i16 {
    match formats {
        [] => 0,
        [all] => *all,
        each => each.get(index).copied().unwrap_or(0),
    }
}

fn format_at(formats: &[i16], index: usize) -> Format {
    if code_at(formats, index) == 1 {
        Format::Binary
    } else {
        Format::Text
    }
}

/// The sealed values of one statement's slots, in the plan's order; `None` is NULL.
pub(super) struct SealedSlots {
    pub(super) values: SmallVec<[Option<Vec<u8>>; 2]>,
    /// Edits that keep the statement from rows that the look-up did not find.
    pub(super) kept_out: Vec<Splice>,
    /// What its guards compare rows with, in their order, as text; `None`: nothing was looked for.
    pub(super) found: Vec<Option<String>>,
    /// The slots that another value stands in for, by index, and what is wrong with the client's.
    pub(super) unfit: Vec<(usize, Refusal)>,
}

impl SealedSlots {
    /// Why a Bind is refused: the server might take what stands in for a value. `types` are those of the statement's
    /// parameters there.
    pub(super) fn refused(&self, plan: &StatementPlan, types: &[Oid]) -> Option<&Refusal> {
        let mut unfit = self.unfit.iter();
        unfit.find_map(|(index, refusal)| {
            let slot = plan.slots.get(*index);
            let rejected = slot.is_some_and(|slot| {
                unfit::is_rejected(slot, refusal, plan.takes_parameters(), types)
            });
            (!rejected).then_some(refusal)
        })
    }
}

/// Seals the values of all slots of `plan`: literals for the column's text form, parameters in their wire form.
/// `sql` is the text that the literals stand in; empty: it is not known.
pub(super) fn seal_slots(
    sql: &[u8],
    plan: &StatementPlan,
    bind: Option<&Bind<'_>>,
    answer: Option<&Answer>,
    active: ActiveKey<'_>,
) -> Result<SealedSlots, Unsealed> {
    let params = Params { bind, plan };
    // EXECUTE, and what SQL prepared, have no condition that could be edited.
    let fixed = sql.is_empty() || matches!(plan.kind, StatementKind::Execute { .. });
    let mut tenants = Tenants::new(plan, &params, answer, fixed);
    let mut sealing = Sealing {
        sql,
        active,
        wants: KeyWants::default(),
        nonces: None,
        unfit: None,
    };
    let mut unfit = Vec::new();
    let mut values = SmallVec::with_capacity(plan.slots.len());
    let mut shut = Shut::default();
    let mut others = Others::default();
    for slot in &plan.slots {
        let (bytes, format, wire) = match &slot.source {
            SlotSource::Literal { value, kind, .. } => (value.expose(), Format::Text, *kind),
            SlotSource::Param { number, kind } => match params.get(*number)? {
                None => {
                    values.push(None);
                    continue;
                }
                Some((bytes, format)) => (bytes, format, *kind),
            },
        };
        if tenants.unmatched(slot.tenant) || slot.sought && tenants.has_no_rows(slot.tenant)? {
            let branch = match plan.tenants.get(slot.tenant) {
                Some(TenantSource::Branch { case, number }) => Some((*case, *number)),
                _ => None,
            };
            if let Some((case, number)) = branch {
                shut.entry(case).or_default().insert(number);
            }
            let unused = unused(slot, (wire, format), bytes, &mut sealing.unfit);
            values.push(unused.map_err(|refusal| at_literal(refusal, &slot.source, sql))?);
        } else if slot.elements {
            let given = array::elements(format, bytes).ok_or_else(|| not_an_array(&slot.column))?;
            let mut sealed = Vec::with_capacity(given.len());
            for (at, element) in given.iter().enumerate() {
                let Some(element) = element else {
                    sealed.push(None);
                    continue;
                };
                let whose = tenants.of_element(slot.tenant, at, &slot.column)?;
                for tenant in std::iter::once(whose.first).chain(whose.others) {
                    sealed.push(sealing.value(slot, tenant, (wire, format), element)?);
                }
            }
            values.push(Some(
                array::with_elements(format, bytes, &sealed)
                    .ok_or_else(|| not_an_array(&slot.column))?,
            ));
        } else {
            let whose = tenants.of_value(slot.tenant, &slot.column)?;
            values.push(sealing.value(slot, whose.first, (wire, format), bytes)?);
            for tenant in whose.others {
                let other = sealing.in_array(slot, tenant, (wire, format), bytes)?;
                others.entry(slot.tenant).or_default().push(other);
            }
        }
        if let Some(refusal) = sealing.unfit.take() {
            unfit.push((values.len().saturating_sub(1), refusal));
        }
    }
    tenants.check_equal()?;
    tenants.check_agreed()?;
    if sealing.wants.is_empty() {
        Ok(SealedSlots {
            values,
            kept_out: tenants.kept_out(&shut),
            found: tenants.found(&others)?,
            unfit,
        })
    } else {
        Err(Unsealed::Wants(sealing.wants))
    }
}

/// Sealing the values of one statement.
struct Sealing<'a> {
    /// The text that its literals stand in.
    sql: &'a [u8],
    active: ActiveKey<'a>,
    wants: KeyWants,
    nonces: Option<Nonces>,
    /// What is wrong with a value of the slot that another one stands in for.
    unfit: Option<Refusal>,
}

impl Sealing<'_> {
    /// One value, in the form that it came in; `None` is NULL, or a key that is wanted first.
    fn value(
        &mut self,
        slot: &Slot,
        tenant: TenantId,
        (wire, format): (ValueKind, Format),
        bytes: &[u8],
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let form = form_of(&slot.column, (wire, format));
        self.sealed(slot, tenant, (wire, format), bytes, form)
    }

    /// The same as an element of an array in text form.
    fn in_array(
        &mut self,
        slot: &Slot,
        tenant: TenantId,
        given: (ValueKind, Format),
        bytes: &[u8],
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let form = (slot.column.kind, Format::Text);
        self.sealed(slot, tenant, given, bytes, form)
    }

    fn sealed(
        &mut self,
        slot: &Slot,
        tenant: TenantId,
        (wire, format): (ValueKind, Format),
        bytes: &[u8],
        (kind, as_format): (ValueKind, Format),
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let column = &slot.column;
        let (read, fits) = match canonical(column, wire, format, bytes) {
            // What is sealed is longer still: the server measures that, where a row takes it.
            Err(refusal) if refusal.sqlstate == "22001" => {
                (measured(column, wire, format, bytes, None), false)
            }
            read => (read, true),
        };
        let plain = match read {
            Ok(plain) => plain,
            Err(refusal) => {
                let instead = unfit::instead(&refusal, column, (kind, as_format), bytes);
                let refusal = at_literal(refusal, &slot.source, self.sql);
                let instead = instead.ok_or_else(|| refusal.clone())?;
                self.unfit = Some(refusal);
                return Ok(Some(instead));
            }
        };
        if let Some(null_if) = &slot.null_if {
            let null_if = canonical(column, column.kind, Format::Text, null_if.expose())?;
            if null_if.expose() == plain.expose() {
                return Ok(None);
            }
        }
        let search = column.search.as_ref();
        let (owner, purpose) = key_owner(column, tenant);
        let key = match (self.active)(&owner, purpose) {
            None => {
                self.wants.active(owner, purpose);
                return Ok(None);
            }
            Some(key) => key?,
        };
        let sealed = match search {
            Some(search) => seal::seal_searchable(&key, &search.domain, &plain),
            None => {
                let nonces = match &mut self.nonces {
                    Some(nonces) => nonces,
                    empty => empty.insert(Nonces::from_os().map_err(|_| cannot_seal(column))?),
                };
                seal::seal(&key, &column.label, &plain, nonces)
            }
        };
        let sealed = sealed.map_err(|_| cannot_seal(column))?;
        let value = sealed.to_wire(kind, as_format);
        if search.is_some() && fits && value.len() > BTREE_LIMIT {
            return Err(too_long_to_search(column, plain.expose().len()));
        }
        Ok(Some(value))
    }
}

/// Whose key of which purpose seals a column's value in a tenant's row.
pub(super) fn key_owner(column: &ProtectedColumn, tenant: TenantId) -> (TenantId, Purpose) {
    match &column.search {
        Some(search) if search.scope == Scope::Deployment => {
            (TenantId::deployment(), Purpose::Search)
        }
        Some(_) => (tenant, Purpose::Search),
        None => (tenant, Purpose::Dek),
    }
}

/// What goes in the place of a value that is not stored: the server reads it nevertheless. `None` is NULL.
fn unused(
    slot: &Slot,
    given: (ValueKind, Format),
    bytes: &[u8],
    why: &mut Option<Refusal>,
) -> Result<Option<Vec<u8>>, Refusal> {
    let (wire, format) = given;
    let mut unfit = |bytes: &[u8]| match canonical(&slot.column, wire, format, bytes) {
        Ok(_) => Ok(None),
        Err(refusal) => {
            let form = form_of(&slot.column, given);
            let instead = unfit::instead(&refusal, &slot.column, form, bytes);
            let instead = instead.ok_or_else(|| refusal.clone())?;
            // A text is measured where a row takes it, and no row takes this one.
            if slot.column.kind != ValueKind::Text {
                *why = Some(refusal);
            }
            Ok(Some(instead))
        }
    };
    if !slot.elements {
        return unfit(bytes);
    }
    let elements = array::elements(format, bytes).unwrap_or_default();
    let elements = elements.iter().map(|element| match element {
        Some(element) => unfit(element),
        None => Ok(None),
    });
    let elements = elements.collect::<Result<Vec<_>, _>>()?;
    Ok(match elements.iter().any(Option::is_some) {
        true => array::with_elements(format, bytes, &elements),
        false => None,
    })
}

/// A text that the statement casts to the column's type holds that type's text form.
fn form_of(column: &ProtectedColumn, given: (ValueKind, Format)) -> (ValueKind, Format) {
    match (given.0, column.kind) {
        (ValueKind::Text, kind @ (ValueKind::Json | ValueKind::Jsonb | ValueKind::Bytea)) => {
            (kind, Format::Text)
        }
        _ => given,
    }
}

/// PostgreSQL points to a constant that its type's input function rejects.
fn at_literal(mut refusal: Refusal, source: &SlotSource, sql: &[u8]) -> Refusal {
    if let SlotSource::Literal { span, .. } = source
        && let Some(before) = sql.get(..span.start)
        && let Ok(before) = std::str::from_utf8(before)
    {
        refusal.position = u32::try_from(before.chars().count() + 1).ok();
    }
    refusal
}

fn canonical(
    column: &ProtectedColumn,
    wire: ValueKind,
    format: Format,
    bytes: &[u8],
) -> Result<Plain, Refusal> {
    measured(column, wire, format, bytes, column.max_chars)
}

/// The same of at most so many characters.
fn measured(
    column: &ProtectedColumn,
    wire: ValueKind,
    format: Format,
    bytes: &[u8],
    max_chars: Option<u32>,
) -> Result<Plain, Refusal> {
    // A jsonb for a json column is stored as jsonb prints it (sqlx declares every document so).
    if wire == column.kind || (wire, column.kind) == (ValueKind::Jsonb, ValueKind::Json) {
        return seal::canonical(wire, format, max_chars, bytes);
    }
    // `$1::text::jsonb`: the parameter is the text form of the column's type.
    let text = match (wire, format) {
        (ValueKind::Jsonb, Format::Binary) => bytes.get(1..).unwrap_or_default(),
        _ => bytes,
    };
    seal::canonical(column.kind, Format::Text, max_chars, text)
}

fn no_parameter() -> Refusal {
    Refusal::new(
        "08P01",
        "a parameter of a protected statement has no value in the Bind message",
        "Bind as many parameters as the statement has. See docs/errors.md#parameter-missing.",
    )
}

fn not_an_array(column: &ProtectedColumn) -> Refusal {
    Refusal::new(
        "0A000",
        format!(
            "the array of values for {} is not an array of one dimension",
            column.full_name()
        ),
        "Pass an array of one dimension whose lower bound is 1. See docs/errors.md#refused-parameter.",
    )
}

fn cannot_seal(column: &ProtectedColumn) -> Refusal {
    Refusal::new(
        "XX000",
        format!("a value for {} could not be sealed", column.full_name()),
        "See docs/errors.md#internal.",
    )
}

pub(super) fn too_long_to_search(column: &ProtectedColumn, len: usize) -> Refusal {
    Refusal::new(
        "54000",
        format!(
            "a value of {len} bytes is too long for {}, which can be searched",
            column.full_name()
        ),
        "Searchable values have at most about 1,970 bytes. See docs/errors.md#too-long-to-search.",
    )
}
