//! Statements, portals and cursors of a session, and the plans that sessions share.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use foldhash::fast::RandomState;

use super::atomic::Deed;
use super::ledger::{Effect, Entry, Request};
use super::portals::{Portal, Portals};
use crate::model::Oid;
use crate::plan::{StatementKind, StatementPlan};

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
    /// The name of our statement that looks up its tenants, if the server has it.
    pub(super) asked_by: OnceLock<Bytes>,
    /// How much the session had run when it was asked about its names.
    pub(super) asked_at: u64,
    /// The count of [`Shared::catalogs`](super::Shared) by which it was planned; `None`: by an earlier one.
    pub(super) catalogs: Option<u64>,
    /// Of an EXECUTE or FETCH, the plan of what its name meant.
    pub(super) runs: Option<Arc<StatementPlan>>,
}

impl Prepared {
    /// Parameters that we added behind the client's: copies, then one per literal, then the tenants of guards.
    pub(super) fn added(&self) -> usize {
        let plan = &self.plan;
        let ours = if plan.takes_parameters() {
            self.literals() + plan.guarding().len()
        } else {
            0
        };
        plan.copies.len() + ours
    }

    /// Whether a Bind of it must be looked into: something is sealed, asked or added.
    pub(super) fn takes_values(&self) -> bool {
        takes_values(&self.plan)
    }

    /// Whether a Bind of it must be read, and not only passed on.
    pub(super) fn is_looked_into(&self) -> bool {
        let executes = matches!(self.plan.kind, StatementKind::Execute { .. });
        executes || !self.plan.meanings.is_empty() || self.takes_values()
    }

    fn literals(&self) -> usize {
        self.plan
            .slots
            .iter()
            .filter(|slot| slot.is_literal())
            .count()
    }
}

/// `NAMEDATALEN` of PostgreSQL.
pub(super) const NAME_LEN: usize = 64;

/// The name under which PostgreSQL keeps a statement or portal of the protocol: it does not compare the rest.
pub(super) fn kept_as(name: &[u8]) -> &[u8] {
    name.get(..NAME_LEN - 1).unwrap_or(name)
}

/// Whether something is sealed, asked or added for this plan.
pub(super) fn takes_values(plan: &StatementPlan) -> bool {
    let valued = !plan.slots.is_empty() || plan.lookup.is_some() || !plan.copies.is_empty();
    valued || !plan.agree.is_empty()
}

/// Protected statements and portals by name. What is not protected is not in here. SQL and the protocol share both
/// namespaces: PREPARE makes a statement, DECLARE a portal.
#[derive(Clone, Default)]
pub(super) struct Names {
    pub(super) statements: HashMap<Bytes, Arc<Prepared>, RandomState>,
    pub(super) portals: Portals,
    /// Statements that were prepared since the rules changed under this session, protected or not; `None`: they have
    /// not changed. An older one was planned, or left alone, by rules that are no longer in force.
    pub(super) fresh: Option<HashSet<Bytes>>,
    /// Statements that were forwarded and touch something that is protected by now.
    pub(super) overtaken: HashSet<Bytes>,
    /// Names of statements that mean something else since this group was sent, a protected one before or after. Until
    /// the server has answered that group either may be meant by a later one.
    changed: HashMap<Bytes, u64, RandomState>,
    /// What was to replace a protected unnamed statement failed: PostgreSQL drops the old one before it reads the new
    /// text, but after the message's encoding, so that nobody knows whether it is there.
    pub(super) unnamed_doubtful: bool,
}

impl Names {
    pub(super) fn is_empty(&self) -> bool {
        self.statements.is_empty()
            && self.portals.is_empty()
            && self.fresh.is_none()
            && self.overtaken.is_empty()
            && self.changed.is_empty()
            && !self.unnamed_doubtful
    }

    /// The group that changed what this statement's name means, if it was not forgotten.
    pub(super) fn changed(&self, statement: &[u8]) -> Option<u64> {
        self.changed.get(statement).copied()
    }

    /// The group that changed it is answered.
    pub(super) fn settled(&mut self, statement: &[u8]) {
        self.changed.remove(statement);
    }

    /// All groups are answered.
    pub(super) fn all_settled(&mut self) {
        self.changed.clear();
    }

    /// The groups that changed what names mean to SQL.
    pub(super) fn changes(&self) -> impl Iterator<Item = u64> {
        let named = self.changed.iter().filter(|(name, _)| !name.is_empty());
        named.map(|(_, group)| *group)
    }

