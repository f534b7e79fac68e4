//! Logins as plain data: what each side gets to see, and when.

use std::sync::Arc;

use bytes::{Buf, BytesMut};

use crate::keys::{Ages, KeyCache};
use crate::model::Peer;
use crate::session::{Auth, Fatal, Leg, Progress, Session, Shared, Terms, TlsOffer};
use crate::wire::scram::Verifier;
use crate::wire::scram::tests::{keys, verifier};
use crate::wire::{Inbox, OutQueue, Outbox, encode};

const SALT: &[u8] = b"salt of sixteen.";
const ROUNDS: u32 = 3;
const STARTUP: &[u8] = b"\0\0\0\x16\0\x03\0\0user\0app\0x\0y\0\0";
const READY: &[u8] = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";

struct Wire {
    session: Session,
    inboxes: [Inbox; 2],
    out: Outbox,
    /// What the client and the server got.
    client: Vec<u8>,
    server: Vec<u8>,
    dialled: bool,
    server_leg: Leg,
    fatal: Option<Fatal>,
}

fn tls(end_point: &'static [u8]) -> Leg {
    Leg::Tls {
        end_point: Some(end_point.into()),
    }
}

impl Wire {
    fn new(client_leg: Leg, server_leg: Leg) -> Self {
        let terms = Terms {
            message_limit: crate::session::MESSAGE_LIMIT,
            tls: TlsOffer::Allowed,
            auth: Auth::Terminate,
        };
        let keys = Arc::new(KeyCache::new(Ages::default()));
        let shared = Arc::new(Shared::new(None, keys, None));
        Self {
            session: Session::among(Vec::new(), shared, terms, client_leg),
            inboxes: [Inbox::new(), Inbox::new()],
            out: Outbox::default(),
            client: Vec::new(),
            server: Vec::new(),
            dialled: false,
            server_leg,
            fatal: None,
        }
    }

    /// One byte after the other.
    fn feed(&mut self, peer: Peer, bytes: &[u8]) {
        for byte in bytes {
            let [client, server] = &mut self.inboxes;
            match peer {
                Peer::Client => client.writable().extend_from_slice(&[*byte]),
                Peer::Server => server.writable().extend_from_slice(&[*byte]),
            }
            self.advance();
        }
    }

    fn advance(&mut self) {
        for peer in [Peer::Server, Peer::Client, Peer::Server] {
            let [client, server] = &mut self.inboxes;
            let inbox = match peer {
                Peer::Client => client,
                Peer::Server => server,
            };
            match self.session.advance(peer, inbox, &mut self.out) {
                Ok(Progress::NeedVerifier(role)) => {
                    let known = Verifier::read(&verifier("secret", SALT, ROUNDS)).unwrap();
                    let mock = Verifier::mock(&crate::model::Secret::new(&[1; 32]), &role);
                    self.session
                        .verifier(if role == "app" { known } else { mock });
                    return self.advance();
                }
                Ok(Progress::Connect) => {
                    self.dialled = true;
                    self.session.connected(self.server_leg.clone());
                }
                Ok(_) => {}
                Err(fatal) => self.fatal = Some(fatal),
            }
        }
        drain(&mut self.out.client, &mut self.client);
        drain(&mut self.out.server, &mut self.server);
        assert!(self.dialled || self.server.is_empty());
    }

