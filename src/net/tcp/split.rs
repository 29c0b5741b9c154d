//! The two directions of a connection, each by itself.

use std::{
    error::Error,
    fmt,
    io::{self, IoSlice, IoSliceMut},
    net::Shutdown,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_io::{AsyncRead, AsyncWrite};

use super::TcpStream;

/// The reading direction of a [`TcpStream`]. Made by [`TcpStream::split_ref`].
#[derive(Debug)]
pub struct ReadHalf<'a> {
    stream: &'a TcpStream,
}

/// The writing direction of a [`TcpStream`]. Made by [`TcpStream::split_ref`]. Dropping it does not end the direction; closing it does.
#[derive(Debug)]
pub struct WriteHalf<'a> {
    stream: &'a TcpStream,
}

/// The reading direction of a [`TcpStream`], to own. Made by [`TcpStream::into_split`].
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
pub struct OwnedReadHalf {
    stream: Arc<TcpStream>,
}

/// The writing direction of a [`TcpStream`], to own. Made by [`TcpStream::into_split`].
///
/// Dropping it ends the direction, as closing does: the other end reads what was written, and then the end. Use
/// [`forget`](Self::forget) to leave it open.
#[derive(Debug)]
pub struct OwnedWriteHalf {
    stream: Arc<TcpStream>,
    ends_direction: bool,
}

pub(super) fn borrowed(stream: &TcpStream) -> (ReadHalf<'_>, WriteHalf<'_>) {
    (ReadHalf { stream }, WriteHalf { stream })
}

pub(super) fn owned(stream: TcpStream) -> (OwnedReadHalf, OwnedWriteHalf) {
    let stream = Arc::new(stream);
    let read_half = OwnedReadHalf { stream: stream.clone() };
    let write_half = OwnedWriteHalf {
        stream,
        ends_direction: true,
    };
    (read_half, write_half)
}

impl OwnedReadHalf {
    /// Puts the two halves of a connection together again.
    ///
    /// # Errors
    /// If they are of two connections. The error has them, as they were.
    pub fn reunite(self, write_half: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
        if !Arc::ptr_eq(&self.stream, &write_half.stream) {
            return Err(ReuniteError(self, write_half));
        }
        write_half.forget();
        Ok(Arc::into_inner(self.stream).expect("a stream has two halves, and one is gone"))
    }
}

impl OwnedWriteHalf {
    /// Puts the two halves of a connection together again. See [`OwnedReadHalf::reunite`].
    ///
    /// # Errors
    /// If they are of two connections. The error has them, as they were.
    pub fn reunite(self, read_half: OwnedReadHalf) -> Result<TcpStream, ReuniteError> {
        read_half.reunite(self)
    }

    /// Drops this half without ending its direction. Dropping the other one closes the connection.
    pub fn forget(mut self) {
        self.ends_direction = false;
    }
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        if self.ends_direction {
            // There is nobody to tell: a connection that has failed has ended.
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }
}

/// The two halves are of two connections. See [`OwnedReadHalf::reunite`].
#[derive(Debug)]
pub struct ReuniteError(
    /// The half that reads.
    pub OwnedReadHalf,
    /// The half that writes.
    pub OwnedWriteHalf,
);

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the halves are of two connections, keep those of one together")
    }
}

impl Error for ReuniteError {}

macro_rules! half {
    ($half:ty) => {
        impl AsRef<TcpStream> for $half {
            /// The connection, for its addresses and options, and for waiting until it is ready.
            fn as_ref(&self) -> &TcpStream {
                &self.stream
            }
        }
    };
}

half!(ReadHalf<'_>);
half!(WriteHalf<'_>);
half!(OwnedReadHalf);
half!(OwnedWriteHalf);

macro_rules! reads {
    ($half:ty) => {
        impl $half {
            /// Reads without taking. See [`TcpStream::peek`].
            ///
            /// # Errors
            /// As for [`TcpStream::peek`].
            ///
            /// # Cancel safety
            /// As for [`TcpStream::peek`].
            pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
                self.stream.peek(buf).await
            }
        }

        impl AsyncRead for $half {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
                Pin::new(&mut &*self.stream).poll_read(cx, buf)
            }

            fn poll_read_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut &*self.stream).poll_read_vectored(cx, bufs)
            }
        }
    };
}

reads!(ReadHalf<'_>);
reads!(OwnedReadHalf);

macro_rules! writes {
    ($half:ty) => {
        impl AsyncWrite for $half {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                Pin::new(&mut &*self.stream).poll_write(cx, buf)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut &*self.stream).poll_write_vectored(cx, bufs)
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut &*self.stream).poll_flush(cx)
            }

            fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut &*self.stream).poll_close(cx)
            }
        }
    };
}

writes!(WriteHalf<'_>);
writes!(OwnedWriteHalf);
