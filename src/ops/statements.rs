//! `pgseal explain`, `pgseal lint` and `pgseal fence`: what would happen to statements, before anything is switched on.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use crate::model::ValueKind;
use crate::plan::lexer::{self, Limits};
use crate::plan::tokens::{split, text_span};
use crate::plan::{Env, Lineage, Outputs, Planner, SlotSource, TenantSource, Verdict};

/// What would be sealed, opened or refused in a statement.
#[must_use]
pub fn explain(planner: &Planner, sql: &str) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = match verdict(planner, sql) {
        Verdict::Forward => writeln!(out, "forwarded: it touches nothing protected"),
        Verdict::Resolve(names) => writeln!(
            out,
            "the session's search_path decides what {} means",
            names.join(", ")
        ),
        Verdict::Refuse(refusal) => writeln!(
            out,
            "refused ({}){}: {}\n{}",
            refusal.sqlstate,
            refusal
                .position
                .map(|position| format!(" at character {position}"))
                .unwrap_or_default(),
            refusal.message,
            refusal.hint.unwrap_or_default()
        ),
        Verdict::Protect(plan) => {
            plan.statements
                .iter()
                .enumerate()
                .try_for_each(|(number, statement)| {
                    writeln!(out, "statement {}:", number + 1)?;
                    for slot in &statement.slots {
                        let source = match slot.source {
                            SlotSource::Literal { .. } => "a literal".to_owned(),
                            SlotSource::Param { number, .. } => format!("${number}"),
                        };
                        let source = match slot.elements {
                            true => format!("each element of {source}"),
                            false => source,
                        };
                        let tenant = match statement.tenants.get(slot.tenant) {
                            Some(TenantSource::Known(tenant)) => format!("tenant {tenant}"),
                            Some(TenantSource::Param { number, .. }) => {
                                format!("the tenant in ${number}")
                            }
                            Some(TenantSource::Elements { number, .. }) => {
                                format!("the tenant at the same place of ${number}")
                            }
                            Some(TenantSource::Branch { .. }) => {
                                "the tenant of the rows that take its branch".to_owned()
                            }
                            Some(TenantSource::Listed { .. } | TenantSource::Each(_)) => {
                                "the tenant at the same place of the array of tenants".to_owned()
                            }
                            Some(TenantSource::Asked(_)) | None => {
                                "the tenant that the server names".to_owned()
                            }
                        };
                        writeln!(
                            out,
                            "  {source} is sealed for {} under {tenant}",
                            slot.column.label
                        )?;
                    }
                    for column in &statement.left_plain {
                        writeln!(
                            out,
                            "  what is stored in {} goes as it is: its rule unseals it",
                            column.label
                        )?;
                    }
                    if let Some(lookup) = &statement.lookup {
                        writeln!(out, "  asked before: {}", lookup.sql)?;
                    }
                    if let Some(notice) = statement.notice {
                        writeln!(out, "  notice: {notice}")?;
                    }
                    write_outputs(&mut out, &statement.outputs)
                })
        }
    };
    out
}

fn write_outputs(out: &mut String, outputs: &Outputs) -> std::fmt::Result {
    match outputs {
        Outputs::None => Ok(()),
        Outputs::ByDescription { lineage: None } => {
            writeln!(
                out,
                "  sealed columns in its result are opened as the server names them"
            )
        }
        Outputs::ByDescription {
            lineage: Some(lineage),
        } => lineage
            .iter()
            .enumerate()
            .filter(|(_, lineage)| **lineage != Lineage::None)
            .try_for_each(|(at, lineage)| {
                writeln!(out, "  output {} is opened: {}", at + 1, lineage.words())
            }),
    }
}

fn verdict(planner: &Planner, sql: &str) -> Verdict {
    let env = Env {
        declared: &[],
        utf8: true,
        standard_conforming_strings: true,
        statements: &|_| None,
        executes: false,
        cursors: &|_| None,
        resolved: &HashMap::new(),
        made: &[],
    };
    planner.plan(sql.as_bytes(), &env)
}

/// What [`lint`] found.
#[derive(Debug, Default)]
pub struct Linted {
    /// For people: refused statements by line and reason, then the sums.
    pub report: String,
    /// How many statements would be refused.
    pub refused: usize,
}

