//! A link of a chain: a callback, and the node for what it returns, in one allocation.

use std::{
    any::Any,
    cell::Cell,
    mem::{ManuallyDrop, MaybeUninit},
    num::NonZero,
    panic::{AssertUnwindSafe, Location, catch_unwind},
    ptr::{self, NonNull},
    sync::atomic::Ordering::{Acquire, Relaxed},
};

use super::{
    Ext, Extended, Header, Node, NodeRef, Outcome, UnsafeCell, VTable, WAITED_FOR,
    chain::{self, Running, Step},
    control,
    half::Consumer,
    producer::{Unwatched, drop_unseen},
    state, vtable_of,
    whence::{self, Whence},
};
use crate::Aborted;

/// What every link of these results begins with, whatever its callback takes.
#[repr(C)]
struct LinkBase<U, X> {
    base: Extended<U, X>,
    /// The root to go on with when the inner deferred that this link waits for has fired: borrowed,
    /// as the chain's end keeps it alive. The producer's.
    resume: UnsafeCell<Option<Node>>,
}

/// A link whose callback takes `Result<T, E>` and gives `Outcome<U, X>`.
#[repr(C)]
struct Link<T, E, U, X, F> {
    link: LinkBase<U, X>,
    callback: UnsafeCell<MaybeUninit<F>>,
    input: std::marker::PhantomData<fn(Result<T, E>)>,
}

impl<T: 'static, E: From<Aborted> + 'static> NodeRef<T, E> {
    /// Attaches a callback: at once if there is a result, in a link otherwise.
    ///
    /// # Safety
    /// The caller is the consumer, and its half ends.
    pub(super) unsafe fn then<U, X, F>(self, callback: F, made_at: &'static Location<'static>) -> NodeRef<U, X>
    where
        F: FnOnce(Result<T, E>) -> Outcome<U, X>,
        U: 'static,
        X: From<Aborted> + 'static,
    {
        // ORDERING: as in `take`.
        let seen = self.header().state.load(Acquire);
        if !state::is_pending(seen) || !self.vacate_slot(seen) {
            // SAFETY: a result is there, and the caller is the consumer.
            return unsafe { self.run_now(callback, made_at) };
        }
        // SAFETY: the slot is vacant: the state is `EMPTY`, or became one that has a result.
        let root = unsafe { self.become_inner() };
        if self.is_waited_for() {
            // SAFETY: promised by the caller.
            return unsafe { self.enter(callback, made_at, root) };
        }
        let link = Link::new(callback, made_at, root);
        let node: Node = link.cast();
        // SAFETY: the link is complete and takes this node's type.
        if unsafe { self.attach(node) } {
            return NodeRef::extended(node);
        }
        // The result arrived meanwhile. The root stays with this node, where it still is.
        // SAFETY: the link was not published, so its callback is ours.
        let callback = unsafe { take_callback(link) };
        // SAFETY: its contents were moved out.
        unsafe { chain::free_memory(node) };
        // SAFETY: a result is there.
        unsafe { self.run_now(callback, made_at) }
    }

