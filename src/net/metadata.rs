//! The catalog, read on a connection of pgseal's own.

use std::collections::{HashMap, HashSet};

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

use crate::catalog::{Catalog, Column, Function, Relation, RelationKind, Runner, UniqueKey};
use crate::model::Oid;
use crate::rules::{Protection, Rule};

/// Names in definitions are qualified, whatever the role's search_path says; a definition waits for whoever holds its
/// tables' locks, and what has just changed can be read at the next attempt. To compile these queries takes longer than to
/// run them.
pub(super) const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = pg_catalog; SET LOCAL lock_timeout = '100ms'; SET LOCAL jit = off";
/// A table that once had rules or children says so until it is vacuumed or analysed: what is there now is looked for.
const RELATIONS: &str = "SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, \
    ARRAY(SELECT i.inhparent FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid ORDER BY i.inhseqno), \
    c.relkind = 'r' AND NOT (c.relrowsecurity OR c.relhasrules AND EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid) \
    OR c.relhassubclass AND EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid) OR EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid) \
    OR EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)) \
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'pgseal')";
const RULES: &str = "SELECT r.ev_class, pg_catalog.sum(pg_catalog.hashint8extended(r.xmin::text::bigint, r.oid::bigint) >> 16)::bigint, \
    ARRAY(SELECT DISTINCT d.refobjid FROM pg_catalog.pg_rewrite o JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = o.oid \
    WHERE o.ev_class = r.ev_class AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> r.ev_class), \
    ARRAY(SELECT DISTINCT coalesce(p.oprcode, d.refobjid)::oid FROM pg_catalog.pg_rewrite o JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = o.oid \
    LEFT JOIN pg_catalog.pg_operator p ON d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND p.oid = d.refobjid \
    WHERE o.ev_class = r.ev_class AND d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass)) \
    FROM pg_catalog.pg_rewrite r WHERE r.ev_class >= 16384 GROUP BY r.ev_class";
const DEFINITIONS: &str =
    "SELECT v.oid, pg_catalog.pg_get_viewdef(v.oid) FROM pg_catalog.unnest($1::oid[]) AS v(oid)";
const COLUMNS: &str = "WITH RECURSIVE base AS (SELECT oid, oid AS base, typtypmod FROM pg_catalog.pg_type WHERE typtype <> 'd' \
    UNION ALL SELECT d.oid, b.base, CASE WHEN d.typtypmod >= 0 THEN d.typtypmod ELSE b.typtypmod END FROM pg_catalog.pg_type d JOIN base b ON b.oid = d.typbasetype WHERE d.typtype = 'd') \
    SELECT a.attrelid, a.attnum, a.attname::text, b.base, t.typname::text, CASE WHEN a.atttypmod >= 0 THEN a.atttypmod ELSE b.typtypmod END, a.attnotnull, a.attgenerated <> '', \
    pg_catalog.format_type(b.base, CASE WHEN a.atttypmod >= 0 THEN a.atttypmod ELSE b.typtypmod END), \
    NOT EXISTS (SELECT FROM pg_catalog.pg_collation k WHERE k.oid = a.attcollation AND NOT k.collisdeterministic) \
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    JOIN base b ON b.oid = a.atttypid JOIN pg_catalog.pg_type t ON t.oid = b.base \
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f') \
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'pgseal') ORDER BY a.attrelid, a.attnum";
const KEYS: &str = "SELECT i.indrelid, c.relname::text, i.indkey::int2[], i.indisprimary, i.indisvalid AND i.indimmediate, \
    EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype = 'f' AND k.confupdtype NOT IN ('a', 'r')) FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
    WHERE i.indisunique AND i.indexprs IS NULL AND i.indpred IS NULL AND i.indrelid >= 16384";
const FUNCTIONS: &str = "SELECT n.nspname::text, p.proname::text, coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc)::text, p.oid FROM pg_catalog.pg_proc p \
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace JOIN pg_catalog.pg_language l ON l.oid = p.prolang \
    WHERE l.lanname NOT IN ('internal', 'c') AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
    UNION ALL SELECT n.nspname::text, p.proname::text, pg_catalog.concat_ws(' ', a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn), p.oid \
    FROM pg_catalog.pg_aggregate a JOIN pg_catalog.pg_proc p ON p.oid = a.aggfnoid JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')";
