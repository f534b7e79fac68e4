//! What views over protected tables give.

use std::ops::Range;

use crate::model::Oid;

use super::env::Env;
use super::lexer::{self, Limits};
use super::relations::{Column, Given, Relations};
use super::tokens::split;
use super::walk::Walk;

/// Finds what the columns of views carry, views over views included.
pub(super) fn know_views(relations: &mut Relations) {
    loop {
        let mut known = Vec::new();
        for oid in relations.open_views() {
            known.extend(view_given(relations, oid).map(|given| (oid, given)));
        }
        if known.is_empty() {
            return;
        }
        for (oid, given) in known {
            relations.know_view(oid, given);
        }
    }
}

fn view_given(relations: &Relations, oid: Oid) -> Option<Given> {
    let relation = relations.catalog.relation(oid)?;
    if !relation.is_view() {
        // A table with rules that read or write protected ones: what is read of it is its own.
        return Some(Given::own(relation.columns.len()));
    }
    let text = relation.view_definition.as_deref()?;
    let tokens = lexer::lex(text, &Limits::default()).ok()?;
    let [range] = <[Range<usize>; 1]>::try_from(split(text, &tokens)).ok()?;
    let env = Env::of_new_session();
    let mut walk = Walk::new(relations, &env, text, &tokens, range);
    let rows = walk.parsed().ok()?;
    walk.account().ok()?;
    let whole = !rows.open && rows.columns.len() == relation.columns.len();
    let columns = rows.columns.into_iter().map(|offered| Column {
        lineage: offered.lineage,
        origin: offered.origin,
    });
    whole.then(|| Given {
        columns: columns.collect(),
        scans: walk.scans,
        tenancy: walk.defined_tenancy(),
    })
}
