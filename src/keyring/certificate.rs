//! Forgetting a tenant: its wrapped keys are destroyed, and a signed certificate says which.

use std::path::Path;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64_simd::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio_postgres::Client;

use super::tls::words;
use crate::kms::{KeyContext, Kms, KmsError};

const SIGNERS: &str =
    "SELECT public, key_arn, wrapped, context FROM pgseal.signer ORDER BY created_at DESC";
const ADD_SIGNER: &str = "INSERT INTO pgseal.signer (public, key_arn, wrapped, context) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
const LOCK_TENANT: &str = "SELECT state, key_arn, current_database()::text, to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') \
    FROM pgseal.tenant WHERE id = $1 FOR UPDATE";
const DESTROY: &str = "DELETE FROM pgseal.key WHERE tenant = $1 \
    RETURNING encode(kid, 'hex'), purpose, generation, state, key_arn, wrapped, to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')";
const BURY: &str = "UPDATE pgseal.tenant SET state = 'forgotten' WHERE id = $1";
const KEEP: &str = "INSERT INTO pgseal.certificate (tenant, body) VALUES ($1, $2)";
const KEPT: &str = "SELECT body FROM pgseal.certificate WHERE tenant = $1 ORDER BY made_at";
const REMAINS: &str = "Wrapped copies may remain in older backups, in the write-ahead log and in freed space of the \
    keyring's files. They open only with the KMS keys named here: delete those to make destruction independent of backups. \
    Values of columns with scope = \"deployment\" are sealed by a key of the deployment, which was not destroyed.";

/// The key that signs certificates.
struct Signer(Ed25519KeyPair);

impl Signer {
    /// The newest that its KMS key still opens. It is made at the first certificate, and anew once the default key of that
    /// time is gone; its seed is wrapped by the default KMS key like a data key.
    async fn open(client: &Client, kms: &dyn Kms) -> Result<Self, String> {
        let known = client.query(SIGNERS, &[]).await;
        for row in known.map_err(|cause| words(&cause))? {
            let (public, key_arn, wrapped): (Vec<u8>, String, Vec<u8>) =
                (row.get(0), row.get(1), row.get(2));
            let context: KeyContext = serde_json::from_str(row.get(3))
                .map_err(|_| "the signer's context is no JSON".to_owned())?;
            match kms.unwrap(&key_arn, &wrapped, &context).await {
                Ok(seed) => {
                    return Ed25519KeyPair::from_seed_and_public_key(seed.expose(), &public)
                        .map(Self)
                        .map_err(|_| "the keyring's signer holds another key".to_owned());
                }
                Err(KmsError::Denied { .. }) => {}
                Err(cause) => {
                    return Err(format!(
                        "the key that signs certificates: {key_arn}: kms:Decrypt: {cause}"
                    ));
                }
            }
        }
        Self::make(client, kms).await
    }

