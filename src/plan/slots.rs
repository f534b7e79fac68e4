//! Values on their way into sealed columns: what may stand in a slot, whose tenant it is, and the numbers of parameters.

use std::collections::HashMap;
use std::sync::Arc;

use super::lexer::{self, StringKind, TokenKind};
use super::text::{Text, refused};
use super::types::{Copy, Slot, SlotSource, Splice, TenantSource};
use crate::model::{Oid, Plain, Refusal, TenantId, ValueKind};
use crate::rules::ProtectedColumn;

/// A value as written: a constant or parameter under any number of casts and brackets.
pub(super) enum Simple {
    /// A string constant: the token's index.
    Text(usize, String),
    /// An integer constant, as written.
    Integer(String),
    /// `$n`: the token's index and the number.
    Param(usize, u16),
    /// NULL.
    Null,
    /// DEFAULT.
    Default,
}

/// Reads such a value; gives it with the innermost cast's type. `None`: it is something else.
pub(super) fn simple(text: &Text<'_>) -> Option<(Simple, Option<String>)> {
    simple_from(text, 0)
}

fn simple_from(text: &Text<'_>, offset: usize) -> Option<(Simple, Option<String>)> {
    let len = text.len();
    if text.is_special(0, b'(') && text.closed(0) == len {
        return simple_from(&text.part(1..len - 1), offset + 1);
    }
    if text.is_word(0, "cast") && text.is_special(1, b'(') && text.closed(1) == len {
        let inner = text.part(2..len - 1);
        let at = inner.find(0, &["as"]);
        let (value, innermost) = simple_from(&inner.part(0..at), offset + 2)?;
        return Some((value, innermost.or_else(|| type_name(&inner.from(at + 1)))));
    }
    let head = if text.is_special(0, b'(') {
        text.closed(0)
    } else if text.is_word(0, "cast") {
        text.closed(1)
    } else {
        1
    };
    let casts = text.from(head);
    if casts.len() > 0 {
        let cast = casts
            .get(0)
            .filter(|token| token.kind == TokenKind::TypeCast)
            .map(|_| casts.from(1))?;
        let first = (0..cast.len())
            .find(|index| {
                cast.get(*index)
                    .is_some_and(|token| token.kind == TokenKind::TypeCast)
            })
            .unwrap_or(cast.len());
        let name = type_name(&cast.part(0..first))?;
        let (value, innermost) = simple_from(&text.part(0..head), offset)?;
        return Some((value, Some(innermost.unwrap_or(name))));
    }
    let token = text.get(0).filter(|_| len == 1)?;
    let value = match token.kind {
        TokenKind::String(
            StringKind::Plain | StringKind::Escape | StringKind::Unicode | StringKind::Dollar,
        ) => Simple::Text(
            offset,
            lexer::string_value(token, text.sql).ok()?.into_owned(),
        ),
        TokenKind::Integer => Simple::Integer(token.text(text.sql).to_owned()),
        TokenKind::Param(number) => Simple::Param(offset, u16::try_from(number).ok()?),
        TokenKind::Ident if token.is_word(text.sql, "null") => Simple::Null,
        TokenKind::Ident if token.is_word(text.sql, "default") => Simple::Default,
        _ => return None,
    };
    Some((value, None))
}

fn type_name(text: &Text<'_>) -> Option<String> {
    let mut at = 0;
    if text.is_word(0, "pg_catalog") && text.is_special(1, b'.') {
        at = 2;
    }
    let name = text.name(at)?.into_owned();
    let varying = usize::from(name == "character" && text.is_word(at + 1, "varying"));
    let mut end = at + 1 + varying;
    if text.is_special(end, b'(') {
        end = text.closed(end);
    }
    (end == text.len()).then_some(name)
}

fn kind_of_type(name: &str) -> Option<ValueKind> {
    match name {
        "text" | "varchar" | "character" => Some(ValueKind::Text),
        "json" => Some(ValueKind::Json),
        "jsonb" => Some(ValueKind::Jsonb),
        "bytea" => Some(ValueKind::Bytea),
        _ => None,
    }
}

fn kind_of_oid(oid: Oid) -> Option<ValueKind> {
    match oid {
        Oid(25 | 1043 | 705) => Some(ValueKind::Text),
        Oid(114) => Some(ValueKind::Json),
        Oid(3802) => Some(ValueKind::Jsonb),
        Oid(17) => Some(ValueKind::Bytea),
        _ => None,
    }
}

