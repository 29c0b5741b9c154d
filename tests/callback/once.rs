//! Callbacks that own their user data.

use std::{ffi::c_void, io, sync::Arc, thread};

use interloop::{
    Aborted, Completer, Deferred,
    callback::{self, Done, Errno, NegativeErrno, once},
};

use crate::{Counted, Counting};

#[test]
fn a_completer_goes_through_a_pointer_and_back() {
    let (completer, deferred) = Counted::pair();
    let raw = completer.into_raw();
    assert!(!raw.is_null());
    // SAFETY: it is of these types, and taken once.
    let completer: Completer<Arc<i32>, Aborted> = unsafe { Completer::from_raw(raw) };
    assert!(!completer.is_closed());
    completer.complete(Arc::new(7));
    assert_eq!(*deferred.try_take().unwrap().unwrap(), 7);
}

#[test]
fn a_completer_with_a_canceller_goes_through_a_pointer_too() {
    let (completer, deferred) = Counted::with_canceller(|cancellation| cancellation.complete(Arc::new(8)));
    let raw = completer.into_raw();
    deferred.cancel();
    assert_eq!(*deferred.try_take().unwrap().unwrap(), 8);
    // SAFETY: it is of these types, and taken once.
    unsafe { once::last::<Counting, _>(7, raw) };
}

#[test]
fn the_callback_may_come_on_another_thread() {
    let (completer, deferred) = Counted::pair();
    let chain = deferred.map_ok(|value| (*value, thread::current().id()));
    let raw = completer.into_raw().expose_provenance();
    let library = thread::spawn(move || {
        // SAFETY: it is of these types, and taken once.
        unsafe { once::last::<Counting, _>(7, std::ptr::with_exposed_provenance_mut(raw)) };
        thread::current().id()
    });
    let on = library.join().unwrap();
    assert_eq!(chain.try_take().unwrap().unwrap(), (7, on));
}

#[test]
fn a_released_completer_is_aborted() {
    let (completer, deferred) = Counted::pair();
    // SAFETY: it is of these types, and taken once.
    unsafe { once::release::<Arc<i32>, Aborted>(completer.into_raw()) };
    assert!(deferred.try_take().unwrap().unwrap_err().is_dropped());
}

#[test]
fn a_late_result_is_dropped() {
    let (completer, deferred) = Counted::pair();
    let value = Arc::new(7);
    let late = value.clone();
    deferred.cancel();
    // SAFETY: it is of these types, and taken once.
    unsafe { once::fire::<_, Aborted>(completer.into_raw(), || Ok(late)) };
    assert_eq!(Arc::strong_count(&value), 1);
    assert!(deferred.try_take().unwrap().unwrap_err().is_cancelled());
}

#[test]
fn a_panic_in_a_convention_fails_the_deferred() {
    let (completer, deferred) = Counted::pair();
    // SAFETY: it is of these types, and taken once.
    unsafe { once::last::<Counting, _>(-2, completer.into_raw()) };
    let error = deferred.try_take().unwrap().unwrap_err();
    assert_eq!(error.panic_message(), Some("no status of ours: -2"));
}

#[test]
fn a_registering_call_that_works_gives_what_it_gave() {
    let (completer, deferred) = Counted::pair();
    let mut kept = None;
    // SAFETY: what was kept is called once, below.
    let id = unsafe {
        callback::register(completer, |user_data| {
            kept = Some(user_data);
            Ok(42)
        })
    };
    assert_eq!(id, Some(42));
    assert!(!deferred.is_settled());
    // SAFETY: as above.
    unsafe { once::last::<Counting, _>(7, kept.unwrap()) };
    assert_eq!(*deferred.try_take().unwrap().unwrap(), 7);
}

#[test]
fn a_registering_call_that_fails_fails_the_deferred() {
    let (completer, deferred) = Counted::pair();
    // SAFETY: nobody has the pointer.
    let id = unsafe { callback::register(completer, |_| Err::<u8, _>(Aborted::timed_out())) };
    assert_eq!(id, None);
    assert!(deferred.try_take().unwrap().unwrap_err().is_timed_out());
}

#[test]
fn conventions_of_the_system_make_io_errors() {
    fn of<T: Send + 'static, E: From<Aborted> + Send + 'static>(fire: impl FnOnce(*mut c_void)) -> Result<T, E> {
        let (completer, deferred) = Deferred::<T, E>::pair();
        fire(completer.into_raw());
        deferred.try_take().expect("it was fired")
    }

    // SAFETY: each is of the convention's types, and taken once.
    unsafe {
        assert!(of::<(), Aborted>(|user_data| once::done::<Done>(user_data)).is_ok());
        assert!(of::<(), io::Error>(|user_data| once::last::<Errno, _>(0, user_data)).is_ok());
        let missing = of::<(), io::Error>(|user_data| once::first::<Errno, _>(user_data, 2)).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        let read = of::<i32, io::Error>(|user_data| once::last::<NegativeErrno, _>(512, user_data));
        assert_eq!(read.unwrap(), 512);
        let missing = of::<i32, io::Error>(|user_data| once::last::<NegativeErrno, _>(-2, user_data)).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        assert!(of::<i32, io::Error>(|user_data| once::last::<NegativeErrno, _>(i32::MIN, user_data)).is_err());
    }
}
