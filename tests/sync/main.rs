//! Locks, semaphores and queues.

mod lock;
mod queue;
mod semaphore;
mod threads;

#[path = "../tools/mod.rs"]
mod tools;

use std::sync::{Arc, Mutex};

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn push(&self, event: impl ToString) {
        self.0.lock().unwrap().push(event.to_string());
    }

    fn events(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}
