//! Rows of COPY TO on their way to the client: sealed values are opened and written as PostgreSQL would have.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use bytes::BytesMut;

use crate::keys::KeyWants;
use crate::model::{CopyStyle, Oid, Refusal, ValueKind};
use crate::plan::{CopyPlan, Lineage, Planner, Shape, StatementPlan};
use crate::session::opening::{KeyOf, Opener, Row};
use crate::wire::copy::{CopyFault, Field, FieldValue, Item, ItemKind, Rows, Scan};
use crate::wire::message::{DataRow, Field as Described, RowDescription};

/// A COPY TO under way.
pub(super) struct Outgoing {
    plan: Arc<CopyPlan>,
    opener: Opener,
    rows: Rows,
    scan: Scan,
    /// The beginning of a row that is not whole yet.
    tail: Vec<u8>,
    /// Columns whose values are looked at, in order.
    watched: Vec<usize>,
}

/// Why a frame's rows are not opened.
pub(super) enum Unopened {
    /// These keys are needed first.
    Wants(KeyWants),
    /// They will not be.
    Refused(Refusal),
}

impl Outgoing {
    /// `None` when nothing in the rows is sealed.
    ///
    /// # Errors
    /// When the plan does not fit.
    pub(super) fn new(
        planner: &Planner,
        statement: &StatementPlan,
        plan: &Arc<CopyPlan>,
    ) -> Result<Option<Self>, Refusal> {
        // COPY has no RowDescription: it is made from the plan.
        let binary = i16::from(plan.format.style == CopyStyle::Binary);
        let fields = plan.columns.iter().map(|column| Described {
            name: column.name.as_bytes(),
            table: column.origin.map_or(Oid(0), |origin| origin.table),
            attnum: column.origin.map_or(0, |origin| origin.attnum),
            type_oid: type_of(&column.lineage, column.type_oid),
            type_len: -1,
            type_mod: -1,
            format: binary,
        });
        let description = RowDescription {
            fields: fields.collect(),
        };
        let Some(opener) = Opener::new(planner, statement, &description)? else {
            return Ok(None);
        };
        let watched = plan.columns.iter().enumerate().filter(|(_, column)| {
            let tenant = column
                .origin
                .is_some_and(|origin| planner.tenant_column(origin.table) == Some(origin.attnum));
            tenant || !matches!(column.lineage, Lineage::None)
        });
        Ok(Some(Self {
            watched: watched.map(|(index, _)| index).collect(),
            rows: Rows::new(plan.format.clone(), false),
            plan: Arc::clone(plan),
            opener,
            scan: Scan::default(),
            tail: Vec::new(),
        }))
    }

    /// Whether a row is only half here.
    pub(super) fn is_inside(&self) -> bool {
        !self.tail.is_empty()
    }

