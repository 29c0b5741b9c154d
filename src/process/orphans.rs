//! Children whose loop has shut down before their end, and whose handles are gone.

use std::{
    process::Child,
    sync::{Mutex, PoisonError},
};

static ORPHANS: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// Takes a child over. It has no pipes any more.
pub(super) fn adopt(child: Child) {
    edit(|orphans| orphans.push(child));
    reap();
}

/// Reaps those that have ended. Costs a system call for each, and a lock where there are none.
pub(super) fn reap() {
    // One that cannot be waited for has been reaped by somebody else.
    edit(|orphans| orphans.retain_mut(|child| matches!(child.try_wait(), Ok(None))));
}

fn edit(f: impl FnOnce(&mut Vec<Child>)) {
    // Nothing of the user's runs under it.
    f(&mut ORPHANS.lock().unwrap_or_else(PoisonError::into_inner));
}
