use std::{
    io,
    net::SocketAddr,
    task::{Context, Poll},
};

use hickory_resolver::proto::udp::DnsUdpSocket;
use interloop::net;

use crate::Time;

/// A UDP socket of a reactor, as hickory takes it.
#[derive(Debug)]
pub struct UdpSocket {
    socket: net::UdpSocket,
}

impl UdpSocket {
    pub(crate) fn new(socket: net::UdpSocket) -> Self {
        Self { socket }
    }
}

impl DnsUdpSocket for UdpSocket {
    type Time = Time;

    fn poll_recv_from(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<(usize, SocketAddr)>> {
        self.socket.poll_recv_from(cx, buf)
    }

    fn poll_send_to(&self, cx: &mut Context<'_>, buf: &[u8], target: SocketAddr) -> Poll<io::Result<usize>> {
        self.socket.poll_send_to(cx, buf, target)
    }
}
