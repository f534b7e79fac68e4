//! What is linted: statements, and where they stand.

/// A statement, or what cannot be read as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands, as a person finds it: `line 3`.
    pub place: String,
    /// The text as it was sent.
    pub text: Result<String, Unread>,
}

impl Entry {
    pub(super) fn at_line(line: usize, text: Result<String, Unread>) -> Self {
        Self {
            place: format!("line {line}"),
            text,
        }
    }
}

/// Why something cannot be judged, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread(pub String);

/// Everything that was found in one place.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Entries {
    /// As what it was read, in words.
    pub read_as: &'static str,
    /// In their order.
    pub entries: Vec<Entry>,
    /// Statements of other databases, left out.
    pub elsewhere: usize,
    /// Constants are left out of the texts.
    pub normalised: bool,
}
