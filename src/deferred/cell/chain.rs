//! Chains of nodes: running them, cancelling them from their end, and letting go of their roots.

use std::{
    cell::Cell,
    mem::ManuallyDrop,
    ptr::{self, NonNull},
    sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release},
};

use super::{
    AtomicPtr, Ext, Header, Node, NodeRef, Root, Slot, TableWord, VTable, control, state, vtable_of, whence::Whence,
};
use crate::Aborted;

/// What a link leaves behind when another one is to run: that one, and the result for it, which
/// lies in the link that ran.
pub(super) struct Step {
    pub(super) next: Node,
    pub(super) input: *mut (),
}

/// What [`Root::forward`] may hold beside the root that the chain waits for. Null means that the chain
/// does not wait: it has not run, its callbacks are running, or it has come to its end.
pub(super) mod forward {
    use super::Header;
    use std::ptr;

    /// A cancellation came while callbacks were running: it takes effect when the chain waits.
    pub(super) const REQUESTED: *mut Header = ptr::without_provenance_mut(2);
    /// The chain has come to its end and handed its result to the chain that waited for it.
    pub(super) const FINISHED: *mut Header = ptr::without_provenance_mut(4);

    /// Stands in for the root that a cancellation has borrowed. Every cancellation has a marker of its
    /// own, the address of its `local`, by which it knows whether the root that it brings back is still
    /// that which the chain waits for: the chain may have gone on meanwhile, to wait for another one, and
    /// a second cancellation may have that one.
    pub(super) fn marker(local: &usize) -> *mut Header {
        ptr::without_provenance_mut(ptr::from_ref(local).addr() | 1)
    }

    /// Tells markers from the rest, which is aligned.
    pub(super) fn is_marker(word: *mut Header) -> bool {
        word.addr() & 1 != 0
    }

    /// Whether the word is a root.
    pub(super) fn is_root(word: *mut Header) -> bool {
        !is_marker(word) && word.addr() > FINISHED.addr()
    }
}

/// A chain whose links this thread runs, and the one from whose callback that began.
pub(super) struct Running {
    pub(super) root: Cell<Node>,
    /// Where the result comes from that the next link takes: the word of a [`Whence`].
    whence: Cell<*mut Header>,
    outer: *const Running,
    /// How many are around it.
    depth: usize,
}

/// So deep may runs be nested in each other's callbacks. What would begin deeper is left to the run at this depth, when that
/// has come to its end: otherwise the stack would grow with the data, as where each of a thousand waiters wakes the next one.
const MAX_DEPTH: usize = 32;

#[cfg(not(interloop_loom))]
thread_local! {
    static RUNNING: Cell<*const Running> = const { Cell::new(ptr::null()) };
}
#[cfg(interloop_loom)]
loom::thread_local! {
    static RUNNING: Cell<*const Running> = Cell::new(ptr::null());
}

impl Running {
    #[inline]
    pub(super) fn take_whence(&self) -> Whence {
        // SAFETY: the word goes with it.
        unsafe { Whence::from_word(self.whence.replace(state::FIRED)) }
    }

    /// Sets it, after it was taken.
    #[inline]
    pub(super) fn set_whence(&self, whence: Whence) {
        self.whence.set(whence.fired());
    }

    /// A link has made this of a result that came from there.
    #[inline(always)]
    pub(super) fn link_gave(&self, is_failure: bool, link: &Header) {
        if is_failure || self.whence.get() != state::FIRED {
            self.link_changed(is_failure, link);
        }
    }

    /// What [`link_gave`](Self::link_gave) does where there is or was a failure: apart from it, as it would cost every
    /// other link.
    #[inline(never)]
    fn link_changed(&self, is_failure: bool, link: &Header) {
        self.set_whence(self.take_whence().after(is_failure, link.made_at));
    }
}

/// Whether this is called from a callback of the chain that begins at `root`.
fn is_running_here(root: Node) -> bool {
    let mut next = RUNNING.with(Cell::get);
    // SAFETY: what is in the list is on this thread's stack, and leaves the list before it ends.
    while let Some(running) = unsafe { next.as_ref() } {
        if running.root.get() == root {
            return true;
        }
        next = running.outer;
    }
    false
}

