//! What a clock runs, when, and in which order.

use std::{
    future::{Future, pending, poll_fn},
    os::{fd::OwnedFd, unix::net::UnixStream},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};

use interloop::{Aborted, Clock, Deferred, Reactor, time::Sleep};

const SECOND: Duration = Duration::from_secs(1);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    /// What happened since the last time.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A clock whose tasks write a log.
#[derive(Clone, Default)]
struct Stage {
    clock: Clock,
    log: Log,
}

impl Stage {
    fn reactor(&self) -> Reactor {
        self.clock.reactor()
    }

    fn elapsed(&self) -> u64 {
        self.clock.elapsed().as_secs()
    }

    /// Notes a name when its turn comes.
    fn note(&self, name: &'static str) -> Deferred<()> {
        let log = self.log.clone();
        self.reactor().spawn(async move {
            log.note(name);
            Ok(())
        })
    }

    /// Notes a name when a sleep is over.
    fn note_after(&self, sleep: Sleep, name: &'static str) -> Deferred<()> {
        let log = self.log.clone();
        self.reactor().spawn(async move {
            sleep.await?;
            log.note(name);
            Ok(())
        })
    }

    fn note_in(&self, delay: u64, name: &'static str) -> Deferred<()> {
        self.note_after(self.reactor().sleep(seconds(delay)), name)
    }
}

#[derive(Default)]
struct CountingWaker(AtomicUsize);

