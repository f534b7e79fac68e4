//! SQL text to a plan or a refusal.
//!
//! Three steps, each cheaper than the next: the mention filter ([`mention`]) forwards what cannot touch a protected
//! table; our own lexer ([`lexer`]) cuts the rest into PostgreSQL's tokens; the statement is then read from these tokens
//! alone, and what is not understood is refused. Nothing is ever re-printed: edits are spliced at token positions.

pub mod lexer;
pub mod mention;
mod scope;
mod slots;
mod text;
pub mod tokens;
mod types;
mod write;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub use types::*;

use crate::catalog::Catalog;
use crate::model::{ColumnRef, Oid, Refusal};
use crate::rules::{ProtectedColumn, Protection, Tenant};
use lexer::{Limits, lex};
use mention::MentionFilter;
use scope::{Scope, Unclear};
use slots::Slots;
use text::{Text, not_understood};

/// A view over protected tables.
struct View {
    name: String,
    /// Its sealed columns: name, and position from 1.
    columns: Vec<(String, i16)>,
    sealed: HashMap<i16, Arc<ProtectedColumn>>,
}

/// Plans statements for one catalog and what is protected in it.
pub struct Planner {
    catalog: Arc<Catalog>,
    protection: Arc<Protection>,
    /// `None` if it could not be built: then everything is a mention.
    filter: Option<MentionFilter>,
    names: HashSet<String>,
    functions: HashSet<String>,
    views: HashMap<Oid, View>,
}

/// What a write consists of.
struct StatementParts {
    slots: Vec<Slot>,
    tenants: Vec<TenantSource>,
    lookup: Option<Lookup>,
    copies: Vec<Copy>,
    max_param: u16,
    splices: Vec<Splice>,
    none_matched: Vec<Splice>,
}

impl StatementParts {
    fn of(slots: Slots<'_>, lookup: Option<Lookup>, none_matched: Vec<Splice>) -> Self {
        let Slots {
            slots,
            tenants,
            copies,
            max_param,
            mut splices,
            ..
        } = slots;
        splices.sort_by_key(|splice| splice.span.start);
        let lookup = lookup.filter(|_| !slots.is_empty());
        Self {
            slots,
            tenants,
            lookup,
            copies,
            max_param,
            splices,
            none_matched,
        }
    }

    fn into_plan(self, kind: StatementKind, text: &Text<'_>, outputs: Outputs) -> StatementPlan {
        let Self {
            slots,
            tenants,
            lookup,
            copies,
            max_param,
            splices,
            none_matched,
        } = self;
        StatementPlan {
            kind,
            span: text.span(),
            slots,
            tenants,
            lookup,
            outputs,
            copies,
            max_param,
            splices,
            none_matched,
        }
    }
}

/// Statements that move no value of a column.
const VALUELESS: &[&str] = &[
    "truncate", "lock", "vacuum", "analyze", "grant", "revoke", "comment", "drop", "cluster",
    "reindex", "show", "set", "reset", "security", "listen", "notify",
];

impl Planner {
    /// A planner for this snapshot.
    #[must_use]
    pub fn new(catalog: Arc<Catalog>, protection: Arc<Protection>) -> Self {
        let names: HashSet<String> = protection
            .tables
            .values()
            .map(|table| table.name.clone())
            .collect();
        let mut planner = Self {
            filter: MentionFilter::new(names.iter().map(String::as_str)).ok(),
            catalog,
            protection,
            names,
            functions: HashSet::new(),
            views: HashMap::new(),
        };
        // Views on views: until no further one is found.
        while planner.add_views() {}
        let catalog = planner.catalog.clone();
        let over = catalog
            .functions()
            .iter()
            .filter(|function| planner.mentions(function.body.as_bytes()));
        planner.functions = over.map(|function| function.name.clone()).collect();
        planner.rebuild_filter();
        planner
    }

    fn rebuild_filter(&mut self) {
        let names: HashSet<String> = self.names.iter().chain(&self.functions).cloned().collect();
        self.filter = MentionFilter::new(names.iter().map(String::as_str)).ok();
    }

    fn add_views(&mut self) -> bool {
        let known = self.views.len();
        let catalog = self.catalog.clone();
        for relation in catalog.relations() {
            let Some(definition) = relation
                .view_definition
                .as_deref()
                .filter(|_| !self.views.contains_key(&relation.oid))
            else {
                continue;
            };
            if !self.mentions(definition.as_bytes()) {
                continue;
            }
            let sealed = self.view_columns(definition);
            let columns = sealed
                .keys()
                .filter_map(|attnum| {
                    relation
                        .attnum(*attnum)
                        .map(|column| (column.name.clone(), *attnum))
                })
                .collect();
            self.views.insert(
                relation.oid,
                View {
                    name: format!("{}.{}", relation.schema, relation.name),
                    columns,
                    sealed,
                },
            );
            self.names.insert(relation.name.clone());
        }
        if self.views.len() == known {
            return false;
        }
        self.rebuild_filter();
        true
    }

