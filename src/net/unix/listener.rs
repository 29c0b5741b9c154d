use std::{
    fmt,
    future::poll_fn,
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::{SocketAddr, UnixListener as StdListener},
    },
    path::Path,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use socket2::{Domain, SockRef, Socket, Type};

use super::{UnixStream, at_path, from_socket, local_addr, to_system};
use crate::{Interest, Reactor, Source, net::socket, transfer};

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
    /// Cancel safety: no connection is lost when this is dropped.
    ///
    /// # Errors
    /// Those of the system: some concern one connection only, others a lack of descriptors or memory. The listener stays
    /// usable.
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// Polls for a connection. See [`accept`](Self::accept).
    ///
    /// # Errors
    /// As there.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        let (socket, peer) = ready!(transfer::poll_op(&*self.source, cx, Interest::Readable, accept))?;
        socket.set_nonblocking(true)?;
        let stream = UnixStream::from_nonblocking(&self.reactor, socket)?;
        Poll::Ready(Ok((stream, from_socket(&peer)?)))
    }

    /// The connections as they come, as a stream that never ends. After an error it goes on; where that is a lack of
    /// descriptors the next one is most likely the same, so leave some time.
    ///
    /// Cancel safety: no connection is lost when this is dropped.
    pub fn incoming(&self) -> UnixIncoming<'_> {
        UnixIncoming { listener: self }
    }

    /// The address on which it listens.
    ///
    /// # Errors
    /// Those of the system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        local_addr(self.as_fd())
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

/// The connections of a listener. Made by [`UnixListener::incoming`].
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct UnixIncoming<'a> {
    listener: &'a UnixListener,
}

impl Stream for UnixIncoming<'_> {
    type Item = io::Result<UnixStream>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let accepted = ready!(self.listener.poll_accept(cx));
        Poll::Ready(Some(accepted.map(|(stream, _)| stream)))
    }
}

fn accept(fd: BorrowedFd<'_>) -> io::Result<(Socket, socket2::SockAddr)> {
    loop {
        match SockRef::from(&fd).accept() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
