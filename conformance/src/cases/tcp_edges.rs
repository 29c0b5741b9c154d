//! TCP at its edges: every form of an address, several handles on one connection, limits of time, and ends that come twice.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener as StdListener, TcpStream as StdStream},
    os::fd::AsFd,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{
    StreamExt,
    future::{join, join_all, poll_fn, try_join, try_join_all},
    io::{AsyncReadExt, AsyncWriteExt, copy},
    poll,
};
use interloop::{
    Reactor,
    net::{Connector, HostPort, TcpListener, TcpStream, lookup_host},
};
use socket2::{Domain, Socket, Type};

use crate::{
    Subject,
    tools::{Counter, connection, listen, on_thread, parked, yield_now},
};

/// Another handle on what is connected, registered by itself.
fn duplicate(reactor: &Reactor, stream: &TcpStream) -> TcpStream {
    let fd = stream.as_fd().try_clone_to_owned().unwrap();
    TcpStream::from_std(reactor, fd.into()).unwrap()
}

pub fn every_form_of_an_address_is_connected_to(mut subject: impl Subject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let listener = listen(&reactor);
        let addr = listener.local_addr().unwrap();
        let (text, port, ip) = (addr.to_string(), addr.port(), addr.ip());
        let forms: [HostPort; 9] = [
            addr.into(),
            (ip, port).into(),
            (IpAddr::from(Ipv4Addr::LOCALHOST), port).into(),
            text.as_str().into(),
            text.clone().into(),
            ("127.0.0.1", port).into(),
            ("127.0.0.1".to_owned(), port).into(),
            ("localhost", port).into(),
            format!("localhost:{port}").into(),
        ];
        for form in forms {
            let connecting = TcpStream::connect_host(&reactor, form.clone());
            let (client, (server, peer)) = try_join(connecting, listener.accept()).await.unwrap();
            assert_eq!(client.peer_addr().unwrap(), addr, "{form}");
            assert_eq!(server.peer_addr().unwrap(), peer);
            assert_eq!(client.local_addr().unwrap(), peer);
        }
    });
}

pub fn a_name_is_looked_up_and_listened_on(mut subject: impl Subject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let addrs = lookup_host(&reactor, "localhost:0").await.unwrap();
        let listener = addrs.iter().find_map(|addr| TcpListener::bind(&reactor, *addr).ok());
        let listener = listener.expect("one of the addresses of this machine");
        let connecting = TcpStream::connect(&reactor, listener.local_addr().unwrap());
        try_join(connecting, listener.accept()).await.unwrap();
    });
}

pub fn an_address_of_another_machine_cannot_be_listened_on(subject: impl Subject) {
    let reactor = subject.reactor();
    // One that is for examples, so that it is nobody's.
    let elsewhere = SocketAddr::from(([192, 0, 2, 1], 0));
    let error = TcpListener::bind(&reactor, elsewhere).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
}

pub fn a_connection_to_no_address_in_particular_fails(mut subject: impl Subject) {
    let reactor = subject.reactor();
    // Bound, so that nobody else takes the port, and not listening.
    let reserved = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    reserved
        .bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into())
        .unwrap();
    let addr = reserved.local_addr().unwrap().as_socket().unwrap();
    let error = subject.block_on(TcpStream::connect(&reactor, addr)).unwrap_err();
    // Linux takes it for this machine.
    let kinds = [io::ErrorKind::ConnectionRefused, io::ErrorKind::AddrNotAvailable];
    assert!(kinds.contains(&error.kind()), "{error}");
}

