use std::{fmt, mem};

use curl::easy::{Handler, WriteError};

/// A handler that keeps the body in memory, whole.
///
/// ```
/// use curl::easy::Easy2;
/// use interloop_curl::Collect;
///
/// let mut easy = Easy2::new(Collect::with_limit(1 << 20));
/// easy.url("http://example.org/")?;
/// # Ok::<_, curl::Error>(())
/// ```
///
/// A handle that is used again goes on where the body ends: [`take`](Self::take) it before.
#[derive(Clone)]
pub struct Collect {
    bytes: Vec<u8>,
    limit: usize,
}

impl Collect {
    /// A handler that keeps any body.
    pub fn new() -> Self {
        Self::with_limit(usize::MAX)
    }

    /// A handler that keeps a body of up to so many bytes, and fails the transfer if there are more, with
    /// [`Error::is_handler`](crate::Error::is_handler).
    pub fn with_limit(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
        }
    }

    /// What was received so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes what was received so far.
    pub fn take(&mut self) -> Vec<u8> {
        mem::take(&mut self.bytes)
    }
}

impl Default for Collect {
    fn default() -> Self {
        Self::new()
    }
}

impl Handler for Collect {
    fn write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        if data.len() > self.limit - self.bytes.len() {
            // Less than was given, which ends the transfer.
            return Ok(0);
        }
        self.bytes.extend_from_slice(data);
        Ok(data.len())
    }
}

impl fmt::Debug for Collect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collect")
            .field("len", &self.bytes.len())
            .finish_non_exhaustive()
    }
}
