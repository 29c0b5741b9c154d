//! A future that fires a deferred: the future, then its result, in one allocation.
//!
//! A server has thousands of them, each polled when the processor's caches hold others. What a poll touches lies together for that, at
//! the beginning of the future and right before it: the node's header, which the deferred uses, is left alone.

use std::{
    future::Future,
    mem::{ManuallyDrop, MaybeUninit, offset_of},
    panic::{AssertUnwindSafe, Location, catch_unwind},
    pin::Pin,
    ptr::NonNull,
    sync::atomic::Ordering::{AcqRel, Acquire, Release},
    task::{Context, Poll, Waker},
};

use super::{
    AtomicUsize, Ext, Extended, Node, NodeRef, UnsafeCell, VTable, chain, half::Consumer, producer::Unwatched,
};
use crate::{
    Aborted,
    deferred::{Surroundings, unhandled},
};

/// Who may touch the future of a task, its surroundings and its waker.
mod turn {
    /// The future is there, and nobody is at it. Left by a poll or by a cancellation.
    pub(super) const IDLE: usize = 0;
    /// The task is being polled, or has ended: all of them are the task's.
    pub(super) const POLLING: usize = 1;
    /// Cancelled while it was being polled: the polling thread drops the future.
    pub(super) const CANCELLED: usize = 2;
    /// Cancelled: the future is gone, or the cancelling thread is dropping it.
    pub(super) const DROPPED: usize = 3;
}

#[repr(C)]
struct TaskNode<T, E, F, S> {
    base: Extended<T, E>,
    head: Head,
    /// How a cancellation makes the loop let go of the task; set while the future waits.
    waker: UnsafeCell<Option<Waker>>,
    /// Goes with the future, and is moved out while its code runs.
    surroundings: UnsafeCell<MaybeUninit<S>>,
    future: UnsafeCell<MaybeUninit<F>>,
}

/// What the producer sees of a task, whose types it does not know.
struct Head {
    vtable: &'static TaskVTable,
    turn: AtomicUsize,
}

/// What a task can be told without knowing its types.
struct TaskVTable {
    poll: unsafe fn(NonNull<Head>, &mut Context<'_>) -> Poll<()>,
    /// The loop lets go of the task before it has ended.
    shut_down: unsafe fn(NonNull<Head>),
}

/// The producer's half of a task, with its types erased.
pub(in crate::deferred) struct Producer {
    /// In the node, which it may reach all of; `None` once the task has ended.
    head: Option<NonNull<Head>>,
}

// SAFETY: made from futures and results that are `Send`, or whoever made it keeps both halves on their thread; the producer is
// the only one to poll, and shares the rest with its consumer by atomics.
unsafe impl Send for Producer {}

/// Makes a task of a future, and gives the consumer's half beside it. If future and result are not `Send`, both halves must
/// stay on this thread, which their owners see to.
pub(in crate::deferred) fn spawn<T, E, F, S>(
    future: F,
    surroundings: S,
    made_at: &'static Location<'static>,
) -> (Producer, Consumer<T, E>)
where
    F: Future<Output = Result<T, E>> + 'static,
    S: Surroundings,
    T: 'static,
    E: From<Aborted> + 'static,
{
    let node = Box::new(TaskNode::<T, E, F, S> {
        base: Extended {
            ext: Ext::new(&TaskNode::<T, E, F, S>::VTABLE, made_at, None),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        },
        head: Head {
            vtable: &TaskNode::<T, E, F, S>::TASK_VTABLE,
            turn: AtomicUsize::new(turn::IDLE),
        },
        waker: UnsafeCell::new(None),
        surroundings: UnsafeCell::new(MaybeUninit::new(surroundings)),
        future: UnsafeCell::new(MaybeUninit::new(future)),
    });
    let node: Node = NonNull::from(Box::leak(node)).cast();
    // SAFETY: the head lies at that distance in the allocation, whose pointer this is.
    let head = unsafe { node.byte_add(TaskNode::<T, E, F, S>::HEAD) }.cast();
    let producer = Producer { head: Some(head) };
    (producer, Consumer::from_node(NodeRef::extended(node)))
}

impl Producer {
    /// Polls the future. `Ready` for ever once the task has ended.
    #[inline]
    pub(in crate::deferred) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(head) = self.head else {
            return Poll::Ready(());
        };
        // SAFETY: the producer's half keeps the node alive.
        let vtable = unsafe { head.as_ref() }.vtable;
        // SAFETY: the vtable is that of the node, whose producer is this and has not ended.
        let polled = unsafe { (vtable.poll)(head, cx) };
        if polled.is_ready() {
            self.head = None;
        }
        polled
    }

