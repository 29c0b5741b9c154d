//! Callbacks that borrow their user data, which is released on its own.

use std::thread;

use interloop::callback::{SharedCompleter, shared};
use interloop_manners::{Answer, Answers, Ended, Manner, MannersError, Request, crowd};

use crate::{Asked, NEVER, ONCE, TWICE, every_loop::every_loop, value_of};

/// Starts a request that is released when it ends. The completer is also ours.
fn ask(manner: Manner, value: i32) -> (Option<Request>, SharedCompleter<Answer, MannersError>, Asked) {
    let (completer, asked) = Asked::pair();
    let completer = SharedCompleter::new(completer);
    let (callback, release) = (
        shared::first_2::<Answers, _, _>,
        shared::release::<Answer, MannersError>,
    );
    // SAFETY: the pointer is released once, after all callbacks; the functions are for these types.
    let request = unsafe { Request::start(manner, value, callback, completer.to_raw(), Some(release)) };
    (request, completer, asked)
}

/// Ends a request whose answers are gone.
fn end(request: Option<Request>) -> Ended {
    // SAFETY: each test ends its requests once, at last.
    unsafe { request.expect("it was not refused").end() }
}

every_loop! {
    async fn a_callback_completes_and_the_release_after_it_does_no_harm(reactor: Reactor) {
        let (request, completer, asked) = ask(Manner::OnAThread, 7);
        drop(completer);
        assert_eq!(value_of(&reactor, asked).await.unwrap(), 7);
        assert_eq!(end(request), ONCE);
    }

    async fn a_second_callback_does_no_harm(reactor: Reactor) {
        let (request, completer, asked) = ask(Manner::Twice, 7);
        assert_eq!(value_of(&reactor, asked).await.unwrap(), 7);
        assert_eq!(end(request), TWICE);
        assert!(completer.has_fired());
    }

    async fn of_two_callbacks_at_the_same_time_one_completes(reactor: Reactor) {
        for value in 0..20 {
            let (request, completer, asked) = ask(Manner::TwiceAtOnce, value);
            drop(completer);
            assert_eq!(value_of(&reactor, asked).await.unwrap(), value);
            assert_eq!(end(request), TWICE);
        }
    }

    async fn a_release_without_a_callback_aborts(reactor: Reactor) {
        let (request, completer, asked) = ask(Manner::Never, 7);
        drop(completer);
        let waiting = reactor.spawn(asked);
        assert_eq!(end(request), NEVER);
        assert!(waiting.await.unwrap_err().aborted().unwrap().is_dropped());
    }

    async fn who_shares_the_completer_can_fire_before_the_library(reactor: Reactor) {
        let (request, completer, asked) = ask(Manner::WhenOpened, 7);
        completer.settle(Err(MannersError::Status(-1))).unwrap();
        // SAFETY: it has not ended.
        unsafe { request.unwrap().open() };
        assert!(matches!(value_of(&reactor, asked).await, Err(MannersError::Status(-1))));
        assert_eq!(end(request), ONCE);
    }

    async fn a_call_that_fails_and_releases_gives_its_error(reactor: Reactor) {
        let (request, completer, asked) = ask(Manner::RefusedAndReleased, 7);
        assert!(request.is_none());
        completer.settle(Err(MannersError::Refused)).unwrap();
        assert!(matches!(value_of(&reactor, asked).await, Err(MannersError::Refused)));
    }

    async fn a_call_that_fails_and_does_not_release_is_released(reactor: Reactor) {
        let (completer, asked) = Asked::pair();
        let completer = SharedCompleter::new(completer);
        let user_data = completer.to_raw();
        // SAFETY: it is refused, so nobody is called.
        let request =
            unsafe { Request::start(Manner::Refused, 7, shared::first_2::<Answers, _, _>, user_data, None) };
        assert!(request.is_none());
        // SAFETY: the library does not have it.
        drop(unsafe { SharedCompleter::<Answer, MannersError>::from_raw(user_data) });
        drop(completer);
        assert!(value_of(&reactor, asked).await.unwrap_err().aborted().unwrap().is_dropped());
    }

    async fn what_a_late_callback_brings_is_freed(reactor: Reactor) {
        let (request, _completer, asked) = ask(Manner::WhenOpened, 7);
        asked.cancel();
        // SAFETY: it has not ended.
        unsafe { request.unwrap().open() };
        assert!(value_of(&reactor, asked).await.unwrap_err().aborted().unwrap().is_cancelled());
        assert_eq!(end(request), ONCE);
    }

    async fn of_a_thousand_callbacks_for_one_deferred_one_completes(reactor: Reactor) {
        let (completer, asked) = Asked::pair();
        let completer = SharedCompleter::new(completer);
        let library = thread::spawn(move || {
            let user_data = completer.to_raw();
            // SAFETY: it is released when all have called.
            unsafe {
                crowd(8, shared::first_2::<Answers, _, _>, &vec![user_data; 1_000]);
                shared::release::<Answer, MannersError>(user_data);
            }
        });
        assert!((0..1_000).contains(&value_of(&reactor, asked).await.unwrap()));
        library.join().unwrap();
    }
}
