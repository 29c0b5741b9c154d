//! Callbacks that own their user data: each is called once, or never.
//!
//! The user data is what [`Completer::into_raw`] gave, and belongs to the library until it calls. All functions take the pointer
//! back, so one of them is called with it, and once: of a pair of callbacks, such as one for success and one for failure, either.
//!
//! | the callback's type in C | trampoline | its [`Convention`] |
//! |---|---|---|
//! | `void (*)(void *user_data)` | [`done`] | `<()>`, e.g. [`Done`](super::Done) |
//! | `void (*)(void *user_data, A)` | [`first`] | `<A>` |
//! | `void (*)(A, void *user_data)` | [`last`] | `<A>` |
//! | `void (*)(void *user_data, A, B)` | [`first_2`] | `<(A, B)>` |
//! | `void (*)(A, B, void *user_data)` | [`last_2`] | `<(A, B)>` |
//! | three, and four more arguments | [`first_3`], [`last_3`], [`first_4`] | `<(A, B, C)>`, `<(A, B, C, D)>` |
//! | called instead of the callback, to free the user data | [`release`] | |
//! | any other | [`trampoline!`](crate::trampoline), with `once(user_data)` | |

use std::ffi::c_void;

use super::{Convention, shapes::all_shapes};
use crate::{Aborted, Completer, callback::contain};

/// Takes the completer back, and fires it with what `body` gives: what the trampolines do, for a callback that you write
/// yourself.
///
/// No panic comes out: one of `body` fails the deferred with [`Aborted::panicked`]; one of a waker, or of a destructor of what the result
/// replaces, is [reported](crate::unhandled). A result that comes after the deferred was cancelled is dropped, silently.
///
/// # Safety
/// The pointer is from [`Completer::into_raw`] of a completer of these types, and this is the only use of it.
#[inline]
#[track_caller]
pub unsafe fn fire<T, E>(user_data: *mut c_void, body: impl FnOnce() -> Result<T, E>)
where
    T: Send + 'static,
    E: From<Aborted> + Send + 'static,
{
    // SAFETY: promised by the caller.
    contain::settle(unsafe { Completer::<T, E>::from_raw(user_data) }, body);
}

/// Frees user data whose callback was not called, and will not be: the deferred fails with [`Aborted::dropped`].
///
/// For a library that either calls or frees. One that frees also after it has called is for
/// [`shared::release`](super::shared::release).
///
/// # Safety
/// As for [`fire`].
pub unsafe extern "C" fn release<T, E>(user_data: *mut c_void)
where
    T: Send + 'static,
    E: From<Aborted> + Send + 'static,
{
    // SAFETY: promised by the caller.
    contain::run(|| drop(unsafe { Completer::<T, E>::from_raw(user_data) }));
}

all_shapes!();
