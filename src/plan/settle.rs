//! Which tenant a search compares within: found once the conditions of its query are known.

use std::sync::Arc;

use sqlparser::ast::Expr;

use crate::rules::ProtectedTable;

use super::lookup::Reads;
use super::operand::Operand;
use super::owners::Owner;
use super::refuse::Walked;
use super::relations::Standing;
use super::row_tenant::Given;
use super::scope::Scope;
use super::search::{Search, Side};
use super::tenancy::{Held, Tenancy};
use super::types::TenantSource;
use super::update::anchor;
use super::walk::Walk;

/// What is known of the tenant of a search.
enum Found {
    /// It compares within one tenant; which one, if a value must be sealed for it.
    Known(Option<usize>),
    Unknown,
}

impl Walk<'_> {
    /// Notes what a join's condition says; that of an outer join counts for what it compares itself, since search `first`.
    pub(super) fn conditioned(&mut self, facts: Tenancy, inner: bool, first: usize) -> Walked<()> {
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

    /// Finds the tenants of searches in a query whose sources and conditions are known; those that hang on outer sources
    /// wait.
    pub(super) fn settle_searches(
        &mut self,
        condition: Option<&Expr>,
        scope: &Scope<'_>,
    ) -> Walked<()> {
        let facts = self.said(condition, scope);
        self.tenancy.extend(facts);
        let outer = scope.outer;
        let mut searches = std::mem::take(&mut self.searches).into_iter();
        searches.try_for_each(|search| self.settle_below(search, outer))
    }

    /// Finds the tenant of a search in a query below `outer`, of which all conditions are known.
    pub(super) fn settle_below(&mut self, search: Search, outer: Option<&Scope<'_>>) -> Walked<()> {
        match self.tenant_of(&search, &Tenancy::default())? {
            Found::Known(tenant) => self.settled(search, tenant),
            Found::Unknown => match self.raised(search, outer) {
                Ok(Some(search)) => self.searches.push(search),
                Ok(None) => {}
                Err(search) => return Err(self.unknown_tenant(&search)),
            },
        }
        Ok(())
    }

    /// The search as one of rows of outer queries, which may say more of their tenants; `None`: it is one of a single such
    /// row, so that no tenant need be known; an error: it hangs on no such row.
    fn raised(
        &self,
        mut search: Search,
        outer: Option<&Scope<'_>>,
    ) -> Result<Option<Search>, Box<Search>> {
        let above = |side: &Side| {
            let class = side.scan.map(|scan| self.one_tenant(scan));
            let class = class.into_iter().flatten();
            let above =
                |scan: &usize| outer.is_some_and(|outer| outer.offers_above(self.scan_of(*scan)));
            class.filter(above).collect::<Vec<usize>>()
        };
        let all: Vec<Vec<usize>> = search.sides.iter().map(above).collect();
        let Some((first, others)) = all.split_first() else {
            return Err(Box::new(search));
        };
        let mut shared = first.iter();
        let shared = shared.any(|scan| others.iter().all(|other| other.contains(scan)));
        if shared && search.fills.is_empty() {
            return Ok(None);
        }
        for (side, above) in search.sides.iter_mut().zip(&all) {
            match above.first() {
                Some(scan) => side.scan = Some(*scan),
                None if self.tenant_by_rule(side).is_some() => {}
                None => return Err(Box::new(search)),
            }
        }
        Ok(Some(search))
    }

    fn settled(&mut self, search: Search, tenant: Option<usize>) {
        if let Some(tenant) = tenant {
            self.give_tenant(search.fills, tenant);
        }
    }

    /// The tenant that all rows of a scan are held to.
    pub(super) fn held_rows(&self, scan: usize) -> Option<Held> {
        let here = Tenancy::default();
        let class = self.tenancy.class(&here, scan);
        self.tenancy.held(&here, &class)
    }

    /// The one tenant of all sides of a search.
    fn tenant_of(&mut self, search: &Search, here: &Tenancy) -> Walked<Found> {
        let scans: Option<Vec<usize>> = search.sides.iter().map(|side| side.scan).collect();
        let scans = scans.unwrap_or_default();
        let class = |scan| self.tenancy.class(here, scan);
        let one_tenant = match *scans.as_slice() {
            // Rows of two tenants are never in one group where what says the tenant is a key too.
            [scan] => search.keys.iter().any(|key| class(scan).contains(key)),
            [left, right] => class(left).contains(&right) || class(right).contains(&left),
            _ => false,
        };
        if one_tenant {
            return Ok(Found::Known(None));
        }
        let sides = search.sides.iter();
        let held: Option<Vec<Held>> = sides.map(|side| self.side_held(side, here)).collect();
        let Some((first, others)) = held.as_deref().and_then(<[Held]>::split_first) else {
            let among = self.tenants_among(search, here)?;
            return Ok(among.map_or(Found::Unknown, |tenant| Found::Known(Some(tenant))));
        };
        let alike = others.iter().all(|other| other.is_like(first));
        if alike && search.fills.is_empty() {
            return Ok(Found::Known(None));
        }
        let Some(tenant) = self.held_tenant(first, search.token)? else {
            return Ok(Found::Unknown);
        };
        for other in others.iter().filter(|other| !other.is_like(first)) {
            let Some(other) = self.held_tenant(other, search.token)? else {
                return Ok(Found::Unknown);
            };
            if !self.may_be_one(tenant, other) {
                return Ok(Found::Unknown);
            }
            if let [left, right] = *scans.as_slice() {
                self.agreed.push((left, right));
            }
        }
        Ok(Found::Known(Some(tenant)))
    }

    /// Whether two tenants may be one; that they are must then be seen when the statement runs.
    fn may_be_one(&mut self, one: usize, other: usize) -> bool {
        let known = |at: usize| matches!(self.tenants.get(at), Some(TenantSource::Known(_)));
        let differ = one != other && known(one) && known(other);
        if one != other && !differ && !self.agree.contains(&(one, other)) {
            self.agree.push((one, other));
        }
        !differ
    }

    fn side_held(&self, side: &Side, here: &Tenancy) -> Option<Held> {
        if let Some(table) = self.tenant_by_rule(side) {
            return Some(Held::Rule(Arc::clone(table)));
        }
        let class = self.tenancy.class(here, side.scan?);
        self.tenancy.held(here, &class)
    }

    /// The table of a side whose rule says the tenant without the row.
    pub(super) fn tenant_by_rule(&self, side: &Side) -> Option<&Arc<ProtectedTable>> {
        match self.relations.standing(side.table) {
            Standing::Table(table) => anchor(table).is_none().then_some(table),
            Standing::View(_) | Standing::Ancestor | Standing::Plain => None,
        }
    }

    /// Where the tenant comes from for which values are sealed.
    pub(super) fn held_tenant(
        &mut self,
        held: &Held,
        token: Option<usize>,
    ) -> Walked<Option<usize>> {
        let source = match held {
            Held::Known(tenant) => Some(TenantSource::Known(tenant.clone())),
            Held::Rule(table) => return self.row_tenant(table, Given::Nothing, token).map(Some),
            Held::Operand(owner, operand) => self.named_tenant(owner, *operand),
        };
        Ok(source.map(|source| self.tenant_index(source)))
    }

    /// Whose the rows are whose column that says it has this value.
    fn named_tenant(&mut self, owner: &Owner, operand: Operand) -> Option<TenantSource> {
        let relations = self.relations;
        let own = relations.table_column(owner.column)?;
        if owner.says.tenant {
            return self.tenant_value(operand, own);
        }
        if operand.elements {
            // Of each of the rows that an array names, whether it is gone would have to be asked.
            return None;
        }
        let value = self.operand_sql(operand, own);
        let query = relations.tenant_of_named(owner.column, &value)?;
        let term = self.asking.term(query, Reads::Unclear);
        self.asking.may_be_none.insert(term);
        Some(TenantSource::Asked(term))
    }
}