impl Running {
    fn new(root: Node, whence: Whence) -> Self {
        let outer = RUNNING.with(Cell::get);
        // SAFETY: what is in the list is on this thread's stack, and leaves the list before it ends.
        let depth = unsafe { outer.as_ref() }.map_or(0, |outer| outer.depth + 1);
        Self {
            root: Cell::new(root),
            whence: Cell::new(whence.fired()),
            outer,
            depth,
        }
    }

    /// Puts the run on the thread's list, until the guard is dropped.
    fn enter(&self) -> Leave<'_> {
        RUNNING.with(|innermost| innermost.set(ptr::from_ref(self)));
        Leave(self)
    }
}

/// Takes a run off the list when it is left, be it by a panic of a waker.
struct Leave<'a>(&'a Running);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        RUNNING.with(|running| running.set(self.0.outer));
        if self.0.depth == MAX_DEPTH {
            nesting::run_what_is_left();
        }
    }
}

/// Whether what begins now would be nested too deep.
pub(super) fn is_deep() -> bool {
    // SAFETY: as in `is_running_here`.
    unsafe { RUNNING.with(Cell::get).as_ref() }.is_some_and(|running| running.depth >= MAX_DEPTH)
}

/// Leaves a run that would be nested too deep to the one at the greatest depth.
pub(super) fn leave(run: impl FnOnce() + 'static) {
    nesting::leave(Box::new(run));
}

/// Runs something that is not a chain, but may fire some, as a run of its own; later, if it would be nested too deep.
pub(in crate::deferred) fn nested(f: impl FnOnce() + 'static) {
    if is_deep() {
        return leave(f);
    }
    let running = Running::new(NonNull::dangling(), Whence::VALUE);
    let _leave = running.enter();
    f();
}

/// Runs something that may hold a lock while it wakes: what would run on this thread meanwhile, be it a chain or a coroutine, runs
/// when it has ended, as it might wait for that lock.
pub(crate) fn hold_back<R>(f: impl FnOnce() -> R) -> R {
    let mut running = Running::new(NonNull::dangling(), Whence::VALUE);
    running.depth = running.depth.max(MAX_DEPTH);
    let _leave = running.enter();
    f()
}

/// What would have been nested too deep, or was held back.
mod nesting {
    use std::{cell::RefCell, collections::VecDeque};

    #[derive(Default)]
    struct Left {
        runs: VecDeque<Box<dyn FnOnce()>>,
        /// Whether somebody is at it.
        is_running: bool,
    }

    #[cfg(not(interloop_loom))]
    thread_local! {
        static LEFT: RefCell<Left> = RefCell::default();
    }
    #[cfg(interloop_loom)]
    loom::thread_local! {
        static LEFT: RefCell<Left> = RefCell::default();
    }

    #[cold]
    pub(super) fn leave(run: Box<dyn FnOnce()>) {
        LEFT.with(|left| left.borrow_mut().runs.push_back(run));
    }

    #[cold]
    pub(super) fn run_what_is_left() {
        /// Lets the next one go on where a waker has panicked.
        struct End;

        impl Drop for End {
            fn drop(&mut self) {
                LEFT.with(|left| left.borrow_mut().is_running = false);
            }
        }

        // One that is run from here comes back here.
        if LEFT.with(|left| std::mem::replace(&mut left.borrow_mut().is_running, true)) {
            return;
        }
        let _end = End;
        while let Some(run) = LEFT.with(|left| left.borrow_mut().runs.pop_front()) {
            run();
        }
    }
}

