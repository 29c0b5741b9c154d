//! Descriptors of processes, which Linux has.

use std::{
    future::poll_fn,
    io,
    os::fd::OwnedFd,
    process::ExitStatus,
    task::{Poll, ready},
};

use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, getpid, pidfd_open},
};

use crate::{Interest, Reactor, Readiness, Source};

/// A child's descriptor in a loop. It becomes readable at the child's end.
pub(super) struct Pidfd(Box<dyn Source>);

impl Pidfd {
    /// Whether there are such descriptors: not in old kernels, and not in every sandbox.
    ///
    /// # Errors
    /// If descriptors are short, the loop cannot wait for them, or it has shut down.
    pub(super) fn probe(reactor: &Reactor) -> io::Result<bool> {
        // So that what holds elsewhere is tested here, too.
        if cfg!(interloop_sigchld) {
            return Ok(false);
        }
        match open(getpid()) {
            // What the loop says of this process's own holds for the child's.
            Ok(own) => reactor.register(own).map(|_| true),
            Err(Errno::NOSYS | Errno::PERM) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The descriptor of a child that nobody else reaps. `None` if the system has reaped it already.
    ///
    /// # Errors
    /// As for `probe`.
    pub(super) fn of_child(reactor: &Reactor, pid: u32) -> io::Result<Option<Self>> {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        match open(pid.ok_or(io::ErrorKind::InvalidInput)?) {
            Ok(fd) => Ok(Some(Self(reactor.register(fd)?))),
            Err(Errno::SRCH) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until `try_status` has a status, or an error.
    pub(super) async fn exited(
        self,
        try_status: impl Fn() -> io::Result<Option<ExitStatus>>,
    ) -> io::Result<ExitStatus> {
        poll_fn(|cx| {
            let mut status = None;
            ready!(self.0.poll_io(cx, Interest::Readable, &mut |_| {
                status = try_status()?;
                match status {
                    Some(_) => Ok(Readiness::Remains),
                    None => Err(io::ErrorKind::WouldBlock.into()),
                }
            }))?;
            Poll::Ready(status.ok_or_else(|| io::ErrorKind::WouldBlock.into()))
        })
        .await
    }
}

fn open(pid: Pid) -> rustix::io::Result<OwnedFd> {
    pidfd_open(pid, PidfdFlags::empty())
}
