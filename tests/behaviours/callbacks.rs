//! Callbacks: when they run, in which order, with what, and what becomes of what they return.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_core::future::FusedFuture;
use interloop::{Aborted, State};

use crate::{
    flavour::{Completer, Deferred, Log, Outcome, Place},
    tools::{CountingWaker, poll},
};

fn pair<T: 'static>() -> (Completer<T, String>, Deferred<T, String>) {
    Deferred::pair()
}

#[test]
fn callbacks_run_in_order_before_complete_returns() {
    let log = Log::default();
    let (completer, deferred) = pair::<u32>();
    let (first, second, third) = (log.clone(), log.clone(), log.clone());
    deferred
        .inspect_ok(move |n| first.push(format!("first {n}")))
        .map_ok(move |n| {
            second.push(format!("second {n}"));
            n + 1
        })
        .then(move |result| {
            third.push(format!("third {result:?}"));
            result
        })
        .detach();
    assert_eq!(log.count(), 4);
    completer.complete(1);
    assert_eq!(log.events(), ["first 1", "second 1", "third Ok(2)"]);
    assert_eq!(log.count(), 1, "a callback that has run is gone");
}

#[test]
fn callbacks_attached_to_a_result_run_before_attaching_returns() {
    for fired_by_a_completer in [false, true] {
        let deferred = if fired_by_a_completer {
            let (completer, deferred) = pair();
            completer.complete(1);
            deferred
        } else {
            Deferred::<u32, String>::ready(1)
        };
        let ran = Place::<u32>::default();
        let inside = ran.clone();
        let deferred = deferred.map_ok(move |n| {
            inside.add_one();
            n + 1
        });
        assert_eq!(ran.get(), 1);
        assert_eq!(deferred.try_take().unwrap(), Ok(2));
    }
}

#[test]
fn a_failure_goes_past_callbacks_for_values_until_one_recovers_from_it() {
    let log = Log::default();
    let (completer, deferred) = pair::<u32>();
    let (on_err, on_ok) = (log.clone(), log.clone());
    let chain = deferred
        .map_ok(|_| unreachable!())
        .and_then(|n: u32| Ok(n))
        .map_err(|error| error + "!")
        .inspect_err(move |error| on_err.push(error))
        .or_else(|_| Ok::<_, String>(5))
        .or_else(|_| -> Result<u32, String> { unreachable!() })
        .inspect_ok(move |n| on_ok.push(n));
    completer.fail("no".to_owned());
    assert_eq!(log.events(), ["no!", "5"]);
    assert_eq!(chain.try_take().unwrap(), Ok(5));
}

#[test]
fn what_one_of_two_callbacks_fails_with_is_not_for_the_other() {
    for start in [Ok(1), Err("zero".to_owned())] {
        let (completer, deferred) = pair::<u32>();
        let chain = deferred
            .then_either(
                |n| Err::<u32, _>(format!("from value {n}")),
                |error| Err(format!("from failure {error}")),
            )
            .map_err(|error| format!("after {error}"));
        let expected = match &start {
            Ok(n) => format!("after from value {n}"),
            Err(error) => format!("after from failure {error}"),
        };
        completer.settle(start);
        assert_eq!(chain.try_take().unwrap(), Err(expected));
    }
}

#[test]
fn a_panic_reaches_neither_who_fires_nor_who_attaches() {
    let (completer, deferred) = Deferred::<u32, Aborted>::pair();
    let chain = deferred
        .map_ok(|n| -> u32 { panic!("no {}", n) })
        .map_ok(|_| unreachable!("the chain has failed"));
    completer.complete(7);
    let chain: Deferred<u32, Aborted> = chain;
    assert_eq!(chain.try_take().unwrap().unwrap_err().panic_message(), Some("no 7"));

    let attached = Deferred::<u32, Aborted>::ready(1).and_then(|_| -> Result<u32, Aborted> { panic!("late") });
    assert_eq!(attached.try_take().unwrap().unwrap_err().panic_message(), Some("late"));
}

#[test]
fn a_callback_that_a_running_callback_attaches_to_its_own_chain_runs_at_the_end() {
    let log = Log::default();
    let end = Place::<Option<Deferred<u32, String>>>::default();
    let (completer, deferred) = pair::<u32>();
    let (own, first, second) = (end.clone(), log.clone(), log.clone());
    let chain = deferred
        .inspect_ok(move |_| {
            first.push("first begins");
            let later = first.clone();
            own.put(own.take().inspect_ok(move |_| later.push("attached")));
            first.push("first ends");
        })
        .inspect_ok(move |_| second.push("second"));
    end.put(chain);
    completer.complete(1);
    assert_eq!(log.events(), ["first begins", "first ends", "second", "attached"]);
    assert_eq!(end.take().try_take().unwrap(), Ok(1));
}

#[test]
fn firing_from_a_callback_runs_the_other_chain_there_and_then() {
    let log = Log::default();
    let (completer, deferred) = pair::<u32>();
    let (other, other_deferred) = pair::<u32>();
    let (outer, inner) = (log.clone(), log.clone());
    other_deferred
        .inspect_ok(move |n| inner.push(format!("other {n}")))
        .detach();
    deferred
        .inspect_ok(move |n| {
            outer.push("begins");
            other.complete(n + 1);
            outer.push("ends");
        })
        .detach();
    completer.complete(1);
    assert_eq!(log.events(), ["begins", "other 2", "ends"]);
}

