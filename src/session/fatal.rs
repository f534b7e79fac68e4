//! Errors that end the session.

use crate::model::Refusal;
use crate::wire::WireError;

/// An error that ends the session.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Fatal {
    /// A peer broke the protocol; says which and how.
    #[error("protocol violation by the {peer}: {error}")]
    Protocol {
        /// `client` or `server`.
        peer: &'static str,
        /// What was wrong with the frame.
        error: WireError,
    },
    /// Told to the client as a FATAL error.
    #[error("{}", .0.message)]
    Refused(Box<Refusal>),
    /// A server's reply that no request can explain; going on would mean guessing.
    #[error("the server's reply '{0}' answers no request")]
    Unexplained(char),
    /// A TCP probe or a port scan: close without a word.
    #[error("closed before a startup packet")]
    Silent,
}

impl From<Refusal> for Fatal {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl Fatal {
    /// What the client is told in a FATAL ErrorResponse; `None` when it is told nothing.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal.as_ref().clone()),
            Self::Protocol { .. } | Self::Unexplained(_) => Some(Refusal::new(
                "08P01",
                self.to_string(),
                "Reconnect; if it happens again, report the client's name and version. See docs/errors.md#protocol.",
            )),
            Self::Silent => None,
        }
    }
}
