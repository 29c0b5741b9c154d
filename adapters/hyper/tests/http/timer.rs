//! hyper's timer, in virtual time.

use std::time::Duration;

use hyper::rt::Timer as _;
use interloop::{Aborted, Clock, Reactor};
use interloop_hyper::Timer;

const SECOND: Duration = Duration::from_secs(1);

fn on_clock(test: impl AsyncFnOnce(Reactor)) {
    interloop::clock::block_on(test).unwrap();
}

#[test]
fn a_sleep_ends_at_its_time_and_not_before() {
    on_clock(async |reactor| {
        let timer = Timer::new(&reactor);
        let begun = timer.now();
        timer.sleep(SECOND).await;
        assert_eq!(timer.now() - begun, SECOND);
        timer.sleep_until(begun + 3 * SECOND).await;
        assert_eq!(timer.now() - begun, 3 * SECOND);
        // Past already.
        timer.sleep_until(begun).await;
        assert_eq!(timer.now() - begun, 3 * SECOND);
    });
}

#[test]
fn a_sleep_is_put_off_and_brought_forward() {
    on_clock(async |reactor| {
        let timer = Timer::new(&reactor);
        let begun = timer.now();
        for is_polled in [false, true] {
            for (first, then) in [(1, 5), (5, 1)] {
                let begun = timer.now();
                let mut sleep = timer.sleep(first * SECOND);
                if is_polled {
                    assert!(futures_util::poll!(&mut sleep).is_pending());
                }
                timer.reset(&mut sleep, begun + then * SECOND);
                sleep.await;
                assert_eq!(timer.now() - begun, then * SECOND);
            }
        }
        assert_eq!(timer.now() - begun, 12 * SECOND);
    });
}

#[test]
fn a_sleep_takes_over_what_an_earlier_one_left() {
    on_clock(async |reactor| {
        let timer = Timer::new(&reactor);
        for (left, next) in [(1, 5), (5, 1), (3, 3)] {
            let begun = timer.now();
            let mut sleep = timer.sleep(left * SECOND);
            assert!(futures_util::poll!(&mut sleep).is_pending());
            drop(sleep);
            // And two at once.
            futures_util::future::join(timer.sleep(next * SECOND), timer.sleep(2 * next * SECOND)).await;
            assert_eq!(timer.now() - begun, 2 * next * SECOND);
        }
    });
}

#[test]
fn a_sleep_of_another_timer_is_replaced() {
    on_clock(async |reactor| {
        let timer = Timer::new(&reactor);
        let begun = timer.now();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let _entered = runtime.as_ref().unwrap().enter();
        let mut sleep = hyper_util::rt::TokioTimer::new().sleep(SECOND);
        timer.reset(&mut sleep, begun + 2 * SECOND);
        sleep.await;
        assert_eq!(timer.now() - begun, 2 * SECOND);
    });
}

#[test]
fn a_sleep_ends_when_its_loop_has() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let reactor = interloop_tokio::from_handle(runtime.handle()).unwrap();
    let timer = Timer::new(&reactor);
    drop(runtime);
    futures_executor::block_on(timer.sleep(3600 * SECOND));
}

#[test]
fn a_slow_client_is_given_up_after_the_limit() -> Result<(), Aborted> {
    use bytes::Bytes;
    use futures_util::{
        io::{AsyncReadExt, AsyncWriteExt},
        stream,
    };
    use http_body_util::Empty;
    use hyper::{Request, Response, body::Incoming, service::service_fn};
    use interloop::net::memory;
    use interloop_hyper::Server;

    let clock = Clock::new();
    let reactor = clock.reactor();
    let (mut client, server) = memory::pair(1024);
    let serving = Server::new(&reactor).serve_incoming(stream::iter([Ok((server, ()))]), |()| {
        service_fn(async |_: Request<Incoming>| Ok::<_, std::convert::Infallible>(Response::new(Empty::<Bytes>::new())))
    });
    serving.detach();
    let begun = reactor.now();
    let given_up = clock.run_until(async {
        // A byte every two seconds makes a header last for ever.
        for byte in b"GET / HTTP/1.1\r\nhost: localhost and some more\r\n" {
            if client.write_all(&[*byte]).await.is_err() {
                break;
            }
            reactor.sleep(2 * SECOND).await.unwrap();
        }
        let mut rest = Vec::new();
        let _ = client.read_to_end(&mut rest).await;
        reactor.now()
    });
    let waited = given_up.unwrap() - begun;
    assert!(waited < 40 * SECOND, "{waited:?}");
    Ok(())
}
