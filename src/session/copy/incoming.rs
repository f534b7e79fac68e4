//! Rows of COPY FROM on their way to the server: each value of a sealed column is sealed for its row's tenant.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::{Buf, BytesMut};

use crate::keys::KeyWants;
use crate::model::{CopyHeader, CopyStyle, Format, Refusal, TenantId};
use crate::plan::{CopyColumn, CopyPlan, CopyTenant, Lineage};
use crate::seal::{self, BTREE_LIMIT, Nonces};
use crate::session::frame_too_large;
use crate::session::sealing::{ActiveKey, Unsealed, key_owner, too_long_to_search};
use crate::wire::copy::{CopyFault, Field, FieldValue, Item, ItemKind, Rows, Scan};

/// A COPY FROM under way.
pub(super) struct Incoming {
    plan: Arc<CopyPlan>,
    /// Whose all rows are, where the rows do not say it.
    tenant: Option<TenantId>,
    rows: Rows,
    scan: Scan,
    /// What has arrived and is not sealed yet.
    pub(super) buf: BytesMut,
    fields: Vec<Field>,
    nonces: Option<Nonces>,
    /// The tenant of the row before, with what its field said.
    last: Option<(Vec<u8>, TenantId)>,
    /// The end marker has passed: what follows is no data.
    ended: bool,
    /// The longest row, in bytes.
    limit: usize,
}

impl Incoming {
    /// `csv_marker`: whether a CSV line of `\.` ends the data.
    pub(super) fn new(
        plan: Arc<CopyPlan>,
        tenant: Option<TenantId>,
        csv_marker: bool,
        limit: usize,
    ) -> Self {
        Self {
            rows: Rows::new(plan.format.clone(), csv_marker),
            plan,
            tenant,
            scan: Scan::default(),
            buf: BytesMut::new(),
            fields: Vec::new(),
            nonces: None,
            last: None,
            ended: false,
            limit,
        }
    }

    /// Seals the rows that have wholly arrived and appends them to `out`. `whole`: nothing follows.
    ///
    /// Where keys are missing, the rows before are written, the others stay, and the keys of all of them are wanted.
    pub(super) fn seal(
        &mut self,
        whole: bool,
        active: ActiveKey<'_>,
        out: &mut BytesMut,
    ) -> Result<(), Unsealed> {
        let sealed = self.seal_rows(whole, active, out);
        self.buf.advance(self.scan.at());
        self.scan.rebase();
        if self.ended && self.plan.format.style != CopyStyle::Binary {
            self.buf.clear();
        }
        sealed?;
        if self.buf.len() > self.limit {
            return Err(frame_too_large(self.buf.len()).into());
        }
        Ok(())
    }

    fn seal_rows(
        &mut self,
        whole: bool,
        active: ActiveKey<'_>,
        out: &mut BytesMut,
    ) -> Result<(), Unsealed> {
        // A buffer of its own while its rows are borrowed.
        let buf = std::mem::take(&mut self.buf);
        let mut fields = std::mem::take(&mut self.fields);
        let result = loop {
            if self.ended && self.plan.format.style != CopyStyle::Binary {
                break Ok(());
            }
            let mut scan = self.scan;
            let item = match self.rows.next(&buf, &mut scan, whole, &mut fields) {
                Ok(item) => item,
                Err(fault) => break Err(self.fault(fault).into()),
            };
            let done = match &item {
                None => {
                    // How far a row that is not whole was looked at.
                    self.scan = scan;
                    break Ok(());
                }
                Some(item) => self.item(&buf, item, &fields, active, out),
            };
            match done {
                Ok(()) => self.scan = scan,
                Err(Unsealed::Wants(mut wants)) => {
                    self.ahead(&buf, scan, active, &mut wants);
                    break Err(Unsealed::Wants(wants));
                }
                Err(refused) => break Err(refused),
            }
        };
        (self.buf, self.fields) = (buf, fields);
        result
    }

