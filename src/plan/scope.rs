//! Which relations a statement touches, and which names in it stand for sealed columns.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::lexer::TokenKind;
use super::text::{Text, not_understood, refused};
use super::{Env, Planner};
use crate::model::{Oid, Refusal};
use crate::rules::ProtectedTable;

/// What a name in relation position means.
#[derive(Clone)]
pub(super) enum Meaning {
    Table(Arc<ProtectedTable>),
    /// A view whose columns of these names are sealed.
    View {
        name: String,
        sealed: Vec<String>,
    },
    Plain,
}

/// A protected relation as it stands in the statement.
pub(super) struct Mention {
    /// The token of its name.
    pub(super) index: usize,
    pub(super) meaning: Meaning,
}

/// Why a scope could not be made.
pub(super) enum Unclear {
    Refused(Refusal),
    Ask(String),
}

impl From<Refusal> for Unclear {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The protected relations of one statement and the names by which their sealed columns could be meant.
pub(super) struct Scope {
    pub(super) mentions: Vec<Mention>,
    /// Names of sealed columns and the aliases given to them.
    pub(super) sealed: HashSet<String>,
    /// Aliases (and names) of relations: true where the relation is protected.
    pub(super) aliases: HashMap<String, bool>,
}

const RELATION_WORDS: &[&str] = &[
    "from", "join", "into", "update", "table", "only", "using", "on", "analyze", "vacuum",
    "truncate", "lock", "copy", "index", "view", "exists",
];
const FROM_ENDS: &[&str] = &[
    "where",
    "group",
    "order",
    "having",
    "limit",
    "offset",
    "fetch",
    "for",
    "window",
    "union",
    "except",
    "intersect",
    "returning",
    "set",
    "select",
    "values",
];

impl Scope {
    pub(super) fn new(planner: &Planner, text: &Text<'_>, env: &Env<'_>) -> Result<Self, Unclear> {
        let mut scope = Self {
            mentions: Vec::new(),
            sealed: HashSet::new(),
            aliases: HashMap::new(),
        };
        let ctes = ctes(text);
        let mut lists = vec![false];
        for index in 0..text.len() {
            note_list(text, index, &mut lists);
            let Some(name) = text.name(index) else {
                continue;
            };
            if planner.functions.contains(name.as_ref()) && text.is_special(index + 1, b'(') {
                return Err(refused(
                    text,
                    index,
                    format!("the function {name} reads or writes a protected table where pgseal cannot see it"),
                    "Run the function's statements through pgseal instead.",
                    "refused-function",
                )
                .into());
            }
            if !in_relation_position(text, index, lists.last() == Some(&true)) {
                continue;
            }
            let schema = text
                .before(index)
                .filter(|token| token.is_special(b'.'))
                .and_then(|_| text.name(index.saturating_sub(2)));
            let known = planner.names.contains(name.as_ref())
                && !(schema.is_none() && ctes.contains(name.as_ref()));
            let meaning = if known {
                planner.meaning(schema.as_deref(), &name, env)?
            } else {
                Meaning::Plain
            };
            scope.note(text, index, &name, meaning)?;
        }
        scope.taint(text);
        Ok(scope)
    }

    fn note(
        &mut self,
        text: &Text<'_>,
        index: usize,
        name: &str,
        meaning: Meaning,
    ) -> Result<(), Refusal> {
        let protected = !matches!(meaning, Meaning::Plain);
        let mut at = index + 1;
        if text.is_operator(at, "*") {
            at += 1;
        }
        let explicit = text.is_word(at, "as");
        at += usize::from(explicit);
        let alias = text.name(at).filter(|alias| {
            explicit
                || (text
                    .get(at)
                    .is_some_and(|token| token.kind != TokenKind::Ident)
                    || !is_keyword(alias))
        });
        if let Some(alias) = alias {
            if protected
                && text.is_special(at + 1, b'(')
                && !text.is_word(index.wrapping_sub(1), "into")
            {
                return Err(not_understood(text, at, name, "a list of column aliases"));
            }
            *self.aliases.entry(alias.into_owned()).or_default() |= protected;
        } else {
            *self.aliases.entry(name.to_owned()).or_default() |= protected;
        }
        match &meaning {
            Meaning::Table(table) => self
                .sealed
                .extend(table.columns.iter().map(|column| column.name.clone())),
            Meaning::View { sealed, .. } => self.sealed.extend(sealed.iter().cloned()),
            Meaning::Plain => return Ok(()),
        }
        self.mentions.push(Mention { index, meaning });
        Ok(())
    }

