//! Reactors as futures' `Spawn`, as a library that takes one uses it, on every loop.

use std::{
    future::pending,
    panic::AssertUnwindSafe,
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::join_all,
    task::{Spawn, SpawnExt},
};
use interloop::{Aborted, Deferred, Reactor};
use interloop_conformance::on_every_loop;
use interloop_futures::spawner;

on_every_loop!(
    a_library_spawns_and_joins,
    what_nobody_joins_goes_on,
    a_handle_that_is_dropped_gives_the_future_up,
    a_panic_goes_on_where_the_handle_is_awaited,
);

/// Stands for a library, which knows of futures' traits alone.
async fn squares(spawn: &(impl Spawn + Clone + Send + 'static), numbers: u32) -> Vec<u32> {
    let handles = (0..numbers).map(|number| {
        let inner = spawn.clone();
        let outer = async move {
            let handle = inner.spawn_with_handle(async move { number * number });
            handle.expect("it never fails").await
        };
        spawn.spawn_with_handle(outer).expect("it never fails")
    });
    join_all(handles).await
}

async fn a_library_spawns_and_joins(reactor: Reactor) {
    let expected: Vec<u32> = (0..100).map(|number| number * number).collect();
    assert_eq!(squares(&spawner(&reactor), 100).await, expected);
}

async fn what_nobody_joins_goes_on(reactor: Reactor) -> Result<(), Aborted> {
    let (completer, told) = Deferred::<bool>::pair();
    let sleep = reactor.sleep(Duration::from_millis(1));
    let task = async move {
        let slept = sleep.await;
        completer.complete(slept.is_ok() && Reactor::current().is_ok());
    };
    spawner(&reactor).spawn(task).expect("it never fails");
    assert!(told.await?);
    Ok(())
}

async fn a_handle_that_is_dropped_gives_the_future_up(reactor: Reactor) -> Result<(), Aborted> {
    let (completer, told) = Deferred::<()>::pair();
    let held = Arc::new(completer);
    let future: Weak<_> = Arc::downgrade(&held);
    let handle = spawner(&reactor).spawn_with_handle(async move {
        let _held = held;
        pending::<()>().await;
    });
    drop(handle.expect("it never fails"));
    // The completer goes with the future.
    assert!(told.await.unwrap_err().is_dropped());
    assert!(future.upgrade().is_none());
    Ok(())
}

async fn a_panic_goes_on_where_the_handle_is_awaited(reactor: Reactor) {
    let handle = spawner(&reactor).spawn_with_handle(async { std::panic::panic_any(42) });
    let awaited = AssertUnwindSafe(handle.expect("it never fails")).catch_unwind().await;
    assert_eq!(*awaited.unwrap_err().downcast::<i32>().unwrap(), 42);
}

#[test]
fn what_is_spawned_on_a_loop_that_has_ended_is_dropped() {
    let clock = interloop::Clock::new();
    let spawner = spawner(&clock.reactor());
    drop(clock);
    let (completer, told) = Deferred::<()>::pair();
    spawner.spawn(async { completer.complete(()) }).expect("it never fails");
    assert!(told.wait().unwrap_err().is_dropped());
}
