//! `pgseal tenant` and `pgseal key`.

use clap::Subcommand;
use serde_json::json;
use tokio_postgres::Client;

use crate::keyring::admin::{self, KeyRow, TenantRow};
use crate::kms::Kms;

/// `pgseal tenant …`
#[derive(Debug, Subcommand)]
pub enum TenantCommand {
    /// Registers a tenant with its own KMS key, which is proven first.
    Add {
        /// The tenant's id, as the tenant column holds it.
        id: String,
        /// The tenant's KMS key.
        #[arg(long)]
        key_arn: String,
    },
    /// Lists the tenants.
    List,
    /// Shows a tenant and its data keys.
    Show {
        /// The tenant's id.
        id: String,
    },
    /// Wraps the tenant's data keys by another KMS key; data stays as it is.
    Rekey {
        /// The tenant's id.
        id: String,
        /// The new KMS key.
        #[arg(long)]
        key_arn: String,
    },
    /// Closes a tenant: its values can be neither read nor written.
    Disable {
        /// The tenant's id.
        id: String,
    },
    /// Opens a tenant again.
    Enable {
        /// The tenant's id.
        id: String,
    },
}

/// `pgseal key …`
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Lists data keys, without their material.
    List {
        /// Of this tenant only.
        #[arg(long)]
        tenant: Option<String>,
    },
    /// Makes a new data key for next writes; values under older ones stay readable.
    Rotate {
        /// Of this tenant only; otherwise of all that have one.
        #[arg(long)]
        tenant: Option<String>,
    },
}

/// Runs a tenant command; gives what is to be printed.
///
/// # Errors
/// Why not, in words for the operator.
pub async fn tenant(
    client: &Client,
    kms: &dyn Kms,
    command: TenantCommand,
    as_json: bool,
) -> Result<String, String> {
    let said = |id: &str, done: &str| {
        if as_json {
            json!({ "tenant": id, "done": done }).to_string()
        } else {
            format!("tenant {id}: {done}")
        }
    };
    Ok(match command {
        TenantCommand::Add { id, key_arn } => {
            admin::add_tenant(client, kms, &id, &key_arn).await?;
            said(&id, "registered; its key was proven")
        }
        TenantCommand::List => {
            let rows = admin::tenants(client, None).await?;
            tenants_text(&rows, as_json)
        }
        TenantCommand::Show { id } => {
            let rows = admin::tenants(client, Some(&id)).await?;
            if rows.is_empty() {
                return Err(format!(
                    "the tenant {id} is not registered: see `pgseal tenant list`"
                ));
            }
            let keys = admin::keys(client, Some(&id)).await?;
            let separator = if as_json { "\n" } else { "\n\n" };
            format!(
                "{}{separator}{}",
                tenants_text(&rows, as_json),
                keys_text(&keys, as_json)
            )
        }
        TenantCommand::Rekey { id, key_arn } => {
            let done = admin::rekey(client, kms, &id, &key_arn).await?;
            said(&id, &format!("{done} data keys rewrapped"))
        }
        TenantCommand::Disable { id } => {
            admin::set_enabled(client, &id, false).await?;
            said(&id, "disabled")
        }
        TenantCommand::Enable { id } => {
            admin::set_enabled(client, &id, true).await?;
            said(&id, "enabled")
        }
    })
}

/// Runs a key command; gives what is to be printed.
///
/// # Errors
/// Why not, in words for the operator.
pub async fn key(
    client: &mut Client,
    kms: &dyn Kms,
    command: KeyCommand,
    as_json: bool,
) -> Result<String, String> {
    match command {
        KeyCommand::List { tenant } => {
            let rows = admin::keys(client, tenant.as_deref()).await?;
            Ok(keys_text(&rows, as_json))
        }
        KeyCommand::Rotate { tenant } => {
            let ids = match tenant {
                Some(id) => vec![id],
                None => {
                    let rows = admin::tenants(client, None).await?;
                    let rows = rows.into_iter().filter(|tenant| tenant.keys > 0);
                    rows.map(|tenant| tenant.id).collect()
                }
            };
            let mut lines = Vec::new();
            for id in ids {
                let kid = admin::rotate(client, kms, &id).await?;
                lines.push(if as_json {
                    json!({ "tenant": id, "kid": kid.to_string() }).to_string()
                } else {
                    format!("tenant {id}: new data key {kid}")
                });
            }
            Ok(lines.join("\n"))
        }
    }
}

fn tenants_text(rows: &[TenantRow], as_json: bool) -> String {
    if as_json {
        let lines = rows.iter().map(|row| {
            json!({ "tenant": row.id, "state": row.state, "keys": row.keys, "key_arn": row.key_arn })
        });
        return lines
            .map(|line| line.to_string())
            .collect::<Vec<_>>()
            .join("\n");
    }
    let lines = rows.iter().map(|row| {
        [
            row.id.clone(),
            row.state.clone(),
            row.keys.to_string(),
            row.key_arn.clone(),
        ]
    });
    table(["tenant", "state", "keys", "key ARN"], lines)
}

fn keys_text(rows: &[KeyRow], as_json: bool) -> String {
    if as_json {
        let lines = rows.iter().map(|row| {
            json!({
                "kid": row.kid, "tenant": row.tenant, "generation": row.generation, "state": row.state,
                "key_arn": row.key_arn, "created_at": row.created_at,
            })
        });
        return lines
            .map(|line| line.to_string())
            .collect::<Vec<_>>()
            .join("\n");
    }
    let lines = rows.iter().map(|row| {
        [
            row.kid.clone(),
            row.tenant.clone(),
            row.generation.to_string(),
            row.state.clone(),
            row.created_at.clone(),
            row.key_arn.clone(),
        ]
    });
    table(
        ["key", "tenant", "gen", "state", "created", "key ARN"],
        lines,
    )
}

/// Columns as wide as their widest cell.
fn table<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = std::iter::once(head.map(str::to_owned))
        .chain(rows)
        .collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let lines = rows.iter().map(|row| {
        let cells = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}
