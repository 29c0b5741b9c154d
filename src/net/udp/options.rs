//! The options of a UDP socket.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr},
};

use socket2::SockRef;

use super::UdpSocket;
use crate::net::ip;

/// # Options
///
/// All of them give the errors of the system. Those whose name says for which version of the protocol they are fail on a socket
/// of the other.
impl UdpSocket {
    /// Whether it may send to broadcast addresses (`SO_BROADCAST`). Off in a new socket.
    ///
    /// # Errors
    /// Those of the system.
    pub fn broadcast(&self) -> io::Result<bool> {
        SockRef::from(self).broadcast()
    }

    /// Sets whether it may send to broadcast addresses. See [`broadcast`](Self::broadcast).
    ///
    /// # Errors
    /// Those of the system.
    pub fn set_broadcast(&self, broadcast: bool) -> io::Result<()> {
        SockRef::from(self).set_broadcast(broadcast)
    }

    /// How many bytes wait to be received at most (`SO_RCVBUF`). Linux says twice what was set, as it counts what it
    /// needs besides.
    ///
    /// # Errors
    /// Those of the system.
    pub fn recv_buffer_size(&self) -> io::Result<usize> {
        SockRef::from(self).recv_buffer_size()
    }

    /// Sets how many bytes wait to be received at most. What comes beyond that is lost. The system has limits of its own,
    /// and is silent about them.
    ///
    /// # Errors
    /// Those of the system.
    pub fn set_recv_buffer_size(&self, bytes: usize) -> io::Result<()> {
        SockRef::from(self).set_recv_buffer_size(bytes)
    }

    /// How many bytes wait to be sent at most (`SO_SNDBUF`). See [`recv_buffer_size`](Self::recv_buffer_size).
    ///
    /// # Errors
    /// Those of the system.
    pub fn send_buffer_size(&self) -> io::Result<usize> {
        SockRef::from(self).send_buffer_size()
    }

    /// Sets how many bytes wait to be sent at most. Sending waits while they do.
    ///
    /// # Errors
    /// Those of the system.
    pub fn set_send_buffer_size(&self, bytes: usize) -> io::Result<()> {
        SockRef::from(self).set_send_buffer_size(bytes)
    }

    /// Whether it is for IPv6 only, or takes what comes by IPv4 as well (`IPV6_V6ONLY`). It is set before a socket is bound.
    ///
    /// # Errors
    /// Those of the system.
    pub fn only_v6(&self) -> io::Result<bool> {
        SockRef::from(self).only_v6()
    }
}

/// # Multicast
///
/// A group is joined on an interface, which for IPv4 is named by its address and for IPv6 by its index. The unspecified
/// address and index 0 leave the choice to the system. A socket leaves its groups when it is closed.
///
/// ```
/// # fn example(reactor: &interloop::Reactor) -> std::io::Result<()> {
/// use std::net::Ipv4Addr;
/// use interloop::net::UdpSocket;
///
/// let socket = UdpSocket::bind(reactor, (Ipv4Addr::UNSPECIFIED, 5353).into())?;
/// socket.join_multicast_v4(Ipv4Addr::new(224, 0, 0, 251), Ipv4Addr::UNSPECIFIED)?;
/// # Ok(())
/// # }
/// ```
impl UdpSocket {
    /// Joins a group (`IP_ADD_MEMBERSHIP`).
    ///
    /// # Errors
    /// Those of the system, among them an interface without multicast, and a group that it is in already.
    pub fn join_multicast_v4(&self, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        SockRef::from(self).join_multicast_v4(&group, &interface)
    }

    /// Leaves a group (`IP_DROP_MEMBERSHIP`).
    ///
    /// # Errors
    /// Those of the system, among them a group that it is not in.
    pub fn leave_multicast_v4(&self, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        SockRef::from(self).leave_multicast_v4(&group, &interface)
    }

    /// Joins a group (`IPV6_ADD_MEMBERSHIP`).
    ///
    /// # Errors
    /// Those of the system, among them an interface without multicast, and a group that it is in already.
    pub fn join_multicast_v6(&self, group: Ipv6Addr, interface: u32) -> io::Result<()> {
        SockRef::from(self).join_multicast_v6(&group, interface)
    }

