use std::{future::Future, io, time::Duration};

use async_trait::async_trait;
use hickory_resolver::proto::runtime;
use interloop::Reactor;

/// hickory's time, which is that of the [current](Reactor::current) reactor.
///
/// Without one, a time limit is an error that says so, and a delay, which has no way to fail, ends at once; so it does when the loop has
/// shut down.
#[derive(Clone, Copy, Debug)]
pub struct Time;

#[async_trait]
impl runtime::Time for Time {
    async fn delay_for(duration: Duration) {
        if let Ok(reactor) = Reactor::current() {
            drop(reactor.sleep(duration).await);
        }
    }

    async fn timeout<F: Future + Send + 'static>(duration: Duration, future: F) -> io::Result<F::Output> {
        let reactor = Reactor::current().map_err(io::Error::other)?;
        reactor.timeout(duration, async { Ok(future.await) }).await
    }
}
