//! The two halves of a node as owned values with a safe interface.

use std::{
    ffi::c_void,
    mem::ManuallyDrop,
    panic::Location,
    ptr::NonNull,
    sync::Arc,
    task::{Context, Poll},
};

use super::{NodeRef, Outcome, chain, control::Control, producer::Unwatched, state};
use crate::{
    Aborted,
    deferred::{State, unhandled},
};

/// The producer's half: fires once, at the latest when it is dropped.
pub(in crate::deferred) struct Producer<T: 'static, E: From<Aborted> + 'static> {
    node: NodeRef<T, E>,
}

/// The consumer's half. Empty once it gave the result out.
pub(in crate::deferred) struct Consumer<T: 'static, E: From<Aborted> + 'static> {
    node: Option<NodeRef<T, E>>,
}

// SAFETY: a half gives results out by value and shares nothing else but atomics; the callbacks
// attached to it are `Send`, or whoever attached them keeps both halves on their thread.
unsafe impl<T: Send, E: From<Aborted> + Send> Send for Producer<T, E> {}
// SAFETY: as above; by reference a producer can only be asked whether it is wanted.
unsafe impl<T: Send, E: From<Aborted> + Send> Sync for Producer<T, E> {}
// SAFETY: as for the producer.
unsafe impl<T: Send, E: From<Aborted> + Send> Send for Consumer<T, E> {}
// SAFETY: as above; by reference a consumer can only be asked whether it is settled, and cancelled,
// which several threads may do.
unsafe impl<T: Send, E: From<Aborted> + Send> Sync for Consumer<T, E> {}

/// Both halves of a new pending node.
pub(in crate::deferred) fn pair<T: 'static, E: From<Aborted> + 'static>(
    made_at: &'static Location<'static>,
) -> (Producer<T, E>, Consumer<T, E>) {
    let node = NodeRef::pair(made_at);
    (Producer { node }, Consumer { node: Some(node) })
}

impl<T: 'static, E: From<Aborted> + 'static> Producer<T, E> {
    /// The producer's half of a node that is handed over with it.
    pub(super) fn from_node(node: NodeRef<T, E>) -> Self {
        Self { node }
    }

    /// Gives the node away, so that the half does not fire when it is dropped.
    fn into_node(self) -> NodeRef<T, E> {
        ManuallyDrop::new(self).node
    }

    /// Gives the half to whoever has the pointer.
    #[inline]
    pub(super) fn into_raw(self) -> NonNull<c_void> {
        self.into_node().tagged.cast()
    }

    /// The half that [`into_raw`](Self::into_raw) gave away.
    ///
    /// # Safety
    /// The pointer comes from there, from a half of the same types, and nobody else uses it any more.
    #[inline]
    pub(super) unsafe fn from_raw(raw: NonNull<c_void>) -> Self {
        Self::from_node(NodeRef::from_tagged(raw.cast()))
    }

    #[inline]
    #[track_caller]
    pub(in crate::deferred) fn fire(self, result: Result<T, E>) {
        // SAFETY: the half is owned.
        unsafe { self.node.prepare_to_fire() };
        // SAFETY: the half was owned, and is gone.
        unsafe { self.into_node().fire(result, Location::caller(), Unwatched::Report) };
    }

    #[track_caller]
    pub(in crate::deferred) fn try_fire(self, result: Result<T, E>) -> Result<(), Result<T, E>> {
        // SAFETY: the half is owned.
        unsafe { self.node.prepare_to_fire() };
        // SAFETY: the half was owned, and is gone.
        unsafe { self.into_node().try_fire(result, Location::caller()) }
    }

    pub(in crate::deferred) fn is_wanted(&self) -> bool {
        self.node.is_wanted()
    }
}

impl<T: 'static, E: From<Aborted> + 'static> Drop for Producer<T, E> {
    fn drop(&mut self) {
        // SAFETY: the half was owned, and is gone.
        unsafe { self.node.give_up() };
    }
}

impl<T: 'static, E: From<Aborted> + 'static> Consumer<T, E> {
    /// The consumer's half of a node that is handed over with it.
    pub(super) fn from_node(node: NodeRef<T, E>) -> Self {
        Self { node: Some(node) }
    }

    /// Gives the node away. Empty if the result was taken.
    pub(super) fn into_node(self) -> Option<NodeRef<T, E>> {
        ManuallyDrop::new(self).node
    }

