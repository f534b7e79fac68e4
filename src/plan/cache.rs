//! The plans that sessions share: a text is read once.

use quick_cache::Equivalent;
use quick_cache::sync::Cache;

use super::{Plan, SlotSource, StatementKind, Verdict};
use crate::model::Oid;

/// Plans of statements that carry no literal of a sealed column, by text.
pub struct PlanCache {
    verdicts: Cache<PlanKey, Verdict>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct PlanKey {
    sql: Box<[u8]>,
    declared: Box<[Oid]>,
    epoch: u64,
}

/// What a plan is looked up by; a hit copies nothing.
#[derive(Clone, Copy, Hash)]
pub struct PlanOf<'a> {
    /// The statement's text.
    pub sql: &'a [u8],
    /// Parameter types that the client declared.
    pub declared: &'a [Oid],
    /// The catalog's.
    pub epoch: u64,
}

impl Equivalent<PlanKey> for PlanOf<'_> {
    fn equivalent(&self, key: &PlanKey) -> bool {
        self.epoch == key.epoch && *self.sql == *key.sql && *self.declared == *key.declared
    }
}

impl Default for PlanCache {
    fn default() -> Self {
        Self::new()
    }
}

impl PlanCache {
    /// Statements remembered.
    const CAPACITY: usize = 4096;
    /// Texts above this are planned each time, in bytes.
    const LONGEST: usize = 64 << 10;

    /// An empty cache.
    #[must_use]
    pub fn new() -> Self {
        Self {
            verdicts: Cache::new(Self::CAPACITY),
        }
    }

    /// The verdict on this text, if it is remembered.
    #[must_use]
    pub fn find(&self, of: &PlanOf<'_>) -> Option<Verdict> {
        self.verdicts.get(of)
    }

    /// Remembers a verdict, unless it may be another next time or holds plaintext.
    pub fn keep(&self, of: &PlanOf<'_>, verdict: &Verdict) {
        let lasting = match verdict {
            Verdict::Protect(plan) => is_lasting(plan),
            Verdict::Forward => true,
            // A refused text may hold a literal of a sealed column.
            Verdict::Refuse(_) | Verdict::Resolve(_) => false,
        };
        if lasting && of.sql.len() <= Self::LONGEST {
            let key = PlanKey {
                sql: of.sql.into(),
                declared: of.declared.into(),
                epoch: of.epoch,
            };
            self.verdicts.insert(key, verdict.clone());
        }
    }
}

/// Neither plaintext in the text nor a name that means something else next time.
fn is_lasting(plan: &Plan) -> bool {
    plan.statements.iter().all(|statement| {
        let literal = statement
            .slots
            .iter()
            .any(|slot| matches!(slot.source, SlotSource::Literal { .. }));
        let lasting = matches!(
            statement.kind,
            StatementKind::Run
                | StatementKind::Define
                | StatementKind::Forward
                | StatementKind::CopyIn(_)
                | StatementKind::CopyOut(_)
        );
        !literal && lasting
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_found_by_borrowed_text_types_and_epoch() {
        let cache = PlanCache::new();
        let of = |sql, declared, epoch| PlanOf {
            sql,
            declared,
            epoch,
        };
        cache.keep(&of(b"SELECT 1", &[Oid(25)], 7), &Verdict::Forward);
        assert!(cache.find(&of(b"SELECT 1", &[Oid(25)], 7)).is_some());
        let hit = allocation_counter::measure(|| {
            assert!(cache.find(&of(b"SELECT 1", &[Oid(25)], 7)).is_some());
        });
        assert_eq!(hit.count_total, 0);
        assert!(cache.find(&of(b"SELECT 2", &[Oid(25)], 7)).is_none());
        assert!(cache.find(&of(b"SELECT 1", &[], 7)).is_none());
        assert!(cache.find(&of(b"SELECT 1", &[Oid(25)], 8)).is_none());
    }
}
