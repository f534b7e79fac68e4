//! What operators do to tenants and keys; safe while any number of replicas run.

use tokio_postgres::Client;

use super::make::{context_of, make, owner};
use super::{schema, tls::words};
use crate::keys::{Purpose, key_id};
use crate::kms::{Kms, KmsError};
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
    /// `dek` or `search`.
    pub purpose: String,
    /// Counts a tenant's keys from 1.
    pub generation: i32,
    /// `active`, `decrypt_only` or `disabled`.
    pub state: String,
    /// The KMS key that wraps it.
    pub key_arn: String,
    /// When it was made, as PostgreSQL prints it.
    pub created_at: String,
    /// Its age in seconds.
    pub age: i64,
    /// When it is to be rotated, as PostgreSQL prints it.
    pub seal_until: Option<String>,
}

const TENANTS: &str = "SELECT t.id, t.key_arn, t.state, (SELECT count(*) FROM pgseal.key k WHERE k.tenant = t.id) \
    FROM pgseal.tenant t WHERE $1::text IS NULL OR t.id = $1 ORDER BY t.id";
const KEYS: &str = "SELECT encode(kid, 'hex'), tenant, purpose, generation, state, key_arn, created_at::text, \
    extract(epoch FROM now() - created_at)::bigint, seal_until::text \
    FROM pgseal.key WHERE $1::text IS NULL OR tenant = $1 ORDER BY tenant, purpose, generation";
const SET_STATE: &str =
    "UPDATE pgseal.tenant SET state = $2 WHERE id = $1 AND state <> 'forgotten'";
const SET_ARN: &str =
    "UPDATE pgseal.tenant SET key_arn = $2 WHERE id = $1 AND state <> 'forgotten'";
const WRAPPED_BY_OTHERS: &str = "SELECT kid, key_arn, wrapped, context FROM pgseal.key WHERE tenant = $1 AND key_arn <> $2 ORDER BY generation";
/// Compare-and-set: two that rekey at once, or a key destroyed meanwhile, do no harm.
const REWRAPPED: &str =
    "UPDATE pgseal.key SET wrapped = $3, key_arn = $4 WHERE kid = $1 AND wrapped = $2";
const NEWEST: &str = "SELECT kid, generation FROM pgseal.key WHERE tenant = $1 AND purpose = $2 AND state = 'active'";

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
            purpose: row.get(2),
            generation: row.get(3),
            state: row.get(4),
            key_arn: row.get(5),
            created_at: row.get(6),
            age: row.get(7),
            seal_until: row.get(8),
        })
        .collect())
}

