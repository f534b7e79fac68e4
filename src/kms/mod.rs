//! Where key-encryption comes from: the local key file or AWS KMS.

pub mod aws;
mod flights;
mod gate;
pub mod local;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

use crate::model::Secret;

pub use flights::Flights;
pub use gate::Gate;

/// What a call may take, with its second attempt. The AWS SDK's own default waits over 40 s on a silent server.
pub const OPERATION: Duration = Duration::from_secs(3);

/// KMS's code for a caller that lacks a permission.
const ACCESS_DENIED: &str = "AccessDeniedException";

/// The encryption context of a data key: bound to the wrapped key as additional data, in clear in KMS's own log.
pub type KeyContext = BTreeMap<String, String>;

/// Why KMS gave no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KmsError {
    /// An authoritative no: the key is disabled, denied, unknown, or not the one that wrapped.
    #[error("KMS denies the key: {reason}{}{words}", if words.is_empty() { "" } else { ": " })]
    Denied {
        /// What a client may know: KMS's code, or what is wrong with the key.
        reason: String,
        /// KMS's own words, for operators only: they name its caller and the key.
        words: String,
    },
    /// No answer, or none that means anything.
    #[error("KMS is not reachable: {0}")]
    Unreachable(String),
}

impl KmsError {
    /// A no that needs no more words.
    pub fn denied(reason: impl Into<String>) -> Self {
        Self::Denied {
            reason: reason.into(),
            words: String::new(),
        }
    }

    /// Whether the key's policy, or a grant, lacks the permission.
    #[must_use]
    pub fn is_permission(&self) -> bool {
        matches!(self, Self::Denied { reason, .. } if reason == ACCESS_DENIED)
    }
}

/// A new data key. It has no `Debug`.
pub struct Generated {
    /// Its plaintext.
    pub secret: Secret,
    /// The same, wrapped.
    pub wrapped: Vec<u8>,
    /// The ARN of the key that wrapped it: never an alias, which may name another key tomorrow.
    pub key_arn: String,
}

/// A key management service.
#[async_trait]
pub trait Kms: Send + Sync {
    /// A new data key, wrapped by the key of this ARN.
    async fn generate(&self, key_arn: &str, context: &KeyContext) -> Result<Generated, KmsError>;

    /// A data key, wrapped by the key of this ARN.
    async fn wrap(
        &self,
        key_arn: &str,
        secret: &Secret,
        context: &KeyContext,
    ) -> Result<Vec<u8>, KmsError>;

    /// The plaintext of a wrapped data key.
    async fn unwrap(
        &self,
        key_arn: &str,
        wrapped: &[u8],
        context: &KeyContext,
    ) -> Result<Secret, KmsError>;

    /// Whether the key of this ARN can wrap data keys at all: it exists, is enabled, symmetric, and for encryption.
    /// Gives the ARN of the key itself, should this one be an alias.
    async fn verify(&self, key_arn: &str) -> Result<String, KmsError>;

    /// The same wrapped data key under another key. Its plaintext does not leave KMS where both keys are in one region and
    /// within the reach of one role.
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