impl Wake for CountingWaker {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn poll_once<F: Future + Unpin>(future: &mut F, waker: &Arc<CountingWaker>) -> Poll<F::Output> {
    let waker = Waker::from(waker.clone());
    Pin::new(future).poll(&mut Context::from_waker(&waker))
}

/// Lets everything else that can run go first, once.
async fn give_way() {
    let mut gave = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut gave, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[test]
fn time_starts_at_nothing_and_moves_only_when_told() {
    let clock = Clock::new();
    let start = clock.now();
    assert_eq!(clock.elapsed(), Duration::ZERO);
    clock.run_until_stalled();
    assert_eq!(clock.now(), start);
    clock.advance(Duration::from_millis(1500));
    assert_eq!(clock.elapsed(), Duration::from_millis(1500));
    assert_eq!(clock.reactor().now(), start + Duration::from_millis(1500));
}

#[test]
fn clones_are_handles_on_the_same_clock() {
    let clock = Clock::new();
    let other = clock.clone();
    let slept = other.reactor().spawn(other.reactor().sleep(SECOND));
    clock.advance(SECOND);
    assert_eq!(other.elapsed(), SECOND);
    assert!(slept.is_settled());
}

#[test]
fn tasks_run_when_the_clock_is_called_and_not_before() {
    let clock = Clock::new();
    let answer = clock.reactor().spawn(async { Ok::<_, Aborted>(42) });
    assert!(!answer.is_settled());
    clock.run_until_stalled();
    assert_eq!(answer.try_take().unwrap().unwrap(), 42);
}

#[test]
fn tasks_run_in_the_order_in_which_they_were_woken() {
    let stage = Stage::default();
    let mut completers = Vec::new();
    for name in ["a", "b", "c"] {
        let (completer, deferred) = Deferred::<(), Aborted>::pair();
        let log = stage.log.clone();
        let task = async move {
            log.note(format!("{name} begins"));
            deferred.await?;
            log.note(name);
            Ok::<_, Aborted>(())
        };
        stage.reactor().spawn(task).detach();
        completers.push(completer);
    }
    stage.clock.run_until_stalled();
    assert_eq!(stage.log.take(), ["a begins", "b begins", "c begins"]);
    for completer in completers.into_iter().rev() {
        completer.complete(());
    }
    assert!(stage.log.take().is_empty());
    stage.clock.run_until_stalled();
    assert_eq!(stage.log.take(), ["c", "b", "a"]);
}

#[test]
fn a_task_that_wakes_itself_goes_behind_those_that_were_woken_before() {
    let stage = Stage::default();
    for name in ["a", "b"] {
        let log = stage.log.clone();
        let task = async move {
            for round in 0..2 {
                log.note(format!("{name}{round}"));
                give_way().await;
            }
            Ok::<_, Aborted>(())
        };
        stage.reactor().spawn(task).detach();
    }
    stage.clock.run_until_stalled();
    assert_eq!(stage.log.take(), ["a0", "b0", "a1", "b1"]);
}

#[test]
fn blocking_jobs_take_their_turn_among_the_tasks() {
    let stage = Stage::default();
    let reactor = stage.reactor();
    let note = |name: &'static str| {
        let log = stage.log.clone();
        move || {
            log.note(name);
            Ok::<_, Aborted>(())
        }
    };
    let (task, job, other) = (note("task"), note("job"), note("other job"));
    reactor.spawn(async move { task() }).detach();
    reactor.spawn_blocking(job).detach();
    reactor.spawn_blocking(note("cancelled job")).cancel();
    reactor.spawn_blocking(other).detach();
    assert!(stage.log.take().is_empty());
    stage.clock.run_until_stalled();
    assert_eq!(stage.log.take(), ["task", "job", "other job"]);
}

#[test]
fn an_advance_fires_what_is_due_in_the_order_of_time() {
    let stage = Stage::default();
    for (delay, name) in [(3, "three"), (1, "one"), (4, "four"), (2, "two")] {
        stage.note_in(delay, name).detach();
    }
    stage.clock.advance(SECOND);
    assert_eq!(stage.log.take(), ["one"]);
    stage.clock.advance(seconds(2));
    assert_eq!(stage.log.take(), ["two", "three"]);
    assert_eq!(stage.clock.pending_timers(), 1);
    assert_eq!(stage.clock.next_deadline(), Some(stage.clock.now() + SECOND));
}

#[test]
fn timers_that_are_due_at_once_fire_in_the_order_in_which_they_were_made() {
    let stage = Stage::default();
    let reactor = stage.reactor();
    let sleeps: Vec<_> = (0..3).map(|_| reactor.sleep(SECOND)).collect();
    // Awaited the other way round, which does not matter.
    for (sleep, name) in sleeps.into_iter().zip(["a", "b", "c"]).rev() {
        stage.note_after(sleep, name).detach();
    }
    stage.clock.advance(SECOND);
    assert_eq!(stage.log.take(), ["a", "b", "c"]);
}

#[test]
fn everything_that_one_advance_runs_finds_the_same_time() {
    let stage = Stage::default();
    for delay in [1, 2] {
        let task = {
            let (stage, sleep) = (stage.clone(), stage.reactor().sleep(seconds(delay)));
            async move {
                sleep.await?;
                stage.log.note(format!("{delay} at {}", stage.elapsed()));
                Ok::<_, Aborted>(())
            }
        };
        stage.reactor().spawn(task).detach();
    }
    stage.clock.advance(seconds(5));
    assert_eq!(stage.log.take(), ["1 at 5", "2 at 5"]);
}

#[test]
fn what_becomes_due_during_an_advance_takes_part_in_it() {
    let stage = Stage::default();
    stage.note_in(2, "two").detach();
    let task = {
        let stage = stage.clone();
        async move {
            let reactor = stage.reactor();
            reactor.sleep(SECOND).await?;
            stage.note_in(0, "made at the end").detach();
            stage.note_in(1, "later").detach();
            Ok::<_, Aborted>(())
        }
    };
    stage.reactor().spawn(task).detach();
    stage.clock.advance(seconds(3));
    assert_eq!(stage.log.take(), ["two", "made at the end"]);
    stage.clock.advance(SECOND);
    assert_eq!(stage.log.take(), ["later"]);
}

#[test]
fn a_timer_that_is_due_when_it_is_made_waits_for_the_next_advance() {
    let stage = Stage::default();
    let slept = stage.note_in(0, "slept");
    stage.clock.run_until_stalled();
    assert!(!slept.is_settled());
    stage.clock.advance(Duration::ZERO);
    assert_eq!(stage.log.take(), ["slept"]);
}

#[test]
fn tasks_that_need_no_time_run_before_it_passes() {
    let stage = Stage::default();
    let task = {
        let stage = stage.clone();
        async move {
            // Made before the advance, so due within it.
            stage.reactor().sleep(SECOND).await?;
            stage.log.note(format!("at {}", stage.elapsed()));
            Ok::<_, Aborted>(())
        }
    };
    stage.reactor().spawn(task).detach();
    stage.clock.advance(SECOND);
    assert_eq!(stage.log.take(), ["at 1"]);
}

#[test]
fn a_dropped_timer_is_gone() {
    let stage = Stage::default();
    let cancelled = stage.note_in(1, "cancelled");
    let detached = stage.note_in(1, "detached");
    drop(stage.reactor().sleep(SECOND));
    assert_eq!(stage.clock.pending_timers(), 2);
    cancelled.cancel();
    detached.detach();
    assert_eq!(stage.clock.pending_timers(), 1);
    stage.clock.advance(seconds(2));
    assert_eq!(stage.log.take(), ["detached"]);
    assert!(cancelled.try_take().unwrap().unwrap_err().is_cancelled());
    assert_eq!(stage.clock.next_deadline(), None);
}

#[test]
fn a_timer_moves_both_ways() {
    let stage = Stage::default();
    let reactor = stage.reactor();
    let (mut sooner, mut later) = (reactor.sleep(seconds(5)), reactor.sleep(seconds(2)));
    sooner.reset(reactor.now() + SECOND);
    later.reset(reactor.now() + seconds(3));
    stage.note_after(sooner, "sooner").detach();
    stage.note_after(later, "later").detach();
    for expected in [&["sooner"][..], &[], &["later"]] {
        stage.clock.advance(SECOND);
        assert_eq!(stage.log.take(), expected);
    }
}

#[test]
fn moved_timers_fire_in_the_order_of_time_also_when_moved_from_inside() {
    let stage = Stage::default();
    let reactor = stage.reactor();
    let moved = Arc::new(Mutex::new(reactor.sleep(seconds(3))));
    let task = {
        let (log, moved) = (stage.log.clone(), moved.clone());
        async move {
            poll_fn(|cx| Pin::new(&mut *moved.lock().unwrap()).poll(cx)).await?;
            log.note("moved");
            Ok::<_, Aborted>(())
        }
    };
    reactor.spawn(task).detach();
    stage.note_in(2, "two").detach();
    let mover = {
        let stage = stage.clone();
        async move {
            let reactor = stage.reactor();
            reactor.sleep(SECOND).await?;
            // The task that waits need not be told: it is woken at the new deadline.
            moved.lock().unwrap().reset(reactor.now() - SECOND);
            stage.log.note("mover");
            Ok::<_, Aborted>(())
        }
    };
    reactor.spawn(mover).detach();
    stage.clock.advance(seconds(2));
    assert_eq!(stage.log.take(), ["mover", "moved", "two"]);
}

#[test]
fn among_timers_with_one_deadline_a_moved_one_goes_by_its_old_place() {
    let stage = Stage::default();
    let reactor = stage.reactor();
    let mut moved = reactor.sleep(SECOND);
    let (middle, last) = (reactor.sleep(seconds(2)), reactor.sleep(seconds(3)));
    moved.reset(reactor.now() + seconds(3));
    stage.note_after(last, "last").detach();
    stage.note_after(middle, "middle").detach();
    stage.note_after(moved, "moved").detach();
    stage.clock.advance(seconds(3));
    assert_eq!(stage.log.take(), ["middle", "moved", "last"]);
}

#[test]
fn a_timer_that_is_reset_after_it_fired_counts_as_new() {
    let stage = Stage::default();
    let reactor = stage.reactor();
    let mut again = reactor.sleep(SECOND);
    stage.clock.advance(SECOND);
    assert_eq!(stage.clock.pending_timers(), 0);
    let other = reactor.sleep(SECOND);
    again.reset(reactor.now() + SECOND);
    assert_eq!(stage.clock.pending_timers(), 2);
    stage.note_after(again, "again").detach();
    stage.note_after(other, "other").detach();
    stage.clock.advance(SECOND);
    assert_eq!(stage.log.take(), ["other", "again"]);
}

#[test]
fn a_sleep_can_be_awaited_from_outside() {
    let clock = Clock::new();
    let mut sleep = clock.reactor().sleep(SECOND);
    let waker = Arc::new(CountingWaker::default());
    assert!(poll_once(&mut sleep, &waker).is_pending());
    clock.advance(SECOND / 2);
    assert_eq!(waker.0.load(SeqCst), 0);
    clock.advance(SECOND / 2);
    assert_eq!(waker.0.load(SeqCst), 1);
    assert!(poll_once(&mut sleep, &waker).is_ready());
}

#[test]
fn timeouts_and_intervals_follow_the_clock() {
    let stage = Stage::default();
    let reactor = stage.reactor();
    let late = reactor.spawn(reactor.timeout(seconds(2), pending::<Result<(), Aborted>>()));
    let ticks = {
        let stage = stage.clone();
        async move {
            let mut interval = stage.reactor().interval(SECOND);
            loop {
                interval.tick().await?;
                stage.log.note(format!("tick at {}", stage.elapsed()));
            }
            #[expect(unreachable_code, reason = "it names the type")]
            Ok::<(), Aborted>(())
        }
    };
    reactor.spawn(ticks).detach();
    stage.clock.advance(Duration::ZERO);
    stage.clock.advance(SECOND);
    assert_eq!(stage.log.take(), ["tick at 0", "tick at 1"]);
    assert!(!late.is_settled());
    stage.clock.advance(seconds(3));
    assert_eq!(stage.log.take(), ["tick at 4"]);
    assert!(late.try_take().unwrap().unwrap_err().is_timed_out());
}

#[test]
fn a_task_may_advance_the_clock_while_others_run() {
    let stage = Stage::default();
    stage.note_in(1, "one").detach();
    stage.note_in(3, "three").detach();
    let task = {
        let stage = stage.clone();
        async move {
            stage.log.note("before");
            stage.clock.advance(seconds(2));
            stage.log.note(format!("after, at {}", stage.elapsed()));
            Ok::<_, Aborted>(())
        }
    };
    stage.reactor().spawn(task).detach();
    stage.clock.run_until_stalled();
    assert_eq!(stage.log.take(), ["before", "one", "after, at 2"]);
    stage.clock.advance(SECOND);
    assert_eq!(stage.log.take(), ["three"]);
}

#[test]
fn an_advance_from_inside_counts_for_the_one_outside() {
    let stage = Stage::default();
    let sleep = stage.reactor().sleep(SECOND);
    let task = {
        let stage = stage.clone();
        async move {
            sleep.await?;
            stage.clock.advance(seconds(10));
            Ok::<_, Aborted>(())
        }
    };
    stage.reactor().spawn(task).detach();
    stage.note_in(2, "two").detach();
    stage.note_in(11, "eleven").detach();
    stage.clock.advance(SECOND);
    assert_eq!(stage.log.take(), ["two", "eleven"]);
    assert_eq!(stage.elapsed(), 11);
}

#[test]
fn a_task_that_is_woken_while_it_runs_the_clock_is_polled_after_that() {
    let stage = Stage::default();
    let mut polls = 0;
    let task = {
        let stage = stage.clone();
        poll_fn(move |cx| {
            polls += 1;
            stage.log.note(format!("poll {polls}"));
            if polls > 1 {
                return Poll::Ready(Ok::<_, Aborted>(()));
            }
            cx.waker().wake_by_ref();
            stage.clock.run_until_stalled();
            stage.log.note("still in poll 1");
            Poll::Pending
        })
    };
    stage.reactor().spawn(task).detach();
    stage.note("other").detach();
    stage.clock.run_until_stalled();
    assert_eq!(stage.log.take(), ["poll 1", "other", "still in poll 1", "poll 2"]);
}

#[test]
fn run_until_jumps_from_deadline_to_deadline() {
    let stage = Stage::default();
    stage.note_in(60, "a minute").detach();
    stage.note_in(86_400, "a day").detach();
    let reactor = stage.reactor();
    let answer = stage.clock.run_until(async {
        for _ in 0..2 {
            reactor.sleep(seconds(1800)).await.unwrap();
            stage.log.note(format!("at {}", stage.elapsed()));
        }
        42
    });
    assert_eq!(answer.unwrap(), 42);
    assert_eq!(stage.log.take(), ["a minute", "at 1800", "at 3600"]);
    assert_eq!(stage.clock.pending_timers(), 1);
}

#[test]
fn run_until_polls_its_future_in_its_turn() {
    let stage = Stage::default();
    stage.note("spawned before").detach();
    stage
        .clock
        .run_until(async {
            stage.log.note("the future");
            stage.note("spawned by it").detach();
            give_way().await;
            stage.log.note("the future again");
            stage.note("never run").detach();
        })
        .unwrap();
    let expected = ["spawned before", "the future", "spawned by it", "the future again"];
    assert_eq!(stage.log.take(), expected);
}

#[test]
fn run_until_stops_when_its_future_is_ready() {
    let stage = Stage::default();
    let sleep = stage.reactor().sleep(SECOND);
    stage.note_in(1, "due as well").detach();
    stage.clock.run_until(sleep).unwrap().unwrap();
    assert!(stage.log.take().is_empty());
    stage.clock.advance(Duration::ZERO);
    assert_eq!(stage.log.take(), ["due as well"]);
}

#[test]
fn run_until_says_when_nothing_can_come() {
    let clock = Clock::new();
    let (completer, deferred) = Deferred::<(), Aborted>::pair();
    let stalled = clock.run_until(deferred).unwrap_err();
    assert!(stalled.to_string().contains("no timer is pending"), "{stalled}");

    clock.reactor().spawn(pending::<Result<(), Aborted>>()).detach();
    let slept = clock.reactor().sleep(SECOND);
    clock.reactor().spawn(slept).detach();
    let stalled = clock.run_until(pending::<()>()).unwrap_err();
    assert!(stalled.to_string().contains("one waits, too"), "{stalled}");
    assert_eq!(clock.elapsed(), SECOND);
    drop(completer);
}

#[test]
fn run_until_has_the_reactor_as_its_current_one() {
    let clock = Clock::new();
    clock
        .run_until(async { Reactor::current().unwrap().sleep(SECOND).await })
        .unwrap()
        .unwrap();
    assert_eq!(clock.elapsed(), SECOND);
    assert!(Reactor::current().is_err());
}

#[test]
fn run_until_may_be_called_from_inside_of_itself() {
    let stage = Stage::default();
    let reactor = stage.reactor();
    let inner = {
        let stage = stage.clone();
        async move {
            let sleep = stage.reactor().sleep(seconds(2));
            stage.clock.run_until(sleep).unwrap()?;
            stage.log.note(format!("inner at {}", stage.elapsed()));
            Ok::<_, Aborted>(())
        }
    };
    let outer = stage.clock.run_until(async {
        reactor.spawn(inner).detach();
        reactor.sleep(SECOND).await?;
        // Its turn came while the inner call was running, and it was not forgotten.
        stage.log.note(format!("outer at {}", stage.elapsed()));
        Ok::<_, Aborted>(())
    });
    outer.unwrap().unwrap();
    assert_eq!(stage.log.take(), ["inner at 2", "outer at 2"]);
}

#[test]
fn a_panic_in_run_until_leaves_the_clock_usable() {
    let clock = Clock::new();
    let run = || clock.run_until(async { panic!("from the future") });
    let panicked = catch_unwind(AssertUnwindSafe(run));
    assert!(panicked.is_err());
    clock.run_until(clock.reactor().sleep(SECOND)).unwrap().unwrap();
}

#[test]
fn a_panic_in_a_task_is_its_deferreds_and_the_clock_goes_on() {
    let stage = Stage::default();
    let panicked = stage.reactor().spawn(async {
        if true {
            panic!("from the task");
        }
        Ok::<(), Aborted>(())
    });
    stage.note_in(1, "slept").detach();
    stage.clock.advance(SECOND);
    assert!(panicked.try_take().unwrap().unwrap_err().is_panicked());
    assert_eq!(stage.log.take(), ["slept"]);
}

#[test]
fn a_wake_from_another_thread_waits_for_the_next_call() {
    let clock = Clock::new();
    let (completer, deferred) = Deferred::<u8, Aborted>::pair();
    let answer = clock.reactor().spawn(deferred);
    clock.run_until_stalled();
    thread::spawn(move || completer.complete(7)).join().unwrap();
    assert!(!answer.is_settled());
    clock.run_until_stalled();
    assert_eq!(answer.try_take().unwrap().unwrap(), 7);
}

/// Notes when it is dropped.
struct Dropped(Log, &'static str);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.note(self.1);
    }
}

