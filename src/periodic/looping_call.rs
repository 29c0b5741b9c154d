use std::{error::Error, fmt, sync::Arc, time::Duration};

use super::runs::{Function, Runs};
use crate::{Aborted, Deferred, IntoOutcome, Reactor};

/// Runs a function again and again, at the multiples of an interval since it was started (Twisted's
/// `LoopingCall`).
///
/// Runs never overlap: if the function returns a deferred, the next run waits for that. It comes at the next
/// multiple of the interval that is still to come, so runs do not drift, and those that were missed
/// are left out. An interval of zero runs the function as often as the loop turns; on a [`Clock`](crate::Clock),
/// whose advances run whatever is due, that is until it is stopped.
///
/// ```
/// use std::{sync::{Arc, Mutex}, time::Duration};
/// use interloop::{Aborted, Clock, periodic::LoopingCall};
///
/// let clock = Clock::new();
/// let beats = Arc::new(Mutex::new(Vec::new()));
/// let call = LoopingCall::new(&clock.reactor(), Duration::from_secs(10), {
///     let (clock, beats) = (clock.clone(), beats.clone());
///     move || {
///         beats.lock().unwrap().push(clock.elapsed().as_secs());
///         Ok::<_, Aborted>(())
///     }
/// });
/// let ended = call.start(true).unwrap();
/// clock.advance(Duration::from_secs(25)); // one run, late
/// clock.advance(Duration::from_secs(5));
/// call.stop().unwrap();
/// assert_eq!(*beats.lock().unwrap(), [0, 25, 30]);
/// assert!(ended.try_take().unwrap().is_ok());
/// ```
///
/// # Failures
///
/// A run that fails, or panics, ends the call, and the deferred that [`start`](Self::start) gave has the failure.
/// So it does if the loop shuts down.
///
/// # Handles
///
/// Clones are handles on the same call; when all are dropped, it goes on. A function that owns a handle on
/// its own call keeps itself alive.
pub struct LoopingCall<E: From<Aborted> + 'static = Aborted> {
    runs: Arc<Runs<E>>,
}

impl<E: From<Aborted> + Send + 'static> LoopingCall<E> {
    /// Makes a call of a function, which may return a `Result` or a deferred. It does not run yet.
    pub fn new<R>(reactor: &Reactor, interval: Duration, mut function: impl FnMut() -> R + Send + 'static) -> Self
    where
        R: IntoOutcome<Ok = (), Err = E>,
    {
        let function = move |_| function().into_outcome();
        Self::from_function(reactor, interval, false, Box::new(function))
    }

    /// Makes a call of a function that is told how many intervals have begun since it was last run: one, if
    /// none was missed.
    ///
    /// It is not run while that is none, and always told one if the interval is zero.
    ///
    /// ```
    /// use std::time::Duration;
    /// use interloop::{Aborted, Clock, periodic::LoopingCall};
    ///
    /// let clock = Clock::new();
    /// let call = LoopingCall::with_count(&clock.reactor(), Duration::from_secs(1), |seconds| {
    ///     println!("{seconds} seconds later");
    ///     Ok::<_, Aborted>(())
    /// });
    /// call.start(false).unwrap().detach();
    /// clock.advance(Duration::from_millis(3500)); // 3 seconds later
    /// ```
    pub fn with_count<R>(
        reactor: &Reactor,
        interval: Duration,
        mut function: impl FnMut(u64) -> R + Send + 'static,
    ) -> Self
    where
        R: IntoOutcome<Ok = (), Err = E>,
    {
        let function = move |count| function(count).into_outcome();
        Self::from_function(reactor, interval, true, Box::new(function))
    }

    fn from_function(reactor: &Reactor, interval: Duration, counted: bool, function: Function<E>) -> Self {
        Self {
            runs: Arc::new(Runs::new(reactor, interval, counted, function)),
        }
    }

    /// Starts it, and gives a deferred that fires when it has ended: after [`stop`](Self::stop), or with
    /// the failure of a run.
    ///
    /// With `now` the first run is made before this returns, otherwise after one interval. Cancelling the
    /// deferred does not stop the call.
    ///
    /// # Errors
    /// If it is running, or was stopped in a run that has not ended.
    #[track_caller]
    pub fn start(&self, now: bool) -> Result<Deferred<(), E>, AlreadyRunning> {
        self.runs.start(now).ok_or(AlreadyRunning(()))
    }

    /// Stops it. If a run is under way, also one that waits for its deferred, the call ends with that.
    ///
    /// # Errors
    /// If it is not running.
    pub fn stop(&self) -> Result<(), NotRunning> {
        self.runs.stop().ok_or(NotRunning(()))
    }

    /// Begins anew to count intervals from now, if it waits for its next run. In a run this does nothing.
    ///
    /// # Errors
    /// If it is not running.
    pub fn reset(&self) -> Result<(), NotRunning> {
        self.runs.reset().ok_or(NotRunning(()))
    }

    /// Whether it was started, and neither stopped nor failed.
    pub fn is_running(&self) -> bool {
        self.runs.are_wanted()
    }

    /// The time between runs.
    pub fn interval(&self) -> Duration {
        self.runs.interval()
    }
}

impl<E: From<Aborted> + 'static> Clone for LoopingCall<E> {
    fn clone(&self) -> Self {
        Self {
            runs: self.runs.clone(),
        }
    }
}

impl<E: From<Aborted> + 'static> fmt::Debug for LoopingCall<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopingCall")
            .field("interval", &self.runs.interval())
            .field("running", &self.runs.are_wanted())
            .finish_non_exhaustive()
    }
}

/// A looping call was to be started, and has not ended. See [`LoopingCall::start`].
#[derive(Clone, Debug)]
pub struct AlreadyRunning(());

impl fmt::Display for AlreadyRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the looping call has not ended: stop it, and wait for the deferred that `start` gave \
             before starting it again",
        )
    }
}

impl Error for AlreadyRunning {}

/// A looping call was to be stopped or reset, and does not run. See [`LoopingCall::stop`].
#[derive(Clone, Debug)]
pub struct NotRunning(());

impl fmt::Display for NotRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the looping call is not running: it was never started, was stopped already, or has failed")
    }
}

impl Error for NotRunning {}
