//! Whose the values are that derived rows store.

use std::sync::Arc;

use super::refuse::{Stop, Walked, full_name};
use super::types::TenantSource;
use super::walk::Walk;

/// Whose the rows are that values are stored in.
pub(super) enum Owner {
    /// All are this tenant's.
    One(usize),
    /// Row by row of a group of passed columns.
    Each {
        /// The group.
        group: usize,
        /// Per row.
        tenants: Vec<usize>,
    },
}

impl Walk<'_> {
    /// Gives the slots that were filled since the last time their tenants.
    pub(super) fn own(&mut self, owner: &Owner) -> Walked<()> {
        for index in std::mem::take(&mut self.unowned) {
            let Some((known, row, token, column)) = self
                .fills
                .get(index)
                .map(|fill| (fill.tenant, fill.row, fill.token, Arc::clone(&fill.column)))
            else {
                continue;
            };
            let elements = self.fills.get(index).is_some_and(|fill| fill.elements);
            let tenant = match owner {
                Owner::One(tenant) => *tenant,
                Owner::Each { group, tenants }
                    if elements && row.map(|(of, _)| of) == Some(*group) =>
                {
                    self.tenant_index(TenantSource::Each(tenants.clone()))
                }
                Owner::Each { group, tenants } => {
                    let own = row
                        .filter(|(of, _)| of == group)
                        .and_then(|(_, row)| tenants.get(row).copied());
                    match own {
                        Some(tenant) => tenant,
                        None => return Err(self.several(&column, token)),
                    }
                }
            };
            let tenant = match known {
                None => tenant,
                Some(known) if known == tenant => known,
                Some(known) => match self.equalled(known, tenant) {
                    Some(tenant) => tenant,
                    None => return Err(self.several(&column, token)),
                },
            };
            if let Some(fill) = self.fills.get_mut(index) {
                fill.tenant = Some(tenant);
            }
        }
        Ok(())
    }

    /// Two tenants of one value are made to be the same one, where the server is asked for one of them.
    fn equalled(&mut self, known: usize, other: usize) -> Option<usize> {
        use TenantSource::Asked;
        match (self.tenants.get(known)?, self.tenants.get(other)?) {
            (_, Asked(term)) => {
                self.asking.must_equal.push((known, *term));
                Some(known)
            }
            (Asked(term), _) => {
                self.asking.must_equal.push((other, *term));
                Some(other)
            }
            _ => None,
        }
    }

    fn several(&self, column: &crate::rules::ProtectedColumn, token: usize) -> Stop {
        let message = format!(
            "one value for sealed column {} would be stored in rows of several tenants",
            full_name(column)
        );
        let help = "Write the rows of each tenant with a statement of their own.";
        self.refuse(message, help, "refused-tenant", Some(token))
    }
}
