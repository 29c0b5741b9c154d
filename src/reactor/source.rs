//! For adapters: several tasks waiting for one direction of a descriptor.

use std::{
    mem, ptr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicPtr, Ordering::Relaxed},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use super::Interest;
use crate::deferred::hold_back;

/// Lets any number of tasks wait in each direction of a source whose loop remembers one waker per
/// direction.
///
/// While one task waits, its waker goes to the loop as it is. When a second one comes, the loop gets
/// a waker that wakes all of them; whoever does not get the data waits anew.
///
/// A task that gives up does not say so, and its waker is kept until the next time that all are woken. Where many have come and
/// nothing happens, that is once a second, so that those who still wait are kept, and no others.
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
struct Common(Mutex<Together>);

#[derive(Debug)]
struct Together {
    wakers: Vec<Waker>,
    /// When all were woken to see who still waits; at first, when the first of them came.
    asked: Instant,
}

/// With so many, some may have given up.
const MANY: usize = 32;

/// For so long those who wait are left in peace, whoever comes.
const PEACE: Duration = Duration::from_secs(1);

impl Waiters {
    /// Waiters for a source, none of them yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Polls the loop's readiness with the waker that serves all that wait in this direction.
    ///
    /// Callbacks and coroutines that `poll` would run on this thread, by waking somebody, run when it has returned: so it may wake under a
    /// lock.
    pub fn poll<R>(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        // A loop may wake whom it replaces, and hold a lock meanwhile. A coroutine runs where it is woken, and might poll the same source.
        let mut poll = |cx: &mut Context<'_>| hold_back(|| poll(cx));
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
        self.join_at(waker, interest, Instant::now)
    }

    fn join_at(&self, waker: &Waker, interest: Interest, now: impl Fn() -> Instant) -> Option<Arc<Common>> {
        let mut waiting = lock(&self.waiting);
        let (common, asked) = waiting.join(waker, interest, &now);
        if interest == Interest::Readable {
            let alone = if common.is_none() { waker.data() } else { ptr::null() };
            self.alone.store(alone.cast_mut(), Relaxed);
        }
        drop(waiting);
        // Woken after the lock, as a waker may run anything.
        asked.into_iter().for_each(Waker::wake);
        common
    }
}

/// The common waker, if others wait too; and those to be woken, which then join.
type Joined = (Option<Arc<Common>>, Vec<Waker>);

impl Waiting {
    /// Adds a task.
    fn join(&mut self, waker: &Waker, interest: Interest, now: &impl Fn() -> Instant) -> Joined {
        if interest == Interest::Readable && self.more.is_none() {
            let other = self.reader.get_or_insert_with(|| waker.clone());
            if other.will_wake(waker) {
                return (None, Vec::new());
            }
        }
        let more = self.more.get_or_insert_default();
        match interest {
            Interest::Readable => join(&mut self.reader, &mut more.readers, waker, now),
            Interest::Writable => join(&mut more.writer, &mut more.writers, waker, now),
        }
    }
}

/// Adds a task to the one that waits alone, or to those that do so together.
fn join(
    alone: &mut Option<Waker>,
    together: &mut Option<Arc<Common>>,
    waker: &Waker,
    now: &impl Fn() -> Instant,
) -> Joined {
    if let Some(common) = together {
        if let Some(asked) = lock(&common.0).join(waker, now) {
            return (Some(common.clone()), asked);
        }
        // They have been woken.
        *together = None;
    }
    match alone.take() {
        Some(other) if !other.will_wake(waker) => {
            let common = Arc::new(Common(Mutex::new(Together {
                wakers: vec![other, waker.clone()],
                asked: now(),
            })));
            *together = Some(common.clone());
            (Some(common), Vec::new())
        }
        same => {
            *alone = Some(same.unwrap_or_else(|| waker.clone()));
            (None, Vec::new())
        }
    }
}

impl Together {
    /// Adds a task to those that wait, and gives those that are to be woken; `None` if all have been woken already.
    fn join(&mut self, waker: &Waker, now: &impl Fn() -> Instant) -> Option<Vec<Waker>> {
        if self.wakers.is_empty() {
            return None;
        }
        if self.wakers.iter().any(|other| other.will_wake(waker)) {
            return Some(Vec::new());
        }
        let mut asked = Vec::new();
        if self.wakers.len() >= MANY && now() >= self.asked + PEACE {
            asked = mem::take(&mut self.wakers);
            self.asked = now();
        }
        self.wakers.push(waker.clone());
        Some(asked)
    }
}