/// Runs `link` with the result at `input`, and then what is attached to it, until a link waits or
/// the chain ends. Uses no stack for the length of the chain.
///
/// # Safety
/// The links are the caller's to run, `input` points to a result of the type that `link` takes,
/// which it moves out, and `root` is the root of the chain.
pub(super) unsafe fn drive(root: Node, mut link: Node, mut input: *mut (), whence: Whence) {
    let running = Running::new(root, whence);
    let _leave = running.enter();
    // The link whose result `input` is, if it is one.
    let mut spent = None;
    loop {
        // SAFETY: the link is ours, and a link begins with an `Ext`.
        let run = vtable_of(unsafe { link.cast::<Ext>().as_ref() }).run;
        // SAFETY: promised by the caller, and for later turns by the link that ran before.
        let step = unsafe { run(link, input, &running) };
        if let Some(spent) = spent {
            // SAFETY: its result was moved out by the link that just ran, and its root was passed
            // on when that link was attached.
            unsafe { free_memory(spent) };
        }
        match step {
            Some(step) => {
                spent = Some(link);
                link = step.next;
                input = step.input;
            }
            None => return,
        }
    }
}

/// Like [`drive`], with a result that is here.
///
/// # Safety
/// As for `drive`.
pub(super) unsafe fn drive_with<T, E>(root: Node, link: Node, result: Result<T, E>, whence: Whence) {
    let mut result = ManuallyDrop::new(result);
    // SAFETY: promised by the caller; the link moves the result out.
    unsafe { drive(root, link, (&raw mut result).cast(), whence) };
}

/// # Safety
/// The node is extended, the caller's alone, and its contents have been moved out.
pub(super) unsafe fn free_memory(node: Node) {
    // SAFETY: promised by the caller.
    let free = vtable_of(unsafe { node.cast::<Ext>().as_ref() }).free;
    // SAFETY: promised by the caller.
    unsafe { free(node) };
}

/// The root part of a root's slot.
///
/// # Safety
/// The node is alive, and a root whose slot has been made one (see [`NodeRef::become_inner`]).
pub(super) unsafe fn root_of<'a>(node: Node) -> &'a Root {
    // SAFETY: promised by the caller; from then on the slot is only read, its atomic aside.
    unsafe { node.as_ref() }
        .slot
        .with(|slot| unsafe { &*(&raw const (*slot).root).cast::<Root>() })
}

/// Lets go of a root: its chain has come to its end.
///
/// # Safety
/// The caller owns the root and does not use it again.
pub(super) unsafe fn release(node: Node) {
    // SAFETY: a root that is owned is alive, and was made one before it was.
    let root = unsafe { root_of(node) };
    if !root.control().is_some_and(control::Control::end) {
        // SAFETY: promised by the caller, and nobody else uses it.
        unsafe { release_unused(node) };
    }
}

/// Lets go of a root that no handle uses.
///
/// # Safety
/// As for `release`.
pub(super) unsafe fn release_unused(node: Node) {
    // SAFETY: as in `release`.
    let root = unsafe { root_of(node) };
    debug_assert!(
        // ORDERING: nothing is read on the strength of it.
        !forward::is_root(root.forward.load(Relaxed)) && !forward::is_marker(root.forward.load(Relaxed)),
        "a chain that waits has not come to its end"
    );
    let free = root.vtable().free;
    // Handles and pauses may have references of their own.
    let control = root.take_control();
    // SAFETY: as above.
    let word = &unsafe { node.as_ref() }.state;
    let seen = word.load(Acquire);
    // ORDERING: as in `NodeRef::abandon`.
    let left_to_producer = seen == state::CANCELLED
        && word
            .compare_exchange(state::CANCELLED, state::ABANDONED, Release, Acquire)
            .is_ok();
    if !left_to_producer {
        // SAFETY: `FIRED` or `SPENT`, and the result was moved out: the node is ours alone. A
        // chain does not end before its root has left the pending states, and it gets its first
        // link when no waker is there, so that it never comes to `FIRING`.
        unsafe { free(node) };
    }
    drop(control);
}