/// Whether pgseal may really use this key for this tenant: described, then a data key made, unwrapped, wrapped and rewrapped.
/// Gives the ARN of the key itself, should this one be an alias.
async fn prove(kms: &dyn Kms, key_arn: &str, tenant: &str) -> Result<String, String> {
    let context = context_of(tenant, Purpose::Dek, 0, None);
    let mut lacks = Vec::new();
    let mut itself = key_arn.to_owned();
    match kms.verify(key_arn).await {
        Ok(arn) => itself = arn,
        // All that a policy lacks is told at once: its owner is somebody else.
        Err(cause) if cause.is_permission() => lacks.push(("kms:DescribeKey", cause)),
        Err(cause) => {
            return Err(format!(
                "{key_arn} cannot be used: kms:DescribeKey: {cause}"
            ));
        }
    }
    match kms.generate(key_arn, &context).await {
        Err(cause) => lacks.push(("kms:GenerateDataKey", cause)),
        Ok(made) => {
            let (arn, wrapped) = (&made.key_arn, &made.wrapped);
            match kms.unwrap(arn, wrapped, &context).await {
                Err(cause) => lacks.push(("kms:Decrypt", cause)),
                Ok(back) if key_id(&back) == key_id(&made.secret) => {}
                Ok(_) => {
                    let cause = KmsError::denied("it gave another key than kms:GenerateDataKey");
                    lacks.push(("kms:Decrypt", cause));
                }
            }
            // Without these the tenant could never change from a key of another region, or to another one of this region.
            if let Err(cause) = kms.wrap(arn, &made.secret, &context).await {
                lacks.push(("kms:Encrypt", cause));
            }
            if let Err(cause) = kms.rewrap(arn, arn, wrapped, &context).await {
                lacks.push(("kms:ReEncrypt*", cause));
            }
        }
    }
    if lacks.is_empty() {
        return Ok(itself);
    }
    let lacks = lacks.iter().map(|(what, cause)| format!("{what}: {cause}"));
    let lacks = lacks.collect::<Vec<_>>().join("\n  ");
    Err(format!("{key_arn} cannot be used: {lacks}"))
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

/// What is said of a tenant that is not there.
#[must_use]
pub fn unknown(id: &str) -> String {
    format!("the tenant {id} is not registered: see `pgseal tenant list`")
}

/// Closes or opens a tenant; replicas are notified, and look by themselves each second.
///
/// # Errors
/// That there is no such tenant.
pub async fn set_enabled(client: &Client, id: &str, enabled: bool) -> Result<(), String> {
    let state = if enabled { "enabled" } else { "disabled" };
    match client.execute(SET_STATE, &[&id, &state]).await {
        Ok(0) => Err(gone(client, id).await),
        Ok(_) => Ok(()),
        Err(cause) => Err(words(&cause)),
    }
}

/// Why a tenant cannot be changed.
async fn gone(client: &Client, id: &str) -> String {
    match tenants(client, Some(id)).await.as_deref() {
        Ok([tenant]) if tenant.state == "forgotten" => {
            format!("the tenant {id} was forgotten: `pgseal tenant add` begins it anew")
        }
        // Or it has just been added.
        _ => unknown(id),
    }
}

/// Wraps all data keys of a tenant by another KMS key; the data stays as it is. Gives how many were rewrapped; `progress`
/// is told how many are done, of how many. What is not done when it stops half-way goes on being unwrapped by the old
/// key, and the next run does the rest.
///
/// # Errors
/// What the new key lacks, or the first data key that could not be rewrapped.
pub async fn rekey(
    client: &Client,
    kms: &dyn Kms,
    id: &str,
    key_arn: &str,
    progress: &dyn Fn(u64, u64),
) -> Result<u64, String> {
    if tenants(client, Some(id)).await?.is_empty() {
        return Err(unknown(id));
    }
    let itself = prove(kms, key_arn, id).await?;
    let ok = |cause: tokio_postgres::Error| words(&cause);
    // From here on no key can be published under the old one: see schema::PUBLISH.
    if client
        .execute(SET_ARN, &[&id, &key_arn])
        .await
        .map_err(ok)?
        == 0
    {
        return Err(gone(client, id).await);
    }
    let rows = client
        .query(WRAPPED_BY_OTHERS, &[&id, &itself])
        .await
        .map_err(ok)?;
    let all = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let mut done = 0;
    progress(done, all);
    for row in rows {
        let (kid, from, wrapped): (Vec<u8>, String, Vec<u8>) = (row.get(0), row.get(1), row.get(2));
        let context = serde_json::from_str(&row.get::<_, String>(3))
            .map_err(|_| "the keyring holds a context that is no JSON".to_owned())?;
        let rewrapped = kms.rewrap(&from, &itself, &wrapped, &context).await;
        let rewrapped = rewrapped.map_err(|cause| {
            format!("{done} of {all} keys are rewrapped; the next could not be taken from {from} to {key_arn}: kms:ReEncrypt*: {cause}. Run it again to go on.")
        })?;
        done += client
            .execute(REWRAPPED, &[&kid, &wrapped, &rewrapped, &itself])
            .await
            .map_err(ok)?;
        progress(done, all);
    }
    Ok(done)
}

/// Makes a new key of this purpose for a tenant's next writes; older ones only open from now on. Gives its id. Replicas are
/// notified; one that does not hear it seals with the new one within the soft age.
///
/// # Errors
/// That the tenant has no data key yet, or what KMS or the database says.
pub async fn rotate(
    client: &Client,
    kms: &dyn Kms,
    id: &str,
    purpose: Purpose,
    seal_for: Option<f64>,
) -> Result<KeyId, String> {
    let ok = |cause: tokio_postgres::Error| words(&cause);
    let owner = owner(client, id, seal_for).await.map_err(ok)?;
    let arn = match (owner.state.as_deref(), owner.key_arn) {
        (Some("enabled"), Some(arn)) => arn,
        (Some("disabled"), _) => return Err(format!("the tenant {id} is disabled")),
        (Some(_), _) => return Err(gone(client, id).await),
        (None, _) => return Err(unknown(id)),
    };
    let newest = client.query_opt(NEWEST, &[&id, &purpose.as_str()]).await;
    let newest = newest.map_err(ok)?.ok_or_else(|| {
        let what = match purpose {
            Purpose::Dek => "data",
            Purpose::Search => "search",
        };
        format!("the tenant {id} has no {what} key yet: its first write makes one")
    })?;
    let (old, generation): (Vec<u8>, i32) = (newest.get(0), newest.get(1));
    let old = old.as_slice().try_into().map(KeyId);
    let old = old.map_err(|_| "the keyring holds a key id that is none".to_owned())?;
    let made = make(
        kms,
        id,
        purpose,
        generation + 1,
        &arn,
        owner.seal_until.filter(|_| purpose == Purpose::Dek),
    )
    .await
    .map_err(|cause| format!("{arn}: kms:GenerateDataKey: {cause}"))?;
    if made.replace(client, id, old).await.map_err(ok)? {
        Ok(made.kid)
    } else {
        Err(format!(
            "the tenant {id} was changed by somebody else at the same time: look at it, and run it again if need be"
        ))
    }
}
