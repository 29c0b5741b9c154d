use std::{
    io::{self, BufRead, IoSlice, Read, Seek, SeekFrom, Write},
    pin::Pin,
    task::{Context, Poll},
};

use futures_io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite};

use crate::reactor::wait;

/// An asynchronous stream that reads and writes as those of the standard library do: the thread waits.
///
/// For threads of your own, and for blocking jobs. On a thread that runs a loop, where waiting would keep the loop from
/// running what is waited for, what can be done at once is done, and everything else is an error whose
/// [`Aborted`](crate::Aborted) is a [deadlock](crate::Aborted::is_deadlock); see [`Deferred::wait`](crate::Deferred::wait) for what
/// counts as that. The stream is as before then, and can be used where waiting is allowed.
///
/// The stream needs somebody else to run its loop, if it has one.
///
/// Dropping it drops the stream, which closes nothing by itself: see [`close`](Self::close).
///
/// ```
/// use std::io::{Read, Write};
/// use interloop::{io::BlockOn, net::memory};
///
/// let (near, far) = memory::pair(16);
/// let writing = std::thread::spawn(move || {
///     let mut near = BlockOn::new(near);
///     near.write_all(b"more than there is room for at once")?;
///     near.close()
/// });
/// let mut text = String::new();
/// BlockOn::new(far).read_to_string(&mut text)?;
/// assert_eq!(text.len(), 35);
/// # writing.join().unwrap()
/// # ?; Ok::<_, std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct BlockOn<S> {
    stream: S,
}

impl<S> BlockOn<S> {
    /// Wraps a stream. One that is not `Unpin` is pinned by the caller: `Pin<Box<S>>` and `Pin<&mut S>` are streams, too.
    pub fn new(stream: S) -> Self {
        Self { stream }
    }

    /// The stream.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The stream. Nothing is lost, as there is no buffer here.
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl<S: AsyncWrite + Unpin> BlockOn<S> {
    /// Closes the writing direction, waiting until all was written: `poll_close` of the stream.
    ///
    /// # Errors
    /// Those of the stream, and of waiting on a thread that runs a loop.
    pub fn close(&mut self) -> io::Result<()> {
        self.wait(|stream, cx| stream.poll_close(cx))
    }
}

impl<S: Unpin> BlockOn<S> {
    fn wait<R>(&mut self, mut poll: impl FnMut(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<R>>) -> io::Result<R> {
        wait::poll_blocking(|cx| poll(Pin::new(&mut self.stream), cx))?
    }
}

impl<S: AsyncRead + Unpin> Read for BlockOn<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.wait(|stream, cx| stream.poll_read(cx, buf))
    }

    fn read_vectored(&mut self, bufs: &mut [io::IoSliceMut<'_>]) -> io::Result<usize> {
        self.wait(|stream, cx| stream.poll_read_vectored(cx, bufs))
    }
}

impl<S: AsyncBufRead + Unpin> BufRead for BlockOn<S> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        // The bytes are borrowed from a poll of their own, since one in a loop would be for the whole loop. That
        // there are some stays so until they are consumed.
        self.wait(|stream, cx| stream.poll_fill_buf(cx).map_ok(|bytes| bytes.is_empty()))
            .and_then(|is_at_end| {
                if is_at_end {
                    return Ok(&[][..]);
                }
                let mut cx = Context::from_waker(std::task::Waker::noop());
                match Pin::new(&mut self.stream).poll_fill_buf(&mut cx) {
                    Poll::Ready(filled) => filled,
                    Poll::Pending => Err(io::Error::other(
                        "the reader has forgotten what it had read: its `poll_fill_buf` is wrong",
                    )),
                }
            })
    }

    fn consume(&mut self, amount: usize) {
        Pin::new(&mut self.stream).consume(amount);
    }
}

impl<S: AsyncWrite + Unpin> Write for BlockOn<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.wait(|stream, cx| stream.poll_write(cx, buf))
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.wait(|stream, cx| stream.poll_write_vectored(cx, bufs))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.wait(|stream, cx| stream.poll_flush(cx))
    }
}

impl<S: AsyncSeek + Unpin> Seek for BlockOn<S> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.wait(|stream, cx| stream.poll_seek(cx, position))
    }
}
