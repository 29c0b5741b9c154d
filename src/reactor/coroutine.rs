//! Coroutines, and who resumes them where no deferred does.

use std::future::Future;

use crate::{
    Aborted, Deferred, Reactor,
    deferred::coroutine::{Call, Resumer, home::Errands},
    local,
};

impl Resumer for Reactor {
    fn call_soon(&self, call: Call) {
        self.call_soon(|| call.resume());
    }
}

impl<T, E> Deferred<T, E>
where
    T: Send + 'static,
    E: From<Aborted> + Send + 'static,
{
    /// Starts a future at once, here, and resumes it inside the firing of what it awaits, on the thread that fires
    /// (Twisted's `ensureDeferred`). It needs no event loop. One that is [spawned](Reactor::spawn) runs on its loop
    /// instead, when that comes to it.
    ///
    /// What is no deferred, as a socket or a channel, resumes it on the loop of the reactor that was
    /// [current](Reactor::current) where it was started, as [`call_soon`](Reactor::call_soon) does; woken when that loop has ended, it
    /// fails with [`Aborted::shut_down`]. So do deferreds behind something that has wakers of its own, as `FuturesUnordered`; those of
    /// `join!` and `select!` are awaited as if alone.
    ///
    /// If no reactor was current, it is resumed inside of what wakes it, whatever that is. There are channels and locks that hold a lock of
    /// their own while they wake, those of smol and async-std among them: there it would wait for ever for what it holds itself, so start
    /// one that awaits such on a reactor.
    ///
    /// Cancelling it cancels the deferred that it awaits: it sees the outcome of that, and may go on. If it awaits something
    /// else, or several deferreds at once, the future is dropped where it stands; from inside its own code, cancelling does
    /// nothing. Dropping the deferred detaches it. A coroutine that nothing will ever wake is dropped with the last waker, and
    /// fails with [`Aborted::dropped`].
    ///
    /// Four allocations, and two more for every deferred that it finds pending; one more each where a reactor is current.
    ///
    /// ```
    /// use interloop::{Aborted, Deferred};
    ///
    /// let (completer, name) = Deferred::<&str, Aborted>::pair();
    /// let greeting = Deferred::from_coroutine(async { Ok::<_, Aborted>(format!("hello, {}", name.await?)) });
    /// completer.complete("world"); // resumes the coroutine, which ends
    /// assert_eq!(greeting.try_take().unwrap().unwrap(), "hello, world");
    /// ```
    #[track_caller]
    pub fn from_coroutine(future: impl Future<Output = Result<T, E>> + Send + 'static) -> Self {
        let resumer = Reactor::current()
            .ok()
            .map(|reactor| -> Box<dyn Resumer> { Box::new(reactor) });
        Self::begin_coroutine(future, resumer)
    }
}

impl<T, E> local::Deferred<T, E>
where
    T: 'static,
    E: From<Aborted> + 'static,
{
    /// Starts a future at once, here, and resumes it inside the firing of what it awaits (Twisted's `ensureDeferred`). All is as
    /// with [`crate::Deferred::from_coroutine`], except that nothing needs to be `Send`, and that it is resumed and dropped on
    /// this thread only.
    ///
    /// What another thread wakes, as where it awaits a [`crate::Deferred`] that is fired there, goes on in a task of the
    /// [current](local::Reactor::current) reactor, of which there is one as long as this thread has coroutines. If no reactor has been
    /// current where any of them was started, it goes on only when the next one is started: then use
    /// [`local::Reactor::spawn`] instead.
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
        let reactor = local::Reactor::current();
        let deferred = Self::begin_coroutine(future, reactor.is_ok());
        if let Ok(reactor) = reactor {
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
