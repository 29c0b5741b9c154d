//! UDP at its edges: sockets with themselves, several handles and threads on one, and limits of time.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr},
    os::fd::AsFd,
    sync::Arc,
    time::Duration,
};

use futures_util::{
    future::{join, poll_fn, try_join_all},
    poll,
};
use interloop::{Reactor, net::UdpSocket, sync::Queue};
use socket2::SockRef;

use super::udp::{addr, bind};
use crate::{
    AnySubject, Subject,
    tools::{HOUR, on_thread, parked},
};

fn duplicate(reactor: &Reactor, socket: &UdpSocket) -> UdpSocket {
    let fd = socket.as_fd().try_clone_to_owned().unwrap();
    UdpSocket::from_std(reactor, fd.into()).unwrap()
}

pub fn an_address_of_another_machine_cannot_be_taken(subject: AnySubject) {
    let reactor = subject.reactor();
    // One that is for examples, so that it is nobody's.
    let error = UdpSocket::bind(&reactor, SocketAddr::from(([192, 0, 2, 1], 0))).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
}

pub fn a_socket_is_connected_to_itself(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let socket = bind(&reactor);
        socket.connect(addr(&socket)).unwrap();
        assert_eq!(socket.peer_addr().unwrap(), addr(&socket));
        assert_eq!(socket.send(b"hello world").await.unwrap(), 11);
        let mut buf = [0; 16];
        for _ in 0..3 {
            assert_eq!(socket.peek(&mut buf).await.unwrap(), 11);
            assert_eq!(socket.peek_from(&mut buf).await.unwrap(), (11, addr(&socket)));
            assert_eq!(&buf[..11], b"hello world");
        }
        assert_eq!(socket.recv(&mut buf).await.unwrap(), 11);
        assert_eq!(socket.try_recv(&mut buf).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    });
}

pub fn what_is_polled_does_what_is_awaited(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (one, other) = (bind(&reactor), bind(&reactor));
        one.connect(addr(&other)).unwrap();
        let mut buf = [0; 16];
        assert!(poll!(poll_fn(|cx| other.poll_recv(cx, &mut buf))).is_pending());
        poll_fn(|cx| one.poll_writable(cx)).await.unwrap();
        assert_eq!(poll_fn(|cx| one.poll_send(cx, b"hello")).await.unwrap(), 5);
        poll_fn(|cx| other.poll_readable(cx)).await.unwrap();
        assert_eq!(poll_fn(|cx| other.poll_peek(cx, &mut buf)).await.unwrap(), 5);
        let from = poll_fn(|cx| other.poll_peek_from(cx, &mut buf)).await;
        assert_eq!(from.unwrap(), (5, addr(&one)));
        assert_eq!(poll_fn(|cx| other.poll_recv(cx, &mut buf)).await.unwrap(), 5);
        let sent = poll_fn(|cx| other.poll_send_to(cx, b"back", addr(&one))).await;
        assert_eq!(sent.unwrap(), 4);
        let from = poll_fn(|cx| one.poll_recv_from(cx, &mut buf)).await;
        assert_eq!(from.unwrap(), (4, addr(&other)));
    });
}

pub fn the_sender_is_known_before_its_datagram_is_taken(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (sender, receiver) = (bind(&reactor), bind(&reactor));
        sender.send_to(b"hello", addr(&receiver)).await.unwrap();
        // Without a place for any of it.
        assert_eq!(receiver.peek_from(&mut []).await.unwrap(), (0, addr(&sender)));
        assert_eq!(receiver.try_peek_from(&mut []).unwrap(), (0, addr(&sender)));
        let mut buf = [0; 16];
        assert_eq!(receiver.recv_from(&mut buf).await.unwrap(), (5, addr(&sender)));
        assert_eq!(&buf[..5], b"hello");
    });
}

pub fn one_task_receives_and_another_sends(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let socket = Arc::new(bind(&reactor));
    let to = addr(&socket);
    let queue = Arc::new(Queue::new(None, None));
    let receiving = reactor.spawn({
        let (socket, queue) = (socket.clone(), queue.clone());
        async move {
            let mut buf = [0; 16];
            loop {
                let (length, sender) = socket.recv_from(&mut buf).await?;
                queue.put((buf[..length].to_vec(), sender)).map_err(io::Error::other)?;
                if length == 0 {
                    return Ok::<_, io::Error>(());
                }
            }
        }
    });
    let sending = reactor.spawn(async move {
        loop {
            let (bytes, sender) = queue.get().map_err(io::Error::other)?.await?;
            if bytes.is_empty() {
                return Ok::<_, io::Error>(());
            }
            socket.send_to(&bytes, sender).await?;
        }
    });
    subject.block_on(async {
        let client = bind(&reactor);
        let mut buf = [0; 16];
        for round in 0..50 {
            client.send_to(&[round], to).await.unwrap();
            assert_eq!(client.recv_from(&mut buf).await.unwrap(), (1, to));
            assert_eq!(buf[0], round);
        }
        client.send_to(b"", to).await.unwrap();
        try_join_all([receiving, sending]).await.unwrap();
    });
}

pub fn a_plain_thread_sends_without_waiting(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (sender, receiver) = (bind(&reactor), bind(&reactor));
        let to = addr(&receiver);
        sender.writable().await.unwrap();
        assert_eq!(sender.try_send_to(b"one", to).unwrap(), 3);
        sender.connect(to).unwrap();
        assert_eq!(sender.try_send(b"three").unwrap(), 5);
        let sent = on_thread(move || sender.try_send(b"seven..")).await.unwrap();
        assert_eq!(sent.unwrap(), 7);
        let mut buf = [0; 16];
        for length in [3, 5, 7] {
            assert_eq!(receiver.recv(&mut buf).await.unwrap(), length);
        }
    });
}

