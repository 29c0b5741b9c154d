//! Libraries that are made for tokio, on any loop.
//!
//! A library that is hard-wired to tokio (an HTTP client, a broker's) finds its runtime in a thread-local, which only tokio's own threads
//! have. A [`Context`] puts a tokio there while the library's code runs, on whichever loop that is:
//!
//! ```
//! use interloop_tokio::context::Context;
//!
//! /// Stands for a library that is made for tokio.
//! async fn fetch() -> std::io::Result<u16> {
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//!     tokio::time::sleep(std::time::Duration::from_millis(1)).await;
//!     Ok(listener.local_addr()?.port())
//! }
//!
//! // A tokio with one thread, which was asked for here. It ends with its last context.
//! let context = Context::own(1)?;
//! let port = smol::block_on(context.wrap(fetch()))?;
//! assert_ne!(port, 0);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Which tokio
//!
//! - One of yours, by its handle: [`Context::new`]. Or handed over, so that it ends with the context: [`Context::from_runtime`].
//! - The one that runs here: [`Context::current`], an error where there is none.
//! - One that is started since you ask for it, with as many threads as you say: [`Context::own`], [`Builder`].
//! - None: a [`Policy`] is for a library whose user decides, and [`Policy::Never`] is one of the answers.
//!
//! Nothing is started silently, and there is no global one.
//!
//! # What is inside
//!
//! - A future, a stream, a sink, a reader or a writer: [`Context::wrap`]. It is entered when that is polled and when it is dropped.
//! - A client or a service: `wrap` as well, then [`Wrapped::wrap`] for each call, or with the feature `tower` its `Service`.
//! - A function: [`Context::call`] for now, [`Context::callback`] for later.
//! - All that is spawned: [`Context::reactor`] gives a reactor on the same loop whose tasks, callbacks and blocking jobs are inside, and
//!   so is whatever drops them.
//! - A whole exchange, to be run by tokio's threads: [`Context::on_runtime`].
//! - A future whose runtime might fail: [`Context::run`], which gives an [`Error`] where a plain future would panic or hang.
//!
//! A client made inside can be used outside, as far as it needs no tokio there itself: to be sure, keep it wrapped.
//!
//! # What else sees it
//!
//! Inside, `tokio::runtime::Handle::try_current()` finds the context's runtime: that is what it is for. Libraries that choose their runtime by
//! this question, and could use several, would choose tokio there. Three things follow:
//!
//! - Nothing is entered but while what was wrapped runs. Set up on the outside what must not be in tokio, or have it done by a task of
//!   a plain reactor: `reactor.spawn(future).await` is polled outside, wherever it is awaited. [`outside`] does so without a spawn.
//! - [`Reactor::current`] is the loop that runs the code, inside as outside.
//! - [`interloop_tokio::current`](crate::current) does not take a runtime that was only entered here for the loop: it is an error that says so.
//!
//! # tokio's budget
//!
//! tokio's own resources let a task make 128 steps, then have it wait until tokio polls it again. Under an executor inside of what
//! tokio polls (a `block_on` of another crate, most often), that never happens. So what is wrapped has no budget there, and none
//! is lost where a task of tokio's polls it, which keeps its own.

mod entered;
mod event_loop;
mod io;
mod outside;
#[cfg(feature = "rt-multi-thread")]
mod own;
mod policy;
mod run;
#[cfg(feature = "tower")]
mod service;
mod wrapped;

use std::{fmt, sync::Arc};

use interloop::{Reactor, local};
use tokio::runtime::{Handle, Id, Runtime};

use self::entered::Found;
pub(crate) use self::entered::is_entered_only;
#[cfg(feature = "rt-multi-thread")]
pub use self::own::Builder;
pub use self::{
    outside::{Outside, outside},
    policy::Policy,
    run::Run,
    wrapped::Wrapped,
};
use crate::{Ended, Error, Tokio, probe};

/// A tokio that is entered where it is needed. See the [module](self).
///
/// Clones are the same. Each that was made keeps an idle task on its runtime, so make one and clone it.
#[derive(Clone)]
pub struct Context {
    shared: Arc<Shared>,
}

struct Shared {
    handle: Handle,
    id: Id,
    ended: Ended,
    /// If it ends with the context.
    owned: Option<Owned>,
}

impl Context {
    /// A context of a runtime of yours, which has to be running as long as anything waits for it: the context does not keep it alive. What
    /// still is wrapped when it shuts down gets errors of tokio's, or of [`run`](Self::run).
    ///
    /// # Errors
    /// If the runtime's I/O or time driver is off, or it has shut down.
    pub fn new(handle: &Handle) -> Result<Self, Error> {
        Self::with(handle.clone(), None)
    }

    /// A context of the runtime in whose context this is called.
    ///
    /// # Errors
    /// If there is none, and as for [`new`](Self::new).
    pub fn current() -> Result<Self, Error> {
        Self::new(&Handle::try_current().map_err(Error::no_runtime)?)
    }

    /// A context of a tokio that is started for it, with this many threads, named `interloop-tokio`. [`Builder`] can say more.
    ///
    /// It ends when the last clone is dropped, and all that was wrapped with it. Where that is does not matter: a task will do, one of that
    /// very tokio included. Nothing waits for its end.
    ///
    /// # Errors
    /// As for [`Builder::start`].
    #[cfg(feature = "rt-multi-thread")]
    pub fn own(worker_threads: usize) -> Result<Self, Error> {
        Builder::new(worker_threads).start()
    }

