//! The verdict on every statement of the corpora in `tests/sql`, pinned in a `.verdicts` file beside each.
//!
//! `PGSEAL_PIN=1 cargo test --test corpora` writes the pins anew; look at the difference before committing it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod schema;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pgseal::plan::lexer::{Limits, Token, TokenKind, lex};
use pgseal::plan::{
    Env, Lineage, Outputs, Planner, Slot, SlotSource, StatementKind, StatementPlan, Verdict,
};
use schema::Snapshot;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sql")
}

fn corpora() -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            found.insert(name, text.lines().map(str::to_owned).collect());
        }
    }
    found
}

fn verdict(planner: &Planner, snapshot: &Snapshot, sql: &str) -> Verdict {
    let resolved = snapshot.meanings();
    let env = Env {
        resolved: &resolved,
        ..Env::of_new_session()
    };
    planner.plan(sql.as_bytes(), &env)
}

fn anchor(hint: &str) -> &str {
    hint.rsplit('#')
        .next()
        .unwrap_or(hint)
        .trim_end_matches('.')
}

/// `forward`, `refuse <anchor>`, or `plan <sealed columns> -> <outputs>`.
fn words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Forward => "forward".to_owned(),
        Verdict::Refuse(refusal) => format!(
            "refuse {}",
            anchor(refusal.hint.as_deref().unwrap_or_default())
        ),
        Verdict::Resolve(names) => format!("resolve {}", names.join(" ")),
        // A PREPARE of what is not protected is remembered by its name.
        Verdict::Protect(plan) if plan.statements.iter().all(|plan| passes(plan)) => {
            "forward".to_owned()
        }
        // DDL that passes as it stands, and is remembered.
        Verdict::Protect(plan) if plan.statements.iter().all(defines) => "define".to_owned(),
        Verdict::Protect(plan) => {
            let statements = plan
                .statements
                .iter()
                .map(|statement| of_statement(statement));
            format!("plan {}", statements.collect::<Vec<_>>().join("; "))
        }
    }
}

fn passes(plan: &StatementPlan) -> bool {
    matches!(
        plan.kind,
        StatementKind::Forward | StatementKind::PreparePlain { .. }
    )
}

fn defines(plan: &Arc<StatementPlan>) -> bool {
    matches!(plan.kind, StatementKind::Define | StatementKind::Forward)
}

fn of_statement(plan: &StatementPlan) -> String {
    let slots: Vec<&str> = plan
        .slots
        .iter()
        .map(|slot| slot.column.name.as_str())
        .collect();
    let outputs = match &plan.outputs {
        Outputs::None => "none".to_owned(),
        Outputs::ByDescription { lineage: None } => "as described".to_owned(),
        Outputs::ByDescription { lineage: Some(all) } => {
            all.iter().map(of_output).collect::<Vec<_>>().join(" ")
        }
    };
    format!("{} -> {outputs}", slots.join(" "))
}

fn of_output(lineage: &Lineage) -> String {
    match lineage {
        Lineage::None => "-".to_owned(),
        Lineage::Exact(column) => column.name.clone(),
        Lineage::Maybe(columns) => {
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            format!("{}?", names.join("|"))
        }
        _ => "~".to_owned(),
    }
}

/// What pgseal read, for `tests/oracle` to compare with PostgreSQL's own grammar.
#[test]
fn the_readings_are_written_down_for_the_oracle() {
    let snapshot = Snapshot::new();
    let planner = snapshot.planner();
    let mut readings = Vec::new();
    for (corpus, statements) in corpora() {
        for (at, sql) in statements.iter().enumerate() {
            let verdict = verdict(&planner, &snapshot, sql);
            let mut reading = serde_json::json!({"corpus": corpus, "line": at + 1, "sql": sql, "verdict": words(&verdict)});
            if let Verdict::Protect(plan) = &verdict
                && let [statement] = plan.statements.as_slice()
                && !defines(statement)
            {
                reading["slots"] = statement
                    .slots
                    .iter()
                    .map(|slot| of_slot(statement, slot))
                    .collect();
                if let Outputs::ByDescription { lineage: Some(all) } = &statement.outputs {
                    reading["outputs"] = all.iter().map(of_output).collect();
                }
            }
            if let Ok(tokens) = lex(sql, &Limits::default()) {
                reading["tokens"] = tokens.iter().filter_map(of_token).collect();
            }
            readings.push(reading);
        }
    }
    let file = serde_json::json!({"protected": snapshot.protected(), "readings": readings});
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readings.json");
    std::fs::write(path, file.to_string()).unwrap();
}

/// Where a token that means something by itself begins, and what it is.
fn of_token(token: &Token) -> Option<serde_json::Value> {
    let what = match token.kind {
        TokenKind::Ident | TokenKind::QuotedIdent | TokenKind::UnicodeIdent => "name",
        TokenKind::String(_) => "string",
        TokenKind::Integer | TokenKind::Number => "number",
        TokenKind::Param(_) => "parameter",
        _ => return None,
    };
    Some(serde_json::json!([token.start, what]))
}

fn of_slot(plan: &StatementPlan, slot: &Slot) -> serde_json::Value {
    match &slot.source {
        SlotSource::Literal { span, .. } => serde_json::json!({"literal": span.start}),
        SlotSource::Param { number, .. } => {
            // A copy of a parameter stands for the client's own.
            let copy = number.checked_sub(plan.max_param + 1);
            let original = copy.map_or(*number, |copy| plan.copies[usize::from(copy)].original);
            serde_json::json!({"param": original})
        }
    }
}

