use std::{
    fmt,
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use interloop::{
    Reactor,
    net::{self, Keepalive, TcpStream},
};
#[cfg(feature = "rustls")]
use interloop_rustls::TlsConnector;

use crate::{ConnectError, HttpStream};

/// Connects hyper-util's client to the host of a URI, by TCP and, with the feature `rustls`, by TLS. Cheap to clone.
///
/// The host's name is looked up by the system, and its addresses are tried as RFC 8305 says, see
/// [`interloop::net::Connector`]. [`Client`](crate::Client) has a client made of it.
///
/// ```
/// # async fn example(reactor: interloop::Reactor) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use bytes::Bytes;
/// use http_body_util::Empty;
/// use hyper_util::client::legacy::Client;
/// use interloop_hyper::{Executor, HttpConnector, Timer};
///
/// let connector = HttpConnector::new(&reactor).connect_timeout(Duration::from_secs(5));
/// let client: Client<_, Empty<Bytes>> = Client::builder(Executor::new(&reactor))
///     .pool_timer(Timer::new(&reactor))
///     .build(connector);
/// let response = client.get("http://example.org/".parse()?).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct HttpConnector {
    reactor: Reactor,
    connector: net::Connector,
    /// For TLS, whose part of it is what connecting has left.
    limit: Option<Duration>,
    nodelay: bool,
    keepalive: Option<Keepalive>,
    #[cfg(feature = "rustls")]
    tls: Option<TlsConnector>,
}

impl HttpConnector {
    /// Connects on this reactor's loop, without a time limit of its own, and for `http` only.
    pub fn new(reactor: &Reactor) -> Self {
        Self {
            reactor: reactor.clone(),
            connector: net::Connector::new(),
            limit: None,
            nodelay: true,
            keepalive: None,
            #[cfg(feature = "rustls")]
            tls: None,
        }
    }

    /// Gives up when so much time has passed; that for looking the name up, and for TLS, included.
    #[must_use = "it gives the connector back"]
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connector = self.connector.limit(limit);
        self.limit = Some(limit);
        self
    }

    /// How long the attempt at one address has for itself before the next begins beside it. See
    /// [`net::Connector::attempt_delay`].
    #[must_use = "it gives the connector back"]
    pub fn attempt_delay(mut self, delay: Duration) -> Self {
        self.connector = self.connector.attempt_delay(delay);
        self
    }

    /// Whether small packets are sent at once (`TCP_NODELAY`); they are unless this says otherwise.
    #[must_use = "it gives the connector back"]
    pub fn nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = nodelay;
        self
    }

    /// Has the system look from time to time whether the other end of an idle connection is there still.
    #[must_use = "it gives the connector back"]
    pub fn keepalive(mut self, keepalive: Keepalive) -> Self {
        self.keepalive = Some(keepalive);
        self
    }

    /// Connects to `https` as well, and offers HTTP/2 and HTTP/1.1 there (ALPN).
    #[cfg(feature = "rustls")]
    #[must_use = "it gives the connector back"]
    pub fn tls(self, tls: TlsConnector) -> Self {
        self.tls_as_it_is(tls.with_alpn(["h2", "http/1.1"]))
    }

    /// Connects to `https` as well, and offers there what this connector of TLS does (ALPN), or nothing, which is HTTP/1.1.
    #[cfg(feature = "rustls")]
    #[must_use = "it gives the connector back"]
    pub fn tls_as_it_is(mut self, tls: TlsConnector) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Connects to the host of a URI.
    ///
    /// # Errors
    /// If the URI has no host, or a scheme that is not connected to; those of [`net::Connector::connect`] and of TLS; and if the
    /// limit has passed.
    ///
    /// # Cancel safety
    /// Dropped, the attempt is given up.
    pub async fn connect(&self, uri: &Uri) -> Result<HttpStream, ConnectError> {
        let target = self.target(uri)?;
        let begun = self.reactor.now();
        let connecting = self
            .connector
            .connect(&self.reactor, (target.host.as_str(), target.port));
        let stream = connecting.await.map_err(ConnectError::connect)?;
        self.set_options(&stream).map_err(ConnectError::connect)?;
        #[cfg(feature = "rustls")]
        if let (true, Some(tls)) = (target.is_https, &self.tls) {
            let handshake = async { Ok::<_, io::Error>(tls.connect(&target.host, stream).await?) };
            let stream = match self.limit.and_then(|limit| begun.checked_add(limit)) {
                Some(deadline) => self.reactor.timeout_at(deadline, handshake).await,
                None => handshake.await,
            };
            return Ok(HttpStream::tls(stream.map_err(ConnectError::tls)?));
        }
        let _ = begun;
        Ok(HttpStream::tcp(stream))
    }

    fn target(&self, uri: &Uri) -> Result<Target, ConnectError> {
        let is_https = match uri.scheme_str() {
            Some("http") => false,
            Some("https") if self.speaks_tls() => true,
            Some("https") => return Err(ConnectError::no_tls()),
            _ => return Err(ConnectError::scheme(uri)),
        };
        let host = uri.host().ok_or_else(|| ConnectError::host(uri))?;
        // An IPv6 address is in brackets there, and only there.
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        Ok(Target {
            host: bare.unwrap_or(host).to_owned(),
            port: uri.port_u16().unwrap_or(if is_https { 443 } else { 80 }),
            is_https,
        })
    }

    fn speaks_tls(&self) -> bool {
        #[cfg(feature = "rustls")]
        return self.tls.is_some();
        #[cfg(not(feature = "rustls"))]
        return false;
    }

    fn set_options(&self, stream: &TcpStream) -> io::Result<()> {
        if self.nodelay {
            stream.set_nodelay(true)?;
        }
        if self.keepalive.is_some() {
            stream.set_keepalive(self.keepalive.clone())?;
        }
        Ok(())
    }
}

struct Target {
    host: String,
    port: u16,
    #[cfg_attr(not(feature = "rustls"), allow(dead_code))]
    is_https: bool,
}

/// An attempt of a [`HttpConnector`]. Dropped, it is given up.
pub struct Connecting {
    future: Pin<Box<dyn Future<Output = Result<HttpStream, ConnectError>> + Send>>,
}

impl Future for Connecting {
    type Output = Result<HttpStream, ConnectError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.future.as_mut().poll(cx)
    }
}

/// Always ready.
impl tower_service::Service<Uri> for HttpConnector {
    type Response = HttpStream;
    type Error = ConnectError;
    type Future = Connecting;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Connecting {
        let connector = self.clone();
        Connecting {
            future: Box::pin(async move { connector.connect(&uri).await }),
        }
    }
}

impl Connection for HttpStream {
    fn connected(&self) -> Connected {
        let connected = Connected::new();
        let stream = self.tcp_stream();
        let connected = match (stream.peer_addr(), stream.local_addr()) {
            (Ok(remote), Ok(local)) => connected.extra(ConnectionInfo { remote, local }),
            // It is gone already, which the request will be told.
            _ => connected,
        };
        if self.has_negotiated_h2() {
            connected.negotiated_h2()
        } else {
            connected
        }
    }
}

/// The ends of the connection on which a response came, in the extensions of each response of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionInfo {
    remote: SocketAddr,
    local: SocketAddr,
}

impl ConnectionInfo {
    /// The address of the server.
    pub fn remote_addr(&self) -> SocketAddr {
        self.remote
    }

    /// The address of this end.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }
}

impl fmt::Debug for HttpConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpConnector")
            .field("limit", &self.limit)
            .field("nodelay", &self.nodelay)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Connecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connecting").finish_non_exhaustive()
    }
}
