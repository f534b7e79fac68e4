//! What is to be written to each peer.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

/// Bytes that are cheaper copied than shared, and written with what stands beside them.
pub(super) const SMALL: usize = 2 << 10;
/// Copied bytes that are kept in one piece.
const PIECE: usize = 8 << 10;
/// A buffer that held more is not used again.
const REUSED: usize = 64 << 10;

/// What a buffer holds, which is used again. A large one goes along: what is left of it would keep all of it in memory for
/// as long as there is no other message as large.
pub fn taken(buf: &mut BytesMut) -> Bytes {
    let large = buf.len() > REUSED;
    let bytes = buf.split().freeze();
    if large {
        *buf = BytesMut::new();
    }
    bytes
}

/// Bytes to be written to one peer: segments that are shared, then small ones in a copy.
#[derive(Default)]
pub struct OutQueue {
    segments: VecDeque<Bytes>,
    tail: Vec<u8>,
    /// Bytes of `tail` that have been written.
    written: usize,
    len: usize,
}

impl OutQueue {
    /// Appends a segment.
    pub fn push(&mut self, bytes: Bytes) {
        if bytes.len() <= SMALL {
            self.copy(&bytes);
        } else {
            self.len += bytes.len();
            self.close_tail();
            self.segments.push_back(bytes);
        }
    }

    /// Appends what this buffer holds, and empties it.
    pub fn take(&mut self, buf: &mut BytesMut) {
        if buf.len() <= SMALL {
            self.copy(buf);
            buf.clear();
        } else {
            self.push(taken(buf));
        }
    }

    /// Appends a copy of these bytes.
    pub(super) fn copy(&mut self, bytes: &[u8]) {
        self.len += bytes.len();
        if self.tail.len() + bytes.len() > PIECE {
            self.close_tail();
        }
        self.tail.extend_from_slice(bytes);
    }

    fn close_tail(&mut self) {
        let mut tail = Bytes::from(std::mem::take(&mut self.tail));
        tail.advance(std::mem::take(&mut self.written));
        if !tail.is_empty() {
            self.segments.push_back(tail);
        }
    }

    fn rest(&self) -> &[u8] {
        self.tail.get(self.written..).unwrap_or_default()
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes to write.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.len
    }

    /// All of it, if it stands in one piece.
    #[must_use]
    pub fn only(&self) -> Option<&[u8]> {
        match (self.segments.as_slices(), self.rest()) {
            (([], []), rest) => Some(rest),
            (([only], []), []) => Some(only),
            _ => None,
        }
    }

    /// The first pieces, for one vectored write; gives how many were filled in.
    pub fn io_slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let segments = self.segments.iter().map(|segment| &**segment);
        let rest = Some(self.rest()).filter(|rest| !rest.is_empty());
        let mut filled = 0;
        for (slice, piece) in slices.iter_mut().zip(segments.chain(rest)) {
            *slice = IoSlice::new(piece);
            filled += 1;
        }
        filled
    }

    /// `written` bytes have been written.
    pub fn advance(&mut self, mut written: usize) {
        self.len = self.len.saturating_sub(written);
        while let Some(first) = self.segments.front_mut() {
            if written < first.len() {
                first.advance(written);
                return;
            }
            written -= first.len();
            self.segments.pop_front();
        }
        self.written += written;
        if self.written >= self.tail.len() {
            self.tail.clear();
            self.written = 0;
        }
    }
}

/// Bytes to be written to both peers.
#[derive(Default)]
pub struct Outbox {
    /// To the client.
    pub client: OutQueue,
    /// To the server.
    pub server: OutQueue,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_keeps_nothing_of_a_large_message() {
        for (len, reused) in [(REUSED, true), (REUSED + 1, false)] {
            let mut buf = BytesMut::with_capacity(4 * REUSED);
            buf.extend_from_slice(&vec![7; len]);
            assert_eq!(taken(&mut buf).len(), len);
            assert!(buf.is_empty() && (buf.capacity() > 0) == reused);
        }
    }
}
