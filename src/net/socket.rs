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
    /// The stream may hold back some of what was written: TLS does where the system takes no more.
    unflushed: bool,
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
            unflushed: false,
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

    /// Writes until the queue is empty, and nothing is held back, or the socket is full.
    pub(super) fn write_all(&mut self, queue: &mut OutQueue) -> io::Result<()> {
        if queue.is_empty() && !self.unflushed {
            return Ok(());
        }
        self.unflushed = true;
        let mut task = Context::from_waker(&self.waker);
        while !queue.is_empty() {
            match write(&mut self.stream, queue, &mut task) {
                Poll::Ready(done) => done?,
                Poll::Pending => return Ok(()),
            }
        }
        let flushed = Pin::new(&mut self.stream).poll_flush(&mut task);
        self.unflushed = flushed.is_pending();
        match flushed {
            Poll::Ready(done) => done,
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

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use std::sync::atomic::AtomicUsize;
    use tokio::io::{AsyncRead, ReadBuf};

    /// Takes what is written as TLS does, and passes it on once the system takes more again.
    struct HoldsBack {
        full: Arc<AtomicBool>,
        held: usize,
        passed: Arc<AtomicUsize>,
    }

    impl AsyncRead for HoldsBack {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for HoldsBack {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.held += bytes.len();
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            if self.full.load(Ordering::Relaxed) {
                return Poll::Pending;
            }
            let held = std::mem::take(&mut self.held);
            self.passed.fetch_add(held, Ordering::Relaxed);
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn what_tls_holds_back_goes_once_the_socket_takes_more() {
        let full = Arc::new(AtomicBool::new(true));
        let passed = Arc::new(AtomicUsize::new(0));
        let mut socket = Socket::new(Box::new(HoldsBack {
            full: full.clone(),
            held: 0,
            passed: passed.clone(),
        }));
        let mut queue = OutQueue::default();
        queue.push(Bytes::from_static(b"the end of a result"));
        socket.write_all(&mut queue).unwrap();
        assert!(queue.is_empty() && passed.load(Ordering::Relaxed) == 0);
        full.store(false, Ordering::Relaxed);
        socket.write_all(&mut queue).unwrap();
        assert_eq!(passed.load(Ordering::Relaxed), 19);
    }
}
