//! Races: the first value wins, and the others are cancelled.

use interloop::Aborted;

use super::{CANCELLED, Child, cancellable, children};
use crate::{
    flavour::{Deferred, Log, race},
    tools::reports::{reported, reports},
};

#[test]
fn the_losers_are_cancelled_in_order_and_once_before_the_race_fires() {
    let log = Log::default();
    let (mut completers, deferreds) = cancellable(&log, 4, |_, _| {});
    let inside = log.clone();
    let winner = race(deferreds).inspect_ok(move |(index, n)| inside.push(format!("{index} won with {n}")));
    completers.remove(2).complete(7);
    assert_eq!(log.events(), ["cancel 0", "cancel 1", "cancel 3", "2 won with 7"]);
    assert!(completers.iter().all(|completer| completer.is_closed()));
    assert_eq!(winner.try_take().unwrap().unwrap(), (2, 7));
}

#[test]
fn one_that_has_won_already_has_those_before_and_after_it_cancelled() {
    let log = Log::default();
    let (_completers, mut deferreds) = cancellable(&log, 3, |_, _| {});
    deferreds.insert(1, Child::ready(7));
    let winner = race(deferreds);
    assert_eq!(log.events(), ["cancel 0", "cancel 1", "cancel 2"]);
    assert_eq!(winner.try_take().unwrap().unwrap(), (1, 7));

    let both = race([Child::ready(1), Child::ready(2)]);
    assert_eq!(both.try_take().unwrap().unwrap(), (0, 1));
}

#[test]
fn a_failure_does_not_lose_the_race_for_the_others() {
    let log = Log::default();
    let (completers, deferreds) = cancellable(&log, 3, |_, _| {});
    let mut completers = completers.into_iter();
    let winner = race(deferreds);
    completers.next().unwrap().fail("no".to_owned());
    assert!(log.events().is_empty());
    completers.next().unwrap().complete(7);
    assert_eq!(log.events(), ["cancel 2"], "who has failed needs no cancelling");
    assert_eq!(winner.try_take().unwrap().unwrap(), (1, 7));
}

#[test]
fn without_a_winner_the_failures_come_in_the_order_of_the_deferreds() {
    let log = Log::default();
    let (completers, deferreds) = cancellable(&log, 2, |_, _| {});
    let winner = race(deferreds);
    for (n, completer) in completers.into_iter().enumerate().rev() {
        completer.fail(format!("no {n}"));
    }
    assert!(log.events().is_empty(), "nobody is left to be cancelled");
    assert_eq!(winner.try_take().unwrap().unwrap_err().errors(), ["no 0", "no 1"]);
}

