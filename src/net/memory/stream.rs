use std::{
    io::{self, IoSlice, IoSliceMut},
    net::Shutdown,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_io::{AsyncRead, AsyncWrite};

use super::{parked::Access, pipe::Pipe};

/// Makes two ends of a connection, with room for a number of bytes in each direction; zero counts as one. Memory is
/// taken only for bytes that are on their way.
///
/// ```
/// # futures_executor::block_on(async {
/// use futures_util::io::{AsyncReadExt, AsyncWriteExt};
/// use interloop::net::memory;
///
/// let (mut client, mut server) = memory::pair(1024);
/// client.write_all(b"ping").await?;
/// client.close().await?;
/// let mut received = Vec::new();
/// server.read_to_end(&mut received).await?;
/// assert_eq!(received, b"ping");
/// # Ok::<_, std::io::Error>(())
/// # }).unwrap();
/// ```
pub fn pair(capacity: usize) -> (MemoryStream, MemoryStream) {
    let (there, back) = (Arc::new(Pipe::new(capacity)), Arc::new(Pipe::new(capacity)));
    let one = MemoryStream {
        incoming: back.clone(),
        outgoing: there.clone(),
    };
    let other = MemoryStream {
        incoming: there,
        outgoing: back,
    };
    (one, other)
}

/// A connection in memory, made by [`pair`] or through a [`MemoryListener`](super::MemoryListener).
///
/// Reads and writes with futures-io's traits, by `&MemoryStream` too, so that one task can read while
/// another writes; by that, any number of tasks may wait in one direction, as with
/// [`TcpStream`](crate::net::TcpStream). By `&mut MemoryStream` only the last one that polled is woken.
///
/// A write waits while there is no room, and takes as much as there is room for. A read waits while there is nothing,
/// and gives what there is.
///
/// # The end
///
/// Closing it (`AsyncWriteExt::close`) leaves the other direction open: the other end reads what was written before, and then
/// the end of the stream. Dropping it closes both: writes of the other end fail with
/// [`BrokenPipe`](io::ErrorKind::BrokenPipe), also those that wait. So do writes after closing. No read ever fails: where a
/// socket says that its connection was reset, as the other end was dropped before it had read everything, this is at its
/// end.
///
/// # Cancel safety
///
/// A read or write that did not finish has moved no bytes.
#[derive(Debug)]
pub struct MemoryStream {
    incoming: Arc<Pipe>,
    outgoing: Arc<Pipe>,
}

impl MemoryStream {
    /// Ends one direction or both. Ending the writing direction is what closing does. Ending the reading direction makes the
    /// other end's writes fail with [`BrokenPipe`](io::ErrorKind::BrokenPipe); what it has written before can be read.
    ///
    /// # Errors
    /// None, also when it is done twice or the other end is gone; the type is the one of
    /// [`TcpStream::shutdown`](crate::net::TcpStream::shutdown).
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if matches!(how, Shutdown::Write | Shutdown::Both) {
            self.outgoing.close();
        }
        if matches!(how, Shutdown::Read | Shutdown::Both) {
            self.incoming.close();
        }
        Ok(())
    }
}

impl Drop for MemoryStream {
    fn drop(&mut self) {
        self.outgoing.close();
        self.incoming.abandon();
    }
}

impl AsyncRead for &MemoryStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_read_vectored(cx, &mut [IoSliceMut::new(buf)])
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        self.incoming.poll_read(cx, Access::Shared, bufs)
    }
}

impl AsyncWrite for &MemoryStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.outgoing.poll_write(cx, Access::Shared, bufs)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.shutdown(Shutdown::Write))
    }
}

impl AsyncRead for MemoryStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_read_vectored(cx, &mut [IoSliceMut::new(buf)])
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        self.incoming.poll_read(cx, Access::Sole, bufs)
    }
}

impl AsyncWrite for MemoryStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.outgoing.poll_write(cx, Access::Sole, bufs)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.shutdown(Shutdown::Write))
    }
}
