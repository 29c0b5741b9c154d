//! What a callback does that has nobody to give an error to: it reports, to the hook of the process. Hence a process of its own,
//! and one test at a time.

#![allow(unsafe_code)]

use std::{
    error::Error,
    ffi::{c_int, c_void},
    future::Future,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Wake, Waker},
};

use interloop::{
    Aborted, Deferred,
    callback::{Convention, Misfire, SharedCompleter, Tokens, once, shared, stream},
    trampoline, unhandled,
};
use interloop_manners::{
    Answer, Answers, Manner, MannersError, Request, id_call,
    many::{Habit, Item, Subscription},
    sys,
};

type Asked = Deferred<Answer, MannersError>;

/// What was reported, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reported {
    Misfire(Misfire),
    Panic(String),
    Other(String),
}

static REPORTS: Mutex<Vec<Reported>> = Mutex::new(Vec::new());
static TURN: Mutex<()> = Mutex::new(());

/// Waits for the turn of this test, and empties the reports.
fn turn() -> MutexGuard<'static, ()> {
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    unhandled::set_hook(Some(Arc::new(|failure| {
        let error = failure.error();
        let boxed = error.downcast_ref::<Box<dyn Error + Send + Sync>>();
        let reported = if let Some(misfire) = boxed.and_then(|error| error.downcast_ref::<Misfire>()) {
            Reported::Misfire(*misfire)
        } else if let Some(message) = error.downcast_ref::<Aborted>().and_then(Aborted::panic_message) {
            Reported::Panic(message.to_owned())
        } else {
            Reported::Other(failure.to_string())
        };
        REPORTS.lock().unwrap().push(reported);
    })));
    REPORTS.lock().unwrap().clear();
    turn
}

fn reports() -> Vec<Reported> {
    std::mem::take(&mut *REPORTS.lock().unwrap())
}

/// Gives the value of an answer, which is gone when its request ends.
fn value_of(asked: Asked) -> Deferred<c_int, MannersError> {
    asked.map_ok(|answer| answer.value())
}

/// Starts a request that is released when it ends, and ends it. Nothing may be left of its answers by then.
fn ask_and_end(manner: Manner, completer: &SharedCompleter<Answer, MannersError>) {
    let (callback, release) = (
        shared::first_2::<Answers, _, _>,
        shared::release::<Answer, MannersError>,
    );
    // SAFETY: the pointer is released once, after all callbacks; the functions are for these types.
    unsafe {
        let request = Request::start(manner, 7, callback, completer.to_raw(), Some(release)).unwrap();
        request.end();
    }
}

static NUMBERS: Tokens<c_int, Aborted> = Tokens::new();

trampoline! {
    unsafe extern "C" fn numbered(id: u64, value: c_int) {
        token(&NUMBERS, id) -> Result<c_int, Aborted> { Ok(value) }
    }

    unsafe extern "C" fn panics_when_refused(user_data: *mut c_void, status: c_int, result: *mut sys::Outcome) {
        shared(user_data) -> Result<Answer, MannersError> {
            // SAFETY: these are the arguments of the callback.
            let answer = unsafe { Answers::result((status, result)) }?;
            panic!("cannot make sense of {}", answer.value());
        }
    }
}

fn call(id: u64, times: c_int) {
    // SAFETY: it can be called with any number.
    unsafe { id_call(id, 7, times, numbered) }
}

#[test]
fn each_callback_after_the_first_is_reported() {
    let _turn = turn();
    for manner in [Manner::Twice, Manner::TwiceAtOnce] {
        let (completer, asked) = Asked::pair();
        let value = value_of(asked);
        ask_and_end(manner, &SharedCompleter::new(completer));
        assert_eq!(value.try_take().unwrap().unwrap(), 7);
        assert_eq!(reports(), [Reported::Misfire(Misfire::Fired)]);
    }
    let (completer, deferred) = Deferred::pair();
    let id = NUMBERS.insert(completer);
    call(id.into(), 3);
    assert_eq!(deferred.try_take().unwrap().unwrap(), 7);
    assert_eq!(reports(), vec![Reported::Misfire(Misfire::Fired); 2]);
}

#[test]
fn a_number_that_nobody_gave_out_is_reported() {
    let _turn = turn();
    call(u64::MAX, 1);
    assert_eq!(reports(), [Reported::Misfire(Misfire::Unknown)]);
}

