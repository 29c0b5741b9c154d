//! Messages for async code.

use std::io;

use futures_executor::block_on;
use futures_util::{
    FutureExt, SinkExt, StreamExt,
    io::{AsyncReadExt, AsyncWriteExt},
    stream,
};
use interloop::{
    net::memory,
    protocol::framing::{FrameError, Lines, MessageError, Netstrings, messages},
};

use super::attach;

type Owned = Vec<u8>;

#[test]
fn messages_come_as_they_were_sent_whatever_the_pieces() {
    for capacity in [1, 2, 7, 100_000] {
        let (near, far) = memory::pair(capacity);
        let (mut received, _keep) = messages::<_, _, Owned>(near, Netstrings::new());
        let (_none, mut sink) = messages::<_, _, Owned>(far, Netstrings::new());
        let sending = async {
            for len in 0..200_usize {
                match len % 3 {
                    0 => sink.send(&vec![b'x'; len][..]).await.unwrap(),
                    _ => sink.feed(&vec![b'x'; len][..]).await.unwrap(),
                }
            }
            sink.close().await.unwrap();
        };
        let receiving = async {
            for len in 0..200 {
                assert_eq!(received.next().await.unwrap().unwrap(), vec![b'x'; len]);
            }
            assert!(received.next().await.is_none());
            assert!(received.next().await.is_none(), "it stays at its end");
        };
        block_on(futures_util::future::join(sending, receiving));
    }
}

#[test]
fn a_message_that_is_cut_off_by_the_end_is_an_error() {
    let (mut near, far) = memory::pair(100);
    let (mut lines, _sink) = messages::<_, _, Owned>(far, Lines::lf());
    block_on(async {
        near.write_all(b"whole\nhalf").await.unwrap();
        near.close().await.unwrap();
        assert_eq!(lines.next().await.unwrap().unwrap(), b"whole");
        let error = lines.next().await.unwrap().unwrap_err();
        assert!(matches!(error, MessageError::Partial(4)), "{error:?}");
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::UnexpectedEof);
        assert!(lines.next().await.is_none());
    });
}

#[test]
fn what_is_no_message_ends_the_stream_and_is_not_sent() {
    let (mut near, far) = memory::pair(100);
    let (mut lines, mut sink) = messages::<_, _, Owned>(far, Lines::lf().max_length(3));
    block_on(async {
        near.write_all(b"abc\nabcd\n").await.unwrap();
        assert_eq!(lines.next().await.unwrap().unwrap(), b"abc");
        let error = lines.next().await.unwrap().unwrap_err();
        assert!(matches!(error, MessageError::Codec(FrameError::TooLong { limit: 3 })));
        assert!(lines.next().await.is_none());
        sink.send(&b"long"[..]).await.unwrap_err();
        sink.send(&b"ok"[..]).await.unwrap();
        let mut buf = [0; 3];
        near.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"ok\n");
    });
}

#[test]
fn a_wait_that_is_given_up_loses_nothing() {
    let (mut near, far) = memory::pair(100);
    let (mut lines, mut sink) = messages::<_, _, Owned>(far, Lines::lf());
    block_on(async {
        for piece in [&b"on"[..], b"e\ntw", b"o\n"] {
            assert!(lines.next().now_or_never().is_none());
            near.write_all(piece).await.unwrap();
            if piece.contains(&b'\n') {
                lines.next().await.unwrap().unwrap();
            }
        }
        // More than there is room for.
        assert!(sink.send(&[b'x'; 150][..]).now_or_never().is_none());
        let mut buf = [0; 151];
        let (read, sent) = futures_util::future::join(near.read_exact(&mut buf), sink.flush()).await;
        read.unwrap();
        sent.unwrap();
        assert!(buf.starts_with(b"xxx") && buf.ends_with(b"x\n"));
    });
}

