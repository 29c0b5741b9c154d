//! The border that no panic crosses: what runs inside of a C callback.

use std::{
    any::Any,
    mem,
    panic::{AssertUnwindSafe, Location, catch_unwind},
};

use super::Misfire;
use crate::{Aborted, Completer, deferred::unhandled};

/// Fires with what the body gives; if that panics, with the panic.
///
/// Callbacks attached to the deferred cannot panic into this, as their chain catches that. Wakers, destructors and the hook
/// for unhandled failures can, and then what is left is to report it.
#[inline]
#[track_caller]
pub(super) fn settle<T, E>(completer: Completer<T, E>, body: impl FnOnce() -> Result<T, E>)
where
    T: Send + 'static,
    E: From<Aborted> + Send + 'static,
{
    let at = Location::caller();
    let mut completer = Some(completer);
    // What the body captured is gone after a panic, and the completer is in one state or the other.
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let result = body();
        if let Some(completer) = completer.take() {
            completer.settle(result);
        }
    }));
    if let Err(panic) = caught {
        settle_panicked(completer, panic, at);
    }
}

#[cold]
fn settle_panicked<T: 'static, E: From<Aborted> + 'static>(
    completer: Option<Completer<T, E>>,
    panic: Box<dyn Any + Send>,
    at: &'static Location<'static>,
) {
    silenced(|| {
        let panicked = Aborted::panicked(panic);
        match completer {
            Some(completer) => completer.fail(E::from(panicked)),
            None => unhandled::report_panic(panicked, at),
        }
    });
}

/// Runs something that has no deferred to fail; a panic is reported.
#[inline]
#[track_caller]
pub(super) fn run(f: impl FnOnce()) {
    let at = Location::caller();
    // What it captured is gone after a panic.
    if let Err(panic) = catch_unwind(AssertUnwindSafe(f)) {
        report_panic(panic, at);
    }
}

/// A callback that came when nobody waited for it. Its body runs nevertheless, as it may have to free what C gave it.
#[cold]
#[track_caller]
pub(super) fn refuse<R>(body: impl FnOnce() -> R, why: Misfire) {
    let at = Location::caller();
    run(|| {
        drop(body());
    });
    if !why.is_late() {
        run(|| unhandled::report_error::<Box<dyn std::error::Error + Send + Sync>>(Box::new(why), at));
    }
}

#[cold]
fn report_panic(panic: Box<dyn Any + Send>, at: &'static Location<'static>) {
    silenced(|| unhandled::report_panic(Aborted::panicked(panic), at));
}

/// The last resort: a panic of who is told of a panic goes nowhere.
fn silenced(f: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(f)) {
        // What was thrown may panic in its destructor, and what that throws is not looked at any more.
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(panic)));
        mem::forget(dropped);
    }
}
