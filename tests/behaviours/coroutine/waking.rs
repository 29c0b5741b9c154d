//! Who resumes a coroutine, where, and what becomes of one that nobody resumes.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex, mpsc},
    task::{Poll, Waker},
    thread,
};

use interloop::State;

use super::{pair, start};
use crate::flavour::{Deferred, Log};

#[test]
fn one_that_is_woken_while_it_runs_runs_on() {
    let mut rounds = 0;
    let whole = start(poll_fn(move |cx| {
        rounds += 1;
        cx.waker().wake_by_ref();
        if rounds == 1_000 {
            Poll::Ready(Ok(rounds))
        } else {
            Poll::Pending
        }
    }));
    assert_eq!(whole.try_take().unwrap(), Ok(1_000));
}

#[test]
fn one_that_is_woken_by_another_thread_while_it_runs_runs_on_there_where_it_is() {
    let (to_waker, wakers) = mpsc::channel::<Waker>();
    let (woken, was_woken) = mpsc::channel();
    let was_woken = Mutex::new(was_woken);
    let waking = thread::spawn(move || {
        for waker in wakers {
            waker.wake();
            woken.send(()).unwrap();
        }
    });
    let mut rounds = 0;
    let whole = start(poll_fn(move |cx| {
        rounds += 1;
        if rounds == 10 {
            return Poll::Ready(Ok(thread::current().id()));
        }
        to_waker.send(cx.waker().clone()).unwrap();
        was_woken.lock().unwrap().recv().unwrap();
        Poll::Pending
    }));
    assert_eq!(whole.try_take().unwrap(), Ok(thread::current().id()));
    waking.join().unwrap();
}

#[test]
fn one_that_nothing_will_wake_is_dropped_and_has_failed() {
    let token = Arc::new(());
    let held = token.clone();
    let whole = Deferred::<u32>::from_coroutine(async move {
        let _held = held;
        std::future::pending().await
    });
    assert_eq!(Arc::strong_count(&token), 1);
    assert!(whole.try_take().unwrap().unwrap_err().is_dropped());
}

#[test]
fn one_whose_deferred_is_dropped_runs_to_its_end() {
    let log = Log::default();
    let (completer, waits) = pair::<u32>();
    let inside = log.clone();
    drop(start(async move {
        inside.push(waits.await?);
        Ok(())
    }));
    completer.complete(1);
    assert_eq!((log.events(), log.count()), (vec!["1".to_owned()], 1));
}

#[test]
fn what_it_held_is_released_before_its_result_is_seen() {
    let token = Arc::new(());
    let (completer, waits) = pair::<u32>();
    let (held, seen) = (token.clone(), token.clone());
    let whole = start(async move {
        let n = waits.await?;
        drop(held);
        Ok(n)
    })
    .inspect_ok(move |_| assert_eq!(Arc::strong_count(&seen), 2));
    completer.complete(1);
    assert_eq!(whole.try_take().unwrap(), Ok(1));
}

#[test]
fn a_paused_deferred_is_awaited_until_the_pause_ends() {
    let (completer, mut waits) = pair::<u32>();
    let pause = waits.pause();
    let whole = start(waits);
    completer.complete(1);
    assert_eq!(whole.state(), State::Pending);
    drop(pause);
    assert_eq!(whole.try_take().unwrap(), Ok(1));
}

#[test]
fn an_await_that_was_dropped_can_be_taken_up_again() {
    let (completer, mut waits) = pair::<u32>();
    let (other, mut or_this) = pair::<u32>();
    let whole = start(async move {
        let first = futures_util::future::select(&mut waits, pin!(&mut or_this))
            .await
            .factor_first()
            .0?;
        Ok((first, waits.await?))
    });
    other.complete(1);
    assert_eq!(whole.state(), State::Pending);
    completer.complete(2);
    assert_eq!(whole.try_take().unwrap(), Ok((1, 2)));
}
