//! XAES-256-GCM: AES-256-GCM with a 192-bit nonce (C2SP, "XAES-256-GCM").
//!
//! The first 12 bytes of the nonce choose a derived key (CMAC of SP 800-108 over one block each), the last 12 are the
//! nonce under it.

use aes::Aes256Enc;
use aes::cipher::consts::{U12, U16};
use aes::cipher::{Array, BlockCipherEncrypt};
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aead::{Aead, AeadInOut, Payload};
use aes_gcm::{AesGcm, KeyInit, Nonce};
use zeroize::{Zeroize, Zeroizing};

use crate::keys::XaesKey;

pub(super) const NONCE_LEN: usize = 24;
pub(super) const TAG_LEN: usize = 16;

/// GCM never decrypts a block: the other half of the key schedule is left out.
type Gcm = AesGcm<Aes256Enc, U12>;

/// The derived key, and the nonce under it.
fn derived(key: &XaesKey, nonce: &[u8; NONCE_LEN]) -> Option<(Zeroizing<[u8; 32]>, [u8; 12])> {
    let (first, last) = nonce.split_first_chunk::<12>()?;
    let mut context = [0; 16];
    *context.last_chunk_mut::<12>()? = *first;
    // Counter (16 bits), label "X", 0x00, context.
    let message = u128::from_be_bytes(context) ^ (u128::from(b'X') << 104) ^ *key.k1;
    let block = |counter: u128| Array::from((message ^ (counter << 112)).to_be_bytes());
    let mut halves: [Array<u8, U16>; 2] = [block(1), block(2)];
    key.aes.encrypt_blocks(&mut halves);
    let mut derived = Zeroizing::new([0; 32]);
    for (to, half) in derived.chunks_exact_mut(16).zip(&mut halves) {
        to.copy_from_slice(half);
        half.zeroize();
    }
    Some((derived, last.try_into().ok()?))
}

/// Appends ciphertext and tag to `out`, which never holds the plaintext.
pub(super) fn seal(
    key: &XaesKey,
    nonce: &[u8; NONCE_LEN],
    aad: &[u8],
    msg: &[u8],
    out: &mut Vec<u8>,
) -> Option<()> {
    let (key, nonce) = derived(key, nonce)?;
    let start = out.len();
    out.resize(start + msg.len(), 0);
    let place = InOutBuf::new(msg, out.get_mut(start..)?).ok()?;
    let sealed = Gcm::new((&*key).into()).encrypt_inout_detached(&Nonce::from(nonce), aad, place);
    out.extend_from_slice(&sealed.ok()?);
    Some(())
}

/// The plaintext, if the tag is right.
pub(super) fn open(
    key: &XaesKey,
    nonce: &[u8; NONCE_LEN],
    aad: &[u8],
    msg: &[u8],
) -> Option<Vec<u8>> {
    let (key, nonce) = derived(key, nonce)?;
    Gcm::new((&*key).into())
        .decrypt(&Nonce::from(nonce), Payload { msg, aad })
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(key: &XaesKey, nonce: &[u8; NONCE_LEN], aad: &[u8], msg: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        seal(key, nonce, aad, msg, &mut out).unwrap();
        out
    }

    /// The two published vectors of the specification.
    #[test]
    fn published_vectors() {
        let nonce = b"ABCDEFGHIJKLMNOPQRSTUVWX";
        let one = XaesKey::new(&[1; 32]);
        let first = sealed(&one, nonce, b"", b"XAES-256-GCM");
        assert_eq!(
            hex::encode(first),
            "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"
        );
        let three = XaesKey::new(&[3; 32]);
        let second = sealed(&three, nonce, b"c2sp.org/XAES-256-GCM", b"XAES-256-GCM");
        assert_eq!(
            hex::encode(second),
            "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"
        );
    }
    /// The specification's accumulated vectors: random keys, nonces, plaintexts and additional data out of SHAKE-128,
    /// all ciphertexts into another.
    fn accumulated(iterations: u32) -> String {
        use sha3::digest::{ExtendableOutput, Update, XofReader};
        let mut random = sha3::Shake128::default().finalize_xof();
        let mut all = sha3::Shake128::default();
        let mut bytes = |len: usize| {
            let mut bytes = vec![0; len];
            random.read(&mut bytes);
            bytes
        };
        for _ in 0..iterations {
            let key: [u8; 32] = bytes(32).try_into().unwrap();
            let nonce: [u8; NONCE_LEN] = bytes(NONCE_LEN).try_into().unwrap();
            let len = bytes(1)[0];
            let plain = bytes(usize::from(len));
            let len = bytes(1)[0];
            let aad = bytes(usize::from(len));
            let key = XaesKey::new(&key);
            let sealed = sealed(&key, &nonce, &aad, &plain);
            assert_eq!(open(&key, &nonce, &aad, &sealed).unwrap(), plain);
            all.update(&sealed);
        }
        let mut sum = [0; 32];
        all.finalize_xof().read(&mut sum);
        hex::encode(sum)
    }

    #[test]
    fn accumulated_vector_of_10_000() {
        let expected = "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939";
        assert_eq!(accumulated(10_000), expected);
    }

    #[test]
    fn accumulated_vector_of_1_000_000() {
        let expected = "2163ae1445985a30b60585ee67daa55674df06901b890593e824b8a7c885ab15";
        assert_eq!(accumulated(1_000_000), expected);
    }
}
