//! Joins: their conditions, and the columns that they give.

use sqlparser::ast::{Join, JoinConstraint, JoinOperator, ObjectName, TableFactor};

use super::lineage::{Lineage, merge, weakened};
use super::query::Rows;
use super::refuse::{CONDITION, JOIN, Walked};
use super::scope::{Offered, Origin, Scope, Source};
use super::walk::Walk;

/// Of which side a join surely gives a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    Both,
    Left,
    Right,
    Neither,
}

/// A column of both sides that USING or NATURAL compares, and where that is said.
struct Shared {
    name: String,
    token: Option<usize>,
}

impl Walk<'_> {
    /// A join's condition, after both its sides are in the scope; gives the columns of the whole.
    pub(super) fn join(
        &mut self,
        join: &Join,
        (left, right): (Rows, Rows),
        scope: &mut Scope<'_>,
    ) -> Walked<Rows> {
        let (constraint, kept) = match &join.join_operator {
            JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::CrossJoin(constraint) => (constraint, Kept::Both),
            JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => {
                (constraint, Kept::Left)
            }
            JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => {
                (constraint, Kept::Right)
            }
            JoinOperator::FullOuter(constraint) => (constraint, Kept::Neither),
            _ => return Err(self.not_understood("a join of another dialect", None)),
        };
        match constraint {
            JoinConstraint::None => Ok(side_by_side(left, right)),
            JoinConstraint::On(expr) => {
                let first = self.searches.len();
                self.plain(expr, scope, CONDITION)?;
                self.joined_on(expr, kept == Kept::Both, first, scope)?;
                Ok(side_by_side(left, right))
            }
            JoinConstraint::Using(names) => {
                let shared = self.shared(names)?;
                self.merged(&shared, (left, right), kept, scope)
            }
            JoinConstraint::Natural => {
                let token = self.factor_token(&join.relation);
                self.last_sealed = token.or(self.last_sealed);
                if left.open || right.open {
                    // Which columns they share is not known.
                    for column in left.columns.iter().chain(&right.columns) {
                        self.must_be_plain(&column.lineage, JOIN)?;
                    }
                }
                let names = left.columns.iter().map(|column| &column.name);
                let shared: Vec<Shared> = names
                    .filter(|name| right.columns.iter().any(|other| other.name == **name))
                    .map(|name| Shared {
                        name: name.clone(),
                        token,
                    })
                    .collect();
                self.merged(&shared, (left, right), kept, scope)
            }
            JoinConstraint::UsingAlias(names, alias) => {
                let shared = self.shared(names)?;
                let rows = self.merged(&shared, (left, right), kept, scope)?;
                self.place(alias);
                // It names the shared columns, which are no more for that.
                scope.sources.push(Source {
                    name: self.name(alias),
                    columns: rows.columns.iter().take(shared.len()).cloned().collect(),
                    qualified_only: true,
                    ..Source::default()
                });
                Ok(rows)
            }
        }
    }

    fn shared(&mut self, names: &[ObjectName]) -> Walked<Vec<Shared>> {
        let mut shared = Vec::new();
        for written in names {
            let token = self.name_token(written);
            let name = self.names(written)?.pop();
            shared.extend(name.map(|name| Shared { name, token }));
            self.place_name(written);
        }
        Ok(shared)
    }

    /// The name of the table that is joined.
    fn factor_token(&self, factor: &TableFactor) -> Option<usize> {
        match factor {
            TableFactor::Table { name, .. } => self.name_token(name),
            TableFactor::Derived { alias, .. } | TableFactor::NestedJoin { alias, .. } => {
                let alias = alias.as_ref()?;
                self.token_at(alias.name.span)
            }
            _ => None,
        }
    }

    /// USING and NATURAL: the shared columns come first and once.
    fn merged(
        &mut self,
        shared: &[Shared],
        (left, right): (Rows, Rows),
        kept: Kept,
        scope: &mut Scope<'_>,
    ) -> Walked<Rows> {
        let mut rows = Rows {
            columns: Vec::new(),
            open: left.open || right.open,
        };
        let first = self.searches.len();
        let mut pairs = Vec::new();
        for Shared { name, token } in shared {
            self.last_sealed = token.or(self.last_sealed);
            let named = |rows: &Rows| {
                let named = rows.columns.iter().filter(|column| column.name == *name);
                named.cloned().collect::<Vec<Offered>>()
            };
            let (lefts, rights) = (named(&left), named(&right));
            for column in lefts.iter().chain(&rights) {
                self.use_plain(column.origin);
            }
            rows.columns
                .push(match (lefts.as_slice(), rights.as_slice()) {
                    ([one], [other]) => {
                        self.searched_using(one, other)?;
                        pairs.push((one.clone(), other.clone()));
                        kept.column(one, other)
                    }
                    _ => {
                        // The server says that it is ambiguous or not there, or it is of a relation that is not known.
                        for column in lefts.iter().chain(&rights) {
                            self.must_be_plain(&column.lineage, JOIN)?;
                        }
                        Offered {
                            name: name.clone(),
                            lineage: Lineage::None,
                            origin: None,
                        }
                    }
                });
        }
        self.joined_using(&pairs, kept == Kept::Both, first)?;
        scope.merged.extend(rows.columns.iter().cloned());
        let rest = left.columns.into_iter().chain(right.columns);
        rows.columns
            .extend(rest.filter(|column| !shared.iter().any(|one| one.name == column.name)));
        Ok(rows)
    }
}

impl Kept {
    /// The column that USING makes of two (`buildMergedJoinVar` of PostgreSQL).
    fn column(self, left: &Offered, right: &Offered) -> Offered {
        // Values of the statement itself were compared, so that they go as they are.
        let of_table = |column: &Offered| Offered {
            origin: column
                .origin
                .filter(|origin| matches!(origin, Origin::Column(..))),
            ..column.clone()
        };
        match self {
            Self::Both | Self::Left => of_table(left),
            Self::Right => of_table(right),
            Self::Neither => Offered {
                name: left.name.clone(),
                lineage: weakened(merge([&left.lineage, &right.lineage].into_iter())),
                origin: None,
            },
        }
    }
}

fn side_by_side(mut left: Rows, right: Rows) -> Rows {
    left.columns.extend(right.columns);
    left.open |= right.open;
    left
}
