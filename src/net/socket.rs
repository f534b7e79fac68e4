//! One side of a connection: its stream, and whether there may be news of it.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use tokio::io::{AsyncReadExt, AsyncWrite};

use super::stream::Stream;
use crate::wire::{Inbox, OutQueue};

/// Segments of one vectored write.
const SLICES: usize = 32;

/// A stream that is asked for bytes only after it has woken its task: of a connection's wake-ups most concern one of its
/// two sockets, and a look at the other is not free.
pub(super) struct Socket {
    pub(super) stream: Box<dyn Stream>,
    bell: Arc<Bell>,
    /// The bell's, as the stream is to know it.
    waker: Waker,
    /// The stream had nothing, and rings when it has.
    waits: bool,
}

/// Wakes a connection's task and says by which of its sockets.
struct Bell {
    rung: AtomicBool,
    task: Waker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

impl Socket {
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        let bell = Arc::new(Bell {
            rung: AtomicBool::new(false),
            task: Waker::noop().clone(),
        });
        Self {
            stream,
            waker: bell.clone().into(),
            bell,
            waits: false,
        }
    }

    /// This task is woken from now on; to be said at each of its turns.
    pub(super) fn wakes(&mut self, task: &Context<'_>) {
        if !self.bell.task.will_wake(task.waker()) {
            self.bell = Arc::new(Bell {
                rung: AtomicBool::new(false),
                task: task.waker().clone(),
            });
            self.waker = self.bell.clone().into();
            self.waits = false;
        }
    }

    /// Appends what has come; ready with how much that is, zero at the end.
    pub(super) fn read(&mut self, inbox: &mut Inbox) -> Poll<io::Result<usize>> {
        if self.waits {
            if !self.bell.rung.load(Ordering::Acquire) {
                return Poll::Pending;
            }
            // Before the stream is asked: what comes after that rings again.
            self.bell.rung.swap(false, Ordering::AcqRel);
        }
        inbox.shrink();
        let reads = pin!(self.stream.read_buf(inbox.writable()));
        let read = reads.poll(&mut Context::from_waker(&self.waker));
        self.waits = read.is_pending();
        read
    }

    /// Writes until the queue is empty or the socket is full.
    pub(super) fn write_all(&mut self, queue: &mut OutQueue) -> io::Result<()> {
        if queue.is_empty() {
            return Ok(());
        }
        let mut task = Context::from_waker(&self.waker);
        while !queue.is_empty() {
            match write(&mut self.stream, queue, &mut task) {
                Poll::Ready(done) => done?,
                Poll::Pending => return Ok(()),
            }
        }
        match Pin::new(&mut self.stream).poll_flush(&mut task) {
            Poll::Ready(flushed) => flushed,
            Poll::Pending => Ok(()),
        }
    }

    /// Writes once, and wakes this task if it cannot.
    pub(super) fn write(
        &mut self,
        queue: &mut OutQueue,
        task: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        write(&mut self.stream, queue, task)
    }

    /// Says that nothing more will be written.
    pub(super) fn shutdown(&mut self) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(&mut Context::from_waker(&self.waker))
    }
}

fn write(
    stream: &mut Box<dyn Stream>,
    queue: &mut OutQueue,
    task: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    // What is forwarded is one segment: the system takes that faster than a list.
    let written = if let Some(only) = queue.only() {
        Pin::new(stream).poll_write(task, only)
    } else {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let filled = queue.io_slices(&mut slices);
        let slices = slices.get(..filled).unwrap_or_default();
        Pin::new(stream).poll_write_vectored(task, slices)
    };
    match written {
        Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        Poll::Ready(Ok(written)) => {
            queue.advance(written);
            Poll::Ready(Ok(()))
        }
        Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        Poll::Pending => Poll::Pending,
    }
}
