//! A row of links that end their chains, in one allocation: what a fan-in attaches to its deferreds.
//!
//! A [`Seat`] is a link and a root at once. As a link, it takes the result of the deferred that it is attached to; as a root, it
//! has fired, and waits for the chain of that deferred, so that it can be cancelled as any chain that waits.

use std::{
    mem::ManuallyDrop,
    panic::Location,
    ptr::{self, NonNull},
    sync::atomic::Ordering::{AcqRel, Acquire, Relaxed},
};

use super::{
    AtomicPtr, AtomicUsize, Ext, Header, Node, NodeRef, Root, Slot, StateWord, TableWord, UnsafeCell, VTable,
    chain::{self, Running, Step},
    half::Consumer,
    link::take_leaving_root,
    state,
    whence::Whence,
};
use crate::{Aborted, deferred::unhandled};

/// What takes the results of a row. Its functions run in the firing of them, and must not panic, the wakers that they
/// call apart.
pub(in crate::deferred) trait Sink: Sized + 'static {
    type Item: 'static;
    type Error: From<Aborted> + 'static;
    /// What a row keeps of a result until all have arrived.
    type Kept: 'static;

    /// Whether a seat can be cancelled before all seats are attached.
    const CANCELS_EARLY: bool;

    /// Takes a result. What it gives is kept.
    fn arrived(
        row: &Row<Self>,
        index: usize,
        result: Result<Self::Item, Self::Error>,
        origin: Origin,
    ) -> Option<Self::Kept>;

    /// All have arrived, and something was kept of each.
    fn is_full(row: &Row<Self>, kept: Vec<Self::Kept>);
}

/// Where a result that has arrived comes from.
pub(in crate::deferred) struct Origin {
    made_at: &'static Location<'static>,
    whence: Whence,
}

impl Origin {
    /// Reports a failure that comes from there.
    pub(in crate::deferred) fn report<E: 'static>(self, error: E) {
        unhandled::report_failure(Err::<(), _>(error), self.made_at, || self.whence.into_told());
    }
}

/// A handle on a row. There may be several.
pub(in crate::deferred) struct Row<S: Sink> {
    inner: NonNull<Inner<S>>,
}

// SAFETY: the sink is shared, and results go to it by value from whichever thread; what is kept goes to the thread on which
// the last one arrives. The rest are atomics. A sink for deferreds that stay on their thread holds a completer that does, and
// is neither `Send` nor `Sync`.
unsafe impl<S: Sink<Item: Send, Error: Send, Kept: Send> + Send + Sync> Send for Row<S> {}
// SAFETY: as above.
unsafe impl<S: Sink<Item: Send, Error: Send, Kept: Send> + Send + Sync> Sync for Row<S> {}

struct Inner<S: Sink> {
    /// The handles, and one for all seats together. Whoever takes the last one away frees the row.
    users: AtomicUsize,
    /// The seats whose results have not arrived. Whoever takes the last one away has what is kept, and ends the seats' use.
    missing: AtomicUsize,
    sink: S,
    seats: Box<[Seat<S>]>,
}

#[repr(C)]
struct Seat<S: Sink> {
    ext: Ext,
    /// What `run` needs; written before the seat is attached.
    attached: UnsafeCell<Option<Attached<S>>>,
    /// Written by the thread on which the seat's result arrives.
    kept: UnsafeCell<Option<S::Kept>>,
}

struct Attached<S: Sink> {
    row: NonNull<Inner<S>>,
    /// Where the deferred was made that the seat is attached to.
    made_at: &'static Location<'static>,
}

impl<S: Sink> Row<S> {
    /// A row of empty seats, which must be [attached](Self::attach).
    pub(in crate::deferred) fn new(count: usize, sink: S, made_at: &'static Location<'static>) -> Self {
        let seats = (0..count).map(|_| Seat::new(made_at)).collect();
        let inner = Box::new(Inner {
            users: AtomicUsize::new(2),
            missing: AtomicUsize::new(count),
            sink,
            seats,
        });
        Self {
            inner: NonNull::from(Box::leak(inner)),
        }
    }

