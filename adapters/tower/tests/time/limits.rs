use std::{
    error::Error,
    future::{Future, pending},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use interloop::{Aborted, AsAborted, Reactor, clock};
use interloop_conformance::on_every_loop;
use interloop_tower::{Timeout, TimeoutLayer};
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

type Failure = Box<dyn Error + Send + Sync>;

const LIMIT: Duration = Duration::from_secs(10);

on_every_loop!(
    a_call_in_time_gives_its_response,
    a_call_that_is_late_is_dropped,
    a_call_is_awaited_on_another_loop,
);

/// Gives back how long it was to take.
fn slow(
    reactor: &Reactor,
) -> impl Service<Duration, Response = Duration, Error = Aborted, Future: Send> + Clone + use<> {
    let reactor = reactor.clone();
    service_fn(move |pause| {
        let sleep = reactor.sleep(pause);
        async move { sleep.await.map(|()| pause) }
    })
}

fn is_late<T>(result: &Result<T, Failure>) -> bool {
    let error = result.as_ref().err();
    error.and_then(AsAborted::as_aborted).is_some_and(Aborted::is_timed_out)
}

async fn a_call_in_time_gives_its_response(reactor: Reactor) -> Result<(), Failure> {
    let mut service = ServiceBuilder::new()
        .layer(TimeoutLayer::new(&reactor, Duration::from_secs(60)))
        .service(slow(&reactor));
    let soon = Duration::from_millis(1);
    for _ in 0..3 {
        assert_eq!(service.ready().await?.call(soon).await?, soon);
    }
    Ok(())
}

async fn a_call_that_is_late_is_dropped(reactor: Reactor) -> Result<(), Failure> {
    struct Ends(Arc<AtomicBool>);

    impl Drop for Ends {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    let has_ended = Arc::new(AtomicBool::new(false));
    let ends = has_ended.clone();
    let service = service_fn(move |()| {
        let ends = Ends(ends.clone());
        async move {
            let _ends = ends;
            pending::<Result<(), Aborted>>().await
        }
    });
    let limited = Timeout::new(&reactor, service, Duration::from_millis(5));
    let result = limited.oneshot(()).await;
    assert!(is_late(&result), "{result:?}");
    assert!(has_ended.load(Ordering::Relaxed));
    Ok(())
}

async fn a_call_is_awaited_on_another_loop(reactor: Reactor) -> Result<(), Failure> {
    let other = interloop_smol::global();
    let service = Timeout::new(&other, slow(&other), Duration::from_millis(5));
    let result = reactor.spawn(service.oneshot(Duration::from_secs(3600))).await;
    assert!(is_late(&result), "{result:?}");
    Ok(())
}

/// What came of a call that takes so long, and how long that took.
async fn timed(reactor: &Reactor, pause: Duration) -> (Result<Duration, Failure>, Duration) {
    let begun = reactor.now();
    let result = Timeout::new(reactor, slow(reactor), LIMIT).oneshot(pause).await;
    (result, reactor.now() - begun)
}

fn in_virtual_time<T>(main: impl AsyncFnOnce(Reactor) -> T) -> T {
    clock::block_on(main).unwrap()
}

#[test]
fn the_limit_is_kept_to_the_instant() {
    in_virtual_time(async |reactor| {
        let (result, took) = timed(&reactor, LIMIT + Duration::from_nanos(1)).await;
        assert!(is_late(&result), "{result:?}");
        assert_eq!(took, LIMIT);
    });
}

#[test]
fn a_response_that_is_there_when_the_time_is_up_is_given() {
    in_virtual_time(async |reactor| {
        let mut service = Timeout::new(&reactor, slow(&reactor), LIMIT);
        let call = service.call(LIMIT);
        reactor.sleep(LIMIT * 2).await.unwrap();
        assert_eq!(call.await.unwrap(), LIMIT);
    });
}

#[test]
fn the_time_begins_with_the_call() {
    in_virtual_time(async |reactor| {
        let mut service = Timeout::new(&reactor, slow(&reactor), LIMIT);
        let call = service.call(LIMIT * 2);
        // It waits for nothing, and its time passes.
        reactor.sleep(LIMIT).await.unwrap();
        let now = reactor.now();
        assert!(is_late(&call.await));
        assert_eq!(reactor.now(), now);
    });
}

#[test]
fn an_error_of_the_service_is_passed_on() {
    in_virtual_time(async |reactor| {
        let service = service_fn(async |()| Err::<(), _>("no"));
        let error = Timeout::new(&reactor, service, LIMIT).oneshot(()).await.unwrap_err();
        assert_eq!(error.to_string(), "no");
    });
}

#[test]
fn a_call_whose_loop_has_ended_fails() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let reactor = interloop_tokio::from_handle(runtime.handle()).unwrap();
    let service = service_fn(|()| pending::<Result<(), Aborted>>());
    let mut service = Timeout::new(&reactor, service, LIMIT);
    let call = service.call(());
    drop(runtime);
    let error = futures_executor::block_on(call).unwrap_err();
    assert!(error.as_aborted().is_some_and(Aborted::is_shut_down), "{error}");
}

#[test]
fn it_goes_from_thread_to_thread() {
    fn sends(_: &(impl Future + Send + 'static)) {}

    in_virtual_time(async |reactor| sends(&Timeout::new(&reactor, slow(&reactor), LIMIT).oneshot(LIMIT)));
}
