//! Thousands of connections at once, and one after the other, on every loop: nothing is left of them. In a binary of its own, whose
//! tests run one at a time, as the descriptors and the memory of the whole process are looked at.
//!
//! How many they are is said by `INTERLOOP_HARDSHIP_IDLE` and `INTERLOOP_HARDSHIP_SEQUENTIAL`; `ci/hardship.sh` sets these.

#![cfg(target_os = "linux")]

mod idle;
#[path = "../tools/loops.rs"]
mod loops;
mod sequential;
mod system;

use loops::Loop;

macro_rules! hardship {
    ($($name:ident: $on:ident)*) => {
        $(
            mod $name {
                use super::{Loop, idle, sequential};

                #[test]
                fn idle_connections_wake_when_they_are_used() {
                    idle::check(Loop::$on, concat!(stringify!($name), "::idle_connections_wake_when_they_are_used"));
                }

                #[test]
                fn connections_one_after_the_other_leave_nothing() {
                    sequential::check(Loop::$on);
                }
            }
        )*
    };
}

hardship! {
    tokio: Tokio
    tokio_current_thread: TokioCurrentThread
    smol: Smol
    async_std: AsyncStd
    futures_thread_pool: ThreadPool
    futures_local_pool: LocalPool
}
