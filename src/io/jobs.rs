//! What a thread for blocking work does with a reader or writer, one job at a time.

use std::{
    io::{self, Read, Seek, SeekFrom, Write},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A job's end: the reader or writer is given back, with what came of it.
pub(super) struct Done<T> {
    pub(super) io: Box<T>,
    pub(super) outcome: Outcome,
}

pub(super) enum Outcome {
    Read(Vec<u8>, io::Result<usize>),
    Wrote(io::Result<()>),
    Sought(io::Result<u64>),
}

/// One read, into a buffer that is lent to it.
pub(super) fn read<T: Read>(mut io: Box<T>, mut buffer: Vec<u8>, wanted: usize) -> Done<T> {
    buffer.resize(wanted, 0);
    let result = loop {
        match io.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => break result,
        }
    };
    buffer.truncate(*result.as_ref().unwrap_or(&0));
    Done {
        io,
        outcome: Outcome::Read(buffer, result),
    }
}

/// Writes all that is in the backlog, and what is added meanwhile.
pub(super) fn write<T: Write>(mut io: Box<T>, backlog: Arc<Backlog>) -> Done<T> {
    let mut bytes = Vec::new();
    let result = loop {
        bytes.clear();
        if !backlog.take(&mut bytes) {
            break Ok(());
        }
        if let Err(error) = io.write_all(&bytes) {
            // What came in meanwhile has the same fate.
            backlog.clear();
            break Err(error);
        }
    };
    Done {
        io,
        outcome: Outcome::Wrote(result),
    }
}

pub(super) fn flush<T: Write>(mut io: Box<T>) -> Done<T> {
    let result = io.flush();
    Done {
        io,
        outcome: Outcome::Wrote(result),
    }
}

pub(super) fn seek<T: Seek>(mut io: Box<T>, position: SeekFrom) -> Done<T> {
    let result = io.seek(position);
    Done {
        io,
        outcome: Outcome::Sought(result),
    }
}

/// What was accepted and is not written yet.
#[derive(Debug, Default)]
pub(super) struct Backlog(Mutex<Bytes>);

#[derive(Debug, Default)]
struct Bytes {
    accepted: Vec<u8>,
    /// Whether a job will come to take them.
    has_writer: bool,
}

impl Backlog {
    /// Accepts bytes for a job that is to be started.
    pub(super) fn open(&self, bytes: &[u8], capacity: usize) -> usize {
        let mut this = self.lock();
        this.has_writer = true;
        this.accept(bytes, capacity)
    }

    /// Accepts bytes for the job that runs. `None` if there is no room, or the job is at its end.
    pub(super) fn add(&self, bytes: &[u8], capacity: usize) -> Option<usize> {
        let mut this = self.lock();
        if !this.has_writer || this.accepted.len() >= capacity {
            return None;
        }
        Some(this.accept(bytes, capacity))
    }

    /// Forgets what was accepted; the next job is to be started anew.
    pub(super) fn clear(&self) {
        let mut this = self.lock();
        this.accepted.clear();
        this.has_writer = false;
    }

    /// Exchanges all that was accepted for an empty buffer. False if there is nothing, upon which nothing more is accepted.
    fn take(&self, empty: &mut Vec<u8>) -> bool {
        let mut this = self.lock();
        mem::swap(&mut this.accepted, empty);
        this.has_writer = !empty.is_empty();
        this.has_writer
    }

    fn lock(&self) -> MutexGuard<'_, Bytes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bytes {
    fn accept(&mut self, bytes: &[u8], capacity: usize) -> usize {
        let accepted = bytes.len().min(capacity - self.accepted.len());
        self.accepted.extend_from_slice(&bytes[..accepted]);
        accepted
    }
}
