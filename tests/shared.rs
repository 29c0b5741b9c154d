//! Results that several consumers get.
//!
//! What needs no second thread is in `behaviours`, and runs on deferreds that stay on their thread as well (`local.rs`).

#[path = "behaviours/shared.rs"]
mod consumers;
#[path = "behaviours/flavour.rs"]
mod flavours;

mod tools;

use std::thread;

use flavours::sendable as flavour;
use interloop::{Completer, Deferred, Shared};
use tools::at_once;

fn shared() -> (Completer<u32, String>, Shared<u32, String>) {
    let (completer, deferred) = Deferred::pair();
    (completer, deferred.shared())
}

#[test]
fn subscribing_on_one_thread_and_firing_on_another_misses_nobody() {
    for _ in 0..300 {
        let (completer, shared) = shared();
        let (sender, subscribers) = std::sync::mpsc::channel();
        at_once(
            || completer.complete(7),
            || (0..3).for_each(|_| sender.send(shared.subscribe()).unwrap()),
        );
        drop(sender);
        for subscriber in subscribers {
            assert_eq!(subscriber.try_take().unwrap(), Ok(7));
        }
    }
}

#[test]
fn threads_can_await_the_same_result() {
    let (completer, shared) = shared();
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| futures_executor::block_on(shared.subscribe())))
            .collect();
        completer.complete(7);
        for waiting in waiting {
            assert_eq!(waiting.join().unwrap(), Ok(7));
        }
    });
}
