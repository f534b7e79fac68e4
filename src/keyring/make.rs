//! Making data keys: wrapped first, then published by compare-and-set.

use tokio_postgres::{Client, Error};

use super::schema;
use crate::keys::{Purpose, key_id};
use crate::kms::{KeyContext, Kms, KmsError};
use crate::model::KeyId;

/// A tenant as it was when it was looked at; all `None` if there is no such tenant.
pub(super) struct Owner {
    pub(super) key_arn: Option<String>,
    pub(super) state: Option<String>,
    /// How long a key made now is to seal, if keys are rotated by age.
    pub(super) seal_until: Option<String>,
}

/// Looks at a tenant whose next key seals for `seal_for` seconds.
pub(super) async fn owner(
    client: &Client,
    tenant: &str,
    seal_for: Option<f64>,
) -> Result<Owner, Error> {
    let row = client
        .query_one(schema::TENANT, &[&tenant, &seal_for])
        .await?;
    Ok(Owner {
        key_arn: row.try_get("key_arn")?,
        state: row.try_get("state")?,
        seal_until: row.try_get("seal_until")?,
    })
}

/// The encryption context of a tenant's data key.
pub(super) fn context_of(
    tenant: &str,
    purpose: Purpose,
    generation: i32,
    seal_until: Option<&str>,
) -> KeyContext {
    [
        ("keystore", "pgseal"),
        ("tenant", tenant),
        ("purpose", purpose.as_str()),
        ("gen", &generation.to_string()),
        ("seal-until", seal_until.unwrap_or("-")),
        ("fmt", "sv1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// A key that is wrapped and not published.
pub(super) struct Made {
    pub(super) kid: KeyId,
    purpose: Purpose,
    generation: i32,
    /// The KMS key that was asked for, which may be an alias.
    asked: String,
    /// The KMS key that wrapped.
    key_arn: String,
    wrapped: Vec<u8>,
    context: String,
    seal_until: Option<String>,
}

/// Lets KMS make a data key.
pub(super) async fn make(
    kms: &dyn Kms,
    tenant: &str,
    purpose: Purpose,
    generation: i32,
    key_arn: &str,
    seal_until: Option<String>,
) -> Result<Made, KmsError> {
    let context = context_of(tenant, purpose, generation, seal_until.as_deref());
    let made = kms.generate(key_arn, &context).await?;
    Ok(Made {
        kid: key_id(&made.secret),
        purpose,
        generation,
        asked: key_arn.to_owned(),
        key_arn: made.key_arn,
        wrapped: made.wrapped,
        // A map of texts is always JSON.
        context: serde_json::to_string(&context).unwrap_or_default(),
        seal_until,
    })
}

impl Made {
    /// Publishes a tenant's first key; false when another was first, or the tenant changed meanwhile.
    pub(super) async fn publish(&self, client: &Client, tenant: &str) -> Result<bool, Error> {
        let published = client
            .execute(
                schema::PUBLISH,
                &[
                    &self.kid.0.as_slice(),
                    &tenant,
                    &self.generation,
                    &self.asked,
                    &self.key_arn,
                    &self.wrapped,
                    &self.context,
                    &self.seal_until,
                    &self.purpose.as_str(),
                ],
            )
            .await?;
        Ok(published == 1)
    }

    /// Publishes it in the place of the tenant's active key; false when that is no longer the active one, or the tenant
    /// changed meanwhile.
    pub(super) async fn replace(
        &self,
        client: &Client,
        tenant: &str,
        old: KeyId,
    ) -> Result<bool, Error> {
        let published = client
            .execute(
                schema::REPLACE,
                &[
                    &self.kid.0.as_slice(),
                    &tenant,
                    &self.generation,
                    &self.asked,
                    &self.key_arn,
                    &self.wrapped,
                    &self.context,
                    &self.seal_until,
                    &old.0.as_slice(),
                ],
            )
            .await?;
        Ok(published == 1)
    }
}
