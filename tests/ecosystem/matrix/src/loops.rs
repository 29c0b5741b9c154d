//! The loops.

use futures_executor::ThreadPool;
use interloop::{BlockOnError, Reactor};
use tokio::runtime::Handle;

use crate::{Failure, libraries::Library};

/// A loop, and how a library's exchange is run there, as a task.
pub(crate) struct Loop {
    pub(crate) name: &'static str,
    run: fn(&'static Library) -> Result<Result<(), Failure>, BlockOnError>,
}

pub(crate) const LOOPS: [Loop; 6] = [
    Loop {
        name: "tokio",
        run: |library| interloop_tokio::block_on(async |reactor| spawn(library, reactor, true).await),
    },
    Loop {
        name: "tokio, current thread",
        run: |library| interloop_tokio::block_on_current_thread(async |reactor| spawn(library, reactor, true).await),
    },
    Loop {
        name: "smol",
        run: |library| interloop_smol::block_on(async |reactor| spawn(library, reactor, false).await),
    },
    Loop {
        name: "async-std",
        run: |library| interloop_async_std::block_on(async |reactor| spawn(library, reactor, false).await),
    },
    Loop {
        name: "futures, thread pool",
        run: |library| {
            let pool = ThreadPool::builder()
                .pool_size(2)
                .create()
                .map_err(BlockOnError::not_started)?;
            interloop_futures::block_on_thread_pool(pool, async |reactor| spawn(library, reactor, false).await)
        },
    },
    Loop {
        name: "futures, local pool",
        run: |library| interloop_futures::block_on(async |reactor| spawn(library, reactor, false).await),
    },
];

impl Loop {
    pub(crate) fn run(&self, library: &'static Library) -> Result<(), Failure> {
        (self.run)(library)?
    }
}

async fn spawn(library: &'static Library, reactor: Reactor, is_tokio: bool) -> Result<(), Failure> {
    let exchange = (library.run)(reactor.clone());
    let task = reactor.spawn(async {
        // What the library finds before it is given any context.
        let found = Handle::try_current().is_ok();
        exchange.await?;
        Ok::<_, Failure>(found)
    });
    let found = task.await?;
    if found != is_tokio {
        return Err("a tokio is where none is to be, or the other way round".into());
    }
    Ok(())
}
