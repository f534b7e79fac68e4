//! What planning gives: verdicts, plans, slots, outputs.
//!
//! Nothing here that holds a literal's value implements `Debug`.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::model::{ColumnRef, CopyFormat, Oid, Plain, Refusal, TenantId, ValueKind};
use crate::rules::ProtectedColumn;

use super::ambiguous::asked_as;
use super::env::Defined;
use super::lineage::Lineage;

/// What is to be done with a statement text.
#[derive(Clone)]
pub enum Verdict {
    /// It touches nothing protected: send the bytes as they are.
    Forward,
    /// It touches something protected and is understood.
    Protect(Arc<Plan>),
    /// It may touch something protected and is not understood, or cannot work on sealed values.
    Refuse(Refusal),
    /// Several relations bear one of these names: ask the server which one each is, then plan again with
    /// [`super::Env::resolved`]. Each is an expression for `to_regclass($1)`, already quoted.
    Resolve(Vec<String>),
}

/// The plan of a whole text.
pub struct Plan {
    /// One per non-empty statement, in order, those that need nothing included.
    pub statements: Vec<Arc<StatementPlan>>,
}

/// The plan of one statement.
pub struct StatementPlan {
    /// What the statement is to the session's state.
    pub kind: StatementKind,
    /// Its bytes in the text, without the separating semicolon.
    pub span: Range<usize>,
    /// Where values of sealed columns enter.
    pub slots: Vec<Slot>,
    /// Where the slots' tenants come from.
    pub tenants: Vec<TenantSource>,
    /// Columns of a rule that unseals them: what is stored in them goes as it is.
    pub left_plain: Vec<Arc<ProtectedColumn>>,
    /// Indexes of two tenants that must be one: values of rows of both are compared with each other.
    pub agree: Vec<(usize, usize)>,
    /// What must be asked from the server before the statement goes.
    pub lookup: Option<Lookup>,
    /// What may come out.
    pub outputs: Outputs,
    /// Parameters that need a value of their own per role: the k-th copy is parameter `max_param + 1 + k`.
    pub copies: Vec<Copy>,
    /// The highest parameter number in the statement, 0 without parameters.
    pub max_param: u16,
    /// Edits of the text besides the sealed literals, sorted, not overlapping each other or a literal slot.
    pub splices: Vec<Splice>,
    /// What it makes: no snapshot of the catalog knows it yet.
    pub defines: Vec<Defined>,
    /// Told to the client when it has run.
    pub notice: Option<&'static str>,
    /// Protected tables that it reads or writes at one place only: their columns in a result are of one row.
    pub once: Vec<Oid>,
    /// Further edits that keep the statement from touching any row: used when the look-up found no row for an UPDATE,
    /// whose slots then have no tenant and are filled with NULL. For an UPDATE they are an opening and a closing one around
    /// its condition, or one in the place of a WHERE.
    pub none_matched: Vec<Splice>,
    /// Further edits that make it fail at a row of another tenant than the look-up found. Not where the former are used.
    pub guards: Vec<Guard>,
    /// What its names mean that only the server knows the meaning of, or those of the statement that it executes: it looks
    /// them up anew whenever they may mean other relations.
    pub meanings: Vec<(String, Option<Oid>)>,
    /// The columns that it sets, where it certainly changes nothing else.
    pub sets: Option<BTreeSet<String>>,
    /// What the client is told if the catalog, as it is when the statement comes, does not have a table that a rule names, or
    /// a column of a protected table that the statement writes to, or has a value for.
    pub absent: Option<Refusal>,
    /// What its unqualified names meant, where that was certain: a table that is made later may take one over. Only where
    /// values are sealed, by it or by the statement that it executes.
    pub meant: Vec<Meant>,
    /// What it passes as it is to a prepared statement, which touches nothing protected if there is one.
    pub passes: Option<Passed>,
}

/// A name and what it meant.
#[derive(Clone, PartialEq, Eq)]
pub struct Meant {
    /// As the catalog spells it.
    pub name: String,
    /// The only relation that was called so.
    pub relation: Oid,
}

impl Meant {
    /// The name as the server is asked about it.
    #[must_use]
    pub fn asked(&self) -> String {
        asked_as(&self.name)
    }
}

