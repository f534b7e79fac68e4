//! An INSERT inside a temporary function that catches a unique violation: how Sequelize's `findOrCreate` tries to insert.
//!
//! Three statements of one text: CREATE a function of `pg_temp` whose PL/pgSQL body is that INSERT, SELECT what it
//! returned, DROP it. Only this exact form is read: the INSERT is planned where it stands in the function's body, whose
//! constants are sealed there, and the record that comes out carries what RETURNING * does. As the text drops what it
//! makes, nothing is left behind that another statement could reach.

use std::ops::Range;
use std::sync::Arc;

use super::finish::forward;
use super::lexer::{self, Limits, StringKind, Token, TokenKind};
use super::lineage::Lineage;
use super::query::Rows;
use super::refuse::Walked;
use super::scope::{Offered, Source};
use super::types::{Outputs, StatementKind, StatementPlan};
use super::view::View;

/// How the function's body ends, the names of its results left out (`_`).
const TAIL: [&str; 17] = [
    "returning",
    "*",
    "into",
    "_",
    ";",
    "exception",
    "when",
    "unique_violation",
    "then",
    "get",
    "stacked",
    "diagnostics",
    "_",
    "=",
    "pg_exception_detail",
    ";",
    "end",
];

/// The function's own result, for the SELECT that reads it.
pub(super) struct Attempt {
    /// Its name in `pg_temp`.
    pub(super) function: String,
    /// Its columns.
    pub(super) source: Source,
}

/// What the CREATE FUNCTION says.
struct Declared {
    function: String,
    /// The names of its results: the row, and the violation's detail.
    results: [String; 2],
    /// The name of the row's type.
    of: Vec<String>,
    /// The body between its dollar quotes.
    body: Range<usize>,
}

