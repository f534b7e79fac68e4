//! The client's side: log in to a server that has the verifier which a ClientKey was proven by.

use base64_simd::STANDARD;
use subtle::ConstantTimeEq;

use super::{Attributes, BINDING, Keys, ScramError, Sum, auth_message, hash, hmac, malformed, xor};

/// client-first-message is made; the challenge is to come.
pub struct Begun {
    /// client-first-message.
    pub message: String,
    keys: Keys,
    first_bare: String,
    nonce: String,
    /// GS2 header and channel binding data.
    binding: Vec<u8>,
}

/// client-final-message is made; the server's own proof is to come.
pub struct Answered {
    /// client-final-message.
    pub message: String,
    pub(super) signature: Sum,
}

impl Keys {
    /// Begins an exchange. `end_point` is that of the server's certificate, if it is known; `plus` says that the server
    /// offers to bind to it; `nonce` is random and printable.
    #[must_use]
    pub fn begin(self, plus: bool, end_point: Option<&[u8]>, nonce: &str) -> Begun {
        let (header, data) = match end_point {
            None => ("n,,".to_owned(), None),
            // Had the server offered it and somebody taken it out, it would notice by this.
            Some(_) if !plus => ("y,,".to_owned(), None),
            Some(data) => (format!("p={BINDING},,"), Some(data)),
        };
        let first_bare = format!("n=,r={nonce}");
        let message = format!("{header}{first_bare}");
        let mut binding = header.into_bytes();
        binding.extend_from_slice(data.unwrap_or_default());
        Begun {
            message,
            keys: self,
            first_bare,
            nonce: nonce.to_owned(),
            binding,
        }
    }
}

impl Begun {
    /// Answers server-first-message.
    ///
    /// # Errors
    /// That it is none, or of another verifier.
    pub fn answer(self, challenge: &[u8]) -> Result<Answered, ScramError> {
        let challenge = std::str::from_utf8(challenge).map_err(|_| malformed("It is no text."))?;
        let mut attributes = Attributes::new(challenge);
        let nonce = attributes
            .named(b'r')
            .filter(|nonce| nonce.len() > self.nonce.len() && nonce.starts_with(&self.nonce))
            .ok_or_else(|| malformed("The server's nonce does not begin with ours."))?;
        let salt = attributes.named(b's');
        let salt = salt
            .and_then(|salt| STANDARD.decode_to_vec(salt).ok())
            .ok_or_else(|| malformed("The salt is missing."))?;
        let rounds = attributes.named(b'i');
        let rounds: u32 = rounds
            .and_then(|rounds| rounds.parse().ok())
            .ok_or_else(|| malformed("The number of rounds is missing."))?;
        if (rounds, &salt) != (self.keys.rounds, &self.keys.salt) {
            return Err(ScramError::OtherVerifier);
        }
        let bare = format!("c={},r={nonce}", STANDARD.encode_to_string(&self.binding));
        let message = auth_message(&self.first_bare, challenge, &bare);
        let stored_key = hash(self.keys.client_key.expose());
        let proof = xor(self.keys.client_key.expose(), &hmac(&stored_key, &message));
        Ok(Answered {
            signature: hmac(self.keys.server_key.expose(), &message),
            message: format!("{bare},p={}", STANDARD.encode_to_string(proof.as_slice())),
        })
    }
}

impl Answered {
    /// Checks server-final-message: only who knows the verifier can have made it.
    ///
    /// # Errors
    /// That the server did not.
    pub fn confirm(&self, last: &[u8]) -> Result<(), ScramError> {
        let text = std::str::from_utf8(last).map_err(|_| ScramError::ServerUnproven)?;
        let signature = Attributes::new(text).named(b'v').and_then(super::sum);
        match signature {
            Some(signature) if bool::from(signature.ct_eq(&self.signature)) => Ok(()),
            _ => Err(ScramError::ServerUnproven),
        }
    }
}
