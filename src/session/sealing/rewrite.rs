//! A text with edits in it, and the way back for positions in errors.

use crate::model::Refusal;
use crate::plan::Splice;

/// A text with edits applied, and the way back for error positions.
pub(in crate::session) struct Rewritten {
    pub(in crate::session) sql: String,
    pub(in crate::session) positions: Positions,
}

/// For each edit: first character behind it in the new text, and how far that moved.
#[derive(Default)]
pub(in crate::session) struct Positions(Vec<Moved>);

struct Moved {
    new_start: usize,
    new_end: usize,
    old_start: usize,
    old_end: usize,
}

impl Positions {
    /// The 1-based character position in the client's text for one in the rewritten text.
    pub(in crate::session) fn original(&self, position: usize) -> usize {
        let at = position.saturating_sub(1);
        let old = match self.0.iter().rev().find(|moved| moved.new_start <= at) {
            None => at,
            Some(moved) if at < moved.new_end => moved.old_start,
            Some(moved) => at - moved.new_end + moved.old_end,
        };
        old + 1
    }
}

/// Applies edits (sorted here by place; they never overlap) to a statement's text.
///
/// # Errors
/// When an edit does not lie in the text: a plan for another text, which must never be sent.
pub(in crate::session) fn rewrite(sql: &str, mut edits: Vec<Splice>) -> Result<Rewritten, Refusal> {
    edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
    let mut text = String::with_capacity(sql.len() + 256);
    let (mut moved, mut from, mut old_chars, mut new_chars) = (Vec::new(), 0, 0, 0);
    for edit in &edits {
        let (Some(before), Some(replaced)) =
            (sql.get(from..edit.span.start), sql.get(edit.span.clone()))
        else {
            return Err(misplaced());
        };
        let kept = before.chars().count();
        let (old_start, new_start) = (old_chars + kept, new_chars + kept);
        old_chars = old_start + replaced.chars().count();
        new_chars = new_start + edit.text.chars().count();
        moved.push(Moved {
            new_start,
            new_end: new_chars,
            old_start,
            old_end: old_chars,
        });
        text.push_str(before);
        text.push_str(&edit.text);
        from = edit.span.end;
    }
    text.push_str(sql.get(from..).ok_or_else(misplaced)?);
    Ok(Rewritten {
        sql: text,
        positions: Positions(moved),
    })
}

fn misplaced() -> Refusal {
    Refusal::new(
        "XX000",
        "a plan does not fit its statement",
        "Please report this statement's shape. See docs/errors.md#internal.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_go_back_through_edits_in_characters() {
        let rewritten = rewrite(
            "é 'ab' x 'c' y",
            vec![
                Splice {
                    span: 3..7,
                    text: "'~s1long~'".into(),
                },
                Splice {
                    span: 10..13,
                    text: "N".into(),
                },
            ],
        )
        .unwrap();
        assert_eq!(rewritten.sql, "é '~s1long~' x N y");
        let at = |needle: &str| {
            rewritten
                .sql
                .chars()
                .position(|c| needle.starts_with(c))
                .unwrap()
                + 1
        };
        assert_eq!(rewritten.positions.original(1), 1);
        assert_eq!(rewritten.positions.original(at("x")), 8);
        assert_eq!(
            rewritten.positions.original(rewritten.sql.chars().count()),
            14
        );
    }
}
