//! Commands for people; never on the data path.

mod instead;
mod policy;
mod statements;
mod table;
mod tenants;
mod values;

pub use policy::policy;
pub use statements::{Linted, explain, fence, lint};
pub use table::{Task, Wanted, work};
pub use tenants::{KeyCommand, TenantCommand, key, tenant};

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::config::{Listen, listen_at};

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
