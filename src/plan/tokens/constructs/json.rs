//! JSON_TABLE, JSON_VALUE and their like, of PostgreSQL 17.

use super::{Reader, Stops};

/// What stands behind a value or path in SQL/JSON.
const BEHIND: Stops = &[
    &["format", "json"],
    &["as"],
    &["passing"],
    &["columns"],
    &["returning"],
    &["with", "wrapper"],
    &["with", "array"],
    &["with", "conditional"],
    &["with", "unconditional"],
    &["without", "wrapper"],
    &["without", "array"],
    &["keep", "quotes"],
    &["omit", "quotes"],
    &["default"],
    &["error", "on"],
    &["null", "on"],
    &["true", "on"],
    &["false", "on"],
    &["unknown", "on"],
    &["empty", "on"],
    &["empty", "array"],
    &["empty", "object"],
];

const BEHAVIOURS: &[&[&str]] = &[
    &["error"],
    &["null"],
    &["true"],
    &["false"],
    &["unknown"],
    &["empty", "array"],
    &["empty", "object"],
    &["empty"],
];

/// JSON_VALUE, JSON_QUERY and JSON_EXISTS; which clauses which of them has is left to the server.
pub(super) fn function(reader: &mut Reader<'_>) -> Option<()> {
    value(reader)?;
    reader.need_byte(b',')?;
    reader.argument(BEHIND)?;
    passing(reader)?;
    if reader.eat(&["returning"]) {
        reader.type_name()?;
        format(reader)?;
    }
    wrapper(reader)?;
    behaviours(reader)
}

fn value(reader: &mut Reader<'_>) -> Option<()> {
    reader.argument(BEHIND)?;
    format(reader)
}

fn format(reader: &mut Reader<'_>) -> Option<()> {
    if reader.eat(&["format", "json"]) && reader.eat(&["encoding"]) {
        reader.of.is_name(reader.at).then_some(())?;
        reader.at += 1;
    }
    Some(())
}

fn passing(reader: &mut Reader<'_>) -> Option<()> {
    if !reader.eat(&["passing"]) {
        return Some(());
    }
    loop {
        value(reader)?;
        reader.need(&["as"])?;
        reader.label()?;
        if !reader.eat_byte(b',') {
            return Some(());
        }
    }
}

/// `WITH CONDITIONAL WRAPPER`, `OMIT QUOTES ON SCALAR STRING` and the like.
fn wrapper(reader: &mut Reader<'_>) -> Option<()> {
    let with = reader.eat(&["with"]);
    if with || reader.eat(&["without"]) {
        if with {
            reader.eat_one_of(&[&["conditional"], &["unconditional"]]);
        }
        reader.eat(&["array"]);
        reader.need(&["wrapper"])?;
    }
    if reader.eat_one_of(&[&["keep", "quotes"], &["omit", "quotes"]]) {
        reader.eat(&["on", "scalar", "string"]);
    }
    Some(())
}

fn behaviours(reader: &mut Reader<'_>) -> Option<()> {
    loop {
        if reader.eat(&["default"]) {
            reader.argument(&[&["on"]])?;
        } else if !reader.eat_one_of(BEHAVIOURS) {
            return Some(());
        }
        reader
            .eat_one_of(&[&["on", "empty"], &["on", "error"]])
            .then_some(())?;
    }
}

pub(super) fn table(reader: &mut Reader<'_>) -> Option<()> {
    value(reader)?;
    reader.need_byte(b',')?;
    reader.argument(BEHIND)?;
    if reader.eat(&["as"]) {
        reader.label()?;
    }
    passing(reader)?;
    reader.need(&["columns"])?;
    reader.in_brackets(columns)?;
    behaviours(reader)
}

/// The columns of NESTED PATH stand behind those of their level, as in the result.
fn columns(reader: &mut Reader<'_>) -> Option<()> {
    let mut nested = Vec::new();
    loop {
        let path = reader.at
            + if reader.of.is(reader.at + 1, "path") {
                2
            } else {
                1
            };
        if reader.of.is(reader.at, "nested") && reader.is_string(path) {
            reader.at = path;
            reader.string()?;
            if reader.eat(&["as"]) {
                reader.label()?;
            }
            reader.need(&["columns"])?;
            let level = std::mem::take(&mut reader.found.columns);
            reader.in_brackets(columns)?;
            nested.extend(std::mem::replace(&mut reader.found.columns, level));
        } else {
            column(reader)?;
        }
        if !reader.eat_byte(b',') {
            break;
        }
    }
    reader.found.columns.extend(nested);
    Some(())
}

fn column(reader: &mut Reader<'_>) -> Option<()> {
    reader.column()?;
    if reader.eat(&["for", "ordinality"]) {
        return Some(());
    }
    reader.type_name()?;
    format(reader)?;
    reader.eat(&["exists"]);
    if reader.eat(&["path"]) {
        reader.string()?;
    }
    wrapper(reader)?;
    behaviours(reader)
}
