//! Statements, portals and cursors of a session, and the plans that sessions share.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use foldhash::fast::RandomState;
use quick_cache::Equivalent;
use quick_cache::sync::Cache;

use super::atomic::Deed;
use super::ledger::{Effect, Entry, Request};
use crate::model::{Oid, TenantId};
use crate::plan::{Plan, SlotSource, StatementKind, StatementPlan, Verdict};

/// A protected prepared statement.
pub(super) struct Prepared {
    pub(super) plan: Arc<StatementPlan>,
    /// The client's text, for the variant that touches no row.
    pub(super) sql: Bytes,
    /// Types that the client declared at Parse.
    pub(super) declared: Vec<Oid>,
    /// What it does.
    pub(super) deed: Deed,
    /// Types that the server told: the client's parameters first, then ours.
    pub(super) types: OnceLock<Vec<Oid>>,
}

impl Prepared {
    /// Parameters that we added behind the client's: copies, then one per literal.
    pub(super) fn added(&self) -> usize {
        self.plan.copies.len() + self.literals()
    }

    /// Whether a Bind of it must be looked into: something is sealed, asked or added.
    pub(super) fn takes_values(&self) -> bool {
        !self.plan.slots.is_empty() || self.plan.lookup.is_some() || !self.plan.copies.is_empty()
    }

    fn literals(&self) -> usize {
        self.plan
            .slots
            .iter()
            .filter(|slot| matches!(slot.source, SlotSource::Literal { .. }))
            .count()
    }
}

/// A portal of a protected statement.
#[derive(Clone)]
pub(super) struct Portal {
    pub(super) plan: Arc<StatementPlan>,
    /// Its columns, once a RowDescription of the portal itself has passed.
    pub(super) opener: Option<super::opening::Opener>,
    /// A Describe of the portal was sent.
    pub(super) described: bool,
    /// It outlives its transaction: a cursor WITH HOLD.
    pub(super) hold: bool,
    /// Whose the rows of a COPY FROM are, where they do not say it.
    pub(super) tenant: Option<TenantId>,
    /// What its statement does.
    pub(super) deed: Deed,
}

impl Portal {
    pub(super) fn new(plan: Arc<StatementPlan>, deed: Deed) -> Self {
        Self {
            plan,
            opener: None,
            described: false,
            hold: false,
            tenant: None,
            deed,
        }
    }
}

/// Protected statements and portals by name. What is not protected is not in here. SQL and the protocol share both
/// namespaces: PREPARE makes a statement, DECLARE a portal.
#[derive(Clone, Default)]
pub(super) struct Names {
    pub(super) statements: HashMap<Bytes, Arc<Prepared>, RandomState>,
    pub(super) portals: HashMap<Bytes, Portal, RandomState>,
    /// Statements that were prepared since the rules changed under this session, protected or not; `None`: they have
    /// not changed. An older one was planned, or left alone, by rules that are no longer in force.
    pub(super) fresh: Option<HashSet<Bytes>>,
}

impl Names {
    pub(super) fn is_empty(&self) -> bool {
        self.statements.is_empty() && self.portals.is_empty() && self.fresh.is_none()
    }

    /// Whether this statement is older than the rules.
    pub(super) fn is_stale(&self, statement: &[u8]) -> bool {
        self.fresh
            .as_ref()
            .is_some_and(|fresh| !fresh.contains(statement))
    }

    /// Whether SQL can name something protected without naming its table (EXECUTE, FETCH).
    pub(super) fn reachable_by_sql(&self) -> bool {
        let mut names = self.statements.keys().chain(self.portals.keys());
        names.any(|name| !name.is_empty())
    }

    /// A request was sent, and is taken to succeed.
    pub(super) fn sent(&mut self, entry: &Entry) {
        if entry.request == Request::Query {
            self.forget_unnamed();
        }
        match &entry.effect {
            Effect::Results(plan, next) => {
                let to_come = plan.statements.iter().skip(*next);
                to_come.for_each(|statement| self.complete(statement));
            }
            Effect::Rows(name) => {
                if let Some(portal) = self.portals.get(name) {
                    let plan = portal.plan.clone();
                    self.complete(&plan);
                }
            }
            effect => self.apply(effect),
        }
    }

    /// A simple Query ends the unnamed statement and the unnamed portal (manual 55.2.3).
    pub(super) fn forget_unnamed(&mut self) {
        self.statements.remove(&b""[..]);
        self.portals.remove(&b""[..]);
    }

    /// What an acknowledgement changes.
    pub(super) fn apply(&mut self, effect: &Effect) {
        if let Some(fresh) = &mut self.fresh {
            match effect {
                Effect::Statement(name, _) => drop(fresh.insert(name.clone())),
                Effect::CloseStatement(name) => drop(fresh.remove(name)),
                _ => {}
            }
        }
        match effect {
            Effect::Statement(name, Some(statement)) => {
                self.statements.insert(name.clone(), statement.clone());
            }
            Effect::Statement(name, None) | Effect::CloseStatement(name) => {
                self.statements.remove(name);
            }
            Effect::Portal(name, Some(portal)) => {
                self.portals.insert(name.clone(), portal.clone());
            }
            Effect::Portal(name, None) | Effect::ClosePortal(name) => {
                self.portals.remove(name);
            }
            Effect::Describe(name) => {
                if let Some(portal) = self.portals.get_mut(name) {
                    portal.described = true;
                }
            }
            Effect::None
            | Effect::Parameters { .. }
            | Effect::Rows(_)
            | Effect::Results(..)
            | Effect::Answer => {}
        }
    }

