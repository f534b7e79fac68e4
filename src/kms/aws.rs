//! AWS KMS, by the SDK: credentials and `AWS_ENDPOINT_URL_KMS` as the SDK reads them, the region of each key's ARN, and the
//! role and endpoint that a route names for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_sdk_kms::Client;
use aws_sdk_kms::config::Region;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{DataKeySpec, KeySpec, KeyState, KeyUsageType};
use dashmap::DashMap;
use zeroize::Zeroizing;

use super::{ACCESS_DENIED, Generated, KeyContext, Kms, KmsError, OPERATION};
use crate::model::Secret;

/// One attempt's time.
const ATTEMPT: Duration = Duration::from_millis(800);

/// Error codes that are an authoritative no.
const DENIALS: &[&str] = &[
    ACCESS_DENIED,
    "DisabledException",
    "KMSInvalidStateException",
    "NotFoundException",
    "IncorrectKeyException",
    "InvalidCiphertextException",
    "InvalidKeyUsageException",
    "InvalidArnException",
];

/// How the keys whose ARN begins in a certain way are reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Route {
    /// The beginning of the ARN; the longest that fits counts.
    pub keys: String,
    /// The role to assume for them.
    pub role_arn: Option<String>,
    /// The external id that the role's owner asks for.
    pub external_id: Option<String>,
    /// KMS's URL, in place of the region's own.
    pub endpoint: Option<String>,
    /// Other regions that hold replicas of multi-Region keys, in the order in which they are asked when the key's own
    /// region does not answer.
    pub replicas: Vec<String>,
}

/// AWS KMS.
pub struct AwsKms {
    shared: SdkConfig,
    routes: Vec<Arc<Route>>,
    only_routes: bool,
    /// By region and route.
    clients: DashMap<(String, Option<String>), Client>,
    default_key: String,
}

impl AwsKms {
    /// Clients with the environment's settings; `default_key` is the ARN for tenants without a key of their own. With
    /// `only_routes`, keys that no route names are refused, the default key excepted.
    pub async fn new(default_key: String, routes: Vec<Route>, only_routes: bool) -> Self {
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
            shared,
            routes: routes.into_iter().map(Arc::new).collect(),
            only_routes,
            clients: DashMap::new(),
            default_key,
        }
    }

    fn route(&self, key_arn: &str) -> Result<Option<Arc<Route>>, KmsError> {
        let fitting = self
            .routes
            .iter()
            .filter(|route| key_arn.starts_with(&route.keys));
        let route = fitting.max_by_key(|route| route.keys.len()).cloned();
        if route.is_none() && self.only_routes && key_arn != self.default_key {
            return Err(KmsError::denied(format!(
                "no kms_routes entry names {key_arn}, and kms_only_routes is set"
            )));
        }
        Ok(route)
    }

    async fn client(&self, key_arn: &str) -> Result<Client, KmsError> {
        let route = self.route(key_arn)?;
        let region = region_of(key_arn).unwrap_or_default().to_owned();
        let name = (region, route.as_ref().map(|route| route.keys.clone()));
        if let Some(client) = self.clients.get(&name) {
            return Ok(client.clone());
        }
        let region = Some(name.0.clone())
            .filter(|region| !region.is_empty())
            .map(Region::new)
            .or_else(|| self.shared.region().cloned());
        let mut config = aws_sdk_kms::config::Builder::from(&self.shared).region(region.clone());
        if let Some(route) = &route {
            if let Some(endpoint) = &route.endpoint {
                config = config.endpoint_url(endpoint);
            }
            if let Some(role) = &route.role_arn {
                config = config.credentials_provider(self.assumed(route, role, region).await);
            }
        }
        // Two that come at once make two; one stays.
        let client = self.clients.entry(name);
        let client = client.or_insert_with(|| Client::from_conf(config.build()));
        Ok(client.clone())
    }

    async fn assumed(
        &self,
        route: &Route,
        role: &str,
        region: Option<Region>,
    ) -> AssumeRoleProvider {
        let mut provider = AssumeRoleProvider::builder(role)
            .configure(&self.shared)
            .session_name("pgseal");
        if let Some(region) = region {
            provider = provider.region(region);
        }
        if let Some(id) = &route.external_id {
            provider = provider.external_id(id);
        }
        provider.build().await
    }

    /// Makes a call for a key; for a multi-Region key whose region does not answer, in its replicas' regions too.
    async fn call<T, F: Future<Output = Result<T, KmsError>>>(
        &self,
        key_arn: &str,
        call: impl Fn(Client, String) -> F,
    ) -> Result<T, KmsError> {
        let mut result = call(self.client(key_arn).await?, key_arn.to_owned()).await;
        if !key_arn.contains(":key/mrk-") {
            return result;
        }
        let replicas = self.route(key_arn)?;
        for region in replicas.iter().flat_map(|route| &route.replicas) {
            if !matches!(result, Err(KmsError::Unreachable(_))) {
                break;
            }
            let Some(arn) = in_region(key_arn, region) else {
                break;
            };
            result = call(self.client(&arn).await?, arn).await;
        }
        result
    }
}