    /// The client's login up to its proof.
    fn prove(&mut self, password: &str) {
        let plus = self.session.client_leg.end_point().map(<[u8]>::to_vec);
        self.feed(Peer::Client, STARTUP);
        let offer: &[u8] = match plus {
            Some(_) => b"R\0\0\0\x2a\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0",
            None => b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0",
        };
        assert_eq!(self.client, offer);
        self.client.clear();
        let begun = keys(password, SALT, ROUNDS).begin(plus.is_some(), plus.as_deref(), "fyko+d2l");
        let mechanism: &[u8] = if plus.is_some() {
            b"SCRAM-SHA-256-PLUS"
        } else {
            b"SCRAM-SHA-256"
        };
        let first =
            frame(|buf| encode::sasl_initial_response(buf, mechanism, begun.message.as_bytes()));
        self.feed(Peer::Client, &first);
        assert_eq!(
            (self.client[0], self.client[8], self.dialled),
            (b'R', 11, false)
        );
        let last = begun.answer(&self.client[9..]).unwrap();
        self.client.clear();
        self.feed(
            Peer::Client,
            &frame(|buf| encode::sasl_response(buf, last.message.as_bytes())),
        );
        if self.dialled {
            assert_eq!((self.client[0], self.client[8]), (b'R', 12));
            assert_eq!(last.confirm(&self.client[9..]), Ok(()));
            assert_eq!(self.server, STARTUP);
            self.client.clear();
            self.server.clear();
        }
    }

    /// The server's side of the login, up to its own proof; gives that.
    fn challenge(&mut self, password: &str, offer: &[u8]) -> Vec<u8> {
        let server = Verifier::read(&verifier(password, SALT, ROUNDS)).unwrap();
        self.feed(
            Peer::Server,
            &frame(|buf| encode::authentication(buf, 10, offer)),
        );
        let mut body = &self.server[5..];
        let mechanism = body.iter().position(|byte| *byte == 0).unwrap();
        let plus = &body[..mechanism] == b"SCRAM-SHA-256-PLUS";
        body.advance(mechanism + 5);
        let end_point = self.server_leg.end_point().map(<[u8]>::to_vec);
        let challenged = server
            .challenge(body, plus, end_point.as_deref(), "3rfcNHYJY")
            .unwrap();
        self.server.clear();
        let challenge = frame(|buf| encode::authentication(buf, 11, challenged.message.as_bytes()));
        self.feed(Peer::Server, &challenge);
        let proven = challenged.prove(&self.server[5..]).unwrap();
        self.server.clear();
        frame(|buf| encode::authentication(buf, 12, proven.message.as_bytes()))
    }

    fn refusal(&self) -> (&'static str, String) {
        let refusal = self.fatal.as_ref().and_then(Fatal::refusal).unwrap();
        (refusal.sqlstate, refusal.message)
    }
}

fn drain(queue: &mut OutQueue, into: &mut Vec<u8>) {
    let mut slices = [std::io::IoSlice::new(&[])];
    while queue.io_slices(&mut slices) > 0 {
        let len = slices[0].len();
        into.extend_from_slice(&slices[0]);
        slices = [std::io::IoSlice::new(&[])];
        queue.advance(len);
    }
}

fn frame(write: impl FnOnce(&mut BytesMut) -> Result<(), crate::wire::WireError>) -> Vec<u8> {
    let mut buf = BytesMut::new();
    write(&mut buf).unwrap();
    buf.to_vec()
}

const BOTH: &[u8] = b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0";
const PLAIN: &[u8] = b"SCRAM-SHA-256\0\0";

#[test]
fn each_leg_binds_to_its_own_certificate() {
    for client in [Leg::Plain, tls(b"ours")] {
        for (server, offer) in [(Leg::Plain, PLAIN), (tls(b"theirs"), BOTH)] {
            let mut wire = Wire::new(client.clone(), server);
            wire.prove("secret");
            let last = wire.challenge("secret", offer);
            wire.feed(Peer::Server, &last);
            assert!(wire.client.is_empty() && wire.server.is_empty());
            wire.feed(Peer::Server, READY);
            assert_eq!(wire.client, READY);
            assert!(wire.session.is_live() && wire.fatal.is_none());
        }
    }
}

#[test]
fn a_server_that_asks_for_nothing_is_logged_in_to() {
    let mut wire = Wire::new(Leg::Plain, Leg::Plain);
    wire.prove("secret");
    wire.feed(Peer::Server, READY);
    assert_eq!((&wire.client[..], wire.session.is_live()), (READY, true));
}

