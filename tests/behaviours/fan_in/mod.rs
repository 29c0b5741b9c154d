//! Many deferreds into one, by each of the rules.

mod all;
mod first;
mod gather;
mod join;
mod race;

use crate::flavour::{Callback, Cancellation, Completer, Deferred, Log};

type Child = Deferred<u32, String>;

/// Deferreds, and what fires them.
fn children(count: usize) -> (Vec<Completer<u32, String>>, Vec<Child>) {
    (0..count).map(|_| Deferred::pair()).unzip()
}

/// Deferreds that log when their cancellation is asked for, and then answer it.
fn cancellable(
    log: &Log,
    count: u32,
    answer: impl Fn(u32, Cancellation<'_, u32, String>) + Clone + Callback,
) -> (Vec<Completer<u32, String>>, Vec<Child>) {
    let make = |index| {
        let (log, answer) = (log.clone(), answer.clone());
        Deferred::with_canceller(move |cancellation| {
            log.push(format!("cancel {index}"));
            answer(index, cancellation);
        })
    };
    (0..count).map(make).unzip()
}

const CANCELLED: &str = "cancelled";
