//! Rules and the catalogs that they are applied to, one after another.

use crate::catalog::{Catalog, Column, Relation, RelationKind};
use crate::model::Oid;

use super::{Protection, Rule, Tenant, left_out, parse, resolve, resolve_again};

const RULES: &str = r#"
[[seal]]
table = "keys"
tenant = "org"
columns = ["key", { name = "mail", search = "exact" }]
[[seal]]
table = "notes"
tenant = { parent = "orders", on = "order_id", column = "org", key = "id" }
columns = ["body"]
"#;

/// A table's OID, name, columns and parents.
type Written = (u32, &'static str, &'static str, &'static [u32]);

fn rules() -> Vec<Rule> {
    parse("r.toml", RULES).unwrap()
}

/// `name:type`, `-` for a column that was dropped.
fn table(oid: u32, name: &str, columns: &str, parents: &[u32]) -> Relation {
    let columns = columns.split(' ').zip(1..).filter_map(|(column, attnum)| {
        let (name, kind) = column.split_once(':')?;
        Some(Column {
            attnum,
            name: name.into(),
            type_oid: Oid(if kind == "text" { 25 } else { 23 }),
            type_name: kind.into(),
            written_type: kind.into(),
            deterministic: true,
            max_chars: None,
            not_null: false,
            generated: false,
        })
    });
    Relation {
        oid: Oid(oid),
        schema: "public".into(),
        name: name.into(),
        kind: RelationKind::Table,
        columns: columns.collect(),
        parents: parents.iter().copied().map(Oid).collect(),
        reads: Vec::new(),
        calls: Vec::new(),
        rules_version: 0,
        view_definition: None,
        unique_keys: Vec::new(),
        quiet: true,
    }
}

fn catalog(tables: &[Written]) -> Catalog {
    let tables = tables.iter();
    let tables = tables.map(|(oid, name, columns, parents)| table(*oid, name, columns, parents));
    Catalog::new(1, tables.collect(), Vec::new())
}

const KEYS: Written = (1, "keys", "id:int org:int key:text mail:text", &[]);
const CHILD: Written = (2, "child", "mail:text key:text org:int id:int", &[1]);
const ORDERS: Written = (3, "orders", "id:int org:int", &[]);
const NOTES: Written = (4, "notes", "id:int order_id:int body:text", &[]);

/// What is protected after these catalogs, and what is told of the last.
fn after(catalogs: &[&[Written]]) -> (Protection, String) {
    let first = catalog(&[KEYS, CHILD, ORDERS, NOTES]);
    let mut protection = resolve(&rules(), &first).unwrap();
    let mut told = Vec::new();
    for tables in catalogs {
        (protection, told) = resolve_again(&rules(), &catalog(tables), &protection);
    }
    let told: Vec<String> = told.iter().map(ToString::to_string).collect();
    (protection, told.join("\n"))
}

/// `attnum name label` of a table's sealed columns.
fn sealed(protection: &Protection, oid: u32) -> Vec<String> {
    let table = protection.tables.get(&Oid(oid));
    let columns = table.iter().flat_map(|table| &table.columns);
    columns
        .map(|one| format!("{} {} {}", one.column.attnum, one.name, one.label))
        .collect()
}

#[test]
fn a_column_keeps_its_label_under_other_names() {
    let (protection, told) = after(&[
        &[
            (1, "keys", "id:int org:int secret:text mail:text", &[]),
            (2, "child", "mail:text secret:text org:int id:int", &[1]),
            ORDERS,
            NOTES,
        ],
        &[
            (1, "moved", "id:int tenant:int again:text mail:text", &[]),
            (2, "child", "mail:text again:text tenant:int id:int", &[1]),
            (5, "younger", "id:int tenant:int again:text mail:text", &[1]),
            ORDERS,
            NOTES,
        ],
    ]);
    assert_eq!(
        sealed(&protection, 1),
        ["3 again public.keys.key", "4 mail public.keys.mail"]
    );
    assert_eq!(
        sealed(&protection, 2),
        ["2 again public.keys.key", "1 mail public.keys.mail"]
    );
    assert_eq!(sealed(&protection, 5), sealed(&protection, 1));
    let tenant = Tenant::Column {
        name: "tenant".into(),
        attnum: 3,
    };
    assert_eq!(protection.tables[&Oid(2)].tenant, tenant);
    assert!(protection.unfit.is_empty());
    for part in [
        "r.toml:2: its table was dropped, renamed or moved",
        "\"key\" was renamed to \"again\"",
        "label = \"public.keys.key\"",
        "\"org\" of public.moved was renamed to \"tenant\"",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn what_bears_the_name_of_the_rule_is_what_the_rule_means() {
    let (protection, told) = after(&[&[
        (1, "keys", "id:int org:int old:text mail:text key:text", &[]),
        ORDERS,
        NOTES,
    ]]);
    assert_eq!(
        sealed(&protection, 1),
        ["5 key public.keys.key", "4 mail public.keys.mail"]
    );
    assert_eq!(told, "");
}

#[test]
fn of_a_dropped_column_nothing_is_left_and_the_others_go_on() {
    let without = (1, "keys", "id:int org:int - mail:text", &[][..]);
    let (protection, told) = after(&[&[without, ORDERS, NOTES]]);
    assert_eq!(sealed(&protection, 1), ["4 mail public.keys.mail"]);
    assert_eq!(sealed(&protection, 4), ["3 body public.notes.body"]);
    assert!(told.contains("column \"key\" was dropped"), "{told}");
    // Dropped from the parent alone it is the child's own, and as sealed as before.
    let (protection, _) = after(&[&[without, CHILD, ORDERS, NOTES]]);
    assert_eq!(
        sealed(&protection, 2),
        ["2 key public.keys.key", "1 mail public.keys.mail"]
    );
    let (protection, _) = after(&[&[(1, "keys", "id:int org:int - -", &[]), ORDERS, NOTES]]);
    assert_eq!(sealed(&protection, 1).len(), 0);
    assert!(protection.unfit.is_empty() && !protection.tables.contains_key(&Oid(1)));
    // Made anew under its name it is sealed again.
    let (protection, told) = after(&[
        &[(1, "keys", "id:int org:int - -", &[]), ORDERS, NOTES],
        &[
            (1, "keys", "id:int org:int - - key:text mail:text", &[]),
            ORDERS,
            NOTES,
        ],
    ]);
    assert_eq!(
        sealed(&protection, 1),
        ["5 key public.keys.key", "6 mail public.keys.mail"]
    );
    assert_eq!(told, "");
}

#[test]
fn what_a_rule_names_and_is_not_there_is_vacant() {
    let vacant = |catalogs: &[&[Written]]| {
        let vacant = after(catalogs).0.vacant;
        let mut all: Vec<String> = Vec::new();
        all.extend(
            vacant
                .tables
                .iter()
                .map(|((schema, table), columns)| format!("{schema}.{table} {columns:?}")),
        );
        let columns = vacant.columns.iter();
        all.extend(columns.map(|(oid, columns)| format!("{} {columns:?}", oid.0)));
        all.sort();
        all
    };
    let none: [&str; 0] = [];
    assert_eq!(vacant(&[&[KEYS, CHILD, ORDERS, NOTES]]), none);
    assert_eq!(
        vacant(&[&[ORDERS, NOTES]]),
        ["public.keys {\"key\", \"mail\"}"]
    );
    let dropped = (1, "keys", "id:int org:int - -", &[][..]);
    assert_eq!(
        vacant(&[&[dropped, ORDERS, NOTES]]),
        ["1 {\"key\", \"mail\"}"]
    );
    let renamed = (1, "moved", "id:int org:int secret:text mail:text", &[][..]);
    assert_eq!(
        vacant(&[&[renamed, ORDERS, NOTES]]),
        ["1 {\"key\"}", "public.keys {\"key\", \"mail\"}"]
    );
}

#[test]
fn a_table_that_its_rule_does_not_fit_is_no_reason_to_forget_the_others() {
    for changed in [
        "id:int - key:text mail:text",
        "id:int org:int key:int mail:text",
    ] {
        let (protection, told) = after(&[&[(1, "keys", changed, &[]), CHILD, ORDERS, NOTES]]);
        assert_eq!(sealed(&protection, 1).len(), 0);
        let unfit = |oid| protection.unfit.contains(&Oid(oid));
        assert!(unfit(1) && unfit(2) && !unfit(4), "{told}");
        assert_eq!(sealed(&protection, 4), ["3 body public.notes.body"]);
        assert!(told.starts_with("r.toml:2: "), "{told}");
    }
    // Once it fits again it is protected again, wherever its columns have been meanwhile.
    let (protection, told) = after(&[
        &[
            (1, "keys", "id:int - secret:text mail:text", &[]),
            ORDERS,
            NOTES,
        ],
        &[
            (1, "keys", "id:int - secret:text mail:text org:int", &[]),
            ORDERS,
            NOTES,
        ],
    ]);
    assert_eq!(
        sealed(&protection, 1),
        ["3 secret public.keys.key", "4 mail public.keys.mail"]
    );
    assert!(told.contains("was renamed to \"secret\""), "{told}");
}

#[test]
fn a_parent_is_followed_too() {
    let (protection, told) = after(&[&[
        KEYS,
        (3, "bills", "number:int owner:int", &[]),
        (4, "notes", "id:int bill:int body:text", &[]),
    ]]);
    let Tenant::Parent {
        table_name,
        on,
        key,
        column,
        ..
    } = &protection.tables[&Oid(4)].tenant
    else {
        panic!()
    };
    assert_eq!(
        [table_name, on, key, column],
        ["bills", "bill", "number", "owner"]
    );
    assert_eq!(told.lines().count(), 4, "{told}");
    let (protection, _) = after(&[&[KEYS, NOTES]]);
    assert!(protection.unfit.contains(&Oid(4)));
    assert_eq!(sealed(&protection, 1).len(), 2);
}

#[test]
fn at_the_start_every_problem_is_an_error() {
    let problems = resolve(&rules(), &catalog(&[(1, "keys", "id:int key:int", &[])]));
    let problems: Vec<String> = problems
        .unwrap_err()
        .iter()
        .map(|one| one.message.clone())
        .collect();
    assert_eq!(problems.len(), 4, "{problems:?}");
}

/// What a catalog's tables lose when the rules become these.
fn lost(text: &str, tables: &[Written]) -> Vec<String> {
    let first = catalog(&[KEYS, CHILD, ORDERS, NOTES]);
    let (now, later) = (catalog(tables), parse("r.toml", text).unwrap());
    let former = resolve(&rules(), &first).unwrap();
    let (before, _) = resolve_again(&rules(), &now, &former);
    left_out(&before, &resolve(&later, &now).unwrap(), &now)
}

#[test]
fn rules_that_leave_out_what_was_protected_are_told_apart() {
    const KEPT: &str =
        "[[seal]]\ntable = \"keys\"\ntenant = \"org\"\ncolumns = [\"key\", \"mail\"]\n";
    const NOTE: &str =
        "[[seal]]\ntable = \"notes\"\ntenant = { constant = \"t\" }\ncolumns = [\"body\"]\n";
    let all = &[KEYS, CHILD, ORDERS, NOTES];
    assert_eq!(lost(RULES, all), [""; 0]);
    assert_eq!(lost(&format!("{KEPT}{NOTE}"), all), [""; 0]);
    assert_eq!(lost(KEPT, all), ["public.notes.body"]);
    // A table that inherits from it is of the same rule.
    assert_eq!(lost(NOTE, all), ["public.keys.key", "public.keys.mail"]);
    let one = KEPT.replace(", \"mail\"", "");
    assert_eq!(lost(&format!("{one}{NOTE}"), all), ["public.keys.mail"]);
    // Under its new name it is the same column, and of what was dropped there is nothing to protect.
    let renamed = (1, "keys", "id:int org:int secret:text mail:text", &[][..]);
    let corrected = KEPT.replace("\"key\"", "\"secret\"");
    assert_eq!(lost(&corrected, &[renamed, ORDERS]), [""; 0]);
    assert_eq!(
        lost(&one.replace("key\"]", "mail\"]"), &[renamed, ORDERS]),
        ["public.keys.secret"]
    );
    // A table that its rule does not fit may hold sealed values still.
    let unfit = (4, "notes", "id:int - body:text", &[][..]);
    assert_eq!(lost(KEPT, &[KEYS, ORDERS, unfit]), ["public.notes"]);
    assert_eq!(
        lost(&format!("{KEPT}{NOTE}"), &[KEYS, ORDERS, unfit]),
        [""; 0]
    );
}

#[test]
fn what_is_being_unsealed_may_be_left_out() {
    let with = |state: &str| {
        let text = format!(
            "[[seal]]\ntable = \"keys\"\ntenant = \"org\"\ncolumns = [\"mail\", {{ name = \"key\", state = \"{state}\" }}]\n"
        );
        resolve(&parse("r.toml", &text).unwrap(), &catalog(&[KEYS])).unwrap()
    };
    let without = "[[seal]]\ntable = \"keys\"\ntenant = \"org\"\ncolumns = [\"mail\"]\n";
    let catalog = catalog(&[KEYS]);
    let without = resolve(&parse("r.toml", without).unwrap(), &catalog).unwrap();
    assert_eq!(left_out(&with("unsealing"), &without, &catalog), [""; 0]);
    for state in ["sealed", "migrating", "rotating"] {
        assert_eq!(
            left_out(&with(state), &without, &catalog),
            ["public.keys.key"]
        );
    }
}
