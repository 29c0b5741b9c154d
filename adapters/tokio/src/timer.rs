use std::{
    future::Future,
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
        this.sleep.poll(cx).map(Ok)
    }
}

impl Timer for TokioTimer {
    fn reset(self: Pin<&mut Self>, deadline: Instant) {
        self.project().sleep.reset(deadline.into());
    }
}
