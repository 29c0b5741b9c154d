//! Callbacks that return deferreds, for which their chain then waits.

use interloop::State;

use crate::flavour::{Completer, Deferred, Log, Outcome, Place};

fn pair<T: 'static>() -> (Completer<T, String>, Deferred<T, String>) {
    Deferred::pair()
}

#[test]
fn what_follows_waits_for_the_returned_deferred_whatever_fires_first() {
    for inner_first in [false, true] {
        for result in [Ok(2), Err("no".to_owned())] {
            let (outer, deferred) = pair::<u32>();
            let (inner, returned) = pair::<u32>();
            let chain = deferred.and_then(move |_| returned).map_ok(|n| n * 10);
            if inner_first {
                inner.settle(result.clone());
                assert_eq!(chain.state(), State::Pending);
                outer.complete(1);
            } else {
                outer.complete(1);
                assert_eq!(chain.state(), State::Waiting);
                inner.settle(result.clone());
            }
            assert_eq!(chain.try_take().unwrap(), result.map(|n| n * 10));
        }
    }
}

#[test]
fn a_chain_that_has_its_result_begins_to_wait_when_a_callback_says_so() {
    let (inner, returned) = pair::<u32>();
    let chain = Deferred::<u32, String>::ready(1).and_then(move |_| returned);
    let chain = chain.map_ok(|n| n + 1);
    assert!(!chain.is_settled());
    inner.complete(2);
    assert_eq!(chain.try_take().unwrap(), Ok(3));
}

#[test]
fn recovering_can_wait_too_and_the_failure_is_gone() {
    let (outer, deferred) = pair::<u32>();
    let (inner, returned) = pair::<u32>();
    let chain = deferred.or_else(move |_| returned).map_ok(|n| n + 1);
    outer.fail("no".to_owned());
    assert!(!chain.is_settled());
    inner.complete(2);
    assert_eq!(chain.try_take().unwrap(), Ok(3));
}

#[test]
fn one_callback_can_wait_at_one_time_and_not_at_another() {
    for wait in [false, true] {
        let (inner, returned) = pair::<u32>();
        let mut returned = Some(returned);
        let chain = Deferred::<u32, String>::ready(1).and_then(move |n| match returned.take().filter(|_| wait) {
            Some(inner) => Outcome::Waiting(inner),
            None => Outcome::Settled(Ok(n)),
        });
        assert_eq!(chain.is_settled(), !wait);
        inner.complete(2);
        assert_eq!(chain.try_take().unwrap(), Ok(if wait { 2 } else { 1 }));
    }
}

#[test]
fn callbacks_of_the_inner_deferred_run_before_those_of_the_outer() {
    let log = Log::default();
    let say = |what: &'static str| {
        let log = log.clone();
        move |_: &u32| log.push(what)
    };
    let (outer, deferred) = pair::<u32>();
    let (middle, in_the_middle) = pair::<u32>();
    let (innermost, within) = pair::<u32>();
    let within = within.inspect_ok(say("innermost"));
    let in_the_middle = in_the_middle
        .inspect_ok(say("middle fired"))
        .and_then(move |_| within)
        .inspect_ok(say("middle went on"));
    let chain = deferred
        .inspect_ok(say("outer fired"))
        .and_then(move |_| in_the_middle)
        .inspect_ok(say("outer went on"));
    outer.complete(1);
    let chain = chain.inspect_ok(say("attached while waiting"));
    assert_eq!(log.events(), ["outer fired"]);
    middle.complete(2);
    assert_eq!(log.events(), ["middle fired"]);
    innermost.complete(3);
    assert_eq!(
        log.events(),
        ["innermost", "middle went on", "outer went on", "attached while waiting"]
    );
    assert_eq!(chain.try_take().unwrap(), Ok(3));
}

#[test]
fn a_returned_deferred_that_waits_itself_is_waited_for_to_the_end() {
    let (innermost, within) = pair::<u32>();
    let waiting = Deferred::<u32, String>::ready(1)
        .and_then(move |_| within.map_ok(|n| n * 2))
        .map_ok(|n| n + 1);
    assert_eq!(
        waiting.state(),
        State::Waiting,
        "it has fired, and waits for the inner one"
    );
    let (outer, deferred) = pair::<u32>();
    let chain = deferred.and_then(move |_| waiting).map_ok(|n| n * 100);
    outer.complete(1);
    innermost.complete(3);
    assert_eq!(chain.try_take().unwrap(), Ok(700));
}

#[test]
fn a_chain_waits_as_often_as_its_callbacks_say() {
    let log = Log::default();
    let (outer, deferred) = pair::<u32>();
    let (completers, chain) = (0..5).fold((Vec::new(), deferred), |(mut completers, chain), _| {
        let (completer, returned) = pair::<u32>();
        completers.push(completer);
        let log = log.clone();
        let chain = chain.and_then(move |n| {
            log.push(n);
            returned
        });
        (completers, chain)
    });
    outer.complete(0);
    for (n, completer) in (1..).zip(completers) {
        assert!(!chain.is_settled());
        completer.complete(n);
    }
    assert_eq!(log.events(), ["0", "1", "2", "3", "4"]);
    assert_eq!(chain.try_take().unwrap(), Ok(5));
}

#[test]
fn a_waiting_chain_whose_handle_is_gone_runs_to_its_end() {
    let log = Log::default();
    let (outer, deferred) = pair::<u32>();
    let (inner, returned) = pair::<u32>();
    let inside = log.clone();
    let chain = deferred.and_then(move |_| returned).inspect_ok(move |n| inside.push(n));
    outer.complete(1);
    drop(chain);
    assert!(!inner.is_closed());
    inner.complete(2);
    assert_eq!(log.events(), ["2"]);
}

#[test]
fn a_returned_deferred_whose_completer_is_dropped_fails_the_chain() {
    let (outer, deferred) = pair::<u32>();
    let (inner, returned) = pair::<u32>();
    let chain = deferred.and_then(move |_| returned);
    outer.complete(1);
    drop(inner);
    assert_eq!(
        chain.try_take().unwrap(),
        Err("the completer was dropped without firing".to_owned())
    );
}

#[test]
fn an_inner_deferred_can_be_fired_by_the_callback_that_returns_it() {
    let (outer, deferred) = pair::<u32>();
    let chain = deferred
        .and_then(|n| {
            let (completer, returned) = pair::<u32>();
            let returned = returned.map_ok(|m| m + 1);
            completer.complete(n);
            returned
        })
        .map_ok(|n| n * 2);
    outer.complete(1);
    assert_eq!(chain.try_take().unwrap(), Ok(4));
}

#[test]
fn two_chains_can_wait_for_each_others_parts() {
    let (first, one) = pair::<u32>();
    let (second, two) = pair::<u32>();
    let fire = Place::new(Some(second));
    // The first chain fires what the second waits for, and then waits for the second.
    let second_chain = two.map_ok(|n| n * 10);
    let chain = one.and_then(move |n| {
        fire.take().complete(n + 1);
        second_chain
    });
    first.complete(1);
    assert_eq!(chain.try_take().unwrap(), Ok(20));
}
