//! Streams of callbacks that come from C.
//!
//! The sender becomes the pointer that C calls `user_data`, or `context`, or `arg`. The library is given that, one of these functions to call
//! for each item, and [`release`] to call at the end, where it takes such a function:
//!
//! ```
//! use std::ffi::{c_int, c_void};
//! use futures_util::StreamExt;
//! use interloop::{Aborted, callback::stream::{self, raw}};
//!
//! /// The shape of many functions of C: calls back until that returns something else than zero, and releases `user_data`.
//! unsafe extern "C" fn count(
//!     limit: c_int,
//!     callback: unsafe extern "C" fn(*mut c_void, c_int) -> c_int,
//!     user_data: *mut c_void,
//!     destroy: unsafe extern "C" fn(*mut c_void),
//! ) {
//!     for n in 0..limit {
//!         if unsafe { callback(user_data, n) } != 0 {
//!             break;
//!         }
//!     }
//!     unsafe { destroy(user_data) };
//! }
//!
//! let (sender, numbers) = stream::unbounded::<c_int, Aborted>();
//! // SAFETY: `count` calls the callback with this pointer before it releases it, and does so once.
//! unsafe { count(3, raw::first_or_stop::<c_int, Aborted, 1>, sender.into_raw(), raw::release::<c_int, Aborted>) };
//! let numbers = futures_executor::block_on(numbers.map(Result::unwrap).collect::<Vec<_>>());
//! assert_eq!(numbers, [0, 1, 2]);
//! ```
//!
//! | the callback's type in C | function |
//! |---|---|
//! | `void (*)(void *user_data, T item)` | [`first`] |
//! | `void (*)(T item, void *user_data)` | [`last`] |
//! | `int (*)(void *user_data, T item)`, which may say stop | [`first_or_stop`] |
//! | `int (*)(T item, void *user_data)`, which may say stop | [`last_or_stop`] |
//! | `size_t (*)(char *data, size_t size, size_t count, void *user_data)` | [`bytes`] |
//! | `void (*)(void *user_data)`, to free the user data | [`release`] |
//!
//! A callback of another shape is a few lines around [`Sender::with_raw`], and so is one whose items have to be copied, as
//! pointers are mostly good for the time of the call only. This is the one of SQLite's `sqlite3_exec`:
//!
//! ```
//! use std::ffi::{CStr, CString, c_char, c_int, c_void};
//! use interloop::{Aborted, callback::stream::Sender};
//!
//! type Row = Vec<Option<CString>>;
//!
//! /// SAFETY: `rows` is of `Sender::<Row, Aborted>::into_raw`, and `values` are `count` strings, or null.
//! unsafe extern "C" fn row(rows: *mut c_void, count: c_int, values: *mut *mut c_char, _: *mut *mut c_char) -> c_int {
//!     // SAFETY: the caller's promise.
//!     unsafe {
//!         Sender::<Row, Aborted>::with_raw(rows, 1, |rows| {
//!             let value = |n| Some(*values.add(n)).filter(|text| !text.is_null()).map(|text| CStr::from_ptr(text).to_owned());
//!             c_int::from(rows.feed((0..count as usize).map(value).collect()).is_break())
//!         })
//!     }
//! }
//! # let (sender, rows) = interloop::callback::stream::unbounded::<Row, Aborted>();
//! # let user_data = sender.into_raw();
//! # let mut values = [c"7".as_ptr().cast_mut(), std::ptr::null_mut()];
//! # assert_eq!(unsafe { row(user_data, 2, values.as_mut_ptr(), std::ptr::null_mut()) }, 0);
//! # rows.stop();
//! # assert_eq!(unsafe { row(user_data, 2, values.as_mut_ptr(), std::ptr::null_mut()) }, 1);
//! # drop(unsafe { Sender::<Row, Aborted>::from_raw(user_data) });
//! # let rows = futures_executor::block_on(futures_util::TryStreamExt::try_collect::<Vec<_>>(rows)).unwrap();
//! # assert_eq!(rows, [[Some(c"7".to_owned()), None]]);
//! ```
//!
//! # Who owns `user_data`
//!
//! [`into_raw`](Sender::into_raw) gives the sender to C, and [`release`] or [`from_raw`](Sender::from_raw) takes it back, once; until then the
//! stream does not end by itself. If the library has no function for releasing, keep the pointer, and take it back when the callback
//! is unregistered for certain. Calls may come from several threads at once. The sender may be released from inside of a
//! call, but not while another thread is about to call. A consumer that is gone is no danger: each call says so, and drops its item.
//!
//! # Panics
//!
//! No panic crosses into C. One that a conversion or a waker makes ends the stream with
//! [`Aborted::panicked`], and the call says stop.
#![allow(unsafe_code)]
// INVARIANT: a pointer that `into_raw` has given is that of an `Arc` of a stream's shared part, and stands for one count of it and for one of
// its senders, until `from_raw` takes both back. Whoever calls with the pointer promises that this does not happen before the call has added a
// count of its own, so there is one until then; and with that the call can outlive what is taken back from inside of it.