/// What EXECUTE passes.
#[derive(Clone, PartialEq, Eq)]
pub struct Passed {
    /// The folded name of the statement that gets it.
    pub to: String,
    /// All that stands behind the name, in bytes of the text.
    pub span: Range<usize>,
}

impl StatementPlan {
    /// Whether it goes as it stands, whatever the session has prepared.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        matches!(self.kind, StatementKind::Forward) && self.passes.is_none()
    }

    /// What is said of it, or of what it prepares, if it names a table of the rules that the snapshot does not know, or writes
    /// to a column of a protected table that it does not know: a sealed one may be called so by now.
    #[must_use]
    pub fn absent(&self) -> Option<&Refusal> {
        match &self.kind {
            StatementKind::Prepare { inner, .. } => inner.absent(),
            _ => self.absent.as_ref(),
        }
    }
}

/// What a statement is to the session's state.
pub enum StatementKind {
    /// It touches nothing protected.
    Forward,
    /// It runs as it stands.
    Run,
    /// DDL on or over protected relations: it carries no value.
    Define,
    /// It makes or drops a function that does not outlive the text.
    Transient,
    /// SQL `PREPARE name AS …`.
    Prepare {
        /// The folded name.
        name: String,
        /// The plan of the statement under it. Its spans are those of the whole text.
        inner: Arc<StatementPlan>,
        /// It is a query.
        reads: bool,
    },
    /// The same of one that touches nothing protected.
    PreparePlain {
        /// The folded name.
        name: String,
    },
    /// SQL `EXECUTE name (…)`: slots are the arguments.
    Execute {
        /// The folded name.
        name: String,
    },
    /// `DECLARE name CURSOR FOR …`: outputs are the cursor's.
    Declare {
        /// The folded name.
        name: String,
        /// WITH HOLD: the cursor outlives its transaction.
        hold: bool,
    },
    /// `FETCH … FROM name`.
    Fetch {
        /// The folded name.
        name: String,
    },
    /// `DEALLOCATE name` or `ALL`.
    Deallocate {
        /// The folded name; `None`: all.
        name: Option<String>,
    },
    /// `CLOSE name` or `ALL`.
    CloseCursor {
        /// The folded name; `None`: all.
        name: Option<String>,
    },
    /// `COPY … FROM STDIN`: rows are sealed.
    CopyIn(Arc<CopyPlan>),
    /// `COPY … TO STDOUT`: rows are opened.
    CopyOut(Arc<CopyPlan>),
}

/// The rows of a COPY that carries values of sealed columns.
pub struct CopyPlan {
    /// How they are written.
    pub format: CopyFormat,
    /// `schema.table`, for messages.
    pub table: String,
    /// Their columns in order.
    pub columns: Vec<CopyColumn>,
    /// Whose the rows of a COPY FROM are.
    pub tenant: Option<CopyTenant>,
}

/// A column of a COPY.
pub struct CopyColumn {
    /// Its name.
    pub name: String,
    /// The table's column that it is, where it is one.
    pub origin: Option<ColumnRef>,
    /// Its type, the base type under domains; 0: not known.
    pub type_oid: Oid,
    /// n of `varchar(n)`.
    pub max_chars: Option<u32>,
    /// What it carries.
    pub lineage: Lineage,
    /// Whether its CSV values are always quoted.
    pub force_quote: bool,
    /// Whether its CSV values are never NULL.
    pub force_not_null: bool,
    /// Whether a quoted CSV value that is the NULL marker is NULL.
    pub force_null: bool,
}

/// Whose a row of a COPY FROM is.
pub enum CopyTenant {
    /// Its field of this number says it.
    Column {
        /// The field, from 0.
        index: usize,
        /// Its type.
        type_oid: Oid,
        /// n of `varchar(n)`: blanks that are too many are cut off; of anything else the server says so.
        max_chars: Option<u32>,
    },
    /// All rows are of this index of [`StatementPlan::tenants`].
    Source(usize),
}

/// A place where a value of a sealed column enters.
#[derive(Clone)]
pub struct Slot {
    /// The literal or parameter.
    pub source: SlotSource,
    /// The column that it is stored in.
    pub column: Arc<ProtectedColumn>,
    /// Index into [`StatementPlan::tenants`].
    pub tenant: usize,
    /// The source is an array of one dimension, and each of its elements is a value.
    pub elements: bool,
    /// It is only compared with what is stored: where there are no rows of its tenant, it may be NULL.
    pub sought: bool,
    /// A value equal to this text is sent as NULL (`NULLIF`).
    pub null_if: Option<Plain>,
}

