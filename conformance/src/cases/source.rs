//! Descriptors: waited for by any number of tasks, and closed exactly once.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_util::{
    future::{join, join_all, poll_fn, try_join_all},
    poll,
};
use interloop::{Aborted, Deferred, Interest, Operation, Reactor, Readiness, Source, net::CannotWait};
use socket2::SockRef;

use crate::{
    AnySubject, Subject,
    tools::{MILLISECOND, on_thread, parked, spawn_parked, wait, yield_now},
};

/// A registered descriptor, and the other end of it.
fn pair(reactor: &Reactor) -> (Box<dyn Source>, UnixStream) {
    let (end, peer) = UnixStream::pair().unwrap();
    peer.set_nonblocking(true).unwrap();
    (reactor.register(OwnedFd::from(end)).unwrap(), peer)
}

async fn perform(
    source: &dyn Source,
    interest: Interest,
    mut op: impl FnMut(&socket2::Socket) -> io::Result<usize>,
) -> io::Result<usize> {
    poll_fn(|cx| {
        let mut moved = 0;
        ready!(source.poll_io(cx, interest, &mut |fd| {
            moved = op(&SockRef::from(&fd))?;
            Ok(Readiness::Remains)
        }))?;
        Poll::Ready(Ok(moved))
    })
    .await
}

async fn read(source: &dyn Source, buf: &mut [u8]) -> io::Result<usize> {
    perform(source, Interest::Readable, |mut socket| socket.read(buf)).await
}

async fn write(source: &dyn Source, buf: &[u8]) -> io::Result<usize> {
    perform(source, Interest::Writable, |mut socket| socket.write(buf)).await
}

/// Fills a descriptor, by itself, until it takes no more. Says how much it took.
fn fill(source: &dyn Source) -> usize {
    let mut taken = 0;
    loop {
        match SockRef::from(&source.as_fd()).send(&[0; 4096]) {
            Ok(written) => taken += written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return taken,
            Err(error) => panic!("{error}"),
        }
    }
}

fn is_open(mut peer: &UnixStream) -> bool {
    match peer.read(&mut [0]) {
        Ok(0) => false,
        Ok(_) => true,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => true,
        Err(error) => panic!("{error}"),
    }
}

pub fn a_registered_descriptor_does_not_block(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (source, mut peer) = pair(&reactor);
        assert!(SockRef::from(&source).nonblocking().unwrap());
        let mut byte = [0];
        let (waits, reading) = parked(read(&*source, &mut byte));
        let writing = async {
            waits.await.unwrap();
            peer.write_all(&[42]).unwrap();
        };
        let (read, ()) = join(reading, writing).await;
        assert_eq!((read.unwrap(), byte), (1, [42]));
    });
}

pub fn a_descriptor_is_closed_when_its_source_is_dropped(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (source, peer) = pair(&reactor);
    subject.block_on(async {
        assert!(is_open(&peer));
        // In use it stays open too.
        let mut byte = [0];
        let mut reading = Box::pin(read(&*source, &mut byte));
        assert!(poll!(&mut reading).is_pending());
        drop(reading);
        assert!(is_open(&peer));
        drop(source);
        assert!(!is_open(&peer), "nothing else keeps it open");
    });
}

pub fn a_descriptor_is_closed_once(mut subject: AnySubject) {
    let reactor = subject.reactor();
    // The number of the descriptor that was closed is taken for another at once. Other tests of this
    // process may be faster, so this is repeated until it was seen some times.
    let mut seen = 0;
    while seen < 5 {
        let (source, _peer) = pair(&reactor);
        let number = source.as_fd().as_raw_fd();
        // So that it is known to whatever the loop waits with.
        subject.block_on(async {
            assert!(
                poll!(Box::pin(read(&*source, &mut [0]))).is_pending(),
                "nothing was written"
            );
        });
        drop(source);
        let mut opened = Vec::new();
        let reused = loop {
            let (end, peer) = UnixStream::pair().unwrap();
            if end.as_raw_fd() == number {
                break Some((end, peer));
            }
            if peer.as_raw_fd() == number {
                break Some((peer, end));
            }
            opened.push((end, peer));
            if opened.len() == 20 {
                break None;
            }
        };
        let Some((mut end, mut peer)) = reused else { continue };
        seen += 1;
        // Whatever the loop does late, it does now.
        subject.block_on(async {
            reactor.spawn_infallible(yield_now()).await.unwrap();
            reactor.sleep(MILLISECOND).await.unwrap();
            reactor.spawn_blocking(|| Ok::<_, Aborted>(())).await.unwrap();
        });
        let mut byte = [0];
        end.write_all(&[42]).unwrap();
        peer.read_exact(&mut byte).unwrap();
        assert_eq!(byte, [42]);
    }
}