/// Operators, and types by whose name a cast is written, domains over them too.
const RUNNERS: &str = "WITH RECURSIVE written AS (SELECT p.oid FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang WHERE p.oid >= 16384 AND l.lanname NOT IN ('internal', 'c')), \
    leads AS (SELECT CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE t.oid END AS type, k.castfunc AS function FROM pg_catalog.pg_cast k \
    JOIN written w ON w.oid = k.castfunc JOIN pg_catalog.pg_type t ON t.oid = CASE WHEN k.casttarget >= 16384 THEN k.casttarget ELSE k.castsource END WHERE t.oid >= 16384 \
    UNION SELECT d.oid, l.function FROM pg_catalog.pg_type d JOIN leads l ON d.typbasetype = l.type WHERE d.typtype = 'd') \
    SELECT true, o.oprname::text, o.oprcode::oid FROM pg_catalog.pg_operator o JOIN written w ON w.oid = o.oprcode \
    UNION SELECT false, t.typname::text, l.function FROM leads l JOIN pg_catalog.pg_type t ON t.oid = l.type";
/// What may be called with one row: functions that take any value, a row or a domain, all others where rows are cast to
/// something by themselves, and domains over rows.
const OF_ROWS: &str = "SELECT p.proname::text FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_type t ON t.oid = p.proargtypes[0] \
    WHERE p.pronargs - p.pronargdefaults <= 1 AND (t.typtype IN ('p', 'c', 'd') OR EXISTS (SELECT FROM pg_catalog.pg_cast c \
    JOIN pg_catalog.pg_type s ON s.oid = c.castsource WHERE s.typtype = 'c' AND c.castcontext = 'i')) \
    UNION SELECT t.typname::text FROM pg_catalog.pg_type t JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype WHERE b.typtype IN ('c', 'd')";
/// Changes when somebody runs DDL on anything that the snapshot holds, or that [`super::survey`] judges.
const FINGERPRINT: &str = "SELECT (SELECT pg_catalog.sum(pg_catalog.hashint8extended(x.xmin::text::bigint, x.oid::bigint))::text FROM pg_catalog.pg_class x WHERE x.oid >= 16384) || '/' || \
    coalesce((SELECT pg_catalog.sum(pg_catalog.hashint8extended(x.xmin::text::bigint, x.attnum::bigint))::text FROM pg_catalog.pg_attribute x WHERE x.attrelid >= 16384), '') || '/' || \
    coalesce((SELECT pg_catalog.sum(pg_catalog.hashint8extended(x.xmin::text::bigint, x.oid::bigint))::text FROM pg_catalog.pg_proc x WHERE x.oid >= 16384), '') || '/' || \
    coalesce((SELECT pg_catalog.sum(pg_catalog.hashint8extended(x.xmin::text::bigint, x.oid::bigint))::text FROM pg_catalog.pg_operator x WHERE x.oid >= 16384), '') || '/' || \
    coalesce((SELECT pg_catalog.sum(pg_catalog.hashint8extended(x.xmin::text::bigint, x.oid::bigint))::text FROM pg_catalog.pg_cast x WHERE x.oid >= 16384), '') || '/' || \
    coalesce((SELECT pg_catalog.sum(pg_catalog.hashint8extended(x.xmin::text::bigint, x.oid::bigint))::text FROM pg_catalog.pg_type x WHERE x.oid >= 16384 AND x.typtype = 'd'), '') || '/' || \
    coalesce((SELECT pg_catalog.sum(pg_catalog.hashint8extended(x.xmin::text::bigint, x.oid::bigint))::text FROM pg_catalog.pg_rewrite x WHERE x.oid >= 16384), '') || '/' || \
    coalesce((SELECT pg_catalog.sum(pg_catalog.hashint8extended(x.xmin::text::bigint, x.oid::bigint))::text FROM pg_catalog.pg_trigger x), '') || '/' || \
    coalesce((SELECT pg_catalog.sum(pg_catalog.hashint8extended(x.xmin::text::bigint, x.oid::bigint))::text FROM pg_catalog.pg_policy x), '') || '/' || \
    coalesce((SELECT pg_catalog.sum(pg_catalog.hashint8extended(x.xmin::text::bigint, x.oid::bigint))::text FROM pg_catalog.pg_publication_rel x), '') || '/' || \
    coalesce((SELECT pg_catalog.sum(pg_catalog.hashint8extended(x.xmin::text::bigint, x.oid::bigint))::text FROM pg_catalog.pg_namespace x WHERE x.nspname !~ '^pg_'), '')";

