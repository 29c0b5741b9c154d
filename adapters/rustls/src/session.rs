//! What rustls encrypts and decrypts, carried by a stream.

use std::{
    io::{self, BufRead, IoSlice, Read, Write},
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_io::{AsyncRead, AsyncWrite};
use rustls::{Connection, ProtocolVersion};

use crate::TlsError;

/// A connection of rustls and the stream below it.
#[derive(Debug)]
pub(crate) struct Session<S> {
    pub(crate) io: S,
    pub(crate) tls: Connection,
    /// Once it has failed, it does so for ever.
    failed: Option<rustls::Error>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    pub(crate) fn new(io: S, tls: Connection) -> Self {
        Self { io, tls, failed: None }
    }

    pub(crate) fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if let Some(error) = &self.failed {
                // So that the other end learns the reason. Should that fail, ours is still the better one.
                let error = TlsError::tls(error.clone());
                let _told = ready!(self.poll_send_all(cx));
                return Poll::Ready(Err(error.into()));
            }
            let sent = self.poll_send_all(cx);
            if self.has_only_tickets_to_send() {
                return Poll::Ready(Ok(()));
            }
            match sent {
                Poll::Ready(Ok(())) if !self.tls.is_handshaking() => return Poll::Ready(Ok(())),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(self.alert_before(error, cx))),
                Poll::Pending if !self.tls.is_handshaking() => return Poll::Pending,
                // The other end may have no room for this before its own is received.
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
            match ready!(self.poll_receive(cx)) {
                Ok(0) => {
                    return Poll::Ready(Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the other end closed the connection before the TLS handshake was complete",
                    )));
                }
                Ok(_) => {}
                Err(error) if self.failed.is_none() => return Poll::Ready(Err(error)),
                Err(_) => {}
            }
        }
    }

    /// Whether the handshake is complete but for the tickets that a server of TLS 1.3 gives for later connections. Nobody is kept
    /// waiting for them: a client may have sent all it has and be gone, or read nothing until it is answered.
    fn has_only_tickets_to_send(&self) -> bool {
        let is_server = matches!(self.tls, Connection::Server(_));
        is_server && !self.tls.is_handshaking() && self.tls.protocol_version() == Some(ProtocolVersion::TLSv1_3)
    }

    /// Writing fails when the other end has refused and gone; what it said before that may be there to be read.
    fn alert_before(&mut self, error: io::Error, cx: &mut Context<'_>) -> io::Error {
        while let Poll::Ready(Ok(1..)) = self.poll_receive(cx) {}
        self.failed.take().map_or(error, |failed| TlsError::tls(failed).into())
    }

    /// Waits until there is something to read, or the end of it, or an error of that.
    pub(crate) fn poll_plaintext(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.tls.reader().fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(_) => return Poll::Ready(Ok(())),
            }
            if let Some(error) = &self.failed {
                return Poll::Ready(Err(TlsError::tls(error.clone()).into()));
            }
            if let Err(error) = ready!(self.poll_receive(cx)) {
                if self.failed.is_some() {
                    // Reading does not wait for room to write, so this is no more than an attempt.
                    let _told = self.poll_send(cx);
                }
                return Poll::Ready(Err(error));
            }
        }
    }

    /// Encrypts what `write` gives to rustls, and sends what can be sent. What it takes is bounded by rustls.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        mut write: impl FnMut(&mut rustls::Writer<'_>) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        if let Some(error) = &self.failed {
            return Poll::Ready(Err(TlsError::tls(error.clone()).into()));
        }
        loop {
            let accepted = write(&mut self.tls.writer())?;
            let sent = self.poll_send(cx)?;
            if accepted > 0 {
                return Poll::Ready(Ok(accepted));
            }
            // There was no room; now there is.
            ready!(sent);
        }
    }

    /// Sends all that is encrypted, and flushes the stream.
    pub(crate) fn poll_send_all(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.tls.wants_write() {
            let mut wire = Wire { io: &mut self.io, cx };
            if ready!(polled(|| self.tls.write_tls(&mut wire)))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Receives something and decrypts it. None is the end of the stream, of which rustls knows then, too.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut wire = Wire { io: &mut self.io, cx };
        let received = ready!(polled(|| self.tls.read_tls(&mut wire)))?;
        if let Err(error) = self.tls.process_new_packets() {
            self.failed = Some(error.clone());
            return Poll::Ready(Err(TlsError::tls(error).into()));
        }
        Poll::Ready(Ok(received))
    }
}

/// The stream as rustls wants it; waiting is an error there.
struct Wire<'a, 'b, S> {
    io: &'a mut S,
    cx: &'a mut Context<'b>,
}

fn polled<T>(mut op: impl FnMut() -> io::Result<T>) -> Poll<io::Result<T>> {
    loop {
        match op() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return Poll::Ready(result),
        }
    }
}

fn blocking<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl<S: AsyncRead + Unpin> Read for Wire<'_, '_, S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        blocking(Pin::new(&mut *self.io).poll_read(self.cx, buf))
    }
}

impl<S: AsyncWrite + Unpin> Write for Wire<'_, '_, S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        blocking(Pin::new(&mut *self.io).poll_write(self.cx, buf))
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        blocking(Pin::new(&mut *self.io).poll_write_vectored(self.cx, bufs))
    }

    fn flush(&mut self) -> io::Result<()> {
        blocking(Pin::new(&mut *self.io).poll_flush(self.cx))
    }
}
