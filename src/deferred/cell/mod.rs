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

mod chain;
pub(super) mod half;
mod link;
mod sync;
pub(super) mod task;

use std::{
    cell::Cell,
    mem::{ManuallyDrop, MaybeUninit},
    panic::Location,
    ptr::{self, NonNull},
    task::{Context, Poll, Waker},
};

use self::sync::{AtomicPtr, AtomicUsize, StateWord, UnsafeCell};
use super::unhandled;
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
    /// The value is there, or was taken by the attached link. The node is the consumer's alone.
    pub(super) const FIRED: *mut Header = tag(4);
    /// The value is there, and the producer still has to take the waker: the consumer may read the
    /// value, but not free the node.
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
        word.addr() > ABANDONED.addr()
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
    vtable: &'static VTable,
}

/// What can be done to a node without knowing its types.
pub(super) struct VTable {
    /// Runs a link with the result that `input` points to. Links only.
    run: unsafe fn(Node, input: *mut (), root: &Cell<Node>) -> Option<chain::Step>,
    /// Cancels a root, if it is still pending; says whether it was. Roots only.
    cancel: unsafe fn(Node) -> bool,
    /// Frees the memory of a node whose contents have been moved out.
    free: unsafe fn(Node),
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
    fn new(vtable: &'static VTable, made_at: &'static Location<'static>) -> Self {
        Self {
            header: Header::new(state::EMPTY, made_at),
            vtable: UnsafeCell::new(vtable),
            root: UnsafeCell::new(None),
        }
    }
}