    /// What a statement's name means from now on; `None`: nothing protected. `group`: of the request, if that was only sent.
    fn prepare(&mut self, name: Bytes, statement: Option<Arc<Prepared>>, group: Option<u64>) {
        let mut protected = statement.is_some() || self.changed.contains_key(&name);
        if name.is_empty() {
            protected |= std::mem::take(&mut self.unnamed_doubtful);
        }
        let old = match statement {
            Some(statement) => self.statements.insert(name.clone(), statement),
            None => self.statements.remove(&name),
        };
        if let Some(group) = group.filter(|_| protected || old.is_some()) {
            self.changed.insert(name, group);
        }
    }

    /// All named statements are gone; DEALLOCATE ALL and DISCARD ALL leave the unnamed one.
    fn deallocate_all(&mut self, group: Option<u64>) {
        let named: Vec<Bytes> = self.statements.keys().cloned().collect();
        for name in named.into_iter().filter(|name| !name.is_empty()) {
            self.prepare(name, None, group);
        }
    }

    /// This name and those that it leads to: an EXECUTE that the protocol prepared may be of another one. Names that execute
    /// each other end where they begin anew.
    pub(super) fn led_to(&self, name: &str) -> Vec<String> {
        let mut names = vec![name.to_owned()];
        while let Some(last) = names.last()
            && let Some(named) = self.statements.get(last.as_bytes())
            && let StatementKind::Execute { name: next } = &named.plan.kind
            && !names.contains(next)
        {
            let next = next.clone();
            names.push(next);
        }
        names
    }

    /// What the statement or cursor that this plan names is planned as now.
    pub(super) fn named_by(&self, plan: &StatementPlan) -> Option<Arc<StatementPlan>> {
        match &plan.kind {
            StatementKind::Execute { name } => {
                let last = self.led_to(name).pop()?;
                let named = self.statements.get(last.as_bytes());
                named.map(|statement| statement.plan.clone())
            }
            StatementKind::Fetch { name } => {
                let named = self.portals.get(name.as_bytes());
                named.map(|portal| portal.plan.clone())
            }
            _ => None,
        }
    }

    /// A portal of this statement.
    pub(super) fn portal_of(&self, prepared: &Prepared) -> Portal {
        Portal {
            runs: prepared.runs.clone(),
            ..Portal::new(self.plan_now(prepared), prepared.deed)
        }
    }

    /// The plan of a portal of this statement: what it names may mean something else than when it was prepared.
    fn plan_now(&self, prepared: &Prepared) -> Arc<StatementPlan> {
        let now = self.named_by(&prepared.plan);
        if now.as_ref().map(Arc::as_ptr) == prepared.runs.as_ref().map(Arc::as_ptr) {
            return prepared.plan.clone();
        }
        Arc::new(prepared.plan.naming(now.as_deref()))
    }

    /// Whether this statement is older than the rules or the catalog that protect something in it.
    pub(super) fn is_stale(&self, statement: &[u8]) -> bool {
        let older = |fresh: &HashSet<Bytes>| !fresh.contains(statement);
        self.fresh.as_ref().is_some_and(older) || self.overtaken.contains(statement)
    }

    /// Whether SQL can name a statement that is.
    pub(super) fn stale_by_sql(&self) -> bool {
        self.fresh.is_some() || self.overtaken.iter().any(|name| !name.is_empty())
    }

    /// Whether SQL can name something protected without naming its table (EXECUTE, FETCH).
    pub(super) fn reachable_by_sql(&self) -> bool {
        self.portals.any_named() || self.statements.keys().any(|name| !name.is_empty())
    }

    /// A request of this group was sent, and is taken to succeed.
    pub(super) fn sent(&mut self, entry: &Entry, group: u64) {
        let group = Some(group);
        if entry.request == Request::Query {
            self.forget_unnamed(group);
        }
        if matches!(entry.effect, Effect::None) {
            return;
        }
        match &entry.effect {
            Effect::Results(plan, next) => {
                let to_come = plan.statements.iter().skip(*next);
                to_come.for_each(|statement| self.change(statement, group));
            }
            Effect::Rows(name) => {
                if let Some(portal) = self.portals.get(name) {
                    let plan = portal.plan.clone();
                    self.change(&plan, group);
                }
            }
            effect => self.take(effect, group),
        }
    }

