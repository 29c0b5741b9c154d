use std::{
    fmt,
    future::poll_fn,
    io,
    net::Shutdown,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::{SocketAddr, UnixDatagram as StdDatagram},
    },
    path::Path,
    task::{Context, Poll},
};

use rustix::{
    io::{Errno, retry_on_intr},
    net::{RecvFlags, SocketAddrUnix},
};
use socket2::SockRef;

use super::{BackOff, at_path, from_sender, local_addr, peer_addr, to_system};
use crate::{
    Interest, Reactor, Source,
    net::{datagrams::datagrams, ready, socket},
    transfer,
};

/// A socket of datagrams within one machine. They arrive in order, and none is lost.
///
/// It is used by reference, so any number of tasks may share it in an `Arc`, in both directions and several in one.
///
/// ```
/// # futures_executor::block_on(async {
/// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
/// use interloop::net::UnixDatagram;
///
/// let path = std::env::temp_dir().join(format!("interloop-datagram-{}", std::process::id()));
/// let server = UnixDatagram::bind(&reactor, &path)?;
/// let client = UnixDatagram::unbound(&reactor)?;
/// client.send_to(b"ping", &path).await?;
/// std::fs::remove_file(&path)?;
///
/// let mut buf = [0; 1500];
/// let (length, sender) = server.recv_from(&mut buf).await?;
/// assert_eq!(&buf[..length], b"ping");
/// assert!(sender.is_unnamed());
/// # Ok::<_, std::io::Error>(())
/// # }).unwrap();
/// ```
///
/// What is at the path stays there when the socket is dropped.
///
/// # Cancel safety
/// An operation that is dropped before it has ended has neither sent nor taken a datagram.
pub struct UnixDatagram {
    source: Box<dyn Source>,
    reactor: Reactor,
}

impl UnixDatagram {
    /// Binds a socket to a path, and makes it there.
    ///
    /// # Errors
    /// Those of the system, among them [`io::ErrorKind::AddrInUse`] if there is something at the path; and if the loop has
    /// shut down.
    pub fn bind(reactor: &Reactor, path: impl AsRef<Path>) -> io::Result<Self> {
        Self::bind_addr(reactor, &at_path(path.as_ref())?)
    }

    /// Binds a socket to an address, which on Linux may be an abstract name
    /// (`std::os::linux::net::SocketAddrExt::from_abstract_name`).
    ///
    /// # Errors
    /// As for [`bind`](Self::bind).
    pub fn bind_addr(reactor: &Reactor, addr: &SocketAddr) -> io::Result<Self> {
        Self::from_std(reactor, StdDatagram::bind_addr(addr)?)
    }

    /// Makes a socket without a name, which nobody can send to, unless it is connected in a pair.
    ///
    /// # Errors
    /// Those of the system; and if the loop has shut down.
    pub fn unbound(reactor: &Reactor) -> io::Result<Self> {
        Self::from_std(reactor, StdDatagram::unbound()?)
    }

    /// Makes two that are connected with each other.
    ///
    /// # Errors
    /// Those of the system; and if the loop has shut down.
    pub fn pair(reactor: &Reactor) -> io::Result<(Self, Self)> {
        let (one, other) = StdDatagram::pair()?;
        Ok((Self::from_std(reactor, one)?, Self::from_std(reactor, other)?))
    }

    /// Takes over a socket of the standard library, and sets it non-blocking.
    ///
    /// # Errors
    /// If the loop has shut down. The socket is closed then.
    pub fn from_std(reactor: &Reactor, socket: StdDatagram) -> io::Result<Self> {
        Ok(Self {
            source: reactor.register(OwnedFd::from(socket))?,
            reactor: reactor.clone(),
        })
    }

