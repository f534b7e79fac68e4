//! Whether any of some words stands in a text: what every statement of every session is asked.

use aho_corasick::automaton::Automaton;
use aho_corasick::dfa::DFA;
use aho_corasick::{Anchored, BuildError};

/// Some words, ASCII case aside, in one automaton.
pub struct AnyOf {
    table: DFA,
    /// Bytes of the longest word.
    longest: usize,
}

impl AnyOf {
    /// An automaton for these words.
    ///
    /// # Errors
    /// Where the words exceed what one automaton can hold.
    pub fn new(words: &[String]) -> Result<Self, BuildError> {
        let table = DFA::builder()
            .ascii_case_insensitive(true)
            .prefilter(false)
            .build(words)?;
        let longest = words.iter().map(String::len).max().unwrap_or_default();
        Ok(Self { table, longest })
    }

    /// Whether one of the words is in the text, in any encoding whose ASCII bytes are ASCII. Looks at each byte once. Both halves of a text are looked at together: a step has to wait for the one before it, but
    /// not for the other half's.
    #[must_use]
    pub fn is_in(&self, text: &[u8]) -> bool {
        let Ok(start) = self.table.start_state(Anchored::No) else {
            return true;
        };
        if self.table.is_match(start) {
            return true;
        }
        // A word across the middle is found in the second half, which begins so much earlier.
        let shared = self.longest.saturating_sub(1);
        let middle = if text.len() > 2 * self.longest {
            usize::midpoint(text.len(), shared)
        } else {
            text.len()
        };
        let first = text.get(..middle).unwrap_or(text);
        let second = if middle < text.len() {
            text.get(middle - shared..).unwrap_or_default()
        } else {
            &[]
        };
        let (mut at_first, mut at_second) = (start, start);
        let step = |state: &mut _, byte: u8| {
            *state = self.table.next_state(Anchored::No, *state, byte);
            self.table.is_special(*state)
        };
        for (one, other) in first.iter().zip(second) {
            if step(&mut at_first, *one) | step(&mut at_second, *other)
                && (self.table.is_match(at_first) || self.table.is_match(at_second))
            {
                return true;
            }
        }
        let together = first.len().min(second.len());
        let rest = |text: &[u8], mut state| {
            let mut bytes = text.iter().skip(together);
            bytes.any(|byte| step(&mut state, *byte) && self.table.is_match(state))
        };
        rest(first, at_first) || rest(second, at_second)
    }
}

#[cfg(test)]
mod tests {
    use aho_corasick::AhoCorasick;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_word_is_found_wherever_it_stands() {
        let words = ["patients".to_owned(), "u&".to_owned()];
        let any = AnyOf::new(&words).unwrap();
        for len in 8..60 {
            let nothing = "x".repeat(len);
            assert!(!any.is_in(nothing.as_bytes()));
            for at in 0..=len - 8 {
                let mut text = nothing.clone();
                text.replace_range(at..at + 8, "PatientS");
                assert!(any.is_in(text.as_bytes()), "{text}");
            }
        }
        let everything = AnyOf::new(&[String::new()]).unwrap();
        assert!(everything.is_in(b"") && !AnyOf::new(&[]).unwrap().is_in(b"x"));
    }

    proptest! {
        #[test]
        fn it_finds_what_a_plain_search_finds(words in prop::collection::vec("[abAB\"é]{1,5}", 0..4), text in "[abAB\"é]{0,40}") {
            let any = AnyOf::new(&words).unwrap();
            let plain = AhoCorasick::builder().ascii_case_insensitive(true).build(&words).unwrap();
            prop_assert_eq!(any.is_in(text.as_bytes()), plain.is_match(&text));
        }
    }
}
