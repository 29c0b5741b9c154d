//! What stays on its thread: deferreds, tasks and callbacks that own `Rc`s, or objects of a GUI.
//!
//! The names and the rules are those of the rest of this crate, on whose machinery these stand, without the bounds
//! of `Send`.
//!
//! ```
//! use std::{cell::RefCell, rc::Rc};
//! use interloop::{Aborted, local::Deferred};
//!
//! let lines = Rc::new(RefCell::new(Vec::new()));
//! let (completer, deferred) = Deferred::<&str, Aborted>::pair();
//! deferred.map_ok({
//!     let lines = lines.clone();
//!     move |line| lines.borrow_mut().push(line)
//! })
//! .detach();
//! completer.complete("hello");
//! assert_eq!(*lines.borrow(), ["hello"]);
//! ```
//!
//! A [`Reactor`] runs tasks and callbacks on the thread that drives it. Adapters make it: `interloop_tokio::from_local_set`,
//! `interloop_smol::from_local_executor`, `interloop_futures::local_from_spawner`.
//!
//! Here, too, many deferreds go into [one](fan_in), one is [shared](Deferred::shared) among several consumers, and [locks and
//! queues](sync) have those who wait for them. None of it can leave the thread:
//!
//! ```compile_fail,E0277
//! fn leaves<T: Send>(_: T) {}
//! leaves(interloop::local::Deferred::<u8>::ready(1));
//! ```
//!
//! What another thread completes, and what is handed to other threads, belongs in a [`crate::Deferred`], which can be awaited
//! here, too; other threads reach this one through the [`crate::Reactor`] of [`Reactor::handle`].

pub use crate::{
    deferred::{
        fan_in::local::{all, gather, join, race},
        local::{CancelHandle, CancelOnDrop, Cancellation, Completer, Deferred, IntoOutcome, Outcome, Pause, Task},
        shared::local::Shared,
    },
    reactor::local::{DelayedCall, EventLoop, Reactor},
};

/// Many deferreds of this thread into one. As [`crate::fan_in`].
///
/// ```
/// use std::rc::Rc;
/// use interloop::local::{Deferred, fan_in::FanIn};
///
/// let mirrors = [Deferred::<Rc<str>, String>::failed("no route".to_owned()), Deferred::ready("second".into())];
/// let fastest = FanIn::new(mirrors).first_success();
/// assert_eq!(fastest.try_take().unwrap().unwrap(), (1, "second".into()));
/// ```
pub mod fan_in {
    pub use crate::{
        deferred::fan_in::local::{FanIn, Tuple, all, gather, join, race},
        fan_in::{FailureGroup, FirstError},
    };
}

/// Locks, semaphores and queues of this thread, whose waiting is a deferred. As [`crate::sync`].
///
/// ```
/// use std::rc::Rc;
/// use interloop::local::sync::Queue;
///
/// let jobs = Queue::new(None, None);
/// let waiting = jobs.get().unwrap();
/// jobs.put(Rc::new("first")).unwrap();
/// assert_eq!(*waiting.try_take().unwrap().unwrap(), "first");
/// ```
pub mod sync {
    pub use crate::{
        deferred::sync::local::{Lock, Permit, Queue, Semaphore},
        sync::{QueueOverflow, QueueUnderflow},
    };
}

/// None of these compiles, as the types stay on their thread.
///
/// ```compile_fail,E0277
/// fn leaves<T: Send>(_: T) {}
/// leaves(interloop::local::gather([interloop::local::Deferred::<u8>::ready(1)]));
/// ```
///
/// ```compile_fail,E0277
/// fn leaves<T: Send>(_: T) {}
/// leaves(interloop::local::fan_in::FanIn::new([interloop::local::Deferred::<u8>::ready(1)]));
/// ```
///
/// ```compile_fail,E0277
/// fn leaves<T: Send>(_: T) {}
/// leaves(interloop::local::Deferred::<u8>::ready(1).shared());
/// ```
///
/// ```compile_fail,E0277
/// fn is_used_by_threads<T: Sync>(_: T) {}
/// is_used_by_threads(interloop::local::Deferred::<u8>::ready(1).shared());
/// ```
///
/// ```compile_fail,E0277
/// fn leaves<T: Send>(_: T) {}
/// leaves(interloop::local::sync::Lock::new());
/// ```
///
/// ```compile_fail,E0277
/// fn is_used_by_threads<T: Sync>(_: T) {}
/// is_used_by_threads(interloop::local::sync::Lock::new());
/// ```
///
/// ```compile_fail,E0277
/// fn leaves<T: Send>(_: T) {}
/// leaves(interloop::local::sync::Lock::new().acquire().try_take().unwrap().unwrap());
/// ```
///
/// ```compile_fail,E0277
/// fn leaves<T: Send>(_: T) {}
/// leaves(interloop::local::sync::Queue::<u8>::new(None, None));
/// ```
///
/// ```compile_fail,E0277
/// fn leaves<T: Send>(_: T) {}
/// leaves(interloop::local::Deferred::<u8>::from_coroutine(async { Ok(1) }));
/// ```
#[cfg(doctest)]
mod stays_on_its_thread {}
