//! The wire against `pgwire` as the oracle, against random cuts, and against bytes that mean no good.

use bytes::{Bytes, BytesMut};
use pgwire::messages::data::{
    DataRow as TheirRow, FieldDescription, RowDescription as TheirFields,
};
use pgwire::messages::response::{CommandComplete as TheirTag, ErrorResponse};
use pgwire::messages::{Message, extendedquery as theirs, simplequery};
use proptest::collection::vec;
use proptest::prelude::*;

use super::message::*;
use super::{Inbox, OutQueue, WireError, encode};
use crate::model::Oid;

fn their(message: &impl Message) -> Vec<u8> {
    let mut buf = BytesMut::new();
    message.encode(&mut buf).unwrap();
    buf.to_vec()
}

fn ours(write: impl FnOnce(&mut BytesMut) -> Result<(), WireError>) -> Vec<u8> {
    let mut buf = BytesMut::new();
    write(&mut buf).unwrap();
    buf.to_vec()
}

fn name() -> impl Strategy<Value = String> {
    "[^\\x00]{0,20}"
}

fn optional(name: &str) -> Option<String> {
    (!name.is_empty()).then(|| name.to_owned())
}

fn params() -> impl Strategy<Value = Vec<Option<Vec<u8>>>> {
    vec(prop::option::of(vec(any::<u8>(), 0..50)), 0..8)
}

fn borrowed(values: &[Option<Vec<u8>>]) -> Vec<Option<&[u8]>> {
    values.iter().map(|value| value.as_deref()).collect()
}

/// A DataRow by the oracle.
fn row(values: &[Option<Vec<u8>>]) -> Vec<u8> {
    let mut data = BytesMut::new();
    for value in values {
        let len = value
            .as_ref()
            .map_or(-1, |value| i32::try_from(value.len()).unwrap());
        data.extend_from_slice(&len.to_be_bytes());
        data.extend_from_slice(value.as_deref().unwrap_or_default());
    }
    their(&TheirRow::new(data, i16::try_from(values.len()).unwrap()))
}

