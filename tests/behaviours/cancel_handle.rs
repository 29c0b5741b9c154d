//! Cancelling a chain from elsewhere, and when its future is dropped.

use std::task::Poll;

use interloop::{Aborted, State};

use crate::{
    flavour::{CancelHandle, Completer, Deferred, Log, Place},
    tools::{CountingWaker, poll},
};

fn pair<T: 'static>() -> (Completer<T>, Deferred<T>) {
    Deferred::pair()
}

#[test]
fn a_handle_follows_the_deferred_into_a_chain() {
    let (completer, mut deferred) = pair::<u32>();
    let handle = deferred.cancel_handle();
    let chain = deferred.map_ok(|_| unreachable!()).or_else(|error: Aborted| {
        assert!(error.is_cancelled());
        Ok::<u32, Aborted>(3)
    });
    assert!(!chain.is_settled());
    handle.cancel();
    assert!(completer.is_closed());
    assert_eq!(chain.try_take().unwrap().unwrap(), 3);
}

#[test]
fn a_handle_may_be_made_at_any_point_of_a_chain_and_cancels_all_of_it() {
    for point in 0..3 {
        let (completer, mut deferred) = pair::<u32>();
        let mut handles = Vec::new();
        for place in 0..3 {
            if place == point {
                handles.push(deferred.cancel_handle());
            }
            deferred = deferred.map_ok(|n| n + 1);
        }
        handles[0].cancel();
        assert!(completer.is_closed());
        assert!(deferred.try_take().unwrap().unwrap_err().is_cancelled());
    }
}

#[test]
fn several_handles_and_clones_cancel_the_same_chain_once() {
    let log = Log::default();
    let (_completer, mut deferred) = pair::<u32>();
    let first = deferred.cancel_handle();
    let inside = log.clone();
    let mut chain = deferred.inspect_err(move |error| inside.push(error));
    let second = chain.cancel_handle();
    let third = first.clone();
    for handle in [third, first, second] {
        handle.cancel();
        handle.cancel();
    }
    assert_eq!(log.events(), ["cancelled"]);
    assert!(chain.try_take().unwrap().is_err());
}

#[test]
fn a_handle_reaches_what_the_chain_waits_for() {
    let (outer, mut deferred) = pair::<u32>();
    let (middle, waits) = pair::<u32>();
    let (innermost, returned) = pair::<u32>();
    let handle = deferred.cancel_handle();
    let chain = deferred
        .and_then(move |_| waits.and_then(move |_| returned))
        .map_ok(|n| n + 1);
    outer.complete(1);
    middle.complete(1);
    assert_eq!(chain.state(), State::Waiting);
    handle.cancel();
    assert!(innermost.is_closed());
    assert!(chain.try_take().unwrap().unwrap_err().is_cancelled());
}

#[test]
fn a_handle_made_while_the_chain_waits_reaches_that_too() {
    let (outer, deferred) = pair::<u32>();
    let (inner, returned) = pair::<u32>();
    let mut chain = deferred.and_then(move |_| returned);
    outer.complete(1);
    let handle = chain.cancel_handle();
    handle.cancel();
    assert!(inner.is_closed());
    assert!(chain.try_take().unwrap().unwrap_err().is_cancelled());
}

#[test]
fn a_handle_of_an_inner_deferred_cancels_that_and_the_outer_chain_sees_it() {
    let (outer, deferred) = pair::<u32>();
    let (inner, mut returned) = pair::<u32>();
    let handle = returned.cancel_handle();
    let chain = deferred.and_then(move |_| returned).or_else(|error: Aborted| {
        assert!(error.is_cancelled());
        Ok::<_, Aborted>(9)
    });
    outer.complete(1);
    handle.cancel();
    assert!(inner.is_closed());
    assert_eq!(chain.try_take().unwrap().unwrap(), 9);
}

#[test]
fn a_handle_of_an_inner_chain_that_waits_reaches_what_that_waits_for() {
    let (outer, deferred) = pair::<u32>();
    let (middle, waits) = pair::<u32>();
    let (innermost, returned) = pair::<u32>();
    let mut waits = waits.and_then(move |_| returned);
    let handle = waits.cancel_handle();
    let chain = deferred.and_then(move |_| waits).map_ok(|n| n + 1);
    outer.complete(1);
    middle.complete(1);
    assert_eq!(chain.state(), State::Waiting);
    handle.cancel();
    assert!(innermost.is_closed());
    assert!(chain.try_take().unwrap().unwrap_err().is_cancelled());
}

