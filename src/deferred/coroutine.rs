//! Futures that run inside the firing of what they wait for.

use std::{
    cell::Cell,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{
            AtomicUsize,
            Ordering::{AcqRel, Acquire, Release},
        },
    },
    task::{Context, Poll, Wake, Waker},
};

use super::{
    Cancellation, Completer, Deferred,
    cell::{chain, control::Control},
};
use crate::Aborted;

thread_local! {
    // Apart from the list, as it has no destructor: every poll that is pending looks at it.
    static IS_RUNNING: Cell<bool> = const { Cell::new(false) };
    /// What the coroutine that is being polled on this thread has found pending.
    static AWAITED: Cell<Vec<Arc<Control>>> = const { Cell::new(Vec::new()) };
}

/// Whether a coroutine is being polled on this thread.
#[inline]
pub(super) fn is_running() -> bool {
    IS_RUNNING.get()
}

/// Notes that the coroutine which is being polled waits for a chain.
pub(super) fn awaits(control: Arc<Control>) {
    let mut awaited = AWAITED.take();
    awaited.push(control);
    AWAITED.set(awaited);
}

/// The coroutine around, for the time that another one is polled inside of it.
struct Outer {
    was_running: bool,
    awaited: Vec<Arc<Control>>,
}

impl Outer {
    fn step_aside() -> Self {
        Self {
            was_running: IS_RUNNING.replace(true),
            awaited: AWAITED.take(),
        }
    }

    /// Gives what the inner one awaits.
    fn step_back(self) -> Vec<Arc<Control>> {
        IS_RUNNING.set(self.was_running);
        AWAITED.replace(self.awaited)
    }
}

/// Whose turn it is.
mod turn {
    pub(super) const IDLE: usize = 0;
    pub(super) const RUNNING: usize = 1;
    /// Running, and woken since its last poll began.
    pub(super) const WOKEN: usize = 2;
    pub(super) const ENDED: usize = 3;
}

struct Coroutine<T: 'static, E: From<Aborted> + 'static, F> {
    turn: AtomicUsize,
    body: Mutex<Option<Body<T, E, F>>>,
    /// What the last poll found pending.
    awaited: Mutex<Vec<Arc<Control>>>,
}

struct Body<T: 'static, E: From<Aborted> + 'static, F> {
    future: Pin<Box<F>>,
    completer: Completer<T, E>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T, E, F> Coroutine<T, E, F>
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<Aborted> + Send + 'static,
{
    fn takes_turn(&self) -> bool {
        // ORDERING: Acquire for the body as the last turn left it; Release for what woke it.
        let mut seen = self.turn.load(Acquire);
        loop {
            let next = match seen {
                turn::IDLE => turn::RUNNING,
                turn::RUNNING => turn::WOKEN,
                _ => return false,
            };
            match self.turn.compare_exchange(seen, next, AcqRel, Acquire) {
                Ok(_) => return next == turn::RUNNING,
                Err(now) => seen = now,
            }
        }
    }

    /// Polls until there is nothing to do. The turn is the caller's.
    fn run(self: &Arc<Self>) {
        let waker = Waker::from(self.clone());
        let mut cx = Context::from_waker(&waker);
        // No lock is held while foreign code runs.
        let Some(mut body) = lock(&self.body).take() else {
            return;
        };
        loop {
            let outer = Outer::step_aside();
            // The future is dropped after a panic, so nobody sees it half changed.
            let polled = catch_unwind(AssertUnwindSafe(|| body.future.as_mut().poll(&mut cx)));
            let awaited = outer.step_back();
            let result = match polled {
                Ok(Poll::Pending) => {
                    let previous = std::mem::replace(&mut *lock(&self.awaited), awaited);
                    drop(previous);
                    *lock(&self.body) = Some(body);
                    // ORDERING: Release for the next turn; Acquire for what woke it.
                    match self.turn.compare_exchange(turn::RUNNING, turn::IDLE, AcqRel, Acquire) {
                        Ok(_) => return,
                        Err(_) => self.turn.store(turn::RUNNING, Release),
                    }
                    match lock(&self.body).take() {
                        Some(mine) => body = mine,
                        None => return,
                    }
                    continue;
                }
                Ok(Poll::Ready(result)) => result,
                Err(panic) => Err(E::from(Aborted::panicked(panic))),
            };
            self.turn.store(turn::ENDED, Release);
            let Body { future, completer } = body;
            // The future goes first, so that whoever sees the result sees what it held released.
            let result = match catch_unwind(AssertUnwindSafe(|| drop(future))) {
                Ok(()) => result,
                Err(panic) => Err(E::from(Aborted::panicked(panic))),
            };
            completer.settle(result);
            return;
        }
    }

    fn cancel(&self, cancellation: Cancellation<'_, T, E>) {
        let awaited = lock(&self.awaited).clone();
        if let [control] = &awaited[..] {
            // The coroutine is resumed with what that comes to, and may go on.
            cancellation.refuse();
            control.cancel();
            return;
        }
        // It waits for something that is not a deferred, or for several.
        // ORDERING: Acquire for the body as the last turn left it.
        let stopped = self.turn.compare_exchange(turn::IDLE, turn::ENDED, Acquire, Acquire);
        if stopped.is_err() {
            // From inside the body a cancellation does nothing (Twisted's rule).
            cancellation.refuse();
            return;
        }
        let Some(Body { future, completer }) = lock(&self.body).take() else {
            return;
        };
        // One that panics fails the deferred, as any panic of a canceller does.
        drop(future);
        cancellation.fail(E::from(Aborted::cancelled()));
        drop(completer);
    }
}

impl<T, E, F> Wake for Coroutine<T, E, F>
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<Aborted> + Send + 'static,
{
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.takes_turn() {
            let coroutine = self.clone();
            chain::nested(move || coroutine.run());
        }
    }
}

