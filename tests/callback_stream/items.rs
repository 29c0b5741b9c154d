//! Pushing and taking, where there is room.

use std::{ops::ControlFlow, task::Poll};

use futures_core::{Stream, stream::FusedStream};
use interloop::{Aborted, callback::stream};

use crate::{bounded, poll, stream::Overflow, take, take_all, tools::CountingWaker};

#[test]
fn items_keep_their_order() {
    let (sender, mut items) = stream::unbounded::<u32, Aborted>();
    for n in 0..1000 {
        sender.push(n).unwrap();
    }
    drop(sender);
    assert_eq!(take_all(&mut items), (0..1000).collect::<Vec<_>>());
}

#[test]
fn a_push_wakes_the_consumer_that_waits_and_no_other() {
    let (sender, mut items) = bounded(4, Overflow::Fail);
    let (first, second) = (CountingWaker::new(), CountingWaker::new());
    assert!(poll(&mut items, &first).is_pending());
    assert!(poll(&mut items, &second).is_pending());
    sender.push(1).unwrap();
    sender.push(2).unwrap();
    assert_eq!((first.count(), second.count()), (0, 1));
}

#[test]
fn a_consumer_that_polls_again_is_woken_once() {
    let (sender, mut items) = bounded(4, Overflow::Fail);
    let waker = CountingWaker::new();
    assert!(poll(&mut items, &waker).is_pending());
    assert!(poll(&mut items, &waker).is_pending());
    sender.push(1).unwrap();
    assert_eq!(waker.count(), 1);
    assert!(matches!(poll(&mut items, &waker), Poll::Ready(Some(Ok(1)))));
}

#[test]
fn an_error_among_the_items_does_not_end_the_stream() {
    let (sender, mut items) = stream::unbounded::<u32, String>();
    sender.push(1).unwrap();
    sender.push_result(Err::<u32, _>("out of paper")).unwrap();
    sender.push_result(Ok::<_, &str>(2)).unwrap();
    assert_eq!(take(&mut items), Some(Ok(1)));
    assert_eq!(take(&mut items), Some(Err("out of paper".to_owned())));
    assert_eq!(take(&mut items), Some(Ok(2)));
}

#[test]
fn a_callback_feeds_the_stream() {
    let (sender, mut items) = stream::unbounded::<u32, Aborted>();
    let callback = sender.into_callback();
    let () = callback(1);
    callback(2);
    drop(callback);
    assert_eq!(take_all(&mut items), [1, 2]);
}

#[test]
fn a_callback_of_results_feeds_the_stream_until_it_is_told_to_stop() {
    let (sender, mut items) = stream::unbounded::<u32, String>();
    let callback = sender.into_result_callback::<&str, ControlFlow<()>>();
    assert!(callback(Err("out of paper")).is_continue());
    assert!(callback(Ok(1)).is_continue());
    items.stop();
    assert!(callback(Ok(2)).is_break());
    assert_eq!(take(&mut items), Some(Err("out of paper".to_owned())));
    assert_eq!(take(&mut items), Some(Ok(1)));
    assert_eq!(take(&mut items), None);
}

#[test]
fn an_iterator_is_pushed_until_the_stream_ends() {
    let (sender, mut items) = bounded(3, Overflow::Fail);
    assert_eq!(sender.push_all([1, 2]).unwrap(), 2);
    let mut left = 3..10;
    let error = sender.push_all(&mut left).unwrap_err();
    assert!(error.is_overflowed());
    assert_eq!(error.into_item(), 4);
    assert_eq!(left, 5..10);
    for n in 1..=3 {
        assert_eq!(take(&mut items), Some(Ok(n)));
    }
}

#[test]
fn the_hint_is_what_is_queued_and_exact_after_the_end() {
    let (sender, mut items) = stream::unbounded::<u32, String>();
    assert_eq!(items.size_hint(), (0, None));
    sender.push(1).unwrap();
    assert_eq!(items.size_hint(), (1, None));
    sender.fail("out of paper".to_owned()).unwrap();
    assert_eq!(items.size_hint(), (2, Some(2)));
    assert!(!items.is_terminated());
    while take(&mut items).is_some() {}
    assert_eq!(items.size_hint(), (0, Some(0)));
    assert!(items.is_terminated());
}

#[test]
fn a_sender_and_a_receiver_go_to_other_threads() {
    fn goes<T: Send + Sync>(_: &T) {}
    let (sender, items) = stream::unbounded::<std::cell::Cell<u32>, String>();
    goes(&sender);
    goes(&items);
    goes(&items.stop_handle());
}

#[test]
fn a_sender_is_one_word() {
    assert_eq!(size_of::<stream::Sender<[u64; 8], String>>(), size_of::<usize>());
}

#[test]
fn the_halves_tell_of_themselves() {
    let (sender, items) = stream::unbounded::<u32, Aborted>();
    sender.push(1).unwrap();
    assert_eq!(format!("{items:?}"), "Receiver { queued: 1, open: true, .. }");
    sender.close();
    assert_eq!(format!("{sender:?}"), "Sender { closed: true, .. }");
    let error = sender.push(2).unwrap_err();
    assert_eq!(format!("{error:?}"), "PushError(Closed)");
    assert!(error.to_string().contains("closed"));
    assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::BrokenPipe);
}
