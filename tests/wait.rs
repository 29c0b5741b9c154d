//! Waiting for a deferred on a thread, without a loop; on loops, see the topic `waiting` of the conformance list.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Barrier, mpsc},
    thread,
    time::Duration,
};

use interloop::{Aborted, Clock, Deferred, Reactor, block_on, clock, defer_to_thread};

const HOUR: Duration = Duration::from_secs(60 * 60);

#[test]
fn a_result_from_another_thread_ends_a_wait() {
    for _ in 0..1000 {
        let (completer, deferred) = Deferred::<u8, Aborted>::pair();
        let firing = thread::spawn(move || completer.complete(7));
        assert_eq!(deferred.wait().unwrap(), 7);
        firing.join().unwrap();
    }
}

#[test]
fn a_completer_that_is_dropped_ends_a_wait() {
    let (completer, deferred) = Deferred::<u8, Aborted>::pair();
    let dropping = thread::spawn(move || drop(completer));
    assert!(deferred.wait().unwrap_err().is_dropped());
    dropping.join().unwrap();
}

#[test]
fn a_wait_covers_what_the_callbacks_wait_for() {
    let (completer, deferred) = Deferred::<u8, Aborted>::pair();
    let (inner, later) = Deferred::<u8, Aborted>::pair();
    let chain = deferred.and_then(move |_| later).map_ok(|n| n + 1);
    let firing = thread::spawn(move || {
        completer.complete(1);
        inner.complete(6);
    });
    assert_eq!(chain.wait().unwrap(), 7);
    firing.join().unwrap();
}

#[test]
fn a_wait_goes_on_until_a_pause_ends() {
    let (completer, mut deferred) = Deferred::<u8, Aborted>::pair();
    let pause = deferred.pause();
    completer.complete(7);
    assert!(deferred.wait_timeout(Duration::from_millis(1)).is_none());
    let resuming = thread::spawn(move || pause.resume());
    assert_eq!(deferred.wait().unwrap(), 7);
    resuming.join().unwrap();
}

#[test]
fn what_else_unparks_the_thread_does_not_end_a_wait() {
    let (completer, deferred) = Deferred::<u8, Aborted>::pair();
    let waiting = thread::current();
    let unparking = thread::spawn(move || {
        for _ in 0..1000 {
            waiting.unpark();
        }
        completer.complete(7);
    });
    assert_eq!(deferred.wait().unwrap(), 7);
    unparking.join().unwrap();
}

#[test]
fn a_wait_without_time_gives_what_is_there() {
    let mut ready = Deferred::<u8, Aborted>::ready(7);
    assert_eq!(ready.wait_timeout(Duration::ZERO).unwrap().unwrap(), 7);
    let (completer, mut deferred) = Deferred::<u8, Aborted>::pair();
    for _ in 0..3 {
        assert!(deferred.wait_timeout(Duration::ZERO).is_none());
    }
    completer.complete(7);
    assert_eq!(deferred.wait_timeout(Duration::ZERO).unwrap().unwrap(), 7);
}

#[test]
fn what_was_waited_for_in_vain_is_chained_and_cancelled_as_before() {
    let (_completer, mut deferred) = Deferred::<u8, Aborted>::pair();
    assert!(deferred.wait_timeout(Duration::from_millis(1)).is_none());
    let chain = deferred.or_else(|aborted| Ok::<_, Aborted>(u8::from(aborted.is_cancelled())));
    chain.cancel();
    assert_eq!(chain.wait().unwrap(), 1);
}

#[test]
fn waiting_again_for_what_was_taken_panics_as_a_future_does() {
    let mut ready = Deferred::<u8, Aborted>::ready(7);
    let _ = ready.wait_timeout(HOUR);
    assert!(catch_unwind(AssertUnwindSafe(|| ready.wait())).is_err());
}

#[test]
fn a_callback_on_a_plain_thread_may_wait() {
    let (first, deferred) = Deferred::<u8, Aborted>::pair();
    let (second, other) = Deferred::<u8, Aborted>::pair();
    let chain = deferred.and_then(move |n| other.wait().map(|m| n + m));
    let firing = thread::spawn(move || first.complete(3));
    second.complete(4);
    assert_eq!(chain.wait().unwrap(), 7);
    firing.join().unwrap();
}

#[test]
fn threads_that_wait_for_one_another_all_end() {
    const THREADS: usize = 8;

    let barrier = Arc::new(Barrier::new(THREADS));
    let mut before = Deferred::<usize, Aborted>::ready(0);
    for _ in 0..THREADS {
        let (completer, after) = Deferred::pair();
        let barrier = barrier.clone();
        thread::spawn(move || {
            barrier.wait();
            completer.settle(before.wait().map(|n| n + 1));
        });
        before = after;
    }
    assert_eq!(before.wait().unwrap(), THREADS);
}

#[test]
fn a_thread_that_runs_a_clock_cannot_wait() {
    let clock = Clock::new();
    let (_completer, mut never) = Deferred::<(), Aborted>::pair();
    let refused = clock.run_until(async { never.wait_timeout(HOUR) });
    assert!(refused.unwrap().unwrap().unwrap_err().is_deadlock());
    // Nor can its jobs, which run on the same thread.
    let job = clock.reactor().spawn_blocking(move || never.wait());
    clock.run_until_stalled();
    assert!(job.try_take().unwrap().unwrap_err().is_deadlock());
    // It is over with the call.
    let (completer, deferred) = Deferred::<u8, Aborted>::pair();
    let firing = thread::spawn(move || completer.complete(7));
    assert_eq!(deferred.wait().unwrap(), 7);
    firing.join().unwrap();
}

#[test]
fn a_clock_in_a_loop_leaves_the_thread_as_it_was() {
    let refused = block_on::on_this_thread(|| {
        Clock::new().run_until_stalled();
        let (_completer, never) = Deferred::<(), Aborted>::pair();
        Ok(never.wait())
    });
    assert!(refused.unwrap().unwrap_err().is_deadlock());
}

#[test]
fn a_clock_runs_a_function_and_says_when_it_cannot_go_on() {
    let slept = clock::block_on(async |reactor| {
        let start = reactor.now();
        reactor.sleep(HOUR).await.unwrap();
        assert!(Reactor::current().is_ok());
        reactor.now() - start
    });
    assert_eq!(slept.unwrap(), HOUR);
    let error = clock::block_on(async |_| std::future::pending::<()>().await).unwrap_err();
    assert!(error.is_stalled() && !error.is_nested() && !error.is_not_started());
    let cause = std::error::Error::source(&error).unwrap();
    assert!(cause.to_string().contains("never comes on this clock"));
}

#[test]
fn work_is_deferred_to_a_thread_of_the_loop_that_was_entered() {
    let (here, there) = mpsc::channel();
    let reactor = interloop_smol::global();
    let _entered = reactor.enter();
    let job = defer_to_thread(move || {
        here.send(thread::current().id()).unwrap();
        Ok::<_, Aborted>(Reactor::current().is_ok())
    });
    assert!(job.wait().unwrap());
    assert_ne!(there.recv().unwrap(), thread::current().id());
}