    fn inner(&self) -> &Inner<S> {
        // SAFETY: the handle keeps the row alive.
        unsafe { self.inner.as_ref() }
    }

    pub(in crate::deferred) fn sink(&self) -> &S {
        &self.inner().sink
    }

    /// Attaches the seats to the deferreds, in order. A result that is there arrives now. A seat that was cancelled before, as
    /// those of a race that is over, cancels its deferred now.
    ///
    /// To be called once, with as many deferreds as there are seats, and at least one.
    pub(in crate::deferred) fn attach(self, children: impl IntoIterator<Item = Consumer<S::Item, S::Error>>) {
        for ((index, child), seat) in children.into_iter().enumerate().zip(&self.inner().seats) {
            if let Some(node) = child.into_node() {
                // SAFETY: the half was owned, and is gone; every seat gets one.
                unsafe { self.attach_one(node, index, seat) };
            }
        }
    }

    /// # Safety
    /// The caller is the consumer of `node`, whose half ends, and the seat is that of the index, and free.
    unsafe fn attach_one(&self, node: NodeRef<S::Item, S::Error>, index: usize, seat: &Seat<S>) {
        // SAFETY: promised by the caller.
        let node = unsafe { node.unless_kept_back() };
        let made_at = node.made_at();
        // ORDERING: as in `NodeRef::take`.
        let seen = node.header().state.load(Acquire);
        if !state::is_pending(seen) || !node.vacate_slot(seen) {
            // SAFETY: a result is there.
            let (result, whence) = unsafe { node.take_with_whence() };
            // SAFETY: the seat is not attached.
            unsafe { arrive(self.inner, index, result, Origin { made_at, whence }) };
            return;
        }
        seat.attached.with_mut(|attached| {
            let row = self.inner;
            // SAFETY: nobody reads it before the seat is attached.
            unsafe { *attached = Some(Attached { row, made_at }) };
        });
        let link: Node = NonNull::from(seat).cast();
        // SAFETY: the slot is vacant: the state is `EMPTY`, or became one that has a result.
        let root = unsafe { node.become_inner() };
        if S::CANCELS_EARLY {
            // SAFETY: both are roots, and the ownership of the inner one moves.
            unsafe { chain::wait_for(link, root, false) };
        } else {
            // SAFETY: as above, and nobody else uses the seat yet.
            unsafe { chain::begin_to_wait(link, root) };
        }
        // SAFETY: the seat is complete, and takes this node's type.
        if unsafe { node.attach(link) } {
            return;
        }
        // SAFETY: the caller is the consumer, and the root was handed on.
        let (result, whence) = unsafe { take_leaving_root(node) };
        // SAFETY: the inner chain is over, as its end had a result.
        unsafe { chain::hand_over(root, link) };
        // SAFETY: the seat is not attached.
        unsafe { arrive(self.inner, index, result, Origin { made_at, whence }) };
    }

    /// Cancels what the seats are attached to, in order.
    pub(in crate::deferred) fn cancel_all(&self) {
        for seat in &self.inner().seats {
            // SAFETY: the row keeps its seats alive, and each is a root.
            unsafe { chain::cancel(NonNull::from(seat).cast()) };
        }
    }
}

impl<S: Sink> Clone for Row<S> {
    fn clone(&self) -> Self {
        // ORDERING: the handle keeps the row alive meanwhile.
        self.inner().users.fetch_add(1, Relaxed);
        Self { inner: self.inner }
    }
}

impl<S: Sink> Drop for Row<S> {
    fn drop(&mut self) {
        // ORDERING: Release, so that whoever frees the row comes after our use of it; Acquire if that is us.
        if self.inner().users.fetch_sub(1, AcqRel) == 1 {
            // SAFETY: nobody uses it any more; the seats have a use in common until all have arrived.
            drop(unsafe { Box::from_raw(self.inner.as_ptr()) });
        }
    }
}

