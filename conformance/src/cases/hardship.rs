//! Connections that go wrong: reset, never read, shut down or closed while tasks wait on them.

use std::{
    fs::File,
    io::{self, Write},
    net::{Shutdown, TcpStream as StdStream},
    os::unix::net::UnixStream as StdUnixStream,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::{
    AsyncRead, AsyncWrite,
    future::{Either, join, join_all, select},
    io::{AsyncReadExt, AsyncWriteExt},
    poll,
};
use interloop::{
    Aborted, AsAborted, Deferred, Reactor,
    net::{Descriptor, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream},
};
use socket2::SockRef;

use crate::{
    AnySubject, Subject,
    tools::{MILLISECOND, StreamSocket, TempPath, byte_at, connection, listen, parked},
};

/// More than a connection has room for.
const MEGABYTES: usize = 16 << 20;

fn is_gone(error: &io::Error) -> bool {
    [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset].contains(&error.kind())
}

pub fn a_reset_in_the_middle_of_a_write_fails_it(mut subject: AnySubject) {
    async fn check<S: StreamSocket>(reactor: &Reactor, stream: S, reset: impl FnOnce()) {
        let stream = Arc::new(stream);
        let (waits, write) = parked({
            let stream = stream.clone();
            async move { stream.split_ref().1.write_all(&vec![7; MEGABYTES]).await }
        });
        let writing = reactor.spawn(write);
        waits.await.unwrap();
        reset();
        let error = writing.await.unwrap_err();
        assert!(is_gone(&error), "{error:?}");
        // So does every other attempt, of either kind, at once.
        for _ in 0..3 {
            let error = stream.split_ref().1.write(b"!").await.unwrap_err();
            assert!(is_gone(&error), "{error:?}");
            let error = stream.split_ref().1.write_all(&vec![7; MEGABYTES]).await.unwrap_err();
            assert!(is_gone(&error), "{error:?}");
        }
        // What was never read is no reason to wait, either.
        let mut rest = Vec::new();
        let read = stream.split_ref().0.read_to_end(&mut rest).await;
        assert!(rest.is_empty() && read.as_ref().err().is_none_or(is_gone), "{read:?}");
        stream.split_ref().1.close().await.unwrap();
    }
    let reactor = subject.reactor();
    subject.block_on(async {
        let listener = listen(&reactor);
        let stream = TcpStream::connect(&reactor, listener.local_addr().unwrap())
            .await
            .unwrap();
        let (peer, _) = listener.accept().await.unwrap();
        peer.set_linger(Some(Duration::ZERO)).unwrap();
        check(&reactor, stream, || drop(peer)).await;
        // Closed with bytes that nobody has read, as a program that dies does.
        let (stream, peer) = connection(&reactor).await;
        check(&reactor, stream, || drop(peer)).await;
        let (stream, peer) = UnixStream::pair(&reactor).unwrap();
        check(&reactor, stream, || drop(peer)).await;
    });
}

pub fn a_reset_ends_what_waits_in_both_directions(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (stream, peer) = connection(&reactor).await;
        let stream = Arc::new(stream);
        let (waiting, tasks): (Vec<_>, Vec<_>) = (0..8)
            .map(|number| {
                let stream = stream.clone();
                let (waits, moves) = parked(async move {
                    match number % 2 {
                        0 => stream
                            .split_ref()
                            .0
                            .read(&mut [0])
                            .await
                            .map(|read| assert_eq!(read, 0)),
                        _ => stream.split_ref().1.write_all(&vec![7; MEGABYTES]).await,
                    }
                });
                (waits, reactor.spawn(moves))
            })
            .unzip();
        join_all(waiting).await;
        peer.set_linger(Some(Duration::ZERO)).unwrap();
        drop(peer);
        let ended = join_all(tasks).await;
        // The system tells a reset once; who asks afterwards is given the end, or a broken pipe.
        for (number, result) in ended.into_iter().enumerate() {
            match result {
                Ok(()) => assert_eq!(number % 2, 0, "a write that nobody reads has ended"),
                Err(error) => assert!(is_gone(&error), "{error:?}"),
            }
        }
    });
}

