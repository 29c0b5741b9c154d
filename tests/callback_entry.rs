//! Futures that code in C starts: it is called back exactly once, whatever becomes of them.
#![allow(unsafe_code)]

use std::{
    ffi::{c_int, c_void},
    future::{Future, pending, ready},
    num::NonZero,
    ptr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicPtr, Ordering::SeqCst},
        mpsc,
    },
    thread::{self, ThreadId},
};

use futures_executor::LocalPool;
use interloop::{
    Aborted, Clock, Deferred, Reactor,
    callback::entry::{self, Callback, Operation, UNKNOWN},
};

#[path = "tools/mod.rs"]
mod tools;

/// What the program in C remembers of its calls.
#[derive(Default)]
struct Program {
    calls: Mutex<Vec<(c_int, Option<u32>, ThreadId)>>,
    /// To be cancelled and released inside of the callback.
    operation: AtomicPtr<Operation>,
}

impl Program {
    fn user_data(self: &Arc<Self>) -> *mut c_void {
        Arc::as_ptr(self).cast_mut().cast()
    }

    /// For a test that keeps the program until all is over.
    fn callback(self: &Arc<Self>) -> Callback<u32> {
        // SAFETY: the program outlives the callback, and is shared between threads.
        unsafe { Callback::new(done, self.user_data()) }
    }

    fn calls(&self) -> Vec<(c_int, Option<u32>)> {
        let calls = self.calls.lock().unwrap();
        calls.iter().map(|(status, result, _)| (*status, *result)).collect()
    }
}

unsafe extern "C" fn done(user_data: *mut c_void, status: c_int, result: *const u32) {
    // SAFETY: as `Program::callback` says; a result is good until this returns.
    let (program, result) = unsafe { (&*user_data.cast::<Program>(), result.as_ref()) };
    let call = (status, result.copied(), thread::current().id());
    program.calls.lock().unwrap().push(call);
    let operation = program.operation.swap(ptr::null_mut(), SeqCst);
    // SAFETY: it was not released before.
    unsafe {
        entry::cancel(operation);
        entry::release(operation);
    }
}

fn status(error: &Aborted) -> NonZero<c_int> {
    let status = match error {
        error if error.is_cancelled() => 1,
        error if error.is_panicked() => 2,
        error if error.is_shut_down() => 3,
        _ => 4,
    };
    NonZero::new(status).unwrap()
}

fn start(
    reactor: &Reactor,
    program: &Arc<Program>,
    future: impl Future<Output = Result<u32, Aborted>> + Send + 'static,
) -> *mut Operation {
    entry::start(reactor, future, program.callback(), status).into_raw()
}

fn cancel(operation: *const Operation) {
    // SAFETY: for operations that were not released.
    unsafe { entry::cancel(operation) }
}

fn release(operation: *mut Operation) {
    // SAFETY: for operations that are not used again.
    unsafe { entry::release(operation) }
}

#[test]
fn a_result_comes_with_status_zero() {
    let (clock, program) = (Clock::new(), Arc::new(Program::default()));
    let operation = start(&clock.reactor(), &program, async { Ok(42) });
    assert_eq!(program.calls(), []);
    clock.run_until_stalled();
    assert_eq!(program.calls(), [(0, Some(42))]);
    release(operation);
}

#[test]
fn a_failure_comes_with_its_own_status_and_without_a_result() {
    let (clock, program) = (Clock::new(), Arc::new(Program::default()));
    let operation = start(&clock.reactor(), &program, async { Err(Aborted::timed_out()) });
    clock.run_until_stalled();
    assert_eq!(program.calls(), [(4, None)]);
    release(operation);
}

#[test]
fn a_panic_of_the_future_is_a_failure() {
    let (clock, program) = (Clock::new(), Arc::new(Program::default()));
    let operation = start(&clock.reactor(), &program, async { panic!("out of paper") });
    clock.run_until_stalled();
    assert_eq!(program.calls(), [(2, None)]);
    release(operation);
}

#[test]
fn a_status_that_panics_is_unknown() {
    let (clock, program) = (Clock::new(), Arc::new(Program::default()));
    let failing = ready(Err::<u32, _>(Aborted::timed_out()));
    let status = |_: &Aborted| panic!("out of paper");
    let operation = entry::start(&clock.reactor(), failing, program.callback(), status);
    clock.run_until_stalled();
    assert_eq!(program.calls(), [(UNKNOWN, None)]);
    drop(operation);
}

#[test]
fn cancelling_calls_back_inside_and_once() {
    let (clock, program) = (Clock::new(), Arc::new(Program::default()));
    let held = Arc::new(());
    let operation = start(&clock.reactor(), &program, {
        let held = held.clone();
        async move {
            pending::<()>().await;
            drop(held);
            Ok(42)
        }
    });
    clock.run_until_stalled();
    cancel(operation);
    assert_eq!(program.calls(), [(1, None)]);
    assert_eq!(Arc::strong_count(&held), 1);
    cancel(operation);
    clock.run_until_stalled();
    cancel(operation);
    assert_eq!(program.calls(), [(1, None)]);
    release(operation);
}

#[test]
fn cancelling_what_is_done_does_nothing() {
    let (clock, program) = (Clock::new(), Arc::new(Program::default()));
    let operation = start(&clock.reactor(), &program, async { Ok(42) });
    clock.run_until_stalled();
    cancel(operation);
    cancel(operation);
    assert_eq!(program.calls(), [(0, Some(42))]);
    release(operation);
}

