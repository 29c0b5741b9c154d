//! How a loop learns that a child has ended.

use std::{io, process::ExitStatus};

#[cfg(any(target_os = "linux", target_os = "android"))]
use super::pidfd::Pidfd;
use crate::{
    Reactor,
    signal::{SignalKind, Signals},
};

/// What was made ready before the child was started: then a loop that has shut down starts none.
pub(super) enum Prepared {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Pidfd(Reactor),
    /// It has to be there first, so that no end is missed.
    Sigchld(Signals),
}

/// What to wait for.
pub(super) enum Watch {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Pidfd(Pidfd),
    Sigchld(Signals),
}

impl Prepared {
    /// # Errors
    /// If descriptors are short, the loop cannot wait for them, or it has shut down.
    pub(super) fn new(reactor: &Reactor) -> io::Result<Self> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if Pidfd::probe(reactor)? {
            return Ok(Self::Pidfd(reactor.clone()));
        }
        Signals::new(reactor, [SignalKind::child()]).map(Self::Sigchld)
    }

    /// What to wait for, of a child that has been started and not reaped. `None` if there is nothing to wait for, as the system
    /// has reaped it already.
    ///
    /// # Errors
    /// As for `new`.
    #[cfg_attr(
        not(any(target_os = "linux", target_os = "android")),
        allow(unused_variables, reason = "SIGCHLD tells of all children")
    )]
    pub(super) fn watch(self, pid: u32) -> io::Result<Option<Watch>> {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Pidfd(reactor) => Ok(Pidfd::of_child(&reactor, pid)?.map(Watch::Pidfd)),
            Self::Sigchld(signals) => Ok(Some(Watch::Sigchld(signals))),
        }
    }
}

impl Watch {
    /// Waits until `try_status` has a status, or an error.
    ///
    /// # Errors
    /// Those of `try_status`, and if the loop has shut down.
    pub(super) async fn exited(
        self,
        try_status: impl Fn() -> io::Result<Option<ExitStatus>>,
    ) -> io::Result<ExitStatus> {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Pidfd(pidfd) => pidfd.exited(try_status).await,
            Self::Sigchld(mut signals) => loop {
                if let Some(status) = try_status()? {
                    return Ok(status);
                }
                signals.recv().await?;
            },
        }
    }
}
