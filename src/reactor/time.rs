//! Waiting: [`Sleep`], [`Timeout`] and [`Interval`], made by a [`Reactor`].

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use futures_core::Stream;
use pin_project_lite::pin_project;

use super::{Reactor, Timer};
use crate::Aborted;

/// The point of time after a duration; one that no clock can hold is thirty years away.
pub(crate) fn after(now: Instant, duration: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);
    now.checked_add(duration).unwrap_or_else(|| now + FAR)
}

/// Waits until its deadline. Made by [`Reactor::sleep`].
///
/// Its output is an error only if the loop has shut down ([`Aborted::shut_down`]).
///
/// Cancel safety: a `&mut Sleep` can be awaited again; its deadline stays, and once it has passed the
/// sleep is ready at every poll, until it is [reset](Self::reset).
#[must_use = "futures do nothing unless awaited"]
pub struct Sleep {
    timer: Pin<Box<dyn Timer>>,
    deadline: Instant,
    elapsed: bool,
}

impl Sleep {
    pub(super) fn new(timer: Pin<Box<dyn Timer>>, deadline: Instant) -> Self {
        Self {
            timer,
            deadline,
            elapsed: false,
        }
    }

    /// When it is ready.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Moves the deadline, in either direction, without making a new timer.
    ///
    /// ```
    /// # async fn example(reactor: interloop::Reactor) -> Result<(), interloop::Aborted> {
    /// use std::time::Duration;
    ///
    /// let mut idle = reactor.sleep(Duration::from_secs(30));
    /// // … something happened, so the 30 seconds begin again:
    /// idle.reset(reactor.now() + Duration::from_secs(30));
    /// idle.await
    /// # }
    /// ```
    pub fn reset(&mut self, deadline: Instant) {
        self.deadline = deadline;
        self.elapsed = false;
        self.timer.as_mut().reset(deadline);
    }
}

impl Future for Sleep {
    type Output = Result<(), Aborted>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Loops differ in what their timers do when they are polled after that.
        if !self.elapsed {
            ready!(self.timer.as_mut().poll(cx))?;
            self.elapsed = true;
        }
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("deadline", &self.deadline).finish()
    }
}

pin_project! {
    /// A future with a time limit. Made by [`Reactor::timeout`].
    ///
    /// The future is polled before the clock is looked at: one that is ready always wins.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Timeout<F> {
        reactor: Reactor,
        deadline: Instant,
        // Made when the future was not ready at once: then most need none.
        sleep: Option<Sleep>,
        #[pin]
        future: F,
    }
}

impl<F> Timeout<F> {
    pub(super) fn new(reactor: Reactor, deadline: Instant, future: F) -> Self {
        Self {
            reactor,
            deadline,
            sleep: None,
            future,
        }
    }

    /// When the time is up.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Gives the future back, without its limit.
    pub fn into_inner(self) -> F {
        self.future
    }
}

impl<T, E, F> Future for Timeout<F>
where
    F: Future<Output = Result<T, E>>,
    E: From<Aborted>,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(result) = this.future.poll(cx) {
            return Poll::Ready(result);
        }
        let sleep = this
            .sleep
            .get_or_insert_with(|| this.reactor.sleep_until(*this.deadline));
        let aborted = match ready!(Pin::new(sleep).poll(cx)) {
            Ok(()) => Aborted::timed_out(),
            Err(aborted) => aborted,
        };
        Poll::Ready(Err(E::from(aborted)))
    }
}

/// What an [`Interval`] does about ticks that nobody took in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedTicks {
    /// Leave them out: the next tick is the next multiple of the period since the start that is
    /// still to come. No drift (the rule of Twisted's `LoopingCall`).
    #[default]
    Skip,
    /// Make up for them: tick without pause until none is missing.
    Burst,
    /// Begin again: the next tick is one period after this one was taken.
    Delay,
}

