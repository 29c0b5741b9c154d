//! A call that is to come.

use std::{mem, time::Instant};

use crate::{Aborted, DelayedCall, Reactor};

/// A call that is to come: at most one at a time, which can be called off.
///
/// Its owner keeps it under a lock of its own. The call itself is made and cancelled without that lock; so whether it is
/// still wanted when it comes is asked here.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    /// Of the call that is set, or was the last one.
    number: u64,
    set: bool,
    call: Option<DelayedCall>,
}

impl Alarm {
    pub(super) fn is_set(&self) -> bool {
        self.set
    }

    /// Sets the alarm. The owner schedules the call then, with the number that this gives, and lets the
    /// alarm [keep](Self::keep) it.
    pub(super) fn set(&mut self) -> u64 {
        self.number += 1;
        self.set = true;
        self.number
    }

    /// Takes the call in. If that has come or was called off already, gives it back to be cancelled.
    pub(super) fn keep(&mut self, number: u64, call: Option<DelayedCall>) -> Option<DelayedCall> {
        if self.set && self.number == number {
            mem::replace(&mut self.call, call)
        } else {
            call
        }
    }

    /// Calls the call off, and gives it to be cancelled.
    pub(super) fn unset(&mut self) -> Option<DelayedCall> {
        self.set = false;
        self.call.take()
    }

    /// Whether a call that comes is the one that is set, which it then is no more.
    pub(super) fn ring(&mut self, number: u64) -> bool {
        let wanted = self.set && self.number == number;
        if wanted {
            self.set = false;
            self.call = None;
        }
        wanted
    }
}

/// Calls back at a point of time, or in the reactor's next round, if there is none.
pub(super) fn call(
    reactor: &Reactor,
    at: Option<Instant>,
    callback: impl FnOnce(Result<(), Aborted>) + Send + 'static,
) -> Option<DelayedCall> {
    let mut call = Call(Some(callback));
    let call = move || call.make(Ok(()));
    match at {
        Some(deadline) => Some(reactor.call_at(deadline, call)),
        None => {
            reactor.call_soon(call);
            None
        }
    }
}

/// A callback that is called when it is dropped, too. That is because it was cancelled, and then it is not
/// wanted, or because the loop has shut down.
struct Call<F: FnOnce(Result<(), Aborted>)>(Option<F>);

impl<F: FnOnce(Result<(), Aborted>)> Call<F> {
    fn make(&mut self, waited: Result<(), Aborted>) {
        if let Some(callback) = self.0.take() {
            callback(waited);
        }
    }
}

impl<F: FnOnce(Result<(), Aborted>)> Drop for Call<F> {
    fn drop(&mut self) {
        self.make(Err(Aborted::shut_down()));
    }
}

/// Cancels a call that is not wanted any more. Not under the owner's lock.
pub(super) fn cancel(call: Option<DelayedCall>) {
    if let Some(call) = call {
        // Otherwise it is being made, and finds out that it is not wanted.
        let _ = call.cancel();
    }
}
