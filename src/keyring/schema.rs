//! The keyring's tables and statements.

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

/// What `pgseal schema` prints and the first start runs. It may run any number of times.
///
/// The triggers tell every replica of a change, whoever made it, in the channel `pgseal`: the tenant's id.
pub const DDL: &str = "\
CREATE SCHEMA IF NOT EXISTS pgseal;
CREATE TABLE IF NOT EXISTS pgseal.tenant (
    id          text PRIMARY KEY,
    key_arn     text NOT NULL,
    state       text NOT NULL DEFAULT 'enabled',
    created_at  timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE pgseal.tenant ADD COLUMN IF NOT EXISTS changed_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE pgseal.tenant DROP CONSTRAINT IF EXISTS tenant_state_check;
ALTER TABLE pgseal.tenant ADD CONSTRAINT tenant_state_check CHECK (state IN ('enabled', 'disabled', 'forgotten'));
CREATE INDEX IF NOT EXISTS tenant_closed ON pgseal.tenant (changed_at) WHERE state <> 'enabled';
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
CREATE UNIQUE INDEX IF NOT EXISTS key_generation ON pgseal.key (tenant, purpose, generation);
CREATE TABLE IF NOT EXISTS pgseal.signer (
    public      bytea PRIMARY KEY CHECK (octet_length(public) = 32),
    key_arn     text NOT NULL,
    wrapped     bytea NOT NULL,
    context     text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE OR REPLACE FUNCTION pgseal.tenant_changed() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    PERFORM pg_notify('pgseal', left(NEW.id, 255));
    NEW.changed_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION pgseal.key_changed() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    PERFORM pg_notify('pgseal', left(OLD.tenant, 255));
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tenant_changed BEFORE UPDATE ON pgseal.tenant FOR EACH ROW EXECUTE FUNCTION pgseal.tenant_changed();
CREATE OR REPLACE TRIGGER key_changed AFTER UPDATE OR DELETE ON pgseal.key FOR EACH ROW EXECUTE FUNCTION pgseal.key_changed();
CREATE TABLE IF NOT EXISTS pgseal.certificate (
    tenant      text NOT NULL,
    made_at     timestamptz NOT NULL DEFAULT now(),
    body        text NOT NULL,
    PRIMARY KEY (tenant, made_at)
);
";

/// Replicas that start together take turns: concurrent `IF NOT EXISTS` can collide in the system catalogs.
const LOCK: &str = "SELECT pg_catalog.pg_advisory_xact_lock(7307785420168424556)";

/// `$2`: seconds after which an active key is to be rotated, or NULL.
macro_rules! key_rows {
    ($condition:literal) => {
        concat!(
            "SELECT k.kid, k.tenant, k.purpose, k.generation, k.state, k.key_arn, k.wrapped, k.context, t.state AS tenant_state, ",
            "k.purpose = 'dek' AND (coalesce(k.seal_until <= now(), false) OR ",
            "coalesce(k.created_at + $2::float8 * interval '1 second' <= now(), false)) AS expired ",
            "FROM pgseal.key k LEFT JOIN pgseal.tenant t ON t.id = k.tenant WHERE ",
            $condition
        )
    };
}

pub(super) const ACTIVE: &str =
    key_rows!("k.tenant = $1 AND k.purpose = $3 AND k.state = 'active'");
pub(super) const BY_KID: &str = key_rows!("k.kid = $1");
/// A tenant, and the end of sealing of a key made now that seals for `$2` seconds.
pub(super) const TENANT: &str = "SELECT key_arn, state, \
    to_char((now() + $2::float8 * interval '1 second') AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS seal_until \
    FROM (SELECT 1) one LEFT JOIN pgseal.tenant ON id = $1";
/// A forgotten tenant may begin anew.
pub(super) const ADD_TENANT: &str = "INSERT INTO pgseal.tenant AS t (id, key_arn) VALUES ($1, $2) \
    ON CONFLICT (id) DO UPDATE SET key_arn = EXCLUDED.key_arn, state = 'enabled' WHERE t.state = 'forgotten'";
pub(super) const ADD_NEW_TENANT: &str =
    "INSERT INTO pgseal.tenant (id, key_arn) VALUES ($1, $2) ON CONFLICT DO NOTHING";
/// Compare-and-set: nothing is published for a tenant that was closed or given another KMS key since it was looked at
/// (`$4`), nor beside an active key. The lock on the tenant's row lets a change of it wait, or this wait for the change.
pub(super) const PUBLISH: &str = "INSERT INTO pgseal.key (kid, tenant, purpose, generation, state, key_arn, wrapped, context, seal_until) \
    SELECT $1, t.id, $9, $3, 'active', $5, $6, $7, $8::text::timestamptz FROM pgseal.tenant t \
    WHERE t.id = $2 AND t.state = 'enabled' AND t.key_arn = $4 FOR SHARE \
    ON CONFLICT DO NOTHING";
/// The same, in the place of the active key `$9`, in one statement: there is no moment without an active key.
pub(super) const REPLACE: &str = "WITH owner AS MATERIALIZED (SELECT id FROM pgseal.tenant WHERE id = $2 AND state = 'enabled' AND key_arn = $4 FOR SHARE), \
    retired AS (UPDATE pgseal.key k SET state = 'decrypt_only' FROM owner WHERE k.kid = $9 AND k.state = 'active' RETURNING k.tenant, k.purpose) \
    INSERT INTO pgseal.key (kid, tenant, purpose, generation, state, key_arn, wrapped, context, seal_until) \
    SELECT $1, tenant, purpose, $3, 'active', $5, $6, $7, $8::text::timestamptz FROM retired";
pub(super) const STATE: &str = "SELECT state FROM pgseal.tenant WHERE id = $1";
/// Tenants closed in the last `$1` seconds.
pub(super) const CLOSED: &str = "SELECT id FROM pgseal.tenant WHERE state <> 'enabled' AND changed_at > now() - $1::float8 * interval '1 second'";

const READABLE: &str = "SELECT FROM pgseal.tenant LIMIT 0; SELECT FROM pgseal.key LIMIT 0";

/// Creates what is missing. A role that may not create, but finds everything there, is content.
pub(super) async fn ensure(client: &Client) -> Result<(), Error> {
    // The certificate's table is the last of the DDL.
    let present = client
        .query_one("SELECT to_regclass('pgseal.certificate') IS NOT NULL", &[])
        .await?;
    if present.get(0) {
        // Whoever may not read them is told so now, not at the first value.
        return client.batch_execute(READABLE).await;
    }
    client
        .batch_execute(&format!(
            "BEGIN; {LOCK}; SET LOCAL client_min_messages = warning; {DDL} COMMIT"
        ))
        .await
}

/// What lets the role in, where it is a privilege that it lacks.
pub(super) async fn advice(client: &Client, cause: &Error) -> String {
    const ROLE: &str = "SELECT pg_catalog.quote_ident(current_user)";
    if cause.code() != Some(&SqlState::INSUFFICIENT_PRIVILEGE) {
        return String::new();
    }
    let role = client.query_one(ROLE, &[]).await;
    let role = role.and_then(|row| row.try_get::<_, String>(0));
    let role = role.unwrap_or_else(|_| "…".to_owned());
    format!(
        ": let an owner of the database run `pgseal schema | psql`, then GRANT USAGE ON SCHEMA pgseal TO {role}; \
         GRANT SELECT, INSERT, UPDATE ON pgseal.tenant, pgseal.key TO {role}; see docs/keys.md#privileges"
    )
}
