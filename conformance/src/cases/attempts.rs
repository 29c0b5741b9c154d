//! Streams, of TCP and within one machine alike: moving bytes without waiting, looking ahead, and what they are ready for.

use std::{
    io::{self, IoSlice, IoSliceMut},
    time::Duration,
};

use futures_util::{
    future::{join, poll_fn},
    io::{AsyncReadExt, AsyncWriteExt},
    poll,
};
use interloop::{Interest, net::UnixStream};
use rustix::net::{RecvFlags, recv};

use crate::{
    AnySubject, Subject,
    tools::{HOUR, connection, parked, yield_now},
};

const BOTH: &[Interest] = &[Interest::Readable, Interest::Writable];

/// What a case does, on a connection of each kind.
macro_rules! each_kind {
    ($subject:ident, |$one:pat_param, $other:pat_param| $body:block) => {
        let reactor = $subject.reactor();
        $subject.block_on(async {
            {
                let ($one, $other) = connection(&reactor).await;
                $body
            }
            {
                let ($one, $other) = UnixStream::pair(&reactor).unwrap();
                $body
            }
        });
    };
}

/// Goes on with an attempt while the connection takes more, and says how much it took.
macro_rules! until_full {
    ($stream:ident, $attempt:expr) => {{
        let mut written = 0;
        loop {
            match $attempt {
                Ok(moved) => written += moved,
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                    // A connection goes on to hand bytes over for a moment.
                    if poll!(Box::pin($stream.writable())).is_pending() {
                        break written;
                    }
                }
            }
        }
    }};
}

pub fn a_stream_is_filled_and_emptied_without_waiting(mut subject: AnySubject) {
    each_kind!(subject, |one, other| {
        let (waits, readable) = parked(other.readable());
        let (readable, ()) = join(readable, async {
            waits.await.unwrap();
            one.writable().await.unwrap();
            assert_eq!(one.try_write(b"first").unwrap(), 5);
        })
        .await;
        readable.unwrap();
        let written = 5 + until_full!(one, one.try_write(&[7; 4000]));
        let mut received = 0;
        let mut buf = vec![0; 100_000];
        while received < written {
            other.readable().await.unwrap();
            match other.try_read(&mut buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => received += result.unwrap(),
            }
        }
        assert_eq!(received, written);
        assert_eq!(other.try_read(&mut buf).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        one.writable().await.unwrap();
    });
}

pub fn a_stream_is_filled_and_emptied_by_several_buffers(mut subject: AnySubject) {
    each_kind!(subject, |one, other| {
        let bytes: Vec<u8> = (0..4000_u32).map(|n| (n % 251) as u8).collect();
        let pieces: Vec<_> = bytes.chunks(10).map(IoSlice::new).collect();
        // In whole rounds, so that the bytes can be told from each other.
        let mut written = Vec::new();
        until_full!(one, {
            let attempt = one.try_write_vectored(&pieces);
            if let Ok(moved) = &attempt {
                written.extend_from_slice(&bytes[..*moved]);
            }
            attempt
        });
        let mut received = vec![0; written.len()];
        let mut read = 0;
        while read < received.len() {
            other.readable().await.unwrap();
            let mut bufs: Vec<_> = received[read..].chunks_mut(1000).map(IoSliceMut::new).collect();
            match other.try_read_vectored(&mut bufs) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => read += result.unwrap(),
            }
        }
        assert!(received == written, "the bytes are others, or in another order");
    });
}

