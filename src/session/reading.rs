//! How a text of the client is read: whether it touches something protected, by which settings, and what is to be done
//! with it.

use std::sync::LazyLock;

use super::frontend::{Step, WAIT};
use super::{Fatal, Session};
use crate::model::{Oid, Refusal};
use crate::plan::lexer::{ENCODINGS, STRINGS, depends_on_setting, sets_encoding};
use crate::plan::{AnyOf, Env, PlanOf, UNDEFINED_COLUMN, Verdict};
use crate::wire::{Inbox, Outbox};

/// Words by which SQL reaches a prepared statement or cursor without naming its table.
static BY_NAME: LazyLock<Option<AnyOf>> = LazyLock::new(|| {
    any_of(&[
        "execute",
        "fetch",
        "prepare",
        "deallocate",
        "declare",
        "close",
        "move",
    ])
});

/// Words without which a text changes no setting by which texts are read.
static SETTINGS: LazyLock<Option<AnyOf>> =
    LazyLock::new(|| any_of(&[&ENCODINGS[..], &[STRINGS]].concat()));

fn any_of(words: &[&str]) -> Option<AnyOf> {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    AnyOf::new(&words).ok()
}

/// How a text is read that may touch something protected.
pub(super) enum Reads {
    /// By settings that are known.
    Known,
    /// By one that the server is still to tell: it tells that with the end of each group.
    Wait,
    /// By one that a statement of the same group may have changed.
    Refused(Refusal),
}

impl Session {
    /// SQL of this session can reach something protected without naming its table, and this text may.
    fn reaches_by_name(&self, sql: &[u8]) -> bool {
        self.sent.reachable_by_sql() && BY_NAME.as_ref().is_none_or(|words| words.is_in(sql))
    }

    /// Whether it is not known what this statement's name means to the server, which has been sent all that says so. A Sync
    /// in COPY is ignored, so that the server may have to be told to answer.
    pub(super) fn name_unsettled(&mut self, statement: &[u8]) -> bool {
        let Some(group) = self.sent.changed(statement) else {
            return false;
        };
        let unsettled = self.ledger.is_unsettled(group);
        if !unsettled && group < self.ledger.group() {
            self.sent.settled(statement);
        }
        // In COPY the server takes no Bind, and goes on only when it has the data.
        unsettled && !self.copy_in
    }

    /// Whether this text may name a statement of which that is not known.
    pub(super) fn names_unsettled(&self, sql: &[u8]) -> bool {
        self.sent
            .changes()
            .any(|group| self.ledger.is_unsettled(group))
            && BY_NAME.as_ref().is_none_or(|words| words.is_in(sql))
    }

    /// Whether what belongs to this group is certainly UTF-8.
    pub(super) fn is_utf8(&self, group: u64) -> bool {
        is_utf8(self.utf8, self.encoding_named, group)
    }

    /// How this text is read, which may touch something protected. Notes what it sets itself: the server tells of that at
    /// the end of the group, but reads and writes by it at once.
    pub(super) fn reads(&mut self, sql: &[u8]) -> Reads {
        let sets = SETTINGS.as_ref().is_none_or(|words| words.is_in(sql));
        let named = self.strings_named;
        self.strings_named |= sets && memmem(sql, STRINGS.as_bytes());
        let unknown = named && self.ledger.owes_group() && !self.copy_in;
        if self.encoding_unsettled() || (unknown && depends_on_setting(sql)) {
            return Reads::Wait;
        }
        if self.strings_named && self.group.executed && depends_on_setting(sql) {
            return Reads::Refused(Refusal::new(
                "0A000",
                "a constant with a backslash follows a statement that may have changed how it is read",
                "Send Sync before this statement, or write the constant as E'…'. See docs/errors.md#refused-encoding.",
            ));
        }
        if sets && sets_encoding(sql) {
            self.encoding_named.get_or_insert(self.ledger.group());
        }
        Reads::Known
    }

    /// Whether the server is still to tell what an earlier group has made of the encoding.
    pub(super) fn encoding_unsettled(&self) -> bool {
        let earlier = self.encoding_named;
        let earlier = earlier.is_some_and(|named| named < self.ledger.group());
        earlier && self.ledger.owes_group() && !self.copy_in
    }

    /// Whether a text may touch something protected, or names of what does; false: it needs no plan.
    pub(super) fn touches(&self, sql: &[u8]) -> bool {
        let planner = self.shared.planner.load();
        let planner = planner.as_ref();
        planner.is_some_and(|planner| {
            planner.mentions(sql)
                || self.reaches_by_name(sql)
                || self.names_stale(sql)
                || self.defining.iter().any(|made| made.relation().is_some())
        })
    }

    /// Whether this text may execute a statement that was prepared before the rules changed.
    fn names_stale(&self, sql: &[u8]) -> bool {
        self.sent.stale_by_sql() && memmem(sql, b"execute")
    }

    /// Whether this text has to wait for a catalog that knows what DDL of this session has made meanwhile.
    pub(super) fn needs_catalog(&mut self) -> bool {
        if self.in_transaction {
            // What it made can be seen by others once it is committed.
            return false;
        }
        let awaits = std::mem::take(&mut self.unseen_ddl);
        self.catalog_stale |= awaits;
        awaits
    }

