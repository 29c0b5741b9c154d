//! Work that goes on: [`LoopingCall`] runs a function again and again, and a [`Cooperator`] lets long
//! iterations share the loop.
//!
//! Both are built on any [`Reactor`](crate::Reactor), and run on its loop by themselves once they are
//! started; the handles on them may be dropped. On a [`Clock`](crate::Clock) they run when a test says so.

mod alarm;
mod cooperator;
mod failure;
mod looping_call;
mod runs;
mod steps;
mod task;
mod turns;

pub use self::{
    cooperator::{Budget, Cooperator},
    failure::{TaskError, TaskFailure},
    looping_call::{AlreadyRunning, LoopingCall, NotRunning},
    task::{CooperativeTask, Step},
};
