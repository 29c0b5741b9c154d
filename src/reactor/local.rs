//! The handle on what runs on this thread alone.

use std::{
    cell::RefCell,
    fmt,
    future::Future,
    panic::Location,
    rc::{Rc, Weak},
    time::{Duration, Instant},
};

use super::{
    Metrics, NoReactor, NotActive,
    callbacks::delayed_call,
    calls::{Call, Calls, Handle, Host, Posted, Rounds},
    current,
    infallible::Infallible,
    time::{Interval, Sleep},
};
use crate::{
    Aborted,
    deferred::{Surroundings, local},
};

/// What an adapter supplies for tasks that stay on a thread, beside the [`EventLoop`](crate::EventLoop) that has the rest: time,
/// descriptors and blocking jobs.
///
/// ```
/// use std::rc::Rc;
/// use interloop::local;
///
/// #[derive(Debug)]
/// struct OnExecutor(Rc<smol::LocalExecutor<'static>>);
///
/// impl local::EventLoop for OnExecutor {
///     fn spawn(&self, task: local::Task) {
///         self.0.spawn(task).detach();
///     }
/// }
///
/// let executor = Rc::new(smol::LocalExecutor::new());
/// let reactor = local::Reactor::new(OnExecutor(executor.clone()), interloop_smol::global());
/// let name = Rc::new("not to be sent".to_owned());
/// let length = reactor.spawn_infallible(async move { name.len() });
/// assert_eq!(smol::block_on(executor.run(length)).unwrap(), 14);
/// ```
pub trait EventLoop: fmt::Debug + 'static {
    /// Runs a task to its end on this thread, detached.
    ///
    /// A loop that cannot run it, as it has ended, drops it. Must not poll the task before it returns.
    fn spawn(&self, task: local::Task);
}

/// A handle on a loop that belongs to this thread: cheap to clone, and not to be sent elsewhere.
///
/// It is to [`crate::Reactor`] what [`local::Deferred`](crate::local::Deferred) is to [`crate::Deferred`]: the same, for what is not
/// `Send`.
#[derive(Clone, Debug)]
pub struct Reactor {
    shared: Rc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    calls: Calls<Reactor>,
    handle: crate::Reactor,
    event_loop: Box<dyn EventLoop>,
}

thread_local! {
    static CURRENT: RefCell<Option<Reactor>> = const { RefCell::new(None) };
}

fn replace(reactor: Option<Reactor>) -> Option<Reactor> {
    // Without a thread-local at the thread's end, there is none current.
    CURRENT.try_with(|current| current.replace(reactor)).unwrap_or(None)
}

impl Reactor {
    /// Makes a reactor of what runs tasks on this thread, and of a reactor for time, descriptors, blocking jobs, and for other
    /// threads to call. For adapters; users get theirs from one.
    pub fn new(event_loop: impl EventLoop, handle: crate::Reactor) -> Self {
        Self {
            shared: Rc::new(Shared {
                calls: Calls::new(handle.event_loop()),
                handle,
                event_loop: Box::new(event_loop),
            }),
        }
    }

    /// The reactor of the running task, or callback.
    ///
    /// # Errors
    /// If none is current here.
    pub fn current() -> Result<Self, NoReactor> {
        let current = CURRENT.try_with(|current| current.borrow().clone());
        current.ok().flatten().ok_or_else(current::none)
    }

    /// The reactor for all that may leave the thread: sockets, blocking jobs, and calls from other threads. In tasks and
    /// callbacks of this one it is [current](crate::Reactor::current), too.
    pub fn handle(&self) -> &crate::Reactor {
        &self.shared.handle
    }

