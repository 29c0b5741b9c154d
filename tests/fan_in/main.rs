//! Many deferreds into one, by each of the rules.
//!
//! What needs no second thread is in `behaviours`, and runs on deferreds that stay on their thread as well (`local.rs`).

#[path = "../behaviours/fan_in/mod.rs"]
mod fan_in;
#[path = "../behaviours/flavour.rs"]
mod flavours;
mod threads;

#[path = "../tools/mod.rs"]
mod tools;

use flavours::sendable as flavour;
