//! What the consumer's half of a node does: it takes the result, waits for it, or detaches.

use std::{
    mem::ManuallyDrop,
    task::{Context, Poll},
};

use super::{
    Header, NodeRef, state,
    whence::{self, Whence},
};
use crate::Aborted;

impl<T: 'static, E: From<Aborted> + 'static> NodeRef<T, E> {
    /// Takes the result, if there is one; then the consumer's half has ended.
    ///
    /// # Safety
    /// The caller is the consumer, and does not use its half after `Some`.
    #[inline]
    pub(super) unsafe fn take(self) -> Option<Result<T, E>> {
        use std::sync::atomic::Ordering::Acquire;
        // ORDERING: Acquire pairs with the producer's Release of the value in `publish`.
        let seen = self.header().state.load(Acquire);
        if state::is_pending(seen) {
            None
        } else {
            // SAFETY: promised by the caller.
            Some(unsafe { self.take_settled(seen) })
        }
    }

    /// Takes the result that is there, with where it comes from; the consumer's half ends.
    ///
    /// # Safety
    /// As for `take`, and a result is there.
    pub(super) unsafe fn take_with_whence(self) -> (Result<T, E>, Whence) {
        // ORDERING: as in `take`.
        let seen = self.header().state.load(std::sync::atomic::Ordering::Acquire);
        // SAFETY: promised by the caller.
        unsafe { self.take_slow(seen) }
    }

    /// Takes the result that is there; the consumer's half ends.
    ///
    /// # Safety
    /// The caller is the consumer, has seen this state with Acquire, and it is not a pending one.
    #[inline]
    pub(super) unsafe fn take_settled(self, seen: *mut Header) -> Result<T, E> {
        if seen != state::FIRED {
            // SAFETY: promised by the caller.
            return unsafe { self.take_slow(seen) }.0;
        }
        // SAFETY: `FIRED`: the value is there, and the node is the consumer's alone.
        let result = unsafe { self.read() };
        // SAFETY: the value was moved out.
        unsafe { self.free() };
        result
    }

    /// Like [`take_settled`](Self::take_settled), with where the result comes from.
    ///
    /// # Safety
    /// As for `take_settled`.
    #[cold]
    pub(super) unsafe fn take_slow(self, seen: *mut Header) -> (Result<T, E>, Whence) {
        use std::sync::atomic::Ordering::{Acquire, Release};
        let state = &self.header().state;
        if whence::has_fired(seen) {
            // SAFETY: `FIRED`: the value is there, and the node is the consumer's alone.
            let result = unsafe { self.read() };
            // SAFETY: the value was moved out.
            unsafe { self.free() };
            // SAFETY: the result is taken.
            (result, unsafe { Whence::from_word(seen) })
        } else if whence::is_firing(seen) {
            // SAFETY: `FIRING`: the value is there for the consumer.
            let result = unsafe { self.read() };
            // ORDERING: Release, so that the producer frees the node after the value was moved out.
            if state.compare_exchange(seen, state::TAKEN, Release, Acquire).is_err() {
                // SAFETY: `FIRED` by now: the node is the consumer's alone.
                unsafe { self.free() };
            }
            // SAFETY: the result is taken.
            (result, unsafe { Whence::from_word(seen) })
        } else {
            let whence = Whence::at(self.made_at());
            // SAFETY: `CANCELLED` or `SPENT`.
            unsafe { self.abandon() };
            (Err(E::from(Aborted::cancelled())), whence)
        }
    }

    /// Ends the consumer's half of a cancelled node.
    ///
    /// # Safety
    /// The caller is the consumer, the state is `CANCELLED` or `SPENT`, and the slot is vacant.
    pub(super) unsafe fn abandon(self) {
        use std::sync::atomic::Ordering::{Acquire, Release};
        // ORDERING: as in `retire`, from the other side.
        let left = self
            .header()
            .state
            .compare_exchange(state::CANCELLED, state::ABANDONED, Release, Acquire);
        if left.is_err() {
            // SAFETY: `SPENT`: the node is the consumer's alone, without a value.
            unsafe { self.free() };
        }
    }

    /// Takes the result, or leaves the waker to be woken when it is there.
    ///
    /// # Safety
    /// The caller is the consumer, and does not use its half after `Ready`.
    pub(super) unsafe fn poll(self, cx: &mut Context<'_>) -> Poll<Result<T, E>> {
        use std::sync::atomic::Ordering::{Acquire, Release};
        let state = &self.header().state;
        loop {
            // ORDERING: as in `take`.
            let seen = state.load(Acquire);
            if !state::is_pending(seen) {
                // SAFETY: promised by the caller.
                return Poll::Ready(unsafe { self.take_settled(seen) });
            }
            if seen == state::WAKER {
                let same = self.header().slot.with(|slot| {
                    // SAFETY: nobody but the consumer writes the slot of a node in `WAKER`, so its
                    // bits are still those of the waker, even if the producer has moved it out
                    // meanwhile; and comparing it looks at nothing else.
                    unsafe { (*slot).waker.will_wake(cx.waker()) }
                });
                // If the producer has moved it out, then it wakes the one that we would leave.
                if same {
                    return Poll::Pending;
                }
                if !self.vacate_slot(seen) {
                    continue;
                }
            }
            let waker = ManuallyDrop::new(cx.waker().clone());
            self.header().slot.with_mut(|slot| {
                // SAFETY: in `EMPTY` the slot is the consumer's, and the producer leaves that state
                // without looking at the slot.
                unsafe { (*slot).waker = waker };
            });
            // ORDERING: Release publishes the waker to the producer's Acquire in `publish`.
            if state
                .compare_exchange(state::EMPTY, state::WAKER, Release, Acquire)
                .is_ok()
            {
                return Poll::Pending;
            }
            // SAFETY: the state was not `EMPTY`, so the producer did not see the waker.
            drop(unsafe { self.take_waker() });
        }
    }

    /// Detaches: the consumer's half ends. Gives the result that nobody took, if there is one.
    ///
    /// # Safety
    /// The caller is the consumer and does not use its half again.
    #[inline]
    pub(super) unsafe fn detach(self) -> Option<(Result<T, E>, Whence)> {
        use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
        let state = &self.header().state;
        loop {
            // ORDERING: as in `take`.
            let seen = state.load(Acquire);
            if !state::is_pending(seen) {
                // SAFETY: promised by the caller.
                return Some(unsafe { self.take_slow(seen) });
            }
            // ORDERING: Release, so that the producer frees the node after our last use of it.
            // Relaxed on failure, as the state is loaded again.
            if self.vacate_slot(seen)
                && state
                    .compare_exchange(state::EMPTY, state::DETACHED, Release, Relaxed)
                    .is_ok()
            {
                return None;
            }
        }
    }

    /// Makes the slot vacant and the consumer's, given the pending state that was seen, by dropping
    /// the waker that an earlier poll left. `false` if it was too late for that: a result is there,
    /// and the producer may be reading the slot.
    #[inline]
    pub(super) fn vacate_slot(self, seen: *mut Header) -> bool {
        use std::sync::atomic::Ordering::{Acquire, Relaxed};
        if seen == state::EMPTY {
            return true;
        }
        // ORDERING: Relaxed on failure, as the caller loads the state again.
        let taken = self
            .header()
            .state
            .compare_exchange(state::WAKER, state::EMPTY, Acquire, Relaxed);
        if taken.is_ok() {
            // SAFETY: leaving `WAKER` by our exchange makes the waker ours.
            drop(unsafe { self.take_waker() });
        }
        taken.is_ok()
    }
}
