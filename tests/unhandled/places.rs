//! The places that are told: where a deferred was made, where it failed, and what the failure has passed.

use interloop::{Deferred, Task, join, local};

use crate::{no, pair, told, tools::reports::Report, traced};

fn only(mut reports: Vec<Report>) -> Report {
    assert_eq!(reports.len(), 1, "{reports:?}");
    reports.remove(0)
}

fn here(line: u32) -> (&'static str, u32) {
    (file!(), line)
}

#[test]
fn a_failed_pair_tells_where_it_was_made_and_where_its_completer_failed() {
    let mut lines = (0, 0);
    let report = only(told(|| {
        lines.0 = line!() + 1;
        let (completer, deferred) = Deferred::<u32, String>::pair();
        lines.1 = line!() + 1;
        completer.fail(no());
        drop(deferred);
    }));
    assert_eq!((report.made_at, report.failed_at), (here(lines.0), here(lines.1)));
    assert!(report.passed.is_empty());

    let report = only(told(|| {
        lines.0 = line!() + 1;
        let (completer, deferred) = local::Deferred::<u32, String>::pair();
        lines.1 = line!() + 1;
        completer.settle(Err(no()));
        drop(deferred);
    }));
    assert_eq!((report.made_at, report.failed_at), (here(lines.0), here(lines.1)));
}

#[test]
fn what_was_made_with_its_failure_tells_that_place() {
    let mut line = 0;
    let report = only(told(|| {
        line = line!() + 1;
        drop(Deferred::<u32, String>::failed(no()));
    }));
    assert_eq!((report.made_at, report.failed_at), (here(line), here(line)));
    let report = only(told(|| {
        line = line!() + 1;
        drop(Deferred::<u32, String>::maybe(|| Err(no())));
    }));
    assert_eq!((report.made_at, report.failed_at), (here(line), here(line)));
    let report = only(told(|| {
        line = line!() + 1;
        drop(Deferred::<u32, String>::from(Err(no())));
    }));
    assert_eq!((report.made_at, report.failed_at), (here(line), here(line)));
}

#[test]
fn a_chain_tells_where_its_last_callback_was_attached_and_where_the_failure_arose() {
    let mut lines = (0, 0);
    let report = only(told(|| {
        let (completer, deferred) = pair();
        lines.0 = line!() + 1;
        let chain = deferred.map_ok(|n| n + 1).map_err(|error| error);
        lines.1 = line!() + 1;
        completer.fail(no());
        drop(chain);
    }));
    assert_eq!((report.made_at, report.failed_at), (here(lines.0), here(lines.1)));
}

#[test]
fn a_callback_that_fails_tells_where_it_was_attached() {
    for fire_first in [false, true] {
        let mut line = 0;
        let report = only(told(|| {
            let (completer, mut deferred) = pair();
            let mut completer = Some(completer);
            if fire_first {
                completer.take().unwrap().complete(1);
            }
            deferred = deferred.map_ok(|n| n + 1);
            line = line!() + 1;
            deferred = deferred.and_then(|_| Err::<u32, _>(no()));
            deferred = deferred.map_ok(|n| n + 1);
            if let Some(completer) = completer {
                completer.complete(1);
            }
            drop(deferred);
        }));
        assert_eq!(report.failed_at, here(line));
    }
}

#[test]
fn a_failure_that_arises_anew_tells_the_new_place() {
    let mut line = 0;
    let report = only(told(|| {
        let recovered = Deferred::<u32, String>::failed(no()).or_else(|_| Ok::<_, String>(1));
        line = line!() + 1;
        drop(recovered.and_then(|_| Err::<u32, _>("again".to_owned())));
    }));
    assert_eq!((report.error.as_str(), report.failed_at), ("again", here(line)));
}

