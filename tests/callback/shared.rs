//! Callbacks that borrow their user data.

use std::{
    sync::{Arc, Mutex},
    thread,
};

use interloop::{
    Aborted,
    callback::{SharedCompleter, shared},
    unhandled,
};

use crate::{Counted, Counting};

type Shared = SharedCompleter<Arc<i32>, Aborted>;

fn pair() -> (Shared, Counted) {
    let (completer, deferred) = Counted::pair();
    (SharedCompleter::new(completer), deferred)
}

/// The library calls, without letting go.
fn call(user_data: *mut std::ffi::c_void, status: i32) {
    // SAFETY: it is of these types, and not released by then.
    unsafe { shared::last::<Counting, _>(status, user_data) }
}

fn release(user_data: *mut std::ffi::c_void) {
    // SAFETY: it is of these types, and every test releases each reference once.
    unsafe { shared::release::<Arc<i32>, Aborted>(user_data) }
}

#[test]
fn the_first_call_completes_and_the_others_are_reported() {
    let (completer, deferred) = pair();
    let user_data = completer.to_raw();
    drop(completer);
    call(user_data, 7);
    let ((), reports) = unhandled::collect(|| {
        call(user_data, 8);
        call(user_data, -2);
    });
    release(user_data);
    assert_eq!(*deferred.try_take().unwrap().unwrap(), 7);
    // The panic of the last one is a report, too.
    let texts: Vec<_> = reports.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert!(texts[0].contains("a callback was called again"), "{texts:?}");
    assert!(texts[1].contains("no status of ours: -2"), "{texts:?}");
}

#[test]
fn the_last_reference_that_goes_aborts() {
    let (completer, deferred) = pair();
    let user_data = completer.to_raw();
    release(user_data);
    assert!(!deferred.is_settled());
    assert!(!completer.has_fired());
    drop(completer);
    assert!(deferred.try_take().unwrap().unwrap_err().is_dropped());
}

#[test]
fn references_are_counted() {
    let (completer, deferred) = pair();
    let user_data = completer.to_raw();
    // SAFETY: it is of these types, and not released yet.
    let again = unsafe { shared::retain::<Arc<i32>, Aborted>(user_data) };
    assert_eq!(again, user_data.cast_const());
    drop(completer);
    release(user_data);
    assert!(!deferred.is_settled());
    // SAFETY: this is the last reference.
    unsafe { shared::release_const::<Arc<i32>, Aborted>(again) };
    assert!(deferred.try_take().unwrap().unwrap_err().is_dropped());
}

#[test]
fn a_reference_that_a_failed_call_left_is_taken_back() {
    let (completer, deferred) = pair();
    let user_data = completer.to_raw();
    // SAFETY: nobody else has it.
    let again = unsafe { Shared::from_raw(user_data) };
    again.settle(Err(Aborted::timed_out())).unwrap();
    assert!(completer.has_fired());
    let refused = completer.settle(Ok(Arc::new(7))).unwrap_err();
    assert_eq!(*refused.into_result().unwrap(), 7);
    assert!(deferred.try_take().unwrap().unwrap_err().is_timed_out());
}

#[test]
fn the_library_may_release_inside_of_its_callback() {
    let (completer, deferred) = pair();
    let user_data = completer.to_raw();
    drop(completer);
    let address = user_data.expose_provenance();
    let chain = deferred.map_ok(move |value| {
        release(std::ptr::with_exposed_provenance_mut(address));
        *value
    });
    call(user_data, 7);
    assert_eq!(chain.try_take().unwrap().unwrap(), 7);
}

#[test]
fn of_many_threads_that_call_one_completes() {
    let (completer, deferred) = pair();
    let values: Vec<_> = (0..4).map(Arc::new).collect();
    let given = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for value in &values {
            let (completer, given) = (&completer, &given);
            scope.spawn(move || {
                if completer.settle(Ok(value.clone())).is_ok() {
                    given.lock().unwrap().push(**value);
                }
            });
        }
    });
    let value = deferred.try_take().unwrap().unwrap();
    assert_eq!(*given.lock().unwrap(), [*value]);
    drop(value);
    assert!(values.iter().all(|value| Arc::strong_count(value) == 1));
}
