//! Questions of ours to the server, on the client's connection and in its transaction: tenants of rows, meanings of names.
//!
//! A question is a Parse, Bind, Execute and Flush under names of ours, without Sync: the extended-query messages that
//! follow run in the same transaction; a Query outside of one begins its own. Its replies are skipped; its error reaches the client as the error of the statement that needed it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use bytes::BytesMut;

use super::ledger::{Effect, Entry, Fate, Request};
use super::{Fatal, Session, by_server};
use crate::model::Oid;
use crate::plan::{Lookup, Place};
use crate::wire::message::DataRow;
use crate::wire::{Inbox, Outbox, WireError, encode};

/// Our statement and portal: no client would choose it.
const NAME: &[u8] = b"_pgseal_ask";

/// How the context of an error in our portal begins.
pub(super) const CONTEXT: &[u8] = b"portal \"_pgseal_ask\"";

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

/// Between the numbers of the terms of look-ups that are put together.
const APART: i32 = 1 << 24;

/// How many are put together: PostgreSQL reads a chain of UNION ALL from its end, and would run out of stack.
const TOGETHER: usize = 64;

/// A question, and what its error is told by.
pub(super) struct Question<'a> {
    sql: Cow<'a, str>,
    origin: Origin,
}

impl<'a> Question<'a> {
    /// One that has nothing of the client's text in it.
    pub(super) fn of(sql: String) -> Self {
        Self {
            sql: sql.into(),
            origin: Origin::default(),
        }
    }

    /// A look-up by itself.
    pub(super) fn alone(lookup: &'a Lookup) -> Self {
        Self {
            sql: lookup.sql.as_str().into(),
            origin: Origin {
                params: Arc::clone(&lookup.params),
                places: Arc::clone(&lookup.places),
            },
        }
    }

    /// Look-ups of several statements as few questions.
    pub(super) fn together(lookups: &[&'a Lookup]) -> Vec<Self> {
        let one = |group: &[&'a Lookup]| match group {
            [only] => Self::alone(only),
            group => Self::joined(group),
        };
        lookups.chunks(TOGETHER).map(one).collect()
    }

    fn joined(group: &[&Lookup]) -> Self {
        let mut sql = String::new();
        let mut places = Vec::new();
        let mut before = 0;
        for (lookup, at) in group.iter().zip(0..) {
            let between = if at == 0 { "" } else { " UNION ALL " };
            let from: i32 = at * APART;
            let head = format!("{between}SELECT {from}::int4 + q.term, q.tenant FROM (");
            before += head.chars().count();
            places.extend(lookup.places.iter().map(|place| Place {
                asked: before + place.asked,
                ..place.clone()
            }));
            before += lookup.sql.chars().count() + TAIL.len();
            sql.extend([&head, lookup.sql.as_str(), TAIL]);
        }
        Self {
            sql: sql.into(),
            origin: Origin {
                params: Arc::default(),
                places: places.into(),
            },
        }
    }
}

/// Behind each of the look-ups that are put together.
const TAIL: &str = ") AS q";

/// What a question has of the client's text.
#[derive(Default, Clone)]
pub(super) struct Origin {
    /// The client's numbers of its parameters.
    params: Arc<[u16]>,
    places: Arc<[Place]>,
}

impl Origin {
    /// The 1-based position in the client's text for one in the question, in characters.
    pub(super) fn position(&self, asked: usize) -> Option<usize> {
        let at = asked.checked_sub(1)?;
        let mut places = self.places.iter();
        places.find_map(|place| {
            let within = at.checked_sub(place.asked)?;
            (within < place.length).then_some(place.own + within + 1)
        })
    }

    /// The client's number of a parameter.
    pub(super) fn param(&self, asked: usize) -> Option<u16> {
        self.params.get(asked.checked_sub(1)?).copied()
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

/// A parameter of a question.
pub(super) struct Argument<'a> {
    pub(super) value: Option<&'a [u8]>,
    pub(super) format: i16,
    pub(super) type_oid: Oid,
}

impl Session {
    /// The answer to the frame's `n`-th question, if it is there; puts the question otherwise.
    pub(super) fn has_answer(
        &mut self,
        n: usize,
        asked: &Question<'_>,
        arguments: &[Argument<'_>],
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<bool, Fatal> {
        match &self.ask {
            Ask::Answered(answers) if n < answers.len() => return Ok(true),
            Ask::Sent(..) | Ask::Failed => return Ok(false),
            Ask::Idle | Ask::Answered(_) => {}
        }
        self.group.parted = false;
        let frames = self.encoded("client", |buf| question(buf, &asked.sql, arguments))?;
        input.flush(&mut out.server);
        out.server.push(frames);
        self.ledger.push(Entry::new(Request::Close, Fate::Ask));
        self.ledger.push(Entry::new(Request::Parse, Fate::Ask));
        self.ledger.push(Entry::new(Request::Bind, Fate::Ask));
        self.ledger
            .push(Entry::new(Request::Execute, Fate::Ask).with(Effect::Answer));
        self.ledger.push(Entry::new(Request::Close, Fate::Ask));
        self.ledger.push(Entry::new(Request::Close, Fate::Ask));
        let before = match std::mem::take(&mut self.ask) {
            Ask::Answered(answers) => answers,
            _ => Vec::new(),
        };
        self.ask = Ask::Sent(before, Answer::default(), asked.origin.clone());
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

fn question(buf: &mut BytesMut, sql: &str, arguments: &[Argument<'_>]) -> Result<(), WireError> {
    let types: Vec<Oid> = arguments.iter().map(|argument| argument.type_oid).collect();
    let formats: Vec<i16> = arguments.iter().map(|argument| argument.format).collect();
    let values: Vec<Option<&[u8]>> = arguments.iter().map(|argument| argument.value).collect();
    encode::close(buf, b'S', NAME)?;
    encode::parse(buf, NAME, sql.as_bytes(), &types)?;
    encode::bind(buf, NAME, NAME, &formats, &values, &[0])?;
    encode::execute(buf, NAME, 0)?;
    encode::close(buf, b'P', NAME)?;
    encode::close(buf, b'S', NAME)?;
    encode::flush(buf)
}

/// The question what unqualified names mean to this session: (number of the name, OID or NULL).
pub(super) fn meaning_of(names: &[String]) -> String {
    let terms: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(n, name)| {
            let quoted = name.replace('\'', "''");
            format!("SELECT {n}::int4, pg_catalog.to_regclass('{quoted}')::oid::text")
        })
        .collect();
    terms.join(" UNION ALL ")
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
