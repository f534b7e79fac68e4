//! The reply ledger: one entry per request whose reply is still to come, grouped by Sync.
//!
//! PostgreSQL manual 55.2.3: after an error in an extended-query message the server discards messages up to Sync, a
//! simple Query included. So an error drops the entries up to the next Sync; if the client has not sent it yet, what it
//! sends until then is discarded here too, and never reaches the ledger.

mod copies;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::names::Prepared;
use super::portals::Portal;
use super::sealing::Positions;
use crate::model::{Refusal, TenantId};
use crate::plan::{Plan, StatementKind};

use copies::Doubt;
pub(super) use copies::Whose;

/// Which request an entry stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Answered by ParseComplete.
    Parse,
    /// Answered by BindComplete.
    Bind,
    /// Answered by ParameterDescription, then RowDescription or NoData.
    DescribeStatement,
    /// Answered by RowDescription or NoData.
    DescribePortal,
    /// Answered by rows, then CommandComplete, EmptyQueryResponse or PortalSuspended.
    Execute,
    /// Answered by CloseComplete.
    Close,
    /// Answered by ReadyForQuery.
    Sync,
    /// Answered by any number of results, then ReadyForQuery.
    Query,
    /// Answered by FunctionCallResponse and ReadyForQuery.
    FunctionCall,
    /// CopyDone or CopyFail sent before CopyInResponse was seen: answered by nothing.
    CopyEnd,
}

/// What becomes of an entry's replies.
pub(super) enum Fate {
    /// They pass unchanged, or opened.
    Forward,
    /// They are ours: the client never sees them.
    Skip,
    /// Likewise, and they belong to a question that a frame of the client waits for.
    Ask,
    /// The server rejects what we sent; the client is told this instead.
    Substitute(Box<Refusal>),
    /// The server is told that the COPY failed; the client is told this instead, unless the server had an error of its own.
    CopyFailed(Box<Refusal>),
    /// A COMMIT or ROLLBACK of ours after a Query: the client sees its error and its ReadyForQuery only.
    Settle,
    /// A Parse of ours that makes the open transaction fail: its error is ours.
    FailTransaction,
}

/// What a request changes once the server has acknowledged it.
#[derive(Clone)]
pub(super) enum Effect {
    /// Nothing that matters here.
    None,
    /// A statement of this name exists; `None`: it is no protected one.
    Statement(Bytes, Option<Arc<Prepared>>),
    /// A portal of this name exists; `None`: it is no protected one.
    Portal(Bytes, Option<Box<Portal>>),
    /// The statement is gone.
    CloseStatement(Bytes),
    /// The portal is gone.
    ClosePortal(Bytes),
    /// The portal's columns are described next.
    Describe(Bytes),
    /// The parameter types that follow belong to this statement: `keep` of them are the client's.
    Parameters {
        /// The statement that they describe.
        statement: Arc<Prepared>,
    },
    /// The portal's rows follow.
    Rows(Bytes),
    /// The results of this plan follow; the number is of the statement whose result is next.
    Results(Arc<Plan>, usize),
    /// A statement of ours, of this name, looks up the tenants for this one.
    Asker(Arc<Prepared>, Bytes),
    /// It is bound.
    Asked(Arc<Prepared>),
    /// The rows answer our own question.
    Answer,
}

/// One request whose reply is still to come. Most name nothing that is protected: those are small, and take no memory of
/// their own.
pub(super) struct Entry {
    pub(super) request: Request,
    /// Its text names nothing that is protected: DDL in it makes no new way to a protected table.
    pub(super) quiet: bool,
    /// It ended with an error.
    pub(super) failed: bool,
    /// Which group it belongs to: one more than those that ended before it.
    pub(super) group: u64,
    /// A Sync that the server ignores if it reads it as part of a COPY's data.
    pub(super) doubtful: bool,
    /// CopyData was sent behind it.
    pub(super) fed: bool,
    /// The server was asked to send what it has up to here.
    pub(super) flushed: bool,
    pub(super) effect: Effect,
    /// What is special about its replies; none: they pass unchanged, or opened.
    work: Option<Box<Work>>,
}

/// What is special about the replies to a request.
struct Work {
    fate: Fate,
    /// The way back from the text that the server saw to the client's.
    positions: Option<Positions>,
    /// Whether rows of a COPY FROM are to be sealed for it.
    copies: bool,
    /// Whose these rows are, where they do not say it.
    tenant: Option<TenantId>,
    /// A BEGIN of ours goes before its text, whose completion the client does not see.
    begins: bool,
}

