//! The options of sockets.

use std::{io, os::fd::AsFd, time::Duration};

use socket2::{SockRef, TcpKeepalive};

use super::{TcpListener, TcpSocket, TcpStream};
use crate::net::ip;

/// When the system asks for a sign of life on a connection where nothing moves, and when it gives up.
///
/// What is not set is as the system has it; two hours of silence are usual.
///
/// ```
/// use std::time::Duration;
/// use interloop::net::Keepalive;
///
/// let keepalive = Keepalive::new()
///     .idle(Duration::from_secs(60))
///     .interval(Duration::from_secs(10))
///     .probes(3);
/// # let _ = keepalive;
/// ```
#[derive(Clone, Debug, Default)]
pub struct Keepalive {
    idle: Option<Duration>,
    interval: Option<Duration>,
    probes: Option<u32>,
}

impl Keepalive {
    /// All as the system has it.
    pub fn new() -> Self {
        Self::default()
    }

    /// After how much silence it asks for the first time. Systems count whole seconds, one at least.
    pub fn idle(mut self, idle: Duration) -> Self {
        self.idle = Some(idle);
        self
    }

    /// How long it waits before it asks again. Systems count whole seconds, one at least.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    /// How many times it asks in vain before the connection fails with [`io::ErrorKind::TimedOut`].
    pub fn probes(mut self, probes: u32) -> Self {
        self.probes = Some(probes);
        self
    }

    /// Sets it for a socket; none at all if `None`.
    pub(crate) fn set(keepalive: Option<&Self>, fd: &impl AsFd) -> io::Result<()> {
        if let Some(keepalive) = keepalive {
            keepalive.apply(fd)?;
        }
        SockRef::from(fd).set_keepalive(keepalive.is_some())
    }

    fn apply(&self, fd: &impl AsFd) -> io::Result<()> {
        let second = Duration::from_secs(1);
        let mut times = TcpKeepalive::new();
        if let Some(idle) = self.idle {
            times = times.with_time(idle.max(second));
        }
        if let Some(interval) = self.interval {
            times = times.with_interval(interval.max(second));
        }
        if let Some(probes) = self.probes {
            times = times.with_retries(probes);
        }
        SockRef::from(fd).set_tcp_keepalive(&times)
    }
}

macro_rules! stream_options {
    ($type:ty) => {
        /// Options of the connection.
        impl $type {
            /// Whether small writes are sent at once (`TCP_NODELAY`).
            ///
            /// # Errors
            /// Those of the system.
            pub fn nodelay(&self) -> io::Result<bool> {
                SockRef::from(self).tcp_nodelay()
            }

            /// Sets whether small writes are sent at once (`TCP_NODELAY`). Off in a new connection.
            ///
            /// # Errors
            /// Those of the system.
            pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
                SockRef::from(self).set_tcp_nodelay(nodelay)
            }

            /// Whether the system asks for signs of life (`SO_KEEPALIVE`).
            ///
            /// # Errors
            /// Those of the system.
            pub fn keepalive(&self) -> io::Result<bool> {
                SockRef::from(self).keepalive()
            }

            /// Sets when the system asks for signs of life (`SO_KEEPALIVE`), or that it does not. It does not in a new connection.
            ///
            /// # Errors
            /// Those of the system.
            pub fn set_keepalive(&self, keepalive: Option<Keepalive>) -> io::Result<()> {
                Keepalive::set(keepalive.as_ref(), self)
            }

            /// What happens to bytes that are not sent yet when the connection is dropped (`SO_LINGER`).
            ///
            /// # Errors
            /// Those of the system.
            pub fn linger(&self) -> io::Result<Option<Duration>> {
                SockRef::from(self).linger()
            }

            /// Sets what happens to bytes that are not sent yet when the connection is dropped (`SO_LINGER`).
            ///
            /// With `None`, as in a new connection, the system goes on sending them, and nobody waits. With a duration of zero they are
            /// thrown away, and the other end's reads and writes fail with [`io::ErrorKind::ConnectionReset`]. With any other one,
            /// dropping the connection blocks the thread, and the loop with it, until they are sent or the time is up.
            ///
            /// # Errors
            /// Those of the system.
            pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
                SockRef::from(self).set_linger(linger)
            }

            /// How many bytes the system keeps that are not sent yet, or not acknowledged (`SO_SNDBUF`).
            ///
            /// # Errors
            /// Those of the system.
            pub fn send_buffer_size(&self) -> io::Result<usize> {
                SockRef::from(self).send_buffer_size()
            }

            /// Sets how many bytes the system keeps that are not sent yet, or not acknowledged (`SO_SNDBUF`). The system has limits;
            /// Linux doubles the number.
            ///
            /// # Errors
            /// Those of the system.
            pub fn set_send_buffer_size(&self, bytes: usize) -> io::Result<()> {
                SockRef::from(self).set_send_buffer_size(bytes)
            }

            /// How many bytes the system keeps that are not read yet (`SO_RCVBUF`).
            ///
            /// # Errors
            /// Those of the system.
            pub fn recv_buffer_size(&self) -> io::Result<usize> {
                SockRef::from(self).recv_buffer_size()
            }

            /// Sets how many bytes the system keeps that are not read yet (`SO_RCVBUF`). The system has limits; Linux doubles the
            /// number. More than 64 KiB take effect only if set before the connection is made, with a [`TcpSocket`].
            ///
            /// # Errors
            /// Those of the system.
            pub fn set_recv_buffer_size(&self, bytes: usize) -> io::Result<()> {
                SockRef::from(self).set_recv_buffer_size(bytes)
            }
        }
    };
}

stream_options!(TcpStream);
stream_options!(TcpSocket);

/// Options of the connection that Linux has alone.
#[cfg(any(target_os = "linux", target_os = "android"))]
impl TcpStream {
    /// Whether what arrives is acknowledged at once (`TCP_QUICKACK`).
    ///
    /// # Errors
    /// Those of the system.
    pub fn quickack(&self) -> io::Result<bool> {
        SockRef::from(self).tcp_quickack()
    }

    /// Sets whether what arrives is acknowledged at once, or with what is sent next (`TCP_QUICKACK`). It does not last: the system
    /// goes on to choose, so it is set again where it matters.
    ///
    /// # Errors
    /// Those of the system.
    pub fn set_quickack(&self, quickack: bool) -> io::Result<()> {
        SockRef::from(self).set_tcp_quickack(quickack)
    }
}

ip::options!(TcpStream);
ip::options!(TcpSocket);
ip::options!(TcpListener);
ip::device!(TcpSocket);