    /// A half whose result is there.
    pub(in crate::deferred) fn settled(result: Result<T, E>, made_at: &'static Location<'static>) -> Self {
        Self::from_node(NodeRef::settled(result, made_at))
    }

    /// Takes the result if it is there. `None` also when it was taken before.
    #[inline]
    pub(in crate::deferred) fn take(&mut self) -> Option<Result<T, E>> {
        let node = self.node?;
        // SAFETY: the half is owned, and forgotten once it gave the result out.
        let result = unsafe { if node.is_kept_back() { None } else { node.take() } };
        if result.is_some() {
            self.node = None;
        }
        result
    }

    /// Polls for the result. `None` when it was taken before.
    #[inline]
    pub(in crate::deferred) fn poll(&mut self, cx: &mut Context<'_>) -> Option<Poll<Result<T, E>>> {
        // SAFETY: the half is owned, and goes on with this node.
        let node = unsafe { self.node?.unless_kept_back() };
        self.node = Some(node);
        // SAFETY: the half is owned, and forgotten once it gave the result out.
        let polled = unsafe { node.poll(cx) };
        if polled.is_ready() {
            self.node = None;
        }
        Some(polled)
    }

    /// Attaches a callback. A half that gave its result out stays empty.
    #[inline]
    pub(in crate::deferred) fn then<U, X, F>(self, callback: F, made_at: &'static Location<'static>) -> Consumer<U, X>
    where
        F: FnOnce(Result<T, E>) -> Outcome<U, X> + 'static,
        U: 'static,
        X: From<Aborted> + 'static,
    {
        // SAFETY: the half was owned, and is gone.
        let node = self.into_node().map(|node| unsafe { node.then(callback, made_at) });
        Consumer { node }
    }

    pub(in crate::deferred) fn cancel(&self) {
        if let Some(node) = self.node {
            // SAFETY: the half is owned.
            unsafe { node.cancel() };
        }
    }

    /// Whether a result is there to be taken, or was.
    pub(in crate::deferred) fn is_settled(&self) -> bool {
        self.node.is_none_or(|node| {
            // ORDERING: nothing is read on the strength of the answer.
            !state::is_pending(node.header().state.load(std::sync::atomic::Ordering::Relaxed))
                // SAFETY: the half is owned.
                && !unsafe { node.is_kept_back() }
        })
    }

    /// How far the chain has come.
    pub(in crate::deferred) fn state(&self) -> State {
        let Some(node) = self.node else {
            return State::Fired;
        };
        // SAFETY: the half is owned.
        let (root, control) = unsafe { (node.root(), node.control()) };
        let has_fired = |node: super::Node| {
            // ORDERING: nothing is read on the strength of the answer.
            // SAFETY: the chain's end keeps its root alive, and itself.
            !state::is_pending(
                unsafe { node.as_ref() }
                    .state
                    .load(std::sync::atomic::Ordering::Relaxed),
            )
        };
        if has_fired(node.node()) {
            State::Fired
        } else if node.is_waited_for() {
            State::Waiting
        } else if !root.is_some_and(has_fired) {
            State::Pending
        // SAFETY: as above.
        } else if root.is_some_and(|root| unsafe { chain::is_waiting(root) })
            || control.is_some_and(Control::is_held_after_wait)
        {
            State::Waiting
        } else {
            State::Fired
        }
    }

    /// What cancels and pauses the chain, wherever its end is by then. `None` if the result was given out.
    pub(in crate::deferred) fn control(&mut self) -> Option<Arc<Control>> {
        // SAFETY: the half is owned, and goes on with the node that comes back.
        let (node, control) = unsafe { self.node?.controlled() };
        self.node = Some(node);
        Some(control)
    }

    /// Whether the result was given out.
    pub(in crate::deferred) fn is_empty(&self) -> bool {
        self.node.is_none()
    }
}

impl<T: 'static, E: From<Aborted> + 'static> Drop for Consumer<T, E> {
    fn drop(&mut self) {
        if let Some(node) = self.node {
            let made_at = node.made_at();
            // SAFETY: the half was owned, and is gone.
            if let Some((result, whence)) = unsafe { node.detach() } {
                unhandled::report_failure(result, made_at, || whence.into_told());
            }
        }
    }
}
