//! Which scans of protected tables give rows of one tenant: only there are searchable values of a tenant's own scope
//! equal when their plaintexts are.
//!
//! A condition that all rows of a query meet holds for what its sources give. The condition of an outer join does not:
//! it counts for what is compared in that condition only, which is false in any case where the tenants differ.

use std::sync::Arc;

use sqlparser::ast::Expr;

use crate::model::TenantId;
use crate::rules::ProtectedTable;

use super::operand::Operand;
use super::owners::{Owner, has_one_text};
use super::query::Rows;
use super::refuse::Walked;
use super::scope::{Offered, Scope};
use super::walk::Walk;

/// What is known of the tenants of the rows that scans give.
#[derive(Default)]
pub(super) struct Tenancy {
    /// All rows are of this tenant.
    pub held: Vec<(usize, Held)>,
    /// Each row is of one of these tenants.
    pub among: Vec<(usize, Owner, Vec<Operand>)>,
    /// Rows of these two that come together are of one tenant.
    same: Vec<(usize, usize)>,
    /// So is a row of the first, from a subquery, with the outer query's row of the second. Not the other way round: that
    /// the subquery gives no row says nothing of the outer one's.
    below: Vec<(usize, usize)>,
}

/// The tenant that rows are held to.
#[derive(Clone)]
pub(super) enum Held {
    /// What this column, which says it, is equal to.
    Operand(Owner, Operand),
    /// A constant of a view.
    Known(TenantId),
    /// What this table's rule says, whichever row it is.
    Rule(Arc<ProtectedTable>),
}

impl Held {
    /// Whether it is the tenant of another row, which a key names.
    pub(super) fn is_by_name(&self) -> bool {
        matches!(self, Self::Operand(owner, _) if !owner.says.tenant)
    }

    /// Whether it is surely the same tenant.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Operand(one, a), Self::Operand(other, b)) => {
                let casts = |of: &Operand| (of.as_text, of.through);
                let same = a.param.is_some() && a.param == b.param && casts(a) == casts(b);
                same && one.is_like(other)
                    && one.type_oid == other.type_oid
                    && a.is_cast == b.is_cast
            }
            (Self::Known(one), Self::Known(other)) => one == other,
            (Self::Rule(one), Self::Rule(other)) => one.tenant == other.tenant,
            _ => false,
        }
    }

    /// Whether it says the tenant of other rows too that are held to it.
    fn is_of_all(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Operand(one, _), Self::Operand(other, _)) => one.is_one_with(other),
            _ => true,
        }
    }
}

impl Tenancy {
    pub(super) fn extend(&mut self, more: Self) {
        self.held.extend(more.held);
        self.among.extend(more.among);
        self.same.extend(more.same);
        self.below.extend(more.below);
    }

    /// The scans whose rows are of one tenant with those of this one, itself first.
    pub(super) fn class(&self, here: &Self, scan: usize) -> Vec<usize> {
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

    pub(super) fn held(&self, here: &Self, class: &[usize]) -> Option<Held> {
        let mut held = self.held.iter().chain(&here.held);
        let held = held.find(|(scan, _)| class.contains(scan));
        held.map(|(_, held)| held.clone())
    }

    pub(super) fn among(&self, here: &Self, class: &[usize]) -> Option<(Owner, Vec<Operand>)> {
        let mut among = self.among.iter().chain(&here.among);
        let among = among.find(|(scan, ..)| class.contains(scan));
        among.map(|(_, owner, operands)| (*owner, operands.clone()))
    }

    /// What is known of scans is known of another reference to their rows.
    pub(super) fn renumbered(&mut self, numbers: &[(usize, usize)]) {
        let new = |old: usize| {
            let found = numbers.iter().find(|(from, _)| *from == old);
            found.map(|(_, new)| *new)
        };
        let held = self.held.iter();
        let held = held.filter_map(|(scan, held)| Some((new(*scan)?, held.clone())));
        let held: Vec<_> = held.collect();
        let among = self.among.iter();
        let among = among
            .filter_map(|(scan, owner, operands)| Some((new(*scan)?, *owner, operands.clone())));
        let among: Vec<_> = among.collect();
        let same = self.same.iter();
        let same = same.filter_map(|(a, b)| Some((new(*a)?, new(*b)?)));
        let same: Vec<_> = same.collect();
        let below = self.below.iter();
        let below =
            below.filter_map(|(inner, outer)| Some((new(*inner)?, new(*outer).unwrap_or(*outer))));
        let below: Vec<_> = below.collect();
        self.extend(Self {
            held,
            among,
            same,
            below,
        });
    }

    /// The same for a view, whose rows get numbers behind `before`.
    pub(super) fn read_through(&mut self, view: &Self, before: usize) {
        let pairs = |pairs: &[(usize, usize)]| {
            let pairs = pairs.iter();
            pairs.map(|(a, b)| (before + a, before + b)).collect()
        };
        let held = view.held.iter();
        self.extend(Self {
            held: held
                .map(|(scan, held)| (before + scan, held.clone()))
                .collect(),
            // The text of the definition is not the statement's.
            among: Vec::new(),
            same: pairs(&view.same),
            below: pairs(&view.below),
        });
    }
}

impl Walk<'_> {
    /// What conditions that are ANDed say of the tenants of this level's sources.
    pub(super) fn facts(&mut self, conditions: &[(&Expr, &Expr)], scope: &Scope<'_>) -> Tenancy {
        let mut facts = Tenancy::default();
        for (left, right) in conditions {
            match (self.owner_of(left, scope), self.owner_of(right, scope)) {
                (Some(a), Some(b)) if a.is_like(&b) => {
                    let pair = (a.scan, b.scan);
                    match (scope.offers(a.rows), scope.offers(b.rows)) {
                        (true, true) => facts.same.push(pair),
                        (true, false) => facts.below.push(pair),
                        (false, true) => facts.below.push((pair.1, pair.0)),
                        (false, false) => {}
                    }
                }
                (Some(owner), None) => facts.held.extend(self.holds(&owner, right, scope)),
                (None, Some(owner)) => facts.held.extend(self.holds(&owner, left, scope)),
                (Some(_), Some(_)) | (None, None) => {}
            }
        }
        facts
    }