    fn item(
        &mut self,
        data: &[u8],
        item: &Item,
        fields: &[Field],
        active: ActiveKey<'_>,
        out: &mut BytesMut,
    ) -> Result<(), Unsealed> {
        let raw = data.get(item.span.clone()).unwrap_or_default();
        match item.kind {
            ItemKind::Row => self.row(data, item, fields, active, out),
            ItemKind::Header if self.plan.format.style == CopyStyle::Binary => {
                out.extend_from_slice(raw);
                Ok(())
            }
            ItemKind::Header => self.header(data, item, fields, out),
            ItemKind::End => {
                self.ended = true;
                if self.plan.format.style == CopyStyle::Binary {
                    out.extend_from_slice(raw);
                }
                Ok(())
            }
        }
    }

    /// The header line goes as it is if it is one. Else it may be a row, whose values the server must not see; where
    /// nobody compares it, an empty line takes its place.
    fn header(
        &self,
        data: &[u8],
        item: &Item,
        fields: &[Field],
        out: &mut BytesMut,
    ) -> Result<(), Unsealed> {
        let names = self.plan.columns.iter();
        let is = |(column, field): (&CopyColumn, &Field)| {
            let value = self.rows.value(data, field, true, false);
            matches!(value, FieldValue::Data(name) if *name == *column.name.as_bytes())
        };
        if fields.len() == self.plan.columns.len() && names.zip(fields).all(is) {
            out.extend_from_slice(data.get(item.span.clone()).unwrap_or_default());
            return Ok(());
        }
        if self.plan.format.header == CopyHeader::Match {
            return Err(self
                .refusal(
                    "the header line does not name the columns of the COPY",
                    None,
                )
                .into());
        }
        out.extend_from_slice(data.get(item.eol.clone()).unwrap_or_default());
        Ok(())
    }

    fn row(
        &mut self,
        data: &[u8],
        item: &Item,
        fields: &[Field],
        active: ActiveKey<'_>,
        out: &mut BytesMut,
    ) -> Result<(), Unsealed> {
        self.check_width(fields)?;
        let plan = Arc::clone(&self.plan);
        let format = self.value_format();
        let mut tenant = None;
        let mut new = Vec::new();
        for (index, (column, field)) in plan.columns.iter().zip(fields).enumerate() {
            let Lineage::Exact(sealed) = &column.lineage else {
                continue;
            };
            let (not_null, null) = (column.force_not_null, column.force_null);
            let FieldValue::Data(value) = self.rows.value(data, field, not_null, null) else {
                continue;
            };
            let plain = seal::canonical(sealed.kind, format, sealed.max_chars, &value)
                .map_err(|refusal| self.placed(refusal, Some(column)))?;
            let tenant = match &tenant {
                Some(tenant) => tenant,
                None => tenant.insert(self.tenant(data, fields)?),
            };
            let search = sealed.search.as_ref();
            let (owner, purpose) = key_owner(sealed, tenant.clone());
            let Some(key) = active(&owner, purpose) else {
                let mut wants = KeyWants::default();
                wants.active(owner, purpose);
                return Err(Unsealed::Wants(wants));
            };
            let key = key.map_err(|refusal| self.placed(refusal, Some(column)))?;
            if self.nonces.is_none() {
                self.nonces = Nonces::from_os().ok();
            }
            let value = match (search, &mut self.nonces) {
                (Some(search), _) => seal::seal_searchable(&key, &search.domain, &plain).ok(),
                (None, Some(nonces)) => seal::seal(&key, &sealed.label, &plain, nonces).ok(),
                (None, None) => None,
            };
            let value = value.ok_or_else(|| self.cannot_seal(column))?;
            let value = value.to_wire(sealed.kind, format);
            if search.is_some() && value.len() > BTREE_LIMIT {
                let refusal = too_long_to_search(sealed, plain.expose().len());
                return Err(self.placed(refusal, Some(column)).into());
            }
            new.push((index, Cow::Owned(value)));
        }
        self.rows.write(data, item, fields, &new, |_| false, out);
        Ok(())
    }

