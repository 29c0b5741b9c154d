//! For adapters: several tasks waiting for one direction of a descriptor.

use std::{
    mem, ptr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicPtr, Ordering::Relaxed},
    },
    task::{Context, Poll, Wake, Waker},
};

use super::Interest;

/// Lets any number of tasks wait in each direction of a source whose loop remembers one waker per
/// direction.
///
/// While one task waits, its waker goes to the loop as it is. When a second one comes, the loop gets
/// a waker that wakes all of them; whoever does not get the data waits anew.
///
/// ```no_run
/// # use std::{io, os::fd::OwnedFd, task::{Context, Poll, ready}};
/// # use interloop::{Interest, source::Waiters};
/// # struct LoopsOwn;
/// # impl LoopsOwn { fn poll_ready(&self, _: Interest, _: &mut Context<'_>) -> Poll<io::Result<()>> { todo!() } }
/// struct MySource {
///     registered: LoopsOwn,
///     waiters: Waiters,
/// }
///
/// impl MySource {
///     fn poll_ready(&self, cx: &mut Context<'_>, interest: Interest) -> Poll<io::Result<()>> {
///         self.waiters.poll(cx, interest, |cx| self.registered.poll_ready(interest, cx))
///     }
/// }
/// ```
#[derive(Debug, Default)]
pub struct Waiters {
    readable: Direction,
    writable: Direction,
}

#[derive(Debug, Default)]
struct Direction {
    /// The data pointer of the waker in [`Waiting::Alone`], so that the usual case takes no lock; null
    /// otherwise. It names one task, as long as the waker is kept.
    alone: AtomicPtr<()>,
    waiting: Mutex<Waiting>,
}

/// Who waits in one direction.
#[derive(Debug, Default)]
enum Waiting {
    #[default]
    Nobody,
    /// One task, whose waker the loop has, or had: it may have been woken since.
    Alone(Waker),
    /// Several tasks, until the loop has woken them; it has the common waker.
    Together(Arc<Common>),
}

/// The waker of several tasks: wakes all, and forgets them.
#[derive(Debug)]
struct Common(Mutex<Vec<Waker>>);

impl Waiters {
    /// Waiters for a source, none of them yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Polls the loop's readiness with the waker that serves all that wait in this direction.
    pub fn poll<R>(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        let direction = match interest {
            Interest::Readable => &self.readable,
            Interest::Writable => &self.writable,
        };
        let me = cx.waker().data().cast_mut();
        loop {
            let common = if direction.is_alone(me) {
                None
            } else {
                direction.join(cx.waker())
            };
            if let Some(common) = common {
                return poll(&mut Context::from_waker(&Waker::from(common)));
            }
            let polled = poll(cx);
            // A second task may have come between. It marks its coming before it gives the loop the
            // common waker: if ours has replaced that, the mark is seen here.
            if polled.is_ready() || direction.is_alone(me) || direction.join(cx.waker()).is_none() {
                return polled;
            }
        }
    }
}

impl Direction {
    /// Whether the task with this waker is known to be alone.
    fn is_alone(&self, waker_data: *mut ()) -> bool {
        // ORDERING: Relaxed, as the loop's own lock orders the two polls that compete, and with them
        // the mark before the one and its reading after the other.
        !waker_data.is_null() && self.alone.load(Relaxed) == waker_data
    }

    /// Adds a task. Gives the common waker if others wait too.
    fn join(&self, waker: &Waker) -> Option<Arc<Common>> {
        let mut waiting = lock(&self.waiting);
        let common = waiting.join(waker);
        let alone = if common.is_none() { waker.data() } else { ptr::null() };
        self.alone.store(alone.cast_mut(), Relaxed);
        common
    }
}

impl Waiting {
    /// Adds a task. Gives the common waker if others wait too.
    fn join(&mut self, waker: &Waker) -> Option<Arc<Common>> {
        let other = match self {
            Waiting::Alone(other) if other.will_wake(waker) => return None,
            Waiting::Together(common) if common.join(waker) => return Some(common.clone()),
            Waiting::Alone(other) => other.clone(),
            Waiting::Nobody | Waiting::Together(_) => {
                *self = Waiting::Alone(waker.clone());
                return None;
            }
        };
        let common = Arc::new(Common(Mutex::new(vec![other, waker.clone()])));
        *self = Waiting::Together(common.clone());
        Some(common)
    }
}

impl Common {
    /// Adds a task to those that wait; not if they have been woken.
    fn join(&self, waker: &Waker) -> bool {
        let mut all = lock(&self.0);
        if !all.is_empty() && !all.iter().any(|other| other.will_wake(waker)) {
            all.push(waker.clone());
        }
        !all.is_empty()
    }
}

impl Wake for Common {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Woken after the lock, as a waker may run anything.
        let all = mem::take(&mut *lock(&self.0));
        all.into_iter().for_each(Waker::wake);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