#[test]
fn the_combinators_of_streams_and_sinks_have_both_halves() {
    let (near, far) = memory::pair(7);
    let (received, mut to_near) = messages::<_, _, Owned>(near, Lines::lf().max_length(9));
    let (mut echoed, mut to_far) = messages::<_, _, Owned>(far, Lines::lf());
    let lines = ["one", "twenty-two", "three", "four"];
    block_on(async {
        // The first that cannot be sent is the end; what follows can be sent.
        let mut to_send = stream::iter(lines).map(|line| Ok(line.as_bytes()));
        let sending = async {
            let error = to_near.send_all(&mut to_send).await.unwrap_err();
            assert!(
                matches!(error, MessageError::Codec(FrameError::TooLong { limit: 9 })),
                "{error:?}"
            );
            to_near.send_all(&mut to_send).await.unwrap();
            to_near.close().await.unwrap();
        };
        let echoing = async {
            while let Some(line) = echoed.next().await {
                to_far.send(&line.unwrap()[..]).await.unwrap();
            }
            to_far.close().await.unwrap();
        };
        let receiving = received.map(Result::unwrap).collect::<Vec<_>>();
        let ((), (), received) = futures_util::future::join3(sending, echoing, receiving).await;
        assert_eq!(received, [&b"one"[..], b"three", b"four"]);
    });
}

#[test]
fn feeding_waits_when_too_much_has_not_gone() {
    let (_near, far) = memory::pair(10);
    let (_lines, mut sink) = messages::<_, _, Owned>(far, Lines::lf());
    let mut fed = 0;
    while sink.feed(&[b'x'; 1000][..]).now_or_never().is_some() {
        fed += 1;
    }
    assert_eq!(fed, 66, "of 1,001 bytes each, until 64 KiB wait");
}

#[test]
fn a_channel_that_fails_takes_no_more() {
    let (near, far) = memory::pair(10);
    let (_lines, mut sink) = messages::<_, _, Owned>(far, Lines::lf());
    drop(near);
    block_on(async {
        assert!(matches!(sink.send(&b"x"[..]).await, Err(MessageError::Io(_))));
        assert!(matches!(sink.send(&b"x"[..]).await, Err(MessageError::Io(_))));
        assert!(sink.close().await.is_err());
    });
}

#[test]
fn a_connection_goes_on_as_messages_and_then_as_it_was() {
    let mut setup = attach(100, |recorder| recorder);
    setup.transport.unread(b"first\nsec");
    let detached = setup.transport.detach();
    setup.events();
    let stream = detached.try_take().unwrap().unwrap();
    setup.send(b"ond\nraw");
    block_on(async {
        let (mut lines, mut sink) = messages::<_, _, Owned>(stream, Lines::lf());
        assert_eq!(lines.next().await.unwrap().unwrap(), b"first");
        assert_eq!(lines.next().await.unwrap().unwrap(), b"second");
        sink.send(&b"answer"[..]).await.unwrap();
        let (_stream, unread) = lines.reunite(sink).unwrap();
        assert_eq!(unread, b"raw");
    });
    assert_eq!(setup.received(100), b"answer\n");
}

#[test]
fn the_halves_run_on_two_threads() {
    let (near, far) = memory::pair(64);
    let (mut one, mut to_one) = messages::<_, _, Owned>(near, Lines::lf());
    let (mut other, mut to_other) = messages::<_, _, Owned>(far, Lines::lf());
    let receiving = std::thread::spawn(move || {
        block_on(async {
            let mut count = 0;
            while let Some(line) = one.next().await {
                line.unwrap();
                count += 1;
            }
            count
        })
    });
    let echoing = std::thread::spawn(move || {
        block_on(async {
            while let Some(line) = other.next().await {
                to_other.send(&line.unwrap()[..]).await.unwrap();
            }
            to_other.close().await.unwrap();
        })
    });
    block_on(async {
        for _ in 0..2000 {
            to_one.send(&b"a line of some length"[..]).await.unwrap();
        }
        to_one.close().await.unwrap();
    });
    assert_eq!(receiving.join().unwrap(), 2000);
    echoing.join().unwrap();
}
