//! A stream of callbacks under loom: several threads push into it, take from it and end it, in every interleaving. It is polled again only
//! if it was woken, so a wake-up that is lost leaves an item untaken; and a thread that waits for room in vain is a deadlock that loom finds.
//!
//! Run by `ci/loom.sh`.
#![cfg(interloop_loom)]

use std::{
    num::NonZeroUsize,
    pin::Pin,
    sync::Arc as StdArc,
    task::{Context, Poll, Wake, Waker},
};

use futures_core::Stream;
use interloop::{
    Aborted,
    callback::stream::{self, Overflow, Receiver, Sender},
};
use interloop_models::model;
use loom::{
    sync::{Arc, Condvar, Mutex},
    thread,
};

fn one(overflow: Overflow) -> (Sender<u32>, Receiver<u32>) {
    stream::bounded(NonZeroUsize::MIN, overflow)
}

/// Wakes a thread of loom's.
#[derive(Clone)]
struct Woken(Arc<(Mutex<bool>, Condvar)>);

impl Woken {
    fn new() -> Self {
        Self(Arc::new((Mutex::new(false), Condvar::new())))
    }

    fn wait(&self) {
        let mut is_woken = self.0.0.lock().unwrap();
        while !*is_woken {
            is_woken = self.0.1.wait(is_woken).unwrap();
        }
        *is_woken = false;
    }
}

impl Wake for Woken {
    fn wake(self: StdArc<Self>) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_one();
    }
}

/// Waits for the next item.
fn next(items: &mut Receiver<u32>) -> Option<Result<u32, Aborted>> {
    let woken = Woken::new();
    let waker = Waker::from(StdArc::new(woken.clone()));
    loop {
        match Pin::new(&mut *items).poll_next(&mut Context::from_waker(&waker)) {
            Poll::Ready(item) => return item,
            Poll::Pending => woken.wait(),
        }
    }
}

fn rest(items: &mut Receiver<u32>) -> Vec<u32> {
    std::iter::from_fn(|| next(items)).map(Result::unwrap).collect()
}

#[test]
fn a_consumer_that_waits_is_woken_by_what_is_pushed_and_by_the_end() {
    model(|| {
        let (sender, mut items) = stream::unbounded::<u32, Aborted>();
        let pushing = thread::spawn(move || sender.push(1).unwrap());
        assert_eq!(rest(&mut items), [1]);
        pushing.join().unwrap();
    });
}

#[test]
fn a_thread_that_waits_for_room_goes_on() {
    model(|| {
        let (sender, mut items) = one(Overflow::Wait);
        let pushing = thread::spawn(move || sender.push_all([1, 2]).unwrap());
        assert_eq!(rest(&mut items), [1, 2]);
        assert_eq!(pushing.join().unwrap(), 2);
    });
}

#[test]
fn two_threads_that_wait_for_room_both_go_on() {
    model(|| {
        let (sender, mut items) = one(Overflow::Wait);
        sender.push(1).unwrap();
        let pushing = [2, 3].map(|n| {
            let sender = sender.clone();
            thread::spawn(move || sender.push(n).unwrap())
        });
        drop(sender);
        let mut taken = rest(&mut items);
        taken.sort_unstable();
        assert_eq!(taken, [1, 2, 3]);
        for pushing in pushing {
            pushing.join().unwrap();
        }
    });
}

#[test]
fn a_thread_that_waits_for_room_is_told_of_the_end() {
    model(|| {
        let (sender, items) = one(Overflow::Wait);
        sender.push(1).unwrap();
        let pushing = thread::spawn(move || sender.push(2).unwrap_err().is_stopped());
        drop(items);
        assert!(pushing.join().unwrap());
    });
}

#[test]
fn what_is_pushed_while_the_consumer_stops_is_taken_or_given_back() {
    model(|| {
        let (sender, mut items) = stream::unbounded::<u32, Aborted>();
        let pushing = thread::spawn(move || sender.push(1).is_ok());
        items.stop();
        let taken = rest(&mut items).len();
        assert_eq!(taken, usize::from(pushing.join().unwrap()));
    });
}

#[test]
fn what_is_pushed_while_it_is_full_is_taken_or_counted() {
    for overflow in [Overflow::DropNewest, Overflow::DropOldest] {
        model(move || {
            let (sender, mut items) = one(overflow);
            let pushing = thread::spawn(move || sender.push_all([1, 2]).unwrap());
            let taken = rest(&mut items);
            assert!(taken.is_sorted());
            assert_eq!(taken.len() as u64 + items.dropped(), 2);
            pushing.join().unwrap();
        });
    }
}

#[test]
fn an_overflow_tells_how_many_were_taken() {
    model(|| {
        let (sender, mut items) = one(Overflow::Fail);
        let pushing = thread::spawn(move || sender.push_all([1, 2]).is_ok());
        let mut taken = 0;
        let overflowed = loop {
            match next(&mut items) {
                Some(Ok(_)) => taken += 1,
                Some(Err(error)) => break error.taken(),
                None => break None,
            }
        };
        let expected = if pushing.join().unwrap() { None } else { Some(1) };
        assert_eq!((taken, overflowed), (if expected.is_some() { 1 } else { 2 }, expected));
    });
}
