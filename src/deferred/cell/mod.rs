//! The shared cell behind a deferred: the one place with `unsafe` in the core.
//!
//! # Layout
//!
//! Every node is one heap allocation that begins with a [`Header`]. There are two layouts:
//!
//! * *bare*: a header and a result. A plain [`pair`](half::pair) is one.
//! * *extended*: a header with an [`Ext`] behind it, and a result. A [`link`] of a chain and a
//!   [`task`] are extended, with their closure or future behind that.
//!
//! A [`NodeRef`] is a typed pointer to either; which it is stands in the pointer's lowest bit, so
//! that both halves of a pair stay one word. A [`Node`] is the same pointer with its types erased.
//!
//! # The two halves
//!
//! A node has a *producer* (a completer, a task, or the link before it) and a *consumer* (a
//! deferred, or the link attached to it together with whoever keeps its root alive). Each half ends
//! once. `Header::state` says who may touch what; every change of it is listed in [`state`].
//!
//! # Chains
//!
//! `map_ok` and its like allocate a link, which is the next node of the chain, and store it in the
//! state of the node before it. That node has no consumer handle any more. Firing the first node
//! runs link after link in a loop ([`chain::drive`]); a link is freed as soon as the next one has
//! taken its result.
//!
//! The first node of a chain is its *root*: it outlives the chain's running, since `cancel` starts
//! there. It is owned by the chain's last node, in [`Ext::root`], which passes it on when another link
//! is attached. When a callback returns a deferred that has not fired, the chain's link is attached
//! to that deferred directly, and the root of *its* chain moves into [`Root::forward`]: that is the
//! way `cancel` takes to what the chain waits for. When the inner chain has come to its end, its root
//! is freed. A cancellation that finds callbacks running leaves a request there instead, which the
//! next wait finds.
//!
//! # The invariant
//!
//! A node is freed by the half that ends last: the consumer's where it finds [`state::FIRED`] or
//! [`state::SPENT`], the producer's where it finds [`state::DETACHED`], [`state::ABANDONED`] or
//! [`state::TAKEN`]. A link that has a link attached belongs to [`chain::drive`] alone once its
//! producer reached it. No lock is held anywhere, so callbacks, wakers and destructors are free to
//! use any deferred, their own chain included.

#![allow(unsafe_code)]

mod canceller;
pub(super) mod chain;
mod consumer;
pub(super) mod control;
pub(super) mod half;
mod link;
mod producer;
mod raw;
pub(super) mod row;
mod sync;
pub(super) mod task;
pub(super) mod whence;

use std::{
    mem::{ManuallyDrop, MaybeUninit},
    panic::Location,
    ptr::{self, NonNull},
    task::Waker,
};

pub(super) use self::canceller::{Cancelling, with_canceller};
use self::sync::{AtomicPtr, AtomicUsize, StateWord, TableWord, UnsafeCell};
use self::whence::Whence;
use crate::Aborted;

/// What the state word of a node may hold. Anything that is not one of these is a pointer to the
/// link attached to the node: pending, no consumer handle, the slot holds a [`Root`] if the node
/// is one, and the producer (or a cancellation) takes the link by leaving that state.
pub(super) mod state {
    use super::Header;
    use std::ptr;

    const fn tag(number: usize) -> *mut Header {
        ptr::without_provenance_mut(number)
    }

