//! Opening values along their lineage: a whole value, or sealed values where they stand in a text, a JSON document, an
//! array or a record.

mod document;

use std::ops::Range;
use std::sync::Arc;

use crate::keys::KeyWants;
use crate::model::{Format, Oid, Plain, Refusal, TenantId, ValueKind, tenant_text};
use crate::plan::{Lineage, Member, Shape};
use crate::rules::ProtectedColumn;
use crate::seal::{self, Parsed, SealError, SealedValue};
use crate::wire::{WireError, composite};

use super::opening::KeyOf;

/// The JSONB version that stands before a document in binary format.
const JSONB_VERSION: u8 = 1;

/// A result column, for messages.
pub(super) struct Place<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// Its position, from 0.
    pub(super) index: usize,
}

/// Opens the sealed values of one result column.
pub(super) struct Opening<'a, 'k> {
    pub(super) place: Place<'a>,
    /// The tenant that the row says it is of.
    pub(super) tenant: Option<String>,
    pub(super) key_of: KeyOf<'k>,
    /// Keys that are not here yet.
    pub(super) wants: &'a mut KeyWants,
    /// Only the keys are asked for: nothing is decrypted.
    pub(super) peek: bool,
}

type Edit = (Range<usize>, Vec<u8>);
type Changed = Result<Option<Vec<u8>>, Refusal>;

impl Opening<'_, '_> {
    /// A value of this type and format, opened; `None`: it stays as it is.
    ///
    /// # Errors
    /// When it cannot be given to the client.
    pub(super) fn value(
        &mut self,
        lineage: &Lineage,
        type_oid: Oid,
        format: Format,
        bytes: &[u8],
    ) -> Changed {
        let shape = match lineage {
            Lineage::None => return Ok(None),
            Lineage::Exact(_) | Lineage::Maybe(_) => {
                let columns = columns(lineage);
                let Some(kind) = kind_of(type_oid, columns) else {
                    return Ok(None);
                };
                let parsed = seal::parse(kind, format, bytes);
                let plain = self.plain(columns, is_strict(lineage), parsed)?;
                return Ok(plain.map(|plain| seal::present(kind, format, plain)));
            }
            Lineage::Within(shape) => shape.as_ref(),
        };
        match shape {
            Shape::Cast { of, to } => self.document(*to, format, bytes, |opening, text| {
                opening.cast(of, *to, text)
            }),
            Shape::Text { parts, count } => {
                if is_text(type_oid) {
                    self.text(parts, *count, bytes)
                } else {
                    Err(self.misplaced(lineage))
                }
            }
            Shape::Json { of, to } => self.document(*to, format, bytes, |opening, text| {
                opening.json_text(text, of, *to == ValueKind::Jsonb)
            }),
            Shape::Array(_) | Shape::Items(_) => self.array(shape, format, bytes),
            Shape::Record(members) => self.record(members, format, bytes),
            Shape::Members(_) | Shape::Unclear(_) => Err(self.misplaced(lineage)),
        }
    }

    /// A value whose text form stands behind a version byte when it is jsonb in binary format.
    fn document(
        &mut self,
        to: ValueKind,
        format: Format,
        bytes: &[u8],
        open: impl FnOnce(&mut Self, &[u8]) -> Changed,
    ) -> Changed {
        if to != ValueKind::Jsonb || format == Format::Text {
            return open(self, bytes);
        }
        let Some(text) = bytes.strip_prefix(&[JSONB_VERSION]) else {
            return Err(malformed(&WireError::Value("jsonb")));
        };
        let opened = open(self, text)?;
        Ok(opened.map(|text| [&[JSONB_VERSION], text.as_slice()].concat()))
    }

    /// Opens what comes from a row of this tenant, where the row says so.
    fn of_tenant<T>(
        &mut self,
        tenant: Option<String>,
        open: impl FnOnce(&mut Self) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let outer = std::mem::replace(&mut self.tenant, tenant);
        let opened = open(self);
        self.tenant = outer;
        opened
    }

