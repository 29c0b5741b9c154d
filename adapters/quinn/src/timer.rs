use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use interloop::{Reactor, time::Sleep};
use quinn::AsyncTimer;

#[derive(Debug)]
pub(crate) struct Timer {
    sleep: Sleep,
    /// A sleep that was ready is not polled again until it is reset, which quinn may do.
    is_over: bool,
}

impl Timer {
    pub(crate) fn new(reactor: &Reactor, deadline: Instant) -> Self {
        Self {
            sleep: reactor.sleep_until(deadline),
            is_over: false,
        }
    }
}

impl AsyncTimer for Timer {
    fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        self.is_over = false;
        self.sleep.reset(deadline);
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_over {
            return Poll::Ready(());
        }
        match Pin::new(&mut self.sleep).poll(cx) {
            Poll::Ready(Ok(())) => {
                self.is_over = true;
                Poll::Ready(())
            }
            // Or the loop has shut down, and drops the task that waits: it has no time any more, and a timer that rang early would be
            // set anew for ever.
            Poll::Pending | Poll::Ready(Err(_)) => Poll::Pending,
        }
    }
}
