use std::{
    fmt,
    future::poll_fn,
    io,
    net::SocketAddr,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    task::{Context, Poll, ready},
};

use socket2::SockRef;

use super::{TcpSocket, TcpStream, local_addr};
use crate::{
    Interest, Reactor, Source,
    net::{Incoming, Listener, accept::accept, socket},
    transfer,
};

/// A TCP socket that accepts connections.
///
/// ```
/// # futures_executor::block_on(async {
/// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
/// use futures_util::io::{AsyncReadExt, AsyncWriteExt};
/// use interloop::net::{TcpListener, TcpStream};
///
/// let listener = TcpListener::bind(&reactor, "127.0.0.1:0".parse()?)?;
/// let mut client = TcpStream::connect(&reactor, listener.local_addr()?).await?;
/// let (mut server, _peer) = listener.accept().await?;
///
/// client.write_all(b"ping").await?;
/// client.close().await?;
/// let mut received = Vec::new();
/// server.read_to_end(&mut received).await?;
/// assert_eq!(received, b"ping");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
///
/// A server that is to go on when a connection fails, or when descriptors run short, takes
/// [`incoming`](Self::incoming) instead of calling [`accept`](Self::accept) in a loop.
pub struct TcpListener {
    source: Box<dyn Source>,
    reactor: Reactor,
}

/// How many connections may wait to be accepted. The kernel has a limit of its own below that.
const BACKLOG: u32 = 1024;

impl TcpListener {
    /// Listens on an address; port 0 takes a free one, see [`local_addr`](Self::local_addr). The
    /// address can be taken again as soon as the listener is gone (`SO_REUSEADDR`).
    ///
    /// Up to 1,024 connections wait to be accepted. [`TcpSocket`] has more to choose.
    ///
    /// # Errors
    /// Those of the system, among them [`io::ErrorKind::AddrInUse`]; and if the loop has shut down.
    pub fn bind(reactor: &Reactor, addr: SocketAddr) -> io::Result<Self> {
        let socket = TcpSocket::for_addr(addr)?;
        socket.set_reuse_address(true)?;
        socket.bind(addr)?;
        socket.listen(reactor, BACKLOG)
    }

    /// Registers a socket that listens, and is in non-blocking mode.
    pub(super) fn new(reactor: &Reactor, fd: OwnedFd) -> io::Result<Self> {
        Ok(Self {
            source: reactor.register_nonblocking(fd)?,
            reactor: reactor.clone(),
        })
    }

    /// Takes over a listener of the standard library, and sets it non-blocking.
    ///
    /// # Errors
    /// If the loop has shut down. The listener is closed then.
    pub fn from_std(reactor: &Reactor, listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Self::new(reactor, listener.into())
    }

    /// Waits for a connection. Several tasks may wait; each connection goes to one of them.
    ///
    /// # Errors
    /// Those of the system: some concern one connection only, such as [`io::ErrorKind::ConnectionAborted`], others a lack
    /// of descriptors or memory; [`AcceptFailure`](crate::net::AcceptFailure) tells which. The listener stays usable.
    ///
    /// # Cancel safety
    /// No connection is lost when this is dropped.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// Polls for a connection. See [`accept`](Self::accept).
    ///
    /// # Errors
    /// As for `accept`.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let (socket, peer) = ready!(transfer::poll_op(&*self.source, cx, Interest::Readable, accept))?;
        let peer = peer.as_socket().ok_or(io::ErrorKind::InvalidData)?;
        let stream = TcpStream::new(self.reactor.register_nonblocking(socket.into())?);
        Poll::Ready(Ok((stream, peer)))
    }

    /// The connections, one after the other. Goes on after errors that pass. See [`Incoming`].
    pub fn incoming(&self) -> Incoming<&Self> {
        Incoming::new(self)
    }

    /// As [`incoming`](Self::incoming), with the listener in it.
    pub fn into_incoming(self) -> Incoming<Self> {
        Incoming::new(self)
    }

    /// The address on which it listens.
    ///
    /// # Errors
    /// Those of the system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        local_addr(self)
    }
}

impl Listener for TcpListener {
    type Stream = TcpStream;
    type Addr = SocketAddr;

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        self.poll_accept(cx)
    }

    fn reactor(&self) -> &Reactor {
        &self.reactor
    }
}

socket::waits!(TcpListener, std::net::TcpListener);

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener")
            .field("local_addr", &self.local_addr().ok())
            .finish_non_exhaustive()
    }
}
