//! Waiting for a deferred on a thread that is no loop's.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use super::current;
use crate::{Aborted, Deferred, Reactor};

/// Waiting on a plain thread.
impl<T: 'static, E: From<Aborted> + 'static> Deferred<T, E> {
    /// Blocks this thread until the result is there.
    ///
    /// For threads of your own, and for blocking jobs; a thread that holds a guard of
    /// [`Reactor::enter`](crate::Reactor::enter) is one of your own, too. On a thread that runs a loop (in a task, in a
    /// callback that a task runs, inside of an adapter's `block_on` or of a [`Clock`](crate::Clock)) it would keep
    /// from running what the deferred waits for: there a deferred that is pending is let go, and the result is
    /// [`Aborted::deadlock`]. A result that is there already is given anywhere.
    ///
    /// What is not known here is what a loop runs that did not come through a reactor: a task that was spawned natively, or the
    /// future that tokio's `Runtime::block_on` was given. Waiting there holds the loop up, and so it does where this
    /// thread is the one that would have to drive the loop next, as with a `Clock`.
    ///
    /// ```
    /// use interloop::{Aborted, Deferred};
    ///
    /// let (completer, deferred) = Deferred::<u8, Aborted>::pair();
    /// std::thread::spawn(move || completer.complete(7));
    /// assert_eq!(deferred.wait().unwrap(), 7);
    /// ```
    ///
    /// # Errors
    /// Those of the deferred, and the one above.
    ///
    /// # Panics
    /// If the result was taken before, as with any future.
    pub fn wait(mut self) -> Result<T, E> {
        self.wait_until(None).expect("without a limit the time is never up")
    }

    /// Blocks this thread until the result is there, or the time is up. See [`wait`](Self::wait).
    ///
    /// `None` says that the time was up; the deferred is as before, and can be waited for again, chained or awaited. So
    /// it is after [`Aborted::deadlock`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use interloop::{Aborted, Deferred};
    ///
    /// let (completer, mut deferred) = Deferred::<u8, Aborted>::pair();
    /// assert!(deferred.wait_timeout(Duration::from_millis(1)).is_none());
    /// completer.complete(7);
    /// assert_eq!(deferred.wait().unwrap(), 7);
    /// ```
    ///
    /// # Errors
    /// As for [`wait`](Self::wait).
    ///
    /// # Panics
    /// If the result was taken before, as with any future.
    pub fn wait_timeout(&mut self, limit: Duration) -> Option<Result<T, E>> {
        // A limit that no clock can hold is none.
        self.wait_until(Instant::now().checked_add(limit))
    }

    fn wait_until(&mut self, deadline: Option<Instant>) -> Option<Result<T, E>> {
        let mut this = Pin::new(self);
        // Most that are waited for late are there, and need no waker.
        if let Poll::Ready(result) = this.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(result);
        }
        match poll_until(deadline, |cx| this.as_mut().poll(cx)) {
            Ok(polled) => polled,
            Err(deadlock) => Some(Err(E::from(deadlock))),
        }
    }
}

impl Reactor {
    /// Blocks this thread until a future is ready, which is polled here, with this reactor as the current one.
    ///
    /// For threads of your own, as [`Deferred::wait`] is, and for futures that are not `'static` or not `Send`. The loop has to be run by
    /// somebody else meanwhile.
    ///
    /// ```
    /// use interloop::Reactor;
    ///
    /// let reactor = interloop_smol::global();
    /// let found = reactor.wait_for(async { Reactor::current().is_ok() });
    /// assert!(found.unwrap());
    ///
    /// let nested = reactor.spawn_infallible(async { Reactor::current().unwrap().wait_for(std::future::pending::<()>()) });
    /// assert!(nested.wait().unwrap().unwrap_err().is_deadlock());
    /// ```
    ///
    /// # Errors
    /// [`Aborted::deadlock`] on a thread that runs a loop, if the future is not ready at once. It is dropped then.
    pub fn wait_for<F: Future>(&self, future: F) -> Result<F::Output, Aborted> {
        let _entered = self.enter();
        let mut future = pin!(future);
        poll_blocking(|cx| future.as_mut().poll(cx))
    }
}

/// Blocks this thread until `poll` is ready.
///
/// # Errors
/// [`Aborted::deadlock`] if this thread runs a loop, and a first poll was not ready.
pub(crate) fn poll_blocking<R>(poll: impl FnMut(&mut Context<'_>) -> Poll<R>) -> Result<R, Aborted> {
    poll_until(None, poll).map(|polled| polled.expect("without a limit the time is never up"))
}

/// Blocks this thread until `poll` is ready; `None` if the time is up first.
fn poll_until<R>(
    deadline: Option<Instant>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<R>,
) -> Result<Option<R>, Aborted> {
    if current::runs_loop() {
        return match poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => Ok(Some(result)),
            Poll::Pending => Err(Aborted::deadlock()),
        };
    }
    let unpark = Arc::new(Unpark {
        thread: thread::current(),
        is_woken: AtomicBool::new(false),
    });
    let waker = Waker::from(unpark.clone());
    loop {
        if let Poll::Ready(result) = poll(&mut Context::from_waker(&waker)) {
            return Ok(Some(result));
        }
        if !unpark.park_until(deadline) {
            return Ok(None);
        }
    }
}

struct Unpark {
    thread: Thread,
    /// Whatever else parks or unparks this thread may take the token, or leave one.
    is_woken: AtomicBool,
}

impl Unpark {
    /// Parks this thread, which is the one that it is for, until it is woken; false if the time is up first.
    fn park_until(&self, deadline: Option<Instant>) -> bool {
        // ORDERING: pairs with `wake`; what was done before that is seen by the next poll.
        while !self.is_woken.swap(false, Ordering::Acquire) {
            let Some(deadline) = deadline else {
                thread::park();
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            thread::park_timeout(left);
        }
        true
    }
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // ORDERING: pairs with `park_until`.
        self.is_woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}
