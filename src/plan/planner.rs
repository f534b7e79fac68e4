//! From a text to a verdict.

use std::collections::BTreeSet;
use std::sync::Arc;

use sqlparser::ast::Statement;

use crate::catalog::Catalog;
use crate::model::{ColumnRef, Oid, Refusal};
use crate::rules::{ProtectedColumn, Protection, Tenant};

use super::any_of::AnyOf;
use super::defined::{makes, not_yet, used};
use super::env::{Defined, Env};
use super::execute::missing;
use super::given::know_views;
use super::lexer::{ENCODINGS, STRINGS};
use super::lineage::Lineage;
use super::mention::MentionFilter;
use super::named::{Made, Named};
use super::query::Rows;
use super::readable::encoding;
use super::refuse::{IN_SERVER, Stop, Walked, refused};
use super::relations::{Relations, Standing};
use super::run_texts::TO_XML;
use super::scope::Scope;
use super::tokens::{self, ParseError, split};
use super::types::{Plan, StatementKind, StatementPlan, Verdict};
use super::view::View;
use super::walk::Walk;

/// Commands on prepared statements and cursors, the settings that give constants and values a meaning, and functions: they
/// need no table's name to reach a protected table.
const NAMING: &[&str] = &[
    STRINGS,
    ENCODINGS[0],
    ENCODINGS[1],
    TO_XML,
    "execute",
    "deallocate",
    "fetch",
    "move",
    "close",
    "prepare",
    "declare",
];

/// Plans statements for one catalog and what is protected in it.
pub struct Planner {
    pub(super) relations: Relations,
    pub(super) filter: Option<MentionFilter>,
    /// The filter's names and the commands [`NAMING`] in one scan.
    any: Option<AnyOf>,
}

impl Planner {
    /// A planner for this snapshot. Finds the views, partitions and functions over protected tables.
    #[must_use]
    pub fn new(catalog: Arc<Catalog>, protection: Arc<Protection>) -> Self {
        let mut relations = Relations::new(catalog, protection);
        know_views(&mut relations);
        let names = relations.names();
        let filter = MentionFilter::new(names.iter().map(String::as_str)).ok();
        let any = filter.as_ref().and_then(|filter| filter.with(NAMING).ok());
        Self {
            relations,
            filter,
            any,
        }
    }

