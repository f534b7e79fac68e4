//! Values on their way to the server: from a plan's slots to sealed parameters and literals.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::keys::{DataKey, KeyWants, Purpose};
use crate::model::{Format, Oid, Plain, Refusal, TenantId, ValueKind};
use crate::plan::{Slot, SlotSource, Splice, StatementPlan, TenantSource};
use crate::rules::{ProtectedColumn, Scope};
use crate::seal::{self, BTREE_LIMIT, Nonces};
use crate::wire::array;
use crate::wire::message::Bind;

use super::ask::Answer;

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
struct Params<'a> {
    bind: Option<&'a Bind<'a>>,
    plan: &'a StatementPlan,
}

impl<'a> Params<'a> {
    fn get(&self, number: u16) -> Result<Bound<'a>, Refusal> {
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
fn format_at(formats: &[i16], index: usize) -> Format {
    let code = match formats {
        [] => 0,
        [all] => *all,
        each => each.get(index).copied().unwrap_or(0),
    };
    if code == 1 {
        Format::Binary
    } else {
        Format::Text
    }
}

/// The sealed values of one statement's slots, in the plan's order; `None` is NULL.
pub(super) struct SealedSlots {
    pub(super) values: Vec<Option<Vec<u8>>>,
    /// Edits that keep the statement from rows that the look-up did not find.
    pub(super) kept_out: Vec<Splice>,
    /// The tenants that its guards compare rows with, in their order; `None`: nothing was looked for.
    pub(super) found: Vec<Option<TenantId>>,
}

/// Seals the values of all slots of `plan`: literals for the column's text form, parameters in their wire form.
/// `sql` is the text that the literals stand in.
pub(super) fn seal_slots(
    sql: &[u8],
    plan: &StatementPlan,
    bind: Option<&Bind<'_>>,
    answer: Option<&Answer>,
    active: ActiveKey<'_>,
) -> Result<SealedSlots, Unsealed> {
    let params = Params { bind, plan };
    let mut tenants = Tenants {
        plan,
        params: &params,
        answer,
        known: HashMap::default(),
        elements: HashMap::default(),
    };
    let mut sealing = Sealing {
        sql,
        active,
        wants: KeyWants::default(),
        nonces: None,
    };
    let mut values = Vec::with_capacity(plan.slots.len());
    let mut shut = Shut::default();
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
            // PostgreSQL reads a value before it looks for rows, and measures that of a branch when a row takes it.
            if !slot.elements
                && let Err(refusal) = canonical(&slot.column, wire, format, bytes)
                && !(branch.is_some() && refusal.sqlstate == "22001")
            {
                return Err(at_literal(refusal, &slot.source, sql).into());
            }
            if let Some((case, number)) = branch {
                shut.entry(case).or_default().insert(number);
            }
            values.push(None);
        } else if slot.elements {
            let given = array::elements(format, bytes).ok_or_else(|| not_an_array(&slot.column))?;
            let mut sealed = Vec::with_capacity(given.len());
            for (at, element) in given.iter().enumerate() {
                sealed.push(match element {
                    None => None,
                    Some(element) => {
                        let tenant = tenants.of_element(slot.tenant, at, &slot.column)?;
                        sealing.value(slot, tenant, (wire, format), element)?
                    }
                });
            }
            values.push(Some(
                array::with_elements(format, bytes, &sealed)
                    .ok_or_else(|| not_an_array(&slot.column))?,
            ));
        } else {
            let tenant = tenants.of(slot.tenant, &slot.column)?;
            values.push(sealing.value(slot, tenant, (wire, format), bytes)?);
        }
    }
    tenants.check_equal()?;
    tenants.check_agreed()?;
    if sealing.wants.is_empty() {
        Ok(SealedSlots {
            values,
            kept_out: tenants.kept_out(&shut),
            found: tenants.found()?,
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
        let column = &slot.column;
        let plain = canonical(column, wire, format, bytes)
            .map_err(|refusal| at_literal(refusal, &slot.source, self.sql))?;
        if let Some(null_if) = &slot.null_if {
            let null_if = canonical(column, column.kind, Format::Text, null_if.expose())?;
            if null_if.expose() == plain.expose() {
                return Ok(None);
            }
        }
        let search = column.search.as_ref();
        let tenant = match search {
            Some(search) if search.scope == Scope::Deployment => TenantId::deployment(),
            _ => tenant,
        };
        let (purpose, wanted) = match search {
            Some(_) => (Purpose::Search, &mut self.wants.search),
            None => (Purpose::Dek, &mut self.wants.seal),
        };
        let key = match (self.active)(&tenant, purpose) {
            None => {
                wanted.insert(tenant);
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
        // A text that the statement casts to the column's type holds that type's text form.
        let (kind, format) = match (wire, column.kind) {
            (ValueKind::Text, ValueKind::Json | ValueKind::Jsonb | ValueKind::Bytea) => {
                (column.kind, Format::Text)
            }
            _ => (wire, format),
        };
        let value = sealed.to_wire(kind, format);
        if search.is_some() && value.len() > BTREE_LIMIT {
            return Err(too_long_to_search(column, plain.expose().len()));
        }
        Ok(Some(value))
    }
}

/// PostgreSQL points to a constant that its type's input function rejects; not to one that is too long for the column.
fn at_literal(mut refusal: Refusal, source: &SlotSource, sql: &[u8]) -> Refusal {
    if let SlotSource::Literal { span, .. } = source
        && refusal.sqlstate != "22001"
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
    // A jsonb for a json column is stored as jsonb prints it (sqlx declares every document so).
    if wire == column.kind || (wire, column.kind) == (ValueKind::Jsonb, ValueKind::Json) {
        return seal::canonical(wire, format, column.max_chars, bytes);
    }
    // `$1::text::jsonb`: the parameter is the text form of the column's type.
    let text = match (wire, format) {
        (ValueKind::Jsonb, Format::Binary) => bytes.get(1..).unwrap_or_default(),
        _ => bytes,
    };
    seal::canonical(column.kind, Format::Text, column.max_chars, text)
}

/// Branches of CASEs, by index, that no row took when it was asked.
type Shut = BTreeMap<usize, BTreeSet<i32>>;

struct Tenants<'a> {
    plan: &'a StatementPlan,
    params: &'a Params<'a>,
    answer: Option<&'a Answer>,
    known: HashMap<usize, TenantId, RandomState>,
    /// Of arrays of tenants.
    elements: HashMap<usize, Vec<Option<TenantId>>, RandomState>,
}

impl Tenants<'_> {
    fn rows(&self, term: i32) -> Vec<Option<&str>> {
        self.answer
            .map(|answer| answer.of(term))
            .unwrap_or_default()
    }

    /// The tenants of the rows that take any branch of a CASE.
    fn of_case(&self, case: usize) -> BTreeSet<Option<&str>> {
        let cases = self.plan.lookup.iter().flat_map(|lookup| &lookup.cases);
        let case = cases.into_iter().nth(case);
        let all = case.and_then(|case| Some(self.answer?.of_all(&case.terms)));
        all.unwrap_or_default()
    }

    /// The tenants of the rows that a value of one branch is stored in. Where all rows are of one tenant it is that one,
    /// whichever branch they take.
    fn of_branch(&self, case: usize, number: i32) -> Vec<Option<&str>> {
        let all = self.of_case(case);
        if all.len() < 2 {
            return all.into_iter().collect();
        }
        let cases = self.plan.lookup.iter().flat_map(|lookup| &lookup.cases);
        let first = cases.into_iter().nth(case).map(|case| case.terms.start);
        first.map_or_else(Vec::new, |first| self.rows(first.saturating_add(number)))
    }

    /// The edits that keep the statement from rows that the look-up did not find: from all, or from those that take a
    /// branch that is shut.
    fn kept_out(&self, shut: &Shut) -> Vec<Splice> {
        let (Some(lookup), Some(_)) = (&self.plan.lookup, self.answer) else {
            return Vec::new();
        };
        let mut asked = lookup.zero_rows_ok.iter();
        let none = asked.any(|term| self.rows(*term).is_empty());
        let mut cases = 0..lookup.cases.len();
        if none || cases.any(|case| self.of_case(case).is_empty()) {
            return self.plan.none_matched.iter().map(copy_of).collect();
        }
        let conditions = shut.iter().filter_map(|(case, numbers)| {
            let numbers: Vec<String> = numbers.iter().map(i32::to_string).collect();
            let number = &lookup.cases.get(*case)?.number;
            Some(format!("({number}) NOT IN ({})", numbers.join(", ")))
        });
        let conditions: Vec<String> = conditions.collect();
        let conditions = conditions.join(" AND ");
        match self.plan.none_matched.as_slice() {
            _ if conditions.is_empty() => Vec::new(),
            [open, close] => vec![
                insertion(open, "(".to_owned()),
                insertion(close, format!(") AND {conditions}")),
            ],
            [place] => vec![insertion(place, format!(" WHERE {conditions}"))],
            _ => Vec::new(),
        }
    }

    /// Whether this tenant was asked for and no row has it: nothing will be stored for it.
    fn unmatched(&self, index: usize) -> bool {
        let (Some(lookup), Some(_)) = (&self.plan.lookup, self.answer) else {
            return false;
        };
        match self.plan.tenants.get(index) {
            Some(TenantSource::Asked(term)) => {
                lookup.zero_rows_ok.contains(term) && self.rows(*term).is_empty()
            }
            // EXECUTE has no condition that could be edited.
            Some(TenantSource::Branch { case, number }) => {
                !self.plan.none_matched.is_empty() && self.of_branch(*case, *number).is_empty()
            }
            _ => false,
        }
    }

    /// Whether no row can be of this tenant: what says it is NULL, or names nothing.
    fn has_no_rows(&self, index: usize) -> Result<bool, Refusal> {
        Ok(match self.plan.tenants.get(index) {
            Some(TenantSource::Param { number, .. }) => self.params.get(*number)?.is_none(),
            Some(TenantSource::Asked(term)) => {
                let lookup = self.plan.lookup.iter();
                let mut lookup = lookup.filter(|lookup| lookup.may_be_none.contains(term));
                lookup.any(|_| self.rows(*term).is_empty())
            }
            _ => false,
        })
    }

    /// Values of two tenants cannot be compared.
    fn check_agreed(&mut self) -> Result<(), Refusal> {
        for (one, other) in &self.plan.agree {
            if self.has_no_rows(*one)? || self.has_no_rows(*other)? {
                continue;
            }
            match (self.known_or_found(*one)?, self.known_or_found(*other)?) {
                (Some(one), Some(other)) if one == other => {}
                _ => return Err(two_tenants()),
            }
        }
        Ok(())
    }

    /// The tenant of one element of an array of values.
    fn of_element(
        &mut self,
        index: usize,
        at: usize,
        column: &ProtectedColumn,
    ) -> Result<TenantId, Refusal> {
        let (bytes, format, type_oid) = match self.plan.tenants.get(index) {
            Some(TenantSource::Each(sources)) => {
                let source = sources.get(at).ok_or_else(|| no_tenant(column))?;
                return self.of(*source, column);
            }
            Some(TenantSource::Listed { array, type_oid }) => {
                (array.as_bytes(), Format::Text, *type_oid)
            }
            Some(TenantSource::Elements { number, type_oid }) => {
                let bound = self.params.get(*number)?;
                let (bytes, format) = bound.ok_or_else(|| no_tenant(column))?;
                (bytes, format, *type_oid)
            }
            _ => return self.of(index, column),
        };
        if let Entry::Vacant(place) = self.elements.entry(index) {
            let elements = array::elements(format, bytes).ok_or_else(|| no_tenant(column))?;
            let tenant = |element: &Option<Cow<'_, [u8]>>| {
                let text = tenant_text(type_oid, format, element.as_deref()?)?;
                TenantId::new(&text)
            };
            place.insert(elements.iter().map(tenant).collect());
        }
        self.elements
            .get(&index)
            .and_then(|tenants| tenants.get(at).cloned().flatten())
            .ok_or_else(|| no_tenant(column))
    }

    fn of(&mut self, index: usize, column: &ProtectedColumn) -> Result<TenantId, Refusal> {
        self.known_or_found(index)?.ok_or_else(|| no_tenant(column))
    }

    fn known_or_found(&mut self, index: usize) -> Result<Option<TenantId>, Refusal> {
        if let Some(known) = self.known.get(&index) {
            return Ok(Some(known.clone()));
        }
        let tenant = match self.plan.tenants.get(index) {
            Some(TenantSource::Known(tenant)) => Some(tenant.clone()),
            Some(TenantSource::Param { number, type_oid }) => {
                let bound = self.params.get(*number)?;
                bound
                    .and_then(|(bytes, format)| tenant_text(*type_oid, format, bytes))
                    .and_then(|text| TenantId::new(&text))
            }
            Some(TenantSource::Asked(term)) => match self.rows(*term).as_slice() {
                [one] => one.and_then(TenantId::new),
                [] => None,
                _ => return Err(several_tenants()),
            },
            Some(TenantSource::Branch { case, number }) => {
                match self.of_branch(*case, *number).as_slice() {
                    [one] => one.and_then(TenantId::new),
                    [] => None,
                    _ => return Err(several_tenants()),
                }
            }
            Some(
                TenantSource::Elements { .. } | TenantSource::Listed { .. } | TenantSource::Each(_),
            )
            | None => None,
        };
        if let Some(tenant) = &tenant {
            self.known.insert(index, tenant.clone());
        }
        Ok(tenant)
    }

    /// The tenants that the statement's guards compare rows with.
    fn found(&mut self) -> Result<Vec<Option<TenantId>>, Refusal> {
        let plan = self.plan;
        let equal = plan.lookup.iter().flat_map(|lookup| &lookup.must_equal);
        let equal: Vec<(usize, i32)> = equal.copied().collect();
        let mut found = Vec::new();
        for index in plan.guarding() {
            let asked = match plan.tenants.get(index) {
                Some(TenantSource::Asked(term)) => Some(*term),
                _ => None,
            };
            let given = equal
                .iter()
                .find(|(given, term)| *given == index || asked == Some(*term));
            found.push(match (self.known.get(&index), given) {
                (Some(known), _) => Some(known.clone()),
                (None, Some((given, _))) => self.known_or_found(*given)?,
                (None, None) => None,
            });
        }
        Ok(found)
    }

    /// A conflicting row that an upsert would change must be of the tenant that its new value is sealed for.
    fn check_equal(&mut self) -> Result<(), Refusal> {
        let Some(lookup) = &self.plan.lookup else {
            return Ok(());
        };
        for (index, term) in &lookup.must_equal {
            if self.rows(*term).is_empty() {
                continue;
            }
            let tenant = self.known_or_found(*index)?;
            let others = self.rows(*term);
            let same = others
                .iter()
                .all(|other| *other == tenant.as_ref().map(TenantId::as_str));
            if !same {
                // Where no value is stored, those that the rows hold already stay sealed for their old tenant.
                let stored = self.plan.slots.iter().any(|slot| slot.tenant == *index);
                return Err(if stored {
                    several_tenants()
                } else {
                    tenant_changes()
                });
            }
        }
        Ok(())
    }
}

