//! A call that is to come.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use crate::{Aborted, Deferred, Reactor, time::Sleep};

/// A call that is to come: at most one at a time, which can be called off.
///
/// Its owner keeps it under a lock of its own. The call itself is a task on the loop, which is made and
/// cancelled without that lock; so whether the call is still wanted when it comes is asked here.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    /// Of the call that is set, or was the last one.
    number: u64,
    set: bool,
    task: Option<Scheduled>,
}

/// The task that makes the call.
pub(super) type Scheduled = Deferred<()>;

impl Alarm {
    pub(super) fn is_set(&self) -> bool {
        self.set
    }

    /// Sets the alarm. The owner schedules the call then, with the number that this gives, and lets the
    /// alarm [keep](Self::keep) its task.
    pub(super) fn set(&mut self) -> u64 {
        self.number += 1;
        self.set = true;
        self.number
    }

    /// Takes the task of the call in. If that has come or was called off already, gives it back to be cancelled.
    pub(super) fn keep(&mut self, number: u64, task: Scheduled) -> Option<Scheduled> {
        if self.set && self.number == number {
            self.task.replace(task)
        } else {
            Some(task)
        }
    }

    /// Calls the call off, and gives its task to be cancelled.
    pub(super) fn unset(&mut self) -> Option<Scheduled> {
        self.set = false;
        self.task.take()
    }

    /// Whether a call that comes is the one that is set, which it then is no more.
    pub(super) fn ring(&mut self, number: u64) -> bool {
        let wanted = self.set && self.number == number;
        if wanted {
            self.set = false;
            // Under the owner's lock, but the task is at the call, or being dropped: this frees nothing.
            self.task = None;
        }
        wanted
    }
}

/// Calls back at the end of a wait, from a poll of a task of its own. Not from a callback of its deferred: if
/// another thread were quicker that would run here, and a chain of such calls would use up the stack.
pub(super) fn call_after(
    reactor: &Reactor,
    wait: impl Future<Output = Result<(), Aborted>> + Send + 'static,
    callback: impl FnOnce(Result<(), Aborted>) + Send + 'static,
) -> Scheduled {
    let mut call = Call(Some(callback));
    let task = reactor.spawn(async move {
        let waited = wait.await;
        call.make(waited);
        Ok(())
    });
    // Cancelled, or dropped by the loop, which the call knows.
    task.or_else(|aborted: Aborted| if aborted.is_panicked() { Err(aborted) } else { Ok(()) })
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

/// Cancels the task of a call that is not wanted any more. Not under the owner's lock.
pub(super) fn cancel(task: Option<Scheduled>) {
    if let Some(task) = task {
        task.cancel();
    }
}

/// Sleeps from `now` on.
pub(super) fn sleep_from(reactor: &Reactor, now: Instant, duration: Duration) -> Sleep {
    match now.checked_add(duration) {
        Some(deadline) => reactor.sleep_until(deadline),
        // Past the end of time, which the reactor knows how to tell its loop.
        None => reactor.sleep(duration),
    }
}
