//! SQL text to a plan or a refusal.
//!
//! A text that names nothing protected is forwarded unread. Any other is cut by our own [`lexer`], parsed from those
//! tokens, walked exhaustively, and refused unless every constant, parameter and protected name got a role.

mod alter;
mod ambiguous;
mod among;
mod any_of;
mod assign;
mod attempt;
mod branches;
mod cache;
mod call;
mod conditions;
mod conflict;
mod constructors;
mod copy;
mod defined;
mod document;
mod execute;
mod expr;
mod finish;
mod functions;
mod guard;
mod holders;
mod independent;
mod insert;
mod join;
mod keyed;
pub mod lexer;
mod lineage;
mod lookup;
mod matched;
pub mod mention;
mod merge;
mod named;
mod owners;
mod parts;
mod passed;
mod planner;
mod query;
mod readable;
mod refuse;
mod relations;
mod returning;
mod run_texts;
mod scope;
mod search;
mod settle;
mod sources;
mod spelled;
mod store;
mod subscripts;
mod tenancy;
mod tenant_sql;
#[cfg(test)]
pub(crate) mod tests;
mod text;
pub mod tokens;
mod typed;
mod types;
mod unfold;
mod united;
mod unread;
mod update;
mod utility;
mod walk;
mod with;
mod within;

pub use cache::{PlanCache, PlanOf};
pub use execute::missing;
pub use lineage::{Lineage, Member, Shape};
pub use named::prepared_names;
pub use planner::Planner;
pub use refuse::refused;
pub use tenant_sql::{quoted, row_tenant_sql};
pub use types::*;
