//! What operators do to tenants and keys; safe while any number of replicas run.

use tokio_postgres::Client;

use super::{schema, tls::words};
use crate::keys::{Purpose, key_id};
use crate::kms::{KeyContext, Kms};
use crate::model::{KeyId, TenantId};

/// A tenant as the keyring has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRow {
    /// Its id.
    pub id: String,
    /// The KMS key for its next data key.
    pub key_arn: String,
    /// `enabled` or `disabled`.
    pub state: String,
    /// Its data keys, of all generations.
    pub keys: i64,
}

/// A data key as the keyring has it, without its material.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// Its id, in hexadecimal digits.
    pub kid: String,
    /// Whose it is.
    pub tenant: String,
    /// Counts a tenant's keys from 1.
    pub generation: i32,
    /// `active`, `decrypt_only` or `disabled`.
    pub state: String,
    /// The KMS key that wraps it.
    pub key_arn: String,
    /// When it was made, as PostgreSQL prints it.
    pub created_at: String,
}

const TENANTS: &str = "SELECT t.id, t.key_arn, t.state, (SELECT count(*) FROM pgseal.key k WHERE k.tenant = t.id) \
    FROM pgseal.tenant t WHERE $1::text IS NULL OR t.id = $1 ORDER BY t.id";
const KEYS: &str = "SELECT encode(kid, 'hex'), tenant, generation, state, key_arn, created_at::text \
    FROM pgseal.key WHERE $1::text IS NULL OR tenant = $1 ORDER BY tenant, generation";
const SET_STATE: &str = "UPDATE pgseal.tenant SET state = $2 WHERE id = $1";
const SET_ARN: &str = "UPDATE pgseal.tenant SET key_arn = $2 WHERE id = $1";
const WRAPPED_BY_OTHERS: &str = "SELECT kid, key_arn, wrapped, context FROM pgseal.key WHERE tenant = $1 AND key_arn <> $2 ORDER BY generation";
const REWRAPPED: &str =
    "UPDATE pgseal.key SET wrapped = $3, key_arn = $4 WHERE kid = $1 AND wrapped = $2";
const NEWEST: &str = "SELECT generation FROM pgseal.key WHERE tenant = $1 AND purpose = 'dek' AND state = 'active' FOR UPDATE";
const RETIRE: &str = "UPDATE pgseal.key SET state = 'decrypt_only' WHERE tenant = $1 AND purpose = 'dek' AND state = 'active'";
const ADD_KEY: &str = "INSERT INTO pgseal.key (kid, tenant, purpose, generation, state, key_arn, wrapped, context) \
    VALUES ($1, $2, 'dek', $3, 'active', $4, $5, $6)";

