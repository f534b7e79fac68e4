//! Which scans of protected tables give rows of one tenant: only there are searchable values of a tenant's own scope
//! equal when their plaintexts are.
//!
//! A condition that all rows of a query meet holds for what its sources give. The condition of an outer join does not:
//! it counts for what is compared in that condition only, which is false in any case where the tenants differ.

use sqlparser::ast::{BinaryOperator, Expr, Ident};

use crate::model::{ColumnRef, Oid};
use crate::rules::Tenant;

use super::lookup::{Given, INTEGERS, Operand, TEXT, UUID, VARCHAR};
use super::query::Rows;
use super::relations::Standing;
use super::scope::{Meaning, Offered, Origin, Scan, Scope};
use super::search::{Search, Side};
use super::walk::Walk;
use super::{lineage::Lineage, refuse::Walked};

/// What is known of the tenants of the rows that scans give.
#[derive(Default)]
pub(super) struct Tenancy {
    /// All rows are of the tenant that the operand is, in the tenant column of this table.
    held: Vec<(usize, Oid, Operand)>,
    /// Rows of these two that come together are of one tenant.
    same: Vec<(usize, usize)>,
    /// So is a row of the first, from a subquery, with the outer query's row of the second. Not the other way round: that
    /// the subquery gives no row says nothing of the outer one's.
    below: Vec<(usize, usize)>,
}

impl Tenancy {
    fn extend(&mut self, more: Self) {
        self.held.extend(more.held);
        self.same.extend(more.same);
        self.below.extend(more.below);
    }

    /// The scans whose rows are of one tenant with those of this one, itself first.
    fn class(&self, here: &Self, scan: usize) -> Vec<usize> {
        let (mut class, mut next) = (vec![scan], 0);
        while let Some(at) = class.get(next).copied() {
            let same = self.same.iter().chain(&here.same);
            let below = self.below.iter().chain(&here.below);
            let pairs = same.flat_map(|(a, b)| [(*a, *b), (*b, *a)]);
            for (from, to) in pairs.chain(below.copied()) {
                if from == at && !class.contains(&to) {
                    class.push(to);
                }
            }
            next += 1;
        }
        class
    }

    /// What is known of scans is known of another reference to their rows.
    pub(super) fn renumbered(&mut self, numbers: &[(usize, usize)]) {
        let new = |old: usize| numbers.iter().find(|(from, _)| *from == old);
        let held = self.held.iter();
        let held = held.filter_map(|(scan, table, operand)| {
            new(*scan).map(|(_, scan)| (*scan, *table, *operand))
        });
        let held: Vec<_> = held.collect();
        let same = self.same.iter();
        let same = same.filter_map(|(a, b)| Some((new(*a)?.1, new(*b)?.1)));
        let same: Vec<_> = same.collect();
        let below = self.below.iter();
        let below = below.filter_map(|(inner, outer)| Some((new(*inner)?.1, *outer)));
        let below: Vec<_> = below.collect();
        self.extend(Self { held, same, below });
    }
}

/// A tenant column of a scan.
struct Owner {
    scan: usize,
    column: ColumnRef,
}

/// What is known of the tenant of a search.
enum Found {
    /// It compares within one tenant; which one, if a value must be sealed for it.
    Known(Option<usize>),
    Unknown,
}

fn owner(origin: Option<Origin>) -> Option<Owner> {
    match origin {
        Some(Origin::Column(
            column,
            Scan {
                number,
                tenant: true,
            },
        )) => Some(Owner {
            scan: number,
            column,
        }),
        _ => None,
    }
}

