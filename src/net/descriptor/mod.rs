mod streams;

use std::{
    fmt,
    future::poll_fn,
    io,
    os::fd::{AsFd, BorrowedFd},
    task::{Context, Poll},
};

use super::ready::tells_ready;
use crate::{Interest, Reactor, Source, transfer};

/// Any descriptor that a loop can wait for: a pipe, a terminal, an `eventfd`, an inotify, a socket of a C library. What tokio
/// calls `AsyncFd`, and async-io `Async`.
///
/// # Who closes it
///
/// The type says it:
///
/// - A `Descriptor<File>`, or of an `OwnedFd` or anything else that owns its descriptor, closes it when it is dropped, or gives
///   it back with [`into_inner`](Self::into_inner).
/// - A `Descriptor<BorrowedFd<'_>>`, or of a `&File`, never closes it, and cannot outlive it.
///
/// Either way the loop waits on a duplicate, which is this type's own, and is closed once, when it is dropped or taken apart.
/// That way nothing that is done with the original can take from the loop what it waits for: it may be closed, or its number
/// be another's, and the loop still waits for what it was given. What it costs: one descriptor more as long as it
/// lives, and two system calls, at its beginning and its end. Where that is too much for a descriptor that is owned,
/// [`Reactor::register`] takes it as it is.
///
/// A consequence: the other end of a pipe or a socket sees the end when both are closed.
///
/// So when the owner of a descriptor that is lent closes it under a waiting task, as a C library may, the task is woken by what
/// was lent, not by what has its number next, and nobody else is disturbed. But an operation is made on the
/// original: what a closure does with a number that is another's by now is done to that other. Rust's owned and borrowed descriptors
/// rule this out; who borrows a raw number has to see to it.
///
/// # What is shared with the original
///
/// Non-blocking mode, into which it is set, belongs to what is open, not to the number: all duplicates are in it, those of
/// other processes included (a terminal that is a shell's as well). It stays in it afterwards, since another may rely on that
/// by now.
///
/// # Operations
///
/// [`read_with`](Self::read_with) and [`write_with`](Self::write_with) run any operation when it is time. Where
/// `T` reads or writes, this does so with the traits of futures-io. It must not have a buffer of its own, as std's `Stdin`
/// does: the loop knows nothing of what is there. Any number of tasks may wait in one direction.
///
/// A named pipe that is to outlive those who write to it is opened for reading and writing. Otherwise it ends with the last of
/// them, and what comes from another one later may not be waited for.
///
/// ```
/// # futures_executor::block_on(async {
/// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
/// use std::{io::{Read, Write}, os::unix::net::UnixStream};
/// use futures_util::io::AsyncReadExt;
/// use interloop::net::Descriptor;
///
/// let (here, mut there) = UnixStream::pair()?;
/// let borrowed = Descriptor::new(&reactor, &here)?;
/// there.write_all(b"ab")?;
/// let first = borrowed.read_with(|stream| {
///     let (mut stream, mut byte) = (*stream, [0]);
///     stream.read_exact(&mut byte)?;
///     Ok(byte[0])
/// });
/// assert_eq!(first.await?, b'a');
///
/// drop(borrowed);
/// let mut owned = Descriptor::new(&reactor, here)?;
/// let mut byte = [0];
/// owned.read_exact(&mut byte).await?;
/// assert_eq!(byte, *b"b");
/// # Ok::<_, std::io::Error>(())
/// # }).unwrap();
/// ```
pub struct Descriptor<T> {
    // Dropped first.
    source: Box<dyn Source>,
    io: T,
}

// Nothing is pinned in it.
impl<T> Unpin for Descriptor<T> {}

impl<T: AsFd> Descriptor<T> {
    /// Waits for a descriptor, and sets it non-blocking. See [above](Self) for who closes it.
    ///
    /// # Errors
    /// - [`io::ErrorKind::Unsupported`], with [`CannotWait`](crate::CannotWait) in it, if there is nothing to wait for: on Linux, a regular file
    ///   or a directory.
    /// - [`io::ErrorKind::AlreadyExists`], with [`CannotWait`](crate::CannotWait) in it, if the loop says that it waits for this
    ///   one already. No loop says so of a duplicate that is new: two of these on one descriptor are no error, and both
    ///   are woken.
    /// - If there are no descriptors left, or the loop has shut down.
    ///
    /// What was given is dropped then, so one that owns its descriptor closes it. To keep it, lend it.
    pub fn new(reactor: &Reactor, io: T) -> io::Result<Self> {
        let duplicate = io.as_fd().try_clone_to_owned()?;
        let source = reactor.register(duplicate)?;
        Ok(Self { source, io })
    }
}

impl<T> Descriptor<T> {
    /// What it was made of.
    pub fn get_ref(&self) -> &T {
        &self.io
    }

    /// Takes it off the loop, and gives back what it was made of, still in non-blocking mode.
    pub fn into_inner(self) -> T {
        self.io
    }

    /// Waits until there is something to read, or the end, or an error to be told. It asks the system, so it holds true at
    /// that moment, whatever was read before; another task may be faster to take what is there.
    ///
    /// # Errors
    /// If the loop has shut down.
    ///
    /// # Cancel safety
    /// Nothing is taken, so nothing is lost.
    pub async fn readable(&self) -> io::Result<()> {
        poll_fn(|cx| self.poll_readable(cx)).await
    }

    /// Waits until there is room to write, or an error to be told. See [`readable`](Self::readable).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn writable(&self) -> io::Result<()> {
        poll_fn(|cx| self.poll_writable(cx)).await
    }

    /// Polls for something to read. See [`readable`](Self::readable).
    ///
    /// # Errors
    /// As there.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        transfer::poll_ready(&*self.source, cx, Interest::Readable)
    }

    /// Polls for room to write. See [`writable`](Self::writable).
    ///
    /// # Errors
    /// As there.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        transfer::poll_ready(&*self.source, cx, Interest::Writable)
    }

    /// Runs an operation that reads, and waits as long as it says [`io::ErrorKind::WouldBlock`]. It must say that only
    /// when the descriptor has said so, or nothing may ever wake this.
    ///
    /// # Errors
    /// Those of the operation; and if the loop has shut down.
    ///
    /// # Cancel safety
    /// The operation runs inside of a poll, and this ends with that poll if it has come to something.
    pub async fn read_with<R>(&self, mut op: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        poll_fn(|cx| self.poll_read_with(cx, &mut op)).await
    }

    /// Runs an operation that writes. See [`read_with`](Self::read_with).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn write_with<R>(&self, mut op: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        poll_fn(|cx| self.poll_write_with(cx, &mut op)).await
    }

    /// Polls an operation that reads. See [`read_with`](Self::read_with).
    ///
    /// # Errors
    /// As there.
    pub fn poll_read_with<R>(
        &self,
        cx: &mut Context<'_>,
        mut op: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        transfer::poll_op(&*self.source, cx, Interest::Readable, |_| op(&self.io))
    }

    /// Polls an operation that writes. See [`write_with`](Self::write_with).
    ///
    /// # Errors
    /// As there.
    pub fn poll_write_with<R>(
        &self,
        cx: &mut Context<'_>,
        mut op: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        transfer::poll_op(&*self.source, cx, Interest::Writable, |_| op(&self.io))
    }
}

tells_ready!(Descriptor<T>, <T>, source);

/// The descriptor that it was made of, not the duplicate.
impl<T: AsFd> AsFd for Descriptor<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl<T: fmt::Debug> fmt::Debug for Descriptor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Descriptor")
            .field("io", &self.io)
            .field("source", &self.source)
            .finish()
    }
}
