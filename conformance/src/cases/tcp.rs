//! TCP connections: how they are made, ended, and shared by tasks.

use std::{
    io::{self, IoSlice, IoSliceMut, Write},
    net::{Shutdown, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures_util::{
    future::{join, try_join, try_join_all},
    io::{AsyncReadExt, AsyncWriteExt},
    poll,
};
use interloop::net::{TcpListener, TcpStream};
use socket2::{Domain, SockRef, Socket, Type};

use crate::{
    AnySubject, Subject,
    tools::{connection, listen, on_thread, parked, spawn_parked, wait},
};

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

pub fn bytes_arrive_in_both_directions(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut client, mut server) = connection(&reactor).await;
        let mut received = [0; 4];
        client.write_all(b"ping").await.unwrap();
        server.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"ping");
        server.write_all(b"pong").await.unwrap();
        client.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"pong");
    });
}

pub fn both_ends_know_their_addresses(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let listener = listen(&reactor);
        let addr = listener.local_addr().unwrap();
        assert_ne!(addr.port(), 0);
        let client = TcpStream::connect(&reactor, addr).await.unwrap();
        let (server, peer) = listener.accept().await.unwrap();
        assert_eq!(client.peer_addr().unwrap(), addr);
        assert_eq!(server.local_addr().unwrap(), addr);
        assert_eq!(client.local_addr().unwrap(), peer);
        assert_eq!(server.peer_addr().unwrap(), peer);
    });
}

pub fn ipv6_connects(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let listener = match TcpListener::bind(&reactor, "[::1]:0".parse().unwrap()) {
        Ok(listener) => listener,
        Err(error) => {
            println!("this machine has no IPv6 loopback, so there is nothing to check: {error}");
            return;
        }
    };
    subject.block_on(async {
        let addr = listener.local_addr().unwrap();
        let connecting = TcpStream::connect(&reactor, addr);
        let (mut client, (mut server, peer)) = try_join(connecting, listener.accept()).await.unwrap();
        assert!(peer.is_ipv6());
        client.write_all(b"ping").await.unwrap();
        let mut received = [0; 4];
        server.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"ping");
    });
}

pub fn nodelay_is_set_and_read(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (client, _server) = connection(&reactor).await;
        assert!(!client.nodelay().unwrap());
        client.set_nodelay(true).unwrap();
        assert!(client.nodelay().unwrap());
    });
}

pub fn a_connection_of_std_is_taken_over(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let listener = std::net::TcpListener::bind(loopback()).unwrap();
    let mut peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (std_stream, _) = listener.accept().unwrap();
    subject.block_on(async {
        // In blocking mode so far: a read would hold the loop up.
        let mut stream = TcpStream::from_std(&reactor, std_stream).unwrap();
        let mut received = [0; 4];
        let (waits, read) = parked(stream.read_exact(&mut received));
        let (read, ()) = join(read, async {
            waits.await.unwrap();
            peer.write_all(b"ping").unwrap();
        })
        .await;
        read.unwrap();
        assert_eq!(&received, b"ping");
    });
}

pub fn a_connection_to_nobody_is_refused(mut subject: AnySubject) {
    let reactor = subject.reactor();
    // Bound, so that nobody else takes the port, and not listening.
    let reserved = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    reserved.bind(&loopback().into()).unwrap();
    let addr = reserved.local_addr().unwrap().as_socket().unwrap();
    for _ in 0..20 {
        let connecting = subject.block_on(TcpStream::connect(&reactor, addr));
        assert_eq!(connecting.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }
}

pub fn a_taken_port_is_refused(subject: AnySubject) {
    let reactor = subject.reactor();
    let taken = listen(&reactor);
    let error = TcpListener::bind(&reactor, taken.local_addr().unwrap()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
}

pub fn a_port_can_be_taken_again_at_once(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let listener = listen(&reactor);
        let addr = listener.local_addr().unwrap();
        let connecting = TcpStream::connect(&reactor, addr);
        let (client, (server, _)) = try_join(connecting, listener.accept()).await.unwrap();
        // The end that listened closes first, so its address stays in TIME_WAIT.
        drop((server, listener));
        drop(client);
        TcpListener::bind(&reactor, addr).unwrap();
    });
}

pub fn two_tasks_accept_on_one_listener(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for _ in 0..20 {
        let listener = Arc::new(listen(&reactor));
        let addr = listener.local_addr().unwrap();
        let (waiting, accepting) = spawn_parked(&reactor, 2, || {
            let listener = listener.clone();
            async move { listener.accept().await }
        });
        subject.block_on(async {
            try_join_all(waiting).await.unwrap();
            let connecting = (0..2).map(|_| TcpStream::connect(&reactor, addr));
            try_join_all(connecting).await.unwrap();
            try_join_all(accepting).await.unwrap();
        });
    }
}

pub fn an_accept_that_is_given_up_loses_no_connection(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let listener = listen(&reactor);
        let addr = listener.local_addr().unwrap();
        for _ in 0..100 {
            let mut accept = Box::pin(listener.accept());
            assert!(poll!(&mut accept).is_pending());
            drop(accept);
            let client = TcpStream::connect(&reactor, addr).await.unwrap();
            let (_server, peer) = listener.accept().await.unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
        }
    });
}

