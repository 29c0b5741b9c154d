//! What the root of a chain gets when somebody asks for it: cancelling the chain from elsewhere, and pausing it.
//!
//! A [`Control`] stands in [`Root::table`] in place of the vtable, and knows that. It is owned by the root, by
//! the handles and by the pauses. Only the chain's consumer installs one, and chains without one pay a load for
//! looking.

use std::sync::{
    Arc,
    atomic::Ordering::{AcqRel, Acquire, Relaxed, Release},
};

use super::{AtomicUsize, Node, NodeRef, Outcome, Root, UnsafeCell, VTable, chain, state, whence::Whence};
use crate::Aborted;

/// Set in [`Control::users`] when the chain has come to its end: the last user releases the root.
const ENDED: usize = 1;
const ONE_USER: usize = 2;

/// Set in [`Control::pauses`] while a run is held, and beside it if the chain had waited for another one.
const HELD: usize = 1;
const WAITED: usize = 2;
const ONE_PAUSE: usize = 4;

/// See the module.
pub(in crate::deferred) struct Control {
    /// Alive while there are users, and as long as the chain has not ended.
    root: Node,
    vtable: &'static VTable,
    /// Handles that are cancelling just now, and whether the chain has ended.
    users: AtomicUsize,
    /// Pauses that are in force, and whether a run is held.
    pauses: AtomicUsize,
    /// Whoever runs the chain writes it before it sets `HELD`; whoever clears that takes it.
    held: UnsafeCell<Option<Held>>,
}

// SAFETY: it is shared by atomics. A held run goes to the thread that ends the last pause, as any run goes to the
// thread that fires; chains whose callbacks must stay on a thread have handles and pauses that stay there, too, and only
// coroutines that stay there keep their controls (`coroutine::is_running_at_home`).
unsafe impl Send for Control {}
// SAFETY: as above.
unsafe impl Sync for Control {}

/// A run that waits for the end of a pause.
struct Held {
    link: Node,
    /// A box of the result that `link` takes.
    input: *mut (),
    whence: Whence,
    /// Runs the link with what is in the box.
    run: unsafe fn(root: Node, link: Node, input: *mut (), Whence),
}

impl Root {
    /// The table of a new root.
    pub(super) fn plain(vtable: &'static VTable) -> *mut VTable {
        std::ptr::from_ref(vtable).cast_mut()
    }

    pub(super) fn vtable(&self) -> &'static VTable {
        match self.control() {
            Some(control) => control.vtable,
            // ORDERING: written before the root was shared, or by `install`, which is not seen here.
            // SAFETY: a word without the tag is a vtable's address.
            None => unsafe { &*self.table.load(Relaxed) },
        }
    }

    pub(super) fn control(&self) -> Option<&Control> {
        // SAFETY: the root owns a reference of it.
        self.control_ptr().map(|control| unsafe { &*control })
    }

    /// The control as `Arc::into_raw` gave it: it reaches the count, too, which a reference to the control does not.
    fn control_ptr(&self) -> Option<*const Control> {
        // ORDERING: Acquire pairs with the Release of the control in `install`.
        let word = self.table.load(Acquire);
        // The tag says that it is a control.
        (word.addr() & 1 != 0).then(|| word.map_addr(|addr| addr & !1).cast_const().cast::<Control>())
    }

    /// Gives the root a control, if it has none.
    ///
    /// # Safety
    /// `node` is the root's, and the caller is the consumer of the chain's end.
    unsafe fn install(&self, node: Node) -> Arc<Control> {
        if let Some(control) = self.control_ptr() {
            // SAFETY: the root owns a reference, so the count is not zero; this one is new.
            unsafe { Arc::increment_strong_count(control) };
            // SAFETY: as above.
            return unsafe { Arc::from_raw(control) };
        }
        let control = Arc::new(Control {
            root: node,
            vtable: self.vtable(),
            users: AtomicUsize::new(0),
            pauses: AtomicUsize::new(0),
            held: UnsafeCell::new(None),
        });
        let word = Arc::into_raw(control.clone()).cast_mut().cast::<VTable>();
        // ORDERING: Release publishes the control. Nobody else installs one.
        self.table.store(word.map_addr(|addr| addr | 1), Release);
        control
    }

    /// Takes the root's reference of its control. The root is about to be freed.
    pub(super) fn take_control(&self) -> Option<Arc<Control>> {
        let control = self.control_ptr()?;
        // SAFETY: the root's reference, which goes with the root.
        Some(unsafe { Arc::from_raw(control) })
    }
}

