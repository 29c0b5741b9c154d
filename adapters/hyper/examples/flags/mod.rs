//! What the servers' command lines have in common.

#[path = "../../../../examples/on_loop/mod.rs"]
pub(crate) mod on_loop;

use on_loop::Number;

pub(crate) const PORT: Number = Number {
    flag: "--port",
    what_for: "where it listens, or 0 for any port that is free",
    range: 0..=65535,
    default: 0,
};

pub(crate) const REQUESTS: Number = Number {
    flag: "--requests",
    what_for: "how often it asks itself before it ends, or 0 to serve until it is stopped",
    range: 0..=1_000_000,
    default: 0,
};