    /// Runs a callback with the result that is there, and keeps what it returns in the same
    /// allocation where that fits.
    ///
    /// # Safety
    /// The caller is the consumer, its half ends, and a result is there.
    unsafe fn run_now<U, X, F>(self, callback: F, attached_at: &'static Location<'static>) -> NodeRef<U, X>
    where
        F: FnOnce(Result<T, E>) -> Outcome<U, X>,
        U: 'static,
        X: From<Aborted> + 'static,
    {
        // SAFETY: the caller is the consumer.
        if self.is_extended() && !self.is_waited_for() && unsafe { self.control() }.is_some() {
            // SAFETY: promised by the caller.
            return unsafe { self.go_on(callback, attached_at) };
        }
        let made_at = self.made_at();
        let fits = size_of::<Result<U, X>>() == size_of::<Result<T, E>>()
            && align_of::<Result<U, X>>() == align_of::<Result<T, E>>();
        // ORDERING: as in `take`.
        let seen = self.header().state.load(Acquire);
        if fits && whence::has_fired(seen) {
            // SAFETY: `FIRED`: the value is there, and the node is ours alone.
            let result = unsafe { self.read() };
            // SAFETY: the result is taken.
            let whence = unsafe { Whence::from_word(seen) };
            match call(callback, result) {
                Outcome::Settled(result) => {
                    let whence = whence.after(result.is_err(), attached_at);
                    if let Some(ext) = self.ext() {
                        // SAFETY: the node is ours alone.
                        let root = ext.root.with_mut(|root| unsafe { (*root).take() });
                        if let Some(root) = root {
                            // SAFETY: the node owned it, and its chain has come to its end.
                            unsafe { chain::release(root) };
                        }
                    }
                    let node = NodeRef::<U, X>::from_tagged(
                        self.tagged
                            .map_addr(|addr| NonZero::new(addr.get() & !WAITED_FOR).unwrap_or(addr)),
                    );
                    // SAFETY: results of the same size and alignment lie at the same offset, and
                    // the old one was moved out. The node frees its memory by its own layout:
                    // for a bare one it is the same, for an extended one its vtable knows it.
                    unsafe { node.write(result) };
                    let word = whence.fired();
                    if word != seen {
                        // ORDERING: whoever gets the node from us sees it by that.
                        node.header().state.swap(word, Relaxed);
                    }
                    node
                }
                Outcome::Waiting(inner) => {
                    // SAFETY: the value was moved out, and the node is ours alone.
                    unsafe { self.free() };
                    wait_as(inner)
                }
            }
        } else {
            // SAFETY: promised by the caller.
            let (result, whence) = unsafe { self.take_with_whence() };
            match call(callback, result) {
                Outcome::Settled(result) => {
                    let whence = whence.after(result.is_err(), attached_at);
                    NodeRef::fired(result, made_at, whence)
                }
                Outcome::Waiting(inner) => wait_as(inner),
            }
        }
    }
}

impl<T: 'static, E: From<Aborted> + 'static> NodeRef<T, E> {
    /// Goes on with a chain that has come to its end but has handles or pauses, which hold for what is attached now,
    /// too.
    ///
    /// # Safety
    /// The caller is the consumer, its half ends, a result is there, and the chain's root is another node.
    #[cold]
    unsafe fn go_on<U, X, F>(self, callback: F, made_at: &'static Location<'static>) -> NodeRef<U, X>
    where
        F: FnOnce(Result<T, E>) -> Outcome<U, X>,
        U: 'static,
        X: From<Aborted> + 'static,
    {
        let root = self.ext().and_then(|ext| {
            // SAFETY: the field is the consumer's. Its ownership goes to the new link.
            ext.root.with_mut(|root| unsafe { (*root).take() })
        });
        // SAFETY: the caller is the consumer. Freeing the node finds no root in it any more.
        let (result, whence) = unsafe { self.take_with_whence() };
        let Some(root) = root else {
            unreachable!("promised by the caller")
        };
        // SAFETY: the chain has ended, and its end is the caller's.
        unsafe { chain::forget_request(root) };
        let link: Node = Link::<T, E, U, X, F>::new(callback, made_at, root).cast();
        // SAFETY: the link takes this result, and nobody else knows it.
        unsafe { control::begin(root, link, result, whence) };
        NodeRef::extended(link)
    }

    /// Attaches a callback to a chain that has fired, and waits for the one that begins at `inner` and this node ends. It gets
    /// a root of its own for that, so that it can be paused apart from the other.
    ///
    /// # Safety
    /// The caller is the consumer, its half ends, and the slot is vacant.
    #[cold]
    unsafe fn enter<U, X, F>(self, callback: F, made_at: &'static Location<'static>, inner: Node) -> NodeRef<U, X>
    where
        F: FnOnce(Result<T, E>) -> Outcome<U, X>,
        U: 'static,
        X: From<Aborted> + 'static,
    {
        let fired = Self::new_bare(state::FIRED, made_at, MaybeUninit::uninit());
        // SAFETY: nobody else knows the node, and it has fired.
        let root = unsafe { fired.become_inner() };
        let link = Link::<T, E, U, X, F>::new(callback, made_at, root);
        // SAFETY: the link was just made and nobody else knows it.
        let base = unsafe { &link.as_ref().link };
        base.base.ext.vtable.with_mut(|vtable| {
            // SAFETY: as above.
            unsafe { *vtable = &Link::<T, E, U, X, F>::ENTERING };
        });
        base.resume.with_mut(|resume| {
            // SAFETY: as above.
            unsafe { *resume = Some(root) };
        });
        // SAFETY: nobody else uses the root yet; the ownership of the inner one moves.
        unsafe { chain::begin_to_wait(root, inner) };
        // SAFETY: the link is complete and takes this node's type.
        if unsafe { self.attach(link.cast()) } {
            return NodeRef::extended(link.cast());
        }
        // SAFETY: the caller is the consumer, and the root of the node's chain was handed on.
        let (result, whence) = unsafe { take_leaving_root(self) };
        // SAFETY: the inner chain is over, as its end had a result.
        unsafe { chain::hand_over(inner, root) };
        base.base.ext.vtable.with_mut(|vtable| {
            // SAFETY: the link was not attached.
            unsafe { *vtable = &Link::<T, E, U, X, F>::VTABLE };
        });
        // SAFETY: the link takes this result, and nobody else knows it.
        unsafe { control::begin(root, link.cast(), result, whence) };
        NodeRef::extended(link.cast())
    }