    /// Connects it to the socket at a path: from now on it sends there, by [`send`](Self::send), and receives what comes
    /// from there only. There is nothing to wait for.
    ///
    /// # Errors
    /// Those of the system, among them [`io::ErrorKind::NotFound`].
    pub fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.connect_addr(&at_path(path.as_ref())?)
    }

    /// Connects it to the socket of an address. See [`connect`](Self::connect).
    ///
    /// # Errors
    /// As there.
    pub fn connect_addr(&self, addr: &SocketAddr) -> io::Result<()> {
        let addr = to_system(addr)?;
        Ok(retry_on_intr(|| rustix::net::connect(&self.source, &addr))?)
    }

    /// The address of this end.
    ///
    /// # Errors
    /// Those of the system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        local_addr(self.as_fd())
    }

    /// The address to which it is connected.
    ///
    /// # Errors
    /// Those of the system, among them [`io::ErrorKind::NotConnected`].
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        peer_addr(self.as_fd())
    }

    /// Ends one direction or both. Who waits to receive, or does so afterwards, is given what is there already, and then nothing:
    /// a length of zero.
    ///
    /// # Errors
    /// Those of the system.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        SockRef::from(&self.source).shutdown(how)
    }

    fn has_ended(&self) -> io::Result<bool> {
        ready::has_ended(self.as_fd())
    }
}

/// # Sending anywhere
///
/// There is no function that polls for this: who waits for a receiver that is not connected needs a timer.
impl UnixDatagram {
    /// Sends a datagram to the socket at a path, and says how long it was.
    ///
    /// It waits for room. Where that is lacking at the receiver, and this socket is not connected to it, the system has
    /// nothing that could be waited for; then it is tried again after pauses, of a millisecond at first and 64 at last.
    ///
    /// # Errors
    /// Those of the system, among them [`io::ErrorKind::NotFound`], [`io::ErrorKind::ConnectionRefused`] where
    /// nobody has the socket open any more, and a datagram that is too long; and if the loop has shut down.
    ///
    /// # Cancel safety
    /// Dropped before it has ended, it has sent nothing.
    pub async fn send_to(&self, buf: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        let addr = at_path(path.as_ref())?;
        self.send_to_addr(buf, &addr).await
    }

    /// Sends a datagram to the socket of an address. See [`send_to`](Self::send_to).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn send_to_addr(&self, buf: &[u8], addr: &SocketAddr) -> io::Result<usize> {
        let addr = to_system(addr)?;
        let mut back_off = BackOff::new(&self.reactor);
        loop {
            match send_to(self.as_fd(), buf, &addr) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
            if transfer::is_ready(self.as_fd(), Interest::Writable)? {
                back_off.wait().await?;
            } else {
                // What this socket waits for may be read by another receiver than this one.
                back_off.wait_or(|cx| self.poll_writable(cx)).await?;
            }
        }
    }

    /// Sends if there is room now. See [`send_to`](Self::send_to).
    ///
    /// # Errors
    /// As there, and [`io::ErrorKind::WouldBlock`] if there is no room.
    pub fn try_send_to(&self, buf: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        self.try_send_to_addr(buf, &at_path(path.as_ref())?)
    }

    /// Sends if there is room now. See [`send_to_addr`](Self::send_to_addr).
    ///
    /// # Errors
    /// As there, and [`io::ErrorKind::WouldBlock`] if there is no room.
    pub fn try_send_to_addr(&self, buf: &[u8], addr: &SocketAddr) -> io::Result<usize> {
        send_to(self.as_fd(), buf, &to_system(addr)?)
    }
}

datagrams!(UnixDatagram, SocketAddr, from_sender);
socket::waits!(UnixDatagram, StdDatagram);

impl fmt::Debug for UnixDatagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnixDatagram")
            .field("local_addr", &self.local_addr().ok())
            .field("peer_addr", &self.peer_addr().ok())
            .finish_non_exhaustive()
    }
}

fn send_to(fd: BorrowedFd<'_>, buf: &[u8], addr: &SocketAddrUnix) -> io::Result<usize> {
    Ok(retry_on_intr(|| {
        rustix::net::sendto(fd, buf, transfer::send_flags(), addr)
    })?)
}
