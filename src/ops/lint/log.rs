//! The server's log, as `log_destination = 'stderr'` writes it: prefix, severity, message, and lines that go on with a tab.

use super::entry::{Entry, Unread};

/// What may stand before the two blanks that a message starts behind (`send_message_to_server_log` in `elog.c`).
const TAGS: &[&str] = &[
    "LOG",
    "ERROR",
    "FATAL",
    "PANIC",
    "WARNING",
    "NOTICE",
    "INFO",
    "DEBUG",
    "DEBUG1",
    "DEBUG2",
    "DEBUG3",
    "DEBUG4",
    "DEBUG5",
    "DETAIL",
    "HINT",
    "QUERY",
    "CONTEXT",
    "LOCATION",
    "BACKTRACE",
    "STATEMENT",
];

/// What a line of the log begins.
pub(super) struct Message<'a> {
    pub tag: &'a str,
    pub text: &'a str,
}

/// The message that a line begins; `None`: it begins none.
pub(super) fn message(line: &str) -> Option<Message<'_>> {
    const END: &str = ":  ";
    line.match_indices(END).find_map(|(at, _)| {
        let before = line.get(..at)?;
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let tag = before.rsplit(|c: char| !is_part(c)).next()?;
        let text = line.get(at + END.len()..)?;
        TAGS.contains(&tag).then_some(Message { tag, text })
    })
}

/// What a message of severity LOG says of a statement: its text, or that there was one.
pub(super) fn statement(text: &str) -> Option<Result<&str, Unread>> {
    let timed = text.strip_prefix("duration: ");
    let text = match timed.and_then(|rest| rest.split_once(" ms  ")) {
        Some((_, rest)) => rest,
        None => text,
    };
    if text.starts_with("fastpath function call: ") {
        let why = "it is a function called by its number (fastpath), without a text";
        return Some(Err(Unread(why.to_owned())));
    }
    let (kind, sql) = text.split_once(": ")?;
    let named = ["parse ", "bind ", "execute "];
    let is_one = kind == "statement" || named.iter().any(|word| kind.starts_with(word));
    is_one.then_some(Ok(sql))
}

/// Whether a line logs a statement.
pub(super) fn is_statement(line: &str) -> bool {
    message(line).is_some_and(|found| found.tag == "LOG" && statement(found.text).is_some())
}

/// The statements of a log.
pub(super) fn entries(text: &str) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    // Whether the lines that follow go on with the last statement.
    let mut open = false;
    for (number, line) in text.lines().enumerate() {
        match message(line).filter(|_| !line.starts_with('\t')) {
            Some(message) => {
                let said = (message.tag == "LOG").then(|| statement(message.text));
                let said = said.flatten();
                open = said.is_some();
                let text = said.map(|said| said.map(str::to_owned));
                found.extend(text.map(|text| Entry::at_line(number + 1, text)));
            }
            None if !open => {}
            None => {
                let Some(last) = found.last_mut() else {
                    continue;
                };
                match (line.strip_prefix('\t'), &mut last.text) {
                    (Some(more), Ok(sql)) => {
                        sql.push('\n');
                        sql.push_str(more);
                    }
                    (Some(_), Err(_)) => {}
                    (None, text) => {
                        let why = format!(
                            "the log does not go on as PostgreSQL writes it (line {}: no prefix, no tab)",
                            number + 1
                        );
                        *text = Err(Unread(why));
                        open = false;
                    }
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(log: &str) -> Vec<(String, Option<String>)> {
        let found = entries(log).into_iter();
        found.map(|entry| (entry.place, entry.text.ok())).collect()
    }

    fn some(line: usize, text: &str) -> (String, Option<String>) {
        (format!("line {line}"), Some(text.to_owned()))
    }

    #[test]
    fn statements_of_every_kind_and_their_further_lines() {
        let log = "MYLOG:  statement: SELECT 5\n2024 [7] app LOG:  statement: SELECT 1;\n\tSELECT 'LOG:  statement: x'\n2024 [7] DETAIL:  parameters: $1 = 'x'\n\tLOG:  no\n\
            2024 LOG:  duration: 0.1 ms  execute s1: SELECT $1\n2024 LOG:  connection received: host\nLOG:  execute <unnamed>: SELECT 2\n\
            LOG:  duration: 12.100 ms\n2024 ERROR:  syntax error LOG:  statement: x\n2024 STATEMENT:  SELEC\nLOG:  execute fetch from a/b: SELECT 3\n\
            LOG:  duration: 1.0 ms  parse <unnamed>: SELECT 4\n";
        let expected = [
            some(2, "SELECT 1;\nSELECT 'LOG:  statement: x'"),
            some(6, "SELECT $1"),
            some(8, "SELECT 2"),
            some(12, "SELECT 3"),
            some(13, "SELECT 4"),
        ];
        assert_eq!(texts(log), expected);
    }

    #[test]
    fn what_goes_on_without_a_tab_is_not_judged() {
        let log =
            "db-1 | LOG:  statement: SELECT *\ndb-1 | \tFROM t\ndb-1 | LOG:  statement: SELECT 2\n";
        assert_eq!(
            texts(log),
            [("line 1".to_owned(), None), some(3, "SELECT 2")]
        );
        let call = "LOG:  fastpath function call: \"f\" (OID 7)\n";
        assert_eq!(texts(call), [("line 1".to_owned(), None)]);
    }
}
