//! What a connection that a test holds runs over.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use futures_io::{AsyncRead, AsyncWrite};

use crate::protocol::{Address, Channel};

/// What is on its way in both directions.
#[derive(Default)]
pub(super) struct Wire {
    /// To the protocol, and whether nothing follows.
    pub(super) incoming: VecDeque<u8>,
    pub(super) is_at_end: bool,
    /// From the protocol.
    pub(super) written: Vec<u8>,
    pub(super) has_ended: bool,
    /// As many bytes are taken yet; all if `None`.
    pub(super) room: Option<usize>,
    /// The protocol's end is closed.
    pub(super) is_closed: bool,
}

/// The protocol's end.
pub(super) struct End {
    pub(super) wire: Arc<Mutex<Wire>>,
    pub(super) local: Option<Address>,
    pub(super) peer: Option<Address>,
}

pub(super) fn lock(wire: &Mutex<Wire>) -> MutexGuard<'_, Wire> {
    wire.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Channel for End {
    fn local_address(&self) -> Option<Address> {
        self.local.clone()
    }

    fn peer_address(&self) -> Option<Address> {
        self.peer.clone()
    }
}

// It is polled after each change, so it leaves no waker.
impl AsyncRead for End {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut wire = lock(&self.wire);
        if wire.incoming.is_empty() {
            return match wire.is_at_end {
                true => Poll::Ready(Ok(0)),
                false => Poll::Pending,
            };
        }
        Poll::Ready(io::Read::read(&mut wire.incoming, buf))
    }
}

impl AsyncWrite for End {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let mut wire = lock(&self.wire);
        let len = wire.room.map_or(buf.len(), |room| room.min(buf.len()));
        if len == 0 && !buf.is_empty() {
            return Poll::Pending;
        }
        wire.room = wire.room.map(|room| room - len);
        wire.written.extend_from_slice(&buf[..len]);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        lock(&self.wire).has_ended = true;
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        lock(&self.wire).is_closed = true;
    }
}
