//! The tables that tests plan for, and what is sealed in them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::catalog::{Catalog, Column, Function, Relation, RelationKind, Runner, UniqueKey};
use crate::model::{ColumnRef, Oid, ValueKind};
use crate::rules::{
    ColumnState, ProtectedColumn, ProtectedTable, Protection, Scope, Search, Tenant, Vacant,
};

use super::super::Planner;

/// (name, type, OID)
fn column(attnum: i16, (name, type_name, type_oid): (&str, &str, u32)) -> Column {
    Column {
        attnum,
        name: name.into(),
        type_oid: Oid(type_oid),
        type_name: type_name.into(),
        written_type: format!("\"{type_name}\""),
        deterministic: true,
        max_chars: None,
        not_null: false,
        generated: false,
    }
}

pub(super) fn relation(
    oid: u32,
    name: &str,
    columns: &[(&str, &str, u32)],
    keys: &[(&str, &[i16])],
) -> Relation {
    let columns = columns
        .iter()
        .zip(1i16..)
        .map(|(spec, attnum)| column(attnum, *spec))
        .collect();
    let keys = keys.iter().map(|(name, attnums)| UniqueKey {
        name: (*name).into(),
        attnums: attnums.to_vec(),
        primary: name.ends_with("pkey"),
        enforced: true,
        followed: name.ends_with("slug"),
    });
    Relation {
        oid: Oid(oid),
        schema: "public".into(),
        name: name.into(),
        kind: RelationKind::Table,
        columns,
        parents: Vec::new(),
        reads: Vec::new(),
        calls: Vec::new(),
        rules_version: 0,
        view_definition: None,
        unique_keys: keys.collect(),
        quiet: true,
    }
}

fn view(
    oid: u32,
    name: &str,
    columns: &[(&str, &str, u32)],
    (reads, definition): (u32, &str),
) -> Relation {
    Relation {
        kind: RelationKind::View,
        reads: vec![Oid(reads)],
        view_definition: Some(definition.into()),
        ..relation(oid, name, columns, &[])
    }
}

pub(super) fn sealed(
    table: u32,
    table_name: &str,
    attnum: i16,
    name: &str,
    kind: ValueKind,
) -> Arc<ProtectedColumn> {
    Arc::new(ProtectedColumn {
        column: ColumnRef {
            table: Oid(table),
            attnum,
        },
        schema: "public".into(),
        table: table_name.into(),
        name: name.into(),
        label: format!("public.{table_name}.{name}").into(),
        kind,
        state: ColumnState::Sealed,
        max_chars: None,
        search: None,
        former_domain: None,
    })
}

pub(super) fn protected(
    oid: u32,
    name: &str,
    tenant: Tenant,
    columns: Vec<Arc<ProtectedColumn>>,
) -> (Oid, Arc<ProtectedTable>) {
    (
        Oid(oid),
        Arc::new(ProtectedTable {
            torn: false,
            oid: Oid(oid),
            schema: "public".into(),
            name: name.into(),
            tenant,
            columns,
        }),
    )
}

