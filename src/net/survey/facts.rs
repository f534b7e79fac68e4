//! What the catalog says of protected tables, as far as [`super`] judges it.

use tokio_postgres::{Client, Error};

use crate::catalog::Function;
use crate::model::Oid;
use crate::plan::Planner;

/// Columns that the server fills: the default, that of the column's domain, or the expression of a generated one.
const DEFAULTS: &str = "SELECT a.attrelid, a.attnum, a.attname::text, a.attgenerated <> '', \
    coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), t.typdefault) \
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
    WHERE a.attrelid = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped AND coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), t.typdefault) IS NOT NULL";
/// CHECK constraints of tables (attnum 0) and of the domains that their columns are of.
const CHECKS: &str = "WITH RECURSIVE typed AS (SELECT attrelid, attnum, atttypid AS type FROM pg_catalog.pg_attribute WHERE attrelid = ANY ($1) AND attnum > 0 AND NOT attisdropped \
    UNION ALL SELECT y.attrelid, y.attnum, t.typbasetype FROM typed y JOIN pg_catalog.pg_type t ON t.oid = y.type WHERE t.typtype = 'd') \
    SELECT k.conrelid, 0::int2, k.conname::text, pg_catalog.pg_get_expr(k.conbin, k.conrelid) FROM pg_catalog.pg_constraint k WHERE k.contype = 'c' AND k.conrelid = ANY ($1) AND k.conislocal \
    UNION ALL SELECT y.attrelid, y.attnum, k.conname::text, pg_catalog.pg_get_expr(k.conbin, 0) FROM typed y JOIN pg_catalog.pg_constraint k ON k.contypid = y.type AND k.contype = 'c'";
const PARTITIONED: &str = "SELECT p.partrelid, p.partattrs::int2[], pg_catalog.pg_get_expr(p.partexprs, p.partrelid) FROM pg_catalog.pg_partitioned_table p WHERE p.partrelid = ANY ($1)";
const INDEXES: &str = "SELECT i.indrelid, c.relname::text, m.amname::text, i.indisunique, i.indisexclusion, i.indkey::int2[], i.indnkeyatts, \
    pg_catalog.pg_get_expr(i.indexprs, i.indrelid), pg_catalog.pg_get_expr(i.indpred, i.indrelid) \
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_am m ON m.oid = c.relam \
    WHERE i.indrelid = ANY ($1) AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid)";
const FOREIGN_KEYS: &str = "SELECT k.conname::text, k.conrelid, k.conkey, k.confrelid, k.confkey, k.confupdtype IN ('c', 'n', 'd') OR k.confdeltype IN ('n', 'd') FROM pg_catalog.pg_constraint k \
    WHERE k.contype = 'f' AND k.conparentid = 0 AND (k.conrelid = ANY ($1) OR k.confrelid = ANY ($1))";
const TRIGGERS: &str = "SELECT t.tgrelid, t.tgname::text, t.tgtype, pg_catalog.pg_get_triggerdef(t.oid), n.nspname || '.' || p.proname, p.prosrc, pg_catalog.encode(t.tgargs, 'escape') \
    FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
    WHERE t.tgrelid = ANY ($1) AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgparentid = 0";
const RULES: &str = "SELECT n.nspname || '.' || c.relname, r.rulename::text FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE r.rulename <> '_RETURN' AND r.ev_enabled <> 'D' AND (r.ev_class = ANY ($1) OR EXISTS (SELECT FROM pg_catalog.pg_depend d \
    WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = ANY ($1)))";
const POLICIES: &str = "SELECT n.nspname::text, c.relname::text, p.polname::text, pg_catalog.pg_get_expr(e.expr, p.polrelid) \
    FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, \
    LATERAL (VALUES (p.polqual), (p.polwithcheck)) AS e(expr) WHERE e.expr IS NOT NULL AND (p.polrelid = ANY ($1) OR EXISTS (SELECT FROM pg_catalog.pg_depend d \
    WHERE d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND d.objid = p.oid AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = ANY ($1)))";
/// From PostgreSQL 15.
const FILTERS: &str = "SELECT n.nspname::text, c.relname::text, p.pubname::text, pg_catalog.pg_get_expr(r.prqual, r.prrelid) \
    FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid JOIN pg_catalog.pg_class c ON c.oid = r.prrelid \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE r.prrelid = ANY ($1) AND r.prqual IS NOT NULL";
