use std::{
    fmt,
    future::poll_fn,
    io::{self, BufRead, IoSlice, Read, Write},
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_io::{AsyncBufRead, AsyncRead, AsyncWrite};
use rustls::{Connection, pki_types::CertificateDer};

use crate::{TlsError, session::Session};

/// A TLS connection over a stream, of either end.
///
/// What is written is encrypted at once and sent as far as the stream takes it. The rest waits here, 64 KiB at
/// most as rustls has it: `flush` sends it.
///
/// `close` tells the other end that nothing more comes, and closes the stream below for writing. Dropped without that, the
/// connection looks cut off to the other end.
///
/// Errors of TLS are [`io::ErrorKind::InvalidData`] and have a [`TlsError`]. A connection that has ended without having been closed is
/// an [`io::ErrorKind::UnexpectedEof`] to read.
///
/// Cancel safety: a read or write that did not finish has moved no bytes.
pub struct TlsStream<S> {
    session: Session<S>,
    is_closed: bool,
}

impl<S> TlsStream<S> {
    /// The stream below.
    pub fn get_ref(&self) -> &S {
        &self.session.io
    }

    /// The stream below. What is read from or written to it is missing in the connection.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.session.io
    }

    /// The connection of rustls, which knows the version, the cipher suite, the name that the client asked for, and more.
    pub fn connection(&self) -> &Connection {
        &self.session.tls
    }

    /// The connection of rustls, e.g. to export keying material.
    pub fn connection_mut(&mut self) -> &mut Connection {
        &mut self.session.tls
    }

    /// The stream below and the connection. What is encrypted and not sent, and what is received and not read, is in the
    /// connection.
    pub fn into_inner(self) -> (S, Connection) {
        (self.session.io, self.session.tls)
    }

    /// The protocol that both ends agreed to speak (ALPN), if there was a choice.
    pub fn alpn_protocol(&self) -> Option<&[u8]> {
        self.session.tls.alpn_protocol()
    }

    /// The certificates of the other end, its own first; none of a client that was not asked for any.
    pub fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]> {
        self.session.tls.peer_certificates()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream<S> {
    pub(crate) async fn handshake(io: S, tls: Connection) -> Result<Self, TlsError> {
        let mut session = Session::new(io, tls);
        poll_fn(|cx| session.poll_handshake(cx)).await.map_err(TlsError::io)?;
        Ok(Self {
            session,
            is_closed: false,
        })
    }

    fn check_open(&self) -> io::Result<()> {
        if self.is_closed {
            return Err(io::Error::new(
                io::ErrorKind::BrokenPipe,
                "the TLS connection was closed for writing",
            ));
        }
        Ok(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        ready!(this.session.poll_plaintext(cx))?;
        Poll::Ready(this.session.tls.reader().read(buf))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncBufRead for TlsStream<S> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        ready!(this.session.poll_plaintext(cx))?;
        Poll::Ready(this.session.tls.reader().into_first_chunk())
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        self.get_mut().session.tls.reader().consume(amount);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check_open()?;
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.get_mut().session.poll_write(cx, |writer| writer.write(buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check_open()?;
        if bufs.iter().all(|buf| buf.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        self.get_mut()
            .session
            .poll_write(cx, |writer| writer.write_vectored(bufs))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().session.poll_send_all(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.is_closed {
            this.session.tls.send_close_notify();
            this.is_closed = true;
        }
        ready!(this.session.poll_send_all(cx))?;
        Pin::new(&mut this.session.io).poll_close(cx)
    }
}

impl<S: fmt::Debug> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream")
            .field("io", &self.session.io)
            .field("protocol", &self.session.tls.protocol_version())
            .field("is_closed", &self.is_closed)
            .finish_non_exhaustive()
    }
}
