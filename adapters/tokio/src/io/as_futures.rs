use std::{
    io::{self, IoSlice, SeekFrom},
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tokio::io::ReadBuf;

pin_project! {
    /// What speaks tokio's traits, speaking those of futures-io.
    ///
    /// Reading, buffered reading, writing and seeking pass through as far as the inner type has them, without a buffer
    /// between; `poll_close` is the inner type's `poll_shutdown`. There is no question for `is_write_vectored` in futures-io, so
    /// a vectored write always goes to the inner type, which writes the first slice if it can do no better.
    ///
    /// Cancel safety: that of the inner type. A seek that was given up may have happened or not, and the next one waits for
    /// it.
    #[derive(Debug)]
    pub struct AsFutures<T> {
        #[pin]
        inner: T,
        seek: Option<SeekFrom>,
    }
}

impl<T> AsFutures<T> {
    /// Wraps what speaks tokio's traits.
    pub fn new(inner: T) -> Self {
        Self { inner, seek: None }
    }

    /// What is wrapped.
    pub fn get_ref(&self) -> &T {
        &self.inner
    }

    /// What is wrapped.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.inner
    }

    /// What is wrapped, pinned as this is.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut T> {
        self.project().inner
    }

    /// What was wrapped. Nothing is lost, as there is no buffer here.
    pub fn into_inner(self) -> T {
        self.inner
    }
}

impl<T> From<T> for AsFutures<T> {
    fn from(inner: T) -> Self {
        Self::new(inner)
    }
}

impl<T: tokio::io::AsyncRead> futures_io::AsyncRead for AsFutures<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        // Some readers, tokio's files among them, remember that they were asked for nothing, and the next read
        // would then look like the end.
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let mut buf = ReadBuf::new(buf);
        ready!(self.project().inner.poll_read(cx, &mut buf))?;
        // Not what is initialized, which is all of it.
        Poll::Ready(Ok(buf.filled().len()))
    }
}

impl<T: tokio::io::AsyncBufRead> futures_io::AsyncBufRead for AsFutures<T> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.project().inner.poll_fill_buf(cx)
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        self.project().inner.consume(amount);
    }
}

impl<T: tokio::io::AsyncWrite> futures_io::AsyncWrite for AsFutures<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write_vectored(cx, bufs)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_shutdown(cx)
    }
}

impl<T: tokio::io::AsyncSeek> futures_io::AsyncSeek for AsFutures<T> {
    fn poll_seek(self: Pin<&mut Self>, cx: &mut Context<'_>, position: SeekFrom) -> Poll<io::Result<u64>> {
        let mut this = self.project();
        if *this.seek != Some(position) {
            // tokio asks for this before a seek, as there may be another one under way, or a write.
            let before = ready!(this.inner.as_mut().poll_complete(cx));
            // Ended, whether well or not: a failure of it must not be waited for again.
            *this.seek = None;
            before?;
            this.inner.as_mut().start_seek(position)?;
            *this.seek = Some(position);
        }
        let sought = ready!(this.inner.poll_complete(cx));
        *this.seek = None;
        Poll::Ready(sought)
    }
}
