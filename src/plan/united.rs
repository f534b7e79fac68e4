//! Set operations: what each column of their rows carries, and which of their rows are equal.

use super::lineage::{merge, weakened};
use super::query::Rows;
use super::refuse::{DEDUPE, Walked};
use super::scope::{Offered, Origin, Scan, Scope};
use super::search::are_searchable;
use super::walk::Walk;

/// Scans of both branches whose rows are rows of one united scan.
type United = Vec<((usize, usize), usize)>;

impl Walk<'_> {
    /// The rows of two branches; `all`: they are put one after the other, and none are compared.
    pub(super) fn united(
        &mut self,
        left: Rows,
        right: Rows,
        all: bool,
        scope: &Scope<'_>,
    ) -> Walked<Rows> {
        if left.open || right.open || left.columns.len() != right.columns.len() {
            return self.mixed(left, right, all);
        }
        let pairs = || left.columns.iter().zip(&right.columns);
        if !all {
            for (a, b) in pairs() {
                self.compared_rows((a, b), pairs().collect::<Vec<_>>().as_slice(), scope)?;
            }
        }
        let group = self.new_group();
        let (mut columns, mut scans) = (Vec::new(), United::new());
        for (a, b) in pairs() {
            let values = match all {
                true => self.united_origin(a.origin, b.origin, group),
                false => None,
            };
            if values.is_none() {
                self.use_plain(a.origin);
                self.use_plain(b.origin);
            }
            columns.push(Offered {
                name: a.name.clone(),
                lineage: match is_comparable(a, b) {
                    true => a.lineage.clone(),
                    false => merge([&a.lineage, &b.lineage].into_iter()),
                },
                origin: values.or_else(|| self.united_column(a, b, &mut scans)),
            });
        }
        for (pair, united) in &scans {
            self.unite_scans(*pair, *united, scope);
        }
        self.unite_pairs(&scans);
        Ok(Rows {
            columns,
            open: false,
        })
    }

    /// Branches whose columns' positions cannot be told apart: any may carry what any other does.
    fn mixed(&mut self, left: Rows, right: Rows, all: bool) -> Walked<Rows> {
        let both = left.columns.iter().chain(&right.columns);
        if !all {
            for column in both.clone() {
                self.must_be_plain(&column.lineage, DEDUPE)?;
            }
        }
        let any = weakened(merge(both.clone().map(|column| &column.lineage)));
        both.for_each(|column| self.use_plain(column.origin));
        let columns = left.columns.iter().zip(&right.columns);
        let columns = columns.map(|(a, _)| Offered {
            name: a.name.clone(),
            lineage: any.clone(),
            origin: None,
        });
        Ok(Rows {
            columns: columns.collect(),
            open: true,
        })
    }

    /// A column of two branches whose rows are compared: searchable values are equal where both are of one tenant.
    fn compared_rows(
        &mut self,
        (a, b): (&Offered, &Offered),
        columns: &[(&Offered, &Offered)],
        scope: &Scope<'_>,
    ) -> Walked<()> {
        if !is_comparable(a, b) {
            return self.must_be_plain(&merge([&a.lineage, &b.lineage].into_iter()), DEDUPE);
        }
        if self.says_tenant_too((a, b), columns) {
            return Ok(());
        }
        match self.search_between(a, b) {
            Some(search) => self.settle_below(search, Some(scope)),
            None => Ok(()),
        }
    }

    /// Whether rows of two tenants differ in another column already.
    fn says_tenant_too(
        &self,
        (a, b): (&Offered, &Offered),
        columns: &[(&Offered, &Offered)],
    ) -> bool {
        let scan = |column: &Offered| column.origin.and_then(Origin::scanned);
        let (Some((_, left)), Some((_, right))) = (scan(a), scan(b)) else {
            return false;
        };
        columns.iter().any(|(one, other)| {
            let owners = self.relations.owner(one.origin);
            let owners = owners.zip(self.relations.owner(other.origin));
            owners.is_some_and(|(one, other)| {
                one.is_like(&other)
                    && self.follows(left.number, one.scan)
                    && self.follows(right.number, other.scan)
            })
        })
    }

    /// Where the values of a column come from that both branches have alike, if anybody may ask for their tenants.
    fn united_column(&mut self, a: &Offered, b: &Offered, scans: &mut United) -> Option<Origin> {
        let ((column, left), (_, right)) = (a.origin?.scanned()?, b.origin?.scanned()?);
        let owners = self.relations.owner(a.origin);
        let owners = owners.zip(self.relations.owner(b.origin));
        let owns = owners.is_some_and(|(one, other)| one.is_one_with(&other));
        if !owns && !self.are_of_one_rule(a, b) {
            return None;
        }
        let pair = (left.number, right.number);
        let known = scans.iter().find(|(known, _)| *known == pair);
        let number = match known.map(|(_, united)| *united) {
            Some(known) => known,
            None => {
                let number = self.next_scan();
                scans.push((pair, number));
                number
            }
        };
        let tenant = left.tenant && right.tenant;
        Some(Origin::United(column, Scan { number, tenant }))
    }
}

/// Whether two columns hold nothing sealed, or searchable values that are equal where their plaintexts are.
fn is_comparable(a: &Offered, b: &Offered) -> bool {
    a.lineage.is_none() && b.lineage.is_none() || are_searchable(a, b)
}
