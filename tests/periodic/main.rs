//! Looping calls and cooperative tasks, on a clock.

mod cooperator;
mod looping_call;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use interloop::Clock;

const SECOND: Duration = Duration::from_secs(1);

type Failure = String;

/// A clock, and what happened on it.
#[derive(Clone, Default)]
struct Stage {
    clock: Clock,
    log: Arc<Mutex<Vec<String>>>,
}

impl Stage {
    fn note(&self, what: impl Into<String>) {
        self.log.lock().unwrap().push(what.into());
    }

    /// What happened since the last time.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap())
    }

    fn elapsed(&self) -> u64 {
        self.clock.elapsed().as_secs()
    }

    fn advance(&self, seconds: u32) {
        self.clock.advance(seconds * SECOND);
    }

    /// Advances by one second, so many times.
    fn step(&self, times: usize) {
        (0..times).for_each(|_| self.advance(1));
    }
}
