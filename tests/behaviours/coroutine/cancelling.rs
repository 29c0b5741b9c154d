//! Cancelling a coroutine: what it awaits is cancelled, and it goes on with what that comes to.

use std::sync::Arc;

use futures_util::future::join;
use interloop::State;

use super::{finish, foreign, pair, start, three_levels};
use crate::flavour::{CancelHandle, Deferred, Log, Place};

#[test]
fn a_cancellation_cascades_to_the_innermost_at_the_first_await_and_at_a_later_one() {
    for done in 0..2 {
        let log = Log::default();
        let (mut completers, whole) = three_levels(&log);
        completers.drain(..done).for_each(|completer| completer.complete(1));
        log.events();
        whole.cancel();
        assert!(completers[0].is_closed());
        assert_eq!(log.events(), ["middle ends", "outer ends"]);
        assert_eq!(whole.try_take().unwrap(), Err("cancelled".to_owned()));
    }
}

#[test]
fn the_canceller_of_what_is_awaited_is_asked_and_its_answer_goes_to_the_coroutine() {
    let log = Log::default();
    let ways: [(&str, Result<u32, String>); 2] = [("value", Ok(7)), ("failure", Err("engine off".to_owned()))];
    for (name, answer) in ways {
        let inside = log.clone();
        let given = answer.clone();
        let (_completer, waits) = Deferred::<u32, String>::with_canceller(move |cancellation| {
            inside.push(name);
            cancellation.settle(given.clone());
        });
        let whole = start(async move {
            match waits.await {
                Ok(n) => Ok(n + 1),
                Err(error) => Err(format!("translated: {error}")),
            }
        });
        whole.cancel();
        assert_eq!(log.events(), [name]);
        let expected = answer.map(|n| n + 1).map_err(|error| format!("translated: {error}"));
        assert_eq!(whole.try_take().unwrap(), expected);
    }
}

#[test]
fn a_cancellation_can_be_caught_and_the_next_one_hits_what_is_awaited_then() {
    let (first, waits_first) = pair::<u32>();
    let (second, waits_second) = pair::<u32>();
    let whole = start(async move {
        assert_eq!(waits_first.await, Err("cancelled".to_owned()));
        waits_second.await
    });
    whole.cancel();
    assert!(first.is_closed() && !second.is_closed());
    assert_eq!(whole.state(), State::Pending);
    whole.cancel();
    assert!(second.is_closed());
    assert_eq!(whole.try_take().unwrap(), Err("cancelled".to_owned()));
}

#[test]
fn a_cancellation_turned_into_a_value_is_a_value() {
    let (_completer, waits) = pair::<u32>();
    let whole = start(async move { Ok(waits.await.unwrap_or(9)) }).map_ok(|n| n + 1);
    whole.cancel();
    assert_eq!(whole.try_take().unwrap(), Ok(10));
}

#[test]
fn a_cancellation_may_take_its_time() {
    // What is awaited answers its cancellation with another deferred, which the coroutine then waits for.
    let (_completer, waits) = pair::<u32>();
    let (cleanup, cleaned_up) = pair::<u32>();
    let waits = waits.or_else(move |_| cleaned_up);
    let whole = start(waits);
    whole.cancel();
    assert_eq!(whole.state(), State::Pending);
    cleanup.complete(3);
    assert_eq!(whole.try_take().unwrap(), Ok(3));
}

#[test]
fn a_refused_cancellation_leaves_the_coroutine_waiting() {
    let (completer, waits) = Deferred::<u32, String>::with_canceller(|cancellation| cancellation.refuse());
    let whole = start(waits);
    whole.cancel();
    assert_eq!(whole.state(), State::Pending);
    completer.complete(1);
    assert_eq!(whole.try_take().unwrap(), Ok(1));
}

#[test]
fn cancelling_from_inside_the_body_or_after_its_end_does_nothing() {
    let handle = Place::<Option<CancelHandle>>::default();
    let (completer, waits) = pair::<u32>();
    let (next, waits_next) = pair::<u32>();
    let inside = handle.clone();
    let mut whole = start(async move {
        let n = waits.await?;
        inside.with(|handle| handle.clone()).unwrap().cancel();
        Ok(n + waits_next.await?)
    });
    handle.put(whole.cancel_handle());
    completer.complete(1);
    assert!(!next.is_closed());
    next.complete(2);
    whole.cancel();
    assert_eq!(whole.try_take().unwrap(), Ok(3));
    handle.take().cancel();
}

#[test]
fn one_that_awaits_something_else_than_a_deferred_is_dropped_where_it_stands() {
    let token = Arc::new(());
    let (future, waker) = foreign();
    let held = token.clone();
    let whole = start(async move {
        future.await;
        drop(held);
        Ok(1)
    });
    whole.cancel();
    assert_eq!(Arc::strong_count(&token), 1);
    assert_eq!(whole.try_take().unwrap(), Err("cancelled".to_owned()));
    finish(&waker);
}

#[test]
fn one_that_awaits_several_at_once_is_dropped_where_it_stands() {
    let ((first, one), (second, two)) = (pair::<u32>(), pair::<u32>());
    let whole = start(async move {
        let (one, two) = join(one, two).await;
        Ok(one? + two?)
    });
    whole.cancel();
    assert_eq!(whole.try_take().unwrap(), Err("cancelled".to_owned()));
    first.complete(1);
    second.complete(2);

    let ((first, one), (second, two)) = (pair::<u32>(), pair::<u32>());
    let whole = start(async move {
        let (one, two) = join(one, two).await;
        Ok(one? + two?)
    });
    first.complete(1);
    second.complete(2);
    assert_eq!(whole.try_take().unwrap(), Ok(3));
}
