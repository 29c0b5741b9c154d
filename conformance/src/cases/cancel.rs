//! Cancelling a task drops its future: at once where it waits, else when its poll returns.

use std::{
    future::pending,
    sync::{Arc, Mutex, mpsc},
    thread,
};

use futures_util::future::join_all;
use interloop::{Aborted, Deferred};

use crate::{
    AnySubject, Subject,
    tools::{Counter, OnDrop, on_thread, parked, yield_now},
};

pub fn a_task_that_waits_is_dropped_inside_of_cancel(mut subject: AnySubject) {
    let reactor = subject.reactor();
    // Where other threads poll, the poll in which the task began to wait may not have returned; the
    // future is that thread's to drop then. Sooner or later it has returned.
    loop {
        let (completer, dropped) = Deferred::<_>::pair();
        let on_drop = OnDrop::new(move || completer.complete(thread::current().id()));
        let (waits, future) = parked(async move {
            let _on_drop = on_drop;
            pending::<()>().await;
        });
        let task = reactor.spawn_infallible(future);
        subject.block_on(waits).unwrap();
        thread::yield_now();
        task.cancel();
        let dropped_inside = dropped.is_settled();
        assert!(subject.block_on(task).unwrap_err().is_cancelled());
        let dropped_by = subject.block_on(dropped).unwrap();
        if dropped_inside && dropped_by == thread::current().id() {
            return;
        }
    }
}

pub fn a_task_cancelled_before_its_first_poll_is_never_polled(mut subject: AnySubject) {
    let reactor = subject.reactor();
    // Where other threads poll, one may be as fast as this; sooner or later it is not.
    loop {
        let polls = Counter::default();
        let drops = Counter::default();
        let (polled, dropped) = (polls.clone(), drops.on_drop());
        let task = reactor.spawn_infallible(async move {
            let _dropped = dropped;
            polled.add();
            pending::<()>().await;
        });
        task.cancel();
        let dropped_inside = drops.count() == 1;
        assert!(subject.block_on(task).unwrap_err().is_cancelled());
        if dropped_inside && polls.count() == 0 {
            // Nor is it later: a task spawned after it has run by then.
            subject.block_on(reactor.spawn_infallible(yield_now())).unwrap();
            assert_eq!(polls.count(), 0);
            return;
        }
    }
}

pub fn a_task_cancels_itself_while_it_is_polled(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let itself = Arc::new(Mutex::new(None::<Deferred<()>>));
    let (go, gate) = Deferred::<()>::pair();
    let (completer, went_on) = Deferred::<_>::pair();
    let drops = Counter::default();
    let (completer_of_drop, dropped) = Deferred::<_>::pair();
    let task = reactor.spawn_infallible({
        let itself = itself.clone();
        let counted = drops.on_drop();
        let on_drop = OnDrop::new(move || completer_of_drop.complete(()));
        let drops = drops.clone();
        async move {
            let _dropped = (counted, on_drop);
            gate.await.unwrap();
            itself.lock().unwrap().as_ref().unwrap().cancel();
            // Up to its next `await` it goes on.
            completer.complete(drops.count());
            pending::<()>().await;
        }
    });
    *itself.lock().unwrap() = Some(task);
    go.complete(());
    assert_eq!(subject.block_on(went_on).unwrap(), 0);
    subject.block_on(dropped).unwrap();
    assert_eq!(drops.count(), 1);
    let task = itself.lock().unwrap().take().unwrap();
    assert!(subject.block_on(task).unwrap_err().is_cancelled());
}

pub fn a_result_after_a_cancellation_is_dropped_once(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let itself = Arc::new(Mutex::new(None::<Deferred<_>>));
    let (go, gate) = Deferred::<()>::pair();
    let (completer, dropped) = Deferred::<_>::pair();
    let drops = Counter::default();
    let task = reactor.spawn({
        let itself = itself.clone();
        let result = (drops.on_drop(), OnDrop::new(move || completer.complete(())));
        async move {
            gate.await?;
            itself.lock().unwrap().as_ref().unwrap().cancel();
            Ok::<_, Aborted>(result)
        }
    });
    *itself.lock().unwrap() = Some(task);
    go.complete(());
    subject.block_on(dropped).unwrap();
    let task = itself.lock().unwrap().take().unwrap();
    assert!(subject.block_on(task).err().unwrap().is_cancelled());
    assert_eq!(drops.count(), 1);
}

pub fn a_task_is_cancelled_by_another_thread_while_it_is_polled(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let drops = Counter::default();
    let (completer, dropped) = Deferred::<_>::pair();
    let (polled, is_polled) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel();
    let task = reactor.spawn_infallible({
        let on_drop = (drops.on_drop(), OnDrop::new(move || completer.complete(())));
        async move {
            let _on_drop = on_drop;
            polled.send(()).unwrap();
            may_go_on.recv().unwrap();
            pending::<()>().await;
        }
    });
    let canceller = on_thread({
        let drops = drops.clone();
        move || {
            is_polled.recv().unwrap();
            task.cancel();
            // Failed at once, though the future is still in use.
            assert!(task.try_take().unwrap().unwrap_err().is_cancelled());
            assert_eq!(drops.count(), 0);
            go_on.send(()).unwrap();
        }
    });
    subject.block_on(canceller).unwrap();
    subject.block_on(dropped).unwrap();
    assert_eq!(drops.count(), 1);
}

pub fn a_cancelled_task_that_is_woken_is_not_polled(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for _ in 0..100 {
        let polls = Counter::default();
        let (completer, gate) = Deferred::<()>::pair();
        let (waits, future) = parked({
            let polls = polls.clone();
            async move {
                gate.await.unwrap();
                polls.add();
            }
        });
        let task = reactor.spawn_infallible(future);
        subject.block_on(waits).unwrap();
        task.cancel();
        completer.complete(());
        assert!(subject.block_on(task).unwrap_err().is_cancelled());
        subject.block_on(reactor.spawn_infallible(yield_now())).unwrap();
        assert_eq!(polls.count(), 0);
    }
}

pub fn a_task_that_has_ended_cannot_be_cancelled(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (completer, ended) = Deferred::<_>::pair();
    let task = reactor.spawn(async { Ok::<_, Aborted>(42) }).map_ok(move |n| {
        completer.complete(());
        n
    });
    subject.block_on(ended).unwrap();
    // The callback may be running still, on another thread; that cannot be cancelled either.
    task.cancel();
    assert_eq!(subject.block_on(task).unwrap(), 42);
}

pub fn ten_thousand_tasks_are_cancelled_while_they_run(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let drops = Counter::default();
    let outcomes = subject.block_on(async {
        let tasks = (0..10_000).map(|_| {
            let dropped = drops.on_drop();
            reactor.spawn_infallible(async move {
                let _dropped = dropped;
                loop {
                    yield_now().await;
                }
            })
        });
        let tasks = tasks.collect::<Vec<Deferred<()>>>();
        tasks.iter().for_each(Deferred::cancel);
        join_all(tasks).await
    });
    assert!(
        outcomes
            .iter()
            .all(|outcome| outcome.as_ref().unwrap_err().is_cancelled())
    );
    // Those that were being polled are dropped when that poll returns.
    while drops.count() < 10_000 {
        subject.block_on(reactor.spawn_infallible(yield_now())).unwrap();
    }
    assert_eq!(drops.count(), 10_000);
}
