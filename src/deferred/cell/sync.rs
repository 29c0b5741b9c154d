//! The atomics and the interior mutability of the cell: std's, or loom's while it is model-checked.

#[cfg(interloop_loom)]
pub(super) use self::checked::{StateWord, UnsafeCell};
#[cfg(interloop_loom)]
pub(super) use loom::sync::atomic::{AtomicPtr, AtomicUsize};

/// The atomic that every node has exactly one of.
#[cfg(not(interloop_loom))]
pub(super) use std::sync::atomic::AtomicPtr as StateWord;
#[cfg(not(interloop_loom))]
pub(super) use std::sync::atomic::{AtomicPtr, AtomicUsize};

/// `std::cell::UnsafeCell` with loom's access by closure, so that one source serves both.
#[cfg(not(interloop_loom))]
#[derive(Debug)]
#[repr(transparent)]
pub(super) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(interloop_loom))]
impl<T> UnsafeCell<T> {
    pub(super) const fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    #[inline(always)]
    pub(super) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    #[inline(always)]
    pub(super) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

/// Loom's types, for which freeing is an access that loom checks: whatever another thread did with
/// the memory must have happened before. A node that is not freed at all is found by its state word.
#[cfg(interloop_loom)]
mod checked {
    use std::{ops::Deref, thread};

    pub(in crate::deferred::cell) struct StateWord<T> {
        atomic: loom::sync::atomic::AtomicPtr<T>,
        _leak_check: loom::alloc::Track<()>,
    }

    impl<T> StateWord<T> {
        pub(in crate::deferred::cell) fn new(pointer: *mut T) -> Self {
            Self {
                atomic: loom::sync::atomic::AtomicPtr::new(pointer),
                _leak_check: loom::alloc::Track::new(()),
            }
        }
    }

    impl<T> Deref for StateWord<T> {
        type Target = loom::sync::atomic::AtomicPtr<T>;

        fn deref(&self) -> &Self::Target {
            &self.atomic
        }
    }

    impl<T> Drop for StateWord<T> {
        fn drop(&mut self) {
            if !thread::panicking() {
                self.atomic.with_mut(|_| ());
            }
        }
    }

    pub(in crate::deferred::cell) struct UnsafeCell<T>(loom::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(in crate::deferred::cell) fn new(value: T) -> Self {
            Self(loom::cell::UnsafeCell::new(value))
        }
    }

    impl<T> Deref for UnsafeCell<T> {
        type Target = loom::cell::UnsafeCell<T>;

        fn deref(&self) -> &Self::Target {
            &self.0
        }
    }

    impl<T> Drop for UnsafeCell<T> {
        fn drop(&mut self) {
            if !thread::panicking() {
                self.0.with_mut(|_| ());
            }
        }
    }
}
