//! Texts of the statements that touched nothing protected when they were prepared, by the protocol or by SQL: a later
//! catalog may protect one of their tables.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use foldhash::fast::RandomState;

use super::Session;
use super::names::kept_as;
use super::shared::CHANGING;
use crate::model::Oid;
use crate::plan::lexer::{self, Limits};
use crate::plan::{Defined, StatementKind, StatementPlan, Verdict};

/// Bytes of texts and names kept for one session. Beyond it, or for longer texts, all that is known is that there were more.
const CAPACITY: usize = 256 << 10;

/// What the server may hold under names that mean nothing protected here. A Parse only adds to them, for one that fails
/// leaves the former statement in place; they go when the server has closed the statement.
#[derive(Default)]
pub(super) struct Texts {
    named: HashMap<Bytes, Vec<Text>, RandomState>,
    len: usize,
    unnamed: Text,
    /// Some are not kept, the last of them of this group.
    lost: Option<u64>,
}

#[derive(Default)]
struct Text {
    sql: Vec<u8>,
    types: Vec<Oid>,
    /// In which it was sent last.
    group: u64,
}

impl Text {
    fn len(&self, name: &[u8]) -> usize {
        name.len() + self.sql.len() + size_of_val(self.types.as_slice())
    }
}

impl Texts {
    /// A statement of this name is prepared in this group.
    pub(super) fn keep(&mut self, name: &[u8], sql: &[u8], types: &[Oid], group: u64) {
        if sql.len() > CAPACITY {
            self.lost = Some(group);
        } else if name.is_empty() {
            // Each Parse replaces it: no new buffers on the hot path.
            self.unnamed.sql.clear();
            self.unnamed.sql.extend_from_slice(sql);
            self.unnamed.types.clear();
            self.unnamed.types.extend_from_slice(types);
        } else {
            self.keep_named(name, sql, types, group);
        }
    }

    fn keep_named(&mut self, name: &[u8], sql: &[u8], types: &[Oid], group: u64) {
        let same = |text: &&mut Text| *text.sql == *sql && *text.types == *types;
        let known = self.named.get_mut(name);
        if let Some(known) = known.and_then(|texts| texts.iter_mut().find(same)) {
            known.group = group;
            return;
        }
        let text = Text {
            sql: sql.to_vec(),
            types: types.to_vec(),
            group,
        };
        let len = text.len(name);
        if self.len + len > CAPACITY {
            self.lost = Some(group);
            return;
        }
        self.len += len;
        let texts = self.named.entry(Bytes::copy_from_slice(name));
        texts.or_default().push(text);
    }

    /// Whether any has a name.
    pub(super) fn any_named(&self) -> bool {
        !self.named.is_empty()
    }

    /// The server has closed this statement, as it was asked to in this group. One of the same group may have been prepared
    /// behind that.
    pub(super) fn closed(&mut self, name: &[u8], group: u64) {
        if let Some(texts) = self.named.get_mut(name) {
            let len: usize = texts.iter().map(|text| text.len(name)).sum();
            texts.retain(|text| text.group >= group);
            let left: usize = texts.iter().map(|text| text.len(name)).sum();
            self.len = self.len.saturating_sub(len - left);
            if left == 0 {
                self.named.remove(name);
            }
        }
    }

    /// The same for all of them.
    pub(super) fn all_closed(&mut self, group: u64) {
        let names: Vec<Bytes> = self.named.keys().cloned().collect();
        names.iter().for_each(|name| self.closed(name, group));
        self.lost = self.lost.filter(|lost| *lost >= group);
    }

    /// The names of those that are protected by now.
    fn overtaken(&self, protected: impl Fn(&Text) -> bool) -> Vec<Bytes> {
        let named = self.named.iter();
        let named = named.filter(|(_, texts)| texts.iter().any(&protected));
        let mut names: Vec<Bytes> = named.map(|(name, _)| name.clone()).collect();
        if protected(&self.unnamed) {
            names.push(Bytes::new());
        }
        names
    }
}

