use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    task::{Context, Poll},
};

use crate::{
    net::{UdpSocket, UnixDatagram},
    protocol::Address,
};

/// A socket of datagrams: [`UdpSocket`] or [`UnixDatagram`].
pub trait DatagramSocket: Sealed {}

/// What a socket can do, whatever its addresses are.
pub trait Sealed: AsFd + Send + Sync + 'static {
    fn local(&self) -> Option<Address>;

    fn peer(&self) -> Option<Address>;

    fn poll_receive(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<(usize, Address)>>;

    fn try_transmit(&self, data: &[u8], to: Option<&Address>) -> io::Result<()>;

    /// Waits for room, and sends.
    fn transmit(&self, data: &[u8], to: Option<&Address>) -> impl Future<Output = io::Result<()>> + Send;

    fn fd(&self) -> BorrowedFd<'_> {
        self.as_fd()
    }
}

impl DatagramSocket for UdpSocket {}
impl DatagramSocket for UnixDatagram {}

impl Sealed for UdpSocket {
    fn local(&self) -> Option<Address> {
        self.local_addr().ok().map(Address::from)
    }

    fn peer(&self) -> Option<Address> {
        self.peer_addr().ok().map(Address::from)
    }

    fn poll_receive(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<(usize, Address)>> {
        self.poll_recv_from(cx, buf).map_ok(|(len, from)| (len, from.into()))
    }

    fn try_transmit(&self, data: &[u8], to: Option<&Address>) -> io::Result<()> {
        match to {
            None => self.try_send(data).map(drop),
            Some(Address::Ip(to)) => self.try_send_to(data, *to).map(drop),
            Some(Address::Unix(_)) => Err(other_family()),
        }
    }

    async fn transmit(&self, data: &[u8], to: Option<&Address>) -> io::Result<()> {
        match to {
            None => self.send(data).await.map(drop),
            Some(Address::Ip(to)) => self.send_to(data, *to).await.map(drop),
            Some(Address::Unix(_)) => Err(other_family()),
        }
    }
}

impl Sealed for UnixDatagram {
    fn local(&self) -> Option<Address> {
        self.local_addr().ok().map(Address::from)
    }

    fn peer(&self) -> Option<Address> {
        self.peer_addr().ok().map(Address::from)
    }

    fn poll_receive(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<(usize, Address)>> {
        self.poll_recv_from(cx, buf).map_ok(|(len, from)| (len, from.into()))
    }

    fn try_transmit(&self, data: &[u8], to: Option<&Address>) -> io::Result<()> {
        match to {
            None => self.try_send(data).map(drop),
            Some(Address::Unix(to)) => self.try_send_to_addr(data, to).map(drop),
            Some(Address::Ip(_)) => Err(other_family()),
        }
    }

    async fn transmit(&self, data: &[u8], to: Option<&Address>) -> io::Result<()> {
        match to {
            None => self.send(data).await.map(drop),
            Some(Address::Unix(to)) => self.send_to_addr(data, to).await.map(drop),
            Some(Address::Ip(_)) => Err(other_family()),
        }
    }
}

fn other_family() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "the address is of another family than the socket: send it from one of that family",
    )
}
