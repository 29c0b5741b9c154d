//! Bytes on a connection: all of them arrive, whoever reads, however little at a time.

use std::{io, pin::Pin, sync::Arc, task::Poll};

use futures_util::{
    future::{join, poll_fn, select_all, try_join_all},
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    poll,
};
use interloop::{Reactor, net::TcpStream};
use socket2::SockRef;

use crate::{
    AnySubject, Subject,
    tools::{Numbers, byte_at, connection, parked, spawn_parked, yield_now},
};

async fn write_bytes(mut stream: &TcpStream, len: usize) -> io::Result<()> {
    let bytes = (0..len).map(byte_at).collect::<Vec<_>>();
    stream.write_all(&bytes).await
}

async fn read_bytes(mut stream: &TcpStream, len: usize) -> io::Result<()> {
    let mut buf = vec![0; 64 * 1024];
    let mut place = 0;
    while place < len {
        let read = stream.read(&mut buf).await?;
        assert_ne!(read, 0, "the end came after {place} of {len} bytes");
        for byte in &buf[..read] {
            assert_eq!(*byte, byte_at(place), "at {place}");
            place += 1;
        }
    }
    assert_eq!(place, len);
    Ok(())
}

/// A connection that holds little between its ends.
async fn narrow_connection(reactor: &Reactor) -> (Arc<TcpStream>, Arc<TcpStream>) {
    let (client, server) = connection(reactor).await;
    for end in [&client, &server] {
        SockRef::from(end).set_send_buffer_size(32 * 1024).unwrap();
        SockRef::from(end).set_recv_buffer_size(32 * 1024).unwrap();
    }
    (Arc::new(client), Arc::new(server))
}

pub fn megabytes_move_in_both_directions_at_once(mut subject: AnySubject) {
    const LEN: usize = 8 * 1024 * 1024;

    let reactor = subject.reactor();
    let (client, server) = subject.block_on(narrow_connection(&reactor));
    let (waiting, writing): (Vec<_>, Vec<_>) = [client.clone(), server.clone()]
        .map(|end| {
            let (waits, write) = parked(async move { write_bytes(&end, LEN).await });
            (waits, reactor.spawn(write))
        })
        .into_iter()
        .unzip();
    // Nobody reads until both are full.
    subject.block_on(try_join_all(waiting)).unwrap();
    let reading = [client, server].map(|end| reactor.spawn(async move { read_bytes(&end, LEN).await }));
    subject.block_on(async {
        try_join_all(reading).await.unwrap();
        try_join_all(writing).await.unwrap();
    });
}

pub fn one_task_reads_while_another_writes(mut subject: AnySubject) {
    const LEN: usize = 256 * 1024;

    let reactor = subject.reactor();
    let (client, server) = subject.block_on(narrow_connection(&reactor));
    // An echo: what the reading task of this end gets, the other end's has sent on.
    let echo = reactor.spawn(async move {
        let mut buf = vec![0; 4096];
        let mut left = LEN;
        while left > 0 {
            let read = (&*server).read(&mut buf).await?;
            (&*server).write_all(&buf[..read]).await?;
            left -= read;
        }
        Ok::<_, io::Error>(())
    });
    let reading = reactor.spawn({
        let client = client.clone();
        async move { read_bytes(&client, LEN).await }
    });
    let writing = reactor.spawn(async move { write_bytes(&client, LEN).await });
    subject.block_on(async {
        writing.await.unwrap();
        reading.await.unwrap();
        echo.await.unwrap();
    });
}

pub fn two_tasks_read_from_one_stream(mut subject: AnySubject) {
    let reactor = subject.reactor();
    // Two bytes at once, or the second when the first has been read.
    for at_once in [true, false].repeat(20) {
        let (mut client, server) = subject.block_on(connection(&reactor));
        client.set_nodelay(true).unwrap();
        let server = Arc::new(server);
        let (waiting, mut reading) = spawn_parked(&reactor, 2, || {
            let server = server.clone();
            async move {
                let mut byte = [0];
                (&*server).read_exact(&mut byte).await?;
                Ok::<_, io::Error>(byte[0])
            }
        });
        subject.block_on(async {
            try_join_all(waiting).await.unwrap();
            let mut received = if at_once {
                client.write_all(&[1, 2]).await.unwrap();
                try_join_all(reading).await.unwrap()
            } else {
                client.write_all(&[1]).await.unwrap();
                let (first, _, rest) = select_all(reading.drain(..)).await;
                client.write_all(&[2]).await.unwrap();
                let mut received = try_join_all(rest).await.unwrap();
                received.push(first.unwrap());
                received
            };
            received.sort_unstable();
            assert_eq!(received, [1, 2]);
        });
    }
}

