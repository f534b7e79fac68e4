//! From the first byte to the first ReadyForQuery: encryption requests, startup packet, relayed authentication.

use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::{Fatal, Phase, Progress, Session, TlsOffer, by_client, by_server};
use crate::model::Refusal;
use crate::wire::message::{Authentication, ParameterStatus, StartupRequest};
use crate::wire::{Inbox, Outbox, encode};

/// Authentication code of AuthenticationSASL (manual 55.7).
const SASL: u32 = 10;
const BINDING_MECHANISM: &[u8] = b"SCRAM-SHA-256-PLUS";

impl Session {
    pub(super) fn startup(
        &mut self,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Progress, Fatal> {
        let Phase::Startup {
            ssl_asked,
            gss_asked,
        } = self.phase
        else {
            return Ok(Progress::NeedInput);
        };
        let Some(_) = input.peek_startup().map_err(by_client)? else {
            return Ok(Progress::NeedInput);
        };
        if !input.is_whole_startup() {
            return Ok(Progress::NeedInput);
        }
        match StartupRequest::read(input.startup_body()).map_err(by_client)? {
            StartupRequest::Ssl if ssl_asked || self.encrypted => Err(repeated("SSLRequest")),
            StartupRequest::Gss if gss_asked || self.encrypted => Err(repeated("GSSENCRequest")),
            StartupRequest::Ssl => {
                input.take_startup();
                self.phase = Phase::Startup {
                    ssl_asked: true,
                    gss_asked,
                };
                if self.tls_offer == TlsOffer::Disabled {
                    out.client.push(Bytes::from_static(b"N"));
                    return self.startup(input, out);
                }
                // What stands behind the request was sent in clear and must not be read as if it were encrypted
                // (CVE-2021-23214).
                if !input.is_empty() {
                    return Err(early_bytes());
                }
                out.client.push(Bytes::from_static(b"S"));
                Ok(Progress::UpgradeTls)
            }
            StartupRequest::Gss => {
                input.take_startup();
                self.phase = Phase::Startup {
                    ssl_asked,
                    gss_asked: true,
                };
                out.client.push(Bytes::from_static(b"N"));
                self.startup(input, out)
            }
            StartupRequest::Cancel { .. } => {
                self.phase = Phase::Ended;
                Ok(Progress::Cancel(input.take_startup()))
            }
            StartupRequest::Startup { params, .. } => {
                if self.tls_offer == TlsOffer::Required && !self.encrypted {
                    return Err(Fatal::Refused(Refusal::new(
                        "28000",
                        "this listener accepts encrypted connections only",
                        "Connect with sslmode=require or stronger. See docs/errors.md#tls-required.",
                    )));
                }
                let find = |key: &[u8]| {
                    params
                        .iter()
                        .find(|(name, _)| *name == key)
                        .map(|(_, value)| *value)
                };
                let database = find(b"database")
                    .or_else(|| find(b"user"))
                    .unwrap_or_default();
                if let Some(shared) = self.databases.iter().find(|one| one.is_of(database)) {
                    self.shared = shared.clone();
                }
                let ours = self.shared.is_of(database) && self.shared.planner.load().is_some();
                // A replication connection runs SQL as well, so it makes no exception.
                self.protected = ours;
                if !ours {
                    self.forwarded = Some(Bytes::copy_from_slice(database));
                }
                self.databases = Vec::new();
                self.rules = self.shared.rules.load(Ordering::Acquire);
                out.server.push(input.take_startup());
                self.phase = Phase::Login;
                Ok(Progress::Connect)
            }
        }
    }

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
            match head.tag {
                b'p' => input.forward(),
                b'X' => {
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
        if request.code != SASL || self.encrypted {
            input.forward();
            return Ok(());
        }
        let kept: Vec<&[u8]> = request
            .rest
            .split(|byte| *byte == 0)
            .filter(|name| !name.is_empty() && *name != BINDING_MECHANISM)
            .collect();
        let mut list = Vec::new();
        kept.iter().for_each(|name| {
            list.extend_from_slice(name);
            list.push(0);
        });
        list.push(0);
        let frame = self.encoded("server", |buf| encode::authentication(buf, SASL, &list))?;
        input.replace(&mut out.client, frame);
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

fn repeated(what: &str) -> Fatal {
    Fatal::Refused(Refusal::new(
        "08P01",
        format!("{what} was sent a second time"),
        "Ask for encryption once per connection. See docs/errors.md#protocol.",
    ))
}

fn early_bytes() -> Fatal {
    Fatal::Refused(Refusal::new(
        "08P01",
        "unencrypted data was received after SSLRequest",
        "This could be an attack on the connection, or a client that does not wait for the answer. See docs/errors.md#early-bytes.",
    ))
}
