//! Callbacks that own their user data.

use std::{
    ffi::{c_int, c_void},
    ptr,
    sync::{Arc, Mutex, OnceLock},
    thread,
};

use interloop::{
    Completer, Deferred,
    callback::{self, Convention, once},
    fan_in, trampoline,
};
use interloop_manners::{Answer, Answers, Ended, Manner, MannersError, Request, crowd, sys};

use crate::{Asked, NEVER, ONCE, every_loop::every_loop, value_of};

/// Starts a request whose manner is to be answered once, or to be refused.
fn ask(manner: Manner, value: c_int) -> (Option<Request>, Asked) {
    let (completer, asked) = Deferred::pair();
    (start(completer, manner, value), asked)
}

fn start(completer: Completer<Answer, MannersError>, manner: Manner, value: c_int) -> Option<Request> {
    // SAFETY: none of these manners calls twice, and a request that is refused is not answered. The trampoline is for
    // these types.
    unsafe {
        callback::register(completer, |user_data| {
            Request::start(manner, value, once::first_2::<Answers, _, _>, user_data, None).ok_or(MannersError::Refused)
        })
    }
}

/// Starts a request that the library ends when the deferred is cancelled: it answers with a status, inside of the canceller.
fn ask_with_canceller() -> (Option<Request>, Asked) {
    let started = Arc::new(OnceLock::<Request>::new());
    let (completer, asked) = Asked::with_canceller({
        let started = started.clone();
        move |_cancellation| {
            if let Some(request) = started.get() {
                // SAFETY: the canceller is called before the deferred fires, and the request is ended after that.
                assert!(unsafe { request.cancel() });
            }
        }
    });
    let request = start(completer, Manner::WhenOpened, 7).expect("it is not refused");
    started.set(request).expect("it is set once");
    (Some(request), asked)
}

/// Ends a request whose answers are gone.
fn end(request: Option<Request>) -> Ended {
    // SAFETY: each test ends its requests once, at last.
    unsafe { request.expect("it was not refused").end() }
}

/// Has a request answered that waits for it.
fn open(request: Option<Request>) {
    // SAFETY: no test does so after it has ended the request.
    unsafe { request.expect("it was not refused").open() }
}

trampoline! {
    unsafe extern "C" fn panics(user_data: *mut c_void, status: c_int, result: *mut sys::Outcome) {
        once(user_data) -> Result<Answer, MannersError> {
            // SAFETY: these are the arguments of the callback.
            let answer = unsafe { Answers::result((status, result)) }?;
            panic!("cannot make sense of {}", answer.value());
        }
    }
}

/// Asks for answers inside of answers, and gives how many there were. The requests are kept.
fn nested(depth: u32, requests: Arc<Mutex<Vec<Request>>>) -> Deferred<u32, MannersError> {
    let (completer, asked) = Asked::pair();
    let inner = requests.clone();
    let counted = asked.and_then(move |answer| {
        drop(answer);
        match depth {
            1 => Deferred::ready(1),
            _ => nested(depth - 1, inner).map_ok(|depth| depth + 1),
        }
    });
    let request = start(completer, Manner::Inside, 0);
    requests.lock().unwrap().extend(request);
    counted
}

