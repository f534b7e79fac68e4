//! Messages of the server, once the client is logged in: acknowledgements, results, errors.

use std::sync::Arc;

use bytes::Bytes;

use super::ask::{self, Ask};
use super::copy;
use super::frontend::{Step, is_utf8, other_encoding};
use super::ledger::{Effect, Entry, Fate, Request};
use super::opening::Row;
use super::sealing::{self, Positions};
use super::{Fatal, Progress, Session, by_server, frame_too_large};
use crate::model::{KeyId, Peer, Refusal};
use crate::plan::{Lineage, MOVED, Planner, StatementPlan};
use crate::wire::message::{
    CommandComplete, DataRow, ErrorFields, ParameterDescription, ReadyForQuery, origins,
};
use crate::wire::{Inbox, Outbox, encode};

const IN_FAILED_TRANSACTION: &[u8] = b"25P02";
/// invalid_text_representation.
const INVALID_TEXT: &[u8] = b"22P02";

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

    fn row(&mut self, len: usize, input: &mut Inbox, out: &mut Outbox) -> Result<Step, Fatal> {
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
        let key_of = |kid: KeyId| {
            self.answers
                .by_kid
                .get(&kid)
                .cloned()
                .or_else(|| self.shared.keys.by_kid(kid).map(Ok))
        };
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
    pub(super) fn fail_result(
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

    fn row_description(&mut self, input: &mut Inbox, out: &mut Outbox) -> Result<Step, Fatal> {
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
            if !planner.knows(column.table) && self.unknown.insert(column.table) {
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

    /// A RowDescription ends a Describe; in a Query or an Execute more follows.
    fn end_description(&mut self) -> Option<Entry> {
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
                if let Some(plan) = &done {
                    self.acked.complete(plan);
                    self.passing.completed(plan);
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
                            self.acked.complete(&plan);
                            self.passing.completed(&plan);
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

    fn error(&mut self, input: &mut Inbox, out: &mut Outbox) -> Result<(), Fatal> {
        let fields = ErrorFields::read(input.body()).map_err(by_server)?;
        let ends = matches!(
            fields.get(b'V').or_else(|| fields.get(b'S')),
            Some(b"FATAL" | b"PANIC")
        );
        let Some(entry) = self.ledger.front().filter(|_| !ends) else {
            input.forward();
            return Ok(());
        };
        let effect = std::mem::replace(&mut entry.effect, Effect::None);
        entry.failed = true;
        self.last_completion = None;
        let request = entry.request;
        let of_ask = matches!(entry.fate(), Fate::Ask);
        let frame = match (entry.fate(), entry.positions()) {
            _ if self.drowning => Told::Nothing,
            // In an aborted transaction nothing else is said to any statement.
            (Fate::Substitute(_), _) if fields.get(b'C') == Some(IN_FAILED_TRANSACTION) => {
                Told::Same
            }
            (Fate::Substitute(_), Some(positions))
                if fields
                    .get(b'C')
                    .is_some_and(|code| ask::OF_NAMES.contains(&code)) =>
            {
                Told::Other(moved(input.body(), Some(positions))?)
            }
            (Fate::Substitute(refusal), _) => Told::Refusal(refusal.as_ref().clone()),
            (Fate::CopyFailed(refusal), _) if fields.get(b'C') == Some(copy::COPY_FAILED) => {
                Told::Refusal(refusal.as_ref().clone())
            }
            (Fate::CopyFailed(_), _) => Told::Same,
            (Fate::FailTransaction, _) => Told::Nothing,
            (Fate::Settle, _) => Told::Same,
            (Fate::Forward, _) if is_moved(&fields) => Told::Refusal(moved_meanwhile()),
            (Fate::Ask | Fate::Skip, _) => Told::Other(moved(input.body(), None)?),
            (Fate::Forward, None) if !sealing::is_named(&fields) => Told::Same,
            (Fate::Forward, positions) => Told::Other(moved(input.body(), positions)?),
        };
        self.opener = None;
        self.copy_in = false;
        self.unsure = true;
        self.copying.ended();
        self.copy_failed(request != Request::Query)?;
        if !matches!(
            request,
            Request::Query | Request::FunctionCall | Request::Sync
        ) {
            if let Effect::Statement(name, _) | Effect::CloseStatement(name) = &effect
                && request == Request::Parse
                && name.is_empty()
            {
                self.acked.doubt_unnamed();
            }
            if let Effect::Statement(name, Some(statement)) = &effect
                && !name.is_empty()
                && statement.takes_values()
            {
                self.passing.refuse(name.clone());
            }
            self.ledger.fail();
            self.server_failed = true;
            self.forget_unacknowledged();
            // A question of a later group is not concerned: its replies are still to come.
            let still_asked = self
                .ledger
                .iter()
                .any(|entry| matches!(entry.fate(), Fate::Ask));
            self.ask = match std::mem::take(&mut self.ask) {
                Ask::Sent(..) if of_ask => Ask::Failed,
                asked if still_asked => asked,
                _ => Ask::Idle,
            };
        } else if request == Request::Query {
            self.forget_unacknowledged();
        }
        match frame {
            Told::Same => input.forward(),
            Told::Nothing => input.skip(&mut out.client),
            Told::Other(frame) => input.replace(&mut out.client, frame),
            Told::Refusal(refusal) => {
                let frame = self.encoded("server", |buf| {
                    encode::error_response(buf, &refusal, "ERROR")
                })?;
                input.replace(&mut out.client, frame);
            }
        }
        Ok(())
    }

    /// What was sent but dropped by an error never happened.
    fn forget_unacknowledged(&mut self) {
        if self.sent.is_empty() && self.acked.is_empty() {
            return;
        }
        self.sent = self.acked.clone();
        for entry in self.ledger.iter() {
            self.sent.sent(entry, entry.group);
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

/// What the client gets for the server's ErrorResponse.
enum Told {
    Same,
    Nothing,
    Other(Bytes),
    Refusal(Refusal),
}

/// Whether this is what a guard fails with.
fn is_moved(fields: &ErrorFields<'_>) -> bool {
    let holds = |message: &[u8]| {
        let mut windows = message.windows(MOVED.len());
        windows.any(|window| window == MOVED.as_bytes())
    };
    fields.get(b'C') == Some(INVALID_TEXT) && fields.get(b'M').is_some_and(holds)
}

fn moved_meanwhile() -> Refusal {
    Refusal::new(
        "40001",
        "a row has become another tenant's since it was asked whose it is",
        "Run the transaction again. See docs/errors.md#moved-meanwhile.",
    )
}

fn made_meanwhile() -> Refusal {
    Refusal::new(
        "0A000",
        "the statement reads a view or table over a protected one that was made meanwhile",
        "Run the statement again. See docs/errors.md#changed-meanwhile.",
    )
}

/// The same error with its position in the client's text; without one when it points into a text of ours.
fn moved(body: &[u8], positions: Option<&Positions>) -> Result<Bytes, Fatal> {
    let mut fields = ErrorFields::read(body).map_err(by_server)?;
    // Where a question of ours failed, the context names its portal, which the client does not know.
    fields
        .fields
        .retain(|(code, text)| *code != b'W' || !text.starts_with(ask::CONTEXT));
    sealing::unname(&mut fields);
    let position = fields
        .get(b'P')
        .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    let position = match (positions, position) {
        (Some(positions), Some(position)) => Some(positions.original(position)),
        _ => None,
    };
    let mut buf = bytes::BytesMut::with_capacity(body.len() + 16);
    encode::error_moved(&mut buf, &fields, position).map_err(by_server)?;
    Ok(buf.freeze())
}
