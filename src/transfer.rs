//! What sockets, pipes and other descriptors have in common: how an attempt at input or output waits on a [`Source`].

use std::{
    io::{self, IoSlice, IoSliceMut},
    os::fd::{BorrowedFd, OwnedFd},
    task::{Context, Poll, ready},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec},
    net::{RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendFlags},
};
use socket2::SockRef;

use crate::{Interest, Readiness, Source};

/// Runs `op` until it says something else than `WouldBlock`, and gives what it came to.
pub(crate) fn poll_op<R>(
    source: &dyn Source,
    cx: &mut Context<'_>,
    interest: Interest,
    mut op: impl FnMut(BorrowedFd<'_>) -> io::Result<R>,
) -> Poll<io::Result<R>> {
    let mut output = None;
    ready!(source.poll_io(cx, interest, &mut |fd| {
        output = Some(op(fd)?);
        Ok(Readiness::Remains)
    }))?;
    // A source that is ready has run it; one that says so without having done so is as good as not ready.
    Poll::Ready(output.ok_or_else(|| io::ErrorKind::WouldBlock.into()))
}

/// Moves bytes of a stream socket or a pipe, where a short count means that nothing is left.
pub(crate) fn poll_bytes(
    source: &dyn Source,
    cx: &mut Context<'_>,
    interest: Interest,
    wanted: usize,
    mut op: impl FnMut(BorrowedFd<'_>) -> rustix::io::Result<usize>,
) -> Poll<io::Result<usize>> {
    if wanted == 0 {
        // The system would wait for bytes of which it then moves none.
        return Poll::Ready(Ok(0));
    }
    let mut moved = 0;
    ready!(source.poll_io(cx, interest, &mut |fd| {
        moved = rustix::io::retry_on_intr(|| op(fd))?;
        // Zero is the end, which stays ready.
        Ok(if moved > 0 && moved < wanted {
            Readiness::Drained
        } else {
            Readiness::Remains
        })
    }))?;
    Poll::Ready(Ok(moved))
}

/// Waits for readiness itself: asks the system, which knows, where a loop knows only what has changed.
pub(crate) fn poll_ready(source: &dyn Source, cx: &mut Context<'_>, interest: Interest) -> Poll<io::Result<()>> {
    poll_op(source, cx, interest, |fd| match is_ready(fd, interest)? {
        true => Ok(()),
        false => Err(io::ErrorKind::WouldBlock.into()),
    })
}

/// Whether a descriptor is ready now. The end of a stream counts as something to read, and an error as both.
pub(crate) fn is_ready(fd: BorrowedFd<'_>, interest: Interest) -> io::Result<bool> {
    let wanted = match interest {
        Interest::Readable => PollFlags::IN,
        Interest::Writable => PollFlags::OUT,
    };
    Ok(!ask(fd, wanted)?.is_empty())
}

/// What the system says of a descriptor now: of what was asked, and of its end and errors, which it always tells.
pub(crate) fn ask(fd: BorrowedFd<'_>, about: PollFlags) -> rustix::io::Result<PollFlags> {
    let mut fds = [PollFd::from_borrowed_fd(fd, about)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    rustix::io::retry_on_intr(|| rustix::event::poll(&mut fds, Some(&at_once)))?;
    Ok(fds[0].revents())
}

/// Receives from a stream socket, which blocks nobody even where it was set to: whoever has a duplicate of it can do that. Less
/// is done on the way than by `read`, too.
pub(crate) fn recv(fd: BorrowedFd<'_>, buf: &mut [u8]) -> rustix::io::Result<usize> {
    Ok(rustix::net::recv(fd, buf, RecvFlags::DONTWAIT)?.0)
}

/// As [`recv`], into several buffers.
pub(crate) fn recv_vectored(fd: BorrowedFd<'_>, bufs: &mut [IoSliceMut<'_>]) -> rustix::io::Result<usize> {
    let received = rustix::net::recvmsg(fd, bufs, &mut RecvAncillaryBuffer::default(), RecvFlags::DONTWAIT)?;
    Ok(received.bytes)
}

/// Sends on a stream socket or a connected one, which blocks nobody, as with [`recv`]. Where the other end is gone that is an error and no signal, whatever the
/// program does about SIGPIPE.
pub(crate) fn send(fd: BorrowedFd<'_>, buf: &[u8]) -> rustix::io::Result<usize> {
    rustix::net::send(fd, buf, send_flags())
}

/// As [`send`], from several buffers.
pub(crate) fn send_vectored(fd: BorrowedFd<'_>, bufs: &[IoSlice<'_>]) -> rustix::io::Result<usize> {
    rustix::net::sendmsg(fd, bufs, &mut SendAncillaryBuffer::default(), send_flags())
}

/// Looks at what a stream socket has to read, without taking it.
pub(crate) fn peek(fd: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
    let (_, seen) =
        rustix::io::retry_on_intr(|| rustix::net::recv(fd, &mut *buf, RecvFlags::PEEK | RecvFlags::DONTWAIT))?;
    Ok(seen)
}

pub(crate) fn send_flags() -> SendFlags {
    // Where there is no such flag the socket itself has been told, by the crate socket2 or the standard library.
    #[cfg(not(target_vendor = "apple"))]
    return SendFlags::NOSIGNAL.union(SendFlags::DONTWAIT);
    #[cfg(target_vendor = "apple")]
    return SendFlags::DONTWAIT;
}

/// Makes a system call again that a signal has interrupted.
pub(crate) fn retry_interrupted<R>(mut op: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    loop {
        match op() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// As many buffers the system takes at once.
const MAX_BUFFERS: usize = 1024;

/// As many buffers as the system takes at once, from the first that is not empty. More would be an error, or a short count that
/// does not mean that nothing is left; and only empty ones would look like the end.
pub(crate) fn at_once<'a, 'b>(bufs: &'b [IoSlice<'a>]) -> &'b [IoSlice<'a>] {
    let begin = bufs.iter().take_while(|buf| buf.is_empty()).count();
    let end = bufs.len().min(begin + MAX_BUFFERS);
    &bufs[begin..end]
}

/// As [`at_once`], to read into.
pub(crate) fn at_once_mut<'a, 'b>(bufs: &'b mut [IoSliceMut<'a>]) -> &'b mut [IoSliceMut<'a>] {
    let begin = bufs.iter().take_while(|buf| buf.is_empty()).count();
    let end = bufs.len().min(begin + MAX_BUFFERS);
    &mut bufs[begin..end]
}

