use std::{fmt, io, sync::Arc, time::Duration};

use interloop::{
    Deferred, Reactor,
    protocol::{
        Channel,
        endpoint::{ClientEndpoint, Listening, ServerEndpoint},
    },
};

use crate::{TlsAcceptor, TlsConnector};

/// How long the other end has for the handshake, unless it is told otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A server that speaks TLS over the connections of any other.
///
/// A protocol has a connection when the handshake is done. Handshakes run side by side, so that a client which says nothing
/// holds up no other. One that fails, or takes longer than 30 seconds, is a connection that the factory never hears of; the log says so
/// at the level `debug`.
///
/// ```
/// # async fn example(reactor: interloop::Reactor) -> std::io::Result<()> {
/// # use interloop::protocol::{Protocol, Transport};
/// # struct Echo;
/// # impl Protocol for Echo {
/// #     fn data_received(&mut self, transport: &Transport, data: &[u8]) { transport.write(data) }
/// # }
/// use interloop::protocol::endpoint::{ServerEndpoint, TcpServer};
/// use interloop_rustls::{TlsAcceptor, TlsServer};
///
/// let acceptor = TlsAcceptor::from_pem(&std::fs::read("chain.pem")?, &std::fs::read("key.pem")?)?;
/// let port = TlsServer::new(TcpServer::new(443), acceptor).listen(&reactor, || Echo).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TlsServer<E> {
    endpoint: E,
    acceptor: TlsAcceptor,
    timeout: Duration,
}

impl<E: ServerEndpoint> TlsServer<E> {
    /// Over the connections of an endpoint.
    pub fn new(endpoint: E, acceptor: TlsAcceptor) -> Self {
        Self {
            endpoint,
            acceptor,
            timeout: TIMEOUT,
        }
    }

    /// How long a client has for the handshake.
    #[must_use = "it gives the endpoint back"]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl<E: ServerEndpoint> ServerEndpoint for TlsServer<E> {
    fn bind(&self, reactor: &Reactor) -> Deferred<Listening, io::Error> {
        let (acceptor, timeout, tasks) = (self.acceptor.clone(), self.timeout, reactor.clone());
        self.endpoint.bind(reactor).map_ok(move |listening| {
            listening.upgrade(&tasks, timeout, move |channel| {
                let acceptor = acceptor.clone();
                async move { Ok(Box::new(acceptor.accept(channel).await?) as Box<dyn Channel>) }
            })
        })
    }
}

/// Not text that parses back: that has the names of files.
impl<E: fmt::Display> fmt::Display for TlsServer<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TLS over {}", self.endpoint)
    }
}

/// A client that speaks TLS over the connections of any other.
///
/// It has connected when the handshake is done and the server has shown a certificate for its name.
///
/// ```
/// # async fn example(reactor: interloop::Reactor) -> std::io::Result<()> {
/// # use interloop::protocol::{Protocol, Transport};
/// # struct Echo;
/// # impl Protocol for Echo {
/// #     fn data_received(&mut self, transport: &Transport, data: &[u8]) { transport.write(data) }
/// # }
/// # #[cfg(feature = "webpki-roots")] {
/// use interloop::protocol::endpoint::{ClientEndpoint, TcpClient};
/// use interloop_rustls::{TlsClient, TlsConnector};
///
/// let endpoint = TlsClient::new(TcpClient::new("example.org", 443), TlsConnector::new()?, "example.org");
/// let transport = endpoint.connect(&reactor, Echo).await?;
/// # }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TlsClient<E> {
    endpoint: Arc<E>,
    connector: TlsConnector,
    name: Arc<str>,
    timeout: Duration,
}

impl<E: ClientEndpoint> TlsClient<E> {
    /// Over the connections of an endpoint, with a server of this name.
    pub fn new(endpoint: E, connector: TlsConnector, name: &str) -> Self {
        Self {
            endpoint: Arc::new(endpoint),
            connector,
            name: name.into(),
            timeout: TIMEOUT,
        }
    }

    /// How long the server has for the handshake; the endpoint below says how long it has to accept a connection.
    #[must_use = "it gives the endpoint back"]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// Fails with a [`TlsError`](crate::TlsError) in the [`io::Error`] if it is TLS that fails.
impl<E: ClientEndpoint> ClientEndpoint for TlsClient<E> {
    fn open(&self, reactor: &Reactor) -> Deferred<Box<dyn Channel>, io::Error> {
        let (endpoint, connector, name) = (self.endpoint.clone(), self.connector.clone(), self.name.clone());
        let (timeout, tasks) = (self.timeout, reactor.clone());
        reactor.spawn(async move {
            let channel = endpoint.open(&tasks).cancel_on_drop().await?;
            let handshake = async { Ok::<_, io::Error>(connector.connect(&name, channel).await?) };
            Ok(Box::new(tasks.timeout(timeout, handshake).await?) as _)
        })
    }
}

/// Not text that parses back.
impl<E: fmt::Display> fmt::Display for TlsClient<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TLS with {} over {}", self.name, self.endpoint)
    }
}
