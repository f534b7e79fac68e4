//! Listener, TLS, the one task per connection, upstream and cancel.

mod connection;
mod listen;
pub mod metadata;
mod stream;
mod workers;

use std::future::poll_fn;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tracing::{debug, warn};

use crate::keyring::Keyring;
use crate::session::{Shared, TlsOffer};
pub use listen::{Listener, SocketFile};
pub(crate) use stream::unverifying;
pub use stream::{Dial, client_acceptor};
use workers::Workers;

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

/// Accepts connections until `stop`, then lets the open ones finish; sessions run on so many threads.
///
/// # Errors
/// When the threads for the sessions cannot be started.
pub async fn serve(
    listeners: Vec<Listener>,
    server: Arc<Server>,
    threads: NonZeroUsize,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let workers = Workers::start(threads)?;
    let mut sessions = JoinSet::new();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(_) = sessions.join_next(), if !sessions.is_empty() => {}
            incoming = accept(&listeners) => match incoming {
                Ok(accepted) => {
                    let server = server.clone();
                    workers.spawn(&mut sessions, async move {
                        if let Err(error) = connection::serve(accepted, server).await {
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
    drop(listeners);
    server.draining.send_replace(true);
    let drained = async { while sessions.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        warn!("sessions were still busy at the end of the drain time and are cut");
    }
    Ok(())
}

async fn accept(listeners: &[Listener]) -> io::Result<listen::Accepted> {
    poll_fn(|task| {
        for listener in listeners {
            if let Poll::Ready(accepted) = listener.poll_accept(task) {
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    })
    .await
}
