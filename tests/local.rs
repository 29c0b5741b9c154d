//! Deferreds that stay on their thread: by the same tests as those that do not, with `Rc` and `RefCell`.

#[path = "behaviours/callbacks.rs"]
mod callbacks;
#[path = "behaviours/coroutine/mod.rs"]
mod coroutine;
#[path = "behaviours/fan_in/mod.rs"]
mod fan_in;
#[path = "behaviours/flavour.rs"]
mod flavours;
#[path = "behaviours/cancel_handle.rs"]
mod handle;
#[path = "behaviours/limits.rs"]
mod limits;
#[path = "behaviours/loops/local.rs"]
mod loops;
#[path = "behaviours/cancel_on_drop.rs"]
mod on_drop;
#[path = "behaviours/pause.rs"]
mod pause;
#[path = "behaviours/pause_and_wait.rs"]
mod pause_and_wait;
#[path = "behaviours/shared.rs"]
mod shared;
#[path = "behaviours/sync/mod.rs"]
mod sync;
#[path = "behaviours/via.rs"]
mod via;
#[path = "behaviours/waiting.rs"]
mod waiting;
#[path = "behaviours/canceller.rs"]
mod with_canceller;

mod tools;

use flavours::local as flavour;

use std::{
    cell::RefCell,
    future::poll_fn,
    pin::pin,
    rc::Rc,
    sync::mpsc,
    task::{Poll, Waker},
    thread::{self, ThreadId},
};

use interloop::{Aborted, local};
use tools::{CountingWaker, poll};

#[test]
fn values_failures_and_callbacks_need_not_be_send() {
    struct Failure(Rc<str>);
    impl From<Aborted> for Failure {
        fn from(aborted: Aborted) -> Self {
            Self(aborted.to_string().into())
        }
    }
    let seen = Rc::new(RefCell::new(Vec::new()));
    let (completer, deferred) = local::Deferred::<Rc<str>, Failure>::pair();
    let (first, second) = (seen.clone(), seen.clone());
    let chain = deferred
        .inspect_ok(move |text| first.borrow_mut().push(text.clone()))
        .and_then(|_| Err::<Rc<str>, _>(Failure("no".into())))
        .inspect_err(move |failure| second.borrow_mut().push(failure.0.clone()));
    completer.complete("yes".into());
    assert_eq!(seen.borrow().concat(), "yesno");
    assert_eq!(Rc::strong_count(&seen), 1);
    assert!(chain.try_take().unwrap().is_err());
}

#[test]
fn a_value_is_dropped_once_whatever_becomes_of_its_deferred() {
    let token = Rc::new(());
    for way in 0..5 {
        let (completer, deferred) = local::Deferred::<Rc<()>>::pair();
        match way {
            0 => {
                completer.complete(token.clone());
                drop(deferred);
            }
            1 => {
                drop(deferred);
                completer.complete(token.clone());
            }
            2 => {
                deferred.cancel();
                completer.complete(token.clone());
                assert!(deferred.try_take().unwrap().is_err());
            }
            3 => {
                let chain = deferred.map_ok(|token| (token, 1));
                completer.complete(token.clone());
                drop(chain);
            }
            _ => {
                let mut chain = deferred.map_ok(|token| vec![token]);
                let pause = chain.pause();
                completer.complete(token.clone());
                drop(chain);
                drop(pause);
            }
        }
        assert_eq!(Rc::strong_count(&token), 1);
    }
}

#[test]
fn futures_of_one_thread_await_each_other() {
    let order = Rc::new(RefCell::new(Vec::new()));
    let (completer, deferred) = local::Deferred::<u32>::pair();
    let inside = order.clone();
    let mut waiting = pin!(async move {
        let n = deferred.await.unwrap();
        inside.borrow_mut().push(n);
    });
    let waker = CountingWaker::new();
    assert!(poll(&mut waiting, &waker).is_pending());
    completer.complete(1);
    assert_eq!(
        (waker.count(), order.borrow().len()),
        (1, 0),
        "a future runs when it is polled"
    );
    assert!(matches!(poll(&mut waiting, &waker), Poll::Ready(())));
    assert_eq!(*order.borrow(), [1]);
}

#[test]
fn a_coroutine_that_another_thread_wakes_goes_on_at_home_when_the_next_one_is_started() {
    let here = thread::current().id();
    let owned = Rc::new(());
    let held = owned.clone();
    let (completer, waits) = interloop::Deferred::<u32>::pair();
    let whole = local::Deferred::from_coroutine(async move {
        let n = waits.await?;
        assert_eq!(thread::current().id(), here);
        drop(held);
        Ok::<_, Aborted>(n)
    });
    thread::spawn(move || completer.complete(7)).join().unwrap();
    assert!(!whole.is_settled(), "without a loop, nobody is told");
    drop(local::Deferred::<()>::from_coroutine(async { Ok(()) }));
    assert_eq!(whole.try_take().unwrap().unwrap(), 7);
    assert_eq!(Rc::strong_count(&owned), 1);
}

#[test]
fn a_coroutine_that_another_thread_has_woken_can_be_cancelled_and_resumed_from_here() {
    let foreign = || {
        let (to_test, wakers) = mpsc::channel::<Waker>();
        let future = poll_fn(move |cx| {
            to_test
                .send(cx.waker().clone())
                .map_or(Poll::Pending, |()| Poll::Pending)
        });
        (future, wakers)
    };
    let owned = Rc::new(());
    let (never, wakers) = foreign();
    let held = owned.clone();
    let whole = local::Deferred::<()>::from_coroutine(async move {
        let () = never.await;
        drop(held);
        Ok(())
    });
    let waker = wakers.try_recv().unwrap();
    thread::spawn(move || waker.wake()).join().unwrap();
    whole.cancel();
    assert!(whole.try_take().unwrap().unwrap_err().is_cancelled());
    assert_eq!(Rc::strong_count(&owned), 1);

    let (never, wakers) = foreign();
    let whole = local::Deferred::<()>::from_coroutine(async move {
        let () = never.await;
        Ok(())
    });
    let waker = wakers.try_recv().unwrap();
    let elsewhere = waker.clone();
    thread::spawn(move || elsewhere.wake()).join().unwrap();
    assert!(wakers.try_recv().is_err(), "it was not polled there");
    waker.wake();
    assert!(wakers.try_recv().is_ok(), "it was polled here");
    drop(whole);
}

#[test]
fn a_coroutine_ends_with_its_thread() {
    let (dropped, was_dropped) = mpsc::channel();
    struct Held(mpsc::Sender<ThreadId>);
    impl Drop for Held {
        fn drop(&mut self) {
            self.0.send(thread::current().id()).unwrap();
        }
    }
    let held = Held(dropped);
    let (to_test, wakers) = mpsc::channel::<Waker>();
    let home = thread::spawn(move || {
        let coroutine = local::Deferred::<()>::from_coroutine(async move {
            let _held = held;
            let () = poll_fn(|cx| {
                to_test.send(cx.waker().clone()).unwrap();
                Poll::Pending
            })
            .await;
            Ok(())
        });
        coroutine.detach();
        thread::current().id()
    });
    let home = home.join().unwrap();
    assert_eq!(was_dropped.recv().unwrap(), home);
    // It comes too late, and does nothing.
    wakers.recv().unwrap().wake();
}