/// The text form of a tenant column's value, as PostgreSQL's cast to text gives it.
pub(super) fn tenant_text(type_oid: Oid, format: Format, bytes: &[u8]) -> Option<String> {
    match (type_oid, format) {
        (Oid(2950), Format::Binary) => uuid_text(bytes),
        (Oid(2950), Format::Text) => {
            let digits: String = std::str::from_utf8(bytes)
                .ok()?
                .chars()
                .filter(|c| !matches!(c, '-' | '{' | '}' | ' '))
                .collect();
            let value = u128::from_str_radix(&digits, 16)
                .ok()
                .filter(|_| digits.len() == 32)?;
            uuid_text(&value.to_be_bytes())
        }
        (Oid(21), Format::Binary) => Some(i16::from_be_bytes(bytes.try_into().ok()?).to_string()),
        (Oid(23), Format::Binary) => Some(i32::from_be_bytes(bytes.try_into().ok()?).to_string()),
        (Oid(20), Format::Binary) => Some(i64::from_be_bytes(bytes.try_into().ok()?).to_string()),
        (Oid(20 | 21 | 23), Format::Text) => Some(
            std::str::from_utf8(bytes)
                .ok()?
                .trim()
                .parse::<i64>()
                .ok()?
                .to_string(),
        ),
        // char(n) is padded; its text, which PostgreSQL compares, is not.
        (Oid(1042), _) => Some(
            std::str::from_utf8(bytes)
                .ok()?
                .trim_end_matches(' ')
                .into(),
        ),
        (Oid(0 | 18 | 19 | 25 | 705 | 1043), _) | (_, Format::Text) => {
            std::str::from_utf8(bytes).ok().map(str::to_owned)
        }
        (_, Format::Binary) => None,
    }
}

