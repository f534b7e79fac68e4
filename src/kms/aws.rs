//! AWS KMS, by the SDK: region, credentials and `AWS_ENDPOINT_URL_KMS` as the SDK reads them.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_kms::Client;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{DataKeySpec, KeySpec, KeyState, KeyUsageType};
use zeroize::Zeroizing;

use super::{KeyContext, Kms, KmsError};
use crate::model::Secret;

/// One attempt's time.
const ATTEMPT: Duration = Duration::from_millis(800);
/// A call's time with its second attempt. The SDK's own default waits over 40 s on a silent server.
const OPERATION: Duration = Duration::from_secs(3);

/// Error codes that are an authoritative no.
const DENIALS: &[&str] = &[
    "AccessDeniedException",
    "DisabledException",
    "KMSInvalidStateException",
    "NotFoundException",
    "IncorrectKeyException",
    "InvalidCiphertextException",
    "InvalidKeyUsageException",
    "InvalidArnException",
];

/// AWS KMS.
pub struct AwsKms {
    client: Client,
    default_key: String,
}

impl AwsKms {
    /// A client with the environment's settings; `default_key` is the ARN for tenants without a key of their own.
    pub async fn new(default_key: String) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(ATTEMPT)
            .operation_attempt_timeout(ATTEMPT)
            .operation_timeout(OPERATION)
            .build();
        let shared = aws_config::from_env()
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(2))
            .load()
            .await;
        Self {
            client: Client::new(&shared),
            default_key,
        }
    }
}

/// The plaintext out of the SDK's blob, whose `Debug` would print it.
fn secret(blob: Option<Blob>) -> Result<Secret, KmsError> {
    let bytes = Zeroizing::new(blob.map(Blob::into_inner).unwrap_or_default());
    bytes
        .as_slice()
        .try_into()
        .map(Secret::new)
        .map_err(|_| KmsError::Denied("the key has not 32 bytes".to_owned()))
}

fn failed<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> KmsError {
    let code = error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code);
    match code {
        Some(code) if DENIALS.contains(&code) => KmsError::Denied(code.to_owned()),
        Some(code) => KmsError::Unreachable(code.to_owned()),
        None => KmsError::Unreachable(
            match error {
                SdkError::TimeoutError(_) => "no answer in time",
                SdkError::DispatchFailure(_) => "no connection, or no credentials",
                _ => "an answer that cannot be read",
            }
            .to_owned(),
        ),
    }
}

#[async_trait]
impl Kms for AwsKms {
    async fn generate(
        &self,
        key_arn: &str,
        context: &KeyContext,
    ) -> Result<(Secret, Vec<u8>), KmsError> {
        let call = self
            .client
            .generate_data_key()
            .key_id(key_arn)
            .key_spec(DataKeySpec::Aes256)
            .set_encryption_context(Some(context.clone().into_iter().collect()));
        let key = call.send().await.map_err(|error| failed(&error))?;
        let wrapped = key
            .ciphertext_blob
            .map(Blob::into_inner)
            .unwrap_or_default();
        Ok((secret(key.plaintext)?, wrapped))
    }

    async fn unwrap(
        &self,
        key_arn: &str,
        wrapped: &[u8],
        context: &KeyContext,
    ) -> Result<Secret, KmsError> {
        let call = self
            .client
            .decrypt()
            .key_id(key_arn)
            .ciphertext_blob(Blob::new(wrapped))
            .set_encryption_context(Some(context.clone().into_iter().collect()));
        let key = call.send().await.map_err(|error| failed(&error))?;
        secret(key.plaintext)
    }

    async fn verify(&self, key_arn: &str) -> Result<(), KmsError> {
        let described = self.client.describe_key().key_id(key_arn).send().await;
        let key = described
            .map_err(|error| failed(&error))?
            .key_metadata
            .ok_or_else(|| KmsError::Unreachable("DescribeKey says nothing".to_owned()))?;
        let spec = key.key_spec.unwrap_or(KeySpec::SymmetricDefault);
        let usage = key.key_usage.unwrap_or(KeyUsageType::EncryptDecrypt);
        let refused = if !key.enabled {
            let state = key.key_state.map_or("Disabled", |state| match state {
                KeyState::PendingDeletion => "PendingDeletion",
                _ => "Disabled",
            });
            Some(format!("the key is not enabled ({state})"))
        } else if spec != KeySpec::SymmetricDefault {
            Some(format!("the key's spec is {spec}, not SYMMETRIC_DEFAULT"))
        } else if usage != KeyUsageType::EncryptDecrypt {
            Some(format!("the key's usage is {usage}, not ENCRYPT_DECRYPT"))
        } else {
            None
        };
        refused.map_or(Ok(()), |reason| Err(KmsError::Denied(reason)))
    }

    async fn rewrap(
        &self,
        from_arn: &str,
        to_arn: &str,
        wrapped: &[u8],
        context: &KeyContext,
    ) -> Result<Vec<u8>, KmsError> {
        let context: HashMap<String, String> = context.clone().into_iter().collect();
        let call = self
            .client
            .re_encrypt()
            .ciphertext_blob(Blob::new(wrapped))
            .source_key_id(from_arn)
            .destination_key_id(to_arn)
            .set_source_encryption_context(Some(context.clone()))
            .set_destination_encryption_context(Some(context));
        let rewrapped = call.send().await.map_err(|error| failed(&error))?;
        rewrapped
            .ciphertext_blob
            .map(Blob::into_inner)
            .ok_or_else(|| KmsError::Unreachable("ReEncrypt gave nothing".to_owned()))
    }

    fn default_key(&self) -> &str {
        &self.default_key
    }
}
