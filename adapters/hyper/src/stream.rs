use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use hyper::rt::{Read, ReadBufCursor, Write};
use interloop::net::TcpStream;
#[cfg(feature = "rustls")]
use interloop_rustls::TlsStream;

use crate::Io;

/// A connection of a [`HttpConnector`](crate::HttpConnector): TCP, or TLS over it.
#[derive(Debug)]
pub struct HttpStream {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Tcp(Io<TcpStream>),
    #[cfg(feature = "rustls")]
    Tls(Box<Io<TlsStream<TcpStream>>>),
}

impl HttpStream {
    pub(crate) fn tcp(stream: TcpStream) -> Self {
        Self {
            kind: Kind::Tcp(Io::new(stream).with_vectored_writes()),
        }
    }

    #[cfg(feature = "rustls")]
    pub(crate) fn tls(stream: TlsStream<TcpStream>) -> Self {
        Self {
            kind: Kind::Tls(Box::new(Io::new(stream).with_vectored_writes())),
        }
    }

    /// The connection of TCP.
    pub fn tcp_stream(&self) -> &TcpStream {
        match &self.kind {
            Kind::Tcp(stream) => stream.get_ref(),
            #[cfg(feature = "rustls")]
            Kind::Tls(stream) => stream.get_ref().get_ref(),
        }
    }

    /// The connection of TLS, if it is one.
    #[cfg(feature = "rustls")]
    pub fn tls_stream(&self) -> Option<&TlsStream<TcpStream>> {
        match &self.kind {
            Kind::Tcp(_) => None,
            Kind::Tls(stream) => Some(stream.get_ref()),
        }
    }

    /// Whether the server chose HTTP/2 when TLS was set up (ALPN).
    pub(crate) fn has_negotiated_h2(&self) -> bool {
        match &self.kind {
            Kind::Tcp(_) => false,
            #[cfg(feature = "rustls")]
            Kind::Tls(stream) => stream.get_ref().alpn_protocol() == Some(b"h2"),
        }
    }
}

/// Does the same with whichever stream it is.
macro_rules! either {
    ($self:ident, $stream:ident => $do:expr) => {
        match &mut $self.get_mut().kind {
            Kind::Tcp($stream) => {
                let $stream = Pin::new($stream);
                $do
            }
            #[cfg(feature = "rustls")]
            Kind::Tls($stream) => {
                let $stream = Pin::new(&mut **$stream);
                $do
            }
        }
    };
}

impl Read for HttpStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_read(cx, buf))
    }
}

impl Write for HttpStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => Write::poll_flush(stream, cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_shutdown(cx))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write_vectored(cx, bufs))
    }
}
