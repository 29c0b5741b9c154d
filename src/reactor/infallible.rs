//! A future whose output is no `Result`, as a task that cannot fail by itself.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use crate::Aborted;

pin_project! {
    /// No larger than the future: an `async` block around it would have room for it twice.
    pub(super) struct Infallible<F> {
        #[pin]
        future: F,
    }
}

impl<F> Infallible<F> {
    pub(super) fn new(future: F) -> Self {
        Self { future }
    }
}

impl<F: Future> Future for Infallible<F> {
    type Output = Result<F::Output, Aborted>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().future.poll(cx).map(Ok)
    }
}
