//! Authentication that ends here: pgseal asks the client for a SCRAM proof and logs in with what it proves.
//!
//! The server is not dialled before the proof is good. No password is known at any time
//! (docs/adr/0011-scram-ends-at-pgseal-if-asked.md).

use base64_simd::STANDARD;
use bytes::Bytes;

use super::login::{Login, SASL, mechanisms};
use super::{Fatal, Phase, Progress, Session, by_client, by_server};
use crate::model::Refusal;
use crate::wire::message::{Authentication, SaslInitialResponse};
use crate::wire::scram::{self, Answered, Begun, Challenged, Keys, ScramError, Verifier};
use crate::wire::{Inbox, Outbox, encode};

/// Authentication codes (manual 55.7).
const OK: u32 = 0;
const SASL_CONTINUE: u32 = 11;
const SASL_FINAL: u32 = 12;
/// Random bytes of a nonce, as many as PostgreSQL takes.
const NONCE: usize = 18;
/// The longest SASL message that PostgreSQL reads (PG_MAX_SASL_MESSAGE_LENGTH), with its length, in bytes.
const MESSAGE_MAX: usize = 1024;

/// A login that pgseal sees to itself.
pub(super) struct Termination {
    role: Bytes,
    /// The startup packet, which the server gets once the client has proven who it is.
    packet: Bytes,
    step: Step,
}

enum Step {
    /// The role's verifier is asked for.
    Unknown,
    /// Mechanisms are to be offered.
    Known(Verifier),
    /// The client is to choose one.
    Offered(Verifier),
    /// The client is to give its proof.
    Challenged(Challenged),
    /// The client has; the server is to ask us.
    Proven(Keys),
    /// The server is to challenge us.
    Begun(Begun),
    /// The server is to give its own proof.
    Answered(Answered),
    /// It has, or it asks for nothing.
    Done,
}

impl Session {
    /// The client has said who it wants to be.
    pub(super) fn ask_for_proof(&mut self, role: Bytes, packet: Bytes) -> Result<Progress, Fatal> {
        if role.is_empty() {
            return Err(Fatal::from(Refusal::new(
                "28000",
                "no PostgreSQL user name specified in startup packet",
                "Name a role. See docs/errors.md#password.",
            )));
        }
        self.login = Login::Terminated(Box::new(Termination {
            role: role.clone(),
            packet,
            step: Step::Unknown,
        }));
        self.phase = Phase::Proof;
        Ok(Progress::NeedVerifier(role))
    }

    /// The answer to a [`Progress::NeedVerifier`]: the role's verifier, or a [mock](Verifier::mock) if it has none.
    pub fn verifier(&mut self, verifier: Verifier) {
        if let Login::Terminated(login) = &mut self.login
            && matches!(login.step, Step::Unknown)
        {
            login.step = Step::Known(verifier);
        }
    }

    fn step(&mut self) -> Option<&mut Step> {
        match &mut self.login {
            Login::Terminated(login) => Some(&mut login.step),
            Login::Relayed | Login::Choosing => None,
        }
    }

    fn take_step(&mut self) -> Option<Step> {
        self.step()
            .map(|step| std::mem::replace(step, Step::Unknown))
    }

    fn go_on(&mut self, next: Step) {
        if let Some(step) = self.step() {
            *step = next;
        }
    }

    /// The client's side, before the server is dialled.
    pub(super) fn proof(&mut self, input: &mut Inbox, out: &mut Outbox) -> Result<Progress, Fatal> {
        loop {
            if let Some(Step::Unknown) = self.step() {
                return Ok(Progress::NeedInput);
            }
            if matches!(self.step(), Some(Step::Known(_))) {
                self.offer(out)?;
            }
            if input.pass() {
                return Ok(Progress::NeedInput);
            }
            let Some(head) = input.peek().map_err(by_client)? else {
                return Ok(Progress::NeedInput);
            };
            match head.tag {
                b'p' => {}
                b'X' => {
                    self.phase = Phase::Ended;
                    return Ok(Progress::Closed);
                }
                tag => return Err(unexpected(tag)),
            }
            // PostgreSQL has no better word for it.
            if head.len > MESSAGE_MAX + 1 {
                return Err(self.refused(ScramError::Denied));
            }
            if !input.is_whole() {
                return Ok(Progress::NeedInput);
            }
            let body = Bytes::copy_from_slice(input.body());
            input.skip(&mut out.server);
            match self.take_step() {
                Some(Step::Offered(verifier)) => self.challenge(verifier, &body, out)?,
                Some(Step::Challenged(challenged)) => {
                    return self.prove(challenged, &body, out);
                }
                _ => return Ok(Progress::NeedInput),
            }
        }
    }

    fn offer(&mut self, out: &mut Outbox) -> Result<(), Fatal> {
        let plus = self.client_leg.end_point().map(|_| scram::PLUS);
        let list = mechanisms(plus.into_iter().chain([scram::PLAIN]));
        let frame = self.encoded("client", |buf| encode::authentication(buf, SASL, &list))?;
        out.client.push(frame);
        if let Some(Step::Known(verifier)) = self.take_step() {
            self.go_on(Step::Offered(verifier));
        }
        Ok(())
    }

    fn challenge(
        &mut self,
        verifier: Verifier,
        body: &[u8],
        out: &mut Outbox,
    ) -> Result<(), Fatal> {
        let response = SaslInitialResponse::read(body).map_err(by_client)?;
        let end_point = self.client_leg.end_point();
        let plus = match response.mechanism {
            scram::PLUS if end_point.is_some() => true,
            scram::PLAIN => false,
            _ => return Err(no_such_mechanism()),
        };
        let first = response.data.unwrap_or_default();
        let challenged = verifier.challenge(first, plus, end_point, &nonce()?);
        let challenged = challenged.map_err(|error| self.refused(error))?;
        let message = challenged.message.as_bytes();
        let frame = self.encoded("client", |buf| {
            encode::authentication(buf, SASL_CONTINUE, message)
        })?;
        out.client.push(frame);
        self.go_on(Step::Challenged(challenged));
        Ok(())
    }

