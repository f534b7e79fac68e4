//! `pgseal tenant` and `pgseal key`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tokio_postgres::Client;

use super::values::{self, Count};
use crate::keyring::admin::{self, KeyRow, TenantRow};
use crate::keyring::certificate;
use crate::keys::Purpose;
use crate::kms::Kms;
use crate::rules::Protection;

/// `pgseal tenant …`
#[derive(Debug, Subcommand)]
pub enum TenantCommand {
    /// Registers a tenant with its own KMS key, which is proven first.
    Add {
        /// The tenant's id, as the tenant column holds it.
        id: String,
        /// The tenant's KMS key; an alias is followed at each new data key.
        #[arg(long)]
        key_arn: String,
    },
    /// Lists the tenants.
    List,
    /// Shows a tenant and its data keys.
    Show {
        /// The tenant's id.
        id: String,
        /// Counts the values under each key, which reads the protected tables.
        #[arg(long)]
        values: bool,
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
    /// Destroys the tenant's keys, for good: none of its values can ever be read again. Prints a signed certificate.
    Forget {
        /// The tenant's id.
        id: String,
        /// The tenant's id once more; otherwise it is asked for.
        #[arg(long)]
        confirm: Option<String>,
    },
    /// Prints the certificates of a forgotten tenant.
    Certificate {
        /// The tenant's id.
        id: String,
    },
    /// Verifies a certificate in a file.
    VerifyCertificate {
        /// The file.
        file: PathBuf,
        /// The public key to trust, in base64; otherwise this keyring's.
        #[arg(long)]
        public_key: Option<String>,
    },
}

impl TenantCommand {
    /// Whether it reads the protected tables, so that the rules must be applied first.
    #[must_use]
    pub fn reads_tables(&self) -> bool {
        matches!(self, Self::Show { values: true, .. })
    }
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
        /// The search key instead, which needs all searchable columns to be in `state = "rotating"`.
        #[arg(long)]
        search: bool,
    },
}

impl KeyCommand {
    /// Whether values that are compared would no longer be equal.
    #[must_use]
    pub fn parts_equals(&self) -> bool {
        matches!(self, Self::Rotate { search: true, .. })
    }
}

/// Runs a tenant command; gives what is to be printed.
///
/// # Errors
/// Why not, in words for the operator.
pub async fn tenant(
    client: &mut Client,
    kms: &dyn Kms,
    command: TenantCommand,
    protection: Option<&Protection>,
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
        TenantCommand::Show { id, .. } => show(client, &id, protection, as_json).await?,
        TenantCommand::Rekey { id, key_arn } => {
            let bar = bar("keys rewrapped");
            let progress = |done, all| step(&bar, done, all);
            let done = admin::rekey(client, kms, &id, &key_arn, &progress).await;
            bar.finish_and_clear();
            said(&id, &format!("{} data keys rewrapped", done?))
        }
        TenantCommand::Disable { id } => {
            admin::set_enabled(client, &id, false).await?;
            said(&id, "disabled")
        }
        TenantCommand::Enable { id } => {
            admin::set_enabled(client, &id, true).await?;
            said(&id, "enabled")
        }
        TenantCommand::Forget { id, confirm } => {
            let keys = certificate::to_destroy(client, &id).await?;
            let told = format!(
                "The {keys} keys of tenant {id} will be destroyed. None of its values can be read again, by nobody."
            );
            let ask = || typed(&told, "Type the tenant's id to go on: ");
            let typed = confirm.map_or_else(ask, Ok)?;
            if typed != id {
                return Err("not confirmed: nothing was destroyed".to_owned());
            }
            let signed = certificate::forget(client, kms, &id).await?;
            written(&signed, as_json)
        }
        TenantCommand::Certificate { id } => {
            let kept = certificate::kept(client, &id).await?;
            let texts = kept.iter().map(|signed| written(signed, as_json));
            texts.collect::<Vec<_>>().join("\n")
        }
        TenantCommand::VerifyCertificate { file, public_key } => {
            let trusted = match public_key {
                Some(key) => vec![key],
                None => certificate::public_keys(client).await?,
            };
            let id = certificate::verify(&file, &trusted)?;
            said(&id, "the certificate is genuine")
        }
    })
}

fn written(signed: &serde_json::Value, as_json: bool) -> String {
    if as_json {
        signed.to_string()
    } else {
        format!("{signed:#}")
    }
}

/// Lets the operator type what confirms a step that cannot be undone.
pub(super) fn typed(told: &str, asked: &str) -> Result<String, String> {
    eprintln!("{told}");
    eprint!("{asked}");
    let mut typed = String::new();
    std::io::stdin()
        .read_line(&mut typed)
        .map_err(|cause| format!("the confirmation cannot be read: {cause}"))?;
    Ok(typed.trim_end_matches(['\r', '\n']).to_owned())
}