    /// A simple Query has ended: without an error it has dropped the unnamed statement and portal (manual 55.2.3).
    pub(super) fn queried(&mut self, failed: bool) {
        if failed {
            self.doubt_unnamed();
            self.portals.remove(b"");
        } else {
            self.forget_unnamed(None);
        }
    }

    /// What was to replace the unnamed statement failed.
    pub(super) fn doubt_unnamed(&mut self) {
        self.unnamed_doubtful |= self.statements.remove(&b""[..]).is_some();
    }

    fn forget_unnamed(&mut self, group: Option<u64>) {
        let known = !self.statements.is_empty() || !self.changed.is_empty();
        if known || self.unnamed_doubtful {
            self.prepare(Bytes::new(), None, group);
        }
        self.portals.remove(b"");
    }

    /// DISCARD ALL or DEALLOCATE ALL has completed.
    pub(super) fn deallocated(&mut self) {
        self.deallocate_all(None);
    }

    /// What the client calls this statement.
    pub(super) fn name_of(&self, statement: &Arc<Prepared>) -> String {
        let mut statements = self.statements.iter();
        let named = statements.find(|(_, named)| Arc::ptr_eq(named, statement));
        let name = named.map(|(name, _)| name.as_ref());
        String::from_utf8_lossy(name.unwrap_or_default()).into_owned()
    }

    /// What an acknowledgement changes.
    pub(super) fn apply(&mut self, effect: &Effect) {
        self.take(effect, None);
    }

    fn take(&mut self, effect: &Effect, group: Option<u64>) {
        if matches!(effect, Effect::None) {
            return;
        }
        if let Effect::Statement(name, _) | Effect::CloseStatement(name) = effect {
            self.overtaken.remove(name);
        }
        if let Some(fresh) = &mut self.fresh {
            match effect {
                Effect::Statement(name, _) => drop(fresh.insert(name.clone())),
                Effect::CloseStatement(name) => drop(fresh.remove(name)),
                _ => {}
            }
        }
        match effect {
            Effect::Statement(name, statement) => {
                self.prepare(name.clone(), statement.clone(), group);
            }
            Effect::CloseStatement(name) => self.prepare(name.clone(), None, group),
            Effect::Portal(name, Some(portal)) => {
                self.portals.insert(name.clone(), portal.as_ref().clone());
            }
            Effect::Portal(name, None) | Effect::ClosePortal(name) => {
                self.portals.remove(name);
            }
            Effect::Describe(name) => {
                if let Some(portal) = self.portals.get_mut(name) {
                    portal.described = true;
                }
            }
            Effect::Asker(statement, name) => {
                if group.is_none() {
                    let _ = statement.asked_by.set(name.clone());
                }
            }
            Effect::None
            | Effect::Asked(_)
            | Effect::Parameters { .. }
            | Effect::Rows(_)
            | Effect::Results(..)
            | Effect::Answer => {}
        }
    }

    /// A statement has completed: PREPARE, DECLARE and their opposites change names.
    pub(super) fn complete(&mut self, plan: &Arc<StatementPlan>) {
        self.change(plan, None);
    }

    fn change(&mut self, plan: &Arc<StatementPlan>, group: Option<u64>) {
        match &plan.kind {
            StatementKind::Prepare { name, inner, reads } => {
                let prepared = Prepared {
                    plan: inner.clone(),
                    sql: Bytes::new(),
                    declared: Vec::new(),
                    deed: if *reads { Deed::Reads } else { Deed::Writes },
                    types: OnceLock::new(),
                    asked_by: OnceLock::new(),
                    asked_at: 0,
                    catalogs: None,
                    runs: None,
                };
                self.prepare(name.clone().into(), Some(Arc::new(prepared)), group);
            }
            StatementKind::PreparePlain { name } => {
                self.prepare(Bytes::copy_from_slice(name.as_bytes()), None, group);
            }
            StatementKind::Deallocate { name: Some(name) } => {
                let name = Bytes::copy_from_slice(name.as_bytes());
                self.take(&Effect::CloseStatement(name), group);
            }
            StatementKind::Deallocate { name: None } => self.deallocate_all(group),
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
            | StatementKind::Transient
            | StatementKind::Execute { .. }
            | StatementKind::Fetch { .. }
            | StatementKind::CopyIn(_)
            | StatementKind::CopyOut(_) => {}
        }
    }
}
