//! Writers for the messages that we originate: each appends one frame to the caller's buffer (PostgreSQL manual 55.7).

use bytes::{BufMut, BytesMut};

use super::WireError;
use super::message::{DataRow, ErrorFields};
use crate::model::{Oid, Refusal};

type Written = Result<(), WireError>;

/// Writes tag, length and body; the length is filled in last.
fn frame(buf: &mut BytesMut, tag: u8, body: impl FnOnce(&mut BytesMut) -> Written) -> Written {
    buf.put_u8(tag);
    let at = buf.len();
    buf.put_u32(0);
    body(buf)?;
    let len = i32::try_from(buf.len() - at).map_err(|_| WireError::TooLong)?;
    let place = buf.get_mut(at..at + 4).ok_or(WireError::TooLong)?;
    place.copy_from_slice(&len.to_be_bytes());
    Ok(())
}

fn cstr(buf: &mut BytesMut, text: &[u8]) -> Written {
    if text.contains(&0) {
        return Err(WireError::Value("text"));
    }
    buf.put_slice(text);
    buf.put_u8(0);
    Ok(())
}

fn count(buf: &mut BytesMut, len: usize) -> Written {
    buf.put_u16(u16::try_from(len).map_err(|_| WireError::TooLong)?);
    Ok(())
}

fn codes(buf: &mut BytesMut, codes: &[i16]) -> Written {
    count(buf, codes.len())?;
    codes.iter().for_each(|code| buf.put_i16(*code));
    Ok(())
}

fn oids(buf: &mut BytesMut, types: &[Oid]) -> Written {
    count(buf, types.len())?;
    types.iter().for_each(|oid| buf.put_u32(oid.0));
    Ok(())
}

fn sized(buf: &mut BytesMut, bytes: &[u8]) -> Written {
    buf.put_i32(i32::try_from(bytes.len()).map_err(|_| WireError::TooLong)?);
    buf.put_slice(bytes);
    Ok(())
}

fn values(buf: &mut BytesMut, values: &[Option<&[u8]>]) -> Written {
    count(buf, values.len())?;
    for value in values {
        match value {
            None => buf.put_i32(-1),
            Some(bytes) => sized(buf, bytes)?,
        }
    }
    Ok(())
}

/// Parse.
///
/// # Errors
/// A length that does not fit its field, or a NUL in a text; so for all writers here.
pub fn parse(buf: &mut BytesMut, name: &[u8], sql: &[u8], types: &[Oid]) -> Written {
    frame(buf, b'P', |buf| {
        cstr(buf, name)?;
        cstr(buf, sql)?;
        oids(buf, types)
    })
}

/// Bind.
///
/// # Errors
/// As [`parse`].
pub fn bind(
    buf: &mut BytesMut,
    portal: &[u8],
    statement: &[u8],
    formats: &[i16],
    params: &[Option<&[u8]>],
    results: &[i16],
) -> Written {
    frame(buf, b'B', |buf| {
        cstr(buf, portal)?;
        cstr(buf, statement)?;
        codes(buf, formats)?;
        values(buf, params)?;
        codes(buf, results)
    })
}

fn target(buf: &mut BytesMut, tag: u8, kind: u8, name: &[u8]) -> Written {
    frame(buf, tag, |buf| {
        buf.put_u8(kind);
        cstr(buf, name)
    })
}

/// Describe of a statement (`S`) or a portal (`P`).
///
/// # Errors
/// As [`parse`].
pub fn describe(buf: &mut BytesMut, kind: u8, name: &[u8]) -> Written {
    target(buf, b'D', kind, name)
}

/// Close of a statement (`S`) or a portal (`P`).
///
/// # Errors
/// As [`parse`].
pub fn close(buf: &mut BytesMut, kind: u8, name: &[u8]) -> Written {
    target(buf, b'C', kind, name)
}

/// Execute; `max` rows at most, 0 for all.
///
/// # Errors
/// As [`parse`].
pub fn execute(buf: &mut BytesMut, portal: &[u8], max: i32) -> Written {
    frame(buf, b'E', |buf| {
        cstr(buf, portal)?;
        buf.put_i32(max);
        Ok(())
    })
}

/// Sync.
///
/// # Errors
/// As [`parse`].
pub fn sync(buf: &mut BytesMut) -> Written {
    frame(buf, b'S', |_| Ok(()))
}

/// Flush.
///
/// # Errors
/// As [`parse`].
pub fn flush(buf: &mut BytesMut) -> Written {
    frame(buf, b'H', |_| Ok(()))
}

/// Query.
///
/// # Errors
/// As [`parse`].
pub fn query(buf: &mut BytesMut, sql: &[u8]) -> Written {
    frame(buf, b'Q', |buf| cstr(buf, sql))
}

/// CopyData with what `body` writes; no message when it writes nothing. Gives what `body` gives.
///
/// # Errors
/// As [`parse`].
pub fn copy_data<T>(
    buf: &mut BytesMut,
    body: impl FnOnce(&mut BytesMut) -> T,
) -> Result<T, WireError> {
    let (before, mut result) = (buf.len(), None);
    frame(buf, b'd', |buf| {
        result = Some(body(buf));
        Ok(())
    })?;
    if buf.len() == before + 5 {
        buf.truncate(before);
    }
    result.ok_or(WireError::TooLong)
}

