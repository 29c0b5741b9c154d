//! Datagrams of one machine: where they came from, looked at, and until there is no room.

use std::io;

use interloop::net::UnixDatagram;

use crate::{AnySubject, Subject, tools::TempPath};

pub fn a_datagram_is_answered_to_where_it_came_from(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (here, there) = (TempPath::new(), TempPath::new());
    let client = UnixDatagram::bind(&reactor, &here).unwrap();
    let server = UnixDatagram::bind(&reactor, &there).unwrap();
    let serving = reactor.spawn(async move {
        let mut buf = [0; 16];
        for _ in 0..2 {
            let (length, sender) = server.recv_from(&mut buf).await?;
            server
                .send_to(&buf[..length], sender.as_pathname().expect("a path"))
                .await?;
        }
        // By the address itself.
        let (length, sender) = server.recv_from(&mut buf).await?;
        server.connect_addr(&sender)?;
        server.send(&buf[..length]).await
    });
    subject.block_on(async {
        client.connect(&there).unwrap();
        let mut buf = [0; 16];
        for _ in 0..3 {
            client.send(b"ECHO").await.unwrap();
            let (length, sender) = client.recv_from(&mut buf).await.unwrap();
            assert_eq!(&buf[..length], b"ECHO");
            assert_eq!(sender.as_pathname(), Some(there.as_ref()));
        }
        serving.await.unwrap();
    });
}

pub fn a_datagram_socket_is_connected_to_another(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let paths = [TempPath::new(), TempPath::new()];
    let receivers = paths.each_ref().map(|path| UnixDatagram::bind(&reactor, path).unwrap());
    let sender = UnixDatagram::unbound(&reactor).unwrap();
    subject.block_on(async {
        for (path, receiver) in paths.iter().zip(&receivers) {
            sender.connect(path).unwrap();
            sender.send(b"hello there").await.unwrap();
            let (length, from) = receiver.recv_from(&mut [0; 16]).await.unwrap();
            assert!(length == 11 && from.is_unnamed());
        }
    });
}

pub fn peeking_leaves_the_datagram(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    let receiver = UnixDatagram::bind(&reactor, &path).unwrap();
    let sender = UnixDatagram::unbound(&reactor).unwrap();
    sender.connect(&path).unwrap();
    subject.block_on(async {
        let mut buf = [0; 16];
        assert_eq!(
            receiver.try_peek(&mut buf).unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
        sender.send(b"hello world").await.unwrap();
        for _ in 0..3 {
            assert_eq!(receiver.peek(&mut buf).await.unwrap(), 11);
            assert_eq!(receiver.peek_from(&mut buf).await.unwrap().0, 11);
            assert_eq!(receiver.try_peek_from(&mut buf).unwrap().0, 11);
        }
        assert_eq!(receiver.recv(&mut buf).await.unwrap(), 11);
        assert_eq!(&buf[..11], b"hello world");
    });
}

pub fn a_datagram_socket_is_filled_and_emptied_without_waiting(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (one, other) = UnixDatagram::pair(&reactor).unwrap();
        one.writable().await.unwrap();
        let mut sent = 0;
        let full = loop {
            match one.try_send(b"PAYLOAD") {
                Ok(length) => assert_eq!(length, 7),
                Err(error) => break error,
            }
            sent += 1;
        };
        // Some systems say that they have no buffers.
        let is_full = full.kind() == io::ErrorKind::WouldBlock || !cfg!(target_os = "linux");
        assert!(is_full, "{full}");
        let mut buf = [0; 16];
        for _ in 0..sent {
            other.readable().await.unwrap();
            assert_eq!(other.try_recv(&mut buf).unwrap(), 7);
            assert_eq!(&buf[..7], b"PAYLOAD");
        }
        assert_eq!(other.try_recv(&mut buf).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    });
}
