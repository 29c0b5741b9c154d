//! Pushing from several threads, and waiting for room. The numbers are such that each takes a fraction of a second.

use std::{num::NonZeroUsize, sync::mpsc, thread};

use futures_executor::block_on;
use futures_util::StreamExt;
use interloop::{
    Aborted,
    callback::stream::{self, Overflow},
};

use crate::{bounded, take};

const THREADS: u32 = 8;
const ITEMS: u32 = 2000;

#[test]
fn each_threads_items_keep_their_order_and_none_is_lost() {
    let (sender, items) = stream::bounded::<(u32, u32), Aborted>(NonZeroUsize::new(7).unwrap(), Overflow::Wait);
    let pushing = (0..THREADS).map(|thread| {
        let sender = sender.clone();
        thread::spawn(move || sender.push_all((0..ITEMS).map(|n| (thread, n))).unwrap())
    });
    let pushing = pushing.collect::<Vec<_>>();
    drop(sender);
    let mut next = [0; THREADS as usize];
    block_on(items.for_each(|item| {
        let (thread, n) = item.unwrap();
        assert_eq!(n, next[thread as usize]);
        next[thread as usize] += 1;
        std::future::ready(())
    }));
    assert_eq!(next, [ITEMS; THREADS as usize]);
    for pushed in pushing {
        assert_eq!(pushed.join().unwrap(), u64::from(ITEMS));
    }
}

#[test]
fn what_several_threads_push_is_taken_or_counted() {
    for overflow in [Overflow::DropNewest, Overflow::DropOldest] {
        let (sender, mut items) = bounded(3, overflow);
        let pushing = (0..THREADS).map(|_| {
            let sender = sender.clone();
            thread::spawn(move || sender.push_all(0..ITEMS).unwrap())
        });
        let pushing = pushing.collect::<Vec<_>>();
        drop(sender);
        let taken = block_on(items.by_ref().count());
        for pushed in pushing {
            pushed.join().unwrap();
        }
        assert_eq!(taken as u64 + items.dropped(), u64::from(THREADS * ITEMS));
    }
}

/// Threads that wait for room in a stream that is full, and what each came to.
fn waiting_threads(sender: &stream::Sender<u32>) -> mpsc::Receiver<bool> {
    let (outcome, outcomes) = mpsc::channel();
    for n in 0..3 {
        let (sender, outcome) = (sender.clone(), outcome.clone());
        thread::spawn(move || outcome.send(sender.push(n).is_err_and(|error| error.is_stopped())));
    }
    outcomes
}

#[test]
fn whoever_waits_is_told_that_the_consumer_has_stopped() {
    let (sender, mut items) = bounded(1, Overflow::Wait);
    sender.push(100).unwrap();
    let outcomes = waiting_threads(&sender);
    items.stop();
    assert_eq!(outcomes.iter().collect::<Vec<_>>(), [true; 3]);
    assert_eq!(take(&mut items), Some(Ok(100)));
    assert_eq!(take(&mut items), None);
}

#[test]
fn whoever_waits_is_told_that_the_consumer_is_gone() {
    let (sender, items) = bounded(1, Overflow::Wait);
    sender.push(100).unwrap();
    let outcomes = waiting_threads(&sender);
    drop(items);
    assert_eq!(outcomes.iter().collect::<Vec<_>>(), [true; 3]);
}

#[test]
fn whoever_waits_is_told_that_another_has_closed_the_stream() {
    let (sender, mut items) = bounded(1, Overflow::Wait);
    sender.push(100).unwrap();
    let outcomes = waiting_threads(&sender);
    sender.close();
    assert_eq!(outcomes.iter().collect::<Vec<_>>(), [false; 3]);
    assert_eq!(take(&mut items), Some(Ok(100)));
    assert_eq!(take(&mut items), None);
}

#[test]
fn a_thread_that_waits_goes_on_when_an_item_was_taken() {
    let (sender, mut items) = bounded(1, Overflow::Wait);
    sender.push(1).unwrap();
    let pushing = thread::spawn(move || sender.push_all(2..=100).unwrap());
    let taken = block_on(items.by_ref().map(Result::unwrap).collect::<Vec<_>>());
    assert_eq!(taken, (1..=100).collect::<Vec<_>>());
    assert_eq!(pushing.join().unwrap(), 99);
}
