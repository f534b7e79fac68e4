//! COPY between the client and a protected table, or a query over one.
//!
//! The parser does not know all of its options, so the statement is read from our tokens. Where it names no columns,
//! the list is spliced in: the rows' fields are then those that were planned for, whatever happens to the table.

mod options;

use std::ops::Range;
use std::sync::Arc;

use crate::catalog::Relation;
use crate::model::{ColumnRef, Oid, ValueKind};
use crate::rules::{ProtectedTable, Tenant};

use super::finish::forward;
use super::lineage::Lineage;
use super::query::Rows;
use super::refuse::Walked;
use super::relations::Standing;
use super::row_tenant::Given;
use super::scope::Origin;
use super::tenant_sql::quoted;
use super::types::{
    CopyColumn, CopyPlan, CopyTenant, Outputs, Splice, StatementKind, StatementPlan, TenantSource,
};
use super::view::View;
use super::walk::Walk;
use options::{Cursor, Options, first_named};

/// Types of a tenant column whose text form is known from what a client writes.
const TENANT_TYPES: [Oid; 6] = [Oid(25), Oid(1043), Oid(2950), Oid(20), Oid(21), Oid(23)];

/// Where the rows come from or go to.
enum Peer {
    Client,
    Server,
}

/// COPY of a table as far as its name, columns, direction and options.
struct Head {
    parts: Vec<String>,
    /// The last token of the name.
    name: usize,
    binary: bool,
    columns: Option<Vec<String>>,
    from: bool,
    peer: Peer,
    /// Tokens of the condition.
    condition: Range<usize>,
    options: Options,
}

