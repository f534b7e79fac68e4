//! Where key-encryption comes from: the local key file or AWS KMS.

pub mod aws;
pub mod local;

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::model::Secret;

/// The encryption context of a data key: bound to the wrapped key as additional data, in clear in KMS's own log.
pub type KeyContext = BTreeMap<String, String>;

/// Why KMS gave no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KmsError {
    /// An authoritative no: the key is disabled, denied, unknown, or not the one that wrapped.
    #[error("KMS denies the key: {0}")]
    Denied(String),
    /// No answer, or none that means anything.
    #[error("KMS is not reachable: {0}")]
    Unreachable(String),
}

/// A key management service.
#[async_trait]
pub trait Kms: Send + Sync {
    /// A new data key: its plaintext, and the same wrapped by the key of this ARN.
    async fn generate(
        &self,
        key_arn: &str,
        context: &KeyContext,
    ) -> Result<(Secret, Vec<u8>), KmsError>;

    /// The plaintext of a wrapped data key.
    async fn unwrap(
        &self,
        key_arn: &str,
        wrapped: &[u8],
        context: &KeyContext,
    ) -> Result<Secret, KmsError>;

    /// Whether the key of this ARN can wrap data keys at all: it exists, is enabled, symmetric, and for encryption.
    async fn verify(&self, key_arn: &str) -> Result<(), KmsError>;

    /// The same wrapped data key under another key, without its plaintext leaving KMS.
    async fn rewrap(
        &self,
        from_arn: &str,
        to_arn: &str,
        wrapped: &[u8],
        context: &KeyContext,
    ) -> Result<Vec<u8>, KmsError>;

    /// The key for tenants that have none of their own.
    fn default_key(&self) -> &str;
}