    /// One value that may be sealed, in its plaintext.
    fn plain(
        &mut self,
        columns: &[Arc<ProtectedColumn>],
        strict: bool,
        parsed: Result<Parsed, SealError>,
    ) -> Result<Option<Plain>, Refusal> {
        let sealed = match parsed {
            Ok(Parsed::Sealed(sealed)) => sealed,
            Ok(Parsed::NotSealed) if strict => {
                return Err(self.refusal(
                    columns,
                    "SV002",
                    "is not sealed",
                    "Somebody stored it past pgseal. Seal it, or set the column's state to \"migrating\". See docs/errors.md#sv002.",
                ));
            }
            Ok(Parsed::NotSealed) => return Ok(None),
            // Where other values may stand too, one that only begins like a sealed one is such a value.
            Err(_) if !strict => return Ok(None),
            Err(_) => return Err(self.damaged(columns)),
        };
        let plain = self.opened(columns, &sealed)?;
        if plain.is_none() && !self.peek && self.wants.is_empty() {
            return Err(self.damaged(columns));
        }
        Ok(plain)
    }

    /// The plaintext; `None`: its key is not here yet, or it belongs to none of these columns.
    fn opened(
        &mut self,
        columns: &[Arc<ProtectedColumn>],
        sealed: &SealedValue,
    ) -> Result<Option<Plain>, Refusal> {
        let key = match (self.key_of)(sealed.kid()) {
            None => {
                self.wants.open.insert(sealed.kid());
                return Ok(None);
            }
            Some(_) if self.peek => return Ok(None),
            Some(key) => key?,
        };
        if key.tenant != TenantId::deployment()
            && self
                .tenant
                .as_ref()
                .is_some_and(|tenant| tenant != key.tenant.as_str())
        {
            return Err(self.refusal(
                columns,
                "SV008",
                "belongs to another tenant than its row",
                "The value was moved between rows. Restore it from where it belongs. See docs/errors.md#sv008.",
            ));
        }
        Ok(columns
            .iter()
            .find_map(|column| seal::open(&key, &column.label, column.domain(), sealed).ok()))
    }

    /// The text form of a value that was cast to another type.
    fn cast(&mut self, of: &Lineage, to: ValueKind, text: &[u8]) -> Changed {
        let columns = columns(of);
        let Some(from) = columns.first().map(|column| column.kind) else {
            return Ok(None);
        };
        let parsed = seal::parse(from, Format::Text, text);
        match self.plain(columns, is_strict(of), parsed)? {
            None => Ok(None),
            Some(plain) if to == ValueKind::Jsonb => normalised(from, &plain).map(Some),
            Some(plain) => Ok(Some(seal::present(from, Format::Text, plain))),
        }
    }

    /// A text with tokens in it.
    fn text(&mut self, parts: &[Lineage], count: Option<usize>, text: &[u8]) -> Changed {
        let mut edits: Vec<Edit> = Vec::new();
        let (mut from, mut found) = (0, 0);
        while let Some(token) = seal::find(text, from) {
            match self.token(parts, text, token.clone())? {
                Some((range, new)) => {
                    from = range.end;
                    edits.push((range, new));
                    found += 1;
                }
                // Its last character may be the first of the next.
                None => from = token.end - 1,
            }
        }
        if self.peek || !self.wants.is_empty() {
            return Ok(None);
        }
        if count.is_some_and(|count| count != found) {
            let columns: Vec<_> = parts.iter().flat_map(columns).cloned().collect();
            return Err(self.refusal(
                &columns,
                "SV001",
                "cannot be told from another sealed value in the same text",
                "The text holds more or fewer sealed values than it is made of. Select the columns one by one. See docs/errors.md#sv001.",
            ));
        }
        Ok((!edits.is_empty()).then(|| composite::spliced(text, &edits)))
    }