    /// A context of a runtime that ends with it: when the last clone is dropped, and all that was wrapped with it.
    ///
    /// tokio panics where a runtime is dropped in asynchronous code. Here that may be: it is shut down in the background, without
    /// waiting for its blocking jobs.
    ///
    /// A current-thread runtime is driven by nobody now, except while [`block_on`](Self::block_on) is called.
    ///
    /// # Errors
    /// As for [`new`](Self::new). The runtime has ended then.
    pub fn from_runtime(runtime: Runtime) -> Result<Self, Error> {
        let handle = runtime.handle().clone();
        Self::with(handle, Some(Owned(Some(runtime))))
    }

    fn with(handle: Handle, owned: Option<Owned>) -> Result<Self, Error> {
        let ended = probe(&handle)?;
        entered::learn();
        let context = Self {
            shared: Arc::new(Shared {
                id: handle.id(),
                handle,
                ended,
                owned,
            }),
        };
        context.check()?;
        Ok(context)
    }

    /// The runtime's own handle.
    pub fn handle(&self) -> &Handle {
        &self.shared.handle
    }

    /// Whether the runtime has not shut down.
    ///
    /// # Errors
    /// If it has.
    pub fn check(&self) -> Result<(), Error> {
        self.shared.ended.check().map_err(|_| Error::shut_down())
    }

    /// Calls a function inside of the context.
    ///
    /// ```
    /// # use interloop_tokio::context::Context;
    /// let context = Context::own(1)?;
    /// let task = context.call(|| tokio::spawn(async { 42 }));
    /// assert_eq!(smol::block_on(task).unwrap(), 42);
    /// # Ok::<_, interloop_tokio::Error>(())
    /// ```
    pub fn call<R>(&self, f: impl FnOnce() -> R) -> R {
        let _inside = self.enter();
        f()
    }

    /// A function that is called inside of the context, and dropped inside if it is not called.
    pub fn callback<A, R, F>(&self, f: F) -> impl FnOnce(A) -> R + use<A, R, F>
    where
        F: FnOnce(A) -> R,
    {
        let f = self.wrap(f);
        move |argument| {
            let context = f.context().clone();
            let f = f.into_inner();
            context.call(|| f(argument))
        }
    }

    /// Wraps what is to be inside of the context whenever it is polled, called or dropped.
    pub fn wrap<T>(&self, value: T) -> Wrapped<T> {
        Wrapped::new(self.clone(), value)
    }

    /// Wraps what a function gives that is called inside.
    fn wrap_result<T>(&self, f: impl FnOnce() -> T) -> Wrapped<T> {
        self.wrap(self.call(f))
    }

    /// A reactor on the same loop, whose tasks, callbacks and blocking jobs are inside of the context, wherever they run and wherever
    /// they are dropped.
    ///
    /// It is [current](Reactor::current) in them. Sockets, timers and the clock are the loop's. What is posted to one of the two reactors knows no order with
    /// what is posted to the other. A task is one allocation more than on the reactor itself.
    ///
    /// ```
    /// # use interloop_tokio::context::Context;
    /// use interloop::{Aborted, Reactor};
    ///
    /// let reactor = Context::own(1)?.reactor(&interloop_smol::global());
    /// let slept = reactor.spawn(async {
    ///     // One that it spawns in turn.
    ///     Reactor::current()?.spawn(async {
    ///         tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    ///         Ok::<_, Aborted>(())
    ///     })
    ///     .await
    /// });
    /// smol::block_on(slept).unwrap();
    /// # Ok::<_, interloop_tokio::Error>(())
    /// ```
    pub fn reactor(&self, reactor: &Reactor) -> Reactor {
        event_loop::reactor(self, reactor)
    }

    /// The same, for what stays on its thread.
    pub fn local_reactor(&self, reactor: &local::Reactor) -> local::Reactor {
        event_loop::local_reactor(self, reactor)
    }

    /// A reactor on the runtime itself: what is spawned there is run by tokio's threads, and its result is awaited anywhere.
    ///
    /// The tasks that a library spawns run there. When a task of another loop talks with them, each step goes to another thread and back,
    /// which for a short exchange costs more than the exchange; so have tokio run the whole of it, where that counts. The current reactor in it
    /// is this one, not the other loop's. It does not keep the runtime alive.
    ///
    /// ```
    /// # use interloop_tokio::context::Context;
    /// let context = Context::own(1)?;
    /// let fetched = context.on_runtime().spawn_infallible(async {
    ///     // Many short requests, one after the other.
    ///     tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    ///     42
    /// });
    /// assert_eq!(smol::block_on(fetched).unwrap(), 42);
    /// # Ok::<_, interloop_tokio::Error>(())
    /// ```
    pub fn on_runtime(&self) -> Reactor {
        Reactor::new(Tokio {
            handle: self.shared.handle.clone(),
            ended: self.shared.ended.clone(),
        })
    }

    #[inline]
    fn enter(&self) -> Found<'_> {
        Found::enter(&self.shared.handle, self.shared.id)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("runtime", &self.shared.id)
            .field("is_owned", &self.shared.owned.is_some())
            .finish_non_exhaustive()
    }
}

/// A runtime that may be dropped anywhere.
struct Owned(Option<Runtime>);

impl Owned {
    fn runtime(&self) -> Option<&Runtime> {
        self.0.as_ref()
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // The one way that does not block, which tokio does not allow in asynchronous code.
            runtime.shutdown_background();
        }
    }
}
