//! `pgseal explain`: what would be sealed, opened or refused in a statement.

use std::fmt::{Result, Write as _};

use crate::model::Refusal;
use crate::plan::{
    CopyPlan, CopyTenant, Lineage, Outputs, Plan, Planner, Slot, SlotSource, StatementKind,
    StatementPlan, TenantSource, Verdict,
};

use super::verdict::{Meaning, Session, meanings, words};

/// What [`explain`] says.
#[derive(Debug, Default)]
pub struct Explained {
    /// For people.
    pub text: String,
    /// Whether it would be refused, in one of its meanings at least.
    pub refused: bool,
}

/// What would be sealed, opened or refused in a statement.
#[must_use]
pub fn explain(planner: &Planner, sql: &str) -> Explained {
    let mut explained = Explained::default();
    let session = Session::default();
    let verdict = session.verdict(planner, sql, &Meaning::new());
    // Writing to a String cannot fail.
    let _ = match verdict {
        Verdict::Resolve(names) => explained.in_every_meaning(planner, sql, (&session, &names)),
        verdict => explained.one(sql, verdict),
    };
    explained
}

impl Explained {
    fn in_every_meaning(
        &mut self,
        planner: &Planner,
        sql: &str,
        (session, names): (&Session, &[String]),
    ) -> Result {
        let all = names.join(", ");
        writeln!(
            self.text,
            "the session's search_path decides what {all} means"
        )?;
        for meaning in meanings(planner, names).unwrap_or_default() {
            writeln!(self.text, "where {}:", words(planner, &meaning))?;
            let verdict = session.verdict(planner, sql, &meaning);
            self.one(sql, verdict)?;
        }
        Ok(())
    }

    fn one(&mut self, sql: &str, verdict: Verdict) -> Result {
        match verdict {
            Verdict::Forward => writeln!(self.text, "forwarded: it touches nothing protected"),
            Verdict::Resolve(names) => {
                writeln!(
                    self.text,
                    "what {} means is known to the session only",
                    names.join(", ")
                )
            }
            Verdict::Refuse(refusal) => {
                self.refused = true;
                refused(&mut self.text, &refusal)
            }
            Verdict::Protect(plan) => planned(&mut self.text, sql, &plan),
        }
    }
}

fn refused(out: &mut String, refusal: &Refusal) -> Result {
    let at = refusal.position.map(|at| format!(" at character {at}"));
    let (code, at) = (refusal.sqlstate, at.unwrap_or_default());
    writeln!(out, "refused ({code}){at}: {}", refusal.message)?;
    let more = refusal.detail.iter().chain(&refusal.hint);
    more.into_iter()
        .try_for_each(|more| writeln!(out, "{more}"))
}

fn planned(out: &mut String, sql: &str, plan: &Plan) -> Result {
    for (number, statement) in plan.statements.iter().enumerate() {
        let (before, number) = (out.len(), number + 1);
        writeln!(out, "statement {number}{}:", kind(statement))?;
        let head = out.len();
        statement_in(out, sql, statement)?;
        if out.len() == head {
            out.truncate(before);
            let nothing = match statement.kind {
                StatementKind::Forward => "it touches nothing protected",
                _ => "nothing of it is sealed, and nothing opened",
            };
            writeln!(out, "statement {number}{}: {nothing}", kind(statement))?;
        }
    }
    Ok(())
}

/// What kind of a statement it is, where that says more than its slots and outputs.
fn kind(statement: &StatementPlan) -> String {
    match &statement.kind {
        StatementKind::Prepare { name, .. } => format!(" prepares \"{name}\""),
        StatementKind::Execute { name } => format!(" executes \"{name}\""),
        StatementKind::Declare { name, .. } => format!(" declares the cursor \"{name}\""),
        StatementKind::Fetch { name } => format!(" fetches from the cursor \"{name}\""),
        StatementKind::CopyIn(copy) => format!(" copies rows into {}", copy.table),
        StatementKind::CopyOut(copy) => format!(" copies rows out of {}", copy.table),
        _ => String::new(),
    }
}

fn statement_in(out: &mut String, sql: &str, statement: &StatementPlan) -> Result {
    for slot in &statement.slots {
        writeln!(
            out,
            "  {} is {} for {} under {}",
            source(sql, slot),
            match slot.sought {
                true => "sealed to be compared",
                false => "sealed",
            },
            slot.column.label,
            tenant(statement.tenants.get(slot.tenant))
        )?;
    }
    for column in &statement.left_plain {
        let label = &column.label;
        writeln!(
            out,
            "  what is stored in {label} goes as it is: its rule unseals it"
        )?;
    }
    if let Some(lookup) = &statement.lookup {
        writeln!(out, "  asked before: {}", lookup.sql)?;
    }
    match &statement.kind {
        StatementKind::Prepare { inner, .. } => prepared(out, sql, inner)?,
        StatementKind::CopyIn(copy) => copied_in(out, statement, copy)?,
        StatementKind::CopyOut(copy) => copied_out(out, copy)?,
        _ => {}
    }
    if let Some(notice) = statement.notice {
        writeln!(out, "  notice: {notice}")?;
    }
    outputs(out, &statement.outputs)
}

/// What happens at each EXECUTE of a prepared statement.
fn prepared(out: &mut String, sql: &str, inner: &StatementPlan) -> Result {
    let mut text = String::new();
    statement_in(&mut text, sql, inner)?;
    if !text.is_empty() {
        writeln!(out, "  at each EXECUTE:")?;
    }
    text.lines().try_for_each(|line| writeln!(out, "  {line}"))
}