impl View<'_> {
    /// `COPY …`, which names something protected.
    pub(super) fn copy(&self, range: Range<usize>) -> Walked<StatementPlan> {
        let bracket = self.tokens.get(range.start + 1);
        if bracket.is_some_and(|token| token.is_special(b'(')) {
            return self.copy_query(range);
        }
        let mut walk = self.walk(range.clone());
        let head = head(&walk)?;
        let Some(oid) = walk.relation_of(&head.parts, Some(head.name))? else {
            let plain = self.copy_plain(&walk, &head)?;
            return Ok(plain.unless_absent(walk.absent));
        };
        let catalog = Arc::clone(&walk.relations.catalog);
        let Some(relation) = catalog.relation(oid) else {
            return self.copy_plain(&walk, &head);
        };
        let name = format!("{}.{}", relation.schema, relation.name);
        match walk.relations.standing(oid) {
            Standing::Plain => return self.copy_plain(&walk, &head),
            Standing::Ancestor => return Err(walk.ancestor(relation, Some(head.name))),
            Standing::View(view) if head.from || view.given.is_none() => {
                let message = format!(
                    "COPY of view {name}, which is over a protected table, is not supported"
                );
                let help = "Write to the table; read with COPY (SELECT …) TO STDOUT.";
                return Err(walk.refuse(message, help, "refused-view", Some(head.name)));
            }
            Standing::View(_) | Standing::Table(_) => {}
        }
        if let Peer::Server = head.peer {
            return Err(beyond_client(&walk));
        }
        self.copy_table(walk, relation, head)
    }

    /// Nothing sealed enters or leaves; a condition could still call a function that reaches a protected table.
    fn copy_plain(&self, walk: &Walk<'_>, head: &Head) -> Walked<StatementPlan> {
        walk.calls_nothing(&head.condition)?;
        Ok(forward(self.span(&walk.range)))
    }

    fn copy_table(
        &self,
        mut walk: Walk<'_>,
        relation: &Relation,
        head: Head,
    ) -> Walked<StatementPlan> {
        let cursor = Cursor {
            walk: &walk,
            at: walk.range.end,
        };
        let format = head.options.format(head.binary, &cursor)?;
        let mut columns = columns_of(&walk, relation, &head);
        force(&mut columns, &head.options);
        let sealed = columns
            .iter()
            .any(|column| !matches!(column.lineage, Lineage::None));
        let unknown = columns.iter().find(|column| column.origin.is_none());
        if let Some(column) = unknown.filter(|_| head.from) {
            walk.note_no_column(relation, &column.name, None);
        }
        condition(&walk, relation, &head)?;
        if !sealed {
            return Ok(self.copy_plain(&walk, &head)?.unless_absent(walk.absent));
        }
        let span = self.span(&walk.range);
        let table = match walk.relations.standing(relation.oid) {
            Standing::Table(table) => Some(Arc::clone(table)),
            _ => None,
        };
        let tenant = match table.filter(|_| head.from) {
            Some(table) => Some(walk.copy_tenant(&table, relation, &columns, head.name)?),
            None => None,
        };
        if head.options.skips {
            skips(&walk, &columns, tenant.as_ref(), head.name)?;
        }
        let splices = match (&head.columns, walk.token(head.name)) {
            (None, Some(token)) => {
                let names: Vec<String> =
                    columns.iter().map(|column| quoted(&column.name)).collect();
                vec![Splice {
                    span: token.end..token.end,
                    text: format!(" ({})", names.join(", ")),
                }]
            }
            _ => Vec::new(),
        };
        let lineage = columns
            .iter()
            .map(|column| column.lineage.clone())
            .collect();
        let plan = Arc::new(CopyPlan {
            format,
            table: format!("{}.{}", relation.schema, relation.name),
            columns,
            tenant,
        });
        let (kind, outputs) = if head.from {
            (StatementKind::CopyIn(plan), Outputs::None)
        } else {
            let outputs = Outputs::ByDescription {
                lineage: Some(lineage),
            };
            (StatementKind::CopyOut(plan), outputs)
        };
        Ok(StatementPlan {
            absent: walk.absent.take(),
            kind,
            outputs,
            splices,
            tenants: std::mem::take(&mut walk.tenants),
            lookup: walk.asking.finish(walk.sql),
            ..forward(span)
        })
    }

    /// `COPY (query) TO STDOUT …`.
    fn copy_query(&self, range: Range<usize>) -> Walked<StatementPlan> {
        let outer = self.walk(range.clone());
        let open = range.start + 1;
        let Some(close) = outer.closing(open) else {
            return Err(outer.not_understood("this form of COPY", None));
        };
        let mut walk = self.walk(open + 1..close);
        let rows = walk.parsed()?;
        let columns = query_columns(&walk, &rows);
        let open_rows = rows.open;
        let plan = walk.finish(rows)?;
        let mut cursor = Cursor {
            walk: &outer,
            at: close + 1,
        };
        if matches!(plan.kind, StatementKind::Forward) {
            return Ok(forward(self.span(&range)));
        }
        let peer = direction(&mut cursor)?;
        if let (true, _) | (_, Peer::Server) = peer {
            return Err(beyond_client(&outer));
        }
        let options = Options::read(&mut cursor)?;
        if !cursor.is_over() {
            return Err(cursor.unknown());
        }
        let format = options.format(false, &cursor)?;
        if open_rows {
            return Err(outer.not_understood("columns that are not known", Some(open)));
        }
        let mut columns = columns;
        force(&mut columns, &options);
        let sealed = columns
            .iter()
            .any(|column| !matches!(column.lineage, Lineage::None));
        let (kind, outputs) = if sealed {
            let copy = CopyPlan {
                format,
                table: "the query".into(),
                columns,
                tenant: None,
            };
            (StatementKind::CopyOut(Arc::new(copy)), plan.outputs)
        } else {
            (StatementKind::Run, Outputs::None)
        };
        Ok(StatementPlan {
            kind,
            outputs,
            span: self.span(&range),
            ..plan
        })
    }
}

/// `COPY [BINARY] name [(columns)] FROM | TO …`.
fn head(walk: &Walk<'_>) -> Walked<Head> {
    let mut cursor = Cursor {
        walk,
        at: walk.range.start + 1,
    };
    // BINARY is a word that a table may bear as its name, too.
    let binary = cursor.is("binary") && {
        let next = walk.token(cursor.at + 1);
        next.is_some_and(|token| token.is_ident())
            && !next.is_some_and(|token| {
                token.is_word(walk.sql, "from") || token.is_word(walk.sql, "to")
            })
    };
    cursor.at += usize::from(binary);
    let mut parts = vec![cursor.name().ok_or_else(|| cursor.unknown())?];
    while cursor.special(b'.') {
        parts.push(cursor.name().ok_or_else(|| cursor.unknown())?);
    }
    let name = cursor.at - 1;
    let columns = match walk.token(cursor.at) {
        Some(token) if token.is_special(b'(') => {
            Some(cursor.list().ok_or_else(|| cursor.unknown())?)
        }
        _ => None,
    };
    let (from, peer) = direction(&mut cursor)?;
    let options = Options::read(&mut cursor)?;
    let condition = if cursor.word("where") {
        cursor.at..walk.range.end
    } else if cursor.is_over() {
        walk.range.end..walk.range.end
    } else {
        return Err(cursor.unknown());
    };
    Ok(Head {
        parts,
        name,
        binary,
        columns,
        from,
        peer,
        condition,
        options,
    })
}

