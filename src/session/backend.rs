//! Messages of the server, once the client is logged in: acknowledgements and ends.

mod errors;
mod rows;

use std::sync::Arc;

use super::ask;
use super::frontend::Step;
use super::ledger::{Effect, Entry, Fate, Request};
use super::{Fatal, Progress, Session, by_server};
use crate::model::Peer;
use crate::plan::{StatementKind, StatementPlan};
use crate::wire::message::{CommandComplete, ParameterDescription, ReadyForQuery};
use crate::wire::{Inbox, Outbox, encode};

impl Session {
    pub(super) fn server_sent(
        &mut self,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Progress, Fatal> {
        loop {
            if input.pass() {
                return Ok(Progress::NeedInput);
            }
            let Some(head) = input.peek().map_err(by_server)? else {
                return Ok(Progress::NeedInput);
            };
            let needs_body = matches!(head.tag, b'Z' | b'S')
                || (self.protected && matches!(head.tag, b'T' | b't' | b'C' | b'E' | b'G' | b'H'));
            if needs_body && !input.is_whole() {
                return Ok(Progress::NeedInput);
            }
            let step = match self.heeds_doubt(head.tag, input, out) {
                Some(step) => step,
                None if self.protected => self.server_frame(head.tag, head.len, input, out)?,
                None => self.unprotected(head.tag, input, out)?,
            };
            match step {
                Step::Done => self.settled(Peer::Server),
                Step::Wait(progress) => return Ok(progress),
            }
        }
    }

    /// A session that no rule concerns: only whether it is idle matters.
    fn unprotected(&mut self, tag: u8, input: &mut Inbox, out: &mut Outbox) -> Result<Step, Fatal> {
        match tag {
            b'G' => self.copy_in = self.ledger.copy_in(),
            b'C' => self.copy_completed(),
            b'E' => {
                let query = self.ledger.front();
                let query = query.filter(|entry| entry.request == Request::Query);
                let extended = query.map(|query| query.failed = true).is_none();
                self.copy_in = false;
                self.copy_failed(extended)?;
            }
            b'Z' => {
                let status = ReadyForQuery::read(input.body()).map_err(by_server)?.status;
                self.in_transaction = status != b'I';
            }
            _ => {}
        }
        let answers = |entry: &mut Entry| match tag {
            b'Z' => true,
            // Of a Close only ours has an entry.
            b'3' => entry.request == Request::Close,
            _ => false,
        };
        let answered = if self.ledger.front().is_some_and(answers) {
            self.ledger.pop()
        } else {
            None
        };
        match answered.as_ref().map(Entry::fate) {
            Some(Fate::Skip) => input.skip(&mut out.client),
            _ => input.forward(),
        }
        Ok(Step::Done)
    }

    fn server_frame(
        &mut self,
        tag: u8,
        len: usize,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Step, Fatal> {
        match tag {
            b'D' => return self.row(len, input, out),
            b'S' => {
                self.parameter_status(input)?;
                if self.keeps_status(input.body())? {
                    input.skip(&mut out.client);
                } else {
                    input.forward();
                }
            }
            b'N' | b'A' => input.forward(),
            b'Z' => self.ready(input, out)?,
            b'E' => self.error(input, out)?,
            b'T' => return self.row_description(input, out),
            b't' => self.parameter_description(input, out)?,
            b'1' | b'2' | b'3' => {
                let entry = self.reply_to(tag, |request| {
                    matches!(request, Request::Parse | Request::Bind | Request::Close)
                })?;
                self.acked.apply(&entry.effect);
                if let (b'3', Effect::CloseStatement(name)) = (tag, &entry.effect) {
                    self.texts.closed(name, entry.group);
                }
                self.pass_on(entry.fate(), input, out);
            }
            b'n' => {
                let entry = self.reply_to(tag, |request| {
                    matches!(
                        request,
                        Request::DescribeStatement | Request::DescribePortal
                    )
                })?;
                self.pass_on(entry.fate(), input, out);
            }
            b's' => {
                let entry = self.reply_to(tag, |request| request == Request::Execute)?;
                self.opener = None;
                self.pass_on(entry.fate(), input, out);
            }
            b'C' | b'I' => self.completed(tag, input, out)?,
            b'G' => self.copy_in_response(input, out)?,
            b'H' => return self.copy_out_response(input, out),
            b'd' => return self.copied_out(len, input, out),
            b'c' => return self.copy_out_done(input, out),
            // CopyBothResponse, of a replication connection: the client's CopyDone ends it, too.
            b'W' => {
                self.copy_in = true;
                input.forward();
            }
            _ => input.forward(),
        }
        Ok(Step::Done)
    }

    /// Takes the entry that this reply ends.
    fn reply_to(&mut self, tag: u8, fits: impl Fn(Request) -> bool) -> Result<Entry, Fatal> {
        match self.ledger.front() {
            Some(entry) if fits(entry.request) => {
                self.ledger.pop().ok_or(Fatal::Unexplained(char::from(tag)))
            }
            _ => Err(Fatal::Unexplained(char::from(tag))),
        }
    }

    fn pass_on(&self, fate: &Fate, input: &mut Inbox, out: &mut Outbox) {
        if self.drowning || !matches!(fate, Fate::Forward) {
            input.skip(&mut out.client);
        } else {
            input.forward();
        }
    }

    fn parameter_description(&mut self, input: &mut Inbox, out: &mut Outbox) -> Result<(), Fatal> {
        let Some(entry) = self.ledger.front() else {
            return Err(Fatal::Unexplained('t'));
        };
        let skip = self.drowning || !matches!(entry.fate(), Fate::Forward);
        let Effect::Parameters { statement } = &entry.effect else {
            let fate = if skip { Fate::Skip } else { Fate::Forward };
            self.pass_on(&fate, input, out);
            return Ok(());
        };
        let types = ParameterDescription::read(input.body())
            .map_err(by_server)?
            .types;
        let added = statement.added();
        let keep = types.len().saturating_sub(added);
        let _ = statement.types.set(types.clone());
        if skip {
            input.skip(&mut out.client);
        } else if added == 0 {
            input.forward();
        } else {
            // The client knows its own parameters only.
            let own = types.get(..keep).unwrap_or_default();
            let frame = self.encoded("server", |buf| encode::parameter_description(buf, own))?;
            input.replace(&mut out.client, frame);
        }
        Ok(())
    }

    fn completed(&mut self, tag: u8, input: &mut Inbox, out: &mut Outbox) -> Result<(), Fatal> {
        if tag == b'C' {
            let (quiet, lasts) = self
                .ledger
                .front()
                .map_or((false, true), |entry| (entry.quiet, entry.lasts()));
            let command = CommandComplete::read(input.body()).map_err(by_server)?.tag;
            if lasts {
                self.note_command(command, quiet);
            }
            self.copy_completed();
        }
        self.opener = None;
        self.copying.completed();
        let Some(entry) = self.ledger.front() else {
            return Err(Fatal::Unexplained(char::from(tag)));
        };
        if entry.take_begin() {
            input.skip(&mut out.client);
            return Ok(());
        }
        match (entry.request, &mut entry.effect) {
            (Request::Query, Effect::Results(plan, next)) => {
                let done = plan.statements.get(*next).cloned();
                *next += 1;
                let is_last = tag == b'C' && *next == plan.statements.len();
                let group = entry.group;
                if let Some(plan) = &done {
                    self.statement_completed(plan, group);
                }
                self.tell(done.as_deref(), input, out)?;
                if is_last && self.rest.is_some() && !self.drowning {
                    let command = CommandComplete::read(input.body()).map_err(by_server)?.tag;
                    if self.keeps_completion(command)? {
                        input.skip(&mut out.client);
                        return Ok(());
                    }
                }
                self.pass_on(&Fate::Forward, input, out);
            }
            (Request::Query, _) if self.last_completion.is_some() => {
                if let Some(completion) = self.last_completion.take() {
                    input.replace(&mut out.client, completion);
                }
            }
            (Request::Query, _) => {
                let fate = match entry.fate() {
                    Fate::Settle => Fate::Skip,
                    _ => Fate::Forward,
                };
                self.pass_on(&fate, input, out);
            }
            (Request::Execute, _) => {
                let entry = self.reply_to(tag, |request| request == Request::Execute)?;
                match &entry.effect {
                    Effect::Answer => self.answered(),
                    Effect::Rows(name) => {
                        if let Some(plan) = self
                            .acked
                            .portals
                            .get(name)
                            .map(|portal| portal.plan.clone())
                        {
                            self.statement_completed(&plan, entry.group);
                            self.tell(Some(&plan), input, out)?;
                        }
                    }
                    _ => {}
                }
                self.pass_on(entry.fate(), input, out);
            }
            _ => return Err(Fatal::Unexplained(char::from(tag))),
        }
        Ok(())
    }

    /// A statement of this group has completed, which may have changed names.
    fn statement_completed(&mut self, plan: &Arc<StatementPlan>, group: u64) {
        self.acked.complete(plan);
        self.passing.completed(plan);
        if let StatementKind::Deallocate { name: Some(name) } = &plan.kind {
            self.texts.closed(name.as_bytes(), group);
        }
    }

    /// Tells the client what its statement did that it may not expect.
    fn tell(
        &mut self,
        plan: Option<&StatementPlan>,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<(), Fatal> {
        if let Some(notice) = plan.and_then(|plan| plan.notice)
            && !self.drowning
        {
            let frame = self.encoded("server", |buf| encode::notice_response(buf, notice))?;
            input.inject(&mut out.client, frame);
        }
        Ok(())
    }

    /// Commands that change what names mean. What a `quiet` text makes has to be known when it is named together with
    /// something protected, not before: DDL costs what it costs without pgseal.
    fn note_command(&mut self, command: &[u8], quiet: bool) {
        let begins = |with: &[&[u8]]| with.iter().any(|words| command.starts_with(words));
        if begins(&[b"CREATE", b"ALTER", b"DROP", b"IMPORT FOREIGN SCHEMA"]) {
            // These change tables without naming them.
            let sweeping = begins(&[b"ALTER SCHEMA", b"CREATE EXTENSION", b"ALTER EXTENSION"]);
            if quiet && !sweeping {
                self.unseen_ddl = true;
            } else {
                self.ddl = true;
            }
        }
        // What the prepared transaction has made is there only now.
        self.ddl |= command == b"COMMIT PREPARED";
        if matches!(command, b"DISCARD ALL" | b"DEALLOCATE ALL") {
            self.acked.deallocated();
            self.passing.clear();
            let group = self.ledger.front().map_or(0, |entry| entry.group);
            self.texts.all_closed(group);
            self.unsure = true;
        }
        if command == b"DISCARD ALL" {
            self.acked.portals.clear();
        }
    }

    fn ready(&mut self, input: &mut Inbox, out: &mut Outbox) -> Result<(), Fatal> {
        let status = ReadyForQuery::read(input.body()).map_err(by_server)?.status;
        let entry = self.reply_to(b'Z', |request| {
            matches!(
                request,
                Request::Sync | Request::Query | Request::FunctionCall
            )
        })?;
        self.in_transaction = status != b'I';
        self.aborted = status == b'E';
        if matches!(entry.fate(), Fate::Ask) {
            // What the client sent meanwhile is still to be answered.
            input.skip(&mut out.client);
            return Ok(());
        }
        // It has told of the encoding before.
        self.encoding_named = self.encoding_named.filter(|named| entry.group < *named);
        if status == b'I' {
            // Only what is committed can be loaded.
            self.catalog_stale |= std::mem::take(&mut self.ddl) || !self.defining.is_empty();
            // Portals end with their transaction.
            self.acked.portals.end_transaction();
        }
        if entry.request == Request::Query {
            self.acked.queried(entry.failed);
        }
        self.opener = None;
        if self.ledger.is_empty() {
            self.sent.all_settled();
            if std::mem::take(&mut self.unsure) {
                self.forget_unacknowledged();
            } else if status == b'I' {
                self.sent.portals.end_transaction();
            }
        }
        if matches!(entry.fate(), Fate::Skip) {
            input.skip(&mut out.client);
            return Ok(());
        }
        self.drowning = false;
        self.server_failed = false;
        let failed = entry.failed || self.failing;
        if entry.request == Request::Query && self.settle(&entry, failed, out)? {
            self.failing = false;
            input.skip(&mut out.client);
            return Ok(());
        }
        if self.failing && status == b'T' {
            if self.ledger.is_empty() {
                return self.fail_transaction(input, out);
            }
            // What the client sent meanwhile has its replies first.
        } else {
            self.failing = false;
        }
        input.forward();
        Ok(())
    }

    /// The server rejects a statement of ours; its ReadyForQuery is the one that the client waits for.
    fn fail_transaction(&mut self, input: &mut Inbox, out: &mut Outbox) -> Result<(), Fatal> {
        let frame = self.encoded("client", |buf| {
            encode::parse(buf, ask::POISON_NAME, ask::POISON, &[])?;
            encode::sync(buf)
        })?;
        out.server.push(frame);
        self.ledger
            .push(Entry::new(Request::Parse, Fate::FailTransaction));
        self.ledger.push(Entry::forward(Request::Sync));
        input.skip(&mut out.client);
        Ok(())
    }
}
