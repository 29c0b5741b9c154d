//! The lock.

use interloop::{Aborted, State};

use crate::flavour::{Deferred, Log, sync::Lock};

#[test]
fn a_free_lock_is_there_at_once() {
    let lock = Lock::new();
    let permit = lock.acquire().try_take().unwrap().unwrap();
    drop(permit);
    assert!(lock.acquire().is_settled());
}

#[test]
fn a_release_hands_over_in_order_and_the_callbacks_run_inside_of_it() {
    let log = Log::default();
    let lock = Lock::new();
    let held = lock.acquire().try_take().unwrap().unwrap();
    let waiting: Vec<_> = (0..3)
        .map(|index| {
            let log = log.clone();
            lock.acquire().inspect_ok(move |_| log.push(index))
        })
        .collect();
    assert!(log.events().is_empty());
    let mut held = held;
    for (index, next) in waiting.into_iter().enumerate() {
        drop(held);
        assert_eq!(log.events(), [index.to_string()]);
        assert_eq!(lock.clone().acquire().state(), State::Pending, "it stays locked");
        held = next.try_take().unwrap().unwrap();
    }
}

#[test]
fn one_that_was_cancelled_or_dropped_is_passed_over() {
    let lock = Lock::new();
    let held = lock.acquire();
    let (cancelled, dropped, third) = (lock.acquire(), lock.acquire(), lock.acquire());
    cancelled.cancel();
    drop(dropped);
    drop(held);
    assert!(cancelled.try_take().unwrap().unwrap_err().is_cancelled());
    assert!(third.is_settled());
    drop(third);
    assert!(lock.acquire().is_settled(), "it is free again");
}

#[test]
fn cancelling_what_has_the_lock_does_not_release_it() {
    let lock = Lock::new();
    let held = lock.acquire();
    held.cancel();
    assert!(!lock.acquire().is_settled());
    drop(held.try_take().unwrap().unwrap());
    assert!(lock.acquire().is_settled());
}

#[test]
fn run_holds_the_lock_until_the_outcome_of_the_function_is_there() {
    let log = Log::default();
    let lock = Lock::new();
    let (completer, outcome) = Deferred::<u32>::pair();
    let inside = log.clone();
    let first = lock.run(move || {
        inside.push("first");
        outcome
    });
    let inside = log.clone();
    let second = lock.run(move || {
        inside.push("second");
        Ok::<_, Aborted>(2)
    });
    assert_eq!(log.events(), ["first"]);
    completer.complete(1);
    assert_eq!(log.events(), ["second"]);
    assert_eq!(first.try_take().unwrap().unwrap(), 1);
    assert_eq!(second.try_take().unwrap().unwrap(), 2);
    assert!(lock.acquire().is_settled());
}

#[test]
fn run_releases_the_lock_after_a_failure_and_a_panic() {
    let lock = Lock::new();
    let failed = lock.run(|| Err::<u32, _>("no".to_owned()));
    assert_eq!(failed.try_take().unwrap(), Err("no".to_owned()));
    let panicked = lock.run(|| -> Result<u32, Aborted> { panic!("stuck") });
    assert_eq!(panicked.try_take().unwrap().unwrap_err().panic_message(), Some("stuck"));
    assert!(lock.acquire().is_settled());
}

#[test]
fn cancelling_a_run_cancels_the_wait_for_the_lock() {
    let lock = Lock::new();
    let held = lock.acquire();
    let run = lock.run(|| -> Result<u32, Aborted> { unreachable!("it never has the lock") });
    run.cancel();
    assert!(run.try_take().unwrap().unwrap_err().is_cancelled());
    let next = lock.acquire();
    drop(held);
    assert!(next.is_settled());
}

#[test]
fn cancelling_a_run_later_cancels_the_deferred_of_the_function_and_releases_the_lock() {
    let lock = Lock::new();
    let (completer, outcome) = Deferred::<u32>::pair();
    let held = lock.acquire();
    let run = lock.run(move || outcome);
    drop(held);
    run.cancel();
    assert!(completer.is_closed());
    assert!(run.try_take().unwrap().unwrap_err().is_cancelled());
    assert!(lock.acquire().is_settled());
}

#[test]
fn a_run_whose_deferred_is_dropped_goes_on() {
    let lock = Lock::new();
    let (completer, outcome) = Deferred::<u32>::pair();
    drop(lock.run(move || outcome));
    let next = lock.acquire();
    assert!(!next.is_settled());
    completer.complete(1);
    assert!(next.is_settled());
}

#[test]
fn the_lock_is_released_before_the_result_of_a_run_is_seen() {
    let lock = Lock::new();
    let (completer, outcome) = Deferred::<u32>::pair();
    let own = lock.clone();
    let run = lock
        .run(move || outcome)
        .inspect_ok(move |_| assert!(own.acquire().is_settled()));
    completer.complete(1);
    assert_eq!(run.try_take().unwrap().unwrap(), 1);
}

#[test]
fn a_coroutine_holds_the_lock_as_long_as_its_permit_lives() {
    let lock = Lock::new();
    let (completer, outcome) = Deferred::<u32>::pair();
    let own = lock.clone();
    let whole = Deferred::<u32>::from_coroutine(async move {
        let _permit = own.acquire().await?;
        outcome.await
    });
    let next = lock.acquire();
    assert!(!next.is_settled());
    completer.fail(Aborted::timed_out());
    assert!(next.is_settled());
    assert!(whole.try_take().unwrap().unwrap_err().is_timed_out());
}
