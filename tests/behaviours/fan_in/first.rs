//! Waiting for the first outcome, and for the first value.

use interloop::{Aborted, State, fan_in::FailureGroup};

use super::{CANCELLED, Child, cancellable, children};
use crate::{
    flavour::{Log, fan_in::FanIn},
    tools::reports::reported,
};

#[test]
fn the_first_outcome_decides_be_it_a_value_or_a_failure() {
    let (mut completers, deferreds) = children(3);
    let first = FanIn::new(deferreds).first();
    assert_eq!(first.state(), State::Pending);
    completers.remove(2).complete(7);
    assert_eq!(first.try_take().unwrap().unwrap(), (2, 7));
    assert!(
        completers.iter().all(|completer| !completer.is_closed()),
        "the others go on"
    );

    let (mut completers, deferreds) = children(3);
    let first = FanIn::new(deferreds).first();
    completers.remove(1).fail("no".to_owned());
    let error = first.try_take().unwrap().unwrap_err();
    assert_eq!((error.index(), error.into_error()), (Some(1), "no".to_owned()));
}

#[test]
fn what_has_fired_already_decides_in_the_order_of_the_deferreds() {
    let (_completer, deferreds) = children(1);
    let fired = [Child::failed("no".to_owned()), Child::ready(2)];
    let first = FanIn::new(deferreds.into_iter().chain(fired)).first();
    assert_eq!(first.try_take().unwrap().unwrap_err().index(), Some(1));

    let fired = [Child::failed("no".to_owned()), Child::ready(2), Child::ready(3)];
    assert_eq!(FanIn::new(fired).first_success().try_take().unwrap().unwrap(), (1, 2));
}

#[test]
fn of_none_there_is_no_first_and_nobody_waits_for_it() {
    let first = FanIn::<u32, Aborted>::new([]).first().try_take().unwrap().unwrap_err();
    assert!(first.index().is_none() && first.error().is_dropped());
    let failed = FanIn::<u32, String>::new([])
        .first_success()
        .try_take()
        .unwrap()
        .unwrap_err();
    assert!(failed.errors().is_empty() && !failed.is_aborted());
}

#[test]
fn a_failure_does_not_decide_about_the_first_value() {
    let (completers, deferreds) = children(3);
    let mut completers = completers.into_iter();
    let first = FanIn::new(deferreds).first_success();
    completers.next().unwrap().fail("no".to_owned());
    assert!(!first.is_settled());
    completers.next().unwrap().complete(7);
    assert_eq!(first.try_take().unwrap().unwrap(), (1, 7));
    assert!(!completers.next().unwrap().is_closed(), "the others go on");
}

#[test]
fn without_a_value_the_failures_come_in_the_order_of_the_deferreds() {
    let (completers, deferreds) = children(3);
    let first = FanIn::new(deferreds).first_success();
    for (n, completer) in completers.into_iter().enumerate().rev() {
        assert!(!first.is_settled());
        completer.fail(format!("no {n}"));
    }
    let group = first.try_take().unwrap().unwrap_err();
    assert_eq!(group.errors(), ["no 0", "no 1", "no 2"]);
    assert_eq!(group.to_string(), "all failed: no 0; no 1; no 2");
    assert_eq!(group.clone().into_errors().len(), 3);
    let own: FailureGroup<String> = Aborted::cancelled().into();
    assert_eq!(own.errors(), [CANCELLED]);
}

#[test]
fn failures_that_did_not_decide_are_not_reported() {
    let told = reported(|| {
        let (completers, deferreds) = children(3);
        let first = FanIn::new(deferreds).first_success();
        for (completer, result) in completers.into_iter().zip([Err("before"), Ok(1), Err("after")]) {
            completer.settle(result.map_err(str::to_owned));
        }
        assert_eq!(first.try_take().unwrap().unwrap(), (1, 1));
    });
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn a_canceller_that_succeeds_decides_and_the_others_are_cancelled_all_the_same() {
    for only_values in [false, true] {
        let log = Log::default();
        let (_completers, deferreds) = cancellable(&log, 3, |index, cancellation| match index {
            0 => {}
            _ => cancellation.complete(index),
        });
        let fan_in = FanIn::new(deferreds);
        if only_values {
            let first = fan_in.first_success();
            first.cancel();
            assert_eq!(first.try_take().unwrap().unwrap(), (1, 1));
        } else {
            let first = fan_in.first();
            first.cancel();
            let error = first.try_take().unwrap().unwrap_err();
            assert_eq!((error.index(), error.error().as_str()), (Some(0), CANCELLED));
        }
        assert_eq!(log.events(), ["cancel 0", "cancel 1", "cancel 2"]);
    }
}

#[test]
fn cancelled_all_together_they_have_all_failed() {
    let (completers, deferreds) = children(2);
    let first = FanIn::new(deferreds).first_success();
    first.cancel();
    assert!(completers.iter().all(|completer| completer.is_closed()));
    assert_eq!(first.try_take().unwrap().unwrap_err().errors(), [CANCELLED, CANCELLED]);
}

#[test]
fn cancelling_after_the_decision_leaves_the_rest_alone() {
    let log = Log::default();
    let (mut completers, deferreds) = cancellable(&log, 2, |_, _| {});
    let first = FanIn::new(deferreds).first_success();
    completers.remove(0).complete(1);
    first.cancel();
    assert!(log.events().is_empty() && !completers[0].is_closed());
    assert_eq!(first.try_take().unwrap().unwrap(), (0, 1));
}