#[test]
fn an_inner_failure_tells_where_it_arose_whatever_it_went_through() {
    for inner_first in [false, true] {
        let mut line = 0;
        let report = only(told(|| {
            let (outer, deferred) = pair();
            let (inner, returned) = pair();
            let chain = deferred.and_then(move |_| returned.map_ok(|n| n)).map_ok(|n| n + 1);
            let mut outer = Some(outer);
            if !inner_first {
                outer.take().unwrap().complete(1);
            }
            line = line!() + 1;
            inner.fail(no());
            if let Some(outer) = outer {
                outer.complete(1);
            }
            drop(chain);
        }));
        assert_eq!(report.failed_at, here(line));
    }
}

#[test]
fn a_cancellation_tells_where_what_was_cancelled_had_been_made() {
    let mut line = 0;
    let report = only(told(|| {
        let (outer, deferred) = pair();
        line = line!() + 1;
        let (_inner, returned) = Deferred::<u32, String>::pair();
        let chain = deferred.and_then(move |_| returned);
        outer.complete(1);
        chain.cancel();
        drop(chain);
    }));
    assert_eq!((report.error.as_str(), report.failed_at), ("cancelled", here(line)));
}

#[test]
fn a_pause_does_not_lose_the_place() {
    let mut line = 0;
    let report = only(told(|| {
        let (completer, mut deferred) = pair();
        let pause = deferred.pause();
        let chain = deferred.map_ok(|n| n + 1);
        line = line!() + 1;
        completer.fail(no());
        drop(chain);
        drop(pause);
    }));
    assert_eq!(report.failed_at, here(line));
}

#[test]
fn a_task_tells_where_it_was_made() {
    let mut line = 0;
    let report = only(told(|| {
        line = line!() + 1;
        let (task, deferred) = Task::new(async { Ok::<u32, String>(1) });
        drop(task);
        drop(deferred);
    }));
    assert_eq!((report.made_at, report.failed_at), (here(line), here(line)));
}

#[test]
fn what_is_made_of_several_tells_where_that_was() {
    let mut line = 0;
    let report = only(told(|| {
        let (completer, one) = pair();
        line = line!() + 1;
        let both = join((one, pair().1));
        completer.fail(no());
        drop(both);
    }));
    assert_eq!(report.made_at, here(line));
}

#[test]
fn traced_a_failure_tells_the_callbacks_that_it_passed_in_order() {
    let mut lines = Vec::new();
    let report = only(traced(|| {
        let (outer, deferred) = pair();
        let (inner, returned) = pair();
        let returned = returned.map_ok(|n| n + 1);
        lines.push(line!() - 1);
        let chain = deferred.and_then(move |_| returned);
        let chain = chain.map_ok(|n| n * 2);
        lines.push(line!() - 1);
        let chain = chain.map_err(|error| error);
        lines.push(line!() - 1);
        outer.complete(1);
        inner.fail(no());
        let chain = chain.map_ok(|n| n + 1);
        lines.push(line!() - 1);
        drop(chain);
    }));
    let passed: Vec<_> = report.passed.iter().map(|place| place.1).collect();
    assert!(report.passed.iter().all(|place| place.0 == file!()));
    // Those that the failure passed, and not the callback that waited for it.
    assert_eq!(passed, lines);
}

#[test]
fn traced_a_failure_has_passed_nothing_before_it_arose() {
    let mut line = 0;
    let report = only(traced(|| {
        let chain = Deferred::<u32, String>::failed("old".to_owned()).map_ok(|n| n);
        let chain = chain.or_else(|_| Ok::<_, String>(1)).and_then(|_| Err::<u32, _>(no()));
        line = line!() + 1;
        drop(chain.map_ok(|n| n + 1));
    }));
    assert_eq!(report.passed, [here(line)]);
}

#[test]
fn traced_failures_that_are_handled_leave_nothing_behind() {
    let none = traced(|| {
        let (completer, deferred) = pair();
        let chain = deferred
            .map_ok(|n| n + 1)
            .map_ok(|n| n + 1)
            .or_else(|_| Ok::<_, String>(0));
        completer.fail(no());
        assert_eq!(chain.try_take().unwrap(), Ok(0));
        let failed = Deferred::<u32, String>::failed(no()).map_ok(|n| n + 1);
        assert!(failed.try_take().unwrap().is_err());
    });
    assert!(none.is_empty());
}
