//! What becomes of a push when the stream is full.

use interloop::{Aborted, AsAborted, Clock, callback::stream};

use crate::{bounded, poll, stream::Overflow, take, take_all, tools::CountingWaker};

#[test]
fn the_newest_is_dropped_and_counted() {
    let (sender, mut items) = bounded(2, Overflow::DropNewest);
    for n in 0..5 {
        sender.push(n).unwrap();
    }
    assert_eq!((items.dropped(), sender.dropped()), (3, 3));
    assert_eq!(take(&mut items), Some(Ok(0)));
    sender.push(5).unwrap();
    drop(sender);
    assert_eq!(take_all(&mut items), [1, 5]);
    assert_eq!(items.dropped(), 3);
}

#[test]
fn the_oldest_is_dropped_and_counted() {
    let (sender, mut items) = bounded(2, Overflow::DropOldest);
    for n in 0..5 {
        sender.push(n).unwrap();
    }
    drop(sender);
    assert_eq!(items.dropped(), 3);
    assert_eq!(take_all(&mut items), [3, 4]);
}

#[test]
fn a_stream_that_overflows_ends_with_how_many_were_taken() {
    let (sender, mut items) = bounded(2, Overflow::Fail);
    sender.push(1).unwrap();
    assert_eq!(take(&mut items), Some(Ok(1)));
    sender.push(2).unwrap();
    sender.push(3).unwrap();
    let error = sender.push(4).unwrap_err();
    assert!(error.is_overflowed());
    assert_eq!(error.into_item(), 4);
    assert!(sender.push(5).unwrap_err().is_overflowed());
    assert!(sender.feed(6).is_break());

    assert_eq!(take(&mut items), Some(Ok(2)));
    assert_eq!(take(&mut items), Some(Ok(3)));
    let std::task::Poll::Ready(Some(Err(overflowed))) = poll(&mut items, &CountingWaker::new()) else {
        panic!("an error was expected");
    };
    assert!(overflowed.is_overflowed());
    assert_eq!(overflowed.taken(), Some(3));
    assert!(overflowed.to_string().contains("after 3 items"), "{overflowed}");
    assert_eq!(take(&mut items), None);
    assert_eq!(take(&mut items), None);
}

#[test]
fn an_overflow_is_found_in_the_streams_own_error() {
    let (sender, mut items) = stream::bounded::<u32, std::io::Error>(std::num::NonZeroUsize::MIN, Overflow::Fail);
    assert!(sender.feed(1).is_continue());
    assert!(sender.feed(2).is_break());
    assert_eq!(take(&mut items), Some(Ok(1)));
    let std::task::Poll::Ready(Some(Err(error))) = poll(&mut items, &CountingWaker::new()) else {
        panic!("an error was expected");
    };
    assert_eq!(error.as_aborted().and_then(Aborted::taken), Some(1));
}

#[test]
fn waiting_on_a_thread_that_runs_a_loop_is_an_error_and_changes_nothing() {
    let clock = Clock::new();
    let (sender, mut items) = bounded(1, Overflow::Wait);
    let task = clock.reactor().spawn(async move {
        sender.push(1).unwrap();
        let error = sender.push(2).unwrap_err();
        assert!(error.is_deadlock());
        let message = error.to_string();
        assert!(message.contains("spawn_blocking"), "it must say what to do: {message}");
        Ok::<_, Aborted>((sender, error.into_item()))
    });
    clock.run_until_stalled();
    let (sender, refused) = task.try_take().unwrap().unwrap();
    assert!(!sender.is_closed());
    assert_eq!(take(&mut items), Some(Ok(1)));
    sender.push(refused).unwrap();
    assert_eq!(take(&mut items), Some(Ok(2)));
}

#[test]
fn a_callback_that_cannot_wait_on_its_thread_ends_the_stream_with_an_error() {
    let clock = Clock::new();
    let (sender, mut items) = bounded(1, Overflow::Wait);
    clock.reactor().call_soon(move || {
        assert!(sender.feed(1).is_continue());
        assert!(sender.feed(2).is_break());
    });
    clock.run_until_stalled();
    assert_eq!(take(&mut items), Some(Ok(1)));
    assert!(take(&mut items).unwrap().unwrap_err().contains("would deadlock"));
    assert_eq!(take(&mut items), None);
}

#[test]
fn an_error_at_the_end_needs_no_room() {
    for overflow in [
        Overflow::Wait,
        Overflow::DropNewest,
        Overflow::DropOldest,
        Overflow::Fail,
    ] {
        let (sender, mut items) = stream::bounded::<u32, String>(std::num::NonZeroUsize::MIN, overflow);
        sender.push(1).unwrap();
        sender.fail("out of paper".to_owned()).unwrap();
        assert_eq!(take(&mut items), Some(Ok(1)));
        assert_eq!(take(&mut items), Some(Err("out of paper".to_owned())));
        assert_eq!(take(&mut items), None);
        assert_eq!(items.dropped(), 0);
    }
}
