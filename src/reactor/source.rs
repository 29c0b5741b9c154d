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
// The loop's own registration lies before this, in the adapter's source: what each poll looks at comes next.
#[repr(C)]
#[derive(Debug, Default)]
pub struct Waiters {
    /// The data pointer of the waker of the one task that waits to read, so that the usual case takes no lock; null
    /// if there are several. It names the task, as long as the waker is kept.
    alone: AtomicPtr<()>,
    waiting: Mutex<Waiting>,
}

/// Who waits. Of connections there are many, and most of them are only ever waited for by one task that reads: that is what
/// there is room for, and all else is allocated when it is needed.
#[derive(Debug, Default)]
struct Waiting {
    /// Of the task that waits to read, if it is one: the loop has its waker, or had, as it may have been woken since.
    reader: Option<Waker>,
    more: Option<Box<More>>,
}

#[derive(Debug, Default)]
struct More {
    readers: Option<Arc<Common>>,
    /// As `reader`.
    writer: Option<Waker>,
    writers: Option<Arc<Common>>,
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
        loop {
            let common = if self.is_alone(cx.waker(), interest) {
                None
            } else {
                self.join(cx.waker(), interest)
            };
            if let Some(common) = common {
                return poll(&mut Context::from_waker(&Waker::from(common)));
            }
            let polled = poll(cx);
            // A second task may have come between. It marks its coming before it gives the loop the
            // common waker: if ours has replaced that, the mark is seen here.
            if polled.is_ready() || self.is_alone(cx.waker(), interest) || self.join(cx.waker(), interest).is_none() {
                return polled;
            }
        }
    }

    /// Whether the task with this waker is known to be alone.
    #[inline]
    fn is_alone(&self, waker: &Waker, interest: Interest) -> bool {
        let waker_data = waker.data().cast_mut();
        // ORDERING: Relaxed, as the loop's own lock orders the two polls that compete, and with them
        // the mark before the one and its reading after the other.
        interest == Interest::Readable && !waker_data.is_null() && self.alone.load(Relaxed) == waker_data
    }

    /// Adds a task. Gives the common waker if others wait too.
    fn join(&self, waker: &Waker, interest: Interest) -> Option<Arc<Common>> {
        let mut waiting = lock(&self.waiting);
        let common = waiting.join(waker, interest);
        if interest == Interest::Readable {
            let alone = if common.is_none() { waker.data() } else { ptr::null() };
            self.alone.store(alone.cast_mut(), Relaxed);
        }
        common
    }
}

impl Waiting {
    /// Adds a task. Gives the common waker if others wait too.
    fn join(&mut self, waker: &Waker, interest: Interest) -> Option<Arc<Common>> {
        if interest == Interest::Readable && self.more.is_none() {
            let other = self.reader.get_or_insert_with(|| waker.clone());
            if other.will_wake(waker) {
                return None;
            }
        }
        let more = self.more.get_or_insert_default();
        match interest {
            Interest::Readable => join(&mut self.reader, &mut more.readers, waker),
            Interest::Writable => join(&mut more.writer, &mut more.writers, waker),
        }
    }
}

/// Adds a task to the one that waits alone, or to those that do so together.
fn join(alone: &mut Option<Waker>, together: &mut Option<Arc<Common>>, waker: &Waker) -> Option<Arc<Common>> {
    if let Some(common) = together {
        if common.join(waker) {
            return Some(common.clone());
        }
        // They have been woken.
        *together = None;
    }
    match alone.take() {
        Some(other) if !other.will_wake(waker) => {
            let common = Arc::new(Common(Mutex::new(vec![other, waker.clone()])));
            *together = Some(common.clone());
            Some(common)
        }
        same => {
            *alone = Some(same.unwrap_or_else(|| waker.clone()));
            None
        }
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