/// varlena header that `atttypmod` counts for varchar, in bytes.
const TYPMOD_HEADER: i32 = 4;
const VARCHAR: u32 = 1043;

/// A snapshot, as far as it could be read.
pub struct Snapshot {
    /// It.
    pub catalog: Catalog,
    /// Views whose definition somebody's lock keeps back: it is unknown.
    pub locked: usize,
}

/// Reads a snapshot. Views are defined in it if they can reach a table of these rules. `former`: an older one, for what
/// cannot be read because of a lock and has not changed.
///
/// # Errors
/// What the database says.
pub async fn load_catalog(
    client: &Client,
    epoch: u64,
    rules: &[Rule],
    former: Option<(&Catalog, &Protection)>,
) -> Result<Snapshot, Error> {
    client.batch_execute(BEGIN).await?;
    let read = read(client, epoch, rules, former).await;
    // Nothing was changed that the end could lose.
    let ended = client.batch_execute("ROLLBACK").await;
    let snapshot = read?;
    ended.map(|()| snapshot)
}

async fn read(
    client: &Client,
    epoch: u64,
    rules: &[Rule],
    former: Option<(&Catalog, &Protection)>,
) -> Result<Snapshot, Error> {
    let mut relations = relations(client).await?;
    let functions = functions(client).await?;
    let runners = runners(client).await?;
    let of_rows = client.query(OF_ROWS, &[]).await?;
    let of_rows: Vec<String> = of_rows
        .iter()
        .map(|row| row.try_get(0))
        .collect::<Result<_, _>>()?;
    let roots = former.map(|(_, protection)| &protection.roots);
    let roots = roots.into_iter().flat_map(|roots| roots.values());
    let views = reaching(&relations, rules, roots.copied().collect());
    let former = former.map(|(catalog, _)| catalog);
    let definitions = definitions(client, &relations, &views, former).await?;
    let locked = views.len() - definitions.len();
    for (oid, definition) in definitions {
        if let Some(view) = relations.get_mut(&oid) {
            view.view_definition = definition;
        }
    }
    let relations = relations.into_values().collect();
    Ok(Snapshot {
        catalog: Catalog::new(epoch, relations, functions)
            .running(runners)
            .calling(of_rows),
        locked,
    })
}

async fn columns(client: &Client) -> Result<HashMap<u32, Vec<Column>>, Error> {
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
            written_type: row.try_get(8)?,
            deterministic: row.try_get(9)?,
            max_chars,
            not_null: row.try_get(6)?,
            generated: row.try_get(7)?,
        };
        columns.entry(row.try_get(0)?).or_default().push(column);
    }
    Ok(columns)
}

async fn unique_keys(client: &Client) -> Result<HashMap<u32, Vec<UniqueKey>>, Error> {
    let mut keys: HashMap<u32, Vec<UniqueKey>> = HashMap::new();
    for row in client.query(KEYS, &[]).await? {
        let key = UniqueKey {
            name: row.try_get(1)?,
            attnums: row.try_get(2)?,
            primary: row.try_get(3)?,
            enforced: row.try_get(4)?,
            followed: row.try_get(5)?,
        };
        keys.entry(row.try_get(0)?).or_default().push(key);
    }
    Ok(keys)
}

async fn relations(client: &Client) -> Result<HashMap<Oid, Relation>, Error> {
    let mut columns = columns(client).await?;
    let mut keys = unique_keys(client).await?;
    let mut rules: HashMap<u32, (i64, Vec<u32>, Vec<u32>)> = HashMap::new();
    for row in client.query(RULES, &[]).await? {
        let rule = (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
        rules.insert(row.try_get(0)?, rule);
    }
    let mut relations = HashMap::new();
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
        let (rules_version, reads, calls) = rules.remove(&oid).unwrap_or_default();
        let parents: Vec<u32> = row.try_get(4)?;
        let relation = Relation {
            oid: Oid(oid),
            schema: row.try_get(1)?,
            name: row.try_get(2)?,
            kind,
            columns: columns.remove(&oid).unwrap_or_default(),
            parents: parents.into_iter().map(Oid).collect(),
            reads: reads.into_iter().map(Oid).collect(),
            calls: calls.into_iter().map(Oid).collect(),
            rules_version,
            view_definition: None,
            unique_keys: keys.remove(&oid).unwrap_or_default(),
            quiet: row.try_get(5)?,
        };
        relations.insert(relation.oid, relation);
    }
    Ok(relations)
}

