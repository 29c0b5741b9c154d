//! Futures that start at once, and are resumed inside the firing of what they await.

mod cancelling;
mod running;
mod waking;

use std::{
    future::{Future, poll_fn},
    sync::{Arc, Mutex},
    task::{Poll, Waker},
};

use crate::flavour::{Callback, Completer, Deferred, Log};

fn pair<T: 'static>() -> (Completer<T, String>, Deferred<T, String>) {
    Deferred::pair()
}

/// Starts a future with the error type that most of these tests have.
fn start<T: Callback>(future: impl Future<Output = Result<T, String>> + Callback) -> Deferred<T, String> {
    Deferred::from_coroutine(future)
}

/// What a foreign future shares with its test: whether it is done, and what wakes it.
type Foreign = Arc<Mutex<(bool, Option<Waker>)>>;

/// A future that belongs to no deferred.
fn foreign() -> (impl Future<Output = ()> + Callback, Foreign) {
    let shared = Foreign::default();
    let inside = shared.clone();
    let future = poll_fn(move |cx| {
        let mut shared = inside.lock().unwrap();
        shared.1 = Some(cx.waker().clone());
        if shared.0 { Poll::Ready(()) } else { Poll::Pending }
    });
    (future, shared)
}

fn finish(foreign: &Foreign) {
    let waker = {
        let mut foreign = foreign.lock().unwrap();
        foreign.0 = true;
        foreign.1.take()
    };
    waker.unwrap().wake();
}

/// Three coroutines, each awaiting the next; what they await is awaited twice by the innermost.
fn three_levels(log: &Log) -> (Vec<Completer<u32, String>>, Deferred<u32, String>) {
    let (completers, mut waits): (Vec<_>, Vec<_>) = (0..2).map(|_| pair::<u32>()).unzip();
    let (second, first) = (waits.pop().unwrap(), waits.pop().unwrap());
    let (inner, middle, outer) = (log.clone(), log.clone(), log.clone());
    let whole = start(async move {
        outer.push("outer begins");
        let middle = start(async move {
            middle.push("middle begins");
            let inner = start(async move {
                inner.push("inner begins");
                let n = first.await?;
                inner.push(n);
                let n = second.await?;
                inner.push("inner ends");
                Ok(n)
            });
            let result = inner.await;
            middle.push("middle ends");
            result
        });
        let result = middle.await.map(|n| n + 1);
        outer.push("outer ends");
        result
    });
    (completers, whole)
}
