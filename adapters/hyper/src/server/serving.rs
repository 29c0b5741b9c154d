use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use interloop::{Aborted, AsAborted, Deferred, Reactor};

use super::connections::Connections;

/// A server that runs. Made by [`Server::serve`](super::Server::serve) and its like.
///
/// Awaited, it ends when the server accepts no more connections: with the error that the listener failed with,
/// [`Aborted::shut_down`] in it if the loop has shut down, or well, after a [shutdown](Self::shut_down). Dropped, it detaches: the
/// server goes on, and an error is reported as any [unhandled](interloop::unhandled) one.
#[derive(Debug)]
#[must_use = "say `detach` if the server is to go on without anybody looking after it"]
pub struct Serving {
    accepting: Deferred<(), io::Error>,
    handle: ServerHandle,
}

impl Serving {
    pub(super) fn new(reactor: &Reactor, connections: Arc<Connections>, accepting: Deferred<(), io::Error>) -> Self {
        Self {
            accepting,
            handle: ServerHandle {
                reactor: reactor.clone(),
                connections,
            },
        }
    }

    /// A handle by which others can shut the server down.
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Shuts the server down, see [`ServerHandle::shut_down`].
    ///
    /// # Errors
    /// If the listener has failed before, and if the loop has shut down.
    ///
    /// # Cancel safety
    /// Once this was polled, the shutdown goes on when this is dropped.
    pub async fn shut_down(self, limit: Duration) -> io::Result<Shutdown> {
        let shutdown = self.handle.shut_down(limit).await?;
        self.accepting.await?;
        Ok(shutdown)
    }

    /// Lets the server go on by itself.
    pub fn detach(self) {}
}

impl Future for Serving {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.accepting).poll(cx)
    }
}

/// Knows a running server, and can shut it down, from any thread. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ServerHandle {
    reactor: Reactor,
    connections: Arc<Connections>,
}

impl ServerHandle {
    /// How many connections are open, those included that were upgraded to something else than HTTP.
    pub fn connections(&self) -> usize {
        self.connections.count()
    }

    /// Shuts the server down gracefully: it closes its listener, and each connection when that has answered what it was asked;
    /// those that are idle, at once. What is left when the limit has passed is cut: dropped, with the requests on it.
    ///
    /// The shutdown begins with the call, and goes on whether or not the deferred is awaited, which fires at the end, or at the limit. A
    /// second call takes part in the first one, and can bring an earlier limit. Connections that were upgraded belong to the
    /// service, and are left alone.
    ///
    /// The deferred fails if the loop has shut down, which has cut all connections.
    pub fn shut_down(&self, limit: Duration) -> Deferred<Shutdown, io::Error> {
        let (completer, ended) = Deferred::pair();
        self.connections.close(completer);
        let limited = self.reactor.timeout(limit, ended);
        let connections = self.connections.clone();
        self.reactor.spawn(async move {
            match limited.await {
                Err(error) if error.as_aborted().is_some_and(Aborted::is_timed_out) => Ok(connections.cut()),
                result => result,
            }
        })
    }
}

/// What a shutdown came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shutdown {
    pub(super) finished: usize,
    pub(super) cut: usize,
}

impl Shutdown {
    /// How many of the connections that were open ended by themselves.
    pub fn finished(&self) -> usize {
        self.finished
    }

    /// How many were cut, as the limit had passed.
    pub fn cut(&self) -> usize {
        self.cut
    }
}