    /// Whether a text has to be read again with the catalog as it is now: it names what the snapshot does not know, and
    /// others may have just added it, or given something that is to be sealed that name. What is not there then is not there.
    pub(super) fn reads_anew(&mut self, verdict: &mut Verdict) -> bool {
        let absent = match &*verdict {
            Verdict::Protect(plan) => plan.statements.iter().find_map(|plan| plan.absent()),
            Verdict::Forward | Verdict::Refuse(_) | Verdict::Resolve(_) => None,
        };
        let absent = absent.cloned();
        let unknown = absent.is_some()
            || matches!(&*verdict, Verdict::Refuse(refusal) if refusal.sqlstate == UNDEFINED_COLUMN);
        // What this session's own transaction makes is seen by nobody else yet.
        self.reading_anew = unknown && !self.ddl && !self.reading_anew;
        self.catalog_stale |= self.reading_anew;
        if let Some(absent) = absent.filter(|_| !self.reading_anew) {
            *verdict = Verdict::Refuse(absent);
        }
        self.reading_anew
    }

    /// What is to be done with a text that touches something protected.
    pub(super) fn verdict(&self, sql: &[u8], declared: &[Oid]) -> Verdict {
        let planner = self.shared.planner.load();
        let Some(planner) = planner.as_ref() else {
            return Verdict::Forward;
        };
        if self.names_stale(sql) {
            return Verdict::Refuse(stale());
        }
        let by_name = self.reaches_by_name(sql);
        let utf8 = self.is_utf8(self.ledger.group());
        let cacheable = !by_name && self.resolved.is_empty() && utf8 && self.conforming_strings;
        // What is not known yet may mean something else to others.
        let cacheable = cacheable && self.defining.is_empty();
        let of = PlanOf {
            sql,
            declared,
            epoch: planner.epoch(),
        };
        if cacheable && let Some(verdict) = self.shared.plans.find(&of) {
            return verdict;
        }
        let env = Env {
            declared,
            utf8,
            standard_conforming_strings: self.conforming_strings,
            statements: &|name| {
                self.sent
                    .statements
                    .get(name.as_bytes())
                    .map(|prepared| prepared.plan.clone())
            },
            executes: self.sent.reachable_by_sql() || self.passing.any_refused(),
            cursors: &|name| {
                let portal = self.sent.portals.get(name.as_bytes());
                portal.map(|portal| portal.plan.clone())
            },
            resolved: &self.resolved,
            made: &self.defining,
        };
        let verdict = planner.plan(sql, &env);
        if cacheable {
            self.shared.plans.keep(&of, &verdict);
        }
        verdict
    }

    /// Asks what names mean to this session; the frame is planned again with the answer.
    pub(super) fn resolve(
        &mut self,
        names: &[String],
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Step, Fatal> {
        let Some(meanings) = self.meaning(names, 0, input, out)? else {
            return Ok(WAIT);
        };
        self.resolved = names.iter().cloned().zip(meanings).collect();
        Ok(Step::Done)
    }
}

/// Whether what belongs to this group is certainly UTF-8, where it was before, and may be something else from `named` on.
pub(super) fn is_utf8(before: bool, named: Option<u64>, group: u64) -> bool {
    before && named.is_none_or(|named| group < named)
}

pub(super) fn not_utf8() -> Refusal {
    Refusal::new(
        "22021",
        "a statement on a protected table is not valid UTF-8",
        "Set client_encoding to UTF8. See docs/errors.md#refused-encoding.",
    )
}

/// For what was planned while it was UTF-8, and what goes in or comes out would be other characters.
pub(super) fn other_encoding() -> Refusal {
    Refusal::new(
        "0A000",
        "values of sealed columns are read and written in UTF-8 only",
        "Set client_encoding to UTF8. See docs/errors.md#refused-encoding.",
    )
}

pub(super) fn unresolved() -> Refusal {
    Refusal::new(
        "0A000",
        "a table name has several meanings",
        "Qualify the table's name with its schema. See docs/errors.md#refused-ambiguous-name.",
    )
}

/// In PostgreSQL's words for a statement that no longer means what it did: drivers prepare it again when they read them.
pub(super) fn stale() -> Refusal {
    prepared_before(
        "What pgseal protects has changed since the statement was prepared: prepare it again, or reconnect. See docs/errors.md#rules-changed.",
    )
}

/// The same where a name means another table by now.
pub(super) fn renamed() -> Refusal {
    prepared_before(
        "A table's name means another table than when the statement was prepared: prepare it again, or qualify the name with its schema. See docs/errors.md#refused-ambiguous-name.",
    )
}

fn prepared_before(hint: &'static str) -> Refusal {
    let mut refusal = Refusal::new("0A000", "cached plan must not change result type", hint);
    refusal.routine = Some("RevalidateCachedQuery");
    refusal
}

/// Whether a word stands anywhere in a text, in capitals or not.
fn memmem(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len())
        .any(|window| window.eq_ignore_ascii_case(word))
}
