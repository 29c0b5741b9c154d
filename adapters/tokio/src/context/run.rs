//! Running a future, with an error where its runtime cannot do its part.

use std::{
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    sync::mpsc,
    task::{self, Poll, ready},
    time::Duration,
};

use interloop::{BlockOnError, Reactor, block_on, time::Sleep};
use pin_project_lite::pin_project;
use tokio::runtime::RuntimeFlavor;

use super::{Context, Owned, Wrapped};
use crate::{Error, block_on::check_thread};

/// How long a current-thread runtime may take for a task that does nothing, until nobody seems to drive it.
const DRIVEN_WITHIN: Duration = Duration::from_secs(5);

/// Running what might find no runtime that does its part.
impl Context {
    /// Runs a future inside of the context, and tells of a runtime that cannot do its part.
    ///
    /// ```
    /// # use interloop_tokio::context::Context;
    /// let runtime = tokio::runtime::Runtime::new()?;
    /// let context = Context::new(runtime.handle())?;
    /// let sleep = || tokio::time::sleep(std::time::Duration::from_millis(1));
    /// smol::block_on(context.run(async { sleep().await }))?;
    ///
    /// drop(runtime);
    /// let error = smol::block_on(context.run(async { sleep().await })).unwrap_err();
    /// assert!(error.is_shut_down());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// - The runtime has shut down: then the future is not polled any more.
    /// - The runtime is a current-thread one which nobody drives, see [`Run::undriven_after`].
    ///
    /// # Panics
    /// When the future does.
    pub fn run<F: Future>(&self, future: F) -> Run<F> {
        Run::new(self.wrap(future))
    }

    /// Runs a future on the runtime, on this plain thread, which waits for it.
    ///
    /// ```
    /// # use interloop_tokio::context::Context;
    /// let context = Context::own(1)?;
    /// let nested = context.block_on(async { context.block_on(async {}) })?;
    /// assert!(nested.unwrap_err().is_nested());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If this thread runs a loop already, where tokio would panic; if the runtime has shut down; or if it is a current-thread one of which
    /// only the handle is here, and nobody drives it.
    pub fn block_on<F: Future>(&self, future: F) -> Result<F::Output, BlockOnError> {
        block_on::on_this_thread(|| {
            check_thread()?;
            self.check().map_err(BlockOnError::not_started)?;
            if let Some(runtime) = self.shared.owned.as_ref().and_then(Owned::runtime) {
                return Ok(runtime.block_on(future));
            }
            if self.is_current_thread() && !Probe::new(self).wait(DRIVEN_WITHIN) {
                return Err(BlockOnError::not_started(Error::undriven()));
            }
            Ok(self.shared.handle.block_on(future))
        })
    }

    fn is_current_thread(&self) -> bool {
        self.shared.handle.runtime_flavor() == RuntimeFlavor::CurrentThread
    }
}

pin_project! {
    /// A future inside of a context, with an error where its runtime cannot do its part. See [`Context::run`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct Run<F> {
        #[pin]
        future: Wrapped<F>,
        limit: Duration,
        watch: Option<Watch>,
    }
}

/// Looks whether a current-thread runtime is driven, while the future waits.
struct Watch {
    probe: Probe,
    limit: Sleep,
}

impl<F> Run<F> {
    pub(super) fn new(future: Wrapped<F>) -> Self {
        Self {
            future,
            limit: DRIVEN_WITHIN,
            watch: None,
        }
    }

    /// How long a current-thread runtime may leave a task alone before it counts as one that nobody drives; five seconds at
    /// first.
    ///
    /// Such a runtime does nothing while nobody is in its `block_on`, and cannot be asked about it. So while the future waits it is given an
    /// empty task, by the clock of the [current](Reactor::current) reactor; without one it is not watched. A runtime that
    /// is held up for that long by one of its tasks looks the same. Multi-threaded runtimes drive themselves.
    pub fn undriven_after(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }
}

impl<F: Future> Future for Run<F> {
    type Output = Result<F::Output, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        this.future.context().check()?;
        // tokio's timers panic when their runtime has shut down, which may come while they are polled.
        let polled = catch_unwind(AssertUnwindSafe(|| this.future.as_mut().poll(cx)));
        let context = this.future.context();
        match polled {
            Ok(Poll::Ready(output)) => return Poll::Ready(Ok(output)),
            Ok(Poll::Pending) if !context.is_current_thread() => return Poll::Pending,
            Ok(Poll::Pending) => {}
            Err(panic) => {
                context.check()?;
                resume_unwind(panic);
            }
        }
        loop {
            let Some(watch) = this.watch.as_mut() else {
                let Ok(reactor) = Reactor::current() else {
                    return Poll::Pending;
                };
                *this.watch = Some(Watch {
                    probe: Probe::new(context),
                    limit: reactor.sleep(*this.limit),
                });
                continue;
            };
            if ready!(Pin::new(&mut watch.limit).poll(cx)).is_err() {
                // Without its clock nothing is known.
                return Poll::Pending;
            }
            if !watch.probe.has_run() {
                context.check()?;
                return Poll::Ready(Err(Error::undriven()));
            }
            *this.watch = None;
        }
    }
}

impl<F: fmt::Debug> fmt::Debug for Run<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Run").field(&self.future).finish()
    }
}

/// An empty task on a runtime. It ends when the runtime is driven, or has shut down.
pub(super) struct Probe {
    has_run: mpsc::Receiver<()>,
}

impl Probe {
    pub(super) fn new(context: &Context) -> Self {
        let (sender, has_run) = mpsc::channel();
        context.handle().spawn(async move {
            // Nobody may wait for it any more.
            let _ = sender.send(());
        });
        Self { has_run }
    }

    fn has_run(&self) -> bool {
        self.has_run.try_recv().is_ok()
    }

    /// Waits for it, on a plain thread.
    pub(super) fn wait(&self, limit: Duration) -> bool {
        self.has_run.recv_timeout(limit).is_ok()
    }
}
