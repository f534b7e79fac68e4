//! Whose a statement's values are: the tenants of its slots, from its text, its parameters and the server's answer.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use super::Params;
use super::texts::{copy_of, insertion};
use crate::model::{Format, Refusal, TenantId};
use crate::plan::{AssignedTenant, Expected, Splice, StatementPlan, TenantSource, refused};
use crate::rules::ProtectedColumn;
use crate::session::ask::Answer;
use crate::wire::array;

/// Branches of CASEs, by index, that no row took when it was asked.
pub(super) type Shut = BTreeMap<usize, BTreeSet<i32>>;

/// Sealed values for all tenants but the first, by the index of the tenants.
pub(super) type Others = BTreeMap<usize, Vec<Option<Vec<u8>>>>;

/// The tenants that a value is sealed for: one, or all among which it is looked for.
pub(super) struct Whose {
    pub(super) first: TenantId,
    pub(super) others: Vec<TenantId>,
}

impl Whose {
    fn one(first: TenantId) -> Self {
        Self {
            first,
            others: Vec::new(),
        }
    }
}

pub(super) struct Tenants<'a, 'b> {
    plan: &'a StatementPlan,
    params: &'a Params<'a, 'b>,
    answer: Option<&'a Answer>,
    /// The statement's text goes as it is.
    fixed: bool,
    /// By index; few have more than one.
    known: SmallVec<[(usize, TenantId); 2]>,
    /// Of arrays of tenants.
    elements: HashMap<usize, Vec<Option<TenantId>>, RandomState>,
}

