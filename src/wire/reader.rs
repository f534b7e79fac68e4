//! A bounds-checked reader over one message body.

use super::WireError;

/// Reads fields from the front; [`Reader::end`] makes sure that nothing is left over.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    pub(super) fn take(&mut self, len: usize, field: &'static str) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or(WireError::Short(field))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], WireError> {
        self.take(N, field)?
            .try_into()
            .map_err(|_| WireError::Short(field))
    }

    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8, WireError> {
        self.array::<1>(field).map(u8::from_be_bytes)
    }

    pub(super) fn i16(&mut self, field: &'static str) -> Result<i16, WireError> {
        self.array(field).map(i16::from_be_bytes)
    }

    /// A count of things that follow: an unsigned 16-bit number, as the server reads it.
    pub(super) fn count(&mut self, field: &'static str) -> Result<usize, WireError> {
        self.array(field)
            .map(|bytes| usize::from(u16::from_be_bytes(bytes)))
    }

    pub(super) fn i32(&mut self, field: &'static str) -> Result<i32, WireError> {
        self.array(field).map(i32::from_be_bytes)
    }

    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, WireError> {
        self.array(field).map(u32::from_be_bytes)
    }

    /// Bytes up to a NUL, which is consumed.
    pub(super) fn cstr(&mut self, field: &'static str) -> Result<&'a [u8], WireError> {
        let nul = memchr::memchr(0, self.rest).ok_or(WireError::Short(field))?;
        let text = self.take(nul, field)?;
        self.take(1, field)?;
        Ok(text)
    }

    /// A 32-bit length and that many bytes; −1 is NULL.
    pub(super) fn value(&mut self, field: &'static str) -> Result<Option<&'a [u8]>, WireError> {
        match self.i32(field)? {
            -1 => Ok(None),
            len => {
                let len = usize::try_from(len).map_err(|_| WireError::Value(field))?;
                self.take(len, field).map(Some)
            }
        }
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    pub(super) fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn end(self) -> Result<(), WireError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(WireError::Leftover(self.rest.len()))
        }
    }
}
