//! What stays on its thread, on every loop that has such: tasks, callbacks, and deferreds that own an `Rc`.

use std::{
    cell::{Cell, RefCell},
    future::{Future, pending, poll_fn},
    rc::Rc,
    sync::mpsc,
    task::{Poll, Waker},
    thread,
    time::Duration,
};

use futures_executor::{LocalPool, LocalSpawner};
use futures_util::task::LocalSpawnExt;
use interloop::{
    Aborted, Deferred,
    local::{self, Reactor},
};

const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

/// A loop of this thread.
trait Local {
    fn reactor(&self) -> Reactor;
    fn block_on<F: Future>(&mut self, future: F) -> F::Output;
}

struct Tokio {
    reactor: Reactor,
    set: Rc<tokio::task::LocalSet>,
    runtime: tokio::runtime::Runtime,
}

impl Tokio {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let set = Rc::new(tokio::task::LocalSet::new());
        let reactor = interloop_tokio::from_local_set(&set, runtime.handle()).unwrap();
        Self { reactor, set, runtime }
    }
}

impl Local for Tokio {
    fn reactor(&self) -> Reactor {
        self.reactor.clone()
    }

    fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        self.set.block_on(&self.runtime, future)
    }
}

struct Smol {
    reactor: Reactor,
    executor: Rc<smol::LocalExecutor<'static>>,
}

impl Smol {
    fn new() -> Self {
        let executor = Rc::new(smol::LocalExecutor::new());
        let reactor = interloop_smol::from_local_executor(&executor);
        Self { reactor, executor }
    }
}

impl Local for Smol {
    fn reactor(&self) -> Reactor {
        self.reactor.clone()
    }

    fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        smol::block_on(self.executor.run(future))
    }
}

struct Futures {
    reactor: Reactor,
    pool: LocalPool,
}

impl Futures {
    fn new() -> Self {
        let pool = LocalPool::new();
        let reactor = interloop_futures::local_from_spawner(pool.spawner());
        Self { reactor, pool }
    }
}

impl Local for Futures {
    fn reactor(&self) -> Reactor {
        self.reactor.clone()
    }

    fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        self.pool.run_until(future)
    }
}

type Log = Rc<RefCell<Vec<u32>>>;

fn push(log: &Log, entry: u32) -> impl FnOnce() + 'static {
    let log = log.clone();
    move || log.borrow_mut().push(entry)
}

fn a_task_owns_what_is_not_send(mut looped: impl Local) {
    let reactor = looped.reactor();
    let text = Rc::new("hello".to_owned());
    let task = reactor.spawn({
        let (reactor, text) = (reactor.clone(), text.clone());
        async move {
            reactor.sleep(MILLISECOND).await?;
            Ok::<_, Aborted>(text)
        }
    });
    let same = looped.block_on(task).unwrap();
    assert!(Rc::ptr_eq(&text, &same));
}

fn a_task_and_a_call_find_their_reactors(mut looped: impl Local) {
    let reactor = looped.reactor();
    assert!(Reactor::current().is_err());
    let (completer, called) = local::Deferred::<bool>::pair();
    let check = || Reactor::current().is_ok() && interloop::Reactor::current().is_ok();
    reactor.call_soon(move || completer.complete(check()));
    assert!(looped.block_on(called).unwrap());
    assert!(
        looped
            .block_on(reactor.spawn_infallible(async move { check() }))
            .unwrap()
    );
    assert!(Reactor::current().is_err());
}

fn calls_are_made_in_order(mut looped: impl Local) {
    let reactor = looped.reactor();
    let log = Log::default();
    reactor.call_later(20 * MILLISECOND, push(&log, 5));
    reactor.call_later(10 * MILLISECOND, push(&log, 4));
    reactor.call_soon({
        let (reactor, log) = (reactor.clone(), log.clone());
        move || {
            push(&log, 1)();
            reactor.call_soon(push(&log, 3));
        }
    });
    reactor.call_soon(push(&log, 2));
    let (completer, done) = local::Deferred::<()>::pair();
    reactor.call_later(30 * MILLISECOND, move || completer.complete(()));
    looped.block_on(done).unwrap();
    assert_eq!(*log.borrow(), [1, 2, 3, 4, 5]);
}

