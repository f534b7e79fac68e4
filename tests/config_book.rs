//! Every setting is described in docs/configuration.md, with its default and its variable, and every key of a rule in
//! docs/rules.md; nothing else is.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The fields of what is read from a file.
fn fields(source: &str, name: &str) -> BTreeSet<String> {
    let (_, body) = source.split_once(&format!("struct {name} {{\n")).unwrap();
    let (body, _) = body.split_once("\n}\n").unwrap();
    let name = |line: &str| {
        let (name, _) = line.split_once(": ")?;
        Some(name.trim().trim_start_matches("pub(super) ").to_owned())
    };
    body.lines().filter_map(name).collect()
}

fn read(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(root.join(name)).unwrap()
}

#[test]
fn every_setting_has_a_chapter_with_its_default_and_its_variable() {
    let settings = fields(&read("src/config.rs"), "File");
    let book = read("docs/configuration.md");
    let chapters: BTreeMap<String, &str> = book
        .split("\n### ")
        .skip(1)
        .map(|chapter| chapter.split_once('\n').unwrap())
        .map(|(name, text)| (name.to_owned(), text))
        .collect();
    assert!(settings.len() > 20, "the settings were not found");
    assert_eq!(
        settings,
        chapters.keys().cloned().collect(),
        "the settings of src/config.rs and the chapters of docs/configuration.md differ"
    );
    for (name, text) in chapters {
        let variable = format!("Environment: `PGSEAL_{}`.", name.to_uppercase());
        assert!(text.contains("\nDefault: "), "{name} has no default");
        assert!(text.contains(&variable), "{name} lacks: {variable}");
    }
}

/// The keys that the tables of a chapter have in their first column.
fn keys(chapter: &str) -> BTreeSet<String> {
    let key = |line: &str| {
        let (key, _) = line.strip_prefix("| `")?.split_once("` |")?;
        key.bytes()
            .all(|byte| byte.is_ascii_lowercase())
            .then(|| key.to_owned())
    };
    chapter.lines().filter_map(key).collect()
}

#[test]
fn every_key_of_a_rule_is_described_and_nothing_else() {
    let (file, entry) = (read("src/rules/file.rs"), read("src/rules/entry.rs"));
    let book = read("docs/rules.md");
    let chapter = |name: &str| {
        let (_, rest) = book.split_once(&format!("\n## {name}\n")).unwrap();
        rest.split("\n## ").next().unwrap().to_owned()
    };
    assert_eq!(keys(&chapter("A rule")), fields(&file, "Seal"));
    assert_eq!(keys(&chapter("A column")), fields(&entry, "ColumnTable"));
    let tenant = chapter("The tenant");
    for key in fields(&entry, "TenantTable") {
        assert!(
            tenant.contains(&format!("{key} = \"")) || keys(&tenant).contains(&key),
            "{key}"
        );
    }
}
