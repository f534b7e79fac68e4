//! Listener, TLS, the one task per connection, upstream and cancel.

mod connection;
pub mod metadata;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tracing::{debug, warn};

use crate::keyring::Keyring;
use crate::session::{Shared, TlsOffer};
pub(crate) use stream::unverifying;
pub use stream::{Dial, client_acceptor};

/// How long open sessions may go on after SIGTERM.
const DRAIN: Duration = Duration::from_secs(30);

/// What all connections share.
pub struct Server {
    /// For their sessions.
    pub shared: Arc<Shared>,
    /// Where missing keys come from; none without rules.
    pub keyring: Option<Arc<Keyring>>,
    /// How to reach PostgreSQL.
    pub dial: Dial,
    /// TLS towards clients.
    pub acceptor: Option<tokio_rustls::TlsAcceptor>,
    /// What clients that ask for TLS are offered.
    pub offer: TlsOffer,
    /// A session saw DDL: the catalog is to be loaded.
    pub stale: Notify,
    /// Counts the loads.
    pub loaded: watch::Sender<u64>,
    /// True once the proxy is to end.
    pub draining: watch::Sender<bool>,
}

/// Accepts connections until `stop`, then lets the open ones finish.
pub async fn serve(listener: TcpListener, server: Arc<Server>, stop: impl Future<Output = ()>) {
    let mut sessions = JoinSet::new();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(_) = sessions.join_next(), if !sessions.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let server = server.clone();
                    sessions.spawn(async move {
                        if let Err(error) = connection::serve(stream, server).await {
                            debug!(%error, "a connection ended");
                        }
                    });
                }
                Err(error) => {
                    // Out of file descriptors, mostly: others must end before one more can begin.
                    warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
        }
    }
    drop(listener);
    server.draining.send_replace(true);
    let drained = async { while sessions.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        warn!("sessions were still busy at the end of the drain time and are cut");
    }
}
