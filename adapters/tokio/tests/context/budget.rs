//! tokio's budget, where tokio polls what another executor runs.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    task::{self, Poll, Wake, Waker},
    thread,
    time::Duration,
};

use futures_util::future::join_all;
use interloop::Clock;
use interloop_tokio::context::Context;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{current_thread, multi_thread, of};

const MESSAGES: usize = 1000;

/// A channel in which so many messages wait.
fn filled() -> UnboundedReceiver<usize> {
    let (sender, receiver) = unbounded_channel();
    (0..MESSAGES).for_each(|n| sender.send(n).unwrap());
    receiver
}

async fn drain(mut receiver: UnboundedReceiver<usize>) -> usize {
    let mut count = 0;
    while receiver.recv().await.is_some() {
        count += 1;
    }
    count
}

#[derive(Default)]
struct CountsWakes(AtomicUsize);

impl Wake for CountsWakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// What ours is for: an executor inside of what tokio polls would wait for ever, as it is not woken.
#[test]
fn plain_tokio_starves_an_executor_inside_of_block_on() {
    current_thread().block_on(async {
        let mut receiver = filled();
        let received = AtomicUsize::new(0);
        let mut work = pin!(async {
            while receiver.recv().await.is_some() {
                received.fetch_add(1, SeqCst);
            }
        });
        let wakes = Arc::new(CountsWakes::default());
        let waker = Waker::from(wakes.clone());
        let mut cx = task::Context::from_waker(&waker);
        assert!(work.as_mut().poll(&mut cx).is_pending());
        assert_eq!((received.load(SeqCst), wakes.0.load(SeqCst)), (128, 0));
        // It gets no further by being polled, either.
        assert!(work.as_mut().poll(&mut cx).is_pending());
        assert_eq!((received.load(SeqCst), wakes.0.load(SeqCst)), (128, 0));
    });
}

/// Fails where a nested executor hangs.
fn in_time<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, done) = mpsc::channel();
    thread::spawn(move || sender.send(f()).unwrap());
    done.recv_timeout(Duration::from_secs(60)).expect("it waits for ever")
}

#[test]
fn inside_of_a_context_an_executor_in_block_on_comes_to_its_end() {
    for runtime in [multi_thread(), current_thread()] {
        let drained = in_time(move || {
            let same = of(&runtime);
            let own = Context::own(1).unwrap();
            runtime.block_on(async { [same, own].map(|context| smol::block_on(context.wrap(drain(filled())))) })
        });
        assert_eq!(drained, [MESSAGES; 2]);
    }
}

#[test]
fn it_does_when_the_budget_was_used_up_before() {
    let drained = in_time(|| {
        let runtime = current_thread();
        let context = of(&runtime);
        runtime.block_on(async {
            while tokio::task::coop::has_budget_remaining() {
                tokio::task::coop::consume_budget().await;
            }
            smol::block_on(context.wrap(drain(filled())))
        })
    });
    assert_eq!(drained, MESSAGES);
}

#[test]
fn it_does_with_an_executor_within() {
    let drained = in_time(|| {
        let runtime = current_thread();
        let context = of(&runtime);
        runtime.block_on(async {
            // Each of many futures has a waker of its own, and tokio would hold back some of those wakes.
            smol::block_on(context.wrap(join_all((0..50).map(|_| drain(filled())))))
        })
    });
    assert_eq!(drained, [MESSAGES; 50]);
}

#[test]
fn tasks_of_a_reactor_come_to_their_end() {
    let drained = in_time(|| {
        let runtime = current_thread();
        let context = of(&runtime);
        runtime.block_on(async {
            // An executor that runs on this thread alone, inside of tokio's poll.
            let clock = Clock::new();
            let reactor = context.reactor(&clock.reactor());
            let tasks = [(); 3].map(|()| reactor.spawn_infallible(drain(filled())));
            clock.run_until_stalled();
            tasks.map(|task| task.try_take().unwrap().unwrap())
        })
    });
    assert_eq!(drained, [MESSAGES; 3]);
}

#[test]
fn a_task_of_tokios_keeps_its_budget() {
    in_time(|| {
        let runtime = current_thread();
        let context = of(&runtime);
        let is_done = Arc::new(AtomicBool::new(false));
        let seen = is_done.clone();
        // Always ready: without a budget nothing else would run on this thread.
        let busy = context.wrap(async move {
            while !seen.load(SeqCst) {
                tokio::task::coop::consume_budget().await;
            }
        });
        runtime.block_on(async {
            let busy = tokio::spawn(busy);
            let other = tokio::spawn(async move { is_done.store(true, SeqCst) });
            busy.await.unwrap();
            other.await.unwrap();
        });
    });
}

/// Used where a poll is all that is asked for.
#[test]
fn a_poll_by_hand_has_no_budget_inside_of_tokio() {
    let runtime = current_thread();
    let context = of(&runtime);
    runtime.block_on(async {
        let mut work = pin!(context.wrap(drain(filled())));
        let polled = work.as_mut().poll(&mut task::Context::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Ready(MESSAGES));
    });
}
