use std::{
    error::Error,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use interloop::{Aborted, Reactor, time::Sleep};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

/// What tower's own middleware fails with.
type BoxError = Box<dyn Error + Send + Sync>;

/// Gives the calls of a service a time limit, by the clock of a reactor. See [`Timeout`].
#[derive(Clone, Debug)]
pub struct TimeoutLayer {
    reactor: Reactor,
    limit: Duration,
}

impl TimeoutLayer {
    /// Gives each call so much time, from the call until its response is there.
    pub fn new(reactor: &Reactor, limit: Duration) -> Self {
        Self {
            reactor: reactor.clone(),
            limit,
        }
    }
}

impl<S> Layer<S> for TimeoutLayer {
    type Service = Timeout<S>;

    fn layer(&self, service: S) -> Timeout<S> {
        Timeout::new(&self.reactor, service, self.limit)
    }
}

/// A service whose calls have a time limit. Made by a [`TimeoutLayer`], or by itself.
///
/// A call whose time is up is dropped, and fails with [`Aborted::timed_out`], which
/// [`as_aborted`](interloop::AsAborted::as_aborted) finds in the boxed error. A response that is there when the time is up is given.
/// The limit ends with the response: its body, if it has one, may take longer.
#[derive(Clone, Debug)]
pub struct Timeout<S> {
    service: S,
    reactor: Reactor,
    limit: Duration,
}

impl<S> Timeout<S> {
    /// Gives each call of a service so much time.
    pub fn new(reactor: &Reactor, service: S, limit: Duration) -> Self {
        Self {
            service,
            reactor: reactor.clone(),
            limit,
        }
    }

    /// The service.
    pub fn get_ref(&self) -> &S {
        &self.service
    }

    /// The service.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.service
    }

    /// The service, without a limit.
    pub fn into_inner(self) -> S {
        self.service
    }
}

impl<S, R> Service<R> for Timeout<S>
where
    S: Service<R>,
    S::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.service.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: R) -> ResponseFuture<S::Future> {
        ResponseFuture {
            sleep: self.reactor.sleep(self.limit),
            response: self.service.call(request),
        }
    }
}

pin_project! {
    /// A response, as long as it is in time. Made by [`Timeout`].
    ///
    /// It fails with the error of the service, with [`Aborted::timed_out`], or with [`Aborted::shut_down`] if the loop has shut down, whose time
    /// would never be up.
    ///
    /// Cancel safety: that of the response.
    #[must_use = "futures do nothing unless awaited"]
    pub struct ResponseFuture<F> {
        #[pin]
        response: F,
        sleep: Sleep,
    }
}

impl<F, T, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<BoxError>,
{
    type Output = Result<T, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(response) = this.response.poll(cx) {
            return Poll::Ready(response.map_err(Into::into));
        }
        ready!(Pin::new(this.sleep).poll(cx))?;
        Poll::Ready(Err(Aborted::timed_out().into()))
    }
}

impl<F: fmt::Debug> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("response", &self.response)
            .finish_non_exhaustive()
    }
}