async fn show(
    client: &Client,
    id: &str,
    protection: Option<&Protection>,
    as_json: bool,
) -> Result<String, String> {
    let rows = admin::tenants(client, Some(id)).await?;
    if rows.is_empty() {
        return Err(admin::unknown(id));
    }
    let keys = admin::keys(client, Some(id)).await?;
    let mut parts = vec![tenants_text(&rows, as_json)];
    if !keys.is_empty() {
        parts.push(keys_text(&keys, as_json));
    }
    if let Some(protection) = protection {
        let bar = bar("columns counted");
        let progress = |done, all| step(&bar, done, all);
        let counts = values::count(client, protection, id, &progress).await;
        bar.finish_and_clear();
        parts.push(counts_text(&counts?, as_json));
    }
    Ok(parts.join(if as_json { "\n" } else { "\n\n" }))
}

/// Runs a key command; `say` prints a line.
///
/// # Errors
/// Why not, in words for the operator.
pub async fn key(
    client: &Client,
    kms: &dyn Kms,
    command: KeyCommand,
    seal_for: Option<f64>,
    as_json: bool,
    say: &mut dyn FnMut(String),
) -> Result<(), String> {
    let purpose = match command.parts_equals() {
        true => Purpose::Search,
        false => Purpose::Dek,
    };
    let (ids, one) = match command {
        KeyCommand::List { tenant } => {
            let rows = admin::keys(client, tenant.as_deref()).await?;
            if let Some(id) = tenant.as_deref().filter(|_| rows.is_empty()) {
                known(client, id).await?;
            }
            say(keys_text(&rows, as_json));
            return Ok(());
        }
        KeyCommand::Rotate {
            tenant: Some(id), ..
        } => (vec![id], true),
        KeyCommand::Rotate { tenant: None, .. } => {
            let keys = admin::keys(client, None).await?;
            let sealing = keys.iter().filter(|key| key.purpose == purpose.as_str());
            let sealing: BTreeSet<&str> = sealing.map(|key| key.tenant.as_str()).collect();
            let rows = admin::tenants(client, None).await?.into_iter();
            let open = rows
                .filter(|tenant| tenant.state == "enabled" && sealing.contains(tenant.id.as_str()));
            (open.map(|tenant| tenant.id).collect(), false)
        }
    };
    if ids.is_empty() && !as_json {
        say(format!(
            "no tenant that is enabled has a {} key: nothing was rotated",
            kind_of(purpose)
        ));
    }
    let bar = bar("tenants rotated");
    let all = u64::try_from(ids.len()).unwrap_or(u64::MAX);
    let mut failed = Vec::new();
    for (id, done) in ids.iter().zip(1..) {
        match admin::rotate(client, kms, id, purpose, seal_for).await {
            Ok(kid) if as_json => say(json!({ "tenant": id, "kid": kid.to_string() }).to_string()),
            Ok(kid) => say(format!("tenant {id}: new {} key {kid}", kind_of(purpose))),
            Err(cause) if one => return Err(cause),
            // One customer's revoked key does not stop the others' rotation.
            Err(cause) => failed.push(format!("tenant {id}: {cause}")),
        }
        step(&bar, done, all);
    }
    bar.finish_and_clear();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "{} of {all} tenants were not rotated:\n{}",
            failed.len(),
            failed.join("\n")
        ))
    }
}

/// # Errors
/// That there is no such tenant.
async fn known(client: &Client, id: &str) -> Result<(), String> {
    match admin::tenants(client, Some(id)).await?.is_empty() {
        true => Err(admin::unknown(id)),
        false => Ok(()),
    }
}

fn kind_of(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Dek => "data",
        Purpose::Search => "search",
    }
}

/// A progress bar on a terminal's stderr; elsewhere nothing.
pub(super) fn bar(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(0).with_message(what);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg} {eta}") {
        bar.set_style(style);
    }
    bar
}

pub(super) fn step(bar: &ProgressBar, done: u64, all: u64) {
    bar.set_length(all);
    bar.set_position(done);
}

fn counts_text(rows: &[Count], as_json: bool) -> String {
    if as_json {
        let lines = rows.iter().map(|row| {
            json!({ "table": row.table, "column": row.column, "kid": row.kid, "values": row.values })
        });
        return lines
            .map(|line| line.to_string())
            .collect::<Vec<_>>()
            .join("\n");
    }
    let lines = rows.iter().map(|row| {
        [
            format!("{}.{}", row.table, row.column),
            row.kid.clone(),
            row.values.to_string(),
        ]
    });
    table(["column", "key", "values"], lines)
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
                "kid": row.kid, "tenant": row.tenant, "purpose": row.purpose, "generation": row.generation,
                "state": row.state, "key_arn": row.key_arn, "created_at": row.created_at, "age_seconds": row.age,
                "seal_until": row.seal_until,
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
            row.purpose.clone(),
            row.generation.to_string(),
            row.state.clone(),
            format!("{} d", row.age / 86_400),
            row.created_at.clone(),
            row.key_arn.clone(),
        ]
    });
    table(
        [
            "key", "tenant", "for", "gen", "state", "age", "created", "key ARN",
        ],
        lines,
    )
}

/// Columns as wide as their widest cell.
pub(super) fn table<const N: usize>(
    head: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> String {
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
