//! Callbacks in virtual time, where each delayed call has its place among the timers, and what is told of them.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use interloop::{Aborted, Clock, DelayedCall, Reactor, slow, unhandled};

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<&'static str>>>);

impl Log {
    fn push(&self, entry: &'static str) {
        self.0.lock().unwrap().push(entry);
    }

    fn entry(&self, entry: &'static str) -> impl FnOnce() + Send + 'static {
        let log = self.clone();
        move || log.push(entry)
    }

    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn sleeper(reactor: &Reactor, duration: Duration, log: &Log, entry: &'static str) {
    let sleep = reactor.sleep(duration);
    let done = log.entry(entry);
    let task = reactor.spawn(async move {
        sleep.await?;
        done();
        Ok::<_, Aborted>(())
    });
    task.detach();
}

#[test]
fn calls_and_sleeps_of_one_deadline_come_in_the_order_of_their_making() {
    let clock = Clock::new();
    let (reactor, log) = (clock.reactor(), Log::default());
    reactor.call_later(SECOND, log.entry("call 1"));
    sleeper(&reactor, SECOND, &log, "sleep 1");
    reactor.call_later(SECOND, log.entry("call 2"));
    sleeper(&reactor, SECOND, &log, "sleep 2");
    clock.advance(SECOND);
    assert_eq!(log.take(), ["call 1", "sleep 1", "call 2", "sleep 2"]);
}

#[test]
fn an_advance_makes_the_calls_in_the_order_of_their_deadlines() {
    let clock = Clock::new();
    let (reactor, log) = (clock.reactor(), Log::default());
    reactor.call_later(3 * SECOND, log.entry("3 s"));
    sleeper(&reactor, 2 * SECOND, &log, "2 s");
    reactor.call_later(Duration::from_nanos(1), log.entry("1 ns"));
    reactor.call_later(SECOND, log.entry("1 s"));
    clock.advance(10 * SECOND);
    assert_eq!(log.take(), ["1 ns", "1 s", "2 s", "3 s"]);
}

#[test]
fn a_call_without_delay_waits_for_the_next_advance() {
    let clock = Clock::new();
    let (reactor, log) = (clock.reactor(), Log::default());
    reactor.call_later(Duration::ZERO, log.entry("later"));
    reactor.call_soon(log.entry("soon"));
    clock.run_until_stalled();
    assert_eq!(log.take(), ["soon"]);
    clock.advance(Duration::ZERO);
    assert_eq!(log.take(), ["later"]);
}

#[test]
fn pending_calls_are_pending_timers() {
    let clock = Clock::new();
    let reactor = clock.reactor();
    let first = reactor.call_later(SECOND, || ());
    let _second = reactor.call_later(2 * SECOND, || ());
    assert_eq!(clock.pending_timers(), 2);
    assert_eq!(clock.next_deadline(), first.deadline());
    first.cancel().unwrap();
    assert_eq!(clock.pending_timers(), 1);
    assert_eq!(clock.next_deadline(), Some(clock.now() + 2 * SECOND));
    clock.advance(2 * SECOND);
    assert_eq!(clock.pending_timers(), 0);
}

#[test]
fn a_call_is_exact() {
    let clock = Clock::new();
    let (reactor, log) = (clock.reactor(), Log::default());
    let call = reactor.call_later(Duration::from_micros(1_500), log.entry("made"));
    clock.advance(Duration::from_nanos(1_499_999));
    assert!(call.active());
    clock.advance(Duration::from_nanos(1));
    assert_eq!(log.take(), ["made"]);
    assert!(call.cancel().unwrap_err().is_called());
}

/// A handle that a callback made before it uses.
#[derive(Clone, Default)]
struct Later(Arc<Mutex<Option<DelayedCall>>>);

impl Later {
    fn set(&self, call: DelayedCall) {
        *self.0.lock().unwrap() = Some(call);
    }

    fn with<R>(&self, f: impl FnOnce(&DelayedCall) -> R) -> R {
        f(self.0.lock().unwrap().as_ref().unwrap())
    }
}

#[test]
fn a_call_that_is_due_can_still_be_cancelled_and_moved() {
    let clock = Clock::new();
    let (reactor, log) = (clock.reactor(), Log::default());
    let (cancelled, delayed, reset) = (Later::default(), Later::default(), Later::default());
    reactor.call_later(SECOND, {
        let (cancelled, delayed, reset) = (cancelled.clone(), delayed.clone(), reset.clone());
        move || {
            cancelled.with(|call| call.cancel().unwrap());
            delayed.with(|call| call.delay(2 * SECOND).unwrap());
            reset.with(|call| call.reset(MILLISECOND).unwrap());
        }
    });
    cancelled.set(reactor.call_later(SECOND, log.entry("cancelled")));
    delayed.set(reactor.call_later(SECOND, log.entry("delayed")));
    reset.set(reactor.call_later(SECOND, log.entry("reset")));
    reactor.call_later(SECOND, log.entry("untouched"));
    clock.advance(SECOND);
    assert_eq!(log.take(), ["untouched"]);
    clock.advance(MILLISECOND);
    assert_eq!(log.take(), ["reset"]);
    clock.advance(2 * SECOND);
    assert_eq!(log.take(), ["delayed"]);
    assert_eq!(clock.pending_timers(), 0);
    assert!(cancelled.with(|call| call.reset(SECOND).unwrap_err().is_cancelled()));
}

#[test]
fn moved_calls_are_moved_again_and_cancelled() {
    let clock = Clock::new();
    let (reactor, log) = (clock.reactor(), Log::default());
    let call = reactor.call_later(SECOND, log.entry("made"));
    let base = clock.now();
    call.reset(5 * SECOND).unwrap();
    call.delay(SECOND).unwrap();
    assert_eq!(call.deadline(), Some(base + 6 * SECOND));
    call.reset(2 * SECOND).unwrap();
    clock.advance(2 * SECOND);
    assert_eq!(log.take(), ["made"]);
    let other = reactor.call_later(SECOND, log.entry("never"));
    other.reset(3 * SECOND).unwrap();
    other.cancel().unwrap();
    assert_eq!(clock.pending_timers(), 0);
    clock.advance(10 * SECOND);
    assert_eq!(log.take(), Vec::<&str>::new());
}

#[test]
fn run_until_jumps_to_delayed_calls() {
    let clock = Clock::new();
    let (completer, done) = interloop::Deferred::<()>::pair();
    clock
        .reactor()
        .call_later(3_600 * SECOND, move || completer.complete(()));
    clock.run_until(done).unwrap().unwrap();
    assert_eq!(clock.elapsed(), 3_600 * SECOND);
}

#[test]
fn a_call_that_advances_the_clock_is_not_overlapped() {
    let clock = Clock::new();
    let (reactor, log) = (clock.reactor(), Log::default());
    reactor.call_later(SECOND, {
        let (clock, log) = (clock.clone(), log.clone());
        move || {
            log.push("begins");
            clock.advance(SECOND);
            log.push("ends");
        }
    });
    reactor.call_later(2 * SECOND, log.entry("the next"));
    clock.advance(SECOND);
    assert_eq!(log.take(), ["begins", "ends", "the next"]);
}

#[test]
fn what_waits_is_dropped_with_the_clock() {
    let clock = Clock::new();
    let reactor = clock.reactor();
    let held = Arc::new(());
    let hold = || {
        let held = held.clone();
        move || drop(held)
    };
    reactor.call_soon(hold());
    let call = reactor.call_later(SECOND, hold());
    drop(clock);
    assert_eq!(Arc::strong_count(&held), 1);
    assert!(call.cancel().unwrap_err().is_shut_down());
    reactor.call_soon(hold());
    assert!(
        reactor
            .call_later(SECOND, hold())
            .reset(SECOND)
            .unwrap_err()
            .is_shut_down()
    );
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn a_panic_and_a_slow_callback_are_told_with_their_places() {
    let told = Arc::new(Mutex::new(Vec::new()));
    unhandled::set_hook(Some(Arc::new({
        let told = told.clone();
        move |failure| {
            let line = failure.made_at().line();
            told.lock().unwrap().push((line, failure.to_string()));
        }
    })));
    slow::set_hook(Some(Arc::new({
        let told = told.clone();
        move |slow| told.lock().unwrap().push((slow.made_at().line(), slow.to_string()))
    })));
    let clock = Clock::new();
    let reactor = clock.reactor();
    reactor.set_slow_limit(Some(MILLISECOND));
    let here = line!();
    reactor.call_soon(|| panic!("a panic that is part of the test"));
    reactor.call_soon(|| spin(2 * MILLISECOND));
    reactor.call_soon(|| ());
    reactor.spawn_infallible(async { spin(2 * MILLISECOND) }).detach();
    clock.run_until_stalled();
    reactor.set_debug(false);
    reactor.call_soon(|| spin(2 * MILLISECOND));
    clock.run_until_stalled();

    unhandled::set_hook(Some(Arc::new(|_| {
        panic!("a hook that panics, which is part of the test")
    })));
    let log = Log::default();
    reactor.call_soon(|| panic!("a panic that is part of the test"));
    reactor.call_soon(log.entry("called"));
    clock.run_until_stalled();
    assert_eq!(log.take(), ["called"]);

    let told = told.lock().unwrap();
    // The machine may be so slow that the others are, too.
    assert!(
        told.iter()
            .any(|(line, text)| *line == here + 1 && text.contains("a panic that is part of the test"))
    );
    assert!(
        told.iter()
            .any(|(line, text)| *line == here + 2 && text.contains("held the event loop"))
    );
    assert!(
        told.iter()
            .any(|(line, text)| *line == here + 4 && text.contains("a poll of the task"))
    );
    assert!(told.iter().all(|(line, _)| *line <= here + 4));
}

fn spin(duration: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < duration {}
}
