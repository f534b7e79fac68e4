//! What one peer sent.

use bytes::{Buf, Bytes, BytesMut};

use super::WireError;
use super::outbox::{OutQueue, SMALL};

/// A buffer's size to begin with and after a quiet time, in bytes.
const INITIAL: usize = 16 << 10;
/// Tag and length.
const HEADER: usize = 5;
/// The longest startup packet that PostgreSQL accepts (MAX_STARTUP_PACKET_LENGTH), in bytes.
const STARTUP_MAX: u32 = 10_000;
/// The shortest: length and request code.
const STARTUP_MIN: u32 = 8;

/// The header of the frame at the front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The message type.
    pub tag: u8,
    /// The whole frame with its tag, in bytes.
    pub len: usize,
}

/// What one peer sent: a run of frames to be forwarded, then the frame at the front.
pub struct Inbox {
    buf: BytesMut,
    /// Bytes at the beginning of `buf` that are to be forwarded as they are.
    run: usize,
    /// Bytes still to come of a frame that passes while it arrives.
    passing: usize,
    /// Bytes still to come of a frame that is dropped while it arrives.
    dropping: usize,
    /// Bytes still to come of a frame whose body is taken out while it arrives.
    taking: usize,
}

impl Default for Inbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Inbox {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self {
            buf: BytesMut::with_capacity(INITIAL),
            run: 0,
            passing: 0,
            dropping: 0,
            taking: 0,
        }
    }

    /// Where bytes from the peer are appended; there is room for at least one small read.
    pub fn writable(&mut self) -> &mut BytesMut {
        if self.buf.capacity() - self.buf.len() < INITIAL / 4 {
            // Where nothing is left this only goes back to the beginning.
            // A frame that is held whole grows by doubling with what really arrived, never by what it claims.
            self.buf.reserve(self.buf.len().max(INITIAL));
        }
        &mut self.buf
    }

    /// Gives memory back when nothing is buffered.
    pub fn shrink(&mut self) {
        if self.buf.is_empty() && self.buf.capacity() > INITIAL {
            self.buf = BytesMut::with_capacity(INITIAL);
        }
    }

    /// Whether nothing is buffered, forwarded runs aside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buf.len() == self.run
    }

    /// Moves what has arrived of a streamed frame on; true while more of it is to come.
    #[inline]
    pub fn pass(&mut self) -> bool {
        (self.passing > 0 || self.dropping > 0) && self.pass_more()
    }

    fn pass_more(&mut self) -> bool {
        let here = self.passing.min(self.buf.len() - self.run);
        self.run += here;
        self.passing -= here;
        if self.dropping > 0 {
            let here = self.dropping.min(self.buf.len() - self.run);
            self.remove(here);
            self.dropping -= here;
        }
        self.passing > 0 || self.dropping > 0
    }

    fn front(&self) -> &[u8] {
        self.buf.get(self.run..).unwrap_or_default()
    }

    /// The header of the frame at the front; `None` until all five bytes of it are here or while a frame streams.
    ///
    /// # Errors
    /// A length below four or above `i32::MAX`.
    pub fn peek(&self) -> Result<Option<Head>, WireError> {
        if !self.is_between() {
            return Ok(None);
        }
        let Some((&[tag, a, b, c, d], _)) = self.front().split_first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let len = u32::from_be_bytes([a, b, c, d]);
        match behind_tag(len) {
            Some(behind) => Ok(Some(Head {
                tag,
                len: behind + 1,
            })),
            None => Err(WireError::Length {
                tag: char::from(tag),
                len,
            }),
        }
    }

    /// The whole frame at the front with its tag, in bytes; zero where [`Self::peek`] has none.
    fn frame_len(&self) -> usize {
        match self.front().split_first_chunk::<HEADER>() {
            Some((&[_, a, b, c, d], _)) if self.is_between() => {
                let len = u32::from_be_bytes([a, b, c, d]);
                behind_tag(len).map_or(0, |len| len + 1)
            }
            _ => 0,
        }
    }

    /// No frame is under way in parts.
    fn is_between(&self) -> bool {
        self.passing == 0 && self.dropping == 0 && self.taking == 0
    }

    /// Whether the frame at the front is here to its last byte.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let len = self.frame_len();
        len > 0 && self.front().len() >= len
    }

    /// The body of the frame at the front, which must be whole.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.front()
            .get(HEADER..self.frame_len())
            .unwrap_or_default()
    }

    /// What is here of the body of the frame at the front.
    #[must_use]
    pub fn arrived(&self) -> &[u8] {
        let front = self.front();
        let end = self.frame_len().min(front.len());
        front.get(HEADER..end).unwrap_or_default()
    }

    /// Tags and bodies of the whole frames behind the one at the front, as far as they are here.
    pub fn following(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let mut rest = self.front().get(self.frame_len()..).unwrap_or_default();
        std::iter::from_fn(move || {
            let (&[tag, a, b, c, d], _) = rest.split_first_chunk::<HEADER>()?;
            let len = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
            let (frame, behind) = rest.split_at_checked(len.checked_add(1)?)?;
            rest = behind;
            Some((tag, frame.get(HEADER..)?))
        })
    }

    /// Bytes that are buffered.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.buf.len()
    }

    /// The frame at the front is forwarded as it is; what has not arrived of it passes as it arrives.
    pub fn forward(&mut self) {
        let len = self.frame_len();
        let here = len.min(self.buf.len() - self.run);
        self.run += here;
        self.passing = len - here;
    }

    /// Puts the run into the queue.
    pub fn flush(&mut self, queue: &mut OutQueue) {
        if self.run > SMALL {
            queue.push(self.buf.split_to(self.run).freeze());
        } else if let Some(run) = self.buf.get(..self.run).filter(|run| !run.is_empty()) {
            queue.copy(run);
            self.buf.advance(self.run);
        }
        self.run = 0;
    }

    /// Drops the frame at the front; what has not arrived of it is dropped as it arrives.
    pub fn skip(&mut self, queue: &mut OutQueue) {
        let len = self.frame_len();
        self.flush(queue);
        self.dropping = len;
        self.pass();
    }

    /// Drops the whole frame at the front and queues these bytes in its place.
    pub fn replace(&mut self, queue: &mut OutQueue, bytes: Bytes) {
        self.skip(queue);
        queue.push(bytes);
    }

    /// Begins to take the body of the frame at the front out piece by piece, at any size; its header is dropped.
    pub fn take(&mut self, queue: &mut OutQueue) {
        let len = self.frame_len();
        self.flush(queue);
        let header = len.min(HEADER);
        self.remove(header);
        self.taking = len - header;
    }

    /// Whether more of a body is to be taken.
    #[must_use]
    pub fn is_taking(&self) -> bool {
        self.taking > 0
    }

    /// Appends what is here of the body that is being taken.
    pub fn take_into(&mut self, buf: &mut BytesMut) {
        let here = self.taking.min(self.front().len());
        buf.extend_from_slice(self.front().get(..here).unwrap_or_default());
        self.remove(here);
        self.taking -= here;
    }

    /// The rest of the body that is being taken is dropped as it arrives.
    pub fn drop_taken(&mut self) {
        self.dropping += std::mem::take(&mut self.taking);
        self.pass();
    }

    /// Queues these bytes before the frame at the front.
    pub fn inject(&mut self, queue: &mut OutQueue, bytes: Bytes) {
        self.flush(queue);
        queue.push(bytes);
    }

    fn remove(&mut self, len: usize) {
        if self.run == 0 {
            self.buf.advance(len);
        } else {
            let rest = self.buf.split_off(self.run + len);
            self.buf.truncate(self.run);
            self.buf.unsplit(rest);
        }
    }

    /// The length of the startup packet at the front, in bytes; `None` until its length field is here.
    ///
    /// # Errors
    /// A length outside 8..=10000.
    pub fn peek_startup(&self) -> Result<Option<usize>, WireError> {
        let Some((bytes, _)) = self.buf.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let len = u32::from_be_bytes(*bytes);
        let fits = (STARTUP_MIN..=STARTUP_MAX).contains(&len);
        usize::try_from(len)
            .ok()
            .filter(|_| fits)
            .map(Some)
            .ok_or(WireError::Length { tag: '\0', len })
    }

    /// Whether the startup packet is here to its last byte.
    #[must_use]
    pub fn is_whole_startup(&self) -> bool {
        matches!(self.peek_startup(), Ok(Some(len)) if self.buf.len() >= len)
    }

    /// The startup packet behind its length; it must be whole.
    #[must_use]
    pub fn startup_body(&self) -> &[u8] {
        let len = self.peek_startup().ok().flatten().unwrap_or_default();
        self.buf.get(4..len).unwrap_or_default()
    }

    /// Takes the whole startup packet out, length included.
    pub fn take_startup(&mut self) -> Bytes {
        let len = self.peek_startup().ok().flatten().unwrap_or_default();
        self.buf.split_to(len.min(self.buf.len())).freeze()
    }
}

/// What follows the tag of a frame that says this length; none where that is below four or above `i32::MAX`.
fn behind_tag(len: u32) -> Option<usize> {
    let len = i32::try_from(len).ok()?;
    usize::try_from(len).ok().filter(|len| *len >= 4)
}
