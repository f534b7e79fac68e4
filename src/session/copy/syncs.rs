//! Syncs that the client sends among the data of a COPY FROM; [`super::super::ledger`] holds which of them are answered.

use crate::session::frontend::Step;
use crate::session::ledger::{Entry, Request, Whose};
use crate::session::{Fatal, Progress, Session, ask};
use crate::wire::{Inbox, Outbox, WireError, encode};

impl Session {
    /// CopyDone or CopyFail of the client.
    pub(in super::super) fn copy_ended(&mut self) {
        if !std::mem::take(&mut self.copy_in) {
            self.ledger.push(Entry::forward(Request::CopyEnd));
        }
    }

    /// Whether a message that COPY does not know may go on: the server may have to say first how the COPY ended.
    pub(in super::super) fn leaves_copy(
        &mut self,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<bool, Fatal> {
        // While the server reads data, such a message ends the connection.
        if self.copy_in || !self.ledger.waits_for_copy() {
            return Ok(true);
        }
        if self.ledger.flushes_copy() {
            let frame = self.encoded("client", encode::flush)?;
            input.inject(&mut out.server, frame);
        }
        Ok(false)
    }

    /// Asks the server which Syncs a failed COPY had read, and sends those again that the client counts on. Whether the
    /// client's next message has to wait for the answer.
    pub(in super::super) fn asks_for_syncs(
        &mut self,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<bool, Fatal> {
        if self.ledger.asks_for_syncs() {
            let frames = self.encoded("client", |buf| {
                encode::sync(buf)?;
                encode::close(buf, b'S', ask::POISON_NAME)?;
                encode::sync(buf)
            })?;
            input.inject(&mut out.server, frames);
        }
        for _ in 0..std::mem::take(&mut self.copying.owed) {
            let frame = self.encoded("client", encode::sync)?;
            input.inject(&mut out.server, frame);
            self.ledger.push(Entry::forward(Request::Sync));
        }
        Ok(self.ledger.is_blind())
    }

    /// Whether Syncs are to be asked for, or to be sent again.
    pub(in super::super) fn doubts_syncs(&self) -> bool {
        self.ledger.is_blind() || self.ledger.has_question() || self.copying.owed > 0
    }

    /// A COPY FROM, or another statement, is complete.
    pub(in super::super) fn copy_completed(&mut self) {
        let ignored = self.ledger.copy_done();
        if self.drowning {
            self.copying.owed += ignored;
        }
    }

    /// A COPY FROM, or another statement, has failed.
    pub(in super::super) fn copy_failed(&mut self, extended: bool) -> Result<(), Fatal> {
        if self.ledger.copy_failed(extended, self.drowning) {
            return Ok(());
        }
        Err(Fatal::Protocol {
            peer: "client",
            error: WireError::Value("message type during COPY from stdin"),
        })
    }

    /// What the server's message at the front says about Syncs that a failed COPY may have read; `None`: it is worked on
    /// like any other.
    pub(in super::super) fn heeds_doubt(
        &mut self,
        tag: u8,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Option<Step> {
        let anywhere = |tag: &u8| matches!(tag, b'N' | b'A' | b'S');
        if !self.ledger.in_doubt() || anywhere(&tag) {
            return None;
        }
        if tag == b'Z' {
            let next = input.following().find(|(tag, _)| !anywhere(tag));
            let next = next.map(|(tag, _)| tag);
            match self.ledger.whose_ready(next) {
                Whose::Client => return None,
                Whose::NextSays => return Some(Step::Wait(Progress::NeedInput)),
                Whose::Ours => input.skip(&mut out.client),
            }
        }
        // Between its error and its ReadyForQuery a Query has no other reply.
        if !self.ledger.front().is_some_and(|front| front.failed) {
            self.copying.owed += self.ledger.syncs_settled();
        }
        (tag == b'Z').then_some(Step::Done)
    }
}
