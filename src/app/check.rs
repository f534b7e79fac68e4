//! `pgseal check`: the rules against the live schema.

use std::fmt::Write as _;

use super::{Problem, databases, keyring_url, no_rules, plan_catalog, read_rules};
use crate::config::Config;
use crate::keyring;
use crate::net::lease;
use crate::net::survey::{Finding, Severity, survey};
use crate::rules::Rule;

/// What [`check`] found.
#[derive(Debug, Default)]
pub struct Checked {
    /// For people: a line for each finding, then the sums of each database.
    pub report: String,
    /// Protection is broken, or cannot be had.
    pub errors: usize,
    /// It may be.
    pub warnings: usize,
    /// Rules do not fit their database.
    pub misfit: bool,
    /// Why some databases could not be checked.
    pub unchecked: Vec<Problem>,
}

/// Checks the databases that rules name, or the command's.
///
/// # Errors
/// Why nothing can be checked, in words for the operator.
pub async fn check(config: &Config) -> Result<Checked, Problem> {
    let url = keyring_url(config)?;
    let own = keyring::database_of(url)?;
    let mut groups = databases::by_database(read_rules(config)?, &own)?;
    let ruled: Vec<String> = groups.keys().cloned().collect();
    if let Some(one) = &config.database {
        groups.retain(|name, _| name == one);
    }
    if groups.is_empty() {
        return Err(no_rules(config.database.as_ref().unwrap_or(&own), &ruled));
    }
    let mut checked = Checked::default();
    for (name, rules) in groups {
        let found = in_one(&keyring::with_database(url, &name), &rules).await;
        // Writing to a String cannot fail.
        let _ = checked.note(&name, found);
    }
    Ok(checked)
}

/// How many columns are protected, and what was found.
async fn in_one(url: &str, rules: &[Rule]) -> Result<(usize, Vec<Finding>), Problem> {
    let client = keyring::connect(url).await?;
    let (planner, whole) = plan_catalog(&client, rules, 1, None).await?;
    let found = survey(&client, &planner).await;
    let mut found = found
        .map_err(|cause| format!("the schema cannot be looked at: {}", keyring::words(&cause)))?;
    let mut also = |severity, words: &str| {
        found.push(Finding {
            severity,
            place: String::new(),
            words: words.to_owned(),
        });
    };
    if !whole {
        also(
            Severity::Warning,
            "some views could not be read because of somebody's lock: check again",
        );
    }
    if !lease::is_installed(&client).await? {
        also(
            Severity::Note,
            "no lease is installed: DDL past pgseal is known after up to two seconds only (`pgseal lease`)",
        );
    }
    Ok((planner.protected_columns(), found))
}

impl Checked {
    fn note(
        &mut self,
        database: &str,
        found: Result<(usize, Vec<Finding>), Problem>,
    ) -> std::fmt::Result {
        let (columns, found) = match found {
            Ok(found) => found,
            Err(problem @ Problem::Other(_)) => {
                self.unchecked.push(problem.of_database(database));
                return Ok(());
            }
            Err(Problem::Configuration(cause)) => {
                self.errors += 1;
                self.misfit = true;
                return writeln!(self.report, "{database}: error: {cause}");
            }
        };
        for finding in &found {
            writeln!(self.report, "{database}: {finding}")?;
        }
        let count = |severity| {
            found
                .iter()
                .filter(|found| found.severity == severity)
                .count()
        };
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        self.errors += errors;
        self.warnings += warnings;
        let sums = match (errors, warnings) {
            (0, 0) => String::new(),
            _ => format!("; {errors} errors, {warnings} warnings"),
        };
        writeln!(
            self.report,
            "{database}: {columns} columns are protected{sums}"
        )
    }
}