pub fn connections_that_write_in_reverse_order_are_all_served(mut subject: impl Subject) {
    let reactor = subject.reactor();
    for greedy in [true, false] {
        let listener = listen(&reactor);
        let addr = listener.local_addr().unwrap();
        let server = reactor.clone();
        let serving = reactor.spawn(async move {
            let mut incoming = listener.into_incoming();
            let mut serving = Vec::new();
            while serving.len() < 10 {
                let (mut stream, _) = incoming.next().await.unwrap()?;
                serving.push(server.spawn(async move {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).await?;
                    Ok::<_, io::Error>(byte[0])
                }));
            }
            // They were accepted in their order, and each is told of its own byte.
            try_join_all(serving).await
        });
        let bytes = subject.block_on(async {
            let connecting = (0..10).map(|_| TcpStream::connect(&reactor, addr));
            let mut clients = Vec::new();
            for client in connecting {
                clients.push(client.await.unwrap());
            }
            for (n, client) in clients.iter_mut().enumerate().rev() {
                client.write_all(&[if greedy { n as u8 } else { 99 }]).await.unwrap();
            }
            serving.await.unwrap()
        });
        let expected: Vec<_> = (0..10).map(|n| if greedy { n } else { 99 }).collect();
        assert_eq!(bytes, expected);
    }
}

pub fn what_is_there_ends_a_read(mut subject: impl Subject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut client, mut server) = connection(&reactor).await;
        let mut buf = [0; 10];
        let (waits, read) = parked(server.read(&mut buf));
        let (read, ()) = join(read, async {
            waits.await.unwrap();
            client.write_all(&[10]).await.unwrap();
        })
        .await;
        assert_eq!(read.unwrap(), 1);
        server.write_all(&[1]).await.unwrap();
        assert_eq!(client.read(&mut buf).await.unwrap(), 1);
    });
}

pub fn peers_of_std_are_talked_to(mut subject: impl Subject) {
    let reactor = subject.reactor();
    let echo = |mut stream: StdStream| {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        stream.write_all(&byte)
    };
    subject.block_on(async {
        let std_listener = StdListener::bind("127.0.0.1:0").unwrap();
        let addr = std_listener.local_addr().unwrap();
        let peer = on_thread(move || echo(std_listener.accept()?.0));
        let mut client = TcpStream::connect(&reactor, addr).await.unwrap();
        client.write_all(b"!").await.unwrap();
        client.read_exact(&mut [0]).await.unwrap();
        peer.await.unwrap().unwrap();

        let listener = listen(&reactor);
        let addr = listener.local_addr().unwrap();
        let peer = on_thread(move || echo(StdStream::connect(addr)?));
        let (mut server, _) = listener.accept().await.unwrap();
        server.write_all(b"!").await.unwrap();
        server.read_exact(&mut [0]).await.unwrap();
        peer.await.unwrap().unwrap();
    });
}

pub fn duplicates_read_and_write(mut subject: impl Subject) {
    let reactor = subject.reactor();
    for _ in 0..20 {
        let (mut client, server) = subject.block_on(connection(&reactor));
        let handles = [duplicate(&reactor, &server), server];
        let (waiting, reading): (Vec<_>, Vec<_>) = handles
            .into_iter()
            .map(|mut handle| {
                let (waits, read) = parked(async move {
                    let mut byte = [0];
                    handle.read_exact(&mut byte).await?;
                    handle.write_all(&byte).await?;
                    Ok::<_, io::Error>(byte[0])
                });
                (waits, reactor.spawn(read))
            })
            .unzip();
        subject.block_on(async {
            try_join_all(waiting).await.unwrap();
            client.write_all(&[1]).await.unwrap();
            client.write_all(&[2]).await.unwrap();
            let mut taken = try_join_all(reading).await.unwrap();
            taken.sort();
            assert_eq!(taken, [1, 2]);
            // The connection has ended with the last of them.
            let mut echoed = Vec::new();
            client.read_to_end(&mut echoed).await.unwrap();
            assert_eq!(echoed.len(), 2);
        });
    }
}

pub fn a_duplicate_is_made_while_a_task_reads(mut subject: impl Subject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut client, server) = connection(&reactor).await;
        let mut other = duplicate(&reactor, &server);
        let mut byte = [0];
        let (waits, read) = parked(other.read(&mut byte));
        let (read, ()) = join(read, async {
            waits.await.unwrap();
            drop(duplicate(&reactor, &server));
            drop(server);
            client.write_all(b"!").await.unwrap();
        })
        .await;
        assert_eq!(read.unwrap(), 1);
    });
}

