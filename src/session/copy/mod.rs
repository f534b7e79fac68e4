//! COPY of protected tables between the client and the server (PostgreSQL manual 55.2.6).
//!
//! From CopyInResponse on, the client's CopyData is taken out of its frames, sealed row by row and sent in frames of
//! ours. What cannot be sealed ends the COPY: the server is told CopyFail, and the body of its error is swapped for
//! ours. CopyData that stands outside of a COPY never goes on while a protected one is due or was just ended by an
//! error: the server would not read it, but it would have been sent.

mod incoming;
mod outgoing;
mod syncs;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::frontend::Step;
use super::ledger::Effect;
use super::sealing::Unsealed;
use super::{Fatal, Progress, Session, by_server, frame_too_large};
use crate::model::{CopyStyle, KeyId, Refusal, TenantId};
use crate::plan::{CopyPlan, CopyTenant, StatementKind, StatementPlan, TenantSource};
use crate::wire::message::CopyResponse;
use crate::wire::{Inbox, Outbox, encode, taken};

use super::ask::Answer;
use incoming::Incoming;
use outgoing::{Outgoing, Unopened};

/// What CopyFail says. The server repeats it, and nobody sees it.
const REFUSED: &[u8] = b"pgseal refused the data";
/// query_canceled: the error that CopyFail makes.
pub(super) const COPY_FAILED: &[u8] = b"57014";
/// The first version of PostgreSQL to which a CSV line of `\.` is data.
const NO_CSV_MARKER: u32 = 18;

/// Where the session's COPY stands.
#[derive(Default)]
pub(super) struct Copying {
    incoming: Option<Box<Incoming>>,
    outgoing: Option<Box<Outgoing>>,
    /// Rows that have arrived wait for keys.
    stalled: bool,
    /// CopyData waits for the server to open the COPY, or to refuse it.
    pub(super) holds: bool,
    /// Protected COPYs that were sent and whose data the client has not ended: what comes of it outside of a COPY is
    /// dropped. A client that does not send ahead never does so for a COPY that was refused.
    due: usize,
    /// Syncs to be sent again.
    owed: usize,
}

impl Copying {
    /// So many protected COPY FROM go to the server.
    pub(super) fn sent(&mut self, count: usize) {
        self.due += count;
    }

    /// An error ended whatever was under way.
    pub(super) fn ended(&mut self) {
        self.incoming = None;
        self.outgoing = None;
        self.stalled = false;
    }

    /// A COPY TO is complete.
    pub(super) fn completed(&mut self) {
        self.outgoing = None;
    }
}

/// Whether a statement is a COPY FROM whose rows are sealed.
pub(super) fn copies_in(plan: &StatementPlan) -> bool {
    matches!(plan.kind, StatementKind::CopyIn(_))
}

/// The tenant source of a COPY FROM's rows, where they do not say it themselves.
fn source_of(plan: &StatementPlan) -> Option<(&CopyPlan, &TenantSource)> {
    match &plan.kind {
        StatementKind::CopyIn(copy) => match copy.tenant {
            Some(CopyTenant::Source(index)) => Some((copy, plan.tenants.get(index)?)),
            _ => None,
        },
        _ => None,
    }
}

/// Whose all rows of a COPY FROM are, where the server was asked for it.
pub(super) fn tenant_of(
    plan: &StatementPlan,
    answer: Option<&Answer>,
) -> Result<Option<TenantId>, Refusal> {
    let Some((copy, TenantSource::Asked(term))) = source_of(plan) else {
        return Ok(None);
    };
    let tenant = match answer.map(|answer| answer.of(*term)).as_deref() {
        Some([one]) => one.and_then(TenantId::new),
        _ => None,
    };
    tenant.map(Some).ok_or_else(|| {
        Refusal::new(
            "SV007",
            format!("the tenant of rows for {} is not known", copy.table),
            "Set the session's tenant before the COPY. See docs/errors.md#sv007.",
        )
    })
}

fn changed_meanwhile() -> Refusal {
    Refusal::new(
        "0A000",
        "the columns of the COPY are not those that were planned",
        "The table was changed meanwhile: run the statement again. See docs/errors.md#changed-meanwhile.",
    )
}

impl Session {
    /// The plan of the COPY that the server has just opened, and whose all its rows are.
    fn opened_copy(&mut self) -> Option<(Arc<StatementPlan>, Option<TenantId>)> {
        let acked = &self.acked;
        let entry = self.ledger.front()?;
        match &entry.effect {
            Effect::Results(plan, index) => plan
                .statements
                .get(*index)
                .map(|plan| (plan.clone(), entry.tenant().cloned())),
            Effect::Rows(name) => acked
                .portals
                .get(name)
                .map(|portal| (portal.plan.clone(), portal.tenant.clone())),
            _ => None,
        }
    }

