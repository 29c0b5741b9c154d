//! Descriptors of any kind: owned or borrowed, waited for by any number of tasks, and closed by whom they belong to.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::net::UnixStream,
    },
    sync::Arc,
};

use futures_util::{
    future::{join, try_join, try_join_all},
    io::{AsyncReadExt, AsyncWriteExt},
    poll,
};
use interloop::{
    Reactor,
    net::{CannotWait, Descriptor},
};

use crate::{
    AnySubject, Subject,
    tools::{TempPath, parked, spawn_parked, write_to_nobody},
};

/// The ends of a pipe, the reading one first.
fn pipe() -> (File, File) {
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    (reader.into(), writer.into())
}

fn register<T: AsFd>(reactor: &Reactor, io: T) -> Descriptor<T> {
    Descriptor::new(reactor, io).unwrap()
}

fn is_closed(mut other_end: &UnixStream) -> bool {
    other_end.set_nonblocking(true).unwrap();
    match other_end.read(&mut [0]) {
        Ok(read) => read == 0,
        Err(error) => {
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
            false
        }
    }
}

pub fn bytes_go_through_a_pipe(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (reader, writer) = pipe();
    let (mut reader, mut writer) = (register(&reactor, reader), register(&reactor, writer));
    let writing = reactor.spawn(async move {
        writer.write_all(&vec![7; 1 << 18]).await?;
        // Closing does not end a pipe, dropping does.
        writer.close().await?;
        writer.write_all(&[7]).await
    });
    subject.block_on(async {
        let mut received = Vec::new();
        reader.read_to_end(&mut received).await.unwrap();
        assert_eq!(received.len(), (1 << 18) + 1);
        writing.await.unwrap();
    });
}

pub fn a_pipe_without_a_reader_is_an_error(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (reader, writer) = pipe();
    let mut writer = register(&reactor, writer);
    subject.block_on(async {
        let written = write_to_nobody(&mut writer, reader).await;
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    });
}

pub fn an_owned_descriptor_is_closed_when_it_is_dropped(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (end, peer) = UnixStream::pair().unwrap();
    let descriptor = register(&reactor, OwnedFd::from(end));
    subject.block_on(async {
        assert!(poll!(Box::pin(descriptor.readable())).is_pending());
        assert!(!is_closed(&peer));
        drop(descriptor);
        assert!(is_closed(&peer), "nothing else keeps it open");
    });
}

pub fn an_owned_descriptor_is_given_back(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (end, peer) = UnixStream::pair().unwrap();
    let number = end.as_raw_fd();
    let descriptor = register(&reactor, end);
    subject.block_on(async {
        assert!(poll!(Box::pin(descriptor.readable())).is_pending());
    });
    assert_eq!(descriptor.get_ref().as_raw_fd(), number);
    assert_eq!(descriptor.as_fd().as_raw_fd(), number);
    let end = descriptor.into_inner();
    assert_eq!(end.as_raw_fd(), number);
    assert!(!is_closed(&peer));
    drop(end);
    assert!(is_closed(&peer));
}

pub fn a_borrowed_descriptor_is_not_closed(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (mut end, mut peer) = UnixStream::pair().unwrap();
    for round in 0..20_u8 {
        let lent = register(&reactor, end.as_fd());
        subject.block_on(async {
            let (waits, readable) = parked(lent.readable());
            let (readable, ()) = join(readable, async {
                waits.await.unwrap();
                peer.write_all(&[round]).unwrap();
            })
            .await;
            readable.unwrap();
        });
        drop(lent);
        let mut byte = [0];
        end.read_exact(&mut byte).unwrap();
        assert_eq!(byte, [round]);
    }
    assert!(!is_closed(&peer));
    drop(end);
    assert!(is_closed(&peer));
}