fn uuid_text(bytes: &[u8]) -> Option<String> {
    let value = u128::from_be_bytes(bytes.try_into().ok()?);
    let hex = format!("{value:032x}");
    let part = |range: std::ops::Range<usize>| hex.get(range);
    Some(
        [
            part(0..8)?,
            part(8..12)?,
            part(12..16)?,
            part(16..20)?,
            part(20..32)?,
        ]
        .join("-"),
    )
}

/// Format codes and values of a Bind.
pub(super) type BoundParams<'a> = (Vec<i16>, Vec<Option<Cow<'a, [u8]>>>);

/// A Bind's parameters with the sealed ones in place, then the copies, then one per literal.
pub(super) fn bound_params<'a>(
    plan: &StatementPlan,
    bind: &Bind<'a>,
    mut sealed: SealedSlots,
) -> BoundParams<'a> {
    let found = std::mem::take(&mut sealed.found);
    let guarded = sealed.kept_out.is_empty();
    let count = bind.params.len();
    let code = |format: Format| if format == Format::Binary { 1 } else { 0 };
    let mut formats: Vec<i16> = (0..count)
        .map(|index| code(format_at(&bind.formats, index)))
        .collect();
    let mut params: Vec<Option<Cow<'a, [u8]>>> = bind
        .params
        .iter()
        .map(|value| value.map(Cow::Borrowed))
        .collect();
    for copy in &plan.copies {
        let original = usize::from(copy.original).saturating_sub(1);
        formats.push(code(format_at(&bind.formats, original)));
        params.push(
            bind.params
                .get(original)
                .copied()
                .flatten()
                .map(Cow::Borrowed),
        );
    }
    for (slot, value) in plan.slots.iter().zip(sealed.values) {
        let value = value.map(Cow::Owned);
        match &slot.source {
            SlotSource::Literal { .. } if !plan.takes_parameters() => {}
            SlotSource::Literal { .. } => {
                formats.push(0);
                params.push(value);
            }
            SlotSource::Param { number, .. } => {
                if let Some(place) = params.get_mut(usize::from(*number).saturating_sub(1)) {
                    *place = value;
                }
            }
        }
    }
    if !plan.takes_parameters() {
        // They stand in a text of their own.
        return (formats, params);
    }
    for tenant in found.into_iter().filter(|_| guarded) {
        formats.push(0);
        params.push(tenant.map(|tenant| Cow::Owned(tenant.as_str().as_bytes().to_vec())));
    }
    (formats, params)
}