    /// Leaves a group (`IPV6_DROP_MEMBERSHIP`).
    ///
    /// # Errors
    /// Those of the system, among them a group that it is not in.
    pub fn leave_multicast_v6(&self, group: Ipv6Addr, interface: u32) -> io::Result<()> {
        SockRef::from(self).leave_multicast_v6(&group, interface)
    }

    /// Whether what is sent to a group reaches sockets of this machine (`IP_MULTICAST_LOOP`). On in a new socket.
    ///
    /// # Errors
    /// Those of the system.
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        SockRef::from(self).multicast_loop_v4()
    }

    /// Sets whether what is sent to a group reaches sockets of this machine.
    ///
    /// # Errors
    /// Those of the system.
    pub fn set_multicast_loop_v4(&self, on: bool) -> io::Result<()> {
        SockRef::from(self).set_multicast_loop_v4(on)
    }

    /// Whether what is sent to a group reaches sockets of this machine (`IPV6_MULTICAST_LOOP`). On in a new socket.
    ///
    /// # Errors
    /// Those of the system.
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        SockRef::from(self).multicast_loop_v6()
    }

    /// Sets whether what is sent to a group reaches sockets of this machine.
    ///
    /// # Errors
    /// Those of the system.
    pub fn set_multicast_loop_v6(&self, on: bool) -> io::Result<()> {
        SockRef::from(self).set_multicast_loop_v6(on)
    }

    /// How many routers a datagram to a group may pass (`IP_MULTICAST_TTL`). 1 in a new socket: it stays in its network.
    ///
    /// # Errors
    /// Those of the system.
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        SockRef::from(self).multicast_ttl_v4()
    }

    /// Sets how many routers a datagram to a group may pass.
    ///
    /// # Errors
    /// Those of the system.
    pub fn set_multicast_ttl_v4(&self, ttl: u32) -> io::Result<()> {
        SockRef::from(self).set_multicast_ttl_v4(ttl)
    }

    /// How many routers a datagram to a group may pass (`IPV6_MULTICAST_HOPS`). See
    /// [`multicast_ttl_v4`](Self::multicast_ttl_v4).
    ///
    /// # Errors
    /// Those of the system.
    pub fn multicast_hops_v6(&self) -> io::Result<u32> {
        SockRef::from(self).multicast_hops_v6()
    }

    /// Sets how many routers a datagram to a group may pass.
    ///
    /// # Errors
    /// Those of the system.
    pub fn set_multicast_hops_v6(&self, hops: u32) -> io::Result<()> {
        SockRef::from(self).set_multicast_hops_v6(hops)
    }

    /// The address of the interface from which it sends to groups (`IP_MULTICAST_IF`). Unspecified if that is the system's
    /// choice.
    ///
    /// # Errors
    /// Those of the system.
    pub fn multicast_if_v4(&self) -> io::Result<Ipv4Addr> {
        SockRef::from(self).multicast_if_v4()
    }

    /// Sets the interface from which it sends to groups.
    ///
    /// # Errors
    /// Those of the system.
    pub fn set_multicast_if_v4(&self, interface: Ipv4Addr) -> io::Result<()> {
        SockRef::from(self).set_multicast_if_v4(&interface)
    }

    /// The index of the interface from which it sends to groups (`IPV6_MULTICAST_IF`). 0 if that is the system's choice.
    ///
    /// # Errors
    /// Those of the system.
    pub fn multicast_if_v6(&self) -> io::Result<u32> {
        SockRef::from(self).multicast_if_v6()
    }

    /// Sets the interface from which it sends to groups.
    ///
    /// # Errors
    /// Those of the system.
    pub fn set_multicast_if_v6(&self, interface: u32) -> io::Result<()> {
        SockRef::from(self).set_multicast_if_v6(interface)
    }
}

ip::options!(UdpSocket);
ip::device!(UdpSocket);