fn region_of(key_arn: &str) -> Option<&str> {
    match key_arn.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "kms", region, ..] => Some(region),
        _ => None,
    }
}

/// The ARN of a multi-Region key's replica (AWS KMS developer guide, "Multi-Region keys").
fn in_region(key_arn: &str, region: &str) -> Option<String> {
    let own = region_of(key_arn)?;
    Some(key_arn.replacen(&format!(":{own}:"), &format!(":{region}:"), 1))
}

/// The plaintext out of the SDK's blob, whose `Debug` would print it.
fn secret(blob: Option<Blob>) -> Result<Secret, KmsError> {
    let bytes = Zeroizing::new(blob.map(Blob::into_inner).unwrap_or_default());
    <&[u8; 32]>::try_from(bytes.as_slice())
        .map(Secret::new)
        .map_err(|_| KmsError::denied("the key has not 32 bytes"))
}

fn bytes(blob: Option<Blob>, operation: &str) -> Result<Vec<u8>, KmsError> {
    blob.map(Blob::into_inner)
        .ok_or_else(|| KmsError::Unreachable(format!("{operation} gave nothing")))
}

fn failed<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> KmsError {
    let said = error.as_service_error();
    match said.and_then(ProvideErrorMetadata::code) {
        Some(code) if DENIALS.contains(&code) => KmsError::Denied {
            reason: code.to_owned(),
            words: said
                .and_then(ProvideErrorMetadata::message)
                .unwrap_or_default()
                .to_owned(),
        },
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

fn context_map(context: &KeyContext) -> HashMap<String, String> {
    context.clone().into_iter().collect()
}

#[async_trait]
impl Kms for AwsKms {
    async fn generate(&self, key_arn: &str, context: &KeyContext) -> Result<Generated, KmsError> {
        let generate = move |client: Client, arn: String| async move {
            let call = client
                .generate_data_key()
                .key_id(&arn)
                .key_spec(DataKeySpec::Aes256)
                .set_encryption_context(Some(context_map(context)));
            let key = call.send().await.map_err(|error| failed(&error))?;
            Ok(Generated {
                secret: secret(key.plaintext)?,
                wrapped: bytes(key.ciphertext_blob, "GenerateDataKey")?,
                key_arn: key.key_id.unwrap_or(arn),
            })
        };
        self.call(key_arn, generate).await
    }

    async fn wrap(
        &self,
        key_arn: &str,
        secret: &Secret,
        context: &KeyContext,
    ) -> Result<Vec<u8>, KmsError> {
        let client = self.client(key_arn).await?;
        let call = client
            .encrypt()
            .key_id(key_arn)
            .plaintext(Blob::new(secret.expose().as_slice()))
            .set_encryption_context(Some(context_map(context)));
        let wrapped = call.send().await.map_err(|error| failed(&error))?;
        bytes(wrapped.ciphertext_blob, "Encrypt")
    }

    async fn unwrap(
        &self,
        key_arn: &str,
        wrapped: &[u8],
        context: &KeyContext,
    ) -> Result<Secret, KmsError> {
        let decrypt = move |client: Client, arn: String| async move {
            let call = client
                .decrypt()
                .key_id(arn)
                .ciphertext_blob(Blob::new(wrapped))
                .set_encryption_context(Some(context_map(context)));
            let key = call.send().await.map_err(|error| failed(&error))?;
            secret(key.plaintext)
        };
        self.call(key_arn, decrypt).await
    }

    async fn verify(&self, key_arn: &str) -> Result<String, KmsError> {
        let client = self.client(key_arn).await?;
        let described = client.describe_key().key_id(key_arn).send().await;
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
        match refused {
            None => Ok(key.arn.unwrap_or_else(|| key_arn.to_owned())),
            Some(reason) => Err(KmsError::denied(reason)),
        }
    }

    async fn rewrap(
        &self,
        from_arn: &str,
        to_arn: &str,
        wrapped: &[u8],
        context: &KeyContext,
    ) -> Result<Vec<u8>, KmsError> {
        let (from, to) = (self.route(from_arn)?, self.route(to_arn)?);
        let reach = |route: Option<Arc<Route>>| {
            route.map(|route| (route.role_arn.clone(), route.endpoint.clone()))
        };
        if region_of(from_arn) != region_of(to_arn) || reach(from) != reach(to) {
            // ReEncrypt knows one region and one caller.
            let secret = self.unwrap(from_arn, wrapped, context).await?;
            return self.wrap(to_arn, &secret, context).await;
        }
        let client = self.client(to_arn).await?;
        let call = client
            .re_encrypt()
            .ciphertext_blob(Blob::new(wrapped))
            .source_key_id(from_arn)
            .destination_key_id(to_arn)
            .set_source_encryption_context(Some(context_map(context)))
            .set_destination_encryption_context(Some(context_map(context)));
        let rewrapped = call.send().await.map_err(|error| failed(&error))?;
        bytes(rewrapped.ciphertext_blob, "ReEncrypt")
    }

    fn default_key(&self) -> &str {
        &self.default_key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn kms(routes: &[&str], only_routes: bool) -> AwsKms {
        let routes = routes.iter().map(|keys| Route {
            keys: (*keys).to_owned(),
            ..Route::default()
        });
        AwsKms::new(
            "arn:aws:kms:r:1:key/default".to_owned(),
            routes.collect(),
            only_routes,
        )
        .await
    }

    #[tokio::test]
    async fn the_longest_route_counts_and_only_routes_refuses_the_others() {
        let kms = kms(&["arn:aws:kms:r:2:", "arn:aws:kms:r:2:key/a"], true).await;
        let keys = |arn: &str| kms.route(arn).map(|route| route.unwrap().keys.clone());
        assert_eq!(
            keys("arn:aws:kms:r:2:key/a").unwrap(),
            "arn:aws:kms:r:2:key/a"
        );
        assert_eq!(keys("arn:aws:kms:r:2:key/b").unwrap(), "arn:aws:kms:r:2:");
        assert!(kms.route("arn:aws:kms:r:3:key/a").is_err());
        assert!(kms.route("arn:aws:kms:r:1:key/default").unwrap().is_none());
    }

    #[test]
    fn a_replica_s_arn_differs_in_the_region_only() {
        assert_eq!(
            in_region("arn:aws:kms:eu-west-1:1:key/mrk-1", "us-east-1").unwrap(),
            "arn:aws:kms:us-east-1:1:key/mrk-1"
        );
        assert_eq!(region_of("alias/a"), None);
    }
}
