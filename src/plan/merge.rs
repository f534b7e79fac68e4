//! MERGE.

use std::ops::Range;
use std::sync::Arc;

use sqlparser::ast::{
    Expr, Merge, MergeAction, MergeClause, MergeClauseKind, MergeInsertExpr, MergeInsertKind,
    MergeUpdateExpr, MergeUpdateKind, OutputClause,
};

use crate::catalog::Relation;
use crate::model::ColumnRef;
use crate::rules::{ProtectedTable, Tenant};

use super::insert::Into;
use super::insert_rows::Item;
use super::lexer::TokenKind;
use super::lookup::Reads;
use super::owned::Owner;
use super::query::Rows;
use super::refuse::{CONDITION, COPYING, Walked};
use super::row_tenant::Given;
use super::scope::Scope;
use super::tenant_sql::{quoted, row_tenant_sql};
use super::types::{Splice, TenantSource};
use super::update::{Change, anchor};
use super::walk::Walk;

/// The protected table that a MERGE writes to.
struct Goal<'t> {
    table: &'t Arc<ProtectedTable>,
    relation: &'t Relation,
    /// The name that its columns are qualified with.
    name: String,
}

/// The slots of the arms that change rows which are there: their tenants are asked for once all arms are visited.
#[derive(Default)]
struct Matched {
    unowned: Vec<usize>,
    /// The new tenant that an arm assigns, which must be the row's own.
    assigned: Vec<usize>,
    arms: Vec<Arm>,
    /// Some arm stands behind one of its kind without a condition, so that the server rejects the statement as it is.
    unreachable: bool,
}

/// An arm that changes rows which are there.
struct Arm {
    /// Its WHEN.
    when: usize,
    /// Whether it changes rows that the source lacks.
    by_source: bool,
}

impl Arm {
    /// The last token before AND or THEN.
    fn kind_end(&self) -> usize {
        // MATCHED, or NOT MATCHED BY SOURCE
        self.when + if self.by_source { 4 } else { 1 }
    }
}

impl<'a> Walk<'a> {
    /// Visits a MERGE; gives the rows of RETURNING.
    pub(super) fn merge(&mut self, merge: &Merge, outer: &Scope<'_>) -> Walked<Rows> {
        let Merge {
            merge_token,
            optimizer_hints,
            into: _,
            table,
            source,
            on,
            clauses,
            output,
        } = merge;
        if !optimizer_hints.is_empty() {
            return Err(self.not_understood("a MERGE of another dialect", None));
        }
        self.changes = true;
        let before = self.impure.take();
        let mut scope = Scope::below(outer);
        self.changed_table(table, &mut scope)?;
        self.table_factor(source, &mut scope)?;
        let first = self.searches.len();
        self.plain(on, &scope, CONDITION)?;
        // Rows that the condition does not join are given too.
        self.joined_on(on, false, first, &scope)?;
        let impure = self.impure.take();
        let goal = self
            .target_table(table, &scope)?
            .map(|(table, relation, name)| Goal {
                table,
                relation,
                name,
            });
        let mut matched = Matched {
            unreachable: unreachable(clauses),
            ..Matched::default()
        };
        for clause in clauses {
            self.merge_clause(clause, (on, goal.as_ref()), &scope, &mut matched)?;
        }
        if let Some(goal) = &goal {
            let start = self.token_at(merge_token.0.span);
            self.merge_owner(goal, matched, start, impure)?;
        }
        self.impure = before.or(impure).or(self.impure);
        match output {
            None => Ok(Rows::default()),
            Some(OutputClause::Returning { select_items, .. }) => {
                // RETURNING * gives the source's columns before the target's.
                let mut turned = Scope::below(outer);
                turned.sources = scope.sources.clone();
                turned.sources.rotate_left(1);
                match scope.sources.first() {
                    Some(target) => self.returned(select_items, target, turned),
                    None => self.outputs(select_items, &turned),
                }
            }
            Some(OutputClause::Output { .. }) => {
                Err(self.not_understood("a MERGE of another dialect", None))
            }
        }
    }

