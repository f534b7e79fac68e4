//! EXECUTE: the constants that it passes to a prepared statement.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::model::{Format, Oid, Plain, Refusal, TenantId};

use super::finish::forward;
use super::lexer::{self, Limits, StringKind, TokenKind};
use super::refuse::Walked;
use super::store::literal_kind;
use super::types::{
    AssignedTenant, Guard, Lookup, Slot, SlotSource, Splice, StatementKind, StatementPlan,
    TenantSource,
};
use super::view::View;

/// What stands for an argument that is not passed: PostgreSQL reads it, and rejects it if it were to run.
pub const UNBOUND: &str = "\"pgseal: nothing is bound\"";

impl View<'_> {
    /// Whether an EXECUTE of this name comes to a protected statement, by whatever detours.
    pub(super) fn reaches_protected(&self, name: &str) -> bool {
        let mut passed = BTreeSet::new();
        let mut name = name.to_owned();
        // Names that execute each other come to nothing.
        while passed.insert(name.clone()) {
            match (self.env.statements)(&name).as_deref() {
                None => return false,
                Some(StatementPlan {
                    kind: StatementKind::Execute { name: next },
                    ..
                }) => name.clone_from(next),
                Some(_) => return true,
            }
        }
        false
    }

    /// `EXECUTE name [(arguments)]`.
    pub(super) fn execute(&self, range: Range<usize>) -> Walked<StatementPlan> {
        let walk = self.walk(range.clone());
        let span = self.span(&range);
        let Some(name) = self.name(range.start + 1) else {
            return Err(walk.not_understood("this form of EXECUTE", None));
        };
        walk.calls_nothing(&(range.start + 2..range.end))?;
        let Some(inner) = (self.env.statements)(&name) else {
            let passes = self.passed(name.clone(), range.start + 1, &range);
            let plan = self.by_description(&range, StatementKind::Execute { name });
            return Ok(StatementPlan { passes, ..plan });
        };
        if let StatementKind::Execute { name: next } = &inner.kind {
            if self.reaches_protected(next) {
                return Err(walk.not_understood("EXECUTE of an EXECUTE", None));
            }
            return Ok(self.by_description(&range, StatementKind::Execute { name }));
        }
        let does = |kind| {
            Ok(StatementPlan {
                kind,
                ..forward(self.span(&range))
            })
        };
        match &inner.kind {
            StatementKind::Forward if inner.meanings.is_empty() => return Ok(forward(span)),
            StatementKind::Forward => {
                let plan = self.by_description(&range, StatementKind::Execute { name });
                let meanings = inner.meanings.clone();
                return Ok(StatementPlan { meanings, ..plan });
            }
            StatementKind::Run | StatementKind::Fetch { .. } => {}
            // It does what it would do by itself.
            StatementKind::PreparePlain { name } => {
                return does(StatementKind::PreparePlain { name: name.clone() });
            }
            StatementKind::Deallocate { name } => {
                return does(StatementKind::Deallocate { name: name.clone() });
            }
            StatementKind::CloseCursor { name } => {
                return does(StatementKind::CloseCursor { name: name.clone() });
            }
            // It would carry values or rows that are not looked at when it runs in this way.
            _ => {
                return Err(walk.not_understood(
                    "EXECUTE of a command that the client prepared and that is no query",
                    None,
                ));
            }
        }
        let constant = |slot: &Slot| matches!(slot.source, SlotSource::Literal { .. });
        if inner.slots.iter().any(constant) {
            return Err(walk.not_understood(
                "EXECUTE of a statement that the client prepared with a constant for a sealed column",
                None,
            ));
        }
        if !inner.copies.is_empty() {
            return Err(walk.not_understood(
                "EXECUTE of a statement with one parameter in two roles",
                None,
            ));
        }
        let open = range.start + 2;
        let close = walk.closing(open).filter(|close| close + 1 == range.end);
        if close.is_none() && open < range.end {
            return Err(walk.not_understood("this form of EXECUTE", Some(open)));
        }
        let arguments = close.map_or(Vec::new(), |close| self.items(open, close));
        if arguments.len() != usize::from(inner.max_param) {
            return Ok(self.miscounted(&range, &name, &arguments));
        }
        let argument = |number: u16| {
            usize::from(number)
                .checked_sub(1)
                .and_then(|at| arguments.get(at))
                .cloned()
        };
        let mut slots = Vec::new();
        for slot in &inner.slots {
            let SlotSource::Param { number, kind } = &slot.source else {
                continue;
            };
            let value = argument(*number).map(|item| self.argument(item));
            match value {
                Some(Argument::Text(span, value)) => {
                    slots.push(Slot {
                        source: SlotSource::Literal {
                            span,
                            value,
                            kind: literal_kind(slot.column.kind, Some(*kind)),
                            stands: None,
                        },
                        column: Arc::clone(&slot.column),
                        tenant: slot.tenant,
                        elements: slot.elements,
                        sought: slot.sought,
                        null_if: slot.null_if.clone(),
                    });
                }
                Some(Argument::Null) => {}
                Some(Argument::Other) | None => {
                    let message = format!(
                        "the argument for sealed column {} is not a string constant",
                        super::refuse::full_name(&slot.column)
                    );
                    return Err(walk.refuse(
                        message,
                        "Give a string constant or NULL.",
                        "refused-parameter",
                        None,
                    ));
                }
            }
        }
        let mut tenants = Vec::new();
        for tenant in &inner.tenants {
            tenants.push(match tenant {
                TenantSource::Param {
                    number,
                    type_oid,
                    max_chars,
                } => {
                    let known = argument(*number)
                        .and_then(|item| self.tenant_argument(item, *type_oid, *max_chars));
                    let Some(known) = known else {
                        return Err(
                            walk.not_understood("a tenant that is not a constant in EXECUTE", None)
                        );
                    };
                    TenantSource::Known(known)
                }
                TenantSource::Elements { .. } => {
                    return Err(walk.not_understood("an array of tenants in EXECUTE", None));
                }
                other => other.clone(),
            });
        }
        let lookup = match &inner.lookup {
            None => None,
            Some(lookup) => {
                let text = |number: u16| {
                    // What a function gives may be something else when the statement runs.
                    let item = argument(number).filter(|item| !self.calls(item))?;
                    self.sql.get(self.span(&item)).map(str::to_owned)
                };
                let sql = substituted(lookup, &text);
                let Some(sql) = sql else {
                    return Err(walk.not_understood(
                        "a function in an argument of EXECUTE that a tenant hangs on",
                        None,
                    ));
                };
                Some(Lookup {
                    sql,
                    params: Arc::default(),
                    places: Arc::default(),
                    zero_rows_ok: Vec::new(),
                    may_be_none: lookup.may_be_none.clone(),
                    must_equal: lookup.must_equal.clone(),
                    // Where it stands is known in the text of PREPARE only.
                    assigned: lookup.assigned.clone().map(|assigned| AssignedTenant {
                        position: None,
                        ..assigned
                    }),
                    cases: lookup.cases.clone(),
                    reads: None,
                })
            }
        };
        let outputs = inner.outputs.clone();
        let (at, around) = match close.and_then(|close| self.tokens.get(close)) {
            Some(close) => (close.start, [", ", ""]),
            None => (span.end, ["(", ")"]),
        };
        Ok(StatementPlan {
            kind: StatementKind::Execute { name },
            guards: Guard::arguments(at, around, &inner.guarding())
                .into_iter()
                .collect(),
            once: inner.once.clone(),
            meanings: inner.meanings.clone(),
            meant: inner.meant.clone(),
            slots,
            tenants,
            agree: inner.agree.clone(),
            lookup,
            outputs,
            ..forward(span)
        })
    }

    /// More or fewer arguments than the statement takes: the server counts them before it looks at them, and says so. Its log
    /// shows what stands in their place.
    fn miscounted(
        &self,
        range: &Range<usize>,
        name: &str,
        arguments: &[Range<usize>],
    ) -> StatementPlan {
        let given = arguments.iter().filter(|item| !item.is_empty());
        let kind = StatementKind::Execute {
            name: name.to_owned(),
        };
        StatementPlan {
            splices: given
                .map(|item| Splice {
                    span: self.span(item),
                    text: UNBOUND.to_owned(),
                })
                .collect(),
            ..self.by_description(range, kind)
        }
    }

    /// Whether a function is called in an argument. Behind `::` it is a type.
    fn calls(&self, item: &Range<usize>) -> bool {
        item.clone().any(|at| {
            let before = at.checked_sub(1).and_then(|before| self.tokens.get(before));
            let casts = before.is_some_and(|token| token.text(self.sql) == "::");
            let next = self.tokens.get(at + 1);
            let opens = next.is_some_and(|token| token.is_special(b'('));
            self.name(at).is_some() && opens && !casts
        })
    }

    fn argument(&self, item: Range<usize>) -> Argument {
        let Some(token) = self.tokens.get(item.start) else {
            return Argument::Other;
        };
        if item.len() == 1 && token.is_word(self.sql, "null") {
            return Argument::Null;
        }
        let string = matches!(
            token.kind,
            TokenKind::String(
                StringKind::Plain
                    | StringKind::Escaping
                    | StringKind::Escape
                    | StringKind::Unicode
                    | StringKind::Dollar
            )
        );
        match lexer::string_value(token, self.sql) {
            Ok(value) if item.len() == 1 && string => {
                Argument::Text(token.span(), Plain::new(value.as_bytes().to_vec()))
            }
            _ => Argument::Other,
        }
    }

    fn tenant_argument(
        &self,
        item: Range<usize>,
        type_oid: Oid,
        max_chars: Option<u32>,
    ) -> Option<TenantId> {
        let (first, last) = (self.tokens.get(item.start)?, self.tokens.get(item.end - 1)?);
        let negative = item.len() == 2 && first.is_operator(self.sql, "-");
        let text = match last.kind {
            TokenKind::Integer if negative => format!("-{}", last.text(self.sql)).into(),
            _ if item.len() != 1 => return None,
            TokenKind::String(_) => lexer::string_value(last, self.sql).ok()?,
            TokenKind::Integer => last.text(self.sql).into(),
            _ => return None,
        };
        TenantId::stored(type_oid, Format::Text, text.as_bytes(), max_chars)
    }
}

/// In PostgreSQL's words for an EXECUTE of a statement that is not there.
#[must_use]
pub fn missing(name: &str) -> Refusal {
    Refusal::new(
        "26000",
        format!("prepared statement \"{name}\" does not exist"),
        "Its PREPARE was refused, has failed, or was never sent in this session; what EXECUTE passes to it was not sent either. See docs/errors.md#statement-missing.",
    )
}

enum Argument {
    Text(Range<usize>, Plain),
    Null,
    Other,
}

/// The look-up with the arguments in the place of its parameters.
fn substituted(lookup: &Lookup, argument: &dyn Fn(u16) -> Option<String>) -> Option<String> {
    let tokens = lexer::lex(&lookup.sql, &Limits::default()).ok()?;
    let mut text = String::new();
    let mut from = 0;
    for token in &tokens {
        if let TokenKind::Param(number) = token.kind {
            let original = usize::try_from(number)
                .ok()?
                .checked_sub(1)
                .and_then(|at| lookup.params.get(at))?;
            text.push_str(lookup.sql.get(from..token.start)?);
            text.push_str(&format!("({})", argument(*original)?));
            from = token.end;
        }
    }
    text.push_str(lookup.sql.get(from..)?);
    Some(text)
}
