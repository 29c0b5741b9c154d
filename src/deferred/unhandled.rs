//! Failures that nobody handles: what is told about them, and to whom.

use std::{
    any::{Any, type_name},
    error::Error,
    fmt, io,
    panic::Location,
    sync::{Arc, PoisonError, RwLock},
};

use crate::Aborted;

/// A failure that arrived at a [`Deferred`](crate::Deferred) whose handle was gone, or that was
/// still in one when its handle was dropped.
pub struct Unhandled<'a> {
    error: &'a dyn Any,
    error_type: &'static str,
    made_at: &'static Location<'static>,
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

impl fmt::Debug for Unhandled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unhandled")
            .field("error_type", &self.error_type)
            .field("made_at", &self.made_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Unhandled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unhandled failure in the deferred made at {}: ", self.made_at)?;
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
/// back the default, which writes it to the [`log`] at level `error` under the target `interloop`.
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
pub(super) fn report_failure<T, E: 'static>(result: Result<T, E>, made_at: &'static Location<'static>) {
    if let Err(error) = result {
        report(&Unhandled {
            error: &error,
            error_type: type_name::<E>(),
            made_at,
        });
    }
}

/// Reports a panic that has no deferred to fail.
pub(super) fn report_panic(panic: Aborted, made_at: &'static Location<'static>) {
    report_failure(Err::<(), _>(panic), made_at);
}

#[cold]
fn report(failure: &Unhandled<'_>) {
    let hook = HOOK.read().unwrap_or_else(PoisonError::into_inner).clone();
    match hook {
        Some(hook) => hook(failure),
        None => log::error!(target: "interloop", "{failure}"),
    }
}
