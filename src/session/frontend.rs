//! Messages of the client, once it is logged in (PostgreSQL manual 55.2.2 to 55.2.6).

use std::sync::{Arc, LazyLock, OnceLock};

use aho_corasick::AhoCorasick;
use bytes::{Bytes, BytesMut};

use super::ask::{self, Argument, Ask};
use super::copy;
use super::ledger::{Effect, Entry, Request};
use super::names::{PlanOf, Portal, Prepared};
use super::sealing::{self, SealedSlots, Unsealed};
use super::{FRAME_CAP, Fatal, Phase, Progress, Session, by_client, frame_too_large};
use crate::keys::Purpose;
use crate::model::{Oid, Peer, Refusal, TenantId};
use crate::plan::{Env, Outputs, Plan, StatementKind, StatementPlan, Verdict, refuse_new};
use crate::wire::message::{Bind, Close, Describe, Execute, Parse, Query};
use crate::wire::{Inbox, Outbox, WireError, encode};

/// The statement of ours that stands in for an UPDATE whose look-up found no row.
const NONE_MATCHED: &[u8] = b"_pgseal_none";

/// Words by which SQL reaches a prepared statement or cursor without naming its table.
static BY_NAME: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build([
            "execute",
            "fetch",
            "prepare",
            "deallocate",
            "declare",
            "close",
            "move",
        ])
        .ok()
});

/// What a frame came to.
pub(super) enum Step {
    /// It is consumed.
    Done,
    /// It stays at the front.
    Wait(Progress),
}

const WAIT: Step = Step::Wait(Progress::NeedInput);

