//! Portals and cursors of protected statements, by name.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use foldhash::fast::RandomState;

use super::atomic::Deed;
use super::opening::Opener;
use crate::model::TenantId;
use crate::plan::StatementPlan;

/// A portal of a protected statement.
#[derive(Clone)]
pub(super) struct Portal {
    pub(super) plan: Arc<StatementPlan>,
    /// Its columns, once a RowDescription of the portal itself has passed.
    pub(super) opener: Option<Opener>,
    /// A Describe of the portal was sent.
    pub(super) described: bool,
    /// It outlives its transaction: a cursor WITH HOLD.
    pub(super) hold: bool,
    /// Whose the rows of a COPY FROM are, where they do not say it.
    pub(super) tenant: Option<TenantId>,
    /// What its statement does.
    pub(super) deed: Deed,
    /// Of an EXECUTE, the plan of the statement that its name meant.
    pub(super) runs: Option<Arc<StatementPlan>>,
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
            runs: None,
        }
    }
}

/// Those of one session. The unnamed one, which most statements run in, is not looked for in a table.
#[derive(Clone, Default)]
pub(super) struct Portals {
    unnamed: Option<Portal>,
    named: HashMap<Bytes, Portal, RandomState>,
}

impl Portals {
    pub(super) fn is_empty(&self) -> bool {
        self.unnamed.is_none() && self.named.is_empty()
    }

    /// Whether one has a name.
    pub(super) fn any_named(&self) -> bool {
        !self.named.is_empty()
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<&Portal> {
        if name.is_empty() {
            self.unnamed.as_ref()
        } else {
            self.named.get(name)
        }
    }

    pub(super) fn get_mut(&mut self, name: &[u8]) -> Option<&mut Portal> {
        if name.is_empty() {
            self.unnamed.as_mut()
        } else {
            self.named.get_mut(name)
        }
    }

    pub(super) fn insert(&mut self, name: Bytes, portal: Portal) {
        if name.is_empty() {
            self.unnamed = Some(portal);
        } else {
            self.named.insert(name, portal);
        }
    }

    pub(super) fn remove(&mut self, name: &[u8]) {
        if name.is_empty() {
            self.unnamed = None;
        } else {
            self.named.remove(name);
        }
    }

    /// All of them are gone.
    pub(super) fn clear(&mut self) {
        self.unnamed = None;
        self.named.clear();
    }

    /// The transaction is over.
    pub(super) fn end_transaction(&mut self) {
        self.unnamed = None;
        if !self.named.is_empty() {
            self.named.retain(|_, portal| portal.hold);
        }
    }
}