    /// The snapshot that it plans for.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.relations.catalog
    }

    /// What is protected.
    #[must_use]
    pub fn protection(&self) -> &Protection {
        &self.relations.protection
    }

    /// The catalog's epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.relations.catalog.epoch
    }

    /// Whether no rule is in force.
    #[must_use]
    pub fn protects_nothing(&self) -> bool {
        self.relations.protects_nothing()
    }

    /// How many columns are protected, for the log.
    #[must_use]
    pub fn protected_columns(&self) -> usize {
        let tables = self.relations.protection.tables.values();
        tables.map(|table| table.columns.len()).sum()
    }

    /// The protected columns of all tables, partitions left out whose parent is protected too, in order of their names.
    #[must_use]
    pub fn sealed_columns(&self) -> Vec<Arc<ProtectedColumn>> {
        let tables = &self.relations.protection.tables;
        let own = tables.values().filter(|table| {
            let relation = self.relations.catalog.relation(table.oid);
            let mut parents = relation.into_iter().flat_map(|relation| &relation.parents);
            !parents.any(|parent| tables.contains_key(parent))
        });
        let mut columns: Vec<_> = own
            .flat_map(|table| table.columns.iter().cloned())
            .collect();
        columns.sort_by(|a, b| (&a.schema, &a.table, &a.name).cmp(&(&b.schema, &b.table, &b.name)));
        columns
    }

    /// Whether a text may need planning: never false when it does.
    #[must_use]
    pub fn mentions(&self, sql: &[u8]) -> bool {
        if self.relations.protects_nothing() {
            return false;
        }
        self.any.as_ref().is_none_or(|any| any.is_in(sql))
    }

    /// Whether a text that cannot be cut into tokens may name something protected.
    pub(super) fn may_name(&self, sql: &[u8]) -> bool {
        self.filter
            .as_ref()
            .is_none_or(|filter| filter.may_name(sql))
    }

    /// Plans a text.
    #[must_use]
    pub fn plan(&self, sql: &[u8], env: &Env<'_>) -> Verdict {
        if !self.mentions(sql) && env.made.iter().all(|made| made.relation().is_none()) {
            return Verdict::Forward;
        }
        match self.text(sql, env) {
            // What hangs on the meaning of a name is told, for the name may mean something else later.
            Ok(statements)
                if (env.resolved.is_empty() || self.ambiguous_in(sql, env).is_empty())
                    && statements.iter().all(|plan| plan.is_plain()) =>
            {
                Verdict::Forward
            }
            Ok(statements) => Verdict::Protect(Arc::new(Plan { statements })),
            Err(Stop::Refuse(refusal)) => Verdict::Refuse(refusal),
            Err(Stop::Resolve(name)) => {
                let mut names = self.ambiguous_in(sql, env);
                if !names.contains(&name) {
                    names.push(name);
                }
                Verdict::Resolve(names)
            }
        }
    }

    fn text(&self, sql: &[u8], env: &Env<'_>) -> Walked<Vec<Arc<StatementPlan>>> {
        let Some((text, tokens)) = self.tokens(sql, env)? else {
            return Ok(Vec::new());
        };
        let text = text.as_ref();
        let mut plans = Vec::new();
        let (mut changed, mut set) = (false, BTreeSet::new());
        let mut renamed = false;
        let relations = |made: &[Defined]| {
            made.iter()
                .filter_map(Defined::relation)
                .cloned()
                .collect::<Vec<_>>()
        };
        let mut defined = BTreeSet::from_iter(relations(env.made));
        let mut all = env.made.to_vec();
        let made = Made::default();
        let env = &Env {
            declared: env.declared,
            statements: &|name| {
                made.statement(name)
                    .unwrap_or_else(|| (env.statements)(name))
            },
            cursors: &|name| made.cursor(name).unwrap_or_else(|| (env.cursors)(name)),
            ..*env
        };
        let ranges = split(text, &tokens);
        let view = View {
            planner: self,
            env,
            sql: text,
            tokens: &tokens,
        };
        if let Some(plans) = view.attempted(&ranges)? {
            return match plans
                .iter()
                .all(|plan| matches!(plan.kind, StatementKind::Forward))
            {
                false if !env.utf8 => Err(encoding().into()),
                false if !env.standard_conforming_strings => Err(strings().into()),
                _ => Ok(plans),
            };
        }
        let mut ranges = ranges.into_iter().peekable();
        while let Some(range) = ranges.next() {
            let env = &Env { made: &all, ..*env };
            let view = View { env, ..view };
            let walk = view.walk(range.clone());
            if let Some(used) = used(text, &tokens, range.clone(), &defined) {
                return Err(not_yet(walk.position(Some(used))).into());
            }
            if renamed && let Some(at) = view.ambiguous(&range) {
                return Err(renaming(walk.position(Some(at))).into());
            }
            let mut plan = view.statement(range.clone())?;
            if renamed && !plan.meanings.is_empty() {
                return Err(renaming(walk.position(Some(range.start))).into());
            }
            if plan.meant.iter().any(|meant| defined.contains(&meant.name)) {
                return Err(not_yet(walk.position(Some(range.start))).into());
            }
            if !defined.is_empty() {
                let statement = tokens.get(range.clone()).unwrap_or_default();
                plan.also_makes(makes(text, statement, &defined));
            }
            plan.meanings.extend(view.meanings(&range));
            if !plan.slots.is_empty() {
                plan.meant.extend(view.meant(&range));
            }
            if let Some(passed) = &plan.passes {
                match made.named(&passed.to) {
                    Some(Named::Gone) => return Err(missing(&passed.to).into()),
                    Some(_) => plan.passes = None,
                    None => {}
                }
            }
            let plan = Arc::new(plan);
            made.note(&plan);
            defined.extend(relations(&plan.defines));
            let lookup = plan.lookup.as_ref();
            if lookup.is_some_and(|lookup| changed || !lookup.is_independent(&set)) {
                let help = "Send the statements one by one.";
                let message = "an earlier statement of the same text could change what is asked about this one's tenant";
                let position = walk.position(Some(range.start));
                return Err(refused(message, help, "refused-lookup", position).into());
            }
            match &plan.sets {
                Some(columns) => set.extend(columns.iter().cloned()),
                // Only what follows hangs on what a statement does.
                None if ranges.peek().is_none() || view.changes_nothing(&range) => {}
                None => {
                    changed = true;
                    renamed = renamed || !view.keeps_names(&range);
                }
            }
            all.extend(plan.defines.iter().cloned());
            plans.push(plan);
        }
        let protects = plans.iter().any(|plan| {
            matches!(
                plan.kind,
                StatementKind::Run
                    | StatementKind::Prepare { .. }
                    | StatementKind::Declare { .. }
                    | StatementKind::CopyIn(_)
                    | StatementKind::CopyOut(_)
            )
        });
        let slots = plans.iter().any(|plan| !plan.slots.is_empty());
        if (protects || slots) && !env.utf8 {
            return Err(encoding().into());
        }
        if (protects || slots) && !env.standard_conforming_strings {
            return Err(strings().into());
        }
        Ok(plans)
    }

    /// Whether the snapshot holds this relation; 0 and the system's own need not be in it.
    #[must_use]
    pub fn knows(&self, relation: Oid) -> bool {
        /// `FirstNormalObjectId` of PostgreSQL.
        const FIRST: u32 = 16384;
        relation.0 < FIRST || self.relations.catalog.relation(relation).is_some()
    }

    /// Says no to a FunctionCall of a function that works on a protected table.
    #[must_use]
    pub fn refuse_call(&self, function: Oid) -> Option<Refusal> {
        let message = format!(
            "the function of OID {} works on a protected table inside the server",
            function.0
        );
        let called = self.relations.is_function_oid(function);
        called.then(|| refused(message, IN_SERVER, "refused-function-call", None))
    }

    /// What a column of a table or view carries; `None`: nothing sealed.
    #[must_use]
    pub fn column(&self, column: ColumnRef) -> Option<Lineage> {
        self.relations.column(column)
    }

    /// The column of a protected table that holds its row's tenant.
    #[must_use]
    pub fn tenant_column(&self, table: Oid) -> Option<i16> {
        match self.relations.standing(table) {
            Standing::Table(table) => match table.tenant {
                Tenant::Column { attnum, .. } => Some(attnum),
                Tenant::Setting(_) | Tenant::Constant(_) | Tenant::Parent { .. } => None,
            },
            Standing::View(_) | Standing::Ancestor | Standing::Plain => None,
        }
    }
}

