//! Pipes, with a name and without.

use std::{
    fmt,
    fs::OpenOptions,
    future::poll_fn,
    io::{self, IoSlice, IoSliceMut},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::OpenOptionsExt,
    },
    path::Path,
    pin::Pin,
    process::Stdio,
    task::{Context, Poll},
};

use futures_io::{AsyncRead, AsyncWrite};
use rustix::{
    fs::{FileType, OFlags},
    io::{Errno, retry_on_intr},
};

use super::ready::{Ready, tells_ready};
use crate::{Interest, Reactor, Source, transfer};

/// Makes a pipe without a name.
///
/// ```
/// # futures_executor::block_on(async {
/// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
/// use futures_util::io::{AsyncReadExt, AsyncWriteExt};
///
/// let (mut reader, mut writer) = interloop::net::pipe(&reactor)?;
/// writer.write_all(b"ping").await?;
/// writer.close().await?;
/// let mut received = Vec::new();
/// reader.read_to_end(&mut received).await?;
/// assert_eq!(received, b"ping");
/// # Ok::<_, std::io::Error>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// If no descriptors are left, or the loop has shut down.
pub fn pipe(reactor: &Reactor) -> io::Result<(PipeReader, PipeWriter)> {
    #[cfg(not(target_vendor = "apple"))]
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    #[cfg(target_vendor = "apple")]
    let (reader, writer) = {
        let (reader, writer) = rustix::pipe::pipe()?;
        for end in [&reader, &writer] {
            rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC)?;
        }
        (reader, writer)
    };
    Ok((
        PipeReader::registered(reactor, reader)?,
        PipeWriter::registered(reactor, writer)?,
    ))
}

/// The end of a pipe from which is read.
///
/// It is at its end when all that could write to it is closed. Any number of tasks may read, by `&PipeReader`.
///
/// # Cancel safety
/// A read that did not finish has moved no bytes.
pub struct PipeReader {
    source: Box<dyn Source>,
}

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

    fn registered(reactor: &Reactor, fd: OwnedFd) -> io::Result<Self> {
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

    fn registered(reactor: &Reactor, fd: OwnedFd) -> io::Result<Self> {
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

tells_ready!(PipeReader, <>, source);
tells_ready!(PipeWriter, <>, source()?);

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

impl TryFrom<PipeWriter> for Stdio {
    type Error = io::Error;

    /// Gives it to a child, as its output for example.
    fn try_from(writer: PipeWriter) -> io::Result<Self> {
        Ok(writer.into_blocking_fd()?.into())
    }
}

impl fmt::Debug for PipeReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PipeReader").field(&self.source).finish()
    }
}

impl fmt::Debug for PipeWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PipeWriter").field(&self.source).finish()
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

/// Opens without waiting for somebody at the other end.
fn open(options: &mut OpenOptions, path: &Path) -> io::Result<OwnedFd> {
    let file = options.custom_flags(OFlags::NONBLOCK.bits() as i32).open(path)?;
    a_pipe(file.into())
}

fn a_pipe(fd: OwnedFd) -> io::Result<OwnedFd> {
    match FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) {
        FileType::Fifo => Ok(fd),
        _ => Err(unfit(
            "this is no pipe, use a `Descriptor`, or `spawn_blocking` for a file",
        )),
    }
}

/// Makes sure that what was made elsewhere is a pipe, and open for what is to be done with it.
fn checked(fd: OwnedFd, mode: OFlags) -> io::Result<OwnedFd> {
    let fd = a_pipe(fd)?;
    match rustix::fs::fcntl_getfl(&fd)? & OFlags::RWMODE {
        has if has == mode || has == OFlags::RDWR => Ok(fd),
        _ => Err(unfit(
            "this is the other end of the pipe, open it for the other direction",
        )),
    }
}

fn unfit(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
