//! Waiting for all, whatever they come to.

use interloop::{Aborted, State};

use super::{CANCELLED, Child, cancellable, children};
use crate::{
    flavour::{CancelHandle, Deferred, Log, Place, all, fan_in::FanIn},
    tools::{
        CountingWaker, poll,
        reports::{reported, reports},
    },
};

fn no(index: u32) -> Result<u32, String> {
    Err(format!("no {index}"))
}

#[test]
fn results_come_in_the_order_of_the_deferreds_with_the_last_of_them() {
    let (completers, deferreds) = children(4);
    let mut whole = all(deferreds);
    let waker = CountingWaker::new();
    let mut completers: Vec<_> = completers.into_iter().map(Some).collect();
    for index in [2, 0, 3, 1] {
        assert!(poll(&mut whole, &waker).is_pending());
        assert_eq!(waker.count(), 0);
        let result = if index % 2 == 0 { Ok(index) } else { no(index) };
        completers[index as usize].take().unwrap().settle(result);
    }
    assert_eq!(waker.count(), 1);
    assert_eq!(whole.try_take().unwrap().unwrap(), [Ok(0), no(1), Ok(2), no(3)]);
}

#[test]
fn all_of_none_are_there() {
    assert_eq!(all(Vec::<Child>::new()).try_take().unwrap().unwrap(), []);
}

#[test]
fn those_that_have_fired_count_at_once() {
    let whole = all([Child::ready(1), Child::failed("no".to_owned())]);
    assert_eq!(whole.try_take().unwrap().unwrap(), [Ok(1), Err("no".to_owned())]);

    let (completer, pending) = Deferred::pair();
    let whole = all([Child::ready(1), pending, Child::ready(3)]);
    assert_eq!(whole.state(), State::Pending);
    completer.complete(2);
    assert_eq!(whole.try_take().unwrap().unwrap(), [Ok(1), Ok(2), Ok(3)]);
}

#[test]
fn one_whose_completer_is_dropped_has_failed() {
    let (completers, deferreds) = children(2);
    let whole = all(deferreds);
    drop(completers);
    let dropped = Err(Aborted::dropped().to_string());
    assert_eq!(whole.try_take().unwrap().unwrap(), [dropped.clone(), dropped]);
}

#[test]
fn one_that_is_paused_or_waits_is_waited_for() {
    let (completers, mut deferreds) = children(2);
    let pause = deferreds[0].pause();
    let (inner, returned) = Deferred::pair();
    let waiting = deferreds.pop().unwrap().and_then(move |_| returned);
    deferreds.push(waiting);
    let whole = all(deferreds);
    completers.into_iter().for_each(|completer| completer.complete(1));
    inner.complete(2);
    assert!(!whole.is_settled());
    drop(pause);
    assert_eq!(whole.try_take().unwrap().unwrap(), [Ok(1), Ok(2)]);
}

#[test]
fn failures_are_handled_by_going_into_the_result() {
    let of_children = reported(|| {
        let (completers, deferreds) = children(2);
        let whole = all(deferreds);
        completers
            .into_iter()
            .for_each(|completer| completer.fail("no".to_owned()));
        drop(whole);
    });
    assert!(of_children.is_empty());
}

#[test]
fn failures_that_are_left_to_their_deferreds_are_reported_beside() {
    let (first, second) = Deferred::pair();
    let mut line = 0;
    let told = reports(|| {
        line = line!() + 1;
        let failed = Child::failed("early".to_owned());
        let whole = FanIn::new([failed, second, Child::ready(1)]).leave_failures().all();
        first.fail("late".to_owned());
        let expected = [Err("early".to_owned()), Err("late".to_owned()), Ok(1)];
        assert_eq!(whole.try_take().unwrap().unwrap(), expected);
    });
    let errors: Vec<_> = told.iter().map(|report| &*report.error).collect();
    assert_eq!(errors, ["early", "late"]);
    assert_eq!(told[0].failed_at, (file!(), line));
}

#[test]
fn cancelling_cancels_each_in_order_and_what_becomes_of_them_makes_the_result() {
    let log = Log::default();
    let (_completers, deferreds) = cancellable(&log, 3, |index, cancellation| {
        if index == 1 {
            cancellation.complete(7);
        }
    });
    let inside = log.clone();
    let whole = all(deferreds).inspect_ok(move |_| inside.push("whole"));
    whole.cancel();
    assert_eq!(log.events(), ["cancel 0", "cancel 1", "cancel 2", "whole"]);
    let cancelled = Err(CANCELLED.to_owned());
    assert_eq!(
        whole.try_take().unwrap().unwrap(),
        [cancelled.clone(), Ok(7), cancelled]
    );
}

