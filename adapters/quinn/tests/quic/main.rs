//! QUIC on every loop, with quinn at both ends, and with quinn on its own tokio at the other one.

mod ends;
mod peers;
mod streams;
mod tools;

/// The tests of a module, each of which is an async function of a reactor, on every loop.
macro_rules! on_every_loop {
    ($($name:ident),* $(,)?) => {
        $crate::on_every_loop!(@loop on_tokio, interloop_tokio::block_on, $($name),*);
        $crate::on_every_loop!(@loop on_tokio_current_thread, interloop_tokio::block_on_current_thread, $($name),*);
        $crate::on_every_loop!(@loop on_smol, interloop_smol::block_on, $($name),*);
        $crate::on_every_loop!(@loop on_async_std, interloop_async_std::block_on, $($name),*);
        $crate::on_every_loop!(@loop on_local_pool, interloop_futures::block_on, $($name),*);
        $crate::on_every_loop!(@loop on_thread_pool, $crate::tools::on_thread_pool, $($name),*);
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
