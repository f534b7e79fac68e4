//! `pgseal lint`: what would happen to many statements, before anything is switched on.
//!
//! Nothing is left out silently: what cannot be judged is counted as such.

mod csv;
mod entry;
mod json;
mod judge;
mod log;
mod report;
mod script;

pub use entry::{Entries, Entry, Unread};
pub use report::Linted;

use clap::ValueEnum;

use crate::plan::Planner;

/// How statements stand in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// An SQL script, as psql reads it.
    Sql,
    /// The server's log as text (`log_destination = 'stderr'`).
    Log,
    /// The server's log as CSV.
    Csvlog,
    /// The server's log as JSON lines.
    Jsonlog,
}

/// Reads the statements of a file for this database.
///
/// # Errors
/// Why it cannot be read, in words for the operator.
pub fn entries(bytes: &[u8], format: Option<Format>, database: &str) -> Result<Entries, String> {
    if let Some(at) = memchr::memchr(0, bytes) {
        let before = bytes.get(..at).unwrap_or_default();
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        return Err(format!(
            "line {line} holds a NUL byte: it is no text in UTF-8 (compressed, or in UTF-16?)"
        ));
    }
    // What is no UTF-8 becomes U+FFFD, and is not judged where it could matter.
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{FEFF}');
    let format = match format {
        Some(format) => format,
        None => recognised(text)?,
    };
    let (read_as, (entries, elsewhere)) = match format {
        Format::Sql => ("an SQL script", (script::entries(text, database), 0)),
        Format::Log => ("a server log in text form", (log::entries(text), 0)),
        Format::Csvlog => ("a csvlog", csv::entries(text, database)),
        Format::Jsonlog => ("a jsonlog", json::entries(text, database)),
    };
    Ok(Entries {
        read_as,
        entries,
        elsewhere,
        normalised: false,
    })
}

/// The format by what stands in the text; an error where it could be two.
fn recognised(text: &str) -> Result<Format, String> {
    if json::is_one(text) {
        return Ok(Format::Jsonlog);
    }
    if csv::is_one(text) {
        return Ok(Format::Csvlog);
    }
    let begins = |line: &&str| !line.trim().is_empty() && !line.starts_with('\t');
    let first = text.lines().find(begins);
    if first.is_some_and(|line| log::message(line).is_some()) {
        return Ok(Format::Log);
    }
    match text.lines().position(log::is_statement) {
        None => Ok(Format::Sql),
        Some(line) => Err(format!(
            "it begins like an SQL script, and line {} is one of a server's log: say --format sql or --format log",
            line + 1
        )),
    }
}

/// Says of every statement what would happen to it, and sums up. Constants are not repeated.
#[must_use]
pub fn lint(planner: &Planner, entries: &Entries) -> Linted {
    let mut judge = judge::Judge::new(planner, entries.normalised);
    let mut report = report::Report::default();
    for entry in &entries.entries {
        let (judged, shown) = match &entry.text {
            Ok(sql) => (judge.judge(sql), report::shown(sql)),
            Err(Unread(why)) => (judge::Judged::Unjudged(why.clone()), String::new()),
        };
        report.note(&entry.place, judged, shown);
    }
    report.summed_up(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::planner;

    fn linted(text: &[u8]) -> Linted {
        lint(&planner(), &entries(text, None, "app").unwrap())
    }

    fn counts(text: &str) -> (usize, usize) {
        let linted = linted(text.as_bytes());
        (linted.refused, linted.unjudged)
    }

    const REFUSED: &str = "SELECT id FROM virtual_keys ORDER BY key";

    #[test]
    fn every_format_finds_what_is_refused() {
        let csv = format!(
            "2024-01-01 UTC,u,app,7,,x,1,SELECT,x,3/4,0,LOG,00000,\"statement: {REFUSED}\",,,,,,,,,psql,client backend,,0\n"
        );
        let json = format!(
            "{{\"dbname\":\"app\",\"error_severity\":\"LOG\",\"message\":\"execute s: {REFUSED}\"}}\n"
        );
        let log = format!("2024 LOG:  statement: SELECT 1\n2024 LOG:  statement: {REFUSED}\n");
        for text in [csv, json, log, format!("SELECT 1; {REFUSED};")] {
            assert_eq!(counts(&text), (1, 0), "{text}");
        }
    }

    #[test]
    fn what_could_be_two_formats_is_not_guessed() {
        let script = format!("SELECT 'x\nLOG:  statement: SELECT 1\n';\n{REFUSED};\n");
        assert!(entries(script.as_bytes(), None, "app").is_err());
        let found = entries(script.as_bytes(), Some(Format::Sql), "app").unwrap();
        assert_eq!(lint(&planner(), &found).refused, 1);
        assert!(
            entries(b"\x1f\x8b\0", None, "app")
                .unwrap_err()
                .contains("NUL")
        );
    }

    #[test]
    fn bytes_that_are_no_utf_8_matter_only_where_something_protected_is_named() {
        let found = linted(b"SELECT '\xe9' FROM requests;\nSELECT '\xe9' FROM virtual_keys;\n");
        assert_eq!((found.refused, found.unjudged), (0, 1));
        assert!(
            found.report.contains("line 2: not judged"),
            "{}",
            found.report
        );
    }

    #[test]
    fn nothing_at_all_is_no_all_clear() {
        let found = linted(b"LOG:  checkpoint starting: time\n");
        assert!(found.nothing && found.report.contains("no statement"));
    }

    #[test]
    fn what_is_prepared_or_made_before_is_known_afterwards() {
        let prepared = "PREPARE p(uuid, text) AS UPDATE virtual_keys SET key = $2 WHERE organisation_id = $1;\nEXECUTE p('00000000-0000-0000-0000-000000000000', 'x');\n";
        assert_eq!(counts(prepared), (0, 0));
        assert_eq!(counts("EXECUTE unknown(1);"), (0, 1));
        assert_eq!(counts("PREPARE p AS SELECT 1; EXECUTE p;"), (0, 0));
        let made = "CREATE VIEW fresh AS SELECT key FROM virtual_keys;\nSELECT * FROM fresh ORDER BY key;\n";
        assert_eq!(counts(made), (0, 1));
    }

    #[test]
    fn settings_by_which_texts_are_read_are_told() {
        assert_eq!(counts("SET standard_conforming_strings = off;"), (0, 1));
        assert_eq!(counts("SET standard_conforming_strings = on;"), (0, 0));
        assert_eq!(counts("SET client_encoding TO 'LATIN1';"), (0, 1));
        assert_eq!(
            counts("SET client_encoding = 'UTF8'; SHOW client_encoding"),
            (0, 0)
        );
        assert_eq!(
            counts("SELECT set_config('client_encoding', 'latin1', false)"),
            (0, 1)
        );
    }

    #[test]
    fn the_same_finding_is_told_once_and_shows_no_constant() {
        let text = "SELECT 'sk-1' FROM virtual_keys ORDER BY key;\nSELECT 'sk-2'  FROM virtual_keys /* sk-3 */ ORDER BY key;\n";
        let found = linted(text.as_bytes());
        assert_eq!(found.refused, 2);
        assert_eq!(
            found.report.matches("refused-order)").count(),
            1,
            "{}",
            found.report
        );
        assert!(
            found.report.contains("line 1 and 1 more"),
            "{}",
            found.report
        );
        assert!(!found.report.contains("sk-"), "{}", found.report);
    }
}
