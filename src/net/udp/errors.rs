//! Waking who waits to receive for an error that the socket has been told of.

use std::os::fd::AsFd;

use nix::{setsockopt_impl, sockopt_impl, sys::socket::SetSockOpt};

sockopt_impl!(
    /// Whether an error counts as something urgent to read.
    ErrorsAreUrgent,
    SetOnly,
    libc::SOL_SOCKET,
    libc::SO_SELECT_ERR_QUEUE,
    bool
);

/// Has the system say of a socket with an error that there is something to read. It says otherwise that there is an error and room
/// to write, and not every loop wakes for that who waits to read.
pub(super) fn wake_readers(socket: &impl AsFd) {
    // A system that imitates Linux may not have it. Then errors are told by the next operation, as ever.
    let _ = ErrorsAreUrgent.set(socket, &true);
}
