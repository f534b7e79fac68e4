//! Which texts can touch a protected table at all (guards 1 and 2 of the planner).

use std::collections::HashSet;
use std::ops::Range;

use aho_corasick::{AhoCorasick, BuildError};

use super::lexer::{Token, TokenKind, ident, string_value};
use super::tokens::{executes_text, split};

/// One scan of a text for the names of protected tables and of the views, partitions and functions over them, and
/// for `U&`, behind which a name can hide. A text without a hit touches nothing protected, parsable or not.
#[derive(Debug, Clone)]
pub struct MentionFilter {
    scan: AhoCorasick,
    /// The name that each pattern stands for; `None` for `U&`.
    names: Vec<Option<Box<str>>>,
    folded: HashSet<Box<str>>,
}

impl MentionFilter {
    /// A filter for these names, as the catalog spells them.
    ///
    /// # Errors
    ///
    /// Where the names exceed what one automaton can hold.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, BuildError> {
        let folded: HashSet<Box<str>> = names
            .into_iter()
            .filter(|name| !name.is_empty())
            .map(Box::from)
            .collect();
        let mut patterns = vec!["u&".to_owned()];
        let mut spelled = vec![None];
        for name in &folded {
            patterns.push(spelling(name));
            spelled.push(Some(name.clone()));
        }
        let scan = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(&patterns)?;
        Ok(Self {
            scan,
            names: spelled,
            folded,
        })
    }

    /// Whether the text may name anything protected. Never false when it does, in any encoding whose ASCII bytes
    /// are ASCII.
    #[must_use]
    pub fn hits(&self, sql: &[u8]) -> bool {
        self.scan.is_match(sql)
    }

    /// The names whose spelling occurs in the text, each once, in no order. A `U&` is not among them.
    #[must_use]
    pub fn names(&self, sql: &[u8]) -> Vec<&str> {
        let mut seen = HashSet::new();
        self.scan
            .find_overlapping_iter(sql)
            .filter_map(|hit| self.names.get(hit.pattern().as_usize())?.as_deref())
            .filter(|name| seen.insert(*name))
            .collect()
    }

    /// [`real_mention`] for this filter's names.
    #[must_use]
    pub fn real(&self, sql: &str, tokens: &[Token]) -> bool {
        split(sql, tokens)
            .into_iter()
            .any(|statement| self.real_in(sql, tokens, statement))
    }

    /// [`real_mention`] in one statement, a range of `tokens` that [`split`] gave.
    #[must_use]
    pub fn real_in(&self, sql: &str, tokens: &[Token], statement: Range<usize>) -> bool {
        let tokens = tokens.get(statement).unwrap_or_default();
        let named = |token: &Token| {
            ident(token, sql).is_some_and(|name| self.folded.contains(name.as_ref()))
        };
        if tokens.iter().any(named) {
            return true;
        }
        executes_text(sql, tokens) && tokens.iter().any(|token| self.hides_in(sql, token))
    }

    /// Whether a string constant holds a name, as written or decoded, or a `U&`.
    fn hides_in(&self, sql: &str, token: &Token) -> bool {
        matches!(token.kind, TokenKind::String(_))
            && (self.hits(token.text(sql).as_bytes())
                || string_value(token, sql).map_or(true, |value| self.hits(value.as_bytes())))
    }
}

/// What every spelling of the name but the `U&` one contains, ASCII case aside.
///
/// A quote in a name is doubled. Beyond ASCII a server with a single-byte encoding folds letters by its locale and
/// names are converted on the way, so of such a name only its longest ASCII stretch is sought. One without any
/// makes every text a hit.
fn spelling(name: &str) -> String {
    let quoted = name.replace('"', "\"\"");
    if quoted.is_ascii() {
        return quoted;
    }
    let stretches = quoted.split(|letter: char| !letter.is_ascii());
    stretches
        .max_by_key(|stretch| stretch.len())
        .unwrap_or_default()
        .to_owned()
}

/// Whether a text really names one of `names` (folded, as the catalog spells them): as an identifier, or, in
/// a statement that runs or stores text (`DO`, `CREATE FUNCTION`, `PREPARE`, …), anywhere in its string constants.
/// Mentions in comments and in other constants are none.
#[must_use]
pub fn real_mention(sql: &str, tokens: &[Token], names: &[&str]) -> bool {
    MentionFilter::new(names.iter().copied()).map_or(true, |filter| filter.real(sql, tokens))
}
