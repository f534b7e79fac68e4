//! How a refusal is worded: the construct, the column, the position, the way out.

use crate::model::Refusal;
use crate::rules::ProtectedColumn;

/// The way out for a function that works on what is protected.
pub(super) const IN_SERVER: &str = "Do the work of the function in SQL through pgseal; it runs in the server, where values stay sealed, and what `pgseal fence` prints keeps it from storing plaintext.";

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
    COMPARISON: "a comparison", "refused-comparison", "Compare another column, for example the key, or compare in the application.";
    CONDITION: "a condition", "refused-condition", "Only IS NULL and IS NOT NULL can be asked of a sealed column.";
    LIKE: "LIKE or a regular expression", "refused-like", "Find the row by another column, or search in the application.";
    OPERATOR: "an operator", "refused-operator", "Select the column itself and compute in the application.";
    ORDER: "ORDER BY", "refused-order", "Order by another column, or in the application.";
    GROUP: "GROUP BY or DISTINCT", "refused-group", "Group by other columns, or by the primary key of the same table as well; sealed values of equal plaintext differ.";
    DEDUPE: "a set operation that compares rows", "refused-set-operation", "Use UNION ALL, or leave the column out.";
    JOIN: "a join condition", "refused-join", "Join on other columns.";
    FUNCTION: "a function", "refused-function", "Select the column itself and compute in the application.";
    AGGREGATE: "an aggregate or window", "refused-aggregate", "Only count(column) works on sealed values; aggregate in the application.";
    NULL_IF: "NULLIF with a value", "refused-nullif", "Select the column and compare in the application, or make it searchable.";
    XML: "an XML function", "refused-xml", "Select the column itself and build the XML in the application.";
    FORMAT: "FORMAT JSON", "refused-format-json", "Leave it out where the column is json or jsonb; else read the value and build the document in the application.";
    JSON: "an access to a part of the value", "refused-part", "Select the whole column and take the part in the application.";
    CAST: "a cast", "refused-cast", "Select the column itself, without a cast.";
    ROW: "a row or array constructor", "refused-row", "List the columns instead of the whole row.";
    MIXTURE: "a result column that mixes it with values of another shape, or whose place is not known", "refused-row", "Select it in a column of its own, named in the select list.";
    NEW_TABLE: "a new table that computes with it", "refused-create-table-as", "Select the column itself, or leave it out.";
    COPYING: "a copy into another place", "refused-stored-value", "Read the value and write it back through pgseal.";
    ROTATING: "a comparison while its rule has a state", "refused-rotating", "Let `pgseal rotate`, `seal` or `unseal` finish, then take `state` out of its rule.";
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
    refused(message, construct.hint, construct.anchor, position)
}

/// A statement on a protected table that is not understood or not allowed: `anchor` is its chapter in the error book.
#[must_use]
pub fn refused(
    message: impl Into<String>,
    help: &str,
    anchor: &str,
    position: Option<u32>,
) -> Refusal {
    let mut refusal = Refusal::new("0A000", message, hint(help, anchor));
    refusal.detail = why(anchor).map(str::to_owned);
    refusal.position = position;
    refusal
}

/// Why it cannot work, by the error book's anchor.
fn why(anchor: &str) -> Option<&'static str> {
    let known = WHY.iter().find(|(known, _)| *known == anchor);
    known.map(|(_, why)| *why)
}

/// `schema.table.column`.
pub(super) fn full_name(column: &ProtectedColumn) -> String {
    format!("{}.{}.{}", column.schema, column.table, column.name)
}

fn hint(help: &str, anchor: &str) -> String {
    format!("{help} See docs/errors.md#{anchor}.")
}

