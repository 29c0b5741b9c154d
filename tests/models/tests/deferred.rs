//! The deferred under loom: every pair of operations that may meet, in every interleaving.
//!
//! Values, callbacks, futures and wakers hold a token each. Loom reports a token that was leaked, and
//! every model ends with [`assert_released`], which also fails for one that was dropped twice. The
//! nodes themselves are watched in the same way by the cell's own shim.
//!
//! Run by `ci/loom.sh`.
#![cfg(interloop_loom)]

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    task::{Context, Poll, Wake, Waker},
};

use interloop::{Aborted, Cancellation, Completer, Deferred, Task, gather, race};
use interloop_models::{model, wide_model};
use loom::{sync::Arc, thread};

type Token = Arc<()>;

fn pair() -> (Completer<Token>, Deferred<Token>) {
    Deferred::pair()
}

/// A callback that passes a value on and holds a token until it has run.
fn pass(token: &Token) -> impl FnOnce(Token) -> Token + Send + 'static {
    let held = token.clone();
    move |value| {
        drop(held);
        value
    }
}

/// A callback that goes on with `inner`, and holds a token until it has run.
fn wait_for(token: &Token, inner: Deferred<Token>) -> impl FnOnce(Token) -> Deferred<Token> + Send + 'static {
    let held = token.clone();
    move |_| {
        drop(held);
        inner
    }
}

/// The result of a deferred that must have one by now; no callback has panicked on the way to it.
#[track_caller]
fn outcome(deferred: Deferred<Token>) -> Result<(), Aborted> {
    check(deferred.try_take().expect("neither a result nor a cancellation"))
}

#[track_caller]
fn check(result: Result<Token, Aborted>) -> Result<(), Aborted> {
    if let Err(error) = &result {
        assert!(!error.is_panicked(), "{error}");
    }
    result.map(drop)
}

#[track_caller]
fn assert_done_or_cancelled(outcome: Result<(), Aborted>) {
    if let Err(error) = outcome {
        assert!(error.is_cancelled(), "{error}");
    }
}

/// Nobody holds a clone of the token any more.
#[track_caller]
fn assert_released(token: &Token) {
    assert_eq!(
        Arc::strong_count(token),
        1,
        "a token was not dropped, or was dropped twice"
    );
}

struct CountingWaker {
    woken: AtomicUsize,
    _token: Token,
}

impl CountingWaker {
    fn new(token: &Token) -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self {
            woken: AtomicUsize::new(0),
            _token: token.clone(),
        })
    }

    fn count(&self) -> usize {
        self.woken.load(SeqCst)
    }
}

impl Wake for CountingWaker {
    fn wake(self: std::sync::Arc<Self>) {
        self.woken.fetch_add(1, SeqCst);
    }
}

fn poll<F: Future + Unpin>(future: &mut F, waker: &std::sync::Arc<CountingWaker>) -> Poll<F::Output> {
    let waker = Waker::from(waker.clone());
    Pin::new(future).poll(&mut Context::from_waker(&waker))
}

/// Polls until there is a result or the waker is stored, and gives the deferred back if it is.
fn park(mut deferred: Deferred<Token>, token: &Token) -> Deferred<Token> {
    assert!(poll(&mut deferred, &CountingWaker::new(token)).is_pending());
    deferred
}

/// Polls only when it was woken, so that a lost wake-up spins until loom gives the model up. Its waker
/// is not loom's, which would order more than wakers promise to.
fn block_on<F: Future + Unpin>(mut future: F, token: &Token) -> F::Output {
    let waker = CountingWaker::new(token);
    loop {
        let woken = waker.count();
        if let Poll::Ready(output) = poll(&mut future, &waker) {
            return output;
        }
        while waker.count() == woken {
            thread::yield_now();
        }
    }
}

// One pair.

