//! What stays on its thread, on every loop that has such: tasks, callbacks, and deferreds that own an `Rc`.

use std::{
    cell::{Cell, RefCell},
    future::{Future, pending},
    rc::Rc,
    thread,
    time::Duration,
};

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
    pool: futures_executor::LocalPool,
}

impl Futures {
    fn new() -> Self {
        let pool = futures_executor::LocalPool::new();
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
    what_waits_is_dropped_with_the_loop
}