/// Polls to read from a stream socket.
pub(crate) fn poll_read(source: &dyn Source, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
    poll_bytes(source, cx, Interest::Readable, buf.len(), |fd| recv(fd, buf))
}

/// Polls to look at what a stream socket has to read, without taking it.
pub(crate) fn poll_peek(source: &dyn Source, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
    poll_op(source, cx, Interest::Readable, |fd| peek(fd, buf))
}

/// Polls to read into several buffers.
pub(crate) fn poll_read_vectored(
    source: &dyn Source,
    cx: &mut Context<'_>,
    bufs: &mut [IoSliceMut<'_>],
) -> Poll<io::Result<usize>> {
    let bufs = at_once_mut(bufs);
    let wanted = bufs.iter().map(|buf| buf.len()).sum();
    poll_bytes(source, cx, Interest::Readable, wanted, |fd| recv_vectored(fd, bufs))
}

/// Polls to write to a pipe.
pub(crate) fn poll_write(source: &dyn Source, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
    poll_bytes(source, cx, Interest::Writable, buf.len(), |fd| {
        rustix::io::write(fd, buf)
    })
}

/// Polls to write several buffers to a pipe.
pub(crate) fn poll_write_vectored(
    source: &dyn Source,
    cx: &mut Context<'_>,
    bufs: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let bufs = at_once(bufs);
    let wanted = bufs.iter().map(|buf| buf.len()).sum();
    poll_bytes(source, cx, Interest::Writable, wanted, |fd| {
        rustix::io::writev(fd, bufs)
    })
}

/// Polls to write to a stream socket. See [`send`].
pub(crate) fn poll_send(source: &dyn Source, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
    poll_bytes(source, cx, Interest::Writable, buf.len(), |fd| send(fd, buf))
}

/// Polls to write several buffers to a stream socket.
pub(crate) fn poll_send_vectored(
    source: &dyn Source,
    cx: &mut Context<'_>,
    bufs: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let bufs = at_once(bufs);
    let wanted = bufs.iter().map(|buf| buf.len()).sum();
    poll_bytes(source, cx, Interest::Writable, wanted, |fd| send_vectored(fd, bufs))
}

/// Takes a descriptor from its loop, for those who expect that it blocks.
pub(crate) fn into_blocking(source: Box<dyn Source>) -> io::Result<OwnedFd> {
    let fd = source.into_fd()?;
    // Works on any descriptor, whatever the type's name says.
    SockRef::from(&fd).set_nonblocking(false)?;
    Ok(fd)
}