fn copied_in(out: &mut String, statement: &StatementPlan, copy: &CopyPlan) -> Result {
    let tenant = match &copy.tenant {
        Some(CopyTenant::Column { index, .. }) => {
            let column = copy.columns.get(*index);
            let name = column.map_or("?", |column| column.name.as_str());
            format!("the tenant in its row's {name}")
        }
        Some(CopyTenant::Source(index)) => tenant(statement.tenants.get(*index)),
        None => "no tenant".to_owned(),
    };
    let sealed = copy.columns.iter().enumerate();
    for (at, column) in sealed.filter(|(_, column)| column.lineage != Lineage::None) {
        let (at, words) = (at + 1, column.lineage.words());
        writeln!(
            out,
            "  field {at} of each row is sealed for {words} under {tenant}"
        )?;
    }
    Ok(())
}

fn copied_out(out: &mut String, copy: &CopyPlan) -> Result {
    let opened = copy.columns.iter().enumerate();
    for (at, column) in opened.filter(|(_, column)| column.lineage != Lineage::None) {
        let (at, words) = (at + 1, column.lineage.words());
        writeln!(out, "  field {at} of each row is opened: {words}")?;
    }
    Ok(())
}

fn source(sql: &str, slot: &Slot) -> String {
    let source = match &slot.source {
        SlotSource::Literal { span, .. } => {
            let before = sql.get(..span.start).unwrap_or_default();
            format!("the constant at character {}", before.chars().count() + 1)
        }
        SlotSource::Param { number, .. } => format!("${number}"),
    };
    match slot.elements {
        true => format!("each element of {source}"),
        false => source,
    }
}

fn tenant(source: Option<&TenantSource>) -> String {
    match source {
        Some(TenantSource::Known(tenant)) => format!("tenant {tenant}"),
        Some(TenantSource::Param { number, .. }) => format!("the tenant in ${number}"),
        Some(TenantSource::Elements { number, .. }) => {
            format!("the tenant at the same place of ${number}")
        }
        Some(TenantSource::Among { .. }) => "each tenant that the statement names".to_owned(),
        Some(TenantSource::Branch { .. }) => {
            "the tenant of the rows that take its branch".to_owned()
        }
        Some(TenantSource::Listed { .. } | TenantSource::Each(_)) => {
            "the tenant at the same place of the array of tenants".to_owned()
        }
        Some(TenantSource::Asked(_)) | None => "the tenant that the server names".to_owned(),
    }
}

fn outputs(out: &mut String, outputs: &Outputs) -> Result {
    match outputs {
        Outputs::None => Ok(()),
        Outputs::ByDescription { lineage: None } => {
            writeln!(
                out,
                "  sealed columns in its result are opened as the server names them"
            )
        }
        Outputs::ByDescription {
            lineage: Some(lineage),
        } => lineage
            .iter()
            .enumerate()
            .filter(|(_, lineage)| **lineage != Lineage::None)
            .try_for_each(|(at, lineage)| {
                writeln!(out, "  output {} is opened: {}", at + 1, lineage.words())
            }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::planner;

    fn said(sql: &str) -> String {
        explain(&planner(), sql).text
    }

    const ORG: &str = "00000000-0000-0000-0000-000000000001";

    #[test]
    fn constants_are_named_by_their_place() {
        let insert = format!(
            "INSERT INTO virtual_keys (organisation_id, key) VALUES ('{ORG}', 'sk-é'), ('{ORG}', 'x')"
        );
        let said = said(&insert);
        for (at, _) in insert.match_indices(", '").take(2) {
            let at = insert[..at].chars().count() + 3;
            let line = format!(
                "the constant at character {at} is sealed for public.virtual_keys.key under tenant {ORG}"
            );
            assert!(said.contains(&line), "{said}");
        }
        assert!(!said.contains("sk-"), "{said}");
    }

    #[test]
    fn prepare_copy_and_explain_say_what_happens() {
        let said_of = |sql: &str, wanted: &[&str]| {
            let said = said(sql);
            assert!(
                wanted.iter().all(|wanted| said.contains(wanted)),
                "{sql}: {said}"
            );
        };
        let insert = "INSERT INTO virtual_keys (organisation_id, key) VALUES ($1, $2)";
        let sealed = "$2 is sealed for public.virtual_keys.key under the tenant in $1";
        said_of(
            &format!("PREPARE p AS {insert}"),
            &["prepares \"p\"", "at each EXECUTE", sealed],
        );
        said_of(
            "PREPARE p AS SELECT key FROM virtual_keys",
            &["output 1 is opened"],
        );
        said_of(
            "COPY virtual_keys (organisation_id, key) FROM STDIN",
            &[
                "into public.virtual_keys",
                "field 2 of each row is sealed for",
                "in its row's organisation_id",
            ],
        );
        said_of(
            "COPY virtual_keys (organisation_id, key) TO STDOUT",
            &["field 2 of each row is opened"],
        );
        said_of(
            "EXPLAIN SELECT key FROM virtual_keys",
            &["nothing of it is sealed, and nothing opened"],
        );
        said_of(&format!("EXPLAIN {insert}"), &[sealed]);
    }

    #[test]
    fn a_refusal_says_why() {
        let explained = explain(&planner(), "SELECT id FROM virtual_keys ORDER BY key");
        assert!(
            explained.refused && explained.text.contains("refused (0A000) at character 38"),
            "{}",
            explained.text
        );
    }
}
