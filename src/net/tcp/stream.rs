use std::{
    fmt, io,
    net::{Shutdown, SocketAddr},
    os::fd::{AsFd, BorrowedFd},
};

use socket2::SockRef;

use super::{Connector, OwnedReadHalf, OwnedWriteHalf, ReadHalf, TcpSocket, WriteHalf, deregister, local_addr, split};
use crate::{Reactor, Source, net::HostPort};

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

    /// Makes it a connection of the standard library, in non-blocking mode.
    ///
    /// # Errors
    /// If no descriptor is left. The connection is closed then.
    pub fn into_std(self) -> io::Result<std::net::TcpStream> {
        Ok(deregister(self.source)?.into())
    }

    /// The two directions, each by itself. Dropping one does nothing to the connection.
    ///
    /// Not `split`, as that is what `AsyncReadExt` has, which takes the stream and puts a lock around it.
    pub fn split_ref(&self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        split::borrowed(self)
    }

    /// The two directions, each to own. Dropping the half that writes ends that direction, dropping both closes the
    /// connection. [`OwnedReadHalf::reunite`] puts them together again.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        split::owned(self)
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

impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.as_fd()
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpStream")
            .field("local_addr", &self.local_addr().ok())
            .field("peer_addr", &self.peer_addr().ok())
            .finish()
    }
}
