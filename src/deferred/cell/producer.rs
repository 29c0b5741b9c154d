//! What the producer's half of a node does: it fires, or ends otherwise.

use std::{panic::Location, ptr::NonNull};

use super::{
    Header, Node, NodeRef, chain, control, state, vtable_of,
    whence::{self, Whence},
};
use crate::{Aborted, deferred::unhandled};

/// What becomes of a failure that arrives at a node whose consumer is gone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unwatched {
    /// It is reported as unhandled.
    Report,
    /// It is dropped: the producer ended without a result, and nobody was waiting for one.
    Ignore,
}

/// What becomes of a result that nobody will see. One that comes after a cancellation is no surprise.
pub(super) fn drop_unseen<T, E: 'static>(
    result: Result<T, E>,
    unseen: Option<(&'static Location<'static>, Whence)>,
    unwatched: Unwatched,
) {
    if let (Some((made_at, whence)), Unwatched::Report) = (unseen, unwatched) {
        unhandled::report_failure(result, made_at, || whence.into_told());
    }
}

impl<T: 'static, E: From<Aborted> + 'static> NodeRef<T, E> {
    /// Whether somebody would see a result.
    pub(super) fn is_wanted(self) -> bool {
        // ORDERING: nothing is read on the strength of the answer.
        let word = self.header().state.load(std::sync::atomic::Ordering::Relaxed);
        word != state::DETACHED && word != state::CANCELLED && word != state::ABANDONED
    }

    /// Lets go of what only a node that has not fired has. Says whether the node is just being cancelled.
    ///
    /// # Safety
    /// The caller is the producer, which is a completer, and is about to fire or to end otherwise.
    #[inline]
    pub(super) unsafe fn prepare_to_fire(self) -> bool {
        // SAFETY: promised by the caller.
        self.ext()
            .is_some_and(|ext| unsafe { (vtable_of(ext).firing)(self.node()) })
    }

    /// Fires the node: the producer's half ends. Runs the callbacks attached to it.
    ///
    /// # Safety
    /// The caller is the producer, has not published, and does not use its half again.
    #[inline]
    pub(super) unsafe fn fire(self, result: Result<T, E>, at: &'static Location<'static>, unwatched: Unwatched) {
        let word = Whence::of(&result, at).fired();
        // SAFETY: promised by the caller.
        unsafe { self.write(result) };
        // SAFETY: the result was just written.
        if let Some(link) = unsafe { self.publish(word, |result, unseen| drop_unseen(result, unseen, unwatched)) } {
            // SAFETY: `publish` handed over the link together with the result in this node.
            unsafe { self.begin(link, Whence::from_word(word)) };
        }
    }

    /// Runs the link that was attached to this node, a root, with its result.
    ///
    /// # Safety
    /// The node has fired; the link and the result are the caller's.
    #[inline(never)]
    unsafe fn begin(self, link: Node, whence: Whence) {
        let root = self.node();
        // SAFETY: a node with a link is a root: only completers and tasks fire.
        if chain::is_deep() || unsafe { chain::root_of(root) }.control().is_some() {
            // SAFETY: promised by the caller.
            let result = unsafe { self.read() };
            // SAFETY: as above.
            unsafe { control::begin(root, link, result, whence) };
        } else {
            // SAFETY: as above.
            unsafe { chain::drive(root, link, self.input(), whence) };
        }
    }

    /// Ends the producer's half without a result: fires [`Aborted::dropped`], if anybody waits. One that its canceller
    /// drops fires [`Aborted::cancelled`].
    ///
    /// # Safety
    /// As for `fire`.
    #[inline]
    pub(super) unsafe fn give_up(self) {
        // SAFETY: promised by the caller.
        let is_cancelled = unsafe { self.prepare_to_fire() };
        // ORDERING: Acquire pairs with the consumer's Release of its half in `detach`.
        if self.header().state.load(std::sync::atomic::Ordering::Acquire) == state::DETACHED {
            // SAFETY: `DETACHED`: the node is the producer's alone, and nothing was written.
            unsafe { self.free() };
        } else {
            let aborted = if is_cancelled {
                Aborted::cancelled()
            } else {
                Aborted::dropped()
            };
            // SAFETY: promised by the caller.
            unsafe { self.fire(Err(E::from(aborted)), self.made_at(), Unwatched::Ignore) };
        }
    }

