//! Each misuse is an error that says what to do.

use std::{error::Error as _, future::pending, time::Duration};

use interloop::{Clock, Deferred};
use interloop_tokio::context::Context;
use tokio::runtime::Builder;

use super::{current_thread, multi_thread, of};

#[test]
fn a_runtime_without_a_driver_is_refused() {
    for mut builder in [Builder::new_multi_thread(), Builder::new_current_thread()] {
        let runtime = builder.worker_threads(1).enable_time().build().unwrap();
        let error = Context::new(runtime.handle()).unwrap_err();
        assert!(
            error.is_io_disabled() && error.to_string().contains("enable_io()"),
            "{error}"
        );
        let runtime = builder.worker_threads(1).build().unwrap();
        let error = runtime.block_on(async { Context::current() }).unwrap_err();
        assert!(error.is_time_disabled() || error.is_io_disabled(), "{error}");
        // One that is handed over is shut down, in asynchronous code, too.
        let runtime = Builder::new_current_thread().build().unwrap();
        smol::block_on(async { Context::from_runtime(runtime).unwrap_err() });
    }
}

#[test]
fn without_a_runtime_there_is_no_ambient_one() {
    let error = Context::current().unwrap_err();
    assert!(
        error.is_no_runtime() && error.to_string().contains("Context::own"),
        "{error}"
    );
}

#[test]
fn a_runtime_that_has_shut_down_is_refused() {
    for runtime in [multi_thread(), current_thread()] {
        let handle = runtime.handle().clone();
        let context = of(&runtime);
        context.check().unwrap();
        drop(runtime);
        assert!(context.check().unwrap_err().is_shut_down());
        let error = smol::block_on(context.run(async { panic!("it is not polled") })).unwrap_err();
        assert!(
            error.is_shut_down() && error.to_string().contains("from_runtime"),
            "{error}"
        );
        assert!(Context::new(&handle).unwrap_err().is_shut_down());
        let error = context.block_on(async {}).unwrap_err();
        assert!(
            error.is_not_started() && error.source().unwrap().to_string().contains("shut down"),
            "{error}"
        );
    }
}

/// tokio's timers panic when they are polled after the end.
#[test]
fn a_sleep_that_outlives_its_runtime_is_an_error() {
    for runtime in [multi_thread(), current_thread()] {
        let context = of(&runtime);
        let (completer, gone) = Deferred::<()>::pair();
        let run = context.run(async move {
            let mut sleep = Box::pin(tokio::time::sleep(Duration::from_secs(3600)));
            let waits = futures_util::future::select(sleep.as_mut(), gone).await;
            drop(waits);
            sleep.await;
        });
        let mut run = Box::pin(run);
        let first = futures_util::future::FutureExt::now_or_never(run.as_mut());
        assert!(first.is_none());
        drop(runtime);
        completer.complete(());
        assert!(smol::block_on(run).unwrap_err().is_shut_down());
    }
}

#[test]
fn a_runtime_that_nobody_drives_is_found_out() {
    let runtime = current_thread();
    let context = of(&runtime);
    let clock = Clock::new();
    let work = {
        let context = context.clone();
        async move {
            let sleep = context.run(async { tokio::time::sleep(Duration::from_millis(1)).await });
            sleep.undriven_after(Duration::from_secs(5)).await
        }
    };
    let found = clock.reactor().spawn_infallible(work);
    clock.advance(Duration::from_secs(4));
    assert!(is_pending(&found));
    clock.advance(Duration::from_secs(2));
    let error = found.try_take().expect("it is found out").unwrap().unwrap_err();
    assert!(error.is_undriven() && error.to_string().contains("block_on"), "{error}");
}

fn is_pending<T: 'static>(deferred: &Deferred<T>) -> bool {
    matches!(deferred.state(), interloop::State::Pending)
}

#[test]
fn a_runtime_that_is_driven_is_left_to_wait() {
    let runtime = current_thread();
    let context = of(&runtime);
    let clock = Clock::new();
    let (completer, gate) = Deferred::<u8>::pair();
    let work = async move { context.run(gate).undriven_after(Duration::from_secs(5)).await };
    let waits = clock.reactor().spawn_infallible(work);
    for _ in 0..3 {
        clock.run_until_stalled();
        // It is driven within the time.
        runtime.block_on(tokio::task::yield_now());
        runtime.block_on(tokio::task::yield_now());
        clock.advance(Duration::from_secs(6));
    }
    completer.complete(7);
    clock.run_until_stalled();
    assert_eq!(waits.try_take().unwrap().unwrap().unwrap().unwrap(), 7);
}

#[test]
fn a_multi_threaded_runtime_drives_itself() {
    let runtime = multi_thread();
    let context = of(&runtime);
    let clock = Clock::new();
    let waits = clock
        .reactor()
        .spawn_infallible(async move { context.run(pending::<()>()).await });
    clock.advance(Duration::from_secs(3600));
    assert!(is_pending(&waits));
    assert_eq!(clock.pending_timers(), 0, "it is not even watched");
}

#[test]
fn a_nested_block_on_is_refused() {
    for runtime in [multi_thread(), current_thread()] {
        let context = of(&runtime);
        let nested = runtime.block_on(async { context.block_on(async {}) }).unwrap_err();
        assert!(
            nested.is_nested() && nested.to_string().contains("await here"),
            "{nested}"
        );
        let spawned = {
            let context = context.clone();
            runtime.spawn(async move { context.block_on(async {}).unwrap_err().is_nested() })
        };
        assert!(runtime.block_on(spawned).unwrap());
        // On a loop of ours as well.
        let on_smol = interloop_smol::block_on(async |_| context.block_on(async {}).unwrap_err().is_nested());
        assert!(on_smol.unwrap());
    }
}

#[test]
fn a_plain_thread_runs_a_future_on_the_runtime() {
    let context = Context::own(1).unwrap();
    let answer = context.block_on(async { tokio::spawn(async { 42 }).await.unwrap() });
    assert_eq!(answer.unwrap(), 42);
    // A current-thread one that is handed over is driven by this.
    let context = Context::from_runtime(current_thread()).unwrap();
    let slept = context.block_on(async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        42
    });
    assert_eq!(slept.unwrap(), 42);
    // One of somebody else's, too, while that drives it.
    let runtime = current_thread();
    let context = of(&runtime);
    let blocking = runtime.spawn(async {
        tokio::task::spawn_blocking(move || {
            context.block_on(async {
                tokio::time::sleep(Duration::from_millis(1)).await;
                42
            })
        })
        .await
        .unwrap()
    });
    assert_eq!(runtime.block_on(blocking).unwrap().unwrap(), 42);
}
