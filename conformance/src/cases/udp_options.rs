//! UDP sockets: their addresses, options and groups, and where they come from.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr},
};

use futures_util::future::join;
use interloop::net::UdpSocket;

use super::udp::{addr, bind, bind_apart};
use crate::{AnySubject, Subject, tools::parked};

pub fn a_connected_socket_knows_its_peer(subject: AnySubject) {
    let reactor = subject.reactor();
    let (one, other) = (bind(&reactor), bind(&reactor));
    assert_ne!(addr(&one).port(), 0);
    assert_eq!(one.peer_addr().unwrap_err().kind(), io::ErrorKind::NotConnected);
    one.connect(addr(&other)).unwrap();
    assert_eq!(one.peer_addr().unwrap(), addr(&other));
    let third = bind(&reactor);
    one.connect(addr(&third)).unwrap();
    assert_eq!(one.peer_addr().unwrap(), addr(&third));
}

pub fn ipv6_datagrams_arrive(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let here = (Ipv6Addr::LOCALHOST, 0).into();
    let (Ok(client), Ok(server)) = (UdpSocket::bind(&reactor, here), UdpSocket::bind(&reactor, here)) else {
        println!("this machine has no IPv6 loopback, so there is nothing to check");
        return;
    };
    subject.block_on(async {
        client.send_to(b"ping", addr(&server)).await.unwrap();
        let mut buf = [0; 16];
        assert_eq!(server.recv_from(&mut buf).await.unwrap(), (4, addr(&client)));
        server.set_ttl(7).unwrap();
        assert_eq!(server.ttl().unwrap(), 7);
        server.set_multicast_loop_v6(false).unwrap();
        assert!(!server.multicast_loop_v6().unwrap());
        server.set_multicast_hops_v6(3).unwrap();
        assert_eq!(server.multicast_hops_v6().unwrap(), 3);
        server.only_v6().unwrap();
    });
}

pub fn a_taken_port_is_refused_and_is_free_when_its_socket_is_dropped(subject: AnySubject) {
    let reactor = subject.reactor();
    let taken = bind_apart(&reactor);
    let port = addr(&taken);
    let error = UdpSocket::bind(&reactor, port).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    drop(taken);
    UdpSocket::bind(&reactor, port).unwrap();
}

pub fn a_socket_of_std_is_taken_over_and_given_back(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let of_std = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let peer = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let to = of_std.local_addr().unwrap();
    let mut buf = [0; 16];
    let socket = UdpSocket::from_std(&reactor, of_std).unwrap();
    subject.block_on(async {
        // In blocking mode so far: a receive would hold the loop up.
        let (waits, receiving) = parked(socket.recv(&mut buf));
        let (received, ()) = join(receiving, async {
            waits.await.unwrap();
            peer.send_to(b"hello", to).unwrap();
        })
        .await;
        assert_eq!(received.unwrap(), 5);
    });
    let of_std = socket.into_std().unwrap();
    assert_eq!(of_std.recv(&mut buf).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    of_std.set_nonblocking(false).unwrap();
    peer.send_to(b"again", to).unwrap();
    assert_eq!(of_std.recv(&mut buf).unwrap(), 5);
}

pub fn options_are_set_and_read(subject: AnySubject) {
    let reactor = subject.reactor();
    let socket = bind(&reactor);
    assert!(!socket.broadcast().unwrap());
    socket.set_broadcast(true).unwrap();
    assert!(socket.broadcast().unwrap());
    socket.set_ttl(7).unwrap();
    assert_eq!(socket.ttl().unwrap(), 7);
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    assert!(socket.recv_buffer_size().unwrap() >= 16 * 1024);
    socket.set_send_buffer_size(16 * 1024).unwrap();
    assert!(socket.send_buffer_size().unwrap() >= 16 * 1024);
    assert!(socket.multicast_loop_v4().unwrap());
    socket.set_multicast_loop_v4(false).unwrap();
    assert!(!socket.multicast_loop_v4().unwrap());
    socket.set_multicast_ttl_v4(3).unwrap();
    assert_eq!(socket.multicast_ttl_v4().unwrap(), 3);
    socket.set_multicast_if_v4(Ipv4Addr::LOCALHOST).unwrap();
    assert_eq!(socket.multicast_if_v4().unwrap(), Ipv4Addr::LOCALHOST);
    // Those of the other version.
    socket.multicast_if_v6().unwrap_err();
    assert!(socket.take_error().unwrap().is_none());
}

pub fn broadcast_has_to_be_allowed(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let socket = bind(&reactor);
        let everybody = (Ipv4Addr::BROADCAST, 9).into();
        let error = socket.send_to(b"hello", everybody).await.unwrap_err();
        // A machine without a network says that there is nobody, before it says that.
        let kinds = [io::ErrorKind::PermissionDenied, io::ErrorKind::NetworkUnreachable];
        assert!(kinds.contains(&error.kind()), "{error}");
    });
}

pub fn a_group_is_joined_and_left(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let group = Ipv4Addr::new(239, 255, 77, 77);
    let member = UdpSocket::bind(&reactor, (Ipv4Addr::UNSPECIFIED, 0).into()).unwrap();
    let to = (group, addr(&member).port()).into();
    if let Err(error) = member.join_multicast_v4(group, Ipv4Addr::LOCALHOST) {
        println!("this machine has no multicast, so there is nothing to check: {error}");
        return;
    }
    // Twice is too often.
    member.join_multicast_v4(group, Ipv4Addr::LOCALHOST).unwrap_err();
    let sender = bind(&reactor);
    sender.set_multicast_if_v4(Ipv4Addr::LOCALHOST).unwrap();
    subject.block_on(async {
        let mut buf = [0; 16];
        sender.send_to(b"hello", to).await.unwrap();
        assert_eq!(member.recv_from(&mut buf).await.unwrap(), (5, addr(&sender)));
        member.leave_multicast_v4(group, Ipv4Addr::LOCALHOST).unwrap();
        member.leave_multicast_v4(group, Ipv4Addr::LOCALHOST).unwrap_err();
    });
    let v6: Ipv6Addr = "ff01::7777".parse().unwrap();
    let Ok(member) = UdpSocket::bind(&reactor, (Ipv6Addr::UNSPECIFIED, 0).into()) else {
        return;
    };
    if member.join_multicast_v6(v6, 0).is_ok() {
        member.leave_multicast_v6(v6, 0).unwrap();
    }
    member.leave_multicast_v6(v6, 0).unwrap_err();
}
