//! Descriptors of what reads and writes, as streams.

use std::{
    io::{self, IoSlice, IoSliceMut, Read, Write},
    pin::Pin,
    task::{Context, Poll},
};

use futures_io::{AsyncRead, AsyncWrite};

use super::Descriptor;
use crate::{Interest, Source, transfer};

/// By reference, so that several tasks can, where what it is made of reads so, too: a [`File`](std::fs::File) for
/// example.
impl<T> AsyncRead for &Descriptor<T>
where
    for<'a> &'a T: Read,
{
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        poll_moved(&*self.source, cx, Interest::Readable, buf.len(), || {
            (&self.io).read(buf)
        })
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let wanted = bufs.iter().map(|buf| buf.len()).sum();
        poll_moved(&*self.source, cx, Interest::Readable, wanted, || {
            (&self.io).read_vectored(bufs)
        })
    }
}

impl<T: Read> AsyncRead for Descriptor<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let Self { source, io } = self.get_mut();
        poll_moved(&**source, cx, Interest::Readable, buf.len(), || io.read(buf))
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self { source, io } = self.get_mut();
        let wanted = bufs.iter().map(|buf| buf.len()).sum();
        poll_moved(&**source, cx, Interest::Readable, wanted, || io.read_vectored(bufs))
    }
}

/// By reference, where what it is made of writes so, too. Closing flushes, and nothing else.
impl<T> AsyncWrite for &Descriptor<T>
where
    for<'a> &'a T: Write,
{
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        poll_moved(&*self.source, cx, Interest::Writable, buf.len(), || {
            (&self.io).write(buf)
        })
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wanted = bufs.iter().map(|buf| buf.len()).sum();
        poll_moved(&*self.source, cx, Interest::Writable, wanted, || {
            (&self.io).write_vectored(bufs)
        })
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        poll_flushed(&*self.source, cx, || (&self.io).flush())
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

/// Closing flushes, and nothing else, since not every descriptor can end one direction. What reads a pipe sees the end when the
/// descriptor is dropped.
impl<T: Write> AsyncWrite for Descriptor<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let Self { source, io } = self.get_mut();
        poll_moved(&**source, cx, Interest::Writable, buf.len(), || io.write(buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self { source, io } = self.get_mut();
        let wanted = bufs.iter().map(|buf| buf.len()).sum();
        poll_moved(&**source, cx, Interest::Writable, wanted, || io.write_vectored(bufs))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { source, io } = self.get_mut();
        poll_flushed(&**source, cx, || io.flush())
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

/// Moves bytes by an operation of the standard library's traits.
fn poll_moved(
    source: &dyn Source,
    cx: &mut Context<'_>,
    interest: Interest,
    wanted: usize,
    mut op: impl FnMut() -> io::Result<usize>,
) -> Poll<io::Result<usize>> {
    if wanted == 0 {
        // The system might wait for bytes of which it then moves none.
        return Poll::Ready(Ok(0));
    }
    // How much was moved says nothing of what is left, as this may be any descriptor.
    transfer::poll_op(source, cx, interest, |_| transfer::retry_interrupted(&mut op))
}

fn poll_flushed(
    source: &dyn Source,
    cx: &mut Context<'_>,
    mut op: impl FnMut() -> io::Result<()>,
) -> Poll<io::Result<()>> {
    // Most have nothing to flush, and then there is nothing to wait for.
    match transfer::retry_interrupted(&mut op) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
        result => return Poll::Ready(result),
    }
    transfer::poll_op(source, cx, Interest::Writable, |_| transfer::retry_interrupted(&mut op))
}
