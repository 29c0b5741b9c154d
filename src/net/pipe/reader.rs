use std::{
    fmt,
    fs::OpenOptions,
    future::poll_fn,
    io::{self, IoSliceMut},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
    pin::Pin,
    process::Stdio,
    task::{Context, Poll},
};

use futures_io::AsyncRead;
use rustix::{
    fs::OFlags,
    io::{Errno, retry_on_intr},
};

use super::{checked, open};
use crate::{
    Interest, Reactor, Source,
    net::ready::{Ready, tells_ready},
    transfer,
};

/// The end of a pipe from which is read.
///
/// It is at its end when all that could write to it is closed. Any number of tasks may read, by `&PipeReader`.
///
/// # Cancel safety
/// A read that did not finish has moved no bytes.
pub struct PipeReader {
    source: Box<dyn Source>,
}

impl PipeReader {
    /// Opens a named pipe to read from it. Nobody need have it open for writing: on Linux, reading waits for the first who has.
    ///
    /// It ends with the last that writes to it, and what comes from another one later may not be waited for. See
    /// [`open_lasting`](Self::open_lasting).
    ///
    /// # Errors
    /// Those of the system; [`io::ErrorKind::InvalidInput`] if there is something else at the path; and if the loop has
    /// shut down.
    pub fn open(reactor: &Reactor, path: impl AsRef<Path>) -> io::Result<Self> {
        let fd = open(OpenOptions::new().read(true), path.as_ref())?;
        Self::registered(reactor, fd)
    }

    /// As [`open`](Self::open), and opens it for writing, too: so it never ends, whoever writes to it comes and goes. POSIX does not
    /// define that; Linux does.
    ///
    /// # Errors
    /// As there.
    pub fn open_lasting(reactor: &Reactor, path: impl AsRef<Path>) -> io::Result<Self> {
        let fd = open(OpenOptions::new().read(true).write(true), path.as_ref())?;
        Self::registered(reactor, fd)
    }

    /// Takes over an end that was made elsewhere, and sets it non-blocking.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if it is no pipe, or cannot be read from; and if the loop has shut down. It is closed then.
    pub fn from_fd(reactor: &Reactor, fd: impl Into<OwnedFd>) -> io::Result<Self> {
        let fd = checked(fd.into(), OFlags::RDONLY)?;
        Self::registered(reactor, fd)
    }

    /// Without a look at what it is.
    pub(crate) fn registered(reactor: &Reactor, fd: OwnedFd) -> io::Result<Self> {
        let source = reactor.register(fd)?;
        Ok(Self { source })
    }

    /// Takes it off the loop, as a descriptor that blocks, for another program or thread.
    ///
    /// # Errors
    /// If no descriptor is left. It is closed then.
    pub fn into_blocking_fd(self) -> io::Result<OwnedFd> {
        transfer::into_blocking(self.source)
    }

    /// Waits until there is something to read: bytes, or the end. Another task may take it before.
    ///
    /// # Errors
    /// If the loop has shut down.
    ///
    /// # Cancel safety
    /// Nothing is taken, so nothing is lost.
    pub async fn readable(&self) -> io::Result<()> {
        poll_fn(|cx| self.poll_readable(cx)).await
    }

    /// Polls for something to read. See [`readable`](Self::readable).
    ///
    /// # Errors
    /// As there.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        transfer::poll_ready(&*self.source, cx, Interest::Readable)
    }

    /// Reads what is there. Zero is the end, unless `buf` is empty.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if there is nothing; and those of the system.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let wanted = buf.len();
        let fd = self.source.as_fd();
        Ok(retry_on_intr(|| {
            read_or_wait(fd, wanted, |fd| rustix::io::read(fd, &mut *buf))
        })?)
    }

    /// Reads what is there into several buffers, one after the other. See [`try_read`](Self::try_read).
    ///
    /// # Errors
    /// As there.
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let bufs = transfer::at_once_mut(bufs);
        let wanted = bufs.iter().map(|buf| buf.len()).sum();
        let fd = self.source.as_fd();
        Ok(retry_on_intr(|| {
            read_or_wait(fd, wanted, |fd| rustix::io::readv(fd, bufs))
        })?)
    }
}

tells_ready!(PipeReader, <>, source);

impl AsyncRead for &PipeReader {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let wanted = buf.len();
        transfer::poll_bytes(&*self.source, cx, Interest::Readable, wanted, |fd| {
            read_or_wait(fd, wanted, |fd| rustix::io::read(fd, &mut *buf))
        })
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let bufs = transfer::at_once_mut(bufs);
        let wanted = bufs.iter().map(|buf| buf.len()).sum();
        transfer::poll_bytes(&*self.source, cx, Interest::Readable, wanted, |fd| {
            read_or_wait(fd, wanted, |fd| rustix::io::readv(fd, bufs))
        })
    }
}

impl AsyncRead for PipeReader {
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

impl AsFd for PipeReader {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.as_fd()
    }
}

impl TryFrom<PipeReader> for Stdio {
    type Error = io::Error;

    /// Gives it to a child, as its input for example.
    fn try_from(reader: PipeReader) -> io::Result<Self> {
        Ok(reader.into_blocking_fd()?.into())
    }
}

impl fmt::Debug for PipeReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PipeReader").field(&self.source).finish()
    }
}

/// Reads, and tells the end from a named pipe that nobody has had open for writing yet, where the system does so.
fn read_or_wait<'fd>(
    fd: BorrowedFd<'fd>,
    wanted: usize,
    op: impl FnOnce(BorrowedFd<'fd>) -> rustix::io::Result<usize>,
) -> rustix::io::Result<usize> {
    let tells_apart = cfg!(any(target_os = "linux", target_os = "android"));
    match op(fd)? {
        0 if tells_apart && wanted > 0 && !Ready::ask(fd)?.is_read_closed() => Err(Errno::AGAIN),
        moved => Ok(moved),
    }
}
