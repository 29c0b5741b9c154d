//! Being inside of a runtime's context on a thread that runs something else, and what becomes of tokio's budget there.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::OnceLock,
    task::{Context, Poll, RawWakerVTable, Waker},
};

use super::outside::poll_queued;
use tokio::{
    runtime::{EnterGuard, Handle, Id},
    task::{LocalSet, coop},
};

thread_local! {
    /// The runtime that a context has entered on this thread, which runs something else.
    static ENTERED: Cell<Option<Id>> = const { Cell::new(None) };
}

/// By what the wakers of tokio's tasks are known.
static WAKERS_OF_TASKS: OnceLock<&'static RawWakerVTable> = OnceLock::new();

/// Has a task of tokio's polled, once for the process, to see its waker.
pub(super) fn learn() {
    if WAKERS_OF_TASKS.get().is_some() {
        return;
    }
    let mut tasks = LocalSet::new();
    tasks.spawn_local(poll_fn(|cx| {
        WAKERS_OF_TASKS.get_or_init(|| cx.waker().vtable());
        Poll::Ready(())
    }));
    // It has nothing to wait for.
    let _ = Pin::new(&mut tasks).poll(&mut Context::from_waker(Waker::noop()));
}

/// Whether a runtime is the thread's only because a context has entered it.
pub(crate) fn is_entered_only(handle: &Handle) -> bool {
    ENTERED.get() == Some(handle.id())
}

/// Whether a context has entered any.
pub(super) fn is_inside() -> bool {
    ENTERED.get().is_some()
}

/// What of tokio is on this thread, until this is dropped.
pub(super) struct Found<'a> {
    /// Whether this is inside of some runtime, which may have given the thread a budget.
    is_inside: bool,
    // In this order: tokio's is dropped before the thread counts as outside.
    _tokio: Option<EnterGuard<'a>>,
    _mark: Option<Mark>,
}

impl<'a> Found<'a> {
    /// Enters a runtime, unless the thread is inside of it. At the thread's very end it stays outside, where tokio would panic.
    #[inline]
    pub(super) fn enter(handle: &'a Handle, id: Id) -> Self {
        let (is_inside, has_to_enter) = match Handle::try_current() {
            Ok(current) => (true, current.id() != id),
            Err(error) => (false, !error.is_thread_local_destroyed()),
        };
        Self {
            is_inside,
            _tokio: has_to_enter.then(|| handle.enter()),
            _mark: has_to_enter.then(|| Mark(ENTERED.replace(Some(id)))),
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

/// What the thread is marked with again when this is dropped.
struct Mark(Option<Id>);

impl Drop for Mark {
    #[inline]
    fn drop(&mut self) {
        ENTERED.set(self.0);
        if self.0.is_none() {
            poll_queued();
        }
    }
}

fn is_of_task(waker: &Waker) -> bool {
    WAKERS_OF_TASKS
        .get()
        .is_some_and(|vtable| std::ptr::eq(*vtable, waker.vtable()))
}
