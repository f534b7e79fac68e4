//! From the first byte to the startup packet.

use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::{Auth, Fatal, Phase, Progress, Session, TlsOffer, by_client};
use crate::model::Refusal;
use crate::wire::message::StartupRequest;
use crate::wire::{Inbox, Outbox};

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
            StartupRequest::Ssl if ssl_asked || self.client_leg.is_encrypted() => {
                Err(repeated("SSLRequest"))
            }
            StartupRequest::Gss if gss_asked || self.client_leg.is_encrypted() => {
                Err(repeated("GSSENCRequest"))
            }
            StartupRequest::Ssl => {
                input.take_startup();
                self.phase = Phase::Startup {
                    ssl_asked: true,
                    gss_asked,
                };
                if self.terms.tls == TlsOffer::Disabled {
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
                if self.terms.tls == TlsOffer::Required && !self.client_leg.is_encrypted() {
                    return Err(Fatal::from(Refusal::new(
                        "28000",
                        "this listener accepts encrypted connections only",
                        "Connect with sslmode=require or stronger. See docs/errors.md#tls-required.",
                    )));
                }
                let user = once(&params, "user")?.unwrap_or_default();
                let database = once(&params, "database")?;
                let database = database.filter(|name| !name.is_empty()).unwrap_or(user);
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
                self.catalogs = self.shared.catalogs.load(Ordering::Acquire);
                let role = Bytes::copy_from_slice(user);
                let packet = input.take_startup();
                match self.terms.auth {
                    Auth::Terminate => self.ask_for_proof(role, packet),
                    Auth::Relay => {
                        out.server.push(packet);
                        self.phase = Phase::Login;
                        Ok(Progress::Connect)
                    }
                }
            }
        }
    }
}

/// The value of a parameter that says who comes or where to. Of several PostgreSQL takes the last one; another server
/// between it and pgseal may take the first, and the session would be planned for another database than it is in.
fn once<'a>(params: &[(&'a [u8], &'a [u8])], name: &str) -> Result<Option<&'a [u8]>, Fatal> {
    let mut values = params.iter().filter(|(key, _)| *key == name.as_bytes());
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(Fatal::from(Refusal::new(
            "08P01",
            format!("the startup packet says \"{name}\" more than once"),
            "Say it once. See docs/errors.md#protocol.",
        ))),
        (value, None) => Ok(value.map(|(_, value)| *value)),
    }
}

fn repeated(what: &str) -> Fatal {
    Fatal::from(Refusal::new(
        "08P01",
        format!("{what} was sent a second time"),
        "Ask for encryption once per connection. See docs/errors.md#protocol.",
    ))
}

fn early_bytes() -> Fatal {
    Fatal::from(Refusal::new(
        "08P01",
        "unencrypted data was received after SSLRequest",
        "This could be an attack on the connection, or a client that does not wait for the answer. See docs/errors.md#early-bytes.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_who_comes_is_said_once() {
        let params: &[(&[u8], &[u8])] = &[(b"user", b"u"), (b"database", b"a"), (b"x", b"1")];
        assert_eq!(once(params, "database").unwrap(), Some(&b"a"[..]));
        assert_eq!(once(params, "replication").unwrap(), None);
        let twice = [params, &[(b"database", b"a")]].concat();
        let refusal = once(&twice, "database").unwrap_err().refusal().unwrap();
        assert_eq!(refusal.sqlstate, "08P01");
    }
}
