//! Accepting connections.

use std::{future::poll_fn, io, pin::Pin, sync::Arc, task::Poll};

use futures_core::Stream;

use super::connections::{Connections, Served, Slot};

/// The task that accepts.
pub(super) struct Accepting {
    connections: Arc<Connections>,
}

impl Accepting {
    pub(super) fn new(connections: Arc<Connections>) -> Self {
        Self { connections }
    }

    pub(super) async fn run<I, T, A>(self, mut incoming: I, mut serve: impl FnMut(T, A, Slot, Served)) -> io::Result<()>
    where
        I: Stream<Item = io::Result<(T, A)>> + Unpin,
    {
        let result = loop {
            let accepted = poll_fn(|cx| match self.connections.poll_may_accept(cx) {
                Poll::Ready(true) => Pin::new(&mut incoming).poll_next(cx),
                may_accept => may_accept.map(|_| None),
            });
            match accepted.await {
                Some(Ok((stream, peer))) => {
                    if let Some((slot, served)) = self.connections.add() {
                        serve(stream, peer, slot, served);
                    }
                }
                Some(Err(error)) => break Err(error),
                None => break Ok(()),
            }
        };
        // Before the shutdown, which waits for this, is told to have come to its end.
        drop(incoming);
        result
    }
}

impl Drop for Accepting {
    fn drop(&mut self) {
        self.connections.accepting_ended();
    }
}
