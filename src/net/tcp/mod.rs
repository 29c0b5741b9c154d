//! TCP, over [`Source`](crate::Source).

mod connector;
mod listener;
mod options;
mod race;
mod socket;
mod stream;

use std::{io, net::SocketAddr, os::fd::AsFd};

use socket2::SockRef;

pub use self::{
    connector::{ConnectError, Connector},
    listener::TcpListener,
    options::Keepalive,
    socket::TcpSocket,
    stream::TcpStream,
};

fn local_addr(fd: &impl AsFd) -> io::Result<SocketAddr> {
    let addr = SockRef::from(fd).local_addr()?;
    addr.as_socket().ok_or_else(|| io::ErrorKind::InvalidData.into())
}
