//! Waiting for a deferred: on a plain thread and in a blocking job, but not on the loop's own threads.

use std::{future::pending, sync::mpsc, time::Duration};

use futures_util::future::try_join_all;
use interloop::{Aborted, Deferred, block_on, defer_to_thread};

use crate::{
    AnySubject, Subject,
    tools::{HOUR, MILLISECOND, on_thread, parked, yield_now},
};

pub fn a_plain_thread_waits_for_a_task(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let waiting = on_thread(move || {
        let task = reactor.spawn(async {
            yield_now().await;
            Ok::<_, Aborted>(42)
        });
        task.wait()
    });
    assert_eq!(subject.block_on(waiting).unwrap().unwrap(), 42);
}

pub fn a_plain_thread_that_has_entered_the_reactor_waits(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let waiting = on_thread(move || {
        let _entered = reactor.enter();
        reactor.spawn_infallible(yield_now()).wait()
    });
    subject.block_on(waiting).unwrap().unwrap();
}

pub fn many_threads_wait_at_once(mut subject: AnySubject) {
    let waiting = (0..20).map(|number| {
        let reactor = subject.reactor();
        on_thread(move || {
            let slept = reactor.sleep(MILLISECOND);
            reactor.spawn(slept).map_ok(move |()| number).wait()
        })
    });
    let waiting = waiting.collect::<Vec<_>>();
    let numbers = subject.block_on(try_join_all(waiting)).unwrap();
    let numbers = numbers.into_iter().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(numbers, (0..20).collect::<Vec<_>>());
}

pub fn a_failure_ends_a_wait(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let waiting = on_thread(move || {
        let task = reactor.spawn(async {
            yield_now().await;
            Err::<(), _>("out of paper".to_owned())
        });
        task.wait()
    });
    assert_eq!(subject.block_on(waiting).unwrap(), Err("out of paper".to_owned()));
}

pub fn a_cancellation_ends_a_wait(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (is_parked, future) = parked(pending::<()>());
    let mut task = reactor.spawn_infallible(future);
    let handle = task.cancel_handle();
    let waiting = on_thread(move || task.wait());
    subject.block_on(is_parked).unwrap();
    handle.cancel();
    assert!(subject.block_on(waiting).unwrap().unwrap_err().is_cancelled());
}

pub fn a_wait_in_a_task_is_an_error(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (_completer, never) = Deferred::<(), Aborted>::pair();
    let task = reactor.spawn(async move { never.wait() });
    let aborted = subject.block_on(task).unwrap_err();
    assert!(aborted.is_deadlock());
    let message = aborted.to_string();
    assert!(message.contains("spawn_blocking"), "it must say what to do: {message}");
}

pub fn a_wait_in_a_callback_of_a_task_is_an_error(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (_completer, never) = Deferred::<(), Aborted>::pair();
    let (go_on, may_go_on) = Deferred::<()>::pair();
    let chain = reactor.spawn(may_go_on).and_then(move |()| never.wait());
    go_on.complete(());
    assert!(subject.block_on(chain).unwrap_err().is_deadlock());
}

pub fn a_guard_in_a_task_does_not_let_it_wait(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let same = reactor.clone();
    let (_completer, never) = Deferred::<(), Aborted>::pair();
    let task = reactor.spawn(async move {
        let _entered = same.enter();
        never.wait()
    });
    assert!(subject.block_on(task).unwrap_err().is_deadlock());
}

pub fn a_result_that_is_there_is_given_to_a_task_that_waits(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let task = reactor.spawn(async {
        let mut ready = Deferred::<_, Aborted>::ready(40);
        let limited = ready.wait_timeout(Duration::ZERO).unwrap()?;
        Ok::<_, Aborted>(limited + Deferred::<_, Aborted>::ready(2).wait()?)
    });
    assert_eq!(subject.block_on(task).unwrap(), 42);
}

pub fn a_deferred_that_could_not_be_waited_for_is_awaited(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (completer, mut later) = Deferred::<_, Aborted>::pair();
    let (is_parked, future) = parked(async move {
        let refused = later.wait_timeout(HOUR).unwrap();
        assert!(refused.unwrap_err().is_deadlock());
        later.await
    });
    let task = reactor.spawn(future);
    subject.block_on(is_parked).unwrap();
    completer.complete(42);
    assert_eq!(subject.block_on(task).unwrap(), 42);
}

pub fn a_blocking_job_waits_for_a_task(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let on_loop = reactor.clone();
    let job = reactor.spawn_blocking(move || {
        let task = on_loop.spawn(async {
            yield_now().await;
            Ok::<_, Aborted>(42)
        });
        task.wait()
    });
    assert_eq!(subject.block_on(job).unwrap(), 42);
}

pub fn a_wait_that_was_given_up_is_made_again(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (go_on, may_go_on) = Deferred::<()>::pair();
    let mut task = reactor.spawn(may_go_on).map_ok(|()| 42);
    let (given_up, has_given_up) = Deferred::<()>::pair();
    let waiting = on_thread(move || {
        assert!(task.wait_timeout(MILLISECOND).is_none());
        assert!(!task.is_settled());
        given_up.complete(());
        task.wait_timeout(HOUR).expect("an hour is not over")
    });
    subject.block_on(has_given_up).unwrap();
    go_on.complete(());
    assert_eq!(subject.block_on(waiting).unwrap().unwrap(), 42);
}

pub fn a_deferred_is_awaited_after_a_wait_was_given_up(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (go_on, may_go_on) = Deferred::<()>::pair();
    let mut task = reactor.spawn(may_go_on).map_ok(|()| 42);
    let waiting = on_thread(move || {
        assert!(task.wait_timeout(MILLISECOND).is_none());
        task
    });
    let task = subject.block_on(waiting).unwrap();
    go_on.complete(());
    assert_eq!(subject.block_on(task).unwrap(), 42);
}

pub fn a_limit_that_no_clock_can_hold_is_none(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let waiting = on_thread(move || reactor.spawn_infallible(yield_now()).wait_timeout(Duration::MAX));
    subject.block_on(waiting).unwrap().unwrap().unwrap();
}

pub fn a_task_defers_work_to_a_thread(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (go_on, may_go_on) = mpsc::channel();
    let task = reactor.spawn(async move {
        let job = defer_to_thread(move || {
            may_go_on.recv().unwrap();
            Ok::<_, Aborted>(42)
        });
        // It would hold the job up for ever, were that on its own thread.
        go_on.send(()).unwrap();
        job.await
    });
    assert_eq!(subject.block_on(task).unwrap(), 42);
}

pub fn work_without_a_reactor_is_not_deferred_to_a_thread(mut subject: AnySubject) {
    let deferring = on_thread(|| defer_to_thread(|| Ok::<_, Aborted>(42)).wait());
    let aborted = subject.block_on(deferring).unwrap().unwrap_err();
    assert!(aborted.is_no_reactor());
    let message = aborted.to_string();
    assert!(message.contains("Reactor::enter"), "it must say what to do: {message}");
}

pub fn a_task_does_not_run_a_loop(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let task = reactor.spawn_infallible(async { block_on::on_this_thread(|| Ok(())) });
    let error = subject.block_on(task).unwrap().unwrap_err();
    assert!(error.is_nested());
    let message = error.to_string();
    assert!(message.contains("spawn_blocking"), "it must say what to do: {message}");
}

pub fn a_blocking_job_runs_a_loop(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let job = reactor.spawn_blocking(|| Ok::<_, Aborted>(block_on::on_this_thread(|| Ok(42))));
    assert_eq!(subject.block_on(job).unwrap().unwrap(), 42);
}