#[test]
fn losers_that_refuse_or_succeed_after_all_do_no_harm_and_are_not_reported() {
    let log = Log::default();
    let told = reports(|| {
        let (completers, deferreds) = cancellable(&log, 3, |index, cancellation| match index {
            1 => cancellation.refuse(),
            2 => cancellation.complete(99),
            _ => {}
        });
        let mut completers = completers.into_iter();
        let winner = race(deferreds);
        completers.next().unwrap().complete(7);
        assert_eq!(winner.try_take().unwrap().unwrap(), (0, 7));
        completers.next().unwrap().fail("too late".to_owned());
        completers.next().unwrap().fail("much too late".to_owned());
    });
    assert_eq!(log.events(), ["cancel 1", "cancel 2"]);
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn the_failures_of_a_race_that_somebody_wins_are_handled() {
    let told = reported(|| {
        let winner = race([
            Child::failed("before".to_owned()),
            Child::ready(1),
            Child::failed("after".to_owned()),
        ]);
        assert_eq!(winner.try_take().unwrap().unwrap(), (1, 1));
    });
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn cancelling_a_race_cancels_all_in_order() {
    let log = Log::default();
    let (_completers, deferreds) = cancellable(&log, 3, |_, _| {});
    let winner = race(deferreds);
    winner.cancel();
    winner.cancel();
    assert_eq!(log.events(), ["cancel 0", "cancel 1", "cancel 2"]);
    assert_eq!(winner.try_take().unwrap().unwrap_err().errors(), [CANCELLED; 3]);
}

#[test]
fn one_that_answers_the_cancellation_with_a_value_wins_after_the_others_were_cancelled() {
    let log = Log::default();
    let (_completers, deferreds) = cancellable(&log, 3, |index, cancellation| {
        if index == 0 {
            cancellation.complete(7);
        }
    });
    let inside = log.clone();
    let winner = race(deferreds).inspect_ok(move |(index, n)| inside.push(format!("{index} won with {n}")));
    winner.cancel();
    assert_eq!(log.events(), ["cancel 0", "cancel 1", "cancel 2", "0 won with 7"]);
}

#[test]
fn cancelling_a_race_that_is_over_does_nothing() {
    let log = Log::default();
    let (mut completers, deferreds) = cancellable(&log, 2, |_, cancellation| cancellation.refuse());
    let winner = race(deferreds);
    completers.remove(0).complete(7);
    assert_eq!(log.events(), ["cancel 1"]);
    winner.cancel();
    assert!(log.events().is_empty());
    assert_eq!(winner.try_take().unwrap().unwrap(), (0, 7));
}

#[test]
fn of_none_nobody_wins() {
    let failed = race(Vec::<Child>::new()).try_take().unwrap().unwrap_err();
    assert!(failed.errors().is_empty() && !failed.is_aborted());
}

#[test]
fn a_canceller_that_panics_does_not_keep_the_race_from_firing() {
    let log = Log::default();
    let (mut completers, deferreds) = cancellable(&log, 3, |index, _| assert_ne!(index, 0, "stuck"));
    let winner = race(deferreds);
    completers.remove(1).complete(7);
    assert_eq!(log.events(), ["cancel 0", "cancel 2"]);
    assert_eq!(winner.try_take().unwrap().unwrap(), (1, 7));
}

#[test]
fn a_loser_that_waits_has_what_it_waits_for_cancelled() {
    let (inner, returned) = Deferred::pair();
    let loser = Child::ready(1).and_then(move |_| returned).map_ok(|n: u32| n + 1);
    let (mut completers, mut deferreds) = children(1);
    deferreds.insert(0, loser);
    let winner = race(deferreds);
    completers.remove(0).complete(7);
    assert!(inner.is_closed());
    assert_eq!(winner.try_take().unwrap().unwrap(), (1, 7));
}

#[test]
fn a_race_whose_handle_is_gone_is_run_to_its_end() {
    let log = Log::default();
    let (mut completers, deferreds) = cancellable(&log, 2, |_, _| {});
    let inside = log.clone();
    drop(race(deferreds).inspect_ok(move |(_, n)| inside.push(n)));
    assert!(log.events().is_empty());
    completers.remove(0).complete(7);
    assert_eq!(log.events(), ["cancel 1", "7"]);
}

#[test]
fn a_race_among_races_cancels_through_both() {
    let log = Log::default();
    let (mut completers, mut deferreds) = cancellable(&log, 4, |_, _| {});
    let flat = |deferreds: Vec<Child>| race(deferreds).map_ok(|(_, n)| n).map_err(|group| group.to_string());
    let right = flat(deferreds.split_off(2));
    let left = flat(deferreds);
    let winner = race([left, right]);
    completers.remove(0).complete(7);
    assert_eq!(log.events(), ["cancel 1", "cancel 2", "cancel 3"]);
    assert_eq!(winner.try_take().unwrap().unwrap(), (0, 7));
}

#[test]
fn a_race_that_is_over_when_it_begins_cancels_each_loser_once() {
    let (next, inner) = Deferred::<u32, Aborted>::pair();
    let (loser, deferred) = Deferred::<u32, Aborted>::pair();
    let deferred = deferred.or_else(move |_| inner);
    let winner = race([Deferred::ready(1), deferred]);
    assert_eq!(winner.try_take().unwrap().unwrap(), (0, 1));
    assert!(loser.is_closed());
    assert!(!next.is_closed(), "what the loser went on with was cancelled, too");
}
