//! What the handles on a task ask it for.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    task::Waker,
};

/// A state under a lock, which no foreign code runs under, and the waker of the task that looks at it.
pub(super) struct Mail<S>(Mutex<(S, Option<Waker>)>);

impl<S> Mail<S> {
    pub(super) fn new(state: S) -> Self {
        Self(Mutex::new((state, None)))
    }

    fn lock(&self) -> MutexGuard<'_, (S, Option<Waker>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and has the task look at it.
    pub(super) fn ask<R>(&self, change: impl FnOnce(&mut S) -> R) -> R {
        let (result, waker) = {
            let mut mail = self.lock();
            (change(&mut mail.0), mail.1.take())
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        result
    }

    /// Looks at the state.
    pub(super) fn look<R>(&self, look: impl FnOnce(&mut S) -> R) -> R {
        look(&mut self.lock().0)
    }

    /// Has the task woken by what is asked for from now on. To be called before it looks.
    pub(super) fn listen(&self, waker: &Waker) {
        // A waker is somebody's code: cloned and dropped without the lock.
        if self.lock().1.as_ref().is_some_and(|present| present.will_wake(waker)) {
            return;
        }
        let waker = waker.clone();
        let former = self.lock().1.replace(waker);
        drop(former);
    }
}
