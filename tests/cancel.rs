//! Cancelling: cancellers, handles, futures that cancel when they are dropped, and what threads do to each other with them.
//!
//! What needs no second thread is in `behaviours`, and runs on deferreds that stay on their thread as well (`local.rs`).

#[path = "behaviours/flavour.rs"]
mod flavours;
#[path = "behaviours/cancel_handle.rs"]
mod handle;
#[path = "behaviours/cancel_on_drop.rs"]
mod on_drop;
#[path = "behaviours/canceller.rs"]
mod with_canceller;

mod tools;

use flavours::sendable as flavour;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::SeqCst},
        mpsc,
    },
    thread,
};

use interloop::{Aborted, CancelHandle, Cancellation, Completer, Deferred};
use tools::at_once;

/// Says when a callback has been entered, and holds it until it may leave.
fn gate() -> (impl Fn() + Send + 'static, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (entered, is_entered) = mpsc::channel();
    let (leave, may_leave) = mpsc::channel();
    let pass = move || {
        entered.send(()).unwrap();
        may_leave.recv().unwrap();
    };
    (pass, is_entered, leave)
}

#[test]
fn a_cancellation_does_not_wait_for_the_canceller_that_another_one_has_called() {
    for refuses in [false, true] {
        let calls = Arc::new(AtomicU32::new(0));
        let (pass, is_entered, leave) = gate();
        let inside = calls.clone();
        let (completer, deferred) = Deferred::<u32>::with_canceller(move |cancellation: Cancellation<'_, _, _>| {
            inside.fetch_add(1, SeqCst);
            pass();
            if refuses {
                cancellation.refuse();
            }
        });
        thread::scope(|scope| {
            scope.spawn(|| deferred.cancel());
            is_entered.recv().unwrap();
            // It comes back though the canceller is still at it, which is what shows in the test's not hanging.
            deferred.cancel();
            assert!(!deferred.is_settled());
            leave.send(()).unwrap();
        });
        assert_eq!(calls.load(SeqCst), 1);
        completer.complete(1);
        assert_eq!(deferred.try_take().unwrap().is_ok(), refuses);
    }
}

#[test]
fn a_completer_that_fires_on_another_thread_while_the_canceller_runs_is_in_time() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let (pass, is_entered, leave) = gate();
    let (completer, deferred) = Deferred::<u32>::with_canceller(move |cancellation| {
        pass();
        cancellation.complete(2);
    });
    let inside = log.clone();
    let chain = deferred.inspect_ok(move |n| inside.lock().unwrap().push(*n));
    thread::scope(|scope| {
        scope.spawn(|| chain.cancel());
        is_entered.recv().unwrap();
        completer.complete(1);
        assert_eq!(*log.lock().unwrap(), [1]);
        leave.send(()).unwrap();
    });
    assert_eq!(*log.lock().unwrap(), [1]);
    assert_eq!(chain.try_take().unwrap().unwrap(), 1);
}

#[test]
fn a_handle_that_cancels_while_a_callback_runs_elsewhere_takes_effect_at_the_next_wait() {
    let (pass, is_entered, leave) = gate();
    let (completer, mut deferred) = Deferred::<u32>::pair();
    let (inner, returned) = Deferred::<u32>::pair();
    let handle = deferred.cancel_handle();
    let chain = deferred
        .inspect_ok(move |_| pass())
        .map_ok(|n| n + 1)
        .and_then(move |_| returned);
    thread::scope(|scope| {
        scope.spawn(move || completer.complete(1));
        is_entered.recv().unwrap();
        handle.cancel();
        assert!(!inner.is_closed());
        leave.send(()).unwrap();
    });
    assert!(inner.is_closed());
    assert!(chain.try_take().unwrap().unwrap_err().is_cancelled());
}