const WHY: &[(&str, &str)] = &[
    (
        "refused-comparison",
        "The server holds ciphertext only: equal values differ in it, and its order is no order.",
    ),
    (
        "refused-condition",
        "The server holds ciphertext only and cannot tell whether its plaintext is true.",
    ),
    (
        "refused-like",
        "The server holds ciphertext only, in which no part of the plaintext can be found.",
    ),
    (
        "refused-operator",
        "The server holds ciphertext only and would compute with that.",
    ),
    (
        "refused-search",
        "Each tenant's values are sealed under a key of their own, so that equal ones are equal within one tenant only.",
    ),
    (
        "refused-rotating",
        "Some of its values stand there in another form than others, so that equal ones would not be found.",
    ),
    (
        "refused-order",
        "The order of ciphertext is not the order of the plaintext.",
    ),
    (
        "refused-group",
        "Each value is sealed on its own, so that equal ones would not be taken for equal.",
    ),
    (
        "refused-set-operation",
        "Each value is sealed on its own, so that equal rows would not be taken for equal.",
    ),
    (
        "refused-join",
        "Each value is sealed on its own, so that equal ones would not be found.",
    ),
    (
        "refused-function",
        "The server holds ciphertext only and would call the function with that.",
    ),
    (
        "refused-aggregate",
        "The server holds ciphertext only and would aggregate that.",
    ),
    (
        "refused-part",
        "The whole value is sealed as one: the server holds no document that has parts.",
    ),
    (
        "refused-format-json",
        "The server holds ciphertext only, which is no JSON document.",
    ),
    (
        "refused-cast",
        "The server holds ciphertext only, which is no value of that type or would be cut.",
    ),
    (
        "refused-nullif",
        "The server holds ciphertext only, which equals no value: NULL would never come of it.",
    ),
    (
        "refused-xml",
        "The sealed value would stand in a document of a type that pgseal does not read.",
    ),
    (
        "refused-row",
        "Which part of the result holds the sealed value is not known, so that it could not be opened there, and nowhere else.",
    ),
    (
        "refused-stored-value",
        "What is stored must pass through pgseal to be sealed for this column and its row's tenant.",
    ),
    (
        "refused-two-uses",
        "The value is sealed where it is stored; the other use would see ciphertext.",
    ),
    (
        "refused-number",
        "Text is sealed as it is written, and how the server would write the number is not known.",
    ),
    (
        "refused-parameter",
        "A value of another type is not what the column would hold.",
    ),
    (
        "refused-tenant",
        "Each tenant's values are sealed under a key of their own, and whose this one is must be known before it is sent.",
    ),
    (
        "refused-tenant-change",
        "The row's sealed values would stay under the former tenant's key.",
    ),
    (
        "refused-lookup",
        "The rows' tenants are asked for before the values are sealed, and the answer must still hold when the statement runs.",
    ),
    (
        "refused-upsert",
        "Which row, and so whose, is changed shows in the server only, when the values are sealed already.",
    ),
    (
        "refused-view",
        "What the view gives is computed from ciphertext, and what is written through it is not sealed for the table.",
    ),
    (
        "refused-parent-table",
        "A row that is written through the parent lands in the partition unsealed.",
    ),
    (
        "refused-unfit",
        "Which of its values must be sealed, or for whom, is not known any more.",
    ),
    (
        "refused-function-call",
        "Its statements run in the server and do not pass through pgseal.",
    ),
    (
        "refused-code",
        "Its statements run in the server and do not pass through pgseal.",
    ),
    (
        "refused-copy",
        "Only rows that pass through pgseal as text, CSV or binary can be sealed and opened.",
    ),
    (
        "refused-create-table-as",
        "The new table would hold what the server computed from ciphertext.",
    ),
    (
        "refused-new-relation",
        "What its columns hold is not known before the catalog is loaded anew.",
    ),
    (
        "refused-index",
        "The server would sort, compare or count ciphertext, whose order and equality mean nothing.",
    ),
    (
        "refused-rename",
        "The rule names the table and the column: under another name nothing would be sealed.",
    ),
    (
        "refused-ddl",
        "The server would compute or check with ciphertext, or store plaintext of its own.",
    ),
    (
        "refused-encoding",
        "Names and constants in another encoding or with other escapes could be misread.",
    ),
    (
        "refused-limits",
        "What cannot be cut into tokens cannot be searched for values that must be sealed.",
    ),
    (
        "refused-syntax",
        "Every constant, parameter and name of a statement on a protected table must be accounted for, so that no plaintext passes.",
    ),
    (
        "refused-ambiguous-name",
        "The server looks the name up when the statement runs, and only one of the tables may be protected.",
    ),
];
