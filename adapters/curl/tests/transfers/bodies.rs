//! What is sent and received.

use curl::easy::{Handler, ReadError, WriteError};

/// So many bytes, which say where each belongs.
pub(crate) fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at.wrapping_mul(31) >> 3) as u8).collect()
}

/// Sends a body, and collects the answer.
pub(crate) struct Upload {
    left: Vec<u8>,
    pub(crate) answer: Vec<u8>,
}

impl Upload {
    pub(crate) fn new(body: Vec<u8>) -> Self {
        Self {
            left: body,
            answer: Vec::new(),
        }
    }
}

impl Handler for Upload {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let count = buffer.len().min(self.left.len());
        buffer[..count].copy_from_slice(&self.left[..count]);
        self.left.drain(..count);
        Ok(count)
    }

    fn write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        self.answer.extend_from_slice(data);
        Ok(data.len())
    }
}
