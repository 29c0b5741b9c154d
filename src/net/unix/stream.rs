use std::{
    fmt,
    future::poll_fn,
    io::{self, IoSlice, IoSliceMut},
    net::Shutdown,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::{SocketAddr, UnixStream as StdStream},
    },
    path::Path,
    pin::Pin,
    task::{Context, Poll},
};

use futures_io::{AsyncRead, AsyncWrite};
use rustix::io::Errno;
use socket2::{Domain, SockRef, Socket, Type};

use super::{BackOff, UCred, at_path, local_addr, peer_addr, to_system};
use crate::{
    Interest, Reactor, Source,
    net::{Duplex, OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf, halves, socket, streams::streams},
    transfer::{self, at_once, at_once_mut, retry_interrupted},
};

/// A connection within one machine.
///
/// Reads and writes with futures-io's traits, by `&UnixStream` too, so that one task can read while
/// another writes. Any number of tasks may wait in one direction. [`split_ref`](Self::split_ref) and
/// [`into_split`](Self::into_split) give each direction away by itself.
///
/// Closing it (`AsyncWriteExt::close`) ends this direction and leaves the other one open; dropping it ends both.
///
/// ```
/// # futures_executor::block_on(async {
/// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
/// use futures_util::io::{AsyncReadExt, AsyncWriteExt};
/// use interloop::net::UnixStream;
///
/// let (mut here, mut there) = UnixStream::pair(&reactor)?;
/// here.write_all(b"ping").await?;
/// here.close().await?;
/// let mut received = Vec::new();
/// there.read_to_end(&mut received).await?;
/// assert_eq!(received, b"ping");
/// # Ok::<_, std::io::Error>(())
/// # }).unwrap();
/// ```
///
/// # Cancel safety
/// A read or write that did not finish has moved no bytes.
pub struct UnixStream {
    source: Box<dyn Source>,
}

impl UnixStream {
    /// Connects to a listener at a path.
    ///
    /// While as many connections wait at the listener as it lets wait, this waits, too. Linux says that such a connection
    /// cannot be made now, and does not tell when it can; so it is tried again after pauses, of a millisecond at first and
    /// 64 at last. Those who wait have no order. Other systems refuse the connection.
    ///
    /// # Errors
    /// Those of the system, among them [`io::ErrorKind::NotFound`], and [`io::ErrorKind::ConnectionRefused`] where
    /// there is a socket that nobody listens on; and if the loop has shut down.
    ///
    /// # Cancel safety
    /// Dropped, the attempt is given up.
    pub async fn connect(reactor: &Reactor, path: impl AsRef<Path>) -> io::Result<Self> {
        let addr = at_path(path.as_ref())?;
        Self::connect_addr(reactor, &addr).await
    }

    /// Connects to an address, which on Linux may be an abstract name
    /// (`std::os::linux::net::SocketAddrExt::from_abstract_name`). See [`connect`](Self::connect).
    ///
    /// # Errors
    /// As there; and if the address has no name.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn connect_addr(reactor: &Reactor, addr: &SocketAddr) -> io::Result<Self> {
        let addr = to_system(addr)?;
        // Registered when it is connected: until then the system would say of it that both directions have ended.
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        let mut back_off = BackOff::new(reactor);
        loop {
            match rustix::net::connect(&socket, &addr) {
                Ok(()) => break,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => back_off.wait().await?,
                // Not on Linux.
                Err(Errno::INPROGRESS) => return Self::when_connected(reactor, socket).await,
                Err(error) => return Err(error.into()),
            }
        }
        let source = reactor.register_nonblocking(socket.into())?;
        Ok(Self { source })
    }

    async fn when_connected(reactor: &Reactor, socket: Socket) -> io::Result<Self> {
        let source = reactor.register_nonblocking(socket.into())?;
        poll_fn(|cx| source.poll_io(cx, Interest::Writable, &mut socket::connected)).await?;
        Ok(Self { source })
    }

    /// Makes two that are connected with each other.
    ///
    /// # Errors
    /// Those of the system; and if the loop has shut down.
    pub fn pair(reactor: &Reactor) -> io::Result<(Self, Self)> {
        let (one, other) = StdStream::pair()?;
        Ok((Self::from_std(reactor, one)?, Self::from_std(reactor, other)?))
    }

    /// Takes over a connection of the standard library, and sets it non-blocking.
    ///
    /// # Errors
    /// If the loop has shut down. The connection is closed then.
    pub fn from_std(reactor: &Reactor, stream: StdStream) -> io::Result<Self> {
        let source = reactor.register(OwnedFd::from(stream))?;
        Ok(Self { source })
    }

    /// Takes over a socket that is in non-blocking mode.
    pub(super) fn from_nonblocking(reactor: &Reactor, socket: Socket) -> io::Result<Self> {
        let source = reactor.register_nonblocking(socket.into())?;
        Ok(Self { source })
    }

    /// The address of this end. It has no name where it is the one that has connected.
    ///
    /// # Errors
    /// Those of the system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        local_addr(self.as_fd())
    }

    /// The address of the other end. It has no name where that is the one that has connected.
    ///
    /// # Errors
    /// Those of the system: the connection may be gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        peer_addr(self.as_fd())
    }

    /// Whose process is at the other end: the one that has connected, or had the listener listen.
    ///
    /// # Errors
    /// Those of the system, and [`io::ErrorKind::Unsupported`] where it cannot be asked: on systems that are neither Linux
    /// nor of the BSD family.
    pub fn peer_cred(&self) -> io::Result<UCred> {
        UCred::of_peer(self.as_fd())
    }

    /// Ends one direction or both.
    ///
    /// # Errors
    /// Those of the system, except that a connection which the other end has closed is no error.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match SockRef::from(&self.source).shutdown(how) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        }
    }
}

socket::waits!(UnixStream, StdStream);
streams!(UnixStream);

impl fmt::Debug for UnixStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnixStream")
            .field("local_addr", &self.local_addr().ok())
            .field("peer_addr", &self.peer_addr().ok())
            .finish()
    }
}
