//! Senders as the `user_data` of C.
#![allow(unsafe_code)]

use std::{
    ffi::{c_char, c_int, c_void},
    ptr,
    sync::Arc,
    task::{Context, Wake, Waker},
    thread,
};

use futures_core::Stream;
use futures_executor::block_on;
use futures_util::{StreamExt, TryStreamExt};
use interloop::{
    Aborted,
    callback::stream::{self, Overflow, Receiver, Sender, raw},
};

use crate::{bounded, take, take_all};

/// As C moves a pointer from thread to thread.
#[derive(Clone, Copy)]
struct UserData(*mut c_void);

// SAFETY: what `Sender::into_raw` gives may be used on any thread.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

impl UserData {
    fn get(self) -> *mut c_void {
        self.0
    }
}

#[test]
fn a_pointer_is_taken_back() {
    let (sender, mut items) = stream::unbounded::<u32, Aborted>();
    let user_data = sender.into_raw();
    // SAFETY: it is used before it is taken back, once.
    let sender = unsafe {
        raw::first::<u32, Aborted>(user_data, 1);
        raw::last::<u32, Aborted>(2, user_data);
        Sender::<u32>::from_raw(user_data)
    };
    sender.push(3).unwrap();
    drop(sender);
    assert_eq!(take_all(&mut items), [1, 2, 3]);
}

#[test]
fn the_stream_ends_when_the_pointer_is_released() {
    let (sender, mut items) = stream::unbounded::<u32, Aborted>();
    let user_data = sender.into_raw();
    // SAFETY: it is released once, at last.
    unsafe {
        raw::first::<u32, Aborted>(user_data, 1);
        raw::release::<u32, Aborted>(user_data);
    }
    assert_eq!(take_all(&mut items), [1]);
}

#[test]
fn a_callback_is_told_the_librarys_own_number_for_stop() {
    let (sender, mut items) = stream::unbounded::<c_int, Aborted>();
    let user_data = sender.into_raw();
    // SAFETY: it is released once, at last.
    unsafe {
        assert_eq!(raw::first_or_stop::<c_int, Aborted, -4>(user_data, 1), 0);
        items.stop();
        assert_eq!(raw::first_or_stop::<c_int, Aborted, -4>(user_data, 2), -4);
        assert_eq!(raw::last_or_stop::<c_int, Aborted, 7>(3, user_data), 7);
        raw::release::<c_int, Aborted>(user_data);
    }
    assert_eq!(take(&mut items), Some(Ok(1)));
    assert_eq!(take(&mut items), None);
}

#[test]
fn bytes_are_copied_until_another_number_aborts_the_transfer() {
    let (sender, items) = stream::unbounded::<Vec<u8>, Aborted>();
    let user_data = sender.into_raw();
    let mut received = *b"hello world!";
    let data = received.as_mut_ptr().cast::<c_char>();
    // SAFETY: there are as many bytes; it is released once, at last.
    unsafe {
        assert_eq!(raw::bytes::<Aborted>(data, 1, 6, user_data), 6);
        assert_eq!(raw::bytes::<Aborted>(data.add(6), 2, 3, user_data), 6);
        assert_eq!(raw::bytes::<Aborted>(ptr::null_mut(), 1, 0, user_data), 0);
        items.stop();
        assert_ne!(raw::bytes::<Aborted>(data, 1, 6, user_data), 6);
        assert_ne!(raw::bytes::<Aborted>(data, 1, 0, user_data), 0);
        raw::release::<Vec<u8>, Aborted>(user_data);
    }
    received.fill(0);
    assert_eq!(block_on(items.try_concat()).unwrap(), b"hello world!");
}

#[test]
fn a_null_pointer_says_stop() {
    // SAFETY: null is allowed.
    unsafe {
        raw::first::<u32, Aborted>(ptr::null_mut(), 1);
        assert_eq!(raw::first_or_stop::<u32, Aborted, 1>(ptr::null_mut(), 1), 1);
        raw::release::<u32, Aborted>(ptr::null_mut());
    }
}

