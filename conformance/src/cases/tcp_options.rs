//! TCP: what is set before a connection is made and after it, and what is shown of a socket.

use std::{io, net::SocketAddr, time::Duration};

use futures_util::{
    future::try_join,
    io::{AsyncReadExt, AsyncWriteExt},
};
use interloop::net::{Keepalive, TcpListener, TcpSocket, TcpStream};
use socket2::{Domain, Socket, Type};

use crate::{
    AnySubject, Subject,
    tools::{connection, listen},
};

/// A new socket for each version of the protocol that this machine has, and an address to take.
fn sockets() -> Vec<(TcpSocket, SocketAddr)> {
    let addrs = ["127.0.0.1:0", "[::1]:0"].map(|addr| addr.parse().unwrap());
    let can_bind = |addr: &SocketAddr| TcpSocket::for_addr(*addr).is_ok_and(|socket| socket.bind(*addr).is_ok());
    let addrs = addrs.into_iter().filter(can_bind);
    addrs.map(|addr| (TcpSocket::for_addr(addr).unwrap(), addr)).collect()
}

pub fn a_new_socket_has_its_options(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for (socket, addr) in sockets() {
        assert!(!socket.keepalive().unwrap());
        socket.set_keepalive(Some(Keepalive::new())).unwrap();
        assert!(socket.keepalive().unwrap());
        assert!(!socket.reuse_address().unwrap());
        socket.set_reuse_address(true).unwrap();
        assert!(socket.reuse_address().unwrap());
        assert!(!socket.reuse_port().unwrap());
        socket.set_reuse_port(true).unwrap();
        assert!(socket.reuse_port().unwrap());
        assert!(!socket.nodelay().unwrap());
        socket.set_nodelay(true).unwrap();
        assert!(socket.nodelay().unwrap());
        assert_eq!(socket.linger().unwrap(), None);
        for linger in [Some(Duration::from_secs(10)), Some(Duration::ZERO), None] {
            socket.set_linger(linger).unwrap();
            assert_eq!(socket.linger().unwrap(), linger);
        }
        // Linux counts what it needs besides.
        let as_counted = if cfg!(target_os = "linux") { 2 } else { 1 };
        socket.set_send_buffer_size(8192).unwrap();
        assert_eq!(socket.send_buffer_size().unwrap(), 8192 * as_counted);
        socket.set_recv_buffer_size(8192).unwrap();
        assert_eq!(socket.recv_buffer_size().unwrap(), 8192 * as_counted);
        socket.set_ttl(42).unwrap();
        assert_eq!(socket.ttl().unwrap(), 42);
        assert!(socket.take_error().unwrap().is_none());
        socket.bind(addr).unwrap();
        let listener = socket.listen(&reactor, 128).unwrap();
        subject.block_on(async {
            let connecting = TcpStream::connect(&reactor, listener.local_addr().unwrap());
            try_join(connecting, listener.accept()).await.unwrap();
        });
    }
}

pub fn options_are_taken_back(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (client, _server) = connection(&reactor).await;
        for nodelay in [true, false] {
            client.set_nodelay(nodelay).unwrap();
            assert_eq!(client.nodelay().unwrap(), nodelay);
        }
        for linger in [Some(Duration::from_secs(1)), Some(Duration::ZERO), None] {
            client.set_linger(linger).unwrap();
            assert_eq!(client.linger().unwrap(), linger);
        }
        let listener = listen(&reactor);
        listener.set_ttl(100).unwrap();
        assert_eq!(listener.ttl().unwrap(), 100);
    });
}

pub fn routers_are_told_how_to_treat_packets(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for (socket, addr) in sockets() {
        assert_eq!(socket.tos().unwrap(), 0);
        socket.set_tos(96).unwrap();
        assert_eq!(socket.tos().unwrap(), 96);
        socket.bind(addr).unwrap();
        let listener = socket.listen(&reactor, 8).unwrap();
        assert_eq!(listener.tos().unwrap(), 96);
        subject.block_on(async {
            let client = TcpStream::connect(&reactor, listener.local_addr().unwrap());
            let (client, _) = try_join(client, listener.accept()).await.unwrap();
            client.set_tos(32).unwrap();
            assert_eq!(client.tos().unwrap(), 32);
        });
    }
}

