//! Why pgseal cannot go on, and whose it is to mend.

/// What is told to the operator.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The configuration cannot be used: a restart with the same one will fail again.
    #[error("{0}")]
    Configuration(String),
    /// Anything else: what is away may come back.
    #[error("{0}")]
    Other(String),
}

impl Problem {
    /// The same, of one of several databases.
    pub(super) fn of_database(self, name: &str) -> Self {
        let words = |cause: String| format!("database {name}: {cause}");
        match self {
            Self::Configuration(cause) => Self::Configuration(words(cause)),
            Self::Other(cause) => Self::Other(words(cause)),
        }
    }
}

impl From<String> for Problem {
    fn from(cause: String) -> Self {
        Self::Other(cause)
    }
}
