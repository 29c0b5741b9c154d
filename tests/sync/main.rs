//! Locks, semaphores and queues.
//!
//! What needs no second thread is in `behaviours`, and runs on deferreds that stay on their thread as well (`local.rs`).

#[path = "../behaviours/flavour.rs"]
mod flavours;
#[path = "../behaviours/sync/mod.rs"]
mod sync;
mod threads;

#[path = "../tools/mod.rs"]
mod tools;

use flavours::sendable as flavour;