pub fn many_connections_are_made_at_once(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let listener = listen(&reactor);
    let addr = listener.local_addr().unwrap();
    let serving = reactor.spawn(async move {
        for _ in 0..50 {
            let (mut stream, _) = listener.accept().await?;
            let reactor = interloop::Reactor::current()?;
            reactor
                .spawn(async move {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).await?;
                    stream.write_all(&byte).await
                })
                .detach();
        }
        Ok::<_, io::Error>(())
    });
    let clients = (0..50_u8).map(|n| {
        let on_loop = reactor.clone();
        reactor.spawn(async move {
            let mut stream = TcpStream::connect(&on_loop, addr).await?;
            stream.write_all(&[n]).await?;
            let mut echoed = Vec::new();
            stream.read_to_end(&mut echoed).await?;
            assert_eq!(echoed, [n]);
            Ok::<_, io::Error>(())
        })
    });
    let clients = clients.collect::<Vec<_>>();
    subject.block_on(async {
        try_join_all(clients).await.unwrap();
        serving.await.unwrap();
    });
}

pub fn closing_ends_one_direction(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut client, mut server) = connection(&reactor).await;
        client.write_all(b"question").await.unwrap();
        client.close().await.unwrap();
        let mut received = Vec::new();
        server.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"question");
        // The end stays.
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);

        server.write_all(b"answer").await.unwrap();
        server.close().await.unwrap();
        received.clear();
        client.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"answer");
        // Both directions have ended; to close again is no error.
        client.close().await.unwrap();
        server.shutdown(Shutdown::Both).unwrap();
    });
}

pub fn closing_wakes_the_reader_at_the_other_end(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for drops in [false, true] {
        let (mut client, mut server) = subject.block_on(connection(&reactor));
        let (waits, read) = parked(async move { server.read(&mut [0; 8]).await });
        let reading = reactor.spawn(read);
        subject.block_on(async {
            waits.await.unwrap();
            if drops {
                drop(client);
            } else {
                client.close().await.unwrap();
            }
            assert_eq!(reading.await.unwrap(), 0);
        });
    }
}

pub fn a_reset_is_an_error_and_wakes_the_reader(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for reads_before in [false, true] {
        let (client, mut server) = subject.block_on(connection(&reactor));
        let (waits, read) = parked(async move {
            let error = server.read(&mut [0; 8]).await.unwrap_err();
            // Told once; then it is an end like others.
            assert_eq!(server.read(&mut [0; 8]).await?, 0);
            Ok::<_, io::Error>(error.kind())
        });
        let reset = || {
            SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
            drop(client);
        };
        let reading = if reads_before {
            let reading = reactor.spawn(read);
            subject.block_on(waits).unwrap();
            reset();
            reading
        } else {
            reset();
            reactor.spawn(read)
        };
        let kind = subject.block_on(reading).unwrap();
        assert_eq!(kind, io::ErrorKind::ConnectionReset);
    }
}

pub fn writing_to_a_closed_end_fails(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut client, server) = connection(&reactor).await;
        drop(server);
        let error = loop {
            if let Err(error) = client.write_all(&[0; 1024]).await {
                break error;
            }
        };
        let kinds = [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset];
        assert!(kinds.contains(&error.kind()), "{error}");
    });
}

pub fn several_buffers_are_moved_at_once(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut client, mut server) = connection(&reactor).await;
        let bufs = [IoSlice::new(b"on"), IoSlice::new(b""), IoSlice::new(b"e two")];
        assert_eq!(client.write_vectored(&bufs).await.unwrap(), 7);
        let (mut first, mut second) = ([0; 3], [0; 16]);
        let mut bufs = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!(server.read_vectored(&mut bufs).await.unwrap(), 7);
        assert_eq!((&first, &second[..4]), (b"one", b" two".as_slice()));
    });
}

pub fn moving_nothing_does_not_wait(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut client, mut server) = connection(&reactor).await;
        assert_eq!(server.read(&mut []).await.unwrap(), 0);
        assert_eq!(client.write(&[]).await.unwrap(), 0);
        // It was not taken for the end.
        client.write_all(b"!").await.unwrap();
        let mut received = [0];
        server.read_exact(&mut received).await.unwrap();
    });
}

pub fn a_plain_thread_connects_and_reads(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let listener = listen(&reactor);
    let addr = listener.local_addr().unwrap();
    let on_other_thread = on_thread(move || {
        wait(async {
            let mut client = TcpStream::connect(&reactor, addr).await?;
            let mut received = Vec::new();
            client.read_to_end(&mut received).await?;
            Ok::<_, io::Error>(received)
        })
    });
    let received = subject.block_on(async {
        let (mut server, _) = listener.accept().await.unwrap();
        server.write_all(b"hello").await.unwrap();
        drop(server);
        on_other_thread.await.unwrap().unwrap()
    });
    assert_eq!(received, b"hello");
}
