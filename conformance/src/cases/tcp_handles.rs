//! Several handles on one socket, and several tasks at one listener.

use std::{
    io::{self, IoSlice, IoSliceMut},
    net::{Shutdown, TcpStream as StdStream},
    os::fd::AsFd,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::{
    StreamExt,
    future::{Either, join, join_all, select, try_join, try_join_all},
    io::{AsyncReadExt, AsyncWriteExt},
    poll,
};
use interloop::{
    Reactor,
    net::{TcpListener, TcpStream, UnixStream},
};

use crate::{
    AnySubject, Subject,
    tools::{Counter, StreamSocket, connection, listen, parked, spawn_parked, yield_now},
};

/// Another handle on what is connected, registered by itself.
fn duplicate(reactor: &Reactor, stream: &TcpStream) -> TcpStream {
    let fd = stream.as_fd().try_clone_to_owned().unwrap();
    TcpStream::from_std(reactor, fd.into()).unwrap()
}

pub fn connections_that_write_in_reverse_order_are_all_served(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for greedy in [true, false] {
        let listener = listen(&reactor);
        let addr = listener.local_addr().unwrap();
        let server = reactor.clone();
        let serving = reactor.spawn(async move {
            let mut incoming = listener.into_incoming();
            let mut serving = Vec::new();
            while serving.len() < 10 {
                let (mut stream, _) = incoming.next().await.unwrap()?;
                serving.push(server.spawn(async move {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).await?;
                    Ok::<_, io::Error>(byte[0])
                }));
            }
            // They were accepted in their order, and each is told of its own byte.
            try_join_all(serving).await
        });
        let bytes = subject.block_on(async {
            let connecting = (0..10).map(|_| TcpStream::connect(&reactor, addr));
            let mut clients = Vec::new();
            for client in connecting {
                clients.push(client.await.unwrap());
            }
            for (n, client) in clients.iter_mut().enumerate().rev() {
                client.write_all(&[if greedy { n as u8 } else { 99 }]).await.unwrap();
            }
            serving.await.unwrap()
        });
        let expected: Vec<_> = (0..10).map(|n| if greedy { n } else { 99 }).collect();
        assert_eq!(bytes, expected);
    }
}

pub fn duplicates_read_and_write(mut subject: AnySubject) {
    async fn check<S: StreamSocket>(reactor: &Reactor, mut client: S, handles: [S; 2]) {
        let (waiting, reading): (Vec<_>, Vec<_>) = handles
            .into_iter()
            .map(|mut handle| {
                let (waits, read) = parked(async move {
                    let mut byte = [0];
                    handle.read_exact(&mut byte).await?;
                    handle.write_all(&byte).await?;
                    Ok::<_, io::Error>(byte[0])
                });
                (waits, reactor.spawn(read))
            })
            .unzip();
        try_join_all(waiting).await.unwrap();
        client.write_all(&[1]).await.unwrap();
        client.write_all(&[2]).await.unwrap();
        let mut taken = try_join_all(reading).await.unwrap();
        taken.sort();
        assert_eq!(taken, [1, 2]);
        // The connection has ended with the last of them.
        let mut echoed = Vec::new();
        client.read_to_end(&mut echoed).await.unwrap();
        echoed.sort();
        assert_eq!(echoed, [1, 2]);
    }
    let reactor = subject.reactor();
    subject.block_on(async {
        for _ in 0..20 {
            let (client, server) = connection(&reactor).await;
            check(&reactor, client, [duplicate(&reactor, &server), server]).await;
            let (client, server) = UnixStream::pair(&reactor).unwrap();
            let fd = server.as_fd().try_clone_to_owned().unwrap();
            let other = UnixStream::from_std(&reactor, fd.into()).unwrap();
            check(&reactor, client, [other, server]).await;
        }
    });
}

/// The mode is the socket's, and so the same in every duplicate, those of other processes among them.
pub fn a_duplicate_that_blocks_does_not_block_the_loop(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut client, mut server) = connection(&reactor).await;
        let duplicate: StdStream = server.as_fd().try_clone_to_owned().unwrap().into();
        duplicate.set_nonblocking(false).unwrap();
        let mut buf = [0; 4];
        assert!(poll!(server.read(&mut buf)).is_pending());
        assert!(poll!(server.read_vectored(&mut [IoSliceMut::new(&mut buf)])).is_pending());
        assert!(poll!(Box::pin(server.peek(&mut buf))).is_pending());
        assert_eq!(server.try_read(&mut buf).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        client.write_all(b"ping").await.unwrap();
        server.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"ping");
        // More than there is room for, as nobody reads.
        let much = vec![0; 1 << 20];
        while poll!(server.write(&much)).is_ready() {}
        assert!(poll!(server.write_vectored(&[IoSlice::new(&much)])).is_pending());
    });
}

