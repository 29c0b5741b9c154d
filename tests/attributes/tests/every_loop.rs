//! Tests that pass, on every loop.

use std::{io, time::Duration};

use interloop::{
    Aborted, Deferred, Reactor, defer_to_thread,
    net::{TcpListener, TcpStream},
};

#[interloop::test(tokio, tokio_current_thread, smol, async_std, futures, clock)]
async fn a_sleep_ends(reactor: Reactor) -> Result<(), Aborted> {
    reactor.sleep(Duration::from_millis(1)).await
}

#[interloop::test(tokio, tokio_current_thread, smol, async_std, futures, clock)]
async fn the_reactor_is_current(reactor: Reactor) {
    let current = Reactor::current().unwrap();
    assert!(std::ptr::addr_eq(current.event_loop(), reactor.event_loop()));
    let task = reactor.spawn_infallible(async { Reactor::current().unwrap() });
    let in_task = task.await.unwrap();
    assert!(std::ptr::addr_eq(in_task.event_loop(), reactor.event_loop()));
}

#[interloop::test(tokio, tokio_current_thread, smol, async_std, futures, clock)]
async fn tasks_that_end_soon_are_waited_for(reactor: Reactor) {
    for number in 0..10 {
        let sleep = reactor.sleep(Duration::from_millis(number));
        reactor.spawn(sleep).detach();
    }
    defer_to_thread(|| Ok::<_, Aborted>(())).detach();
}

#[interloop::test(tokio, tokio_current_thread, smol, async_std, futures, clock)]
async fn a_failure_that_is_handled_is_none(reactor: Reactor) {
    let task = reactor.spawn(async { Err::<(), _>("out of paper".to_owned()) });
    assert_eq!(task.await.unwrap_err(), "out of paper");
    drop(Deferred::<(), String>::failed("out of paper".to_owned()).or_else(|_| Ok::<_, String>(())));
}

#[interloop::test(tokio, tokio_current_thread, smol, async_std, futures, timeout = "20s")]
async fn a_connection_is_made(reactor: Reactor) -> io::Result<()> {
    let listener = TcpListener::bind(&reactor, ([127, 0, 0, 1], 0).into())?;
    let client = TcpStream::connect(&reactor, listener.local_addr()?).await?;
    let (server, _) = listener.accept().await?;
    assert_eq!(server.peer_addr()?, client.local_addr()?);
    Ok(())
}

/// Virtual time costs nothing of the limit.
#[interloop::test(clock, timeout = "5s")]
async fn a_day_passes_on_the_clock(reactor: Reactor) -> Result<(), Aborted> {
    reactor.sleep(Duration::from_secs(86_400)).await
}

#[interloop::test(tokio, clock)]
#[should_panic = "out of paper"]
async fn a_panic_comes_out(_reactor: Reactor) {
    panic!("out of paper");
}

#[interloop::test(clock)]
#[cfg(any())]
async fn a_test_that_is_configured_away_is_not_compiled(_reactor: Reactor) {
    no_such_function();
}

mod nested {
    use super::*;

    fn helper() -> u8 {
        42
    }

    #[interloop::test(clock)]
    #[allow(unused_variables)]
    async fn a_test_sees_what_is_around_it(reactor: Reactor) -> Result<(), String> {
        let unused = 1;
        if helper() == 42 {
            Ok(())
        } else {
            Err("another helper".to_owned())
        }
    }
}
