//! References to columns: what they name, and what that is.

use sqlparser::ast::{Expr, Ident};

use crate::model::Refusal;

use super::env::Defined;
use super::lineage::Lineage;
use super::refuse::{Stop, Walked};
use super::scope::{Meaning, Offered, Origin, Scope, Source};
use super::types::UNDEFINED_COLUMN;
use super::walk::Walk;

impl Walk<'_> {
    /// The parts of the name that an expression is.
    pub(super) fn reference_names(&self, expr: &Expr) -> Option<Vec<String>> {
        match expr {
            Expr::Nested(inner) => self.reference_names(inner),
            Expr::Identifier(ident) => Some(vec![self.name(ident)]),
            Expr::CompoundIdentifier(idents) => {
                Some(idents.iter().map(|ident| self.name(ident)).collect())
            }
            _ => None,
        }
    }

    /// Where the values of a column reference come from.
    pub(super) fn origin_of(&self, expr: &Expr, scope: &Scope<'_>) -> Option<Origin> {
        match scope.resolve(&self.reference_names(expr)?) {
            Meaning::Column { origin, .. } => origin,
            Meaning::Row { .. } | Meaning::Unknown => None,
        }
    }

    /// What a column reference carries; its identifiers are placed if it means something.
    pub(super) fn reference(&mut self, idents: &[Ident], scope: &Scope<'_>) -> Walked<Lineage> {
        let parts: Vec<String> = idents.iter().map(|ident| self.name(ident)).collect();
        let lineage = match scope.resolve(&parts) {
            Meaning::Unknown if parts.len() > 1 && self.is_new(parts.last()) => Lineage::None,
            Meaning::Unknown => return self.not_a_column(&parts, idents, scope),
            Meaning::Column {
                lineage,
                origin,
                source,
            } => {
                // It may be no column, but a function of a row that is not known.
                if let (Some(name), true) =
                    (parts.get(1..).and_then(<[_]>::last), source.is_empty())
                {
                    let token = idents.last().and_then(|ident| self.token_at(ident.span));
                    self.calls_none_of_row(name, token)?;
                }
                self.use_plain(origin);
                lineage
            }
            Meaning::Row { lineage } => lineage,
        };
        self.note_sealed(idents, &lineage);
        idents.iter().for_each(|ident| self.place(ident));
        Ok(lineage)
    }

    /// `row.name` calls a function of the row where it has no such column.
    fn not_a_column(
        &self,
        parts: &[String],
        idents: &[Ident],
        scope: &Scope<'_>,
    ) -> Walked<Lineage> {
        let Some((name, row)) = parts.split_last() else {
            return Ok(Lineage::None);
        };
        if !row.is_empty() {
            let token = idents.last().and_then(|ident| self.token_at(ident.span));
            self.calls_none_of_row(name, token)?;
        }
        if let Some(source) = scope.star(row)
            && self.is_missing(name, source)
        {
            let missing = self.missing(name, &source.name, idents);
            return Err(self.or_as_the_server_says(missing));
        }
        match scope.whole_row(row) {
            None | Some(Lineage::None) => Ok(Lineage::None),
            Some(_) => {
                let token = idents.last().and_then(|ident| self.token_at(ident.span));
                let what = "a name that is no column of its row";
                Err(self.or_as_the_server_says(self.not_understood(what, token)))
            }
        }
    }

    /// PostgreSQL's own error. It is not left to the server: somebody may just have made a function of that name.
    fn missing(&self, name: &str, row: &str, idents: &[Ident]) -> Stop {
        let token = idents.first().and_then(|ident| self.token_at(ident.span));
        Stop::Refuse(Refusal {
            sqlstate: UNDEFINED_COLUMN,
            message: format!("column {row}.{name} does not exist"),
            detail: None,
            hint: None,
            position: self.position(token),
            routine: Some("errorMissingColumn"),
            hollow: None,
        })
    }

    /// Whether this session has just given a column the name, which no snapshot knows yet, and it is no function of a row.
    fn is_new(&self, name: Option<&String>) -> bool {
        let named = |name: &&String| {
            let mut made = self.env.made.iter();
            made.any(|made| matches!(made, Defined::Column(column) if column == *name))
        };
        name.filter(named)
            .is_some_and(|name| !self.relations.catalog.may_call(name))
    }

    /// Whether a name is surely neither a column of a table nor a function of its rows.
    fn is_missing(&self, name: &str, source: &Source) -> bool {
        let relation = source
            .table
            .and_then(|oid| self.relations.catalog.relation(oid));
        let columns = relation.filter(|_| !source.open && source.fields.is_empty());
        columns.is_some_and(|relation| relation.column(name).is_none())
            && !self.relations.catalog.may_call(name)
    }

    fn note_sealed(&mut self, idents: &[Ident], lineage: &Lineage) {
        if !matches!(lineage, Lineage::None) {
            self.last_sealed = idents
                .last()
                .and_then(|ident| self.token_at(ident.span))
                .or(self.last_sealed);
        }
    }

    /// The token that stands for columns some of which may be sealed.
    pub(super) fn note_sealed_at(&mut self, token: Option<usize>, columns: &[Offered]) {
        if columns.iter().any(|column| !column.lineage.is_none()) {
            self.last_sealed = token.or(self.last_sealed);
        }
    }
}