const SUBSCRIPTIONS: &str = "SELECT r.srrelid, s.subname::text FROM pg_catalog.pg_subscription_rel r JOIN pg_catalog.pg_subscription s ON s.oid = r.srsubid WHERE r.srrelid = ANY ($1)";
/// What runs a function, by an operator too, besides triggers on protected tables, views, rules and other functions.
const RUNNING: &str = "WITH RECURSIVE running AS (SELECT p.oid AS function, 'pg_catalog.pg_proc'::pg_catalog.regclass::oid AS classid, p.oid AS objid, 0 AS objsubid FROM pg_catalog.pg_proc p WHERE p.oid = ANY ($1) \
    UNION SELECT u.function, d.classid, d.objid, d.objsubid FROM running u JOIN pg_catalog.pg_depend d ON d.refclassid = u.classid AND d.refobjid = u.objid \
    WHERE u.classid IN ('pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass) AND d.classid = ANY ('{pg_catalog.pg_operator,pg_catalog.pg_cast,pg_catalog.pg_attrdef,\
    pg_catalog.pg_class,pg_catalog.pg_constraint,pg_catalog.pg_policy,pg_catalog.pg_trigger,pg_catalog.pg_type}'::pg_catalog.regclass[])) \
    SELECT DISTINCT pg_catalog.pg_describe_object(u.classid, u.objid, u.objsubid), n.nspname || '.' || p.proname FROM running u JOIN pg_catalog.pg_proc p ON p.oid = u.function JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
    WHERE u.classid <> 'pg_catalog.pg_proc'::pg_catalog.regclass AND NOT (u.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.oid = u.objid AND t.tgrelid = ANY ($2)))";
const FILTERED_SINCE: i32 = 150_000;

/// A column that the server fills.
pub(super) struct Filled {
    pub table: Oid,
    pub attnum: i16,
    pub name: String,
    pub generated: bool,
    pub expr: String,
}

/// A CHECK constraint.
pub(super) struct Check {
    pub table: Oid,
    /// The column, where it is its domain's; else 0.
    pub attnum: i16,
    pub name: String,
    pub expr: String,
}

/// What rows are partitioned by.
pub(super) struct Partitioned {
    pub table: Oid,
    pub attnums: Vec<i16>,
    pub exprs: Option<String>,
}

/// An index, a constraint's among them.
pub(super) struct Index {
    pub table: Oid,
    pub name: String,
    pub method: String,
    pub unique: bool,
    pub exclusion: bool,
    /// Key columns first, then those that are only included; 0: an expression.
    pub attnums: Vec<i16>,
    pub keys: usize,
    pub exprs: Option<String>,
    pub predicate: Option<String>,
}

/// A foreign key.
pub(super) struct ForeignKey {
    pub name: String,
    pub from: Oid,
    pub from_attnums: Vec<i16>,
    pub to: Oid,
    pub to_attnums: Vec<i16>,
    /// Whether its columns are set when the row changes, or goes, that they refer to.
    pub follows: bool,
}

/// A trigger that is not the server's own.
pub(super) struct Trigger {
    pub table: Oid,
    pub name: String,
    /// `pg_trigger.tgtype`
    pub bits: i16,
    pub definition: String,
    pub function: String,
    pub source: String,
    pub arguments: String,
}

/// A rewrite rule.
pub(super) struct Rule {
    pub table: String,
    pub name: String,
}

/// A condition that the server asks of rows: a policy's or a publication's.
pub(super) struct Condition {
    pub schema: String,
    pub table: String,
    pub what: String,
    pub expr: String,
}

/// What runs a function that names a protected table.
pub(super) struct Running {
    pub what: String,
    pub function: String,
}

/// All of it.
pub(super) struct Facts {
    pub defaults: Vec<Filled>,
    pub checks: Vec<Check>,
    pub partitioned: Vec<Partitioned>,
    pub indexes: Vec<Index>,
    pub foreign_keys: Vec<ForeignKey>,
    pub triggers: Vec<Trigger>,
    pub rules: Vec<Rule>,
    pub conditions: Vec<Condition>,
    /// The table and the subscription.
    pub subscriptions: Vec<(Oid, String)>,
    pub running: Vec<Running>,
}

impl Facts {
    /// Within a transaction whose `search_path` is `pg_catalog`, so that expressions name everything in full.
    pub(super) async fn read(client: &Client, planner: &Planner) -> Result<Self, Error> {
        let tables = planner.protection().tables.keys();
        let tables: Vec<u32> = tables.map(|oid| oid.0).collect();
        let functions: Vec<u32> = naming(planner).map(|function| function.oid.0).collect();
        let ask = async |sql: &str| client.query(sql, &[&tables]).await;
        Ok(Self {
            defaults: defaults(&ask(DEFAULTS).await?)?,
            checks: checks(&ask(CHECKS).await?)?,
            partitioned: partitioned(&ask(PARTITIONED).await?)?,
            indexes: indexes(&ask(INDEXES).await?)?,
            foreign_keys: foreign_keys(&ask(FOREIGN_KEYS).await?)?,
            triggers: triggers(&ask(TRIGGERS).await?)?,
            rules: rules(&ask(RULES).await?)?,
            conditions: conditions(client, &tables).await?,
            subscriptions: subscriptions(&ask(SUBSCRIPTIONS).await?)?,
            running: running(&client.query(RUNNING, &[&functions, &tables]).await?)?,
        })
    }
}

