use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
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
#[derive(Clone, Debug)]
pub struct Timer {
    reactor: Reactor,
}

impl Timer {
    /// Takes the time of this reactor.
    pub fn new(reactor: &Reactor) -> Self {
        Self {
            reactor: reactor.clone(),
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
            reactor: self.reactor.clone(),
            deadline,
            waiting: None,
        })
    }

    fn now(&self) -> Instant {
        self.reactor.now()
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn rt::Sleep>>, new_deadline: Instant) {
        match sleep.as_mut().downcast_mut_pin::<Sleep>() {
            Some(mut ours) => ours.reset(new_deadline),
            // Somebody else's timer made it.
            None => *sleep = self.sleep_until(new_deadline),
        }
    }
}

/// A sleep of a [`Timer`].
struct Sleep {
    reactor: Reactor,
    deadline: Instant,
    /// Made at the first poll: hyper makes a sleep for each request's header, and the header is often there.
    waiting: Option<time::Sleep>,
}

impl Sleep {
    fn reset(&mut self, deadline: Instant) {
        self.deadline = deadline;
        if let Some(waiting) = &mut self.waiting {
            waiting.reset(deadline);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let waiting = this
            .waiting
            .get_or_insert_with(|| this.reactor.sleep_until(this.deadline));
        // An error is that the loop has shut down.
        Pin::new(waiting).poll(cx).map(drop)
    }
}

impl rt::Sleep for Sleep {}