/// A seat's result arrives.
///
/// # Safety
/// It is the first one of this seat, which the caller does not use again.
unsafe fn arrive<S: Sink>(inner: NonNull<Inner<S>>, index: usize, result: Result<S::Item, S::Error>, origin: Origin) {
    // Counted also when a waker panics.
    let arrived = Arrived(inner);
    // The handle is borrowed from the seats.
    let row = ManuallyDrop::new(Row { inner });
    if let Some(kept) = S::arrived(&row, index, result, origin) {
        row.inner().seats[index].kept.with_mut(|place| {
            // SAFETY: the seat is ours until it has been counted.
            unsafe { *place = Some(kept) };
        });
    }
    drop(arrived);
}

struct Arrived<S: Sink>(NonNull<Inner<S>>);

impl<S: Sink> Drop for Arrived<S> {
    fn drop(&mut self) {
        // SAFETY: as long as a seat is missing, the row is there.
        let missing = &unsafe { self.0.as_ref() }.missing;
        // ORDERING: Release for what is kept of this one, Acquire for the others'.
        if missing.fetch_sub(1, AcqRel) > 1 {
            return;
        }
        // The use that the seats had in common.
        let row = Row { inner: self.0 };
        let kept: Option<Vec<_>> = (row.inner().seats.iter())
            // SAFETY: all have arrived, so what they left is ours.
            .map(|seat| seat.kept.with_mut(|kept| unsafe { (*kept).take() }))
            .collect();
        if let Some(kept) = kept {
            S::is_full(&row, kept);
        }
    }
}

impl<S: Sink> Seat<S> {
    const VTABLE: VTable = VTable {
        run: Self::run,
        cancel: chain::has_fired,
        free: Self::free,
        firing: chain::ignore,
        forwards: false,
    };

    fn new(made_at: &'static Location<'static>) -> Self {
        let root = Root {
            forward: AtomicPtr::new(ptr::null_mut()),
            table: TableWord::new(Root::plain(&Self::VTABLE)),
        };
        Self {
            ext: Ext {
                header: Header {
                    state: StateWord::new(state::FIRED),
                    made_at,
                    slot: UnsafeCell::new(Slot {
                        root: ManuallyDrop::new(root),
                    }),
                },
                vtable: UnsafeCell::new(&Self::VTABLE),
                root: UnsafeCell::new(None),
            },
            attached: UnsafeCell::new(None),
            kept: UnsafeCell::new(None),
        }
    }

    /// # Safety
    /// The seat is attached and the caller's to run, and `input` points to a result of the sink's types.
    unsafe fn run(node: Node, input: *mut (), running: &Running) -> Option<Step> {
        // SAFETY: promised by the caller, who forgets the result.
        let result = unsafe { ptr::read(input.cast::<Result<S::Item, S::Error>>()) };
        let whence = running.take_whence();
        // SAFETY: the chain that the seat waited for is over.
        unsafe { chain::hand_over(running.root.get(), node) };
        // No other root must be taken for the one that is gone.
        running.root.set(node);
        // SAFETY: as long as the seat has not arrived, the row is there.
        let seat = unsafe { node.cast::<Self>().as_ref() };
        // SAFETY: written before the seat was attached.
        let Attached { row, made_at } = seat.attached.with_mut(|attached| unsafe { (*attached).take() })?;
        // SAFETY: the seats are one array.
        let index = unsafe { ptr::from_ref(seat).offset_from(row.as_ref().seats.as_ptr()) };
        // SAFETY: a link runs once.
        unsafe { arrive(row, index.unsigned_abs(), result, Origin { made_at, whence }) };
        None
    }

    /// A seat is freed with its row.
    unsafe fn free(_: Node) {}
}