/// Virtual keys (tenant in the row), prompts and their versions (tenant in the parent), settings, plain tables.
fn catalog() -> Arc<Catalog> {
    let uuid = ("id", "uuid", 2950);
    let org = ("organisation_id", "uuid", 2950);
    let relations = vec![
        relation(
            10,
            "virtual_keys",
            &[
                uuid,
                org,
                ("name", "text", 25),
                ("key", "text", 25),
                ("auth_config", "jsonb", 3802),
                ("slug", "text", 25),
            ],
            &[("virtual_keys_pkey", &[1]), ("virtual_keys_slug", &[2, 6])],
        ),
        relation(
            11,
            "prompts",
            &[
                ("id", "int4", 23),
                org,
                ("name", "text", 25),
                ("template", "text", 25),
            ],
            &[("prompts_pkey", &[1])],
        ),
        relation(
            12,
            "prompt_versions",
            &[
                ("id", "int4", 23),
                ("prompt_id", "int4", 23),
                ("template", "jsonb", 3802),
            ],
            &[],
        ),
        relation(
            13,
            "settings",
            &[("id", "int4", 23), ("secret", "bytea", 17)],
            &[],
        ),
        relation(14, "organisations", &[uuid, ("name", "text", 25)], &[]),
        relation(
            15,
            "audit",
            &[
                ("id", "int4", 23),
                ("note", "text", 25),
                ("key", "text", 25),
            ],
            &[],
        ),
        Relation {
            schema: "other".into(),
            ..relation(16, "settings", &[("id", "int4", 23)], &[])
        },
        view(
            20,
            "key_names",
            &[uuid, ("label", "text", 25)],
            (10, " SELECT v.id, v.name AS label FROM virtual_keys v;"),
        ),
        view(
            21,
            "key_secrets",
            &[uuid, ("secret", "text", 25)],
            (10, " SELECT v.id, v.key AS secret FROM virtual_keys v;"),
        ),
        view(
            22,
            "secrets_again",
            &[("s", "text", 25)],
            (21, " SELECT key_secrets.secret AS s FROM key_secrets;"),
        ),
        view(
            23,
            "key_hashes",
            &[("h", "text", 25)],
            (10, " SELECT md5(virtual_keys.key) AS h FROM virtual_keys;"),
        ),
        relation(
            17,
            "notes",
            &[
                ("id", "int4", 23),
                ("prompt_id", "int4", 23),
                ("tag", "text", 25),
            ],
            &[("notes_pkey", &[1])],
        ),
        relation(
            18,
            "old_keys",
            &[org, ("slug", "text", 25), ("price", "numeric", 1700)],
            &[],
        ),
        view(
            24,
            "slugs",
            &[("owner", "uuid", 2950), ("slug", "text", 25)],
            (
                10,
                " SELECT v.organisation_id AS owner, v.slug FROM virtual_keys v WHERE (v.name <> 'x'::text);",
            ),
        ),
        view(
            25,
            "slugs_of_one",
            &[("slug", "text", 25)],
            (
                10,
                " SELECT v.slug FROM virtual_keys v WHERE (v.organisation_id = '00000000-0000-0000-0000-000000000007'::uuid);",
            ),
        ),
        view(
            26,
            "all_slugs",
            &[org, ("slug", "text", 25)],
            (
                10,
                " SELECT v.organisation_id, v.slug FROM virtual_keys v UNION ALL SELECT o.organisation_id, o.slug FROM old_keys o;",
            ),
        ),
        view(
            27,
            "note_tags",
            &[org, ("prompt_id", "int4", 23), ("tag", "text", 25)],
            (
                17,
                " SELECT p.organisation_id, n.prompt_id, n.tag FROM (notes n JOIN prompts p ON ((p.id = n.prompt_id)));",
            ),
        ),
        view(
            28,
            "slugs_again",
            &[("o", "uuid", 2950), ("s", "text", 25)],
            (24, " SELECT slugs.owner AS o, slugs.slug AS s FROM slugs;"),
        ),
    ];
    let function = |oid, name: &str, body: &str| Function {
        oid: Oid(oid),
        schema: "public".into(),
        name: name.into(),
        body: body.into(),
    };
    let functions = vec![
        function(100, "make_key", "INSERT INTO virtual_keys VALUES ($1)"),
        function(102, "newest_key", "SELECT max(key) FROM virtual_keys"),
    ];
    let runners = vec![
        (Runner::Operator("@@@".into()), Oid(100)),
        (Runner::Operator("###".into()), Oid(101)),
        (Runner::Operator("=".into()), Oid(100)),
        (Runner::Cast("made_key".into()), Oid(100)),
    ];
    let of_rows = ["hint", "newest_key", "size", "to_jsonb"].map(str::to_owned);
    Arc::new(
        Catalog::new(1, relations, functions)
            .running(runners)
            .calling(of_rows),
    )
}

fn of_prompt() -> Tenant {
    Tenant::Parent {
        table: Oid(11),
        schema: "public".into(),
        table_name: "prompts".into(),
        on: "prompt_id".into(),
        on_attnum: 2,
        key: "id".into(),
        column: "organisation_id".into(),
        only: true,
    }
}

/// All that is sealed in them.
pub(crate) fn planner() -> Planner {
    let org = |attnum| Tenant::Column {
        name: "organisation_id".into(),
        attnum,
    };
    let tables = HashMap::from_iter([
        protected(
            10,
            "virtual_keys",
            org(2),
            vec![
                sealed(10, "virtual_keys", 4, "key", ValueKind::Text),
                sealed(10, "virtual_keys", 5, "auth_config", ValueKind::Jsonb),
            ],
        ),
        protected(
            11,
            "prompts",
            org(2),
            vec![sealed(11, "prompts", 4, "template", ValueKind::Text)],
        ),
        protected(
            12,
            "prompt_versions",
            of_prompt(),
            vec![sealed(
                12,
                "prompt_versions",
                3,
                "template",
                ValueKind::Jsonb,
            )],
        ),
        protected(
            13,
            "settings",
            Tenant::Setting("app.tenant".into()),
            vec![sealed(13, "settings", 2, "secret", ValueKind::Bytea)],
        ),
    ]);
    Planner::new(
        catalog(),
        Arc::new(Protection {
            epoch: 1,
            tables,
            ..Protection::default()
        }),
    )
}