    /// Makes a node the end of a chain whose root is another node: one that has fired.
    ///
    /// # Safety
    /// The caller is the consumer, its half ends, and a result is there.
    pub(super) unsafe fn anchor(self) -> Self {
        let made_at = self.made_at();
        // SAFETY: promised by the caller.
        let (result, whence) = unsafe { self.take_with_whence() };
        let fired = Self::new_bare(state::FIRED, made_at, MaybeUninit::uninit());
        // SAFETY: nobody else knows the node, and it has fired.
        let root = unsafe { fired.become_inner() };
        let link: Node = Link::<T, E, T, E, _>::new(Outcome::Settled, made_at, root).cast();
        // SAFETY: as above.
        unsafe { chain::drive_with(root, link, result, whence) };
        Self::extended(link)
    }
}

/// What a callback came to, once what it gave is in its place.
enum Ran<U: 'static, X: From<Aborted> + 'static> {
    Wrote { is_failure: bool },
    Waits(Consumer<U, X>),
}

/// Calls a callback; a panic becomes the failure [`Aborted::panicked`].
fn call<T, E, U, X, F>(callback: F, result: Result<T, E>) -> Outcome<U, X>
where
    F: FnOnce(Result<T, E>) -> Outcome<U, X>,
    X: From<Aborted>,
{
    // The callback and its input are gone after a panic, so nobody sees them half changed.
    catch_unwind(AssertUnwindSafe(|| callback(result)))
        .unwrap_or_else(|panic| Outcome::Settled(Err(X::from(Aborted::panicked(panic)))))
}

/// The node of a deferred that a callback returned. One whose result was taken already never gives
/// another, so it counts as one whose completer is gone.
fn into_node<T: 'static, E: From<Aborted> + 'static>(deferred: Consumer<T, E>) -> NodeRef<T, E> {
    let made_at = Location::caller();
    match deferred.into_node() {
        // SAFETY: the half was owned, and is gone.
        Some(node) => unsafe { node.unless_kept_back() },
        None => NodeRef::settled(Err(E::from(Aborted::dropped())), made_at),
    }
}

/// Like [`into_node`], for the consumer of a chain that has fired and goes on with this one: it need not be told that it
/// waits, unless there is to be more of it.
fn wait_as<T: 'static, E: From<Aborted> + 'static>(deferred: Consumer<T, E>) -> NodeRef<T, E> {
    let node = into_node(deferred);
    // ORDERING: nothing is read on the strength of it.
    if state::is_pending(node.header().state.load(Relaxed)) {
        return node.waited_for();
    }
    // SAFETY: the half was owned, and is gone.
    if node.is_extended() && unsafe { node.control() }.is_some() {
        // Its handles are those of a chain that has handed its result over: they must not reach what is attached from here on.
        let made_at = node.made_at();
        // SAFETY: as above, and a result is there.
        let (result, whence) = unsafe { node.take_with_whence() };
        return NodeRef::fired(result, made_at, whence);
    }
    node
}

/// # Safety
/// The link is the caller's alone, and has not run.
unsafe fn take_callback<T, E, U, X, F>(link: NonNull<Link<T, E, U, X, F>>) -> F {
    // SAFETY: promised by the caller.
    unsafe { link.as_ref() }
        .callback
        .with(|callback| unsafe { (*callback).assume_init_read() })
}

