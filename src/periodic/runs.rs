//! What a looping call does.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::alarm::{self, Alarm, cancel};
use crate::{Aborted, Completer, Deferred, Outcome, Reactor, time::after};

pub(super) type Function<E> = Box<dyn FnMut(u64) -> Outcome<(), E> + Send>;

/// The runs of a looping call. The function runs, and everything foreign is dropped, with the state unlocked.
pub(super) struct Runs<E: From<Aborted> + 'static> {
    reactor: Reactor,
    interval: Duration,
    counted: bool,
    state: Mutex<State<E>>,
}

struct State<E: From<Aborted> + 'static> {
    /// Away while it runs.
    function: Option<Function<E>>,
    /// There from the start until the end, which is after the last run.
    ended: Option<Completer<(), E>>,
    /// Started, and neither stopped nor failed.
    wanted: bool,
    /// Set between the runs: if it is not, and they have not ended, one is under way.
    alarm: Alarm,
    began_at: Instant,
    first_at_once: bool,
    /// When the last run was counted.
    counted_at: Option<Instant>,
}

impl<E: From<Aborted> + 'static> Runs<E> {
    pub(super) fn new(reactor: &Reactor, interval: Duration, counted: bool, function: Function<E>) -> Self {
        let state = State {
            function: Some(function),
            ended: None,
            wanted: false,
            alarm: Alarm::default(),
            began_at: reactor.now(),
            first_at_once: false,
            counted_at: None,
        };
        Self {
            reactor: reactor.clone(),
            interval,
            counted,
            state: Mutex::new(state),
        }
    }

    pub(super) fn interval(&self) -> Duration {
        self.interval
    }

    /// Whether they were started, and neither stopped nor have failed.
    pub(super) fn are_wanted(&self) -> bool {
        self.lock().wanted
    }

    fn lock(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E: From<Aborted> + Send + 'static> Runs<E> {
    /// Starts them; `None` if they have not ended.
    #[track_caller]
    pub(super) fn start(self: &Arc<Self>, now: bool) -> Option<Deferred<(), E>> {
        let time = self.reactor.now();
        let (deferred, first) = {
            let mut state = self.lock();
            if state.ended.is_some() {
                return None;
            }
            let (completer, deferred) = Deferred::pair();
            state.ended = Some(completer);
            state.wanted = true;
            state.began_at = time;
            state.first_at_once = now;
            state.counted_at = None;
            (deferred, if now { None } else { Some(state.alarm.set()) })
        };
        match first {
            Some(number) => self.schedule(number, time),
            None => self.run(),
        }
        Some(deferred)
    }

    /// Stops them; `None` if they are not wanted.
    pub(super) fn stop(&self) -> Option<()> {
        let (task, ended) = {
            let mut state = self.lock();
            if !mem::take(&mut state.wanted) {
                return None;
            }
            if !state.alarm.is_set() {
                // In a run, after which they end.
                return Some(());
            }
            (state.alarm.unset(), state.ended.take())
        };
        cancel(task);
        if let Some(ended) = ended {
            ended.complete(());
        }
        Some(())
    }

    /// Counts the intervals from now on; `None` if they are not wanted.
    pub(super) fn reset(self: &Arc<Self>) -> Option<()> {
        let now = self.reactor.now();
        let (task, number) = {
            let mut state = self.lock();
            if !state.wanted {
                return None;
            }
            if !state.alarm.is_set() {
                return Some(());
            }
            state.began_at = now;
            (state.alarm.unset(), state.alarm.set())
        };
        cancel(task);
        self.schedule(number, now);
        Some(())
    }

    /// Schedules the next run, as the alarm that has been set.
    fn schedule(self: &Arc<Self>, number: u64, now: Instant) {
        let wait = until_next(self.lock().began_at, now, self.interval);
        let this = self.clone();
        let call = alarm::call(&self.reactor, Some(after(now, wait)), move |waited| {
            this.rung(number, waited);
        });
        let unwanted = self.lock().alarm.keep(number, call);
        cancel(unwanted);
    }

    fn rung(self: &Arc<Self>, number: u64, slept: Result<(), Aborted>) {
        if !self.lock().alarm.ring(number) {
            return;
        }
        match slept {
            Ok(()) => self.run(),
            Err(shut_down) => {
                let ended = {
                    let mut state = self.lock();
                    state.wanted = false;
                    state.ended.take()
                };
                // A call that nobody waits for ends with its loop as a task does: silently.
                if let Some(ended) = ended {
                    let _ = ended.try_settle(Err(E::from(shut_down)));
                }
            }
        }
    }

    fn run(self: &Arc<Self>) {
        let now = self.reactor.now();
        let due = {
            let mut state = self.lock();
            let count = if self.counted {
                state.count(now, self.interval)
            } else {
                1
            };
            // It is there, since runs do not overlap.
            if count > 0 {
                state.function.take().map(|function| (function, count))
            } else {
                None
            }
        };
        let Some((mut function, count)) = due else {
            return self.ran(Ok(()));
        };
        // What it has changed before a panic is seen by nobody but itself, if it is started again.
        let outcome = catch_unwind(AssertUnwindSafe(|| function(count)));
        self.lock().function = Some(function);
        match outcome {
            Ok(Outcome::Settled(result)) => self.ran(result),
            Ok(Outcome::Waiting(deferred)) => {
                let this = self.clone();
                let goes_on = deferred.then(move |result| {
                    this.ran(result);
                    Ok::<_, Aborted>(())
                });
                goes_on.detach();
            }
            Err(panic) => self.ran(Err(E::from(Aborted::panicked(panic)))),
        }
    }

    /// Goes on after a run.
    fn ran(self: &Arc<Self>, result: Result<(), E>) {
        let now = self.reactor.now();
        let mut state = self.lock();
        if state.wanted && result.is_ok() {
            let number = state.alarm.set();
            drop(state);
            return self.schedule(number, now);
        }
        state.wanted = false;
        let ended = state.ended.take();
        drop(state);
        if let Some(ended) = ended {
            ended.settle(result);
        }
    }
}

impl<E: From<Aborted> + 'static> State<E> {
    /// How many intervals have begun since the last run that was counted; if any has, this one is counted.
    fn count(&mut self, now: Instant, interval: Duration) -> u64 {
        let count = if interval.is_zero() {
            1
        } else {
            let before = match self.counted_at {
                Some(last) => intervals(self.began_at, last, interval),
                // The first run counts one, if it is at the start.
                None => -i128::from(self.first_at_once),
            };
            intervals(self.began_at, now, interval) - before
        };
        if count > 0 {
            self.counted_at = Some(now);
        }
        u64::try_from(count.max(0)).unwrap_or(u64::MAX)
    }
}

/// How many whole intervals a point of time is after the start. It may be before, as the start may move.
fn intervals(start: Instant, time: Instant, interval: Duration) -> i128 {
    let whole = |span: Duration| (span.as_nanos() / interval.as_nanos()) as i128;
    match time.checked_duration_since(start) {
        Some(after) => whole(after),
        None => -whole(start.saturating_duration_since(time)),
    }
}

/// From `now` until the next multiple of the interval, which is still to come.
fn until_next(start: Instant, now: Instant, interval: Duration) -> Duration {
    if interval.is_zero() {
        return Duration::ZERO;
    }
    let since_start = now.saturating_duration_since(start).as_nanos();
    // Centuries, if it does not fit.
    let since_last = u64::try_from(since_start % interval.as_nanos()).unwrap_or(u64::MAX);
    interval - Duration::from_nanos(since_last)
}
