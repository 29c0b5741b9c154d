//! Sockets that listen, what they are told before, and what they accept.

use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::Arc,
    time::Duration,
};

use futures_util::{
    StreamExt, TryStreamExt,
    future::{try_join, try_join_all},
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt},
    poll,
    stream::select,
};
use interloop::net::{Incoming, Listener, TcpListener, TcpSocket, TcpStream};
use socket2::{Domain, Socket, Type};

use crate::{
    AnySubject, Subject,
    tools::{connection, listen},
};

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// Accepts two connections, says something to each, and gives the listener back.
pub(super) async fn greet_two<L>(mut incoming: Incoming<L>) -> io::Result<L>
where
    L: Listener<Stream: AsyncWrite + Unpin> + Unpin,
{
    for _ in 0..2 {
        let (mut stream, _) = incoming.try_next().await?.unwrap();
        stream.write_all(b"!").await?;
    }
    Ok(incoming.into_inner())
}

pub fn incoming_connections_are_a_stream(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let listener = listen(&reactor);
        let addr = listener.local_addr().unwrap();
        let mut incoming = listener.incoming();
        for _ in 0..20 {
            let (client, accepted) = try_join(TcpStream::connect(&reactor, addr), incoming.try_next())
                .await
                .unwrap();
            let (mut server, peer) = accepted.unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
            drop(client);
            assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
        }
    });
}

pub fn a_stream_of_connections_owns_its_listener(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let listener = listen(&reactor);
    let addr = listener.local_addr().unwrap();
    let serving = reactor.spawn(greet_two(listener.into_incoming()));
    subject.block_on(async {
        for _ in 0..2 {
            let mut client = TcpStream::connect(&reactor, addr).await.unwrap();
            client.read_exact(&mut [0]).await.unwrap();
        }
        let listener = serving.await.unwrap();
        assert_eq!(listener.local_addr().unwrap(), addr);
    });
}

pub fn two_streams_of_connections_share_a_listener(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let listener = Arc::new(listen(&reactor));
        let addr = listener.local_addr().unwrap();
        let both = select(
            interloop::net::Incoming::new(listener.clone()),
            interloop::net::Incoming::new(listener),
        );
        let connecting = (0..20).map(|_| TcpStream::connect(&reactor, addr));
        let accepting = both.take(20).try_collect::<Vec<_>>();
        let (clients, accepted) = try_join(try_join_all(connecting), accepting).await.unwrap();
        assert_eq!((clients.len(), accepted.len()), (20, 20));
    });
}

pub fn a_next_connection_that_is_given_up_is_not_lost(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let listener = listen(&reactor);
        let addr = listener.local_addr().unwrap();
        let mut incoming = listener.incoming();
        for _ in 0..50 {
            assert!(poll!(incoming.next()).is_pending());
            let client = TcpStream::connect(&reactor, addr).await.unwrap();
            let (_server, peer) = incoming.next().await.unwrap().unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
        }
        let mut incoming = listener.incoming();
        assert!(poll!(incoming.next()).is_pending());
        let _client = TcpStream::connect(&reactor, addr).await.unwrap();
        drop(incoming);
        listener.accept().await.unwrap();
    });
}

pub fn connections_that_were_reset_do_not_end_the_stream(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let listener = listen(&reactor);
        let addr = listener.local_addr().unwrap();
        for _ in 0..40 {
            let client = TcpStream::connect(&reactor, addr).await.unwrap();
            client.set_linger(Some(Duration::ZERO)).unwrap();
        }
        let client = TcpStream::connect(&reactor, addr).await.unwrap();
        let mut incoming = listener.incoming();
        // Systems accept the others, or leave them out.
        loop {
            let (_, peer) = incoming.next().await.unwrap().unwrap();
            if peer == client.local_addr().unwrap() {
                break;
            }
        }
    });
}

pub fn a_listener_that_fails_ends_its_stream(mut subject: AnySubject) {
    let reactor = subject.reactor();
    // It does not listen.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&loopback().into()).unwrap();
    let listener = TcpListener::from_std(&reactor, socket.into()).unwrap();
    subject.block_on(async {
        let mut incoming = listener.incoming();
        let error = incoming.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(incoming.next().await.is_none());
        assert!(incoming.next().await.is_none());
    });
}