pub fn many_tasks_share_one_stream(mut subject: AnySubject) {
    const TASKS: usize = 8;
    const EACH: usize = 200;

    let reactor = subject.reactor();
    let (client, server) = subject.block_on(connection(&reactor));
    let (client, server) = (Arc::new(client), Arc::new(server));
    let writing = (0..TASKS).map(|_| {
        let client = client.clone();
        reactor.spawn(async move {
            for _ in 0..EACH {
                (&*client).write_all(&[1]).await?;
                yield_now().await;
            }
            Ok::<_, io::Error>(())
        })
    });
    let writing = writing.collect::<Vec<_>>();
    let reading = (0..TASKS).map(|_| {
        let server = server.clone();
        reactor.spawn(async move {
            for _ in 0..EACH {
                (&*server).read_exact(&mut [0]).await?;
            }
            Ok::<_, io::Error>(())
        })
    });
    let reading = reading.collect::<Vec<_>>();
    subject.block_on(async {
        try_join_all(writing).await.unwrap();
        try_join_all(reading).await.unwrap();
    });
}

pub fn a_read_that_is_given_up_loses_no_bytes(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut client, mut server) = connection(&reactor).await;
        client.set_nodelay(true).unwrap();
        for round in 0..500_usize {
            let mut byte = [0];
            let mut read = Box::pin(server.read(&mut byte));
            assert!(poll!(&mut read).is_pending());
            if round % 2 == 0 {
                drop(read);
                client.write_all(&[byte_at(round)]).await.unwrap();
            } else {
                client.write_all(&[byte_at(round)]).await.unwrap();
                // It may have been woken by now.
                drop(read);
            }
            server.read_exact(&mut byte).await.unwrap();
            assert_eq!(byte[0], byte_at(round));
        }
    });
}

pub fn a_stream_moves_to_another_task(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (mut client, server) = subject.block_on(connection(&reactor));
    client.set_nodelay(true).unwrap();
    let mut server = Some(server);
    for round in 0..50_usize {
        let mut moved = server.take();
        let first = reactor.spawn_infallible(poll_fn(move |cx| {
            let mut server = moved.take().expect("polled once");
            assert!(Pin::new(&mut server).poll_read(cx, &mut [0]).is_pending());
            Poll::Ready(server)
        }));
        let mut server_again = subject.block_on(first).unwrap();
        let (waits, read) = parked(async move {
            let mut byte = [0];
            server_again.read_exact(&mut byte).await?;
            assert_eq!(byte[0], byte_at(round));
            Ok::<_, io::Error>(server_again)
        });
        let second = reactor.spawn(read);
        subject.block_on(async {
            waits.await.unwrap();
            client.write_all(&[byte_at(round)]).await.unwrap();
            server = Some(second.await.unwrap());
        });
    }
}

pub fn short_reads_lose_no_wake_up(mut subject: AnySubject) {
    const ROUNDS: usize = 5000;

    let reactor = subject.reactor();
    let (client, server) = subject.block_on(connection(&reactor));
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    // Each read is shorter than its buffer, and says that nothing is left; the next bytes may come at any
    // moment after.
    let ends = [(client, true), (server, false)].map(|(mut stream, begins)| {
        reactor.spawn(async move {
            let mut buf = vec![0; 64 * 1024];
            if begins {
                stream.write_all(&[0; 7]).await?;
            }
            for round in 0..ROUNDS {
                let mut left = 7;
                while left > 0 {
                    let read = stream.read(&mut buf).await?;
                    assert_ne!(read, 0);
                    left -= read;
                }
                if !begins || round + 1 < ROUNDS {
                    stream.write_all(&[0; 7]).await?;
                }
            }
            Ok::<_, io::Error>(())
        })
    });
    subject.block_on(try_join_all(ends)).unwrap();
}

pub fn small_writes_that_nobody_waits_for_are_all_read(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (client, server) = subject.block_on(connection(&reactor));
    client.set_nodelay(true).unwrap();
    let mut numbers = Numbers::new();
    let sizes = (0..5000).map(|_| 1 + numbers.below(100) as usize).collect::<Vec<_>>();
    let total = sizes.iter().sum::<usize>();
    let writing = reactor.spawn(async move {
        let mut place = 0;
        for size in sizes {
            let bytes = (place..place + size).map(byte_at).collect::<Vec<_>>();
            (&client).write_all(&bytes).await?;
            place += size;
        }
        Ok::<_, io::Error>(client)
    });
    let reading = reactor.spawn(async move { read_bytes(&server, total).await });
    subject.block_on(async {
        let (written, read) = join(writing, reading).await;
        read.unwrap();
        written.unwrap();
    });
}

pub fn the_end_after_a_short_read_is_seen(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for _ in 0..300 {
        let (mut client, mut server) = subject.block_on(connection(&reactor));
        let reading = reactor.spawn(async move {
            let mut received = Vec::new();
            server.read_to_end(&mut received).await?;
            Ok::<_, io::Error>(received)
        });
        let writing = reactor.spawn(async move {
            client.write_all(b"the last").await?;
            // The end comes behind the bytes, before or after they are read.
            drop(client);
            Ok::<_, io::Error>(())
        });
        subject.block_on(async {
            writing.await.unwrap();
            assert_eq!(reading.await.unwrap(), b"the last");
        });
    }
}
