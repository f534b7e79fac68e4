//! SQL text to a plan or a refusal.

mod types;

pub use types::*;
