use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{self, Poll},
};

use futures_core::Stream;
use futures_sink::Sink;
use pin_project_lite::pin_project;

use super::Context;

pin_project! {
    /// Something of tokio's, and the context that it needs: entered whenever it is polled, called or dropped.
    ///
    /// What it wraps it also is: a future, a [`Stream`], a [`Sink`], a reader or writer of futures-io or of tokio, and with the feature
    /// `tower` a `tower_service::Service`. Made by [`Context::wrap`].
    ///
    /// Results that it gives are not wrapped. Most need no tokio any more; for those that do there is [`Context::wrap`] again, or the
    /// whole of what is done with them goes into one future.
    #[must_use = "futures and streams do nothing unless polled"]
    pub struct Wrapped<T> {
        // `None` only while it is dropped, or taken out.
        #[pin]
        value: Option<T>,
        context: Context,
    }

    impl<T> PinnedDrop for Wrapped<T> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.value.is_some() {
                this.context.call(|| this.value.set(None));
            }
        }
    }
}

impl<T> Wrapped<T> {
    pub(super) fn new(context: Context, value: T) -> Self {
        Self {
            value: Some(value),
            context,
        }
    }

    /// The context that it is entered in.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// What is wrapped. What is done with it is done outside of the context; see [`call`](Self::call).
    pub fn get_ref(&self) -> &T {
        self.value.as_ref().expect(THERE)
    }

    /// What is wrapped. What is done with it is done outside of the context; see [`call`](Self::call).
    pub fn get_mut(&mut self) -> &mut T {
        self.value.as_mut().expect(THERE)
    }

    /// What is wrapped, pinned as this is.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut T> {
        self.project().value.as_pin_mut().expect(THERE)
    }

    /// What was wrapped, to be dropped wherever it will be.
    pub fn into_inner(mut self) -> T {
        self.value.take().expect(THERE)
    }

    /// Calls a function with what is wrapped, inside of the context.
    pub fn call<R>(&mut self, f: impl FnOnce(&mut T) -> R) -> R {
        let value = self.value.as_mut().expect(THERE);
        self.context.call(|| f(value))
    }

    /// Calls a function with what is wrapped, inside of the context, and wraps what comes out: a future, most often.
    ///
    /// ```
    /// # use interloop_tokio::context::Context;
    /// /// Stands for the client of a library.
    /// struct Client;
    ///
    /// impl Client {
    ///     async fn pause(&self) {
    ///         tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    ///     }
    /// }
    ///
    /// let client = Context::own(1)?.wrap(Client);
    /// smol::block_on(client.wrap(Client::pause));
    /// # Ok::<_, interloop_tokio::Error>(())
    /// ```
    pub fn wrap<'a, R>(&'a self, f: impl FnOnce(&'a T) -> R) -> Wrapped<R> {
        let value = self.get_ref();
        self.context.wrap_result(|| f(value))
    }

    /// Polls what is wrapped, inside of the context.
    pub(super) fn poll_in<'a, R>(
        self: Pin<&'a mut Self>,
        cx: &mut task::Context<'_>,
        poll: impl FnOnce(Pin<&'a mut T>, &mut task::Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        let this = self.project();
        let value = this.value.as_pin_mut().expect(THERE);
        this.context.enter().poll(cx, |cx| poll(value, cx))
    }

    #[cfg(feature = "tower")]
    pub(super) fn parts(&mut self) -> (&Context, &mut T) {
        (&self.context, self.value.as_mut().expect(THERE))
    }

    /// As [`call`](Self::call), for what is pinned.
    pub(super) fn call_pinned<R>(self: Pin<&mut Self>, f: impl FnOnce(Pin<&mut T>) -> R) -> R {
        let this = self.project();
        let value = this.value.as_pin_mut().expect(THERE);
        this.context.call(|| f(value))
    }
}

const THERE: &str = "it is taken out by value, or dropped";

impl<T: Future> Future for Wrapped<T> {
    type Output = T::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<T::Output> {
        self.poll_in(cx, T::poll)
    }
}

impl<T: Stream> Stream for Wrapped<T> {
    type Item = T::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<T::Item>> {
        self.poll_in(cx, T::poll_next)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.get_ref().size_hint()
    }
}

impl<I, T: Sink<I>> Sink<I> for Wrapped<T> {
    type Error = T::Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), T::Error>> {
        self.poll_in(cx, T::poll_ready)
    }

    fn start_send(self: Pin<&mut Self>, item: I) -> Result<(), T::Error> {
        self.call_pinned(|sink| sink.start_send(item))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), T::Error>> {
        self.poll_in(cx, T::poll_flush)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), T::Error>> {
        self.poll_in(cx, T::poll_close)
    }
}

impl<T: Clone> Clone for Wrapped<T> {
    fn clone(&self) -> Self {
        self.context.wrap_result(|| self.get_ref().clone())
    }
}

impl<T: fmt::Debug> fmt::Debug for Wrapped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Wrapped").field(&self.value).finish()
    }
}
