//! Callbacks: one at a time, in order, never early, and dropped when the loop shuts down.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use interloop::{Aborted, Completer, Deferred, DelayedCall, Reactor};

use crate::{
    AnySubject, Subject,
    tools::{Counter, HOUR, MILLISECOND, is_current, on_thread, yield_now},
};

/// What callbacks write down.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<usize>>>);

impl Log {
    fn push(&self, entry: usize) {
        self.0.lock().unwrap().push(entry);
    }

    fn entries(&self) -> Vec<usize> {
        self.0.lock().unwrap().clone()
    }

    /// A callback that writes down an entry.
    fn entry(&self, entry: usize) -> impl FnOnce() + Send + 'static {
        let log = self.clone();
        move || log.push(entry)
    }
}

/// Completes when everything that was posted until now has been called.
#[track_caller]
fn called(reactor: &Reactor) -> Deferred<()> {
    let (completer, deferred) = Deferred::pair();
    reactor.call_soon(move || completer.complete(()));
    deferred
}

/// Completes a while from now, after all delayed calls of at most that.
#[track_caller]
fn called_after(reactor: &Reactor, delay: Duration) -> Deferred<()> {
    let (completer, deferred) = Deferred::pair();
    reactor.call_later(delay, move || completer.complete(()));
    deferred
}

pub fn a_call_is_made_and_not_inside_of_call_soon(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let log = Log::default();
    let posted = subject.block_on({
        let (reactor, log) = (reactor.clone(), log.clone());
        async move {
            // In a task, a loop of one thread cannot have made the call until the task waits.
            reactor
                .clone()
                .spawn_infallible(async move {
                    let lock = log.0.lock().unwrap();
                    reactor.call_soon({
                        let log = log.clone();
                        move || log.push(1)
                    });
                    // Called inside of `call_soon`, it would have waited for itself.
                    drop(lock);
                    called(&reactor).await
                })
                .await
        }
    });
    posted.unwrap().unwrap();
    assert_eq!(log.entries(), [1]);
}

pub fn calls_are_made_in_the_order_in_which_they_were_posted(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let log = Log::default();
    for entry in 0..10_000 {
        reactor.call_soon(log.entry(entry));
    }
    subject.block_on(called(&reactor)).unwrap();
    assert!(log.entries().into_iter().eq(0..10_000));
}