    /// Like [`fire`](Self::fire), but hands the result back if nobody would see it.
    ///
    /// # Safety
    /// As for `fire`.
    pub(super) unsafe fn try_fire(
        self,
        result: Result<T, E>,
        at: &'static Location<'static>,
    ) -> Result<(), Result<T, E>> {
        let word = Whence::of(&result, at).fired();
        let mut refused = None;
        // SAFETY: promised by the caller.
        unsafe { self.write(result) };
        // SAFETY: the result was just written.
        if let Some(link) = unsafe { self.publish(word, |result, _| refused = Some(result)) } {
            // SAFETY: `publish` handed over the link together with the result in this node.
            unsafe { self.begin(link, Whence::from_word(word)) };
        }
        refused.map_or(Ok(()), Err)
    }

    /// Makes the result known that was written, with the word that says where it comes from. Gives the link to run with it, if there is one. A result that
    /// nobody will see goes to `unseen`, with the place where the node was made if it was not cancelled.
    ///
    /// # Safety
    /// The caller is the producer and has written a result; its half ends, except that the link
    /// it is given is its own to run, and with it the result and the word. Otherwise that has been taken care of.
    #[inline]
    pub(super) unsafe fn publish(
        self,
        word: *mut Header,
        unseen: impl FnOnce(Result<T, E>, Option<(&'static Location<'static>, Whence)>),
    ) -> Option<Node> {
        use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
        let state = &self.header().state;
        // Looked at first, as an exchange that fails costs no less than one that succeeds.
        // ORDERING: Acquire, here and wherever an exchange fails, pairs with the consumer's Release
        // of its half in `detach` and `abandon`.
        let mut seen = state.load(Acquire);
        loop {
            if seen == state::EMPTY {
                // ORDERING: Release publishes the value to the consumer's Acquire in `take` and `attach`.
                match state.compare_exchange(state::EMPTY, word, Release, Acquire) {
                    Ok(_) => return None,
                    Err(now) => seen = now,
                }
            } else if seen == state::WAKER {
                // ORDERING: Acquire pairs with the consumer's Release of the waker in `poll`.
                match state.compare_exchange(state::WAKER, whence::firing(word), AcqRel, Acquire) {
                    Ok(_) => {
                        // SAFETY: `FIRING` gives the producer the waker and keeps the node alive.
                        let waker = unsafe { self.take_waker() };
                        // ORDERING: Release, so that the consumer frees the node after the waker
                        // was moved out; Acquire for the consumer's last use of it.
                        if state
                            .compare_exchange(whence::firing(word), word, AcqRel, Acquire)
                            .is_err()
                        {
                            // SAFETY: `TAKEN`: the consumer took the value and left the node to us.
                            unsafe { self.free() };
                        }
                        waker.wake();
                        return None;
                    }
                    Err(now) => seen = now,
                }
            } else if seen == state::DETACHED {
                let made_at = self.made_at();
                // SAFETY: the node is the producer's alone, and the value was written.
                let result = unsafe { self.read() };
                // SAFETY: the value was moved out.
                unsafe { self.free() };
                // SAFETY: the word went nowhere.
                unseen(result, Some((made_at, unsafe { Whence::from_word(word) })));
                return None;
            } else if seen == state::CANCELLED || seen == state::ABANDONED {
                // SAFETY: a cancellation leaves the value to the producer.
                let late = unsafe { self.read() };
                // SAFETY: the value was moved out.
                unsafe { self.retire() };
                // SAFETY: the word went nowhere.
                drop(unsafe { Whence::from_word(word) });
                unseen(late, None);
                return None;
            } else {
                debug_assert!(state::is_link(seen), "published twice");
                // ORDERING: Acquire pairs with the consumer's Release of the link in `attach`. A
                // cancellation of a root takes the link by the same exchange.
                match state.compare_exchange(seen, state::FIRED, Acquire, Relaxed) {
                    Ok(link) => return NonNull::new(link),
                    Err(now) => seen = now,
                }
            }
        }
    }