impl View<'_> {
    /// Plans the three statements of an attempt; `None`: they are none.
    pub(super) fn attempted(
        &self,
        ranges: &[Range<usize>],
    ) -> Walked<Option<Vec<Arc<StatementPlan>>>> {
        let [create, query, drop] = ranges else {
            return Ok(None);
        };
        let Some(declared) = self.declared(create) else {
            return Ok(None);
        };
        if !self.drops(drop, &declared.function) {
            return Ok(None);
        }
        let Some(tokens) = self.body_tokens(&declared.body) else {
            return Ok(None);
        };
        let body = View {
            planner: self.planner,
            env: self.env,
            sql: self.sql,
            tokens: &tokens,
        };
        let Some(insert) = body.insert_of(&declared) else {
            return Ok(None);
        };
        let mut walk = body.walk(insert);
        let returned = walk.parsed()?;
        let met = walk.met.clone();
        let mut inserted = walk.finish(Rows::default())?;
        inserted.span = self.span(create);
        let mut read = self.walk(query.clone());
        if !matches!(inserted.kind, StatementKind::Forward) {
            inserted.kind = StatementKind::Transient;
            inserted.outputs = Outputs::None;
            read.met = met;
        }
        read.attempt = Some(attempt(declared, returned));
        let rows = read.parsed()?;
        let read = read.finish(rows)?;
        let mut dropped = forward(self.span(drop));
        if !matches!(inserted.kind, StatementKind::Forward) {
            dropped.kind = StatementKind::Transient;
        }
        Ok(Some([inserted, read, dropped].map(Arc::new).into()))
    }

    /// `CREATE OR REPLACE FUNCTION pg_temp.f(OUT row table, OUT detail text) RETURNS RECORD AS $…$ … $…$ LANGUAGE plpgsql`
    fn declared(&self, range: &Range<usize>) -> Option<Declared> {
        let mut words = self.words(range.clone());
        words.are(&["create", "or", "replace", "function", "pg_temp", "."])?;
        let function = words.name()?;
        words.are(&["(", "out"])?;
        let row = words.name()?;
        let of = words.path()?;
        words.are(&[",", "out"])?;
        let detail = words.name()?;
        words.are(&["text", ")", "returns", "record", "as"])?;
        let body = words
            .next()
            .filter(|token| token.kind == TokenKind::String(StringKind::Dollar))?;
        words.are(&["language", "plpgsql"])?;
        words.end()?;
        let text = body.text(self.sql);
        let tag = text.get(1..)?.find('$')? + 2;
        Some(Declared {
            function,
            results: [row, detail],
            of,
            body: body.start + tag..body.end.checked_sub(tag)?,
        })
    }

    /// `DROP FUNCTION IF EXISTS pg_temp.f()`
    fn drops(&self, range: &Range<usize>, function: &str) -> bool {
        let mut words = self.words(range.clone());
        let mut read = || {
            words.are(&["drop", "function", "if", "exists", "pg_temp", "."])?;
            let named = words.name()?;
            words.are(&["(", ")"])?;
            words.end()?;
            Some(named)
        };
        read().is_some_and(|named| named == function)
    }

    /// The body's tokens, at their places in the whole text.
    fn body_tokens(&self, body: &Range<usize>) -> Option<Vec<Token>> {
        let tokens = lexer::lex(self.sql.get(body.clone())?, &Limits::default()).ok()?;
        let moved = tokens.into_iter().map(|token| Token {
            start: token.start + body.start,
            end: token.end + body.start,
            ..token
        });
        Some(moved.collect())
    }

    /// The tokens of `INSERT … RETURNING *` in a body that is nothing else than one that is tried.
    fn insert_of(&self, declared: &Declared) -> Option<Range<usize>> {
        let ends = self
            .tokens
            .last()
            .is_some_and(|token| token.is_special(b';'));
        let all = self.tokens.len() - usize::from(ends);
        let tail = all.checked_sub(TAIL.len())?;
        let mut words = self.words(tail..all);
        let [row, detail] = &declared.results;
        let mut results = [row, detail].into_iter();
        for word in TAIL {
            match word {
                "_" => (words.name()? == *results.next()?).then_some(())?,
                word => words.are(&[word])?,
            }
        }
        let mut head = self.words(0..tail);
        head.are(&["begin", "insert", "into"])?;
        (head.path()? == declared.of).then_some(())?;
        // Anything else would be another statement, or PL/pgSQL's own INTO and parameters.
        let alone = self.tokens.get(3..tail)?.iter().all(|token| {
            let foreign = ["into", "select", "returning"];
            !token.is_special(b';')
                && !matches!(token.kind, TokenKind::Param(_))
                && !foreign.iter().any(|word| token.is_word(self.sql, word))
        });
        alone.then_some(1..tail + 2)
    }

    fn words(&self, range: Range<usize>) -> Words<'_> {
        Words {
            sql: self.sql,
            rest: self.tokens.get(range).unwrap_or_default(),
        }
    }
}

fn attempt(declared: Declared, returned: Rows) -> Attempt {
    let [row, detail] = declared.results;
    let of_row = Source {
        columns: returned.columns,
        open: returned.open,
        ..Source::default()
    };
    let column = |name: String, lineage| Offered {
        name,
        lineage,
        origin: None,
    };
    Attempt {
        source: Source {
            name: declared.function.clone(),
            columns: vec![column(row, of_row.row()), column(detail, Lineage::None)],
            ..Source::default()
        },
        function: declared.function,
    }
}

/// Tokens that are read one by one.
struct Words<'a> {
    sql: &'a str,
    rest: &'a [Token],
}

impl Words<'_> {
    fn next(&mut self) -> Option<Token> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// These words, unquoted in any case, or signs.
    fn are(&mut self, words: &[&str]) -> Option<()> {
        words.iter().try_for_each(|word| {
            let token = self.next()?;
            let text = token.text(self.sql);
            (!matches!(token.kind, TokenKind::QuotedIdent) && text.eq_ignore_ascii_case(word))
                .then_some(())
        })
    }

    fn name(&mut self) -> Option<String> {
        let token = self.next()?;
        lexer::ident(&token, self.sql).map(|name| name.into_owned())
    }

    /// A name with a schema before it, or without.
    fn path(&mut self) -> Option<Vec<String>> {
        let mut path = vec![self.name()?];
        while self
            .rest
            .first()
            .is_some_and(|token| token.is_special(b'.'))
        {
            self.next()?;
            path.push(self.name()?);
        }
        Some(path)
    }

    fn end(&self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }
}