#[test]
fn the_last_handle_takes_the_tasks_with_it_in_the_order_in_which_they_were_spawned() {
    let Stage { clock, log } = Stage::default();
    let reactor = clock.reactor();
    let deferreds: Vec<_> = ["a", "b", "c"]
        .map(|name| {
            let (reactor, held) = (clock.reactor(), Dropped(log.clone(), name));
            reactor.clone().spawn(async move {
                let _held = held;
                reactor.sleep(SECOND).await
            })
        })
        .into();
    let never_ran = Dropped(log.clone(), "job");
    let job = reactor.spawn_blocking(move || {
        drop(never_ran);
        Ok::<_, Aborted>(())
    });
    reactor.spawn(async { Ok::<_, Aborted>(()) }).detach();
    clock.clone().run_until_stalled();
    assert_eq!(log.take(), ["job"]);
    assert!(job.is_settled());

    drop(clock);
    assert_eq!(log.take(), ["a", "b", "c"]);
    for deferred in deferreds {
        assert!(deferred.try_take().unwrap().unwrap_err().is_shut_down());
    }
}

#[test]
fn a_clock_that_has_ended_refuses_everything() {
    let clock = Clock::new();
    let reactor = clock.reactor();
    clock.advance(SECOND);
    let now = clock.now();
    let mut pending = reactor.sleep(SECOND);
    let waker = Arc::new(CountingWaker::default());
    assert!(poll_once(&mut pending, &waker).is_pending());
    drop(clock);

    assert_eq!(waker.0.load(SeqCst), 1);
    let Poll::Ready(Err(aborted)) = poll_once(&mut pending, &waker) else {
        panic!("the sleep waits for a clock that is gone");
    };
    assert!(aborted.is_shut_down());
    let task = reactor.spawn(async { Ok::<_, Aborted>(()) });
    assert!(task.try_take().unwrap().unwrap_err().is_shut_down());
    let job = reactor.spawn_blocking(|| Ok::<_, Aborted>(()));
    assert!(job.try_take().unwrap().unwrap_err().is_shut_down());
    assert_eq!(reactor.now(), now);
}

