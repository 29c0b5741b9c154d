//! A stream is ended from either side, and what is queued comes first.

use interloop::{Aborted, callback::stream};

use crate::{bounded, poll, stream::Overflow, take, tools::CountingWaker};

#[test]
fn the_stream_ends_when_the_last_sender_is_dropped() {
    let (sender, mut items) = stream::unbounded::<u32, Aborted>();
    let other = sender.clone();
    sender.push(1).unwrap();
    drop(sender);
    other.push(2).unwrap();
    let waker = CountingWaker::new();
    assert_eq!(take(&mut items), Some(Ok(1)));
    assert_eq!(take(&mut items), Some(Ok(2)));
    assert!(poll(&mut items, &waker).is_pending());
    drop(other);
    assert_eq!(waker.count(), 1);
    assert_eq!(take(&mut items), None);
    assert_eq!(take(&mut items), None);
}

#[test]
fn closing_ends_the_stream_for_all_senders() {
    let (sender, mut items) = stream::unbounded::<u32, Aborted>();
    let other = sender.clone();
    sender.push(1).unwrap();
    sender.close();
    sender.close();
    assert!(other.is_closed());
    let error = other.push(2).unwrap_err();
    assert!(error.is_closed() && !error.is_stopped());
    assert_eq!(take(&mut items), Some(Ok(1)));
    assert_eq!(take(&mut items), None);
}

#[test]
fn failing_wakes_the_consumer_and_is_done_once() {
    let (sender, mut items) = stream::unbounded::<u32, String>();
    let waker = CountingWaker::new();
    assert!(poll(&mut items, &waker).is_pending());
    sender.fail("out of paper".to_owned()).unwrap();
    assert_eq!(waker.count(), 1);
    let error = sender.fail("too late".to_owned()).unwrap_err();
    assert!(error.is_closed());
    assert_eq!(error.into_item(), "too late");
    assert_eq!(take(&mut items), Some(Err("out of paper".to_owned())));
    assert_eq!(take(&mut items), None);
}

#[test]
fn stopping_keeps_what_is_queued() {
    let (sender, mut items) = bounded(2, Overflow::Fail);
    sender.push(1).unwrap();
    sender.push(2).unwrap();
    items.stop();
    items.stop();
    let error = sender.push(3).unwrap_err();
    assert!(error.is_stopped());
    assert!(sender.is_closed());
    assert_eq!(take(&mut items), Some(Ok(1)));
    assert_eq!(take(&mut items), Some(Ok(2)));
    assert_eq!(take(&mut items), None);
}

#[test]
fn an_error_that_was_there_before_the_consumer_stopped_is_given() {
    let (sender, mut items) = stream::unbounded::<u32, String>();
    sender.push(1).unwrap();
    sender.fail("out of paper".to_owned()).unwrap();
    items.stop();
    assert!(sender.push(2).unwrap_err().is_closed());
    assert_eq!(take(&mut items), Some(Ok(1)));
    assert_eq!(take(&mut items), Some(Err("out of paper".to_owned())));
}

#[test]
fn a_stream_is_stopped_from_elsewhere_and_wakes_its_consumer() {
    let (sender, mut items) = stream::unbounded::<u32, Aborted>();
    let handle = items.stop_handle();
    let waker = CountingWaker::new();
    assert!(poll(&mut items, &waker).is_pending());
    handle.clone().stop();
    assert_eq!(waker.count(), 1);
    assert!(sender.push(1).unwrap_err().is_stopped());
    assert_eq!(take(&mut items), None);
    drop(items);
    handle.stop();
}

#[test]
fn a_push_after_the_consumer_was_dropped_says_so() {
    let (sender, items) = stream::unbounded::<u32, Aborted>();
    sender.push(1).unwrap();
    drop(items);
    assert!(sender.is_closed());
    let error = sender.push(2).unwrap_err();
    assert!(error.is_stopped());
    assert_eq!(error.into_item(), 2);
    assert!(sender.fail(Aborted::cancelled()).unwrap_err().is_stopped());
}

#[test]
fn a_consumer_that_is_dropped_drops_what_is_queued_at_once() {
    let queued = std::sync::Arc::new(());
    let (sender, items) = stream::unbounded::<std::sync::Arc<()>, Aborted>();
    sender.push(queued.clone()).unwrap();
    sender.push(queued.clone()).unwrap();
    drop(items);
    assert_eq!(std::sync::Arc::strong_count(&queued), 1);
}

#[test]
fn a_sender_that_is_cloned_after_the_end_does_not_begin_again() {
    let (sender, mut items) = stream::unbounded::<u32, Aborted>();
    sender.close();
    let other = sender.clone();
    assert!(other.push(1).unwrap_err().is_closed());
    assert_eq!(take(&mut items), None);
}