/// FROM or TO, and whether a file or a program of the server is at the other end.
fn direction(cursor: &mut Cursor<'_, '_>) -> Walked<(bool, Peer)> {
    let from = cursor.word("from");
    if !from && !cursor.word("to") {
        return Err(cursor.unknown());
    }
    // Either word stands for the client in either direction (gram.y, copy_file_name).
    if cursor.word("stdin") || cursor.word("stdout") {
        return Ok((from, Peer::Client));
    }
    cursor.word("program");
    match cursor.string() {
        Some(_) => Ok((from, Peer::Server)),
        None => Err(cursor.unknown()),
    }
}

fn beyond_client(walk: &Walk<'_>) -> super::refuse::Stop {
    let message = format!(
        "COPY between protected table{} and a file or program of the server is not supported",
        walk.protected_name()
    );
    walk.refuse(
        message,
        "Use COPY … FROM STDIN or TO STDOUT (in psql: \\copy), which pgseal seals and opens.",
        "refused-copy",
        walk.protected_token(),
    )
}

fn columns_of(walk: &Walk<'_>, relation: &Relation, head: &Head) -> Vec<CopyColumn> {
    let column = |found: &crate::catalog::Column| {
        let origin = ColumnRef {
            table: relation.oid,
            attnum: found.attnum,
        };
        CopyColumn {
            name: found.name.clone(),
            origin: Some(origin),
            type_oid: found.type_oid,
            max_chars: found.max_chars,
            lineage: match walk.relations.column(origin) {
                Some(Lineage::Exact(own)) if head.from && !own.is_sealed_on_write() => {
                    Lineage::None
                }
                Some(lineage) => lineage,
                None => Lineage::None,
            },
            force_quote: false,
            force_not_null: false,
            force_null: false,
        }
    };
    match &head.columns {
        None => relation
            .columns
            .iter()
            .filter(|found| !found.generated)
            .map(column)
            .collect(),
        Some(names) => {
            // A name that the table does not have is the server's to refuse.
            let named = names.iter().map(|name| match relation.column(name) {
                Some(found) => column(found),
                None => unknown_column(name),
            });
            named.collect()
        }
    }
}

fn unknown_column(name: &str) -> CopyColumn {
    CopyColumn {
        name: name.to_owned(),
        origin: None,
        type_oid: Oid(0),
        max_chars: None,
        lineage: Lineage::None,
        force_quote: false,
        force_not_null: false,
        force_null: false,
    }
}

fn query_columns(walk: &Walk<'_>, rows: &Rows) -> Vec<CopyColumn> {
    let columns = rows.columns.iter().map(|offered| {
        let whole = matches!(offered.lineage, Lineage::None | Lineage::Exact(_));
        let found = offered.origin.filter(|_| whole).and_then(|origin| {
            let Origin::Column(origin, _) = origin else {
                return None;
            };
            let relation = walk.relations.catalog.relation(origin.table)?;
            relation.attnum(origin.attnum).map(|found| (origin, found))
        });
        CopyColumn {
            origin: found.map(|(origin, _)| origin),
            type_oid: found.map_or(Oid(0), |(_, found)| found.type_oid),
            lineage: offered.lineage.clone(),
            ..unknown_column(&offered.name)
        }
    });
    columns.collect()
}

fn force(columns: &mut [CopyColumn], options: &Options) {
    for column in columns {
        column.force_quote = options.force_quote.has(&column.name);
        column.force_not_null = options.force_not_null.has(&column.name);
        column.force_null = options.force_null.has(&column.name);
    }
}

