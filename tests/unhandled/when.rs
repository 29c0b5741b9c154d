//! When a failure is reported, and when it is not.

use std::task::{Context, Waker};

use interloop::{Aborted, Deferred, Task, fan_in::FanIn, gather};

use crate::{errors, no, pair, tools};

#[test]
fn a_failure_is_reported_when_its_deferred_is_dropped_and_not_before() {
    assert_eq!(errors(|| drop(Deferred::<u32, String>::failed(no()))), ["no"]);
    let mut kept = None;
    let early = errors(|| {
        let (completer, deferred) = pair();
        completer.fail(no());
        kept = Some(deferred.map_ok(|n| n + 1));
    });
    assert!(early.is_empty());
    assert_eq!(errors(|| drop(kept)), ["no"]);
}

#[test]
fn a_failure_that_finds_nobody_is_reported_when_it_arrives() {
    let late = errors(|| {
        let (completer, deferred) = pair();
        drop(deferred);
        completer.fail(no());
    });
    assert_eq!(late, ["no"]);
    let at_the_end = errors(|| {
        let (completer, deferred) = pair();
        drop(deferred.map_ok(|n| n + 1).map_err(|error| error + "!"));
        completer.fail(no());
    });
    assert_eq!(at_the_end, ["no!"], "once, and as it is at the end of the chain");
}

#[test]
fn values_and_what_was_handled_are_not_reported() {
    let none = errors(|| {
        drop(Deferred::<u32, String>::ready(1));
        drop(Deferred::<u32, String>::failed(no()).or_else(|_| Ok::<_, String>(1)));
        assert!(Deferred::<u32, String>::failed(no()).try_take().is_ok());
        let mut polled = Deferred::<u32, String>::failed(no());
        assert!(tools::poll(&mut polled, &tools::CountingWaker::new()).is_ready());
        drop(polled);
        drop(Deferred::<u32, String>::failed(no()).then(|_| Ok::<_, String>(())));
    });
    assert!(none.is_empty(), "{none:?}");
}

#[test]
fn looking_at_a_failure_does_not_handle_it() {
    let seen = errors(|| drop(Deferred::<u32, String>::failed(no()).inspect_err(|_| ())));
    assert_eq!(seen, ["no"]);
}

#[test]
fn a_panic_of_a_callback_is_reported_as_any_failure() {
    let panicked = errors(|| drop(Deferred::<u32>::ready(1).map_ok(|_| -> u32 { panic!("out of paper") })));
    assert_eq!(panicked, ["panicked: out of paper"]);
}

#[test]
fn a_failure_that_was_handed_over_is_reported_by_who_has_it_now() {
    let returned = errors(|| {
        let (outer, deferred) = pair();
        let (inner, waits) = pair();
        let chain = deferred.and_then(move |_| waits);
        outer.complete(1);
        inner.fail(no());
        drop(chain);
    });
    assert_eq!(returned, ["no"]);
    let chained = errors(|| {
        let (to, other) = pair();
        drop(Deferred::failed(no()).chain(to));
        drop(other);
    });
    assert_eq!(chained, ["no"]);
    let awaited = errors(|| {
        let waits = Deferred::<u32, String>::failed(no());
        drop(Deferred::from_coroutine(waits));
    });
    assert_eq!(awaited, ["no"]);
    let gathered = errors(|| {
        let whole = gather([Deferred::<u32, String>::failed(no()), Deferred::failed(no())]);
        assert!(whole.try_take().unwrap().is_err());
    });
    assert!(gathered.is_empty(), "{gathered:?}");
}

#[test]
fn failures_left_to_their_deferreds_are_reported_beside_that_of_the_whole() {
    let both = errors(|| {
        let (completer, deferred) = pair();
        let failed = Deferred::failed("early".to_owned());
        let whole = FanIn::new([failed, deferred]).leave_failures().gather();
        completer.fail("late".to_owned());
        drop(whole.map_err(|first| format!("whole: {}", first.into_error())));
    });
    assert_eq!(both, ["early", "late", "whole: early"]);
}

#[test]
fn a_failure_that_comes_after_a_cancellation_is_no_surprise() {
    let none = errors(|| {
        let (completer, deferred) = pair();
        deferred.cancel();
        assert!(deferred.try_take().unwrap().is_err());
        completer.fail(no());
        let (completer, deferred) = pair();
        let chain = deferred.map_ok(|n| n + 1);
        chain.cancel();
        completer.fail(no());
        assert!(chain.try_take().unwrap().is_err());
        let (completer, deferred) = pair();
        drop(deferred.cancel_on_drop());
        completer.fail(no());
    });
    assert!(none.is_empty(), "{none:?}");
}

#[test]
fn a_cancellation_that_nobody_asks_about_is_reported_as_any_failure() {
    let cancelled = errors(|| {
        let (_completer, deferred) = pair();
        deferred.cancel();
        drop(deferred);
    });
    assert_eq!(cancelled, ["cancelled"]);
}

#[test]
fn a_result_that_never_came_is_reported_only_if_somebody_had_it() {
    let had_it = errors(|| {
        let (completer, deferred) = pair();
        drop(completer);
        drop(deferred);
    });
    assert_eq!(had_it, [Aborted::dropped().to_string()]);
    let none = errors(|| {
        let (completer, deferred) = pair();
        drop(deferred);
        drop(completer);
    });
    assert!(none.is_empty(), "{none:?}");
}

#[test]
fn a_paused_failure_is_not_reported_before_the_pause_ends() {
    let mut kept = None;
    let paused = errors(|| {
        let (completer, mut deferred) = pair();
        let pause = deferred.pause();
        completer.fail(no());
        drop(deferred.map_ok(|n| n + 1));
        kept = Some(pause);
    });
    assert!(paused.is_empty(), "{paused:?}");
    assert_eq!(errors(|| drop(kept)), ["no"]);
}

#[test]
fn a_failure_that_was_there_before_the_pause_is_reported_when_it_is_dropped() {
    let mut kept = None;
    let paused = errors(|| {
        let mut deferred = Deferred::<u32, String>::failed(no());
        kept = Some(deferred.pause());
        drop(deferred);
    });
    assert_eq!(paused, ["no"]);
    assert!(errors(|| drop(kept)).is_empty());
}

#[test]
fn a_detached_task_that_fails_is_reported_and_one_that_its_loop_drops_is_not() {
    let failed = errors(|| {
        let (mut task, deferred) = Task::new(async { Err::<u32, _>(no()) });
        deferred.detach();
        assert!(
            std::pin::Pin::new(&mut task)
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_ready()
        );
    });
    assert_eq!(failed, ["no"]);
    let shut_down = errors(|| {
        let (task, deferred) = Task::new(async { Ok::<u32, String>(1) });
        deferred.detach();
        drop(task);
    });
    assert!(shut_down.is_empty(), "{shut_down:?}");
}

#[test]
fn a_report_is_made_on_the_thread_that_finds_the_failure() {
    let elsewhere = errors(|| {
        let deferred = Deferred::<u32, String>::failed(no());
        std::thread::spawn(move || drop(deferred)).join().unwrap();
    });
    assert!(elsewhere.is_empty(), "it was collected there");
}
