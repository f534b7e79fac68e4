//! Sealed values where they stand in a JSON document.

use std::borrow::Cow;
use std::ops::Range;

use crate::model::{Format, Refusal, ValueKind};
use crate::plan::{Lineage, Shape};
use crate::seal::{self, Parsed};
use crate::wire::{composite, json};

use super::{Changed, Edit, Opening, changed, columns, is_strict, is_sure, normalised};

/// The dimensions that an array has at most (`MAXDIM` of PostgreSQL). A document that somebody else wrote may stand in its
/// place, nested as deeply as they like.
const DIMENSIONS: usize = 6;

impl Opening<'_, '_> {
    /// A whole JSON document.
    pub(super) fn json_text(&mut self, text: &[u8], of: &Lineage, jsonb: bool) -> Changed {
        let mut edits = Vec::new();
        self.json(
            text,
            json::trimmed(text, 0..text.len()),
            of,
            jsonb,
            &mut edits,
        )?;
        Ok((!edits.is_empty()).then(|| composite::spliced(text, &edits)))
    }

    /// A value of a JSON document: adds what is to be replaced in it. `jsonb`: the document has been one.
    pub(super) fn json(
        &mut self,
        doc: &[u8],
        node: Range<usize>,
        lineage: &Lineage,
        jsonb: bool,
        edits: &mut Vec<Edit>,
    ) -> Result<(), Refusal> {
        let text = doc.get(node.clone()).unwrap_or_default();
        if lineage == &Lineage::None || text == b"null" {
            return Ok(());
        }
        let shape = match lineage {
            Lineage::Within(shape) => shape.as_ref(),
            _ => {
                let new = self.json_scalar(lineage, text, jsonb)?;
                edits.extend(new.map(|new| (node, new)));
                return Ok(());
            }
        };
        let opened = match shape {
            Shape::Cast { of, to } if *to != ValueKind::Text => {
                self.json_scalar(of, text, jsonb || *to == ValueKind::Jsonb)?
            }
            Shape::Cast { .. }
            | Shape::Text { .. }
            | Shape::Json {
                to: ValueKind::Text,
                ..
            } => {
                let inner = json::string(text).unwrap_or_default();
                let opened = match shape {
                    Shape::Cast { of, to } => self.cast(of, *to, &inner)?,
                    Shape::Text { parts, count } => self.text(parts, *count, &inner)?,
                    Shape::Json { of, .. } => self.json_text(&inner, of, false)?,
                    _ => None,
                };
                opened.map(|text| json::quoted(&text))
            }
            Shape::Json { of, to } => {
                return self.json(doc, node, of, jsonb || *to == ValueKind::Jsonb, edits);
            }
            Shape::Array(_) | Shape::Items(_) => {
                return self.json_array(doc, node, lineage, jsonb, edits);
            }
            Shape::Record(_) | Shape::Members(_) => {
                return self.json_object(doc, node, lineage, jsonb, edits);
            }
            Shape::Unclear(_) => return Err(self.misplaced(lineage)),
        };
        edits.extend(opened.map(|new| (node, new)));
        Ok(())
    }

    /// A value that a column's own value became.
    pub(super) fn json_scalar(&mut self, lineage: &Lineage, text: &[u8], jsonb: bool) -> Changed {
        let columns = columns(lineage);
        let Some(kind) = columns.first().map(|column| column.kind) else {
            return Ok(None);
        };
        let is_json = matches!(kind, ValueKind::Json | ValueKind::Jsonb);
        let value = match is_json {
            true => Some(Cow::Borrowed(text)),
            false => json::string(text).map(Cow::Owned),
        };
        let parsed = match value {
            Some(value) => seal::parse(kind, Format::Text, &value),
            None => Ok(Parsed::NotSealed),
        };
        match self.plain(columns, is_strict(lineage), parsed)? {
            None => Ok(None),
            Some(plain) if is_json && jsonb => normalised(kind, &plain).map(Some),
            Some(plain) if is_json => Ok(Some(plain.expose().to_vec())),
            Some(plain) => Ok(Some(json::quoted(&seal::present(
                kind,
                Format::Text,
                plain,
            )))),
        }
    }