pub fn peeking_without_waiting_takes_nothing(mut subject: AnySubject) {
    each_kind!(subject, |mut one, mut other| {
        let mut buf = [0; 8];
        assert_eq!(other.try_peek(&mut buf).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        one.write_all(b"ping").await.unwrap();
        for _ in 0..3 {
            assert_eq!(other.peek(&mut buf).await.unwrap(), 4);
            assert_eq!(other.try_peek(&mut buf).unwrap(), 4);
            assert_eq!(poll_fn(|cx| other.poll_peek(cx, &mut buf)).await.unwrap(), 4);
            assert_eq!(&buf[..4], b"ping");
        }
        assert_eq!(other.read(&mut buf).await.unwrap(), 4);
        assert_eq!(other.try_peek(&mut buf).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(one);
        assert_eq!(other.peek(&mut buf).await.unwrap(), 0);
        assert_eq!(other.try_peek(&mut buf).unwrap(), 0);
    });
}

pub fn readiness_tells_the_directions_apart(mut subject: AnySubject) {
    each_kind!(subject, |one, mut other| {
        let ready = one.ready(BOTH).await.unwrap();
        assert!(ready.is_writable() && !ready.is_readable(), "{ready:?}");
        assert!(!ready.is_read_closed() && !ready.is_write_closed() && !ready.is_error());
        assert!(poll!(Box::pin(one.ready(&[Interest::Readable]))).is_pending());

        let (waits, readable) = parked(one.ready(&[Interest::Readable]));
        let (ready, ()) = join(readable, async {
            waits.await.unwrap();
            other.write_all(b"ping").await.unwrap();
        })
        .await;
        let ready = ready.unwrap();
        assert!(ready.is_readable() && !ready.is_read_closed(), "{ready:?}");
        let ready = one.ready(BOTH).await.unwrap();
        assert!(ready.is_writable() && ready.is_readable(), "{ready:?}");

        until_full!(one, one.try_write(&[7; 4000]));
        let ready = one.ready(BOTH).await.unwrap();
        assert!(ready.is_readable() && !ready.is_writable(), "{ready:?}");
    });
}

pub fn either_direction_wakes_who_waits_for_both(mut subject: AnySubject) {
    each_kind!(subject, |one, mut other| {
        let full = until_full!(one, one.try_write(&[7; 4000]));
        let (waits, ready) = parked(one.ready(BOTH));
        let (ready, ()) = join(ready, async {
            waits.await.unwrap();
            other.write_all(b"!").await.unwrap();
        })
        .await;
        let ready = ready.unwrap();
        assert!(ready.is_readable() && !ready.is_writable(), "{ready:?}");
        assert_eq!(one.try_read(&mut [0; 8]).unwrap(), 1);

        let (waits, ready) = parked(one.ready(BOTH));
        let (ready, ()) = join(ready, async {
            waits.await.unwrap();
            other.read_exact(&mut vec![0; full]).await.unwrap();
        })
        .await;
        let ready = ready.unwrap();
        assert!(ready.is_writable() && !ready.is_write_closed(), "{ready:?}");
    });
}

pub fn readiness_tells_that_the_peer_has_closed(mut subject: AnySubject) {
    each_kind!(subject, |one, mut other| {
        other.write_all(b"last").await.unwrap();
        other.close().await.unwrap();
        if cfg!(target_os = "linux") {
            loop {
                let ready = one.ready(&[Interest::Readable]).await.unwrap();
                if ready.is_read_closed() {
                    // What it wrote before can be read, and what is written arrives.
                    assert!(!ready.is_write_closed(), "{ready:?}");
                    break;
                }
                yield_now().await;
            }
        }
        assert_eq!(one.try_read(&mut [0; 8]).unwrap(), 4);
        one.readable().await.unwrap();
        assert_eq!(one.try_read(&mut [0; 8]).unwrap(), 0);
    });
}

pub fn a_full_stream_is_writable_when_its_peer_is_gone(mut subject: AnySubject) {
    each_kind!(subject, |one, other| {
        until_full!(one, one.try_write(&[7; 4000]));
        let (waits, writable) = parked(one.writable());
        let (writable, ()) = join(writable, async {
            waits.await.unwrap();
            drop(other);
        })
        .await;
        writable.unwrap();
        let ready = one.ready(BOTH).await.unwrap();
        assert!(ready.is_write_closed() && ready.is_read_closed(), "{ready:?}");
        let kinds = [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset];
        assert!(kinds.contains(&one.try_write(&[7]).unwrap_err().kind()));
    });
}

pub fn readiness_for_nothing_is_refused(mut subject: AnySubject) {
    each_kind!(subject, |one, _other| {
        let error = one.ready(&[]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    });
}

pub fn an_operation_of_ones_own_waits(mut subject: AnySubject) {
    each_kind!(subject, |one, other| {
        let mut buf = [0; 8];
        let (waits, receiving) = parked(other.read_with(|fd| Ok(recv(fd, &mut buf, RecvFlags::empty())?.1)));
        let (received, ()) = join(receiving, async {
            waits.await.unwrap();
            let sent = one.write_with(|fd| Ok(rustix::io::write(fd, b"ping")?)).await;
            assert_eq!(sent.unwrap(), 4);
        })
        .await;
        assert_eq!(received.unwrap(), 4);
        let failed = one.write_with(|_| Err::<(), _>(io::Error::other("out of paper"))).await;
        assert_eq!(failed.unwrap_err().to_string(), "out of paper");
    });
}

pub fn a_read_ends_with_its_time_limit_and_loses_nothing(mut subject: AnySubject) {
    let reactor = subject.reactor();
    each_kind!(subject, |mut one, mut other| {
        let mut buf = [0; 8];
        for limit in [Duration::ZERO, Duration::from_millis(10)] {
            let error = reactor.timeout(limit, other.read(&mut buf)).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            one.write_all(b"ping").await.unwrap();
            let read = reactor.timeout(HOUR, other.read(&mut buf)).await;
            assert_eq!(read.unwrap(), 4);
        }
    });
}