/// The edits that put a statement's own splices, its literals and its guards into a text; `literal` gives each literal's
/// new text, `found` that of each tenant that was found.
pub(super) fn edits(
    plan: &StatementPlan,
    kept_out: &[Splice],
    mut literal: impl FnMut(usize) -> String,
    found: impl Fn(usize) -> String,
) -> Vec<Splice> {
    let mut edits: Vec<Splice> = plan.splices.iter().map(copy_of).collect();
    edits.extend(kept_out.iter().map(copy_of));
    if kept_out.is_empty() {
        edits.extend(plan.guarded(found));
    }
    for (index, slot) in plan.slots.iter().enumerate() {
        if let SlotSource::Literal { span, .. } = &slot.source {
            edits.push(Splice {
                span: span.clone(),
                text: literal(index),
            });
        }
    }
    edits
}

fn insertion(place: &Splice, text: String) -> Splice {
    Splice {
        span: place.span.clone(),
        text,
    }
}

fn copy_of(splice: &Splice) -> Splice {
    Splice {
        span: splice.span.clone(),
        text: splice.text.clone(),
    }
}

/// The edits of a text whose sealed values and found tenants are constants.
pub(super) fn constant_edits(plan: &StatementPlan, sealed: &SealedSlots) -> Vec<Splice> {
    let value = |index: usize| quoted(sealed.values.get(index).and_then(|value| value.as_deref()));
    let found = |n: usize| tenant_quoted(sealed.found.get(n).and_then(Option::as_ref));
    edits(plan, &sealed.kept_out, value, found)
}

