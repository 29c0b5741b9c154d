//! Bytes, and the room for them.

use std::{
    io::{IoSlice, IoSliceMut},
    pin::Pin,
    task::{Context, Waker},
};

use futures_executor::block_on;
use futures_util::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use interloop::net::memory::{MemoryStream, pair};

use crate::{Numbers, ready, try_read, try_write};

fn read_vectored(stream: &MemoryStream, sizes: &[usize]) -> (usize, Vec<Vec<u8>>) {
    let mut bufs: Vec<Vec<u8>> = sizes.iter().map(|&size| vec![0; size]).collect();
    let mut slices: Vec<_> = bufs.iter_mut().map(|buf| IoSliceMut::new(buf)).collect();
    let mut cx = Context::from_waker(Waker::noop());
    let read = ready(Pin::new(&mut &*stream).poll_read_vectored(&mut cx, &mut slices));
    (read, bufs)
}

fn write_vectored(stream: &MemoryStream, bufs: &[&[u8]]) -> usize {
    let slices: Vec<_> = bufs.iter().map(|buf| IoSlice::new(buf)).collect();
    let mut cx = Context::from_waker(Waker::noop());
    ready(Pin::new(&mut &*stream).poll_write_vectored(&mut cx, &slices))
}

#[test]
fn what_one_end_writes_the_other_reads() {
    let (mut client, mut server) = pair(32);
    block_on(async {
        client.write_all(b"ping").await.unwrap();
        let mut buf = [0; 4];
        server.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"ping");
        server.write_all(b"pong").await.unwrap();
        client.flush().await.unwrap();
        client.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"pong");
    });
}

#[test]
fn a_read_gives_what_is_there_and_waits_for_nothing_more() {
    let (client, server) = pair(32);
    assert!(try_read(&server, 8).is_pending());
    ready(try_write(&client, b"one"));
    ready(try_write(&client, b"two"));
    assert_eq!(ready(try_read(&server, 2)), b"on");
    assert_eq!(ready(try_read(&server, 8)), b"etwo");
    assert!(try_read(&server, 8).is_pending());
}

#[test]
fn a_write_takes_what_there_is_room_for_and_then_waits() {
    let (client, server) = pair(4);
    assert_eq!(ready(try_write(&client, b"abcdef")), 4);
    assert!(try_write(&client, b"e").is_pending());
    assert_eq!(ready(try_read(&server, 1)), b"a");
    assert_eq!(ready(try_write(&client, b"efg")), 1);
    assert!(try_write(&client, b"f").is_pending());
    assert_eq!(ready(try_read(&server, 8)), b"bcde");
}

#[test]
fn each_direction_has_room_of_its_own() {
    let (client, server) = pair(2);
    assert_eq!(ready(try_write(&client, b"abc")), 2);
    assert_eq!(ready(try_write(&server, b"xyz")), 2);
    assert_eq!(ready(try_read(&client, 8)), b"xy");
    assert!(try_write(&client, b"c").is_pending());
    assert_eq!(ready(try_read(&server, 8)), b"ab");
}

#[test]
fn no_room_counts_as_room_for_one_byte() {
    let (client, server) = pair(0);
    assert_eq!(ready(try_write(&client, b"ab")), 1);
    assert!(try_write(&client, b"b").is_pending());
    assert_eq!(ready(try_read(&server, 8)), b"a");
}

#[test]
fn room_takes_no_memory_before_it_is_used() {
    let (client, server) = pair(usize::MAX);
    assert_eq!(ready(try_write(&client, b"ping")), 4);
    assert_eq!(ready(try_read(&server, 8)), b"ping");
}

#[test]
fn nothing_is_read_and_written_at_once_whatever_the_state() {
    let (client, server) = pair(1);
    let at_once = || {
        for stream in [&client, &server] {
            assert_eq!(ready(try_read(stream, 0)), b"");
            assert_eq!(ready(try_write(stream, b"")), 0);
            assert_eq!(read_vectored(stream, &[]).0, 0);
            assert_eq!(read_vectored(stream, &[0, 0]).0, 0);
            assert_eq!(write_vectored(stream, &[]), 0);
            assert_eq!(write_vectored(stream, &[b"", b""]), 0);
        }
    };
    at_once();
    ready(try_write(&client, b"full"));
    at_once();
    block_on((&client).close()).unwrap();
    at_once();
    assert_eq!(ready(try_read(&server, 8)), b"f");
    at_once();
}

#[test]
fn several_buffers_are_written_one_after_the_other_as_far_as_there_is_room() {
    let (client, server) = pair(8);
    assert_eq!(write_vectored(&client, &[b"ab", b"", b"cde", b"f"]), 6);
    assert_eq!(ready(try_read(&server, 3)), b"abc");
    assert_eq!(write_vectored(&client, &[b"gh", b"ijklmn", b"never"]), 5);
    assert_eq!(ready(try_read(&server, 100)), b"defghijk");
}

#[test]
fn several_buffers_are_filled_one_after_the_other_as_far_as_there_are_bytes() {
    let (client, server) = pair(8);
    ready(try_write(&client, b"abcdef"));
    assert_eq!(
        read_vectored(&server, &[1, 0, 2]),
        (3, vec![b"a".to_vec(), vec![], b"bc".to_vec()])
    );
    ready(try_write(&client, b"ghijk"));
    let (read, bufs) = read_vectored(&server, &[2, 3, 9]);
    assert_eq!(read, 8);
    assert_eq!(bufs, [b"de".to_vec(), b"fgh".to_vec(), b"ijk\0\0\0\0\0\0".to_vec()]);
}

#[test]
fn bytes_keep_their_order_wherever_they_are_cut() {
    let mut numbers = Numbers::new(3);
    for capacity in [1, 2, 7, 64] {
        let (client, server) = pair(capacity);
        let sent = numbers.bytes(5000);
        let (mut written, mut received) = (0, Vec::new());
        while received.len() < sent.len() {
            let rest = &sent[written..];
            let part = &rest[..rest.len().min(numbers.below(2 * capacity + 1))];
            if let std::task::Poll::Ready(count) = try_write(&client, part) {
                written += count.unwrap();
            }
            assert!(written - received.len() <= capacity);
            if let std::task::Poll::Ready(part) = try_read(&server, numbers.below(2 * capacity + 1)) {
                received.extend(part.unwrap());
            }
        }
        assert!(received == sent, "with room for {capacity}");
    }
}
