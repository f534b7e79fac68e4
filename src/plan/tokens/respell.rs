//! What PostgreSQL spells and the parser has no grammar for, under spellings that mean the same to the analysis. Only the
//! parser reads them: the text stays as it is.

use std::ops::Range;

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token as ParserToken, Word};

use super::clauses::Tokens;
use crate::plan::lexer::{Token, TokenKind};

/// Locks under names that the parser knows.
const LOCKS: &[(&[&str], &[&str])] = &[
    (&["for", "no", "key", "update"], &["for", "update"]),
    (&["for", "key", "share"], &["for", "share"]),
    (&["for", "update"], &["for", "update"]),
    (&["for", "share"], &["for", "share"]),
];

/// Words before the reserved word TABLE where it begins no query: SELECT INTO, labels, DDL.
const NO_QUERY: &[&str] = &[
    "into",
    "temp",
    "temporary",
    "unlogged",
    "local",
    "global",
    "as",
    "create",
    "alter",
    "drop",
    "truncate",
];

/// A stretch of tokens under another spelling.
pub(super) struct Respelled {
    /// What the parser is given.
    pub as_tokens: Vec<ParserToken>,
    /// How many tokens it stands for.
    pub count: usize,
}

/// Goes through a statement's tokens in their order.
#[derive(Default)]
pub(super) struct Respelling {
    /// Where the names behind FOR UPDATE OF begin.
    locked: Option<usize>,
    /// The bracket that closes a name before `.*`.
    closing: Option<usize>,
    /// The bracket that closes the options of RETURNING.
    options: Option<usize>,
    /// Where the queries of `JSON_ARRAY(SELECT …)` end, the innermost last.
    queries: Vec<usize>,
    /// The bracket that closes the columns of ON CONFLICT.
    conflict: Option<usize>,
    /// Places further on that are respelled, the last first: in ROWS FROM, and in constructs of SQL/XML and SQL/JSON.
    later: Vec<(usize, Respelled)>,
    /// The subscripts of a SET's targets, the last first.
    subscripts: Vec<Range<usize>>,
}

impl Respelling {
    /// The other spelling of what starts at a token, if it has one.
    pub(super) fn at(&mut self, sql: &str, tokens: &[Token], at: usize) -> Option<Respelled> {
        let of = Tokens { sql, tokens };
        if let Some((_, respelled)) = self.later.pop_if(|(place, _)| *place == at) {
            return Some(respelled);
        }
        if self.closing == Some(at) {
            self.closing = None;
            return Some(words(&[], 1));
        }
        if self.options == Some(at) {
            self.options = None;
            return Some(comma(1));
        }
        if of.is(at, "set") && !of.follows(at, &["as"]) {
            self.subscripts = of.subscripts(at);
            self.subscripts.reverse();
        }
        if let Some(subscript) = self.subscripts.pop_if(|subscript| subscript.start == at) {
            return Some(words(&[], subscript.len()));
        }
        if let Some(respelled) = self.conflict_element(of, at) {
            return Some(respelled);
        }
        if let Some(respelled) = self.json_query(of, at) {
            return Some(respelled);
        }
        if let Some(respelled) = self.rows_from(of, at) {
            return Some(respelled);
        }
        if of.are(at, &["on", "conflict"]) && of.ends_select_list(at) {
            // The parser would take ON for the name of the last column.
            return Some(words(&["where", "true", "on"], 1));
        }
        if self.is_comma_of_lock(of, at) {
            // The parser takes one name behind OF, but several locks.
            return Some(words(&["for", "update", "of"], 1));
        }
        if tokens.get(at)?.kind == TokenKind::Ident
            && let Some(respelled) = self.clause(of, at)
        {
            return Some(respelled);
        }
        match tokens.get(at)?.kind {
            TokenKind::Ident if of.is(at, "for") => {
                let mut locks = LOCKS.iter();
                let (spelled, same) = locks.find(|(spelled, _)| {
                    let mut each = spelled.iter().zip(at..);
                    each.all(|(word, at)| of.is(at, word))
                })?;
                let next = at + spelled.len();
                self.locked = of.is(next, "of").then_some(next + 1);
                Some(words(same, spelled.len()))
            }
            TokenKind::Ident if of.is(at, "table") && !of.follows(at, NO_QUERY) => {
                let mut query = words(&["select"], 1);
                query.as_tokens.push(ParserToken::Mul);
                query.as_tokens.push(ParserToken::make_word("from", None));
                Some(query)
            }
            TokenKind::Special(b'(') => {
                let listed = of.follows(at, &["select", "all", "distinct", "returning"])
                    || at.checked_sub(1).is_some_and(|at| of.is_special(at, b','));
                self.closing = of.unfolded_name(at).filter(|_| listed);
                self.closing.map(|_| words(&[], 1))
            }
            _ => None,
        }
    }