/// The encryption context of a tenant's data key.
pub(super) fn context_of(tenant: &str, generation: i32) -> KeyContext {
    [
        ("keystore", "pgseal"),
        ("tenant", tenant),
        ("purpose", Purpose::Dek.as_str()),
        ("gen", &generation.to_string()),
        ("seal-until", "-"),
        ("fmt", "sv1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// All tenants, or the one of this id.
///
/// # Errors
/// What the database says.
pub async fn tenants(client: &Client, id: Option<&str>) -> Result<Vec<TenantRow>, String> {
    let rows = client.query(TENANTS, &[&id]).await;
    let rows = rows.map_err(|cause| words(&cause))?;
    Ok(rows
        .iter()
        .map(|row| TenantRow {
            id: row.get(0),
            key_arn: row.get(1),
            state: row.get(2),
            keys: row.get(3),
        })
        .collect())
}

/// All data keys, or those of one tenant, oldest first.
///
/// # Errors
/// What the database says.
pub async fn keys(client: &Client, tenant: Option<&str>) -> Result<Vec<KeyRow>, String> {
    let rows = client.query(KEYS, &[&tenant]).await;
    let rows = rows.map_err(|cause| words(&cause))?;
    Ok(rows
        .iter()
        .map(|row| KeyRow {
            kid: row.get(0),
            tenant: row.get(1),
            generation: row.get(2),
            state: row.get(3),
            key_arn: row.get(4),
            created_at: row.get(5),
        })
        .collect())
}

/// Whether pgseal may really use this key for this tenant: described, then a data key wrapped and unwrapped.
async fn prove(kms: &dyn Kms, key_arn: &str, tenant: &str) -> Result<(), String> {
    let step = |what: &'static str| {
        move |cause: crate::kms::KmsError| format!("{key_arn} cannot be used: {what}: {cause}")
    };
    kms.verify(key_arn).await.map_err(step("kms:DescribeKey"))?;
    let context = context_of(tenant, 0);
    let (secret, wrapped) = kms
        .generate(key_arn, &context)
        .await
        .map_err(step("kms:GenerateDataKey"))?;
    let back = kms
        .unwrap(key_arn, &wrapped, &context)
        .await
        .map_err(step("kms:Decrypt"))?;
    if key_id(&back) == key_id(&secret) {
        Ok(())
    } else {
        Err(format!(
            "{key_arn} cannot be used: kms:Decrypt gave another key than kms:GenerateDataKey"
        ))
    }
}

/// Registers a tenant with its own KMS key, once the key is proven.
///
/// # Errors
/// What the key or a permission lacks, or that the tenant is there already.
pub async fn add_tenant(
    client: &Client,
    kms: &dyn Kms,
    id: &str,
    key_arn: &str,
) -> Result<(), String> {
    let tenant = TenantId::new(id).ok_or_else(|| format!("\"{id}\" is no tenant id"))?;
    prove(kms, key_arn, tenant.as_str()).await?;
    let added = client
        .execute(schema::ADD_TENANT, &[&tenant.as_str(), &key_arn])
        .await
        .map_err(|cause| words(&cause))?;
    if added == 1 {
        Ok(())
    } else {
        Err(format!(
            "the tenant {tenant} is registered already: `pgseal tenant rekey` gives it another key"
        ))
    }
}

fn unknown(id: &str) -> String {
    format!("the tenant {id} is not registered: see `pgseal tenant list`")
}

/// Closes or opens a tenant; every replica follows within about a second.
///
/// # Errors
/// That there is no such tenant.
pub async fn set_enabled(client: &Client, id: &str, enabled: bool) -> Result<(), String> {
    let state = if enabled { "enabled" } else { "disabled" };
    match client.execute(SET_STATE, &[&id, &state]).await {
        Ok(0) => Err(unknown(id)),
        Ok(_) => Ok(()),
        Err(cause) => Err(words(&cause)),
    }
}

/// Wraps all data keys of a tenant by another KMS key; the data stays as it is. Gives how many were rewrapped. What is
/// not done when it stops half-way goes on being unwrapped by the old key, and the next run does the rest.
///
/// # Errors
/// What the new key lacks, or the first data key that could not be rewrapped.
pub async fn rekey(client: &Client, kms: &dyn Kms, id: &str, key_arn: &str) -> Result<u64, String> {
    if tenants(client, Some(id)).await?.is_empty() {
        return Err(unknown(id));
    }
    prove(kms, key_arn, id).await?;
    let ok = |cause: tokio_postgres::Error| words(&cause);
    client
        .execute(SET_ARN, &[&id, &key_arn])
        .await
        .map_err(ok)?;
    let mut done = 0;
    for row in client
        .query(WRAPPED_BY_OTHERS, &[&id, &key_arn])
        .await
        .map_err(ok)?
    {
        let (kid, from, wrapped): (Vec<u8>, String, Vec<u8>) = (row.get(0), row.get(1), row.get(2));
        let context = serde_json::from_str(&row.get::<_, String>(3))
            .map_err(|_| "the keyring holds a context that is no JSON".to_owned())?;
        let rewrapped = kms.rewrap(&from, key_arn, &wrapped, &context).await;
        let rewrapped = rewrapped.map_err(|cause| {
            format!("{done} keys are rewrapped; the next could not be taken from {from} to {key_arn}: kms:ReEncrypt*: {cause}. Run it again to go on.")
        })?;
        done += client
            .execute(REWRAPPED, &[&kid, &wrapped, &rewrapped, &key_arn])
            .await
            .map_err(ok)?;
    }
    Ok(done)
}

/// Makes a new data key for a tenant's next writes; older ones only open from now on. Gives its id. Replicas seal with
/// the new one within the soft age.
///
/// # Errors
/// That the tenant has no data key yet, or what KMS or the database says.
pub async fn rotate(client: &mut Client, kms: &dyn Kms, id: &str) -> Result<KeyId, String> {
    let ok = |cause: tokio_postgres::Error| words(&cause);
    let known = tenants(client, Some(id)).await?;
    let arn = known
        .first()
        .map(|tenant| tenant.key_arn.clone())
        .ok_or_else(|| unknown(id))?;
    let transaction = client.transaction().await.map_err(ok)?;
    let newest = transaction.query_opt(NEWEST, &[&id]).await.map_err(ok)?;
    let generation: i32 = newest
        .ok_or_else(|| format!("the tenant {id} has no data key yet: its first write makes one"))?
        .get(0);
    let context = context_of(id, generation + 1);
    let (secret, wrapped) = kms
        .generate(&arn, &context)
        .await
        .map_err(|cause| format!("{arn}: kms:GenerateDataKey: {cause}"))?;
    let kid = key_id(&secret);
    let text = serde_json::to_string(&context).map_err(|cause| cause.to_string())?;
    transaction.execute(RETIRE, &[&id]).await.map_err(ok)?;
    transaction
        .execute(
            ADD_KEY,
            &[
                &kid.0.as_slice(),
                &id,
                &(generation + 1),
                &arn,
                &wrapped,
                &text,
            ],
        )
        .await
        .map_err(ok)?;
    transaction.commit().await.map_err(ok)?;
    Ok(kid)
}
