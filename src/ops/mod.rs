//! Commands for people; never on the data path.

mod explain;
mod fence;
mod instead;
pub mod lint;
mod policy;
mod table;
mod tenants;
mod values;
mod verdict;

pub use explain::{Explained, explain};
pub use fence::fence;
pub use policy::policy;
pub use table::{Task, Wanted, work};
pub use tenants::{KeyCommand, TenantCommand, key, tenant};

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::config::Listen;

/// Asks a proxy that listens there whether it answers an SSLRequest, which needs no PostgreSQL.
///
/// # Errors
/// Why not, in words for the operator.
pub fn healthcheck(listen: &Listen) -> Result<(), String> {
    const TIMEOUT: Duration = Duration::from_secs(3);
    match listen {
        Listen::Unix(path) => {
            let place = path.display().to_string();
            let words = |cause: std::io::Error| format!("{place}: {cause}");
            let stream = UnixStream::connect(path).map_err(words)?;
            stream.set_read_timeout(Some(TIMEOUT)).map_err(words)?;
            answers(&place, stream)
        }
        // An address of all interfaces, such as 0.0.0.0, is this machine's when it is connected to.
        Listen::Tcp(address) => {
            let words = |cause: std::io::Error| format!("{address}: {cause}");
            let mut stream = Err(std::io::ErrorKind::AddrNotAvailable.into());
            // Of the addresses of a name one is listened at.
            for target in address.to_socket_addrs().map_err(words)? {
                stream = stream.or_else(|_| TcpStream::connect_timeout(&target, TIMEOUT));
            }
            let stream = stream.map_err(words)?;
            stream.set_read_timeout(Some(TIMEOUT)).map_err(words)?;
            answers(address, stream)
        }
    }
}

fn answers(place: &str, mut stream: impl Read + Write) -> Result<(), String> {
    let words = |cause: std::io::Error| format!("{place}: {cause}");
    stream
        .write_all(&[0, 0, 0, 8, 4, 210, 22, 47])
        .map_err(words)?;
    let mut answer = [0];
    stream.read_exact(&mut answer).map_err(words)?;
    if matches!(&answer, b"S" | b"N") {
        Ok(())
    } else {
        Err(format!("{place} does not speak PostgreSQL's protocol"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_name_is_healthy_where_one_of_its_addresses_is() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let answers = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0; 8]).unwrap();
            stream.write_all(b"N").unwrap();
        });
        // Which may be ::1 first.
        let listen = Listen::Tcp(format!("localhost:{port}"));
        assert_eq!(healthcheck(&listen), Ok(()));
        answers.join().unwrap();
    }
}