    /// Pending. The consumer may write the slot; the producer may write the value.
    /// Left by either half.
    pub(super) const EMPTY: *mut Header = tag(0);
    /// Pending, with a waker in the slot. The consumer takes it back by returning to `EMPTY`, the
    /// producer takes it by going to `FIRING`, a cancellation by going to `CANCELLED`.
    pub(super) const WAKER: *mut Header = tag(1);
    /// Pending; the consumer is gone and nothing is attached. The node is the producer's alone.
    pub(super) const DETACHED: *mut Header = tag(2);
    /// Cancelled before it fired (roots only). The consumer owns the slot. The producer is still
    /// there, may write the value, and must drop what it wrote.
    pub(super) const CANCELLED: *mut Header = tag(3);
    /// The value is there, or was taken by the attached link. The node is the consumer's alone. If it is a failure, the word
    /// says where that arose, see [`whence`](super::whence).
    pub(super) const FIRED: *mut Header = tag(4);
    /// The value is there, and the producer still has to take the waker: the consumer may read the
    /// value, but not free the node. If it is a failure, as above.
    pub(super) const FIRING: *mut Header = tag(5);
    /// Cancelled, and the producer is gone. The node is the consumer's alone.
    pub(super) const SPENT: *mut Header = tag(6);
    /// The consumer took the value during `FIRING` and is gone. The producer frees the node.
    pub(super) const TAKEN: *mut Header = tag(7);
    /// Cancelled, and the consumer is gone. The producer drops its value silently and frees the node.
    pub(super) const ABANDONED: *mut Header = tag(8);

    /// Whether the word is a pointer to an attached link.
    #[inline(always)]
    pub(super) fn is_link(word: *mut Header) -> bool {
        word.addr() > ABANDONED.addr() && word.addr() & 3 == 0
    }

    /// Whether neither a result nor a cancellation is there yet.
    #[inline(always)]
    pub(super) fn is_pending(word: *mut Header) -> bool {
        word == EMPTY || word == WAKER || word == DETACHED || is_link(word)
    }
}

/// A node with its types erased.
pub(super) type Node = NonNull<Header>;

/// What every node begins with.
#[repr(C)]
pub(super) struct Header {
    /// One of [`state`], or the link attached to this node.
    state: StateWord<Header>,
    /// Where the deferred was made, or the link attached.
    made_at: &'static Location<'static>,
    slot: UnsafeCell<Slot>,
}

/// Two words that serve the consumer while it waits, and the chain when the node is its root.
union Slot {
    vacant: (),
    /// Valid in [`state::WAKER`].
    waker: ManuallyDrop<Waker>,
    /// Valid from the moment a root gets its first link, or is about to be waited for.
    root: ManuallyDrop<Root>,
}

/// What the root of a chain knows beside its state.
struct Root {
    /// The root of the chain that this chain waits for, owned, or one of [`chain::forward`].
    forward: AtomicPtr<Header>,
    /// The vtable of the root, or its [`control::Control`].
    table: TableWord<VTable>,
}

/// What can be done to a node without knowing its types.
pub(super) struct VTable {
    /// Runs a link with the result that `input` points to. Links only.
    run: unsafe fn(Node, input: *mut (), running: &chain::Running) -> Option<chain::Step>,
    /// Cancels a root, if it is still pending; says whether it was. Roots only.
    cancel: unsafe fn(Node) -> bool,
    /// Frees the memory of a node whose contents have been moved out.
    free: unsafe fn(Node),
    /// Called when a completer is about to fire the node, whose other contents are of no more use then. Says whether
    /// the node is just being cancelled.
    firing: unsafe fn(Node) -> bool,
    /// Whether this is a link that has run and waits for what its callback returned.
    forwards: bool,
}

/// What an extended node has behind its header.
#[repr(C)]
pub(super) struct Ext {
    header: Header,
    /// Changed by the producer when the link begins to wait for an inner deferred.
    vtable: UnsafeCell<&'static VTable>,
    /// The root of the chain that this node ends, owned; `None` if the node is itself the root, or
    /// once the next link took it over. The consumer's.
    root: UnsafeCell<Option<Node>>,
}

/// What a callback came to.
pub(super) enum Outcome<T: 'static, E: From<Aborted> + 'static> {
    Settled(Result<T, E>),
    Waiting(half::Consumer<T, E>),
}

type Value<T, E> = UnsafeCell<MaybeUninit<Result<T, E>>>;

