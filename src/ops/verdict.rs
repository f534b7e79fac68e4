//! What would happen to a text that somebody sends, without a session that sends it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::Oid;
use crate::plan::lexer::{self, Limits};
use crate::plan::{Defined, Env, Planner, StatementKind, StatementPlan, Verdict};

/// So many combinations of meanings are looked at.
const MEANINGS: usize = 64;

/// What names mean: the server's answers, as far as they are supposed.
pub(super) type Meaning = HashMap<String, Option<Oid>>;

/// What earlier statements have left in the session.
#[derive(Default)]
pub(super) struct Session {
    prepared: HashMap<String, Arc<StatementPlan>>,
    cursors: HashMap<String, Arc<StatementPlan>>,
    /// What the catalog does not know.
    pub made: Vec<Defined>,
}

impl Session {
    /// The verdict on a text in UTF-8, with `standard_conforming_strings` on.
    pub(super) fn verdict(&self, planner: &Planner, sql: &str, meaning: &Meaning) -> Verdict {
        let env = Env {
            declared: &[],
            utf8: true,
            standard_conforming_strings: true,
            statements: &|name| self.prepared.get(name).cloned(),
            executes: !self.prepared.is_empty(),
            cursors: &|name| self.cursors.get(name).cloned(),
            resolved: meaning,
            made: &self.made,
        };
        planner.plan(sql.as_bytes(), &env)
    }

    /// Takes note of what a statement leaves behind.
    pub(super) fn note(&mut self, planner: &Planner, statement: &Arc<StatementPlan>) {
        match &statement.kind {
            StatementKind::Prepare { name, inner, .. } => {
                self.prepared.insert(name.clone(), Arc::clone(inner));
            }
            StatementKind::Declare { name, .. } => {
                self.cursors.insert(name.clone(), Arc::clone(statement));
            }
            _ => {}
        }
        let unknown = |made: &&Defined| {
            let relation = made.relation();
            relation.is_none_or(|name| planner.catalog().find(None, name).is_empty())
        };
        let made = statement.defines.iter().filter(unknown);
        self.made.extend(made.cloned());
    }

    /// Whether something protected was prepared under this name.
    pub(super) fn has_prepared(&self, name: &str) -> bool {
        self.prepared.contains_key(name)
    }
}

/// All that names may mean which only the server knows the meaning of; `None`: too many.
pub(super) fn meanings(planner: &Planner, names: &[String]) -> Option<Vec<Meaning>> {
    let mut all = vec![Meaning::new()];
    for name in names {
        let may_be = candidates(planner, name);
        if all.len().saturating_mul(may_be.len()) > MEANINGS {
            return None;
        }
        let with = |meaning: &Meaning, oid: Option<Oid>| {
            let mut meaning = meaning.clone();
            meaning.insert(name.clone(), oid);
            meaning
        };
        all = all
            .iter()
            .flat_map(|meaning| may_be.iter().map(move |oid| with(meaning, *oid)))
            .collect();
    }
    Some(all)
}

/// The relations of this name; where the catalog lacks the schema that is given with it, also none.
fn candidates(planner: &Planner, name: &str) -> Vec<Option<Oid>> {
    let tokens = lexer::lex(name, &Limits::default()).unwrap_or_default();
    let parts = tokens.iter().filter_map(|token| lexer::ident(token, name));
    let parts: Vec<_> = parts.collect();
    let found = parts.last().map(|last| planner.catalog().find(None, last));
    let mut oids: Vec<Option<Oid>> = found
        .unwrap_or_default()
        .iter()
        .map(|relation| Some(relation.oid))
        .collect();
    if parts.len() > 1 {
        oids.push(None);
    }
    oids.sort_unstable();
    oids
}

/// A meaning in words.
pub(super) fn words(planner: &Planner, meaning: &Meaning) -> String {
    let word = |(name, oid): (&String, &Option<Oid>)| {
        let relation = oid.and_then(|oid| planner.catalog().relation(oid));
        match relation {
            Some(relation) => format!("{name} is {}.{}", relation.schema, relation.name),
            None => format!("{name} is no relation"),
        }
    };
    let mut words: Vec<String> = meaning.iter().map(word).collect();
    words.sort_unstable();
    words.join(" and ")
}