#[test]
fn what_is_released_before_it_is_done_calls_back_all_the_same() {
    let (clock, program) = (Clock::new(), Arc::new(Program::default()));
    let (completer, later) = Deferred::<u32>::pair();
    release(start(&clock.reactor(), &program, later));
    clock.run_until_stalled();
    assert_eq!(program.calls(), []);
    completer.complete(42);
    clock.run_until_stalled();
    assert_eq!(program.calls(), [(0, Some(42))]);
}

#[test]
fn an_operation_is_cancelled_and_released_inside_of_its_callback() {
    let (clock, program) = (Clock::new(), Arc::new(Program::default()));
    let operation = start(&clock.reactor(), &program, async { Ok(42) });
    program.operation.store(operation, SeqCst);
    clock.run_until_stalled();
    assert_eq!(program.calls(), [(0, Some(42))]);

    // And where that callback is called inside of cancelling it.
    let operation = start(&clock.reactor(), &program, pending());
    program.operation.store(operation, SeqCst);
    cancel(operation);
    assert_eq!(program.calls(), [(0, Some(42)), (1, None)]);
}

#[test]
fn null_is_no_operation() {
    cancel(ptr::null());
    release(ptr::null_mut());
}

#[test]
fn a_loop_that_shuts_down_calls_back() {
    let program = Arc::new(Program::default());
    let mut pool = LocalPool::new();
    let reactor = interloop_futures::from_local_spawner(pool.spawner());
    let operation = start(&reactor, &program, pending());
    pool.run_until_stalled();
    drop(pool);
    assert_eq!(program.calls(), [(3, None)]);
    release(operation);

    // Inside of the start, where it has shut down before.
    let operation = start(&reactor, &program, async { Ok(42) });
    assert_eq!(program.calls(), [(3, None), (3, None)]);
    cancel(operation);
    release(operation);
}

#[test]
fn the_callback_is_called_on_the_loop_of_choice() {
    let (runs, calls) = (interloop_smol::global(), Clock::new());
    let program = Arc::new(Program::default());
    let (ended, end) = mpsc::channel();
    let callback = program.callback().on(&calls.reactor());
    let future = async move {
        ended.send(thread::current().id()).unwrap();
        Ok::<_, Aborted>(42)
    };
    let operation = entry::start(&runs, future, callback, status);
    let ran_on = end.recv().unwrap();
    while program.calls().is_empty() {
        calls.run_until_stalled();
        thread::yield_now();
    }
    let called_on = program.calls.lock().unwrap()[0].2;
    assert_ne!(ran_on, called_on);
    assert_eq!(called_on, thread::current().id());
    operation.cancel();
    assert_eq!(program.calls(), [(0, Some(42))]);
}

#[test]
fn cancelling_does_not_call_back_inside_where_a_loop_was_chosen() {
    let (clock, program) = (Clock::new(), Arc::new(Program::default()));
    let callback = program.callback().on(&clock.reactor());
    let operation = entry::start(&clock.reactor(), pending::<Result<u32, _>>(), callback, status);
    clock.run_until_stalled();
    operation.cancel();
    assert_eq!(program.calls(), []);
    // Neither does this take back what is on its way.
    operation.cancel();
    clock.run_until_stalled();
    assert_eq!(program.calls(), [(1, None)]);
}

#[test]
fn a_loop_of_choice_that_has_shut_down_calls_back_elsewhere() {
    for is_gone_before in [true, false] {
        let (clock, program) = (Clock::new(), Arc::new(Program::default()));
        let pool = LocalPool::new();
        let chosen = interloop_futures::from_local_spawner(pool.spawner());
        let callback = program.callback().on(&chosen);
        let pool = Some(pool).filter(|_| !is_gone_before);
        let operation = entry::start(&clock.reactor(), async { Ok(42) }, callback, status);
        clock.run_until_stalled();
        drop(pool);
        assert_eq!(program.calls(), [(3, None)]);
        drop(operation);
    }
}

#[test]
fn what_was_started_before_calls_back_too() {
    let program = Arc::new(Program::default());
    let (completer, deferred) = Deferred::<u32>::pair();
    let operation = entry::finish(deferred, program.callback(), status);
    completer.complete(7);
    assert_eq!(program.calls(), [(0, Some(7))]);
    drop(operation);
}

#[test]
fn operations_are_cancelled_by_several_threads_while_they_end() {
    let reactor = interloop_smol::global();
    for _ in 0..200 {
        let program = Arc::new(Program::default());
        let (completer, later) = Deferred::<u32>::pair();
        let operation = entry::start(&reactor, later, program.callback(), status);
        tools::at_once(|| operation.cancel(), || completer.complete(42));
        tools::at_once(|| operation.cancel(), || operation.cancel());
        while program.calls().is_empty() {
            thread::yield_now();
        }
        assert_eq!(program.calls().len(), 1);
    }
}

#[test]
fn a_panic_does_not_cross() {
    assert_eq!(entry::no_unwind(7, || 8), 8);
    assert_eq!(entry::no_unwind(7, || panic!("out of paper")), 7);
}

#[test]
fn an_operation_goes_to_other_threads() {
    fn goes<T: Send + Sync>() {}
    goes::<Operation>();
}
