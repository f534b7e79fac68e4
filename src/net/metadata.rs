//! The catalog, read on a connection of pgseal's own.

use std::collections::HashMap;

use tokio_postgres::{Client, Error};

use crate::catalog::{Catalog, Column, Function, Relation, RelationKind, UniqueKey};
use crate::model::Oid;

const RELATIONS: &str = "SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, \
    (SELECT i.inhparent FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid ORDER BY i.inhseqno LIMIT 1), \
    CASE WHEN c.relkind IN ('v', 'm') THEN pg_catalog.pg_get_viewdef(c.oid) END \
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'pgseal')";
const COLUMNS: &str = "WITH RECURSIVE base AS (SELECT oid, oid AS base, typtypmod FROM pg_catalog.pg_type WHERE typtype <> 'd' \
    UNION ALL SELECT d.oid, b.base, CASE WHEN d.typtypmod >= 0 THEN d.typtypmod ELSE b.typtypmod END FROM pg_catalog.pg_type d JOIN base b ON b.oid = d.typbasetype WHERE d.typtype = 'd') \
    SELECT a.attrelid, a.attnum, a.attname::text, b.base, t.typname::text, CASE WHEN a.atttypmod >= 0 THEN a.atttypmod ELSE b.typtypmod END, a.attnotnull, a.attgenerated <> '' \
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    JOIN base b ON b.oid = a.atttypid JOIN pg_catalog.pg_type t ON t.oid = b.base \
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f') \
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'pgseal') ORDER BY a.attrelid, a.attnum";
const KEYS: &str = "SELECT i.indrelid, c.relname::text, i.indkey::int2[], i.indisprimary, i.indisvalid AND i.indimmediate FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
    WHERE i.indisunique AND i.indexprs IS NULL AND i.indpred IS NULL AND i.indrelid >= 16384";
const FUNCTIONS: &str = "SELECT n.nspname::text, p.proname::text, coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc)::text FROM pg_catalog.pg_proc p \
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace JOIN pg_catalog.pg_language l ON l.oid = p.prolang \
    WHERE l.lanname NOT IN ('internal', 'c') AND n.nspname NOT IN ('pg_catalog', 'information_schema')";
/// Changes when somebody runs DDL on anything that the snapshot holds.
const FINGERPRINT: &str = "SELECT (SELECT pg_catalog.sum(pg_catalog.hashint8(x.xmin::text::bigint * 4294967296 + x.oid::bigint)::numeric)::text FROM pg_catalog.pg_class x WHERE x.oid >= 16384) || '/' || \
    coalesce((SELECT pg_catalog.sum(pg_catalog.hashint8(x.xmin::text::bigint * 65536 + x.attnum)::numeric)::text FROM pg_catalog.pg_attribute x WHERE x.attrelid >= 16384), '') || '/' || \
    coalesce((SELECT pg_catalog.sum(x.xmin::text::numeric)::text FROM pg_catalog.pg_proc x WHERE x.oid >= 16384), '') || '/' || \
    coalesce((SELECT pg_catalog.sum(x.xmin::text::numeric)::text FROM pg_catalog.pg_rewrite x WHERE x.oid >= 16384), '')";

/// varlena header that `atttypmod` counts for varchar, in bytes.
const TYPMOD_HEADER: i32 = 4;
const VARCHAR: u32 = 1043;

/// Reads a snapshot.
///
/// # Errors
/// What the database says.
pub async fn load_catalog(client: &Client, epoch: u64) -> Result<Catalog, Error> {
    let mut columns: HashMap<u32, Vec<Column>> = HashMap::new();
    for row in client.query(COLUMNS, &[]).await? {
        let (type_oid, typmod): (u32, i32) = (row.try_get(3)?, row.try_get(5)?);
        let max_chars = (type_oid == VARCHAR)
            .then(|| u32::try_from(typmod - TYPMOD_HEADER).ok())
            .flatten();
        let column = Column {
            attnum: row.try_get(1)?,
            name: row.try_get(2)?,
            type_oid: Oid(type_oid),
            type_name: row.try_get(4)?,
            max_chars,
            not_null: row.try_get(6)?,
            generated: row.try_get(7)?,
        };
        columns.entry(row.try_get(0)?).or_default().push(column);
    }
    let mut keys: HashMap<u32, Vec<UniqueKey>> = HashMap::new();
    for row in client.query(KEYS, &[]).await? {
        let key = UniqueKey {
            name: row.try_get(1)?,
            attnums: row.try_get(2)?,
            primary: row.try_get(3)?,
            enforced: row.try_get(4)?,
        };
        keys.entry(row.try_get(0)?).or_default().push(key);
    }
    let mut relations = Vec::new();
    for row in client.query(RELATIONS, &[]).await? {
        let oid: u32 = row.try_get(0)?;
        let kind = match row.try_get::<_, &str>(3)? {
            "r" => RelationKind::Table,
            "p" => RelationKind::Partitioned,
            "v" => RelationKind::View,
            "m" => RelationKind::MaterializedView,
            "f" => RelationKind::Foreign,
            _ => RelationKind::Other,
        };
        relations.push(Relation {
            oid: Oid(oid),
            schema: row.try_get(1)?,
            name: row.try_get(2)?,
            kind,
            columns: columns.remove(&oid).unwrap_or_default(),
            parent: row.try_get::<_, Option<u32>>(4)?.map(Oid),
            view_definition: row.try_get(5)?,
            unique_keys: keys.remove(&oid).unwrap_or_default(),
        });
    }
    let functions = client.query(FUNCTIONS, &[]).await?;
    let functions = functions
        .iter()
        .map(|row| {
            Ok(Function {
                schema: row.try_get(0)?,
                name: row.try_get(1)?,
                body: row.try_get(2)?,
            })
        })
        .collect::<Result<_, Error>>()?;
    Ok(Catalog::new(epoch, relations, functions))
}

/// A text that differs when the catalog does.
///
/// # Errors
/// What the database says.
pub async fn fingerprint(client: &Client) -> Result<String, Error> {
    client
        .query_one(FINGERPRINT, &[])
        .await?
        .try_get::<_, Option<String>>(0)
        .map(Option::unwrap_or_default)
}