impl<T, E> Deferred<T, E>
where
    T: Send + 'static,
    E: From<Aborted> + Send + 'static,
{
    /// Starts a future at once, here, and resumes it inside the firing of what it awaits, on the thread that fires
    /// (Twisted's `ensureDeferred`). It needs no event loop. One that is [spawned](crate::Reactor::spawn) runs on its loop
    /// instead, when that comes to it.
    ///
    /// Cancelling it cancels the deferred that it awaits: it sees the outcome of that, and may go on. If it awaits something
    /// else, or several deferreds at once, the future is dropped where it stands; from inside its own code, cancelling does
    /// nothing. Dropping the deferred detaches it. A coroutine that nothing will ever wake is dropped with the last waker, and
    /// fails with [`Aborted::dropped`].
    ///
    /// Four allocations, and two more for every deferred that it finds pending.
    ///
    /// ```
    /// use interloop::{Aborted, Deferred};
    ///
    /// let (completer, name) = Deferred::<&str, Aborted>::pair();
    /// let greeting = Deferred::from_coroutine(async { Ok::<_, Aborted>(format!("hello, {}", name.await?)) });
    /// completer.complete("world"); // resumes the coroutine, which ends
    /// assert_eq!(greeting.try_take().unwrap().unwrap(), "hello, world");
    /// ```
    #[track_caller]
    pub fn from_coroutine(future: impl Future<Output = Result<T, E>> + Send + 'static) -> Self {
        let mut deferred = None;
        // Weak, as the coroutine lives with its wakers, and would otherwise live with itself.
        let coroutine = Arc::new_cyclic(|coroutine: &Weak<Coroutine<T, E, _>>| {
            let coroutine = coroutine.clone();
            let (completer, own) = Self::with_canceller(move |cancellation| {
                // Otherwise nobody is left to resume.
                if let Some(coroutine) = coroutine.upgrade() {
                    coroutine.cancel(cancellation);
                }
            });
            deferred = Some(own);
            Coroutine {
                turn: AtomicUsize::new(turn::IDLE),
                body: Mutex::new(Some(Body {
                    future: Box::pin(future),
                    completer,
                })),
                awaited: Mutex::new(Vec::new()),
            }
        });
        coroutine.wake_by_ref();
        deferred.expect("`new_cyclic` calls its closure")
    }
}
