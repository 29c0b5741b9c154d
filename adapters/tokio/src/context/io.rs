//! Readers and writers inside of a context, in the dialect that they speak. `interloop_tokio::io` has the other one.

use std::{
    io::{self, IoSlice, IoSliceMut, SeekFrom},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::ReadBuf;

use super::Wrapped;

impl<T: futures_io::AsyncRead> futures_io::AsyncRead for Wrapped<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_in(cx, |io, cx| io.poll_read(cx, buf))
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_in(cx, |io, cx| io.poll_read_vectored(cx, bufs))
    }
}

impl<T: futures_io::AsyncWrite> futures_io::AsyncWrite for Wrapped<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_in(cx, |io, cx| io.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_in(cx, |io, cx| io.poll_write_vectored(cx, bufs))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_in(cx, T::poll_flush)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_in(cx, T::poll_close)
    }
}

impl<T: futures_io::AsyncBufRead> futures_io::AsyncBufRead for Wrapped<T> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.poll_in(cx, T::poll_fill_buf)
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        self.call_pinned(|io| io.consume(amount));
    }
}

impl<T: futures_io::AsyncSeek> futures_io::AsyncSeek for Wrapped<T> {
    fn poll_seek(self: Pin<&mut Self>, cx: &mut Context<'_>, position: SeekFrom) -> Poll<io::Result<u64>> {
        self.poll_in(cx, |io, cx| io.poll_seek(cx, position))
    }
}

impl<T: tokio::io::AsyncRead> tokio::io::AsyncRead for Wrapped<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.poll_in(cx, |io, cx| io.poll_read(cx, buf))
    }
}

impl<T: tokio::io::AsyncWrite> tokio::io::AsyncWrite for Wrapped<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_in(cx, |io, cx| io.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_in(cx, |io, cx| io.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.get_ref().is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_in(cx, T::poll_flush)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_in(cx, T::poll_shutdown)
    }
}

impl<T: tokio::io::AsyncBufRead> tokio::io::AsyncBufRead for Wrapped<T> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.poll_in(cx, T::poll_fill_buf)
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        self.call_pinned(|io| io.consume(amount));
    }
}

impl<T: tokio::io::AsyncSeek> tokio::io::AsyncSeek for Wrapped<T> {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        self.call_pinned(|io| io.start_seek(position))
    }

    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        self.poll_in(cx, T::poll_complete)
    }
}
