//! What is told of it all.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use crate::plan::lexer::{self, Limits, TokenKind};

use super::entry::Entries;
use super::judge::Judged;

/// So much of a statement is shown.
const SHOWN: usize = 300;

/// What [`lint`](super::lint) found.
#[derive(Debug, Default)]
pub struct Linted {
    /// For people: what is refused or cannot be judged, where and why, then the sums.
    pub report: String,
    /// How many statements would be refused.
    pub refused: usize,
    /// How many nobody can tell of.
    pub unjudged: usize,
    /// There was no statement.
    pub nothing: bool,
}

/// The same thing at several places.
struct Finding {
    first: String,
    more: usize,
    words: String,
    shown: String,
}

#[derive(Default)]
pub(super) struct Report {
    forwarded: usize,
    planned: usize,
    refused: usize,
    unjudged: usize,
    findings: Vec<Finding>,
    /// By words and shown text.
    known: HashMap<(String, String), usize>,
    anchors: BTreeMap<String, usize>,
}

impl Report {
    pub(super) fn note(&mut self, place: &str, judged: Judged, shown: String) {
        let words = match judged {
            Judged::Forwarded => {
                self.forwarded += 1;
                return;
            }
            Judged::Planned => {
                self.planned += 1;
                return;
            }
            Judged::Refused(refusal) => {
                self.refused += 1;
                let hint = refusal.hint.unwrap_or_default();
                let anchor = hint.rsplit('#').next().unwrap_or_default();
                let anchor = anchor.trim_end_matches('.').to_owned();
                let words = format!("{} ({anchor})", refusal.message);
                *self.anchors.entry(anchor).or_default() += 1;
                words
            }
            Judged::Unjudged(why) => {
                self.unjudged += 1;
                format!("not judged: {why}")
            }
        };
        let key = (words, shown);
        match self
            .known
            .get(&key)
            .and_then(|at| self.findings.get_mut(*at))
        {
            Some(finding) => finding.more += 1,
            None => {
                self.known.insert(key.clone(), self.findings.len());
                self.findings.push(Finding {
                    first: place.to_owned(),
                    more: 0,
                    words: key.0,
                    shown: key.1,
                });
            }
        }
    }

    pub(super) fn summed_up(self, entries: &Entries) -> Linted {
        let sum = self.forwarded + self.planned + self.refused + self.unjudged;
        let mut report = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut report, entries, sum);
        Linted {
            report,
            refused: self.refused,
            unjudged: self.unjudged,
            nothing: sum == 0,
        }
    }

    fn write(&self, out: &mut String, entries: &Entries, sum: usize) -> std::fmt::Result {
        for finding in &self.findings {
            let more = match finding.more {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            writeln!(out, "{}{more}: {}", finding.first, finding.words)?;
            if !finding.shown.is_empty() {
                writeln!(out, "    {}", finding.shown)?;
            }
        }
        writeln!(out, "read as {}", entries.read_as)?;
        if entries.elsewhere > 0 {
            let count = entries.elsewhere;
            writeln!(out, "{count} statements of other databases are left out")?;
        }
        if sum == 0 {
            writeln!(out, "no statement was found: nothing is said about any")?;
        }
        writeln!(
            out,
            "{sum} statements: {} planned, {} refused, {} forwarded untouched, {} not judged",
            self.planned, self.refused, self.forwarded, self.unjudged
        )?;
        for (anchor, count) in &self.anchors {
            writeln!(out, "  {count} {anchor}: docs/errors.md#{anchor}")?;
        }
        Ok(())
    }
}

/// A statement in one line, without its constants and comments; empty where it cannot be cut into tokens.
pub(super) fn shown(sql: &str) -> String {
    let tokens = lexer::lex(sql, &Limits::default()).unwrap_or_default();
    let (mut out, mut end) = (String::new(), 0);
    for (number, token) in tokens.iter().enumerate() {
        if number > 0 && token.start > end {
            out.push(' ');
        }
        end = token.end;
        match token.kind {
            TokenKind::String(_) => out.push_str("'…'"),
            TokenKind::Integer | TokenKind::Number => out.push('…'),
            _ => out.push_str(token.text(sql)),
        }
        if out.chars().count() > SHOWN {
            out = out.chars().take(SHOWN).collect();
            out.push('…');
            break;
        }
    }
    out
}
