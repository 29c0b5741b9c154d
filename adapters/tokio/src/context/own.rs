//! A tokio that this crate runs, since somebody asked for it.

use tokio::runtime;

use super::Context;
use crate::Error;

/// How a tokio is to be run for a [`Context`].
///
/// ```
/// use interloop_tokio::context::Builder;
///
/// let context = Builder::new(1).thread_name("http-client").max_blocking_threads(2).start()?;
/// let slept = context.wrap(async { tokio::time::sleep(std::time::Duration::from_millis(1)).await });
/// smol::block_on(slept);
/// # Ok::<_, interloop_tokio::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    worker_threads: usize,
    thread_name: String,
    max_blocking_threads: Option<usize>,
}

impl Builder {
    /// A multi-threaded tokio with this many threads, with its I/O and its time driver. They are started by
    /// [`start`](Self::start), and named `interloop-tokio`.
    pub fn new(worker_threads: usize) -> Self {
        Self {
            worker_threads,
            thread_name: "interloop-tokio".to_owned(),
            max_blocking_threads: None,
        }
    }

    /// Names its threads, those for blocking work included.
    #[must_use]
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        self.thread_name = name.into();
        self
    }

    /// How many threads it may have for blocking work, beside the others. Looking names up is such work. None is started before there is
    /// any, and one that was idle for ten seconds ends. Without this it is tokio's number, which is 512.
    #[must_use]
    pub fn max_blocking_threads(mut self, count: usize) -> Self {
        self.max_blocking_threads = Some(count);
        self
    }

    /// Starts it. It ends when the last clone of the context is dropped, and all that was wrapped with it.
    ///
    /// # Errors
    /// If one of the numbers of threads is zero, or the system has no descriptors left for it.
    pub fn start(&self) -> Result<Context, Error> {
        if self.worker_threads == 0 || self.max_blocking_threads == Some(0) {
            return Err(Error::no_threads());
        }
        let mut builder = runtime::Builder::new_multi_thread();
        builder
            .worker_threads(self.worker_threads)
            .thread_name(&self.thread_name)
            .enable_all();
        if let Some(count) = self.max_blocking_threads {
            builder.max_blocking_threads(count);
        }
        Context::from_runtime(builder.build().map_err(Error::not_started)?)
    }
}
