use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use interloop::{Aborted, Timer};
use pin_project_lite::pin_project;

use crate::Ended;

pin_project! {
    pub(crate) struct TokioTimer {
        ended: Ended,
        #[pin]
        sleep: tokio::time::Sleep,
    }
}

impl TokioTimer {
    /// Inside of the runtime's context.
    pub(crate) fn new(deadline: Instant, ended: Ended) -> Self {
        Self {
            ended,
            sleep: tokio::time::sleep_until(deadline.into()),
        }
    }
}

impl Future for TokioTimer {
    type Output = Result<(), Aborted>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // The runtime's shutdown wakes whoever waits for its timers, and comes after this is set.
        this.ended.check()?;
        let polled = catch_unwind(AssertUnwindSafe(|| this.sleep.poll(cx)));
        if let Ok(Poll::Pending) = polled {
            return Poll::Pending;
        }
        // To a thread that is none of the runtime's, it may have come between: then tokio's timers
        // are ready before their time, or panic.
        this.ended.check()?;
        polled.unwrap_or_else(|panic| resume_unwind(panic)).map(Ok)
    }
}

impl Timer for TokioTimer {
    fn reset(self: Pin<&mut Self>, deadline: Instant) {
        self.project().sleep.reset(deadline.into());
    }
}
