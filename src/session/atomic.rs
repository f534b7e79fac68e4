//! A change and the opening of values belong together: when a value cannot be opened the client gets an error, and what the
//! same implicit transaction changed must not stay.
//!
//! PostgreSQL commits an implicit transaction at Sync, or at the end of a Query, before the rows that it sent have been
//! opened here. So a Sync waits until they are; and a Query is put between a BEGIN and a COMMIT of ours, or cut before the
//! COMMIT that it holds, and what is left goes once its rows are opened. That costs a round trip, and is done only where
//! a text both changes something and gives out what may be sealed.

use std::sync::Arc;

use bytes::Bytes;

use super::ledger::{Effect, Entry, Fate, Request};
use super::portals::Portal;
use super::{Fatal, Session, by_server};
use crate::plan::{Outputs, Plan, Splice, StatementKind, StatementPlan};
use crate::wire::message::ParameterStatus;
use crate::wire::{Inbox, Outbox, encode, taken};

/// The extended-query messages since the last Sync or Query.
#[derive(Default)]
pub(super) struct Group {
    /// Something was executed.
    pub(super) executed: bool,
    /// Rows that may carry sealed values are to come.
    pub(super) opens: bool,
    /// A protected statement changes something.
    pub(super) writes: bool,
    /// The server was asked to send what it has, and nothing was sent since.
    pub(super) flushed: bool,
    /// The client has sent something.
    pub(super) begun: bool,
    /// A Sync follows the questions that were put.
    pub(super) parted: bool,
}

/// What a statement does, for the question whether a failure to open its rows undoes something.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// It changes nothing, functions aside.
    Reads,
    /// It adds rows and gives out nothing but what was sealed for them just now.
    Adds,
    /// It changes rows.
    Writes,
    /// It begins a transaction.
    Begins,
    /// It ends one, and what was changed stays.
    Commits,
    /// It ends one otherwise, or a part of one.
    Ends,
}

/// Letters of the longest word that says something about a statement: `savepoint`.
const LONGEST: usize = 9;

impl Deed {
    /// Whether it begins or ends a transaction, or a part of one.
    pub(super) fn controls(self) -> bool {
        matches!(self, Self::Begins | Self::Commits | Self::Ends)
    }

    /// Whether rows are changed.
    fn changes(self) -> bool {
        matches!(self, Self::Adds | Self::Writes)
    }

    /// By the first word, and for INSERT by what it cannot hold.
    pub(super) fn of(sql: &[u8]) -> Self {
        let from = sql.iter().position(|byte| !byte.is_ascii_whitespace());
        let sql = from.and_then(|from| sql.get(from..)).unwrap_or_default();
        let end = sql.iter().position(|byte| !byte.is_ascii_alphabetic());
        let word = end.and_then(|end| sql.get(..end)).unwrap_or(sql);
        let holds = |needle: &[u8]| {
            sql.windows(needle.len())
                .any(|part| part.eq_ignore_ascii_case(needle))
        };
        let prepares_transaction = || {
            let second = sql.get(word.len()..).unwrap_or_default().trim_ascii_start();
            let second = second.get(..11);
            second.is_some_and(|word| word.eq_ignore_ascii_case(b"transaction"))
        };
        let mut folded = [0; LONGEST];
        let Some(folded) = folded.get_mut(..word.len()) else {
            return Self::Writes;
        };
        folded.copy_from_slice(word);
        folded.make_ascii_lowercase();
        match &*folded {
            b"begin" | b"start" => Self::Begins,
            b"commit" | b"end" => Self::Commits,
            b"rollback" | b"abort" | b"savepoint" | b"release" => Self::Ends,
            b"prepare" if prepares_transaction() => Self::Ends,
            // After whose failure nothing has to be undone.
            b"select" | b"table" | b"values" | b"fetch" | b"move" | b"declare" | b"close"
            | b"show" | b"set" | b"reset" => Self::Reads,
            b"insert" if !holds(b"select") && !holds(b"conflict") => Self::Adds,
            _ => Self::Writes,
        }
    }
}

/// What follows a Query once its rows are opened.
pub(super) struct Rest {
    frame: Bytes,
    entry: Entry,
    /// The transaction is ours: it ends with the Query, whatever happens.
    ours: bool,
    /// The CommandComplete of the last statement, which the client sees once the COMMIT of ours is done.
    last: Option<Bytes>,
}

/// How a Query is sent so that its changes can be undone.
pub(super) struct Cut {
    /// A BEGIN of ours goes before it.
    ours: bool,
    /// Where what comes later begins, in bytes, and the number of its first statement.
    at: Option<(usize, usize)>,
}

