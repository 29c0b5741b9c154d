use std::{
    fmt,
    future::poll_fn,
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::{SocketAddr, UnixListener as StdListener},
    },
    path::Path,
    task::{Context, Poll, ready},
};

use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use super::{UnixStream, at_path, from_socket, local_addr, to_system};
use crate::{
    Interest, Reactor, Source,
    net::{Incoming, Listener, accept::accept, ready::has_ended, socket},
    transfer,
};

/// How many connections may wait to be accepted. The kernel has a limit of its own below that.
const BACKLOG: i32 = 1024;

/// A socket that accepts connections within one machine.
///
/// ```
/// # futures_executor::block_on(async {
/// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
/// use futures_util::io::{AsyncReadExt, AsyncWriteExt};
/// use interloop::net::{UnixListener, UnixStream};
///
/// let path = std::env::temp_dir().join(format!("interloop-listener-{}", std::process::id()));
/// let listener = UnixListener::bind(&reactor, &path)?;
/// let mut client = UnixStream::connect(&reactor, &path).await?;
/// let (mut server, _) = listener.accept().await?;
/// std::fs::remove_file(&path)?;
///
/// client.write_all(b"ping").await?;
/// let mut received = [0; 4];
/// server.read_exact(&mut received).await?;
/// assert_eq!(&received, b"ping");
/// # Ok::<_, std::io::Error>(())
/// # }).unwrap();
/// ```
///
/// What is at the path stays there when the listener is dropped, and has to be removed before another one can be bound there.
/// Abstract names, on Linux, end with it.
///
/// A server that is to go on when a connection fails, or when descriptors run short, takes
/// [`incoming`](Self::incoming) instead of calling [`accept`](Self::accept) in a loop.
pub struct UnixListener {
    source: Box<dyn Source>,
    reactor: Reactor,
}

impl UnixListener {
    /// Listens at a path, and makes a socket there.
    ///
    /// # Errors
    /// Those of the system, among them [`io::ErrorKind::AddrInUse`] if there is something at the path, whether or not anybody
    /// listens there; and if the loop has shut down.
    pub fn bind(reactor: &Reactor, path: impl AsRef<Path>) -> io::Result<Self> {
        Self::bind_addr(reactor, &at_path(path.as_ref())?)
    }

    /// Listens on an address, which on Linux may be an abstract name
    /// (`std::os::linux::net::SocketAddrExt::from_abstract_name`). See [`bind`](Self::bind).
    ///
    /// # Errors
    /// As there; and if the address has no name.
    pub fn bind_addr(reactor: &Reactor, addr: &SocketAddr) -> io::Result<Self> {
        let addr = to_system(addr)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        rustix::net::bind(&socket, &addr)?;
        socket.listen(BACKLOG)?;
        Ok(Self {
            source: reactor.register_nonblocking(socket.into())?,
            reactor: reactor.clone(),
        })
    }

    /// Takes over a listener of the standard library, and sets it non-blocking.
    ///
    /// # Errors
    /// If the loop has shut down. The listener is closed then.
    pub fn from_std(reactor: &Reactor, listener: StdListener) -> io::Result<Self> {
        Ok(Self {
            source: reactor.register(OwnedFd::from(listener))?,
            reactor: reactor.clone(),
        })
    }

    /// Waits for a connection. Several tasks may wait; each connection goes to one of them. The address is that of the other
    /// end, which seldom has a name.
    ///
    /// # Errors
    /// Those of the system: some concern one connection only, others a lack of descriptors or memory;
    /// [`AcceptFailure`](crate::net::AcceptFailure) tells which. The listener stays usable.
    ///
    /// # Cancel safety
    /// No connection is lost when this is dropped.
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// Polls for a connection. See [`accept`](Self::accept).
    ///
    /// # Errors
    /// As there.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        let (socket, peer) = ready!(transfer::poll_op(&*self.source, cx, Interest::Readable, accept_or_end))?;
        let stream = UnixStream::from_nonblocking(&self.reactor, socket)?;
        Poll::Ready(Ok((stream, from_socket(&peer)?)))
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
        local_addr(self.as_fd())
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;
    type Addr = SocketAddr;

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        self.poll_accept(cx)
    }

    fn reactor(&self) -> &Reactor {
        &self.reactor
    }
}

socket::waits!(UnixListener, StdListener);

impl fmt::Debug for UnixListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnixListener")
            .field("local_addr", &self.local_addr().ok())
            .finish_non_exhaustive()
    }
}

/// Accepting on a socket that was shut down, by another handle on it for example, is the error that it is on TCP.
fn accept_or_end(fd: BorrowedFd<'_>) -> io::Result<(Socket, SockAddr)> {
    match accept(fd) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock && has_ended(fd)? => {
            Err(io::Error::from_raw_os_error(libc::EINVAL))
        }
        result => result,
    }
}
