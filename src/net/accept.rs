//! Accepting a connection, and what a failure to do so means for the listener.

use std::{io, os::fd::BorrowedFd};

use socket2::{SockAddr, SockRef, Socket};

use crate::transfer::retry_interrupted;

/// What an error of an `accept` concerns, and so what a server does about it.
///
/// [`Incoming`](super::Incoming) does all of that; this is for accept loops of your own.
///
/// ```
/// use std::io;
/// use interloop::net::AcceptFailure;
///
/// let error = io::Error::from(io::ErrorKind::ConnectionAborted);
/// assert_eq!(AcceptFailure::of(&error), AcceptFailure::Connection);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AcceptFailure {
    /// One connection, which had ended before it was accepted, or which a firewall forbade. Others follow: go on.
    Connection,
    /// A lack of descriptors or memory. The connection waits still, so that trying again at once fails again: wait a while,
    /// then go on.
    Shortage,
    /// The listener itself, or its loop, which has shut down. It fails from now on.
    Listener,
}

impl AcceptFailure {
    /// What an error of an `accept` concerns.
    pub fn of(error: &io::Error) -> Self {
        match error.raw_os_error() {
            Some(
                libc::EMFILE
                | libc::ENFILE
                | libc::ENOBUFS
                | libc::ENOMEM
                // The limit of what a loop may watch.
                | libc::ENOSPC,
            ) => Self::Shortage,
            Some(
                libc::ECONNABORTED
                | libc::ECONNRESET
                | libc::ECONNREFUSED
                | libc::EINTR
                | libc::EAGAIN
                | libc::EPERM
                | libc::EPROTO
                | libc::ETIMEDOUT
                // What has happened to the new connection in the network. Linux reports it here.
                | libc::ENETDOWN
                | libc::ENETUNREACH
                | libc::EHOSTDOWN
                | libc::EHOSTUNREACH
                | libc::ENOPROTOOPT
                | libc::EOPNOTSUPP,
            ) => Self::Connection,
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Some(libc::ENONET) => Self::Connection,
            Some(_) => Self::Listener,
            None => Self::of_kind(error.kind()),
        }
    }

    /// For errors that are not the system's own.
    fn of_kind(kind: io::ErrorKind) -> Self {
        match kind {
            io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
            | io::ErrorKind::WouldBlock
            | io::ErrorKind::InvalidData => Self::Connection,
            io::ErrorKind::OutOfMemory => Self::Shortage,
            _ => Self::Listener,
        }
    }
}

/// Takes a connection that waits, and sets it non-blocking.
pub(super) fn accept(fd: BorrowedFd<'_>) -> io::Result<(Socket, SockAddr)> {
    let (socket, peer) = retry_interrupted(|| SockRef::from(&fd).accept())?;
    socket.set_nonblocking(true)?;
    Ok((socket, peer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Aborted;

    #[test]
    fn errors_concern_a_connection_a_shortage_or_the_listener() {
        let of = |number| AcceptFailure::of(&io::Error::from_raw_os_error(number));
        for number in [libc::ECONNABORTED, libc::EPROTO, libc::EPERM, libc::EHOSTUNREACH] {
            assert_eq!(of(number), AcceptFailure::Connection);
        }
        for number in [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM] {
            assert_eq!(of(number), AcceptFailure::Shortage);
        }
        for number in [libc::EBADF, libc::EINVAL, libc::ENOTSOCK] {
            assert_eq!(of(number), AcceptFailure::Listener);
        }
        let shut_down = Aborted::shut_down().into();
        assert_eq!(AcceptFailure::of(&shut_down), AcceptFailure::Listener);
    }
}