every_loop! {
    async fn a_callback_on_a_foreign_thread_completes(reactor: Reactor) {
        let (request, asked) = ask(Manner::OnAThread, 7);
        assert_eq!(value_of(&reactor, asked).await.unwrap(), 7);
        assert_eq!(end(request), ONCE);
    }

    async fn a_callback_that_comes_when_it_is_waited_for_wakes_the_task(reactor: Reactor) {
        let (request, asked) = ask(Manner::WhenOpened, 7);
        let waiting = reactor.spawn(async move { asked.await.map(|answer| answer.value()) });
        reactor.spawn_infallible(async move { open(request) }).await.unwrap();
        assert_eq!(waiting.await.unwrap(), 7);
        assert_eq!(end(request), ONCE);
    }

    async fn a_callback_inside_of_the_registering_call_completes(reactor: Reactor) {
        let (request, asked) = ask(Manner::Inside, 7);
        assert_eq!(value_of(&reactor, asked).await.unwrap(), 7);
        assert_eq!(end(request), ONCE);
    }

    async fn a_registering_call_that_fails_gives_its_error(reactor: Reactor) {
        let (request, asked) = ask(Manner::Refused, 7);
        assert!(request.is_none());
        assert!(matches!(value_of(&reactor, asked).await, Err(MannersError::Refused)));
    }

    async fn a_callback_from_a_thread_that_exits_completes(reactor: Reactor) {
        let (request, asked) = ask(Manner::WhileExiting, 7);
        assert_eq!(value_of(&reactor, asked).await.unwrap(), 7);
        assert_eq!(end(request), ONCE);
    }

    async fn a_callback_that_is_released_instead_of_called_is_aborted(reactor: Reactor) {
        let (completer, asked) = Asked::pair();
        let release = once::release::<Answer, MannersError>;
        let user_data = completer.into_raw();
        // SAFETY: it is never called, so it is taken once, by its release.
        let request =
            unsafe { Request::start(Manner::Never, 7, once::first_2::<Answers, _, _>, user_data, Some(release)) };
        let waiting = reactor.spawn(asked);
        assert_eq!(end(request), NEVER);
        let error = waiting.await.unwrap_err();
        assert!(error.aborted().unwrap().is_dropped(), "{error:?}");
    }

    async fn a_callback_that_never_comes_can_be_cancelled_and_taken_back(reactor: Reactor) {
        let (completer, asked) = Asked::pair();
        let user_data = completer.into_raw();
        // SAFETY: it is never called.
        let request = unsafe { Request::start(Manner::Never, 7, once::first_2::<Answers, _, _>, user_data, None) };
        let waiting = reactor.spawn(asked);
        waiting.cancel();
        assert!(waiting.await.unwrap_err().aborted().unwrap().is_cancelled());
        assert_eq!(end(request), NEVER);
        // SAFETY: the request has ended, and nobody has called.
        drop(unsafe { Completer::<Answer, MannersError>::from_raw(user_data) });
    }

    async fn what_a_late_callback_brings_is_freed(reactor: Reactor) {
        let (request, asked) = ask(Manner::WhenOpened, 7);
        asked.cancel();
        open(request);
        assert!(value_of(&reactor, asked).await.unwrap_err().aborted().unwrap().is_cancelled());
        assert_eq!(end(request), ONCE);
    }

    async fn what_a_callback_brings_that_nobody_waits_for_is_freed(_reactor: Reactor) {
        let (request, asked) = ask(Manner::WhenOpened, 7);
        drop(asked);
        open(request);
        assert_eq!(end(request), ONCE);
    }

    async fn a_future_that_is_dropped_has_the_library_end_the_request(_reactor: Reactor) {
        let (request, asked) = ask_with_canceller();
        drop(asked.cancel_on_drop());
        assert_eq!(end(request), ONCE);
    }

    async fn the_library_says_what_comes_of_a_cancellation(reactor: Reactor) {
        let (request, mut asked) = ask_with_canceller();
        let handle = asked.cancel_handle();
        let waiting = reactor.spawn(async move { asked.await.map(drop) });
        handle.cancel();
        let error = waiting.await.unwrap_err();
        assert!(matches!(error, MannersError::Status(status) if status != 0), "{error:?}");
        assert_eq!(end(request), ONCE);
    }

    async fn a_panic_in_the_body_fails_the_deferred_and_goes_no_further(reactor: Reactor) {
        let (completer, asked) = Asked::pair();
        // SAFETY: it is called once, with these types.
        let request = unsafe { Request::start(Manner::OnAThread, 7, panics, completer.into_raw(), None) };
        let error = value_of(&reactor, asked).await.unwrap_err();
        assert_eq!(error.aborted().unwrap().panic_message(), Some("cannot make sense of 7"));
        assert_eq!(end(request), ONCE);
    }

    async fn a_panic_in_an_attached_callback_fails_the_chain_and_goes_no_further(reactor: Reactor) {
        let (request, asked) = ask(Manner::WhenOpened, 7);
        let chain = asked.map_ok(|answer| -> () { panic!("cannot use {}", answer.value()) });
        open(request);
        let error = reactor.spawn(chain).await.unwrap_err();
        assert_eq!(error.aborted().unwrap().panic_message(), Some("cannot use 7"));
        assert_eq!(end(request), ONCE);
    }

    async fn callbacks_inside_of_callbacks_complete(reactor: Reactor) {
        for depth in [2, 3, 100] {
            let requests = Arc::<Mutex<Vec<Request>>>::default();
            let counted = nested(depth, requests.clone());
            assert_eq!(reactor.spawn(counted).await.unwrap(), depth);
            let requests = std::mem::take(&mut *requests.lock().unwrap());
            assert_eq!(requests.len(), depth as usize);
            for request in requests {
                assert_eq!(end(Some(request)), ONCE);
            }
        }
    }

    async fn a_thousand_callbacks_of_eight_threads_complete(reactor: Reactor) {
        let (completers, asked): (Vec<_>, Vec<_>) = (0..1_000).map(|_| Asked::pair()).unzip();
        let user_data: Vec<usize> = completers.into_iter().map(|completer| completer.into_raw().expose_provenance()).collect();
        let library = thread::spawn(move || {
            let user_data: Vec<_> = user_data.into_iter().map(ptr::with_exposed_provenance_mut).collect();
            // SAFETY: each is called once, with these types.
            unsafe { crowd(8, once::first_2::<Answers, _, _>, &user_data) };
        });
        let values = reactor.spawn(fan_in::gather(
            asked.into_iter().map(|asked| asked.map_ok(|answer| answer.value())),
        ));
        assert_eq!(values.await.unwrap(), (0..1_000).collect::<Vec<_>>());
        library.join().unwrap();
    }
}
