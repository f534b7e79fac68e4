//! What is protected and how: the TOML mirror ([`mod@file`]) and its meaning for one catalog ([`Protection`]).

pub mod file;
mod protection;

pub use file::{Rule, RuleError, parse};
pub use protection::{
    ColumnState, ProtectedColumn, ProtectedTable, Protection, RuleProblem, Scope, Search, Tenant,
    resolve, resolve_again,
};
