//! Callbacks that come when the loop is gone that was to go on with them.

use std::sync::Arc;

use futures_executor::{LocalPool, ThreadPool};
use futures_util::StreamExt;
use interloop::{
    Aborted, Deferred, Reactor,
    callback::{once, stream},
};
use interloop_manners::{Answers, Manner, MannersError, Request, many::Habit};
use tokio::runtime::Builder;

use crate::{Asked, ONCE, many};

/// A loop, and what ends it.
struct Loop {
    reactor: Reactor,
    end: Box<dyn FnOnce()>,
}

/// The library calls after the loop of the task that waits for it has ended.
fn outlives(of_loop: Loop) {
    let (completer, asked) = Asked::pair();
    let user_data = completer.into_raw();
    // SAFETY: it is called once, with these types.
    let request =
        unsafe { Request::start(Manner::WhenOpened, 7, once::first_2::<Answers, _, _>, user_data, None) }.unwrap();
    let waiting = of_loop.reactor.spawn(async move { asked.await.map(drop) });

    let (completer, asked) = Asked::pair();
    let user_data = completer.into_raw();
    // SAFETY: as above.
    let other =
        unsafe { Request::start(Manner::WhenOpened, 7, once::first_2::<Answers, _, _>, user_data, None) }.unwrap();
    let via: Deferred<(), MannersError> = asked.via(&of_loop.reactor).map_ok(drop);

    let (subscription, mut items) = many::subscribe(Habit::Regardless, stream::unbounded());
    let taking = of_loop
        .reactor
        .spawn_infallible(async move { while items.next().await.is_some() {} });
    let (other_subscription, other_items) = many::subscribe(Habit::UntilStopped, stream::unbounded());

    drop(of_loop.reactor);
    (of_loop.end)();
    many::emit(subscription);
    assert_eq!(many::end(subscription), many::ALL);
    assert!(taking.try_take().unwrap().unwrap_err().is_shut_down());
    // A stream is of no loop: what is not in a task that has ended with it is there.
    many::emit(other_subscription);
    assert_eq!(futures_executor::block_on(other_items.count()), many::COUNT as usize);
    assert_eq!(many::end(other_subscription), many::ALL);

    // SAFETY: they have not ended.
    unsafe {
        request.open();
        other.open();
    }
    // SAFETY: nothing uses them any more.
    let ended = unsafe { [request.end(), other.end()] };
    assert_eq!(ended, [ONCE, ONCE]);
    let is_shut_down = |error: MannersError| error.aborted().is_some_and(Aborted::is_shut_down);
    assert!(is_shut_down(waiting.try_take().unwrap().unwrap_err()));
    assert!(is_shut_down(via.try_take().unwrap().unwrap_err()));
}

fn outlives_runtime(mut builder: Builder) {
    let runtime = builder.enable_all().build().unwrap();
    outlives(Loop {
        reactor: interloop_tokio::from_handle(runtime.handle()).unwrap(),
        end: Box::new(|| drop(runtime)),
    });
}

#[test]
fn tokio() {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2);
    outlives_runtime(builder);
}

#[test]
fn tokio_current_thread() {
    outlives_runtime(Builder::new_current_thread());
}

#[test]
fn smol_executor() {
    let executor = Arc::new(smol::Executor::new());
    outlives(Loop {
        reactor: interloop_smol::from_executor(&executor),
        end: Box::new(|| drop(executor)),
    });
}

#[test]
fn local_pool() {
    let pool = LocalPool::new();
    outlives(Loop {
        reactor: interloop_futures::from_local_spawner(pool.spawner()),
        end: Box::new(|| drop(pool)),
    });
}

/// The threads of this pool end when nobody has it any more, its tasks included: so what waits on it goes on, and the
/// loop is gone only after that.
#[test]
fn thread_pool() {
    let pool = ThreadPool::builder().pool_size(2).create().unwrap();
    let reactor = interloop_futures::from_thread_pool(pool);
    let (completer, asked) = Asked::pair();
    let user_data = completer.into_raw();
    // SAFETY: it is called once, with these types.
    let request =
        unsafe { Request::start(Manner::WhenOpened, 7, once::first_2::<Answers, _, _>, user_data, None) }.unwrap();
    let waiting = reactor.spawn(async move { asked.await.map(|answer| answer.value()) });
    drop(reactor);
    // SAFETY: it has not ended.
    unsafe { request.open() };
    assert_eq!(waiting.wait().unwrap(), 7);
    // SAFETY: nothing uses it any more.
    assert_eq!(unsafe { request.end() }, ONCE);
}
