use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    task::{Context, Poll, ready},
};

use interloop::{Interest, Operation, Readiness, Source, source::Waiters};
use tokio::io::unix::AsyncFd;

use crate::Ended;

#[derive(Debug)]
pub(crate) struct TokioSource {
    fd: AsyncFd<OwnedFd>,
    waiters: Waiters,
    ended: Ended,
}

impl TokioSource {
    /// Inside of the runtime's context.
    pub(crate) fn new(fd: OwnedFd, ended: Ended) -> io::Result<Self> {
        Ok(Self {
            fd: async_fd(fd)?,
            waiters: Waiters::new(),
            ended,
        })
    }
}

/// Registers a descriptor, which stays open and the same as long as it is registered: an `OwnedFd`
/// promises what the safe constructor was deprecated for not asking.
#[allow(deprecated)]
pub(crate) fn async_fd(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(fd)
}

impl AsFd for TokioSource {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Source for TokioSource {
    fn poll_io(&self, cx: &mut Context<'_>, interest: Interest, op: &mut Operation<'_>) -> Poll<io::Result<()>> {
        loop {
            let ready = ready!(self.waiters.poll(cx, interest, |cx| match interest {
                Interest::Readable => self.fd.poll_read_ready(cx),
                Interest::Writable => self.fd.poll_write_ready(cx),
            }));
            let mut ready = match ready {
                Ok(ready) => ready,
                // tokio's own words for a shutdown are an error of kind `Other`.
                Err(error) => return Poll::Ready(Err(self.ended.check().err().map_or(error, io::Error::from))),
            };
            match op(self.fd.as_fd()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                Ok(Readiness::Drained) => {
                    // As tokio's own sockets do, so that the next read waits without an attempt.
                    ready.clear_ready();
                    return Poll::Ready(Ok(()));
                }
                result => return Poll::Ready(result.map(drop)),
            }
        }
    }
}
