use std::{
    cell::Cell,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use pin_project_lite::pin_project;

/// How much is read at once, at most.
const SCRATCH: usize = 64 * 1024;

/// How much is put together to be written at once.
const SHORT: usize = 4 * 1024;

thread_local! {
    /// What is read into, for lack of a safe way to read into hyper's buffer, which is not initialized; and where short slices are
    /// put together.
    static SCRATCH_OF_THREAD: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

pin_project! {
    /// What speaks the traits of futures-io, speaking hyper's, and the other way round.
    ///
    /// `poll_shutdown` is the inner type's `poll_close`, and the other way round. Reading for hyper goes
    /// through a buffer of the thread, 64 KiB, from which the bytes that have come are copied: that is cheaper than to
    /// initialize hyper's buffer for each read, and a request is short. What hyper writes goes straight to the inner type, except that
    /// several slices of 4 KiB or less together are put together there.
    ///
    /// Longer vectored writes always go to the inner type. Whether they are worth it cannot be asked of a type of futures-io: say so
    /// with [`with_vectored_writes`](Self::with_vectored_writes), or hyper copies what it writes together.
    ///
    /// ```
    /// use futures_util::io::{AsyncReadExt, AsyncWriteExt};
    /// use hyper::upgrade::Upgraded;
    /// use interloop_hyper::Io;
    ///
    /// /// What an HTTP connection has become, read with futures-io.
    /// async fn echo(upgraded: Upgraded) -> std::io::Result<()> {
    ///     let (reading, mut writing) = Io::new(upgraded).split();
    ///     futures_util::io::copy(reading, &mut writing).await?;
    ///     writing.close().await
    /// }
    /// ```
    ///
    /// Cancel safety: that of the inner type.
    #[derive(Debug)]
    pub struct Io<T> {
        #[pin]
        inner: T,
        is_write_vectored: bool,
    }
}

impl<T> Io<T> {
    /// Wraps what speaks either dialect.
    pub fn new(inner: T) -> Self {
        Self {
            inner,
            is_write_vectored: false,
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

    /// What was wrapped. Nothing is lost, as no bytes stay here.
    pub fn into_inner(self) -> T {
        self.inner
    }
}

impl<T> From<T> for Io<T> {
    fn from(inner: T) -> Self {
        Self::new(inner)
    }
}

impl<T: futures_io::AsyncRead> Read for Io<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        poll_read(self.project().inner, cx, buf, |_| {})
    }
}

impl<T: futures_io::AsyncWrite> Write for Io<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_close(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.is_write_vectored
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        poll_write_vectored(self.project().inner, cx, bufs)
    }
}

impl<T: Read> futures_io::AsyncRead for Io<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        // A reader that is asked for nothing may take it for a read, and give nothing, which is its end, to the next.
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let mut buf = ReadBuf::new(buf);
        ready!(self.project().inner.poll_read(cx, buf.unfilled()))?;
        Poll::Ready(Ok(buf.filled().len()))
    }
}

impl<T: Write> futures_io::AsyncWrite for Io<T> {
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

/// Reads into a buffer of hyper's. `seen` is shown what was read.
pub(crate) fn poll_read<T: futures_io::AsyncRead>(
    reader: Pin<&mut T>,
    cx: &mut Context<'_>,
    mut buf: ReadBufCursor<'_>,
    seen: impl FnOnce(&[u8]),
) -> Poll<io::Result<()>> {
    // As above.
    if buf.remaining() == 0 {
        return Poll::Ready(Ok(()));
    }
    with_scratch(|scratch| {
        let wanted = buf.remaining().min(scratch.len());
        let read = ready!(reader.poll_read(cx, &mut scratch[..wanted]))?;
        if read > wanted {
            return Poll::Ready(Err(io::Error::other(
                "the reader claims to have read more than there was room for: its `poll_read` is wrong",
            )));
        }
        seen(&scratch[..read]);
        buf.put_slice(&scratch[..read]);
        Poll::Ready(Ok(()))
    })
}

/// Writes several slices. Short ones are put together first, which is cheaper than to have the system do so.
fn poll_write_vectored<T: futures_io::AsyncWrite>(
    writer: Pin<&mut T>,
    cx: &mut Context<'_>,
    bufs: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let len: usize = bufs.iter().map(|buf| buf.len()).sum();
    if len > SHORT {
        return writer.poll_write_vectored(cx, bufs);
    }
    with_scratch(|scratch| {
        let mut filled = 0;
        for buf in bufs {
            scratch[filled..filled + buf.len()].copy_from_slice(buf);
            filled += buf.len();
        }
        writer.poll_write(cx, &scratch[..filled])
    })
}

fn with_scratch<R>(f: impl FnOnce(&mut [u8]) -> R) -> R {
    // Taken away meanwhile, as what reads or writes may itself do so through one of these, or may panic. At the thread's end
    // there is no place for it.
    let taken = SCRATCH_OF_THREAD.try_with(Cell::take).ok().flatten();
    let mut scratch = taken.unwrap_or_else(|| vec![0; SCRATCH].into());
    let result = f(&mut scratch);
    let _ = SCRATCH_OF_THREAD.try_with(|place| place.set(Some(scratch)));
    result
}
