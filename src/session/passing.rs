//! EXECUTE of a statement that is none of those that touch something protected: its constants go as they are only if the
//! server has it. Else it would refuse the EXECUTE, and write the constants into its log: perhaps the statement was to
//! touch something protected, and its PREPARE was refused, has failed, or was made by another connection.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use super::ask::Ask;
use super::question::Question;
use super::{Fatal, Session};
use crate::model::Refusal;
use crate::plan::{Splice, StatementKind, StatementPlan, missing, prepared_names};
use crate::wire::message::{Parse, Query};
use crate::wire::{Inbox, Outbox};

use super::ledger::Request;
use super::names::kept_as;

/// Bytes of names kept for one session.
const CAPACITY: usize = 64 << 10;

/// Statements that are none of those that touch something protected.
#[derive(Default)]
pub(super) struct Passing {
    /// The server has them. What is forgotten here is asked again.
    there: HashSet<Bytes>,
    /// What was to be prepared under them was refused, or has failed: the client may mean it, whatever the server has.
    refused: HashSet<Bytes>,
    /// More were refused than are kept.
    more_refused: bool,
    /// Bytes of both.
    len: usize,
    /// Those of the frame at the front that the server is asked about.
    asked: Option<Vec<String>>,
}

impl Passing {
    /// Whether some may be meant that are not there.
    pub(super) fn any_refused(&self) -> bool {
        self.more_refused || !self.refused.is_empty()
    }

    /// Whether what was to be prepared under this name was refused.
    pub(super) fn is_refused(&self, name: &[u8]) -> bool {
        self.refused.contains(name)
    }

    /// Whether it may have been.
    fn may_be_refused(&self, name: &[u8]) -> bool {
        self.is_refused(name) || self.more_refused && !self.there.contains(name)
    }

    /// What is to be prepared under this name is refused, or has failed.
    pub(super) fn refuse(&mut self, name: Bytes) {
        self.forget(&name);
        if self.len + name.len() > CAPACITY {
            self.forget_there();
        }
        if self.len + name.len() > CAPACITY {
            self.more_refused = true;
            return;
        }
        self.len += name.len();
        self.refused.insert(name);
    }

    /// A statement of this name is sent.
    pub(super) fn prepared(&mut self, name: &[u8]) {
        if self.refused.remove(name) {
            self.len -= name.len();
        }
    }

    /// The server has this one.
    fn is_there(&mut self, name: &[u8]) {
        if self.len + name.len() > CAPACITY {
            self.forget_there();
        }
        if self.len + name.len() <= CAPACITY && self.there.insert(Bytes::copy_from_slice(name)) {
            self.len += name.len();
        }
    }

    fn forget(&mut self, name: &[u8]) {
        for names in [&mut self.there, &mut self.refused] {
            if names.remove(name) {
                self.len -= name.len();
            }
        }
    }

    fn forget_there(&mut self) {
        let bytes: usize = self.there.drain().map(|name| name.len()).sum();
        self.len -= bytes;
    }

    /// All statements are gone.
    pub(super) fn clear(&mut self) {
        let asked = self.asked.take();
        *self = Self {
            asked,
            ..Self::default()
        };
    }

    /// A statement was sent.
    pub(super) fn sent(&mut self, plan: &StatementPlan) {
        if let StatementKind::Prepare { name, .. } | StatementKind::PreparePlain { name } =
            &plan.kind
        {
            self.prepared(name.as_bytes());
        }
    }

    /// A statement has completed.
    pub(super) fn completed(&mut self, plan: &StatementPlan) {
        match &plan.kind {
            StatementKind::PreparePlain { name } => self.is_there(name.as_bytes()),
            StatementKind::Prepare { name, .. }
            | StatementKind::Deallocate { name: Some(name) } => self.forget(name.as_bytes()),
            _ => {}
        }
    }

    /// The frame at the front is done.
    pub(super) fn frame_done(&mut self) {
        self.asked = None;
    }
}

/// Whether what statements pass to others may go.
pub(super) enum Passes {
    /// All may but to the statements that are missing; the server was asked this many questions.
    Go {
        asked: usize,
        missing: HashSet<String>,
    },
    /// The server is being asked.
    Wait,
    /// It may not.
    Refused(Refusal),
}