    async fn make(client: &Client, kms: &dyn Kms) -> Result<Self, String> {
        let arn = kms.default_key();
        let context: KeyContext = [
            ("keystore", "pgseal"),
            ("tenant", "-"),
            ("purpose", "certificate"),
            ("fmt", "sv1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let made = kms.generate(arn, &context).await;
        let made = made.map_err(|cause| {
            format!("the key that signs certificates: {arn}: kms:GenerateDataKey: {cause}")
        })?;
        let pair = Ed25519KeyPair::from_seed_unchecked(made.secret.expose())
            .map_err(|_| "a key that signs certificates cannot be made".to_owned())?;
        let context = serde_json::to_string(&context).unwrap_or_default();
        let public = pair.public_key().as_ref();
        client
            .execute(
                ADD_SIGNER,
                &[&public, &made.key_arn, &made.wrapped, &context],
            )
            .await
            .map_err(|cause| words(&cause))?;
        Ok(Self(pair))
    }

    /// The certificate with its signature, which is over its compact JSON with sorted names.
    fn sign(&self, certificate: Value) -> Value {
        let signature = self.0.sign(certificate.to_string().as_bytes());
        json!({
            "certificate": certificate,
            "signature": {
                "algorithm": "Ed25519",
                "public_key": STANDARD.encode_to_string(self.0.public_key()),
                "value": STANDARD.encode_to_string(signature),
            },
        })
    }
}

/// Destroys a tenant's wrapped keys, for good, and gives the signed certificate, which the keyring keeps too.
///
/// # Errors
/// That there is no such tenant, or what KMS or the database says; nothing is destroyed then.
pub async fn forget(client: &mut Client, kms: &dyn Kms, id: &str) -> Result<Value, String> {
    let signer = Signer::open(client, kms).await?;
    let ok = |cause: tokio_postgres::Error| words(&cause);
    let transaction = client.transaction().await.map_err(ok)?;
    let tenant = transaction
        .query_opt(LOCK_TENANT, &[&id])
        .await
        .map_err(ok)?
        .ok_or_else(|| super::admin::unknown(id))?;
    if tenant.get::<_, &str>(0) == "forgotten" {
        return Err(format!(
            "the tenant {id} is forgotten already: `pgseal tenant certificate {id}` shows it"
        ));
    }
    let destroyed = transaction.query(DESTROY, &[&id]).await.map_err(ok)?;
    let keys: Vec<Value> = destroyed
        .iter()
        .map(|row| {
            let wrapped: &[u8] = row.get(5);
            json!({
                "kid": row.get::<_, &str>(0),
                "purpose": row.get::<_, &str>(1),
                "generation": row.get::<_, i32>(2),
                "state": row.get::<_, &str>(3),
                "key_arn": row.get::<_, &str>(4),
                "wrapped_sha256": hex(&Sha256::digest(wrapped)),
                "created_at": row.get::<_, &str>(6),
            })
        })
        .collect();
    let certificate = signer.sign(json!({
        "type": "pgseal certificate of destruction",
        "version": 1,
        "tenant": id,
        "kms_key": tenant.get::<_, &str>(1),
        "database": tenant.get::<_, &str>(2),
        "destroyed_at": tenant.get::<_, &str>(3),
        "keys": keys,
        "remains": REMAINS,
    }));
    transaction.execute(BURY, &[&id]).await.map_err(ok)?;
    transaction
        .execute(KEEP, &[&id, &certificate.to_string()])
        .await
        .map_err(ok)?;
    transaction.commit().await.map_err(ok)?;
    Ok(certificate)
}

/// The certificates of a tenant, oldest first.
///
/// # Errors
/// What the database says, or that there is none.
pub async fn kept(client: &Client, id: &str) -> Result<Vec<Value>, String> {
    let rows = client.query(KEPT, &[&id]).await;
    let rows = rows.map_err(|cause| words(&cause))?;
    if rows.is_empty() {
        return Err(format!(
            "the keyring holds no certificate for the tenant {id}"
        ));
    }
    rows.iter()
        .map(|row| {
            serde_json::from_str(row.get(0))
                .map_err(|_| "the keyring holds a certificate that is no JSON".to_owned())
        })
        .collect()
}

/// The public keys of this keyring's certificates, in base64.
///
/// # Errors
/// What the database says.
pub async fn public_keys(client: &Client) -> Result<Vec<String>, String> {
    let rows = client.query(SIGNERS, &[]).await;
    let rows = rows.map_err(|cause| words(&cause))?;
    Ok(rows
        .iter()
        .map(|row| STANDARD.encode_to_string(row.get::<_, &[u8]>(0)))
        .collect())
}

/// Verifies the certificate in a file; it must be signed by one of these public keys, in base64. Gives its tenant.
///
/// # Errors
/// What is wrong with it.
pub fn verify(path: &Path, trusted: &[String]) -> Result<String, String> {
    let name = path.display();
    let text =
        std::fs::read_to_string(path).map_err(|cause| format!("{name} cannot be read: {cause}"))?;
    let signed: Value =
        serde_json::from_str(&text).map_err(|cause| format!("{name} is no JSON: {cause}"))?;
    let text = |place: &str| signed.pointer(place).and_then(Value::as_str);
    let (Some(certificate), Some(tenant), Some(signer), Some(value)) = (
        signed.get("certificate"),
        text("/certificate/tenant"),
        text("/signature/public_key"),
        text("/signature/value"),
    ) else {
        return Err(format!("{name} is no certificate"));
    };
    let wrong = || format!("{name} was not signed by a key that is trusted, or was changed");
    if !trusted.iter().any(|trusted| trusted == signer) {
        return Err(wrong());
    }
    let (Ok(public), Ok(value)) = (
        STANDARD.decode_to_vec(signer),
        STANDARD.decode_to_vec(value),
    ) else {
        return Err(wrong());
    };
    UnparsedPublicKey::new(&ED25519, public)
        .verify(certificate.to_string().as_bytes(), &value)
        .map(|()| tenant.to_owned())
        .map_err(|_| wrong())
}

/// What would be destroyed: the number of a tenant's keys.
///
/// # Errors
/// That there is no such tenant.
pub async fn to_destroy(client: &Client, id: &str) -> Result<i64, String> {
    let known = super::admin::tenants(client, Some(id)).await?;
    let tenant = known.first().ok_or_else(|| super::admin::unknown(id))?;
    Ok(tenant.keys)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_certificate_or_another_key_does_not_verify() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("certificate.json");
        let signer = Signer(Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap());
        let signed = signer.sign(json!({ "tenant": "acmé", "keys": [], "b": 1, "a": 2 }));
        let public = STANDARD.encode_to_string(signer.0.public_key());
        std::fs::write(&path, format!("{signed:#}")).unwrap();
        assert_eq!(
            verify(&path, std::slice::from_ref(&public)).unwrap(),
            "acmé"
        );
        let other = Signer(Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap());
        assert!(verify(&path, &[STANDARD.encode_to_string(other.0.public_key())]).is_err());
        std::fs::write(&path, signed.to_string().replace("acmé", "acme")).unwrap();
        assert!(verify(&path, &[public]).is_err());
    }
}