#[test]
fn chain_hands_the_outcome_to_a_completer_and_goes_on_with_nothing() {
    for result in [Ok(7), Err("no".to_owned())] {
        let (completer, other) = pair::<u32>();
        let rest = Deferred::settled(result.clone()).chain(completer);
        assert_eq!(other.try_take().unwrap(), result);
        assert_eq!(rest.try_take().unwrap(), Ok(()));
    }
}

#[test]
fn cancelling_what_was_chained_to_does_not_touch_the_source() {
    let (completer, source) = pair::<u32>();
    let (to, other) = pair::<u32>();
    let rest = source.chain(to);
    other.cancel();
    assert!(!completer.is_closed() && !rest.is_settled());
    completer.complete(1);
    assert_eq!(rest.try_take().unwrap(), Ok(()));
    assert!(other.try_take().unwrap().is_err());
}

#[test]
fn maybe_adopts_whatever_a_function_comes_to() {
    assert_eq!(Deferred::<u32, String>::maybe(|| Ok(1)).try_take().unwrap(), Ok(1));
    let failed = Deferred::<u32, String>::maybe(|| Err("no".to_owned()));
    assert_eq!(failed.try_take().unwrap(), Err("no".to_owned()));

    let (completer, deferred) = pair::<u32>();
    let adopted = Deferred::maybe(move || deferred);
    assert!(!adopted.is_settled());
    completer.complete(2);
    assert_eq!(adopted.try_take().unwrap(), Ok(2));

    let panicked = Deferred::<u32, Aborted>::maybe(|| -> Result<u32, Aborted> { panic!("early") });
    assert_eq!(panicked.try_take().unwrap().unwrap_err().panic_message(), Some("early"));
}

#[test]
fn results_and_outcomes_convert_into_deferreds() {
    assert_eq!(Deferred::<u32, String>::from(Ok(1)).try_take().unwrap(), Ok(1));
    assert_eq!(
        Deferred::<u32, String>::from(Outcome::Settled(Ok(2)))
            .try_take()
            .unwrap(),
        Ok(2)
    );
    let (completer, deferred) = pair::<u32>();
    let waiting = Deferred::from(Outcome::Waiting(deferred));
    completer.complete(3);
    assert_eq!(waiting.try_take().unwrap(), Ok(3));
}

#[test]
fn the_state_and_the_debug_text_tell_how_far_a_chain_has_come() {
    let (completer, deferred) = pair::<u32>();
    let (inner, returned) = pair::<u32>();
    let mut chain = deferred.and_then(move |_| returned).map_ok(|n| n + 1);
    assert_eq!(
        (chain.state(), format!("{chain:?}")),
        (State::Pending, "Deferred(Pending)".to_owned())
    );
    completer.complete(1);
    assert_eq!(
        (chain.state(), format!("{chain:?}")),
        (State::Waiting, "Deferred(Waiting)".to_owned())
    );
    assert!(!chain.is_settled());
    inner.complete(2);
    assert_eq!(
        (chain.state(), format!("{chain:?}")),
        (State::Fired, "Deferred(Fired)".to_owned())
    );
    assert!(chain.is_settled() && !chain.is_terminated());
    assert!(poll(&mut chain, &CountingWaker::new()).is_ready());
    assert!(chain.is_terminated() && !chain.is_settled());
    assert_eq!(format!("{chain:?}"), "Deferred(\"taken\")");
}

#[test]
fn polling_after_the_result_was_given_panics() {
    let mut deferred = Deferred::<u32, String>::ready(1);
    let waker = CountingWaker::new();
    assert!(poll(&mut deferred, &waker).is_ready());
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut deferred, &waker).is_ready())).is_err());
}

#[test]
fn a_poll_wakes_once_at_the_end_of_the_chain() {
    let (completer, deferred) = pair::<u32>();
    let (inner, returned) = pair::<u32>();
    let mut chain = deferred.and_then(move |_| returned).map_ok(|n| n + 1);
    let waker = CountingWaker::new();
    assert!(poll(&mut chain, &waker).is_pending());
    completer.complete(1);
    assert_eq!(waker.count(), 0);
    inner.complete(2);
    assert_eq!(waker.count(), 1);
    assert!(matches!(poll(&mut chain, &waker), std::task::Poll::Ready(Ok(3))));
}

#[test]
fn a_dropped_completer_fails_what_was_attached_and_a_dropped_deferred_does_not_stop_it() {
    let log = Log::default();
    let (completer, deferred) = Deferred::<u32, Aborted>::pair();
    let inside = log.clone();
    drop(
        deferred
            .inspect_err(move |error| inside.push(error))
            .or_else(|_| Ok::<_, Aborted>(0)),
    );
    assert!(!completer.is_closed(), "something is attached");
    drop(completer);
    assert_eq!(log.events(), [Aborted::dropped().to_string()]);
}

#[test]
fn a_completer_knows_that_nobody_is_left() {
    let (completer, deferred) = pair::<u32>();
    assert!(!completer.is_closed());
    drop(deferred);
    assert!(completer.is_closed());
    assert_eq!(completer.try_settle(Ok(3)), Err(Ok(3)));

    let (completer, deferred) = pair::<u32>();
    let chain = deferred.map_ok(|n| n + 1);
    assert_eq!(completer.try_settle(Ok(3)), Ok(()));
    assert_eq!(chain.try_take().unwrap(), Ok(4));
}
