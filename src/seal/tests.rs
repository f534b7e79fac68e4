//! Nothing but the same value, column, tenant and key opens a sealed value.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::keys::Purpose;
use crate::model::{Secret, TenantId};

const LABEL: &str = "public.virtual_keys.key";

fn key(tenant: &str, byte: u8) -> DataKey {
    let tenant = TenantId::new(tenant).unwrap();
    DataKey::new(tenant, Purpose::Dek, &Secret::new(&[byte; 32]))
}

fn sealed(key: &DataKey, plain: &[u8]) -> Sealed {
    let plain = Plain::new(plain.to_vec());
    seal(key, LABEL, &plain, &mut Nonces::from_os().unwrap()).unwrap()
}

/// What opening a stored value comes to: the plaintext, or that it is refused, or that it is not sealed at all.
fn opened(
    key: &DataKey,
    label: &str,
    kind: ValueKind,
    format: Format,
    stored: &[u8],
) -> Result<Option<Vec<u8>>, SealError> {
    match parse(kind, format, stored)? {
        Parsed::NotSealed => Ok(None),
        Parsed::Sealed(value) => {
            open(key, label, None, &value).map(|plain| Some(plain.expose().to_vec()))
        }
    }
}

const WIRES: [(ValueKind, Format); 8] = [
    (ValueKind::Text, Format::Text),
    (ValueKind::Text, Format::Binary),
    (ValueKind::Json, Format::Text),
    (ValueKind::Json, Format::Binary),
    (ValueKind::Jsonb, Format::Text),
    (ValueKind::Jsonb, Format::Binary),
    (ValueKind::Bytea, Format::Text),
    (ValueKind::Bytea, Format::Binary),
];

#[derive(Deserialize)]
struct Vector {
    dek: String,
    tenant: String,
    field: String,
    nonce: String,
    plaintext: String,
    kid: String,
    aad: String,
    bytes: String,
    text: String,
}

#[test]
fn our_vectors() {
    let vectors: Vec<Vector> =
        serde_json::from_str(include_str!("../../tests/vectors/sv1.json")).unwrap();
    assert!(vectors.len() >= 6);
    for vector in vectors {
        let dek: [u8; 32] = hex::decode(&vector.dek).unwrap().try_into().unwrap();
        let nonce: [u8; NONCE_LEN] = hex::decode(&vector.nonce).unwrap().try_into().unwrap();
        let plain = hex::decode(&vector.plaintext).unwrap();
        let tenant = TenantId::new(&vector.tenant).unwrap();
        let key = DataKey::new(tenant, Purpose::Dek, &Secret::new(&dek));
        assert_eq!(hex::encode(key.kid.0), vector.kid);
        assert_eq!(
            hex::encode(aad(&key, SUITE_RANDOMISED, FLAGS, &vector.field).unwrap()),
            vector.aad
        );
        let value = seal_with(&key, &vector.field, &Plain::new(plain.clone()), &nonce).unwrap();
        let stored = value.to_wire(ValueKind::Bytea, Format::Binary);
        assert_eq!(hex::encode(&stored), vector.bytes);
        let text = value.to_wire(ValueKind::Text, Format::Text);
        assert_eq!(text, vector.text.as_bytes());
        for (kind, format) in WIRES {
            let stored = value.to_wire(kind, format);
            let back = opened(&key, &vector.field, kind, format, &stored);
            assert_eq!(back, Ok(Some(plain.clone())), "{kind:?} {format:?}");
        }
    }
}

#[derive(Deserialize)]
struct SearchVector {
    key: String,
    tenant: String,
    domain: String,
    plaintext: String,
    bytes: String,
    text: String,
}