#[repr(C)]
struct Bare<T, E> {
    header: Header,
    value: Value<T, E>,
}

#[repr(C)]
struct Extended<T, E> {
    ext: Ext,
    value: Value<T, E>,
}

impl Header {
    fn new(state: *mut Header, made_at: &'static Location<'static>) -> Self {
        Self {
            state: StateWord::new(state),
            made_at,
            slot: UnsafeCell::new(Slot { vacant: () }),
        }
    }
}

impl Ext {
    fn new(vtable: &'static VTable, made_at: &'static Location<'static>, root: Option<Node>) -> Self {
        Self {
            header: Header::new(state::EMPTY, made_at),
            vtable: UnsafeCell::new(vtable),
            root: UnsafeCell::new(root),
        }
    }
}

/// A typed pointer to a node, held by one of its halves. The lowest bits are [`EXTENDED`] and [`WAITED_FOR`].
pub(super) struct NodeRef<T, E> {
    tagged: NonNull<Header>,
    types: std::marker::PhantomData<*mut Result<T, E>>,
}

impl<T, E> Clone for NodeRef<T, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, E> Copy for NodeRef<T, E> {}

const EXTENDED: usize = 1;
/// The consumer's chain has fired, and this is the end of the one that it waits for.
const WAITED_FOR: usize = 2;
const TAGS: usize = EXTENDED | WAITED_FOR;

impl<T, E> NodeRef<T, E> {
    /// Allocates a bare node.
    fn new_bare(word: *mut Header, made_at: &'static Location<'static>, value: MaybeUninit<Result<T, E>>) -> Self {
        let node = Box::new(Bare {
            header: Header::new(word, made_at),
            value: UnsafeCell::new(value),
        });
        // `Bare` begins with its header, and the pointer keeps the provenance of the whole box.
        Self::from_tagged(NonNull::from(Box::leak(node)).cast())
    }

    /// A node without a producer: its result is there.
    pub(super) fn settled(result: Result<T, E>, made_at: &'static Location<'static>) -> Self {
        let whence = Whence::of(&result, made_at);
        Self::fired(result, made_at, whence)
    }

    /// A node without a producer, for a result that comes from elsewhere.
    fn fired(result: Result<T, E>, made_at: &'static Location<'static>, whence: Whence) -> Self {
        Self::new_bare(whence.fired(), made_at, MaybeUninit::new(result))
    }

    /// A pending bare node, for both halves of a pair.
    pub(super) fn pair(made_at: &'static Location<'static>) -> Self {
        Self::new_bare(state::EMPTY, made_at, MaybeUninit::uninit())
    }

    fn from_tagged(tagged: NonNull<Header>) -> Self {
        Self {
            tagged,
            types: std::marker::PhantomData,
        }
    }

    /// A reference to an extended node, given the pointer to its whole allocation.
    fn extended(node: Node) -> Self {
        Self::from_tagged(node.map_addr(|addr| addr | EXTENDED))
    }

    /// The same node, for the consumer of a chain that has fired and waits for the chain that this node ends.
    fn waited_for(self) -> Self {
        Self::from_tagged(self.tagged.map_addr(|addr| addr | WAITED_FOR))
    }

    /// Whether the consumer's chain has fired, and this node is the end of the one that it waits for.
    #[inline(always)]
    fn is_waited_for(self) -> bool {
        self.tagged.addr().get() & WAITED_FOR != 0
    }

    #[inline(always)]
    fn is_extended(self) -> bool {
        self.tagged.addr().get() & EXTENDED != 0
    }

    #[inline(always)]
    fn node(self) -> Node {
        let pointer = self.tagged.as_ptr().map_addr(|addr| addr & !TAGS);
        // SAFETY: clearing the tag gives back the address of the allocation, which is not null.
        unsafe { NonNull::new_unchecked(pointer) }
    }

