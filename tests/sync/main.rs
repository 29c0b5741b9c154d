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

use interloop::{Aborted, Deferred, sync::Lock};

#[test]
fn a_coroutine_holds_the_lock_as_long_as_its_permit_lives() {
    let lock = Lock::new();
    let (completer, outcome) = Deferred::<u32>::pair();
    let own = lock.clone();
    let whole = Deferred::<u32>::from_coroutine(async move {
        let _permit = own.acquire().await?;
        outcome.await
    });
    let next = lock.acquire();
    assert!(!next.is_settled());
    completer.fail(Aborted::timed_out());
    assert!(next.is_settled());
    assert!(whole.try_take().unwrap().unwrap_err().is_timed_out());
}