pub fn a_number_is_registered_again_and_again(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        for round in 0..200_u8 {
            let (source, mut peer) = pair(&reactor);
            let mut byte = [0];
            let (waits, reading) = parked(read(&*source, &mut byte));
            let writing = async {
                waits.await.unwrap();
                peer.write_all(&[round]).unwrap();
            };
            let (read, ()) = join(reading, writing).await;
            assert_eq!((read.unwrap(), byte), (1, [round]));
        }
    });
}

pub fn a_regular_file_is_refused(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let file = File::open(std::env::current_exe().unwrap()).unwrap();
    subject.block_on(async {
        // There is nothing to wait for, and a loop that pretended otherwise would wait for ever.
        let error = reactor.register(OwnedFd::from(file)).unwrap_err();
        let why = error.get_ref().and_then(|error| error.downcast_ref::<CannotWait>());
        // Other systems have errors of their own.
        let known = cfg!(any(target_os = "linux", target_os = "android"));
        assert!(!known || why.is_some_and(CannotWait::is_always_ready), "{error:?}");
    });
}

pub fn a_source_is_taken_apart(mut subject: AnySubject) {
    /// What an adapter writes that has nothing better.
    #[derive(Debug)]
    struct Plain(Box<dyn Source>);

    impl AsFd for Plain {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }

    impl Source for Plain {
        fn poll_io(&self, cx: &mut Context<'_>, interest: Interest, op: &mut Operation<'_>) -> Poll<io::Result<()>> {
            self.0.poll_io(cx, interest, op)
        }
    }

    let reactor = subject.reactor();
    for plain in [false, true] {
        let (mut source, mut peer) = pair(&reactor);
        if plain {
            source = Box::new(Plain(source));
        }
        subject.block_on(async {
            for round in 0..20_u8 {
                assert!(poll!(Box::pin(read(&*source, &mut [0]))).is_pending());
                let end = source.into_fd().unwrap();
                // The loop has forgotten it, and takes it again.
                source = reactor.register(end).unwrap();
                let mut byte = [0];
                let (waits, reading) = parked(read(&*source, &mut byte));
                let writing = async {
                    waits.await.unwrap();
                    peer.write_all(&[round]).unwrap();
                };
                assert_eq!(join(reading, writing).await.0.unwrap(), 1);
                assert_eq!(byte, [round]);
            }
            let mut end = UnixStream::from(source.into_fd().unwrap());
            assert!(SockRef::from(&end).nonblocking().unwrap());
            peer.write_all(b"!").unwrap();
            end.read_exact(&mut [0]).unwrap();
            drop(end);
            assert_eq!(peer.read(&mut [0]).unwrap(), 0, "nothing else keeps it open");
        });
    }
}

pub fn an_error_of_the_operation_is_passed_on(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (source, mut peer) = pair(&reactor);
        peer.write_all(&[1]).unwrap();
        for interest in [Interest::Readable, Interest::Writable] {
            let failed = perform(&*source, interest, |_| Err(io::Error::other("out of paper"))).await;
            assert_eq!(failed.unwrap_err().to_string(), "out of paper");
        }
        // It can be used further.
        assert_eq!(read(&*source, &mut [0]).await.unwrap(), 1);
    });
}

pub fn the_end_wakes_the_reader(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (source, peer) = pair(&reactor);
    let (waits, reading) = parked(async move { read(&*source, &mut [0]).await });
    let reading = reactor.spawn(reading);
    subject.block_on(waits).unwrap();
    drop(peer);
    assert_eq!(subject.block_on(reading).unwrap(), 0);
}

pub fn the_end_wakes_the_writer(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (source, peer) = pair(&reactor);
    fill(&*source);
    let (waits, writing) = parked(async move { write(&*source, &[0]).await });
    let writing = reactor.spawn(writing);
    subject.block_on(waits).unwrap();
    drop(peer);
    let kind = subject.block_on(writing).unwrap_err().kind();
    // The other end was dropped with bytes that it had not read.
    assert!(
        kind == io::ErrorKind::BrokenPipe || kind == io::ErrorKind::ConnectionReset,
        "{kind:?}"
    );
}

pub fn two_tasks_wait_to_read(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for _ in 0..20 {
        let (source, mut peer) = pair(&reactor);
        let source: Arc<dyn Source> = source.into();
        let (waiting, reading) = spawn_parked(&reactor, 2, || {
            let source = source.clone();
            async move { read(&*source, &mut [0]).await }
        });
        subject.block_on(async {
            try_join_all(waiting).await.unwrap();
            peer.write_all(&[1, 2]).unwrap();
            assert_eq!(try_join_all(reading).await.unwrap(), [1, 1]);
        });
    }
}

