//! AES-SIV (RFC 5297): deterministic authenticated encryption, here with 256-bit keys.
//!
//! Equal plaintexts under one key and one additional data give equal ciphertexts: that is what equality search is.

use aes::cipher::{Array, BlockCipherEncrypt, consts::U16};

pub(super) const SIV_LEN: usize = 16;

/// A block cipher of 16 bytes.
pub(super) trait Cipher: BlockCipherEncrypt<BlockSize = U16> {}
impl<C: BlockCipherEncrypt<BlockSize = U16>> Cipher for C {}

fn block<C: Cipher>(key: &C, input: u128) -> u128 {
    let mut block: Array<u8, U16> = input.to_be_bytes().into();
    key.encrypt_block(&mut block);
    u128::from_be_bytes(block.into())
}

/// Doubling in GF(2^128), as in CMAC.
fn dbl(value: u128) -> u128 {
    (value << 1) ^ ((value >> 127) * 0x87)
}

/// Up to 16 bytes as a number, padded with a one bit if there are fewer.
fn padded(bytes: &[u8]) -> u128 {
    let mut block = [0; 16];
    block
        .iter_mut()
        .zip(bytes.iter().chain(std::iter::once(&0x80)))
        .for_each(|(to, from)| *to = *from);
    u128::from_be_bytes(block)
}

/// AES-CMAC (RFC 4493).
fn cmac<C: Cipher>(key: &C, message: &[u8]) -> u128 {
    let subkey = dbl(block(key, 0));
    let last_at = message.len().saturating_sub(1) / 16 * 16;
    let (blocks, last) = message.split_at_checked(last_at).unwrap_or((message, &[]));
    let state = blocks
        .chunks(16)
        .fold(0, |state, next| block(key, state ^ padded(next)));
    let last = if last.len() == 16 {
        padded(last) ^ subkey
    } else {
        padded(last) ^ dbl(subkey)
    };
    block(key, state ^ last)
}

/// S2V of one additional data and the plaintext (RFC 5297, 2.4).
fn s2v<C: Cipher>(key: &C, aad: &[u8], plain: &[u8]) -> u128 {
    let d = dbl(cmac(key, &[0; 16])) ^ cmac(key, aad);
    match plain.len().checked_sub(16) {
        Some(start) => {
            let mut end = zeroize::Zeroizing::new(plain.to_vec());
            end.iter_mut()
                .skip(start)
                .zip(d.to_be_bytes())
                .for_each(|(byte, mask)| *byte ^= mask);
            cmac(key, &end)
        }
        None => cmac(key, &(dbl(d) ^ padded(plain)).to_be_bytes()),
    }
}

/// AES-CTR with the counter that RFC 5297 2.5 takes from the SIV.
fn ctr<C: Cipher>(key: &C, siv: u128, bytes: &[u8]) -> Vec<u8> {
    let start = siv & !(1 << 63) & !(1 << 31);
    let counters = (0_u128..).map(|count| start.wrapping_add(count));
    let stream = counters.flat_map(|counter| block(key, counter).to_be_bytes());
    bytes
        .iter()
        .zip(stream)
        .map(|(byte, mask)| byte ^ mask)
        .collect()
}

/// SIV and ciphertext; `mac` and `enc` are the two halves of the key.
pub(super) fn seal<C: Cipher>(
    mac: &C,
    enc: &C,
    aad: &[u8],
    plain: &[u8],
) -> ([u8; SIV_LEN], Vec<u8>) {
    let siv = s2v(mac, aad, plain);
    (siv.to_be_bytes(), ctr(enc, siv, plain))
}

/// The plaintext, if it is what was sealed.
pub(super) fn open<C: Cipher>(
    mac: &C,
    enc: &C,
    aad: &[u8],
    siv: [u8; SIV_LEN],
    sealed: &[u8],
) -> Option<Vec<u8>> {
    let siv = u128::from_be_bytes(siv);
    let plain = ctr(enc, siv, sealed);
    // One comparison of whole numbers: no byte of it can be found out by time.
    (s2v(mac, aad, &plain) == siv).then_some(plain)
}

#[cfg(test)]
mod tests {
    use aes::cipher::KeyInit;
    use aes::{Aes128, Aes256};

    use super::*;

    /// RFC 5297, A.1; its keys have 128 bits.
    #[test]
    fn published_vector() {
        let half = |text: &str| {
            let key: [u8; 16] = hex::decode(text).unwrap().try_into().unwrap();
            Aes128::new(&key.into())
        };
        let (mac, enc) = (
            half("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0"),
            half("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"),
        );
        let aad = hex::decode("101112131415161718191a1b1c1d1e1f2021222324252627").unwrap();
        let plain = hex::decode("112233445566778899aabbccddee").unwrap();
        let (siv, sealed) = seal(&mac, &enc, &aad, &plain);
        assert_eq!(hex::encode(siv), "85632d07c6e8f37f950acd320a2ecc93");
        assert_eq!(hex::encode(&sealed), "40c02b9690c4dc04daef7f6afe5c");
        assert_eq!(open(&mac, &enc, &aad, siv, &sealed).unwrap(), plain);
    }

    #[test]
    fn every_length_opens_and_every_change_is_found() {
        let (mac, enc) = (Aes256::new(&[1; 32].into()), Aes256::new(&[2; 32].into()));
        for len in 0..70 {
            let plain = vec![7; len];
            let (siv, sealed) = seal(&mac, &enc, b"aad", &plain);
            assert_eq!(open(&mac, &enc, b"aad", siv, &sealed).unwrap(), plain);
            assert!(open(&mac, &enc, b"aae", siv, &sealed).is_none());
            for at in 0..len {
                let mut changed = sealed.clone();
                changed[at] ^= 1;
                assert!(open(&mac, &enc, b"aad", siv, &changed).is_none());
            }
            let mut other = siv;
            other[15] ^= 0x80;
            assert!(open(&mac, &enc, b"aad", other, &sealed).is_none());
        }
    }
}
