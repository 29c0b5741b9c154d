use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use futures_core::Stream;
use interloop::time;

/// Ticks at once, and then at a steady rate, without those that were missed. It ends when the loop has shut down.
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Interval {
    ticks: time::Interval,
}

impl Interval {
    pub(crate) fn new(ticks: time::Interval) -> Self {
        Self { ticks }
    }
}

impl Stream for Interval {
    type Item = Instant;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Instant>> {
        // An error is that the loop has shut down.
        let tick = ready!(self.ticks.poll_tick(cx));
        Poll::Ready(tick.ok())
    }
}
