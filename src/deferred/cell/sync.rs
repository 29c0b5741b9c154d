//! The atomics and the interior mutability of the cell: std's, or loom's while it is model-checked.

#[cfg(interloop_loom)]
pub(super) use self::checked::{AtomicPtr, StateWord, UnsafeCell};
#[cfg(interloop_loom)]
pub(super) use loom::sync::atomic::{AtomicPtr as TableWord, AtomicUsize};

/// The atomic that every node has exactly one of.
#[cfg(not(interloop_loom))]
pub(super) use std::sync::atomic::AtomicPtr as StateWord;
#[cfg(not(interloop_loom))]
pub(super) use std::sync::atomic::{AtomicPtr, AtomicPtr as TableWord, AtomicUsize};

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

/// Loom's types, checked more strictly.
///
/// Freeing them is an access that loom checks: whatever another thread did with the memory must have
/// happened before. A node that is not freed at all is found by its state word.
#[cfg(interloop_loom)]
mod checked {
    use std::{
        ops::Deref,
        sync::atomic::Ordering::{self, Relaxed},
        thread,
    };

    use loom::sync::atomic::{self, AtomicUsize};

    pub(in crate::deferred::cell) struct AtomicPtr<T> {
        pointer: atomic::AtomicPtr<T>,
        // Loom looks for races with the last access to an object only. Where a thread loads a word
        // and then exchanges it, its own load hides what another thread did before, and loom never
        // tries the exchange first. So each access is preceded by a relaxed exchange, which orders
        // nothing, but always races.
        turns: AtomicUsize,
    }

    impl<T> AtomicPtr<T> {
        pub(in crate::deferred::cell) fn new(pointer: *mut T) -> Self {
            Self {
                pointer: atomic::AtomicPtr::new(pointer),
                turns: AtomicUsize::new(0),
            }
        }

        fn in_turn(&self) -> &atomic::AtomicPtr<T> {
            self.turns.fetch_add(1, Relaxed);
            &self.pointer
        }

        pub(in crate::deferred::cell) fn load(&self, order: Ordering) -> *mut T {
            self.in_turn().load(order)
        }

        pub(in crate::deferred::cell) fn store(&self, new: *mut T, order: Ordering) {
            self.in_turn().store(new, order);
        }

        pub(in crate::deferred::cell) fn swap(&self, new: *mut T, order: Ordering) -> *mut T {
            self.in_turn().swap(new, order)
        }

        pub(in crate::deferred::cell) fn compare_exchange(
            &self,
            current: *mut T,
            new: *mut T,
            success: Ordering,
            failure: Ordering,
        ) -> Result<*mut T, *mut T> {
            self.in_turn().compare_exchange(current, new, success, failure)
        }
    }

    pub(in crate::deferred::cell) struct StateWord<T> {
        word: AtomicPtr<T>,
        _leak_check: loom::alloc::Track<()>,
    }

    impl<T> StateWord<T> {
        pub(in crate::deferred::cell) fn new(word: *mut T) -> Self {
            Self {
                word: AtomicPtr::new(word),
                _leak_check: loom::alloc::Track::new(()),
            }
        }
    }

    impl<T> Deref for StateWord<T> {
        type Target = AtomicPtr<T>;

        fn deref(&self) -> &Self::Target {
            &self.word
        }
    }

    impl<T> Drop for StateWord<T> {
        fn drop(&mut self) {
            if !thread::panicking() {
                self.word.pointer.with_mut(|_| ());
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
