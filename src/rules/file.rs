//! The rules' TOML, as written: unknown keys are errors, with file, line and what is allowed.

use serde::Deserialize;
use toml::Spanned;

use super::entry::{ColumnEntry, ColumnTable, SearchKind};
use super::protection::{ColumnState, Scope};
use crate::model::TenantId;

/// A file that cannot be read as rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct RuleError {
    /// The file's name.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and what is allowed.
    pub message: String,
}

/// One `[[seal]]` of the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Where it stands.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// The table's database; none: the keyring's.
    pub database: Option<String>,
    /// The table's schema.
    pub schema: String,
    /// The table's name.
    pub table: String,
    /// Where a row's tenant is found.
    pub tenant: TenantRule,
    /// The columns to seal.
    pub columns: Vec<ColumnRule>,
}

impl Rule {
    /// Whether it is the rule of this table.
    #[must_use]
    pub fn is_of(&self, database: Option<&str>, schema: &str, table: &str) -> bool {
        self.database.as_deref() == database && self.schema == schema && self.table == table
    }
}

/// Where a row's tenant is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantRule {
    /// In a column of the row.
    Column(String),
    /// In a setting of the session.
    Setting(SettingRule),
    /// Always the same.
    Constant(ConstantRule),
    /// In the row that this one belongs to.
    Parent(ParentRule),
}

/// `{ setting = "app.tenant" }`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingRule {
    /// The setting's name.
    pub setting: String,
}

/// `{ constant = "main" }`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConstantRule {
    /// The tenant.
    pub constant: TenantId,
}

/// `{ parent = "public.prompts", on = "prompt_id", column = "organisation_id" }`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentRule {
    /// The parent table, `schema.table`.
    pub parent: String,
    /// The column of this table that names the parent's row.
    pub on: String,
    /// The parent's tenant column.
    pub column: String,
    /// The parent's column that `on` refers to; its primary key if left out.
    pub key: Option<String>,
}

/// A column to seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnRule {
    /// Its name.
    pub name: String,
    /// Its label in the AAD, where that is not `schema.table.column`.
    pub label: Option<String>,
    /// Whether unsealed values may still be there.
    pub state: ColumnState,
    /// Whether it can be searched for equal values.
    pub search: Option<SearchRule>,
    /// `domain` of a column that was searchable and is being rotated.
    pub former_domain: Option<String>,
}

/// `search = "exact"` and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchRule {
    /// `scope`: whose values are equal to whose.
    pub scope: Scope,
    /// `domain`: columns of one domain hold equal values equally, so that they can be joined; the label if left out.
    pub domain: Option<String>,
}

/// A file that was emptied by mistake must not switch protection off.
const NOTHING: &str = "holds no [[seal]] and would protect nothing: if nothing is to be protected, take the file away, or the setting `rules`";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    seal: Vec<Spanned<Seal>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seal {
    database: Option<String>,
    table: String,
    tenant: TenantRule,
    columns: Vec<ColumnEntry>,
}

/// `schema.table`; without a schema it is `public`.
#[must_use]
pub fn qualified(name: &str) -> (String, String) {
    match name.split_once('.') {
        Some((schema, table)) => (schema.to_owned(), table.to_owned()),
        None => ("public".to_owned(), name.to_owned()),
    }
}

