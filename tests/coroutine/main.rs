//! Futures that start at once, and are resumed inside the firing of what they await.
//!
//! What needs no second thread is in `behaviours`, and runs on deferreds that stay on their thread as well (`local.rs`).

#[path = "../behaviours/coroutine/mod.rs"]
mod coroutine;
#[path = "../behaviours/flavour.rs"]
mod flavours;

#[path = "../tools/mod.rs"]
mod tools;

use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Poll, Waker},
    thread,
    time::Duration,
};

use flavours::sendable as flavour;
use interloop::{Aborted, Deferred, local};

#[test]
fn a_foreign_future_resumes_it_on_the_thread_that_wakes() {
    let done = Arc::new(Mutex::new((false, None::<Waker>)));
    let inside = done.clone();
    let whole = Deferred::<_>::from_coroutine(poll_fn(move |cx| {
        let mut done = inside.lock().unwrap();
        done.1 = Some(cx.waker().clone());
        if done.0 {
            Poll::Ready(Ok(thread::current().id()))
        } else {
            Poll::Pending
        }
    }));
    let waking = thread::spawn(move || {
        let waker = {
            let mut done = done.lock().unwrap();
            done.0 = true;
            done.1.take()
        };
        waker.unwrap().wake();
        thread::current().id()
    });
    let expected = waking.join().unwrap();
    assert_eq!(whole.try_take().unwrap().unwrap(), expected);
}

/// smol's channels and locks keep a lock of their own while they wake.
#[test]
fn a_channel_of_smols_resumes_it_on_its_loop() {
    let reactor = interloop_smol::global();
    let mut whole = reactor.spawn(async {
        let (sender, receiver) = smol::channel::bounded(1);
        let sum = Deferred::<_>::from_coroutine(async move {
            let mut sum = 0;
            while let Ok(number) = receiver.recv().await {
                sum += number;
            }
            Ok(sum)
        });
        for number in [1, 20, 300] {
            sender.send(number).await.unwrap();
        }
        drop(sender);
        sum.await
    });
    let sum = whole
        .wait_timeout(Duration::from_secs(20))
        .expect("no thread waits for itself");
    assert_eq!(sum.unwrap(), 321);
}

#[test]
fn cancelling_and_firing_at_once_leaves_one_outcome() {
    for _ in 0..300 {
        let (completer, waits) = Deferred::<u32>::pair();
        let whole = Deferred::<u32>::from_coroutine(async move { Ok(waits.await? + 1) });
        tools::at_once(|| completer.complete(1), || whole.cancel());
        match whole.try_take().unwrap() {
            Ok(n) => assert_eq!(n, 2),
            Err(error) => assert!(error.is_cancelled()),
        }
    }
}

#[test]
fn one_that_is_cancelled_on_another_thread_leaves_alone_what_stays_on_this_one() {
    thread_local! {
        static STAYS: RefCell<Option<local::Deferred<u32>>> = const { RefCell::new(None) };
        static IS_HOME: Cell<bool> = const { Cell::new(false) };
    }
    IS_HOME.set(true);
    let (completer, deferred) = local::Deferred::<u32>::pair();
    STAYS.set(Some(deferred.or_else(|_| {
        assert!(IS_HOME.get(), "the callbacks of a local deferred run on its thread");
        Ok::<_, Aborted>(1)
    })));
    let whole = Deferred::<u32>::from_coroutine(poll_fn(|cx| {
        STAYS.with_borrow_mut(|deferred| match deferred {
            Some(deferred) => Pin::new(deferred).poll(cx),
            None => Poll::Pending,
        })
    }));
    let whole = thread::spawn(move || {
        whole.cancel();
        whole
    });
    assert!(whole.join().unwrap().try_take().unwrap().unwrap_err().is_cancelled());
    assert!(!completer.is_closed(), "it was not cancelled with it");
    completer.complete(2);
    assert_eq!(STAYS.take().unwrap().try_take().unwrap().unwrap(), 2);
}
