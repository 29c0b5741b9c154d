//! Serving HTTP.

mod accepting;
mod connection;
mod connections;
mod io;
mod service;
mod serving;

use std::{error::Error, fmt, io as std_io, net::SocketAddr, time::Duration};

use futures_core::Stream;
use futures_io::{AsyncRead, AsyncWrite};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::{server::conn::auto, service::TowerToHyperService};
use interloop::{
    Reactor,
    net::{TcpListener, TcpStream},
};
#[cfg(feature = "rustls")]
use interloop_rustls::TlsAcceptor;

use self::{
    accepting::Accepting,
    connection::Settings,
    connections::{Connections, Served, Slot},
};
pub use self::{
    service::{HttpBody, HttpService},
    serving::{ServerHandle, Serving, Shutdown},
};
use crate::{Executor, Io};

/// hyper's own limit for reading a header.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves HTTP/1.1 and HTTP/2 on a reactor, whichever a client speaks.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # interloop_tokio::block_on(async |reactor| {
/// use std::{convert::Infallible, time::Duration};
/// use bytes::Bytes;
/// use http_body_util::Full;
/// use hyper::{Request, Response, body::Incoming, service::service_fn};
/// use interloop::net::TcpListener;
/// use interloop_hyper::Server;
///
/// async fn hello(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
///     Ok(Response::new(format!("you asked for {}\n", request.uri()).into()))
/// }
///
/// let listener = TcpListener::bind(&reactor, "127.0.0.1:0".parse()?)?;
/// let serving = Server::new(&reactor)
///     .max_connections(10_000)
///     .serve(listener, service_fn(hello));
/// // … until it has served enough:
/// let shutdown = serving.shut_down(Duration::from_secs(10)).await?;
/// assert_eq!(shutdown.cut(), 0);
/// # Ok(())
/// # })?
/// # }
/// ```
///
/// # What goes wrong
/// - Connections that fail before they are accepted, and a lack of descriptors, are handled as
///   [`interloop::net::Incoming`] does: the server goes on.
/// - An error of one connection (the client has gone, or speaks something else) ends that connection, and is written to the log at
///   level `debug`.
/// - A service that panics ends its connection. The panic is reported as any [unhandled](interloop::unhandled) failure.
/// - A listener that fails, or a loop that shuts down, ends [`Serving`] with an error.
#[derive(Clone)]
pub struct Server {
    settings: Settings,
    max_connections: usize,
    nodelay: bool,
    #[cfg(feature = "rustls")]
    tls: Option<TlsAcceptor>,
}

impl Server {
    /// A server whose tasks run on this reactor. As many connections as come, and 30 seconds for the header of a
    /// request.
    pub fn new(reactor: &Reactor) -> Self {
        let builder = auto::Builder::new(Executor::new(reactor));
        let server = Self {
            settings: Settings {
                reactor: reactor.clone(),
                builder,
                header_read_timeout: None,
            },
            max_connections: usize::MAX,
            nodelay: true,
            #[cfg(feature = "rustls")]
            tls: None,
        };
        server.header_read_timeout(HEADER_READ_TIMEOUT)
    }

