//! Where the tenant of a row comes from that a column of it says.

use sqlparser::ast::Expr;

use crate::catalog::Column;
use crate::model::{Format, Oid, TenantId, tenant_text};
use crate::rules::{ProtectedTable, Tenant};

use super::lexer::{self, TokenKind};
use super::lookup::Reads;
use super::operand::{INTEGERS, Operand, TEXT, UUID, VARCHAR, element_type};
use super::refuse::Walked;
use super::tenant_sql::{parent_tenant_sql, quoted};
use super::types::TenantSource;
use super::walk::Walk;

/// What a row's column is given.
#[derive(Clone, Copy)]
pub(super) enum Given<'e> {
    Nothing,
    Operand(Operand),
    Expr(&'e Expr),
}

impl Walk<'_> {
    /// Where the tenant comes from that a column of the row holds.
    pub(super) fn tenant_value(
        &mut self,
        operand: Operand,
        column: &Column,
    ) -> Option<TenantSource> {
        if operand.elements {
            let Some(number) = operand.param else {
                return self.tenant_list(operand, column);
            };
            return match self.tenant_param(number, operand, column)? {
                TenantSource::Param {
                    number,
                    type_oid,
                    max_chars,
                } => Some(TenantSource::Elements {
                    number,
                    type_oid,
                    max_chars,
                }),
                _ => None,
            };
        }
        if self.is_rewritten(operand, column) {
            return None;
        }
        let known = match operand.param {
            Some(number) => self.tenant_param(number, operand, column),
            None => self
                .tenant_constant(operand, column)
                .map(TenantSource::Known),
        };
        Some(match known {
            Some(source) => source,
            None => {
                let value = self.operand_sql(operand, column);
                TenantSource::Asked(self.value_term(format!("SELECT ({value})::text")))
            }
        })
    }

    /// Whether a text comes out of casts through another type as another text, which neither it nor a question with it says.
    pub(super) fn is_rewritten(&self, operand: Operand, column: &Column) -> bool {
        let text = column.type_oid == TEXT || column.type_oid == VARCHAR;
        if !text || !operand.through {
            return false;
        }
        if let Some(number) = operand.param {
            return operand.as_text || self.declared_text(number);
        }
        let token = self.token(operand.token);
        let constant = token.filter(|token| matches!(token.kind, TokenKind::String(_)));
        let Some(Ok(text)) = constant.map(|token| lexer::string_value(token, self.sql)) else {
            return false;
        };
        let printed = [UUID, INTEGERS[2]].map(|of| tenant_text(of, Format::Text, text.as_bytes()));
        !printed
            .iter()
            .any(|printed| printed.as_deref() == Some(&*text))
    }

    /// The tenants in a constant array.
    fn tenant_list(&self, operand: Operand, column: &Column) -> Option<TenantSource> {
        let token = self.token(operand.token)?;
        let array = match token.kind {
            TokenKind::String(_) => lexer::string_value(token, self.sql).ok()?,
            _ => return None,
        };
        let type_oid = column.type_oid;
        let text = type_oid == TEXT || type_oid == VARCHAR;
        // A text keeps what is written only if it has been text from the first.
        let kept = (text && operand.as_text && !operand.through)
            || type_oid == UUID
            || INTEGERS.contains(&type_oid);
        kept.then(|| TenantSource::Listed {
            array: array.into_owned(),
            type_oid,
            max_chars: column.max_chars,
        })
    }

    fn tenant_param(&self, number: u16, operand: Operand, column: &Column) -> Option<TenantSource> {
        let of_column = column.type_oid;
        if operand.through && (of_column == TEXT || of_column == VARCHAR) {
            return None;
        }
        let wire = match self.declared(number) {
            Some(declared) if operand.elements => element_type(declared)?,
            Some(declared) => declared,
            None if operand.as_text => TEXT,
            None if operand.numbers.is_some() => operand.numbers?,
            None if operand.is_cast && of_column != UUID => return None,
            None => of_column,
        };
        let text = |oid: Oid| oid == TEXT || oid == VARCHAR;
        let same = wire == of_column && (wire == UUID || text(wire) || INTEGERS.contains(&wire));
        let alike = (INTEGERS.contains(&wire) && INTEGERS.contains(&of_column))
            || (text(wire) && text(of_column));
        (same || alike).then_some(TenantSource::Param {
            number,
            type_oid: wire,
            max_chars: column.max_chars,
        })
    }

    /// The tenant that a constant names, in the text form that the column's type would print.
    pub(super) fn tenant_constant(&self, operand: Operand, column: &Column) -> Option<TenantId> {
        let token = self.token(operand.token)?;
        let text = match token.kind {
            TokenKind::String(_) => lexer::string_value(token, self.sql).ok()?,
            TokenKind::Integer => token.text(self.sql).into(),
            _ => return None,
        };
        if column.type_oid == TEXT || column.type_oid == VARCHAR {
            let max = column.max_chars.and_then(|max| usize::try_from(max).ok());
            // The server cuts blanks off that do not fit.
            if max.is_some_and(|max| text.chars().count() > max) {
                return None;
            }
            return matches!(token.kind, TokenKind::String(_))
                .then(|| TenantId::new(&text))
                .flatten();
        }
        if INTEGERS.contains(&column.type_oid) {
            let sign = if operand.negative { "-" } else { "" };
            return format!("{sign}{text}")
                .parse::<i64>()
                .ok()
                .and_then(|number| TenantId::new(&number.to_string()));
        }
        if column.type_oid == UUID {
            let dashes = |at| matches!(at, 8 | 13 | 18 | 23);
            let canonical = text.len() == 36
                && text.char_indices().all(|(at, c)| {
                    if dashes(at) {
                        c == '-'
                    } else {
                        c.is_ascii_hexdigit()
                    }
                });
            return canonical
                .then(|| TenantId::new(&text.to_ascii_lowercase()))
                .flatten();
        }
        None
    }

    /// The tenant of a row whose column that the tenant hangs on is given this value.
    pub(super) fn row_tenant(
        &mut self,
        table: &ProtectedTable,
        given: Given<'_>,
        at: Option<usize>,
    ) -> Walked<usize> {
        let operand = match given {
            Given::Nothing => None,
            Given::Operand(operand) => Some(operand),
            Given::Expr(expr) => self.operand(expr),
        };
        let source = match &table.tenant {
            Tenant::Constant(tenant) => TenantSource::Known(tenant.clone()),
            Tenant::Setting(setting) => {
                let setting = setting.replace('\'', "''");
                TenantSource::Asked(self.value_term(format!(
                    "SELECT pg_catalog.current_setting('{setting}', true)"
                )))
            }
            Tenant::Column { name, attnum } => {
                let Some(column) = self.catalog_column(table, *attnum) else {
                    return Err(self.no_tenant(table, name, at));
                };
                let called = match given {
                    Given::Expr(expr) => self.setting_call(expr),
                    Given::Nothing | Given::Operand(_) => None,
                };
                let known = match (operand, called) {
                    (Some(operand), _) => self.tenant_value(operand, &column),
                    (None, Some(call)) => Some(TenantSource::Asked(self.value_term(format!(
                        "SELECT ({call})::{}::text",
                        quoted(&column.type_name)
                    )))),
                    (None, None) => None,
                };
                known.ok_or_else(|| self.no_tenant(table, name, at))?
            }
            Tenant::Parent { on, on_attnum, .. } => {
                let child = self.catalog_column(table, *on_attnum);
                let (Some(operand), Some(child)) =
                    (operand.filter(|operand| !operand.elements), child)
                else {
                    return Err(self.no_tenant(table, on, at));
                };
                let value = self.operand_sql(operand, &child);
                let query = parent_tenant_sql(&table.tenant, &value);
                TenantSource::Asked(self.asking.term(query, Reads::Unclear))
            }
        };
        Ok(self.tenant_index(source))
    }

    /// `current_setting('…')` under any casts, as it stands in the text.
    fn setting_call(&self, expr: &Expr) -> Option<String> {
        match expr {
            Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => self.setting_call(inner),
            Expr::Function(function) => {
                let token = self.name_token(&function.name)?;
                let name = lexer::ident(self.token(token)?, self.sql)?;
                if name != "current_setting" {
                    return None;
                }
                let close = self.closing(token + 1)?;
                let inside = self.tokens.get(token + 1..close)?;
                let constant = inside
                    .iter()
                    .all(|token| !matches!(token.kind, TokenKind::Param(_)));
                let span = self.token(token)?.start..self.token(close)?.end;
                constant
                    .then(|| self.sql.get(span).map(|call| format!("pg_catalog.{call}")))
                    .flatten()
            }
            _ => None,
        }
    }

    pub(super) fn catalog_column(&self, table: &ProtectedTable, attnum: i16) -> Option<Column> {
        self.relations
            .catalog
            .relation(table.oid)?
            .attnum(attnum)
            .cloned()
    }

    fn no_tenant(
        &self,
        table: &ProtectedTable,
        column: &str,
        at: Option<usize>,
    ) -> super::refuse::Stop {
        let message = format!(
            "the tenant of a row of {}.{} is not known: column {column} is not given as a constant or parameter",
            table.schema, table.name
        );
        self.refuse(
            message,
            "Give the column its value in the statement.",
            "refused-tenant",
            at,
        )
    }
}
