//! Moving bytes.

use std::{
    future::poll_fn,
    io::{self, IoSlice, IoSliceMut},
    net::Shutdown,
    os::fd::AsFd,
    pin::Pin,
    task::{Context, Poll},
};

use futures_io::{AsyncRead, AsyncWrite};
use rustix::net::{RecvFlags, recv};

use super::TcpStream;
use crate::{
    Interest,
    transfer::{self, at_once, at_once_mut, retry_interrupted},
};

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
        transfer::poll_op(&*self.source, cx, Interest::Readable, |fd| {
            let (_, seen) = retry_interrupted(|| Ok(recv(fd, &mut *buf, RecvFlags::PEEK)?))?;
            Ok(seen)
        })
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
        transfer::poll_ready(&*self.source, cx, Interest::Readable)
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
        transfer::poll_ready(&*self.source, cx, Interest::Writable)
    }

    /// Reads what is there. Zero is the end, unless `buf` is empty.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if there is nothing; and those of the system.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        retry_interrupted(|| Ok(rustix::io::read(self.as_fd(), &mut *buf)?))
    }

    /// Reads what is there into several buffers, one after the other. See [`try_read`](Self::try_read).
    ///
    /// # Errors
    /// As for `try_read`.
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let bufs = at_once_mut(bufs);
        retry_interrupted(|| Ok(rustix::io::readv(self.as_fd(), bufs)?))
    }

    /// Writes as much as there is room for.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if there is none; and those of the system.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        retry_interrupted(|| Ok(transfer::send(self.as_fd(), buf)?))
    }

    /// Writes several buffers, one after the other, as much as there is room for. See [`try_write`](Self::try_write).
    ///
    /// # Errors
    /// As for `try_write`.
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let bufs = at_once(bufs);
        retry_interrupted(|| Ok(transfer::send_vectored(self.as_fd(), bufs)?))
    }
}

transfer::streams!(TcpStream);
