//! Futures that cancel their deferred when they are dropped.

use std::task::Poll;

use interloop::{Aborted, State};

use crate::{
    flavour::{Completer, Deferred, Log, Place},
    tools::{CountingWaker, poll},
};

fn pair<T: 'static>() -> (Completer<T>, Deferred<T>) {
    Deferred::pair()
}

#[test]
fn dropping_it_cancels_and_runs_the_callbacks() {
    let log = Log::default();
    let (completer, deferred) = pair::<u32>();
    let inside = log.clone();
    let future = deferred.inspect_err(move |error| inside.push(error)).cancel_on_drop();
    drop(future);
    assert!(completer.is_closed());
    assert_eq!(log.events(), ["cancelled"]);
}

#[test]
fn dropping_it_after_a_poll_cancels_and_lets_go_of_the_waker() {
    let (completer, deferred) = pair::<u32>();
    let mut future = deferred.cancel_on_drop();
    let waker = CountingWaker::new();
    assert!(poll(&mut future, &waker).is_pending());
    drop(future);
    assert!(completer.is_closed());
    assert_eq!(std::sync::Arc::strong_count(&waker), 1);
}

#[test]
fn dropping_it_cancels_what_the_chain_waits_for() {
    let (outer, deferred) = pair::<u32>();
    let (inner, returned) = pair::<u32>();
    let future = deferred.and_then(move |_| returned).cancel_on_drop();
    outer.complete(1);
    drop(future);
    assert!(inner.is_closed());
}

#[test]
fn dropping_it_asks_the_canceller_and_the_answer_is_dropped() {
    let answer = Place::<u32>::default();
    let given = answer.clone();
    let (_completer, deferred) = Deferred::<Place<u32>, Aborted>::with_canceller(move |cancellation| {
        given.add_one();
        cancellation.complete(given.clone());
    });
    drop(deferred.cancel_on_drop());
    assert_eq!((answer.get(), answer.count()), (1, 1));
}

#[test]
fn a_refused_cancellation_leaves_the_rest_running() {
    let log = Log::default();
    let inside = log.clone();
    let (completer, deferred) = Deferred::<u32, Aborted>::with_canceller(|cancellation| cancellation.refuse());
    drop(deferred.inspect_ok(move |n| inside.push(n)).cancel_on_drop());
    completer.complete(1);
    assert_eq!(log.events(), ["1"]);
}

#[test]
fn detached_it_does_not_cancel() {
    let (completer, deferred) = pair::<u32>();
    let deferred = deferred.cancel_on_drop().detach().unwrap();
    assert!(!completer.is_closed());
    completer.complete(1);
    assert_eq!(deferred.try_take().unwrap().unwrap(), 1);

    let log = Log::default();
    let inside = log.clone();
    let (completer, deferred) = pair::<u32>();
    drop(deferred.inspect_ok(move |n| inside.push(n)).cancel_on_drop().detach());
    completer.complete(2);
    assert_eq!(log.events(), ["2"]);
}

#[test]
fn it_gives_the_result_and_has_nothing_to_cancel_then() {
    let (completer, deferred) = pair::<u32>();
    let mut future = deferred.cancel_on_drop();
    let waker = CountingWaker::new();
    assert!(poll(&mut future, &waker).is_pending());
    completer.complete(1);
    assert_eq!(waker.count(), 1);
    assert!(matches!(poll(&mut future, &waker), Poll::Ready(Ok(1))));
    assert!(future.detach().is_none());
}

#[test]
fn dropping_it_with_its_result_drops_that() {
    let value = Place::<u32>::default();
    let (completer, deferred) = pair::<Place<u32>>();
    let future = deferred.cancel_on_drop();
    completer.complete(value.clone());
    drop(future);
    assert_eq!(value.count(), 1);
}

#[test]
fn one_that_is_paused_and_has_fired_is_not_cancelled_any_more() {
    let log = Log::default();
    let inside = log.clone();
    let (completer, mut deferred) = pair::<u32>();
    let pause = deferred.pause();
    let future = deferred.inspect_ok(move |n| inside.push(n)).cancel_on_drop();
    completer.complete(1);
    drop(future);
    pause.resume();
    assert_eq!(log.events(), ["1"]);
}

#[test]
fn one_that_is_paused_and_waits_cancels_what_it_waits_for_and_reports_after_the_pause() {
    let log = Log::default();
    let inside = log.clone();
    let (completer, mut deferred) = pair::<u32>();
    let (inner, returned) = pair::<u32>();
    let mut chain = {
        let pause = deferred.pause();
        let chain = deferred.and_then(move |_| returned);
        completer.complete(1);
        pause.resume();
        chain
    };
    assert_eq!(chain.state(), State::Waiting);
    let pause = chain.pause();
    drop(chain.inspect_err(move |error| inside.push(error)).cancel_on_drop());
    assert!(inner.is_closed());
    assert!(log.events().is_empty());
    drop(pause);
    assert_eq!(log.events(), ["cancelled"]);
}
