//! One direction of a connection.

use std::{
    collections::VecDeque,
    fmt,
    io::{self, IoSlice, IoSliceMut},
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use super::parked::{Access, Parked};

/// Bytes on their way from one end to the other, as many as there is room for. No waker is cloned, woken or dropped
/// under the lock.
pub(super) struct Pipe(Mutex<State>);

struct State {
    buffer: VecDeque<u8>,
    capacity: usize,
    /// Nothing more is written, or nothing more would be read: what is in the buffer is all.
    closed: bool,
    readers: Parked,
    writers: Parked,
}

impl State {
    fn room(&self) -> usize {
        self.capacity - self.buffer.len()
    }
}

/// Whom a task belongs to that waits.
#[derive(Clone, Copy)]
enum End {
    Reading,
    Writing,
}

impl Pipe {
    pub(super) fn new(capacity: usize) -> Self {
        Self(Mutex::new(State {
            buffer: VecDeque::new(),
            capacity: capacity.max(1),
            closed: false,
            readers: Parked::default(),
            writers: Parked::default(),
        }))
    }

    /// Reads into buffers, one after the other. Zero bytes are the end, or have been asked for.
    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        access: Access,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        if bufs.iter().all(|buf| buf.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        self.poll(cx, access, End::Reading, |state| {
            if state.buffer.is_empty() && !state.closed {
                return None;
            }
            let mut moved = 0;
            for buf in &mut *bufs {
                moved += take(&mut state.buffer, buf);
            }
            Some(Ok(moved))
        })
    }

    /// Writes from buffers, one after the other, as much as there is room for.
    pub(super) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        access: Access,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if bufs.iter().all(|buf| buf.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        self.poll(cx, access, End::Writing, |state| {
            if state.closed {
                return Some(Err(io::ErrorKind::BrokenPipe.into()));
            }
            if state.room() == 0 {
                return None;
            }
            let mut moved = 0;
            for buf in bufs {
                let part = &buf[..buf.len().min(state.room())];
                state.buffer.extend(part);
                moved += part.len();
            }
            Some(Ok(moved))
        })
    }

    /// Ends the pipe. What is in it can still be read.
    pub(super) fn close(&self) {
        self.end(|_| ());
    }

    /// Ends the pipe, and frees what is in it, as the reading end is gone.
    pub(super) fn abandon(&self) {
        self.end(|buffer| *buffer = VecDeque::new());
    }

    fn end(&self, finish: impl FnOnce(&mut VecDeque<u8>)) {
        let (readers, writers) = {
            let mut state = self.lock();
            state.closed = true;
            finish(&mut state.buffer);
            (state.readers.take(), state.writers.take())
        };
        readers.wake();
        writers.wake();
    }

    /// Runs `op`, and parks the task if there is nothing it can do; else wakes those who wait at the other end.
    fn poll<R>(
        &self,
        cx: &mut Context<'_>,
        access: Access,
        end: End,
        mut op: impl FnMut(&mut State) -> Option<R>,
    ) -> Poll<R> {
        let mut waker = None;
        loop {
            let mut state = self.lock();
            let done = op(&mut state);
            let State { readers, writers, .. } = &mut *state;
            let (mine, theirs) = match end {
                End::Reading => (readers, writers),
                End::Writing => (writers, readers),
            };
            if let Some(done) = done {
                let theirs = theirs.take();
                drop(state);
                theirs.wake();
                return Poll::Ready(done);
            }
            if mine.has(cx.waker(), access) {
                return Poll::Pending;
            }
            match waker.take() {
                Some(waker) => {
                    let replaced = mine.add(waker, access);
                    drop(state);
                    drop(replaced);
                    return Poll::Pending;
                }
                None => {
                    // What it waits for may come meanwhile, so `op` is tried again.
                    drop(state);
                    waker = Some(cx.waker().clone());
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Pipe")
            .field("unread", &state.buffer.len())
            .field("capacity", &state.capacity)
            .field("closed", &state.closed)
            .finish()
    }
}

/// Moves as many bytes from the front of `from` as `to` has room for.
fn take(from: &mut VecDeque<u8>, to: &mut [u8]) -> usize {
    let moved = from.len().min(to.len());
    let (front, back) = from.as_slices();
    let (to_front, to_back) = to[..moved].split_at_mut(moved.min(front.len()));
    to_front.copy_from_slice(&front[..to_front.len()]);
    to_back.copy_from_slice(&back[..to_back.len()]);
    from.drain(..moved);
    moved
}