pub fn a_peer_that_never_reads_holds_nobody_else_up(mut subject: AnySubject) {
    async fn check<S: StreamSocket>(reactor: &Reactor, (stream, mut peer): (S, S), others: (S, S)) {
        let stream = Arc::new(stream);
        let moved = Arc::new(AtomicUsize::new(0));
        let (limit, is_limited) = Deferred::<()>::pair();
        let (waits, write) = parked({
            let (stream, moved) = (stream.clone(), moved.clone());
            let write = async move {
                loop {
                    let place = moved.load(SeqCst);
                    let bytes: Vec<_> = (place..place + 10_007).map(byte_at).collect();
                    moved.fetch_add(stream.split_ref().1.write(&bytes).await?, SeqCst);
                }
                #[allow(unreachable_code)]
                Ok::<(), io::Error>(())
            };
            let reactor = reactor.clone();
            async move {
                match select(Box::pin(write), is_limited).await {
                    Either::Left((written, _)) => written,
                    Either::Right((_, write)) => reactor.timeout(MILLISECOND, write).await,
                }
            }
        });
        let writing = reactor.spawn(write);
        waits.await.unwrap();
        let held = moved.load(SeqCst);
        // Others move on, beside it.
        let (mut one, mut other) = others;
        let echoing = reactor.spawn(async move {
            let mut byte = [0];
            while other.read(&mut byte).await? > 0 {
                other.write_all(&byte).await?;
            }
            Ok::<_, io::Error>(())
        });
        for round in 0..200_u8 {
            let mut byte = [0];
            one.write_all(&[round]).await.unwrap();
            one.read_exact(&mut byte).await.unwrap();
            assert_eq!(byte, [round]);
        }
        one.close().await.unwrap();
        echoing.await.unwrap();
        // A limited time ends it.
        limit.complete(());
        let error = writing.await.unwrap_err();
        assert!(error.as_aborted().is_some_and(Aborted::is_timed_out), "{error:?}");
        // What it has been told to have written is what arrives: no byte more, none less.
        let written = moved.load(SeqCst);
        assert!(written >= held);
        let stream = Arc::into_inner(stream).expect("the write was dropped");
        drop(stream);
        let mut received = Vec::new();
        peer.read_to_end(&mut received).await.unwrap();
        assert_eq!(received.len(), written);
        assert!(received.iter().enumerate().all(|(place, byte)| *byte == byte_at(place)));
    }
    let reactor = subject.reactor();
    subject.block_on(async {
        let (one, other) = (connection(&reactor).await, connection(&reactor).await);
        check(&reactor, one, other).await;
        let pair = || UnixStream::pair(&reactor).unwrap();
        check(&reactor, pair(), pair()).await;
    });
}

pub fn shutting_a_connection_down_ends_what_waits_on_it(mut subject: AnySubject) {
    async fn check<S: StreamSocket>(reactor: &Reactor, (stream, peer): (S, S)) {
        let stream = Arc::new(stream);
        let read = stream.clone();
        let (reads, read) = parked(async move { read.split_ref().0.read(&mut [0]).await });
        let write = stream.clone();
        let (writes, write) = parked(async move { write.split_ref().1.write_all(&vec![7; MEGABYTES]).await });
        let (reading, writing) = (reactor.spawn(read), reactor.spawn(write));
        reads.await.unwrap();
        writes.await.unwrap();
        // By a handle of its own, as another process that has inherited it may do.
        let other = stream.as_fd().try_clone_to_owned().unwrap();
        SockRef::from(&other).shutdown(Shutdown::Both).unwrap();
        assert_eq!(reading.await.unwrap(), 0);
        let error = writing.await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        drop(peer);
    }
    let reactor = subject.reactor();
    subject.block_on(async {
        check(&reactor, connection(&reactor).await).await;
        check(&reactor, UnixStream::pair(&reactor).unwrap()).await;
    });
}

