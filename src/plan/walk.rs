//! The walk over one statement: what it has met and placed so far.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;
use std::sync::Arc;

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};
use sqlparser::tokenizer::Span;

use crate::catalog::Relation;
use crate::model::{Oid, Plain, Refusal, ValueKind};
use crate::rules::ProtectedColumn;

use super::ambiguous::asked_as;
use super::attempt::Attempt;
use super::branches::{Branch, Case};
use super::cells::Cell;
use super::env::Env;
use super::holders::Holder;
use super::lexer::{self, Token, TokenKind};
use super::lineage::{Lineage, columns};
use super::lookup::Asking;
use super::members::KeyTest;
use super::passed::Passed;
use super::refuse::{
    COMPARISON, Construct, DEDUPE, GROUP, JOIN, ROTATING, Stop, Walked, refused, sealed_use,
};
use super::relations::{Relations, Standing};
use super::scope::Origin;
use super::search::Search;
use super::tenancy::Tenancy;
use super::tokens::Tokens;
use super::types::{Splice, TenantSource};

/// A sealed slot before parameters have got their numbers.
pub(super) struct Fill {
    pub token: usize,
    pub column: Arc<ProtectedColumn>,
    /// `None` until its row's owner is known.
    pub tenant: Option<usize>,
    pub value: FillValue,
    /// Where it stands in derived rows: the group of columns, and the row.
    pub row: Option<(usize, usize)>,
    /// It is an array, whose elements are the values.
    pub elements: bool,
    /// It is only compared: where there are no rows of its tenant, it may be anything.
    pub sought: bool,
    /// A value equal to this is stored as NULL.
    pub null_if: Option<Plain>,
    /// The branch of a CASE that it is the value of.
    pub branch: Option<Branch>,
}

pub(super) enum FillValue {
    Literal {
        value: Plain,
        kind: ValueKind,
        /// The type that it is given where it stands, if not the column's: in derived rows by what is united with it, or
        /// text where nothing gives another, as in NULLIF of two such constants.
        stands: Option<ValueKind>,
    },
    Param {
        original: u16,
        kind: ValueKind,
    },
}

/// State of the walk over one statement.
pub(super) struct Walk<'a> {
    pub relations: &'a Relations,
    pub env: &'a Env<'a>,
    pub sql: &'a str,
    /// The whole text's tokens.
    pub tokens: &'a [Token],
    /// Those of this statement.
    pub range: Range<usize>,
    /// Identifiers, constants and parameters whose role is known.
    pub placed: HashSet<usize>,
    /// Identifiers that were met as relations.
    pub relation_tokens: HashSet<usize>,
    /// Protected relations met.
    pub met: BTreeSet<Oid>,
    /// How often each of them stands in the statement.
    pub counts: BTreeMap<Oid, usize>,
    /// How often each common table expression is read.
    pub cte_reads: BTreeMap<String, usize>,
    /// Parameters in plain roles.
    pub plain_params: BTreeMap<u16, Vec<usize>>,
    pub fills: Vec<Fill>,
    /// Fills whose tenant is still to be said.
    pub unowned: Vec<usize>,
    pub cells: Vec<Cell>,
    pub passed: Vec<Passed>,
    pub groups: usize,
    /// Uses of searchable columns whose tenant is still to be found.
    pub searches: Vec<Search>,
    /// Columns that values are stored in as they are.
    pub left_plain: Vec<Arc<ProtectedColumn>>,
    /// Columns of scans that are compared with what says whose rows are.
    pub holders: Vec<Holder>,
    /// Which scans give rows of one tenant.
    pub tenancy: Tenancy,
    /// Tenants, by index, that must be one when the statement runs.
    pub agree: Vec<(usize, usize)>,
    /// Scans whose rows are of one tenant then.
    pub agreed: Vec<(usize, usize)>,
    /// Scans whose tenant column is a key of the grouping that is walked.
    pub keys: Vec<usize>,
    /// What the query whose sources are walked asks of the keys of members.
    pub key_tests: Vec<KeyTest>,
    /// Columns that are compared together with the one that is looked at.
    pub together: Vec<Origin>,
    /// Columns of which the rows that are aggregated hold one value each.
    pub single: Vec<Origin>,
    /// The function whose result it reads, where an earlier statement of the text made it.
    pub attempt: Option<Attempt>,
    pub tenants: Vec<TenantSource>,
    pub asking: Asking,
    /// The last reference to a sealed column, for positions.
    pub last_sealed: Option<usize>,
    /// How many times tables have been read so far.
    pub scans: usize,
    /// Something that a look-up must not repeat.
    pub impure: Option<usize>,
    /// Whether the statement, or a part of it, changes rows.
    pub changes: bool,
    /// The WITH before a change of rows, where a look-up can repeat it.
    pub with_prefix: Option<Range<usize>>,
    /// Edits of the text.
    pub splices: Vec<Splice>,
    /// The table that SELECT INTO makes.
    pub into: Option<String>,
    /// CASEs of values that are assigned.
    pub cases: Vec<Case>,
    /// The first token of the one that is assigned next.
    pub next_case: Option<usize>,
    /// The columns that an UPDATE sets, where it certainly changes nothing else.
    pub sets: Option<BTreeSet<String>>,
    /// What is said of a table that is not there although a rule names it.
    pub absent: Option<Refusal>,
}