use std::{
    ffi::{c_char, c_int, c_void},
    marker::PhantomData,
    mem::ManuallyDrop,
    panic::{AssertUnwindSafe, catch_unwind},
    slice,
    sync::Arc,
};

use super::{Sender, shared::Shared};
use crate::{Aborted, callback::entry::no_unwind};

/// As the `user_data` of C.
impl<T: Send + 'static, E: Send + 'static> Sender<T, E> {
    /// Makes a pointer of it, which owns it. No allocation.
    ///
    /// The stream ends only when [`from_raw`](Self::from_raw) or [`release`] has taken it back: a pointer that is never released is a leak,
    /// and a stream that waits.
    #[must_use = "a pointer that is not released is a leak"]
    pub fn into_raw(self) -> *mut c_void {
        let this = ManuallyDrop::new(self);
        Arc::as_ptr(&this.shared).cast_mut().cast()
    }

    /// Takes it back.
    ///
    /// # Safety
    /// The pointer comes from [`into_raw`](Self::into_raw) of a sender of the very same types. It is taken back once, and nobody uses it
    /// afterwards; a call from inside of which it is taken back goes on.
    pub unsafe fn from_raw(user_data: *mut c_void) -> Self {
        // SAFETY: by the invariant, this count is the pointer's, which the caller gives up.
        let shared = unsafe { Arc::from_raw(user_data.cast::<Shared<T, E>>()) };
        Self::new(shared)
    }

    /// Lends the sender to `f`, inside of a callback from C, and gives what `f` returns. If it panics, the stream ends with
    /// [`Aborted::panicked`], and `otherwise` is returned; so it is for a pointer that is null.
    ///
    /// `f` may take the pointer back, or have it taken back.
    ///
    /// # Safety
    /// The pointer comes from [`into_raw`](Self::into_raw) of a sender of the very same types, or is null, and is not taken back
    /// before `f` runs.
    pub unsafe fn with_raw<R>(user_data: *mut c_void, otherwise: R, f: impl FnOnce(&Self) -> R) -> R {
        if user_data.is_null() {
            return otherwise;
        }
        // SAFETY: the caller's promise is the one asked for here.
        let lent = unsafe { Lent::<T, E>::new(user_data) };
        match catch_unwind(AssertUnwindSafe(|| f(&lent.sender))) {
            Ok(value) => value,
            Err(panic) => {
                // Wakes the consumer, which may panic again, or drops what the panic was made with, which may, too.
                no_unwind((), || lent.sender.abort(Aborted::panicked(panic)));
                otherwise
            }
        }
    }
}

/// A sender that is borrowed from a pointer, and kept from being freed meanwhile.
struct Lent<T, E> {
    sender: ManuallyDrop<Sender<T, E>>,
    marker: PhantomData<Arc<Shared<T, E>>>,
}

impl<T, E> Lent<T, E> {
    /// # Safety
    /// As for [`Sender::with_raw`], and the pointer is not null.
    unsafe fn new(user_data: *mut c_void) -> Self {
        let shared = user_data.cast_const().cast::<Shared<T, E>>();
        // SAFETY: by the invariant the pointer is that of an `Arc` whose count is not zero.
        unsafe { Arc::increment_strong_count(shared) };
        // SAFETY: the count that was just added is the one that this takes.
        let shared = unsafe { Arc::from_raw(shared) };
        Self {
            sender: ManuallyDrop::new(Sender::new(shared)),
            marker: PhantomData,
        }
    }
}