fn oid_of_type(name: &str) -> Option<Oid> {
    match name {
        "text" | "varchar" | "character" => Some(Oid(25)),
        "uuid" => Some(Oid(2950)),
        "int2" | "smallint" => Some(Oid(21)),
        "int4" | "int" | "integer" => Some(Oid(23)),
        "int8" | "bigint" => Some(Oid(20)),
        _ => None,
    }
}

/// The slots of one statement, while they are found.
pub(super) struct Slots<'a> {
    statement: Text<'a>,
    declared: &'a [Oid],
    uses: HashMap<u16, usize>,
    kept: HashMap<u16, usize>,
    pub(super) max_param: u16,
    pub(super) slots: Vec<Slot>,
    pub(super) tenants: Vec<TenantSource>,
    pub(super) copies: Vec<Copy>,
    pub(super) splices: Vec<Splice>,
}

impl<'a> Slots<'a> {
    pub(super) fn new(statement: Text<'a>, declared: &'a [Oid]) -> Self {
        let mut uses: HashMap<u16, usize> = HashMap::new();
        for token in statement.tokens {
            if let TokenKind::Param(number) = token.kind
                && let Ok(number) = u16::try_from(number)
            {
                *uses.entry(number).or_default() += 1;
            }
        }
        let max_param = uses.keys().copied().max().unwrap_or_default();
        Self {
            statement,
            declared,
            uses,
            kept: HashMap::new(),
            max_param,
            slots: Vec::new(),
            tenants: Vec::new(),
            copies: Vec::new(),
            splices: Vec::new(),
        }
    }

    pub(super) fn tenant(&mut self, source: TenantSource) -> usize {
        match self.tenants.iter().position(|known| *known == source) {
            Some(index) => index,
            None => {
                self.tenants.push(source);
                self.tenants.len() - 1
            }
        }
    }

    /// Places the value that `value` writes into `column`.
    pub(super) fn place(
        &mut self,
        value: &Text<'a>,
        column: &Arc<ProtectedColumn>,
        tenant: impl FnOnce(&mut Self) -> Result<usize, Refusal>,
    ) -> Result<(), Refusal> {
        let Some((simple, cast)) = simple(value) else {
            return Err(self.not_simple(value, column));
        };
        let source = match simple {
            Simple::Null => return Ok(()),
            Simple::Default => {
                return Err(self.refusal(
                    value,
                    column,
                    "a DEFAULT",
                    "Write the value itself: a default would be stored as it is.",
                ));
            }
            Simple::Integer(_) => {
                return Err(self.refusal(
                    value,
                    column,
                    "a number",
                    "Write it as a string constant or a parameter.",
                ));
            }
            Simple::Text(at, text) => {
                if let Some(cast) = cast.as_deref().filter(|cast| kind_of_type(cast).is_none()) {
                    return Err(self.refusal(
                        value,
                        column,
                        &format!("a cast to {cast}"),
                        "Cast to the column's own type.",
                    ));
                }
                let token = value
                    .get(at)
                    .ok_or_else(|| self.not_simple(value, column))?;
                SlotSource::Literal {
                    span: token.span(),
                    value: Plain::new(text.into_bytes()),
                }
            }
            Simple::Param(at, number) => {
                let kind = self.wire_kind(value, column, number, cast.as_deref())?;
                SlotSource::Param {
                    number: self.number(value, at, number),
                    kind,
                }
            }
        };
        let tenant = tenant(self)?;
        self.slots.push(Slot {
            source,
            column: column.clone(),
            tenant,
        });
        Ok(())
    }

    fn wire_kind(
        &self,
        value: &Text<'_>,
        column: &ProtectedColumn,
        number: u16,
        cast: Option<&str>,
    ) -> Result<ValueKind, Refusal> {
        let declared = self
            .declared
            .get(usize::from(number).wrapping_sub(1))
            .copied()
            .filter(|oid| *oid != Oid(0));
        let kind = match (declared, cast) {
            (Some(oid), _) => kind_of_oid(oid),
            (None, Some(cast)) => kind_of_type(cast),
            (None, None) => Some(column.kind),
        };
        kind.ok_or_else(|| {
            self.refusal(
                value,
                column,
                "a parameter of another type",
                "Send the parameter as text, or as the column's own type.",
            )
        })
    }

    /// A parameter that has a further role gets a number of its own.
    fn number(&mut self, value: &Text<'_>, at: usize, number: u16) -> u16 {
        let uses = self.uses.get(&number).copied().unwrap_or_default();
        if uses <= 1 {
            return number;
        }
        self.kept
            .entry(number)
            .and_modify(|kept| *kept += 1)
            .or_insert(1);
        self.copies.push(Copy { original: number });
        let copied = u16::try_from(self.copies.len())
            .unwrap_or(u16::MAX)
            .saturating_add(self.max_param);
        if let Some(token) = value.get(at) {
            self.splices.push(Splice {
                span: token.span(),
                text: format!("${copied}"),
            });
        }
        copied
    }

