//! What holds a loop up: callbacks and polls that take longer than a limit.

use std::{
    fmt,
    panic::Location,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

/// The limit of [`Reactor::set_debug`](crate::Reactor::set_debug), unless another one is set.
pub const LIMIT: Duration = Duration::from_millis(100);

/// A callback or a poll that held the loop for longer than the limit. See [`set_hook`].
#[derive(Clone, Copy, Debug)]
pub struct Slow {
    what: What,
    made_at: &'static Location<'static>,
    took: Duration,
}

/// What held the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A callback that was given to the reactor.
    Callback,
    /// One poll of a task.
    Poll,
}

impl Slow {
    /// Which of the two it was.
    pub fn what(&self) -> What {
        self.what
    }

    /// Where the callback was given to the reactor, or the task was spawned.
    pub fn made_at(&self) -> &'static Location<'static> {
        self.made_at
    }

    /// How long it took.
    pub fn took(&self) -> Duration {
        self.took
    }
}

impl fmt::Display for Slow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            What::Callback => "the callback made at",
            What::Poll => "a poll of the task spawned at",
        };
        let (made_at, took) = (self.made_at, self.took);
        write!(
            f,
            "{what} {made_at} held the event loop for {took:.0?}: let it await, or do its work in `spawn_blocking`"
        )
    }
}

/// What is called with whatever held a loop for too long, see [`set_hook`].
pub type Hook = Arc<dyn Fn(&Slow) + Send + Sync>;

static HOOK: RwLock<Option<Hook>> = RwLock::new(None);

/// Sets what is called with whatever held a loop for too long, for the whole process; `None` brings back the default, which
/// writes it to the [`log`] at level `warn` under the target `interloop`.
///
/// Nothing is measured but on reactors on which that was [switched on](crate::Reactor::set_debug).
pub fn set_hook(hook: Option<Hook>) {
    let replaced = std::mem::replace(&mut *HOOK.write().unwrap_or_else(PoisonError::into_inner), hook);
    // After the lock: the hook's destructor is foreign code.
    drop(replaced);
}

pub(super) fn check(what: What, made_at: &'static Location<'static>, limit: Duration, took: Duration) {
    if took < limit {
        return;
    }
    let slow = Slow { what, made_at, took };
    let hook = HOOK.read().unwrap_or_else(PoisonError::into_inner).clone();
    match hook {
        Some(hook) => hook(&slow),
        None => log::warn!(target: "interloop", "{slow}"),
    }
}