    /// Whether the task has ended.
    pub(in crate::deferred) fn has_ended(&self) -> bool {
        self.head.is_none()
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        if let Some(head) = self.head {
            // SAFETY: as in `poll`.
            let vtable = unsafe { head.as_ref() }.vtable;
            // SAFETY: as in `poll`, and the half is gone.
            unsafe { (vtable.shut_down)(head) };
        }
    }
}

/// The surroundings of a task, in place until this is dropped.
struct Inside<S: Surroundings> {
    entered: Option<(S, S::Before)>,
    made_at: MadeAt,
}

/// Where a task was made, which is seldom asked for.
enum MadeAt {
    /// Stands in this node, which is alive.
    Node(Node),
    Known(&'static Location<'static>),
}

impl MadeAt {
    fn get(&self) -> &'static Location<'static> {
        match self {
            // SAFETY: whoever made this of a node replaces it before the node may be freed.
            MadeAt::Node(node) => unsafe { node.as_ref() }.made_at,
            MadeAt::Known(made_at) => made_at,
        }
    }
}

impl<S: Surroundings> Inside<S> {
    /// # Safety
    /// The node stays alive as long as this, or until [`remember`](Self::remember) is called.
    #[inline]
    unsafe fn enter(mut surroundings: S, node: Node) -> Self {
        let before = surroundings.enter();
        Self {
            entered: Some((surroundings, before)),
            made_at: MadeAt::Node(node),
        }
    }

    /// To be called before the node may be freed.
    fn remember(&mut self) {
        self.made_at = MadeAt::Known(self.made_at.get());
    }

    #[inline]
    fn leave(self) -> Option<S> {
        // The destructor would find nothing left to do.
        let mut this = ManuallyDrop::new(self);
        let (mut surroundings, before) = this.entered.take()?;
        surroundings.leave(before, || this.made_at.get());
        Some(surroundings)
    }
}

impl<S: Surroundings> Drop for Inside<S> {
    fn drop(&mut self) {
        if let Some((mut surroundings, before)) = self.entered.take() {
            surroundings.leave(before, || self.made_at.get());
        }
    }
}

