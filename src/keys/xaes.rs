//! The key of XAES-256-GCM as it is kept in memory (C2SP, "XAES-256-GCM").

use aes::Aes256Enc;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit, consts::U16};
use zeroize::Zeroizing;

/// An expanded key with what each value's own key is derived from.
pub(crate) struct XaesKey {
    pub(crate) aes: Aes256Enc,
    /// CMAC's subkey K1: AES(0) doubled in GF(2^128).
    pub(crate) k1: Zeroizing<u128>,
}

impl XaesKey {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let aes = Aes256Enc::new(key.into());
        let mut block: Array<u8, U16> = [0; 16].into();
        aes.encrypt_block(&mut block);
        let value = u128::from_be_bytes(block.into());
        let k1 = Zeroizing::new((value << 1) ^ ((value >> 127) * 0x87));
        Self { aes, k1 }
    }
}