    /// Which of a view's columns are sealed columns as they are. `pg_get_viewdef` qualifies every column and expands
    /// stars; what it does with a sealed column in an expression yields ciphertext, which nothing opens.
    fn view_columns(&self, definition: &str) -> HashMap<i16, Arc<ProtectedColumn>> {
        let Ok(tokens) = lex(definition, &Limits::default()) else {
            return HashMap::new();
        };
        let text = Text {
            sql: definition,
            tokens: &tokens,
        };
        let end = text.find(1, &["from"]);
        let sealed: Vec<Arc<ProtectedColumn>> = self
            .protection
            .tables
            .values()
            .filter(|table| {
                (0..text.len()).any(|index| text.name(index).is_some_and(|name| name == table.name))
            })
            .flat_map(|table| table.columns.clone())
            .collect();
        let inherited = self.views.iter().filter(|(oid, _)| {
            self.catalog.relation(**oid).is_some_and(|view| {
                (0..text.len()).any(|index| text.name(index).is_some_and(|name| name == view.name))
            })
        });
        let renamed: Vec<(String, Arc<ProtectedColumn>)> = inherited
            .flat_map(|(_, view)| {
                view.columns.iter().filter_map(|(name, attnum)| {
                    view.sealed
                        .get(attnum)
                        .map(|column| (name.clone(), column.clone()))
                })
            })
            .chain(
                sealed
                    .into_iter()
                    .map(|column| (column.name.clone(), column)),
            )
            .collect();
        let items = text.part(1..end).split(b',');
        let bare = |item: &Text<'_>| {
            let value = item.part(0..item.find(0, &["as"]));
            let name = value
                .name(value.len().checked_sub(1)?)
                .filter(|_| value.len() == 1 || (value.len() == 3 && value.is_special(1, b'.')))?;
            renamed
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, column)| column.clone())
        };
        let numbered = items
            .iter()
            .zip(1_i16..)
            .filter_map(|(item, attnum)| bare(item).map(|column| (attnum, column)));
        if text.find(1, &["union", "except", "intersect"]) < text.len() {
            HashMap::new()
        } else {
            numbered.collect()
        }
    }

    /// The catalog's epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.catalog.epoch
    }

    /// Whether a text may touch a protected table: never false when it does.
    #[must_use]
    pub fn mentions(&self, sql: &[u8]) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.hits(sql))
    }

    /// How many columns are protected.
    #[must_use]
    pub fn protected_columns(&self) -> usize {
        self.protection
            .tables
            .values()
            .map(|table| table.columns.len())
            .sum()
    }

    /// What a column of a table or view carries.
    #[must_use]
    pub fn column(&self, column: ColumnRef) -> Option<Lineage> {
        if let Some(table) = self.protection.tables.get(&column.table) {
            return table
                .column(column.attnum)
                .map(|column| Lineage::Exact(column.clone()));
        }
        let view = self.views.get(&column.table)?;
        view.sealed
            .get(&column.attnum)
            .map(|column| Lineage::Exact(column.clone()))
    }

    /// The column of a protected table that holds its row's tenant.
    #[must_use]
    pub fn tenant_column(&self, table: Oid) -> Option<i16> {
        match self.protection.tables.get(&table)?.tenant {
            Tenant::Column { attnum, .. } => Some(attnum),
            Tenant::Setting(_) | Tenant::Constant(_) | Tenant::Parent { .. } => None,
        }
    }

    /// Plans a text.
    #[must_use]
    pub fn plan(&self, sql: &[u8], env: &Env<'_>) -> Verdict {
        match self.plan_text(sql, env) {
            Ok(Some(plan)) => Verdict::Protect(Arc::new(plan)),
            Ok(None) => Verdict::Forward,
            Err(Unclear::Refused(refusal)) => Verdict::Refuse(refusal),
            Err(Unclear::Ask(name)) => Verdict::Resolve(vec![name]),
        }
    }

    fn plan_text(&self, sql: &[u8], env: &Env<'_>) -> Result<Option<Plan>, Unclear> {
        let refusal =
            |message: &str, hint: &str| Unclear::Refused(Refusal::new("0A000", message, hint));
        if !env.utf8 || !env.standard_conforming_strings {
            return Err(refusal(
                "a statement names a protected table while client_encoding is not UTF8 or standard_conforming_strings is off",
                "Set client_encoding to UTF8 and standard_conforming_strings to on. See docs/errors.md#refused-encoding.",
            ));
        }
        let Ok(sql) = std::str::from_utf8(sql) else {
            return Err(refusal(
                "a statement that names a protected table is not valid UTF-8",
                "Send UTF-8. See docs/errors.md#refused-encoding.",
            ));
        };
        let tokens = lex(sql, &Limits::default()).map_err(|error| {
            refusal(
                &format!("a statement that names a protected table cannot be read: {error}"),
                "Correct the statement. See docs/errors.md#refused-syntax.",
            )
        })?;
        let whole = Text {
            sql,
            tokens: &tokens,
        };
        let (mut statements, mut touched, mut written) = (Vec::new(), false, false);
        for part in whole.split(b';').iter().filter(|part| part.len() > 0) {
            let statement = self.statement(part, env)?;
            touched |= !matches!(statement.kind, StatementKind::Forward);
            if statement.lookup.is_some() && written {
                return Err(not_understood(
                    part,
                    0,
                    "of this statement",
                    "a look-up of the tenant behind another write in the same message",
                )
                .into());
            }
            written |= !part.is_any(0, &["select", "begin", "start", "set", "show"]);
            statements.push(Arc::new(statement));
        }
        Ok(touched.then_some(Plan { statements }))
    }

    fn statement(&self, text: &Text<'_>, env: &Env<'_>) -> Result<StatementPlan, Unclear> {
        let plain = |kind, outputs| {
            StatementParts::of(Slots::new(*text, env.declared), None, Vec::new())
                .into_plan(kind, text, outputs)
        };
        let rows = || Outputs::ByDescription { lineage: None };
        let name_at = |index: usize| {
            text.name(index)
                .map(std::borrow::Cow::into_owned)
                .unwrap_or_default()
        };
        match text.name(0).as_deref().unwrap_or_default() {
            "prepare" if !text.is_word(1, "transaction") => return self.prepare(text, env),
            "execute" => {
                let name = name_at(1);
                return match (env.statements)(&name) {
                    Some(inner) => Ok(self.execute(text, name, &inner)?),
                    None => Ok(plain(StatementKind::Forward, Outputs::None)),
                };
            }
            "deallocate" => {
                let at = 1 + usize::from(text.is_word(1, "prepare"));
                let name = Some(name_at(at)).filter(|_| !text.is_word(at, "all"));
                return Ok(plain(StatementKind::Deallocate { name }, Outputs::None));
            }
            "close" => {
                return Ok(plain(
                    StatementKind::CloseCursor {
                        name: Some(name_at(1)).filter(|_| !text.is_word(1, "all")),
                    },
                    Outputs::None,
                ));
            }
            "fetch" | "move" => {
                let name = name_at(text.len().saturating_sub(1));
                return Ok(match (env.cursors)(&name) {
                    Some(_) => plain(StatementKind::Fetch { name }, rows()),
                    None => plain(StatementKind::Forward, Outputs::None),
                });
            }
            _ => {}
        }
        let scope = Scope::new(self, text, env)?;
        self.check_bodies(text)?;
        if !scope.touches() {
            return Ok(plain(StatementKind::Forward, Outputs::None));
        }
        let unsupported = |index: usize, what: &str| {
            Unclear::Refused(not_understood(text, index, &scope.named(), what))
        };
        let first = text.name(0).unwrap_or_default().to_ascii_lowercase();
        match first.as_str() {
            "insert" => Ok(self.insert(text, &scope, env.declared)?.into_plan(
                StatementKind::Run,
                text,
                rows(),
            )),
            "update" => Ok(self.update(text, &scope, env.declared)?.into_plan(
                StatementKind::Run,
                text,
                rows(),
            )),
            "select" | "with" | "delete" | "table" | "" => {
                let writes = (1..text.len()).find(|index| {
                    text.is_any(*index, &["insert", "update", "merge", "into"])
                        && !text.is_any(index.wrapping_sub(1), &["for", "key", "as"])
                });
                if let Some(index) = writes {
                    return Err(unsupported(index, "a write inside WITH, or SELECT INTO,"));
                }
                scope.check_reads(text)?;
                Ok(plain(StatementKind::Run, rows()))
            }
            "declare" => {
                scope.check_reads(text)?;
                Ok(plain(StatementKind::Declare { name: name_at(1) }, rows()))
            }
            "explain" => {
                scope.check_reads(text)?;
                match (1..text.len())
                    .find(|index| text.is_any(*index, &["insert", "update", "merge", "execute"]))
                {
                    Some(index) => Err(unsupported(index, "EXPLAIN of a write")),
                    None => Ok(plain(StatementKind::Run, Outputs::None)),
                }
            }
            "alter"
                if text.is_word(1, "table")
                    && text.is_any(text.len().min(4), &["add"])
                    && !self.names_sealed(text, &scope) =>
            {
                Ok(plain(StatementKind::Run, Outputs::None))
            }
            "create"
                if text.is_any(1, &["index", "unique"]) && !self.names_sealed(text, &scope) =>
            {
                Ok(plain(StatementKind::Run, Outputs::None))
            }
            word if VALUELESS.contains(&word) => Ok(plain(StatementKind::Run, Outputs::None)),
            word => Err(unsupported(0, &word.to_ascii_uppercase())),
        }
    }

    fn names_sealed(&self, text: &Text<'_>, scope: &Scope) -> bool {
        (0..text.len()).any(|index| {
            text.name(index)
                .is_some_and(|name| scope.sealed.contains(name.as_ref()))
        })
    }

    /// The bodies of DO and CREATE FUNCTION are strings, and run as SQL.
    fn check_bodies(&self, text: &Text<'_>) -> Result<(), Refusal> {
        let code = text.is_word(0, "do")
            || (text.is_word(0, "create")
                && (1..text.len().min(6)).any(|index| {
                    text.is_any(index, &["function", "procedure", "trigger", "rule"])
                }));
        let mentions = |token: &lexer::Token| {
            matches!(token.kind, lexer::TokenKind::String(_))
                && self.mentions(token.text(text.sql).as_bytes())
        };
        match text.tokens.iter().position(mentions).filter(|_| code) {
            Some(index) => Err(not_understood(
                text,
                index,
                "in its body",
                "a function or DO block",
            )),
            None => Ok(()),
        }
    }

    fn prepare(&self, text: &Text<'_>, env: &Env<'_>) -> Result<StatementPlan, Unclear> {
        let name = text
            .name(1)
            .map(std::borrow::Cow::into_owned)
            .unwrap_or_default();
        let start = text.find(2, &["as"]) + 1;
        let body = text.from(start.min(text.len()));
        let inner_env = Env {
            declared: &[],
            ..*env
        };
        let mut inner = self.statement(&body, &inner_env)?;
        if matches!(inner.kind, StatementKind::Forward) {
            inner.span = text.span();
            return Ok(inner);
        }
        let asks = inner.lookup.is_some() || !inner.copies.is_empty();
        let mixed = inner.slots.iter().any(|slot| {
            matches!(slot.source, SlotSource::Literal { .. })
                && !matches!(inner.tenants.get(slot.tenant), Some(TenantSource::Known(_)))
        });
        if asks || mixed {
            return Err(not_understood(
                text,
                0,
                "of this statement",
                "PREPARE of a write whose tenant is looked up",
            )
            .into());
        }
        let (literals, params): (Vec<Slot>, Vec<Slot>) = std::mem::take(&mut inner.slots)
            .into_iter()
            .partition(|slot| matches!(slot.source, SlotSource::Literal { .. }));
        inner.slots = params;
        let parts = StatementParts {
            slots: literals,
            tenants: inner.tenants.clone(),
            lookup: None,
            copies: Vec::new(),
            max_param: 0,
            splices: Vec::new(),
            none_matched: Vec::new(),
        };
        Ok(parts.into_plan(
            StatementKind::Prepare {
                name,
                inner: Arc::new(inner),
            },
            text,
            Outputs::None,
        ))
    }

    fn execute(
        &self,
        text: &Text<'_>,
        name: String,
        inner: &StatementPlan,
    ) -> Result<StatementPlan, Refusal> {
        let end = if text.is_special(2, b'(') {
            text.closed(2)
        } else {
            3
        };
        let arguments = if text.is_special(2, b'(') {
            text.part(3..end - 1).split(b',')
        } else {
            Vec::new()
        };
        let argument = |number: u16| {
            usize::from(number)
                .checked_sub(1)
                .and_then(|index| arguments.get(index))
        };
        let unclear = || {
            not_understood(
                text,
                0,
                "of this statement",
                "EXECUTE with an argument that is no constant",
            )
        };
        let mut slots = Slots::new(*text, &[]);
        for slot in &inner.slots {
            let SlotSource::Param { number, .. } = slot.source else {
                continue;
            };
            let value = argument(number).ok_or_else(unclear)?;
            let tenant = match inner.tenants.get(slot.tenant) {
                Some(TenantSource::Known(tenant)) => TenantSource::Known(tenant.clone()),
                Some(TenantSource::Param { number, type_oid }) => slots
                    .tenant_value(argument(*number).ok_or_else(unclear)?, *type_oid)
                    .ok_or_else(unclear)?,
                Some(TenantSource::Asked(_)) | None => return Err(unclear()),
            };
            slots.place(value, &slot.column, |slots| Ok(slots.tenant(tenant)))?;
        }
        Ok(StatementParts::of(slots, None, Vec::new()).into_plan(
            StatementKind::Execute { name },
            text,
            inner.outputs.clone(),
        ))
    }
}
