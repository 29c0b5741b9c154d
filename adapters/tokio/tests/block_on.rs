//! Running a loop where tokio runs one of its own, without a reactor of ours: the error comes before tokio's panic.

use std::{
    future::poll_fn,
    task::{Poll, ready},
};

use interloop_tokio::{block_on, block_on_current_thread, block_on_runtime};
use tokio::{
    runtime::{Builder, Runtime},
    task::{JoinHandle, block_in_place, coop, spawn_blocking},
};

fn both_runtimes() -> [Runtime; 2] {
    [
        Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap(),
        Builder::new_current_thread().enable_all().build().unwrap(),
    ]
}

fn assert_is_nested() {
    assert!(block_on(async |_| ()).unwrap_err().is_nested());
    assert!(block_on_current_thread(async |_| ()).unwrap_err().is_nested());
}

fn assert_runs() {
    assert_eq!(block_on(async |_| 42).unwrap(), 42);
    assert_eq!(block_on_current_thread(async |_| 42).unwrap(), 42);
}

async fn join(task: JoinHandle<()>) {
    task.await.unwrap();
}

#[test]
fn a_future_that_a_runtime_runs_cannot_run_another() {
    for runtime in both_runtimes() {
        runtime.block_on(async { assert_is_nested() });
    }
}

#[test]
fn a_task_of_tokio_cannot_run_a_runtime() {
    for runtime in both_runtimes() {
        runtime.block_on(join(runtime.spawn(async { assert_is_nested() })));
        runtime.block_on(join(runtime.spawn(coop::unconstrained(async { assert_is_nested() }))));
    }
}

#[test]
fn a_task_that_has_used_its_budget_up_cannot_run_a_runtime() {
    for runtime in both_runtimes() {
        runtime.block_on(async {
            while coop::has_budget_remaining() {
                coop::consume_budget().await;
            }
            assert_is_nested();
        });
    }
}

/// How much a future has left of the budget that a runtime gives it, when it has asked.
fn budget_left(runtime: &Runtime, ask: fn()) -> usize {
    runtime.block_on(poll_fn(|cx| {
        ready!(coop::poll_proceed(cx)).made_progress();
        ask();
        let mut left = 0;
        while coop::has_budget_remaining() {
            ready!(coop::poll_proceed(cx)).made_progress();
            left += 1;
        }
        Poll::Ready(left)
    }))
}

#[test]
fn asking_leaves_a_future_its_budget() {
    for runtime in both_runtimes() {
        assert_eq!(budget_left(&runtime, assert_is_nested), budget_left(&runtime, || ()));
    }
}

#[test]
fn a_runtime_of_ones_own_is_refused_where_tokio_would_panic() {
    let [outer, inner] = both_runtimes();
    outer.block_on(async {
        assert!(block_on_runtime(&inner, async |_| ()).unwrap_err().is_nested());
    });
}

#[test]
fn what_tokio_lets_block_runs_a_runtime() {
    let [runtime, other] = both_runtimes();
    for runtime in [&runtime, &other] {
        runtime.block_on(async { join(spawn_blocking(assert_runs)).await });
        let _entered = runtime.enter();
        assert_runs();
    }
    runtime.block_on(async { block_in_place(assert_runs) });
}

#[test]
fn a_runtime_without_drivers_is_refused() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let error = block_on_runtime(&runtime, async |_| ()).unwrap_err();
    assert!(error.is_not_started());
    let cause = std::error::Error::source(&error).unwrap();
    assert!(cause.to_string().contains("enable_all"), "{cause}");
}
