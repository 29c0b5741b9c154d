//! Completing deferreds through `void *` and integers, without C: it is played by this thread, so Miri can run these. What a
//! real C library does to them is in `tests/manners`.

#![allow(unsafe_code)]

mod memory;
mod once;
mod shapes;
mod shared;
mod tokens;

use std::{ffi::c_int, sync::Arc};

use interloop::{Aborted, Deferred, callback::Convention};

/// The deferred that most of these are about. What it gives is counted.
type Counted = Deferred<Arc<c_int>, Aborted>;

/// A status of 0 or more is the value, which is also kept by who asks.
enum Counting {}

impl Convention<c_int> for Counting {
    type Ok = Arc<c_int>;
    type Err = Aborted;

    unsafe fn result(status: c_int) -> Result<Arc<c_int>, Aborted> {
        match status {
            0.. => Ok(Arc::new(status)),
            -1 => Err(Aborted::timed_out()),
            _ => panic!("no status of ours: {status}"),
        }
    }
}
