//! Locks, semaphores and queues whose waiting is a deferred.
//!
//! What is released goes directly to whoever has waited longest, whose callbacks run inside the release (Twisted's rules, as
//! in `DeferredLock`, `DeferredSemaphore` and `DeferredQueue`). A waiter that was cancelled or dropped is passed over.

mod flavour;

use std::{
    error::Error,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

pub use self::sendable::{Lock, Permit, Queue, Semaphore};

/// Those whose waiters may be on several threads.
mod sendable {
    super::flavour::sync! {
        module: "",
        bounds: [Send +],
        deferreds: [crate],
        pointer: std::sync::Arc,
    }
}

/// Those whose waiters are on one thread.
pub(crate) mod local {
    super::flavour::sync! {
        module: "local::",
        bounds: [],
        deferreds: [crate::local],
        pointer: std::rc::Rc,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A queue was full. See [`Queue::put`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueOverflow<T>(
    /// The value that did not fit.
    pub T,
);

impl<T> fmt::Display for QueueOverflow<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue is full: wait until somebody has taken a value, or make it larger")
    }
}

impl<T: fmt::Debug> Error for QueueOverflow<T> {}

/// Too many waited for a queue. See [`Queue::get`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueUnderflow(());

impl fmt::Display for QueueUnderflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("as many wait for the queue already as its backlog allows")
    }
}

impl Error for QueueUnderflow {}
