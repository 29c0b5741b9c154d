//! The queue.

use interloop::sync::QueueOverflow;

use crate::flavour::{Callback, Deferred, Log, Place, sync::Queue};

fn unlimited<T: Callback>() -> Queue<T> {
    Queue::new(None, None)
}

#[test]
fn values_are_stored_until_somebody_gets_them_in_order() {
    let queue = unlimited();
    (0..3).for_each(|n| queue.put(n).unwrap());
    for n in 0..3 {
        assert_eq!(queue.get().unwrap().try_take().unwrap().unwrap(), n);
    }
    assert!(!queue.get().unwrap().is_settled());
}

#[test]
fn those_who_wait_get_values_in_order_and_inside_the_put() {
    let log = Log::default();
    let queue = unlimited();
    let waiting: Vec<_> = (0..3)
        .map(|index| {
            let log = log.clone();
            queue
                .get()
                .unwrap()
                .inspect_ok(move |n| log.push(format!("{index} got {n}")))
        })
        .collect();
    for n in 10..13 {
        queue.clone().put(n).unwrap();
    }
    assert_eq!(log.events(), ["0 got 10", "1 got 11", "2 got 12"]);
    assert!(waiting.iter().all(Deferred::is_settled));
}

#[test]
fn a_full_queue_gives_the_value_back() {
    let queue = Queue::new(Some(2), None);
    queue.put("first").unwrap();
    queue.put("second").unwrap();
    let error = queue.put("third").unwrap_err();
    assert_eq!(error, QueueOverflow("third"));
    assert!(error.to_string().starts_with("the queue is full"));
    assert_eq!(queue.get().unwrap().try_take().unwrap().unwrap(), "first");
    queue.put("fourth").unwrap();
}

#[test]
fn a_queue_of_size_zero_only_hands_over() {
    let queue = Queue::new(Some(0), None);
    assert!(queue.put(1).is_err());
    let waiting = queue.get().unwrap();
    queue.put(2).unwrap();
    assert_eq!(waiting.try_take().unwrap().unwrap(), 2);
}

#[test]
fn no_more_may_wait_than_the_backlog_allows() {
    let queue = Queue::<u32>::new(None, Some(1));
    let waiting = queue.get().unwrap();
    let error = queue.get().unwrap_err();
    assert!(error.to_string().contains("backlog"));
    waiting.cancel();
    assert!(waiting.try_take().unwrap().is_err());
    let waiting = queue.get().unwrap();
    drop(waiting);
    assert!(queue.get().is_ok(), "who has left does not count");

    let none = Queue::new(None, Some(0));
    assert!(none.get().is_err());
    none.put(1).unwrap();
    assert_eq!(none.get().unwrap().try_take().unwrap().unwrap(), 1, "it need not wait");
}

#[test]
fn a_getter_that_has_left_takes_nothing() {
    let queue = unlimited();
    let (cancelled, dropped, third) = (queue.get().unwrap(), queue.get().unwrap(), queue.get().unwrap());
    cancelled.cancel();
    drop(dropped);
    queue.put(1).unwrap();
    assert!(cancelled.try_take().unwrap().unwrap_err().is_cancelled());
    assert_eq!(third.try_take().unwrap().unwrap(), 1);

    let gone = queue.get().unwrap();
    drop(gone);
    queue.put(2).unwrap();
    assert_eq!(queue.get().unwrap().try_take().unwrap().unwrap(), 2);
}

#[test]
fn cancelling_a_getter_that_has_its_value_does_nothing() {
    let queue = unlimited();
    queue.put(1).unwrap();
    let there = queue.get().unwrap();
    there.cancel();
    assert_eq!(there.try_take().unwrap().unwrap(), 1);
    let waiting = queue.get().unwrap();
    queue.put(2).unwrap();
    waiting.cancel();
    assert_eq!(waiting.try_take().unwrap().unwrap(), 2);
}

#[test]
fn a_getter_may_put_and_get_from_its_callback() {
    let queue = unlimited();
    let own = queue.clone();
    let twice = queue.get().unwrap().and_then(move |n: u32| {
        own.put(n + 1).unwrap();
        own.get().unwrap()
    });
    queue.put(1).unwrap();
    assert_eq!(twice.try_take().unwrap().unwrap(), 2);
}

#[test]
fn the_queue_drops_what_nobody_got_and_fails_those_who_wait() {
    let token = Place::<u32>::default();
    let queue = unlimited();
    queue.put(token.clone()).unwrap();
    drop(queue);
    assert_eq!(token.count(), 1);

    let queue = unlimited::<u32>();
    let waiting = queue.get().unwrap();
    drop(queue);
    assert!(waiting.try_take().unwrap().unwrap_err().is_dropped());
}

#[test]
fn a_getter_that_gives_up_again_and_again_leaves_the_queue_as_it_was() {
    let queue = unlimited::<Place<u32>>();
    let log = Log::default();
    for _ in 0..10_000 {
        drop(queue.get().unwrap().cancel_on_drop());
    }
    let inside = log.clone();
    let last = queue.get().unwrap().inspect_ok(move |_| inside.push("got it"));
    queue.put(Place::default()).unwrap();
    assert_eq!(log.events(), ["got it"]);
    assert!(last.is_settled());
}

#[test]
fn its_debug_text_tells_how_many_are_stored() {
    let queue = unlimited();
    queue.put(1).unwrap();
    queue.put(2).unwrap();
    assert!(format!("{queue:?}").contains("stored: 2"));
}
