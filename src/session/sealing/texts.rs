//! Sealed values where they go: among a Bind's parameters, or as constants in the text.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::{SealedSlots, format_at, unfit, unused};
use crate::model::{Format, ValueKind};
use crate::plan::{Slot, SlotSource, Splice, StatementPlan};
use crate::wire::message::{Bind, Codes, FEW};

/// Format codes and values of a Bind.
pub(in crate::session) type BoundParams<'a> = (Codes, SmallVec<[Option<Cow<'a, [u8]>>; FEW]>);

/// A Bind's parameters with the sealed ones in place, then the copies, then one per literal.
pub(in crate::session) fn bound_params<'a>(
    plan: &StatementPlan,
    bind: &Bind<'a>,
    mut sealed: SealedSlots,
) -> BoundParams<'a> {
    let found = std::mem::take(&mut sealed.found);
    let guarded = sealed.kept_out.is_empty();
    let count = bind.params.len();
    let code = |format: Format| if format == Format::Binary { 1 } else { 0 };
    let mut formats: Codes = (0..count)
        .map(|index| code(format_at(&bind.formats, index)))
        .collect();
    let mut params: SmallVec<_> = bind
        .params
        .iter()
        .map(|value| value.map(Cow::Borrowed))
        .collect();
    for copy in &plan.copies {
        let original = usize::from(copy.original).saturating_sub(1);
        formats.push(code(format_at(&bind.formats, original)));
        params.push(
            bind.params
                .get(original)
                .copied()
                .flatten()
                .map(Cow::Borrowed),
        );
    }
    for (slot, value) in plan.slots.iter().zip(sealed.values) {
        let value = value.map(Cow::Owned);
        match &slot.source {
            SlotSource::Literal { .. } if !plan.takes_parameters() => {}
            SlotSource::Literal { .. } => {
                formats.push(0);
                params.push(value);
            }
            SlotSource::Param { number, .. } => {
                if let Some(place) = params.get_mut(usize::from(*number).saturating_sub(1)) {
                    *place = value;
                }
            }
        }
    }
    if !plan.takes_parameters() {
        // They stand in a text of their own.
        return (formats, params);
    }
    for found in found.into_iter().filter(|_| guarded) {
        formats.push(0);
        params.push(found.map(|found| Cow::Owned(found.into_bytes())));
    }
    (formats, params)
}

/// The edits that put a statement's own splices, its literals and its guards into a text; `literal` gives each literal's
/// new text, `found` that of each thing that was found.
pub(in crate::session) fn edits(
    plan: &StatementPlan,
    kept_out: &[Splice],
    mut literal: impl FnMut(usize) -> String,
    found: impl Fn(usize) -> String,
) -> Vec<Splice> {
    let mut edits: Vec<Splice> = plan.splices.iter().map(copy_of).collect();
    edits.extend(kept_out.iter().map(copy_of));
    if kept_out.is_empty() {
        edits.extend(plan.guarded(found));
    }
    for (index, slot) in plan.slots.iter().enumerate() {
        if let SlotSource::Literal { span, .. } = &slot.source {
            edits.push(Splice {
                span: span.clone(),
                text: literal(index),
            });
        }
    }
    edits
}

pub(super) fn insertion(place: &Splice, text: String) -> Splice {
    Splice {
        span: place.span.clone(),
        text,
    }
}

pub(super) fn copy_of(splice: &Splice) -> Splice {
    Splice {
        span: splice.span.clone(),
        text: splice.text.clone(),
    }
}

/// The edits of a text whose sealed values, and what was found, are constants.
pub(in crate::session) fn constant_edits(
    plan: &StatementPlan,
    sealed: &SealedSlots,
) -> Vec<Splice> {
    let value = |index: usize| {
        let value = quoted(sealed.values.get(index).and_then(|value| value.as_deref()));
        let mut unfit = sealed.unfit.iter();
        match plan.slots.get(index) {
            Some(slot) if unfit.any(|(at, _)| *at == index) => value + &unfit::cast(slot),
            _ => value,
        }
    };
    let found = |n: usize| text_quoted(sealed.found.get(n).and_then(Option::as_deref));
    edits(plan, &sealed.kept_out, value, found)
}

/// The constant that stays in a text to be prepared, in the place of one that the server rejects when it reads the
/// statement: before anything is bound.
pub(in crate::session) fn unread(slot: &Slot) -> Option<String> {
    match &slot.source {
        SlotSource::Literal {
            value,
            kind,
            stands: None | Some(ValueKind::Json | ValueKind::Jsonb | ValueKind::Bytea),
            ..
        } if slot.column.kind != ValueKind::Text => {
            let instead = unused(slot, (*kind, Format::Text), value.expose(), &mut None);
            let instead = instead.ok()??;
            Some(quoted(Some(&instead)) + &unfit::cast(slot))
        }
        _ => None,
    }
}

/// A sealed value as a string constant; tokens and hex bytea hold neither quotes nor escapes.
fn quoted(value: Option<&[u8]>) -> String {
    value
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .map_or_else(|| "NULL".to_owned(), |text| format!("'{text}'"))
}

/// What was found as a text constant, however the session reads backslashes.
fn text_quoted(found: Option<&str>) -> String {
    let Some(found) = found else {
        return "NULL::text".to_owned();
    };
    let text = found.replace('\'', "''");
    if text.contains('\\') {
        format!(" E'{}'::text", text.replace('\\', "\\\\"))
    } else {
        format!("'{text}'::text")
    }
}