/// The type's name, for a parameter that stands where a literal stood.
pub(super) fn type_name(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Text => "text",
        ValueKind::Json => "json",
        ValueKind::Jsonb => "jsonb",
        ValueKind::Bytea => "bytea",
    }
}

/// A sealed value as a string constant; tokens and hex bytea hold neither quotes nor escapes.
fn quoted(value: Option<&[u8]>) -> String {
    value
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .map_or_else(|| "NULL".to_owned(), |text| format!("'{text}'"))
}

/// A tenant as a text constant, however the session reads backslashes.
fn tenant_quoted(tenant: Option<&TenantId>) -> String {
    let Some(tenant) = tenant else {
        return "NULL::text".to_owned();
    };
    let text = tenant.as_str().replace('\'', "''");
    if text.contains('\\') {
        format!(" E'{}'::text", text.replace('\\', "\\\\"))
    } else {
        format!("'{text}'::text")
    }
}

/// A text with edits applied, and the way back for error positions.
pub(super) struct Rewritten {
    pub(super) sql: String,
    pub(super) positions: Positions,
}

/// For each edit: first character behind it in the new text, and how far that moved.
#[derive(Default)]
pub(super) struct Positions(Vec<Moved>);

struct Moved {
    new_start: usize,
    new_end: usize,
    old_start: usize,
    old_end: usize,
}

