//! The simple query protocol: Query (PostgreSQL manual 55.2.2).

use std::sync::Arc;

use bytes::Bytes;

use super::atomic::Cut;
use super::copy;
use super::frontend::{Step, WAIT};
use super::ledger::{Effect, Entry, Request};
use super::passing::{self, Passes};
use super::question::Question;
use super::reading::{Reads, not_utf8, renamed, unresolved};
use super::sealing;
use super::{Fatal, Session, by_client};
use crate::model::Refusal;
use crate::plan::{Lookup, Plan, Splice, Verdict};
use crate::wire::message::Query;
use crate::wire::{Inbox, Outbox, encode};

impl Session {
    pub(super) fn query(&mut self, input: &mut Inbox, out: &mut Outbox) -> Result<Step, Fatal> {
        let sql = Query::read(input.body()).map_err(by_client)?.sql;
        if self.names_unsettled(sql) {
            self.flush_group(input, out)?;
            return Ok(WAIT);
        }
        if !self.touches(sql) {
            return Ok(self.register(Entry::forward(Request::Query).quiet(), input));
        }
        if self.needs_catalog() {
            return Ok(WAIT);
        }
        match self.reads(sql) {
            Reads::Known => {}
            Reads::Wait => {
                self.flush_group(input, out)?;
                return Ok(WAIT);
            }
            Reads::Refused(refusal) => return self.refuse(Request::Query, refusal, input, out),
        }
        let mut verdict = self.verdict(sql, &[]);
        if matches!(verdict, Verdict::Forward) {
            self.note_unread(sql);
            return Ok(self.register(Entry::forward(Request::Query), input));
        }
        let sql = Bytes::copy_from_slice(sql);
        if let Verdict::Resolve(names) = &verdict {
            if let Step::Wait(progress) = self.resolve(names, input, out)? {
                return Ok(Step::Wait(progress));
            }
            verdict = self.verdict(&sql, &[]);
        }
        if self.reads_anew(&mut verdict) {
            return Ok(WAIT);
        }
        if !matches!(verdict, Verdict::Protect(_)) {
            self.part_from_questions(input, out)?;
        }
        match verdict {
            Verdict::Forward => Ok(self.register(Entry::forward(Request::Query), input)),
            Verdict::Refuse(refusal) => self.refuse(Request::Query, refusal, input, out),
            Verdict::Resolve(_) => self.refuse(Request::Query, unresolved(), input, out),
            Verdict::Protect(plan) => self.protected_query(&sql, &plan, input, out),
        }
    }

