//! Results that several consumers get.
//!
//! What needs no second thread is in `behaviours`, and runs on deferreds that stay on their thread as well (`local.rs`).

#[path = "behaviours/shared.rs"]
mod consumers;
#[path = "behaviours/flavour.rs"]
mod flavours;

mod tools;

use std::{future::IntoFuture, thread};

use flavours::sendable as flavour;
use interloop::{Completer, Deferred, Shared, State};
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

#[test]
fn it_can_be_awaited_by_value_and_by_reference_more_than_once() {
    let (completer, shared) = shared();
    let awaited = shared.clone();
    let sum = Deferred::from_coroutine(async move {
        let first = (&awaited).await?;
        let second = (&awaited).await?;
        Ok::<_, String>(first + second + awaited.await?)
    });
    assert_eq!(sum.state(), State::Pending);
    completer.complete(7);
    assert_eq!(sum.try_take().unwrap(), Ok(21));
    assert_eq!(shared.into_future().try_take().unwrap(), Ok(7));
}
