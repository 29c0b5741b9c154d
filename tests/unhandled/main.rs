//! Failures that nobody handles: when they are reported, how often, and what is told about them.
//!
//! The hook and the trace are those of the process, so this is a process of its own, and its tests run one at a time.

mod places;
mod text;
mod when;

#[path = "../tools/mod.rs"]
mod tools;

use std::sync::{Mutex, MutexGuard, PoisonError};

use interloop::{Completer, Deferred, unhandled};
use tools::reports::{Report, reports};

static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is reported while `f` runs, with the trace off.
fn told(f: impl FnOnce()) -> Vec<Report> {
    let _turn = turn();
    reports(f)
}

/// What is reported while `f` runs, with the trace on.
fn traced(f: impl FnOnce()) -> Vec<Report> {
    let _turn = turn();
    unhandled::trace(true);
    let reports = reports(f);
    unhandled::trace(false);
    reports
}

/// The failures alone.
fn errors(f: impl FnOnce()) -> Vec<String> {
    told(f).into_iter().map(|report| report.error).collect()
}

fn pair() -> (Completer<u32, String>, Deferred<u32, String>) {
    Deferred::pair()
}

fn no() -> String {
    "no".to_owned()
}