    /// `ON CONFLICT (lower(name), code COLLATE "C")`: the parser takes names only, and gets one for each element.
    fn conflict_element(&mut self, of: Tokens<'_>, at: usize) -> Option<Respelled> {
        if of.is_special(at, b'(') && of.follow(at, &["on", "conflict"]) {
            self.conflict = of.closing(at);
            return None;
        }
        self.conflict = self.conflict.filter(|close| at < *close);
        self.conflict?;
        let before = at.checked_sub(1)?;
        let starts = of.is_special(before, b'(') || of.is_special(before, b',');
        let count = of.element_end(at).filter(|_| starts)?.checked_sub(at)?;
        (count > 1).then(|| Respelled {
            as_tokens: vec![plain("expression")],
            count,
        })
    }

    /// `JSON_ARRAY(SELECT …)`: the query gets brackets of its own.
    fn json_query(&mut self, of: Tokens<'_>, at: usize) -> Option<Respelled> {
        if self.queries.last() == Some(&at) {
            self.queries.pop();
            let next = match of.is(at, "returning") {
                true => ParserToken::make_word("returning", None),
                false => ParserToken::RParen,
            };
            return Some(Respelled {
                as_tokens: vec![ParserToken::RParen, next],
                count: 1,
            });
        }
        let query = ["select", "values", "with"]
            .iter()
            .any(|word| of.is(at + 1, word));
        let opens = of.is_special(at, b'(') && of.follow(at, &["json_array"]) && query;
        let end = opens.then(|| of.end_of_json_query(at)).flatten()?;
        self.queries.push(end);
        Some(Respelled {
            as_tokens: vec![ParserToken::LParen, ParserToken::LParen],
            count: 1,
        })
    }

    /// `ROWS FROM (f(…), g(…))`: the rows of both side by side. Given as a cross join, which has the same columns; of one
    /// call as that call; and of `unnest(a), unnest(b)` as `unnest(a, b)`, which is the same.
    fn rows_from(&mut self, of: Tokens<'_>, at: usize) -> Option<Respelled> {
        let start = at + usize::from(of.is(at, "lateral"));
        let open = start + 2;
        let item = of.follows(at, &["from", "join"]) || of.is_special(at.checked_sub(1)?, b',');
        if !(item && of.are(start, &["rows", "from"]) && of.is_special(open, b'(')) {
            return None;
        }
        let (calls, close) = (of.calls(open)?, of.closing(open)?);
        let arrays = calls.iter().all(|call| of.is(call.start, "unnest"));
        let several = calls.len() > 1;
        // What follows is pushed from the back, as it is popped from there.
        self.later
            .push(match of.are(close + 1, &["with", "ordinality"]) {
                _ if arrays || !several => (close, words(&[], 1)),
                true => (close, bracketed(&["with", "ordinality"])),
                false => (close, bracketed(&[])),
            });
        for call in calls.iter().rev().skip(1) {
            self.later.push(match arrays {
                // `) , unnest (`
                true => (call.end - 1, comma(4)),
                false => (call.end, words(&["cross", "join"], 1)),
            });
        }
        let mut start = words(&[], open + 1 - at);
        if several && !arrays {
            start.as_tokens.push(ParserToken::LParen);
        }
        Some(start)
    }

    /// A construct of SQL/XML or SQL/JSON: a call of a plain name with its arguments and commas between them.
    fn construct(&mut self, of: Tokens<'_>, name: usize) -> Option<Respelled> {
        let formats = of.formats(name);
        let without = |(_, clause): (_, Range<usize>)| (clause.start, words(&[], clause.len()));
        self.later.extend(formats.into_iter().rev().map(without));
        let construct = of.construct(name)?;
        let Range { start: open, end } = construct.brackets;
        let ends = construct.arguments.iter().map(|argument| argument.end);
        let starts = construct.arguments.iter().map(|argument| argument.start);
        let gaps = std::iter::once(open + 1)
            .chain(ends)
            .zip(starts.chain([end]));
        let last = construct.arguments.len();
        let gaps = gaps.enumerate().filter(|(_, (from, to))| from < to);
        let gaps = gaps.map(|(n, (from, to))| match n {
            n if n == 0 || n == last => (from, words(&[], to - from)),
            _ => (from, comma(to - from)),
        });
        let gaps: Vec<_> = gaps.collect();
        self.later.extend(gaps.into_iter().rev());
        // In quotes: the parser has a grammar of its own for some of these names.
        let name = Word {
            value: of.tokens.get(name)?.text(of.sql).to_ascii_lowercase(),
            quote_style: Some('"'),
            keyword: Keyword::NoKeyword,
        };
        Some(Respelled {
            as_tokens: vec![ParserToken::Word(name)],
            count: 1,
        })
    }