    fn protected_query(
        &mut self,
        sql: &Bytes,
        plan: &Arc<Plan>,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Step, Fatal> {
        if plan
            .statements
            .iter()
            .any(|statement| statement.max_param > 0)
        {
            return self.refuse(Request::Query, no_parameters(), input, out);
        }
        let cut = self.cut(sql, plan);
        if cut.is_some() && !self.ledger.is_empty() {
            // Whether a transaction is open has to be known.
            self.flush_group(input, out)?;
            return Ok(WAIT);
        }
        let mut first = usize::from(!self.resolved.is_empty());
        let meanings = self.executed_meanings(&plan.statements);
        if !meanings.is_empty() {
            match self.mean_the_same(&meanings, first, input, out)? {
                None => return Ok(WAIT),
                Some(true) => first += 1,
                Some(false) => {
                    self.part_from_questions(input, out)?;
                    return self.refuse(Request::Query, renamed(), input, out);
                }
            }
        }
        let missing = match self.passes(sql, &plan.statements, first, input, out)? {
            Passes::Go { asked, missing } => {
                first += asked;
                missing
            }
            Passes::Wait => return Ok(WAIT),
            Passes::Refused(refusal) => {
                return self.refuse(Request::Query, refusal, input, out);
            }
        };
        let asking = plan.statements.iter();
        let lookups: Vec<&Lookup> = asking.filter_map(|plan| plan.lookup.as_ref()).collect();
        for (round, question) in Question::together(&lookups).iter().enumerate() {
            if !self.has_answer(first + round, question, input, out)? {
                return Ok(WAIT);
            }
        }
        self.part_from_questions(input, out)?;
        let mut answers = self.apart(first, lookups.len());
        let mut edits = Vec::new();
        let mut tenant = None;
        for statement in &plan.statements {
            let answer = statement.lookup.as_ref().and_then(|_| answers.next());
            let answer = answer.as_ref();
            match copy::tenant_of(statement, answer) {
                Ok(None) => {}
                // Of one text, one COPY at most asks: behind it nothing may (the planner sees to that).
                Ok(Some(found)) => tenant = Some(found),
                Err(refusal) => return self.refuse(Request::Query, refusal, input, out),
            }
            let sealed =
                match sealing::seal_slots(sql, statement, None, answer, &|tenant, purpose| {
                    self.active(tenant, purpose)
                }) {
                    Ok(sealed) => sealed,
                    Err(unsealed) => return self.unsealed(Request::Query, unsealed, input, out),
                };
            edits.extend(sealing::constant_edits(statement, &sealed));
            edits.extend(passing::kept_out(statement, &missing));
        }
        for statement in &plan.statements {
            self.passing.sent(statement);
            self.keep_prepared(sql, statement);
            self.define(&statement.defines);
        }
        if let Some(cut) = cut {
            return self.cut_query(sql, plan, &cut, &edits, input, out);
        }
        let copies = plan.statements.iter();
        let copies = copies.filter(|plan| copy::copies_in(plan)).count();
        self.copying.sent(copies);
        let entry = Entry::forward(Request::Query)
            .with(Effect::Results(plan.clone(), 0))
            .copying(copies > 0, tenant);
        if edits.is_empty() {
            return Ok(self.register(entry, input));
        }
        let rewritten = std::str::from_utf8(sql)
            .map_err(|_| not_utf8())
            .and_then(|sql| sealing::rewrite(sql, edits));
        match rewritten {
            Err(refusal) => self.refuse(Request::Query, refusal, input, out),
            Ok(rewritten) => {
                let frame =
                    self.encoded("client", |buf| encode::query(buf, rewritten.sql.as_bytes()))?;
                Ok(self.replace(entry.at(Some(rewritten.positions)), input, out, frame))
            }
        }
    }

    fn cut_query(
        &mut self,
        sql: &Bytes,
        plan: &Arc<Plan>,
        cut: &Cut,
        edits: &[Splice],
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Step, Fatal> {
        let Ok(text) = std::str::from_utf8(sql) else {
            return self.refuse(Request::Query, not_utf8(), input, out);
        };
        let head = sealing::rewrite(text, cut.head(sql, edits));
        let tail = cut
            .tail(edits)
            .map(|(edits, first)| Ok((sealing::rewrite(text, edits)?, first)));
        let (head, tail) = match (head, tail.transpose()) {
            (Ok(head), Ok(tail)) => (head, tail),
            (Err(refusal), _) | (_, Err(refusal)) => {
                return self.refuse(Request::Query, refusal, input, out);
            }
        };
        let frame = self.encoded("client", |buf| encode::query(buf, head.sql.as_bytes()))?;
        let rest = match tail {
            None => None,
            Some((tail, first)) => {
                let entry =
                    Entry::forward(Request::Query).with(Effect::Results(plan.clone(), first));
                let frame =
                    self.encoded("client", |buf| encode::query(buf, tail.sql.as_bytes()))?;
                Some((frame, entry.at(Some(tail.positions))))
            }
        };
        self.keep_rest(cut, rest)?;
        let entry = cut.entry(plan).at(Some(head.positions));
        Ok(self.replace(entry, input, out, frame))
    }
}

fn no_parameters() -> Refusal {
    Refusal::new(
        "42P02",
        "there is no parameter $1",
        "A simple query has no parameters: use the extended protocol. See docs/errors.md#parameter-missing.",
    )
}
