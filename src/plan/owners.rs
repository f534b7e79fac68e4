//! Which columns say whose a row is: the one that holds its tenant, the one that names the row of another table whose
//! tenant it is, and that row's key.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::catalog::{Catalog, Column, Relation, RelationKind};
use crate::model::{ColumnRef, Oid};
use crate::rules::{Protection, Tenant};

use super::operand::{BPCHAR, INTEGERS, TEXT, UUID, VARCHAR};
use super::relations::{Relations, Standing};
use super::scope::{Origin, Scan};
use super::tenant_sql::quoted;

/// A table whose rows say the tenants of others.
pub(super) struct Parent {
    /// The column that others refer to: no two rows hold the same.
    key: i16,
    /// The column that holds the tenant.
    column: i16,
}

/// What equal values of a column say of their rows: that these are of one tenant.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Says {
    /// It holds the tenant.
    pub tenant: bool,
    /// It names a row of this table, whose tenant it is.
    pub row_of: Option<Oid>,
}

/// A column of a scan that says whose its rows are.
#[derive(Clone, Copy)]
pub(super) struct Owner {
    pub scan: usize,
    /// The scan whose rows hold it.
    pub rows: usize,
    /// The table's own column, also where it is read through a view.
    pub column: ColumnRef,
    pub says: Says,
    /// Its type; a domain's base type.
    pub type_oid: Oid,
}

impl Owner {
    /// Whether rows of both are of one tenant where their values are equal.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let (one, two) = (self.says, other.says);
        let says = one.tenant && two.tenant || one.row_of.is_some() && one.row_of == two.row_of;
        says && alike(self.type_oid, other.type_oid)
    }
}

impl Owner {
    /// Whether a column of a set operation that is this one in one branch, and that one in the other, says it too.
    pub(super) fn is_one_with(&self, other: &Self) -> bool {
        // Whether the row that a row names is there is asked of one table.
        self.is_like(other)
            && (self.says.tenant && other.says.tenant || self.column == other.column)
    }
}

/// Whether equal values of two types have equal texts.
fn alike(one: Oid, other: Oid) -> bool {
    let both = |kinds: &[Oid]| kinds.contains(&one) && kinds.contains(&other);
    both(&INTEGERS) || both(&[TEXT, VARCHAR]) || both(&[UUID])
}

/// Whether equal values of a type have equal texts: 1.0 and 1 are equal, and two tenants.
pub(super) fn has_one_text(type_oid: Oid) -> bool {
    [TEXT, VARCHAR, BPCHAR, UUID].contains(&type_oid) || INTEGERS.contains(&type_oid)
}

/// The tables that rules find tenants in.
pub(super) fn parents(
    catalog: &Catalog,
    protection: &Protection,
) -> HashMap<Oid, Parent, RandomState> {
    let mut found: HashMap<Oid, Option<Parent>, RandomState> = HashMap::default();
    for child in protection.tables.values() {
        let Tenant::Parent {
            table, key, column, ..
        } = &child.tenant
        else {
            continue;
        };
        let parent = parent(catalog, protection, *table, (key, column));
        found
            .entry(*table)
            .and_modify(|known| {
                // What is the tenant of its rows to one rule is another thing to the next.
                let same = |(one, other): (&Parent, &Parent)| {
                    one.key == other.key && one.column == other.column
                };
                if !known.as_ref().zip(parent.as_ref()).is_some_and(same) {
                    *known = None;
                }
            })
            .or_insert(parent);
    }
    let found = found.into_iter();
    found
        .filter_map(|(oid, parent)| Some((oid, parent?)))
        .collect()
}

fn parent(
    catalog: &Catalog,
    protection: &Protection,
    oid: Oid,
    (key, column): (&str, &str),
) -> Option<Parent> {
    let relation = catalog.relation(oid)?;
    let attnum = |name: &str| relation.column(name).map(|column| column.attnum);
    let parent = Parent {
        key: attnum(key)?,
        column: attnum(column)?,
    };
    let own = match protection.tables.get(&oid).map(|table| &table.tenant) {
        None => true,
        Some(Tenant::Column { attnum, .. }) => *attnum == parent.column,
        Some(Tenant::Setting(_) | Tenant::Constant(_) | Tenant::Parent { .. }) => false,
    };
    let mut keys = relation.unique_keys.iter().filter(|key| key.enforced);
    let unique = keys.any(|key| key.attnums == [parent.key]);
    (own && unique && is_alone(catalog, relation)).then_some(parent)
}