/// Whether sealed values are expected among the rows; of a FETCH or EXECUTE of an unknown name they are not, and a cursor's
/// rows come when it is fetched from.
fn opens(plan: &StatementPlan) -> bool {
    if matches!(plan.kind, StatementKind::Declare { .. }) {
        return false;
    }
    let unknown = matches!(
        plan.kind,
        StatementKind::Fetch { .. } | StatementKind::Execute { .. }
    );
    match &plan.outputs {
        Outputs::None => false,
        Outputs::ByDescription { lineage } => lineage.is_some() || !unknown,
    }
}

impl Session {
    /// How this text has to be cut, if it has to be.
    pub(super) fn cut(&self, sql: &[u8], plan: &Plan) -> Option<Cut> {
        let copies = |statement: &Arc<StatementPlan>| {
            matches!(
                statement.kind,
                StatementKind::CopyIn(_) | StatementKind::CopyOut(_)
            )
        };
        // The rows of a COPY cannot wait: the client and the server talk meanwhile.
        if self.group.executed || self.copy_in || plan.statements.iter().any(copies) {
            return None;
        }
        let deeds: Vec<(Deed, bool, usize)> = plan
            .statements
            .iter()
            .map(|statement| {
                let text = sql.get(statement.span.clone()).unwrap_or_default();
                let deed = match &statement.kind {
                    StatementKind::Execute { name } => {
                        let prepared = self.sent.statements.get(name.as_bytes());
                        prepared.map_or(Deed::Writes, |prepared| prepared.deed)
                    }
                    _ => Deed::of(text),
                };
                (deed, opens(statement), statement.span.start)
            })
            .collect();
        let fallible = |(deed, opens, _): &(Deed, bool, usize)| *opens && *deed != Deed::Adds;
        let opened = deeds.iter().position(fallible)?;
        let changes = deeds.iter().any(|(deed, _, _)| deed.changes());
        if !changes && !self.in_transaction {
            return None;
        }
        let begun = deeds.iter().position(|(deed, _, _)| *deed == Deed::Begins);
        let controls = deeds.iter().any(|(deed, _, _)| deed.controls());
        // A text that ends a transaction that it has not begun is left alone: a BEGIN of ours would change its meaning.
        let ours = !self.in_transaction && !controls;
        let commit = deeds
            .iter()
            .enumerate()
            .skip(opened)
            .find(|(_, (deed, _, _))| *deed == Deed::Commits)
            .filter(|(index, _)| self.in_transaction || begun.is_some_and(|begun| begun < *index))
            .map(|(index, (_, _, at))| (*at, index));
        (ours || commit.is_some()).then_some(Cut { ours, at: commit })
    }

    /// What an Execute means for the Sync that follows.
    pub(super) fn note_execute(&mut self, portal: &Portal) {
        self.group.opens |= opens(&portal.plan) && portal.deed != Deed::Adds;
        self.group.writes |= portal.deed.changes();
    }

    /// Whether this text, which touches nothing protected, ends the transaction of rows that are still to be opened.
    pub(super) fn commit_waits(&mut self, sql: &[u8]) -> bool {
        let deed = Deed::of(sql);
        self.group.writes |= deed.changes();
        deed == Deed::Commits && self.group.opens && self.ledger.ends_in_group()
    }

