//! Where clients connect: TCP addresses and Unix sockets.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};

use tokio::net::{TcpListener, UnixListener, UnixStream};

/// One place where clients connect.
pub enum Listener {
    /// A TCP address.
    Tcp(TcpListener),
    /// A Unix socket.
    Unix(UnixListener, SocketFile),
}

/// A client's connection, to be taken up by the event loop of its session.
pub(super) enum Accepted {
    Tcp(std::net::TcpStream, SocketAddr),
    Unix(std::os::unix::net::UnixStream),
}

impl Listener {
    /// Listens on `host:port`.
    ///
    /// # Errors
    /// What the system says.
    pub async fn tcp(address: &str) -> io::Result<Self> {
        TcpListener::bind(address).await.map(Self::Tcp)
    }

    /// Listens on a Unix socket; one that a dead process left behind is replaced. `mode` is that of the file.
    ///
    /// # Errors
    /// What the system says, or that somebody listens there or something else lies there.
    pub async fn unix(path: &Path, mode: u32) -> io::Result<Self> {
        if let Ok(found) = std::fs::symlink_metadata(path) {
            if !found.file_type().is_socket() {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    "there is a file of this name that is no socket",
                ));
            }
            match UnixStream::connect(path).await {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    std::fs::remove_file(path)?;
                }
                Err(error) => return Err(error),
                Ok(_) => return Err(io::ErrorKind::AddrInUse.into()),
            }
        }
        let listener = UnixListener::bind(path)?;
        let inode = std::fs::symlink_metadata(path)?.ino();
        let file = SocketFile {
            path: path.to_owned(),
            inode,
        };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        Ok(Self::Unix(listener, file))
    }

    /// The address or path, as clients would name it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Tcp(listener) => listener
                .local_addr()
                .map_or_else(|error| error.to_string(), |address| address.to_string()),
            Self::Unix(_, file) => file.path.display().to_string(),
        }
    }

    pub(super) fn poll_accept(&self, task: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        match self {
            Self::Tcp(listener) => listener.poll_accept(task).map(|accepted| {
                let (stream, from) = accepted?;
                Ok(Accepted::Tcp(stream.into_std()?, from))
            }),
            Self::Unix(listener, _) => listener
                .poll_accept(task)
                .map(|accepted| accepted?.0.into_std().map(Accepted::Unix)),
        }
    }
}

/// A socket's file, removed when its listener goes, unless somebody else has put theirs in its place.
pub struct SocketFile {
    path: PathBuf,
    inode: u64,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if std::fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode) {
            // Nobody is left to be told; a stale socket is replaced at the next start.
            std::fs::remove_file(&self.path).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stale_socket_is_replaced_a_live_one_and_a_file_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".s.PGSQL.6432");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let listener = Listener::unix(&path, 0o700).await.unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o700
        );
        let taken = Listener::unix(&path, 0o777).await;
        assert!(taken.is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse));
        drop(listener);
        assert!(!path.exists());
        std::fs::write(&path, "notes").unwrap();
        assert!(Listener::unix(&path, 0o777).await.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"notes");
    }

    #[tokio::test]
    async fn a_socket_of_somebody_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".s.PGSQL.6432");
        let first = Listener::unix(&path, 0o777).await.unwrap();
        std::fs::rename(&path, folder.path().join("moved")).unwrap();
        let _second = Listener::unix(&path, 0o777).await.unwrap();
        drop(first);
        assert!(path.exists());
    }
}