pub fn a_duplicate_is_made_while_a_task_reads(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut client, server) = connection(&reactor).await;
        let mut other = duplicate(&reactor, &server);
        let mut byte = [0];
        let (waits, read) = parked(other.read(&mut byte));
        let (read, ()) = join(read, async {
            waits.await.unwrap();
            drop(duplicate(&reactor, &server));
            drop(server);
            client.write_all(b"!").await.unwrap();
        })
        .await;
        assert_eq!(read.unwrap(), 1);
    });
}

pub fn duplicates_of_a_listener_accept(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for at_once in [false, true] {
        let one = listen(&reactor);
        let addr = one.local_addr().unwrap();
        let fd = one.as_fd().try_clone_to_owned().unwrap();
        let other = TcpListener::from_std(&reactor, fd.into()).unwrap();
        subject.block_on(async {
            let connecting = try_join(TcpStream::connect(&reactor, addr), TcpStream::connect(&reactor, addr));
            if at_once {
                let accepting = try_join(one.accept(), other.accept());
                try_join(connecting, accepting).await.unwrap();
            } else {
                connecting.await.unwrap();
                one.accept().await.unwrap();
                drop(one);
                other.accept().await.unwrap();
            }
        });
    }
}

pub fn ending_both_directions_ends_every_handle(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (client, _server) = connection(&reactor).await;
        let before = duplicate(&reactor, &client);
        client.shutdown(Shutdown::Write).unwrap();
        client.shutdown(Shutdown::Read).unwrap();
        let after = duplicate(&reactor, &client);
        for mut handle in [client, before, after] {
            let error = handle.write(b"!").await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
            assert_eq!(handle.read(&mut [0]).await.unwrap(), 0);
            handle.shutdown(Shutdown::Read).unwrap();
            handle.shutdown(Shutdown::Write).unwrap();
        }
    });
}

pub fn all_but_one_give_up_accepting(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for last in [0, 25, 49] {
        let listener = Arc::new(listen(&reactor));
        let addr = listener.local_addr().unwrap();
        let (waiting, mut accepting) = spawn_parked(&reactor, 50, || {
            let listener = listener.clone();
            async move { listener.accept().await }
        });
        subject.block_on(async {
            join_all(waiting).await;
            let one = accepting.swap_remove(last);
            let (client, ()) = join(TcpStream::connect(&reactor, addr), async {
                for accept in &accepting {
                    accept.cancel();
                }
            })
            .await;
            let mut client = client.unwrap();
            let local = client.local_addr().unwrap();
            // Whoever was woken for it and gave up has left it to the one, or had it already.
            let mut taken = 0;
            for accept in accepting {
                taken += usize::from(accept.await.is_ok());
            }
            if taken > 0 {
                one.cancel();
                return;
            }
            // One that is cancelled while it accepts, on another thread, closes what it gets: then the client is at its end. If none
            // did, the connection waits for the one.
            let mut buf = [0];
            match select(one, client.read(&mut buf)).await {
                Either::Left((accepted, _)) => {
                    let (_, peer) = accepted.unwrap();
                    assert_eq!(peer, local);
                }
                Either::Right((read, one)) => {
                    assert_eq!(read.unwrap_or(0), 0);
                    one.cancel();
                }
            }
        });
    }
}

pub fn who_waits_to_accept_is_not_polled_in_vain(mut subject: AnySubject) {
    struct Counted<F>(F, Counter);

    impl<F: Future + Unpin> Future for Counted<F> {
        type Output = F::Output;

        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
            self.1.add();
            Pin::new(&mut self.0).poll(cx)
        }
    }

    let reactor = subject.reactor();
    let polls = Counter::default();
    let listener = listen(&reactor);
    let addr = listener.local_addr().unwrap();
    let (waits, accept) = parked(async move { listener.accept().await });
    let accepting = reactor.spawn(Counted(Box::pin(accept), polls.clone()));
    subject.block_on(async {
        waits.await.unwrap();
        // What others do is not this task's.
        for _ in 0..20 {
            let (mut client, mut server) = connection(&reactor).await;
            client.write_all(b"!").await.unwrap();
            server.read_exact(&mut [0]).await.unwrap();
            yield_now().await;
        }
        assert_eq!(polls.count(), 1);
        let _client = TcpStream::connect(&reactor, addr).await.unwrap();
        // In how many polls is the loop's: async-io has the task ask again, while it cannot tell that the event came after the
        // wait began.
        accepting.await.unwrap();
    });
}
