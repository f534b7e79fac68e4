//! Listener, TLS, the one task per connection, upstream and cancel.

mod catalog_watch;
mod connection;
mod end_point;
pub mod lease;
mod listen;
pub mod metadata;
mod socket;
mod stream;
pub mod survey;
mod verifiers;
mod workers;

use std::future::poll_fn;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{debug, warn};

use crate::keyring::Keyring;
use crate::session::{Shared, Terms};
pub use catalog_watch::{CatalogWatch, Read};
pub use listen::{Listener, SocketFile};
pub use stream::{Acceptor, Dial, Keepalive};
pub use verifiers::{VerifierFile, Verifiers};
pub use workers::Clock;
use workers::Workers;

/// How long open sessions may go on after SIGTERM.
const DRAIN: Duration = Duration::from_secs(30);

/// One protected database.
pub struct Database {
    /// For its sessions.
    pub shared: Arc<Shared>,
    /// Where its missing keys come from.
    pub keyring: Arc<Keyring>,
    /// How its sessions learn of a newer catalog.
    pub catalog: CatalogWatch,
}

impl Database {
    /// While the catalog is changing, its sessions send nothing on that it could give another meaning to.
    pub fn set_changing(&self, changing: bool) {
        if changing {
            // A session that is to wait must find what it waits for.
            self.catalog.set_changing(true);
            self.shared.set_changing(true);
        } else {
            self.shared.set_changing(false);
            self.catalog.set_changing(false);
        }
    }
}

/// What all connections share.
pub struct Server {
    /// The databases that rules protect.
    pub databases: ArcSwap<Vec<Arc<Database>>>,
    /// For the sessions of all others.
    pub other: Arc<Shared>,
    /// How to reach PostgreSQL.
    pub dial: ArcSwap<Dial>,
    /// TLS towards clients.
    pub acceptor: ArcSwapOption<Acceptor>,
    /// How clients come in.
    pub terms: Terms,
    /// Where the verifiers of roles are, if logins are not relayed.
    pub verifiers: Verifiers,
    /// How long things may take.
    pub timing: Timing,
    /// What measures that.
    pub clock: Clock,
    /// What open connections are to know.
    pub news: watch::Sender<News>,
}

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// From accept to the first ReadyForQuery.
    pub login: Duration,
    /// How long a client may say nothing while no statement runs and no transaction is open; `None`: for ever.
    pub client_idle: Option<Duration>,
    /// When silent peers are taken for gone.
    pub keepalive: Keepalive,
}

/// What open connections are told.
#[derive(Debug, Clone, Copy, Default)]
pub struct News {
    /// The proxy is to end.
    pub draining: bool,
    /// How often databases were added to those that rules protect.
    pub added: u64,
}

impl Server {
    /// The protected database of this name.
    fn database(&self, name: &[u8]) -> Option<Arc<Database>> {
        let databases = self.databases.load();
        databases
            .iter()
            .find(|database| database.shared.is_of(name))
            .cloned()
    }
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
    server.news.send_modify(|news| news.draining = true);
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
