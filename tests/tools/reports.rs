//! The failures that are reported as unhandled, of each thread for itself.

use std::{
    cell::RefCell,
    sync::{Arc, Once},
};

use interloop::{
    Aborted,
    unhandled::{self, Unhandled},
};

thread_local! {
    static REPORTS: RefCell<Vec<Report>> = const { RefCell::new(Vec::new()) };
}

/// What was told of a failure, places as `line` of the file that they are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// A `String` as it is, an `Aborted` by its text, else the type that it has.
    pub(crate) error: String,
    pub(crate) made_at: (&'static str, u32),
    pub(crate) failed_at: (&'static str, u32),
    pub(crate) passed: Vec<(&'static str, u32)>,
    pub(crate) text: String,
}

fn collect(failure: &Unhandled<'_>) {
    let error = if let Some(error) = failure.error().downcast_ref::<String>() {
        error.clone()
    } else if let Some(error) = failure.error().downcast_ref::<Aborted>() {
        error.to_string()
    } else {
        "of another type".to_owned()
    };
    let report = Report {
        error,
        made_at: (failure.made_at().file(), failure.made_at().line()),
        failed_at: (failure.failed_at().file(), failure.failed_at().line()),
        passed: failure
            .passed()
            .iter()
            .map(|place| (place.file(), place.line()))
            .collect(),
        text: failure.to_string(),
    };
    REPORTS.with_borrow_mut(|reports| reports.push(report));
}

/// Sets the hook of the process, which stays.
pub(crate) fn set_hook() {
    unhandled::set_hook(Some(Arc::new(collect)));
}

/// What is reported on this thread while `f` runs.
pub(crate) fn reports(f: impl FnOnce()) -> Vec<Report> {
    static HOOK: Once = Once::new();
    HOOK.call_once(set_hook);
    let before = REPORTS.take();
    f();
    REPORTS.replace(before)
}

/// As [`reports`], the failures only.
pub(crate) fn reported(f: impl FnOnce()) -> Vec<String> {
    reports(f).into_iter().map(|report| report.error).collect()
}
