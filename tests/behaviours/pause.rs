//! Holding a chain back.

use std::task::Poll;

use interloop::{Aborted, State};

use crate::{
    flavour::{Completer, Deferred, Log, Pause, Place},
    tools::{CountingWaker, poll},
};

fn pair<T: 'static>() -> (Completer<T>, Deferred<T>) {
    Deferred::pair()
}

/// A chain that logs, paused before it fires.
fn paused(log: &Log) -> (Completer<u32>, Deferred<u32>, Pause) {
    let (completer, mut deferred) = pair::<u32>();
    let pause = deferred.pause();
    let inside = log.clone();
    (completer, deferred.inspect_ok(move |n| inside.push(n)), pause)
}

#[test]
fn a_paused_chain_runs_inside_the_resume() {
    let log = Log::default();
    let (completer, chain, pause) = paused(&log);
    completer.complete(1);
    assert!(log.events().is_empty() && !chain.is_settled());
    pause.resume();
    assert_eq!(log.events(), ["1"]);
    assert_eq!(chain.try_take().unwrap().unwrap(), 1);
}

#[test]
fn a_pause_that_ends_before_the_firing_changes_nothing() {
    let log = Log::default();
    let (completer, chain, pause) = paused(&log);
    pause.resume();
    assert!(log.events().is_empty());
    completer.complete(1);
    assert_eq!(log.events(), ["1"]);
    assert!(chain.is_settled());
}

#[test]
fn pauses_count_and_the_last_one_lets_the_chain_go_on() {
    for last in 0..3 {
        let log = Log::default();
        let (completer, mut chain, first) = paused(&log);
        let mut pauses = vec![first, chain.pause()];
        completer.complete(1);
        pauses.push(chain.pause());
        let kept = pauses.swap_remove(last);
        drop(pauses);
        assert!(log.events().is_empty() && !chain.is_settled());
        drop(kept);
        assert_eq!(log.events(), ["1"]);
    }
}

#[test]
fn a_chain_can_be_paused_again_and_again() {
    let log = Log::default();
    let (completer, mut chain, pause) = paused(&log);
    completer.complete(1);
    drop(pause);
    for round in 2..5 {
        let pause = chain.pause();
        let inside = log.clone();
        chain = chain.inspect_ok(move |n| inside.push(format!("{n} in round {round}")));
        assert_eq!(log.events().len(), usize::from(round == 2), "only what came before");
        drop(pause);
        assert_eq!(log.events(), [format!("1 in round {round}")]);
    }
    assert_eq!(chain.try_take().unwrap().unwrap(), 1);
}

#[test]
fn what_has_fired_gives_nothing_out_while_it_is_paused() {
    for result in [Ok(1), Err(Aborted::timed_out())] {
        let mut deferred = Deferred::<u32>::settled(result.clone());
        let pause = deferred.pause();
        assert!(!deferred.is_settled());
        assert_eq!(deferred.state(), State::Fired);
        let deferred = deferred.try_take().unwrap_err();
        drop(pause);
        assert!(deferred.is_settled());
        assert_eq!(deferred.try_take().unwrap().is_err(), result.is_err());
    }
}

#[test]
fn callbacks_attached_to_a_paused_result_run_at_the_end_of_the_pause_in_order() {
    let log = Log::default();
    let mut deferred = Deferred::<u32>::ready(1);
    let pause = deferred.pause();
    let mut chain = deferred;
    for name in ["first", "second", "third"] {
        let inside = log.clone();
        chain = chain.map_ok(move |n| {
            inside.push(format!("{name} {n}"));
            n + 1
        });
    }
    assert!(log.events().is_empty());
    drop(pause);
    assert_eq!(log.events(), ["first 1", "second 2", "third 3"]);
    assert_eq!(chain.try_take().unwrap().unwrap(), 4);
}

#[test]
fn a_result_of_any_size_is_kept_during_a_pause() {
    let (completer, mut deferred) = pair::<[u64; 40]>();
    let pause = deferred.pause();
    let chain = deferred.map_ok(|many| many[39] as u8).map_ok(|one| [u32::from(one); 9]);
    completer.complete([7; 40]);
    drop(pause);
    assert_eq!(chain.try_take().unwrap().unwrap(), [7; 9]);
}

