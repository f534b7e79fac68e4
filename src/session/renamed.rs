//! EXECUTE looks its name up when it runs: by then that may be another statement's than when the constants of the EXECUTE
//! were sealed, or left as they are because nothing protected bore the name.

use std::sync::Arc;

use super::Session;
use super::names::takes_values;
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
}