/// The condition of COPY FROM must ask nothing of a sealed value.
fn condition(walk: &Walk<'_>, relation: &Relation, head: &Head) -> Walked<()> {
    let sealed = walk
        .relations
        .sealed_names(&std::iter::once(relation.oid).collect());
    let range = head.condition.clone();
    if let Some(at) = first_named(walk, range.clone(), |name| sealed.contains(name)) {
        let message = format!(
            "a sealed column of {}.{} stands in the condition of COPY",
            relation.schema, relation.name
        );
        let help = "Let the condition ask for other columns only.";
        return Err(walk.refuse(message, help, "refused-comparison", Some(at)));
    }
    // The table's name qualifies a column, or it stands for the whole row.
    let row = first_named(walk, range, |name| name == relation.name);
    match row {
        Some(at)
            if !walk
                .token(at + 1)
                .is_some_and(|token| token.is_special(b'.')) =>
        {
            let message = format!(
                "a whole row of {}.{} stands in the condition of COPY",
                relation.schema, relation.name
            );
            let help = "Let the condition ask for other columns only.";
            Err(walk.refuse(message, help, "refused-row", Some(at)))
        }
        _ => Ok(()),
    }
}

/// ON_ERROR ignore skips rows by the types of their columns: only the server could say which.
fn skips(
    walk: &Walk<'_>,
    columns: &[CopyColumn],
    tenant: Option<&CopyTenant>,
    at: usize,
) -> Walked<()> {
    let text = |column: &CopyColumn| match &column.lineage {
        Lineage::Exact(sealed) => sealed.kind == ValueKind::Text && sealed.max_chars.is_none(),
        _ => true,
    };
    let named = match tenant {
        Some(CopyTenant::Column { type_oid, .. }) => matches!(type_oid, Oid(25 | 1043)),
        _ => true,
    };
    if named && columns.iter().all(text) {
        return Ok(());
    }
    let message = format!(
        "ON_ERROR ignore is not supported where a sealed column of{}, or that of the tenant, is not text",
        walk.protected_name()
    );
    let help = "Leave the option out.";
    Err(walk.refuse(message, help, "refused-copy", Some(at)))
}

impl Walk<'_> {
    fn copy_tenant(
        &mut self,
        table: &ProtectedTable,
        relation: &Relation,
        columns: &[CopyColumn],
        at: usize,
    ) -> Walked<CopyTenant> {
        match &table.tenant {
            Tenant::Constant(tenant) => {
                let source = TenantSource::Known(tenant.clone());
                Ok(CopyTenant::Source(self.tenant_index(source)))
            }
            Tenant::Setting(_) => self
                .row_tenant(table, Given::Nothing, Some(at))
                .map(CopyTenant::Source),
            Tenant::Column { name, attnum } => {
                let index = columns.iter().position(|column| {
                    column.origin.is_some_and(|origin| origin.attnum == *attnum)
                });
                let found = index.and_then(|index| Some((index, columns.get(index)?)));
                match found {
                    Some((index, column)) if TENANT_TYPES.contains(&column.type_oid) => {
                        Ok(CopyTenant::Column {
                            index,
                            type_oid: column.type_oid,
                            max_chars: column.max_chars,
                        })
                    }
                    Some(_) => {
                        let message = format!(
                            "the tenant column {name} of {}.{} has a type that COPY cannot read",
                            relation.schema, relation.name
                        );
                        let help = "Use INSERT, which asks the server for the tenant's name.";
                        Err(self.refuse(message, help, "refused-copy", Some(at)))
                    }
                    None => {
                        let message = format!(
                            "the tenant of rows copied into {}.{} is not known: column {name} is not among the columns",
                            relation.schema, relation.name
                        );
                        let help = "Copy the tenant column, too.";
                        Err(self.refuse(message, help, "refused-tenant", Some(at)))
                    }
                }
            }
            Tenant::Parent { on, .. } => {
                let message = format!(
                    "the tenant of rows copied into {}.{} is found through {on}, and cannot be looked up during COPY",
                    relation.schema, relation.name
                );
                let help = "Use INSERT, which looks it up.";
                Err(self.refuse(message, help, "refused-copy", Some(at)))
            }
        }
    }
}
