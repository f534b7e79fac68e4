//! ALTER of what is protected: which changes leave sealed values, and what is sealed, as they are.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::catalog::Relation;
use crate::model::Oid;
use crate::rules::Tenant;

use super::lexer::{self, TokenKind};
use super::operand::{INTEGERS, TEXT, UUID, VARCHAR};
use super::refuse::Walked;
use super::relations::Standing;
use super::walk::Walk;

/// What is said about a sealed column that is dropped.
const DROPPED: &str = "a sealed column was dropped: take it out of the rules, or pgseal will not start with them again";

const HELP: &str = "Do it on a direct connection, then change the rules in the same breath.";

/// A type, and n of `varchar(n)`.
type Typed = (Oid, Option<u32>);

impl Walk<'_> {
    /// Whether an ALTER may go; gives what the client is to be told afterwards.
    pub(super) fn alter(&mut self, words: &[String]) -> Walked<Option<&'static str>> {
        let moved = moves(words);
        let altered = self.altered(words);
        let by_name =
            altered.is_some_and(|at| self.hangs_on_its_name(at) || self.takes_a_name(words));
        if moved && by_name {
            let message = format!(
                "protected table{} cannot be renamed or moved through pgseal: its rule would be lost",
                self.protected_name()
            );
            let at = self.protected_token();
            return Err(self.refuse(message, HELP, "refused-rename", at));
        }
        let renames = moved || words.iter().any(|word| word == "rename");
        if renames && altered.is_some() && !by_name {
            // A view, a partition: what it holds is known by what it hangs on.
            return Ok(None);
        }
        if words.get(1).is_some_and(|word| word == "publication") {
            return self.publication().map(|()| None);
        }
        let mut notice = None;
        for action in self.actions(words) {
            let dropped = self.action(&action)?;
            notice = notice.or(dropped.then_some(DROPPED));
        }
        Ok(notice)
    }

    /// The actions of ALTER TABLE; any other ALTER as a whole.
    pub(super) fn actions(&self, words: &[String]) -> Vec<Range<usize>> {
        let of = self.up_to_end();
        let table = self.altered(words);
        let table = table.filter(|_| words.get(1).is_some_and(|word| word == "table"));
        let Some(table) = table else {
            return vec![self.range.clone()];
        };
        let mut at = table + 1;
        let star = |token: &super::lexer::Token| token.is_operator(self.sql, "*");
        at += usize::from(self.token(at).is_some_and(star));
        let mut actions = Vec::new();
        while at < self.range.end {
            let end = of.element_end(at).unwrap_or(self.range.end);
            actions.push(at..end);
            at = end + 1;
        }
        actions
    }

    /// The token that names the relation which is altered, behind its schema.
    fn altered(&self, words: &[String]) -> Option<usize> {
        let word = |at: usize| words.get(at).map(String::as_str).unwrap_or_default();
        let mut at = match (word(1), word(2)) {
            ("table" | "view", _) => 2,
            ("materialized", "view") | ("foreign", "table") => 3,
            _ => return None,
        };
        while ["if", "exists", "only"].contains(&word(at)) {
            at += 1;
        }
        Some(self.up_to_end().last_part(self.range.start + at))
    }

    /// Whether a rule may mean this relation by its name.
    fn hangs_on_its_name(&self, at: usize) -> bool {
        let name = self.name_at(at).unwrap_or_default();
        let found = self.relations.catalog.find(None, &name);
        let protection = &self.relations.protection;
        let inherits = |relation: &Relation| {
            let mut parents = relation.parents.iter();
            parents.any(|parent| protection.tables.contains_key(parent))
        };
        let hangs = |relation: &&Relation| match self.relations.standing(relation.oid) {
            Standing::Table(_) => {
                let mut roots = protection.roots.values();
                roots.any(|root| *root == relation.oid) || !inherits(relation)
            }
            Standing::Ancestor => true,
            Standing::View(_) | Standing::Plain => false,
        };
        found.iter().any(hangs)
    }

    /// Whether a relation gets a name by which a rule may mean it.
    fn takes_a_name(&self, words: &[String]) -> bool {
        let mut new = (1..words.len()).filter(|at| {
            let before = |n: usize| at.checked_sub(n).and_then(|at| words.get(at));
            before(1).is_some_and(|word| word == "to")
                && before(2).is_some_and(|word| word == "rename")
        });
        new.any(|at| self.hangs_on_its_name(self.range.start + at))
    }

    /// Whether an action may go, and whether it drops a sealed column.
    fn action(&self, action: &Range<usize>) -> Walked<bool> {
        let owned: Vec<String> = action.clone().map(|at| self.word(at)).collect();
        let words: Vec<&str> = owned.iter().map(String::as_str).collect();
        self.keeps_tenants(action, &words)?;
        if let Some(dropped) = dropped(&words) {
            let at = action.start + dropped;
            return Ok(self.sealed_in(at..at + 1).is_some());
        }
        if self.keeps_values(action, &words) {
            return Ok(false);
        }
        let anchor = match words.contains(&"rename") {
            true => "refused-rename",
            false => "refused-ddl",
        };
        self.no_sealed_name("ALTER", anchor, action).map(|()| false)
    }

    /// The column that says whose a row is may not lose its name, its values or their type.
    fn keeps_tenants(&self, action: &Range<usize>, words: &[&str]) -> Walked<()> {
        let retyped = words.first() == Some(&"alter") && words.contains(&"type");
        let same = |(column, written): (usize, Range<usize>)| {
            let new = self.new_type(column, written);
            new.is_some_and(|new| self.is_kept(column, |now| now == new))
        };
        let retyped = retyped && !given_type(action, words).is_some_and(same);
        if !(retyped || words.contains(&"rename") || dropped(words).is_some()) {
            return Ok(());
        }
        let mut anchors = BTreeSet::new();
        let named = self.named().into_iter();
        for oid in named.flat_map(|oid| self.relations.with_below(oid)) {
            if let Standing::Table(table) = self.relations.standing(oid) {
                match &table.tenant {
                    Tenant::Column { name, .. } => anchors.insert(name.clone()),
                    Tenant::Parent { on, .. } => anchors.insert(on.clone()),
                    Tenant::Setting(_) | Tenant::Constant(_) => false,
                };
            }
        }
        let is_anchor = |at: &usize| {
            let token = self.token(*at);
            let name = token.and_then(|token| lexer::ident(token, self.sql));
            name.is_some_and(|name| anchors.contains(name.as_ref()))
        };
        match action.clone().find(is_anchor) {
            None => Ok(()),
            Some(at) => {
                let name = self
                    .token(at)
                    .and_then(|token| lexer::ident(token, self.sql));
                let message = format!(
                    "column {} of protected table{}, on which a row's tenant hangs, cannot be changed through pgseal",
                    name.unwrap_or_default(),
                    self.protected_name()
                );
                Err(self.refuse(message, HELP, "refused-ddl", Some(at)))
            }
        }
    }

    /// Whether an action on a column changes no value of it, and gives it none.
    fn keeps_values(&self, action: &Range<usize>, words: &[&str]) -> bool {
        if let Some((column, written)) = given_type(action, words) {
            // Texts of any length hold what the column holds.
            let longer = |(now, _): Typed, (new, length): Typed| {
                let text = [TEXT, VARCHAR];
                text.contains(&new) && text.contains(&now) && length.is_none()
            };
            let new = self.new_type(column, written);
            return new
                .is_some_and(|new| self.is_kept(column, |now| now == new || longer(now, new)));
        }
        let (column, change) = match words {
            ["drop", "constraint", ..] => return true,
            ["alter", "column", _, change @ ..] => (2, change),
            ["alter", _, change @ ..] => (1, change),
            _ => return false,
        };
        let column = action.start + column;
        match change {
            ["set" | "drop", "not", "null"]
            | ["drop", "default"]
            | ["set", "statistics", ..]
            | ["set", "storage" | "compression", _] => true,
            ["set" | "reset", "", ..] => {
                let bracket = self.token(column + 2);
                bracket.is_some_and(|token| token.is_special(b'('))
            }
            _ => false,
        }
    }

    /// The type that the tokens behind TYPE give a column, if its values are only cast to it.
    fn new_type(&self, column: usize, written: Range<usize>) -> Option<Typed> {
        let using = written.clone().find(|at| self.word(*at) == "using");
        let new = self.written_type(written.start..using.unwrap_or(written.end));
        let cast = using.is_none_or(|using| self.converts_to(column, using + 1..written.end, new));
        new.filter(|_| cast)
    }

    /// `column` or `column::type`.
    fn converts_to(&self, column: usize, using: Range<usize>, new: Option<Typed>) -> bool {
        let name = |at: usize| {
            let token = self.token(at).filter(|_| using.contains(&at))?;
            lexer::ident(token, self.sql)
        };
        let same =
            name(using.start).is_some_and(|named| Some(&*named) == self.name_at(column).as_deref());
        let rest = using.start + 1..using.end;
        let cast = self.token(rest.start).filter(|_| !rest.is_empty());
        match cast.map(|token| token.kind) {
            None => same,
            Some(TokenKind::TypeCast) => same && self.written_type(rest.start + 1..rest.end) == new,
            Some(_) => false,
        }
    }

    /// Whether every column of this name in a table that is named has a type that keeps its values as they are.
    fn is_kept(&self, column: usize, keeps: impl Fn(Typed) -> bool) -> bool {
        let Some(name) = self.name_at(column) else {
            return false;
        };
        self.named().into_iter().all(|oid| {
            let relation = self.relations.catalog.relation(oid);
            let now = relation.and_then(|relation| relation.column(&name));
            now.is_none_or(|now| keeps((now.type_oid, now.max_chars)))
        })
    }

    /// A type that can be sealed or say a tenant.
    fn written_type(&self, written: Range<usize>) -> Option<Typed> {
        let words: Vec<String> = written.clone().map(|at| self.word(at)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (type_oid, length) = match words.as_slice() {
            ["text"] => return Some((TEXT, None)),
            ["json"] => return Some((Oid(114), None)),
            ["jsonb"] => return Some((Oid(3802), None)),
            ["bytea"] => return Some((Oid(17), None)),
            ["uuid"] => return Some((UUID, None)),
            ["smallint" | "int2"] => return Some((INTEGERS[0], None)),
            ["integer" | "int" | "int4"] => return Some((INTEGERS[1], None)),
            ["bigint" | "int8"] => return Some((INTEGERS[2], None)),
            ["varchar", length @ ..] | ["character", "varying", length @ ..] => (VARCHAR, length),
            _ => return None,
        };
        if length.is_empty() {
            return Some((type_oid, None));
        }
        let digits = written.end.checked_sub(2).and_then(|at| self.token(at))?;
        let n = digits.text(self.sql).parse().ok()?;
        let in_brackets = length.len() == 3 && digits.kind == TokenKind::Integer;
        in_brackets.then_some((type_oid, Some(n)))
    }
}

