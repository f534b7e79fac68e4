//! What a running pgseal tells of the schema beside its tables: each finding once, as long as it stands.

use std::collections::BTreeSet;

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tracing::warn;

use crate::keyring;
use crate::net::survey::{Severity, survey};
use crate::plan::Planner;

/// So many are told at a time.
const MOST: usize = 20;

/// What was told.
pub(super) struct Findings {
    /// The catalog has changed since the last look.
    due: bool,
    told: BTreeSet<String>,
}

impl Default for Findings {
    fn default() -> Self {
        Self {
            due: true,
            told: BTreeSet::new(),
        }
    }
}

impl Findings {
    /// There is another catalog, or there are other rules.
    pub(super) fn changed(&mut self) {
        self.due = true;
    }

    /// Looks, if there is something new to see, and warns of it. What somebody's lock keeps back is seen the next time.
    pub(super) async fn look(&mut self, client: &Client, planner: &Planner, database: &str) {
        if !std::mem::take(&mut self.due) || planner.protects_nothing() {
            return;
        }
        let found = match survey(client, planner).await {
            Ok(found) => found,
            Err(cause) if cause.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                self.due = true;
                return;
            }
            Err(cause) => {
                let cause = keyring::words(&cause);
                warn!(
                    database,
                    cause, "what else works on sealed columns cannot be looked for"
                );
                return;
            }
        };
        let found = found
            .into_iter()
            .filter(|finding| finding.severity != Severity::Note);
        self.tell(database, found.map(|finding| finding.to_string()).collect());
    }

    fn tell(&mut self, database: &str, found: BTreeSet<String>) {
        let new: Vec<&String> = found.difference(&self.told).collect();
        for finding in new.iter().take(MOST) {
            warn!(database, %finding, "something in the schema does not go together with sealed columns");
        }
        if let Some(more @ 1..) = new.len().checked_sub(MOST) {
            warn!(
                database,
                more, "there is more that does not: `pgseal check` lists all"
            );
        }
        self.told = found;
    }
}
