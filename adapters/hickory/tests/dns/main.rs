//! Look-ups on every loop, at a DNS server on plain threads, of no loop.

mod lookups;
mod server;

use futures_executor::ThreadPool;
use interloop::{BlockOnError, Reactor};

/// The tests of a module, each of which is an async function of a reactor, on every loop.
macro_rules! on_every_loop {
    ($($name:ident),* $(,)?) => {
        $crate::on_every_loop!(@loop on_tokio, interloop_tokio::block_on, $($name),*);
        $crate::on_every_loop!(@loop on_tokio_current_thread, interloop_tokio::block_on_current_thread, $($name),*);
        $crate::on_every_loop!(@loop on_smol, interloop_smol::block_on, $($name),*);
        $crate::on_every_loop!(@loop on_async_std, interloop_async_std::block_on, $($name),*);
        $crate::on_every_loop!(@loop on_local_pool, interloop_futures::block_on, $($name),*);
        $crate::on_every_loop!(@loop on_thread_pool, $crate::on_thread_pool, $($name),*);
    };
    (@loop $of_loop:ident, $block_on:path, $($name:ident),*) => {
        mod $of_loop {
            $(
                #[test]
                fn $name() {
                    use interloop::testing::Test;

                    Test::new(stringify!($name), stringify!($of_loop))
                        .timeout(std::time::Duration::from_secs(60))
                        .run(|main| $block_on(|reactor| main.run(reactor)), super::$name);
                }
            )*
        }
    };
}
use on_every_loop;

fn on_thread_pool<T>(main: impl AsyncFnOnce(Reactor) -> T) -> Result<T, BlockOnError> {
    let pool = ThreadPool::builder()
        .pool_size(2)
        .create()
        .map_err(BlockOnError::not_started)?;
    interloop_futures::block_on_thread_pool(pool, main)
}
