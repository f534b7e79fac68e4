//! Rows on their way to the client, and the descriptions of their columns.

use std::sync::Arc;

use super::super::frontend::Step;
use super::super::ledger::{Effect, Entry, Fate, Request};
use super::super::opening::Row;
use super::super::reading::{is_utf8, other_encoding};
use super::super::{Fatal, Progress, Session, by_server, frame_too_large};
use crate::model::{KeyId, Oid, Refusal};
use crate::plan::{Lineage, Planner, StatementPlan};
use crate::wire::message::{DataRow, origins};
use crate::wire::{Inbox, Outbox, encode};

/// So many relations are remembered that the catalog was loaded for in vain.
const UNKNOWN: usize = 1024;

impl Session {
    pub(super) fn row(
        &mut self,
        len: usize,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Step, Fatal> {
        let Some(entry) = self.ledger.front() else {
            return Err(Fatal::Unexplained('D'));
        };
        if matches!(entry.effect, Effect::Answer) {
            if !input.is_whole() {
                return Ok(Step::Wait(Progress::NeedInput));
            }
            self.note_answer(input.body())?;
            input.skip(&mut out.client);
            return Ok(Step::Done);
        }
        if self.drowning {
            input.skip(&mut out.client);
            return Ok(Step::Done);
        }
        let utf8 = is_utf8(self.utf8, self.encoding_named, entry.group);
        let opener = match (&self.opener, &entry.effect) {
            (Some(opener), _) => opener.as_ref(),
            (None, Effect::Rows(name)) => {
                let opener = self
                    .acked
                    .portals
                    .get(name)
                    .and_then(|portal| portal.opener.clone());
                self.opener.insert(opener).as_ref()
            }
            (None, _) => None,
        };
        let Some(opener) = opener else {
            input.forward();
            return Ok(Step::Done);
        };
        if !utf8 {
            return self.fail_result(other_encoding(), input, out);
        }
        if len > self.terms.message_limit {
            return self.fail_result(frame_too_large(len), input, out);
        }
        if !input.is_whole() {
            return Ok(Step::Wait(Progress::NeedInput));
        }
        let body = input.body();
        // Its buffer serves the next row too.
        let mut row = std::mem::take(&mut self.row);
        row.read_next(body).map_err(by_server)?;
        let key_of = |kid: KeyId| self.answers.key(kid, &self.shared.keys);
        match opener.open(body, &row, &key_of) {
            Row::Unchanged => input.forward(),
            Row::Wants(mut wants) => {
                // All that is buffered waits together, not row by row.
                let rows = input.following().take_while(|(tag, _)| *tag == b'D');
                for (_, body) in rows {
                    if let Ok(row) = DataRow::read(body) {
                        opener.wants(body, &row, &key_of, &mut wants);
                    }
                }
                return Ok(Step::Wait(Progress::NeedKeys(Box::new(wants))));
            }
            Row::Failed(refusal) => return self.fail_result(refusal, input, out),
            Row::Opened(values) => {
                encode::data_row(&mut self.scratch, body, &row, &values).map_err(by_server)?;
                input.skip(&mut out.client);
                out.client.take(&mut self.scratch);
            }
        }
        self.row = row;
        Ok(Step::Done)
    }

    /// The client gets an error in the frame's place; the server does not know of it, so what it goes on to say up to
    /// ReadyForQuery is dropped, and an open transaction is made to fail before the client hears of it.
    pub(in crate::session) fn fail_result(
        &mut self,
        refusal: Refusal,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Step, Fatal> {
        let frame = self.encoded("server", |buf| {
            encode::error_response(buf, &refusal, "ERROR")
        })?;
        input.skip(&mut out.client);
        out.client.push(frame);
        self.drowning = true;
        self.failing = true;
        self.opener = None;
        self.ledger.discard_to_sync();
        Ok(Step::Done)
    }

    pub(super) fn row_description(
        &mut self,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Step, Fatal> {
        let Some(entry) = self.ledger.front() else {
            return Err(Fatal::Unexplained('T'));
        };
        let plan: Option<Arc<StatementPlan>> = match &entry.effect {
            Effect::Results(plan, index) => plan.statements.get(*index).cloned(),
            Effect::Describe(name) => self
                .acked
                .portals
                .get(name)
                .map(|portal| portal.plan.clone()),
            _ => None,
        };
        let portal = match &entry.effect {
            Effect::Describe(name) => Some(name.clone()),
            _ => None,
        };
        let planned = plan.is_some() || matches!(entry.effect, Effect::Parameters { .. });
        let forwarded = matches!(entry.fate(), Fate::Forward);
        let planner = self.shared.planner.load();
        let planner = planner.as_ref().filter(|_| !self.drowning);
        if let Some(planner) = planner.filter(|_| forwarded)
            && let Some(step) = self.made_since(planner, planned, input, out)?
        {
            return Ok(step);
        }
        if let (Some(plan), Some(planner)) = (plan, planner) {
            let opener = self.openers.of(planner, &plan, input.body());
            let opener = match opener.map_err(by_server)? {
                Ok(opener) => opener,
                Err(refusal) => {
                    self.end_description();
                    return self.fail_result(refusal, input, out);
                }
            };
            match portal {
                Some(name) => {
                    if let Some(portal) = self.acked.portals.get_mut(&name) {
                        portal.opener = opener;
                        portal.described = true;
                    }
                }
                None => self.opener = Some(opener),
            }
        }
        match self.end_description() {
            Some(entry) => self.pass_on(entry.fate(), input, out),
            None => self.pass_on(&Fate::Forward, input, out),
        }
        Ok(Step::Done)
    }

    /// Rows of a relation that the catalog does not know: somebody made it since, perhaps as a view over a protected
    /// table. The catalog is loaded first; a statement that it would have planned differently is to be run again.
    fn made_since(
        &mut self,
        planner: &Planner,
        planned: bool,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Option<Step>, Fatal> {
        let mut sealed = false;
        for column in origins(input.body()) {
            if !planner.knows(column.table) && self.asks_of(column.table) {
                self.catalog_stale = true;
                return Ok(Some(Step::Wait(Progress::NeedInput)));
            }
            let lineage = planner.column(column);
            sealed |= lineage.is_some_and(|lineage| lineage != Lineage::None);
        }
        if planned || !sealed {
            return Ok(None);
        }
        self.end_description();
        self.fail_result(made_meanwhile(), input, out).map(Some)
    }

    /// Whether the catalog is to be loaded for a relation that it does not know: once, as long as it is remembered.
    fn asks_of(&mut self, relation: Oid) -> bool {
        // What a transaction makes and drops again is never in it, and has another number each time.
        if self.unknown.len() >= UNKNOWN {
            self.unknown.clear();
        }
        self.unknown.insert(relation)
    }

    /// A RowDescription ends a Describe; in a Query or an Execute more follows.
    pub(super) fn end_description(&mut self) -> Option<Entry> {
        let describes = |request| {
            matches!(
                request,
                Request::DescribeStatement | Request::DescribePortal
            )
        };
        if self
            .ledger
            .front()
            .is_some_and(|entry| describes(entry.request))
        {
            self.ledger.pop()
        } else {
            None
        }
    }
}

fn made_meanwhile() -> Refusal {
    Refusal::new(
        "0A000",
        "the statement reads a view or table over a protected one that was made meanwhile",
        "Run the statement again. See docs/errors.md#changed-meanwhile.",
    )
}
