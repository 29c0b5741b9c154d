//! Failures that nobody handles: what is told about them, and to whom.

mod collect;

use std::{
    any::{Any, type_name},
    error::Error,
    fmt, io,
    panic::Location,
    sync::{Arc, PoisonError, RwLock},
};

pub(crate) use self::collect::{Collector, leave};
pub use self::collect::{Report, collect};
use super::cell::whence::{self, Trace};
use crate::Aborted;

/// A failure that arrived at a [`Deferred`](crate::Deferred) whose handle was gone, or that was
/// still in one when its handle was dropped.
pub struct Unhandled<'a> {
    error: &'a dyn Any,
    error_type: &'static str,
    made_at: &'static Location<'static>,
    told: Trace,
}

impl Unhandled<'_> {
    /// The failure, for `downcast_ref` to the deferred's error type.
    pub fn error(&self) -> &dyn Any {
        self.error
    }

    /// Where the deferred was made, or where the last callback of its chain was attached.
    pub fn made_at(&self) -> &'static Location<'static> {
        self.made_at
    }
}

impl Unhandled<'_> {
    /// Where it failed: where the completer failed, or the callback was attached that did, or the future was made into a
    /// deferred; for a cancellation, where the deferred was made that was cancelled.
    pub fn failed_at(&self) -> &'static Location<'static> {
        self.told.failed_at
    }

    /// Where the callbacks were attached that it passed since, in order; empty unless [`trace`] is on.
    pub fn passed(&self) -> &[&'static Location<'static>] {
        &self.told.passed
    }
}

/// Switches the remembering of the callbacks that a failure passes on its way to where it is reported as unhandled, for the
/// whole process. It costs an allocation or more for each failure; off, as it is at first, it costs nothing.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use interloop::{Deferred, unhandled};
///
/// let passed = Arc::new(Mutex::new(0));
/// unhandled::set_hook(Some(Arc::new({
///     let passed = passed.clone();
///     move |failure| *passed.lock().unwrap() = failure.passed().len()
/// })));
/// unhandled::trace(true);
/// let (completer, deferred) = Deferred::<u8, String>::pair();
/// drop(deferred.map_ok(|n| n + 1).map_ok(|n| n * 2));
/// completer.fail("out of paper".to_owned());
/// assert_eq!(*passed.lock().unwrap(), 2);
/// ```
pub fn trace(on: bool) {
    whence::trace(on);
}

impl fmt::Debug for Unhandled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unhandled")
            .field("error_type", &self.error_type)
            .field("made_at", &self.made_at)
            .field("failed_at", &self.told.failed_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Unhandled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unhandled failure in the deferred made at {}", self.made_at)?;
        if self.told.failed_at != self.made_at {
            write!(f, ", which failed at {}", self.told.failed_at)?;
        }
        for passed in &self.told.passed {
            write!(f, ", passed {passed}")?;
        }
        f.write_str(": ")?;
        // The error type promises no `Display`, so the common ones are tried by name.
        if let Some(error) = self.error.downcast_ref::<io::Error>() {
            write!(f, "{error}")
        } else if let Some(error) = self.error.downcast_ref::<Aborted>() {
            write!(f, "{error}")
        } else if let Some(error) = self.error.downcast_ref::<Box<dyn Error + Send + Sync>>() {
            write!(f, "{error}")
        } else if let Some(error) = self.error.downcast_ref::<String>() {
            f.write_str(error)
        } else {
            write!(f, "a value of type {}", self.error_type)
        }
    }
}

/// What is called with a failure that nobody handled, see [`set_hook`].
pub type Hook = Arc<dyn Fn(&Unhandled<'_>) + Send + Sync>;

static HOOK: RwLock<Option<Hook>> = RwLock::new(None);

/// Sets what is called with every failure that nobody handled, for the whole process; `None` brings
/// back the default, which writes it to the [`log`] at level `error` under the target `interloop`. Failures that
/// somebody [collects](collect) do not come here.
///
/// The hook runs on the thread on which the failure was found, which may be any. A panic in it is
/// passed on to that thread, so it should not panic.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use interloop::{Deferred, unhandled};
///
/// let seen = Arc::new(Mutex::new(Vec::new()));
/// unhandled::set_hook(Some(Arc::new({
///     let seen = seen.clone();
///     move |failure| seen.lock().unwrap().push(failure.to_string())
/// })));
/// drop(Deferred::<(), String>::failed("out of paper".to_owned()));
/// assert!(seen.lock().unwrap()[0].ends_with("out of paper"));
/// ```
pub fn set_hook(hook: Option<Hook>) {
    let replaced = std::mem::replace(&mut *HOOK.write().unwrap_or_else(PoisonError::into_inner), hook);
    // After the lock: the hook's destructor is foreign code.
    drop(replaced);
}

/// Reports the failure of a result that nobody took.
pub(super) fn report_failure<T, E: 'static>(
    result: Result<T, E>,
    made_at: &'static Location<'static>,
    told: impl FnOnce() -> Trace,
) {
    if let Err(error) = result {
        report(&Unhandled {
            error: &error,
            error_type: type_name::<E>(),
            made_at,
            told: told(),
        });
    }
}

/// Reports a panic that has no deferred to fail.
pub(crate) fn report_panic(panic: Aborted, made_at: &'static Location<'static>) {
    report_error(panic, made_at);
}

/// Reports something that went wrong and has no deferred to fail.
pub(crate) fn report_error<E: 'static>(error: E, made_at: &'static Location<'static>) {
    let told = Trace {
        failed_at: made_at,
        passed: Vec::new(),
    };
    report_failure(Err::<(), _>(error), made_at, || told);
}

#[cold]
fn report(failure: &Unhandled<'_>) {
    if collect::offer(failure) {
        return;
    }
    let hook = HOOK.read().unwrap_or_else(PoisonError::into_inner).clone();
    match hook {
        Some(hook) => hook(failure),
        None => log::error!(target: "interloop", "{failure}"),
    }
}
