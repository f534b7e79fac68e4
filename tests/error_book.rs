//! Every error's hint leads to a chapter of the error book, and every chapter is led to.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

fn sources(folder: &Path, texts: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            texts.push(std::fs::read_to_string(path).unwrap());
        }
    }
}

fn anchors(text: &str, mark: &str) -> Vec<String> {
    let word = |rest: &str| {
        rest.chars()
            .take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-')
            .collect()
    };
    text.split(mark).skip(1).map(word).collect()
}

#[test]
fn every_anchor_is_a_chapter_and_every_chapter_is_used() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    sources(&root.join("src"), &mut texts);
    let used: BTreeSet<String> = texts
        .iter()
        .flat_map(|text| {
            let planned = anchors(text, "\"refused-").into_iter();
            let planned = planned.map(|anchor| format!("refused-{anchor}"));
            anchors(text, "docs/errors.md#").into_iter().chain(planned)
        })
        .filter(|anchor| !anchor.is_empty())
        .collect();
    let book = std::fs::read_to_string(root.join("docs/errors.md")).unwrap();
    let chapters: BTreeSet<String> = anchors(&book, "\n### ").into_iter().collect();
    assert!(used.len() > 20, "the hints were not found");
    let missing: Vec<_> = used.difference(&chapters).collect();
    let unused: Vec<_> = chapters.difference(&used).collect();
    assert!(
        missing.is_empty() && unused.is_empty(),
        "missing in the book: {missing:?}; led to by nothing: {unused:?}"
    );
}
