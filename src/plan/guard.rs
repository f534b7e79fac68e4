//! Conditions that make a statement fail at a row of another tenant than the look-up found.
//!
//! Between the look-up and the statement another session can move a row to a key that was asked about. The statement
//! itself compares each row that it changes, in the version that it changes, with the tenant that its values were sealed
//! for. Leaving the row alone would tell the client that there is none, so it is an error; PostgreSQL knows no expression
//! that raises one with a code of ours, so a cast fails, and the session puts the code in its place.

use std::collections::BTreeMap;
use std::ops::Range;

use super::matched::Parts;
use super::tenant_sql::{quoted, row_tenant_sql};
use super::types::{Expected, Guard, MOVED, Splice};
use super::update::Change;
use super::walk::Walk;
use crate::rules::ProtectedTable;

/// Texts are compared byte by byte, whatever collation the column has.
const EXACTLY: &str = "COLLATE pg_catalog.\"C\"";

/// `found` holds; else the statement fails. `tenant` is the row's own.
fn or_fails(found: Vec<Expected>, tenant: &str) -> Vec<Expected> {
    let mut check = vec![Expected::text("CASE WHEN ")];
    check.extend(found);
    // It depends on the row: a constant would be evaluated before any row is looked at.
    check.push(Expected::Text(format!(
        " THEN true ELSE pg_catalog.concat('{MOVED}', pg_catalog.left({tenant}, 0))::pg_catalog.int4 IS NULL END"
    )));
    check
}

/// Whether the row's tenant is this one, where one was looked for.
fn is_found(tenant: &str, found: &[Expected]) -> Vec<Expected> {
    let mut check = vec![Expected::text("(")];
    check.extend_from_slice(found);
    check.push(Expected::text(") IS NULL OR "));
    check.push(Expected::Text(format!("{tenant} {EXACTLY} = (")));
    check.extend_from_slice(found);
    check.push(Expected::text(")"));
    or_fails(check, tenant)
}

impl Expected {
    fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Guard {
    /// One that holds where `condition`, at these bytes of the text, does; the condition stands on.
    fn within(condition: Range<usize>, check: Vec<Expected>) -> Self {
        let mut parts = vec![Expected::text(") THEN ")];
        parts.extend(check);
        parts.push(Expected::text(" ELSE false END"));
        Self {
            open: Some(Splice {
                span: condition.start..condition.start,
                text: "CASE WHEN (".to_owned(),
            }),
            at: condition.end,
            parts,
        }
    }

    fn appended(at: usize, word: &str, check: Vec<Expected>) -> Self {
        let mut parts = vec![Expected::text(word)];
        parts.extend(check);
        Self {
            open: None,
            at,
            parts,
        }
    }

    /// What an EXECUTE gives a statement with guards beside its arguments.
    pub(super) fn arguments(
        at: usize,
        [open, close]: [&str; 2],
        found: &[Expected],
    ) -> Option<Self> {
        (!found.is_empty()).then(|| {
            let mut parts = vec![Expected::text(open)];
            for (n, found) in found.iter().enumerate() {
                if n > 0 {
                    parts.push(Expected::text(", "));
                }
                parts.push(found.clone());
            }
            parts.push(Expected::text(close));
            Self {
                open: None,
                at,
                parts,
            }
        })
    }
}

/// The tenant of the branch that a row takes: of the branches of one CASE, by their numbers.
pub(super) fn of_branches(number: &str, tenants: &BTreeMap<i32, usize>) -> Vec<Expected> {
    let mut found = vec![Expected::Text(format!("CASE ({number})"))];
    for (branch, tenant) in tenants {
        found.push(Expected::Text(format!(" WHEN {branch} THEN ")));
        found.push(Expected::Tenant(*tenant));
    }
    found.push(Expected::text(" END"));
    found
}

impl Walk<'_> {
    /// Lets an UPDATE fail at a row whose tenant is not each of these.
    pub(super) fn guard_rows(
        &mut self,
        change: &Change<'_>,
        parts: &Parts,
        found: &[Vec<Expected>],
    ) {
        if found.is_empty() {
            // Nothing is stored that is sealed.
            return;
        }
        let name = change.own.first().copied().unwrap_or_default();
        let tenant = row_tenant_sql(change.table, &format!("{}.", quoted(name)));
        let mut check = Vec::new();
        for found in found {
            if !check.is_empty() {
                check.push(Expected::text(" AND "));
            }
            check.extend(is_found(&tenant, found));
        }
        let bytes = |range: &Range<usize>| {
            let last = range.end.checked_sub(1).and_then(|last| self.token(last));
            Some(self.token(range.start)?.start..last?.end)
        };
        let Some(condition) = &parts.condition else {
            let at = self.end_before(parts.end);
            self.asking
                .guards
                .push(Guard::appended(at, " WHERE ", check));
            return;
        };
        let Some(condition) = bytes(condition) else {
            return;
        };
        // The condition stays by itself, for indexes; again inside of CASE it keeps the check from other rows.
        let again = self.sql.get(condition.clone()).unwrap_or_default();
        let mut guarded = vec![Expected::Text(format!(") AND CASE WHEN ({again}) THEN "))];
        guarded.extend(check);
        guarded.push(Expected::text(" ELSE false END"));
        self.asking.guards.push(Guard {
            open: Some(Splice {
                span: condition.start..condition.start,
                text: "(".to_owned(),
            }),
            at: condition.end,
            parts: guarded,
        });
    }