impl<T, E, U, X, F> Link<T, E, U, X, F>
where
    F: FnOnce(Result<T, E>) -> Outcome<U, X>,
    T: 'static,
    E: 'static,
    U: 'static,
    X: From<Aborted> + 'static,
{
    /// A link of the chain that begins at `root`, whose ownership goes to it.
    fn new(callback: F, made_at: &'static Location<'static>, root: Node) -> NonNull<Self> {
        let link = Self {
            link: LinkBase {
                base: Extended {
                    ext: Ext::new(&Self::VTABLE, made_at, Some(root)),
                    value: UnsafeCell::new(MaybeUninit::uninit()),
                },
                resume: UnsafeCell::new(None),
            },
            callback: UnsafeCell::new(MaybeUninit::new(callback)),
            input: std::marker::PhantomData,
        };
        NonNull::from(Box::leak(Box::new(link)))
    }

    const VTABLE: VTable = VTable {
        run: Self::run,
        cancel: chain::has_fired,
        free: Self::free,
        firing: chain::ignore,
        forwards: false,
    };

    /// For the first link of a chain that has fired and waits.
    const ENTERING: VTable = VTable {
        run: Self::enter,
        cancel: chain::has_fired,
        free: Self::free,
        firing: chain::ignore,
        forwards: false,
    };

    /// For a link that waits for what its callback returned.
    const FORWARDING: VTable = VTable {
        run: Self::forward,
        cancel: chain::has_fired,
        free: Self::free,
        firing: chain::ignore,
        forwards: true,
    };

    /// # Safety
    /// The link is the caller's to run, and `input` points to a `Result<T, E>`.
    unsafe fn run(node: Node, input: *mut (), running: &Running) -> Option<Step> {
        // SAFETY: promised by the caller, who forgets the result.
        let input = unsafe { ptr::read(input.cast::<Result<T, E>>()) };
        // SAFETY: a link runs once.
        let callback = unsafe { take_callback(node.cast::<Self>()) };
        let link = NodeRef::<U, X>::extended(node);
        // What it returns goes straight to its place: on the way there by the stack, it costs more than the callback.
        // The callback and its input are gone after a panic, so nobody sees them half changed.
        let ran = catch_unwind(AssertUnwindSafe(|| match callback(input) {
            Outcome::Settled(result) => {
                let is_failure = result.is_err();
                // SAFETY: the link is ours, and nothing is in its value.
                unsafe { link.write(result) };
                Ran::Wrote { is_failure }
            }
            Outcome::Waiting(inner) => Ran::Waits(inner),
        }));
        match ran {
            Ok(Ran::Wrote { is_failure }) => {
                running.link_gave(is_failure, link.header());
                // SAFETY: the link is ours, and the callback has run.
                unsafe { hand_on(link, running) }
            }
            // SAFETY: as above; the deferred was given to us.
            Ok(Ran::Waits(inner)) => unsafe { Self::wait_for(node, inner, running) },
            // SAFETY: as above; what panics has written nothing.
            Err(panic) => unsafe { gave_panic(link, panic, running) },
        }
    }

    /// Waits for what the callback returned, or gives its result on if it is there.
    ///
    /// # Safety
    /// The link is the caller's, and its callback has run.
    #[inline(never)]
    unsafe fn wait_for(node: Node, inner: Consumer<U, X>, running: &Running) -> Option<Step> {
        drop(running.take_whence());
        // SAFETY: promised by the caller; the deferred was given to us.
        let (result, whence) = unsafe { Self::wait(node, into_node(inner), &running.root) }?;
        running.set_whence(whence);
        let link = NodeRef::<U, X>::extended(node);
        // SAFETY: promised by the caller, and nothing is in the value.
        unsafe { link.write(result) };
        // SAFETY: promised by the caller.
        unsafe { hand_on(link, running) }
    }

    /// Runs the link, which is attached to what its chain waited for.
    ///
    /// # Safety
    /// As for `run`.
    unsafe fn enter(node: Node, input: *mut (), running: &Running) -> Option<Step> {
        // SAFETY: promised by the caller, who forgets the result.
        let result = unsafe { ptr::read(input.cast::<Result<T, E>>()) };
        // SAFETY: the link is ours, and gives these results.
        let link = unsafe { node.cast::<LinkBase<U, X>>().as_ref() };
        link.base.ext.vtable.with_mut(|vtable| {
            // SAFETY: as above.
            unsafe { *vtable = &Self::VTABLE };
        });
        // SAFETY: written when the link was made.
        let root = link.resume.with_mut(|resume| unsafe { (*resume).take() })?;
        // SAFETY: the chain that this one waited for is over.
        unsafe { chain::hand_over(running.root.get(), root) };
        running.root.set(root);
        // SAFETY: the link is ours to run.
        let (result, whence) = unsafe { control::hold_if_paused(root, node, result, running.take_whence(), true) }?;
        running.set_whence(whence);
        let mut result = ManuallyDrop::new(result);
        // SAFETY: the link is ours to run, and takes such a result, which it moves out.
        unsafe { Self::run(node, (&raw mut result).cast(), running) }
    }

    /// Attaches the link to what its callback returned, or gives its result if it is there.
    ///
    /// # Safety
    /// The link is the caller's, its callback has run, and the caller is the consumer of `inner`.
    unsafe fn wait(node: Node, inner: NodeRef<U, X>, running: &Cell<Node>) -> Option<(Result<U, X>, Whence)> {
        // ORDERING: as in `take`.
        let seen = inner.header().state.load(Acquire);
        if !state::is_pending(seen) || !inner.vacate_slot(seen) {
            // SAFETY: the caller is the consumer.
            return Some(unsafe { inner.take_with_whence() });
        }
        // If another link waits for just this one, it can as well wait for `inner` itself. So a loop
        // that is written as recursion, each round returning the deferred of the next, takes no
        // memory for its length.
        // ORDERING: Acquire pairs with the Release of the attached link in `attach`.
        let outer = NonNull::new(NodeRef::<U, X>::extended(node).header().state.load(Acquire))
            .filter(|next| state::is_link(next.as_ptr()))
            // SAFETY: the link is ours, and so is what is attached to it.
            .filter(|next| vtable_of(unsafe { next.cast::<Ext>().as_ref() }).forwards)
            // A handle of the chain that this link ends is to reach what that waits for.
            // SAFETY: the end of the chain keeps its root alive.
            .filter(|_| unsafe { chain::root_of(running.get()) }.control().is_none());
        let waiting = outer.unwrap_or(node);
        // SAFETY: as above; the outer link gives the same results, since it forwards this one's.
        let link = unsafe { waiting.cast::<LinkBase<U, X>>().as_ref() };
        let mut requested = false;
        let root = match outer {
            Some(_) => {
                // SAFETY: the chain that this link ends is over, and its root is released below.
                requested = unsafe { chain::finish(running.get()) };
                // SAFETY: written when the outer link began to wait.
                link.resume.with(|resume| unsafe { *resume })
            }
            None => {
                link.base.ext.vtable.with_mut(|vtable| {
                    // SAFETY: the link is ours until it is attached.
                    unsafe { *vtable = &Self::FORWARDING };
                });
                link.resume.with_mut(|resume| {
                    // SAFETY: as above.
                    unsafe { *resume = Some(running.get()) };
                });
                Some(running.get())
            }
        };
        let Some(root) = root else {
            unreachable!("a link that waits knows the root to go on with")
        };
        running.set(root);
        // SAFETY: the slot is vacant: the state is `EMPTY`, or became one that has a result.
        let inner_root = unsafe { inner.become_inner() };
        // Before the link is attached: a cancellation has to find its way to what is waited for
        // whenever the chain does wait.
        // SAFETY: both are roots, and the ownership of the inner one moves.
        unsafe { chain::wait_for(root, inner_root, requested) };
        // SAFETY: the link is complete, and forwarding takes what `inner` gives.
        if unsafe { inner.attach(waiting) } {
            if outer.is_some() {
                // SAFETY: the link is ours, nothing refers to it any more, and its contents and its
                // root have been moved out.
                unsafe { chain::free_memory(node) };
            }
            return None;
        }
        // A result arrived meanwhile. A root is owned by `root` by now, a link is not.
        // SAFETY: the caller is the consumer.
        let result = unsafe { take_leaving_root(inner) };
        match outer {
            // The outer link, which runs next, takes the place of the chain that this one ended.
            Some(_) => running.set(inner_root),
            // SAFETY: the inner chain is over, as its end had a result.
            None => unsafe { chain::hand_over(inner_root, root) },
        }
        Some(result)
    }

    /// Runs the link a second time, with the outcome of what its callback returned.
    ///
    /// # Safety
    /// The link is the caller's to run, and `input` points to a `Result<U, X>`.
    unsafe fn forward(node: Node, input: *mut (), running: &Running) -> Option<Step> {
        // SAFETY: promised by the caller, who forgets the result.
        let mut result = unsafe { ptr::read(input.cast::<Result<U, X>>()) };
        // SAFETY: the link is ours, and gives these results.
        let link = unsafe { node.cast::<LinkBase<U, X>>().as_ref() };
        // SAFETY: written when the link began to wait.
        if let Some(resume) = link.resume.with(|resume| unsafe { *resume }) {
            // SAFETY: the chain that this link waited for is over.
            unsafe { chain::hand_over(running.root.get(), resume) };
            running.root.set(resume);
            // Run again, it only passes the result on.
            link.resume.with_mut(|resume| {
                // SAFETY: as above.
                unsafe { *resume = None };
            });
            // SAFETY: the link is ours to run, once more.
            let (kept, whence) = unsafe { control::hold_if_paused(resume, node, result, running.take_whence(), true) }?;
            result = kept;
            running.set_whence(whence);
        }
        let link = NodeRef::<U, X>::extended(node);
        // SAFETY: the link is ours, and its callback has run.
        unsafe { link.write(result) };
        // SAFETY: as above.
        unsafe { hand_on(link, running) }
    }

    unsafe fn free(node: Node) {
        // SAFETY: promised by the caller of the vtable; nothing in it is dropped.
        drop(unsafe { Box::from_raw(node.cast::<Self>().as_ptr()) });
    }
}