    /// What a sealed column is renamed to is as sealed as the column.
    fn taint(&mut self, text: &Text<'_>) {
        loop {
            let before = self.sealed.len();
            for index in 0..text.len() {
                if !text
                    .name(index)
                    .is_some_and(|name| self.sealed.contains(name.as_ref()))
                {
                    continue;
                }
                let at = index + 1 + usize::from(text.is_word(index + 1, "as"));
                if let Some(alias) = text
                    .name(at)
                    .filter(|alias| at > index + 1 || !is_keyword(alias))
                {
                    self.sealed.insert(alias.into_owned());
                }
            }
            if self.sealed.len() == before {
                return;
            }
        }
    }

    pub(super) fn touches(&self) -> bool {
        !self.mentions.is_empty()
    }

    /// A protected relation's name, for messages.
    pub(super) fn named(&self) -> String {
        match self.mentions.first().map(|mention| &mention.meaning) {
            Some(Meaning::Table(table)) => format!("{}.{}", table.schema, table.name),
            Some(Meaning::View { name, .. }) => name.clone(),
            Some(Meaning::Plain) | None => String::new(),
        }
    }

    /// Whether the identifier at `index` may stand for a sealed column.
    fn is_sealed(&self, text: &Text<'_>, index: usize) -> bool {
        let Some(name) = text
            .name(index)
            .filter(|name| self.sealed.contains(name.as_ref()))
        else {
            return false;
        };
        if text.is_special(index + 1, b'.') && self.aliases.contains_key(name.as_ref()) {
            return false;
        }
        let qualifier = text
            .before(index)
            .filter(|token| token.is_special(b'.'))
            .and_then(|_| text.name(index.saturating_sub(2)));
        qualifier.is_none_or(|qualifier| {
            self.aliases
                .get(qualifier.as_ref())
                .copied()
                .unwrap_or(true)
        })
    }

    /// Every name of a sealed column must stand where its value passes whole: in an output list, before IS NULL, in count().
    pub(super) fn check_reads(&self, text: &Text<'_>) -> Result<(), Refusal> {
        for index in 0..text.len() {
            if self.is_sealed(text, index) && !is_declared_alias(text, index) {
                self.check_read(text, index)?;
            }
            self.check_whole_row(text, index)?;
        }
        self.check_shape(text)
    }

    fn check_read(&self, text: &Text<'_>, index: usize) -> Result<(), Refusal> {
        let mut first = index;
        while text
            .before(first)
            .is_some_and(|token| token.is_special(b'.'))
        {
            first = first.saturating_sub(2);
        }
        let before = |words: &[&str]| {
            first
                .checked_sub(1)
                .is_some_and(|before| text.is_any(before, words))
        };
        let after = index + 1;
        let tested = text.is_word(after, "is")
            && (text.is_word(after + 1, "null")
                || (text.is_word(after + 1, "not") && text.is_word(after + 2, "null")));
        let tested = tested || text.is_any(after, &["isnull", "notnull"]);
        let starts = before(&[
            "select",
            "returning",
            "all",
            "where",
            "and",
            "or",
            "not",
            "on",
            "having",
            "when",
            "filter",
        ]) || text
            .before(first)
            .is_some_and(|token| token.is_special(b',') || token.is_special(b'('));
        if tested && starts {
            return Ok(());
        }
        let counted = text
            .before(first)
            .is_some_and(|token| token.is_special(b'('))
            && text.is_word(first.wrapping_sub(2), "count")
            && text.is_special(after, b')');
        if counted || (self.in_output_list(text, first) && self.ends_item(text, after)) {
            return Ok(());
        }
        let name = text.name(index).unwrap_or_default();
        Err(refused(
            text,
            index,
            format!(
                "the sealed column {}.{name} is used in an expression",
                self.named()
            ),
            "A sealed column can be selected as it is, tested with IS NULL, and counted; filter and sort by other columns.",
            "refused-expression",
        ))
    }

    /// Between SELECT or RETURNING and FROM at the same depth of brackets, behind a comma or the word itself.
    fn in_output_list(&self, text: &Text<'_>, first: usize) -> bool {
        let opens = text
            .before(first)
            .is_some_and(|token| token.is_special(b','))
            || first
                .checked_sub(1)
                .is_some_and(|before| text.is_any(before, &["select", "all", "returning"]));
        let (mut depth, mut index) = (0_usize, first);
        while opens && index > 0 {
            index -= 1;
            let closes = text.is_special(index, b')') || text.is_special(index, b']');
            let opened = text.is_special(index, b'(') || text.is_special(index, b'[');
            match (closes, opened, depth) {
                (true, ..) => depth += 1,
                (_, true, 0) => return false,
                (_, true, _) => depth -= 1,
                (_, _, 0) if text.is_any(index, &["select", "returning"]) => return true,
                (_, _, 0)
                    if text.is_any(
                        index,
                        &[
                            "from", "where", "group", "order", "having", "set", "by", "on",
                            "using", "values", "window", "distinct",
                        ],
                    ) =>
                {
                    return false;
                }
                _ => {}
            }
        }
        false
    }

