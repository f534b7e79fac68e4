//! Commands for people; never on the data path.

mod policy;
mod tenants;
mod values;

pub use policy::policy;
pub use tenants::{KeyCommand, TenantCommand, key, tenant};

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::config::{Listen, listen_at};
use crate::plan::{Env, Lineage, Outputs, Planner, SlotSource, TenantSource, Verdict};

/// Asks a proxy whether it answers an SSLRequest, which needs no PostgreSQL; `listen` as in the setting, the first
/// of several.
///
/// # Errors
/// Why not, in words for the operator.
pub fn healthcheck(listen: &str) -> Result<(), String> {
    const TIMEOUT: Duration = Duration::from_secs(3);
    let words = |cause: std::io::Error| format!("{listen}: {cause}");
    match listen_at(listen)?.first() {
        None => Err(format!("{listen} is no address")),
        Some(Listen::Unix(path)) => {
            let stream = UnixStream::connect(path).map_err(words)?;
            stream.set_read_timeout(Some(TIMEOUT)).map_err(words)?;
            answers(listen, stream)
        }
        Some(Listen::Tcp(address)) => {
            let target = address
                .to_socket_addrs()
                .map_err(words)?
                .next()
                .ok_or_else(|| format!("{address} is no address"))?;
            let stream = TcpStream::connect_timeout(&target, TIMEOUT).map_err(words)?;
            stream.set_read_timeout(Some(TIMEOUT)).map_err(words)?;
            answers(listen, stream)
        }
    }
}

fn answers(listen: &str, mut stream: impl Read + Write) -> Result<(), String> {
    let words = |cause: std::io::Error| format!("{listen}: {cause}");
    stream
        .write_all(&[0, 0, 0, 8, 4, 210, 22, 47])
        .map_err(words)?;
    let mut answer = [0];
    stream.read_exact(&mut answer).map_err(words)?;
    if matches!(&answer, b"S" | b"N") {
        Ok(())
    } else {
        Err(format!("{listen} does not speak PostgreSQL's protocol"))
    }
}

/// What would be sealed, opened or refused in a statement.
#[must_use]
pub fn explain(planner: &Planner, sql: &str) -> String {
    let env = Env {
        declared: &[],
        utf8: true,
        standard_conforming_strings: true,
        statements: &|_| None,
        cursors: &|_| None,
        resolved: &HashMap::new(),
    };
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = match if planner.mentions(sql.as_bytes()) {
        planner.plan(sql.as_bytes(), &env)
    } else {
        Verdict::Forward
    } {
        Verdict::Forward => writeln!(out, "forwarded: it touches nothing protected"),
        Verdict::Resolve(names) => writeln!(
            out,
            "the session's search_path decides what {} means",
            names.join(", ")
        ),
        Verdict::Refuse(refusal) => writeln!(
            out,
            "refused ({}): {}\n{}",
            refusal.sqlstate,
            refusal.message,
            refusal.hint.unwrap_or_default()
        ),
        Verdict::Protect(plan) => {
            plan.statements
                .iter()
                .enumerate()
                .try_for_each(|(number, statement)| {
                    writeln!(out, "statement {}:", number + 1)?;
                    for slot in &statement.slots {
                        let source = match slot.source {
                            SlotSource::Literal { .. } => "a literal".to_owned(),
                            SlotSource::Param { number, .. } => format!("${number}"),
                        };
                        let tenant = match statement.tenants.get(slot.tenant) {
                            Some(TenantSource::Known(tenant)) => format!("tenant {tenant}"),
                            Some(TenantSource::Param { number, .. }) => {
                                format!("the tenant in ${number}")
                            }
                            Some(TenantSource::Elements { .. } | TenantSource::Asked(_)) | None => {
                                "the tenant that the server names".to_owned()
                            }
                        };
                        writeln!(
                            out,
                            "  {source} is sealed for {} under {tenant}",
                            slot.column.label
                        )?;
                    }
                    write_outputs(&mut out, &statement.outputs)
                })
        }
    };
    out
}

fn write_outputs(out: &mut String, outputs: &Outputs) -> std::fmt::Result {
    match outputs {
        Outputs::None => Ok(()),
        Outputs::ByDescription { lineage: None } => {
            writeln!(
                out,
                "  sealed columns in its result are opened as the server names them"
            )
        }
        Outputs::ByDescription {
            lineage: Some(lineage),
        } => lineage
            .iter()
            .enumerate()
            .filter(|(_, lineage)| **lineage != Lineage::None)
            .try_for_each(|(at, lineage)| {
                writeln!(out, "  output {} is opened: {}", at + 1, lineage.words())
            }),
    }
}
