//! What stands in a rule's `tenant` and `columns`: a name, or a table that says more. An error says what is wrong in the
//! table, not only that no form fits.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::file::{ConstantRule, ParentRule, SettingRule, TenantRule};
use super::protection::{ColumnState, Scope};
use crate::model::TenantId;

/// An entry of `columns`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnTable {
    pub(super) name: String,
    pub(super) label: Option<String>,
    #[serde(default)]
    pub(super) state: ColumnState,
    pub(super) search: Option<SearchKind>,
    pub(super) scope: Option<Scope>,
    pub(super) domain: Option<String>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(super) enum SearchKind {
    Exact,
}

/// The same, or the column's name alone.
pub(super) struct ColumnEntry(pub(super) ColumnTable);

impl<'de> Deserialize<'de> for ColumnEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ColumnEntryVisitor).map(Self)
    }
}

struct ColumnEntryVisitor;

impl<'de> Visitor<'de> for ColumnEntryVisitor {
    type Value = ColumnTable;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a column's name, or { name = \"…\" } with more")
    }

    fn visit_str<E>(self, name: &str) -> Result<ColumnTable, E> {
        Ok(ColumnTable {
            name: name.to_owned(),
            label: None,
            state: ColumnState::default(),
            search: None,
            scope: None,
            domain: None,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ColumnTable, A::Error> {
        ColumnTable::deserialize(MapAccessDeserializer::new(map))
    }
}

/// All keys that one of the forms of `tenant` has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TenantTable {
    setting: Option<String>,
    constant: Option<String>,
    parent: Option<String>,
    on: Option<String>,
    column: Option<String>,
    key: Option<String>,
}

const TENANTS: &str = "a tenant is the name of a column, { setting = \"…\" }, { constant = \"…\" } or { parent = \"schema.table\", on = \"…\", column = \"…\" }, which may have a key";

impl<'de> Deserialize<'de> for TenantRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TenantVisitor)
    }
}

struct TenantVisitor;

impl<'de> Visitor<'de> for TenantVisitor {
    type Value = TenantRule;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the name of a column, or a table with setting, constant or parent")
    }

    fn visit_str<E>(self, name: &str) -> Result<TenantRule, E> {
        Ok(TenantRule::Column(name.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TenantRule, A::Error> {
        TenantTable::deserialize(MapAccessDeserializer::new(map))?
            .rule()
            .map_err(de::Error::custom)
    }
}

impl TenantTable {
    fn rule(self) -> Result<TenantRule, &'static str> {
        let of_parent = (self.parent, self.on, self.column, self.key);
        match (self.setting, self.constant, of_parent) {
            (Some(setting), None, (None, None, None, None)) => {
                Ok(TenantRule::Setting(SettingRule { setting }))
            }
            (None, Some(constant), (None, None, None, None)) => {
                let constant = TenantId::new(&constant).ok_or("a tenant has 1 to 255 bytes")?;
                Ok(TenantRule::Constant(ConstantRule { constant }))
            }
            (None, None, (Some(parent), Some(on), Some(column), key)) => {
                Ok(TenantRule::Parent(ParentRule {
                    parent,
                    on,
                    column,
                    key,
                }))
            }
            _ => Err(TENANTS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    /// What is said of a rule's `tenant` and `columns`, and of which line.
    fn told(tenant: &str, columns: &str) -> (usize, String) {
        let text =
            format!("[[seal]]\ntable = \"a\"\ntenant = {tenant}\ncolumns = [\n{columns}\n]\n");
        let error = parse("r.toml", &text).unwrap_err();
        (error.line, error.message)
    }

    #[test]
    fn an_error_in_a_column_says_what_is_wrong() {
        for (column, words) in [
            (
                "{ name = \"k\", serach = \"exact\" }",
                ["serach", "`search`"],
            ),
            ("{ name = \"k\", search = \"fuzzy\" }", ["fuzzy", "`exact`"]),
            (
                "{ name = \"k\", state = \"sealing\" }",
                ["sealing", "`unsealing`"],
            ),
            (
                "{ name = \"k\", search = \"exact\", scope = \"all\" }",
                ["all", "`deployment`"],
            ),
            ("{ label = \"k\" }", ["missing", "`name`"]),
            ("7", ["7", "a column's name"]),
        ] {
            let (line, message) = told("\"t\"", &format!("\"x\",\n{column}"));
            assert!(words.iter().all(|word| message.contains(word)), "{message}");
            assert_eq!(line, 6, "{message}");
        }
    }

    #[test]
    fn an_error_in_a_tenant_says_what_is_wrong() {
        for (tenant, word) in [
            ("{ settign = \"a\" }", "settign"),
            ("{ setting = 1 }", "integer"),
            ("{ constant = \"\" }", "255 bytes"),
            ("{ parent = \"p\", on = \"i\" }", "column = "),
            ("{ setting = \"a\", key = \"b\" }", "{ setting = "),
            ("{}", "{ constant = "),
            ("7", "the name of a column"),
        ] {
            let (line, message) = told(tenant, "\"x\"");
            assert!(message.contains(word), "{message}");
            assert_eq!(line, 3, "{message}");
        }
    }
}
