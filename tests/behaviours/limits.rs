//! Limits in time.

use std::time::Duration;

use interloop::Aborted;

use crate::{
    flavour::{Completer, Deferred, Log},
    loops::{around_the_end_of_each, on_each_loop},
};

const SOON: Duration = Duration::from_millis(1);
/// Longer than any test.
const LATER: Duration = Duration::from_secs(3600);

fn pair<T: 'static>() -> (Completer<T>, Deferred<T>) {
    Deferred::pair()
}

#[test]
fn what_is_in_time_keeps_its_outcome_and_lets_go_of_the_timer() {
    for result in [Ok(1), Err(Aborted::dropped())] {
        on_each_loop(async |reactor, tasks| {
            let (completer, deferred) = pair::<u32>();
            let limited = deferred.timeout(&reactor, LATER);
            completer.settle(result.clone());
            assert_eq!(limited.try_take().unwrap().is_ok(), result.is_ok());
            // The loop would have it for an hour otherwise.
            tasks.are_gone().await;
        });
    }
}

#[test]
fn what_is_late_is_cancelled_and_has_timed_out() {
    on_each_loop(async |reactor, tasks| {
        let (completer, deferred) = pair::<u32>();
        let error = deferred.timeout(&reactor, SOON).await.unwrap_err();
        assert!(error.is_timed_out());
        assert!(completer.is_closed());
        tasks.are_gone().await;
    });
}

#[test]
fn callbacks_before_the_limit_see_a_cancellation_and_those_after_it_the_timeout() {
    on_each_loop(async |reactor, _| {
        let log = Log::default();
        let (before, after) = (log.clone(), log.clone());
        let (_completer, deferred) = pair::<u32>();
        let limited = deferred
            .inspect_err(move |error| before.push(error))
            .timeout(&reactor, SOON)
            .inspect_err(move |error| after.push(error));
        assert!(limited.await.is_err());
        assert_eq!(log.events(), ["cancelled", "timed out"]);
    });
}

#[test]
fn a_cancellation_by_hand_stays_one() {
    on_each_loop(async |reactor, tasks| {
        let (_completer, deferred) = pair::<u32>();
        let limited = deferred.timeout(&reactor, LATER);
        limited.cancel();
        assert!(limited.try_take().unwrap().unwrap_err().is_cancelled());
        tasks.are_gone().await;
    });
}

#[test]
fn what_has_its_result_already_gets_no_timer() {
    on_each_loop(async |reactor, tasks| {
        let limited = Deferred::<u32>::ready(1).timeout(&reactor, SOON);
        assert!(!(tasks.0)());
        assert_eq!(limited.try_take().unwrap().unwrap(), 1);
    });
}

#[test]
fn a_limit_covers_what_comes_before_it_and_not_what_comes_after() {
    on_each_loop(async |reactor, tasks| {
        let (outer, deferred) = pair::<u32>();
        let (inner, returned) = pair::<u32>();
        let covered = deferred.and_then(move |_| returned).timeout(&reactor, SOON);
        outer.complete(1);
        assert!(covered.await.unwrap_err().is_timed_out());
        assert!(inner.is_closed());

        let (outer, deferred) = pair::<u32>();
        let (inner, returned) = pair::<u32>();
        let not_covered = deferred.timeout(&reactor, SOON).and_then(move |_| returned);
        outer.complete(1);
        // Without a timer there is nothing that could cancel it.
        tasks.are_gone().await;
        assert!(!inner.is_closed());
        inner.complete(2);
        assert_eq!(not_covered.await.unwrap(), 2);
    });
}

#[test]
fn what_the_canceller_makes_of_it_is_left_as_it_is() {
    on_each_loop(async |reactor, _| {
        let (_completer, deferred) = Deferred::<u32>::with_canceller(|cancellation| cancellation.complete(7));
        assert_eq!(deferred.timeout(&reactor, SOON).await.unwrap(), 7);

        let (_completer, deferred) =
            Deferred::<u32>::with_canceller(|cancellation| cancellation.fail(Aborted::shut_down()));
        assert!(deferred.timeout(&reactor, SOON).await.unwrap_err().is_shut_down());
    });
}

#[test]
fn what_a_callback_makes_of_it_is_left_as_it_is() {
    on_each_loop(async |reactor, _| {
        let (_completer, deferred) = pair::<u32>();
        let recovered = deferred.or_else(|_| Ok::<_, Aborted>(5)).timeout(&reactor, SOON);
        assert_eq!(recovered.await.unwrap(), 5);

        let (_completer, deferred) = pair::<u32>();
        let (cleanup, cleaned_up) = pair::<u32>();
        let waits = deferred.or_else(move |_| cleaned_up).timeout(&reactor, SOON);
        let cleanup = reactor.spawn_infallible(async move {
            while !waits.state().eq(&interloop::State::Waiting) {
                smol::future::yield_now().await;
            }
            cleanup.complete(6);
            waits.await.unwrap()
        });
        assert_eq!(cleanup.await.unwrap(), 6);
    });
}

