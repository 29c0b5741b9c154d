use std::{
    fmt,
    future::poll_fn,
    io::{self, IoSlice, IoSliceMut},
    net::{Shutdown, SocketAddr},
    os::fd::{AsFd, BorrowedFd},
    pin::Pin,
    task::{Context, Poll},
};

use futures_io::{AsyncRead, AsyncWrite};
use socket2::SockRef;

use super::{Connector, TcpSocket, local_addr};
use crate::{
    Interest, Reactor, Source,
    net::{Duplex, HostPort, OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf, halves, socket, streams::streams},
    transfer::{self, at_once, at_once_mut, retry_interrupted},
};

/// A TCP connection.
///
/// Reads and writes with futures-io's traits, by `&TcpStream` too, so that one task can read while
/// another writes. Any number of tasks may wait in one direction. [`split_ref`](Self::split_ref) and [`into_split`](Self::into_split) give
/// each direction away by itself.
///
/// Closing it (`AsyncWriteExt::close`) sends FIN and leaves the other direction open; dropping it closes both.
///
/// # Cancel safety
/// A read or write that did not finish has moved no bytes.
pub struct TcpStream {
    pub(super) source: Box<dyn Source>,
}

impl TcpStream {
    pub(super) fn new(source: Box<dyn Source>) -> Self {
        Self { source }
    }

    /// Connects to an address. [`TcpSocket`] does so with options.
    ///
    /// # Errors
    /// Those of the system, among them [`io::ErrorKind::ConnectionRefused`]; and if the loop has
    /// shut down.
    ///
    /// # Cancel safety
    /// Dropped, the attempt is given up.
    pub async fn connect(reactor: &Reactor, addr: SocketAddr) -> io::Result<Self> {
        TcpSocket::for_addr(addr)?.connect(reactor, addr).await
    }

    /// Looks a name up and connects to whichever of its addresses answers first. [`Connector`] says how, and does so with a
    /// time limit.
    ///
    /// ```
    /// # async fn example(reactor: interloop::Reactor) -> std::io::Result<()> {
    /// use interloop::net::TcpStream;
    ///
    /// let stream = TcpStream::connect_host(&reactor, "example.org:80").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`Connector::connect`].
    ///
    /// # Cancel safety
    /// As for [`Connector::connect`].
    pub async fn connect_host(reactor: &Reactor, host: impl Into<HostPort>) -> io::Result<Self> {
        Connector::new().connect(reactor, host).await
    }

    /// Takes over a connection of the standard library, and sets it non-blocking.
    ///
    /// # Errors
    /// If the loop has shut down. The connection is closed then.
    pub fn from_std(reactor: &Reactor, stream: std::net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self::new(reactor.register_nonblocking(stream.into())?))
    }

    /// The address of this end.
    ///
    /// # Errors
    /// Those of the system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        local_addr(self)
    }

    /// The address of the other end.
    ///
    /// # Errors
    /// Those of the system: the connection may be gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        let addr = SockRef::from(self).peer_addr()?;
        addr.as_socket().ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Ends one direction or both. Ending the writing direction sends FIN.
    ///
    /// # Errors
    /// Those of the system, except that a connection which the other end has closed is no error.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match SockRef::from(self).shutdown(how) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        }
    }
}

socket::waits!(TcpStream, std::net::TcpStream);
streams!(TcpStream);

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpStream")
            .field("local_addr", &self.local_addr().ok())
            .field("peer_addr", &self.peer_addr().ok())
            .finish()
    }
}
