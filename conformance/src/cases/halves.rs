//! The two directions of a connection, each by itself: one text, on TCP and within one machine.

use std::{
    io::{self, IoSlice, IoSliceMut},
    net::Shutdown,
    os::fd::AsRawFd,
};

use futures_util::{
    future::try_join,
    io::{AsyncReadExt, AsyncWriteExt, copy, sink},
};
use interloop::{
    Reactor,
    net::{TcpStream, UnixStream},
};
use socket2::SockRef;

use crate::{
    AnySubject, Subject,
    tools::{StreamSocket, connection, parked},
};

/// More than a connection has room for.
const MEGABYTES: usize = 16 << 20;

/// Both ends of a connection of each kind.
type Pairs = ((TcpStream, TcpStream), (UnixStream, UnixStream));

fn pairs(subject: &mut impl Subject) -> Pairs {
    let reactor = subject.reactor();
    let tcp = subject.block_on(connection(&reactor));
    (tcp, UnixStream::pair(&reactor).unwrap())
}

pub fn borrowed_halves_are_used_at_once(mut subject: AnySubject) {
    async fn check<S: StreamSocket>((client, server): (S, S)) {
        let (mut client_reads, mut client_writes) = client.split_ref();
        let (mut server_reads, mut server_writes) = server.split_ref();
        let echo = async {
            copy(&mut server_reads, &mut server_writes).await?;
            server_writes.close().await
        };
        let write = async {
            client_writes.write_all(&vec![7; MEGABYTES]).await?;
            client_writes.close().await
        };
        let mut sink = sink();
        let read = copy(&mut client_reads, &mut sink);
        let ((), ((), received)) = try_join(echo, try_join(write, read)).await.unwrap();
        assert_eq!(received, MEGABYTES as u64);
        // The connection is whole.
        drop(server);
        SockRef::from(&client).local_addr().unwrap();
    }
    let (tcp, unix) = pairs(&mut subject);
    subject.block_on(check(tcp));
    subject.block_on(check(unix));
}

pub fn dropping_borrowed_halves_ends_nothing(mut subject: AnySubject) {
    async fn check<S: StreamSocket>((mut client, mut server): (S, S)) {
        {
            let _halves = client.split_ref();
        }
        client.write_all(b"!").await.unwrap();
        server.read_exact(&mut [0]).await.unwrap();
        server.write_all(b"!").await.unwrap();
        client.read_exact(&mut [0]).await.unwrap();
    }
    let (tcp, unix) = pairs(&mut subject);
    subject.block_on(check(tcp));
    subject.block_on(check(unix));
}

pub fn owned_halves_go_to_tasks_of_their_own(mut subject: AnySubject) {
    async fn check<S: StreamSocket>(reactor: &Reactor, (client, server): (S, S)) {
        let (mut reads, mut writes) = server.into_split();
        let echoing = reactor.spawn(async move { copy(&mut reads, &mut writes).await });
        let (mut reads, mut writes) = client.into_split();
        let writing = reactor.spawn(async move { writes.write_all(&vec![7; MEGABYTES]).await });
        let reading = reactor.spawn(async move { copy(&mut reads, &mut sink()).await });
        writing.await.unwrap();
        assert_eq!(echoing.await.unwrap(), MEGABYTES as u64);
        assert_eq!(reading.await.unwrap(), MEGABYTES as u64);
    }
    let reactor = subject.reactor();
    let (tcp, unix) = pairs(&mut subject);
    subject.block_on(check(&reactor, tcp));
    subject.block_on(check(&reactor, unix));
}

pub fn dropping_the_half_that_writes_ends_its_direction(mut subject: AnySubject) {
    async fn check<S: StreamSocket>((client, mut server): (S, S)) {
        let (mut reads, mut writes) = client.into_split();
        writes.write_all(b"question").await.unwrap();
        drop(writes);
        let mut received = Vec::new();
        server.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"question");
        // The other direction goes on.
        server.write_all(b"answer").await.unwrap();
        drop(server);
        received.clear();
        reads.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"answer");
    }
    let (tcp, unix) = pairs(&mut subject);
    subject.block_on(check(tcp));
    subject.block_on(check(unix));
}

pub fn dropping_the_half_that_reads_ends_nothing(mut subject: AnySubject) {
    async fn check<S: StreamSocket>((client, mut server): (S, S)) {
        let (reads, mut writes) = client.into_split();
        drop(reads);
        server.write_all(b"nobody reads this").await.unwrap();
        writes.write_all(b"!").await.unwrap();
        server.read_exact(&mut [0]).await.unwrap();
        writes.close().await.unwrap();
        assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
    }
    let (tcp, unix) = pairs(&mut subject);
    subject.block_on(check(tcp));
    subject.block_on(check(unix));
}

