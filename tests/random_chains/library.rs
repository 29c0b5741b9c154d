//! The library, in both flavours.

use std::{
    cell::RefCell,
    mem::take,
    panic::resume_unwind,
    pin::Pin,
    sync::{Arc, Mutex, Once},
    task::{Context, Poll, Wake},
};

use interloop::{State, unhandled};

use crate::{
    machine::{Kept, Machine, Returned, Tables, ask, call, call_plain, log, woken},
    program::{Answer, Callback, Canceller, Failure, How, Outcome},
};

thread_local! {
    /// Who is told of unhandled failures, if they are those of a program on this thread.
    static TELL: RefCell<Option<fn(String)>> = const { RefCell::new(None) };
}

/// The others.
static ELSEWHERE: Mutex<Vec<Failure>> = Mutex::new(Vec::new());

fn set_hook() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        unhandled::set_hook(Some(Arc::new(|failure| {
            let failure = *failure
                .error()
                .downcast_ref::<Failure>()
                .expect("there is no other type");
            match TELL.with_borrow(|tell| *tell) {
                // A completer that is dropped fails what nobody waits for: that is silent or not, and is no matter of Twisted's.
                Some(_) if failure == Failure::Dropped => {}
                Some(tell) => tell(format!("unhandled {failure:?}")),
                None => ELSEWHERE.lock().expect("nothing panics there").push(failure),
            }
        })));
    });
}

fn watch(tell: fn(String)) {
    set_hook();
    TELL.set(Some(tell));
}

/// Runs something that fails on threads of its own, and gives the failures that were reported. One at a time.
pub(crate) fn watching<R>(run: impl FnOnce() -> R) -> (R, Vec<Failure>) {
    set_hook();
    let returned = run();
    (returned, take(&mut ELSEWHERE.lock().expect("nothing panics there")))
}

/// A panic that no hook shows.
fn panic() -> ! {
    resume_unwind(Box::new("a panic"))
}

struct Woken {
    id: usize,
    tell: fn(usize),
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        (self.tell)(self.id);
    }
}

macro_rules! library {
    ($(#[$doc:meta])* $name:ident: $($module:ident)::+) => {
        $(#[$doc])*
        pub(crate) struct $name;

        impl $name {
            fn outcome(returned: Returned<Self>) -> $($module)::+::Outcome<u32, Failure> {
                match returned {
                    Returned::Settled(outcome) => $($module)::+::Outcome::Settled(outcome),
                    Returned::Waiting(deferred) => $($module)::+::Outcome::Waiting(deferred),
                    Returned::Panic => panic(),
                }
            }
        }

        impl Machine for $name {
            type Deferred = $($module)::+::Deferred<u32, Failure>;
            type Completer = $($module)::+::Completer<u32, Failure>;
            type Handle = $($module)::+::CancelHandle;
            type Pause = $($module)::+::Pause;

            fn tables<R>(f: impl FnOnce(&mut Tables<Self>) -> R) -> R {
                thread_local! {
                    static TABLES: RefCell<Tables<$name>> = RefCell::default();
                }
                TABLES.with_borrow_mut(f)
            }

            fn pair(canceller: Option<(usize, Kept<Canceller>)>) -> (Self::Completer, Self::Deferred) {
                watch(log::<Self>);
                let Some((id, canceller)) = canceller else {
                    return Self::Deferred::pair();
                };
                Self::Deferred::with_canceller(move |cancellation| match ask::<Self>(id, &canceller) {
                    Answer::Silence => {}
                    Answer::Settle(outcome) => cancellation.settle(outcome),
                    Answer::Refuse => cancellation.refuse(),
                    Answer::Panic => panic(),
                })
            }

            fn settled(outcome: Outcome) -> Self::Deferred {
                watch(log::<Self>);
                Self::Deferred::settled(outcome)
            }

            fn attach(deferred: Self::Deferred, how: How, label: usize, callback: Kept<Callback>) -> Self::Deferred {
                let full = move |callback: &Callback, input| Self::outcome(call::<Self>(label, callback, input));
                let plain = move |callback: &Callback, input| {
                    call_plain::<Self>(label, callback, input).unwrap_or_else(|| panic())
                };
                match how {
                    How::MapOk => deferred.map_ok(move |n| plain(&callback, Ok(n))),
                    How::MapErr => deferred.map_err(move |error| Failure::Own(plain(&callback, Err(error)))),
                    How::InspectOk => deferred.inspect_ok(move |n| {
                        plain(&callback, Ok(*n));
                    }),
                    How::InspectErr => deferred.inspect_err(move |error| {
                        plain(&callback, Err(*error));
                    }),
                    How::AndThen => deferred.and_then(move |n| full(&callback, Ok(n))),
                    How::OrElse => deferred.or_else(move |error| full(&callback, Err(error))),
                    How::Then => deferred.then(move |result| full(&callback, result)),
                    How::ThenEither => {
                        let for_failures = callback.clone();
                        deferred.then_either(
                            move |n| full(&callback, Ok(n)),
                            move |error| full(&for_failures, Err(error)),
                        )
                    }
                    How::Resize => deferred.map_ok(|n| [n; 9]).map_ok(move |many| {
                        drop(callback);
                        many[8]
                    }),
                }
            }

            fn chain(deferred: Self::Deferred, to: Self::Completer) -> Self::Deferred {
                deferred.chain(to).map_ok(|()| 0)
            }

            fn settle(completer: Self::Completer, outcome: Outcome) {
                match outcome {
                    Ok(number) => completer.complete(number),
                    Err(failure) => completer.fail(failure),
                }
            }

            fn cancel(deferred: &Self::Deferred) {
                deferred.cancel();
            }

            fn handle(deferred: &mut Self::Deferred) -> Self::Handle {
                deferred.cancel_handle()
            }

            fn cancel_by(handle: &Self::Handle) {
                handle.cancel();
            }

            fn pause(deferred: &mut Self::Deferred) -> Self::Pause {
                deferred.pause()
            }

            fn poll(deferred: &mut Self::Deferred, id: usize) -> Option<Outcome> {
                let waker = Arc::new(Woken { id, tell: woken::<Self> }).into();
                match Pin::new(deferred).poll(&mut Context::from_waker(&waker)) {
                    Poll::Ready(outcome) => Some(outcome),
                    Poll::Pending => None,
                }
            }

            fn take(deferred: Self::Deferred) -> Result<Outcome, Self::Deferred> {
                deferred.try_take()
            }

            fn is_settled(deferred: &Self::Deferred) -> bool {
                deferred.is_settled()
            }

            fn has_fired(deferred: &Self::Deferred) -> bool {
                deferred.state() == State::Fired
            }

            fn drop_future(deferred: Self::Deferred) {
                drop(deferred.cancel_on_drop());
            }
        }
    };
}

library! {
    /// Deferreds that go from thread to thread.
    Sendable: interloop
}
library! {
    /// Deferreds that stay on their thread.
    Local: interloop::local
}
