//! Coroutines that stay on their thread.
//!
//! A waker may go to any thread, and such a coroutine must not. So its waker is a [`Signal`], which does not own it, but names it:
//! the coroutines of a thread are in a thread-local [`Table`], where the signal finds its own when it is woken there. On any other
//! thread it leaves an [`Errand`] in the inbox of the coroutine's [`Home`], be it to wake the coroutine or, from the last waker, to
//! drop it. Errands are run on the home thread alone: by [`Errands`], a future which a loop of that thread polls, and where a
//! coroutine begins or is resumed. There is nothing `unsafe` in this.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, VecDeque},
    future::Future,
    panic::Location,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, Wake, Waker},
};

use super::{AsTurn, Coroutine, Fired, Running, lock, turn};
use crate::{
    Aborted,
    deferred::{
        cell::{chain, half::Consumer},
        local::Deferred,
    },
};

/// Shared with the wakers.
impl AsTurn for Arc<AtomicUsize> {
    const RUNNING: Running = Running::Local;

    fn as_turn(&self) -> &AtomicUsize {
        self
    }
}

/// A coroutine of this thread, with its types erased.
trait Resume {
    fn resume(&self, waker: &Waker, fired: Option<&Arc<dyn Fired>>);
}

impl<T, E, F> Resume for Coroutine<T, E, F, Arc<AtomicUsize>>
where
    F: Future<Output = Result<T, E>> + 'static,
    T: 'static,
    E: From<Aborted> + 'static,
{
    fn resume(&self, waker: &Waker, fired: Option<&Arc<dyn Fired>>) {
        self.run(waker, fired);
    }
}

/// The coroutines of a thread that have wakers.
struct Table {
    coroutines: RefCell<HashMap<u64, Arc<dyn Resume>>>,
    next_name: Cell<u64>,
    home: Arc<Home>,
}

impl Drop for Table {
    fn drop(&mut self) {
        let left = {
            let mut inbox = lock(&self.home.inbox);
            inbox.is_closed = true;
            (std::mem::take(&mut inbox.errands), inbox.runner.take())
        };
        drop(left);
    }
}

/// What other threads know of a thread that has coroutines.
struct Home {
    thread: u64,
    inbox: Mutex<Inbox>,
}

#[derive(Default)]
struct Inbox {
    errands: VecDeque<Errand>,
    /// Wakes the [`Errands`] that are being polled.
    runner: Option<Waker>,
    /// Whether there are such.
    has_runner: bool,
    /// The thread has ended.
    is_closed: bool,
}

/// What another thread wants of a coroutine.
enum Errand {
    Resume(Arc<Signal>),
    Forget(u64),
}

thread_local! {
    static TABLE: Table = Table {
        coroutines: RefCell::default(),
        next_name: Cell::new(0),
        home: Arc::new(Home { thread: this_thread(), inbox: Mutex::default() }),
    };
}

/// A number that no other thread has, nor will have. It can be asked for until the very end of the thread.
fn this_thread() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static NUMBER: Cell<u64> = const { Cell::new(0) };
    }
    NUMBER.with(|number| {
        if number.get() == 0 {
            // ORDERING: only that it is another one each time.
            number.set(NEXT.fetch_add(1, Relaxed));
        }
        number.get()
    })
}

impl Home {
    fn is_here(&self) -> bool {
        self.thread == this_thread()
    }

    fn send(&self, errand: Errand) {
        let (runner, refused) = {
            let mut inbox = lock(&self.inbox);
            if inbox.is_closed {
                (None, Some(errand))
            } else {
                inbox.errands.push_back(errand);
                (inbox.runner.take(), None)
            }
        };
        drop(refused);
        if let Some(runner) = runner {
            runner.wake();
        }
    }

    /// Runs the errands that are there. On its own thread.
    fn run_errands(&self) {
        loop {
            let errand = lock(&self.inbox).errands.pop_front();
            match errand {
                // It may have been resumed meanwhile.
                Some(Errand::Resume(signal)) => {
                    if turn::was_called(&signal.turn) {
                        resume(signal);
                    }
                }
                Some(Errand::Forget(name)) => forget(name),
                None => return,
            }
        }
    }
}

/// The waker of a coroutine: it is woken on any thread, and resumed on its own.
struct Signal {
    name: u64,
    turn: Arc<AtomicUsize>,
    home: Arc<Home>,
    /// What wakes it leaves it to the errands, as long as somebody runs them; deferreds apart.
    is_on_loop: bool,
}

impl Signal {
    fn call(self: &Arc<Self>) {
        if turn::calls(&self.turn) {
            self.home.send(Errand::Resume(self.clone()));
        }
    }
}

