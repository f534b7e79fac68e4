//! The control plane's schema as a catalog snapshot, read from `portkey.sql` without a server.

// Each test uses its part.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::collections::HashMap;
use std::sync::Arc;

use pgseal::catalog::{Catalog, Column, Relation, RelationKind, UniqueKey};
use pgseal::model::Oid;
use pgseal::plan::Planner;
use pgseal::rules;

const SCHEMA: &str = include_str!("portkey.sql");
const RULES: &str = include_str!("../../rules/portkey.toml");
const VIEW: &str = "active_virtual_keys";

/// Relations and rules under the schema's own names, or under others.
pub(crate) struct Snapshot {
    relations: Vec<Relation>,
    rules: String,
}

impl Snapshot {
    pub(crate) fn new() -> Self {
        let mut relations: Vec<Relation> = SCHEMA
            .split("CREATE TABLE ")
            .skip(1)
            .zip(100u32..)
            .map(|(text, oid)| table(text, oid))
            .collect();
        let keys = relations
            .iter()
            .find(|relation| relation.name == "virtual_keys")
            .unwrap();
        let shown = ["id", "organisation_id", "slug", "key"];
        let columns = shown.iter().zip(1i16..).map(|(name, attnum)| Column {
            attnum,
            ..keys.column(name).unwrap().clone()
        });
        let view = Relation {
            oid: Oid(500),
            name: VIEW.into(),
            kind: RelationKind::View,
            columns: columns.collect(),
            view_definition: Some(" SELECT virtual_keys.id, virtual_keys.organisation_id, virtual_keys.slug, virtual_keys.key FROM virtual_keys WHERE (virtual_keys.status = 'active'::text);".into()),
            unique_keys: Vec::new(),
            reads: vec![keys.oid],
            quiet: false,
            ..keys.clone()
        };
        relations.push(view);
        Self {
            relations,
            rules: RULES.into(),
        }
    }

    /// The same under names that no statement uses.
    pub(crate) fn renamed(&self) -> Self {
        let other = |name: &str| format!("zq_{name}");
        let mut rules = self.rules.clone();
        let mut relations = self.relations.clone();
        for relation in &mut relations {
            rules = rules.replace(
                &format!("\"public.{}\"", relation.name),
                &format!("\"public.{}\"", other(&relation.name)),
            );
            relation.view_definition = relation
                .view_definition
                .as_ref()
                .map(|text| text.replace("virtual_keys", &other("virtual_keys")));
            relation.name = other(&relation.name);
        }
        Self { relations, rules }
    }

    pub(crate) fn planner(&self) -> Planner {
        let catalog = Catalog::new(1, self.relations.clone(), Vec::new());
        let rules = rules::parse("portkey.toml", &self.rules).unwrap();
        let protection = rules::resolve(&rules, &catalog).unwrap();
        Planner::new(Arc::new(catalog), Arc::new(protection))
    }

    /// The sealed columns of each table, by name; of views none.
    pub(crate) fn protected(&self) -> serde_json::Value {
        let mut found = serde_json::Map::new();
        for rule in rules::parse("portkey.toml", &self.rules).unwrap() {
            let columns: Vec<&str> = rule
                .columns
                .iter()
                .map(|column| column.name.as_str())
                .collect();
            found.insert(rule.table.clone(), columns.into());
        }
        found.insert(VIEW.to_owned(), Vec::<String>::new().into());
        found.into()
    }

    /// What the server would say to names of several relations: there are none.
    pub(crate) fn meanings(&self) -> HashMap<String, Option<Oid>> {
        HashMap::new()
    }

    /// Whether a protected table's name stands behind FROM, JOIN, INTO or UPDATE.
    pub(crate) fn stands_as_a_table(&self, sql: &str) -> bool {
        let apart = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | ';');
        let folded = |word: &str| match word.contains('"') {
            true => word.replace('"', ""),
            false => word.to_ascii_lowercase(),
        };
        let protected = |word: &str| {
            let bare = folded(word);
            let name = bare.strip_prefix("public.").unwrap_or(&bare);
            let of = |relation: &Relation| {
                relation.name == name && !["organisations", "requests"].contains(&name)
            };
            self.relations.iter().any(of)
        };
        let words: Vec<&str> = sql.split(apart).filter(|word| !word.is_empty()).collect();
        let before = ["from", "join", "into", "update"];
        words
            .windows(2)
            .any(|pair| before.contains(&folded(pair[0]).as_str()) && protected(pair[1]))
    }
}

/// `name (column type …, …);`
fn table(text: &str, oid: u32) -> Relation {
    let (name, rest) = text.split_once(" (").unwrap();
    let body = rest.split(");").next().unwrap();
    let mut columns = Vec::new();
    let mut unique_keys = Vec::new();
    for item in items(body) {
        let words: Vec<&str> = item.split_whitespace().collect();
        let attnum = i16::try_from(columns.len() + 1).unwrap();
        if let Some(list) = item.strip_prefix("UNIQUE (") {
            let names: Vec<&str> = list.trim_end_matches(')').split(", ").collect();
            let numbers = |name: &&str| {
                columns
                    .iter()
                    .find(|column: &&Column| column.name == **name)
                    .unwrap()
                    .attnum
            };
            unique_keys.push(unique(
                format!("{name}_{}_key", names.join("_")),
                names.iter().map(numbers).collect(),
                false,
            ));
            continue;
        }
        if item.contains("PRIMARY KEY") {
            unique_keys.push(unique(format!("{name}_pkey"), vec![attnum], true));
        } else if item.contains(" UNIQUE") {
            unique_keys.push(unique(
                format!("{name}_{}_key", words[0]),
                vec![attnum],
                false,
            ));
        }
        let (type_oid, type_name) = of_type(words[1]);
        columns.push(Column {
            attnum,
            name: words[0].into(),
            type_oid: Oid(type_oid),
            type_name: type_name.into(),
            written_type: format!("\"{type_name}\""),
            deterministic: true,
            max_chars: None,
            not_null: item.contains("NOT NULL") || item.contains("PRIMARY KEY"),
            generated: false,
        });
    }
    Relation {
        oid: Oid(oid),
        schema: "public".into(),
        name: name.into(),
        kind: RelationKind::Table,
        columns,
        parents: Vec::new(),
        reads: Vec::new(),
        calls: Vec::new(),
        rules_version: 0,
        view_definition: None,
        unique_keys,
        quiet: true,
    }
}

fn unique(name: String, attnums: Vec<i16>, primary: bool) -> UniqueKey {
    UniqueKey {
        name,
        attnums,
        primary,
        enforced: true,
        followed: false,
    }
}

/// The parts between commas outside brackets.
fn items(body: &str) -> Vec<&str> {
    let (mut depth, mut from, mut found) = (0, 0, Vec::new());
    for (at, letter) in body.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                found.push(body[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    found.push(body[from..].trim());
    found
}

fn of_type(name: &str) -> (u32, &'static str) {
    match name {
        "uuid" => (2950, "uuid"),
        "text" => (25, "text"),
        "varchar" => (1043, "varchar"),
        "json" => (114, "json"),
        "jsonb" => (3802, "jsonb"),
        "bytea" => (17, "bytea"),
        "integer" => (23, "int4"),
        "bigserial" => (20, "int8"),
        "timestamptz" => (1184, "timestamptz"),
        other => panic!("{other}"),
    }
}