    fn merge_clause(
        &mut self,
        clause: &MergeClause,
        (on, goal): (&Expr, Option<&Goal<'_>>),
        scope: &Scope<'_>,
        matched: &mut Matched,
    ) -> Walked<()> {
        let when = self.token_at(clause.when_token.0.span);
        // A row that one side lacks has only the other side's columns.
        let (from, until) = match clause.clause_kind {
            MergeClauseKind::Matched => (0, scope.sources.len()),
            MergeClauseKind::NotMatched | MergeClauseKind::NotMatchedByTarget => {
                (1, scope.sources.len())
            }
            MergeClauseKind::NotMatchedBySource => (0, 1),
        };
        let mut seen = Scope {
            outer: scope.outer,
            ..Scope::default()
        };
        seen.sources = scope.sources.get(from..until).unwrap_or_default().to_vec();
        let before = self.impure.take();
        self.all_plain(&clause.predicate, &seen, CONDITION)?;
        let impure = self.impure.take();
        self.impure = before.or(impure);
        match &clause.action {
            MergeAction::Delete { .. } | MergeAction::DoNothing { .. } => Ok(()),
            MergeAction::Insert(insert) => self.merge_insert(insert, goal, &seen),
            MergeAction::Update(update) => {
                let by_source = clause.clause_kind == MergeClauseKind::NotMatchedBySource;
                let held = clause.predicate.iter().chain((!by_source).then_some(on));
                let held: Vec<&Expr> = held.collect();
                let Some(when) = when else {
                    return Err(self.not_understood("this form of MERGE", None));
                };
                let arm = Arm { when, by_source };
                // A look-up repeats the condition of an arm whose rows the source lacks.
                let impure = impure.filter(|_| by_source);
                self.merge_update(update, goal, &seen, (arm, &held, impure), matched)
            }
        }
    }

    fn merge_insert(
        &mut self,
        insert: &MergeInsertExpr,
        goal: Option<&Goal<'_>>,
        scope: &Scope<'_>,
    ) -> Walked<()> {
        let at = self.token_at(insert.insert_token.0.span);
        let MergeInsertKind::Values(values) = &insert.kind else {
            return Err(self.not_understood("this form of INSERT in MERGE", at));
        };
        let (Some(row), None) = (values.rows.first(), &insert.insert_predicate) else {
            return Err(self.not_understood("this form of INSERT in MERGE", at));
        };
        insert
            .columns
            .iter()
            .for_each(|column| self.place_name(column));
        let Some(goal) = goal else {
            for value in row
                .content
                .iter()
                .filter(|value| !super::store::is_default(value))
            {
                self.plain(value, scope, COPYING)?;
            }
            return Ok(());
        };
        let columns = self.target_columns(&insert.columns, goal.relation)?;
        if insert.columns.is_empty() {
            let end = at.and_then(|at| self.token(at)).map(|token| token.end);
            self.name_columns(&columns, row.content.len(), end);
        }
        let into = Into {
            table: goal.table,
            relation: goal.relation,
            name: goal.name.clone(),
            columns,
        };
        let items = row.content.iter().map(Item::Expr).collect();
        self.insert_row(items, &into, scope).map(|_| ())
    }

    fn merge_update(
        &mut self,
        update: &MergeUpdateExpr,
        goal: Option<&Goal<'_>>,
        scope: &Scope<'_>,
        (arm, held, impure): (Arm, &[&Expr], Option<usize>),
        matched: &mut Matched,
    ) -> Walked<()> {
        let when = Some(arm.when);
        let MergeUpdateKind::Set(assignments) = &update.kind else {
            return Err(self.not_understood("this form of UPDATE in MERGE", when));
        };
        if update.update_predicate.is_some() || update.delete_predicate.is_some() {
            return Err(self.not_understood("a MERGE of another dialect", when));
        }
        let Some(goal) = goal else {
            return self.assign_plain(assignments, scope);
        };
        let own = [goal.name.as_str()];
        let change = Change {
            table: goal.table,
            own: &own,
            upsert: false,
        };
        let pairs = self.pairs(assignments, goal.relation, scope)?;
        let touches = self.touches(&pairs, &change)?;
        self.assign(&pairs, &change, scope)?;
        if !touches.any() {
            return Ok(());
        }
        if anchor(goal.table).is_none() {
            let tenant = self.row_tenant(goal.table, Given::Nothing, when)?;
            return self.own(&Owner::One(tenant));
        }
        if !touches.tenant
            && let Some(owner) = self.held_owner(goal, held, scope, when)?
        {
            return self.own(&owner);
        }
        if let Some(token) = impure {
            return Err(self.unrepeatable(goal.table, token));
        }
        if touches.tenant {
            let new = pairs
                .iter()
                .find(|pair| pair.attnum == anchor(goal.table))
                .and_then(|pair| pair.value.expr());
            let given = new.map_or(Given::Nothing, Given::Expr);
            matched
                .assigned
                .push(self.row_tenant(goal.table, given, when)?);
        }
        matched.unowned.append(&mut self.unowned);
        matched.arms.push(arm);
        Ok(())
    }

    /// Whose the rows are that these conditions hold for, if one of them names the tenant.
    fn held_owner(
        &mut self,
        goal: &Goal<'_>,
        held: &[&Expr],
        scope: &Scope<'_>,
        when: Option<usize>,
    ) -> Walked<Option<Owner>> {
        let Tenant::Column { attnum, .. } = &goal.table.tenant else {
            return Ok(None);
        };
        if !self.has_one_text(goal.table, *attnum) {
            return Ok(None);
        }
        let column = ColumnRef {
            table: goal.table.oid,
            attnum: *attnum,
        };
        let mut values = held.iter();
        match values.find_map(|condition| self.equal_to(condition, column, scope)) {
            None => Ok(None),
            Some(value) => self.value_owner(value, goal.table, scope, when).map(Some),
        }
    }

    /// Asks for the tenants of the rows that the arms change.
    fn merge_owner(
        &mut self,
        goal: &Goal<'_>,
        matched: Matched,
        start: Option<usize>,
        impure: Option<usize>,
    ) -> Walked<()> {
        if matched.arms.is_empty() {
            return Ok(());
        }
        if let Some(token) = impure {
            return Err(self.unrepeatable(goal.table, token));
        }
        if !self.asking.none_matched.is_empty() {
            return Err(
                self.not_understood("several changes whose tenants must be asked for", start)
            );
        }
        let Some((table, source, on)) = start.and_then(|start| self.merge_parts(start)) else {
            return Err(self.not_understood("this form of MERGE", start));
        };
        let tenant = row_tenant_sql(goal.table, &format!("{}.", quoted(&goal.name)));
        let (by_source, joined): (Vec<&Arm>, Vec<&Arm>) =
            matched.arms.iter().partition(|arm| arm.by_source);
        let mut parts = Vec::new();
        if !joined.is_empty() {
            parts.push(format!(
                "SELECT DISTINCT {tenant} FROM {} JOIN {} ON {}",
                self.repeated(table.clone()),
                self.repeated(source.clone()),
                self.repeated(on.clone())
            ));
        }
        if !by_source.is_empty() {
            let conditions = by_source.iter().map(|arm| self.condition_of(arm));
            let conditions: Option<Vec<Range<usize>>> = conditions.collect();
            // An arm without a condition changes all rows that the source lacks.
            let conditions = conditions.unwrap_or_default();
            let conditions = conditions
                .into_iter()
                .map(|range| format!("({})", self.repeated(range)));
            let conditions: Vec<String> = conditions.collect();
            let held = match conditions.is_empty() {
                true => String::new(),
                false => format!(" AND ({})", conditions.join(" OR ")),
            };
            parts.push(format!(
                "SELECT DISTINCT {tenant} FROM {} WHERE NOT EXISTS (SELECT FROM {} WHERE {}){held}",
                self.repeated(table),
                self.repeated(source),
                self.repeated(on)
            ));
        }
        let query = format!("{}{}", self.repeated_with(), parts.join(" UNION "));
        let term = self.asking.term(query, Reads::Unclear);
        self.asking.zero_rows_ok.push(term);
        for tenant in &matched.assigned {
            self.asking.must_equal.push((*tenant, term));
        }
        let mut splices = Vec::new();
        for arm in matched.arms.iter().filter(|_| !matched.unreachable) {
            splices.extend(self.never_matched(arm));
        }
        self.asking.none_matched = splices;
        let tenant = self.tenant_index(TenantSource::Asked(term));
        for arm in matched.arms.iter().filter(|_| !matched.unreachable) {
            let condition = self.condition_of(arm);
            let target = (&**goal.table, goal.name.as_str());
            self.guard_arm(target, arm.kind_end(), condition, tenant);
        }
        self.unowned = matched.unowned;
        self.own(&Owner::One(tenant))
    }

    /// The tokens of target, source and condition.
    fn merge_parts(&self, start: usize) -> Option<(Range<usize>, Range<usize>, Range<usize>)> {
        let first = start + 1;
        let into = self.token(first)?.is_word(self.sql, "into");
        let target = first + usize::from(into);
        let using = self.outside(target, "using")?;
        let on = self.outside(using + 1, "on")?;
        let when = self.outside(on + 1, "when")?;
        Some((target..using, using + 1..on, on + 1..when))
    }

    /// The next such word outside of brackets and CASE.
    pub(super) fn outside(&self, from: usize, word: &str) -> Option<usize> {
        let (mut depth, mut cases) = (0usize, 0usize);
        for at in from..self.range.end {
            let token = self.token(at)?;
            let named = at
                .checked_sub(1)
                .and_then(|before| self.token(before))
                .is_some_and(|before| before.is_special(b'.'));
            match token.kind {
                TokenKind::Special(b'(' | b'[') => depth += 1,
                TokenKind::Special(b')' | b']') => depth = depth.checked_sub(1)?,
                TokenKind::Ident if depth == 0 && !named => {
                    if cases == 0 && token.is_word(self.sql, word) {
                        return Some(at);
                    }
                    if token.is_word(self.sql, "case") {
                        cases += 1;
                    } else if token.is_word(self.sql, "end") {
                        cases = cases.saturating_sub(1);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// The tokens of an arm's condition; `None`: it has none.
    fn condition_of(&self, arm: &Arm) -> Option<Range<usize>> {
        let and = arm.kind_end() + 1;
        let token = self.token(and);
        let then = self.outside(and, "then")?;
        token
            .is_some_and(|token| token.is_word(self.sql, "and"))
            .then_some(and + 1..then)
    }

    /// Edits that keep an arm's rows from being met.
    fn never_matched(&self, arm: &Arm) -> Vec<Splice> {
        let insertion = |at: usize, text: &str| Splice {
            span: at..at,
            text: text.to_owned(),
        };
        let Some(kind) = self.token(arm.kind_end()) else {
            return Vec::new();
        };
        let condition = self.condition_of(arm);
        let and = condition
            .as_ref()
            .and_then(|range| self.token(range.start.checked_sub(1)?));
        let then = condition.as_ref().and_then(|range| self.token(range.end));
        match (and, then) {
            (Some(and), Some(then)) => vec![
                insertion(kind.end, " AND false"),
                insertion(and.end, " ("),
                insertion(then.start, ") "),
            ],
            _ => vec![insertion(kind.end, " AND false")],
        }
    }
}

fn unreachable(clauses: &[MergeClause]) -> bool {
    let kind = |clause: &MergeClause| match clause.clause_kind {
        MergeClauseKind::NotMatched => MergeClauseKind::NotMatchedByTarget,
        kind => kind,
    };
    let mut earlier = clauses.iter().enumerate();
    earlier.any(|(at, clause)| {
        let mut later = clauses.iter().skip(at + 1);
        clause.predicate.is_none() && later.any(|later| kind(later) == kind(clause))
    })
}