#[test]
fn one_that_refuses_is_waited_for_and_asked_again() {
    let log = Log::default();
    let (mut completers, deferreds) = cancellable(&log, 2, |index, cancellation| {
        if index == 0 {
            cancellation.refuse();
        }
    });
    let whole = all(deferreds);
    whole.cancel();
    whole.cancel();
    assert_eq!(log.events(), ["cancel 0", "cancel 1", "cancel 0"]);
    assert_eq!(whole.state(), State::Pending);
    completers.remove(0).complete(1);
    assert_eq!(whole.try_take().unwrap().unwrap(), [Ok(1), Err(CANCELLED.to_owned())]);
}

#[test]
fn a_canceller_that_panics_does_not_keep_the_others_from_being_cancelled() {
    let log = Log::default();
    let (_completers, deferreds) = cancellable(&log, 3, |index, _| assert_ne!(index, 0, "stuck"));
    let whole = all(deferreds);
    whole.cancel();
    assert_eq!(log.events(), ["cancel 0", "cancel 1", "cancel 2"]);
    let results = whole.try_take().unwrap().unwrap();
    assert!(results[0].as_ref().unwrap_err().contains("stuck"));
    assert_eq!(results[1..], [Err(CANCELLED.to_owned()), Err(CANCELLED.to_owned())]);
}

#[test]
fn a_cancellation_reaches_what_the_deferreds_wait_for_and_other_fan_ins() {
    let (innermost, waits) = Deferred::pair();
    let waiting = Child::ready(1).and_then(move |_| waits).map_ok(|n: u32| n + 1);
    let (completers, deferreds) = children(2);
    let nested = all(deferreds)
        .map_ok(|results| results.iter().filter(|result| result.is_err()).count() as u32)
        .map_err(|error| error.to_string());
    let whole = all([waiting, nested]);
    whole.cancel();
    assert!(innermost.is_closed());
    assert!(completers.iter().all(|completer| completer.is_closed()));
    assert_eq!(whole.try_take().unwrap().unwrap(), [Err(CANCELLED.to_owned()), Ok(2)]);
}

#[test]
fn a_canceller_may_cancel_the_whole_again() {
    let log = Log::default();
    let handle = Place::<Option<CancelHandle>>::default();
    let inside = handle.clone();
    let (_completers, deferreds) = cancellable(&log, 3, move |_, _| {
        let handle = inside.with(|handle| handle.clone());
        handle.unwrap().cancel();
    });
    let mut whole = all(deferreds);
    handle.put(whole.cancel_handle());
    whole.cancel();
    let mut events = log.events();
    events.sort();
    assert_eq!(events, ["cancel 0", "cancel 1", "cancel 2"], "each once");
    assert!(whole.is_settled());
}

#[test]
fn cancelling_what_has_fired_does_nothing() {
    let whole = all([Child::ready(1)]);
    whole.cancel();
    assert_eq!(whole.try_take().unwrap().unwrap(), [Ok(1)]);
}

#[test]
fn dropping_the_whole_leaves_the_deferreds_alone() {
    let log = Log::default();
    let (completers, mut deferreds) = children(2);
    let inside = log.clone();
    let logging = deferreds.pop().unwrap().inspect_ok(move |n| inside.push(n));
    deferreds.push(logging);
    let seen = log.clone();
    drop(all(deferreds).inspect_ok(move |results| seen.push(results.len())));
    assert!(completers.iter().all(|completer| !completer.is_closed()));
    completers.into_iter().for_each(|completer| completer.complete(5));
    assert_eq!(log.events(), ["5", "2"]);
}

#[test]
fn panics_of_callbacks_stay_where_they_are() {
    let (completers, mut deferreds) = children(2);
    let panics = deferreds.pop().unwrap().map_ok(|_| -> u32 { panic!("before") });
    deferreds.push(panics);
    let whole = all(deferreds).map_ok(|results| {
        assert!(results[1].as_ref().unwrap_err().contains("before"));
        panic!("after")
    });
    completers.into_iter().for_each(|completer| completer.complete(1));
    let whole: Deferred<(), _> = whole;
    assert_eq!(whole.try_take().unwrap().unwrap_err().panic_message(), Some("after"));
}

#[test]
fn a_failure_whose_copy_panics_still_arrives() {
    #[derive(Debug)]
    struct Unique;
    impl From<Aborted> for Unique {
        fn from(_: Aborted) -> Self {
            Unique
        }
    }
    impl Clone for Unique {
        fn clone(&self) -> Self {
            panic!("there is one of these")
        }
    }
    let whole = FanIn::new([Deferred::<u32, _>::failed(Unique), Deferred::ready(1)])
        .leave_failures()
        .all();
    let results = whole.try_take().unwrap().unwrap();
    assert!(results[0].is_err());
    assert!(matches!(results[1], Ok(1)));
}
