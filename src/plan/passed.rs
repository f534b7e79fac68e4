//! Constants and parameters that a derived column passes on whole: cells of a VALUES list, of select lists, of arrays
//! that are unnested. Whether they are stored in a sealed column, and must be sealed, shows only where the column is used.

use std::collections::HashMap;
use std::sync::Arc;

use sqlparser::ast::{
    ArrayElemTypeDef, CastKind, DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments,
    UnaryOperator, Value, ValueWithSpan,
};

use crate::model::ValueKind;

use super::expr::kind_of;
use super::lexer::TokenKind;
use super::lineage::Lineage;
use super::lookup::Operand;
use super::query::Rows;
use super::refuse::{Stop, Walked, full_name};
use super::scope::{Meaning, Offered, Origin, Scope};
use super::store::{Target, keeps};
use super::types::TenantSource;
use super::walk::Walk;

/// One constant or parameter.
#[derive(Clone)]
pub(super) struct Cell {
    token: usize,
    /// A minus stands before the number.
    negative: bool,
    /// The innermost cast; inner `None`: to a type that no sealed column has.
    cast: Option<Option<ValueKind>>,
    /// Every cast around it keeps the value whole in columns of this kind, from the innermost.
    casts: Vec<Option<ValueKind>>,
    /// A set operation made it a text: the other branch was of no type either.
    united: bool,
    /// It is used in another way than being stored.
    plain: bool,
    /// The slot that it became.
    fill: Option<usize>,
}

/// A column of such cells.
#[derive(Clone)]
pub(super) struct Passed {
    /// Columns of one group have their cells row by row: `(group, row)` is one row.
    pub group: usize,
    /// Per row; `None`: NULL.
    cells: Vec<Option<usize>>,
    /// Casts of the column on its way, from the innermost.
    casts: Vec<Option<ValueKind>>,
    /// Each cell is an array, and the column its elements.
    pub elements: bool,
}

/// A cell before it is recorded.
struct Found {
    /// `None`: NULL.
    token: Option<usize>,
    negative: bool,
    casts: Vec<Option<ValueKind>>,
}

