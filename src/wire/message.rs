//! Borrowed views of message bodies; each consumes its body exactly (PostgreSQL manual 55.7).

use std::ops::Range;

use smallvec::SmallVec;

use super::WireError;
use super::reader::Reader;
use crate::model::{ColumnRef, Oid};

/// Request code of SSLRequest.
pub const SSL_REQUEST: u32 = 80_877_103;
/// Request code of GSSENCRequest.
pub const GSSENC_REQUEST: u32 = 80_877_104;
/// Request code of CancelRequest.
pub const CANCEL_REQUEST: u32 = 80_877_102;

/// What a connection begins with.
pub enum StartupRequest<'a> {
    /// SSLRequest.
    Ssl,
    /// GSSENCRequest.
    Gss,
    /// CancelRequest: process id and secret key.
    Cancel {
        /// Both, as they came.
        body: &'a [u8],
    },
    /// StartupMessage.
    Startup {
        /// Protocol major version, 3.
        major: u16,
        /// Protocol minor version.
        minor: u16,
        /// Names and values.
        params: Vec<(&'a [u8], &'a [u8])>,
    },
}

impl<'a> StartupRequest<'a> {
    /// Reads a startup packet behind its length.
    ///
    /// # Errors
    /// An unknown request code or protocol version, or a body that does not fit it.
    pub fn read(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(body);
        match reader.u32("request code")? {
            SSL_REQUEST => reader.end().map(|()| Self::Ssl),
            GSSENC_REQUEST => reader.end().map(|()| Self::Gss),
            CANCEL_REQUEST => {
                let body = reader.rest();
                // Process id and 4 bytes of key; up to 256 bytes since protocol 3.2.
                if (8..=4 + 256).contains(&body.len()) {
                    Ok(Self::Cancel { body })
                } else {
                    Err(WireError::Short("secret key"))
                }
            }
            version => {
                let (major, minor) = (
                    u16::try_from(version >> 16),
                    u16::try_from(version & 0xFFFF),
                );
                let (Ok(major @ 3), Ok(minor)) = (major, minor) else {
                    return Err(WireError::Value("protocol version"));
                };
                let mut params = Vec::new();
                loop {
                    let name = reader.cstr("parameter name")?;
                    if name.is_empty() {
                        reader.end()?;
                        return Ok(Self::Startup {
                            major,
                            minor,
                            params,
                        });
                    }
                    params.push((name, reader.cstr("parameter value")?));
                }
            }
        }
    }
}

/// Query.
pub struct Query<'a> {
    /// The text.
    pub sql: &'a [u8],
}

impl<'a> Query<'a> {
    /// Reads the body.
    ///
    /// # Errors
    /// A body that does not fit.
    pub fn read(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(body);
        let sql = reader.cstr("query")?;
        reader.end().map(|()| Self { sql })
    }
}

/// Parse.
pub struct Parse<'a> {
    /// The statement's name; empty: the unnamed one.
    pub name: &'a [u8],
    /// The text.
    pub sql: &'a [u8],
    /// Declared parameter types; 0 leaves a type to the server.
    pub types: Vec<Oid>,
}

impl<'a> Parse<'a> {
    /// Reads the body.
    ///
    /// # Errors
    /// A body that does not fit.
    pub fn read(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(body);
        let (name, sql) = (reader.cstr("statement")?, reader.cstr("query")?);
        let types = oids(&mut reader)?;
        reader.end().map(|()| Self { name, sql, types })
    }
}

fn oids(reader: &mut Reader<'_>) -> Result<Vec<Oid>, WireError> {
    let count = reader.count("number of types")?;
    if reader.remaining() < count * 4 {
        return Err(WireError::Short("types"));
    }
    (0..count).map(|_| reader.u32("type").map(Oid)).collect()
}

fn codes(reader: &mut Reader<'_>, field: &'static str) -> Result<Codes, WireError> {
    let count = reader.count(field)?;
    if reader.remaining() < count * 2 {
        return Err(WireError::Short(field));
    }
    (0..count).map(|_| reader.i16(field)).collect()
}

/// So many parameters need no memory of their own.
pub const FEW: usize = 8;

/// Format codes: 0 is text, 1 is binary.
pub type Codes = SmallVec<[i16; FEW]>;

/// Bind.
pub struct Bind<'a> {
    /// The portal's name; empty: the unnamed one.
    pub portal: &'a [u8],
    /// The statement's name.
    pub statement: &'a [u8],
    /// Parameter format codes: none, one for all, or one each.
    pub formats: Codes,
    /// Parameter values; `None` is NULL.
    pub params: SmallVec<[Option<&'a [u8]>; FEW]>,
    /// Result format codes: none, one for all, or one each.
    pub result_formats: Codes,
}

impl<'a> Bind<'a> {
    /// Only the portal's name and the statement's, of a body that is forwarded as it is.
    ///
    /// # Errors
    /// A body that ends before them.
    pub fn names(body: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), WireError> {
        let mut reader = Reader::new(body);
        Ok((reader.cstr("portal")?, reader.cstr("statement")?))
    }

