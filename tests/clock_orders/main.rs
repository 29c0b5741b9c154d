//! Orders on a clock: those that follow from a seed, the search for the one in which a test fails, and the order of timers.

mod check;
mod seeded;
mod timers;

use std::{
    future::poll_fn,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use interloop::{Aborted, Clock, Deferred, Reactor};

const SECOND: Duration = Duration::from_secs(1);

/// A clock whose tasks write a log.
#[derive(Clone)]
struct Stage {
    clock: Clock,
    log: Arc<Mutex<Vec<String>>>,
}

impl Stage {
    fn new(clock: Clock) -> Self {
        Self {
            clock,
            log: Arc::default(),
        }
    }

    fn seeded(seed: u64) -> Self {
        Self::new(Clock::with_seed(seed))
    }

    fn reactor(&self) -> Reactor {
        self.clock.reactor()
    }

    fn note(&self, what: impl Into<String>) {
        self.log.lock().unwrap().push(what.into());
    }

    /// What happened since the last time.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap())
    }

    /// Notes a name when its turn comes, and again in each further one.
    fn note_turns(&self, name: &'static str, turns: usize) -> Deferred<()> {
        let log = self.log.clone();
        self.reactor().spawn(async move {
            for turn in 0..turns {
                if turn > 0 {
                    give_way().await;
                }
                log.lock().unwrap().push(name.to_owned());
            }
            Ok(())
        })
    }

    /// Notes a name when that time has passed, and again after each further turn.
    fn note_in(&self, delay: Duration, name: &'static str, turns: usize) -> Deferred<()> {
        let (sleep, log) = (self.reactor().sleep(delay), self.log.clone());
        self.reactor().spawn(async move {
            sleep.await?;
            for turn in 0..turns {
                if turn > 0 {
                    give_way().await;
                }
                log.lock().unwrap().push(name.to_owned());
            }
            Ok::<_, Aborted>(())
        })
    }
}

/// Lets others go first, if the clock picks them.
async fn give_way() {
    let mut gave = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut gave, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
