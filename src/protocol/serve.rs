use std::{
    future::poll_fn,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
};

use futures_core::Stream;

use super::{Address, Channel, Factory, connection::attach_to, contain};
use crate::{Aborted, Completer, Deferred, Reactor};

/// Accepts connections, and gives each to a protocol that the factory makes.
///
/// `incoming` is what a listener accepts: [`TcpListener::into_incoming`](crate::net::TcpListener::into_incoming), which waits
/// where descriptors run short, or any other stream of connections.
///
/// ```
/// # async fn example(reactor: interloop::Reactor) -> std::io::Result<()> {
/// use interloop::{net::TcpListener, protocol::{self, Protocol, Transport}};
///
/// struct Echo;
///
/// impl Protocol for Echo {
///     fn data_received(&mut self, transport: &Transport, data: &[u8]) {
///         transport.write(data);
///     }
/// }
///
/// let listener = TcpListener::bind(&reactor, "127.0.0.1:7000".parse().unwrap())?;
/// let port = protocol::serve(&reactor, listener.into_incoming(), || Echo);
/// // Until it fails, or somebody stops it.
/// port.stopped().await?;
/// # Ok(())
/// # }
/// ```
pub fn serve<S, C, A>(reactor: &Reactor, incoming: S, factory: impl Factory) -> Port
where
    S: Stream<Item = io::Result<(C, A)>> + Send + 'static,
    C: Channel,
    A: Send + 'static,
{
    let factory = Stopping(factory);
    let tasks = reactor.clone();
    let (completer, closed) = Deferred::pair();
    let closing = Closing(Some(completer));
    let accepting = reactor.spawn(async move {
        // Dropped after what accepts, and after the factory.
        let _closing = closing;
        let mut factory = factory;
        let mut incoming = pin!(incoming);
        while let Some(accepted) = poll_fn(|cx| incoming.as_mut().poll_next(cx)).await {
            let (channel, _) = accepted?;
            let peer = channel.peer_address();
            if let Some(protocol) = factory.build(peer.as_ref()) {
                attach_to(&tasks, channel, peer, protocol);
            }
        }
        Ok(())
    });
    Port {
        address: None,
        closed,
        accepting: accepting.or_else(|error: io::Error| match Aborted::in_io_error(&error) {
            Some(aborted) if aborted.is_cancelled() => Ok(()),
            _ => Err(error),
        }),
    }
}

/// A server that listens, made by [`serve`]. Twisted's `IListeningPort`.
///
/// Dropping it lets it go on; what it fails with is reported as [unhandled](crate::unhandled) then.
#[derive(Debug)]
pub struct Port {
    address: Option<Address>,
    accepting: Deferred<(), io::Error>,
    /// Fires when the listener is closed: where its task runs on another thread, a moment after that was cancelled.
    closed: Deferred<(), Aborted>,
}

impl Port {
    pub(super) fn at(mut self, address: Option<Address>) -> Self {
        self.address = address;
        self
    }

    /// The address on which it listens, if an [endpoint](super::endpoint) has made it; [`serve`] does not know it.
    pub fn local_addr(&self) -> Option<&Address> {
        self.address.as_ref()
    }

    /// Accepts no more, and closes the listener. Connections that are there go on.
    pub fn stop(&self) {
        self.accepting.cancel();
    }

    /// Fires when it accepts no more and the listener is closed: it was stopped, or the stream of connections has ended.
    ///
    /// # Errors
    /// Those of the listener, which do not concern a single connection; and if the loop has shut down.
    pub fn stopped(self) -> Deferred<(), io::Error> {
        let closed = self.closed;
        self.accepting.then(move |result| closed.then(move |_| result))
    }
}

/// Tells that it is dropped.
struct Closing(Option<Completer<(), Aborted>>);

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(completer) = self.0.take() {
            completer.complete(());
        }
    }
}

/// A factory that hears of the end, whatever it is.
pub(super) struct Stopping<F: Factory>(pub(super) F);

impl<F: Factory> Stopping<F> {
    /// A panic turns one connection away, and the server goes on.
    pub(super) fn build(&mut self, peer: Option<&Address>) -> Option<F::Protocol> {
        let built = catch_unwind(AssertUnwindSafe(|| self.0.build_protocol(peer)));
        built.unwrap_or_else(|_| {
            log::error!("a factory of protocols panicked; the connection from {peer:?} is closed");
            None
        })
    }
}

impl<F: Factory> Drop for Stopping<F> {
    fn drop(&mut self) {
        // It may run inside of whoever stops the port, or of a loop that shuts down.
        contain("what a factory does when it is stopped", || self.0.stopped());
    }
}
