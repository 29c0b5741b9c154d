//! Buffers that are full, partly filled or not initialized: none of them may look like the end.

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::io::Cursor;
use interloop_tokio::io::{AsFutures, AsTokio};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use crate::poll_once;

fn assert_ready(polled: Poll<io::Result<()>>) {
    assert!(matches!(polled, Poll::Ready(Ok(()))));
}

#[test]
fn a_full_buffer_is_not_the_end_and_does_not_reach_the_reader() {
    /// Takes being asked for nothing as an error.
    struct Strict;

    impl futures_io::AsyncRead for Strict {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
            assert!(!buf.is_empty());
            buf[0] = 7;
            Poll::Ready(Ok(1))
        }
    }

    let mut reader = AsTokio::new(Strict);
    let mut bytes = [0; 2];
    let mut buf = ReadBuf::new(&mut bytes);
    for filled in [1, 2, 2] {
        assert_ready(poll_once(&mut reader, |reader, cx| reader.poll_read(cx, &mut buf)));
        assert_eq!(buf.filled().len(), filled);
    }
}

#[tokio::test]
async fn a_file_that_was_asked_for_nothing_is_not_at_its_end() {
    use futures_util::io::AsyncReadExt as _;

    let mut file = AsFutures::new(tokio::fs::File::open("Cargo.toml").await.unwrap());
    assert_eq!(file.read(&mut []).await.unwrap(), 0);
    let mut start = [0; 9];
    assert_eq!(file.read(&mut start).await.unwrap(), 9);
    assert_eq!(&start, b"[package]");
}

#[test]
fn what_is_filled_stays_and_what_is_only_initialized_is_overwritten() {
    let mut reader = AsTokio::new(Cursor::new(b"world".to_vec()));
    let mut bytes = [MaybeUninit::uninit(); 16];
    let mut buf = ReadBuf::uninit(&mut bytes);
    // Initialized as far as ten, filled as far as six.
    buf.initialize_unfilled_to(10).fill(b'x');
    buf.advance(6);
    assert_ready(poll_once(&mut reader, |reader, cx| reader.poll_read(cx, &mut buf)));
    assert_eq!(buf.filled(), b"xxxxxxworld");
}

#[test]
fn what_is_initialized_but_not_filled_was_not_read() {
    /// Initializes all of the buffer, as many readers do, and has three bytes.
    struct Three;

    impl AsyncRead for Three {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            buf.initialize_unfilled().fill(b'-');
            buf.advance(3);
            Poll::Ready(Ok(()))
        }
    }

    let mut bytes = [0; 8];
    let polled = poll_once(&mut AsFutures::new(Three), |reader, cx| {
        futures_io::AsyncRead::poll_read(reader, cx, &mut bytes)
    });
    assert!(matches!(polled, Poll::Ready(Ok(3))));
}

#[test]
fn a_large_buffer_is_not_initialized_whole_for_a_short_read() {
    let mut reader = AsTokio::new(Cursor::new(b"short".to_vec()));
    let mut bytes = vec![MaybeUninit::uninit(); 1 << 20];
    let mut buf = ReadBuf::uninit(&mut bytes);
    assert_ready(poll_once(&mut reader, |reader, cx| reader.poll_read(cx, &mut buf)));
    assert_eq!(buf.filled(), b"short");
    assert!(buf.initialized().len() < 1 << 16);
}

#[tokio::test]
async fn spare_capacity_of_a_vector_is_filled_to_the_end() {
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let mut reader = AsTokio::new(Cursor::new(bytes.clone()));
    let mut read = Vec::with_capacity(7);
    while reader.read_buf(&mut read).await.unwrap() != 0 {}
    assert_eq!(read, bytes);
}

#[test]
fn a_reader_that_claims_more_than_there_is_room_for_is_an_error() {
    struct Boaster;

    impl futures_io::AsyncRead for Boaster {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(buf.len() + 1))
        }
    }

    let mut bytes = [0; 4];
    let mut buf = ReadBuf::new(&mut bytes);
    let polled = poll_once(&mut AsTokio::new(Boaster), |reader, cx| reader.poll_read(cx, &mut buf));
    assert!(matches!(polled, Poll::Ready(Err(error)) if error.to_string().contains("poll_read")));
}

#[test]
fn slices_arrive_as_slices_both_ways() {
    let slices = [IoSlice::new(b"one "), IoSlice::new(b""), IoSlice::new(b"two")];
    let mut there_and_back = AsFutures::new(AsTokio::new(Cursor::new(Vec::new())).with_vectored_writes());
    assert!(there_and_back.get_ref().is_write_vectored());
    let polled = poll_once(&mut there_and_back, |writer, cx| {
        futures_io::AsyncWrite::poll_write_vectored(writer, cx, &slices)
    });
    assert!(matches!(polled, Poll::Ready(Ok(7))));
    assert_eq!(there_and_back.into_inner().into_inner().into_inner(), b"one two");
    assert!(!AsTokio::new(Cursor::new(Vec::<u8>::new())).is_write_vectored());
}
