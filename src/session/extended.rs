//! The extended query protocol but for Bind: Parse, Describe, Execute, Close (PostgreSQL manual 55.2.3).

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::atomic::Deed;
use super::copy;
use super::frontend::{Step, WAIT};
use super::ledger::{Effect, Entry, Request};
use super::names::{Prepared, kept_as};
use super::passing::{self, Passes};
use super::reading::{Reads, not_utf8, other_encoding, unresolved};
use super::sealing::{self};
use super::{Fatal, Session, by_client};
use crate::model::{Oid, Refusal, ValueKind};
use crate::plan::{Outputs, SlotSource, Splice, StatementKind, StatementPlan, UNBOUND, Verdict};
use crate::wire::message::{Close, Describe, Execute, Parse};
use crate::wire::{Inbox, Outbox, encode};

impl Session {
    pub(super) fn parse(&mut self, input: &mut Inbox, out: &mut Outbox) -> Result<Step, Fatal> {
        let parse = Parse::read(input.body()).map_err(by_client)?;
        if self.names_unsettled(parse.sql) {
            self.flush_group(input, out)?;
            return Ok(WAIT);
        }
        let touches = self.touches(parse.sql);
        if touches && self.needs_catalog() {
            return Ok(WAIT);
        }
        let mut verdict = if touches {
            match self.reads(parse.sql) {
                Reads::Known => self.verdict(parse.sql, &parse.types),
                Reads::Wait => {
                    self.flush_group(input, out)?;
                    return Ok(WAIT);
                }
                Reads::Refused(refusal) => return self.refuse(Request::Parse, refusal, input, out),
            }
        } else {
            Verdict::Forward
        };
        if matches!(verdict, Verdict::Forward) && self.commit_waits(parse.sql) {
            self.flush_group(input, out)?;
            return Ok(WAIT);
        }
        let unheld = self.sent.is_empty() && !self.passing.any_refused();
        if touches && matches!(verdict, Verdict::Forward) {
            self.note_unread(parse.sql);
        }
        if matches!(verdict, Verdict::Forward) && unheld {
            let group = self.ledger.group();
            self.texts
                .keep(kept_as(parse.name), parse.sql, &parse.types, group);
            return Ok(self.register(Entry::forward(Request::Parse), input));
        }
        let (name, sql, types) = (
            Bytes::copy_from_slice(kept_as(parse.name)),
            Bytes::copy_from_slice(parse.sql),
            parse.types,
        );
        if let Verdict::Resolve(names) = &verdict {
            if let Step::Wait(progress) = self.resolve(names, input, out)? {
                return Ok(Step::Wait(progress));
            }
            verdict = self.verdict(&sql, &types);
        }
        if self.reads_anew(&mut verdict) {
            return Ok(WAIT);
        }
        match verdict {
            Verdict::Forward => {
                self.passing.prepared(&name);
                self.texts.keep(&name, &sql, &types, self.ledger.group());
                Ok(self.register(
                    Entry::forward(Request::Parse).with(Effect::Statement(name, None)),
                    input,
                ))
            }
            Verdict::Refuse(refusal) => self.refuse(Request::Parse, refusal, input, out),
            Verdict::Resolve(_) => self.refuse(Request::Parse, unresolved(), input, out),
            Verdict::Protect(plan) => match plan.statements.as_slice() {
                [statement] => {
                    self.protected_parse(name, sql, types, statement.clone(), input, out)
                }
                _ => self.refuse(Request::Parse, several_commands(), input, out),
            },
        }
    }

