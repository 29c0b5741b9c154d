//! Futures that run inside the firing of what they wait for.
//!
//! A [`Coroutine`] is the same in both flavours, but for its wakers: that of one which goes from thread to thread is the coroutine
//! itself, and that of one which stays on its thread only names it, see [`home`].

pub(crate) mod home;

use std::{
    cell::Cell,
    future::Future,
    panic::{AssertUnwindSafe, Location, catch_unwind},
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
    Deferred,
    cell::{
        self, Cancelling, chain,
        control::Control,
        half::{Consumer, Producer},
    },
};
use crate::Aborted;

thread_local! {
    // Apart from the list, as it has no destructor: every poll that is pending looks at it.
    static RUNNING: Cell<Running> = const { Cell::new(Running::None) };
    /// What the coroutine that is being polled on this thread has found pending.
    static AWAITED: Cell<Vec<Arc<Control>>> = const { Cell::new(Vec::new()) };
}

/// The coroutine that is being polled on this thread.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Running {
    None,
    /// One that goes from thread to thread.
    Sendable,
    /// One that stays on this thread.
    Local,
}

/// Whether a coroutine is being polled on this thread that may cancel what goes from thread to thread. Any may.
#[inline]
pub(super) fn is_running() -> bool {
    RUNNING.get() != Running::None
}

/// Whether a coroutine is being polled on this thread that may cancel what stays on it.
///
/// One that goes to another thread must not have the control of such a chain: it would run there what is not `Send`. Its future
/// cannot own the deferred, but can find it in a thread-local.
#[inline]
pub(super) fn is_running_at_home() -> bool {
    RUNNING.get() == Running::Local
}

/// Notes that the coroutine which is being polled waits for a chain.
pub(super) fn awaits(control: Arc<Control>) {
    let mut awaited = AWAITED.take();
    awaited.push(control);
    AWAITED.set(awaited);
}

/// The coroutine around, for the time that another one is polled inside of it.
struct Outer {
    was_running: Running,
    awaited: Vec<Arc<Control>>,
}

impl Outer {
    fn step_aside(running: Running) -> Self {
        Self {
            was_running: RUNNING.replace(running),
            awaited: AWAITED.take(),
        }
    }

    /// Gives what the inner one awaits.
    fn step_back(self) -> Vec<Arc<Control>> {
        RUNNING.set(self.was_running);
        AWAITED.replace(self.awaited)
    }
}

/// Whose turn it is.
mod turn {
    use std::sync::atomic::{
        AtomicUsize,
        Ordering::{AcqRel, Acquire},
    };

    pub(super) const IDLE: usize = 0;
    pub(super) const RUNNING: usize = 1;
    /// Running, and woken since its last poll began.
    pub(super) const WOKEN: usize = 2;
    pub(super) const ENDED: usize = 3;
    /// Idle, and woken from another thread than that which it stays on.
    pub(super) const CALLED: usize = 4;

    /// Wakes; says whether the turn is the caller's now, who is to run it.
    pub(super) fn takes(turn: &AtomicUsize) -> bool {
        wakes(turn, RUNNING)
    }

    /// Wakes from another thread; says whether the thread is to be told.
    pub(super) fn calls(turn: &AtomicUsize) -> bool {
        wakes(turn, CALLED)
    }

    /// As [`takes`], where that does nothing unless another thread has called.
    pub(super) fn was_called(turn: &AtomicUsize) -> bool {
        // ORDERING: as in `wakes`.
        turn.compare_exchange(CALLED, RUNNING, AcqRel, Acquire).is_ok()
    }

    fn wakes(turn: &AtomicUsize, idle_becomes: usize) -> bool {
        // ORDERING: Acquire for the body as the last turn left it; Release for what woke it.
        let mut seen = turn.load(Acquire);
        loop {
            let next = match seen {
                IDLE | CALLED if seen != idle_becomes => idle_becomes,
                RUNNING => WOKEN,
                _ => return false,
            };
            match turn.compare_exchange(seen, next, AcqRel, Acquire) {
                Ok(_) => return next == idle_becomes,
                Err(now) => seen = now,
            }
        }
    }

    /// Ends it, if it is idle; says whether it was.
    pub(super) fn ends(turn: &AtomicUsize) -> bool {
        // ORDERING: Acquire for the body as the last turn left it.
        let stops = |from| turn.compare_exchange(from, ENDED, Acquire, Acquire).is_ok();
        stops(IDLE) || stops(CALLED) || stops(IDLE)
    }
}

/// A future, and the deferred that it fires. `Turn` says which flavour it has.
struct Coroutine<T: 'static, E: From<Aborted> + 'static, F, Turn> {
    turn: Turn,
    body: Mutex<Option<Body<T, E, F>>>,
    /// What the last poll found pending.
    awaited: Mutex<Vec<Arc<Control>>>,
}