/// Whether a key of a table is one in all that is read as the table: a child table may hold a key of its parent's once more;
/// a partition may not.
pub(super) fn is_alone(catalog: &Catalog, relation: &Relation) -> bool {
    let mut others = catalog.relations();
    relation.kind == RelationKind::Partitioned
        || !others.any(|child| child.parents.contains(&relation.oid))
}

impl Relations {
    /// The column of a table that a column of it, or of a view over it, is unchanged.
    pub(super) fn base(&self, column: ColumnRef) -> Option<ColumnRef> {
        match self.standing(column.table) {
            Standing::View(view) => match self.view_column(view, column)?.origin? {
                // Of a set operation it is like all of them.
                Origin::Column(inner, _) | Origin::United(inner, _) => self.base(inner),
                Origin::Values(_) => None,
            },
            Standing::Table(_) | Standing::Ancestor | Standing::Plain => Some(column),
        }
    }

    /// What a table's column says of its rows.
    pub(super) fn says(&self, column: ColumnRef) -> Says {
        let own = match self.standing(column.table) {
            Standing::Table(table) => Some(&table.tenant),
            Standing::View(_) | Standing::Ancestor | Standing::Plain => None,
        };
        let (mut tenant, mut row_of) = match own {
            Some(Tenant::Column { attnum, .. }) => (*attnum == column.attnum, None),
            Some(Tenant::Parent {
                table, on_attnum, ..
            }) => {
                let named = (*on_attnum == column.attnum).then_some(*table);
                (
                    false,
                    named.filter(|table| self.parents.contains_key(table)),
                )
            }
            Some(Tenant::Setting(_) | Tenant::Constant(_)) | None => (false, None),
        };
        if let Some(parent) = self.parents.get(&column.table) {
            tenant |= parent.column == column.attnum;
            row_of = row_of.or((parent.key == column.attnum).then_some(column.table));
        }
        Says { tenant, row_of }
    }

    /// The column of a scan that an origin is, if it says whose the rows are.
    pub(super) fn owner(&self, origin: Option<Origin>) -> Option<Owner> {
        let (column, scan) = origin?.scanned()?;
        let column = self.base(column)?;
        let says = self.says(column);
        // Under a nondeterministic collation two tenants are equal.
        let found = self
            .table_column(column)
            .filter(|found| found.deterministic)?;
        let type_oid = found.type_oid;
        (says != Says::default()).then_some(Owner {
            scan: scan.number,
            rows: scan.number,
            column,
            says,
            type_oid,
        })
    }

    pub(super) fn table_column(&self, column: ColumnRef) -> Option<&Column> {
        self.catalog.relation(column.table)?.attnum(column.attnum)
    }

    /// Asks for the tenant of the rows whose column that names another row, or is its key, has this value. No row of the
    /// answer: there are no such rows; NULL: the row that they name is gone.
    pub(super) fn tenant_of_named(&self, column: ColumnRef, value: &str) -> Option<String> {
        let parent = self.says(column).row_of?;
        let known = self.parents.get(&parent)?;
        let relation = self.catalog.relation(parent)?;
        let name = |attnum: i16| relation.attnum(attnum).map(|column| quoted(&column.name));
        let (key, tenant) = (name(known.key)?, name(known.column)?);
        let from = format!(
            "FROM {}.{} AS p WHERE p.{key} = {value}",
            quoted(&relation.schema),
            quoted(&relation.name)
        );
        let parents = format!("SELECT DISTINCT p.{tenant}::text {from}");
        if column.table == parent {
            return Some(parents);
        }
        let child = self.catalog.relation(column.table)?;
        let on = quoted(&child.attnum(column.attnum)?.name);
        Some(format!(
            "{parents} UNION ALL (SELECT NULL::text FROM {}.{} AS c WHERE c.{on} = {value} AND NOT EXISTS (SELECT 1 {from}) LIMIT 1)",
            quoted(&child.schema),
            quoted(&child.name)
        ))
    }

    /// Where values of a view's column come from, for a reading of the view whose rows have numbers behind `before`.
    /// `None`: it is no view's column, or no column of a table.
    pub(super) fn read_through(&self, column: ColumnRef, before: usize) -> Option<Origin> {
        let Standing::View(view) = self.standing(column.table) else {
            return None;
        };
        let inner = self.view_column(view, column)?.origin?;
        let (_, scan) = inner.scanned()?;
        let scan = Scan {
            number: before + scan.number,
            ..scan
        };
        Some(match inner {
            Origin::United(..) => Origin::United(column, scan),
            Origin::Column(..) | Origin::Values(_) => Origin::Column(column, scan),
        })
    }
}