/// Whether the words of an ALTER give what it alters another name or schema.
pub(super) fn moves(words: &[String]) -> bool {
    let mut pairs = words.windows(2);
    pairs.any(|pair| pair == ["rename", "to"] || pair == ["set", "schema"])
}

/// The column that `ALTER [COLUMN] name [SET DATA] TYPE …` names, and the tokens behind it.
fn given_type(action: &Range<usize>, words: &[&str]) -> Option<(usize, Range<usize>)> {
    let column = if words.get(1) == Some(&"column") {
        2
    } else {
        1
    };
    let written = match words {
        ["alter", "column", _, "type", ..] | ["alter", _, "type", ..] => column + 2,
        ["alter", "column", _, "set", "data", "type", ..]
        | ["alter", _, "set", "data", "type", ..] => column + 4,
        _ => return None,
    };
    Some((action.start + column, action.start + written..action.end))
}

/// The place of the column in `DROP [COLUMN] [IF EXISTS] name [CASCADE | RESTRICT]`.
fn dropped(words: &[&str]) -> Option<usize> {
    let mut at = match words {
        ["drop", "constraint", ..] => return None,
        ["drop", "column", ..] => 2,
        ["drop", ..] => 1,
        _ => return None,
    };
    if words.get(at) == Some(&"if") && words.get(at + 1) == Some(&"exists") {
        at += 2;
    }
    match words.get(at + 1..) {
        Some([] | ["cascade" | "restrict"]) => Some(at),
        _ => None,
    }
}
