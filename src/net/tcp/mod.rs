//! TCP, over [`Source`](crate::Source).

mod connector;
mod incoming;
mod listener;
mod options;
mod race;
mod socket;
mod split;
mod stream;
mod transfer;

use std::{
    io,
    net::SocketAddr,
    os::fd::{AsFd, OwnedFd},
};

use socket2::SockRef;

pub use self::{
    connector::{ConnectError, Connector},
    incoming::Incoming,
    listener::TcpListener,
    options::Keepalive,
    socket::TcpSocket,
    split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf},
    stream::TcpStream,
};
use crate::Source;

fn local_addr(fd: &impl AsFd) -> io::Result<SocketAddr> {
    let addr = SockRef::from(fd).local_addr()?;
    addr.as_socket().ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Takes a descriptor away from its loop. It stays open, and in non-blocking mode.
fn deregister(source: Box<dyn Source>) -> io::Result<OwnedFd> {
    // The source closes the one that it has, after the loop has forgotten it.
    source.as_fd().try_clone_to_owned()
}
