//! UDP: datagrams as they were sent, to whoever waits.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket as StdSocket},
    sync::Arc,
};

use futures_util::{
    future::{join, try_join_all},
    poll,
};
use interloop::{Reactor, net::UdpSocket};

use crate::{
    AnySubject, Subject,
    tools::{on_thread, parked, spawn_parked, wait},
};

pub(super) fn bind(reactor: &Reactor) -> UdpSocket {
    UdpSocket::bind(reactor, (Ipv4Addr::LOCALHOST, 0).into()).expect("a free port")
}

pub(super) fn addr(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().unwrap()
}

/// One whose port nobody else takes when it is gone, where the machine has more than one address of its own.
pub(super) fn bind_apart(reactor: &Reactor) -> UdpSocket {
    UdpSocket::bind(reactor, (Ipv4Addr::new(127, 0, 0, 77), 0).into()).unwrap_or_else(|_| bind(reactor))
}

/// Two that are connected with each other.
fn pair(reactor: &Reactor) -> (UdpSocket, UdpSocket) {
    let (one, other) = (bind(reactor), bind(reactor));
    one.connect(addr(&other)).unwrap();
    other.connect(addr(&one)).unwrap();
    (one, other)
}

pub fn datagrams_arrive_in_both_directions(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (client, server) = (bind(&reactor), bind(&reactor));
        let mut buf = [0; 16];
        for _ in 0..100 {
            assert_eq!(client.send_to(b"ping", addr(&server)).await.unwrap(), 4);
            let (length, sender) = server.recv_from(&mut buf).await.unwrap();
            assert_eq!((&buf[..length], sender), (b"ping".as_slice(), addr(&client)));
            server.send_to(b"pong!", sender).await.unwrap();
            assert_eq!(client.recv(&mut buf).await.unwrap(), 5);
        }
    });
}

pub fn a_receive_waits_for_a_datagram(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (client, server) = pair(&reactor);
        for round in 0..100_u8 {
            let mut byte = [0];
            let (waits, receiving) = parked(server.recv(&mut byte));
            let (received, ()) = join(receiving, async {
                waits.await.unwrap();
                client.send(&[round]).await.unwrap();
            })
            .await;
            assert_eq!((received.unwrap(), byte), (1, [round]));
        }
    });
}

pub fn an_empty_datagram_is_no_end(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (client, server) = pair(&reactor);
        assert_eq!(client.send(b"").await.unwrap(), 0);
        client.send(b"more").await.unwrap();
        let mut buf = [0; 16];
        assert_eq!(server.recv(&mut buf).await.unwrap(), 0);
        assert_eq!(server.recv(&mut buf).await.unwrap(), 4);
        // Into no buffer at all a datagram is taken, too.
        client.send(b"lost").await.unwrap();
        client.send(b"last").await.unwrap();
        assert_eq!(server.recv(&mut []).await.unwrap(), 0);
        assert_eq!(server.recv_from(&mut buf).await.unwrap(), (4, addr(&client)));
        assert_eq!(&buf[..4], b"last");
    });
}

pub fn a_datagram_longer_than_the_buffer_is_cut_off(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (client, server) = pair(&reactor);
        client.send(b"hello world").await.unwrap();
        client.send(b"next").await.unwrap();
        let mut buf = [0; 5];
        assert_eq!(server.recv(&mut buf).await.unwrap(), 5);
        assert_eq!(&buf, b"hello");
        assert_eq!(server.recv_from(&mut buf).await.unwrap(), (4, addr(&client)));
    });
}

pub fn a_datagram_that_is_too_long_is_refused(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (client, server) = pair(&reactor);
        client.send(&[0; 100_000]).await.unwrap_err();
        client.send_to(&[0; 100_000], addr(&server)).await.unwrap_err();
        client.send(b"short").await.unwrap();
        assert_eq!(server.recv(&mut [0; 16]).await.unwrap(), 5);
    });
}

pub fn peeking_leaves_the_datagram(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (client, server) = pair(&reactor);
        let mut buf = [0; 16];
        let (waits, peeking) = parked(server.peek(&mut buf));
        let (peeked, ()) = join(peeking, async {
            waits.await.unwrap();
            client.send(b"hello").await.unwrap();
        })
        .await;
        assert_eq!(peeked.unwrap(), 5);
        assert_eq!(server.peek_from(&mut buf).await.unwrap(), (5, addr(&client)));
        assert_eq!(server.try_peek(&mut buf).unwrap(), 5);
        assert_eq!(server.try_peek_from(&mut buf).unwrap(), (5, addr(&client)));
        assert_eq!(server.recv(&mut buf).await.unwrap(), 5);
        assert_eq!(server.try_peek(&mut buf).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    });
}

pub fn trying_does_not_wait(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (client, server) = pair(&reactor);
        let mut buf = [0; 16];
        for _ in 0..20 {
            let error = server.try_recv(&mut buf).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
            assert_eq!(client.try_send(b"one").unwrap(), 3);
            server.readable().await.unwrap();
            assert_eq!(server.try_recv_from(&mut buf).unwrap(), (3, addr(&client)));
            // What was taken behind the loop's back is not waited for in vain.
            client.try_send(b"three").unwrap();
            assert_eq!(server.recv(&mut buf).await.unwrap(), 5);
        }
        assert_eq!(bind(&reactor).try_send_to(b"two", addr(&server)).unwrap(), 3);
    });
}