    /// A parameter whose every use became a copy would have no type of its own: its first use stays as it was.
    pub(super) fn settle(&mut self) {
        let orphaned: Vec<u16> = self
            .kept
            .iter()
            .filter(|(number, kept)| self.uses.get(number) == Some(kept))
            .map(|(number, _)| *number)
            .collect();
        for number in orphaned {
            let Some(copy) = self.copies.iter().position(|copy| copy.original == number) else {
                continue;
            };
            let copied = u16::try_from(copy + 1)
                .unwrap_or(u16::MAX)
                .saturating_add(self.max_param);
            let name = format!("${copied}");
            // The copy's number stays bound, so that the numbers behind it need not move; a cast gives it a type.
            for splice in self.splices.iter_mut().filter(|splice| splice.text == name) {
                splice.text = format!("${number}");
            }
            for slot in &mut self.slots {
                if let SlotSource::Param {
                    number: slot_number,
                    ..
                } = &mut slot.source
                    && *slot_number == copied
                {
                    *slot_number = number;
                }
            }
            self.renumber_last_copy(copy);
        }
    }

    /// Fills the gap that a withdrawn copy leaves with the last one.
    fn renumber_last_copy(&mut self, gap: usize) {
        let last = self.copies.len();
        self.copies.swap_remove(gap);
        let (Ok(from), Ok(to)) = (u16::try_from(last), u16::try_from(gap + 1)) else {
            return;
        };
        let (from, to) = (
            from.saturating_add(self.max_param),
            to.saturating_add(self.max_param),
        );
        let name = format!("${from}");
        for splice in self.splices.iter_mut().filter(|splice| splice.text == name) {
            splice.text = format!("${to}");
        }
        for slot in &mut self.slots {
            if let SlotSource::Param { number, .. } = &mut slot.source
                && *number == from
            {
                *number = to;
            }
        }
    }

    /// The tenant that a value of a tenant column names.
    pub(super) fn tenant_value(&mut self, value: &Text<'_>, type_oid: Oid) -> Option<TenantSource> {
        let (simple, cast) = simple(value)?;
        match simple {
            Simple::Text(_, text) => {
                TenantId::new(&normal(&text, type_oid)?).map(TenantSource::Known)
            }
            Simple::Integer(text) => {
                TenantId::new(&normal(&text, type_oid)?).map(TenantSource::Known)
            }
            Simple::Param(_, number) => {
                let declared = self
                    .declared
                    .get(usize::from(number).wrapping_sub(1))
                    .copied()
                    .filter(|oid| *oid != Oid(0));
                let type_oid = declared
                    .or_else(|| cast.as_deref().and_then(oid_of_type))
                    .unwrap_or(type_oid);
                Some(TenantSource::Param { number, type_oid })
            }
            Simple::Null | Simple::Default => None,
        }
    }

    fn not_simple(&self, value: &Text<'_>, column: &ProtectedColumn) -> Refusal {
        self.refusal(value, column, "an expression", "Give the value as a string constant or a parameter: an expression would be computed where pgseal cannot seal its result.")
    }

    fn refusal(
        &self,
        value: &Text<'_>,
        column: &ProtectedColumn,
        what: &str,
        hint: &str,
    ) -> Refusal {
        let text = if value.len() == 0 {
            &self.statement
        } else {
            value
        };
        refused(
            text,
            0,
            format!(
                "{what} is assigned to the sealed column {}.{}.{}",
                column.schema, column.table, column.name
            ),
            hint,
            "refused-value",
        )
    }
}

/// The text that PostgreSQL's cast to text gives for a constant of this type.
fn normal(text: &str, type_oid: Oid) -> Option<String> {
    match type_oid {
        Oid(2950) => {
            let digits: String = text
                .chars()
                .filter(|c| !matches!(c, '-' | '{' | '}' | ' '))
                .collect::<String>()
                .to_ascii_lowercase();
            let whole = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
            whole.then(|| {
                [
                    part(0, 8),
                    part(8, 12),
                    part(12, 16),
                    part(16, 20),
                    part(20, 32),
                ]
                .join("-")
            })
        }
        Oid(20 | 21 | 23) => text
            .trim()
            .parse::<i64>()
            .ok()
            .map(|number| number.to_string()),
        _ => Some(text.to_owned()),
    }
}
