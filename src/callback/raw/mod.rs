//! The border to C: the one place of this module with `unsafe`.
//!
//! # The invariant
//!
//! A `user_data` pointer is one of two things, and the module that made it is the module that reads it:
//!
//! * [`once`]: a [`Completer`] itself, owned by whoever has the pointer. Reading it takes it, so a pointer is read once.
//! * [`shared`]: one reference to an [`SharedCompleter`], owned by whoever has the pointer until [`shared::release`].
//!   Firing borrows it only for as long as it takes to move the completer out, and what runs then holds
//!   nothing of the library's; so the library may release it from inside of the callback.
//!
//! The types of a completer are not in the pointer. That both sides name the same ones is what every `unsafe fn` here asks of its
//! caller, beside that the library keeps to what it promises about the pointer.
//!
//! Every function that C calls catches all panics, by [`contain`](super::contain).

#![allow(unsafe_code)]

mod convention;
pub mod once;
mod shapes;
pub mod shared;
mod trampoline;

use std::ffi::c_void;

pub use self::{
    convention::{Convention, Done, Errno, NegativeErrno},
    shared::SharedCompleter,
};
use crate::{Aborted, Completer};

/// Hands a completer to C with a call that registers a callback, and takes it back when that call fails.
///
/// `start` is called with the [pointer](Completer::into_raw) and makes the call. `Ok` says that the library has it, and will call
/// [one of the trampolines](once) with it, at some time, now included; then this gives what `start` gave, such as an id to
/// cancel with. `Err` says that the library will not call: the deferred fails with that error, and this gives `None`.
///
/// A panic of `start` leaves open whether the library has the pointer. The completer is not touched then, and its memory
/// leaks if nobody calls.
///
/// ```
/// use std::{ffi::{c_int, c_void}, io};
/// use interloop::{Deferred, callback::{self, NegativeErrno, once}};
/// # // Stands for the C library.
/// # unsafe extern "C" fn lib_start(
/// #     n: c_int,
/// #     callback: unsafe extern "C" fn(c_int, *mut c_void),
/// #     user_data: *mut c_void,
/// # ) -> c_int {
/// #     if n < 0 {
/// #         return -22;
/// #     }
/// #     unsafe { callback(n, user_data) };
/// #     0
/// # }
///
/// /// `int lib_start(int n, void (*callback)(int status, void *user_data), void *user_data)`
/// fn start(n: c_int) -> Deferred<c_int, io::Error> {
///     let (completer, deferred) = Deferred::pair();
///     // SAFETY: `lib_start` calls back once if it gives 0, and never otherwise; the trampoline is for these types.
///     unsafe {
///         callback::register(completer, |user_data| {
///             match lib_start(n, once::last::<NegativeErrno, _>, user_data) {
///                 0 => Ok(()),
///                 error => Err(io::Error::from_raw_os_error(-error)),
///             }
///         });
///     }
///     deferred
/// }
///
/// assert_eq!(start(7).try_take().unwrap().unwrap(), 7);
/// assert_eq!(start(-1).try_take().unwrap().unwrap_err().kind(), io::ErrorKind::InvalidInput);
/// ```
///
/// # Safety
/// If `start` gives `Ok`, the library takes the pointer back at most once, with a trampoline for the completer's types. If it
/// gives `Err`, the library has not called with the pointer, and never will.
#[inline]
#[track_caller]
pub unsafe fn register<T, E, R>(
    completer: Completer<T, E>,
    start: impl FnOnce(*mut c_void) -> Result<R, E>,
) -> Option<R>
where
    T: Send + 'static,
    E: From<Aborted> + Send + 'static,
{
    let user_data = completer.into_raw();
    match start(user_data) {
        Ok(started) => Some(started),
        Err(error) => {
            // SAFETY: promised by the caller: nobody else takes it.
            unsafe { Completer::<T, E>::from_raw(user_data) }.fail(error);
            None
        }
    }
}
