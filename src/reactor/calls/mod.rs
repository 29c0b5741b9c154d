//! The callbacks of a reactor: one at a time, in order.

mod call;
mod delayed;
mod handle;
mod rounds;
mod ticks;
mod timers;
mod wheel;

use std::{collections::VecDeque, fmt, mem, sync::PoisonError, task::Waker, time::Instant};

#[cfg(interloop_loom)]
use loom::sync::{Mutex, MutexGuard};
#[cfg(not(interloop_loom))]
use std::sync::{Mutex, MutexGuard};

pub(crate) use self::call::{Call, Posted};
use self::delayed::{Delayed, Key, Next};
pub use self::handle::NotActive;
pub(super) use self::{handle::Handle, rounds::Rounds};
use super::{EventLoop, Reactor};

/// A reactor, as its calls know it. There is one whose calls are `Send`, and one whose calls stay on their thread.
pub(super) trait Host: Clone + 'static {
    type Call: Call + ?Sized + 'static;
    type Weak;
    /// Keeps it current.
    type Inside;

    fn downgrade(&self) -> Self::Weak;
    fn upgrade(weak: &Self::Weak) -> Option<Self>;
    fn calls(&self) -> &Calls<Self>;
    /// The reactor whose clock and timers these are.
    fn reactor(&self) -> &Reactor;
    /// Makes it current.
    fn inside(&self) -> Self::Inside;
    /// Has the loop run the task that makes the calls.
    fn start(&self, rounds: Rounds<Self>);
}

/// The calls that wait, and how the task stands that makes them.
pub(super) struct Calls<H: Host> {
    is_virtual: bool,
    state: Mutex<State<H>>,
}

struct State<H: Host> {
    /// To be called in the next round.
    soon: VecDeque<Box<H::Call>>,
    delayed: Delayed<H::Call>,
    driver: Driver,
    /// The tick for which the idle task has set its timer.
    armed: Option<u64>,
    /// The reactor itself, as long as calls wait: they are made though all handles on it are gone.
    kept: Option<H>,
    counts: Counts,
}

/// The task that makes the calls.
enum Driver {
    /// There is none, as nothing waits.
    None,
    /// It is at work, or on its way: it looks for more before it waits.
    Running,
    /// It waits for a delayed call.
    Idle(Waker),
    /// The loop has shut down.
    Ended,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    rounds: u64,
    called: u64,
    lag: std::time::Duration,
}

/// What is to be done for the task, once the lock is released.
enum Rouse {
    Nothing,
    Wake(Waker),
    Start,
}

impl<H: Host> Calls<H> {
    /// For a loop that tells the time.
    pub(super) fn new(event_loop: &dyn EventLoop) -> Self {
        Self {
            is_virtual: event_loop.is_virtual(),
            state: Mutex::new(State {
                soon: VecDeque::new(),
                delayed: Delayed::new(event_loop),
                driver: Driver::None,
                armed: None,
                kept: None,
                counts: Counts::default(),
            }),
        }
    }

    fn is_virtual(&self) -> bool {
        self.is_virtual
    }

    fn lock(&self) -> MutexGuard<'_, State<H>> {
        // Nothing that can panic runs under it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has something called in the next round.
    #[inline]
    pub(super) fn post(host: &H, call: Box<H::Call>) {
        let mut state = host.calls().lock();
        if let Driver::Ended = state.driver {
            drop(state);
            // Unlocked, as its destructor is foreign.
            drop(call);
            return;
        }
        state.soon.push_back(call);
        let rouse = state.rouse(host);
        drop(state);
        rouse.carry_out(host);
    }

    /// Has something called at a point of time. `None` if the loop has shut down.
    fn schedule(host: &H, deadline: Instant, is_due: bool, call: Box<H::Call>) -> Option<Key> {
        let mut state = host.calls().lock();
        if let Driver::Ended = state.driver {
            drop(state);
            drop(call);
            return None;
        }
        let (key, next) = state.delayed.add(deadline, is_due, call, host.reactor().event_loop());
        let rouse = state.rouse_for(host, next);
        drop(state);
        rouse.carry_out(host);
        Some(key)
    }

    fn deadline(&self, key: Key) -> Option<Instant> {
        self.lock().delayed.deadline(key)
    }

    /// Calls a delayed call off. Whether it was pending.
    fn cancel(host: &H, key: Key) -> bool {
        let mut state = host.calls().lock();
        let call = state.delayed.remove(key);
        // Nothing is left to wait for, and so no reason to keep the task.
        let rouse = if call.is_some() && state.delayed.len() == 0 {
            state.rouse(host)
        } else {
            Rouse::Nothing
        };
        drop(state);
        rouse.carry_out(host);
        // Dropped unlocked.
        call.is_some()
    }

    /// Changes when a delayed call is due, by what it was. Whether it was pending.
    fn reset(host: &H, key: Key, deadline: impl FnOnce(Instant) -> Instant) -> bool {
        let mut state = host.calls().lock();
        let Some(before) = state.delayed.deadline(key) else {
            return false;
        };
        let event_loop = host.reactor().event_loop();
        let Some(next) = state.delayed.reset(key, deadline(before), event_loop) else {
            return false;
        };
        let rouse = state.rouse_for(host, next);
        drop(state);
        rouse.carry_out(host);
        true
    }

    pub(super) fn metrics(&self) -> super::Metrics {
        let state = self.lock();
        super::Metrics {
            waiting: state.soon.len(),
            delayed: state.delayed.len(),
            rounds: state.counts.rounds,
            called: state.counts.called,
            lag: state.counts.lag,
        }
    }
}

impl<H: Host> State<H> {
    /// Sees to it that the task looks for more.
    #[inline]
    fn rouse(&mut self, host: &H) -> Rouse {
        if let Driver::Running = self.driver {
            return Rouse::Nothing;
        }
        self.rouse_idle(host)
    }

    fn rouse_idle(&mut self, host: &H) -> Rouse {
        let rouse = match mem::replace(&mut self.driver, Driver::Running) {
            Driver::Idle(waker) => Rouse::Wake(waker),
            Driver::None => Rouse::Start,
            Driver::Running => return Rouse::Nothing,
            Driver::Ended => {
                self.driver = Driver::Ended;
                return Rouse::Nothing;
            }
        };
        self.kept.get_or_insert_with(|| host.clone());
        rouse
    }

    /// As [`rouse`](Self::rouse), for a delayed call: not, if the task wakes in time anyway.
    fn rouse_for(&mut self, host: &H, next: Next) -> Rouse {
        match (&self.driver, self.armed, next) {
            (Driver::Idle(_), _, Next::Woken) => Rouse::Nothing,
            (Driver::Idle(_), Some(armed), Next::Tick(tick)) if armed <= tick => Rouse::Nothing,
            _ => self.rouse(host),
        }
    }

    /// Takes all that is to be dropped when the loop has shut down.
    fn end(&mut self, event_loop: &dyn EventLoop) -> impl Sized + use<H> {
        self.driver = Driver::Ended;
        let delayed = mem::replace(&mut self.delayed, Delayed::new(event_loop));
        (mem::take(&mut self.soon), delayed, self.kept.take())
    }
}

impl Rouse {
    #[inline]
    fn carry_out<H: Host>(self, host: &H) {
        match self {
            Self::Nothing => {}
            Self::Wake(waker) => waker.wake(),
            Self::Start => host.start(Rounds::new(host)),
        }
    }
}

impl<H: Host> fmt::Debug for Calls<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Calls")
            .field("waiting", &state.soon.len())
            .field("delayed", &state.delayed.len())
            .finish()
    }
}