impl Positions {
    /// The 1-based character position in the client's text for one in the rewritten text.
    pub(super) fn original(&self, position: usize) -> usize {
        let at = position.saturating_sub(1);
        let old = match self.0.iter().rev().find(|moved| moved.new_start <= at) {
            None => at,
            Some(moved) if at < moved.new_end => moved.old_start,
            Some(moved) => at - moved.new_end + moved.old_end,
        };
        old + 1
    }
}

/// Applies edits (sorted here by place; they never overlap) to a statement's text.
///
/// # Errors
/// When an edit does not lie in the text: a plan for another text, which must never be sent.
pub(super) fn rewrite(sql: &str, mut edits: Vec<Splice>) -> Result<Rewritten, Refusal> {
    edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
    let mut text = String::with_capacity(sql.len() + 256);
    let (mut moved, mut from, mut old_chars, mut new_chars) = (Vec::new(), 0, 0, 0);
    for edit in &edits {
        let (Some(before), Some(replaced)) =
            (sql.get(from..edit.span.start), sql.get(edit.span.clone()))
        else {
            return Err(misplaced());
        };
        let kept = before.chars().count();
        let (old_start, new_start) = (old_chars + kept, new_chars + kept);
        old_chars = old_start + replaced.chars().count();
        new_chars = new_start + edit.text.chars().count();
        moved.push(Moved {
            new_start,
            new_end: new_chars,
            old_start,
            old_end: old_chars,
        });
        text.push_str(before);
        text.push_str(&edit.text);
        from = edit.span.end;
    }
    text.push_str(sql.get(from..).ok_or_else(misplaced)?);
    Ok(Rewritten {
        sql: text,
        positions: Positions(moved),
    })
}

