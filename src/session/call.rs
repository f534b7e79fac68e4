//! FunctionCall: the fast path to one function, without SQL (PostgreSQL manual 55.2.4).

use super::frontend::{Step, WAIT};
use super::ledger::{Entry, Request};
use super::{Fatal, Session};
use crate::model::Oid;
use crate::wire::{Inbox, Outbox};

impl Session {
    /// The first four bytes of a FunctionCall say which function it calls.
    pub(super) fn function_call(
        &mut self,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Step, Fatal> {
        let function = input.arrived().first_chunk();
        let function = function.map(|bytes| Oid(u32::from_be_bytes(*bytes)));
        if function.is_none() && !input.is_whole() {
            return Ok(WAIT);
        }
        let planner = self.shared.planner.load();
        let refusal = planner.as_ref().zip(function);
        match refusal.and_then(|(planner, function)| planner.refuse_call(function)) {
            Some(refusal) => self.refuse(Request::Query, refusal, input, out),
            None => Ok(self.register(Entry::forward(Request::FunctionCall), input)),
        }
    }
}
