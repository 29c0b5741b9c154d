//! The time that libcurl asks to be told: one delayed call of the reactor's.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use interloop::{DelayedCall, Reactor};

use crate::shared::Shared;

/// The one delayed call. It belongs to libcurl's callback; whoever has the handles looks at [`Alarm`].
pub(crate) struct Timer {
    reactor: Reactor,
    shared: Weak<Shared>,
    call: Option<DelayedCall>,
    alarm: Arc<Alarm>,
}

/// How the timer stands.
// ORDERING: Relaxed throughout. Set and read by whoever has the handles, and handing these over is what orders that; the delayed
// call, which comes from elsewhere, tells of itself under a lock.
#[derive(Default)]
pub(crate) struct Alarm {
    /// libcurl has asked to be called at once.
    due: AtomicBool,
    /// The call is pending.
    armed: AtomicBool,
}

impl Alarm {
    /// Whether libcurl is to be called at once. It is told once.
    pub(crate) fn take_due(&self) -> bool {
        self.due.swap(false, Relaxed)
    }

    pub(crate) fn is_due(&self) -> bool {
        self.due.load(Relaxed)
    }

    /// Whether there is time to wait for.
    pub(crate) fn is_armed(&self) -> bool {
        self.armed.load(Relaxed)
    }

    /// The delayed call has been called.
    pub(crate) fn fired(&self) {
        self.armed.store(false, Relaxed);
    }
}

impl Timer {
    pub(crate) fn new(reactor: &Reactor, shared: Weak<Shared>, alarm: Arc<Alarm>) -> Self {
        Self {
            reactor: reactor.clone(),
            shared,
            call: None,
            alarm,
        }
    }

    /// What libcurl's callback asks for: to be called after a time, at once, or not any more. What it asked for before is
    /// replaced, and by nothing else: that something happens on a socket leaves the timer as it is.
    pub(crate) fn set(&mut self, after: Option<Duration>) {
        let is_now = after.is_some_and(|after| after.is_zero());
        self.alarm.due.store(is_now, Relaxed);
        match after {
            Some(after) if !is_now => self.arm(after),
            // Called at once by whoever has the handles, which is who called libcurl.
            _ => self.disarm(),
        }
    }

    fn arm(&mut self, after: Duration) {
        // One that was called is not active any more.
        let moved = self.call.as_ref().is_some_and(|call| call.reset(after).is_ok());
        if !moved {
            let shared = self.shared.clone();
            self.call = Some(self.reactor.call_later(after, move || {
                if let Some(shared) = shared.upgrade() {
                    shared.tell_time();
                }
            }));
        }
        self.alarm.armed.store(true, Relaxed);
    }

    fn disarm(&mut self) {
        if let Some(call) = self.call.take() {
            // It may have been called.
            let _ = call.cancel();
        }
        self.alarm.armed.store(false, Relaxed);
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.disarm();
    }
}
