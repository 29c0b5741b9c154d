//! A connection as the server reads it.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_io::{AsyncRead, AsyncWrite};
use hyper::rt::{Read, ReadBufCursor, Write};
use interloop::{Reactor, time::Sleep};

use super::connections::Slot;
use crate::{Io, io::poll_read};

/// What a client of HTTP/2 says first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection that counts as one of its server's as long as it is open, and whose first bytes have a limited time.
#[derive(Debug)]
pub(super) struct ServerIo<S> {
    stream: Io<S>,
    beginning: Option<Beginning>,
    _slot: Slot,
}

/// Until it is clear which version of HTTP is spoken. hyper has no time limit for that.
#[derive(Debug)]
struct Beginning {
    reactor: Reactor,
    limit: Duration,
    sleep: Option<Sleep>,
    /// How much of the preface has come.
    seen: usize,
}

impl<S> ServerIo<S> {
    pub(super) fn new(stream: Io<S>, slot: Slot, reactor: &Reactor, limit: Option<Duration>) -> Self {
        Self {
            stream,
            beginning: limit.map(|limit| Beginning {
                reactor: reactor.clone(),
                limit,
                sleep: None,
                seen: 0,
            }),
            _slot: slot,
        }
    }
}

impl Beginning {
    /// Whether the version is clear after these bytes.
    fn see(&mut self, bytes: &[u8]) -> bool {
        let expected = &PREFACE[self.seen..];
        self.seen += bytes.len().min(expected.len());
        // Nothing is the end of the stream, and so is anything else than the preface.
        bytes.is_empty() || self.seen == PREFACE.len() || !expected.starts_with(bytes)
    }

    fn poll_limit(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sleep = self.sleep.get_or_insert_with(|| self.reactor.sleep(self.limit));
        Pin::new(sleep).poll(cx).map(|slept| {
            slept?;
            Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the client has not begun a request in time",
            ))
        })
    }
}

impl<S: AsyncRead + Unpin> Read for ServerIo<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Some(beginning) = &mut this.beginning else {
            return Pin::new(&mut this.stream).poll_read(cx, buf);
        };
        let mut is_clear = false;
        let stream = Pin::new(&mut this.stream).get_pin_mut();
        match poll_read(stream, cx, buf, |bytes| is_clear = beginning.see(bytes)) {
            Poll::Pending => beginning.poll_limit(cx),
            read => {
                if is_clear {
                    this.beginning = None;
                }
                read
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> Write for ServerIo<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }
}
