//! Protocols of datagrams: UDP, and within one machine.

use std::{
    io,
    net::{Ipv4Addr, UdpSocket as StdUdpSocket},
    sync::{Arc, Mutex},
};

use interloop::{
    Reactor,
    net::{UdpSocket, UnixDatagram},
    protocol::{
        Address, Lost,
        datagram::{self, DatagramProtocol, DatagramTransport},
    },
};
use socket2::SockRef;

use crate::{
    AnySubject, Subject,
    tools::{TempPath, is_current, on_thread, turn},
};

/// What a protocol was called with, one letter each, and the datagrams.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<(String, Vec<Vec<u8>>)>>);

impl Notes {
    fn add(&self, note: char) {
        self.0.lock().unwrap().0.push(note);
    }

    fn calls(&self) -> String {
        self.0.lock().unwrap().0.clone()
    }
}

/// Sends back what comes, panics at what is empty.
struct Echo(Reactor, Notes);

impl DatagramProtocol for Echo {
    fn connection_made(&mut self, _: &DatagramTransport) {
        assert!(is_current(&self.0));
        self.1.add('m');
    }

    fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], from: &Address) {
        assert!(!data.is_empty(), "on purpose");
        self.1.add('d');
        self.1.0.lock().unwrap().1.push(data.to_vec());
        let is_unnamed = matches!(from, Address::Unix(from) if from.is_unnamed());
        match is_unnamed {
            true => transport.send(data),
            false => transport.send_to(data, from.clone()),
        };
    }

    fn error_received(&mut self, _: &DatagramTransport, _: io::Error) {
        self.1.add('e');
    }

    fn connection_lost(&mut self, _: &DatagramTransport, reason: &Lost) {
        self.1.add(if reason.is_closed() { 'c' } else { 'a' });
    }
}

fn udp(reactor: &Reactor) -> UdpSocket {
    UdpSocket::bind(reactor, "127.0.0.1:0".parse().unwrap()).unwrap()
}

pub fn datagrams_are_received_and_sent(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (server, client, notes) = (udp(&reactor), udp(&reactor), Notes::default());
    client.connect(server.local_addr().unwrap()).unwrap();
    let transport = datagram::attach(&reactor, server, Echo(reactor.clone(), notes.clone()));
    assert!(matches!(transport.local_addr(), Some(Address::Ip(_))) && transport.peer_addr().is_none());
    subject.block_on(async {
        for round in 1..50_u8 {
            client.send(&[round; 100]).await.unwrap();
            let mut buf = [0; 200];
            assert_eq!(client.recv(&mut buf).await.unwrap(), 100);
            assert_eq!(buf[..100], [round; 100]);
        }
        transport.close();
        assert!(transport.closed().await.unwrap().is_closed());
    });
    assert_eq!(notes.calls(), format!("m{}c", "d".repeat(49)));
    assert!(!transport.send(b"late") && transport.is_closing());
}

pub fn datagrams_within_the_machine_are_received_and_sent(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (path, notes) = (TempPath::new(), Notes::default());
    let own = TempPath::new();
    let server = UnixDatagram::bind(&reactor, &path).unwrap();
    let client = UnixDatagram::bind(&reactor, &own).unwrap();
    let transport = datagram::attach(&reactor, server, Echo(reactor.clone(), notes.clone()));
    subject.block_on(async {
        client.send_to(b"hello", &path).await.unwrap();
        let mut buf = [0; 16];
        assert_eq!(client.recv(&mut buf).await.unwrap(), 5);
        transport.abort();
        assert!(matches!(transport.closed().await.unwrap(), Lost::Aborted(why) if why.is_cancelled()));
    });
    assert_eq!(notes.calls(), "mda");
}

pub fn a_connected_pair_needs_no_addresses(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (one, other) = UnixDatagram::pair(&reactor).unwrap();
    let transport = datagram::attach(&reactor, one, Echo(reactor.clone(), Notes::default()));
    subject.block_on(async {
        other.send(b"hello").await.unwrap();
        let mut buf = [0; 16];
        assert_eq!(other.recv(&mut buf).await.unwrap(), 5);
    });
    transport.close();
    subject.block_on(transport.closed()).unwrap();
}