/// A typed pointer to a node, held by one of its halves. The lowest bit is set for extended nodes.
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
        Self::new_bare(state::FIRED, made_at, MaybeUninit::new(result))
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

    #[inline(always)]
    fn is_extended(self) -> bool {
        self.tagged.addr().get() & EXTENDED != 0
    }

    #[inline(always)]
    fn node(self) -> Node {
        let pointer = self.tagged.as_ptr().map_addr(|addr| addr & !EXTENDED);
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

/// The producer's half.
impl<T: 'static, E: From<Aborted> + 'static> NodeRef<T, E> {
    /// Whether somebody would see a result.
    pub(super) fn is_wanted(self) -> bool {
        // ORDERING: nothing is read on the strength of the answer.
        let word = self.header().state.load(std::sync::atomic::Ordering::Relaxed);
        word != state::DETACHED && word != state::CANCELLED && word != state::ABANDONED
    }

    /// Fires the node: the producer's half ends. Runs the callbacks attached to it.
    ///
    /// # Safety
    /// The caller is the producer, has not published, and does not use its half again.
    pub(super) unsafe fn fire(self, result: Result<T, E>, unwatched: Unwatched) {
        let root = self.node();
        // SAFETY: promised by the caller.
        unsafe { self.write(result) };
        // SAFETY: the result was just written.
        if let Some(link) = unsafe { self.publish(unwatched) } {
            // SAFETY: `publish` handed over the link together with the result in this node, which
            // is a root: only completers and tasks fire.
            unsafe { chain::drive(root, link, self.input()) };
        }
    }

    /// Ends the producer's half without a result: fires [`Aborted::dropped`], if anybody waits.
    ///
    /// # Safety
    /// As for `fire`.
    #[inline]
    pub(super) unsafe fn give_up(self) {
        // ORDERING: Acquire pairs with the consumer's Release of its half in `detach`.
        if self.header().state.load(std::sync::atomic::Ordering::Acquire) == state::DETACHED {
            // SAFETY: `DETACHED`: the node is the producer's alone, and nothing was written.
            unsafe { self.free() };
        } else {
            // SAFETY: promised by the caller.
            unsafe { self.fire(Err(E::from(Aborted::dropped())), Unwatched::Ignore) };
        }
    }

    /// Like [`fire`](Self::fire), but hands the result back if nobody would see it.
    ///
    /// # Safety
    /// As for `fire`.
    pub(super) unsafe fn try_fire(self, result: Result<T, E>) -> Result<(), Result<T, E>> {
        if self.is_wanted() {
            // SAFETY: promised by the caller.
            unsafe { self.fire(result, Unwatched::Report) };
            Ok(())
        } else {
            // SAFETY: promised by the caller.
            unsafe { self.retire() };
            Err(result)
        }
    }

    /// Makes the result known that was written. Gives the link to run with it, if there is one.
    ///
    /// # Safety
    /// The caller is the producer and has written a result; its half ends, except that the link
    /// it is given is its own to run, and with it the result.
    #[inline]
    unsafe fn publish(self, unwatched: Unwatched) -> Option<Node> {
        use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
        let state = &self.header().state;
        // Looked at first, as an exchange that fails costs no less than one that succeeds.
        // ORDERING: Acquire, here and wherever an exchange fails, pairs with the consumer's Release
        // of its half in `detach` and `abandon`.
        let mut seen = state.load(Acquire);
        loop {
            if seen == state::EMPTY {
                // ORDERING: Release publishes the value to the consumer's Acquire in `take` and `attach`.
                match state.compare_exchange(state::EMPTY, state::FIRED, Release, Acquire) {
                    Ok(_) => return None,
                    Err(now) => seen = now,
                }
            } else if seen == state::WAKER {
                // ORDERING: Acquire pairs with the consumer's Release of the waker in `poll`.
                match state.compare_exchange(state::WAKER, state::FIRING, AcqRel, Acquire) {
                    Ok(_) => {
                        // SAFETY: `FIRING` gives the producer the waker and keeps the node alive.
                        let waker = unsafe { self.take_waker() };
                        // ORDERING: Release, so that the consumer frees the node after the waker
                        // was moved out; Acquire for the consumer's last use of it.
                        if state
                            .compare_exchange(state::FIRING, state::FIRED, AcqRel, Acquire)
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
                if unwatched == Unwatched::Report {
                    unhandled::report_failure(result, made_at);
                }
                return None;
            } else if seen == state::CANCELLED || seen == state::ABANDONED {
                // SAFETY: a cancellation leaves the value to the producer.
                let late = unsafe { self.read() };
                // SAFETY: the value was moved out.
                unsafe { self.retire() };
                drop(late);
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
    unsafe fn retire(self) {
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
    unsafe fn cancel_with(self, claimed: impl FnOnce()) -> bool {
        use std::sync::atomic::Ordering::{AcqRel, Acquire};
        let state = &self.header().state;
        let mut seen = state.load(Acquire);
        loop {
            if !state::is_pending(seen) || seen == state::DETACHED {
                return false;
            }
            // ORDERING: Acquire for the waker or the link that we take, Release for the producer,
            // which frees the node when the consumer has gone.
            match state.compare_exchange(seen, state::CANCELLED, AcqRel, Acquire) {
                Ok(_) => break,
                Err(now) => seen = now,
            }
        }
        // The slot and the link were ours from here on, so they are taken before foreign code runs.
        let waker = (seen == state::WAKER).then(|| {
            // SAFETY: the exchange took the waker from the slot's two other users.
            unsafe { self.take_waker() }
        });
        claimed();
        if let Some(waker) = waker {
            waker.wake();
        } else if state::is_link(seen) {
            let mut result = ManuallyDrop::new(Err::<T, E>(E::from(Aborted::cancelled())));
            // SAFETY: a link's address is not null, and the exchange made it ours to run. It
            // moves the result out.
            unsafe { chain::drive(self.node(), NonNull::new_unchecked(seen), (&raw mut result).cast()) };
        }
        true
    }
}

/// The consumer's half.
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

    /// Takes the result that is there; the consumer's half ends.
    ///
    /// # Safety
    /// The caller is the consumer, has seen this state with Acquire, and it is not a pending one.
    #[inline]
    unsafe fn take_settled(self, seen: *mut Header) -> Result<T, E> {
        if seen != state::FIRED {
            // SAFETY: promised by the caller.
            return unsafe { self.take_slow(seen) };
        }
        // SAFETY: `FIRED`: the value is there, and the node is the consumer's alone.
        let result = unsafe { self.read() };
        // SAFETY: the value was moved out.
        unsafe { self.free() };
        result
    }

    /// # Safety
    /// As for `take_settled`, with a state that is not `FIRED`.
    #[cold]
    unsafe fn take_slow(self, seen: *mut Header) -> Result<T, E> {
        use std::sync::atomic::Ordering::{Acquire, Release};
        let state = &self.header().state;
        if seen == state::FIRING {
            // SAFETY: `FIRING`: the value is there for the consumer.
            let result = unsafe { self.read() };
            // ORDERING: Release, so that the producer frees the node after the value was moved out.
            if state
                .compare_exchange(state::FIRING, state::TAKEN, Release, Acquire)
                .is_err()
            {
                // SAFETY: `FIRED` by now: the node is the consumer's alone.
                unsafe { self.free() };
            }
            result
        } else {
            // SAFETY: `CANCELLED` or `SPENT`.
            unsafe { self.abandon() };
            Err(E::from(Aborted::cancelled()))
        }
    }

    /// Ends the consumer's half of a cancelled node.
    ///
    /// # Safety
    /// The caller is the consumer, the state is `CANCELLED` or `SPENT`, and the slot is vacant.
    unsafe fn abandon(self) {
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
    pub(super) unsafe fn detach(self) -> Option<Result<T, E>> {
        use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
        let state = &self.header().state;
        loop {
            // ORDERING: as in `take`.
            let seen = state.load(Acquire);
            if !state::is_pending(seen) {
                // SAFETY: promised by the caller.
                return Some(unsafe { self.take_settled(seen) });
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
    fn vacate_slot(self, seen: *mut Header) -> bool {
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

/// What becomes of a failure that arrives at a node whose consumer is gone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unwatched {
    /// It is reported as unhandled.
    Report,
    /// It is dropped: the producer ended without a result, and nobody was waiting for one.
    Ignore,
}

/// The vtable of a node that is extended.
fn vtable_of(ext: &Ext) -> &'static VTable {
    // SAFETY: the producer changes it only while it owns the link, before it hands it on.
    ext.vtable.with(|vtable| unsafe { *vtable })
}