pub fn calls_never_overlap(mut subject: AnySubject) {
    const THREADS: usize = 4;
    const CALLS: usize = 2_000;

    let reactor = subject.reactor();
    let (busy, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let threads = (0..THREADS).map(|_| {
        let (reactor, busy, count) = (reactor.clone(), busy.clone(), count.clone());
        on_thread(move || {
            for turn in 0..CALLS {
                let (busy, count) = (busy.clone(), count.clone());
                let call = move || {
                    assert!(!busy.swap(true, Ordering::SeqCst), "two calls at a time");
                    count.fetch_add(1, Ordering::SeqCst);
                    busy.store(false, Ordering::SeqCst);
                };
                if turn % 3 == 0 {
                    reactor.call_later(Duration::ZERO, call);
                } else {
                    reactor.call_soon(call);
                }
            }
        })
    });
    let threads = threads.collect::<Vec<_>>();
    subject.block_on(async {
        for thread in threads {
            thread.await.unwrap();
        }
        while count.load(Ordering::SeqCst) < THREADS * CALLS {
            called_after(&reactor, MILLISECOND).await.unwrap();
        }
    });
}

pub fn each_threads_calls_keep_their_order(mut subject: AnySubject) {
    const CALLS: usize = 5_000;

    let reactor = subject.reactor();
    let logs = [Log::default(), Log::default(), Log::default()];
    let threads = logs.clone().map(|log| {
        let reactor = reactor.clone();
        on_thread(move || (0..CALLS).for_each(|entry| reactor.call_soon(log.entry(entry))))
    });
    subject.block_on(async {
        for thread in threads {
            thread.await.unwrap();
        }
        called(&reactor).await.unwrap();
    });
    for log in logs {
        assert!(log.entries().into_iter().eq(0..CALLS));
    }
}

pub fn what_a_call_posts_is_made_in_the_next_round(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let log = Log::default();
    let (completer, done) = Deferred::<()>::pair();
    reactor.call_soon({
        let (reactor, log) = (reactor.clone(), log.clone());
        move || {
            // These three are a round, as nothing is made before this returns.
            reactor.call_soon({
                let (reactor, log) = (reactor.clone(), log.clone());
                move || {
                    log.push(1);
                    reactor.call_soon(move || {
                        log.push(4);
                        completer.complete(());
                    });
                }
            });
            reactor.call_soon(log.entry(2));
            reactor.call_soon(log.entry(3));
        }
    });
    subject.block_on(done).unwrap();
    assert_eq!(log.entries(), [1, 2, 3, 4]);
}

pub fn a_chain_of_calls_goes_on_for_long(mut subject: AnySubject) {
    fn step(reactor: Reactor, left: usize, completer: Completer<()>) {
        match left {
            0 => completer.complete(()),
            _ => reactor.clone().call_soon(move || step(reactor, left - 1, completer)),
        }
    }
    let (completer, done) = Deferred::pair();
    step(subject.reactor(), 100_000, completer);
    subject.block_on(done).unwrap();
}

pub fn calls_that_never_end_let_other_tasks_run(mut subject: AnySubject) {
    fn until(ran: Arc<AtomicBool>, reactor: Reactor, completer: Completer<()>) {
        if ran.load(Ordering::SeqCst) {
            return completer.complete(());
        }
        reactor.clone().call_soon(move || until(ran, reactor, completer));
    }
    let reactor = subject.reactor();
    let ran = Arc::new(AtomicBool::new(false));
    let (completer, done) = Deferred::pair();
    for _ in 0..10_000 {
        reactor.call_soon(|| ());
    }
    until(ran.clone(), reactor.clone(), completer);
    let task = reactor.spawn_infallible(async move {
        yield_now().await;
        ran.store(true, Ordering::SeqCst);
    });
    subject.block_on(done).unwrap();
    subject.block_on(task).unwrap();
}

pub fn a_panic_does_not_keep_the_next_call_from_being_made(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let log = Log::default();
    reactor.call_soon(|| panic!("a callback's panic, which is part of the test"));
    reactor.call_soon(log.entry(1));
    reactor.call_later(Duration::ZERO, || {
        panic!("a delayed callback's panic, which is part of the test")
    });
    reactor.call_later(Duration::ZERO, log.entry(2));
    subject.block_on(called_after(&reactor, MILLISECOND)).unwrap();
    assert_eq!(log.entries(), [1, 2]);
}

pub fn a_call_finds_its_reactor(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (soon, is_soon) = Deferred::<bool>::pair();
    let (later, is_later) = Deferred::<bool>::pair();
    let expected = reactor.clone();
    reactor.call_soon(move || soon.complete(is_current(&expected)));
    let expected = reactor.clone();
    reactor.call_later(MILLISECOND, move || later.complete(is_current(&expected)));
    assert!(subject.block_on(is_soon).unwrap());
    assert!(subject.block_on(is_later).unwrap());
}

pub fn calls_are_made_though_all_handles_are_gone(mut subject: AnySubject) {
    let (completer, done) = Deferred::<()>::pair();
    let (later, done_later) = Deferred::<()>::pair();
    {
        let reactor = subject.reactor();
        reactor.call_soon(move || completer.complete(()));
        reactor.call_later(MILLISECOND, move || later.complete(()));
    }
    subject.block_on(done).unwrap();
    subject.block_on(done_later).unwrap();
}

pub fn a_blocking_job_and_a_callback_of_a_deferred_post(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let log = Log::default();
    let job = reactor.spawn_blocking({
        let (reactor, log) = (reactor.clone(), log.clone());
        move || {
            reactor.call_soon(log.entry(1));
            Ok::<_, Aborted>((reactor, log))
        }
    });
    let posted = job.map_ok(|(reactor, log)| reactor.call_soon(log.entry(2)));
    subject.block_on(posted).unwrap();
    subject.block_on(called(&reactor)).unwrap();
    assert_eq!(log.entries(), [1, 2]);
}

pub fn a_delayed_call_is_never_early(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let early = Counter::default();
    let mut all = Vec::new();
    for micros in [0, 1, 300, 999, 1_000, 1_001, 2_500, 9_999, 10_000, 70_001] {
        let (completer, done) = Deferred::<()>::pair();
        let (asker, early) = (reactor.clone(), early.clone());
        let begun = Instant::now();
        let delay = Duration::from_micros(micros);
        let deadline = reactor.now() + delay;
        reactor.call_at(deadline, move || {
            if asker.now() < deadline || begun.elapsed() < delay {
                drop(early.on_drop());
            }
            completer.complete(());
        });
        all.push(done);
    }
    for done in subject.block_on(join_all(all)) {
        done.unwrap();
    }
    assert_eq!(early.count(), 0);
}

pub fn delayed_calls_are_made_in_the_order_of_their_deadlines(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let log = Log::default();
    let begun = reactor.now();
    // In an order that is neither.
    for turn in 0..1_000 {
        let micros = turn * 617 % 1_000;
        reactor.call_at(begun + Duration::from_micros(20 * micros as u64), log.entry(micros));
    }
    let (completer, done) = Deferred::<()>::pair();
    reactor.call_at(begun + 25 * MILLISECOND, move || completer.complete(()));
    subject.block_on(done).unwrap();
    let entries = log.entries();
    assert_eq!(entries.len(), 1_000);
    // What was due already when it was made could not wait for the others.
    let first = entries.iter().position(|&entry| entry == 999).unwrap();
    assert_eq!(first, 999, "the last deadline is the last call");
}

pub fn delayed_calls_of_one_deadline_are_made_in_the_order_of_their_making(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let log = Log::default();
    let deadline = reactor.now() + 50 * MILLISECOND;
    for entry in 0..1_000 {
        reactor.call_at(deadline, log.entry(entry));
    }
    let (completer, done) = Deferred::<()>::pair();
    reactor.call_at(deadline, move || completer.complete(()));
    subject.block_on(done).unwrap();
    assert!(log.entries().into_iter().eq(0..1_000));
}

pub fn an_earlier_call_does_not_wait_for_a_later_one(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let never = reactor.call_later(HOUR, || ());
    subject.block_on(called_after(&reactor, 20 * MILLISECOND)).unwrap();
    // The loop waits for the hour now, and is told of something earlier from outside.
    let other = reactor.clone();
    let thread = thread::spawn(move || called_after(&other, MILLISECOND));
    subject.block_on(thread.join().unwrap()).unwrap();
    never.cancel().unwrap();
}

pub fn a_cancelled_call_is_not_made_and_is_dropped_at_once(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let drops = Counter::default();
    let log = Log::default();
    let call = reactor.call_later(5 * MILLISECOND, {
        let (log, dropped) = (log.clone(), drops.on_drop());
        move || {
            log.push(1);
            drop(dropped);
        }
    });
    assert!(call.active());
    call.cancel().unwrap();
    assert_eq!(drops.count(), 1);
    assert!(!call.active());
    assert!(call.deadline().is_none());
    subject.block_on(called_after(&reactor, 10 * MILLISECOND)).unwrap();
    assert_eq!(log.entries(), []);
    assert!(call.cancel().unwrap_err().is_cancelled());
    assert!(call.reset(MILLISECOND).unwrap_err().is_cancelled());
    assert!(call.delay(MILLISECOND).unwrap_err().is_cancelled());
}

pub fn a_call_that_was_made_cannot_be_changed(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (completer, done) = Deferred::<()>::pair();
    let call = reactor.call_later(Duration::ZERO, move || completer.complete(()));
    subject.block_on(done).unwrap();
    assert!(!call.active());
    assert!(call.cancel().unwrap_err().is_called());
    assert!(call.reset(MILLISECOND).unwrap_err().is_called());
    assert!(call.delay(MILLISECOND).unwrap_err().is_called());
    // Its place may be another call's by now, which this handle must not touch.
    let other = reactor.call_later(HOUR, || ());
    assert!(call.cancel().unwrap_err().is_called());
    assert!(other.active());
    other.cancel().unwrap();
}

pub fn a_call_is_cancelled_by_another_of_the_same_time(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let log = Log::default();
    let victim = Arc::new(Mutex::new(None::<DelayedCall>));
    let deadline = reactor.now() + 20 * MILLISECOND;
    reactor.call_at(deadline, {
        let victim = victim.clone();
        move || victim.lock().unwrap().as_ref().unwrap().cancel().unwrap()
    });
    *victim.lock().unwrap() = Some(reactor.call_at(deadline, log.entry(1)));
    reactor.call_at(deadline, log.entry(2));
    subject.block_on(called_after(&reactor, 30 * MILLISECOND)).unwrap();
    assert_eq!(log.entries(), [2]);
}

pub fn a_call_is_put_off_by_another_of_the_same_time(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let log = Log::default();
    let moved = Arc::new(Mutex::new(None::<DelayedCall>));
    let deadline = reactor.now() + 20 * MILLISECOND;
    reactor.call_at(deadline, {
        let moved = moved.clone();
        move || moved.lock().unwrap().as_ref().unwrap().delay(20 * MILLISECOND).unwrap()
    });
    let (completer, done) = Deferred::<()>::pair();
    *moved.lock().unwrap() = Some(reactor.call_at(deadline, {
        let log = log.clone();
        move || {
            log.push(2);
            completer.complete(());
        }
    }));
    reactor.call_at(deadline, log.entry(1));
    subject.block_on(done).unwrap();
    assert_eq!(log.entries(), [1, 2]);
    assert!(reactor.now() >= deadline + 20 * MILLISECOND);
}

pub fn a_call_is_reset_to_earlier_and_to_later(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let log = Log::default();
    let sooner = reactor.call_later(HOUR, log.entry(1));
    subject.block_on(called(&reactor)).unwrap();
    let begun = reactor.now();
    sooner.reset(10 * MILLISECOND).unwrap();
    assert!(sooner.deadline().unwrap() >= begun + 10 * MILLISECOND);
    let later = reactor.call_later(10 * MILLISECOND, log.entry(2));
    later.delay(30 * MILLISECOND).unwrap();
    later.reset(60 * MILLISECOND).unwrap();
    subject.block_on(called_after(&reactor, 70 * MILLISECOND)).unwrap();
    assert_eq!(log.entries(), [1, 2]);
    assert!(!sooner.active());
    assert!(!later.active());
}

pub fn a_call_that_is_put_off_again_and_again_is_made_once_at_last(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let log = Log::default();
    let begun = reactor.now();
    let call = reactor.call_later(2 * MILLISECOND, log.entry(1));
    let mut resets = 0;
    subject.block_on(async {
        while resets < 10 && call.reset(20 * MILLISECOND).is_ok() {
            resets += 1;
            called_after(&reactor, MILLISECOND).await.unwrap();
        }
        called_after(&reactor, 30 * MILLISECOND).await.unwrap();
    });
    assert_eq!(log.entries(), [1]);
    assert!(resets > 0);
    assert!(reactor.now() - begun >= 20 * MILLISECOND);
}

pub fn a_delayed_call_makes_another(mut subject: AnySubject) {
    fn step(reactor: Reactor, left: usize, completer: Completer<()>) {
        match left {
            0 => completer.complete(()),
            _ => {
                let delay = Duration::from_micros(left as u64 * 100);
                reactor
                    .clone()
                    .call_later(delay, move || step(reactor, left - 1, completer));
            }
        }
    }
    let (completer, done) = Deferred::pair();
    step(subject.reactor(), 20, completer);
    subject.block_on(done).unwrap();
}

pub fn ten_thousand_delayed_calls_are_made(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let count = Arc::new(AtomicUsize::new(0));
    let handles = (0..10_000_u64).map(|turn| {
        let count = count.clone();
        reactor.call_later(Duration::from_micros(turn * 7_919 % 30_000), move || {
            count.fetch_add(1, Ordering::SeqCst);
        })
    });
    let handles = handles.collect::<Vec<_>>();
    // Every tenth is cancelled, unless it was made already.
    let cancelled = handles.iter().step_by(10).filter(|call| call.cancel().is_ok()).count();
    subject.block_on(called_after(&reactor, 60 * MILLISECOND)).unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 10_000 - cancelled);
    assert_eq!(reactor.metrics().delayed, 0);
}

pub fn the_metrics_count_what_waits_and_what_was_called(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let before = reactor.metrics();
    let delayed = [reactor.call_later(HOUR, || ()), reactor.call_later(HOUR, || ())];
    assert_eq!(reactor.metrics().delayed, before.delayed + 2);
    reactor.call_soon(|| ());
    subject.block_on(called(&reactor)).unwrap();
    // Counted at the end of the round, which is over when the next one is.
    subject.block_on(called(&reactor)).unwrap();
    let after = reactor.metrics();
    assert!(after.called >= before.called + 2, "{after:?}");
    assert!(after.rounds > before.rounds, "{after:?}");
    for call in delayed {
        call.cancel().unwrap();
    }
    assert_eq!(reactor.metrics().delayed, before.delayed);
}