    fn holds(&self, owner: &Owner, value: &Expr, scope: &Scope<'_>) -> Option<(usize, Held)> {
        let operand = self.operand(value)?;
        // Of an outer query's rows this says nothing beyond this one.
        let own = scope.offers(owner.rows) && has_one_text(owner.type_oid);
        own.then_some((owner.scan, self.held_to(*owner, operand)))
    }

    pub(super) fn held_to(&self, owner: Owner, operand: Operand) -> Held {
        let column = self.relations.table_column(owner.column);
        let column = column.filter(|_| owner.says.tenant && operand.param.is_none());
        let column = column.filter(|column| !self.is_rewritten(operand, column));
        let known = column.and_then(|column| self.tenant_constant(operand, column));
        known.map_or(Held::Operand(owner, operand), Held::Known)
    }

    /// The rows that are of one tenant in each group of GROUP BY, DISTINCT or PARTITION BY, for a column that says it is
    /// among the keys.
    pub(super) fn keys<'e>(
        &mut self,
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
            keys.extend(self.owner(origin.filter(|_| certain)));
            if let (Expr::Value(value), Some(rows)) = (expr, rows) {
                let column = rows.numbered(&value.value);
                keys.extend(column.and_then(|column| self.owner(column.origin)));
            }
        }
        own(keys, scope)
    }

    /// The same of the columns of DISTINCT.
    pub(super) fn distinct_keys(&mut self, rows: &[Offered], scope: &Scope<'_>) -> Vec<usize> {
        let owners = rows.iter();
        let owners = owners.filter_map(|column| self.owner(column.origin));
        own(owners, scope)
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
        let facts = self.said(Some(condition), scope);
        self.conditioned(facts, inner, first)
    }

    /// The same for USING and NATURAL: `pairs` are compared with each other.
    pub(super) fn joined_using(
        &mut self,
        pairs: &[(Offered, Offered)],
        inner: bool,
        first: usize,
    ) -> Walked<()> {
        let owners = pairs.iter();
        let owners = owners.filter_map(|(left, right)| {
            Some((self.owner(left.origin)?, self.owner(right.origin)?))
        });
        let same = owners.filter(|(left, right)| left.is_like(right));
        let facts = Tenancy {
            same: same.map(|(left, right)| (left.scan, right.scan)).collect(),
            ..Tenancy::default()
        };
        self.conditioned(facts, inner, first)
    }

    /// The scans whose rows are of one tenant with those of this one, itself first.
    pub(super) fn one_tenant(&self, scan: usize) -> Vec<usize> {
        self.tenancy.class(&Tenancy::default(), scan)
    }

    /// Whether rows of the first that come together with rows of the second are of one tenant with them.
    pub(super) fn follows(&self, scan: usize, other: usize) -> bool {
        self.one_tenant(scan).contains(&other)
    }

    /// What is known of the rows of a set operation, which come from this scan in one branch and from that one in the other.
    pub(super) fn unite_scans(&mut self, (a, b): (usize, usize), united: usize, scope: &Scope<'_>) {
        let (left, right) = (self.one_tenant(a), self.one_tenant(b));
        let common = left.iter().filter(|scan| right.contains(scan));
        // A row that both branches stand below.
        let common = common.filter(|scan| scope.offers_above(self.scan_of(**scan)));
        let below: Vec<_> = common.map(|scan| (united, *scan)).collect();
        let none = Tenancy::default();
        let held = self.tenancy.held(&none, &left);
        let held = held.zip(self.tenancy.held(&none, &right));
        let agree = self.agreed.contains(&(a, b));
        let held =
            held.filter(|(one, other)| (agree || one.is_like(other)) && one.is_of_all(other));
        self.tenancy
            .held
            .extend(held.map(|(held, _)| (united, held)));
        self.tenancy.below.extend(below);
    }

    /// What is known between the rows of two pairs of scans, each of one branch, that a set operation makes one.
    pub(super) fn unite_pairs(&mut self, pairs: &[((usize, usize), usize)]) {
        for ((a, b), united) in pairs {
            for ((c, d), other) in pairs {
                if united != other && self.follows(*a, *c) && self.follows(*b, *d) {
                    self.tenancy.below.push((*united, *other));
                }
            }
        }
    }

    /// What a definition says of the tenants of the rows that it gives, for readings of what it defines.
    pub(super) fn defined_tenancy(&mut self) -> Tenancy {
        let tenancy = std::mem::take(&mut self.tenancy);
        let held = tenancy.held.into_iter();
        // The text of the definition is not the statement's.
        let held = held.filter(|(_, held)| !matches!(held, Held::Operand(..)));
        Tenancy {
            held: held.collect(),
            ..tenancy
        }
    }
}

fn own(owners: impl IntoIterator<Item = Owner>, scope: &Scope<'_>) -> Vec<usize> {
    let owners = owners.into_iter();
    let owners = owners.filter(|owner| has_one_text(owner.type_oid));
    let owners = owners.filter(|owner| scope.offers(owner.rows));
    owners.map(|owner| owner.scan).collect()
}
