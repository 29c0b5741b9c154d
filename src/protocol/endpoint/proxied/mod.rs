mod header;

use std::{
    fmt,
    future::poll_fn,
    io::{self, IoSlice, IoSliceMut},
    os::fd::BorrowedFd,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_io::{AsyncRead, AsyncWrite};

use self::header::Ends;
use super::{Listening, ServerEndpoint};
use crate::{
    Deferred, Reactor,
    protocol::{Address, Channel, Detached},
};

/// How long the proxy has for its header, unless it is told otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A server behind a proxy that says at the beginning of each connection whose it is, in versions 1 and 2 of HAProxy's PROXY protocol. As text:
/// `haproxy:tcp:80`. Twisted's `proxyEndpoint`.
///
/// A protocol has a connection when the header has come. [`peer_addr`](crate::protocol::Transport::peer_addr) and
/// [`local_addr`](crate::protocol::Transport::local_addr) are what that says: the addresses of the client, and of what the client has connected to; or
/// those of the connection itself, where it says nothing. A connection without a header, or one whose header has not come within 30 seconds,
/// is closed, and the factory never hears of it; the log says so at the level `debug`.
///
/// Only the proxy is to reach the port: anybody else could say to be somebody else.
///
/// ```
/// # futures_executor::block_on(async {
/// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
/// use futures_util::io::{AsyncReadExt, AsyncWriteExt};
/// use interloop::net::TcpStream;
/// use interloop::protocol::{Address, Protocol, Transport, endpoint::{ProxiedServer, ServerEndpoint, TcpServer}};
///
/// /// Tells clients who they are.
/// struct WhoAmI;
///
/// impl Protocol for WhoAmI {
///     fn data_received(&mut self, transport: &Transport, _: &[u8]) {
///         if let Some(Address::Ip(client)) = transport.peer_addr() {
///             transport.write(client.to_string().as_bytes());
///         }
///         transport.lose_connection();
///     }
/// }
///
/// let server = ProxiedServer::new(TcpServer::new(0).interface("127.0.0.1"));
/// let port = server.listen(&reactor, || WhoAmI).await?;
/// let Some(Address::Ip(addr)) = port.local_addr() else { unreachable!() };
/// let mut proxy = TcpStream::connect(&reactor, *addr).await?;
/// proxy.write_all(b"PROXY TCP4 192.0.2.1 192.0.2.80 56324 80\r\nwho am I?").await?;
/// let mut answer = String::new();
/// proxy.read_to_string(&mut answer).await?;
/// assert_eq!(answer, "192.0.2.1:56324");
/// # port.stop();
/// # Ok::<_, std::io::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct ProxiedServer<E> {
    endpoint: E,
    timeout: Duration,
}

impl<E: ServerEndpoint> ProxiedServer<E> {
    /// Over the connections of an endpoint, which are the proxy's.
    pub fn new(endpoint: E) -> Self {
        Self {
            endpoint,
            timeout: TIMEOUT,
        }
    }

    /// How long the proxy has for its header.
    #[must_use = "it gives the endpoint back"]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl<E: ServerEndpoint> ServerEndpoint for ProxiedServer<E> {
    fn bind(&self, reactor: &Reactor) -> Deferred<Listening, io::Error> {
        let (timeout, tasks) = (self.timeout, reactor.clone());
        self.endpoint
            .bind(reactor)
            .map_ok(move |listening| listening.upgrade(&tasks, timeout, introduced))
    }
}

/// As text that parses back, if the endpoint's is that.
impl<E: fmt::Display> fmt::Display for ProxiedServer<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "haproxy:{}", self.endpoint)
    }
}

/// Reads the header.
async fn introduced(mut channel: Box<dyn Channel>) -> io::Result<Box<dyn Channel>> {
    let mut input = Vec::new();
    loop {
        let mut buffer = [0; 512];
        let read = poll_fn(|cx| Pin::new(&mut channel).poll_read(cx, &mut buffer)).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        input.extend_from_slice(&buffer[..read]);
        let parsed = header::parse(&input).map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))?;
        if let Some((len, ends)) = parsed {
            let stream = Detached::new(channel, input.split_off(len));
            return Ok(match ends {
                Some(ends) => Box::new(Introduced { stream, ends }),
                None => Box::new(stream),
            });
        }
    }
}

/// A connection whose ends are elsewhere.
struct Introduced {
    stream: Detached,
    ends: Ends,
}

impl Channel for Introduced {
    fn local_address(&self) -> Option<Address> {
        Some(self.ends.server.clone())
    }

    fn peer_address(&self) -> Option<Address> {
        Some(self.ends.client.clone())
    }

    fn socket(&self) -> Option<BorrowedFd<'_>> {
        self.stream.socket()
    }
}

impl AsyncRead for Introduced {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }

    fn poll_read_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_read_vectored(cx, bufs)
    }
}

impl AsyncWrite for Introduced {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}