pub fn what_is_closed_behind_its_back_is_waited_for_all_the_same(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (end, mut peer) = UnixStream::pair().unwrap();
    // A descriptor that is another's, such as that of a C library, may be closed at any time.
    let taken = end.try_clone().unwrap();
    let descriptor = register(&reactor, end);
    drop(taken);
    subject.block_on(async {
        let (waits, reading) = parked(descriptor.read_with(|mut end| end.read(&mut [0])));
        let (read, ()) = join(reading, async {
            waits.await.unwrap();
            peer.write_all(&[42]).unwrap();
        })
        .await;
        assert_eq!(read.unwrap(), 1);
    });
}

pub fn one_descriptor_is_registered_twice(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (end, mut peer) = UnixStream::pair().unwrap();
    let (one, other) = (register(&reactor, &end), register(&reactor, &end));
    subject.block_on(async {
        let (one_waits, one) = parked(one.readable());
        let (other_waits, other) = parked(other.readable());
        let (readable, ()) = join(try_join(one, other), async {
            one_waits.await.unwrap();
            other_waits.await.unwrap();
            peer.write_all(&[42]).unwrap();
        })
        .await;
        readable.unwrap();
    });
}

pub fn what_cannot_be_waited_for_is_refused_and_says_why(mut subject: AnySubject) {
    if !cfg!(target_os = "linux") {
        println!("this system waits for files, too, so there is nothing to check");
        return;
    }
    let reactor = subject.reactor();
    let path = TempPath::new();
    File::create(&path).unwrap();
    let file = File::open(&path).unwrap();
    let directory = File::open(std::env::temp_dir()).unwrap();
    subject.block_on(async {
        for refused in [&file, &directory] {
            let error = Descriptor::new(&reactor, refused).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::Unsupported);
            let why = error.get_ref().and_then(|error| error.downcast_ref::<CannotWait>());
            assert!(why.is_some_and(CannotWait::is_always_ready), "{error:?}");
            assert!(error.to_string().contains("`Reactor::spawn_blocking`"), "{error}");
        }
    });
    // What was lent is still there.
    assert_eq!((&file).read(&mut [0]).unwrap(), 0);
}

pub fn two_tasks_wait_in_one_direction(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for _ in 0..20 {
        let (reader, mut writer) = pipe();
        let reader = Arc::new(register(&reactor, reader));
        let (waiting, reading) = spawn_parked(&reactor, 2, || {
            let reader = reader.clone();
            async move { (&*reader).read(&mut [0]).await }
        });
        subject.block_on(async {
            try_join_all(waiting).await.unwrap();
            writer.write_all(b"ab").unwrap();
            assert_eq!(try_join_all(reading).await.unwrap(), [1, 1]);
        });
    }
}

pub fn a_read_that_is_given_up_loses_no_bytes(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (reader, mut writer) = pipe();
    let mut reader = register(&reactor, reader);
    subject.block_on(async {
        for round in 0..100_u8 {
            let mut byte = [0];
            let mut reading = Box::pin(reader.read(&mut byte));
            assert!(poll!(&mut reading).is_pending());
            writer.write_all(&[round]).unwrap();
            drop(reading);
            reader.read_exact(&mut byte).await.unwrap();
            assert_eq!(byte, [round]);
        }
    });
}

pub fn readiness_is_told_as_it_is(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (reader, mut writer) = pipe();
    let reader = register(&reactor, reader);
    subject.block_on(async {
        for _ in 0..20 {
            let mut readable = Box::pin(reader.readable());
            assert!(poll!(&mut readable).is_pending());
            writer.write_all(b"ab").unwrap();
            readable.await.unwrap();
            // Taken behind the loop's back, byte by byte.
            reader.get_ref().read_exact(&mut [0]).unwrap();
            reader.readable().await.unwrap();
            reader.get_ref().read_exact(&mut [0]).unwrap();
        }
        drop(writer);
        reader.readable().await.unwrap();
    });
    let (_reader, writer) = pipe();
    let writer = register(&reactor, writer);
    subject.block_on(async {
        writer.writable().await.unwrap();
        while writer.get_ref().write(&[0; 4096]).is_ok() {}
        assert!(poll!(Box::pin(writer.writable())).is_pending());
    });
}
