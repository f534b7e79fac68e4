//! Bind: the values of a prepared statement (PostgreSQL manual 55.2.3).

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

use super::copy;
use super::extended::{as_prepared, declared_types};
use super::frontend::{Step, WAIT};
use super::ledger::{Effect, Entry, Fate, Request};
use super::names::{Prepared, kept_as};
use super::portals::Portal;
use super::question::{Argument, Question};
use super::reading::{not_utf8, other_encoding, renamed, stale};
use super::sealing::{self, SealedSlots};
use super::{Fatal, Session, by_client};
use crate::model::Refusal;
use crate::plan::{StatementKind, missing};
use crate::wire::message::{Bind, FEW};
use crate::wire::{Inbox, Outbox, WireError, encode};

/// The statement of ours that stands in for one whose text depends on what is bound: an UPDATE whose look-up did not find
/// rows for all values, or an EXECUTE, whose constants cannot be parameters.
const STAND_IN: &[u8] = b"_pgseal_none";

impl Session {
    pub(super) fn bind(&mut self, input: &mut Inbox, out: &mut Outbox) -> Result<Step, Fatal> {
        let (portal, statement) = Bind::names(input.body()).map_err(by_client)?;
        let (portal, statement) = (Bytes::copy_from_slice(kept_as(portal)), kept_as(statement));
        if self.sent.is_stale(statement) {
            return self.refuse(Request::Bind, stale(), input, out);
        }
        let prepared = self.sent.statements.get(statement);
        if prepared.is_none() && self.passing.is_refused(statement) {
            let refusal = missing(&String::from_utf8_lossy(statement));
            return self.refuse(Request::Bind, refusal, input, out);
        }
        if let Some(prepared) = prepared
            && matches!(prepared.plan.kind, StatementKind::Execute { .. })
        {
            let prepared = prepared.clone();
            let (plan, runs) = (&prepared.plan, prepared.runs.as_ref());
            if let Some(step) = self.executes_another(Request::Bind, plan, runs, input, out)? {
                return Ok(step);
            }
        }
        let (_, statement) = Bind::names(input.body()).map_err(by_client)?;
        let statement = kept_as(statement);
        let prepared = self.sent.statements.get(statement);
        if self.is_doubtful(statement) {
            self.close_unnamed(input, out)?;
            let body = Bytes::copy_from_slice(input.body());
            let bind = Bind::read(&body).map_err(by_client)?;
            return self.hollow_bind(&bind, input, out);
        }
        let meanings = prepared.map(|prepared| self.meanings(prepared));
        let meanings = meanings.unwrap_or_default();
        let prepared = match prepared {
            Some(prepared) if prepared.takes_values() || !meanings.is_empty() => prepared.clone(),
            other => {
                let opened = other.map(|prepared| self.sent.portal_of(prepared));
                let entry = Entry::forward(Request::Bind)
                    .with(Effect::Portal(portal, opened.map(Box::new)));
                return Ok(self.register(entry, input));
            }
        };
        if self.encoding_unsettled() {
            self.flush_group(input, out)?;
            return Ok(WAIT);
        }
        if !self.is_utf8(self.ledger.group()) && prepared.takes_values() {
            return self.refuse(Request::Bind, other_encoding(), input, out);
        }
        let body = Bytes::copy_from_slice(input.body());
        let bind = Bind::read(&body).map_err(by_client)?;
        if prepared.takes_values() && !fits(&prepared, &bind) {
            return self.unfit_bind(&prepared, &bind, input, out);
        }
        let executes = matches!(prepared.plan.kind, StatementKind::Execute { .. });
        let asks = !meanings.is_empty() && (executes || prepared.asked_at != self.runs);
        if asks {
            match self.mean_the_same(&meanings, 0, input, out)? {
                None => return Ok(WAIT),
                Some(true) => {}
                Some(false) => return self.refuse(Request::Bind, renamed(), input, out),
            }
        }
        if !prepared.takes_values() {
            let opened = self.sent.portal_of(&prepared);
            let entry =
                Entry::forward(Request::Bind).with(Effect::Portal(portal, Some(Box::new(opened))));
            return Ok(self.register(entry, input));
        }
        let first = usize::from(asks);
        if !self.looked_up(&prepared, &bind, first, input, out)? {
            return Ok(WAIT);
        }
        let lookup = prepared.plan.lookup.as_ref();
        let answer = lookup.and_then(|_| self.answer(first));
        let sealed = match sealing::seal_slots(
            &prepared.sql,
            &prepared.plan,
            Some(&bind),
            answer,
            &|tenant, purpose| self.active(tenant, purpose),
        ) {
            Ok(sealed) => sealed,
            Err(unsealed) => return self.unsealed(Request::Bind, unsealed, input, out),
        };
        if !sealed.unfit.is_empty() {
            let Some(types) = prepared.types.get() else {
                self.ask_types(&prepared, bind.statement, input, out)?;
                return Ok(WAIT);
            };
            if let Some(refusal) = sealed.refused(&prepared.plan, types) {
                return self.refuse(Request::Bind, refusal.clone(), input, out);
            }
        }
        let tenant = match copy::tenant_of(&prepared.plan, answer) {
            Ok(tenant) => tenant,
            Err(refusal) => return self.refuse(Request::Bind, refusal, input, out),
        };
        let portal_plan = Portal {
            tenant,
            ..self.sent.portal_of(&prepared)
        };
        let effect = Effect::Portal(portal, Some(Box::new(portal_plan)));
        let entry = Entry::forward(Request::Bind).with(effect);
        self.sealed_bind(&prepared, &bind, sealed, entry, input, out)
    }