#[test]
fn handles_that_cancel_at_once_call_the_canceller_once() {
    for _ in 0..300 {
        let calls = Arc::new(AtomicU32::new(0));
        let inside = calls.clone();
        let (_completer, mut deferred) = Deferred::<u32>::with_canceller(move |_| {
            inside.fetch_add(1, SeqCst);
        });
        let handles = [deferred.cancel_handle(), deferred.cancel_handle()];
        let chain = deferred.map_ok(|n| n + 1);
        let [first, second] = handles;
        at_once(|| first.cancel(), || second.cancel());
        assert_eq!(calls.load(SeqCst), 1);
        assert!(chain.try_take().unwrap().unwrap_err().is_cancelled());
    }
}

type Pair = (Completer<Arc<()>>, Deferred<Arc<()>>);

/// Whether a chain gives a value whose completer and whose handle are used at once, and how often its callback ran.
fn fire_and_cancel(make: fn() -> Pair, value: &Arc<()>) -> (bool, u32) {
    let runs = Arc::new(AtomicU32::new(0));
    let (completer, mut deferred) = make();
    let handle = deferred.cancel_handle();
    let inside = runs.clone();
    let chain = deferred.then(move |result| {
        inside.fetch_add(1, SeqCst);
        result
    });
    let sent = value.clone();
    at_once(|| completer.complete(sent), || handle.cancel());
    let result = chain.try_take().unwrap();
    if let Err(error) = &result {
        assert!(error.is_cancelled());
    }
    (result.is_ok(), runs.load(SeqCst))
}

#[test]
fn firing_and_cancelling_at_once_leaves_one_outcome_and_no_value_behind() {
    let with_canceller = || Deferred::with_canceller(|_| {});
    for make in [Deferred::pair, with_canceller] {
        let value = Arc::new(());
        for _ in 0..300 {
            let (_, runs) = fire_and_cancel(make, &value);
            assert_eq!((runs, Arc::strong_count(&value)), (1, 1));
        }
    }
}

#[test]
fn a_refused_cancellation_never_costs_the_value() {
    let refusing = || Deferred::with_canceller(|cancellation: Cancellation<'_, _, Aborted>| cancellation.refuse());
    let value = Arc::new(());
    for _ in 0..300 {
        assert_eq!(fire_and_cancel(refusing, &value), (true, 1));
    }
}

#[test]
fn a_chain_that_goes_from_wait_to_wait_is_cancelled_wherever_the_handle_finds_it() {
    for _ in 0..300 {
        let (outer, mut deferred) = Deferred::<u32>::pair();
        let handle = deferred.cancel_handle();
        let pairs: Vec<_> = (0..4).map(|_| Deferred::<u32>::pair()).collect();
        let (inners, waits): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        // The last one is never fired: only the cancellation ends the chain.
        let (last, forever) = Deferred::<u32>::pair();
        let chain = waits
            .into_iter()
            .fold(deferred, |chain, wait| chain.and_then(move |_| wait))
            .and_then(move |_| forever);
        outer.complete(0);
        at_once(
            move || inners.into_iter().for_each(|inner| inner.complete(1)),
            || handle.cancel(),
        );
        assert!(chain.try_take().unwrap().unwrap_err().is_cancelled());
        drop(last);
    }
}

#[test]
fn a_future_that_cancels_when_it_is_dropped_can_be_dropped_on_another_thread() {
    let (completer, deferred) = Deferred::<u32>::pair();
    let (inner, returned) = Deferred::<u32>::pair();
    let future = deferred.and_then(move |_| returned).cancel_on_drop();
    completer.complete(1);
    thread::spawn(move || drop(future)).join().unwrap();
    assert!(inner.is_closed());
}

#[test]
fn handles_go_to_other_threads_and_are_shared_among_them() {
    fn check<T: Send + Sync + Clone>() {}
    check::<CancelHandle>();
    let (completer, mut deferred) = Deferred::<u32>::pair();
    let handle = deferred.cancel_handle();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| handle.cancel());
        }
    });
    assert!(completer.is_closed());
    assert!(deferred.try_take().unwrap().unwrap_err().is_cancelled());
}