#[test]
fn awaiting_a_paused_deferred_waits_for_the_resume() {
    for paused_before_it_fires in [false, true] {
        let (completer, mut deferred) = pair::<u32>();
        let mut completer = Some(completer);
        let mut fire = || completer.take().map(|completer| completer.complete(1));
        if !paused_before_it_fires {
            fire();
        }
        let pause = deferred.pause();
        let waker = CountingWaker::new();
        assert!(poll(&mut deferred, &waker).is_pending());
        fire();
        assert!(poll(&mut deferred, &waker).is_pending());
        assert_eq!(waker.count(), 0);
        drop(pause);
        assert_eq!(waker.count(), 1);
        assert!(matches!(poll(&mut deferred, &waker), Poll::Ready(Ok(1))));
    }
}

#[test]
fn a_pause_from_a_callback_does_not_stop_the_run_but_what_is_attached_later() {
    let log = Log::default();
    let own = Place::<Option<Deferred<u32>>>::default();
    let pauses = Place::<Option<Pause>>::default();
    let (completer, deferred) = pair::<u32>();
    let (end, pause, second) = (own.clone(), pauses.clone(), log.clone());
    let chain = deferred
        .inspect_ok(move |_| {
            let mut chain = end.take();
            pause.put(chain.pause());
            end.put(chain);
        })
        .inspect_ok(move |_| second.push("the rest of the run"));
    own.put(chain);
    completer.complete(1);
    assert_eq!(log.events(), ["the rest of the run"]);
    let third = log.clone();
    let chain = own.take().inspect_ok(move |_| third.push("attached later"));
    assert!(log.events().is_empty() && !chain.is_settled());
    drop(pauses.take());
    assert_eq!(log.events(), ["attached later"]);
    assert_eq!(chain.try_take().unwrap().unwrap(), 1);
}

#[test]
fn a_chain_that_is_dropped_while_it_is_paused_runs_when_the_pause_ends() {
    let log = Log::default();
    let (completer, chain, pause) = paused(&log);
    completer.complete(1);
    drop(chain);
    assert!(log.events().is_empty());
    drop(pause);
    assert_eq!((log.events(), log.count()), (vec!["1".to_owned()], 1));
}

#[test]
fn resuming_from_a_callback_runs_the_other_chain_there_and_then() {
    let log = Log::default();
    let (held, _chain, pause) = paused(&log);
    held.complete(2);
    let outside = log.clone();
    let resuming = Deferred::<u32>::ready(1).inspect_ok(move |_| {
        outside.push("begins");
        drop(pause);
        outside.push("ends");
    });
    assert_eq!(log.events(), ["begins", "2", "ends"]);
    assert!(resuming.is_settled());
}

#[test]
fn a_pause_outlives_its_chain_and_a_pause_of_what_was_taken_holds_nothing() {
    let (completer, mut deferred) = pair::<u32>();
    let early = deferred.pause();
    completer.complete(1);
    drop(early);
    let mut deferred = deferred;
    let late = deferred.pause();
    let chain = deferred.map_ok(|n| n + 1);
    drop(chain);
    drop(late);

    let mut taken = Deferred::<u32>::ready(1);
    assert!(poll(&mut taken, &CountingWaker::new()).is_ready());
    drop(taken.pause());
}

#[test]
fn the_state_says_what_a_pause_holds_back() {
    let (completer, mut deferred) = pair::<u32>();
    let (inner, returned) = pair::<u32>();
    let pause = deferred.pause();
    assert_eq!(deferred.state(), State::Pending);
    completer.complete(1);
    assert_eq!(deferred.state(), State::Fired);
    let mut chain = deferred.and_then(move |_| returned);
    assert_eq!(chain.state(), State::Fired, "no callback has run yet");
    drop(pause);
    assert_eq!(chain.state(), State::Waiting);
    let pause = chain.pause();
    inner.complete(2);
    assert_eq!(chain.state(), State::Waiting, "it has not gone on yet");
    drop(pause);
    assert_eq!(chain.state(), State::Fired);
    assert!(chain.is_settled());
}
