//! The ends of a child's pipes.

use std::{
    fmt,
    io::{self, IoSlice, IoSliceMut},
    os::fd::{AsFd, BorrowedFd},
    pin::Pin,
    process::Stdio,
    task::{Context, Poll},
};

use futures_io::{AsyncRead, AsyncWrite};

use crate::{Reactor, Source, transfer};

/// The writing end of the pipe that is a child's standard input.
///
/// The child reads its end when this is closed (`AsyncWriteExt::close`) or dropped. Writing to a child that has closed its side fails
/// with [`io::ErrorKind::BrokenPipe`]; so does writing after `close`.
///
/// Cancel safety: a write that did not finish has moved no bytes.
pub struct ChildStdin {
    /// Empty once it was closed.
    source: Option<Box<dyn Source>>,
}

/// The reading end of the pipe that is a child's standard output.
///
/// It is at its end when the child, and everybody else who has inherited the pipe from it, has closed it.
///
/// Cancel safety: a read that did not finish has moved no bytes.
pub struct ChildStdout {
    source: Box<dyn Source>,
}

/// The reading end of the pipe that is a child's standard error. Otherwise as [`ChildStdout`].
pub struct ChildStderr {
    source: Box<dyn Source>,
}

impl ChildStdin {
    pub(super) fn new(reactor: &Reactor, pipe: std::process::ChildStdin) -> io::Result<Self> {
        let source = reactor.register(pipe.into())?;
        Ok(Self { source: Some(source) })
    }

    fn source(&self) -> io::Result<&dyn Source> {
        Ok(&**self.source.as_ref().ok_or(io::ErrorKind::BrokenPipe)?)
    }
}

impl AsyncWrite for ChildStdin {
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

impl TryFrom<ChildStdin> for Stdio {
    type Error = io::Error;

    /// Gives the pipe to another child, as that one's output for example.
    fn try_from(stdin: ChildStdin) -> io::Result<Self> {
        into_stdio(stdin.source.ok_or(io::ErrorKind::BrokenPipe)?)
    }
}

impl fmt::Debug for ChildStdin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ChildStdin").field(&self.source).finish()
    }
}

macro_rules! reading_end {
    ($name:ident, $std:ident) => {
        impl $name {
            pub(super) fn new(reactor: &Reactor, pipe: std::process::$std) -> io::Result<Self> {
                let source = reactor.register(pipe.into())?;
                Ok(Self { source })
            }
        }

        impl AsyncRead for $name {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
                transfer::poll_read(&*self.source, cx, buf)
            }

            fn poll_read_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                transfer::poll_read_vectored(&*self.source, cx, bufs)
            }
        }

        impl AsFd for $name {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.source.as_fd()
            }
        }

        impl TryFrom<$name> for Stdio {
            type Error = io::Error;

            /// Gives the pipe to another child, as that one's input for example.
            fn try_from(pipe: $name) -> io::Result<Self> {
                into_stdio(pipe.source)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.source).finish()
            }
        }
    };
}

reading_end!(ChildStdout, ChildStdout);
reading_end!(ChildStderr, ChildStderr);

/// Programs expect that their standard streams block.
fn into_stdio(source: Box<dyn Source>) -> io::Result<Stdio> {
    Ok(transfer::into_blocking(source)?.into())
}