impl Control {
    /// Cancels what the chain waits for, wherever its end is by now. Nothing if it has ended.
    pub(in crate::deferred) fn cancel(&self) {
        // ORDERING: Acquire, so that the root is seen as its chain left it.
        let mut seen = self.users.load(Acquire);
        loop {
            if seen & ENDED != 0 {
                return;
            }
            match self.users.compare_exchange(seen, seen + ONE_USER, Acquire, Acquire) {
                Ok(_) => break,
                Err(now) => seen = now,
            }
        }
        // SAFETY: a root with users is not released.
        unsafe { chain::cancel(self.root) };
        // ORDERING: Release for whoever releases the root; Acquire if that is us.
        if self.users.fetch_sub(ONE_USER, AcqRel) == ENDED + ONE_USER {
            // SAFETY: the chain has ended and left the root to its last user.
            unsafe { chain::release_unused(self.root) };
        }
    }

    /// Marks the chain as ended; says whether the root is left to a user.
    pub(super) fn end(&self) -> bool {
        // ORDERING: as in `cancel`.
        self.users.fetch_or(ENDED, AcqRel) != 0
    }

    pub(in crate::deferred) fn pause(&self) {
        // ORDERING: whoever begins a run on another thread may do so before or after.
        self.pauses.fetch_add(ONE_PAUSE, Relaxed);
    }