#[test]
fn without_a_proof_the_server_is_not_dialled() {
    let mut wire = Wire::new(Leg::Plain, Leg::Plain);
    wire.prove("wrong");
    assert_eq!(
        (wire.refusal(), wire.dialled),
        (
            (
                "28P01",
                "password authentication failed for user \"app\"".to_owned()
            ),
            false
        )
    );
    let mut wire = Wire::new(Leg::Plain, Leg::Plain);
    wire.feed(Peer::Client, STARTUP);
    wire.feed(Peer::Client, b"Q\0\0\0\x0dSELECT 1\0");
    assert_eq!((wire.refusal().0, wire.dialled), ("08P01", false));
}

#[test]
fn what_a_client_sends_early_waits_for_the_login() {
    let mut wire = Wire::new(Leg::Plain, Leg::Plain);
    wire.prove("secret");
    let query = b"Q\0\0\0\x0dSELECT 1\0";
    wire.feed(Peer::Client, query);
    assert!(wire.server.is_empty());
    wire.feed(Peer::Server, READY);
    assert_eq!(wire.server, query);
}

#[test]
fn a_server_that_proves_nothing_is_refused() {
    // It says that all is well in the middle of the exchange, or asks for it twice.
    for second in [
        READY.to_vec(),
        frame(|buf| encode::authentication(buf, 10, PLAIN)),
    ] {
        let mut wire = Wire::new(Leg::Plain, Leg::Plain);
        wire.prove("secret");
        wire.feed(
            Peer::Server,
            &frame(|buf| encode::authentication(buf, 10, PLAIN)),
        );
        wire.feed(Peer::Server, &second);
        assert_eq!(wire.refusal().0, "28000");
        assert!(wire.client.is_empty() && !wire.session.is_live());
    }
    // It skips its own proof, or gives another.
    for last in [
        READY.to_vec(),
        frame(|buf| encode::authentication(buf, 12, b"v=AAAA")),
    ] {
        let mut wire = Wire::new(Leg::Plain, Leg::Plain);
        wire.prove("secret");
        wire.challenge("secret", PLAIN);
        wire.feed(Peer::Server, &last);
        assert!(wire.refusal().1.contains("did not prove"));
        assert!(wire.client.is_empty() && !wire.session.is_live());
    }
}

#[test]
fn a_server_that_wants_a_password_is_told_that_there_is_none() {
    for code in [3, 5, 7] {
        let mut wire = Wire::new(Leg::Plain, Leg::Plain);
        wire.prove("secret");
        wire.feed(
            Peer::Server,
            &frame(|buf| encode::authentication(buf, code, b"salt")),
        );
        assert!(wire.refusal().1.contains("knows no password"));
        assert!(wire.server.is_empty());
    }
    let mut wire = Wire::new(Leg::Plain, Leg::Plain);
    wire.prove("secret");
    wire.feed(
        Peer::Server,
        &frame(|buf| encode::authentication(buf, 10, b"OAUTHBEARER\0\0")),
    );
    assert!(wire.refusal().1.contains("something else than SCRAM"));
}

#[test]
fn another_salt_at_the_server_is_another_verifier() {
    let mut wire = Wire::new(Leg::Plain, Leg::Plain);
    wire.prove("secret");
    wire.feed(
        Peer::Server,
        &frame(|buf| encode::authentication(buf, 10, PLAIN)),
    );
    let nonce = std::str::from_utf8(&wire.server).unwrap();
    let nonce = nonce.rsplit_once("r=").unwrap().1.to_owned();
    let challenge = format!("r={nonce}x,s=AAAA,i={ROUNDS}");
    wire.feed(
        Peer::Server,
        &frame(|buf| encode::authentication(buf, 11, challenge.as_bytes())),
    );
    assert!(wire.refusal().1.contains("verifier of role \"app\""));
}
