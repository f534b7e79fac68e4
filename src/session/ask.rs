//! Questions of ours to the server, on the client's connection and in its transaction: tenants of rows, meanings of names.
//!
//! A question is a Parse, Bind, Execute and Flush under names of ours, without Sync: the extended-query messages that
//! follow run in the same transaction; a Query outside of one begins its own. Its replies are skipped; its error reaches the
//! client as the error of the statement that needed it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::ledger::{Effect, Entry, Fate, Request};
use super::question::{APART, NAME, Origin, Question, TOGETHER};
use super::{Fatal, Session, by_server};
use crate::wire::message::DataRow;
use crate::wire::{Inbox, Outbox, encode};

/// Rows of (term, text): what the server said.
#[derive(Default)]
pub(super) struct Answer(BTreeMap<i32, BTreeSet<Option<String>>>);

impl Answer {
    /// The distinct answers to one term.
    pub(super) fn of(&self, term: i32) -> Vec<Option<&str>> {
        let texts = self.0.get(&term).into_iter().flatten();
        texts.map(Option::as_deref).collect()
    }

    /// The distinct answers to several terms.
    pub(super) fn of_all(&self, terms: &Range<i32>) -> BTreeSet<Option<&str>> {
        let texts = self.0.range(terms.clone()).flat_map(|(_, texts)| texts);
        texts.map(Option::as_deref).collect()
    }

    /// The answers to one of the look-ups that were put together.
    fn part(&self, from: i32) -> Self {
        let terms = self.0.range(from..from.saturating_add(APART));
        Self(
            terms
                .map(|(term, texts)| (term - from, texts.clone()))
                .collect(),
        )
    }
}

/// Where the questions of the client frame at the front stand.
#[derive(Default)]
pub(super) enum Ask {
    /// None was put.
    #[default]
    Idle,
    /// One is under way.
    Sent(Vec<Answer>, Answer, Origin),
    /// All that were put are answered, in their order.
    Answered(Vec<Answer>),
    /// The server answered with an error, which the client has seen.
    Failed,
}

impl Session {
    /// The answer to the frame's `n`-th question, if it is there; puts the question otherwise.
    pub(super) fn has_answer(
        &mut self,
        n: usize,
        question: &Question<'_>,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<bool, Fatal> {
        match &self.ask {
            Ask::Answered(answers) if n < answers.len() => return Ok(true),
            Ask::Sent(..) | Ask::Failed => return Ok(false),
            Ask::Idle | Ask::Answered(_) => {}
        }
        self.group.parted = false;
        let kept = question.of.and_then(|of| of.asked_by.get().cloned());
        let is_there = kept.is_some();
        let name = kept.unwrap_or_else(|| match question.of {
            Some(of) => self.kept.name(of),
            None => Bytes::from_static(NAME),
        });
        let frames = self.encoded("client", |buf| {
            if !is_there {
                question.parse(buf, &name)?;
            }
            question.execute(buf, &name)?;
            if question.of.is_none() {
                encode::close(buf, b'S', &name)?;
            }
            encode::flush(buf)
        })?;
        input.flush(&mut out.server);
        out.server.push(frames);
        let mut await_reply = |request, effect| {
            self.ledger
                .push(Entry::new(request, Fate::Ask).with(effect));
        };
        let of = question.of.map(Arc::clone);
        let asked = of.clone().map_or(Effect::None, Effect::Asked);
        if !is_there {
            let asker = of.map_or(Effect::None, |of| Effect::Asker(of, name));
            await_reply(Request::Close, Effect::None);
            await_reply(Request::Parse, asker);
        }
        await_reply(Request::Bind, asked);
        await_reply(Request::Execute, Effect::Answer);
        await_reply(Request::Close, Effect::None);
        if question.of.is_none() {
            await_reply(Request::Close, Effect::None);
        }
        let before = match std::mem::take(&mut self.ask) {
            Ask::Answered(answers) => answers,
            _ => Vec::new(),
        };
        self.ask = Ask::Sent(before, Answer::default(), question.origin.clone());
        Ok(false)
    }

    /// Ends the implicit transaction of the questions of the Query at the front. PostgreSQL 18 leaves one that
    /// extended-query messages have begun open behind a Query, until a Sync that the client has no reason to send.
    pub(super) fn part_from_questions(
        &mut self,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<(), Fatal> {
        let asked = matches!(self.ask, Ask::Answered(_));
        if asked && !self.group.begun && !std::mem::replace(&mut self.group.parted, true) {
            let frame = self.encoded("client", encode::sync)?;
            input.inject(&mut out.server, frame);
            self.ledger.push(Entry::new(Request::Sync, Fate::Ask));
        }
        Ok(())
    }

    pub(super) fn answer(&self, n: usize) -> Option<&Answer> {
        match &self.ask {
            Ask::Answered(answers) => answers.get(n),
            Ask::Idle | Ask::Sent(..) | Ask::Failed => None,
        }
    }

    /// The answers to look-ups that were put together from the frame's `first` question on.
    pub(super) fn apart(&self, first: usize, count: usize) -> std::vec::IntoIter<Answer> {
        let answers = (0..count).map(|at| {
            let from = i32::try_from(at % TOGETHER).unwrap_or_default() * APART;
            let answer = self.answer(first + at / TOGETHER);
            answer.map(|answer| answer.part(from)).unwrap_or_default()
        });
        answers.collect::<Vec<_>>().into_iter()
    }

    /// A row of the question under way: (int4, text), both in text format.
    pub(super) fn note_answer(&mut self, body: &[u8]) -> Result<(), Fatal> {
        let row = DataRow::read(body).map_err(by_server)?;
        let text = |index: usize| {
            let range = row.values.get(index).cloned().flatten()?;
            body.get(range)
                .and_then(|bytes| std::str::from_utf8(bytes).ok())
        };
        let term = text(0).and_then(|term| term.parse().ok());
        if let (Ask::Sent(_, answer, _), Some(term)) = (&mut self.ask, term) {
            let texts = answer.0.entry(term).or_default();
            texts.insert(text(1).map(str::to_owned));
        }
        Ok(())
    }

    /// The question under way is answered.
    pub(super) fn answered(&mut self) {
        if let Ask::Sent(mut answers, answer, _) = std::mem::take(&mut self.ask) {
            answers.push(answer);
            self.ask = Ask::Answered(answers);
        }
    }
}

/// A text that PostgreSQL rejects: the carrier of a refusal. It is no syntax error, which would hide from the client that
/// its transaction is aborted already.
pub(super) const POISON: &[u8] = b"SELECT \"pgseal refused this statement\"";

/// Around a statement that only the names are looked at of: PostgreSQL looks at it first, and rejects what stands behind it.
/// Nobody can make a type of that name there, by which the statement would run.
pub(super) const AROUND_HOLLOW: [&str; 2] = [
    "WITH \"pgseal\" AS (",
    ") SELECT NULL::pg_catalog.\"pgseal refused this statement\"",
];

/// What it may be rejected with: a column or table that is missing, or a column that may be several.
pub(super) const OF_NAMES: [&[u8]; 3] = [b"42703", b"42P01", b"42702"];

/// A name for it, so that the client's own statements stay as they are.
pub(super) const POISON_NAME: &[u8] = b"_pgseal_refused";