/// Cancels what a chain waits for: its root, or the root of the chain that it waits for, and so on
/// to the innermost. If callbacks of that one are running on another thread, the cancellation takes
/// effect when they have come to wait for something.
///
/// # Safety
/// The caller keeps the chain's end alive.
pub(super) unsafe fn cancel(root: Node) {
    // The roots walked through, each with the one borrowed from it. A chain of waits may be a
    // million long, so this does not recurse.
    let mut path: Vec<(Node, Node)> = Vec::new();
    let on_stack = 0;
    let marker = forward::marker(&on_stack);
    let mut node = root;
    loop {
        // SAFETY: `node` is kept alive by the caller, or borrowed from the root before it.
        let root = unsafe { root_of(node) };
        // SAFETY: the vtable is that of the node, and the node is a root.
        if unsafe { (root.vtable().cancel)(node) } {
            break;
        }
        // ORDERING: Acquire for what follows from `FINISHED`; otherwise the exchange decides.
        let seen = root.forward.load(Acquire);
        if forward::is_root(seen) {
            // ORDERING: Acquire for the root behind, published by the link that began to wait, or by
            // the cancellation that brought it back.
            let borrowed = root.forward.compare_exchange(seen, marker, Acquire, Relaxed);
            if let Some(inner) = borrowed.ok().and_then(NonNull::new) {
                path.push((node, inner));
                node = inner;
            }
            // Otherwise the chain has gone on, or is being cancelled: it is looked at again.
        } else if seen.is_null() {
            // From a callback of its own, and while it is paused, a cancellation does nothing (Twisted's rules).
            // ORDERING: Release, so that whoever acts on the request comes after whoever made it.
            if is_running_here(node)
                || root.control().is_some_and(control::Control::is_held)
                || root
                    .forward
                    .compare_exchange(seen, forward::REQUESTED, Release, Relaxed)
                    .is_ok()
            {
                break;
            }
        } else if seen == forward::FINISHED {
            // It has handed its result to the chain before it, whose turn it is.
            let Some((before, finished)) = path.pop() else {
                break;
            };
            // SAFETY: as for `node`.
            let word = &unsafe { root_of(before) }.forward;
            // ORDERING: as for the request above; Acquire, as the exchange may be another's turn.
            let requested = word.compare_exchange(marker, forward::REQUESTED, Release, Acquire);
            // SAFETY: it is borrowed, and nobody will ask for it back: the thread that runs the chain
            // does not touch it after `FINISHED`.
            unsafe { release(finished) };
            if requested.is_ok() {
                break;
            }
            node = before;
        } else {
            // Another cancellation is on its way there.
            break;
        }
    }
    for (node, inner) in path.into_iter().rev() {
        // SAFETY: kept alive by the caller or by the pairs that remain in `path`.
        let root = unsafe { root_of(node) };
        // ORDERING: Release for whoever borrows or releases the root next. Acquire for what the
        // thread that ran its chain to the end did with it.
        let returned = root.forward.compare_exchange(marker, inner.as_ptr(), Release, Acquire);
        if returned.is_err() {
            // SAFETY: the chain has gone on, so this root is ours, and the chain that it belongs to
            // has come to its end.
            unsafe { release(inner) };
        }
    }
}

impl<T: 'static, E: From<Aborted> + 'static> NodeRef<T, E> {
    /// Cancels what this node waits for.
    ///
    /// # Safety
    /// The caller is the consumer.
    pub(super) unsafe fn cancel(self) {
        // ORDERING: Acquire, so that whoever is told so by this comes after what settled it.
        if !state::is_pending(self.header().state.load(Acquire)) {
            return;
        }
        let root = self.ext().and_then(|ext| {
            // SAFETY: the field is the consumer's, and that is the caller.
            ext.root.with(|root| unsafe { *root })
        });
        match root {
            // SAFETY: the consumer keeps the chain's end alive.
            Some(root) => unsafe { cancel(root) },
            // SAFETY: the node is its own root, and the vtable is its own.
            None => unsafe {
                (self.vtable().cancel)(self.node());
            },
        }
    }

