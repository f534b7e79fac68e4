//! SCRAM-SHA-256 without a password (RFC 5802, RFC 7677; PostgreSQL's `auth-scram.c` where they leave a choice).
//!
//! A role's [`Verifier`] is enough to [challenge](Verifier::challenge) a client. The client's proof yields the ClientKey,
//! and that is enough to [log in](Keys::begin) to a server that has the same verifier.

mod client;
mod server;
#[cfg(test)]
pub(crate) mod tests;

use base64_simd::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::model::Secret;
pub use client::{Answered, Begun};
pub use server::{Challenged, Proven};

/// SCRAM without channel binding.
pub const PLAIN: &[u8] = b"SCRAM-SHA-256";
/// SCRAM with channel binding.
pub const PLUS: &[u8] = b"SCRAM-SHA-256-PLUS";
/// The channel binding of PostgreSQL (RFC 5929, section 4).
const BINDING: &str = "tls-server-end-point";
/// Rounds of verifiers that exist for nobody: PostgreSQL's default.
const MOCK_ROUNDS: u32 = 4096;
const MOCK_SALT: usize = 16;

type Sum = [u8; 32];

/// Why an exchange ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScramError {
    /// The peer broke the protocol, or asks for what is not there.
    Broken {
        /// As PostgreSQL has it.
        sqlstate: &'static str,
        /// As PostgreSQL has it.
        message: &'static str,
        /// More of the why.
        detail: &'static str,
    },
    /// The client does not know the password.
    Denied,
    /// The server's verifier has another salt or number of rounds than ours.
    OtherVerifier,
    /// The server could not prove that it knows the verifier.
    ServerUnproven,
}

fn malformed(detail: &'static str) -> ScramError {
    ScramError::Broken {
        sqlstate: "08P01",
        message: "malformed SCRAM message",
        detail,
    }
}

/// What a server keeps of a password. It cannot be printed: who has it can try passwords.
#[derive(Clone)]
pub struct Verifier {
    rounds: u32,
    salt: Vec<u8>,
    stored_key: Sum,
    server_key: Secret,
}

impl Verifier {
    /// Reads PostgreSQL's form, `SCRAM-SHA-256$<rounds>:<salt>$<StoredKey>:<ServerKey>`.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("SCRAM-SHA-256$")?;
        let (head, keys) = rest.split_once('$')?;
        let (rounds, salt) = head.split_once(':')?;
        let (stored, server) = keys.split_once(':')?;
        let salt = STANDARD.decode_to_vec(salt).ok()?;
        Some(Self {
            rounds: rounds.parse().ok().filter(|rounds| *rounds > 0)?,
            salt: Some(salt).filter(|salt| !salt.is_empty())?,
            stored_key: sum(stored)?,
            server_key: Secret::new(&sum(server)?),
        })
    }

    /// One that no password fits, the same each time, so that nobody learns by asking which roles there are.
    #[must_use]
    pub fn mock(secret: &Secret, role: &[u8]) -> Self {
        let of = |what: &[u8]| hmac(secret.expose(), &[what, role]);
        let salt = of(b"salt");
        Self {
            rounds: MOCK_ROUNDS,
            salt: salt.get(..MOCK_SALT).unwrap_or_default().to_vec(),
            // Nobody knows a ClientKey whose hash this is.
            stored_key: of(b"stored key"),
            server_key: Secret::new(&of(b"server key")),
        }
    }
}

/// What a client has proven and a server believes: the ClientKey, and the ServerKey to check the server by.
pub struct Keys {
    rounds: u32,
    salt: Vec<u8>,
    client_key: Secret,
    server_key: Secret,
}

fn sum(text: &str) -> Option<Sum> {
    STANDARD.decode_to_vec(text).ok()?.try_into().ok()
}

fn hash(bytes: &[u8]) -> Sum {
    Sha256::digest(bytes).into()
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Sum {
    // HMAC takes keys of any length (RFC 2104), so there is nothing that could go wrong.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return [0; 32];
    };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

fn xor(left: &Sum, right: &Sum) -> Zeroizing<Sum> {
    let mut out = Zeroizing::new(*left);
    out.iter_mut()
        .zip(right)
        .for_each(|(byte, other)| *byte ^= other);
    out
}

/// The AuthMessage (RFC 5802, section 3).
fn auth_message<'a>(first_bare: &'a str, challenge: &'a str, last_bare: &'a str) -> [&'a [u8]; 5] {
    [
        first_bare.as_bytes(),
        b",",
        challenge.as_bytes(),
        b",",
        last_bare.as_bytes(),
    ]
}

/// A message's attributes, read from the front.
struct Attributes<'a> {
    rest: Option<&'a str>,
}

impl<'a> Attributes<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: Some(text) }
    }

    /// The next attribute's name and value.
    fn any(&mut self) -> Option<(u8, &'a str)> {
        let rest = self.rest?;
        let (attribute, rest) = match rest.split_once(',') {
            Some((attribute, rest)) => (attribute, Some(rest)),
            None => (rest, None),
        };
        self.rest = rest;
        let (name, value) = attribute.split_once('=')?;
        match name.as_bytes() {
            [name @ (b'a'..=b'z' | b'A'..=b'Z')] => Some((*name, value)),
            _ => None,
        }
    }

    /// The next attribute, which must have this name.
    fn named(&mut self, name: u8) -> Option<&'a str> {
        self.any()
            .and_then(|(found, value)| (found == name).then_some(value))
    }
}

/// A nonce consists of printable characters other than the comma, which the cutting into attributes rules out.
fn is_nonce(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| (0x21..=0x7E).contains(&byte))
}
