//! What is asked from the server about tenants before a statement goes.

use std::collections::BTreeSet;
use std::ops::Range;

use sqlparser::ast::{DataType, ExactNumberInfo, Expr, ObjectNamePart, UnaryOperator, Value};

use crate::catalog::Column;
use crate::model::{Format, Oid, TenantId, ValueKind, tenant_text};
use crate::rules::{ProtectedTable, Tenant};

use super::expr::kind_of;
use super::lexer::{self, TokenKind};
use super::refuse::Walked;
use super::tenant_sql::{parent_tenant_sql, quoted};
use super::types::{AssignedTenant, Branches, Guard, Lookup, Splice, TenantSource};
use super::walk::Walk;

/// The look-up of a statement while it is put together.
#[derive(Default)]
pub(super) struct Asking {
    terms: Vec<Term>,
    /// How many numbers they have.
    numbers: i32,
    params: Vec<u16>,
    cases: Vec<Branches>,
    /// All that the terms read; `None`: that is not certain.
    reads: Reads,
    pub zero_rows_ok: Vec<i32>,
    /// Terms of the tenants of rows that are only compared: there may be no such rows.
    pub may_be_none: BTreeSet<i32>,
    pub must_equal: Vec<(usize, i32)>,
    pub assigned: Option<AssignedTenant>,
    pub none_matched: Vec<Splice>,
    pub guards: Vec<Guard>,
}

struct Term {
    first: i32,
    query: String,
    /// It has two columns: a number that is added to the first, and the tenant.
    numbered: bool,
}

/// The names that a query reads, columns or not.
pub(super) enum Reads {
    Names(BTreeSet<String>),
    Unclear,
}

impl Default for Reads {
    fn default() -> Self {
        Self::Names(BTreeSet::new())
    }
}

impl Reads {
    pub(super) fn and(&mut self, more: Self) {
        match (&mut *self, more) {
            (Self::Names(names), Self::Names(more)) => names.extend(more),
            _ => *self = Self::Unclear,
        }
    }
}

impl Asking {
    fn param(&mut self, original: u16) -> usize {
        match self.params.iter().position(|known| *known == original) {
            Some(at) => at + 1,
            None => {
                self.params.push(original);
                self.params.len()
            }
        }
    }

    /// The number of the term that this query (of one column, the tenant) is.
    pub(super) fn term(&mut self, query: String, reads: Reads) -> i32 {
        self.reads.and(reads);
        self.numbered(query, 1, false)
    }

    /// A query of which branch of a CASE rows take, and of their tenants; its index.
    pub(super) fn case(
        &mut self,
        query: String,
        reads: Reads,
        count: i32,
        number: String,
    ) -> usize {
        self.reads.and(reads);
        let first = self.numbered(query, count, true);
        self.cases.push(Branches {
            terms: first..first.saturating_add(count),
            number,
        });
        self.cases.len() - 1
    }

    /// What gives the number of the branch that a row takes, as the statement may say it.
    pub(super) fn branch_number(&self, case: usize) -> &str {
        let case = self.cases.get(case);
        case.map_or("", |case| case.number.as_str())
    }

    fn numbered(&mut self, query: String, count: i32, numbered: bool) -> i32 {
        let known = self.terms.iter().find(|known| known.query == query);
        if let Some(known) = known {
            return known.first;
        }
        let first = self.numbers + 1;
        self.numbers = self.numbers.saturating_add(count);
        self.terms.push(Term {
            first,
            query,
            numbered,
        });
        first
    }

    pub(super) fn finish(&mut self) -> Option<Lookup> {
        let terms = self.terms.iter().map(|term| {
            let (first, query) = (term.first, &term.query);
            if term.numbered {
                format!("SELECT {first}::int4 + q.n AS term, q.t::text AS tenant FROM ({query}) AS q(n, t)")
            } else {
                format!("SELECT {first}::int4 AS term, q.t::text AS tenant FROM ({query}) AS q(t)")
            }
        });
        let terms: Vec<String> = terms.collect();
        (!terms.is_empty()).then(|| Lookup {
            sql: terms.join(" UNION ALL "),
            params: self.params.clone(),
            zero_rows_ok: self.zero_rows_ok.clone(),
            may_be_none: std::mem::take(&mut self.may_be_none),
            must_equal: self.must_equal.clone(),
            assigned: self.assigned.clone(),
            cases: std::mem::take(&mut self.cases),
            reads: match std::mem::take(&mut self.reads) {
                Reads::Names(names) => Some(names),
                Reads::Unclear => None,
            },
        })
    }
}