/// The corpus that was not recorded, but written.
const OURS: &str = "understood";

#[test]
fn every_verdict_is_the_pinned_one() {
    let snapshot = Snapshot::new();
    let planner = snapshot.planner();
    let rewrite = std::env::var_os("PGSEAL_PIN").is_some();
    let mut broken = Vec::new();
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    for (name, statements) in corpora() {
        let verdicts: Vec<String> = statements
            .iter()
            .map(|sql| words(&verdict(&planner, &snapshot, sql)))
            .collect();
        let count = |word: &str| {
            verdicts
                .iter()
                .filter(|verdict| verdict.starts_with(word))
                .count()
        };
        // What passes and is remembered goes as it stands, too.
        let row = format!(
            "| {} | {} | {} | {} |",
            statements.len(),
            count("plan"),
            count("forward") + count("define"),
            count("refuse") + count("resolve"),
        );
        if name != OURS && !readme.lines().any(|line| line.ends_with(&row)) {
            broken.push(format!(
                "README.md has no row for {name} that ends with {row}"
            ));
        }
        let path = folder().join(format!("{name}.verdicts"));
        if rewrite {
            std::fs::write(&path, verdicts.join("\n") + "\n").unwrap();
            continue;
        }
        let pinned = std::fs::read_to_string(&path).unwrap_or_default();
        let pinned: Vec<&str> = pinned.lines().collect();
        if pinned.len() != verdicts.len() {
            broken.push(format!(
                "{name}: {} statements, {} pins",
                verdicts.len(),
                pinned.len()
            ));
            continue;
        }
        for (at, (pin, now)) in pinned.iter().zip(&verdicts).enumerate() {
            if pin != now {
                broken.push(format!(
                    "{name}:{}: {}\n    pinned: {pin}\n    now:    {now}",
                    at + 1,
                    statements[at]
                ));
            }
        }
    }
    assert!(
        broken.is_empty(),
        "{} verdicts changed; if they are right, run `PGSEAL_PIN=1 cargo test --test corpora` and commit tests/sql:\n{}",
        broken.len(),
        broken
            .iter()
            .take(20)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    );
}

/// Where no protected table exists under these names, nothing may be refused: every statement touches nothing protected.
#[test]
fn nothing_is_refused_where_nothing_is_protected() {
    let snapshot = Snapshot::new();
    let renamed = snapshot.renamed();
    let planner = renamed.planner();
    let mut refused = Vec::new();
    let mut all = 0;
    for (name, statements) in corpora() {
        for sql in statements {
            all += 1;
            if matches!(verdict(&planner, &renamed, &sql), Verdict::Refuse(_)) {
                refused.push(format!("{name}: {sql}"));
            }
        }
    }
    assert!(
        refused.is_empty(),
        "{} of {all}: {refused:#?}",
        refused.len()
    );
}

/// What the analysis counts as touched must be at least what the text names after FROM, INTO, UPDATE and JOIN.
#[test]
fn a_statement_that_names_a_protected_table_is_never_forwarded_as_data() {
    let snapshot = Snapshot::new();
    let planner = snapshot.planner();
    for (name, statements) in corpora() {
        for sql in statements {
            let verb = sql
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .to_ascii_lowercase();
            let data = ["select", "insert", "update", "delete", "merge"].contains(&verb.as_str());
            if !data || !snapshot.stands_as_a_table(&sql) {
                continue;
            }
            let forwarded = matches!(verdict(&planner, &snapshot, &sql), Verdict::Forward);
            assert!(!forwarded, "{name}: {sql}");
        }
    }
}

/// The first example of each chapter on refusals, where it is a statement on this schema, is refused as the chapter says.
#[test]
fn the_error_books_examples_are_refused() {
    /// What needs another session, schema or rule than the examples have here.
    const ELSEWHERE: [&str; 7] = [
        "refused-ambiguous-name",
        "refused-encoding",
        "refused-function-call",
        "refused-parent-table",
        "refused-rotating",
        "refused-search",
        "refused-unfit",
    ];
    /// What is refused before it is known what is named.
    const NAMELESS: [&str; 2] = ["refused-limits", "refused-new-relation"];
    let snapshot = Snapshot::new();
    let planner = snapshot.planner();
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
    let book = std::fs::read_to_string(book).unwrap();
    let mut wrong = Vec::new();
    let mut tried = 0;
    for chapter in book.split("\n### ").skip(1) {
        let (anchor, text) = chapter.split_once('\n').unwrap();
        if !anchor.starts_with("refused-") || ELSEWHERE.contains(&anchor) {
            continue;
        }
        let example = text.split_once("For example `").map(|(_, rest)| rest);
        let sql = example.and_then(|rest| rest.split('`').next());
        let found = match sql.map(|sql| verdict(&planner, &snapshot, sql)) {
            Some(Verdict::Refuse(refusal)) if refusal.detail.is_none() => "no DETAIL".to_owned(),
            Some(Verdict::Refuse(refusal)) if refusal.position.is_none() => {
                "no position".to_owned()
            }
            Some(Verdict::Refuse(refusal))
                if !refusal.message.contains("public.") && !NAMELESS.contains(&anchor) =>
            {
                format!("neither column nor table: {}", refusal.message)
            }
            Some(verdict) => words(&verdict),
            None => "no example".to_owned(),
        };
        tried += 1;
        if found != format!("refuse {anchor}") {
            wrong.push(format!("{anchor}: {}: {found}", sql.unwrap_or_default()));
        }
    }
    assert!(tried > 30 && wrong.is_empty(), "{tried}: {wrong:#?}");
}