pub fn what_nobody_receives_is_said_and_the_socket_goes_on(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let notes = Notes::default();
    let (gone, socket) = (StdUdpSocket::bind("127.0.0.1:0").unwrap(), udp(&reactor));
    let addr = gone.local_addr().unwrap();
    socket.connect(addr).unwrap();
    drop(gone);
    let transport = datagram::attach(&reactor, socket, Echo(reactor.clone(), notes.clone()));
    assert!(transport.peer_addr().is_some());
    subject.block_on(async {
        // Not every loop says so before the next one is sent.
        while !notes.calls().contains('e') {
            transport.send(b"to nobody");
            turn(&reactor).await;
        }
        assert!(!transport.is_closing());
        transport.close();
        assert!(transport.closed().await.unwrap().is_closed());
    });
}

pub fn a_datagram_that_cannot_be_sent_is_said(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let notes = Notes::default();
    let transport = datagram::attach(&reactor, udp(&reactor), Echo(reactor.clone(), notes.clone()));
    // Too long, to nowhere, and of another family.
    assert!(transport.send_to(&[0; 70_000], "127.0.0.1:9".parse::<std::net::SocketAddr>().unwrap()));
    subject.block_on(async {
        while notes.calls() != "me" {
            turn(&reactor).await;
        }
        transport.send(b"it is not connected");
        let unix = std::os::unix::net::SocketAddr::from_pathname("/nowhere").unwrap();
        transport.send_to(b"x", unix);
        transport.close();
        assert!(transport.closed().await.unwrap().is_closed());
    });
    assert_eq!(notes.calls(), "meeec");
}

pub fn what_waits_for_a_slow_receiver_is_limited_and_sent_at_last(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let notes = Notes::default();
    let (one, other) = UnixDatagram::pair(&reactor).unwrap();
    let transport = datagram::attach(&reactor, one, Echo(reactor.clone(), notes));
    transport.set_limit(10_000);
    let mut taken = 0;
    subject.block_on(async {
        // Until there is no room, neither in the system nor in the queue.
        loop {
            if transport.send(&[7; 1000]) {
                taken += 1;
            } else {
                turn(&reactor).await;
                turn(&reactor).await;
                if transport.buffered() >= 9_000 {
                    break;
                }
            }
        }
        transport.close();
        for _ in 0..taken {
            assert_eq!(other.recv(&mut [0; 2000]).await.unwrap(), 1000);
        }
        assert!(transport.closed().await.unwrap().is_closed());
    });
}

pub fn a_panic_closes_its_own_socket(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (server, client, notes) = (udp(&reactor), udp(&reactor), Notes::default());
    client.connect(server.local_addr().unwrap()).unwrap();
    let transport = datagram::attach(&reactor, server, Echo(reactor.clone(), notes.clone()));
    subject.block_on(async {
        client.send(b"").await.unwrap();
        assert!(matches!(transport.closed().await.unwrap(), Lost::Aborted(why) if why.is_panicked()));
    });
    assert_eq!(notes.calls(), "ma");
}

pub fn a_group_is_joined_through_the_socket(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let transport = datagram::attach(&reactor, udp(&reactor), Echo(reactor.clone(), Notes::default()));
    subject.block_on(async {
        let joined = transport.with_socket(|socket| {
            let socket = SockRef::from(&socket);
            socket.set_multicast_ttl_v4(3)?;
            socket.join_multicast_v4(&Ipv4Addr::new(239, 1, 2, 3), &Ipv4Addr::LOCALHOST)?;
            socket.multicast_ttl_v4()
        });
        assert_eq!(joined.await.unwrap(), 3);
        transport.abort();
        transport.closed().await.unwrap();
        assert!(transport.with_socket(|_| Ok(())).await.is_err());
    });
}

pub fn a_plain_thread_sends(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let peer = udp(&reactor);
    let addr = peer.local_addr().unwrap();
    let transport = datagram::attach(&reactor, udp(&reactor), Echo(reactor.clone(), Notes::default()));
    let sending = on_thread(move || {
        assert!(transport.send_to(b"from a thread", addr));
        transport.close();
    });
    subject.block_on(async {
        assert_eq!(peer.recv(&mut [0; 32]).await.unwrap(), 13);
        sending.await.unwrap();
    });
}
