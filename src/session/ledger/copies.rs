//! Syncs among the data of a COPY FROM.
//!
//! While it reads such data PostgreSQL ignores Sync (manual 55.2.6; `CopyGetData`). If the COPY fails before it has read
//! one, that one is answered like any other. So Syncs that were sent behind the COPY and before the end of its data are
//! *doubtful* until its end: when it completes, it has read them all; when it fails, the first so many. How many that
//! were, only the replies to the others say, and nobody knows when the last of those has come. Therefore a question of
//! ours follows them, a Close between two Syncs: it is answered always, and its CloseComplete shows which ReadyForQuery
//! was the first one of ours. It is put where nothing else was sent behind the Syncs, whose reply would show the same.
//! If the COPY was an Execute and all its Syncs are doubtful, what the client sends waits for the answer: if none of them
//! was answered, the server discards that up to the next one.

use super::{Entry, Fate, Ledger, Request};

/// A COPY FROM failed, and which of the Syncs at the front it had read is not known.
pub(super) struct Doubt {
    /// The server may discard what comes next: it was an Execute, and all Syncs behind it are doubtful.
    blind: bool,
    /// The client was told of an earlier error: it counts on an answer to each Sync.
    counted: bool,
    /// A Sync of the client was answered.
    answered: bool,
    /// Our question was put.
    asked: bool,
}

/// Whose a ReadyForQuery is while that is in doubt.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Whose {
    /// It answers a Sync of the client.
    Client,
    /// It answers the first Sync of our question.
    Ours,
    /// The next message of the server says so.
    NextSays,
}

impl Ledger {
    /// CopyInResponse: the Syncs behind it are doubtful, up to the end of the data. Gives whether that end is still to be
    /// sent.
    pub(in super::super) fn copy_in(&mut self) -> bool {
        let opens = |entry: &Entry| entry.request != Request::Sync;
        let from = usize::from(self.front().is_some_and(|entry| opens(entry)));
        for at in from..self.entries.len() {
            match self.entries.get_mut(at) {
                Some(entry) if entry.request == Request::Sync => {
                    (entry.doubtful, self.doubtful) = (true, true);
                }
                // What else there is ends the connection, if the server reads it in COPY.
                Some(entry) => {
                    if entry.request == Request::CopyEnd {
                        self.entries.remove(at);
                    }
                    return false;
                }
                None => break,
            }
        }
        true
    }

    /// Whether the COPY that the server reads data for, as far as is known here, was sent last but for Syncs.
    pub(in super::super) fn ends_in_copy(&self) -> bool {
        let mut entries = self.entries.iter().enumerate();
        entries.all(|(at, entry)| entry.doubtful || (at == 0 && entry.request != Request::Sync))
    }

    /// Sync while the server reads data of COPY.
    pub(in super::super) fn push_doubtful(&mut self) {
        self.doubtful = true;
        self.push(Entry {
            doubtful: true,
            ..Entry::forward(Request::Sync)
        });
    }

    /// CopyData follows what was sent last.
    pub(in super::super) fn fed(&mut self) {
        if let Some(last) = self.entries.back_mut() {
            last.fed = true;
        }
    }

    /// The COPY is complete: the server has ignored what was doubtful. Gives how many Syncs that were.
    pub(in super::super) fn copy_done(&mut self) -> usize {
        if !std::mem::take(&mut self.doubtful) {
            return 0;
        }
        let before = self.entries.len();
        self.entries.retain(|entry| !entry.doubtful);
        before - self.entries.len()
    }

    /// The COPY failed. False: the client has broken the protocol in a way that leaves open what the server has read.
    pub(in super::super) fn copy_failed(&mut self, extended: bool, counted: bool) -> bool {
        if !std::mem::take(&mut self.doubtful) {
            return true;
        }
        let Some(last) = self.entries.iter().rposition(|entry| entry.doubtful) else {
            return true;
        };
        let behind = self.entries.get(last + 1).map(|entry| entry.request);
        if !matches!(behind, None | Some(Request::Sync | Request::CopyEnd)) {
            // In COPY this would have ended the connection: so the server was out of it, or has not read as far as this.
            let Some(sync) = self.entries.get_mut(last).filter(|sync| !sync.fed) else {
                return false;
            };
            sync.doubtful = false;
        }
        if let Some(last) = self.entries.iter().rposition(|entry| entry.doubtful) {
            let certain = self.entries.iter().skip(last + 1).any(is_clients);
            self.doubt = Some(Doubt {
                blind: extended && !certain,
                counted,
                answered: false,
                asked: false,
            });
        }
        true
    }

    /// Whether it is not known which Syncs a failed COPY has read.
    pub(in super::super) fn in_doubt(&self) -> bool {
        self.doubt.is_some()
    }

    /// Whether what the client sends next waits for our question or its answer.
    pub(in super::super) fn is_blind(&self) -> bool {
        self.doubt.as_ref().is_some_and(|doubt| doubt.blind)
    }

    /// Whether our question is to be put now.
    pub(in super::super) fn has_question(&self) -> bool {
        let unasked = self.doubt.as_ref().is_some_and(|doubt| !doubt.asked);
        // Of the COPY only a Query is still here.
        let mut behind = self.entries.iter().skip_while(|entry| entry.failed);
        unasked && behind.all(|entry| entry.request == Request::CopyEnd || is_clients(entry))
    }

    /// Whether our question is to be put now; if so, its entries are here.
    pub(in super::super) fn asks_for_syncs(&mut self) -> bool {
        let asks = self.has_question();
        if let Some(doubt) = self.doubt.as_mut().filter(|_| asks) {
            doubt.asked = true;
            self.push(Entry::skip(Request::Sync));
            self.push(Entry::skip(Request::Close));
            self.push(Entry::skip(Request::Sync));
        }
        asks
    }

