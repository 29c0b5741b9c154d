//! [quinn](https://docs.rs/quinn) on every loop: QUIC whose tasks, timers and sockets are those of one
//! [`Reactor`], by value.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use std::{error::Error, sync::Arc};
//! use interloop::Reactor;
//! use interloop_quinn::{client, server};
//! use quinn::{ClientConfig, ServerConfig};
//! use rustls::RootCertStore;
//!
//! type Failure = Box<dyn Error + Send + Sync>;
//!
//! async fn run(reactor: Reactor) -> Result<(), Failure> {
//!     let own = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
//!     let key = own.key_pair.serialize_der().try_into()?;
//!     let config = ServerConfig::with_single_cert(vec![own.cert.der().clone()], key)?;
//!     let server = server(&reactor, config, "127.0.0.1:0".parse()?)?;
//!     let addr = server.local_addr()?;
//!     let greeting = reactor.spawn(async move {
//!         let incoming = server.accept().await.ok_or("the endpoint has ended")?;
//!         let connection = incoming.await?;
//!         let mut stream = connection.open_uni().await?;
//!         stream.write_all(b"hello").await?;
//!         stream.finish()?;
//!         connection.closed().await;
//!         Ok::<_, Failure>(())
//!     });
//!
//!     let mut roots = RootCertStore::empty();
//!     roots.add(own.cert.der().clone())?;
//!     let client = client(&reactor, "127.0.0.1:0".parse()?)?;
//!     let config = ClientConfig::with_root_certificates(Arc::new(roots))?;
//!     let connection = client.connect_with(config, addr, "localhost")?.await?;
//!     let hello = connection.accept_uni().await?.read_to_end(5).await?;
//!     assert_eq!(hello, b"hello");
//!     connection.close(0_u8.into(), b"");
//!     greeting.await?;
//!     client.wait_idle().await;
//!     Ok(())
//! }
//!
//! // On whichever loop there is:
//! interloop_tokio::block_on(run)??;
//! interloop_smol::block_on(run)??;
//! # Ok(())
//! # }
//! ```
//!
//! # The nouns
//!
//! | noun | is |
//! |---|---|
//! | [`Runtime`] | quinn's trait of this name, over a reactor: for `quinn::Endpoint::new`, and for what else takes one |
//! | [`client`], [`server`] | quinn's endpoints of these kinds, on a reactor |
//!
//! quinn's own `Endpoint::client` and `Endpoint::server` take the runtime that they find, which inside of a tokio is tokio. An endpoint that
//! was made here stays with its reactor, wherever it is used.
//!
//! # When the loop ends
//!
//! An endpoint's tasks end with the loop. What is begun from then on fails as on an endpoint that is
//! [stopping](quinn::ConnectError::EndpointStopping). quinn has no way to tell those who wait on another loop for something of a connection that was
//! open: close endpoints first.
//!
//! # What it costs
//!
//! quinn's segmentation offload and batches are used as its own runtimes use them. Beside the loop's own there is no thread. An
//! endpoint takes two descriptors: the socket, and the duplicate by which the loop waits for it.
//!
//! quinn uses channels of the crate tokio; nothing of its runtime is started or needed.
//!
//! # Features
//!
//! - `rustls-ring` (on), `rustls-aws-lc-rs`: as quinn's. [`client`] and [`server`] need one of them.

#![forbid(unsafe_code)]

mod socket;
mod timer;

#[cfg(any(feature = "rustls-ring", feature = "rustls-aws-lc-rs"))]
use std::net::SocketAddr;
use std::{future::Future, io, net::UdpSocket, pin::Pin, sync::Arc, time::Instant};

use interloop::Reactor;
use quinn::{AsyncTimer, AsyncUdpSocket};
#[cfg(any(feature = "rustls-ring", feature = "rustls-aws-lc-rs"))]
use quinn::{Endpoint, EndpointConfig, ServerConfig};

use self::{socket::Socket, timer::Timer};

/// quinn's runtime, which is a reactor. Cheap to clone.
///
/// ```
/// use std::{net::UdpSocket, sync::Arc};
/// use interloop_quinn::Runtime;
/// use quinn::{Endpoint, EndpointConfig};
///
/// # fn example(reactor: &interloop::Reactor) -> std::io::Result<()> {
/// let socket = UdpSocket::bind("[::]:0")?;
/// let runtime = Arc::new(Runtime::new(reactor));
/// let endpoint = Endpoint::new(EndpointConfig::default(), None, socket, runtime)?;
/// # Ok(())
/// # }
/// ```
///
/// A task that panics is reported as any [unhandled](interloop::unhandled) failure. A loop that has shut down drops the tasks that
/// it is given, and refuses sockets.
#[derive(Clone, Debug)]
pub struct Runtime {
    reactor: Reactor,
}

impl Runtime {
    /// Runs endpoints on this reactor.
    pub fn new(reactor: &Reactor) -> Self {
        Self {
            reactor: reactor.clone(),
        }
    }
}

impl quinn::Runtime for Runtime {
    fn new_timer(&self, deadline: Instant) -> Pin<Box<dyn AsyncTimer>> {
        Box::pin(Timer::new(&self.reactor, deadline))
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.reactor.spawn_infallible(future).detach();
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        Ok(Arc::new(Socket::new(&self.reactor, socket)?))
    }

    fn now(&self) -> Instant {
        self.reactor.now()
    }
}

/// An endpoint for outgoing connections, on a local address: `0.0.0.0:0` or `[::]:0`, most often.
///
/// # Errors
/// If the address cannot be bound, or the loop has shut down.
#[cfg(any(feature = "rustls-ring", feature = "rustls-aws-lc-rs"))]
pub fn client(reactor: &Reactor, addr: SocketAddr) -> io::Result<Endpoint> {
    bind(reactor, None, addr)
}

/// An endpoint for incoming connections, and for outgoing ones as well.
///
/// # Errors
/// If the address cannot be bound, or the loop has shut down.
#[cfg(any(feature = "rustls-ring", feature = "rustls-aws-lc-rs"))]
pub fn server(reactor: &Reactor, config: ServerConfig, addr: SocketAddr) -> io::Result<Endpoint> {
    bind(reactor, Some(config), addr)
}

#[cfg(any(feature = "rustls-ring", feature = "rustls-aws-lc-rs"))]
fn bind(reactor: &Reactor, config: Option<ServerConfig>, addr: SocketAddr) -> io::Result<Endpoint> {
    let socket = UdpSocket::bind(addr)?;
    let runtime = Arc::new(Runtime::new(reactor));
    Endpoint::new(EndpointConfig::default(), config, socket, runtime)
}
