//! Failures that nobody handles, kept for whoever asked for those of a piece of code.

use std::{
    cell::RefCell,
    fmt, mem,
    panic::Location,
    sync::{Arc, Mutex, PoisonError},
};

use super::Unhandled;

thread_local! {
    /// The innermost is the last.
    static COLLECTORS: RefCell<Vec<Collector>> = const { RefCell::new(Vec::new()) };
}

/// Calls a function, and gives what it came to and the failures that were reported as unhandled on this thread
/// meanwhile. The process's [hook](super::set_hook) is not called for them, and goes on to be called for all others.
///
/// Of collections inside of each other the innermost has the failure. Those that other threads report are not among them; the
/// tasks of a reactor, whatever threads they run on, are what [`testing::Watch`](crate::testing::Watch) collects for.
///
/// ```
/// use interloop::{Deferred, unhandled};
///
/// let (length, failures) = unhandled::collect(|| {
///     drop(Deferred::<(), String>::failed("out of paper".to_owned()));
///     7
/// });
/// assert_eq!(length, 7);
/// assert!(failures[0].to_string().ends_with("out of paper"));
/// ```
pub fn collect<T>(f: impl FnOnce() -> T) -> (T, Vec<Report>) {
    let collector = Collector::default();
    let result = collector.within(f);
    (result, collector.take())
}

/// What was told of a failure that nobody handled: an [`Unhandled`] that can be kept.
#[derive(Clone, Debug)]
pub struct Report {
    text: String,
    made_at: &'static Location<'static>,
    failed_at: &'static Location<'static>,
}

impl Report {
    /// See [`Unhandled::made_at`].
    pub fn made_at(&self) -> &'static Location<'static> {
        self.made_at
    }

    /// See [`Unhandled::failed_at`].
    pub fn failed_at(&self) -> &'static Location<'static> {
        self.failed_at
    }
}

impl From<&Unhandled<'_>> for Report {
    fn from(failure: &Unhandled<'_>) -> Self {
        Self {
            text: failure.to_string(),
            made_at: failure.made_at(),
            failed_at: failure.failed_at(),
        }
    }
}

/// The text of the [`Unhandled`].
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Where reports are kept. Clones are the same collector.
#[derive(Clone, Debug, Default)]
pub(crate) struct Collector {
    reports: Arc<Mutex<Vec<Report>>>,
}

impl Collector {
    /// Collects what is reported on this thread, until it [leaves](leave). In pairs.
    pub(crate) fn enter(&self) {
        // A thread that is ending has no place for it any more, and collects nothing.
        let _ = COLLECTORS.try_with(|collectors| collectors.borrow_mut().push(self.clone()));
    }

    /// Collects what is reported on this thread while `f` runs.
    pub(crate) fn within<T>(&self, f: impl FnOnce() -> T) -> T {
        struct Leave;

        impl Drop for Leave {
            fn drop(&mut self) {
                leave();
            }
        }

        self.enter();
        let _leave = Leave;
        f()
    }

    /// Gives what there is, and keeps it no longer.
    pub(crate) fn take(&self) -> Vec<Report> {
        mem::take(&mut *self.reports.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Ends what the last [`Collector::enter`] on this thread began.
pub(crate) fn leave() {
    let left = COLLECTORS.try_with(|collectors| collectors.borrow_mut().pop());
    drop(left);
}

/// Keeps a report, if it is for a collector. False if there is none on this thread.
pub(super) fn offer(failure: &Unhandled<'_>) -> bool {
    let innermost = COLLECTORS.try_with(|collectors| collectors.borrow().last().cloned());
    let Some(collector) = innermost.ok().flatten() else {
        return false;
    };
    // Made before the lock: it calls the error's `Display`.
    let report = Report::from(failure);
    let mut reports = collector.reports.lock().unwrap_or_else(PoisonError::into_inner);
    reports.push(report);
    true
}