    /// The tenants of rows further on whose keys are not here either.
    fn ahead(&mut self, data: &[u8], mut scan: Scan, active: ActiveKey<'_>, wants: &mut KeyWants) {
        let mut fields = Vec::new();
        // What is wrong with a row is said when its turn comes.
        while let Ok(Some(item)) = self.rows.next(data, &mut scan, false, &mut fields) {
            if item.kind == ItemKind::Row
                && fields.len() == self.plan.columns.len()
                && let Ok(tenant) = self.tenant(data, &fields)
            {
                for column in &self.plan.columns {
                    let Lineage::Exact(sealed) = &column.lineage else {
                        continue;
                    };
                    let (owner, purpose) = key_owner(sealed, tenant.clone());
                    if active(&owner, purpose).is_none() {
                        wants.active(owner, purpose);
                    }
                }
            }
        }
    }

    fn value_format(&self) -> Format {
        match self.plan.format.style {
            CopyStyle::Binary => Format::Binary,
            CopyStyle::Text | CopyStyle::Csv => Format::Text,
        }
    }

    fn tenant(&mut self, data: &[u8], fields: &[Field]) -> Result<TenantId, Refusal> {
        let (index, type_oid, max_chars) = match &self.plan.tenant {
            Some(CopyTenant::Column {
                index,
                type_oid,
                max_chars,
            }) => (*index, *type_oid, *max_chars),
            Some(CopyTenant::Source(_)) | None => {
                return self.tenant.clone().ok_or_else(|| self.no_tenant());
            }
        };
        let column = self.plan.columns.get(index);
        let field = fields.get(index);
        let (Some(column), Some(field)) = (column, field) else {
            return Err(self.no_tenant());
        };
        let (not_null, null) = (column.force_not_null, column.force_null);
        let FieldValue::Data(value) = self.rows.value(data, field, not_null, null) else {
            return Err(self.no_tenant());
        };
        if let Some((said, tenant)) = &self.last
            && *said == *value
        {
            return Ok(tenant.clone());
        }
        let tenant = TenantId::stored(type_oid, self.value_format(), &value, max_chars)
            .ok_or_else(|| self.no_tenant())?;
        self.last = Some((value.into_owned(), tenant.clone()));
        Ok(tenant)
    }

    fn check_width(&self, fields: &[Field]) -> Result<(), Refusal> {
        let expected = self.plan.columns.len();
        if fields.len() == expected {
            return Ok(());
        }
        let message = match (self.plan.format.style, self.plan.columns.get(fields.len())) {
            (CopyStyle::Binary, _) => {
                format!("row field count is {}, expected {expected}", fields.len())
            }
            (_, Some(missing)) => format!("missing data for column \"{}\"", missing.name),
            (_, None) => "extra data after last expected column".to_owned(),
        };
        Err(self.refusal(message, None))
    }

    fn fault(&self, fault: CopyFault) -> Refusal {
        self.refusal(fault.to_string(), None)
    }

    fn cannot_seal(&self, column: &CopyColumn) -> Refusal {
        let refusal = Refusal::new(
            "XX000",
            format!(
                "a value for {}.{} could not be sealed",
                self.plan.table, column.name
            ),
            "See docs/errors.md#internal.",
        );
        self.placed(refusal, Some(column))
    }

    fn no_tenant(&self) -> Refusal {
        let refusal = Refusal::new(
            "SV007",
            format!("the tenant of a row for {} is not known", self.plan.table),
            "Give the row's tenant in its column, in the form that PostgreSQL prints. See docs/errors.md#sv007.",
        );
        self.placed(refusal, None)
    }

    fn refusal(&self, message: impl Into<String>, column: Option<&CopyColumn>) -> Refusal {
        let hint =
            "Look at the format, the delimiter and the line's end. See docs/errors.md#copy-format.";
        self.placed(Refusal::new("22P04", message, hint), column)
    }

    /// Says where in the data it is.
    fn placed(&self, refusal: Refusal, column: Option<&CopyColumn>) -> Refusal {
        if refusal.detail.is_some() {
            return refusal;
        }
        let mut place = format!("COPY {}, line {}", self.plan.table, self.scan.lines() + 1);
        if let Some(column) = column {
            place = format!("{place}, column {}", column.name);
        }
        refusal.with_detail(place)
    }
}