#[test]
fn nothing_is_left_of_a_clock_that_was_dropped() {
    let held = Arc::new(());
    let clock = Clock::new();
    let reactor = clock.reactor();
    for _ in 0..3 {
        let (held, reactor) = (held.clone(), reactor.clone());
        let task = async move {
            let _held = held;
            reactor.sleep(SECOND).await
        };
        clock.reactor().spawn(task).detach();
    }
    clock.run_until_stalled();
    assert_eq!(Arc::strong_count(&held), 4);
    drop((clock, reactor));
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn descriptors_are_refused_with_advice() {
    let clock = Clock::new();
    let (stream, _other) = UnixStream::pair().unwrap();
    let error = clock.reactor().register(OwnedFd::from(stream)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::Unsupported);
    assert!(error.to_string().contains("real loop"), "{error}");
}

#[test]
fn thousands_of_timers_are_no_burden() {
    let clock = Clock::new();
    let reactor = clock.reactor();
    let fired = Arc::new(AtomicUsize::new(0));
    for n in 0..2000 {
        let (sleep, fired) = (reactor.sleep(Duration::from_millis(n % 97)), fired.clone());
        let task = async move {
            sleep.await?;
            fired.fetch_add(1, SeqCst);
            Ok::<_, Aborted>(())
        };
        reactor.spawn(task).detach();
    }
    clock.advance(SECOND);
    assert_eq!(fired.load(SeqCst), 2000);
}
