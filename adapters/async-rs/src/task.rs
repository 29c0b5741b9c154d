use std::{
    fmt,
    future::Future,
    panic::resume_unwind,
    pin::Pin,
    task::{Context, Poll, ready},
};

use async_rs::util::TaskImpl;
use async_trait::async_trait;
use interloop::{Aborted, Deferred};

/// A task, or a blocking job, of a reactor, as async-rs takes it. Dropped, it goes on.
///
/// # Panics
/// Awaiting gives the task's result, and async-rs leaves no room for a failure. So, as with async-rs' own runtimes, awaiting a task that
/// panicked goes on with its panic, and awaiting one that was cancelled, or whose loop has shut down, panics and says so.
#[must_use = "dropped, it goes on by itself"]
pub struct Task<T: Send + 'static> {
    /// `None` when it was cancelled, or let go.
    result: Option<Deferred<T, Aborted>>,
}

impl<T: Send + 'static> Task<T> {
    pub(crate) fn new(result: Deferred<T, Aborted>) -> Self {
        Self { result: Some(result) }
    }
}

impl<T: Send + 'static> Future for Task<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let result = match &mut self.result {
            Some(result) => ready!(Pin::new(result).poll(cx)),
            None => Err(Aborted::cancelled()),
        };
        Poll::Ready(result.unwrap_or_else(|aborted| {
            let message = format!("the task that is awaited has no result: {aborted}");
            match aborted.into_panic() {
                Some(panic) => resume_unwind(panic),
                None => panic!("{message}"),
            }
        }))
    }
}

#[async_trait]
impl<T: Send + 'static> TaskImpl for Task<T> {
    async fn cancel(&mut self) -> Option<T> {
        let result = self.result.take()?;
        result.cancel();
        result.await.ok()
    }

    fn detach(&mut self) {
        if let Some(result) = self.result.take() {
            result.detach();
        }
    }
}

impl<T: Send + 'static> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").finish_non_exhaustive()
    }
}
