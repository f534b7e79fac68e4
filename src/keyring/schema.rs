//! The keyring's tables and statements.

use tokio_postgres::{Client, Error};

/// What `pgseal schema` prints and the first start runs. It may run any number of times.
pub const DDL: &str = "\
CREATE SCHEMA IF NOT EXISTS pgseal;
CREATE TABLE IF NOT EXISTS pgseal.tenant (
    id          text PRIMARY KEY,
    key_arn     text NOT NULL,
    state       text NOT NULL DEFAULT 'enabled' CHECK (state IN ('enabled', 'disabled')),
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS pgseal.key (
    kid         bytea PRIMARY KEY CHECK (octet_length(kid) = 8),
    tenant      text NOT NULL REFERENCES pgseal.tenant (id),
    purpose     text NOT NULL CHECK (purpose IN ('dek', 'search')),
    generation  integer NOT NULL CHECK (generation > 0),
    state       text NOT NULL CHECK (state IN ('active', 'decrypt_only', 'disabled')),
    key_arn     text NOT NULL,
    wrapped     bytea NOT NULL,
    context     text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    seal_until  timestamptz
);
CREATE UNIQUE INDEX IF NOT EXISTS key_one_active ON pgseal.key (tenant, purpose) WHERE state = 'active';
";

/// Replicas that start together take turns: concurrent `IF NOT EXISTS` can collide in the system catalogs.
const LOCK: &str = "SELECT pg_catalog.pg_advisory_xact_lock(7307785420168424556)";

pub(super) const ACTIVE: &str = "SELECT k.kid, k.tenant, k.state, k.key_arn, k.wrapped, k.context, t.state AS tenant_state \
    FROM pgseal.key k LEFT JOIN pgseal.tenant t ON t.id = k.tenant WHERE k.tenant = $1 AND k.purpose = 'dek' AND k.state = 'active'";
pub(super) const BY_KID: &str = "SELECT k.kid, k.tenant, k.state, k.key_arn, k.wrapped, k.context, t.state AS tenant_state \
    FROM pgseal.key k LEFT JOIN pgseal.tenant t ON t.id = k.tenant WHERE k.kid = $1";
pub(super) const TENANT: &str = "SELECT key_arn, state FROM pgseal.tenant WHERE id = $1";
pub(super) const ADD_TENANT: &str =
    "INSERT INTO pgseal.tenant (id, key_arn) VALUES ($1, $2) ON CONFLICT DO NOTHING";
pub(super) const PUBLISH: &str = "INSERT INTO pgseal.key (kid, tenant, purpose, generation, state, key_arn, wrapped, context) \
    VALUES ($1, $2, 'dek', 1, 'active', $3, $4, $5) ON CONFLICT DO NOTHING";
pub(super) const DISABLED: &str = "SELECT id FROM pgseal.tenant WHERE state = 'disabled'";

/// Creates what is missing. A role that may not create, but finds everything there, is content.
pub(super) async fn ensure(client: &Client) -> Result<(), Error> {
    let present = client.query_one("SELECT to_regclass('pgseal.key') IS NOT NULL AND to_regclass('pgseal.key_one_active') IS NOT NULL", &[]).await?;
    if present.get(0) {
        return Ok(());
    }
    client
        .batch_execute(&format!(
            "BEGIN; {LOCK}; SET LOCAL client_min_messages = warning; {DDL} COMMIT"
        ))
        .await
}