#[test]
fn our_vectors_of_searchable_values() {
    let vectors: Vec<SearchVector> =
        serde_json::from_str(include_str!("../../tests/vectors/sv1-search.json")).unwrap();
    assert!(vectors.len() >= 5);
    for vector in vectors {
        let secret: [u8; 32] = hex::decode(&vector.key).unwrap().try_into().unwrap();
        let plain = hex::decode(&vector.plaintext).unwrap();
        let tenant = TenantId::of_keyring(&vector.tenant).unwrap();
        let key = DataKey::new(tenant, Purpose::Search, &Secret::new(&secret));
        let value = seal_searchable(&key, &vector.domain, &Plain::new(plain.clone())).unwrap();
        let stored = value.to_wire(ValueKind::Bytea, Format::Binary);
        assert_eq!(hex::encode(&stored), vector.bytes);
        let text = value.to_wire(ValueKind::Text, Format::Text);
        assert_eq!(text, vector.text.as_bytes());
        for (kind, format) in WIRES {
            let Ok(Parsed::Sealed(sealed)) = parse(kind, format, &value.to_wire(kind, format))
            else {
                panic!("not sealed: {kind:?} {format:?}");
            };
            assert!(sealed.is_searchable());
            let back = open(&key, "any label", Some(&vector.domain), &sealed);
            assert_eq!(back.unwrap().expose(), plain);
            assert!(open(&key, &vector.domain, Some("another"), &sealed).is_err());
            assert!(open(&key, &vector.domain, None, &sealed).is_err());
        }
    }
}

#[test]
fn the_length_in_a_text_column_is_known_beforehand() {
    let tenant = TenantId::new("acme").unwrap();
    let search = DataKey::new(tenant, Purpose::Search, &Secret::new(&[1; 32]));
    let key = key("acme", 7);
    for length in 0..100 {
        let plain = Plain::new(vec![b'x'; length]);
        let randomised = sealed(&key, plain.expose());
        let stored = randomised.to_wire(ValueKind::Text, Format::Text);
        assert_eq!(stored.len(), text_len(length, false));
        assert_eq!(longest_plaintext(stored.len(), false), Some(length));
        assert_eq!(
            longest_plaintext(stored.len() - 1, false),
            length.checked_sub(1)
        );
        let searchable = seal_searchable(&search, LABEL, &plain).unwrap();
        let stored = searchable.to_wire(ValueKind::Text, Format::Text);
        assert_eq!(stored.len(), text_len(length, true));
        assert_eq!(longest_plaintext(stored.len(), true), Some(length));
    }
}

#[test]
fn a_searchable_value_opens_under_its_own_tenant_and_unchanged_only() {
    let of = |tenant: &str| {
        let tenant = TenantId::new(tenant).unwrap();
        DataKey::new(tenant, Purpose::Search, &Secret::new(&[1; 32]))
    };
    let (acme, other) = (of("acme"), of("globex"));
    let plain = Plain::new(b"sk-acme-0001".to_vec());
    let stored = seal_searchable(&acme, "d", &plain)
        .unwrap()
        .to_wire(ValueKind::Bytea, Format::Binary);
    let again = seal_searchable(&acme, "d", &plain).unwrap();
    assert_eq!(again.to_wire(ValueKind::Bytea, Format::Binary), stored);
    let opened =
        |key: &DataKey, stored: &[u8]| match parse(ValueKind::Bytea, Format::Binary, stored) {
            Ok(Parsed::Sealed(sealed)) => open(key, "l", Some("d"), &sealed).is_ok(),
            _ => false,
        };
    assert!(opened(&acme, &stored) && !opened(&other, &stored));
    for bit in 0..stored.len() * 8 {
        let mut flipped = stored.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!opened(&acme, &flipped), "bit {bit}");
    }
    // Neither kind of key does the other's work.
    let dek = key("acme", 1);
    assert!(seal_searchable(&dek, "d", &plain).is_err());
    assert!(seal(&acme, "l", &plain, &mut Nonces::from_os().unwrap()).is_err());
}