impl<T, E, F, S> TaskNode<T, E, F, S>
where
    F: Future<Output = Result<T, E>>,
    S: Surroundings,
    T: 'static,
    E: From<Aborted> + 'static,
{
    const VTABLE: VTable = VTable {
        run: chain::never_run,
        cancel: Self::cancel,
        free: Self::free,
        firing: chain::ignore,
        forwards: false,
    };

    /// How far into the node its head lies.
    const HEAD: usize = offset_of!(Self, head);

    const TASK_VTABLE: TaskVTable = TaskVTable {
        poll: Self::poll,
        shut_down: Self::shut_down,
    };

    /// # Safety
    /// The caller is the producer, which has not ended.
    unsafe fn poll(head: NonNull<Head>, cx: &mut Context<'_>) -> Poll<()> {
        // SAFETY: it is the head of a node of these types.
        let node = unsafe { Self::of_head(head) };
        let half = NodeRef::<T, E>::extended(node);
        // SAFETY: the producer's half keeps the node alive.
        let this = unsafe { node.cast::<Self>().as_ref() };
        // ORDERING: Acquire for the future as the last poll left it, on whatever thread that was.
        if this
            .head
            .turn
            .compare_exchange(turn::IDLE, turn::POLLING, Acquire, Acquire)
            .is_err()
        {
            // Cancelled since the last poll; the future is not ours any more.
            // SAFETY: cancelled, and nothing was written.
            unsafe { half.retire() };
            return Poll::Ready(());
        }
        // SAFETY: `POLLING` makes the surroundings ours, and the node is alive at least until the half ends.
        let mut inside = unsafe { this.enter() };
        // The future is dropped after a panic, so nobody sees it half changed.
        let polled = catch_unwind(AssertUnwindSafe(|| {
            this.future.with_mut(|future| {
                // SAFETY: `POLLING` makes the future ours; it lies in a node, which never moves.
                unsafe { Pin::new_unchecked((*future).assume_init_mut()) }.poll(cx)
            })
        }));
        let result = match polled {
            Ok(Poll::Pending) => {
                this.waker.with_mut(|waker| {
                    // SAFETY: `POLLING` makes the waker ours.
                    let waker = unsafe { &mut *waker };
                    if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                        *waker = Some(cx.waker().clone());
                    }
                });
                if let Some(surroundings) = inside.leave() {
                    this.surroundings.with_mut(|slot| {
                        // SAFETY: as above; they were moved out before the poll.
                        unsafe { (*slot).write(surroundings) };
                    });
                }
                // ORDERING: Release for whoever polls or cancels next.
                if this
                    .head
                    .turn
                    .compare_exchange(turn::POLLING, turn::IDLE, AcqRel, Acquire)
                    .is_ok()
                {
                    return Poll::Pending;
                }
                // SAFETY: `CANCELLED` leaves what the turn guards to the thread that polls.
                let mut inside = unsafe { this.enter() };
                inside.remember();
                // SAFETY: as above.
                unsafe { this.drop_future() };
                // SAFETY: cancelled, and nothing was written.
                unsafe { half.retire() };
                return Poll::Ready(());
            }
            Ok(Poll::Ready(result)) => result,
            Err(panic) => Err(E::from(Aborted::panicked(panic))),
        };
        // The turn stays with us: a cancellation from here on finds the future busy and leaves it.
        // The future goes first, so that whoever sees the result sees what it held released.
        // SAFETY: the turn makes future and waker ours.
        unsafe { this.drop_future() };
        // The callbacks, which run inside, too, may free the node.
        inside.remember();
        // SAFETY: the producer's half ends here.
        unsafe { half.fire(result, half.made_at(), Unwatched::Report) };
        drop(inside);
        Poll::Ready(())
    }

    /// # Safety
    /// The caller is the producer, which has not ended; its half ends.
    unsafe fn shut_down(head: NonNull<Head>) {
        // SAFETY: it is the head of a node of these types.
        let node = unsafe { Self::of_head(head) };
        let half = NodeRef::<T, E>::extended(node);
        // SAFETY: the producer's half keeps the node alive.
        let this = unsafe { node.cast::<Self>().as_ref() };
        if this
            .head
            .turn
            .compare_exchange(turn::IDLE, turn::POLLING, Acquire, Acquire)
            .is_err()
        {
            // SAFETY: cancelled, and nothing was written.
            unsafe { half.retire() };
            return;
        }
        // SAFETY: the turn makes all that it guards ours.
        let mut inside = unsafe { this.enter() };
        // The callbacks, which run inside, too, may free the node.
        inside.remember();
        // SAFETY: as above.
        unsafe { this.drop_future() };
        // SAFETY: the producer's half ends here.
        unsafe { half.fire(Err(E::from(Aborted::shut_down())), half.made_at(), Unwatched::Ignore) };
    }

    /// # Safety
    /// The caller is the consumer, or keeps the chain's end alive.
    unsafe fn cancel(node: Node) -> bool {
        let half = NodeRef::<T, E>::extended(node);
        let drop_where_it_stands = || {
            // SAFETY: the consumer's half keeps the node alive.
            let this = unsafe { node.cast::<Self>().as_ref() };
            loop {
                // ORDERING: Acquire for the future as the last poll left it. Release for the
                // producer, which must find the state cancelled when it finds its future gone.
                match this
                    .head
                    .turn
                    .compare_exchange(turn::IDLE, turn::DROPPED, AcqRel, Acquire)
                {
                    Ok(_) => {
                        // SAFETY: `DROPPED` makes what the turn guards ours, and the consumer's half keeps the node alive.
                        let inside = unsafe { this.enter() };
                        let mut waker = None;
                        let mut is_dropped = false;
                        let mut drop_once = || {
                            if !std::mem::replace(&mut is_dropped, true) {
                                // SAFETY: as above, and this is done once.
                                waker = unsafe { this.drop_future() };
                            }
                        };
                        S::drop_cancelled(&mut drop_once);
                        // If it was not done so far.
                        drop_once();
                        drop(inside);
                        // The loop polls the task once more, and lets go of it.
                        if let Some(waker) = waker {
                            waker.wake();
                        }
                        return;
                    }
                    Err(turn::POLLING) => {
                        // ORDERING: Release and Acquire pair with the end of the poll, which then
                        // knows that the future is its own to drop.
                        let told = this
                            .head
                            .turn
                            .compare_exchange(turn::POLLING, turn::CANCELLED, Release, Acquire);
                        if told.is_ok() {
                            return;
                        }
                    }
                    Err(_) => return,
                }
            }
        };
        // SAFETY: promised by the caller; the claim makes this the only cancellation.
        unsafe { half.cancel_with(drop_where_it_stands) }
    }

    /// The node whose head this is.
    ///
    /// # Safety
    /// It is the head of a node of these types, and may reach all of it.
    unsafe fn of_head(head: NonNull<Head>) -> Node {
        // SAFETY: promised by the caller.
        unsafe { head.byte_sub(Self::HEAD) }.cast()
    }

    /// Takes the surroundings out and puts them in place.
    ///
    /// # Safety
    /// By the turn they are the caller's, and they are there. The node is alive as long as what this returns, or until
    /// that is told to [remember](Inside::remember).
    unsafe fn enter(&self) -> Inside<S> {
        let surroundings = self.surroundings.with(|surroundings| {
            // SAFETY: promised by the caller, who puts them back before they are wanted again.
            unsafe { (*surroundings).assume_init_read() }
        });
        // SAFETY: promised by the caller.
        unsafe { Inside::enter(surroundings, self.node()) }
    }

    /// Drops the future and gives the waker.
    ///
    /// # Safety
    /// By the turn both are the caller's, and this is not called twice.
    unsafe fn drop_future(&self) -> Option<Waker> {
        // A destructor that panics must not reach the loop, nor keep the result from being known.
        let dropped = catch_unwind(AssertUnwindSafe(|| {
            self.future.with_mut(|future| {
                // SAFETY: promised by the caller; dropped in place, as it was pinned.
                unsafe { (*future).assume_init_drop() };
            });
        }));
        if let Err(panic) = dropped {
            unhandled::report_panic(
                Aborted::panicked(panic),
                NodeRef::<T, E>::extended(self.node()).made_at(),
            );
        }
        // SAFETY: promised by the caller.
        self.waker.with_mut(|waker| unsafe { (*waker).take() })
    }

    fn node(&self) -> Node {
        NonNull::from(self).cast()
    }

    unsafe fn free(node: Node) {
        // SAFETY: promised by the caller of the vtable; future and result have been moved out or
        // dropped, and the waker goes with the memory.
        drop(unsafe { Box::from_raw(node.cast::<Self>().as_ptr()) });
    }
}
