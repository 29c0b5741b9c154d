//! Blocking work, which is done in any case.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use interloop::{Aborted, Deferred, Reactor};

/// Hands work over, now. The future has its result; the work is done without it as well.
pub(crate) fn spawn<T: Send + 'static>(
    reactor: &Reactor,
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = T> + Send + 'static {
    let (done, result) = Deferred::<thread::Result<T>, Aborted>::pair();
    let owed = Owed::new(move || done.complete(catch_unwind(AssertUnwindSafe(work))));
    let by_the_loop = owed.clone();
    let job = reactor.spawn_blocking(move || by_the_loop.settle());
    // A loop that has shut down refuses jobs, and drops those that it has not begun. The work is done where that shows, then: not before
    // the loop has let go of the job, which it may do under a lock of its own.
    job.or_else(move |_| owed.settle()).detach();
    async move {
        match result.await {
            Ok(Ok(output)) => output,
            Ok(Err(panic)) => resume_unwind(panic),
            Err(aborted) => unreachable!("what is owed is done: {aborted}"),
        }
    }
}

/// Work that is done once, by whichever of its owners is first.
struct Owed<W>(Arc<Mutex<Option<W>>>);

impl<W: FnOnce()> Owed<W> {
    fn new(work: W) -> Self {
        Self(Arc::new(Mutex::new(Some(work))))
    }

    fn settle(&self) -> Result<(), Aborted> {
        let work = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(work) = work {
            work();
        }
        Ok(())
    }
}

impl<W> Clone for Owed<W> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
