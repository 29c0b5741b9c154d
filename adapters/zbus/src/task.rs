use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use interloop::{Aborted, CancelOnDrop, Deferred};
use zbus::runtime::traits::TaskHandle;

/// A task of a reactor, as zbus takes it. Dropped, it is cancelled; [detached](TaskHandle::detach), it runs on.
///
/// Its output is an error if the task has none: it panicked, or its loop has shut down. The [`Aborted`] is
/// [in it](Aborted::in_io_error).
///
/// ```
/// use interloop::Aborted;
/// use interloop_zbus::runtime;
/// use zbus::runtime::traits::{Runtime, TaskHandle};
///
/// interloop_smol::block_on(async |reactor| {
///     let runtime = runtime(&reactor);
///     let lost = runtime.spawn("lost", async { panic!("out of paper") });
///     let error = lost.await.map(|()| "no result").unwrap_err();
///     assert!(Aborted::in_io_error(&error).unwrap().is_panicked());
///     runtime.spawn("on its own", async {}).detach();
/// })?;
/// # Ok::<_, interloop::BlockOnError>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping it cancels the task"]
pub struct Task<T: Send + 'static> {
    result: CancelOnDrop<T, Aborted>,
}

impl<T: Send + 'static> Task<T> {
    pub(crate) fn new(result: Deferred<T, Aborted>) -> Self {
        Self {
            result: result.cancel_on_drop(),
        }
    }
}

impl<T: Send + 'static> Future for Task<T> {
    type Output = io::Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        Pin::new(&mut self.result).poll(cx).map_err(io::Error::from)
    }
}

impl<T: Send + 'static> TaskHandle<T> for Task<T> {
    fn detach(self) {
        if let Some(result) = self.result.detach() {
            result.detach();
        }
    }
}