pub fn shutting_a_listener_down_ends_what_waits_on_it(mut subject: AnySubject) {
    if !cfg!(target_os = "linux") {
        println!("this system does not shut listeners down, so there is nothing to check");
        return;
    }
    let reactor = subject.reactor();
    let path = TempPath::new();
    subject.block_on(async {
        let tcp = Arc::new(listen(&reactor));
        let unix = Arc::new(UnixListener::bind(&reactor, &path).unwrap());
        let (on_tcp, on_unix) = (tcp.clone(), unix.clone());
        let (tcp_waits, tcp_accepts) = parked(async move { on_tcp.accept().await.map(drop) });
        let (unix_waits, unix_accepts) = parked(async move { on_unix.accept().await.map(drop) });
        let accepting = [reactor.spawn(tcp_accepts), reactor.spawn(unix_accepts)];
        tcp_waits.await.unwrap();
        unix_waits.await.unwrap();
        SockRef::from(&*tcp).shutdown(Shutdown::Both).unwrap();
        SockRef::from(&*unix).shutdown(Shutdown::Both).unwrap();
        for accepting in accepting {
            assert_eq!(accepting.await.unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
    });
}

pub fn the_other_end_of_a_pipe_is_closed_under_what_waits(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let pipe = || {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        (File::from(reader), File::from(writer))
    };
    subject.block_on(async {
        let (reader, writer) = pipe();
        let mut reader = Descriptor::new(&reactor, reader).unwrap();
        let mut byte = [0];
        let (waits, read) = parked(reader.read(&mut byte));
        let closing = async {
            waits.await.unwrap();
            drop(writer);
        };
        assert_eq!(join(read, closing).await.0.unwrap(), 0);

        let (reader, writer) = pipe();
        let writer = Descriptor::new(&reactor, writer).unwrap();
        while writer.get_ref().write(&[7; 4096]).is_ok() {}
        let (waits, writable) = parked(writer.writable());
        let closing = async {
            waits.await.unwrap();
            drop(reader);
        };
        join(writable, closing).await.0.unwrap();
        assert_eq!(
            (&writer).write(b"!").await.unwrap_err().kind(),
            io::ErrorKind::BrokenPipe
        );
    });
}

/// A waker that the loop keeps of a socket that is gone must not reach whoever has its number next, or be in the way there.
pub fn a_number_that_is_used_again_wakes_who_waits_now(mut subject: AnySubject) {
    async fn wait_and_give_up(socket: impl AsyncRead + AsyncWrite) {
        let mut socket = Box::pin(socket);
        assert!(poll!(socket.read(&mut [0])).is_pending());
    }
    let reactor = subject.reactor();
    subject.block_on(async {
        for round in 0..100_u8 {
            // The same number, most likely, as each is closed before the next one is made.
            let (tcp, _peer) = connection(&reactor).await;
            wait_and_give_up(tcp).await;
            let (end, _peer) = StdUnixStream::pair().unwrap();
            wait_and_give_up(UnixStream::from_std(&reactor, end).unwrap()).await;
            let udp = UdpSocket::bind(&reactor, "127.0.0.1:0".parse().unwrap()).unwrap();
            assert!(poll!(Box::pin(udp.recv(&mut [0]))).is_pending());
            drop(udp);
            let (datagram, _peer) = UnixDatagram::pair(&reactor).unwrap();
            assert!(poll!(Box::pin(datagram.recv(&mut [0]))).is_pending());
            drop((datagram, _peer));
            let (mut end, mut peer) = UnixStream::pair(&reactor).unwrap();
            let (waits, read) = parked(async move {
                let mut byte = [0];
                end.read_exact(&mut byte).await.map(|()| byte)
            });
            let reading = reactor.spawn(read);
            waits.await.unwrap();
            peer.write_all(&[round]).await.unwrap();
            assert_eq!(reading.await.unwrap(), [round]);
        }
    });
}

pub fn connections_that_end_before_they_are_accepted_are_given_all_the_same(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let listener = listen(&reactor);
        for _ in 0..20 {
            let mut client = StdStream::connect(listener.local_addr().unwrap()).unwrap();
            client.write_all(b"last words").unwrap();
            drop(client);
        }
        for _ in 0..20 {
            let (mut server, _) = listener.accept().await.unwrap();
            let mut received = Vec::new();
            server.read_to_end(&mut received).await.unwrap();
            assert_eq!(received, b"last words");
        }
    });
}