/// The same with rules for a table `vault`, and for a column `pin` of `virtual_keys` and one of `audit`, that are not there.
pub(super) fn with_vacancies() -> Planner {
    let all = planner();
    let of = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let vault = ("public".to_owned(), "vault".to_owned());
    let vacant = Vacant {
        tables: HashMap::from([(vault, of(&["key", "Pin"]))]),
        columns: HashMap::from([(Oid(10), of(&["pin"])), (Oid(15), of(&["pin"]))]),
    };
    Planner::new(
        catalog(),
        Arc::new(Protection {
            epoch: 1,
            tables: all.protection().tables.clone(),
            vacant,
            ..Protection::default()
        }),
    )
}

/// The same tables with searchable columns: `virtual_keys.slug` and `old_keys.slug` per tenant, `notes.tag` per tenant of
/// its prompt, `audit.key` in the whole deployment.
pub(super) fn searchable() -> Planner {
    let column = |table: u32, name: &str, attnum, column: &str, scope| {
        let sealed = sealed(table, name, attnum, column, ValueKind::Text);
        Arc::new(ProtectedColumn {
            search: Some(Search {
                scope,
                domain: sealed.label.clone(),
            }),
            ..sealed.as_ref().clone()
        })
    };
    let org = Tenant::Column {
        name: "organisation_id".into(),
        attnum: 2,
    };
    let note = Tenant::Column {
        name: "note".into(),
        attnum: 2,
    };
    let slug = column(10, "virtual_keys", 6, "slug", Scope::Tenant);
    let old = column(18, "old_keys", 2, "slug", Scope::Tenant);
    let old = Arc::new(ProtectedColumn {
        search: slug.search.clone(),
        ..old.as_ref().clone()
    });
    let old_org = Tenant::Column {
        name: "organisation_id".into(),
        attnum: 1,
    };
    let tag = column(17, "notes", 3, "tag", Scope::Tenant);
    let key = column(15, "audit", 3, "key", Scope::Deployment);
    let tables = HashMap::from_iter([
        protected(10, "virtual_keys", org, vec![slug]),
        protected(15, "audit", note, vec![key]),
        protected(17, "notes", of_prompt(), vec![tag]),
        protected(18, "old_keys", old_org, vec![old]),
    ]);
    Planner::new(
        catalog(),
        Arc::new(Protection {
            epoch: 1,
            tables,
            ..Protection::default()
        }),
    )
}

/// `virtual_keys` with a column `key` that is being unsealed.
pub(super) fn unsealing() -> Planner {
    let key = sealed(10, "virtual_keys", 4, "key", ValueKind::Text);
    let key = Arc::new(ProtectedColumn {
        state: ColumnState::Unsealing,
        ..key.as_ref().clone()
    });
    let config = sealed(10, "virtual_keys", 5, "auth_config", ValueKind::Jsonb);
    let org = Tenant::Column {
        name: "organisation_id".into(),
        attnum: 2,
    };
    let tables = HashMap::from_iter([protected(10, "virtual_keys", org, vec![key, config])]);
    let protection = Protection {
        epoch: 1,
        tables,
        ..Protection::default()
    };
    Planner::new(catalog(), Arc::new(protection))
}

/// `prompt_versions` that belong to the prompt's organisation, while the prompt itself belongs to the session's tenant.
pub(super) fn tenants_below() -> Planner {
    let template = sealed(11, "prompts", 4, "template", ValueKind::Text);
    let below = sealed(12, "prompt_versions", 3, "template", ValueKind::Jsonb);
    let tenant = Tenant::Setting("app.tenant".into());
    let tables = HashMap::from_iter([
        protected(11, "prompts", tenant, vec![template]),
        protected(12, "prompt_versions", of_prompt(), vec![below]),
    ]);
    let protection = Protection {
        epoch: 1,
        tables,
        ..Protection::default()
    };
    Planner::new(catalog(), Arc::new(protection))
}

/// `old_keys` with a tenant whose equal values may be written in two ways.
pub(super) fn numbered_tenants() -> Planner {
    let slug = sealed(18, "old_keys", 2, "slug", ValueKind::Text);
    let slug = Arc::new(ProtectedColumn {
        search: Some(Search {
            scope: Scope::Tenant,
            domain: slug.label.clone(),
        }),
        ..slug.as_ref().clone()
    });
    let price = Tenant::Column {
        name: "price".into(),
        attnum: 3,
    };
    let tables = HashMap::from_iter([protected(18, "old_keys", price, vec![slug])]);
    let protection = Protection {
        epoch: 1,
        tables,
        ..Protection::default()
    };
    Planner::new(catalog(), Arc::new(protection))
}