impl Fired for Signal {
    fn resume(self: Arc<Self>) {
        if !self.home.is_here() {
            self.call();
        } else if turn::takes(&self.turn) {
            resume(self);
        }
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.is_on_loop && lock(&self.home.inbox).has_runner {
            self.call();
        } else {
            self.clone().resume();
        }
    }
}

impl Drop for Signal {
    /// Nobody is left to wake the coroutine.
    fn drop(&mut self) {
        if self.home.is_here() {
            forget(self.name);
        } else {
            self.home.send(Errand::Forget(self.name));
        }
    }
}

/// Resumes a coroutine of this thread, whose turn is the caller's.
fn resume(signal: Arc<Signal>) {
    // At the thread's end there are none any more.
    let found = TABLE.try_with(|table| table.coroutines.borrow().get(&signal.name).cloned());
    if let Ok(Some(coroutine)) = found {
        chain::nested(move || {
            let fired: Option<Arc<dyn Fired>> = match signal.is_on_loop {
                true => Some(signal.clone()),
                false => None,
            };
            coroutine.resume(&Waker::from(signal), fired.as_ref());
        });
    }
}

/// Drops a coroutine of this thread, which fails its deferred if it has not ended.
fn forget(name: u64) {
    let forgotten = TABLE.try_with(|table| {
        let mut coroutines = table.coroutines.borrow_mut();
        let forgotten = coroutines.remove(&name);
        // What runs the errands ends with the last coroutine.
        let runner = if coroutines.is_empty() {
            lock(&table.home.inbox).runner.take()
        } else {
            None
        };
        (forgotten, runner)
    });
    if let Ok((forgotten, runner)) = forgotten {
        // Outside of the table, as its callbacks may begin others.
        drop(forgotten);
        if let Some(runner) = runner {
            runner.wake();
        }
    }
}

fn begin<T, E>(
    future: impl Future<Output = Result<T, E>> + 'static,
    is_on_loop: bool,
    made_at: &'static Location<'static>,
) -> Consumer<T, E>
where
    T: 'static,
    E: From<Aborted> + 'static,
{
    let turn = Arc::new(AtomicUsize::new(turn::IDLE));
    let (coroutine, consumer) = Coroutine::new(future, turn.clone(), made_at);
    let signal = TABLE.try_with(|table| {
        let name = table.next_name.get();
        table.next_name.set(name + 1);
        table.coroutines.borrow_mut().insert(name, coroutine);
        let home = table.home.clone();
        Arc::new(Signal {
            name,
            turn,
            home,
            is_on_loop,
        })
    });
    // At the thread's end there is no table, and the coroutine is gone with the closure.
    if let Ok(signal) = signal {
        signal.home.run_errands();
        signal.resume();
    }
    consumer
}

impl<T, E> Deferred<T, E>
where
    T: 'static,
    E: From<Aborted> + 'static,
{
    /// Begins a coroutine, whose wakers on other threads need somebody to run the [`Errands`]; `is_on_loop` says that a loop of
    /// this thread does.
    #[track_caller]
    pub(crate) fn begin_coroutine(future: impl Future<Output = Result<T, E>> + 'static, is_on_loop: bool) -> Self {
        Self::from_half(begin(future, is_on_loop, Location::caller()))
    }
}

/// Runs what other threads want of the coroutines of this one, as long as there are any.
pub(crate) struct Errands {
    home: Arc<Home>,
    /// It stays on its thread.
    marker: std::marker::PhantomData<*const ()>,
}

impl Errands {
    /// `None` if nobody is needed: there are no coroutines, or these are being run already.
    pub(crate) fn needed() -> Option<Self> {
        let needed = TABLE.try_with(|table| {
            if table.coroutines.borrow().is_empty() {
                return None;
            }
            let before = std::mem::replace(&mut lock(&table.home.inbox).has_runner, true);
            (!before).then(|| Self {
                home: table.home.clone(),
                marker: std::marker::PhantomData,
            })
        });
        needed.ok().flatten()
    }
}

impl Future for Errands {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // First, so that what comes meanwhile wakes it.
        let before = lock(&self.home.inbox).runner.replace(cx.waker().clone());
        drop(before);
        self.home.run_errands();
        let is_over = TABLE.try_with(|table| table.coroutines.borrow().is_empty());
        if is_over.unwrap_or(true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Drop for Errands {
    fn drop(&mut self) {
        let runner = {
            let mut inbox = lock(&self.home.inbox);
            inbox.has_runner = false;
            inbox.runner.take()
        };
        drop(runner);
    }
}
