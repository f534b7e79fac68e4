//! Values that do not fit their type. The server gets another one in their place, which holds nothing of them and does
//! not fit in the same way: so it is the server that tells the error, when and where it would have told it of the client's
//! value, and only if it comes to look at it. No such value can be stored, even where somebody has just given the column
//! another type: a constant goes with a cast, and a parameter only if the server takes it for a type that rejects it.

use super::form_of;
use crate::model::{Format, Oid, Refusal, ValueKind};
use crate::plan::{Slot, SlotSource};
use crate::rules::ProtectedColumn;
use crate::wire::message::ErrorFields;

/// What is no JSON, and what PostgreSQL's DETAIL or CONTEXT names then.
const MARK: &str = "_pgseal_unfit";

/// What is no hexadecimal digit, and what nobody writes for one.
const NO_DIGIT: &str = "\u{1}";

/// What goes in the place of a value in this form, which was refused; `None`: nothing that the server would refuse likewise.
pub(super) fn instead(
    refusal: &Refusal,
    column: &ProtectedColumn,
    (kind, format): (ValueKind, Format),
    bytes: &[u8],
) -> Option<Vec<u8>> {
    let text = match (kind, refusal.sqlstate) {
        (ValueKind::Text, "22001") => "x".repeat(usize::try_from(column.max_chars?).ok()? + 1),
        (ValueKind::Json | ValueKind::Jsonb, "22P02") => MARK.to_owned(),
        (ValueKind::Json | ValueKind::Jsonb, "22P05") => format!("[\"{MARK}\", \"\\u0000\"]"),
        // The greatest exponent that PostgreSQL reads is less.
        (ValueKind::Json | ValueKind::Jsonb, "22003") => "1e999999".to_owned(),
        (ValueKind::Bytea, "22P02") => "\\".to_owned(),
        (ValueKind::Bytea, "22023") => {
            let digits = bytes.get(2..).unwrap_or_default();
            let odd = digits.iter().all(u8::is_ascii_hexdigit);
            format!("\\x{}", if odd { "0" } else { NO_DIGIT })
        }
        _ => return None,
    };
    Some(match (kind, format) {
        (ValueKind::Jsonb, Format::Binary) => [&[1], text.as_bytes()].concat(),
        _ => text.into_bytes(),
    })
}

/// Whether an input function takes nothing that stands in for a value in the form `of` which was refused like this.
fn rejects(server: ValueKind, of: ValueKind, refusal: &Refusal) -> bool {
    match (of, server) {
        // What jsonb does not take for its numbers or characters is json.
        (ValueKind::Json | ValueKind::Jsonb, ValueKind::Json) => refusal.sqlstate == "22P02",
        (ValueKind::Json | ValueKind::Jsonb, ValueKind::Jsonb) => true,
        (ValueKind::Bytea, ValueKind::Bytea) => true,
        _ => false,
    }
}

/// Whether what stands in for this slot's value is surely rejected, whatever type its column has by now. `types` are those
/// that the server takes the statement's parameters for.
pub(super) fn is_rejected(
    slot: &Slot,
    refusal: &Refusal,
    as_parameters: bool,
    types: &[Oid],
) -> bool {
    let server = match &slot.source {
        SlotSource::Literal { .. } if !as_parameters => return true,
        SlotSource::Literal { stands, .. } => Some(stands.unwrap_or(slot.column.kind)),
        SlotSource::Param { number, .. } => {
            let at = usize::from(*number).checked_sub(1);
            let type_oid = at.and_then(|at| types.get(at));
            type_oid.and_then(|type_oid| kind_of(*type_oid, slot.elements))
        }
    };
    server.is_some_and(|server| rejects(server, form_of_slot(slot), refusal))
}

