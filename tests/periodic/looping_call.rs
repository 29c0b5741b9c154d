//! When looping calls run, and how they end.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use interloop::{Aborted, Clock, Completer, Deferred, IntoOutcome, Outcome, periodic::LoopingCall};

use super::{Failure, SECOND, Stage};

/// What the runs wait for that are under way.
type Waiting = Arc<Mutex<Vec<Completer<(), Failure>>>>;

fn next(waiting: &Waiting) -> Completer<(), Failure> {
    waiting.lock().unwrap().pop().expect("no run is under way")
}

impl Stage {
    /// A call that notes the time, and then does more.
    fn call<R>(&self, interval: u32, mut more: impl FnMut() -> R + Send + 'static) -> LoopingCall<Failure>
    where
        R: IntoOutcome<Ok = (), Err = Failure>,
    {
        let stage = self.clone();
        LoopingCall::new(&self.clock.reactor(), interval * SECOND, move || {
            stage.note(stage.elapsed().to_string());
            more()
        })
    }

    /// A call that notes the time.
    fn plain_call(&self, interval: u32) -> LoopingCall<Failure> {
        self.call(interval, || Ok(()))
    }

    /// A call that notes the time and the count.
    fn counted_call(&self, interval: u32) -> LoopingCall<Failure> {
        let stage = self.clone();
        LoopingCall::with_count(&self.clock.reactor(), interval * SECOND, move |count| {
            stage.note(format!("{}: {count}", stage.elapsed()));
            Ok(())
        })
    }

    /// A call that notes the time, and whose runs wait; and what ends them.
    fn waiting_call(&self, interval: u32) -> (LoopingCall<Failure>, Waiting) {
        let waiting = Waiting::default();
        let inner = waiting.clone();
        let call = self.call(interval, move || {
            let (completer, deferred) = Deferred::pair();
            inner.lock().unwrap().push(completer);
            deferred
        });
        (call, waiting)
    }
}

/// Lets a function use the call that it is the function of.
type Own = Arc<Mutex<Option<LoopingCall<Failure>>>>;

fn own(own: &Own) -> LoopingCall<Failure> {
    own.lock().unwrap().clone().unwrap()
}

#[test]
fn runs_at_the_multiples_of_its_interval_until_stopped() {
    let stage = Stage::default();
    let call = stage.plain_call(2);
    assert!(!call.is_running());
    let ended = call.start(true).unwrap();
    assert_eq!(stage.take(), ["0"]);
    assert!(call.is_running());
    stage.step(5);
    assert_eq!(stage.take(), ["2", "4"]);
    assert!(!ended.is_settled());
    call.stop().unwrap();
    assert_eq!(ended.try_take().unwrap(), Ok(()));
    assert!(!call.is_running());
    assert_eq!(stage.clock.pending_timers(), 0);
    stage.step(3);
    assert!(stage.take().is_empty());
}

#[test]
fn may_begin_after_an_interval() {
    let stage = Stage::default();
    stage.plain_call(2).start(false).unwrap().detach();
    assert!(stage.take().is_empty());
    stage.step(4);
    assert_eq!(stage.take(), ["2", "4"]);
}

#[test]
fn leaves_out_what_a_late_run_missed_and_does_not_drift() {
    let stage = Stage::default();
    stage.plain_call(2).start(true).unwrap().detach();
    stage.advance(5);
    stage.advance(1);
    stage.advance(2);
    assert_eq!(stage.take(), ["0", "5", "6", "8"]);
}

#[test]
fn a_run_longer_than_the_interval_is_followed_at_the_next_multiple() {
    let stage = Stage::default();
    let clock = stage.clock.clone();
    let mut runs = [1, 3, 4].into_iter();
    let call = stage.call(2, move || {
        clock.advance(runs.next().unwrap_or(0) * SECOND);
        Ok(())
    });
    call.start(true).unwrap().detach();
    assert_eq!(stage.elapsed(), 1);
    // Runs at 2 until 5, then at 6 until 10; a multiple that is just now does not count.
    stage.step(1);
    stage.step(1);
    assert_eq!(
        (stage.elapsed(), stage.take()),
        (10, vec!["0".into(), "2".into(), "6".into()])
    );
    stage.step(2);
    assert_eq!(stage.take(), ["12"]);
}

#[test]
fn tells_how_many_intervals_have_begun() {
    let stage = Stage::default();
    stage.counted_call(2).start(true).unwrap().detach();
    stage.advance(2);
    // Late, but by less than an interval.
    stage.advance(3);
    stage.advance(1);
    stage.advance(7);
    assert_eq!(stage.take(), ["0: 1", "2: 1", "5: 1", "6: 1", "13: 3"]);

    let stage = Stage::default();
    stage.counted_call(2).start(false).unwrap().detach();
    stage.advance(5);
    assert_eq!(stage.take(), ["5: 2"]);
}

#[test]
fn a_reset_does_not_forget_the_last_run_that_was_counted() {
    let stage = Stage::default();
    let call = stage.counted_call(2);
    call.start(true).unwrap().detach();
    for _ in 0..9 {
        stage.advance(1);
        call.reset().unwrap();
    }
    stage.step(4);
    assert_eq!(stage.take(), ["0: 1", "11: 5", "13: 1"]);
}

#[test]
fn an_interval_of_nothing_runs_in_every_turn_of_the_loop_and_counts_one() {
    let stage = Stage::default();
    let itself = Own::default();
    let (inner, log, mut runs) = (itself.clone(), stage.clone(), 0);
    let call = LoopingCall::with_count(&stage.clock.reactor(), Duration::ZERO, move |count| {
        log.note(count.to_string());
        runs += 1;
        if runs == 5 {
            own(&inner).stop().unwrap();
        }
        Ok(())
    });
    *itself.lock().unwrap() = Some(call.clone());
    let ended = call.start(false).unwrap();
    assert!(stage.take().is_empty());
    stage.clock.advance(Duration::ZERO);
    assert_eq!(stage.take(), ["1"; 5]);
    assert!(ended.is_settled());
    *itself.lock().unwrap() = None;
}

#[test]
fn stopped_before_its_first_run_it_never_runs() {
    let stage = Stage::default();
    let call = stage.plain_call(1);
    let ended = call.start(false).unwrap();
    call.stop().unwrap();
    assert_eq!(ended.try_take().unwrap(), Ok(()));
    assert_eq!(stage.clock.pending_timers(), 0);
    stage.step(3);
    assert!(stage.take().is_empty());
}

#[test]
fn may_stop_itself_in_its_first_run() {
    let stage = Stage::default();
    let itself = Own::default();
    let inner = itself.clone();
    let call = stage.call(1, move || {
        own(&inner).stop().unwrap();
        assert!(!own(&inner).is_running());
        Ok(())
    });
    *itself.lock().unwrap() = Some(call.clone());
    let ended = call.start(true).unwrap();
    assert_eq!(ended.try_take().unwrap(), Ok(()));
    assert_eq!(stage.clock.pending_timers(), 0);
    *itself.lock().unwrap() = None;
}

#[test]
fn a_call_that_does_not_run_is_neither_stopped_nor_reset() {
    let stage = Stage::default();
    let call = stage.plain_call(1);
    for _ in 0..2 {
        let error = call.stop().unwrap_err();
        assert!(error.to_string().contains("not running"), "{error}");
        assert!(call.reset().is_err());
        call.start(false).unwrap().detach();
        call.stop().unwrap();
    }
}

#[test]
fn a_call_that_runs_is_not_started_again() {
    let stage = Stage::default();
    let call = stage.plain_call(2);
    let ended = call.start(true).unwrap();
    stage.advance(1);
    let error = call.start(true).unwrap_err();
    assert!(error.to_string().contains("stop it"), "{error}");
    stage.advance(1);
    assert_eq!(stage.take(), ["0", "2"]);
    assert!(!ended.is_settled());
}

#[test]
fn a_call_that_was_stopped_may_be_started_anew() {
    let stage = Stage::default();
    let call = stage.counted_call(2);
    call.start(true).unwrap().detach();
    stage.advance(1);
    call.stop().unwrap();
    stage.advance(4);
    let ended = call.start(true).unwrap();
    stage.advance(2);
    call.stop().unwrap();
    assert_eq!(stage.take(), ["0: 1", "5: 1", "7: 1"]);
    assert!(ended.is_settled());
}

#[test]
fn a_call_cannot_start_itself_in_a_run() {
    let stage = Stage::default();
    let itself = Own::default();
    let (inner, log) = (itself.clone(), stage.clone());
    let call = stage.call(1, move || {
        let call = own(&inner);
        assert!(call.start(true).is_err());
        call.stop().unwrap();
        assert!(call.start(false).is_err());
        log.note("refused");
        Ok(())
    });
    *itself.lock().unwrap() = Some(call.clone());
    call.start(true).unwrap().detach();
    assert_eq!(stage.take(), ["0", "refused"]);
    call.start(false).unwrap().detach();
    call.stop().unwrap();
    *itself.lock().unwrap() = None;
}

#[test]
fn a_reset_counts_the_interval_from_now() {
    let stage = Stage::default();
    let call = stage.plain_call(3);
    call.start(true).unwrap().detach();
    stage.advance(2);
    call.reset().unwrap();
    assert_eq!(stage.clock.pending_timers(), 1);
    stage.step(7);
    assert_eq!(stage.take(), ["0", "5", "8"]);
}

#[test]
fn a_reset_in_a_run_does_nothing() {
    let stage = Stage::default();
    let (completer, deferred) = Deferred::pair();
    let mut deferred = Some(deferred);
    let call = stage.call(3, move || deferred.take().unwrap_or_else(|| Deferred::ready(())));
    call.start(true).unwrap().detach();
    stage.advance(1);
    call.reset().unwrap();
    assert_eq!(stage.clock.pending_timers(), 0);
    completer.complete(());
    stage.step(5);
    assert_eq!(stage.take(), ["0", "3", "6"]);
}

#[test]
fn a_run_that_fails_is_the_last_one() {
    let stage = Stage::default();
    let mut runs = 0;
    let call = stage.call(1, move || {
        runs += 1;
        if runs == 2 { Err("broken".to_owned()) } else { Ok(()) }
    });
    let ended = call.start(true).unwrap();
    stage.step(3);
    assert_eq!(stage.take(), ["0", "1"]);
    assert_eq!(ended.try_take().unwrap(), Err("broken".to_owned()));
    assert!(!call.is_running());
    assert_eq!(stage.clock.pending_timers(), 0);
}

#[test]
fn a_run_that_panics_is_a_failure() {
    let stage = Stage::default();
    let call = stage.call(1, || -> Result<(), Failure> { panic!("out of order") });
    let ended = call.start(true).unwrap();
    assert!(ended.try_take().unwrap().unwrap_err().contains("out of order"));
    assert!(!call.is_running());
}

#[test]
fn a_run_that_stops_the_call_and_then_fails_has_failed() {
    let stage = Stage::default();
    let itself = Own::default();
    let inner = itself.clone();
    let call = stage.call(1, move || {
        own(&inner).stop().unwrap();
        Err::<(), _>("after all".to_owned())
    });
    *itself.lock().unwrap() = Some(call.clone());
    let ended = call.start(true).unwrap();
    assert_eq!(ended.try_take().unwrap(), Err("after all".to_owned()));
    *itself.lock().unwrap() = None;
}

#[test]
fn another_timed_call_may_stop_it() {
    let stage = Stage::default();
    let call = stage.plain_call(1);
    let ended = call.start(true).unwrap();
    let stop = {
        let (call, sleep) = (call.clone(), stage.clock.reactor().sleep(2 * SECOND));
        async move {
            sleep.await?;
            call.stop().unwrap();
            Ok::<_, Aborted>(())
        }
    };
    stage.clock.reactor().spawn(stop).detach();
    stage.step(4);
    // Its own timer for that time was made later.
    assert_eq!(stage.take(), ["0", "1"]);
    assert!(ended.is_settled());
}

#[test]
fn no_run_begins_while_another_waits_for_its_deferred() {
    let stage = Stage::default();
    let (call, waiting) = stage.waiting_call(2);
    call.start(true).unwrap().detach();
    stage.step(5);
    assert_eq!(stage.take(), ["0"]);
    next(&waiting).complete(());
    assert_eq!(stage.clock.pending_timers(), 1);
    stage.step(2);
    assert_eq!(stage.take(), ["6"]);
}

#[test]
fn a_call_that_is_stopped_while_a_run_waits_ends_with_that() {
    let stage = Stage::default();
    let (call, waiting) = stage.waiting_call(1);
    let ended = call.start(true).unwrap();
    call.stop().unwrap();
    assert!(!ended.is_settled());
    assert!(!call.is_running());
    assert!(call.start(true).is_err());
    next(&waiting).complete(());
    assert_eq!(ended.try_take().unwrap(), Ok(()));
    stage.step(3);
    assert_eq!(stage.take(), ["0"]);
}

#[test]
fn the_failure_of_a_deferred_is_that_of_the_run() {
    let stage = Stage::default();
    for stopped in [false, true] {
        let (call, waiting) = stage.waiting_call(1);
        let ended = call.start(true).unwrap();
        if stopped {
            call.stop().unwrap();
        }
        next(&waiting).fail("no more".to_owned());
        assert_eq!(ended.try_take().unwrap(), Err("no more".to_owned()));
        assert_eq!(stage.clock.pending_timers(), 0);
        assert!(!call.is_running());
    }
}

#[test]
fn intervals_that_begin_while_a_run_waits_are_counted() {
    let stage = Stage::default();
    let (completer, deferred) = Deferred::<(), Failure>::pair();
    let (log, mut deferred) = (stage.clone(), Some(deferred));
    let call = LoopingCall::with_count(&stage.clock.reactor(), SECOND, move |count| {
        log.note(format!("{}: {count}", log.elapsed()));
        match deferred.take() {
            Some(deferred) => Outcome::Waiting(deferred),
            None => Outcome::Settled(Ok(())),
        }
    });
    call.start(true).unwrap().detach();
    stage.step(3);
    completer.complete(());
    stage.step(2);
    assert_eq!(stage.take(), ["0: 1", "4: 4", "5: 1"]);
}

#[test]
fn the_next_run_is_scheduled_while_the_deferred_fires() {
    let stage = Stage::default();
    let (call, waiting) = stage.waiting_call(2);
    call.start(true).unwrap().detach();
    next(&waiting).complete(());
    // Made after the timer of the next run, so it comes after it.
    let sleep = stage.clock.reactor().sleep(2 * SECOND);
    let other = {
        let stage = stage.clone();
        async move {
            sleep.await?;
            stage.note("other");
            Ok::<_, Aborted>(())
        }
    };
    stage.clock.reactor().spawn(other).detach();
    stage.advance(2);
    assert_eq!(stage.take(), ["0", "2", "other"]);
}

#[test]
fn goes_on_without_handles_and_ends_with_its_loop() {
    let clock = Clock::new();
    let reactor = clock.reactor();
    let runs = Arc::new(Mutex::new(0));
    let call = || {
        let runs = runs.clone();
        LoopingCall::new(&reactor, SECOND, move || {
            *runs.lock().unwrap() += 1;
            Ok::<_, Aborted>(())
        })
    };
    let ended = call().start(false).unwrap();
    clock.advance(SECOND);
    clock.advance(SECOND);
    assert_eq!(*runs.lock().unwrap(), 2);
    drop(clock);
    assert!(ended.try_take().unwrap().unwrap_err().is_shut_down());

    let call = call();
    let ended = call.start(false).unwrap();
    assert!(ended.try_take().unwrap().unwrap_err().is_shut_down());
    assert!(!call.is_running());
}

#[test]
fn leaves_nothing_behind() {
    let clock = Clock::new();
    let held = Arc::new(());
    for stop in [true, false] {
        let in_function = held.clone();
        let call = LoopingCall::new(&clock.reactor(), SECOND, move || {
            let _ = &in_function;
            Ok::<_, Aborted>(())
        });
        call.start(true).unwrap().detach();
        clock.advance(SECOND);
        if stop {
            call.stop().unwrap();
            drop(call);
            assert_eq!(Arc::strong_count(&held), 1);
        }
    }
    drop(clock);
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn runs_on_a_loop_with_threads() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let reactor = interloop_tokio::from_handle(runtime.handle()).unwrap();
    let itself = Own::default();
    let inner = itself.clone();
    let mut runs = 0;
    let call = LoopingCall::new(&reactor, Duration::from_millis(1), move || {
        runs += 1;
        if runs == 3 {
            own(&inner).stop().unwrap();
        }
        Ok(())
    });
    *itself.lock().unwrap() = Some(call.clone());
    assert_eq!(runtime.block_on(call.start(false).unwrap()), Ok(()));
    *itself.lock().unwrap() = None;
}
