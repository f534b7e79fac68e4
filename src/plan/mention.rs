//! Which texts can touch a protected table at all (guards 1 and 2 of the planner).

use std::collections::HashSet;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError};

use super::any_of::AnyOf;
use super::lexer::{Token, TokenKind, called, string_value, unicode_names};
use super::tokens::{executes_text, may_execute_text, split};

/// One scan of a text for the names of protected tables and of the views, partitions, functions and operators over them, and
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
        let mut patterns = vec![ESCAPED.to_owned()];
        let mut spelled = vec![None];
        for name in &folded {
            patterns.push(spelling(name));
            spelled.push(Some(name.clone()));
        }
        Ok(Self {
            scan: scan(&patterns)?,
            names: spelled,
            folded,
        })
    }

    /// One scan for this filter's names and for other words.
    pub(super) fn with(&self, words: &[&str]) -> Result<AnyOf, BuildError> {
        let names = self.names.iter().map(|name| match name {
            Some(name) => spelling(name),
            None => ESCAPED.to_owned(),
        });
        let words = words.iter().map(|word| (*word).to_owned());
        AnyOf::new(&names.chain(words).collect::<Vec<_>>())
    }

    /// Whether the text may name anything protected. Never false when it does, in any encoding whose ASCII bytes
    /// are ASCII.
    #[must_use]
    pub fn hits(&self, sql: &[u8]) -> bool {
        self.scan.is_match(sql)
    }

    /// Whether a text that cannot be cut into tokens may name anything protected, however the server cuts it: a
    /// name is spelled somewhere, is that of a `U&"…"` for any escape character, or may stand in a text that is run.
    #[must_use]
    pub fn may_name(&self, sql: &[u8]) -> bool {
        let spelled = |at: usize| self.names.get(at).is_none_or(Option::is_some);
        let mut escaped = false;
        for hit in self.scan.find_overlapping_iter(sql) {
            if spelled(hit.pattern().as_usize()) {
                return true;
            }
            escaped = true;
        }
        escaped && (may_execute_text(sql) || self.escapes_to_name(sql))
    }

    /// Whether a `U&"…"` stands for a name, for any escape character that a `UESCAPE` clause could choose.
    fn escapes_to_name(&self, sql: &[u8]) -> bool {
        let quote = |at: usize| at + ESCAPED.len();
        self.scan
            .find_overlapping_iter(sql)
            .map(|hit| hit.start())
            .filter(|&at| sql.get(quote(at)) == Some(&b'"'))
            .any(|at| {
                unicode_names(sql.get(quote(at)..).unwrap_or_default()).is_none_or(|names| {
                    names.iter().any(|name| self.folded.contains(name.as_str()))
                })
            })
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
            called(token, sql).is_some_and(|name| self.folded.contains(name.as_ref()))
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

/// Behind it a name can hide.
const ESCAPED: &str = "u&";

/// A table per state costs some memory and half the time.
fn scan(patterns: &[String]) -> Result<AhoCorasick, BuildError> {
    let mut builder = AhoCorasick::builder();
    builder.ascii_case_insensitive(true);
    builder
        .kind(Some(AhoCorasickKind::DFA))
        .build(patterns)
        .or_else(|_| builder.kind(None).build(patterns))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::lexer::{Limits, lex, lex_as};

    fn filter() -> MentionFilter {
        MentionFilter::new(["patients", "Mixed", "a\"b", "größe", "日本"]).unwrap()
    }

    fn real(sql: &str) -> bool {
        let tokens = lex(sql, &Limits::default()).unwrap();
        real_mention(sql, &tokens, &["patients", "Mixed", "a\"b"])
    }

    #[test]
    fn spellings_hit() {
        let plain = MentionFilter::new(["patients", "a\"b", "Größe"]).unwrap();
        for sql in [
            "select * from PATIENTS",
            "x.\"patients\"",
            "-- patients",
            "my_patients_2",
            "U&\"p\\0061tients\"",
            "u&'x'",
            "\"a\"\"b\"",
            "\"GRÖßE\"",
        ] {
            assert!(plain.hits(sql.as_bytes()), "{sql}");
        }
        assert!(!plain.hits(b"select 1 from patient"));
        assert!(!plain.hits(b"select a\"b"));
        assert!(
            filter().hits(b"anything"),
            "a name without ASCII cannot be sought"
        );
    }

    #[test]
    fn a_text_that_cannot_be_read_may_name_what_any_reading_names() {
        let filter = MentionFilter::new(["patients", "Mixed"]).unwrap();
        for sql in [
            "'patients",
            "U&\"p\\0061tients\" '",
            "u&\"p!0061tients\" UESCAPE '!' '",
            "'U&\"p\\0061tients\"",
            "x U&\"Mi\\0078ed\" /*",
            "U&\"\\+000070atients\" U&'\\061'",
            "U&\"pätients\" '",
            "DO U&'\\0070' '",
            "SELECT 1; EXECUTE q(U&'\\0070') /*",
            "create/**/or replace FUNCTION f() AS U&'\\0070' '",
        ] {
            assert!(filter.may_name(sql.as_bytes()), "{sql}");
        }
        for sql in [
            "SELECT U&'wrong: \\061'",
            "SELECT U&'wrong: +0061' UESCAPE +",
            "U&\"x\\0061\" '",
            "U&\"patien\\0074\" '",
            "U&\"p\\061tients\"",
            "U&\"p\\0061tients",
            "SELECT U&'\\061' AS done, undo, do_, 'create x'",
            "DO 'x",
        ] {
            assert!(!filter.may_name(sql.as_bytes()), "{sql}");
        }
        assert!(!filter.may_name(b"SELECT U&'\\061', '\xe9"));
    }

    #[test]
    fn names_that_hit_are_told() {
        let filter = MentionFilter::new(["a", "ab", "c"]).unwrap();
        let mut names = filter.names(b"AB ab u&");
        names.sort_unstable();
        assert_eq!(names, ["a", "ab"]);
    }

    #[test]
    fn no_names_no_hits_but_unicode_escapes() {
        let none = MentionFilter::new([]).unwrap();
        assert!(!none.hits(b"select 1"));
        assert!(none.hits(b"U&\"x\""));
    }

    #[test]
    fn comments_and_constants_are_no_mention() {
        assert!(!real("SELECT 'patients' -- patients\n /* patients */"));
        assert!(!real("SELECT $$patients$$, E'patients', my_patients"));
        assert!(!real("SELECT 1 FROM mixed"));
        assert!(!real("SELECT 1 FROM \"PATIENTS\""));
        assert!(real("SELECT 1 FROM Patients"));
        assert!(real("SELECT 1 FROM public . \"patients\""));
        assert!(real("SELECT 1 FROM U&\"p\\0061tients\""));
        assert!(real("SELECT 1 FROM \"Mixed\""));
        assert!(real("SELECT 1 FROM \"a\"\"b\""));
        assert!(real(
            &"SELECT 1; SELECT 2 FROM patients".replace("; ", ";\n")
        ));
    }

    #[test]
    fn names_longer_than_the_server_keeps() {
        let name = "p".repeat(63);
        let sql = format!("SELECT 1 FROM {}tail", name.to_uppercase());
        let filter = MentionFilter::new([name.as_str()]).unwrap();
        assert!(filter.hits(sql.as_bytes()));
        assert!(filter.real(&sql, &lex(&sql, &Limits::default()).unwrap()));
    }

    #[test]
    fn statements_that_run_text_are_searched_inside() {
        assert!(real("DO $$ BEGIN INSERT INTO patients VALUES (1); END $$"));
        assert!(real("DO E'INSERT INTO p\\x61tients VALUES (1)'"));
        assert!(real(
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1 FROM PATIENTS'"
        ));
        assert!(real("SELECT 1; DO $$ EXECUTE U&'\\0070' $$"));
        assert!(!real("DO $$ BEGIN PERFORM 1; END $$ -- patients"));
        assert!(!real("DO $$ x $$; SELECT 'patients'"));
    }

    proptest! {
        #[test]
        fn what_any_reading_names_a_text_that_is_not_read_may_name(sql in "[U&ab\"' !\\\\]{0,9}(U&\"(a|b|\\\\0061|!0062){1,3}\"( UESCAPE '!')?)?[';ab\\\\]{0,5}", conforming: bool) {
            let Ok(tokens) = lex_as(&sql, &Limits::default(), conforming) else { return Ok(()) };
            for name in tokens.iter().filter_map(|token| called(token, &sql)) {
                let filter = MentionFilter::new([name.as_ref()]).unwrap();
                prop_assert!(filter.may_name(sql.as_bytes()), "{}", name);
            }
        }

        #[test]
        fn what_the_lexer_names_always_hits(name in "[a-zA-Z_\"é]{1,70}", sql in "[a-zA-Z_\"é ;']{0,80}") {
            let Ok(tokens) = lex(&sql, &Limits::default()) else { return Ok(()) };
            let names: Vec<String> =
                tokens.iter().filter_map(|token| called(token, &sql)).map(|name| name.into_owned()).collect();
            for name in names.iter().chain([&name]) {
                let filter = MentionFilter::new([name.as_str()]).unwrap();
                prop_assert!(!filter.real(&sql, &tokens) || filter.hits(sql.as_bytes()));
                prop_assert!(!names.contains(name) || filter.real(&sql, &tokens));
            }
        }
    }
}
