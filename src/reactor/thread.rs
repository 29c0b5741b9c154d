//! Blocking work for code that has no reactor at hand.

use super::Reactor;
use crate::{Aborted, Deferred};

/// Runs a closure on a thread where blocking is fine, by the [current](Reactor::current) reactor (Twisted's
/// `deferToThread`).
///
/// What it does is [`Reactor::spawn_blocking`]. Without a current reactor the closure is dropped, and the deferred has
/// failed with [`Aborted::no_reactor`].
///
/// ```
/// use interloop::{Aborted, Clock, defer_to_thread};
///
/// let clock = Clock::new();
/// let entered = clock.reactor().spawn(async {
///     defer_to_thread(|| Ok::<_, Aborted>(6 * 7)).await
/// });
/// clock.run_until_stalled();
/// assert_eq!(entered.try_take().unwrap().unwrap(), 42);
///
/// let nowhere = defer_to_thread(|| Ok::<_, Aborted>(6 * 7));
/// assert!(nowhere.try_take().unwrap().unwrap_err().is_no_reactor());
/// ```
#[track_caller]
pub fn defer_to_thread<T, E>(job: impl FnOnce() -> Result<T, E> + Send + 'static) -> Deferred<T, E>
where
    T: Send + 'static,
    E: From<Aborted> + Send + 'static,
{
    match Reactor::current() {
        Ok(reactor) => reactor.spawn_blocking(job),
        Err(no_reactor) => Deferred::failed(E::from(no_reactor.into())),
    }
}
