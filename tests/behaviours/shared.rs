//! Results that several consumers get.

use std::future::IntoFuture;

use interloop::State;

use crate::{
    flavour::{Completer, Deferred, Log, Place, Shared},
    tools::reports::reported,
};

fn pair() -> (Completer<u32, String>, Deferred<u32, String>) {
    Deferred::pair()
}

fn shared() -> (Completer<u32, String>, Shared<u32, String>) {
    let (completer, deferred) = pair();
    (completer, deferred.shared())
}

#[test]
fn everybody_gets_the_result_in_the_order_in_which_they_came() {
    for result in [Ok(7), Err("no".to_owned())] {
        let log = Log::default();
        let (completer, shared) = shared();
        let subscribers: Vec<_> = (0..3)
            .map(|index| {
                let log = log.clone();
                shared.subscribe().then(move |result| {
                    log.push(index);
                    result
                })
            })
            .collect();
        completer.settle(result.clone());
        assert_eq!(log.events(), ["0", "1", "2"], "inside the firing");
        for subscriber in subscribers {
            assert_eq!(subscriber.try_take().unwrap(), result);
        }
        assert_eq!(
            shared.subscribe().try_take().unwrap(),
            result,
            "who comes late has it at once"
        );
    }
}

#[test]
fn what_one_makes_of_its_result_does_not_concern_the_others() {
    let (completer, shared) = shared();
    let changed = shared
        .subscribe()
        .map_ok(|n| n + 1)
        .and_then(|_| Err::<u32, _>("mine".to_owned()));
    let panicked = shared.subscribe().map_ok(|_| -> u32 { panic!("mine, too") });
    let plain = shared.subscribe();
    completer.complete(7);
    assert_eq!(changed.try_take().unwrap(), Err("mine".to_owned()));
    assert_eq!(panicked.try_take().unwrap(), Err("panicked: mine, too".to_owned()));
    assert_eq!(plain.try_take().unwrap(), Ok(7));
}

#[test]
fn a_result_that_is_there_can_be_shared() {
    let shared = Deferred::<u32, String>::ready(7).shared();
    let again = shared.clone();
    assert_eq!(shared.subscribe().try_take().unwrap(), Ok(7));
    assert_eq!(again.subscribe().try_take().unwrap(), Ok(7));
}

#[test]
fn one_that_subscribes_from_a_callback_has_the_result_at_once() {
    let (completer, shared) = shared();
    let again = shared.clone();
    let first = shared
        .subscribe()
        .and_then(move |n| again.subscribe().map_ok(move |m| n + m));
    completer.complete(7);
    assert_eq!(first.try_take().unwrap(), Ok(14));
}

#[test]
fn cancelling_a_subscription_concerns_nobody_else() {
    let (completer, shared) = shared();
    let (first, second) = (shared.subscribe(), shared.subscribe());
    first.cancel();
    assert!(!completer.is_closed());
    completer.complete(7);
    assert_eq!(first.try_take().unwrap(), Err("cancelled".to_owned()));
    assert_eq!(second.try_take().unwrap(), Ok(7));
}

#[test]
fn cancelling_what_is_shared_cancels_it_for_everybody() {
    let (completer, shared) = shared();
    let (first, second) = (shared.subscribe(), shared.subscribe());
    shared.clone().cancel();
    assert!(completer.is_closed());
    for subscriber in [first, second, shared.subscribe()] {
        assert_eq!(subscriber.try_take().unwrap(), Err("cancelled".to_owned()));
    }
    shared.cancel();
}

#[test]
fn cancelling_reaches_what_the_source_waits_for_and_does_nothing_later() {
    let (completer, deferred) = pair();
    let (inner, returned) = pair();
    let shared = deferred.and_then(move |_| returned).shared();
    let subscriber = shared.subscribe();
    completer.complete(1);
    shared.cancel();
    assert!(inner.is_closed());
    assert!(subscriber.try_take().unwrap().is_err());

    let shared = Deferred::<u32, String>::ready(7).shared();
    shared.cancel();
    assert_eq!(shared.subscribe().try_take().unwrap(), Ok(7));
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

#[test]
fn the_source_goes_on_when_every_handle_is_gone() {
    let (completer, deferred) = pair();
    let seen = Place::<u32>::default();
    let inside = seen.clone();
    let shared = deferred.inspect_ok(move |n| inside.with(|seen| *seen = *n)).shared();
    let subscriber = shared.subscribe();
    drop(shared);
    completer.complete(7);
    assert_eq!(seen.get(), 7);
    assert_eq!(subscriber.try_take().unwrap(), Ok(7));
}

#[test]
fn values_are_cloned_for_each_and_all_are_dropped() {
    let value = Place::<u32>::default();
    let (completer, deferred) = Deferred::<Place<u32>, String>::pair();
    let shared = deferred.shared();
    let subscribers = [shared.subscribe(), shared.subscribe()];
    completer.complete(value.clone());
    assert!(value.count() >= 3);
    drop(subscribers);
    drop(shared);
    assert_eq!(value.count(), 1);
}

#[test]
fn a_failure_counts_as_handled_once_somebody_has_subscribed() {
    let told = reported(|| {
        let (completer, shared) = shared();
        let subscriber = shared.subscribe();
        completer.fail("no".to_owned());
        assert!(subscriber.try_take().unwrap().is_err());
        drop(shared);
    });
    assert!(told.is_empty(), "{told:?}");

    let told = reported(|| {
        let (completer, shared) = shared();
        completer.fail("no".to_owned());
        assert!(shared.subscribe().try_take().unwrap().is_err());
        drop(shared);
    });
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn a_failure_that_nobody_asked_for_is_reported_once_when_the_last_handle_goes() {
    let told = reported(|| {
        let (completer, shared) = shared();
        let again = shared.clone();
        completer.fail("no".to_owned());
        drop(shared);
        let quiet = reported(|| ());
        assert!(quiet.is_empty());
        drop(again);
    });
    assert_eq!(told, ["no"]);

    let told = reported(|| {
        let (completer, shared) = shared();
        drop(shared);
        completer.fail("gone".to_owned());
    });
    assert_eq!(told, ["gone"]);
}

#[test]
fn a_subscriber_that_drops_its_failure_has_it_reported() {
    let told = reported(|| {
        let (completer, shared) = shared();
        let subscribers = [shared.subscribe(), shared.subscribe()];
        completer.fail("no".to_owned());
        drop(subscribers);
    });
    assert_eq!(told, ["no", "no"]);
}

#[test]
fn its_debug_text_tells_whether_it_has_fired() {
    let (completer, shared) = shared();
    assert_eq!(format!("{shared:?}"), "Shared(\"pending\")");
    completer.complete(7);
    assert_eq!(format!("{shared:?}"), "Shared(\"fired\")");
}