impl Wake for Common {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Woken after the lock, as a waker may run anything.
        let all = mem::take(&mut lock(&self.0).wakers);
        all.into_iter().for_each(Waker::wake);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, sync::atomic::AtomicUsize};

    use super::*;
    use crate::Deferred;

    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    impl Counted {
        fn count(&self) -> usize {
            self.0.load(Relaxed)
        }
    }

    /// A loop that wakes whom it replaces, and holds its lock meanwhile, as async-io does.
    #[derive(Default)]
    struct Strict(Mutex<Option<Waker>>);

    impl Strict {
        fn poll_ready(&self, cx: &Context<'_>) -> Poll<()> {
            let mut registered = self.0.try_lock().expect("nobody polls it while it is being polled");
            let replaced = registered.replace(cx.waker().clone());
            if let Some(other) = replaced.filter(|other| !other.will_wake(cx.waker())) {
                other.wake();
            }
            Poll::Pending
        }
    }

    #[test]
    fn a_coroutine_that_is_replaced_comes_back_when_the_loop_has_been_polled() {
        let source = Arc::new((Strict::default(), Waiters::new()));
        let polled = Arc::new(AtomicUsize::new(0));
        let coroutine = Deferred::<()>::from_coroutine({
            let (source, polled) = (source.clone(), polled.clone());
            poll_fn(move |cx| {
                polled.fetch_add(1, Relaxed);
                let (event_loop, waiters) = &*source;
                waiters
                    .poll(cx, Interest::Readable, |cx| event_loop.poll_ready(cx))
                    .map(Ok)
            })
        });
        let (event_loop, waiters) = &*source;
        let other = Arc::new(Counted::default());
        let waker = Waker::from(other.clone());
        let mut cx = Context::from_waker(&waker);
        assert!(
            waiters
                .poll(&mut cx, Interest::Readable, |cx| event_loop.poll_ready(cx))
                .is_pending()
        );
        assert_eq!(polled.load(Relaxed), 2);
        // Both of them are woken by what happens next.
        let registered = event_loop.0.lock().unwrap().take();
        registered.expect("a common waker").wake();
        assert_eq!((other.count(), polled.load(Relaxed)), (1, 3));
        drop(coroutine);
    }

    fn check_who_gives_up(interest: Interest) {
        let waiters = Waiters::new();
        let waits = Arc::new(Counted::default());
        let begin = Instant::now();
        let mut gone = Vec::new();
        let mut common = None;
        for number in 0..10_000 {
            let now = || begin + PEACE * number / 100;
            // It comes again whenever it is woken; others never do.
            common = waiters.join_at(&Waker::from(waits.clone()), interest, now);
            let gives_up = Arc::new(Counted::default());
            common = waiters
                .join_at(&Waker::from(gives_up.clone()), interest, now)
                .or(common);
            gone.push(Arc::downgrade(&gives_up));
        }
        let kept = gone.iter().filter(|gone| gone.strong_count() > 0).count();
        assert!(kept <= 101, "{kept} of those who gave up are kept");
        assert!(waits.count() <= 101, "it was disturbed {} times", waits.count());
        let before = waits.count();
        common.expect("two of them").wake_by_ref();
        assert_eq!(waits.count(), before + 1);
        assert!(gone.iter().all(|gone| gone.strong_count() == 0));
    }

    #[test]
    fn who_gives_up_is_forgotten_and_who_waits_is_not() {
        check_who_gives_up(Interest::Readable);
        check_who_gives_up(Interest::Writable);
    }

    #[test]
    fn who_waits_is_left_in_peace_however_many_come() {
        let waiters = Waiters::new();
        let now = Instant::now();
        let all: Vec<_> = (0..1000).map(|_| Arc::new(Counted::default())).collect();
        let joining = all
            .iter()
            .map(|one| waiters.join_at(&Waker::from(one.clone()), Interest::Readable, || now));
        let common = joining.last().flatten().expect("a thousand of them");
        assert!(all.iter().all(|one| one.count() == 0));
        common.wake_by_ref();
        assert!(all.iter().all(|one| one.count() == 1));
    }
}