#[test]
fn a_late_callback_is_silent() {
    let _turn = turn();
    let (completer, asked) = Asked::pair();
    asked.cancel();
    ask_and_end(Manner::OnAThread, &SharedCompleter::new(completer));
    drop(asked.map_err(drop).try_take());

    let (completer, deferred) = Deferred::pair();
    let id = NUMBERS.insert(completer);
    NUMBERS.cancel(id);
    call(id.into(), 1);
    drop(deferred.map_err(drop).try_take());

    let (completer, deferred) = Deferred::pair();
    let id = NUMBERS.insert(completer);
    drop(deferred);
    call(id.into(), 1);
    assert_eq!(reports(), []);

    let (sender, items) = stream::unbounded::<Item, Aborted>();
    drop(items);
    let callback = stream::raw::first_or_stop::<Item, Aborted, 1>;
    let release = stream::raw::release::<Item, Aborted>;
    // SAFETY: the pointer is released once, after all callbacks; the functions are for these types.
    unsafe { Subscription::start(Habit::Regardless, 2, 10, callback, sender.into_raw(), release).end() };
    assert_eq!(reports(), []);
}

#[test]
fn a_panic_of_a_body_that_has_no_deferred_left_is_reported() {
    let _turn = turn();
    let (completer, asked) = Asked::pair();
    let completer = SharedCompleter::new(completer);
    // SAFETY: the pointer is released once, after all callbacks; the functions are for these types.
    unsafe {
        let release = shared::release::<Answer, MannersError>;
        let request = Request::start(Manner::Twice, 7, panics_when_refused, completer.to_raw(), Some(release));
        request.unwrap().end();
    }
    let error = asked.try_take().unwrap().unwrap_err();
    assert!(error.aborted().unwrap().is_panicked());
    let panicked = Reported::Panic("cannot make sense of 7".to_owned());
    assert_eq!(reports(), [panicked, Reported::Misfire(Misfire::Fired)]);
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("no task is there");
    }
}

/// An answer whose destructor panics.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("do not drop this");
    }
}

enum Bombs {}

impl Convention<(c_int, *mut sys::Outcome)> for Bombs {
    type Ok = Bomb;
    type Err = MannersError;

    unsafe fn result(arguments: (c_int, *mut sys::Outcome)) -> Result<Bomb, MannersError> {
        // SAFETY: promised by the caller.
        unsafe { Answers::result(arguments) }.map(|_| Bomb)
    }
}

#[test]
fn a_panic_of_a_waker_is_reported_and_the_library_goes_on() {
    let _turn = turn();
    let (completer, asked) = Asked::pair();
    let user_data = completer.into_raw();
    let mut asked = pin!(value_of(asked));
    let waker = Waker::from(Arc::new(Panics));
    assert!(asked.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    // SAFETY: it is called once, with these types, and ended when nothing of it is left.
    unsafe {
        let request = Request::start(Manner::OnAThread, 7, once::first_2::<Answers, _, _>, user_data, None).unwrap();
        while asked
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
        {
            std::thread::yield_now();
        }
        request.end();
    }
    // The thread may have found the one waker or the other.
    assert!(
        reports()
            .iter()
            .all(|report| *report == Reported::Panic("no task is there".to_owned()))
    );
}

#[test]
fn a_panic_of_a_destructor_is_reported_and_the_library_goes_on() {
    let _turn = turn();
    let (completer, bombs) = Deferred::<Bomb, MannersError>::pair();
    bombs.cancel();
    // SAFETY: it is called once, with these types.
    unsafe {
        let user_data = completer.into_raw();
        let request = Request::start(Manner::OnAThread, 7, once::first_2::<Bombs, _, _>, user_data, None).unwrap();
        assert_eq!(request.end().called, 1);
    }
    assert_eq!(reports(), [Reported::Panic("do not drop this".to_owned())]);
}

#[test]
fn a_panic_of_the_hook_goes_nowhere() {
    let _turn = turn();
    unhandled::set_hook(Some(Arc::new(|_| panic!("the hook is broken"))));
    call(u64::MAX, 1);
    let (completer, asked) = Asked::pair();
    let value = value_of(asked);
    ask_and_end(Manner::Twice, &SharedCompleter::new(completer));
    assert_eq!(value.try_take().unwrap().unwrap(), 7);
}
