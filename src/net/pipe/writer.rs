use std::{
    fmt,
    fs::OpenOptions,
    future::poll_fn,
    io::{self, IoSlice},
    os::fd::OwnedFd,
    path::Path,
    pin::Pin,
    process::Stdio,
    task::{Context, Poll},
};

use futures_io::AsyncWrite;
use rustix::{fs::OFlags, io::retry_on_intr};

use super::{checked, open};
use crate::{Interest, Reactor, Source, net::ready::tells_ready, transfer};

/// The end of a pipe into which is written.
///
/// Closing it (`AsyncWriteExt::close`) or dropping it is the end for who reads; writing after that fails, as it does when nobody
/// reads any more, with [`io::ErrorKind::BrokenPipe`].
///
/// # Cancel safety
/// A write that did not finish has moved no bytes.
pub struct PipeWriter {
    /// Empty once it was closed.
    source: Option<Box<dyn Source>>,
}

impl PipeWriter {
    /// Opens a named pipe to write to it.
    ///
    /// # Errors
    /// Those of the system, among them `ENXIO` if nobody has it open for reading; [`io::ErrorKind::InvalidInput`] if there is
    /// something else at the path; and if the loop has shut down.
    pub fn open(reactor: &Reactor, path: impl AsRef<Path>) -> io::Result<Self> {
        let fd = open(OpenOptions::new().write(true), path.as_ref())?;
        Self::registered(reactor, fd)
    }

    /// As [`open`](Self::open), and opens it for reading, too: so nobody else need have it open, and what is written stays as long as
    /// this. POSIX does not define that; Linux does.
    ///
    /// # Errors
    /// As there, except `ENXIO`.
    pub fn open_lasting(reactor: &Reactor, path: impl AsRef<Path>) -> io::Result<Self> {
        let fd = open(OpenOptions::new().read(true).write(true), path.as_ref())?;
        Self::registered(reactor, fd)
    }

    /// Takes over an end that was made elsewhere, and sets it non-blocking.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if it is no pipe, or cannot be written to; and if the loop has shut down. It is closed then.
    pub fn from_fd(reactor: &Reactor, fd: impl Into<OwnedFd>) -> io::Result<Self> {
        let fd = checked(fd.into(), OFlags::WRONLY)?;
        Self::registered(reactor, fd)
    }

    /// Without a look at what it is.
    pub(crate) fn registered(reactor: &Reactor, fd: OwnedFd) -> io::Result<Self> {
        let source = Some(reactor.register(fd)?);
        Ok(Self { source })
    }

    /// Takes it off the loop, as a descriptor that blocks, for another program or thread.
    ///
    /// # Errors
    /// [`io::ErrorKind::BrokenPipe`] if it was closed; and if no descriptor is left. It is closed then.
    pub fn into_blocking_fd(self) -> io::Result<OwnedFd> {
        transfer::into_blocking(self.source.ok_or(io::ErrorKind::BrokenPipe)?)
    }

    /// Waits until there is room to write, or nobody reads any more. Another task may take the room before.
    ///
    /// # Errors
    /// [`io::ErrorKind::BrokenPipe`] if it was closed; and if the loop has shut down.
    ///
    /// # Cancel safety
    /// Nothing is written, so nothing is lost.
    pub async fn writable(&self) -> io::Result<()> {
        poll_fn(|cx| self.poll_writable(cx)).await
    }

    /// Polls for room to write. See [`writable`](Self::writable).
    ///
    /// # Errors
    /// As there.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        transfer::poll_ready(self.source()?, cx, Interest::Writable)
    }

    /// Writes as much as there is room for.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if there is none; [`io::ErrorKind::BrokenPipe`] if it was closed; and those of the
    /// system.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        let fd = self.source()?.as_fd();
        Ok(retry_on_intr(|| rustix::io::write(fd, buf))?)
    }

    /// Writes several buffers, one after the other, as much as there is room for. See [`try_write`](Self::try_write).
    ///
    /// # Errors
    /// As there.
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let (fd, bufs) = (self.source()?.as_fd(), transfer::at_once(bufs));
        Ok(retry_on_intr(|| rustix::io::writev(fd, bufs))?)
    }

    fn source(&self) -> io::Result<&dyn Source> {
        Ok(&**self.source.as_ref().ok_or(io::ErrorKind::BrokenPipe)?)
    }
}

tells_ready!(PipeWriter, <>, source()?);

impl AsyncWrite for PipeWriter {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        transfer::poll_write(self.source()?, cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        transfer::poll_write_vectored(self.source()?, cx, bufs)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        drop(self.source.take());
        Poll::Ready(Ok(()))
    }
}

impl TryFrom<PipeWriter> for Stdio {
    type Error = io::Error;

    /// Gives it to a child, as its output for example.
    fn try_from(writer: PipeWriter) -> io::Result<Self> {
        Ok(writer.into_blocking_fd()?.into())
    }
}

impl fmt::Debug for PipeWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PipeWriter").field(&self.source).finish()
    }
}
