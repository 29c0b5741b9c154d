use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use hyper::rt;
use interloop::{Reactor, time};

/// Thirty years, for what no clock can hold.
const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

/// hyper's time, which is that of a reactor: on a [`Clock`](interloop::Clock), a virtual one. Cheap to clone.
///
/// Its sleeps are never early. What hyper waits for with them are time limits, and they have no way to fail; so when the
/// loop has shut down, and has no time any more, a sleep ends at once.
///
/// hyper makes a sleep for each request of a connection and drops it when the request's header has come. So the timer of the loop
/// that a sleep leaves behind serves the next one, and is set anew only when it has rung: make a `Timer` for each
/// connection, as [`Server`](crate::Server) does, and those limits cost the loop next to nothing.
#[derive(Clone)]
pub struct Timer {
    shared: Arc<Shared>,
}

struct Shared {
    reactor: Reactor,
    /// What the last sleep has left.
    spare: Mutex<Option<time::Sleep>>,
}

impl Timer {
    /// Takes the time of this reactor.
    pub fn new(reactor: &Reactor) -> Self {
        Self {
            shared: Arc::new(Shared {
                reactor: reactor.clone(),
                spare: Mutex::new(None),
            }),
        }
    }
}

impl rt::Timer for Timer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        let now = self.now();
        self.sleep_until(now.checked_add(duration).unwrap_or_else(|| now + FAR))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Sleep {
            timer: self.clone(),
            deadline,
            waiting: None,
        })
    }

    fn now(&self) -> Instant {
        self.shared.reactor.now()
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn rt::Sleep>>, new_deadline: Instant) {
        match sleep.as_mut().downcast_mut_pin::<Sleep>() {
            Some(mut ours) => ours.reset(new_deadline),
            // Somebody else's timer made it.
            None => *sleep = self.sleep_until(new_deadline),
        }
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer")
            .field("reactor", &self.shared.reactor)
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// Waits until `deadline`, or less long.
    fn wait(&self, deadline: Instant) -> time::Sleep {
        match self.exchange(None) {
            Some(mut spare) => {
                no_later(&mut spare, deadline);
                spare
            }
            None => self.reactor.sleep_until(deadline),
        }
    }

    fn exchange(&self, spare: Option<time::Sleep>) -> Option<time::Sleep> {
        let mut place = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *place, spare)
    }
}

/// Has a sleep end at `deadline` or before it.
fn no_later(sleep: &mut time::Sleep, deadline: Instant) {
    if sleep.deadline() > deadline {
        sleep.reset(deadline);
    }
}

/// A sleep of a [`Timer`].
struct Sleep {
    timer: Timer,
    deadline: Instant,
    /// What it waits for, from its first poll on: its own deadline, or an earlier one, after which it waits on.
    waiting: Option<time::Sleep>,
}

impl Sleep {
    fn reset(&mut self, deadline: Instant) {
        self.deadline = deadline;
        if let Some(waiting) = &mut self.waiting {
            no_later(waiting, deadline);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let waiting = this
            .waiting
            .get_or_insert_with(|| this.timer.shared.wait(this.deadline));
        loop {
            let slept = ready!(Pin::new(&mut *waiting).poll(cx));
            // An error is that the loop has shut down.
            if slept.is_err() || waiting.deadline() >= this.deadline {
                return Poll::Ready(());
            }
            waiting.reset(this.deadline);
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            // Dropped without the lock, if there was one already.
            drop(self.timer.shared.exchange(Some(waiting)));
        }
    }
}

impl rt::Sleep for Sleep {}
