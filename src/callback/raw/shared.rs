//! Callbacks that borrow their user data: it is freed by a function of its own, a destroy notification.
//!
//! The user data is what [`SharedCompleter::into_raw`] or [`to_raw`](SharedCompleter::to_raw) gave, one reference, which belongs to the library until that calls
//! [`release`]. In between it may call as often as it likes: the first call fires the deferred, all others are
//! reported to the [hook for unhandled failures](crate::unhandled::set_hook) and do no harm. If it releases
//! without having called, the deferred fails with [`Aborted::dropped`].
//!
//! The trampolines are those of [`once`](super::once), by the same names.

use std::{
    ffi::c_void,
    fmt,
    marker::PhantomData,
    ptr,
    sync::{
        Arc,
        atomic::{AtomicPtr, Ordering},
    },
};

use super::{Convention, shapes::all_shapes};
use crate::{
    Aborted, Completer,
    callback::{FiredAgain, Misfire, contain},
};

/// A completer that several hold, such as a C library and the code that called it. The first that fires, fires it; when the
/// last lets go, and none has, the deferred fails with [`Aborted::dropped`].
///
/// One allocation more than the deferred's own. Clones are the same completer.
///
/// ```
/// use interloop::{Aborted, Deferred, callback::{Done, SharedCompleter, shared}};
///
/// let (completer, deferred) = Deferred::<(), Aborted>::pair();
/// let completer = SharedCompleter::new(completer);
/// let (callback, destroy, user_data) = (shared::done::<Done>, shared::release::<(), Aborted>, completer.to_raw());
/// // What the library does later:
/// // SAFETY: the pointer is a reference to a completer of these types, which is released once, at last.
/// unsafe {
///     callback(user_data);
///     destroy(user_data);
/// }
/// assert!(deferred.try_take().unwrap().is_ok());
/// assert!(completer.settle(Ok(())).is_err());
/// ```
pub struct SharedCompleter<T: 'static, E: From<Aborted> + 'static = Aborted>
where
    T: Send,
    E: Send,
{
    slot: Arc<Slot<T, E>>,
}

struct Slot<T: Send + 'static, E: From<Aborted> + Send + 'static> {
    /// From `Completer::into_raw`, or null when it was taken out. Whoever exchanges it owns it.
    completer: AtomicPtr<c_void>,
    types: PhantomData<Completer<T, E>>,
}

impl<T: Send + 'static, E: From<Aborted> + Send + 'static> Slot<T, E> {
    fn take(&self) -> Option<Completer<T, E>> {
        // ORDERING: Acquire pairs with the publication of the slot, which the library passes from thread to thread by means of
        // its own, and which nothing is known of.
        let raw = self.completer.swap(ptr::null_mut(), Ordering::Acquire);
        // SAFETY: the slot owned what it held, and does not hold it any more.
        (!raw.is_null()).then(|| unsafe { Completer::from_raw(raw) })
    }
}

impl<T: Send + 'static, E: From<Aborted> + Send + 'static> Drop for Slot<T, E> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

impl<T: Send + 'static, E: From<Aborted> + Send + 'static> SharedCompleter<T, E> {
    /// Shares a completer.
    pub fn new(completer: Completer<T, E>) -> Self {
        Self {
            slot: Arc::new(Slot {
                completer: AtomicPtr::new(completer.into_raw()),
                types: PhantomData,
            }),
        }
    }

    /// Fires the deferred, if nobody else has.
    ///
    /// # Errors
    /// Gives the result back if somebody has.
    #[track_caller]
    pub fn settle(&self, result: Result<T, E>) -> Result<(), FiredAgain<T, E>> {
        match self.slot.take() {
            Some(completer) => {
                completer.settle(result);
                Ok(())
            }
            None => Err(FiredAgain::new(result)),
        }
    }

    /// Whether somebody has fired it.
    pub fn has_fired(&self) -> bool {
        // ORDERING: nothing is read on the strength of the answer.
        self.slot.completer.load(Ordering::Relaxed).is_null()
    }