fn delayed_calls_are_cancelled_and_moved(mut looped: impl Local) {
    let reactor = looped.reactor();
    let log = Log::default();
    let owned = Rc::new(());
    let cancelled = reactor.call_later(MILLISECOND, {
        let owned = owned.clone();
        move || drop(owned)
    });
    cancelled.cancel().unwrap();
    assert_eq!(Rc::strong_count(&owned), 1);
    assert!(cancelled.cancel().unwrap_err().is_cancelled());
    let sooner = reactor.call_later(HOUR, push(&log, 1));
    sooner.reset(MILLISECOND).unwrap();
    let (completer, done) = local::Deferred::<()>::pair();
    reactor.call_later(10 * MILLISECOND, move || completer.complete(()));
    looped.block_on(done).unwrap();
    assert_eq!(*log.borrow(), [1]);
    assert!(sooner.reset(MILLISECOND).unwrap_err().is_called());
}

fn a_cancelled_task_is_dropped_where_it_stands(mut looped: impl Local) {
    let reactor = looped.reactor();
    let owned = Rc::new(());
    let task = reactor.spawn_infallible({
        let owned = owned.clone();
        async move {
            pending::<()>().await;
            drop(owned);
        }
    });
    looped.block_on(reactor.spawn_infallible(async {})).unwrap();
    task.cancel();
    assert_eq!(Rc::strong_count(&owned), 1);
    assert!(task.try_take().unwrap().unwrap_err().is_cancelled());
}

fn a_panic_fails_the_task_and_calls_go_on(mut looped: impl Local) {
    let reactor = looped.reactor();
    let task = reactor.spawn::<(), Aborted>(async { panic!("a panic that is part of the test") });
    assert!(looped.block_on(task).unwrap_err().is_panicked());
    let called = Rc::new(Cell::new(false));
    reactor.call_soon(|| panic!("a panic that is part of the test"));
    reactor.call_soon({
        let called = called.clone();
        move || called.set(true)
    });
    let (completer, done) = local::Deferred::<()>::pair();
    reactor.call_soon(move || completer.complete(()));
    looped.block_on(done).unwrap();
    assert!(called.get());
}

fn another_thread_calls_through_the_handle(mut looped: impl Local) {
    let handle = looped.reactor().handle().clone();
    let (completer, done) = Deferred::<thread::ThreadId>::pair();
    thread::spawn(move || handle.call_soon(move || completer.complete(thread::current().id())));
    assert_eq!(looped.block_on(done).unwrap(), thread::current().id());
}

fn what_waits_is_dropped_with_the_loop(looped: impl Local) {
    let reactor = looped.reactor();
    let owned = Rc::new(());
    let hold = || {
        let owned = owned.clone();
        move || drop(owned)
    };
    reactor.call_soon(hold());
    let delayed = reactor.call_later(HOUR, hold());
    let held = hold();
    let task = reactor.spawn_infallible(async move {
        pending::<()>().await;
        held();
    });
    assert_eq!(Rc::strong_count(&owned), 4);
    drop(looped);
    assert_eq!(Rc::strong_count(&owned), 1);
    assert!(delayed.cancel().unwrap_err().is_shut_down());
    assert!(task.try_take().unwrap().unwrap_err().is_shut_down());
    reactor.call_soon(hold());
    assert!(
        reactor
            .call_later(MILLISECOND, hold())
            .cancel()
            .unwrap_err()
            .is_shut_down()
    );
    assert_eq!(Rc::strong_count(&owned), 1);
}

/// A coroutine that another thread wakes is resumed on its own, where its reactor is current.
fn a_coroutine_goes_on_here_whoever_wakes_it(mut looped: impl Local) {
    let reactor = looped.reactor();
    let owned = Rc::new(());
    let (completer, fired) = Deferred::<thread::ThreadId>::pair();
    let (held, inner) = (owned.clone(), reactor.clone());
    let whole = reactor.spawn(async move {
        let coroutine = local::Deferred::from_coroutine(async move {
            let elsewhere = fired.await?;
            let is_current = Reactor::current().is_ok();
            // It needs no other thread to be resumed again.
            inner.sleep(MILLISECOND).await?;
            Ok::<_, Aborted>((elsewhere, is_current, thread::current().id(), held))
        });
        thread::spawn(move || completer.complete(thread::current().id()));
        coroutine.await
    });
    let (elsewhere, is_current, here, held) = looped.block_on(whole).unwrap();
    assert!(is_current);
    assert_eq!(here, thread::current().id());
    assert_ne!(elsewhere, here);
    drop(held);
    assert_eq!(Rc::strong_count(&owned), 1);
}

