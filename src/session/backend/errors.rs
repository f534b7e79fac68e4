//! Errors of the server: what the client is told instead, and what they undo.

use bytes::Bytes;

use super::super::ask::{self, Ask};
use super::super::copy;
use super::super::ledger::{Effect, Fate, Request};
use super::super::question::{self, Origin};
use super::super::sealing::{self, Positions};
use super::super::{Fatal, Session, by_server};
use crate::model::Refusal;
use crate::plan::{MOVED, missing};
use crate::wire::message::ErrorFields;
use crate::wire::{Inbox, Outbox, encode};

const IN_FAILED_TRANSACTION: &[u8] = b"25P02";

/// invalid_sql_statement_name.
const NO_STATEMENT: &[u8] = b"26000";

/// invalid_text_representation.
const INVALID_TEXT: &[u8] = b"22P02";

/// invalid_binary_representation.
const INVALID_BINARY: &[u8] = b"22P03";

impl Session {
    pub(super) fn error(&mut self, input: &mut Inbox, out: &mut Outbox) -> Result<(), Fatal> {
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
            // The client's own is not there either: a function has ended all.
            (Fate::Ask, _) if fields.get(b'C') == Some(NO_STATEMENT) => match &effect {
                Effect::Asked(of) => Told::Refusal(missing(&self.acked.name_of(of))),
                _ => Told::Other(asked(input.body(), request, &self.ask)?),
            },
            (Fate::Forward, _) if is_moved(&fields) => Told::Refusal(moved_meanwhile()),
            (Fate::Ask, _) => Told::Other(asked(input.body(), request, &self.ask)?),
            (Fate::Skip, _) => Told::Other(moved(input.body(), None)?),
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
    pub(super) fn forget_unacknowledged(&mut self) {
        if self.sent.is_empty() && self.acked.is_empty() {
            return;
        }
        self.sent = self.acked.clone();
        for entry in self.ledger.iter() {
            self.sent.sent(entry, entry.group);
        }
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

/// The same error with its position in the client's text; without one when it points into a text of ours.
fn moved(body: &[u8], positions: Option<&Positions>) -> Result<Bytes, Fatal> {
    let fields = ErrorFields::read(body).map_err(by_server)?;
    let back = |position| positions.map(|positions| positions.original(position));
    told(body, fields, back)
}

/// The error of a question of ours, as that of the statement that it is asked for.
fn asked(body: &[u8], request: Request, ask: &Ask) -> Result<Bytes, Fatal> {
    let mut fields = ErrorFields::read(body).map_err(by_server)?;
    let Ask::Sent(_, _, origin) = ask else {
        return told(body, fields, |_| None);
    };
    let numbered = (request == Request::Bind && fields.get(b'C') == Some(INVALID_BINARY))
        .then(|| renumbered(fields.get(b'M')?, origin))
        .flatten();
    for (_, text) in fields.fields.iter_mut().filter(|(code, _)| *code == b'M') {
        *text = numbered.as_deref().unwrap_or(text);
    }
    told(body, fields, |position| origin.position(position))
}

/// A message with the client's number of a parameter, which alone is a number in it.
fn renumbered(message: &[u8], origin: &Origin) -> Option<Vec<u8>> {
    let first = message.iter().position(u8::is_ascii_digit)?;
    let (before, rest) = message.split_at_checked(first)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, behind) = rest.split_at_checked(digits)?;
    let number = origin.param(std::str::from_utf8(digits).ok()?.parse().ok()?)?;
    Some([before, number.to_string().as_bytes(), behind].concat())
}

fn told(
    body: &[u8],
    mut fields: ErrorFields<'_>,
    back: impl Fn(usize) -> Option<usize>,
) -> Result<Bytes, Fatal> {
    // Where a question of ours failed, the context names its portal, which the client does not know.
    fields
        .fields
        .retain(|(code, text)| *code != b'W' || !text.starts_with(question::CONTEXT));
    sealing::unname(&mut fields);
    let position = fields
        .get(b'P')
        .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    let position = position.and_then(back);
    let mut buf = bytes::BytesMut::with_capacity(body.len() + 16);
    encode::error_moved(&mut buf, &fields, position).map_err(by_server)?;
    Ok(buf.freeze())
}
