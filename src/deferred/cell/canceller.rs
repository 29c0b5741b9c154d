//! The root of a chain that has something to say about its cancellation.

use std::{
    marker::PhantomData,
    mem::MaybeUninit,
    panic::{AssertUnwindSafe, Location, catch_unwind},
    ptr::NonNull,
    sync::atomic::Ordering::{AcqRel, Acquire, Relaxed},
};

use super::{
    AtomicUsize, Ext, Extended, Node, NodeRef, Outcome, UnsafeCell, VTable, chain,
    half::{Consumer, Producer},
    state,
};
use crate::Aborted;

/// Who may touch the canceller.
mod turn {
    /// It is there, and nobody is at it.
    pub(super) const IDLE: usize = 0;
    /// A cancellation calls it, and drops it if the node has fired when it returns.
    pub(super) const ASKING: usize = 1;
    /// A cancellation calls it, and the node has fired meanwhile.
    pub(super) const OUTDATED: usize = 2;
    /// It is gone: the node has fired, or is about to.
    pub(super) const GONE: usize = 3;
}

#[repr(C)]
struct CancellerNode<T, E, C> {
    base: Extended<T, E>,
    turn: AtomicUsize,
    canceller: UnsafeCell<Option<C>>,
}

/// What a canceller is given: the node that is being cancelled, as long as the call lasts.
pub(in crate::deferred) struct Cancelling<'a, T: 'static, E: From<Aborted> + 'static> {
    node: NodeRef<T, E>,
    call: PhantomData<&'a ()>,
}

impl<T: 'static, E: From<Aborted> + 'static> Cancelling<'_, T, E> {
    /// Fires the node in its producer's place. Gives the result back if it has fired already.
    pub(in crate::deferred) fn fire(&self, result: Result<T, E>) -> Result<(), Result<T, E>> {
        // SAFETY: the node is a root with a link, and whoever cancels keeps it alive during the call.
        unsafe { self.node.fire_instead(result) }
    }
}

/// Both halves of a new pending node that asks `canceller` when it is to be cancelled. That says whether the
/// cancellation goes on.
pub(in crate::deferred) fn with_canceller<T, E, C>(
    canceller: C,
    made_at: &'static Location<'static>,
) -> (Producer<T, E>, Consumer<T, E>)
where
    C: FnMut(Cancelling<'_, T, E>) -> bool + 'static,
    T: 'static,
    E: From<Aborted> + 'static,
{
    let node = Box::new(CancellerNode::<T, E, C> {
        base: Extended {
            ext: Ext::new(&CancellerNode::<T, E, C>::VTABLE, made_at, None),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        },
        turn: AtomicUsize::new(turn::IDLE),
        canceller: UnsafeCell::new(Some(canceller)),
    });
    let node = NodeRef::extended(NonNull::from(Box::leak(node)).cast());
    // The result of a cancellation goes into a link: the node's own place for one is its producer's.
    let consumer = Consumer::from_node(node).then(Outcome::Settled, made_at);
    (Producer::from_node(node), consumer)
}

impl<T, E, C> CancellerNode<T, E, C>
where
    C: FnMut(Cancelling<'_, T, E>) -> bool + 'static,
    T: 'static,
    E: From<Aborted> + 'static,
{
    const VTABLE: VTable = VTable {
        run: chain::never_run,
        cancel: Self::cancel,
        free: Self::free,
        firing: Self::firing,
        forwards: false,
    };

    /// # Safety
    /// The caller keeps the node alive as a consumer.
    unsafe fn cancel(node: Node) -> bool {
        let half = NodeRef::<T, E>::extended(node);
        // ORDERING: nothing is read on the strength of it.
        if !state::is_pending(half.header().state.load(Relaxed)) {
            return false;
        }
        // SAFETY: promised by the caller.
        let this = unsafe { node.cast::<Self>().as_ref() };
        // ORDERING: Acquire for the canceller as its last call left it.
        match this.turn.compare_exchange(turn::IDLE, turn::ASKING, Acquire, Acquire) {
            Ok(_) => {}
            // It is being asked already, maybe by itself.
            Err(turn::ASKING) => return true,
            // The producer has fired, or is about to.
            Err(_) => return false,
        }
        // A canceller that panics must not reach who cancels. It is not called again.
        let goes_on = catch_unwind(AssertUnwindSafe(|| {
            this.canceller.with_mut(|canceller| {
                // SAFETY: `ASKING` makes the canceller ours.
                unsafe { (*canceller).as_mut() }.is_some_and(|canceller| {
                    canceller(Cancelling {
                        node: half,
                        call: PhantomData,
                    })
                })
            })
        }));
        let failure = match goes_on {
            Ok(false) => None,
            Ok(true) => Some(Aborted::cancelled()),
            Err(panic) => Some(Aborted::panicked(panic)),
        };
        let is_over = failure.is_some() || !state::is_pending(half.header().state.load(Relaxed));
        let next = if is_over { turn::GONE } else { turn::IDLE };
        // ORDERING: Release for who asks next; Acquire for the producer's last use of the node.
        let kept = this.turn.compare_exchange(turn::ASKING, next, AcqRel, Acquire);
        if kept.is_err() || is_over {
            // SAFETY: `GONE` or `OUTDATED`: nobody else touches it any more.
            drop(this.canceller.with_mut(|canceller| unsafe { (*canceller).take() }));
        }
        if let Some(failure) = failure {
            // SAFETY: promised by the caller. If the producer was faster, there is nothing left to do.
            drop(unsafe { half.fire_instead(Err(E::from(failure))) });
        }
        true
    }

    /// # Safety
    /// The caller is the producer.
    unsafe fn firing(node: Node) -> bool {
        // SAFETY: the producer's half keeps the node alive.
        let this = unsafe { node.cast::<Self>().as_ref() };
        // ORDERING: Acquire for the canceller as its last call left it.
        let mut seen = this.turn.load(Acquire);
        loop {
            let next = match seen {
                turn::IDLE => turn::GONE,
                turn::ASKING => turn::OUTDATED,
                _ => return false,
            };
            // ORDERING: as above; Release for the thread that asks.
            match this.turn.compare_exchange(seen, next, AcqRel, Acquire) {
                Ok(turn::IDLE) => break,
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        // SAFETY: `GONE` by our exchange makes the canceller ours.
        let canceller = this.canceller.with_mut(|canceller| unsafe { (*canceller).take() });
        // A destructor that panics must not keep the result from being known.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(canceller))) {
            crate::deferred::unhandled::report_panic(
                Aborted::panicked(panic),
                NodeRef::<T, E>::extended(node).made_at(),
            );
        }
        false
    }

    unsafe fn free(node: Node) {
        // SAFETY: promised by the caller of the vtable; result and canceller have been moved out.
        drop(unsafe { Box::from_raw(node.cast::<Self>().as_ptr()) });
    }
}
