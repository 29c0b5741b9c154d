use std::{fmt, time::Duration};

use hyper::body::Body;
use hyper_util::client::legacy;
use interloop::Reactor;
#[cfg(feature = "rustls")]
use interloop_rustls::TlsConnector;

use crate::{Executor, HttpConnector, Timer};

/// hyper-util's client with its pool of connections, on a reactor. Cheap to clone; clones share the pool.
///
/// A client belongs to the loop of its reactor and can be used from any other one: its connections are tasks there, and a
/// response is awaited anywhere.
pub type Client<B> = legacy::Client<HttpConnector, B>;

/// Makes a [`Client`].
///
/// ```
/// # async fn example(reactor: interloop::Reactor) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use bytes::Bytes;
/// use http_body_util::{BodyExt, Empty};
/// use interloop_hyper::{Client, ClientBuilder};
///
/// let client: Client<Empty<Bytes>> = ClientBuilder::new(&reactor)
///     .connect_timeout(Duration::from_secs(5))
///     .pool_idle_timeout(Duration::from_secs(30))
///     .build();
/// let response = client.get("http://example.org/".parse()?).await?;
/// println!("{}: {} bytes", response.status(), response.into_body().collect().await?.to_bytes().len());
/// # Ok(())
/// # }
/// ```
///
/// A response has no time limit of its own: [`Reactor::timeout`] gives it one.
#[derive(Clone)]
pub struct ClientBuilder {
    connector: HttpConnector,
    builder: legacy::Builder,
}

impl ClientBuilder {
    /// A client on this reactor, as hyper-util has it unless it is told otherwise: a connection that is idle for 90 seconds
    /// is closed.
    pub fn new(reactor: &Reactor) -> Self {
        let mut builder = legacy::Client::builder(Executor::new(reactor));
        builder.timer(Timer::new(reactor)).pool_timer(Timer::new(reactor));
        Self {
            connector: HttpConnector::new(reactor),
            builder,
        }
    }

    /// Gives a connection so much time to be made. See [`HttpConnector::connect_timeout`].
    #[must_use = "it gives the builder back"]
    pub fn connect_timeout(self, limit: Duration) -> Self {
        self.connector(|connector| connector.connect_timeout(limit))
    }

    /// For how long a connection is kept that nobody uses.
    #[must_use = "it gives the builder back"]
    pub fn pool_idle_timeout(self, limit: Duration) -> Self {
        self.configure(|builder| {
            builder.pool_idle_timeout(limit);
        })
    }

    /// Speaks HTTP/2 from the first byte on, to `http` as well: the server must be known to do so.
    #[must_use = "it gives the builder back"]
    pub fn http2_only(self) -> Self {
        self.configure(|builder| {
            builder.http2_only(true);
        })
    }

    /// Connects to `https` as well. See [`HttpConnector::tls`].
    #[cfg(feature = "rustls")]
    #[must_use = "it gives the builder back"]
    pub fn tls(self, tls: TlsConnector) -> Self {
        self.connector(|connector| connector.tls(tls))
    }

    /// Sets what else there is to be set about connecting.
    #[must_use = "it gives the builder back"]
    pub fn connector(mut self, set: impl FnOnce(HttpConnector) -> HttpConnector) -> Self {
        self.connector = set(self.connector);
        self
    }

    /// Sets what else hyper-util lets one set. It has the executor and the timers already.
    #[must_use = "it gives the builder back"]
    pub fn configure(mut self, set: impl FnOnce(&mut legacy::Builder)) -> Self {
        set(&mut self.builder);
        self
    }

    /// The client, for requests with bodies of this type.
    pub fn build<B>(self) -> Client<B>
    where
        B: Body + Send,
        B::Data: Send,
    {
        self.builder.build(self.connector)
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("connector", &self.connector)
            .finish_non_exhaustive()
    }
}
