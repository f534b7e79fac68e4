//! `log_destination = 'jsonlog'` (PostgreSQL 15): an object a line.

use serde::Deserialize;

use super::entry::{Entry, Unread};
use super::log::statement;

#[derive(Deserialize)]
struct Line {
    error_severity: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    dbname: String,
}

/// Whether a text begins with a line of such a log.
pub(super) fn is_one(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next();
    first.is_some_and(|line| serde_json::from_str::<Line>(line).is_ok())
}

/// The statements of this database, and how many are of others.
pub(super) fn entries(text: &str, database: &str) -> (Vec<Entry>, usize) {
    let (mut found, mut elsewhere) = (Vec::new(), 0);
    let lines = text.lines().enumerate();
    for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let Ok(line) = serde_json::from_str::<Line>(line) else {
            let why = "it is no line of a jsonlog".to_owned();
            found.push(Entry::at_line(number + 1, Err(Unread(why))));
            continue;
        };
        let said = (line.error_severity == "LOG").then(|| statement(&line.message));
        match said.flatten() {
            None => {}
            Some(said) if line.dbname == database => {
                found.push(Entry::at_line(number + 1, said.map(str::to_owned)));
            }
            Some(_) => elsewhere += 1,
        }
    }
    (found, elsewhere)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_this_database_and_of_others() {
        let log = "{\"timestamp\":\"2024\",\"dbname\":\"app\",\"error_severity\":\"LOG\",\"message\":\"statement: SELECT 1\\nFROM t\"}\n\
            {\"dbname\":\"crm\",\"error_severity\":\"LOG\",\"message\":\"statement: SELECT 2\"}\n\
            {\"error_severity\":\"LOG\",\"message\":\"checkpoint starting: time\"}\n{\"dbname\":\"app\",\"error_sev";
        assert!(is_one(log));
        let (found, elsewhere) = entries(log, "app");
        assert_eq!(
            found[0],
            Entry::at_line(1, Ok("SELECT 1\nFROM t".to_owned()))
        );
        assert!(found[1].place == "line 4" && found[1].text.is_err());
        assert_eq!((found.len(), elsewhere), (2, 1));
        assert!(!is_one("{\"a\": 1}"));
    }
}
