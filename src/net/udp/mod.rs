#[cfg(target_os = "linux")]
mod errors;
mod options;

use std::{
    fmt,
    future::poll_fn,
    io,
    net::SocketAddr,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::atomic::{AtomicU8, Ordering},
    task::{Context, Poll},
};

use rustix::{
    io::{Errno, retry_on_intr},
    net::{RecvFlags, SocketAddrAny},
};
use socket2::SockRef;

use super::{datagrams::datagrams, ready, socket};
use crate::{Interest, Reactor, Source, transfer};

/// A UDP socket.
///
/// One socket talks to many, by [`send_to`](Self::send_to) and [`recv_from`](Self::recv_from); or to one,
/// where it is [connected](Self::connect), by [`send`](Self::send) and [`recv`](Self::recv). It is used by
/// reference, so any number of tasks may share it in an `Arc`, in both directions and several in one.
///
/// ```
/// # futures_executor::block_on(async {
/// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
/// use interloop::net::UdpSocket;
///
/// let server = UdpSocket::bind(&reactor, "127.0.0.1:0".parse()?)?;
/// let client = UdpSocket::bind(&reactor, "127.0.0.1:0".parse()?)?;
/// client.connect(server.local_addr()?)?;
///
/// client.send(b"ping").await?;
/// let mut buf = [0; 1500];
/// let (length, peer) = server.recv_from(&mut buf).await?;
/// server.send_to(&buf[..length], peer).await?;
/// assert_eq!(client.recv(&mut buf).await?, 4);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
///
/// What has to be set before it is bound, such as a port that several sockets share, is set on a socket that is then taken
/// over, by [`from_std`](Self::from_std).
///
/// Where nobody receives what a connected socket sends, it may be told so, by [`io::ErrorKind::ConnectionRefused`] from one of
/// its next operations; who waits to receive is woken for that. Both the datagram and the answer may get lost as well, so give an
/// answer a limited time.
///
/// Where another handle on the socket shuts it down, who waits to receive is given what is there already, and then
/// [`io::ErrorKind::UnexpectedEof`].
///
/// # Cancel safety
/// An operation that is dropped before it has ended has neither sent nor taken a datagram.
pub struct UdpSocket {
    source: Box<dyn Source>,
    attempts_in_vain: AtomicU8,
}

/// Of as many attempts to receive in vain, one asks whether there will ever be anything.
const ASKS_ONE_OF: u8 = 64;

impl UdpSocket {
    /// Binds a socket to an address; port 0 takes a free one, see [`local_addr`](Self::local_addr).
    ///
    /// # Errors
    /// Those of the system, among them [`io::ErrorKind::AddrInUse`]; and if the loop has shut down.
    pub fn bind(reactor: &Reactor, addr: SocketAddr) -> io::Result<Self> {
        Self::from_std(reactor, std::net::UdpSocket::bind(addr)?)
    }

    /// Takes over a socket of the standard library, and sets it non-blocking.
    ///
    /// # Errors
    /// If the loop has shut down. The socket is closed then.
    pub fn from_std(reactor: &Reactor, socket: std::net::UdpSocket) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        errors::wake_readers(&socket);
        Ok(Self {
            source: reactor.register(OwnedFd::from(socket))?,
            attempts_in_vain: AtomicU8::new(0),
        })
    }

    /// Connects it: from now on it sends to one address, by [`send`](Self::send), and receives what comes from there
    /// only. Nothing is sent for that, so there is nothing to wait for. It may be connected again, to another.
    ///
    /// # Errors
    /// Those of the system.
    pub fn connect(&self, addr: SocketAddr) -> io::Result<()> {
        SockRef::from(&self.source).connect(&addr.into())
    }

    /// The address of this end.
    ///
    /// # Errors
    /// Those of the system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        let addr = SockRef::from(&self.source).local_addr()?;
        addr.as_socket().ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// The address to which it is connected.
    ///
    /// # Errors
    /// Those of the system, among them [`io::ErrorKind::NotConnected`].
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        let addr = SockRef::from(&self.source).peer_addr()?;
        addr.as_socket().ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Only another handle can shut it down. Loops wake who waits for that again and again, so it is found out soon, and who
    /// waits for datagrams does not pay a system call each time for what hardly ever happens. An error, as whoever receives in a
    /// loop would take a length of zero for an empty datagram, for ever.
    fn has_ended(&self) -> io::Result<bool> {
        let attempts = self.attempts_in_vain.fetch_add(1, Ordering::Relaxed);
        if attempts % ASKS_ONE_OF == ASKS_ONE_OF - 1 && ready::has_ended(self.as_fd())? {
            let message = "receiving was shut down by another handle on this socket, make another socket";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
        Ok(false)
    }
}

/// # Sending anywhere
impl UdpSocket {
    /// Sends a datagram to an address, and says how long it was.
    ///
    /// # Errors
    /// Those of the system, among them a datagram that is too long and an address of another family; and if the loop has
    /// shut down.
    ///
    /// # Cancel safety
    /// Dropped before it has ended, it has sent nothing.
    pub async fn send_to(&self, buf: &[u8], addr: SocketAddr) -> io::Result<usize> {
        poll_fn(|cx| self.poll_send_to(cx, buf, addr)).await
    }

    /// Polls for sending. See [`send_to`](Self::send_to).
    ///
    /// # Errors
    /// As there.
    pub fn poll_send_to(&self, cx: &mut Context<'_>, buf: &[u8], addr: SocketAddr) -> Poll<io::Result<usize>> {
        transfer::poll_op(&*self.source, cx, Interest::Writable, |fd| send_to(fd, buf, addr))
    }

    /// Sends if there is room now. See [`send_to`](Self::send_to).
    ///
    /// # Errors
    /// As there, and [`io::ErrorKind::WouldBlock`] if there is no room.
    pub fn try_send_to(&self, buf: &[u8], addr: SocketAddr) -> io::Result<usize> {
        send_to(self.as_fd(), buf, addr)
    }
}

datagrams!(UdpSocket, SocketAddr, to_addr);
socket::waits!(UdpSocket, std::net::UdpSocket);

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UdpSocket")
            .field("local_addr", &self.local_addr().ok())
            .field("peer_addr", &self.peer_addr().ok())
            .finish()
    }
}

fn send_to(fd: BorrowedFd<'_>, buf: &[u8], addr: SocketAddr) -> io::Result<usize> {
    Ok(retry_on_intr(|| {
        rustix::net::sendto(fd, buf, transfer::send_flags(), &addr)
    })?)
}

fn to_addr(addr: Option<SocketAddrAny>) -> io::Result<SocketAddr> {
    let addr = addr.ok_or(io::ErrorKind::InvalidData)?;
    Ok(SocketAddr::try_from(addr)?)
}