impl Session {
    pub(super) fn client_sent(
        &mut self,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Progress, Fatal> {
        self.copying.holds = false;
        loop {
            // While a transaction is being made to fail, nothing may slip in between.
            if input.pass() || (self.failing && !self.ledger.is_discarding()) {
                return Ok(Progress::NeedInput);
            }
            if self.is_copying(input) {
                if let Step::Wait(progress) = self.seal_copied(input, out)? {
                    return Ok(progress);
                }
                self.settled(Peer::Client);
                continue;
            }
            let Some(head) = input.peek().map_err(by_client)? else {
                return Ok(Progress::NeedInput);
            };
            if head.tag == b'X' {
                input.forward();
                self.phase = Phase::Ended;
                input.flush(&mut out.server);
                return Ok(Progress::Closed);
            }
            if let Step::Wait(progress) = self.client_frame(head.tag, head.len, input, out)? {
                return Ok(progress);
            }
            self.settled(Peer::Client);
        }
    }

    fn client_frame(
        &mut self,
        tag: u8,
        len: usize,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Step, Fatal> {
        if !self.protected {
            if matches!(tag, b'Q' | b'S' | b'F') {
                self.ledger.push(Entry::forward(Request::Sync));
            }
            input.forward();
            return Ok(Step::Done);
        }
        self.heed_rules();
        if self.ledger.is_discarding() && tag != b'S' {
            return self.discard(tag, input, out);
        }
        match tag {
            b'Q' | b'P' => self.whole(
                len,
                input,
                out,
                if tag == b'Q' {
                    Self::query
                } else {
                    Self::parse
                },
            ),
            b'B' | b'D' | b'E' | b'C' if !self.sent.is_empty() => {
                let handle = match tag {
                    b'B' => Self::bind,
                    b'D' => Self::describe,
                    b'E' => Self::execute,
                    _ => Self::close,
                };
                self.whole(len, input, out, handle)
            }
            b'S' if self.copy_in => Ok(forwarded(input)),
            b'd' | b'c' | b'f' => self.copied_in(tag, input, out),
            b'D' => {
                // One byte of the body says whether it is a statement or a portal.
                if !input.is_whole() {
                    return Ok(WAIT);
                }
                let statement = input.body().first() == Some(&b'S');
                let request = if statement {
                    Request::DescribeStatement
                } else {
                    Request::DescribePortal
                };
                Ok(self.register(Entry::forward(request), input))
            }
            _ => {
                let request = match tag {
                    b'B' => Request::Bind,
                    b'E' => Request::Execute,
                    b'C' => Request::Close,
                    b'S' => Request::Sync,
                    b'F' => Request::FunctionCall,
                    // Flush has no reply; what else there is, the server will say.
                    _ => return Ok(forwarded(input)),
                };
                Ok(self.register(Entry::forward(request), input))
            }
        }
    }

    fn whole(
        &mut self,
        len: usize,
        input: &mut Inbox,
        out: &mut Outbox,
        handle: fn(&mut Self, &mut Inbox, &mut Outbox) -> Result<Step, Fatal>,
    ) -> Result<Step, Fatal> {
        if len > FRAME_CAP {
            return Err(Fatal::Refused(frame_too_large(len)));
        }
        if !input.is_whole() {
            return Ok(WAIT);
        }
        let step = handle(self, input, out)?;
        if matches!(step, Step::Done) {
            self.ask = Ask::Idle;
            self.resolved.clear();
        }
        Ok(step)
    }

    fn register(&mut self, entry: Entry, input: &mut Inbox) -> Step {
        self.sent.sent(&entry);
        self.ledger.push(entry);
        forwarded(input)
    }

    fn replace(&mut self, entry: Entry, input: &mut Inbox, out: &mut Outbox, frame: Bytes) -> Step {
        self.sent.sent(&entry);
        self.ledger.push(entry);
        input.replace(&mut out.server, frame);
        Step::Done
    }

    /// The server discards this up to Sync; so it need not see it, least of all a value that is not sealed.
    fn discard(&mut self, tag: u8, input: &mut Inbox, out: &mut Outbox) -> Result<Step, Fatal> {
        let failed = matches!(std::mem::take(&mut self.ask), Ask::Failed);
        self.resolved.clear();
        if failed && tag == b'Q' {
            // The question of this Query failed: the client has its error and waits for ReadyForQuery.
            let frame = self.encoded("client", encode::sync)?;
            return Ok(self.replace(Entry::forward(Request::Sync), input, out, frame));
        }
        input.skip(&mut out.server);
        Ok(Step::Done)
    }

    /// Replaces the frame by a statement that the server rejects, and its error by `refusal`.
    fn refuse(
        &mut self,
        request: Request,
        refusal: Refusal,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Step, Fatal> {
        // A Parse ends the unnamed statement even where it fails, so that one's name goes along.
        let unnamed = request == Request::Parse
            && Parse::read(input.body()).is_ok_and(|parse| parse.name.is_empty());
        let name = if unnamed { b"" } else { ask::POISON_NAME };
        let frame = self.encoded("client", |buf| match request {
            Request::Query => encode::query(buf, ask::POISON),
            _ => encode::parse(buf, name, ask::POISON, &[]),
        })?;
        let mut entry = Entry::substitute(request, refusal);
        if unnamed {
            entry = entry.with(Effect::CloseStatement(Bytes::new()));
        }
        let step = self.replace(entry, input, out, frame);
        if request != Request::Query {
            self.ledger.doomed();
        }
        Ok(step)
    }

    fn verdict(&self, sql: &[u8], declared: &[Oid]) -> Verdict {
        let planner = self.shared.planner.load();
        let Some(planner) = planner.as_ref() else {
            return Verdict::Forward;
        };
        if self.sent.fresh.is_some() && memmem(sql, b"execute") {
            return Verdict::Refuse(stale());
        }
        if !self.defining.is_empty()
            && let Some(refusal) = refuse_new(sql, &self.defining)
        {
            return Verdict::Refuse(refusal);
        }
        let by_name = self.sent.reachable_by_sql()
            && BY_NAME.as_ref().is_none_or(|words| words.is_match(sql));
        if !by_name && !planner.mentions(sql) {
            return Verdict::Forward;
        }
        let cacheable =
            !by_name && self.resolved.is_empty() && self.utf8 && self.conforming_strings;
        let of = PlanOf {
            sql,
            declared,
            epoch: planner.epoch(),
        };
        if cacheable && let Some(verdict) = self.shared.plans.find(&of) {
            return verdict;
        }
        let env = Env {
            declared,
            utf8: self.utf8,
            standard_conforming_strings: self.conforming_strings,
            statements: &|name| {
                self.sent
                    .statements
                    .get(name.as_bytes())
                    .map(|prepared| prepared.plan.clone())
            },
            cursors: &|name| {
                let portal = self.sent.portals.get(name.as_bytes());
                portal.map(|portal| portal.plan.clone())
            },
            resolved: &self.resolved,
        };
        let verdict = planner.plan(sql, &env);
        if cacheable {
            self.shared.plans.keep(&of, &verdict);
        }
        verdict
    }

    /// Asks what names mean to this session; the frame is planned again with the answer.
    fn resolve(
        &mut self,
        names: &[String],
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Step, Fatal> {
        if !self.has_answer(0, &ask::meaning_of(names), &[], input, out)? {
            return Ok(WAIT);
        }
        let Some(answer) = self.answer(0) else {
            return Ok(WAIT);
        };
        let meaning = |n: usize| {
            i32::try_from(n).ok().and_then(|n| {
                answer
                    .of(n)
                    .first()
                    .copied()
                    .flatten()
                    .and_then(|oid| oid.parse().ok())
            })
        };
        self.resolved = names
            .iter()
            .enumerate()
            .map(|(n, name)| (name.clone(), meaning(n).map(Oid)))
            .collect();
        Ok(Step::Done)
    }

    fn query(&mut self, input: &mut Inbox, out: &mut Outbox) -> Result<Step, Fatal> {
        let sql = Query::read(input.body()).map_err(by_client)?.sql;
        let mut verdict = self.verdict(sql, &[]);
        if matches!(verdict, Verdict::Forward) {
            return Ok(self.register(Entry::forward(Request::Query), input));
        }
        let sql = Bytes::copy_from_slice(sql);
        if let Verdict::Resolve(names) = &verdict {
            if let Step::Wait(progress) = self.resolve(names, input, out)? {
                return Ok(Step::Wait(progress));
            }
            verdict = self.verdict(&sql, &[]);
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
        let first = usize::from(!self.resolved.is_empty());
        let lookups = plan
            .statements
            .iter()
            .filter_map(|statement| statement.lookup.as_ref());
        for (round, lookup) in lookups.enumerate() {
            if !self.has_answer(first + round, &lookup.sql, &[], input, out)? {
                return Ok(WAIT);
            }
        }
        let mut round = first;
        let mut edits = Vec::new();
        let mut tenant = None;
        for statement in &plan.statements {
            let answer = statement.lookup.as_ref().and_then(|_| self.answer(round));
            round += usize::from(statement.lookup.is_some());
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
            let value = |index: usize| {
                sealing::quoted(sealed.values.get(index).and_then(|value| value.as_deref()))
            };
            edits.extend(sealing::edits(statement, sealed.none_matched, value));
        }
        for statement in &plan.statements {
            self.defining.extend(statement.defines.iter().cloned());
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

    pub(super) fn active(
        &self,
        tenant: &TenantId,
        purpose: Purpose,
    ) -> Option<Result<Arc<crate::keys::DataKey>, Refusal>> {
        let (answers, keys) = (&self.answers, &self.shared.keys);
        match purpose {
            Purpose::Dek => {
                let answer = answers.active.get(tenant).cloned();
                answer.or_else(|| keys.active(tenant).map(Ok))
            }
            Purpose::Search => {
                let answer = answers.search.get(tenant).cloned();
                answer.or_else(|| keys.search(tenant).map(Ok))
            }
        }
    }

    fn unsealed(
        &mut self,
        request: Request,
        unsealed: Unsealed,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Step, Fatal> {
        match unsealed {
            Unsealed::Wants(wants) => Ok(Step::Wait(Progress::NeedKeys(wants))),
            Unsealed::Refused(refusal) => self.refuse(request, refusal, input, out),
        }
    }

    fn parse(&mut self, input: &mut Inbox, out: &mut Outbox) -> Result<Step, Fatal> {
        let parse = Parse::read(input.body()).map_err(by_client)?;
        let mut verdict = self.verdict(parse.sql, &parse.types);
        if matches!(verdict, Verdict::Forward) && self.sent.is_empty() {
            return Ok(self.register(Entry::forward(Request::Parse), input));
        }
        let (name, sql, types) = (
            Bytes::copy_from_slice(parse.name),
            Bytes::copy_from_slice(parse.sql),
            parse.types,
        );
        if let Verdict::Resolve(names) = &verdict {
            if let Step::Wait(progress) = self.resolve(names, input, out)? {
                return Ok(Step::Wait(progress));
            }
            verdict = self.verdict(&sql, &types);
        }
        match verdict {
            Verdict::Forward => Ok(self.register(
                Entry::forward(Request::Parse).with(Effect::Statement(name, None)),
                input,
            )),
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
        let rewritten = match as_prepared(&plan, &sql, false) {
            Ok(rewritten) => rewritten,
            Err(refusal) => return self.refuse(Request::Parse, refusal, input, out),
        };
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
            plan,
            sql,
            declared: types,
            types: OnceLock::new(),
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

    fn bind(&mut self, input: &mut Inbox, out: &mut Outbox) -> Result<Step, Fatal> {
        let (portal, statement) = Bind::names(input.body()).map_err(by_client)?;
        let portal = Bytes::copy_from_slice(portal);
        if self.sent.is_stale(statement) {
            return self.refuse(Request::Bind, stale(), input, out);
        }
        let prepared = match self.sent.statements.get(statement) {
            Some(prepared) if prepared.takes_values() => prepared.clone(),
            other => {
                let opened = other.map(|prepared| Portal::new(prepared.plan.clone()));
                let entry = Entry::forward(Request::Bind).with(Effect::Portal(portal, opened));
                return Ok(self.register(entry, input));
            }
        };
        let body = Bytes::copy_from_slice(input.body());
        let bind = Bind::read(&body).map_err(by_client)?;
        if !fits(&prepared, &bind) {
            return self.unfit_bind(&prepared, &bind, input, out);
        }
        if !self.looked_up(&prepared, &bind, input, out)? {
            return Ok(WAIT);
        }
        let answer = prepared.plan.lookup.as_ref().and_then(|_| self.answer(0));
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
        let tenant = match copy::tenant_of(&prepared.plan, answer) {
            Ok(tenant) => tenant,
            Err(refusal) => return self.refuse(Request::Bind, refusal, input, out),
        };
        let portal_plan = Portal {
            tenant,
            ..Portal::new(prepared.plan.clone())
        };
        let effect = Effect::Portal(portal, Some(portal_plan));
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
        prepared: &Prepared,
        bind: &Bind<'_>,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<bool, Fatal> {
        let Some(lookup) = &prepared.plan.lookup else {
            return Ok(true);
        };
        if !lookup.params.is_empty() && prepared.types.get().is_none() {
            return Ok(false);
        }
        let format = |index: usize| match bind.formats.as_slice() {
            [] => 0,
            [all] => *all,
            each => each.get(index).copied().unwrap_or(0),
        };
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
                format: format(index),
                type_oid,
            }
        };
        let arguments: Vec<Argument<'_>> = lookup.params.iter().map(argument).collect();
        self.has_answer(0, &lookup.sql, &arguments, input, out)
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
        let instead = if sealed.none_matched {
            match as_prepared(&prepared.plan, &prepared.sql, true) {
                Ok(rewritten) => Some(rewritten.sql),
                Err(refusal) => return self.refuse(Request::Bind, refusal, input, out),
            }
        } else {
            None
        };
        let (formats, params) = sealing::bound_params(&prepared.plan, bind, sealed);
        let params: Vec<Option<&[u8]>> = params.iter().map(|value| value.as_deref()).collect();
        let frame = self.encoded("client", |buf: &mut BytesMut| -> Result<(), WireError> {
            if let Some(sql) = &instead {
                encode::close(buf, b'S', NONE_MATCHED)?;
                encode::parse(
                    buf,
                    NONE_MATCHED,
                    sql.as_bytes(),
                    &declared_types(&prepared.plan, &prepared.declared),
                )?;
            }
            let statement = if instead.is_some() {
                NONE_MATCHED
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

    fn describe(&mut self, input: &mut Inbox, _out: &mut Outbox) -> Result<Step, Fatal> {
        let describe = Describe::read(input.body()).map_err(by_client)?;
        let entry = if describe.kind == b'S' {
            let effect =
                self.sent
                    .statements
                    .get(describe.name)
                    .map(|statement| Effect::Parameters {
                        statement: statement.clone(),
                    });
            Entry::forward(Request::DescribeStatement).with(effect.unwrap_or(Effect::None))
        } else {
            Entry::forward(Request::DescribePortal)
                .with(Effect::Describe(Bytes::copy_from_slice(describe.name)))
        };
        Ok(self.register(entry, input))
    }

    fn execute(&mut self, input: &mut Inbox, out: &mut Outbox) -> Result<Step, Fatal> {
        let execute = Execute::read(input.body()).map_err(by_client)?;
        let Some(portal) = self.sent.portals.get(execute.portal) else {
            return Ok(self.register(Entry::forward(Request::Execute), input));
        };
        self.defining.extend(portal.plan.defines.iter().cloned());
        let name = Bytes::copy_from_slice(execute.portal);
        let copies = copy::copies_in(&portal.plan);
        let copies_out = matches!(portal.plan.kind, StatementKind::CopyOut(_));
        if matches!(portal.plan.outputs, Outputs::ByDescription { .. })
            && !portal.described
            && !copies_out
        {
            let frame = self.encoded("client", |buf| encode::describe(buf, b'P', &name))?;
            input.inject(&mut out.server, frame);
            let entry = Entry::skip(Request::DescribePortal).with(Effect::Describe(name.clone()));
            self.sent.sent(&entry);
            self.ledger.push(entry);
        }
        self.copying.sent(usize::from(copies));
        let entry = Entry::forward(Request::Execute)
            .with(Effect::Rows(name))
            .copying(copies, None);
        Ok(self.register(entry, input))
    }

    fn close(&mut self, input: &mut Inbox, _out: &mut Outbox) -> Result<Step, Fatal> {
        let close = Close::read(input.body()).map_err(by_client)?;
        let name = Bytes::copy_from_slice(close.name);
        let effect = if close.kind == b'S' {
            Effect::CloseStatement(name)
        } else {
            Effect::ClosePortal(name)
        };
        Ok(self.register(Entry::forward(Request::Close).with(effect), input))
    }
}

fn forwarded(input: &mut Inbox) -> Step {
    input.forward();
    Step::Done
}

/// The text of a prepared statement: copies have numbers of their own, literals of sealed columns become parameters
/// that each Bind seals.
fn as_prepared(
    plan: &StatementPlan,
    sql: &[u8],
    none_matched: bool,
) -> Result<sealing::Rewritten, Refusal> {
    let sql = std::str::from_utf8(sql).map_err(|_| not_utf8())?;
    let mut number = usize::from(plan.max_param) + plan.copies.len();
    let edits = sealing::edits(plan, none_matched, |index| {
        number += 1;
        let slot = plan.slots.get(index);
        let kind = slot.map(|slot| slot.column.kind);
        let array = slot.is_some_and(|slot| slot.elements);
        format!(
            "${number}::{}{}",
            kind.map_or("text", sealing::type_name),
            if array { "[]" } else { "" }
        )
    });
    sealing::rewrite(sql, edits)
}

/// The types that the client declared, and the same for copies.
fn declared_types(plan: &StatementPlan, declared: &[Oid]) -> Vec<Oid> {
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

fn no_parameters() -> Refusal {
    Refusal::new(
        "42P02",
        "there is no parameter $1",
        "A simple query has no parameters: use the extended protocol. See docs/errors.md#parameter-missing.",
    )
}

fn not_utf8() -> Refusal {
    Refusal::new(
        "22021",
        "a statement on a protected table is not valid UTF-8",
        "Set client_encoding to UTF8. See docs/errors.md#refused-encoding.",
    )
}

fn unresolved() -> Refusal {
    Refusal::new(
        "0A000",
        "a table name has several meanings",
        "Qualify the table's name with its schema. See docs/errors.md#refused-ambiguous-name.",
    )
}

/// In PostgreSQL's words for a statement that no longer means what it did: drivers prepare it again when they read them.
fn stale() -> Refusal {
    let mut refusal = Refusal::new(
        "0A000",
        "cached plan must not change result type",
        "pgseal's rules have changed since the statement was prepared: prepare it again, or reconnect. See docs/errors.md#rules-changed.",
    );
    refusal.routine = Some("RevalidateCachedQuery");
    refusal
}

/// Whether a word stands anywhere in a text, in capitals or not.
fn memmem(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len())
        .any(|window| window.eq_ignore_ascii_case(word))
}

fn several_commands() -> Refusal {
    Refusal::new(
        "42601",
        "cannot insert multiple commands into a prepared statement",
        "Prepare one command at a time. See docs/errors.md#several-commands.",
    )
}
