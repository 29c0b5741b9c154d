//! Waiting for the values of all, or the first failure.

use interloop::{Aborted, State, fan_in::FirstError};

use super::{CANCELLED, Child, cancellable, children};
use crate::{
    flavour::{Deferred, Log, Place, fan_in::FanIn, gather},
    tools::reports::reported,
};

fn failure(deferred: Deferred<Vec<u32>, FirstError<String>>) -> (Option<usize>, String) {
    let error = deferred.try_take().unwrap().unwrap_err();
    (error.index(), error.into_error())
}

#[test]
fn values_come_in_the_order_of_the_deferreds() {
    let (completers, deferreds) = children(3);
    let whole = gather(deferreds);
    for (n, completer) in completers.into_iter().enumerate().rev() {
        assert!(!whole.is_settled());
        completer.complete(n as u32);
    }
    assert_eq!(whole.try_take().unwrap().unwrap(), [0, 1, 2]);
    assert!(gather(Vec::<Child>::new()).try_take().unwrap().unwrap().is_empty());
    assert_eq!(
        gather([Child::ready(1), Child::ready(2)]).try_take().unwrap().unwrap(),
        [1, 2]
    );
}

#[test]
fn the_first_failure_decides_and_the_others_go_on() {
    let log = Log::default();
    let (mut completers, deferreds) = cancellable(&log, 3, |_, _| {});
    let inside = log.clone();
    let whole = gather(deferreds).inspect_err(move |error| inside.push(error.index().unwrap()));
    completers.remove(1).fail("no".to_owned());
    assert_eq!(log.events(), ["1"], "nobody is cancelled");
    for completer in completers {
        assert!(!completer.is_closed());
        completer.fail("too late".to_owned());
    }
    assert!(log.events().is_empty());
    assert_eq!(failure(whole), (Some(1), "no".to_owned()));
}

#[test]
fn one_that_has_failed_already_decides_at_once() {
    let (completers, mut deferreds) = children(2);
    deferreds.insert(1, Child::failed("no".to_owned()));
    deferreds.push(Child::failed("too late".to_owned()));
    let whole = gather(deferreds);
    assert_eq!(failure(whole), (Some(1), "no".to_owned()));
    assert!(completers.iter().all(|completer| !completer.is_closed()));
}

#[test]
fn the_failure_is_reported_once_if_nobody_takes_it_and_later_ones_are_not() {
    let told = reported(|| {
        let (completers, deferreds) = children(3);
        let whole = gather(deferreds);
        completers
            .into_iter()
            .for_each(|completer| completer.fail("no".to_owned()));
        drop(whole);
    });
    assert_eq!(told, ["of another type"], "a `FirstError`, and no `String`");
}

#[test]
fn failures_that_are_left_to_their_deferreds_are_reported_each() {
    let told = reported(|| {
        let (completers, deferreds) = children(3);
        let whole = FanIn::new(deferreds).leave_failures().gather();
        for (completer, name) in completers.into_iter().zip(["first", "second", "third"]) {
            completer.fail(name.to_owned());
        }
        assert_eq!(failure(whole), (Some(0), "first".to_owned()));
    });
    assert_eq!(told, ["first", "second", "third"]);
}

#[test]
fn cancelling_cancels_each_in_order_and_the_first_failure_decides() {
    let log = Log::default();
    let (completers, deferreds) = cancellable(&log, 3, |index, cancellation| {
        if index == 0 {
            cancellation.complete(7);
        }
    });
    let whole = gather(deferreds);
    whole.cancel();
    assert_eq!(log.events(), ["cancel 0", "cancel 1", "cancel 2"]);
    assert!(completers.iter().all(|completer| completer.is_closed()));
    assert_eq!(failure(whole), (Some(1), CANCELLED.to_owned()));
}

#[test]
fn cancellers_that_succeed_make_a_whole() {
    let log = Log::default();
    let (_completers, deferreds) = cancellable(&log, 3, |index, cancellation| cancellation.complete(index * 10));
    let whole = gather(deferreds);
    whole.cancel();
    assert_eq!(whole.try_take().unwrap().unwrap(), [0, 10, 20]);
}

#[test]
fn cancellers_that_refuse_leave_it_waiting() {
    let log = Log::default();
    let (completers, deferreds) = cancellable(&log, 2, |_, cancellation| cancellation.refuse());
    let whole = gather(deferreds);
    whole.cancel();
    assert_eq!(whole.state(), State::Pending);
    completers.into_iter().for_each(|completer| completer.complete(1));
    assert_eq!(whole.try_take().unwrap().unwrap(), [1, 1]);
}

#[test]
fn cancelling_after_the_decision_leaves_the_rest_alone() {
    let log = Log::default();
    let (mut completers, deferreds) = cancellable(&log, 2, |_, _| {});
    let whole = gather(deferreds);
    completers.remove(0).fail("no".to_owned());
    whole.cancel();
    assert!(log.events().is_empty());
    assert!(!completers[0].is_closed());
    assert_eq!(failure(whole), (Some(0), "no".to_owned()));
}

#[test]
fn values_that_are_not_needed_any_more_are_dropped() {
    let token = Place::<u32>::default();
    let (completers, deferreds): (Vec<_>, Vec<_>) = (0..3).map(|_| Deferred::<_, String>::pair()).unzip();
    let whole = gather(deferreds);
    let mut completers = completers.into_iter();
    completers.next().unwrap().complete(token.clone());
    completers.next().unwrap().fail("no".to_owned());
    completers.next().unwrap().complete(token.clone());
    drop(
        whole
            .map_err(|error| error.into_error())
            .or_else(|_| Ok::<_, String>(Vec::new())),
    );
    assert_eq!(token.count(), 1);
}

#[test]
fn the_first_failure_says_which_one_it_was() {
    let error = gather([Child::ready(1), Child::failed("out of paper".to_owned())])
        .try_take()
        .unwrap()
        .unwrap_err();
    assert_eq!(error.to_string(), "deferred 1 failed: out of paper");
    assert_eq!((error.index(), error.error()), (Some(1), &"out of paper".to_owned()));
    assert_eq!(error, error.clone());
    let own: FirstError<String> = Aborted::timed_out().into();
    assert_eq!((own.index(), own.to_string()), (None, "timed out".to_owned()));
}

#[test]
fn a_callback_of_the_whole_that_panics_does_not_reach_who_fires() {
    let (completers, deferreds) = children(2);
    let whole = gather(deferreds).map_ok(|values| -> u32 { panic!("{} values", values.len()) });
    completers.into_iter().for_each(|completer| completer.complete(1));
    let error = whole.try_take().unwrap().unwrap_err();
    assert_eq!((error.index(), error.error().as_str()), (None, "panicked: 2 values"));
}
