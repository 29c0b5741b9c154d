//! Code that must not find the tokio of a context around it.

use std::{
    cell::{Cell, RefCell},
    fmt,
    future::Future,
    mem,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    thread,
};

use super::entered::is_inside;

/// Polls a future where none of this thread's contexts is entered, though it is awaited inside of one.
///
/// For what asks the thread for its runtime and would find the context's tokio: a database driver that is built for several
/// runtimes, and is to stay with that of the loop. It is polled as soon as the thread has left the contexts that it is in. Where a tokio
/// runs the code itself, it is found inside as outside.
///
/// It has to be awaited by what is polled inside: a `block_on` that is called there would wait for ever.
///
/// ```
/// use interloop_tokio::context::{Context, outside};
/// use tokio::runtime::Handle;
///
/// let context = Context::own(1)?;
/// smol::block_on(context.wrap(async {
///     assert!(Handle::try_current().is_ok());
///     outside(async { assert!(Handle::try_current().is_err()) }).await;
///     assert!(Handle::try_current().is_ok());
/// }));
/// # Ok::<_, interloop_tokio::Error>(())
/// ```
pub fn outside<F: Future + 'static>(future: F) -> Outside<F> {
    Outside {
        slot: Arc::new(Slot(Mutex::new(State {
            future: Some(Box::pin(future)),
            output: None,
            waker: Waker::noop().clone(),
            is_queued: false,
        }))),
    }
}

/// A future that is polled outside of contexts. See [`outside`].
///
/// It is dropped where this is dropped, and not polled any more, also where it was just to be.
#[must_use = "futures do nothing unless awaited"]
pub struct Outside<F: Future> {
    slot: Arc<Slot<F>>,
}

struct Slot<F: Future>(Mutex<State<F>>);

struct State<F: Future> {
    /// `None` while it is polled, and at its end.
    future: Option<Pin<Box<F>>>,
    /// Or its panic.
    output: Option<thread::Result<F::Output>>,
    /// Of whoever asked last.
    waker: Waker,
    is_queued: bool,
}

impl<F: Future> Slot<F> {
    fn lock(&self) -> MutexGuard<'_, State<F>> {
        // Nothing that can panic runs under it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Future + 'static> Future for Outside<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut waker = cx.waker().clone();
        let is_inside = is_inside();
        let mut state = self.slot.lock();
        if let Some(output) = state.output.take() {
            drop(state);
            return Poll::Ready(output.unwrap_or_else(|panic| resume_unwind(panic)));
        }
        // The one before is dropped unlocked.
        mem::swap(&mut state.waker, &mut waker);
        let was_queued = is_inside && mem::replace(&mut state.is_queued, true);
        drop(state);
        if was_queued {
            return Poll::Pending;
        }
        if is_inside {
            QUEUE.with_borrow_mut(|queue| queue.push(self.slot.clone()));
            IS_QUEUED.set(true);
            return Poll::Pending;
        }
        self.slot.poll(false);
        let output = self.slot.lock().output.take();
        output.map_or(Poll::Pending, |output| {
            Poll::Ready(output.unwrap_or_else(|panic| resume_unwind(panic)))
        })
    }
}

impl<F: Future> Drop for Outside<F> {
    fn drop(&mut self) {
        // The queue may hold the slot still, and nobody waits for what it would poll. What is being polled on another thread is dropped there.
        let future = self.slot.lock().future.take();
        drop(future);
    }
}

impl<F: Future> fmt::Debug for Outside<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside").finish_non_exhaustive()
    }
}

thread_local! {
    /// Whether anything is in the queue.
    static IS_QUEUED: Cell<bool> = const { Cell::new(false) };
    /// What is to be polled when the thread has left its contexts.
    static QUEUE: RefCell<Vec<Arc<dyn Queued>>> = const { RefCell::new(Vec::new()) };
}

trait Queued {
    /// Polls the future, on behalf of whoever asked last, and `tells` them of its end.
    fn poll(&self, tells: bool);

    /// Has it asked for again.
    fn wake(&self);
}

impl<F: Future> Queued for Slot<F> {
    fn poll(&self, tells: bool) {
        let (waker, mut future) = {
            let mut state = self.lock();
            state.is_queued = false;
            let Some(future) = state.future.take() else {
                return;
            };
            (state.waker.clone(), future)
        };
        let mut cx = Context::from_waker(&waker);
        let output = match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut cx))) {
            Ok(Poll::Pending) => None,
            Ok(Poll::Ready(output)) => Some(Ok(output)),
            Err(panic) => Some(Err(panic)),
        };
        let is_ready = output.is_some();
        let mut state = self.lock();
        if !is_ready {
            state.future = Some(future);
        }
        state.output = output;
        // Somebody else may have asked meanwhile, in vain.
        let last = state.waker.clone();
        drop(state);
        if is_ready && tells || !last.will_wake(&waker) {
            last.wake();
        }
    }

    fn wake(&self) {
        let waker = {
            let mut state = self.lock();
            state.is_queued = false;
            state.waker.clone()
        };
        waker.wake();
    }
}

/// Polls what was queued, once the thread has left its contexts.
#[inline]
pub(super) fn poll_queued() {
    if IS_QUEUED.replace(false) {
        poll_all();
    }
}

#[cold]
fn poll_all() {
    for queued in QUEUE.take() {
        if thread::panicking() {
            // No foreign code while destructors run.
            queued.wake();
        } else {
            queued.poll(true);
        }
    }
}