fn misplaced() -> Refusal {
    Refusal::new(
        "XX000",
        "a plan does not fit its statement",
        "Please report this statement's shape. See docs/errors.md#internal.",
    )
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
            named(column)
        ),
        "Pass an array of one dimension whose lower bound is 1. See docs/errors.md#refused-parameter.",
    )
}

fn cannot_seal(column: &ProtectedColumn) -> Refusal {
    Refusal::new(
        "XX000",
        format!("a value for {} could not be sealed", named(column)),
        "See docs/errors.md#internal.",
    )
}

pub(super) fn too_long_to_search(column: &ProtectedColumn, len: usize) -> Refusal {
    Refusal::new(
        "54000",
        format!(
            "a value of {len} bytes is too long for {}, which can be searched",
            named(column)
        ),
        "Searchable values have at most about 1,970 bytes. See docs/errors.md#too-long-to-search.",
    )
}

fn no_tenant(column: &ProtectedColumn) -> Refusal {
    Refusal::new(
        "SV007",
        format!("the tenant of a value for {} is not known", named(column)),
        "Give the row's tenant in the statement, or name the row that has it. See docs/errors.md#sv007.",
    )
}

fn two_tenants() -> Refusal {
    Refusal::new(
        "0A000",
        "values of two tenants are compared with each other, which are sealed under different keys",
        "Compare rows of one tenant. See docs/errors.md#refused-search.",
    )
}

fn several_tenants() -> Refusal {
    Refusal::new(
        "SV007",
        "one value would be stored in rows of several tenants",
        "Write the rows of each tenant with a statement of their own. See docs/errors.md#sv007.",
    )
}

fn tenant_changes() -> Refusal {
    Refusal::new(
        "0A000",
        "the tenant of a row with sealed columns cannot be changed",
        "Insert the row anew for the other tenant, through pgseal, and delete this one. See docs/errors.md#refused-tenant-change.",
    )
}

fn named(column: &ProtectedColumn) -> String {
    format!("{}.{}.{}", column.schema, column.table, column.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_go_back_through_edits_in_characters() {
        let rewritten = rewrite(
            "é 'ab' x 'c' y",
            vec![
                Splice {
                    span: 3..7,
                    text: "'~s1long~'".into(),
                },
                Splice {
                    span: 10..13,
                    text: "N".into(),
                },
            ],
        )
        .unwrap();
        assert_eq!(rewritten.sql, "é '~s1long~' x N y");
        let at = |needle: &str| {
            rewritten
                .sql
                .chars()
                .position(|c| needle.starts_with(c))
                .unwrap()
                + 1
        };
        assert_eq!(rewritten.positions.original(1), 1);
        assert_eq!(rewritten.positions.original(at("x")), 8);
        assert_eq!(
            rewritten.positions.original(rewritten.sql.chars().count()),
            14
        );
    }

    #[test]
    fn tenants_have_one_text_whatever_their_format() {
        let upper = b"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11";
        let lower = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
        assert_eq!(
            tenant_text(Oid(2950), Format::Text, upper).as_deref(),
            Some(lower)
        );
        let bytes = 0xa0ee_bc99_9c0b_4ef8_bb6d_6bb9_bd38_0a11_u128.to_be_bytes();
        assert_eq!(
            tenant_text(Oid(2950), Format::Binary, &bytes).as_deref(),
            Some(lower)
        );
        assert_eq!(
            tenant_text(Oid(23), Format::Binary, &7_i32.to_be_bytes()).as_deref(),
            Some("7")
        );
        assert_eq!(
            tenant_text(Oid(20), Format::Text, b" 007").as_deref(),
            Some("7")
        );
        for format in [Format::Text, Format::Binary] {
            assert_eq!(
                tenant_text(Oid(1042), format, b"ab  ").as_deref(),
                Some("ab")
            );
        }
        assert_eq!(tenant_text(Oid(701), Format::Binary, &[0; 8]), None);
    }
}
