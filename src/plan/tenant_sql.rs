//! Tenants of rows as SQL, for questions to the server and for conditions of statements.

use crate::rules::{ProtectedTable, Tenant};

/// The row's tenant as SQL; `row` qualifies its columns.
#[must_use]
pub fn row_tenant_sql(table: &ProtectedTable, row: &str) -> String {
    match &table.tenant {
        Tenant::Column { name, .. } => format!("{row}{}::text", quoted(name)),
        Tenant::Parent {
            schema,
            table_name,
            on,
            key,
            column,
            only,
            ..
        } => format!(
            "(SELECT pgseal_parent.{}::text FROM {}{}.{} AS pgseal_parent WHERE pgseal_parent.{} = {row}{})",
            quoted(column),
            if *only { "ONLY " } else { "" },
            quoted(schema),
            quoted(table_name),
            quoted(key),
            quoted(on)
        ),
        Tenant::Setting(_) | Tenant::Constant(_) => "NULL::text".to_owned(),
    }
}

/// The tenants of the parents that `value` refers to.
pub(super) fn parent_tenant_sql(tenant: &Tenant, value: &str) -> String {
    let Tenant::Parent {
        schema,
        table_name,
        key,
        column,
        only,
        ..
    } = tenant
    else {
        return "SELECT NULL::text".to_owned();
    };
    let only = if *only { "ONLY " } else { "" };
    format!(
        "SELECT DISTINCT p.{}::text FROM {only}{}.{} AS p WHERE p.{} = {value}",
        quoted(column),
        quoted(schema),
        quoted(table_name),
        quoted(key)
    )
}

/// `name` as a quoted identifier.
#[must_use]
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