    fn prove(
        &mut self,
        challenged: Challenged,
        body: &[u8],
        out: &mut Outbox,
    ) -> Result<Progress, Fatal> {
        let proven = challenged.prove(body);
        let proven = proven.map_err(|error| self.refused(error))?;
        let message = proven.message.as_bytes();
        let frame = self.encoded("client", |buf| {
            encode::authentication(buf, SASL_FINAL, message)
        })?;
        out.client.push(frame);
        if let Login::Terminated(login) = &mut self.login {
            out.server.push(std::mem::take(&mut login.packet));
            login.step = Step::Proven(proven.keys);
        }
        self.phase = Phase::Login;
        Ok(Progress::Connect)
    }

    /// The server's side: an Authentication message of the server, answered by us.
    pub(super) fn log_in(&mut self, input: &mut Inbox, out: &mut Outbox) -> Result<(), Fatal> {
        let request = Authentication::read(input.body()).map_err(by_server)?;
        let (code, body) = (request.code, Bytes::copy_from_slice(request.rest));
        let answer = match (code, self.take_step()) {
            (OK, Some(Step::Proven(_) | Step::Done)) => {
                self.go_on(Step::Done);
                input.forward();
                return Ok(());
            }
            (SASL, Some(Step::Proven(keys))) => {
                let offered = |name| body.split(|byte| *byte == 0).any(|one| one == name);
                let end_point = self.server_leg.end_point();
                let plus = end_point.is_some() && offered(scram::PLUS);
                if !plus && !offered(scram::PLAIN) {
                    return Err(not_scram());
                }
                let mechanism = if plus { scram::PLUS } else { scram::PLAIN };
                let begun = keys.begin(plus, end_point, &nonce()?);
                let first = begun.message.as_bytes();
                let frame = self.encoded("server", |buf| {
                    encode::sasl_initial_response(buf, mechanism, first)
                })?;
                self.go_on(Step::Begun(begun));
                Some(frame)
            }
            (SASL_CONTINUE, Some(Step::Begun(begun))) => {
                let answered = begun.answer(&body).map_err(|error| self.refused(error))?;
                let last = answered.message.as_bytes();
                let frame = self.encoded("server", |buf| encode::sasl_response(buf, last))?;
                self.go_on(Step::Answered(answered));
                Some(frame)
            }
            (SASL_FINAL, Some(Step::Answered(answered))) => {
                answered
                    .confirm(&body)
                    .map_err(|error| self.refused(error))?;
                self.go_on(Step::Done);
                None
            }
            (OK | SASL | SASL_CONTINUE | SASL_FINAL, _) => {
                return Err(self.refused(ScramError::ServerUnproven));
            }
            _ => return Err(not_scram()),
        };
        input.skip(&mut out.client);
        if let Some(frame) = answer {
            out.server.push(frame);
        }
        Ok(())
    }

    fn refused(&self, error: ScramError) -> Fatal {
        let role = match &self.login {
            Login::Terminated(login) => String::from_utf8_lossy(&login.role).into_owned(),
            Login::Relayed | Login::Choosing => String::new(),
        };
        Fatal::from(match error {
            ScramError::Broken {
                sqlstate,
                message,
                detail,
            } => Refusal::new(
                sqlstate,
                message,
                "Look at the client's driver and its channel_binding. See docs/errors.md#scram.",
            )
            .with_detail(detail),
            ScramError::Denied => Refusal::new(
                "28P01",
                format!("password authentication failed for user \"{role}\""),
                "Look at the password. See docs/errors.md#password.",
            ),
            ScramError::OtherVerifier => Refusal::new(
                "28000",
                format!("the verifier of role \"{role}\" at pgseal is not the one at PostgreSQL"),
                "Copy it again from pg_authid: each change of a password makes another. See docs/errors.md#verifier.",
            ),
            ScramError::ServerUnproven => Refusal::new(
                "28000",
                "PostgreSQL did not prove that it knows the role's verifier",
                "Whoever answers at `upstream` may be somebody else. See docs/errors.md#verifier.",
            ),
        })
    }
}

fn nonce() -> Result<String, Fatal> {
    let mut bytes = [0; NONCE];
    getrandom::fill(&mut bytes).map_err(|_| {
        Fatal::from(Refusal::new(
            "58000",
            "the operating system gave no random bytes",
            "Look at the machine that pgseal runs on. See docs/errors.md#internal.",
        ))
    })?;
    Ok(STANDARD.encode_to_string(bytes))
}

fn unexpected(tag: u8) -> Fatal {
    Fatal::from(Refusal::new(
        "08P01",
        format!("expected SASL response, got message type {tag}"),
        "Look at the client's driver. See docs/errors.md#scram.",
    ))
}

fn no_such_mechanism() -> Fatal {
    Fatal::from(Refusal::new(
        "08P01",
        "client selected an invalid SASL authentication mechanism",
        "Use SCRAM-SHA-256. See docs/errors.md#scram.",
    ))
}

fn not_scram() -> Fatal {
    Fatal::from(Refusal::new(
        "28000",
        "PostgreSQL asks for something else than SCRAM-SHA-256, and pgseal knows no password",
        "Give the role scram-sha-256 or trust in pg_hba.conf, and a SCRAM-SHA-256 verifier. See docs/errors.md#verifier.",
    ))
}

#[cfg(test)]
mod tests;
