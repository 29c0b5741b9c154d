//! Callbacks that come many times, as streams.

use std::{
    ffi::{c_int, c_void},
    num::NonZeroUsize,
    time::Duration,
};

use futures_util::StreamExt;
use interloop::{
    Aborted, Reactor,
    callback::stream::{self, Overflow, Receiver, Sender, raw},
};
use interloop_manners::many::{Habit, Item, Subscription, Unsubscribed};

use crate::every_loop::every_loop;

const THREADS: c_int = 8;
pub(crate) const COUNT: c_int = 1_000;
/// All items came, and were given back.
pub(crate) const ALL: Unsubscribed = Unsubscribed {
    called: COUNT,
    items_left: 0,
};

pub(crate) type Items = Receiver<Item, Aborted>;

/// Subscribes by threads that wait until they are let.
pub(crate) fn subscribe(habit: Habit, (sender, items): (Sender<Item>, Items)) -> (Subscription, Items) {
    (start(habit, sender, raw::first_or_stop::<Item, Aborted, 1>), items)
}

fn start(
    habit: Habit,
    sender: Sender<Item>,
    callback: unsafe extern "C" fn(*mut c_void, Item) -> c_int,
) -> Subscription {
    let release = raw::release::<Item, Aborted>;
    // SAFETY: it is released once, after all callbacks; the functions are for these types.
    unsafe { Subscription::start(habit, THREADS, COUNT, callback, sender.into_raw(), release) }
}

fn bounded(capacity: usize, overflow: Overflow) -> (Sender<Item>, Items) {
    stream::bounded(NonZeroUsize::new(capacity).unwrap(), overflow)
}

/// Lets the threads begin.
pub(crate) fn emit(subscription: Subscription) {
    // SAFETY: no test does so after it has ended the subscription.
    unsafe { subscription.emit() }
}

/// Ends a subscription whose items are gone, or go as they come.
pub(crate) fn end(subscription: Subscription) -> Unsubscribed {
    // SAFETY: each test ends its subscriptions once, at last.
    unsafe { subscription.end() }
}

/// What came of a stream.
struct Taken {
    values: Vec<c_int>,
    /// With which it has ended.
    error: Option<Aborted>,
    dropped: u64,
}

/// Takes all items in a task of the loop.
async fn take_all(reactor: &Reactor, mut items: Items) -> Taken {
    let taking = reactor.spawn_infallible(async move {
        let (mut values, mut error) = (Vec::new(), None);
        while let Some(item) = items.next().await {
            match item {
                Ok(item) => values.push(item.value()),
                Err(why) => error = Some(why),
            }
        }
        let dropped = items.dropped();
        Taken { values, error, dropped }
    });
    taking.await.unwrap()
}

/// Waits until the stream has ended, whoever ends it.
async fn closed(reactor: &Reactor, sender: Sender<Item>) {
    while !sender.is_closed() {
        reactor.sleep(Duration::from_millis(1)).await.unwrap();
    }
}

/// Cannot make sense of one of the items.
unsafe extern "C" fn panics(user_data: *mut c_void, item: Item) -> c_int {
    // SAFETY: this is the pointer of a sender of this type, which is released after all callbacks.
    unsafe {
        Sender::<Item>::with_raw(user_data, 1, |sender| {
            assert!(item.value() < 500, "cannot make sense of this");
            c_int::from(sender.feed(item).is_break())
        })
    }
}

