//! Connections in memory: what they do where sockets do it, who waits and who is woken.

mod backlog;
mod ends;
mod listener;
mod same_protocol;
mod traffic;
mod transfer;
mod waiting;

#[path = "../tools/mod.rs"]
mod tools;

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use futures_util::io::{AsyncRead, AsyncWrite};

/// Reads once, up to a number of bytes, with nobody to wake.
fn try_read(stream: impl AsyncRead + Unpin, limit: usize) -> Poll<io::Result<Vec<u8>>> {
    read_with(Waker::noop(), stream, limit)
}

fn read_with(waker: &Waker, mut stream: impl AsyncRead + Unpin, limit: usize) -> Poll<io::Result<Vec<u8>>> {
    let mut buf = vec![0; limit];
    let polled = Pin::new(&mut stream).poll_read(&mut Context::from_waker(waker), &mut buf);
    polled.map_ok(|read| buf[..read].to_vec())
}

/// Writes once, with nobody to wake.
fn try_write(stream: impl AsyncWrite + Unpin, bytes: &[u8]) -> Poll<io::Result<usize>> {
    write_with(Waker::noop(), stream, bytes)
}

fn write_with(waker: &Waker, mut stream: impl AsyncWrite + Unpin, bytes: &[u8]) -> Poll<io::Result<usize>> {
    Pin::new(&mut stream).poll_write(&mut Context::from_waker(waker), bytes)
}

#[track_caller]
fn ready<T>(polled: Poll<io::Result<T>>) -> T {
    match polled {
        Poll::Ready(result) => result.unwrap(),
        Poll::Pending => panic!("it waits"),
    }
}

#[track_caller]
fn error<T>(polled: Poll<io::Result<T>>) -> io::ErrorKind {
    match polled {
        Poll::Ready(Err(error)) => error.kind(),
        Poll::Ready(Ok(_)) => panic!("it succeeded"),
        Poll::Pending => panic!("it waits"),
    }
}

/// Numbers that look random, and follow from the first, by xorshift.
struct Numbers(u64);

impl Numbers {
    fn new(seed: u64) -> Self {
        // Zero would stay zero.
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.below(256) as u8).collect()
    }
}