    fn protected_parse(
        &mut self,
        name: Bytes,
        sql: Bytes,
        types: Vec<Oid>,
        plan: Arc<StatementPlan>,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Step, Fatal> {
        let question = usize::from(!self.resolved.is_empty());
        let missing = match self.passes(&sql, std::slice::from_ref(&plan), question, input, out)? {
            Passes::Go { missing, .. } => missing,
            Passes::Wait => return Ok(WAIT),
            Passes::Refused(refusal) => return self.refuse(Request::Parse, refusal, input, out),
        };
        // A Query may follow that runs in no pipeline.
        self.part_from_questions(input, out)?;
        let kept_out = passing::kept_out(&plan, &missing);
        let rewritten = match as_prepared(&plan, &sql, kept_out.as_slice()) {
            Ok(rewritten) => rewritten,
            Err(refusal) => return self.refuse(Request::Parse, refusal, input, out),
        };
        self.passing.prepared(&name);
        if matches!(plan.kind, StatementKind::PreparePlain { .. }) {
            // Both are plain by this catalog: the one that the protocol prepares, and the one that it prepares in turn.
            self.texts.keep(&name, &sql, &types, self.ledger.group());
            self.keep_prepared(&sql, &plan);
        }
        let asks = plan
            .lookup
            .as_ref()
            .is_some_and(|lookup| !lookup.params.is_empty());
        let frame = self.encoded("client", |buf| {
            encode::parse(
                buf,
                &name,
                rewritten.sql.as_bytes(),
                &declared_types(&plan, &types),
            )?;
            if asks {
                // The look-up's parameters must have the types that the statement's own have.
                encode::describe(buf, b'S', &name)?;
                encode::flush(buf)?;
            }
            Ok(())
        })?;
        let statement = Arc::new(Prepared {
            deed: Deed::of(&sql),
            sql,
            declared: types,
            types: OnceLock::new(),
            asked_by: OnceLock::new(),
            asked_at: self.runs,
            catalogs: Some(self.catalogs),
            runs: self.sent.named_by(&plan),
            plan,
        });
        let entry = Entry::forward(Request::Parse)
            .with(Effect::Statement(name, Some(statement.clone())))
            .at(Some(rewritten.positions));
        let step = self.replace(entry, input, out, frame);
        if asks {
            self.ledger.push(
                Entry::skip(Request::DescribeStatement).with(Effect::Parameters { statement }),
            );
        }
        Ok(step)
    }

    pub(super) fn describe(&mut self, input: &mut Inbox, out: &mut Outbox) -> Result<Step, Fatal> {
        let describe = Describe::read(input.body()).map_err(by_client)?;
        let name = Bytes::copy_from_slice(kept_as(describe.name));
        if describe.kind != b'S' {
            let entry = Entry::forward(Request::DescribePortal).with(Effect::Describe(name));
            return Ok(self.register(entry, input));
        }
        if self.name_unsettled(&name) {
            self.flush_group(input, out)?;
            return Ok(WAIT);
        }
        if self.is_doubtful(&name) {
            self.close_unnamed(input, out)?;
        }
        let statement = self.sent.statements.get(&name).cloned();
        let effect = statement.map_or(Effect::None, |statement| Effect::Parameters { statement });
        let entry = Entry::forward(Request::DescribeStatement).with(effect);
        Ok(self.register(entry, input))
    }

    pub(super) fn execute(&mut self, input: &mut Inbox, out: &mut Outbox) -> Result<Step, Fatal> {
        let execute = Execute::read(input.body()).map_err(by_client)?;
        let Some(portal) = self.sent.portals.get(kept_as(execute.portal)) else {
            return Ok(self.register(Entry::forward(Request::Execute), input));
        };
        let name = Bytes::copy_from_slice(kept_as(execute.portal));
        let portal = portal.clone();
        let (plan, runs) = (&portal.plan, portal.runs.as_ref());
        if let Some(step) = self.executes_another(Request::Execute, plan, runs, input, out)? {
            return Ok(step);
        }
        self.define(&portal.plan.defines);
        self.passing.sent(&portal.plan);
        self.note_execute(&portal);
        let copies = copy::copies_in(&portal.plan);
        let copies_out = matches!(portal.plan.kind, StatementKind::CopyOut(_));
        if !self.is_utf8(self.ledger.group()) && (copies || copies_out) {
            return self.refuse(Request::Execute, other_encoding(), input, out);
        }
        if matches!(portal.plan.outputs, Outputs::ByDescription { .. })
            && !portal.described
            && !copies_out
        {
            let frame = self.encoded("client", |buf| encode::describe(buf, b'P', &name))?;
            input.inject(&mut out.server, frame);
            let entry = Entry::skip(Request::DescribePortal).with(Effect::Describe(name.clone()));
            self.sent.sent(&entry, self.ledger.group());
            self.ledger.push(entry);
        }
        self.copying.sent(usize::from(copies));
        let entry = Entry::forward(Request::Execute)
            .with(Effect::Rows(name))
            .copying(copies, None);
        Ok(self.register(entry, input))
    }

    pub(super) fn close(&mut self, input: &mut Inbox, _out: &mut Outbox) -> Result<Step, Fatal> {
        let close = Close::read(input.body()).map_err(by_client)?;
        let name = Bytes::copy_from_slice(kept_as(close.name));
        let effect = if close.kind == b'S' {
            Effect::CloseStatement(name)
        } else {
            Effect::ClosePortal(name)
        };
        Ok(self.register(Entry::forward(Request::Close).with(effect), input))
    }
}

/// The text of a prepared statement: copies have numbers of their own, literals of sealed columns become parameters
/// that each Bind seals, where they can be.
pub(super) fn as_prepared(
    plan: &StatementPlan,
    sql: &[u8],
    kept_out: &[Splice],
) -> Result<sealing::Rewritten, Refusal> {
    let sql = std::str::from_utf8(sql).map_err(|_| not_utf8())?;
    let own = usize::from(plan.max_param) + plan.copies.len();
    let literals = plan.slots.iter().filter(|slot| slot.is_literal()).count();
    let mut number = own;
    let constants = !plan.takes_parameters();
    let value = |index: usize| {
        if constants {
            return UNBOUND.to_owned();
        }
        number += 1;
        let slot = plan.slots.get(index);
        if let Some(unread) = slot.and_then(sealing::unread) {
            return unread;
        }
        let kind = slot.map(|slot| match slot.source {
            SlotSource::Literal {
                stands: Some(kind), ..
            } => kind,
            _ => slot.column.kind,
        });
        let array = slot.is_some_and(|slot| slot.elements);
        format!(
            "${number}::{}{}",
            kind.map_or("text", ValueKind::type_name),
            if array { "[]" } else { "" }
        )
    };
    let found = |n: usize| match constants {
        true => UNBOUND.to_owned(),
        false => format!("${}::text", own + literals + 1 + n),
    };
    sealing::rewrite(sql, sealing::edits(plan, kept_out, value, found))
}

/// The types that the client declared, and the same for copies.
pub(super) fn declared_types(plan: &StatementPlan, declared: &[Oid]) -> Vec<Oid> {
    let mut types = declared.to_vec();
    if !plan.copies.is_empty() && !types.is_empty() {
        types.resize(types.len().max(usize::from(plan.max_param)), Oid(0));
        let copies: Vec<Oid> = plan
            .copies
            .iter()
            .map(|copy| {
                declared
                    .get(usize::from(copy.original).saturating_sub(1))
                    .copied()
                    .unwrap_or_default()
            })
            .collect();
        types.extend(copies);
    }
    types
}

fn several_commands() -> Refusal {
    Refusal::new(
        "42601",
        "cannot insert multiple commands into a prepared statement",
        "Prepare one command at a time. See docs/errors.md#several-commands.",
    )
}
