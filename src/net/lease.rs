//! The lease on a database's catalog: a lock that each replica shares, and that DDL needs for itself to be committed
//! (ADR 13).

use std::time::Duration;

use tokio_postgres::{Client, Error, Statement};

use crate::keyring;

/// Advisory locks of pgseal's own: DDL that wants the *lease* holds the *bell*, so that a look at the bell, which takes no
/// look at the server's table of locks, tells a replica of it.
macro_rules! lock {
    ($call:literal, bell) => {
        concat!("pg_catalog.", $call, "(1885827941, 1)")
    };
    ($call:literal, lease) => {
        concat!("pg_catalog.", $call, "(1885827941, 2)")
    };
}

/// What `pgseal lease` prints; a superuser runs it, any number of times.
///
/// A change is noted in a table whose deferred trigger waits for the lease when all else of the transaction is done. That
/// takes two rounds: the first only queues behind the triggers of others, and SET CONSTRAINTS may run it long before the
/// commit. What is noted is gone before anybody else could see it; no scan of the table may touch what others have noted,
/// or serializable transactions would fail.
///
/// The schema is not the keyring's: whoever owns a schema can put other tables into it, and the superuser's functions would
/// run their triggers.
pub const DDL: &str = concat!(
    "\
BEGIN;
SET LOCAL client_min_messages = warning;
DROP SCHEMA IF EXISTS pgseal_lease CASCADE;
CREATE SCHEMA pgseal_lease;
CREATE TABLE pgseal_lease.change (waits boolean NOT NULL DEFAULT false);
CREATE FUNCTION pgseal_lease.note() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    changes boolean;
BEGIN
    IF TG_EVENT = 'sql_drop' THEN
        changes := EXISTS (SELECT FROM pg_event_trigger_dropped_objects()
            WHERE NOT is_temporary AND strpos(object_identity, ' on pg_temp.') = 0
            AND object_type IN ('table', 'view', 'materialized view', 'foreign table', 'table column', 'foreign table column',
                'schema', 'function', 'procedure', 'rule', 'trigger', 'index'));
    ELSE
        changes := EXISTS (SELECT FROM pg_event_trigger_ddl_commands()
            WHERE schema_name IS DISTINCT FROM 'pg_temp' AND strpos(object_identity, ' on pg_temp.') = 0
            AND object_type NOT IN ('index', 'sequence'));
    END IF;
    IF changes THEN
        INSERT INTO pgseal_lease.change DEFAULT VALUES;
    END IF;
END $$;
CREATE FUNCTION pgseal_lease.wait() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '15s' SET enable_seqscan = off AS $$
DECLARE
    holders text;
BEGIN
    IF NOT NEW.waits THEN
        SET CONSTRAINTS pgseal_lease.wait DEFERRED;
        UPDATE pgseal_lease.change SET waits = true WHERE ctid = NEW.ctid;
        RETURN NULL;
    END IF;
    DELETE FROM pgseal_lease.change WHERE ctid = NEW.ctid;
    BEGIN
        PERFORM ",
    lock!("pg_advisory_xact_lock", bell),
    ";
        SET LOCAL lock_timeout = '5s';
        PERFORM ",
    lock!("pg_advisory_xact_lock", lease),
    ";
    EXCEPTION WHEN lock_not_available THEN
        SELECT string_agg(DISTINCT CASE WHEN l.pid IS NULL THEN 'a prepared transaction' ELSE format('process %s (%s, %s)', l.pid, a.application_name, coalesce(host(a.client_addr), 'local')) END, ', ')
            INTO holders FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
            WHERE l.locktype = 'advisory' AND l.classid = 1885827941 AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database());
        RAISE EXCEPTION USING ERRCODE = 'lock_not_available',
            MESSAGE = 'pgseal has not taken note of the change in time',
            DETAIL = 'Its lease is held by ' || coalesce(holders, 'nobody any more') || '.',
            HINT = 'Run the change again. A pgseal that hangs is to be stopped, or its process here to be ended by pg_terminate_backend. See docs/errors.md#lease.';
    END;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER wait AFTER INSERT OR UPDATE ON pgseal_lease.change DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pgseal_lease.wait();
