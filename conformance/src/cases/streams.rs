//! Connections: what is seen and tried without waiting, their options, and their ends in the middle of something.

use std::{
    io::{self, IoSlice, IoSliceMut, Read},
    net::Shutdown,
    sync::Arc,
    time::Duration,
};

use futures_util::{
    future::{join, try_join},
    io::{AsyncReadExt, AsyncWriteExt, copy, sink},
    poll,
};
use interloop::net::{Keepalive, TcpStream, UnixStream};

use crate::{
    AnySubject, Subject,
    tools::{StreamSocket, connection, parked},
};

/// More than a connection has room for.
const MEGABYTES: usize = 64 << 20;

const RESET: [io::ErrorKind; 2] = [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset];

fn reset(stream: TcpStream) {
    stream.set_linger(Some(Duration::ZERO)).unwrap();
}

pub fn peeking_takes_nothing(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut client, mut server) = connection(&reactor).await;
        let mut buf = [0; 8];
        let (waits, peek) = parked(server.peek(&mut buf));
        let (seen, ()) = join(peek, async {
            waits.await.unwrap();
            client.write_all(b"ping").await.unwrap();
        })
        .await;
        assert_eq!(seen.unwrap(), 4);
        assert_eq!(server.peek(&mut [0; 2]).await.unwrap(), 2);
        buf = [0; 8];
        assert_eq!(server.read(&mut buf).await.unwrap(), 4);
        assert_eq!(&buf[..4], b"ping");
        // Nothing is there now; and then the end.
        assert!(poll!(Box::pin(server.peek(&mut [0]))).is_pending());
        client.close().await.unwrap();
        assert_eq!(server.peek(&mut [0]).await.unwrap(), 0);
        assert_eq!(server.peek(&mut [0]).await.unwrap(), 0);
    });
}

pub fn readiness_to_read_is_waited_for(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut client, server) = connection(&reactor).await;
        for _ in 0..20 {
            assert!(poll!(Box::pin(server.readable())).is_pending());
            let error = server.try_read(&mut [0]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
            let (waits, readable) = parked(server.readable());
            let (readable, ()) = join(readable, async {
                waits.await.unwrap();
                client.write_all(b"ping").await.unwrap();
            })
            .await;
            readable.unwrap();
            // Until it was used up.
            server.readable().await.unwrap();
            assert_eq!(server.try_read(&mut [0; 3]).unwrap(), 3);
            server.readable().await.unwrap();
            assert_eq!(server.try_read(&mut [0; 3]).unwrap(), 1);
        }
        client.close().await.unwrap();
        server.readable().await.unwrap();
        assert_eq!(server.try_read(&mut [0]).unwrap(), 0);
    });
}

pub fn a_reset_is_readiness_to_read_and_to_write(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (client, server) = connection(&reactor).await;
        let (waits, readable) = parked(server.readable());
        let (readable, ()) = join(readable, async {
            waits.await.unwrap();
            reset(client);
        })
        .await;
        readable.unwrap();
        server.writable().await.unwrap();
        let error = server.try_read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        let error = server.try_write(&[0]).unwrap_err();
        assert!(RESET.contains(&error.kind()), "{error}");
    });
}

pub fn readiness_to_write_is_waited_for(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (client, mut server) = connection(&reactor).await;
        client.writable().await.unwrap();
        let write = async {
            let mut written = 0;
            while written < MEGABYTES {
                client.writable().await?;
                match client.try_write(&[7; 1 << 16]) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    result => written += result?,
                }
            }
            client.shutdown(Shutdown::Write)?;
            Ok::<_, io::Error>(written)
        };
        // Nothing is read until there is no more room.
        let (waits, write) = parked(write);
        let read = async {
            waits.await.unwrap();
            copy(&mut server, &mut sink()).await
        };
        let (written, received) = try_join(write, read).await.unwrap();
        assert_eq!(written as u64, received);
    });
}

pub fn trying_moves_several_buffers_at_once(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (client, server) = connection(&reactor).await;
        let bufs = [IoSlice::new(b""), IoSlice::new(b"one"), IoSlice::new(b" two")];
        assert_eq!(client.try_write_vectored(&bufs).unwrap(), 7);
        server.readable().await.unwrap();
        let (mut first, mut second) = ([0; 3], [0; 16]);
        let mut bufs = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!(server.try_read_vectored(&mut bufs).unwrap(), 7);
        assert_eq!((&first, &second[..4]), (b"one", b" two".as_slice()));
    });
}

pub fn more_buffers_than_the_system_takes_are_moved(mut subject: AnySubject) {
    async fn check<S: StreamSocket>((mut client, mut server): (S, S)) {
        // The first thousands are empty, which is not the end.
        let mut bufs = vec![IoSlice::new(b""); 3000];
        bufs.extend(vec![IoSlice::new(b"ab"); 3000]);
        let mut written = 0;
        while written < 6000 {
            let first = 3000 + written / 2;
            assert_eq!(written % 2, 0, "small buffers are taken whole");
            let begin = if written == 0 { 0 } else { first };
            let moved = client.write_vectored(&bufs[begin..]).await.unwrap();
            assert!(moved > 0);
            written += moved;
        }
        client.close().await.unwrap();
        let mut received = vec![[0]; 7000];
        let mut read = 0;
        loop {
            let mut bufs = received[read..].iter_mut().map(|buf| IoSliceMut::new(buf));
            match server
                .read_vectored(&mut bufs.by_ref().collect::<Vec<_>>())
                .await
                .unwrap()
            {
                0 => break,
                moved => read += moved,
            }
        }
        assert_eq!(received[..read].concat(), b"ab".repeat(3000));
    }
    let reactor = subject.reactor();
    subject.block_on(async {
        check(connection(&reactor).await).await;
        check(UnixStream::pair(&reactor).unwrap()).await;
    });
}