/// Reads one file of rules.
///
/// # Errors
/// The first thing in it that is not allowed, with its line.
pub fn parse(file: &str, text: &str) -> Result<Vec<Rule>, RuleError> {
    let at = |offset: usize, message: String| RuleError {
        file: file.to_owned(),
        line: line_of(text, offset),
        message,
    };
    let read: File = toml::from_str(text).map_err(|error| {
        at(
            error.span().map_or(0, |span| span.start),
            error.message().to_owned(),
        )
    })?;
    if read.seal.is_empty() {
        return Err(at(0, NOTHING.to_owned()));
    }
    let mut rules: Vec<Rule> = Vec::new();
    for seal in read.seal {
        let offset = seal.span().start;
        let seal = seal.into_inner();
        let (schema, table) = qualified(&seal.table);
        let idle = seal.columns.iter().find(|ColumnEntry(column)| {
            let former = column.domain.is_some() && !column.state.keeps_former();
            column.search.is_none() && (column.scope.is_some() || former)
        });
        if let Some(ColumnEntry(ColumnTable { name, .. })) = idle {
            return Err(at(
                offset,
                format!("column \"{name}\" has a scope or domain without search = \"exact\""),
            ));
        }
        let columns: Vec<ColumnRule> = seal.columns.into_iter().map(ColumnRule::from).collect();
        if columns.is_empty() {
            return Err(at(
                offset,
                format!(
                    "the rule for {schema}.{table} names no column: list at least one in `columns`"
                ),
            ));
        }
        if rules
            .iter()
            .any(|rule| rule.is_of(seal.database.as_deref(), &schema, &table))
        {
            return Err(at(
                offset,
                format!(
                    "{schema}.{table} has a second rule: put all its columns into one [[seal]]"
                ),
            ));
        }
        let twice = columns.iter().enumerate().find(|(index, column)| {
            columns
                .iter()
                .take(*index)
                .any(|other| other.name == column.name)
        });
        if let Some((_, column)) = twice {
            return Err(at(
                offset,
                format!(
                    "the rule for {schema}.{table} names column \"{}\" twice",
                    column.name
                ),
            ));
        }
        rules.push(Rule {
            file: file.to_owned(),
            line: line_of(text, offset),
            database: seal.database,
            schema,
            table,
            tenant: seal.tenant,
            columns,
        });
    }
    Ok(rules)
}

impl From<ColumnEntry> for ColumnRule {
    fn from(ColumnEntry(column): ColumnEntry) -> Self {
        Self {
            name: column.name,
            label: column.label,
            state: column.state,
            former_domain: column.domain.clone().filter(|_| column.search.is_none()),
            search: column.search.map(|SearchKind::Exact| SearchRule {
                scope: column.scope.unwrap_or_default(),
                domain: column.domain,
            }),
        }
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
        + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_names_its_line_and_what_is_allowed() {
        let error = parse(
            "r.toml",
            "[[seal]]\ntable = \"a\"\ntenant = \"t\"\ncolums = [\"x\"]\n",
        )
        .unwrap_err();
        assert_eq!(error.line, 4);
        assert!(
            error.message.contains("colums") && error.message.contains("columns"),
            "{}",
            error.message
        );
    }

    #[test]
    fn every_form_of_tenant_is_read() {
        let text = "[[seal]]\ntable = \"a\"\ntenant = { setting = \"app.tenant\" }\ncolumns = [\"x\"]\n\
            [[seal]]\ntable = \"s.b\"\ntenant = { constant = \"main\" }\ncolumns = [{ name = \"x\", label = \"old\", state = \"migrating\" }]\n\
            [[seal]]\ntable = \"c\"\ntenant = { parent = \"a\", on = \"a_id\", column = \"t\" }\ncolumns = [\"x\"]\n";
        let rules = parse("r.toml", text).unwrap();
        assert!(
            matches!(&rules[0].tenant, TenantRule::Setting(rule) if rule.setting == "app.tenant")
        );
        assert_eq!(
            (rules[1].schema.as_str(), rules[1].columns[0].state),
            ("s", ColumnState::Migrating)
        );
        assert!(matches!(&rules[2].tenant, TenantRule::Parent(rule) if rule.key.is_none()));
    }

    #[test]
    fn the_same_table_of_two_databases_has_two_rules() {
        let rule = "[[seal]]\ntable = \"a\"\ntenant = \"t\"\ncolumns = [\"x\"]\n";
        let rules = parse("r.toml", &format!("{rule}{rule}database = \"crm\"\n")).unwrap();
        assert_eq!(rules[0].database, None);
        assert_eq!(rules[1].database.as_deref(), Some("crm"));
    }

    #[test]
    fn a_file_without_a_rule_is_an_error() {
        for text in ["", "\n# [[seal]]\n", "seal = []\n"] {
            let error = parse("r.toml", text).unwrap_err();
            assert_eq!((error.line, error.message.as_str()), (1, NOTHING));
        }
    }

    #[test]
    fn a_table_with_two_rules_is_an_error() {
        let rule = "[[seal]]\ntable = \"a\"\ntenant = \"t\"\ncolumns = [\"x\"]\n";
        assert_eq!(parse("r.toml", &rule.repeat(2)).unwrap_err().line, 5);
    }
}