/// What wakes a coroutine while it holds a lock leaves it to the loop; a deferred does not.
fn a_coroutine_runs_in_no_lock_but_where_a_deferred_fires(mut looped: impl Local) {
    let reactor = looped.reactor();
    let whole = reactor.spawn(async move {
        let channel = Rc::new(RefCell::new((false, None::<Waker>)));
        let (completer, fires) = local::Deferred::<u32>::pair();
        let (telling, told) = local::Deferred::<()>::pair();
        let log = Rc::new(RefCell::new(Vec::new()));
        let (receiving, logging) = (channel.clone(), log.clone());
        let coroutine = local::Deferred::<_>::from_coroutine(async move {
            poll_fn(|cx| {
                let mut channel = receiving.borrow_mut();
                channel.1 = Some(cx.waker().clone());
                if channel.0 { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            logging.borrow_mut().push("received");
            telling.complete(());
            fires.await?;
            logging.borrow_mut().push("fired");
            Ok(())
        });
        {
            let mut channel = channel.borrow_mut();
            channel.0 = true;
            channel.1.take().unwrap().wake();
            assert!(log.borrow().is_empty());
        }
        told.await?;
        assert_eq!(*log.borrow(), ["received"]);
        completer.complete(1);
        assert_eq!(*log.borrow(), ["received", "fired"]);
        coroutine.await
    });
    looped.block_on(whole).unwrap();
}

/// The last waker of a coroutine may be dropped anywhere; the coroutine is dropped here.
fn a_coroutine_whose_waker_is_dropped_elsewhere_ends_here(mut looped: impl Local) {
    struct Held(thread::ThreadId);
    impl Drop for Held {
        fn drop(&mut self) {
            assert_eq!(self.0, thread::current().id());
        }
    }
    let reactor = looped.reactor();
    let whole = reactor.spawn(async move {
        let held = Held(thread::current().id());
        let (to_test, wakers) = mpsc::channel();
        let coroutine = local::Deferred::<()>::from_coroutine(async move {
            let _held = held;
            poll_fn(|cx| {
                to_test.send(cx.waker().clone()).unwrap();
                Poll::<()>::Pending
            })
            .await;
            Ok(())
        });
        let waker = wakers.try_recv().unwrap();
        assert!(!coroutine.is_settled());
        thread::spawn(move || drop(waker));
        coroutine.await
    });
    assert!(looped.block_on(whole).unwrap_err().is_dropped());
}

/// Counts the tasks that it has.
#[derive(Debug)]
struct Counting {
    spawner: LocalSpawner,
    tasks: Rc<()>,
}

impl local::EventLoop for Counting {
    fn spawn(&self, task: local::Task) {
        let counted = self.tasks.clone();
        let task = async move {
            task.await;
            drop(counted);
        };
        self.spawner.spawn_local(task).unwrap();
    }
}

#[test]
fn what_wakes_coroutines_for_other_threads_is_one_task_as_long_as_there_are_any() {
    let (mut pool, tasks) = (LocalPool::new(), Rc::new(()));
    let counting = Counting {
        spawner: pool.spawner(),
        tasks: tasks.clone(),
    };
    let reactor = Reactor::new(counting, interloop_smol::global());
    // One is the reactor's loop's.
    let count = || Rc::strong_count(&tasks) - 2;
    for _ in 0..3 {
        let (completers, waits): (Vec<_>, Vec<_>) = (0..2).map(|_| Deferred::<u32>::pair()).unzip();
        let coroutines: Vec<_> = waits
            .into_iter()
            .map(|waits| reactor.spawn(async { local::Deferred::from_coroutine(waits).await }))
            .collect();
        pool.run_until_stalled();
        assert_eq!(count(), 3);
        for completer in completers {
            thread::spawn(move || completer.complete(7)).join().unwrap();
        }
        pool.run_until_stalled();
        assert_eq!(count(), 0);
        for coroutine in coroutines {
            assert_eq!(coroutine.try_take().unwrap().unwrap(), 7);
        }
    }
}

macro_rules! on_each_loop {
    ($($test:ident)*) => {
        on_each_loop! { @on_tokio Tokio $($test)* }
        on_each_loop! { @on_smol Smol $($test)* }
        on_each_loop! { @on_futures Futures $($test)* }
    };
    (@$name:ident $Loop:ident $($test:ident)*) => {
        mod $name {
            $(
                #[test]
                fn $test() {
                    super::$test(super::$Loop::new());
                }
            )*
        }
    };
}

on_each_loop! {
    a_task_owns_what_is_not_send
    a_task_and_a_call_find_their_reactors
    calls_are_made_in_order
    delayed_calls_are_cancelled_and_moved
    a_cancelled_task_is_dropped_where_it_stands
    a_panic_fails_the_task_and_calls_go_on
    another_thread_calls_through_the_handle
    a_coroutine_goes_on_here_whoever_wakes_it
    a_coroutine_runs_in_no_lock_but_where_a_deferred_fires
    a_coroutine_whose_waker_is_dropped_elsewhere_ends_here
    what_waits_is_dropped_with_the_loop
}