/// CopyFail.
///
/// # Errors
/// As [`parse`].
pub fn copy_fail(buf: &mut BytesMut, why: &[u8]) -> Written {
    frame(buf, b'f', |buf| cstr(buf, why))
}

/// Terminate.
///
/// # Errors
/// As [`parse`].
pub fn terminate(buf: &mut BytesMut) -> Written {
    frame(buf, b'X', |_| Ok(()))
}

/// CommandComplete.
///
/// # Errors
/// When the tag does not fit.
pub fn command_complete(buf: &mut BytesMut, tag: &[u8]) -> Written {
    frame(buf, b'C', |buf| cstr(buf, tag))
}

/// ParameterStatus.
///
/// # Errors
/// As [`parse`].
pub fn parameter_status(buf: &mut BytesMut, name: &[u8], value: &[u8]) -> Written {
    frame(buf, b'S', |buf| {
        cstr(buf, name)?;
        cstr(buf, value)
    })
}

/// A DataRow with these bodies of values in the place of its own; each comes with its column's index, in order.
///
/// # Errors
/// As [`parse`]; a value that the row does not have.
pub fn data_row(
    buf: &mut BytesMut,
    body: &[u8],
    row: &DataRow,
    new: &[(usize, Vec<u8>)],
) -> Written {
    frame(buf, b'D', |buf| {
        let mut from = 0;
        for (index, value) in new {
            let old = row.values.get(*index).and_then(Option::as_ref);
            let old = old.ok_or(WireError::Value("row"))?;
            // Its length stands before it.
            let kept = old.start.checked_sub(4).and_then(|end| body.get(from..end));
            buf.put_slice(kept.ok_or(WireError::Value("row"))?);
            buf.put_i32(i32::try_from(value.len()).map_err(|_| WireError::TooLong)?);
            buf.put_slice(value);
            from = old.end;
        }
        buf.put_slice(body.get(from..).unwrap_or_default());
        Ok(())
    })
}

/// ParameterDescription.
///
/// # Errors
/// As [`parse`].
pub fn parameter_description(buf: &mut BytesMut, types: &[Oid]) -> Written {
    frame(buf, b't', |buf| oids(buf, types))
}

/// An Authentication message with this code.
///
/// # Errors
/// As [`parse`].
pub fn authentication(buf: &mut BytesMut, code: u32, rest: &[u8]) -> Written {
    frame(buf, b'R', |buf| {
        buf.put_u32(code);
        buf.put_slice(rest);
        Ok(())
    })
}

/// SASLInitialResponse.
///
/// # Errors
/// As [`parse`].
pub fn sasl_initial_response(buf: &mut BytesMut, mechanism: &[u8], data: &[u8]) -> Written {
    frame(buf, b'p', |buf| {
        cstr(buf, mechanism)?;
        sized(buf, data)
    })
}

/// SASLResponse.
///
/// # Errors
/// As [`parse`].
pub fn sasl_response(buf: &mut BytesMut, data: &[u8]) -> Written {
    frame(buf, b'p', |buf| {
        buf.put_slice(data);
        Ok(())
    })
}

/// ErrorResponse; `severity` is `ERROR` or `FATAL`.
///
/// # Errors
/// As [`parse`].
pub fn error_response(buf: &mut BytesMut, refusal: &Refusal, severity: &str) -> Written {
    let position = refusal.position.map(|position| position.to_string());
    let optional = [
        (b'D', &refusal.detail),
        (b'H', &refusal.hint),
        (b'P', &position),
    ];
    frame(buf, b'E', |buf| {
        for (code, text) in [
            (b'S', severity),
            (b'V', severity),
            (b'C', refusal.sqlstate),
            (b'M', refusal.message.as_str()),
        ] {
            field(buf, code, text.as_bytes())?;
        }
        for (code, text) in optional {
            if let Some(text) = text {
                field(buf, code, text.as_bytes())?;
            }
        }
        if let Some(routine) = refusal.routine {
            field(buf, b'R', routine.as_bytes())?;
        }
        buf.put_u8(0);
        Ok(())
    })
}

/// NoticeResponse.
///
/// # Errors
/// As [`parse`].
pub fn notice_response(buf: &mut BytesMut, message: &str) -> Written {
    frame(buf, b'N', |buf| {
        for (code, text) in [
            (b'S', "NOTICE"),
            (b'V', "NOTICE"),
            (b'C', "00000"),
            (b'M', message),
        ] {
            field(buf, code, text.as_bytes())?;
        }
        buf.put_u8(0);
        Ok(())
    })
}

/// The server's ErrorResponse with its position field replaced, or left out.
///
/// # Errors
/// As [`parse`].
pub fn error_moved(
    buf: &mut BytesMut,
    error: &ErrorFields<'_>,
    position: Option<usize>,
) -> Written {
    frame(buf, b'E', |buf| {
        for (code, text) in &error.fields {
            match (code, position) {
                (b'P', Some(position)) => field(buf, *code, position.to_string().as_bytes())?,
                (b'P', None) => {}
                _ => field(buf, *code, text)?,
            }
        }
        buf.put_u8(0);
        Ok(())
    })
}

fn field(buf: &mut BytesMut, code: u8, text: &[u8]) -> Written {
    buf.put_u8(code);
    cstr(buf, text)
}
