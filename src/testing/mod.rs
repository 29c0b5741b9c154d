//! Tests on any loop: what `#[interloop::test]` is built on (with the feature `macros`), to be used by hand as well.
//!
//! A [`Test`] runs an async function on a loop, in limited time, and fails if it leaves a mess behind: failures that
//! nobody handled, and tasks that are still alive.
//!
//! ```
//! use std::time::Duration;
//! use interloop::{Aborted, testing::Test};
//!
//! let test = Test::new("an_answer_comes", "clock");
//! test.run(
//!     |main| interloop::clock::block_on(|reactor| main.run(reactor)),
//!     async |reactor| {
//!         let task = reactor.spawn(reactor.sleep(Duration::from_secs(3600)));
//!         assert!(task.await.is_ok());
//!     },
//! );
//! ```
//!
//! On its own, a [`Watch`] tells what a piece of code leaves behind, whatever runs it.

mod findings;
mod run;

pub use self::run::{Main, Test};
pub use crate::reactor::Watch;
