//! What is protected and how: the TOML mirror ([`mod@file`]) and its meaning for one catalog ([`Protection`]).

mod entry;
pub mod file;
mod left_out;
mod protection;
mod resolve;
#[cfg(test)]
mod tests;

pub use file::{Rule, RuleError, parse};
pub use left_out::left_out;
pub use protection::{
    ColumnState, ProtectedColumn, ProtectedTable, Protection, Scope, Search, Tenant, Vacant,
};
pub use resolve::{RuleProblem, resolve, resolve_again};
