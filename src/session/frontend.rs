//! Messages of the client, once it is logged in (PostgreSQL manual 55.2.2 to 55.2.6).

use std::sync::Arc;

use bytes::Bytes;

use super::ask::{self, Ask};
use super::atomic::Group;
use super::ledger::{Effect, Entry, Fate, Request};
use super::names::kept_as;
use super::sealing::{self, Positions, Unsealed};
use super::{Fatal, Phase, Progress, Session, TEXT_CAP, by_client, frame_too_large};
use crate::keys::Purpose;
use crate::model::{Peer, Refusal, TenantId};
use crate::plan::Splice;
use crate::wire::message::Parse;
use crate::wire::{Inbox, Outbox, encode};

/// invalid_sql_statement_name.
const MISSING: &str = "26000";

/// Works on the whole frame at the front.
type Handle = fn(&mut Session, &mut Inbox, &mut Outbox) -> Result<Step, Fatal>;

/// What a frame came to.
pub(super) enum Step {
    /// It is consumed.
    Done,
    /// It stays at the front.
    Wait(Progress),
}

pub(super) const WAIT: Step = Step::Wait(Progress::NeedInput);

impl Session {
    pub(super) fn client_sent(
        &mut self,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Progress, Fatal> {
        self.copying.holds = false;
        self.held = false;
        let mut changing = false;
        if self.protected {
            self.heed_rules();
            changing = self.heed_catalog();
        }
        loop {
            if input.pass() {
                return Ok(Progress::NeedInput);
            }
            if self.asks_for_syncs(input, out)? || self.is_parting() {
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
            if changing && self.means_by_names(head.tag) {
                self.held = true;
                return Ok(Progress::NeedCatalog);
            }
            if let Step::Wait(progress) = self.client_frame(head.tag, head.len, input, out)? {
                self.held |= input.is_whole();
                return Ok(progress);
            }
            self.settled(Peer::Client);
        }
    }

    /// Whether the frame may mean something else when others have changed the catalog: it names or runs something. Ends and
    /// data of what was sent before do not.
    fn means_by_names(&self, tag: u8) -> bool {
        matches!(tag, b'Q' | b'P' | b'B' | b'E' | b'F') && !self.ledger.is_discarding()
    }

    fn client_frame(
        &mut self,
        tag: u8,
        len: usize,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Step, Fatal> {
        if self.ledger.is_discarding() && tag != b'S' {
            return self.discard(tag, input, out);
        }
        if !matches!(tag, b'S' | b'H' | b'd' | b'c' | b'f') && !self.leaves_copy(input, out)? {
            return Ok(WAIT);
        }
        if !self.protected {
            return Ok(self.counted(tag, input));
        }
        match tag {
            b'Q' => self.whole(len, Request::Query, Self::query, input, out),
            b'P' => self.whole(len, Request::Parse, Self::parse, input, out),
            b'B' if !self.sent.is_empty() || self.passing.any_refused() => {
                self.bind_named(len, input, out)
            }
            b'D' | b'E' | b'C' if !self.sent.is_empty() && len <= self.terms.message_limit => {
                let (request, handle): (_, Handle) = match tag {
                    b'D' => (Request::DescribePortal, Self::describe),
                    b'E' => (Request::Execute, Self::execute),
                    _ => (Request::Close, Self::close),
                };
                self.whole(len, request, handle, input, out)
            }
            b'C' if self.texts.any_named() && len <= self.terms.message_limit => {
                self.whole(len, Request::Close, Self::close, input, out)
            }
            b'F' => self.function_call(input, out),
            b'S' if self.copy_in && self.ledger.ends_in_copy() => {
                self.ledger.push_doubtful();
                Ok(forwarded(input))
            }
            b'd' | b'c' | b'f' => self.copied_in(tag, input, out),
            b'S' => self.sync(input, out),
            b'D' => {
                // One byte of the body says whether it is a statement or a portal.
                if !input.is_whole() && len <= self.terms.message_limit {
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
                    // Flush has no reply; what else there is, the server will say.
                    _ => return Ok(forwarded(input)),
                };
                Ok(self.register(Entry::forward(request), input))
            }
        }
    }

    /// In a session that no rule concerns only what ReadyForQuery answers is counted.
    fn counted(&mut self, tag: u8, input: &mut Inbox) -> Step {
        match tag {
            b'Q' => self.ledger.push(Entry::forward(Request::Query)),
            b'F' => self.ledger.push(Entry::forward(Request::FunctionCall)),
            b'S' if self.copy_in && self.ledger.ends_in_copy() => self.ledger.push_doubtful(),
            b'S' => self.ledger.push(Entry::forward(Request::Sync)),
            b'd' => self.ledger.fed(),
            b'c' | b'f' => self.copy_ended(),
            _ => {}
        }
        forwarded(input)
    }

    /// The Bind at the front is held whole only if its statement is protected, which its names say; a large value for any
    /// other passes as it comes.
    fn bind_named(
        &mut self,
        len: usize,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Step, Fatal> {
        let Some((portal, statement)) = bound_names(input.arrived()) else {
            if !input.is_whole() && input.arrived().len() <= self.terms.message_limit {
                return Ok(WAIT);
            }
            return self.whole(len, Request::Bind, Self::bind, input, out);
        };
        if self.name_unsettled(statement) {
            // What has not arrived of it stays with the client meanwhile: it may be larger than what can be held.
            self.held = true;
            self.flush_group(input, out)?;
            return Ok(WAIT);
        }
        let known = self.sent.statements.get(statement);
        let looked_into = known.is_some_and(|prepared| prepared.is_looked_into());
        if looked_into
            || known.is_some() && len <= self.terms.message_limit
            || self.sent.is_stale(statement)
            || self.passing.is_refused(statement)
            || self.is_doubtful(statement)
        {
            return self.whole(len, Request::Bind, Self::bind, input, out);
        }
        let opened = known.map(|prepared| self.sent.portal_of(prepared));
        let effect = Effect::Portal(Bytes::copy_from_slice(portal), opened.map(Box::new));
        Ok(self.register(Entry::forward(Request::Bind).with(effect), input))
    }

    fn whole(
        &mut self,
        len: usize,
        request: Request,
        handle: Handle,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Step, Fatal> {
        let cap = match request {
            // Nobody can tell whether a text names something protected before its end.
            Request::Query | Request::Parse => TEXT_CAP,
            _ => self.terms.message_limit,
        };
        if len > cap {
            return self.refuse(request, frame_too_large(len), input, out);
        }
        if !input.is_whole() {
            return Ok(WAIT);
        }
        let step = handle(self, input, out)?;
        if matches!(step, Step::Done) {
            if !matches!(self.ask, Ask::Idle) {
                self.ask = Ask::Idle;
            }
            self.resolved.clear();
            self.passing.frame_done();
        }
        Ok(step)
    }

    pub(super) fn sync(&mut self, input: &mut Inbox, out: &mut Outbox) -> Result<Step, Fatal> {
        if self.drowning && self.ledger.is_discarding() && !self.server_failed {
            if self.ledger.ends_in_group() {
                self.flush_group(input, out)?;
                return Ok(WAIT);
            }
            // The server knows of no error: it would commit.
            let frame = self.encoded("client", |buf| {
                encode::parse(buf, ask::POISON_NAME, ask::POISON, &[])?;
                encode::sync(buf)
            })?;
            self.ledger
                .push(Entry::new(Request::Parse, Fate::FailTransaction));
            return Ok(self.replace(Entry::forward(Request::Sync), input, out, frame));
        }
        if self.sync_waits(input, out)? {
            return Ok(WAIT);
        }
        Ok(self.register(Entry::forward(Request::Sync), input))
    }

    /// What a request means for those that follow it.
    fn note(&mut self, entry: &Entry) {
        // The server was asked to send what it had before.
        self.group.flushed = false;
        match entry.request {
            Request::Execute => {
                (self.group.begun, self.group.executed) = (true, true);
                self.runs += 1;
            }
            Request::Sync => self.group = Group::default(),
            Request::Query => {
                self.group = Group::default();
                self.runs += 1;
            }
            Request::FunctionCall => self.runs += 1,
            _ => self.group.begun = true,
        }
        self.sent.sent(entry, self.ledger.group());
    }

    pub(super) fn register(&mut self, entry: Entry, input: &mut Inbox) -> Step {
        self.note(&entry);
        self.ledger.push(entry);
        forwarded(input)
    }

    pub(super) fn replace(
        &mut self,
        entry: Entry,
        input: &mut Inbox,
        out: &mut Outbox,
        frame: Bytes,
    ) -> Step {
        self.note(&entry);
        self.ledger.push(entry);
        input.replace(&mut out.server, frame);
        Step::Done
    }

    /// The server discards this up to Sync; so it need not see it, least of all a value that is not sealed.
    fn discard(&mut self, tag: u8, input: &mut Inbox, out: &mut Outbox) -> Result<Step, Fatal> {
        let failed = matches!(std::mem::take(&mut self.ask), Ask::Failed);
        self.resolved.clear();
        self.passing.frame_done();
        if failed && tag == b'Q' {
            // The question of this Query failed: the client has its error and waits for ReadyForQuery.
            let frame = self.encoded("client", encode::sync)?;
            return Ok(self.replace(Entry::forward(Request::Sync), input, out, frame));
        }
        input.skip(&mut out.server);
        Ok(Step::Done)
    }

    /// Replaces the frame by a statement that the server rejects, and its error by `refusal`.
    pub(super) fn refuse(
        &mut self,
        request: Request,
        mut refusal: Refusal,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Step, Fatal> {
        self.note_refused(request, &Bytes::copy_from_slice(input.body()));
        let (text, positions) = match refusal.hollow.take() {
            Some(hollow) => around(&hollow.0),
            None => (Bytes::from_static(ask::POISON), None),
        };
        let types = match request {
            Request::Parse if positions.is_some() => {
                Parse::read(input.body()).map(|parse| parse.types)
            }
            _ => Ok(Vec::new()),
        };
        let types = types.unwrap_or_default();
        // A Parse ends the unnamed statement even where it fails, so that one's name goes along.
        let unnamed = request == Request::Parse
            && Parse::read(input.body()).is_ok_and(|parse| parse.name.is_empty());
        let name = if unnamed { b"" } else { ask::POISON_NAME };
        // That a statement is missing is told in a failed transaction, too.
        let missing = request == Request::Bind && refusal.sqlstate == MISSING;
        let frame = self.encoded("client", |buf| match request {
            Request::Query => encode::query(buf, &text),
            _ if missing => encode::bind(buf, b"", ask::POISON_NAME, &[], &[], &[]),
            _ => encode::parse(buf, name, &text, &types),
        })?;
        let mut entry = Entry::substitute(request, refusal).at(positions);
        if unnamed {
            entry = entry.with(Effect::CloseStatement(Bytes::new()));
        }
        let step = self.replace(entry, input, out, frame);
        if request != Request::Query {
            self.ledger.doomed();
        }
        Ok(step)
    }

    /// Whether a protected statement may still be there although something was to replace it.
    pub(super) fn is_doubtful(&self, statement: &[u8]) -> bool {
        statement.is_empty() && self.sent.unnamed_doubtful
    }

    /// Ends the unnamed statement for sure.
    pub(super) fn close_unnamed(
        &mut self,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<(), Fatal> {
        let frame = self.encoded("client", |buf| encode::close(buf, b'S', b""))?;
        input.inject(&mut out.server, frame);
        let entry = Entry::skip(Request::Close).with(Effect::CloseStatement(Bytes::new()));
        self.note(&entry);
        self.ledger.push(entry);
        Ok(())
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

    pub(super) fn unsealed(
        &mut self,
        request: Request,
        unsealed: Unsealed,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Step, Fatal> {
        match unsealed {
            Unsealed::Wants(wants) => Ok(Step::Wait(Progress::NeedKeys(Box::new(wants)))),
            Unsealed::Refused(refusal) => self.refuse(request, refusal, input, out),
        }
    }
}

/// The text by which the server is asked about the names in a statement, and the way back for positions.
fn around(hollow: &str) -> (Bytes, Option<Positions>) {
    let [before, behind] = ask::AROUND_HOLLOW;
    let insert = |at: usize, text: &str| Splice {
        span: at..at,
        text: text.to_owned(),
    };
    let edits = vec![insert(0, before), insert(hollow.len(), behind)];
    match sealing::rewrite(hollow, edits) {
        Ok(rewritten) => (rewritten.sql.into(), Some(rewritten.positions)),
        Err(_) => (Bytes::from_static(ask::POISON), None),
    }
}

/// The names of the portal and the statement, once both have arrived.
fn bound_names(arrived: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut names = arrived.splitn(3, |byte| *byte == 0);
    let (portal, statement) = (names.next()?, names.next()?);
    names.next()?;
    Some((kept_as(portal), kept_as(statement)))
}

pub(super) fn forwarded(input: &mut Inbox) -> Step {
    input.forward();
    Step::Done
}