pub fn duplicates_of_a_listener_accept(mut subject: impl Subject) {
    let reactor = subject.reactor();
    for at_once in [false, true] {
        let one = listen(&reactor);
        let addr = one.local_addr().unwrap();
        let fd = one.as_fd().try_clone_to_owned().unwrap();
        let other = TcpListener::from_std(&reactor, fd.into()).unwrap();
        subject.block_on(async {
            let connecting = try_join(TcpStream::connect(&reactor, addr), TcpStream::connect(&reactor, addr));
            if at_once {
                let accepting = try_join(one.accept(), other.accept());
                try_join(connecting, accepting).await.unwrap();
            } else {
                connecting.await.unwrap();
                one.accept().await.unwrap();
                drop(one);
                other.accept().await.unwrap();
            }
        });
    }
}

pub fn ending_both_directions_ends_every_handle(mut subject: impl Subject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (client, _server) = connection(&reactor).await;
        let before = duplicate(&reactor, &client);
        client.shutdown(Shutdown::Write).unwrap();
        client.shutdown(Shutdown::Read).unwrap();
        let after = duplicate(&reactor, &client);
        for mut handle in [client, before, after] {
            let error = handle.write(b"!").await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
            assert_eq!(handle.read(&mut [0]).await.unwrap(), 0);
            handle.shutdown(Shutdown::Read).unwrap();
            handle.shutdown(Shutdown::Write).unwrap();
        }
    });
}

pub fn closing_is_repeated_and_survives_a_reset(mut subject: impl Subject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut client, mut server) = connection(&reactor).await;
        for _ in 0..3 {
            client.close().await.unwrap();
        }
        server.close().await.unwrap();
        client.close().await.unwrap();

        let (mut client, server) = connection(&reactor).await;
        server.set_linger(Some(Duration::ZERO)).unwrap();
        drop(server);
        client.readable().await.unwrap();
        client.close().await.unwrap();
        client.close().await.unwrap();
    });
}

pub fn a_limit_of_zero_is_up_at_once(mut subject: impl Subject) {
    let reactor = subject.reactor();
    // As many connections wait to be accepted as may, so it does not answer.
    let silent = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    silent.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    silent.listen(0).unwrap();
    let addr = silent.local_addr().unwrap().as_socket().unwrap();
    let _first = StdStream::connect(addr).unwrap();
    subject.block_on(async {
        let connector = Connector::new().limit(Duration::ZERO);
        let error = connector.connect(&reactor, addr).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let error = reactor.timeout(Duration::ZERO, TcpStream::connect(&reactor, addr));
        assert_eq!(error.await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    });
}

pub fn a_connection_in_its_time_limit_is_made(mut subject: impl Subject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let listener = listen(&reactor);
        let addr = listener.local_addr().unwrap();
        let limited = Connector::new().limit(crate::tools::HOUR);
        limited.connect(&reactor, addr).await.unwrap();
        let limited = reactor.timeout(crate::tools::HOUR, TcpStream::connect(&reactor, addr));
        limited.await.unwrap();
    });
}

pub fn all_but_one_give_up_accepting(mut subject: impl Subject) {
    let reactor = subject.reactor();
    for last in [0, 25, 49] {
        let listener = Arc::new(listen(&reactor));
        let addr = listener.local_addr().unwrap();
        let (waiting, mut accepting): (Vec<_>, Vec<_>) = (0..50)
            .map(|_| {
                let listener = listener.clone();
                let (waits, accept) = parked(async move { listener.accept().await });
                (waits, reactor.spawn(accept))
            })
            .unzip();
        subject.block_on(async {
            join_all(waiting).await;
            let one = accepting.swap_remove(last);
            let (client, ()) = join(TcpStream::connect(&reactor, addr), async {
                for accept in &accepting {
                    accept.cancel();
                }
            })
            .await;
            let client = client.unwrap();
            // Whoever was woken for it and gave up has left it to the one, or had it already.
            let mut taken = 0;
            for accept in accepting {
                taken += usize::from(accept.await.is_ok());
            }
            if taken == 0 {
                let (_, peer) = one.await.unwrap();
                assert_eq!(peer, client.local_addr().unwrap());
            } else {
                one.cancel();
            }
        });
    }
}