ALTER TABLE pgseal_lease.change ENABLE ALWAYS TRIGGER wait;
CREATE EVENT TRIGGER pgseal_lease_command ON ddl_command_end WHEN TAG IN (
    'ALTER EXTENSION', 'ALTER FOREIGN TABLE', 'ALTER FUNCTION', 'ALTER INDEX', 'ALTER MATERIALIZED VIEW', 'ALTER PROCEDURE', 'ALTER ROUTINE',
    'ALTER RULE', 'ALTER SCHEMA', 'ALTER TABLE', 'ALTER TRIGGER', 'ALTER TYPE', 'ALTER VIEW', 'CREATE AGGREGATE', 'CREATE CAST', 'CREATE DOMAIN',
    'CREATE EXTENSION', 'CREATE FOREIGN TABLE', 'CREATE FUNCTION', 'CREATE MATERIALIZED VIEW', 'CREATE OPERATOR', 'CREATE PROCEDURE', 'CREATE RULE', 'CREATE SCHEMA', 'CREATE TABLE', 'CREATE TABLE AS',
    'CREATE TRIGGER', 'CREATE VIEW', 'IMPORT FOREIGN SCHEMA', 'SELECT INTO'
) EXECUTE FUNCTION pgseal_lease.note();
CREATE EVENT TRIGGER pgseal_lease_drop ON sql_drop EXECUTE FUNCTION pgseal_lease.note();
ALTER EVENT TRIGGER pgseal_lease_command ENABLE ALWAYS;
ALTER EVENT TRIGGER pgseal_lease_drop ENABLE ALWAYS;
COMMIT;
"
);

const INSTALLED: &str = "SELECT (SELECT count(*) FROM pg_catalog.pg_event_trigger WHERE evtname IN ('pgseal_lease_command', 'pgseal_lease_drop') AND evtenabled = 'A') = 2 \
    AND EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = pg_catalog.to_regclass('pgseal_lease.change') AND tgname = 'wait' AND tgenabled = 'A')";
/// A host that is gone keeps nobody waiting for long. A wait for the lease ends, but only after that of DDL which waits for
/// another replica.
const SETTINGS: &str = "SET application_name = 'pgseal lease'; SET statement_timeout = 0; SET lock_timeout = '8s'; SET idle_session_timeout = 0; \
    SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3; SET tcp_user_timeout = 10000";
/// The bell first: so it queues behind all DDL that wants the lease by now, and none comes in between.
const TAKE: &str = concat!(
    "SELECT ",
    lock!("pg_advisory_xact_lock_shared", bell),
    ", ",
    lock!("pg_advisory_lock_shared", lease)
);
const HAND_OVER: &str = concat!(
    "SELECT ",
    lock!("pg_advisory_unlock_shared", lease),
    ", ",
    lock!("pg_advisory_xact_lock_shared", bell),
    ", ",
    lock!("pg_advisory_lock_shared", lease)
);
const QUIET: &str = concat!("SELECT ", lock!("pg_try_advisory_xact_lock_shared", bell));

/// How long the database may take for an answer that waits for no lock.
const ANSWER: Duration = Duration::from_secs(10);
/// The same for one that does: above the server's own limit, once for each lock.
const LOCKED: Duration = Duration::from_secs(30);

/// Whether DDL of this database waits for the lease.
///
/// # Errors
/// What the database says, or that it says nothing.
pub async fn is_installed(client: &Client) -> Result<bool, String> {
    let row = within(ANSWER, client.query_one(INSTALLED, &[])).await?;
    row.try_get(0).map_err(|cause| keyring::words(&cause))
}

/// The lease, held as long as its connection lives.
pub struct Lease {
    client: Client,
    quiet: Statement,
}

impl Lease {
    /// Takes it, on a connection of its own.
    ///
    /// # Errors
    /// What the database says, or that it says nothing.
    pub async fn take(client: Client) -> Result<Self, String> {
        within(ANSWER, client.batch_execute(SETTINGS)).await?;
        let quiet = within(ANSWER, client.prepare(QUIET)).await?;
        within(LOCKED, client.query_one(TAKE, &[])).await?;
        Ok(Self { client, quiet })
    }

    /// Whether DDL waits for it.
    ///
    /// # Errors
    /// What the database says, or that it says nothing: the lease is lost.
    pub async fn is_wanted(&self) -> Result<bool, String> {
        let row = within(ANSWER, self.client.query_one(&self.quiet, &[])).await?;
        let quiet: Result<bool, Error> = row.try_get(0);
        quiet
            .map(|quiet| !quiet)
            .map_err(|cause| keyring::words(&cause))
    }

    /// Lets all have it that wait for it, and takes it again when they have committed.
    ///
    /// # Errors
    /// What the database says, or that it says nothing: the lease is lost.
    pub async fn hand_over(&self) -> Result<(), String> {
        let handed = within(LOCKED, self.client.query_one(HAND_OVER, &[]));
        handed.await.map(drop)
    }

    /// Whether DDL still waits for it.
    ///
    /// # Errors
    /// What the database says, or that it says nothing: the lease is lost.
    pub async fn is_installed(&self) -> Result<bool, String> {
        is_installed(&self.client).await
    }
}

async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, Error>>,
) -> Result<T, String> {
    match tokio::time::timeout(limit, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(cause)) => Err(keyring::words(&cause)),
        Err(_) => Err("the database does not answer".to_owned()),
    }
}