    /// The vtable for this node as a root.
    fn vtable(self) -> &'static VTable {
        match self.ext() {
            Some(ext) => vtable_of(ext),
            None => &BareVTable::<T, E>::VTABLE,
        }
    }

    /// Prepares a pending node for being waited for by a link, and gives the root of its chain.
    ///
    /// # Safety
    /// The caller is the consumer and the state is `EMPTY`, or one that has a result.
    pub(super) unsafe fn become_inner(self) -> Node {
        let root = self.ext().and_then(|ext| {
            // SAFETY: the field is the consumer's, and that is the caller. The ownership of the
            // root moves out by the caller's storing it elsewhere.
            ext.root.with(|root| unsafe { *root })
        });
        root.unwrap_or_else(|| {
            let vtable = self.vtable();
            self.header().slot.with_mut(|slot| {
                let root = Root {
                    forward: AtomicPtr::new(ptr::null_mut()),
                    table: TableWord::new(Root::plain(vtable)),
                };
                // SAFETY: outside of `WAKER` the slot is the consumer's and vacant.
                unsafe {
                    slot.write(Slot {
                        root: ManuallyDrop::new(root),
                    });
                }
            });
            self.node()
        })
    }

    /// Attaches a link to a node that was prepared by [`become_inner`](Self::become_inner). Then the
    /// consumer's half has ended, unless a result had arrived: `false`.
    ///
    /// # Safety
    /// The caller is the consumer, the link takes this node's type and is complete.
    pub(super) unsafe fn attach(self, link: Node) -> bool {
        // ORDERING: Release publishes the link to the producer's Acquire in `publish`; Acquire for
        // the result that arrived instead.
        self.header()
            .state
            .compare_exchange(state::EMPTY, link.as_ptr(), Release, Acquire)
            .is_ok()
    }
}

/// Makes `root` wait for the chain that begins at `inner`, whose ownership goes to it. If a
/// cancellation was requested, it takes effect now.
///
/// # Safety
/// Both are roots, `root` is that of the chain that the caller runs, and the caller is the consumer
/// of the other chain's end.
pub(super) unsafe fn wait_for(root: Node, inner: Node, mut requested: bool) {
    // ORDERING: Release publishes the inner root; Acquire for the request.
    // SAFETY: promised by the caller.
    let previous = unsafe { root_of(root) }.forward.swap(inner.as_ptr(), AcqRel);
    requested |= previous == forward::REQUESTED;
    // What a cancellation has borrowed, it releases itself.
    if let Some(previous) = NonNull::new(previous).filter(|_| forward::is_root(previous)) {
        // SAFETY: it was owned by `root`, and its chain has come to its end.
        unsafe { release(previous) };
    }
    if requested {
        // SAFETY: promised by the caller.
        unsafe { cancel(inner) };
    }
}

/// Makes `root`, which nobody else uses yet, wait for the chain that begins at `inner`, whose ownership goes to it.
///
/// # Safety
/// As for [`wait_for`].
pub(super) unsafe fn begin_to_wait(root: Node, inner: Node) {
    // ORDERING: whoever uses the root comes after this by other means.
    // SAFETY: promised by the caller.
    unsafe { root_of(root) }.forward.store(inner.as_ptr(), Relaxed);
}

/// Marks the end of the chain that begins at `root`. Says whether a cancellation of it was requested,
/// which then belongs to the chain that waited for it.
///
/// # Safety
/// The caller runs the chain, and does not touch the root again unless it owns it.
pub(super) unsafe fn finish(root: Node) -> bool {
    // ORDERING: Release, as a cancellation may free the root from here on; Acquire for the request.
    // SAFETY: promised by the caller.
    let previous = unsafe { root_of(root) }.forward.swap(forward::FINISHED, AcqRel);
    previous == forward::REQUESTED
}