    /// Reads the body.
    ///
    /// # Errors
    /// A body that does not fit.
    pub fn read(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(body);
        let (portal, statement) = (reader.cstr("portal")?, reader.cstr("statement")?);
        let formats = codes(&mut reader, "parameter formats")?;
        let count = reader.count("number of parameters")?;
        if reader.remaining() < count * 4 {
            return Err(WireError::Short("parameters"));
        }
        let params = (0..count)
            .map(|_| reader.value("parameter"))
            .collect::<Result<_, _>>()?;
        let result_formats = codes(&mut reader, "result formats")?;
        reader.end().map(|()| Self {
            portal,
            statement,
            formats,
            params,
            result_formats,
        })
    }
}

/// Describe.
pub struct Describe<'a> {
    /// `S` statement, `P` portal.
    pub kind: u8,
    /// Its name.
    pub name: &'a [u8],
}

/// Close.
pub struct Close<'a> {
    /// `S` statement, `P` portal.
    pub kind: u8,
    /// Its name.
    pub name: &'a [u8],
}

fn target(body: &[u8]) -> Result<(u8, &[u8]), WireError> {
    let mut reader = Reader::new(body);
    let (kind, name) = (reader.u8("kind")?, reader.cstr("name")?);
    reader.end().map(|()| (kind, name))
}

impl<'a> Describe<'a> {
    /// Reads the body.
    ///
    /// # Errors
    /// A body that does not fit.
    pub fn read(body: &'a [u8]) -> Result<Self, WireError> {
        target(body).map(|(kind, name)| Self { kind, name })
    }
}

impl<'a> Close<'a> {
    /// Reads the body.
    ///
    /// # Errors
    /// A body that does not fit.
    pub fn read(body: &'a [u8]) -> Result<Self, WireError> {
        target(body).map(|(kind, name)| Self { kind, name })
    }
}

/// Execute.
pub struct Execute<'a> {
    /// The portal's name.
    pub portal: &'a [u8],
    /// Rows to give at most; 0: all.
    pub max_rows: i32,
}

impl<'a> Execute<'a> {
    /// Reads the body.
    ///
    /// # Errors
    /// A body that does not fit.
    pub fn read(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(body);
        let (portal, max_rows) = (reader.cstr("portal")?, reader.i32("row limit")?);
        reader.end().map(|()| Self { portal, max_rows })
    }
}

/// One column of a RowDescription.
pub struct Field<'a> {
    /// The column's name.
    pub name: &'a [u8],
    /// The table it comes from; 0: none.
    pub table: Oid,
    /// The column's number there; 0: none.
    pub attnum: i16,
    /// Its type.
    pub type_oid: Oid,
    /// `pg_type.typlen`.
    pub type_len: i16,
    /// `pg_attribute.atttypmod`.
    pub type_mod: i32,
    /// Format code: 0 text (or not yet known), 1 binary.
    pub format: i16,
}

/// RowDescription.
pub struct RowDescription<'a> {
    /// The columns.
    pub fields: Vec<Field<'a>>,
}

impl<'a> RowDescription<'a> {
    /// Reads the body.
    ///
    /// # Errors
    /// A body that does not fit.
    pub fn read(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(body);
        let count = reader.count("number of columns")?;
        let mut fields = Vec::new();
        for _ in 0..count {
            fields.push(Field {
                name: reader.cstr("column name")?,
                table: Oid(reader.u32("table")?),
                attnum: reader.i16("attribute number")?,
                type_oid: Oid(reader.u32("type")?),
                type_len: reader.i16("type length")?,
                type_mod: reader.i32("type modifier")?,
                format: reader.i16("format")?,
            });
        }
        reader.end().map(|()| Self { fields })
    }
}

/// The tables' columns that a RowDescription names, 0 for expressions, without reading the rest. Ends where the body
/// does not fit.
pub fn origins(body: &[u8]) -> impl Iterator<Item = ColumnRef> {
    let mut reader = Reader::new(body);
    let count = reader.count("number of columns").unwrap_or_default();
    (0..count).map_while(move |_| {
        reader.cstr("column name").ok()?;
        let table = Oid(reader.u32("table").ok()?);
        let attnum = reader.i16("attribute number").ok()?;
        reader.u32("type").ok()?;
        reader.i16("type length").ok()?;
        reader.i32("type modifier").ok()?;
        reader.i16("format").ok()?;
        Some(ColumnRef { table, attnum })
    })
}

/// DataRow: where in its body each value stands.
#[derive(Default)]
pub struct DataRow {
    /// `None` is NULL.
    pub values: Vec<Option<Range<usize>>>,
}