    /// Ends the producer's half without a result, after a cancellation or for want of a consumer.
    ///
    /// # Safety
    /// The caller is the producer, nothing is in the value, and the state is `CANCELLED`,
    /// `ABANDONED` or `DETACHED`.
    pub(super) unsafe fn retire(self) {
        use std::sync::atomic::Ordering::{Acquire, Release};
        // ORDERING: Release, so that the consumer frees the node after the producer's last use;
        // Acquire on failure for the opposite case.
        let left = self
            .header()
            .state
            .compare_exchange(state::CANCELLED, state::SPENT, Release, Acquire);
        if left.is_err() {
            // SAFETY: `ABANDONED` or `DETACHED`: the node is the producer's alone.
            unsafe { self.free() };
        }
    }

    /// Cancels the node if it is pending, and says whether it was: `claimed` runs, then the
    /// consumer learns of it.
    ///
    /// # Safety
    /// The node is a root and the caller keeps it alive as a consumer.
    pub(super) unsafe fn cancel_with(self, claimed: impl FnOnce()) -> bool {
        // SAFETY: promised by the caller.
        let Some(seen) = (unsafe { self.claim() }) else {
            return false;
        };
        // The slot and the link were ours from here on, so they are taken before foreign code runs.
        let waker = (seen == state::WAKER).then(|| {
            // SAFETY: the exchange took the waker from the slot's two other users.
            unsafe { self.take_waker() }
        });
        claimed();
        if let Some(waker) = waker {
            waker.wake();
        } else if state::is_link(seen) {
            // SAFETY: a link's address is not null, and the exchange made it ours to run.
            unsafe {
                control::begin(
                    self.node(),
                    NonNull::new_unchecked(seen),
                    Err::<T, E>(E::from(Aborted::cancelled())),
                    Whence::at(self.made_at()),
                );
            }
        }
        true
    }

    /// Fires the node in its producer's place, which may still be there, and whose own result is dropped when it
    /// comes. Gives the result back if the producer was faster.
    ///
    /// # Safety
    /// The node is a root with a link attached and the caller keeps it alive as a consumer.
    pub(super) unsafe fn fire_instead(self, result: Result<T, E>) -> Result<(), Result<T, E>> {
        // SAFETY: promised by the caller.
        match unsafe { self.claim() }.and_then(NonNull::new) {
            Some(link) => {
                let whence = Whence::of(&result, self.made_at());
                // SAFETY: the exchange made the link ours to run.
                unsafe { control::begin(self.node(), link, result, whence) };
                Ok(())
            }
            None => Err(result),
        }
    }

    /// Makes the node cancelled, if it is pending. Gives the state that it left, whose waker or link are now the
    /// caller's.
    ///
    /// # Safety
    /// As for [`cancel_with`](Self::cancel_with).
    unsafe fn claim(self) -> Option<*mut Header> {
        use std::sync::atomic::Ordering::{AcqRel, Acquire};
        let state = &self.header().state;
        let mut seen = state.load(Acquire);
        loop {
            if !state::is_pending(seen) || seen == state::DETACHED {
                return None;
            }
            // ORDERING: Acquire for the waker or the link that we take, Release for the producer,
            // which frees the node when the consumer has gone.
            match state.compare_exchange(seen, state::CANCELLED, AcqRel, Acquire) {
                Ok(_) => return Some(seen),
                Err(now) => seen = now,
            }
        }
    }
}
