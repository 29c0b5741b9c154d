//! Deferreds and event loops: limits in time, and going on elsewhere. On smol and on tokio's current-thread runtime.
//!
//! What needs no second thread is in `behaviours`, and runs on deferreds that stay on their thread as well (`local.rs`).

#[path = "../behaviours/flavour.rs"]
mod flavours;
#[path = "../behaviours/limits.rs"]
mod limits;
#[path = "../behaviours/loops/sendable.rs"]
mod loops;
#[path = "../behaviours/via.rs"]
mod via;

use std::thread;

use flavours::sendable as flavour;
use interloop::Deferred;
use loops::on_each_loop;

#[test]
fn callbacks_run_on_the_loop_whoever_fires() {
    on_each_loop(async |reactor, tasks| {
        let (completer, deferred) = Deferred::<u32>::pair();
        let before = deferred.map_ok(|_| thread::current().id());
        let after = before.via(&reactor).map_ok(|before| (before, thread::current().id()));
        let firing = thread::spawn(move || {
            completer.complete(1);
            thread::current().id()
        });
        let firing = firing.join().unwrap();
        assert!(!after.is_settled());
        assert_eq!(after.await.unwrap(), (firing, thread::current().id()));
        tasks.are_gone().await;
    });
}