#[test]
fn complete_and_await() {
    model(|| {
        let token = Token::default();
        let (completer, deferred) = pair();
        let value = token.clone();
        let firing = thread::spawn(move || completer.complete(value));
        assert!(check(block_on(deferred, &token)).is_ok());
        firing.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn drop_of_the_completer_and_await() {
    model(|| {
        let token = Token::default();
        let (completer, deferred) = pair();
        let dropping = thread::spawn(move || drop(completer));
        assert!(check(block_on(deferred, &token)).unwrap_err().is_dropped());
        dropping.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn complete_and_polls_with_a_changed_waker() {
    model(|| {
        let token = Token::default();
        let (completer, mut deferred) = pair();
        let value = token.clone();
        let firing = thread::spawn(move || completer.complete(value));
        let (first, second) = (CountingWaker::new(&token), CountingWaker::new(&token));
        let mut polled = poll(&mut deferred, &first);
        if polled.is_pending() {
            polled = poll(&mut deferred, &second);
        }
        firing.join().unwrap();
        match polled {
            Poll::Ready(result) => assert!(check(result).is_ok()),
            Poll::Pending => {
                assert_eq!((first.count(), second.count()), (0, 1));
                assert!(outcome(deferred).is_ok());
            }
        }
        drop((first, second));
        assert_released(&token);
    });
}

#[test]
fn complete_and_polls_with_the_same_waker() {
    model(|| {
        let token = Token::default();
        let (completer, mut deferred) = pair();
        let value = token.clone();
        let firing = thread::spawn(move || completer.complete(value));
        let waker = CountingWaker::new(&token);
        let mut polled = poll(&mut deferred, &waker);
        if polled.is_pending() {
            polled = poll(&mut deferred, &waker);
        }
        firing.join().unwrap();
        match polled {
            Poll::Ready(result) => assert!(check(result).is_ok()),
            Poll::Pending => {
                assert_eq!(waker.count(), 1);
                assert!(outcome(deferred).is_ok());
            }
        }
        drop(waker);
        assert_released(&token);
    });
}

#[test]
fn complete_and_drop() {
    model(|| {
        let token = Token::default();
        let (completer, deferred) = pair();
        let value = token.clone();
        let firing = thread::spawn(move || completer.complete(value));
        drop(deferred);
        firing.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn complete_and_drop_after_a_poll() {
    model(|| {
        let token = Token::default();
        let (completer, deferred) = pair();
        let deferred = park(deferred, &token);
        let value = token.clone();
        let firing = thread::spawn(move || completer.complete(value));
        drop(deferred);
        firing.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn complete_and_take_after_a_poll() {
    model(|| {
        let token = Token::default();
        let (completer, deferred) = pair();
        let deferred = park(deferred, &token);
        let value = token.clone();
        let firing = thread::spawn(move || completer.complete(value));
        let taken = deferred.try_take();
        firing.join().unwrap();
        match taken {
            Ok(result) => assert!(check(result).is_ok()),
            Err(deferred) => assert!(outcome(deferred).is_ok()),
        }
        assert_released(&token);
    });
}

#[test]
fn try_settle_and_drop() {
    model(|| {
        let token = Token::default();
        let (completer, deferred) = pair();
        let value = token.clone();
        let firing = thread::spawn(move || drop(completer.try_settle(Ok(value))));
        drop(deferred);
        firing.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn drop_of_the_completer_and_drop() {
    model(|| {
        let token = Token::default();
        let (completer, deferred) = pair();
        let deferred = park(deferred, &token);
        let dropping = thread::spawn(move || drop(completer));
        drop(deferred);
        dropping.join().unwrap();
        assert_released(&token);
    });
}

// Attaching.

#[test]
fn complete_and_attach() {
    model(|| {
        let token = Token::default();
        let (completer, deferred) = pair();
        let value = token.clone();
        let firing = thread::spawn(move || completer.complete(value));
        let chain = deferred.map_ok(pass(&token));
        firing.join().unwrap();
        assert!(outcome(chain).is_ok());
        assert_released(&token);
    });
}

#[test]
fn complete_and_attach_after_a_poll() {
    model(|| {
        let token = Token::default();
        let (completer, deferred) = pair();
        let deferred = park(deferred, &token);
        let value = token.clone();
        let firing = thread::spawn(move || completer.complete(value));
        let chain = deferred.map_ok(pass(&token));
        firing.join().unwrap();
        assert!(outcome(chain).is_ok());
        assert_released(&token);
    });
}

#[test]
fn complete_and_attach_twice() {
    model(|| {
        let token = Token::default();
        let (completer, deferred) = pair();
        let value = token.clone();
        let firing = thread::spawn(move || completer.complete(value));
        let chain = deferred.map_ok(pass(&token)).map_ok(pass(&token));
        firing.join().unwrap();
        assert!(outcome(chain).is_ok());
        assert_released(&token);
    });
}

#[test]
fn complete_and_attach_to_a_chain_that_was_polled() {
    model(|| {
        let token = Token::default();
        let (completer, deferred) = pair();
        let chain = park(deferred.map_ok(pass(&token)), &token);
        let value = token.clone();
        let firing = thread::spawn(move || completer.complete(value));
        let chain = chain.map_ok(pass(&token));
        firing.join().unwrap();
        assert!(outcome(chain).is_ok());
        assert_released(&token);
    });
}

#[test]
fn complete_and_await_of_a_chain() {
    model(|| {
        let token = Token::default();
        let (completer, deferred) = pair();
        let chain = deferred.map_ok(pass(&token)).map_ok(pass(&token));
        let value = token.clone();
        let firing = thread::spawn(move || completer.complete(value));
        assert!(check(block_on(chain, &token)).is_ok());
        firing.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn complete_and_attach_then_drop() {
    model(|| {
        let token = Token::default();
        let (completer, deferred) = pair();
        let value = token.clone();
        let firing = thread::spawn(move || completer.complete(value));
        drop(deferred.map_ok(pass(&token)));
        firing.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn complete_and_drop_of_a_chain_that_was_polled() {
    model(|| {
        let token = Token::default();
        let (completer, deferred) = pair();
        let chain = park(deferred.map_ok(pass(&token)).map_ok(pass(&token)), &token);
        let value = token.clone();
        let firing = thread::spawn(move || completer.complete(value));
        drop(chain);
        firing.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn complete_and_attach_of_a_callback_that_changes_the_type() {
    model(|| {
        let token = Token::default();
        let (completer, deferred) = pair();
        let value = token.clone();
        let firing = thread::spawn(move || completer.complete(value));
        let chain = deferred
            .map_ok(|value| [Some(value), None, None])
            .map_ok(|[value, ..]| value);
        firing.join().unwrap();
        assert!(chain.try_take().unwrap().unwrap().is_some());
        assert_released(&token);
    });
}

// Cancelling.

#[test]
fn complete_and_cancel() {
    model(|| {
        let token = Token::default();
        let (completer, deferred) = pair();
        let value = token.clone();
        let firing = thread::spawn(move || completer.complete(value));
        deferred.cancel();
        assert_done_or_cancelled(outcome(deferred));
        firing.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn complete_and_cancel_after_a_poll() {
    model(|| {
        let token = Token::default();
        let (completer, mut deferred) = pair();
        let waker = CountingWaker::new(&token);
        assert!(poll(&mut deferred, &waker).is_pending());
        let value = token.clone();
        let firing = thread::spawn(move || completer.complete(value));
        deferred.cancel();
        assert_done_or_cancelled(outcome(deferred));
        firing.join().unwrap();
        assert_eq!(waker.count(), 1);
        drop(waker);
        assert_released(&token);
    });
}

#[test]
fn complete_and_cancel_then_drop() {
    model(|| {
        let token = Token::default();
        let (completer, deferred) = pair();
        let value = token.clone();
        let firing = thread::spawn(move || completer.complete(value));
        deferred.cancel();
        drop(deferred);
        firing.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn a_late_result_and_drop_after_a_cancellation() {
    model(|| {
        let token = Token::default();
        let (completer, deferred) = pair();
        deferred.cancel();
        let value = token.clone();
        let firing = thread::spawn(move || completer.complete(value));
        drop(deferred);
        firing.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn a_late_result_and_drop_of_a_chain_after_a_cancellation() {
    model(|| {
        let token = Token::default();
        let (completer, deferred) = pair();
        let chain = deferred.map_ok(pass(&token));
        chain.cancel();
        let value = token.clone();
        let firing = thread::spawn(move || completer.try_settle(Ok(value)).is_err());
        drop(chain);
        assert!(firing.join().unwrap());
        assert_released(&token);
    });
}

#[test]
fn complete_and_cancel_of_a_chain() {
    model(|| {
        let token = Token::default();
        let (completer, deferred) = pair();
        let ran = std::sync::Arc::new(AtomicUsize::new(0));
        let counter = ran.clone();
        let chain = deferred.map_ok(pass(&token)).inspect_ok(move |_| {
            counter.fetch_add(1, SeqCst);
        });
        let value = token.clone();
        let firing = thread::spawn(move || completer.complete(value));
        chain.cancel();
        firing.join().unwrap();
        let outcome = outcome(chain);
        assert_eq!(ran.load(SeqCst), usize::from(outcome.is_ok()));
        assert_done_or_cancelled(outcome);
        assert_released(&token);
    });
}

#[test]
fn complete_and_attach_then_cancel_then_drop() {
    model(|| {
        let token = Token::default();
        let (completer, deferred) = pair();
        let value = token.clone();
        let firing = thread::spawn(move || completer.complete(value));
        let chain = deferred.map_ok(pass(&token));
        chain.cancel();
        drop(chain.map_ok(pass(&token)));
        firing.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn cancel_and_cancel() {
    model(|| {
        let token = Token::default();
        let (completer, mut deferred) = pair();
        let waker = CountingWaker::new(&token);
        assert!(poll(&mut deferred, &waker).is_pending());
        let deferred = Arc::new(deferred);
        let shared = deferred.clone();
        let cancelling = thread::spawn(move || shared.cancel());
        deferred.cancel();
        assert!(completer.is_closed());
        cancelling.join().unwrap();
        assert_eq!(waker.count(), 1);
        drop(completer);
        drop(waker);
        assert!(outcome(into_inner(deferred)).unwrap_err().is_cancelled());
        assert_released(&token);
    });
}

fn into_inner(shared: Arc<Deferred<Token>>) -> Deferred<Token> {
    Arc::try_unwrap(shared).expect("the other threads have ended")
}

#[test]
fn cancel_and_cancel_of_a_chain() {
    model(|| {
        let token = Token::default();
        let (completer, deferred) = pair();
        let chain = Arc::new(deferred.map_ok(pass(&token)));
        let shared = chain.clone();
        let cancelling = thread::spawn(move || shared.cancel());
        chain.cancel();
        assert!(completer.is_closed());
        cancelling.join().unwrap();
        assert!(outcome(into_inner(chain)).unwrap_err().is_cancelled());
        drop(completer);
        assert_released(&token);
    });
}

#[test]
fn cancel_and_complete_and_cancel() {
    model(|| {
        let token = Token::default();
        let (completer, deferred) = pair();
        let chain = Arc::new(deferred.map_ok(pass(&token)));
        let shared = chain.clone();
        let value = token.clone();
        let cancelling = thread::spawn(move || shared.cancel());
        let firing = thread::spawn(move || completer.complete(value));
        chain.cancel();
        cancelling.join().unwrap();
        firing.join().unwrap();
        assert_done_or_cancelled(outcome(into_inner(chain)));
        assert_released(&token);
    });
}

// Chains that wait for a deferred that a callback returned.

#[test]
fn inner_complete_and_outer_complete() {
    model(|| {
        let token = Token::default();
        let (outer, deferred) = pair();
        let (inner, returned) = pair();
        let chain = deferred.and_then(wait_for(&token, returned)).map_ok(pass(&token));
        let (outer_value, inner_value) = (token.clone(), token.clone());
        let firing = thread::spawn(move || inner.complete(inner_value));
        outer.complete(outer_value);
        firing.join().unwrap();
        assert!(outcome(chain).is_ok());
        assert_released(&token);
    });
}

#[test]
fn inner_complete_and_outer_complete_where_the_inner_one_was_polled() {
    model(|| {
        let token = Token::default();
        let (outer, deferred) = pair();
        let (inner, returned) = pair();
        let chain = deferred.and_then(wait_for(&token, park(returned, &token)));
        let (outer_value, inner_value) = (token.clone(), token.clone());
        let firing = thread::spawn(move || inner.complete(inner_value));
        outer.complete(outer_value);
        firing.join().unwrap();
        assert!(outcome(chain).is_ok());
        assert_released(&token);
    });
}

#[test]
fn inner_complete_and_outer_complete_where_the_inner_one_is_a_chain() {
    model(|| {
        let token = Token::default();
        let (outer, deferred) = pair();
        let (inner, returned) = pair();
        let chain = deferred.and_then(wait_for(&token, returned.map_ok(pass(&token))));
        let (outer_value, inner_value) = (token.clone(), token.clone());
        let firing = thread::spawn(move || inner.complete(inner_value));
        outer.complete(outer_value);
        firing.join().unwrap();
        assert!(outcome(chain).is_ok());
        assert_released(&token);
    });
}

#[test]
fn inner_complete_and_await_of_the_chain() {
    model(|| {
        let token = Token::default();
        let (outer, deferred) = pair();
        let (inner, returned) = pair();
        let chain = deferred.and_then(wait_for(&token, returned));
        outer.complete(token.clone());
        let value = token.clone();
        let firing = thread::spawn(move || inner.complete(value));
        assert!(check(block_on(chain, &token)).is_ok());
        firing.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn inner_complete_and_attach() {
    model(|| {
        let token = Token::default();
        let (outer, deferred) = pair();
        let (inner, returned) = pair();
        let chain = deferred.and_then(wait_for(&token, returned));
        outer.complete(token.clone());
        let value = token.clone();
        let firing = thread::spawn(move || inner.complete(value));
        let chain = chain.map_ok(pass(&token));
        firing.join().unwrap();
        assert!(outcome(chain).is_ok());
        assert_released(&token);
    });
}

#[test]
fn inner_complete_and_drop_of_the_chain() {
    model(|| {
        let token = Token::default();
        let (outer, deferred) = pair();
        let (inner, returned) = pair();
        let chain = deferred.and_then(wait_for(&token, returned.map_ok(pass(&token))));
        outer.complete(token.clone());
        let value = token.clone();
        let firing = thread::spawn(move || inner.complete(value));
        drop(chain);
        firing.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn inner_complete_and_cancel_of_the_chain() {
    model(|| {
        let token = Token::default();
        let (outer, deferred) = pair();
        let (inner, returned) = pair();
        let chain = deferred.and_then(wait_for(&token, returned)).map_ok(pass(&token));
        outer.complete(token.clone());
        let value = token.clone();
        let firing = thread::spawn(move || inner.complete(value));
        chain.cancel();
        firing.join().unwrap();
        assert_done_or_cancelled(outcome(chain));
        assert_released(&token);
    });
}

#[test]
fn inner_complete_and_cancel_of_the_chain_where_the_inner_one_is_a_chain() {
    model(|| {
        let token = Token::default();
        let (outer, deferred) = pair();
        let (inner, returned) = pair();
        let chain = deferred.and_then(wait_for(&token, returned.map_ok(pass(&token))));
        outer.complete(token.clone());
        let value = token.clone();
        let firing = thread::spawn(move || inner.complete(value));
        chain.cancel();
        drop(chain);
        firing.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn outer_complete_and_cancel_of_the_chain() {
    model(|| {
        let token = Token::default();
        let (outer, deferred) = pair();
        let (inner, returned) = pair();
        let chain = deferred.and_then(wait_for(&token, returned));
        let value = token.clone();
        let firing = thread::spawn(move || outer.complete(value));
        chain.cancel();
        firing.join().unwrap();
        // Whether the cancellation came before the result, while the callback ran, or after it.
        assert!(outcome(chain).unwrap_err().is_cancelled());
        drop(inner);
        assert_released(&token);
    });
}

#[test]
fn outer_complete_and_inner_complete_and_cancel() {
    model(|| {
        let token = Token::default();
        let (outer, deferred) = pair();
        let (inner, returned) = pair();
        let chain = deferred.and_then(wait_for(&token, returned)).map_ok(pass(&token));
        let (outer_value, inner_value) = (token.clone(), token.clone());
        let firing_outer = thread::spawn(move || outer.complete(outer_value));
        let firing_inner = thread::spawn(move || inner.complete(inner_value));
        chain.cancel();
        firing_outer.join().unwrap();
        firing_inner.join().unwrap();
        assert_done_or_cancelled(outcome(chain));
        assert_released(&token);
    });
}

#[test]
fn outer_complete_and_inner_complete_and_cancel_where_the_inner_one_is_a_chain() {
    model(|| {
        let token = Token::default();
        let (outer, deferred) = pair();
        let (inner, returned) = pair();
        let chain = deferred.and_then(wait_for(&token, returned.map_ok(pass(&token))));
        let (outer_value, inner_value) = (token.clone(), token.clone());
        let firing_outer = thread::spawn(move || outer.complete(outer_value));
        let firing_inner = thread::spawn(move || inner.complete(inner_value));
        chain.cancel();
        firing_outer.join().unwrap();
        firing_inner.join().unwrap();
        assert_done_or_cancelled(outcome(chain));
        assert_released(&token);
    });
}

#[test]
fn completions_of_a_chain_two_deep_on_three_threads() {
    model(|| {
        let token = Token::default();
        let (outer, deferred) = pair();
        let (middle, waits) = pair();
        let (inner, returned) = pair();
        let chain = deferred.and_then(wait_for(&token, waits.and_then(wait_for(&token, returned))));
        let (outer_value, middle_value, inner_value) = (token.clone(), token.clone(), token.clone());
        let firing_outer = thread::spawn(move || outer.complete(outer_value));
        let firing_middle = thread::spawn(move || middle.complete(middle_value));
        inner.complete(inner_value);
        firing_outer.join().unwrap();
        firing_middle.join().unwrap();
        assert!(outcome(chain).is_ok());
        assert_released(&token);
    });
}

#[test]
fn completions_and_cancel_of_a_chain_two_deep() {
    model(|| {
        let token = Token::default();
        let (outer, deferred) = pair();
        let (middle, waits) = pair();
        let (inner, returned) = pair();
        let chain = deferred.and_then(wait_for(&token, waits.and_then(wait_for(&token, returned))));
        outer.complete(token.clone());
        let (middle_value, inner_value) = (token.clone(), token.clone());
        let firing_middle = thread::spawn(move || middle.complete(middle_value));
        let firing_inner = thread::spawn(move || inner.complete(inner_value));
        chain.cancel();
        firing_middle.join().unwrap();
        firing_inner.join().unwrap();
        assert_done_or_cancelled(outcome(chain));
        assert_released(&token);
    });
}

/// The middle deferred is returned to the chain before it fires, so that its own chain ends in a link
/// that passes on what it waits for.
#[test]
fn completions_and_cancel_of_a_loop_written_as_recursion() {
    model(|| {
        let token = Token::default();
        let (outer, deferred) = pair();
        let (first, ticked) = pair();
        let (second, ticked_again) = pair();
        let (third, ticked_last) = pair();
        let round = wait_for(&token, ticked_again.and_then(wait_for(&token, ticked_last)));
        let chain = deferred.and_then(wait_for(&token, ticked.and_then(round)));
        outer.complete(token.clone());
        let (first_value, second_value) = (token.clone(), token.clone());
        let firing_first = thread::spawn(move || first.complete(first_value));
        let firing_second = thread::spawn(move || second.complete(second_value));
        chain.cancel();
        firing_first.join().unwrap();
        firing_second.join().unwrap();
        assert!(outcome(chain).unwrap_err().is_cancelled());
        drop(third);
        assert_released(&token);
    });
}

#[test]
fn completions_and_drop_of_a_loop_written_as_recursion() {
    model(|| {
        let token = Token::default();
        let (first, ticked) = pair();
        let (second, ticked_again) = pair();
        let (task, ticked_last) = Task::new(pending_once(&token));
        let round = wait_for(&token, ticked_again.and_then(wait_for(&token, ticked_last)));
        let chain = ticked.and_then(round);
        first.complete(token.clone());
        let (value, held) = (token.clone(), token.clone());
        let firing = thread::spawn(move || second.complete(value));
        let running = thread::spawn(move || run(task, &held));
        drop(chain);
        firing.join().unwrap();
        running.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn complete_and_cancels_of_a_loop_written_as_recursion() {
    model(|| {
        let token = Token::default();
        let (first, ticked) = pair();
        let (second, ticked_again) = pair();
        let (third, ticked_last) = pair();
        let chain = ticked.and_then(wait_for(&token, ticked_again.and_then(wait_for(&token, ticked_last))));
        first.complete(token.clone());
        let value = token.clone();
        let firing = thread::spawn(move || second.complete(value));
        let chain = Arc::new(chain);
        let shared = chain.clone();
        let cancelling = thread::spawn(move || shared.cancel());
        chain.cancel();
        firing.join().unwrap();
        cancelling.join().unwrap();
        assert!(outcome(into_inner(chain)).unwrap_err().is_cancelled());
        drop(third);
        assert_released(&token);
    });
}

/// A chain that waits for the first of the deferreds, and goes on with the next one whenever the one
/// before it fails. The second one does the same a level deeper.
fn retrying(token: &Token) -> ([Completer<Token>; 3], Deferred<Token>) {
    let (outer, deferred) = pair();
    let (first, waits) = pair();
    let (second, waits_next) = pair();
    let (third, waits_last) = pair();
    let last = token.clone();
    let next = waits_next.or_else(move |_: Aborted| {
        drop(last);
        waits_last
    });
    let held = token.clone();
    let chain = deferred.and_then(wait_for(token, waits)).or_else(move |_: Aborted| {
        drop(held);
        next
    });
    outer.complete(token.clone());
    ([first, second, third], chain)
}

#[test]
fn cancel_and_cancel_of_a_chain_that_goes_on() {
    model(|| {
        let token = Token::default();
        let ([first, second, third], chain) = retrying(&token);
        let chain = Arc::new(chain);
        let shared = chain.clone();
        let cancelling = thread::spawn(move || shared.cancel());
        chain.cancel();
        cancelling.join().unwrap();
        assert!(first.is_closed() && !third.is_closed());
        let chain = into_inner(chain);
        assert!(!chain.is_settled());
        // One of the two may have met the other one, and what that one was about to cancel.
        if !second.is_closed() {
            chain.cancel();
            assert!(second.is_closed() && !third.is_closed());
        }
        chain.cancel();
        assert!(third.is_closed());
        assert!(outcome(chain).unwrap_err().is_cancelled());
        drop((first, second, third));
        assert_released(&token);
    });
}

#[test]
fn cancel_and_failure_of_what_a_chain_waits_for() {
    model(|| {
        let token = Token::default();
        let ([first, second, third], chain) = retrying(&token);
        let failing = thread::spawn(move || drop(first));
        chain.cancel();
        failing.join().unwrap();
        assert!(!third.is_closed());
        let value = token.clone();
        if second.try_settle(Ok(value)).is_ok() {
            assert!(outcome(chain).is_ok());
        } else {
            third.complete(token.clone());
            assert!(outcome(chain).is_ok());
        }
        assert_released(&token);
    });
}

#[test]
fn cancel_and_cancel_and_failures_of_a_chain_that_goes_on() {
    wide_model(|| {
        let token = Token::default();
        let ([first, second, third], chain) = retrying(&token);
        let chain = Arc::new(chain);
        let shared = chain.clone();
        let cancelling = thread::spawn(move || shared.cancel());
        let failing = thread::spawn(move || drop((first, second)));
        chain.cancel();
        cancelling.join().unwrap();
        failing.join().unwrap();
        let chain = into_inner(chain);
        third.complete(token.clone());
        assert_done_or_cancelled(outcome(chain));
        assert_released(&token);
    });
}

// Cancellers.

/// A pair whose canceller holds a token, and says how often it was asked.
fn with_canceller(
    token: &Token,
    mut answer: impl FnMut(Cancellation<'_, Token, Aborted>) + Send + 'static,
) -> (Completer<Token>, Deferred<Token>, std::sync::Arc<AtomicUsize>) {
    let held = token.clone();
    let asked = std::sync::Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let (completer, deferred) = Deferred::with_canceller(move |cancellation| {
        let _ = &held;
        counter.fetch_add(1, SeqCst);
        answer(cancellation);
    });
    (completer, deferred, asked)
}

#[test]
fn canceller_and_complete() {
    model(|| {
        let token = Token::default();
        let (completer, deferred, asked) = with_canceller(&token, |_| ());
        let chain = deferred.map_ok(pass(&token));
        let value = token.clone();
        let firing = thread::spawn(move || completer.complete(value));
        chain.cancel();
        firing.join().unwrap();
        let asked = asked.load(SeqCst);
        let outcome = outcome(chain);
        assert!(asked == 1 || outcome.is_ok());
        assert_done_or_cancelled(outcome);
        assert_released(&token);
    });
}

#[test]
fn canceller_that_refuses_and_complete() {
    model(|| {
        let token = Token::default();
        let (completer, deferred, _) = with_canceller(&token, |cancellation| cancellation.refuse());
        let value = token.clone();
        let firing = thread::spawn(move || completer.complete(value));
        deferred.cancel();
        firing.join().unwrap();
        assert!(outcome(deferred).is_ok());
        assert_released(&token);
    });
}

#[test]
fn canceller_that_completes_and_drop_of_the_completer() {
    model(|| {
        let token = Token::default();
        let value = token.clone();
        let (completer, deferred, asked) =
            with_canceller(&token, move |cancellation| cancellation.complete(value.clone()));
        let firing = thread::spawn(move || drop(completer));
        deferred.cancel();
        firing.join().unwrap();
        match outcome(deferred) {
            Ok(()) => assert_eq!(asked.load(SeqCst), 1),
            // A completer that is dropped while the canceller runs has been cancelled.
            Err(error) => assert!(error.is_dropped() || error.is_cancelled()),
        }
        assert_released(&token);
    });
}

#[test]
fn canceller_and_cancel_and_cancel() {
    model(|| {
        let token = Token::default();
        let (completer, deferred, asked) = with_canceller(&token, |_| ());
        let deferred = Arc::new(deferred);
        let shared = deferred.clone();
        let cancelling = thread::spawn(move || shared.cancel());
        deferred.cancel();
        cancelling.join().unwrap();
        assert_eq!(asked.load(SeqCst), 1);
        assert!(outcome(into_inner(deferred)).unwrap_err().is_cancelled());
        drop(completer);
        assert_released(&token);
    });
}

#[test]
fn canceller_that_refuses_and_cancel_and_complete() {
    wide_model(|| {
        let token = Token::default();
        let (completer, deferred, _) = with_canceller(&token, |cancellation| cancellation.refuse());
        let deferred = Arc::new(deferred);
        let shared = deferred.clone();
        let cancelling = thread::spawn(move || shared.cancel());
        let value = token.clone();
        let firing = thread::spawn(move || completer.complete(value));
        deferred.cancel();
        cancelling.join().unwrap();
        firing.join().unwrap();
        assert!(outcome(into_inner(deferred)).is_ok());
        assert_released(&token);
    });
}

// Handles.

#[test]
fn handle_and_complete() {
    model(|| {
        let token = Token::default();
        let (completer, mut deferred) = pair();
        let handle = deferred.cancel_handle();
        let chain = deferred.map_ok(pass(&token));
        let cancelling = thread::spawn(move || handle.cancel());
        completer.complete(token.clone());
        cancelling.join().unwrap();
        assert_done_or_cancelled(outcome(chain));
        assert_released(&token);
    });
}

#[test]
fn handle_and_complete_and_take() {
    model(|| {
        let token = Token::default();
        let (completer, mut deferred) = pair();
        let handle = deferred.cancel_handle();
        let cancelling = thread::spawn(move || handle.cancel());
        completer.complete(token.clone());
        // The root may be in the other thread's hands still.
        assert_done_or_cancelled(check(block_on(deferred, &token)));
        cancelling.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn handle_and_drop() {
    model(|| {
        let token = Token::default();
        let (completer, mut deferred) = pair();
        let handle = deferred.cancel_handle();
        let chain = deferred.map_ok(pass(&token)).or_else(|_| Err(Aborted::dropped()));
        let cancelling = thread::spawn(move || handle.cancel());
        let dropping = thread::spawn(move || drop(chain.or_else(|_| Ok::<_, Aborted>(Token::default()))));
        drop(completer);
        cancelling.join().unwrap();
        dropping.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn handle_and_handle_and_complete() {
    wide_model(|| {
        let token = Token::default();
        let (completer, mut deferred) = pair();
        let first = deferred.cancel_handle();
        let second = deferred.cancel_handle();
        let chain = deferred.map_ok(pass(&token));
        let cancelling = thread::spawn(move || first.cancel());
        let value = token.clone();
        let firing = thread::spawn(move || completer.complete(value));
        second.cancel();
        assert_done_or_cancelled(check(block_on(chain, &token)));
        cancelling.join().unwrap();
        firing.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn handle_and_complete_of_what_a_chain_waits_for() {
    model(|| {
        let token = Token::default();
        let (outer, mut deferred) = pair();
        let handle = deferred.cancel_handle();
        let (inner, waits) = pair();
        let chain = deferred.and_then(wait_for(&token, waits));
        outer.complete(token.clone());
        let cancelling = thread::spawn(move || handle.cancel());
        inner.complete(token.clone());
        assert_done_or_cancelled(check(block_on(chain, &token)));
        cancelling.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn handle_and_waiting_of_a_chain() {
    model(|| {
        let token = Token::default();
        let (outer, mut deferred) = pair();
        let handle = deferred.cancel_handle();
        let (inner, waits) = pair();
        let chain = deferred.and_then(wait_for(&token, waits));
        let cancelling = thread::spawn(move || handle.cancel());
        outer.complete(token.clone());
        cancelling.join().unwrap();
        // Whether the cancellation came first, in the middle or last, there is an end to it.
        assert!(outcome(chain).unwrap_err().is_cancelled());
        drop(inner);
        assert_released(&token);
    });
}

#[test]
fn handle_and_attaching_to_a_chain_that_has_ended() {
    model(|| {
        let token = Token::default();
        let (outer, mut deferred) = pair();
        let handle = deferred.cancel_handle();
        outer.complete(token.clone());
        let (inner, waits) = pair();
        let cancelling = thread::spawn(move || handle.cancel());
        let chain = deferred.and_then(wait_for(&token, waits));
        cancelling.join().unwrap();
        // Before the callback there was nothing to cancel.
        if inner.try_settle(Ok(token.clone())).is_ok() {
            assert!(outcome(chain).is_ok());
        } else {
            assert!(outcome(chain).unwrap_err().is_cancelled());
        }
        assert_released(&token);
    });
}

// Pauses.

#[test]
fn resume_and_complete() {
    model(|| {
        let token = Token::default();
        let (completer, mut deferred) = pair();
        let pause = deferred.pause();
        let chain = deferred.map_ok(pass(&token));
        let resuming = thread::spawn(move || pause.resume());
        completer.complete(token.clone());
        resuming.join().unwrap();
        assert!(outcome(chain).is_ok());
        assert_released(&token);
    });
}

#[test]
fn resume_and_resume_and_complete() {
    wide_model(|| {
        let token = Token::default();
        let (completer, mut deferred) = pair();
        let first = deferred.pause();
        let second = deferred.pause();
        let chain = deferred.map_ok(pass(&token));
        let resuming = thread::spawn(move || first.resume());
        let value = token.clone();
        let firing = thread::spawn(move || completer.complete(value));
        second.resume();
        assert!(check(block_on(chain, &token)).is_ok());
        resuming.join().unwrap();
        firing.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn resume_and_cancel() {
    model(|| {
        let token = Token::default();
        let (completer, mut deferred) = pair();
        let pause = deferred.pause();
        let chain = deferred.map_ok(pass(&token));
        let resuming = thread::spawn(move || pause.resume());
        chain.cancel();
        resuming.join().unwrap();
        assert!(outcome(chain).unwrap_err().is_cancelled());
        drop(completer);
        assert_released(&token);
    });
}

#[test]
fn resume_and_cancel_of_a_chain_that_has_fired() {
    model(|| {
        let token = Token::default();
        let (completer, mut deferred) = pair();
        let pause = deferred.pause();
        let (inner, waits) = pair();
        let chain = deferred.and_then(wait_for(&token, waits));
        completer.complete(token.clone());
        let resuming = thread::spawn(move || pause.resume());
        chain.cancel();
        resuming.join().unwrap();
        // It was paused, or waited for the inner one by then.
        if inner.try_settle(Ok(token.clone())).is_ok() {
            assert!(outcome(chain).is_ok());
        } else {
            assert!(outcome(chain).unwrap_err().is_cancelled());
        }
        assert_released(&token);
    });
}

#[test]
fn resume_and_attach() {
    model(|| {
        let token = Token::default();
        let (completer, mut deferred) = pair();
        let pause = deferred.pause();
        let chain = deferred.map_ok(pass(&token));
        completer.complete(token.clone());
        let resuming = thread::spawn(move || pause.resume());
        let chain = chain.map_ok(pass(&token));
        resuming.join().unwrap();
        assert!(outcome(chain).is_ok());
        assert_released(&token);
    });
}

#[test]
fn resume_and_attach_to_a_result() {
    model(|| {
        let token = Token::default();
        let (completer, mut deferred) = pair();
        completer.complete(token.clone());
        let pause = deferred.pause();
        let resuming = thread::spawn(move || pause.resume());
        let chain = deferred.map_ok(pass(&token));
        resuming.join().unwrap();
        assert!(outcome(chain).is_ok());
        assert_released(&token);
    });
}

#[test]
fn resume_and_await() {
    model(|| {
        let token = Token::default();
        let (completer, mut deferred) = pair();
        completer.complete(token.clone());
        let pause = deferred.pause();
        let resuming = thread::spawn(move || pause.resume());
        assert!(check(block_on(deferred, &token)).is_ok());
        resuming.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn resume_and_drop() {
    model(|| {
        let token = Token::default();
        let (completer, mut deferred) = pair();
        let pause = deferred.pause();
        let chain = deferred.map_ok(pass(&token));
        completer.complete(token.clone());
        let resuming = thread::spawn(move || pause.resume());
        drop(chain);
        resuming.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn resume_and_complete_of_what_a_chain_waits_for() {
    model(|| {
        let token = Token::default();
        let (outer, mut deferred) = pair();
        let (inner, waits) = pair();
        let pause = deferred.pause();
        let mut chain = deferred.and_then(wait_for(&token, waits));
        pause.resume();
        outer.complete(token.clone());
        let pause = chain.pause();
        let resuming = thread::spawn(move || pause.resume());
        inner.complete(token.clone());
        resuming.join().unwrap();
        assert!(outcome(chain).is_ok());
        assert_released(&token);
    });
}

#[test]
fn complete_and_attach_to_a_chain_that_went_on_with_another() {
    model(|| {
        let token = Token::default();
        let (inner, waits) = pair();
        // It has fired, and goes on with the inner one.
        let chain = Deferred::<_, Aborted>::ready(token.clone()).and_then(wait_for(&token, waits));
        let value = token.clone();
        let firing = thread::spawn(move || inner.complete(value));
        let mut chain = chain.map_ok(pass(&token));
        let pause = chain.pause();
        let chain = chain.map_ok(pass(&token));
        firing.join().unwrap();
        pause.resume();
        assert!(outcome(chain).is_ok());
        assert_released(&token);
    });
}

#[test]
fn complete_and_cancel_of_a_chain_that_went_on_with_another() {
    model(|| {
        let token = Token::default();
        let (inner, waits) = pair();
        let chain = Deferred::<_, Aborted>::ready(token.clone())
            .and_then(wait_for(&token, waits))
            .map_ok(pass(&token));
        let value = token.clone();
        let firing = thread::spawn(move || inner.complete(value));
        chain.cancel();
        firing.join().unwrap();
        assert_done_or_cancelled(outcome(chain));
        assert_released(&token);
    });
}

// Fan-in.

#[test]
fn gather_and_complete_and_complete() {
    model(|| {
        let token = Token::default();
        let (first, one) = pair();
        let (second, two) = pair();
        let value = token.clone();
        let firing = thread::spawn(move || first.complete(value));
        let gathered = gather([one, two]);
        second.complete(token.clone());
        firing.join().unwrap();
        let values = gathered.try_take().expect("all have arrived").expect("none failed");
        assert_eq!(values.len(), 2);
        drop(values);
        assert_released(&token);
    });
}

#[test]
fn gather_and_failure_and_complete() {
    model(|| {
        let token = Token::default();
        let (first, one) = pair();
        let (second, two) = pair();
        let gathered = gather([one, two]);
        let failing = thread::spawn(move || first.fail(Aborted::dropped()));
        second.complete(token.clone());
        failing.join().unwrap();
        let error = gathered.try_take().expect("one has failed").map(drop).unwrap_err();
        assert_eq!(error.index(), Some(0));
        assert_released(&token);
    });
}

#[test]
fn cancel_of_a_gather_and_complete() {
    model(|| {
        let token = Token::default();
        let (first, one) = pair();
        let (second, two) = pair();
        let gathered = gather([one, two]);
        let value = token.clone();
        let firing = thread::spawn(move || first.complete(value));
        gathered.cancel();
        firing.join().unwrap();
        assert!(second.is_closed());
        let error = gathered.try_take().expect("it was cancelled").map(drop).unwrap_err();
        assert!(error.error().is_cancelled());
        drop(second);
        assert_released(&token);
    });
}

#[test]
fn race_and_complete_and_complete() {
    model(|| {
        let token = Token::default();
        let (first, one) = pair();
        let (second, two) = pair();
        let value = token.clone();
        let firing = thread::spawn(move || first.complete(value));
        let winner = race([one, two]);
        second.complete(token.clone());
        firing.join().unwrap();
        let (index, value) = winner.try_take().expect("both have fired").expect("and none failed");
        assert!(index < 2);
        drop(value);
        assert_released(&token);
    });
}

#[test]
fn drop_of_a_gather_and_complete_and_complete() {
    wide_model(|| {
        let token = Token::default();
        let (first, one) = pair();
        let (second, two) = pair();
        let gathered = gather([one, two]);
        let (a, b) = (token.clone(), token.clone());
        let firing = thread::spawn(move || first.complete(a));
        let dropping = thread::spawn(move || drop(gathered));
        second.complete(b);
        firing.join().unwrap();
        dropping.join().unwrap();
        assert_released(&token);
    });
}

// Tasks.

/// A future that is pending once, without a waker of its own, and holds a token.
fn pending_once(token: &Token) -> impl Future<Output = Result<Token, Aborted>> + Send + Unpin + 'static {
    let held = token.clone();
    let mut polled = false;
    poll_fn(move |_| {
        if std::mem::replace(&mut polled, true) {
            Poll::Ready(Ok(held.clone()))
        } else {
            Poll::Pending
        }
    })
}

/// Polls a task as a loop does: to its end.
fn run(mut task: Task, token: &Token) {
    let waker = CountingWaker::new(token);
    let mut polls = 0;
    while poll(&mut task, &waker).is_pending() {
        polls += 1;
        assert!(polls < 3, "a task did not end");
    }
}

#[test]
fn task_and_await() {
    model(|| {
        let token = Token::default();
        let (task, deferred) = Task::new(pending_once(&token));
        let held = token.clone();
        let running = thread::spawn(move || run(task, &held));
        assert!(check(block_on(deferred, &token)).is_ok());
        running.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn task_and_cancel() {
    model(|| {
        let token = Token::default();
        let (task, deferred) = Task::new(pending_once(&token));
        let held = token.clone();
        let running = thread::spawn(move || run(task, &held));
        deferred.cancel();
        running.join().unwrap();
        assert_done_or_cancelled(outcome(deferred));
        assert_released(&token);
    });
}

#[test]
fn task_and_cancel_then_drop() {
    model(|| {
        let token = Token::default();
        let (task, deferred) = Task::new(pending_once(&token));
        let held = token.clone();
        let running = thread::spawn(move || run(task, &held));
        deferred.cancel();
        drop(deferred);
        running.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn a_cancelled_task_is_woken() {
    model(|| {
        let token = Token::default();
        let future = {
            let held = token.clone();
            poll_fn(move |_| {
                let _ = &held;
                Poll::<Result<Token, Aborted>>::Pending
            })
        };
        let (task, deferred) = Task::new(future);
        let held = token.clone();
        let running = thread::spawn(move || block_on(task, &held));
        deferred.cancel();
        running.join().unwrap();
        assert!(outcome(deferred).unwrap_err().is_cancelled());
        assert_released(&token);
    });
}

#[test]
fn task_and_drop_of_the_deferred() {
    model(|| {
        let token = Token::default();
        let (task, deferred) = Task::new(pending_once(&token));
        let held = token.clone();
        let running = thread::spawn(move || run(task, &held));
        drop(deferred);
        running.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn shut_down_of_a_task_and_cancel() {
    model(|| {
        let token = Token::default();
        let (mut task, deferred) = Task::new(pending_once(&token));
        assert!(poll(&mut task, &CountingWaker::new(&token)).is_pending());
        let dropping = thread::spawn(move || drop(task));
        deferred.cancel();
        dropping.join().unwrap();
        let error = outcome(deferred).unwrap_err();
        assert!(error.is_cancelled() || error.is_shut_down(), "{error}");
        assert_released(&token);
    });
}

#[test]
fn shut_down_of_a_task_and_await() {
    model(|| {
        let token = Token::default();
        let (task, deferred) = Task::new(pending_once(&token));
        let dropping = thread::spawn(move || drop(task));
        assert!(check(block_on(deferred, &token)).unwrap_err().is_shut_down());
        dropping.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn shut_down_of_a_task_and_cancel_then_drop() {
    model(|| {
        let token = Token::default();
        let (task, deferred) = Task::new(pending_once(&token));
        let dropping = thread::spawn(move || drop(task));
        deferred.cancel();
        drop(deferred);
        dropping.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn task_and_cancel_of_a_chain() {
    model(|| {
        let token = Token::default();
        let (task, deferred) = Task::new(pending_once(&token));
        let chain = deferred.map_ok(pass(&token));
        let held = token.clone();
        let running = thread::spawn(move || run(task, &held));
        chain.cancel();
        running.join().unwrap();
        assert_done_or_cancelled(outcome(chain));
        assert_released(&token);
    });
}

#[test]
fn task_and_cancel_of_a_chain_that_waits_for_it() {
    model(|| {
        let token = Token::default();
        let (task, returned) = Task::new(pending_once(&token));
        let (outer, deferred) = pair();
        let chain = deferred.and_then(wait_for(&token, returned));
        outer.complete(token.clone());
        let held = token.clone();
        let running = thread::spawn(move || run(task, &held));
        chain.cancel();
        drop(chain);
        running.join().unwrap();
        assert_released(&token);
    });
}

#[test]
fn task_and_cancel_and_cancel() {
    model(|| {
        let token = Token::default();
        let (task, deferred) = Task::new(pending_once(&token));
        let deferred = Arc::new(deferred);
        let (shared, held) = (deferred.clone(), token.clone());
        let running = thread::spawn(move || run(task, &held));
        let cancelling = thread::spawn(move || shared.cancel());
        deferred.cancel();
        running.join().unwrap();
        cancelling.join().unwrap();
        assert_done_or_cancelled(outcome(into_inner(deferred)));
        assert_released(&token);
    });
}
