//! Keeps the module table true: who may use whom, and that pure modules stay pure.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::fs;
use std::path::{Path, PathBuf};

const PURE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("wire", &["model"]),
    ("catalog", &["model"]),
    ("rules", &["model", "catalog"]),
    ("keys", &["model"]),
    ("seal", &["model", "keys"]),
    ("plan", &["model", "catalog", "rules"]),
    // Rules: a plan's columns are its vocabulary.
    (
        "session",
        &["model", "wire", "plan", "seal", "keys", "rules"],
    ),
];
const ASYNC: &[(&str, &[&str])] = &[
    ("kms", &["model", "keys"]),
    ("keyring", &["model", "keys", "kms"]),
    (
        "net",
        &[
            "model", "wire", "catalog", "rules", "keys", "seal", "plan", "session", "kms",
            "keyring",
        ],
    ),
];
const IMPURE: &[&str] = &[
    "tokio",
    "std::net",
    "std::fs",
    "std::env",
    "std::time",
    "Instant::",
    "SystemTime",
    "async fn",
    ".await",
    "tracing::",
    "println!",
];

fn files(module: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found)
            } else {
                found.push(path)
            }
        }
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let file = source.join(format!("{module}.rs"));
    let mut found = Vec::new();
    if file.is_file() {
        found.push(file)
    } else {
        walk(&source.join(module), &mut found)
    }
    assert!(!found.is_empty());
    found
}

/// The code of a file: without comments and without its tests.
fn code(text: &str) -> String {
    let code = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn violations(module: &str, allowed: &[&str], pure: bool, text: &str) -> Vec<String> {
    let code = code(text);
    let used = code.split("crate::").skip(1).map(|rest| {
        rest.split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()
            .unwrap_or_default()
    });
    let mut found: Vec<String> = used
        .filter(|name| *name != module && !allowed.contains(name))
        .map(|name| format!("{module} uses crate::{name}"))
        .collect();
    if pure {
        found.extend(
            IMPURE
                .iter()
                .filter(|word| code.contains(*word))
                .map(|word| format!("{module} names {word}")),
        );
    }
    found
}

#[test]
fn modules_use_what_the_table_allows() {
    for (table, pure) in [(PURE, true), (ASYNC, false)] {
        for (module, allowed) in table {
            for file in files(module) {
                let found = violations(module, allowed, pure, &fs::read_to_string(&file).unwrap());
                assert!(found.is_empty(), "{}: {found:?}", file.display());
            }
        }
    }
}

#[test]
fn the_check_finds_what_is_planted() {
    assert_eq!(
        violations("seal", &["model"], true, "use crate::net::x;").len(),
        1
    );
    assert_eq!(
        violations("seal", &["model"], true, "fn f() { x.await }").len(),
        1
    );
    assert!(
        violations(
            "seal",
            &["model"],
            true,
            "// crate::net .await\nuse crate::model::Oid;"
        )
        .is_empty()
    );
}
