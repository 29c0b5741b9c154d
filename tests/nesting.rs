//! Firing inside of firing, deeper than any stack: on 256 KiB.

use std::{
    sync::{Arc, Mutex},
    thread,
};

use interloop::{Aborted, Completer, Deferred, sync::Lock};

const DEEP: usize = 100_000;

fn on_a_small_stack(body: impl FnOnce() + Send + 'static) {
    thread::Builder::new()
        .stack_size(256 * 1024)
        .spawn(body)
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn a_lock_is_handed_through_a_long_queue() {
    on_a_small_stack(|| {
        let lock = Lock::new();
        let permit = lock.acquire().try_take().unwrap().unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let waiting: Vec<Deferred<(), Aborted>> = (0..DEEP)
            .map(|n| {
                let order = order.clone();
                lock.run(move || {
                    order.lock().unwrap().push(n);
                    Ok(())
                })
            })
            .collect();
        drop(permit);
        assert!(waiting.into_iter().all(|deferred| deferred.try_take().unwrap().is_ok()));
        assert!(order.lock().unwrap().iter().copied().eq(0..DEEP));
    });
}

/// Deferreds of which each fires the next one.
fn one_after_the_other() -> (Completer<usize>, Deferred<usize>) {
    let (first, mut last) = Deferred::<usize, Aborted>::pair();
    for _ in 0..DEEP {
        let (completer, next) = Deferred::pair();
        last.map_ok(|n| n + 1).chain(completer).detach();
        last = next;
    }
    (first, last)
}

#[test]
fn chains_that_fire_each_other_come_to_their_end_inside_the_first_firing() {
    on_a_small_stack(|| {
        let (first, last) = one_after_the_other();
        first.complete(0);
        assert_eq!(last.try_take().unwrap().unwrap(), DEEP);
    });
}

#[test]
fn chains_that_fire_each_other_pass_a_failure_on_when_the_first_completer_is_dropped() {
    on_a_small_stack(|| {
        let (first, last) = one_after_the_other();
        drop(first);
        assert!(last.try_take().unwrap().unwrap_err().is_dropped());
    });
}

#[test]
fn coroutines_that_await_each_other_end_inside_the_first_firing() {
    on_a_small_stack(|| {
        let (first, mut last) = Deferred::<usize, Aborted>::pair();
        for _ in 0..DEEP {
            let inner = last;
            last = Deferred::from_coroutine(async move { Ok(inner.await? + 1) });
        }
        first.complete(0);
        assert_eq!(last.try_take().unwrap().unwrap(), DEEP);
    });
}

#[test]
fn a_firing_that_is_not_deep_runs_its_callbacks_before_it_returns() {
    let (outer, deferred) = Deferred::<(), Aborted>::pair();
    let (inner, nested) = Deferred::<(), Aborted>::pair();
    let order = Arc::new(Mutex::new(Vec::new()));
    let (of_nested, of_outer) = (order.clone(), order.clone());
    nested
        .map_ok(move |()| of_nested.lock().unwrap().push("nested"))
        .detach();
    deferred
        .map_ok(move |()| {
            inner.complete(());
            of_outer.lock().unwrap().push("outer");
        })
        .detach();
    outer.complete(());
    assert_eq!(*order.lock().unwrap(), ["nested", "outer"]);
}
