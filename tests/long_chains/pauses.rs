//! Long chains that are held back.

use interloop::{Deferred, State};

use crate::{ENDS, End, MILLION, add, in_little_space};

#[test]
fn a_chain_that_is_paused_in_the_middle_of_its_making_goes_on_after_the_pause() {
    for end in ENDS {
        in_little_space(move || {
            let (completer, deferred) = Deferred::pair();
            let mut half = add(deferred, MILLION / 2);
            let pause = half.pause();
            let (completer, chain) = end.bring_about(completer, add(half, MILLION / 2));
            assert!(chain.as_ref().is_none_or(|chain| !chain.is_settled()));
            drop(pause);
            end.check(chain);
            drop(completer);
        });
    }
}

#[test]
fn a_chain_that_waits_in_the_middle_for_a_paused_deferred_goes_on_after_the_pause() {
    for end in [End::Complete, End::Fail, End::Cancel, End::DropCompleter] {
        in_little_space(move || {
            let (first, deferred) = Deferred::pair();
            let (second, mut returned) = Deferred::<u64>::pair();
            let pause = returned.pause();
            let half = add(deferred, MILLION / 2).and_then(move |n| returned.map_ok(move |m| n + m));
            let chain = add(half, MILLION / 2);
            first.complete(0);
            let (second, chain) = end.bring_about(second, chain);
            assert_eq!(chain.as_ref().unwrap().state(), State::Waiting);
            drop(pause);
            end.check(chain);
            drop(second);
        });
    }
}

#[test]
fn a_callback_that_is_attached_during_a_pause_waits_with_the_others() {
    in_little_space(|| {
        let mut deferred = Deferred::ready(0);
        let pause = deferred.pause();
        let chain = add(deferred, MILLION);
        assert!(!chain.is_settled());
        drop(pause);
        assert_eq!(chain.try_take().unwrap().unwrap(), MILLION);
    });
}

#[test]
fn a_chain_can_be_paused_a_million_times() {
    in_little_space(|| {
        let (completer, mut deferred) = Deferred::<u64>::pair();
        let mut pauses = Vec::new();
        for _ in 0..MILLION {
            pauses.push(deferred.pause());
            deferred = deferred.map_ok(|n| n + 1);
        }
        completer.complete(0);
        let last = pauses.pop().unwrap();
        drop(pauses);
        assert!(!deferred.is_settled());
        drop(last);
        assert_eq!(deferred.try_take().unwrap().unwrap(), MILLION);
    });
}

#[test]
fn paused_waits_for_paused_waits_go_on_with_the_last_pause() {
    for resume_first in [false, true] {
        in_little_space(move || {
            let (innermost, mut inner) = Deferred::<u64>::pair();
            let mut completers = Vec::new();
            let mut pauses = Vec::new();
            for _ in 0..MILLION {
                let (completer, deferred) = Deferred::pair();
                let mut chain = deferred.and_then(move |_| inner).map_ok(|n| n + 1);
                pauses.push(chain.pause());
                completers.push(completer);
                inner = chain;
            }
            for completer in completers.into_iter().rev() {
                completer.complete(0);
            }
            if resume_first {
                // From the outermost on, so that each comes to wait for the next.
                pauses.into_iter().rev().for_each(drop);
                innermost.complete(0);
            } else {
                innermost.complete(0);
                pauses.into_iter().for_each(drop);
            }
            assert_eq!(inner.try_take().unwrap().unwrap(), MILLION);
        });
    }
}