    /// Ends one pause; after the last, what was held runs.
    pub(in crate::deferred) fn resume(&self) {
        // ORDERING: as nobody else ends this pause, only the number is of interest.
        let mut seen = self.pauses.load(Relaxed);
        loop {
            let runs = seen & !WAITED == ONE_PAUSE + HELD;
            let left = if runs { 0 } else { seen - ONE_PAUSE };
            // ORDERING: Acquire for the held run, Release for those who pause or hold next.
            match self.pauses.compare_exchange(seen, left, AcqRel, Relaxed) {
                Ok(_) if runs => break,
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
        // SAFETY: clearing `HELD` makes what is held ours.
        let held = self.held.with_mut(|held| unsafe { (*held).take() });
        if let Some(held) = held {
            // SAFETY: whoever held the run left it to us; a chain that is held has not ended.
            unsafe { (held.run)(self.root, held.link, held.input, held.whence) };
        }
    }

    /// Whether runs are held back just now.
    pub(super) fn is_paused(&self) -> bool {
        // ORDERING: as in `pause`.
        self.pauses.load(Relaxed) >= ONE_PAUSE
    }

    /// Whether a run is held.
    pub(super) fn is_held(&self) -> bool {
        // ORDERING: nothing is read on the strength of the answer.
        self.pauses.load(Relaxed) & HELD != 0
    }

    /// Whether a run is held that was to follow a wait.
    pub(super) fn is_held_after_wait(&self) -> bool {
        // ORDERING: as above.
        self.pauses.load(Relaxed) & WAITED != 0
    }

    /// Holds a run if the chain is paused; otherwise its result comes back.
    ///
    /// # Safety
    /// The caller runs the chain, the link is its own to run and takes such a result. If the run is held,
    /// the caller touches neither again.
    #[cold]
    unsafe fn hold<T: 'static, E: 'static>(
        &self,
        link: Node,
        result: Result<T, E>,
        whence: Whence,
        waited: bool,
    ) -> Option<(Result<T, E>, Whence)> {
        // ORDERING: as in `pause`.
        let mut seen = self.pauses.load(Relaxed);
        if seen < ONE_PAUSE {
            return Some((result, whence));
        }
        let input = Box::into_raw(Box::new(result));
        self.held.with_mut(|held| {
            let run = Held {
                link,
                input: input.cast(),
                whence,
                run: run_boxed::<T, E>,
            };
            // SAFETY: only who runs the chain holds it, and nothing is held.
            unsafe { *held = Some(run) };
        });
        let held = if waited { HELD | WAITED } else { HELD };
        while seen >= ONE_PAUSE {
            // ORDERING: Release publishes what is held to the Acquire in `resume`.
            match self.pauses.compare_exchange(seen, seen | held, Release, Relaxed) {
                Ok(_) => return None,
                Err(now) => seen = now,
            }
        }
        // SAFETY: `HELD` was not set, so it is still ours.
        let run = self.held.with_mut(|held| unsafe { (*held).take() })?;
        // SAFETY: made above.
        Some((*unsafe { Box::from_raw(input) }, run.whence))
    }
}

/// # Safety
/// As for [`chain::drive`]; `input` is a box of a `Result<T, E>`.
unsafe fn run_boxed<T: 'static, E: 'static>(root: Node, link: Node, input: *mut (), whence: Whence) {
    // SAFETY: promised by the caller.
    let result = unsafe { Box::from_raw(input.cast::<Result<T, E>>()) };
    // SAFETY: as above; the chain was held before this run.
    unsafe { chain::drive_with(root, link, *result, whence) };
}

/// Begins a run of a chain; while it is paused, the run is held.
///
/// # Safety
/// As for [`chain::drive`].
pub(super) unsafe fn begin<T: 'static, E: 'static>(root: Node, link: Node, result: Result<T, E>, whence: Whence) {
    // SAFETY: promised by the caller.
    let Some((result, whence)) = (unsafe { hold_if_paused(root, link, result, whence, false) }) else {
        return;
    };
    if chain::is_deep() {
        // SAFETY: as above: the link stays ours to run.
        chain::leave(move || unsafe { chain::drive_with(root, link, result, whence) });
    } else {
        // SAFETY: as above.
        unsafe { chain::drive_with(root, link, result, whence) };
    }
}

/// Holds a run if the chain is paused; otherwise its result comes back. `waited` says whether the chain goes on after
/// having waited for another one.
///
/// # Safety
/// As for [`Control::hold`]; `root` is that of the chain.
pub(super) unsafe fn hold_if_paused<T: 'static, E: 'static>(
    root: Node,
    link: Node,
    result: Result<T, E>,
    whence: Whence,
    waited: bool,
) -> Option<(Result<T, E>, Whence)> {
    // SAFETY: promised by the caller.
    match unsafe { chain::root_of(root) }.control() {
        // SAFETY: promised by the caller.
        Some(control) => unsafe { control.hold(link, result, whence, waited) },
        None => Some((result, whence)),
    }
}

impl<T: 'static, E: From<Aborted> + 'static> NodeRef<T, E> {
    /// The root of the chain that this node ends, if it is another node.
    ///
    /// # Safety
    /// The caller is the consumer.
    pub(super) unsafe fn root(self) -> Option<Node> {
        self.ext().and_then(|ext| {
            // SAFETY: the field is the consumer's, and that is the caller.
            ext.root.with(|root| unsafe { *root })
        })
    }

    /// The control of this node's chain, if it has one.
    ///
    /// # Safety
    /// The caller is the consumer.
    #[inline]
    pub(super) unsafe fn control<'a>(self) -> Option<&'a Control> {
        // SAFETY: promised by the caller. The chain's end keeps its root alive, and callers do not use the
        // control past their half.
        unsafe { self.root().and_then(|root| chain::root_of(root).control()) }
    }

    /// Whether a result is there that a pause keeps back.
    ///
    /// # Safety
    /// The caller is the consumer.
    #[inline]
    pub(super) unsafe fn is_kept_back(self) -> bool {
        self.is_extended()
            && !self.is_waited_for()
            // SAFETY: promised by the caller.
            && unsafe { self.control() }.is_some_and(Control::is_paused)
            // ORDERING: nothing is read on the strength of it.
            && !state::is_pending(self.header().state.load(Relaxed))
    }

    /// A node whose result can be taken if it is there: one that a pause keeps back becomes one that waits for the
    /// end of the pause.
    ///
    /// # Safety
    /// The caller is the consumer, whose half goes on with the node that is returned.
    #[inline]
    pub(super) unsafe fn unless_kept_back(self) -> Self {
        // SAFETY: promised by the caller.
        if unsafe { self.is_kept_back() } {
            // SAFETY: as above.
            unsafe { self.then(Outcome::Settled, self.made_at()) }
        } else {
            self
        }
    }

    /// Makes sure that the chain has a control. The node that ends it may be another one afterwards.
    ///
    /// # Safety
    /// The caller is the consumer, whose half goes on with the node that is returned.
    pub(super) unsafe fn controlled(self) -> (Self, Arc<Control>) {
        let mut node = self;
        // SAFETY: promised by the caller.
        let root = match unsafe { node.root() } {
            Some(root) if !node.is_waited_for() => root,
            _ => {
                // A node that is its own root ends it no longer when a link is attached.
                // SAFETY: promised by the caller.
                node = unsafe { node.then(Outcome::Settled, node.made_at()) };
                // SAFETY: the half went over to that node.
                match unsafe { node.root() } {
                    Some(root) => root,
                    // There was a result, so that the link has run already.
                    None => {
                        // SAFETY: as above.
                        node = unsafe { node.anchor() };
                        // SAFETY: as above.
                        unsafe { node.root() }.expect("an anchored node names its root")
                    }
                }
            }
        };
        // SAFETY: the root of a chain that has not ended.
        let control = unsafe { chain::root_of(root).install(root) };
        (node, control)
    }
}