/// Gives the failure on that a panic of the link's callback becomes.
///
/// # Safety
/// The caller is the producer of the link, nothing is in its value, and its half ends.
#[cold]
unsafe fn gave_panic<U, X>(link: NodeRef<U, X>, panic: Box<dyn Any + Send>, running: &Running) -> Option<Step>
where
    U: 'static,
    X: From<Aborted> + 'static,
{
    // SAFETY: promised by the caller.
    unsafe { link.write(Err(X::from(Aborted::panicked(panic)))) };
    running.link_gave(true, link.header());
    // SAFETY: promised by the caller.
    unsafe { hand_on(link, running) }
}

/// Gives the result of a link to what is attached to it, or leaves it for its consumer.
///
/// # Safety
/// The caller is the producer of the link, has written its result, and its half ends.
#[inline(always)]
unsafe fn hand_on<U, X>(link: NodeRef<U, X>, running: &Running) -> Option<Step>
where
    U: 'static,
    X: From<Aborted> + 'static,
{
    // A link with a link attached is the producer's alone (cancellations go to roots), so reading
    // is enough.
    // ORDERING: Acquire pairs with the Release of the attached link in `attach`.
    let seen: *mut Header = link.header().state.load(Acquire);
    let next = if state::is_link(seen) {
        NonNull::new(seen)
    } else {
        // SAFETY: promised by the caller.
        unsafe { leave(link, running) }
    }?;
    Some(Step {
        next,
        input: link.input(),
    })
}

