//! Results that are not there yet.
//!
//! A [`Deferred`] is a chain of callbacks that run as soon as its result arrives, and a future of
//! that result; a [`Completer`] is its other half. Nothing here knows of event loops.

mod cell;
pub(crate) mod coroutine;
pub mod fan_in;
mod flavour;
pub(crate) mod local;
mod sendable;
pub(crate) mod shared;
pub mod sync;
mod task;
pub mod unhandled;

pub(crate) use self::{cell::chain::hold_back, task::Surroundings};
pub use self::{
    sendable::{CancelHandle, CancelOnDrop, Cancellation, Completer, Deferred, IntoOutcome, Outcome, Pause},
    shared::sendable::Shared,
    task::Task,
};

/// How far a chain has come. See [`Deferred::state`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has not fired.
    Pending,
    /// It has fired, and waits for a deferred that a callback returned.
    Waiting,
    /// It has fired, and waits for nothing. The result is there, unless callbacks are just running or it is paused.
    Fired,
}