struct Body<T: 'static, E: From<Aborted> + 'static, F> {
    future: Pin<Box<F>>,
    producer: Producer<T, E>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T, E, F, Turn> Coroutine<T, E, F, Turn>
where
    F: Future<Output = Result<T, E>> + 'static,
    T: 'static,
    E: From<Aborted> + 'static,
    Turn: AsTurn,
{
    /// One that has not begun, and the consumer of what it comes to.
    ///
    /// The consumer goes into a deferred of the flavour that `Turn` stands for.
    fn new(future: F, turn: Turn, made_at: &'static Location<'static>) -> (Arc<Self>, Consumer<T, E>) {
        let mut own = None;
        // Weak, as the coroutine lives with its wakers, and would otherwise live with itself.
        let coroutine = Arc::new_cyclic(|coroutine: &Weak<Self>| {
            let coroutine = coroutine.clone();
            let canceller = move |cancelling: Cancelling<'_, T, E>| {
                // Otherwise nobody is left to resume.
                coroutine.upgrade().is_none_or(|coroutine| coroutine.cancel(cancelling))
            };
            let (producer, consumer) = cell::with_canceller(canceller, made_at);
            own = Some(consumer);
            Self {
                turn,
                body: Mutex::new(Some(Body {
                    future: Box::pin(future),
                    producer,
                })),
                awaited: Mutex::new(Vec::new()),
            }
        });
        (coroutine, own.expect("`new_cyclic` calls its closure"))
    }

    /// Polls until there is nothing to do. The turn is the caller's.
    fn run(&self, waker: &Waker) {
        let turn = self.turn.as_turn();
        let mut cx = Context::from_waker(waker);
        // No lock is held while foreign code runs.
        let Some(mut body) = lock(&self.body).take() else {
            return;
        };
        loop {
            let outer = Outer::step_aside(Turn::RUNNING);
            // The future is dropped after a panic, so nobody sees it half changed.
            let polled = catch_unwind(AssertUnwindSafe(|| body.future.as_mut().poll(&mut cx)));
            let awaited = outer.step_back();
            let result = match polled {
                Ok(Poll::Pending) => {
                    let previous = std::mem::replace(&mut *lock(&self.awaited), awaited);
                    drop(previous);
                    *lock(&self.body) = Some(body);
                    // ORDERING: Release for the next turn; Acquire for what woke it.
                    match turn.compare_exchange(turn::RUNNING, turn::IDLE, AcqRel, Acquire) {
                        Ok(_) => return,
                        Err(_) => turn.store(turn::RUNNING, Release),
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
            turn.store(turn::ENDED, Release);
            let Body { future, producer } = body;
            // The future goes first, so that whoever sees the result sees what it held released.
            let result = match catch_unwind(AssertUnwindSafe(|| drop(future))) {
                Ok(()) => result,
                Err(panic) => Err(E::from(Aborted::panicked(panic))),
            };
            producer.fire(result);
            return;
        }
    }

    /// What [`cell::with_canceller`] asks: says whether the cancellation goes on.
    fn cancel(&self, cancelling: Cancelling<'_, T, E>) -> bool {
        let awaited = lock(&self.awaited).clone();
        if let [control] = &awaited[..] {
            // The coroutine is resumed with what that comes to, and may go on.
            control.cancel();
            return false;
        }
        // It waits for something that is not a deferred, or for several.
        if !turn::ends(self.turn.as_turn()) {
            // From inside the body a cancellation does nothing (Twisted's rule).
            return false;
        }
        let Some(Body { future, producer }) = lock(&self.body).take() else {
            return true;
        };
        // One that panics fails the deferred, as any panic of a canceller does.
        drop(future);
        drop(cancelling.fire(Err(E::from(Aborted::cancelled()))));
        drop(producer);
        false
    }
}

/// Where the turn of a coroutine is, and which flavour it has.
trait AsTurn: 'static {
    const RUNNING: Running;

    fn as_turn(&self) -> &AtomicUsize;
}

/// In the coroutine, which is its own waker.
impl AsTurn for AtomicUsize {
    const RUNNING: Running = Running::Sendable;

    fn as_turn(&self) -> &AtomicUsize {
        self
    }
}

impl<T, E, F> Wake for Coroutine<T, E, F, AtomicUsize>
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<Aborted> + Send + 'static,
{
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if turn::takes(&self.turn) {
            let coroutine = self.clone();
            chain::nested(move || {
                let waker = Waker::from(coroutine.clone());
                coroutine.run(&waker);
            });
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
        let turn = AtomicUsize::new(turn::IDLE);
        let (coroutine, consumer) = Coroutine::new(future, turn, Location::caller());
        coroutine.wake_by_ref();
        Self::from_half(consumer)
    }
}