pub fn options_are_set_and_read(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (client, _server) = connection(&reactor).await;
        assert!(!client.keepalive().unwrap());
        let keepalive = Keepalive::new()
            .idle(Duration::from_secs(60))
            .interval(Duration::from_millis(1))
            .probes(3);
        client.set_keepalive(Some(keepalive)).unwrap();
        assert!(client.keepalive().unwrap());
        let socket = socket2::SockRef::from(&client);
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(60));
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(1));
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 3);
        client.set_keepalive(None).unwrap();
        assert!(!client.keepalive().unwrap());

        assert_eq!(client.linger().unwrap(), None);
        client.set_linger(Some(Duration::from_secs(1))).unwrap();
        assert_eq!(client.linger().unwrap(), Some(Duration::from_secs(1)));
        client.set_linger(None).unwrap();
        assert_eq!(client.linger().unwrap(), None);

        client.set_ttl(42).unwrap();
        assert_eq!(client.ttl().unwrap(), 42);
        client.set_send_buffer_size(1 << 15).unwrap();
        assert!(client.send_buffer_size().unwrap() >= 1 << 15);
        client.set_recv_buffer_size(1 << 15).unwrap();
        assert!(client.recv_buffer_size().unwrap() >= 1 << 15);
        assert!(client.take_error().unwrap().is_none());
    });
}

pub fn a_connection_is_given_to_std_and_back(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (client, mut server) = connection(&reactor).await;
        server.write_all(b"ping").await.unwrap();
        client.readable().await.unwrap();
        let mut std_stream = client.into_std().unwrap();
        let mut received = [0; 4];
        std_stream.read_exact(&mut received).unwrap();
        assert_eq!(&received, b"ping");
        let error = std_stream.read(&mut received).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        let mut client = TcpStream::from_std(&reactor, std_stream).unwrap();
        client.write_all(b"pong").await.unwrap();
        server.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"pong");
        // It is closed once, at the end.
        drop(client.into_std().unwrap());
        assert_eq!(server.read(&mut received).await.unwrap(), 0);
    });
}

pub fn a_peer_that_never_reads_holds_up_the_writer_alone(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (client, mut server) = subject.block_on(connection(&reactor));
    let client = Arc::new(client);
    let (waits, write) = parked({
        let client = client.clone();
        async move { (&*client).write_all(&vec![7; MEGABYTES]).await }
    });
    let writing = reactor.spawn(write);
    subject.block_on(async {
        waits.await.unwrap();
        // The other direction, and other connections, go on.
        server.write_all(b"!").await.unwrap();
        (&*client).read_exact(&mut [0]).await.unwrap();
        let (mut one, mut other) = connection(&reactor).await;
        one.write_all(b"!").await.unwrap();
        other.read_exact(&mut [0]).await.unwrap();
        // It can be given up, and what was written is read.
        writing.cancel();
        writing.await.unwrap_err();
        client.shutdown(Shutdown::Write).unwrap();
        let received = copy(&mut server, &mut sink()).await.unwrap();
        assert!((1..MEGABYTES as u64).contains(&received));
    });
}

pub fn a_reset_in_the_middle_of_a_write_fails_it(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (mut client, server) = subject.block_on(connection(&reactor));
    let (waits, write) = parked(async move { client.write_all(&vec![7; MEGABYTES]).await });
    let writing = reactor.spawn(write);
    subject.block_on(async {
        waits.await.unwrap();
        reset(server);
        let error = writing.await.unwrap_err();
        assert!(RESET.contains(&error.kind()), "{error}");
    });
}

pub fn a_reset_ends_all_that_wait(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (client, server) = subject.block_on(connection(&reactor));
    let client = Arc::new(client);
    let (write_waits, write) = parked({
        let client = client.clone();
        async move { (&*client).write_all(&vec![7; MEGABYTES]).await }
    });
    let (read_waits, read) = parked(async move { (&*client).read(&mut [0]).await });
    let (writing, reading) = (reactor.spawn(write), reactor.spawn(read));
    subject.block_on(async {
        try_join(write_waits, read_waits).await.unwrap();
        reset(server);
        // The error is told to one of them at least; then the connection is at its end.
        let (written, read) = join(writing, reading).await;
        assert!(RESET.contains(&written.unwrap_err().kind()));
        match read {
            Ok(moved) => assert_eq!(moved, 0),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
        }
    });
}

pub fn ending_the_reading_direction_wakes_the_reader(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (client, _server) = subject.block_on(connection(&reactor));
    let client = Arc::new(client);
    let (waits, read) = parked({
        let client = client.clone();
        async move { (&*client).read(&mut [0]).await }
    });
    let reading = reactor.spawn(read);
    subject.block_on(async {
        waits.await.unwrap();
        client.shutdown(Shutdown::Read).unwrap();
        assert_eq!(reading.await.unwrap(), 0);
    });
}

pub fn writing_after_closing_fails(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut client, _server) = connection(&reactor).await;
        client.close().await.unwrap();
        let error = client.write_all(b"!").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        let error = client.try_write(b"!").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    });
}
