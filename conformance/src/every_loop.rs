//! Tests of what is written for a reactor, on the loops of all adapters.

/// The tests of a module, each of which is an async function of a reactor, on every loop: tokio's with several threads and with one, smol's,
/// async-std's, and both of futures'. Each becomes a test of its own, `on_smol::its_name` and so on, that may take a minute.
///
/// The crate that says so depends on the adapters and on `futures-executor`, for its tests.
///
/// ```
/// use interloop::{Aborted, Reactor};
/// use interloop_conformance::on_every_loop;
///
/// on_every_loop!(a_task_gives_its_result);
///
/// async fn a_task_gives_its_result(reactor: Reactor) -> Result<(), Aborted> {
///     assert_eq!(reactor.spawn_infallible(async { 42 }).await?, 42);
///     Ok(())
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! on_every_loop {
    ($($name:ident),* $(,)?) => {
        $crate::on_every_loop!(@loop on_tokio, interloop_tokio::block_on, $($name),*);
        $crate::on_every_loop!(@loop on_tokio_current_thread, interloop_tokio::block_on_current_thread, $($name),*);
        $crate::on_every_loop!(@loop on_smol, interloop_smol::block_on, $($name),*);
        $crate::on_every_loop!(@loop on_async_std, interloop_async_std::block_on, $($name),*);
        $crate::on_every_loop!(@loop on_local_pool, interloop_futures::block_on, $($name),*);
        mod on_thread_pool {
            fn block_on<T>(
                main: impl AsyncFnOnce(interloop::Reactor) -> T,
            ) -> Result<T, interloop::BlockOnError> {
                let pool = futures_executor::ThreadPool::builder()
                    .pool_size(2)
                    .create()
                    .map_err(interloop::BlockOnError::not_started)?;
                interloop_futures::block_on_thread_pool(pool, main)
            }

            $crate::on_every_loop!(@tests on_thread_pool, block_on, $($name),*);
        }
    };
    (@loop $of_loop:ident, $block_on:path, $($name:ident),*) => {
        mod $of_loop {
            $crate::on_every_loop!(@tests $of_loop, $block_on, $($name),*);
        }
    };
    (@tests $of_loop:ident, $block_on:path, $($name:ident),*) => {
        // For all of them, so that it is compiled once.
        fn __run(main: interloop::testing::Main) -> Result<(), interloop::BlockOnError> {
            $block_on(|reactor| main.run(reactor))
        }

        $(
            #[test]
            fn $name() {
                interloop::testing::Test::new(stringify!($name), stringify!($of_loop))
                    .timeout(std::time::Duration::from_secs(60))
                    .run(__run, super::$name);
            }
        )*
    };
}