#[test]
fn a_late_callback_drops_its_item() {
    let (sender, items) = stream::unbounded::<Arc<()>, Aborted>();
    let user_data = sender.into_raw();
    let item = Arc::new(());
    drop(items);
    // SAFETY: it is released once, at last.
    unsafe {
        assert_eq!(raw::first_or_stop::<Arc<()>, Aborted, 1>(user_data, item.clone()), 1);
        assert_eq!(Arc::strong_count(&item), 1);
        raw::release::<Arc<()>, Aborted>(user_data);
    }
}

#[test]
fn a_panic_does_not_cross_and_ends_the_stream() {
    let (sender, mut items) = stream::unbounded::<u32, Aborted>();
    let user_data = sender.into_raw();
    // SAFETY: it is released once, at last.
    unsafe {
        raw::first::<u32, Aborted>(user_data, 1);
        let told = Sender::<u32>::with_raw(user_data, -1, |_| panic!("out of paper"));
        assert_eq!(told, -1);
        assert_eq!(raw::first_or_stop::<u32, Aborted, 1>(user_data, 2), 1);
        raw::release::<u32, Aborted>(user_data);
    }
    assert_eq!(take(&mut items), Some(Ok(1)));
    assert_eq!(take(&mut items), Some(Err("panicked: out of paper".to_owned())));
    assert_eq!(take(&mut items), None);
}

#[test]
fn a_pointer_is_released_from_inside_of_a_callback() {
    /// Does what a consumer may do that runs inside of the waking.
    struct Releases(UserData);

    impl Wake for Releases {
        fn wake(self: Arc<Self>) {
            // SAFETY: this waker is used once.
            unsafe { raw::release::<u32, Aborted>(self.0.get()) }
        }
    }

    let (sender, mut items): (_, Receiver<u32>) = stream::unbounded();
    let user_data = UserData(sender.into_raw());
    let waker = Waker::from(Arc::new(Releases(user_data)));
    let mut cx = Context::from_waker(&waker);
    assert!(std::pin::Pin::new(&mut items).poll_next(&mut cx).is_pending());
    // SAFETY: it is released when this call has begun.
    assert_eq!(unsafe { raw::first_or_stop::<u32, Aborted, 1>(user_data.get(), 1) }, 0);
    assert_eq!(take_all(&mut items), [1]);
}

#[test]
fn several_threads_call_at_once() {
    const THREADS: u32 = 8;
    const CALLS: u32 = 1000;
    let (sender, items) = bounded(16, Overflow::Wait);
    let user_data = UserData(sender.into_raw());
    let calling = thread::spawn(move || {
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(move || {
                    for n in 0..CALLS {
                        // SAFETY: it is released when all these threads have ended.
                        assert_eq!(unsafe { raw::first_or_stop::<u32, Aborted, 1>(user_data.get(), n) }, 0);
                    }
                });
            }
        });
        // SAFETY: as above.
        unsafe { raw::release::<u32, Aborted>(user_data.get()) };
    });
    let sum = block_on(items.map(Result::unwrap).fold(0, |sum, n| std::future::ready(sum + n)));
    assert_eq!(sum, THREADS * CALLS * (CALLS - 1) / 2);
    calling.join().unwrap();
}

#[test]
fn a_consumer_that_goes_away_while_threads_call_is_no_danger() {
    let (sender, mut items) = bounded(2, Overflow::Wait);
    let user_data = UserData(sender.into_raw());
    let calling = thread::spawn(move || {
        thread::scope(|scope| {
            for _ in 0..4 {
                // SAFETY: it is released when all these threads have ended.
                scope.spawn(move || while unsafe { raw::first_or_stop::<u32, Aborted, 1>(user_data.get(), 7) } == 0 {});
            }
        });
        // SAFETY: as above.
        unsafe { raw::release::<u32, Aborted>(user_data.get()) };
    });
    for _ in 0..100 {
        assert_eq!(block_on(items.next()).unwrap().unwrap(), 7);
    }
    drop(items);
    calling.join().unwrap();
}
