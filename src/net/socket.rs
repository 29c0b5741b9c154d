//! What all sockets have in common: waiting without an operation, going back to the standard library, and how an attempt to connect
//! ends.

use std::{io, os::fd::BorrowedFd};

use socket2::SockRef;

use crate::Readiness;

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
            /// # Errors
            /// If the loop has shut down.
            ///
            /// # Cancel safety
            /// Nothing is taken, so nothing is lost.
            pub async fn readable(&self) -> io::Result<()> {
                poll_fn(|cx| self.poll_readable(cx)).await
            }

            /// Waits until there is room to send, or an error to be told. See [`readable`](Self::readable).
            ///
            /// # Errors
            /// As there.
            ///
            /// # Cancel safety
            /// As there.
            pub async fn writable(&self) -> io::Result<()> {
                poll_fn(|cx| self.poll_writable(cx)).await
            }

            /// Polls for something to receive. See [`readable`](Self::readable).
            ///
            /// # Errors
            /// As there.
            pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                transfer::poll_ready(&*self.source, cx, Interest::Readable)
            }

            /// Polls for room to send. See [`writable`](Self::writable).
            ///
            /// # Errors
            /// As there.
            pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                transfer::poll_ready(&*self.source, cx, Interest::Writable)
            }

            /// Runs an operation on the descriptor that receives, and waits as long as it says
            /// [`io::ErrorKind::WouldBlock`]. It must say that only when the descriptor has said so.
            ///
            /// # Errors
            /// Those of the operation; and if the loop has shut down.
            ///
            /// # Cancel safety
            /// The operation runs inside of a poll, and this ends with that poll if it has come to
            /// something.
            pub async fn read_with<R>(&self, mut op: impl FnMut(BorrowedFd<'_>) -> io::Result<R>) -> io::Result<R> {
                poll_fn(|cx| transfer::poll_op(&*self.source, cx, Interest::Readable, &mut op)).await
            }

            /// Runs an operation on the descriptor that sends. See [`read_with`](Self::read_with).
            ///
            /// # Errors
            /// As there.
            ///
            /// # Cancel safety
            /// As there.
            pub async fn write_with<R>(&self, mut op: impl FnMut(BorrowedFd<'_>) -> io::Result<R>) -> io::Result<R> {
                poll_fn(|cx| transfer::poll_op(&*self.source, cx, Interest::Writable, &mut op)).await
            }

            /// Takes it off the loop, as a socket of the standard library, in non-blocking mode.
            ///
            /// # Errors
            /// Those of the loop. The socket is closed then.
            pub fn into_std(self) -> io::Result<$std> {
                Ok(self.source.into_fd()?.into())
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

/// Whether an attempt to connect has ended, and how. POSIX: the socket becomes writable when the attempt has ended, and has its error.
pub(super) fn connected(fd: BorrowedFd<'_>) -> io::Result<Readiness> {
    let socket = SockRef::from(&fd);
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Ok(_) => Ok(Readiness::Remains),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Err(io::ErrorKind::WouldBlock.into()),
        Err(error) => Err(error),
    }
}
