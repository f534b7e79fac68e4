//! The server's side: challenge a client, check its proof.

use base64_simd::STANDARD;
use subtle::ConstantTimeEq;

use super::{
    Attributes, BINDING, Keys, ScramError, Verifier, auth_message, hash, hmac, is_nonce, malformed,
    xor,
};
use crate::model::Secret;

/// The challenge is made; the proof is to come.
pub struct Challenged {
    /// server-first-message.
    pub message: String,
    verifier: Verifier,
    first_bare: String,
    nonce: String,
    /// What the client's last message must give as its channel binding: GS2 header and data.
    binding: Vec<u8>,
}

/// The client knows the password.
pub struct Proven {
    /// server-final-message.
    pub message: String,
    /// What logs in to a server with the same verifier.
    pub keys: Keys,
}

impl Verifier {
    /// Answers client-first-message. `plus` says whether the client chose channel binding, `end_point` is that of our
    /// certificate where it was offered; `nonce` is our part of the nonce, random and printable.
    ///
    /// # Errors
    /// What PostgreSQL says to such a message.
    pub fn challenge(
        self,
        first: &[u8],
        plus: bool,
        end_point: Option<&[u8]>,
        nonce: &str,
    ) -> Result<Challenged, ScramError> {
        let first = std::str::from_utf8(first).map_err(|_| malformed("It is no text."))?;
        let (flag, rest) = first
            .split_once(',')
            .ok_or_else(|| malformed("It has no channel binding flag."))?;
        let data = bound(flag, plus, end_point)?;
        let (authzid, bare) = rest
            .split_once(',')
            .ok_or_else(|| malformed("It has no authorization identity field."))?;
        if authzid.starts_with("a=") {
            return Err(unsupported(
                "client uses authorization identity, but it is not supported",
            ));
        }
        if !authzid.is_empty() {
            return Err(malformed("Unexpected attribute in client-first-message."));
        }
        if bare.starts_with("m=") {
            return Err(unsupported(
                "client requires an unsupported SCRAM extension",
            ));
        }
        let mut attributes = Attributes::new(bare);
        // Whose name it is says the startup packet, as in PostgreSQL.
        attributes
            .named(b'n')
            .ok_or_else(|| malformed("The user name is missing."))?;
        let theirs = attributes
            .named(b'r')
            .ok_or_else(|| malformed("The nonce is missing."))?;
        if !is_nonce(theirs) {
            return Err(ScramError::Broken {
                sqlstate: "08P01",
                message: "non-printable characters in SCRAM nonce",
                detail: "A nonce is printable ASCII.",
            });
        }
        let nonce = format!("{theirs}{nonce}");
        let salt = STANDARD.encode_to_string(&self.salt);
        let mut binding = format!("{flag},,").into_bytes();
        binding.extend_from_slice(data);
        Ok(Challenged {
            message: format!("r={nonce},s={salt},i={}", self.rounds),
            verifier: self,
            first_bare: bare.to_owned(),
            nonce,
            binding,
        })
    }
}

/// What the flag of a GS2 header binds to: nothing, or the end point of our certificate.
fn bound<'a>(flag: &str, plus: bool, end_point: Option<&'a [u8]>) -> Result<&'a [u8], ScramError> {
    match (flag.split_once('='), flag) {
        (None, "n" | "y") if plus => Err(malformed(
            "The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel binding data.",
        )),
        // Somebody on the way took the offer out.
        (None, "y") if end_point.is_some() => Err(ScramError::Broken {
            sqlstate: "28000",
            message: "SCRAM channel binding negotiation error",
            detail: "The client supports SCRAM channel binding but thinks the server does not. However, this server does support channel binding.",
        }),
        (None, "n" | "y") => Ok(&[]),
        (Some(("p", _)), _) if !plus => Err(malformed(
            "The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes channel binding data.",
        )),
        (Some(("p", BINDING)), _) => end_point.ok_or_else(|| malformed("It was not offered.")),
        (Some(("p", _)), _) => Err(ScramError::Broken {
            sqlstate: "08P01",
            message: "unsupported SCRAM channel-binding type",
            detail: "Only tls-server-end-point is known.",
        }),
        _ => Err(malformed("Unexpected channel-binding flag.")),
    }
}

fn unsupported(message: &'static str) -> ScramError {
    ScramError::Broken {
        sqlstate: "0A000",
        message,
        detail: "So PostgreSQL has it, too.",
    }
}

impl Challenged {
    /// Checks client-final-message.
    ///
    /// # Errors
    /// [`ScramError::Denied`] for a wrong proof, else what PostgreSQL says to such a message.
    pub fn prove(self, last: &[u8]) -> Result<Proven, ScramError> {
        let last = std::str::from_utf8(last).map_err(|_| malformed("It is no text."))?;
        // The proof stands last and holds no comma; extensions before it count as part of the message.
        let (bare, proof) = last
            .rsplit_once(",p=")
            .ok_or_else(|| malformed("The proof is missing, or not at the end."))?;
        let mut attributes = Attributes::new(bare);
        let binding = attributes
            .named(b'c')
            .ok_or_else(|| malformed("The channel binding is missing."))?;
        let nonce = attributes
            .named(b'r')
            .ok_or_else(|| malformed("The nonce is missing."))?;
        if STANDARD.decode_to_vec(binding).ok().as_ref() != Some(&self.binding) {
            return Err(if self.binding.starts_with(b"p=") {
                ScramError::Broken {
                    sqlstate: "28000",
                    message: "SCRAM channel binding check failed",
                    detail: "The client sees another certificate than the one shown to it.",
                }
            } else {
                ScramError::Broken {
                    sqlstate: "08P01",
                    message: "unexpected SCRAM channel-binding attribute in client-final-message",
                    detail: "It is not the header that the client sent first.",
                }
            });
        }
        if nonce != self.nonce {
            return Err(ScramError::Broken {
                sqlstate: "08P01",
                message: "invalid SCRAM response",
                detail: "Nonce does not match.",
            });
        }
        let proof = super::sum(proof)
            .ok_or_else(|| malformed("Malformed proof in client-final-message."))?;
        let Verifier {
            rounds,
            salt,
            stored_key,
            server_key,
        } = self.verifier;
        let message = auth_message(&self.first_bare, &self.message, bare);
        // ClientKey = ClientProof XOR HMAC(StoredKey, AuthMessage), and its hash is the StoredKey if it is the one.
        let client_key = xor(&proof, &hmac(&stored_key, &message));
        if !bool::from(hash(client_key.as_slice()).ct_eq(&stored_key)) {
            return Err(ScramError::Denied);
        }
        let signature = STANDARD.encode_to_string(hmac(server_key.expose(), &message));
        Ok(Proven {
            message: format!("v={signature}"),
            keys: Keys {
                rounds,
                salt,
                client_key: Secret::new(&client_key),
                server_key,
            },
        })
    }
}