    /// Lets an upsert fail at a row of another tenant than the new one's. `set` is a token behind SET.
    pub(super) fn guard_upsert(&mut self, table: &ProtectedTable, name: &str, set: usize) {
        let row = format!("{}.", quoted(name));
        let tenant = row_tenant_sql(table, &row);
        let new = row_tenant_sql(table, "excluded.");
        let same = vec![Expected::Text(format!("{tenant} {EXACTLY} = {new}"))];
        let check = or_fails(same, &tenant);
        // The first name of `(a, b) = …` stands in brackets.
        let bracket = set.checked_sub(1).filter(|before| {
            self.token(*before)
                .is_some_and(|token| token.is_special(b'('))
        });
        let set = bracket.unwrap_or(set);
        let returning = self.outside(set, "returning");
        let end = returning.unwrap_or_else(|| self.clause_end(set));
        let at = self.end_before(end);
        let condition = self
            .outside(set, "where")
            .filter(|condition| *condition < end);
        let start = condition.and_then(|condition| self.token(condition + 1));
        let guard = match start.map(|token| token.start) {
            Some(start) => Guard::within(start..at, check),
            None => Guard::appended(at, " WHERE ", check),
        };
        self.asking.guards.push(guard);
    }

    /// Lets an arm of MERGE fail at a row of another tenant. `kind` is its last token before AND or THEN.
    pub(super) fn guard_arm(
        &mut self,
        (table, name): (&ProtectedTable, &str),
        kind: usize,
        condition: Option<Range<usize>>,
        found: usize,
    ) {
        let row = format!("{}.", quoted(name));
        let tenant = row_tenant_sql(table, &row);
        let check = is_found(&tenant, &[Expected::Tenant(found)]);
        let condition = condition.and_then(|condition| {
            let start = self.token(condition.start)?.start;
            Some(start..self.end_before(condition.end))
        });
        let guard = match condition {
            Some(condition) => Guard::within(condition, check),
            None => {
                let at = self.token(kind).map_or(0, |token| token.end);
                Guard::appended(at, " AND ", check)
            }
        };
        self.asking.guards.push(guard);
    }

    /// Where the token before this one ends, in bytes.
    fn end_before(&self, at: usize) -> usize {
        let last = at.checked_sub(1).and_then(|last| self.token(last));
        last.map_or(0, |token| token.end)
    }

    /// The bracket that ends the clause at a token, or the statement's end.
    fn clause_end(&self, from: usize) -> usize {
        let mut depth = 0usize;
        for at in from..self.range.end {
            if let Some(token) = self.token(at) {
                if token.is_special(b'(') || token.is_special(b'[') {
                    depth += 1;
                } else if token.is_special(b')') || token.is_special(b']') {
                    match depth.checked_sub(1) {
                        Some(outer) => depth = outer,
                        None => return at,
                    }
                }
            }
        }
        self.range.end
    }
}
