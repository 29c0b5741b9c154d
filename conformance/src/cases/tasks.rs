//! What is spawned runs, once, and its deferred has what it came to.

use std::{
    io,
    sync::{Arc, Mutex, mpsc},
    task::{Poll, Waker},
};

use futures_util::future::{join_all, poll_fn, try_join_all};
use interloop::{Aborted, Deferred};

use crate::{
    AnySubject, Subject,
    tools::{Counter, OnDrop, on_thread, parked, wait, yield_now},
};

pub fn a_task_gives_its_result(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let result = subject.block_on(reactor.spawn(async { Ok::<_, Aborted>(42) }));
    assert_eq!(result.unwrap(), 42);
}

pub fn a_task_gives_its_error(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let result = subject.block_on(reactor.spawn(async { Err::<(), _>(io::Error::from(io::ErrorKind::NotFound)) }));
    assert_eq!(result.unwrap_err().kind(), io::ErrorKind::NotFound);
}

pub fn a_task_without_a_result_type_gives_its_output(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let result = subject.block_on(reactor.spawn_infallible(async { "output" }));
    assert_eq!(result.unwrap(), "output");
}

pub fn a_task_runs_though_its_deferred_was_dropped(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (completer, ran) = Deferred::<_>::pair();
    drop(reactor.spawn_infallible(async move {
        yield_now().await;
        completer.complete(42);
    }));
    assert_eq!(subject.block_on(ran).unwrap(), 42);
}

pub fn a_task_is_not_polled_inside_of_spawn(mut subject: AnySubject) {
    let reactor = subject.reactor();
    // A loop that polled it there would be held up by the lock.
    let lock = Arc::new(Mutex::new(()));
    let held = lock.lock().unwrap();
    let task = reactor.spawn_infallible({
        let lock = lock.clone();
        async move { drop(lock.lock()) }
    });
    drop(held);
    subject.block_on(task).unwrap();
}

pub fn a_panic_fails_the_task_and_the_loop_goes_on(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let counter = Counter::default();
    for round in 0..10 {
        let dropped = counter.on_drop();
        let panicking = reactor.spawn::<(), Aborted>(async move {
            let _dropped = dropped;
            yield_now().await;
            panic!("out of paper in round {round}")
        });
        let aborted = subject.block_on(panicking).unwrap_err();
        assert!(aborted.is_panicked(), "{aborted:?}");
        assert_eq!(
            aborted.panic_message(),
            Some(&*format!("out of paper in round {round}"))
        );
        assert_eq!(counter.count(), round + 1);
    }
    let next = reactor.spawn(async { Ok::<_, Aborted>(42) });
    assert_eq!(subject.block_on(next).unwrap(), 42);
}

pub fn a_panic_in_a_destructor_does_not_reach_the_loop(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let task = reactor.spawn_infallible(async {
        let _dropped_last = OnDrop::new(|| panic!("a destructor panics"));
        yield_now().await;
    });
    // Inside of the future's poll, so it is the task's.
    assert!(subject.block_on(task).unwrap_err().is_panicked());

    let waiting = {
        let dropped_with_the_future = OnDrop::new(|| panic!("a captured value's destructor panics"));
        let (waits, future) = parked(async move {
            let _captured = &dropped_with_the_future;
            std::future::pending::<()>().await;
        });
        let task = reactor.spawn_infallible(future);
        subject.block_on(waits).unwrap();
        task
    };
    waiting.cancel();
    assert!(subject.block_on(waiting).unwrap_err().is_cancelled());

    let next = reactor.spawn(async { Ok::<_, Aborted>(42) });
    assert_eq!(subject.block_on(next).unwrap(), 42);
}

pub fn a_task_that_has_ended_has_released_what_it_held(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for round in 1..=100 {
        let counter = Counter::default();
        let (captured, local) = (counter.on_drop(), counter.on_drop());
        let task = reactor.spawn(async move {
            let _local = local;
            yield_now().await;
            let _captured = &captured;
            Ok::<_, Aborted>(round)
        });
        assert_eq!(subject.block_on(task).unwrap(), round);
        assert_eq!(counter.count(), 2);
    }
}

pub fn a_task_spawns_another(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let outer = reactor.clone().spawn(async move {
        let inner = reactor.spawn(async { Ok::<_, Aborted>(21) });
        Ok::<_, Aborted>(inner.await? * 2)
    });
    assert_eq!(subject.block_on(outer).unwrap(), 42);
}

