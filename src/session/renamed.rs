//! What names mean when a statement runs.
//!
//! EXECUTE looks its name up when it runs: by then that may be another statement's than when the constants of the EXECUTE
//! were sealed, or left as they are because nothing protected bore the name.

use std::sync::Arc;

use super::Session;
use super::names::{Prepared, takes_values};
use crate::model::Oid;
use crate::plan::{StatementKind, StatementPlan};

/// What a statement that was prepared or bound executes by name now.
pub(super) enum Executes {
    /// What it did, or nothing by name, or nothing to which its constants matter.
    TheSame,
    /// Another statement.
    Another,
    /// The server has not said yet what the name means.
    Unsettled,
}

impl Session {
    /// `then`: the plan of the statement that the name meant.
    pub(super) fn executes(
        &mut self,
        plan: &StatementPlan,
        then: Option<&Arc<StatementPlan>>,
    ) -> Executes {
        let StatementKind::Execute { name } = &plan.kind else {
            return Executes::TheSame;
        };
        for name in self.sent.led_to(name) {
            if self.name_unsettled(name.as_bytes()) {
                return Executes::Unsettled;
            }
        }
        let now = self.sent.named_by(plan);
        let same = then.map(Arc::as_ptr) == now.as_ref().map(Arc::as_ptr);
        if same || !then.into_iter().chain(&now).any(|plan| takes_values(plan)) {
            Executes::TheSame
        } else {
            Executes::Another
        }
    }

    /// The names of a statement that may mean another relation by now, and what they meant.
    pub(super) fn meanings(&self, prepared: &Prepared) -> Vec<(String, Option<Oid>)> {
        let mut meanings = prepared.meanings.clone();
        if self.may_mean_another(prepared) {
            let meant = prepared.plan.meant.iter();
            meanings.extend(meant.map(|meant| (meant.asked(), Some(meant.relation))));
        }
        meanings
    }

    /// Whether a table was made, since the statement was planned, that may take over one of its names.
    fn may_mean_another(&self, prepared: &Prepared) -> bool {
        if prepared.catalogs == Some(self.catalogs) && self.defining.is_empty() {
            return false;
        }
        let planner = self.shared.planner.load();
        let planner = planner.as_ref();
        planner
            .is_some_and(|planner| planner.may_mean_another(&prepared.plan.meant, &self.defining))
    }

    /// Whether an EXECUTE seals values for a statement of which that is so.
    pub(super) fn executes_renamed(&self, plans: &[Arc<StatementPlan>]) -> bool {
        let sealing = plans.iter().filter(|plan| !plan.slots.is_empty());
        sealing.into_iter().any(|plan| {
            let StatementKind::Execute { name } = &plan.kind else {
                return false;
            };
            let prepared = self.sent.statements.get(name.as_bytes());
            prepared.is_some_and(|prepared| self.may_mean_another(prepared))
        })
    }
}