pub fn forgetting_the_half_that_writes_ends_nothing(mut subject: AnySubject) {
    async fn check<S: StreamSocket>(reactor: &Reactor, (client, mut server): (S, S)) {
        let (mut reads, writes) = client.into_split();
        writes.forget();
        let (waits, read) = parked(async move { server.read(&mut [0]).await });
        let reading = reactor.spawn(read);
        waits.await.unwrap();
        // Nothing has ended: this end still writes, by what both halves have.
        rustix::io::write(reads.as_ref(), b"!").unwrap();
        assert_eq!(reading.await.unwrap(), 1);
        assert_eq!(reads.read(&mut [0]).await.unwrap(), 0, "the other end was dropped");
    }
    let reactor = subject.reactor();
    let (tcp, unix) = pairs(&mut subject);
    subject.block_on(check(&reactor, tcp));
    subject.block_on(check(&reactor, unix));
}

pub fn dropping_both_halves_closes_the_connection(mut subject: AnySubject) {
    async fn check<S: StreamSocket>(reactor: &Reactor, reads_first: bool, (client, mut server): (S, S)) {
        let (reads, writes) = client.into_split();
        let (waits, read) = parked(async move {
            assert_eq!(server.read(&mut [0]).await?, 0);
            // Refused by a connection that is closed, as soon as that has been told.
            while let Ok(()) = server.write_all(&[0; 1024]).await {}
            server.write_all(&[0]).await
        });
        let reading = reactor.spawn(read);
        waits.await.unwrap();
        if reads_first {
            drop(reads);
            drop(writes);
        } else {
            drop(writes);
            drop(reads);
        }
        let error = reading.await.unwrap_err();
        let kinds = [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset];
        assert!(kinds.contains(&error.kind()), "{error}");
    }
    let reactor = subject.reactor();
    for reads_first in [false, true] {
        let (tcp, unix) = pairs(&mut subject);
        subject.block_on(check(&reactor, reads_first, tcp));
        subject.block_on(check(&reactor, reads_first, unix));
    }
}

pub fn halves_are_put_together_again(mut subject: AnySubject) {
    async fn check<S: StreamSocket>((client, mut server): (S, S)) -> S {
        let number = client.as_fd().as_raw_fd();
        let (reads, writes) = client.into_split();
        assert_eq!(reads.as_ref().as_fd().as_raw_fd(), number);
        let client = reads.reunite(writes).unwrap();
        let (reads, writes) = client.into_split();
        let mut client = writes.reunite(reads).unwrap();
        // No direction has ended meanwhile.
        client.write_all(b"!").await.unwrap();
        server.read_exact(&mut [0]).await.unwrap();
        server.write_all(b"!").await.unwrap();
        client.read_exact(&mut [0]).await.unwrap();
        assert_eq!(client.as_fd().as_raw_fd(), number);
        client
    }
    let (tcp, unix) = pairs(&mut subject);
    subject.block_on(check(tcp)).shutdown(Shutdown::Both).unwrap();
    subject.block_on(check(unix)).shutdown(Shutdown::Both).unwrap();
}

pub fn halves_of_two_connections_are_not_put_together(mut subject: AnySubject) {
    async fn check<S: StreamSocket>((client, server): (S, S)) {
        let (client_reads, client_writes) = client.into_split();
        let (server_reads, server_writes) = server.into_split();
        let error = client_reads.reunite(server_writes).unwrap_err();
        // They are as they were.
        let (client_reads, server_writes) = (error.0, error.1);
        let mut client = client_reads.reunite(client_writes).unwrap();
        let mut server = server_writes.reunite(server_reads).unwrap();
        server.write_all(b"!").await.unwrap();
        client.read_exact(&mut [0]).await.unwrap();
    }
    let (tcp, unix) = pairs(&mut subject);
    subject.block_on(check(tcp));
    subject.block_on(check(unix));
}

pub fn halves_move_several_buffers_at_once(mut subject: AnySubject) {
    async fn check<S: StreamSocket>((client, server): (S, S)) {
        let (_, mut writes) = client.split_ref();
        let (mut reads, _server_writes) = server.into_split();
        let bufs = [IoSlice::new(b"on"), IoSlice::new(b""), IoSlice::new(b"e two")];
        assert_eq!(writes.write_vectored(&bufs).await.unwrap(), 7);
        let mut seen = [0; 3];
        assert_eq!(reads.peek(&mut seen).await.unwrap(), 3);
        let (mut first, mut second) = ([0; 3], [0; 16]);
        let mut bufs = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!(reads.read_vectored(&mut bufs).await.unwrap(), 7);
        assert_eq!((&seen, &first, &second[..4]), (b"one", b"one", b" two".as_slice()));
    }
    let (tcp, unix) = pairs(&mut subject);
    subject.block_on(check(tcp));
    subject.block_on(check(unix));
}
