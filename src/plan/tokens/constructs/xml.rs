//! XMLELEMENT, XMLTABLE and their like.

use super::{Reader, Stops};

const BEHIND_OPTION: Stops = &[&["default"], &["not", "null"], &["null"], &["path"]];

/// Expressions, each of which may be given a name: of XMLFOREST and XMLATTRIBUTES.
pub(super) fn labelled(reader: &mut Reader<'_>) -> Option<()> {
    loop {
        reader.argument(&[&["as"]])?;
        if reader.eat(&["as"]) {
            reader.label()?;
        }
        if !reader.eat_byte(b',') {
            return Some(());
        }
    }
}

pub(super) fn element(reader: &mut Reader<'_>) -> Option<()> {
    reader.need(&["name"])?;
    reader.label()?;
    if reader.of.is_special(reader.at, b',') && reader.of.is(reader.at + 1, "xmlattributes") {
        reader.at += 2;
        reader.in_brackets(labelled)?;
    }
    while reader.eat_byte(b',') {
        reader.argument(&[])?;
    }
    Some(())
}

pub(super) fn exists(reader: &mut Reader<'_>) -> Option<()> {
    reader.argument(&[&["passing"]])?;
    passing(reader)
}

fn passing(reader: &mut Reader<'_>) -> Option<()> {
    const MECHANISMS: Stops = &[&["by", "ref"], &["by", "value"]];
    const BEHIND: Stops = &[&["by", "ref"], &["by", "value"], &["columns"]];
    reader.need(&["passing"])?;
    reader.eat_one_of(MECHANISMS);
    reader.argument(BEHIND)?;
    reader.eat_one_of(MECHANISMS);
    Some(())
}

pub(super) fn parse(reader: &mut Reader<'_>) -> Option<()> {
    const WHITESPACE: Stops = &[&["preserve", "whitespace"], &["strip", "whitespace"]];
    document_or_content(reader)?;
    reader.argument(WHITESPACE)?;
    reader.eat_one_of(WHITESPACE);
    Some(())
}

fn document_or_content(reader: &mut Reader<'_>) -> Option<()> {
    reader
        .eat_one_of(&[&["document"], &["content"]])
        .then_some(())
}

pub(super) fn instruction(reader: &mut Reader<'_>) -> Option<()> {
    reader.need(&["name"])?;
    reader.label()?;
    match reader.eat_byte(b',') {
        true => reader.argument(&[]),
        false => Some(()),
    }
}

pub(super) fn root(reader: &mut Reader<'_>) -> Option<()> {
    reader.argument(&[])?;
    reader.need_byte(b',')?;
    reader.need(&["version"])?;
    if !reader.eat(&["no", "value"]) {
        reader.argument(&[])?;
    }
    if reader.eat_byte(b',') {
        reader.need(&["standalone"])?;
        reader
            .eat_one_of(&[&["yes"], &["no", "value"], &["no"]])
            .then_some(())?;
    }
    Some(())
}

pub(super) fn serialize(reader: &mut Reader<'_>) -> Option<()> {
    document_or_content(reader)?;
    reader.argument(&[&["as"]])?;
    reader.need(&["as"])?;
    reader.type_name()?;
    reader.eat_one_of(&[&["indent"], &["no", "indent"]]);
    Some(())
}

pub(super) fn table(reader: &mut Reader<'_>) -> Option<()> {
    if reader.of.is_special(reader.at + 1, b'(') && reader.eat(&["xmlnamespaces"]) {
        reader.in_brackets(namespaces)?;
        reader.need_byte(b',')?;
    }
    reader.argument(&[&["passing"]])?;
    passing(reader)?;
    reader.need(&["columns"])?;
    column(reader)?;
    while reader.eat_byte(b',') {
        column(reader)?;
    }
    Some(())
}

fn namespaces(reader: &mut Reader<'_>) -> Option<()> {
    loop {
        if reader.eat(&["default"]) {
            reader.argument(&[])?;
        } else {
            reader.argument(&[&["as"]])?;
            reader.need(&["as"])?;
            reader.label()?;
        }
        if !reader.eat_byte(b',') {
            return Some(());
        }
    }
}

fn column(reader: &mut Reader<'_>) -> Option<()> {
    reader.column()?;
    if reader.eat(&["for", "ordinality"]) {
        return Some(());
    }
    reader.type_name()?;
    loop {
        if reader.eat_one_of(&[&["default"], &["path"]]) {
            reader.argument(BEHIND_OPTION)?;
        } else if !reader.eat_one_of(&[&["not", "null"], &["null"]]) {
            return Some(());
        }
    }
}
