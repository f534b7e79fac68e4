//! What is said of a statement on a protected table that the parser cannot read.

use std::ops::Range;

use super::lexer::{self, TokenKind};
use super::refuse::Stop;
use super::walk::Walk;

/// A construct that is known by its words.
struct Known {
    /// What it begins with; an opening bracket stands behind that if it is one word.
    words: &'static [&'static str],
    /// The error book's anchor.
    anchor: &'static str,
    /// The way out.
    help: &'static str,
}

const XML: (&str, &str) = (
    "refused-xml",
    "Select the columns themselves and build the XML in the application, or in a query of its own.",
);
const PATHS: (&str, &str) = (
    "refused-part",
    "Select the whole document and take it apart in the application.",
);
const FORMAT: (&str, &str) = ("refused-syntax", "Cast the text to json instead.");

const KNOWN: &[Known] = &[
    known(&["format", "json"], FORMAT),
    known(&["json_exists"], PATHS),
    known(&["json_query"], PATHS),
    known(&["json_table"], PATHS),
    known(&["json_value"], PATHS),
    known(&["xmlelement"], XML),
    known(&["xmlexists"], XML),
    known(&["xmlforest"], XML),
    known(&["xmlparse"], XML),
    known(&["xmlpi"], XML),
    known(&["xmlroot"], XML),
    known(&["xmlserialize"], XML),
    known(&["xmltable"], XML),
];

const fn known(
    words: &'static [&'static str],
    (anchor, help): (&'static str, &'static str),
) -> Known {
    Known {
        words,
        anchor,
        help,
    }
}

impl Walk<'_> {
    /// The refusal of a statement that the parser left at a token; `None`: it did not say where.
    pub(super) fn unread(&self, at: Option<usize>) -> Stop {
        let last = at.unwrap_or(self.range.end);
        let stands =
            |start: usize| Some((start, KNOWN.iter().find(|one| self.begins(one, start))?));
        let before = (self.range.start..=last).rev();
        let Some((start, known)) = before.into_iter().find_map(stands) else {
            return self.misread(at);
        };
        let name = known.words.join(" ").to_uppercase();
        let inside = match self.closing(start + known.words.len()) {
            Some(close) if known.words.len() == 1 => start..close,
            _ => start..start,
        };
        let message = match self.sealed_in(inside) {
            Some(column) => format!("sealed column {column} cannot be used in {name}"),
            None => format!(
                "{name} is not supported in a statement on a protected table{}",
                self.protected_name()
            ),
        };
        self.refuse(message, known.help, known.anchor, Some(start))
    }

    fn begins(&self, known: &Known, start: usize) -> bool {
        let word = |(at, word): (usize, &&str)| {
            let token = self.token(at).filter(|_| self.range.contains(&at));
            token.is_some_and(|token| token.is_word(self.sql, word))
        };
        let bracket = || {
            let next = self.token(start + 1);
            next.is_some_and(|token| token.is_special(b'('))
        };
        (start..).zip(known.words).all(word) && (known.words.len() > 1 || bracket())
    }

    /// Where the parser stopped without a known reason: a mistake, or grammar that it does not have.
    fn misread(&self, at: Option<usize>) -> Stop {
        let token = at
            .and_then(|at| self.token(at))
            .filter(|_| at < Some(self.range.end));
        // A constant may be what must not be told.
        let told = token.filter(|token| {
            matches!(
                token.kind,
                TokenKind::Ident
                    | TokenKind::Operator
                    | TokenKind::Special(_)
                    | TokenKind::ColonEquals
                    | TokenKind::TypeCast
                    | TokenKind::DotDot
            )
        });
        let place = match (token, told) {
            (_, Some(told)) => format!(" at or near \"{}\"", told.text(self.sql)),
            (Some(_), None) => " at or near a constant or name".to_owned(),
            (None, None) => String::new(),
        };
        let message = format!(
            "a statement on a protected table{} cannot be read{place}: a syntax error, or grammar that pgseal does not have",
            self.protected_name()
        );
        let help = "Correct it; if it is correct, write it in a simpler way, or leave the protected table out of it.";
        let at = at.map(|at| at.min(self.range.end.saturating_sub(1)));
        self.refuse(message, help, "refused-syntax", at)
    }

    /// The first protected table that is named, with a blank before it.
    pub(super) fn protected_name(&self) -> String {
        let named = self.named();
        let relation = named
            .iter()
            .find_map(|oid| self.relations.catalog.relation(*oid));
        relation.map_or_else(String::new, |one| format!(" {}.{}", one.schema, one.name))
    }

    /// The first sealed column of a table of the statement that is named among these tokens.
    pub(super) fn sealed_in(&self, tokens: Range<usize>) -> Option<String> {
        let named = self.named();
        tokens.into_iter().find_map(|at| {
            let name = lexer::ident(self.token(at)?, self.sql)?;
            let mut tables = named.iter().flat_map(|oid| self.relations.with_below(*oid));
            tables.find_map(|oid| {
                let relation = self.relations.catalog.relation(oid)?;
                let sealed = self.relations.sealed_names(&[oid].into());
                let full = || format!("{}.{}.{name}", relation.schema, relation.name);
                sealed.contains(name.as_ref()).then(full)
            })
        })
    }
}
