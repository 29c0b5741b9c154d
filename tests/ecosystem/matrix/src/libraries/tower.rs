//! Time limits for services.

use std::time::Duration;

use ::tower::{ServiceBuilder, ServiceExt, service_fn, timeout::Timeout};
use interloop::{Aborted, AsAborted, Reactor};
use interloop_tower::TimeoutLayer;

use super::{Library, expect, tokio_context};
use crate::Failure;

pub(super) const LIBRARY: Library = Library {
    name: "tower",
    package: "tower",
    by: "`interloop-tower`, and its own `Timeout` by `interloop_tokio::context`",
    exchanges: "a call that is in time, and one that is given up, of a service with a time limit of the loop's, and with tower's that is wrapped",
    server: None,
    run: |reactor| Box::pin(run(reactor)),
};

async fn run(reactor: Reactor) -> Result<(), Failure> {
    let inner = reactor.clone();
    let service = service_fn(move |duration| {
        let reactor = inner.clone();
        async move {
            reactor.sleep(duration).await?;
            Ok::<_, Aborted>(duration)
        }
    });
    let soon = Duration::from_millis(1);
    let within = |limit| {
        let limits = TimeoutLayer::new(&reactor, limit);
        ServiceBuilder::new().layer(limits).service(service.clone())
    };
    expect(within(Duration::from_secs(60)).oneshot(soon).await?, soon, "the answer")?;
    let late = within(Duration::from_millis(10))
        .oneshot(Duration::from_secs(3600))
        .await;
    let is_late = late.is_err_and(|error| error.as_aborted().is_some_and(Aborted::is_timed_out));
    expect(is_late, true, "that the time limit has passed")?;

    let context = tokio_context()?;
    let within = |limit| context.wrap(Timeout::new(service.clone(), limit));
    expect(within(Duration::from_secs(60)).oneshot(soon).await?, soon, "the answer")?;
    let late = within(Duration::from_millis(10))
        .oneshot(Duration::from_secs(3600))
        .await;
    let is_elapsed = late.is_err_and(|error| error.is::<::tower::timeout::error::Elapsed>());
    expect(is_elapsed, true, "that tower's time limit has passed")
}