pub fn a_chain_of_tasks_spawns_one_by_one(mut subject: AnySubject) {
    fn next(reactor: interloop::Reactor, left: u32) -> Deferred<u32> {
        reactor.clone().spawn(async move {
            match left {
                0 => Ok(0),
                _ => Ok(next(reactor, left - 1).await? + 1),
            }
        })
    }

    let first = next(subject.reactor(), 1000);
    assert_eq!(subject.block_on(first).unwrap(), 1000);
}

pub fn a_plain_thread_spawns(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let on_other_thread = on_thread(move || wait(reactor.spawn(async { Ok::<_, Aborted>(42) })));
    assert_eq!(subject.block_on(on_other_thread).unwrap().unwrap(), 42);
}

pub fn many_plain_threads_spawn_at_once(mut subject: AnySubject) {
    let threads = (0..8).map(|thread| {
        let reactor = subject.reactor();
        on_thread(move || {
            let tasks = (0..100).map(|task| reactor.spawn(async move { Ok::<_, Aborted>(thread * 100 + task) }));
            wait(try_join_all(tasks.collect::<Vec<_>>())).unwrap()
        })
    });
    let threads = threads.collect::<Vec<_>>();
    let results = subject.block_on(try_join_all(threads)).unwrap();
    assert_eq!(results.concat(), (0..800).collect::<Vec<_>>());
}

pub fn ten_thousand_tasks_are_joined(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let results = subject.block_on(async {
        let tasks = (0..10_000).map(|task| {
            reactor.spawn(async move {
                yield_now().await;
                Ok::<_, Aborted>(task)
            })
        });
        // All of them are there before the first is waited for.
        let tasks = tasks.collect::<Vec<_>>();
        join_all(tasks).await
    });
    for (task, result) in results.into_iter().enumerate() {
        assert_eq!(result.unwrap(), task);
    }
}

pub fn callbacks_run_when_the_task_ends(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (go, gate) = Deferred::<u32>::pair();
    let (completer, seen) = Deferred::<_>::pair();
    // Nobody polls this chain.
    reactor
        .spawn(gate)
        .map_ok(|n| n * 2)
        .inspect_ok(move |n| completer.complete(*n))
        .detach();
    go.complete(21);
    assert_eq!(subject.block_on(seen).unwrap(), 42);
}

pub fn a_callback_spawns_and_the_chain_waits_for_it(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let chain = reactor.spawn(async { Ok::<_, Aborted>(21) }).and_then({
        let reactor = reactor.clone();
        move |n| {
            reactor.spawn(async move {
                yield_now().await;
                Ok(n * 2)
            })
        }
    });
    assert_eq!(subject.block_on(chain).unwrap(), 42);
}

pub fn a_plain_thread_wakes_a_task(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for round in 0..1000 {
        let (completer, gate) = Deferred::<_>::pair();
        let task = reactor.spawn(gate);
        let waker = on_thread(move || completer.complete(round));
        assert_eq!(subject.block_on(task).unwrap(), round);
        subject.block_on(waker).unwrap();
    }
}

pub fn a_task_is_polled_again_if_it_was_woken_while_it_was_polled(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (wakers, to_wake) = mpsc::channel::<(Waker, mpsc::Sender<()>)>();
    let waking = on_thread(move || {
        for (waker, woken) in to_wake {
            waker.wake();
            woken.send(()).unwrap();
        }
    });
    let mut left = 1000;
    let task = reactor.spawn_infallible(poll_fn(move |cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        let (woken, is_woken) = mpsc::channel();
        wakers.send((cx.waker().clone(), woken)).unwrap();
        // The other thread has woken this task before this poll returns.
        is_woken.recv().unwrap();
        Poll::Pending
    }));
    subject.block_on(task).unwrap();
    subject.block_on(waking).unwrap();
}

pub fn a_task_that_only_yields_does_not_keep_others_from_running(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (completer, mut stopped) = Deferred::<_>::pair();
    let yielding = reactor.spawn(async move {
        while let Err(again) = stopped.try_take() {
            stopped = again;
            yield_now().await;
        }
        Ok::<_, Aborted>(())
    });
    let others = (0..100).map(|n| {
        reactor.spawn(async move {
            yield_now().await;
            Ok::<_, Aborted>(n)
        })
    });
    let others = others.collect::<Vec<_>>();
    subject.block_on(try_join_all(others)).unwrap();
    completer.complete(());
    subject.block_on(yielding).unwrap();
}