impl Slot {
    /// Whether its value stands in the text.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        matches!(self.source, SlotSource::Literal { .. })
    }
}

/// The literal or parameter of a slot.
#[derive(Clone)]
pub enum SlotSource {
    /// A string constant.
    Literal {
        /// The constant's bytes in the text, quotes included.
        span: Range<usize>,
        /// What it says: for `bytea` still in its text form (`\x…` or escaped).
        value: Plain,
        /// How it is read: as jsonb, where that is stored in a json column.
        kind: ValueKind,
        /// The type that the server gives it where it stands, if not the column's: in derived rows, or in NULLIF.
        stands: Option<ValueKind>,
    },
    /// A parameter.
    Param {
        /// Its number in the rewritten statement.
        number: u16,
        /// How its value is written on the wire: the innermost cast, else the declared type, else the column's.
        kind: ValueKind,
    },
}

/// Where the tenant of a slot comes from.
#[derive(Clone, PartialEq, Eq)]
pub enum TenantSource {
    /// Known from the text or the rules.
    Known(TenantId),
    /// The value of a parameter.
    Param {
        /// Its number in the rewritten statement.
        number: u16,
        /// Its type, for values in binary format.
        type_oid: Oid,
        /// n of `varchar(n)`, where the column is one: of what is longer the rest is blank, and cut off, or refused.
        max_chars: Option<u32>,
    },
    /// Per element of an array of values, the element of this parameter at the same place.
    Elements {
        /// Its number in the rewritten statement.
        number: u16,
        /// The type of its elements.
        type_oid: Oid,
        /// n of `varchar(n)`, where the column is one: of what is longer the rest is blank, and cut off, or refused.
        max_chars: Option<u32>,
    },
    /// Per element of an array of values, the element of this constant array at the same place.
    Listed {
        /// The array in its text form.
        array: String,
        /// The type of its elements.
        type_oid: Oid,
        /// n of `varchar(n)`, where the column is one: of what is longer the rest is blank, and cut off, or refused.
        max_chars: Option<u32>,
    },
    /// Each of several, by index: what is looked for is sealed for all of them.
    Among {
        /// Them; arrays among them are of further tenants.
        of: Vec<usize>,
        /// Where the comparison stands that takes values beside its own: those that share this source are of one.
        at: usize,
    },
    /// Per element of an array of values, the source of this index at the same place.
    Each(Vec<usize>),
    /// The look-up's term of this number.
    Asked(i32),
    /// Of the rows that take one branch of a CASE.
    Branch {
        /// Index into [`Lookup::cases`].
        case: usize,
        /// The branch: 0 for ELSE, then each WHEN from 1.
        number: i32,
    },
}

/// An assignment to the column that says whose a row is, for messages.
#[derive(Clone)]
pub struct AssignedTenant {
    /// `schema.table.column`.
    pub column: String,
    /// Where it stands in the text, in characters from 1.
    pub position: Option<u32>,
}

/// A question to the server before the statement goes, in the same transaction.
pub struct Lookup {
    /// Yields rows of (term `int4`, tenant `text`).
    pub sql: String,
    /// The original numbers of the parameters that are bound to `$1`, `$2`, ….
    pub params: Arc<[u16]>,
    /// Where it repeats the text that it is asked for.
    pub places: Arc<[Place]>,
    /// Terms for which no row means that the statement touches no row: use [`StatementPlan::none_matched`].
    pub zero_rows_ok: Vec<i32>,
    /// Terms of the tenants of rows that are only compared with what is sealed for them: no row means that there are none.
    pub may_be_none: BTreeSet<i32>,
    /// Terms whose rows, if any, must name the same tenant as the one of this index of [`StatementPlan::tenants`]
    /// (the row that ON CONFLICT would update).
    pub must_equal: Vec<(usize, i32)>,
    /// The tenant's column, where the statement assigns to it.
    pub assigned: Option<AssignedTenant>,
    /// CASEs whose branches go to rows that may be of several tenants.
    pub cases: Vec<Branches>,
    /// All columns that it reads, where that is certain; other names may be among them.
    pub reads: Option<BTreeSet<String>>,
}

