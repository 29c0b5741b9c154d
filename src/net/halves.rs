//! The two directions of a connection, each by itself: one text for every kind of stream socket.

use std::{
    error::Error,
    fmt,
    future::poll_fn,
    io::{self, IoSlice, IoSliceMut},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_io::{AsyncRead, AsyncWrite};

use super::TcpStream;
use crate::{Source, transfer};

/// A connection whose two directions can be had each by itself: [`TcpStream`] or [`UnixStream`](super::UnixStream). For code that
/// takes halves of either.
///
/// ```
/// use futures_util::io::{AsyncWriteExt, copy};
/// use interloop::net::{Duplex, OwnedReadHalf, OwnedWriteHalf};
///
/// /// Sends back all that comes, and then the end.
/// async fn echo<S: Duplex>(mut reads: OwnedReadHalf<S>, mut writes: OwnedWriteHalf<S>) -> std::io::Result<()> {
///     copy(&mut reads, &mut writes).await?;
///     writes.close().await
/// }
/// # let _ = (echo::<interloop::net::TcpStream>, echo::<interloop::net::UnixStream>);
/// ```
pub trait Duplex: sealed::Duplex + fmt::Debug + Sized {
    /// The two directions, each by itself. As [`TcpStream::split_ref`].
    fn split_ref(&self) -> (ReadHalf<'_, Self>, WriteHalf<'_, Self>) {
        (ReadHalf { stream: self }, WriteHalf { stream: self })
    }

    /// The two directions, each to own. As [`TcpStream::into_split`].
    fn into_split(self) -> (OwnedReadHalf<Self>, OwnedWriteHalf<Self>) {
        let stream = Arc::new(self);
        let read_half = OwnedReadHalf { stream: stream.clone() };
        let write_half = OwnedWriteHalf {
            stream,
            ends_direction: true,
        };
        (read_half, write_half)
    }
}

pub(super) mod sealed {
    use super::{Source, io};

    pub trait Duplex {
        fn source(&self) -> &dyn Source;

        /// Ends the direction that writes.
        fn end_writing(&self) -> io::Result<()>;
    }
}

/// The reading direction of a connection. Made by `split_ref`, as [`TcpStream::split_ref`].
#[derive(Debug)]
pub struct ReadHalf<'a, S: Duplex = TcpStream> {
    stream: &'a S,
}

/// The writing direction of a connection. Made by `split_ref`, as [`TcpStream::split_ref`]. Dropping it does not end the direction;
/// closing it does.
#[derive(Debug)]
pub struct WriteHalf<'a, S: Duplex = TcpStream> {
    stream: &'a S,
}

/// The reading direction of a connection, to own. Made by `into_split`, as [`TcpStream::into_split`].
///
/// Dropping it does not end the direction: the other end can go on writing until the connection's own buffers are full. The
/// connection is closed when the other half is dropped, too.
///
/// ```
/// # futures_executor::block_on(async {
/// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
/// use futures_util::io::{AsyncReadExt, AsyncWriteExt};
/// use interloop::net::{TcpListener, TcpStream};
///
/// let listener = TcpListener::bind(&reactor, "127.0.0.1:0".parse().unwrap())?;
/// let client = TcpStream::connect(&reactor, listener.local_addr()?).await?;
/// let (mut server, _) = listener.accept().await?;
///
/// let (mut reader, mut writer) = client.into_split();
/// writer.write_all(b"question").await?;
/// drop(writer);
/// let mut question = String::new();
/// server.read_to_string(&mut question).await?;
///
/// server.write_all(b"answer").await?;
/// drop(server);
/// let mut answer = String::new();
/// reader.read_to_string(&mut answer).await?;
/// # assert_eq!((&*question, &*answer), ("question", "answer"));
/// # Ok::<_, std::io::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct OwnedReadHalf<S: Duplex = TcpStream> {
    stream: Arc<S>,
}