impl Session {
    /// Keeps what this statement of a text prepares by SQL, if that touches nothing protected.
    pub(super) fn keep_prepared(&mut self, sql: &[u8], statement: &StatementPlan) {
        if let StatementKind::PreparePlain { name } = &statement.kind
            && !name.is_empty()
        {
            let text = sql.get(statement.span.clone()).unwrap_or_default();
            let group = self.ledger.group();
            self.texts.keep(kept_as(name.as_bytes()), text, &[], group);
        }
    }

    /// Notes a text that is forwarded although it could not be cut into tokens: what it prepares is not known.
    pub(super) fn note_unread(&mut self, sql: &[u8]) {
        let read = |text: &str| lexer::lex(text, &Limits::default()).is_ok();
        if lexer::has_word(sql, "prepare") && !std::str::from_utf8(sql).is_ok_and(read) {
            self.texts.lost = Some(self.ledger.group());
        }
    }

    /// Heeds what a newer catalog protects. True: the catalog is changing.
    pub(super) fn heed_catalog(&mut self) -> bool {
        let catalogs = self.shared.catalogs.load(Ordering::Acquire);
        if self.catalogs == catalogs {
            return false;
        }
        if catalogs & CHANGING != 0 {
            return true;
        }
        self.catalogs = catalogs;
        self.overtake();
        false
    }

    /// A statement is sent that makes relations over protected ones, perhaps of some that were prepared for.
    pub(super) fn define(&mut self, made: &[Defined]) {
        if !made.is_empty() {
            self.defining.extend_from_slice(made);
            self.overtake();
        }
    }

    /// The catalog is in force that knows what the session has made, or that it made nothing in the end.
    pub(super) fn forget_defined(&mut self) {
        self.defining.clear();
        if !self.acked.overtaken.is_empty() {
            self.overtake();
        }
    }

    /// Statements that were forwarded and touch something that is protected by now are not to be run any more.
    fn overtake(&mut self) {
        let texts = std::mem::take(&mut self.texts);
        if texts.lost.is_some() {
            self.forget_statements();
            return;
        }
        let names = texts.overtaken(|text| {
            self.touches(&text.sql) && protects(&self.verdict(&text.sql, &text.types))
        });
        self.texts = texts;
        self.ledger.forget_prepared(&names);
        // What is protected no more, as behind a ROLLBACK, may be run again.
        self.sent.overtaken = names.iter().cloned().collect();
        self.acked.overtaken = names.into_iter().collect();
    }
}

/// Whether a text touches something protected; that it prepares what does not is nothing of that kind.
fn protects(verdict: &Verdict) -> bool {
    let plain = |plan: &StatementPlan| {
        plan.is_plain() || matches!(plan.kind, StatementKind::PreparePlain { .. })
    };
    match verdict {
        Verdict::Forward => false,
        Verdict::Protect(plan) => !plan.statements.iter().all(|plan| plain(plan)),
        Verdict::Refuse(_) | Verdict::Resolve(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_statements_that_were_closed_take_no_room() {
        let mut texts = Texts::default();
        let sql = "SELECT 1".repeat(1000);
        for group in 0..1000 {
            let name = format!("s{group}");
            texts.keep(name.as_bytes(), sql.as_bytes(), &[], group);
            texts.closed(name.as_bytes(), group + 1);
        }
        assert!(texts.lost.is_none() && !texts.any_named() && texts.len == 0);
    }

    #[test]
    fn a_text_of_the_group_that_closed_its_name_may_stand_behind_the_close() {
        let mut texts = Texts::default();
        texts.keep(b"s", b"SELECT 1", &[], 3);
        texts.keep(b"s", b"SELECT 2", &[], 4);
        texts.closed(b"s", 4);
        let overtaken = |sql: &'static [u8]| texts.overtaken(|text| text.sql == sql);
        assert_eq!(overtaken(b"SELECT 2"), [&b"s"[..]]);
        assert!(overtaken(b"SELECT 1").is_empty());
    }

    #[test]
    fn what_was_lost_is_gone_when_all_are_deallocated() {
        let mut texts = Texts::default();
        texts.keep(b"s", &[b' '; CAPACITY + 1], &[], 3);
        texts.all_closed(3);
        assert!(texts.lost.is_some());
        texts.all_closed(4);
        assert!(texts.lost.is_none());
    }
}