    fn ends_item(&self, text: &Text<'_>, after: usize) -> bool {
        let ends = |at: usize| {
            text.get(at).is_none_or(|token| {
                token.is_special(b',') || token.is_special(b')') || token.is_special(b';')
            }) || text.is_any(
                at,
                &[
                    "from", "where", "order", "limit", "into", "offset", "for", "fetch",
                ],
            )
        };
        ends(after)
            || (text.is_word(after, "as") && ends(after + 2))
            || (text.name(after).is_some() && ends(after + 1))
    }

    /// `t`, `(t).x` or `row_to_json(t)`: the row as one value.
    fn check_whole_row(&self, text: &Text<'_>, index: usize) -> Result<(), Refusal> {
        let Some(name) = text.name(index) else {
            return Ok(());
        };
        let protected = self.aliases.get(name.as_ref()) == Some(&true);
        let declared = self.mentions.iter().any(|mention| {
            index == mention.index
                || (index > mention.index
                    && index <= mention.index + 3
                    && only_alias_between(text, mention.index, index))
        });
        let qualified = text
            .before(index)
            .is_some_and(|token| token.is_special(b'.'))
            || text.is_special(index + 1, b'.');
        if !protected
            || declared
            || qualified
            || text.is_word(index.wrapping_sub(1), "as")
            || text.is_word(index.wrapping_sub(1), "of")
        {
            return Ok(());
        }
        Err(refused(
            text,
            index,
            format!(
                "the row {name} of the protected table {} is used as one value",
                self.named()
            ),
            "Name the columns that you need.",
            "refused-whole-row",
        ))
    }

    /// Shapes that mix values of rows: they would compare ciphertext, or lose where a value comes from.
    fn check_shape(&self, text: &Text<'_>) -> Result<(), Refusal> {
        let stars = (0..text.len()).any(|index| {
            text.is_operator(index, "*")
                && (text
                    .before(index)
                    .is_some_and(|token| token.is_special(b'.') || token.is_special(b','))
                    || text.is_any(
                        index.wrapping_sub(1),
                        &["select", "returning", "all", "distinct"],
                    ))
        });
        let outputs = stars
            || (0..text.len())
                .any(|index| self.is_sealed(text, index) && self.in_output_list(text, index));
        if !outputs {
            return Ok(());
        }
        for index in 0..text.len() {
            let construct = match () {
                () if text.is_any(index, &["union", "except", "intersect"]) => {
                    "a set operation over sealed columns"
                }
                () if text.is_word(index, "distinct")
                    && !text.is_any(index.wrapping_sub(1), &["is", "not"])
                    && !text.is_word(index + 1, "from")
                    && !text.is_word(index + 1, "on") =>
                {
                    "DISTINCT over sealed columns"
                }
                () if text.is_word(index, "natural") => "NATURAL JOIN",
                () if text.is_word(index, "by") && self.has_ordinal(text, index + 1) => {
                    "an ordinal in ORDER BY or GROUP BY"
                }
                () => continue,
            };
            if !text
                .before(index)
                .is_some_and(|token| token.is_special(b'.'))
            {
                return Err(not_understood(text, index, &self.named(), construct));
            }
        }
        Ok(())
    }