async fn functions(client: &Client) -> Result<Vec<Function>, Error> {
    let rows = client.query(FUNCTIONS, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(Function {
                schema: row.try_get(0)?,
                name: row.try_get(1)?,
                body: row.try_get(2)?,
                oid: Oid(row.try_get(3)?),
            })
        })
        .collect()
}

async fn runners(client: &Client) -> Result<Vec<(Runner, Oid)>, Error> {
    let rows = client.query(RUNNERS, &[]).await?;
    rows.iter()
        .map(|row| {
            let name = row.try_get(1)?;
            let runner = match row.try_get(0)? {
                true => Runner::Operator(name),
                false => Runner::Cast(name),
            };
            Ok((runner, Oid(row.try_get(2)?)))
        })
        .collect()
}

/// Views over tables of the rules (whose names some of the `roots` may have lost), their relatives by inheritance and other
/// such views.
fn reaching(
    relations: &HashMap<Oid, Relation>,
    rules: &[Rule],
    mut roots: HashSet<Oid>,
) -> Vec<Oid> {
    let ruled = |relation: &Relation| {
        let mut rules = rules.iter();
        rules.any(|rule| rule.schema == relation.schema && rule.table == relation.name)
    };
    let named = relations.values().filter(|relation| ruled(relation));
    roots.extend(named.map(|relation| relation.oid));
    let mut found = roots;
    loop {
        let before = found.len();
        for relation in relations.values() {
            let mut beneath = relation.parents.iter().chain(&relation.reads);
            if beneath.any(|oid| found.contains(oid)) {
                found.insert(relation.oid);
            }
            if found.contains(&relation.oid) {
                found.extend(&relation.parents);
            }
        }
        if found.len() == before {
            break;
        }
    }
    let view = |oid: &Oid| relations.get(oid).is_some_and(Relation::is_view);
    found.into_iter().filter(view).collect()
}

/// The views' definitions; those are left out that a lock keeps back and that may have changed.
async fn definitions(
    client: &Client,
    relations: &HashMap<Oid, Relation>,
    views: &[Oid],
    former: Option<&Catalog>,
) -> Result<HashMap<Oid, Option<String>>, Error> {
    client.batch_execute("SAVEPOINT definitions").await?;
    if let Some(all) = unless_locked(define(client, views).await)? {
        return Ok(all);
    }
    client
        .batch_execute(
            "ROLLBACK TO definitions; SET LOCAL lock_timeout = '5ms'; SAVEPOINT definitions",
        )
        .await?;
    let mut known = HashMap::new();
    for oid in views {
        if let Some(text) = former.and_then(|former| unchanged(*oid, relations, former)) {
            known.insert(*oid, Some(text));
            continue;
        }
        match unless_locked(define(client, &[*oid]).await)? {
            Some(one) => known.extend(one),
            None => {
                client
                    .batch_execute("ROLLBACK TO definitions; SAVEPOINT definitions")
                    .await?;
            }
        }
    }
    Ok(known)
}

async fn define(client: &Client, views: &[Oid]) -> Result<HashMap<Oid, Option<String>>, Error> {
    let oids: Vec<u32> = views.iter().map(|oid| oid.0).collect();
    let rows = client.query(DEFINITIONS, &[&oids]).await?;
    rows.iter()
        .map(|row| Ok((Oid(row.try_get(0)?), row.try_get(1)?)))
        .collect()
}

fn unless_locked<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The definition that an older snapshot has of a view, if neither the view nor a name in it has changed since.
fn unchanged(oid: Oid, relations: &HashMap<Oid, Relation>, former: &Catalog) -> Option<String> {
    let (view, old) = (relations.get(&oid)?, former.relation(oid)?);
    let named_alike = |oid: &Oid| match (relations.get(oid), former.relation(*oid)) {
        (Some(now), Some(then)) => {
            (&now.schema, &now.name, &now.columns) == (&then.schema, &then.name, &then.columns)
        }
        // One of the system's.
        (None, None) => true,
        _ => false,
    };
    let same = view.rules_version == old.rules_version && view.reads == old.reads;
    let text = old.view_definition.clone()?;
    (same && named_alike(&oid) && view.reads.iter().all(named_alike)).then_some(text)
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
