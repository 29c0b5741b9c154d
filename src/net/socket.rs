//! What sockets and descriptors have in common: how an attempt at input or output waits on a [`Source`].

use std::{
    io::{self, IoSlice},
    os::fd::BorrowedFd,
    task::{Context, Poll, ready},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec},
    net::{SendAncillaryBuffer, SendFlags},
};

use crate::{Interest, Readiness, Source};

/// Runs `op` until it says something else than `WouldBlock`, and gives what it came to.
pub(super) fn poll_op<R>(
    source: &dyn Source,
    cx: &mut Context<'_>,
    interest: Interest,
    mut op: impl FnMut(BorrowedFd<'_>) -> io::Result<R>,
) -> Poll<io::Result<R>> {
    let mut output = None;
    ready!(source.poll_io(cx, interest, &mut |fd| {
        output = Some(op(fd)?);
        Ok(Readiness::Remains)
    }))?;
    // A source that is ready has run it; one that says so without having done so is as good as not ready.
    Poll::Ready(output.ok_or_else(|| io::ErrorKind::WouldBlock.into()))
}

/// Moves bytes of a stream. On a stream socket a short count means that nothing is left.
pub(super) fn poll_bytes(
    source: &dyn Source,
    cx: &mut Context<'_>,
    interest: Interest,
    wanted: usize,
    mut op: impl FnMut(BorrowedFd<'_>) -> rustix::io::Result<usize>,
) -> Poll<io::Result<usize>> {
    if wanted == 0 {
        // The system would wait for bytes of which it then moves none.
        return Poll::Ready(Ok(0));
    }
    let mut moved = 0;
    ready!(source.poll_io(cx, interest, &mut |fd| {
        moved = rustix::io::retry_on_intr(|| op(fd))?;
        // Zero is the end, which stays ready.
        Ok(if moved > 0 && moved < wanted {
            Readiness::Drained
        } else {
            Readiness::Remains
        })
    }))?;
    Poll::Ready(Ok(moved))
}

/// Waits for readiness itself: asks the system, which knows, where a loop knows only what has changed.
pub(super) fn poll_ready(source: &dyn Source, cx: &mut Context<'_>, interest: Interest) -> Poll<io::Result<()>> {
    poll_op(source, cx, interest, |fd| match is_ready(fd, interest)? {
        true => Ok(()),
        false => Err(io::ErrorKind::WouldBlock.into()),
    })
}

/// Whether a descriptor is ready now. The end of a stream counts as something to read, and an error as both.
pub(super) fn is_ready(fd: BorrowedFd<'_>, interest: Interest) -> io::Result<bool> {
    let wanted = match interest {
        Interest::Readable => PollFlags::IN,
        Interest::Writable => PollFlags::OUT,
    };
    let mut fds = [PollFd::from_borrowed_fd(fd, wanted)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let ready = rustix::io::retry_on_intr(|| rustix::event::poll(&mut fds, Some(&at_once)))?;
    Ok(ready > 0)
}

/// Sends on a stream socket or a connected one. Where the other end is gone that is an error and no signal, whatever the
/// program does about SIGPIPE.
pub(super) fn send(fd: BorrowedFd<'_>, buf: &[u8]) -> rustix::io::Result<usize> {
    rustix::net::send(fd, buf, send_flags())
}

/// As [`send`], from several buffers.
pub(super) fn send_vectored(fd: BorrowedFd<'_>, bufs: &[IoSlice<'_>]) -> rustix::io::Result<usize> {
    rustix::net::sendmsg(fd, bufs, &mut SendAncillaryBuffer::default(), send_flags())
}

pub(super) fn send_flags() -> SendFlags {
    // Where there is no such flag the socket itself has been told, by the crate socket2 or the standard library.
    #[cfg(not(target_vendor = "apple"))]
    return SendFlags::NOSIGNAL;
    #[cfg(target_vendor = "apple")]
    return SendFlags::empty();
}

/// Waiting for readiness, and operations that this crate has no function for, on a socket with a `source`.
macro_rules! waits {
    ($socket:ident, $std:ty) => {
        /// # Waiting without an operation
        ///
        /// For what this type has no function for: ancillary data, batches, options of a system. Such an operation is made on
        /// the descriptor, which never blocks, by [`read_with`](Self::read_with) and
        /// [`write_with`](Self::write_with).
        impl $socket {
            /// Waits until there is something to receive or to accept, or the end, or an error to be told. One system call
            /// more than an operation that waits by itself; another task may be faster to take what is there.
            ///
            /// Cancel safety: nothing is taken, so nothing is lost.
            ///
            /// # Errors
            /// If the loop has shut down.
            pub async fn readable(&self) -> io::Result<()> {
                poll_fn(|cx| self.poll_readable(cx)).await
            }

            /// Waits until there is room to send, or an error to be told. See [`readable`](Self::readable).
            ///
            /// Cancel safety: as there.
            ///
            /// # Errors
            /// As there.
            pub async fn writable(&self) -> io::Result<()> {
                poll_fn(|cx| self.poll_writable(cx)).await
            }

            /// Polls for something to receive. See [`readable`](Self::readable).
            ///
            /// # Errors
            /// As there.
            pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                socket::poll_ready(&*self.source, cx, Interest::Readable)
            }

            /// Polls for room to send. See [`writable`](Self::writable).
            ///
            /// # Errors
            /// As there.
            pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                socket::poll_ready(&*self.source, cx, Interest::Writable)
            }

            /// Runs an operation on the descriptor that receives, and waits as long as it says
            /// [`io::ErrorKind::WouldBlock`]. It must say that only when the descriptor has said so.
            ///
            /// Cancel safety: the operation runs inside of a poll, and this ends with that poll if it has come to
            /// something.
            ///
            /// # Errors
            /// Those of the operation; and if the loop has shut down.
            pub async fn read_with<R>(&self, mut op: impl FnMut(BorrowedFd<'_>) -> io::Result<R>) -> io::Result<R> {
                poll_fn(|cx| socket::poll_op(&*self.source, cx, Interest::Readable, &mut op)).await
            }

            /// Runs an operation on the descriptor that sends. See [`read_with`](Self::read_with).
            ///
            /// Cancel safety: as there.
            ///
            /// # Errors
            /// As there.
            pub async fn write_with<R>(&self, mut op: impl FnMut(BorrowedFd<'_>) -> io::Result<R>) -> io::Result<R> {
                poll_fn(|cx| socket::poll_op(&*self.source, cx, Interest::Writable, &mut op)).await
            }

            /// Takes it off the loop, as a socket of the standard library. It stays in non-blocking mode, and the number of
            /// its descriptor is another one: a source keeps the one it was given, so this is a duplicate.
            ///
            /// # Errors
            /// If there are no descriptors left. The socket is closed then.
            pub fn into_std(self) -> io::Result<$std> {
                let fd = self.source.as_fd().try_clone_to_owned()?;
                Ok(<$std>::from(fd))
            }

            /// Takes the error that the socket has been told of and nobody has seen (`SO_ERROR`).
            ///
            /// # Errors
            /// Those of the system when it is asked.
            pub fn take_error(&self) -> io::Result<Option<io::Error>> {
                SockRef::from(&self.source).take_error()
            }
        }

        impl AsFd for $socket {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.source.as_fd()
            }
        }
    };
}
pub(super) use waits;