    fn has_ordinal(&self, text: &Text<'_>, start: usize) -> bool {
        let rest = text.from(start);
        let end = rest.find(0, FROM_ENDS);
        let items = rest.part(0..end).split(b',');
        items.iter().any(|item| {
            item.get(0)
                .is_some_and(|token| token.kind == TokenKind::Integer)
        })
    }
}

/// Keeps, per depth of brackets, whether commas separate relations.
fn note_list(text: &Text<'_>, index: usize, lists: &mut Vec<bool>) {
    if text.is_special(index, b'(') || text.is_special(index, b'[') {
        // `FROM (a CROSS JOIN b), c`: brackets in a list of relations hold relations or a query.
        lists.push(false);
    } else if text.is_special(index, b')') || text.is_special(index, b']') {
        lists.pop();
    } else if text.is_any(index, &["from", "using", "join"]) {
        if let Some(list) = lists.last_mut() {
            *list = true;
        }
    } else if text.is_any(index, FROM_ENDS)
        && let Some(list) = lists.last_mut()
    {
        *list = false;
    }
}

fn in_relation_position(text: &Text<'_>, index: usize, in_list: bool) -> bool {
    let mut first = index;
    while text
        .before(first)
        .is_some_and(|token| token.is_special(b'.'))
    {
        first = first.saturating_sub(2);
    }
    if text.is_special(index + 1, b'.') {
        return false;
    }
    let Some(before) = text.before(first) else {
        return false;
    };
    RELATION_WORDS
        .iter()
        .any(|word| before.is_word(text.sql, word))
        || (in_list && (before.is_special(b',') || opens_relation(text, first)))
        || (before.is_special(b'(')
            && first
                .checked_sub(2)
                .is_some_and(|at| text.is_any(at, &["from", "join"]) || text.is_special(at, b'(')))
}

fn opens_relation(text: &Text<'_>, first: usize) -> bool {
    text.before(first)
        .is_some_and(|token| token.is_special(b'('))
}

/// Names of common table expressions.
fn ctes(text: &Text<'_>) -> HashSet<String> {
    let named = (0..text.len()).filter(|index| {
        text.is_word(index + 1, "as")
            && (text.is_special(index + 2, b'(')
                || text.is_word(index + 2, "materialized")
                || text.is_word(index + 2, "not"))
    });
    let named = named.filter(|index| {
        text.before(*index).is_some_and(|token| {
            token.is_special(b',')
                || token.is_word(text.sql, "with")
                || token.is_word(text.sql, "recursive")
        })
    });
    named
        .filter_map(|index| text.name(index).map(std::borrow::Cow::into_owned))
        .collect()
}

fn is_declared_alias(text: &Text<'_>, index: usize) -> bool {
    text.is_word(index.wrapping_sub(1), "as") && !text.is_special(index + 1, b'.')
}

fn only_alias_between(text: &Text<'_>, mention: usize, alias: usize) -> bool {
    (mention + 1..alias).all(|index| text.is_word(index, "as") || text.is_operator(index, "*"))
}

/// Words that cannot be an alias without AS, as far as they stand behind a relation or column.
fn is_keyword(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "where",
        "set",
        "on",
        "using",
        "join",
        "inner",
        "left",
        "right",
        "full",
        "cross",
        "natural",
        "group",
        "order",
        "having",
        "limit",
        "offset",
        "fetch",
        "for",
        "window",
        "union",
        "except",
        "intersect",
        "returning",
        "values",
        "select",
        "default",
        "as",
        "from",
        "is",
        "isnull",
        "notnull",
        "and",
        "or",
        "not",
        "in",
        "like",
        "ilike",
        "similar",
        "between",
        "collate",
        "then",
        "else",
        "when",
        "end",
        "asc",
        "desc",
        "nulls",
        "overriding",
        "do",
        "tablesample",
        "into",
        "add",
        "drop",
        "alter",
        "rename",
        "owner",
        "cascade",
        "restrict",
        "over",
        "filter",
        "at",
        "with",
    ];
    WORDS.contains(&name)
}

impl Planner {
    /// What an unqualified or qualified name means to the session.
    pub(super) fn meaning(
        &self,
        schema: Option<&str>,
        name: &str,
        env: &Env<'_>,
    ) -> Result<Meaning, Unclear> {
        let found = self.catalog.find(schema, name);
        let oid = match (found.as_slice(), schema) {
            ([], _) => return Ok(Meaning::Plain),
            ([one], _) => one.oid,
            (several, _)
                if several
                    .iter()
                    .all(|relation| !self.is_protected(relation.oid)) =>
            {
                return Ok(Meaning::Plain);
            }
            _ => {
                let quoted = format!("\"{}\"", name.replace('"', "\"\""));
                match env.resolved.get(&quoted) {
                    Some(Some(oid)) => *oid,
                    Some(None) => return Ok(Meaning::Plain),
                    None => return Err(Unclear::Ask(quoted)),
                }
            }
        };
        if let Some(table) = self.protection.tables.get(&oid) {
            return Ok(Meaning::Table(table.clone()));
        }
        Ok(self
            .views
            .get(&oid)
            .map_or(Meaning::Plain, |view| Meaning::View {
                name: view.name.clone(),
                sealed: view.columns.iter().map(|(name, _)| name.clone()).collect(),
            }))
    }

    fn is_protected(&self, oid: Oid) -> bool {
        self.protection.tables.contains_key(&oid) || self.views.contains_key(&oid)
    }
}
