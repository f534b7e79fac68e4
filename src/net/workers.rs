//! The threads that sessions run on, each with an event loop of its own.
//!
//! A session is one task that shares no work with another. On a scheduler that moves tasks between threads each wake-up
//! of one session also wakes a thread that looks for work, which costs more than forwarding does
//! (docs/adr/0006-sessions-have-event-loops-of-their-own.md).

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, Sleep, Timeout};

/// The parser recurses to a fixed depth, and a debug build's frames are large. Only what is used takes memory.
const STACK: usize = 8 << 20;

/// The clock of the main runtime. The sessions' loops have none: to look at it at each turn costs more than a session needs it
/// for, which is its login and its end.
#[derive(Clone)]
pub struct Clock(Handle);

impl Clock {
    /// That of the runtime which this is called on.
    ///
    /// # Panics
    /// Where there is none.
    #[must_use]
    pub fn here() -> Self {
        Self(Handle::current())
    }

    pub(super) fn sleep(&self, duration: Duration) -> Sleep {
        let _main = self.0.enter();
        tokio::time::sleep(duration)
    }

    pub(super) fn sleep_until(&self, deadline: Instant) -> Sleep {
        let _main = self.0.enter();
        tokio::time::sleep_until(deadline)
    }

    pub(super) fn timeout<F: Future>(&self, limit: Duration, future: F) -> Timeout<F> {
        let _main = self.0.enter();
        tokio::time::timeout(limit, future)
    }

    /// Lets the main runtime do what has clocks of its own.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, JoinError> {
        self.0.spawn(work).await
    }
}

struct Worker {
    handle: Handle,
    /// Each session that runs here holds one.
    sessions: Arc<()>,
}

/// The event loops; they end when this is dropped.
pub(super) struct Workers {
    workers: Vec<Worker>,
    _running: watch::Sender<()>,
}

impl Workers {
    /// Starts so many.
    ///
    /// # Errors
    /// When the system has no thread or no event queue left.
    pub(super) fn start(threads: NonZeroUsize) -> io::Result<Self> {
        let running = watch::Sender::new(());
        let workers = (0..threads.get())
            .map(|number| {
                let runtime = Builder::new_current_thread().enable_io().build()?;
                let handle = runtime.handle().clone();
                let mut ended = running.subscribe();
                thread::Builder::new()
                    .name(format!("sessions-{number}"))
                    .stack_size(STACK)
                    .spawn(move || {
                        runtime.block_on(async { while ended.changed().await.is_ok() {} })
                    })?;
                let sessions = Arc::new(());
                Ok(Worker { handle, sessions })
            })
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Self {
            workers,
            _running: running,
        })
    }

    /// Runs a session on the loop that has the fewest.
    pub(super) fn spawn(
        &self,
        set: &mut JoinSet<()>,
        session: impl Future<Output = ()> + Send + 'static,
    ) {
        let fewest = self
            .workers
            .iter()
            .min_by_key(|worker| Arc::strong_count(&worker.sessions));
        if let Some(worker) = fewest {
            let counted = worker.sessions.clone();
            set.spawn_on(
                async move {
                    session.await;
                    drop(counted);
                },
                &worker.handle,
            );
        }
    }
}
