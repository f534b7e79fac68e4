//! Where a look-up repeats its statement: the server's error of the one is told with its place in the other.

use std::ops::Range;
use std::sync::Arc;

use super::types::Place;

/// Stretches are remembered up to so many; programs write texts of thousands of branches.
const REMEMBERED: usize = 64;

/// A stretch of a statement as it stands in a look-up.
struct Repeat {
    text: String,
    /// Where its parts begin in this text, and where they stand in the client's.
    parts: Vec<(usize, Range<usize>)>,
}

/// The stretches that a look-up repeats.
#[derive(Default)]
pub(super) struct Repeats(Vec<Repeat>);

impl Repeats {
    pub(super) fn remember(&mut self, text: &str, parts: Vec<(usize, Range<usize>)>) {
        let again = |known: &Repeat| known.text == text && known.parts == parts;
        if self.0.len() < REMEMBERED && !self.0.iter().any(again) {
            self.0.push(Repeat {
                text: text.to_owned(),
                parts,
            });
        }
    }

    /// Their places in a look-up, those of the longest first.
    pub(super) fn places(&mut self, own: &str, look_up: &str) -> Arc<[Place]> {
        let mut repeats = std::mem::take(&mut self.0);
        repeats.sort_by_key(|repeat| std::cmp::Reverse(repeat.text.len()));
        let mut places = Vec::new();
        for repeat in repeats.iter().filter(|repeat| !repeat.text.is_empty()) {
            for (base, _) in look_up.match_indices(&repeat.text) {
                let (mut in_look_up, mut in_own) = (Count::of(look_up), Count::of(own));
                for (at, part) in &repeat.parts {
                    let start = in_own.up_to(part.start);
                    places.push(Place {
                        asked: in_look_up.up_to(base + at),
                        own: start,
                        length: in_own.up_to(part.end) - start,
                    });
                }
            }
        }
        places.into()
    }
}

/// Characters of a text, counted from its beginning on.
struct Count<'a> {
    text: &'a str,
    bytes: usize,
    chars: usize,
}

impl<'a> Count<'a> {
    fn of(text: &'a str) -> Self {
        Self {
            text,
            bytes: 0,
            chars: 0,
        }
    }

    fn up_to(&mut self, bytes: usize) -> usize {
        let more = self.text.get(self.bytes..bytes).unwrap_or_default();
        self.chars += more.chars().count();
        self.bytes = bytes;
        self.chars
    }
}