    /// ReadyForQuery came; `next` is the type of the message that follows it, if that is here.
    pub(in super::super) fn whose_ready(&mut self, next: Option<u8>) -> Whose {
        let told = |entry: &&Entry| entry.request == Request::CopyEnd || is_clients(entry);
        let ours = self.entries.iter().find(|entry| !told(entry));
        let ours = ours.is_some_and(|entry| entry.request == Request::Sync);
        let whose = match next {
            _ if !ours => Whose::Client,
            None => Whose::NextSays,
            Some(b'3') => Whose::Ours,
            Some(_) => Whose::Client,
        };
        if let (Whose::Client, Some(doubt)) = (&whose, &mut self.doubt) {
            doubt.answered |= self
                .entries
                .front()
                .is_some_and(|entry| entry.request == Request::Sync);
        }
        whose
    }

    /// Something else than a Sync is answered: those before it that were not have been read by the COPY. Gives how many
    /// Syncs are to be sent again, because the client counts on them.
    pub(in super::super) fn syncs_settled(&mut self) -> usize {
        let mut ignored = 0;
        while let Some(entry) = self.front().filter(|entry| entry.request == Request::Sync) {
            ignored += usize::from(is_clients(entry));
            self.pop();
        }
        match self.doubt.take() {
            Some(doubt) if doubt.counted => ignored,
            Some(doubt) => {
                self.discarding |= doubt.blind && !doubt.answered;
                0
            }
            None => 0,
        }
    }

    /// Whether the next message that is not of COPY has to wait: what was sent last is the end of the data, with a Sync
    /// before it that the server may have ignored, so that an error of the COPY may make it discard that message or not.
    pub(in super::super) fn waits_for_copy(&self) -> bool {
        let ended = |entry: &&Entry| entry.request == Request::CopyEnd;
        let ends = self.entries.iter().rev().take_while(ended).count();
        let before = self.entries.iter().rev().nth(ends);
        before.is_some_and(|sync| sync.doubtful || (ends > 0 && is_clients(sync)))
    }

    /// Whether the server is to be asked, once, to send what it has, because of [`Self::waits_for_copy`].
    pub(in super::super) fn flushes_copy(&mut self) -> bool {
        let mut before = self.entries.iter_mut().rev();
        let sync = before.find(|entry| entry.request != Request::CopyEnd);
        sync.is_some_and(|sync| !std::mem::replace(&mut sync.flushed, true))
    }
}

/// Whether this is a Sync that the client sent.
fn is_clients(entry: &Entry) -> bool {
    entry.request == Request::Sync && matches!(entry.fate(), Fate::Forward)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ledger, requests};
    use super::*;

    #[test]
    fn a_copy_that_completes_has_read_the_syncs_before_the_end_of_its_data() {
        let mut early = ledger(&[Request::Execute, Request::Sync]);
        assert!(early.copy_in());
        assert_eq!(early.copy_done(), 1);
        assert_eq!(requests(&early), [Request::Execute]);
        let mut piped = ledger(&[
            Request::Execute,
            Request::Sync,
            Request::CopyEnd,
            Request::Sync,
        ]);
        assert!(!piped.copy_in());
        assert_eq!(piped.copy_done(), 1);
        assert_eq!(requests(&piped), [Request::Execute, Request::Sync]);
    }

    fn failed(behind: &[Request]) -> Ledger {
        let mut failed = ledger(&[&[Request::Execute], behind].concat());
        failed.copy_in();
        assert!(failed.copy_failed(true, false));
        failed.fail();
        failed
    }

    #[test]
    fn the_close_tells_our_ready_for_query_from_the_clients() {
        let mut ledger = failed(&[Request::Sync, Request::Sync]);
        assert!(ledger.asks_for_syncs() && !ledger.asks_for_syncs());
        assert_eq!(ledger.whose_ready(None), Whose::NextSays);
        assert_eq!(ledger.whose_ready(Some(b'Z')), Whose::Client);
        ledger.pop();
        assert_eq!(ledger.whose_ready(Some(b'3')), Whose::Ours);
        assert_eq!(ledger.syncs_settled(), 0);
        assert_eq!(requests(&ledger), [Request::Close, Request::Sync]);
        assert!(!ledger.in_doubt() && !ledger.is_discarding());
    }

    #[test]
    fn where_all_syncs_were_ignored_the_server_discards_on() {
        let mut ledger = failed(&[Request::Sync]);
        ledger.asks_for_syncs();
        assert_eq!(ledger.whose_ready(Some(b'3')), Whose::Ours);
        ledger.syncs_settled();
        assert!(ledger.is_discarding());
    }

    #[test]
    fn a_reply_to_what_was_sent_behind_settles_it_too() {
        let mut ledger = failed(&[
            Request::Sync,
            Request::CopyEnd,
            Request::Sync,
            Request::Query,
        ]);
        assert_eq!(ledger.whose_ready(None), Whose::Client);
        ledger.pop();
        ledger.syncs_settled();
        assert_eq!(requests(&ledger), [Request::Query]);
        assert!(!ledger.is_discarding());
    }

    #[test]
    fn a_message_that_copy_does_not_know_shows_that_the_sync_before_it_was_answered() {
        let mut ledger = ledger(&[Request::Execute, Request::Sync, Request::Parse]);
        assert!(!ledger.copy_in());
        assert!(ledger.copy_failed(true, false) && !ledger.in_doubt());
        let mut fed = super::super::tests::ledger(&[Request::Execute, Request::Sync]);
        fed.fed();
        fed.push(Entry::forward(Request::Parse));
        fed.copy_in();
        assert!(!fed.copy_failed(true, false));
    }
}