    /// Whether the COPY that the server opened is the one that was planned.
    fn check_copy(&self, copy: &CopyPlan, response: &CopyResponse) -> Result<(), Refusal> {
        let group = self.ledger.iter().next().map_or(0, |entry| entry.group);
        if !self.is_utf8(group) {
            // An earlier statement of the same message has changed it.
            return Err(Refusal::new(
                "0A000",
                "rows of protected tables must be copied in UTF-8",
                "Set client_encoding to UTF8. See docs/errors.md#refused-encoding.",
            ));
        }
        let binary = copy.format.style == CopyStyle::Binary;
        if response.binary != binary || response.columns != copy.columns.len() {
            return Err(changed_meanwhile());
        }
        Ok(())
    }

    /// CopyInResponse.
    pub(super) fn copy_in_response(
        &mut self,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<(), Fatal> {
        let response = CopyResponse::read(input.body()).map_err(by_server)?;
        self.copy_in = self.ledger.copy_in();
        if self.drowning {
            input.skip(&mut out.client);
            // The client was told of an error before the server came to this COPY: it sends no data.
            return if self.copy_in {
                self.fail_copy(None, out)
            } else {
                Ok(())
            };
        }
        input.forward();
        let opened = self.opened_copy();
        let copy = opened.and_then(|(plan, asked)| match &plan.kind {
            StatementKind::CopyIn(copy) => match source_of(&plan) {
                Some((_, TenantSource::Known(tenant))) => {
                    Some((copy.clone(), Some(tenant.clone())))
                }
                _ => Some((copy.clone(), asked)),
            },
            _ => None,
        });
        let Some((copy, tenant)) = copy else {
            self.copying.due = 0;
            return Ok(());
        };
        if let Err(refusal) = self.check_copy(&copy, &response) {
            return self.fail_copy(Some(refusal), out);
        }
        let csv_marker = self.server_major < NO_CSV_MARKER;
        self.copying.incoming = Some(Box::new(Incoming::new(
            copy,
            tenant,
            csv_marker,
            self.terms.message_limit,
        )));
        Ok(())
    }

    /// CopyOutResponse.
    pub(super) fn copy_out_response(
        &mut self,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Step, Fatal> {
        if self.drowning {
            input.skip(&mut out.client);
            return Ok(Step::Done);
        }
        let response = CopyResponse::read(input.body()).map_err(by_server)?;
        if let (Some((statement, _)), Some(planner)) =
            (self.opened_copy(), self.shared.planner.load_full())
            && let StatementKind::CopyOut(copy) = &statement.kind
        {
            if let Err(refusal) = self.check_copy(copy, &response) {
                return self.fail_result(refusal, input, out);
            }
            match Outgoing::new(&planner, &statement, copy) {
                Ok(outgoing) => self.copying.outgoing = outgoing.map(Box::new),
                Err(refusal) => return self.fail_result(refusal, input, out),
            }
        }
        input.forward();
        Ok(Step::Done)
    }

    /// CopyData of the server.
    pub(super) fn copied_out(
        &mut self,
        len: usize,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Step, Fatal> {
        if self.drowning {
            input.skip(&mut out.client);
            return Ok(Step::Done);
        }
        let Some(mut outgoing) = self.copying.outgoing.take() else {
            input.forward();
            return Ok(Step::Done);
        };
        if len > self.terms.message_limit {
            return self.fail_result(frame_too_large(len), input, out);
        }
        if !input.is_whole() {
            self.copying.outgoing = Some(outgoing);
            return Ok(Step::Wait(Progress::NeedInput));
        }
        let key_of = |kid: KeyId| self.answers.key(kid, &self.shared.keys);
        let following = input.following().take_while(|(tag, _)| *tag == b'd');
        let following = following.map(|(_, body)| body);
        let opened = encode::copy_data(&mut self.scratch, |buf| {
            outgoing.open(input.body(), following, &key_of, buf)
        });
        let frame = taken(&mut self.scratch);
        match opened.map_err(by_server)? {
            Ok(()) => {
                self.copying.outgoing = Some(outgoing);
                input.replace(&mut out.client, frame);
                Ok(Step::Done)
            }
            Err(Unopened::Wants(wants)) => {
                self.copying.outgoing = Some(outgoing);
                Ok(Step::Wait(Progress::NeedKeys(Box::new(wants))))
            }
            Err(Unopened::Refused(refusal)) => self.fail_result(refusal, input, out),
        }
    }

    /// CopyDone of the server.
    pub(super) fn copy_out_done(
        &mut self,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Step, Fatal> {
        let outgoing = self.copying.outgoing.take();
        if self.drowning {
            input.skip(&mut out.client);
        } else if outgoing.is_some_and(|outgoing| outgoing.is_inside()) {
            let refusal = outgoing::unreadable(crate::wire::copy::CopyFault::Short);
            return self.fail_result(refusal, input, out);
        } else {
            input.forward();
        }
        Ok(Step::Done)
    }

    /// CopyData, CopyDone or CopyFail of the client.
    pub(super) fn copied_in(
        &mut self,
        tag: u8,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Step, Fatal> {
        if self.copying.incoming.is_some() {
            return match tag {
                b'd' => {
                    input.take(&mut out.server);
                    self.seal_copied(input, out)
                }
                b'c' => self.end_copy(input, out),
                _ => Ok(self.close_copy(input)),
            };
        }
        if !self.copy_in {
            let due = self.copying.due > 0;
            if self.ledger.copies() || (due && !self.ledger.is_empty()) {
                self.copying.holds = true;
                return Ok(Step::Wait(Progress::NeedInput));
            }
            if due {
                self.copying.due -= usize::from(tag != b'd');
                input.skip(&mut out.server);
                return Ok(Step::Done);
            }
        }
        match tag {
            b'd' => self.ledger.fed(),
            _ => self.copy_ended(),
        }
        input.forward();
        Ok(Step::Done)
    }

    fn close_copy(&mut self, input: &mut Inbox) -> Step {
        self.copying.incoming = None;
        self.copying.due = self.copying.due.saturating_sub(1);
        self.copy_in = false;
        input.forward();
        Step::Done
    }

    /// Whether rows that have arrived, or a body under way, come before the next frame.
    pub(super) fn is_copying(&self, input: &Inbox) -> bool {
        self.copying.stalled || input.is_taking()
    }

    /// Seals what has arrived of the client's CopyData.
    pub(super) fn seal_copied(
        &mut self,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Step, Fatal> {
        let Some(incoming) = &mut self.copying.incoming else {
            self.copying.stalled = false;
            input.drop_taken();
            return Ok(Step::Done);
        };
        let stalled = self.copying.stalled;
        if !stalled {
            input.take_into(&mut incoming.buf);
        }
        let sealed = self.seal_rows(false, out)?;
        self.copying.stalled = matches!(sealed, Err(Unsealed::Wants(_)));
        match sealed {
            // What came while it was stalled has not been taken yet.
            Ok(()) if input.is_taking() && !stalled => Ok(Step::Wait(Progress::NeedInput)),
            Ok(()) => Ok(Step::Done),
            Err(Unsealed::Wants(wants)) => Ok(Step::Wait(Progress::NeedKeys(Box::new(wants)))),
            Err(Unsealed::Refused(refusal)) => {
                input.drop_taken();
                self.fail_copy(Some(refusal), out)?;
                Ok(Step::Done)
            }
        }
    }

    fn seal_rows(&mut self, whole: bool, out: &mut Outbox) -> Result<Result<(), Unsealed>, Fatal> {
        let Some(mut incoming) = self.copying.incoming.take() else {
            return Ok(Ok(()));
        };
        let mut scratch = std::mem::take(&mut self.scratch);
        let sealed = encode::copy_data(&mut scratch, |buf| {
            incoming.seal(whole, &|tenant, purpose| self.active(tenant, purpose), buf)
        });
        out.server.push(taken(&mut scratch));
        self.scratch = scratch;
        self.copying.incoming = Some(incoming);
        sealed.map_err(super::by_client)
    }

    /// CopyDone: the last row may have no line end.
    fn end_copy(&mut self, input: &mut Inbox, out: &mut Outbox) -> Result<Step, Fatal> {
        input.flush(&mut out.server);
        match self.seal_rows(true, out)? {
            Ok(()) => Ok(self.close_copy(input)),
            Err(Unsealed::Wants(wants)) => Ok(Step::Wait(Progress::NeedKeys(Box::new(wants)))),
            Err(Unsealed::Refused(refusal)) => {
                self.fail_copy(Some(refusal), out)?;
                self.copying.due = self.copying.due.saturating_sub(1);
                input.skip(&mut out.server);
                Ok(Step::Done)
            }
        }
    }

    /// Makes the COPY fail on the server; the client is told `refusal` in the place of the server's error.
    fn fail_copy(&mut self, refusal: Option<Refusal>, out: &mut Outbox) -> Result<(), Fatal> {
        let frame = self.encoded("client", |buf| encode::copy_fail(buf, REFUSED))?;
        out.server.push(frame);
        self.copying.ended();
        self.copy_in = false;
        if let (Some(entry), Some(refusal)) = (self.ledger.front(), refusal) {
            entry.fail_copy(refusal);
        }
        Ok(())
    }
}
