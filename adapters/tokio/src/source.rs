use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    task::{Context, Poll, ready},
};

use interloop::{Aborted, Interest, Operation, Readiness, Source, source::Waiters};
use tokio::{io::unix::AsyncFd, task::coop};

// In this order, so that what each poll looks at lies together.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct TokioSource {
    fd: AsyncFd<OwnedFd>,
    waiters: Waiters,
}

impl TokioSource {
    /// Inside of the runtime's context.
    pub(crate) fn new(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self {
            fd: async_fd(fd)?,
            waiters: Waiters::new(),
        })
    }
}

/// Registers a descriptor, which stays open and the same as long as it is registered: an `OwnedFd`
/// promises what the safe constructor was deprecated for not asking.
#[allow(deprecated)]
pub(crate) fn async_fd(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(fd, INTEREST)
}

/// What is urgent wakes who reads. On Linux that is how a UDP socket tells of its errors: for those tokio wakes nobody who polls.
#[cfg(any(target_os = "linux", target_os = "android"))]
const INTEREST: tokio::io::Interest = tokio::io::Interest::READABLE
    .add(tokio::io::Interest::WRITABLE)
    .add(tokio::io::Interest::PRIORITY);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const INTEREST: tokio::io::Interest = tokio::io::Interest::READABLE.add(tokio::io::Interest::WRITABLE);

impl AsFd for TokioSource {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Source for TokioSource {
    fn poll_io(&self, cx: &mut Context<'_>, interest: Interest, op: &mut Operation<'_>) -> Poll<io::Result<()>> {
        // As tokio's own sockets do, so that a task that always finds data lets others run.
        let budget = ready!(coop::poll_proceed(cx));
        // Once before the wait for readiness, and once after it.
        for _ in 0..2 {
            if let Some(result) = self.try_op(interest, op) {
                budget.made_progress();
                return Poll::Ready(result);
            }
            let ready = ready!(self.waiters.poll(cx, interest, |cx| match interest {
                Interest::Readable => self.fd.poll_read_ready(cx),
                Interest::Writable => self.fd.poll_write_ready(cx),
            }));
            match ready {
                Ok(mut ready) => ready.retain_ready(),
                // The runtime has shut down, which in tokio's own words is an error of kind `Other`.
                Err(_) => return Poll::Ready(Err(Aborted::shut_down().into())),
            }
        }
        // tokio never takes back that the other end is closed, though that of a named pipe may be opened again: then it calls
        // ready what is not. Others have their turn before the next attempt.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn into_fd(self: Box<Self>) -> io::Result<OwnedFd> {
        Ok(self.fd.into_inner())
    }
}

impl TokioSource {
    /// Runs `op` if the descriptor is known to be ready. `None` if it is not, or not any more.
    fn try_op(&self, interest: Interest, op: &mut Operation<'_>) -> Option<io::Result<()>> {
        let interest = match interest {
            Interest::Readable => tokio::io::Interest::READABLE,
            Interest::Writable => tokio::io::Interest::WRITABLE,
        };
        let mut drained = false;
        let tried = self.fd.try_io(interest, |fd| match op(fd.as_fd())? {
            Readiness::Remains => Ok(()),
            // The only way to clear the readiness. tokio's own sockets do so too after a short read,
            // so that the next one waits without an attempt.
            Readiness::Drained => {
                drained = true;
                Err(io::ErrorKind::WouldBlock.into())
            }
        });
        match tried {
            _ if drained => Some(Ok(())),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            result => Some(result),
        }
    }
}
