//! Callbacks, and chains that wait: what needs no second thread.
//!
//! The tests are in `behaviours`, and run on deferreds that stay on their thread as well (`local.rs`).

#[path = "behaviours/callbacks.rs"]
mod callbacks;
#[path = "behaviours/flavour.rs"]
mod flavours;
#[path = "behaviours/waiting.rs"]
mod waiting;

mod tools;

use flavours::sendable as flavour;