pub fn duplicates_receive_and_send(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for _ in 0..20 {
        let (client, server) = (bind(&reactor), bind(&reactor));
        let to = addr(&server);
        let handles = [duplicate(&reactor, &server), server];
        let (waiting, receiving): (Vec<_>, Vec<_>) = handles
            .into_iter()
            .map(|handle| {
                let (waits, receive) = parked(async move {
                    let mut buf = [0; 2];
                    let (length, sender) = handle.recv_from(&mut buf).await?;
                    handle.send_to(&buf[..length], sender).await
                });
                (waits, reactor.spawn(receive))
            })
            .unzip();
        subject.block_on(async {
            try_join_all(waiting).await.unwrap();
            client.send_to(&[1], to).await.unwrap();
            client.send_to(&[2], to).await.unwrap();
            assert_eq!(try_join_all(receiving).await.unwrap(), [1, 1]);
            for _ in 0..2 {
                assert_eq!(client.recv_from(&mut [0; 2]).await.unwrap(), (1, to));
            }
        });
    }
}

pub fn shutting_down_by_another_handle_ends_what_waits(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for has_address in [false, true] {
        let (client, server) = (bind(&reactor), bind(&reactor));
        server.connect(addr(&client)).unwrap();
        let other = server.as_fd().try_clone_to_owned().unwrap();
        let to = addr(&server);
        let (waits, receive) = parked(async move {
            let mut buf = [0; 16];
            assert_eq!(server.recv(&mut buf).await?, 5, "what was there comes first");
            match has_address {
                true => server.recv_from(&mut buf).await.map(|(length, _)| length),
                false => server.recv(&mut buf).await,
            }
        });
        let receiving = reactor.spawn(receive);
        let ended = subject.block_on(async {
            waits.await.unwrap();
            client.send_to(b"hello", to).await.unwrap();
            SockRef::from(&other).shutdown(Shutdown::Both).unwrap();
            receiving.await
        });
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}

pub fn a_receive_ends_with_its_time_limit_and_loses_nothing(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (client, server) = (bind(&reactor), bind(&reactor));
        let mut buf = [0; 16];
        for limit in [Duration::ZERO, Duration::from_millis(10)] {
            let error = reactor.timeout(limit, server.recv_from(&mut buf)).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            client.send_to(b"hello", addr(&server)).await.unwrap();
            let received = reactor.timeout(HOUR, server.recv_from(&mut buf)).await;
            assert_eq!(received.unwrap(), (5, addr(&client)));
        }
    });
}

pub fn routers_are_told_how_to_treat_datagrams(subject: AnySubject) {
    let reactor = subject.reactor();
    let sockets = [
        UdpSocket::bind(&reactor, (Ipv4Addr::LOCALHOST, 0).into()),
        UdpSocket::bind(&reactor, (Ipv6Addr::LOCALHOST, 0).into()),
    ];
    // The machine may have no IPv6.
    for socket in sockets.into_iter().filter_map(Result::ok) {
        assert_eq!(socket.tos().unwrap(), 0);
        socket.set_tos(96).unwrap();
        assert_eq!(socket.tos().unwrap(), 96);
        socket.set_ttl(40).unwrap();
        assert_eq!(socket.ttl().unwrap(), 40);
    }
}

pub fn a_socket_keeps_to_a_device(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let _ = (&reactor, &mut subject);
    #[cfg(target_os = "linux")]
    subject.block_on(async {
        let (client, server) = (bind(&reactor), bind(&reactor));
        assert_eq!(client.device().unwrap(), None);
        if let Err(error) = client.bind_device(Some(b"lo")) {
            println!("this machine does not allow it, so there is nothing to check: {error}");
            return;
        }
        assert_eq!(client.device().unwrap().as_deref(), Some(b"lo".as_slice()));
        client.send_to(b"hello", addr(&server)).await.unwrap();
        assert_eq!(server.recv_from(&mut [0; 16]).await.unwrap(), (5, addr(&client)));
    });
}

pub fn an_ipv6_address_comes_back_as_it_was(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let Ok(socket) = UdpSocket::bind(&reactor, (Ipv6Addr::LOCALHOST, 0).into()) else {
        println!("this machine has no IPv6 loopback, so there is nothing to check");
        return;
    };
    let own = addr(&socket);
    subject.block_on(async {
        // A flow and a scope of the address itself are none of the datagram's.
        let mut to = match own {
            SocketAddr::V6(to) => to,
            SocketAddr::V4(_) => panic!("the address of a socket for IPv6"),
        };
        to.set_scope_id(1);
        socket.send_to(b"hello", to.into()).await.unwrap();
        assert_eq!(socket.recv_from(&mut [0; 16]).await.unwrap(), (5, own));
    });
}

pub fn a_socket_shows_its_addresses(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (one, other) = (bind(&reactor), bind(&reactor));
        let shown = format!("{one:?}");
        assert!(shown.starts_with("UdpSocket"), "{shown}");
        assert!(shown.contains(&addr(&one).to_string()), "{shown}");
        one.connect(addr(&other)).unwrap();
        let (sent, received) = join(one.send(b"!"), other.recv_from(&mut [0])).await;
        assert_eq!((sent.unwrap(), received.unwrap().1), (1, addr(&one)));
        let shown = format!("{one:?}");
        assert!(shown.contains(&addr(&other).to_string()), "{shown}");
    });
}