/// A stretch of a look-up that stands in the client's text too; all in characters, from 0.
#[derive(Clone)]
pub struct Place {
    /// Where it begins in the look-up.
    pub asked: usize,
    /// Where it begins in the text.
    pub own: usize,
    /// How long it is.
    pub length: usize,
}

/// A CASE whose values are stored.
#[derive(Clone)]
pub struct Branches {
    /// Its branches' terms in the look-up.
    pub terms: Range<i32>,
    /// Gives the number of the branch that a row takes, as the statement may say it.
    pub number: String,
}

/// A parameter's further role.
pub struct Copy {
    /// The client's number.
    pub original: u16,
}

/// `undefined_column` (PostgreSQL manual, appendix A).
pub const UNDEFINED_COLUMN: &str = "42703";

/// In the error that a statement fails with at a row of another tenant than the look-up found.
pub const MOVED: &str = "pgseal_moved";

/// An insertion into the text that compares rows with what was found for the statement: with their tenants, or with values
/// of several tenants.
pub struct Guard {
    /// What opens it.
    pub open: Option<Splice>,
    /// Where the rest stands, in bytes.
    pub at: usize,
    /// The rest.
    pub parts: Vec<Expected>,
}

/// A part of a [`Guard`].
#[derive(Clone, PartialEq, Eq)]
pub enum Expected {
    /// SQL.
    Text(String),
    /// A tenant that was found, as text, by its index into [`StatementPlan::tenants`]; NULL: nothing was looked for.
    Tenant(usize),
    /// An array of the values that stand for those of the slots of this index into [`StatementPlan::tenants`] for all
    /// tenants but the first, as text.
    Others(usize),
}

impl StatementPlan {
    /// Whether it may have parameters: PostgreSQL looks into EXECUTE, PREPARE and COPY only when it runs them, and knows
    /// none by then.
    #[must_use]
    pub fn takes_parameters(&self) -> bool {
        !matches!(
            self.kind,
            StatementKind::Execute { .. }
                | StatementKind::Prepare { .. }
                | StatementKind::CopyOut(_)
                | StatementKind::CopyIn(_)
        )
    }

    /// What its guards compare rows with, in the order of their parameters.
    #[must_use]
    pub fn guarding(&self) -> Vec<Expected> {
        let mut found = Vec::new();
        for part in self.guards.iter().flat_map(|guard| &guard.parts) {
            if !matches!(part, Expected::Text(_)) && !found.contains(part) {
                found.push(part.clone());
            }
        }
        found
    }

    /// Whether all that its look-up finds is compared with the rows themselves.
    #[must_use]
    pub fn is_guarded(&self) -> bool {
        let all = self.guarding();
        let told = |lookup: &Lookup| !lookup.must_equal.is_empty() || lookup.assigned.is_some();
        !self.lookup.as_ref().is_some_and(told)
            && (0..self.tenants.len()).all(|at| all.contains(&Expected::Tenant(at)))
    }

    /// The edits that its guards are; `found` gives the SQL of the n-th of [`Self::guarding`].
    #[must_use]
    pub fn guarded(&self, found: impl Fn(usize) -> String) -> Vec<Splice> {
        let all = self.guarding();
        let rendered = |part: &Expected| match part {
            Expected::Text(text) => text.clone(),
            Expected::Tenant(_) | Expected::Others(_) => {
                let at = all.iter().position(|known| known == part);
                at.map(&found).unwrap_or_default()
            }
        };
        let close = |guard: &Guard| Splice {
            span: guard.at..guard.at,
            text: guard.parts.iter().map(rendered).collect(),
        };
        // Of those that open or close at one place the first are the inner ones.
        let opened = self.guards.iter().rev();
        let opened = opened.filter_map(|guard| guard.open.clone());
        self.guards.iter().map(close).chain(opened).collect()
    }
}

/// An edit of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splice {
    /// The bytes replaced; empty: an insertion.
    pub span: Range<usize>,
    /// What stands there instead.
    pub text: String,
}

/// What may come out of a statement.
#[derive(Clone)]
pub enum Outputs {
    /// No rows, or none that carry sealed values.
    None,
    /// Rows whose columns are found by RowDescription (table OID, attnum), and where that says 0 by lineage.
    ByDescription {
        /// Per output position; `None`: not known (a star that could not be expanded), then fields of OID 0 carry nothing.
        lineage: Option<Vec<Lineage>>,
    },
}
