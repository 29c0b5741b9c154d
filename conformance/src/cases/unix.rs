//! Connections within one machine: by paths, by abstract names, and in pairs.

use std::{
    io::{self, IoSlice},
    net::Shutdown,
    path::Path,
    sync::Arc,
};

use futures_util::{
    future::{join, try_join, try_join_all},
    io::{AsyncReadExt, AsyncWriteExt},
    poll,
};
use interloop::{
    Reactor,
    net::{UnixListener, UnixStream},
};

use crate::{
    AnySubject, Subject,
    tools::{TempPath, full, parked, spawn_parked},
};

fn pair(reactor: &Reactor) -> (UnixStream, UnixStream) {
    UnixStream::pair(reactor).unwrap()
}

pub fn bytes_arrive_in_both_directions(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    let listener = UnixListener::bind(&reactor, &path).unwrap();
    subject.block_on(async {
        let connecting = UnixStream::connect(&reactor, &path);
        let (mut client, (mut server, _)) = try_join(connecting, listener.accept()).await.unwrap();
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
    let path = TempPath::new();
    let listener = UnixListener::bind(&reactor, &path).unwrap();
    subject.block_on(async {
        let client = UnixStream::connect(&reactor, &path).await.unwrap();
        let (server, peer) = listener.accept().await.unwrap();
        let is_path = |addr: std::os::unix::net::SocketAddr| addr.as_pathname() == Some(path.as_ref());
        assert!(is_path(listener.local_addr().unwrap()));
        assert!(is_path(client.peer_addr().unwrap()));
        assert!(is_path(server.local_addr().unwrap()));
        assert!(peer.is_unnamed());
        assert!(client.local_addr().unwrap().is_unnamed());
        assert!(server.peer_addr().unwrap().is_unnamed());
        assert!(pair(&reactor).0.peer_addr().unwrap().is_unnamed());
    });
}

pub fn an_abstract_name_needs_no_file(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let _ = (&reactor, &mut subject);
    #[cfg(target_os = "linux")]
    {
        use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};

        let name = TempPath::new().as_ref().as_os_str().as_encoded_bytes().to_owned();
        let addr = SocketAddr::from_abstract_name(&name).unwrap();
        let listener = UnixListener::bind_addr(&reactor, &addr).unwrap();
        let taken = UnixListener::bind_addr(&reactor, &addr).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        subject.block_on(async {
            let connecting = UnixStream::connect_addr(&reactor, &addr);
            let (client, (mut server, _)) = try_join(connecting, listener.accept()).await.unwrap();
            for seen in [listener.local_addr(), client.peer_addr(), server.local_addr()] {
                assert_eq!(seen.unwrap().as_abstract_name(), Some(&*name));
            }
            drop(client);
            assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
            drop((listener, server));
            // The name has ended with the last that had it.
            UnixListener::bind_addr(&reactor, &addr).unwrap();
        });
    }
}

pub fn a_path_that_is_taken_is_refused(subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    drop(UnixListener::bind(&reactor, &path).unwrap());
    // The socket has stayed there.
    let error = UnixListener::bind(&reactor, &path).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    std::fs::remove_file(&path).unwrap();
    UnixListener::bind(&reactor, &path).unwrap();
}

pub fn a_connection_to_nobody_fails(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    let kind = |subject: &mut _, path: &Path| {
        let connecting = Subject::block_on(subject, UnixStream::connect(&reactor, path));
        connecting.unwrap_err().kind()
    };
    assert_eq!(kind(&mut subject, path.as_ref()), io::ErrorKind::NotFound);
    drop(UnixListener::bind(&reactor, &path).unwrap());
    assert_eq!(kind(&mut subject, path.as_ref()), io::ErrorKind::ConnectionRefused);
    assert_eq!(kind(&mut subject, Path::new("")), io::ErrorKind::InvalidInput);
    let too_long = "x".repeat(200);
    assert_eq!(kind(&mut subject, Path::new(&too_long)), io::ErrorKind::InvalidInput);
}

pub fn a_connection_waits_while_too_many_wait(mut subject: AnySubject) {
    if !cfg!(target_os = "linux") {
        println!("this system refuses such connections, so there is nothing to check");
        return;
    }
    let reactor = subject.reactor();
    let path = TempPath::new();
    let (listener, waiting) = full(&path);
    subject.block_on(async {
        let (waits, connecting) = parked(UnixStream::connect(&reactor, &path));
        let given_up = UnixStream::connect(&reactor, &path);
        let accepting = async {
            waits.await.unwrap();
            assert!(poll!(Box::pin(given_up)).is_pending());
            let listener = UnixListener::from_std(&reactor, listener).unwrap();
            for _ in &waiting {
                listener.accept().await.unwrap();
            }
            listener.accept().await.unwrap().0
        };
        let (client, mut server) = join(connecting, accepting).await;
        client.unwrap().write_all(b"!").await.unwrap();
        assert_eq!(server.read(&mut [0]).await.unwrap(), 1);
    });
}

pub fn a_connection_that_waits_ends_with_its_listener(mut subject: AnySubject) {
    if !cfg!(target_os = "linux") {
        println!("this system refuses such connections, so there is nothing to check");
        return;
    }
    let reactor = subject.reactor();
    let path = TempPath::new();
    let (listener, _waiting) = full(&path);
    subject.block_on(async {
        let (waits, connecting) = parked(UnixStream::connect(&reactor, &path));
        let (client, ()) = join(connecting, async {
            waits.await.unwrap();
            drop(listener);
        })
        .await;
        assert_eq!(client.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    });
}

pub fn two_tasks_accept_on_one_listener(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for _ in 0..20 {
        let path = TempPath::new();
        let listener = Arc::new(UnixListener::bind(&reactor, &path).unwrap());
        let (waiting, accepting) = spawn_parked(&reactor, 2, || {
            let listener = listener.clone();
            async move { listener.accept().await }
        });
        subject.block_on(async {
            try_join_all(waiting).await.unwrap();
            let connecting = (0..2).map(|_| UnixStream::connect(&reactor, &path));
            try_join_all(connecting).await.unwrap();
            try_join_all(accepting).await.unwrap();
        });
    }
}

pub fn an_accept_that_is_given_up_loses_no_connection(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    let listener = UnixListener::bind(&reactor, &path).unwrap();
    subject.block_on(async {
        for round in 0..50_u8 {
            let mut accept = Box::pin(listener.accept());
            assert!(poll!(&mut accept).is_pending());
            drop(accept);
            let mut client = UnixStream::connect(&reactor, &path).await.unwrap();
            client.write_all(&[round]).await.unwrap();
            let mut received = [0];
            let (mut server, _) = listener.accept().await.unwrap();
            server.read_exact(&mut received).await.unwrap();
            assert_eq!(received, [round]);
        }
    });
}

pub fn the_peer_is_known(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    let listener = UnixListener::bind(&reactor, &path).unwrap();
    subject.block_on(async {
        let connecting = UnixStream::connect(&reactor, &path);
        let (client, (server, _)) = try_join(connecting, listener.accept()).await.unwrap();
        for stream in [client, server] {
            let peer = stream.peer_cred().unwrap();
            assert_eq!(peer.uid(), rustix::process::geteuid().as_raw());
            assert_eq!(peer.gid(), rustix::process::getegid().as_raw());
            if cfg!(target_os = "linux") {
                assert_eq!(peer.pid(), Some(std::process::id() as i32));
            }
        }
    });
}

pub fn closing_ends_one_direction(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut one, mut other) = pair(&reactor);
        one.write_all(b"question").await.unwrap();
        one.close().await.unwrap();
        let mut received = Vec::new();
        other.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"question");
        other.write_all(b"answer").await.unwrap();
        drop(other);
        received.clear();
        one.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"answer");
        one.close().await.unwrap();
        one.shutdown(Shutdown::Both).unwrap();
    });
}

pub fn writing_to_a_closed_end_fails(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut one, other) = pair(&reactor);
        drop(other);
        let error = one.write(b"!").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        let error = one.write_vectored(&[IoSlice::new(b"!")]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    });
}
