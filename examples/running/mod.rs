//! Every loop, all of them running in one process.

use std::{any::Any, sync::mpsc, thread};

use futures_executor::{LocalPool, ThreadPool};
use interloop::{Deferred, Reactor};
use tokio::runtime::Builder;

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// A loop that is running, and what keeps it so.
pub(crate) struct Running {
    pub(crate) name: &'static str,
    pub(crate) reactor: Reactor,
    _keep: Box<dyn Any>,
}

impl Running {
    pub(crate) fn new(name: &'static str, reactor: Reactor, keep: impl Any) -> Self {
        Self {
            name,
            reactor,
            _keep: Box::new(keep),
        }
    }

    /// A tokio of one thread, which is not this one.
    pub(crate) fn tokio_current_thread(name: &'static str) -> Result<Self, Error> {
        on_thread(name, |send, stopped| {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            send.send(interloop_tokio::from_handle(runtime.handle())?)?;
            Ok(runtime.block_on(stopped)?)
        })
    }
}

/// One of each that has an adapter.
pub(crate) fn every_loop() -> Result<Vec<Running>, Error> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let tokio = interloop_tokio::from_handle(runtime.handle())?;
    let pool = ThreadPool::builder().pool_size(2).create()?;
    let local_pool = on_thread("futures local", |send, stopped| {
        let mut pool = LocalPool::new();
        send.send(interloop_futures::from_local_spawner(pool.spawner()))?;
        Ok(pool.run_until(stopped)?)
    })?;
    Ok(vec![
        Running::new("tokio", tokio, runtime),
        Running::tokio_current_thread("tokio (1 thread)")?,
        Running::new("smol", interloop_smol::global(), ()),
        Running::new("async-std", interloop_async_std::global(), ()),
        Running::new("futures pool", interloop_futures::from_thread_pool(pool), ()),
        local_pool,
    ])
}

/// Runs a loop that needs a thread to drive it: `drive` makes the reactor and runs the loop until its second argument is
/// ready.
fn on_thread<F>(name: &'static str, drive: F) -> Result<Running, Error>
where
    F: FnOnce(mpsc::Sender<Reactor>, Deferred<()>) -> Result<(), Error> + Send + 'static,
{
    let (send, receive) = mpsc::channel();
    let (stop, stopped) = Deferred::pair();
    let thread = thread::spawn(move || drive(send, stopped));
    match receive.recv() {
        Ok(reactor) => Ok(Running::new(name, reactor, stop)),
        Err(_) => Err(match thread.join() {
            Ok(Err(error)) => error,
            _ => format!("{name} did not start").into(),
        }),
    }
}
