use std::{
    fmt,
    future::poll_fn,
    io::{self, IoSlice, IoSliceMut, Read, Write},
    net::{Shutdown, SocketAddr},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_io::{AsyncRead, AsyncWrite};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::{Interest, Reactor, Readiness, Source};

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
#[derive(Debug)]
pub struct TcpListener {
    source: Box<dyn Source>,
    reactor: Reactor,
}

/// How many connections may wait to be accepted. The kernel has a limit of its own below that.
const BACKLOG: i32 = 1024;

impl TcpListener {
    /// Listens on an address; port 0 takes a free one, see [`local_addr`](Self::local_addr). The
    /// address can be taken again as soon as the listener is gone (`SO_REUSEADDR`).
    ///
    /// # Errors
    /// Those of the system, among them [`io::ErrorKind::AddrInUse`]; and if the loop has shut down.
    pub fn bind(reactor: &Reactor, addr: SocketAddr) -> io::Result<Self> {
        let socket = new_socket(addr)?;
        socket.set_reuse_address(true)?;
        socket.bind(&addr.into())?;
        socket.listen(BACKLOG)?;
        Ok(Self {
            source: reactor.register_nonblocking(socket.into())?,
            reactor: reactor.clone(),
        })
    }

    /// Waits for a connection. Several tasks may wait; each connection goes to one of them.
    ///
    /// Cancel safety: no connection is lost when this is dropped.
    ///
    /// # Errors
    /// Those of the system: some concern one connection only, such as
    /// [`io::ErrorKind::ConnectionAborted`], others a lack of descriptors or memory. The listener stays usable.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// Polls for a connection. See [`accept`](Self::accept).
    ///
    /// # Errors
    /// As for `accept`.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let mut accepted = None;
        ready!(self.source.poll_io(cx, Interest::Readable, &mut |fd| {
            accepted = Some(retry_interrupted(|| SockRef::from(&fd).accept())?);
            Ok(Readiness::Remains)
        }))?;
        let (socket, peer) = accepted.ok_or(io::ErrorKind::WouldBlock)?;
        socket.set_nonblocking(true)?;
        let peer = peer.as_socket().ok_or(io::ErrorKind::InvalidData)?;
        let stream = TcpStream {
            source: self.reactor.register_nonblocking(socket.into())?,
        };
        Poll::Ready(Ok((stream, peer)))
    }

    /// The address on which it listens.
    ///
    /// # Errors
    /// Those of the system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        local_addr(self.source.as_fd())
    }
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.as_fd()
    }
}

/// A TCP connection.
///
/// Reads and writes with futures-io's traits, by `&TcpStream` too, so that one task can read while
/// another writes. Any number of tasks may wait in one direction.
///
/// Closing it (`AsyncWriteExt::close`) sends FIN and leaves the other direction open; dropping it closes both.
///
/// Cancel safety: a read or write that did not finish has moved no bytes.
pub struct TcpStream {
    source: Box<dyn Source>,
}

impl TcpStream {
    /// Connects to an address.
    ///
    /// Cancel safety: dropped, the attempt is given up.
    ///
    /// # Errors
    /// Those of the system, among them [`io::ErrorKind::ConnectionRefused`]; and if the loop has
    /// shut down.
    pub async fn connect(reactor: &Reactor, addr: SocketAddr) -> io::Result<Self> {
        let socket = new_socket(addr)?;
        match socket.connect(&addr.into()) {
            Ok(()) => {}
            Err(error) if is_in_progress(&error) => {}
            Err(error) => return Err(error),
        }
        let source = reactor.register_nonblocking(socket.into())?;
        // POSIX: the socket becomes writable when the attempt has ended, and has its error.
        let mut ended = |fd: BorrowedFd<'_>| {
            let socket = SockRef::from(&fd);
            if let Some(error) = socket.take_error()? {
                return Err(error);
            }
            match socket.peer_addr() {
                Ok(_) => Ok(Readiness::Remains),
                Err(error) if error.kind() == io::ErrorKind::NotConnected => Err(io::ErrorKind::WouldBlock.into()),
                Err(error) => Err(error),
            }
        };
        poll_fn(|cx| source.poll_io(cx, Interest::Writable, &mut ended)).await?;
        Ok(Self { source })
    }

    /// Takes over a connection of the standard library.
    ///
    /// # Errors
    /// If the loop has shut down.
    pub fn from_std(reactor: &Reactor, stream: std::net::TcpStream) -> io::Result<Self> {
        let source = reactor.register(OwnedFd::from(stream))?;
        Ok(Self { source })
    }

    /// The address of this end.
    ///
    /// # Errors
    /// Those of the system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        local_addr(self.source.as_fd())
    }

    /// The address of the other end.
    ///
    /// # Errors
    /// Those of the system: the connection may be gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        let addr = SockRef::from(&self.source).peer_addr()?;
        addr.as_socket().ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Whether small writes are sent at once (`TCP_NODELAY`).
    ///
    /// # Errors
    /// Those of the system.
    pub fn nodelay(&self) -> io::Result<bool> {
        SockRef::from(&self.source).tcp_nodelay()
    }

    /// Sets whether small writes are sent at once (`TCP_NODELAY`). Off in a new connection.
    ///
    /// # Errors
    /// Those of the system.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        SockRef::from(&self.source).set_tcp_nodelay(nodelay)
    }

    /// Ends one direction or both. Ending the writing direction sends FIN.
    ///
    /// # Errors
    /// Those of the system, except that a connection which the other end has closed is no error.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match SockRef::from(&self.source).shutdown(how) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        }
    }

    fn poll_bytes(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        wanted: usize,
        mut op: impl FnMut(&Socket) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        if wanted == 0 {
            // The system would wait for bytes of which it then moves none.
            return Poll::Ready(Ok(0));
        }
        let mut moved = 0;
        let mut attempt = |fd: BorrowedFd<'_>| {
            let socket = SockRef::from(&fd);
            moved = retry_interrupted(|| op(&socket))?;
            // On a stream socket a short count means that nothing is left; zero is the end, which
            // stays ready.
            Ok(if moved > 0 && moved < wanted {
                Readiness::Drained
            } else {
                Readiness::Remains
            })
        };
        ready!(self.source.poll_io(cx, interest, &mut attempt))?;
        Poll::Ready(Ok(moved))
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

impl AsyncRead for &TcpStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_bytes(cx, Interest::Readable, buf.len(), |mut socket| socket.read(buf))
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let wanted = bufs.iter().map(|buf| buf.len()).sum();
        self.poll_bytes(cx, Interest::Readable, wanted, |mut socket| socket.read_vectored(bufs))
    }
}

impl AsyncWrite for &TcpStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_bytes(cx, Interest::Writable, buf.len(), |mut socket| socket.write(buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wanted = bufs.iter().map(|buf| buf.len()).sum();
        self.poll_bytes(cx, Interest::Writable, wanted, |mut socket| socket.write_vectored(bufs))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.shutdown(Shutdown::Write))
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_read(cx, buf)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_read_vectored(cx, bufs)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_write_vectored(cx, bufs)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_close(cx)
    }
}

fn new_socket(addr: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn local_addr(fd: BorrowedFd<'_>) -> io::Result<SocketAddr> {
    let addr = SockRef::from(&fd).local_addr()?;
    addr.as_socket().ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn is_in_progress(error: &io::Error) -> bool {
    // `io::ErrorKind::InProgress` is not stable.
    error.raw_os_error() == Some(libc::EINPROGRESS) || error.kind() == io::ErrorKind::WouldBlock
}

fn retry_interrupted<R>(mut op: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    loop {
        match op() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
