use std::{
    io,
    net::SocketAddr,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use socket2::{Domain, Protocol, Socket, Type};

use super::{TcpListener, TcpStream, local_addr, race::Attempt};
use crate::Reactor;

/// A TCP socket that neither listens nor is connected yet, for what has to be set before it is.
///
/// It has the options of a [`TcpStream`], which it passes on: to the connection that it makes, and on most systems to those that
/// it accepts.
///
/// ```
/// # futures_executor::block_on(async {
/// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
/// use interloop::net::TcpSocket;
///
/// let socket = TcpSocket::new_v4()?;
/// socket.set_reuse_address(true)?;
/// socket.set_recv_buffer_size(256 * 1024)?;
/// socket.bind(([127, 0, 0, 1], 0).into())?;
/// let listener = socket.listen(&reactor, 16)?;
///
/// let socket = TcpSocket::new_v4()?;
/// socket.set_nodelay(true)?;
/// let client = socket.connect(&reactor, listener.local_addr()?).await?;
/// assert!(client.nodelay()?);
/// # Ok::<_, std::io::Error>(())
/// # }).unwrap();
/// ```
///
/// What is not here can be set by the crate socket2, whose `SockRef` takes anything with a descriptor.
#[derive(Debug)]
pub struct TcpSocket {
    socket: Socket,
}

impl TcpSocket {
    /// Makes a socket for IPv4.
    ///
    /// # Errors
    /// Those of the system.
    pub fn new_v4() -> io::Result<Self> {
        Self::new(Domain::IPV4)
    }

    /// Makes a socket for IPv6.
    ///
    /// # Errors
    /// Those of the system: it may have no IPv6.
    pub fn new_v6() -> io::Result<Self> {
        Self::new(Domain::IPV6)
    }

    /// Makes a socket for an address of this kind.
    ///
    /// # Errors
    /// Those of the system.
    pub fn for_addr(addr: SocketAddr) -> io::Result<Self> {
        Self::new(Domain::for_address(addr))
    }

    fn new(domain: Domain) -> io::Result<Self> {
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket })
    }

    /// Takes over a socket that was made elsewhere, by the crate socket2 for example, and sets it non-blocking. It is to be a TCP
    /// socket that neither listens nor is connected; the operations of one that is not fail.
    ///
    /// ```
    /// # use interloop::net::TcpSocket;
    /// let made_elsewhere = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    /// made_elsewhere.set_tcp_nodelay(true)?;
    /// let socket = TcpSocket::from_fd(made_elsewhere)?;
    /// assert!(socket.nodelay()?);
    /// # Ok::<_, std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of the system.
    pub fn from_fd(fd: impl Into<OwnedFd>) -> io::Result<Self> {
        let socket = Socket::from(fd.into());
        socket.set_nonblocking(true)?;
        Ok(Self { socket })
    }

    /// Takes an address, as the one on which to listen or from which to connect. Port 0 takes a free one.
    ///
    /// # Errors
    /// Those of the system, among them [`io::ErrorKind::AddrInUse`].
    pub fn bind(&self, addr: SocketAddr) -> io::Result<()> {
        self.socket.bind(&addr.into())
    }

    /// Listens on the address that was taken. Up to `backlog` connections wait to be accepted; the system has a limit of
    /// its own.
    ///
    /// # Errors
    /// Those of the system; and if the loop has shut down.
    pub fn listen(self, reactor: &Reactor, backlog: u32) -> io::Result<TcpListener> {
        self.socket.listen(backlog.try_into().unwrap_or(i32::MAX))?;
        TcpListener::new(reactor, self.socket.into())
    }

    /// Connects to an address.
    ///
    /// # Errors
    /// Those of the system, among them [`io::ErrorKind::ConnectionRefused`]; and if the loop has shut down.
    ///
    /// # Cancel safety
    /// Dropped, the attempt is given up.
    pub async fn connect(self, reactor: &Reactor, addr: SocketAddr) -> io::Result<TcpStream> {
        Attempt::begin(reactor, self.socket, addr)?.await
    }

    /// Whether an address can be taken though connections that have ended linger on it (`SO_REUSEADDR`).
    ///
    /// # Errors
    /// Those of the system.
    pub fn reuse_address(&self) -> io::Result<bool> {
        self.socket.reuse_address()
    }

    /// Sets whether an address can be taken though connections that have ended linger on it (`SO_REUSEADDR`). Off in a
    /// new socket, on in [`TcpListener::bind`].
    ///
    /// # Errors
    /// Those of the system.
    pub fn set_reuse_address(&self, reuse: bool) -> io::Result<()> {
        self.socket.set_reuse_address(reuse)
    }

    /// Whether several sockets can take one address (`SO_REUSEPORT`).
    ///
    /// # Errors
    /// Those of the system.
    pub fn reuse_port(&self) -> io::Result<bool> {
        self.socket.reuse_port()
    }

    /// Sets whether several sockets can take one address, if all of them have this set (`SO_REUSEPORT`). Linux then spreads
    /// connections over those that listen.
    ///
    /// # Errors
    /// Those of the system.
    pub fn set_reuse_port(&self, reuse: bool) -> io::Result<()> {
        self.socket.set_reuse_port(reuse)
    }

    /// Whether a socket for IPv6 leaves IPv4 alone (`IPV6_V6ONLY`).
    ///
    /// # Errors
    /// Those of the system.
    pub fn only_v6(&self) -> io::Result<bool> {
        self.socket.only_v6()
    }

    /// Sets whether a socket for IPv6 leaves IPv4 alone (`IPV6_V6ONLY`). Systems differ in what a new one does.
    ///
    /// # Errors
    /// Those of the system.
    pub fn set_only_v6(&self, only_v6: bool) -> io::Result<()> {
        self.socket.set_only_v6(only_v6)
    }

    /// Takes the error that the socket has been told of and nobody has seen (`SO_ERROR`).
    ///
    /// # Errors
    /// Those of the system when it is asked.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }

    /// The address that was taken.
    ///
    /// # Errors
    /// Those of the system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        local_addr(self)
    }

    pub(super) fn into_socket(self) -> Socket {
        self.socket
    }
}

impl AsFd for TcpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
