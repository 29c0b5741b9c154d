//! The two dialects of I/O, there and back.

mod buffers;
mod cuts;
mod seeks;
mod sockets;

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// One poll, by nobody who would be woken.
fn poll_once<T: Unpin, R>(io: &mut T, poll: impl FnOnce(Pin<&mut T>, &mut Context<'_>) -> Poll<R>) -> Poll<R> {
    poll(Pin::new(io), &mut Context::from_waker(Waker::noop()))
}