    /// This reference as a pointer: the user data for a library that calls [`release`] with it when it lets go. If the call that
    /// takes it fails, and does not release it, [`from_raw`](Self::from_raw) does.
    #[must_use = "the deferred never fails with `Aborted::dropped` if the pointer is lost, and its memory leaks"]
    pub fn into_raw(self) -> *mut c_void {
        Arc::into_raw(self.slot).cast_mut().cast()
    }

    /// One more reference as a pointer, for who keeps one: to fire it with the error of the call that takes the pointer, or when the
    /// library is to be told no more.
    #[must_use = "the deferred never fails with `Aborted::dropped` if the pointer is lost, and its memory leaks"]
    pub fn to_raw(&self) -> *mut c_void {
        self.clone().into_raw()
    }

    /// Takes a reference back that [`into_raw`](Self::into_raw), [`to_raw`](Self::to_raw) or [`retain`] gave.
    ///
    /// # Safety
    /// The pointer is from one of these, of a completer of these types, and stands for a reference that nobody has taken back yet.
    pub unsafe fn from_raw(user_data: *const c_void) -> Self {
        Self {
            // SAFETY: promised by the caller.
            slot: unsafe { Arc::from_raw(user_data.cast()) },
        }
    }
}

impl<T: Send + 'static, E: From<Aborted> + Send + 'static> Clone for SharedCompleter<T, E> {
    fn clone(&self) -> Self {
        Self {
            slot: self.slot.clone(),
        }
    }
}

impl<T: Send + 'static, E: From<Aborted> + Send + 'static> fmt::Debug for SharedCompleter<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedCompleter")
            .field("has_fired", &self.has_fired())
            .finish()
    }
}

/// Fires the deferred with what `body` gives, if nobody has: what the trampolines do, for a callback that you write yourself.
///
/// Panics are contained as by [`once::fire`](super::once::fire). If somebody has fired it, `body` is called nevertheless, as it may
/// have to free what C gave it; its result is dropped, and [`Misfire::Fired`] reported.
///
/// # Safety
/// The pointer is from [`SharedCompleter::into_raw`] or its like, of a completer of these types, and is not released before this is called. (It
/// may be released while this runs, by what runs inside of it.)
#[inline]
#[track_caller]
pub unsafe fn fire<T, E>(user_data: *mut c_void, body: impl FnOnce() -> Result<T, E>)
where
    T: Send + 'static,
    E: From<Aborted> + Send + 'static,
{
    // SAFETY: promised by the caller; the borrow ends before anything else runs.
    let taken = unsafe { (*user_data.cast::<Slot<T, E>>()).take() };
    match taken {
        Some(completer) => contain::settle(completer, body),
        None => contain::refuse(body, Misfire::Fired),
    }
}

/// Lets go of a reference: `void (*)(void *user_data)`, as destroy notifications and `free` functions are declared. The
/// deferred fails with [`Aborted::dropped`] if it was the last one, and nobody has fired it.
///
/// # Safety
/// As for [`SharedCompleter::from_raw`].
pub unsafe extern "C" fn release<T, E>(user_data: *mut c_void)
where
    T: Send + 'static,
    E: From<Aborted> + Send + 'static,
{
    // SAFETY: promised by the caller.
    contain::run(|| drop(unsafe { SharedCompleter::<T, E>::from_raw(user_data) }));
}

/// The same with `const`, as the contexts of CoreFoundation declare it.
///
/// # Safety
/// As for [`release`].
pub unsafe extern "C" fn release_const<T, E>(info: *const c_void)
where
    T: Send + 'static,
    E: From<Aborted> + Send + 'static,
{
    // SAFETY: promised by the caller.
    unsafe { release::<T, E>(info.cast_mut()) }
}

/// Takes one more reference, as the contexts of CoreFoundation have it: `const void *(*)(const void *info)`.
///
/// # Safety
/// The pointer is from [`SharedCompleter::into_raw`] or its like, of a completer of these types, and not released yet.
pub unsafe extern "C" fn retain<T, E>(info: *const c_void) -> *const c_void
where
    T: Send + 'static,
    E: From<Aborted> + Send + 'static,
{
    // SAFETY: promised by the caller.
    unsafe { Arc::increment_strong_count(info.cast::<Slot<T, E>>()) };
    info
}

all_shapes!();
