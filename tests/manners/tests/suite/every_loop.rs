//! Each case on each loop.

/// Makes a test on every loop of each async function: `name::tokio`, `name::smol` and so on.
macro_rules! every_loop {
    ($($(#[$attribute:meta])* async fn $name:ident($reactor:ident: Reactor) $body:block)+) => {$(
        #[interloop::test(tokio, tokio_current_thread, smol, async_std, futures, timeout = "60s")]
        $(#[$attribute])*
        async fn $name($reactor: interloop::Reactor) $body
    )+

        mod thread_pool {
            $(
                #[test]
                fn $name() {
                    let path = concat!(module_path!(), "::", stringify!($name));
                    let _ = interloop::testing::Test::new(path, "thread_pool")
                        .timeout(std::time::Duration::from_secs(60))
                        .run($crate::every_loop::on_a_thread_pool, super::$name);
                }
            )+
        }
    };
}

pub(crate) use every_loop;

/// Runs a test on a `ThreadPool` of futures.
pub(crate) fn on_a_thread_pool(main: interloop::testing::Main) -> Result<(), interloop::BlockOnError> {
    let pool = futures_executor::ThreadPool::builder()
        .pool_size(2)
        .create()
        .expect("threads for the pool");
    interloop_futures::block_on_thread_pool(pool, |reactor| main.run(reactor))
}