impl<'a, 'b> Tenants<'a, 'b> {
    pub(super) fn new(
        plan: &'a StatementPlan,
        params: &'a Params<'a, 'b>,
        answer: Option<&'a Answer>,
        fixed: bool,
    ) -> Self {
        Self {
            plan,
            params,
            answer,
            fixed,
            known: SmallVec::new(),
            elements: HashMap::default(),
        }
    }

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
    pub(super) fn kept_out(&self, shut: &Shut) -> Vec<Splice> {
        let (Some(lookup), Some(_), false) = (&self.plan.lookup, self.answer, self.fixed) else {
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

    /// Whether this tenant was asked for and no row has it: nothing will be stored for it. A text that goes as it is must
    /// compare each row with what was found.
    pub(super) fn unmatched(&self, index: usize) -> bool {
        let (Some(lookup), Some(_)) = (&self.plan.lookup, self.answer) else {
            return false;
        };
        match self.plan.tenants.get(index) {
            Some(TenantSource::Asked(term)) => {
                let kept = match self.fixed {
                    false => lookup.zero_rows_ok.contains(term),
                    true => self.is_compared(index),
                };
                kept && self.rows(*term).is_empty()
            }
            Some(TenantSource::Branch { case, number }) => {
                let kept = !self.fixed || self.is_compared(index);
                kept && self.of_branch(*case, *number).is_empty()
            }
            _ => false,
        }
    }

    /// Whether the statement fails at a row that is not this tenant's.
    fn is_compared(&self, index: usize) -> bool {
        let guards = self.plan.guards.iter();
        let mut parts = guards.flat_map(|guard| &guard.parts);
        let compared = parts.any(|part| *part == Expected::Tenant(index));
        let lookup = self.plan.lookup.iter();
        let mut given = lookup.flat_map(|lookup| &lookup.must_equal);
        compared && !given.any(|(given, _)| *given == index)
    }

    /// Whether no row can be of this tenant: what says it is NULL, or names nothing.
    pub(super) fn has_no_rows(&mut self, index: usize) -> Result<bool, Refusal> {
        Ok(match self.plan.tenants.get(index) {
            Some(TenantSource::Among { of, .. }) => self.of_all(of)?.is_empty(),
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
    pub(super) fn check_agreed(&mut self) -> Result<(), Refusal> {
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

    /// Whose one element of an array of values is.
    pub(super) fn of_element(
        &mut self,
        index: usize,
        at: usize,
        column: &ProtectedColumn,
    ) -> Result<Whose, Refusal> {
        match self.plan.tenants.get(index) {
            Some(TenantSource::Each(sources)) => {
                let source = sources.get(at).ok_or_else(|| no_tenant(column))?;
                self.of(*source, column).map(Whose::one)
            }
            Some(TenantSource::Listed { .. } | TenantSource::Elements { .. }) => {
                let listed = self.listed(index)?.and_then(|tenants| tenants.get(at));
                let tenant = listed.cloned().flatten();
                tenant.map(Whose::one).ok_or_else(|| no_tenant(column))
            }
            _ => self.of_value(index, column),
        }
    }

    /// Whose a value is.
    pub(super) fn of_value(
        &mut self,
        index: usize,
        column: &ProtectedColumn,
    ) -> Result<Whose, Refusal> {
        let Some(TenantSource::Among { of, .. }) = self.plan.tenants.get(index) else {
            return self.of(index, column).map(Whose::one);
        };
        let mut all = self.of_all(of)?.into_iter();
        Ok(Whose {
            first: all.next().ok_or_else(|| no_tenant(column))?,
            others: all.collect(),
        })
    }

    /// The tenants that these sources name, each once.
    fn of_all(&mut self, sources: &[usize]) -> Result<Vec<TenantId>, Refusal> {
        let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
        for source in sources {
            let found = match self.plan.tenants.get(*source) {
                Some(TenantSource::Listed { .. } | TenantSource::Elements { .. }) => {
                    // What cannot be a tenant's name is no row's that holds values.
                    let listed = self.listed(*source)?.into_iter().flatten();
                    listed.flatten().cloned().collect()
                }
                _ if self.has_no_rows(*source)? => Vec::new(),
                _ => vec![self.known_or_found(*source)?.ok_or_else(unknown_tenant)?],
            };
            all.extend(
                found
                    .into_iter()
                    .filter(|tenant| seen.insert(tenant.clone())),
            );
        }
        Ok(all)
    }

    /// The tenants in an array of them; `None`: it is NULL.
    fn listed(&mut self, index: usize) -> Result<Option<&[Option<TenantId>]>, Refusal> {
        let (bytes, format, type_oid, max_chars) = match self.plan.tenants.get(index) {
            Some(TenantSource::Listed {
                array,
                type_oid,
                max_chars,
            }) => (array.as_bytes(), Format::Text, *type_oid, *max_chars),
            Some(TenantSource::Elements {
                number,
                type_oid,
                max_chars,
            }) => {
                let Some((bytes, format)) = self.params.get(*number)? else {
                    return Ok(None);
                };
                (bytes, format, *type_oid, *max_chars)
            }
            _ => return Ok(None),
        };
        if let Entry::Vacant(place) = self.elements.entry(index) {
            let elements = array::elements(format, bytes).ok_or_else(unknown_tenant)?;
            let tenant = |element: &Option<Cow<'_, [u8]>>| {
                TenantId::stored(type_oid, format, element.as_deref()?, max_chars)
            };
            place.insert(elements.iter().map(tenant).collect());
        }
        Ok(self.elements.get(&index).map(Vec::as_slice))
    }

    fn of(&mut self, index: usize, column: &ProtectedColumn) -> Result<TenantId, Refusal> {
        self.known_or_found(index)?.ok_or_else(|| no_tenant(column))
    }

    fn known_as(&self, index: usize) -> Option<&TenantId> {
        let mut known = self.known.iter();
        known.find_map(|(of, tenant)| (*of == index).then_some(tenant))
    }

    fn known_or_found(&mut self, index: usize) -> Result<Option<TenantId>, Refusal> {
        if let Some(known) = self.known_as(index) {
            return Ok(Some(known.clone()));
        }
        let tenant = match self.plan.tenants.get(index) {
            Some(TenantSource::Known(tenant)) => Some(tenant.clone()),
            Some(TenantSource::Param {
                number,
                type_oid,
                max_chars,
            }) => {
                let bound = self.params.get(*number)?;
                bound.and_then(|(bytes, format)| {
                    TenantId::stored(*type_oid, format, bytes, *max_chars)
                })
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
                TenantSource::Elements { .. }
                | TenantSource::Listed { .. }
                | TenantSource::Each(_)
                | TenantSource::Among { .. },
            )
            | None => None,
        };
        if let Some(tenant) = &tenant {
            self.known.push((index, tenant.clone()));
        }
        Ok(tenant)
    }

    /// What the statement's guards compare rows with.
    pub(super) fn found(&mut self, others: &Others) -> Result<Vec<Option<String>>, Refusal> {
        let plan = self.plan;
        let equal = plan.lookup.iter().flat_map(|lookup| &lookup.must_equal);
        let equal: Vec<(usize, i32)> = equal.copied().collect();
        let mut found = Vec::new();
        for compared in plan.guarding() {
            let index = match compared {
                Expected::Tenant(index) => index,
                Expected::Others(index) => {
                    let others = others.get(&index).map_or(&[][..], Vec::as_slice);
                    let array = array::with_elements(Format::Text, b"{}", others);
                    found.push(array.and_then(|array| String::from_utf8(array).ok()));
                    continue;
                }
                Expected::Text(_) => continue,
            };
            let asked = match plan.tenants.get(index) {
                Some(TenantSource::Asked(term)) => Some(*term),
                _ => None,
            };
            let given = equal
                .iter()
                .find(|(given, term)| *given == index || asked == Some(*term));
            let tenant = match (self.known_as(index), given) {
                (None, None) if self.fixed && self.unmatched(index) => {
                    found.push(Some(nobody()));
                    continue;
                }
                (Some(known), _) => Some(known.clone()),
                (None, Some((given, _))) => self.known_or_found(*given)?,
                (None, None) => None,
            };
            found.push(tenant.map(|tenant| tenant.as_str().to_owned()));
        }
        Ok(found)
    }

    /// A conflicting row that an upsert would change must be of the tenant that its new value is sealed for.
    pub(super) fn check_equal(&mut self) -> Result<(), Refusal> {
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
                // Values that the rows hold already would stay sealed for their old tenant.
                return Err(match &lookup.assigned {
                    Some(assigned) => tenant_changes(assigned),
                    None => several_tenants(),
                });
            }
        }
        Ok(())
    }
}

/// A text that is no tenant's name: a row that came after the look-up is not his.
fn nobody() -> String {
    "-".repeat(TenantId::MAX_LEN + 1)
}

fn no_tenant(column: &ProtectedColumn) -> Refusal {
    Refusal::new(
        "SV007",
        format!(
            "the tenant of a value for {} is not known",
            column.full_name()
        ),
        "Give the row's tenant in the statement, or name the row that has it. See docs/errors.md#sv007.",
    )
}

fn unknown_tenant() -> Refusal {
    Refusal::new(
        "SV007",
        "one of the tenants among which a value is looked for is not known",
        "Name tenants that are there, in an array of one dimension or a list. See docs/errors.md#sv007.",
    )
}

fn two_tenants() -> Refusal {
    refused(
        "values of two tenants are compared with each other, which are sealed under different keys",
        "Compare rows of one tenant.",
        "refused-search",
        None,
    )
}

fn several_tenants() -> Refusal {
    Refusal::new(
        "SV007",
        "one value would be stored in rows of several tenants",
        "Write the rows of each tenant with a statement of their own. See docs/errors.md#sv007.",
    )
}

fn tenant_changes(assigned: &AssignedTenant) -> Refusal {
    let column = &assigned.column;
    refused(
        format!("the tenant of a row with sealed columns, {column}, cannot be changed"),
        "Insert the row anew for the other tenant, through pgseal, and delete this one.",
        "refused-tenant-change",
        assigned.position,
    )
}