#[test]
fn the_inner_limit_is_not_told_for_the_outer_nor_the_other_way_round() {
    on_each_loop(async |reactor, tasks| {
        for (inner, outer, expected) in [(SOON, LATER, "inner"), (LATER, SOON, "outer")] {
            let (_completer, deferred) = Deferred::<u32, String>::pair();
            let limited = deferred
                .timeout_with(&reactor, inner, |_, _| Err("inner".to_owned()))
                .timeout_with(&reactor, outer, |_, _| Err("outer".to_owned()));
            assert_eq!(limited.await, Err(expected.to_owned()));
            tasks.are_gone().await;
        }
        let (_completer, deferred) = pair::<u32>();
        let twice = deferred.timeout(&reactor, SOON).timeout(&reactor, LATER);
        assert!(twice.await.unwrap_err().is_timed_out());
    });
}

#[test]
fn a_function_makes_the_outcome_of_whatever_arrives_late() {
    on_each_loop(async |reactor, _| {
        let (_completer, deferred) = Deferred::<u32, String>::pair();
        let limited = deferred
            .or_else(|_| Ok::<_, String>(7))
            .timeout_with(&reactor, SOON, |result, limit| {
                Err(format!("{result:?} after {limit:?}"))
            });
        assert_eq!(limited.await, Err("Ok(7) after 1ms".to_owned()));

        let (_completer, deferred) = Deferred::<u32, String>::pair();
        let limited = deferred.timeout_with(&reactor, SOON, |result, _| result.or(Ok(0)));
        assert_eq!(limited.await, Ok(0));

        let (_completer, deferred) = Deferred::<u32, String>::pair();
        let limited = deferred.timeout_with(&reactor, SOON, |_, _| Deferred::ready(8));
        assert_eq!(limited.await, Ok(8), "it may wait for another deferred");
    });
}

#[test]
fn the_function_is_not_called_for_what_is_in_time_or_cancelled_by_hand() {
    on_each_loop(async |reactor, _| {
        let (completer, deferred) = Deferred::<u32, String>::pair();
        let limited = deferred.timeout_with(&reactor, LATER, |_, _| -> Result<u32, String> { unreachable!() });
        completer.complete(1);
        assert_eq!(limited.await, Ok(1));

        let (_completer, deferred) = Deferred::<u32, String>::pair();
        let limited = deferred.timeout_with(&reactor, LATER, |_, _| -> Result<u32, String> { unreachable!() });
        limited.cancel();
        assert_eq!(limited.await, Err("cancelled".to_owned()));
    });
}

#[test]
fn a_paused_deferred_is_cancelled_in_time_and_tells_after_the_pause() {
    on_each_loop(async |reactor, _| {
        let (completer, mut deferred) = pair::<u32>();
        let pause = deferred.pause();
        let limited = deferred.timeout(&reactor, SOON);
        while !completer.is_closed() {
            smol::future::yield_now().await;
        }
        assert!(!limited.is_settled());
        drop(pause);
        assert!(limited.try_take().unwrap().unwrap_err().is_timed_out());
    });
}

#[test]
fn a_limited_deferred_that_is_detached_keeps_its_limit() {
    on_each_loop(async |reactor, _| {
        let log = Log::default();
        let inside = log.clone();
        let (completer, deferred) = pair::<u32>();
        deferred
            .timeout(&reactor, SOON)
            .then(move |result| {
                inside.push(result.unwrap_err());
                Ok::<_, Aborted>(())
            })
            .detach();
        while !completer.is_closed() {
            smol::future::yield_now().await;
        }
        assert_eq!(log.events(), ["timed out"]);
    });
}

#[test]
fn a_loop_that_has_shut_down_sets_no_limit() {
    around_the_end_of_each(|reactor, end| {
        let (early, before) = pair::<u32>();
        let before = before.timeout(reactor, LATER);
        end();
        let (late, after) = pair::<u32>();
        let after = after.timeout(reactor, Duration::ZERO);
        assert!(!before.is_settled() && !after.is_settled());
        early.complete(1);
        late.complete(2);
        assert_eq!(before.try_take().unwrap().unwrap(), 1);
        assert_eq!(after.try_take().unwrap().unwrap(), 2);
    });
}
