//! `log_destination = 'csvlog'`: records of RFC 4180, whose fields PostgreSQL's manual lists (20.8.4).

use super::entry::{Entry, Unread};
use super::log::statement;

const DATABASE: usize = 2;
const SEVERITY: usize = 11;
const MESSAGE: usize = 13;

/// One record, with the line at which it begins. `ended`: it is whole.
#[derive(Debug, PartialEq, Eq)]
struct Record {
    line: usize,
    fields: Vec<String>,
    ended: bool,
}

struct Records<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    line: usize,
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        self.rest.peek()?;
        let line = self.line;
        let (mut fields, mut field) = (Vec::new(), String::new());
        let mut quoted = false;
        loop {
            let next = self.rest.next();
            if next == Some('\n') {
                self.line += 1;
            }
            match (next, quoted) {
                (Some('"'), true) => match self.rest.next_if_eq(&'"') {
                    Some(quote) => field.push(quote),
                    None => quoted = false,
                },
                (Some('"'), false) => quoted = true,
                (Some(','), false) => fields.push(std::mem::take(&mut field)),
                (Some('\r'), false) if self.rest.peek() == Some(&'\n') => {}
                (Some('\n') | None, false) => break,
                (Some(other), _) => field.push(other),
                (None, true) => break,
            }
        }
        fields.push(field);
        Some(Record {
            line,
            fields,
            ended: !quoted,
        })
    }
}

fn records(text: &str) -> Records<'_> {
    Records {
        rest: text.chars().peekable(),
        line: 1,
    }
}

/// Whether a text begins with a record of such a log.
pub(super) fn is_one(text: &str) -> bool {
    let first = records(text.trim_start()).next();
    first.is_some_and(|record| is_log(&record.fields))
}

fn is_log(fields: &[String]) -> bool {
    let dated = |time: &str| {
        let digits = time.bytes().take(4);
        digits.len() == 4 && digits.clone().all(|byte| byte.is_ascii_digit())
    };
    let severity = |text: &String| !text.is_empty() && text.chars().all(char::is_alphanumeric);
    fields.len() > 22
        && fields.first().is_some_and(|time| dated(time))
        && fields.get(SEVERITY).is_some_and(severity)
}

/// The statements of this database, and how many are of others.
pub(super) fn entries(text: &str, database: &str) -> (Vec<Entry>, usize) {
    let (mut found, mut elsewhere) = (Vec::new(), 0);
    for record in records(text) {
        if record.fields.iter().all(String::is_empty) {
            continue;
        }
        if !(record.ended && is_log(&record.fields)) {
            let why = "it is no whole record of a csvlog".to_owned();
            found.push(Entry::at_line(record.line, Err(Unread(why))));
            continue;
        }
        let field = |at: usize| record.fields.get(at).map(String::as_str);
        let field = |at: usize| field(at).unwrap_or_default();
        let said = (field(SEVERITY) == "LOG").then(|| statement(field(MESSAGE)));
        let Some(said) = said.flatten() else {
            continue;
        };
        if field(DATABASE) == database {
            found.push(Entry::at_line(record.line, said.map(str::to_owned)));
        } else {
            elsewhere += 1;
        }
    }
    (found, elsewhere)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(database: &str, severity: &str, message: &str) -> String {
        let message = message.replace('"', "\"\"");
        format!(
            "2024-01-01 00:00:00.000 UTC,\"u\",\"{database}\",7,,x,1,\"SELECT\",x,3/4,0,{severity},00000,\"{message}\",,,,,,,,,\"psql\",\"client backend\",,0\n"
        )
    }

    #[test]
    fn records_over_several_lines() {
        let log = [
            record("app", "LOG", "statement: SELECT \"a\",\n1"),
            record("crm", "LOG", "execute s: SELECT 2"),
            record("app", "ERROR", "statement: no"),
            record("app", "LOG", "execute <unnamed>: SELECT 3"),
            "2024-01-01,\"cut".to_owned(),
        ]
        .concat();
        assert!(is_one(&log));
        let (found, elsewhere) = entries(&log, "app");
        let places: Vec<&str> = found.iter().map(|entry| entry.place.as_str()).collect();
        assert_eq!(places, ["line 1", "line 5", "line 6"]);
        assert_eq!(found[0].text.as_deref(), Ok("SELECT \"a\",\n1"));
        assert_eq!(found[1].text.as_deref(), Ok("SELECT 3"));
        assert!(found[2].text.is_err());
        assert_eq!(elsewhere, 1);
    }

    #[test]
    fn a_script_is_no_log() {
        assert!(!is_one("INSERT INTO t VALUES (1, 2, 3);\n"));
        assert!(!is_one("2024,1,2\n"));
    }
}
