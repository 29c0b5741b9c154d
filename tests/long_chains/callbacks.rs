//! Long chains of callbacks, and of chains that wait for each other.

use interloop::{Deferred, State};

use crate::{ENDS, MILLION, add, in_little_space, nested};

#[test]
fn callbacks_run_fail_are_cancelled_and_are_dropped() {
    for end in ENDS {
        in_little_space(move || {
            let (completer, deferred) = Deferred::pair();
            let (completer, chain) = end.bring_about(completer, add(deferred, MILLION));
            end.check(chain);
            drop(completer);
        });
    }
}

#[test]
fn callbacks_are_attached_to_a_result_one_after_the_other() {
    in_little_space(|| {
        let chain = add(Deferred::ready(0), MILLION);
        assert_eq!(chain.try_take().unwrap().unwrap(), MILLION);
    });
}

#[test]
fn callbacks_that_return_results_that_are_there_run_on() {
    in_little_space(|| {
        let (completer, mut chain) = Deferred::<u64>::pair();
        for _ in 0..MILLION {
            chain = chain.and_then(|n| Deferred::ready(n + 1));
        }
        completer.complete(0);
        assert_eq!(chain.try_take().unwrap().unwrap(), MILLION);
    });
}

#[test]
fn failures_and_recoveries_alternate() {
    in_little_space(|| {
        let (completer, mut chain) = Deferred::<u64, String>::pair();
        for _ in 0..MILLION / 2 {
            chain = chain
                .and_then(|_| Err::<u64, _>(String::new()))
                .or_else(|_| Ok::<_, String>(7));
        }
        completer.complete(0);
        assert_eq!(chain.try_take().unwrap(), Ok(7));
    });
}

#[test]
fn waits_for_waits_end_as_the_innermost_does() {
    for end in ENDS {
        in_little_space(move || {
            let (innermost, outermost) = nested(Deferred::pair);
            assert_eq!(outermost.state(), State::Waiting);
            let (innermost, outermost) = end.bring_about(innermost, outermost);
            end.check(outermost);
            drop(innermost);
        });
    }
}

#[test]
fn deferreds_that_were_never_fired_are_dropped() {
    for completers_first in [false, true] {
        in_little_space(move || {
            let (innermost, mut inner) = Deferred::<u64>::pair();
            let mut completers = vec![innermost];
            for _ in 0..MILLION {
                let (completer, deferred) = Deferred::pair();
                inner = deferred.and_then(move |_| inner);
                completers.push(completer);
            }
            if completers_first {
                drop(completers);
                assert!(inner.try_take().unwrap().unwrap_err().is_dropped());
            } else {
                drop(inner);
            }
        });
    }
}

#[test]
fn a_loop_written_as_recursion_goes_round() {
    fn round(left: u64, completers: std::sync::mpsc::Sender<interloop::Completer<u64>>) -> Deferred<u64> {
        let (completer, deferred) = Deferred::pair();
        completers.send(completer).unwrap();
        deferred.and_then(move |n| match left {
            0 => Deferred::ready(n),
            _ => round(left - 1, completers),
        })
    }
    in_little_space(|| {
        let (sender, completers) = std::sync::mpsc::channel();
        let whole = round(MILLION, sender).map_ok(|n| n + 1);
        for completer in completers {
            completer.complete(1);
        }
        assert_eq!(whole.try_take().unwrap().unwrap(), 2);
    });
}
