//! Listeners within one machine, and the stream of what they accept.

use std::{io, sync::Arc};

use futures_util::{
    StreamExt, TryStreamExt,
    future::{try_join, try_join_all},
    io::{AsyncReadExt, AsyncWriteExt},
    poll,
    stream::select,
};
use interloop::net::{Incoming, UnixListener, UnixStream};
use socket2::{Domain, SockAddr, Socket, Type};

use super::accept::greet_two;
use crate::{AnySubject, Subject, tools::TempPath};

pub fn incoming_connections_are_a_stream(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    let listener = UnixListener::bind(&reactor, &path).unwrap();
    subject.block_on(async {
        let mut incoming = listener.incoming();
        for _ in 0..20 {
            let connecting = UnixStream::connect(&reactor, &path);
            let (client, accepted) = try_join(connecting, incoming.try_next()).await.unwrap();
            let (mut server, peer) = accepted.unwrap();
            assert!(peer.is_unnamed());
            drop(client);
            assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
        }
        assert!(poll!(incoming.next()).is_pending());
    });
}

pub fn a_stream_of_connections_owns_its_listener(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    let listener = UnixListener::bind(&reactor, &path).unwrap();
    let serving = reactor.spawn(greet_two(listener.into_incoming()));
    subject.block_on(async {
        for _ in 0..2 {
            let mut client = UnixStream::connect(&reactor, &path).await.unwrap();
            client.read_exact(&mut [0]).await.unwrap();
        }
        let listener = serving.await.unwrap();
        assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(path.as_ref()));
    });
}

pub fn two_streams_of_connections_share_a_listener(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    subject.block_on(async {
        let listener = Arc::new(UnixListener::bind(&reactor, &path).unwrap());
        let both = select(Incoming::new(listener.clone()), Incoming::new(listener));
        let connecting = (0..20).map(|_| UnixStream::connect(&reactor, &path));
        let accepting = both.take(20).try_collect::<Vec<_>>();
        let (clients, accepted) = try_join(try_join_all(connecting), accepting).await.unwrap();
        assert_eq!((clients.len(), accepted.len()), (20, 20));
    });
}

pub fn a_next_connection_that_is_given_up_is_not_lost(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    subject.block_on(async {
        let listener = UnixListener::bind(&reactor, &path).unwrap();
        let mut incoming = listener.incoming();
        for round in 0..50_u8 {
            assert!(poll!(incoming.next()).is_pending());
            let mut client = UnixStream::connect(&reactor, &path).await.unwrap();
            client.write_all(&[round]).await.unwrap();
            let (mut server, _) = incoming.next().await.unwrap().unwrap();
            let mut byte = [0];
            server.read_exact(&mut byte).await.unwrap();
            assert_eq!(byte, [round]);
        }
        let mut incoming = listener.incoming();
        assert!(poll!(incoming.next()).is_pending());
        let _client = UnixStream::connect(&reactor, &path).await.unwrap();
        drop(incoming);
        listener.accept().await.unwrap();
    });
}

pub fn connections_that_have_ended_do_not_end_the_stream(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    subject.block_on(async {
        let listener = UnixListener::bind(&reactor, &path).unwrap();
        for _ in 0..40 {
            drop(UnixStream::connect(&reactor, &path).await.unwrap());
        }
        let mut client = UnixStream::connect(&reactor, &path).await.unwrap();
        client.write_all(b"!").await.unwrap();
        let mut incoming = listener.incoming();
        // Systems accept the others, or leave them out.
        loop {
            let (mut server, _) = incoming.next().await.unwrap().unwrap();
            if server.read(&mut [0]).await.is_ok_and(|read| read == 1) {
                break;
            }
        }
    });
}

pub fn a_listener_that_fails_ends_its_stream(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    // It does not listen.
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    socket.bind(&SockAddr::unix(&path).unwrap()).unwrap();
    let listener = UnixListener::from_std(&reactor, socket.into()).unwrap();
    subject.block_on(async {
        let mut incoming = listener.incoming();
        let error = incoming.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(incoming.next().await.is_none());
        assert!(incoming.next().await.is_none());
    });
}