proptest! {
    #[test]
    fn parse_is_as_the_oracle_has_it(name in name(), sql in "[^\\x00]{0,100}", types in vec(any::<u32>(), 0..6)) {
        let bytes = their(&theirs::Parse::new(optional(&name), sql.clone(), types.clone()));
        let oids: Vec<Oid> = types.into_iter().map(Oid).collect();
        prop_assert_eq!(&bytes, &ours(|buf| encode::parse(buf, name.as_bytes(), sql.as_bytes(), &oids)));
        let view = Parse::read(&bytes[5..]).unwrap();
        prop_assert_eq!((view.name, view.sql, view.types), (name.as_bytes(), sql.as_bytes(), oids));
    }

    #[test]
    fn bind_is_as_the_oracle_has_it(portal in name(), statement in name(), formats in vec(0_i16..2, 0..8), values in params(), results in vec(0_i16..2, 0..8)) {
        let owned = values.iter().map(|value| value.clone().map(Bytes::from)).collect();
        let bytes = their(&theirs::Bind::new(optional(&portal), optional(&statement), formats.clone(), owned, results.clone()));
        let written = ours(|buf| encode::bind(buf, portal.as_bytes(), statement.as_bytes(), &formats, &borrowed(&values), &results));
        prop_assert_eq!(&bytes, &written);
        let view = Bind::read(&bytes[5..]).unwrap();
        prop_assert_eq!((view.portal, view.statement), (portal.as_bytes(), statement.as_bytes()));
        let read = (view.formats.into_vec(), view.params.into_vec(), view.result_formats.into_vec());
        prop_assert_eq!(read, (formats, borrowed(&values), results));
    }

    #[test]
    fn short_requests_are_as_the_oracle_has_them(name in name(), kind in prop::sample::select(b"SP".to_vec()), max in any::<i32>()) {
        let bytes = their(&theirs::Describe::new(kind, optional(&name)));
        prop_assert_eq!(&bytes, &ours(|buf| encode::describe(buf, kind, name.as_bytes())));
        let view = Describe::read(&bytes[5..]).unwrap();
        prop_assert_eq!((view.kind, view.name), (kind, name.as_bytes()));
        let bytes = their(&theirs::Close::new(kind, optional(&name)));
        prop_assert_eq!(&bytes, &ours(|buf| encode::close(buf, kind, name.as_bytes())));
        let view = Close::read(&bytes[5..]).unwrap();
        prop_assert_eq!((view.kind, view.name), (kind, name.as_bytes()));
        let bytes = their(&theirs::Execute::new(optional(&name), max));
        prop_assert_eq!(&bytes, &ours(|buf| encode::execute(buf, name.as_bytes(), max)));
        let view = Execute::read(&bytes[5..]).unwrap();
        prop_assert_eq!((view.portal, view.max_rows), (name.as_bytes(), max));
        let bytes = their(&simplequery::Query::new(name.clone()));
        prop_assert_eq!(&bytes, &ours(|buf| encode::query(buf, name.as_bytes())));
        prop_assert_eq!(Query::read(&bytes[5..]).unwrap().sql, name.as_bytes());
        prop_assert_eq!(their(&theirs::Sync::new()), ours(encode::sync));
        prop_assert_eq!(their(&theirs::Flush::new()), ours(encode::flush));
        let bytes = their(&TheirTag::new(name.clone()));
        prop_assert_eq!(CommandComplete::read(&bytes[5..]).unwrap().tag, name.as_bytes());
    }

    #[test]
    fn rows_are_as_the_oracle_has_them(values in params(), new in vec(prop::option::of(vec(any::<u8>(), 0..50)), 8)) {
        let row = row(&values);
        let body = &row[5..];
        let view = DataRow::read(body).unwrap();
        let read: Vec<Option<&[u8]>> = view.values.iter().cloned().map(|range| range.map(|range| &body[range])).collect();
        prop_assert_eq!(read, borrowed(&values));
        // Any of the values that are not NULL become others.
        let new: Vec<(usize, Vec<u8>)> = new.into_iter().enumerate().filter_map(|(index, new)| {
            values.get(index).cloned().flatten().and(new).map(|new| (index, new))
        }).collect();
        let mut expected = values.clone();
        new.iter().for_each(|(index, new)| expected[*index] = Some(new.clone()));
        prop_assert_eq!(&ours(|buf| encode::data_row(buf, body, &view, &new)), &self::row(&expected));
    }

    #[test]
    fn descriptions_are_read_as_the_oracle_writes_them(fields in vec((name(), any::<i32>(), any::<i16>(), any::<u32>(), any::<i16>(), any::<i32>(), 0_i16..2), 0..6)) {
        let described = fields.iter().cloned().map(|(name, table, attnum, type_id, size, modifier, format)| {
            FieldDescription::new(name, table, attnum, type_id, size, modifier, format)
        });
        let bytes = their(&TheirFields::new(described.collect()));
        let view = RowDescription::read(&bytes[5..]).unwrap();
        prop_assert_eq!(view.fields.len(), fields.len());
        for (ours, theirs) in view.fields.iter().zip(&fields) {
            prop_assert_eq!((ours.name, ours.table, ours.attnum, ours.type_oid), (theirs.0.as_bytes(), Oid(theirs.1.cast_unsigned()), theirs.2, Oid(theirs.3)));
            prop_assert_eq!((ours.type_len, ours.type_mod, ours.format), (theirs.4, theirs.5, theirs.6));
        }
    }

    #[test]
    fn errors_are_read_as_the_oracle_writes_them(fields in vec((1_u8.., name()), 0..6)) {
        let bytes = their(&ErrorResponse::new(fields.clone()));
        let view = ErrorFields::read(&bytes[5..]).unwrap();
        let expected: Vec<(u8, &[u8])> = fields.iter().map(|(code, text)| (*code, text.as_bytes())).collect();
        prop_assert_eq!(view.fields, expected);
    }

    #[test]
    fn no_body_makes_a_view_panic_and_no_cut_or_longer_body_is_taken(body in vec(any::<u8>(), 0..120), values in params()) {
        let _ = (StartupRequest::read(&body).is_ok(), Authentication::read(&body).is_ok());
        let reads: [fn(&[u8]) -> bool; 14] = [
            |body| Query::read(body).is_ok(), |body| Parse::read(body).is_ok(), |body| Bind::read(body).is_ok(),
            |body| Describe::read(body).is_ok(), |body| Close::read(body).is_ok(), |body| Execute::read(body).is_ok(),
            |body| RowDescription::read(body).is_ok(), |body| DataRow::read(body).is_ok(), |body| CommandComplete::read(body).is_ok(),
            |body| ReadyForQuery::read(body).is_ok(), |body| ErrorFields::read(body).is_ok(), |body| ParameterStatus::read(body).is_ok(),
            |body| ParameterDescription::read(body).is_ok(), |body| StartupRequest::read(body).is_ok(),
        ];
        for read in reads {
            if read(&body) {
                // What is a whole message is none with a byte more, and none cut short.
                prop_assert!(!read(&[body.as_slice(), &[0]].concat()) || body.get(..4) == Some(&[4, 210, 22, 46]));
            }
        }
        let row = row(&values);
        for len in 0..row.len() - 5 {
            prop_assert!(DataRow::read(&row[5..5 + len]).is_err());
        }
    }

    /// However the bytes arrive, the frames are the same and so is what is forwarded.
    #[test]
    fn frames_do_not_depend_on_how_they_arrive(frames in vec((b'A'..=b'Z', vec(any::<u8>(), 0..300), 0_u8..3), 0..12), cuts in vec(1_usize..200, 1..60)) {
        let wire: Vec<u8> = frames.iter().flat_map(|(tag, body, _)| frame(*tag, body)).collect();
        let expected: Vec<u8> = frames.iter().flat_map(|(tag, body, what)| match what {
            0 => frame(*tag, body),
            1 => Vec::new(),
            _ => b"instead".to_vec(),
        }).collect();
        let (mut inbox, mut queue, mut next) = (Inbox::new(), OutQueue::default(), frames.iter());
        let mut current = next.next();
        let (mut rest, mut cuts) = (wire.as_slice(), cuts.iter().cycle());
        while !rest.is_empty() {
            let (now, later) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
            rest = later;
            inbox.writable().extend_from_slice(now);
            while let Some((tag, body, what)) = current {
                if inbox.pass() {
                    break;
                }
                let Some(head) = inbox.peek().unwrap() else { break };
                prop_assert_eq!((head.tag, head.len), (*tag, body.len() + 5));
                match what {
                    // Forwarded and dropped ones need not be whole.
                    0 => inbox.forward(),
                    1 => inbox.skip(&mut queue),
                    _ if inbox.is_whole() => {
                        prop_assert_eq!(inbox.body(), body.as_slice());
                        inbox.replace(&mut queue, Bytes::from_static(b"instead"));
                    }
                    _ => break,
                }
                current = next.next();
            }
            inbox.pass();
            inbox.flush(&mut queue);
        }
        prop_assert!(current.is_none());
        prop_assert_eq!(drain(&mut queue), expected);
    }
}

fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[tag], len.as_slice(), body].concat()
}

/// Takes everything out in writes of three bytes.
fn drain(queue: &mut OutQueue) -> Vec<u8> {
    let mut all = Vec::new();
    while !queue.is_empty() {
        let mut slices = [std::io::IoSlice::new(&[]); 4];
        let filled = queue.io_slices(&mut slices);
        let some: Vec<u8> = slices[..filled]
            .iter()
            .flat_map(|slice| slice.to_vec())
            .take(3)
            .collect();
        queue.advance(some.len());
        all.extend(some);
    }
    assert_eq!(queue.len_bytes(), 0);
    all
}

#[test]
fn a_length_that_cannot_be_is_an_error_before_anything_is_reserved() {
    for len in [0_u32, 1, 3, 0x8000_0000, u32::MAX] {
        let mut inbox = Inbox::new();
        inbox.writable().extend_from_slice(b"Q");
        inbox.writable().extend_from_slice(&len.to_be_bytes());
        assert_eq!(inbox.peek(), Err(WireError::Length { tag: 'Q', len }));
    }
    // A claim of 2 GiB reserves nothing until the bytes are there.
    let mut inbox = Inbox::new();
    inbox.writable().extend_from_slice(b"Q\x7f\xff\xff\xff");
    assert!(!inbox.is_whole());
    assert!(inbox.writable().capacity() < 1 << 20);
}

#[test]
fn startup_packets_have_their_own_bounds() {
    for len in [0_u32, 7, 10_001, u32::MAX] {
        let mut inbox = Inbox::new();
        inbox.writable().extend_from_slice(&len.to_be_bytes());
        assert!(inbox.peek_startup().is_err(), "{len}");
    }
    assert!(StartupRequest::read(&[0, 2, 0, 0]).is_err());
    assert!(StartupRequest::read(&[4, 210, 22, 99]).is_err());
    assert!(StartupRequest::read(&[0, 3, 0, 0, b'u', 0]).is_err());
}