    /// Runs a future on this thread. As [`crate::Reactor::spawn`].
    #[track_caller]
    pub fn spawn<T, E>(&self, future: impl Future<Output = Result<T, E>> + 'static) -> local::Deferred<T, E>
    where
        E: From<Aborted> + 'static,
    {
        let surroundings = Current {
            local: Some(self.clone()),
            handle: current::Current::<false>::new(self.handle().clone()),
        };
        let (task, deferred) = local::Task::within(surroundings, future);
        self.shared.event_loop.spawn(task);
        deferred
    }

    /// Like [`spawn`](Self::spawn), for a future whose output is no `Result`.
    #[track_caller]
    pub fn spawn_infallible<T>(&self, future: impl Future<Output = T> + 'static) -> local::Deferred<T> {
        self.spawn(Infallible::new(future))
    }

    /// Has something called on this thread as soon as it is its turn. As [`crate::Reactor::call_soon`].
    ///
    /// What other threads give to the [`handle`](Self::handle) has a queue of its own.
    #[track_caller]
    pub fn call_soon(&self, f: impl FnOnce() + 'static) {
        Calls::post(self, Posted::new(f));
    }

    /// Has something called on this thread after a time. As [`crate::Reactor::call_later`].
    #[track_caller]
    pub fn call_later(&self, delay: Duration, f: impl FnOnce() + 'static) -> DelayedCall {
        DelayedCall {
            handle: Handle::after(self, delay, Posted::new(f)),
        }
    }

    /// Has something called on this thread at a point of time. As [`crate::Reactor::call_at`].
    #[track_caller]
    pub fn call_at(&self, deadline: Instant, f: impl FnOnce() + 'static) -> DelayedCall {
        DelayedCall {
            handle: Handle::at(self, deadline, Posted::new(f)),
        }
    }

    /// The time on the loop's own clock.
    pub fn now(&self) -> Instant {
        self.handle().now()
    }

    /// Waits for a duration. Never ready early.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        self.handle().sleep(duration)
    }

    /// Waits until a point of time. Never ready early.
    pub fn sleep_until(&self, deadline: Instant) -> Sleep {
        self.handle().sleep_until(deadline)
    }

    /// Ticks at once, and then once in every `period`. As [`crate::Reactor::interval`].
    pub fn interval(&self, period: Duration) -> Interval {
        self.handle().interval(period)
    }

    /// How the callbacks of this reactor stand; those of its [`handle`](Self::handle) are apart.
    pub fn metrics(&self) -> Metrics {
        self.shared.calls.metrics()
    }
}

impl Host for Reactor {
    type Call = dyn Call;
    type Weak = Weak<Shared>;
    type Inside = Inside;

    fn downgrade(&self) -> Self::Weak {
        Rc::downgrade(&self.shared)
    }

    fn upgrade(weak: &Self::Weak) -> Option<Self> {
        weak.upgrade().map(|shared| Self { shared })
    }

    fn calls(&self) -> &Calls<Self> {
        &self.shared.calls
    }

    fn reactor(&self) -> &crate::Reactor {
        self.handle()
    }

    fn inside(&self) -> Inside {
        Inside {
            before: replace(Some(self.clone())),
            _handle: current::Inside::new(self.handle().clone()),
        }
    }

    fn start(&self, rounds: Rounds<Self>) {
        let (task, _) = local::Task::new(rounds);
        self.shared.event_loop.spawn(task);
    }
}

/// The reactors of a task, which are current while code of the task runs.
struct Current {
    local: Option<Reactor>,
    handle: current::Current<false>,
}

impl Surroundings for Current {
    type Before = current::Before;

    fn enter(&mut self) -> Self::Before {
        // The thread's own is here meanwhile.
        self.local = replace(self.local.take());
        self.handle.enter()
    }

    fn leave(&mut self, before: Self::Before, made_at: impl FnOnce() -> &'static Location<'static>) {
        self.handle.leave(before, made_at);
        self.local = replace(self.local.take());
    }

    fn drop_cancelled(drop: &mut dyn FnMut()) {
        current::Current::<false>::drop_cancelled(drop);
    }
}

/// The reactors, current for callbacks until this is dropped.
pub(super) struct Inside {
    before: Option<Reactor>,
    _handle: current::Inside,
}

impl Drop for Inside {
    fn drop(&mut self) {
        drop(replace(self.before.take()));
    }
}

/// The handle on a delayed call that stays on its thread. As [`crate::DelayedCall`].
#[derive(Debug)]
pub struct DelayedCall {
    handle: Handle<Reactor>,
}

impl DelayedCall {
    delayed_call!();
}