/// The writing direction of a connection, to own. Made by `into_split`, as [`TcpStream::into_split`].
///
/// Dropping it ends the direction, as closing does: the other end reads what was written, and then the end. Use
/// [`forget`](Self::forget) to leave it open.
#[derive(Debug)]
pub struct OwnedWriteHalf<S: Duplex = TcpStream> {
    stream: Arc<S>,
    ends_direction: bool,
}

impl<S: Duplex> OwnedReadHalf<S> {
    /// Puts the two halves of a connection together again.
    ///
    /// # Errors
    /// If they are of two connections. The error has them, as they were.
    pub fn reunite(self, write_half: OwnedWriteHalf<S>) -> Result<S, ReuniteError<S>> {
        if !Arc::ptr_eq(&self.stream, &write_half.stream) {
            return Err(ReuniteError(self, write_half));
        }
        write_half.forget();
        Ok(Arc::into_inner(self.stream).expect("a stream has two halves, and one is gone"))
    }
}

impl<S: Duplex> OwnedWriteHalf<S> {
    /// Puts the two halves of a connection together again. See [`OwnedReadHalf::reunite`].
    ///
    /// # Errors
    /// If they are of two connections. The error has them, as they were.
    pub fn reunite(self, read_half: OwnedReadHalf<S>) -> Result<S, ReuniteError<S>> {
        read_half.reunite(self)
    }

    /// Drops this half without ending its direction. Dropping the other one closes the connection.
    pub fn forget(mut self) {
        self.ends_direction = false;
    }
}

impl<S: Duplex> Drop for OwnedWriteHalf<S> {
    fn drop(&mut self) {
        if self.ends_direction {
            // There is nobody to tell: a connection that has failed has ended.
            let _ = self.stream.end_writing();
        }
    }
}

/// The two halves are of two connections. See [`OwnedReadHalf::reunite`].
#[derive(Debug)]
pub struct ReuniteError<S: Duplex = TcpStream>(
    /// The half that reads.
    pub OwnedReadHalf<S>,
    /// The half that writes.
    pub OwnedWriteHalf<S>,
);

impl<S: Duplex> fmt::Display for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the halves are of two connections, keep those of one together")
    }
}

impl<S: Duplex> Error for ReuniteError<S> {}

macro_rules! half {
    ($half:ty) => {
        impl<S: Duplex> AsRef<S> for $half {
            /// The connection, for its addresses and options, and for waiting until it is ready.
            fn as_ref(&self) -> &S {
                &self.stream
            }
        }
    };
}

half!(ReadHalf<'_, S>);
half!(WriteHalf<'_, S>);
half!(OwnedReadHalf<S>);
half!(OwnedWriteHalf<S>);

macro_rules! reads {
    ($half:ty) => {
        impl<S: Duplex> $half {
            /// Reads without taking. See [`TcpStream::peek`].
            ///
            /// # Errors
            /// As for [`TcpStream::peek`].
            ///
            /// # Cancel safety
            /// As for [`TcpStream::peek`].
            pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
                poll_fn(|cx| transfer::poll_peek(self.stream.source(), cx, buf)).await
            }
        }

        impl<S: Duplex> AsyncRead for $half {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
                transfer::poll_read(self.stream.source(), cx, buf)
            }

            fn poll_read_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                transfer::poll_read_vectored(self.stream.source(), cx, bufs)
            }
        }
    };
}

reads!(ReadHalf<'_, S>);
reads!(OwnedReadHalf<S>);

macro_rules! writes {
    ($half:ty) => {
        impl<S: Duplex> AsyncWrite for $half {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                transfer::poll_send(self.stream.source(), cx, buf)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                transfer::poll_send_vectored(self.stream.source(), cx, bufs)
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(self.stream.end_writing())
            }
        }
    };
}

writes!(WriteHalf<'_, S>);
writes!(OwnedWriteHalf<S>);
