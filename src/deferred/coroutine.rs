//! Futures that run inside the firing of what they wait for.
//!
//! A [`Coroutine`] is the same in both flavours, but for its wakers: that of one which goes from thread to thread is the coroutine
//! itself, and that of one which stays on its thread only names it, see [`home`].
//!
//! A deferred resumes it where it fires. What else wakes it may hold a lock meanwhile, which the coroutine would wait for when it
//! polls that again: channels do. So that leaves it to a loop, where there is one. To tell the two apart, a deferred that
//! the coroutine awaits is polled with another waker, see [`in_firing`].

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
    /// What resumes it in the firing of a deferred; `None` if every waker does.
    static FIRED: Cell<Option<Arc<dyn Fired>>> = const { Cell::new(None) };
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

/// What a deferred that fires resumes: a coroutine whose other wakers leave it to a loop.
trait Fired: Send + Sync + 'static {
    fn resume(self: Arc<Self>);
}

/// The waker that a deferred has of a coroutine.
struct InFiring(Arc<dyn Fired>);

impl Wake for InFiring {
    fn wake(self: Arc<Self>) {
        self.0.clone().resume();
    }
}

/// Polls a deferred that the coroutine awaits itself, which is to resume it where it fires.
pub(super) fn in_firing<R>(cx: &mut Context<'_>, poll: impl FnOnce(&mut Context<'_>) -> R) -> R {
    let fired = FIRED.take();
    // What stands between the two has a waker of its own, and resumes the coroutine as all else does.
    let own = fired
        .clone()
        .filter(|fired| Arc::as_ptr(fired).cast() == cx.waker().data());
    FIRED.set(fired);
    match own {
        Some(own) => poll(&mut Context::from_waker(&Waker::from(Arc::new(InFiring(own))))),
        None => poll(cx),
    }
}

/// The coroutine around, for the time that another one is polled inside of it.
struct Outer {
    was_running: Running,
    fired: Option<Arc<dyn Fired>>,
    awaited: Vec<Arc<Control>>,
}

impl Outer {
    /// `empty` is for what the inner one awaits.
    fn step_aside(running: Running, fired: Option<Arc<dyn Fired>>, empty: Vec<Arc<Control>>) -> Self {
        Self {
            was_running: RUNNING.replace(running),
            fired: FIRED.replace(fired),
            awaited: AWAITED.replace(empty),
        }
    }