/// Ticks at a steady rate. Made by [`Reactor::interval`].
///
/// The first tick is at the start, which is at once unless it was said otherwise.
pub struct Interval {
    sleep: Sleep,
    reactor: Reactor,
    period: Duration,
    missed: MissedTicks,
}

impl Interval {
    pub(super) fn new(sleep: Sleep, reactor: Reactor, period: Duration) -> Self {
        Self {
            sleep,
            reactor,
            period: period.max(Duration::from_nanos(1)),
            missed: MissedTicks::default(),
        }
    }

    /// Sets what is done about missed ticks.
    ///
    /// ```
    /// # async fn example(reactor: interloop::Reactor) -> Result<(), interloop::Aborted> {
    /// use std::time::Duration;
    /// use interloop::time::MissedTicks;
    ///
    /// let mut beat = reactor.interval(Duration::from_secs(1)).missed_ticks(MissedTicks::Delay);
    /// beat.tick().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn missed_ticks(mut self, missed: MissedTicks) -> Self {
        self.missed = missed;
        self
    }

    /// The time between ticks.
    pub fn period(&self) -> Duration {
        self.period
    }

    /// Waits for the next tick, and gives the time for which it was due.
    ///
    /// Cancel safety: a tick is not lost when this is dropped.
    ///
    /// # Errors
    /// If the loop has shut down.
    pub async fn tick(&mut self) -> Result<Instant, Aborted> {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// Polls for the next tick. See [`tick`](Self::tick).
    ///
    /// # Errors
    /// If the loop has shut down.
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Result<Instant, Aborted>> {
        ready!(Pin::new(&mut self.sleep).poll(cx))?;
        let due = self.sleep.deadline();
        let next = next_tick(due, self.reactor.now(), self.period, self.missed);
        self.sleep.reset(next);
        Poll::Ready(Ok(due))
    }
}

fn next_tick(due: Instant, now: Instant, period: Duration, missed: MissedTicks) -> Instant {
    match missed {
        MissedTicks::Burst => after(due, period),
        MissedTicks::Delay => after(now, period),
        MissedTicks::Skip => {
            let late = now.saturating_duration_since(due).as_nanos();
            // Below one period, so it fits.
            let since_last = Duration::from_nanos((late % period.as_nanos()) as u64);
            after(now.max(due), period - since_last)
        }
    }
}

/// Never ends, except with the error that the loop has shut down, which it then repeats.
impl Stream for Interval {
    type Item = Result<Instant, Aborted>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_tick(cx).map(Some)
    }
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interval")
            .field("period", &self.period)
            .field("missed_ticks", &self.missed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn ticks_taken_in_time_do_not_drift() {
        let due = Instant::now();
        let taken = due + Duration::from_millis(10);
        for missed in [MissedTicks::Skip, MissedTicks::Burst] {
            assert_eq!(next_tick(due, taken, SECOND, missed), due + SECOND);
        }
        assert_eq!(next_tick(due, taken, SECOND, MissedTicks::Delay), taken + SECOND);
    }

    #[test]
    fn missed_ticks_follow_their_policy() {
        let due = Instant::now();
        let taken = due + Duration::from_millis(3500);
        assert_eq!(next_tick(due, taken, SECOND, MissedTicks::Skip), due + 4 * SECOND);
        assert_eq!(next_tick(due, taken, SECOND, MissedTicks::Burst), due + SECOND);
        assert_eq!(next_tick(due, taken, SECOND, MissedTicks::Delay), taken + SECOND);
        // Exactly on a tick: that one counts as missed.
        assert_eq!(
            next_tick(due, due + 3 * SECOND, SECOND, MissedTicks::Skip),
            due + 4 * SECOND
        );
    }

    #[test]
    fn durations_past_the_end_of_time_are_far_away() {
        let now = Instant::now();
        assert!(after(now, Duration::MAX) > now + 1_000_000 * SECOND);
    }
}
