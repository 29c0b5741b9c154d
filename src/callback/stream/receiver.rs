use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_core::stream::{FusedStream, Stream};

use super::shared::Shared;
use crate::Aborted;

/// The consumer's half: a stream of what the callback brought. See the [module](super).
///
/// It is fused: after the end it stays at the end. Dropping it ends the stream, and drops what is queued; to take that first, call
/// [`stop`](Self::stop), and read on.
///
/// # Cancel safety
///
/// An item is taken out of the stream by the poll that gives it, so a `next` that is given up loses none.
#[must_use = "a stream that is dropped tells the callback to stop"]
pub struct Receiver<T, E = Aborted> {
    shared: Arc<Shared<T, E>>,
    has_ended: bool,
}

impl<T, E> Receiver<T, E> {
    pub(super) fn new(shared: Arc<Shared<T, E>>) -> Self {
        Self {
            shared,
            has_ended: false,
        }
    }

    /// Takes no more: the next push is told so, and so is whoever waits for room. What is queued is still there, and then comes the end.
    ///
    /// ```
    /// use futures_util::StreamExt;
    /// use interloop::{Aborted, callback::stream};
    ///
    /// # futures_executor::block_on(async {
    /// let (sender, mut items) = stream::unbounded::<u8, Aborted>();
    /// sender.push(1).unwrap();
    /// items.stop();
    /// assert!(sender.push(2).unwrap_err().is_stopped());
    /// assert_eq!(items.next().await.unwrap()?, 1);
    /// assert!(items.next().await.is_none());
    /// # Ok::<_, Aborted>(())
    /// # }).unwrap();
    /// ```
    pub fn stop(&self) {
        self.shared.stop();
    }

    /// A handle that [stops](Self::stop) the stream from elsewhere, also when it has been moved into an adapter or a task.
    pub fn stop_handle(&self) -> StopHandle<T, E> {
        StopHandle {
            shared: self.shared.clone(),
        }
    }

    /// How many items were dropped so far, as [`Overflow::DropNewest`](super::Overflow::DropNewest) or
    /// [`DropOldest`](super::Overflow::DropOldest) has it.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped()
    }
}

impl<T, E: From<Aborted>> Stream for Receiver<T, E> {
    type Item = Result<T, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.shared.poll_next(cx);
        if let Poll::Ready(None) = polled {
            self.has_ended = true;
        }
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (count, is_open) = self.shared.size();
        (count, (!is_open).then_some(count))
    }
}

impl<T, E: From<Aborted>> FusedStream for Receiver<T, E> {
    fn is_terminated(&self) -> bool {
        self.has_ended
    }
}

// Nothing of an item is pinned.
impl<T, E> Unpin for Receiver<T, E> {}

impl<T, E> Drop for Receiver<T, E> {
    fn drop(&mut self) {
        self.shared.abandon();
    }
}

impl<T, E> fmt::Debug for Receiver<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (queued, is_open) = self.shared.size();
        f.debug_struct("Receiver")
            .field("queued", &queued)
            .field("open", &is_open)
            .finish_non_exhaustive()
    }
}

/// Stops a stream from elsewhere. Made by [`Receiver::stop_handle`].
pub struct StopHandle<T, E = Aborted> {
    shared: Arc<Shared<T, E>>,
}

impl<T, E> StopHandle<T, E> {
    /// Does what [`Receiver::stop`] does.
    pub fn stop(&self) {
        self.shared.stop();
    }
}

impl<T, E> Clone for StopHandle<T, E> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<T, E> fmt::Debug for StopHandle<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopHandle").finish_non_exhaustive()
    }
}
