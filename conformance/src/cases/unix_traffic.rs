//! Bytes on connections within one machine, and where the connections come from and go to.

use std::{
    io::{self, IoSlice, IoSliceMut, Read, Write},
    os::unix::net::{UnixListener as StdListener, UnixStream as StdStream},
    sync::Arc,
};

use futures_util::{
    future::{join, try_join_all},
    io::{AsyncReadExt, AsyncWriteExt},
    poll,
};
use interloop::{
    Reactor,
    net::{UnixListener, UnixStream},
};

use crate::{
    AnySubject, Subject,
    tools::{TempPath, on_thread, parked, spawn_parked, wait},
};

fn pair(reactor: &Reactor) -> (UnixStream, UnixStream) {
    UnixStream::pair(reactor).unwrap()
}

pub fn several_buffers_are_moved_at_once(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut one, mut other) = pair(&reactor);
        let bufs = [IoSlice::new(b"on"), IoSlice::new(b""), IoSlice::new(b"e two")];
        assert_eq!(one.write_vectored(&bufs).await.unwrap(), 7);
        let (mut first, mut second) = ([0; 3], [0; 16]);
        let mut bufs = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!(other.read_vectored(&mut bufs).await.unwrap(), 7);
        assert_eq!((&first, &second[..4]), (b"one", b" two".as_slice()));
        assert_eq!(other.read(&mut []).await.unwrap(), 0);
        assert_eq!(one.write(&[]).await.unwrap(), 0);
    });
}

pub fn megabytes_move_in_both_directions_at_once(mut subject: AnySubject) {
    const LENGTH: usize = 4 << 20;
    let reactor = subject.reactor();
    let (one, other) = pair(&reactor);
    let ends = [Arc::new(one), Arc::new(other)];
    let writing = ends.clone().map(|end| {
        reactor.spawn(async move {
            let bytes: Vec<_> = (0..LENGTH).map(|n| (n % 251) as u8).collect();
            (&*end).write_all(&bytes).await?;
            (&*end).close().await
        })
    });
    let reading = ends.map(|end| {
        reactor.spawn(async move {
            let (mut buf, mut total) = (vec![0; 64 * 1024], 0);
            loop {
                let read = (&*end).read(&mut buf).await?;
                if read == 0 {
                    return Ok::<_, io::Error>(total);
                }
                let mut bytes = buf[..read].iter().zip(total..);
                assert!(bytes.all(|(byte, n)| *byte == (n % 251) as u8));
                total += read;
            }
        })
    });
    subject.block_on(async {
        assert_eq!(try_join_all(reading).await.unwrap(), [LENGTH, LENGTH]);
        try_join_all(writing).await.unwrap();
    });
}

pub fn two_tasks_read_from_one_stream(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for _ in 0..20 {
        let (one, mut other) = pair(&reactor);
        let one = Arc::new(one);
        let (waiting, reading) = spawn_parked(&reactor, 2, || {
            let one = one.clone();
            async move { (&*one).read(&mut [0]).await }
        });
        subject.block_on(async {
            try_join_all(waiting).await.unwrap();
            other.write_all(b"ab").await.unwrap();
            assert_eq!(try_join_all(reading).await.unwrap(), [1, 1]);
        });
    }
}

pub fn a_read_that_is_given_up_loses_no_bytes(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut one, mut other) = pair(&reactor);
        for round in 0..100_u8 {
            let mut byte = [0];
            let mut reading = Box::pin(one.read(&mut byte));
            assert!(poll!(&mut reading).is_pending());
            other.write_all(&[round]).await.unwrap();
            drop(reading);
            one.read_exact(&mut byte).await.unwrap();
            assert_eq!(byte, [round]);
        }
    });
}

pub fn a_writer_waits_for_room(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (mut one, mut other) = pair(&reactor);
    let (waits, write) = parked(async move {
        one.write_all(&vec![7; 4 << 20]).await?;
        Ok::<_, io::Error>(one)
    });
    let writing = reactor.spawn(write);
    subject.block_on(async {
        waits.await.unwrap();
        let mut bytes = vec![0; 4 << 20];
        other.read_exact(&mut bytes).await.unwrap();
        assert!(bytes.iter().all(|byte| *byte == 7));
        writing.await.unwrap();
    });
}

pub fn readiness_is_told_as_it_is(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut one, mut other) = pair(&reactor);
        one.writable().await.unwrap();
        for _ in 0..20 {
            let mut readable = Box::pin(one.readable());
            assert!(poll!(&mut readable).is_pending(), "nothing was written");
            other.write_all(b"ab").await.unwrap();
            readable.await.unwrap();
            let mut byte = [0];
            let read = one.read_with(|fd| Ok(rustix::io::read(fd, &mut byte)?));
            assert_eq!(read.await.unwrap(), 1);
            // There is more.
            one.readable().await.unwrap();
            one.read_exact(&mut byte).await.unwrap();
        }
        let mut readable = Box::pin(one.readable());
        assert!(poll!(&mut readable).is_pending());
        drop(other);
        readable.await.unwrap();
    });
}

pub fn a_stream_of_std_is_taken_over_and_given_back(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (of_std, mut peer) = StdStream::pair().unwrap();
    // In blocking mode so far: a read would hold the loop up.
    let mut stream = UnixStream::from_std(&reactor, of_std).unwrap();
    subject.block_on(async {
        let mut received = [0; 4];
        let (waits, read) = parked(stream.read_exact(&mut received));
        let (read, ()) = join(read, async {
            waits.await.unwrap();
            peer.write_all(b"ping").unwrap();
        })
        .await;
        read.unwrap();
    });
    let mut of_std = stream.into_std().unwrap();
    assert_eq!(of_std.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    of_std.set_nonblocking(false).unwrap();
    peer.write_all(b"again").unwrap();
    assert_eq!(of_std.read(&mut [0; 16]).unwrap(), 5);
    drop(of_std);
    // Nothing else has kept it open.
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
}

pub fn a_listener_of_std_is_taken_over_and_given_back(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    let listener = UnixListener::from_std(&reactor, StdListener::bind(&path).unwrap()).unwrap();
    let (waits, accept) = parked(async move {
        listener.accept().await?;
        Ok::<_, io::Error>(listener)
    });
    let accepting = reactor.spawn(accept);
    subject.block_on(waits).unwrap();
    let _client = StdStream::connect(&path).unwrap();
    let listener = subject.block_on(accepting).unwrap().into_std().unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    listener.set_nonblocking(false).unwrap();
    let _client = StdStream::connect(&path).unwrap();
    listener.accept().unwrap();
}

pub fn a_plain_thread_connects_and_reads(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    let listener = UnixListener::bind(&reactor, &path).unwrap();
    let to = path.as_ref().to_owned();
    let on_other_thread = on_thread(move || {
        wait(async {
            let mut client = UnixStream::connect(&reactor, to).await?;
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