/// Leaves the result of a link for its consumer, unless there is a link by now, which is to run next.
///
/// # Safety
/// As for `hand_on`; the result was written.
#[inline(never)]
unsafe fn leave<U, X>(link: NodeRef<U, X>, running: &Running) -> Option<Node>
where
    U: 'static,
    X: From<Aborted> + 'static,
{
    // The chain may be over, and its root freed, before the waker at its end has run. No other root
    // must then be taken for it.
    let root = running.root.replace(NonNull::dangling());
    let word = running.take_whence().fired();
    // SAFETY: promised by the caller.
    let next = unsafe {
        link.publish(word, |result, unseen| {
            drop_unseen(result, unseen, Unwatched::Report);
        })
    };
    if next.is_some() {
        // SAFETY: it comes back with the link.
        running.set_whence(unsafe { Whence::from_word(word) });
    }
    running.root.set(root);
    next
}

/// Takes a result that is there from a node whose root is owned by somebody else.
///
/// # Safety
/// The caller is the consumer, a result is there, and the root of the node's chain was handed on.
pub(super) unsafe fn take_leaving_root<U, X>(node: NodeRef<U, X>) -> (Result<U, X>, Whence)
where
    U: 'static,
    X: From<Aborted> + 'static,
{
    let root_is_elsewhere = node.ext().is_some_and(|ext| {
        // SAFETY: the field is the consumer's.
        ext.root.with_mut(|root| unsafe { (*root).take() }).is_some()
    });
    if root_is_elsewhere {
        // SAFETY: a result is there. Freeing the node finds no root in it any more.
        return unsafe { node.take_with_whence() };
    }
    let seen = node.header().state.load(Acquire);
    if whence::has_fired(seen) {
        // SAFETY: the value is there; the memory is freed with the root.
        let result = unsafe { node.read() };
        // SAFETY: the result is taken.
        (result, unsafe { Whence::from_word(seen) })
    } else {
        // `CANCELLED` or `SPENT`: `FIRING` comes only from a waker, and there was none.
        (Err(X::from(Aborted::cancelled())), Whence::at(node.made_at()))
    }
}