impl Walk<'_> {
    /// Where the values of a column reference come from, through casts that keep them.
    pub(super) fn origin_of(&self, expr: &Expr, scope: &Scope<'_>) -> Option<Origin> {
        let idents: &[Ident] = match expr {
            Expr::Nested(inner) => return self.origin_of(inner, scope),
            Expr::Identifier(ident) => std::slice::from_ref(ident),
            Expr::CompoundIdentifier(idents) => idents,
            _ => return None,
        };
        let parts: Vec<String> = idents.iter().map(|ident| self.name(ident)).collect();
        match scope.resolve(&parts) {
            Meaning::Column { origin, .. } => origin,
            Meaning::Row { .. } | Meaning::Unknown => None,
        }
    }

    /// What conditions that are ANDed say of the tenants of this level's sources.
    fn facts(&self, conditions: &[(&Expr, &Expr)], scope: &Scope<'_>) -> Tenancy {
        let mut facts = Tenancy::default();
        for (left, right) in conditions {
            let owner_of = |expr: &Expr| owner(self.origin_of(expr, scope));
            match (owner_of(left), owner_of(right)) {
                (Some(a), Some(b)) => {
                    let Some((a, b)) = self.one_tenant(&a, &b) else {
                        continue;
                    };
                    match (scope.offers(a), scope.offers(b)) {
                        (true, true) => facts.same.push((a, b)),
                        (true, false) => facts.below.push((a, b)),
                        (false, true) => facts.below.push((b, a)),
                        (false, false) => {}
                    }
                }
                (Some(owner), None) => facts.held.extend(self.holds(&owner, right, scope)),
                (None, Some(owner)) => facts.held.extend(self.holds(&owner, left, scope)),
                (None, None) => {}
            }
        }
        facts
    }

    fn holds(
        &self,
        owner: &Owner,
        value: &Expr,
        scope: &Scope<'_>,
    ) -> Option<(usize, Oid, Operand)> {
        let operand = self.operand(value)?;
        // Of an outer query's rows this says nothing beyond this one.
        scope
            .offers(owner.scan)
            .then_some((owner.scan, owner.column.table, operand))
    }

    /// Equal values of two tenant columns are one tenant where they are written alike.
    fn one_tenant(&self, a: &Owner, b: &Owner) -> Option<(usize, usize)> {
        let type_of = |owner: &Owner| {
            let relation = self.relations.catalog.relation(owner.column.table)?;
            Some(relation.attnum(owner.column.attnum)?.type_oid)
        };
        let (one, other) = (type_of(a)?, type_of(b)?);
        let alike = INTEGERS.contains(&one) && INTEGERS.contains(&other)
            || one == other && [TEXT, VARCHAR, UUID].contains(&one);
        alike.then_some((a.scan, b.scan))
    }

    /// The tenant columns among the keys of GROUP BY, DISTINCT or PARTITION BY: rows of two tenants are never one group.
    pub(super) fn keys<'e>(
        &self,
        exprs: impl IntoIterator<Item = &'e Expr>,
        rows: Option<&Rows>,
        scope: &Scope<'_>,
    ) -> Vec<usize> {
        let outputs = rows.map_or(&[][..], |rows| rows.columns.as_slice());
        let mut keys = Vec::new();
        for expr in exprs {
            let origin = self.origin_of(expr, scope);
            let named = match expr {
                Expr::Identifier(ident) => Some(self.name(ident)),
                _ => None,
            };
            // A name may mean an output too.
            let certain = named.is_none_or(|name| {
                let mut outputs = outputs.iter().filter(|output| output.name == name);
                outputs.all(|output| output.origin == origin)
            });
            keys.extend(owner(origin.filter(|_| certain)));
            if let (Expr::Value(value), Some(rows)) = (expr, rows) {
                let column = rows.numbered(&value.value);
                keys.extend(column.and_then(|column| owner(column.origin)));
            }
        }
        own(keys, scope)
    }

    /// The same of the columns of DISTINCT.
    pub(super) fn distinct_keys(&self, rows: &[Offered], scope: &Scope<'_>) -> Vec<usize> {
        own(rows.iter().filter_map(|column| owner(column.origin)), scope)
    }

    /// Notes what the condition of a join says of tenants; settles what is compared in an outer join's condition since
    /// search `first`.
    pub(super) fn joined_on(
        &mut self,
        condition: &Expr,
        inner: bool,
        first: usize,
        scope: &Scope<'_>,
    ) -> Walked<()> {
        if !self.may_search(scope) {
            return Ok(());
        }
        let mut conditions = Vec::new();
        ands(condition, &mut conditions);
        let facts = self.facts(&conditions, scope);
        self.conditioned(facts, inner, first)
    }

    /// The same for USING and NATURAL: `pairs` are compared with each other.
    pub(super) fn joined_using(
        &mut self,
        pairs: &[(Offered, Offered)],
        inner: bool,
        first: usize,
    ) -> Walked<()> {
        let owners = pairs
            .iter()
            .filter_map(|(left, right)| Some((owner(left.origin)?, owner(right.origin)?)));
        let same = owners.filter_map(|(left, right)| self.one_tenant(&left, &right));
        let facts = Tenancy {
            same: same.collect(),
            ..Tenancy::default()
        };
        self.conditioned(facts, inner, first)
    }

    fn conditioned(&mut self, facts: Tenancy, inner: bool, first: usize) -> Walked<()> {
        if inner {
            self.tenancy.extend(facts);
            return Ok(());
        }
        for search in self.searches.split_off(first) {
            match self.tenant_of(&search, &facts)? {
                Found::Known(tenant) => self.settled(search, tenant),
                Found::Unknown => self.searches.push(search),
            }
        }
        Ok(())
    }

    fn may_search(&self, scope: &Scope<'_>) -> bool {
        let searchable = |column: &Offered| matches!(&column.lineage, Lineage::Exact(column) if column.is_comparable());
        !self.searches.is_empty()
            || scope
                .sources
                .iter()
                .any(|source| source.columns.iter().any(searchable))
    }

    /// Finds the tenants of searches in a query whose sources and conditions are known; those that hang on outer sources
    /// wait.
    pub(super) fn settle_searches(
        &mut self,
        condition: Option<&Expr>,
        scope: &Scope<'_>,
    ) -> Walked<()> {
        if !self.may_search(scope) {
            return Ok(());
        }
        let mut conditions = Vec::new();
        condition
            .into_iter()
            .for_each(|expr| ands(expr, &mut conditions));
        let facts = self.facts(&conditions, scope);
        self.tenancy.extend(facts);
        let here = Tenancy::default();
        for search in std::mem::take(&mut self.searches) {
            match self.tenant_of(&search, &here)? {
                Found::Known(tenant) => self.settled(search, tenant),
                Found::Unknown if self.waits(&search, scope) => self.searches.push(search),
                Found::Unknown => return Err(self.unknown_tenant(&search)),
            }
        }
        Ok(())
    }

    fn settled(&mut self, search: Search, tenant: Option<usize>) {
        if let Some(tenant) = tenant {
            self.give_tenant(search.fills, tenant);
        }
    }

    /// Whether an outer query may say more.
    fn waits(&self, search: &Search, scope: &Scope<'_>) -> bool {
        let here = Tenancy::default();
        let scans = search.sides.iter().filter_map(|side| side.scan);
        let mut scans = scans.flat_map(|scan| self.tenancy.class(&here, scan));
        scans.any(|scan| scope.outer.is_some_and(|outer| outer.offers_above(scan)))
    }

    /// The one tenant of all sides of a search.
    fn tenant_of(&mut self, search: &Search, here: &Tenancy) -> Walked<Found> {
        if let [left, right] = search.sides.as_slice()
            && let (Some(left), Some(right)) = (left.scan, right.scan)
        {
            let one = |from, to| self.tenancy.class(here, from).contains(&to);
            if one(left, right) || one(right, left) {
                return Ok(Found::Known(None));
            }
        }
        let mut all = None;
        for side in &search.sides {
            let tenant = self.side_tenant(side, here, search.token)?;
            if tenant.is_none() || all.is_some_and(|known| Some(known) != tenant) {
                return Ok(Found::Unknown);
            }
            all = tenant;
        }
        Ok(Found::Known(all))
    }

    fn side_tenant(
        &mut self,
        side: &Side,
        here: &Tenancy,
        token: Option<usize>,
    ) -> Walked<Option<usize>> {
        if let Standing::Table(table) = self.relations.standing(side.table)
            && let Tenant::Constant(_) | Tenant::Setting(_) = &table.tenant
        {
            return self.row_tenant(table, Given::Nothing, token).map(Some);
        }
        let Some(scan) = side.scan else {
            return Ok(None);
        };
        let class = self.tenancy.class(here, scan);
        let mut held = self.tenancy.held.iter().chain(&here.held);
        let held = held.find(|(scan, ..)| class.contains(scan));
        let Some((_, table, operand)) = held.copied() else {
            return Ok(None);
        };
        match self.relations.standing(table) {
            Standing::Table(table) => self
                .row_tenant(table, Given::Operand(operand), token)
                .map(Some),
            Standing::View(_) | Standing::Ancestor | Standing::Plain => Ok(None),
        }
    }
}

fn own(owners: impl IntoIterator<Item = Owner>, scope: &Scope<'_>) -> Vec<usize> {
    let owners = owners.into_iter();
    let scans = owners.map(|owner| owner.scan);
    scans.filter(|scan| scope.offers(*scan)).collect()
}

/// The two sides of the equalities that are ANDed at the top of a condition.
fn ands<'e>(expr: &'e Expr, found: &mut Vec<(&'e Expr, &'e Expr)>) {
    match expr {
        Expr::Nested(inner) => ands(inner, found),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        } => {
            ands(left, found);
            ands(right, found);
        }
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Eq,
            right,
        } => match (left.as_ref(), right.as_ref()) {
            (Expr::Tuple(lefts), Expr::Tuple(rights)) if lefts.len() == rights.len() => {
                found.extend(lefts.iter().zip(rights));
            }
            (left, right) => found.push((left, right)),
        },
        _ => {}
    }
}