pub fn a_coroutine_and_a_task_wait_to_read(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for _ in 0..20 {
        let (source, mut peer) = pair(&reactor);
        let source: Arc<dyn Source> = source.into();
        // Whoever wakes it runs it, so nobody may do that while holding what it needs.
        let coroutine = Deferred::from_coroutine({
            let source = source.clone();
            async move { read(&*source, &mut [0]).await }
        });
        let (waits, reading) = parked(async move { read(&*source, &mut [0]).await });
        let reading = reactor.spawn(reading);
        subject.block_on(async {
            waits.await.unwrap();
            peer.write_all(&[1, 2]).unwrap();
            assert_eq!(try_join_all([coroutine, reading]).await.unwrap(), [1, 1]);
        });
    }
}

pub fn two_tasks_wait_to_write(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for _ in 0..20 {
        let (source, mut peer) = pair(&reactor);
        let source: Arc<dyn Source> = source.into();
        let filled = fill(&*source);
        let (waiting, writing) = spawn_parked(&reactor, 2, || {
            let source = source.clone();
            async move { write(&*source, &[0]).await }
        });
        subject.block_on(async {
            try_join_all(waiting).await.unwrap();
            peer.read_exact(&mut vec![0; filled]).unwrap();
            assert_eq!(try_join_all(writing).await.unwrap(), [1, 1]);
        });
    }
}

pub fn one_task_waits_to_read_and_another_to_write(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for reads_first in [true, false].repeat(10) {
        let (source, mut peer) = pair(&reactor);
        let source: Arc<dyn Source> = source.into();
        let filled = fill(&*source);
        let (reader_waits, reading) = parked({
            let source = source.clone();
            async move { read(&*source, &mut [0]).await }
        });
        let (writer_waits, writing) = parked(async move { write(&*source, &[0]).await });
        let (reading, writing) = (reactor.spawn(reading), reactor.spawn(writing));
        subject.block_on(async {
            try_join_all([reader_waits, writer_waits]).await.unwrap();
            let mut received = vec![0; filled];
            // Each waits on, whatever the other gets.
            if reads_first {
                peer.write_all(&[1]).unwrap();
                assert_eq!(reading.await.unwrap(), 1);
                peer.read_exact(&mut received).unwrap();
                assert_eq!(writing.await.unwrap(), 1);
            } else {
                peer.read_exact(&mut received).unwrap();
                assert_eq!(writing.await.unwrap(), 1);
                peer.write_all(&[1]).unwrap();
                assert_eq!(reading.await.unwrap(), 1);
            }
        });
    }
}

pub fn a_task_that_gives_up_does_not_take_the_others_wake_up(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for gives_up in [0, 1, 2].repeat(10) {
        let (source, mut peer) = pair(&reactor);
        let source: Arc<dyn Source> = source.into();
        let (waiting, mut reading) = spawn_parked(&reactor, 3, || {
            let source = source.clone();
            async move { read(&*source, &mut [0]).await }
        });
        subject.block_on(async {
            try_join_all(waiting).await.unwrap();
            let given_up = reading.remove(gives_up);
            given_up.cancel();
            assert!(given_up.await.is_err());
            peer.write_all(&[1, 2]).unwrap();
            assert_eq!(try_join_all(reading).await.unwrap(), [1, 1]);
        });
    }
}

pub fn each_of_many_descriptors_wakes_its_own_task(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (peers, reading): (Vec<_>, Vec<_>) = (0..50_u8)
        .map(|n| {
            let (source, peer) = pair(&reactor);
            let (waits, reading) = parked(async move {
                let mut byte = [0];
                read(&*source, &mut byte).await?;
                Ok::<_, io::Error>((n, byte[0]))
            });
            ((peer, waits), reactor.spawn(reading))
        })
        .unzip();
    subject.block_on(async {
        let (mut peers, waiting): (Vec<_>, Vec<_>) = peers.into_iter().unzip();
        try_join_all(waiting).await.unwrap();
        for (n, peer) in peers.iter_mut().enumerate().rev() {
            peer.write_all(&[n as u8]).unwrap();
        }
        for outcome in join_all(reading).await {
            let (n, byte) = outcome.unwrap();
            assert_eq!(n, byte);
        }
    });
}

pub fn a_plain_thread_registers_and_waits(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (completer, peer) = Deferred::<_>::pair();
    let reading = on_thread(move || {
        let (source, peer) = pair(&reactor);
        let mut byte = [0];
        let (waits, reading) = parked(read(&*source, &mut byte));
        waits.map_ok(|()| completer.complete(peer)).detach();
        wait(reading).unwrap();
        byte[0]
    });
    let byte = subject.block_on(async {
        peer.await.unwrap().write_all(&[42]).unwrap();
        reading.await
    });
    assert_eq!(byte.unwrap(), 42);
}