/// A constant or parameter under any casts.
#[derive(Clone, Copy)]
pub(super) struct Operand {
    pub token: usize,
    /// A minus stands before the number.
    pub negative: bool,
    pub param: Option<u16>,
    /// The innermost cast is to text.
    pub as_text: bool,
    /// Some cast is to another type than text, as which a text may come out as another one.
    pub through: bool,
    /// It is cast at all.
    pub is_cast: bool,
    /// It is an array, one element per row.
    pub elements: bool,
    /// The type of its elements, where it is cast to an array of numbers.
    pub numbers: Option<Oid>,
}

pub(super) const TEXT: Oid = Oid(25);
pub(super) const VARCHAR: Oid = Oid(1043);
pub(super) const INTEGERS: [Oid; 3] = [Oid(21), Oid(23), Oid(20)];
pub(super) const UUID: Oid = Oid(2950);
/// Its text is not padded.
pub(super) const BPCHAR: Oid = Oid(1042);

/// What a row's column is given.
#[derive(Clone, Copy)]
pub(super) enum Given<'e> {
    Nothing,
    Operand(Operand),
    Expr(&'e Expr),
}

/// The element type of an array type that a tenant can have.
fn element_type(array: Oid) -> Option<Oid> {
    Some(match array.0 {
        1009 => TEXT,
        1015 => VARCHAR,
        1005 => Oid(21),
        1007 => Oid(23),
        1016 => Oid(20),
        2951 => UUID,
        _ => return None,
    })
}

fn is_text(data_type: &DataType) -> bool {
    kind_of(data_type) == Some(ValueKind::Text)
}

/// Whether a cast to this type gives a value that is written otherwise at most: no part is cut off, nothing is rounded.
pub(super) fn keeps_whole(data_type: &DataType) -> bool {
    const CUTTING: [&str; 7] = [
        "name", "char", "bpchar", "float4", "float8", "bit", "varbit",
    ];
    match data_type {
        DataType::Custom(name, modifiers) => {
            let last = name.0.last().and_then(ObjectNamePart::as_ident);
            let last = last.map(|ident| ident.value.to_lowercase());
            modifiers.is_empty() && last.is_some_and(|last| !CUTTING.contains(&last.as_str()))
        }
        DataType::Uuid
        | DataType::SmallInt(None)
        | DataType::Int(None)
        | DataType::Integer(None)
        | DataType::BigInt(None)
        | DataType::Int2(None)
        | DataType::Int4(None)
        | DataType::Int8(None)
        | DataType::Numeric(ExactNumberInfo::None)
        | DataType::Decimal(ExactNumberInfo::None) => true,
        _ => kind_of(data_type).is_some(),
    }
}

