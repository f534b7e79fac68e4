//! What planning takes besides a text: what the session knows.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use crate::model::Oid;

use super::types::StatementPlan;

/// What the session knows that the text of a statement does not say.
pub struct Env<'a> {
    /// The parameter types that the client declared in Parse, in order; 0 or absent: undeclared.
    pub declared: &'a [Oid],
    /// Whether `client_encoding` is UTF-8.
    pub utf8: bool,
    /// The session's `standard_conforming_strings`.
    pub standard_conforming_strings: bool,
    /// The session's prepared statements by folded name, for EXECUTE.
    pub statements: &'a dyn Fn(&str) -> Option<Arc<StatementPlan>>,
    /// Whether there are any, or some may be meant that are not there.
    pub executes: bool,
    /// The session's cursors by folded name, for FETCH.
    pub cursors: &'a dyn Fn(&str) -> Option<Arc<StatementPlan>>,
    /// The server's answers (`to_regclass`) to names that [`Verdict::Resolve`](super::Verdict::Resolve) asked for; `None`: no such relation.
    pub resolved: &'a HashMap<String, Option<Oid>>,
    /// What the session has made and no snapshot of the catalog knows yet.
    pub made: &'a [Defined],
}

/// The name of something that DDL has just made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Defined {
    /// A relation over protected ones: what would read or write it cannot be planned.
    Relation(String),
    /// A column of a protected table, which none of its rules can name.
    Column(String),
}

impl Defined {
    /// The relation's name.
    #[must_use]
    pub fn relation(&self) -> Option<&String> {
        match self {
            Self::Relation(name) => Some(name),
            Self::Column(_) => None,
        }
    }
}

impl Env<'static> {
    /// In a new session: nothing is declared, prepared, made or known.
    #[must_use]
    pub fn of_new_session() -> Self {
        static NOTHING: LazyLock<HashMap<String, Option<Oid>>> = LazyLock::new(HashMap::new);
        Self {
            declared: &[],
            utf8: true,
            standard_conforming_strings: true,
            statements: &|_| None,
            executes: false,
            cursors: &|_| None,
            resolved: &NOTHING,
            made: &[],
        }
    }
}