    /// A token in a text, with the quotes of JSON around it if it is one of a json column.
    fn token(
        &mut self,
        parts: &[Lineage],
        text: &[u8],
        range: Range<usize>,
    ) -> Result<Option<Edit>, Refusal> {
        let Some(Ok(Parsed::Sealed(sealed))) = text
            .get(range.clone())
            .map(|token| seal::parse(ValueKind::Text, Format::Text, token))
        else {
            return Ok(None);
        };
        for part in parts {
            let (of, to) = match part {
                Lineage::Within(shape) => match shape.as_ref() {
                    Shape::Cast { of, to } => (of, Some(*to)),
                    _ => continue,
                },
                part => (part, None),
            };
            let Some(plain) = self.opened(columns(of), &sealed)? else {
                continue;
            };
            let from = columns(of).first().map(|column| column.kind);
            if !matches!(from, Some(ValueKind::Json | ValueKind::Jsonb)) {
                return Ok(Some((range, plain.expose().to_vec())));
            }
            let before = range.start.checked_sub(1);
            let Some(start) = before.filter(|at| text.get(*at) == Some(&b'"')) else {
                return Ok(None);
            };
            if text.get(range.end) != Some(&b'"') {
                return Ok(None);
            }
            let new = match to {
                Some(ValueKind::Jsonb) => normalised(ValueKind::Json, &plain)?,
                _ => plain.expose().to_vec(),
            };
            return Ok(Some((start..range.end + 1, new)));
        }
        Ok(None)
    }

    fn array(&mut self, shape: &Shape, format: Format, bytes: &[u8]) -> Changed {
        let parts = composite::elements(format, bytes).map_err(|error| malformed(&error))?;
        if matches!(shape, Shape::Items(items) if items.len() != parts.len()) {
            return self.unexpected(&Lineage::Within(Arc::new(shape.clone())), bytes);
        }
        let mut edits = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            let lineage = match shape {
                Shape::Array(of) => Some(of),
                Shape::Items(items) => items.get(at),
                _ => None,
            };
            let (Some(lineage), Some(value)) = (lineage, &part.value) else {
                continue;
            };
            if let Some(new) = self.value(lineage, part.type_oid, format, value)? {
                let new = composite::element(format, new).map_err(|error| malformed(&error))?;
                edits.push((part.range.clone(), new));
            }
        }
        Ok((!edits.is_empty()).then(|| composite::spliced(bytes, &edits)))
    }

    fn record(&mut self, members: &[Member], format: Format, bytes: &[u8]) -> Changed {
        let parts = composite::fields(format, bytes).map_err(|error| malformed(&error))?;
        if parts.len() != members.len() {
            return Err(changed());
        }
        let mut edits = Vec::new();
        for (member, part) in members.iter().zip(&parts) {
            let Some(value) = &part.value else { continue };
            let tenant = member.tenant.and_then(|at| parts.get(at)).and_then(|part| {
                part.value
                    .as_ref()
                    .and_then(|value| tenant_text(part.type_oid, format, value))
            });
            let opened = self.of_tenant(tenant, |opening| {
                opening.value(&member.lineage, part.type_oid, format, value)
            })?;
            if let Some(new) = opened {
                let new = composite::field(format, new).map_err(|error| malformed(&error))?;
                edits.push((part.range.clone(), new));
            }
        }
        Ok((!edits.is_empty()).then(|| composite::spliced(bytes, &edits)))
    }

    /// Something else than the lineage says, as the constant of a COALESCE: nothing sealed may stand in it.
    fn unexpected(&self, lineage: &Lineage, text: &[u8]) -> Changed {
        let bytea = memchr::memmem::find(text, b"xf87376").is_some();
        if bytea || seal::find(text, 0).is_some() {
            Err(self.misplaced(lineage))
        } else {
            Ok(None)
        }
    }

    fn damaged(&self, columns: &[Arc<ProtectedColumn>]) -> Refusal {
        self.refusal(
            columns,
            "SV001",
            "cannot be authenticated",
            "It was changed, cut short, or moved from another column. Restore the row from a backup. See docs/errors.md#sv001.",
        )
    }

    fn misplaced(&self, lineage: &Lineage) -> Refusal {
        self.refusal(
            columns(first_leaf(lineage)),
            "0A000",
            "stands in a result of another form than was planned",
            "Select the column by itself. See docs/errors.md#changed-meanwhile.",
        )
    }

    fn refusal(
        &self,
        columns: &[Arc<ProtectedColumn>],
        sqlstate: &'static str,
        what: &str,
        hint: &str,
    ) -> Refusal {
        let named = columns
            .first()
            .map(|column| column.full_name())
            .unwrap_or_default();
        Refusal::new(sqlstate, format!("a value of {named} {what}"), hint).with_detail(format!(
            "It stands in result column \"{}\" (number {}).",
            self.place.name,
            self.place.index + 1
        ))
    }
}