impl Walk<'_> {
    /// The constant, parameter or NULL that an expression is, and its casts from the innermost.
    fn cell(&self, expr: &Expr) -> Option<Found> {
        match expr {
            Expr::Nested(inner) => self.cell(inner),
            Expr::Cast {
                kind: CastKind::Cast | CastKind::DoubleColon,
                expr,
                data_type,
                format: None,
            } => {
                let mut found = self.cell(expr)?;
                found.casts.push(kind_of(data_type));
                Some(found)
            }
            Expr::TypedString(typed) => Some(Found {
                token: Some(self.token_at(typed.value.span)?),
                negative: false,
                casts: vec![kind_of(&typed.data_type)],
            }),
            Expr::Value(ValueWithSpan {
                value: Value::Null, ..
            }) => Some(Found {
                token: None,
                negative: false,
                casts: Vec::new(),
            }),
            Expr::Value(value) => {
                let token = self.token_at(value.span)?;
                let known = self.param_number(token).is_some()
                    || matches!(self.token(token)?.kind, TokenKind::String(_))
                    || self.is_number(token);
                known.then_some(Found {
                    token: Some(token),
                    negative: false,
                    casts: Vec::new(),
                })
            }
            Expr::UnaryOp {
                op: UnaryOperator::Minus,
                expr,
            } => {
                let number = self.cell(expr)?;
                let positive = self.is_number(number.token?) && !number.negative;
                positive.then_some(Found {
                    negative: true,
                    ..number
                })
            }
            _ => None,
        }
    }

    fn record(&mut self, found: Found) -> Option<usize> {
        let token = found.token?;
        self.cells.push(Cell {
            token,
            negative: found.negative,
            cast: found.casts.first().copied(),
            casts: found.casts,
            united: false,
            plain: false,
            fill: None,
        });
        Some(self.cells.len() - 1)
    }

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
        let cells = found?.into_iter().map(|found| self.record(found)).collect();
        Some(self.pass(Passed {
            group,
            cells,
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
        if let Some(found) = self.cell(expr)
            && found.token.is_some()
        {
            let group = self.new_group();
            let cells = vec![self.record(found)];
            let passed = Passed {
                group,
                cells,
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
        let origin = self.column_origin(expr, scope);
        Ok((self.expr(expr, scope)?, origin))
    }

    /// The table's column that an expression is, unchanged.
    pub(super) fn column_origin(&self, expr: &Expr, scope: &Scope<'_>) -> Option<Origin> {
        let idents = match expr {
            Expr::Nested(inner) => return self.column_origin(inner, scope),
            Expr::Identifier(ident) => std::slice::from_ref(ident),
            Expr::CompoundIdentifier(idents) => idents.as_slice(),
            _ => return None,
        };
        let parts: Vec<String> = idents.iter().map(|ident| self.name(ident)).collect();
        match scope.resolve(&parts) {
            Meaning::Column { origin, .. } => origin,
            Meaning::Row { .. } | Meaning::Unknown => None,
        }
    }

    /// The passed column that an expression refers to, and the casts around the reference from the innermost.
    pub(super) fn passed_reference(
        &self,
        expr: &Expr,
        scope: &Scope<'_>,
    ) -> Option<(usize, Vec<Option<ValueKind>>)> {
        match expr {
            Expr::Nested(inner) => self.passed_reference(inner, scope),
            Expr::Cast {
                kind: CastKind::Cast | CastKind::DoubleColon,
                expr,
                data_type,
                format: None,
            } => {
                let (id, mut casts) = self.passed_reference(expr, scope)?;
                casts.push(kind_of(data_type));
                Some((id, casts))
            }
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => {
                match self.column_origin(expr, scope)? {
                    Origin::Values(id) => Some((id, Vec::new())),
                    Origin::Column(..) | Origin::United(..) => None,
                }
            }
            _ => None,
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
        let cells: Vec<_> = a.cells.into_iter().chain(b.cells).collect();
        for cell in cells.iter().flatten().filter(|_| united) {
            if let Some(cell) = self.cells.get_mut(*cell) {
                cell.united = true;
            }
        }
        Some(self.pass(Passed {
            group,
            cells,
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
                    casts: Vec::new(),
                    elements: true,
                }))
            }
            _ => None,
        }
    }

    /// An array that is one constant or parameter, under casts to array types.
    fn array_cell(&self, expr: &Expr) -> Option<Found> {
        if let Expr::Cast {
            kind: CastKind::Cast | CastKind::DoubleColon,
            expr,
            data_type: DataType::Array(ArrayElemTypeDef::SquareBracket(of, None)),
            format: None,
        } = expr
        {
            let mut found = self.array_cell(expr)?;
            found.casts.push(kind_of(of));
            return Some(found);
        }
        self.cell(expr)
            .filter(|found| found.casts.is_empty() && found.token.is_some())
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

    /// The operand that stands in a row of a passed column.
    pub(super) fn passed_operand(&self, id: usize, row: usize) -> Option<Operand> {
        let passed = self.passed.get(id)?;
        let cell = self.cells.get((*passed.cells.get(row)?)?)?;
        let cast = self.cell_cast(passed, cell);
        let mut casts = cell.casts.iter().chain(&passed.casts);
        let constant = self.param_number(cell.token).is_none();
        let text = |kind: Option<ValueKind>| kind == Some(ValueKind::Text);
        let through = !cast.is_none_or(text) || !casts.all(|kind| text(*kind));
        let as_text = match passed.elements && constant {
            true => !through,
            false => cast.is_none_or(text),
        };
        Some(Operand {
            token: cell.token,
            negative: cell.negative,
            param: self.param_number(cell.token),
            as_text,
            through,
            is_cast: cell.cast.is_some(),
            elements: passed.elements,
            numbers: None,
        })
    }

    /// The innermost cast of a cell, or that of another cell of its column, whose type PostgreSQL gives to all.
    fn cell_cast(&self, passed: &Passed, cell: &Cell) -> Option<Option<ValueKind>> {
        let united = cell.united.then_some(Some(ValueKind::Text));
        cell.cast.or(united).or_else(|| self.cast_of_any(passed))
    }

    fn cast_of_any(&self, passed: &Passed) -> Option<Option<ValueKind>> {
        let cells = passed.cells.iter().flatten();
        let mut cells = cells.filter_map(|cell| self.cells.get(*cell));
        cells.find_map(|cell| {
            let number = self.is_number(cell.token);
            cell.casts.last().copied().or(number.then_some(None))
        })
    }

    /// Whether the cells of a column have a type before it is united with another.
    fn is_typed(&self, passed: &Passed) -> bool {
        let mut cells = passed.cells.iter().flatten();
        self.cast_of_any(passed).is_some()
            || self.column_kind(passed).is_some()
            || cells.any(|cell| self.cells.get(*cell).is_some_and(|cell| cell.united))
    }

    /// The kind that a declared parameter gives to a column without casts.
    fn column_kind(&self, passed: &Passed) -> Option<Option<ValueKind>> {
        let mut cells = passed.cells.iter().flatten();
        cells.find_map(|cell| self.declared_kind(self.cells.get(*cell)?.token))
    }

    /// The kind that a parameter is declared with; `None`: its type is left open, or it is none.
    fn declared_kind(&self, token: usize) -> Option<Option<ValueKind>> {
        let at = usize::from(self.param_number(token)?).checked_sub(1)?;
        match self.env.declared.get(at)?.0 {
            0 | 705 => None,
            25 | 1043 => Some(Some(ValueKind::Text)),
            114 => Some(Some(ValueKind::Json)),
            3802 => Some(Some(ValueKind::Jsonb)),
            17 => Some(Some(ValueKind::Bytea)),
            _ => Some(None),
        }
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
            let casts = cell.casts.iter().chain(&passed.casts);
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