impl<'a> Walk<'a> {
    /// A walk that has met nothing.
    pub(super) fn new(
        relations: &'a Relations,
        env: &'a Env<'a>,
        sql: &'a str,
        tokens: &'a [Token],
        range: Range<usize>,
    ) -> Self {
        Self {
            relations,
            env,
            sql,
            tokens,
            range,
            placed: HashSet::new(),
            relation_tokens: HashSet::new(),
            met: BTreeSet::new(),
            counts: BTreeMap::new(),
            cte_reads: BTreeMap::new(),
            plain_params: BTreeMap::new(),
            fills: Vec::new(),
            unowned: Vec::new(),
            cells: Vec::new(),
            passed: Vec::new(),
            groups: 0,
            searches: Vec::new(),
            holders: Vec::new(),
            tenancy: Tenancy::default(),
            left_plain: Vec::new(),
            agree: Vec::new(),
            agreed: Vec::new(),
            keys: Vec::new(),
            key_tests: Vec::new(),
            together: Vec::new(),
            single: Vec::new(),
            attempt: None,
            tenants: Vec::new(),
            asking: Asking::default(),
            last_sealed: None,
            scans: 0,
            impure: None,
            changes: false,
            with_prefix: None,
            splices: Vec::new(),
            into: None,
            cases: Vec::new(),
            next_case: None,
            sets: None,
            absent: None,
        }
    }

    /// The token that a node of the syntax tree starts at.
    pub(super) fn token_at(&self, span: Span) -> Option<usize> {
        let start = super::tokens::source_range(span)?.start;
        self.tokens
            .binary_search_by_key(&start, |token| token.start)
            .ok()
    }

