//! The handle on a delayed call.

use std::{
    error::Error,
    fmt, io,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use super::{Calls, Driver, Host, delayed::Key};
use crate::reactor::time;

/// What the handles of both reactors are.
pub(in crate::reactor) struct Handle<H: Host> {
    host: H::Weak,
    /// What the call is found by, or one of the two below. One word, as programs keep many of these.
    key: AtomicU64,
}

/// The call was cancelled.
const CANCELLED: u64 = u64::MAX;
/// The loop had shut down already.
const SHUT_DOWN: u64 = u64::MAX - 1;

impl<H: Host> Handle<H> {
    /// Schedules a call for a point of time.
    pub(in crate::reactor) fn at(host: &H, deadline: Instant, call: Box<H::Call>) -> Self {
        Self::new(host, Calls::schedule(host, deadline, false, call))
    }

    /// Schedules a call for a time from now.
    pub(in crate::reactor) fn after(host: &H, delay: Duration, call: Box<H::Call>) -> Self {
        let deadline = time::after(host.reactor().now(), delay);
        Self::new(host, Calls::schedule(host, deadline, delay.is_zero(), call))
    }

    fn new(host: &H, key: Option<Key>) -> Self {
        Self {
            host: host.downgrade(),
            key: AtomicU64::new(key.map_or(SHUT_DOWN, Key::to_bits)),
        }
    }

    /// The reactor, which is there as long as the call is pending, and what the call is found by.
    fn find(&self) -> Option<(H, Key)> {
        // ORDERING: the key says nothing but itself; the table is looked into under its lock.
        match self.key.load(Ordering::Relaxed) {
            CANCELLED | SHUT_DOWN => None,
            key => Some((H::upgrade(&self.host)?, Key::from_bits(key))),
        }
    }

    pub(in crate::reactor) fn cancel(&self) -> Result<(), NotActive> {
        match self.find() {
            Some((host, key)) if Calls::cancel(&host, key) => {
                // ORDERING: as above.
                self.key.store(CANCELLED, Ordering::Relaxed);
                Ok(())
            }
            _ => Err(self.why_not_active()),
        }
    }

    pub(in crate::reactor) fn reset(&self, delay: Duration) -> Result<(), NotActive> {
        match self.find() {
            Some((host, key)) if Calls::reset(&host, key, |_| time::after(host.reactor().now(), delay)) => Ok(()),
            _ => Err(self.why_not_active()),
        }
    }

    pub(in crate::reactor) fn delay(&self, by: Duration) -> Result<(), NotActive> {
        match self.find() {
            Some((host, key)) if Calls::reset(&host, key, |deadline| time::after(deadline, by)) => Ok(()),
            _ => Err(self.why_not_active()),
        }
    }

    pub(in crate::reactor) fn deadline(&self) -> Option<Instant> {
        let (host, key) = self.find()?;
        host.calls().deadline(key)
    }

    fn why_not_active(&self) -> NotActive {
        let has_ended = |(host, _): (H, Key)| matches!(host.calls().lock().driver, Driver::Ended);
        // ORDERING: as above.
        let kind = match self.key.load(Ordering::Relaxed) {
            CANCELLED => Kind::Cancelled,
            SHUT_DOWN => Kind::ShutDown,
            _ if self.find().is_some_and(has_ended) => Kind::ShutDown,
            _ => Kind::Called,
        };
        NotActive { kind }
    }
}

impl<H: Host> fmt::Debug for Handle<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DelayedCall")
            .field("deadline", &self.deadline())
            .finish_non_exhaustive()
    }
}

/// A delayed call is not pending any more.
#[derive(Clone, Debug)]
pub struct NotActive {
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Called,
    Cancelled,
    ShutDown,
}

impl NotActive {
    /// Whether it was called, or is being called (Twisted's `AlreadyCalled`).
    pub fn is_called(&self) -> bool {
        matches!(self.kind, Kind::Called)
    }

    /// Whether it was cancelled (Twisted's `AlreadyCancelled`).
    pub fn is_cancelled(&self) -> bool {
        matches!(self.kind, Kind::Cancelled)
    }

    /// Whether it never was called, since the loop has shut down.
    pub fn is_shut_down(&self) -> bool {
        matches!(self.kind, Kind::ShutDown)
    }
}

impl fmt::Display for NotActive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Called => "the delayed call was called already: ask `active` before, or make a new one",
            Kind::Cancelled => "the delayed call was cancelled already: make a new one",
            Kind::ShutDown => "the delayed call was dropped, as its event loop has shut down",
        })
    }
}

impl Error for NotActive {}

impl From<NotActive> for io::Error {
    fn from(error: NotActive) -> Self {
        io::Error::other(error)
    }
}
