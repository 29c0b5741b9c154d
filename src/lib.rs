#![doc = "placeholder"]

mod aborted;
pub mod deferred;
pub mod net;
mod reactor;

pub use crate::{
    aborted::Aborted,
    deferred::{Completer, Deferred, IntoOutcome, Outcome, Task, unhandled},
    reactor::{
        Entered, EventLoop, Interest, Job, NoReactor, Operation, Reactor, Readiness, Source, Timer, source, time,
    },
};
