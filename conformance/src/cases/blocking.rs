//! Blocking jobs run, off the loop, whether or not anybody waits for them.

use std::{
    sync::{Arc, Barrier, mpsc},
    thread,
};

use futures_util::future::try_join_all;
use interloop::{Aborted, Deferred};

use crate::{
    AnySubject, Subject,
    tools::{Counter, OnDrop, on_thread, wait, yield_now},
};

pub fn a_job_gives_its_result(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let job = reactor.spawn_blocking(|| Ok::<_, Aborted>(42));
    assert_eq!(subject.block_on(job).unwrap(), 42);
    let job = reactor.spawn_blocking(|| Err::<(), _>("no such file".to_owned()));
    assert_eq!(subject.block_on(job).unwrap_err(), "no such file");
}

pub fn a_panic_fails_the_job_and_others_run(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for _ in 0..10 {
        let job = reactor.spawn_blocking::<(), Aborted>(|| panic!("out of paper"));
        let aborted = subject.block_on(job).unwrap_err();
        assert_eq!(aborted.panic_message(), Some("out of paper"));
    }
    let job = reactor.spawn_blocking(|| Ok::<_, Aborted>(42));
    assert_eq!(subject.block_on(job).unwrap(), 42);
}

pub fn a_job_runs_though_its_deferred_was_dropped(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (completer, ran) = Deferred::<_>::pair();
    drop(reactor.spawn_blocking(move || {
        completer.complete(42);
        Ok::<_, Aborted>(())
    }));
    assert_eq!(subject.block_on(ran).unwrap(), 42);
}

pub fn a_job_runs_though_nobody_drives_the_loop(subject: AnySubject) {
    let reactor = subject.reactor();
    let (ran, has_run) = mpsc::channel();
    let job = reactor.spawn_blocking(move || {
        ran.send(42).unwrap();
        Ok::<_, Aborted>(())
    });
    assert_eq!(has_run.recv().unwrap(), 42);
    wait(job).unwrap();
}

pub fn a_job_that_waits_for_the_loop_does_not_hold_it_up(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let on_loop = reactor.clone();
    let job = reactor.spawn_blocking(move || {
        let task = on_loop.spawn(async {
            yield_now().await;
            Ok::<_, Aborted>((42, thread::current().id()))
        });
        let (result, loops_thread) = wait(task)?;
        assert_ne!(loops_thread, thread::current().id());
        Ok::<_, Aborted>(result)
    });
    assert_eq!(subject.block_on(job).unwrap(), 42);
}

pub fn many_jobs_run_at_once(mut subject: AnySubject) {
    const AT_ONCE: usize = 16;

    let reactor = subject.reactor();
    // Nobody passes it until all have come.
    let barrier = Arc::new(Barrier::new(AT_ONCE));
    let jobs = (0..AT_ONCE).map(|job| {
        let barrier = barrier.clone();
        reactor.spawn_blocking(move || {
            barrier.wait();
            Ok::<_, Aborted>(job)
        })
    });
    let jobs = jobs.collect::<Vec<_>>();
    let results = subject.block_on(try_join_all(jobs)).unwrap();
    assert_eq!(results, (0..AT_ONCE).collect::<Vec<_>>());
}

pub fn a_thousand_short_jobs_run(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let results = subject.block_on(async {
        let jobs = (0..1000).map(|job| reactor.spawn_blocking(move || Ok::<_, Aborted>(job)));
        try_join_all(jobs.collect::<Vec<_>>()).await
    });
    assert_eq!(results.unwrap(), (0..1000).collect::<Vec<_>>());
}

pub fn a_job_and_a_plain_thread_start_others(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let starting = on_thread(move || {
        let inner = reactor.clone();
        let job = reactor.spawn_blocking(move || {
            let inner = inner.spawn_blocking(|| Ok::<_, Aborted>(21));
            Ok::<_, Aborted>(wait(inner)? * 2)
        });
        wait(job)
    });
    assert_eq!(subject.block_on(starting).unwrap().unwrap(), 42);
}

pub fn a_job_cancelled_while_it_runs_ends_and_its_result_is_dropped(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let drops = Counter::default();
    let (completer, dropped) = Deferred::<_>::pair();
    let (starts, has_started) = Deferred::<()>::pair();
    let (go_on, may_go_on) = mpsc::channel();
    let job = reactor.spawn_blocking({
        let result = (drops.on_drop(), OnDrop::new(move || completer.complete(())));
        move || {
            starts.complete(());
            may_go_on.recv().unwrap();
            Ok::<_, Aborted>(result)
        }
    });
    subject.block_on(has_started).unwrap();
    job.cancel();
    assert!(subject.block_on(job).err().unwrap().is_cancelled());
    assert_eq!(drops.count(), 0);
    go_on.send(()).unwrap();
    subject.block_on(dropped).unwrap();
    assert_eq!(drops.count(), 1);
}

pub fn a_job_cancelled_at_once_runs_not_at_all_or_to_its_end(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for _ in 0..100 {
        let (starts, ends, drops) = (Counter::default(), Counter::default(), Counter::default());
        let (completer, dropped) = Deferred::<_>::pair();
        let job = reactor.spawn_blocking({
            let (starts, ends) = (starts.clone(), ends.clone());
            let captured = (drops.on_drop(), OnDrop::new(move || completer.complete(())));
            move || {
                let _captured = captured;
                starts.add();
                thread::yield_now();
                ends.add();
                Ok::<_, Aborted>(())
            }
        });
        job.cancel();
        // It may have ended before that.
        if let Err(aborted) = subject.block_on(job) {
            assert!(aborted.is_cancelled());
        }
        subject.block_on(dropped).unwrap();
        assert_eq!(starts.count(), ends.count());
        assert_eq!(drops.count(), 1);
    }
}