    /// How long a client may take to send the header of a request of HTTP/1.1, counted from when the connection is there or the
    /// request before was answered: so this is also how long a connection may be idle. For HTTP/2 it limits the preface, and with TLS
    /// its handshake.
    #[must_use = "it gives the server back"]
    pub fn header_read_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        let limit = limit.into();
        self.settings.builder.http1().header_read_timeout(limit);
        self.settings.header_read_timeout = limit;
        self
    }

    /// How many connections may be open, those included that were upgraded. Further ones wait to be accepted until one of
    /// these has ended.
    #[must_use = "it gives the server back"]
    pub fn max_connections(mut self, max: usize) -> Self {
        self.max_connections = max;
        self
    }

    /// Whether small packets are sent at once (`TCP_NODELAY`); they are unless this says otherwise.
    #[must_use = "it gives the server back"]
    pub fn nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = nodelay;
        self
    }

    /// Sets what else hyper lets one set. It has the executor already, and gets a timer for each connection.
    ///
    /// ```
    /// # fn example(reactor: &interloop::Reactor) {
    /// use std::time::Duration;
    /// use interloop_hyper::Server;
    ///
    /// let server = Server::new(reactor).configure(|http| {
    ///     http.http1().keep_alive(false);
    ///     http.http2().keep_alive_interval(Duration::from_secs(20));
    /// });
    /// # }
    /// ```
    #[must_use = "it gives the server back"]
    pub fn configure(mut self, set: impl FnOnce(&mut auto::Builder<Executor>)) -> Self {
        set(&mut self.settings.builder);
        self
    }

    /// Speaks TLS on connections of TCP, and takes HTTP/2 or HTTP/1.1 there, as the client offers it (ALPN).
    #[cfg(feature = "rustls")]
    #[must_use = "it gives the server back"]
    pub fn tls(mut self, tls: TlsAcceptor) -> Self {
        self.tls = Some(tls.with_alpn(["h2", "http/1.1"]));
        self
    }

    /// Serves what a listener accepts, each connection with a clone of the service.
    pub fn serve<S, B>(self, listener: TcpListener, service: S) -> Serving
    where
        S: HttpService<B> + Clone,
        S::Future: Send,
        B: HttpBody,
    {
        self.serve_with(listener, move |_| service.clone())
    }

    /// Serves what a listener accepts with a service of tower, such as axum's `Router`; each connection with a clone of it.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # interloop_smol::block_on(async |reactor| {
    /// use axum::{Router, routing::get};
    /// use interloop::net::TcpListener;
    /// use interloop_hyper::Server;
    ///
    /// let app = Router::new().route("/", get(async || "hello"));
    /// let listener = TcpListener::bind(&reactor, "127.0.0.1:0".parse()?)?;
    /// let serving = Server::new(&reactor).serve_tower(listener, app);
    /// # serving.shut_down(std::time::Duration::ZERO).await?;
    /// # Ok(())
    /// # })?
    /// # }
    /// ```
    pub fn serve_tower<S, B>(self, listener: TcpListener, service: S) -> Serving
    where
        S: tower_service::Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        B: HttpBody,
    {
        self.serve(listener, TowerToHyperService::new(service))
    }

    /// Serves what a listener accepts with a service that is made for each connection, of the client's address.
    pub fn serve_with<M, S, B>(self, listener: TcpListener, mut make: M) -> Serving
    where
        M: FnMut(SocketAddr) -> S + Send + 'static,
        S: HttpService<B>,
        S::Future: Send,
        B: HttpBody,
    {
        let settings = self.settings.clone();
        let nodelay = self.nodelay;
        #[cfg(feature = "rustls")]
        let tls = self.tls.clone();
        self.start(
            listener.into_incoming(),
            move |stream: TcpStream, peer, slot: Slot, served: Served| {
                if nodelay {
                    // It matters only for how fast the client is answered, and it may be gone already.
                    let _ = stream.set_nodelay(true);
                }
                let service = make(peer);
                #[cfg(feature = "rustls")]
                if let Some(tls) = &tls {
                    return settings.spawn_tls(tls.clone(), stream, service, slot, served);
                }
                settings.spawn(Io::new(stream).with_vectored_writes(), service, slot, served);
            },
        )
    }

    /// Serves connections of any kind: of a Unix socket, in [memory](interloop::net::memory), or accepted by somebody else. Each comes
    /// with what its service is made of, such as the address of the client. TLS and options of TCP are not for these.
    ///
    /// After an error, which is then that of [`Serving`], or the end, no more connections are awaited; those that there are are
    /// served on.
    ///
    /// ```
    /// # interloop::clock::block_on(async |reactor| {
    /// use std::{convert::Infallible, time::Duration};
    /// use bytes::Bytes;
    /// use futures_util::{StreamExt, io::{AsyncReadExt, AsyncWriteExt}, stream};
    /// use http_body_util::Empty;
    /// use hyper::{Request, Response, body::Incoming, service::service_fn};
    /// use interloop::net::memory;
    /// use interloop_hyper::Server;
    ///
    /// // In virtual time, a client that says nothing is soon given up.
    /// let (mut client, theirs) = memory::pair(1024);
    /// let serving = Server::new(&reactor).serve_incoming(stream::iter([Ok((theirs, ()))]), |()| {
    ///     service_fn(async |_: Request<Incoming>| Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())))
    /// });
    /// client.write_all(b"GET / HTTP/1.1\r\n").await?;
    /// let mut answer = Vec::new();
    /// client.read_to_end(&mut answer).await?;
    /// assert!(answer.is_empty());
    /// serving.await
    /// # }).unwrap().unwrap();
    /// ```
    pub fn serve_incoming<I, T, A, M, S, B>(self, incoming: I, mut make: M) -> Serving
    where
        I: Stream<Item = std_io::Result<(T, A)>> + Send + Unpin + 'static,
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        A: Send + 'static,
        M: FnMut(A) -> S + Send + 'static,
        S: HttpService<B>,
        S::Future: Send,
        B: HttpBody,
    {
        let settings = self.settings.clone();
        self.start(incoming, move |stream, peer, slot, served| {
            settings.spawn(Io::new(stream), make(peer), slot, served);
        })
    }

    /// Accepts, and gives each connection to `serve`.
    fn start<I, T, A>(self, incoming: I, serve: impl FnMut(T, A, Slot, Served) + Send + 'static) -> Serving
    where
        I: Stream<Item = std_io::Result<(T, A)>> + Send + Unpin + 'static,
        T: Send + 'static,
        A: Send + 'static,
    {
        let reactor = &self.settings.reactor;
        let connections = Connections::new(self.max_connections);
        let accepting = reactor.spawn(Accepting::new(connections.clone()).run(incoming, serve));
        Serving::new(reactor, connections, accepting)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("max_connections", &self.max_connections)
            .field("header_read_timeout", &self.settings.header_read_timeout)
            .finish_non_exhaustive()
    }
}
