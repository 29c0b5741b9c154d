//! Many deferreds into one, by each of the rules.

mod all;
mod first;
mod gather;
mod join;
mod race;
mod threads;

#[path = "../tools/mod.rs"]
mod tools;

use std::sync::{Arc, Mutex};

use interloop::{Cancellation, Completer, Deferred};

type Child = Deferred<u32, String>;

/// Deferreds, and what fires them.
fn children(count: usize) -> (Vec<Completer<u32, String>>, Vec<Child>) {
    (0..count).map(|_| Deferred::pair()).unzip()
}

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

    /// Deferreds that log when their cancellation is asked for, and then answer it.
    fn cancellable(
        &self,
        count: u32,
        answer: impl Fn(u32, Cancellation<'_, u32, String>) + Clone + Send + 'static,
    ) -> (Vec<Completer<u32, String>>, Vec<Child>) {
        let make = |index| {
            let (log, answer) = (self.clone(), answer.clone());
            Deferred::with_canceller(move |cancellation| {
                log.push(format!("cancel {index}"));
                answer(index, cancellation);
            })
        };
        (0..count).map(make).unzip()
    }
}

const CANCELLED: &str = "cancelled";