    pub(super) fn token(&self, index: usize) -> Option<&'a Token> {
        self.tokens.get(index)
    }

    /// The folded name at a token of the statement.
    pub(super) fn name_at(&self, at: usize) -> Option<String> {
        let token = self.token(at).filter(|_| self.range.contains(&at))?;
        lexer::ident(token, self.sql).map(std::borrow::Cow::into_owned)
    }

    /// The tokens of the text, up to the statement's end.
    pub(super) fn up_to_end(&self) -> Tokens<'_> {
        Tokens {
            sql: self.sql,
            tokens: self.tokens.get(..self.range.end).unwrap_or_default(),
        }
    }

    /// 1-based position in characters of a token.
    pub(super) fn position(&self, index: Option<usize>) -> Option<u32> {
        let token = self.token(index?)?;
        let before = self.sql.get(..token.start)?;
        u32::try_from(before.chars().count() + 1).ok()
    }

    /// The folded name of an identifier.
    pub(super) fn name(&self, ident: &Ident) -> String {
        let token = self
            .token_at(ident.span)
            .and_then(|index| self.token(index));
        match token.and_then(|token| lexer::ident(token, self.sql)) {
            Some(name) => name.into_owned(),
            None => ident.value.clone(),
        }
    }

    /// Records that this identifier's role is known.
    pub(super) fn place(&mut self, ident: &Ident) {
        self.placed.extend(self.token_at(ident.span));
    }

    pub(super) fn names(&self, name: &ObjectName) -> Walked<Vec<String>> {
        let parts = name.0.iter().map(|part| match part {
            ObjectNamePart::Identifier(ident) => Some(self.name(ident)),
            ObjectNamePart::Function(_) => None,
        });
        parts
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| self.not_understood("a computed name", None))
    }

    pub(super) fn place_name(&mut self, name: &ObjectName) {
        for part in &name.0 {
            if let ObjectNamePart::Identifier(ident) = part {
                self.place(ident);
            }
        }
    }

    pub(super) fn name_token(&self, name: &ObjectName) -> Option<usize> {
        let ident = name.0.last().and_then(ObjectNamePart::as_ident)?;
        self.token_at(ident.span)
    }

    /// A construct that the analysis does not know.
    pub(super) fn not_understood(&self, what: &str, token: Option<usize>) -> Stop {
        let token = token.or(Some(self.range.start));
        let help = "Write the statement in a simpler way, or leave the protected table out of it.";
        let message = format!(
            "this statement touches protected table{} and uses {what}, which pgseal does not understand",
            self.protected_name()
        );
        refused(message, help, "refused-syntax", self.position(token)).into()
    }

    /// Any other refusal at a token.
    pub(super) fn refuse(
        &self,
        message: impl Into<String>,
        help: &str,
        anchor: &str,
        token: Option<usize>,
    ) -> Stop {
        refused(
            message,
            help,
            anchor,
            self.position(token.or(Some(self.range.start))),
        )
        .into()
    }

    /// Refuses a value that can be a sealed one.
    pub(super) fn must_be_plain(&self, lineage: &Lineage, construct: Construct) -> Walked<()> {
        match columns(lineage).first() {
            None => Ok(()),
            Some(column) => {
                let equality = [COMPARISON, GROUP, DEDUPE, JOIN].map(|one| one.anchor);
                let rotating = column.search.is_some() && !column.is_comparable();
                let construct = match rotating && equality.contains(&construct.anchor) {
                    true => Construct {
                        name: construct.name,
                        ..ROTATING
                    },
                    false => construct,
                };
                let token = self.last_sealed.or(Some(self.range.start));
                Err(sealed_use(column, construct, self.position(token)).into())
            }
        }
    }

    /// The relation of this name, asking the server where the catalog holds several; `None`: not in the catalog.
    pub(super) fn relation(&mut self, name: &ObjectName) -> Walked<Option<Oid>> {
        let parts = self.names(name)?;
        self.relation_tokens.extend(self.name_token(name));
        self.place_name(name);
        self.relation_of(&parts, self.name_token(name))
    }

    /// The relation of a name in parts, whose last one is the token `at`.
    pub(super) fn relation_of(
        &mut self,
        parts: &[String],
        at: Option<usize>,
    ) -> Walked<Option<Oid>> {
        let (schema, relation) = match parts {
            [relation] => (None, relation),
            [schema, relation] | [_, schema, relation] => (Some(schema.as_str()), relation),
            _ => return Err(self.not_understood("a name of many parts", at)),
        };
        let found: Vec<Oid> = self
            .relations
            .catalog
            .find(schema, relation)
            .iter()
            .map(|found| found.oid)
            .collect();
        let oid = match found.as_slice() {
            [] => match schema.filter(|schema| self.relations.may_have_moved(schema, relation)) {
                Some(schema) => {
                    let asked = format!("{}.{}", asked_as(schema), asked_as(relation));
                    let known = |oid: &Oid| self.relations.catalog.relation(*oid).is_some();
                    match self.asked_name(asked)?.filter(known) {
                        Some(oid) => oid,
                        None => return Ok(None),
                    }
                }
                None => {
                    self.note_absent(schema, relation, at);
                    return Ok(None);
                }
            },
            [only] => *only,
            _ if schema.is_none() && self.relations.is_ambiguous(relation) => {
                match self.asked_name(asked_as(relation))? {
                    Some(oid) => oid,
                    None => return Ok(None),
                }
            }
            // Whichever it is, nothing in it is sealed; its columns are not known.
            _ => return Ok(None),
        };
        if !matches!(self.relations.standing(oid), Standing::Plain) {
            self.met.insert(oid);
            *self.counts.entry(oid).or_default() += 1;
        }
        Ok(Some(oid))
    }

    /// Why a table cannot be used whose relatives are protected.
    pub(super) fn ancestor(&self, relation: &Relation, at: Option<usize>) -> Stop {
        let name = format!("{}.{}", relation.schema, relation.name);
        let tables = &self.relations.protection.tables;
        if self.relations.protection.unfit.contains(&relation.oid) {
            let message = format!("table {name} was changed so that its rule no longer fits it");
            let help = "Let it have the columns that the rule names, in types that can be sealed, or correct the rule; pgseal's log says what is wrong.";
            return self.refuse(message, help, "refused-unfit", at);
        }
        let (message, help) = if tables.contains_key(&relation.oid) {
            (
                format!("table {name} inherits from protected tables whose rules disagree"),
                "Let their rules find the tenant in the same way, and each column be sealed by one of them.",
            )
        } else {
            (
                format!("table {name} has protected partitions, but is not protected itself"),
                "Write the rule for the partitioned table.",
            )
        };
        self.refuse(message, help, "refused-parent-table", at)
    }

    /// Whether a table is read at one place only, so that its columns in a result are of one row. `written`: it is also
    /// the target.
    pub(super) fn stands_once(&self, oid: Oid, written: bool) -> bool {
        self.counts.get(&oid) == Some(&(1 + usize::from(written)))
            && self.cte_reads.values().all(|reads| *reads < 2)
    }

    fn asked_name(&self, asked: String) -> Walked<Option<Oid>> {
        match self.env.resolved.get(&asked) {
            Some(answer) => Ok(*answer),
            None => Err(Stop::Resolve(asked)),
        }
    }

    /// Records a parameter in a plain role.
    pub(super) fn plain_param(&mut self, number: u16, token: usize) {
        self.placed.insert(token);
        self.plain_params.entry(number).or_default().push(token);
    }

    /// A slot's tenant source, shared by those that are equal.
    pub(super) fn tenant_index(&mut self, source: TenantSource) -> usize {
        match self.tenants.iter().position(|known| *known == source) {
            Some(at) => at,
            None => {
                self.tenants.push(source);
                self.tenants.len() - 1
            }
        }
    }

    /// The parameter number at a token.
    pub(super) fn param_number(&self, index: usize) -> Option<u16> {
        match self.token(index)?.kind {
            TokenKind::Param(number) => u16::try_from(number).ok().filter(|number| *number > 0),
            _ => None,
        }
    }
}