/// Says for every statement of an SQL file, a server log (`log_statement`, `log_min_duration_statement`) or a list of
/// statements what would happen to it, and sums up. Literals are not repeated.
#[must_use]
pub fn lint(planner: &Planner, text: &str) -> Linted {
    let (mut forwarded, mut planned) = (0usize, 0usize);
    let mut anchors: BTreeMap<String, usize> = BTreeMap::new();
    let mut linted = Linted::default();
    let mut statements = |first: usize, text: &str| {
        for (line, sql) in single(text) {
            let refusal = match verdict(planner, sql) {
                Verdict::Forward => {
                    forwarded += 1;
                    continue;
                }
                Verdict::Protect(_) | Verdict::Resolve(_) => {
                    planned += 1;
                    continue;
                }
                Verdict::Refuse(refusal) => refusal,
            };
            linted.refused += 1;
            let hint = refusal.hint.unwrap_or_default();
            let anchor = hint.rsplit('#').next().unwrap_or_default();
            let anchor = anchor.trim_end_matches('.').to_owned();
            // Writing to a String cannot fail.
            let _ = writeln!(
                linted.report,
                "line {}: {} ({anchor})",
                first + line,
                refusal.message
            );
            *anchors.entry(anchor).or_default() += 1;
        }
    };
    match logged(text) {
        Some(entries) => entries
            .iter()
            .for_each(|(line, sql)| statements(*line, sql)),
        None => statements(1, &without_data(text)),
    }
    let sum = forwarded + planned + linted.refused;
    let _ = writeln!(
        linted.report,
        "{sum} statements: {planned} planned, {} refused, {forwarded} forwarded untouched",
        linted.refused
    );
    for (anchor, count) in anchors {
        let _ = writeln!(linted.report, "  {count} {anchor}: docs/errors.md#{anchor}");
    }
    linted
}

/// The statements of a text with the number of lines before each. What cannot be cut into tokens stays in one piece.
fn single(text: &str) -> Vec<(usize, &str)> {
    let Ok(tokens) = lexer::lex(text, &Limits::default()) else {
        return vec![(0, text)];
    };
    let ranges = split(text, &tokens).into_iter();
    let spans = ranges.map(|range| text_span(tokens.get(range).unwrap_or_default()));
    spans
        .filter_map(|span| {
            let before = text.get(..span.start)?.matches('\n').count();
            Some((before, text.get(span)?))
        })
        .collect()
}

/// The statements of a server log, with their lines; `None`: it is none.
fn logged(text: &str) -> Option<Vec<(usize, String)>> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (number, line) in text.lines().enumerate() {
        match statement_of(line) {
            Some(sql) => {
                found.push((number + 1, sql.to_owned()));
                open = true;
            }
            // PostgreSQL indents the further lines of a message.
            None if open && line.starts_with('\t') => {
                if let Some((_, sql)) = found.last_mut() {
                    sql.push('\n');
                    sql.push_str(line.trim_start_matches('\t'));
                }
            }
            None => open = false,
        }
    }
    (!found.is_empty()).then_some(found)
}

fn statement_of(line: &str) -> Option<&str> {
    let (_, message) = line.split_once("LOG:  ")?;
    let message = match message.split_once(" ms  ") {
        Some((start, rest)) if start.starts_with("duration: ") => rest,
        _ => message,
    };
    let (kind, sql) = message.split_once(": ")?;
    (kind == "statement" || kind.starts_with("execute ")).then_some(sql)
}

/// A script without psql's own commands and the rows of COPY; each such line stays as an empty one.
fn without_data(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rows = false;
    for line in text.lines() {
        let command = line.starts_with('\\');
        if rows {
            rows = line != "\\.";
        } else if !command {
            kept.push_str(line);
            let lower = line.trim().to_ascii_lowercase();
            rows = lower.starts_with("copy ") && lower.ends_with("from stdin;");
        }
        kept.push('\n');
    }
    kept
}

/// DDL for constraints that keep plaintext out of sealed columns whatever path it takes: other servers' sessions,
/// functions, new views and partitions.
#[must_use]
pub fn fence(planner: &Planner) -> String {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let mut out = String::new();
    for column in planner.sealed_columns() {
        let name = quoted(&column.name);
        let constraint = quoted(&format!("pgseal_fence_{}", column.name));
        let table = format!("{}.{}", quoted(&column.schema), quoted(&column.table));
        if !column.is_sealed_on_write() {
            // Writing to a String cannot fail.
            let _ = writeln!(
                out,
                "ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {constraint};"
            );
            continue;
        }
        let test = match column.kind {
            ValueKind::Text => format!("{name} ~ '^~s[12][A-Za-z0-9_-]+~$'"),
            ValueKind::Json | ValueKind::Jsonb => {
                format!("{name}::text ~ '^\"~s[12][A-Za-z0-9_-]+~\"$'")
            }
            ValueKind::Bytea => format!("pg_catalog.substr({name}, 1, 3) = '\\xf87376'::bytea"),
        };
        let _ = writeln!(
            out,
            "ALTER TABLE {table} ADD CONSTRAINT {constraint} CHECK ({name} IS NULL OR {test}) NOT VALID;"
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_and_scripts_give_their_statements() {
        let log = "2024 [7] LOG:  statement: SELECT 1;\n\tSELECT 2\n2024 [7] DETAIL:  x\n\tno\n2024 LOG:  duration: 0.1 ms  execute s1: SELECT $1\n2024 LOG:  connection received: host\n";
        let found = logged(log).unwrap();
        assert_eq!(
            found,
            [
                (1, "SELECT 1;\nSELECT 2".to_owned()),
                (5, "SELECT $1".to_owned())
            ]
        );
        assert_eq!(logged("SELECT 1;\n"), None);
        let script = "\\connect x\nCOPY t (a) FROM stdin;\n1; DROP\n\\.\nSELECT\n2;";
        let script = without_data(script);
        assert_eq!(
            single(&script),
            [(1, "COPY t (a) FROM stdin"), (4, "SELECT\n2")]
        );
    }
}