    /// A Bind that the server rejects whatever its values are: it goes without them.
    fn unfit_bind(
        &mut self,
        prepared: &Prepared,
        bind: &Bind<'_>,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Step, Fatal> {
        if prepared.added() > 0 {
            return self.refuse(Request::Bind, parameters_differ(prepared, bind), input, out);
        }
        self.hollow_bind(bind, input, out)
    }

    /// The same Bind without its values, which the server rejects.
    fn hollow_bind(
        &mut self,
        bind: &Bind<'_>,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Step, Fatal> {
        let nothing = vec![None; bind.params.len()];
        let frame = self.encoded("client", |buf| {
            encode::bind(
                buf,
                bind.portal,
                bind.statement,
                &bind.formats,
                &nothing,
                &bind.result_formats,
            )
        })?;
        Ok(self.replace(Entry::forward(Request::Bind), input, out, frame))
    }

    /// Whether the look-up that this Bind needs is answered; puts it once the parameters' types are known.
    fn looked_up(
        &mut self,
        prepared: &Arc<Prepared>,
        bind: &Bind<'_>,
        question: usize,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<bool, Fatal> {
        let Some(lookup) = &prepared.plan.lookup else {
            return Ok(true);
        };
        if !lookup.params.is_empty() && prepared.types.get().is_none() {
            self.ask_types(prepared, bind.statement, input, out)?;
            return Ok(false);
        }
        let argument = |number: &u16| {
            let index = usize::from(*number).saturating_sub(1);
            let type_oid = prepared
                .types
                .get()
                .and_then(|types| types.get(index))
                .copied()
                .unwrap_or_default();
            Argument {
                value: bind.params.get(index).copied().flatten(),
                format: sealing::code_at(&bind.formats, index),
                type_oid,
            }
        };
        let arguments = lookup.params.iter().map(argument).collect();
        let lookup = Question::bound(lookup, bind.statement, prepared, arguments);
        self.has_answer(question, &lookup, input, out)
    }

    /// Asks for the types of a statement's parameters where nobody has: what SQL prepared was not described.
    fn ask_types(
        &mut self,
        prepared: &Arc<Prepared>,
        name: &[u8],
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<(), Fatal> {
        let asks = |entry: &Entry| match &entry.effect {
            Effect::Parameters { statement } => Arc::ptr_eq(statement, prepared),
            _ => false,
        };
        let asked = self.ledger.iter().find(|entry| asks(entry));
        if let Some(clients) = asked.map(|entry| matches!(entry.fate(), Fate::Forward)) {
            // The client's own may still lie at the server, unanswered.
            return match clients {
                true => self.flush_group(input, out),
                false => Ok(()),
            };
        }
        let frame = self.encoded("client", |buf| {
            encode::describe(buf, b'S', name)?;
            encode::flush(buf)
        })?;
        input.inject(&mut out.server, frame);
        let statement = Arc::clone(prepared);
        let entry = Entry::skip(Request::DescribeStatement).with(Effect::Parameters { statement });
        self.ledger.push(entry);
        Ok(())
    }

    fn sealed_bind(
        &mut self,
        prepared: &Prepared,
        bind: &Bind<'_>,
        sealed: SealedSlots,
        entry: Entry,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Step, Fatal> {
        let instead = match stand_in(prepared, &sealed).transpose() {
            Ok(instead) => instead.map(|rewritten| rewritten.sql),
            Err(refusal) => return self.refuse(Request::Bind, refusal, input, out),
        };
        let (formats, params) = sealing::bound_params(&prepared.plan, bind, sealed);
        let params: SmallVec<[Option<&[u8]>; FEW]> =
            params.iter().map(|value| value.as_deref()).collect();
        let frame = self.encoded("client", |buf: &mut BytesMut| -> Result<(), WireError> {
            if let Some(sql) = &instead {
                encode::close(buf, b'S', STAND_IN)?;
                encode::parse(
                    buf,
                    STAND_IN,
                    sql.as_bytes(),
                    &declared_types(&prepared.plan, &prepared.declared),
                )?;
            }
            let statement = if instead.is_some() {
                STAND_IN
            } else {
                bind.statement
            };
            encode::bind(
                buf,
                bind.portal,
                statement,
                &formats,
                &params,
                &bind.result_formats,
            )
        })?;
        if instead.is_some() {
            self.ledger.push(Entry::skip(Request::Close));
            self.ledger.push(Entry::skip(Request::Parse));
        }
        Ok(self.replace(entry, input, out, frame))
    }
}

/// The text that goes in the place of what was prepared, if one does.
fn stand_in(
    prepared: &Prepared,
    sealed: &SealedSlots,
) -> Option<Result<sealing::Rewritten, Refusal>> {
    let plan = &prepared.plan;
    let constants = !sealed.values.is_empty() || !sealed.found.is_empty();
    if constants && !plan.takes_parameters() {
        let sql = std::str::from_utf8(&prepared.sql).map_err(|_| not_utf8());
        let edits = sealing::constant_edits(plan, sealed);
        return Some(sql.and_then(|sql| sealing::rewrite(sql, edits)));
    }
    let kept_out = &sealed.kept_out;
    (!kept_out.is_empty()).then(|| as_prepared(plan, &prepared.sql, kept_out))
}

/// Whether a Bind's format codes and number of values are such that the server would take them.
fn fits(prepared: &Prepared, bind: &Bind<'_>) -> bool {
    let (count, formats) = (bind.params.len(), &bind.formats);
    let needed = usize::from(prepared.plan.max_param);
    // PREPARE may declare more parameters than its statement uses.
    let enough = if prepared.sql.is_empty() {
        count >= needed
    } else {
        count == needed.max(prepared.declared.len())
    };
    enough
        && (formats.len() <= 1 || formats.len() == count)
        && formats.iter().all(|code| matches!(code, 0 | 1))
}

/// In PostgreSQL's words: what it would say counts the parameters that we add.
fn parameters_differ(prepared: &Prepared, bind: &Bind<'_>) -> Refusal {
    let needed = usize::from(prepared.plan.max_param).max(prepared.declared.len());
    Refusal::new(
        "08P01",
        format!(
            "bind message supplies {} parameters, but prepared statement \"{}\" requires {needed}",
            bind.params.len(),
            String::from_utf8_lossy(bind.statement),
        ),
        "Bind as many parameters as the statement has, in format 0 or 1. See docs/errors.md#parameter-missing.",
    )
}
