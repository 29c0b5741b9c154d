//! What is called.

use std::{
    panic::{AssertUnwindSafe, Location, catch_unwind},
    time::{Duration, Instant},
};

use crate::{Aborted, deferred::unhandled, reactor::slow};

/// Something to be done on a loop. Dropped without having been called, the loop has shut down, or it was cancelled.
pub(crate) trait Call {
    /// Does it; `limit` is how long it may take without being reported. A panic is reported, and goes no further.
    fn call(self: Box<Self>, limit: Option<Duration>);
}

/// A closure, and where it was given to the reactor.
pub(crate) struct Posted<F> {
    made_at: &'static Location<'static>,
    f: F,
}

impl<F: FnOnce()> Posted<F> {
    #[track_caller]
    pub(crate) fn new(f: F) -> Box<Self> {
        Box::new(Self {
            made_at: Location::caller(),
            f,
        })
    }
}

impl<F: FnOnce()> Call for Posted<F> {
    fn call(self: Box<Self>, limit: Option<Duration>) {
        let Self { made_at, f } = *self;
        let begun = limit.map(|limit| (limit, Instant::now()));
        if let Err(panic) = catch_unwind(AssertUnwindSafe(f)) {
            tell(|| unhandled::report_panic(Aborted::panicked(panic), made_at));
        }
        if let Some((limit, begun)) = begun {
            tell(|| slow::check(slow::What::Callback, made_at, limit, begun.elapsed()));
        }
    }
}

/// Tells a hook something. One that panics must not keep the other callbacks from being called; the panic's own hook has told
/// of it.
#[cold]
fn tell(report: impl FnOnce()) {
    drop(catch_unwind(AssertUnwindSafe(report)));
}
