//! Wakers and destructors run with nothing held, so they may use the stream.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Wake, Waker},
};

use futures_core::Stream;
use interloop::{
    Aborted,
    callback::stream::{self, Overflow, Sender},
};

use crate::{poll, tools::CountingWaker};

/// Looks at the stream when it is dropped.
struct Item {
    sender: Sender<Item>,
    drops: Arc<AtomicUsize>,
}

impl Drop for Item {
    fn drop(&mut self) {
        let _ = (self.sender.is_closed(), self.sender.clone());
        self.drops.fetch_add(1, SeqCst);
    }
}

#[test]
fn an_item_uses_the_stream_while_it_is_dropped() {
    for overflow in [Overflow::DropNewest, Overflow::DropOldest, Overflow::Fail] {
        let drops = Arc::new(AtomicUsize::new(0));
        let (sender, items) = stream::bounded(std::num::NonZeroUsize::MIN, overflow);
        let item = || Item {
            sender: sender.clone(),
            drops: drops.clone(),
        };
        sender.push(item()).unwrap();
        drop(sender.push(item()));
        assert_eq!(drops.load(SeqCst), 1);
        drop(items);
        assert_eq!(drops.load(SeqCst), 2);
        drop(sender.push(item()));
        assert_eq!(drops.load(SeqCst), 3);
    }
}

/// Uses the stream when it is woken, and when it is dropped.
struct Meddler {
    sender: Sender<u32>,
    wakes: AtomicUsize,
}

impl Wake for Meddler {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, SeqCst);
        drop(self.sender.push(100));
    }
}

impl Drop for Meddler {
    fn drop(&mut self) {
        drop(self.sender.push(200));
    }
}

#[test]
fn a_waker_uses_the_stream() {
    let (sender, mut items) = stream::unbounded::<u32, Aborted>();
    let meddler = Arc::new(Meddler {
        sender: sender.clone(),
        wakes: AtomicUsize::new(0),
    });
    let waker = Waker::from(meddler.clone());
    let mut cx = std::task::Context::from_waker(&waker);
    let mut pinned = std::pin::Pin::new(&mut items);
    assert!(pinned.as_mut().poll_next(&mut cx).is_pending());
    sender.push(1).unwrap();
    assert_eq!(meddler.wakes.load(SeqCst), 1);
    for _ in 0..2 {
        assert!(pinned.as_mut().poll_next(&mut cx).is_ready());
    }
    // Replaced by another, it is dropped; and so it is by the end.
    assert!(pinned.as_mut().poll_next(&mut cx).is_pending());
    drop((waker, meddler));
    assert!(poll(&mut items, &CountingWaker::new()).is_pending());
    assert!(poll(&mut items, &CountingWaker::new()).is_ready());
}

#[test]
fn a_waker_that_panics_leaves_the_stream_as_it_is() {
    struct Panics;

    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("out of paper");
        }
    }

    let (sender, mut items) = stream::unbounded::<u32, Aborted>();
    let waker = Waker::from(Arc::new(Panics));
    let mut cx = std::task::Context::from_waker(&waker);
    assert!(std::pin::Pin::new(&mut items).poll_next(&mut cx).is_pending());
    let pushing = std::panic::AssertUnwindSafe(|| sender.push(1));
    assert!(std::panic::catch_unwind(pushing).is_err());
    sender.push(2).unwrap();
    drop(sender);
    assert_eq!(crate::take_all(&mut items), [1, 2]);
}
