//! The current reactor: that of the task or job that runs, whatever the thread has besides.

use std::{future::pending, io, thread};

use interloop::{Aborted, Deferred, Reactor};

use crate::{
    AnySubject, Subject,
    tools::{OnDrop, is_current, is_same, nowhere, on_thread, parked, yield_now},
};

pub fn a_task_finds_its_reactor(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let same = reactor.clone();
    let task = reactor.spawn_infallible(async move {
        assert!(is_current(&same));
        // Another thread may go on with it.
        yield_now().await;
        is_current(&same)
    });
    assert!(subject.block_on(task).unwrap());
}

pub fn a_task_spawned_by_a_task_finds_the_same_reactor(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let same = reactor.clone();
    let task = reactor.spawn(async move {
        let inner = Reactor::current()
            .unwrap()
            .spawn_infallible(async move { is_current(&same) });
        inner.await
    });
    assert!(subject.block_on(task).unwrap());
}

pub fn a_blocking_job_finds_its_reactor(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let same = reactor.clone();
    let job = reactor.spawn_blocking(move || Ok::<_, Aborted>(is_current(&same)));
    assert!(subject.block_on(job).unwrap());
}

pub fn a_callback_finds_the_reactor_of_the_task_that_fired(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let same = reactor.clone();
    let (go, wait) = Deferred::<()>::pair();
    // Attached before the task can end, so that it is the task that runs it.
    let found = reactor.spawn(wait).map_ok(move |()| is_current(&same));
    go.complete(());
    assert!(subject.block_on(found).unwrap());
}

pub fn a_future_that_ends_finds_its_reactor_while_it_is_dropped(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let same = reactor.clone();
    let (completer, found) = Deferred::<_>::pair();
    let on_drop = OnDrop::new(move || completer.complete(is_current(&same)));
    drop(reactor.spawn_infallible(async move {
        yield_now().await;
        // Captured, and so dropped with the future rather than in its poll.
        let _captured = &on_drop;
    }));
    assert!(subject.block_on(found).unwrap());
}

pub fn a_future_that_is_cancelled_finds_its_reactor_while_it_is_dropped(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let same = reactor.clone();
    let (completer, found) = Deferred::<_>::pair();
    let on_drop = OnDrop::new(move || completer.complete(is_current(&same)));
    let (waits, future) = parked(async move {
        let _on_drop = on_drop;
        pending::<()>().await;
    });
    let task = reactor.spawn_infallible(future);
    subject.block_on(waits).unwrap();

    let other = nowhere();
    let entered = other.enter();
    task.cancel();
    assert!(is_current(&other), "what was current before must be so again");
    drop(entered);
    assert!(subject.block_on(found).unwrap());
    assert!(subject.block_on(task).unwrap_err().is_cancelled());
}

pub fn a_future_that_panics_finds_its_reactor_while_it_is_dropped(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let same = reactor.clone();
    let (completer, found) = Deferred::<_>::pair();
    let on_drop = OnDrop::new(move || completer.complete(is_current(&same)));
    let task = reactor.spawn::<(), Aborted>(async move {
        // Captured, and so dropped with the future rather than in its poll.
        let _captured = &on_drop;
        yield_now().await;
        panic!("for its destructors")
    });
    assert!(subject.block_on(task).unwrap_err().is_panicked());
    assert!(subject.block_on(found).unwrap());
}

pub fn a_task_leaves_no_reactor_behind(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for panics in [false, true] {
        let task = reactor.spawn_infallible(async move {
            yield_now().await;
            assert!(!panics, "as it should");
        });
        // On loops that this thread drives, the task was polled on it.
        assert_eq!(subject.block_on(task).is_err(), panics);
        assert!(Reactor::current().is_err());
    }
}

pub fn a_guard_in_a_task_ends_with_it(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let same = reactor.clone();
    let task = reactor.spawn_infallible(async move {
        let other = nowhere();
        {
            let _entered = other.enter();
            assert!(is_current(&other));
        }
        is_current(&same)
    });
    assert!(subject.block_on(task).unwrap());
}

pub fn a_plain_thread_has_no_reactor(subject: AnySubject) {
    let _reactor = subject.reactor();
    let error = thread::spawn(|| Reactor::current().unwrap_err()).join().unwrap();
    let message = error.to_string();
    assert!(message.contains("Reactor::enter"), "it must say what to do: {message}");
    assert_eq!(io::Error::from(error).to_string(), message);
}

pub fn guards_nest_and_restore(subject: AnySubject) {
    let (reactor, other) = (subject.reactor(), nowhere());
    assert!(Reactor::current().is_err());
    {
        let _outer = reactor.enter();
        assert!(is_current(&reactor));
        {
            let _inner = other.enter();
            assert!(is_current(&other));
        }
        assert!(is_current(&reactor));
    }
    assert!(Reactor::current().is_err());
}

pub fn a_guard_ends_when_its_scope_panics(subject: AnySubject) {
    let (reactor, other) = (subject.reactor(), nowhere());
    let _outer = reactor.enter();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _inner = other.enter();
        panic!("out of the scope");
    }));
    assert!(panicked.is_err());
    assert!(is_current(&reactor));
}

pub fn what_a_guard_makes_current_spawns(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let on_other_thread = on_thread(move || {
        let _entered = reactor.enter();
        let current = Reactor::current().unwrap();
        assert!(is_same(&current, &reactor));
        current.spawn(async { Ok::<_, Aborted>(42) })
    });
    let task = subject.block_on(on_other_thread).unwrap();
    assert_eq!(subject.block_on(task).unwrap(), 42);
}