impl Default for Work {
    fn default() -> Self {
        Self {
            fate: Fate::Forward,
            positions: None,
            copies: false,
            tenant: None,
            begins: false,
        }
    }
}

impl Entry {
    pub(super) fn new(request: Request, fate: Fate) -> Self {
        let mut entry = Self::forward(request);
        entry.work().fate = fate;
        entry
    }

    pub(super) fn forward(request: Request) -> Self {
        Self {
            request,
            quiet: false,
            failed: false,
            group: 0,
            doubtful: false,
            fed: false,
            flushed: false,
            effect: Effect::None,
            work: None,
        }
    }

    pub(super) fn skip(request: Request) -> Self {
        Self::new(request, Fate::Skip)
    }

    pub(super) fn substitute(request: Request, refusal: Refusal) -> Self {
        Self::new(request, Fate::Substitute(Box::new(refusal)))
    }

    pub(super) fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    pub(super) fn with(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    pub(super) fn copying(mut self, copies: bool, tenant: Option<TenantId>) -> Self {
        if copies || tenant.is_some() {
            let work = self.work();
            (work.copies, work.tenant) = (copies, tenant);
        }
        self
    }

    pub(super) fn at(mut self, positions: Option<Positions>) -> Self {
        if positions.is_some() {
            self.work().positions = positions;
        }
        self
    }

    /// A BEGIN of ours goes before its text.
    pub(super) fn begun(mut self) -> Self {
        self.work().begins = true;
        self
    }

    fn work(&mut self) -> &mut Work {
        self.work.get_or_insert_default()
    }

    /// What becomes of its replies.
    pub(super) fn fate(&self) -> &Fate {
        self.work.as_ref().map_or(&Fate::Forward, |work| &work.fate)
    }

    pub(super) fn positions(&self) -> Option<&Positions> {
        self.work.as_ref()?.positions.as_ref()
    }

    /// Whose the rows of its COPY FROM are, where they do not say it.
    pub(super) fn tenant(&self) -> Option<&TenantId> {
        self.work.as_ref()?.tenant.as_ref()
    }

    /// Whether the next completion is that of a BEGIN of ours; once.
    pub(super) fn take_begin(&mut self) -> bool {
        let work = self.work.as_mut();
        work.is_some_and(|work| std::mem::take(&mut work.begins))
    }

    /// Whether a BEGIN of ours goes before its text and is not complete.
    pub(super) fn begins(&self) -> bool {
        self.work.as_ref().is_some_and(|work| work.begins)
    }

    /// Its COPY is made to fail, and the client is told this.
    pub(super) fn fail_copy(&mut self, refusal: Refusal) {
        self.work().fate = Fate::CopyFailed(Box::new(refusal));
    }

    /// Whether what its next result made, if anything, outlives its text.
    pub(super) fn lasts(&self) -> bool {
        let Effect::Results(plan, next) = &self.effect else {
            return true;
        };
        let next = plan.statements.get(*next);
        !next.is_some_and(|statement| matches!(statement.kind, StatementKind::Transient))
    }
}

/// The queue of expected replies.
#[derive(Default)]
pub struct Ledger {
    entries: VecDeque<Entry>,
    discarding: bool,
    /// How many groups were sent whole.
    group: u64,
    /// Some are doubtful.
    doubtful: bool,
    /// A COPY FROM failed among Syncs.
    doubt: Option<Doubt>,
}

impl Ledger {
    /// Whether no reply is expected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        // An end of COPY data that nobody waited for is answered by nothing.
        self.entries
            .iter()
            .all(|entry| entry.request == Request::CopyEnd)
    }

    /// Whether replies to messages since the last Sync or Query are still to come.
    pub(super) fn ends_in_group(&self) -> bool {
        let mut answered = self.entries.iter().rev();
        answered
            .find(|entry| entry.request != Request::CopyEnd)
            .is_some_and(|entry| !ends_group(entry))
    }

    /// Whether the server discards what the client sends, up to Sync.
    #[must_use]
    pub fn is_discarding(&self) -> bool {
        self.discarding
    }

    pub(super) fn push(&mut self, mut entry: Entry) {
        if entry.request == Request::Sync {
            self.discarding = false;
        }
        entry.group = self.group;
        self.group += u64::from(ends_group(&entry));
        self.entries.push_back(entry);
    }

    /// The group that is being sent.
    pub(super) fn group(&self) -> u64 {
        self.group
    }

