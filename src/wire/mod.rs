//! PostgreSQL bytes to frames and borrowed message views, and back (PostgreSQL manual, chapter 55).
//!
//! [`Inbox`] holds what one peer sent; frames that nobody wants to see join a *run* that is forwarded as it is,
//! at any size, and without a copy where it is long. [`message`] has the views, [`encode`] the writers; [`composite`] and [`json`] find the parts of values.

pub mod array;
pub mod composite;
pub mod copy;
pub mod encode;
mod inbox;
pub mod json;
pub mod message;
mod outbox;
mod reader;
pub mod scram;
#[cfg(test)]
mod tests;

pub use inbox::{Head, Inbox};
pub use outbox::{OutQueue, Outbox, taken};

/// Bytes that are no PostgreSQL message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A frame's length field is below its own four bytes, or above what its phase allows.
    #[error("a message of type {tag:?} claims a length of {len} bytes")]
    Length {
        /// The frame's tag; NUL in the startup phase.
        tag: char,
        /// The length field, as an unsigned number.
        len: u32,
    },
    /// The body ends inside a field.
    #[error("the message ends inside its field '{0}'")]
    Short(&'static str),
    /// The body goes on behind its last field.
    #[error("{0} bytes are left over behind the last field")]
    Leftover(usize),
    /// A field holds what it never may.
    #[error("the field '{0}' holds an impossible value")]
    Value(&'static str),
    /// A message of ours would not fit its length field.
    #[error("a message would be longer than PostgreSQL allows")]
    TooLong,
}
