//! Chains that are held back, and wait or are cancelled meanwhile.

use interloop::State;

use crate::flavour::{Completer, Deferred, Log, Pause, Place};

fn pair<T: 'static>() -> (Completer<T>, Deferred<T>) {
    Deferred::pair()
}

#[test]
fn a_paused_inner_deferred_is_waited_for() {
    for fired_before_it_is_returned in [false, true] {
        for paused_before_it_fires in [false, true] {
            let (outer, deferred) = pair::<u32>();
            let (inner, mut returned) = pair::<u32>();
            let mut inner = Some(inner);
            let mut fire = || inner.take().map(|inner| inner.complete(2));
            if !paused_before_it_fires {
                fire();
            }
            let pause = returned.pause();
            if fired_before_it_is_returned {
                fire();
            }
            let chain = deferred.and_then(move |_| returned).map_ok(|n| n + 1);
            outer.complete(1);
            fire();
            assert_eq!(chain.state(), State::Waiting);
            drop(pause);
            assert_eq!(chain.try_take().unwrap().unwrap(), 3);
        }
    }
}

#[test]
fn a_waiting_chain_that_is_paused_goes_on_after_both_the_wait_and_the_pause() {
    for resume_first in [false, true] {
        let log = Log::default();
        let (outer, deferred) = pair::<u32>();
        let (inner, returned) = pair::<u32>();
        let (within, after) = (log.clone(), log.clone());
        let returned = returned.inspect_ok(move |_| within.push("inner"));
        let mut chain = deferred
            .and_then(move |_| returned)
            .inspect_ok(move |_| after.push("outer"));
        outer.complete(1);
        let pause = chain.pause();
        assert_eq!(chain.state(), State::Waiting);
        if resume_first {
            drop(pause);
            assert!(log.events().is_empty());
            inner.complete(2);
            assert_eq!(log.events(), ["inner", "outer"]);
        } else {
            inner.complete(2);
            assert_eq!(log.events(), ["inner"], "the pause is that of the outer chain");
            assert_eq!(chain.state(), State::Waiting);
            drop(pause);
            assert_eq!(log.events(), ["outer"]);
        }
        assert_eq!((chain.state(), chain.try_take().unwrap().unwrap()), (State::Fired, 2));
    }
}

#[test]
fn a_paused_chain_that_has_not_fired_is_cancelled_at_once_and_tells_after_the_pause() {
    for by_handle in [false, true] {
        let log = Log::default();
        let (completer, mut deferred) = pair::<u32>();
        let pause = deferred.pause();
        let inside = log.clone();
        let mut chain = deferred.inspect_err(move |error| inside.push(error));
        let handle = chain.cancel_handle();
        if by_handle {
            handle.cancel();
        } else {
            chain.cancel();
        }
        assert!(completer.is_closed());
        assert_eq!((chain.state(), chain.is_settled()), (State::Fired, false));
        chain.cancel();
        assert!(log.events().is_empty());
        drop(pause);
        assert_eq!(log.events(), ["cancelled"]);
        assert!(chain.try_take().unwrap().unwrap_err().is_cancelled());
    }
}

#[test]
fn the_canceller_of_a_paused_deferred_is_asked_at_once_and_its_answer_is_held() {
    let calls = Place::<u32>::default();
    let inside = calls.clone();
    let (_completer, mut deferred) = Deferred::<u32>::with_canceller(move |cancellation| {
        inside.add_one();
        cancellation.complete(5);
    });
    let pause = deferred.pause();
    deferred.cancel();
    deferred.cancel();
    assert_eq!((calls.get(), deferred.is_settled()), (1, false));
    drop(pause);
    assert_eq!(deferred.try_take().unwrap().unwrap(), 5);
}

#[test]
fn cancelling_what_has_fired_and_is_paused_does_nothing() {
    for attached in [false, true] {
        let (completer, mut deferred) = pair::<u32>();
        let handle = deferred.cancel_handle();
        let pause = deferred.pause();
        completer.complete(1);
        let (inner, returned) = pair::<u32>();
        let mut chain = deferred;
        if attached {
            chain = chain.and_then(move |_| returned);
        }
        chain.cancel();
        handle.cancel();
        drop(pause);
        assert!(
            !attached || !inner.is_closed(),
            "the cancellation was not kept for later"
        );
        inner.complete(1);
        assert_eq!(chain.try_take().unwrap().unwrap(), 1);
    }
}

#[test]
fn cancelling_a_paused_chain_that_waits_cancels_the_inner_one_at_once_and_only_once() {
    let log = Log::default();
    let (outer, deferred) = pair::<u32>();
    let (inner, returned) = pair::<u32>();
    let (next, waits_next) = pair::<u32>();
    let inside = log.clone();
    let mut chain = deferred.and_then(move |_| returned).or_else(move |error| {
        inside.push(error);
        waits_next
    });
    outer.complete(1);
    let pause = chain.pause();
    chain.cancel();
    assert!(inner.is_closed() && log.events().is_empty());
    chain.cancel();
    drop(pause);
    assert_eq!(log.events(), ["cancelled"]);
    assert!(!next.is_closed(), "the second cancellation came while it was held");
    next.complete(3);
    assert_eq!(chain.try_take().unwrap().unwrap(), 3);
}

#[test]
fn a_chain_that_was_paused_while_it_ran_is_held_after_its_next_wait() {
    let own = Place::<Option<Deferred<u32>>>::default();
    let pauses = Place::<Option<Pause>>::default();
    let (completer, deferred) = pair::<u32>();
    let (inner, returned) = pair::<u32>();
    let (end, pause) = (own.clone(), pauses.clone());
    let chain = deferred.and_then(move |_| {
        let mut chain = end.take();
        pause.put(chain.pause());
        end.put(chain);
        returned
    });
    own.put(chain);
    completer.complete(1);
    inner.complete(2);
    let chain = own.take();
    assert_eq!((chain.state(), chain.is_settled()), (State::Waiting, false));
    drop(pauses.take());
    assert_eq!(chain.try_take().unwrap().unwrap(), 2);
}