/// The cast that goes behind a constant that stands in for another: it fails as soon as it is read.
pub(super) fn cast(slot: &Slot) -> String {
    let kind = match form_of_slot(slot) {
        ValueKind::Json => ValueKind::Jsonb,
        kind => kind,
    };
    let elements = if slot.elements { "[]" } else { "" };
    format!("::{}{elements}", kind.type_name())
}

fn form_of_slot(slot: &Slot) -> ValueKind {
    let (SlotSource::Literal { kind, .. } | SlotSource::Param { kind, .. }) = &slot.source;
    form_of(&slot.column, (*kind, Format::Text)).0
}

fn kind_of(type_oid: Oid, elements: bool) -> Option<ValueKind> {
    match (type_oid.0, elements) {
        (114, false) | (199, true) => Some(ValueKind::Json),
        (3802, false) | (3807, true) => Some(ValueKind::Jsonb),
        (17, false) | (1001, true) => Some(ValueKind::Bytea),
        _ => None,
    }
}

/// Whether this error names what stands in the place of the client's value.
pub(in crate::session) fn is_named(fields: &ErrorFields<'_>) -> bool {
    hint(fields).is_some()
}

/// Takes that out, and says what to do.
pub(in crate::session) fn unname(fields: &mut ErrorFields<'_>) {
    let Some(hint) = hint(fields) else {
        return;
    };
    let code = |code| matches!(code, b'D' | b'W' | b'H');
    fields.fields.retain(|(field, _)| !code(*field));
    for (field, text) in &mut fields.fields {
        if *field == b'M' && holds(text, NO_DIGIT) {
            *text = b"invalid hexadecimal digit";
        }
    }
    fields.fields.push((b'H', hint.as_bytes()));
}

fn hint(fields: &ErrorFields<'_>) -> Option<&'static str> {
    let names = |field, what| fields.get(field).is_some_and(|text| holds(text, what));
    match fields.get(b'C')? {
        b"22P02" | b"22P05" if names(b'D', MARK) || names(b'W', MARK) => {
            Some("Send valid JSON. See docs/errors.md#invalid-json.")
        }
        b"22023" if names(b'M', NO_DIGIT) => {
            Some("Write it as '\\x…' in hexadecimal digits. See docs/errors.md#invalid-bytea.")
        }
        _ => None,
    }
}

fn holds(text: &[u8], what: &str) -> bool {
    text.windows(what.len())
        .any(|window| window == what.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(fields: &[(u8, &str)]) -> Vec<(char, String)> {
        let fields = fields.iter().map(|(code, text)| (*code, text.as_bytes()));
        let mut fields = ErrorFields {
            fields: fields.collect(),
        };
        unname(&mut fields);
        let shown = |(code, text): &(u8, &[u8])| {
            (
                char::from(*code),
                String::from_utf8_lossy(text).into_owned(),
            )
        };
        fields.fields.iter().map(shown).collect()
    }

    #[test]
    fn what_stands_in_a_values_place_is_not_shown() {
        let json = told(&[
            (b'C', "22P02"),
            (b'M', "invalid input syntax for type json"),
            (b'D', "Token \"_pgseal_unfit\" is invalid."),
            (b'P', "7"),
            (b'W', "JSON data, line 1: _pgseal_unfit"),
        ]);
        assert_eq!(
            json.iter().map(|(code, _)| *code).collect::<String>(),
            "CMPH"
        );
        let hex = told(&[
            (b'C', "22023"),
            (b'M', "invalid hexadecimal digit: \"\u{1}\""),
        ]);
        assert_eq!(hex[1].1, "invalid hexadecimal digit");
        assert!(hex[2].1.ends_with("#invalid-bytea."));
    }

    #[test]
    fn an_error_of_the_clients_own_value_is_shown_whole() {
        let other = [(b'C', "22P02"), (b'D', "Token \"bad\" is invalid.")];
        assert_eq!(told(&other).len(), 2);
        assert_eq!(told(&[(b'C', "23505"), (b'D', "(_pgseal_unfit)")]).len(), 2);
    }
}