    /// A clause that the parser does not know.
    fn clause(&mut self, of: Tokens<'_>, at: usize) -> Option<Respelled> {
        if of.is_special(at + 1, b'(')
            && let Some(call) = self.construct(of, at)
        {
            return Some(call);
        }
        if let Some(count) = of.without_meaning(at) {
            return Some(words(&[], count));
        }
        if of.is(at, "document") && (of.follow(at, &["is"]) || of.follow(at, &["is", "not"])) {
            // Asked of an XML value; to the parser as another test.
            return Some(words(&["unknown"], 1));
        }
        if let Some(end) = of.returning_options(at) {
            // `OLD AS o, NEW AS n,` before the other outputs.
            self.options = Some(end);
            return Some(words(&[], 2));
        }
        if let Some(recursion) = of.recursion(at) {
            return Some(words(&[], recursion.end - at));
        }
        if of.follow(at, &["where"]) && of.are(at, &["current", "of"]) && of.is_name(at + 2) {
            // A call that cannot be repeated: which row it is is known to the cursor only.
            let mut call = Vec::from([plain("current")]);
            call.extend([ParserToken::LParen, ParserToken::RParen]);
            return Some(Respelled {
                as_tokens: call,
                count: 3,
            });
        }
        if of.follow(at, &["at"]) && of.is(at, "local") {
            return Some(words(&["time", "zone", "null"], 1));
        }
        let before = at.checked_sub(1)?;
        let argument = of.is_special(before, b'(') || of.is_special(before, b',');
        (argument && of.is(at, "variadic")).then(|| words(&[], 1))
    }

    /// Whether this is a comma between the names behind FOR UPDATE OF.
    fn is_comma_of_lock(&mut self, of: Tokens<'_>, at: usize) -> bool {
        let Some(from) = self.locked.filter(|from| at >= *from) else {
            return false;
        };
        let name = of.is_name(at) && (at == from || of.joins(at - 1));
        if !(name || of.joins(at)) {
            self.locked = None;
        }
        self.locked.is_some() && of.is_special(at, b',')
    }
}

impl Tokens<'_> {
    fn joins(self, at: usize) -> bool {
        self.is_special(at, b'.') || self.is_special(at, b',')
    }

    /// Whether one of these words, or a point, stands before a token.
    fn follows(self, at: usize, before: &[&str]) -> bool {
        at.checked_sub(1).is_some_and(|at| {
            self.is_special(at, b'.') || before.iter().any(|word| self.is(at, word))
        })
    }

    /// Whether a token stands behind the list of a SELECT that has no other clause.
    fn ends_select_list(self, end: usize) -> bool {
        const CLAUSES: [&str; 5] = ["values", "from", "where", "by", "having"];
        let mut depth = 0usize;
        for at in (0..end).rev() {
            if self.is_special(at, b')') || self.is_special(at, b']') {
                depth += 1;
            } else if self.is_special(at, b'(') || self.is_special(at, b'[') {
                depth = depth.saturating_sub(1);
            } else if depth == 0 && self.is(at, "select") {
                return true;
            } else if depth == 0 && CLAUSES.iter().any(|clause| self.is(at, clause)) {
                return false;
            }
        }
        false
    }

    /// The calls of functions in a bracket that holds nothing else.
    fn calls(self, open: usize) -> Option<Vec<Range<usize>>> {
        let close = self.closing(open)?;
        let (mut calls, mut start) = (Vec::new(), open + 1);
        loop {
            let mut at = start;
            while self.is_name(at) && self.is_special(at + 1, b'.') {
                at += 2;
            }
            let called = self.is_name(at) && self.is_special(at + 1, b'(');
            let end = called.then(|| self.closing(at + 1)).flatten()? + 1;
            calls.push(start..end);
            if end == close {
                return Some(calls);
            }
            if !self.is_special(end, b',') {
                return None;
            }
            start = end + 1;
        }
    }

    /// The token behind the query in the bracket: RETURNING, or what closes it.
    fn end_of_json_query(self, open: usize) -> Option<usize> {
        let close = self.closing(open)?;
        let mut at = open + 1;
        while at < close {
            if self.is(at, "returning") {
                return Some(at);
            }
            at = match self.is_special(at, b'(') || self.is_special(at, b'[') {
                true => self.closing(at)? + 1,
                false => at + 1,
            };
        }
        Some(close)
    }

    /// The closing bracket of `(name).*` or `(a.name).*`.
    fn unfolded_name(self, open: usize) -> Option<usize> {
        let mut at = open + 1;
        while self.is_name(at) && self.is_special(at + 1, b'.') {
            at += 2;
        }
        let star = self.tokens.get(at + 3);
        let star = star
            .is_some_and(|token| token.kind == TokenKind::Operator && token.text(self.sql) == "*");
        let whole = self.is_name(at)
            && self.is_special(at + 1, b')')
            && self.is_special(at + 2, b'.')
            && star;
        whole.then_some(at + 1)
    }
}

/// A comma in the place of so many tokens.
fn comma(count: usize) -> Respelled {
    Respelled {
        as_tokens: vec![ParserToken::Comma],
        count,
    }
}

/// A closing bracket with the words before it that stand behind it.
fn bracketed(spelled: &[&str]) -> Respelled {
    let mut respelled = words(spelled, spelled.len() + 1);
    respelled.as_tokens.push(ParserToken::RParen);
    respelled
}

/// A word that is no keyword.
fn plain(word: &str) -> ParserToken {
    ParserToken::Word(Word {
        value: word.to_owned(),
        quote_style: None,
        keyword: Keyword::NoKeyword,
    })
}

fn words(spelled: &[&str], count: usize) -> Respelled {
    let words = spelled.iter();
    Respelled {
        as_tokens: words
            .map(|word| ParserToken::make_word(word, None))
            .collect(),
        count,
    }
}
