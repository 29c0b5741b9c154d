//! What clients need that ask again before they were answered: the answers come in the order of the questions.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use interloop::{Completer, Deferred, protocol::Lost};

/// Those who wait for an answer, in the order of their questions.
pub(crate) struct Answers<T: 'static>(Arc<Mutex<Waiting<T>>>);

enum Waiting<T: 'static> {
    Connected(VecDeque<Completer<T, Lost>>),
    Over(Lost),
}

impl<T: 'static> Clone for Answers<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: 'static> Answers<T> {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Waiting::Connected(VecDeque::new()))))
    }

    /// The answer that comes after all that are expected so far. To be called before the question is written.
    pub(crate) fn expect(&self) -> Deferred<T, Lost> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Waiting::Connected(waiting) => {
                let (completer, deferred) = Deferred::pair();
                waiting.push_back(completer);
                deferred
            }
            Waiting::Over(reason) => Deferred::failed(reason.clone()),
        }
    }

    /// An answer has come. Whether somebody had asked.
    pub(crate) fn answer(&self, answer: T) -> bool {
        let first = match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Waiting::Connected(waiting) => waiting.pop_front(),
            Waiting::Over(_) => None,
        };
        // What is attached to the deferred runs in here, so without the lock.
        first.map(|completer| completer.complete(answer)).is_some()
    }

    /// Nothing comes any more.
    pub(crate) fn lose(&self, reason: &Lost) {
        let waiting = {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *waiting, Waiting::Over(reason.clone()))
        };
        if let Waiting::Connected(waiting) = waiting {
            for completer in waiting {
                completer.fail(reason.clone());
            }
        }
    }
}
