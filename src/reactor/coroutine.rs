//! Coroutines that stay on their thread, and who runs what other threads want of them.

use std::future::Future;

use crate::{
    Aborted,
    deferred::coroutine::home::Errands,
    local::{Deferred, Reactor},
};

impl<T, E> Deferred<T, E>
where
    T: 'static,
    E: From<Aborted> + 'static,
{
    /// Starts a future at once, here, and resumes it inside the firing of what it awaits (Twisted's `ensureDeferred`). All is as
    /// with [`crate::Deferred::from_coroutine`], except that nothing needs to be `Send`, and that it is resumed and dropped on
    /// this thread only.
    ///
    /// What another thread wakes, as where it awaits a [`crate::Deferred`] that is fired there, goes on in a task of the
    /// [current](Reactor::current) reactor, of which there is one as long as this thread has coroutines. If no reactor has been
    /// current where any of them was started, it goes on only when the next one is started: then use
    /// [`Reactor::spawn`] instead.
    ///
    /// ```
    /// use std::rc::Rc;
    /// use interloop::{Aborted, local::Deferred};
    ///
    /// let (completer, name) = Deferred::<Rc<str>, Aborted>::pair();
    /// let greeting = Deferred::from_coroutine(async { Ok::<_, Aborted>(format!("hello, {}", name.await?)) });
    /// completer.complete("world".into()); // resumes the coroutine, which ends
    /// assert_eq!(greeting.try_take().unwrap().unwrap(), "hello, world");
    /// ```
    #[track_caller]
    pub fn from_coroutine(future: impl Future<Output = Result<T, E>> + 'static) -> Self {
        let deferred = Self::begin_coroutine(future);
        if let Ok(reactor) = Reactor::current() {
            if let Some(errands) = Errands::needed() {
                // On a loop that has ended nobody runs them.
                reactor
                    .spawn_infallible(errands)
                    .then(|_| Ok::<_, Aborted>(()))
                    .detach();
            }
        }
        deferred
    }
}