    /// Gives what the inner one awaits.
    fn step_back(self) -> Vec<Arc<Control>> {
        RUNNING.set(self.was_running);
        drop(FIRED.replace(self.fired));
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
    /// Idle, and woken where it is not resumed: that is left to a loop, or to the thread that it stays on.
    pub(super) const CALLED: usize = 4;

    /// Wakes; says whether the turn is the caller's now, who is to run it.
    pub(super) fn takes(turn: &AtomicUsize) -> bool {
        wakes(turn, RUNNING)
    }

    /// Wakes where it is not resumed; says whether the loop or the thread is to be told.
    pub(super) fn calls(turn: &AtomicUsize) -> bool {
        wakes(turn, CALLED)
    }

    /// As [`takes`], where that does nothing unless it was called.
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
    /// Empty; kept, so that a poll does not allocate one.
    spare: Vec<Arc<Control>>,
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
                    spare: Vec::new(),
                })),
                awaited: Mutex::new(Vec::new()),
            }
        });
        (coroutine, own.expect("`new_cyclic` calls its closure"))
    }

    /// Polls until there is nothing to do. The turn is the caller's. `fired` is given if the waker leaves it to a loop.
    fn run(&self, waker: &Waker, fired: Option<&Arc<dyn Fired>>) {
        let turn = self.turn.as_turn();
        let mut cx = Context::from_waker(waker);
        // No lock is held while foreign code runs.
        let Some(mut body) = lock(&self.body).take() else {
            return;
        };
        loop {
            let outer = Outer::step_aside(Turn::RUNNING, fired.cloned(), std::mem::take(&mut body.spare));
            // The future is dropped after a panic, so nobody sees it half changed.
            let polled = catch_unwind(AssertUnwindSafe(|| body.future.as_mut().poll(&mut cx)));
            let awaited = outer.step_back();
            let result = match polled {
                Ok(Poll::Pending) => {
                    let mut previous = std::mem::replace(&mut *lock(&self.awaited), awaited);
                    previous.clear();
                    body.spare = previous;
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
            return self.end(body, result);
        }
    }

    /// Ends it with a result. The turn is the caller's.
    fn end(&self, body: Body<T, E, F>, result: Result<T, E>) {
        self.turn.as_turn().store(turn::ENDED, Release);
        let Body { future, producer, .. } = body;
        // The future goes first, so that whoever sees the result sees what it held released.
        let result = match catch_unwind(AssertUnwindSafe(|| drop(future))) {
            Ok(()) => result,
            Err(panic) => Err(E::from(Aborted::panicked(panic))),
        };
        producer.fire(result);
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
        let Some(Body { future, producer, .. }) = lock(&self.body).take() else {
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
struct Sendable {
    turn: AtomicUsize,
    resumer: Option<Box<dyn Resumer>>,
}

impl AsTurn for Sendable {
    const RUNNING: Running = Running::Sendable;

    fn as_turn(&self) -> &AtomicUsize {
        &self.turn
    }
}

/// The loop that resumes a coroutine which was woken by anything but a deferred.
pub(crate) trait Resumer: Send + Sync + 'static {
    /// Has it [resumed](Call::resume) soon, or drops the call if the loop has ended.
    fn call_soon(&self, call: Call);
}

/// A coroutine that a loop is to resume.
pub(crate) struct Call(Option<Arc<dyn Callable>>);

/// A coroutine with its types erased.
trait Callable: Fired {
    fn turn(&self) -> &AtomicUsize;

    /// Resumes it here. The turn is the caller's.
    fn go_on(self: Arc<Self>);

    /// Ends it, as its loop does with its tasks. The turn is the caller's.
    fn shut_down(&self);
}

impl Call {
    /// Gives the coroutine with its turn, unless a deferred has resumed it meanwhile.
    fn take(&mut self) -> Option<Arc<dyn Callable>> {
        self.0.take().filter(|coroutine| turn::was_called(coroutine.turn()))
    }

    pub(crate) fn resume(mut self) {
        if let Some(coroutine) = self.take() {
            coroutine.go_on();
        }
    }
}

impl Drop for Call {
    /// The loop has ended.
    fn drop(&mut self) {
        if let Some(coroutine) = self.take() {
            coroutine.shut_down();
        }
    }
}

impl<T, E, F> Callable for Coroutine<T, E, F, Sendable>
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<Aborted> + Send + 'static,
{
    fn turn(&self) -> &AtomicUsize {
        self.turn.as_turn()
    }

    fn go_on(self: Arc<Self>) {
        chain::nested(move || {
            let fired: Option<Arc<dyn Fired>> = match self.turn.resumer {
                Some(_) => Some(self.clone()),
                None => None,
            };
            self.run(&Waker::from(self.clone()), fired.as_ref());
        });
    }

    fn shut_down(&self) {
        let body = lock(&self.body).take();
        if let Some(body) = body {
            self.end(body, Err(E::from(Aborted::shut_down())));
        }
    }
}

impl<T, E, F> Fired for Coroutine<T, E, F, Sendable>
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<Aborted> + Send + 'static,
{
    fn resume(self: Arc<Self>) {
        if turn::takes(self.turn()) {
            self.go_on();
        }
    }
}

impl<T, E, F> Wake for Coroutine<T, E, F, Sendable>
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<Aborted> + Send + 'static,
{
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        match &self.turn.resumer {
            None => self.clone().resume(),
            Some(resumer) => {
                if turn::calls(self.turn()) {
                    resumer.call_soon(Call(Some(self.clone())));
                }
            }
        }
    }
}

impl<T, E> Deferred<T, E>
where
    T: Send + 'static,
    E: From<Aborted> + Send + 'static,
{
    /// Begins a coroutine, on this thread.
    #[track_caller]
    pub(crate) fn begin_coroutine(
        future: impl Future<Output = Result<T, E>> + Send + 'static,
        resumer: Option<Box<dyn Resumer>>,
    ) -> Self {
        let turn = Sendable {
            turn: AtomicUsize::new(turn::IDLE),
            resumer,
        };
        let (coroutine, consumer) = Coroutine::new(future, turn, Location::caller());
        coroutine.resume();
        Self::from_half(consumer)
    }
}