pub fn acknowledging_at_once_is_set_and_read(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let _ = (&reactor, &mut subject);
    #[cfg(target_os = "linux")]
    subject.block_on(async {
        let (mut client, mut server) = connection(&reactor).await;
        for stream in [&client, &server] {
            stream.set_quickack(true).unwrap();
            assert!(stream.quickack().unwrap());
        }
        client.write_all(b"ping").await.unwrap();
        server.read_exact(&mut [0; 4]).await.unwrap();
        for stream in [&client, &server] {
            stream.set_quickack(false).unwrap();
            assert!(!stream.quickack().unwrap());
        }
    });
}

pub fn a_socket_keeps_to_a_device(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let _ = (&reactor, &mut subject);
    #[cfg(target_os = "linux")]
    {
        let socket = TcpSocket::new_v4().unwrap();
        assert_eq!(socket.device().unwrap(), None);
        let error = socket.bind_device(Some(b"no such one")).unwrap_err();
        if let Err(error) = socket.bind_device(Some(b"lo")) {
            println!("this machine does not allow it, so there is nothing to check: {error}");
            return;
        }
        assert_ne!(error.kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(socket.device().unwrap().as_deref(), Some(b"lo".as_slice()));
        subject.block_on(async {
            let listener = listen(&reactor);
            let connecting = socket.connect(&reactor, listener.local_addr().unwrap());
            try_join(connecting, listener.accept()).await.unwrap();
        });
    }
}

pub fn a_socket_made_elsewhere_is_taken_over(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let made = || Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let (for_listening, for_connecting) = (made(), made());
    for_connecting.set_tcp_nodelay(true).unwrap();
    subject.block_on(async {
        // They block so far: connecting would hold the loop up.
        let socket = TcpSocket::from_fd(for_listening).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(&reactor, 8).unwrap();
        let socket = TcpSocket::from_fd(std::net::TcpStream::from(for_connecting)).unwrap();
        let connecting = socket.connect(&reactor, listener.local_addr().unwrap());
        let (client, (mut server, _)) = try_join(connecting, listener.accept()).await.unwrap();
        assert!(client.nodelay().unwrap());
        drop(client);
        assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
    });
}

pub fn an_address_of_the_other_version_is_refused(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let v6 = "[::1]:9".parse().unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(v6).unwrap_err();
    subject.block_on(socket.connect(&reactor, v6)).unwrap_err();
}

pub fn a_socket_shows_its_addresses(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let listener = listen(&reactor);
        let addr = listener.local_addr().unwrap().to_string();
        assert!(format!("{listener:?}").starts_with("TcpListener"), "{listener:?}");
        assert!(format!("{listener:?}").contains(&addr), "{listener:?}");
        let client = TcpStream::connect(&reactor, listener.local_addr().unwrap())
            .await
            .unwrap();
        let own = client.local_addr().unwrap().to_string();
        let shown = format!("{client:?}");
        assert!(shown.contains(&addr) && shown.contains(&own), "{shown}");
        let (reader, writer) = client.into_split();
        for shown in [format!("{reader:?}"), format!("{writer:?}")] {
            assert!(shown.contains(&own), "{shown}");
        }
    });
}

pub fn a_port_is_taken_once(subject: AnySubject) {
    let reactor = subject.reactor();
    for (socket, addr) in sockets() {
        socket.bind(addr).unwrap();
        let taken = socket.local_addr().unwrap();
        let _listener = socket.listen(&reactor, 8).unwrap();
        for _ in 0..2 {
            let error = TcpListener::bind(&reactor, taken).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        }
        let socket = TcpSocket::for_addr(taken).unwrap();
        assert_eq!(socket.bind(taken).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