#[test]
fn every_bit_flip_of_the_bytes_is_rejected_or_no_longer_looks_sealed() {
    let key = key("acme", 1);
    let stored = sealed(&key, b"sk-acme-0001").to_wire(ValueKind::Bytea, Format::Binary);
    for bit in 0..stored.len() * 8 {
        let mut flipped = stored.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        match opened(&key, LABEL, ValueKind::Bytea, Format::Binary, &flipped) {
            Err(_) => {}
            // Without its magic it is an unsealed value, which the rules' strict state refuses.
            Ok(None) => assert!(bit < MAGIC.len() * 8, "bit {bit}"),
            Ok(Some(_)) => panic!("opened with bit {bit} flipped"),
        }
    }
}

#[test]
fn every_bit_flip_of_the_token_is_rejected_or_no_longer_looks_sealed() {
    let key = key("acme", 1);
    for (kind, start) in [(ValueKind::Text, 3), (ValueKind::Jsonb, 4)] {
        let stored = sealed(&key, b"\"v\"").to_wire(kind, Format::Text);
        for bit in 0..stored.len() * 8 {
            let mut flipped = stored.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            match opened(&key, LABEL, kind, Format::Text, &flipped) {
                Err(_) => {}
                Ok(None) => {
                    let quote = kind == ValueKind::Jsonb && bit / 8 == stored.len() - 1;
                    assert!(bit / 8 < start || quote, "{kind:?} bit {bit}");
                }
                Ok(Some(_)) => panic!("{kind:?} opened with bit {bit} flipped"),
            }
        }
    }
}

#[test]
fn every_truncation_and_extension_is_rejected() {
    let key = key("acme", 1);
    let value = sealed(&key, b"v");
    for (kind, least) in [(ValueKind::Bytea, MAGIC.len()), (ValueKind::Text, 3)] {
        let stored = value.to_wire(kind, Format::Binary);
        for len in least..stored.len() {
            let cut = opened(&key, LABEL, kind, Format::Binary, &stored[..len]);
            assert!(cut.is_err(), "{kind:?} cut to {len}");
        }
        for byte in [0, b'~', b'A'] {
            let longer = [stored.as_slice(), &[byte]].concat();
            assert!(opened(&key, LABEL, kind, Format::Binary, &longer).is_err());
        }
    }
}

#[test]
fn another_tenant_column_or_key_does_not_open_it() {
    let ours = key("acme", 1);
    let stored = sealed(&ours, b"v").to_wire(ValueKind::Text, Format::Text);
    let with =
        |key: &DataKey, label: &str| opened(key, label, ValueKind::Text, Format::Text, &stored);
    assert_eq!(with(&ours, LABEL), Ok(Some(b"v".to_vec())));
    // The same key material under another tenant's name: the keyring's row was moved.
    assert_eq!(with(&key("globex", 1), LABEL), Err(SealError::Forged));
    assert_eq!(with(&key("acme", 2), LABEL), Err(SealError::Forged));
    for label in ["public.virtual_keys.name", "", "public.virtual_keys.key "] {
        assert_eq!(with(&ours, label), Err(SealError::Forged));
    }
    // Parts cannot slide into each other: their lengths are authenticated.
    assert_eq!(with(&key("acm", 1), "e"), Err(SealError::Forged));
}

#[test]
fn unknown_suites_and_reserved_flags_are_errors_never_plaintext() {
    let key = key("acme", 1);
    let stored = sealed(&key, b"v").to_wire(ValueKind::Bytea, Format::Binary);
    for suite in (0..=255).filter(|suite| *suite != SUITE_RANDOMISED) {
        let mut other = stored.clone();
        other[3] = suite;
        let read = opened(&key, LABEL, ValueKind::Bytea, Format::Binary, &other);
        // Read as the other suite it has another key's id, and flags that are none.
        assert!(read.is_err() && (suite == SUITE_DETERMINISTIC || read == Err(SealError::Unknown)));
    }
    let flags = MAGIC.len() + 1 + NONCE_LEN + KID_LEN;
    for value in 1..=255 {
        let mut other = stored.clone();
        other[flags] = value;
        let read = opened(&key, LABEL, ValueKind::Bytea, Format::Binary, &other);
        assert_eq!(read, Err(SealError::Unknown));
    }
    let two = opened(&key, LABEL, ValueKind::Text, Format::Text, b"~s2AAAA~");
    assert_eq!(two, Err(SealError::Malformed));
}

