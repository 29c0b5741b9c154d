use std::{
    io::{self, IoSlice, IoSliceMut},
    net::SocketAddr,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::SocketAddr as UnixAddr,
    },
    pin::Pin,
    task::{Context, Poll},
};

use futures_io::{AsyncRead, AsyncWrite};

use crate::net::{TcpStream, UnixStream, memory::MemoryStream};

/// What a connection runs over: bytes both ways, and what is known of its ends.
///
/// The sockets of [`net`](crate::net) are channels, connections in memory, and what an adapter for TLS makes of either. [`Bare`] makes
/// one of anything that reads and writes.
pub trait Channel: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// The address of this end, if it has one.
    fn local_address(&self) -> Option<Address> {
        None
    }

    /// The address of the other end, if it has one.
    fn peer_address(&self) -> Option<Address> {
        None
    }

    /// The socket at the bottom, for its options.
    fn socket(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// Where an end of a connection is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Address {
    /// Of TCP or UDP.
    Ip(SocketAddr),
    /// Of a Unix socket, which may have no name.
    Unix(Box<UnixAddr>),
}

impl From<SocketAddr> for Address {
    fn from(addr: SocketAddr) -> Self {
        Self::Ip(addr)
    }
}

impl From<UnixAddr> for Address {
    fn from(addr: UnixAddr) -> Self {
        Self::Unix(Box::new(addr))
    }
}

impl Channel for TcpStream {
    fn local_address(&self) -> Option<Address> {
        self.local_addr().ok().map(Address::from)
    }

    fn peer_address(&self) -> Option<Address> {
        self.peer_addr().ok().map(Address::from)
    }

    fn socket(&self) -> Option<BorrowedFd<'_>> {
        Some(self.as_fd())
    }
}

impl Channel for UnixStream {
    fn local_address(&self) -> Option<Address> {
        self.local_addr().ok().map(Address::from)
    }

    fn peer_address(&self) -> Option<Address> {
        self.peer_addr().ok().map(Address::from)
    }

    fn socket(&self) -> Option<BorrowedFd<'_>> {
        Some(self.as_fd())
    }
}

impl Channel for MemoryStream {}

impl<C: Channel + ?Sized> Channel for Box<C> {
    fn local_address(&self) -> Option<Address> {
        (**self).local_address()
    }

    fn peer_address(&self) -> Option<Address> {
        (**self).peer_address()
    }

    fn socket(&self) -> Option<BorrowedFd<'_>> {
        (**self).socket()
    }
}

/// A channel of anything that reads and writes, of whose ends nothing is known.
#[derive(Clone, Debug)]
pub struct Bare<S>(pub S);

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Channel for Bare<S> {}

/// A connection that was taken from its protocol, by [`Transport::detach`](super::Transport::detach): a stream again.
///
/// It reads first what the protocol had been given and did not want. [`into_parts`](Self::into_parts) has both by themselves.
pub struct Detached {
    channel: Box<dyn Channel>,
    unread: Vec<u8>,
    /// As much of it has been read.
    read: usize,
}

impl Detached {
    pub(in crate::protocol) fn new(channel: Box<dyn Channel>, unread: Vec<u8>) -> Self {
        Self {
            channel,
            unread,
            read: 0,
        }
    }

    /// The stream, and what is to be read before it.
    pub fn into_parts(mut self) -> (Box<dyn Channel>, Vec<u8>) {
        self.unread.drain(..self.read);
        (self.channel, self.unread)
    }
}

impl std::fmt::Debug for Detached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Detached")
            .field("peer", &self.channel.peer_address())
            .field("unread", &(self.unread.len() - self.read))
            .finish_non_exhaustive()
    }
}

impl Channel for Detached {
    fn local_address(&self) -> Option<Address> {
        self.channel.local_address()
    }

    fn peer_address(&self) -> Option<Address> {
        self.channel.peer_address()
    }

    fn socket(&self) -> Option<BorrowedFd<'_>> {
        self.channel.socket()
    }
}

impl AsyncRead for Detached {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.read == self.unread.len() {
            return Pin::new(&mut self.channel).poll_read(cx, buf);
        }
        let rest = &self.unread[self.read..];
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        self.read += len;
        if self.read == self.unread.len() {
            self.unread = Vec::new();
            self.read = 0;
        }
        Poll::Ready(Ok(len))
    }

    fn poll_read_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.read == self.unread.len() {
            return Pin::new(&mut self.channel).poll_read_vectored(cx, bufs);
        }
        match bufs.iter_mut().find(|buf| !buf.is_empty()) {
            Some(buf) => self.poll_read(cx, buf),
            None => Poll::Ready(Ok(0)),
        }
    }
}

macro_rules! writes_as {
    ($type:ty $(, $bounds:tt)?) => {
        impl$(<$bounds: AsyncWrite + Unpin>)? AsyncWrite for $type {
            fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                Pin::new(self.inner()).poll_write(cx, buf)
            }

            fn poll_write_vectored(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                Pin::new(self.inner()).poll_write_vectored(cx, bufs)
            }

            fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(self.inner()).poll_flush(cx)
            }

            fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(self.inner()).poll_close(cx)
            }
        }
    };
}

writes_as!(Detached);
writes_as!(Bare<S>, S);

impl Detached {
    fn inner(&mut self) -> &mut Box<dyn Channel> {
        &mut self.channel
    }
}

impl<S> Bare<S> {
    fn inner(&mut self) -> &mut S {
        &mut self.0
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bare<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }

    fn poll_read_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read_vectored(cx, bufs)
    }
}
