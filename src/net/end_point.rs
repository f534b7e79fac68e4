//! `tls-server-end-point`: what SCRAM binds to (RFC 5929, section 4).

use bytes::Bytes;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// DER tags of what is read here.
const SEQUENCE: u8 = 0x30;
const OID: u8 = 0x06;
const HASH_OF_PSS: u8 = 0xA0;

/// `1.2.840.113549.1.1`, RSA with the hash that the next byte names; `10` is RSASSA-PSS.
const RSA: [u8; 8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01];
/// `1.2.840.10045.4`, ECDSA.
const ECDSA: [u8; 6] = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04];
/// `2.16.840.1.101.3.4.2`, hashes.
const HASHES: [u8; 8] = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];

/// The hash of a DER certificate by the hash of its signature, SHA-256 in place of weaker ones; none if its signature has
/// no hash of its own (Ed25519).
pub(super) fn end_point(certificate: &[u8]) -> Option<Bytes> {
    let (parts, _) = read(certificate, SEQUENCE)?;
    let (_, rest) = read(parts, SEQUENCE)?;
    let (algorithm, _) = read(rest, SEQUENCE)?;
    let (oid, parameters) = read(algorithm, OID)?;
    Some(match hash(oid, parameters)? {
        Hash::Sha256 => Bytes::copy_from_slice(&Sha256::digest(certificate)),
        Hash::Sha384 => Bytes::copy_from_slice(&Sha384::digest(certificate)),
        Hash::Sha512 => Bytes::copy_from_slice(&Sha512::digest(certificate)),
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

fn hash(oid: &[u8], parameters: &[u8]) -> Option<Hash> {
    match (oid.strip_prefix(&RSA), oid.strip_prefix(&ECDSA)) {
        // MD5 and SHA-1 are replaced.
        (Some([4 | 5 | 11]), _) | (_, Some([1] | [3, 2])) => Some(Hash::Sha256),
        (Some([12]), _) | (_, Some([3, 3])) => Some(Hash::Sha384),
        (Some([13]), _) | (_, Some([3, 4])) => Some(Hash::Sha512),
        (Some([10]), _) => {
            let (parameters, _) = read(parameters, SEQUENCE)?;
            // Left out, it is SHA-1 (RFC 4055, section 3.1).
            let Some((named, _)) = read(parameters, HASH_OF_PSS) else {
                return Some(Hash::Sha256);
            };
            let (algorithm, _) = read(named, SEQUENCE)?;
            let (oid, _) = read(algorithm, OID)?;
            match oid.strip_prefix(&HASHES)? {
                [1] => Some(Hash::Sha256),
                [2] => Some(Hash::Sha384),
                [3] => Some(Hash::Sha512),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The content of the first element, which must have this tag, and what stands behind it.
fn read(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (head, rest) = der.split_first_chunk::<2>()?;
    let [found, length] = *head;
    let (len, rest) = match length {
        0..=0x7F => (usize::from(length), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7F))?;
            let len = bytes
                .iter()
                .fold(0, |len: usize, byte| len << 8 | usize::from(*byte));
            (len, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(len)?;
    (found == tag).then_some((content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let mut out = vec![tag];
        match u8::try_from(content.len()) {
            Ok(len @ 0..=0x7F) => out.push(len),
            Ok(len) => out.extend([0x81, len]),
            Err(_) => {
                out.push(0x82);
                out.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
            }
        }
        out.extend(content);
        out
    }

    fn certificate(algorithm: &[&[u8]]) -> Vec<u8> {
        let body = element(SEQUENCE, &[&[0x04, 0x81, 0xFF], &[7; 255]]);
        let signature = element(0x03, &[&[0; 70]]);
        element(
            SEQUENCE,
            &[&body, &element(SEQUENCE, algorithm), &signature],
        )
    }

    #[test]
    fn the_hash_is_that_of_the_signature() {
        let of = |oid: &[u8]| {
            let der = certificate(&[&element(OID, &[oid]), &[5, 0]]);
            (end_point(&der), der)
        };
        for (oid, len) in [
            ([&RSA[..], &[5]].concat(), 32),
            ([&RSA[..], &[11]].concat(), 32),
            ([&RSA[..], &[12]].concat(), 48),
            ([&RSA[..], &[13]].concat(), 64),
            ([&ECDSA[..], &[1]].concat(), 32),
            ([&ECDSA[..], &[3, 2]].concat(), 32),
            ([&ECDSA[..], &[3, 3]].concat(), 48),
            ([&ECDSA[..], &[3, 4]].concat(), 64),
        ] {
            let (found, der) = of(&oid);
            let expected = match len {
                32 => Sha256::digest(&der).to_vec(),
                48 => Sha384::digest(&der).to_vec(),
                _ => Sha512::digest(&der).to_vec(),
            };
            assert_eq!(found.as_deref(), Some(&expected[..]), "{oid:?}");
        }
        // Ed25519, 1.3.101.112.
        assert_eq!(of(&[0x2B, 0x65, 0x70]).0, None);
    }

    #[test]
    fn pss_names_its_hash_in_its_parameters() {
        let oid = element(OID, &[&RSA, &[10]]);
        let of =
            |parameters: &[u8]| end_point(&certificate(&[&oid, parameters])).map(|hash| hash.len());
        let named = |byte| {
            let algorithm = element(SEQUENCE, &[&element(OID, &[&HASHES, &[byte]]), &[5, 0]]);
            element(SEQUENCE, &[&element(HASH_OF_PSS, &[&algorithm])])
        };
        assert_eq!(of(&named(1)), Some(32));
        assert_eq!(of(&named(2)), Some(48));
        assert_eq!(of(&named(3)), Some(64));
        assert_eq!(of(&element(SEQUENCE, &[])), Some(32));
    }

    #[test]
    fn what_is_no_certificate_has_none() {
        let whole = certificate(&[&element(OID, &[&ECDSA, &[3, 2]])]);
        assert!(end_point(&whole).is_some());
        let short = (0..whole.len()).filter(|len| end_point(&whole[..*len]).is_some());
        assert_eq!(short.count(), 0);
        assert_eq!(end_point(&[0x30, 0x85, 1, 1, 1, 1, 1]), None);
    }
}