every_loop! {
    async fn the_items_of_eight_threads_arrive(reactor: Reactor) {
        let (subscription, items) = subscribe(Habit::UntilStopped, bounded(4, Overflow::Wait));
        emit(subscription);
        let mut taken = take_all(&reactor, items).await;
        assert!(taken.error.is_none(), "{:?}", taken.error);
        taken.values.sort_unstable();
        assert_eq!(taken.values, (0..COUNT).collect::<Vec<_>>());
        assert_eq!(end(subscription), ALL);
    }

    async fn items_inside_of_the_subscribing_call_arrive_in_order(reactor: Reactor) {
        let (subscription, items) = subscribe(Habit::Inside, stream::unbounded());
        let taken = take_all(&reactor, items).await;
        assert!(taken.error.is_none(), "{:?}", taken.error);
        assert_eq!(taken.values, (0..COUNT).collect::<Vec<_>>());
        assert_eq!(end(subscription), ALL);
    }

    async fn items_that_would_hold_the_loop_up_end_the_stream(reactor: Reactor) {
        let subscribing = reactor.spawn_infallible(async { subscribe(Habit::Inside, bounded(10, Overflow::Wait)) });
        let (subscription, items) = subscribing.await.unwrap();
        let taken = take_all(&reactor, items).await;
        assert_eq!(taken.values, (0..10).collect::<Vec<_>>());
        assert!(taken.error.unwrap().is_deadlock());
        // The eleventh was told to stop.
        assert_eq!(end(subscription), Unsubscribed { called: 11, items_left: 0 });
    }

    async fn items_for_which_there_is_no_room_are_counted_and_freed(reactor: Reactor) {
        for overflow in [Overflow::DropNewest, Overflow::DropOldest] {
            for habit in [Habit::Inside, Habit::UntilStopped] {
                let (subscription, items) = subscribe(habit, bounded(10, overflow));
                emit(subscription);
                let taken = take_all(&reactor, items).await;
                assert!(taken.error.is_none(), "{:?}", taken.error);
                assert_eq!(taken.values.len() as u64 + taken.dropped, COUNT as u64);
                if habit == Habit::Inside {
                    assert_eq!(taken.dropped, COUNT as u64 - 10);
                }
                assert_eq!(end(subscription), ALL);
            }
        }
    }

    async fn an_overflow_that_fails_tells_the_library_to_stop(reactor: Reactor) {
        let (subscription, items) = subscribe(Habit::Inside, bounded(10, Overflow::Fail));
        let taken = take_all(&reactor, items).await;
        assert_eq!(taken.values, (0..10).collect::<Vec<_>>());
        assert!(taken.error.unwrap().is_overflowed());
        assert_eq!(end(subscription), Unsubscribed { called: 11, items_left: 0 });

        // One that does not listen goes on calling, from eight threads.
        let (sender, items) = bounded(10, Overflow::Fail);
        let own = sender.clone();
        let (subscription, items) = subscribe(Habit::Regardless, (sender, items));
        emit(subscription);
        closed(&reactor, own).await;
        let taken = take_all(&reactor, items).await;
        assert_eq!(taken.values.len(), 10);
        assert!(taken.error.unwrap().is_overflowed());
        assert_eq!(end(subscription), ALL);
    }

    async fn items_that_come_when_the_receiver_is_gone_are_freed(_reactor: Reactor) {
        for overflow in [Overflow::Wait, Overflow::DropNewest, Overflow::DropOldest, Overflow::Fail] {
            let (subscription, items) = subscribe(Habit::Regardless, bounded(10, overflow));
            drop(items);
            emit(subscription);
            assert_eq!(end(subscription), ALL);
        }
    }

    async fn threads_that_are_told_to_stop_by_the_end_of_a_task_stop(reactor: Reactor) {
        let (subscription, mut items) = subscribe(Habit::UntilStopped, bounded(1, Overflow::Wait));
        emit(subscription);
        let taking = reactor.spawn_infallible(async move {
            for _ in 0..100 {
                items.next().await.unwrap().unwrap();
            }
            // What is left is dropped here, while eight threads wait for room.
        });
        taking.await.unwrap();
        let ended = end(subscription);
        // At most one of each thread was under way.
        assert!((100..=101 + THREADS).contains(&ended.called), "{ended:?}");
        assert_eq!(ended.items_left, 0);
    }

    async fn threads_stop_when_the_task_that_takes_is_cancelled(reactor: Reactor) {
        let (sender, items) = bounded(1, Overflow::Wait);
        let own = sender.clone();
        let (subscription, mut items) = subscribe(Habit::UntilStopped, (sender, items));
        let taking = reactor.spawn_infallible(async move { while items.next().await.is_some() {} });
        taking.cancel();
        assert!(taking.await.unwrap_err().is_cancelled());
        closed(&reactor, own).await;
        emit(subscription);
        // Each was told at its first call.
        assert_eq!(end(subscription), Unsubscribed { called: THREADS, items_left: 0 });
    }

    async fn what_came_before_the_stop_is_still_there(reactor: Reactor) {
        let (subscription, items) = subscribe(Habit::UntilStopped, bounded(10, Overflow::Wait));
        items.stop();
        emit(subscription);
        let taken = take_all(&reactor, items).await;
        assert_eq!((taken.values.len(), taken.error.is_none()), (0, true));
        assert_eq!(end(subscription), Unsubscribed { called: THREADS, items_left: 0 });

        let (sender, items) = bounded(10, Overflow::DropNewest);
        let (subscription, items) = subscribe(Habit::Inside, (sender, items));
        items.stop();
        let taken = take_all(&reactor, items).await;
        assert_eq!(taken.values, (0..10).collect::<Vec<_>>());
        assert_eq!(end(subscription), ALL);
    }

    async fn a_task_that_stops_the_stream_at_an_item_stops_the_threads(reactor: Reactor) {
        let (subscription, mut items) = subscribe(Habit::UntilStopped, bounded(1, Overflow::Wait));
        emit(subscription);
        let taking = reactor.spawn_infallible(async move {
            let mut count = 0;
            while let Some(item) = items.next().await {
                drop(item);
                count += 1;
                if count == 100 {
                    items.stop();
                }
            }
            count
        });
        // The one that was in the stream by then comes, too.
        assert!((100..=101).contains(&taking.await.unwrap()));
        assert_eq!(end(subscription).items_left, 0);
    }

    async fn a_panic_in_the_callback_ends_the_stream_and_goes_no_further(reactor: Reactor) {
        let (sender, items) = stream::unbounded();
        let subscription = start(Habit::Inside, sender, panics);
        let taken = take_all(&reactor, items).await;
        assert_eq!(taken.values, (0..500).collect::<Vec<_>>());
        assert_eq!(taken.error.unwrap().panic_message(), Some("cannot make sense of this"));
        assert_eq!(end(subscription), Unsubscribed { called: 501, items_left: 0 });

        // From eight threads at once, of which each ends at its own.
        let (sender, items) = stream::unbounded();
        let subscription = start(Habit::UntilStopped, sender, panics);
        emit(subscription);
        let taken = take_all(&reactor, items).await;
        assert!(taken.error.unwrap().is_panicked());
        assert_eq!(end(subscription).items_left, 0);
    }
}
