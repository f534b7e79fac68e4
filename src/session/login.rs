//! From the startup packet to the first ReadyForQuery: authentication, relayed or not.

use bytes::Bytes;

use super::terminate::Termination;
use super::{Fatal, Phase, Progress, Session, by_client, by_server};
use crate::model::Refusal;
use crate::wire::message::{Authentication, ParameterStatus, SaslInitialResponse};
use crate::wire::{Inbox, Outbox, WireError, encode, scram};

/// Authentication code of AuthenticationSASL (manual 55.7).
pub(super) const SASL: u32 = 10;
/// The longest answer to an authentication request that PostgreSQL reads (PG_MAX_AUTH_TOKEN_LENGTH), in bytes.
const ANSWER_MAX: usize = 65_535;

/// Who makes sure who a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// PostgreSQL; what it and the client say to each other passes.
    Relay,
    /// pgseal, by SCRAM and the role's verifier; it then logs in with what the client has proven.
    Terminate,
}

/// One leg of a session, as channel binding sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leg {
    /// Not encrypted.
    Plain,
    /// TLS.
    Tls {
        /// `tls-server-end-point` of the server's certificate (RFC 5929, section 4), if its signature defines one.
        end_point: Option<Bytes>,
    },
}

impl Leg {
    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self, Self::Tls { .. })
    }

    pub(super) fn end_point(&self) -> Option<&[u8]> {
        match self {
            Self::Plain => None,
            Self::Tls { end_point } => end_point.as_deref(),
        }
    }
}

/// How far authentication is.
pub(super) enum Login {
    Relayed,
    /// Relayed, and the client is to choose a SASL mechanism.
    Choosing,
    Terminated(Box<Termination>),
}

impl Session {
    pub(super) fn login_client(
        &mut self,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Progress, Fatal> {
        // Only answers to authentication requests are due; a query sent early waits, so that it meets the planner.
        while input.pass() || input.peek().map_err(by_client)?.is_some() {
            let Some(head) = input.peek().map_err(by_client)? else {
                break;
            };
            match (head.tag, &self.login) {
                (b'p', Login::Choosing) => {
                    if head.len > ANSWER_MAX {
                        return Err(by_client(WireError::Value("length of the answer")));
                    }
                    if !input.is_whole() {
                        break;
                    }
                    self.check_binding(input)?;
                    self.login = Login::Relayed;
                    input.forward();
                }
                (b'p', Login::Relayed) => input.forward(),
                (b'X', _) => {
                    input.forward();
                    input.flush(&mut out.server);
                    self.phase = Phase::Ended;
                    return Ok(Progress::Closed);
                }
                _ => break,
            }
        }
        Ok(Progress::NeedInput)
    }

    pub(super) fn login_server(
        &mut self,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Progress, Fatal> {
        while let Some(head) = input.peek().map_err(by_server)? {
            if !input.is_whole() {
                break;
            }
            match head.tag {
                b'R' if matches!(self.login, Login::Terminated(_)) => self.log_in(input, out)?,
                b'R' => self.authentication(input, out)?,
                b'S' => {
                    self.parameter_status(input)?;
                    input.forward();
                }
                b'Z' => {
                    input.forward();
                    self.phase = Phase::Live;
                    return self.server_sent(input, out);
                }
                _ => input.forward(),
            }
        }
        Ok(Progress::NeedInput)
    }

    /// A client without TLS cannot bind to a channel; one that is offered the choice must not believe it could.
    fn authentication(&mut self, input: &mut Inbox, out: &mut Outbox) -> Result<(), Fatal> {
        let request = Authentication::read(input.body()).map_err(by_server)?;
        if request.code != SASL {
            input.forward();
            return Ok(());
        }
        self.login = Login::Choosing;
        if self.client_leg.is_encrypted() {
            input.forward();
            return Ok(());
        }
        let kept = request.rest.split(|byte| *byte == 0);
        let kept = kept.filter(|name| !name.is_empty() && *name != scram::PLUS);
        let list = mechanisms(kept);
        let frame = self.encoded("server", |buf| encode::authentication(buf, SASL, &list))?;
        input.replace(&mut out.client, frame);
        Ok(())
    }

    /// A client binds to our certificate, PostgreSQL to its own: they would never agree, and say only that they do not.
    fn check_binding(&self, input: &Inbox) -> Result<(), Fatal> {
        let bound = SaslInitialResponse::read(input.body())
            .is_ok_and(|response| response.mechanism == scram::PLUS);
        let both = self.client_leg.is_encrypted() && self.server_leg.is_encrypted();
        let (ours, theirs) = (self.client_leg.end_point(), self.server_leg.end_point());
        if bound && both && (ours.is_none() || ours != theirs) {
            return Err(Fatal::from(
                Refusal::new(
                    "28000",
                    "SCRAM channel binding cannot be relayed: pgseal and PostgreSQL have different certificates",
                    "Use the same certificate and key on both; or connect with channel_binding=disable; or set auth = \"terminate\" in pgseal. See docs/errors.md#channel-binding.",
                )
                .with_detail("The client proves that it sees the server's own certificate, but it sees pgseal's."),
            ));
        }
        Ok(())
    }

    pub(super) fn parameter_status(&mut self, input: &Inbox) -> Result<(), Fatal> {
        let status = ParameterStatus::read(input.body()).map_err(by_server)?;
        match status.name {
            b"client_encoding" => self.utf8 = status.value == b"UTF8",
            b"server_version" => {
                let digits = status.value.split(|byte| !byte.is_ascii_digit()).next();
                self.server_major = digits
                    .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok())
                    .unwrap_or(0);
            }
            b"standard_conforming_strings" => self.conforming_strings = status.value == b"on",
            _ => {}
        }
        Ok(())
    }
}

/// The list of AuthenticationSASL.
pub(super) fn mechanisms<'a>(names: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut list = Vec::new();
    for name in names {
        list.extend_from_slice(name);
        list.push(0);
    }
    list.push(0);
    list
}
