//! Callbacks that come many times: `c/many.c`, and its bindings.

use std::{
    ffi::{c_int, c_void},
    ptr::NonNull,
};

/// The bindings.
pub mod sys {
    use super::{Habit, Item, c_int, c_void};

    /// `struct mn_subscription`
    #[derive(Debug)]
    #[repr(C)]
    pub struct Subscription {
        opaque: [u8; 0],
    }

    /// `struct mn_item`
    #[derive(Debug)]
    #[repr(C)]
    pub struct RawItem {
        pub(super) value: c_int,
        subscription: *mut Subscription,
    }

    /// `mn_item_callback`, which owns the item.
    pub type ItemCallback = unsafe extern "C" fn(*mut c_void, Item) -> c_int;
    /// `mn_item_release`
    pub type ItemRelease = unsafe extern "C" fn(*mut c_void);

    unsafe extern "C" {
        pub(super) fn mn_subscribe(
            habit: Habit,
            threads: c_int,
            count: c_int,
            callback: ItemCallback,
            user_data: *mut c_void,
            release: ItemRelease,
        ) -> *mut Subscription;
        pub(super) fn mn_emit(subscription: *mut Subscription);
        pub(super) fn mn_unsubscribe(subscription: *mut Subscription, items_left: *mut c_int) -> c_int;
        pub(super) fn mn_item_free(item: *mut RawItem);
    }
}

/// How a subscription behaves: `enum mn_habit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum Habit {
    /// All items come before the call that subscribes returns, or as many as are asked for.
    Inside,
    /// Items come on threads of the library, when they are to, until each of these is told to stop.
    UntilStopped,
    /// As before, but all items come, whatever the library is told.
    Regardless,
}

/// What a callback brings: `struct mn_item *`. Dropping it gives it back to the library.
#[derive(Debug)]
#[repr(transparent)]
pub struct Item(NonNull<sys::RawItem>);

// SAFETY: the library's items may be used and freed on any thread.
unsafe impl Send for Item {}

impl Item {
    /// The how manieth it is, from 0 on.
    pub fn value(&self) -> c_int {
        // SAFETY: the item is ours until it is freed.
        unsafe { self.0.as_ref() }.value
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        // SAFETY: the item is ours, and is freed once. Its subscription has not ended.
        unsafe { sys::mn_item_free(self.0.as_ptr()) }
    }
}

/// A subscription. To be [ended](Subscription::end), after its last item was dropped.
#[derive(Clone, Copy, Debug)]
#[must_use = "its threads and its memory are the library's until it is ended"]
pub struct Subscription(NonNull<sys::Subscription>);

// SAFETY: any thread may call any of the library's functions.
unsafe impl Send for Subscription {}
// SAFETY: as above.
unsafe impl Sync for Subscription {}

/// What the library tells of a subscription when it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsubscribed {
    /// How often it has called.
    pub called: c_int,
    /// How many items nobody has given back.
    pub items_left: c_int,
}

impl Subscription {
    /// Calls back with `count` items, by so many threads at once. The user data is released after the last call, by who has made it.
    ///
    /// # Safety
    /// The callback, and after that the function that releases, can be called with the user data on any thread.
    pub unsafe fn start(
        habit: Habit,
        threads: c_int,
        count: c_int,
        callback: sys::ItemCallback,
        user_data: *mut c_void,
        release: sys::ItemRelease,
    ) -> Self {
        // SAFETY: promised by the caller.
        let started = unsafe { sys::mn_subscribe(habit, threads, count, callback, user_data, release) };
        Self(NonNull::new(started).expect("the library gives one or ends the process"))
    }

    /// Lets its threads begin.
    ///
    /// # Safety
    /// It has not ended.
    pub unsafe fn emit(self) {
        // SAFETY: promised by the caller.
        unsafe { sys::mn_emit(self.0.as_ptr()) }
    }

    /// Waits until its threads have ended, and frees it.
    ///
    /// # Safety
    /// It has not ended, and nobody has an item of it any more, or gets one that is kept.
    pub unsafe fn end(self) -> Unsubscribed {
        let mut items_left = 0;
        // SAFETY: promised by the caller.
        let called = unsafe { sys::mn_unsubscribe(self.0.as_ptr(), &mut items_left) };
        Unsubscribed { called, items_left }
    }
}
