use std::{fmt, io, pin::Pin, sync::Arc, task, time::Duration};

use futures_core::Stream;

use super::upgrade::Upgrading;
use crate::{
    Deferred, Reactor,
    protocol::{Address, Channel, Factory, Port, Protocol, Transport, attach, serve},
};

/// Where a server listens. Twisted's `IStreamServerEndpoint`.
///
/// It is only a description until something [listens](Self::listen) there, and that can be done again. Text comes from it that
/// [`Parser::server`](super::Parser::server) understands, for those kinds that have such text.
///
/// One of your own implements [`bind`](Self::bind), and is what a program may be configured with:
///
/// ```
/// # futures_executor::block_on(async {
/// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
/// use std::{fmt, io};
/// use interloop::{Deferred, Reactor, net::TcpListener};
/// use interloop::protocol::{Protocol, Transport, endpoint::{Listening, ServerEndpoint}};
///
/// /// Any free port of this machine's own.
/// struct Somewhere;
///
/// impl ServerEndpoint for Somewhere {
///     fn bind(&self, reactor: &Reactor) -> Deferred<Listening, io::Error> {
///         let bound = TcpListener::bind(reactor, ([127, 0, 0, 1], 0).into()).and_then(|listener| {
///             let address = listener.local_addr()?;
///             Ok(Listening::new(listener.into_incoming(), Some(address.into())))
///         });
///         Deferred::settled(bound)
///     }
/// }
///
/// impl fmt::Display for Somewhere {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         f.write_str("somewhere")
///     }
/// }
///
/// # struct Echo;
/// # impl Protocol for Echo {
/// #     fn data_received(&mut self, transport: &Transport, data: &[u8]) { transport.write(data) }
/// # }
/// let port = Somewhere.listen(&reactor, || Echo).await?;
/// assert!(port.local_addr().is_some());
/// # Ok::<_, std::io::Error>(())
/// # }).unwrap();
/// ```
pub trait ServerEndpoint: fmt::Display + Send + Sync + 'static {
    /// Opens what listens there. Cancelling the deferred gives it up.
    fn bind(&self, reactor: &Reactor) -> Deferred<Listening, io::Error>;

    /// Listens, and gives each connection to a protocol that the factory makes.
    ///
    /// # Errors
    /// Those of the system, with an [`EndpointError`](super::EndpointError) that says which endpoint it was; and if the loop has
    /// shut down.
    fn listen(&self, reactor: &Reactor, factory: impl Factory) -> Deferred<Port, io::Error>
    where
        Self: Sized,
    {
        let tasks = reactor.clone();
        self.bind(reactor)
            .map_ok(move |listening| listening.serve(&tasks, factory))
    }
}

/// Where a client connects to. Twisted's `IStreamClientEndpoint`.
///
/// A description, as a [`ServerEndpoint`] is, which can be connected to any number of times.
pub trait ClientEndpoint: fmt::Display + Send + Sync + 'static {
    /// Makes a connection. Cancelling the deferred gives it up.
    fn open(&self, reactor: &Reactor) -> Deferred<Box<dyn Channel>, io::Error>;

    /// Makes a connection, and gives it to a protocol.
    ///
    /// # Errors
    /// Those of the connection; the protocol is dropped then, and hears of nothing. And if the loop has shut down.
    fn connect(&self, reactor: &Reactor, protocol: impl Protocol + Send + 'static) -> Deferred<Transport, io::Error>
    where
        Self: Sized,
    {
        let tasks = reactor.clone();
        self.open(reactor)
            .map_ok(move |channel| attach(&tasks, channel, protocol))
    }
}

macro_rules! stands_for_an_endpoint {
    ($type:ty) => {
        impl<E: ServerEndpoint + ?Sized> ServerEndpoint for $type {
            fn bind(&self, reactor: &Reactor) -> Deferred<Listening, io::Error> {
                (**self).bind(reactor)
            }
        }

        impl<E: ClientEndpoint + ?Sized> ClientEndpoint for $type {
            fn open(&self, reactor: &Reactor) -> Deferred<Box<dyn Channel>, io::Error> {
                (**self).open(reactor)
            }
        }
    };
}

stands_for_an_endpoint!(Box<E>);
stands_for_an_endpoint!(Arc<E>);

pub(super) type Accepted = io::Result<(Box<dyn Channel>, ())>;
pub(super) type Connections = Pin<Box<dyn Stream<Item = Accepted> + Send>>;

/// What listens, before there is a factory for it: given by [`ServerEndpoint::bind`]. Dropped, it listens no more.
pub struct Listening {
    incoming: Connections,
    address: Option<Address>,
}

impl Listening {
    /// Of a stream of connections, such as [`TcpListener::into_incoming`](crate::net::TcpListener::into_incoming), and of the address at
    /// which they come, if it has one. What the second half of an item is does not matter.
    pub fn new<S, C, A>(incoming: S, address: Option<Address>) -> Self
    where
        S: Stream<Item = io::Result<(C, A)>> + Send + 'static,
        C: Channel,
    {
        Self {
            incoming: Box::pin(Boxing(Box::pin(incoming))),
            address,
        }
    }

    /// The address on which it listens, if it has one.
    pub fn local_addr(&self) -> Option<&Address> {
        self.address.as_ref()
    }

    /// Has each connection go through an async function before it is served: a TLS handshake, a line that says where it comes
    /// from. They run side by side, each as a task of the reactor's, so that a slow one holds up no other.
    ///
    /// One that fails, or takes longer than `limit`, is closed, and the log says so at the level `debug`. When listening ends, those
    /// that are not through are given up.
    #[must_use = "dropped, it listens no more"]
    pub fn upgrade<F>(
        self,
        reactor: &Reactor,
        limit: Duration,
        mut upgrade: impl FnMut(Box<dyn Channel>) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = io::Result<Box<dyn Channel>>> + Send + 'static,
    {
        let upgrade = Box::new(move |channel| -> super::upgrade::Upgrade { Box::pin(upgrade(channel)) });
        Self {
            incoming: Box::pin(Upgrading::new(self.incoming, reactor, limit, upgrade)),
            address: self.address,
        }
    }

    /// Gives each connection to a protocol that the factory makes.
    pub fn serve(self, reactor: &Reactor, factory: impl Factory) -> Port {
        serve(reactor, self.incoming, factory).at(self.address)
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// Connections of any kind, as those of any other.
struct Boxing<S>(Pin<Box<S>>);

impl<S, C, A> Stream for Boxing<S>
where
    S: Stream<Item = io::Result<(C, A)>>,
    C: Channel,
{
    type Item = Accepted;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> task::Poll<Option<Accepted>> {
        let polled = self.0.as_mut().poll_next(cx);
        polled.map(|next| next.map(|accepted| accepted.map(|(channel, _)| (Box::new(channel) as _, ()))))
    }
}