/// The functions that name a protected table.
pub(super) fn naming(planner: &Planner) -> impl Iterator<Item = &Function> {
    let functions = planner.catalog().functions().iter();
    functions.filter(|function| planner.refuse_call(function.oid).is_some())
}

type Rows<'a> = &'a [tokio_postgres::Row];

fn oid(row: &tokio_postgres::Row, at: usize) -> Result<Oid, Error> {
    row.try_get(at).map(Oid)
}

fn defaults(rows: Rows<'_>) -> Result<Vec<Filled>, Error> {
    let read = |row: &tokio_postgres::Row| {
        Ok(Filled {
            table: oid(row, 0)?,
            attnum: row.try_get(1)?,
            name: row.try_get(2)?,
            generated: row.try_get(3)?,
            expr: row.try_get(4)?,
        })
    };
    rows.iter().map(read).collect()
}

fn checks(rows: Rows<'_>) -> Result<Vec<Check>, Error> {
    let read = |row: &tokio_postgres::Row| {
        Ok(Check {
            table: oid(row, 0)?,
            attnum: row.try_get(1)?,
            name: row.try_get(2)?,
            expr: row.try_get(3)?,
        })
    };
    rows.iter().map(read).collect()
}

fn partitioned(rows: Rows<'_>) -> Result<Vec<Partitioned>, Error> {
    let read = |row: &tokio_postgres::Row| {
        Ok(Partitioned {
            table: oid(row, 0)?,
            attnums: row.try_get(1)?,
            exprs: row.try_get(2)?,
        })
    };
    rows.iter().map(read).collect()
}

fn indexes(rows: Rows<'_>) -> Result<Vec<Index>, Error> {
    let read = |row: &tokio_postgres::Row| {
        let keys: i16 = row.try_get(6)?;
        Ok(Index {
            table: oid(row, 0)?,
            name: row.try_get(1)?,
            method: row.try_get(2)?,
            unique: row.try_get(3)?,
            exclusion: row.try_get(4)?,
            attnums: row.try_get(5)?,
            keys: usize::try_from(keys).unwrap_or_default(),
            exprs: row.try_get(7)?,
            predicate: row.try_get(8)?,
        })
    };
    rows.iter().map(read).collect()
}

fn foreign_keys(rows: Rows<'_>) -> Result<Vec<ForeignKey>, Error> {
    let read = |row: &tokio_postgres::Row| {
        Ok(ForeignKey {
            name: row.try_get(0)?,
            from: oid(row, 1)?,
            from_attnums: row.try_get(2)?,
            to: oid(row, 3)?,
            to_attnums: row.try_get(4)?,
            follows: row.try_get(5)?,
        })
    };
    rows.iter().map(read).collect()
}

fn triggers(rows: Rows<'_>) -> Result<Vec<Trigger>, Error> {
    let read = |row: &tokio_postgres::Row| {
        Ok(Trigger {
            table: oid(row, 0)?,
            name: row.try_get(1)?,
            bits: row.try_get(2)?,
            definition: row.try_get(3)?,
            function: row.try_get(4)?,
            source: row.try_get(5)?,
            arguments: row.try_get(6)?,
        })
    };
    rows.iter().map(read).collect()
}

fn rules(rows: Rows<'_>) -> Result<Vec<Rule>, Error> {
    let read = |row: &tokio_postgres::Row| {
        Ok(Rule {
            table: row.try_get(0)?,
            name: row.try_get(1)?,
        })
    };
    rows.iter().map(read).collect()
}

async fn conditions(client: &Client, tables: &Vec<u32>) -> Result<Vec<Condition>, Error> {
    let version = "SELECT pg_catalog.current_setting('server_version_num')::int";
    let version: i32 = client.query_one(version, &[]).await?.try_get(0)?;
    let mut found = Vec::new();
    let mut read = |kind: &str, rows: Rows<'_>| -> Result<(), Error> {
        for row in rows {
            let name: String = row.try_get(2)?;
            found.push(Condition {
                schema: row.try_get(0)?,
                table: row.try_get(1)?,
                what: format!("{kind} {name}"),
                expr: row.try_get(3)?,
            });
        }
        Ok(())
    };
    read("policy", &client.query(POLICIES, &[tables]).await?)?;
    if version >= FILTERED_SINCE {
        read("publication", &client.query(FILTERS, &[tables]).await?)?;
    }
    Ok(found)
}

fn subscriptions(rows: Rows<'_>) -> Result<Vec<(Oid, String)>, Error> {
    let read = |row: &tokio_postgres::Row| Ok((oid(row, 0)?, row.try_get(1)?));
    rows.iter().map(read).collect()
}

fn running(rows: Rows<'_>) -> Result<Vec<Running>, Error> {
    let read = |row: &tokio_postgres::Row| {
        Ok(Running {
            what: row.try_get(0)?,
            function: row.try_get(1)?,
        })
    };
    rows.iter().map(read).collect()
}
