//! The binary format: a header, rows of lengths and bytes, a trailer.

use bytes::{BufMut, BytesMut};

use super::{CopyFault, Field, Item, ItemKind, Scan};

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Bits 16 to 31 of the flags are critical: what is not known must not be read (none is left in use).
const CRITICAL: u32 = 0xffff_0000;
/// Bytes of a field's length, and of the header's two numbers.
pub(super) const LENGTH: usize = 4;
/// Bytes of a row's field count.
const COUNT: usize = 2;
/// In place of a field count: the end of the data.
const TRAILER: i16 = -1;

/// The item at the front (`ReceiveCopyBinaryHeader`, `NextCopyFrom`).
pub(super) fn next(
    data: &[u8],
    scan: &mut Scan,
    whole: bool,
    fields: &mut Vec<Field>,
) -> Result<Option<Item>, CopyFault> {
    let rest = data.get(scan.at..).unwrap_or_default();
    if rest.is_empty() && scan.started {
        return Ok(None);
    }
    if scan.ended {
        return Err(CopyFault::AfterEnd);
    }
    let found = if scan.started {
        row(data, scan, fields)?
    } else {
        header(rest)?.map(|len| (ItemKind::Header, scan.at + len))
    };
    match found {
        Some((kind, end)) => Ok(Some(scan.item(kind, end, end..end))),
        None if whole && scan.started => Err(CopyFault::Short),
        None if whole => Err(CopyFault::Signature),
        None => Ok(None),
    }
}

/// The header's length, once it is here.
fn header(data: &[u8]) -> Result<Option<usize>, CopyFault> {
    let known = data.len().min(SIGNATURE.len());
    if data.get(..known) != SIGNATURE.get(..known) {
        return Err(CopyFault::Signature);
    }
    let number = |at: usize| {
        data.get(SIGNATURE.len() + at..)?
            .first_chunk::<LENGTH>()
            .map(|bytes| u32::from_be_bytes(*bytes))
    };
    let (Some(flags), Some(extension)) = (number(0), number(LENGTH)) else {
        return Ok(None);
    };
    let extension = i32::try_from(extension)
        .ok()
        .and_then(|len| usize::try_from(len).ok());
    let Some(extension) = extension.filter(|_| flags & CRITICAL == 0) else {
        return Err(CopyFault::Header);
    };
    let len = SIGNATURE.len() + 2 * LENGTH + extension;
    Ok((data.len() >= len).then_some(len))
}

/// The row, or the trailer, and its end.
fn row(
    data: &[u8],
    scan: &mut Scan,
    fields: &mut Vec<Field>,
) -> Result<Option<(ItemKind, usize)>, CopyFault> {
    let Some(count) = data
        .get(scan.at..)
        .and_then(|rest| rest.first_chunk::<COUNT>())
    else {
        return Ok(None);
    };
    let count = i16::from_be_bytes(*count);
    let mut at = scan.at + COUNT;
    if count == TRAILER {
        scan.ended = true;
        return Ok(Some((ItemKind::End, at)));
    }
    for _ in 0..count {
        let Some(len) = data.get(at..).and_then(|rest| rest.first_chunk::<LENGTH>()) else {
            return Ok(None);
        };
        at += LENGTH;
        let len = i32::from_be_bytes(*len);
        let null = len == -1;
        let len = match usize::try_from(len) {
            Ok(len) => len,
            Err(_) if null => 0,
            Err(_) => return Err(CopyFault::FieldSize),
        };
        if data.len() - at < len {
            return Ok(None);
        }
        fields.push(Field {
            span: at..at + len,
            quoted: false,
            null,
        });
        at += len;
    }
    Ok(Some((ItemKind::Row, at)))
}

/// A value behind its length. A value that is too long for one was refused before.
pub(super) fn write(value: &[u8], out: &mut BytesMut) {
    out.put_i32(i32::try_from(value.len()).unwrap_or(i32::MAX));
    out.put_slice(value);
}