pub fn who_waits_to_accept_is_not_polled_in_vain(mut subject: impl Subject) {
    struct Counted<F>(F, Counter);

    impl<F: Future + Unpin> Future for Counted<F> {
        type Output = F::Output;

        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
            self.1.add();
            Pin::new(&mut self.0).poll(cx)
        }
    }

    let reactor = subject.reactor();
    let polls = Counter::default();
    let listener = listen(&reactor);
    let addr = listener.local_addr().unwrap();
    let (waits, accept) = parked(async move { listener.accept().await });
    let accepting = reactor.spawn(Counted(Box::pin(accept), polls.clone()));
    subject.block_on(async {
        waits.await.unwrap();
        // What others do is not this task's.
        for _ in 0..20 {
            let (mut client, mut server) = connection(&reactor).await;
            client.write_all(b"!").await.unwrap();
            server.read_exact(&mut [0]).await.unwrap();
            yield_now().await;
        }
        assert_eq!(polls.count(), 1);
        let _client = TcpStream::connect(&reactor, addr).await.unwrap();
        accepting.await.unwrap();
        assert_eq!(polls.count(), 2);
    });
}

pub fn an_echo_copies_from_one_half_to_the_other(mut subject: impl Subject) {
    let reactor = subject.reactor();
    let (mut client, server) = subject.block_on(connection(&reactor));
    let serving = reactor.spawn(async move {
        let (reader, mut writer) = server.split_ref();
        let copied = copy(reader, &mut writer).await?;
        writer.close().await?;
        Ok::<_, io::Error>(copied)
    });
    subject.block_on(async {
        for _ in 0..1000 {
            client.write_all(b"foo bar baz").await.unwrap();
            let mut echoed = [0; 11];
            client.read_exact(&mut echoed).await.unwrap();
            assert_eq!(&echoed, b"foo bar baz");
        }
        client.close().await.unwrap();
        assert_eq!(serving.await.unwrap(), 11_000);
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    });
}

pub fn the_other_half_reads_on_when_the_writing_one_is_dropped(mut subject: impl Subject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (client, mut server) = connection(&reactor).await;
        let (mut reader, writer) = client.into_split();
        server.write_all(b"split").await.unwrap();
        let mut buf = [0; 8];
        assert_eq!(reader.peek(&mut buf).await.unwrap(), 5);
        assert_eq!(reader.peek(&mut buf).await.unwrap(), 5);
        assert_eq!(reader.read(&mut buf).await.unwrap(), 5);
        let (waits, read) = parked(reader.read(&mut buf));
        let (read, ()) = join(read, async {
            waits.await.unwrap();
            // On another thread, as it may be.
            on_thread(move || drop(writer)).await.unwrap();
            assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
            drop(server);
        })
        .await;
        assert_eq!(read.unwrap(), 0);
    });
}

pub fn who_waits_for_readiness_holds_no_buffer(mut subject: impl Subject) {
    let reactor = subject.reactor();
    let (mut client, server) = subject.block_on(connection(&reactor));
    let reading = async move {
        loop {
            server.readable().await?;
            let mut buf = [0; 4096];
            match server.try_read(&mut buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    };
    assert!(size_of_val(&reading) < 1000, "{} bytes", size_of_val(&reading));
    subject.block_on(async {
        client.write_all(b"hello").await.unwrap();
        assert_eq!(reading.await.unwrap(), 5);
    });
}

pub fn what_is_polled_does_what_is_awaited(mut subject: impl Subject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let listener = listen(&reactor);
        assert!(poll!(poll_fn(|cx| listener.poll_accept(cx))).is_pending());
        let client = TcpStream::connect(&reactor, listener.local_addr().unwrap())
            .await
            .unwrap();
        let (server, peer) = poll_fn(|cx| listener.poll_accept(cx)).await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        poll_fn(|cx| client.poll_writable(cx)).await.unwrap();
        assert!(poll!(poll_fn(|cx| server.poll_readable(cx))).is_pending());
        client.try_write(b"ping").unwrap();
        poll_fn(|cx| server.poll_readable(cx)).await.unwrap();
        assert_eq!(poll_fn(|cx| server.poll_peek(cx, &mut [0; 8])).await.unwrap(), 4);
    });
}
