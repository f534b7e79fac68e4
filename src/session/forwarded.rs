//! Texts of the statements that were forwarded when they were prepared: a later catalog may protect one of their tables.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use foldhash::fast::RandomState;

use super::Session;
use crate::model::Oid;
use crate::plan::Verdict;

/// Bytes of texts and names kept for one session. Beyond it, or for longer texts, all that is known is that there were more.
const CAPACITY: usize = 256 << 10;

/// What the server may hold under names that mean nothing protected here. Names only gain texts: a Parse or Close that
/// fails leaves the former statement in place.
#[derive(Default)]
pub(super) struct Texts {
    named: HashMap<Bytes, Vec<Text>, RandomState>,
    len: usize,
    unnamed: Text,
    /// Some are not kept.
    lost: bool,
}

#[derive(Default, PartialEq)]
struct Text {
    sql: Vec<u8>,
    types: Vec<Oid>,
}

impl Texts {
    /// A statement of this name is prepared.
    pub(super) fn keep(&mut self, name: &[u8], sql: &[u8], types: &[Oid]) {
        if sql.len() > CAPACITY {
            self.lost = true;
        } else if name.is_empty() {
            // Each Parse replaces it: no new buffers on the hot path.
            self.unnamed.sql.clear();
            self.unnamed.sql.extend_from_slice(sql);
            self.unnamed.types.clear();
            self.unnamed.types.extend_from_slice(types);
        } else {
            self.keep_named(name, sql, types);
        }
    }

    fn keep_named(&mut self, name: &[u8], sql: &[u8], types: &[Oid]) {
        let same = |text: &Text| *text.sql == *sql && *text.types == *types;
        if self
            .named
            .get(name)
            .is_some_and(|texts| texts.iter().any(same))
        {
            return;
        }
        let len = name.len() + sql.len() + size_of_val(types);
        if self.len + len > CAPACITY {
            self.lost = true;
            return;
        }
        self.len += len;
        let text = Text {
            sql: sql.to_vec(),
            types: types.to_vec(),
        };
        let texts = self.named.entry(Bytes::copy_from_slice(name));
        texts.or_default().push(text);
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
    /// Statements that were forwarded and touch something that a newer catalog protects are not to be run any more.
    pub(super) fn heed_catalog(&mut self) {
        let catalogs = self.shared.catalogs.load(Ordering::Acquire);
        if self.catalogs == catalogs {
            return;
        }
        self.catalogs = catalogs;
        let texts = std::mem::take(&mut self.texts);
        if texts.lost {
            self.forget_statements();
            return;
        }
        let names = texts.overtaken(|text| {
            self.touches(&text.sql)
                && !matches!(self.verdict(&text.sql, &text.types), Verdict::Forward)
        });
        self.texts = texts;
        self.ledger.forget_prepared(&names);
        for name in names {
            self.sent.overtaken.insert(name.clone());
            self.acked.overtaken.insert(name);
        }
    }
}
