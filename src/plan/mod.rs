//! SQL text to a plan or a refusal.
