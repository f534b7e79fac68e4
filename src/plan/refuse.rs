//! How a refusal is worded: the construct, the column, the position, the way out.

use crate::model::Refusal;
use crate::rules::ProtectedColumn;

/// Why the analysis of a statement ended early.
pub(super) enum Stop {
    /// The statement is refused.
    Refuse(Refusal),
    /// The server must be asked what this name (an expression for `to_regclass`) means.
    Resolve(String),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refuse(refusal)
    }
}

/// What the analysis of a part gives.
pub(super) type Walked<T> = Result<T, Stop>;

/// A use that a sealed value does not survive, with its entry in the error book.
#[derive(Clone, Copy)]
pub(super) struct Construct {
    /// As the message names it.
    pub name: &'static str,
    /// The error book's anchor.
    pub anchor: &'static str,
    /// The way out.
    pub hint: &'static str,
}

macro_rules! constructs {
    ($($id:ident: $name:literal, $anchor:literal, $hint:literal;)*) => {
        $(pub(super) const $id: Construct = Construct { name: $name, anchor: $anchor, hint: $hint };)*
    };
}

constructs! {
    COMPARISON: "an operator or comparison", "refused-comparison", "Compare another column, for example the key, or compare in the application.";
    CONDITION: "a condition", "refused-comparison", "Only IS NULL and IS NOT NULL can be asked of a sealed column.";
    ORDER: "ORDER BY", "refused-order", "Order by another column, or in the application.";
    GROUP: "GROUP BY or DISTINCT", "refused-group", "Group by other columns, or by the primary key of the same table as well; sealed values of equal plaintext differ.";
    DEDUPE: "a set operation that compares rows", "refused-group", "Use UNION ALL, or leave the column out.";
    JOIN: "a join condition", "refused-join", "Join on other columns.";
    FUNCTION: "a function", "refused-function", "Select the column itself and compute in the application.";
    AGGREGATE: "an aggregate or window", "refused-function", "Only count(column) works on sealed values; aggregate in the application.";
    JSON: "an access to a part of the value", "refused-part", "Select the whole column and take the part in the application.";
    CAST: "a cast", "refused-cast", "Select the column itself, without a cast.";
    ROW: "a row or array constructor", "refused-row", "List the columns instead of the whole row.";
    MIXTURE: "a result column that mixes it with values of another shape, or whose place is not known", "refused-row", "Select it in a column of its own, named in the select list.";
    NEW_TABLE: "a new table that computes with it", "refused-create-table-as", "Select the column itself, or leave it out.";
    COPYING: "a copy into another place", "refused-stored-value", "Read the value and write it back through pgseal.";
    ROTATING: "a comparison while it is rotated", "refused-rotating", "Let `pgseal rotate` finish, then take state = \"rotating\" out of its rule.";
    OTHER: "this expression", "refused-function", "Select the column itself and compute in the application.";
}

/// The sealed column is used in a way that ciphertext does not allow.
pub(super) fn sealed_use(
    column: &ProtectedColumn,
    construct: Construct,
    position: Option<u32>,
) -> Refusal {
    let message = format!(
        "column {} is sealed and cannot be used in {}",
        full_name(column),
        construct.name
    );
    placed(
        Refusal::new("0A000", message, hint(construct.hint, construct.anchor)),
        position,
    )
}

/// A statement on a protected table that is not understood or not allowed.
pub(super) fn refused(
    message: impl Into<String>,
    help: &str,
    anchor: &str,
    position: Option<u32>,
) -> Refusal {
    placed(Refusal::new("0A000", message, hint(help, anchor)), position)
}

/// `schema.table.column`.
pub(super) fn full_name(column: &ProtectedColumn) -> String {
    format!("{}.{}.{}", column.schema, column.table, column.name)
}

fn hint(help: &str, anchor: &str) -> String {
    format!("{help} See docs/errors.md#{anchor}.")
}

fn placed(refusal: Refusal, position: Option<u32>) -> Refusal {
    match position {
        Some(position) => refusal.at(position),
        None => refusal,
    }
}
