//! A completer as the `void *` of a C library.

use std::{ffi::c_void, ptr::NonNull};

use super::half::Producer;
use crate::{Aborted, Completer};

/// As the user data of a C callback. See [`callback`](crate::callback) for what calls it.
impl<T: Send + 'static, E: From<Aborted> + Send + 'static> Completer<T, E> {
    /// Gives the completer away as a pointer: it *is* one, so this neither allocates nor costs anything. The pointer is
    /// never null, and nobody but [`from_raw`](Self::from_raw) may look at what it points to.
    ///
    /// Whoever has the pointer owns the completer:
    ///
    /// * Handed to C with the callback that it is for, it is the library's until it calls. The callback takes it back with
    ///   `from_raw` (the trampolines of [`callback`](crate::callback) do), and the pointer is worth nothing from then on.
    /// * If the library never calls, and says that it will not, because it failed, or was shut down, `from_raw` takes it back in
    ///   Rust, and dropping it fails the deferred with [`Aborted::dropped`]. For the call that registers the callback
    ///   there is [`callback::register`](crate::callback::register).
    /// * If it never calls, and says nothing, then nothing can free the completer: the deferred waits for ever, unless
    ///   it is cancelled or has a time limit, and its allocation leaks (that of a pair; callbacks attached to it are freed
    ///   by a cancellation). [`callback::Tokens`](crate::callback::Tokens) frees what waits with the table.
    /// * If it may call more than once, give it a [`SharedCompleter`](crate::callback::SharedCompleter) or a
    ///   [`Token`](crate::callback::Token) instead.
    ///
    /// ```
    /// use interloop::{Aborted, Completer, Deferred};
    ///
    /// let (completer, deferred) = Deferred::<u8, Aborted>::pair();
    /// let user_data = completer.into_raw();
    /// // SAFETY: it was made from a completer of these types just now, and is not used again.
    /// unsafe { Completer::<u8, Aborted>::from_raw(user_data) }.complete(7);
    /// assert_eq!(deferred.try_take().unwrap().unwrap(), 7);
    /// ```
    ///
    /// A library may call on any thread, so what goes through it has to be `Send`. What is not does not compile, and
    /// neither do the completers that stay on their thread:
    ///
    /// ```compile_fail,E0599
    /// # use std::rc::Rc;
    /// let (completer, _deferred) = interloop::Deferred::<Rc<u8>, interloop::Aborted>::pair();
    /// completer.into_raw();
    /// ```
    /// ```compile_fail,E0599
    /// let (completer, _deferred) = interloop::local::Deferred::<u8, interloop::Aborted>::pair();
    /// completer.into_raw();
    /// ```
    #[inline]
    #[must_use = "the deferred never fires if the pointer is lost, and its memory leaks"]
    pub fn into_raw(self) -> *mut c_void {
        self.into_half().into_raw().as_ptr()
    }

    /// Takes the completer back that [`into_raw`](Self::into_raw) gave away.
    ///
    /// # Safety
    /// The pointer comes from `into_raw` of a completer of exactly these types, and it has not been taken back before: not
    /// by another call of this, and not by a trampoline.
    #[inline]
    pub unsafe fn from_raw(raw: *mut c_void) -> Self {
        // SAFETY: promised by the caller; `into_raw` gives no null.
        Self::from_half(unsafe { Producer::from_raw(NonNull::new_unchecked(raw)) })
    }
}