impl DataRow {
    /// Reads the body.
    ///
    /// # Errors
    /// A body that does not fit.
    pub fn read(body: &[u8]) -> Result<Self, WireError> {
        let mut row = Self::default();
        row.read_next(body)?;
        Ok(row)
    }

    /// Reads the body of another row in the place of what was read.
    ///
    /// # Errors
    /// A body that does not fit.
    pub fn read_next(&mut self, body: &[u8]) -> Result<(), WireError> {
        let mut reader = Reader::new(body);
        let count = reader.count("number of values")?;
        if reader.remaining() < count * 4 {
            return Err(WireError::Short("values"));
        }
        self.values.clear();
        self.values.reserve(count);
        for _ in 0..count {
            let value = reader.value("value")?;
            let end = body.len() - reader.remaining();
            self.values.push(value.map(|value| end - value.len()..end));
        }
        reader.end()
    }
}

/// CopyInResponse and CopyOutResponse.
pub struct CopyResponse {
    /// Whether the rows are in binary format.
    pub binary: bool,
    /// Columns of a row.
    pub columns: usize,
}

impl CopyResponse {
    /// Reads the body.
    ///
    /// # Errors
    /// A body that does not fit.
    pub fn read(body: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(body);
        let binary = reader.u8("format")? == 1;
        let columns = codes(&mut reader, "column formats")?.len();
        reader.end().map(|()| Self { binary, columns })
    }
}

/// CommandComplete.
pub struct CommandComplete<'a> {
    /// Such as `INSERT 0 1`.
    pub tag: &'a [u8],
}

impl<'a> CommandComplete<'a> {
    /// Reads the body.
    ///
    /// # Errors
    /// A body that does not fit.
    pub fn read(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(body);
        let tag = reader.cstr("tag")?;
        reader.end().map(|()| Self { tag })
    }
}

/// ReadyForQuery.
pub struct ReadyForQuery {
    /// `I` idle, `T` in a transaction, `E` in a failed one.
    pub status: u8,
}

impl ReadyForQuery {
    /// Reads the body.
    ///
    /// # Errors
    /// A body that does not fit.
    pub fn read(body: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(body);
        let status = reader.u8("status")?;
        reader.end().map(|()| Self { status })
    }
}

/// ErrorResponse and NoticeResponse: field codes and texts (manual 55.8).
pub struct ErrorFields<'a> {
    /// In the order of the message.
    pub fields: Vec<(u8, &'a [u8])>,
}

impl<'a> ErrorFields<'a> {
    /// Reads the body.
    ///
    /// # Errors
    /// A body that does not fit.
    pub fn read(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(body);
        let mut fields = Vec::new();
        loop {
            match reader.u8("field code")? {
                0 => return reader.end().map(|()| Self { fields }),
                code => fields.push((code, reader.cstr("field")?)),
            }
        }
    }

    /// The first field of this code.
    #[must_use]
    pub fn get(&self, code: u8) -> Option<&'a [u8]> {
        self.fields
            .iter()
            .find(|(other, _)| *other == code)
            .map(|(_, text)| *text)
    }
}

/// ParameterStatus.
pub struct ParameterStatus<'a> {
    /// The setting.
    pub name: &'a [u8],
    /// Its value now.
    pub value: &'a [u8],
}

impl<'a> ParameterStatus<'a> {
    /// Reads the body.
    ///
    /// # Errors
    /// A body that does not fit.
    pub fn read(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(body);
        let (name, value) = (reader.cstr("name")?, reader.cstr("value")?);
        reader.end().map(|()| Self { name, value })
    }
}

/// ParameterDescription.
pub struct ParameterDescription {
    /// Each parameter's type.
    pub types: Vec<Oid>,
}

impl ParameterDescription {
    /// Reads the body.
    ///
    /// # Errors
    /// A body that does not fit.
    pub fn read(body: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(body);
        let types = oids(&mut reader)?;
        reader.end().map(|()| Self { types })
    }
}

/// Any of the Authentication messages.
pub struct Authentication<'a> {
    /// 0 ok, 3 cleartext, 5 md5, 10 SASL, …
    pub code: u32,
    /// What follows the code.
    pub rest: &'a [u8],
}

impl<'a> Authentication<'a> {
    /// Reads the body.
    ///
    /// # Errors
    /// A body that does not fit.
    pub fn read(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(body);
        Ok(Self {
            code: reader.u32("code")?,
            rest: reader.rest(),
        })
    }
}

/// SASLInitialResponse.
pub struct SaslInitialResponse<'a> {
    /// The mechanism that the client chose.
    pub mechanism: &'a [u8],
    /// Its first message, if it sends one at once.
    pub data: Option<&'a [u8]>,
}

impl<'a> SaslInitialResponse<'a> {
    /// Reads the body.
    ///
    /// # Errors
    /// A body that does not fit.
    pub fn read(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(body);
        let (mechanism, data) = (reader.cstr("mechanism")?, reader.value("data")?);
        reader.end().map(|()| Self { mechanism, data })
    }
}