    /// The header. The caller's half has not ended, so the node is alive.
    #[inline(always)]
    fn header<'a>(self) -> &'a Header {
        // SAFETY: every node begins with a header, and whoever holds a `NodeRef` holds a half of
        // the node, which keeps it alive; callers do not use the header past the end of their half.
        unsafe { self.node().as_ref() }
    }

    fn ext<'a>(self) -> Option<&'a Ext> {
        // SAFETY: as for `header`; an extended node begins with an `Ext`.
        self.is_extended()
            .then(|| unsafe { self.node().cast::<Ext>().as_ref() })
    }

    #[inline(always)]
    fn value<'a>(self) -> &'a Value<T, E> {
        if self.is_extended() {
            // SAFETY: as for `header`; an extended node of these types begins with an `Extended`.
            unsafe { &self.node().cast::<Extended<T, E>>().as_ref().value }
        } else {
            // SAFETY: as for `header`; a node that is not extended is a `Bare` of these types.
            unsafe { &self.node().cast::<Bare<T, E>>().as_ref().value }
        }
    }

    /// Moves the result in.
    ///
    /// # Safety
    /// The caller is the producer, has not published, and nothing is in the value.
    #[inline(always)]
    pub(super) unsafe fn write(self, result: Result<T, E>) {
        self.value().with_mut(|value| {
            // SAFETY: the value is the producer's until it publishes.
            unsafe { (*value).write(result) };
        });
    }

    /// Moves the result out.
    ///
    /// # Safety
    /// A result was written, nobody took it, and by the state it is the caller's.
    #[inline(always)]
    unsafe fn read(self) -> Result<T, E> {
        self.value().with(|value| {
            // SAFETY: promised by the caller.
            unsafe { (*value).assume_init_read() }
        })
    }

    /// Where the result lies.
    fn input(self) -> *mut () {
        self.value().with_mut(|value| value.cast())
    }

    /// Frees the memory of a node, and nothing else.
    ///
    /// # Safety
    /// By the state the node is the caller's alone, and its contents have been moved out.
    #[inline]
    unsafe fn free_memory(self) {
        match self.ext() {
            // SAFETY: promised by the caller.
            Some(ext) => unsafe { (vtable_of(ext).free)(self.node()) },
            // SAFETY: a bare node is a box of `Bare`, and it is the caller's.
            None => drop(unsafe { Box::from_raw(self.node().cast::<Bare<T, E>>().as_ptr()) }),
        }
    }

    /// Frees the node and lets go of the root that it keeps.
    ///
    /// # Safety
    /// By the state the node is the caller's alone, and its contents have been moved out.
    #[inline]
    unsafe fn free(self) {
        let root = self.ext().and_then(|ext| {
            // SAFETY: the node is the caller's alone.
            ext.root.with_mut(|root| unsafe { (*root).take() })
        });
        // SAFETY: promised by the caller.
        unsafe { self.free_memory() };
        if let Some(root) = root {
            // SAFETY: a node owns the root it names, and this one's chain has come to its end.
            unsafe { chain::release(root) };
        }
    }

    /// Where the node was made.
    fn made_at(self) -> &'static Location<'static> {
        self.header().made_at
    }
}

impl<T, E> NodeRef<T, E> {
    /// Moves the waker out of the slot.
    ///
    /// # Safety
    /// The slot holds a waker, and by the state it is the caller's.
    unsafe fn take_waker(self) -> Waker {
        self.header().slot.with(|slot| {
            // SAFETY: promised by the caller; the slot is vacant afterwards.
            ManuallyDrop::into_inner(unsafe { ptr::read(&raw const (*slot).waker) })
        })
    }
}

/// The vtable of a node that is extended.
fn vtable_of(ext: &Ext) -> &'static VTable {
    // SAFETY: the producer changes it only while it owns the link, before it hands it on.
    ext.vtable.with(|vtable| unsafe { *vtable })
}