    /// Whether the Sync at the front has to wait for rows that are still to be opened.
    pub(super) fn sync_waits(
        &mut self,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<bool, Fatal> {
        if !(self.group.opens && self.group.writes && self.ledger.ends_in_group()) {
            return Ok(false);
        }
        self.flush_group(input, out)?;
        Ok(true)
    }

    /// Asks the server for the replies that it keeps until Sync, once for what has been sent.
    pub(super) fn flush_group(&mut self, input: &mut Inbox, out: &mut Outbox) -> Result<(), Fatal> {
        if !std::mem::replace(&mut self.group.flushed, true) {
            let frame = self.encoded("client", encode::flush)?;
            input.inject(&mut out.server, frame);
        }
        Ok(())
    }

    /// Puts what follows the Query aside.
    pub(super) fn keep_rest(
        &mut self,
        cut: &Cut,
        rest: Option<(Bytes, Entry)>,
    ) -> Result<(), Fatal> {
        let (frame, entry) = match rest {
            Some(rest) => rest,
            None => (
                self.encoded("client", |buf| encode::query(buf, b"COMMIT"))?,
                Entry::new(Request::Query, Fate::Settle),
            ),
        };
        self.rest = Some(Rest {
            frame,
            entry,
            ours: cut.ours,
            last: None,
        });
        Ok(())
    }

    /// Keeps a statement's completion back, if it is the last one before a COMMIT of ours.
    pub(super) fn keeps_completion(&mut self, command: &[u8]) -> Result<bool, Fatal> {
        let Some(rest) = &mut self.rest else {
            return Ok(false);
        };
        if !matches!(rest.entry.fate(), Fate::Settle) {
            return Ok(false);
        }
        encode::command_complete(&mut self.scratch, command).map_err(by_server)?;
        rest.last = Some(taken(&mut self.scratch));
        Ok(true)
    }

    /// Keeps a ParameterStatus back that came behind such a completion: it follows it.
    pub(super) fn keeps_status(&mut self, body: &[u8]) -> Result<bool, Fatal> {
        let last = self.rest.as_mut().and_then(|rest| rest.last.as_mut());
        let Some(last) = last else {
            return Ok(false);
        };
        let status = ParameterStatus::read(body).map_err(by_server)?;
        self.scratch.extend_from_slice(last);
        encode::parameter_status(&mut self.scratch, status.name, status.value)
            .map_err(by_server)?;
        *last = taken(&mut self.scratch);
        Ok(true)
    }

    /// At the ReadyForQuery of a Query: sends what was put aside, or undoes the Query. True when the client waits for
    /// another ReadyForQuery.
    pub(super) fn settle(
        &mut self,
        query: &Entry,
        failed: bool,
        out: &mut Outbox,
    ) -> Result<bool, Fatal> {
        let Some(rest) = self.rest.take() else {
            return Ok(false);
        };
        if !failed {
            out.server.push(rest.frame);
            self.last_completion = rest.last;
            self.sent.sent(&rest.entry, self.ledger.group());
            self.ledger.push(rest.entry);
        } else if rest.ours && !query.begins() {
            // A text that is no SQL has not even run the BEGIN.
            let frame = self.encoded("client", |buf| encode::query(buf, b"ROLLBACK"))?;
            out.server.push(frame);
            self.ledger.push(Entry::new(Request::Query, Fate::Settle));
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

impl Cut {
    /// Of all edits those that the first part needs, its BEGIN included.
    pub(super) fn head(&self, sql: &[u8], edits: &[Splice]) -> Vec<Splice> {
        // An edit may stand behind the last byte.
        let first = |edit: &&Splice| self.at.is_none_or(|(at, _)| edit.span.start < at);
        let mut head: Vec<Splice> = edits.iter().filter(first).cloned().collect();
        if let Some((at, _)) = self.at {
            head.push(Splice {
                span: at..sql.len(),
                text: String::new(),
            });
        }
        if self.ours {
            head.push(Splice {
                span: 0..0,
                text: "BEGIN;".into(),
            });
        }
        head
    }

    /// Those of what comes later, and the number of its first statement.
    pub(super) fn tail(&self, edits: &[Splice]) -> Option<(Vec<Splice>, usize)> {
        let (at, first) = self.at?;
        let mut tail = vec![Splice {
            span: 0..at,
            text: String::new(),
        }];
        tail.extend(edits.iter().filter(|edit| edit.span.start >= at).cloned());
        Some((tail, first))
    }

    /// The first part's entry.
    pub(super) fn entry(&self, plan: &Arc<Plan>) -> Entry {
        let entry = Entry::forward(Request::Query).with(Effect::Results(plan.clone(), 0));
        if self.ours { entry.begun() } else { entry }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deeds_are_told_by_the_first_word() {
        let table = [
            (" select 1", Deed::Reads),
            ("COMMIT", Deed::Commits),
            ("begin;", Deed::Begins),
            ("PREPARE  transaction 'x'", Deed::Ends),
            ("PREPARE s AS SELECT 1", Deed::Writes),
            ("INSERT INTO t VALUES (1) RETURNING *", Deed::Adds),
            ("INSERT INTO t SELECT 1 RETURNING *", Deed::Writes),
            (
                "insert into t values (1) on conflict (a) do update set b = 1",
                Deed::Writes,
            ),
            ("WITH x AS (DELETE FROM t) SELECT 1", Deed::Writes),
            ("(select 1)", Deed::Writes),
            ("", Deed::Writes),
        ];
        for (sql, deed) in table {
            assert!(Deed::of(sql.as_bytes()) == deed, "{sql}");
        }
    }

    #[test]
    fn an_edit_behind_the_last_byte_is_of_the_first_part() {
        let edit = |at: usize| Splice {
            span: at..at,
            text: format!("{at}"),
        };
        let sql = b"UPDATE t; COMMIT";
        let places =
            |edits: Vec<Splice>| edits.into_iter().map(|edit| edit.span).collect::<Vec<_>>();
        let whole = Cut {
            ours: true,
            at: None,
        };
        assert_eq!(
            places(whole.head(sql, &[edit(8), edit(16)])),
            [8..8, 16..16, 0..0]
        );
        assert!(whole.tail(&[edit(16)]).is_none());
        let before_commit = Cut {
            ours: false,
            at: Some((10, 1)),
        };
        let edits = [edit(8), edit(16)];
        assert_eq!(places(before_commit.head(sql, &edits)), [8..8, 10..16]);
        let (tail, first) = before_commit.tail(&edits).unwrap();
        assert_eq!((places(tail), first), (vec![0..10, 16..16], 1));
    }
}
