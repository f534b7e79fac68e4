//! Every setting is described in docs/configuration.md, with its default and its variable, and nothing else is.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The fields of the file as the configuration reads it.
fn settings(source: &str) -> BTreeSet<String> {
    let (_, body) = source.split_once("\nstruct File {\n").unwrap();
    let (body, _) = body.split_once("\n}\n").unwrap();
    let name = |line: &str| {
        line.split_once(": ")
            .map(|(name, _)| name.trim().to_owned())
    };
    body.lines().filter_map(name).collect()
}

#[test]
fn every_setting_has_a_chapter_with_its_default_and_its_variable() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    let settings = settings(&read("src/config.rs"));
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
