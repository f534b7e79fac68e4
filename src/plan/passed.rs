//! Constants and parameters that a derived column passes on whole: cells of a VALUES list, of select lists, of arrays
//! that are unnested. Whether they are stored in a sealed column, and must be sealed, shows only where the column is used.

use std::collections::HashMap;

use sqlparser::ast::{
    ArrayElemTypeDef, CastKind, DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments,
};

use crate::model::ValueKind;

use super::cells::{Found, uncast};
use super::expr::kind_of;
use super::lineage::Lineage;
use super::query::Rows;
use super::refuse::{Stop, Walked, full_name};
use super::scope::{Offered, Origin, Scope};
use super::store::{Target, keeps};
use super::walk::Walk;

/// A column of such cells.
#[derive(Clone)]
pub(super) struct Passed {
    /// Columns of one group have their cells row by row: `(group, row)` is one row.
    pub group: usize,
    /// Per row; `None`: NULL.
    pub cells: Vec<Option<usize>>,
    /// What a NULL among them is cast to.
    pub null: Option<Option<ValueKind>>,
    /// Casts of the column on its way, from the innermost.
    pub casts: Vec<Option<ValueKind>>,
    /// Each cell is an array, and the column its elements.
    pub elements: bool,
}

impl Walk<'_> {
    fn pass(&mut self, passed: Passed) -> Origin {
        self.passed.push(passed);
        Origin::Values(self.passed.len() - 1)
    }

    pub(super) fn new_group(&mut self) -> usize {
        self.groups += 1;
        self.groups
    }

    /// The column whose cells these expressions are, one per row; `None`: at least one is something else.
    pub(super) fn passed_column(&mut self, exprs: &[&Expr], group: usize) -> Option<Origin> {
        let found: Option<Vec<Found>> = exprs.iter().map(|expr| self.cell(expr)).collect();
        let found = found?;
        let null = found.iter().find_map(Found::cast_of_null);
        let cells = found.into_iter().map(|found| self.record(found)).collect();
        Some(self.pass(Passed {
            group,
            cells,
            null,
            casts: Vec::new(),
            elements: false,
        }))
    }

    /// What an output carries, and the cells that it passes on.
    pub(super) fn output(
        &mut self,
        expr: &Expr,
        scope: &Scope<'_>,
    ) -> Walked<(Lineage, Option<Origin>)> {
        if let Some(found) = self.cell(expr) {
            let group = self.new_group();
            let null = found.cast_of_null();
            let cells = vec![self.record(found)];
            let passed = Passed {
                group,
                cells,
                null,
                casts: Vec::new(),
                elements: false,
            };
            return Ok((Lineage::None, Some(self.pass(passed))));
        }
        if let Some((id, casts)) = self.passed_reference(expr, scope) {
            self.place_passed(expr);
            let origin = match casts.is_empty() {
                true => Origin::Values(id),
                false => match self.passed.get(id).cloned() {
                    Some(mut passed) => {
                        passed.casts.extend(casts);
                        self.pass(passed)
                    }
                    None => Origin::Values(id),
                },
            };
            return Ok((Lineage::None, Some(origin)));
        }
        let origin = self.origin_of(expr, scope);
        Ok((self.expr(expr, scope)?, origin))
    }

    /// The passed column that an expression refers to, and the casts around the reference from the innermost.
    pub(super) fn passed_reference(
        &self,
        expr: &Expr,
        scope: &Scope<'_>,
    ) -> Option<(usize, Vec<Option<ValueKind>>)> {
        let (column, casts) = uncast(expr);
        match self.origin_of(column, scope)? {
            Origin::Values(id) => Some((id, casts)),
            Origin::Column(..) | Origin::United(..) => None,
        }
    }

    /// Places the identifiers of a reference.
    pub(super) fn place_passed(&mut self, expr: &Expr) {
        match expr {
            Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => self.place_passed(inner),
            Expr::Identifier(ident) => self.place(ident),
            Expr::CompoundIdentifier(idents) => idents.iter().for_each(|ident| self.place(ident)),
            _ => {}
        }
    }

    /// These cells are used in another way than being stored.
    pub(super) fn use_plain(&mut self, origin: Option<Origin>) {
        let Some(Origin::Values(id)) = origin else {
            return;
        };
        let cells = self.passed.get(id).map(|passed| passed.cells.clone());
        for cell in cells.into_iter().flatten().flatten() {
            if let Some(cell) = self.cells.get_mut(cell) {
                cell.plain = true;
            }
        }
    }

    pub(super) fn use_all_plain(&mut self, columns: &[Offered]) {
        columns
            .iter()
            .for_each(|column| self.use_plain(column.origin));
    }

    /// The rows of both, one after the other; `None`: they cannot be told apart.
    pub(super) fn united_origin(
        &mut self,
        left: Option<Origin>,
        right: Option<Origin>,
        group: usize,
    ) -> Option<Origin> {
        let (Some(Origin::Values(a)), Some(Origin::Values(b))) = (left, right) else {
            return None;
        };
        let (a, b) = (self.passed.get(a).cloned()?, self.passed.get(b).cloned()?);
        if a.elements || b.elements || !a.casts.is_empty() || !b.casts.is_empty() {
            return None;
        }
        let united = !self.is_typed(&a) && !self.is_typed(&b);
        let null = a.null.or(b.null);
        let cells: Vec<_> = a.cells.into_iter().chain(b.cells).collect();
        for cell in cells.iter().flatten().filter(|_| united) {
            if let Some(cell) = self.cells.get_mut(*cell) {
                cell.united = true;
            }
        }
        Some(self.pass(Passed {
            group,
            cells,
            null,
            casts: Vec::new(),
            elements: false,
        }))
    }

    /// The rows of a VALUES list.
    pub(super) fn values_rows(
        &mut self,
        values: &sqlparser::ast::Values,
        scope: &Scope<'_>,
    ) -> Walked<Rows> {
        let group = self.new_group();
        let width = values.rows.first().map_or(0, |row| row.content.len());
        let mut rows = Rows::default();
        if values.rows.iter().any(|row| row.content.len() != width) {
            return Err(self.not_understood("VALUES rows of different lengths", None));
        }
        for at in 0..width {
            let exprs: Vec<&Expr> = values
                .rows
                .iter()
                .filter_map(|row| row.content.get(at))
                .collect();
            let origin = self.passed_column(&exprs, group);
            let mut lineage = None;
            if origin.is_none() {
                let mut all = Vec::new();
                for expr in exprs {
                    all.push(self.expr(expr, scope)?);
                }
                lineage = Some(super::lineage::merge(all.iter()));
            }
            rows.columns.push(Offered {
                name: format!("column{}", at + 1),
                lineage: lineage.unwrap_or(Lineage::None),
                origin,
            });
        }
        Ok(rows)
    }

    /// The column of an array that is unnested: an array of constants and parameters, or one parameter or constant cast
    /// to an array type.
    pub(super) fn unnested(&mut self, expr: &Expr, group: usize) -> Option<Origin> {
        match expr {
            Expr::Nested(inner) => self.unnested(inner, group),
            Expr::Array(array) => {
                let elements: Vec<&Expr> = array.elem.iter().collect();
                self.passed_column(&elements, group)
            }
            Expr::Cast {
                kind: CastKind::Cast | CastKind::DoubleColon,
                expr,
                data_type: DataType::Array(ArrayElemTypeDef::SquareBracket(of, None)),
                format: None,
            } => {
                if let Expr::Array(_) = expr.as_ref() {
                    let Origin::Values(id) = self.unnested(expr, group)? else {
                        return None;
                    };
                    self.passed.get_mut(id)?.casts.push(kind_of(of));
                    return Some(Origin::Values(id));
                }
                let mut found = self.array_cell(expr)?;
                found.casts.push(kind_of(of));
                let cells = vec![self.record(found)];
                Some(self.pass(Passed {
                    group,
                    cells,
                    null: None,
                    casts: Vec::new(),
                    elements: true,
                }))
            }
            _ => None,
        }
    }

    /// `unnest(…)` of one such array in a select list.
    pub(super) fn unnest_call(&mut self, expr: &Expr, group: usize) -> Option<Origin> {
        let Expr::Function(function) = expr else {
            return None;
        };
        let FunctionArguments::List(list) = &function.args else {
            return None;
        };
        let bare = list.clauses.is_empty()
            && list.duplicate_treatment.is_none()
            && function.over.is_none()
            && function.filter.is_none();
        let names = self.names(&function.name).ok()?;
        match (names.as_slice(), list.args.as_slice()) {
            ([name], [FunctionArg::Unnamed(FunctionArgExpr::Expr(array))])
                if bare && name == "unnest" =>
            {
                let origin = self.unnested(array, group)?;
                self.place_name(&function.name);
                Some(origin)
            }
            _ => None,
        }
    }

    /// How many rows a passed column has.
    pub(super) fn passed_rows(&self, id: usize) -> Option<(usize, usize)> {
        let passed = self.passed.get(id)?;
        Some((passed.group, passed.cells.len()))
    }

    /// A passed column is stored in a sealed one: each of its cells is a slot.
    pub(super) fn store_passed(
        &mut self,
        id: usize,
        target: Target<'_>,
        token: Option<usize>,
    ) -> Walked<()> {
        let Some(passed) = self.passed.get(id).cloned() else {
            return Err(self.not_understood("a derived column", token));
        };
        if !target.column.is_sealed_on_write() {
            self.leave_plain(target.column);
            return Ok(());
        }
        for (row, index) in passed.cells.iter().enumerate() {
            let Some(index) = *index else { continue };
            let Some(cell) = self.cells.get(index).cloned() else {
                continue;
            };
            let casts = cell.casts.iter().chain(&passed.casts).chain(&passed.null);
            if !casts.copied().all(|cast| keeps(cast, target.column.kind)) {
                return Err(self.cast_away(target, Some(cell.token)));
            }
            match cell.fill {
                Some(fill) => {
                    let same = self
                        .fills
                        .get(fill)
                        .is_some_and(|fill| fill.column.label == target.column.label);
                    if !same {
                        return Err(self.two_roles(cell.token));
                    }
                    self.unowned.push(fill);
                }
                None => {
                    // What is not cast is text: a derived table gives its untyped columns that type.
                    let cast = self.cell_cast(&passed, &cell);
                    let cast = match cast.or_else(|| self.column_kind(&passed)) {
                        None => Some(ValueKind::Text),
                        Some(kind) => kind,
                    };
                    self.store_token(
                        cell.token,
                        target,
                        cast,
                        Some((passed.group, row)),
                        passed.elements,
                    )?;
                    let fill = self.fills.len().checked_sub(1);
                    if let Some(cell) = self.cells.get_mut(index) {
                        cell.fill = fill;
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn cast_away(&self, target: Target<'_>, token: Option<usize>) -> Stop {
        let message = format!(
            "the value for sealed column {} is cast to another type",
            full_name(target.column)
        );
        let help = "Cast it to the column's own type, without a length, or leave the cast out.";
        self.refuse(message, help, "refused-cast", token)
    }

    fn two_roles(&self, token: usize) -> Stop {
        let message = format!(
            "a value that is stored sealed, in a statement on{}, is used in another way too",
            self.protected_name()
        );
        let help = "Pass the value twice, once for each use.";
        self.refuse(message, help, "refused-two-uses", Some(token))
    }

    /// The end of the walk: cells that were not stored have a plain role.
    pub(super) fn settle(&mut self) -> Walked<()> {
        for cell in std::mem::take(&mut self.cells) {
            match cell.fill {
                Some(_) if cell.plain => return Err(self.two_roles(cell.token)),
                Some(_) => {}
                None => match self.param_number(cell.token) {
                    Some(number) => self.plain_param(number, cell.token),
                    None => {
                        if !self.placed.insert(cell.token) {
                            return Err(
                                self.not_understood("a constant in two roles", Some(cell.token))
                            );
                        }
                    }
                },
            }
        }
        Ok(())
    }

    /// Tokens whose values are sealed, which a look-up must not repeat, and whether they are arrays.
    pub(super) fn sealed_tokens(&self) -> HashMap<usize, bool> {
        let fills = self.fills.iter();
        fills.map(|fill| (fill.token, fill.elements)).collect()
    }

    /// Whether some slot of those may stand in a row of a group behind its first `count`.
    pub(super) fn outgrows(&self, group: usize, count: usize) -> bool {
        let mut fills = self.unowned.iter().filter_map(|at| self.fills.get(*at));
        fills.any(|fill| {
            fill.row
                .is_some_and(|(of, row)| of == group && (fill.elements || row >= count))
        })
    }
}
