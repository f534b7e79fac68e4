//! What names mean when a statement runs.
//!
//! EXECUTE looks its name up when it runs: by then that may be another statement's than when the constants of the EXECUTE
//! were sealed, or left as they are because nothing protected bore the name. The server looks up the names of tables anew
//! at Bind and EXECUTE, when the search path, or a table, has changed: so it is asked about them.

use std::sync::Arc;

use super::frontend::{Step, WAIT};
use super::ledger::Request;
use super::names::{Prepared, takes_values};
use super::question::{self, Question};
use super::reading::stale;
use super::{Fatal, Session};
use crate::model::Oid;
use crate::plan::{StatementKind, StatementPlan};
use crate::wire::{Inbox, Outbox};

/// What a statement that was prepared or bound executes by name now.
enum Executes {
    /// What it did, or nothing by name, or nothing to which its constants matter.
    TheSame,
    /// Another statement.
    Another,
    /// The server has not said yet what the name means.
    Unsettled,
}

impl Session {
    /// `then`: the plan of the statement that the name meant.
    fn executes(&mut self, plan: &StatementPlan, then: Option<&Arc<StatementPlan>>) -> Executes {
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

    /// The same for a message that runs such a statement: what becomes of it unless it may go on.
    pub(super) fn executes_another(
        &mut self,
        request: Request,
        plan: &StatementPlan,
        then: Option<&Arc<StatementPlan>>,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Option<Step>, Fatal> {
        match self.executes(plan, then) {
            Executes::TheSame => Ok(None),
            Executes::Another => self.refuse(request, stale(), input, out).map(Some),
            Executes::Unsettled => {
                self.flush_group(input, out)?;
                Ok(Some(WAIT))
            }
        }
    }

    /// The names of a statement that may mean another relation by now, and what they meant.
    pub(super) fn meanings(&self, prepared: &Prepared) -> Vec<(String, Option<Oid>)> {
        let mut meanings = prepared.plan.meanings.clone();
        if self.may_mean_another(prepared) {
            let meant = prepared.plan.meant.iter();
            meanings.extend(meant.map(|meant| (meant.asked(), Some(meant.relation))));
        }
        meanings
    }

    /// Whether a table was made, since the statement was planned, that may take over one of its names.
    fn may_mean_another(&self, prepared: &Prepared) -> bool {
        // What it executes is older than it is.
        let executes = matches!(prepared.plan.kind, StatementKind::Execute { .. });
        let known = prepared.catalogs == Some(self.catalogs) && self.defining.is_empty();
        (executes || !known) && self.has_rivals(&prepared.plan)
    }

    fn has_rivals(&self, plan: &StatementPlan) -> bool {
        let planner = self.shared.planner.load();
        let planner = planner.as_ref();
        planner.is_some_and(|planner| planner.may_mean_another(&plan.meant, &self.defining))
    }

    /// What the names mean in statements that a Query executes, where it may be something else by now.
    pub(super) fn executed_meanings(
        &self,
        plans: &[Arc<StatementPlan>],
    ) -> Vec<(String, Option<Oid>)> {
        let mut meanings = Vec::new();
        let executes =
            |plan: &&Arc<StatementPlan>| matches!(plan.kind, StatementKind::Execute { .. });
        for plan in plans.iter().filter(executes) {
            meanings.extend(plan.meanings.iter().cloned());
            if self.has_rivals(plan) {
                let meant = plan.meant.iter();
                meanings.extend(meant.map(|meant| (meant.asked(), Some(meant.relation))));
            }
        }
        meanings
    }

    /// Whether names mean the tables for which a statement was planned: the server looks them up anew when the search path,
    /// or a table, has changed. `None`: it is being asked, as the frame's `n`-th question.
    pub(super) fn mean_the_same(
        &mut self,
        meanings: &[(String, Option<Oid>)],
        n: usize,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Option<bool>, Fatal> {
        let names = meanings.iter().map(|(name, _)| name.clone());
        let names: Vec<String> = names.collect();
        let Some(now) = self.meaning(&names, n, input, out)? else {
            return Ok(None);
        };
        let mut pairs = meanings.iter().zip(now);
        Ok(Some(pairs.all(|((_, then), now)| *then == now)))
    }

    /// What names mean to this session; `None`: it is being asked.
    pub(super) fn meaning(
        &mut self,
        names: &[String],
        n: usize,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Option<Vec<Option<Oid>>>, Fatal> {
        let question = Question::of(question::meaning_of(names));
        if !self.has_answer(n, &question, input, out)? {
            return Ok(None);
        }
        let Some(answer) = self.answer(n) else {
            return Ok(None);
        };
        let meaning = |term: i32| {
            let oid = answer.of(term).first().copied().flatten()?;
            oid.parse().ok().map(Oid)
        };
        Ok(Some(
            (0..).zip(names).map(|(term, _)| meaning(term)).collect(),
        ))
    }
}
