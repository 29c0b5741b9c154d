//! Libraries that carry a number, and those that are given one in place of a pointer.

use std::{
    ffi::{c_int, c_void},
    thread,
};

use interloop::{
    Aborted, Deferred,
    callback::{Convention, Misfire, Token, Tokens},
    fan_in, trampoline,
};
use interloop_manners::{Answer, Answers, Ended, Manner, MannersError, Request, id_call, id_crowd, sys};

use crate::{Asked, NEVER, ONCE, TWICE, every_loop::every_loop, value_of};

static ASKED: Tokens<Answer, MannersError> = Tokens::new();
static NUMBERS: Tokens<c_int, Aborted> = Tokens::new();
static NARROW: Tokens<c_int, Aborted> = Tokens::narrow();

trampoline! {
    unsafe extern "C" fn answered(user_data: *mut c_void, status: c_int, result: *mut sys::Outcome) {
        token(&ASKED, user_data) -> Result<Answer, MannersError> {
            // SAFETY: these are the arguments of the callback.
            unsafe { Answers::result((status, result)) }
        }
    }

    unsafe extern "C" fn numbered(id: u64, value: c_int) {
        token(&NUMBERS, id) -> Result<c_int, Aborted> { Ok(value) }
    }

    unsafe extern "C" fn numbered_narrow(id: u64, value: c_int) {
        token(&NARROW, id) -> Result<c_int, Aborted> { Ok(value) }
    }
}

fn ask(manner: Manner, value: c_int) -> (Token, Request, Asked) {
    let (completer, asked) = Asked::pair();
    let token = ASKED.insert(completer);
    // SAFETY: it can be called with anything that is no pointer, as often as the library likes.
    let request = unsafe { Request::start(manner, value, answered, token.to_ptr(), None) };
    (token, request.expect("it is not refused"), asked)
}

/// Ends a request whose answers are gone.
fn end(request: Request) -> Ended {
    // SAFETY: each test ends its requests once, at last.
    unsafe { request.end() }
}

/// The library calls with a number, as often as is said.
fn call(id: u64, value: c_int, times: c_int) {
    // SAFETY: it can be called with any number.
    unsafe { id_call(id, value, times, numbered) }
}

every_loop! {
    async fn a_token_in_place_of_a_pointer_completes(reactor: Reactor) {
        let (_, request, asked) = ask(Manner::OnAThread, 7);
        assert_eq!(value_of(&reactor, asked).await.unwrap(), 7);
        assert_eq!(end(request), ONCE);
    }

    async fn a_second_callback_does_no_harm(reactor: Reactor) {
        let (token, request, asked) = ask(Manner::Twice, 7);
        assert_eq!(value_of(&reactor, asked).await.unwrap(), 7);
        assert_eq!(end(request), TWICE);
        assert!(ASKED.take(token).is_none());
    }

    async fn of_two_callbacks_at_the_same_time_one_completes(reactor: Reactor) {
        for value in 0..20 {
            let (_, request, asked) = ask(Manner::TwiceAtOnce, value);
            assert_eq!(value_of(&reactor, asked).await.unwrap(), value);
            assert_eq!(end(request), TWICE);
        }
    }

    async fn a_callback_that_never_comes_can_be_cancelled_and_leaves_nothing(reactor: Reactor) {
        let (token, request, asked) = ask(Manner::Never, 7);
        let waiting = reactor.spawn(asked);
        assert!(ASKED.cancel(token));
        assert!(waiting.await.unwrap_err().aborted().unwrap().is_cancelled());
        assert_eq!(end(request), NEVER);
    }

    async fn what_a_late_callback_brings_is_freed(reactor: Reactor) {
        let (token, request, asked) = ask(Manner::WhenOpened, 7);
        assert!(ASKED.cancel(token));
        // SAFETY: it has not ended.
        unsafe { request.open() };
        assert!(value_of(&reactor, asked).await.is_err());
        assert_eq!(end(request), ONCE);
    }

    async fn a_canceller_finds_its_token_stale_when_the_library_calls_back(reactor: Reactor) {
        static CANCELLED: Tokens<c_int, Aborted> = Tokens::new();
        let (token, mut deferred) = CANCELLED.with_canceller(|token| {
            let why = CANCELLED.fire(token, Ok(1)).unwrap_err().why();
            // The same test on another loop may have its place by now.
            assert!(matches!(why, Misfire::Cancelled | Misfire::Ended), "{why}");
        });
        let handle = deferred.cancel_handle();
        let waiting = reactor.spawn(deferred);
        handle.cancel();
        assert!(waiting.await.unwrap_err().is_cancelled());
        assert!(CANCELLED.fire(token, Ok(1)).is_err());
    }

    async fn a_number_completes_however_often_it_is_called(reactor: Reactor) {
        let (completer, deferred) = Deferred::pair();
        let id = NUMBERS.insert(completer);
        let waiting = reactor.spawn(deferred);
        call(id.into(), 7, 3);
        assert_eq!(waiting.await.unwrap(), 7);
    }

    async fn a_number_that_nobody_gave_out_does_no_harm(_reactor: Reactor) {
        for id in [0, 1, u64::MAX, 1 << 63, 0xdead_beef_dead_beef, u64::from(u32::MAX)] {
            call(id, 7, 1);
        }
    }

    async fn a_table_that_is_dropped_aborts_what_waits(reactor: Reactor) {
        let table = Tokens::<c_int, Aborted>::new();
        let (completers, deferreds): (Vec<_>, Vec<_>) = (0..10).map(|_| Deferred::pair()).unzip();
        let tokens: Vec<_> = completers.into_iter().map(|completer| table.insert(completer)).collect();
        table.fire(tokens[3], Ok(7)).unwrap();
        assert_eq!(table.len(), 9);
        let waiting: Vec<_> = deferreds.into_iter().map(|deferred| reactor.spawn(deferred)).collect();
        drop(table);
        for (place, waiting) in waiting.into_iter().enumerate() {
            match waiting.await {
                Ok(7) => assert_eq!(place, 3),
                result => assert!(result.unwrap_err().is_dropped()),
            }
        }
    }

    async fn a_thousand_numbers_of_eight_threads_complete(reactor: Reactor) {
        for (table, callback) in [(&NUMBERS, numbered as sys::IdCallback), (&NARROW, numbered_narrow)] {
            let (completers, deferreds): (Vec<_>, Vec<_>) = (0..1_000).map(|_| Deferred::pair()).unzip();
            let ids: Vec<u64> = completers.into_iter().map(|completer| table.insert(completer).into()).collect();
            // SAFETY: they can be called with any number.
            let library = thread::spawn(move || unsafe { id_crowd(8, callback, &ids) });
            let values = reactor.spawn(fan_in::gather(deferreds));
            assert_eq!(values.await.unwrap(), (0..1_000).collect::<Vec<_>>());
            library.join().unwrap();
        }
    }
}
