//! Being inside of a runtime's context on a thread that runs something else, and what becomes of tokio's budget there.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::pin,
    sync::OnceLock,
    task::{Context, Poll, RawWakerVTable, Waker},
};

use super::outside::poll_queued;
use tokio::{
    runtime::{EnterGuard, Handle, Id},
    task::coop,
};

thread_local! {
    /// The runtime that a context has entered on this thread, which runs something else.
    static ENTERED: Cell<Option<Id>> = const { Cell::new(None) };
}

/// By what the wakers of tokio's tasks are known.
static WAKERS_OF_TASKS: OnceLock<&'static RawWakerVTable> = OnceLock::new();

/// Notes the waker of a task of tokio's.
pub(crate) fn learn(waker: &Waker) {
    WAKERS_OF_TASKS.get_or_init(|| waker.vtable());
}

/// Whether a runtime is the thread's only because a context has entered it.
pub(crate) fn is_entered_only(handle: &Handle) -> bool {
    ENTERED.get() == Some(handle.id())
}

/// Whether a context has entered any.
pub(super) fn is_inside() -> bool {
    ENTERED.get().is_some()
}

/// A runtime is the thread's until this is dropped.
struct Entered<'a> {
    before: Option<Id>,
    tokio: Option<EnterGuard<'a>>,
}

impl Drop for Entered<'_> {
    #[inline]
    fn drop(&mut self) {
        self.tokio = None;
        ENTERED.set(self.before);
        if self.before.is_none() {
            poll_queued();
        }
    }
}

/// What of tokio is on this thread.
pub(super) struct Found<'a> {
    /// Whether this is inside of some runtime, which may have given the thread a budget.
    is_inside: bool,
    _entered: Option<Entered<'a>>,
}

impl<'a> Found<'a> {
    /// Enters a runtime, unless the thread is inside of it. At the thread's very end it stays outside, where tokio would panic.
    #[inline]
    pub(super) fn enter(handle: &'a Handle, id: Id) -> Self {
        match Handle::try_current() {
            Ok(current) => Self {
                is_inside: true,
                _entered: (current.id() != id).then(|| enter(handle, id)),
            },
            Err(error) => Self {
                is_inside: false,
                _entered: (!error.is_thread_local_destroyed()).then(|| enter(handle, id)),
            },
        }
    }

    /// Polls with tokio's budget if a task of tokio's does so, and without it otherwise.
    ///
    /// An executor that runs inside of what tokio polls, as a nested `block_on` does, knows of no budget: once it was used up, what
    /// waits there would never be woken, as tokio wakes it only when its own poll has ended.
    #[inline]
    pub(super) fn poll<R>(&self, cx: &mut Context<'_>, poll: impl FnOnce(&mut Context<'_>) -> Poll<R>) -> Poll<R> {
        if !self.is_inside || is_of_task(cx.waker()) {
            return poll(cx);
        }
        let mut poll = Some(poll);
        let polled = poll_fn(|cx| match poll.take() {
            Some(poll) => poll(cx),
            // It is polled once.
            None => Poll::Pending,
        });
        pin!(coop::unconstrained(polled)).poll(cx)
    }
}

fn enter(handle: &Handle, id: Id) -> Entered<'_> {
    let tokio = handle.enter();
    Entered {
        before: ENTERED.replace(Some(id)),
        tokio: Some(tokio),
    }
}

fn is_of_task(waker: &Waker) -> bool {
    WAKERS_OF_TASKS
        .get()
        .is_some_and(|vtable| std::ptr::eq(*vtable, waker.vtable()))
}