pub fn readiness_is_told_as_it_is(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (client, server) = pair(&reactor);
        server.writable().await.unwrap();
        for _ in 0..20 {
            let mut readable = Box::pin(server.readable());
            assert!(poll!(&mut readable).is_pending(), "nothing was sent");
            client.send(b"hello").await.unwrap();
            readable.await.unwrap();
            // Until it is taken.
            server.readable().await.unwrap();
            let taken =
                server.read_with(|fd| Ok(rustix::net::recv(fd, &mut [0; 16], rustix::net::RecvFlags::empty())?));
            assert_eq!(taken.await.unwrap().1, 5);
        }
    });
}

pub fn a_connected_socket_receives_from_its_peer_only(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (client, server) = pair(&reactor);
        bind(&reactor).send_to(b"stranger", addr(&server)).await.unwrap();
        client.send(b"peer").await.unwrap();
        let mut buf = [0; 16];
        assert_eq!(server.recv_from(&mut buf).await.unwrap(), (4, addr(&client)));
    });
}

pub fn a_refused_datagram_wakes_who_waits_to_receive(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for is_taken_over in [false, true] {
        let gone = bind_apart(&reactor);
        let client = if is_taken_over {
            let client = StdSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            client.connect(addr(&gone)).unwrap();
            UdpSocket::from_std(&reactor, client).unwrap()
        } else {
            let client = bind(&reactor);
            client.connect(addr(&gone)).unwrap();
            client
        };
        drop(gone);
        let client = Arc::new(client);
        let (waits, receive) = parked({
            let client = client.clone();
            async move { client.recv(&mut [0; 16]).await }
        });
        let receiving = reactor.spawn(receive);
        let received = subject.block_on(async {
            waits.await.unwrap();
            client.send(b"anybody?").await.unwrap();
            receiving.await
        });
        assert_eq!(received.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }
}

pub fn a_refused_datagram_is_told_and_the_socket_goes_on(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (client, gone) = (bind(&reactor), bind_apart(&reactor));
        client.connect(addr(&gone)).unwrap();
        drop(gone);
        client.send(b"anybody?").await.unwrap();
        // It comes back as an error, which the system makes the socket ready for.
        let error = loop {
            client.writable().await.unwrap();
            if let Err(error) = client.send(b"anybody?").await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let there = bind(&reactor);
        client.connect(addr(&there)).unwrap();
        // More than one may have been refused.
        while client.send(b"here?").await.is_err() {}
        assert_eq!(there.recv_from(&mut [0; 16]).await.unwrap(), (5, addr(&client)));
    });
}

pub fn two_tasks_receive_on_one_socket(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for _ in 0..20 {
        let (client, server) = pair(&reactor);
        let server = Arc::new(server);
        let (waiting, receiving) = spawn_parked(&reactor, 2, || {
            let server = server.clone();
            async move { server.recv(&mut [0; 16]).await }
        });
        subject.block_on(async {
            try_join_all(waiting).await.unwrap();
            client.send(b"one").await.unwrap();
            client.send(b"two").await.unwrap();
            assert_eq!(try_join_all(receiving).await.unwrap(), [3, 3]);
        });
    }
}

pub fn many_tasks_share_one_socket(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let server = Arc::new(bind(&reactor));
    let to = addr(&server);
    let serving: Vec<_> = (0..4)
        .map(|_| {
            let server = server.clone();
            reactor.spawn(async move {
                let mut buf = [0; 16];
                loop {
                    let (length, sender) = server.recv_from(&mut buf).await?;
                    server.send_to(&buf[..length], sender).await?;
                }
                #[allow(unreachable_code)]
                Ok::<_, io::Error>(())
            })
        })
        .collect();
    let clients = (0..20_u8).map(|n| {
        let client = bind(&reactor);
        reactor.spawn(async move {
            for round in 0..20 {
                client.send_to(&[n, round], to).await?;
                let mut buf = [0; 16];
                let length = client.recv(&mut buf).await?;
                assert_eq!(buf[..length], [n, round]);
            }
            Ok::<_, io::Error>(())
        })
    });
    let clients = clients.collect::<Vec<_>>();
    subject.block_on(async { try_join_all(clients).await.unwrap() });
    for task in &serving {
        task.cancel();
    }
}

pub fn a_receive_that_is_given_up_loses_no_datagram(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (client, server) = pair(&reactor);
        for round in 0..100_u8 {
            let mut byte = [0];
            let mut receiving = Box::pin(server.recv(&mut byte));
            assert!(poll!(&mut receiving).is_pending());
            client.send(&[round]).await.unwrap();
            drop(receiving);
            assert_eq!(server.recv(&mut byte).await.unwrap(), 1);
            assert_eq!(byte, [round]);
        }
    });
}

pub fn a_plain_thread_receives(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let server = bind(&reactor);
    let to = addr(&server);
    let receiving = on_thread(move || wait(server.recv(&mut [0; 16])));
    subject.block_on(async {
        bind(&reactor).send_to(b"hello", to).await.unwrap();
        assert_eq!(receiving.await.unwrap().unwrap(), 5);
    });
}
