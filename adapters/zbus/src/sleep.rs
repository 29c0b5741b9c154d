use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use interloop::time;

/// A wait on a loop's clock.
///
/// ```
/// use std::time::Duration;
/// use interloop_zbus::runtime;
/// use zbus::runtime::traits::Runtime;
///
/// // A second in virtual time takes none.
/// interloop::clock::block_on(async |reactor| {
///     let start = reactor.now();
///     runtime(&reactor).sleep(Duration::from_secs(1)).await;
///     assert_eq!(reactor.now() - start, Duration::from_secs(1));
/// })?;
/// # Ok::<_, interloop::BlockOnError>(())
/// ```
///
/// Ready at once on a loop that has shut down: it has no way to fail, and whoever waits elsewhere for an answer with a time limit is to
/// get that limit's error instead of nothing.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Sleep {
    sleep: time::Sleep,
}

impl Sleep {
    pub(crate) fn new(sleep: time::Sleep) -> Self {
        Self { sleep }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // An error is that the loop has shut down.
        Pin::new(&mut self.sleep).poll(cx).map(drop)
    }
}
