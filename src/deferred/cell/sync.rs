//! The atomics and the interior mutability of the cell: std's, or loom's while it is model-checked.

#[cfg(interloop_loom)]
pub(super) use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicPtr, AtomicUsize},
};

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