impl Walk<'_> {
    /// The constant or parameter that an expression is, casts aside.
    pub(super) fn operand(&self, expr: &Expr) -> Option<Operand> {
        match expr {
            Expr::Nested(inner) => self.operand(inner),
            Expr::Cast {
                expr, data_type, ..
            } if keeps_whole(data_type) => {
                let inner = self.operand(expr)?;
                let text = is_text(data_type);
                Some(Operand {
                    as_text: if inner.is_cast { inner.as_text } else { text },
                    through: inner.through || !text,
                    is_cast: true,
                    ..inner
                })
            }
            Expr::TypedString(typed) if keeps_whole(&typed.data_type) => {
                let token = self.token_at(typed.value.span)?;
                let text = is_text(&typed.data_type);
                Some(Operand {
                    token,
                    negative: false,
                    param: None,
                    as_text: text,
                    through: !text,
                    is_cast: true,
                    elements: false,
                    numbers: None,
                })
            }
            Expr::Value(value) => {
                let token = self.token_at(value.span)?;
                match value.value {
                    Value::Null | Value::Boolean(_) => None,
                    _ => Some(Operand {
                        token,
                        negative: false,
                        param: self.param_number(token),
                        as_text: false,
                        through: false,
                        is_cast: false,
                        elements: false,
                        numbers: None,
                    }),
                }
            }
            Expr::UnaryOp {
                op: UnaryOperator::Minus,
                expr,
            } => {
                let number = self.operand(expr)?;
                let positive = self.is_number(number.token) && !number.negative;
                positive.then_some(Operand {
                    negative: true,
                    ..number
                })
            }
            _ => None,
        }
    }

    /// A constant or parameter that is an array, cast to one of these elements.
    pub(super) fn array_operand(&self, expr: &Expr, of: Option<&DataType>) -> Option<Operand> {
        let operand = self.operand(expr)?;
        let numbers = of.and_then(|of| match of {
            DataType::SmallInt(None) | DataType::Int2(None) => Some(INTEGERS[0]),
            DataType::Int(None) | DataType::Integer(None) | DataType::Int4(None) => {
                Some(INTEGERS[1])
            }
            DataType::BigInt(None) | DataType::Int8(None) => Some(INTEGERS[2]),
            _ => None,
        });
        Some(Operand {
            // A constant without a cast is read as the column's type.
            as_text: match of {
                Some(of) => is_text(of),
                None => operand.param.is_none(),
            },
            through: operand.through || of.is_some_and(|of| !is_text(of)),
            is_cast: of.is_some(),
            elements: true,
            numbers,
            ..operand
        })
    }

    pub(super) fn is_number(&self, token: usize) -> bool {
        let token = self.token(token);
        token.is_some_and(|token| matches!(token.kind, TokenKind::Integer | TokenKind::Number))
    }

    /// The number of a term that reads no table.
    fn value_term(&mut self, query: String) -> i32 {
        self.asking.term(query, Reads::default())
    }

    /// The operand's text in a look-up, of a column's type.
    pub(super) fn operand_sql(&mut self, operand: Operand, column: &Column) -> String {
        let of_type = &column.written_type;
        match operand.param {
            Some(number) => {
                let at = self.asking.param(number);
                if operand.as_text || self.declared_text(number) {
                    format!("${at}::text::{of_type}")
                } else {
                    format!("${at}::{of_type}")
                }
            }
            None => {
                let text = self
                    .token(operand.token)
                    .map(|token| token.text(self.sql))
                    .unwrap_or_default();
                match operand.negative {
                    true => format!("(-{text})::{of_type}"),
                    false => format!("{text}::{of_type}"),
                }
            }
        }
    }

    fn declared(&self, number: u16) -> Option<Oid> {
        let declared = self.env.declared.get(usize::from(number).checked_sub(1)?)?;
        // 705 is "unknown": PostgreSQL infers the type, as for 0.
        (!matches!(declared.0, 0 | 705)).then_some(*declared)
    }

    fn declared_text(&self, number: u16) -> bool {
        self.declared(number)
            .is_some_and(|oid| oid == TEXT || oid == VARCHAR)
    }

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

    /// The bracket that closes the one at a token.
    pub(super) fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0usize;
        for (at, token) in self.tokens.iter().enumerate().skip(open) {
            match token.kind {
                TokenKind::Special(b'(' | b'[') => depth += 1,
                TokenKind::Special(b')' | b']') => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return Some(at);
                    }
                }
                _ if depth == 0 => return None,
                _ => {}
            }
        }
        None
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

    /// The statement's WITH for a look-up, which is sent alone.
    pub(super) fn repeated_with(&mut self) -> String {
        match self.with_prefix.clone() {
            Some(range) if !self.cte_reads.is_empty() => format!("{} ", self.repeated(range)),
            _ => String::new(),
        }
    }

    /// A stretch of the statement for a look-up, its parameters renumbered.
    pub(super) fn repeated(&mut self, range: Range<usize>) -> String {
        let (Some(first), Some(last)) = (
            self.token(range.start),
            range.end.checked_sub(1).and_then(|last| self.token(last)),
        ) else {
            return String::new();
        };
        let mut text = String::new();
        let mut from = first.start;
        let sealed = self.sealed_tokens();
        for index in range.clone() {
            if let (true, Some(token)) = (sealed.contains_key(&index), self.token(index)) {
                // A value that is to be sealed must not reach the server in a question. Each type of a sealed column
                // has this constant.
                text.push_str(self.sql.get(from..token.start).unwrap_or_default());
                text.push_str(match sealed.get(&index) {
                    Some(true) => "'{}'",
                    _ => "'null'",
                });
                from = token.end;
                continue;
            }
            if let (Some(number), Some(token)) = (self.param_number(index), self.token(index)) {
                text.push_str(self.sql.get(from..token.start).unwrap_or_default());
                let at = self.asking.param(number);
                text.push_str(&format!("${at}"));
                from = token.end;
            }
        }
        text.push_str(self.sql.get(from..last.end).unwrap_or_default());
        text
    }
}
