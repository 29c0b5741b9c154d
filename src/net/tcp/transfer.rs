//! Moving bytes.

use std::{
    future::poll_fn,
    io::{self, IoSlice, IoSliceMut, Read},
    net::Shutdown,
    os::fd::BorrowedFd,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_io::{AsyncRead, AsyncWrite};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::{RecvFlags, recv},
};
use socket2::{SockRef, Socket};

use super::{TcpStream, retry_interrupted};
use crate::{Interest, Readiness};

/// A connection that has failed is an error of the write, never a signal to the process.
#[cfg(target_vendor = "apple")]
const NO_SIGNAL: i32 = 0; // An option of the socket there, which socket2 sets.
#[cfg(not(target_vendor = "apple"))]
const NO_SIGNAL: i32 = libc::MSG_NOSIGNAL;

/// As many buffers the system takes at once.
const MAX_BUFFERS: usize = 1024;

/// Waiting without reading or writing, and reading and writing without waiting.
impl TcpStream {
    /// Reads without taking: the next read gives the same bytes. Zero is the end.
    ///
    /// # Errors
    /// Those of the system, and if the loop has shut down.
    ///
    /// # Cancel safety
    /// Nothing is lost when this is dropped.
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_peek(cx, buf)).await
    }

    /// Polls for bytes without taking them. See [`peek`](Self::peek).
    ///
    /// # Errors
    /// As for `peek`.
    pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut seen = 0;
        ready!(self.source.poll_io(cx, Interest::Readable, &mut |fd| {
            (_, seen) = retry_interrupted(|| Ok(recv(fd, &mut *buf, RecvFlags::PEEK)?))?;
            Ok(Readiness::Remains)
        }))?;
        Poll::Ready(Ok(seen))
    }

    /// Waits until there is something to read: bytes, the end, or an error. Another task may take it before, so
    /// [`try_read`](Self::try_read) can say `WouldBlock` afterwards.
    ///
    /// With this a task holds no buffer while it waits:
    ///
    /// ```
    /// # async fn example(stream: interloop::net::TcpStream) -> std::io::Result<()> {
    /// use std::io::ErrorKind::WouldBlock;
    ///
    /// let (buf, len) = loop {
    ///     stream.readable().await?;
    ///     let mut buf = Box::new([0; 4096]);
    ///     match stream.try_read(&mut *buf) {
    ///         Err(error) if error.kind() == WouldBlock => {}
    ///         result => break (buf, result?),
    ///     }
    /// };
    /// # let _ = &buf[..len];
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the loop has shut down.
    ///
    /// # Cancel safety
    /// Nothing is lost when this is dropped.
    pub async fn readable(&self) -> io::Result<()> {
        poll_fn(|cx| self.poll_readable(cx)).await
    }

    /// Polls for something to read. See [`readable`](Self::readable).
    ///
    /// # Errors
    /// As for `readable`.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_ready(cx, Interest::Readable, PollFlags::IN)
    }

    /// Waits until there is room to write, or an error to be told. Another task may take it before, so
    /// [`try_write`](Self::try_write) can say `WouldBlock` afterwards.
    ///
    /// # Errors
    /// If the loop has shut down.
    ///
    /// # Cancel safety
    /// Nothing is lost when this is dropped.
    pub async fn writable(&self) -> io::Result<()> {
        poll_fn(|cx| self.poll_writable(cx)).await
    }

    /// Polls for room to write. See [`writable`](Self::writable).
    ///
    /// # Errors
    /// As for `writable`.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_ready(cx, Interest::Writable, PollFlags::OUT)
    }

    /// Reads what is there. Zero is the end, unless `buf` is empty.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if there is nothing; and those of the system.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        retry_interrupted(|| (&*SockRef::from(self)).read(buf))
    }

    /// Reads what is there into several buffers, one after the other. See [`try_read`](Self::try_read).
    ///
    /// # Errors
    /// As for `try_read`.
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let bufs = at_once_mut(bufs);
        retry_interrupted(|| (&*SockRef::from(self)).read_vectored(bufs))
    }

    /// Writes as much as there is room for.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if there is none; and those of the system.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        retry_interrupted(|| SockRef::from(self).send_with_flags(buf, NO_SIGNAL))
    }

    /// Writes several buffers, one after the other, as much as there is room for. See [`try_write`](Self::try_write).
    ///
    /// # Errors
    /// As for `try_write`.
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let bufs = at_once(bufs);
        retry_interrupted(|| SockRef::from(self).send_vectored_with_flags(bufs, NO_SIGNAL))
    }

    /// The system is asked, since loops remember readiness that others have used up since, and some do not tell of what
    /// they have told before.
    fn poll_ready(&self, cx: &mut Context<'_>, interest: Interest, flags: PollFlags) -> Poll<io::Result<()>> {
        self.source.poll_io(cx, interest, &mut |fd| {
            let mut fds = [PollFd::from_borrowed_fd(fd, flags)];
            match retry_interrupted(|| Ok(poll(&mut fds, Some(&Timespec::default()))?))? {
                0 => Err(io::ErrorKind::WouldBlock.into()),
                _ => Ok(Readiness::Remains),
            }
        })
    }

    fn poll_bytes(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        wanted: usize,
        mut op: impl FnMut(&Socket) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        if wanted == 0 {
            // The system would wait for bytes of which it then moves none.
            return Poll::Ready(Ok(0));
        }
        let mut moved = 0;
        let mut attempt = |fd: BorrowedFd<'_>| {
            let socket = SockRef::from(&fd);
            moved = retry_interrupted(|| op(&socket))?;
            // On a stream socket a short count means that nothing is left; zero is the end, which
            // stays ready.
            Ok(if moved > 0 && moved < wanted {
                Readiness::Drained
            } else {
                Readiness::Remains
            })
        };
        ready!(self.source.poll_io(cx, interest, &mut attempt))?;
        Poll::Ready(Ok(moved))
    }
}

/// As many buffers as the system takes at once, from the first that is not empty.
fn at_once<'a, 'b>(bufs: &'b [IoSlice<'a>]) -> &'b [IoSlice<'a>] {
    let begin = bufs.iter().take_while(|buf| buf.is_empty()).count();
    let end = bufs.len().min(begin + MAX_BUFFERS);
    &bufs[begin..end]
}

fn at_once_mut<'a, 'b>(bufs: &'b mut [IoSliceMut<'a>]) -> &'b mut [IoSliceMut<'a>] {
    let begin = bufs.iter().take_while(|buf| buf.is_empty()).count();
    let end = bufs.len().min(begin + MAX_BUFFERS);
    &mut bufs[begin..end]
}

impl AsyncRead for &TcpStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_bytes(cx, Interest::Readable, buf.len(), |mut socket| socket.read(buf))
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let bufs = at_once_mut(bufs);
        let wanted = bufs.iter().map(|buf| buf.len()).sum();
        self.poll_bytes(cx, Interest::Readable, wanted, |mut socket| socket.read_vectored(bufs))
    }
}

impl AsyncWrite for &TcpStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_bytes(cx, Interest::Writable, buf.len(), |socket| {
            socket.send_with_flags(buf, NO_SIGNAL)
        })
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bufs = at_once(bufs);
        let wanted = bufs.iter().map(|buf| buf.len()).sum();
        self.poll_bytes(cx, Interest::Writable, wanted, |socket| {
            socket.send_vectored_with_flags(bufs, NO_SIGNAL)
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.shutdown(Shutdown::Write))
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_read(cx, buf)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_read_vectored(cx, bufs)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_write_vectored(cx, bufs)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_close(cx)
    }
}