    /// A statement has completed: PREPARE, DECLARE and their opposites change names.
    pub(super) fn complete(&mut self, plan: &Arc<StatementPlan>) {
        match &plan.kind {
            StatementKind::Prepare { name, inner, reads } => {
                let prepared = Prepared {
                    plan: inner.clone(),
                    sql: Bytes::new(),
                    declared: Vec::new(),
                    deed: if *reads { Deed::Reads } else { Deed::Writes },
                    types: OnceLock::new(),
                };
                self.statements
                    .insert(name.clone().into(), Arc::new(prepared));
            }
            StatementKind::Deallocate { name: Some(name) } => {
                self.statements.remove(name.as_bytes());
            }
            StatementKind::Deallocate { name: None } => self.statements.clear(),
            StatementKind::Declare { name, hold } => {
                let cursor = Portal {
                    hold: *hold,
                    ..Portal::new(plan.clone(), Deed::Reads)
                };
                self.portals.insert(name.clone().into(), cursor);
            }
            StatementKind::CloseCursor { name: Some(name) } => {
                self.portals.remove(name.as_bytes());
            }
            StatementKind::CloseCursor { name: None } => self.portals.clear(),
            StatementKind::Forward
            | StatementKind::Run
            | StatementKind::Define
            | StatementKind::Execute { .. }
            | StatementKind::Fetch { .. }
            | StatementKind::CopyIn(_)
            | StatementKind::CopyOut(_) => {}
        }
    }
}

/// Plans of statements that carry no literal of a sealed column, by text.
pub(super) struct PlanCache {
    verdicts: Cache<PlanKey, Verdict>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct PlanKey {
    sql: Box<[u8]>,
    declared: Box<[Oid]>,
    epoch: u64,
}

/// What a plan is looked up by; a hit copies nothing.
#[derive(Clone, Copy, Hash)]
pub(super) struct PlanOf<'a> {
    /// The statement's text.
    pub(super) sql: &'a [u8],
    /// Parameter types that the client declared.
    pub(super) declared: &'a [Oid],
    /// The catalog's.
    pub(super) epoch: u64,
}

impl Equivalent<PlanKey> for PlanOf<'_> {
    fn equivalent(&self, key: &PlanKey) -> bool {
        self.epoch == key.epoch && *self.sql == *key.sql && *self.declared == *key.declared
    }
}

impl PlanCache {
    /// Statements remembered.
    const CAPACITY: usize = 4096;
    /// Texts above this are planned each time, in bytes.
    const LONGEST: usize = 64 << 10;

    pub(super) fn new() -> Self {
        Self {
            verdicts: Cache::new(Self::CAPACITY),
        }
    }

    pub(super) fn find(&self, of: &PlanOf<'_>) -> Option<Verdict> {
        self.verdicts.get(of)
    }

    pub(super) fn keep(&self, of: &PlanOf<'_>, verdict: &Verdict) {
        let lasting = match verdict {
            Verdict::Protect(plan) => is_lasting(plan),
            Verdict::Forward => true,
            // A refused text may hold a literal of a sealed column.
            Verdict::Refuse(_) | Verdict::Resolve(_) => false,
        };
        if lasting && of.sql.len() <= Self::LONGEST {
            let key = PlanKey {
                sql: of.sql.into(),
                declared: of.declared.into(),
                epoch: of.epoch,
            };
            self.verdicts.insert(key, verdict.clone());
        }
    }
}

/// Neither plaintext in the text nor a name that means something else next time.
fn is_lasting(plan: &Plan) -> bool {
    plan.statements.iter().all(|statement| {
        let literal = statement
            .slots
            .iter()
            .any(|slot| matches!(slot.source, SlotSource::Literal { .. }));
        let lasting = matches!(
            statement.kind,
            StatementKind::Run
                | StatementKind::Define
                | StatementKind::Forward
                | StatementKind::CopyIn(_)
                | StatementKind::CopyOut(_)
        );
        !literal && lasting
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_found_by_borrowed_text_types_and_epoch() {
        let cache = PlanCache::new();
        let of = |sql, declared, epoch| PlanOf {
            sql,
            declared,
            epoch,
        };
        cache.keep(&of(b"SELECT 1", &[Oid(25)], 7), &Verdict::Forward);
        assert!(cache.find(&of(b"SELECT 1", &[Oid(25)], 7)).is_some());
        let hit = allocation_counter::measure(|| {
            assert!(cache.find(&of(b"SELECT 1", &[Oid(25)], 7)).is_some());
        });
        assert_eq!(hit.count_total, 0);
        assert!(cache.find(&of(b"SELECT 2", &[Oid(25)], 7)).is_none());
        assert!(cache.find(&of(b"SELECT 1", &[], 7)).is_none());
        assert!(cache.find(&of(b"SELECT 1", &[Oid(25)], 8)).is_none());
    }
}