    /// Whether this group was sent whole and replies of it, or of one before, are still to come.
    pub(super) fn is_unsettled(&self, group: u64) -> bool {
        let mut answered = self.entries.iter();
        let next = answered.find(|entry| entry.request != Request::CopyEnd);
        group < self.group && next.is_some_and(|entry| entry.group <= group)
    }

    /// Whether replies of a group that was sent whole are still to come.
    pub(super) fn owes_group(&self) -> bool {
        self.group
            .checked_sub(1)
            .is_some_and(|last| self.is_unsettled(last))
    }

    #[inline]
    pub(super) fn front(&mut self) -> Option<&mut Entry> {
        let unanswered = |entry: &Entry| entry.request == Request::CopyEnd;
        while self.entries.front().is_some_and(unanswered) {
            self.entries.pop_front();
        }
        self.entries.front_mut()
    }

    pub(super) fn pop(&mut self) -> Option<Entry> {
        self.entries.pop_front()
    }

    /// Whether the server may still open a COPY FROM whose rows are sealed.
    pub(super) fn copies(&self) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.work.as_ref().is_some_and(|work| work.copies))
    }

    /// Remaining entries, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// An extended-query message failed: its group up to the next Sync has no replies.
    pub(super) fn fail(&mut self) {
        match self
            .entries
            .iter()
            .position(|entry| entry.request == Request::Sync)
        {
            Some(sync) => drop(self.entries.drain(..sync)),
            None => {
                self.entries.clear();
                self.discarding = true;
            }
        }
    }

    /// The server will reject the extended-query message that was pushed last: what follows up to Sync is none of its
    /// business, and must not be read as if it belonged to an older statement of the same name.
    pub(super) fn doomed(&mut self) {
        self.discarding = true;
    }

    /// The client was told of an error that the server does not know of: what it sends up to its Sync is discarded here.
    pub(super) fn discard_to_sync(&mut self) {
        self.discarding = !self
            .entries
            .iter()
            .any(|entry| matches!(entry.request, Request::Sync | Request::Query));
    }

    /// Statements whose Parse is under way are forgotten: they were planned by rules that are no longer in force.
    pub(super) fn forget_statements(&mut self) {
        for entry in &mut self.entries {
            if matches!(entry.effect, Effect::Statement(..)) {
                entry.effect = Effect::None;
            }
        }
    }

    /// The same for those of these names that were forwarded.
    pub(super) fn forget_prepared(&mut self, names: &[Bytes]) {
        for entry in &mut self.entries {
            if matches!(&entry.effect, Effect::Statement(name, None) if names.contains(name)) {
                entry.effect = Effect::None;
            }
        }
    }
}

/// Whether its last reply is ReadyForQuery.
fn ends_group(entry: &Entry) -> bool {
    matches!(
        entry.request,
        Request::Sync | Request::Query | Request::FunctionCall
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn requests(ledger: &Ledger) -> Vec<Request> {
        ledger.iter().map(|entry| entry.request).collect()
    }

    pub(super) fn ledger(requests: &[Request]) -> Ledger {
        let mut ledger = Ledger::default();
        requests
            .iter()
            .for_each(|request| ledger.push(Entry::forward(*request)));
        ledger
    }

    #[test]
    fn an_error_drops_its_group_and_a_query_inside_it_but_not_the_next_group() {
        let mut ledger = ledger(&[
            Request::Parse,
            Request::Bind,
            Request::Query,
            Request::Sync,
            Request::Parse,
            Request::Sync,
        ]);
        ledger.fail();
        assert_eq!(
            requests(&ledger),
            [Request::Sync, Request::Parse, Request::Sync]
        );
        assert!(!ledger.is_discarding());
    }

    #[test]
    fn an_error_before_the_sync_was_sent_discards_until_it_is() {
        let mut ledger = ledger(&[Request::Parse, Request::Bind]);
        ledger.fail();
        assert!(ledger.is_empty() && ledger.is_discarding());
        ledger.push(Entry::forward(Request::Sync));
        assert!(!ledger.is_discarding());
    }

    #[test]
    fn what_follows_a_doomed_message_is_discarded_before_the_server_has_said_so() {
        let mut ledger = ledger(&[Request::Parse]);
        ledger.doomed();
        assert!(ledger.is_discarding());
        ledger.push(Entry::forward(Request::Sync));
        assert!(!ledger.is_discarding());
        ledger.fail();
        assert_eq!(requests(&ledger), [Request::Sync]);
    }
}