impl Walk<'_> {
    /// Parses and visits the walk's tokens.
    pub(super) fn parsed(&mut self) -> Walked<Rows> {
        self.runs_no_function(&self.range)?;
        let tokens = self.tokens.get(self.range.clone()).unwrap_or_default();
        let statement = tokens::parse(self.sql, tokens).map_err(|error| {
            let at = error
                .at()
                .and_then(|byte| self.tokens.iter().position(|token| token.end > byte));
            match error {
                ParseError::TooDeep => self.not_understood("too many levels", at),
                ParseError::Token(_) | ParseError::Syntax { .. } => self.unread(at),
            }
        })?;
        let top = Scope::default();
        let mut alone = false;
        let rows = match &statement {
            Statement::Query(query) => self.query(query, &top),
            Statement::Insert(insert) => self.insert(insert, &top),
            Statement::Update(update) => self.update(update, &top).inspect(|_| alone = true),
            Statement::Delete(delete) => self.delete(delete, &top),
            Statement::Merge(merge) => self.merge(merge, &top),
            _ => Err(self.not_understood("this command", None)),
        }?;
        self.use_all_plain(&rows.columns);
        self.settle()?;
        self.sets = self.sets.take().filter(|_| alone && self.impure.is_none());
        Ok(rows)
    }
}

fn renaming(position: Option<u32>) -> Refusal {
    refused(
        "an earlier statement of the same text could change which table a name in this one means",
        "Send the statements one by one, or qualify the name with its schema.",
        "refused-ambiguous-name",
        position,
    )
}

fn strings() -> Refusal {
    let help = "Set standard_conforming_strings to on.";
    refused(
        "statements on protected tables need standard_conforming_strings = on",
        help,
        "refused-encoding",
        None,
    )
}