pub fn a_socket_listens_with_its_options(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let socket = TcpSocket::for_addr(loopback()).unwrap();
    assert!(!socket.reuse_address().unwrap());
    socket.set_reuse_address(true).unwrap();
    assert!(socket.reuse_address().unwrap());
    socket.set_ttl(42).unwrap();
    socket.set_keepalive(Some(Default::default())).unwrap();
    socket.bind(loopback()).unwrap();
    let addr = socket.local_addr().unwrap();
    assert_ne!(addr.port(), 0);
    let listener = socket.listen(&reactor, 8).unwrap();
    assert_eq!(listener.local_addr().unwrap(), addr);
    assert_eq!(listener.ttl().unwrap(), 42);
    listener.set_ttl(43).unwrap();
    assert!(listener.take_error().unwrap().is_none());
    subject.block_on(async {
        let connecting = TcpStream::connect(&reactor, addr);
        let (_client, (server, _)) = try_join(connecting, listener.accept()).await.unwrap();
        // It was handed on.
        assert!(server.keepalive().unwrap());
    });
}

pub fn a_socket_connects_from_the_address_it_took(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let listener = listen(&reactor);
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(loopback()).unwrap();
        let addr = socket.local_addr().unwrap();
        socket.set_nodelay(true).unwrap();
        let client = socket.connect(&reactor, listener.local_addr().unwrap()).await.unwrap();
        assert_eq!(client.local_addr().unwrap(), addr);
        assert!(client.nodelay().unwrap());
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, addr);
    });
}

pub fn two_listeners_share_a_port(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let listen_on = |addr| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuse_port(true).unwrap();
        assert!(socket.reuse_port().unwrap());
        socket.bind(addr).unwrap();
        socket.listen(&reactor, 64).unwrap()
    };
    let one = listen_on(loopback());
    let addr = one.local_addr().unwrap();
    let other = listen_on(addr);
    subject.block_on(async {
        let both = select(one.incoming(), other.incoming());
        let connecting = (0..30).map(|_| TcpStream::connect(&reactor, addr));
        let accepting = both.take(30).try_collect::<Vec<_>>();
        try_join(try_join_all(connecting), accepting).await.unwrap();
    });
}

pub fn a_socket_for_ipv6_has_its_options(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let any = "[::1]:0".parse().unwrap();
    let Ok(()) = TcpSocket::new_v6().and_then(|socket| socket.bind(any)) else {
        return; // The machine has no IPv6.
    };
    let socket = TcpSocket::new_v6().unwrap();
    socket.set_only_v6(true).unwrap();
    assert!(socket.only_v6().unwrap());
    socket.bind(any).unwrap();
    let listener = socket.listen(&reactor, 8).unwrap();
    subject.block_on(async {
        let client = TcpStream::connect(&reactor, listener.local_addr().unwrap())
            .await
            .unwrap();
        client.set_ttl(17).unwrap();
        assert_eq!(client.ttl().unwrap(), 17);
    });
}

pub fn a_listener_of_std_is_taken_over_and_given_back(mut subject: AnySubject) {
    let reactor = subject.reactor();
    // It would block.
    let std_listener = StdListener::bind("127.0.0.1:0").unwrap();
    let addr = std_listener.local_addr().unwrap();
    let listener = TcpListener::from_std(&reactor, std_listener).unwrap();
    subject.block_on(async {
        let mut accept = Box::pin(listener.accept());
        assert!(poll!(&mut accept).is_pending());
        let _client = TcpStream::connect(&reactor, addr).await.unwrap();
        accept.await.unwrap();
        // This one waits until there is the other one.
        let client = TcpStream::connect(&reactor, addr).await.unwrap();
        let std_listener = listener.into_std().unwrap();
        let (_, peer) = std_listener.accept().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        let error = std_listener.accept().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        // And to the loop again.
        let listener = TcpListener::from_std(&reactor, std_listener).unwrap();
        try_join(TcpStream::connect(&reactor, addr), listener.accept())
            .await
            .unwrap();
    });
}

pub fn a_connection_outlives_its_listener(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        // The listener is gone with the function that made them.
        let (mut client, mut server) = connection(&reactor).await;
        client.write_all(b"!").await.unwrap();
        server.read_exact(&mut [0]).await.unwrap();
    });
}
