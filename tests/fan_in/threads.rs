//! Deferreds that fire, and are cancelled, on several threads at once.

use std::{
    sync::{Arc, Barrier},
    thread,
};

use interloop::{Completer, Deferred, all, fan_in::FanIn, gather, race};

use crate::tools::at_once;

type Value = Arc<()>;

type Completers = Vec<Completer<Value, String>>;

fn children(count: usize) -> (Completers, Vec<Deferred<Value, String>>) {
    (0..count).map(|_| Deferred::pair()).unzip()
}

/// Fires all at once, with values except where `fails` says otherwise.
fn fire(completers: Completers, value: &Value, fails: impl Fn(usize) -> bool + Sync) {
    let barrier = Barrier::new(completers.len());
    thread::scope(|scope| {
        for (index, completer) in completers.into_iter().enumerate() {
            let (barrier, fails) = (&barrier, &fails);
            scope.spawn(move || {
                barrier.wait();
                if fails(index) {
                    completer.fail(index.to_string());
                } else {
                    completer.complete(value.clone());
                }
            });
        }
    });
}

#[test]
fn all_arrive_in_their_places() {
    let value = Value::default();
    for _ in 0..100 {
        let (completers, deferreds) = children(4);
        let whole = all(deferreds);
        fire(completers, &value, |index| index % 2 == 1);
        let results = whole.try_take().unwrap().unwrap();
        for (index, result) in results.into_iter().enumerate() {
            assert_eq!(result.err(), (index % 2 == 1).then(|| index.to_string()));
        }
        assert_eq!(Arc::strong_count(&value), 1);
    }
}

#[test]
fn one_of_several_failures_is_the_first() {
    let value = Value::default();
    for _ in 0..100 {
        let (completers, deferreds) = children(4);
        let whole = gather(deferreds);
        fire(completers, &value, |index| index > 1);
        let error = whole.try_take().unwrap().unwrap_err();
        assert_eq!(error.index().unwrap().to_string(), *error.error());
        assert_eq!(Arc::strong_count(&value), 1);
    }
}

#[test]
fn a_race_has_one_winner() {
    let value = Value::default();
    for _ in 0..100 {
        let (completers, deferreds) = children(4);
        let winner = race(deferreds);
        fire(completers, &value, |index| index == 2);
        let (index, won) = winner.try_take().unwrap().unwrap();
        assert_ne!(index, 2);
        drop(won);
        assert_eq!(Arc::strong_count(&value), 1);
    }
}

#[test]
fn cancelling_while_all_arrive_loses_nothing() {
    let value = Value::default();
    for _ in 0..100 {
        let (completers, deferreds) = children(3);
        let whole = all(deferreds);
        at_once(
            || {
                for completer in completers {
                    completer.complete(value.clone());
                }
            },
            || whole.cancel(),
        );
        let results = whole.try_take().unwrap().unwrap();
        assert!(
            results
                .iter()
                .all(|result| result.as_ref().err().is_none_or(|error| error == "cancelled"))
        );
        drop(results);
        assert_eq!(Arc::strong_count(&value), 1);
    }
}

#[test]
fn attaching_while_all_arrive_loses_nothing() {
    let value = Value::default();
    for round in 0..200 {
        let (completers, deferreds) = children(4);
        let (sender, whole) = std::sync::mpsc::channel();
        at_once(
            || {
                for completer in completers {
                    completer.complete(value.clone());
                }
            },
            move || {
                let fan_in = FanIn::new(deferreds);
                let first = if round % 2 == 0 {
                    fan_in.race()
                } else {
                    fan_in.first_success()
                };
                sender.send(first).unwrap();
            },
        );
        drop(whole.recv().unwrap().try_take().unwrap().unwrap());
        assert_eq!(Arc::strong_count(&value), 1);
    }
}