impl<T, E> Drop for Lent<T, E> {
    fn drop(&mut self) {
        // SAFETY: this is the count that `new` has added. The sender is not used any more, and its destructor, which would count a
        // sender less, never runs.
        unsafe { Arc::decrement_strong_count(Arc::as_ptr(&self.sender.shared)) };
    }
}

/// `void (*)(void *user_data, T item)`. A stream that has ended drops the item, and has no way to say so.
///
/// # Safety
/// As for [`Sender::with_raw`], for a `Sender<T, E>`; and C passes a `T`.
pub unsafe extern "C" fn first<T: Send + 'static, E: Send + 'static>(user_data: *mut c_void, item: T) {
    // SAFETY: the caller's promise is the one asked for here.
    unsafe {
        Sender::<T, E>::with_raw(user_data, (), |sender| {
            let _ = sender.feed(item);
        });
    }
}

/// `void (*)(T item, void *user_data)`. As [`first`].
///
/// # Safety
/// As for [`first`].
pub unsafe extern "C" fn last<T: Send + 'static, E: Send + 'static>(item: T, user_data: *mut c_void) {
    // SAFETY: the caller's promise is the one asked for here.
    unsafe { first::<T, E>(user_data, item) }
}

/// `int (*)(void *user_data, T item)`, which returns zero for more, and `STOP` once the stream has ended.
///
/// # Safety
/// As for [`first`].
pub unsafe extern "C" fn first_or_stop<T: Send + 'static, E: Send + 'static, const STOP: c_int>(
    user_data: *mut c_void,
    item: T,
) -> c_int {
    // SAFETY: the caller's promise is the one asked for here.
    unsafe {
        Sender::<T, E>::with_raw(user_data, STOP, |sender| match sender.feed(item).is_continue() {
            true => 0,
            false => STOP,
        })
    }
}

/// `int (*)(T item, void *user_data)`. As [`first_or_stop`].
///
/// # Safety
/// As for [`first`].
pub unsafe extern "C" fn last_or_stop<T: Send + 'static, E: Send + 'static, const STOP: c_int>(
    item: T,
    user_data: *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise is the one asked for here.
    unsafe { first_or_stop::<T, E, STOP>(user_data, item) }
}

/// `size_t (*)(char *data, size_t size, size_t count, void *user_data)`, as libcurl writes what it has received. The bytes are copied. It
/// returns how many there were, or, once the stream has ended, another number, with which the transfer is aborted.
///
/// # Safety
/// As for [`Sender::with_raw`], for a `Sender<Vec<u8>, E>`; and there are `size` times `count` bytes at `data`.
pub unsafe extern "C" fn bytes<E: Send + 'static>(
    data: *mut c_char,
    size: usize,
    count: usize,
    user_data: *mut c_void,
) -> usize {
    let length = size.saturating_mul(count);
    // Of none, too: the end of the stream is not to be taken for them.
    let stop = if length == 0 { 1 } else { 0 };
    // SAFETY: the caller's promise is the one asked for here.
    unsafe {
        Sender::<Vec<u8>, E>::with_raw(user_data, stop, |sender| {
            let bytes = match length {
                0 => Vec::new(),
                // SAFETY: the caller's promise.
                _ => slice::from_raw_parts(data.cast_const().cast::<u8>(), length).to_vec(),
            };
            match sender.feed(bytes).is_continue() {
                true => length,
                false => stop,
            }
        })
    }
}

/// `void (*)(void *user_data)`, which C calls when it is done with `user_data`: ends the stream after what is queued, unless there are other
/// senders. Nothing, for a pointer that is null.
///
/// # Safety
/// As for [`Sender::from_raw`], for a `Sender<T, E>`; or the pointer is null.
pub unsafe extern "C" fn release<T: Send + 'static, E: Send + 'static>(user_data: *mut c_void) {
    if user_data.is_null() {
        return;
    }
    // SAFETY: the caller's promise is the one asked for here.
    let sender = unsafe { Sender::<T, E>::from_raw(user_data) };
    // What it frees, and whom it wakes, may panic. There is nobody left to be told.
    no_unwind((), || drop(sender));
}