#[test]
fn a_handle_of_an_inner_deferred_does_nothing_once_that_has_handed_its_result_over() {
    for fires_first in [false, true] {
        let (outer, deferred) = pair::<u32>();
        let (later, waits) = pair::<u32>();
        let mut inner = Deferred::<u32>::ready(1);
        let handle = inner.cancel_handle();
        let attach = |deferred: Deferred<u32>| deferred.and_then(move |_| inner).and_then(move |_| waits);
        let chain = if fires_first {
            outer.complete(1);
            attach(deferred)
        } else {
            let chain = attach(deferred);
            outer.complete(1);
            chain
        };
        handle.cancel();
        assert!(!later.is_closed());
        later.complete(5);
        assert_eq!(chain.try_take().unwrap().unwrap(), 5);
    }
}

#[test]
fn a_handle_does_nothing_once_the_chain_has_ended() {
    let (completer, mut deferred) = pair::<u32>();
    let handle = deferred.cancel_handle();
    let chain = deferred.map_ok(|n| n + 1);
    completer.complete(1);
    handle.cancel();
    assert_eq!(chain.try_take().unwrap().unwrap(), 2);
    handle.cancel();

    let mut ready = Deferred::<u32>::ready(1);
    let handle = ready.cancel_handle();
    handle.cancel();
    assert_eq!(ready.try_take().unwrap().unwrap(), 1);
}

#[test]
fn a_handle_of_a_deferred_whose_result_was_taken_does_nothing() {
    let mut ready = Deferred::<u32>::ready(1);
    assert!(poll(&mut ready, &CountingWaker::new()).is_ready());
    ready.cancel_handle().cancel();
}

#[test]
fn a_handle_keeps_nothing_alive() {
    let token = Place::<u32>::default();
    let (completer, mut deferred) = pair::<Place<u32>>();
    let handle = deferred.cancel_handle();
    let captured = token.clone();
    let chain = deferred.inspect_ok(move |_| captured.add_one());
    completer.complete(token.clone());
    drop(chain);
    assert_eq!((token.get(), token.count()), (1, 1));
    handle.cancel();
}

#[test]
fn a_handle_cancels_what_a_callback_waits_for_that_was_attached_to_the_result() {
    for handle_after_firing in [false, true] {
        let (completer, mut deferred) = pair::<u32>();
        let (inner, returned) = pair::<u32>();
        let early = (!handle_after_firing).then(|| deferred.cancel_handle());
        let mut deferred = deferred.map_ok(|n| n + 1);
        completer.complete(1);
        let handle = early.unwrap_or_else(|| deferred.cancel_handle());
        let chain = deferred.and_then(move |_| returned).map_ok(|n| n + 1);
        assert!(!chain.is_settled());
        handle.cancel();
        assert!(inner.is_closed());
        assert!(chain.try_take().unwrap().unwrap_err().is_cancelled());
    }
}

#[test]
fn a_cancellation_that_came_when_all_was_done_does_not_hit_what_is_attached_later() {
    let (completer, mut deferred) = pair::<u32>();
    let handle = deferred.cancel_handle();
    let deferred = deferred.map_ok(|n| n + 1);
    completer.complete(1);
    handle.cancel();
    let (inner, returned) = pair::<u32>();
    let chain = deferred.and_then(move |_| returned);
    assert!(!inner.is_closed());
    inner.complete(2);
    assert_eq!(chain.try_take().unwrap().unwrap(), 2);
}

#[test]
fn a_chain_that_goes_on_after_a_cancellation_can_be_cancelled_by_the_same_handle() {
    let (_completer, mut deferred) = pair::<u32>();
    let handle = deferred.cancel_handle();
    let mut inners = Vec::new();
    let mut chain = deferred;
    for _ in 0..3 {
        let (inner, returned) = pair::<u32>();
        inners.push(inner);
        chain = chain.or_else(move |_| returned);
    }
    for inner in &inners {
        assert!(!inner.is_closed());
        handle.cancel();
        assert!(!chain.is_settled());
    }
    handle.cancel();
    assert!(inners.iter().all(Completer::is_closed));
    assert!(chain.try_take().unwrap().unwrap_err().is_cancelled());
}

#[test]
fn a_callback_that_cancels_its_own_chain_changes_nothing() {
    let slot = Place::<Option<CancelHandle>>::default();
    let (completer, mut deferred) = pair::<u32>();
    let (inner, returned) = pair::<u32>();
    slot.put(deferred.cancel_handle());
    let inside = slot.clone();
    let chain = deferred.and_then(move |_| {
        inside.take().cancel();
        returned
    });
    completer.complete(1);
    assert!(!inner.is_closed());
    inner.complete(2);
    assert_eq!(chain.try_take().unwrap().unwrap(), 2);
}

#[test]
fn a_handle_wakes_who_awaits_the_deferred() {
    let (_completer, mut deferred) = pair::<u32>();
    let handle = deferred.cancel_handle();
    let waker = CountingWaker::new();
    assert!(poll(&mut deferred, &waker).is_pending());
    handle.cancel();
    handle.cancel();
    assert_eq!(waker.count(), 1);
    assert!(matches!(poll(&mut deferred, &waker), Poll::Ready(Err(error)) if error.is_cancelled()));
}
