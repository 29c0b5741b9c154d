use std::{
    io::{self, IoSlice, SeekFrom},
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tokio::io::ReadBuf;

/// How much of a buffer is initialized for one read, where nobody has done so before. A reader of futures-io needs
/// initialized memory, and zeroing megabytes for each short read would cost more than the read.
const INITIALIZED_AT_ONCE: usize = 16 * 1024;

pin_project! {
    /// What speaks the traits of futures-io, speaking tokio's.
    ///
    /// Reading, buffered reading, writing and seeking pass through as far as the inner type has them, without a buffer
    /// between; `poll_shutdown` is the inner type's `poll_close`.
    ///
    /// Vectored writes always go to the inner type. Whether they are worth it cannot be asked of a type of futures-io: say
    /// so with [`with_vectored_writes`](Self::with_vectored_writes), or `is_write_vectored` is false, and many callers then
    /// copy what they write together.
    ///
    /// Cancel safety: that of the inner type.
    #[derive(Debug)]
    pub struct AsTokio<T> {
        #[pin]
        inner: T,
        is_write_vectored: bool,
        seek: Option<SeekFrom>,
        // Where the last seek came to.
        position: u64,
    }
}

impl<T> AsTokio<T> {
    /// Wraps what speaks the traits of futures-io.
    pub fn new(inner: T) -> Self {
        Self {
            inner,
            is_write_vectored: false,
            seek: None,
            position: 0,
        }
    }

    /// Says that the inner type writes several slices at once, as the sockets of [`interloop::net`] do.
    #[must_use = "it gives the wrapper back"]
    pub fn with_vectored_writes(self) -> Self {
        Self {
            is_write_vectored: true,
            ..self
        }
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

impl<T> From<T> for AsTokio<T> {
    fn from(inner: T) -> Self {
        Self::new(inner)
    }
}

impl<T: futures_io::AsyncRead> tokio::io::AsyncRead for AsTokio<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // A reader that is asked for nothing may take it for a read, and give nothing, which is its end, to the next.
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let is_initialized = buf.initialized().len() - buf.filled().len();
        let wanted = buf.remaining().min(is_initialized.max(INITIALIZED_AT_ONCE));
        // The unfilled part only: what is filled is somebody's data, and may be less than what is initialized.
        let read = ready!(self.project().inner.poll_read(cx, buf.initialize_unfilled_to(wanted)))?;
        if read > wanted {
            return Poll::Ready(Err(io::Error::other(
                "the reader claims to have read more than there was room for: its `poll_read` is wrong",
            )));
        }
        buf.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl<T: futures_io::AsyncBufRead> tokio::io::AsyncBufRead for AsTokio<T> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.project().inner.poll_fill_buf(cx)
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        self.project().inner.consume(amount);
    }
}

impl<T: futures_io::AsyncWrite> tokio::io::AsyncWrite for AsTokio<T> {
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

    fn is_write_vectored(&self) -> bool {
        self.is_write_vectored
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_close(cx)
    }
}

impl<T: futures_io::AsyncSeek> tokio::io::AsyncSeek for AsTokio<T> {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        let this = self.project();
        if this.seek.is_some() {
            return Err(io::Error::other(
                "a seek is under way: wait for `poll_complete` before the next `start_seek`",
            ));
        }
        *this.seek = Some(position);
        Ok(())
    }

    /// Without a seek under way, this is ready with the position that the last one came to, as tokio's extension trait asks
    /// before each.
    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let this = self.project();
        if let Some(position) = *this.seek {
            let sought = ready!(this.inner.poll_seek(cx, position));
            *this.seek = None;
            *this.position = sought?;
        }
        Poll::Ready(Ok(*this.position))
    }
}