#[test]
fn nonces_of_a_statement_never_repeat() {
    let mut nonces = Nonces::from_os().unwrap();
    let mut seen = std::collections::HashSet::new();
    assert!((0..10_000).all(|_| seen.insert(nonces.next())));
    assert!(Nonces::from_os().unwrap().next() != Nonces::from_os().unwrap().next());
}

#[test]
fn a_token_needs_no_escaping_anywhere() {
    let text = sealed(&key("acme", 1), &[0xff; 300]).to_wire(ValueKind::Text, Format::Text);
    let safe = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'~' | b'-' | b'_');
    assert!(text.iter().all(safe));
}

/// Written by a client of one format, read by one of another: what PostgreSQL would have made of it.
fn through(kind: ValueKind, wrote: Format, reads: Format, bytes: &[u8]) -> Vec<u8> {
    let key = key("acme", 1);
    let plain = canonical(kind, wrote, None, bytes).unwrap();
    let value = seal(&key, LABEL, &plain, &mut Nonces::from_os().unwrap()).unwrap();
    // The server stores one form and gives either.
    let stored = value.to_wire(kind, reads);
    let back = opened(&key, LABEL, kind, reads, &stored).unwrap().unwrap();
    present(kind, reads, Plain::new(back))
}

#[test]
fn clients_of_both_formats_read_each_other() {
    use Format::{Binary, Text};
    let jsonb = through(
        ValueKind::Jsonb,
        Text,
        Binary,
        br#"{"b":1, "a":[true,null]}"#,
    );
    assert_eq!(jsonb, b"\x01{\"a\": [true, null], \"b\": 1}");
    let jsonb = through(ValueKind::Jsonb, Binary, Text, b"\x01[1 , 2]");
    assert_eq!(jsonb, b"[1, 2]");
    let bytea = through(ValueKind::Bytea, Text, Binary, b"\\x00ff");
    assert_eq!(bytea, [0, 255]);
    let bytea = through(ValueKind::Bytea, Binary, Text, &[0, 255]);
    assert_eq!(bytea, b"\\x00ff");
    assert_eq!(through(ValueKind::Json, Text, Binary, b"{ }"), b"{ }");
}

proptest! {
    #[test]
    fn what_is_sealed_opens_to_the_same(plain in prop::collection::vec(any::<u8>(), 0..2000), tenant in "[a-z0-9-]{1,40}") {
        let key = key(&tenant, 7);
        let value = sealed(&key, &plain);
        for (kind, format) in WIRES {
            let stored = value.to_wire(kind, format);
            prop_assert_eq!(opened(&key, LABEL, kind, format, &stored), Ok(Some(plain.clone())));
        }
    }

    #[test]
    fn text_goes_through_whole(text in "[^\\x00]{0,300}") {
        for (wrote, reads) in [(Format::Text, Format::Binary), (Format::Binary, Format::Text)] {
            prop_assert_eq!(through(ValueKind::Text, wrote, reads, text.as_bytes()), text.as_bytes());
        }
    }

    #[test]
    fn whatever_stands_in_a_column_is_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0_usize..9) {
        let key = key("acme", 1);
        let starts: [&[u8]; 5] = [b"", b"~s1", b"\xf8sv\x01", b"\"~s1", b"\\xf8737601"];
        for start in starts {
            let stored = [start, bytes.as_slice()].concat();
            let stored = stored.get(..stored.len().saturating_sub(cut)).unwrap_or_default();
            for (kind, format) in WIRES {
                prop_assert!(!matches!(opened(&key, LABEL, kind, format, stored), Ok(Some(_))));
                let _ = canonical(kind, format, Some(3), stored);
            }
        }
    }
}
