//! What asks the thread for its runtime, inside of a context and next to it.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use futures_util::{FutureExt, future::join_all};
use interloop::Reactor;
use interloop_tokio::context::{Context, outside};
use tokio::runtime::Handle;

use super::{current_thread, is_inside, multi_thread, of};

#[test]
fn the_declared_loop_stays_the_current_one() {
    let context = Context::own(1).unwrap();
    let plain = interloop_smol::global();
    let declared = format!("{plain:?}");
    let name = |reactor: Reactor| format!("{:?}", reactor.event_loop());
    let expected = name(plain.clone());
    // In what is wrapped, the reactor is that of the task around it.
    let wrapped = context.wrap(async move { Reactor::current().map(|reactor| format!("{reactor:?}")) });
    assert_eq!(plain.spawn(wrapped_io(wrapped)).wait().unwrap(), declared);
    // In a task inside, it is the one with the loop that was declared: its sockets and timers are that loop's.
    let inside = context.reactor(&plain);
    let found = inside.spawn(async {
        let reactor = Reactor::current()?;
        reactor.sleep(Duration::from_millis(1)).await?;
        Ok::<_, interloop::Aborted>(reactor)
    });
    assert_eq!(name(found.wait().unwrap()), expected);
}

async fn wrapped_io<T, E: std::error::Error + Send + Sync + 'static>(
    future: impl Future<Output = Result<T, E>>,
) -> Result<T, std::io::Error> {
    future.await.map_err(std::io::Error::other)
}

#[test]
fn a_runtime_that_is_only_entered_is_not_taken_for_the_loop() {
    for runtime in [multi_thread(), current_thread()] {
        let context = of(&runtime);
        let error = smol::block_on(context.wrap(async { interloop_tokio::current() })).unwrap_err();
        assert!(error.is_entered_only() && !error.is_no_runtime());
        assert!(error.to_string().contains("Reactor::current()"), "{error}");
        let error = context
            .reactor(&interloop_smol::global())
            .spawn_infallible(async { interloop_tokio::current().map(drop) });
        assert!(error.wait().unwrap().unwrap_err().is_entered_only());
    }
}

#[test]
fn where_the_runtime_runs_the_code_it_is_the_loop() {
    for runtime in [multi_thread(), current_thread()] {
        let context = of(&runtime);
        runtime
            .block_on(context.wrap(async { interloop_tokio::current() }))
            .unwrap();
        let task = runtime.spawn(context.wrap(async { interloop_tokio::current().is_ok() }));
        assert!(runtime.block_on(task).unwrap());
        // A program that entered it by itself has its way.
        let _entered = runtime.enter();
        context.call(interloop_tokio::current).unwrap();
    }
    // What runs inside of a context is run.
    let runtime = current_thread();
    of(&runtime)
        .call(|| runtime.block_on(async { interloop_tokio::current() }))
        .unwrap();
}

#[test]
fn a_task_of_a_plain_reactor_is_outside() {
    let context = Context::own(1).unwrap();
    let plain = interloop_smol::global();
    let found = smol::block_on(context.wrap(async move {
        assert!(Handle::try_current().is_ok());
        plain.spawn_infallible(async { Handle::try_current().is_ok() }).await
    }));
    assert!(!found.unwrap());
}

/// Asks at each poll, and waits in between.
async fn asks(polls: u32) -> Vec<bool> {
    let mut found = Vec::new();
    let mut left = polls;
    poll_fn(|cx| {
        found.push(Handle::try_current().is_ok());
        left -= 1;
        if left == 0 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    found
}

#[test]
fn a_future_outside_is_polled_outside_each_time() {
    let (one, other) = (Context::own(1).unwrap(), Context::own(1).unwrap());
    let found = smol::block_on(one.wrap(other.wrap(async {
        let found = outside(async {
            smol::Timer::after(Duration::from_millis(1)).await;
            asks(3).await
        })
        .await;
        (found, Handle::try_current().is_ok())
    })));
    assert_eq!(found, (vec![false; 3], true));
}

#[test]
fn many_futures_are_polled_outside_at_once() {
    let context = Context::own(1).unwrap();
    let found = smol::block_on(context.wrap(join_all((1..50).map(|polls| outside(asks(polls))))));
    for (polls, found) in (1..50).zip(found) {
        assert_eq!(found, vec![false; polls]);
    }
}

#[test]
fn without_a_context_outside_is_nothing() {
    assert_eq!(smol::block_on(outside(asks(2))), [false, false]);
    // A tokio that runs the code is no context's.
    assert_eq!(current_thread().block_on(outside(asks(2))), [true, true]);
}

#[test]
fn a_future_outside_can_be_given_up() {
    let context = Context::own(1).unwrap();
    smol::block_on(context.wrap(async {
        let mut given_up: Pin<Box<_>> = Box::pin(outside(std::future::pending::<()>()));
        assert!(futures_util::poll!(given_up.as_mut()).is_pending());
        drop(given_up);
        assert_eq!(outside(asks(1)).await, [false]);
    }));
    assert!(!is_inside(&context));
}

#[test]
fn what_was_given_up_before_it_could_be_polled_is_never_polled() {
    struct Gone(Arc<AtomicUsize>);

    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    let (polls, drops) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (polled, gone) = (polls.clone(), Gone(drops.clone()));
    let future = async move {
        let _gone = gone;
        polled.fetch_add(1, Ordering::Relaxed);
    };
    Context::own(1).unwrap().call(|| {
        assert!(outside(future).now_or_never().is_none());
        assert_eq!(drops.load(Ordering::Relaxed), 1);
    });
    assert_eq!(polls.load(Ordering::Relaxed), 0);
}

#[test]
fn a_panic_outside_reaches_whoever_polls() {
    let context = Context::own(1).unwrap();
    let task = context
        .reactor(&interloop_smol::global())
        .spawn_infallible(async { outside(async { panic!("outside") }).await });
    assert!(task.wait().unwrap_err().is_panicked());
}
