//! Scenario tables: a statement, and what is planned for it.

mod among;
mod attempts;
mod clauses;
mod copies;
mod definitions;
mod derived;
mod executes;
mod guards;
mod hollow;
mod members;
mod names;
mod parts;
mod queries;
mod refusals;
mod schema;
mod search;
mod several;
mod spelled;
mod steady;
mod tenants;
mod texts;
mod vacant;
mod writes;

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::Oid;

use super::{
    Env, Lineage, Outputs, Plan, Planner, Shape, SlotSource, StatementPlan, TenantSource, Verdict,
};

pub(crate) use schema::planner;
use schema::{
    numbered_tenants, protected, relation, sealed, searchable, tenants_below, unsealing,
    with_vacancies,
};

pub(super) fn plan_with(planner: &Planner, sql: &str) -> Verdict {
    let env = Env::of_new_session();
    planner.plan(sql.as_bytes(), &env)
}

/// The only statement's plan, by this planner.
pub(super) fn single_with(planner: &Planner, sql: &str) -> Arc<StatementPlan> {
    match plan_with(planner, sql) {
        Verdict::Protect(plan) => Arc::clone(&plan.statements[0]),
        Verdict::Refuse(refusal) => panic!("refused: {sql}\n{refusal:?}"),
        Verdict::Forward | Verdict::Resolve(_) => panic!("forwarded or asks: {sql}"),
    }
}

fn plan_in(sql: &str, declared: &[u32], prepared: &HashMap<String, Arc<StatementPlan>>) -> Verdict {
    let declared: Vec<Oid> = declared.iter().map(|oid| Oid(*oid)).collect();
    let resolved = HashMap::from([("\"settings\"".to_owned(), Some(Oid(13)))]);
    let known = |name: &str| prepared.get(name).cloned();
    let env = Env {
        declared: &declared,
        statements: &known,
        cursors: &known,
        resolved: &resolved,
        ..Env::of_new_session()
    };
    planner().plan(sql.as_bytes(), &env)
}

pub(super) fn verdict(sql: &str) -> Verdict {
    plan_in(sql, &[], &HashMap::new())
}

/// The plan of a text that must be planned.
pub(super) fn plan(sql: &str) -> Arc<Plan> {
    match verdict(sql) {
        Verdict::Protect(plan) => plan,
        Verdict::Forward => panic!("forwarded: {sql}"),
        Verdict::Refuse(refusal) => panic!("refused: {sql}\n{refusal:?}"),
        Verdict::Resolve(names) => panic!("asks for {names:?}: {sql}"),
    }
}

fn tenant(sources: &[TenantSource], index: usize) -> String {
    match &sources[index] {
        TenantSource::Listed {
            array, type_oid, ..
        } => format!("{array}[]:{}", type_oid.0),
        TenantSource::Each(each) => {
            let each = each.iter().map(|index| tenant(sources, *index));
            format!("[{}]", each.collect::<Vec<_>>().join(","))
        }
        TenantSource::Among { of, .. } => {
            let of = of.iter().map(|index| tenant(sources, *index));
            format!("({})", of.collect::<Vec<_>>().join("|"))
        }
        TenantSource::Known(tenant) => tenant.to_string(),
        TenantSource::Param {
            number, type_oid, ..
        } => format!("${number}:{}", type_oid.0),
        TenantSource::Elements {
            number, type_oid, ..
        } => format!("${number}[]:{}", type_oid.0),
        TenantSource::Asked(term) => format!("?{term}"),
        TenantSource::Branch { case, number } => format!("?{case}/{number}"),
    }
}

/// Slots in words: `column=source@tenant`.
pub(super) fn slots(sql: &str, statement: &StatementPlan) -> String {
    let slots = statement.slots.iter().map(|slot| {
        let source = match &slot.source {
            SlotSource::Literal { span, .. } => sql[span.clone()].to_owned(),
            SlotSource::Param { number, kind, .. } if *kind == slot.column.kind => {
                format!("${number}")
            }
            SlotSource::Param { number, kind, .. } => format!("${number}:{kind:?}"),
        };
        let source = if slot.elements {
            format!("{source}[]")
        } else {
            source
        };
        format!(
            "{}={source}@{}",
            slot.column.name,
            tenant(&statement.tenants, slot.tenant)
        )
    });
    slots.collect::<Vec<_>>().join(" ")
}

/// Outputs in words: `-` none, `!name` exact, `?name` maybe.
pub(super) fn outputs(statement: &StatementPlan) -> String {
    match &statement.outputs {
        Outputs::None => "none".into(),
        Outputs::ByDescription { lineage: None } => "unknown".into(),
        Outputs::ByDescription {
            lineage: Some(lineage),
        } => lineage.iter().map(word).collect::<Vec<_>>().join(" "),
    }
}

fn word(lineage: &Lineage) -> String {
    let list = |parts: &[Lineage]| parts.iter().map(word).collect::<Vec<_>>().join(",");
    match lineage {
        Lineage::None => "-".to_owned(),
        Lineage::Exact(column) => format!("!{}", column.name),
        Lineage::Maybe(columns) => {
            let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
            format!("?{}", names.join("|"))
        }
        Lineage::Within(shape) => match shape.as_ref() {
            Shape::Cast { of, to } => format!("{}::{to:?}", word(of)),
            Shape::Text { parts, count: None } => format!("text({})", list(parts)),
            Shape::Text {
                parts,
                count: Some(count),
            } => format!("text({}={count})", list(parts)),
            Shape::Json { of, to } => format!("{to:?}({})", word(of)),
            Shape::Array(of) => format!("[{}..]", word(of)),
            Shape::Items(parts) => format!("[{}]", list(parts)),
            Shape::Members(of) => format!("{{*:{}}}", word(of)),
            Shape::Unclear(_) => "unclear".to_owned(),
            Shape::Record(members) => {
                let sealed = members.iter().filter(|m| !m.lineage.is_none());
                let words: Vec<String> = sealed
                    .map(|m| format!("{}:{}", m.name, word(&m.lineage)))
                    .collect();
                format!("{{{}}}", words.join(","))
            }
        },
    }
}

/// The only statement's plan.
pub(super) fn single(sql: &str) -> Arc<StatementPlan> {
    let plan = plan(sql);
    assert_eq!(plan.statements.len(), 1, "{sql}");
    Arc::clone(&plan.statements[0])
}

pub(super) fn lookup(statement: &StatementPlan) -> String {
    statement
        .lookup
        .as_ref()
        .map(|lookup| format!("{} {:?}", lookup.sql, lookup.params))
        .unwrap_or_default()
}