    pub(super) fn json_array(
        &mut self,
        doc: &[u8],
        node: Range<usize>,
        lineage: &Lineage,
        jsonb: bool,
        edits: &mut Vec<Edit>,
    ) -> Result<(), Refusal> {
        let Lineage::Within(shape) = lineage else {
            return Ok(());
        };
        match shape.as_ref() {
            Shape::Array(of) => {
                let scalars = elements_of(doc, node.clone(), may_be_array(of));
                let Some(scalars) = scalars else {
                    return self.unexpected_json(lineage, doc, node);
                };
                for element in scalars {
                    self.json(doc, element, of, jsonb, edits)?;
                }
                Ok(())
            }
            Shape::Items(items) => {
                let elements = json::elements(doc, node.clone());
                let Some(elements) = elements.filter(|found| found.len() == items.len()) else {
                    return self.unexpected_json(lineage, doc, node);
                };
                for (element, item) in elements.into_iter().zip(items) {
                    self.json(doc, element, item, jsonb, edits)?;
                }
                Ok(())
            }
            _ => self.unexpected_json(lineage, doc, node),
        }
    }

    pub(super) fn json_object(
        &mut self,
        doc: &[u8],
        node: Range<usize>,
        lineage: &Lineage,
        jsonb: bool,
        edits: &mut Vec<Edit>,
    ) -> Result<(), Refusal> {
        let Lineage::Within(shape) = lineage else {
            return Ok(());
        };
        let Some(found) = json::members(doc, node.clone()) else {
            return self.unexpected_json(lineage, doc, node);
        };
        let members = match shape.as_ref() {
            Shape::Members(of) => {
                for member in found {
                    self.json(doc, member.value, of, jsonb, edits)?;
                }
                return Ok(());
            }
            Shape::Record(members) => members,
            _ => return self.unexpected_json(lineage, doc, node),
        };
        let first = edits.len();
        // json keeps members of one name in their order, jsonb the last of them.
        let mut taken = vec![false; found.len()];
        for (at, member) in members.iter().enumerate() {
            let later = || members.iter().skip(at + 1);
            if jsonb && later().any(|other| other.name == member.name) {
                continue;
            }
            let place = found
                .iter()
                .zip(&mut taken)
                .find(|(candidate, taken)| !**taken && candidate.key == member.name.as_bytes());
            match place {
                Some((place, taken)) => {
                    *taken = true;
                    let named = member.tenant.and_then(|at| members.get(at));
                    // Of several members of that name it is not clear which one is meant.
                    let named = named.filter(|named| {
                        members.iter().filter(|m| m.name == named.name).count() == 1
                    });
                    let tenant = named.and_then(|named| {
                        json_tenant(doc, found.iter().find(|m| m.key == named.name.as_bytes())?)
                    });
                    self.of_tenant(tenant, |opening| {
                        opening.json(doc, place.value.clone(), &member.lineage, jsonb, edits)
                    })?;
                }
                None if is_sure(&member.lineage) => return Err(changed()),
                None => {}
            }
        }
        // Found in the order of the lineage; spliced in the order of the document.
        if let Some(own) = edits.get_mut(first..) {
            own.sort_by_key(|(range, _)| range.start);
        }
        Ok(())
    }

    pub(super) fn unexpected_json(
        &self,
        lineage: &Lineage,
        doc: &[u8],
        node: Range<usize>,
    ) -> Result<(), Refusal> {
        let text = doc.get(node).unwrap_or_default();
        self.unexpected(lineage, text).map(drop)
    }
}

/// The tenant that a member of a JSON object names.
pub(super) fn json_tenant(doc: &[u8], member: &json::Member) -> Option<String> {
    let node = doc.get(member.value.clone())?;
    match node.first()? {
        b'"' => String::from_utf8(json::string(node)?).ok(),
        b'0'..=b'9' | b'-' => String::from_utf8(node.to_vec()).ok(),
        _ => None,
    }
}

/// The elements of an array in this range; `None`: it holds none that PostgreSQL made of one. Those of inner dimensions
/// stand one after the other, unless an element may be an array itself (`whole`).
fn elements_of(doc: &[u8], node: Range<usize>, whole: bool) -> Option<Vec<Range<usize>>> {
    let mut elements = json::elements(doc, node)?;
    if whole {
        return Some(elements);
    }
    let is_array = |element: &Range<usize>| doc.get(element.start) == Some(&b'[');
    for _ in 1..DIMENSIONS {
        if !elements.iter().any(is_array) {
            break;
        }
        let mut inner = Vec::new();
        for element in elements {
            match is_array(&element) {
                true => inner.extend(json::elements(doc, element)?),
                false => inner.push(element),
            }
        }
        elements = inner;
    }
    (!elements.iter().any(is_array)).then_some(elements)
}

/// Whether a JSON array may stand for one element of this lineage.
pub(super) fn may_be_array(of: &Lineage) -> bool {
    match of {
        Lineage::Within(shape) => matches!(
            shape.as_ref(),
            Shape::Json { .. } | Shape::Array(_) | Shape::Items(_)
        ),
        whole => columns(whole)
            .iter()
            .any(|column| matches!(column.kind, ValueKind::Json | ValueKind::Jsonb)),
    }
}
