//! Holding chains back, also from other threads.
//!
//! What needs no second thread is in `behaviours`, and runs on deferreds that stay on their thread as well (`local.rs`).

#[path = "behaviours/flavour.rs"]
mod flavours;
#[path = "behaviours/pause.rs"]
mod pause;
#[path = "behaviours/pause_and_wait.rs"]
mod pause_and_wait;

mod tools;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    thread,
};

use flavours::sendable as flavour;
use interloop::{Aborted, Deferred, State};
use tools::at_once;

#[test]
fn a_held_chain_runs_on_the_thread_that_ends_the_pause() {
    let ran_on = Arc::new(Mutex::new(None));
    let (completer, mut deferred) = Deferred::<u32>::pair();
    let pause = deferred.pause();
    let inside = ran_on.clone();
    let chain = deferred.inspect_ok(move |_| *inside.lock().unwrap() = Some(thread::current().id()));
    completer.complete(1);
    let resuming = thread::spawn(move || {
        drop(pause);
        thread::current().id()
    });
    let expected = resuming.join().unwrap();
    assert_eq!(*ran_on.lock().unwrap(), Some(expected));
    assert_eq!(chain.try_take().unwrap().unwrap(), 1);
}

#[test]
fn who_awaits_on_one_thread_is_woken_by_a_resume_on_another() {
    let (completer, mut deferred) = Deferred::<u32>::pair();
    let pause = deferred.pause();
    completer.complete(1);
    thread::scope(|scope| {
        scope.spawn(move || drop(pause));
        assert_eq!(futures_executor::block_on(deferred).unwrap(), 1);
    });
}

#[test]
fn firing_and_resuming_at_once_runs_the_chain_once() {
    for _ in 0..500 {
        let runs = Arc::new(AtomicU32::new(0));
        let (completer, mut deferred) = Deferred::<u32>::pair();
        let pause = deferred.pause();
        let inside = runs.clone();
        let chain = deferred.inspect_ok(move |_| {
            inside.fetch_add(1, SeqCst);
        });
        at_once(|| completer.complete(1), || drop(pause));
        assert_eq!(runs.load(SeqCst), 1);
        assert_eq!(chain.try_take().unwrap().unwrap(), 1);
    }
}

#[test]
fn the_last_of_two_pauses_that_end_at_once_runs_the_chain() {
    for _ in 0..500 {
        let (completer, mut deferred) = Deferred::<u32>::pair();
        let pauses = (deferred.pause(), deferred.pause());
        let chain = deferred.map_ok(|n| n + 1);
        completer.complete(1);
        assert!(!chain.is_settled());
        at_once(|| drop(pauses.0), || drop(pauses.1));
        assert_eq!(chain.try_take().unwrap().unwrap(), 2);
    }
}

#[test]
fn cancelling_and_resuming_at_once_leaves_one_outcome() {
    for fired in [false, true] {
        for _ in 0..250 {
            let (completer, mut deferred) = Deferred::<u32>::pair();
            let handle = deferred.cancel_handle();
            let pause = deferred.pause();
            let chain = deferred.map_ok(|n| n + 1);
            let late = if fired {
                completer.complete(1);
                None
            } else {
                Some(completer)
            };
            at_once(|| handle.cancel(), || drop(pause));
            let result = chain.try_take().unwrap();
            match late {
                // It had fired, and a cancellation then has nothing to do.
                None => assert_eq!(result.unwrap(), 2),
                Some(completer) => {
                    assert!(result.unwrap_err().is_cancelled());
                    assert!(completer.is_closed());
                }
            }
        }
    }
}

#[test]
fn an_inner_deferred_that_fires_while_the_outer_chain_is_resumed_is_not_lost() {
    for _ in 0..500 {
        let (outer, deferred) = Deferred::<u32>::pair();
        let (inner, returned) = Deferred::<u32>::pair();
        let mut chain = deferred.and_then(move |_| returned).map_ok(|n| n + 1);
        outer.complete(1);
        let pause = chain.pause();
        at_once(|| inner.complete(2), || drop(pause));
        assert_eq!(chain.state(), State::Fired);
        assert_eq!(chain.try_take().unwrap().unwrap(), 3);
    }
}

#[test]
fn attaching_while_another_thread_resumes_runs_what_was_attached_once() {
    for _ in 0..500 {
        let mut deferred = Deferred::<u32, Aborted>::ready(1);
        let pause = deferred.pause();
        let (sender, chain) = std::sync::mpsc::channel();
        at_once(
            || drop(pause),
            move || sender.send(deferred.map_ok(|n| n + 1).map_ok(|n| n * 10)).unwrap(),
        );
        assert_eq!(chain.recv().unwrap().try_take().unwrap().unwrap(), 20);
    }
}