impl Session {
    /// `question`: the number of the frame's next one.
    pub(super) fn passes(
        &mut self,
        sql: &[u8],
        plans: &[Arc<StatementPlan>],
        question: usize,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Passes, Fatal> {
        let names = || {
            let passed = plans.iter().filter_map(|plan| plan.passes.as_ref());
            passed.map(|passed| &passed.to)
        };
        if let Some(name) = names().find(|name| self.passing.may_be_refused(name.as_bytes())) {
            return Ok(Passes::Refused(missing(name)));
        }
        // What is known may change while the server is being asked.
        let asked = match &self.passing.asked {
            Some(asked) => asked.clone(),
            None => {
                let there = &self.passing.there;
                let unknown = names().filter(|name| !there.contains(name.as_bytes()));
                let unknown: Vec<String> = unknown.cloned().collect();
                self.passing.asked.insert(unknown).clone()
            }
        };
        if asked.is_empty() {
            return Ok(Passes::Go {
                asked: 0,
                missing: HashSet::new(),
            });
        }
        if matches!(self.ask, Ask::Idle) {
            if !self.ledger.is_empty() {
                // Whether the transaction has failed has to be known.
                self.flush_group(input, out)?;
                return Ok(Passes::Wait);
            }
            if self.aborted && !self.group.executed {
                // Nothing can be asked, and nothing is executed before a ROLLBACK.
                return Ok(Passes::Go {
                    asked: 0,
                    missing: asked.into_iter().collect(),
                });
            }
        }
        let whether = Question::of(whether_prepared(&asked));
        if !self.has_answer(question, &whether, input, out)? {
            return Ok(Passes::Wait);
        }
        let Some(answer) = self.answer(question) else {
            return Ok(Passes::Wait);
        };
        let is_missing = |n: usize| i32::try_from(n).map_or(true, |n| answer.of(n).is_empty());
        let (absent, there): (Vec<_>, Vec<_>) = asked
            .into_iter()
            .enumerate()
            .partition(|(n, _)| is_missing(*n));
        for (_, name) in there {
            self.passing.is_there(name.as_bytes());
        }
        if let Some((_, name)) = absent.first()
            && std::str::from_utf8(sql).is_err()
        {
            // Nothing can be taken out of a text that cannot be written anew.
            return Ok(Passes::Refused(missing(name)));
        }
        Ok(Passes::Go {
            asked: 1,
            missing: absent.into_iter().map(|(_, name)| name).collect(),
        })
    }

    /// What this Query or Parse, which is refused, was to prepare is not there.
    pub(super) fn note_refused(&mut self, request: Request, body: &[u8]) {
        let sql = match request {
            Request::Query => Query::read(body).map(|query| query.sql).ok(),
            Request::Parse => Parse::read(body).ok().map(|parse| {
                if !parse.name.is_empty() {
                    self.passing
                        .refuse(Bytes::copy_from_slice(kept_as(parse.name)));
                }
                parse.sql
            }),
            _ => None,
        };
        for name in sql.map(prepared_names).unwrap_or_default() {
            self.passing.refuse(name.into());
        }
    }
}

/// The edit that keeps what is passed to a missing statement out of the text: the server then says that it is missing.
pub(super) fn kept_out(plan: &StatementPlan, missing: &HashSet<String>) -> Option<Splice> {
    let passed = plan.passes.as_ref();
    let passed = passed.filter(|passed| missing.contains(&passed.to))?;
    Some(Splice {
        span: passed.span.clone(),
        text: String::new(),
    })
}

/// The question which of these statements the server has: (number of the name, anything).
fn whether_prepared(names: &[String]) -> String {
    let terms: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(n, name)| {
            // Read in the same way whatever the session's settings are.
            let quoted = name.replace('\\', "\\\\").replace('\'', "''");
            format!("({n}, E'{quoted}')")
        })
        .collect();
    format!(
        "SELECT asked.n::int4, ''::text FROM (VALUES {}) AS asked(n, name) JOIN pg_catalog.pg_prepared_statements AS held ON held.name OPERATOR(pg_catalog.=) asked.name",
        terms.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_take_a_bounded_room_and_a_refused_one_is_never_taken_for_there() {
        let mut passing = Passing::default();
        for number in 0..100_000 {
            let name = format!("statement {number}");
            passing.is_there(name.as_bytes());
            assert!(passing.len <= CAPACITY);
        }
        for number in 0..100_000 {
            let name = format!("refused {number}");
            passing.refuse(name.clone().into());
            assert!(passing.may_be_refused(name.as_bytes()) && passing.len <= CAPACITY);
        }
        assert!(passing.may_be_refused(b"refused 0") && passing.more_refused);
        passing.clear();
        assert!(!passing.any_refused() && passing.len == 0);
    }

    #[test]
    fn a_name_that_is_prepared_again_is_refused_no_more() {
        let mut passing = Passing::default();
        passing.is_there(b"q");
        passing.refuse(Bytes::from_static(b"q"));
        assert!(passing.is_refused(b"q") && !passing.there.contains(&b"q"[..]));
        passing.prepared(b"q");
        assert!(!passing.any_refused() && passing.len == 0);
    }

    #[test]
    fn a_question_holds_names_as_they_are() {
        let sql = whether_prepared(&["a'b\\c".to_owned()]);
        assert!(sql.contains("(VALUES (0, E'a''b\\\\c'))"), "{sql}");
    }
}