/// Goes on with the chain that begins at `waiting` and waited for the one that begins at `root`, which has
/// come to its end.
///
/// # Safety
/// The caller runs both, and does not touch `root` again.
pub(super) unsafe fn hand_over(root: Node, waiting: Node) {
    // SAFETY: the end of the chain keeps its root alive.
    let word = &unsafe { root_of(waiting) }.forward;
    // As long as no cancellation has borrowed the root, taking it out of that word makes it ours alone.
    // ORDERING: Acquire for what a cancellation that brought it back has left in it; Release as in `wait_for`.
    if word
        .compare_exchange(root.as_ptr(), ptr::null_mut(), AcqRel, Relaxed)
        .is_ok()
    {
        // ORDERING: see above.
        // SAFETY: it is ours.
        let requested = unsafe { root_of(root) }.forward.load(Relaxed) == forward::REQUESTED;
        // SAFETY: as above, and its chain is over.
        unsafe { release(root) };
        if requested {
            // ORDERING: as for the request in `cancel`. If it fails, another one was made.
            let _ = word.compare_exchange(ptr::null_mut(), forward::REQUESTED, Release, Relaxed);
        }
    } else {
        // SAFETY: promised by the caller.
        unsafe { hand_over_borrowed(root, word) };
    }
}

/// # Safety
/// As for `hand_over`; `word` is where the root was that a cancellation has borrowed.
#[cold]
unsafe fn hand_over_borrowed(root: Node, word: &AtomicPtr<Header>) {
    // SAFETY: promised by the caller.
    let requested = unsafe { finish(root) };
    // ORDERING: as in `wait_for`.
    let previous = word.swap(ptr::null_mut(), AcqRel);
    // What a cancellation has borrowed, it releases itself.
    if let Some(previous) = NonNull::new(previous).filter(|_| forward::is_root(previous)) {
        // SAFETY: that is the root that has finished, and it was owned by the other.
        unsafe { release(previous) };
    }
    if requested || previous == forward::REQUESTED {
        // ORDERING: as for the request in `cancel`. If it fails, another one was made.
        let _ = word.compare_exchange(ptr::null_mut(), forward::REQUESTED, Release, Relaxed);
    }
}

struct BareVTable<T, E>(std::marker::PhantomData<(T, E)>);

impl<T: 'static, E: From<Aborted> + 'static> BareVTable<T, E> {
    const VTABLE: VTable = VTable {
        run: never_run,
        cancel: Self::cancel,
        free: Self::free,
        firing: ignore,
        forwards: false,
    };

    unsafe fn cancel(node: Node) -> bool {
        // SAFETY: promised by the caller of the vtable.
        unsafe { NodeRef::<T, E>::from_tagged(node).cancel_with(|| {}) }
    }

    unsafe fn free(node: Node) {
        // SAFETY: promised by the caller of the vtable; an untagged reference is a bare node.
        unsafe { NodeRef::<T, E>::from_tagged(node).free_memory() };
    }
}

/// Stands in the vtables of nodes that are not links.
pub(super) unsafe fn never_run(_: Node, _: *mut (), _: &Running) -> Option<Step> {
    unreachable!("only links are run")
}

/// Stands in the vtables of nodes that have nothing to let go of when they fire.
pub(super) unsafe fn ignore(_: Node) -> bool {
    false
}

/// Makes the chain that begins at `root`, which has ended, ready to be gone on with by its consumer: a cancellation that came
/// after its end was for nothing.
///
/// # Safety
/// The caller is the consumer of the chain's end, which has a result.
pub(super) unsafe fn forget_request(root: Node) {
    // SAFETY: the end of the chain keeps its root alive.
    let word = &unsafe { root_of(root) }.forward;
    // ORDERING: nothing follows from it. If it fails, there was none.
    let _ = word.compare_exchange(forward::REQUESTED, ptr::null_mut(), Relaxed, Relaxed);
}

/// Whether the chain that begins at `root` waits for another one.
///
/// # Safety
/// The root is alive.
pub(super) unsafe fn is_waiting(root: Node) -> bool {
    // ORDERING: nothing is read on the strength of it.
    // SAFETY: promised by the caller.
    let seen = unsafe { root_of(root) }.forward.load(Relaxed);
    forward::is_marker(seen) || forward::is_root(seen)
}

/// Stands in the vtables of links: one that names no root has fired, and its chain is over.
pub(super) unsafe fn has_fired(_: Node) -> bool {
    false
}
