//! The end of a walk: everything must have been accounted for; parameters get their numbers.

use crate::model::ValueKind;

use super::lexer::{self, TokenKind};
use super::lineage::sent;
use super::query::Rows;
use super::refuse::{MIXTURE, Walked, full_name};
use super::scope::Origin;
use super::tokens::text_span;
use super::types::{Copy, Outputs, Slot, SlotSource, Splice, StatementKind, StatementPlan};
use super::walk::{FillValue, Walk};

/// Types whose modifiers are numbers in brackets: these are no constants.
const WITH_MODIFIERS: &[&str] = &[
    "varchar",
    "char",
    "character",
    "varying",
    "numeric",
    "decimal",
    "dec",
    "bit",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "interval",
    "float",
    "bpchar",
    "second",
    "vector",
    "halfvec",
    "sparsevec",
    "current_timestamp",
    "localtimestamp",
];

/// Words before a relation's name.
pub(super) const BEFORE_RELATION: &[&str] = &[
    "from", "join", "into", "update", "table", "copy", "using", "only",
];

/// Types whose constants can be sealed, as they stand before a constant.
const SEALED_TYPES: &[&str] = &["text", "varchar", "json", "jsonb", "bytea"];

impl Walk<'_> {
    /// Refuses a statement that goes as it stands unless everything in it has been given a role and nothing is to be sealed.
    pub(super) fn account(&self) -> Walked<()> {
        self.all_settled()?;
        if let Some(fill) = self.fills.first() {
            // It would stand in the catalog, or be compared with what is sealed and never equal it.
            let message = format!(
                "sealed column {} is compared with a value in a definition",
                full_name(&fill.column)
            );
            let help = "Leave the comparison to the queries on what is defined.";
            return Err(self.refuse(message, help, "refused-search", Some(fill.token)));
        }
        self.account_tokens()
    }

    /// Whether every constant, parameter and protected name has been given a role.
    fn account_tokens(&self) -> Walked<()> {
        let mut names = self.relations.names();
        names.extend(self.relations.sealed_names(&self.met));
        for at in self.range.clone() {
            let Some(token) = self.token(at) else {
                continue;
            };
            let placed = self.placed.contains(&at);
            match token.kind {
                TokenKind::Param(_) | TokenKind::String(_) if !placed => {
                    return Err(self
                        .not_understood("a constant or parameter in an unknown place", Some(at)));
                }
                TokenKind::Integer | TokenKind::Number if !placed && !self.is_modifier(at) => {
                    return Err(self.not_understood("a number in an unknown place", Some(at)));
                }
                TokenKind::Ident | TokenKind::QuotedIdent | TokenKind::UnicodeIdent => {
                    let Some(name) = lexer::ident(token, self.sql) else {
                        continue;
                    };
                    if names.contains(name.as_ref()) && !self.is_keyword_key(at) {
                        self.account_name(at, placed)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn account_name(&self, at: usize, placed: bool) -> Walked<()> {
        let token = self.token(at);
        let name = token
            .and_then(|token| lexer::ident(token, self.sql))
            .unwrap_or_default();
        if !placed {
            let unknown =
                self.not_understood(&format!("the name {name} in an unknown role"), Some(at));
            return Err(self.or_as_the_server_says(unknown));
        }
        // The first part of a (qualified) name that stands where a relation must stand.
        let mut first = at;
        while first >= 2
            && self
                .token(first - 1)
                .is_some_and(|token| token.is_special(b'.'))
        {
            first -= 2;
        }
        let followed = self
            .token(at + 1)
            .is_some_and(|token| token.is_special(b'.'));
        let word = |at: Option<usize>, words: &[&str]| {
            let token = at
                .and_then(|at| self.token(at))
                .filter(|_| at.is_some_and(|at| at >= self.range.start));
            token.is_some_and(|token| words.iter().any(|word| token.is_word(self.sql, word)))
        };
        let stands = word(first.checked_sub(1), BEFORE_RELATION)
            && !word(first.checked_sub(2), &["distinct"]);
        let protected = self.relations.relation_names().contains(name.as_ref());
        if stands && protected && !followed && !self.relation_tokens.contains(&at) {
            return Err(
                self.not_understood(&format!("the table {name} in an unknown role"), Some(at))
            );
        }
        Ok(())
    }

    /// `KEY` in `FOR NO KEY UPDATE`, `FOR KEY SHARE` and the like, where a column may have that name.
    fn is_keyword_key(&self, at: usize) -> bool {
        let key = self
            .token(at)
            .is_some_and(|token| token.is_word(self.sql, "key"));
        let before = at.checked_sub(1).and_then(|before| self.token(before));
        key && before.is_some_and(|token| {
            ["for", "no", "primary", "foreign"]
                .iter()
                .any(|word| token.is_word(self.sql, word))
        })
    }

    fn is_modifier(&self, at: usize) -> bool {
        let mut open = at;
        while let Some(before) = open.checked_sub(1) {
            let Some(token) = self.token(before) else {
                return false;
            };
            match token.kind {
                TokenKind::Integer | TokenKind::Special(b',') => open = before,
                TokenKind::Special(b'(') => {
                    let name = before.checked_sub(1).and_then(|name| self.token(name));
                    return name.is_some_and(|name| {
                        WITH_MODIFIERS
                            .iter()
                            .any(|word| name.is_word(self.sql, word))
                    });
                }
                _ => return false,
            }
        }
        false
    }

    /// The plan of the statement, after [`Self::account`].
    pub(super) fn finish(mut self, rows: Rows) -> Walked<StatementPlan> {
        self.all_settled()?;
        self.account_tokens()?;
        let tokens = self.tokens.get(self.range.clone()).unwrap_or_default();
        let span = text_span(tokens);
        if self.met.is_empty() {
            return Ok(forward(span).unless_absent(self.absent));
        }
        let max_param = self
            .range
            .clone()
            .filter_map(|at| self.param_number(at))
            .max()
            .unwrap_or(0)
            // A client may declare, and then must bind, more than the text uses.
            .max(u16::try_from(self.env.declared.len()).unwrap_or(u16::MAX));
        let mut splices = std::mem::take(&mut self.splices);
        let (slots, copies) = self.slots(max_param, &mut splices)?;
        self.must_be_openable(&rows)?;
        let outputs = if rows.columns.is_empty() && !rows.open {
            Outputs::None
        } else {
            let lineage = rows
                .columns
                .into_iter()
                .map(|column| sent(&column.lineage))
                .collect();
            Outputs::ByDescription {
                lineage: (!rows.open).then_some(lineage),
            }
        };
        splices.sort_by_key(|splice: &Splice| splice.span.start);
        let once = self.met.iter().copied();
        Ok(StatementPlan {
            defines: Vec::new(),
            notice: None,
            once: once.filter(|oid| self.stands_once(*oid, false)).collect(),
            kind: StatementKind::Run,
            span,
            slots,
            tenants: std::mem::take(&mut self.tenants),
            left_plain: std::mem::take(&mut self.left_plain),
            agree: std::mem::take(&mut self.agree),
            lookup: self.asking.finish(self.sql),
            outputs,
            copies,
            max_param,
            splices,
            none_matched: std::mem::take(&mut self.asking.none_matched),
            guards: std::mem::take(&mut self.asking.guards),
            meanings: Vec::new(),
            sets: self.sets.take(),
            absent: self.absent.take(),
            meant: Vec::new(),
            passes: None,
        })
    }

    /// Turns `text 'x'` into `'x'::text`: where the constant becomes a parameter, no type can stand before it.
    fn cast_behind(&self, constant: usize, splices: &mut Vec<Splice>) {
        let of_type = constant
            .checked_sub(1)
            .and_then(|before| self.token(before));
        let (Some(of_type), Some(token)) = (of_type, self.token(constant)) else {
            return;
        };
        let typed = SEALED_TYPES
            .iter()
            .any(|name| of_type.is_word(self.sql, name));
        if typed {
            splices.push(Splice {
                span: of_type.span(),
                text: String::new(),
            });
            splices.push(Splice {
                span: token.end..token.end,
                text: format!("::{}", of_type.text(self.sql)),
            });
        }
    }

    /// Refuses outputs whose sealed values could not be found in the result.
    fn must_be_openable(&self, rows: &Rows) -> Walked<()> {
        for column in &rows.columns {
            if column.lineage.is_unclear()
                || (rows.open && !matches!(column.origin, Some(Origin::Column(..))))
            {
                self.must_be_plain(&column.lineage, MIXTURE)?;
            }
        }
        Ok(())
    }

    /// Numbers the parameters: one that has further roles gets a copy for each.
    fn slots(
        &mut self,
        max_param: u16,
        splices: &mut Vec<Splice>,
    ) -> Walked<(Vec<Slot>, Vec<Copy>)> {
        let mut numbered: Vec<(Numbered, u16)> = Vec::new();
        let mut copies: Vec<Copy> = Vec::new();
        let mut slots = Vec::new();
        for fill in std::mem::take(&mut self.fills) {
            let Some(token) = self.token(fill.token) else {
                continue;
            };
            let Some(tenant) = fill.tenant else {
                return Err(self.not_understood("a value whose row is not known", Some(fill.token)));
            };
            let source = match fill.value {
                FillValue::Literal {
                    value,
                    kind,
                    stands,
                } => {
                    self.cast_behind(fill.token, splices);
                    SlotSource::Literal {
                        span: token.span(),
                        value,
                        kind,
                        stands,
                    }
                }
                FillValue::Param { original, kind } => {
                    let role = Numbered {
                        original,
                        label: fill.column.label.to_string(),
                        tenant,
                        kind,
                        plain: fill.null_if.is_none(),
                    };
                    let known = numbered
                        .iter()
                        .find(|(known, _)| *known == role && role.plain)
                        .map(|(_, number)| *number);
                    let taken = self.plain_params.contains_key(&original)
                        || numbered.iter().any(|(known, _)| known.original == original);
                    let (number, new) = match known {
                        Some(number) => (number, false),
                        None if !taken => (original, true),
                        None => {
                            copies.push(Copy { original });
                            let number = u16::try_from(copies.len())
                                .ok()
                                .and_then(|count| max_param.checked_add(count));
                            let Some(number) = number else {
                                return Err(
                                    self.not_understood("too many parameters", Some(fill.token))
                                );
                            };
                            (number, true)
                        }
                    };
                    if number != original {
                        splices.push(Splice {
                            span: token.span(),
                            text: format!("${number}"),
                        });
                    }
                    if !new {
                        let mut shared = slots.iter_mut();
                        let shared = shared.find(|slot: &&mut Slot| {
                            matches!(slot.source, SlotSource::Param { number: of, .. } if of == number)
                        });
                        if let Some(slot) = shared {
                            slot.sought &= fill.sought;
                        }
                        continue;
                    }
                    numbered.push((role, number));
                    SlotSource::Param { number, kind }
                }
            };
            slots.push(Slot {
                source,
                column: fill.column,
                tenant,
                elements: fill.elements,
                sought: fill.sought,
                null_if: fill.null_if,
            });
        }
        Ok((slots, copies))
    }
}

/// A parameter's role as a slot: equal ones share a number.
#[derive(PartialEq)]
struct Numbered {
    original: u16,
    label: String,
    tenant: usize,
    kind: ValueKind,
    /// It is sealed as it is, without NULLIF.
    plain: bool,
}

/// The plan of a statement that needs nothing.
pub(super) fn forward(span: std::ops::Range<usize>) -> StatementPlan {
    StatementPlan {
        kind: StatementKind::Forward,
        defines: Vec::new(),
        notice: None,
        once: Vec::new(),
        span,
        slots: Vec::new(),
        tenants: Vec::new(),
        left_plain: Vec::new(),
        agree: Vec::new(),
        lookup: None,
        outputs: Outputs::None,
        copies: Vec::new(),
        max_param: 0,
        splices: Vec::new(),
        none_matched: Vec::new(),
        guards: Vec::new(),
        meanings: Vec::new(),
        sets: None,
        absent: None,
        meant: Vec::new(),
        passes: None,
    }
}