    /// Opens the rows of a frame and appends them to `out`. Without effect unless it succeeds.
    pub(super) fn open<'f>(
        &mut self,
        body: &[u8],
        following: impl Iterator<Item = &'f [u8]>,
        key_of: KeyOf<'_>,
        out: &mut BytesMut,
    ) -> Result<(), Unopened> {
        let joined;
        let data = if self.tail.is_empty() {
            body
        } else {
            joined = [self.tail.as_slice(), body].concat();
            joined.as_slice()
        };
        let mut scan = self.scan;
        let mut fields = Vec::new();
        loop {
            let before = scan;
            let next = self.rows.next(data, &mut scan, false, &mut fields);
            let Some(item) = next.map_err(|fault| Unopened::Refused(unreadable(fault)))? else {
                break;
            };
            if let Err(unopened) = self.item(data, &item, &fields, key_of, out) {
                return Err(match unopened {
                    Unopened::Wants(mut wants) => {
                        self.ahead(data, before, key_of, &mut wants);
                        // Each frame holds a row, as a rule.
                        following.for_each(|body| {
                            let mut scan = before;
                            scan.rebase();
                            self.ahead(body, scan, key_of, &mut wants);
                        });
                        Unopened::Wants(wants)
                    }
                    refused => refused,
                });
            }
        }
        let rest = data.get(scan.at()..).unwrap_or_default().to_vec();
        scan.rebase();
        (self.tail, self.scan) = (rest, scan);
        Ok(())
    }

    fn item(
        &self,
        data: &[u8],
        item: &Item,
        fields: &[Field],
        key_of: KeyOf<'_>,
        out: &mut BytesMut,
    ) -> Result<(), Unopened> {
        let raw = data.get(item.span.clone()).unwrap_or_default();
        if item.kind != ItemKind::Row {
            out.extend_from_slice(raw);
            return Ok(());
        }
        let (body, row) = self.values(data, fields)?;
        match self.opener.open(&body, &row, key_of) {
            Row::Unchanged => out.extend_from_slice(raw),
            Row::Wants(wants) => return Err(Unopened::Wants(wants)),
            Row::Failed(refusal) => return Err(Unopened::Refused(refusal)),
            Row::Opened(values) => {
                let new: Vec<(usize, Cow<'_, [u8]>)> = values
                    .into_iter()
                    .map(|(index, value)| (index, Cow::Owned(value)))
                    .collect();
                let quoted = |index: usize| {
                    let column = self.plan.columns.get(index);
                    column.is_some_and(|column| column.force_quote)
                };
                self.rows.write(data, item, fields, &new, quoted, out);
            }
        }
        Ok(())
    }

    /// The values that the opener looks at, as if they were a DataRow's.
    fn values(&self, data: &[u8], fields: &[Field]) -> Result<(Vec<u8>, DataRow), Unopened> {
        if fields.len() != self.plan.columns.len() {
            return Err(Unopened::Refused(super::changed_meanwhile()));
        }
        let mut body = Vec::new();
        let mut values: Vec<Option<Range<usize>>> = vec![None; fields.len()];
        for index in &self.watched {
            let (Some(field), Some(place)) = (fields.get(*index), values.get_mut(*index)) else {
                continue;
            };
            if let FieldValue::Data(value) = self.rows.value(data, field, false, false) {
                let start = body.len();
                body.extend_from_slice(&value);
                *place = Some(start..body.len());
            }
        }
        Ok((body, DataRow { values }))
    }

    /// The keys of rows further on that are not here either.
    fn ahead(&self, data: &[u8], mut scan: Scan, key_of: KeyOf<'_>, wants: &mut KeyWants) {
        let mut fields = Vec::new();
        while let Ok(Some(item)) = self.rows.next(data, &mut scan, false, &mut fields) {
            if item.kind == ItemKind::Row
                && let Ok((body, row)) = self.values(data, &fields)
            {
                self.opener.wants(&body, &row, key_of, wants);
            }
        }
    }
}

/// The type that says how a value is read: that of the column, or of the text in which values stand. What is built
/// otherwise says it itself.
fn type_of(lineage: &Lineage, own: Oid) -> Oid {
    let kind = match lineage {
        Lineage::Exact(sealed) => Some(sealed.kind),
        Lineage::Maybe(columns) => columns.first().map(|sealed| sealed.kind),
        Lineage::Within(shape) => match shape.as_ref() {
            Shape::Text { .. } => Some(ValueKind::Text),
            _ => None,
        },
        Lineage::None => None,
    };
    // `pg_type`'s fixed OIDs.
    match kind {
        Some(ValueKind::Text) => Oid(25),
        Some(ValueKind::Json) => Oid(114),
        Some(ValueKind::Jsonb) => Oid(3802),
        Some(ValueKind::Bytea) => Oid(17),
        None => own,
    }
}

pub(super) fn unreadable(fault: CopyFault) -> Refusal {
    Refusal::new(
        "XX000",
        format!("the rows of the COPY cannot be read: {fault}"),
        "Please report the statement's shape. See docs/errors.md#internal.",
    )
}
