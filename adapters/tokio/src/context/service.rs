use std::task::{Context, Poll};

use tower_service::Service;

use super::Wrapped;

/// Entered when it is asked whether it is ready, when it is called, and in the future that comes of it.
impl<R, T: Service<R>> Service<R> for Wrapped<T> {
    type Response = T::Response;
    type Error = T::Error;
    type Future = Wrapped<T::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), T::Error>> {
        let (context, service) = self.parts();
        context.enter().poll(cx, |cx| service.poll_ready(cx))
    }

    fn call(&mut self, request: R) -> Wrapped<T::Future> {
        let (context, service) = self.parts();
        context.wrap_result(|| service.call(request))
    }
}
