//! What can be set of a connection: the options of its socket, and its marks.

use std::{fmt, io, ops::Range, os::fd::BorrowedFd};

use socket2::SockRef;

use super::{Transport, shared::Request, transport::reason};
use crate::{Deferred, net::Keepalive};

/// Options. Those of the socket are set and asked for on the connection's task, soon after; so a deferred has the result. Dropped,
/// it reports a failure as [unhandled](crate::unhandled).
impl Transport {
    /// Sets whether small writes are sent at once (`TCP_NODELAY`). asyncio does so for each connection of TCP, Twisted for none. Twisted's
    /// `setTcpNoDelay`.
    ///
    /// ```
    /// use interloop::protocol::{Protocol, Transport};
    ///
    /// struct Echo;
    ///
    /// impl Protocol for Echo {
    ///     fn connection_made(&mut self, transport: &Transport) {
    ///         // It may as well run over something else.
    ///         transport.set_nodelay(true).or_else(|_| Ok::<_, std::io::Error>(())).detach();
    ///     }
    ///
    ///     fn data_received(&mut self, transport: &Transport, data: &[u8]) {
    ///         transport.write(data);
    ///     }
    /// }
    /// # let _ = Echo;
    /// ```
    ///
    /// # Errors
    /// As for [`with_socket`](Self::with_socket), and those of the system, if it is no socket of TCP.
    pub fn set_nodelay(&self, nodelay: bool) -> Deferred<(), io::Error> {
        self.with_socket(move |socket| SockRef::from(&socket).set_tcp_nodelay(nodelay))
    }

    /// Whether small writes are sent at once (`TCP_NODELAY`). Twisted's `getTcpNoDelay`.
    ///
    /// # Errors
    /// As for [`set_nodelay`](Self::set_nodelay).
    pub fn nodelay(&self) -> Deferred<bool, io::Error> {
        self.with_socket(|socket| SockRef::from(&socket).tcp_nodelay())
    }

    /// Sets when the system asks for signs of life (`SO_KEEPALIVE`), or that it does not. It does not in a new connection. Twisted's
    /// `setTcpKeepAlive`, for which [`Keepalive::new`] leaves the times to the system.
    ///
    /// # Errors
    /// As for [`set_nodelay`](Self::set_nodelay).
    pub fn set_keepalive(&self, keepalive: Option<Keepalive>) -> Deferred<(), io::Error> {
        self.with_socket(move |socket| Keepalive::set(keepalive.as_ref(), &socket))
    }

    /// Whether the system asks for signs of life (`SO_KEEPALIVE`). Twisted's `getTcpKeepAlive`.
    ///
    /// # Errors
    /// As for [`set_nodelay`](Self::set_nodelay).
    pub fn keepalive(&self) -> Deferred<bool, io::Error> {
        self.with_socket(|socket| SockRef::from(&socket).keepalive())
    }

    /// Runs a function on the connection's socket, for all its other options, and fires with what it gives. A panic of
    /// it is one of the protocol's.
    ///
    /// ```
    /// # use std::io;
    /// # use interloop::{Deferred, protocol::Transport};
    /// fn receive_much(transport: &Transport) -> Deferred<(), io::Error> {
    ///     transport.with_socket(|socket| socket2::SockRef::from(&socket).set_recv_buffer_size(1024 * 1024))
    /// }
    /// ```
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] if there is no socket at the bottom, and those of the function.
    pub fn with_socket<R: Send + 'static>(
        &self,
        function: impl FnOnce(BorrowedFd<'_>) -> io::Result<R> + Send + 'static,
    ) -> Deferred<R, io::Error> {
        let (completer, deferred) = Deferred::pair();
        let job = move |socket: Option<BorrowedFd<'_>>| {
            completer.settle(match socket {
                Some(socket) => function(socket),
                None => Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    "this connection has no socket whose options could be set",
                )),
            });
        };
        match self.request(Request::Socket(Box::new(job))) {
            Ok(()) => deferred,
            Err(over) => Deferred::failed(reason(over).into()),
        }
    }

    /// Sets when the protocol is asked to pause writing (more than `high` bytes wait to be sent) and to resume it (no more than
    /// `low`). Takes effect when the method that runs has returned.
    ///
    /// # Errors
    /// If `low` is above `high`.
    pub fn set_write_marks(&self, low: usize, high: usize) -> Result<(), InvalidMarks> {
        if low > high {
            return Err(InvalidMarks { low, high });
        }
        let _ = self.shared().ask(|state| state.set_marks(low..high));
        Ok(())
    }

    /// The low-water mark and the high-water mark, in bytes.
    pub fn write_marks(&self) -> Range<usize> {
        self.shared().lock().marks()
    }
}

/// The low-water mark is above the high one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidMarks {
    low: usize,
    high: usize,
}

impl fmt::Display for InvalidMarks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { low, high } = self;
        write!(f, "the low-water mark, {low}, is above the high one, {high}: swap them")
    }
}

impl std::error::Error for InvalidMarks {}