/// The columns of a whole value.
fn columns(lineage: &Lineage) -> &[Arc<ProtectedColumn>] {
    match lineage {
        Lineage::Exact(column) => std::slice::from_ref(column),
        Lineage::Maybe(columns) => columns,
        Lineage::Within(shape) => match shape.as_ref() {
            Shape::Cast { of, .. } => columns(of),
            _ => &[],
        },
        Lineage::None => &[],
    }
}

/// The first part that is a whole value.
fn first_leaf(lineage: &Lineage) -> &Lineage {
    let Lineage::Within(shape) = lineage else {
        return lineage;
    };
    match shape.as_ref() {
        Shape::Cast { of, .. } | Shape::Json { of, .. } | Shape::Array(of) | Shape::Members(of) => {
            first_leaf(of)
        }
        Shape::Text { parts, .. } | Shape::Items(parts) => parts
            .iter()
            .map(first_leaf)
            .find(|leaf| leaf != &&Lineage::None)
            .unwrap_or(lineage),
        Shape::Record(members) => members
            .iter()
            .map(|member| first_leaf(&member.lineage))
            .find(|leaf| leaf != &&Lineage::None)
            .unwrap_or(lineage),
        Shape::Unclear(_) => lineage,
    }
}

/// Whether a value that is not sealed is an error.
fn is_strict(lineage: &Lineage) -> bool {
    matches!(lineage, Lineage::Exact(column) if column.is_strict())
}

/// Whether some part of it must be there.
fn is_sure(lineage: &Lineage) -> bool {
    match lineage {
        Lineage::None | Lineage::Maybe(_) => false,
        Lineage::Exact(_) => true,
        Lineage::Within(shape) => match shape.as_ref() {
            Shape::Cast { of, .. }
            | Shape::Json { of, .. }
            | Shape::Array(of)
            | Shape::Members(of) => is_sure(of),
            Shape::Text { parts, .. } | Shape::Items(parts) => parts.iter().any(is_sure),
            Shape::Record(members) => members.iter().any(|member| is_sure(&member.lineage)),
            Shape::Unclear(_) => true,
        },
    }
}

/// A json value's plaintext as jsonb prints it.
fn normalised(kind: ValueKind, plain: &Plain) -> Result<Vec<u8>, Refusal> {
    match kind {
        ValueKind::Json => seal::canonical(ValueKind::Jsonb, Format::Text, None, plain.expose())
            .map(|plain| plain.expose().to_vec()),
        _ => Ok(plain.expose().to_vec()),
    }
}

/// pg_type's `text`, `varchar`, `bpchar`, `unknown`; 0 where only the plan knows.
fn is_text(type_oid: Oid) -> bool {
    matches!(type_oid, Oid(0 | 25 | 1043 | 1042 | 705))
}

/// By the type that the server describes: pg_type's `text`, `varchar`, `bpchar`, `unknown`, `json`, `jsonb`, `bytea`.
fn kind_of(type_oid: Oid, candidates: &[Arc<ProtectedColumn>]) -> Option<ValueKind> {
    match type_oid {
        Oid(25 | 1043 | 1042 | 705) => Some(ValueKind::Text),
        Oid(114) => Some(ValueKind::Json),
        Oid(3802) => Some(ValueKind::Jsonb),
        Oid(17) => Some(ValueKind::Bytea),
        // A domain's own OID.
        _ => candidates.first().map(|column| column.kind),
    }
}

/// The result is not made as it was planned.
pub(super) fn changed() -> Refusal {
    Refusal::new(
        "0A000",
        "a result has other columns than were planned",
        "The table was changed meanwhile: run the statement again. See docs/errors.md#changed-meanwhile.",
    )
}

fn malformed(error: &WireError) -> Refusal {
    Refusal::new(
        "XX000",
        format!("a result value cannot be read: {error}"),
        "Please report this statement's shape. See docs/errors.md#internal.",
    )
}
